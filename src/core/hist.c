/* SPDX-License-Identifier: MIT
 *
 * hist.c: what is read from a histogram. Recording is inline in thetis/hist.h.
 *
 * The text form is that of HdrHistogram's outputPercentileDistribution(), with one line for each
 * bucket that is not empty. Numbers are formatted here: printf would follow the locale's decimal
 * comma, which no plotter reads, and is not there on a small board.
 */
#include <thetis/hist.h>

#include <string.h>

uint64_t thetis_hist_bucket_max(size_t bucket)
{
    THETIS_ASSERT1(bucket < THETIS_HIST_BUCKETS);
    if (bucket < 2 * THETIS_HIST_SUB) return bucket;
    size_t shift = bucket / THETIS_HIST_SUB - 1;
    uint64_t next = bucket - shift * THETIS_HIST_SUB + 1;
    return (next << shift) - 1; /* the last bucket: 2^64 wraps to 0, less 1 */
}

void thetis_hist_merge(thetis_hist *into, const thetis_hist *from)
{
    for (size_t b = 0; b < THETIS_HIST_BUCKETS; b++) {
        uintptr_t n = thetis_atomic_load_relaxed(&from->count_[b]);
        if (n > 0) (void)thetis_atomic_fetch_add_relaxed(&into->count_[b], n);
    }
}

uint64_t thetis_hist_count(const thetis_hist *hist)
{
    uint64_t sum = 0;
    for (size_t b = 0; b < THETIS_HIST_BUCKETS; b++)
        sum += thetis_atomic_load_relaxed(&hist->count_[b]);
    return sum;
}

/* From the top: what is recorded meanwhile can only be counted too high, never push the largest
 * values out of the total. */
uint64_t thetis_hist_quantile(const thetis_hist *hist, double q)
{
    uint64_t total = thetis_hist_count(hist);
    uint64_t left = total; /* values up to bucket b */
    uint64_t answer = 0;
    double least = q > 0 ? (q < 1 ? q : 1) : 0; /* not a number: 0 */
    for (size_t b = THETIS_HIST_BUCKETS; b-- > 0 && left > 0;) {
        uintptr_t n = thetis_atomic_load_relaxed(&hist->count_[b]);
        if (n == 0) continue;
        /* a quotient, not least * total: 7 of 100 must be the fraction 0.07; and stored, since
         * some processors divide with more digits */
        volatile double part = (double)left / (double)total;
        if (part < least) break;
        answer = thetis_hist_bucket_max(b);
        left = n < left ? left - n : 0;
    }
    return answer;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Appends num / den, cut after `decimals` places and right-aligned in `width` columns. */
static char *hist_ratio(char *at, uint64_t num, uint64_t den, unsigned decimals, unsigned width)
{
    char digits[20]; /* of 2^64 */
    unsigned n = 0;
    uint64_t whole = num / den;
    uint64_t rest = num % den;
    do digits[n++] = (char)('0' + whole % 10);
    while ((whole /= 10) > 0);
    for (unsigned used = n + decimals + (decimals > 0); used < width; used++) *at++ = ' ';
    while (n > 0) *at++ = digits[--n];
    if (decimals > 0) *at++ = '.';
    for (; decimals > 0; decimals--) {
        rest *= 10;
        *at++ = (char)('0' + rest / den);
        rest %= den;
    }
    *at = 0;
    return at;
}

static char *hist_text(char *at, const char *text)
{
    size_t len = strlen(text);
    memcpy(at, text, len + 1);
    return at + len;
}

/* One line: `seen` of `total` values are <= value / unit. The last has no 1/(1-fraction). */
static void hist_line(char *line, uint64_t value, uint64_t unit, uint64_t seen, uint64_t total)
{
    char *at = hist_ratio(line, value, unit, 3, 12);
    at = hist_text(at, " ");
    at = hist_ratio(at, seen, total, 12, 14);
    at = hist_text(at, " ");
    at = hist_ratio(at, seen, 1, 0, 10);
    if (seen == total) return;
    at = hist_text(at, " ");
    (void)hist_ratio(at, total, total - seen, 2, 14);
}

static void hist_footer(char *line, uint64_t max, uint64_t unit, uint64_t total)
{
    char *at = hist_text(line, "#[Max     = ");
    at = hist_ratio(at, max, unit, 3, 12);
    at = hist_text(at, ", Total count    = ");
    at = hist_ratio(at, total, 1, 0, 12);
    (void)hist_text(at, "]");
}

void thetis_hist_print(const thetis_hist *hist, uint64_t unit, thetis_hist_line_fn *write,
                       void *user)
{
    char line[128]; /* the widest: three numbers of 20 digits, 17 decimals, spaces */
    uint64_t total = thetis_hist_count(hist);
    uint64_t seen = 0;
    uint64_t max = thetis_hist_quantile(hist, 1);
    if (unit == 0) unit = 1;
    write(user, "       Value     Percentile TotalCount 1/(1-Percentile)");
    write(user, "");
    for (size_t b = 0; b < THETIS_HIST_BUCKETS && seen < total; b++) {
        uintptr_t n = thetis_atomic_load_relaxed(&hist->count_[b]);
        if (n == 0) continue;
        seen = n < total - seen ? seen + n : total; /* recorded meanwhile: not in the total */
        hist_line(line, thetis_hist_bucket_max(b), unit, seen, total);
        write(user, line);
    }
    hist_footer(line, max, unit, total);
    write(user, line);
}
