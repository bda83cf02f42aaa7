/* SPDX-License-Identifier: MIT
 *
 * system_wake.h: a system with nothing but a poller that sleeps and a descriptor that wakes it.
 *
 * It is not instrumented: what a system does is no step and no race. A sleep is
 * thetis_check_wait(), so a wake-up that is lost is a deadlock.
 */
#ifndef MODEL_SYSTEM_WAKE_H
#define MODEL_SYSTEM_WAKE_H

#include "port/sys.h"

extern const tht_sys system_wake;

void system_wake_begin(void);
unsigned system_wake_sleeps(void); /* polls that were allowed to wait */
unsigned system_wake_sends(void);  /* system calls that wake */

#endif
