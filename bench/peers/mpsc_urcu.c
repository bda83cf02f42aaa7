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
#define SUBJECT_VARIANT "urcu " PEER_VERSION ", cds_wfcq_enqueue, __cds_wfcq_dequeue_blocking"

typedef struct node {
    struct cds_wfcq_node link;
    uint64_t value;
} node;

typedef struct subject_ring {
    struct cds_wfcq_head head __attribute__((aligned(128)));
    struct cds_wfcq_tail tail __attribute__((aligned(128)));
    size_t next __attribute__((aligned(128)));
    node nodes[CAPACITY];
} subject_ring;

static subject_ring *subject_open(void)
{
    static subject_ring ring;
    cds_wfcq_init(&ring.head, &ring.tail);
    return &ring;
}

static inline int subject_push(subject_ring *ring, uint64_t v)
{
    node *n = &ring->nodes[ring->next++ % CAPACITY];
    n->value = v;
    cds_wfcq_node_init(&n->link);
    cds_wfcq_enqueue(&ring->head, &ring->tail, &n->link);
    return 1;
}

static inline int subject_pop(subject_ring *ring, uint64_t *v)
{
    struct cds_wfcq_node *link = __cds_wfcq_dequeue_blocking(&ring->head, &ring->tail);
    if (!link) return 0;
    *v = ((node *)link)->value;
    return 1;
}

#include "../one_by_one.h"
