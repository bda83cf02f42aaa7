# SPDX-License-Identifier: MIT
#
# Toolchain file for FreeBSD on x86-64. Its programs are linked here, and run nowhere.
set(CMAKE_SYSTEM_NAME FreeBSD)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(thetis_zig x86_64-freebsd)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
