/* SPDX-License-Identifier: MIT
 *
 * scene.h: whole conversations for the sweeps of group J, in which any call may fail. Every step is
 * optional; what was started must end once.
 */
#ifndef CONFORM_SCENE_H
#define CONFORM_SCENE_H

#include "conform/suite.h"

/* Plays on the suite's loop and leaves nothing open; 1: it went through without a failure. */
typedef int scene_play_fn(suite *w);

/* Two datagram sockets: trains one way, single datagrams back, a group, a wait for room. */
int scene_udp_play(suite *w);

/* A unix stream that passes descriptors, and a unix datagram. */
int scene_unix_play(suite *w);

/* 1 after `naps` turns in a row in which no callback ran. */
int scene_quiet(suite *w, unsigned naps);

#endif
