/* SPDX-License-Identifier: MIT
 *
 * window.h: the protocol between a program that is measured and run.py.
 *
 * The program prints one line that says what it is: library, version, form. Then each line it
 * reads makes it measure one window and print the result, nanoseconds per operation. So run.py
 * can keep all subjects of a bench ready and measure them in turn, A B B A, on a machine whose
 * speed drifts. For C and C++.
 */
#ifndef BENCH_WINDOW_H
#define BENCH_WINDOW_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Two stringizing steps, for versions that are numbers. */
#define BENCH_STR_(x) #x
#define BENCH_STR(x) BENCH_STR_(x)

/* Makes the compiler believe that the memory at `p` is read and written here. */
#define BENCH_TOUCH(p) __asm__ volatile("" : : "r"(p) : "memory")

static inline uint64_t bench_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void bench_die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

/* splitmix64: the same sequence for every subject. */
static inline uint64_t bench_rand(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, bench_compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Speaks the protocol until the end of the input; `window` returns ns per operation. */
static inline void bench_serve(const char *variant, double (*window)(void *arg), void *arg)
{
    char line[16];
    printf("%s\n", variant);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        printf("%.4f\n", window(arg));
        fflush(stdout);
    }
}

#endif
