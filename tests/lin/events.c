/* SPDX-License-Identifier: MIT
 *
 * events.c: sorting by time, see events.h. By digits where there are many.
 */
#include "lin/events.h"

#include <string.h>

enum { EVENTS_FEW = 64, EVENTS_DIGITS = 256 };

static void events_insertion_sort(lin_event *events, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        lin_event event = events[i];
        size_t k = i;
        for (; k > 0 && events[k - 1].time > event.time; k--) events[k] = events[k - 1];
        events[k] = event;
    }
}

/* One pass of a radix sort: by bits shift .. shift + 7. */
static void events_pass(const lin_event *from, lin_event *to, size_t n, unsigned shift)
{
    size_t at[EVENTS_DIGITS] = {0};
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) at[from[i].time >> shift & 255]++;
    for (size_t d = 0; d < EVENTS_DIGITS; d++) {
        size_t count = at[d];
        at[d] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++) to[at[from[i].time >> shift & 255]++] = from[i];
}

void lin_events_sort(lin_event *events, lin_event *spare, size_t n)
{
    uint64_t differ = 0;
    lin_event *from = events, *to = spare;
    if (n < EVENTS_FEW) {
        events_insertion_sort(events, n);
        return;
    }
    for (size_t i = 1; i < n; i++) differ |= events[i].time ^ events[0].time;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if (!(differ >> shift & 255)) continue;
        events_pass(from, to, n, shift);
        lin_event *swap = from;
        from = to;
        to = swap;
    }
    if (from != events) memcpy(events, from, n * sizeof *events);
}
