/* SPDX-License-Identifier: MIT
 *
 * addr.c: addresses from and to text. The forms are in thetis/addr.h; output follows RFC 5952:
 * lower case, no leading zeros, "::" for the longest run of two or more zero groups (the first of
 * equals), and dotted quads after ::ffff: (its section 5).
 *
 * A reading function moves `*at` over what it accepted and returns 1. It returns 0 if the text is
 * wrong there; those whose caller then tries another form move nothing in that case. A writing
 * function returns the new end.
 */
#include <thetis/addr.h>

#include <string.h>

/* ---- reading --------------------------------------------------------------------------------- */

/* The one character c. */
static int addr_read_char(const char **at, char c)
{
    if (**at != c) return 0;
    (*at)++;
    return 1;
}

/* A decimal number up to `max`, without leading zeros: some programs read those as octal. */
static int addr_read_number(const char **at, uint32_t max, uint32_t *out)
{
    const char *s = *at;
    uint64_t number = 0;
    if (s[0] == '0' && s[1] >= '0' && s[1] <= '9') return 0;
    for (; *s >= '0' && *s <= '9'; s++) {
        number = number * 10 + (uint64_t)(*s - '0');
        if (number > max) return 0;
    }
    if (s == *at) return 0;
    *out = (uint32_t)number;
    *at = s;
    return 1;
}

static int addr_read_v4(const char **at, uint8_t out[4])
{
    const char *s = *at;
    for (int i = 0; i < 4; i++) {
        uint32_t byte;
        if (i > 0 && !addr_read_char(&s, '.')) return 0;
        if (!addr_read_number(&s, 255, &byte)) return 0;
        out[i] = (uint8_t)byte;
    }
    *at = s;
    return 1;
}

/* The value of a hexadecimal digit, or -1. */
static int addr_hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* One to four hexadecimal digits. */
static int addr_read_group(const char **at, uint8_t out[2])
{
    const char *s = *at;
    unsigned group = 0;
    for (; s - *at < 4 && addr_hex_digit(*s) >= 0; s++)
        group = group << 4 | (unsigned)addr_hex_digit(*s);
    if (s == *at) return 0;
    out[0] = (uint8_t)(group >> 8);
    out[1] = (uint8_t)group;
    *at = s;
    return 1;
}

enum { ADDR_NO_GAP = 17 }; /* no number of bytes */

/* Groups, and a dotted quad at the end, into out[0..n); "::" stands for a gap before out[gap]. */
static int addr_read_groups(const char **at, uint8_t out[16], size_t *n, size_t *gap)
{
    *n = 0;
    *gap = ADDR_NO_GAP;
    for (;;) {
        if (*gap == ADDR_NO_GAP && (*at)[0] == ':' && (*at)[1] == ':') {
            *gap = *n;
            *at += 2;
            if (addr_hex_digit(**at) < 0) return 1;
        } else if (*n > 0 && !addr_read_char(at, ':')) {
            return 1;
        }
        if (*n <= 12 && addr_read_v4(at, out + *n)) {
            *n += 4;
            return 1;
        }
        if (*n == 16 || !addr_read_group(at, out + *n)) return 0;
        *n += 2;
    }
}

static int addr_read_v6(const char **at, uint8_t out[16])
{
    const char *s = *at;
    uint8_t bytes[16] = {0};
    size_t n, gap;
    if (!addr_read_groups(&s, bytes, &n, &gap)) return 0;
    if ((gap == ADDR_NO_GAP) != (n == 16)) return 0;
    if (gap == ADDR_NO_GAP) gap = n;
    memset(out, 0, 16);
    memcpy(out, bytes, gap);
    memcpy(out + 16 - (n - gap), bytes + gap, n - gap);
    *at = s;
    return 1;
}

/* The host part of an IP address with port: "*", a dotted quad, or "[...]". */
static int addr_read_host(const char **at, thetis_addr *out)
{
    if (addr_read_char(at, '[')) {
        out->family = THETIS_ADDR_V6;
        if (!addr_read_v6(at, out->u.v6)) return 0;
        if (addr_read_char(at, '%') && !addr_read_number(at, UINT32_MAX, &out->scope)) return 0;
        return addr_read_char(at, ']');
    }
    out->family = THETIS_ADDR_V4;
    return addr_read_char(at, '*') || addr_read_v4(at, out->u.v4);
}

static thetis_status addr_parse_unix(thetis_addr *out, const char *path)
{
    size_t len = strlen(path);
    if (len == 0) return THETIS_EINVAL;
    if (len >= sizeof out->u.path) return THETIS_E2BIG;
    if (strcmp(path, "@") == 0) return THETIS_EINVAL; /* an abstract name without a name */
    memset(out, 0, sizeof *out);
    out->family = THETIS_ADDR_UNIX;
    memcpy(out->u.path, path, len);
    if (path[0] == '@') out->u.path[0] = 0;
    return THETIS_OK;
}

thetis_status thetis_addr_parse(thetis_addr *out, const char *text)
{
    thetis_addr addr = {0};
    uint32_t port;
    THETIS_ASSERT1(out && text);
    if (strncmp(text, "unix:", 5) == 0) return addr_parse_unix(out, text + 5);
    if (!addr_read_host(&text, &addr) || !addr_read_char(&text, ':') ||
        !addr_read_number(&text, UINT16_MAX, &port) || *text != 0)
        return THETIS_EINVAL;
    addr.port = (uint16_t)port;
    *out = addr;
    return THETIS_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static char *addr_put_text(char *at, const char *text)
{
    while (*text) *at++ = *text++;
    return at;
}

static char *addr_put_number(char *at, uint32_t number, uint32_t base)
{
    if (number >= base) at = addr_put_number(at, number / base, base);
    *at++ = "0123456789abcdef"[number % base];
    return at;
}

static char *addr_put_v4(char *at, const uint8_t v4[4])
{
    for (int i = 0; i < 4; i++) {
        if (i > 0) *at++ = '.';
        at = addr_put_number(at, v4[i], 10);
    }
    return at;
}

/* The length of the longest run of zero groups, and where the first such begins; a run is two
 * groups at least, `*first` is 8 if there is none. */
static int addr_zero_run(const uint8_t v6[16], int *first)
{
    int best = 1;
    *first = 8;
    for (int i = 0; i < 8; i++) {
        int len = 0;
        while (i + len < 8 && v6[2 * (i + len)] == 0 && v6[2 * (i + len) + 1] == 0) len++;
        if (len > best) {
            best = len;
            *first = i;
        }
    }
    return best;
}

static char *addr_put_groups(char *at, const uint8_t v6[16])
{
    int gap;
    int len = addr_zero_run(v6, &gap);
    for (int i = 0; i < 8; i++) {
        if (i == gap) {
            *at++ = ':';
            i += len - 1;
            if (i == 7) *at++ = ':';
            continue;
        }
        if (i > 0) *at++ = ':';
        at = addr_put_number(at, (uint32_t)v6[2 * i] << 8 | v6[2 * i + 1], 16);
    }
    return at;
}

static char *addr_put_v6(char *at, const uint8_t v6[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(v6, mapped, sizeof mapped) != 0) return addr_put_groups(at, v6);
    return addr_put_v4(addr_put_text(at, "::ffff:"), v6 + 12);
}

static char *addr_put_port(char *at, uint16_t port)
{
    *at++ = ':';
    return addr_put_number(at, port, 10);
}

/* Writes without the final 0 into THETIS_ADDR_TEXT_MAX bytes. */
static char *addr_put(char *at, const thetis_addr *addr)
{
    switch (addr->family) {
    case THETIS_ADDR_V4:
        return addr_put_port(addr_put_v4(at, addr->u.v4), addr->port);
    case THETIS_ADDR_V6:
        at = addr_put_v6(addr_put_text(at, "["), addr->u.v6);
        if (addr->scope) at = addr_put_number(addr_put_text(at, "%"), addr->scope, 10);
        return addr_put_port(addr_put_text(at, "]"), addr->port);
    case THETIS_ADDR_UNIX:
        at = addr_put_text(at, "unix:");
        if (addr->u.path[0]) return addr_put_text(at, addr->u.path);
        return addr->u.path[1] ? addr_put_text(addr_put_text(at, "@"), addr->u.path + 1) : at;
    default:
        return addr_put_text(at, "-");
    }
}

thetis_status thetis_addr_text(const thetis_addr *addr, char *buf, size_t len)
{
    char text[THETIS_ADDR_TEXT_MAX];
    size_t used = (size_t)(addr_put(text, addr) - text);
    if (used < len) {
        memcpy(buf, text, used);
        buf[used] = 0;
        return THETIS_OK;
    }
    if (len > 0) buf[0] = 0;
    return THETIS_E2BIG;
}

/* ---- comparing ------------------------------------------------------------------------------- */

int thetis_addr_equal(const thetis_addr *a, const thetis_addr *b)
{
    if (a->family != b->family || a->port != b->port || a->scope != b->scope) return 0;
    switch (a->family) {
    case THETIS_ADDR_V4:
        return memcmp(a->u.v4, b->u.v4, sizeof a->u.v4) == 0;
    case THETIS_ADDR_V6:
        return memcmp(a->u.v6, b->u.v6, sizeof a->u.v6) == 0;
    case THETIS_ADDR_UNIX:
        return a->u.path[0] == b->u.path[0] && strcmp(a->u.path + 1, b->u.path + 1) == 0;
    default:
        return 1;
    }
}
