/* SPDX-License-Identifier: MIT
 *
 * test_addr.c: addresses from and to text, against tables and against the system's own functions.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "harness/test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <thetis/addr.h>

typedef struct addr_row {
    const char *text;
    const char *canonical; /* NULL: refused */
} addr_row;

static const addr_row addr_rows[] = {
    /* IPv4 */
    {"127.0.0.1:80", "127.0.0.1:80"},
    {"0.0.0.0:0", "0.0.0.0:0"},
    {"255.255.255.255:65535", "255.255.255.255:65535"},
    {"*:80", "0.0.0.0:80"},
    {"", NULL},
    {":", NULL},
    {":80", NULL},
    {"*", NULL},
    {"*:", NULL},
    {"**:1", NULL},
    {"127.0.0.1", NULL},
    {"127.0.0.1:", NULL},
    {"127.0.0.1:65536", NULL},
    {"127.0.0.1:4294967296", NULL},
    {"127.0.0.1:18446744073709551616", NULL},
    {"127.0.0.1:-1", NULL},
    {"127.0.0.1:+1", NULL},
    {"127.0.0.1:80 ", NULL},
    {" 127.0.0.1:80", NULL},
    {"127.0.0.1:080", NULL},
    {"127.0.0.1:80:80", NULL},
    {"127.0.0:80", NULL},
    {"127.0.0.1.1:80", NULL},
    {"127.0.0.256:80", NULL},
    {"127.0.0.01:80", NULL},
    {"127..0.1:80", NULL},
    {"0x7f.0.0.1:80", NULL},
    {"localhost:80", NULL},
    {"-", NULL},
    /* IPv6 */
    {"[::1]:80", "[::1]:80"},
    {"[::]:0", "[::]:0"},
    {"[0:0:0:0:0:0:0:0]:1", "[::]:1"},
    {"[1::]:1", "[1::]:1"},
    {"[2001:DB8::00A0:1]:443", "[2001:db8::a0:1]:443"},
    {"[2001:db8:0:1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1"},
    {"[2001:0:0:1:0:0:0:1]:1", "[2001:0:0:1::1]:1"},
    {"[2001:db8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1"},
    {"[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1"},
    {"[::2:3:4:5:6:7:8]:1", "[0:2:3:4:5:6:7:8]:1"},
    {"[1:2:3:4:5:6:1.2.3.4]:1", "[1:2:3:4:5:6:102:304]:1"},
    {"[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]:1"},
    {"[::ffff:102:304]:1", "[::ffff:1.2.3.4]:1"},
    {"[::1.2.3.4]:1", "[::102:304]:1"},
    {"[64:ff9b::1.2.3.4]:1", "[64:ff9b::102:304]:1"},
    {"[fe80::1%3]:80", "[fe80::1%3]:80"},
    {"[fe80::1%4294967295]:80", "[fe80::1%4294967295]:80"},
    {"[fe80::1%0]:80", "[fe80::1]:80"},
    {"[::1]", NULL},
    {"[::1]:", NULL},
    {"[::1:80", NULL},
    {"::1:80", NULL},
    {"[]:80", NULL},
    {"[:]:80", NULL},
    {"[:::]:80", NULL},
    {"[1]:80", NULL},
    {"[:1]:80", NULL},
    {"[1:]:80", NULL},
    {"[1::2::3]:80", NULL},
    {"[1:::2]:80", NULL},
    {"[::1:]:80", NULL},
    {"[1:2:3:4:5:6:7]:80", NULL},
    {"[1:2:3:4:5:6:7:8:9]:80", NULL},
    {"[1:2:3:4:5:6:7:8::]:80", NULL},
    {"[::1:2:3:4:5:6:7:8]:80", NULL},
    {"[1::2:3:4:5:6:7:8]:80", NULL},
    {"[1:2:3:4:5:6:7:1.2.3.4]:80", NULL},
    {"[::1.2.3.4:1]:80", NULL},
    {"[::1.2.3]:80", NULL},
    {"[::1.2.3.04]:80", NULL},
    {"[::12345]:80", NULL},
    {"[::00001]:80", NULL},
    {"[::g]:80", NULL},
    {"[fe80::1%]:80", NULL},
    {"[fe80::1%eth0]:80", NULL},
    {"[fe80::1%4294967296]:80", NULL},
    {"[fe80::1%03]:80", NULL},
    {"[127.0.0.1]:80", NULL},
    /* unix */
    {"unix:/run/x.sock", "unix:/run/x.sock"},
    {"unix:x", "unix:x"},
    {"unix::", "unix::"},
    {"unix:@x", "unix:@x"},
    {"unix:./@x", "unix:./@x"},
    {"unix:@", NULL},
    {"unix:", NULL},
    {"unix", NULL},
    {"Unix:/x", NULL},
};

static thetis_addr addr_parsed(const char *text)
{
    thetis_addr addr;
    if (thetis_addr_parse(&addr, text) != THETIS_OK) FAIL("refused: %s", text);
    return addr;
}

TEST(the_table_holds)
{
    for (size_t i = 0; i < sizeof addr_rows / sizeof addr_rows[0]; i++) {
        thetis_addr addr, before;
        char text[THETIS_ADDR_TEXT_MAX];
        memset(&addr, 0x5A, sizeof addr);
        before = addr;
        thetis_status s = thetis_addr_parse(&addr, addr_rows[i].text);
        if ((s == THETIS_OK) != (addr_rows[i].canonical != NULL)) FAIL("%s", addr_rows[i].text);
        if (s != THETIS_OK) {
            CHECK_EQ(s, THETIS_EINVAL);
            CHECK_EQ(memcmp(&addr, &before, sizeof addr), 0);
            continue;
        }
        CHECK_EQ(thetis_addr_text(&addr, text, sizeof text), THETIS_OK);
        CHECK_STR(text, addr_rows[i].canonical);
    }
}

TEST(fields_are_in_the_documented_order)
{
    thetis_addr v4 = addr_parsed("1.2.3.4:258");
    CHECK_EQ(v4.family, THETIS_ADDR_V4);
    CHECK_EQ(v4.port, 258);
    CHECK_EQ(memcmp(v4.u.v4, "\1\2\3\4", 4), 0);
    thetis_addr v6 = addr_parsed("[102::f0e%7]:1");
    CHECK_EQ(v6.family, THETIS_ADDR_V6);
    CHECK_EQ(v6.scope, 7);
    CHECK_EQ(memcmp(v6.u.v6, "\1\2\0\0\0\0\0\0\0\0\0\0\0\0\x0f\x0e", 16), 0);
    thetis_addr un = addr_parsed("unix:/a b");
    CHECK_EQ(un.family, THETIS_ADDR_UNIX);
    CHECK_EQ(un.port, 0);
    CHECK_STR(un.u.path, "/a b");
    un = addr_parsed("unix:@ab");
    CHECK_EQ(memcmp(un.u.path, "\0ab", 4), 0);
}

TEST(a_path_may_have_103_bytes)
{
    char text[5 + THETIS_ADDR_PATH_MAX + 1], back[THETIS_ADDR_TEXT_MAX];
    thetis_addr addr = addr_parsed("*:1");
    memset(text, 'p', sizeof text);
    memcpy(text, "unix:", 5);
    text[5 + THETIS_ADDR_PATH_MAX] = 0;
    CHECK_EQ(thetis_addr_parse(&addr, text), THETIS_E2BIG);
    CHECK_EQ(addr.family, THETIS_ADDR_V4);
    text[5 + THETIS_ADDR_PATH_MAX - 1] = 0;
    addr = addr_parsed(text);
    CHECK_EQ(thetis_addr_text(&addr, back, sizeof back), THETIS_OK);
    CHECK_STR(back, text);
}

TEST(no_address_is_a_dash)
{
    thetis_addr none = {0};
    char text[2];
    CHECK_EQ(thetis_addr_text(&none, text, sizeof text), THETIS_OK);
    CHECK_STR(text, "-");
}

/* Every buffer size: as long as needed or an empty string, and never a byte more. */
TEST(a_short_buffer_gets_an_empty_string)
{
    thetis_addr addr = addr_parsed("[fe80::1%3]:65535");
    char text[32];
    size_t need = strlen("[fe80::1%3]:65535") + 1;
    for (size_t len = 0; len < sizeof text; len++) {
        memset(text, '#', sizeof text);
        CHECK_EQ(thetis_addr_text(&addr, text, len), len < need ? THETIS_E2BIG : THETIS_OK);
        if (len > 0) CHECK_STR(text, len < need ? "" : "[fe80::1%3]:65535");
        for (size_t i = len; i < sizeof text; i++) CHECK_EQ(text[i], '#');
    }
    CHECK_EQ(thetis_addr_text(&addr, NULL, 0), THETIS_E2BIG);
}

TEST(equal_compares_what_the_family_has)
{
    static const char *const different[] = {
        "1.2.3.4:5",  "1.2.3.4:6",    "1.2.3.5:5",  "[::1]:5",  "[::1]:6",
        "[::2]:5",    "[::1%1]:5",    "unix:/a",    "unix:/b",  "unix:/aa",
        "unix:@a",    "unix:@b",      "unix:@aa",
    };
    enum { COUNT = sizeof different / sizeof different[0] };
    for (size_t i = 0; i < COUNT; i++) {
        thetis_addr a = addr_parsed(different[i]);
        for (size_t j = 0; j < COUNT; j++) {
            thetis_addr b = addr_parsed(different[j]);
            memset((char *)&b + offsetof(thetis_addr, reserved), 0x77, 1);
            if (b.family == THETIS_ADDR_V4) memset(b.u.path + 4, 0x77, 20);
            CHECK_EQ(thetis_addr_equal(&a, &b), i == j);
        }
    }
    thetis_addr none = {0}, also = {0};
    thetis_addr some = addr_parsed("1.2.3.4:5");
    CHECK(thetis_addr_equal(&none, &also));
    CHECK(!thetis_addr_equal(&none, &some));
}

/* ---- against the system ---------------------------------------------------------------------- */

/* Random bytes with many zero groups, so that runs to compress occur at every place. */
static void addr_draw_v6(uint8_t v6[16], uint64_t *rng)
{
    uint64_t zero = test_rand(rng) & test_rand(rng);
    for (int group = 0; group < 8; group++) {
        uint64_t r = test_rand(rng) >> (test_rand(rng) & 0x30);
        if (zero >> group & 1) r = 0;
        v6[2 * group] = (uint8_t)(r >> 8);
        v6[2 * group + 1] = (uint8_t)r;
    }
    if (test_rand(rng) % 8 == 0) memcpy(v6, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
}

/* inet_ntop writes ::1.2.3.4 for the IPv4-compatible addresses, which RFC 4291 deprecates and
 * RFC 5952 leaves hexadecimal. */
static int addr_compatible(const uint8_t v6[16])
{
    static const uint8_t zero[12];
    return memcmp(v6, zero, 12) == 0 && (v6[12] || v6[13]);
}

/* Our text is the system's, and reads back as the same value. */
static void addr_check_text(const thetis_addr *addr, const char *host)
{
    char want[THETIS_ADDR_TEXT_MAX], text[THETIS_ADDR_TEXT_MAX];
    const char *form = addr->family == THETIS_ADDR_V6 ? "[%s]:%u" : "%s:%u";
    (void)snprintf(want, sizeof want, form, host, addr->port);
    CHECK_EQ(thetis_addr_text(addr, text, sizeof text), THETIS_OK);
    CHECK_STR(text, want);
    thetis_addr back = addr_parsed(text);
    CHECK(thetis_addr_equal(&back, addr));
}

TEST(random_ipv6_text_is_that_of_inet_ntop)
{
    uint64_t rng = test_seed();
    for (size_t i = test_scale(150000); i > 0; i--) {
        thetis_addr addr = {.family = THETIS_ADDR_V6, .port = (uint16_t)test_rand(&rng)};
        char host[INET6_ADDRSTRLEN];
        addr_draw_v6(addr.u.v6, &rng);
        if (addr_compatible(addr.u.v6)) continue;
        CHECK(inet_ntop(AF_INET6, addr.u.v6, host, sizeof host) != NULL);
        addr_check_text(&addr, host);
    }
}

TEST(random_ipv4_text_is_that_of_inet_ntop)
{
    uint64_t rng = test_seed();
    for (size_t i = test_scale(100000); i > 0; i--) {
        thetis_addr addr = {.family = THETIS_ADDR_V4, .port = (uint16_t)test_rand(&rng)};
        uint64_t r = test_rand(&rng) & test_rand(&rng);
        char host[INET_ADDRSTRLEN];
        memcpy(addr.u.v4, &r, 4);
        CHECK(inet_ntop(AF_INET, addr.u.v4, host, sizeof host) != NULL);
        addr_check_text(&addr, host);
    }
}

/* Overwrites, removes or doubles a few characters. */
static void addr_mutate(char *text, size_t room, uint64_t *rng)
{
    static const char some[] = "0123456789abcdefABCDEF::::....[]%%/x*-+ g\xff";
    for (uint64_t k = 1 + test_rand(rng) % 3; k > 0; k--) {
        size_t len = strlen(text);
        size_t at = test_rand(rng) % (len + 1);
        uint64_t kind = test_rand(rng) % 3;
        if (kind == 0 && len + 1 < room) {
            memmove(text + at + 1, text + at, len + 1 - at);
            text[at] = some[test_rand(rng) % (sizeof some - 1)];
        } else if (kind == 1 && at < len) {
            memmove(text + at, text + at + 1, len - at);
        } else if (at < len) {
            text[at] = some[test_rand(rng) % (sizeof some - 1)];
        }
    }
}

static void addr_mutant(char *host, size_t room, int family, uint64_t *rng)
{
    uint8_t bytes[16];
    addr_draw_v6(bytes, rng);
    CHECK(inet_ntop(family, bytes, host, (socklen_t)room) != NULL);
    addr_mutate(host, room, rng);
}

/* Mutants of good hosts: we accept exactly those that inet_pton accepts, with the same value. */
TEST(mutated_hosts_are_judged_as_inet_pton_does)
{
    uint64_t rng = test_seed();
    size_t judged[2] = {0, 0};
    for (size_t i = test_scale(200000); i > 0; i--) {
        char host[64], text[80];
        uint8_t want[16];
        int family = i % 2 ? AF_INET6 : AF_INET;
        addr_mutant(host, sizeof host, family, &rng);
        if (strpbrk(host, "%[]*")) continue; /* ours alone: scope, brackets and any-address */
        int accepted = inet_pton(family, host, want) == 1;
        (void)snprintf(text, sizeof text, family == AF_INET6 ? "[%s]:7" : "%s:7", host);
        thetis_addr addr, before;
        memset(&addr, 0xA5, sizeof addr);
        before = addr;
        thetis_status s = thetis_addr_parse(&addr, text);
        if ((s == THETIS_OK) != accepted) FAIL("inet_pton says %d: %s", accepted, text);
        if (accepted) CHECK_EQ(memcmp(addr.u.v6, want, family == AF_INET6 ? 16 : 4), 0);
        if (!accepted) CHECK_EQ(memcmp(&addr, &before, sizeof addr), 0);
        judged[accepted]++;
    }
    CHECK(judged[0] > 0 && judged[1] > 0);
}

static const char *addr_any_row(uint64_t *rng)
{
    return addr_rows[test_rand(rng) % (sizeof addr_rows / sizeof addr_rows[0])].text;
}

/* Mutants of whole texts: refused without a trace, or canonical after one trip. */
TEST(mutated_texts_are_refused_or_round_trip)
{
    uint64_t rng = test_seed();
    for (size_t i = test_scale(200000); i > 0; i--) {
        char text[THETIS_ADDR_TEXT_MAX], once[THETIS_ADDR_TEXT_MAX];
        thetis_addr addr, back, before;
        (void)snprintf(text, sizeof text, "%s", addr_any_row(&rng));
        addr_mutate(text, sizeof text, &rng);
        memset(&addr, 0xA5, sizeof addr);
        before = addr;
        thetis_status s = thetis_addr_parse(&addr, text);
        if (s != THETIS_OK) {
            CHECK_EQ(s, THETIS_EINVAL);
            CHECK_EQ(memcmp(&addr, &before, sizeof addr), 0);
            continue;
        }
        CHECK_EQ(thetis_addr_text(&addr, once, sizeof once), THETIS_OK);
        back = addr_parsed(once);
        CHECK(thetis_addr_equal(&addr, &back));
    }
}

TEST_MAIN(T(the_table_holds), T(fields_are_in_the_documented_order), T(a_path_may_have_103_bytes),
          T(no_address_is_a_dash), T(a_short_buffer_gets_an_empty_string),
          T(equal_compares_what_the_family_has), T(random_ipv6_text_is_that_of_inet_ntop),
          T(random_ipv4_text_is_that_of_inet_ntop),
          T(mutated_hosts_are_judged_as_inet_pton_does),
          T(mutated_texts_are_refused_or_round_trip))
