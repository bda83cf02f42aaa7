/* SPDX-License-Identifier: MIT
 *
 * fuzz_bcast.c: a producer and two readers of a broadcast ring in each mode, and a peer that writes
 * into its memory. The first byte of the input chooses the mode.
 */
#include "fuzz.h"

#include <thetis/bcast.h>

enum { CAPACITY = 8, ELEM = 12, READERS = 3, MODES = 3, MOST = 2 * CAPACITY, JOINED = 2 };

static const thetis_bcast_cfg cfgs[MODES] = {
    {ELEM, CAPACITY, READERS, THETIS_BCAST_REFUSE},
    {ELEM, CAPACITY, READERS, THETIS_BCAST_EVICT},
    {ELEM, CAPACITY, 0, THETIS_BCAST_LOSSY},
};
static fuzz_memory memories[MODES];
static const fuzz_memory *memory; /* these two of this input */
static const thetis_bcast_cfg *cfg;
static thetis_bcast in, out;
static bool in_is_open, out_is_open; /* attached */
static thetis_bcast_reader readers[JOINED];
static unsigned char items[MOST * ELEM];

static void attach(fuzz_input *script)
{
    bool first = fuzz_byte(script) % 2;
    thetis_shm_role role = first ? THETIS_SHM_PRODUCER : THETIS_SHM_CONSUMER;
    thetis_bcast got;
    thetis_status s = thetis_bcast_attach(memory->at, memory->size, cfg, role, &got);
    FUZZ_CHECK(s == THETIS_OK || s == THETIS_ECORRUPT || s == THETIS_ENOTSUP);
    if (s != THETIS_OK || (!first && out_is_open)) return; /* readers keep what they joined */
    s = thetis_bcast_attach(memory->at, memory->size, cfg, role, first ? &in : &out);
    FUZZ_CHECK(s == THETIS_OK);
    *(first ? &in_is_open : &out_is_open) = true;
}

static void start(unsigned mode)
{
    thetis_bcast *ring;
    cfg = &cfgs[mode];
    memory = &memories[mode];
    memset(memory->at, 0, memory->size);
    memset(readers, 0, sizeof readers);
    FUZZ_CHECK(thetis_bcast_init(memory->at, memory->size, cfg, &ring) == THETIS_OK);
    in_is_open = out_is_open = false;
}

static void produce(fuzz_input *script)
{
    size_t n = fuzz_byte(script) % MOST;
    thetis_status why = THETIS_OK;
    switch (fuzz_byte(script) % 8) {
    case 0:
        if (n == 0) thetis_bcast_close(&in);
        break;
    case 1:
        why = thetis_bcast_check(&in);
        break;
    case 2:
    case 3: why = thetis_bcast_push(&in, items); break;
    default: FUZZ_CHECK(thetis_bcast_push_n(&in, items, n, &why) <= CAPACITY);
    }
    fuzz_status(why, FUZZ_OK | FUZZ_FULL | FUZZ_CLOSED | FUZZ_ECORRUPT);
}

static void visit(thetis_bcast_reader *reader)
{
    if (reader->of_) {
        thetis_bcast_leave(reader);
    } else {
        thetis_status s = thetis_bcast_join(&out, reader);
        FUZZ_CHECK(s == THETIS_OK || s == THETIS_ENOSLOT || s == THETIS_ECORRUPT);
        if (s != THETIS_OK) reader->of_ = NULL;
    }
}

static void consume(fuzz_input *script)
{
    thetis_bcast_reader *reader = &readers[fuzz_byte(script) % JOINED];
    size_t n = fuzz_byte(script) % MOST;
    thetis_status why = THETIS_OK;
    if (fuzz_byte(script) % 4 == 0) visit(reader);
    if (reader->of_) FUZZ_CHECK(thetis_bcast_pop_n(reader, items, n, &why) <= CAPACITY);
    fuzz_status(why, FUZZ_OK | FUZZ_EMPTY | FUZZ_CLOSED | FUZZ_LOST | FUZZ_ECORRUPT);
}

/* A counter, a cursor, or a word of the table of places. */
static unsigned char *near_word(fuzz_input *script)
{
    thetis_bcast *ring = (void *)memory->at;
    unsigned which = fuzz_byte(script) % 8;
    if (which == 0) return (unsigned char *)&ring->shown_.begun_;
    if (which < 4 || cfg->readers == 0) return (unsigned char *)&ring->shown_.tail_;
    if (which == 4) return memory->at + memory->size - THETIS_THREAD_SIZE(READERS);
    return (unsigned char *)(ring + 1) + which % READERS * sizeof(thetis_bcast_cursor_);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input script = {bytes, bytes + size};
    for (unsigned k = 0; k < MODES && !memories[MODES - 1].at; k++)
        memories[k] = fuzz_memory_of(
            (thetis_bcast_size(&cfgs[k]) + THETIS_CACHE_LINE - 1) & ~(size_t)127, 0);
    start(fuzz_byte(&script) % MODES);
    while (fuzz_more(&script)) {
        unsigned op = fuzz_byte(&script) % 8;
        if (op < 1) attach(&script);
        else if (op < 3) fuzz_corrupt(&script, memory, near_word(&script));
        else if (op < 5 && in_is_open) produce(&script);
        else if (op >= 5 && out_is_open) consume(&script);
    }
    return 0;
}
