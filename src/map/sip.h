/* SPDX-License-Identifier: MIT
 *
 * sip.h: the hash of bytes with a secret seed: who does not know it cannot choose keys that meet.
 *
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).
 */
#ifndef THT_SIP_H
#define THT_SIP_H

#include <thetis/config.h>

/* SipHash-c-d: so many rounds for each 8 bytes, and at the end. */
uint64_t tht_sip(const uint64_t seed[2], unsigned c, unsigned d, const void *data, size_t len);

#endif
