# SPDX-License-Identifier: MIT
#
# Toolchain file for RV32IMAC without a system: the template port, core and ring, as objects.
# The one header that a board's C library must give, string.h, comes from tests/cross.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(thetis_libc "${CMAKE_CURRENT_LIST_DIR}/../tests/cross/include")
set(CMAKE_C_FLAGS_INIT "-march=rv32imac -mabi=ilp32 -ffreestanding -isystem ${thetis_libc}")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(THETIS_PORT template CACHE STRING "a board without a system")
