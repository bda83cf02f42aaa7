/* SPDX-License-Identifier: MIT
 *
 * stack_check.c: tests stack.h in every order of its steps that matters. docs/check.md tells how.
 *
 * Two threads push two nodes each and a third takes them away. The second scenario is a negative
 * control: if the tester did not find the fault in it, this program would fail.
 */
#include <stdlib.h>
#include <thetis/check.h>

#include "stack.h"

enum { TAKER = 2, PUSHES = 2 };

static stack shared;
static unsigned pushed[3]; /* by each thread */
static unsigned taken;

static void setup(void)
{
    atomic_init(&shared.top, NULL);
    pushed[0] = pushed[1] = pushed[2] = taken = 0;
}

static void push(unsigned thread, int value)
{
    node *n = malloc(sizeof *n);
    if (!n) return;
    n->value = value;
    thetis_check_begin("stack.push", THETIS_CHECK_UNBOUNDED);
    stack_push(&shared, n);
    thetis_check_end();
    pushed[thread]++;
}

static node *take(void)
{
    thetis_check_begin("stack.take", 1);
    node *all = stack_take(&shared);
    thetis_check_end();
    return all;
}

static void free_all(node *n)
{
    while (n) {
        node *next = n->next;
        THETIS_CHECK(n->value == 1);
        free(n);
        taken++;
        n = next;
    }
}

/* ---- passes ---------------------------------------------------------------------------------- */

static void body(unsigned thread)
{
    for (unsigned k = 0; k < PUSHES * thetis_check_rounds(); k++) {
        if (thread == TAKER) free_all(take());
        else push(thread, 1);
    }
}

static void nothing_lost(void)
{
    for (unsigned t = 0; t < 3; t++)
        if (thetis_check_stopped(t)) return;
    free_all(stack_take(&shared));
    THETIS_CHECK(taken == pushed[0] + pushed[1]);
}

static const thetis_check_scenario push_take = {
    .name = "stack-push-take", .threads = 3, .setup = setup, .body = body, .done = nothing_lost,
    .flags = THETIS_CHECK_LOCKFREE};

/* ---- fails, as it must ----------------------------------------------------------------------- */

static void pop_setup(void)
{
    setup();
    push(TAKER, 1);
    push(TAKER, 1);
}

static void pop_body(unsigned thread)
{
    (void)thread;
    free(stack_pop(&shared));
}

static const thetis_check_scenario pop_pop = {
    .name = "control-stack-pop", .threads = 2, .setup = pop_setup, .body = pop_body,
    .expect = "use after free"};

THETIS_CHECK_MAIN(&push_take, &pop_pop)
