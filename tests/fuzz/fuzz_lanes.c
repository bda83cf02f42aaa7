/* SPDX-License-Identifier: MIT
 *
 * fuzz_lanes.c: two producers and the consumer of lanes, and a peer that writes into their memory.
 * What a producer may do to others by its own words alone, as a lane that is broken, is among it.
 */
#include "fuzz.h"

#include <thetis/lanes.h>

enum { LANES = 2, CAPACITY = 128, MOST = 40, ROOM = 255 };

static const thetis_lanes_cfg cfg = {LANES, CAPACITY, MOST};
static fuzz_memory memory;
static char own[THETIS_LANES_CONSUMER_SIZE(LANES)] THETIS_CACHE_ALIGNED;
static thetis_lanes lanes;
static thetis_lanes_consumer *out; /* NULL: not open */
static thetis_lanes_producer in[LANES];
static bool joined[LANES];
static unsigned char data[ROOM];

static void start(void)
{
    memset(memory.at, 0, memory.size);
    FUZZ_CHECK(thetis_lanes_init(memory.at, memory.size, &cfg, &lanes) == THETIS_OK);
    FUZZ_CHECK(thetis_lanes_open(&lanes, own, sizeof own, &out) == THETIS_OK);
    for (unsigned p = 0; p < LANES; p++) {
        FUZZ_CHECK(thetis_lanes_join(&lanes, p + 1, &in[p]) == THETIS_OK);
        joined[p] = true;
    }
}

/* ---- places ---------------------------------------------------------------------------------- */

static void come_and_go(fuzz_input *script)
{
    unsigned p = fuzz_byte(script) % LANES;
    switch (fuzz_byte(script) % 4) {
    case 0:
        if (joined[p] && in[p].end_.bytes_.side_.open_ == 0) {
            thetis_lanes_leave(&in[p]);
            joined[p] = false;
        }
        break;
    case 1:
        if (!joined[p]) joined[p] = thetis_lanes_join(&lanes, p + 1, &in[p]) == THETIS_OK;
        break;
    case 2:
        if (out) (void)!thetis_lanes_expel(out, p);
        break;
    default: {
        thetis_status s = thetis_lanes_attach(memory.at, memory.size, &cfg, &lanes);
        FUZZ_CHECK(s == THETIS_OK || s == THETIS_ECORRUPT || s == THETIS_ENOTSUP);
        if (thetis_lanes_open(&lanes, own, sizeof own, &out) != THETIS_OK) out = NULL;
    }
    }
}

/* ---- records --------------------------------------------------------------------------------- */

static void produce(fuzz_input *script)
{
    const unsigned allowed = FUZZ_OK | FUZZ_FULL | FUZZ_CLOSED | FUZZ_E2BIG | FUZZ_ECORRUPT;
    thetis_lanes_producer *me = &in[fuzz_byte(script) % LANES];
    size_t n = fuzz_byte(script) % (MOST + 2);
    thetis_bytes_run runs[2] = {{data, n}, {data, n / 2}};
    bool open = me->end_.bytes_.side_.open_ != 0;
    thetis_status s = THETIS_OK;
    void *record;
    if (!joined[me - in]) return;
    switch (fuzz_byte(script) % 8) {
    case 0:
    case 1:
        if (!open) s = thetis_lanes_push(me, data, n);
        break;
    case 2:
    case 3:
        s = thetis_lanes_reserve(me, n, &record);
        if (s == THETIS_OK) fuzz_touch(&memory, record, n);
        break;
    case 4:
        if (!open) FUZZ_CHECK(thetis_lanes_push_n(me, runs, 2, &s) <= 2);
        break;
    case 5:
        if (open) s = thetis_lanes_commit(me, n);
        break;
    case 6:
        if (open) s = thetis_lanes_abort(me);
        break;
    default:
        if (n == 0) (void)thetis_lanes_close(&lanes);
    }
    fuzz_status(s, allowed);
    FUZZ_CHECK(me->end_.bytes_.side_.open_ <= 2 * CAPACITY);
}

static void consume(fuzz_input *script)
{
    const unsigned allowed = FUZZ_OK | FUZZ_EMPTY | FUZZ_CLOSED | FUZZ_E2BIG | FUZZ_ECORRUPT;
    size_t n = fuzz_byte(script) % ROOM, size = 0;
    thetis_status s = THETIS_OK;
    void *record;
    switch (fuzz_byte(script) % 8) {
    case 0:
    case 1: s = thetis_lanes_pop(out, data, n, &size); break;
    case 2:
    case 3:
    case 4:
        s = thetis_lanes_peek(out, &record, &size);
        if (s == THETIS_OK) fuzz_touch(&memory, record, size);
        break;
    case 5:
    case 6:
        if (out->shown_ != THETIS_LANES_NONE_) thetis_lanes_release(out);
        break;
    default:
        if (n == 0) (void)thetis_lanes_cancel(out);
    }
    fuzz_status(s, allowed);
    FUZZ_CHECK(size <= MOST);
}

/* ---- the script ------------------------------------------------------------------------------ */

/* Where the next header of a lane is read, its ticket, its counters, or the words before them. */
static unsigned char *near_lane(fuzz_input *script)
{
    unsigned char *lane = memory.at + sizeof(thetis_lanes_memory_) +
                          fuzz_byte(script) % LANES * lanes.stride_;
    thetis_bytes *ring = (void *)(lane + sizeof(thetis_lanes_lane_));
    thetis_atomic *head = &ring->spsc_.consumer_.at_, *tail = &ring->spsc_.producer_.at_;
    unsigned which = fuzz_byte(script) % 8;
    uintptr_t at = thetis_atomic_load_relaxed(which < 6 ? head : tail) / 2 + (which % 2 ? 8 : 0);
    if (which == 0) return (unsigned char *)head;
    if (which == 1) return (unsigned char *)tail;
    if (which == 2) return lane;
    if (which == 3) return (unsigned char *)&lanes.memory_->tail_;
    return (unsigned char *)(ring + 1) + (at & (CAPACITY - 1) & ~(uintptr_t)7);
}

static void act(fuzz_input *script)
{
    unsigned op = fuzz_byte(script) % 8;
    if (op < 1) come_and_go(script);
    else if (op < 3) fuzz_corrupt(script, &memory, near_lane(script));
    else if (op < 6) produce(script);
    else if (out) consume(script);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input script = {bytes, bytes + size};
    if (!memory.at) memory = fuzz_memory_of(thetis_lanes_size(&cfg), 0);
    start();
    while (fuzz_more(&script)) act(&script);
    return 0;
}
