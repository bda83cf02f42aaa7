/* SPDX-License-Identifier: MIT
 *
 * test_kv_resp.c: what examples/kv reads and writes: requests however they are cut, replies of both
 * versions, numbers, patterns.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "examples/kv/resp.h"
#include "harness/test.h"

enum { ROOM = 200000, BULK_MAX = 1000 };

static char buffer[ROOM];
static kv_span spans[KV_ARGS_MAX];

/* What a parser has found, as text: arguments in <>, requests end with a semicolon, garbage with
 * its reason. */
typedef struct found {
    char text[4 * ROOM];
    size_t len;
    bool over;
} found;

static void say(found *f, const void *bytes, size_t len)
{
    CHECK(len <= sizeof f->text - 1 - f->len);
    memcpy(f->text + f->len, bytes, len);
    f->len += len;
    f->text[f->len] = '\0';
}

static void parse_all(kv_parser *p, found *f)
{
    kv_parsed s = KV_MORE;
    while (!f->over && (s = kv_parse(p)) == KV_REQUEST) {
        for (size_t k = 0; k < p->argc; k++) {
            say(f, "<", 1);
            say(f, p->buffer + p->args[k].at, p->args[k].len);
            say(f, ">", 1);
        }
        say(f, ";", 1);
    }
    if (s != KV_GARBAGE) return;
    say(f, p->why, strlen(p->why));
    if (p->found) say(f, &p->found, 1);
    f->over = true;
}

/* The same bytes in pieces of `piece`, into `room` bytes. */
static void parse_pieces(found *f, const char *bytes, size_t len, size_t piece, size_t room)
{
    kv_parser p = {.buffer = buffer, .room = room, .bulk_max = BULK_MAX, .args = spans};
    kv_parser_reset(&p);
    f->len = 0;
    f->over = false;
    f->text[0] = '\0';
    for (size_t at = 0; at < len && !f->over;) {
        size_t n = len - at < piece ? len - at : piece;
        if (n > p.room - p.len) n = p.room - p.len;
        CHECK(n > 0);
        memcpy(p.buffer + p.len, bytes + at, n);
        p.len += n;
        at += n;
        parse_all(&p, f);
    }
}

static found whole, pieces;

static void check_parsed(const char *bytes, size_t len, const char *expected)
{
    parse_pieces(&whole, bytes, len, len, ROOM);
    CHECK_STR(whole.text, expected);
    for (size_t piece = 1; piece < len; piece = piece < 20 ? piece + 1 : piece * 2) {
        parse_pieces(&pieces, bytes, len, piece, ROOM);
        CHECK_STR(pieces.text, expected);
    }
}

#define PARSED(bytes, expected) check_parsed(bytes, sizeof(bytes) - 1, expected)

TEST(requests_of_programs)
{
    PARSED("*1\r\n$4\r\nPING\r\n", "<PING>;");
    PARSED("*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n", "<GET><>;<PING>;");
    PARSED("*1\r\n$6\r\na\r\nb*1\r\n", "<a\r\nb*1>;");
    PARSED("*0\r\n*-1\r\n*1\r\n$1\r\nx\r\n", "<x>;"); /* empty ones have no answer */
}

TEST(requests_of_people)
{
    PARSED("PING\r\n\r\n  \nget  a\tb \n", "<PING>;<get><a><b>;");
    PARSED("set \"a b\" 'c d'\n", "<set><a b><c d>;");
    PARSED("echo \"\\x41\\n\\\"\\q\" 'it\\'s' a\"b\"\n", "<echo><A\n\"q><it's><ab>;");
    PARSED("echo \"\" ''\n", "<echo><><>;");
    PARSED("x\n*1\r\n$1\r\ny\r\nz\n", "<x>;<y>;<z>;"); /* both forms on one connection */
}

TEST(garbage)
{
    PARSED("*x\r\n", "invalid multibulk length");
    PARSED("*4097\r\n", "invalid multibulk length");
    PARSED("*99999999999999999999\r\n", "invalid multibulk length");
    PARSED("*1\r\nx\r\n", "expected '$', gotx");
    PARSED("*1\r\n$-1\r\n", "invalid bulk length");
    PARSED("*1\r\n$1001\r\n", "invalid bulk length");
    PARSED("*1\r\n$1 \r\n", "invalid bulk length");
    PARSED("ok\necho \"a\n", "<ok>;unbalanced quotes in request");
    PARSED("echo 'a'b\n", "unbalanced quotes in request");
}

/* A length of many digits, a line without an end, a request that does not fit. */
TEST(everything_has_a_limit)
{
    static char many[ROOM];
    memset(many, '1', sizeof many);
    many[0] = '*';
    parse_pieces(&whole, many, sizeof many, 7, ROOM);
    CHECK_STR(whole.text, "too big mbulk count string");
    memcpy(many, "*1\r\n$", 5);
    parse_pieces(&whole, many, sizeof many, 7, ROOM);
    CHECK_STR(whole.text, "too big bulk count string");
    memset(many, 'x', sizeof many);
    parse_pieces(&whole, many, sizeof many, 1000, ROOM);
    CHECK_STR(whole.text, "too big inline request");
    parse_pieces(&whole, many, sizeof many, 1000, 1500);
    CHECK_STR(whole.text, "too big request");
    static const char two[] = "*2\r\n$900\r\n";
    memcpy(many, two, sizeof two - 1);
    memcpy(many + 910, "\r\n$900\r\n", 8);
    parse_pieces(&whole, many, 3000, 100, 1500);
    CHECK_STR(whole.text, "too big request");
}

/* Requests that fill the buffer again and again: nothing of them is lost by the moving. */
TEST(a_long_pipeline_in_a_short_buffer)
{
    static char many[100 * 70];
    static char expected[100 * 70];
    size_t len = 0, out = 0;
    for (unsigned k = 0; k < 100; k++) {
        len += (size_t)snprintf(many + len, sizeof many - len,
                                "*2\r\n$4\r\nECHO\r\n$%u\r\n%0*u\r\n", k % 40 + 2,
                                (int)(k % 40 + 2), k);
        out += (size_t)snprintf(expected + out, sizeof expected - out, "<ECHO><%0*u>;",
                                (int)(k % 40 + 2), k);
    }
    for (size_t piece = 1; piece < 200; piece += 7) {
        parse_pieces(&whole, many, len, piece, 100);
        CHECK_STR(whole.text, expected);
    }
}

/* ---- replies --------------------------------------------------------------------------------- */

static void reply_all(kv_reply *r)
{
    kv_simple(r, "OK");
    kv_error(r, "ERR %s", "a\r\nb");
    kv_number(r, INT64_MIN);
    kv_bulk(r, kv_string("x"));
    kv_bulk_number(r, -5);
    kv_null(r);
    kv_array(r, 2);
    kv_map(r, 1);
    kv_push(r, 3);
    kv_verbatim(r, kv_string("text"));
}

TEST(replies_of_both_versions)
{
    char room[400];
    kv_reply two = {.buffer = room, .room = 200, .version = 2};
    kv_reply three = {.buffer = room + 200, .room = 200, .version = 3};
    reply_all(&two);
    reply_all(&three);
    CHECK(!two.full && !three.full);
    room[two.len] = room[200 + three.len] = '\0';
    CHECK_STR(two.buffer, "+OK\r\n-ERR a  b\r\n:-9223372036854775808\r\n$1\r\nx\r\n$2\r\n-5\r\n"
              "$-1\r\n*2\r\n*2\r\n*3\r\n$4\r\ntext\r\n");
    CHECK_STR(three.buffer, "+OK\r\n-ERR a  b\r\n:-9223372036854775808\r\n$1\r\nx\r\n$2\r\n-5\r\n"
              "_\r\n*2\r\n%1\r\n>3\r\n=8\r\ntxt:text\r\n");
}

TEST(a_reply_knows_its_end)
{
    char room[200];
    kv_reply fits = {.buffer = room, .room = sizeof room, .version = 3};
    reply_all(&fits);
    CHECK(!fits.full);
    for (size_t n = 0; n < fits.len; n++) {
        kv_reply r = {.buffer = room, .room = n, .version = 3};
        room[n] = '#';
        reply_all(&r);
        CHECK(r.full && r.len <= n);
        CHECK_EQ(room[n], '#');
    }
}

TEST(a_count_comes_before_what_was_written)
{
    char room[100], text[20];
    kv_reply r = {.buffer = room, .room = sizeof room, .version = 2};
    kv_reply head = {.buffer = text, .room = sizeof text, .version = 2};
    kv_simple(&r, "before");
    size_t mark = r.len;
    kv_number(&r, 1);
    kv_number(&r, 2);
    kv_array(&head, 2);
    kv_insert(&r, mark, &head);
    room[r.len] = '\0';
    CHECK_STR(room, "+before\r\n*2\r\n:1\r\n:2\r\n");
}

/* ---- text ------------------------------------------------------------------------------------ */

TEST(integers)
{
    static const struct { const char *text; bool ok; int64_t value; } rows[] = {
        {"0", true, 0}, {"-1", true, -1}, {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN}, {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0}, {"-0", false, 0}, {"00", false, 0}, {"+1", false, 0},
        {"", false, 0}, {"-", false, 0}, {" 1", false, 0}, {"1 ", false, 0}, {"1x", false, 0},
        {"99999999999999999999", false, 0}, {"120", true, 120},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        int64_t n = 0;
        CHECK_EQ(kv_integer(kv_string(rows[k].text), &n), rows[k].ok);
        if (rows[k].ok) CHECK_EQ(n, rows[k].value);
    }
}

TEST(patterns)
{
    static const struct { const char *pattern, *text; bool matches; } rows[] = {
        {"*", "abc", true}, {"*", "", false}, {"a*c", "abbc", true}, {"a*c", "abcd", false},
        {"?", "", false}, {"[a-c]", "b", true}, {"[c-a]", "b", true}, {"[^a]", "a", false},
        {"\\*", "*", true}, {"\\*", "x", false}, {"[a", "a", true}, {"a\\", "a\\", true},
        {"**b*", "aab", true}, {"*a*b", "xaxbx", false}, {"[\\]]", "]", true}, {"", "", true},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        CHECK_EQ(kv_glob(kv_string(rows[k].pattern), kv_string(rows[k].text)), rows[k].matches);
    }
}

/* Many stars do not take longer than one. */
TEST(a_pattern_of_stars)
{
    static char pattern[2000], text[20000];
    for (size_t k = 0; k < sizeof pattern; k++) pattern[k] = k % 2 ? 'a' : '*';
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    CHECK(!kv_glob((kv_text){pattern, sizeof pattern}, (kv_text){text, sizeof text}));
}

TEST(floats)
{
    long double x;
    CHECK(kv_float(kv_string("1.5e3"), &x) && x == 1500);
    CHECK(kv_float(kv_string("inf"), &x) && isinf(x));
    CHECK(!kv_float(kv_string("nan"), &x) && !kv_float(kv_string(""), &x));
    CHECK(!kv_float(kv_string(" 1"), &x) && !kv_float(kv_string("1 "), &x));
    CHECK(!kv_float(kv_string("1e5000"), &x));
}

TEST(names_in_a_piece_of_memory)
{
    char room[16];
    kv_names names = {.at = room, .room = sizeof room};
    kv_text name;
    size_t at = 0;
    kv_names_add(&names, kv_string("one"));
    kv_names_add(&names, kv_string(""));
    kv_names_add(&names, kv_string("seven77"));
    CHECK(!names.full);
    kv_names_add(&names, kv_string(""));
    CHECK(names.full && names.count == 3);
    CHECK(kv_names_next(&names, &at, &name) && kv_equal(name, kv_string("one")));
    CHECK(kv_names_next(&names, &at, &name) && name.len == 0);
    CHECK(kv_names_next(&names, &at, &name) && kv_equal(name, kv_string("seven77")));
    CHECK(!kv_names_next(&names, &at, &name));
}

TEST_MAIN(T(requests_of_programs), T(requests_of_people), T(garbage), T(everything_has_a_limit),
          T(a_long_pipeline_in_a_short_buffer), T(replies_of_both_versions),
          T(a_reply_knows_its_end), T(a_count_comes_before_what_was_written), T(integers),
          T(patterns), T(a_pattern_of_stars), T(floats), T(names_in_a_piece_of_memory))
