/* SPDX-License-Identifier: MIT
 *
 * litmus.c: runs a litmus program; the accesses are instrumented, the program is read only.
 */
#include "litmus.h"

#include <string.h>

#include "orders.h"

litmus_program litmus;
uint64_t litmus_registers[LITMUS_REGISTERS];
uint64_t litmus_words[LITMUS_WORDS + 1];

void litmus_setup(void)
{
    memset(litmus_registers, 0, sizeof litmus_registers);
    memset(litmus_words, 0, sizeof litmus_words);
}

static void plain(const litmus_step *step)
{
    if (step->kind == LITMUS_STORE) litmus_words[LITMUS_PLAIN] = step->value;
    else litmus_registers[step->reg] = litmus_words[LITMUS_PLAIN];
}

static void atomic(const litmus_step *step)
{
    uint64_t *word = &litmus_words[step->word], seen = step->want;
    switch (step->kind) {
    case LITMUS_STORE:
        order_store(word, step->value, step->order);
        return;
    case LITMUS_LOAD:
        seen = order_load(word, step->order);
        break;
    case LITMUS_ADD:
        seen = order_add(word, step->value, step->order);
        break;
    default:
        (void)order_cas(word, &seen, step->value, step->order, __ATOMIC_RELAXED);
        break;
    }
    litmus_registers[step->reg] = seen;
}

void litmus_body(unsigned thread)
{
    for (const litmus_step *step = litmus.steps[thread]; step->kind != LITMUS_END; step++) {
        if (step->kind == LITMUS_FENCE) order_fence(step->order);
        else if (step->kind != LITMUS_IF && step->word == LITMUS_PLAIN) plain(step);
        else if (step->kind != LITMUS_IF) atomic(step);
        else if (litmus_registers[step->reg] != step->value) return;
    }
}
