/* SPDX-License-Identifier: MIT
 *
 * stress_latest.c: one writer and several readers that copy, look in place, come and go. A value is
 * sealed by its number: one that is torn, or changes while it is looked at, shows at once.
 */
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <thetis/latest.h>

enum { LATEST_READERS = 16, LATEST_WORDS = 40, LATEST_VALUES = 200000 };

typedef struct latest_value {
    uint64_t number;
    uint64_t seal[LATEST_WORDS - 1];
} latest_value;

THETIS_LATEST(sealed, latest_value);

typedef struct latest_run {
    thetis_latest *latest;
    uint64_t values;
    bool churn;    /* readers leave and join again */
} latest_run;

typedef struct latest_seat {
    latest_run *run;
    pthread_t thread;
    uint64_t seed;
} latest_seat;

static char latest_mem[THETIS_LATEST_SIZE(sizeof(latest_value), LATEST_READERS)]
    THETIS_CACHE_ALIGNED;

static void latest_seal(latest_value *value, uint64_t number)
{
    uint64_t state = number;
    value->number = number;
    for (int k = 0; k < LATEST_WORDS - 1; k++) value->seal[k] = test_rand(&state);
}

static void latest_check_seal(const latest_value *value)
{
    uint64_t state = value->number;
    for (int k = 0; k < LATEST_WORDS - 1; k++) CHECK_EQ(value->seal[k], test_rand(&state));
}

/* Stores numbers 1 to `values`, by copy and in place in turn, then closes. */
static void latest_write(latest_run *run)
{
    for (uint64_t number = 1; number <= run->values; number++) {
        if (number % 2) {
            latest_value value;
            latest_seal(&value, number);
            CHECK_EQ(sealed_store(run->latest, &value), THETIS_OK);
        } else {
            void *at;
            CHECK_EQ(thetis_latest_reserve(run->latest, &at), THETIS_OK);
            latest_seal(at, number);
            thetis_latest_commit(run->latest);
        }
        if (number % 64 == 0) {
            CHECK_EQ(thetis_latest_check(run->latest), THETIS_OK);
            (void)sched_yield();
        }
    }
    thetis_latest_close(run->latest);
}

static thetis_status latest_look(thetis_latest_reader *reader, bool in_place, uint64_t *number)
{
    latest_value copy;
    const void *at = &copy;
    thetis_status s = in_place ? thetis_latest_peek(reader, &at) : sealed_load(reader, &copy);
    if (s != THETIS_OK) return s;
    const latest_value *value = at;
    CHECK(value->number > *number);
    *number = value->number;
    latest_check_seal(value);
    return s;
}

static void *latest_read(void *arg)
{
    latest_seat *seat = arg;
    thetis_latest_reader reader;
    uint64_t number = 0, rng = seat->seed;
    CHECK_EQ(thetis_latest_join(seat->run->latest, &reader), THETIS_OK);
    for (;;) {
        uint64_t r = test_rand(&rng);
        thetis_status s = latest_look(&reader, r & 1, &number);
        if (s == THETIS_CLOSED) break;
        if (s != THETIS_OK) (void)sched_yield();
        if (seat->run->churn && r % 8 == 0) {
            thetis_latest_leave(&reader);
            while (thetis_latest_join(seat->run->latest, &reader) != THETIS_OK) sched_yield();
            number = number ? number - 1 : 0; /* the same value may be shown again */
        }
    }
    CHECK_EQ(number, seat->run->values);
    thetis_latest_leave(&reader);
    return NULL;
}

static void latest_go(unsigned readers, size_t values, bool churn)
{
    latest_run run = {.values = test_scale(values), .churn = churn};
    latest_seat seats[LATEST_READERS];
    thetis_latest_cfg cfg = {sizeof(latest_value), readers};
    CHECK_EQ(thetis_latest_init(latest_mem, sizeof latest_mem, &cfg, &run.latest), THETIS_OK);
    for (unsigned k = 0; k < readers; k++) {
        seats[k] = (latest_seat){.run = &run, .seed = test_seed() + k};
        CHECK_EQ(pthread_create(&seats[k].thread, NULL, latest_read, &seats[k]), 0);
    }
    latest_write(&run);
    for (unsigned k = 0; k < readers; k++) {
        CHECK_EQ(pthread_join(seats[k].thread, NULL), 0);
    }
    CHECK_EQ(thetis_latest_check(run.latest), THETIS_OK);
}

TEST(readers_see_whole_values_in_order)
{
    latest_go(4, LATEST_VALUES, false);
}

TEST(readers_come_and_go)
{
    latest_go(4, LATEST_VALUES, true);
}

TEST(one_to_sixteen_readers)
{
    for (unsigned readers = 1; readers <= LATEST_READERS; readers *= 2) {
        latest_go(readers, LATEST_VALUES / 4, readers % 4 == 0);
    }
}

TEST_MAIN(T(readers_see_whole_values_in_order, .timeout_s = 60),
          T(readers_come_and_go, .timeout_s = 60), T(one_to_sixteen_readers, .timeout_s = 120))
