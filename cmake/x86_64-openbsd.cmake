# SPDX-License-Identifier: MIT
#
# Toolchain file for OpenBSD on x86-64. Its programs are linked here, and run nowhere.
set(CMAKE_SYSTEM_NAME OpenBSD)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(thetis_zig x86_64-openbsd)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
