/* SPDX-License-Identifier: MIT
 *
 * thetis/thetis.h: everything.
 */
#ifndef THETIS_THETIS_H
#define THETIS_THETIS_H

#include <thetis/addr.h>
#include <thetis/atomic.h>
#include <thetis/bytes.h>
#include <thetis/bytes_end.h>
#include <thetis/bytes_view.h>
#include <thetis/bcast.h>
#include <thetis/bmap.h>
#include <thetis/caps.h>
#include <thetis/config.h>
#include <thetis/conn.h>
#include <thetis/domain.h>
#include <thetis/hist.h>
#include <thetis/lanes.h>
#include <thetis/latest.h>
#include <thetis/inbox.h>
#include <thetis/loop.h>
#include <thetis/map.h>
#include <thetis/mpmc.h>
#include <thetis/mpsc.h>
#include <thetis/pool.h>
#include <thetis/queue.h>
#include <thetis/shm.h>
#include <thetis/spsc.h>
#include <thetis/spsc_end.h>
#include <thetis/status.h>
#include <thetis/tcp.h>
#include <thetis/thread.h>
#include <thetis/timer.h>
#include <thetis/udp.h>
#include <thetis/unix.h>
#include <thetis/version.h>
#include <thetis/wait.h>

#endif
