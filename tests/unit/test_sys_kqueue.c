/* SPDX-License-Identifier: MIT
 *
 * test_sys_kqueue.c: the table of the BSDs: what it makes of kevent(2). Compiled on Linux, against
 * a kevent() that notes what it is given and answers what a case wants; what the systems behind the
 * call do is not shown here.
 */
#include "port/sys_bsd.c"

#include "harness/test.h"

#include <string.h>

static struct kevent given[THT_CHANGES], answers[100];
static int given_n, given_cap, answers_n, answer_errno;
static int waits_for_ever;
static struct timespec waits;

int kqueue(void)
{
    return dup(STDERR_FILENO);
}

int kevent(int queue, const struct kevent *changes, int n, struct kevent *events, int cap,
           const struct timespec *timeout)
{
    CHECK_EQ(queue, 7);
    given_n = n;
    given_cap = cap;
    for (int i = 0; i < n; i++) given[i] = changes[i];
    waits_for_ever = timeout == NULL;
    if (timeout) waits = *timeout;
    errno = answer_errno;
    if (answer_errno) return -1;
    for (int i = 0; i < answers_n && i < cap; i++) events[i] = answers[i];
    return answers_n < cap ? answers_n : cap;
}

static const tht_sys *const bsd = &tht_sys_host;

static tht_kevent out[100];

static tht_ret asked(const tht_kevent *changes, uint32_t n, uint32_t cap, uint64_t timeout_ns)
{
    memset(given, 0x55, sizeof given);
    return bsd->kevent(bsd, 7, changes, n, out, cap, timeout_ns);
}

/* ---- changes --------------------------------------------------------------------------------- */

TEST(flags_and_filters_are_those_of_the_system)
{
    static const struct {
        unsigned ours, flags, fflags;
    } flags[] = {{THT_KQ_ADD, EV_ADD, 0},         {THT_KQ_DELETE, EV_DELETE, 0},
                 {THT_KQ_CLEAR, EV_CLEAR, 0},     {THT_KQ_ONESHOT, EV_ONESHOT, 0},
                 {THT_KQ_RECEIPT, EV_RECEIPT, 0}, {THT_KQ_TRIGGER, 0, NOTE_TRIGGER}};
    static const int filters[][2] = {{THT_KQ_READ, EVFILT_READ}, {THT_KQ_WRITE, EVFILT_WRITE},
                                     {THT_KQ_USER, EVFILT_USER}};
    for (size_t f = 0; f < sizeof flags / sizeof flags[0]; f++) {
        for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
            tht_kevent change = {.token = 0xFEDCBA9876543210, .fd = 5,
                                 .filter = (uint16_t)filters[i][0],
                                 .flags = (uint16_t)flags[f].ours};
            CHECK_EQ(asked(&change, 1, 0, 0).status, THETIS_OK);
            CHECK_EQ(given[0].ident, 5);
            CHECK_EQ(given[0].filter, filters[i][1]);
            CHECK_EQ(given[0].flags, flags[f].flags);
            CHECK_EQ(given[0].fflags, flags[f].fflags);
            CHECK_EQ(given[0].data, 0);
            CHECK_EQ((uintptr_t)given[0].udata, 0xFEDCBA9876543210);
        }
    }
}

TEST(several_changes_keep_their_order)
{
    tht_kevent changes[THT_CHANGES];
    for (int i = 0; i < THT_CHANGES; i++)
        changes[i] = (tht_kevent){.fd = i, .filter = THT_KQ_READ, .flags = THT_KQ_ADD};
    CHECK_EQ(asked(changes, THT_CHANGES, 0, UINT64_MAX).status, THETIS_OK);
    CHECK_EQ(given_n, THT_CHANGES);
    for (int i = 0; i < THT_CHANGES; i++) CHECK_EQ(given[i].ident, i);
}

/* ---- answers --------------------------------------------------------------------------------- */

static const tht_kevent *answered(struct kevent answer)
{
    answers[0] = answer;
    answers_n = 1;
    memset(out, 0x55, sizeof out);
    tht_ret r = asked(NULL, 0, 1, 0);
    CHECK(r.status == THETIS_OK && r.n == 1);
    return out;
}

TEST(events_are_ours)
{
    struct kevent e = {.ident = 5, .filter = EVFILT_READ, .flags = EV_ADD | EV_CLEAR, .data = 99,
                       .udata = (void *)(uintptr_t)0xFEDCBA9876543210};
    const tht_kevent *got = answered(e);
    CHECK(got->token == 0xFEDCBA9876543210 && got->fd == 5 && got->data == 99);
    CHECK(got->filter == THT_KQ_READ && got->flags == 0 && got->status == 0 && got->os == 0);
    e.filter = EVFILT_WRITE;
    CHECK_EQ(answered(e)->filter, THT_KQ_WRITE);
    e.filter = EVFILT_USER;
    CHECK_EQ(answered(e)->filter, THT_KQ_USER);
}

/* The end of a direction: there may be bytes, and a pending error. */
TEST(an_end_has_its_bytes_and_its_error)
{
    struct kevent e = {.filter = EVFILT_READ, .flags = EV_EOF, .data = 12, .fflags = ECONNRESET};
    const tht_kevent *got = answered(e);
    CHECK(got->flags == THT_KQ_EOF && got->data == 12 && got->os == ECONNRESET);
    CHECK_EQ(got->status, THETIS_OK);
}

TEST(a_failed_change_says_why_and_a_receipt_nothing)
{
    struct kevent e = {.filter = EVFILT_WRITE, .flags = EV_ERROR | EV_EOF, .data = EBADF};
    const tht_kevent *got = answered(e);
    CHECK(got->flags == THT_KQ_ERROR && got->status == THETIS_EINVAL && got->os == EBADF);
    CHECK_EQ(got->data, 0);
    e.data = 0;
    got = answered(e);
    CHECK(got->flags == THT_KQ_ERROR && got->status == THETIS_OK && got->os == 0);
}

TEST(a_call_that_fails_says_why)
{
    answer_errno = EINTR;
    tht_ret r = asked(NULL, 0, 1, 0);
    CHECK(r.status == THETIS_EINTR && r.n == 0 && r.os == EINTR);
}

TEST(more_events_than_one_call_takes)
{
    answers_n = 100;
    for (uintptr_t i = 0; i < 100; i++) answers[i] = (struct kevent){.ident = i};
    tht_ret r = asked(NULL, 0, 100, 0);
    CHECK(r.n == KQ_EVENTS && given_cap == KQ_EVENTS);
    CHECK_EQ(out[KQ_EVENTS - 1].fd, KQ_EVENTS - 1);
}

/* ---- sleeps ---------------------------------------------------------------------------------- */

static void sleep_is(uint32_t cap, uint64_t ns, int for_ever, int64_t s, long rest)
{
    CHECK_EQ(asked(NULL, 0, cap, ns).status, THETIS_OK);
    CHECK_EQ(waits_for_ever, for_ever);
    if (!for_ever) CHECK(waits.tv_sec == s && waits.tv_nsec == rest);
}

TEST(sleeps)
{
    sleep_is(1, 0, 0, 0, 0);
    sleep_is(1, 1, 0, 0, 1);
    sleep_is(1, 1999999999, 0, 1, 999999999);
    sleep_is(1, UINT64_MAX - 1, 0, 3600, 0);
    sleep_is(1, UINT64_MAX, 1, 0, 0);
    sleep_is(0, UINT64_MAX, 0, 0, 0); /* without room for events not at all */
}

/* ---- the table ------------------------------------------------------------------------------- */

TEST(what_these_systems_lack_is_refused)
{
    static const tht_opt missing[] = {THT_OPT_UDP_SEGMENT, THT_OPT_UDP_GRO, THT_OPT_COUNT_DROPS};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        CHECK_EQ(bsd->setopt(bsd, STDERR_FILENO, missing[i], 1).status, THETIS_ENOTSUP);
    CHECK(bsd->epoll_open == NULL);
}

TEST(a_queue_is_not_inherited)
{
    tht_ret r = bsd->kqueue_open(bsd);
    CHECK_EQ(r.status, THETIS_OK);
    CHECK_EQ(fcntl((int)r.n, F_GETFD), FD_CLOEXEC);
}

TEST_MAIN(T(flags_and_filters_are_those_of_the_system), T(several_changes_keep_their_order),
          T(events_are_ours), T(an_end_has_its_bytes_and_its_error),
          T(a_failed_change_says_why_and_a_receipt_nothing), T(a_call_that_fails_says_why),
          T(more_events_than_one_call_takes), T(sleeps), T(what_these_systems_lack_is_refused),
          T(a_queue_is_not_inherited))
