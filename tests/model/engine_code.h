/* SPDX-License-Identifier: MIT
 *
 * engine_code.h: instrumented pieces for test_engine.c, which is not.
 */
#ifndef THETIS_TESTS_MODEL_ENGINE_CODE_H
#define THETIS_TESTS_MODEL_ENGINE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thetis/check.h>

/* Thread 0 does `one`, then thread 1 `other`. */
typedef struct engine_case {
    const char *name;
    void (*one)(void), (*other)(void);
    uint64_t steps; /* of `one` */
    bool races;     /* if nothing orders them */
} engine_case;

extern const engine_case engine_cases[];
extern const size_t engine_case_count;
extern const engine_case *engine_current;

extern const thetis_check_scenario engine_in_order;  /* of engine_current */
extern const thetis_check_scenario engine_unordered; /* likewise */
extern const thetis_check_scenario engine_mixture;   /* of many kinds of access, without fault */

/* What the heap gave; each block is freed before the next is asked for, or all at the end. */
enum { ENGINE_BLOCKS = 3 };
extern void *engine_blocks[ENGINE_BLOCKS];
extern uint64_t engine_seen; /* in the last block */
extern const thetis_check_scenario engine_keeps;
extern const thetis_check_scenario engine_frees;
extern const thetis_check_scenario engine_family; /* calloc, realloc, aligned_alloc: asserts */
extern const thetis_check_scenario engine_stale;  /* reads what it has freed */
extern const thetis_check_scenario engine_beyond; /* reads behind the end */
extern const thetis_check_scenario engine_beyond_wide; /* half of it */
extern const thetis_check_scenario engine_inside; /* frees an address inside of a block */
extern const thetis_check_scenario engine_given; /* one block from setup, one from the thread */
extern const thetis_check_scenario engine_publish; /* asserts that no earlier schedule is seen */

extern const thetis_check_scenario engine_over; /* takes a step more than its bound */
extern const thetis_check_scenario engine_nested; /* an operation begins inside of another */
extern const thetis_check_scenario engine_turns; /* a long loop without an access */

/* Locations of several sizes. */
extern const thetis_check_scenario engine_byte_compare; /* asserts what holds */
extern const thetis_check_scenario engine_byte_order;   /* asserts what C11 does not promise */
extern const thetis_check_scenario engine_byte_release; /* has a race */
extern const thetis_check_scenario engine_byte_many;    /* asserts what holds */
extern const thetis_check_scenario engine_half;         /* asserts what holds */

extern int64_t engine_times[2]; /* before and after an access, in ns */
extern const thetis_check_scenario engine_clock;

#endif
