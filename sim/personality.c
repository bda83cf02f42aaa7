/* SPDX-License-Identifier: MIT
 *
 * personality.c: the list of personalities.
 */
#include "sim.h"

#include <string.h>

#define SIM_PERSONALITY(id) extern const sim_personality tsm_person_##id;
#include "personalities.def"
#undef SIM_PERSONALITY

static const sim_personality *const personalities[] = {
#define SIM_PERSONALITY(id) &tsm_person_##id,
#include "personalities.def"
#undef SIM_PERSONALITY
};

const sim_personality *tsm_personality_at(size_t k)
{
    return k < sizeof personalities / sizeof personalities[0] ? personalities[k] : NULL;
}

const sim_personality *tsm_personality(const char *name)
{
    size_t k = 0;
    const sim_personality *p;
    while ((p = tsm_personality_at(k++)) != NULL && strcmp(p->name, name) != 0) continue;
    return p;
}

const char *thetis_sim_name(const thetis_sim *sim)
{
    return sim->person->name;
}

const char *thetis_sim_backend(const thetis_sim *sim, size_t k)
{
    const char *const *names = sim->person->backends;
    return k < sizeof sim->person->backends / sizeof *names ? names[k] : NULL;
}
