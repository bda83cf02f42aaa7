/* SPDX-License-Identifier: MIT
 *
 * mpsc_urcu.c: the wait-free queue of liburcu: unbounded, of nodes that the caller allocates (here
 * from an array, used in turn). Its enqueue is wait-free, its dequeue may block.
 */
#define _LGPL_SOURCE /* the inline forms */
#include <stdint.h>
#include <stdlib.h>
#include <urcu/wfcqueue.h>

#define CAPACITY 4096
#define SUBJECT_JOIN(ring) subject_join()
#define SUBJECT_VARIANT \
    "urcu " PEER_VERSION ", cds_wfcq_enqueue, __cds_wfcq_dequeue_blocking, _splice_blocking"

typedef struct node {
    struct cds_wfcq_node link;
    uint64_t value;
    int queued; /* if `many` */
} node;

/* A producer's end. */
typedef struct subject_ring {
    size_t next;
    node nodes[CAPACITY];
} subject_ring;

static struct cds_wfcq_head head __attribute__((aligned(128)));
static struct cds_wfcq_tail tail __attribute__((aligned(128)));
static int many __attribute__((aligned(128))); /* threads: a node may still be queued */

static subject_ring *subject_open(void)
{
    cds_wfcq_init(&head, &tail);
    return calloc(1, sizeof(subject_ring));
}

static subject_ring *subject_join(void)
{
    many = 1;
    return calloc(1, sizeof(subject_ring));
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    node *n = &ring->nodes[ring->next % CAPACITY];
    if (many) {
        if (__atomic_load_n(&n->queued, __ATOMIC_ACQUIRE)) return 0;
        n->queued = 1;
    }
    ring->next++;
    n->value = v;
    cds_wfcq_node_init(&n->link);
    cds_wfcq_enqueue(&head, &tail, &n->link);
    return 1;
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    (void)ring;
    struct cds_wfcq_node *link = __cds_wfcq_dequeue_blocking(&head, &tail);
    if (!link) return 0;
    *v = ((node *)link)->value;
    if (many) __atomic_store_n(&((node *)link)->queued, 0, __ATOMIC_RELEASE);
    return 1;
}

static inline size_t subject_push_n(subject_ring *ring, const uint64_t *v, size_t n)
{
    size_t done = 0;
    while (done < n && subject_push(ring, v[done])) done++;
    return done;
}

/* All that is queued, at once: there must not be more than n. */
static inline size_t subject_pop_n(subject_ring *ring, uint64_t *v, size_t n)
{
    struct cds_wfcq_head first;
    struct cds_wfcq_tail last;
    struct cds_wfcq_node *link;
    size_t done = 0;
    (void)ring;
    (void)n;
    cds_wfcq_init(&first, &last);
    (void)__cds_wfcq_splice_blocking(&first, &last, &head, &tail);
    __cds_wfcq_for_each_blocking(&first, &last, link) v[done++] = ((node *)link)->value;
    return done;
}

#include "../spsc.h"
