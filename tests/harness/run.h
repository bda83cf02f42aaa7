/* SPDX-License-Identifier: MIT
 *
 * run.h: what the two ways to run a case share: in this process (test.c), in its own (apart.c).
 *
 * A case ends in exactly one place, test_run.end. In its own process that sends a verdict through a
 * pipe, and a process that ends without having sent one has failed, however politely it left. In
 * this process it jumps back.
 */
#ifndef TEST_RUN_H
#define TEST_RUN_H

#include "test.h"

#define TEST_TEXT_MAX 1024

/* The greatest of several is the verdict of a case. */
typedef enum test_verdict { TEST_NONE, TEST_PASSED, TEST_SKIPPED, TEST_FAILED } test_verdict;

/* The run, and what is known of the case that runs now. */
typedef struct test_state {
    const char *program;
    uint64_t seed;
    const test_case *now;
    size_t number;
    test_totals totals;
    test_verdict verdict;
    char text[TEST_TEXT_MAX]; /* lines on a failure; class(reason) of a skip */
    __attribute__((noreturn)) void (*end)(test_verdict verdict, const char *text);
} test_state;

extern test_state test_run;

/* Sets the verdict and text of the case that runs now. */
__attribute__((format(printf, 2, 3))) void test_set(test_verdict v, const char *format, ...);

/* Run the case in this process and in its own, and set verdict and text. */
void test_here(void);
void test_apart(void);

/* Before the first test_apart. */
void test_apart_prepare(void);

/* A number that differs from run to run where the target has a source of such. */
uint64_t test_random(void);

#endif
