/* SPDX-License-Identifier: MIT
 *
 * scene_udp.c: a conversation of two datagram sockets, see scene.h.
 */
#include "conform/scene.h"

#include <string.h>

#include "conform/plug.h"

enum { TRAIN = 5, SIZE = 100, SINGLES = 3, SCENE_TURNS = 3000 };

typedef struct scene {
    plug a, b;
    int a_open, b_open, a_recv, b_recv, waiting, taken;
    unsigned sent, answered;
    unsigned char bytes[TRAIN * SIZE];
} scene;

static scene s;

int scene_quiet(suite *w, unsigned naps)
{
    static unsigned quiet, seen;
    quiet = w->callbacks == seen ? quiet + 1 : 0;
    seen = w->callbacks;
    if (quiet == naps / 2) the_world->settle(); /* turns may have ended at once */
    return quiet > naps;
}

static int scene_socket(suite *w, plug *x, const thetis_udp_cfg *cfg)
{
    memset(x, 0, sizeof *x);
    x->w = w;
    x->any = 1;
    x->at = suite_local(0);
    if (thetis_udp_open(w->loop, &x->udp, &x->at, cfg) != THETIS_OK) return 0;
    if (thetis_udp_addr(&x->udp, &x->at, NULL) != THETIS_OK) x->at.port = 0;
    return 1;
}

/* b answers each datagram with one byte. */
static void scene_answer(plug *x, const thetis_train *train)
{
    for (size_t n = thetis_train_count(train); n > 0; n--)
        s.answered += thetis_udp_send(&x->udp, train->from, "!", 1) == THETIS_OK;
}

static void scene_open(suite *w)
{
    thetis_udp_cfg all = {.recv_space = 100000, .send_space = 100000, .reuse_addr = 1,
                          .reuse_port = 1, .broadcast = 1, .stamp = 1, .drops = 1};
    all.stamp = thetis_loop_cap(w->loop, THETIS_CAP_UDP_STAMP).level == THETIS_CAP_NATIVE;
    all.drops = thetis_loop_cap(w->loop, THETIS_CAP_UDP_DROPS).level == THETIS_CAP_NATIVE;
    memset(&s, 0, sizeof s);
    s.a_open = scene_socket(w, &s.a, NULL);
    s.b_open = scene_socket(w, &s.b, &all);
    if (!s.a_open || !s.b_open || s.a.at.port == 0 || s.b.at.port == 0) return;
    s.b.on_train = scene_answer;
    s.a_recv = thetis_udp_recv_start(&s.a.udp, plug_on_train) == THETIS_OK;
    s.b_recv = thetis_udp_recv_start(&s.b.udp, plug_on_train) == THETIS_OK;
}

static void scene_send(void)
{
    thetis_dgram batch[1 + SINGLES] = {
        {.data = s.bytes, .len = sizeof s.bytes, .segment = SIZE}, {.data = s.bytes, .len = 1}};
    thetis_status why;
    size_t n;
    batch[2] = batch[3] = batch[1];
    if (thetis_udp_connect(&s.a.udp, &s.b.at) != THETIS_OK) return;
    n = thetis_udp_send_n(&s.a.udp, batch, 1 + SINGLES, &why);
    s.sent = (unsigned)(n ? TRAIN + n - 1 : batch[0].sent / SIZE);
    if (why != THETIS_OK) CHECK(n < 1 + SINGLES);
    s.waiting = thetis_udp_wait_writable(&s.a.udp, plug_on_writable) == THETIS_OK;
}

static int scene_done(void)
{
    return s.a.datagrams == TRAIN + SINGLES && s.b.datagrams == TRAIN + SINGLES && s.a.rooms;
}

static void scene_group(void)
{
    thetis_addr group = {.family = THETIS_ADDR_V4, .u.v4 = {239, 255, 84, 26}};
    int joined = thetis_udp_join(&s.b.udp, &group, 1) == THETIS_OK;
    s.taken = joined && thetis_udp_leave(&s.b.udp, &group, 1) == THETIS_OK;
}

static void scene_close(suite *w)
{
    if (s.b_recv) CHECK_EQ(thetis_udp_recv_cancel(&s.b.udp), THETIS_OK);
    if (s.a_open) plug_shut(&s.a);
    if (s.b_open) plug_shut(&s.b);
    for (int turns = 0; suite_stat(w).handles; turns++) {
        if (turns > SCENE_TURNS) FAIL("%u handles do not close", suite_stat(w).handles);
        suite_turn(w);
    }
    CHECK_EQ(s.a.closes, (unsigned)s.a_open);
    CHECK_EQ(s.b.closes, (unsigned)s.b_open);
    CHECK_EQ(s.a.ends, (unsigned)s.a_recv);
    CHECK_EQ(s.b.ends, (unsigned)s.b_recv);
    CHECK_EQ(s.a.rooms + s.a.room_ends, (unsigned)s.waiting);
}

int scene_udp_play(suite *w)
{
    int went = 0;
    scene_open(w);
    if (s.a_recv && s.b_recv) {
        scene_group();
        scene_send();
        for (int turns = 0; !scene_done() && !scene_quiet(w, 25); turns++) {
            if (turns > SCENE_TURNS) FAIL("the scene does not end");
            suite_turn(w);
        }
        CHECK_EQ(s.b.datagrams, s.sent); /* what was taken arrives, on loopback */
        CHECK_EQ(s.a.datagrams, s.answered);
        went = scene_done() && s.taken && s.a.news + s.b.news == 0;
    }
    scene_close(w);
    return went;
}
