/* SPDX-License-Identifier: MIT
 *
 * test_sim_loop.c: a loop on fake systems that lie, one lie at a time, by their names in the
 * catalogue of quirks.
 */
#include <thetis/conn.h>

#include "unit/fake.h"

static sim_personality person; /* what begin_as() acts like */
static thetis_loop *loop;
static unsigned wakes;

static void begin_as(const char *name)
{
    begin(name);
    person = *sim->person;
    sim->person = &person;
}

static void on_wake(thetis_loop *l, void *user)
{
    (void)l;
    (void)user;
    wakes++;
}

static void open_loop(const tht_sys *table, const char *backend)
{
    thetis_loop_cfg of = {.sys = table, .backend = backend, .on_wake = on_wake};
    wakes = 0;
    CHECK_EQ(thetis_loop_create(&of, &loop), THETIS_OK);
    thetis_sim_watch(sim, loop);
}

static void close_loop(void)
{
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
    thetis_sim_watch(sim, NULL);
    end();
}

static void turns(int n)
{
    while (n-- > 0) CHECK(thetis_loop_run_once(loop, 1000000) >= 0);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static unsigned connects;
static thetis_status connected;

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    (void)tcp;
    (void)os;
    connects++;
    connected = status;
}

/* Neither SO_ERROR nor a name: only a read says that the connect failed. */
TEST(q7_an_error_that_only_a_read_tells)
{
    static const char *const backends[] = {"kqueue", "poll"};
    for (int i = 0; i < 2; i++) {
        thetis_addr nobody = loopback(1);
        thetis_tcp tcp;
        begin_as("macos");
        person.so_error_lies = 1000;
        person.connect_at_once = person.refuse_at_once = 0;
        open_loop(thetis_sim_sys(sim), backends[i]);
        connects = 0;
        CHECK_EQ(thetis_tcp_connect(loop, &tcp, &nobody, on_connect), THETIS_OK);
        turns(10);
        CHECK_EQ(connects, 1);
        CHECK_EQ(connected, THETIS_EREFUSED);
        CHECK_EQ(thetis_tcp_close(&tcp, NULL), THETIS_OK);
        close_loop();
    }
}

/* ---- wake-ups -------------------------------------------------------------------------------- */

static sim_view deaf;

/* Triggers are accepted, and nothing comes of them. */
static tht_ret deaf_kevent(const tht_sys *table, int queue, const tht_kevent *changes, uint32_t n,
                           tht_kevent *out, uint32_t cap, uint64_t timeout_ns)
{
    (void)table;
    if (n && changes->flags & THT_KQ_TRIGGER) return (tht_ret){0};
    return sim->program.sys.kevent(&sim->program.sys, queue, changes, n, out, cap, timeout_ns);
}

static void wake_now(thetis_sim *s, sim_file *f)
{
    (void)s;
    (void)f;
    thetis_loop_wake(loop);
}

static void never_called(thetis_listener *l, thetis_accepted *a)
{
    (void)l, (void)a;
    FAIL("nobody connects");
}

/* The wake-up comes 1 ms after the loop fell asleep for a second. */
static void wake_ends_a_sleep(void)
{
    thetis_addr at = loopback(0);
    static thetis_listener keep;
    CHECK_EQ(thetis_tcp_listen(loop, &keep, &at, NULL, never_called), THETIS_OK);
    turns(3);
    uint64_t from = sim->now;
    tsm_at(sim, 1000000, wake_now, sim->files);
    CHECK(thetis_loop_run_once(loop, 1000000000) >= 0);
    turns(1);
    CHECK_EQ(wakes, 1);
    CHECK(sim->now - from < 100000000);
    CHECK_EQ(thetis_listener_close(&keep, NULL), THETIS_OK);
}

TEST(q62_q96_user_events_that_never_arrive)
{
    begin_as("freebsd2");
    deaf = sim->program;
    deaf.sys.kevent = deaf_kevent;
    open_loop(&deaf.sys, "kqueue");
    CHECK(loop->wake_fd >= 0);
    wake_ends_a_sleep();
    close_loop();
}

TEST(q96_user_events_that_do_not_exist)
{
    begin_as("netbsd");
    open_loop(thetis_sim_sys(sim), "kqueue");
    CHECK(loop->wake_fd >= 0);
    wake_ends_a_sleep();
    close_loop();
}

TEST(q95_q96_user_events_that_work_cost_no_descriptor)
{
    begin_as("freebsd2");
    open_loop(thetis_sim_sys(sim), "kqueue");
    CHECK_EQ(loop->wake_fd, -1);
    CHECK_EQ(sim->fd_count, 1); /* the queue */
    wake_ends_a_sleep();
    close_loop();
}

/* ---- changes that fail ----------------------------------------------------------------------- */

static unsigned deletes_fail;
static thetis_status ended;

static tht_ret stiff_kevent(const tht_sys *table, int queue, const tht_kevent *changes, uint32_t n,
                            tht_kevent *out, uint32_t cap, uint64_t timeout_ns)
{
    (void)table;
    if (n && changes->flags & THT_KQ_DELETE && deletes_fail) {
        deletes_fail--;
        return (tht_ret){0, THETIS_ENOMEM, 12};
    }
    return sim->program.sys.kevent(&sim->program.sys, queue, changes, n, out, cap, timeout_ns);
}

static void on_recv(thetis_tcp *tcp, const thetis_recv *r)
{
    (void)tcp;
    ended = r->status;
}

/* A filter that could neither be deleted nor taken back is reported while nobody asks for it: the
 * loop deletes it then, and does not spin. */
TEST(a_filter_that_was_left_is_deleted_when_it_reports)
{
    thetis_addr at = loopback(0);
    thetis_tcp tcp;
    begin_as("freebsd2");
    person.connect_at_once = 0;
    deaf = sim->program;
    deaf.sys.kevent = stiff_kevent;
    deletes_fail = 0;
    int door = listen_at(&at, 4);
    open_loop(&deaf.sys, "kqueue");
    CHECK_EQ(thetis_tcp_connect(loop, &tcp, &at, on_connect), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_start(&tcp, on_recv), THETIS_OK);
    deletes_fail = 2; /* of the write filter; of the read filter again */
    ended = THETIS_OK;
    turns(10);
    CHECK_EQ(ended, THETIS_ENOMEM);
    int fd = (int)sys->accept(sys, door, NULL).n;
    CHECK_EQ(sys->send_one(sys, fd, "x", 1).n, 1);
    tsm_settle(sim);
    thetis_loop_stat before, after;
    thetis_loop_stat_read(loop, &before);
    turns(10);
    thetis_loop_stat_read(loop, &after);
    CHECK(after.events - before.events <= 1);
    CHECK_EQ(thetis_tcp_close(&tcp, NULL), THETIS_OK);
    close_loop();
}

/* ---- copies of descriptors that are closed --------------------------------------------------- */

static sim_view spare;
static unsigned sets, refusals, removals;

static tht_ret spare_epoll_open(const tht_sys *table)
{
    (void)table;
    sets++;
    if (refusals == 0) return sim->program.sys.epoll_open(&sim->program.sys);
    refusals--;
    return (tht_ret){0, THETIS_EMFILE, 24};
}

static tht_ret spare_epoll_set(const tht_sys *table, int set, int fd, uint64_t token, uint32_t was,
                               uint32_t mask)
{
    (void)table;
    removals += mask == 0;
    return sim->program.sys.epoll_set(&sim->program.sys, set, fd, token, was, mask);
}

static uint64_t stale(void)
{
    thetis_loop_stat stat;
    thetis_loop_stat_read(loop, &stat);
    return stat.stale;
}

static thetis_tcp crowd[3];
static int ends[3], copies[3];

static int copy_of(int fd)
{
    sim_file *f = tsm_fd_file(sim, fd);
    tsm_file_hold(f);
    return (int)tsm_fd_open(sim, f).n;
}

/* A loop with receiving streams, of which copies are made. */
static void begin_copied(void)
{
    thetis_addr at = loopback(0);
    begin_as("linux");
    spare = sim->program;
    spare.sys.epoll_open = spare_epoll_open;
    spare.sys.epoll_set = spare_epoll_set;
    sets = refusals = removals = 0;
    int door = listen_at(&at, 4);
    open_loop(&spare.sys, "epoll");
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(thetis_tcp_connect(loop, &crowd[i], &at, on_connect), THETIS_OK);
        CHECK_EQ(thetis_tcp_recv_start(&crowd[i], on_recv), THETIS_OK);
        turns(3);
        ends[i] = (int)sys->accept(sys, door, NULL).n;
        copies[i] = copy_of(crowd[i].handle_.fd_);
    }
}

static void close_copied(int i)
{
    CHECK_EQ(thetis_tcp_close(&crowd[i], NULL), THETIS_OK);
    CHECK_EQ(sys->send_one(sys, ends[i], "x", 1).n, 1);
    tsm_settle(sim);
}

static void end_copied(void)
{
    for (int i = 0; i < 3; i++) CHECK_EQ(sys->close(sys, copies[i]).status, THETIS_OK);
    close_loop();
}

TEST(q47_a_copy_of_what_was_closed_costs_one_new_set)
{
    begin_copied();
    close_copied(0);
    CHECK_EQ(removals, 0);
    turns(20);
    CHECK_EQ(stale(), 1);
    CHECK_EQ(sets, 2);
    for (int i = 1; i < 3; i++) close_copied(i);
    CHECK_EQ(removals, 2);
    turns(20);
    CHECK_EQ(stale(), 1);
    CHECK_EQ(sets, 2);
    wake_ends_a_sleep();
    end_copied();
}

/* The copy is reported by every wait; each is followed by a sleep. */
TEST(q47_a_copy_while_there_is_no_new_set_to_be_had)
{
    begin_copied();
    close_copied(0);
    refusals = 20;
    uint64_t from = sim->now;
    while (refusals > 0) CHECK_EQ(thetis_loop_run_once(loop, UINT64_MAX), THETIS_OK);
    CHECK(sim->now - from > 19 * UINT64_C(10000000));
    CHECK(stale() <= 21);
    from = sim->now;
    ended = THETIS_EOF;
    CHECK_EQ(sys->send_one(sys, ends[1], "x", 1).n, 1);
    while (ended != THETIS_OK) CHECK_EQ(thetis_loop_run_once(loop, UINT64_MAX), THETIS_OK);
    turns(20);
    CHECK(stale() <= 22);
    CHECK_EQ(sets, 22);
    for (int i = 1; i < 3; i++) close_copied(i);
    end_copied();
}

/* It is registered already, by the number that it has again: the set is made anew first. */
TEST(q47_a_copy_comes_back_by_its_old_number)
{
    begin_copied();
    int fd = crowd[0].handle_.fd_;
    CHECK_EQ(thetis_tcp_close(&crowd[0], NULL), THETIS_OK);
    turns(3);
    thetis_conn conn = {.sys_ = &spare.sys, .fd_ = copy_of(copies[0])};
    CHECK_EQ(conn.fd_, fd);
    CHECK_EQ(thetis_tcp_attach(loop, &crowd[0], &conn), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_start(&crowd[0], on_recv), THETIS_OK);
    turns(3);
    CHECK_EQ(sets, 2);
    ended = THETIS_EOF;
    CHECK_EQ(sys->send_one(sys, ends[0], "x", 1).n, 1);
    turns(3);
    CHECK_EQ(ended, THETIS_OK);
    CHECK_EQ(stale(), 0);
    for (int i = 0; i < 3; i++) close_copied(i);
    end_copied();
}

/* ---- two handles for one descriptor ---------------------------------------------------------- */

static void never_ready(thetis_poll_fd *poll, unsigned ready)
{
    (void)poll, (void)ready;
    FAIL("nothing comes");
}

/* Of those that want something of it, the second is refused; whichever it is. */
static void one_at_a_time(thetis_poll_fd polls[2])
{
    for (int i = 0; i < 6; i++) {
        thetis_poll_fd *first = &polls[i % 2], *second = &polls[(i + 1) % 2];
        CHECK_EQ(thetis_poll_fd_start(first, THETIS_POLL_IN), THETIS_OK);
        CHECK_EQ(thetis_poll_fd_start(second, THETIS_POLL_IN), THETIS_EBUSY);
        CHECK_EQ(thetis_poll_fd_start(first, 0), THETIS_OK);
        turns(i % 3);
    }
}

TEST(q14_one_handle_watches_a_descriptor_on_every_backend)
{
    static const char *const backends[] = {"epoll", "poll", "uring"};
    enum { PIPES = 40 };
    for (int k = 0; k < 3; k++) {
        static thetis_poll_fd polls[PIPES][2];
        int fds[PIPES][2];
        begin_as("linux");
        open_loop(thetis_sim_sys(sim), backends[k]);
        for (int i = 0; i < PIPES; i++) {
            CHECK_EQ(tsm_pipe(sim, fds[i]).status, THETIS_OK);
            for (int j = 0; j < 2; j++)
                CHECK_EQ(thetis_poll_fd_open(loop, &polls[i][j], fds[i][0], never_ready),
                         THETIS_OK);
            one_at_a_time(polls[i]);
            CHECK_EQ(thetis_poll_fd_start(&polls[i][i % 2], THETIS_POLL_IN), THETIS_OK);
        }
        for (int i = 0; i < PIPES; i++) { /* the one that watches goes, the other one takes over */
            CHECK_EQ(thetis_poll_fd_close(&polls[i][i % 2], NULL), THETIS_OK);
            CHECK_EQ(thetis_poll_fd_start(&polls[i][1 - i % 2], THETIS_POLL_IN), THETIS_OK);
            turns(1);
        }
        for (int i = 0; i < PIPES; i++)
            CHECK_EQ(thetis_poll_fd_close(&polls[i][1 - i % 2], NULL), THETIS_OK);
        turns(3);
        for (int i = 0; i < PIPES; i++)
            for (int j = 0; j < 2; j++) CHECK_EQ(sys->close(sys, fds[i][j]).status, THETIS_OK);
        close_loop();
    }
}

TEST_MAIN(T(q7_an_error_that_only_a_read_tells), T(q62_q96_user_events_that_never_arrive),
          T(q96_user_events_that_do_not_exist),
          T(q95_q96_user_events_that_work_cost_no_descriptor),
          T(a_filter_that_was_left_is_deleted_when_it_reports),
          T(q14_one_handle_watches_a_descriptor_on_every_backend),
          T(q47_a_copy_of_what_was_closed_costs_one_new_set),
          T(q47_a_copy_while_there_is_no_new_set_to_be_had),
          T(q47_a_copy_comes_back_by_its_old_number))
