/* SPDX-License-Identifier: MIT
 *
 * conform_loops.c: rows 39 and 40: several loops that serve one port, and connections that go from
 * one to another. The loops take turns on one thread: so the fake kernel can run them, too;
 * tests/stress/stress_loops.c has threads.
 */
#include <thetis/conn.h>
#include <thetis/inbox.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conform/suite.h"

enum { LOOPS = 3, ROOM = 16 };

/* What one loop tells another: a connection, and how much of it has been received. */
typedef struct move {
    thetis_conn conn;
    uint64_t got;
} move;

typedef struct member {
    thetis_inbox inbox; /* first */
    thetis_inbox_sender sender;
    fault shim; /* of its own: a system reports no token to a loop that did not give it */
    thetis_loop *loop;
    gate g;
    wire x;           /* where an arriving connection goes */
    unsigned arrived; /* messages */
    unsigned closes;  /* of the inbox */
    void (*on_move)(struct member *m, move *it); /* instead of attaching to x */
    char memory[THETIS_INBOX_SIZE(sizeof(move), ROOM, 1, 1)] THETIS_CACHE_ALIGNED;
} member;

static member team[LOOPS];
static suite *the_suite;

static void turn_on(thetis_loop *loop, uint64_t timeout_ns)
{
    suite *w = the_suite;
    thetis_loop *own = w->loop;
    w->loop = loop;
    suite_turn_for(w, timeout_ns);
    w->loop = own;
}

/* A nap only if nothing happens: it would hold the other loops up. */
static void turn_all(void)
{
    unsigned before = the_suite->callbacks;
    for (int k = 0; k < LOOPS; k++) turn_on(team[k].loop, 0);
    if (the_suite->callbacks == before) turn_on(team[0].loop, SUITE_NAP_NS);
}

#define ALL_UNTIL(cond)                                                                         \
    do {                                                                                        \
        int left_ = SUITE_TURNS;                                                                \
        while (!(cond)) {                                                                       \
            if (left_-- == 0) FAIL("no end: %s", #cond);                                        \
            turn_all();                                                                         \
        }                                                                                       \
    } while (0)

static void on_message(thetis_inbox *inbox, const void *message)
{
    member *m = (member *)inbox;
    move it = *(const move *)message;
    suite_enter(the_suite);
    m->arrived++;
    if (m->on_move) {
        m->on_move(m, &it);
    } else {
        wire_init(the_suite, &m->x);
        m->x.got = it.got;
        CHECK_EQ(thetis_tcp_attach(m->loop, &m->x.tcp, &it.conn), THETIS_OK);
        CHECK_EQ(thetis_tcp_attach(m->loop, &m->x.tcp, &it.conn), THETIS_EINVAL);
        CHECK_EQ(thetis_conn_close(&it.conn), THETIS_EINVAL);
    }
    suite_leave(the_suite);
}

static void on_inbox_closed(thetis_handle *handle)
{
    ((member *)handle)->closes++;
}

/* A loop that is treated as the suite's is. */
static void member_create(suite *w, member *m)
{
    thetis_loop_cfg cfg = {.sys = &m->shim.sys, .movable = 1};
    fault_init(&m->shim, w->fault.under, test_seed());
    CHECK_EQ(thetis_loop_create(&cfg, &m->loop), THETIS_OK);
    m->shim.eintr_each = w->fault.eintr_each;
    m->shim.short_max = w->fault.short_max;
    m->shim.spurious = w->fault.spurious;
    m->shim.ghosts = w->fault.ghosts;
    m->shim.duplicate = w->fault.duplicate;
}

/* The first loop is the suite's; each has an inbox. */
static void team_open(suite *w)
{
    thetis_inbox_cfg cfg = {.message_size = sizeof(move), .capacity = ROOM, .senders = 1,
                            .on_message = on_message};
    the_suite = w;
    suite_reopen(w, (thetis_loop_cfg){.movable = 1});
    memset(team, 0, sizeof team);
    for (int k = 0; k < LOOPS; k++) {
        member *m = &team[k];
        m->loop = w->loop;
        if (k) member_create(w, m);
        CHECK_EQ(thetis_inbox_open(m->loop, &m->inbox, m->memory, sizeof m->memory, &cfg),
                 THETIS_OK);
        CHECK_EQ(thetis_inbox_join(&m->inbox, &m->sender), THETIS_OK);
        m->g.w = w;
    }
}

static void team_close(void)
{
    for (int k = 0; k < LOOPS; k++) {
        thetis_inbox_leave(&team[k].sender);
        CHECK_EQ(thetis_inbox_close(&team[k].inbox, on_inbox_closed), THETIS_OK);
    }
    ALL_UNTIL(team[0].closes && team[1].closes && team[2].closes);
    for (int k = 1; k < LOOPS; k++) CHECK_EQ(thetis_loop_destroy(team[k].loop), THETIS_OK);
}

static void send_to(member *m, thetis_conn conn, uint64_t got)
{
    move it = {.conn = conn, .got = got};
    CHECK_EQ(thetis_inbox_send(&m->sender, &it), THETIS_OK);
}

/* Takes a connection out of a loop and gives it to another one. */
static void pass_on(wire *x, member *to)
{
    thetis_conn conn;
    CHECK_EQ(thetis_tcp_detach(&x->tcp, &conn, wire_on_closed), THETIS_OK);
    CHECK_EQ(thetis_tcp_detach(&x->tcp, &conn, wire_on_closed), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_close(&x->tcp, NULL), THETIS_EBUSY);
    send_to(to, conn, x->got);
}

static void shut_wire(wire *x)
{
    if (!x->closes) wire_shut(x);
    ALL_UNTIL(x->closes == 1);
}

static void shut_gate(gate *g)
{
    gate_shut(g);
    ALL_UNTIL(g->closes == 1);
}

/* ---- 39 -------------------------------------------------------------------------------------- */

static thetis_status share_port(member *m, thetis_addr *at)
{
    thetis_listen_cfg cfg = {.reuse_port = 1};
    thetis_status s;
    gate_init(the_suite, &m->g, NULL, 0);
    s = thetis_tcp_listen(m->loop, &m->g.listener, at, &cfg, gate_on_accept);
    if (s == THETIS_OK) CHECK_EQ(thetis_listener_addr(&m->g.listener, at), THETIS_OK);
    return s;
}

static unsigned accepts(void)
{
    return team[0].g.accepts + team[1].g.accepts + team[2].g.accepts;
}

/* `n` connections come and go. */
static void knock(const thetis_addr *at, unsigned n)
{
    enum { AT_ONCE = 50 };
    int fds[AT_ONCE];
    unsigned before = accepts();
    for (unsigned done = 0; done < n; done += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++) fds[i] = peer_connect(at);
        ALL_UNTIL(accepts() == before + done + AT_ONCE);
        for (int i = 0; i < AT_ONCE; i++) peer_close(fds[i]);
    }
}

/* With a fair coin for each connection, half of a share is 7 standard deviations away. */
static void row_039_a_shared_port_is_balanced(suite *w)
{
    enum { KNOCKS = 450 };
    thetis_addr at = suite_local(0);
    suite_need(w, THETIS_CAP_LISTEN_BALANCE);
    team_open(w);
    for (int k = 0; k < LOOPS; k++) CHECK_EQ(share_port(&team[k], &at), THETIS_OK);
    knock(&at, KNOCKS);
    for (int k = 0; k < LOOPS; k++) {
        unsigned got = team[k].g.accepts;
        if (got < KNOCKS / LOOPS / 2) FAIL("loop %d has %u of %d connections", k, got, KNOCKS);
    }
    shut_gate(&team[1].g); /* the others go on */
    knock(&at, 50);
    shut_gate(&team[0].g);
    shut_gate(&team[2].g);
    team_close();
}

static void row_039_a_shared_port_is_refused_where_it_is_not(suite *w)
{
    thetis_addr at = suite_local(0);
    int can = thetis_loop_cap(w->loop, THETIS_CAP_LISTEN_BALANCE).level == THETIS_CAP_NATIVE;
    team_open(w);
    CHECK_EQ(share_port(&team[0], &at), can ? THETIS_OK : THETIS_ENOTSUP);
    if (can) {
        CHECK_EQ(share_port(&team[1], &at), THETIS_OK);
        shut_gate(&team[0].g);
        shut_gate(&team[1].g);
    }
    team_close();
}

static void count_and_close(member *m, move *it)
{
    m->g.accepts++;
    CHECK_EQ(thetis_conn_close(&it->conn), THETIS_OK);
    CHECK_EQ(thetis_conn_close(&it->conn), THETIS_EINVAL);
}

/* Who finds an inbox full keeps the connection for himself. */
static void deal(gate *g, thetis_accepted *a)
{
    member *to = &team[(g->accepts - 1) % LOOPS];
    move it = {.got = 0};
    CHECK_EQ(thetis_conn_accept(a, &it.conn), THETIS_OK);
    CHECK_EQ(thetis_conn_accept(a, &it.conn), THETIS_EINVAL);
    CHECK_EQ(thetis_inbox_send(&to->sender, &it), THETIS_OK);
}

static void row_039_one_listener_deals_out(suite *w)
{
    enum { KNOCKS = 36, AT_ONCE = 12 };
    static gate door;
    int fds[AT_ONCE];
    team_open(w);
    for (int k = 0; k < LOOPS; k++) team[k].on_move = count_and_close;
    gate_open(w, &door, NULL, 0);
    door.on_accept = deal;
    for (unsigned round = 1; round <= KNOCKS / AT_ONCE; round++) {
        for (int i = 0; i < AT_ONCE; i++) fds[i] = peer_connect(&door.at);
        ALL_UNTIL(accepts() == round * AT_ONCE);
        for (int i = 0; i < AT_ONCE; i++) peer_close(fds[i]);
    }
    for (int k = 0; k < LOOPS; k++) CHECK_EQ(team[k].g.accepts, KNOCKS / LOOPS);
    shut_gate(&door);
    team_close();
}

/* ---- 40 -------------------------------------------------------------------------------------- */

static void to_the_second(gate *g, thetis_accepted *a)
{
    thetis_conn conn;
    (void)g;
    CHECK_EQ(thetis_conn_accept(a, &conn), THETIS_OK);
    send_to(&team[1], conn, 0);
}

/* It was all there before anybody accepted. */
static void row_040_pending_data_is_not_lost(suite *w)
{
    enum { BYTES = 5000 };
    static gate door;
    member *m = &team[1];
    team_open(w);
    gate_open(w, &door, NULL, 0);
    door.on_accept = to_the_second;
    int fd = peer_connect(&door.at);
    peer_send(fd, 0, BYTES);
    peer_shut(fd);
    the_world->settle();
    ALL_UNTIL(m->arrived == 1);
    turn_all();
    wire_recv(&m->x);
    ALL_UNTIL(m->x.ends == 1);
    CHECK_EQ(m->x.end, THETIS_EOF);
    CHECK_EQ(m->x.got, BYTES);
    shut_wire(&m->x);
    shut_gate(&door);
    peer_close(fd);
    team_close();
}

static void pass_round(wire *x, const thetis_recv *r)
{
    member *to = x->user;
    if (r->status == THETIS_OK) pass_on(x, to);
}

/* Every loop receives something, and passes the stream on in its callback. */
static void row_040_a_stream_goes_round(suite *w)
{
    enum { BYTES = 4000 };
    static wire first;
    wire *x = &first;
    uint64_t back = 0;
    post p = {.on_done = NULL};
    team_open(w);
    suite_need(w, THETIS_CAP_DETACH);
    int fd = wire_pair(w, x);
    peer_send(fd, 0, BYTES);
    for (int k = 0; x->got < BYTES; k++) {
        member *to = &team[k % LOOPS];
        unsigned before = to->arrived;
        x->oneshot = 2; /* once */
        x->want = 1 + suite_rand(w, 600);
        x->on_recv = pass_round;
        x->user = to;
        wire_recv(x);
        ALL_UNTIL(to->arrived == before + 1 && x->closes == 1);
        x = &to->x;
    }
    CHECK_EQ(x->got, BYTES);
    unsigned char bytes[64];
    suite_fill(bytes, 0, sizeof bytes);
    CHECK_EQ(post_send(x, &p, bytes, sizeof bytes), THETIS_OK);
    ALL_UNTIL(p.done == 1);
    while (back < sizeof bytes) {
        turn_all();
        (void)peer_take(fd, &back, sizeof bytes);
    }
    shut_wire(x);
    peer_close(fd);
    team_close();
}

static void pass_when_canceled(wire *x, const thetis_recv *r)
{
    if (r->status == THETIS_ECANCELED) pass_on(x, x->user);
}

static void row_040_a_receive_is_canceled_first(suite *w)
{
    enum { PART = 700, PARTS = 12 };
    static wire first;
    wire *x = &first;
    team_open(w);
    suite_need(w, THETIS_CAP_DETACH);
    int fd = wire_pair(w, x);
    for (int k = 0; k < PARTS; k++) {
        member *to = &team[(k + 1) % LOOPS];
        thetis_conn conn;
        unsigned before = to->arrived;
        uint64_t sent = (uint64_t)(k + 1) * PART;
        x->on_recv = pass_when_canceled;
        x->user = to;
        wire_recv(x);
        peer_send(fd, sent - PART, PART);
        if (k % 2) ALL_UNTIL(x->got == sent); /* or with all of it pending */
        CHECK_EQ(thetis_tcp_detach(&x->tcp, &conn, NULL), THETIS_EBUSY);
        CHECK_EQ(thetis_tcp_recv_cancel(&x->tcp), THETIS_OK);
        CHECK_EQ(thetis_tcp_detach(&x->tcp, &conn, NULL), THETIS_EBUSY);
        ALL_UNTIL(to->arrived == before + 1 && x->closes == 1);
        CHECK_EQ(x->ends, 1);
        x = &to->x;
    }
    wire_recv(x);
    ALL_UNTIL(x->got == PARTS * PART);
    shut_wire(x);
    peer_close(fd);
    team_close();
}

/* Received before, ended before: the next loop is told the same. */
static void row_040_ends_stay_ends(suite *w)
{
    static wire x;
    member *to = &team[1];
    post p = {.on_done = NULL}, q = {.on_done = NULL};
    team_open(w);
    suite_need(w, THETIS_CAP_DETACH);
    int fd = wire_pair(w, &x);
    peer_shut(fd);
    wire_recv(&x);
    ALL_UNTIL(x.ends == 1);
    CHECK_EQ(x.end, THETIS_EOF);
    CHECK_EQ(post_shutdown(&x, &p), THETIS_OK);
    ALL_UNTIL(p.done == 1);
    pass_on(&x, to);
    ALL_UNTIL(to->arrived == 1 && x.closes == 1);
    CHECK_EQ(post_send(&to->x, &q, "x", 1), THETIS_CLOSED);
    wire_recv(&to->x);
    ALL_UNTIL(to->x.ends == 1);
    CHECK_EQ(to->x.end, THETIS_EOF);
    shut_wire(&to->x);
    CHECK_EQ(peer_look(fd), PEER_EOF);
    peer_close(fd);
    team_close();
}

static void row_040_a_stream_that_cannot_go_stays(suite *w)
{
    static wire x;
    thetis_conn conn = {.fd_ = -1};
    int can = thetis_loop_cap(w->loop, THETIS_CAP_DETACH).level == THETIS_CAP_NATIVE;
    int fd = wire_pair(w, &x);
    thetis_status s = thetis_tcp_detach(&x.tcp, &conn, wire_on_closed);
    CHECK_EQ(s, can ? THETIS_OK : THETIS_ENOTSUP);
    if (can) CHECK_EQ(thetis_conn_close(&conn), THETIS_OK);
    else wire_shut(&x);
    UNTIL(w, x.closes == 1);
    CHECK_EQ(peer_look(fd), PEER_EOF);
    peer_close(fd);
}

static void row_040_what_is_in_use_stays(suite *w)
{
    static unsigned char much[1 << 16];
    static wire x, lost;
    thetis_conn conn;
    post p = {.on_done = NULL};
    team_open(w);
    suite_need(w, THETIS_CAP_DETACH);
    suite_bulk(w, sizeof much);
    int fd = wire_pair(w, &x);
    CHECK_EQ(post_send(&x, &p, much, sizeof much), THETIS_OK);
    CHECK_EQ(thetis_tcp_detach(&x.tcp, &conn, NULL), THETIS_EBUSY);
    CHECK_EQ(thetis_tcp_send_cancel(&x.tcp, &p.send), THETIS_OK);
    pass_on(&x, &team[2]); /* its callback still comes, before `closed` */
    CHECK_EQ(p.done, 0);
    ALL_UNTIL(x.closes == 1 && team[2].arrived == 1);
    CHECK_EQ(p.done, 1);
    CHECK(p.stamp < x.stamp);
    shut_wire(&team[2].x);
    CHECK_EQ(thetis_tcp_detach(&team[2].x.tcp, &conn, NULL), THETIS_EBUSY);
    peer_close(fd);
    thetis_addr nobody = suite_local(1);
    wire_init(w, &lost);
    wire_connect(w, &lost, &nobody);
    CHECK_EQ(thetis_tcp_detach(&lost.tcp, &conn, NULL), THETIS_EBUSY);
    ALL_UNTIL(lost.connects == 1);
    CHECK_EQ(thetis_tcp_detach(&lost.tcp, &conn, NULL), THETIS_ENOTCONN);
    shut_wire(&lost);
    team_close();
}

/* The next loop's table is full: the connection is whoever's it was. */
static void row_040_no_place_at_the_next_loop(suite *w)
{
    thetis_loop_cfg small = {.max_handles = 1, .sys = w->fault.under, .movable = 1};
    static wire x, y, taken, again;
    thetis_loop *loop;
    thetis_conn conn, second;
    team_open(w);
    suite_need(w, THETIS_CAP_DETACH);
    CHECK_EQ(thetis_loop_create(&small, &loop), THETIS_OK);
    int fd = wire_pair(w, &x);
    CHECK_EQ(thetis_tcp_detach(&x.tcp, &conn, wire_on_closed), THETIS_OK);
    wire_init(w, &taken);
    wire_init(w, &again);
    CHECK_EQ(thetis_tcp_attach(loop, &taken.tcp, &conn), THETIS_OK);
    int other = wire_pair(w, &y);
    CHECK_EQ(thetis_tcp_detach(&y.tcp, &second, wire_on_closed), THETIS_OK);
    CHECK_EQ(thetis_tcp_attach(loop, &again.tcp, &second), THETIS_ENOSLOT);
    CHECK_EQ(thetis_conn_close(&second), THETIS_OK);
    CHECK_EQ(peer_look(other), PEER_EOF);
    CHECK_EQ(peer_look(fd), PEER_QUIET);
    wire_shut(&taken);
    while (!taken.closes) turn_on(loop, 0);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
    ALL_UNTIL(x.closes == 1 && y.closes == 1);
    peer_close(fd);
    peer_close(other);
    team_close();
}

static void attach_unix(member *m, move *it)
{
    wire_init(the_suite, &m->x);
    m->x.got = it->got;
    CHECK_EQ(thetis_unix_attach(m->loop, &m->x.un, &it->conn), THETIS_OK);
    CHECK_EQ(thetis_unix_attach(m->loop, &m->x.un, &it->conn), THETIS_EINVAL);
}

static void row_040_a_unix_stream(suite *w)
{
    static wire first;
    char name[64];
    thetis_addr at;
    suite_need(w, THETIS_CAP_UNIX);
    team_open(w);
    suite_need(w, THETIS_CAP_DETACH);
    team[1].on_move = attach_unix;
    (void)snprintf(name, sizeof name, "unix:/tmp/thetis-loops-%d", (int)getpid());
    CHECK_EQ(thetis_addr_parse(&at, name), THETIS_OK);
    the_world->forget(at.u.path);
    int listener = peer_socket(THETIS_ADDR_UNIX, THT_STREAM, &at);
    peer_backlog(listener, 4);
    wire_init(w, &first);
    CHECK_EQ(thetis_unix_connect(w->loop, &first.un, &at, wire_on_connect), THETIS_OK);
    ALL_UNTIL(first.connects == 1);
    int fd = peer_accept(listener);
    peer_send(fd, 0, 3000);
    peer_shut(fd);
    pass_on(&first, &team[1]);
    ALL_UNTIL(team[1].arrived == 1);
    wire_recv(&team[1].x);
    ALL_UNTIL(team[1].x.ends == 1);
    CHECK_EQ(team[1].x.got, 3000);
    shut_wire(&team[1].x);
    ALL_UNTIL(first.closes == 1);
    peer_close(fd);
    peer_close(listener);
    the_world->forget(at.u.path);
    team_close();
}

#define CONFORM_GROUP_LOOPS
#include "conform/rows.h"
