/* SPDX-License-Identifier: MIT
 *
 * system_wait.h: a system that sleeps and wakes, in place of src/port/wait_*.c.
 *
 * It is not instrumented: what a system does is no step and no race. Each call is a place to
 * switch, a sleep is thetis_check_wait(): a wake-up that is lost is a deadlock. A sleep that may
 * time out does so or not, as the strategy chooses; one sleep in a schedule may end for no reason.
 */
#ifndef MODEL_SYSTEM_WAIT_H
#define MODEL_SYSTEM_WAIT_H

void system_wait_begin(void);
unsigned system_wait_wakes(void); /* system calls that wake, signals included */

/* No sleep ends for no reason. */
void system_wait_exact(void);

/* How many different ends sleeps with a time-out had. */
unsigned system_wait_ends(void);
unsigned system_wait_takes(void); /* reads of signals */

/* What this thread does to wake has no effect: as if it were stopped for ever before. */
void system_wait_lose(unsigned thread);

/* Polls until the descriptor is readable. */
void system_wait_poll(int fd);
int system_wait_readable(int fd);

#endif
