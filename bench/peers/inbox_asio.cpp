/* SPDX-License-Identifier: MIT
 *
 * inbox_asio.cpp: asio::post(), which carries the message in the handler.
 */
#include <asio.hpp>

#include "../window.h"

#define SUBJECT_BATCH 64
#define SUBJECT_VARIANT "asio " BENCH_STR(ASIO_VERSION) ", post"

struct box {
    asio::io_context loop;
    asio::executor_work_guard<asio::io_context::executor_type> stay{loop.get_executor()};
    uint64_t messages[SUBJECT_BATCH];
    unsigned head = 0, tail = 0;
};

static box boxes[2];

static uint64_t subject_calls()
{
    bench_die("asio makes its calls itself");
    return 0;
}

static void subject_open()
{
}

static void subject_send(int to, uint64_t message)
{
    box &b = boxes[to];
    asio::post(b.loop, [&b, message] { b.messages[b.tail++ % SUBJECT_BATCH] = message; });
}

static uint64_t subject_receive(int at)
{
    box &b = boxes[at];
    while (b.head == b.tail) b.loop.run_one();
    return b.messages[b.head++ % SUBJECT_BATCH];
}

#include "../wake.h"
