/* SPDX-License-Identifier: MIT
 *
 * fuzz_spsc.c: both ends of a ring of elements, and a peer that writes into its memory.
 */
#include "fuzz.h"

#include <thetis/spsc_end.h>

enum { CAPACITY = 16, ELEM = 24, MOST = 2 * CAPACITY };

static const thetis_spsc_cfg cfg = {ELEM, CAPACITY};
static fuzz_memory memory;
static thetis_spsc_end in, out;
static bool in_is_open, out_is_open; /* attached */
static unsigned char items[MOST * ELEM];

static void attach(fuzz_input *script)
{
    bool first = fuzz_byte(script) % 2;
    thetis_spsc_end *end = first ? &in : &out;
    thetis_status s = thetis_spsc_attach(memory.at, memory.size, &cfg,
                                         first ? THETIS_SHM_PRODUCER : THETIS_SHM_CONSUMER, end);
    FUZZ_CHECK(s == THETIS_OK || s == THETIS_ECORRUPT || s == THETIS_ENOTSUP);
    if (s == THETIS_OK) *(first ? &in_is_open : &out_is_open) = true;
}

/* What an end reads of the peer. */
static unsigned char *near_counter(fuzz_input *script)
{
    thetis_spsc *ring = (void *)memory.at;
    void *counter = fuzz_byte(script) % 2 ? &ring->producer_.at_ : &ring->consumer_.at_;
    return counter;
}

static void start(void)
{
    thetis_spsc *ring;
    memset(memory.at, 0, memory.size);
    FUZZ_CHECK(thetis_spsc_init(memory.at, memory.size, &cfg, &ring) == THETIS_OK);
    in_is_open = out_is_open = false;
}

static void touch(const thetis_spsc_span *span, size_t n)
{
    FUZZ_CHECK(n <= CAPACITY && span->n[0] + span->n[1] == n);
    fuzz_touch(&memory, span->at[0], span->n[0] * ELEM);
    fuzz_touch(&memory, span->at[1], span->n[1] * ELEM);
}

static void produce(fuzz_input *script)
{
    const unsigned allowed = FUZZ_OK | FUZZ_FULL | FUZZ_CLOSED | FUZZ_ECORRUPT;
    size_t n = fuzz_byte(script) % MOST, open = in.side_.open_ / 2;
    thetis_status why = THETIS_OK;
    thetis_spsc_span span;
    switch (fuzz_byte(script) % 8) {
    case 0:
    case 1:
        if (open == 0) why = thetis_spsc_end_push(&in, items);
        break;
    case 2:
        if (open == 0) FUZZ_CHECK(thetis_spsc_end_push_n(&in, items, n, &why) <= CAPACITY);
        break;
    case 3:
    case 4: touch(&span, thetis_spsc_end_reserve(&in, n, &span, &why)); break;
    case 5: thetis_spsc_end_commit(&in, n < open ? n : open); break;
    case 6: thetis_spsc_end_abort(&in, n < open ? n : open); break;
    default:
        if (n == 0) thetis_spsc_end_close(&in);
    }
    fuzz_status(why, allowed);
    FUZZ_CHECK(in.side_.open_ <= 2 * CAPACITY);
}

static void consume(fuzz_input *script)
{
    const unsigned allowed = FUZZ_OK | FUZZ_EMPTY | FUZZ_CLOSED | FUZZ_ECORRUPT;
    size_t n = fuzz_byte(script) % MOST, shown;
    thetis_status why = THETIS_OK;
    thetis_spsc_span span;
    switch (fuzz_byte(script) % 8) {
    case 0:
    case 1: why = thetis_spsc_end_pop(&out, items); break;
    case 2: FUZZ_CHECK(thetis_spsc_end_pop_n(&out, items, n, &why) <= CAPACITY); break;
    case 3:
    case 4:
    case 5:
        shown = thetis_spsc_end_peek(&out, n, &span, &why);
        touch(&span, shown);
        thetis_spsc_end_release(&out, shown / 2);
        break;
    default:
        if (n == 0) thetis_spsc_end_cancel(&out);
    }
    fuzz_status(why, allowed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input script = {data, data + size};
    if (!memory.at) memory = fuzz_memory_of(thetis_spsc_size(&cfg), 0);
    start();
    while (fuzz_more(&script)) {
        unsigned op = fuzz_byte(&script) % 8;
        if (op < 1) attach(&script);
        else if (op < 3) fuzz_corrupt(&script, &memory, near_counter(&script));
        else if (op < 6 && in_is_open) produce(&script);
        else if (op >= 6 && out_is_open) consume(&script);
    }
    return 0;
}
