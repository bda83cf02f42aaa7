/* SPDX-License-Identifier: MIT
 *
 * lin.h: all of tests/lin: recording what concurrent operations did, and judging it.
 */
#ifndef LIN_LIN_H
#define LIN_LIN_H

#include "lin/dict.h"
#include "lin/history.h"
#include "lin/opacity.h"
#include "lin/pq.h"
#include "lin/queue.h"
#include "lin/specs.h"
#include "lin/wgl.h"

#endif
