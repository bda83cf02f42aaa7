/* SPDX-License-Identifier: MIT
 *
 * bmap.c: four threads count names in one map from bytes to bytes; none ever waits for another one.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thetis/bmap.h>

enum { THREADS = 4, ROUNDS = 20000 };

static const char *const names[] = {"Ada", "Blaise", "Charles", "Donald", "Edsger", "Frances"};
enum { NAMES = sizeof names / sizeof *names };

static thetis_domain *domain;
static thetis_bmap *counts;

static thetis_bmap_bytes text(const char *name)
{
    return (thetis_bmap_bytes){name, strlen(name)};
}

static thetis_status find(thetis_domain_thread *me, const char *name, long *n, uintptr_t *version)
{
    thetis_bmap_value found = {.data = n, .room = sizeof *n};
    thetis_status s = thetis_bmap_find(counts, me, text(name), &found);
    if (s == THETIS_OK) *version = found.version;
    return s;
}

/* One more of a name, which may be a new one: read, compute, replace what was read. */
static int count(thetis_domain_thread *me, const char *name)
{
    for (;;) {
        long n = 0;
        uintptr_t version;
        thetis_status s = find(me, name, &n, &version);
        thetis_bmap_bytes more = {&n, sizeof n};
        n++;
        if (s == THETIS_OK) s = thetis_bmap_cas(counts, me, text(name), version, more);
        else if (s == THETIS_ABSENT) s = thetis_bmap_insert(counts, me, text(name), more, NULL);
        if (s <= THETIS_OK) return s == THETIS_OK;
        /* another thread was faster */
    }
}

static void *read_names(void *arg)
{
    thetis_domain_thread *me;
    unsigned random = (unsigned)(uintptr_t)arg;
    if (thetis_domain_join(domain, &me) != THETIS_OK) return "no place";
    for (int k = 0; k < ROUNDS; k++) {
        random = random * 1103515245u + 12345u;
        if (!count(me, names[random / 65536 % NAMES])) return "no memory";
    }
    thetis_domain_leave(me);
    return NULL;
}

static int make(void)
{
    static char memory[THETIS_DOMAIN_SIZE(THREADS, THETIS_BMAP_HAZARDS,
                                          THETIS_BMAP_ARGS)] THETIS_CACHE_ALIGNED;
    thetis_domain_cfg threads = {THREADS, THETIS_BMAP_HAZARDS, THETIS_BMAP_ARGS};
    thetis_bmap_cfg cfg = {
        .capacity = 4, .capacity_max = 1000, .key_max = 20, .value_max = sizeof(long)};
    return thetis_domain_init(memory, sizeof memory, &threads, &domain) == THETIS_OK &&
           thetis_bmap_create(domain, &cfg, &counts) == THETIS_OK;
}

int main(void)
{
    pthread_t thread[THREADS];
    thetis_domain_thread *me;
    long sum = 0;
    if (!make()) return 1;
    for (uintptr_t t = 0; t < THREADS; t++)
        if (pthread_create(&thread[t], NULL, read_names, (void *)(t + 1)) != 0) return 1;
    for (int t = 0; t < THREADS; t++) {
        void *fault;
        if (pthread_join(thread[t], &fault) != 0 || fault) return 1;
    }
    if (thetis_domain_join(domain, &me) != THETIS_OK) return 1;
    for (int k = 0; k < NAMES; k++) {
        long n = 0;
        uintptr_t version;
        if (find(me, names[k], &n, &version) == THETIS_OK) printf("%-8s %ld\n", names[k], n);
        sum += n;
    }
    thetis_bmap_destroy(counts);
    return sum == THREADS * ROUNDS ? 0 : 1;
}
