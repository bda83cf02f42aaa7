/* SPDX-License-Identifier: MIT
 *
 * thread.h: tables of thread numbers in memory that a peer may write, for those who know how many
 * places there are.
 */
#ifndef THT_CORE_THREAD_H
#define THT_CORE_THREAD_H

#include <thetis/thread.h>

/* thetis_thread_join() of a table of `places`. ECORRUPT: none is free, though one should be. */
thetis_status tht_thread_take(thetis_thread_table *table, size_t places, size_t *id);

/* thetis_thread_leave(). */
void tht_thread_give(thetis_thread_table *table, size_t id);

#endif
