/* SPDX-License-Identifier: MIT
 *
 * ports.c: datagram sockets, see stage.h. A datagram carries who sent it and its number there:
 * numbers grow at the receiver; some may be missing.
 */
#include "sim/stage.h"

#include <string.h>

enum { DGRAM_MIN = 24, DGRAM_MAX = 600, FROM_PEER = PORTS };

static void dgram_fill(unsigned char *bytes, size_t len, uint64_t who, uint64_t life,
                       uint64_t number)
{
    memcpy(bytes, &who, 8);
    memcpy(bytes + 8, &number, 8);
    memcpy(bytes + 16, &life, 8);
    for (size_t i = DGRAM_MIN; i < len; i++) bytes[i] = (unsigned char)(number + i);
}

static void dgram_check(port *p, const unsigned char *bytes, size_t len)
{
    uint64_t who, number, life;
    MUST(p->s, len >= DGRAM_MIN);
    memcpy(&who, bytes, 8);
    memcpy(&number, bytes + 8, 8);
    memcpy(&life, bytes + 16, 8);
    MUST(p->s, who <= FROM_PEER);
    if (life == p->from[who]) MUST(p->s, number > p->last[who]);
    p->from[who] = life;
    p->last[who] = number;
    for (size_t i = DGRAM_MIN; i < len; i++) MUST(p->s, bytes[i] == (unsigned char)(number + i));
}

static void on_train(thetis_udp *udp, const thetis_train *train)
{
    port *p = (port *)udp;
    thetis_iov d;
    size_t k = 0;
    MUST(p->s, p->s->in_turn && p->s->depth == 0 && p->open && p->receiving);
    if (train->status == THETIS_ECANCELED) {
        thetis_sim_end(p->s->sim, &p->receiving);
        p->receiving = 0;
        MUST(p->s, p->closing);
    } else if (train->status != THETIS_OK) {
        MUST(p->s, p->s->faulty || (train->status == THETIS_EREFUSED && p->connected));
    }
    while (train->status == THETIS_OK && thetis_train_next(train, &k, &d))
        dgram_check(p, d.data, d.len);
}

static void on_room(thetis_udp *udp, thetis_status status)
{
    port *p = (port *)udp;
    thetis_sim_end(p->s->sim, &p->waiting);
    p->waiting = 0;
    MUST(p->s, status == THETIS_OK || (status == THETIS_ECANCELED && p->closing));
}

static void on_port_closed(thetis_handle *h)
{
    port *p = (port *)h;
    MUST(p->s, p->open && p->closing && !p->receiving && !p->waiting);
    thetis_sim_end(p->s->sim, &p->closing);
    p->open = 0;
}

/* A path stays when its socket is closed: each life has another one. */
static thetis_addr port_place(const port *p)
{
    return stage_place(p->is_unix, 1000 * (p->life + 1) + (uint64_t)(p - p->s->ports));
}

void port_open(port *p, int is_unix)
{
    stage *s = p->s;
    uint64_t life = p->life + 1;
    thetis_status status;
    if (p->open) return;
    memset(p, 0, sizeof *p);
    p->s = s;
    p->life = life;
    p->is_unix = is_unix;
    p->at = port_place(p);
    status = is_unix ? thetis_unix_open(s->loop, &p->udp, &p->at, 0)
                     : thetis_udp_open(s->loop, &p->udp, &p->at, NULL);
    if (status != THETIS_OK) {
        MUST(s, s->faulty);
        return;
    }
    p->open = 1;
    if (!is_unix && thetis_udp_addr(&p->udp, &p->at, NULL) != THETIS_OK) MUST(s, s->faulty);
    thetis_sim_begin(s->sim, &p->receiving, NULL, 0);
    p->receiving = 1;
    MUST(s, thetis_udp_recv_start(&p->udp, on_train) == THETIS_OK);
}

/* To another port of ours, to the peers, or to nobody. */
static thetis_addr port_target(port *p)
{
    uint64_t to = stage_choose(p->s, PORTS + 2);
    thetis_addr nobody = stage_place(p->is_unix, 0);
    nobody.port = p->is_unix ? 0 : 2;
    if (to == 0) return p->s->peer_at[p->is_unix];
    if (to == PORTS + 1) return nobody;
    return p->s->ports[to - 1].at.family == nobody.family ? p->s->ports[to - 1].at : nobody;
}

void port_send(port *p)
{
    unsigned char bytes[4][DGRAM_MAX];
    thetis_dgram batch[4];
    thetis_status why;
    thetis_addr to;
    size_t n;
    if (!p->open || p->closing) return;
    to = port_target(p);
    n = 1 + (size_t)stage_choose(p->s, 4);
    for (size_t i = 0; i < n; i++) {
        size_t len = DGRAM_MIN + (size_t)stage_choose(p->s, DGRAM_MAX - DGRAM_MIN);
        dgram_fill(bytes[i], len, (uint64_t)(p - p->s->ports), p->life, ++p->sent);
        batch[i] = (thetis_dgram){.data = bytes[i], .len = len, .to = p->connected ? NULL : &to};
    }
    n = thetis_udp_send_n(&p->udp, batch, n, &why);
    MUST(p->s, why == THETIS_OK || p->s->faulty || p->connected || why == THETIS_ENOBUFS ||
                   why == THETIS_EINTR || (why == THETIS_EREFUSED && p->is_unix));
    if (stage_choose(p->s, 4) == 3 && !p->waiting) {
        thetis_sim_begin(p->s->sim, &p->waiting, NULL, 0);
        p->waiting = 1;
        MUST(p->s, thetis_udp_wait_writable(&p->udp, on_room) == THETIS_OK);
    }
    if (!p->connected && stage_choose(p->s, 8) == 7)
        p->connected = thetis_udp_connect(&p->udp, &to) == THETIS_OK;
}

/* A group that nobody else is in: joined once, left once. */
void port_group(port *p)
{
    thetis_addr group = {.family = THETIS_ADDR_V4, .u.v4 = {239, 255, 84, 26}};
    thetis_status status;
    if (!p->open || p->closing || p->is_unix) return;
    status = p->joined ? thetis_udp_leave(&p->udp, &group, 0)
                       : thetis_udp_join(&p->udp, &group, 0);
    MUST(p->s, status == THETIS_OK || p->s->faulty);
    if (status == THETIS_OK) p->joined = !p->joined;
}

void port_close(port *p)
{
    if (!p->open || p->closing) return;
    p->closing = 1;
    thetis_sim_begin(p->s->sim, &p->closing, NULL, 0);
    MUST(p->s, thetis_udp_close(&p->udp, on_port_closed) == THETIS_OK);
}

void port_peer_send(stage *s)
{
    unsigned char bytes[DGRAM_MAX];
    port *p = &s->ports[stage_choose(s, PORTS)];
    tht_out out = {.data = bytes, .to = &p->at};
    if (!p->open) return;
    out.len = DGRAM_MIN + (size_t)stage_choose(s, DGRAM_MAX - DGRAM_MIN);
    dgram_fill(bytes, out.len, FROM_PEER, 1, ++s->peer_dgrams);
    (void)s->peers->send_msgs(s->peers, s->peer_ports[p->is_unix], &out, 1);
}

void port_peer_read(stage *s, int is_unix)
{
    unsigned char bytes[DGRAM_MAX];
    thetis_addr from;
    tht_in in = {.into = bytes, .room = sizeof bytes, .from = &from};
    (void)s->peers->recv_msgs(s->peers, s->peer_ports[is_unix], &in, 1);
}
