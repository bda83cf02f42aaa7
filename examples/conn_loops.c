/* SPDX-License-Identifier: MIT
 *
 * conn_loops.c: an echo server of several loops on one port, each on a thread of its own.
 *
 *     $ ./conn_loops 127.0.0.1:7000 4           serves until SIGTERM ends it
 *     $ ./conn_loops 127.0.0.1:7000 4 deal      as on systems that do not deal connections out
 * Where the system deals, every loop listens. Elsewhere the first, which deals by messages.
 */
#include <thetis/conn.h>
#include <thetis/inbox.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOPS_MAX = 64, ROOM = 256 };
typedef struct server {
    thetis_inbox inbox; /* first; for connections that the first loop has accepted */
    thetis_listener listener;
    thetis_loop *loop;
    thetis_inbox_sender sender; /* of the first loop */
    unsigned served;
    char memory[THETIS_INBOX_SIZE(sizeof(thetis_conn), ROOM, 1, 1)] THETIS_CACHE_ALIGNED;
} server;

static server servers[LOOPS_MAX];
static int loops, next, shared; /* shared: the system deals */

static void on_closed(thetis_handle *handle)
{
    free(handle);
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    size_t n;
    if (r->status != THETIS_OK || thetis_tcp_send_try(tcp, r->data, r->len, &n) != THETIS_OK)
        (void)thetis_tcp_close(tcp, on_closed);
}

static void on_message(thetis_inbox *inbox, const void *message)
{
    server *s = (server *)inbox;
    thetis_conn c = *(const thetis_conn *)message;
    thetis_tcp *tcp = malloc(sizeof *tcp);
    if (!tcp || thetis_tcp_attach(s->loop, tcp, &c) != THETIS_OK) (void)thetis_conn_close(&c);
    else if (thetis_tcp_recv_start(tcp, on_recv) != THETIS_OK) abort();
    s->served++;
}

static void on_accept(thetis_listener *listener, thetis_accepted *accepted)
{
    server *self = thetis_handle_user(thetis_listener_handle(listener));
    server *s = shared ? self : &servers[next++ % loops];
    thetis_conn c;
    if (thetis_conn_accept(accepted, &c) != THETIS_OK) return; /* a lack that will pass */
    if (s == self || thetis_inbox_send(&s->sender, &c) != THETIS_OK) on_message(&self->inbox, &c);
}

static int open_server(server *s, const thetis_addr *at, int deal)
{
    thetis_inbox_cfg in = {.message_size = sizeof(thetis_conn), .capacity = ROOM, .senders = 1,
                           .on_message = on_message};
    if (thetis_loop_create(NULL, &s->loop) ||
        thetis_inbox_open(s->loop, &s->inbox, s->memory, sizeof s->memory, &in) ||
        thetis_inbox_join(&s->inbox, &s->sender)) return 0;
    int can = thetis_loop_cap(s->loop, THETIS_CAP_LISTEN_BALANCE).level > THETIS_CAP_ABSENT;
    if (s == &servers[loops - 1]) shared = can && !deal; /* the first: before all threads */
    thetis_listen_cfg cfg = {.reuse_port = shared};
    if (!shared && s != servers) return 1;
    if (thetis_tcp_listen(s->loop, &s->listener, at, &cfg, on_accept) != THETIS_OK) return 0;
    thetis_handle_set_user(thetis_listener_handle(&s->listener), s);
    return 1;
}

static void *run(void *arg)
{
    if (thetis_loop_run(((server *)arg)->loop) != THETIS_OK) abort();
    return printf("served %u\n", ((server *)arg)->served), NULL;
}

static void on_signal(int n)
{
    for (int k = 0; n && k < loops; k++) thetis_loop_stop(servers[k].loop);
}

int main(int argc, char **argv)
{
    pthread_t thread[LOOPS_MAX];
    thetis_addr at;
    loops = argc > 2 ? atoi(argv[2]) : 0;
    if (loops < 1 || loops > LOOPS_MAX || thetis_addr_parse(&at, argv[1])) return 2;
    for (int k = loops; k-- > 0;) /* who deals comes last */
        if (!open_server(&servers[k], &at, argc > 3) ||
            pthread_create(&thread[k], NULL, run, &servers[k]) != 0) return 1;
    (void)signal(SIGTERM, on_signal);
    for (int k = 0; k < loops; k++) (void)pthread_join(thread[k], NULL);
    return 0;
}
