# SPDX-License-Identifier: MIT
#
# Toolchain file for NetBSD on AArch64. Its programs are linked here, and run nowhere.
set(CMAKE_SYSTEM_NAME NetBSD)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(thetis_zig aarch64-netbsd)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
