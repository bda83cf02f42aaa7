# SPDX-License-Identifier: MIT
#
# Toolchain file for NetBSD on x86-64. Its programs are linked here, and run nowhere.
set(CMAKE_SYSTEM_NAME NetBSD)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(thetis_zig x86_64-netbsd)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
