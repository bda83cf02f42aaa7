/* SPDX-License-Identifier: MIT
 *
 * conform_inbox.c: rows of group I: messages to a loop from other threads. That no wake-up is lost
 * is shown by tests/model/model_inbox.c; here the real poller is asked, too.
 */
#include <thetis/inbox.h>

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "conform/suite.h"
#include "harness/count_malloc.h"
#include "loop/loop.h"

enum { SENDERS = 4, ROOM = 64, BATCH = 8 };

typedef struct letter {
    uint32_t from, number;
} letter;

typedef struct box {
    thetis_inbox inbox; /* first */
    suite *w;           /* NULL: the loop is not the suite's */
    uint32_t next[SENDERS];
    unsigned got, closes;
    unsigned last; /* closes itself after so many; 0: never */
    thetis_inbox_sender sender[SENDERS];
    thetis_atomic answered; /* = got, for senders */
    char memory[THETIS_INBOX_SIZE(sizeof(letter), ROOM, SENDERS, BATCH)] THETIS_CACHE_ALIGNED;
} box;

static box the_box;

static void box_on_closed(thetis_handle *handle)
{
    box *b = (box *)handle;
    if (b->w) suite_enter(b->w);
    b->closes++;
    if (b->w) suite_leave(b->w);
}

static void box_on_message(thetis_inbox *inbox, const void *message)
{
    box *b = (box *)inbox;
    const letter *l = message;
    if (b->w) suite_enter(b->w);
    CHECK_EQ(b->closes, 0);
    CHECK_EQ(l->number, b->next[l->from]++); /* of each sender in order, each once */
    b->got++;
    thetis_atomic_store_release(&b->answered, b->got);
    if (b->got == b->last) CHECK_EQ(thetis_inbox_close(inbox, box_on_closed), THETIS_OK);
    if (b->w) suite_leave(b->w);
}

static box *box_open(suite *w, thetis_loop *loop)
{
    box *b = &the_box;
    thetis_inbox_cfg cfg = {.message_size = sizeof(letter), .capacity = ROOM, .senders = SENDERS,
                            .batch = BATCH, .on_message = box_on_message};
    memset(b, 0, sizeof *b);
    b->w = w;
    CHECK_EQ(thetis_inbox_open(loop, &b->inbox, b->memory, sizeof b->memory, &cfg), THETIS_OK);
    return b;
}

static void box_join(box *b, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        CHECK_EQ(thetis_inbox_join(&b->inbox, &b->sender[k]), THETIS_OK);
    }
}

static void box_leave(box *b, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) thetis_inbox_leave(&b->sender[k]);
}

static void box_close(suite *w, box *b)
{
    CHECK_EQ(thetis_inbox_close(&b->inbox, box_on_closed), THETIS_OK);
    UNTIL(w, b->closes);
}

/* ---- threads that send ----------------------------------------------------------------------- */

typedef struct writer {
    pthread_t thread;
    box *b;
    uint32_t self, count; /* letters it sends; 0: until the inbox is closed */
    uint32_t sent;
    int one_by_one; /* waits for the answer to each, so that the loop falls asleep */
} writer;

static void *write_letters(void *arg)
{
    writer *x = arg;
    thetis_inbox_sender *me = &x->b->sender[x->self];
    while (x->count == 0 || x->sent < x->count) {
        letter l = {x->self, x->sent};
        thetis_status s = thetis_inbox_send(me, &l);
        if (s == THETIS_CLOSED) break;
        if (s == THETIS_OK) x->sent++;
        else (void)sched_yield();
        while (x->one_by_one && thetis_atomic_load_acquire(&x->b->answered) < x->sent)
            (void)usleep(50);
    }
    thetis_inbox_leave(me);
    return NULL;
}

static void writers_start(box *b, writer *x, uint32_t n, uint32_t count, int one_by_one)
{
    box_join(b, n);
    for (uint32_t k = 0; k < n; k++) {
        x[k] = (writer){.b = b, .self = k, .count = count, .one_by_one = one_by_one};
        CHECK_EQ(pthread_create(&x[k].thread, NULL, write_letters, &x[k]), 0);
    }
}

/* Returns how many letters were accepted. */
static unsigned writers_join(writer *x, uint32_t n)
{
    unsigned sent = 0;
    for (uint32_t k = 0; k < n; k++) {
        CHECK_EQ(pthread_join(x[k].thread, NULL), 0);
        sent += x[k].sent;
    }
    return sent;
}

/* ---- 109, 110, 111 --------------------------------------------------------------------------- */

/* A loop of its own, whose sleeps nothing but a message ends: if one is lost, this never ends. */
static void row_109_no_wake_up_is_lost(suite *w)
{
    thetis_loop *loop;
    writer x;
    box *b;
    suite_need_threads();
    (void)w;
    CHECK_EQ(thetis_loop_create(NULL, &loop), THETIS_OK);
    b = box_open(NULL, loop);
    b->last = 1000;
    writers_start(b, &x, 1, b->last, 1);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(b->closes, 1);
    CHECK_EQ(writers_join(&x, 1), b->last);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

static void row_110_one_call_for_each_sleep(suite *w)
{
    box *b = box_open(w, w->loop);
    writer x[SENDERS];
    suite_need_threads();
    letter l = {0, 0};
    b->last = SENDERS * 500;
    writers_start(b, x, SENDERS, 500, 0);
    UNTIL(w, b->closes);
    CHECK_EQ(writers_join(x, SENDERS), b->last);
    CHECK(fault_calls(&w->fault, FAULT_WAKE_SEND) <= suite_stat(w).sleeps);
    uint64_t calls = fault_calls(&w->fault, FAULT_WAKE_SEND);
    b = box_open(w, w->loop);
    box_join(b, 1);
    for (; l.number < 10; l.number++) CHECK_EQ(thetis_inbox_send(b->sender, &l), THETIS_OK);
    CHECK_EQ(fault_calls(&w->fault, FAULT_WAKE_SEND), calls); /* awake: none */
    box_leave(b, 1);
    box_close(w, b);
    CHECK_EQ(b->got, 10);
}

/* Sends when the loop sleeps, and only then. */
static void *write_to_a_sleeper(void *arg)
{
    writer *x = arg;
    for (; x->sent < x->count; x->sent++) {
        letter l = {x->self, x->sent};
        while (thetis_atomic_load_relaxed(&x->b->inbox.handle_.loop_->wake) != THT_SLEEPING)
            (void)sched_yield();
        CHECK_EQ(thetis_inbox_send(&x->b->sender[0], &l), THETIS_OK);
        while (thetis_atomic_load_acquire(&x->b->answered) == x->sent) (void)sched_yield();
    }
    return NULL;
}

static void row_110_a_sleep_costs_two_calls(suite *w)
{
    box *b = box_open(w, w->loop);
    writer x = {.b = b, .count = 50};
    suite_need_threads();
    box_join(b, 1);
    CHECK_EQ(pthread_create(&x.thread, NULL, write_to_a_sleeper, &x), 0);
    uint64_t wakes = fault_calls(&w->fault, FAULT_WAKE_SEND), polls = suite_stat(w).polls;
    for (uint32_t k = 1; k <= x.count; k++) {
        suite_turn_for(w, UINT64_MAX);
        CHECK_EQ(b->got, k); /* in the turn that slept */
        CHECK_EQ(fault_calls(&w->fault, FAULT_WAKE_SEND), wakes + k);
        CHECK_EQ(suite_stat(w).polls, polls + k);
    }
    CHECK_EQ(pthread_join(x.thread, NULL), 0);
    box_leave(b, 1);
    box_close(w, b);
}

static void row_111_fifo_of_each_sender(suite *w)
{
    box *b = box_open(w, w->loop);
    writer x[SENDERS];
    suite_need_threads();
    writers_start(b, x, SENDERS, 500, 0);
    UNTIL(w, b->got == SENDERS * 500);
    CHECK_EQ(writers_join(x, SENDERS), b->got);
    box_close(w, b);
}

static void row_111_batches(suite *w)
{
    box *b = box_open(w, w->loop);
    thetis_status why;
    letter l[3 * BATCH];
    uint32_t sent = 0;
    box_join(b, 1);
    while (sent < 1000) {
        for (uint32_t k = 0; k < 3 * BATCH; k++) l[k] = (letter){0, sent + k};
        sent += (uint32_t)thetis_inbox_send_n(b->sender, l, 3 * BATCH, &why);
        if (why != THETIS_OK) {
            CHECK_EQ(why, THETIS_FULL);
            suite_turn(w);
        }
    }
    box_leave(b, 1);
    box_close(w, b);
    CHECK_EQ(b->got, sent);
}

/* ---- 112, 113, 114 --------------------------------------------------------------------------- */

static void row_112_full(suite *w)
{
    box *b = box_open(w, w->loop);
    letter l = {0, 0};
    box_join(b, 1);
    for (int round = 0; round < 20; round++) {
        unsigned before = l.number;
        thetis_status s;
        while ((s = thetis_inbox_send(b->sender, &l)) == THETIS_OK) l.number++;
        CHECK_EQ(s, THETIS_FULL);
        CHECK(l.number - before >= ROOM);
        UNTIL(w, b->got == l.number);
    }
    box_leave(b, 1);
    box_close(w, b);
}

static void send_by_signal(int number)
{
    static letter l;
    (void)number;
    CHECK_EQ(thetis_inbox_send(the_box.sender, &l), THETIS_OK);
    l.number++;
}

static void row_113_from_a_signal_handler(suite *w)
{
    struct sigaction act = {.sa_handler = send_by_signal}, old;
    box *b = box_open(w, w->loop);
    suite_need(w, THETIS_CAP_SIGNAL_WAKE);
    box_join(b, 1);
    CHECK_EQ(sigaction(SIGUSR1, &act, &old), 0);
    for (unsigned k = 1; k <= 100; k++) {
        CHECK_EQ(raise(SIGUSR1), 0);
        UNTIL(w, b->got == k);
    }
    CHECK_EQ(sigaction(SIGUSR1, &old, NULL), 0);
    box_leave(b, 1);
    box_close(w, b);
}

static void row_114_before_the_first_run(suite *w)
{
    letter l = {0, 0};
    box *b;
    suite_reopen(w, (thetis_loop_cfg){0});
    b = box_open(w, w->loop);
    box_join(b, 1);
    CHECK_EQ(thetis_inbox_send(b->sender, &l), THETIS_OK);
    suite_turn(w);
    CHECK_EQ(b->got, 1);
    box_leave(b, 1);
    box_close(w, b);
}

/* ---- 115, 116 -------------------------------------------------------------------------------- */

static void row_115_closed_while_being_messaged(suite *w)
{
    suite_need_threads();
    for (unsigned round = 0; round < 20; round++) {
        box *b = box_open(w, w->loop);
        writer x[SENDERS];
        b->last = 1 + 37 * round;
        writers_start(b, x, SENDERS, 0, 0);
        UNTIL(w, b->closes);
        CHECK_EQ(writers_join(x, SENDERS), b->got); /* all that was accepted came */
        CHECK_EQ(b->closes, 1);
    }
}

/* A sender that stays keeps the inbox open, and the loop asleep. */
static void row_115_closed_waits_for_senders(suite *w)
{
    box *b = box_open(w, w->loop);
    letter l = {0, 0};
    box_join(b, 2);
    CHECK_EQ(thetis_inbox_send(b->sender, &l), THETIS_OK);
    CHECK_EQ(thetis_inbox_close(&b->inbox, box_on_closed), THETIS_OK);
    CHECK_EQ(thetis_inbox_close(&b->inbox, box_on_closed), THETIS_EBUSY);
    CHECK_EQ(thetis_inbox_send(b->sender, &l), THETIS_CLOSED);
    suite_turns(w, 10);
    CHECK_EQ(b->got, 1);
    CHECK_EQ(thetis_inbox_join(&b->inbox, &b->sender[2]), THETIS_CLOSED);
    thetis_inbox_leave(&b->sender[1]);
    suite_turns(w, 10);
    CHECK_EQ(b->closes, 0);
    uint64_t sleeps = suite_stat(w).sleeps, turns = suite_stat(w).turns;
    suite_turns(w, 10);
    CHECK_EQ(suite_stat(w).sleeps - sleeps, suite_stat(w).turns - turns);
    thetis_inbox_leave(&b->sender[0]);
    UNTIL(w, b->closes);
}

static void row_116_a_saturated_wake_up(suite *w)
{
    uint64_t most = UINT64_MAX - 1;
    writer x;
    suite_need_threads();
    box *b = box_open(w, w->loop);
    if (write(w->loop->wake_fd, &most, sizeof most) != sizeof most) SKIP_ENVIRONMENT("no eventfd");
    suite_turns(w, 2); /* has seen it */
    writers_start(b, &x, 1, 50, 1);
    UNTIL(w, b->got == 50);
    CHECK_EQ(writers_join(&x, 1), 50);
    box_close(w, b);
}

/* ---- rows of other groups -------------------------------------------------------------------- */

static void row_008_no_allocation_for_messages(suite *w)
{
    box *b = box_open(w, w->loop);
    suite_need_threads();
    letter l = {0, 0};
    size_t before = count_malloc();
    box_join(b, 1);
    for (; l.number < 100; l.number++) {
        CHECK_EQ(thetis_inbox_send(b->sender, &l), THETIS_OK);
        UNTIL(w, b->got == l.number + 1);
    }
    box_leave(b, 1);
    box_close(w, b);
    CHECK_EQ(count_malloc(), before);
}

static void close_each(thetis_handle *handle, void *user)
{
    (void)user;
    CHECK_EQ(thetis_handle_close(handle, box_on_closed), THETIS_OK);
}

static void row_106_close_of_an_inbox_from_a_scan(suite *w)
{
    box *b = box_open(w, w->loop);
    thetis_loop_scan(w->loop, close_each, NULL);
    UNTIL(w, b->closes);
}

static void row_122_an_idle_inbox_only_sleeps(suite *w)
{
    box *b = box_open(w, w->loop);
    box_join(b, 1);
    suite_turns(w, 3);
    uint64_t total = w->fault.total, sleeps = suite_stat(w).sleeps;
    suite_turns(w, 100);
    CHECK_EQ(w->fault.total - total, 100);
    CHECK_EQ(suite_stat(w).sleeps - sleeps, 100);
    box_leave(b, 1);
    box_close(w, b);
}

#define CONFORM_GROUP_I
#include "conform/rows.h"
