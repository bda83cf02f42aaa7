/* SPDX-License-Identifier: MIT
 *
 * facts_poller.c: questions to epoll and kqueue; what poll() says is with the sockets. See probe.h.
 */
#include "probe.h"

#include <string.h>

enum { EVENTS = 8, SHORT_MS = 20 };

/* ---- epoll ----------------------------------------------------------------------------------- */

static const char *epoll_says(probe *p, int set, int ms)
{
    probe_event events[EVENTS];
    int n = p->sys->epoll_wait(p->sys, set, events, EVENTS, ms);
    return n > 0 ? tsm_probe_bits(events[0].ready) : "nothing";
}

static void ask_epoll_level(probe *p, int set)
{
    const probe_sys *s = p->sys;
    int at, fd = tsm_probe_open(p, PROBE_UDP, &at, 0), other = s->socket(s, PROBE_UDP);
    (void)s->epoll_add(s, set, fd, PROBE_IN, 0);
    tsm_probe_text(p, "epoll.level.before", "%s", epoll_says(p, set, 0));
    (void)s->send_to(s, PROBE_UDP, other, at, "x", 1);
    tsm_probe_text(p, "epoll.level.first", "%s", epoll_says(p, set, PROBE_MS));
    tsm_probe_text(p, "epoll.level.second", "%s", epoll_says(p, set, 0));
    tsm_probe_text(p, "epoll.add_again", "%s",
                   tsm_probe_name(p, s->epoll_add(s, set, fd, PROBE_IN, 0)));
    tsm_probe_close(p, fd);
    tsm_probe_text(p, "epoll.level.closed", "%s", epoll_says(p, set, 0));
    tsm_probe_text(p, "epoll.add_closed", "%s",
                   tsm_probe_name(p, s->epoll_add(s, set, fd, PROBE_IN, 0)));
    tsm_probe_close(p, other);
}

static void ask_epoll_edge(probe *p, int set)
{
    const probe_sys *s = p->sys;
    int at, fd = tsm_probe_open(p, PROBE_UDP, &at, 0), other = s->socket(s, PROBE_UDP);
    (void)s->epoll_add(s, set, fd, PROBE_IN, PROBE_CLEAR);
    (void)s->send_to(s, PROBE_UDP, other, at, "x", 1);
    tsm_probe_text(p, "epoll.edge.first", "%s", epoll_says(p, set, PROBE_MS));
    tsm_probe_text(p, "epoll.edge.unread", "%s", epoll_says(p, set, SHORT_MS));
    (void)s->send_to(s, PROBE_UDP, other, at, "x", 1);
    tsm_probe_text(p, "epoll.edge.more", "%s", epoll_says(p, set, PROBE_MS));
    tsm_probe_close(p, fd);
    tsm_probe_close(p, other);
}

/* A registration belongs to what the descriptor stands for. */
static void ask_epoll_copy(probe *p, int set)
{
    const probe_sys *s = p->sys;
    int at, fd = tsm_probe_open(p, PROBE_UDP, &at, 0), other = s->socket(s, PROBE_UDP);
    int copy = s->dup(s, fd);
    (void)s->epoll_add(s, set, fd, PROBE_IN, 0);
    tsm_probe_close(p, fd);
    (void)s->send_to(s, PROBE_UDP, other, at, "x", 1);
    (void)s->ready(s, copy, PROBE_IN, PROBE_MS);
    tsm_probe_text(p, "epoll.copy.closed", "%s", epoll_says(p, set, SHORT_MS));
    tsm_probe_close(p, copy);
    tsm_probe_text(p, "epoll.copy.both_closed", "%s", epoll_says(p, set, SHORT_MS));
    tsm_probe_close(p, other);
}

void tsm_probe_ask_epoll(probe *p)
{
    int set = p->sys->epoll_open(p->sys);
    ask_epoll_level(p, set);
    ask_epoll_edge(p, set);
    ask_epoll_copy(p, set);
    tsm_probe_close(p, set);
}

/* ---- kqueue ---------------------------------------------------------------------------------- */

/* "in 3 eof(54), out": what one wait reported, in this order; the room of `out` is a matter of
 * sizes. */
static const char *kqueue_says(probe *p, int queue, int cap, int ms)
{
    static char text[200];
    probe_event e[EVENTS];
    char *at = text;
    int n = p->sys->kqueue_wait(p->sys, queue, e, cap, ms);
    for (unsigned filter = 0; filter <= PROBE_OUT; filter++) {
        for (int i = 0; i < n; i++) {
            if (e[i].ready != filter) continue;
            at += snprintf(at, 40, "%s%s", at == text ? "" : ", ",
                           filter ? tsm_probe_bits(filter) : "user");
            if (filter == PROBE_IN) at += snprintf(at, 24, " %ld", e[i].data);
            if (e[i].flags & PROBE_EOF) at += snprintf(at, 24, " eof(%d)", e[i].error);
        }
    }
    return at == text ? "nothing" : text;
}

static void ask_kqueue_udp(probe *p, int queue)
{
    const probe_sys *s = p->sys;
    int at, fd = tsm_probe_open(p, PROBE_UDP, &at, 0);
    char turns[40] = "";
    (void)s->kqueue_add(s, queue, fd, PROBE_OUT, 0);
    (void)kqueue_says(p, queue, EVENTS, PROBE_MS);
    tsm_probe_text(p, "kqueue.udp.write_again", "%s", kqueue_says(p, queue, EVENTS, 0));
    (void)s->kqueue_add(s, queue, fd, PROBE_IN, 0);
    for (int i = 0; i < 3; i++) (void)s->send_to(s, PROBE_UDP, fd, at, "0123456789", 10);
    (void)s->ready(s, fd, PROBE_IN, PROBE_MS);
    tsm_probe_text(p, "kqueue.udp.both", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    for (int i = 0; i < 4; i++) {
        probe_event e;
        if (s->kqueue_wait(s, queue, &e, 1, SHORT_MS) != 1) continue;
        (void)strcat(turns, tsm_probe_bits(e.ready));
    }
    tsm_probe_text(p, "kqueue.udp.take_turns", "%s",
                   !strcmp(turns, "inoutinout") || !strcmp(turns, "outinoutin") ? "yes" : turns);
    (void)s->kqueue_delete(s, queue, fd, PROBE_OUT);
    tsm_probe_close(p, fd);
    tsm_probe_text(p, "kqueue.closed", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
}

static void ask_kqueue_flags(probe *p, int queue)
{
    const probe_sys *s = p->sys;
    int at, fd = tsm_probe_open(p, PROBE_UDP, &at, 0);
    probe_event e = {0};
    (void)s->kqueue_add(s, queue, fd, PROBE_OUT, PROBE_CLEAR);
    (void)s->kqueue_wait(s, queue, &e, 1, PROBE_MS);
    tsm_probe_text(p, "kqueue.echoes_add", "%s", e.flags & PROBE_ADD ? "yes" : "no");
    tsm_probe_text(p, "kqueue.clear.again", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    (void)s->kqueue_add(s, queue, fd, PROBE_OUT, PROBE_ONESHOT);
    (void)s->kqueue_wait(s, queue, &e, 1, PROBE_MS);
    tsm_probe_text(p, "kqueue.oneshot.again", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    tsm_probe_text(p, "kqueue.delete_absent", "%s",
                   tsm_probe_name(p, s->kqueue_delete(s, queue, fd, PROBE_IN)));
    tsm_probe_close(p, fd);
    tsm_probe_text(p, "kqueue.add_closed", "%s",
                   tsm_probe_name(p, s->kqueue_add(s, queue, fd, PROBE_IN, 0)));
}

static void ask_kqueue_end(probe *p, int queue)
{
    const probe_sys *s = p->sys;
    int fds[2];
    tsm_probe_pair(p, PROBE_TCP, fds);
    (void)s->kqueue_add(s, queue, fds[0], PROBE_IN, 0);
    (void)s->send(s, fds[1], "hello, world", 12);
    tsm_probe_text(p, "kqueue.eof.before", "%s", kqueue_says(p, queue, EVENTS, PROBE_MS));
    (void)s->shutdown(s, fds[1]);
    s->pause(s, SHORT_MS);
    tsm_probe_text(p, "kqueue.eof.unread", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    (void)s->recv(s, fds[0], p->much, 5);
    tsm_probe_text(p, "kqueue.eof.less", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    (void)s->recv(s, fds[0], p->much, 100);
    tsm_probe_text(p, "kqueue.eof.empty", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    tsm_probe_close(p, fds[0]);
    (void)s->kqueue_add(s, queue, fds[1], PROBE_IN, 0);
    (void)s->kqueue_add(s, queue, fds[1], PROBE_OUT, 0);
    s->pause(s, SHORT_MS);
    tsm_probe_text(p, "kqueue.gone", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    tsm_probe_close(p, fds[1]);
}

static void ask_kqueue_reset(probe *p, int queue)
{
    const probe_sys *s = p->sys;
    int fds[2];
    tsm_probe_pair(p, PROBE_TCP, fds);
    (void)s->kqueue_add(s, queue, fds[0], PROBE_IN, 0);
    (void)s->send(s, fds[1], "abc", 3);
    tsm_probe_drop(p, fds[1]);
    s->pause(s, SHORT_MS);
    tsm_probe_text(p, "kqueue.reset", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    tsm_probe_close(p, fds[0]);
}

static void ask_kqueue_connect(probe *p, int queue)
{
    const probe_sys *s = p->sys;
    int at, listener = tsm_probe_open(p, PROBE_TCP, &at, 4), fd = s->socket(s, PROBE_TCP);
    int r, now;
    (void)s->connect(s, PROBE_TCP, fd, at);
    (void)s->kqueue_add(s, queue, fd, PROBE_OUT, PROBE_CLEAR);
    tsm_probe_text(p, "kqueue.connect", "%s", kqueue_says(p, queue, EVENTS, PROBE_MS));
    tsm_probe_close(p, fd);
    (void)s->kqueue_add(s, queue, listener, PROBE_IN, 0);
    tsm_probe_text(p, "kqueue.listener", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    tsm_probe_close(p, listener);
    fd = s->socket(s, PROBE_TCP);
    r = s->connect(s, PROBE_TCP, fd, at);
    (void)s->kqueue_add(s, queue, fd, PROBE_OUT, 0);
    now = strcmp(tsm_probe_name(p, r), "EINPROGRESS") != 0;
    tsm_probe_text(p, now ? "kqueue.refused.at_once" : "kqueue.refused.later", "%s",
                   kqueue_says(p, queue, EVENTS, PROBE_MS));
    tsm_probe_close(p, fd);
}

static void ask_kqueue_nobody(probe *p, int queue)
{
    const probe_sys *s = p->sys;
    int at, to = tsm_probe_open(p, PROBE_UDP, &at, 0), fd = s->socket(s, PROBE_UDP);
    tsm_probe_close(p, to);
    (void)s->connect(s, PROBE_UDP, fd, at);
    (void)s->kqueue_add(s, queue, fd, PROBE_IN, 0);
    (void)s->send(s, fd, "x", 1);
    tsm_probe_text(p, "kqueue.udp.nobody", "%s", kqueue_says(p, queue, EVENTS, 200));
    tsm_probe_close(p, fd);
}

/* An entry belongs to the number of the descriptor. */
static void ask_kqueue_copy(probe *p, int queue)
{
    const probe_sys *s = p->sys;
    int at, fd = tsm_probe_open(p, PROBE_UDP, &at, 0), copy = s->dup(s, fd);
    (void)s->kqueue_add(s, queue, fd, PROBE_OUT, 0);
    tsm_probe_close(p, fd);
    tsm_probe_text(p, "kqueue.copy.closed", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    tsm_probe_close(p, copy);
}

static void ask_kqueue_user(probe *p, int queue)
{
    const probe_sys *s = p->sys;
    int r = s->kqueue_add(s, queue, 42, 0, PROBE_CLEAR);
    tsm_probe_text(p, "kqueue.user", "%s", r == 0 ? "yes" : "no");
    if (r != 0) return;
    tsm_probe_text(p, "kqueue.user.before", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    for (int i = 0; i < 2; i++) (void)s->kqueue_trigger(s, queue, 42);
    tsm_probe_text(p, "kqueue.user.twice", "%s", kqueue_says(p, queue, EVENTS, PROBE_MS));
    tsm_probe_text(p, "kqueue.user.after", "%s", kqueue_says(p, queue, EVENTS, SHORT_MS));
    (void)s->kqueue_delete(s, queue, 42, 0);
}

void tsm_probe_ask_kqueue(probe *p)
{
    int queue = p->sys->kqueue_open(p->sys);
    ask_kqueue_udp(p, queue);
    ask_kqueue_flags(p, queue);
    ask_kqueue_end(p, queue);
    ask_kqueue_reset(p, queue);
    ask_kqueue_connect(p, queue);
    ask_kqueue_nobody(p, queue);
    ask_kqueue_copy(p, queue);
    ask_kqueue_user(p, queue);
    tsm_probe_close(p, queue);
}
