/* SPDX-License-Identifier: MIT
 *
 * domain.c: the domain of thetis/domain.h: making it, joining and leaving.
 */
#include <thetis/domain.h>

#include "number.h"

/* ---- making ---------------------------------------------------------------------------------- */

size_t thetis_domain_size(const thetis_domain_cfg *cfg)
{
    if (cfg->threads < 1 || cfg->threads > THETIS_DOMAIN_THREADS_MAX || cfg->hazards < 1 ||
        cfg->hazards > THETIS_DOMAIN_SLOTS_MAX || cfg->args > THETIS_DOMAIN_SLOTS_MAX) {
        return 0;
    }
    return THETIS_DOMAIN_SIZE(cfg->threads, cfg->hazards, cfg->args);
}

static void domain_build_record(thetis_domain *domain, size_t id)
{
    thetis_domain_thread *record = thetis_domain_record_(domain, id);
    thetis_atomic *word = thetis_domain_status_(record);
    *record = (thetis_domain_thread){.domain_ = domain, .id_ = id};
    record->request_ = UINTPTR_MAX; /* the first one is 1 */
    for (size_t k = 0; k < 1 + domain->hazards_ + domain->args_; k++)
        thetis_atomic_store_relaxed(&word[k], 0);
}

thetis_status thetis_domain_init(void *mem, size_t len, const thetis_domain_cfg *cfg,
                                 thetis_domain **out)
{
    size_t size = thetis_domain_size(cfg);
    thetis_domain *domain = mem;
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (size == 0 || len < size) return THETIS_EINVAL;
    *domain = (thetis_domain){.threads_ = cfg->threads,
                              .step_ = tht_number_step(cfg->threads),
                              .hazards_ = cfg->hazards,
                              .args_ = cfg->args,
                              .stride_ = THETIS_DOMAIN_STRIDE_(cfg->hazards, cfg->args)};
    domain->records_ = (unsigned char *)mem + THETIS_DOMAIN_LINES_(sizeof *domain);
    for (size_t id = 0; id < cfg->threads; id++) domain_build_record(domain, id);
    unsigned char *table = domain->records_ + cfg->threads * domain->stride_;
    *out = domain;
    return thetis_thread_init(table, THETIS_THREAD_SIZE(cfg->threads), cfg->threads,
                              &domain->table_);
}

/* ---- joining and leaving --------------------------------------------------------------------- */

thetis_status thetis_domain_join(thetis_domain *domain, thetis_domain_thread **out)
{
    size_t id;
    thetis_status s = thetis_thread_join(domain->table_, &id);
    if (s == THETIS_OK) *out = thetis_domain_record_(domain, id);
    return s;
}

void thetis_domain_leave(thetis_domain_thread *me)
{
    THETIS_ASSERT1(thetis_atomic_load_relaxed(thetis_domain_status_(me)) == 0);
    for (size_t k = 0; k < me->domain_->hazards_; k++) thetis_domain_clear(me, k);
    thetis_thread_leave(me->domain_->table_, me->id_);
}

void thetis_domain_expel(thetis_domain *domain, size_t id)
{
    THETIS_ASSERT1(id < domain->threads_);
    thetis_domain_thread *record = thetis_domain_record_(domain, id);
    thetis_domain_withdraw(record);
    thetis_domain_leave(record);
}

/* ---- looking --------------------------------------------------------------------------------- */

size_t thetis_domain_count(const thetis_domain *domain, const void *from, size_t bytes)
{
    size_t found = 0;
    thetis_atomic_fence_seq_cst(); /* with protect's */
    for (size_t id = 0; id < domain->threads_; id++) {
        thetis_atomic *word = thetis_domain_status_(thetis_domain_record_(domain, id));
        for (size_t k = 0; k <= domain->hazards_; k++) {
            uintptr_t at =
                thetis_atomic_load_acquire(&word[k]); /* pair: domain.hazard, domain.status */
            if (k == 0 && thetis_domain_is_request_(at)) continue;
            found += at - (uintptr_t)from < bytes;
        }
    }
    return found;
}

uint64_t thetis_domain_bound(const thetis_domain *domain, thetis_domain_op op, size_t n)
{
    switch (op) {
    case THETIS_DOMAIN_JOIN:
        return thetis_thread_bound(domain->table_, THETIS_THREAD_JOIN);
    case THETIS_DOMAIN_LEAVE:
        return (uint64_t)domain->hazards_ + 3;
    case THETIS_DOMAIN_EXPEL:
        return (uint64_t)domain->hazards_ + 4;
    case THETIS_DOMAIN_PROTECT:
        return 3;
    case THETIS_DOMAIN_ANNOUNCE:
        return (uint64_t)n + 1;
    case THETIS_DOMAIN_PENDING:
        return (uint64_t)n + 2;
    case THETIS_DOMAIN_COUNT:
        return (uint64_t)domain->threads_ * (domain->hazards_ + 1);
    default:
        return 1;
    }
}
