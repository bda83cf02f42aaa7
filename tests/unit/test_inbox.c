/* SPDX-License-Identifier: MIT
 *
 * test_inbox.c: an inbox and its loop in one thread: configurations, budgets, callbacks. Threads
 * are in tests/conform/conform_inbox.c, all interleavings in tests/model/model_inbox.c.
 */
#include <thetis/inbox.h>
#include <thetis/timer.h>

#include <stdlib.h>
#include <string.h>

#include "harness/test.h"

enum { ROOM = 4 };

static thetis_loop *loop;
static char memory[THETIS_INBOX_SIZE(sizeof(int), ROOM, 2, 1)] THETIS_CACHE_ALIGNED;
static int values[2000];
static unsigned got, closes;

static void keep(thetis_inbox *inbox, const void *message)
{
    (void)inbox;
    CHECK_EQ((uintptr_t)message % sizeof(uintptr_t), 0);
    memcpy(&values[got++], message, sizeof(int));
}

static void count_closed(thetis_handle *handle)
{
    (void)handle;
    closes++;
}

static const thetis_inbox_cfg plain = {.message_size = sizeof(int), .capacity = ROOM, .senders = 2,
                                       .on_message = keep};

static void open_loop(void)
{
    CHECK_EQ(thetis_loop_create(NULL, &loop), THETIS_OK);
}

static void open_both(thetis_inbox *inbox)
{
    open_loop();
    CHECK_EQ(thetis_inbox_open(loop, inbox, memory, sizeof memory, &plain), THETIS_OK);
}

static void turn(void)
{
    CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_OK);
}

static void close_both(thetis_inbox *inbox)
{
    CHECK_EQ(thetis_inbox_close(inbox, count_closed), THETIS_OK);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(closes, 1);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

static void send(thetis_inbox_sender *me, int value)
{
    CHECK_EQ(thetis_inbox_send(me, &value), THETIS_OK);
}

/* ---- configurations -------------------------------------------------------------------------- */

TEST(bad_configurations)
{
    thetis_inbox_cfg cfg[] = {plain, plain, plain, plain, plain};
    thetis_inbox inbox;
    cfg[0].message_size = 0;
    cfg[1].capacity = 0;
    cfg[2].senders = 0;
    cfg[3].batch = ROOM + 1;
    cfg[4].senders = THETIS_INBOX_SENDERS_MAX + 1;
    open_loop();
    for (size_t k = 0; k < sizeof cfg / sizeof cfg[0]; k++) {
        CHECK_EQ(thetis_inbox_size(&cfg[k]), 0);
        CHECK_EQ(thetis_inbox_open(loop, &inbox, memory, sizeof memory, &cfg[k]), THETIS_EINVAL);
    }
    CHECK_EQ(thetis_inbox_open(loop, &inbox, NULL, sizeof memory, &plain), THETIS_EINVAL);
    CHECK_EQ(thetis_inbox_open(loop, &inbox, memory + 1, sizeof memory - 1, &plain),
             THETIS_EINVAL);
    CHECK_EQ(thetis_inbox_open(loop, &inbox, memory, thetis_inbox_size(&plain) - 1, &plain),
             THETIS_EINVAL);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK); /* nothing is open */
}

TEST(exactly_the_size)
{
    for (size_t bytes = 1; bytes < 40; bytes += 3) {
        thetis_inbox_cfg cfg = {.message_size = bytes, .capacity = 1 + bytes % 7, .senders = 3,
                                .batch = 1, .on_message = keep};
        size_t size = thetis_inbox_size(&cfg);
        size_t room = (size + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE * THETIS_CACHE_LINE;
        void *mem = aligned_alloc(THETIS_CACHE_LINE, room);
        thetis_inbox inbox;
        CHECK(size <= THETIS_INBOX_SIZE(bytes, 1 + bytes % 7, 3, 1));
        closes = 0;
        open_loop();
        CHECK_EQ(thetis_inbox_open(loop, &inbox, mem, size, &cfg), THETIS_OK);
        close_both(&inbox);
        free(mem);
    }
}

TEST(no_slot_for_it)
{
    thetis_loop_cfg cfg = {.max_handles = 1};
    thetis_inbox inbox, other;
    CHECK_EQ(thetis_loop_create(&cfg, &loop), THETIS_OK);
    CHECK_EQ(thetis_inbox_open(loop, &inbox, memory, sizeof memory, &plain), THETIS_OK);
    static char more[sizeof memory] THETIS_CACHE_ALIGNED;
    CHECK_EQ(thetis_inbox_open(loop, &other, more, sizeof more, &plain), THETIS_ENOSLOT);
    close_both(&inbox);
}

TEST(no_place_for_a_sender)
{
    thetis_inbox inbox;
    thetis_inbox_sender a, b, c;
    open_both(&inbox);
    CHECK_EQ(thetis_inbox_join(&inbox, &a), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&inbox, &b), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&inbox, &c), THETIS_ENOSLOT);
    thetis_inbox_leave(&a);
    CHECK_EQ(thetis_inbox_join(&inbox, &c), THETIS_OK);
    thetis_inbox_leave(&b);
    thetis_inbox_leave(&c);
    close_both(&inbox);
}

TEST(bounds)
{
    thetis_inbox inbox;
    open_both(&inbox);
    CHECK_EQ(thetis_inbox_bound(&inbox, THETIS_INBOX_JOIN, 1), 6);
    CHECK_EQ(thetis_inbox_bound(&inbox, THETIS_INBOX_LEAVE, 1), 4);
    CHECK(thetis_inbox_bound(&inbox, THETIS_INBOX_SEND, 1) >= 7);
    close_both(&inbox);
}

/* ---- delivery -------------------------------------------------------------------------------- */

TEST(a_run_ends_with_the_inbox)
{
    thetis_inbox inbox;
    thetis_inbox_sender me;
    open_both(&inbox);
    CHECK_EQ(thetis_inbox_join(&inbox, &me), THETIS_OK);
    send(&me, 7);
    send(&me, 8);
    thetis_inbox_leave(&me);
    close_both(&inbox); /* delivers what was sent before */
    CHECK_EQ(got, 2);
    CHECK(values[0] == 7 && values[1] == 8);
}

/* A message that sends the next one: others have their turn, the timer its time. */
static thetis_inbox_sender self;
static unsigned ticks;

static void send_again(thetis_inbox *inbox, const void *message)
{
    thetis_status s = thetis_inbox_send(&self, message);
    CHECK_EQ(s, thetis_handle_user(thetis_inbox_handle(inbox)) ? THETIS_CLOSED : THETIS_OK);
    got++;
}

static void on_tick(thetis_timer *timer)
{
    (void)timer;
    ticks++;
}

TEST(endless_messages_starve_nobody)
{
    thetis_inbox inbox, other;
    static char more[sizeof memory] THETIS_CACHE_ALIGNED;
    thetis_inbox_cfg cfg = plain;
    thetis_inbox_sender me;
    thetis_timer timer;
    thetis_loop_stat stat;
    cfg.on_message = send_again;
    open_both(&other);
    CHECK_EQ(thetis_inbox_open(loop, &inbox, more, sizeof more, &cfg), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&inbox, &self), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&other, &me), THETIS_OK);
    thetis_timer_init(loop, &timer, on_tick);
    CHECK_EQ(thetis_timer_start(&timer, 0, 0), THETIS_OK);
    send(&self, 1);
    send(&me, 2);
    turn();
    CHECK_EQ(got, 256 + 1); /* a turn's share of the one, the message of the other */
    turn();
    CHECK_EQ(ticks, 1);
    CHECK_EQ(got, 2 * 256 + 1);
    thetis_loop_stat_read(loop, &stat);
    CHECK_EQ(stat.mail, got);
    CHECK_EQ(stat.sleeps, 0);
    thetis_inbox_leave(&me);
    thetis_handle_set_user(thetis_inbox_handle(&inbox), &inbox); /* for its last message */
    CHECK_EQ(thetis_inbox_close(&inbox, NULL), THETIS_OK);
    turn();
    thetis_inbox_leave(&self);
    close_both(&other);
}

/* More than a turn's share is there at the close. */
TEST(close_with_much_left)
{
    enum { MANY = 1000 };
    thetis_inbox_cfg cfg = {.message_size = sizeof(int), .capacity = MANY, .senders = 1,
                            .on_message = keep};
    static char large[THETIS_INBOX_SIZE(sizeof(int), MANY, 1, 1)] THETIS_CACHE_ALIGNED;
    thetis_inbox inbox;
    thetis_inbox_sender me;
    open_loop();
    CHECK_EQ(thetis_inbox_open(loop, &inbox, large, sizeof large, &cfg), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&inbox, &me), THETIS_OK);
    for (int k = 0; k < MANY; k++) send(&me, k);
    thetis_inbox_leave(&me);
    close_both(&inbox);
    CHECK_EQ(got, MANY);
    for (int k = 0; k < MANY; k++) CHECK_EQ(values[k], k);
}

static void close_inside(thetis_inbox *inbox, const void *message)
{
    keep(inbox, message);
    if (got == 2) CHECK_EQ(thetis_inbox_close(inbox, count_closed), THETIS_OK);
}

TEST(close_inside_a_message)
{
    thetis_inbox inbox;
    thetis_inbox_cfg cfg = plain;
    thetis_inbox_sender me;
    int late = 9;
    cfg.on_message = close_inside;
    open_loop();
    CHECK_EQ(thetis_inbox_open(loop, &inbox, memory, sizeof memory, &cfg), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&inbox, &me), THETIS_OK);
    for (int k = 0; k < 3; k++) send(&me, k);
    turn();
    CHECK_EQ(got, 3); /* the third was accepted before */
    CHECK_EQ(closes, 0);
    CHECK_EQ(thetis_inbox_send(&me, &late), THETIS_CLOSED);
    thetis_inbox_leave(&me);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(closes, 1);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

static void stop_inside(thetis_inbox *inbox, const void *message)
{
    keep(inbox, message);
    thetis_loop_stop(loop);
}

TEST(stop_inside_a_message)
{
    thetis_inbox inbox;
    thetis_inbox_cfg cfg = plain;
    thetis_inbox_sender me;
    cfg.on_message = stop_inside;
    open_loop();
    CHECK_EQ(thetis_inbox_open(loop, &inbox, memory, sizeof memory, &cfg), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&inbox, &me), THETIS_OK);
    send(&me, 1);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(got, 1);
    thetis_inbox_leave(&me);
    close_both(&inbox);
}

/* A list of three, of which the middle one ends first. */
TEST(several_inboxes)
{
    static char more[sizeof memory] THETIS_CACHE_ALIGNED;
    static char most[sizeof memory] THETIS_CACHE_ALIGNED;
    thetis_inbox a, b, c;
    thetis_inbox_sender to[3];
    open_both(&a);
    CHECK_EQ(thetis_inbox_open(loop, &b, more, sizeof more, &plain), THETIS_OK);
    CHECK_EQ(thetis_inbox_open(loop, &c, most, sizeof most, &plain), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&a, &to[0]), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&b, &to[1]), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&c, &to[2]), THETIS_OK);
    for (int k = 0; k < 3; k++) send(&to[k], k);
    turn();
    CHECK_EQ(got, 3);
    thetis_inbox_leave(&to[1]);
    CHECK_EQ(thetis_inbox_close(&b, NULL), THETIS_OK);
    turn();
    send(&to[0], 4);
    send(&to[2], 5);
    turn();
    CHECK_EQ(got, 5);
    thetis_inbox_leave(&to[0]);
    thetis_inbox_leave(&to[2]);
    CHECK_EQ(thetis_inbox_close(&c, NULL), THETIS_OK);
    close_both(&a);
}

TEST_MAIN(T(bad_configurations), T(exactly_the_size), T(no_slot_for_it), T(no_place_for_a_sender),
          T(bounds), T(a_run_ends_with_the_inbox), T(endless_messages_starve_nobody),
          T(close_with_much_left), T(close_inside_a_message), T(stop_inside_a_message),
          T(several_inboxes))
