/* SPDX-License-Identifier: MIT
 *
 * start.h: where counters that run freely begin: at 0. They wrap or change their sign after more
 * operations than a test can wait for; a build for tests says -DTHETIS_TEST_START=x, a multiple of
 * 16 a little below, and then all rings and tokens come by there soon (tests/cross/i686.py).
 */
#ifndef THT_START_H
#define THT_START_H

#include <stdint.h>

#ifndef THETIS_TEST_START
#define THETIS_TEST_START 0
#endif

#define THT_START ((uintptr_t)(THETIS_TEST_START))

#endif
