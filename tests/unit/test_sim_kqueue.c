/* SPDX-License-Identifier: MIT
 *
 * test_sim_kqueue.c: the fake kernel as FreeBSD and NetBSD: what a probe program printed on the
 * real ones, fact by fact.
 */
#include <string.h>

#include "sim/oracle.h"
#include "unit/fake.h"

static int queue;

static void begin_queue(const char *personality)
{
    begin(personality);
    queue = (int)sys->kqueue_open(sys).n;
    CHECK(queue > 0);
}

static tht_ret change(int fd, int filter, int flags)
{
    tht_kevent k = {.token = (uint64_t)fd, .fd = fd, .filter = (uint16_t)filter,
                    .flags = (uint16_t)flags}, receipt = {0};
    k.flags |= THT_KQ_RECEIPT;
    CHECK_EQ(sys->kevent(sys, queue, &k, 1, &receipt, 1, 0).n, 1);
    CHECK(receipt.flags & THT_KQ_ERROR);
    return (tht_ret){0, receipt.status, receipt.os};
}

static void watch(int fd, int filter, int flags)
{
    CHECK_EQ(change(fd, filter, THT_KQ_ADD | flags).status, THETIS_OK);
}

/* The only event, or one of filter 0. */
static tht_kevent only(uint64_t ns)
{
    tht_kevent e[8] = {{0}};
    tht_ret r = sys->kevent(sys, queue, NULL, 0, e, 8, ns);
    CHECK_EQ(r.status, THETIS_OK);
    CHECK(r.n <= 1);
    return e[0];
}

static void expect(int filter, int64_t data, int flags)
{
    tht_kevent e = only(50000000);
    CHECK_EQ(e.filter, filter);
    CHECK_EQ(e.data, data);
    CHECK_EQ(e.flags, flags);
}

static int dgram(thetis_addr *at)
{
    int fd = open_socket(THETIS_ADDR_V4, THT_DGRAM);
    *at = loopback(0);
    CHECK_EQ(sys->bind(sys, fd, at).status, THETIS_OK);
    CHECK_EQ(sys->name(sys, fd, THT_LOCAL, at).status, THETIS_OK);
    return fd;
}

static void dgrams_to_itself(int fd, const thetis_addr *at, int n)
{
    tht_out out = {.data = "0123456789", .len = 10, .to = at};
    for (; n > 0; n--) CHECK_EQ(sys->send_msgs(sys, fd, &out, 1).n, 1);
    tsm_settle(sim);
}

static void put(int fd, const char *text)
{
    CHECK_EQ(sys->send_one(sys, fd, text, strlen(text)).n, (ptrdiff_t)strlen(text));
    tsm_settle(sim);
}

static tht_ret get(int fd, size_t n)
{
    static char bytes[1 << 18];
    tht_ret r = sys->recv(sys, fd, bytes, n);
    tsm_settle(sim);
    return r;
}

/* ---- 1: datagrams ---------------------------------------------------------------------------- */

TEST(write_on_udp_is_always_true_and_takes_turns_with_read)
{
    thetis_addr at;
    tht_kevent e;
    begin_queue("freebsd2");
    int fd = dgram(&at);
    watch(fd, THT_KQ_READ, 0);
    watch(fd, THT_KQ_WRITE, 0);
    for (int i = 0; i < 100; i++) expect(THT_KQ_WRITE, 9216, 0);
    dgrams_to_itself(fd, &at, 3);
    for (int i = 0, last = 0; i < 10; i++, last = e.filter) { /* room for one event */
        CHECK_EQ(sys->kevent(sys, queue, NULL, 0, &e, 1, 0).n, 1);
        CHECK(e.filter != last);
        CHECK_EQ(e.data, e.filter == THT_KQ_READ ? 30 : 9216);
    }
    end();
}

TEST(write_with_clear_and_oneshot_comes_once)
{
    thetis_addr at;
    begin_queue("freebsd2");
    int fd = dgram(&at);
    watch(fd, THT_KQ_WRITE, THT_KQ_CLEAR);
    expect(THT_KQ_WRITE, 9216, THT_KQ_CLEAR);
    expect(0, 0, 0);
    CHECK_EQ(change(fd, THT_KQ_WRITE, THT_KQ_DELETE).status, THETIS_OK);
    watch(fd, THT_KQ_WRITE, THT_KQ_ONESHOT);
    expect(THT_KQ_WRITE, 9216, THT_KQ_ONESHOT);
    expect(0, 0, 0);
    CHECK_EQ(change(fd, THT_KQ_WRITE, THT_KQ_DELETE).os, 2); /* it is gone */
    end();
}

TEST(close_drops_the_entry_though_a_copy_is_open)
{
    thetis_addr at;
    begin_queue("freebsd2");
    int fd = dgram(&at);
    watch(fd, THT_KQ_WRITE, 0);
    tsm_file_hold(tsm_fd_file(sim, fd));
    (void)tsm_fd_open(sim, tsm_fd_file(sim, fd));
    CHECK_EQ(sys->close(sys, fd).status, THETIS_OK);
    expect(0, 0, 0);
    end();
}

TEST(the_longest_datagram)
{
    static char bytes[9217];
    thetis_addr at;
    begin_queue("freebsd2");
    int fd = dgram(&at);
    tht_out out = {.data = bytes, .len = 9216, .to = &at};
    CHECK_EQ(sys->send_msgs(sys, fd, &out, 1).n, 1);
    out.len = 9217;
    CHECK_EQ(sys->send_msgs(sys, fd, &out, 1).os, 40);
    end();
}

TEST(an_empty_datagram_is_a_read_event_without_data)
{
    thetis_addr at, from;
    char byte;
    tht_in in = {.into = &byte, .room = 1, .from = &from};
    begin_queue("freebsd2");
    int fd = dgram(&at);
    watch(fd, THT_KQ_READ, 0);
    CHECK_EQ(sys->send_msgs(sys, fd, &(tht_out){.data = "", .to = &at}, 1).n, 1);
    expect(THT_KQ_READ, 0, 0);
    CHECK_EQ(sys->recv_msgs(sys, fd, &in, 1).n, 1);
    expect(0, 0, 0);
    end();
}

TEST(nobody_there_is_a_read_event_without_data)
{
    thetis_addr at = loopback(9);
    begin_queue("freebsd2");
    int fd = open_socket(THETIS_ADDR_V4, THT_DGRAM);
    CHECK_EQ(sys->connect(sys, fd, &at).status, THETIS_OK);
    watch(fd, THT_KQ_READ, 0);
    CHECK_EQ(sys->send_msgs(sys, fd, &(tht_out){.data = "x", .len = 1}, 1).n, 1);
    expect(THT_KQ_READ, 0, 0);
    CHECK_EQ(sys->recv_msgs(sys, fd, &(tht_in){0}, 1).os, 61);
    end();
}

TEST(a_flood_is_never_refused_and_mostly_lost)
{
    static const struct {
        const char *name;
        uint32_t kept;
    } kernels[] = {{"freebsd2", 41}, {"netbsd", 27}};
    static char bytes[1000];
    thetis_addr at, own;
    for (size_t i = 0; i < 2; i++) {
        begin_queue(kernels[i].name);
        int to = dgram(&at), from = dgram(&own);
        tht_out out = {.data = bytes, .len = sizeof bytes, .to = &at};
        for (int k = 0; k < 2000; k++) CHECK_EQ(sys->send_msgs(sys, from, &out, 1).n, 1);
        tsm_settle(sim);
        CHECK_EQ(tsm_fd_file(sim, to)->u.d.count, kernels[i].kept);
        end();
    }
}

/* ---- 2, 4: connecting ------------------------------------------------------------------------ */

/* Of `n` connects, those that answer OK inside the call; each is writable afterwards. */
static int at_once(const char *personality, int n)
{
    thetis_addr at = loopback(0);
    int count = 0;
    begin_queue(personality);
    int listener = listen_at(&at, 8);
    for (int i = 0; i < n; i++) {
        int fd;
        tht_ret r = connect_to(&fd, &at);
        CHECK(r.status == THETIS_OK || r.os == 36);
        count += r.status == THETIS_OK;
        watch(fd, THT_KQ_WRITE, 0);
        expect(THT_KQ_WRITE, 49032, 0);
        CHECK_EQ(sys->so_error(sys, fd).status, THETIS_OK);
        CHECK_EQ(sys->close(sys, (int)sys->accept(sys, listener, NULL).n).status, THETIS_OK);
        CHECK_EQ(sys->close(sys, fd).status, THETIS_OK);
    }
    end();
    return count;
}

TEST(connect_at_once_depends_on_the_processors)
{
    static struct sim_oracle oracle;
    oracle.seed = oracle.state = 1;
    cfg.oracle = &oracle;
    CHECK_EQ(at_once("freebsd1", 2000), 2000);
    cfg.oracle = &oracle;
    int mixed = at_once("freebsd2", 2000);
    CHECK(mixed > 200 && mixed < 450); /* 319 were seen, and 56 */
    cfg.oracle = &oracle;
    int rare = at_once("freebsd4", 2000);
    CHECK(rare < 20); /* 3 were seen */
}

TEST(unix_connects_at_once)
{
    thetis_addr at;
    CHECK_EQ(thetis_addr_parse(&at, "unix:/s"), THETIS_OK);
    begin_queue("freebsd4");
    int listener = listen_at(&at, 8);
    for (int i = 0; i < 500; i++) {
        int fd;
        CHECK_EQ(connect_to(&fd, &at).status, THETIS_OK);
        CHECK_EQ(sys->close(sys, (int)sys->accept(sys, listener, NULL).n).status, THETIS_OK);
        CHECK_EQ(sys->close(sys, fd).status, THETIS_OK);
    }
    end();
}

TEST(an_entry_of_before_the_connect_fires_once)
{
    thetis_addr at = loopback(0);
    begin_queue("freebsd1");
    (void)listen_at(&at, 4);
    int fd = open_socket(THETIS_ADDR_V4, THT_STREAM);
    watch(fd, THT_KQ_WRITE, THT_KQ_CLEAR);
    expect(0, 0, 0); /* q10: not connected, not writable */
    CHECK_EQ(sys->connect(sys, fd, &at).status, THETIS_OK);
    expect(THT_KQ_WRITE, 49032, THT_KQ_CLEAR);
    expect(0, 0, 0);
    end();
}

TEST(q44_a_unix_stream_is_not_writable_before_it_is_connected)
{
    begin_queue("freebsd2");
    watch(open_socket(THETIS_ADDR_UNIX, THT_STREAM), THT_KQ_WRITE, 0);
    expect(0, 0, 0);
    end();
}

TEST(a_refusal_at_once_leaves_no_error)
{
    thetis_addr at = loopback(9);
    int fd;
    begin_queue("freebsd1");
    CHECK_EQ(connect_to(&fd, &at).os, 61);
    watch(fd, THT_KQ_WRITE, 0);
    tht_kevent e = only(0);
    CHECK_EQ(e.filter, THT_KQ_WRITE);
    CHECK(e.flags == THT_KQ_EOF && e.os == 0);
    CHECK_EQ(sys->so_error(sys, fd).status, THETIS_OK); /* which would say: connected */
    end();
}

TEST(a_late_refusal_is_told_by_both)
{
    thetis_addr at = loopback(9);
    static const char *const kernels[] = {"freebsd4", "netbsd"};
    for (int i = 0; i < 2; i++) {
        int fd;
        begin_queue(kernels[i]);
        CHECK_EQ(connect_to(&fd, &at).os, 36);
        watch(fd, THT_KQ_WRITE, 0);
        tht_kevent e = only(50000000);
        CHECK(e.flags & THT_KQ_EOF && e.os == 61);
        CHECK_EQ(sys->so_error(sys, fd).os, 61);
        end();
    }
}

TEST(q70_a_reset_before_accept_is_an_error_of_accept)
{
    thetis_addr at = loopback(0);
    int fd;
    begin_queue("freebsd2");
    int listener = listen_at(&at, 4);
    (void)connect_to(&fd, &at);
    tsm_settle(sim);
    CHECK_EQ(sys->setopt(sys, fd, THT_OPT_ABORT_ON_CLOSE, 1).status, THETIS_OK);
    CHECK_EQ(sys->close(sys, fd).status, THETIS_OK);
    tsm_settle(sim);
    tht_ret r = sys->accept(sys, listener, NULL);
    CHECK(r.os == 53 && r.status == THETIS_ERESET);
    end();
}

TEST(refusals_are_rationed)
{
    thetis_addr at = loopback(9);
    int fd, refused = 0;
    begin_queue("freebsd1");
    for (int i = 0; i < 500; i++) refused += connect_to(&fd, &at).status == THETIS_EREFUSED;
    CHECK_EQ(refused, 200);
    end();
}

/* ---- 3, 5, 9: streams and pipes -------------------------------------------------------------- */

TEST(eof_is_told_before_the_data_is_read)
{
    int fds[2];
    begin_queue("freebsd2");
    pair(fds);
    watch(fds[1], THT_KQ_READ, 0);
    put(fds[0], "twelve bytes");
    expect(THT_KQ_READ, 12, 0);
    CHECK_EQ(sys->shutdown(sys, fds[0]).status, THETIS_OK);
    tsm_settle(sim);
    expect(THT_KQ_READ, 12, THT_KQ_EOF);
    CHECK_EQ(get(fds[1], 5).n, 5);
    expect(THT_KQ_READ, 7, THT_KQ_EOF);
    CHECK_EQ(get(fds[1], 100).n, 7);
    expect(THT_KQ_READ, 0, THT_KQ_EOF);
    CHECK_EQ(get(fds[1], 100).n, 0);
    end();
}

TEST(a_reset_is_eof_with_its_number_and_the_data_stays)
{
    int fds[2];
    begin_queue("freebsd2");
    pair(fds);
    watch(fds[1], THT_KQ_READ, 0);
    put(fds[0], "abc");
    CHECK_EQ(sys->setopt(sys, fds[0], THT_OPT_ABORT_ON_CLOSE, 1).status, THETIS_OK);
    CHECK_EQ(sys->close(sys, fds[0]).status, THETIS_OK);
    tsm_settle(sim);
    tht_kevent e = only(0);
    CHECK(e.flags == THT_KQ_EOF && e.os == 54 && e.data == 3);
    CHECK_EQ(get(fds[1], 10).n, 3);
    CHECK_EQ(get(fds[1], 10).os, 54);
    end();
}

TEST(a_full_stream)
{
    static const struct {
        const char *name;
        ptrdiff_t bytes;
    } kernels[] = {{"freebsd2", 114568}, {"netbsd", 81920}};
    static char much[1 << 18];
    for (size_t i = 0; i < 2; i++) {
        int fds[2];
        ptrdiff_t sum = 0;
        tht_ret r;
        begin_queue(kernels[i].name);
        pair(fds);
        while ((r = sys->send_one(sys, fds[0], much, sizeof much)).status == THETIS_OK) {
            sum += r.n;
            tsm_settle(sim);
        }
        CHECK_EQ(r.os, 35);
        CHECK_EQ(sum, kernels[i].bytes);
        watch(fds[0], THT_KQ_WRITE, 0);
        CHECK_EQ(only(0).filter, 0);
        while (get(fds[1], sizeof much).n > 0) continue;
        CHECK_EQ(only(50000000).filter, THT_KQ_WRITE);
        end();
    }
}

TEST(a_listener_counts_and_a_pipe_ends)
{
    thetis_addr at = loopback(0);
    int fd, fds[2];
    begin_queue("freebsd2");
    int listener = listen_at(&at, 4);
    watch(listener, THT_KQ_READ, 0);
    (void)connect_to(&fd, &at);
    (void)connect_to(&fd, &at);
    tsm_settle(sim);
    expect(THT_KQ_READ, 2, 0);
    CHECK_EQ(sys->close(sys, listener).status, THETIS_OK);
    CHECK_EQ(tsm_pipe(sim, fds).status, THETIS_OK);
    watch(fds[0], THT_KQ_READ, 0);
    CHECK_EQ(tsm_pipe_write(sim, tsm_fd_file(sim, fds[1]), "abc", 3).n, 3);
    expect(THT_KQ_READ, 3, 0);
    CHECK_EQ(sys->close(sys, fds[1]).status, THETIS_OK);
    expect(THT_KQ_READ, 3, THT_KQ_EOF);
    end();
}

TEST(q2_a_second_add_replaces_the_first)
{
    int fds[2];
    begin_queue("freebsd2");
    pair(fds);
    watch(fds[0], THT_KQ_WRITE, 0);
    watch(fds[0], THT_KQ_WRITE, THT_KQ_CLEAR);
    expect(THT_KQ_WRITE, 49032, THT_KQ_CLEAR);
    expect(0, 0, 0); /* not two of them */
    end();
}

TEST(q15_two_directions_are_two_events)
{
    tht_kevent e[8];
    int fds[2];
    begin_queue("freebsd2");
    pair(fds);
    put(fds[1], "abc");
    watch(fds[0], THT_KQ_READ, 0);
    watch(fds[0], THT_KQ_WRITE, 0);
    CHECK_EQ(sys->kevent(sys, queue, NULL, 0, e, 8, 0).n, 2);
    CHECK(e[0].fd == fds[0] && e[1].fd == fds[0] && e[0].filter != e[1].filter);
    end();
}

TEST(q42_nothing_is_reported_of_what_is_not_watched)
{
    int fds[2];
    begin_queue("freebsd2");
    pair(fds);
    watch(fds[1], THT_KQ_READ, 0);
    CHECK_EQ(change(fds[1], THT_KQ_READ, THT_KQ_DELETE).status, THETIS_OK);
    CHECK_EQ(sys->setopt(sys, fds[0], THT_OPT_ABORT_ON_CLOSE, 1).status, THETIS_OK);
    CHECK_EQ(sys->close(sys, fds[0]).status, THETIS_OK);
    tsm_settle(sim);
    expect(0, 0, 0);
    end();
}

/* ---- 6, 8: wake-ups, errors, names of other kernels ------------------------------------------ */

static void trigger(int flags)
{
    tht_kevent k = {.fd = 42, .token = 42, .filter = THT_KQ_USER, .flags = (uint16_t)flags};
    CHECK_EQ(sys->kevent(sys, queue, &k, 1, NULL, 0, 0).status, THETIS_OK);
}

TEST(triggers_coalesce_and_do_not_fire_where_they_are_added)
{
    begin_queue("freebsd2");
    trigger(THT_KQ_ADD | THT_KQ_CLEAR | THT_KQ_TRIGGER);
    expect(0, 0, 0);
    trigger(THT_KQ_TRIGGER);
    trigger(THT_KQ_TRIGGER);
    expect(THT_KQ_USER, 0, THT_KQ_CLEAR);
    expect(0, 0, 0);
    end();
}

TEST(netbsd_has_no_user_events_and_echoes_add)
{
    thetis_addr at;
    begin_queue("netbsd");
    CHECK_EQ(change(42, THT_KQ_USER, THT_KQ_ADD).os, 22);
    int fd = dgram(&at);
    watch(fd, THT_KQ_READ, 0);
    dgrams_to_itself(fd, &at, 3);
    expect(THT_KQ_READ, 78, THT_KQ_ADD);
    end();
}

TEST(errors_come_in_the_event_list_in_order)
{
    tht_kevent k[2] = {{.token = 7, .fd = 99, .filter = THT_KQ_READ, .flags = THT_KQ_ADD},
                       {.token = 8, .fd = 98, .filter = THT_KQ_WRITE, .flags = THT_KQ_DELETE}};
    tht_kevent e[2];
    begin_queue("freebsd2");
    CHECK_EQ(sys->kevent(sys, queue, k, 2, e, 2, 0).n, 2);
    CHECK(e[0].flags == THT_KQ_ERROR && e[0].data == 9 && e[0].token == 7);
    CHECK(e[1].flags == THT_KQ_ERROR && e[1].data == 2 && e[1].token == 8);
    CHECK_EQ(sys->kevent(sys, queue, k, 2, NULL, 0, 0).os, 9); /* no room: the call fails */
    end();
}

TEST(q103_t6_sleeps_of_netbsd_end_with_a_tick)
{
    tht_kevent e;
    begin_queue("netbsd");
    uint64_t from = sim->now;
    CHECK_EQ(sys->kevent(sys, queue, NULL, 0, &e, 1, 50000000).n, 0);
    CHECK_EQ(sim->now - from, 60000000);
    CHECK_EQ(sys->sleep_ns(sys), 20000000);
    end();
}

TEST(q57_without_room_a_wait_ends_at_once)
{
    begin_queue("freebsd2");
    uint64_t from = sim->now;
    CHECK_EQ(sys->kevent(sys, queue, NULL, 0, NULL, 0, 1000000000).n, 0);
    CHECK_EQ(sim->now, from);
    end();
}

TEST(q58_interrupted_but_the_changes_are_made)
{
    tht_kevent k = {.token = 1, .filter = THT_KQ_READ, .flags = THT_KQ_ADD}, e;
    thetis_addr at;
    cfg.interrupts = 1000;
    begin_queue("freebsd2");
    const tht_sys *own = thetis_sim_sys(sim); /* peers are not interrupted */
    k.fd = dgram(&at);
    CHECK_EQ(own->kevent(own, queue, &k, 1, &e, 1, 1000).status, THETIS_EINTR);
    CHECK_EQ(change(k.fd, THT_KQ_READ, THT_KQ_DELETE).status, THETIS_OK);
    end();
}

TEST_MAIN(T(write_on_udp_is_always_true_and_takes_turns_with_read),
          T(write_with_clear_and_oneshot_comes_once),
          T(close_drops_the_entry_though_a_copy_is_open), T(the_longest_datagram),
          T(an_empty_datagram_is_a_read_event_without_data),
          T(nobody_there_is_a_read_event_without_data),
          T(a_flood_is_never_refused_and_mostly_lost),
          T(connect_at_once_depends_on_the_processors), T(unix_connects_at_once),
          T(an_entry_of_before_the_connect_fires_once),
          T(q44_a_unix_stream_is_not_writable_before_it_is_connected),
          T(a_refusal_at_once_leaves_no_error), T(a_late_refusal_is_told_by_both),
          T(q70_a_reset_before_accept_is_an_error_of_accept), T(refusals_are_rationed),
          T(eof_is_told_before_the_data_is_read),
          T(a_reset_is_eof_with_its_number_and_the_data_stays), T(a_full_stream),
          T(a_listener_counts_and_a_pipe_ends), T(q2_a_second_add_replaces_the_first),
          T(q15_two_directions_are_two_events), T(q42_nothing_is_reported_of_what_is_not_watched),
          T(triggers_coalesce_and_do_not_fire_where_they_are_added),
          T(netbsd_has_no_user_events_and_echoes_add), T(errors_come_in_the_event_list_in_order),
          T(q103_t6_sleeps_of_netbsd_end_with_a_tick), T(q57_without_room_a_wait_ends_at_once),
          T(q58_interrupted_but_the_changes_are_made))
