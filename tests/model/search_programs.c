/* SPDX-License-Identifier: MIT
 *
 * search_programs.c: the instrumented part of test_search.c: runs program_now.
 */
#include "search_programs.h"

#include <stdlib.h>
#include <string.h>

#define HIDDEN __attribute__((noinline, no_sanitize("thread")))

program program_now;
uint64_t program_words[PROGRAM_WORDS];
static uint64_t *block;

static void setup(void)
{
    memset(program_words, 0, sizeof program_words);
    block = malloc(sizeof *block);
    *block = 1;
}

HIDDEN static int not_zero(void *word)
{
    return *(uint64_t *)word != 0;
}

static uint64_t compare(const program_op *op, uint64_t *word, bool weak)
{
    uint64_t seen = op->expected;
    if (weak) {
        return seen + 100 * __atomic_compare_exchange_n(word, &seen, op->value, true,
                                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    (void)__atomic_compare_exchange_n(word, &seen, op->value, false, __ATOMIC_SEQ_CST,
                                      __ATOMIC_SEQ_CST);
    return seen;
}

static uint64_t load(const uint64_t *word)
{
    if (program_now.order == __ATOMIC_RELAXED) return __atomic_load_n(word, __ATOMIC_RELAXED);
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void store(uint64_t *word, uint64_t value)
{
    if (program_now.order == __ATOMIC_RELAXED) __atomic_store_n(word, value, __ATOMIC_RELAXED);
    else __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* What the access answers. */
static uint64_t access(const program_op *op, uint64_t *word)
{
    switch (op->kind) {
    case OP_LOAD: return load(word);
    case OP_STORE: store(word, op->value); return 0;
    case OP_ADD: return __atomic_fetch_add(word, op->value, __ATOMIC_SEQ_CST);
    case OP_SWAP: return __atomic_exchange_n(word, op->value, __ATOMIC_SEQ_CST);
    case OP_COMPARE: return compare(op, word, false);
    case OP_COMPARE_WEAK: return compare(op, word, true);
    case OP_READ: return *word;
    case OP_WRITE: *word = op->value; return 0;
    case OP_FENCE: __atomic_thread_fence(__ATOMIC_SEQ_CST); return 0;
    case OP_CHOOSE: return thetis_check_choose((unsigned)op->value);
    case OP_USE: return __atomic_load_n(block, __ATOMIC_SEQ_CST);
    case OP_FREE: free(block); return 0;
    case OP_ALLOC: return malloc(sizeof *block) == block;
    case OP_WAIT: thetis_check_wait(not_zero, word); return 0;
    case OP_PAUSE:
        while (load(word) == 0) thetis_check_pause();
        return 0;
    case OP_CLOCK: (void)thetis_check_clock(); return 0;
    default: return 0;
    }
}

static bool writes(op_kind kind)
{
    return kind == OP_STORE || kind == OP_ADD || kind == OP_SWAP || kind == OP_COMPARE ||
           kind == OP_COMPARE_WEAK || kind == OP_WRITE;
}

static void body(unsigned thread)
{
    for (unsigned k = 0; k < program_now.count[thread]; k++) {
        const program_op *op = &program_now.op[thread][k];
        uint64_t value = access(op, &program_words[op->word]);
        program_note(thread, op, writes(op->kind), value);
    }
}

#define SCENARIO(n)                                                                             \
    {.name = "program", .threads = n, .setup = setup, .body = body,                             \
     .flags = THETIS_CHECK_LEAKS | THETIS_CHECK_BLOCKING}

const thetis_check_scenario program_scenarios[PROGRAM_THREADS + 1] = {
    SCENARIO(1), SCENARIO(1), SCENARIO(2), SCENARIO(3)};

/* ---- the ring -------------------------------------------------------------------------------- */

static uint64_t ring_head, ring_tail, ring_place[2];
static bool hidden;

static void ring_setup(void)
{
    ring_head = ring_tail = 0;
    hidden = false;
}

static void hidden_setup(void)
{
    ring_head = ring_tail = 0;
    hidden = true;
}

HIDDEN static void hidden_write(uint64_t at, uint64_t value)
{
    ring_place[at % 2] = value;
}

HIDDEN static uint64_t hidden_read(uint64_t at)
{
    return ring_place[at % 2];
}

static void push(uint64_t value)
{
    uint64_t tail = __atomic_load_n(&ring_tail, __ATOMIC_RELAXED);
    if (tail - __atomic_load_n(&ring_head, __ATOMIC_ACQUIRE) == 2) return;
    if (hidden) hidden_write(tail, value);
    else ring_place[tail % 2] = value;
    __atomic_store_n(&ring_tail, tail + 1, __ATOMIC_RELEASE);
}

static uint64_t pop(void)
{
    uint64_t head = __atomic_load_n(&ring_head, __ATOMIC_RELAXED);
    if (__atomic_load_n(&ring_tail, __ATOMIC_ACQUIRE) == head) return 0;
    uint64_t value = hidden ? hidden_read(head) : ring_place[head % 2];
    __atomic_store_n(&ring_head, head + 1, __ATOMIC_RELEASE);
    return value;
}

static void ring_body(unsigned thread)
{
    uint64_t last = 0;
    for (uint64_t k = 1; k <= 3; k++) {
        uint64_t value = 0;
        if (thread == 0) push(k);
        else value = pop();
        THETIS_CHECK(value == 0 || value == last + 1);
        if (value) last = value;
    }
}

const thetis_check_scenario program_ring = {
    .name = "ring", .threads = 2, .setup = ring_setup, .body = ring_body};

/* Places are no steps, but a thread's start is one. */
const thetis_check_scenario program_ring_hidden = {
    .name = "ring-hidden", .threads = 2, .setup = hidden_setup, .body = ring_body,
    .flags = THETIS_CHECK_BLOCKING};
