/* SPDX-License-Identifier: MIT
 *
 * timer_asio.cpp: asio's steady_timer: expires_at (which cancels the wait) from a time read once
 * per settling, then async_wait. Canceled waits are completions that the loop has to deliver:
 * that is part of the price, so poll() is timed, too. No locks (concurrency hint UNSAFE).
 */
#include <asio.hpp>
#include <memory>
#include <vector>

#include "../window.h"

#define SUBJECT_VARIANT                                                                         \
    "asio " BENCH_STR(ASIO_VERSION) ", expires_at + async_wait + poll, cached time, no locks"

static asio::io_context loop(ASIO_CONCURRENCY_HINT_UNSAFE);
static std::vector<asio::steady_timer> timers;
static asio::steady_timer::time_point now;

static void subject_open(uint32_t live)
{
    timers.reserve(live);
    for (uint32_t i = 0; i < live; i++)
        timers.emplace_back(loop);
    now = asio::steady_timer::clock_type::now();
}

static inline void subject_rearm(uint32_t i, uint64_t ns)
{
    timers[i].expires_at(now + std::chrono::nanoseconds(ns));
    timers[i].async_wait([](const asio::error_code &) {});
}

static inline void subject_split(uint32_t i, uint64_t ns)
{
    timers[i].cancel();
    subject_rearm(i, ns);
}

static inline void subject_settle(void)
{
    loop.poll();
    now = asio::steady_timer::clock_type::now();
}

static void subject_run(void (*measure)(void))
{
    measure();
}

#include "../timer.h"
