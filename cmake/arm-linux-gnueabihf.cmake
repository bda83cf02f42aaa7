# SPDX-License-Identifier: MIT
#
# Toolchain file for Linux on ARMv7. qemu-user runs its programs, with the C library that
# came with the compiler.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
