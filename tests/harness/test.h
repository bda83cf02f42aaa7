/* SPDX-License-Identifier: MIT
 *
 * test.h: writing a test program.
 *
 *     #include "harness/test.h"
 *
 *     TEST(push_then_pop) { ... CHECK_EQ(got, 7); ... }
 *     TEST(many_threads) { ... }
 *
 *     TEST_MAIN(T(push_then_pop), T(many_threads, .timeout_s = 60))
 *
 * A TEST that TEST_MAIN does not list is an unused function, so the compiler reports it.
 *
 * A program is called as `program [--list] [--no-fork] [GLOB]`, runs the cases whose names match,
 * and prints TAP version 13. Each case runs in its own process and process group. A case passes
 * only if its function returns, its process then exits with 0 and it kept to its time; whatever
 * else happens to it (a failed check in any thread, a signal, exit(), a sanitizer's report) fails
 * it. What a case prints goes to standard error. Processes that a case leaves behind are killed.
 *
 * Exit status: 0 passed, 1 something failed, 77 every case was skipped, 2 wrong arguments.
 *
 * Without processes (TEST_NO_FORK for targets that have none, --no-fork for a debugger) cases
 * run one after the other in this process: there is no time-out, a crash ends the program, and the
 * first failure prints "Bail out!" and ends it too, since no other thread can be unwound safely.
 *
 * A case that fails prints the line that repeats it; a seed is random unless THETIS_SEED gives it.
 */
#ifndef TEST_TEST_H
#define TEST_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scale.h"

/* One case. Unset fields mean the default. */
typedef struct test_case {
    const char *name;
    void (*run)(void);
    unsigned timeout_s; /* default 30; multiplied by test_factor() */
    bool aborts;        /* passes if and only if it ends in abort(): for broken contracts */
} test_case;

/* The cases of a program. */
typedef struct test_suite {
    const test_case *cases;
    size_t count;
} test_suite;

/* Why a case did not run: the target has no such capability, proven by a query; the emulator is
 * unfaithful here; a tool, limit or kernel feature is missing on this machine. */
typedef enum test_why { TEST_UNSUPPORTED, TEST_EMULATOR, TEST_ENVIRONMENT } test_why;

/* ---- cases ----------------------------------------------------------------------------------- */

#define TEST(id) static void test_case_##id(void)

/* The empty last argument gives TEST_T_ the "..." that ISO C wants. */
#define T(...) TEST_T_(__VA_ARGS__, )
#define TEST_T_(id, ...) {.name = #id, .run = test_case_##id, __VA_ARGS__}

#define TEST_MAIN(...)                                                                          \
    static const test_case test_cases[] = {__VA_ARGS__};                                        \
    TEST_SUITE_(test_cases)                                                                     \
    TEST_WEAK int main(int argc, char **argv)                                                   \
    {                                                                                           \
        return test_main(argc, argv, test_cases, sizeof test_cases / sizeof test_cases[0]);     \
    }

/* The same object is part of thetis-selftest, which has a main of its own and finds the cases by
 * the name that the build gives as TEST_SUITE. */
#define TEST_WEAK __attribute__((weak))
#ifdef TEST_SUITE
#define TEST_SUITE_(cases)                                                                      \
    extern const test_suite TEST_SUITE;                                                         \
    const test_suite TEST_SUITE = {cases, sizeof cases / sizeof cases[0]};
#else
#define TEST_SUITE_(cases)
#endif

/* ---- checks: from any thread; the first that fails ends the case ----------------------------- */

#define CHECK(cond)                                                                             \
    do {                                                                                        \
        if (cond) {                                                                             \
        } else {                                                                                \
            test_fail(__FILE__, __LINE__, "CHECK(%s)", #cond);                                  \
        }                                                                                       \
    } while (0)

/* Integers of any two types, compared by value: -1 is not UINT64_MAX. */
#define CHECK_EQ(a, b)                                                                          \
    test_check_eq(__FILE__, __LINE__, "CHECK_EQ(" #a ", " #b ")", TEST_INT_(a), TEST_INT_(b))

/* Strings; NULL equals NULL only. */
#define CHECK_STR(a, b) test_check_str(__FILE__, __LINE__, "CHECK_STR(" #a ", " #b ")", a, b)

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

/* ---- skips: from the case's own thread ------------------------------------------------------- */

#define SKIP_UNSUPPORTED(cap) test_skip(TEST_UNSUPPORTED, cap)
#define SKIP_EMULATOR(reason) test_skip(TEST_EMULATOR, reason)
#define SKIP_ENVIRONMENT(reason) test_skip(TEST_ENVIRONMENT, reason)

/* ---- random numbers -------------------------------------------------------------------------- */

/* The seed of this run. */
uint64_t test_seed(void);

/* The next number of the sequence that `*state` stands in (splitmix64, Steele et al. 2014). */
static inline uint64_t test_rand(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* ---- what the macros call -------------------------------------------------------------------- */

int test_main(int argc, char **argv, const test_case *cases, size_t count);

/* Cases that test_main has run so far. */
typedef struct test_totals {
    size_t passed, failed, skipped;
} test_totals;

test_totals test_so_far(void);

__attribute__((noreturn, cold, format(printf, 3, 4))) void test_fail(const char *file, int line,
                                                                     const char *format, ...);

__attribute__((noreturn, cold)) void test_skip(test_why why, const char *reason);

/* An integer with its sign apart, so that any two types compare by value. */
typedef struct test_int {
    uint64_t bits;
    bool negative;
} test_int;

static inline test_int test_unsigned(uint64_t x)
{
    return (test_int){x, false};
}

static inline test_int test_signed(int64_t x)
{
    return (test_int){(uint64_t)x, x < 0};
}

#define TEST_INT_(x)                                                                            \
    _Generic((x), unsigned long : test_unsigned, unsigned long long : test_unsigned,            \
             default : test_signed)(x)

__attribute__((noreturn, cold)) void test_fail_eq(const char *file, int line, const char *what,
                                                  test_int a, test_int b);

static inline void test_check_eq(const char *file, int line, const char *what, test_int a,
                                 test_int b)
{
    if (a.bits != b.bits || a.negative != b.negative) {
        test_fail_eq(file, line, what, a, b);
    }
}

void test_check_str(const char *file, int line, const char *what, const char *a, const char *b);

#endif
