/* SPDX-License-Identifier: MIT
 *
 * assert.c: how a broken contract ends the program, and which version says so.
 *
 * No printf: the message must come out on a board without one, from an interrupt handler, and with
 * a heap that is already damaged.
 */
#include "../port/port.h"

#include <thetis/version.h>

typedef struct assert_text {
    size_t used;
    char text[256];
} assert_text;

/* Appends as much of `s` as there is room for. */
static void assert_put(assert_text *t, const char *s)
{
    while (*s && t->used < sizeof t->text - 1) t->text[t->used++] = *s++;
    t->text[t->used] = 0;
}

static void assert_put_number(assert_text *t, unsigned number)
{
    char digits[12]; /* 32 bits and the final 0 */
    char *at = digits + sizeof digits - 1;
    *at = 0;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    assert_put(t, at);
}

void thetis_assert_fail(const char *what, const char *file, int line)
{
    assert_text t = {0};
    assert_put(&t, "thetis " THETIS_VERSION_STRING ": ");
    assert_put(&t, file);
    assert_put(&t, ":");
    assert_put_number(&t, (unsigned)line);
    assert_put(&t, ": contract broken: ");
    assert_put(&t, what);
    tht_port_panic(t.text);
}

const char *thetis_version(void)
{
    return THETIS_VERSION_STRING;
}
