/* SPDX-License-Identifier: MIT
 *
 * test_turnover.c: connections that come and go by the thousand in one loop: afterwards no
 * descriptor is open that was not before, and on this system nothing was allocated meanwhile. On
 * personalities of the fake kernel (which allocates itself), and on the system's own.
 *
 * THETIS_CONNECTIONS=1000000 makes so many on each personality, and a tenth of that here.
 */
#include <thetis/tcp.h>

#include <dirent.h>
#include <stdlib.h>

#include "harness/count_malloc.h"
#include "harness/test.h"
#include "port/sys.h"
#include "sim/sim.h"

enum { AT_ONCE = 16, FAR = 4 * AT_ONCE, FAKE = 10000, HERE_OF = 10 };

/* Who ends a connection, in the byte that the near end sends. Orderly ends are a quarter: real
 * systems keep their port for a while. */
enum { FAR_CLOSES, NEAR_CLOSES, FAR_RESETS, NEAR_RESETS, WAYS = 8 };

typedef struct end {
    thetis_tcp tcp; /* first */
    unsigned char way;
    int open;
} end;

static thetis_loop *loop;
static thetis_listener listener;
static thetis_addr here;
static end near[AT_ONCE], far[FAR];
static size_t begun, most, open_ends;

/* ---- one connection -------------------------------------------------------------------------- */

static void begin(end *e);

static void on_closed(thetis_handle *h)
{
    end *e = (end *)h;
    e->open = 0;
    open_ends--;
    if (e < far || e >= far + FAR)
        if (begun < most) begin(e);
}

static void finish(thetis_tcp *tcp, int resets)
{
    thetis_status s = resets ? thetis_tcp_abort(tcp, on_closed) : thetis_tcp_close(tcp, on_closed);
    CHECK_EQ(s, THETIS_OK);
}

/* The byte goes there, and back unless it says that this end is the one that ends it. */
static void on_far(thetis_tcp *tcp, const thetis_recv *r)
{
    size_t sent;
    unsigned way = r->status == THETIS_OK ? *(const unsigned char *)r->data : (unsigned)FAR_CLOSES;
    if (r->status == THETIS_ECANCELED) return; /* the last callback after a close */
    if (way == FAR_CLOSES || way == FAR_RESETS) finish(tcp, way == FAR_RESETS);
    else CHECK_EQ(thetis_tcp_send_try(tcp, r->data, r->len, &sent), THETIS_OK);
}

static void on_near(thetis_tcp *tcp, const thetis_recv *r)
{
    if (r->status == THETIS_ECANCELED) return;
    finish(tcp, r->status == THETIS_OK && ((end *)tcp)->way == NEAR_RESETS);
}

static void on_connect(thetis_tcp *tcp, thetis_status status, int32_t os)
{
    size_t sent;
    (void)os;
    CHECK_EQ(status, THETIS_OK);
    CHECK_EQ(thetis_tcp_send_try(tcp, &((end *)tcp)->way, 1, &sent), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_start(tcp, on_near), THETIS_OK);
}

static void begin(end *e)
{
    size_t way = begun++ % WAYS;
    e->way = (unsigned char)(way < FAR_RESETS ? way : FAR_RESETS + way % 2);
    e->open = 1;
    open_ends++;
    CHECK_EQ(thetis_tcp_connect(loop, &e->tcp, &here, on_connect), THETIS_OK);
}

static void on_accept(thetis_listener *from, thetis_accepted *a)
{
    end *e = far;
    (void)from;
    CHECK_EQ(a->status, THETIS_OK);
    while (e < far + FAR && e->open) e++;
    CHECK(e < far + FAR);
    CHECK_EQ(thetis_tcp_accept(a, &e->tcp), THETIS_OK);
    CHECK_EQ(thetis_tcp_recv_start(&e->tcp, on_far), THETIS_OK);
    e->open = 1;
    open_ends++;
}

/* ---- many ------------------------------------------------------------------------------------ */

static void open_loop(const tht_sys *sys)
{
    thetis_loop_cfg cfg = {.sys = sys};
    here = (thetis_addr){.family = THETIS_ADDR_V4, .u.v4 = {127, 0, 0, 1}};
    CHECK_EQ(thetis_loop_create(&cfg, &loop), THETIS_OK);
    CHECK_EQ(thetis_tcp_listen(loop, &listener, &here, NULL, on_accept), THETIS_OK);
    CHECK_EQ(thetis_listener_addr(&listener, &here), THETIS_OK);
}

static void turn_over(size_t connections)
{
    begun = 0;
    most = connections;
    for (int i = 0; i < AT_ONCE; i++) begin(&near[i]);
    while (open_ends) CHECK_EQ(thetis_loop_run_once(loop, UINT64_MAX), THETIS_OK);
    CHECK_EQ(begun, connections);
}

static void close_loop(void)
{
    CHECK_EQ(thetis_listener_close(&listener, NULL), THETIS_OK);
    while (thetis_loop_destroy(loop) != THETIS_OK)
        CHECK(thetis_loop_run_once(loop, 0) >= THETIS_OK);
}

static size_t connections_on_fakes(void)
{
    const char *asked = getenv("THETIS_CONNECTIONS");
    return asked ? (size_t)strtoull(asked, NULL, 10) : test_scale(FAKE);
}

static size_t host_open(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t n = 0;
    if (folder == NULL) SKIP_ENVIRONMENT("no /proc");
    while (readdir(folder)) n++;
    (void)closedir(folder);
    return n;
}

static void turn_over_on(const char *personality)
{
    sim_cfg cfg = {.personality = tsm_personality(personality)};
    thetis_sim *sim = tsm_create(&cfg);
    size_t before;
    open_loop(thetis_sim_sys(sim));
    CHECK_EQ(thetis_loop_run_once(loop, 0), THETIS_OK); /* registers the listener */
    before = sim->fd_count;
    turn_over(connections_on_fakes());
    CHECK_EQ(sim->fd_count, before);
    close_loop();
    CHECK_EQ(sim->fd_count, 0);
    tsm_destroy(sim);
}

TEST(on_linux)
{
    turn_over_on("linux");
}

TEST(on_freebsd)
{
    turn_over_on("freebsd1");
}

TEST(on_netbsd)
{
    turn_over_on("netbsd");
}

TEST(on_lwip)
{
    turn_over_on("lwip");
}

TEST(on_this_system)
{
    size_t before = host_open(), within, allocated;
    open_loop(NULL);
    turn_over(AT_ONCE);
    within = host_open();
    allocated = count_malloc();
    turn_over(connections_on_fakes() / HERE_OF + AT_ONCE);
    CHECK_EQ(count_malloc(), allocated);
    CHECK_EQ(host_open(), within);
    close_loop();
    CHECK_EQ(host_open(), before);
}

TEST_MAIN(T(on_linux), T(on_freebsd), T(on_netbsd), T(on_lwip), T(on_this_system))
