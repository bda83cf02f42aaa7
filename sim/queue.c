/* SPDX-License-Identifier: MIT
 *
 * queue.c: bytes that wait, in a ring that grows.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

enum { QUEUE_MIN = 4096 };

static void queue_room(sim_queue *q, size_t need)
{
    unsigned char *bytes;
    size_t room = q->room ? q->room : QUEUE_MIN;
    if (need <= q->room) return;
    while (room < need) room *= 2;
    bytes = malloc(room);
    if (bytes == NULL) abort();
    (void)tsm_queue_copy(q, bytes, q->len);
    free(q->bytes);
    q->bytes = bytes;
    q->room = room;
    q->first = 0;
}

void tsm_queue_push(sim_queue *q, const void *bytes, size_t n)
{
    size_t at, part;
    if (n == 0) return;
    queue_room(q, q->len + n);
    at = (q->first + q->len) % q->room;
    part = n < q->room - at ? n : q->room - at;
    memcpy(q->bytes + at, bytes, part);
    memcpy(q->bytes, (const unsigned char *)bytes + part, n - part);
    q->len += n;
}

size_t tsm_queue_copy(const sim_queue *q, void *out, size_t n)
{
    size_t part;
    if (n > q->len) n = q->len;
    if (n == 0) return 0;
    part = n < q->room - q->first ? n : q->room - q->first;
    memcpy(out, q->bytes + q->first, part);
    memcpy((unsigned char *)out + part, q->bytes, n - part);
    return n;
}

void tsm_queue_skip(sim_queue *q, size_t n)
{
    if (n == 0) return;
    q->first = (q->first + n) % q->room;
    q->len -= n;
    if (q->len == 0) q->first = 0;
}

size_t tsm_queue_move(sim_queue *to, sim_queue *from, size_t n)
{
    if (n > from->len) n = from->len;
    for (size_t left = n; left > 0;) {
        size_t part = left < from->room - from->first ? left : from->room - from->first;
        tsm_queue_push(to, from->bytes + from->first, part);
        tsm_queue_skip(from, part);
        left -= part;
    }
    return n;
}

void tsm_queue_free(sim_queue *q)
{
    free(q->bytes);
    *q = (sim_queue){0};
}
