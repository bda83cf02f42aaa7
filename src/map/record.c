/* SPDX-License-Identifier: MIT
 *
 * record.c: records of bytes.
 */
#include "record.h"

#include <string.h>

/* ---- bytes and words ------------------------------------------------------------------------- */

enum { RECORD_WORD = sizeof(uintptr_t) };

/* The first `len` bytes of a word, the others are 0. */
static uintptr_t record_word(const unsigned char *from, size_t len)
{
    uintptr_t word = 0;
    memcpy(&word, from, len < RECORD_WORD ? len : RECORD_WORD);
    return word;
}

static void record_store(thetis_atomic *to, thetis_bmap_bytes bytes)
{
    const unsigned char *from = bytes.data;
    for (size_t k = 0; k < bytes.len; k += RECORD_WORD)
        tht_cell_write(to++, record_word(from + k, bytes.len - k));
}

static void record_load(unsigned char *to, const thetis_atomic *from, size_t len)
{
    for (size_t k = 0; k < len; k += RECORD_WORD) {
        uintptr_t word = tht_cell_read(from++);
        memcpy(to + k, &word, len - k < RECORD_WORD ? len - k : RECORD_WORD);
    }
}

static thetis_atomic *record_key(const tht_record *record)
{
    return (thetis_atomic *)(record + 1);
}

static thetis_atomic *record_value(const tht_record *record, uintptr_t fields)
{
    return record_key(record) + tht_record_words(tht_record_key_len(fields));
}

/* ---- records --------------------------------------------------------------------------------- */

void tht_record_set_key(tht_record *place, thetis_bmap_bytes key)
{
    tht_cell_write(&place->fields, tht_record_fields(0, key.len, 0));
    record_store(record_key(place), key);
}

static void record_write(tht_record *record, size_t class, thetis_bmap_bytes key,
                         thetis_bmap_bytes value)
{
    uintptr_t fields = tht_record_fields(class, key.len, value.len);
    tht_cell_write(&record->fields, fields);
    tht_cell_write(&record->version, thetis_pool_stamp_(record) | class);
    record_store(record_key(record), key);
    record_store(record_value(record, fields), value);
}

int tht_record_same(const tht_record *a, const tht_record *b)
{
    size_t len = tht_record_key_len(tht_cell_read(&a->fields));
    if (len != tht_record_key_len(tht_cell_read(&b->fields))) return 0;
    const thetis_atomic *x = record_key(a), *y = record_key(b), *end = x + tht_record_words(len);
    while (x < end && tht_cell_read(x) == tht_cell_read(y)) x++, y++;
    return x == end;
}

int tht_record_has(const tht_record *record, thetis_bmap_bytes key)
{
    if (tht_record_key_len(tht_cell_read(&record->fields)) != key.len) return 0;
    const thetis_atomic *word = record_key(record);
    const unsigned char *from = key.data;
    for (size_t k = 0; k < key.len; k += RECORD_WORD)
        if (tht_cell_read(word++) != record_word(from + k, key.len - k)) return 0;
    return 1;
}

void tht_record_tell(const tht_record *record, thetis_bmap_value *to)
{
    uintptr_t fields = tht_cell_read(&record->fields);
    to->len = tht_record_value_len(fields);
    to->version = tht_record_version(record);
    record_load(to->data, record_value(record, fields), to->len < to->room ? to->len : to->room);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

tht_record *tht_record_take(const tht_records *records, thetis_domain_thread *me,
                            thetis_bmap_bytes key, thetis_bmap_bytes value)
{
    size_t bytes = tht_record_bytes(key.len, value.len), k = 0;
    void *block = NULL;
    while (k < records->n && records->classes[k].bytes < bytes) k++;
    for (; k < records->n; k++) {
        if (thetis_pool_take(records->classes[k].pool, me, &block) != THETIS_OK) continue;
        record_write(block, k, key, value);
        break;
    }
    return block;
}

static thetis_pool *record_pool(const tht_records *records, const tht_record *record)
{
    return records->classes[tht_record_class(tht_cell_read(&record->fields))].pool;
}

void tht_record_give(const tht_records *records, thetis_domain_thread *me, tht_record *record)
{
    thetis_pool_give(record_pool(records, record), me, record);
}

void tht_record_retire(const tht_records *records, thetis_domain_thread *me, tht_record *record)
{
    thetis_pool_retire(record_pool(records, record), me, record);
}

uint64_t tht_record_bound(const tht_records *records, thetis_pool_op op)
{
    uint64_t most = 0;
    for (size_t k = 0; k < records->n; k++) {
        uint64_t steps = thetis_pool_bound(records->classes[k].pool, op, 1);
        if (steps > most) most = steps;
    }
    return op == THETIS_POOL_TAKE ? most + 2 * (records->n - 1) : most + 1;
}
