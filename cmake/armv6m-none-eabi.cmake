# SPDX-License-Identifier: MIT
#
# Toolchain file for Cortex-M0 without a system: the template port and all that needs no loop, as
# objects. It has no atomic read-modify-writes: THETIS_CAP_WORD_RMW is 0, and tools/cross.py knows
# which objects call for them.
# The one header that a board's C library must give, string.h, comes from tests/cross.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(thetis_libc "${CMAKE_CURRENT_LIST_DIR}/../tests/cross/include")
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m0 -mthumb -ffreestanding -isystem ${thetis_libc}")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(THETIS_PORT template CACHE STRING "a board without a system")
