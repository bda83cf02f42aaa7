/* SPDX-License-Identifier: MIT
 *
 * sys_host.h: what the tests of the Linux table of system calls share.
 *
 * Includes the source: some answers of the system cannot be provoked, so the functions that
 * translate them are called with them. Include this before any system header.
 */
#ifndef TESTS_UNIT_SYS_HOST_H
#define TESTS_UNIT_SYS_HOST_H

#include "port/sys_posix.c"

#include "port/sys_linux.c"

#include "harness/test.h"

static const tht_sys *const host = &tht_sys_host;

static inline void expect_at(int line, tht_ret ret, int status, ptrdiff_t n, int os)
{
    if (ret.status != status || ret.n != n || ret.os != os) {
        FAIL("line %d: %s, n %td, os %d", line, thetis_status_name((thetis_status)ret.status),
             ret.n, ret.os);
    }
}

#define EXPECT_OK(n, call) expect_at(__LINE__, call, THETIS_OK, n, 0)
#define EXPECT(status, os, call) expect_at(__LINE__, call, status, 0, os)

static inline int made(tht_ret ret)
{
    CHECK_EQ(ret.status, THETIS_OK);
    CHECK_EQ(ret.os, 0);
    return (int)ret.n;
}

#endif
