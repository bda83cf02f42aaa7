/* SPDX-License-Identifier: MIT
 *
 * loop.h: the inside of a loop, for src/loop, its backends and src/net.
 *
 * A handle is known to the system by a token, (generation, slot), never by a descriptor or a
 * pointer: an event for a handle that is gone finds another generation and is dropped.
 *
 * A slot may stand on four lists at once. Lists link slots, not handles, so a handle's memory can
 * go back to the user while its slot still waits on a list. The slot may even get a new handle
 * meanwhile: to stand on a list only means to be looked at, and a look at a handle that has
 * nothing to do there does nothing.
 *
 *   READY   to be tried in this turn's service phase; LATER shares its link: out of budget
 *   DUE     has completions to deliver in the dispatch phase
 *   DIRTY   its sends or its interest must be brought to the system in the flush phase
 *   PARKED  waits for a resource: a receive buffer (STARVED) or a retry (BACKOFF)
 *
 * The interest of a handle is a pure function of its state (tht_kind.interest) and is compared
 * with what is registered in the flush phase. Only the end of a handle (tht_handle_shut) and
 * thetis_poll_fd_start(), whose interest is the user's, change a registration at once.
 */
#ifndef THT_LOOP_H
#define THT_LOOP_H

#include <thetis/loop.h>
#include <thetis/timer.h>

#include "../port/port.h"
#include "../port/sys.h"

#define THT_NEVER UINT64_MAX
#define THT_NONE 0u /* slot 0 is the loop's own: its token is the wake descriptor's */
#define THT_SLOT_MASK 0xFFFFFFu /* of tht_slot.turn */

enum {
    THT_TURN_TIMERS = 1024,
    THT_TURN_MESSAGES = 256, /* of each inbox */
    THT_TURN_ROUNDS = 4,
    THT_TURN_BUDGET = 16
};
#define THT_BUDGET_UNIT 4096u /* bytes that cost as much as one system call */
#define THT_RETRY_MIN_NS (10u * 1000u * 1000u)
#define THT_RETRY_MAX_NS (500u * 1000u * 1000u)

typedef enum tht_list_id { THT_READY, THT_DUE, THT_DIRTY, THT_PARKED, THT_LATER } tht_list_id;
enum { THT_LINKS = 4, THT_LISTS = 5 };

typedef struct tht_slot {
    thetis_handle *handle; /* NULL: free */
    uint32_t gen;          /* grows when a handle ends: old tokens do not match */
    uint32_t next[THT_LINKS];
    uint32_t on : 8;    /* bit per link: stands on a list */
    uint32_t turn : 24; /* in which the handle's budget was renewed; free: the next free slot */
} tht_slot;

typedef struct tht_list {
    uint32_t head;
    uint32_t tail;
} tht_list;

/* handle->state_ */
typedef enum tht_state { THT_OPEN, THT_CONNECTING, THT_CLOSING, THT_CLOSED } tht_state;

/* handle->flags_ of every kind; each kind may use the bits from THT_F_KIND on. */
enum {
    THT_F_STARVED = 1, /* parked for a receive buffer */
    THT_F_BACKOFF = 2, /* parked for a retry */
    THT_F_PAUSED = 4,  /* by the user */
    THT_F_LADEN = 8,   /* keeps as many buffers as it may */
    THT_F_KIND = 16
};

/* What a loop does with handles of one kind. No function may free the handle. Kinds whose handles
 * are never dirty leave flush, interest and broken out. */
typedef struct tht_kind {
    void (*serve)(thetis_handle *h, unsigned ready); /* try these once; it may be closed by now */
    void (*due)(thetis_handle *h);                   /* deliver completions */
    void (*flush)(thetis_handle *h);                 /* bring queued work to the system */
    unsigned (*interest)(const thetis_handle *h);    /* pure: THT_IN | THT_OUT */
    void (*broken)(thetis_handle *h, tht_ret why);   /* interest could not be registered */
    thetis_status (*cut)(thetis_handle *h, thetis_closed_fn *closed);
    uint8_t owns_fd;
    uint8_t ahead; /* tht_io_kind: the operation for its input, see ahead.h */
} tht_kind;

typedef struct tht_poller tht_poller;

struct tht_poller {
    const char *name;
    /* Bytes it wants in the loop, for this configuration without zeros; NULL: none. */
    size_t (*memory)(const thetis_loop_cfg *cfg, const tht_sys *sys);
    tht_ret (*open)(thetis_loop *loop);
    tht_ret (*set)(thetis_loop *loop, thetis_handle *h, unsigned mask);
    tht_ret (*wait)(thetis_loop *loop, uint64_t timeout_ns); /* n events in loop->events */
    void (*wake)(thetis_loop *loop); /* ends a wait; any thread, any signal handler */
    void (*close)(thetis_loop *loop);
    int forgets;                 /* what is closed, unless the loop says `copied` */
    int lends;                   /* buffers to the system: tht_lent() more are made */
    const tht_poller *otherwise; /* takes over where the system refuses this one; may be NULL */
    thetis_cap_info caps[THETIS_CAP_COUNT_]; /* numbers come from the system's table */
};

extern const tht_poller tht_poller_epoll;

/* What the backends over a system with BSD sockets can, but for what its table says it lacks. A
 * paused stream is not registered and so does not notice a reset. GSO and GRO are learned from the
 * first socket. */
#define THT_CAPS_OF_SOCKETS                                                                     \
    [THETIS_CAP_TCP] = {THETIS_CAP_NATIVE, 0},                                                  \
    [THETIS_CAP_LISTEN_BALANCE] = {THETIS_CAP_NATIVE, 0},                                       \
    [THETIS_CAP_HALF_CLOSE] = {THETIS_CAP_NATIVE, 0},                                           \
    [THETIS_CAP_ABORT] = {THETIS_CAP_NATIVE, 0},                                                \
    [THETIS_CAP_POLL_FD] = {THETIS_CAP_NATIVE, 0},                                              \
    [THETIS_CAP_PAUSED_RESET] = {THETIS_CAP_ABSENT, 0},                                         \
    [THETIS_CAP_SIGNAL_WAKE] = {THETIS_CAP_NATIVE, 0},                                          \
    [THETIS_CAP_UDP] = {THETIS_CAP_NATIVE, 0},                                                  \
    [THETIS_CAP_UDP_ICMP_ERR] = {THETIS_CAP_NATIVE, 0},                                         \
    [THETIS_CAP_UDP_MULTICAST] = {THETIS_CAP_NATIVE, 0},                                        \
    [THETIS_CAP_UDP_STAMP] = {THETIS_CAP_NATIVE, 0},                                            \
    [THETIS_CAP_UDP_BATCH] = {THETIS_CAP_NATIVE, THT_MSGS},                                     \
    [THETIS_CAP_UNIX] = {THETIS_CAP_NATIVE, 0},                                                 \
    [THETIS_CAP_UNIX_FD_PASS] = {THETIS_CAP_NATIVE, THT_FDS},                                   \
    [THETIS_CAP_TIMER_NS] = {THETIS_CAP_NATIVE, 0},                                             \
    [THETIS_CAP_MAX_IOV] = {THETIS_CAP_NATIVE, 0}

typedef struct tht_timer_key {
    uint64_t deadline;
    thetis_timer *timer;
} tht_timer_key;

/* FREE: on the free list or in the hand; TAKEN: by tht_buffer_take(); KEPT: by the user. */
typedef enum tht_buffer_state { THT_BUFFER_FREE, THT_BUFFER_TAKEN, THT_BUFFER_KEPT }
    tht_buffer_state;

typedef struct tht_buffer {
    uint64_t owner; /* token of the handle that keeps it */
    uint32_t next;  /* free list: number + 1 */
    uint32_t state;
} tht_buffer;

struct thetis_loop {
    const tht_sys *sys;
    const tht_poller *poller;
    tht_event *events;
    size_t n_events; /* of the last poll */
    tht_slot *slots;
    tht_list lists[THT_LISTS];
    uint64_t now;
    uint32_t now_fresh; /* now was read in this phase */
    uint32_t max_events;
    int set_fd; /* the poller's descriptor, if it has one */
    int wake_fd;

    tht_timer_key *heap; /* from THT_HEAP0 on */
    uint32_t timers;
    uint32_t max_timers;
    uint64_t timer_seq;

    uint64_t retry_at; /* when parked handles with BACKOFF are tried again */
    uint64_t retry_ns; /* the interval of that */
    uint64_t retry_turn;

    unsigned char *buffer_memory;
    tht_buffer *buffers;
    uint32_t buffer_free; /* number + 1 of the first free one */
    uint32_t hand;     /* number of the one the next receive uses; not on the free list */
    void *hand_memory; /* NULL: no buffer is in the hand */
    uint32_t buffer_size;
    uint32_t max_buffers;
    uint32_t buffers_kept;
    uint32_t recheck; /* parked handles are to be looked at in the next service phase */

    uint32_t max_handles;
    uint32_t slot_free;
    uint32_t open; /* handles */
    uint32_t running;
    uint32_t woken; /* a notification was taken, or messages are left */
    thetis_status fault; /* of the last poll */
    int stay;
    uintptr_t owner;
    struct thetis_inbox *inboxes;
    thetis_loop_wake_fn *on_wake;
    void *user;
    size_t mapped; /* bytes to give back in destroy */
    thetis_loop_stat stat;
    void *poller_memory;
    struct tht_ahead *ahead; /* NULL: a backend of readiness */
    uint32_t lent;           /* of max_buffers, those that are made to be lent */
    int32_t refused;         /* the system's code for it, if another backend took over */
    uint8_t learned[THETIS_CAP_COUNT_]; /* levels that only a first use could tell */
    uint8_t movable;    /* no operation may hold a stream beyond what it is asked */
    uint8_t copied;     /* descriptors that are closed have copies: to be taken out before */
    uint64_t stale;     /* of stat.stale, those that the poller knows of */

    thetis_atomic wake THETIS_CACHE_ALIGNED; /* THT_RUNNING, _SLEEPING, _NOTIFIED */
    thetis_atomic note; /* on_wake is wanted */
    thetis_atomic stop;
};

/* loop->wake */
enum { THT_RUNNING, THT_SLEEPING, THT_NOTIFIED };

#define THT_ASSERT_OWNER(loop) THETIS_ASSERT2((loop)->owner == tht_port_self())

static inline tht_slot *tht_slot_of(thetis_handle *h)
{
    return &h->loop_->slots[h->slot_];
}

static inline uint64_t tht_token(thetis_handle *h)
{
    return (uint64_t)tht_slot_of(h)->gen << 32 | h->slot_;
}

static inline int tht_list_empty(const thetis_loop *loop, tht_list_id id)
{
    return loop->lists[id].head == THT_NONE;
}

/* LATER uses READY's link. */
static inline unsigned tht_link(tht_list_id id)
{
    return id == THT_LATER ? THT_READY : id;
}

/* ---- handle.c -------------------------------------------------------------------------------- */

/* Appends the slot, unless it stands on a list with this link already. */
void tht_list_push(thetis_loop *loop, tht_list_id id, uint32_t slot);

/* Takes the oldest handle off `list`, whose link is that of `id`, passing over slots whose handle
 * is gone; NULL when the list is empty. */
thetis_handle *tht_list_take(thetis_loop *loop, tht_list *list, tht_list_id id);

/* Detaches the whole list: what is pushed from now on is not in the result. */
tht_list tht_list_detach(thetis_loop *loop, tht_list_id id);

/* Gives the handle a slot and its first state. ENOSLOT leaves it untouched. */
thetis_status tht_handle_open(thetis_loop *loop, thetis_handle *h, const tht_kind *kind, int fd);

/* The handle has completions to deliver. */
void tht_handle_due(thetis_handle *h);

/* The handle's sends or interest may have changed. */
void tht_handle_dirty(thetis_handle *h);

/* Tries the directions in this turn, or in the next if the handle has used its budget. */
void tht_handle_ready(thetis_handle *h, unsigned ready);

/* Waits for a buffer (STARVED) or a retry (BACKOFF). */
void tht_handle_park(thetis_handle *h, unsigned flag);

/* Unregisters and closes the descriptor, at once. */
void tht_handle_shut(thetis_handle *h);

/* Frees the slot and runs `closed`: the last act of a handle. */
void tht_handle_end(thetis_handle *h);

/* True when asked for the first time in a turn, which renews the handle's budget. */
static inline int tht_handle_new_turn(thetis_handle *h)
{
    tht_slot *s = tht_slot_of(h);
    uint64_t turns = h->loop_->stat.turns;
    if (s->turn == (turns & THT_SLOT_MASK)) return 0;
    s->turn = turns & THT_SLOT_MASK;
    h->budget_ = THT_TURN_BUDGET;
    return 1;
}

/* Spends budget for one system call that moved `bytes`. */
static inline void tht_handle_spend(thetis_handle *h, size_t bytes)
{
    size_t cost = bytes < 2 * THT_BUDGET_UNIT ? 1 : bytes / THT_BUDGET_UNIT;
    (void)tht_handle_new_turn(h);
    h->budget_ = cost >= h->budget_ ? 0 : (uint8_t)(h->budget_ - cost);
}

/* ---- others ---------------------------------------------------------------------------------- */

/* backend.c */
void tht_backend_wake(thetis_loop *loop); /* by loop->wake_fd */
/* By name, or the setting, or the best; NULL: no such backend. */
const tht_poller *tht_backend_find(const char *name);

/* Buffers that a system of operations is lent: as many as the pool has, a power of 2. */
static inline uint32_t tht_lent(uint32_t buffers)
{
    uint32_t n = 2;
    while (n < buffers && n < 32768) n *= 2;
    return n;
}

/* ahead.c */
void tht_ahead_shut(thetis_handle *h, int fd);
int tht_ahead_leaves(thetis_handle *h);

/* buffer.c */
void tht_buffer_init(thetis_loop *loop, uint32_t count);
int tht_buffer_pick(thetis_loop *loop); /* puts a free one in the hand; 0: there is none */
uint32_t tht_buffer_take(thetis_loop *loop, uint32_t *numbers, uint32_t n); /* returns how many */
void tht_buffer_keep(thetis_handle *h, uint32_t number, unsigned most); /* a handle may keep */

static inline void tht_buffer_free(thetis_loop *loop, uint32_t number)
{
    tht_buffer *b = &loop->buffers[number];
    b->state = THT_BUFFER_FREE;
    b->next = loop->buffer_free;
    loop->buffer_free = number + 1;
}

/* Gives a taken buffer back, unless it is kept. */
static inline void tht_buffer_give(thetis_loop *loop, uint32_t number)
{
    if (loop->buffers[number].state == THT_BUFFER_TAKEN) tht_buffer_free(loop, number);
}

static inline unsigned char *tht_buffer_at(const thetis_loop *loop, uint32_t number)
{
    /* One line of stagger: equal offsets of buffers do not meet in the same cache set. */
    return loop->buffer_memory + (size_t)number * (loop->buffer_size + 64u);
}

/* inbox.c */
void tht_inbox_drain_all(thetis_loop *loop); /* a turn's share of each */

/* timer.c */
void tht_timer_expire(thetis_loop *loop);
#define THT_HEAP0 3u /* the root; so that four siblings share a line */

/* The next deadline, or THT_NEVER. */
static inline uint64_t tht_timer_next(const thetis_loop *loop)
{
    return loop->timers ? loop->heap[THT_HEAP0].deadline : THT_NEVER;
}

/* turn.c */
/* `once`: no sleep if a timer or a wake-up came first. OK, or why the system cannot poll. */
thetis_status tht_turn(thetis_loop *loop, uint64_t timeout_ns, int once);
void tht_loop_notify(thetis_loop *loop); /* by any thread: phase 3 has something to do */
uint64_t tht_turn_clock(thetis_loop *loop); /* reads the clock if this phase has not yet */

/* True while the loop has something to wait for. */
static inline int tht_loop_alive(const thetis_loop *loop)
{
    return loop->open != 0 || loop->timers != 0 || loop->stay;
}

#endif
