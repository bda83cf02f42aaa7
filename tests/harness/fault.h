/* SPDX-License-Identifier: MIT
 *
 * fault.h: a table of system calls that wraps another one and misbehaves on request.
 *
 *     static fault f;
 *     fault_init(&f, &tht_sys_host, seed);
 *     thetis_loop_cfg cfg = {.sys = &f.sys};
 *     fault_fail(&f, FAULT_RECV, 3, THETIS_ERESET, ECONNRESET);      the third recv from now
 *
 * Everything it does is something that a system may do: the loop above must stay correct.
 * Only calls of FAULT_WAKE_SEND may come from other threads.
 */
#ifndef HARNESS_FAULT_H
#define HARNESS_FAULT_H

#include "port/sys.h"

typedef enum fault_fn {
    FAULT_NOW,
    FAULT_SOCKET,
    FAULT_BIND,
    FAULT_LISTEN,
    FAULT_ACCEPT,
    FAULT_CONNECT,
    FAULT_RECV, /* and peek, recv_fds */
    FAULT_SEND, /* and send_one, send_fds */
    FAULT_RECV_MSGS,
    FAULT_SEND_MSGS,
    FAULT_GROUP,
    FAULT_SHUTDOWN,
    FAULT_CLOSE,
    FAULT_SO_ERROR,
    FAULT_SETOPT,
    FAULT_NAME,
    FAULT_EPOLL_OPEN,
    FAULT_EPOLL_SET,  /* and poll_set */
    FAULT_EPOLL_WAIT, /* and poll_wait */
    FAULT_WAKE_OPEN,
    FAULT_WAKE_SEND,
    FAULT_FNS,
    FAULT_ANY = FAULT_FNS /* in fault_fail(): whichever call is the k-th; not now, not wake_send */
} fault_fn;

enum { FAULT_LOG = 4096, FAULT_REGS = 256 };

/* One call, as it was answered. */
typedef struct fault_call {
    fault_fn fn;
    int32_t fd; /* -1: it has none */
    tht_ret ret;
    uint64_t arg; /* recv, send: bytes offered; recv_msgs, send_msgs: messages offered; listen:
                     backlog; setopt: option; epoll_set: mask; epoll_wait: time-out */
} fault_call;

/* A registration the shim has seen: what spurious events are made of. */
typedef struct fault_reg {
    int32_t fd;
    uint32_t mask;
    uint64_t token;
} fault_reg;

/* A standing answer of one function. */
typedef struct fault_answer {
    int32_t status;
    int32_t os;
} fault_answer;

typedef struct fault {
    tht_sys sys; /* first: a pointer to it is a pointer to the shim */
    const tht_sys *under;
    uint64_t rng;

    /* what happened */
    uint64_t calls[FAULT_FNS]; /* but wake_send, see fault_calls() */
    uint64_t total;            /* those that FAULT_ANY counts */
    uint64_t injected;         /* answers and events that the system below did not give */
    thetis_atomic wake_sends;
    fault_call log[FAULT_LOG]; /* the newest; entry k is log[k % FAULT_LOG] */
    uint64_t logged;

    /* what is asked for */
    fault_fn fail_fn;
    uint64_t fail_in; /* calls until it fires; 0: off */
    fault_answer fail;
    fault_answer hold[FAULT_FNS];
    size_t short_max;    /* recv and send of 1..short_max bytes or messages; 0: off */
    uint32_t no_cut;     /* calls of send_msgs whose first message has a segment and that answer
                            ENOTSUP, as a path does that cannot segment */
    uint64_t eintr_each; /* 0: off */
    uint64_t eintr_count;
    unsigned spurious;  /* of 1000 waits; 0: off */
    unsigned ghosts;    /* of 1000 waits: an event with a token that is no longer registered */
    unsigned duplicate; /* of 1000 events */
    unsigned suppress;  /* events still to drop once */
    int connect_now;    /* connect waits for its result, as other systems do on loopback */

    /* virtual clock */
    int clock_on;
    uint64_t clock;

    fault_reg regs[FAULT_REGS];
    size_t reg_count;
    uint64_t dead[FAULT_REGS]; /* tokens no longer registered, the newest ones */
    uint64_t dead_count;
    uint64_t wake_token; /* edge-triggered: never suppressed */

    tht_kevent seen[FAULT_REGS]; /* of the last wait on a kqueue, as the system gave them */
    size_t seen_count;
} fault;

void fault_init(fault *f, const tht_sys *under, uint64_t seed);

/* Ends every mode but the clock; counters, log and registrations stay. */
void fault_calm(fault *f);

/* The k-th call of `fn` from now (1: the next) fails with this answer; one plan at a time.
 * A close that fails has closed. THETIS_OK as status ends the plan. */
void fault_fail(fault *f, fault_fn fn, uint64_t k, thetis_status status, int os);

/* 1 once the planned failure has happened. */
int fault_fired(const fault *f);

/* Every call of `fn` fails with this answer until it is held with THETIS_OK. */
void fault_hold(fault *f, fault_fn fn, thetis_status status, int os);

/* Calls of `fn` so far. */
uint64_t fault_calls(const fault *f, fault_fn fn);

/* Entries of the log since `from` (a former f->logged) for `fn`; fd -1: any. */
size_t fault_logged(const fault *f, uint64_t from, fault_fn fn, int fd);

/* From now on `now` is what the test says, and a wait that finds nothing does not sleep: it moves
 * the clock to its time-out. A wait without time-out still sleeps, at most FAULT_NAP_NS. */
void fault_clock_start(fault *f, uint64_t at);
void fault_clock_step(fault *f, int64_t by);

#define FAULT_NAP_NS 20000000u

#endif
