# SPDX-License-Identifier: MIT
#
# Toolchain file for Linux on RV64. qemu-user runs its programs, with the C library that
# came with the compiler.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(CMAKE_C_COMPILER riscv64-linux-gnu-gcc)
