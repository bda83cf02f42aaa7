/* SPDX-License-Identifier: MIT
 *
 * model_lanes_life.c: scenarios of thetis/lanes.h: close and cancel, lanes that change hands, and
 * producers that die.
 */
#include "model/model_lanes.h"

/* ---- the end of the stream ------------------------------------------------------------------- */

/* All that was committed comes before CLOSED. */
static void all_before_closed(void)
{
    if (anybody_stopped()) return;
    THETIS_CHECK(drain() == THETIS_CLOSED);
    THETIS_CHECK(pop() == THETIS_CLOSED);
}

/* CLOSED stays, and shows what the closer had written. */
static void pop_to_the_end(unsigned pops, unsigned closer)
{
    thetis_status s = THETIS_OK;
    for (unsigned k = 0; k < pops * thetis_check_rounds(); k++) {
        thetis_status now = pop();
        THETIS_CHECK(s != THETIS_CLOSED || now == THETIS_CLOSED);
        s = now;
    }
    if (s == THETIS_CLOSED) THETIS_CHECK(told[closer] == 1);
}

static void push_to_the_end(unsigned p, unsigned pushes, unsigned closer)
{
    thetis_status s = THETIS_OK;
    for (unsigned k = 0; k < pushes * thetis_check_rounds(); k++) {
        thetis_status now = push(p);
        THETIS_CHECK(s != THETIS_CLOSED || now == THETIS_CLOSED);
        s = now;
        if (s == THETIS_CLOSED) THETIS_CHECK(told[closer] == 1);
    }
}

static void close_body(unsigned thread)
{
    if (thread == CONSUMER) {
        pop_to_the_end(4, 1);
    } else if (thread == 1) {
        for (unsigned k = 0; k < thetis_check_rounds(); k++) (void)push(1);
        told[1] = 1;
        THETIS_CHECK(close_lanes() == THETIS_OK);
        THETIS_CHECK(push(1) == THETIS_CLOSED);
        THETIS_CHECK(close_lanes() == THETIS_CLOSED);
    } else {
        push_to_the_end(2, 2, 1);
    }
}

const thetis_check_scenario lanes_close = {
    .name = "lanes-close", .threads = 3, .setup = make_2, .body = close_body,
    .done = all_before_closed};

/* Only thread 2 pushes, and the consumer has seen the end early. */
static void close_late_body(unsigned thread)
{
    if (thread == CONSUMER) {
        pop_to_the_end(3, 1);
    } else if (thread == 1) {
        told[1] = 1;
        (void)close_lanes();
    } else {
        push_to_the_end(2, 3, 1);
        (void)push_n(2, 2);
    }
}

const thetis_check_scenario lanes_close_late = {
    .name = "lanes-close-late", .threads = 3, .slow = 2, .setup = make_2, .body = close_late_body,
    .done = all_before_closed};

/* A batch is delivered whole or not at all, also where it is cut by FULL. */
static void close_batch_body(unsigned thread)
{
    if (thread == CONSUMER) {
        pop_to_the_end(3, 1);
    } else if (thread == 1) {
        told[1] = 1;
        (void)close_lanes();
    } else {
        for (unsigned k = 0; k < thetis_check_rounds(); k++) (void)push_n(2, 3);
    }
}

const thetis_check_scenario lanes_close_batch = {
    .name = "lanes-close-batch", .threads = 3, .slow = 2, .setup = make_even,
    .body = close_batch_body, .done = all_before_closed};

/* CLOSED drops all reservations, and nothing of them is seen. */
static void close_open_body(unsigned thread)
{
    void *at;
    if (thread == CONSUMER) {
        pop_to_the_end(3, 1);
    } else if (thread == 1) {
        told[1] = 1;
        (void)close_lanes();
    } else {
        thetis_status s = reserve(2, MOST, &at);
        if (s != THETIS_OK) return;
        size_t size = fill(at, 2, pushed[2] + 1);
        int two = reserve(2, sizeof(uint64_t), &at) == THETIS_OK;
        s = commit(2, size);
        if (s == THETIS_CLOSED) THETIS_CHECK(reserve(2, 0, &at) == THETIS_CLOSED);
        if (s == THETIS_OK) pushed[2]++;
        if (s == THETIS_OK && two) give_back(2);
    }
}

const thetis_check_scenario lanes_close_open = {
    .name = "lanes-close-open", .threads = 3, .slow = 2, .setup = make_even,
    .body = close_open_body, .done = all_before_closed};

/* What the consumer did before cancel() is seen by whoever is told CLOSED. */
static void cancel_body(unsigned thread)
{
    if (thread != CONSUMER) {
        push_to_the_end(thread, 3, CONSUMER);
        return;
    }
    for (unsigned k = 0; k < thetis_check_rounds(); k++) (void)pop();
    told[CONSUMER] = 1;
    thetis_check_begin("lanes.cancel", thetis_lanes_bound(&shared, THETIS_LANES_CANCEL, 0));
    THETIS_CHECK(thetis_lanes_cancel(consumer) == THETIS_OK);
    thetis_check_end();
    THETIS_CHECK(pop() == THETIS_CLOSED && thetis_lanes_cancel(consumer) == THETIS_CLOSED);
}

const thetis_check_scenario lanes_cancel = {
    .name = "lanes-cancel", .threads = 3, .slow = 2, .setup = make_2, .body = cancel_body};

/* ---- lanes that change hands ----------------------------------------------------------------- */

static thetis_status join(unsigned p)
{
    thetis_check_begin("lanes.join", thetis_lanes_bound(&shared, THETIS_LANES_JOIN, 0));
    thetis_status s = thetis_lanes_join(&shared, p, &handle[p]);
    thetis_check_end();
    return s;
}

static void leave(unsigned p)
{
    thetis_check_begin("lanes.leave", thetis_lanes_bound(&shared, THETIS_LANES_LEAVE, 0));
    thetis_lanes_leave(&handle[p]);
    thetis_check_end();
}

static uintptr_t user(size_t lane)
{
    thetis_check_begin("lanes.user", 1);
    uintptr_t who = thetis_lanes_user(&shared, lane);
    thetis_check_end();
    return who;
}

/* Three threads for two lanes. */
static void make_handed(void)
{
    make_2();
    thetis_lanes_leave(&handle[1]);
    thetis_lanes_leave(&handle[2]);
}

static void handed_body(unsigned thread)
{
    for (unsigned k = 0; k < (thread == CONSUMER ? 3 : 2) * thetis_check_rounds(); k++) {
        if (thread == CONSUMER) {
            (void)pop();
        } else if (join(thread) == THETIS_OK) {
            (void)push(thread);
            leave(thread);
        }
    }
}

static void handed_done(void)
{
    thetis_status s = drain();
    if (anybody_stopped()) return;
    THETIS_CHECK(s == THETIS_EMPTY);
    THETIS_CHECK(join(1) == THETIS_OK && join(2) == THETIS_OK && join(3) == THETIS_ENOSLOT);
    THETIS_CHECK(user(0) == 1 && user(1) == 2);
}

const thetis_check_scenario lanes_join = {
    .name = "lanes-join", .threads = 4, .slow = 4, .setup = make_handed, .body = handed_body,
    .done = handed_done};

/* With a lane to spare, whoever comes finds one that stays free. */
static void free_body(unsigned thread)
{
    if (thread == CONSUMER) (void)pop();
    else if (thread == 1) THETIS_CHECK(join(1) == THETIS_OK);
    else if (join(2) == THETIS_OK) leave(2);
}

static void make_free(void)
{
    make_3();
    thetis_lanes_leave(&handle[2]);
    thetis_lanes_leave(&handle[1]);
}

const thetis_check_scenario lanes_join_free = {
    .name = "lanes-join-free", .threads = 3, .slow = 4, .setup = make_free, .body = free_body};

/* ---- a consumer that has a successor --------------------------------------------------------- */

/* As another process would. */
static void open_again(void)
{
    const thetis_lanes_cfg cfg = {2, LANE, MOST};
    thetis_lanes there;
    thetis_check_begin("lanes.attach", 0);
    thetis_status s = thetis_lanes_attach(memory, sizeof memory, &cfg, &there);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
    thetis_check_begin("lanes.open", thetis_lanes_bound(&there, THETIS_LANES_OPEN, 0));
    s = thetis_lanes_open(&there, own, sizeof own, &consumer);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

/* It knows nothing of what was drawn before; what was pushed after the flag was seen leaves after
 * what was pushed before it was set. */
static void successor_body(unsigned thread)
{
    if (thread == 1) {
        if (push(1) == THETIS_OK) __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
    } else if (thread == 2) {
        if (__atomic_load_n(&flag, __ATOMIC_ACQUIRE) && push(2) == THETIS_OK) (void)push(2);
    } else {
        for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
            open_again();
            (void)pop();
            THETIS_CHECK(popped[2] == 0 || popped[1] >= 1);
        }
    }
}

static void successor_done(void)
{
    if (!thetis_check_stopped(CONSUMER)) open_again();
    (void)drain();
}

const thetis_check_scenario lanes_successor = {
    .name = "lanes-successor", .threads = 3, .slow = 2, .setup = make_2, .body = successor_body,
    .done = successor_done};

/* ---- producers that die ---------------------------------------------------------------------- */

/* Thread 1 dies at one of the steps of a commit, or with open reservations; told by the flag. */
static void die(unsigned p)
{
    uintptr_t newest;
    unsigned step = thetis_check_choose(3);
    record data;
    void *at;
    size_t size = fill(&data, p, pushed[p] + 1);
    if (thetis_lanes_reserve(&handle[p], size, &at) != THETIS_OK) return;
    memcpy(at, &data, size);
    newest = handle[p].end_.side_.own_;
    if (step == 1) thetis_atomic_store_relaxed(&handle[p].lane_->promised_, newest + 1);
    if (step == 2) (void)thetis_lanes_draw_(&handle[p], newest, 1);
}

static thetis_status expel(size_t lane)
{
    thetis_check_begin("lanes.expel", thetis_lanes_bound(&shared, THETIS_LANES_EXPEL, 0));
    thetis_status s = thetis_lanes_expel(consumer, lane);
    thetis_check_end();
    return s;
}

/* Thread 1 pushes, then dies; the consumer expels it and thread 2 may have its lane. */
static void expel_body(unsigned thread)
{
    if (thread == 1) {
        (void)push(1);
        die(1);
        __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
    } else if (thread == 2) {
        for (unsigned k = 0; k < thetis_check_rounds(); k++) {
            if (thetis_lanes_join(&shared, 2, &handle[2]) != THETIS_OK) continue;
            (void)push(2);
            thetis_lanes_leave(&handle[2]);
        }
    } else {
        for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
            (void)pop();
            if (user(0) == 1 && __atomic_load_n(&flag, __ATOMIC_ACQUIRE))
                THETIS_CHECK(expel(0) == THETIS_OK);
        }
    }
}

static void make_one(void)
{
    make(1, 0, 8);
}

/* Nothing is lost, nothing comes twice, and the gap is forgotten at the first EMPTY. */
static void expel_done(void)
{
    if (thetis_check_stopped(CONSUMER)) return;
    if (user(0) != 0) THETIS_CHECK(expel(0) == THETIS_OK);
    THETIS_CHECK(drain() == THETIS_EMPTY);
    THETIS_CHECK(consumer->taken_ == consumer->top_);
    THETIS_CHECK(consumer->top_ == shared.memory_->tail_.word_);
    THETIS_CHECK(expel(0) == THETIS_ABSENT);
    THETIS_CHECK(thetis_lanes_join(&shared, 3, &handle[3]) == THETIS_OK);
    for (int k = 0; k < 5; k++) THETIS_CHECK(push(3) == THETIS_OK && pop() == THETIS_OK);
    THETIS_CHECK(thetis_lanes_close(&shared) == THETIS_OK && pop() == THETIS_CLOSED);
}

const thetis_check_scenario lanes_expel = {
    .name = "lanes-expel", .threads = 3, .slow = 2, .setup = make_one, .body = expel_body,
    .done = expel_done};

/* Stopped anywhere in a push, by crash-stop: expelled behind it, the end comes. */
static void killed_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread == CONSUMER) (void)pop();
        else (void)push(thread);
    }
}

static void killed_done(void)
{
    if (thetis_check_stopped(CONSUMER)) return;
    for (unsigned p = 1; p <= 2; p++)
        if (thetis_check_stopped(p)) THETIS_CHECK(thetis_lanes_expel(consumer, p - 1) == THETIS_OK);
    THETIS_CHECK(drain() == THETIS_EMPTY);
    for (unsigned p = 1; p <= 2; p++) {
        if (thetis_check_stopped(p)) {
            popped[p] = pushed[p] = popped[p];
            THETIS_CHECK(thetis_lanes_join(&shared, p, &handle[p]) == THETIS_OK);
        }
        for (int k = 0; k < 5; k++) THETIS_CHECK(push(p) == THETIS_OK && pop() == THETIS_OK);
    }
    THETIS_CHECK(thetis_lanes_close(&shared) == THETIS_OK);
    THETIS_CHECK(drain() == THETIS_CLOSED);
}

const thetis_check_scenario lanes_killed = {
    .name = "lanes-killed", .threads = 3, .slow = 2, .setup = make_2, .body = killed_body,
    .done = killed_done};
