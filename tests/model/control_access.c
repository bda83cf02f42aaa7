/* SPDX-License-Identifier: MIT
 *
 * control_access.c: accesses that overlap in part, or under another address: 16 bytes and their
 * halves, halves of a word, a mapping made twice, thread-local variables.
 */
#include <sys/mman.h>
#include <thetis/check.h>
#include <unistd.h>

#include "orders.h"

enum { SC = __ATOMIC_SEQ_CST, PAGE = 4096 };

static union {
    wide_value value;
    uint64_t half[2];
} wide;

static union {
    uint64_t value;
    uint32_t half[2];
} word;

static void setup(void)
{
    wide.value = 0;
    word.value = 0;
}

/* ---- 16 bytes -------------------------------------------------------------------------------- */

static void write_wide(void)
{
    wide_value seen = 0;
    (void)wide_cas(&wide.value, &seen, (wide_value)1 << 64 | 1);
}

static void wide_body(unsigned thread)
{
    wide_value seen = 2;
    if (thread == 0) {
        write_wide();
    } else {
        (void)wide_cas(&wide.value, &seen, 2); /* always fails: a read */
        THETIS_CHECK((uint64_t)seen == (uint64_t)(seen >> 64));
    }
}

static void torn_body(unsigned thread)
{
    if (thread == 0) {
        write_wide();
    } else {
        uint64_t low = order_load(&wide.half[0], SC);
        THETIS_CHECK(low == order_load(&wide.half[1], SC));
    }
}

const thetis_check_scenario control_wide = {
    .name = "control-wide", .threads = 2, .setup = setup, .body = wide_body};

const thetis_check_scenario control_wide_torn = {
    .name = "control-wide-torn", .threads = 2, .setup = setup, .body = torn_body,
    .expect = "assertion"};

/* ---- halves of a word ------------------------------------------------------------------------ */

static void check_word(uint64_t seen)
{
    THETIS_CHECK((seen >> 32) >= (seen & UINT32_MAX)); /* the upper half is written first */
}

static void write_halves(void)
{
    narrow_store(&word.half[1], 1);
    narrow_store(&word.half[0], 1);
}

static void mixed_body(unsigned thread)
{
    if (thread == 0) write_halves();
    else check_word(order_load(&word.value, __ATOMIC_ACQUIRE));
}

static void halves_body(unsigned thread)
{
    if (thread == 0) {
        write_halves();
    } else {
        uint64_t high = narrow_load(&word.half[1]);
        check_word(high << 32 | narrow_load(&word.half[0]));
    }
}

const thetis_check_scenario control_mixed = {
    .name = "control-mixed", .threads = 2, .setup = setup, .body = mixed_body};

const thetis_check_scenario control_mixed_torn = {
    .name = "control-mixed-torn", .threads = 2, .setup = setup, .body = halves_body,
    .expect = "assertion"};

/* ---- a mapping made twice -------------------------------------------------------------------- */

static uint64_t *views[2]; /* of the same page */

static void map_twice(void)
{
    if (views[0]) return;
    int fd = memfd_create("control", 0);
    THETIS_CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0);
    for (int k = 0; k < 2; k++) {
        views[k] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        THETIS_CHECK(views[k] != MAP_FAILED);
    }
    (void)close(fd);
}

static void alias_setup(void)
{
    map_twice();
    views[0][0] = 0;
    thetis_check_alias(views[1], views[0], PAGE);
}

static void no_alias_setup(void)
{
    map_twice();
    views[0][0] = 0;
}

/* Each writes what is the same word, by its own address. */
static void alias_body(unsigned thread)
{
    views[thread][0] = thread;
}

const thetis_check_scenario control_alias = {
    .name = "control-alias", .threads = 2, .setup = alias_setup, .body = alias_body,
    .expect = "race"};

const thetis_check_scenario control_alias_none = {
    .name = "control-alias-none", .threads = 2, .setup = no_alias_setup, .body = alias_body};

/* ---- thread-local variables ------------------------------------------------------------------ */

static _Thread_local uint64_t own = 5;
static uint64_t everybodys;

static void local_setup(void)
{
    setup();
    everybodys = 5;
}

static void local_body(unsigned thread)
{
    THETIS_CHECK(own == 5);
    own += thread;
    (void)order_add(&word.value, 1, SC); /* a place to switch */
    THETIS_CHECK(own == 5 + thread);
}

static void global_body(unsigned thread)
{
    everybodys += thread;
    (void)order_add(&word.value, 1, SC);
}

const thetis_check_scenario control_thread_local = {
    .name = "control-thread-local", .threads = 2, .setup = local_setup, .body = local_body};

const thetis_check_scenario control_thread_global = {
    .name = "control-thread-global", .threads = 2, .setup = local_setup, .body = global_body,
    .expect = "race"};
