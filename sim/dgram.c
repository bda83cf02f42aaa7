/* SPDX-License-Identifier: MIT
 *
 * dgram.c: datagrams of UDP and unix sockets.
 *
 * UDP never says that it is full: what finds no room at the receiver is lost, and a connected
 * sender learns later that nobody is there. A unix datagram finds its receiver at once.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

enum { DGRAM_MOST = 65507 };
#define EPOCH_NS UINT64_C(1800000000000000000) /* of arrival times */

/* ---- receiving ------------------------------------------------------------------------------- */

static size_t message_cost(const thetis_sim *sim, const sim_message *m)
{
    return m->len + sim->person->dgram_overhead;
}

static sim_message *message_take(thetis_sim *sim, sim_dgram *d)
{
    sim_message *m = d->first;
    d->first = m->next;
    if (d->first == NULL) d->last = NULL;
    d->used -= message_cost(sim, m);
    d->count--;
    return m;
}

static void message_read(thetis_sim *sim, sim_dgram *d, tht_in *in)
{
    sim_message *m = message_take(sim, d);
    in->len = m->len < in->room ? m->len : in->room;
    in->cut = m->len > in->room;
    in->segment = m->segment;
    in->drops = d->drops ? m->drops : 0;
    in->stamp = d->stamp ? m->stamp : 0;
    *in->from = m->from;
    memcpy(in->into, m->bytes, in->len);
    tsm_watch_write(sim, in->into, in->len);
    tsm_rights_free(sim, m->rights);
    free(m);
}

tht_ret tsm_dgram_recv(thetis_sim *sim, sim_file *f, tht_in *in, uint32_t n)
{
    sim_error e = f->error;
    uint32_t got = 0;
    if (e) {
        f->error = SIM_E_NONE;
        sim->progress = 1;
        return tsm_error(sim, e);
    }
    if (n > 1 && tsm_chance(sim, sim->cfg.cuts)) n = 1 + (uint32_t)tsm_choose(sim, n);
    while (got < n && f->u.d.first) message_read(sim, &f->u.d, &in[got++]);
    sim->progress |= got != 0;
    return got ? tsm_done(got) : tsm_error(sim, SIM_E_AGAIN);
}

/* ---- delivering ------------------------------------------------------------------------------ */

static sim_message *message_new(const void *bytes, size_t len, const thetis_addr *from)
{
    sim_message *m = tsm_alloc(sizeof *m + len);
    m->from = *from;
    m->len = len;
    if (len) memcpy(m->bytes, bytes, len);
    return m;
}

static void message_append(thetis_sim *sim, sim_file *to, sim_message *m)
{
    sim_dgram *d = &to->u.d;
    size_t space = d->recv_space ? d->recv_space : sim->person->dgram_space;
    if (d->used + message_cost(sim, m) > space && d->used) {
        d->dropped++;
        tsm_rights_free(sim, m->rights);
        free(m);
        return;
    }
    m->stamp = EPOCH_NS + sim->now;
    m->drops = d->dropped;
    if (d->last) d->last->next = m;
    else d->first = m;
    d->last = m;
    d->count++;
    d->used += message_cost(sim, m);
    tsm_poller_touch(to);
}

/* To one receiver: as it was sent, or cut into its datagrams. */
static void deliver(thetis_sim *sim, sim_file *to, const sim_message *m)
{
    size_t piece = m->segment && !to->u.d.gro ? m->segment : m->len;
    size_t at = 0;
    do {
        size_t len = m->len - at < piece ? m->len - at : piece;
        sim_message *part = message_new(m->bytes + at, len, &m->from);
        if (len > m->segment) part->segment = m->segment;
        message_append(sim, to, part);
        at += len;
    } while (at < m->len);
}

static int in_group(const sim_file *f, const thetis_addr *to)
{
    for (int i = 0; i < SIM_GROUPS; i++) {
        const thetis_addr *g = &f->u.d.groups[i];
        if (g->family == to->family && memcmp(g->u.v6, to->u.v6, g->family == THETIS_ADDR_V4
                                                                     ? 4 : 16) == 0)
            return 1;
    }
    return 0;
}

static void deliver_to_group(thetis_sim *sim, const thetis_addr *to, const sim_message *m)
{
    for (sim_file *f = sim->files; f; f = f->next) {
        if (f->kind != SIM_DGRAM || !f->bound || f->refs == 0) continue;
        if (f->local.port == to->port && in_group(f, to)) deliver(sim, f, m);
    }
}

/* A packet arrives. */
static void arrive(thetis_sim *sim, sim_file *from, const thetis_addr *to, const sim_message *m)
{
    sim_file *f;
    if (tsm_is_multicast(to)) {
        deliver_to_group(sim, to, m);
        return;
    }
    f = tsm_find(sim, SIM_DGRAM, to, &m->from);
    if (f) {
        deliver(sim, f, m);
    } else if (from->connected && from->refs && sim->person->icmp_errors) {
        from->error = SIM_E_REFUSED;
        tsm_poller_touch(from);
    }
}

/* ---- packets under way: in the sender's own queue of bytes ----------------------------------- */

typedef struct packet {
    thetis_addr to;
    sim_message *message;
} packet;

/* A packet under way is a file of its own, so that the clock can name it. */
static void packet_event(thetis_sim *sim, sim_file *carrier)
{
    packet p;
    (void)tsm_queue_copy(&carrier->u.s.in, &p, sizeof p);
    arrive(sim, carrier->other, &p.to, p.message);
    carrier->other->events--;
    tsm_file_free(sim, carrier->other);
    free(p.message);
    tsm_queue_free(&carrier->u.s.in);
}

static void packet_send(thetis_sim *sim, sim_file *f, const thetis_addr *to, sim_message *m)
{
    packet p;
    uint64_t delay = tsm_delay(sim);
    sim_file *carrier;
    /* One way, one speed: what was sent later does not arrive earlier. */
    if (sim->now + delay < f->count) delay = f->count - sim->now;
    if (delay == 0) {
        arrive(sim, f, to, m);
        free(m);
        return;
    }
    memset(&p, 0, sizeof p);
    p.to = *to;
    p.message = m;
    carrier = tsm_file_new(sim, SIM_PIPE);
    carrier->other = f;
    f->events++;
    tsm_queue_push(&carrier->u.s.in, &p, sizeof p);
    f->count = sim->now + delay;
    tsm_at(sim, delay, packet_event, carrier);
    carrier->refs = 0;
}

/* ---- sending --------------------------------------------------------------------------------- */

static sim_error unix_send(thetis_sim *sim, sim_file *f, const thetis_addr *to, const tht_out *out,
                           sim_rights *rights)
{
    sim_file *receiver = tsm_find(sim, SIM_DGRAM, to, f->bound ? &f->local : NULL);
    sim_message *m;
    if (receiver == NULL && to->u.path[0] && !tsm_path_known(sim, to)) return SIM_E_NOENT;
    if (receiver == NULL) return SIM_E_REFUSED;
    if (out->len > sim->person->unix_space) return SIM_E_MSGSIZE;
    if (receiver->u.d.count >= sim->person->unix_dgrams)
        return sim->person->unix_full_is_refused ? SIM_E_NOBUFS : SIM_E_AGAIN;
    m = message_new(out->data, out->len, f->bound ? &f->local : &(thetis_addr){0});
    m->rights = rights;
    message_append(sim, receiver, m);
    return SIM_E_NONE;
}

/* Why this datagram cannot be sent by UDP. */
static sim_error udp_objection(const thetis_sim *sim, const sim_file *f, const thetis_addr *to,
                               const tht_out *out)
{
    size_t most = f->u.d.send_space ? f->u.d.send_space : sim->person->dgram_max;
    if (out->segment || most > DGRAM_MOST) most = DGRAM_MOST;
    if (out->len > most) return SIM_E_MSGSIZE;
    if (out->segment && !sim->person->segments) return SIM_E_NOSEGMENT;
    if (to->family == THETIS_ADDR_V4 && to->u.v4[3] == 255 && !f->u.d.broadcast)
        return SIM_E_ACCES;
    return tsm_is_local(to) || tsm_is_multicast(to) ? SIM_E_NONE : SIM_E_NETUNREACH;
}

/* What the receiver sees as the sender. */
static thetis_addr udp_from(const sim_file *f, const thetis_addr *to)
{
    static const uint8_t zero[16];
    thetis_addr from = f->local;
    if (memcmp(from.u.v6, zero, from.family == THETIS_ADDR_V4 ? 4 : 16) != 0) return from;
    if (from.family == THETIS_ADDR_V4) memcpy(from.u.v4, (uint8_t[4]){127, 0, 0, 1}, 4);
    else memcpy(from.u.v6, to->u.v6, 16);
    return from;
}

static sim_error udp_send(thetis_sim *sim, sim_file *f, const thetis_addr *to, const tht_out *out)
{
    sim_error why = udp_objection(sim, f, to, out);
    thetis_addr from;
    sim_message *m;
    if (why) return why;
    if (!f->bound && tsm_bind(sim, f, &(thetis_addr){.family = f->family}).status != THETIS_OK)
        return SIM_E_ADDRINUSE;
    from = udp_from(f, to);
    m = message_new(out->data, out->len, &from);
    m->segment = out->segment;
    packet_send(sim, f, to, m);
    return SIM_E_NONE;
}

static sim_error dgram_send_one(thetis_sim *sim, sim_file *f, const tht_out *out,
                                sim_rights *rights)
{
    const thetis_addr *to = out->to ? out->to : &f->remote;
    sim_error e = f->error;
    f->error = SIM_E_NONE;
    if (e) return e; /* news of an earlier one: this one is not sent */
    if (out->to == NULL && !f->connected)
        return f->family == THETIS_ADDR_UNIX ? SIM_E_NOTCONN : SIM_E_DESTADDR;
    if (to->family != f->family) return SIM_E_AFNOSUPPORT;
    return f->family == THETIS_ADDR_UNIX ? unix_send(sim, f, to, out, rights)
                                         : udp_send(sim, f, to, out);
}

tht_ret tsm_dgram_send(thetis_sim *sim, sim_file *f, const tht_out *out, uint32_t n,
                       sim_rights *rights)
{
    uint32_t sent = 0;
    if (n > 1 && tsm_chance(sim, sim->cfg.cuts)) n = 1 + (uint32_t)tsm_choose(sim, n);
    while (sent < n) {
        sim_error why = dgram_send_one(sim, f, &out[sent], rights);
        if (why && sent == 0) sim->progress |= why != SIM_E_AGAIN;
        if (why && sent == 0) return tsm_error(sim, why);
        if (why) break;
        sent++;
    }
    sim->progress = 1;
    return tsm_done(sent);
}

/* ---- the rest -------------------------------------------------------------------------------- */

tht_ret tsm_dgram_connect(thetis_sim *sim, sim_file *f, const thetis_addr *to)
{
    tht_ret r = tsm_done(0);
    if (to->family != f->family) return tsm_error(sim, SIM_E_AFNOSUPPORT);
    if (f->family == THETIS_ADDR_UNIX) {
        if (!tsm_find(sim, SIM_DGRAM, to, f->bound ? &f->local : NULL))
            return tsm_error(sim, to->u.path[0] && !tsm_path_known(sim, to) ? SIM_E_NOENT
                                                                            : SIM_E_REFUSED);
    } else if (!tsm_is_local(to)) {
        return tsm_error(sim, SIM_E_NETUNREACH);
    } else {
        r = tsm_bind_any(sim, f, to);
    }
    if (r.status != THETIS_OK) return r;
    f->remote = *to;
    f->connected = 1;
    return r;
}

tht_ret tsm_dgram_group(thetis_sim *sim, sim_file *f, const thetis_addr *group, int join)
{
    thetis_addr key = *group;
    int known = in_group(f, group);
    if (!tsm_is_multicast(group)) return tsm_error(sim, SIM_E_INVAL);
    if (join && known) return tsm_error(sim, SIM_E_ADDRINUSE);
    if (!join && !known) return tsm_error(sim, SIM_E_ADDRNOTAVAIL);
    key.port = 0;
    for (int i = 0; i < SIM_GROUPS; i++) {
        thetis_addr *g = &f->u.d.groups[i];
        int same = g->family && memcmp(g->u.v6, key.u.v6, g->family == THETIS_ADDR_V4 ? 4 : 16)
                                    == 0;
        if (join ? g->family != THETIS_ADDR_NONE : !same) continue;
        *g = join ? key : (thetis_addr){0};
        return tsm_done(0);
    }
    return tsm_error(sim, SIM_E_NOBUFS);
}

void tsm_dgram_close(thetis_sim *sim, sim_file *f)
{
    f->bound = 0;
    while (f->u.d.first) {
        sim_message *m = message_take(sim, &f->u.d);
        tsm_rights_free(sim, m->rights);
        free(m);
    }
}
