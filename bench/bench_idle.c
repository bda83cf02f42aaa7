/* SPDX-License-Identifier: MIT
 *
 * bench_idle.c: what a loop costs that has nothing to do.
 *
 * Usage: bench-idle          runs a loop with one timer, an hour away
 *        bench-idle sizes    prints the library's memory for one connection: stream and slot
 */
#include <thetis/loop.h>
#include <thetis/tcp.h>
#include <thetis/timer.h>

#include <stdio.h>
#include <string.h>

static void on_timer(thetis_timer *timer)
{
    (void)timer;
}

static size_t loop_size(uint32_t handles)
{
    thetis_loop_cfg cfg = {.max_handles = handles};
    return thetis_loop_size(&cfg);
}

static int print_sizes(void)
{
    enum { FEW = 1024, MANY = 1024 * 1024 };
    double slot = (double)(loop_size(MANY) - loop_size(FEW)) / (MANY - FEW);
    printf("{\"tcp\":%zu,\"slot\":%g}\n", sizeof(thetis_tcp), slot);
    return 0;
}

static int sleep_for_an_hour(void)
{
    const uint64_t hour = 3600u * 1000000000ull;
    thetis_timer timer;
    thetis_loop *loop;
    if (thetis_loop_create(NULL, &loop) != THETIS_OK) return 1;
    thetis_timer_init(loop, &timer, on_timer);
    if (thetis_timer_start(&timer, hour, 0) != THETIS_OK) return 1;
    printf("0 idle loop\n");
    fflush(stdout);
    return thetis_loop_run(loop) == THETIS_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    return argc == 2 && !strcmp(argv[1], "sizes") ? print_sizes() : sleep_for_an_hour();
}
