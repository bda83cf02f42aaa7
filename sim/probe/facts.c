/* SPDX-License-Identifier: MIT
 *
 * facts.c: answers as JSON, and what the questions have in common. See probe.h.
 */
#include "probe.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing --------------------------------------------------------------------------------- */

static void begin_fact(probe *p, const char *fact)
{
    (void)fprintf(p->out, "%s\n    \"%s\": ", p->facts++ ? "," : "", fact);
}

void tsm_probe_text(probe *p, const char *fact, const char *format, ...)
{
    va_list args;
    begin_fact(p, fact);
    (void)fputc('"', p->out);
    va_start(args, format);
    (void)vfprintf(p->out, format, args);
    va_end(args);
    (void)fputc('"', p->out);
}

void tsm_probe_size(probe *p, const char *fact, long size)
{
    begin_fact(p, fact);
    (void)fprintf(p->out, "%ld", size);
}

void tsm_probe_often(probe *p, const char *fact, int times, int of)
{
    tsm_probe_text(p, fact, "%d of %d", times, of);
}

const char *tsm_probe_name(const probe *p, long result)
{
    static char number[24];
    if (result >= 0) return "ok";
    for (size_t i = 0; i < p->sys->error_count; i++)
        if (p->sys->errors[i].number == -result) return p->sys->errors[i].name;
    (void)snprintf(number, sizeof number, "%ld", -result);
    return number;
}

const char *tsm_probe_bits(unsigned ready)
{
    static char text[32];
    static const char *const names[] = {"+in", "+out", "+err", "+hup"};
    text[0] = text[1] = 0;
    for (unsigned i = 0; i < 4; i++)
        if (ready >> i & 1) (void)strcat(text, names[i]);
    return text[0] ? text + 1 : "nothing";
}

/* ---- common steps ---------------------------------------------------------------------------- */

int tsm_probe_open(probe *p, probe_kind kind, int *at, int backlog)
{
    static int paths;
    const probe_sys *s = p->sys;
    int is_path = kind == PROBE_UNIX || kind == PROBE_UNIX_DGRAM;
    int fd = s->socket(s, kind);
    *at = is_path ? ++paths : 0;
    (void)s->bind(s, kind, fd, *at);
    if (!is_path) *at = s->port(s, fd);
    if (backlog > 0) (void)s->listen(s, fd, backlog);
    return fd;
}

void tsm_probe_pair(probe *p, probe_kind kind, int ends[2])
{
    const probe_sys *s = p->sys;
    int at, listener = tsm_probe_open(p, kind, &at, 4);
    ends[0] = s->socket(s, kind);
    (void)s->connect(s, kind, ends[0], at);
    (void)s->ready(s, ends[0], PROBE_OUT, PROBE_MS);
    (void)s->ready(s, listener, PROBE_IN, PROBE_MS);
    ends[1] = s->accept(s, listener);
    tsm_probe_close(p, listener);
}

void tsm_probe_close(probe *p, int fd)
{
    if (fd >= 0) (void)p->sys->close(p->sys, fd);
}

void tsm_probe_drop(probe *p, int fd)
{
    (void)p->sys->setopt(p->sys, fd, PROBE_ABORT);
    tsm_probe_close(p, fd);
}

const char *tsm_probe_reads(probe *p, int fd, size_t n, int calls)
{
    static char text[200];
    char *at = text;
    for (int i = 0; i < calls; i++) {
        long r;
        (void)p->sys->ready(p->sys, fd, PROBE_IN, 100);
        r = p->sys->recv(p->sys, fd, p->much, n);
        if (r >= 0) at += snprintf(at, 24, "%s%ld", i ? " " : "", r);
        else at += snprintf(at, 24, "%s%s", i ? " " : "", tsm_probe_name(p, r));
    }
    return text;
}

/* ---- everything ------------------------------------------------------------------------------ */

static void ask_numbers(probe *p)
{
    for (size_t i = 0; i < p->sys->error_count; i++) {
        char fact[40];
        (void)snprintf(fact, sizeof fact, "errno.%s", p->sys->errors[i].name);
        tsm_probe_text(p, fact, "%d", p->sys->errors[i].number);
    }
}

void tsm_probe_ask(const probe_sys *sys, FILE *out)
{
    probe p = {.sys = sys, .out = out, .much = calloc(1, PROBE_MUCH)};
    if (p.much == NULL) return;
    (void)fprintf(out, "{\"system\": \"%s\", \"facts\": {", sys->name);
    ask_numbers(&p);
    tsm_probe_ask_tcp(&p);
    tsm_probe_ask_unix(&p);
    tsm_probe_ask_udp(&p);
    if (sys->epoll_open) tsm_probe_ask_epoll(&p);
    if (sys->kqueue_open) tsm_probe_ask_kqueue(&p);
    (void)fprintf(out, "\n}}\n");
    free(p.much);
}
