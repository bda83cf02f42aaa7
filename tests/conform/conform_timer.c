/* SPDX-License-Identifier: MIT
 *
 * conform_timer.c: rows of group G: timers and the clock. On the shim's virtual clock, where a
 * wait moves the clock to its end, except for "never early", which the real one must show too.
 */
#include <stdlib.h>
#include <string.h>

#include "conform/suite.h"

#define MS 1000000u

enum { LOG = 64 };

typedef struct beat {
    thetis_timer timer; /* first */
    suite *w;
    int id;
    unsigned beats;
    uint64_t at;     /* the clock at the last beat */
    uint64_t missed; /* at the last beat */
    uint64_t due;
    void (*on_beat)(struct beat *b);
    struct beat *other;
} beat;

static int beat_log[LOG];
static unsigned beat_count;

static void on_beat(thetis_timer *timer)
{
    beat *b = (beat *)timer;
    suite_enter(b->w);
    b->beats++;
    b->at = b->w->fault.sys.now(&b->w->fault.sys);
    b->missed = thetis_timer_missed(timer);
    CHECK(thetis_loop_now(b->w->loop) <= b->at);
    if (beat_count < LOG) beat_log[beat_count] = b->id;
    beat_count++;
    if (b->on_beat) b->on_beat(b);
    suite_leave(b->w);
}

static void beat_init(suite *w, beat *b, int id)
{
    memset(b, 0, sizeof *b);
    b->w = w;
    b->id = id;
    thetis_timer_init(w->loop, &b->timer, on_beat);
}

static void beat_start(beat *b, uint64_t delay, uint64_t period)
{
    CHECK_EQ(thetis_timer_start(&b->timer, delay, period), THETIS_OK);
    CHECK(thetis_timer_armed(&b->timer));
}

/* A row on the virtual clock: times count from here. */
static uint64_t virtual_clock(suite *w)
{
    fault_clock_start(&w->fault, thetis_loop_now(w->loop) + 1000);
    return w->fault.clock;
}

/* ---- 91, 92 ---------------------------------------------------------------------------------- */

static void row_091_never_early_on_the_real_clock(suite *w)
{
    static beat beats[50];
    for (int i = 0; i < 50; i++) {
        beat_init(w, &beats[i], i);
        uint64_t delay = suite_rand(w, 20 * MS);
        beats[i].due = w->fault.sys.now(&w->fault.sys) + delay;
        beat_start(&beats[i], delay, 0);
    }
    UNTIL(w, beat_count == 50);
    for (int i = 0; i < 50; i++) CHECK(beats[i].at >= beats[i].due);
}

static void row_091_exact_on_a_virtual_clock(suite *w)
{
    static beat b;
    uint64_t t0 = virtual_clock(w);
    beat_init(w, &b, 0);
    beat_start(&b, 12345678, 0);
    for (int turns = 0; b.beats == 0; turns++) {
        CHECK(turns < 50);
        suite_turn_for(w, UINT64_MAX);
    }
    CHECK_EQ(b.at, t0 + 12345678);
}

static void row_092_order_of_deadline_then_of_arming(suite *w)
{
    static const unsigned delays[] = {30, 10, 20, 10, 30, 10, 0, 20};
    static const int order[] = {6, 1, 3, 5, 2, 7, 0, 4};
    static beat beats[8];
    virtual_clock(w);
    for (int i = 0; i < 8; i++) {
        beat_init(w, &beats[i], i);
        beat_start(&beats[i], delays[i] * MS, 0);
    }
    fault_clock_step(&w->fault, 100 * MS); /* all due in one turn */
    suite_turn(w);
    CHECK_EQ(beat_count, 8);
    for (int i = 0; i < 8; i++) CHECK_EQ(beat_log[i], order[i]);
}

static void row_092_arming_again_goes_to_the_end(suite *w)
{
    static beat a, b;
    virtual_clock(w);
    beat_init(w, &a, 1);
    beat_init(w, &b, 2);
    uint64_t due = w->fault.clock + MS;
    CHECK_EQ(thetis_timer_start_at(&a.timer, due, 0), THETIS_OK);
    CHECK_EQ(thetis_timer_start_at(&b.timer, due, 0), THETIS_OK);
    CHECK_EQ(thetis_timer_start_at(&a.timer, due, 0), THETIS_OK);
    UNTIL(w, beat_count == 2);
    CHECK_EQ(beat_log[0], 2);
    CHECK_EQ(beat_log[1], 1);
}

/* ---- 93, 94, 95 ------------------------------------------------------------------------------ */

static void start_then_stop(beat *b)
{
    CHECK(!thetis_timer_armed(&b->timer));
    beat_start(b, MS, 0);
    CHECK_EQ(thetis_timer_stop(&b->timer), THETIS_OK);
    CHECK_EQ(thetis_timer_stop(&b->timer), THETIS_ABSENT);
    if (b->beats < 3) beat_start(b, 5 * MS, 0);
}

static void stop_repeating(beat *b)
{
    CHECK(thetis_timer_armed(&b->timer)); /* it repeats */
    if (b->beats == 3) CHECK_EQ(thetis_timer_stop(&b->timer), THETIS_OK);
}

static void row_093_start_and_stop_in_the_own_callback(suite *w)
{
    static beat a, b;
    virtual_clock(w);
    beat_init(w, &a, 1);
    beat_init(w, &b, 2);
    a.on_beat = start_then_stop;
    b.on_beat = stop_repeating;
    beat_start(&a, MS, 0);
    beat_start(&b, MS, MS);
    UNTIL(w, a.beats == 3 && b.beats == 3);
    CHECK_EQ(suite_stat(w).timers, 0);
}

static void stop_other(beat *b)
{
    CHECK_EQ(thetis_timer_stop(&b->other->timer), THETIS_OK);
}

static void row_094_a_timer_stopped_in_its_batch_stays_silent(suite *w)
{
    static beat a, b;
    virtual_clock(w);
    beat_init(w, &a, 1);
    beat_init(w, &b, 2);
    a.on_beat = stop_other;
    a.other = &b;
    beat_start(&a, MS, 0);
    beat_start(&b, 2 * MS, 0);
    fault_clock_step(&w->fault, 10 * MS);
    UNTIL(w, a.beats == 1);
    CHECK_EQ(suite_stat(w).timers, 0);
    CHECK_EQ(b.beats, 0);
}

static void start_at_once(beat *b)
{
    if (b->beats < 5) beat_start(b, 0, 0);
    if (b->beats == 1) CHECK_EQ(thetis_timer_start_at(&b->other->timer, 0, 0), THETIS_OK);
}

static void no_delay(suite *w)
{
    static beat a, past;
    beat_init(w, &a, 1);
    beat_init(w, &past, 2);
    a.on_beat = start_at_once;
    a.other = &past;
    beat_start(&a, 0, 0);
    for (unsigned i = 1; i <= 5; i++) {
        suite_turn(w);
        CHECK_EQ(a.beats, i);
        CHECK_EQ(past.beats, i > 1);
    }
}

static void row_095_no_delay_means_the_next_turn(suite *w)
{
    no_delay(w);
}

/* What is armed has the very time of what expires. */
static void row_095_no_delay_on_a_clock_that_stands(suite *w)
{
    virtual_clock(w);
    no_delay(w);
}

/* ---- 96, 98, 99, 100 ------------------------------------------------------------------------- */

static void row_096_repeats_without_drift(suite *w)
{
    static beat b;
    uint64_t t0 = virtual_clock(w);
    beat_init(w, &b, 1);
    beat_start(&b, 10 * MS, 10 * MS);
    for (unsigned i = 1; i <= 20; i++) {
        UNTIL(w, b.beats == i);
        CHECK(b.at >= t0 + i * 10 * MS);
        CHECK(b.at < t0 + i * 10 * MS + MS + 1);
        CHECK_EQ(b.missed, 0);
        fault_clock_step(&w->fault, 3 * MS); /* each time a little late */
    }
    fault_clock_step(&w->fault, 52 * MS);
    UNTIL(w, b.beats == 21);
    uint64_t late = b.at - (t0 + 210 * MS);
    CHECK_EQ(b.missed, late / (10 * MS));
    CHECK(b.missed >= 4);
    UNTIL(w, b.beats == 22);
    CHECK_EQ(b.missed, 0);
    CHECK_EQ((b.at - t0) / (10 * MS), 21 + late / (10 * MS) + 1); /* back on the grid */
    CHECK_EQ(thetis_timer_stop(&b.timer), THETIS_OK);
}

static void row_098_a_clock_that_steps_back(suite *w)
{
    static beat b;
    uint64_t t0 = virtual_clock(w);
    beat_init(w, &b, 1);
    beat_start(&b, 10 * MS, 10 * MS);
    UNTIL(w, b.beats == 3);
    uint64_t last = thetis_loop_now(w->loop);
    fault_clock_step(&w->fault, -25 * (int64_t)MS);
    uint64_t polls = suite_stat(w).polls;
    while (b.beats < 6) {
        suite_turn(w);
        uint64_t now = thetis_loop_now(w->loop);
        CHECK(now >= last); /* never backwards */
        CHECK(suite_stat(w).polls < polls + 1000);
        last = now;
    }
    CHECK(w->fault.clock >= t0 + 60 * MS);
    CHECK_EQ(thetis_timer_stop(&b.timer), THETIS_OK);
}

static void row_098_a_clock_that_steps_forward(suite *w)
{
    static beat b;
    virtual_clock(w);
    beat_init(w, &b, 1);
    beat_start(&b, MS, MS);
    fault_clock_step(&w->fault, (int64_t)3600 * 1000 * MS);
    suite_turn(w);
    CHECK_EQ(b.beats, 1); /* no storm: one beat that counts the others */
    CHECK_EQ(b.missed, 3600 * 1000 - 1);
    CHECK_EQ(thetis_timer_stop(&b.timer), THETIS_OK);
}

static void row_099_deadlines_far_away(suite *w)
{
    static beat far, never;
    uint64_t t0 = virtual_clock(w);
    uint64_t day = UINT64_C(86400) * 1000 * MS;
    beat_init(w, &far, 1);
    beat_init(w, &never, 2);
    beat_start(&never, UINT64_MAX, 0);
    beat_start(&far, 40 * day, 0);
    for (int turns = 0; far.beats == 0; turns++) {
        CHECK(turns < 2000); /* a system may clamp a sleep to an hour */
        suite_turn_for(w, UINT64_MAX);
    }
    CHECK_EQ(far.at, t0 + 40 * day);
    CHECK_EQ(never.beats, 0);
    CHECK_EQ(thetis_timer_stop(&never.timer), THETIS_OK);
}

static void row_100_not_later_than_the_declared_resolution(suite *w)
{
    static beat b;
    uint64_t resolution = thetis_loop_cap(w->loop, THETIS_CAP_TIMER_NS).number;
    virtual_clock(w);
    CHECK(resolution > 0 && resolution <= the_world->sleep_ns);
    for (int i = 0; i < 200; i++) {
        beat_init(w, &b, 1);
        uint64_t delay = suite_rand(w, 5 * MS);
        b.due = w->fault.clock + delay;
        beat_start(&b, delay, 0);
        UNTIL(w, b.beats == 1);
        CHECK(b.at >= b.due);
        CHECK(b.at <= b.due + resolution);
    }
}

/* ---- 97 -------------------------------------------------------------------------------------- */

enum { MODEL = 500 };

typedef struct model {
    beat beats[MODEL];
    uint64_t due[MODEL]; /* 0: not armed */
    uint64_t seq[MODEL];
    uint64_t next_seq;
    unsigned fired;
} model;

static model the_model;

/* The armed one with the least (deadline, sequence) that is due by `now`, or -1. */
static int model_first(const model *m, uint64_t now)
{
    int best = -1;
    for (int i = 0; i < MODEL; i++) {
        if (m->due[i] == 0 || m->due[i] > now) continue;
        if (best < 0 || m->due[i] < m->due[best] ||
            (m->due[i] == m->due[best] && m->seq[i] < m->seq[best]))
            best = i;
    }
    return best;
}

/* Each beat must be the one that the model says is next. */
static void model_beat(beat *b)
{
    model *m = &the_model;
    CHECK_EQ(model_first(m, thetis_loop_now(b->w->loop)), b->id);
    m->due[b->id] = 0;
    m->fired++;
}

static void model_step(suite *w, model *m)
{
    int i = (int)suite_rand(w, MODEL);
    uint64_t delay = suite_rand(w, 50) * 1000; /* many equal deadlines */
    uint64_t now = w->fault.clock;
    switch (suite_rand(w, 8)) {
    case 0:
    case 1:
        CHECK_EQ(thetis_timer_stop(&m->beats[i].timer), m->due[i] ? THETIS_OK : THETIS_ABSENT);
        m->due[i] = 0;
        break;
    case 2:
        suite_turn(w);
        CHECK_EQ(model_first(m, now), -1); /* whatever was due has come */
        break;
    case 3:
        fault_clock_step(&w->fault, (int64_t)suite_rand(w, 20) * 1000);
        break;
    default:
        beat_start(&m->beats[i], delay, 0);
        m->due[i] = now + delay;
        m->seq[i] = m->next_seq++;
    }
}

static void row_097_random_operations_against_a_model(suite *w)
{
    model *m = &the_model;
    virtual_clock(w);
    for (int i = 0; i < MODEL; i++) {
        beat_init(w, &m->beats[i], i);
        m->beats[i].on_beat = model_beat;
    }
    for (size_t k = 0; k < test_scale(100000); k++) model_step(w, m);
    CHECK(m->fired > 0);
    unsigned armed = 0;
    for (int i = 0; i < MODEL; i++) armed += m->due[i] != 0;
    CHECK_EQ(suite_stat(w).timers, armed);
    UNTIL(w, suite_stat(w).timers == 0);
    CHECK_EQ(model_first(m, UINT64_MAX), -1);
}

#define CONFORM_GROUP_G
#include "conform/rows.h"
