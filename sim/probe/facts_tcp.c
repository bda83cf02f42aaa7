/* SPDX-License-Identifier: MIT
 *
 * facts_tcp.c: questions about TCP on loopback. See probe.h.
 */
#include "probe.h"

enum { CONNECTS = 2000, REFUSALS = 100, FLOOD = 500 };

static int nobody; /* a port that nobody listens at */

/* ---- connecting ------------------------------------------------------------------------------ */

static void ask_connect(probe *p)
{
    const probe_sys *s = p->sys;
    int at, listener = tsm_probe_open(p, PROBE_TCP, &at, 4), at_once = 0;
    for (int i = 0; i < CONNECTS; i++) {
        int fd = s->socket(s, PROBE_TCP), end;
        at_once += s->connect(s, PROBE_TCP, fd, at) == 0;
        (void)s->ready(s, fd, PROBE_OUT, PROBE_MS);
        (void)s->ready(s, listener, PROBE_IN, PROBE_MS);
        end = s->accept(s, listener);
        tsm_probe_drop(p, fd);
        tsm_probe_close(p, end);
    }
    tsm_probe_often(p, "tcp.connect.at_once", at_once, CONNECTS);
    tsm_probe_close(p, listener);
}

/* What is told of a refusal that comes later. */
static void tell_refusal(probe *p, int fd)
{
    const probe_sys *s = p->sys;
    tsm_probe_text(p, "tcp.refused.ready", "%s",
                   tsm_probe_bits(s->ready(s, fd, PROBE_IN | PROBE_OUT, PROBE_MS)));
    tsm_probe_text(p, "tcp.refused.error", "%s", tsm_probe_name(p, -s->so_error(s, fd)));
    tsm_probe_text(p, "tcp.refused.error_again", "%s", tsm_probe_name(p, -s->so_error(s, fd)));
    tsm_probe_text(p, "tcp.refused.ready_after", "%s",
                   tsm_probe_bits(s->ready(s, fd, PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "tcp.refused.recv", "%s", tsm_probe_reads(p, fd, 10, 1));
    tsm_probe_text(p, "tcp.refused.send", "%s", tsm_probe_name(p, s->send(s, fd, "x", 1)));
}

static int is_progress(const probe *p, long r)
{
    const char *name = tsm_probe_name(p, r);
    return name[0] == 'E' && name[1] == 'I' && name[2] == 'N' && name[3] == 'P';
}

/* The first refusal of each kind is told in full. */
static void ask_refused(probe *p)
{
    const probe_sys *s = p->sys;
    int at_once = 0, told = 0;
    for (int i = 0; i < REFUSALS; i++) {
        int fd = s->socket(s, PROBE_TCP);
        long r = s->connect(s, PROBE_TCP, fd, nobody);
        int later = is_progress(p, r);
        if (!later && at_once++ == 0) {
            tsm_probe_text(p, "tcp.refused.at_once_as", "%s", tsm_probe_name(p, r));
            tsm_probe_text(p, "tcp.refused.at_once_error", "%s",
                           tsm_probe_name(p, -s->so_error(s, fd)));
        }
        if (later && told++ == 0) tell_refusal(p, fd);
        tsm_probe_close(p, fd);
    }
    tsm_probe_often(p, "tcp.refused.at_once", at_once, REFUSALS);
}

/* Systems limit how many they answer. */
static void ask_many_refused(probe *p)
{
    static int fds[FLOOD];
    const probe_sys *s = p->sys;
    int answered = 0;
    s->pause(s, 1100);
    for (int i = 0; i < FLOOD; i++) {
        fds[i] = s->socket(s, PROBE_TCP);
        if (!is_progress(p, s->connect(s, PROBE_TCP, fds[i], nobody))) {
            answered++;
            tsm_probe_close(p, fds[i]);
            fds[i] = -1;
        }
    }
    s->pause(s, 200);
    for (int i = 0; i < FLOOD; i++) {
        answered += fds[i] >= 0 && s->ready(s, fds[i], PROBE_OUT, 0);
        tsm_probe_close(p, fds[i]);
    }
    tsm_probe_often(p, "tcp.refused.answered", answered, FLOOD);
    s->pause(s, 1100);
}

static void ask_backlog(probe *p)
{
    const probe_sys *s = p->sys;
    int at, listener = tsm_probe_open(p, PROBE_TCP, &at, 4), fds[8], connected = 0;
    tsm_probe_text(p, "tcp.listener.ready", "%s",
                   tsm_probe_bits(s->ready(s, listener, PROBE_IN | PROBE_OUT, 0)));
    for (int i = 0; i < 8; i++) {
        fds[i] = s->socket(s, PROBE_TCP);
        (void)s->connect(s, PROBE_TCP, fds[i], at);
        s->pause(s, 5);
    }
    for (int i = 0; i < 8; i++) connected += (s->ready(s, fds[i], PROBE_OUT, 0) & PROBE_OUT) != 0;
    tsm_probe_text(p, "tcp.backlog.of_4", "%d", connected);
    tsm_probe_close(p, listener);
    tsm_probe_text(p, "tcp.backlog.closed", "%s", tsm_probe_reads(p, fds[0], 10, 2));
    for (int i = 0; i < 8; i++) tsm_probe_close(p, fds[i]);
}

static void ask_reset_in_backlog(probe *p)
{
    const probe_sys *s = p->sys;
    int at, listener = tsm_probe_open(p, PROBE_TCP, &at, 4), fd = s->socket(s, PROBE_TCP), end;
    (void)s->connect(s, PROBE_TCP, fd, at);
    (void)s->ready(s, fd, PROBE_OUT, PROBE_MS);
    tsm_probe_drop(p, fd);
    s->pause(s, 20);
    end = s->accept(s, listener);
    tsm_probe_text(p, "tcp.backlog.reset", "%s", tsm_probe_name(p, end));
    if (end >= 0) tsm_probe_text(p, "tcp.backlog.reset_recv", "%s", tsm_probe_reads(p, end, 10, 1));
    tsm_probe_close(p, end);
    tsm_probe_close(p, listener);
}

static void ask_fresh(probe *p)
{
    const probe_sys *s = p->sys;
    int fd = s->socket(s, PROBE_TCP);
    tsm_probe_text(p, "tcp.fresh.ready", "%s",
                   tsm_probe_bits(s->ready(s, fd, PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "tcp.fresh.recv", "%s", tsm_probe_reads(p, fd, 10, 1));
    tsm_probe_text(p, "tcp.fresh.send", "%s", tsm_probe_name(p, s->send(s, fd, "x", 1)));
    tsm_probe_text(p, "tcp.fresh.shutdown", "%s", tsm_probe_name(p, s->shutdown(s, fd)));
    tsm_probe_text(p, "tcp.fresh.accept", "%s", tsm_probe_name(p, s->accept(s, fd)));
    tsm_probe_close(p, fd);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void ask_end(probe *p)
{
    const probe_sys *s = p->sys;
    int fds[2];
    tsm_probe_pair(p, PROBE_TCP, fds);
    tsm_probe_text(p, "tcp.ready", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    (void)s->send(s, fds[1], "abc", 3);
    (void)s->shutdown(s, fds[1]);
    tsm_probe_text(p, "tcp.shut.send", "%s", tsm_probe_name(p, s->send(s, fds[1], "x", 1)));
    tsm_probe_text(p, "tcp.shut.ready", "%s",
                   tsm_probe_bits(s->ready(s, fds[1], PROBE_IN | PROBE_OUT, 0)));
    s->pause(s, 20);
    tsm_probe_text(p, "tcp.end.recv", "%s", tsm_probe_reads(p, fds[0], 10, 3));
    tsm_probe_text(p, "tcp.end.ready", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "tcp.end.send", "%s", tsm_probe_name(p, s->send(s, fds[0], "x", 1)));
    (void)s->shutdown(s, fds[0]);
    s->pause(s, 20);
    tsm_probe_text(p, "tcp.end.both_ready", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "tcp.end.other_recv", "%s", tsm_probe_reads(p, fds[1], 10, 2));
    tsm_probe_close(p, fds[0]);
    tsm_probe_close(p, fds[1]);
}

/* The peer goes with a reset, after some bytes. */
static void ask_reset(probe *p)
{
    const probe_sys *s = p->sys;
    int fds[2];
    tsm_probe_pair(p, PROBE_TCP, fds);
    (void)s->send(s, fds[1], "abc", 3);
    tsm_probe_drop(p, fds[1]);
    s->pause(s, 20);
    tsm_probe_text(p, "tcp.reset.ready", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "tcp.reset.recv", "%s", tsm_probe_reads(p, fds[0], 10, 4));
    tsm_probe_text(p, "tcp.reset.ready_after", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "tcp.reset.send", "%s", tsm_probe_name(p, s->send(s, fds[0], "x", 1)));
    tsm_probe_close(p, fds[0]);
}

/* The news of a reset is told once: here to send. */
static void ask_reset_by_send(probe *p)
{
    const probe_sys *s = p->sys;
    int fds[2];
    tsm_probe_pair(p, PROBE_TCP, fds);
    tsm_probe_drop(p, fds[1]);
    s->pause(s, 20);
    tsm_probe_text(p, "tcp.reset.send_first", "%s", tsm_probe_name(p, s->send(s, fds[0], "x", 1)));
    tsm_probe_text(p, "tcp.reset.send_second", "%s", tsm_probe_name(p, s->send(s, fds[0], "x", 1)));
    tsm_probe_text(p, "tcp.reset.recv_then", "%s", tsm_probe_reads(p, fds[0], 10, 2));
    tsm_probe_close(p, fds[0]);
}

/* Closing with bytes unread is a reset. */
static void ask_unread(probe *p)
{
    const probe_sys *s = p->sys;
    int fds[2];
    tsm_probe_pair(p, PROBE_TCP, fds);
    (void)s->send(s, fds[0], "abc", 3);
    (void)s->ready(s, fds[1], PROBE_IN, PROBE_MS);
    tsm_probe_close(p, fds[1]);
    s->pause(s, 20);
    tsm_probe_text(p, "tcp.unread.recv", "%s", tsm_probe_reads(p, fds[0], 10, 2));
    tsm_probe_close(p, fds[0]);
}

/* Who sends to one that has closed learns it from the second send. */
static void ask_gone(probe *p)
{
    const probe_sys *s = p->sys;
    int fds[2];
    tsm_probe_pair(p, PROBE_TCP, fds);
    tsm_probe_close(p, fds[1]);
    s->pause(s, 20);
    tsm_probe_text(p, "tcp.gone.ready", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "tcp.gone.send", "%s", tsm_probe_name(p, s->send(s, fds[0], "x", 1)));
    s->pause(s, 20);
    tsm_probe_text(p, "tcp.gone.ready_after", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "tcp.gone.send_second", "%s", tsm_probe_name(p, s->send(s, fds[0], "x", 1)));
    tsm_probe_text(p, "tcp.gone.recv", "%s", tsm_probe_reads(p, fds[0], 10, 2));
    tsm_probe_close(p, fds[0]);
}

/* The same, and the news meets a reader. */
static void ask_gone_by_recv(probe *p)
{
    const probe_sys *s = p->sys;
    int fds[2];
    tsm_probe_pair(p, PROBE_TCP, fds);
    tsm_probe_close(p, fds[1]);
    s->pause(s, 20);
    (void)s->send(s, fds[0], "x", 1);
    s->pause(s, 20);
    tsm_probe_text(p, "tcp.gone.recv_first", "%s", tsm_probe_reads(p, fds[0], 10, 2));
    tsm_probe_text(p, "tcp.gone.recv_first_ready", "%s",
                   tsm_probe_bits(s->ready(s, fds[0], PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "tcp.gone.error", "%s", tsm_probe_name(p, -s->so_error(s, fds[0])));
    tsm_probe_close(p, fds[0]);
}

/* ---- room ------------------------------------------------------------------------------------ */

static void ask_room(probe *p)
{
    const probe_sys *s = p->sys;
    int fds[2];
    long sum = 0, r, read = 0;
    tsm_probe_pair(p, PROBE_TCP, fds);
    r = s->send(s, fds[0], p->much, PROBE_MUCH);
    tsm_probe_size(p, "tcp.room.first", r);
    for (int quiet = 0; quiet < 5; quiet += r < 0) {
        if (r > 0) sum += r;
        if (r < 0) s->pause(s, 10);
        r = s->send(s, fds[0], p->much, PROBE_MUCH);
    }
    tsm_probe_size(p, "tcp.room.all", sum);
    tsm_probe_text(p, "tcp.room.none", "%s", tsm_probe_name(p, r));
    tsm_probe_text(p, "tcp.room.ready", "%s", tsm_probe_bits(s->ready(s, fds[0], PROBE_OUT, 0)));
    while (!(s->ready(s, fds[0], PROBE_OUT, 1) & PROBE_OUT) && read < sum) {
        r = s->recv(s, fds[1], p->much, 16384);
        read += r > 0 ? r : 0;
    }
    tsm_probe_size(p, "tcp.room.again_after", read);
    tsm_probe_drop(p, fds[0]);
    tsm_probe_close(p, fds[1]);
}

void tsm_probe_ask_tcp(probe *p)
{
    int fd = tsm_probe_open(p, PROBE_TCP, &nobody, 0);
    tsm_probe_close(p, fd);
    ask_connect(p);
    ask_refused(p);
    ask_many_refused(p);
    ask_backlog(p);
    ask_reset_in_backlog(p);
    ask_fresh(p);
    ask_end(p);
    ask_reset(p);
    ask_reset_by_send(p);
    ask_unread(p);
    ask_gone(p);
    ask_gone_by_recv(p);
    ask_room(p);
}
