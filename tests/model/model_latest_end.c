/* SPDX-License-Identifier: MIT
 *
 * model_latest_end.c: a scenario of thetis_latest_attach(). Thread 0 stores 1, 2, 3, ... and is
 * followed by a successor; thread 1 reads. Each has attached, and knows the memory only.
 */
#include <thetis/check.h>
#include <thetis/latest.h>

enum { WRITER, READER };

static const thetis_latest_cfg cfg = {sizeof(uint64_t), 1};
static char memory[THETIS_LATEST_SIZE(sizeof(uint64_t), 1)] THETIS_CACHE_ALIGNED;
static thetis_latest in, out;
static thetis_latest_reader reader;
static uint64_t last_stored, last_seen; /* each used by its side */

static thetis_status attach(thetis_shm_role role, thetis_latest *latest)
{
    return thetis_latest_attach(memory, sizeof memory, &cfg, role, latest);
}

static void make(void)
{
    thetis_latest *latest;
    THETIS_CHECK(thetis_latest_init(memory, sizeof memory, &cfg, &latest) == THETIS_OK);
    THETIS_CHECK(attach(THETIS_SHM_PRODUCER, &in) == THETIS_OK);
    THETIS_CHECK(attach(THETIS_SHM_CONSUMER, &out) == THETIS_OK);
    THETIS_CHECK(thetis_latest_join(&out, &reader) == THETIS_OK);
    last_stored = last_seen = 0;
}

static void store(void)
{
    last_stored++;
    thetis_check_begin("latest.store", thetis_latest_bound(&in, THETIS_LATEST_STORE));
    thetis_status s = thetis_latest_store(&in, &last_stored);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK);
}

static void load(void)
{
    uint64_t value = 0;
    thetis_check_begin("latest.load", thetis_latest_bound(&out, THETIS_LATEST_LOAD));
    thetis_status s = thetis_latest_load(&reader, &value);
    thetis_check_end();
    THETIS_CHECK(s == THETIS_OK || s == THETIS_AGAIN || s == THETIS_EMPTY);
    if (s != THETIS_OK) return;
    THETIS_CHECK(value > last_seen);
    last_seen = value;
}

static void successors(unsigned thread)
{
    for (unsigned k = 0; k < 2; k++) {
        if (thread == READER) {
            load();
            load();
        } else {
            store();
            thetis_check_begin("latest.attach", 1);
            thetis_status s = attach(THETIS_SHM_PRODUCER, &in);
            thetis_check_end();
            THETIS_CHECK(s == THETIS_OK);
            store();
        }
    }
}

const thetis_check_scenario latest_attach = {
    .name = "latest-attach", .threads = 2, .setup = make, .body = successors};
