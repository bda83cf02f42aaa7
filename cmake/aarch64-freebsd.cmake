# SPDX-License-Identifier: MIT
#
# Toolchain file for FreeBSD on AArch64. Its programs are linked here, and run nowhere.
set(CMAKE_SYSTEM_NAME FreeBSD)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(thetis_zig aarch64-freebsd)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
