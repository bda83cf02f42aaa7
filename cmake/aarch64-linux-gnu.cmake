# SPDX-License-Identifier: MIT
#
# Toolchain file for Linux on AArch64. qemu-user runs its programs, with the C library that
# came with the compiler.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
