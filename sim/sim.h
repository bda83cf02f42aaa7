/* SPDX-License-Identifier: MIT
 *
 * sim.h: the inside of the fake kernel.
 *
 * A descriptor is an index into the table of open files; a file is an open description, counted by
 * the descriptors and messages that refer to it. Sockets know each other directly: a packet on its
 * way is an event of the clock that names the file it belongs to.
 *
 *   kernel.c    life of a simulation, descriptors, files, the clock and its events
 *   name.c      addresses: binding, finding who listens, paths
 *   queue.c     bytes that wait
 *   stream.c    TCP and unix streams;  listen.c: connecting and accepting
 *   dgram.c     UDP and unix datagrams, groups, news of packets that met nobody
 *   ready.c     readiness of files; epoll.c, kqueue.c: the pollers of systems, and poll()
 *   table.c     tht_sys: every call enters and leaves here;  io.c: operations made of them
 *   oracle.c    choices;  watch.c: the detectors
 *   run.c       one run;  shrink.c: a smaller one;  main.c: thetis_sim_run()
 *
 * What differs between systems is data: a sim_personality. Code asks for a property ("refused at
 * once"), never for a name.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <thetis/sim.h>

#include <stdio.h>

#include "port/sys.h"
#include "loop/loop.h"

/* ---- errors: a status and a number for each system family ------------------------------------ */

typedef enum sim_error {
#define SIM_ERROR(name, status, linux, bsd) SIM_E_##name,
#include "errors.def"
#undef SIM_ERROR
    SIM_ERRORS
} sim_error;

typedef enum sim_numbers { SIM_LINUX_NUMBERS, SIM_BSD_NUMBERS } sim_numbers;

/* ---- personalities --------------------------------------------------------------------------- */

/* How often something happens: of 1000. */
typedef uint16_t sim_often;

typedef struct sim_personality {
    const char *name;
    const char *note;                /* where the figures come from */
    const char *backends[4];         /* best first */
    sim_numbers numbers;
    sim_often connect_at_once;       /* a connect to somebody who listens answers OK */
    sim_often refuse_at_once;        /* a connect to nobody answers EREFUSED in the call */
    uint8_t refused_late_is_reset;   /* a late refusal is told as ERESET */
    uint8_t so_error_after_refusal;  /* refused at once: SO_ERROR tells it again */
    uint8_t end_outlasts_reset;      /* after the peer's end a reset is EPIPE, and still the end */
    sim_often so_error_lies;         /* SO_ERROR of a connect that failed late tells nothing */
    uint8_t abort_before_accept;     /* a reset in the backlog: accept() answers ERESET */
    uint8_t balance;                 /* THT_OPT_BALANCE exists */
    uint8_t reuse_balances;          /* and THT_OPT_REUSE_PORT is the same; else it makes no
                                        group: the newest listener gets everything */
    uint8_t fresh_is_hung_up;        /* a stream that was never connected reports readiness */
    uint8_t end_then_notconn;        /* after the end was read once, recv answers ENOTCONN */
    uint8_t unix_unread_is_reset;    /* a unix peer that closes with bytes unread resets */
    uint8_t unix_full_is_refused;    /* a full backlog of a unix listener refuses */
    uint8_t error_sticks;            /* a poller reports an error that was read already */
    uint8_t knotes_echo_add;         /* returned events carry EV_ADD */
    uint8_t user_events;             /* EVFILT_USER exists */
    uint8_t operations;              /* io_ops exists: io_uring */
    uint8_t segments;                /* UDP_SEGMENT and UDP_GRO */
    uint8_t dgram_error_is_in;       /* an error of a datagram socket is readable for poll() */
    uint8_t icmp_errors;             /* a connected datagram socket learns that nobody is there */
    uint8_t stamps, drops;           /* of datagrams */
    uint8_t unix_sockets, fd_passing, abstract_names;
    uint8_t slow_net;                /* packets take time even where nothing is chosen */
    uint32_t tick_ns;                /* sleeps end a tick after theirs; 0: they are exact */
    uint8_t backlog_extra;           /* connections beyond the backlog */
    uint16_t refusals_per_second;    /* later ones get no answer for a while; 0: all do */
    uint32_t send_space, recv_space; /* of a stream */
    uint32_t send_low;               /* writable with so much free; 0: with a third of the space */
    uint32_t unix_space;             /* of a unix stream or datagram socket */
    uint32_t unix_dgrams;            /* datagrams that wait at a unix socket */
    uint32_t dgram_space;            /* receive space of a datagram socket */
    uint32_t dgram_overhead;         /* bytes that each one costs beside its own */
    uint32_t dgram_count_overhead;   /* and that the read filter's count has too many */
    uint32_t dgram_max;              /* longest datagram without a larger send space */
} sim_personality;

/* ---- files ----------------------------------------------------------------------------------- */

typedef enum sim_kind {
    SIM_STREAM,
    SIM_LISTENER,
    SIM_DGRAM,
    SIM_PIPE, /* one end */
    SIM_WAKE,
    SIM_EPOLL,
    SIM_KQUEUE
} sim_kind;

/* Bytes in a ring; grows up to what the caller allows. */
typedef struct sim_queue {
    unsigned char *bytes;
    size_t room, first, len;
} sim_queue;

typedef struct sim_file sim_file;

/* Descriptors on their way: those of the byte at this offset of the stream. */
typedef struct sim_rights {
    struct sim_rights *next;
    uint64_t at;
    uint32_t count;
    sim_file *files[THT_FDS];
} sim_rights;

/* A datagram, or a train of them, that waits at a receiver. */
typedef struct sim_message {
    struct sim_message *next;
    thetis_addr from;
    uint64_t stamp;
    uint32_t segment;
    uint32_t drops;
    sim_rights *rights;
    size_t len;
    unsigned char bytes[];
} sim_message;

typedef enum sim_state {
    SIM_NEW,
    SIM_CONNECTING,
    SIM_CONNECTED,
    SIM_BROKEN /* reset, refused */
} sim_state;

typedef struct sim_stream {
    sim_state state;
    sim_file *peer; /* NULL: its file is gone */
    sim_queue out;  /* not at the peer yet */
    sim_queue in;
    uint64_t in_at; /* offset of the first byte of `in` in the stream */
    uint64_t out_at; /* offset behind the last byte ever sent */
    sim_rights *rights; /* with bytes of `in`, oldest first */
    sim_file *listener; /* whose queue it stands in */
    sim_file *next;     /* in that queue */
    uint32_t send_space, recv_space;
    unsigned shut : 1;      /* no more is sent: by shutdown or close */
    unsigned end_sent : 1;  /* and the peer knows */
    unsigned end : 1;       /* the peer sends no more */
    unsigned said_end : 1;  /* and it said so: the end is no reset */
    unsigned end_read : 1;
    unsigned moving : 1;    /* an event will move bytes */
    unsigned abort : 1;     /* close resets */
    unsigned was_error : 1; /* for pollers whose errors stick */
    unsigned was_connected : 1;
    unsigned mute : 1;      /* SO_ERROR tells nothing */
} sim_stream;

typedef struct sim_listener {
    sim_file *first, *last;
    uint32_t count, backlog;
} sim_listener;

enum { SIM_GROUPS = 4 };

typedef struct sim_dgram {
    sim_message *first, *last;
    size_t used; /* of the receive space */
    uint32_t count;
    uint32_t dropped;
    uint32_t send_space, recv_space;
    thetis_addr groups[SIM_GROUPS];
    unsigned stamp : 1, drops : 1, gro : 1, broadcast : 1;
} sim_dgram;

/* One entry of a poller. */
typedef struct sim_watch {
    sim_file *file;
    int fd;
    uint16_t filter; /* of kqueue */
    uint16_t flags;
    uint32_t mask;
    uint32_t edge; /* 1: reported when it becomes ready */
    uint32_t fired; /* edge: sim_file.edges when it was reported; 0: never */
    uint64_t token;
} sim_watch;

typedef struct sim_poller {
    sim_watch *watches;
    size_t count, room;
    size_t next; /* where the next look begins */
} sim_poller;

struct sim_file {
    sim_kind kind;
    uint8_t family;
    uint32_t refs;    /* descriptors and messages that have it */
    uint32_t events;  /* of the clock that name it */
    uint32_t serial;  /* number in the trace */
    sim_error error;  /* pending; SIM_E_NONE */
    thetis_addr local, remote;
    unsigned bound : 1, connected : 1, reuse_addr : 1, reuse_port : 1, balance : 1;
    uint32_t ignored;  /* reports in a row that no call answered */
    uint32_t edges;    /* how often it became ready, and 1 */
    uint64_t count;    /* wake-ups; tries to connect; when the last datagram arrives */
    sim_file *other;   /* the other end of a pipe */
    sim_file *prev, *next; /* all files */
    union {
        sim_stream s;
        sim_listener l;
        sim_dgram d;
        sim_poller p;
    } u;
};

/* ---- the clock's events ---------------------------------------------------------------------- */

typedef void sim_event_fn(thetis_sim *sim, sim_file *f);

typedef struct sim_event {
    uint64_t at, order;
    sim_event_fn *fn;
    sim_file *file;
} sim_event;

/* ---- the simulation -------------------------------------------------------------------------- */

/* The calls, for counting, tracing and failing. */
typedef enum sim_call_id {
#define SIM_CALL(name, error) SIM_CALL_##name,
#include "calls.def"
#undef SIM_CALL
    SIM_CALLS
} sim_call_id;

typedef struct sim_oracle sim_oracle;

typedef struct sim_cfg {
    const sim_personality *personality;
    sim_oracle *oracle;  /* NULL: the plainest choice always */
    FILE *trace;         /* NULL: none */
    uint64_t max_calls;  /* 0: no limit */
    uint64_t max_fds;    /* 0: 4096 */
    sim_often faults;    /* a call fails */
    sim_often interrupts;
    sim_often cuts;      /* a call moves less than it could */
    sim_often delays;    /* a packet takes time */
    sim_call_id fail_call; /* SIM_CALLS: whichever */
    uint64_t fail_at;    /* the k-th such call fails; 0: none */
    int plain;           /* all choices but draws are 0, and no calls are traced */
    void (*on_fail)(void *user, const char *verdict, const char *text); /* does not return */
    void *user;
} sim_cfg;

/* A table and whom it serves: the program that is watched, or peers that are not. */
typedef struct sim_view {
    tht_sys sys; /* first */
    thetis_sim *sim;
    int watched;
} sim_view;

/* An operation that was begun. */
typedef struct sim_op {
    const void *op;
    const unsigned char *memory;
    size_t len;
    uint64_t sum;
} sim_op;

enum { SIM_LOOPS = 4, SIM_WHO = 32 };

struct thetis_sim {
    sim_view program, peers;
    sim_cfg cfg;
    const sim_personality *person;
    uint64_t now;
    uint64_t calls, calls_of[SIM_CALLS];
    uint64_t injected;

    sim_file **fds;
    size_t fd_room, fd_low, fd_count;
    sim_file *files;
    uint32_t serial;
    uint16_t port; /* the next one nobody asked for */
    thetis_addr *paths; /* of unix sockets, in the file system */
    size_t path_count, path_room;

    sim_event *heap;
    size_t heap_len, heap_room;
    uint64_t heap_order;

    uint64_t refusals, refusal_second;

    /* watch.c */
    uint64_t useless; /* calls in a row without progress */
    uint64_t waits;
    int watched;      /* the call in progress is the program's */
    int progress;     /* made by it */
    thetis_loop *loops[SIM_LOOPS];
    sim_op *ops;
    size_t op_count, op_room;
    uint64_t notes[SIM_WHO];
    uint32_t lacking; /* a bit for each `who` that is not compared */
    char lacks[64];   /* the capabilities */
    int chosen;       /* no more draws */
};

/* ---- kernel.c -------------------------------------------------------------------------------- */

thetis_sim *tsm_create(const sim_cfg *cfg);
void tsm_destroy(thetis_sim *sim);
const tht_sys *tsm_peers(thetis_sim *sim); /* the same descriptors, unwatched, nothing injected */

__attribute__((noreturn, cold, format(printf, 3, 4))) void tsm_fail(thetis_sim *sim,
                                                                    const char *verdict,
                                                                    const char *format, ...);

void *tsm_alloc(size_t bytes); /* zero-filled; ends the program if there is none */
void tsm_grow(void *array, size_t *room, size_t need, size_t each); /* *array has room for need */

tht_ret tsm_done(ptrdiff_t n);
tht_ret tsm_error(const thetis_sim *sim, sim_error e);

sim_file *tsm_file_new(thetis_sim *sim, sim_kind kind);
void tsm_file_hold(sim_file *f);
void tsm_file_drop(thetis_sim *sim, sim_file *f); /* the last one closes it */
void tsm_file_free(thetis_sim *sim, sim_file *f); /* if nothing names it any more */

sim_file *tsm_fd_file(const thetis_sim *sim, int fd); /* NULL: not open */
tht_ret tsm_fd_open(thetis_sim *sim, sim_file *f);    /* takes the reference, also on EMFILE */
tht_ret tsm_fd_close(thetis_sim *sim, int fd);

void tsm_at(thetis_sim *sim, uint64_t delay, sim_event_fn *fn, sim_file *f);
void tsm_run_until(thetis_sim *sim, uint64_t now); /* what happens until then, and the clock */
uint64_t tsm_next_event(const thetis_sim *sim);    /* UINT64_MAX: none */
void tsm_settle(thetis_sim *sim);                  /* until nothing is under way */

/* A packet's way: 0 unless something is chosen. */
uint64_t tsm_delay(thetis_sim *sim);

/* ---- oracle.c -------------------------------------------------------------------------------- */

uint64_t tsm_choose(thetis_sim *sim, uint64_t n);
int tsm_chance(thetis_sim *sim, sim_often often); /* 0 is the plain choice */

/* ---- queue.c --------------------------------------------------------------------------------- */

void tsm_queue_push(sim_queue *q, const void *bytes, size_t n);
size_t tsm_queue_copy(const sim_queue *q, void *out, size_t n);
void tsm_queue_skip(sim_queue *q, size_t n);
size_t tsm_queue_move(sim_queue *to, sim_queue *from, size_t n);
void tsm_queue_free(sim_queue *q);

/* ---- name.c ---------------------------------------------------------------------------------- */

tht_ret tsm_bind(thetis_sim *sim, sim_file *f, const thetis_addr *addr);
tht_ret tsm_bind_any(thetis_sim *sim, sim_file *f, const thetis_addr *towards);
sim_file *tsm_find(thetis_sim *sim, sim_kind kind, const thetis_addr *to, const thetis_addr *from);
sim_file *tsm_find_listener(thetis_sim *sim, const thetis_addr *to, const thetis_addr *from);
int tsm_is_local(const thetis_addr *addr);
int tsm_is_multicast(const thetis_addr *addr);
int tsm_path_known(const thetis_sim *sim, const thetis_addr *path);
void tsm_path_forget(thetis_sim *sim, const char *path);

/* ---- stream.c -------------------------------------------------------------------------------- */

tht_ret tsm_stream_recv(thetis_sim *sim, sim_file *f, void *into, size_t len, sim_rights **rights);
tht_ret tsm_stream_peek(thetis_sim *sim, sim_file *f);
tht_ret tsm_stream_send(thetis_sim *sim, sim_file *f, const thetis_iov *iov, uint32_t iovs,
                        sim_rights *rights);
tht_ret tsm_stream_shutdown(thetis_sim *sim, sim_file *f);
void tsm_stream_close(thetis_sim *sim, sim_file *f);
void tsm_stream_break(thetis_sim *sim, sim_file *f, sim_error e);
size_t tsm_stream_room(const sim_file *f);
void tsm_stream_link(thetis_sim *sim, sim_file *a, sim_file *b);
void tsm_rights_free(thetis_sim *sim, sim_rights *r);

/* ---- listen.c -------------------------------------------------------------------------------- */

tht_ret tsm_listen(thetis_sim *sim, sim_file *f, int backlog);
tht_ret tsm_connect(thetis_sim *sim, sim_file *f, const thetis_addr *to);
tht_ret tsm_accept(thetis_sim *sim, sim_file *f, thetis_addr *peer);
void tsm_listener_close(thetis_sim *sim, sim_file *f);
void tsm_listener_lose(sim_file *listener, sim_file *f); /* it leaves the queue */

/* ---- dgram.c --------------------------------------------------------------------------------- */

tht_ret tsm_dgram_recv(thetis_sim *sim, sim_file *f, tht_in *in, uint32_t n);
tht_ret tsm_dgram_send(thetis_sim *sim, sim_file *f, const tht_out *out, uint32_t n,
                       sim_rights *rights);
tht_ret tsm_dgram_connect(thetis_sim *sim, sim_file *f, const thetis_addr *to);
tht_ret tsm_dgram_group(thetis_sim *sim, sim_file *f, const thetis_addr *group, int join);
void tsm_dgram_close(thetis_sim *sim, sim_file *f);

/* ---- ready.c --------------------------------------------------------------------------------- */

/* What a file is ready for, as poll() sees it. */
enum { SIM_IN = 1, SIM_OUT = 2, SIM_ERR = 4, SIM_HUP = 8 };
unsigned tsm_ready(const thetis_sim *sim, const sim_file *f);
int tsm_writable(const thetis_sim *sim, const sim_file *f);
tht_ret tsm_pipe(thetis_sim *sim, int fds[2]); /* reading end, writing end */
tht_ret tsm_pipe_write(thetis_sim *sim, sim_file *f, const void *bytes, size_t n);
tht_ret tsm_pipe_read(thetis_sim *sim, sim_file *f, void *bytes, size_t n);

/* ---- epoll.c --------------------------------------------------------------------------------- */

tht_ret tsm_epoll_set(thetis_sim *sim, sim_file *set, int fd, uint64_t token, uint32_t mask,
                      int edge);
tht_ret tsm_epoll_wait(thetis_sim *sim, sim_file *set, tht_event *out, uint32_t cap, uint64_t ns);
tht_ret tsm_poll_wait(thetis_sim *sim, tht_pollfd *fds, const uint64_t *tokens, uint32_t n,
                      uint32_t *first, tht_event *out, uint32_t cap, uint64_t ns);
void tsm_poller_close(thetis_sim *sim, sim_file *set);
void tsm_poller_forget(thetis_sim *sim, sim_file *f); /* its last descriptor is closed */
void tsm_poller_touch(sim_file *f);                   /* it became ready once more: edges */

/* Waits until look(arg) finds something or the time is over; returns what it found. */
tht_ret tsm_wait(thetis_sim *sim, uint64_t ns, ptrdiff_t (*look)(thetis_sim *sim, void *arg),
                 void *arg);

/* ---- kqueue.c -------------------------------------------------------------------------------- */

tht_ret tsm_kevent_change(thetis_sim *sim, sim_file *queue, const tht_kevent *changes, uint32_t n,
                          tht_kevent *out, uint32_t cap); /* n: answers to changes */
tht_ret tsm_kevent_wait(thetis_sim *sim, sim_file *queue, tht_kevent *out, uint32_t cap,
                        uint64_t ns);
void tsm_kqueue_forget(thetis_sim *sim, int fd); /* it is closed */

/* ---- watch.c --------------------------------------------------------------------------------- */

void tsm_watch_wait(thetis_sim *sim);                /* the program begins to wait */
void tsm_watch_sleep(thetis_sim *sim);               /* and nothing is ready */
void tsm_watch_call(thetis_sim *sim);                /* a call ended */
void tsm_watch_report(thetis_sim *sim, sim_file *f); /* an event names it */
void tsm_watch_write(thetis_sim *sim, const void *at, size_t len); /* the system wrote there */
void tsm_watch_end(thetis_sim *sim);                 /* the run ends */

/* ---- table.c --------------------------------------------------------------------------------- */

void tsm_table_init(sim_view *view, thetis_sim *sim, int watched);

/* ---- io.c ------------------------------------------------------------------------------------ */

extern const struct tht_io_ops tsm_io_ops;

/* ---- personalities --------------------------------------------------------------------------- */

const sim_personality *tsm_personality(const char *name); /* NULL: no such */
const sim_personality *tsm_personality_at(size_t k);      /* NULL past the last */

#endif
