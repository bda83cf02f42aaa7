/* SPDX-License-Identifier: MIT
 *
 * stall.c: what one stopped thread does to the others, with each store.
 *
 *     $ thetis-kv-stall --stops 5 --workers 4
 *
 * Workers get and put a few keys of one table. One more thread puts, too; again and again it is
 * stopped for a second at whatever instruction of an update a signal finds it at. The row "nothing"
 * is the noise: there the thread that is stopped touches no table.
 */
#define _DEFAULT_SOURCE /* clock_gettime, nanosleep */
#include "store.h"

#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thetis/hist.h>
#include <time.h>

enum { WORKERS_MAX = 63, KEYS = 16, VALUE = 8192, LONG_NS = 100000000 };

typedef struct worker {
    pthread_t thread;
    kv_user *user;
    thetis_hist hist; /* of its operations, ns */
    uint64_t longest, late, random; /* late: operations over 100 ms */
    char room[KV_FRONT + VALUE];
} worker;

static const kv_store_ops *store; /* of this row */
static worker workers[WORKERS_MAX], victim;
static thetis_atomic over;           /* all end */
static thetis_atomic stopped, stops; /* is the victim, now; how often it was */
static volatile sig_atomic_t inside; /* the victim is in an update */
static bool idle;                    /* it touches no table */

static uint64_t ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* In the victim: it stays where the signal has found it. */
static void on_signal(int number)
{
    (void)number;
    if (!inside) return;
    thetis_atomic_store_relaxed(&stopped, 1);
    sleep_ms(1000);
    thetis_atomic_store_relaxed(&stopped, 0);
    (void)thetis_atomic_fetch_add_relaxed(&stops, 1);
}

static uint64_t draw(worker *w)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return w->random >> 33;
}

/* Half of the operations put. */
static void operate(worker *w, bool put)
{
    char key = (char)('a' + draw(w) % KEYS);
    kv_value v = {.data = w->room + KV_FRONT, .len = VALUE};
    thetis_status s = put ? store->put(w->user, (kv_text){&key, 1}, &v)
                          : store->get(w->user, (kv_text){&key, 1}, &v);
    if (s != THETIS_OK && s != THETIS_ABSENT) errx(1, "%s: %s", store->name, thetis_status_text(s));
}

static void *work(void *arg)
{
    worker *w = arg;
    while (!thetis_atomic_load_relaxed(&over)) {
        uint64_t since = ns();
        operate(w, draw(w) % 2);
        uint64_t took = ns() - since;
        thetis_hist_record(&w->hist, took);
        if (took > w->longest) w->longest = took;
        w->late += took > LONG_NS;
    }
    return NULL;
}

static void *be_stopped(void *arg)
{
    while (!thetis_atomic_load_relaxed(&over)) {
        inside = 1;
        if (!idle) operate(arg, true);
        inside = 0;
    }
    return NULL;
}

static void start(worker *w, kv_store *table, void *(*run)(void *worker))
{
    memset(w, 0, sizeof *w);
    w->random = (uint64_t)(uintptr_t)w;
    w->user = store->join(table);
    if (!w->user || pthread_create(&w->thread, NULL, run, w) != 0) errx(1, "no thread");
}

static void join(worker *w)
{
    (void)pthread_join(w->thread, NULL);
    store->leave(w->user);
}

static void report(const char *name, unsigned count)
{
    static thetis_hist all;
    uint64_t longest = 0, late = 0;
    memset(&all, 0, sizeof all);
    for (unsigned k = 0; k < count; k++) {
        thetis_hist_merge(&all, &workers[k].hist);
        if (workers[k].longest > longest) longest = workers[k].longest;
        late += workers[k].late;
    }
    printf("%-8s %12" PRIu64 " %10.3f %12.3f %12.1f %14" PRIu64 "\n", name, thetis_hist_count(&all),
           (double)thetis_hist_quantile(&all, 0.5) / 1e3,
           (double)thetis_hist_quantile(&all, 0.999) / 1e3, (double)longest / 1e6, late);
    (void)fflush(stdout);
}

static void measure(const char *name, unsigned count, unsigned wanted)
{
    kv_store_cfg cfg = {.keys = 1024, .value_max = VALUE, .memory = 1 << 26, .threads = count + 1};
    kv_store *table = store->create(&cfg);
    if (!table) errx(1, "no memory");
    thetis_atomic_store_relaxed(&over, 0);
    thetis_atomic_store_relaxed(&stops, 0);
    for (unsigned k = 0; k < count; k++) start(&workers[k], table, work);
    start(&victim, table, be_stopped);
    while (thetis_atomic_load_relaxed(&stops) < wanted) {
        sleep_ms(1);
        if (!thetis_atomic_load_relaxed(&stopped)) (void)pthread_kill(victim.thread, SIGUSR1);
    }
    thetis_atomic_store_relaxed(&over, 1);
    join(&victim);
    for (unsigned k = 0; k < count; k++) join(&workers[k]);
    store->destroy(table);
    report(name, count);
}

static unsigned number(const char *text, unsigned most)
{
    unsigned long n = strtoul(text, NULL, 10);
    if (n < 1 || n > most) errx(2, "'%s' is no number from 1 to %u", text, most);
    return (unsigned)n;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"stops", 1, NULL, 's'}, {"workers", 1, NULL, 'w'}, {0},
    };
    unsigned wanted = 5, count = 4;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 's') wanted = number(optarg, 1000);
        else if (o == 'w') count = number(optarg, WORKERS_MAX);
        else errx(2, "thetis-kv-stall [--stops 1..1000] [--workers 1..63]");
    }
    (void)signal(SIGUSR1, on_signal);
    printf("stopped    operations     p50 us     p99.9 us   longest ms    over 100 ms\n");
    store = &kv_store_thetis;
    idle = true;
    measure("nothing", count, wanted);
    idle = false;
    measure("thetis", count, wanted);
    store = &kv_store_mutex;
    measure("mutex", count, wanted);
    return 0;
}
