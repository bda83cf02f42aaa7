/* SPDX-License-Identifier: MIT
 *
 * thetis/addr.h: addresses of peers: IPv4, IPv6 and unix paths.
 *
 *     thetis_addr a;
 *     if (thetis_addr_parse(&a, "[::1]:7000") != THETIS_OK) usage();
 *
 * A plain value without pointers; nothing here asks the system or a name server.
 * Text forms: "127.0.0.1:80", "[::1]:80", "[fe80::1%3]:80" (scope as a number), "*:80" (any IPv4
 * address), "unix:/run/x.sock", "unix:@x" (an abstract name, which is no file; Linux only). Output
 * is canonical (RFC 5952) and parses to the same value, but for NONE, which is "-" and does not
 * parse.
 */
#ifndef THETIS_ADDR_H
#define THETIS_ADDR_H

#include <thetis/status.h>

#define THETIS_ADDR_PATH_MAX 104 /* bytes with the final 0: the smallest sun_path in use */
#define THETIS_ADDR_TEXT_MAX 112 /* bytes with the final 0 that any address needs as text */

typedef enum thetis_addr_family {
    THETIS_ADDR_NONE, /* zero-filled memory: no address (an unnamed unix peer) */
    THETIS_ADDR_V4,
    THETIS_ADDR_V6,
    THETIS_ADDR_UNIX
} thetis_addr_family;

typedef struct thetis_addr {
    uint8_t family; /* a thetis_addr_family */
    uint8_t reserved;
    uint16_t port;  /* host byte order; 0 for unix */
    uint32_t scope; /* IPv6 interface number, 0 none */
    union {
        uint8_t v4[4];  /* network byte order */
        uint8_t v6[16]; /* network byte order */
        char path[THETIS_ADDR_PATH_MAX]; /* ends with 0; an abstract name: 0, name, 0 */
    } u;
} thetis_addr;

THETIS_BEGIN_DECLS

/** Reads one of the text forms above. EINVAL leaves `*out` unchanged; E2BIG: the path is too long.
 *  @progress wait-free, 0 steps, time linear in the text */
THETIS_API THETIS_NODISCARD thetis_status thetis_addr_parse(thetis_addr *out, const char *text);

/** Writes the canonical text with its final 0 into `buf`; E2BIG if `len` is too small (then an
 *  empty string is written when len > 0). THETIS_ADDR_TEXT_MAX always suffices. NONE gives "-".
 *  @progress wait-free, 0 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_addr_text(const thetis_addr *addr, char *buf,
                                                           size_t len);

/** 1 if both are the same address, port and scope.
 *  @progress wait-free, 0 steps */
THETIS_API int thetis_addr_equal(const thetis_addr *a, const thetis_addr *b);

THETIS_END_DECLS

#endif
