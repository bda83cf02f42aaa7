/* SPDX-License-Identifier: MIT
 *
 * map.c: four threads count words of a text in one map; none ever waits for another one.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <thetis/map.h>

enum { THREADS = 4, WORDS = 100, ROUNDS = 100000 };

static thetis_domain *domain;
static thetis_map *counts;

static uintptr_t plus(uintptr_t value, uintptr_t arg)
{
    return value + arg;
}

/* One more of a word, which may be a new one. */
static int count(thetis_domain_thread *me, uintptr_t word)
{
    for (;;) {
        thetis_status s = thetis_map_update(counts, me, word, plus, 1, NULL);
        if (s != THETIS_ABSENT) return s == THETIS_OK;
        s = thetis_map_insert(counts, me, word, 1, NULL);
        if (s != THETIS_EXISTS) return s == THETIS_OK; /* else another thread was first */
    }
}

static void *read_text(void *arg)
{
    thetis_domain_thread *me;
    unsigned random = (unsigned)(uintptr_t)arg;
    if (thetis_domain_join(domain, &me) != THETIS_OK) return "no place";
    for (int k = 0; k < ROUNDS; k++) {
        random = random * 1103515245u + 12345u;
        if (!count(me, random / 65536 % WORDS)) return "no memory";
    }
    thetis_domain_leave(me);
    return NULL;
}

/* Memory of a size that the library has said. */
static void *lines(size_t size)
{
    return aligned_alloc(THETIS_CACHE_LINE, (size / THETIS_CACHE_LINE + 1) * THETIS_CACHE_LINE);
}

static int make(void)
{
    thetis_domain_cfg threads = {.threads = THREADS, .hazards = 1, .args = THETIS_MAP_ARGS};
    thetis_map_cfg cfg = {.capacity = WORDS};
    size_t domain_size = thetis_domain_size(&threads), size = thetis_map_size(&threads, &cfg);
    void *memory = lines(domain_size), *more = lines(size);
    if (!memory || !more) return 0;
    return thetis_domain_init(memory, domain_size, &threads, &domain) == THETIS_OK &&
           thetis_map_init(more, size, domain, &cfg, &counts) == THETIS_OK;
}

int main(void)
{
    pthread_t thread[THREADS];
    uintptr_t sum = 0;
    thetis_domain_thread *me;
    if (!make()) return 1;
    for (uintptr_t t = 0; t < THREADS; t++) {
        if (pthread_create(&thread[t], NULL, read_text, (void *)(t + 1)) != 0) return 1;
    }
    for (int t = 0; t < THREADS; t++) {
        void *fault;
        if (pthread_join(thread[t], &fault) != 0 || fault) return 1;
    }
    if (thetis_domain_join(domain, &me) != THETIS_OK) return 1;
    for (uintptr_t word = 0; word < WORDS; word++) {
        uintptr_t n = 0;
        if (thetis_map_find(counts, me, word, &n) == THETIS_OK) sum += n;
    }
    printf("%d words counted, %d read; an update takes at most %llu steps\n", (int)sum,
           THREADS * ROUNDS, (unsigned long long)thetis_map_bound(counts, THETIS_MAP_UPDATE));
    return sum == THREADS * ROUNDS ? 0 : 1;
}
