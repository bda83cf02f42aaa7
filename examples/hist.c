/* SPDX-License-Identifier: MIT
 *
 * hist.c: how long does reading the clock take, and how long at worst? Prints quantiles; with any
 * argument the whole distribution, in the form that HdrHistogram's plotters read.
 */
#include <stdio.h>
#include <thetis/hist.h>
#include <time.h>

static thetis_hist times; /* zero-filled: empty */

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)timespec_get(&t, TIME_UTC);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void print_line(void *user, const char *line)
{
    (void)user;
    puts(line);
}

int main(int argc, char **argv)
{
    static const double quantiles[] = {0, 0.5, 0.9, 0.99, 0.999, 1};
    (void)argv;
    for (int i = 0; i < 100000; i++) {
        uint64_t start = now_ns();
        uint64_t end = now_ns();
        thetis_hist_record(&times, end > start ? end - start : 0);
    }
    if (argc > 1) {
        thetis_hist_print(&times, 1, print_line, NULL);
        return 0;
    }
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        uint64_t ns = thetis_hist_quantile(&times, quantiles[i]);
        printf("%7.3f %% of calls took at most %llu ns\n", 100 * quantiles[i],
               (unsigned long long)ns);
    }
    return thetis_hist_count(&times) == 100000 ? 0 : 1;
}
