/* SPDX-License-Identifier: MIT
 *
 * queue.c: a pool of workers: each takes jobs, and some jobs make two more. No bound on how many
 * wait but the memory that main() gives.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <thetis/queue.h>

enum { WORKERS = 3, DEPTH = 14 };

typedef struct job {
    unsigned depth;
} job;

THETIS_QUEUE(job_queue, job);

static thetis_queue *queue;
static thetis_atomic open_jobs; /* made and not done yet */

static thetis_status make_job(thetis_queue_member *me, unsigned depth)
{
    (void)thetis_atomic_fetch_add_relaxed(&open_jobs, 1);
    return job_queue_push(me, (job){depth});
}

static int do_job(thetis_queue_member *me, job j)
{
    for (int k = 0; k < 2 && j.depth > 0; k++) {
        if (make_job(me, j.depth - 1) != THETIS_OK) return -1; /* ENOMEM: nothing was queued */
    }
    /* Who ends the last one tells all that there will be no more. */
    if (thetis_atomic_fetch_sub_release(&open_jobs, 1) == 1) (void)thetis_queue_close(me);
    return 0;
}

static void *work(void *done)
{
    thetis_queue_member me; /* each thread has its own */
    unsigned *count = done;
    job j;
    if (thetis_queue_join(queue, &me) != THETIS_OK) return NULL;
    for (thetis_status s = THETIS_OK; s != THETIS_CLOSED;) {
        s = job_queue_pop(&me, &j);
        if (s == THETIS_EMPTY) sched_yield();
        if (s != THETIS_OK) continue;
        if (do_job(&me, j) != 0) break;
        ++*count;
    }
    thetis_queue_leave(&me);
    return done;
}

static void *lines(size_t size)
{
    size_t n = (size + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE;
    return size ? aligned_alloc(THETIS_CACHE_LINE, n * THETIS_CACHE_LINE) : NULL;
}

/* Three pieces of memory: the threads, the segments, the queue. */
static int make_queue(void)
{
    thetis_domain_cfg threads = {.threads = WORKERS + 1, .hazards = 2};
    thetis_queue_cfg cfg = {.elem_size = sizeof(job), .segment = 256};
    thetis_pool_cfg blocks = {.size = THETIS_QUEUE_SEGMENT_SIZE(sizeof(job), 256),
                              .blocks = 200, .align = THETIS_CACHE_LINE, .batch = 1, .limbo = 1};
    size_t n = thetis_domain_size(&threads);
    thetis_domain *domain;
    if (thetis_domain_init(lines(n), n, &threads, &domain) != THETIS_OK) return -1;
    n = thetis_pool_size(&threads, &blocks);
    if (thetis_pool_init(lines(n), n, domain, &blocks, &cfg.pool) != THETIS_OK) return -1;
    n = thetis_queue_size(&cfg);
    return thetis_queue_init(lines(n), n, &cfg, &queue) == THETIS_OK ? 0 : -1;
}

int main(void)
{
    pthread_t thread[WORKERS];
    unsigned count[WORKERS] = {0}, all = 0, want = (2u << DEPTH) - 1;
    thetis_queue_member me;
    if (make_queue() != 0 || thetis_queue_join(queue, &me) != THETIS_OK) return 1;
    if (make_job(&me, DEPTH) != THETIS_OK) return 1;
    thetis_queue_leave(&me);
    for (int k = 0; k < WORKERS; k++)
        if (pthread_create(&thread[k], NULL, work, &count[k]) != 0) return 1;
    for (int k = 0; k < WORKERS; k++) {
        pthread_join(thread[k], NULL);
        all += count[k];
    }
    printf("%u jobs done, expected %u\n", all, want);
    return all == want ? 0 : 1;
}
