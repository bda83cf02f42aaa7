/* SPDX-License-Identifier: MIT
 *
 * oracle.h: where choices come from.
 *
 * A choice is one of 0 .. n-1, and 0 is the plainest. Every choice is recorded, so that a list of
 * them replays the run: a list that ends early goes on with 0, and a number that is too large
 * counts modulo n. So any list is a run, and a shorter or smaller one a simpler run.
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include <stddef.h>
#include <stdint.h>

enum { SIM_CHOICES = 1 << 16 };

/* In memory that survives the run's process. */
struct sim_oracle {
    uint64_t seed;                  /* 0: the list */
    uint64_t state;
    size_t given;                   /* choices in the list */
    size_t taken;                   /* recorded in this run */
    uint32_t values[SIM_CHOICES];   /* the list, and the record */
    uint32_t limits[SIM_CHOICES];   /* the n of each */
};

/* The next list of an exhaustive search in which the first `depth` choices vary; 0: all were. */
int tsm_oracle_next(struct sim_oracle *o, size_t depth);

/* "1.0*12.3": numbers between dots, a repetition with its count. Returns the length. */
size_t tsm_oracle_text(const struct sim_oracle *o, char *text, size_t room);

/* The list is these bytes, spread over what a choice can be: for a fuzzer, which writes bytes. */
void tsm_oracle_bytes(struct sim_oracle *o, const unsigned char *bytes, size_t n);

/* 0 if it is no such text, or too long. */
int tsm_oracle_parse(struct sim_oracle *o, const char *text);

#endif
