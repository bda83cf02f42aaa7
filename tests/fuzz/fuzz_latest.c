/* SPDX-License-Identifier: MIT
 *
 * fuzz_latest.c: a writer and two readers of the latest value, and a peer that writes into its
 * memory.
 */
#include "fuzz.h"

#include <thetis/latest.h>

enum { VALUE = 40, READERS = 3, JOINED = 2 };

static const thetis_latest_cfg cfg = {VALUE, READERS};
static fuzz_memory memory;
static thetis_latest in, out;
static bool in_is_open, out_is_open; /* attached */
static thetis_latest_reader readers[JOINED];
static unsigned char value[VALUE];

static void attach(fuzz_input *script)
{
    bool first = fuzz_byte(script) % 2;
    thetis_shm_role role = first ? THETIS_SHM_PRODUCER : THETIS_SHM_CONSUMER;
    thetis_latest got;
    thetis_status s = thetis_latest_attach(memory.at, memory.size, &cfg, role, &got);
    FUZZ_CHECK(s == THETIS_OK || s == THETIS_ECORRUPT || s == THETIS_ENOTSUP);
    if (s != THETIS_OK || (!first && out_is_open)) return; /* readers keep what they joined */
    s = thetis_latest_attach(memory.at, memory.size, &cfg, role, first ? &in : &out);
    FUZZ_CHECK(s == THETIS_OK);
    *(first ? &in_is_open : &out_is_open) = true;
}

static void start(void)
{
    thetis_latest *latest;
    memset(memory.at, 0, memory.size);
    memset(readers, 0, sizeof readers);
    FUZZ_CHECK(thetis_latest_init(memory.at, memory.size, &cfg, &latest) == THETIS_OK);
    in_is_open = out_is_open = false;
}

static void produce(fuzz_input *script)
{
    thetis_status s = THETIS_OK;
    void *place;
    switch (fuzz_byte(script) % 8) {
    case 0:
        if (fuzz_byte(script) == 0) thetis_latest_close(&in);
        break;
    case 1: s = thetis_latest_check(&in); break;
    case 2:
    case 3:
        s = thetis_latest_reserve(&in, &place);
        if (s == THETIS_OK) fuzz_touch(&memory, place, VALUE);
        break;
    case 4:
        if (in.writer_.open_) thetis_latest_commit(&in);
        break;
    default:
        if (!in.writer_.open_) s = thetis_latest_store(&in, value);
    }
    fuzz_status(s, FUZZ_OK | FUZZ_FULL | FUZZ_CLOSED | FUZZ_ECORRUPT);
}

static void consume(fuzz_input *script)
{
    const unsigned allowed = FUZZ_OK | FUZZ_EMPTY | FUZZ_CLOSED | FUZZ_AGAIN | FUZZ_ECORRUPT;
    thetis_latest_reader *reader = &readers[fuzz_byte(script) % JOINED];
    unsigned how = fuzz_byte(script) % 8;
    const void *place;
    if (!reader->of_) {
        if (thetis_latest_join(&out, reader) != THETIS_OK) reader->of_ = NULL;
    } else if (how == 0) {
        thetis_latest_leave(reader);
    } else if (how < 4) {
        fuzz_status(thetis_latest_load(reader, value), allowed);
    } else {
        fuzz_status(thetis_latest_peek(reader, &place), allowed);
        if (place) fuzz_touch(&memory, place, VALUE);
    }
}

/* The word, what a dead writer has left, or a count of a buffer. */
static unsigned char *near_word(fuzz_input *script)
{
    thetis_latest *latest = (void *)memory.at;
    size_t stride = sizeof(thetis_latest_buffer_) + THETIS_LATEST_LINES_(VALUE);
    unsigned which = fuzz_byte(script) % 8;
    if (which < 3) return (unsigned char *)&latest->current_;
    if (which == 3) return (unsigned char *)&latest->writer_.moving_;
    return (unsigned char *)(latest + 1) + (which - 4) * stride;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_input script = {bytes, bytes + size};
    if (!memory.at) memory = fuzz_memory_of(thetis_latest_size(&cfg), 0);
    start();
    while (fuzz_more(&script)) {
        unsigned op = fuzz_byte(&script) % 8;
        if (op < 1) attach(&script);
        else if (op < 3) fuzz_corrupt(&script, &memory, near_word(&script));
        else if (op < 5 && in_is_open) produce(&script);
        else if (op >= 5 && out_is_open) consume(&script);
    }
    return 0;
}
