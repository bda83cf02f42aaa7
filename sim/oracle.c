/* SPDX-License-Identifier: MIT
 *
 * oracle.c: choices, see oracle.h.
 */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static uint64_t oracle_random(struct sim_oracle *o)
{
    uint64_t z = (o->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint64_t oracle_take(struct sim_oracle *o, uint64_t n)
{
    uint64_t value = 0;
    if (o == NULL || n <= 1) return 0;
    if (o->taken == SIM_CHOICES) return 0;
    if (o->seed) value = oracle_random(o) % n;
    else if (o->taken < o->given) value = o->values[o->taken] % n;
    o->values[o->taken] = (uint32_t)value;
    o->limits[o->taken] = (uint32_t)(n < UINT32_MAX ? n : UINT32_MAX);
    o->taken++;
    return value;
}

uint64_t tsm_choose(thetis_sim *sim, uint64_t n)
{
    sim->chosen = 1;
    return sim->cfg.plain ? 0 : oracle_take(sim->cfg.oracle, n);
}

uint64_t thetis_sim_draw(thetis_sim *sim, uint64_t n)
{
    if (sim->chosen || sim->calls) tsm_fail(sim, "draw", "after a choice or a call");
    return oracle_take(sim->cfg.oracle, n);
}

int tsm_chance(thetis_sim *sim, sim_often often)
{
    if (often == 0 || often >= 1000) return often != 0;
    return tsm_choose(sim, 1000) >= 1000u - often;
}

uint64_t thetis_sim_choose(thetis_sim *sim, uint64_t n)
{
    return tsm_choose(sim, n);
}

/* Depth first: the last choice that has another value gets it, and what followed is forgotten. */
int tsm_oracle_next(struct sim_oracle *o, size_t depth)
{
    size_t at = o->taken < depth ? o->taken : depth;
    while (at > 0 && o->values[at - 1] + 1 >= o->limits[at - 1]) at--;
    if (at == 0) return 0;
    o->values[at - 1]++;
    o->given = at;
    return 1;
}

/* ---- as text --------------------------------------------------------------------------------- */

size_t tsm_oracle_text(const struct sim_oracle *o, char *text, size_t room)
{
    size_t len = 0, n = o->taken;
    while (n > 0 && o->values[n - 1] == 0) n--;
    for (size_t i = 0; i < n;) {
        size_t same = 1;
        char item[32];
        int size;
        while (i + same < n && o->values[i + same] == o->values[i]) same++;
        if (same < 3) same = 1;
        size = same > 1 ? snprintf(item, sizeof item, "%s%u*%zu", i ? "." : "", o->values[i], same)
                        : snprintf(item, sizeof item, "%s%u", i ? "." : "", o->values[i]);
        if (len + (size_t)size < room) memcpy(text + len, item, (size_t)size);
        len += (size_t)size;
        i += same;
    }
    if (len == 0 && room > 1) text[len++] = '0';
    text[len < room ? len : room - 1] = 0;
    return len;
}

void tsm_oracle_bytes(struct sim_oracle *o, const unsigned char *bytes, size_t n)
{
    o->given = n < SIM_CHOICES ? n : SIM_CHOICES;
    for (size_t i = 0; i < o->given; i++) o->values[i] = bytes[i] * 251u;
}

int tsm_oracle_parse(struct sim_oracle *o, const char *text)
{
    o->given = 0;
    for (;;) {
        char *end;
        unsigned long value = strtoul(text, &end, 10), times = 1;
        if (end == text) return 0;
        text = end;
        if (*text == '*') {
            times = strtoul(text + 1, &end, 10);
            if (end == text + 1) return 0;
            text = end;
        }
        if (times > SIM_CHOICES - o->given) return 0;
        while (times-- > 0) o->values[o->given++] = (uint32_t)value;
        if (*text == 0 || *text == '\n') return 1;
        if (*text++ != '.') return 0;
    }
}
