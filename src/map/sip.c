/* SPDX-License-Identifier: MIT
 *
 * sip.c: SipHash.
 */
#include "sip.h"

typedef struct sip_state {
    uint64_t a, b, c, d;
} sip_state;

static uint64_t sip_rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void sip_rounds(sip_state *s, unsigned n)
{
    for (; n > 0; n--) {
        s->a += s->b;
        s->c += s->d;
        s->b = sip_rotate(s->b, 13) ^ s->a;
        s->d = sip_rotate(s->d, 16) ^ s->c;
        s->a = sip_rotate(s->a, 32) + s->d;
        s->c += s->b;
        s->d = sip_rotate(s->d, 21) ^ s->a;
        s->b = sip_rotate(s->b, 17) ^ s->c;
        s->c = sip_rotate(s->c, 32);
    }
}

/* Little endian, at most 8 bytes. */
static uint64_t sip_load(const unsigned char *from, size_t len)
{
    uint64_t word = 0;
    for (size_t k = 0; k < len; k++) word |= (uint64_t)from[k] << (8 * k);
    return word;
}

static void sip_take(sip_state *s, unsigned rounds, uint64_t word)
{
    s->d ^= word;
    sip_rounds(s, rounds);
    s->a ^= word;
}

uint64_t tht_sip(const uint64_t seed[2], unsigned c, unsigned d, const void *data, size_t len)
{
    sip_state s = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du,
                   seed[0] ^ 0x6c7967656e657261u, seed[1] ^ 0x7465646279746573u};
    const unsigned char *from = data;
    size_t left = len;
    for (; left >= 8; left -= 8, from += 8) sip_take(&s, c, sip_load(from, 8));
    sip_take(&s, c, sip_load(from, left) | (uint64_t)len << 56);
    s.c ^= 0xff;
    sip_rounds(&s, d);
    return s.a ^ s.b ^ s.c ^ s.d;
}
