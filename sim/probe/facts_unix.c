/* SPDX-License-Identifier: MIT
 *
 * facts_unix.c: questions about unix sockets. See probe.h.
 */
#include "probe.h"

static void ask_connect(probe *p)
{
    const probe_sys *s = p->sys;
    int at, listener = tsm_probe_open(p, PROBE_UNIX, &at, 1), fds[16], n = 0, r = 0;
    for (; n < 16; n++) {
        fds[n] = s->socket(s, PROBE_UNIX);
        r = s->connect(s, PROBE_UNIX, fds[n], at);
        if (r != 0) break;
    }
    tsm_probe_text(p, "unix.backlog.of_1", "%d", n);
    tsm_probe_text(p, "unix.backlog.full", "%s", tsm_probe_name(p, r));
    if (n < 16)
        tsm_probe_text(p, "unix.backlog.full_ready", "%s",
                       tsm_probe_bits(s->ready(s, fds[n], PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_close(p, listener);
    tsm_probe_text(p, "unix.backlog.closed", "%s", tsm_probe_reads(p, fds[0], 10, 2));
    r = s->connect(s, PROBE_UNIX, fds[n < 16 ? n : 15], at);
    tsm_probe_text(p, "unix.nobody.stale", "%s", tsm_probe_name(p, r));
    r = s->connect(s, PROBE_UNIX, fds[n < 16 ? n : 15], at + 1000);
    tsm_probe_text(p, "unix.nobody.absent", "%s", tsm_probe_name(p, r));
    for (int i = 0; i <= n && i < 16; i++) tsm_probe_close(p, fds[i]);
}

static void ask_end(probe *p)
{
    const probe_sys *s = p->sys;
    int fds[2];
    tsm_probe_pair(p, PROBE_UNIX, fds);
    tsm_probe_text(p, "unix.ready", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    (void)s->send(s, fds[1], "abc", 3);
    tsm_probe_close(p, fds[1]);
    tsm_probe_text(p, "unix.end.ready", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "unix.end.recv", "%s", tsm_probe_reads(p, fds[0], 10, 3));
    tsm_probe_text(p, "unix.end.send", "%s", tsm_probe_name(p, s->send(s, fds[0], "x", 1)));
    tsm_probe_close(p, fds[0]);
}

static void ask_unread(probe *p)
{
    const probe_sys *s = p->sys;
    int fds[2];
    tsm_probe_pair(p, PROBE_UNIX, fds);
    (void)s->send(s, fds[0], "abc", 3);
    tsm_probe_close(p, fds[1]);
    tsm_probe_text(p, "unix.unread.ready", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "unix.unread.recv", "%s", tsm_probe_reads(p, fds[0], 10, 2));
    tsm_probe_close(p, fds[0]);
}

static void ask_room(probe *p)
{
    const probe_sys *s = p->sys;
    int fds[2];
    long r, sum = 0;
    tsm_probe_pair(p, PROBE_UNIX, fds);
    while ((r = s->send(s, fds[0], p->much, 8192)) > 0) sum += r;
    tsm_probe_size(p, "unix.room.all", sum);
    tsm_probe_text(p, "unix.room.none", "%s", tsm_probe_name(p, r));
    tsm_probe_text(p, "unix.room.ready", "%s", tsm_probe_bits(s->ready(s, fds[0], PROBE_OUT, 0)));
    while (s->recv(s, fds[1], p->much, PROBE_MUCH) > 0) continue;
    tsm_probe_text(p, "unix.room.ready_again", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_OUT, 0)));
    tsm_probe_close(p, fds[0]);
    tsm_probe_close(p, fds[1]);
}

/* A descriptor that travels keeps what stands behind it open. */
static void ask_passing(probe *p)
{
    const probe_sys *s = p->sys;
    int way[2], fds[2], r, copy;
    tsm_probe_pair(p, PROBE_UNIX, way);
    tsm_probe_pair(p, PROBE_UNIX, fds);
    r = s->send_fd(s, way[0], fds[1]);
    tsm_probe_text(p, "unix.passing.send", "%s", tsm_probe_name(p, r));
    tsm_probe_close(p, fds[1]);
    copy = s->recv_fd(s, way[1]);
    tsm_probe_text(p, "unix.passing.recv", "%s", tsm_probe_name(p, copy));
    if (copy >= 0) (void)s->send(s, copy, "abc", 3);
    tsm_probe_text(p, "unix.passing.works", "%s", tsm_probe_reads(p, fds[0], 10, 1));
    tsm_probe_close(p, copy);
    for (int i = 0; i < 2; i++) tsm_probe_close(p, way[i]);
    tsm_probe_close(p, fds[0]);
}

static void ask_names(probe *p)
{
    const probe_sys *s = p->sys;
    int at, fd = s->socket(s, PROBE_UNIX), other;
    tsm_probe_text(p, "unix.name.abstract", "%s", s->bind_abstract(s, fd) == 0 ? "yes" : "no");
    tsm_probe_close(p, fd);
    fd = tsm_probe_open(p, PROBE_UNIX, &at, 1);
    other = s->socket(s, PROBE_UNIX);
    tsm_probe_text(p, "unix.name.taken", "%s",
                   tsm_probe_name(p, s->bind(s, PROBE_UNIX, other, at)));
    tsm_probe_close(p, fd);
    tsm_probe_text(p, "unix.name.left", "%s", tsm_probe_name(p, s->bind(s, PROBE_UNIX, other, at)));
    tsm_probe_close(p, other);
}

/* ---- datagrams ------------------------------------------------------------------------------- */

static void ask_dgram_room(probe *p)
{
    const probe_sys *s = p->sys;
    int at, to = tsm_probe_open(p, PROBE_UNIX_DGRAM, &at, 0), fd = s->socket(s, PROBE_UNIX_DGRAM);
    int n = 0;
    long r;
    (void)s->connect(s, PROBE_UNIX_DGRAM, fd, at);
    while ((r = s->send(s, fd, "0123456789", 10)) == 10) n++;
    tsm_probe_size(p, "unix_dgram.room.all", n);
    tsm_probe_text(p, "unix_dgram.room.none", "%s", tsm_probe_name(p, r));
    tsm_probe_text(p, "unix_dgram.room.ready", "%s", tsm_probe_bits(s->ready(s, fd, PROBE_OUT, 0)));
    tsm_probe_text(p, "unix_dgram.recv", "%s", tsm_probe_reads(p, to, 4, 1));
    while (s->recv(s, to, p->much, 100) > 0) continue;
    tsm_probe_text(p, "unix_dgram.room.ready_again", "%s",
                   tsm_probe_bits(s->ready(s, fd, PROBE_OUT, 0)));
    r = s->send(s, fd, p->much, 1 << 20);
    tsm_probe_text(p, "unix_dgram.too_long", "%s", tsm_probe_name(p, r));
    tsm_probe_close(p, to);
    tsm_probe_text(p, "unix_dgram.gone.send", "%s", tsm_probe_name(p, s->send(s, fd, "x", 1)));
    tsm_probe_close(p, fd);
}

static void ask_dgram_nobody(probe *p)
{
    const probe_sys *s = p->sys;
    int fd = s->socket(s, PROBE_UNIX_DGRAM);
    long r = s->send_to(s, PROBE_UNIX_DGRAM, fd, 1000, "x", 1);
    tsm_probe_text(p, "unix_dgram.nobody", "%s", tsm_probe_name(p, r));
    tsm_probe_text(p, "unix_dgram.no_receiver", "%s", tsm_probe_name(p, s->send(s, fd, "x", 1)));
    tsm_probe_close(p, fd);
}

void tsm_probe_ask_unix(probe *p)
{
    int fd = p->sys->socket(p->sys, PROBE_UNIX);
    tsm_probe_text(p, "unix.sockets", "%s", fd >= 0 ? "yes" : "no");
    if (fd < 0) return;
    tsm_probe_close(p, fd);
    ask_connect(p);
    ask_end(p);
    ask_unread(p);
    ask_room(p);
    ask_passing(p);
    ask_names(p);
    ask_dgram_room(p);
    ask_dgram_nobody(p);
}
