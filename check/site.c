/* SPDX-License-Identifier: MIT
 *
 * site.c: tables of call sites and of observed pairs; lines come from addr2line of binutils.
 */
#include "site.h"

#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "room.h"

enum { SITES = 1 << 12, PAIRS = 1 << 14 };

typedef struct site {
    void *pc;
    tst_kind kind;
    int order;
    int weaker; /* -1: as it is */
    bool atomic, named;
    uint64_t hits;
    char text[TST_SITE_TEXT];
} site;

static site sites[SITES];
static struct {
    void *release, *acquire;
} pairs[PAIRS];
static size_t site_count, pair_count;
static bool weakening;
static tst_line weak_line;
static int weak_order;

static size_t slot_of(uintptr_t key, size_t size)
{
    return (size_t)(key * 0x9E3779B97F4A7C15u >> 40) % size;
}

static site *find(void *pc)
{
    size_t at = slot_of((uintptr_t)pc, SITES);
    while (sites[at].pc && sites[at].pc != pc) at = (at + 1) % SITES;
    if (sites[at].pc) return &sites[at];
    if (++site_count > SITES / 2) tst_die("too many call sites");
    sites[at] = (site){.pc = pc, .weaker = -1};
    return &sites[at];
}

/* ---- names ----------------------------------------------------------------------------------- */

static int load_address(struct dl_phdr_info *info, size_t size, void *base)
{
    (void)size;
    *(uintptr_t *)base = info->dlpi_addr;
    return 1; /* the program itself comes first */
}

static bool wrapper(const char *frame)
{
    const char *file = strrchr(frame, '/');
    return strncmp(file ? file + 1 : frame, "atomic.h:", 9) == 0;
}

/* The path below the folder in which the program runs, if it is there. */
static const char *shorten(const char *path)
{
    char here[4096];
    size_t n = getcwd(here, sizeof here) ? strlen(here) : 0;
    return n > 0 && strncmp(path, here, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

/* Without its parts "folder/../": a header is one file, whoever includes it. */
static void straighten(char *path)
{
    for (char *up; (up = strstr(path, "/../")) && up != path;) {
        char *folder = up;
        while (folder > path && folder[-1] != '/') folder--;
        memmove(folder, up + 4, strlen(up + 4) + 1);
    }
}

/* addr2line prints the address, then a line for each frame, innermost first. */
static void take_frame(site *s, char *frame)
{
    if (!s || (s->named && !wrapper(s->text))) return;
    s->named = true;
    straighten(frame);
    const char *path = shorten(frame);
    (void)snprintf(s->text, sizeof s->text, "%.*s", (int)strcspn(path, " \n"), path);
}

static void read_frames(FILE *from, uintptr_t base)
{
    char line[1024];
    site *s = NULL;
    while (fgets(line, sizeof line, from)) {
        if (strncmp(line, "0x", 2) == 0) {
            s = find((void *)(strtoull(line, NULL, 16) + base + 1));
        } else {
            take_frame(s, line);
        }
    }
}

/* All sites without a name, in one call. A call returns behind its line: hence less one. */
static void name_sites(void)
{
    char *command = NULL, program[4096];
    size_t bytes = 0;
    uintptr_t base = 0;
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    FILE *text = open_memstream(&command, &bytes);
    bool any = false;
    if (!text || n < 0) tst_die("no name of the program");
    program[n] = 0;
    (void)dl_iterate_phdr(load_address, &base);
    fprintf(text, "addr2line -a -i -e '%s'", program);
    for (size_t k = 0; k < SITES; k++) {
        if (!sites[k].pc || sites[k].named) continue;
        fprintf(text, " 0x%" PRIxPTR, (uintptr_t)sites[k].pc - base - 1);
        any = true;
    }
    (void)fclose(text);
    FILE *from = any ? popen(command, "r") : NULL;
    if (from) {
        read_frames(from, base);
        (void)pclose(from);
    }
    free(command);
    for (size_t k = 0; k < SITES; k++) {
        if (!sites[k].pc || (sites[k].named && sites[k].text[0] != '?')) continue;
        sites[k].named = true;
        (void)snprintf(sites[k].text, sizeof sites[k].text, "0x%" PRIxPTR,
                       (uintptr_t)sites[k].pc - base);
    }
}

const char *tst_site_text(void *pc, char *out, size_t room)
{
    site *s = find(pc);
    if (!s->named) name_sites();
    (void)snprintf(out, room, "%s", s->text);
    return out;
}

const char *tst_order_name(int order)
{
    switch (order) {
    case __ATOMIC_RELAXED: return "relaxed";
    case __ATOMIC_CONSUME: return "consume";
    case __ATOMIC_ACQUIRE: return "acquire";
    case __ATOMIC_RELEASE: return "release";
    case __ATOMIC_ACQ_REL: return "acq_rel";
    default: return "seq_cst";
    }
}

const char *tst_kind_name(tst_kind kind)
{
    static const char *const names[] = {"read", "write", "load", "store", "rmw", "fence",
                                        "moment"};
    return names[kind];
}

/* ---- orders ---------------------------------------------------------------------------------- */

static bool on_line(site *s, const tst_line *line)
{
    if (!s->named) name_sites();
    return s->kind == line->kind && s->order == line->order && strcmp(s->text, line->text) == 0;
}

int tst_site_order(void *pc, int order, tst_kind kind)
{
    if (!tst.weak) return __ATOMIC_SEQ_CST;
    if (!weakening && !tst.pairing) return order;
    site *s = find(pc);
    if (!s->atomic) {
        s->atomic = true;
        s->kind = kind;
        s->order = order;
        if (weakening && on_line(s, &weak_line)) s->weaker = weak_order;
    }
    s->hits++;
    return s->weaker < 0 ? order : s->weaker;
}

void tst_site_weaken(const tst_line *line, int weaker)
{
    weakening = line != NULL;
    if (line) weak_line = *line;
    weak_order = weaker;
    for (size_t k = 0; k < SITES; k++) {
        if (!sites[k].pc || !sites[k].atomic) continue;
        sites[k].weaker = line && on_line(&sites[k], line) ? weaker : -1;
    }
}

int tst_site_weaker(tst_kind kind, int order, int last)
{
    static const int all[] = {__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE, __ATOMIC_RELEASE,
                              __ATOMIC_RELAXED};
    bool both = kind == TST_RMW || kind == TST_FENCE;
    bool after = last < 0;
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
        bool weaker = order == __ATOMIC_SEQ_CST || all[k] == __ATOMIC_RELAXED ||
                      (order == __ATOMIC_ACQ_REL && all[k] != __ATOMIC_ACQ_REL);
        bool sensible = all[k] == __ATOMIC_RELAXED || both ||
                        (all[k] == __ATOMIC_ACQUIRE && kind == TST_LOAD) ||
                        (all[k] == __ATOMIC_RELEASE && kind == TST_STORE);
        if (after && weaker && sensible && all[k] != order) return all[k];
        if (all[k] == last) after = true;
    }
    return -1;
}

static int by_text(const void *a, const void *b)
{
    const tst_line *x = a, *y = b;
    int text = strcmp(x->text, y->text);
    if (text) return text;
    return x->kind != y->kind ? (int)x->kind - (int)y->kind : x->order - y->order;
}

size_t tst_site_lines(tst_line *lines, size_t room)
{
    size_t n = 0, kept = 0;
    name_sites();
    for (size_t k = 0; k < SITES && n < room; k++) {
        if (!sites[k].pc || !sites[k].atomic || sites[k].order == __ATOMIC_RELAXED) continue;
        lines[n] = (tst_line){.kind = sites[k].kind, .order = sites[k].order,
                              .hits = sites[k].hits};
        memcpy(lines[n++].text, sites[k].text, sizeof lines[0].text);
    }
    qsort(lines, n, sizeof *lines, by_text);
    for (size_t k = 0; k < n; k++) {
        bool same = kept > 0 && by_text(&lines[kept - 1], &lines[k]) == 0;
        if (same) lines[kept - 1].hits += lines[k].hits;
        else lines[kept++] = lines[k];
    }
    return kept;
}

void tst_site_forget(void)
{
    for (size_t k = 0; k < SITES; k++) {
        sites[k].atomic = false;
        sites[k].hits = 0;
    }
}

/* ---- pairs ----------------------------------------------------------------------------------- */

void tst_site_pair(void *release, void *acquire)
{
    size_t at = slot_of((uintptr_t)release ^ (uintptr_t)acquire << 20, PAIRS);
    while (pairs[at].release) {
        if (pairs[at].release == release && pairs[at].acquire == acquire) return;
        at = (at + 1) % PAIRS;
    }
    if (++pair_count > PAIRS / 2) tst_die("too many pairs");
    pairs[at].release = release;
    pairs[at].acquire = acquire;
}

void tst_site_pairs(void (*pair)(void *user, const char *release, const char *acquire), void *user)
{
    char release[TST_SITE_TEXT], acquire[TST_SITE_TEXT];
    for (size_t k = 0; k < PAIRS; k++) {
        if (!pairs[k].release) continue;
        (void)find(pairs[k].release);
        (void)find(pairs[k].acquire);
    }
    name_sites();
    for (size_t k = 0; k < PAIRS; k++) {
        if (!pairs[k].release) continue;
        pair(user, tst_site_text(pairs[k].release, release, sizeof release),
             tst_site_text(pairs[k].acquire, acquire, sizeof acquire));
    }
}
