/* SPDX-License-Identifier: MIT
 *
 * assert.c: a broken contract of the library is a verdict. Used where src/core/assert.c is not
 * linked; with it, the abort is one.
 */
#include <stdlib.h>
#include <thetis/check.h>

void thetis_assert_fail(const char *what, const char *file, int line)
{
    thetis_check_fail("assertion", what, file, line);
    abort();
}
