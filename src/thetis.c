/* SPDX-License-Identifier: MIT
 *
 * thetis.c: the whole library in one unit.
 *
 *     cc -std=c17 -O2 -Iinclude -c src/thetis.c
 *
 * The port comes first, because it asks the system's headers for more than standard C. The other
 * files are those of sources.cmake, in its order (tests/consume checks that none is missing).
 */
#define THETIS_INLINE THETIS_API /* as in ffi.c, which is part of this unit */

#include "port/ports.def"

#include "core/addr.c"
#include "core/assert.c"
#include "core/hist.c"
#include "core/status.c"
#include "core/thread.c"
#include "ring/bytes.c"
#include "ring/bcast.c"
#include "ring/lanes.c"
#include "ring/latest.c"
#include "ring/mpmc.c"
#include "ring/mpmc_help.c"
#include "ring/mpmc_track.c"
#include "ring/mpmc_value.c"
#include "ring/mpsc.c"
#include "ring/shm.c"
#include "ring/spsc.c"
#include "wait/wait.c"
#include "domain/domain.c"
#include "domain/pool.c"
#include "cell/cell.c"
#include "map/make.c"
#include "map/map.c"
#include "queue/queue.c"
#include "queue/push.c"
#include "queue/pop.c"
#include "loop/ahead.c"
#include "loop/backend.c"
#include "loop/buffer.c"
#include "loop/handle.c"
#include "loop/inbox.c"
#include "loop/loop.c"
#include "loop/poll_fd.c"
#include "loop/timer.c"
#include "loop/turn.c"
#include "loop/backend/epoll.c"
#include "loop/backend/kqueue.c"
#include "loop/backend/poll.c"
#include "net/conn.c"
#include "loop/backend/uring.c"
#include "net/listener.c"
#include "net/tcp.c"
#include "net/tcp_recv.c"
#include "net/tcp_send.c"
#include "net/udp.c"
#include "net/udp_recv.c"
#include "net/udp_send.c"
#include "net/unix.c"
#include "ffi.c"
