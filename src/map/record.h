/* SPDX-License-Identifier: MIT
 *
 * record.h: records of bytes, in blocks of some classes of sizes.
 *
 * A record: a word of fields, its version, the key's words, the value's; the last word of each is
 * filled up with zeros. The version is the stamp of the block (pool.h), which no other record of
 * the class has, and the class. It is kept: a block that is retired, but protected, has no stamp.
 *
 * All words are accessed as those of versions are (cell.h): a reader who comes late may read a
 * block that is used anew. It stays inside the block, since a block has only ever had records that
 * fit, and one load of the fields says where their parts are.
 */
#ifndef THT_RECORD_H
#define THT_RECORD_H

#include <thetis/bmap.h>

#include "../cell/cell.h"

typedef struct tht_record {
    thetis_atomic fields, version;
} tht_record;

/* Blocks of a map: the smallest first. */
typedef struct tht_records {
    tht_cell_size classes[THETIS_BMAP_CLASSES];
    size_t n;
} tht_records;

/* Fields: class, bytes of the key, bytes of the value. */
enum {
    THT_RECORD_KEY = THETIS_CAP_WORD_BITS / 8, /* from which bit on */
    THT_RECORD_VALUE = THETIS_CAP_WORD_BITS / 2
};

static inline uintptr_t tht_record_fields(size_t class, size_t key, size_t value)
{
    return (uintptr_t)class | (uintptr_t)key << THT_RECORD_KEY |
           (uintptr_t)value << THT_RECORD_VALUE;
}

static inline size_t tht_record_class(uintptr_t fields)
{
    return fields & (((uintptr_t)1 << THT_RECORD_KEY) - 1);
}

static inline size_t tht_record_key_len(uintptr_t fields)
{
    return fields >> THT_RECORD_KEY & THETIS_BMAP_KEY_MAX;
}

static inline size_t tht_record_value_len(uintptr_t fields)
{
    return fields >> THT_RECORD_VALUE;
}

/* Words for so many bytes. */
static inline size_t tht_record_words(size_t bytes)
{
    return (bytes + sizeof(thetis_atomic) - 1) / sizeof(thetis_atomic);
}

/* Bytes of a record. */
static inline size_t tht_record_bytes(size_t key, size_t value)
{
    return sizeof(tht_record) +
           (tht_record_words(key) + tht_record_words(value)) * sizeof(thetis_atomic);
}

/* Writes the key alone, into a place that has room for it. */
void tht_record_set_key(tht_record *place, thetis_bmap_bytes key);

/* Whether the keys of two records are the same; whether a record has that key. */
int tht_record_same(const tht_record *a, const tht_record *b);
int tht_record_has(const tht_record *record, thetis_bmap_bytes key);

/* Tells the value, as far as there is room. */
void tht_record_tell(const tht_record *record, thetis_bmap_value *to);

static inline uintptr_t tht_record_version(const tht_record *record)
{
    return tht_cell_read(&record->version);
}

/* A record in a block of the smallest class that is large enough and has one; NULL: none has. */
tht_record *tht_record_take(const tht_records *records, thetis_domain_thread *me,
                            thetis_bmap_bytes key, thetis_bmap_bytes value);

/* Back at once: no version has ever named it. Later: no version names it any more. */
void tht_record_give(const tht_records *records, thetis_domain_thread *me, tht_record *record);
void tht_record_retire(const tht_records *records, thetis_domain_thread *me, tht_record *record);

/* The most steps of an operation on blocks of any class; a take looks at all of them. */
uint64_t tht_record_bound(const tht_records *records, thetis_pool_op op);

#endif
