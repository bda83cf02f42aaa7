/* SPDX-License-Identifier: MIT
 *
 * opacity.h: the monitor of transactional memory.
 */
#ifndef LIN_OPACITY_H
#define LIN_OPACITY_H

#include "lin/history.h"

/* TXN: opacity (Guerraoui and Kapalka, "On the correctness of transactional memory", 2008): all
 * transactions, those that aborted included, see states of one serial order of the committed ones,
 * which respects real time. All keys are 0 at first; the values written are unique per key, not 0.
 *
 * Polynomial, as the values tell who read from whom. NO is always right. YES is right if every
 * committed transaction has read what it overwrites, so that the order of a key's values is known;
 * otherwise that order is taken only from what is known. UNKNOWN: malformed, no memory, a value
 * written twice. */
lin_verdict lin_opacity_check(const lin_history *h);

#endif
