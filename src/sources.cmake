# SPDX-License-Identifier: MIT
#
# The one list of sources: CMake, the amalgamation and other build systems read it.
# src/ffi.c and the port are added by the build.
set(THETIS_SOURCES
  src/core/addr.c
  src/core/assert.c
  src/core/hist.c
  src/core/status.c
  src/core/thread.c
  src/ring/bytes.c
  src/ring/bcast.c
  src/ring/latest.c
  src/ring/mpsc.c
  src/ring/spsc.c
  src/wait/wait.c
  src/domain/domain.c
  src/domain/pool.c
  src/loop/backend.c
  src/loop/buffer.c
  src/loop/handle.c
  src/loop/loop.c
  src/loop/poll_fd.c
  src/loop/timer.c
  src/loop/turn.c
  src/loop/backend/epoll.c
  src/net/listener.c
  src/net/tcp.c
  src/net/tcp_recv.c
  src/net/tcp_send.c
)
# What a target without an operating system can compile: no loop, no net.
set(THETIS_SOURCES_BARE
  src/core/addr.c
  src/core/assert.c
  src/core/hist.c
  src/core/status.c
  src/core/thread.c
  src/ring/bytes.c
  src/ring/bcast.c
  src/ring/latest.c
  src/ring/mpsc.c
  src/ring/spsc.c
  src/wait/wait.c
  src/domain/domain.c
  src/domain/pool.c
)
