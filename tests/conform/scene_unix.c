/* SPDX-License-Identifier: MIT
 *
 * scene_unix.c: a unix stream with descriptors and a unix datagram, see scene.h.
 */
#include "conform/scene.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conform/plug.h"

enum { SCENE_TURNS = 3000 };

typedef struct scene {
    wire a, b;
    gate gate;
    plug from, to;
    thetis_unix_send op;
    unsigned descriptors;
    int listening, dialed, taken, sending, from_open, to_open, receiving, sent;
} scene;

static scene s;

static void scene_name(suite *w, thetis_addr *at)
{
    char text[THETIS_ADDR_TEXT_MAX];
    const char *form = the_world->abstract_names ? "unix:@thetis-scene-%d-%u"
                                                 : "unix:/thetis-scene-%d-%u";
    (void)snprintf(text, sizeof text, form, (int)getpid(), w->callbacks);
    the_world->forget(text + 5); /* of an earlier play */
    CHECK_EQ(thetis_addr_parse(at, text), THETIS_OK);
}

/* Takes one of two descriptors; the other is the loop's to close. */
static void scene_received(wire *x, const thetis_recv *r)
{
    int fd;
    if (r->status != THETIS_OK || thetis_unix_recv_fd(&x->un, &fd) != THETIS_OK) return;
    s.descriptors++;
    peer_close(fd);
}

static void scene_on_accept(thetis_listener *listener, thetis_accepted *a)
{
    gate *g = (gate *)listener;
    suite_enter(g->w);
    if (a->status == THETIS_OK && !s.taken) {
        wire_init(g->w, &s.b);
        s.b.unverified = 1;
        s.b.on_recv = scene_received;
        s.taken = thetis_unix_accept(a, &s.b.un) == THETIS_OK;
        if (s.taken) wire_recv(&s.b);
    }
    suite_leave(g->w);
}

static void scene_sent(thetis_tcp *tcp, thetis_send *send)
{
    (void)tcp;
    (void)send;
    CHECK_EQ(s.sending, 1);
    s.sending = 2;
}

static void scene_connected(wire *x)
{
    static int fds[2];
    if (x->connected != THETIS_OK) return;
    fds[0] = fds[1] = the_world->spare;
    s.sending = thetis_unix_send_fds(&x->un, &s.op, "ab", 2, fds, 2, scene_sent) == THETIS_OK;
}

static void scene_stream(suite *w)
{
    thetis_addr at;
    scene_name(w, &at);
    gate_init(w, &s.gate, NULL, 0);
    s.listening =
        thetis_unix_listen(w->loop, &s.gate.listener, &at, NULL, scene_on_accept) == THETIS_OK;
    if (!s.listening) return;
    wire_init(w, &s.a);
    s.a.on_connect = scene_connected;
    s.dialed = thetis_unix_connect(w->loop, &s.a.un, &at, wire_on_connect) == THETIS_OK;
}

static void scene_datagram(suite *w)
{
    thetis_addr at;
    scene_name(w, &at);
    at.u.path[1] = 'd';
    the_world->forget(at.u.path);
    s.from.w = s.to.w = w;
    s.to.any = 1;
    s.from_open = thetis_unix_open(w->loop, &s.from.udp, NULL, 0) == THETIS_OK;
    s.to_open = thetis_unix_open(w->loop, &s.to.udp, &at, 100000) == THETIS_OK;
    if (!s.from_open || !s.to_open) return;
    s.receiving = thetis_udp_recv_start(&s.to.udp, plug_on_train) == THETIS_OK;
    s.sent = thetis_udp_send(&s.from.udp, &at, "x", 1) == THETIS_OK;
}

static int scene_done(void)
{
    return s.b.got == 2 && s.descriptors && s.sending == 2 && s.to.datagrams == 1;
}

static void scene_close(suite *w)
{
    if (s.dialed) wire_shut(&s.a);
    if (s.taken) wire_shut(&s.b);
    if (s.listening) gate_shut(&s.gate);
    if (s.from_open) plug_shut(&s.from);
    if (s.to_open) plug_shut(&s.to);
    for (int turns = 0; suite_stat(w).handles; turns++) {
        if (turns > SCENE_TURNS) FAIL("%u handles do not close", suite_stat(w).handles);
        suite_turn(w);
    }
    CHECK_EQ(s.a.connects, (unsigned)s.dialed);
    CHECK_EQ(s.a.closes, (unsigned)s.dialed);
    CHECK_EQ(s.b.ends, (unsigned)s.taken);
    CHECK_EQ(s.b.closes, (unsigned)s.taken);
    CHECK(s.sending != 1);
    CHECK_EQ(s.to.ends, (unsigned)s.receiving);
}

int scene_unix_play(suite *w)
{
    int went;
    memset(&s, 0, sizeof s);
    scene_stream(w);
    scene_datagram(w);
    for (int turns = 0; !scene_done() && !scene_quiet(w, 25); turns++) {
        if (turns > SCENE_TURNS) FAIL("the scene does not end");
        suite_turn(w);
    }
    went = scene_done() && s.sent && s.to.news == 0;
    scene_close(w);
    return went;
}
