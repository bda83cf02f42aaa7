/* SPDX-License-Identifier: MIT
 *
 * main.c: thetis-selftest: the test programs as one, to be carried to a system and run there.
 *
 *     thetis-selftest [--backend NAME] [SUITE...]
 *     thetis-selftest --list
 *     thetis-selftest --only SUITE CASE
 *
 * It needs no file, and writes none but in a folder for temporary ones. A SUITE is the name of a
 * program, or of a kind of them: unit, stress, lin, conform; none: all. The exit status is 0 if
 * cases have passed and none has failed, else 1; 2: wrong arguments. The last line is
 *
 *     N passed, N failed, N skipped
 *
 * THETIS_EMULATOR=1 in the environment shortens runs for a slow machine, THETIS_SEED repeats one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/count_malloc.h"
#include "harness/test.h"

#define SUITE(kind, name) extern const test_suite suite_##name;
#include SELFTEST_SUITES
#undef SUITE

static const struct {
    const char *kind, *name;
    const test_suite *suite;
} suites[] = {
#define SUITE(kind, name) {#kind, #name, &suite_##name},
#include SELFTEST_SUITES
};

enum { SUITES = sizeof suites / sizeof suites[0] };

/* A static program has no place for a malloc before that of the C library. */
size_t count_malloc(void)
{
    SKIP_ENVIRONMENT("allocations are not counted in a static program");
}

static int list(void)
{
    for (size_t i = 0; i < SUITES; i++) printf("%s %s\n", suites[i].kind, suites[i].name);
    return 0;
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--list] [--backend NAME] [SUITE... | --only SUITE CASE]\n",
            program);
    return 2;
}

static int matches(size_t i, const char *name)
{
    return strcmp(suites[i].name, name) == 0 || strcmp(suites[i].kind, name) == 0;
}

/* Whether the arguments, none: all, name this suite. */
static int wanted(size_t i, int names, char **name)
{
    for (int k = 0; k < names; k++)
        if (matches(i, name[k])) return 1;
    return names == 0;
}

/* A name that no suite has, or NULL. */
static const char *unknown(int names, char **name)
{
    for (int k = 0; k < names; k++) {
        size_t i = 0;
        while (i < SUITES && !matches(i, name[k])) i++;
        if (i == SUITES) return name[k];
    }
    return NULL;
}

/* `glob`: of the cases; NULL: all. */
static void run(const char *program, size_t i, char *glob)
{
    static char words[512]; /* what repeats a case */
    char *argv[] = {words, glob, NULL};
    (void)snprintf(words, sizeof words, "%s --only %s", program, suites[i].name);
    printf("# %s %s\n", suites[i].kind, suites[i].name);
    (void)test_main(glob ? 2 : 1, argv, suites[i].suite->cases, suites[i].suite->count);
}

static int conclude(void)
{
    test_totals sum = test_so_far();
    printf("%zu passed, %zu failed, %zu skipped\n", sum.passed, sum.failed, sum.skipped);
    return sum.passed == 0 || sum.failed > 0;
}

int main(int argc, char **argv)
{
    const char *program = argv[0];
    if (argc == 2 && strcmp(argv[1], "--list") == 0) return list();
    if (argc > 2 && strcmp(argv[1], "--backend") == 0) {
        if (setenv("THETIS_BACKEND", argv[2], 1) != 0) return usage(program);
        argv += 2;
        argc -= 2;
    }
    int only = argc == 4 && strcmp(argv[1], "--only") == 0;
    int names = only ? 1 : argc - 1;
    char **name = only ? argv + 2 : argv + 1;
    if (unknown(names, name)) return usage(program);
    for (size_t i = 0; i < SUITES; i++)
        if (wanted(i, names, name)) run(program, i, only ? argv[3] : NULL);
    return conclude();
}
