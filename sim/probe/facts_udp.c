/* SPDX-License-Identifier: MIT
 *
 * facts_udp.c: questions about UDP on loopback. See probe.h.
 */
#include "probe.h"

enum { DGRAMS = 2000, DGRAM = 1000, LONGEST = 65536 };

/* What is sent and never read: the rest is lost, and no call says so. */
static void ask_room(probe *p)
{
    const probe_sys *s = p->sys;
    int at, to = tsm_probe_open(p, PROBE_UDP, &at, 0), fd = s->socket(s, PROBE_UDP);
    int sent = 0, kept = 0;
    tsm_probe_text(p, "udp.ready", "%s", tsm_probe_bits(s->ready(s, fd, PROBE_IN | PROBE_OUT, 0)));
    (void)s->connect(s, PROBE_UDP, fd, at);
    for (int i = 0; i < DGRAMS; i++) sent += s->send(s, fd, p->much, DGRAM) == DGRAM;
    s->pause(s, 50);
    tsm_probe_often(p, "udp.room.sent", sent, DGRAMS);
    tsm_probe_text(p, "udp.room.ready", "%s", tsm_probe_bits(s->ready(s, fd, PROBE_OUT, 0)));
    while (s->recv(s, to, p->much, DGRAM) >= 0) kept++;
    tsm_probe_size(p, "udp.room.kept", kept);
    tsm_probe_close(p, fd);
    tsm_probe_close(p, to);
}

/* Into the own queue, which is emptied each time. */
static int fits(probe *p, int fd, int at, size_t n)
{
    const probe_sys *s = p->sys;
    long r = s->send_to(s, PROBE_UDP, fd, at, p->much, n);
    (void)s->ready(s, fd, PROBE_IN, r < 0 ? 0 : 20);
    while (s->recv(s, fd, p->much, LONGEST) >= 0) continue;
    return r >= 0;
}

static void ask_longest(probe *p)
{
    const probe_sys *s = p->sys;
    int at, fd = tsm_probe_open(p, PROBE_UDP, &at, 0);
    size_t good = 0, bad = LONGEST;
    while (bad - good > 1) {
        size_t middle = good + (bad - good) / 2;
        if (fits(p, fd, at, middle)) good = middle;
        else bad = middle;
    }
    tsm_probe_text(p, "udp.longest", "%d", (int)good);
    tsm_probe_text(p, "udp.too_long", "%s",
                   tsm_probe_name(p, s->send_to(s, PROBE_UDP, fd, at, p->much, LONGEST)));
    tsm_probe_close(p, fd);
}

static void ask_read(probe *p)
{
    const probe_sys *s = p->sys;
    int at, to = tsm_probe_open(p, PROBE_UDP, &at, 0), fd = s->socket(s, PROBE_UDP);
    tsm_probe_text(p, "udp.no_receiver", "%s", tsm_probe_name(p, s->send(s, fd, "x", 1)));
    (void)s->send_to(s, PROBE_UDP, fd, at, "0123456789", 10);
    tsm_probe_text(p, "udp.read.cut", "%s", tsm_probe_reads(p, to, 4, 2));
    (void)s->send_to(s, PROBE_UDP, fd, at, "", 0);
    tsm_probe_text(p, "udp.read.empty_ready", "%s", tsm_probe_bits(s->ready(s, to, PROBE_IN, 100)));
    tsm_probe_text(p, "udp.read.empty", "%s", tsm_probe_reads(p, to, 4, 2));
    tsm_probe_text(p, "udp.taken", "%s", tsm_probe_name(p, s->bind(s, PROBE_UDP, fd, at)));
    tsm_probe_close(p, fd);
    tsm_probe_close(p, to);
}

/* Who learns that nobody is there, when, and what it costs. */
static void ask_nobody(probe *p)
{
    const probe_sys *s = p->sys;
    int at, to = tsm_probe_open(p, PROBE_UDP, &at, 0), fd = s->socket(s, PROBE_UDP);
    tsm_probe_close(p, to);
    (void)s->send_to(s, PROBE_UDP, fd, at, "x", 1);
    s->pause(s, 20);
    tsm_probe_text(p, "udp.nobody.unconnected", "%s",
                   tsm_probe_bits(s->ready(s, fd, PROBE_IN | PROBE_OUT, 0)));
    (void)s->connect(s, PROBE_UDP, fd, at);
    tsm_probe_text(p, "udp.nobody.send", "%s", tsm_probe_name(p, s->send(s, fd, "x", 1)));
    s->pause(s, 20);
    tsm_probe_text(p, "udp.nobody.ready", "%s",
                   tsm_probe_bits(s->ready(s, fd, PROBE_IN | PROBE_OUT, 0)));
    tsm_probe_text(p, "udp.nobody.recv", "%s", tsm_probe_reads(p, fd, 10, 2));
    (void)s->send(s, fd, "x", 1);
    s->pause(s, 20);
    tsm_probe_text(p, "udp.nobody.send_second", "%s", tsm_probe_name(p, s->send(s, fd, "x", 1)));
    s->pause(s, 20);
    tsm_probe_text(p, "udp.nobody.send_third", "%s", tsm_probe_name(p, s->send(s, fd, "x", 1)));
    tsm_probe_close(p, fd);
}

/* An error is told before the datagrams that came earlier. */
static void ask_order(probe *p)
{
    const probe_sys *s = p->sys;
    int at, own, to = tsm_probe_open(p, PROBE_UDP, &at, 0);
    int fd = tsm_probe_open(p, PROBE_UDP, &own, 0);
    (void)s->send_to(s, PROBE_UDP, to, own, "abc", 3);
    (void)s->ready(s, fd, PROBE_IN, PROBE_MS);
    (void)s->connect(s, PROBE_UDP, fd, at);
    tsm_probe_close(p, to);
    (void)s->send(s, fd, "x", 1);
    s->pause(s, 20);
    tsm_probe_text(p, "udp.nobody.order", "%s", tsm_probe_reads(p, fd, 10, 3));
    tsm_probe_close(p, fd);
}

static void ask_options(probe *p)
{
    static const struct {
        const char *fact;
        probe_option option;
    } options[] = {{"udp.option.segment", PROBE_SEGMENT}, {"udp.option.gro", PROBE_GRO},
                   {"udp.option.stamp", PROBE_STAMP}, {"udp.option.drops", PROBE_DROPS}};
    const probe_sys *s = p->sys;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        int fd = s->socket(s, PROBE_UDP);
        tsm_probe_text(p, options[i].fact, "%s",
                       s->setopt(s, fd, options[i].option) == 0 ? "yes" : "no");
        tsm_probe_close(p, fd);
    }
}

void tsm_probe_ask_udp(probe *p)
{
    ask_room(p);
    ask_longest(p);
    ask_read(p);
    ask_nobody(p);
    ask_order(p);
    ask_options(p);
}
