/* SPDX-License-Identifier: MIT
 *
 * model_inbox.c: scenarios of thetis/inbox.h: the real loop and inbox, on a system that only sleeps
 * and wakes. Thread 0 runs the loop, the others send. In some the inbox's memory is freed in
 * `closed`, and the loop's after its end, so that who touches either one later is found. To free is
 * to write, so steps mean nothing there.
 */
#include <stdlib.h>
#include <thetis/check.h>
#include <thetis/inbox.h>

#include "model/system_wake.h"

typedef struct post {
    thetis_inbox inbox;
    thetis_inbox_sender sender[THETIS_CHECK_THREADS]; /* by thread */
    char memory[4096] THETIS_CACHE_ALIGNED;
} post;

static thetis_loop *loop;
static post *box;
static char loop_memory[16384] THETIS_CACHE_ALIGNED;
static post post_memory;
static int on_heap;
static int left[THETIS_CHECK_THREADS];        /* this thread is through with the inbox */
static unsigned sent[THETIS_CHECK_THREADS];   /* answered OK */
static unsigned came[THETIS_CHECK_THREADS];   /* delivered */
static int closing; /* 1: close() has returned */
static int drained; /* 1: what make_stopped() has sent came */
static unsigned threads, wanted; /* deliveries until the inbox is closed; 0: at once */

/* A message: who sends it, and its how many-th it is. */
typedef struct message {
    uint32_t from, number;
} message;

static int all_have_left(void)
{
    for (unsigned k = 1; k < threads; k++) {
        if (!__atomic_load_n(&left[k], __ATOMIC_RELAXED)) return 0;
    }
    return 1;
}

static void on_closed(thetis_handle *handle)
{
    THETIS_CHECK(handle == thetis_inbox_handle(&box->inbox));
    if (on_heap) free(box);
    box = NULL;
}

static unsigned all_came(void)
{
    unsigned n = 0;
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++) n += came[k];
    return n;
}

static void on_message(thetis_inbox *inbox, const void *what)
{
    const message *m = what;
    THETIS_CHECK(m->number == came[m->from]); /* each sender's in order, each once */
    came[m->from]++;
    if (m->from == 2 && came[2] == wanted - 1) __atomic_store_n(&drained, 1, __ATOMIC_RELAXED);
    if (all_came() == wanted) THETIS_CHECK(thetis_inbox_close(inbox, on_closed) == THETIS_OK);
}

/* on_heap is set before. */
static void build(unsigned n, size_t senders, size_t capacity, size_t batch, unsigned until)
{
    thetis_loop_cfg cfg = {.max_handles = 1, .max_timers = 1, .buffers = 1, .buffer_size = 64,
                           .events = 1, .backend = "epoll", .sys = &system_wake};
    thetis_inbox_cfg in = {.message_size = sizeof(message), .capacity = capacity,
                           .senders = senders, .batch = batch, .on_message = on_message};
    size_t size = thetis_loop_size(&cfg);
    void *mem = on_heap ? aligned_alloc(THETIS_CACHE_LINE, size) : loop_memory;
    THETIS_CHECK(size <= sizeof loop_memory);
    threads = n;
    closing = drained = 0;
    wanted = until;
    system_wake_begin(all_have_left);
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++) left[k] = 0, sent[k] = came[k] = 0;
    THETIS_CHECK(thetis_loop_init(mem, size, &cfg, &loop) == THETIS_OK);
    box = on_heap ? aligned_alloc(THETIS_CACHE_LINE, sizeof *box) : &post_memory;
    THETIS_CHECK(thetis_inbox_open(loop, &box->inbox, box->memory, sizeof box->memory, &in) ==
                 THETIS_OK);
    for (unsigned k = 1; k < n && k <= senders; k++) {
        THETIS_CHECK(thetis_inbox_join(&box->inbox, &box->sender[k]) == THETIS_OK);
    }
}

static uint64_t bound(thetis_inbox_op op, size_t n)
{
    return on_heap ? THETIS_CHECK_UNBOUNDED : thetis_inbox_bound(&box->inbox, op, n);
}

static void run(void)
{
    if (wanted == 0) {
        THETIS_CHECK(thetis_inbox_close(&box->inbox, on_closed) == THETIS_OK);
        __atomic_store_n(&closing, 1, __ATOMIC_RELEASE);
    }
    THETIS_CHECK(thetis_loop_run(loop) == THETIS_OK);
    THETIS_CHECK(box == NULL); /* closed */
    THETIS_CHECK(thetis_loop_fini(loop) == THETIS_OK);
    if (on_heap) free(loop);
}

static thetis_status send(unsigned self)
{
    message m = {self, sent[self]};
    thetis_inbox_sender *me = &box->sender[self];
    thetis_status s;
    thetis_check_begin("inbox.send", bound(THETIS_INBOX_SEND, 1));
    s = thetis_inbox_send(me, &m);
    thetis_check_end();
    if (s == THETIS_OK) sent[self]++;
    return s;
}

static void send_n(const message *m, size_t n)
{
    thetis_inbox_sender *me = &box->sender[1];
    thetis_status why;
    thetis_check_begin("inbox.send_n", bound(THETIS_INBOX_SEND, n));
    size_t got = thetis_inbox_send_n(me, m, n, &why);
    thetis_check_end();
    THETIS_CHECK(why == THETIS_OK && got == n);
    sent[1] += (unsigned)n;
}

static void leave(unsigned self)
{
    thetis_inbox_sender *me = &box->sender[self];
    thetis_check_begin("inbox.leave", bound(THETIS_INBOX_LEAVE, 1));
    thetis_inbox_leave(me);
    thetis_check_end();
    __atomic_store_n(&left[self], 1, __ATOMIC_RELAXED);
}

/* All that was accepted was delivered; at most one call for each sleep. */
static void done(void)
{
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++) THETIS_CHECK(came[k] == sent[k]);
    THETIS_CHECK(system_wake_sends() <= system_wake_sleeps());
}

/* ---- no message is left while the loop sleeps: it would never close the inbox ---------------- */

static void make_send(void)
{
    on_heap = 0;
    build(2, 1, 4, 1, 2);
}

static void send_body(unsigned thread)
{
    if (thread == 0) {
        run();
        return;
    }
    send_n(&(message){1, 0}, 1);
    THETIS_CHECK(send(thread) == THETIS_OK);
    leave(thread);
}

const thetis_check_scenario inbox_send = {
    .name = "inbox-send", .threads = 2, .setup = make_send, .body = send_body, .done = done,
    .flags = THETIS_CHECK_BLOCKING};

static void make_two(void)
{
    on_heap = 0;
    build(3, 2, 4, 1, 2);
}

static void two_body(unsigned thread)
{
    if (thread == 0) {
        run();
        return;
    }
    THETIS_CHECK(send(thread) == THETIS_OK);
    leave(thread);
}

const thetis_check_scenario inbox_two = {
    .name = "inbox-two", .threads = 3, .setup = make_two, .body = two_body, .done = done,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- a batch wakes once ---------------------------------------------------------------------- */

static void make_batch(void)
{
    on_heap = 0;
    build(2, 1, 3, 2, 3);
}

static void batch_body(unsigned thread)
{
    const message all[3] = {{1, 0}, {1, 1}, {1, 2}};
    if (thread == 0) {
        run();
    } else {
        send_n(all, 1);
        send_n(all + 1, 2);
        leave(1);
    }
}

const thetis_check_scenario inbox_batch = {
    .name = "inbox-batch", .threads = 2, .setup = make_batch, .body = batch_body, .done = done,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- who finds it FULL wakes the loop: senders before it were stopped before they could ------ */

static void make_stopped(void)
{
    message m = {2, 0};
    on_heap = 0;
    build(3, 2, 1, 1, 0);
    left[2] = 1;
    for (; thetis_mpsc_push(&box->sender[2].producer_, &m) == THETIS_OK; m.number++) sent[2]++;
    wanted = sent[2] + 1;
}

static int room(void *unused)
{
    (void)unused;
    return __atomic_load_n(&drained, __ATOMIC_RELAXED);
}

static void stopped_body(unsigned thread)
{
    if (thread == 0) {
        run();
    } else if (thread == 1) {
        THETIS_CHECK(send(thread) == THETIS_FULL);
        thetis_check_wait(room, NULL);
        THETIS_CHECK(send(thread) == THETIS_OK);
        thetis_inbox_leave(&box->sender[2]);
        leave(thread);
    }
}

const thetis_check_scenario inbox_stopped = {
    .name = "inbox-stopped", .threads = 2, .setup = make_stopped, .body = stopped_body,
    .done = done, .flags = THETIS_CHECK_BLOCKING | THETIS_CHECK_SC}; /* a wait shows nothing */

/* ---- closed while messages are sent, some of them FULL, and senders leave -------------------- */

static void make_close(void)
{
    on_heap = 0;
    build(3, 2, 1, 1, 0);
}

static void make_free(void)
{
    on_heap = 1;
    build(3, 2, 1, 1, 0);
}

static void close_body(unsigned thread)
{
    if (thread == 0) {
        run();
        return;
    }
    if (thread == 1) {
        thetis_status s = send(thread);
        int late = s == THETIS_CLOSED || __atomic_load_n(&closing, __ATOMIC_ACQUIRE);
        thetis_status next = send(thread);
        THETIS_CHECK(!late || next == THETIS_CLOSED);
    }
    leave(thread);
}

const thetis_check_scenario inbox_close = {
    .name = "inbox-close", .threads = 3, .setup = make_close, .body = close_body, .done = done,
    .flags = THETIS_CHECK_BLOCKING};

const thetis_check_scenario inbox_free = {
    .name = "inbox-free", .threads = 3, .setup = make_free, .body = close_body, .done = done,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- join while it closes, by a thread that has a place -------------------------------------- */

static thetis_status join(thetis_inbox_sender *sender)
{
    thetis_inbox *inbox = &box->inbox;
    thetis_status s;
    thetis_check_begin("inbox.join", bound(THETIS_INBOX_JOIN, 1));
    s = thetis_inbox_join(inbox, sender);
    thetis_check_end();
    return s;
}

static void make_join(void)
{
    on_heap = 0;
    build(2, 2, 1, 1, 0);
}

static void join_body(unsigned thread)
{
    thetis_inbox_sender other;
    thetis_status s;
    if (thread == 0) {
        run();
        return;
    }
    s = join(&other);
    THETIS_CHECK(s == THETIS_OK || s == THETIS_CLOSED);
    if (s == THETIS_OK) thetis_inbox_leave(&other);
    leave(thread);
}

const thetis_check_scenario inbox_join = {
    .name = "inbox-join", .threads = 2, .setup = make_join, .body = join_body, .done = done,
    .flags = THETIS_CHECK_BLOCKING};

static void make_crowd(void)
{
    on_heap = 0;
    build(2, 1, 1, 1, 0);
}

static void crowd_body(unsigned thread)
{
    thetis_inbox_sender other;
    thetis_status s;
    if (thread == 0) {
        run();
        return;
    }
    s = join(&other);
    THETIS_CHECK(s == THETIS_ENOSLOT || s == THETIS_CLOSED);
    leave(thread);
}

const thetis_check_scenario inbox_crowd = {
    .name = "inbox-crowd", .threads = 2, .setup = make_crowd, .body = crowd_body, .done = done,
    .flags = THETIS_CHECK_BLOCKING};
