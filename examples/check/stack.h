/* SPDX-License-Identifier: MIT
 *
 * stack.h: a stack that threads share without a lock, as a user of the tester might have written
 * it: plain C11, nothing of thetis.
 */
#ifndef STACK_H
#define STACK_H

#include <stdatomic.h>
#include <stddef.h>

typedef struct node {
    struct node *next;
    int value;
} node;

typedef struct stack {
    _Atomic(node *) top;
} stack;

static inline void stack_push(stack *s, node *n)
{
    n->next = atomic_load_explicit(&s->top, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&s->top, &n->next, n, memory_order_release,
                                                  memory_order_relaxed)) {
    }
}

/* Everything at once, the newest first. */
static inline node *stack_take(stack *s)
{
    return atomic_exchange_explicit(&s->top, NULL, memory_order_acquire);
}

/* The newest. Wrong as soon as two threads pop and free: another may have freed `n` before its
 * `next` is read here. */
static inline node *stack_pop(stack *s)
{
    node *n = atomic_load_explicit(&s->top, memory_order_acquire);
    while (n && !atomic_compare_exchange_weak_explicit(&s->top, &n, n->next, memory_order_acquire,
                                                       memory_order_acquire)) {
    }
    return n;
}

#endif
