// SPDX-License-Identifier: MIT
//
// program.cpp: the same first program from C++.
#include <cstdio>
#include <cstring>
#include <thetis/thetis.h>

int main()
{
    static THETIS_CACHE_ALIGNED char memory[THETIS_SPSC_SIZE(sizeof(int), 4)];
    const thetis_spsc_cfg cfg = {sizeof(int), 4};
    thetis_spsc *ring = nullptr;
    int item = 26;
    int got = 0;
    if (thetis_spsc_init(memory, sizeof memory, &cfg, &ring) != THETIS_OK) return 1;
    if (thetis_spsc_push(ring, &item) != THETIS_OK) return 1;
    if (thetis_spsc_pop(ring, &got) != THETIS_OK || got != item) return 1;
    std::puts(thetis_version());
    return std::strcmp(thetis_version(), THETIS_VERSION_STRING) == 0 ? 0 : 1;
}
