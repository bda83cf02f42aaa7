/* SPDX-License-Identifier: MIT
 *
 * litmus.h: a small program of up to four threads, as data.
 */
#ifndef THETIS_TESTS_MODEL_LITMUS_H
#define THETIS_TESTS_MODEL_LITMUS_H

#include <stddef.h>
#include <stdint.h>

enum {
    LITMUS_THREADS = 4,
    LITMUS_STEPS = 6,
    LITMUS_REGISTERS = 6, /* a .. f */
    LITMUS_WORDS = 3,     /* x y z: atomic */
    LITMUS_PLAIN = 3      /* p: not */
};

typedef enum litmus_kind {
    LITMUS_END,
    LITMUS_STORE,
    LITMUS_LOAD,
    LITMUS_ADD,
    LITMUS_CAS,
    LITMUS_FENCE,
    LITMUS_IF /* the thread ends here unless the register has that value */
} litmus_kind;

typedef struct litmus_step {
    litmus_kind kind;
    unsigned word, reg;
    uint64_t want, value; /* `want`: of a compare-and-swap */
    int order;
} litmus_step;

typedef struct litmus_program {
    unsigned threads;
    litmus_step steps[LITMUS_THREADS][LITMUS_STEPS + 1];
} litmus_program;

extern litmus_program litmus;
extern uint64_t litmus_registers[LITMUS_REGISTERS]; /* each set by one thread */
extern uint64_t litmus_words[LITMUS_WORDS + 1];

void litmus_setup(void);
void litmus_body(unsigned thread);

#endif
