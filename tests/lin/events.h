/* SPDX-License-Identifier: MIT
 *
 * events.h: moments of a history in the order of time, for monitors that sweep over them.
 */
#ifndef LIN_EVENTS_H
#define LIN_EVENTS_H

#include <stddef.h>
#include <stdint.h>

typedef struct lin_event {
    uint64_t time;
    uint32_t what; /* whatever the monitor says */
    uint32_t id;
} lin_event;

/* Sorts by time; events of one time stay in their order. `spare` has room for n, too. */
void lin_events_sort(lin_event *events, lin_event *spare, size_t n);

#endif
