/* SPDX-License-Identifier: MIT
 *
 * same_script.c: random conversations whose completions must be the same on every system. Each step
 * is waited for, up to the last byte that it causes, so that nothing but the script decides what
 * every handle is told, in which order. What a system lacks is said, and not compared.
 */
#include <thetis/inbox.h>
#include <thetis/timer.h>
#include <thetis/unix.h>

#include <string.h>

#include "port/sys.h"
#include "sim/scenarios.h"
#include "sim/sim.h"

enum { TCP_A, TCP_B, LOCAL, PAIRS, STEPS = 30, TURNS = 5000, SEND_MOST = 20000, PAUSED_MOST = 500 };

/* Whose notes: two for each side of a pair, what it received and what it sent; then the others. */
enum { IN, OUT, PORT = PAIRS * 4, NEWS = PORT + 2, TIMERS, INBOX, WAKE, RIGHTS };

typedef struct side {
    union { /* first */
        thetis_tcp tcp;
        thetis_unix un;
    };
    unsigned who; /* of IN */
    struct side *peer;
    int open, connected, closed; /* open: not closed by us */
    int receiving, paused, ended, shut;
    thetis_status end;
    uint64_t got, offered;
    unsigned sent; /* sends that ended */
    thetis_unix_send sends[3];
} side;

typedef struct pair {
    thetis_listener gate; /* first */
    thetis_addr at;
    int exists;
    side sides[2]; /* the one that connects, the one that is accepted */
} pair;

typedef struct port {
    thetis_udp udp; /* first */
    thetis_addr at;
    uint64_t count, bytes;
    thetis_status news;
    int closed;
} port;

typedef struct step {
    unsigned act, pair, side;
    uint64_t size;
} step;

typedef struct show {
    thetis_sim *sim;
    thetis_loop *loop;
    pair pairs[PAIRS];
    port ports[3]; /* the last one speaks to nobody */
    thetis_timer timers[2];
    unsigned fired, woken, rights, messages;
    uint64_t heard;
    thetis_inbox inbox;
    thetis_inbox_sender sender;
    int inbox_closed;
    unsigned char bytes[SEND_MOST + 256];
} show;

static show s;

#define SURE(cond) THETIS_SIM_CHECK(s.sim, cond)

#define WAIT(cond)                                                                              \
    for (int left_ = TURNS; !(cond); left_--) {                                                 \
        SURE(left_ > 0 && #cond);                                                               \
        SURE(thetis_loop_run_once(s.loop, 100000000) == THETIS_OK);                             \
    }

static void note(const side *x, unsigned direction, const char *what, int64_t number)
{
    thetis_sim_note(s.sim, x->who + direction, what, (uint64_t)number);
}

static int has(thetis_cap cap)
{
    return thetis_loop_cap(s.loop, cap).level != THETIS_CAP_ABSENT;
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    side *x = (side *)tcp;
    (void)os;
    note(x, IN, "connect", status);
    x->connected = 1;
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    side *x = (side *)tcp;
    note(x, OUT, "sent", send->status);
    note(x, OUT, "bytes", (int64_t)send->sent);
    x->sent++;
}

static void take_rights(side *x)
{
    const tht_sys *sys = tsm_peers(s.sim);
    int fd;
    while (thetis_unix_recv_fd(&x->un, &fd) == THETIS_OK) {
        SURE(sys->close(sys, fd).status == THETIS_OK);
        s.rights++;
    }
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    side *x = (side *)tcp;
    const unsigned char *bytes = r->data;
    for (size_t i = 0; r->status == THETIS_OK && i < r->len; i++)
        SURE(bytes[i] == (unsigned char)(x->got + i));
    x->got += r->len;
    if (x == &s.pairs[LOCAL].sides[0] || x == &s.pairs[LOCAL].sides[1]) take_rights(x);
    if (r->status == THETIS_OK) return;
    note(x, IN, "end", r->status);
    x->receiving = x->paused = 0;
    x->ended = r->status != THETIS_ECANCELED;
    x->end = r->status;
}

static void on_closed(thetis_handle *h)
{
    side *x = (side *)h;
    note(x, IN, "closed", 0);
    x->closed = 1;
}

static void on_accept(thetis_listener *gate, thetis_accepted *a)
{
    pair *p = (pair *)gate;
    side *x = &p->sides[1];
    SURE(a->status == THETIS_OK);
    SURE((p == &s.pairs[LOCAL] ? thetis_unix_accept(a, &x->un) : thetis_tcp_accept(a, &x->tcp)) ==
         THETIS_OK);
    x->open = x->connected = 1;
}

/* ---- streams --------------------------------------------------------------------------------- */

static void listen_on(side *x)
{
    if (!x->open || x->receiving || x->ended) return;
    x->receiving = 1;
    SURE(thetis_tcp_recv_start(&x->tcp, on_recv) == THETIS_OK);
}

/* It hears everything that was said to it, the end too. */
static void hear(side *x)
{
    if (!x->open) return;
    if (x->paused) SURE(thetis_tcp_resume(&x->tcp) == THETIS_OK);
    x->paused = 0;
    listen_on(x);
    WAIT(x->ended || x->got == x->peer->offered);
    if (x->peer->shut || (x->peer->closed && !x->peer->open)) WAIT(x->ended);
    note(x, IN, "got", (int64_t)x->got);
}

static void speak(side *x, size_t len)
{
    thetis_unix_send *op = &x->sends[x->sent % 2];
    SURE(thetis_tcp_send(&x->tcp, &op->send, s.bytes + (x->offered & 255), len, on_sent) ==
         THETIS_OK);
}

static void say(side *x, uint64_t size)
{
    side *to = x->peer;
    unsigned before = x->sent;
    int broken = x->ended && x->end == THETIS_ERESET;
    if (!x->open || x->shut || (!to->open && !broken)) return;
    int quiet = !to->receiving || to->paused;
    if (quiet && to->open && to->got != x->offered) return; /* there may be no room for more */
    if (quiet && size > PAUSED_MOST) size = PAUSED_MOST;
    speak(x, (size_t)size);
    if (!broken) x->offered += size;
    WAIT(x->sent == before + 1);
    if (!quiet) hear(to);
}

static void begin_side(side *x, side *peer, unsigned who)
{
    memset(x, 0, sizeof *x);
    x->who = who;
    x->peer = peer;
}

/* A connection; what was queued meanwhile goes out, what was taken back does not. */
static void meet(pair *p, uint64_t size)
{
    side *a = &p->sides[0], *b = &p->sides[1];
    unsigned who = (unsigned)(p - s.pairs) * 4;
    int local = p == &s.pairs[LOCAL];
    if (a->open || b->open) return;
    begin_side(a, b, who);
    begin_side(b, a, who + 2);
    a->open = 1;
    SURE((local ? thetis_unix_connect(s.loop, &a->un, &p->at, on_connect)
                : thetis_tcp_connect(s.loop, &a->tcp, &p->at, on_connect)) == THETIS_OK);
    speak(a, (size_t)size);
    a->offered = size;
    SURE(thetis_tcp_send(&a->tcp, &a->sends[2].send, s.bytes, 100, on_sent) == THETIS_OK);
    note(a, IN, "cancel", thetis_tcp_send_cancel(&a->tcp, &a->sends[2].send));
    listen_on(a);
    WAIT(a->connected && b->connected);
    listen_on(b);
    WAIT(a->sent == 2);
    hear(b);
}

/* Nobody is there: everything ends alike. */
static void meet_nobody(pair *p)
{
    side *x = &p->sides[0];
    thetis_addr nobody = p->at;
    if (x->open || p->sides[1].open) return;
    begin_side(x, &p->sides[1], (unsigned)(p - s.pairs) * 4);
    x->open = 1;
    nobody.port = 1;
    if (p == &s.pairs[LOCAL]) SURE(thetis_addr_parse(&nobody, "unix:/nobody") == THETIS_OK);
    SURE((p == &s.pairs[LOCAL] ? thetis_unix_connect(s.loop, &x->un, &nobody, on_connect)
                               : thetis_tcp_connect(s.loop, &x->tcp, &nobody, on_connect)) ==
         THETIS_OK);
    speak(x, 10);
    listen_on(x);
    WAIT(x->connected && x->ended && x->sent == 1);
    SURE(thetis_tcp_close(&x->tcp, on_closed) == THETIS_OK);
    WAIT(x->closed);
    x->open = 0;
}

static void half_close(side *x)
{
    unsigned before = x->sent;
    int listens;
    if (!x->open || x->shut || !x->peer->open) return;
    if (x->ended && x->end == THETIS_ERESET) return;
    listens = x->peer->receiving && !x->peer->paused;
    x->shut = 1;
    SURE(thetis_tcp_shutdown(&x->tcp, &x->sends[2].send, on_sent) == THETIS_OK);
    WAIT(x->sent == before + 1);
    if (listens) hear(x->peer);
}

static void leave(side *x, int abort)
{
    if (!x->open) return;
    hear(x);
    hear(x->peer);
    SURE((abort ? thetis_tcp_abort(&x->tcp, on_closed) : thetis_tcp_close(&x->tcp, on_closed)) ==
         THETIS_OK);
    WAIT(x->closed);
    x->open = 0;
    hear(x->peer);
}

static void hold(side *x)
{
    if (!x->open || !x->receiving || x->paused) return;
    x->paused = 1;
    note(x, IN, "pause", thetis_tcp_pause(&x->tcp));
}

static void stop(side *x)
{
    if (!x->open || !x->receiving) return;
    note(x, IN, "stop", thetis_tcp_recv_cancel(&x->tcp));
    WAIT(!x->receiving);
}

static void pass_rights(side *x)
{
    const tht_sys *sys = tsm_peers(s.sim);
    unsigned before = x->sent;
    int fd, count = (int)s.rights;
    if (!x->open || x->shut || !x->peer->receiving || x->peer->paused || x->ended) return;
    fd = (int)sys->socket(sys, THETIS_ADDR_V4, THT_DGRAM).n;
    SURE(thetis_unix_send_fds(&x->un, &x->sends[2], s.bytes + (x->offered & 255), 7, &fd, 1,
                              on_sent) == THETIS_OK);
    x->offered += 7;
    WAIT(x->sent == before + 1);
    hear(x->peer);
    thetis_sim_note(s.sim, RIGHTS, "rights", s.rights - (unsigned)count);
    SURE(sys->close(sys, fd).status == THETIS_OK);
}

/* ---- datagrams ------------------------------------------------------------------------------- */

static void on_train(thetis_udp *udp, const thetis_train *train)
{
    port *p = (port *)udp;
    thetis_iov d;
    size_t k = 0;
    if (train->status != THETIS_OK) p->news = train->status;
    while (train->status == THETIS_OK && thetis_train_next(train, &k, &d)) {
        p->count++;
        p->bytes += d.len;
    }
}

static void on_port_closed(thetis_handle *h)
{
    ((port *)h)->closed = 1;
}

static void port_open(port *p)
{
    thetis_addr any = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    memset(p, 0, sizeof *p);
    SURE(thetis_udp_open(s.loop, &p->udp, &any, NULL) == THETIS_OK);
    SURE(thetis_udp_addr(&p->udp, &p->at, NULL) == THETIS_OK);
    SURE(thetis_udp_recv_start(&p->udp, on_train) == THETIS_OK);
}

static void port_close(port *p)
{
    SURE(thetis_udp_close(&p->udp, on_port_closed) == THETIS_OK);
    WAIT(p->closed);
}

static void datagrams(unsigned from, uint64_t size)
{
    port *to = &s.ports[1 - from];
    uint64_t n = 1 + size % 4, before = to->count;
    for (uint64_t i = 0; i < n; i++) {
        size_t len = (size_t)((size + i * 37) % 400);
        thetis_status status = THETIS_EINTR;
        for (int tries = 0; status == THETIS_EINTR && tries < 100; tries++)
            status = thetis_udp_send(&s.ports[from].udp, &to->at, s.bytes, len);
        SURE(status == THETIS_OK);
    }
    WAIT(to->count == before + n);
    thetis_sim_note(s.sim, PORT + (1 - from), "bytes", to->bytes);
}

static void datagram_to_nobody(void)
{
    port *p = &s.ports[2];
    thetis_addr nobody = {.family = THETIS_ADDR_V4, .port = 9, .u.v4 = {127, 0, 0, 1}};
    thetis_status status = THETIS_EINTR;
    if (!has(THETIS_CAP_UDP_ICMP_ERR)) return;
    port_open(p);
    SURE(thetis_udp_connect(&p->udp, &nobody) == THETIS_OK);
    while (status == THETIS_EINTR) status = thetis_udp_send(&p->udp, NULL, "x", 1);
    SURE(status == THETIS_OK);
    WAIT(p->news);
    thetis_sim_note(s.sim, NEWS, "news", (uint64_t)p->news);
    port_close(p);
}

/* ---- timers, messages ------------------------------------------------------------------------ */

static void on_timer(thetis_timer *timer)
{
    thetis_sim_note(s.sim, TIMERS, "timer", (uint64_t)(timer - s.timers));
    s.fired++;
}

static void timers(uint64_t size)
{
    s.fired = 0;
    for (int i = 0; i < 2; i++)
        SURE(thetis_timer_start(&s.timers[i], (1 + (i ? size / 5 : size) % 5) * 1000000, 0) ==
             THETIS_OK);
    WAIT(s.fired == 2);
}

static void on_message(thetis_inbox *inbox, const void *message)
{
    uint64_t value;
    (void)inbox;
    memcpy(&value, message, sizeof value);
    s.heard = s.heard * 31 + value;
    s.messages++;
}

static void on_inbox_closed(thetis_handle *h)
{
    (void)h;
    s.inbox_closed = 1;
}

static void messages(uint64_t size)
{
    unsigned before = s.messages, n = 1 + (unsigned)(size % 5);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t value = size + i;
        SURE(thetis_inbox_send(&s.sender, &value) == THETIS_OK);
    }
    WAIT(s.messages == before + n);
    thetis_sim_note(s.sim, INBOX, "heard", s.heard);
}

static void on_wake(thetis_loop *loop, void *user)
{
    (void)loop;
    (void)user;
    s.woken++;
}

static void wake_up(void)
{
    s.woken = 0;
    thetis_loop_wake(s.loop);
    WAIT(s.woken);
    thetis_sim_note(s.sim, WAKE, "woken", s.woken);
}

/* ---- the script ------------------------------------------------------------------------------ */

enum { MEET, NOBODY, SAY, SAY_MORE, SHUT, CLOSE, RESET, HOLD, STOP, HEAR, PASS, DGRAM, ICMP, TIME,
       TELL, POKE, ACTS };

static void perform(const step *a)
{
    pair *p = &s.pairs[a->pair];
    side *x = &p->sides[a->side];
    if (a->act <= PASS && !p->exists) return;
    switch (a->act) {
    case MEET: meet(p, a->size); break;
    case NOBODY: meet_nobody(p); break;
    case SHUT: half_close(x); break;
    case CLOSE: leave(x, 0); break;
    case RESET: leave(x, 1); break;
    case HOLD: hold(x); break;
    case STOP: stop(x); break;
    case HEAR: hear(x); break;
    case PASS: if (a->pair == LOCAL) pass_rights(x); break;
    case DGRAM: datagrams(a->side, a->size); break;
    case ICMP: datagram_to_nobody(); break;
    case TIME: timers(a->size); break;
    case TELL: messages(a->size); break;
    case POKE: wake_up(); break;
    default: say(x, a->size); break;
    }
}

static void draw(thetis_sim *sim, step script[STEPS])
{
    static const uint64_t sizes[] = {100, 1, 0, 1000, 5000, SEND_MOST};
    for (int i = 0; i < STEPS; i++) {
        script[i].act = (unsigned)thetis_sim_draw(sim, ACTS);
        script[i].pair = (unsigned)thetis_sim_draw(sim, PAIRS);
        script[i].side = (unsigned)thetis_sim_draw(sim, 2);
        script[i].size = sizes[thetis_sim_draw(sim, sizeof sizes / sizeof sizes[0])];
        script[i].size += script[i].size > 1 ? thetis_sim_draw(sim, 50) : 0;
        if (script[i].size > SEND_MOST) script[i].size = SEND_MOST;
    }
}

static void open_gates(void)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    for (int i = 0; i < PAIRS; i++) {
        pair *p = &s.pairs[i];
        p->exists = i != LOCAL || has(THETIS_CAP_UNIX);
        if (!p->exists) continue;
        p->at = at;
        if (i == LOCAL) SURE(thetis_addr_parse(&p->at, "unix:/same") == THETIS_OK);
        SURE((i == LOCAL ? thetis_unix_listen(s.loop, &p->gate, &p->at, NULL, on_accept)
                         : thetis_tcp_listen(s.loop, &p->gate, &p->at, NULL, on_accept)) ==
             THETIS_OK);
        if (i != LOCAL) SURE(thetis_listener_addr(&p->gate, &p->at) == THETIS_OK);
    }
    for (unsigned who = LOCAL * 4; who < PORT && !s.pairs[LOCAL].exists; who++)
        thetis_sim_lack(s.sim, who, "UNIX");
    if (!has(THETIS_CAP_UNIX_FD_PASS)) thetis_sim_lack(s.sim, RIGHTS, "UNIX_FD_PASS");
    if (!has(THETIS_CAP_UDP_ICMP_ERR)) thetis_sim_lack(s.sim, NEWS, "UDP_ICMP_ERR");
}

static void open_all(thetis_sim *sim)
{
    static _Alignas(THETIS_CACHE_LINE) unsigned char ring[THETIS_INBOX_SIZE(8, 16, 1, 1)];
    thetis_inbox_cfg inbox = {.message_size = 8, .capacity = 16, .senders = 1,
                              .on_message = on_message};
    thetis_loop_cfg cfg = {.sys = thetis_sim_sys(sim), .max_handles = 32, .max_timers = 4,
                           .buffers = 4, .buffer_size = 2048, .on_wake = on_wake};
    size_t backends = 0;
    while (thetis_sim_backend(sim, backends)) backends++;
    cfg.backend = thetis_sim_backend(sim, thetis_sim_choose(sim, backends));
    SURE(thetis_loop_create(&cfg, &s.loop) == THETIS_OK);
    thetis_sim_watch(sim, s.loop);
    open_gates();
    port_open(&s.ports[0]);
    port_open(&s.ports[1]);
    for (int i = 0; i < 2; i++) thetis_timer_init(s.loop, &s.timers[i], on_timer);
    SURE(thetis_inbox_open(s.loop, &s.inbox, ring, sizeof ring, &inbox) == THETIS_OK);
    SURE(thetis_inbox_join(&s.inbox, &s.sender) == THETIS_OK);
}

static void close_all(void)
{
    for (int i = 0; i < PAIRS; i++) {
        leave(&s.pairs[i].sides[0], 0);
        leave(&s.pairs[i].sides[1], 0);
        if (s.pairs[i].exists) SURE(thetis_listener_close(&s.pairs[i].gate, NULL) == THETIS_OK);
    }
    port_close(&s.ports[0]);
    port_close(&s.ports[1]);
    SURE(thetis_inbox_close(&s.inbox, on_inbox_closed) == THETIS_OK);
    thetis_inbox_leave(&s.sender);
    WAIT(s.inbox_closed);
    SURE(thetis_loop_run(s.loop) == THETIS_OK);
    thetis_sim_watch(s.sim, NULL);
    SURE(thetis_loop_destroy(s.loop) == THETIS_OK);
}

static void body(thetis_sim *sim)
{
    step script[STEPS];
    memset(&s, 0, sizeof s);
    s.sim = sim;
    for (size_t i = 0; i < sizeof s.bytes; i++) s.bytes[i] = (unsigned char)i;
    draw(sim, script);
    open_all(sim);
    for (int i = 0; i < STEPS; i++) perform(&script[i]);
    close_all();
}

const thetis_sim_scenario scenario_same_script = {
    .name = "same-script", .body = body, .flags = THETIS_SIM_SAME};
