/* SPDX-License-Identifier: MIT
 *
 * test_sys.c: sockets of the Linux table of system calls, real ones on loopback.
 */
#include "unit/sys_host.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

/* ---- helpers --------------------------------------------------------------------------------- */

static thetis_addr addr_of(const char *text)
{
    thetis_addr addr;
    CHECK_EQ(thetis_addr_parse(&addr, text), THETIS_OK);
    return addr;
}

static thetis_addr name_of(int fd, tht_end end)
{
    thetis_addr addr;
    EXPECT_OK(0, host->name(host, fd, end, &addr));
    return addr;
}

static int listener_at(const char *text)
{
    thetis_addr addr = addr_of(text);
    int fd = made(host->socket(host, (thetis_addr_family)addr.family, THT_STREAM));
    EXPECT_OK(0, host->bind(host, fd, &addr));
    EXPECT_OK(0, host->listen(host, fd, 16));
    return fd;
}

/* Waits until one of the directions of `mask` is to be tried. */
static uint32_t ready_of(int fd, uint32_t mask)
{
    tht_event ev;
    int set = made(host->epoll_open(host));
    EXPECT_OK(0, host->epoll_set(host, set, fd, 1, 0, mask));
    EXPECT_OK(1, host->epoll_wait(host, set, &ev, 1, UINT64_MAX));
    EXPECT_OK(0, host->close(host, set));
    return ev.ready;
}

typedef struct pair {
    int listener, client, server;
    thetis_addr peer; /* as accept told it */
} pair;

static pair pair_at(const char *text)
{
    pair p = {.listener = listener_at(text)};
    thetis_addr to = name_of(p.listener, THT_LOCAL);
    p.client = made(host->socket(host, (thetis_addr_family)to.family, THT_STREAM));
    tht_ret ret = host->connect(host, p.client, &to);
    CHECK(ret.status == THETIS_OK || ret.status == THETIS_AGAIN);
    CHECK_EQ(ready_of(p.client, THT_OUT), THT_OUT);
    EXPECT_OK(0, host->so_error(host, p.client));
    (void)ready_of(p.listener, THT_IN);
    p.server = made(host->accept(host, p.listener, &p.peer));
    return p;
}

static void pair_close(pair *p)
{
    EXPECT_OK(0, host->close(host, p->client));
    EXPECT_OK(0, host->close(host, p->server));
    EXPECT_OK(0, host->close(host, p->listener));
}

static tht_ret send_text(int fd, const char *text)
{
    thetis_iov iov = {text, strlen(text)};
    return host->send(host, fd, &iov, 1);
}

static void recv_is(int fd, const char *want)
{
    char got[64] = {0};
    (void)ready_of(fd, THT_IN);
    EXPECT_OK((ptrdiff_t)strlen(want), host->recv(host, fd, got, sizeof got - 1));
    CHECK_STR(got, want);
}

/* The address of a unix socket that nobody has; for one at a time. */
static const char *fresh_path(const char *name)
{
    static char text[80];
    (void)snprintf(text, sizeof text, "unix:/tmp/thetis-%d-%s", (int)getpid(), name);
    (void)unlink(text + 5);
    return text;
}

static void remove_path(const char *text)
{
    CHECK_EQ(unlink(text + 5), 0);
}

/* ---- results --------------------------------------------------------------------------------- */

TEST(each_errno_has_its_status)
{
    static const int rows[][2] = {
        {EAGAIN, THETIS_AGAIN},          {EINPROGRESS, THETIS_AGAIN},
        {EALREADY, THETIS_AGAIN},        {EINTR, THETIS_EINTR},
        {ECONNREFUSED, THETIS_EREFUSED}, {ECONNRESET, THETIS_ERESET},
        {EPIPE, THETIS_CLOSED},         {ECONNABORTED, THETIS_ERESET},
        {ENOBUFS, THETIS_ENOBUFS},       {ENOMEM, THETIS_ENOMEM},
        {EMFILE, THETIS_EMFILE},         {ENFILE, THETIS_EMFILE},
        {EADDRINUSE, THETIS_EADDRINUSE}, {EADDRNOTAVAIL, THETIS_EADDRNOTAVAIL},
        {EACCES, THETIS_EACCES},         {EPERM, THETIS_EACCES},
        {ENETUNREACH, THETIS_EUNREACH},  {EHOSTUNREACH, THETIS_EUNREACH},
        {ENETDOWN, THETIS_EUNREACH},     {ETIMEDOUT, THETIS_ETIMEDOUT},
        {ENOTCONN, THETIS_ENOTCONN},     {EINVAL, THETIS_EINVAL},
        {EBADF, THETIS_EINVAL},          {EAFNOSUPPORT, THETIS_ENOTSUP},
        {EOPNOTSUPP, THETIS_ENOTSUP},    {ENOSYS, THETIS_ENOTSUP},
        {ENOPROTOOPT, THETIS_ENOTSUP},   {EMSGSIZE, THETIS_E2BIG},
        {EHOSTDOWN, THETIS_EUNREACH},    {EDESTADDRREQ, THETIS_ENOTCONN},
        {ENODEV, THETIS_EADDRNOTAVAIL},  {ENOENT, THETIS_EREFUSED},
        {ETOOMANYREFS, THETIS_ENOBUFS},
        {EIO, THETIS_EOTHER},            {EHWPOISON, THETIS_EOTHER},
        {4095, THETIS_EOTHER},           {-1, THETIS_EOTHER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        EXPECT(rows[i][1], rows[i][0], tht_sys_fault(rows[i][0]));
    }
}

TEST(accept_tells_the_connections_errors_from_the_listeners)
{
    static const int gone[] = {ECONNABORTED, EPROTO, EPERM,        ENETDOWN,   ENOPROTOOPT,
                               EHOSTDOWN,    ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        EXPECT(THETIS_ERESET, gone[i], tht_sys_accept_fault(gone[i]));
    }
    EXPECT(THETIS_EMFILE, EMFILE, tht_sys_accept_fault(EMFILE));
    EXPECT(THETIS_EINVAL, EINVAL, tht_sys_accept_fault(EINVAL));
}

/* ---- streams --------------------------------------------------------------------------------- */

static void both_ways(pair *p)
{
    char byte;
    EXPECT(THETIS_AGAIN, EAGAIN, host->recv(host, p->server, &byte, 1));
    EXPECT_OK(4, send_text(p->client, "ping"));
    recv_is(p->server, "ping");
    EXPECT_OK(6, send_text(p->server, "answer"));
    recv_is(p->client, "answer");
    EXPECT_OK(0, host->shutdown(host, p->client));
    recv_is(p->server, "");
    EXPECT_OK(4, send_text(p->server, "more"));
    recv_is(p->client, "more");
}

static void names_match(const pair *p)
{
    thetis_addr client = name_of(p->client, THT_LOCAL), server = name_of(p->server, THT_LOCAL);
    thetis_addr seen_by_client = name_of(p->client, THT_PEER);
    thetis_addr seen_by_server = name_of(p->server, THT_PEER);
    CHECK(thetis_addr_equal(&seen_by_client, &server));
    CHECK(thetis_addr_equal(&seen_by_server, &client));
    CHECK(thetis_addr_equal(&p->peer, &client));
}

TEST(ipv4_streams)
{
    pair p = pair_at("127.0.0.1:0");
    CHECK_EQ(p.peer.family, THETIS_ADDR_V4);
    CHECK(p.peer.port != 0);
    names_match(&p);
    both_ways(&p);
    pair_close(&p);
}

TEST(ipv6_streams)
{
    thetis_addr loopback = addr_of("[::1]:0");
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    if (probe < 0 || tht_sys_bind(host, probe, &loopback).status != THETIS_OK)
        SKIP_ENVIRONMENT("no IPv6 loopback");
    EXPECT_OK(0, host->close(host, probe));
    pair p = pair_at("[::1]:0");
    CHECK_EQ(p.peer.family, THETIS_ADDR_V6);
    names_match(&p);
    both_ways(&p);
    pair_close(&p);
}

TEST(unix_streams)
{
    const char *path = fresh_path("stream");
    pair p = pair_at(path);
    thetis_addr server = addr_of(path), seen = name_of(p.client, THT_PEER);
    CHECK_EQ(p.peer.family, THETIS_ADDR_NONE); /* the client has no name */
    CHECK(thetis_addr_equal(&seen, &server));
    both_ways(&p);
    pair_close(&p);
    remove_path(path);
}

TEST(unix_clients_may_have_a_name)
{
    char path[80];
    (void)snprintf(path, sizeof path, "%s", fresh_path("client"));
    thetis_addr client = addr_of(path), peer;
    const char *server_path = fresh_path("server");
    thetis_addr server = addr_of(server_path);
    int listener = listener_at(server_path);
    int fd = made(host->socket(host, THETIS_ADDR_UNIX, THT_STREAM));
    EXPECT_OK(0, host->bind(host, fd, &client));
    EXPECT_OK(0, host->connect(host, fd, &server));
    (void)made(host->accept(host, listener, &peer));
    CHECK(thetis_addr_equal(&peer, &client));
    remove_path(path);
    remove_path(server_path);
}

/* The system's own form, with and without what ours cannot express. */
TEST(foreign_addresses_become_ours_or_none)
{
    sys_sockaddr sa;
    thetis_addr addr = addr_of("[fe80::1%7]:9");
    socklen_t len = tht_sys_to_sockaddr(&sa, &addr);
    tht_sys_from_sockaddr(&addr, &sa, len);
    CHECK_EQ(addr.scope, 7);
    tht_sys_from_sockaddr(&addr, &sa, 0);
    CHECK_EQ(addr.family, THETIS_ADDR_NONE);
    sa.any.sa_family = AF_PACKET;
    tht_sys_from_sockaddr(&addr, &sa, sizeof sa);
    CHECK_EQ(addr.family, THETIS_ADDR_NONE);
    memset(&sa, 'p', sizeof sa); /* a path without a final 0, as long as Linux allows */
    sa.un.sun_family = AF_UNIX;
    tht_sys_from_sockaddr(&addr, &sa, sizeof sa.un);
    CHECK_EQ(addr.family, THETIS_ADDR_NONE);
    tht_sys_from_sockaddr(&addr, &sa, offsetof(struct sockaddr_un, sun_path) + 103);
    CHECK_EQ(addr.family, THETIS_ADDR_UNIX);
    CHECK_EQ(strlen(addr.u.path), 103);
    sa.un.sun_path[0] = 0; /* abstract: too long, then not, then with a 0 inside */
    tht_sys_from_sockaddr(&addr, &sa, sizeof sa.un);
    CHECK_EQ(addr.family, THETIS_ADDR_NONE);
    tht_sys_from_sockaddr(&addr, &sa, offsetof(struct sockaddr_un, sun_path) + 103);
    CHECK_EQ(addr.family, THETIS_ADDR_UNIX);
    CHECK_EQ(addr.u.path[0], 0);
    CHECK_EQ(strlen(addr.u.path + 1), 102);
    sa.un.sun_path[5] = 0;
    tht_sys_from_sockaddr(&addr, &sa, offsetof(struct sockaddr_un, sun_path) + 10);
    CHECK_EQ(addr.family, THETIS_ADDR_NONE);
}

TEST(descriptors_do_not_block_and_are_not_inherited)
{
    pair p = pair_at("127.0.0.1:0");
    int set = made(host->epoll_open(host));
    int wake = made(host->wake_open(host, set, 1));
    int fds[] = {p.listener, p.client, p.server, wake};
    for (size_t i = 0; i < 4; i++) {
        CHECK(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
        CHECK_EQ(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
    }
    CHECK_EQ(fcntl(set, F_GETFD), FD_CLOEXEC);
}

TEST(accept_without_a_peer_address_or_a_connection)
{
    int listener = listener_at("127.0.0.1:0");
    thetis_addr to = name_of(listener, THT_LOCAL), peer;
    int client = made(host->socket(host, THETIS_ADDR_V4, THT_STREAM));
    EXPECT(THETIS_AGAIN, EAGAIN, host->accept(host, listener, &peer));
    (void)host->connect(host, client, &to);
    (void)ready_of(listener, THT_IN);
    (void)made(host->accept(host, listener, NULL));
    EXPECT(THETIS_EINVAL, EINVAL, host->accept(host, client, &peer));
}

TEST(accept_reports_a_lack_of_descriptors)
{
    int listener = listener_at("127.0.0.1:0");
    thetis_addr to = name_of(listener, THT_LOCAL);
    int client = made(host->socket(host, THETIS_ADDR_V4, THT_STREAM));
    struct rlimit usual, none;
    (void)host->connect(host, client, &to);
    (void)ready_of(listener, THT_IN);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none = (struct rlimit){(rlim_t)client + 1, usual.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    EXPECT(THETIS_EMFILE, EMFILE, host->accept(host, listener, NULL));
    EXPECT(THETIS_EMFILE, EMFILE, host->socket(host, THETIS_ADDR_V4, THT_STREAM));
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0); /* a sanitizer needs some at the end */
    (void)made(host->accept(host, listener, NULL)); /* nothing was lost */
}

/* ---- sending --------------------------------------------------------------------------------- */

TEST(many_pieces_arrive_in_order)
{
    pair p = pair_at("127.0.0.1:0");
    char text[64];
    thetis_iov iov[64];
    CHECK_EQ(host->max_iov, 64);
    for (size_t i = 0; i < 64; i++) {
        text[i] = (char)('0' + i);
        iov[i] = (thetis_iov){&text[i], i < 63}; /* and an empty one */
    }
    EXPECT_OK(63, host->send(host, p.client, iov, 64));
    text[63] = 0;
    recv_is(p.server, text);
}

TEST(a_full_socket_takes_a_part_then_none)
{
    static char block[1 << 20];
    pair p = pair_at("127.0.0.1:0");
    thetis_iov iov[2] = {{block, sizeof block}, {block, sizeof block}};
    ptrdiff_t sent = 0;
    tht_ret ret;
    do {
        ret = host->send(host, p.client, iov, 1 + (sent > 0));
        CHECK(ret.status == THETIS_AGAIN || ret.n > 0);
        sent += ret.n;
    } while (ret.status == THETIS_OK);
    EXPECT(THETIS_AGAIN, EAGAIN, ret);
    for (ptrdiff_t got = 0; got < sent;) {
        (void)ready_of(p.server, THT_IN);
        ret = host->recv(host, p.server, block, sizeof block);
        CHECK(ret.status == THETIS_OK && ret.n > 0);
        got += ret.n;
    }
}

/* SIGPIPE would end the test. */
static void send_to_the_gone(pair *p)
{
    thetis_iov iov[2] = {{"x", 1}, {"y", 1}};
    EXPECT_OK(0, host->close(host, p->server));
    CHECK_EQ(ready_of(p->client, THT_IN), THT_IN | THT_OUT);
    (void)host->so_error(host, p->client);
    EXPECT(THETIS_CLOSED, EPIPE, host->send(host, p->client, iov, 1));
    EXPECT(THETIS_CLOSED, EPIPE, host->send(host, p->client, iov, 2));
}

TEST(sending_to_a_gone_peer_raises_no_signal)
{
    const char *path = fresh_path("gone");
    pair tcp = pair_at("127.0.0.1:0"), un = pair_at(path);
    EXPECT_OK(0, host->setopt(host, tcp.server, THT_OPT_ABORT_ON_CLOSE, 1));
    send_to_the_gone(&tcp);
    send_to_the_gone(&un);
    remove_path(path);
}

TEST(abort_on_close_sends_a_reset)
{
    pair p = pair_at("127.0.0.1:0");
    char byte;
    EXPECT_OK(0, host->setopt(host, p.server, THT_OPT_ABORT_ON_CLOSE, 1));
    EXPECT_OK(0, host->close(host, p.server));
    (void)ready_of(p.client, THT_IN);
    EXPECT(THETIS_ERESET, ECONNRESET, host->recv(host, p.client, &byte, 1));
}

TEST(abort_on_close_can_be_taken_back)
{
    pair p = pair_at("127.0.0.1:0");
    EXPECT_OK(0, host->setopt(host, p.server, THT_OPT_ABORT_ON_CLOSE, 1));
    EXPECT_OK(0, host->setopt(host, p.server, THT_OPT_ABORT_ON_CLOSE, 0));
    EXPECT_OK(0, host->close(host, p.server));
    recv_is(p.client, "");
}

/* ---- connecting and binding ------------------------------------------------------------------ */

TEST(nobody_listens)
{
    int bound = made(host->socket(host, THETIS_ADDR_V4, THT_STREAM));
    int fd = made(host->socket(host, THETIS_ADDR_V4, THT_STREAM));
    thetis_addr at = addr_of("127.0.0.1:0");
    EXPECT_OK(0, host->bind(host, bound, &at));
    at = name_of(bound, THT_LOCAL);
    tht_ret ret = host->connect(host, fd, &at);
    if (ret.status == THETIS_AGAIN) {
        CHECK_EQ(ready_of(fd, THT_OUT), THT_IN | THT_OUT);
        ret = host->so_error(host, fd);
    }
    EXPECT(THETIS_EREFUSED, ECONNREFUSED, ret);
    EXPECT_OK(0, host->so_error(host, fd)); /* read and cleared */
}

TEST(connecting_twice_is_being_connected)
{
    pair p = pair_at("127.0.0.1:0");
    thetis_addr to = name_of(p.listener, THT_LOCAL);
    EXPECT_OK(0, host->connect(host, p.client, &to)); /* completes the first */
    EXPECT_OK(0, host->connect(host, p.client, &to)); /* EISCONN */
}

/* Linux answers EAGAIN, yet nothing is in progress: the caller must not wait for it. */
TEST(a_full_unix_listener_is_a_lack)
{
    const char *path = fresh_path("full");
    thetis_addr to = addr_of(path);
    int listener = made(host->socket(host, THETIS_ADDR_UNIX, THT_STREAM));
    tht_ret ret;
    EXPECT_OK(0, host->bind(host, listener, &to));
    EXPECT_OK(0, host->listen(host, listener, 0));
    do ret = host->connect(host, made(host->socket(host, THETIS_ADDR_UNIX, THT_STREAM)), &to);
    while (ret.status == THETIS_OK);
    EXPECT(THETIS_ENOBUFS, EAGAIN, ret);
    remove_path(path);
}

TEST(addresses_that_no_socket_can_have)
{
    thetis_addr none = {0}, nowhere = addr_of("unix:/nonexistent/thetis"), taken;
    thetis_addr foreign = addr_of("192.0.2.1:0"), unnamed = {.family = THETIS_ADDR_UNIX};
    int fd = made(host->socket(host, THETIS_ADDR_V4, THT_STREAM));
    int un = made(host->socket(host, THETIS_ADDR_UNIX, THT_STREAM));
    EXPECT(THETIS_ENOTSUP, EAFNOSUPPORT, host->socket(host, THETIS_ADDR_NONE, THT_STREAM));
    EXPECT(THETIS_EINVAL, EINVAL, host->bind(host, fd, &none));
    EXPECT(THETIS_EINVAL, EINVAL, host->connect(host, fd, &none));
    EXPECT(THETIS_EINVAL, EINVAL, host->bind(host, un, &unnamed));
    EXPECT(THETIS_EADDRNOTAVAIL, EADDRNOTAVAIL, host->bind(host, fd, &foreign));
    EXPECT(THETIS_EREFUSED, ENOENT, host->connect(host, un, &nowhere));
    EXPECT(THETIS_EADDRNOTAVAIL, ENOENT, host->bind(host, un, &nowhere));
    taken = name_of(listener_at("127.0.0.1:0"), THT_LOCAL);
    EXPECT(THETIS_EADDRINUSE, EADDRINUSE, host->bind(host, fd, &taken));
}

TEST(sockets_that_are_not_connected_or_not_there)
{
    int fd = made(host->socket(host, THETIS_ADDR_V4, THT_STREAM));
    thetis_addr addr;
    char byte;
    EXPECT(THETIS_ENOTCONN, ENOTCONN, host->name(host, fd, THT_PEER, &addr));
    EXPECT(THETIS_ENOTCONN, ENOTCONN, host->recv(host, fd, &byte, 1));
    EXPECT(THETIS_ENOTCONN, ENOTCONN, host->shutdown(host, fd));
    EXPECT_OK(0, host->close(host, fd));
    EXPECT(THETIS_EINVAL, EBADF, host->close(host, fd));
    EXPECT(THETIS_EINVAL, EBADF, host->so_error(host, fd));
    EXPECT(THETIS_EINVAL, EBADF, host->listen(host, fd, 1));
}

TEST(options_reach_the_socket)
{
    static const int rows[][3] = {
        {THT_OPT_REUSE_ADDR, SOL_SOCKET, SO_REUSEADDR},
        {THT_OPT_REUSE_PORT, SOL_SOCKET, SO_REUSEPORT}, {THT_OPT_BALANCE, SOL_SOCKET, SO_REUSEPORT},
        {THT_OPT_NODELAY, IPPROTO_TCP, TCP_NODELAY},
    };
    int fd = made(host->socket(host, THETIS_ADDR_V4, THT_STREAM)), got;
    socklen_t len = sizeof got;
    for (size_t i = 0; i < 3; i++) {
        for (int value = 1; value >= 0; value--) {
            EXPECT_OK(0, host->setopt(host, fd, (tht_opt)rows[i][0], value));
            CHECK_EQ(getsockopt(fd, rows[i][1], rows[i][2], &got, &len), 0);
            CHECK_EQ(got, value);
        }
    }
    int un = made(host->socket(host, THETIS_ADDR_UNIX, THT_STREAM));
    EXPECT(THETIS_ENOTSUP, EOPNOTSUPP, host->setopt(host, un, THT_OPT_NODELAY, 1));
    int v6 = socket(AF_INET6, SOCK_STREAM, 0);
    if (v6 < 0) return; /* counted as a skip by ipv6_streams */
    EXPECT_OK(0, host->setopt(host, v6, THT_OPT_V6_ONLY, 1));
    CHECK_EQ(getsockopt(v6, IPPROTO_IPV6, IPV6_V6ONLY, &got, &len), 0);
    CHECK_EQ(got, 1);
}

TEST_MAIN(T(each_errno_has_its_status), T(accept_tells_the_connections_errors_from_the_listeners),
          T(ipv4_streams), T(ipv6_streams), T(unix_streams), T(unix_clients_may_have_a_name),
          T(foreign_addresses_become_ours_or_none),
          T(descriptors_do_not_block_and_are_not_inherited),
          T(accept_without_a_peer_address_or_a_connection), T(accept_reports_a_lack_of_descriptors),
          T(many_pieces_arrive_in_order), T(a_full_socket_takes_a_part_then_none),
          T(sending_to_a_gone_peer_raises_no_signal), T(abort_on_close_sends_a_reset),
          T(abort_on_close_can_be_taken_back), T(nobody_listens),
          T(connecting_twice_is_being_connected), T(a_full_unix_listener_is_a_lack),
          T(addresses_that_no_socket_can_have), T(sockets_that_are_not_connected_or_not_there),
          T(options_reach_the_socket))
