/* SPDX-License-Identifier: MIT
 *
 * search_programs.h: small programs as data, to compare searches on many of them.
 *
 * search_programs.c runs them and is instrumented; test_search.c makes them and is not.
 */
#ifndef MODEL_SEARCH_PROGRAMS_H
#define MODEL_SEARCH_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>
#include <thetis/check.h>

enum { PROGRAM_THREADS = 3, PROGRAM_OPS = 8, PROGRAM_WORDS = 3 };

typedef enum op_kind {
    OP_LOAD,
    OP_STORE,
    OP_ADD,
    OP_SWAP,
    OP_COMPARE,
    OP_COMPARE_WEAK,
    OP_READ,
    OP_WRITE,
    OP_FENCE,
    OP_CHOOSE,
    OP_CLOCK,
    OP_WAIT,  /* until the word is not 0 */
    OP_PAUSE, /* until then, by a loop that pauses */
    OP_USE,   /* loads from the block */
    OP_FREE,  /* frees the block */
    OP_ALLOC, /* a block: is it the same one? */
    OP_KINDS
} op_kind;

typedef struct program_op {
    op_kind kind;
    unsigned word;
    uint64_t value, expected;
} program_op;

typedef struct program {
    unsigned threads;
    unsigned count[PROGRAM_THREADS];
    program_op op[PROGRAM_THREADS][PROGRAM_OPS];
    int order; /* of all atomic accesses */
} program;

extern program program_now;
extern uint64_t program_words[PROGRAM_WORDS];

/* An operation of `thread` is done: not an access to what is shared. */
void program_note(unsigned thread, const program_op *op, bool writes, uint64_t value);

extern const thetis_check_scenario program_scenarios[PROGRAM_THREADS + 1]; /* by threads */

/* A ring of two places; 3 are pushed, 3 popped. */
extern const thetis_check_scenario program_ring, program_ring_hidden;

#endif
