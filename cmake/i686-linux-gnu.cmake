# SPDX-License-Identifier: MIT
#
# Toolchain file for 32-bit x86 Linux, by a cross compiler that can stand beside others. A kernel
# for x86-64 runs its programs, with the C library that came with the compiler.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(CMAKE_C_COMPILER i686-linux-gnu-gcc)
set(thetis_libc /usr/i686-linux-gnu/lib)
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-Wl,--dynamic-linker=${thetis_libc}/ld-linux.so.2 -Wl,-rpath,${thetis_libc}")
