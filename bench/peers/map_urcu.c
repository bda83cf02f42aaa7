/* SPDX-License-Identifier: MIT
 *
 * map_urcu.c: the hash table of user-space RCU (rculfhash), flavour memb. Nodes come from malloc
 * and go through call_rcu(), whose thread counts. Made for its keys where it may be; else it grows.
 */
#define _LGPL_SOURCE /* the inline forms */
#include <stdint.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

#include <urcu/rculfhash.h>

#define SUBJECT_VARIANT "urcu " PEER_VERSION ", rculfhash, memb, malloc and call_rcu"

typedef struct subject_node {
    struct cds_lfht_node node;
    uint64_t key, value;
    struct rcu_head rcu;
} subject_node;

static struct cds_lfht *map;

static inline unsigned long subject_hash(uint64_t key)
{
    key = (key ^ key >> 32) * 0x9E3779B97F4A7C15u;
    return key ^ key >> 32;
}

static int subject_match(struct cds_lfht_node *node, const void *key)
{
    return caa_container_of(node, subject_node, node)->key == *(const uint64_t *)key;
}

static void subject_open(size_t keys)
{
    size_t buckets = 1;
    while (buckets < keys) buckets *= 2;
    map = cds_lfht_new_flavor(buckets, 1, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING,
                              &urcu_memb_flavor, NULL);
    if (!map) abort();
}

static void subject_free(struct rcu_head *head)
{
    free(caa_container_of(head, subject_node, rcu));
}

static void subject_settle(void)
{
    urcu_memb_barrier();
}

static void subject_close(void)
{
    struct cds_lfht_iter iter;
    struct cds_lfht_node *node;
    urcu_memb_register_thread();
    urcu_memb_read_lock();
    cds_lfht_for_each(map, &iter, node) {
        cds_lfht_del(map, node);
        urcu_memb_call_rcu(&caa_container_of(node, subject_node, node)->rcu, subject_free);
    }
    urcu_memb_read_unlock();
    urcu_memb_unregister_thread();
    subject_settle();
    if (cds_lfht_destroy(map, NULL)) abort();
}

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

static inline struct cds_lfht_node *subject_lookup(uint64_t key)
{
    struct cds_lfht_iter iter;
    cds_lfht_lookup(map, subject_hash(key), subject_match, &key, &iter);
    return cds_lfht_iter_get_node(&iter);
}

static inline int subject_find(int who, uint64_t key, uint64_t *value)
{
    (void)who;
    urcu_memb_read_lock();
    struct cds_lfht_node *node = subject_lookup(key);
    if (node) *value = caa_container_of(node, subject_node, node)->value;
    urcu_memb_read_unlock();
    return node != NULL;
}

static inline subject_node *subject_new(uint64_t key, uint64_t value)
{
    subject_node *mine = malloc(sizeof *mine);
    if (!mine) abort();
    cds_lfht_node_init(&mine->node);
    mine->key = key;
    mine->value = value;
    return mine;
}

static inline int subject_put(int who, uint64_t key, uint64_t value)
{
    subject_node *mine = subject_new(key, value);
    (void)who;
    urcu_memb_read_lock();
    struct cds_lfht_node *old =
        cds_lfht_add_replace(map, subject_hash(key), subject_match, &key, &mine->node);
    if (old) urcu_memb_call_rcu(&caa_container_of(old, subject_node, node)->rcu, subject_free);
    urcu_memb_read_unlock();
    return 1;
}

static inline int subject_insert(int who, uint64_t key, uint64_t value)
{
    subject_node *mine = subject_new(key, value);
    (void)who;
    urcu_memb_read_lock();
    struct cds_lfht_node *there =
        cds_lfht_add_unique(map, subject_hash(key), subject_match, &key, &mine->node);
    urcu_memb_read_unlock();
    if (there != &mine->node) free(mine);
    return there == &mine->node;
}

static inline int subject_erase(int who, uint64_t key)
{
    (void)who;
    urcu_memb_read_lock();
    struct cds_lfht_node *node = subject_lookup(key);
    int done = node && cds_lfht_del(map, node) == 0;
    if (done) urcu_memb_call_rcu(&caa_container_of(node, subject_node, node)->rcu, subject_free);
    urcu_memb_read_unlock();
    return done;
}

#include "../map.h"
