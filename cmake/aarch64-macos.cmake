# SPDX-License-Identifier: MIT
#
# Toolchain file for macOS on Apple silicon. Its programs are linked here, and run nowhere.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(thetis_zig aarch64-macos)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
