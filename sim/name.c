/* SPDX-License-Identifier: MIT
 *
 * name.c: addresses of this machine, which are 127.0.0.0/8, ::1 and all unix names; who has them.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_FIRST = 32768, PORT_LAST = 60999 };

static int is_any(const thetis_addr *a)
{
    static const uint8_t zero[16];
    if (a->family == THETIS_ADDR_UNIX) return 0;
    return memcmp(a->u.v6, zero, a->family == THETIS_ADDR_V4 ? 4 : 16) == 0;
}

int tsm_is_multicast(const thetis_addr *a)
{
    if (a->family == THETIS_ADDR_V4) return a->u.v4[0] >= 224 && a->u.v4[0] < 240;
    return a->family == THETIS_ADDR_V6 && a->u.v6[0] == 255;
}

static int is_broadcast(const thetis_addr *a)
{
    return a->family == THETIS_ADDR_V4 && a->u.v4[3] == 255 &&
           (a->u.v4[0] == 255 || a->u.v4[0] == 127);
}

int tsm_is_local(const thetis_addr *a)
{
    static const uint8_t one[16] = {[15] = 1};
    if (a->family == THETIS_ADDR_UNIX || is_any(a)) return 1;
    if (a->family == THETIS_ADDR_V4) return a->u.v4[0] == 127 || is_broadcast(a);
    return memcmp(a->u.v6, one, sizeof one) == 0;
}

/* ---- who has an address ---------------------------------------------------------------------- */

static int same_host(const thetis_addr *a, const thetis_addr *b)
{
    return memcmp(a->u.v6, b->u.v6, a->family == THETIS_ADDR_V4 ? 4 : 16) == 0;
}

/* True if packets to `to` come to a socket bound to `own`. */
static int reaches(const thetis_addr *own, const thetis_addr *to)
{
    if (own->family != to->family) return 0;
    if (own->family == THETIS_ADDR_UNIX) return thetis_addr_equal(own, to);
    return own->port == to->port &&
           (is_any(own) || is_any(to) || tsm_is_multicast(to) || same_host(own, to));
}

sim_file *tsm_find(thetis_sim *sim, sim_kind kind, const thetis_addr *to, const thetis_addr *from)
{
    sim_file *best = NULL;
    for (sim_file *f = sim->files; f; f = f->next) {
        if (f->kind != kind || !f->bound || f->refs == 0 || !reaches(&f->local, to)) continue;
        if (kind == SIM_DGRAM && f->connected) {
            if (from && thetis_addr_equal(&f->remote, from)) return f;
            continue;
        }
        if (best == NULL || (is_any(&best->local) && !is_any(&f->local))) best = f;
    }
    return best;
}

/* Those that share an address and its connections. */
static int same_group(const sim_file *f, const sim_file *first)
{
    return f->kind == SIM_LISTENER && f->bound && f->refs && f->balance &&
           thetis_addr_equal(&f->local, &first->local);
}

/* Systems choose in a group by a hash of the peer's address: the same peer, the same listener. */
sim_file *tsm_find_listener(thetis_sim *sim, const thetis_addr *to, const thetis_addr *from)
{
    sim_file *first = tsm_find(sim, SIM_LISTENER, to, NULL);
    uint64_t hash = from->port * UINT64_C(0x9E3779B97F4A7C15);
    uint64_t count = 0;
    if (first == NULL || !first->balance) return first;
    for (sim_file *f = first; f; f = f->next) count += (unsigned)same_group(f, first);
    hash = (hash >> 32) % count;
    for (sim_file *f = first; f; f = f->next)
        if (same_group(f, first) && hash-- == 0) return f;
    return first;
}

/* ---- paths ----------------------------------------------------------------------------------- */

int tsm_path_known(const thetis_sim *sim, const thetis_addr *path)
{
    for (size_t i = 0; i < sim->path_count; i++)
        if (thetis_addr_equal(&sim->paths[i], path)) return 1;
    return 0;
}

void tsm_path_forget(thetis_sim *sim, const char *path)
{
    for (size_t i = 0; i < sim->path_count; i++) {
        if (strcmp(sim->paths[i].u.path, path) != 0) continue;
        sim->paths[i] = sim->paths[--sim->path_count];
        return;
    }
}

static tht_ret bind_unix(thetis_sim *sim, sim_file *f, const thetis_addr *addr)
{
    int on_disk = addr->u.path[0] != 0;
    if (!on_disk && (!sim->person->abstract_names || addr->u.path[1] == 0))
        return tsm_error(sim, SIM_E_INVAL);
    if (on_disk && tsm_path_known(sim, addr)) return tsm_error(sim, SIM_E_ADDRINUSE);
    for (sim_file *o = sim->files; o; o = o->next)
        if (o->bound && o->refs && !on_disk && thetis_addr_equal(&o->local, addr))
            return tsm_error(sim, SIM_E_ADDRINUSE);
    if (on_disk) {
        tsm_grow(&sim->paths, &sim->path_room, sim->path_count + 1, sizeof *sim->paths);
        sim->paths[sim->path_count++] = *addr;
    }
    f->local = *addr;
    f->bound = 1;
    return tsm_done(0);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static int is_dgram(const sim_file *f)
{
    return f->kind == SIM_DGRAM;
}

/* An old connection still has its port; with reuse_addr it only hinders those that do not reuse. */
static int clash(const sim_file *f, const sim_file *o, const thetis_addr *addr)
{
    if (o == f || !o->bound || o->family != addr->family || is_dgram(o) != is_dgram(f)) return 0;
    if (o->kind != SIM_DGRAM && o->kind != SIM_LISTENER && o->kind != SIM_STREAM) return 0;
    if (o->local.port != addr->port) return 0;
    if (!is_any(&o->local) && !is_any(addr) && !same_host(&o->local, addr)) return 0;
    if (f->reuse_port && o->reuse_port) return 0;
    if (f->balance && o->balance) return 0;
    if (f->reuse_addr && o->reuse_addr && o->kind != SIM_LISTENER) return 0;
    return 1;
}

static int in_use(const thetis_sim *sim, const sim_file *f, const thetis_addr *addr)
{
    for (const sim_file *o = sim->files; o; o = o->next)
        if (clash(f, o, addr)) return 1;
    return 0;
}

static tht_ret bind_port(thetis_sim *sim, sim_file *f, thetis_addr addr)
{
    int asked = addr.port != 0;
    for (int left = PORT_LAST - PORT_FIRST; !asked && left > 0; left--) {
        addr.port = sim->port;
        sim->port = sim->port == PORT_LAST ? PORT_FIRST : (uint16_t)(sim->port + 1);
        if (!in_use(sim, f, &addr)) break;
        addr.port = 0;
    }
    if (addr.port == 0 || (asked && in_use(sim, f, &addr)))
        return tsm_error(sim, SIM_E_ADDRINUSE);
    f->local = addr;
    f->bound = 1;
    return tsm_done(0);
}

tht_ret tsm_bind(thetis_sim *sim, sim_file *f, const thetis_addr *addr)
{
    if (f->bound || addr->family != f->family) return tsm_error(sim, SIM_E_INVAL);
    if (addr->family == THETIS_ADDR_UNIX) return bind_unix(sim, f, addr);
    if (!tsm_is_local(addr) && !(is_dgram(f) && tsm_is_multicast(addr)))
        return tsm_error(sim, SIM_E_ADDRNOTAVAIL);
    return bind_port(sim, f, *addr);
}

tht_ret tsm_bind_any(thetis_sim *sim, sim_file *f, const thetis_addr *towards)
{
    thetis_addr addr = {.family = f->family};
    if (f->family == THETIS_ADDR_UNIX) return tsm_done(0);
    if (f->bound && !is_any(&f->local)) return tsm_done(0);
    if (towards->family == THETIS_ADDR_V4) memcpy(addr.u.v4, (uint8_t[4]){127, 0, 0, 1}, 4);
    else addr.u.v6[15] = 1;
    addr.port = f->bound ? f->local.port : 0;
    if (!f->bound) return bind_port(sim, f, addr);
    f->local = addr;
    return tsm_done(0);
}
