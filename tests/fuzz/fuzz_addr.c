/* SPDX-License-Identifier: MIT
 *
 * fuzz_addr.c: any text as an address: it is refused and nothing is written, or it is an address
 * whose own text fits, and is read as the same one.
 */
#include "fuzz.h"

#include <thetis/addr.h>

static void check_text(const thetis_addr *addr)
{
    char text[THETIS_ADDR_TEXT_MAX], shorter[THETIS_ADDR_TEXT_MAX];
    thetis_addr again;
    size_t n;
    FUZZ_CHECK(thetis_addr_text(addr, text, sizeof text) == THETIS_OK);
    n = strlen(text);
    FUZZ_CHECK(n < sizeof text);
    FUZZ_CHECK(thetis_addr_text(addr, shorter, n) == THETIS_E2BIG);
    FUZZ_CHECK(n == 0 || shorter[0] == 0);
    FUZZ_CHECK(thetis_addr_parse(&again, text) == THETIS_OK);
    FUZZ_CHECK(thetis_addr_equal(addr, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    thetis_addr addr, before;
    char *text = malloc(size + 1); /* of this length: a byte beyond is seen */
    thetis_status s;
    FUZZ_CHECK(text != NULL);
    if (size) memcpy(text, bytes, size);
    text[size] = 0;
    memset(&addr, 0xa5, sizeof addr);
    before = addr;
    s = thetis_addr_parse(&addr, text);
    FUZZ_CHECK(s == THETIS_OK || s == THETIS_EINVAL || s == THETIS_E2BIG);
    if (s == THETIS_OK) check_text(&addr);
    else if (s == THETIS_EINVAL) FUZZ_CHECK(memcmp(&addr, &before, sizeof addr) == 0);
    free(text);
    return 0;
}
