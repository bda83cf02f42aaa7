/* SPDX-License-Identifier: MIT
 *
 * test_kv_lin.c: histories of threads that use a store of examples/kv, and of clients of a server
 * with several loops, judged by the monitor of maps.
 */
#include "kv_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "lin/lin.h"

enum { THREADS = 4, OPS = 300, KEYS = 3, ROUNDS = 30, VALUE_MAX = 16384 };

/* Kinds of what a thread can do; a value is written once. */
typedef thetis_status act_fn(void *me, lin_kind kind, uint64_t key, uint64_t value,
                             uint64_t *result);

typedef struct actor {
    pthread_t thread;
    lin_recorder recorder;
    lin_op ops[OPS];
    act_fn *act;
    void *me;
    uint64_t random, number;
} actor;

static actor actors[THREADS];
static thetis_atomic go;

static void *act(void *arg)
{
    static const lin_kind kinds[] = {LIN_FIND, LIN_FIND, LIN_INSERT, LIN_PUT, LIN_REPLACE,
                                     LIN_ERASE};
    actor *a = arg;
    while (!thetis_atomic_load_acquire(&go)) {} /* pair: test.go */
    for (uint64_t k = 0; k < OPS; k++) {
        uint64_t random = test_rand(&a->random);
        lin_op *op = lin_begin(&a->recorder, kinds[random % 6]);
        op->key = random / 64 % KEYS;
        op->arg = op->kind == LIN_FIND || op->kind == LIN_ERASE ? 0 : k * THREADS + a->number + 1;
        thetis_status s = a->act(a->me, op->kind, op->key, op->arg, &op->result);
        lin_end(&a->recorder, op, s);
    }
    return NULL;
}

/* One round of all actors, on an empty store; says why if the verdict is not the expected one. */
static void judge(unsigned round, lin_verdict expected)
{
    static lin_op merged[THREADS * OPS];
    lin_recorder recorders[THREADS];
    thetis_atomic_store_relaxed(&go, 0);
    for (unsigned k = 0; k < THREADS; k++) {
        actor *a = &actors[k];
        a->number = k;
        a->random = test_seed() + round * THREADS + k;
        lin_recorder_init(&a->recorder, k, lin_clock_real, NULL, a->ops, OPS);
        CHECK_EQ(pthread_create(&a->thread, NULL, act, a), 0);
    }
    thetis_atomic_store_release(&go, 1); /* pair: test.go */
    for (unsigned k = 0; k < THREADS; k++) {
        CHECK_EQ(pthread_join(actors[k].thread, NULL), 0);
        recorders[k] = actors[k].recorder;
    }
    lin_history h = lin_merge(recorders, THREADS, merged);
    lin_wgl *w = lin_wgl_create(LIN_WGL_LIMIT);
    lin_spec spec = lin_spec_map(KEYS);
    lin_verdict v = lin_wgl_check(w, &h, &spec);
    if (v != expected) lin_wgl_explain(w, stderr, &h);
    lin_wgl_destroy(w);
    CHECK_EQ(v, expected);
}

/* ---- a store --------------------------------------------------------------------------------- */

typedef struct seat {
    const kv_store_ops *ops;
    kv_user *user;
    kv_value value;
    char room[KV_FRONT + VALUE_MAX];
} seat;

static seat seats[THREADS];
static kv_store *store; /* of this round */

/* Values of very different lengths, so that memory goes round. */
static void set_value(seat *s, uint64_t value)
{
    s->value.len = sizeof value + value % 7 * 500;
    memset(s->value.data, (int)value & 127, s->value.len);
    memcpy(s->value.data, &value, sizeof value);
}

static thetis_status look(seat *s, kv_text key, uint64_t *result)
{
    thetis_status r = s->ops->get(s->user, key, &s->value);
    if (r != THETIS_OK) return r;
    memcpy(result, s->value.data, sizeof *result);
    CHECK_EQ(s->value.len, sizeof *result + *result % 7 * 500);
    for (size_t k = sizeof *result; k < s->value.len; k++) {
        CHECK_EQ((uint64_t)s->value.data[k], *result & 127);
    }
    return r;
}

/* What needs that the key is there, or is not, is a look and a change of that version. */
static thetis_status change(seat *s, lin_kind kind, kv_text key, uint64_t value)
{
    uint64_t old;
    for (;;) {
        bool there = look(s, key, &old) == THETIS_OK;
        if (there && kind == LIN_INSERT) return THETIS_EXISTS;
        if (!there && kind != LIN_INSERT) return THETIS_ABSENT;
        if (kind != LIN_ERASE) set_value(s, value);
        thetis_status r = kind == LIN_ERASE ? s->ops->erase(s->user, key, &s->value)
                                            : s->ops->cas(s->user, key, &s->value);
        if (r != THETIS_MISMATCH) return r;
    }
}

static thetis_status act_on_store(void *me, lin_kind kind, uint64_t key, uint64_t value,
                                  uint64_t *result)
{
    seat *s = me;
    char name = (char)('a' + key);
    kv_text text = {&name, 1};
    if (kind == LIN_FIND) return look(s, text, result);
    if (kind != LIN_PUT) return change(s, kind, text, value);
    set_value(s, value);
    return s->ops->put(s->user, text, &s->value);
}

/* Nothing was lost of the room for so many keys. */
static void fill(seat *s, size_t keys)
{
    for (char name = 'a'; name < 'a' + KEYS; name++) {
        if (s->ops->get(s->user, (kv_text){&name, 1}, &s->value) != THETIS_OK) continue;
        CHECK_EQ(s->ops->erase(s->user, (kv_text){&name, 1}, &s->value), THETIS_OK);
    }
    for (size_t k = 0; k < keys; k++) {
        set_value(s, 0);
        CHECK_EQ(s->ops->put(s->user, (kv_text){(const char *)&k, sizeof k}, &s->value), THETIS_OK);
    }
    CHECK_EQ(s->ops->count(store), keys);
}

static void judge_store(const kv_store_ops *ops)
{
    kv_store_cfg cfg = {.keys = 64, .value_max = VALUE_MAX, .memory = 1 << 23, .threads = THREADS};
    for (unsigned round = 0; round < test_scale(ROUNDS); round++) {
        store = ops->create(&cfg);
        CHECK(store != NULL);
        for (unsigned k = 0; k < THREADS; k++) {
            seats[k].ops = ops;
            seats[k].user = ops->join(store);
            seats[k].value = (kv_value){.data = seats[k].room + KV_FRONT};
            actors[k].act = act_on_store;
            actors[k].me = &seats[k];
            CHECK(seats[k].user != NULL);
        }
        judge(round, LIN_YES);
        fill(&seats[0], cfg.keys);
        for (unsigned k = 0; k < THREADS; k++) ops->leave(seats[k].user);
        ops->destroy(store);
    }
}

TEST(stores_are_linearizable)
{
    judge_store(&kv_store_thetis);
    judge_store(&kv_store_mutex);
}

/* ---- a server -------------------------------------------------------------------------------- */

static thetis_status answer(int fd, lin_kind kind, uint64_t *result)
{
    char text[64];
    size_t n = 0;
    while (n == 0 || text[n - 1] != '\n') CHECK_EQ(recv(fd, text + n++, 1, 0), 1);
    text[n] = '\0';
    if (text[0] == '+') return THETIS_OK; /* SET */
    if (text[0] == ':') {
        if (text[1] == '1') return THETIS_OK;
        return kind == LIN_INSERT ? THETIS_EXISTS : THETIS_ABSENT;
    }
    CHECK_EQ(text[0], '$');
    if (text[1] == '-') return THETIS_ABSENT;
    size_t rest = (size_t)strtoul(text + 1, NULL, 10) + 2;
    CHECK_EQ(recv(fd, text, rest, MSG_WAITALL), (ssize_t)rest);
    *result = strtoul(text, NULL, 10);
    return THETIS_OK;
}

static thetis_status act_on_server(void *me, lin_kind kind, uint64_t key, uint64_t value,
                                   uint64_t *result)
{
    char text[64];
    char name = (char)('a' + key);
    int fd = *(int *)me, n = (int)value;
    switch (kind) {
    case LIN_FIND: (void)snprintf(text, sizeof text, "get %c\n", name); break;
    case LIN_INSERT: (void)snprintf(text, sizeof text, "setnx %c %d\n", name, n); break;
    case LIN_PUT: (void)snprintf(text, sizeof text, "set %c %d\n", name, n); break;
    case LIN_REPLACE: (void)snprintf(text, sizeof text, "set %c %d xx\n", name, n); break;
    default: (void)snprintf(text, sizeof text, "del %c\n", name); break;
    }
    tell(fd, text);
    return answer(fd, kind, result);
}

static void judge_server(const kv_store_ops *ops)
{
    int fd[THREADS];
    running r = start(ops, THREADS, 20);
    for (unsigned k = 0; k < THREADS; k++) {
        fd[k] = connect_to(r);
        actors[k].act = act_on_server;
        actors[k].me = &fd[k];
    }
    for (unsigned round = 0; round < test_scale(ROUNDS) / 3 + 1; round++) {
        ask(fd[0], "flushall\n", "+OK\r\n");
        judge(round, LIN_YES);
    }
    for (unsigned k = 0; k < THREADS; k++) CHECK_EQ(close(fd[k]), 0);
    stop(r);
}

TEST(clients_see_one_order)
{
    judge_server(&kv_store_thetis);
    judge_server(&kv_store_mutex);
}

/* ---- the monitor notices --------------------------------------------------------------------- */

/* A thread whose looks tell what the one before has seen. */
static thetis_status stale(void *me, lin_kind kind, uint64_t key, uint64_t value, uint64_t *result)
{
    static uint64_t old[KEYS];
    thetis_status r = act_on_store(me, kind, key, value, result);
    if (kind != LIN_FIND || r != THETIS_OK || me != &seats[0]) return r;
    uint64_t now_there = *result;
    if (old[key] != 0) *result = old[key];
    old[key] = now_there;
    return r;
}

TEST(a_stale_value_is_noticed)
{
    kv_store_cfg cfg = {.keys = 64, .value_max = VALUE_MAX, .memory = 1 << 23, .threads = THREADS};
    store = kv_store_mutex.create(&cfg);
    CHECK(store != NULL);
    for (unsigned k = 0; k < THREADS; k++) {
        seats[k].ops = &kv_store_mutex;
        seats[k].user = kv_store_mutex.join(store);
        seats[k].value = (kv_value){.data = seats[k].room + KV_FRONT};
        actors[k].act = stale;
        actors[k].me = &seats[k];
    }
    judge(0, LIN_NO);
    kv_store_mutex.destroy(store);
}

TEST_MAIN(T(stores_are_linearizable, .timeout_s = 300), T(clients_see_one_order, .timeout_s = 300),
          T(a_stale_value_is_noticed))
