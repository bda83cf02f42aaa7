/* SPDX-License-Identifier: MIT
 *
 * stress_loops.c: several loops, each on a thread of its own, serve one port under load.
 *
 * Clients are threads with plain sockets: each conversation is a few pieces that must come back as
 * they were, then EOF. Servers echo, and after every piece that they receive the stream may go on
 * at another loop. Loops are started in a group and stopped one by one while clients go on.
 */
#include <thetis/conn.h>
#include <thetis/inbox.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/test.h"

enum { LOOPS = 4, CLIENTS = 4, ROOM = 8, PIECES = 6, PIECE = 700 };

/* ---- a member of the group: one thread, one loop --------------------------------------------- */

typedef struct member member;

typedef struct session {
    thetis_tcp tcp; /* first */
    thetis_send send;
    member *self;
    char bytes[PIECE];
} session;

/* CONN: serve this one; DRAIN: take no more, serve what there is to the end; DIE: drop it. */
typedef enum order { CONN, DRAIN, DIE } order;

typedef struct letter {
    thetis_conn conn;
    order what;
} letter;

struct member {
    thetis_inbox inbox; /* first */
    thetis_listener listener;
    thetis_loop *loop;
    pthread_t thread;
    int listens, deals, dead;
    unsigned next;
    uint64_t rng;
    thetis_inbox_sender to[LOOPS];
    int joined[LOOPS];
    uint64_t accepted, arrived, passed, kept; /* kept: the other loop would not have it */
    thetis_inbox_sender master; /* the test's own place */
    char memory[THETIS_INBOX_SIZE(sizeof(letter), ROOM, LOOPS + 1, 1)] THETIS_CACHE_ALIGNED;
};

static member team[LOOPS];

static void on_recv(thetis_tcp *tcp, const thetis_recv *recv);

static void on_session_closed(thetis_handle *handle)
{
    free(handle);
}

static void session_recv(session *s)
{
    CHECK_EQ(thetis_tcp_recv(&s->tcp, s->bytes, sizeof s->bytes, on_recv), THETIS_OK);
}

static void session_begin(member *m, thetis_conn *conn)
{
    session *s = malloc(sizeof *s);
    CHECK(s != NULL);
    s->self = m;
    CHECK_EQ(thetis_tcp_attach(m->loop, &s->tcp, conn), THETIS_OK);
    session_recv(s);
}

/* To another loop, if that will have it; a member that is leaving is left. */
static void give(member *m, unsigned to, thetis_conn *conn)
{
    letter l = {.conn = *conn, .what = CONN};
    thetis_status s = THETIS_CLOSED;
    if (m->joined[to]) s = thetis_inbox_send(&m->to[to], &l);
    if (s == THETIS_OK) {
        m->passed++;
        return;
    }
    m->kept++;
    if (s == THETIS_CLOSED && m->joined[to]) {
        thetis_inbox_leave(&m->to[to]);
        m->joined[to] = 0;
    }
    session_begin(m, conn);
}

/* What has come back to the client may go on elsewhere. */
static void session_go_on(session *s)
{
    member *m = s->self;
    thetis_conn conn;
    if (test_rand(&m->rng) % 3) {
        session_recv(s);
        return;
    }
    CHECK_EQ(thetis_tcp_detach(&s->tcp, &conn, on_session_closed), THETIS_OK);
    give(m, (unsigned)(test_rand(&m->rng) % LOOPS), &conn);
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    if (send->status == THETIS_OK) session_go_on((session *)tcp);
    else (void)thetis_tcp_close(tcp, on_session_closed); /* EBUSY: aborted */
}

/* Every other piece goes by the queue, so that sends in flight meet those that move. */
static void on_recv(thetis_tcp *tcp, const thetis_recv *recv)
{
    session *s = (session *)tcp;
    size_t sent = 0;
    if (recv->status != THETIS_OK) {
        (void)thetis_tcp_close(tcp, on_session_closed);
    } else if (test_rand(&s->self->rng) % 2 &&
               thetis_tcp_send_try(tcp, recv->data, recv->len, &sent) == THETIS_OK) {
        session_go_on(s);
    } else {
        CHECK_EQ(thetis_tcp_send(tcp, &s->send, s->bytes + sent, recv->len - sent, on_sent),
                 THETIS_OK);
    }
}

static void on_accept(thetis_listener *listener, thetis_accepted *a)
{
    member *m = thetis_handle_user(thetis_listener_handle(listener));
    thetis_conn conn;
    CHECK_EQ(a->status, THETIS_OK);
    CHECK_EQ(thetis_conn_accept(a, &conn), THETIS_OK);
    m->accepted++;
    if (m->deals) give(m, m->next++ % LOOPS, &conn);
    else session_begin(m, &conn);
}

static void abort_each(thetis_handle *handle, void *user)
{
    member *m = user;
    if (handle == thetis_inbox_handle(&m->inbox)) return;
    if (handle == thetis_listener_handle(&m->listener)) return;
    (void)thetis_handle_close(handle, on_session_closed);
}

static void member_leave(member *m, order what)
{
    m->dead = what == DIE;
    if (m->listens) CHECK_EQ(thetis_listener_close(&m->listener, NULL), THETIS_OK);
    if (m->dead) thetis_loop_scan(m->loop, abort_each, m);
    for (int k = 0; k < LOOPS; k++) {
        if (m->joined[k]) thetis_inbox_leave(&m->to[k]);
        m->joined[k] = 0;
    }
    CHECK_EQ(thetis_inbox_close(&m->inbox, NULL), THETIS_OK);
}

static void on_message(thetis_inbox *inbox, const void *message)
{
    member *m = (member *)inbox;
    letter l = *(const letter *)message;
    if (l.what != CONN) {
        member_leave(m, l.what);
        return;
    }
    m->arrived++;
    if (m->dead) CHECK_EQ(thetis_conn_close(&l.conn), THETIS_OK);
    else session_begin(m, &l.conn);
}

static void *member_run(void *arg)
{
    member *m = arg;
    CHECK_EQ(thetis_loop_run(m->loop), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(m->loop), THETIS_OK);
    return NULL;
}

static void member_open(member *m, thetis_addr *at, int listens, int deals)
{
    thetis_listen_cfg shared = {.reuse_port = !deals};
    thetis_loop_cfg cfg = {.movable = 1};
    thetis_inbox_cfg in = {.message_size = sizeof(letter), .capacity = ROOM,
                           .senders = LOOPS + 1, .on_message = on_message};
    memset(m, 0, sizeof *m);
    m->listens = listens;
    m->deals = deals;
    m->rng = test_seed() + (uint64_t)(m - team);
    CHECK_EQ(thetis_loop_create(&cfg, &m->loop), THETIS_OK);
    CHECK_EQ(thetis_inbox_open(m->loop, &m->inbox, m->memory, sizeof m->memory, &in), THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&m->inbox, &m->master), THETIS_OK);
    if (!listens) return;
    CHECK_EQ(thetis_tcp_listen(m->loop, &m->listener, at, &shared, on_accept), THETIS_OK);
    thetis_handle_set_user(thetis_listener_handle(&m->listener), m);
    CHECK_EQ(thetis_listener_addr(&m->listener, at), THETIS_OK);
}

static void team_start(thetis_addr *at, int deals)
{
    for (int k = 0; k < LOOPS; k++) member_open(&team[k], at, !deals || k == 0, deals);
    for (int k = 0; k < LOOPS; k++) {
        for (int j = 0; j < LOOPS; j++) {
            CHECK_EQ(thetis_inbox_join(&team[j].inbox, &team[k].to[j]), THETIS_OK);
            team[k].joined[j] = 1;
        }
    }
    for (int k = 0; k < LOOPS; k++) {
        CHECK_EQ(pthread_create(&team[k].thread, NULL, member_run, &team[k]), 0);
    }
}

static void member_order(member *m, order what)
{
    letter l = {.what = what};
    while (thetis_inbox_send(&m->master, &l) != THETIS_OK) (void)sched_yield();
    thetis_inbox_leave(&m->master);
}

/* ---- clients --------------------------------------------------------------------------------- */

static thetis_atomic total; /* conversations to the end */

typedef struct client {
    pthread_t thread;
    uint16_t port;
    size_t times;
    uint64_t rng;
    int loses;             /* a loop that goes may take connections with it: by a reset, or */
    int drops;             /* by an early EOF, if it has read all that came */
    uint64_t spoken, lost;
} client;

/* 1: the piece came back; 0: the connection is lost. Other bytes than sent fail. */
static int talk(const client *c, int fd, uint64_t *rng)
{
    char out[PIECE], in[PIECE];
    size_t len = 1 + test_rand(rng) % PIECE;
    for (size_t i = 0; i < len; i++) out[i] = (char)test_rand(rng);
    if (send(fd, out, len, MSG_NOSIGNAL) != (ssize_t)len) return 0;
    for (size_t got = 0; got < len;) {
        ssize_t n = recv(fd, in + got, len - got, 0);
        if (n < 0 && (errno == ECONNRESET || errno == EPIPE)) return 0;
        if (n == 0 && c->drops) return 0;
        CHECK(n > 0);
        got += (size_t)n;
    }
    CHECK_EQ(memcmp(in, out, len), 0);
    return 1;
}

static int converse(client *c)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(c->port)};
    char byte;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), well = 0;
    CHECK(fd >= 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
        well = 1;
        for (int k = 0; well && k < PIECES; k++) well = talk(c, fd, &c->rng);
        if (well) well = shutdown(fd, SHUT_WR) == 0 && recv(fd, &byte, 1, 0) == 0;
    }
    CHECK_EQ(close(fd), 0);
    return well;
}

static void *client_run(void *arg)
{
    client *c = arg;
    while (c->spoken < c->times) {
        if (converse(c)) {
            c->spoken++;
            (void)thetis_atomic_fetch_add_relaxed(&total, 1);
        } else {
            CHECK(c->loses);
            c->lost++;
        }
    }
    return NULL;
}

static void clients_start(client *clients, uint16_t port, size_t times, int loses, int drops)
{
    thetis_atomic_store_relaxed(&total, 0);
    for (unsigned k = 0; k < CLIENTS; k++) {
        clients[k] = (client){.port = port, .times = times,
                              .loses = loses, .drops = drops, .rng = test_seed() ^ (k * 77u + 1)};
        CHECK_EQ(pthread_create(&clients[k].thread, NULL, client_run, &clients[k]), 0);
    }
}

static void wait_for(size_t conversations)
{
    while (thetis_atomic_load_relaxed(&total) < conversations) (void)usleep(200);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static size_t open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;
    if (!dir) SKIP_ENVIRONMENT("/proc is missing");
    while (readdir(dir)) count++;
    (void)closedir(dir);
    return count;
}

static void need_balance(void)
{
    thetis_loop *loop;
    CHECK_EQ(thetis_loop_create(NULL, &loop), THETIS_OK);
    int has = thetis_loop_cap(loop, THETIS_CAP_LISTEN_BALANCE).level == THETIS_CAP_NATIVE;
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
    if (!has) SKIP_UNSUPPORTED("LISTEN_BALANCE");
}

/* All members but the first go one after the other, under load; the first serves on. */
static void serve(int deals, order last_order, int loses)
{
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    client clients[CLIENTS];
    size_t times = test_scale(400), all = times * CLIENTS, fds = open_fds();
    uint64_t passed = 0, arrived = 0, lost = 0, accepted = 0;
    team_start(&at, deals);
    clients_start(clients, at.port, times, loses, last_order == DIE);
    for (int k = 1; k < LOOPS; k++) {
        wait_for(all * (size_t)k / (LOOPS + 1));
        member_order(&team[k], last_order);
    }
    for (int k = 0; k < CLIENTS; k++) {
        CHECK_EQ(pthread_join(clients[k].thread, NULL), 0);
        lost += clients[k].lost;
    }
    member_order(&team[0], DRAIN);
    for (int k = 0; k < LOOPS; k++) {
        CHECK_EQ(pthread_join(team[k].thread, NULL), 0);
        passed += team[k].passed;
        arrived += team[k].arrived;
        accepted += team[k].accepted;
    }
    CHECK_EQ(thetis_atomic_load_relaxed(&total), all);
    CHECK_EQ(passed, arrived); /* what was sent has come, also to those that were leaving */
    CHECK(accepted >= all && accepted <= all + lost);
    if (all >= 100) CHECK(passed > all);
    CHECK_EQ(open_fds(), fds);
}

TEST(one_listener_deals_out_and_loops_leave)
{
    serve(1, DRAIN, 0); /* no client notices */
}

TEST(loops_share_a_port_and_leave)
{
    need_balance();
    serve(0, DRAIN, 1); /* but those that wait in the backlog of a listener that goes */
}

TEST(loops_are_killed)
{
    serve(1, DIE, 1);
}

/* ---- start and stop -------------------------------------------------------------------------- */

static struct {
    thetis_loop *first, *second;
    thetis_listener listener;
    thetis_tcp ours, theirs;
    thetis_inbox inbox;
    thetis_inbox_sender sender;
    char byte, answer;
    char memory[THETIS_INBOX_SIZE(sizeof(thetis_conn), 1, 1, 1)] THETIS_CACHE_ALIGNED;
} pair;

static void on_cut(thetis_tcp *tcp, const thetis_recv *recv)
{
    CHECK_EQ(recv->status, THETIS_ERESET);
    CHECK_EQ(thetis_tcp_close(tcp, NULL), THETIS_OK);
    CHECK_EQ(thetis_inbox_close(&pair.inbox, NULL), THETIS_OK);
}

static void on_pair_message(thetis_inbox *inbox, const void *message)
{
    thetis_conn conn = *(const thetis_conn *)message;
    size_t sent;
    (void)inbox;
    CHECK_EQ(thetis_tcp_attach(pair.second, &pair.theirs, &conn), THETIS_OK);
    CHECK_EQ(thetis_tcp_send_try(&pair.theirs, "x", 1, &sent), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv(&pair.theirs, &pair.byte, 1, on_cut), THETIS_OK);
}

static void on_answer(thetis_tcp *tcp, const thetis_recv *recv)
{
    CHECK(recv->status == THETIS_OK && pair.answer == 'x');
    CHECK_EQ(thetis_tcp_abort(tcp, NULL), THETIS_OK); /* leaves no address in use */
}

static void on_pair_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    (void)os;
    CHECK_EQ(status, THETIS_OK);
    CHECK_EQ(thetis_tcp_recv(tcp, &pair.answer, 1, on_answer), THETIS_OK);
}

static void on_pair_accept(thetis_listener *listener, thetis_accepted *a)
{
    thetis_conn conn;
    CHECK_EQ(thetis_conn_accept(a, &conn), THETIS_OK);
    CHECK_EQ(thetis_inbox_send(&pair.sender, &conn), THETIS_OK);
    thetis_inbox_leave(&pair.sender);
    CHECK_EQ(thetis_listener_close(listener, NULL), THETIS_OK);
}

static void *run_second(void *arg)
{
    (void)arg;
    CHECK_EQ(thetis_loop_run(pair.second), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(pair.second), THETIS_OK);
    return NULL;
}

static void start_and_stop(void)
{
    thetis_loop_cfg cfg = {.max_handles = 4, .max_timers = 4, .buffers = 1, .buffer_size = 64};
    thetis_addr at = {.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    thetis_inbox_cfg in = {.message_size = sizeof(thetis_conn), .capacity = 1, .senders = 1,
                           .on_message = on_pair_message};
    pthread_t thread;
    CHECK_EQ(thetis_loop_create(&cfg, &pair.first), THETIS_OK);
    CHECK_EQ(thetis_loop_create(&cfg, &pair.second), THETIS_OK);
    CHECK_EQ(thetis_inbox_open(pair.second, &pair.inbox, pair.memory, sizeof pair.memory, &in),
             THETIS_OK);
    CHECK_EQ(thetis_inbox_join(&pair.inbox, &pair.sender), THETIS_OK);
    CHECK_EQ(thetis_tcp_listen(pair.first, &pair.listener, &at, NULL, on_pair_accept), THETIS_OK);
    CHECK_EQ(thetis_listener_addr(&pair.listener, &at), THETIS_OK);
    CHECK_EQ(thetis_tcp_connect(pair.first, &pair.ours, &at, on_pair_connect), THETIS_OK);
    CHECK_EQ(pthread_create(&thread, NULL, run_second, NULL), 0);
    CHECK_EQ(thetis_loop_run(pair.first), THETIS_OK); /* until nothing is open */
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(thetis_loop_destroy(pair.first), THETIS_OK);
}

TEST(two_loops_start_and_stop_ten_thousand_times)
{
    size_t fds = open_fds();
    for (size_t k = test_scale(10000); k > 0; k--) start_and_stop();
    CHECK_EQ(open_fds(), fds);
}

TEST_MAIN(T(one_listener_deals_out_and_loops_leave, .timeout_s = 60),
          T(loops_share_a_port_and_leave, .timeout_s = 60), T(loops_are_killed, .timeout_s = 60),
          T(two_loops_start_and_stop_ten_thousand_times, .timeout_s = 60))
