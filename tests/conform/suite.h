/* SPDX-License-Identifier: MIT
 *
 * suite.h: what the rows of the conformance suite are written with.
 *
 * A row gets a suite with a fresh loop on the fault shim and drives it turn by turn. Wires, posts
 * and lists are handles that keep a record of their callbacks and check, each time, what holds for
 * all of them: callbacks come from a turn, never nest, never follow an end, run on the owner's
 * thread. Peers are sockets that the library knows nothing of, see world.h.
 *
 * After the row the runner expects nothing to be open, no buffer kept and no descriptor leaked.
 */
#ifndef CONFORM_SUITE_H
#define CONFORM_SUITE_H

#include <thetis/tcp.h>
#include <thetis/timer.h>
#include <thetis/unix.h>

#include <pthread.h>

#include "conform/world.h"
#include "harness/fault.h"
#include "harness/test.h"

typedef enum suite_way {
    SUITE_PLAIN,
    SUITE_SHORT,   /* interrupted calls and short counts */
    SUITE_SPURIOUS /* spurious, stale and duplicated readiness */
} suite_way;

#define SUITE_NAP_NS 1000000u
enum { SUITE_TURNS = 20000 };

typedef struct suite {
    fault fault;
    thetis_loop *loop;
    suite_way way;
    uint64_t rng;
    int in_turn;
    int depth;
    pthread_t owner;
    unsigned callbacks;
    size_t fds; /* open before the loop was */
} suite;

typedef void suite_row(suite *w);

/* Runs one row in one way; what rows.def's functions are called by. */
void suite_run(suite_row *row, suite_way way);

/* Replaces the loop by one with this configuration (`sys` is filled in). */
void suite_reopen(suite *w, thetis_loop_cfg cfg);

/* Skips the row if the loop lacks the capability. */
void suite_need(suite *w, thetis_cap cap);

/* 1: the backend is one of operations, see src/loop/ahead.h. No event of it is ever stale, and what
 * is not submitted cannot be spurious. */
int suite_has_operations(const suite *w);

/* Skips the row where one thread and one process are all there is. */
void suite_need_threads(void);

/* Short counts of up to `most` bytes from now on, where the way has short counts at all: for rows
 * that move much. */
void suite_bulk(suite *w, size_t most);

void suite_turn(suite *w);
void suite_turn_for(suite *w, uint64_t timeout_ns);

/* Around every callback. */
void suite_enter(suite *w);
void suite_leave(suite *w);

/* Turns until the condition holds; too many fail. */
#define UNTIL(w, cond)                                                                          \
    do {                                                                                        \
        int left_ = SUITE_TURNS;                                                                \
        while (!(cond)) {                                                                       \
            if (left_-- == 0) FAIL("no end: %s", #cond);                                        \
            suite_turn(w);                                                                      \
        }                                                                                       \
    } while (0)

/* `n` turns, for what must not happen in them. */
void suite_turns(suite *w, int n);

thetis_loop_stat suite_stat(const suite *w);

/* Entries of a folder of /proc. */
size_t suite_entries(const char *folder);
size_t suite_open_fds(void);

static inline uint64_t suite_rand(suite *w, uint64_t below)
{
    return test_rand(&w->rng) % below;
}

/* Byte `k` of every stream in this suite. */
static inline unsigned char suite_byte(uint64_t k)
{
    return (unsigned char)(k * 131u + (k >> 8) * 17u + (k >> 16));
}

/* Fills with bytes from `k` on. */
void suite_fill(void *out, uint64_t k, size_t n);

/* Fails unless the bytes are those from `k` on. */
void suite_verify(const void *data, uint64_t k, size_t n);

/* ---- wires: streams of ours ------------------------------------------------------------------ */

enum { WIRE_BUF = 4096 };

typedef struct wire wire;
struct wire {
    union { /* first */
        thetis_tcp tcp;
        thetis_unix un;
    };
    suite *w;
    unsigned connects, recvs, ends, closes, marks;
    thetis_status connected, end;
    int32_t end_os;
    uint64_t got;    /* bytes received and verified */
    int oneshot;     /* receives into buf, again and again */
    size_t want;     /* size of a one-shot receive; 0: WIRE_BUF */
    unsigned stamp;  /* order of callbacks: w->callbacks at the last one */
    int unverified;  /* the bytes are not the suite's */
    int shut;        /* wire_shut() or wire_abort() was called: only cancelations may come */
    void (*on_connect)(wire *x);
    void (*on_recv)(wire *x, const thetis_recv *r);
    void (*on_mark)(wire *x, int full);
    void *user;
    unsigned char buf[WIRE_BUF];
};

void wire_on_recv(thetis_tcp *tcp, const thetis_recv *r);
void wire_on_connect(thetis_tcp *tcp, thetis_status status, int32_t os);
void wire_on_closed(thetis_handle *handle);
void wire_on_mark(thetis_tcp *tcp, int full);

/* Fresh record; call before opening. */
void wire_init(suite *w, wire *x);

/* Starts to receive, streaming or (x->oneshot) again and again. */
void wire_recv(wire *x);

/* Starts to connect to an address. */
void wire_connect(suite *w, wire *x, const thetis_addr *to);

/* A connected pair: the wire and a peer's descriptor. */
int wire_pair(suite *w, wire *x);

/* Closes; the record then expects nothing but cancelations. */
void wire_shut(wire *x);

/* Closes or aborts, and turns until `closed` came. */
void wire_close(wire *x);
void wire_abort(wire *x);

/* ---- posts: send operations ------------------------------------------------------------------ */

typedef struct post {
    thetis_send send; /* first */
    wire *x;
    unsigned done;
    unsigned stamp;
    void (*on_done)(struct post *p);
} post;

void post_on_done(thetis_tcp *tcp, thetis_send *send);
thetis_status post_send(wire *x, post *p, const void *data, size_t len);
thetis_status post_send_v(wire *x, post *p, const thetis_iov *iov, uint32_t iovs);
thetis_status post_shutdown(wire *x, post *p);

/* ---- gates: listeners of ours ---------------------------------------------------------------- */

typedef struct gate gate;
struct gate {
    thetis_listener listener; /* first */
    suite *w;
    thetis_addr at;
    unsigned accepts, lacks, closes;
    int shut; /* gate_shut() was called: no accept callback may come */
    thetis_status lack;
    wire *wires; /* where connections go, in order */
    size_t room;
    thetis_addr peers[256];
    void (*on_accept)(gate *g, thetis_accepted *a); /* instead of taking */
};

void gate_init(suite *w, gate *g, wire *wires, size_t room);
void gate_on_accept(thetis_listener *listener, thetis_accepted *a);
void gate_open(suite *w, gate *g, wire *wires, size_t room);
void gate_open_at(suite *w, gate *g, const char *at, wire *wires, size_t room);
void gate_shut(gate *g);
void gate_close(gate *g); /* and turns until `closed` came */
void gate_on_closed(thetis_handle *handle);

/* ---- peers ----------------------------------------------------------------------------------- */

thetis_addr suite_local(uint16_t port); /* 127.0.0.1 */
int peer_socket(thetis_addr_family family, tht_type type, const thetis_addr *at);
thetis_addr peer_addr(int fd);
void peer_wait(int fd, unsigned mask); /* THT_IN, THT_OUT; too long a wait fails */
void peer_backlog(int fd, int backlog); /* listens */
int peer_listen(thetis_addr *at);
int peer_accept(int listener);
void peer_pass(int listener); /* takes one connection, dead or alive, and closes it */
int peer_connect(const thetis_addr *to);
void peer_dial(int fd, const thetis_addr *to);
uint16_t peer_port(int fd);
void peer_send(int fd, uint64_t k, size_t n);
size_t peer_put(int fd, const void *bytes, size_t n); /* what is taken at once */
tht_ret peer_get(int fd, void *bytes, size_t n);      /* what is there */

/* What has arrived, at most `n` bytes, verified as bytes from *k on; 0: nothing now. Advances *k.
 * A reset or an end fail. */
size_t peer_take(int fd, uint64_t *k, size_t n);

/* Turns and takes until *k is `n`. */
void peer_drain(suite *w, int fd, uint64_t *k, uint64_t n);

/* What the peer's descriptor says now: PEER_QUIET, _DATA, _EOF, _RESET. */
typedef enum peer_state { PEER_QUIET, PEER_DATA, PEER_EOF, PEER_RESET } peer_state;
peer_state peer_look(int fd);
void peer_small(int fd); /* small buffers, so that the other end blocks early */
void peer_shut(int fd);  /* sends FIN */
void peer_close(int fd);
void peer_reset(int fd); /* closes with RST */

#endif
