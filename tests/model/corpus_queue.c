/* SPDX-License-Identifier: MIT
 *
 * corpus_queue.c: linked queues: ponyc 2174, 5245 and 5820, stdexec 1812, libcds 186. See
 * docs/corpus.md.
 */
#include "corpus.h"

typedef struct node {
    struct node *next;
    unsigned value;
} node;

enum { NODES = 4 };

static node nodes[NODES]; /* nodes[0] is the dummy or stub */
static node *queue_head;  /* where the next node is pushed */
static node *queue_tail;  /* the node before the next that is popped */

static void queue_setup(void)
{
    for (unsigned k = 0; k < NODES; k++) nodes[k] = (node){NULL, k};
    queue_head = queue_tail = &nodes[0];
}

/* ---- ponyc 2174, 5245: nothing orders a node's first store before its successor's ------------ */

static bool release_missing, acquire_missing;

static node *exchange_head(node *last)
{
    if (release_missing) return SWAP(&queue_head, last, ACQUIRE);
    if (acquire_missing) return SWAP(&queue_head, last, RELEASE);
    return SWAP(&queue_head, last, ACQ_REL);
}

/* The node is written by who brings it, then by who pushes the next one. */
static void push_fresh(node *n)
{
    STORE(&n->next, NULL, RELAXED); /* may take effect after the successor's store: a lost node */
    node *before = exchange_head(n);
    STORE(&before->next, n, RELEASE);
}

static void ponyc_push_body(unsigned thread)
{
    push_fresh(&nodes[1 + thread]);
}

/* From the dummy on all that were pushed are there, unless a thread was stopped half-way. */
static void ponyc_push_done(void)
{
    unsigned found = 0;
    if (thetis_check_stopped(0) || thetis_check_stopped(1)) return;
    for (node *n = nodes[0].next; n; n = n->next) found++;
    THETIS_CHECK(found == 2);
}

static void ponyc_2174_setup(void)
{
    queue_setup();
    release_missing = !corpus_fixed;
    acquire_missing = false;
}

static void ponyc_5245_setup(void)
{
    queue_setup();
    release_missing = false;
    acquire_missing = !corpus_fixed;
}

#define ponyc_2174_body ponyc_push_body
#define ponyc_2174_done ponyc_push_done
CORPUS(ponyc_2174, "ponyc-2174", 2, "assertion", "random pct dfs", THETIS_CHECK_WEAK, 0);

#define ponyc_5245_body ponyc_push_body
#define ponyc_5245_done ponyc_push_done
CORPUS(ponyc_5245, "ponyc-5245", 2, "assertion", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- ponyc 5820: "empty" is read from a node that has been recycled in the meantime ---------- */

enum { POP_TRIES = 3 };
typedef enum answer { EMPTY, TAKEN, BUSY } answer;

static answer answers[2];

/* Two items: whoever pops one, the other finds one. */
static void ponyc_5820_setup(void)
{
    queue_setup();
    nodes[0].next = &nodes[1];
    nodes[1].next = &nodes[2];
    queue_head = &nodes[2];
    answers[0] = answers[1] = BUSY;
}

static bool looks_empty(const node *tail, const node *next)
{
    return corpus_fixed ? LOAD(&queue_head, ACQUIRE) == tail : next == NULL;
}

static answer pop_shared(void)
{
    for (unsigned k = 0; k < POP_TRIES; k++) {
        node *tail = LOAD(&queue_tail, ACQUIRE);
        node *next = LOAD(&tail->next, ACQUIRE);
        if (looks_empty(tail, next)) return EMPTY;
        if (next && CAS(&queue_tail, &tail, next, ACQ_REL, RELAXED)) {
            STORE(&tail->next, NULL, RELEASE); /* the old dummy is a fresh node elsewhere */
            return TAKEN;
        }
    }
    return BUSY;
}

static void ponyc_5820_body(unsigned thread)
{
    answers[thread] = pop_shared();
}

static void ponyc_5820_done(void)
{
    THETIS_CHECK(answers[0] != EMPTY && answers[1] != EMPTY);
}

CORPUS(ponyc_5820, "ponyc-5820", 2, "assertion", "random pct dfs dpor", 0, 0);

/* ---- stdexec 1812: the consumer appends the stub although it is in the queue already --------- */

enum { STDEXEC_POPS = 5 };

static unsigned popped[STDEXEC_POPS], pops;

static void stdexec_setup(void)
{
    queue_setup();
    nodes[0].next = &nodes[1];
    queue_head = &nodes[1];
    pops = 0;
}

static void stdexec_push(node *n)
{
    STORE(&n->next, NULL, RELAXED);
    node *before = SWAP(&queue_head, n, ACQ_REL);
    STORE(&before->next, n, RELEASE);
}

static node *stdexec_advance(node *front)
{
    node *next = LOAD(&front->next, ACQUIRE);
    if (!next) return NULL;
    queue_tail = next;
    return front;
}

static node *stdexec_pop(void)
{
    node *stub = &nodes[0], *front = queue_tail;
    if (front == stub) {
        if (!stdexec_advance(front)) return NULL;
        front = queue_tail;
    }
    if (stdexec_advance(front)) return front;
    if (corpus_fixed && front != LOAD(&queue_head, ACQUIRE)) return NULL;
    stdexec_push(stub);
    return stdexec_advance(front);
}

static void stdexec_body(unsigned thread)
{
    if (thread == 0) {
        stdexec_push(&nodes[2]);
        return;
    }
    for (unsigned k = 0; k < STDEXEC_POPS; k++) {
        const node *n = stdexec_pop();
        if (n) popped[pops++] = n->value;
    }
}

static void stdexec_done(void)
{
    for (unsigned k = 0; k < pops; k++) THETIS_CHECK(popped[k] == k + 1);
}

CORPUS(stdexec, "stdexec-1812", 2, "assertion", "random pct dfs dpor", 0, 0);

/* ---- libcds 186: the consumer that moves the head hands on nothing to the next consumer ------ */

static void libcds_setup(void)
{
    queue_setup();
    queue_head = NULL; /* the enqueuer is alone: it needs no end pointer */
}

static void libcds_enqueue(node *last, node *n, unsigned value)
{
    n->value = value;
    STORE(&last->next, n, RELEASE);
}

static void libcds_dequeue(void)
{
    node *front = LOAD(&queue_tail, ACQUIRE);
    node *next = LOAD(&front->next, ACQUIRE);
    if (front != &nodes[0]) THETIS_CHECK(front->value == 7); /* it holds what was enqueued */
    if (!next) return;
    if (corpus_fixed) {
        (void)CAS(&queue_tail, &front, next, ACQ_REL, RELAXED);
    } else {
        (void)CAS(&queue_tail, &front, next, ACQUIRE, RELAXED);
    }
}

static void libcds_body(unsigned thread)
{
    if (thread == 0) {
        libcds_enqueue(&nodes[0], &nodes[1], 7);
    } else {
        libcds_dequeue();
    }
}

static void libcds_done(void)
{
    THETIS_CHECK(queue_tail == &nodes[0] || queue_tail == nodes[0].next);
}

CORPUS(libcds, "libcds-186", 3, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);
