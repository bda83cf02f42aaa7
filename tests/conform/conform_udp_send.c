/* SPDX-License-Identifier: MIT
 *
 * conform_udp_send.c: rows of group F: sending datagrams, alone, in batches and in trains.
 */
#include <errno.h>
#include <string.h>

#include "conform/plug.h"

/* ---- 83, 84: a full socket ------------------------------------------------------------------- */

static void send_is(plug *x, const thetis_addr *to, thetis_status want)
{
    CHECK_EQ(thetis_udp_send(&x->udp, to, "x", 1), want);
}

static void wait_for_room(plug *x)
{
    CHECK_EQ(thetis_udp_wait_writable(&x->udp, plug_on_writable), THETIS_OK);
    CHECK_EQ(thetis_udp_wait_writable(&x->udp, plug_on_writable), THETIS_EBUSY);
}

static uint64_t out_interest(const suite *w, uint64_t from)
{
    uint64_t count = 0;
    for (uint64_t i = from; i < w->fault.logged; i++) {
        const fault_call *call = &w->fault.log[i % FAULT_LOG];
        count += call->fn == FAULT_EPOLL_SET && call->arg & THT_OUT;
    }
    return count;
}

static void try_again(plug *x)
{
    if (thetis_udp_send(&x->udp, &x->at, "x", 1) == THETIS_ENOBUFS) wait_for_room(x);
}

/* The system says that there is room, and there is none, again and again. */
static void row_083_a_system_without_buffers(suite *w)
{
    static plug x;
    static const thetis_status lacks[] = {THETIS_AGAIN, THETIS_ENOBUFS, THETIS_ENOMEM};
    plug_open(w, &x);
    x.on_room = try_again;
    x.any = 1;
    plug_recv(&x);
    for (size_t i = 0; i < 3; i++) {
        unsigned got = x.datagrams;
        uint64_t sends = fault_calls(&w->fault, FAULT_SEND_MSGS);
        fault_clock_start(&w->fault, 1000000000);
        fault_hold(&w->fault, FAULT_SEND_MSGS, lacks[i], ENOBUFS);
        send_is(&x, &x.at, THETIS_ENOBUFS);
        wait_for_room(&x);
        while (w->fault.clock < 3000000000u) suite_turn_for(w, UINT64_MAX); /* two seconds */
        CHECK(fault_calls(&w->fault, FAULT_SEND_MSGS) - sends < 20);
        fault_hold(&w->fault, FAULT_SEND_MSGS, THETIS_OK, 0);
        while (x.datagrams == got) suite_turn_for(w, UINT64_MAX);
        CHECK(!(x.udp.handle_.tx_));
    }
    plug_close(&x);
}

/* The system's own queues were full: it can tell nothing of room, so it is not asked. */
static void row_083_a_lack_that_nobody_reports(suite *w)
{
    static plug x;
    uint64_t from = w->fault.logged;
    plug_open(w, &x);
    fault_clock_start(&w->fault, 1000000000);
    fault_fail(&w->fault, FAULT_SEND_MSGS, 1, THETIS_ENOBUFS, ENOBUFS);
    send_is(&x, &x.at, THETIS_ENOBUFS);
    wait_for_room(&x);
    UNTIL(w, x.rooms == 1);
    CHECK(w->fault.clock >= 1000000000 + 10000000);
    CHECK_EQ(out_interest(w, from), 0);
    plug_close(&x);
}

static void row_084_write_interest_only_on_demand(suite *w)
{
    static plug x;
    thetis_addr at;
    uint64_t from = w->fault.logged, k = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    plug_recv(&x);
    for (int i = 0; i < 100; i++) {
        plug_send(&x, &at, &k, 1, 8);
        CHECK_EQ(peer_udp_take(fd, k - 1), 8);
        peer_udp_send(fd, &x.at, x.next, 8);
        UNTIL(w, x.datagrams == (unsigned)i + 1);
    }
    CHECK_EQ(out_interest(w, from), 0);
    fault_fail(&w->fault, FAULT_SEND_MSGS, 1, THETIS_AGAIN, EAGAIN);
    send_is(&x, &at, THETIS_ENOBUFS);
    CHECK_EQ(out_interest(w, from), 0);
    wait_for_room(&x);
    UNTIL(w, x.rooms == 1);
    suite_turns(w, 5);
    CHECK_EQ(out_interest(w, from), 1); /* and taken back */
    CHECK_EQ(x.rooms, 1);
    CHECK_EQ(x.udp.handle_.mask_, THT_IN);
    plug_close(&x);
    peer_close(fd);
}

static void row_084_a_wait_ends_with_the_socket(suite *w)
{
    static plug x;
    plug_open(w, &x);
    wait_for_room(&x);
    plug_close(&x);
    CHECK_EQ(x.room_ends, 1);
    CHECK_EQ(x.rooms, 0);
}

/* ---- 85 to 88: trains and batches ------------------------------------------------------------ */

/* Datagrams of `size` in trains of random length, and their lengths one by one. */
static size_t make_trains(suite *w, thetis_dgram *batch, size_t entries, uint32_t size,
                          unsigned char *bytes, const thetis_addr *to, size_t *lens)
{
    size_t k = 0;
    for (size_t i = 0; i < entries; i++) {
        size_t pieces = 1 + suite_rand(w, 8), tail = 1 + suite_rand(w, size), at = 0;
        for (size_t p = 0; p < pieces; p++, k++) {
            lens[k] = p + 1 < pieces ? size : tail;
            suite_fill(bytes + at, k, lens[k]);
            at += lens[k];
        }
        batch[i] = (thetis_dgram){.data = bytes, .len = at, .to = to, .segment = size};
        bytes += at;
    }
    return k;
}

static size_t send_trains(suite *w, plug *x, const thetis_addr *to, uint32_t size, size_t *lens)
{
    static unsigned char bytes[10 * 8 * 1400];
    static thetis_dgram batch[10];
    thetis_status why;
    size_t n = make_trains(w, batch, 10, size, bytes, to, lens);
    CHECK_EQ(thetis_udp_send_n(&x->udp, batch, 10, &why), 10);
    CHECK_EQ(why, THETIS_OK);
    for (size_t i = 0; i < 10; i++) CHECK_EQ(batch[i].sent, batch[i].len);
    return n;
}

static void row_085_a_train_is_its_datagrams(suite *w)
{
    static const uint32_t sizes[] = {1, 7, 100, 1001, 1400};
    static plug x;
    thetis_addr at;
    size_t lens[80];
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    for (size_t i = 0; i < 5; i++)
        peer_udp_expect(fd, lens, send_trains(w, &x, &at, sizes[i], lens));
    plug_close(&x);
    peer_close(fd);
}

static size_t refusals(const suite *w, uint64_t from)
{
    size_t count = 0;
    for (uint64_t i = from; i < w->fault.logged; i++) {
        const fault_call *call = &w->fault.log[i % FAULT_LOG];
        count += call->fn == FAULT_SEND_MSGS && call->ret.status == THETIS_ENOTSUP;
    }
    return count;
}

/* One path refuses in the middle of an array: its datagrams go one by one from there on, and those
 * of another path do not. */
static void row_085_a_path_that_cannot_segment(suite *w)
{
    static plug x;
    thetis_addr at;
    size_t lens[80];
    uint64_t from = w->fault.logged;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    if (thetis_loop_cap(w->loop, THETIS_CAP_UDP_GSO).level != THETIS_CAP_NATIVE)
        SKIP_UNSUPPORTED("UDP_GSO");
    w->fault.no_cut = 1000000;
    for (int i = 0; i < 5; i++) peer_udp_expect(fd, lens, send_trains(w, &x, &at, 500, lens));
    CHECK_EQ(refusals(w, from), 1);
    w->fault.no_cut = 1;
    for (uint32_t size = 600; size < 609; size++) /* more paths than are remembered */
        peer_udp_expect(fd, lens, send_trains(w, &x, &at, size, lens));
    peer_udp_expect(fd, lens, send_trains(w, &x, &at, 500, lens));
    CHECK_EQ(refusals(w, from), 2);
    plug_close(&x);
    peer_close(fd);
}

static void row_086_trains_are_split(suite *w)
{
    static const uint32_t sizes[] = {1, 7, 100, 1001, 1400};
    static plug a, b;
    size_t lens[80];
    suite_reopen(w, plug_buffers(64, THETIS_UDP_TRAIN_MAX));
    plug_open(w, &a);
    plug_open(w, &b);
    plug_recv(&b);
    for (size_t i = 0; i < 5; i++) {
        b.next = b.datagrams = 0;
        b.lens = lens;
        size_t n = send_trains(w, &a, &b.at, sizes[i], lens);
        UNTIL(w, b.datagrams == n);
    }
    CHECK_EQ(b.cuts, 0);
    if (thetis_loop_cap(w->loop, THETIS_CAP_UDP_GRO).level == THETIS_CAP_NATIVE &&
        thetis_loop_cap(w->loop, THETIS_CAP_UDP_GSO).level == THETIS_CAP_NATIVE)
        CHECK(b.long_trains > 0);
    plug_close(&a);
    plug_close(&b);
}

static void row_086_single_datagrams_where_asked(suite *w)
{
    static plug a, b;
    thetis_udp_cfg cfg = {.single = 1};
    size_t lens[80];
    suite_reopen(w, plug_buffers(64, THETIS_UDP_TRAIN_MAX));
    plug_open(w, &a);
    plug_open_at(w, &b, "127.0.0.1:0", &cfg);
    plug_recv(&b);
    b.lens = lens;
    size_t n = send_trains(w, &a, &b.at, 300, lens);
    UNTIL(w, b.datagrams == n);
    CHECK_EQ(b.long_trains, 0);
    plug_close(&a);
    plug_close(&b);
}

/* A train that no one call can take: 400 datagrams of 1000 bytes. */
static void row_086_a_train_longer_than_a_call_takes(suite *w)
{
    static unsigned char bytes[400 * 1000];
    static plug a, b;
    thetis_udp_cfg cfg = {.recv_space = 1 << 20};
    thetis_status why;
    suite_reopen(w, plug_buffers(64, THETIS_UDP_TRAIN_MAX));
    plug_open(w, &a);
    plug_open_at(w, &b, "127.0.0.1:0", &cfg);
    b.any = 1;
    plug_recv(&b);
    thetis_dgram d = {.data = bytes, .len = 60 * 1000, .to = &b.at, .segment = 1000};
    for (unsigned k = 1; k <= 5; k++) { /* as much as the queue surely holds */
        CHECK_EQ(thetis_udp_send_n(&a.udp, &d, 1, &why), 1);
        UNTIL(w, b.datagrams == 60 * k);
    }
    d.len = 130 * 1000;
    CHECK_EQ(thetis_udp_send_n(&a.udp, &d, 1, &why), 1);
    CHECK_EQ(d.sent, d.len);
    UNTIL(w, b.datagrams == 300 + 130);
    plug_close(&a);
    plug_close(&b);
}

static void row_087_a_batch_taken_in_part_goes_on(suite *w)
{
    static plug x;
    thetis_addr at;
    size_t lens[80];
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    for (size_t most = 1; most <= 16; most += 3) {
        w->fault.short_max = most;
        peer_udp_expect(fd, lens, send_trains(w, &x, &at, 50, lens));
    }
    plug_close(&x);
    peer_close(fd);
}

/* The fault of the k-th stops the batch there; what was taken stays taken. */
static void row_087_a_fault_belongs_to_its_datagram(suite *w)
{
    static plug x;
    static thetis_dgram batch[PLUG_BATCH];
    static unsigned char bytes[PLUG_BATCH][32], much[70000];
    thetis_addr at;
    thetis_status why;
    size_t lens[PLUG_BATCH];
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    for (size_t bad = 0; bad < 40; bad += 13) {
        plug_batch(batch, bytes, &at, 0, PLUG_BATCH);
        for (size_t i = 0; i < PLUG_BATCH; i++) lens[i] = batch[i].len;
        batch[bad].data = much;
        batch[bad].len = sizeof much;
        CHECK_EQ(thetis_udp_send_n(&x.udp, batch, PLUG_BATCH, &why), bad);
        CHECK_EQ(why, THETIS_E2BIG);
        CHECK_EQ(batch[bad].sent, 0);
        peer_udp_expect(fd, lens, bad);
    }
    plug_close(&x);
    peer_close(fd);
}

/* ---- 119: everything at once ----------------------------------------------------------------- */

enum { RANDOM_ENTRIES = 12, RANDOM_PIECES = 8, RANDOM_BYTES = 2000 };

/* What is to arrive, and the array that says so. */
typedef struct random_batch {
    thetis_dgram entries[RANDOM_ENTRIES];
    unsigned char bytes[RANDOM_ENTRIES][RANDOM_BYTES];
    size_t lens[RANDOM_ENTRIES * RANDOM_PIECES];
    size_t count;
} random_batch;

static void random_entry(suite *w, random_batch *r, size_t i, const thetis_addr *to)
{
    uint32_t segment = suite_rand(w, 2) ? 1 + (uint32_t)suite_rand(w, 300) : 0;
    size_t len = suite_rand(w, segment ? segment * RANDOM_PIECES + 1 : RANDOM_BYTES), at = 0;
    if (len > RANDOM_BYTES) len = RANDOM_BYTES;
    do {
        size_t piece = segment && segment < len - at ? segment : len - at;
        suite_fill(r->bytes[i] + at, r->count, piece);
        r->lens[r->count++] = piece;
        at += piece;
    } while (at < len);
    r->entries[i] = (thetis_dgram){.data = r->bytes[i], .len = len, .to = to, .segment = segment};
}

/* Sends all of it, from wherever a fault has stopped it. */
static void random_send(plug *x, random_batch *r, size_t n)
{
    for (size_t next = 0; next < n;) {
        thetis_status why;
        thetis_dgram *d = &r->entries[next];
        size_t k = thetis_udp_send_n(&x->udp, d, n - next, &why);
        CHECK((why == THETIS_OK) == (k == n - next));
        next += k;
        if (why == THETIS_OK) return;
        d += k;
        CHECK(d->sent < d->len || d->len == 0);
        CHECK(d->segment ? d->sent % d->segment == 0 : d->sent == 0);
        d->data = (const unsigned char *)d->data + d->sent;
        d->len -= d->sent;
    }
}

static void row_119_random_batches_and_faults(suite *w)
{
    static const thetis_status faults[] = {THETIS_AGAIN, THETIS_ENOBUFS, THETIS_EREFUSED,
                                           THETIS_EUNREACH, THETIS_EINTR};
    static random_batch r;
    static plug x;
    thetis_addr at;
    int fd = peer_udp("127.0.0.1:0", &at);
    plug_open(w, &x);
    for (size_t round = 0; round < test_scale(2000); round++) {
        size_t n = 1 + suite_rand(w, RANDOM_ENTRIES);
        thetis_status status = faults[suite_rand(w, sizeof faults / sizeof faults[0])];
        r.count = 0;
        for (size_t i = 0; i < n; i++) random_entry(w, &r, i, &at);
        w->fault.short_max = suite_rand(w, 3) ? 0 : 1 + suite_rand(w, 10);
        w->fault.no_cut = suite_rand(w, 4) == 0;
        fault_fail(&w->fault, FAULT_SEND_MSGS, 1 + suite_rand(w, 8), status, EIO);
        random_send(&x, &r, n);
        fault_fail(&w->fault, FAULT_SEND_MSGS, 0, THETIS_OK, 0);
        peer_udp_expect(fd, r.lens, r.count);
    }
    plug_close(&x);
    peer_close(fd);
}

static void row_088_the_longest_datagram(suite *w)
{
    static plug x;
    static unsigned char bytes[65508];
    thetis_addr at;
    uint64_t k = 0;
    int fd = peer_udp("127.0.0.1:0", &at);
    suite_reopen(w, plug_buffers(8, 65536));
    plug_open(w, &x);
    plug_recv(&x);
    plug_send(&x, &at, &k, 1, 65507);
    CHECK_EQ(peer_udp_take(fd, 0), 65507);
    CHECK_EQ(thetis_udp_send(&x.udp, &at, bytes, 65508), THETIS_E2BIG);
    peer_udp_send(fd, &x.at, 0, 65507);
    UNTIL(w, x.datagrams == 1);
    CHECK_EQ(x.cuts, 0);
    plug_close(&x);
    peer_close(fd);
}

#define CONFORM_GROUP_F_SEND
#include "conform/rows.h"
