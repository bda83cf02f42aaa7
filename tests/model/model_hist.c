/* SPDX-License-Identifier: MIT
 *
 * model_hist.c: scenarios of thetis/hist.h: no count is lost, readers stay within their bounds.
 */
#include <string.h>
#include <thetis/check.h>
#include <thetis/hist.h>

static thetis_hist hist, sum;

static void clear(void)
{
    memset(&hist, 0, sizeof hist);
    memset(&sum, 0, sizeof sum);
}

static void record(thetis_hist *into, uint64_t value)
{
    thetis_check_begin("hist.record", 1);
    thetis_hist_record(into, value);
    thetis_check_end();
}

static uint64_t count(void)
{
    thetis_check_begin("hist.count", THETIS_HIST_BUCKETS);
    uint64_t n = thetis_hist_count(&hist);
    thetis_check_end();
    return n;
}

static uint64_t quantile(double q)
{
    thetis_check_begin("hist.quantile", 2 * THETIS_HIST_BUCKETS);
    uint64_t value = thetis_hist_quantile(&hist, q);
    thetis_check_end();
    return value;
}

static void merge(void)
{
    thetis_check_begin("hist.merge", 2 * THETIS_HIST_BUCKETS);
    thetis_hist_merge(&sum, &hist);
    thetis_check_end();
}

/* ---- few values ------------------------------------------------------------------------------ */

static void few_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (thread < 2) {
            record(&hist, 5 + k % 3);
        } else {
            uint64_t seen = count();
            THETIS_CHECK(seen <= count()); /* counts only grow */
            THETIS_CHECK(quantile(1) <= 7);
        }
    }
}

static void few_done(void)
{
    for (unsigned k = 0; k < 3; k++)
        if (thetis_check_stopped(k)) return;
    THETIS_CHECK(thetis_hist_count(&hist) % 2 == 0 && thetis_hist_count(&hist) >= 4);
}

const thetis_check_scenario hist_few = {
    .name = "hist-few", .threads = 3, .slow = 10, .setup = clear, .body = few_body,
    .done = few_done};

/* ---- writers alone: short runs --------------------------------------------------------------- */

static void write_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) record(&hist, (thread + k) % 2);
}

static void write_done(void)
{
    uintptr_t all = thetis_atomic_load_relaxed(&hist.count_[0]) +
                    thetis_atomic_load_relaxed(&hist.count_[1]);
    for (unsigned k = 0; k < 3; k++)
        if (thetis_check_stopped(k)) return;
    THETIS_CHECK(all % 2 == 0 && all >= 6);
}

static void write_setup(void)
{
    thetis_atomic_store_relaxed(&hist.count_[0], 0);
    thetis_atomic_store_relaxed(&hist.count_[1], 0);
}

const thetis_check_scenario hist_write = {
    .name = "hist-write", .threads = 3, .setup = write_setup, .body = write_body,
    .done = write_done};

/* ---- every bucket, so that the readers have all their work ----------------------------------- */

static void all_body(unsigned thread)
{
    if (thread == 0) {
        for (size_t b = 0; b < THETIS_HIST_BUCKETS; b++) {
            record(&hist, thetis_hist_bucket_max(b));
            record(&sum, thetis_hist_bucket_max(b));
        }
        return;
    }
    (void)count();
    (void)quantile(0);
    merge();
}

static void all_done(void)
{
    THETIS_CHECK(thetis_check_stopped(0) || thetis_hist_count(&hist) == THETIS_HIST_BUCKETS);
}

const thetis_check_scenario hist_all = {
    .name = "hist-all", .threads = 2, .slow = 200, .setup = clear, .body = all_body,
    .done = all_done};
