/* SPDX-License-Identifier: MIT
 *
 * domain_urcu.c: user-space RCU, the flavour that needs no call in readers' loops: its read side
 * has no fence. Versions come from malloc and go through call_rcu().
 */
#define _LGPL_SOURCE /* the inline forms */
#include <stdint.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

#include "../window.h"

#define SUBJECT_VARIANT "urcu " PEER_VERSION ", memb, malloc and call_rcu"

enum { THREADS = 4, CELLS = 2 };

typedef struct version {
    uint64_t value;
    uint64_t filling;
    struct rcu_head rcu;
} version;

static version *cell[CELLS] __attribute__((aligned(128)));
static uint64_t replaced[THREADS][16] __attribute__((aligned(128))); /* a line for each thread */
static uint64_t freed __attribute__((aligned(128)));

static void subject_join(int who)
{
    (void)who;
    urcu_memb_register_thread();
}

static void subject_leave(int who)
{
    (void)who;
    urcu_memb_unregister_thread();
}

static version *subject_new(uint64_t value)
{
    version *v = malloc(sizeof *v);
    if (!v) bench_die("no memory");
    v->value = value;
    v->filling = 0;
    return v;
}

static void subject_free(struct rcu_head *head)
{
    free(caa_container_of(head, version, rcu));
    __atomic_store_n(&freed, freed + 1, __ATOMIC_RELAXED); /* by one thread */
}

static void subject_open(void)
{
    for (int k = 0; k < CELLS; k++) cell[k] = subject_new(0);
}

static inline uint64_t subject_enter(int who, int c)
{
    (void)who;
    urcu_memb_read_lock();
    return rcu_dereference(cell[c])->value;
}

static inline void subject_exit(int who)
{
    (void)who;
    urcu_memb_read_unlock();
}

static inline void subject_replace(int who, int c, uint64_t value)
{
    version *old = rcu_xchg_pointer(&cell[c], subject_new(value));
    replaced[who][0]++;
    urcu_memb_call_rcu(&old->rcu, subject_free);
}

static uint64_t subject_waiting(void)
{
    uint64_t sum = 0;
    for (int k = 0; k < THREADS; k++) sum += replaced[k][0];
    return sum - __atomic_load_n(&freed, __ATOMIC_RELAXED);
}

static void subject_settle(void)
{
    urcu_memb_barrier();
}

#include "../domain.h"
