/* SPDX-License-Identifier: MIT
 *
 * addr.c: shows the canonical form of each address on the command line, or of a few.
 */
#include <stdio.h>
#include <thetis/addr.h>

/* 0 if `text` is an address. */
static int show(const char *text)
{
    char canonical[THETIS_ADDR_TEXT_MAX];
    thetis_addr addr;
    thetis_status s = thetis_addr_parse(&addr, text);
    if (s == THETIS_OK) s = thetis_addr_text(&addr, canonical, sizeof canonical);
    printf("%-40s %s\n", text, s == THETIS_OK ? canonical : thetis_status_text(s));
    return s != THETIS_OK;
}

int main(int argc, char **argv)
{
    static const char *const some[] = {
        "127.0.0.1:80",       "*:8080", "[2001:DB8:0:0:0:0:0:1]:443",
        "[fe80::1%2]:22",     "[::FFFF:192.0.2.1]:1", "unix:/run/thetis.sock",
    };
    int bad = 0;
    if (argc < 2) {
        for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) bad |= show(some[i]);
    }
    for (int i = 1; i < argc; i++) bad |= show(argv[i]);
    return bad;
}
