/* SPDX-License-Identifier: MIT
 *
 * test_spsc_end.c: both ends of a ring in memory that is mapped twice, and what they do with
 * counters that a peer has written.
 */
#include "harness/test.h"
#include "port/port_posix.h"

#include <string.h>
#include <sys/mman.h>
#include <thetis/spsc_end.h>
#include <unistd.h>

enum { END_CAPACITY = 4, END_MAP = 4096 };

static const thetis_spsc_cfg end_cfg = {sizeof(uint32_t), END_CAPACITY};

/* The ring as a third process would see it, and both ends, each with a mapping of its own. */
typedef struct end_pair {
    thetis_spsc *ring;
    void *in_mem, *out_mem;
    thetis_spsc_end in, out;
} end_pair;

static void *map_shared(int fd)
{
    void *mem = mmap(NULL, END_MAP, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(mem != MAP_FAILED);
    return mem;
}

static void attach_in(end_pair *p, thetis_status want)
{
    CHECK_EQ(thetis_spsc_attach(p->in_mem, END_MAP, &end_cfg, THETIS_SHM_PRODUCER, &p->in), want);
}

static void attach_out(end_pair *p, thetis_status want)
{
    CHECK_EQ(thetis_spsc_attach(p->out_mem, END_MAP, &end_cfg, THETIS_SHM_CONSUMER, &p->out),
             want);
}

/* As if `start` elements had gone through. */
static end_pair pair_at(uintptr_t start)
{
    int fd = tht_port_file();
    end_pair p;
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, END_MAP), 0);
    CHECK_EQ(thetis_spsc_init(map_shared(fd), END_MAP, &end_cfg, &p.ring), THETIS_OK);
    p.ring->producer_.at_.word_ = p.ring->consumer_.at_.word_ = start * 2;
    p.in_mem = map_shared(fd);
    p.out_mem = map_shared(fd);
    CHECK_EQ(close(fd), 0);
    attach_in(&p, THETIS_OK);
    attach_out(&p, THETIS_OK);
    return p;
}

static void push_ok(end_pair *p, uint32_t value)
{
    CHECK_EQ(thetis_spsc_end_push(&p->in, &value), THETIS_OK);
}

static void pop_is(end_pair *p, uint32_t want)
{
    uint32_t got = ~want;
    CHECK_EQ(thetis_spsc_end_pop(&p->out, &got), THETIS_OK);
    CHECK_EQ(got, want);
}

static thetis_status push_says(end_pair *p)
{
    return thetis_spsc_end_push(&p->in, &(uint32_t){9});
}

static thetis_status pop_says(end_pair *p)
{
    uint32_t got;
    return thetis_spsc_end_pop(&p->out, &got);
}

/* ---- as a ring ------------------------------------------------------------------------------- */

TEST(elements_come_in_order_through_both_mappings)
{
    for (uintptr_t k = 0; k < 9; k++) {
        end_pair p = pair_at(0 - k);
        for (uint32_t value = 0; value < 20; value += END_CAPACITY) {
            CHECK_EQ(pop_says(&p), THETIS_EMPTY);
            for (uint32_t j = 0; j < END_CAPACITY; j++) push_ok(&p, value + j);
            CHECK_EQ(push_says(&p), THETIS_FULL);
            for (uint32_t j = 0; j < END_CAPACITY; j++) pop_is(&p, value + j);
        }
        CHECK_EQ(p.ring->consumer_.at_.word_, (20 - k) * 2);
    }
}

TEST(batches_and_places)
{
    end_pair p = pair_at(3);
    const uint32_t items[5] = {1, 2, 3, 4, 5};
    uint32_t got[5] = {0};
    thetis_spsc_span span;
    thetis_status why;
    CHECK_EQ(thetis_spsc_end_push_n(&p.in, items, 5, &why), 4);
    CHECK_EQ(why, THETIS_FULL);
    CHECK_EQ(thetis_spsc_end_pop_n(&p.out, got, 3, &why), 3);
    CHECK_EQ(why, THETIS_OK);
    CHECK(memcmp(got, items, 3 * sizeof got[0]) == 0);
    CHECK_EQ(thetis_spsc_end_reserve(&p.in, 2, &span, &why), 2);
    *(uint32_t *)span.at[0] = 7;
    thetis_spsc_end_abort(&p.in, 1);
    thetis_spsc_end_commit(&p.in, 1);
    CHECK_EQ(thetis_spsc_end_peek(&p.out, 3, &span, &why), 2);
    CHECK_EQ(why, THETIS_EMPTY);
    CHECK_EQ(*(uint32_t *)span.at[0], 4);
    thetis_spsc_end_release(&p.out, 1);
    pop_is(&p, 7);
}

TEST(close_drains_and_cancel_stops)
{
    end_pair p = pair_at(0);
    push_ok(&p, 1);
    thetis_spsc_end_close(&p.in);
    CHECK_EQ(push_says(&p), THETIS_CLOSED);
    pop_is(&p, 1);
    CHECK_EQ(pop_says(&p), THETIS_CLOSED);
    p = pair_at(5);
    thetis_spsc_end_cancel(&p.out);
    thetis_spsc_end_cancel(&p.out);
    CHECK_EQ(pop_says(&p), THETIS_CLOSED);
    CHECK_EQ(push_says(&p), THETIS_CLOSED);
}

TEST(one_role_has_not_the_calls_of_the_other)
{
    end_pair p = pair_at(0);
    CHECK_EQ(thetis_spsc_end_push(&p.out, &(uint32_t){1}), THETIS_OK);
}

/* ---- successors ------------------------------------------------------------------------------ */

TEST(a_successor_goes_on_where_the_last_has_published)
{
    end_pair p = pair_at(0);
    thetis_spsc_span span;
    for (uint32_t value = 1; value <= 3; value++) push_ok(&p, value);
    pop_is(&p, 1);
    CHECK_EQ(thetis_spsc_end_reserve(&p.in, 1, &span, NULL), 1); /* is gone */
    CHECK_EQ(thetis_spsc_end_peek(&p.out, 2, &span, NULL), 2);   /* come again */
    attach_in(&p, THETIS_OK);
    attach_out(&p, THETIS_OK);
    push_ok(&p, 4);
    for (uint32_t value = 2; value <= 4; value++) pop_is(&p, value);
    CHECK_EQ(pop_says(&p), THETIS_EMPTY);
}

TEST(closed_and_canceled_stay_so_for_a_successor)
{
    end_pair p = pair_at(0);
    push_ok(&p, 1);
    thetis_spsc_end_close(&p.in);
    attach_in(&p, THETIS_OK);
    attach_out(&p, THETIS_OK);
    CHECK_EQ(push_says(&p), THETIS_CLOSED);
    pop_is(&p, 1);
    thetis_spsc_end_cancel(&p.out);
    attach_out(&p, THETIS_OK);
    CHECK_EQ(pop_says(&p), THETIS_CLOSED);
    uintptr_t head = p.ring->consumer_.at_.word_;
    thetis_spsc_end_cancel(&p.out);
    CHECK_EQ(p.ring->consumer_.at_.word_, head);
    attach_in(&p, THETIS_OK);
    CHECK_EQ(push_says(&p), THETIS_CLOSED);
}

/* ---- a hostile peer -------------------------------------------------------------------------- */

TEST(attach_refuses_counters_that_contradict_each_other)
{
    static const uintptr_t tail[] = {2 * END_CAPACITY + 2, (uintptr_t)0 - 2, 4096, UINTPTR_MAX / 2};
    for (size_t k = 0; k < sizeof tail / sizeof tail[0]; k++) {
        end_pair p = pair_at(0);
        p.ring->producer_.at_.word_ = tail[k];
        attach_in(&p, THETIS_ECORRUPT);
        attach_out(&p, THETIS_ECORRUPT);
    }
    end_pair p = pair_at(0);
    p.ring->consumer_.at_.word_ = 1 + 4 * END_CAPACITY; /* canceled, from nowhere */
    attach_out(&p, THETIS_ECORRUPT);
}

/* Counters that cannot be: no element is shown, no room believed in. */
TEST(a_counter_that_cannot_be_is_corruption)
{
    static const uintptr_t off[] = {2 * END_CAPACITY + 2, 1024, UINTPTR_MAX / 2 + 1,
                                    (uintptr_t)0 - 2};
    uint32_t items[2 * END_CAPACITY] = {0};
    for (size_t k = 0; k < sizeof off / sizeof off[0]; k++) {
        end_pair p = pair_at(10);
        thetis_status why;
        p.ring->producer_.at_.word_ += off[k];
        CHECK_EQ(pop_says(&p), THETIS_ECORRUPT);
        CHECK_EQ(thetis_spsc_end_pop_n(&p.out, items, 2 * END_CAPACITY, &why), 0);
        CHECK_EQ(why, THETIS_ECORRUPT);
        p.ring->consumer_.at_.word_ -= off[k];
        CHECK_EQ(push_says(&p), THETIS_ECORRUPT);
        CHECK_EQ(thetis_spsc_end_push_n(&p.in, items, 2 * END_CAPACITY, &why), 0);
        CHECK_EQ(why, THETIS_ECORRUPT);
    }
}

/* The consumer cannot have taken what is reserved and not published. */
TEST(a_head_beyond_what_was_published_is_corruption)
{
    end_pair p = pair_at(3);
    thetis_spsc_span span;
    thetis_status why;
    CHECK_EQ(thetis_spsc_end_reserve(&p.in, END_CAPACITY, &span, &why), END_CAPACITY);
    p.ring->consumer_.at_.word_ += 2 * END_CAPACITY;
    CHECK_EQ(thetis_spsc_end_reserve(&p.in, 1, &span, &why), 0);
    CHECK_EQ(why, THETIS_ECORRUPT);
}

/* What was known before is still given out; the status says that there is something wrong. */
TEST(what_was_known_before_stays_usable)
{
    end_pair p = pair_at(0);
    uint32_t got[END_CAPACITY];
    thetis_status why;
    for (uint32_t value = 1; value <= 2; value++) push_ok(&p, value);
    pop_is(&p, 1);
    p.ring->producer_.at_.word_ = 0; /* goes back */
    CHECK_EQ(thetis_spsc_end_pop_n(&p.out, got, END_CAPACITY, &why), 1);
    CHECK_EQ(why, THETIS_ECORRUPT);
    CHECK_EQ(got[0], 2);
    p.ring->producer_.at_.word_ = 6; /* and comes right again */
    CHECK_EQ(pop_says(&p), THETIS_OK);
}

/* The lines of the ring that ends do not use, their own counters included: rewritten all the
 * time. */
TEST(nothing_but_the_counter_of_the_peer_is_read)
{
    end_pair p = pair_at(7);
    for (uint32_t value = 0; value < 50; value++) {
        uintptr_t tail, head;
        push_ok(&p, value);
        tail = p.ring->producer_.at_.word_;
        head = p.ring->consumer_.at_.word_;
        memset(p.ring, 0xA5, sizeof *p.ring);
        p.ring->producer_.at_.word_ = tail;
        pop_is(&p, value);
        CHECK_EQ(p.ring->consumer_.at_.word_, head + 2);
    }
}

/* A canceled end believes nothing any more. */
TEST(a_canceled_end_stays_so_whatever_the_peer_writes)
{
    end_pair p = pair_at(0);
    uint32_t got[END_CAPACITY];
    thetis_status why;
    thetis_spsc_end_cancel(&p.out);
    for (unsigned shift = 0; shift < THETIS_CAP_WORD_BITS; shift++) {
        p.ring->producer_.at_.word_ = (uintptr_t)3 << shift;
        CHECK_EQ(pop_says(&p), THETIS_CLOSED);
        CHECK_EQ(thetis_spsc_end_pop_n(&p.out, got, END_CAPACITY, &why), 0);
        CHECK_EQ(why, THETIS_CLOSED);
    }
}

TEST_MAIN(T(elements_come_in_order_through_both_mappings), T(batches_and_places),
          T(close_drains_and_cancel_stops),
          T(one_role_has_not_the_calls_of_the_other, .aborts = true),
          T(a_successor_goes_on_where_the_last_has_published),
          T(closed_and_canceled_stay_so_for_a_successor),
          T(attach_refuses_counters_that_contradict_each_other),
          T(a_counter_that_cannot_be_is_corruption),
          T(a_head_beyond_what_was_published_is_corruption), T(what_was_known_before_stays_usable),
          T(nothing_but_the_counter_of_the_peer_is_read),
          T(a_canceled_end_stays_so_whatever_the_peer_writes))
