/* SPDX-License-Identifier: MIT
 *
 * program.c: a user's first program: one element through a ring, and the version.
 */
#include <stdio.h>
#include <string.h>
#include <thetis/thetis.h>

int main(void)
{
    static char memory[THETIS_SPSC_SIZE(sizeof(int), 4)] THETIS_CACHE_ALIGNED;
    thetis_spsc *ring;
    int item = 26;
    int got = 0;
    thetis_spsc_cfg cfg = {sizeof item, 4};
    if (thetis_spsc_init(memory, sizeof memory, &cfg, &ring) != THETIS_OK) return 1;
    if (thetis_spsc_push(ring, &item) != THETIS_OK) return 1;
    if (thetis_spsc_pop(ring, &got) != THETIS_OK || got != item) return 1;
    puts(thetis_version());
    return strcmp(thetis_version(), THETIS_VERSION_STRING) == 0 ? 0 : 1;
}
