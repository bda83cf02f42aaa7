/* SPDX-License-Identifier: MIT
 *
 * system_wake.h: a system with nothing but a poller that sleeps and a descriptor that wakes it.
 *
 * It is not instrumented: what a system does is no step and no race. A sleep is
 * thetis_check_wait(), so a wake-up that is lost is a deadlock. A sleep with a time limit is over
 * early once, and later ones only when the scenario says that nothing else can come any more:
 * else a loop that looks again and again would do nothing but that.
 */
#ifndef MODEL_SYSTEM_WAKE_H
#define MODEL_SYSTEM_WAKE_H

#include "port/sys.h"

extern const tht_sys system_wake;

void system_wake_begin(int (*quiet)(void)); /* NULL: no sleep has a time limit */
unsigned system_wake_sleeps(void); /* polls that were allowed to wait */
unsigned system_wake_sends(void);  /* system calls that wake */

#endif
