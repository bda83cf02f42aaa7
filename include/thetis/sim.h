/* SPDX-License-Identifier: MIT
 *
 * thetis/sim.h: a fake kernel for loops, deterministic, with virtual time.
 *
 *     static void body(thetis_sim *sim)
 *     {
 *         thetis_loop_cfg cfg = {.sys = thetis_sim_sys(sim)};
 *         thetis_loop *loop;
 *         THETIS_SIM_CHECK(sim, thetis_loop_create(&cfg, &loop) == THETIS_OK);
 *         thetis_sim_watch(sim, loop);
 *         ... open handles, run, close ...
 *         THETIS_SIM_CHECK(sim, thetis_loop_destroy(loop) == THETIS_OK);
 *     }
 *     static const thetis_sim_scenario echo = {.name = "echo", .body = body};
 *     THETIS_SIM_MAIN(&echo)
 *
 * The fake stands below the loop, in the place of the system calls: the loop, its backends and the
 * program above them are the ones that are shipped. It has sockets of TCP, UDP and unix, event
 * descriptors, pipes, and the pollers of several systems; which system it acts like is a
 * personality. Nothing leaves the process: a program talks to itself, through several loops or
 * through both ends of a connection on one.
 *
 * Time is virtual: a sleep ends at once, at the time of the next thing that happens.
 *
 * Whatever a system may do in more than one way is a choice: how many bytes a call takes, in which
 * order events are reported, when a packet arrives, which call is interrupted. All choices come
 * from one oracle: a seed, a list from a file or the command line, the bytes of a fuzzer, or an
 * exhaustive search. The same choices give the same run. A run that fails is shrunk and named by
 * one line that replays it.
 *
 * Verdicts beside failed checks: spin (calls without progress), starvation (events that are
 * reported and never answered), sleep (with work at hand, or for ever), interest (a registration
 * that is not what the state of a handle asks for), touched (memory of an operation was changed
 * before its end), twice and never (operations that end so), leak (descriptors), descriptor (a call
 * on one that is not open), connect and shutdown (calls whose effect differs between systems: a
 * second connect of a socket, a shutdown of a listener), differs (from the same draws on another
 * system), crash (a signal, an assertion).
 *
 * One thread. A run has one process for itself, so that it may crash.
 */
#ifndef THETIS_SIM_H
#define THETIS_SIM_H

#include <thetis/loop.h>

typedef struct thetis_sim thetis_sim;

typedef struct thetis_sim_scenario {
    const char *name;
    void (*body)(thetis_sim *sim); /* leaves nothing open */
    unsigned flags;                /* THETIS_SIM_... */
} thetis_sim_scenario;

/* Flags of a scenario. */
#define THETIS_SIM_SAME 1u    /* its notes depend on what it draws, not on system and choices */
#define THETIS_SIM_FAULTS 2u  /* calls may fail at random */
#define THETIS_SIM_CONTROL 4u /* a negative control: it must fail */

/** Fails the run unless `cond` holds. */
#define THETIS_SIM_CHECK(sim, cond)                                                             \
    ((cond) ? (void)0 : thetis_sim_fail(sim, "check", #cond, __FILE__, __LINE__))

/** main() of a program that runs the listed scenarios; see thetis_sim_run(). */
#define THETIS_SIM_MAIN(...)                                                                    \
    int main(int argc, char **argv)                                                             \
    {                                                                                           \
        static const thetis_sim_scenario *const scenarios[] = {__VA_ARGS__};                    \
        return thetis_sim_run(argc, argv, scenarios, sizeof scenarios / sizeof scenarios[0]);   \
    }

THETIS_BEGIN_DECLS

/** Runs scenarios as the command line says (--help lists it) and prints one line, or JSON, for each
 *  scenario and personality. Returns the exit status: 0 if every verdict is as it should be, 1 if
 *  not, 2 for a wrong command line.
 *  @progress blocking */
THETIS_API int thetis_sim_run(int argc, char **argv, const thetis_sim_scenario *const scenarios[],
                              size_t count);

/** The table of system calls to give to a loop (thetis_loop_cfg.sys).
 *  @progress owner */
THETIS_API const struct tht_sys *thetis_sim_sys(thetis_sim *sim);

/** The name of the system that the fake acts like, "linux".
 *  @progress owner */
THETIS_API const char *thetis_sim_name(const thetis_sim *sim);

/** The name of the k-th backend that this system offers, best first; NULL past the last.
 *  @progress owner */
THETIS_API const char *thetis_sim_backend(const thetis_sim *sim, size_t k);

/** One of 0 .. n-1, chosen by the oracle like the fake's own choices. 0 should be the plainest.
 *  @progress owner */
THETIS_API uint64_t thetis_sim_choose(thetis_sim *sim, uint64_t n);

/** Likewise, for what a scenario of THETIS_SIM_SAME is to do: the draws come before all choices and
 *  system calls, and are the same in the run that it is compared with.
 *  @progress owner */
THETIS_API uint64_t thetis_sim_draw(thetis_sim *sim, uint64_t n);

/** The virtual time in nanoseconds.
 *  @progress owner */
THETIS_API uint64_t thetis_sim_now(const thetis_sim *sim);

/** Checks at every wait that the interest of this loop's handles is what their state asks for and
 *  that it does not sleep with work at hand; up to four loops. NULL: forget them all.
 *  @progress owner */
THETIS_API void thetis_sim_watch(thetis_sim *sim, thetis_loop *loop);

/** An operation begins: it must end once before the run ends, and until then nobody but the system
 *  may change its `len` bytes at `memory` (NULL, 0: it has none).
 *  @progress owner */
THETIS_API void thetis_sim_begin(thetis_sim *sim, const void *op, const void *memory, size_t len);

/** It ended.
 *  @progress owner */
THETIS_API void thetis_sim_end(thetis_sim *sim, const void *op);

/** Adds a line to what this run has to show for `who`, below 32. With THETIS_SIM_SAME the lines of
 *  each `who` must be those of a run with the same draws on the first personality in which nothing
 *  else is chosen; their order between two does not matter.
 *  @progress owner */
THETIS_API void thetis_sim_note(thetis_sim *sim, unsigned who, const char *text, uint64_t number);

/** This system lacks `capability`, so that what `who` shows is not compared. The run says so.
 *  @progress owner */
THETIS_API void thetis_sim_lack(thetis_sim *sim, unsigned who, const char *capability);

/** Ends the run with this verdict: "check", or a word of the caller's.
 *  @progress owner */
THETIS_API void thetis_sim_fail(thetis_sim *sim, const char *verdict, const char *text,
                                const char *file, int line) __attribute__((noreturn, cold));

THETIS_END_DECLS

#endif
