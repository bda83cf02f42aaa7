/* SPDX-License-Identifier: MIT
 *
 * domain.c: settings that workers read while another thread replaces them: nobody waits, and old
 * settings go back to a pool when no worker reads them any more.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <thetis/domain.h>
#include <thetis/pool.h>

enum { WORKERS = 3, READS = 200000, CHANGES = 50000 };

typedef struct settings {
    unsigned width, height, area;
} settings;

static thetis_domain *domain;
static thetis_pool *pool;
static thetis_atomic current; /* the address of the settings that hold now */

/* One try, which cannot wait: if they are just being replaced, the worker's own copy holds on. */
static void refresh(thetis_domain_thread *me, settings *mine)
{
    uintptr_t word;
    if (thetis_domain_protect(me, 0, &current, &word) == THETIS_OK) {
        *mine = *(const settings *)word; /* it stays what it is until the hazard is cleared */
    }
    thetis_domain_clear(me, 0);
}

static void *work(void *unused)
{
    settings mine = {1, 1, 1};
    thetis_domain_thread *me;
    (void)unused;
    if (thetis_domain_join(domain, &me) != THETIS_OK) return &domain;
    int wrong = 0;
    for (int k = 0; k < READS; k++) {
        refresh(me, &mine);
        wrong |= mine.width * mine.height != mine.area;
    }
    thetis_domain_leave(me);
    return wrong ? &domain : NULL;
}

/* The only one that replaces, so that an exchange is enough; several would use a cas. */
static int change(thetis_domain_thread *me, unsigned k)
{
    void *block;
    if (thetis_pool_take(pool, me, &block) != THETIS_OK) return -1;
    *(settings *)block = (settings){k, k + 1, k * (k + 1)};
    uintptr_t old = thetis_atomic_exchange_release(&current, (uintptr_t)block);
    if (old) thetis_pool_retire(pool, me, (void *)old);
    return 0;
}

static void *memory(size_t size)
{
    size_t line = THETIS_CACHE_LINE;
    return aligned_alloc(line, (size + line - 1) / line * line);
}

/* At most two settings are taken at once, the current and the next: those that wait for a reader
 * are counted by the pool itself. */
static int build(void)
{
    thetis_domain_cfg of = {.threads = WORKERS + 1, .hazards = 1};
    thetis_pool_cfg cfg = {.size = sizeof(settings), .blocks = 2};
    size_t size = thetis_domain_size(&of), pool_size = thetis_pool_size(&of, &cfg);
    void *mem = memory(size), *pool_mem = memory(pool_size);
    return thetis_domain_init(mem, size, &of, &domain) != THETIS_OK ||
           thetis_pool_init(pool_mem, pool_size, domain, &cfg, &pool) != THETIS_OK;
}

int main(void)
{
    pthread_t thread[WORKERS];
    thetis_domain_thread *me;
    thetis_pool_levels levels;
    int failed = 0;
    if (build() || thetis_domain_join(domain, &me) != THETIS_OK || change(me, 1)) return 1;
    for (int k = 0; k < WORKERS; k++) {
        if (pthread_create(&thread[k], NULL, work, NULL) != 0) return 1;
    }
    for (unsigned k = 1; k <= CHANGES; k++) failed |= change(me, k);
    for (int k = 0; k < WORKERS; k++) {
        void *wrong;
        pthread_join(thread[k], &wrong);
        failed |= wrong != NULL;
    }
    thetis_pool_stat(pool, &levels);
    size_t left = thetis_pool_reclaim(pool, me); /* nobody reads any more */
    printf("%d changes, %zu blocks, %zu waited at the end, %zu after reclaim\n", CHANGES,
           levels.blocks, levels.unreclaimed, left);
    return failed || left > 0;
}
