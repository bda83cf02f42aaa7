/* SPDX-License-Identifier: MIT
 *
 * buffer.c: the receive buffers that all streams of a loop share.
 *
 * One buffer is in the loop's hand: every receive uses it, so it stays in the cache, and most
 * callbacks are done with it when they return. Only one that is kept leaves the hand, and another
 * is picked from the free list, last in first out.
 */
#include "loop.h"

void tht_buffer_init(thetis_loop *loop, uint32_t count)
{
    for (uint32_t i = count; i-- > 0;) {
        loop->buffers[i].next = loop->buffer_free;
        loop->buffer_free = i + 1;
    }
}

int tht_buffer_pick(thetis_loop *loop)
{
    uint32_t number = loop->buffer_free;
    if (number == 0) return 0;
    loop->buffer_free = loop->buffers[number - 1].next;
    loop->hand = number - 1;
    loop->hand_memory = tht_buffer_at(loop, loop->hand);
    return 1;
}

void tht_buffer_keep(thetis_handle *h, uint32_t number)
{
    thetis_loop *loop = h->loop_;
    THETIS_ASSERT1(loop->hand_memory && loop->hand == number && h->kept_ < THT_KEEP_MAX);
    loop->hand_memory = NULL;
    loop->buffers[number].owner = tht_token(h);
    loop->buffers[number].kept = 1;
    loop->buffers_kept++;
    if (++h->kept_ < THT_KEEP_MAX) return;
    h->flags_ |= THT_F_LADEN;
    tht_handle_dirty(h);
}

void thetis_loop_release(thetis_loop *loop, uint32_t buffer)
{
    tht_buffer *b;
    tht_slot *s;
    THT_ASSERT_OWNER(loop);
    THETIS_ASSERT1(buffer < loop->max_buffers && loop->buffers[buffer].kept);
    b = &loop->buffers[buffer];
    s = &loop->slots[(uint32_t)b->owner];
    b->kept = 0;
    b->next = loop->buffer_free;
    loop->buffer_free = buffer + 1;
    loop->buffers_kept--;
    if (!tht_list_empty(loop, THT_PARKED)) loop->recheck = 1;
    /* The stream may be gone: then its slot has another generation. */
    if (s->handle == NULL || s->gen != (uint32_t)(b->owner >> 32)) return;
    if (s->handle->kept_-- < THT_KEEP_MAX) return;
    s->handle->flags_ &= (uint8_t)~THT_F_LADEN;
    tht_handle_dirty(s->handle);
}
