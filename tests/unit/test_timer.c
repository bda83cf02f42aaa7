/* SPDX-License-Identifier: MIT
 *
 * test_timer.c: every documented status of thetis/timer.h. Order and times are in
 * tests/conform/conform_timer.c.
 */
#include <thetis/timer.h>

#include <string.h>

#include "harness/fault.h"
#include "harness/test.h"

typedef struct shot {
    thetis_timer timer; /* first */
    unsigned fired;
    uint64_t at, missed;
} shot;

static fault clock_shim;

static void on_shot(thetis_timer *timer)
{
    shot *s = (shot *)timer;
    s->fired++;
    s->at = clock_shim.clock;
    s->missed = thetis_timer_missed(timer);
}

/* A loop on a virtual clock that stands at `at`. */
static thetis_loop *make_loop(uint32_t max_timers, uint64_t at)
{
    thetis_loop *loop;
    thetis_loop_cfg cfg = {.max_timers = max_timers, .sys = &clock_shim.sys};
    fault_init(&clock_shim, &tht_sys_host, test_seed());
    fault_clock_start(&clock_shim, at);
    CHECK_EQ(thetis_loop_create(&cfg, &loop), THETIS_OK);
    return loop;
}

static uint32_t armed(const thetis_loop *loop)
{
    thetis_loop_stat stat;
    thetis_loop_stat_read(loop, &stat);
    return stat.timers;
}

TEST(a_fresh_timer)
{
    thetis_loop *loop = make_loop(4, 1000);
    shot s;
    memset(&s, 0xA5, sizeof s);
    thetis_timer_init(loop, &s.timer, on_shot);
    CHECK_EQ(thetis_timer_armed(&s.timer), 0);
    CHECK_EQ(thetis_timer_missed(&s.timer), 0);
    CHECK(thetis_timer_user(&s.timer) == NULL);
    CHECK(thetis_timer_loop(&s.timer) == loop);
    thetis_timer_set_user(&s.timer, &s);
    CHECK(thetis_timer_user(&s.timer) == &s);
    CHECK_EQ(thetis_timer_stop(&s.timer), THETIS_ABSENT);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

TEST(all_places_taken)
{
    thetis_loop *loop = make_loop(4, 1000);
    shot shots[5] = {0};
    for (int i = 0; i < 5; i++) thetis_timer_init(loop, &shots[i].timer, on_shot);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(thetis_timer_start(&shots[i].timer, 100, 0), THETIS_OK);
    CHECK_EQ(thetis_timer_start(&shots[4].timer, 100, 0), THETIS_ENOSLOT);
    CHECK_EQ(thetis_timer_armed(&shots[4].timer), 0);
    CHECK_EQ(thetis_timer_start_at(&shots[4].timer, 2000, 0), THETIS_ENOSLOT);
    CHECK_EQ(thetis_timer_start(&shots[0].timer, 200, 0), THETIS_OK); /* armed: needs no place */
    CHECK_EQ(armed(loop), 4);
    CHECK_EQ(thetis_timer_stop(&shots[1].timer), THETIS_OK);
    CHECK_EQ(thetis_timer_stop(&shots[1].timer), THETIS_ABSENT);
    CHECK_EQ(thetis_timer_start(&shots[4].timer, 100, 0), THETIS_OK);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(shots[1].fired, 0);
    CHECK_EQ(shots[0].fired + shots[2].fired + shots[3].fired + shots[4].fired, 4);
    CHECK_EQ(shots[0].at, 1200);
    CHECK_EQ(shots[4].at, 1100);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

TEST(deadlines_at_the_end_of_time)
{
    thetis_loop *loop = make_loop(4, UINT64_MAX - 1000);
    shot near = {0}, far = {0};
    thetis_timer_init(loop, &near.timer, on_shot);
    thetis_timer_init(loop, &far.timer, on_shot);
    CHECK_EQ(thetis_timer_start(&near.timer, 500, 0), THETIS_OK);
    CHECK_EQ(thetis_timer_start(&far.timer, 5000, 0), THETIS_OK); /* does not wrap round */
    CHECK_EQ(thetis_loop_run_once(loop, UINT64_MAX), THETIS_OK);
    CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_OK);
    CHECK_EQ(near.fired, 1);
    CHECK_EQ(far.fired, 0);
    CHECK_EQ(thetis_timer_stop(&far.timer), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

TEST(start_at_an_absolute_time)
{
    thetis_loop *loop = make_loop(4, 1000);
    shot later = {0}, past = {0};
    thetis_timer_init(loop, &later.timer, on_shot);
    thetis_timer_init(loop, &past.timer, on_shot);
    CHECK_EQ(thetis_timer_start_at(&later.timer, 1500, 0), THETIS_OK);
    CHECK_EQ(thetis_timer_start_at(&past.timer, 3, 0), THETIS_OK);
    CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_OK);
    CHECK_EQ(past.fired, 1);
    CHECK_EQ(later.fired, 0);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(later.at, 1500);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

TEST(periods_that_were_missed)
{
    thetis_loop *loop = make_loop(4, 1000);
    shot s = {0};
    thetis_timer_init(loop, &s.timer, on_shot);
    CHECK_EQ(thetis_timer_start(&s.timer, 100, 100), THETIS_OK);
    fault_clock_step(&clock_shim, 100);
    CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_OK);
    CHECK_EQ(s.fired, 1);
    CHECK_EQ(s.missed, 0);
    fault_clock_step(&clock_shim, 399);
    CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_OK);
    CHECK_EQ(s.fired, 2);
    CHECK_EQ(s.missed, 2); /* at 1200; those of 1300 and 1400 are skipped */
    CHECK_EQ(thetis_loop_run_once(loop, UINT64_MAX), THETIS_OK);
    CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_OK);
    CHECK_EQ(s.at, 1500);
    CHECK_EQ(s.missed, 0);
    CHECK_EQ(thetis_timer_stop(&s.timer), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

/* More are due than a turn may expire: the turn ends, the rest comes in the following ones. */
TEST(a_storm_of_timers_is_cut_into_turns)
{
    enum { STORM = 5000 };
    static shot shots[STORM];
    thetis_loop *loop = make_loop(STORM, 1000);
    thetis_loop_stat stat;
    for (int i = 0; i < STORM; i++) {
        thetis_timer_init(loop, &shots[i].timer, on_shot);
        CHECK_EQ(thetis_timer_start(&shots[i].timer, 10, 0), THETIS_OK);
    }
    fault_clock_step(&clock_shim, 10);
    CHECK_EQ(thetis_loop_run_once(loop, UINT64_MAX), THETIS_OK);
    thetis_loop_stat_read(loop, &stat);
    CHECK(stat.expired > 0);
    CHECK(stat.expired < STORM);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    thetis_loop_stat_read(loop, &stat);
    CHECK_EQ(stat.expired, STORM);
    CHECK_EQ(clock_shim.clock, 1010); /* without a sleep between */
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
}

TEST_MAIN(T(a_fresh_timer), T(all_places_taken), T(deadlines_at_the_end_of_time),
          T(start_at_an_absolute_time), T(periods_that_were_missed),
          T(a_storm_of_timers_is_cut_into_turns))
