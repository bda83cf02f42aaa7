/* SPDX-License-Identifier: MIT
 *
 * test_kv_server.c: examples/kv as a whole, in this process, with clients that are slow, rude or
 * many, on each store.
 */
#include "kv_server.h"

#include <stdio.h>

#include "harness/count_malloc.h"

/* ---- clients --------------------------------------------------------------------------------- */

static bool is_closed(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) <= 0;
}

/* Until `count` has come to `value`, which the loops do without being asked. */
static void wait_for(const thetis_atomic *count, uintptr_t value)
{
    while (thetis_atomic_load_relaxed(count) != value) (void)usleep(1000);
}

/* ---- cases ----------------------------------------------------------------------------------- */

TEST(commands_are_sorted)
{
    for (size_t k = 1; k < kv_commands_count; k++) {
        CHECK(strcmp(kv_commands[k - 1].name, kv_commands[k].name) < 0);
    }
    for (size_t k = 0; k < kv_commands_count; k++) {
        const char *bar = strchr(kv_commands[k].name, '|');
        kv_text group = {kv_commands[k].name, bar ? (size_t)(bar - kv_commands[k].name) : 0};
        CHECK(!bar || kv_command_find(kv_command_find(NULL, group), kv_string(bar + 1)) ==
                          &kv_commands[k]);
    }
}

static void one_byte_at_a_time(const kv_store_ops *store)
{
    static const char text[] = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nvalue\r\nget a\r\n";
    running r = start(store, 1, CONNECTIONS);
    int fd = connect_to(r);
    for (const char *c = text; *c; c++) {
        CHECK_EQ(send(fd, c, 1, 0), 1);
        (void)usleep(200);
    }
    hear(fd, "+OK\r\n$5\r\nvalue\r\n");
    CHECK_EQ(close(fd), 0);
    stop(r);
}

TEST(bytes_come_one_at_a_time)
{
    for (size_t k = 0; k < 2; k++) one_byte_at_a_time(stores[k]);
}

TEST(garbage_is_answered_and_the_connection_closed)
{
    running r = start(stores[0], 2, CONNECTIONS);
    int fd = connect_to(r);
    ask(fd, "PING\r\n*1\r\n!", "+PONG\r\n");
    ask(fd, "\r\nPING\r\n", "-ERR Protocol error: expected '$', got '!'\r\n");
    CHECK(is_closed(fd));
    CHECK_EQ(close(fd), 0);
    fd = connect_to(r);
    ask(fd, "QUIT\r\n", "+OK\r\n");
    CHECK(is_closed(fd));
    CHECK_EQ(close(fd), 0);
    wait_for(&r.server->count.clients, 0);
    stop(r);
}

TEST(too_many_clients_are_told)
{
    running r = start(stores[0], 1, 2);
    int fd[3];
    for (size_t k = 0; k < 2; k++) {
        fd[k] = connect_to(r);
        ask(fd[k], "PING\r\n", "+PONG\r\n");
    }
    fd[2] = connect_to(r);
    hear(fd[2], "-ERR max number of clients reached\r\n");
    CHECK(is_closed(fd[2]));
    CHECK_EQ(close(fd[0]), 0);
    wait_for(&r.server->count.clients, 1);
    CHECK_EQ(close(fd[2]), 0);
    fd[0] = connect_to(r);
    ask(fd[0], "PING\r\n", "+PONG\r\n");
    CHECK_EQ(close(fd[0]), 0);
    CHECK_EQ(close(fd[1]), 0);
    stop(r);
}

/* All requests that matter for many clients, with what they must hear. */
static void use(int fd)
{
    ask(fd, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n1\r\n", "+OK\r\n");
    ask(fd, "*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n", ":2\r\n");
    ask(fd, "append k x\nsetrange k 2 yz\nget k\n", ":2\r\n:4\r\n$4\r\n2xyz\r\n");
    ask(fd, "mset a 1 b 2.5\nmget a b c\n", "+OK\r\n*3\r\n$1\r\n1\r\n$3\r\n2.5\r\n$-1\r\n");
    ask(fd, "incrbyfloat b 0.25\nexpire a 100\nttl a\n", "$4\r\n2.75\r\n:1\r\n:100\r\n");
    ask(fd, "scan 0 count 1000000 match a\n", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n");
    ask(fd, "keys b\ndel a b k\n", "*1\r\n$1\r\nb\r\n:3\r\n");
}

static void no_memory_is_asked_for(const kv_store_ops *store)
{
    running r = start(store, 2, CONNECTIONS);
    int fd = connect_to(r), other = connect_to(r); /* on the other loop */
    ask(fd, "PING\r\n", "+PONG\r\n");
    ask(other, "subscribe c\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    size_t before = count_malloc();
    for (int k = 0; k < 100; k++) {
        ask(fd, "publish c text\r\n", ":1\r\n");
        hear(other, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\ntext\r\n");
        ask(fd, "pubsub channels\r\npubsub numsub c\r\n",
            "*1\r\n$1\r\nc\r\n*2\r\n$1\r\nc\r\n:1\r\n");
        use(fd);
    }
    CHECK_EQ(count_malloc(), before);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(close(other), 0);
    stop(r);
}

TEST(requests_allocate_nothing)
{
    for (size_t k = 0; k < 2; k++) no_memory_is_asked_for(stores[k]);
}

/* Pages of this process, in bytes. */
static size_t resident(void)
{
    unsigned long pages = 0, all;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) SKIP_ENVIRONMENT("no /proc");
    CHECK_EQ(fscanf(f, "%lu %lu", &all, &pages), 2);
    CHECK_EQ(fclose(f), 0);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* A client that sends as long as it can, and never reads: it cannot send for ever, and the server
 * serves others. */
TEST(who_does_not_read_is_not_read_from)
{
    static char text[1 << 16];
    running r = start(stores[0], 1, CONNECTIONS);
    int deaf = connect_to(r), fd = connect_to(r);
    ask(fd, "PING\r\n", "+PONG\r\n");
    for (size_t k = 0; k + 9 <= sizeof text; k += 9) memcpy(text + k, "echo abc\n", 9);
    size_t before = resident(), sent = 0, idle = 0;
    while (idle < 100 && sent < (size_t)1 << 30) {
        ssize_t n = send(deaf, text, sizeof text / 9 * 9, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) sent += (size_t)n;
        idle = n > 0 ? 0 : idle + 1;
        if (n <= 0) (void)usleep(2000);
    }
    CHECK(sent < (size_t)1 << 30);
    CHECK(resident() - before < (size_t)8 << 20);
    ask(fd, "PING\r\n", "+PONG\r\n");
    CHECK_EQ(close(deaf), 0);
    wait_for(&r.server->count.clients, 1);
    CHECK_EQ(close(fd), 0);
    stop(r);
}

/* A subscriber that does not read is given up, and its publisher is not. */
TEST(who_does_not_read_messages_is_given_up)
{
    static char text[9000];
    running r = start(stores[0], 2, CONNECTIONS);
    int deaf = connect_to(r), fd = connect_to(r), given_up = 0;
    ask(deaf, "psubscribe * c\r\n", "*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n");
    (void)snprintf(text, sizeof text, "publish c %08000d\r\n", 0);
    for (int k = 0; k < 100000 && !given_up; k++) {
        char reply[4];
        tell(fd, text);
        CHECK_EQ(recv(fd, reply, sizeof reply, MSG_WAITALL), (ssize_t)sizeof reply);
        given_up = reply[1] == '0';
    }
    CHECK(given_up);
    wait_for(&r.server->count.clients, 1);
    CHECK(thetis_atomic_load_relaxed(&r.server->count.overflows) > 0);
    CHECK_EQ(close(deaf), 0);
    CHECK_EQ(close(fd), 0);
    stop(r);
}

/* Clients that vanish in the middle of everything leave nothing behind. */
TEST(clients_that_vanish)
{
    running r = start(stores[0], 2, CONNECTIONS);
    for (int round = 0; round < 20; round++) {
        int fd[CONNECTIONS];
        for (int k = 0; k < CONNECTIONS; k++) {
            struct linger reset = {.l_onoff = 1, .l_linger = 0};
            fd[k] = connect_to(r);
            tell(fd[k], k % 2 ? "subscribe a b c\n" : "publish a x\npubsub channels\n*3\r\n$3");
            if (k % 3) continue;
            CHECK_EQ(setsockopt(fd[k], SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        }
        for (int k = 0; k < CONNECTIONS; k++) CHECK_EQ(close(fd[k]), 0);
        wait_for(&r.server->count.accepted, (uintptr_t)(round + 1) * CONNECTIONS);
        wait_for(&r.server->count.clients, 0);
    }
    int fd = connect_to(r);
    ask(fd, "publish a x\r\npubsub channels\r\n", ":0\r\n*0\r\n");
    CHECK_EQ(close(fd), 0);
    stop(r);
}

/* 100,000 keys, gone all at once: at that millisecond for whoever asks, and from memory soon. */
static void keys_are_over(const kv_store_ops *store)
{
    static char text[1 << 16];
    unsigned keys = (unsigned)test_scale(100000);
    running r = start(store, 1, CONNECTIONS);
    int fd = connect_to(r);
    ask(fd, "config set hz 500\r\n", "+OK\r\n");
    for (unsigned k = 0; k < keys;) {
        size_t len = 0, n = 0;
        for (; n < 500 && k < keys; n++, k++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "psetex key%u 5000 v\r\n", k);
        }
        tell(fd, text);
        while (n-- > 0) hear(fd, "+OK\r\n");
    }
    thetis_atomic_store_relaxed(&clock_ms, 1005000);
    ask(fd, "get key7\r\n", "$1\r\nv\r\n");
    (void)snprintf(text, sizeof text, ":%u\r\n", keys);
    ask(fd, "dbsize\r\n", text);
    thetis_atomic_store_relaxed(&clock_ms, 1005001);
    ask(fd, "get key7\r\nexists key8 key9\r\nkeys *\r\n", "$-1\r\n:0\r\n*0\r\n");
    wait_for(&r.server->count.expired, keys);
    ask(fd, "dbsize\r\n", ":0\r\n");
    CHECK_EQ(close(fd), 0);
    stop(r);
}

TEST(keys_are_over_on_time)
{
    for (size_t k = 0; k < 2; k++) keys_are_over(stores[k]);
}

/* Half a second is one more. */
TEST(remaining_times_are_rounded)
{
    running r = start(stores[0], 1, CONNECTIONS);
    int fd = connect_to(r);
    ask(fd, "psetex a 1499 v\nttl a\npttl a\n", "+OK\r\n:1\r\n:1499\r\n");
    ask(fd, "psetex a 1500 v\nttl a\npttl a\n", "+OK\r\n:2\r\n:1500\r\n");
    ask(fd, "expiretime a\npexpiretime a\n", ":1002\r\n:1001500\r\n");
    CHECK_EQ(close(fd), 0);
    stop(r);
}

/* A table that is full says so, and goes on when there is room again. */
static void full_table(const kv_store_ops *store)
{
    static char text[20000];
    running r = start(store, 1, CONNECTIONS);
    int fd = connect_to(r), refused = 0;
    for (int k = 0; k < 20000 && !refused; k++) {
        char reply[5];
        (void)snprintf(text, sizeof text, "set %06d %012000d\r\n", k, k);
        tell(fd, text);
        CHECK_EQ(recv(fd, reply, sizeof reply, MSG_WAITALL), (ssize_t)sizeof reply);
        refused = reply[0] == '-';
    }
    CHECK(refused);
    hear(fd, "command not allowed when used memory > 'maxmemory'.\r\n");
    ask(fd, "flushall\r\nset a 1\r\n", "+OK\r\n+OK\r\n");
    CHECK_EQ(close(fd), 0);
    stop(r);
}

TEST(a_full_table)
{
    for (size_t k = 0; k < 2; k++) full_table(stores[k]);
}

/* Clients of all loops that count together lose nothing. */
typedef struct counter {
    pthread_t thread;
    int fd;
    int rounds;
} counter;

static void *count(void *arg)
{
    counter *c = arg;
    char line[64];
    for (int k = 0; k < c->rounds; k++) {
        tell(c->fd, "incr n\r\n");
        CHECK(recv(c->fd, line, 1, 0) == 1 && line[0] == ':');
        while (recv(c->fd, line, 1, 0) == 1 && line[0] != '\n') {}
    }
    return NULL;
}

static void count_together(const kv_store_ops *store)
{
    counter all[8];
    char expected[32], digits[16];
    running r = start(store, 4, CONNECTIONS);
    int rounds = (int)test_scale(3000);
    for (size_t k = 0; k < 8; k++) {
        all[k] = (counter){.fd = connect_to(r), .rounds = rounds};
        CHECK_EQ(pthread_create(&all[k].thread, NULL, count, &all[k]), 0);
    }
    for (size_t k = 0; k < 8; k++) CHECK_EQ(pthread_join(all[k].thread, NULL), 0);
    int len = snprintf(digits, sizeof digits, "%d", 8 * rounds);
    (void)snprintf(expected, sizeof expected, "$%d\r\n%s\r\n", len, digits);
    ask(all[0].fd, "get n\r\n", expected);
    for (size_t k = 0; k < 8; k++) CHECK_EQ(close(all[k].fd), 0);
    stop(r);
}

TEST(loops_count_together)
{
    for (size_t k = 0; k < 2; k++) count_together(stores[k]);
}

TEST_MAIN(T(commands_are_sorted), T(bytes_come_one_at_a_time),
          T(garbage_is_answered_and_the_connection_closed), T(too_many_clients_are_told),
          T(requests_allocate_nothing), T(who_does_not_read_is_not_read_from),
          T(who_does_not_read_messages_is_given_up), T(clients_that_vanish),
          T(keys_are_over_on_time), T(remaining_times_are_rounded), T(a_full_table),
          T(loops_count_together))
