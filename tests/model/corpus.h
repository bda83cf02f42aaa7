/* SPDX-License-Identifier: MIT
 *
 * corpus.h: faults that other libraries had, each as two small scenarios of the tester.
 *
 * Each fault is rebuilt as a pattern in a few lines of our own: control-bug-<library>-<number> has
 * it and must be found, control-fix-<library>-<number> is the same code with the fault taken out
 * and must pass. The only difference is what the code asks of corpus_fixed. docs/corpus.md says
 * where each comes from.
 *
 * A body records what it saw in variables of its own, and done() judges: nothing that the faulty
 * code does not do itself orders the threads. done() holds for threads that were stopped, too.
 */
#ifndef MODEL_CORPUS_H
#define MODEL_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thetis/check.h>

#define X(scenario) extern const thetis_check_scenario scenario;
#include "corpus.def"
#undef X

/* The form that runs. Written by setup only, so it is no shared access. */
static bool corpus_fixed;

/* The orders are constants in the source, as the compilers' instrumentation wants them. */
#define LOAD(word, order) __atomic_load_n(word, __ATOMIC_##order)
#define STORE(word, value, order) __atomic_store_n(word, value, __ATOMIC_##order)
#define SWAP(word, value, order) __atomic_exchange_n(word, value, __ATOMIC_##order)
#define ADD(word, value, order) __atomic_fetch_add(word, value, __ATOMIC_##order)
#define AND(word, value, order) __atomic_fetch_and(word, value, __ATOMIC_##order)
#define OR(word, value, order) __atomic_fetch_or(word, value, __ATOMIC_##order)
#define CAS(word, seen, value, order, failed)                                                   \
    __atomic_compare_exchange_n(word, seen, value, false, __ATOMIC_##order, __ATOMIC_##failed)
#define FENCE(order) __atomic_thread_fence(__ATOMIC_##order)

/* Both scenarios of <id>, made of <id>_setup, <id>_body and <id>_done. `verdict` is what the fault
 * is found as, `by` the strategies that must find it; `model` is THETIS_CHECK_WEAK if sequential
 * consistency hides it, else 0; `flags` are those of both forms. */
#define CORPUS(id, title, count, verdict, by, model, common)                                    \
    static void id##_broken(void)                                                               \
    {                                                                                           \
        corpus_fixed = false;                                                                   \
        id##_setup();                                                                           \
    }                                                                                           \
    static void id##_mended(void)                                                               \
    {                                                                                           \
        corpus_fixed = true;                                                                    \
        id##_setup();                                                                           \
    }                                                                                           \
    const thetis_check_scenario control_bug_##id = {.name = "control-bug-" title,               \
                                                    .threads = count,                           \
                                                    .setup = id##_broken,                       \
                                                    .body = id##_body,                          \
                                                    .done = id##_done,                          \
                                                    .expect = verdict,                          \
                                                    .finders = by,                              \
                                                    .flags = (model) | (common)};               \
    const thetis_check_scenario control_fix_##id = {.name = "control-fix-" title,               \
                                                    .threads = count,                           \
                                                    .setup = id##_mended,                       \
                                                    .body = id##_body,                          \
                                                    .done = id##_done,                          \
                                                    .flags = common}

#endif
