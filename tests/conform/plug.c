/* SPDX-License-Identifier: MIT
 *
 * plug.c: datagram sockets for the conformance suite, see plug.h.
 */
#include "conform/plug.h"

#include <string.h>

/* ---- ours ------------------------------------------------------------------------------------ */

static void plug_account(plug *x, const thetis_train *train)
{
    thetis_iov d;
    size_t k = 0, sum = 0;
    x->trains++;
    x->long_trains += thetis_train_count(train) > 1;
    x->cuts += train->cut;
    x->from = *train->from;
    x->stamp = train->stamp;
    x->drops = train->drops;
    while (thetis_train_next(train, &k, &d)) {
        if (!x->any) suite_verify(d.data, x->next, d.len);
        if (x->lens) CHECK_EQ(d.len, x->lens[x->next]);
        x->next++;
        x->datagrams++;
        sum += d.len;
    }
    CHECK_EQ(k, thetis_train_count(train));
    CHECK_EQ(sum, train->len);
}

void plug_on_train(thetis_udp *udp, const thetis_train *train)
{
    plug *x = (plug *)udp;
    suite_enter(x->w);
    CHECK_EQ(x->closes, 0);
    if (x->shut) CHECK_EQ(train->status, THETIS_ECANCELED);
    if (train->status == THETIS_OK) {
        CHECK_EQ(train->os, 0);
        plug_account(x, train);
    } else {
        CHECK(train->status < 0);
        CHECK(train->len == 0 && train->from == NULL && thetis_train_count(train) == 0);
        if (train->status == THETIS_ECANCELED) {
            x->ends++;
        } else {
            x->news++;
            x->told = train->status;
        }
    }
    if (x->on_train) x->on_train(x, train);
    suite_leave(x->w);
}

void plug_on_writable(thetis_udp *udp, thetis_status status)
{
    plug *x = (plug *)udp;
    suite_enter(x->w);
    CHECK_EQ(x->closes, 0);
    CHECK_EQ(status, x->shut ? THETIS_ECANCELED : THETIS_OK);
    x->rooms += status == THETIS_OK;
    x->room_ends += status != THETIS_OK;
    if (status == THETIS_OK && x->on_room) x->on_room(x);
    suite_leave(x->w);
}

void plug_on_closed(thetis_handle *handle)
{
    plug *x = (plug *)handle;
    suite_enter(x->w);
    CHECK_EQ(x->closes, 0);
    x->closes++;
    suite_leave(x->w);
}

void plug_open_at(suite *w, plug *x, const char *at, const thetis_udp_cfg *cfg)
{
    memset(x, 0, sizeof *x);
    x->w = w;
    CHECK_EQ(thetis_addr_parse(&x->at, at), THETIS_OK);
    thetis_status s = thetis_udp_open(w->loop, &x->udp, &x->at, cfg);
    if (s == THETIS_EADDRNOTAVAIL || s == THETIS_ENOTSUP) SKIP_ENVIRONMENT("no such local address");
    CHECK_EQ(s, THETIS_OK);
    CHECK_EQ(thetis_udp_addr(&x->udp, &x->at, NULL), THETIS_OK);
    CHECK(x->at.port != 0);
}

void plug_open(suite *w, plug *x)
{
    const thetis_udp_cfg cfg = {.send_space = PLUG_SPACE, .recv_space = PLUG_SPACE};
    plug_open_at(w, x, "127.0.0.1:0", &cfg);
}

void plug_recv(plug *x)
{
    CHECK_EQ(thetis_udp_recv_start(&x->udp, plug_on_train), THETIS_OK);
}

void plug_send(plug *x, const thetis_addr *to, uint64_t *k, size_t n, size_t len)
{
    unsigned char bytes[65536];
    for (; n > 0; n--, ++*k) {
        suite_fill(bytes, *k, len);
        CHECK_EQ(thetis_udp_send(&x->udp, to, bytes, len), THETIS_OK);
    }
}

void plug_batch(thetis_dgram *batch, unsigned char (*bytes)[32], const thetis_addr *to,
                uint64_t k, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = (k + i) % 32;
        suite_fill(bytes[i], k + i, len);
        batch[i] = (thetis_dgram){.data = bytes[i], .len = len, .to = to, .sent = 77};
    }
}

void plug_shut(plug *x)
{
    x->shut = 1;
    CHECK_EQ(thetis_udp_close(&x->udp, plug_on_closed), THETIS_OK);
}

void plug_close(plug *x)
{
    plug_shut(x);
    UNTIL(x->w, x->closes == 1);
}

/* ---- peers ----------------------------------------------------------------------------------- */

int peer_udp(const char *at, thetis_addr *name)
{
    const tht_sys *sys = the_world->peers();
    CHECK_EQ(thetis_addr_parse(name, at), THETIS_OK);
    int fd = peer_socket((thetis_addr_family)name->family, THT_DGRAM, name);
    CHECK_EQ(sys->setopt(sys, fd, THT_OPT_SEND_SPACE, PLUG_SPACE).status, THETIS_OK);
    CHECK_EQ(sys->setopt(sys, fd, THT_OPT_RECV_SPACE, PLUG_SPACE).status, THETIS_OK);
    *name = peer_addr(fd);
    return fd;
}

void peer_udp_send(int fd, const thetis_addr *to, uint64_t k, size_t len)
{
    const tht_sys *sys = the_world->peers();
    unsigned char bytes[65536];
    suite_fill(bytes, k, len);
    CHECK_EQ(sys->send_msgs(sys, fd, &(tht_out){.data = bytes, .len = len, .to = to}, 1).n, 1);
}

ptrdiff_t peer_udp_take(int fd, uint64_t k)
{
    const tht_sys *sys = the_world->peers();
    unsigned char bytes[65536];
    thetis_addr from;
    tht_in in = {.into = bytes, .room = sizeof bytes, .from = &from};
    tht_ret r = sys->recv_msgs(sys, fd, &in, 1);
    if (r.status == THETIS_AGAIN) {
        the_world->settle();
        r = sys->recv_msgs(sys, fd, &in, 1);
    }
    if (r.status == THETIS_AGAIN) return -1;
    CHECK_EQ(r.status, THETIS_OK);
    suite_verify(bytes, k, in.len);
    return (ptrdiff_t)in.len;
}

void peer_udp_expect(int fd, const size_t *lens, size_t n)
{
    for (uint64_t k = 0; k < n; k++) CHECK_EQ(peer_udp_take(fd, k), lens[k]);
    CHECK_EQ(peer_udp_take(fd, n), -1);
}
