/* SPDX-License-Identifier: MIT
 *
 * bench_domain.c: a domain with one hazard for each of four threads, and a pool.
 */
#include <stdlib.h>
#include <thetis/pool.h>
#include <thetis/version.h>

#include "window.h"

#define SUBJECT_VARIANT "thetis " THETIS_VERSION_STRING ", domain + pool, 4 threads, 1 hazard"

enum { THREADS = 4, CELLS = 2, TAKEN = CELLS + THREADS };

typedef struct version {
    uint64_t value;
    uint64_t filling;
} version;

static thetis_domain *domain;
static thetis_pool *pool;
static thetis_domain_thread *self[THREADS];
static thetis_atomic cell[CELLS] THETIS_CACHE_ALIGNED;

static void *subject_memory(size_t size)
{
    size_t line = THETIS_CACHE_LINE;
    void *mem = aligned_alloc(line, (size + line - 1) / line * line);
    if (!mem) bench_die("no memory");
    return mem;
}

static void subject_join(int who)
{
    if (thetis_domain_join(domain, &self[who]) != THETIS_OK) bench_die("no record");
}

static void subject_leave(int who)
{
    thetis_domain_leave(self[who]);
}

static void *subject_new(int who, uint64_t value)
{
    void *block;
    if (thetis_pool_take(pool, self[who], &block) != THETIS_OK) bench_die("no block");
    *(version *)block = (version){.value = value};
    return block;
}

static void subject_open(void)
{
    thetis_domain_cfg of = {.threads = THREADS, .hazards = 1};
    thetis_pool_cfg cfg = {.size = sizeof(version), .blocks = TAKEN};
    size_t size = thetis_domain_size(&of), pool_size = thetis_pool_size(&of, &cfg);
    if (thetis_domain_init(subject_memory(size), size, &of, &domain) != THETIS_OK ||
        thetis_pool_init(subject_memory(pool_size), pool_size, domain, &cfg, &pool) != THETIS_OK)
        bench_die("no domain");
    subject_join(0);
    for (int k = 0; k < CELLS; k++)
        thetis_atomic_store_release(&cell[k], (uintptr_t)subject_new(0, 0));
    subject_leave(0);
}

static inline uint64_t subject_enter(int who, int c)
{
    uintptr_t word;
    while (thetis_domain_protect(self[who], 0, &cell[c], &word) != THETIS_OK) {}
    return ((const version *)word)->value;
}

static inline void subject_exit(int who)
{
    thetis_domain_clear(self[who], 0);
}

static inline void subject_replace(int who, int c, uint64_t value)
{
    void *block = subject_new(who, value);
    uintptr_t old = thetis_atomic_exchange_acq_rel(&cell[c], (uintptr_t)block);
    thetis_pool_retire(pool, self[who], (void *)old);
}

static uint64_t subject_waiting(void)
{
    thetis_pool_levels levels;
    thetis_pool_stat(pool, &levels);
    return levels.unreclaimed;
}

static void subject_settle(void)
{
    (void)thetis_pool_reclaim(pool, self[0]);
    (void)thetis_pool_collect(pool);
}

#include "domain.h"
