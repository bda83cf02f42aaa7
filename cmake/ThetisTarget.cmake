# SPDX-License-Identifier: MIT
#
# ThetisTarget.cmake: how a library and a program of this project are made. Every target goes
# through here, so that flags are said once.

# The files of each port. A new port is a line here and one in src/port/ports.def.
set(thetis_port_posix src/port/port_posix.c src/port/sys_posix.c src/port/sys_posix_msg.c
    src/port/sys_posix_poll.c)
set(thetis_port_linux ${thetis_port_posix} src/port/port_linux.c src/port/sys_linux.c
    src/port/sys_linux_msg.c src/port/wait_linux.c)
set(thetis_port_bsd ${thetis_port_posix} src/port/port_bsd.c src/port/sys_bsd.c
    src/port/sys_bsd_msg.c src/port/wait_bsd.c)
set(thetis_port_template src/port/port_template.c)

set(thetis_port "${THETIS_PORT}")
if(NOT thetis_port)
  string(TOLOWER "${CMAKE_SYSTEM_NAME}" thetis_port)
endif()
if(thetis_port MATCHES "^(freebsd|netbsd|openbsd|darwin)$")
  set(thetis_port bsd)
endif()
if(NOT DEFINED thetis_port_${thetis_port})
  message(FATAL_ERROR "thetis: there is no port '${thetis_port}'; set THETIS_PORT")
endif()
set(THETIS_PORT_SOURCES ${thetis_port_${thetis_port}})

# The template is a board without a system: no loop, no shared library, no programs.
if(thetis_port STREQUAL "template")
  set(THETIS_HOSTED OFF)
  set(thetis_sources ${THETIS_SOURCES_BARE} src/ffi.c ${THETIS_PORT_SOURCES})
else()
  set(THETIS_HOSTED ON)
  set(thetis_sources ${THETIS_SOURCES} src/ffi.c ${THETIS_PORT_SOURCES})
endif()
list(TRANSFORM thetis_sources PREPEND ${thetis_SOURCE_DIR}/)

# io_uring, through the library that the system has. The kernel may refuse it all the same.
set(THETIS_URING AUTO CACHE STRING "Build the backend uring (needs liburing): AUTO, ON or OFF")
set(thetis_uring "")
if(THETIS_URING AND thetis_port STREQUAL "linux" AND NOT CMAKE_CROSSCOMPILING)
  find_path(THETIS_URING_HEADER liburing.h)
  find_library(THETIS_URING_LIBRARY uring)
  mark_as_advanced(THETIS_URING_HEADER THETIS_URING_LIBRARY)
  if(THETIS_URING_HEADER AND THETIS_URING_LIBRARY)
    set(thetis_uring uring)
    list(APPEND thetis_sources ${thetis_SOURCE_DIR}/src/port/io_linux.c)
  elseif(NOT THETIS_URING STREQUAL "AUTO")
    message(FATAL_ERROR "thetis: THETIS_URING needs liburing")
  endif()
endif()

# The builtins for two words, which stand in for assembly where code is instrumented, are calls of
# libatomic in clang unless it may assume the instruction.
set(thetis_wide "")
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  set(thetis_wide -mcx16)
endif()

# What all our own code is compiled with: language level, warnings, sanitizers, coverage.
function(thetis_flags target)
  set_target_properties(${target} PROPERTIES
    C_STANDARD 17 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF C_VISIBILITY_PRESET hidden
    CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<BOOL:${THETIS_WERROR}>:-Werror>)
  if(THETIS_SANITIZE)
    string(REPLACE ";" "," sanitizers "${THETIS_SANITIZE}")
    target_compile_options(${target} PRIVATE -fsanitize=${sanitizers} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${sanitizers})
    if(sanitizers MATCHES "thread")
      target_compile_options(${target} PRIVATE ${thetis_wide})
    endif()
  endif()
  if(THETIS_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage)
    target_link_options(${target} PUBLIC --coverage)
  endif()
endfunction()

# The whole library for the chosen port, as lib<output>, with an assertion level ("": default).
function(thetis_add_library target type output level)
  add_library(${target} ${type} ${thetis_sources})
  thetis_flags(${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${output})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${thetis_SOURCE_DIR}/include>
                             PRIVATE ${thetis_SOURCE_DIR}/src)
  if(NOT level STREQUAL "")
    target_compile_definitions(${target} PUBLIC THETIS_ASSERT_LEVEL=${level})
  endif()
  if(thetis_uring)
    target_compile_definitions(${target} PRIVATE THETIS_URING)
    target_link_libraries(${target} PRIVATE uring)
  endif()
  if(type STREQUAL "SHARED")
    thetis_shared_only(${target})
  endif()
  if(NOT thetis_top_level AND NOT THETIS_PACKAGE) # a parent builds only what it links
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endfunction()

# Soname, symbol versions, and calls inside the library that need no indirection.
function(thetis_shared_only target)
  set_target_properties(${target} PROPERTIES VERSION ${thetis_VERSION}
                        SOVERSION ${thetis_VERSION_MAJOR})
  if(NOT APPLE)
    target_compile_options(${target} PRIVATE -fno-semantic-interposition)
    set(map ${thetis_SOURCE_DIR}/src/thetis.map)
    target_link_options(${target} PRIVATE LINKER:--version-script=${map})
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${map})
  endif()
endfunction()

# A program <build>/<folder>/<name>. Its target is thetis_<name>, so that nothing clashes in a
# parent project.
function(thetis_add_program name source folder library)
  string(REGEX REPLACE "^thetis-" "" target ${name})
  add_executable(thetis_${target} ${source})
  thetis_flags(thetis_${target})
  target_link_libraries(thetis_${target} PRIVATE ${library})
  set_target_properties(thetis_${target} PROPERTIES OUTPUT_NAME ${name}
                        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${folder})
endfunction()
