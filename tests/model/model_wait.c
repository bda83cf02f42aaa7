/* SPDX-License-Identifier: MIT
 *
 * model_wait.c: scenarios of thetis/wait.h on a system that only sleeps and wakes
 * (system_wait.h), mostly with a ring in between. A wake-up that is lost is a deadlock.
 */
#include <thetis/check.h>
#include <thetis/spsc.h>
#include <thetis/wait.h>

#include "model/system_wait.h"

enum { PLACES = 2, ELEMENTS = 2 };

static struct {
    char bytes[THETIS_WAIT_SIZE(PLACES)] THETIS_CACHE_ALIGNED;
} wait_memory[2];
static char ring_memory[THETIS_SPSC_SIZE(sizeof(uint64_t), 2)] THETIS_CACHE_ALIGNED;
static thetis_wait *wait, *room; /* room: for the producer of a full ring */
static thetis_waiter *me[THETIS_CHECK_THREADS];
static thetis_spsc *ring;
static uint64_t written[THETIS_CHECK_THREADS];       /* plain: what is done before a wake */
static thetis_atomic published[THETIS_CHECK_THREADS]; /* what waiters look at, relaxed */
static unsigned started[THETIS_CHECK_THREADS];

/* ---- state and operations -------------------------------------------------------------------- */

static thetis_wait *make_wait(unsigned which, size_t places)
{
    thetis_wait *made;
    char *at = wait_memory[which].bytes;
    size_t len = sizeof wait_memory[which].bytes;
    THETIS_CHECK(thetis_wait_init(at, len, places, &made) == THETIS_OK);
    return made;
}

/* The object, of which the first `joined` threads are waiters. */
static void make(size_t places, unsigned joined)
{
    system_wait_begin();
    wait = make_wait(0, places);
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++) {
        written[k] = started[k] = 0;
        thetis_atomic_store_relaxed(&published[k], 0);
    }
    for (unsigned k = 0; k < joined; k++) {
        THETIS_CHECK(thetis_wait_join(wait, &me[k]) == THETIS_OK);
    }
}

static void make_1(void)
{
    make(1, 1);
}

static void make_2(void)
{
    make(2, 2);
}

static void make_exact(void)
{
    make_1();
    system_wait_exact();
}

/* Thread 0 waits for elements, thread 1 for room. */
static void make_ring(void)
{
    thetis_spsc_cfg cfg = {sizeof(uint64_t), 1};
    make(1, 1);
    room = make_wait(1, 1);
    THETIS_CHECK(thetis_wait_join(room, &me[1]) == THETIS_OK);
    THETIS_CHECK(thetis_spsc_init(ring_memory, sizeof ring_memory, &cfg, &ring) == THETIS_OK);
}

static void wake(thetis_wait *whom)
{
    thetis_check_begin("wait.wake", thetis_wait_bound(whom, THETIS_WAIT_WAKE));
    thetis_wait_wake(whom);
    thetis_check_end();
}

static void close_it(void)
{
    thetis_check_begin("wait.close", thetis_wait_bound(wait, THETIS_WAIT_CLOSE));
    thetis_wait_close(wait);
    thetis_check_end();
}

static thetis_status start(unsigned thread)
{
    started[thread]++;
    thetis_check_begin("wait.start", thetis_wait_bound(wait, THETIS_WAIT_START));
    thetis_status s = thetis_wait_start(me[thread]);
    thetis_check_end();
    return s;
}

static void cancel(unsigned thread)
{
    thetis_check_begin("wait.cancel", thetis_wait_bound(wait, THETIS_WAIT_CANCEL));
    thetis_wait_cancel(me[thread]);
    thetis_check_end();
}

static thetis_status join(thetis_waiter **out)
{
    thetis_check_begin("wait.join", thetis_wait_bound(wait, THETIS_WAIT_JOIN));
    thetis_status s = thetis_wait_join(wait, out);
    thetis_check_end();
    return s;
}

static void leave(thetis_waiter *waiter)
{
    thetis_check_begin("wait.leave", thetis_wait_bound(wait, THETIS_WAIT_LEAVE));
    thetis_wait_leave(waiter);
    thetis_check_end();
}

static void publish(unsigned thread)
{
    thetis_atomic_store_relaxed(&published[thread], 1);
    wake(wait);
}

static int is_published(unsigned thread)
{
    return thetis_atomic_load_relaxed(&published[thread]) != 0;
}

/* One announcement, and the sleep if what it is for has not come; what ended it, or AGAIN if there
 * was no sleep. */
static thetis_status wait_once(unsigned thread, unsigned from, uint64_t timeout_ns)
{
    THETIS_CHECK(start(thread) == THETIS_OK);
    if (!is_published(from)) return thetis_wait_sleep(me[thread], timeout_ns);
    cancel(thread);
    return THETIS_AGAIN;
}

static void wait_for(unsigned thread, unsigned from, uint64_t timeout_ns)
{
    while (!is_published(from)) (void)wait_once(thread, from, timeout_ns);
}

/* At most one system call for each announced sleep. */
static void few_calls(void)
{
    unsigned all = 0;
    for (unsigned k = 0; k < THETIS_CHECK_THREADS; k++) all += started[k];
    THETIS_CHECK(system_wait_wakes() <= all);
}

/* ---- both ends of a ring sleep --------------------------------------------------------------- */

static thetis_status push(void *item)
{
    return thetis_spsc_push(ring, item);
}

static thetis_status pop(void *item)
{
    return thetis_spsc_pop(ring, item);
}

/* As the header shows it. */
static thetis_status await(unsigned thread, thetis_wait_fn *attempt, uint64_t *item)
{
    thetis_status s, vain = attempt == push ? THETIS_FULL : THETIS_EMPTY, told = THETIS_OK;
    while ((s = attempt(item)) == vain && told == THETIS_OK) {
        told = start(thread);
        if (told != THETIS_OK) continue;
        if ((s = attempt(item)) != vain) {
            cancel(thread);
            break;
        }
        told = thetis_wait_sleep(me[thread], THETIS_WAIT_FOREVER);
    }
    return s;
}

static void ring_body(unsigned thread)
{
    for (uint64_t k = 1; k <= ELEMENTS; k++) {
        uint64_t item = thread == 1 ? k : 0;
        THETIS_CHECK(await(thread, thread == 1 ? push : pop, &item) == THETIS_OK);
        THETIS_CHECK(item == k);
        wake(thread == 1 ? wait : room);
    }
}

const thetis_check_scenario wait_ring = {
    .name = "wait-ring", .threads = 2, .setup = make_ring, .body = ring_body,
    .done = few_calls, .flags = THETIS_CHECK_BLOCKING};

static void run_body(unsigned thread)
{
    for (uint64_t k = 1; k <= ELEMENTS; k++) {
        uint64_t item = thread == 1 ? k : 0;
        THETIS_CHECK(thetis_wait_run(me[thread], thread == 1 ? push : pop, &item,
                                     THETIS_WAIT_FOREVER) == THETIS_OK);
        THETIS_CHECK(item == k);
        wake(thread == 1 ? wait : room);
    }
}

const thetis_check_scenario wait_run = {
    .name = "wait-run", .threads = 2, .setup = make_ring, .body = run_body,
    .flags = THETIS_CHECK_BLOCKING};

/* What is in the ring when the object is closed comes out before CLOSED. */
static void drain_body(unsigned thread)
{
    uint64_t item = 1, got = 0;
    if (thread == 1) {
        THETIS_CHECK(thetis_spsc_push(ring, &item) == THETIS_OK);
        close_it();
        return;
    }
    while (thetis_wait_run(me[0], pop, &item, THETIS_WAIT_FOREVER) == THETIS_OK) got++;
    THETIS_CHECK(got == 1);
}

const thetis_check_scenario wait_drain = {
    .name = "wait-drain", .threads = 2, .setup = make_ring, .body = drain_body,
    .flags = THETIS_CHECK_BLOCKING};

static void drain_by_hand_body(unsigned thread)
{
    uint64_t item = 1, got = 0;
    if (thread == 1) {
        THETIS_CHECK(thetis_spsc_push(ring, &item) == THETIS_OK);
        close_it();
        return;
    }
    while (await(0, pop, &item) == THETIS_OK) got++;
    THETIS_CHECK(got == 1);
}

const thetis_check_scenario wait_drain_by_hand = {
    .name = "wait-drain-by-hand", .threads = 2, .setup = make_ring, .body = drain_by_hand_body,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- several --------------------------------------------------------------------------------- */

/* Threads 0 and 1 wait, thread 2 wakes, twice. */
static void waiters_body(unsigned thread)
{
    if (thread < 2) {
        wait_for(thread, 2, THETIS_WAIT_FOREVER);
        wait_for(thread, 3, THETIS_WAIT_FOREVER);
    } else {
        publish(2);
        publish(3);
    }
}

const thetis_check_scenario wait_waiters = {
    .name = "wait-waiters", .threads = 3, .setup = make_2, .body = waiters_body,
    .done = few_calls, .flags = THETIS_CHECK_BLOCKING};

/* Thread 0 waits for both others. */
static void wakers_body(unsigned thread)
{
    if (thread > 0) {
        publish(thread);
        return;
    }
    wait_for(0, 1, THETIS_WAIT_FOREVER);
    wait_for(0, 2, THETIS_WAIT_FOREVER);
}

const thetis_check_scenario wait_wakers = {
    .name = "wait-wakers", .threads = 3, .setup = make_1, .body = wakers_body,
    .done = few_calls, .flags = THETIS_CHECK_BLOCKING};

/* Two of each: one wake may take the announcement that the other would have found. */
static void crowd_body(unsigned thread)
{
    if (thread < 2) {
        wait_for(thread, 2 + thread, THETIS_WAIT_FOREVER);
    } else {
        publish(thread);
    }
}

const thetis_check_scenario wait_crowd = {
    .name = "wait-crowd", .threads = 4, .setup = make_2, .body = crowd_body,
    .done = few_calls, .flags = THETIS_CHECK_BLOCKING};

/* ---- time ------------------------------------------------------------------------------------ */

/* Thread 0's sleeps may time out at any moment; thread 1 sleeps for ever. A timeout says that no
 * wake has taken the announcement. */
static void timeout_body(unsigned thread)
{
    if (thread == 2) {
        publish(2);
    } else if (thread == 1) {
        wait_for(1, 2, THETIS_WAIT_FOREVER);
    } else {
        for (int k = 0; k < 3 && !is_published(2); k++) (void)wait_once(0, 2, 1);
        wait_for(0, 2, THETIS_WAIT_FOREVER);
    }
}

const thetis_check_scenario wait_timeout = {
    .name = "wait-timeout", .threads = 3, .setup = make_2, .body = timeout_body,
    .done = few_calls, .flags = THETIS_CHECK_BLOCKING};

/* The time-out of a run is a total: all its sleeps have the same end. */
static thetis_status look(void *unused)
{
    (void)unused;
    return is_published(1) ? THETIS_OK : THETIS_EMPTY;
}

static void total_body(unsigned thread)
{
    if (thread == 0) {
        thetis_status s = thetis_wait_run(me[0], look, NULL, UINT64_MAX / 4);
        THETIS_CHECK(s == THETIS_OK || s == THETIS_ETIMEDOUT);
    } else {
        wake(wait);
        wake(wait);
        publish(1);
    }
}

static void one_end(void)
{
    THETIS_CHECK(system_wait_ends() <= 1);
}

const thetis_check_scenario wait_total = {
    .name = "wait-total", .threads = 2, .setup = make_1, .body = total_body, .done = one_end,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- close ----------------------------------------------------------------------------------- */

static void await_close(unsigned thread)
{
    thetis_status s;
    do {
        s = thetis_wait_start(me[thread]);
        if (s == THETIS_OK) s = thetis_wait_sleep(me[thread], THETIS_WAIT_FOREVER);
    } while (s != THETIS_CLOSED);
    THETIS_CHECK(written[2] == 1); /* what was done before close is seen after CLOSED */
    THETIS_CHECK(start(thread) == THETIS_CLOSED);
}

static void close_body(unsigned thread)
{
    if (thread < 2) {
        await_close(thread);
    } else if (thread == 2) {
        written[2] = 1;
        close_it();
    } else {
        wake(wait);
    }
}

const thetis_check_scenario wait_close = {
    .name = "wait-close", .threads = 3, .setup = make_2, .body = close_body,
    .flags = THETIS_CHECK_BLOCKING};

const thetis_check_scenario wait_close_wake = {
    .name = "wait-close-wake", .threads = 4, .setup = make_2, .body = close_body,
    .flags = THETIS_CHECK_BLOCKING};

/* A sleep that close ended says so at once. */
static void at_once_body(unsigned thread)
{
    if (thread == 1) close_it();
    else if (start(0) == THETIS_OK)
        THETIS_CHECK(thetis_wait_sleep(me[0], THETIS_WAIT_FOREVER) == THETIS_CLOSED);
}

const thetis_check_scenario wait_close_at_once = {
    .name = "wait-close-at-once", .threads = 2, .setup = make_exact, .body = at_once_body,
    .flags = THETIS_CHECK_BLOCKING};

/* A wake that has taken the announcement never comes to its system call: close does. */
static void make_lost(void)
{
    make_2();
    system_wait_lose(3);
}

const thetis_check_scenario wait_close_lost = {
    .name = "wait-close-lost", .threads = 4, .setup = make_lost, .body = close_body,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- what was written before is seen --------------------------------------------------------- */

/* After a sleep at once, without another look at anything that orders. */
static void seen_body(unsigned thread)
{
    if (thread == 1) {
        written[1] = 1;
        publish(1);
        return;
    }
    thetis_status s = wait_once(0, 1, 1);
    if (s == THETIS_ETIMEDOUT) s = wait_once(0, 1, THETIS_WAIT_FOREVER);
    if (s == THETIS_OK) THETIS_CHECK(written[1] == 1); /* else the look was relaxed */
}

const thetis_check_scenario wait_seen = {
    .name = "wait-seen", .threads = 2, .setup = make_exact, .body = seen_body, .done = few_calls,
    .flags = THETIS_CHECK_BLOCKING};

/* ---- a descriptor in another loop ------------------------------------------------------------ */

static int descriptor;

static void make_fd(void)
{
    make_1();
    THETIS_CHECK(thetis_wait_fd(me[0], &descriptor) == THETIS_OK);
}

static void fd_wait_for(unsigned from)
{
    while (!is_published(from)) {
        THETIS_CHECK(start(0) == THETIS_OK);
        if (!is_published(from)) system_wait_poll(descriptor);
        cancel(0);
    }
}

/* A signal that comes late ends one more poll, and then the descriptor is quiet again. */
static void fd_body(unsigned thread)
{
    if (thread > 0) {
        publish(thread);
        return;
    }
    fd_wait_for(1);
    fd_wait_for(2);
}

static void fd_done(void)
{
    few_calls();
    THETIS_CHECK(thetis_wait_start(me[0]) == THETIS_OK);
    thetis_wait_cancel(me[0]);
    THETIS_CHECK(!system_wait_readable(descriptor));
    unsigned takes = system_wait_takes();
    THETIS_CHECK(thetis_wait_start(me[0]) == THETIS_OK);
    thetis_wait_cancel(me[0]);
    THETIS_CHECK(system_wait_takes() == takes); /* nothing was signaled: no system call */
}

const thetis_check_scenario wait_fd = {
    .name = "wait-fd", .threads = 3, .setup = make_fd, .body = fd_body, .done = fd_done,
    .flags = THETIS_CHECK_BLOCKING};

/* A poller that something else wakes: what was written before the wake that it finds is seen. */
static void fd_seen_body(unsigned thread)
{
    if (thread == 1) {
        written[1] = 1;
        publish(1);
        return;
    }
    THETIS_CHECK(start(0) == THETIS_OK);
    if (is_published(1)) return; /* this look was relaxed */
    system_wait_poll(descriptor);
    cancel(0);
    THETIS_CHECK(written[1] == 1);
}

const thetis_check_scenario wait_fd_seen = {
    .name = "wait-fd-seen", .threads = 2, .setup = make_fd, .body = fd_seen_body,
    .flags = THETIS_CHECK_BLOCKING};

static void fd_close_body(unsigned thread)
{
    if (thread == 1) {
        close_it();
    } else if (thread == 2) {
        wake(wait);
    } else {
        while (start(0) == THETIS_OK) {
            system_wait_poll(descriptor);
            cancel(0);
        }
    }
}

const thetis_check_scenario wait_fd_close = {
    .name = "wait-fd-close", .threads = 3, .setup = make_fd, .body = fd_close_body,
    .flags = THETIS_CHECK_BLOCKING};

/* The same thread waits in the one way, then in the other: a wake of the first must not count. */
static void change_body(unsigned thread)
{
    if (thread == 1) {
        publish(1);
        publish(2);
        return;
    }
    wait_for(0, 1, THETIS_WAIT_FOREVER);
    THETIS_CHECK(thetis_wait_fd(me[0], &descriptor) == THETIS_OK);
    fd_wait_for(2);
    leave(me[0]);
    THETIS_CHECK(join(&me[0]) == THETIS_OK);
    wait_for(0, 2, THETIS_WAIT_FOREVER);
}

const thetis_check_scenario wait_change = {
    .name = "wait-change", .threads = 2, .setup = make_1, .body = change_body,
    .done = few_calls, .flags = THETIS_CHECK_BLOCKING};

/* ---- nobody sleeps: everything else is wait-free, whoever is stopped ------------------------- */

static void free_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread < 2) {
            if (start(thread) == THETIS_OK) cancel(thread);
        } else {
            wake(wait);
        }
    }
}

const thetis_check_scenario wait_free = {
    .name = "wait-free", .threads = 4, .setup = make_2, .body = free_body, .done = few_calls};

/* Announced for ever: each wake finds all there are. */
static void free_close_body(unsigned thread)
{
    if (thread < 2) (void)start(thread);
    else if (thread == 2) wake(wait);
    else close_it();
}

const thetis_check_scenario wait_free_close = {
    .name = "wait-free-close", .threads = 4, .setup = make_2, .body = free_close_body};

static void scan_body(unsigned thread)
{
    if (thread < 2) {
        (void)start(thread);
        return;
    }
    thetis_check_begin("wait.scan", 2 * PLACES);
    thetis_wait_scan(wait);
    thetis_check_end();
}

const thetis_check_scenario wait_scan = {
    .name = "wait-scan", .threads = 3, .setup = make_2, .body = scan_body, .done = few_calls};

static void make_empty(void)
{
    make(2, 0);
}

static void churn_body(unsigned thread)
{
    thetis_waiter *place;
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        if (thread == 2) {
            wake(wait);
        } else if (join(&place) == THETIS_OK) {
            started[thread]++;
            if (thetis_wait_start(place) == THETIS_OK) thetis_wait_cancel(place);
            leave(place);
        }
    }
}

const thetis_check_scenario wait_churn = {
    .name = "wait-churn", .threads = 3, .rounds = 2, .setup = make_empty, .body = churn_body,
    .done = few_calls};
