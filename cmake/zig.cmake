# SPDX-License-Identifier: MIT
#
# zig.cmake: the part that the toolchain files of the BSDs and macOS share: clang with headers and
# symbol lists of these systems, as package of npm. tools/cross.py installs it in build/zig.
# `thetis_zig` is the name of the target.
set(thetis_zig_tools "${CMAKE_CURRENT_LIST_DIR}/../tools/zig")
set(CMAKE_C_COMPILER "${thetis_zig_tools}/cc")
set(CMAKE_C_COMPILER_TARGET ${thetis_zig})
set(CMAKE_AR "${thetis_zig_tools}/ar")
set(CMAKE_RANLIB "${thetis_zig_tools}/ranlib")
