/* SPDX-License-Identifier: MIT
 *
 * engine_code.c: see engine_code.h.
 */
#include "engine_code.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "orders.h"

enum { SC = __ATOMIC_SEQ_CST };

typedef struct three {
    uint64_t word[3];
} three;

static three target, source;
static const three constant = {{1, 2, 3}};
static union {
    wide_value value;
    uint64_t half[2];
} wide;
static uint64_t unused;
static uint64_t flag;

static void setup(void)
{
    memset(&target, 0, sizeof target);
    memset(&source, 0, sizeof source);
    wide.value = 0;
    flag = 0;
}

/* ---- accesses -------------------------------------------------------------------------------- */

static void read_target(void)
{
    for (int k = 0; k < 3; k++) THETIS_CHECK(target.word[k] != 77);
}

static void write_target(void)
{
    for (uint64_t k = 0; k < 3; k++) target.word[k] = k;
}

static void write_source(void)
{
    source.word[0] = source.word[1] = source.word[2] = 5;
}

static void do_memcpy(void)
{
    memcpy(&target, &constant, sizeof target);
}

static void do_memcpy_from(void)
{
    three copy;
    memcpy(&copy, &source, sizeof copy);
}

/* What clang calls from version 16 on. */
void *__tsan_memcpy(void *to, const void *from, size_t bytes);
void *__tsan_memmove(void *to, const void *from, size_t bytes);
void *__tsan_memset(void *to, int with, size_t bytes);

static void do_new_memcpy(void)
{
    (void)__tsan_memcpy(&target, &constant, sizeof target);
}

static void do_new_memmove(void)
{
    (void)__tsan_memmove(&target.word[1], &target.word[0], 16);
}

static void do_new_memset(void)
{
    (void)__tsan_memset(&target, 1, sizeof target);
}

static void do_memmove(void)
{
    memmove(&target.word[1], &target.word[0], 16);
}

static void do_memset(void)
{
    memset(&target, 1, sizeof target);
}

static void do_memset_bytes(void)
{
    memset((char *)&target + 3, 1, 4);
}

static void do_assign(void)
{
    target = constant;
}

static void do_unaligned(void)
{
    struct __attribute__((packed)) unaligned {
        char before[5];
        uint64_t word;
    } *u = (struct unaligned *)(void *)&target;
    u->word = 1;
}

static void do_byte(void)
{
    ((char *)&target)[9] = 1;
}

static void do_volatile(void)
{
    *(volatile uint64_t *)&target.word[2] = 1;
}

static void do_private(void)
{
    unused++;
}

static void do_constant(void)
{
    THETIS_CHECK(constant.word[1] == 2);
}

static void do_atomic(void)
{
    (void)order_add(&target.word[0], 1, SC);
}

static void do_failing_cas(void)
{
    uint64_t seen = 5;
    (void)order_cas(&target.word[0], &seen, 1, SC, SC);
}

static void do_wide_cas(void)
{
    wide_value seen = 0;
    (void)wide_cas(&wide.value, &seen, (wide_value)1 << 64 | 1);
}

static void read_upper(void)
{
    THETIS_CHECK(wide.half[1] != 77);
}

static void read_upper_atomic(void)
{
    THETIS_CHECK(order_load(&wide.half[1], SC) != 77);
}

static void do_fence(void)
{
    order_fence(SC);
}

static void do_pause(void)
{
    thetis_check_pause();
}

static void nothing(void)
{
}

const engine_case engine_cases[] = {
    {"memcpy to", do_memcpy, read_target, 3, true},
    {"memcpy from", do_memcpy_from, write_source, 3, true},
    {"memmove", do_memmove, write_target, 4, true},
    {"memset", do_memset, read_target, 3, true},
    {"memset of bytes", do_memset_bytes, read_target, 1, true},
    {"memcpy of new compilers", do_new_memcpy, read_target, 3, true},
    {"memmove of new compilers", do_new_memmove, write_target, 4, true},
    {"memset of new compilers", do_new_memset, read_target, 3, true},
    {"assignment", do_assign, read_target, 3, true},
    {"unaligned word", do_unaligned, read_target, 2, true},
    {"byte", do_byte, read_target, 1, true},
    {"volatile", do_volatile, read_target, 1, true},
    {"private", do_private, nothing, 0, false},
    {"constant", do_constant, do_constant, 0, false},
    {"read by both", read_target, read_target, 0, false},
    {"atomic", do_atomic, do_atomic, 1, false},
    {"atomic and plain", do_atomic, read_target, 1, true},
    {"failing and plain read", do_failing_cas, read_target, 1, false},
    {"failing and plain write", do_failing_cas, write_target, 1, true},
    {"fence", do_fence, do_fence, 0, false},
    {"pause", do_pause, do_pause, 0, false},
    {"16 bytes", do_wide_cas, do_wide_cas, 1, false},
    {"16 bytes and a half", do_wide_cas, read_upper_atomic, 1, false},
    {"16 bytes and a plain half", do_wide_cas, read_upper, 1, true},
};
const size_t engine_case_count = sizeof engine_cases / sizeof engine_cases[0];
const engine_case *engine_current;

static int is_set(void *word)
{
    return *(const uint64_t *)word != 0;
}

static void in_order(unsigned thread)
{
    if (thread == 0) {
        thetis_check_begin("engine.one", THETIS_CHECK_UNBOUNDED);
        engine_current->one();
        thetis_check_end();
        order_store(&flag, 1, __ATOMIC_RELEASE);
    } else {
        thetis_check_wait(is_set, &flag);
        while (order_load(&flag, __ATOMIC_ACQUIRE) == 0) continue;
        engine_current->other();
    }
}

static void unordered(unsigned thread)
{
    if (thread == 0) engine_current->one();
    else engine_current->other();
}

const thetis_check_scenario engine_in_order = {
    .name = "engine-in-order", .threads = 2, .setup = setup, .body = in_order};
const thetis_check_scenario engine_unordered = {
    .name = "engine-unordered", .threads = 2, .setup = setup, .body = unordered};

/* ---- a mixture ------------------------------------------------------------------------------- */

static uint64_t messages[2];

static void mixture_setup(void)
{
    setup();
    messages[0] = messages[1] = 0;
}

static void mixture(unsigned thread)
{
    uint64_t *mine = malloc(sizeof *mine);
    *mine = thread;
    thetis_check_begin("engine.mixture", THETIS_CHECK_UNBOUNDED);
    (void)order_add(&target.word[0], 1, __ATOMIC_RELAXED);
    order_store(&messages[thread & 1], (uint64_t)(uintptr_t)mine, __ATOMIC_RELAXED);
    (void)order_load(&messages[~thread & 1], __ATOMIC_RELAXED);
    do_wide_cas();
    thetis_check_end();
    (void)thetis_check_choose(3);
    free(mine);
}

const thetis_check_scenario engine_mixture = {
    .name = "engine-mixture", .threads = 2, .setup = mixture_setup, .body = mixture};

/* ---- the heap -------------------------------------------------------------------------------- */

void *engine_blocks[ENGINE_BLOCKS];
uint64_t engine_seen;

static void keeps(unsigned thread)
{
    (void)thread;
    for (int k = 0; k < ENGINE_BLOCKS; k++) engine_blocks[k] = malloc(sizeof engine_seen);
    if (engine_blocks[ENGINE_BLOCKS - 1]) memcpy(&engine_seen, engine_blocks[2], 8);
    for (int k = 0; k < ENGINE_BLOCKS; k++) free(engine_blocks[k]);
}

static void frees(unsigned thread)
{
    (void)thread;
    for (int k = 0; k < ENGINE_BLOCKS; k++) {
        engine_blocks[k] = malloc(sizeof engine_seen);
        free(engine_blocks[k]);
    }
}

static void family(unsigned thread)
{
    (void)thread;
    uint64_t *zero = calloc(4, sizeof *zero);
    THETIS_CHECK(zero && zero[0] == 0 && zero[3] == 0);
    zero[3] = 7;
    uint64_t *more = realloc(zero, 8 * sizeof *more);
    THETIS_CHECK(more && more[3] == 7);
    uint64_t *less = realloc(more, 4 * sizeof *less);
    THETIS_CHECK(less && less[3] == 7);
    void *aligned = aligned_alloc(256, 256), *other = NULL;
    THETIS_CHECK((uintptr_t)aligned % 256 == 0);
    THETIS_CHECK(posix_memalign(&other, 128, 10) == 0 && (uintptr_t)other % 128 == 0);
    free(aligned);
    free(other);
    free(less);
    free(NULL);
}

/* The compiler must not see that the block is gone. */
static void stale(unsigned thread)
{
    (void)thread;
    volatile uint64_t *block = malloc(sizeof *block);
    uintptr_t at = (uintptr_t)block;
    free((void *)at);
    (void)*(volatile uint64_t *)at;
}

static void beyond(unsigned thread)
{
    char *block = malloc(8);
    (void)*(volatile char *)(block + 8 + thread);
    free(block);
}

static void beyond_wide(unsigned thread)
{
    (void)thread;
    wide_value *block = malloc(8), seen = 0;
    (void)wide_cas(block, &seen, 1);
    free(block);
}

/* What lies before the freed address is not 0, as it is before a block. */
static void inside(unsigned thread)
{
    (void)thread;
    char *block = malloc(128);
    memset(block, 1, 128);
    free(block + 64);
}

static void *given;

static void give(void)
{
    given = malloc(8);
}

static void take(unsigned thread)
{
    (void)thread;
    THETIS_CHECK(given != NULL);
    engine_blocks[0] = malloc(8);
    free(engine_blocks[0]);
    free(given);
}

/* Atomic accesses through a relaxed pointer may see what was before malloc: never what was in an
 * earlier schedule. */
static uint64_t *published;
static uint64_t schedules;

static void publish_setup(void)
{
    published = NULL;
    schedules++;
}

static void publish(unsigned thread)
{
    enum { POISON = 0xCD };
    uint64_t *block, unset, seen;
    memset(&unset, POISON, sizeof unset);
    if (thread == 0) {
        block = malloc(sizeof *block);
        order_store(block, schedules, __ATOMIC_RELAXED);
        __atomic_store_n(&published, block, __ATOMIC_RELAXED);
    } else if ((block = __atomic_load_n(&published, __ATOMIC_RELAXED))) {
        seen = order_load(block, __ATOMIC_RELAXED);
        THETIS_CHECK(seen == schedules || seen == unset);
    }
}

const thetis_check_scenario engine_keeps = {.name = "engine-keeps", .threads = 1, .body = keeps};
const thetis_check_scenario engine_frees = {.name = "engine-frees", .threads = 1, .body = frees};
const thetis_check_scenario engine_family = {
    .name = "engine-family", .threads = 1, .body = family};
const thetis_check_scenario engine_stale = {.name = "engine-stale", .threads = 1, .body = stale};
const thetis_check_scenario engine_beyond = {
    .name = "engine-beyond", .threads = 1, .body = beyond};
const thetis_check_scenario engine_beyond_wide = {
    .name = "engine-beyond-wide", .threads = 1, .body = beyond_wide};
const thetis_check_scenario engine_inside = {
    .name = "engine-inside", .threads = 1, .body = inside};
const thetis_check_scenario engine_given = {
    .name = "engine-given", .threads = 1, .setup = give, .body = take};
const thetis_check_scenario engine_publish = {
    .name = "engine-publish", .threads = 2, .setup = publish_setup, .body = publish,
    .flags = THETIS_CHECK_LEAKS};

/* ---- bounds and time ------------------------------------------------------------------------- */

static void over(unsigned thread)
{
    (void)thread;
    thetis_check_begin("engine.over", 0);
    do_atomic();
    thetis_check_end();
}

const thetis_check_scenario engine_over = {
    .name = "engine-over", .threads = 2, .setup = setup, .body = over};

static void nested(unsigned thread)
{
    (void)thread;
    thetis_check_begin("engine.outer", 1);
    thetis_check_begin("engine.inner", 1);
    do_atomic();
    thetis_check_end();
    do_atomic();
    thetis_check_end();
}

const thetis_check_scenario engine_nested = {
    .name = "engine-nested", .threads = 2, .setup = setup, .body = nested};

/* A thousand times as many turns are a spin. */
static void turns(unsigned thread)
{
    static volatile unsigned turn;
    (void)thread;
    for (turn = 0; turn < 100000; turn++) continue;
}

const thetis_check_scenario engine_turns = {
    .name = "engine-turns", .threads = 1, .body = turns};

int64_t engine_times[2];

static int64_t now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

static void times(unsigned thread)
{
    int64_t before = now();
    do_atomic();
    int64_t after = now();
    if (thread != 0) return;
    engine_times[0] = before;
    engine_times[1] = after;
}

const thetis_check_scenario engine_clock = {
    .name = "engine-clock", .threads = 2, .setup = setup, .body = times};
