/* SPDX-License-Identifier: MIT
 *
 * test_hist.c: the histogram against sorted data.
 */
#include "harness/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thetis/hist.h>

enum { HIST_VALUES = 2000, HIST_THREADS = 4 };

static thetis_hist hist_a, hist_b;
static uint64_t hist_values[HIST_VALUES];

/* ---- buckets --------------------------------------------------------------------------------- */

/* Each bucket ends where the next begins, and the last ends with the last number. */
TEST(buckets_tile_all_numbers)
{
    CHECK_EQ(thetis_hist_bucket(0), 0);
    for (size_t b = 0; b < THETIS_HIST_BUCKETS - 1; b++) {
        uint64_t max = thetis_hist_bucket_max(b);
        CHECK_EQ(thetis_hist_bucket(max), b);
        CHECK_EQ(thetis_hist_bucket(max + 1), b + 1);
    }
    CHECK_EQ(thetis_hist_bucket_max(THETIS_HIST_BUCKETS - 1), UINT64_MAX);
    CHECK_EQ(thetis_hist_bucket(UINT64_MAX), THETIS_HIST_BUCKETS - 1);
}

TEST(a_bucket_is_as_fine_as_promised)
{
    uint64_t rng = test_seed();
    for (uint64_t v = 0; v < 2 * THETIS_HIST_SUB; v++) {
        CHECK_EQ(thetis_hist_bucket_max(thetis_hist_bucket(v)), v);
    }
    for (size_t i = test_scale(200000); i > 0; i--) {
        uint64_t v = test_rand(&rng) >> test_rand(&rng) % 64;
        uint64_t max = thetis_hist_bucket_max(thetis_hist_bucket(v));
        CHECK(max >= v);
        CHECK(max - v <= v / THETIS_HIST_SUB);
    }
}

TEST(a_bucket_past_the_last_aborts)
{
    (void)thetis_hist_bucket_max(THETIS_HIST_BUCKETS);
}

/* ---- quantiles ------------------------------------------------------------------------------- */

/* The shapes that latencies have, and some that they should not. */
typedef enum hist_shape {
    HIST_CONSTANT,
    HIST_UNIFORM,
    HIST_LOG_UNIFORM,
    HIST_TWO_PEAKS,
    HIST_LONG_TAIL,
    HIST_SMALL,
    HIST_EXTREMES,
    HIST_SHAPES
} hist_shape;

static uint64_t hist_draw(hist_shape shape, uint64_t *rng)
{
    uint64_t r = test_rand(rng);
    switch (shape) {
    case HIST_UNIFORM:
        return r % 1000000;
    case HIST_LOG_UNIFORM:
        return test_rand(rng) >> r % 64;
    case HIST_TWO_PEAKS:
        return (r & 1 ? 900 : 90000) + test_rand(rng) % 100;
    case HIST_LONG_TAIL:
        return 10000 / (1 + r % 10000) * (1 + r % 7);
    case HIST_SMALL:
        return r % 5;
    case HIST_EXTREMES:
        return r & 1 ? UINT64_MAX - (r >> 60) : r >> 62;
    default:
        return 123456789;
    }
}

static int hist_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The definition, on sorted data: the first value at or below which a fraction q lies. Fractions
 * are doubles: stored, since some processors divide with more digits. */
static uint64_t hist_exact(const uint64_t *sorted, size_t n, double q)
{
    size_t i = 0;
    for (; i < n - 1; i++) {
        volatile double part = (double)(i + 1) / (double)n;
        if (part >= q) break;
    }
    return thetis_hist_bucket_max(thetis_hist_bucket(sorted[i]));
}

static void hist_fill(hist_shape shape, size_t n, uint64_t *rng)
{
    memset(&hist_a, 0, sizeof hist_a);
    for (size_t i = 0; i < n; i++) {
        hist_values[i] = hist_draw(shape, rng);
        thetis_hist_record(&hist_a, hist_values[i]);
    }
    qsort(hist_values, n, sizeof hist_values[0], hist_compare);
}

TEST(quantiles_are_those_of_the_sorted_values)
{
    static const double qs[] = {0, 1e-9, 0.01, 0.07, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    uint64_t rng = test_seed();
    for (size_t round = test_scale(300); round > 0; round--) {
        hist_shape shape = (hist_shape)(round % HIST_SHAPES);
        size_t n = 1 + test_rand(&rng) % HIST_VALUES;
        hist_fill(shape, n, &rng);
        CHECK_EQ(thetis_hist_count(&hist_a), n);
        for (size_t k = 0; k < sizeof qs / sizeof qs[0]; k++) {
            CHECK_EQ(thetis_hist_quantile(&hist_a, qs[k]), hist_exact(hist_values, n, qs[k]));
        }
        double q = (double)(test_rand(&rng) >> 11) * 0x1p-53;
        CHECK_EQ(thetis_hist_quantile(&hist_a, q), hist_exact(hist_values, n, q));
    }
}

/* 0.07 * 100 is above 7 in binary; the seventh of a hundred values is meant. */
TEST(quantiles_do_not_suffer_from_rounding)
{
    for (uint64_t n = 1; n <= 60; n++) {
        thetis_hist_record(&hist_a, n);
        for (uint64_t i = 1; i <= n; i++) {
            CHECK_EQ(thetis_hist_quantile(&hist_a, (double)i / (double)n), i);
        }
    }
}

TEST(quantiles_outside_0_to_1_are_clamped)
{
    double zero = 0;
    CHECK_EQ(thetis_hist_quantile(&hist_a, 0.5), 0);
    thetis_hist_record(&hist_a, 3);
    thetis_hist_record(&hist_a, UINT64_MAX);
    CHECK_EQ(thetis_hist_quantile(&hist_a, -1), 3);
    CHECK_EQ(thetis_hist_quantile(&hist_a, zero / zero), 3);
    CHECK_EQ(thetis_hist_quantile(&hist_a, 2), UINT64_MAX);
}

TEST(merging_adds_all_counts)
{
    uint64_t rng = test_seed();
    static thetis_hist both;
    for (size_t i = 0; i < 1000; i++) {
        uint64_t v = hist_draw(HIST_LOG_UNIFORM, &rng);
        thetis_hist_record(i % 3 ? &hist_a : &hist_b, v);
        thetis_hist_record(&both, v);
    }
    thetis_hist_merge(&hist_a, &hist_b);
    CHECK_EQ(memcmp(&hist_a, &both, sizeof both), 0);
    CHECK_EQ(thetis_hist_count(&hist_b), 333 + 1);
}

static void *hist_record_body(void *seed)
{
    uint64_t rng = *(uint64_t *)seed;
    for (size_t i = test_scale(100000); i > 0; i--) {
        thetis_hist_record(&hist_a, hist_draw(HIST_SMALL, &rng));
    }
    return NULL;
}

TEST(no_record_is_lost_among_threads)
{
    pthread_t threads[HIST_THREADS];
    uint64_t seed = test_seed();
    for (int i = 0; i < HIST_THREADS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, hist_record_body, &seed), 0);
    }
    for (int i = 0; i < HIST_THREADS; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(thetis_hist_count(&hist_a), HIST_THREADS * test_scale(100000));
}

/* One value far above the stream of small ones that another thread records: it stays the largest,
 * and merging into a histogram that is recorded into loses nothing. */
TEST(reading_while_another_thread_records)
{
    pthread_t thread;
    uint64_t seed = test_seed();
    thetis_hist_record(&hist_a, UINT64_MAX);
    thetis_hist_record(&hist_b, UINT64_MAX);
    CHECK_EQ(pthread_create(&thread, NULL, hist_record_body, &seed), 0);
    for (size_t i = test_scale(300); i > 0; i--) {
        CHECK_EQ(thetis_hist_quantile(&hist_a, 1), UINT64_MAX);
    }
    thetis_hist_merge(&hist_a, &hist_b);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(thetis_hist_count(&hist_a), test_scale(100000) + 2);
}

/* ---- text ------------------------------------------------------------------------------------ */

typedef struct hist_page {
    size_t lines;
    char text[128][160];
} hist_page;

static void hist_collect(void *user, const char *line)
{
    hist_page *page = user;
    CHECK(page->lines < 128);
    CHECK(strlen(line) < 128); /* the size of the line buffer in hist.c */
    (void)snprintf(page->text[page->lines++], sizeof page->text[0], "%s", line);
}

TEST(text_is_what_plotters_read)
{
    static hist_page page;
    for (int i = 0; i < 3; i++) thetis_hist_record(&hist_a, 10);
    thetis_hist_record(&hist_a, 63);
    thetis_hist_print(&hist_a, 20, hist_collect, &page);
    CHECK_EQ(page.lines, 5);
    CHECK_STR(page.text[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
    CHECK_STR(page.text[1], "");
    CHECK_STR(page.text[2], "       0.500 0.750000000000          3           4.00");
    CHECK_STR(page.text[3], "       3.150 1.000000000000          4");
    CHECK_STR(page.text[4], "#[Max     =        3.150, Total count    =            4]");
}

TEST(text_of_an_empty_histogram_has_no_values)
{
    static hist_page page;
    thetis_hist_print(&hist_a, 0, hist_collect, &page);
    CHECK_EQ(page.lines, 3);
    CHECK_STR(page.text[2], "#[Max     =        0.000, Total count    =            0]");
}

/* Read back with the C library: columns ascend, fractions are counts over the total. */
TEST(text_columns_agree_with_each_other)
{
    static hist_page page;
    uint64_t rng = test_seed();
    hist_fill(HIST_SMALL, 1000, &rng);
    thetis_hist_record(&hist_a, UINT64_MAX);
    thetis_hist_print(&hist_a, 0, hist_collect, &page);
    double seen = 0;
    for (size_t i = 2; i < page.lines - 1; i++) {
        double value, fraction, count, inverse = 0;
        int columns = sscanf(page.text[i], "%lf %lf %lf %lf", &value, &fraction, &count, &inverse);
        CHECK_EQ(columns, i == page.lines - 2 ? 3 : 4);
        CHECK(count > seen);
        CHECK(fraction > count / 1001 - 1e-9 && fraction <= count / 1001);
        double want = 1001 / (1001 - count);
        CHECK(columns == 3 || (inverse > want - 0.0100001 && inverse < want + 1e-9));
        seen = count;
    }
    CHECK_EQ((int)seen, 1001);
    CHECK(strstr(page.text[page.lines - 2], "18446744073709551615.000") != NULL);
}

/* The widest numbers there can be keep to the line buffer. */
TEST(text_of_the_biggest_numbers_fits)
{
    static hist_page page;
    hist_a.count_[0].word_ = UINTPTR_MAX / 2;
    hist_a.count_[THETIS_HIST_BUCKETS - 1].word_ = UINTPTR_MAX / 2;
    thetis_hist_print(&hist_a, 1, hist_collect, &page);
    thetis_hist_print(&hist_a, UINT64_MAX, hist_collect, &page);
    CHECK_EQ(page.lines, 10);
}

TEST_MAIN(T(buckets_tile_all_numbers), T(a_bucket_is_as_fine_as_promised),
          T(a_bucket_past_the_last_aborts, .aborts = true),
          T(quantiles_are_those_of_the_sorted_values), T(quantiles_do_not_suffer_from_rounding),
          T(quantiles_outside_0_to_1_are_clamped), T(merging_adds_all_counts),
          T(no_record_is_lost_among_threads), T(reading_while_another_thread_records),
          T(text_is_what_plotters_read), T(text_of_an_empty_histogram_has_no_values),
          T(text_columns_agree_with_each_other), T(text_of_the_biggest_numbers_fits))
