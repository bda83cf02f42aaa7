/* SPDX-License-Identifier: MIT
 *
 * fuzz_bytes.c: both ends of a ring of bytes, of records or a stream, plain or mirrored, and a peer
 * that writes into its memory. The first byte of the input chooses the ring.
 */
#include "fuzz.h"

#include <thetis/bytes_end.h>

enum { MOST = 2 * FUZZ_PAGE, RINGS = 4 };

static const thetis_bytes_cfg cfgs[RINGS] = {
    {256, THETIS_BYTES_RECORD_MAX(256), 0},
    {256, 0, 0},
    {FUZZ_PAGE, THETIS_BYTES_RECORD_MAX_MIRRORED(FUZZ_PAGE), FUZZ_PAGE},
    {FUZZ_PAGE, 0, FUZZ_PAGE},
};
static fuzz_memory memories[RINGS];
static const fuzz_memory *memory; /* these two of this input */
static const thetis_bytes_cfg *cfg;
static thetis_bytes_end in, out;
static bool in_is_open, out_is_open; /* attached */
static bool shown;                   /* the consumer may release */
static unsigned char data[MOST];

static void attach(fuzz_input *script)
{
    bool first = fuzz_byte(script) % 2;
    thetis_shm_role role = first ? THETIS_SHM_PRODUCER : THETIS_SHM_CONSUMER;
    thetis_status s =
        thetis_bytes_attach(memory->at, memory->size, cfg, role, first ? &in : &out);
    FUZZ_CHECK(s == THETIS_OK || s == THETIS_ECORRUPT || s == THETIS_ENOTSUP);
    if (s != THETIS_OK) return;
    if (!first) shown = false;
    *(first ? &in_is_open : &out_is_open) = true;
}

static void start(unsigned which)
{
    thetis_bytes *ring;
    cfg = &cfgs[which];
    memory = &memories[which];
    memset(memory->at, 0, memory->size);
    FUZZ_CHECK(thetis_bytes_init(memory->at, memory->size, cfg, &ring) == THETIS_OK);
    in_is_open = out_is_open = shown = false;
}

static size_t length(fuzz_input *script)
{
    size_t n = fuzz_byte(script);
    return cfg->mirror_at ? n * 33 : n;
}

/* ---- records --------------------------------------------------------------------------------- */

static void produce(fuzz_input *script)
{
    const unsigned allowed = FUZZ_OK | FUZZ_FULL | FUZZ_CLOSED | FUZZ_E2BIG | FUZZ_ECORRUPT;
    size_t n = length(script);
    bool open = in.bytes_.side_.open_ != 0;
    thetis_status s = THETIS_OK;
    void *record;
    switch (fuzz_byte(script) % 8) {
    case 0:
    case 1:
        if (!open) s = thetis_bytes_end_push(&in, data, n);
        break;
    case 2:
    case 3:
    case 4:
        s = thetis_bytes_end_reserve(&in, n, &record);
        if (s == THETIS_OK) fuzz_touch(memory, record, n);
        break;
    case 5:
        if (open) s = thetis_bytes_end_commit(&in, n);
        break;
    case 6:
        if (open) s = thetis_bytes_end_abort(&in);
        break;
    default:
        if (n == 0) thetis_bytes_end_close(&in);
    }
    fuzz_status(s, allowed);
    FUZZ_CHECK(in.bytes_.side_.open_ <= 2 * cfg->capacity);
}

static void consume(fuzz_input *script)
{
    const unsigned allowed = FUZZ_OK | FUZZ_EMPTY | FUZZ_CLOSED | FUZZ_E2BIG | FUZZ_ECORRUPT;
    size_t n = length(script), size = 0;
    thetis_status s = THETIS_OK;
    void *record;
    switch (fuzz_byte(script) % 8) {
    case 0:
    case 1:
        s = thetis_bytes_end_pop(&out, data, n < MOST ? n : MOST, &size);
        shown = shown && s != THETIS_OK;
        if (s == THETIS_E2BIG) shown = true;
        break;
    case 2:
    case 3:
    case 4:
        s = thetis_bytes_end_peek(&out, &record, &size);
        if (s == THETIS_OK) fuzz_touch(memory, record, size);
        shown = shown || s == THETIS_OK;
        break;
    case 5:
    case 6:
        if (shown) thetis_bytes_end_release(&out);
        shown = false;
        break;
    default:
        if (n == 0) thetis_bytes_end_cancel(&out), shown = false;
    }
    fuzz_status(s, allowed);
    FUZZ_CHECK(size <= cfg->max_record);
}

/* ---- a stream -------------------------------------------------------------------------------- */

static void touch(const thetis_bytes_span *span, size_t n)
{
    FUZZ_CHECK(n <= cfg->capacity && span->run[0].n + span->run[1].n == n);
    fuzz_touch(memory, span->run[0].at, span->run[0].n);
    fuzz_touch(memory, span->run[1].at, span->run[1].n);
}

static void produce_n(fuzz_input *script)
{
    size_t n = length(script), open = in.bytes_.side_.open_ / 2;
    thetis_status why = THETIS_OK;
    thetis_bytes_span span;
    switch (fuzz_byte(script) % 8) {
    case 0:
    case 1:
        if (open == 0) FUZZ_CHECK(thetis_bytes_end_push_n(&in, data, n, &why) <= cfg->capacity);
        break;
    case 2:
    case 3: touch(&span, thetis_bytes_end_reserve_n(&in, n, &span, &why)); break;
    case 4:
    case 5: thetis_bytes_end_commit_n(&in, n < open ? n : open); break;
    case 6: thetis_bytes_end_abort_n(&in, n < open ? n : open); break;
    default:
        if (n == 0) thetis_bytes_end_close(&in);
    }
    fuzz_status(why, FUZZ_OK | FUZZ_FULL | FUZZ_CLOSED | FUZZ_ECORRUPT);
    FUZZ_CHECK(in.bytes_.side_.open_ <= 2 * cfg->capacity);
}

static void consume_n(fuzz_input *script)
{
    size_t n = length(script), got;
    thetis_status why = THETIS_OK;
    thetis_bytes_span span;
    switch (fuzz_byte(script) % 4) {
    case 0: FUZZ_CHECK(thetis_bytes_end_pop_n(&out, data, n, &why) <= cfg->capacity); break;
    case 1:
    case 2:
        got = thetis_bytes_end_peek_n(&out, n, &span, &why);
        touch(&span, got);
        thetis_bytes_end_release_n(&out, got / 2);
        break;
    default:
        if (n == 0) thetis_bytes_end_cancel(&out);
    }
    fuzz_status(why, FUZZ_OK | FUZZ_EMPTY | FUZZ_CLOSED | FUZZ_ECORRUPT);
}

/* ---- the script ------------------------------------------------------------------------------ */

/* Where an end reads a header next, or the counter of the other. */
static unsigned char *near_header(fuzz_input *script)
{
    thetis_bytes *ring = (void *)memory->at;
    thetis_atomic *head = &ring->spsc_.consumer_.at_, *tail = &ring->spsc_.producer_.at_;
    unsigned which = fuzz_byte(script) % 8;
    unsigned char *bytes = memory->at + (cfg->mirror_at ? cfg->mirror_at : sizeof *ring);
    if (which < 2) return (unsigned char *)(which ? head : tail);
    uintptr_t at = thetis_atomic_load_relaxed(which < 5 ? head : tail);
    if (which == 7 && in_is_open) at = in.side_.own_;
    return bytes + ((at >> 1) & (cfg->capacity - 1) & ~(uintptr_t)7);
}

static void act(fuzz_input *script)
{
    unsigned op = fuzz_byte(script) % 8;
    if (op < 1) attach(script);
    else if (op < 3) fuzz_corrupt(script, memory, near_header(script));
    else if (op < 6 && in_is_open) cfg->max_record ? produce(script) : produce_n(script);
    else if (op >= 6 && out_is_open) cfg->max_record ? consume(script) : consume_n(script);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input script = {bytes, bytes + size};
    for (unsigned k = 0; k < RINGS && !memories[RINGS - 1].at; k++)
        memories[k] = fuzz_memory_of(thetis_bytes_size(&cfgs[k]),
                                     cfgs[k].mirror_at ? cfgs[k].capacity : 0);
    start(fuzz_byte(&script) % RINGS);
    while (fuzz_more(&script)) act(&script);
    return 0;
}
