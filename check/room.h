/* SPDX-License-Identifier: MIT
 *
 * room.h: the tester's own memory, given out piece by piece and taken back all at once.
 */
#ifndef CHECK_ROOM_H
#define CHECK_ROOM_H

#include <stddef.h>

/* Zero-filled memory until tst_room_forget(): what is learned of a scenario. */
void *tst_room(size_t bytes);
void tst_room_forget(void);

/* Memory with any contents until tst_scratch_forget(): what one schedule needs. */
void *tst_scratch(size_t bytes);
void tst_scratch_forget(void);

/* The tester itself cannot go on: says why and ends the program with status 2. */
__attribute__((noreturn, cold)) void tst_die(const char *why);

#endif
