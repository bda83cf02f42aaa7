/* SPDX-License-Identifier: MIT
 *
 * kv.h: the server, its loops, their connections; what its files share.
 *
 * A loop owns its connections and subscriptions. All that loops share is the store, some counters
 * and histograms, and messages: a connection that wants something of all loops sends itself round
 * (errand.c). Memory is taken at the start: no request allocates.
 */
#ifndef KV_KV_H
#define KV_KV_H

#include <thetis/conn.h>
#include <thetis/hist.h>
#include <thetis/inbox.h>
#include <thetis/timer.h>

#include "resp.h"
#include "store.h"

enum {
    KV_LOOPS_MAX = 64,
    KV_KEYS_MAX = (1 << 20) - 2 * KV_LOOPS_MAX, /* a ring has their places, two more per loop */
    KV_NAME_MAX = 64,      /* of a client's name */
    KV_CHANNEL_MAX = 256,  /* of the name of a channel, or a pattern */
    KV_CHANNEL_LISTS = 1024,
    KV_SCRATCH = 65536,
    KV_REFUSALS = 16       /* connections that can be told at once that there are too many */
};

typedef struct kv_config {
    thetis_addr addr;
    unsigned loops;
    const char *backend;  /* NULL: the best */
    bool deal;            /* the first loop listens, and deals connections out */
    const kv_store_ops *store;
    kv_store_cfg table;
    size_t connections;   /* of each loop */
    size_t subscriptions; /* likewise */
    size_t output;        /* bytes of replies that a connection may have in store */
    int64_t (*now)(void); /* ms since 1970 */
} kv_config;

typedef struct kv_conn kv_conn;
typedef struct kv_loop kv_loop;

/* A connection on its way through all loops. */
typedef struct kv_errand {
    void (*visit)(kv_loop *at, kv_conn *conn); /* on each loop, the own one first */
    void (*done)(kv_conn *conn);               /* at home */
    int64_t sum;
    kv_names names;
} kv_errand;

struct kv_conn {
    thetis_tcp tcp; /* first: its address is the connection's */
    kv_loop *loop;
    kv_conn *next_free;
    uint64_t id;
    kv_parser in;
    kv_reply out;
    thetis_send send;
    size_t sent;                      /* bytes of `out` that the stack has accepted */
    const struct kv_command *command; /* that runs */
    kv_errand errand;
    struct kv_sub *subs;              /* the newest first */
    unsigned channels, patterns;      /* how many of these */
    bool open, receiving, sending, away;
    bool closing; /* as soon as all replies are sent; no more requests */
    bool ended;   /* is being closed */
    uint8_t name_len;
    char name[KV_NAME_MAX];
};

typedef struct kv_server kv_server;

struct kv_loop {
    thetis_inbox inbox; /* first: its address is the loop's */
    kv_server *server;
    thetis_loop *loop;
    unsigned number;
    bool stopping;
    thetis_listener listener;
    thetis_inbox_sender senders[KV_LOOPS_MAX]; /* to each loop */
    unsigned joined;                           /* how many of these */
    kv_conn *conns, *free_conn;
    size_t open;         /* connections */
    thetis_hist latency; /* of requests, ns */
    int64_t time;        /* of the request that runs, ms since 1970 */
    kv_user *user;       /* of the store */
    kv_value value;      /* where values are copied to and changed */
    char *scratch;       /* KV_SCRATCH */
    thetis_timer sweep;
    size_t swept;        /* the part of the store that comes next */
    uint64_t draw;       /* for a random key */
    struct kv_sub *lists[KV_CHANNEL_LISTS], *patterns, *free_sub, *sub_memory;
    void *inbox_memory;
    char *buffers;
    kv_span *spans;
};

typedef struct kv_counters {
    thetis_atomic clients, ids, accepted, refused, expired, overflows, hz;
} kv_counters;

struct kv_server {
    kv_config cfg;
    kv_store *store;
    int64_t started;
    unsigned next; /* loop that gets the next connection */
    bool shared;   /* the system deals connections out */
    kv_counters count;
    kv_loop *loops;
};

/* ---- server.c -------------------------------------------------------------------------------- */

/* NULL: `*why` says it. */
kv_server *kv_server_create(const kv_config *cfg, const char **why);
bool kv_server_run(kv_server *server); /* until a stop; by one thread */
void kv_server_stop(kv_server *server); /* by anybody, a signal handler too */
void kv_server_destroy(kv_server *server);

/* ---- conn.c ---------------------------------------------------------------------------------- */

bool kv_conns_create(kv_loop *loop);
void kv_conns_destroy(kv_loop *loop);
void kv_conn_start(kv_loop *loop, thetis_conn *socket);
void kv_conn_go(kv_conn *conn);    /* serves what has been received */
void kv_conn_flush(kv_conn *conn); /* begins to send what is there */
void kv_conn_kill(kv_conn *conn);

/* ---- errand.c -------------------------------------------------------------------------------- */

bool kv_inbox_open(kv_loop *loop);
void kv_errand_start(kv_conn *conn, void (*visit)(kv_loop *at, kv_conn *conn),
                     void (*done)(kv_conn *conn));

/* What an errand may write into: the connection's buffer behind the request. */
static inline char *kv_errand_room(kv_conn *c)
{
    return c->in.buffer + c->in.len;
}

bool kv_deal(kv_loop *to, const thetis_conn *socket);

/* ---- command.c ------------------------------------------------------------------------------- */

void kv_execute(kv_conn *conn); /* the request that its parser has found */

/* An argument of the request; 0 is its name. */
static inline kv_text kv_arg(const kv_conn *conn, size_t k)
{
    return (kv_text){conn->in.buffer + conn->in.args[k].at, conn->in.args[k].len};
}

/* An integer; else an error is the reply. */
bool kv_arg_number(kv_conn *conn, size_t k, int64_t *out);

/* ---- keyspace.c: what commands do to keys ---------------------------------------------------- */

/* ms since 1970, the same during one request. */
static inline int64_t kv_now(const kv_conn *conn)
{
    return conn->loop->time;
}

/* The key's value, as the loop's `value`; NULL: there is none, or its time is over. */
kv_value *kv_look(kv_conn *conn, kv_text key);

typedef enum kv_verdict { KV_KEEP, KV_WRITE, KV_ERASE } kv_verdict;

/* Changes the value, which is a copy, writes the reply, and says what is to become of it. `there`:
 * else it is empty. */
typedef kv_verdict kv_edit_fn(kv_conn *conn, kv_value *value, bool there, const void *arg);

/* One atomic change of a value: computed on a copy, and anew whenever another thread has changed it
 * meanwhile; the reply, too. Lock-free. */
void kv_edit(kv_conn *conn, kv_text key, kv_edit_fn *fn, const void *arg);

/* Whatever the key had. */
bool kv_put(kv_conn *conn, kv_text key, kv_text bytes, int64_t expires);

/* Was it there? */
bool kv_erase(kv_conn *conn, kv_text key);

/* Erases keys of a part of the store: those whose time is over, or all. */
void kv_clear(kv_loop *loop, size_t part, bool all);

void kv_sweep(kv_loop *loop); /* erases keys whose time is over in the next part of the store */

/* ---- pubsub.c -------------------------------------------------------------------------------- */

bool kv_subs_create(kv_loop *loop);
void kv_subs_destroy(kv_loop *loop);
void kv_subs_drop(kv_conn *conn); /* all of a connection */

#endif
