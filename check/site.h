/* SPDX-License-Identifier: MIT
 *
 * site.h: the calls of the instrumentation for atomic accesses, named by source line.
 *
 * A compiler may make several calls of one line (inlining, unrolling); the line is the site. The
 * line is that of the innermost frame outside of a file called atomic.h: where an operation with
 * its order is used, not where it is wrapped.
 */
#ifndef CHECK_SITE_H
#define CHECK_SITE_H

#include "engine.h"

enum { TST_SITE_TEXT = 128 };

/* "include/thetis/spsc.h:123" or the bare address. Returns `out`. */
const char *tst_site_text(void *site, char *out, size_t room);

/* A source line with atomic accesses of one kind and order. */
typedef struct tst_line {
    char text[TST_SITE_TEXT];
    tst_kind kind;
    int order;
    uint64_t hits; /* how often it was seen */
} tst_line;

/* The lines with an order that is not relaxed, seen since the last call, in order of their text;
 * returns how many, at most `room`. */
size_t tst_site_lines(tst_line *lines, size_t room);
void tst_site_forget(void);

/* While set, all calls of that line (text, kind, order) have the weaker order; NULL: none have. */
void tst_site_weaken(const tst_line *line, int weaker);

/* The next weaker order that makes sense for an access: start with -1; -1 when there is none. */
int tst_site_weaker(tst_kind kind, int order, int last);

const char *tst_order_name(int order);
const char *tst_kind_name(tst_kind kind);

/* Calls back with each pair of lines that was observed, ever. */
void tst_site_pairs(void (*pair)(void *user, const char *release, const char *acquire), void *user);

#endif
