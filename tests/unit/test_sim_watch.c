/* SPDX-License-Identifier: MIT
 *
 * test_sim_watch.c: the fake kernel's choices and its detectors.
 */
#include <thetis/tcp.h>

#include <string.h>

#include "sim/oracle.h"
#include "unit/fake.h"

/* ---- choices --------------------------------------------------------------------------------- */

TEST(choices_as_text)
{
    static struct sim_oracle o;
    char text[100];
    CHECK(tsm_oracle_parse(&o, "1.0*12.3\n"));
    CHECK_EQ(o.given, 14);
    CHECK(o.values[0] == 1 && o.values[13] == 3);
    o.taken = 14;
    CHECK_EQ(tsm_oracle_text(&o, text, sizeof text), 8);
    CHECK_STR(text, "1.0*12.3");
    CHECK(!tsm_oracle_parse(&o, "1..2") && !tsm_oracle_parse(&o, ""));
    CHECK(!tsm_oracle_parse(&o, "1*") && !tsm_oracle_parse(&o, "1*99999999"));
    o.taken = 0;
    (void)tsm_oracle_text(&o, text, sizeof text);
    CHECK_STR(text, "0");
}

TEST(exhaustive_search_meets_every_list_once)
{
    static struct sim_oracle o;
    unsigned seen[3][2] = {{0}};
    unsigned runs = 0;
    cfg.oracle = &o;
    begin("linux");
    do {
        o.taken = 0;
        uint64_t a = tsm_choose(sim, 3);
        uint64_t b = a == 1 ? 0 : tsm_choose(sim, 2); /* how many choices there are may vary */
        seen[a][b]++;
        runs++;
    } while (tsm_oracle_next(&o, 10));
    CHECK_EQ(runs, 5);
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 2; b++) CHECK_EQ(seen[a][b], !(a == 1 && b == 1));
    end();
}

TEST(the_same_seed_chooses_the_same)
{
    static struct sim_oracle o, list;
    uint64_t first[50];
    cfg.oracle = &o;
    begin("linux");
    o.seed = o.state = 7;
    for (int i = 0; i < 50; i++) first[i] = tsm_choose(sim, 1000);
    o.state = 7;
    o.taken = 0;
    for (int i = 0; i < 50; i++) CHECK_EQ(tsm_choose(sim, 1000), first[i]);
    list = o;
    list.seed = 0;
    list.given = 50;
    list.taken = 0;
    sim->cfg.oracle = &list;
    for (int i = 0; i < 50; i++) CHECK_EQ(tsm_choose(sim, 1000), first[i]);
    CHECK_EQ(tsm_choose(sim, 1000), 0); /* behind the end of the list */
    end();
}

TEST(draws_are_made_though_nothing_else_is_chosen)
{
    static struct sim_oracle o;
    cfg.oracle = &o;
    cfg.plain = 1;
    CHECK(tsm_oracle_parse(&o, "3.4"));
    begin("linux");
    CHECK_EQ(thetis_sim_draw(sim, 10), 3);
    CHECK_EQ(thetis_sim_draw(sim, 10), 4);
    CHECK_EQ(tsm_choose(sim, 10), 0);
    CHECK_EQ(o.taken, 2);
    end();
}

/* ---- detectors: each of these must end in abort() -------------------------------------------- */

TEST(spin)
{
    int fds[2];
    begin("linux");
    pair(fds);
    for (int i = 0; i < 10000; i++)
        (void)sim->program.sys.recv(&sim->program.sys, fds[0], &(char){0}, 1);
}

TEST(starvation)
{
    tht_event e;
    int fds[2];
    begin("linux");
    pair(fds);
    const tht_sys *own = thetis_sim_sys(sim);
    int set = (int)own->epoll_open(own).n;
    CHECK_EQ(own->epoll_set(own, set, fds[0], 1, 0, THT_OUT).status, THETIS_OK);
    for (int i = 0; i < 10000; i++) {
        (void)own->epoll_wait(own, set, &e, 1, 0);
        (void)own->setopt(own, fds[1], THT_OPT_NODELAY, 1); /* progress, but not there */
    }
}

TEST(a_draw_that_comes_too_late)
{
    begin("linux");
    (void)thetis_sim_choose(sim, 2);
    (void)thetis_sim_draw(sim, 2);
}

TEST(sleep_for_ever)
{
    tht_event e;
    begin("linux");
    const tht_sys *own = thetis_sim_sys(sim);
    int set = (int)own->epoll_open(own).n;
    (void)own->epoll_wait(own, set, &e, 1, UINT64_MAX);
}

TEST(a_descriptor_that_is_not_open)
{
    begin("linux");
    (void)thetis_sim_sys(sim)->shutdown(thetis_sim_sys(sim), 77);
}

TEST(q6_a_second_connect)
{
    thetis_addr at = loopback(0);
    begin("linux");
    (void)listen_at(&at, 4);
    const tht_sys *own = thetis_sim_sys(sim);
    int fd = (int)own->socket(own, THETIS_ADDR_V4, THT_STREAM).n;
    (void)own->connect(own, fd, &at);
    (void)own->connect(own, fd, &at);
}

TEST(q126_a_shutdown_of_a_listener)
{
    thetis_addr at = loopback(0);
    begin("linux");
    (void)thetis_sim_sys(sim)->shutdown(thetis_sim_sys(sim), listen_at(&at, 4));
}

TEST(an_operation_that_ends_twice)
{
    int op;
    begin("linux");
    thetis_sim_begin(sim, &op, NULL, 0);
    thetis_sim_end(sim, &op);
    thetis_sim_end(sim, &op);
}

TEST(an_operation_that_never_ends)
{
    int op;
    begin("linux");
    thetis_sim_begin(sim, &op, NULL, 0);
    tsm_watch_end(sim);
}

TEST(memory_that_was_touched)
{
    char bytes[4] = "abc";
    begin("linux");
    thetis_sim_begin(sim, bytes, bytes, sizeof bytes);
    bytes[1] = 'x';
    thetis_sim_end(sim, bytes);
}

TEST(a_descriptor_that_leaks)
{
    begin("linux");
    (void)open_socket(THETIS_ADDR_V4, THT_DGRAM);
    tsm_watch_end(sim);
}

static void never_called(thetis_listener *l, thetis_accepted *a)
{
    (void)l, (void)a;
    FAIL("nobody connects");
}

/* A registration that is not what the state asks for; work left on a list before a sleep. */
static void watched_loop(thetis_loop **loop, thetis_listener *l)
{
    thetis_loop_cfg of = {0};
    thetis_addr at = loopback(0);
    begin("linux");
    of.sys = thetis_sim_sys(sim);
    of.backend = "epoll";
    CHECK_EQ(thetis_loop_create(&of, loop), THETIS_OK);
    thetis_sim_watch(sim, *loop);
    CHECK_EQ(thetis_tcp_listen(*loop, l, &at, NULL, never_called), THETIS_OK);
    CHECK_EQ(thetis_loop_run_once(*loop, 1000), THETIS_OK);
}

TEST(an_interest_that_is_not_the_states)
{
    thetis_loop *loop;
    static thetis_listener l;
    watched_loop(&loop, &l);
    l.handle_.flags_ |= THT_F_PAUSED; /* and nobody told the flush phase */
    CHECK_EQ(thetis_loop_run_once(loop, 1000), THETIS_OK);
}

TEST(a_loop_that_is_right_is_not_accused)
{
    thetis_loop *loop;
    static thetis_listener l;
    watched_loop(&loop, &l);
    CHECK_EQ(thetis_loop_run_once(loop, 1000), THETIS_OK);
    CHECK_EQ(thetis_listener_close(&l, NULL), THETIS_OK);
    CHECK_EQ(thetis_loop_run(loop), THETIS_OK);
    CHECK_EQ(thetis_loop_destroy(loop), THETIS_OK);
    tsm_watch_end(sim);
    end();
}

/* ---- speed ----------------------------------------------------------------------------------- */

TEST(virtual_time_passes_without_waiting)
{
    tht_event e;
    begin("linux");
    const tht_sys *own = thetis_sim_sys(sim);
    int set = (int)own->epoll_open(own).n;
    uint64_t from = own->now(own);
    for (int i = 0; i < 1000; i++) CHECK_EQ(own->epoll_wait(own, set, &e, 1, 3600000000000u).n, 0);
    CHECK(own->now(own) - from >= 1000 * UINT64_C(3600000000000));
    end();
}

#define DIES(id) T(id, .aborts = true)

TEST_MAIN(T(choices_as_text), T(exhaustive_search_meets_every_list_once),
          T(the_same_seed_chooses_the_same), T(draws_are_made_though_nothing_else_is_chosen),
          DIES(a_draw_that_comes_too_late), DIES(spin), DIES(starvation), DIES(sleep_for_ever),
          DIES(a_descriptor_that_is_not_open), DIES(q6_a_second_connect),
          DIES(q126_a_shutdown_of_a_listener), DIES(an_operation_that_ends_twice),
          DIES(an_operation_that_never_ends), DIES(memory_that_was_touched),
          DIES(a_descriptor_that_leaks), DIES(an_interest_that_is_not_the_states),
          T(a_loop_that_is_right_is_not_accused), T(virtual_time_passes_without_waiting))
