/* SPDX-License-Identifier: MIT
 *
 * buffer.c: the receive buffers that all handles of a loop share.
 *
 * One buffer is in the loop's hand: every receive of a stream uses it, so it stays in the cache,
 * and most callbacks are done with it when they return. Only one that is kept leaves the hand, and
 * another is picked from the free list, last in first out.
 *
 * Datagrams come several at once: their buffers are taken from the free list, and from the hand if
 * that is the last one, and those that nobody keeps are given back.
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

uint32_t tht_buffer_take(thetis_loop *loop, uint32_t *numbers, uint32_t n)
{
    uint32_t taken = 0;
    for (; taken < n && loop->buffer_free; taken++) {
        uint32_t number = loop->buffer_free - 1;
        loop->buffer_free = loop->buffers[number].next;
        loop->buffers[number].state = THT_BUFFER_TAKEN;
        numbers[taken] = number;
    }
    if (taken || n == 0 || loop->hand_memory == NULL) return taken;
    loop->hand_memory = NULL;
    loop->buffers[loop->hand].state = THT_BUFFER_TAKEN;
    numbers[0] = loop->hand;
    return 1;
}

void tht_buffer_keep(thetis_handle *h, uint32_t number, unsigned most)
{
    thetis_loop *loop = h->loop_;
    THETIS_ASSERT1(h->kept_ < most);
    loop->buffers[number].owner = tht_token(h);
    loop->buffers[number].state = THT_BUFFER_KEPT;
    loop->buffers_kept++;
    if (++h->kept_ < most) return;
    h->flags_ |= THT_F_LADEN;
    tht_handle_dirty(h);
}

void thetis_loop_release(thetis_loop *loop, uint32_t buffer)
{
    tht_buffer *b;
    tht_slot *s;
    THT_ASSERT_OWNER(loop);
    THETIS_ASSERT1(buffer < loop->max_buffers && loop->buffers[buffer].state == THT_BUFFER_KEPT);
    b = &loop->buffers[buffer];
    s = &loop->slots[(uint32_t)b->owner];
    tht_buffer_free(loop, buffer);
    loop->buffers_kept--;
    if (!tht_list_empty(loop, THT_PARKED)) loop->recheck = 1;
    /* The stream may be gone: then its slot has another generation. */
    if (s->handle == NULL || s->gen != (uint32_t)(b->owner >> 32)) return;
    s->handle->kept_--;
    if (!(s->handle->flags_ & THT_F_LADEN)) return;
    s->handle->flags_ &= (uint8_t)~THT_F_LADEN;
    tht_handle_dirty(s->handle);
}
