# SPDX-License-Identifier: MIT
#
# Toolchain file for Linux on s390x, big endian. qemu-user runs its programs, with the C library
# that came with the compiler.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(CMAKE_C_COMPILER s390x-linux-gnu-gcc)
