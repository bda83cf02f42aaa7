/* SPDX-License-Identifier: MIT
 *
 * link.c: streams with a foreign end, see stage.h.
 */
#include "sim/stage.h"

#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

/* Byte `k` that travels on a link, `out` from us. */
static unsigned char byte_of(const link *x, int out, uint64_t k)
{
    return (unsigned char)(k * 131u + (k >> 8) * 17u + x->serial * 29u + (unsigned)out * 101u);
}

/* ---- descriptors that travel ----------------------------------------------------------------- */

/* 1 if there is room to remember that byte `at` carries one. */
static int mark(marks *m, uint64_t at)
{
    if (m->count == MARKS) return 0;
    m->at[m->count++] = at;
    return 1;
}

static uint32_t marked(const marks *m, uint64_t at)
{
    for (int i = 0; i < m->count; i++)
        if (m->at[i] == at) return 1;
    return 0;
}

/* `n` bytes from `at` on were read, and so many descriptors with them: those of the first byte. */
static void check_marks(const link *x, const marks *m, uint64_t at, uint64_t n, uint32_t fds)
{
    MUST(x->s, fds == (n ? marked(m, at) : 0));
    for (int i = 0; i < m->count; i++) MUST(x->s, m->at[i] <= at || m->at[i] >= at + n);
}

int link_meets(const link *x, int fd)
{
    const sim_file *ours = tsm_fd_file(x->s->sim, x->tcp.handle_.fd_);
    return x->open && ours && ours->u.s.peer && ours->u.s.peer == tsm_fd_file(x->s->sim, fd);
}

/* ---- inside of callbacks --------------------------------------------------------------------- */

static void enter(link *x)
{
    MUST(x->s, x->s->in_turn);
    MUST(x->s, x->s->depth == 0);
    MUST(x->s, x->open);
    x->s->depth++;
}

static void leave(link *x)
{
    if (x->s->improvise) x->s->improvise(x);
    x->s->depth--;
}

/* ---- what may end a direction ---------------------------------------------------------------- */

static int peer_is_gone(const link *x)
{
    return x->peer_reset || x->peer_left || x->peer < 0;
}

/* Something the peer did explains a fault of the stream. */
static void check_fault(link *x, thetis_status status)
{
    if (x->s->faulty) return;
    if (status == THETIS_ECANCELED) MUST(x->s, x->closing || x->canceled || x->recv_canceled);
    else if (status == THETIS_EREFUSED) MUST(x->s, x->nobody);
    else if (status == THETIS_ERESET) MUST(x->s, peer_is_gone(x));
    else if (status == THETIS_CLOSED) MUST(x->s, x->shut);
    else thetis_sim_fail(x->s->sim, "status", thetis_status_name(status), __FILE__, __LINE__);
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    link *x = (link *)tcp;
    enter(x);
    (void)os;
    thetis_sim_end(x->s->sim, &x->open);
    MUST(x->s, x->connecting);
    x->connecting = 0;
    x->connected = status == THETIS_OK;
    if (status == THETIS_OK) MUST(x->s, !x->nobody);
    else if (!x->s->faulty) MUST(x->s, x->nobody || x->closing);
    if (status != THETIS_OK) check_fault(x, status);
    leave(x);
}

static void on_end(link *x, const thetis_recv *r)
{
    x->receiving = 0;
    x->paused = 0;
    thetis_sim_end(x->s->sim, x->into);
    if (r->status == THETIS_ECANCELED) {
        check_fault(x, r->status);
        x->recv_canceled = 0;
        return;
    }
    if (x->ended) MUST(x->s, x->end == r->status); /* the same again */
    x->ended = 1;
    x->end = r->status;
    if (r->status != THETIS_EOF) {
        check_fault(x, r->status);
    } else if (!x->s->faulty) {
        MUST(x->s, x->peer_shut && x->got == x->peer_sent);
    }
}

/* Those that are not taken are closed by the loop. */
static void take_fds(link *x, size_t n)
{
    uint32_t came = 0;
    int fd;
    if (stage_choose(x->s, 3) == 2) return;
    while (thetis_unix_recv_fd(&x->un, &fd) == THETIS_OK) {
        MUST(x->s, x->s->peers->close(x->s->peers, fd).status == THETIS_OK);
        came++;
    }
    if (!x->s->faulty) check_marks(x, &x->theirs, x->got, n, came);
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    link *x = (link *)tcp;
    const unsigned char *bytes = r->data;
    enter(x);
    MUST(x->s, x->receiving);
    if (x->is_unix && r->status == THETIS_OK) take_fds(x, r->len);
    if (r->status == THETIS_OK && r->len) {
        MUST(x->s, !x->ended);
        for (size_t i = 0; i < r->len; i++) MUST(x->s, bytes[i] == byte_of(x, 0, x->got + i));
        x->got += r->len;
        MUST(x->s, x->got <= x->peer_sent);
        if (x->oneshot) {
            x->receiving = 0;
            x->paused = 0;
            thetis_sim_end(x->s->sim, x->into);
        }
    } else {
        on_end(x, r);
    }
    leave(x);
}

static void on_sent(thetis_tcp *tcp, thetis_send *send)
{
    packet *p = (packet *)send;
    link *x = p->x;
    (void)tcp;
    enter(x);
    thetis_sim_end(x->s->sim, p);
    MUST(x->s, p->busy);
    p->busy = 0;
    x->accepted += send->sent;
    if (send->status == THETIS_OK) {
        MUST(x->s, send->sent == p->len && p->order > x->done_order);
        x->done_order = p->order;
    } else {
        check_fault(x, send->status);
        x->broken = 1;
    }
    free(p->bytes);
    p->bytes = NULL;
    leave(x);
}

static void on_closed(thetis_handle *h)
{
    link *x = (link *)h;
    MUST(x->s, x->s->in_turn && x->s->depth == 0 && x->open && x->closing);
    thetis_sim_end(x->s->sim, &x->serial);
    MUST(x->s, !x->connecting && !x->receiving);
    for (int i = 0; i < SENDS; i++) MUST(x->s, !x->sends[i].busy);
    x->open = 0;
}

/* ---- our end --------------------------------------------------------------------------------- */

static void link_init(link *x)
{
    stage *s = x->s;
    memset(x, 0, sizeof *x);
    x->s = s;
    x->peer = -1;
    x->serial = ++s->links_made;
}

void link_connect(link *x, int is_unix, int somebody)
{
    stage *s = x->s;
    thetis_addr to = s->there[is_unix];
    thetis_status status;
    if (x->open || x->peer >= 0) return;
    link_init(x);
    if (!somebody && is_unix) to = stage_place(1, 0);
    else if (!somebody) to.port = 1;
    x->is_unix = is_unix;
    x->nobody = (unsigned)(somebody == 0) & 1;
    x->open = 1;
    x->connecting = 1;
    thetis_sim_begin(s->sim, &x->open, NULL, 0);
    status = is_unix ? thetis_unix_connect(s->loop, &x->un, &to, on_connect)
                     : thetis_tcp_connect(s->loop, &x->tcp, &to, on_connect);
    if (status == THETIS_OK) return;
    MUST(s, s->faulty);
    thetis_sim_end(s->sim, &x->open);
    x->open = 0;
    x->connecting = 0;
}

void link_take(link *x, int is_unix, thetis_accepted *a)
{
    thetis_status status;
    link_init(x);
    x->is_unix = is_unix;
    status = is_unix ? thetis_unix_accept(a, &x->un) : thetis_tcp_accept(a, &x->tcp);
    x->open = x->connected = status == THETIS_OK;
}

/* With a copy of a descriptor that stays open: the peers' listener. */
static thetis_status packet_send(link *x, packet *p)
{
    if (p->fd < 0) return thetis_tcp_send(&x->tcp, &p->send, p->bytes, p->len, on_sent);
    return thetis_unix_send_fds(&x->un, &p->with_fd, p->bytes, p->len, &p->fd, 1, on_sent);
}

void link_send(link *x, size_t len, int with_fd)
{
    stage *s = x->s;
    packet *p = x->sends;
    thetis_status status;
    if (!x->open || x->broken) return;
    while (p < x->sends + SENDS && p->busy) p++;
    if (p == x->sends + SENDS) return;
    p->bytes = malloc(len + 1);
    MUST(s, p->bytes != NULL);
    for (size_t i = 0; i < len; i++) p->bytes[i] = byte_of(x, 1, x->offered + i);
    p->x = x;
    p->len = len;
    p->busy = 1;
    p->is_end = 0;
    p->order = ++x->order;
    p->fd = -1;
    if (with_fd && x->is_unix && len && mark(&x->ours, x->offered)) p->fd = s->listeners[0];
    thetis_sim_begin(s->sim, p, p->bytes, len);
    status = packet_send(x, p);
    if (status == THETIS_OK) {
        x->offered += len;
        return;
    }
    MUST(s, status == (x->closing ? THETIS_EBUSY : THETIS_CLOSED) && (x->closing || x->shut));
    thetis_sim_end(s->sim, p);
    if (p->fd >= 0) x->ours.count--;
    p->busy = 0;
    free(p->bytes);
    p->bytes = NULL;
}

void link_shutdown(link *x)
{
    packet *p = x->sends;
    if (!x->open || x->closing || x->shut) return;
    while (p < x->sends + SENDS && p->busy) p++;
    if (p == x->sends + SENDS) return;
    *p = (packet){.x = x, .busy = 1, .is_end = 1, .order = ++x->order};
    x->shut = 1;
    thetis_sim_begin(x->s->sim, p, NULL, 0);
    MUST(x->s, thetis_tcp_shutdown(&x->tcp, &p->send, on_sent) == THETIS_OK);
}

void link_receive(link *x)
{
    stage *s = x->s;
    thetis_status status;
    size_t len;
    if (!x->open || x->receiving) return;
    x->oneshot = stage_choose(s, 2) & 1;
    x->receiving = 1;
    len = x->oneshot ? sizeof x->into : 0;
    /* On a system of operations it is filled right before the callback, not by a call. */
    if (strcmp(thetis_loop_backend(s->loop), "uring") == 0) len = 0;
    thetis_sim_begin(s->sim, x->into, x->into, len);
    status = x->oneshot ? thetis_tcp_recv(&x->tcp, x->into, sizeof x->into, on_recv)
                        : thetis_tcp_recv_start(&x->tcp, on_recv);
    if (status == THETIS_OK) return;
    MUST(s, status == THETIS_EBUSY && (x->closing || x->s->depth));
    thetis_sim_end(s->sim, x->into);
    x->receiving = 0;
}

void link_cancel(link *x)
{
    packet *p = &x->sends[stage_choose(x->s, SENDS)];
    if (!x->open) return;
    if (stage_choose(x->s, 2)) {
        if (thetis_tcp_recv_cancel(&x->tcp) == THETIS_OK) x->recv_canceled = 1;
    } else if (p->busy && thetis_tcp_send_cancel(&x->tcp, &p->send) == THETIS_OK) {
        x->canceled = x->broken = 1; /* the bytes that follow are not those of the stream */
    }
}

void link_pause(link *x)
{
    if (!x->open) return;
    if (x->paused) x->paused = thetis_tcp_resume(&x->tcp) != THETIS_OK && x->paused;
    else x->paused = thetis_tcp_pause(&x->tcp) == THETIS_OK;
}

void link_close(link *x, int abort)
{
    thetis_status status;
    if (!x->open || x->aborted || (x->closing && !abort)) return;
    if (!x->closing) thetis_sim_begin(x->s->sim, &x->serial, NULL, 0);
    x->closing = 1;
    x->aborted = (unsigned)(abort != 0) & 1;
    status = abort ? thetis_tcp_abort(&x->tcp, on_closed) : thetis_tcp_close(&x->tcp, on_closed);
    MUST(x->s, status == THETIS_OK || status == THETIS_EBUSY);
}

/* In the place of an older one. */
void link_copy(link *x)
{
    stage *s = x->s;
    int *copy = &s->copies[stage_choose(s, COPIES)];
    sim_file *f = x->tcp.handle_.fd_ >= 0 ? tsm_fd_file(s->sim, x->tcp.handle_.fd_) : NULL;
    tht_ret r;
    if (f == NULL) return;
    if (*copy >= 0) (void)s->peers->close(s->peers, *copy);
    tsm_file_hold(f);
    r = tsm_fd_open(s->sim, f);
    *copy = r.status == THETIS_OK ? (int)r.n : -1;
}

/* ---- the foreign end ------------------------------------------------------------------------- */

static void accept_from(stage *s, int listener)
{
    tht_ret r = s->peers->accept(s->peers, listener, NULL);
    if (r.status != THETIS_OK) return;
    for (int i = 0; i < LINKS; i++) {
        link *x = &s->links[i];
        if (!x->connected || x->peer >= 0 || !link_meets(x, (int)r.n)) continue;
        x->peer = (int)r.n;
        return;
    }
    (void)s->peers->close(s->peers, (int)r.n); /* it is not connected for us yet, or no more */
    for (int i = 0; i < LINKS; i++) s->links[i].peer_left |= s->links[i].peer < 0;
    for (int i = 0; i < LINKS; i++) s->links[i].peer_shut |= s->links[i].peer < 0;
}

void link_peer_accept(stage *s)
{
    for (int is_unix = 0; is_unix <= s->has_unix; is_unix++) accept_from(s, s->listeners[is_unix]);
}

int link_dial(stage *s, int is_unix)
{
    thetis_addr_family family = is_unix ? THETIS_ADDR_UNIX : THETIS_ADDR_V4;
    int fd = (int)s->peers->socket(s->peers, family, THT_STREAM).n;
    tht_ret r = s->peers->connect(s->peers, fd, &s->here[is_unix]);
    MUST(s, r.status == THETIS_OK || r.status == THETIS_AGAIN);
    return fd;
}

void link_peer_send(link *x, size_t len, int with_fd)
{
    const tht_sys *sys = x->s->peers;
    unsigned char bytes[1024];
    thetis_iov iov = {bytes, len};
    tht_ret r;
    if (x->peer < 0 || x->peer_shut || x->peer_reset) return;
    if (len > sizeof bytes) iov.len = len = sizeof bytes;
    for (size_t i = 0; i < len; i++) bytes[i] = byte_of(x, 0, x->peer_sent + i);
    with_fd = with_fd && x->is_unix && len && mark(&x->theirs, x->peer_sent);
    r = with_fd ? sys->send_fds(sys, x->peer, &iov, 1, &x->s->listeners[0], 1)
                : sys->send_one(sys, x->peer, bytes, len);
    if (with_fd && r.n == 0) x->theirs.count--;
    x->peer_sent += (uint64_t)r.n;
}

/* Of a unix stream with the descriptors that come along. */
static tht_ret peer_recv(link *x, unsigned char *bytes, size_t len)
{
    const tht_sys *sys = x->s->peers;
    int fds[THT_FDS];
    uint32_t count = 0;
    tht_ret r;
    if (!x->is_unix) return sys->recv(sys, x->peer, bytes, len);
    r = sys->recv_fds(sys, x->peer, bytes, len, fds, &count);
    for (uint32_t i = 0; i < count; i++) (void)sys->close(sys, fds[i]);
    if (!x->canceled && !x->broken) check_marks(x, &x->ours, x->taken, (uint64_t)r.n, count);
    return r;
}

int link_peer_read(link *x, size_t len)
{
    static unsigned char bytes[SEND_MAX];
    tht_ret r;
    if (x->peer < 0) return 0;
    if (len > sizeof bytes) len = sizeof bytes;
    r = peer_recv(x, bytes, len);
    if (r.status == THETIS_OK && r.n == 0 && len && !x->broken && !x->aborted && !x->s->faulty &&
        x->got == x->peer_sent) /* bytes that we did not read reset what we sent */
        MUST(x->s, x->taken == x->offered && (x->shut || x->closing));
    for (size_t i = 0; !x->canceled && !x->broken && i < (size_t)r.n; i++)
        MUST(x->s, bytes[i] == byte_of(x, 1, x->taken + i));
    x->taken += (uint64_t)r.n;
    return r.n > 0;
}

void link_peer_shut(link *x)
{
    if (x->peer < 0) return;
    x->peer_shut = 1;
    (void)x->s->peers->shutdown(x->s->peers, x->peer);
}

/* Closing with bytes unread, or when more come, resets the connection. */
void link_peer_close(link *x, int reset)
{
    const tht_sys *sys = x->s->peers;
    if (x->peer < 0) return;
    if (reset) (void)sys->setopt(sys, x->peer, THT_OPT_ABORT_ON_CLOSE, 1);
    x->peer_reset |= reset != 0;
    x->peer_left = x->peer_shut = 1;
    (void)sys->close(sys, x->peer);
    x->peer = -1;
}
