/* SPDX-License-Identifier: MIT
 *
 * text.c: comparing, reading numbers, matching patterns; see text.h.
 */
#define _DEFAULT_SOURCE /* strncasecmp */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

kv_text kv_string(const char *string)
{
    return (kv_text){string, strlen(string)};
}

bool kv_equal(kv_text a, kv_text b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

bool kv_word(kv_text a, const char *word)
{
    for (size_t k = 0; k < a.len; k++) {
        if (word[k] == '\0' ||
            tolower((unsigned char)a.at[k]) != tolower((unsigned char)word[k])) return false;
    }
    return word[a.len] == '\0';
}

bool kv_integer(kv_text text, int64_t *out)
{
    bool minus = text.len > 0 && text.at[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + minus, n = 0;
    if (text.len == 1 && text.at[0] == '0') return *out = 0, true;
    if (text.len <= minus || text.at[minus] == '0') return false;
    for (size_t k = minus; k < text.len; k++) {
        unsigned digit = (unsigned)text.at[k] - '0';
        if (digit > 9 || n > (limit - digit) / 10) return false;
        n = n * 10 + digit;
    }
    *out = minus ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

bool kv_float(kv_text text, long double *out)
{
    char copy[KV_FLOAT_MAX], *end;
    bool fits = text.len > 0 && text.len < sizeof copy;
    if (!fits || isspace((unsigned char)text.at[0])) return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    errno = 0;
    *out = strtold(copy, &end);
    bool range = errno == ERANGE && (isinf(*out) || fpclassify(*out) == FP_ZERO);
    return end == copy + text.len && !range && !isnan(*out);
}

/* Is `c` in the set that begins at pattern[*at], behind its '['? Moves behind the set. */
static bool in_set(kv_text pattern, size_t *at, unsigned char c)
{
    bool not = *at < pattern.len && pattern.at[*at] == '^', found = false;
    for (*at += not; *at < pattern.len && pattern.at[*at] != ']'; ++*at) {
        const unsigned char *p = (const unsigned char *)pattern.at + *at;
        size_t left = pattern.len - *at;
        if (p[0] == '\\' && left >= 2) {
            found |= p[1] == c;
            *at += 1;
        } else if (left >= 3 && p[1] == '-') {
            found |= p[0] <= p[2] ? c >= p[0] && c <= p[2] : c >= p[2] && c <= p[0];
            *at += 2;
        } else {
            found |= p[0] == c;
        }
    }
    if (*at < pattern.len) ++*at;
    return found != not;
}

/* Does one character match what stands at pattern[*at]? Moves behind that. */
static bool one(kv_text pattern, size_t *at, unsigned char c)
{
    unsigned char p = (unsigned char)pattern.at[(*at)++];
    if (p == '?') return true;
    if (p == '[') return in_set(pattern, at, c);
    if (p == '\\' && *at < pattern.len) p = (unsigned char)pattern.at[(*at)++];
    return p == c;
}

/* Only the last * is tried again: an earlier one has matched all that it has to. */
bool kv_glob(kv_text pattern, kv_text text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0;
    if (text.len == 0) return pattern.len == 0; /* "*" does not match it; who wants it asks first */
    for (;;) {
        while (p < pattern.len && pattern.at[p] == '*') star = ++p, from = t;
        if (t == text.len) return p == pattern.len;
        if (p < pattern.len && one(pattern, &p, (unsigned char)text.at[t])) {
            t++;
        } else if (star != SIZE_MAX) {
            p = star;
            t = ++from;
        } else {
            return false;
        }
    }
}

void kv_names_add(kv_names *n, kv_text name)
{
    uint16_t len = (uint16_t)name.len;
    n->full |= n->room - n->used < sizeof len + name.len;
    if (n->full) return;
    memcpy(n->at + n->used, &len, sizeof len);
    memcpy(n->at + n->used + sizeof len, name.at, name.len);
    n->used += sizeof len + name.len;
    n->count++;
}

bool kv_names_next(const kv_names *n, size_t *at, kv_text *name)
{
    uint16_t len;
    if (*at == n->used) return false;
    memcpy(&len, n->at + *at, sizeof len);
    *name = (kv_text){n->at + *at + sizeof len, len};
    *at += sizeof len + len;
    return true;
}
