/* SPDX-License-Identifier: MIT
 *
 * test.c: a test program (test.h): its options, its output, its checks. C17 alone.
 */
#include "run.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

test_state test_run;

uint64_t test_seed(void)
{
    return test_run.seed;
}

test_totals test_so_far(void)
{
    return test_run.totals;
}

/* ---- output ---------------------------------------------------------------------------------- */

void test_set(test_verdict v, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    test_run.verdict = v;
    vsnprintf(test_run.text, sizeof test_run.text, format, args);
    va_end(args);
}

static void print_failure(void)
{
    printf("not ok %zu - %s\n# ", test_run.number, test_run.now->name);
    for (const char *c = test_run.text; *c; c++) {
        putchar(*c);
        if (*c == '\n') {
            fputs("# ", stdout);
        }
    }
    printf("\n# replay: THETIS_SEED=0x%016" PRIx64 " %s %s\n", test_run.seed, test_run.program,
           test_run.now->name);
}

static void print_outcome(void)
{
    if (test_run.verdict == TEST_FAILED) {
        print_failure();
    } else if (test_run.verdict == TEST_SKIPPED) {
        printf("ok %zu - %s # SKIP %s\n", test_run.number, test_run.now->name, test_run.text);
    } else {
        printf("ok %zu - %s\n", test_run.number, test_run.now->name);
    }
    fflush(stdout);
}

/* ---- in this process ------------------------------------------------------------------------- */

static jmp_buf test_back;

__attribute__((noreturn)) static void end_here(test_verdict v, const char *text)
{
    test_set(v, "%s", text);
    if (v == TEST_FAILED) {
        print_failure();
        puts("Bail out! Without processes the first failure ends the run.");
        fflush(stdout);
        _Exit(1);
    }
    longjmp(test_back, 1);
}

void test_here(void)
{
    if (test_run.now->aborts) {
        test_set(TEST_SKIPPED, "unsupported(a process for each case)");
    } else if (setjmp(test_back) == 0) {
        test_run.now->run();
        test_set(TEST_PASSED, "%s", "");
    }
}

/* ---- checks ---------------------------------------------------------------------------------- */

void test_fail(const char *file, int line, const char *format, ...)
{
    char text[TEST_TEXT_MAX];
    va_list args;
    va_start(args, format);
    int used = snprintf(text, sizeof text, "%s:%d: ", file, line);
    if (used > 0 && (size_t)used < sizeof text) {
        vsnprintf(text + used, sizeof text - (size_t)used, format, args);
    }
    va_end(args);
    test_run.end(TEST_FAILED, text);
}

void test_skip(test_why why, const char *reason)
{
    static const char *const names[] = {"unsupported", "emulator", "environment"};
    char text[TEST_TEXT_MAX];
    snprintf(text, sizeof text, "%s(%s)", names[why], reason);
    test_run.end(TEST_SKIPPED, text);
}

/* Room for "-9223372036854775808 (0xffffffffffffffff)". */
typedef struct number_text {
    char s[48];
} number_text;

static number_text show_int(test_int x)
{
    number_text text;
    if (x.negative) {
        snprintf(text.s, sizeof text.s, "-%" PRIu64, UINT64_C(0) - x.bits);
    } else {
        snprintf(text.s, sizeof text.s, "%" PRIu64 " (0x%" PRIx64 ")", x.bits, x.bits);
    }
    return text;
}

void test_fail_eq(const char *file, int line, const char *what, test_int a, test_int b)
{
    test_fail(file, line, "%s: %s is not %s", what, show_int(a).s, show_int(b).s);
}

void test_check_str(const char *file, int line, const char *what, const char *a, const char *b)
{
    if (a != b && (!a || !b || strcmp(a, b) != 0)) {
        test_fail(file, line, "%s: \"%s\" is not \"%s\"", what, a ? a : "(null)",
                  b ? b : "(null)");
    }
}

/* ---- program --------------------------------------------------------------------------------- */

typedef struct options {
    const char *glob;
    bool list;
    void (*run)(void);
} options;

static bool matches(const char *glob, const char *name)
{
    if (*glob == '*') {
        return matches(glob + 1, name) || (*name && matches(glob, name + 1));
    }
    if (*glob == '\0' || *name == '\0') {
        return *glob == *name;
    }
    return (*glob == '?' || *glob == *name) && matches(glob + 1, name + 1);
}

static bool read_options(options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            o->list = true;
        } else if (strcmp(argv[i], "--no-fork") == 0) {
            o->run = test_here;
        } else if (argv[i][0] != '-' && !o->glob) {
            o->glob = argv[i];
        } else {
            return false;
        }
    }
    o->glob = o->glob ? o->glob : "*";
    return true;
}

static bool read_seed(void)
{
    const char *text = getenv("THETIS_SEED");
    char *end = NULL;
    test_run.seed = text ? strtoull(text, &end, 0) : test_random();
    return !text || (end != text && *end == '\0');
}

static size_t list_cases(const options *o, const test_case *cases, size_t count)
{
    size_t selected = 0;
    for (size_t i = 0; i < count; i++) {
        if (matches(o->glob, cases[i].name)) {
            selected++;
            if (o->list) {
                puts(cases[i].name);
            }
        }
    }
    return selected;
}

static int run_cases(const options *o, const test_case *cases, size_t count, size_t selected)
{
    const test_totals before = test_run.totals;
    test_totals *sum = &test_run.totals;
    test_run.number = 0;
    printf("TAP version 13\n1..%zu\n", selected);
    for (size_t i = 0; i < count; i++) {
        if (matches(o->glob, cases[i].name)) {
            test_run.now = &cases[i];
            test_run.number++;
            o->run();
            print_outcome();
            sum->failed += test_run.verdict == TEST_FAILED;
            sum->skipped += test_run.verdict == TEST_SKIPPED;
            sum->passed += test_run.verdict == TEST_PASSED;
        }
    }
    if (sum->failed > before.failed) return 1;
    return sum->skipped - before.skipped == selected ? 77 : 0;
}

int test_main(int argc, char **argv, const test_case *cases, size_t count)
{
    options o = {.run = test_apart};
    test_run.end = end_here;
    test_run.program = argc > 0 ? argv[0] : "test";
    if (!read_options(&o, argc, argv)) {
        fprintf(stderr, "usage: %s [--list] [--no-fork] [GLOB]\n", test_run.program);
        return 2;
    }
    if (!read_seed()) {
        fprintf(stderr, "%s: THETIS_SEED is not a number\n", test_run.program);
        return 2;
    }
    size_t selected = list_cases(&o, cases, count);
    if (selected == 0) {
        fprintf(stderr, "%s: no case matches '%s'\n", test_run.program, o.glob);
        return 2;
    }
    test_apart_prepare();
    return o.list ? 0 : run_cases(&o, cases, count, selected);
}
