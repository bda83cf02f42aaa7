/* SPDX-License-Identifier: MIT
 *
 * model_domain.c: scenarios of thetis/domain.h: what is protected is not reused, whatever the
 * schedule; announcements are carried out at most once, and their results stay readable.
 */
#include "model/model_domain.h"

#include <stdlib.h>

/* ---- reading while a writer replaces and reuses ---------------------------------------------- */

static void make_read(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 1, .batches = 4});
    all_join(2);
    begin_cell(0, 1);
}

static void read_body(unsigned thread)
{
    uintptr_t last = 0;
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        if (thread == 0) {
            add_alone(0, 0);
        } else {
            uintptr_t value = read_once(1, 0);
            THETIS_CHECK(value == 0 || value >= last);
            if (value) last = value;
        }
    }
}

static void read_done(void)
{
    if (anybody_stopped()) return;
    all_blocks_are_there();
}

const thetis_check_scenario domain_read = {
    .name = "domain-read", .threads = 2, .setup = make_read, .body = read_body,
    .done = read_done};

/* Two blocks at once, of two cells, one with each hazard. */
static void make_pairs(void)
{
    make((size){.threads = 2, .hazards = 2, .batch = 1, .batches = 8});
    all_join(2);
    begin_cell(0, 1);
    begin_cell(1, 1);
}

static void pairs_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        uintptr_t a = 0, b = 0;
        if (thread == 0) {
            add_alone(0, 0);
            add_alone(0, 1);
            continue;
        }
        int first = protect(1, 0, &cell[0], &a), second = protect(1, 1, &cell[1], &b);
        if (first && second) {
            uintptr_t x = value_of(address(a)), y = value_of(address(b));
            THETIS_CHECK(y + 1 >= x); /* b was loaded last */
        }
        clear(1, 1);
        if (first) (void)value_of(address(a)); /* the other one is still protected */
        clear(1, 0);
    }
}

const thetis_check_scenario domain_pairs = {
    .name = "domain-pairs", .threads = 2, .slow = 4, .setup = make_pairs, .body = pairs_body,
    .done = read_done};

/* ---- several writers ------------------------------------------------------------------------- */

static void make_add(void)
{
    make((size){.threads = 3, .hazards = 1, .batch = 1, .batches = 10});
    all_join(3);
    begin_cell(0, 1);
}

static void add_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        if (thread == 2) (void)(read_once(2, 0), read_once(2, 0));
        else told[thread] += (uintptr_t)add_once(thread, 0, 1);
    }
}

/* No update is lost. */
static void add_done(void)
{
    if (anybody_stopped()) return;
    version *last = address(thetis_atomic_load_relaxed(&cell[0]));
    THETIS_CHECK(value_of(last) == 1 + told[0] + told[1]);
    all_blocks_are_there();
}

const thetis_check_scenario domain_add = {
    .name = "domain-add", .threads = 3, .slow = 2, .rounds = 2, .setup = make_add, .body = add_body,
    .done = add_done};

/* ---- announcements: the result is in the version that carries the request out ---------------- */

/* Thread 0 announces; the others add what they find announced for a cell, and else 1. */
static void make_help(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 1, .batches = 8});
    all_join(2);
    begin_cell(0, 1);
    begin_cell(1, 1);
}

/* One version onwards: tells the owner what the last one did, then builds on it. */
static void help_from(unsigned t, size_t c, uintptr_t word)
{
    uintptr_t args[ARGS], request;
    version *old = address(word), *v;
    if (old->done) finish(old->by, old->done, word);
    request = pending(0, args);
    if (request && args[0] != c) request = 0;
    v = take(t);
    THETIS_CHECK(v);
    fill(v, value_of(old) + (request ? args[1] : 1));
    v->done = request;
    if (swap(&cell[c], word, v)) retire(t, old);
    else give(t, v);
}

static void help(unsigned t, size_t c)
{
    uintptr_t word;
    if (protect(t, 0, &cell[c], &word)) help_from(t, c, word);
    clear(t, 0);
}

/* By the only writer of the cell: see add_alone(). */
static void help_alone(unsigned t, size_t c)
{
    help_from(t, c, thetis_atomic_load_relaxed(&cell[c]));
}

/* Asks for `more` to be added to cell c, looks a few times, and withdraws. */
static void ask(size_t c, uintptr_t more, unsigned looks)
{
    uintptr_t args[ARGS] = {c, more}, request = announce(0, args), status = request;
    for (; looks > 0 && status == request; looks--) status = answer(0);
    if (status != request) {
        version *v = address(status);
        THETIS_CHECK(v->done == request && value_of(v) >= more);
        told[0] += more;
    }
    withdraw(0);
}

static void help_body(unsigned thread)
{
    for (unsigned k = 0; k < thetis_check_rounds(); k++) {
        if (thread == 0) {
            (void)(ask(0, 1000, 2), ask(0, 1000000, 2));
            continue;
        }
        (void)(help_alone(1, 0), help_alone(1, 0));
        (void)(add_alone(1, 0), add_alone(1, 0), add_alone(1, 0)); /* blind for announcements */
    }
}

const thetis_check_scenario domain_help = {
    .name = "domain-help", .threads = 2, .setup = make_help, .body = help_body,
    .done = read_done};

/* Who tells the owner need not be who has built the result; that may have come to where another
 * version was when the teller first looked. */
static void make_tell(void)
{
    static const uintptr_t args[ARGS] = {0, 1000};
    make((size){.threads = 3, .hazards = 1, .batch = 1, .batches = 10});
    all_join(3);
    begin_cell(0, 1);
    (void)thetis_domain_announce(self[0], args, ARGS);
}

static void tell_body(unsigned thread)
{
    uintptr_t word;
    if (thread == 0) {
        uintptr_t status = answer(0);
        if (!thetis_domain_is_request_(status)) THETIS_CHECK(value_of(address(status)) > 1000);
        withdraw(0);
    } else if (thread == 1) {
        for (unsigned k = 0; k < thetis_check_rounds(); k++) {
            add_alone(1, 0);
            help_alone(1, 0);
        }
    } else {
        if (protect(2, 0, &cell[0], &word) && address(word)->done)
            finish(address(word)->by, address(word)->done, word);
        clear(2, 0);
    }
}

const thetis_check_scenario domain_tell = {
    .name = "domain-tell", .threads = 3, .setup = make_tell, .body = tell_body,
    .done = read_done};

/* Two cells, with a helper each: a request must not be seen with the arguments of another one. */
static void make_route(void)
{
    make((size){.threads = 3, .hazards = 1, .batch = 1, .batches = 14});
    all_join(3);
    begin_cell(0, 1);
    begin_cell(1, 1);
}

enum { FIRST = 1000, SECOND = 1000000 };

static void route_body(unsigned thread)
{
    if (thread == 0) {
        ask(0, FIRST, 1);
        ask(1, SECOND, 1);
    } else {
        (void)(help(thread, thread - 1), help(thread, thread - 1));
    }
}

/* Each request is carried out at most once, in its cell, with its argument. */
static void route_done(void)
{
    if (anybody_stopped()) return;
    uintptr_t a = value_of(address(thetis_atomic_load_relaxed(&cell[0])));
    uintptr_t b = value_of(address(thetis_atomic_load_relaxed(&cell[1])));
    THETIS_CHECK(a < 10 || (a > FIRST && a < FIRST + 10));
    THETIS_CHECK(b < 10 || (b > SECOND && b < SECOND + 10));
    if (told[0] % SECOND) THETIS_CHECK(a > FIRST);
    if (told[0] >= SECOND) THETIS_CHECK(b > SECOND);
    all_blocks_are_there();
}

const thetis_check_scenario domain_route = {
    .name = "domain-route", .threads = 3, .setup = make_route, .body = route_body,
    .done = route_done};

/* ---- coming and going ------------------------------------------------------------------------ */

/* More threads than records; what one has retired and not freed is the next one's. */
static void make_churn(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 1, .blocks = 3, .limbo = 2, .looks = 1,
                .frees = 2});
    handed_over = 1;
    all_join(1);
    begin_cell(0, 1);
    leave(0);
    self[0] = NULL;
}

static void churn_body(unsigned thread)
{
    for (unsigned k = 0; k < 2 * thetis_check_rounds(); k++) {
        if (join(thread) != THETIS_OK) continue;
        if (thread == 2) (void)read_once(thread, 0);
        else told[thread] += (uintptr_t)add_once(thread, 0, 1);
        leave(thread);
        self[thread] = NULL;
    }
}

const thetis_check_scenario domain_churn = {
    .name = "domain-churn", .threads = 3, .slow = 4, .setup = make_churn, .body = churn_body,
    .done = add_done};

/* A thread ends without leave(): with a hazard, an announcement and a retired block. Who knows that
 * it has ended expels it. */
static uintptr_t ended;

static void make_expel(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 1, .batches = 8, .limbo = 2, .looks = 1,
                .frees = 2});
    all_join(2);
    begin_cell(0, 1);
    handed_over = 1;
    ended = 0;
}

static void expel_body(unsigned thread)
{
    uintptr_t word, args[ARGS] = {7, 7};
    if (thread == 0) {
        (void)add_once(0, 0, 1);
        if (protect(0, 0, &cell[0], &word)) (void)value_of(address(word));
        (void)announce(0, args);
        __atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
        return;
    }
    THETIS_CHECK(pending(0, args) == 0 || (args[0] == 7 && args[1] == 7));
    (void)add_once(1, 0, 1);
    if (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE)) return;
    size_t id = thetis_domain_self(self[0]);
    self[0] = NULL;
    expel(id);
    THETIS_CHECK(pending(id, args) == 0 && reclaim(1) == 0);
    THETIS_CHECK(join(0) == THETIS_OK && thetis_domain_self(self[0]) == id);
    (void)add_once(0, 0, 1);
    THETIS_CHECK(reclaim(0) == 0);
}

static void expel_done(void)
{
    if (anybody_stopped()) return;
    if (thetis_domain_answer(self[0])) thetis_domain_withdraw(self[0]);
    all_blocks_are_there();
}

const thetis_check_scenario domain_expel = {
    .name = "domain-expel", .threads = 2, .setup = make_expel, .body = expel_body,
    .done = expel_done};

/* ---- memory of the structure's own ----------------------------------------------------------- */

/* Versions from malloc, freed when nobody protects them. The reader may protect an older one while
 * that is looked for and the next one after, so two may have to wait, and one more is new. */
enum { WAITING = 3 };

static version *waiting[WAITING];

static void make_count(void)
{
    make((size){.threads = 2, .hazards = 1, .batch = 1, .batches = 1});
    all_join(2);
    memset(waiting, 0, sizeof waiting);
}

static size_t count(const void *from, size_t bytes)
{
    thetis_check_begin("domain.count", domain_bound(THETIS_DOMAIN_COUNT, 0));
    size_t n = thetis_domain_count(domain, from, bytes);
    thetis_check_end();
    return n;
}

static void wait_or_free(version *old)
{
    size_t k = 0, left = 0;
    thetis_check_retire(old);
    while (k < WAITING && waiting[k]) k++;
    THETIS_CHECK(k < WAITING);
    waiting[k] = old;
    for (k = 0; k < WAITING; k++) {
        old = waiting[k];
        waiting[k] = NULL;
        if (!old) continue;
        if (count(old, sizeof *old)) waiting[left++] = old;
        else free(old);
    }
}

static void count_body(unsigned thread)
{
    static const uintptr_t args[ARGS] = {0, 0};
    (void)announce(thread, args); /* a request protects nothing */
    withdraw(thread);
    for (unsigned k = 0; k < 3 * thetis_check_rounds(); k++) {
        if (thread == 1) {
            (void)read_once(1, 0);
            (void)count(waiting, sizeof waiting);
            continue;
        }
        (void)read_once(0, 0);
        version *v = malloc(sizeof *v), *old = address(thetis_atomic_load_relaxed(&cell[0]));
        fill(v, k + 1);
        THETIS_CHECK(swap(&cell[0], (uintptr_t)old, v));
        if (old) wait_or_free(old);
    }
}

static void count_done(void)
{
    if (anybody_stopped()) return;
    for (size_t k = 0; k < WAITING; k++) free(waiting[k]);
    free(address(thetis_atomic_load_relaxed(&cell[0])));
}

const thetis_check_scenario domain_count = {
    .name = "domain-count", .threads = 2, .slow = 2, .garbage = WAITING, .setup = make_count,
    .body = count_body, .done = count_done};
