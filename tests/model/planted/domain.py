# SPDX-License-Identifier: MIT
"""Faults of domain: what each changes in the library's text."""

from . import Fault

DOMAIN, DOMAIN_H = "src/domain/domain.c", "include/thetis/domain.h"
POOL = "src/domain/pool.c"

FAULTS = [
    Fault("domain protect does not look again", "skipped re-check", DOMAIN_H,
          "return THETIS_LIKELY(now == seen) ? THETIS_OK : THETIS_AGAIN;",
          "return now | 1 ? THETIS_OK : THETIS_AGAIN;"),
    Fault("domain protect publishes last", "order of steps", DOMAIN_H,
          "    thetis_atomic_publish_seq_cst(hazard, seen); /* pair: domain.hazard */\n"
          "    now = thetis_atomic_load_acquire(cell);      /* pair: domain.cell */\n",
          "    now = thetis_atomic_load_acquire(cell);\n"
          "    thetis_atomic_publish_seq_cst(hazard, seen);\n"),
    Fault("domain protect looks three times", "steps beyond the bound", DOMAIN_H,
          "    *word = seen;\n", "    *word = seen + (thetis_atomic_load_relaxed(cell) & 0);\n"),
    Fault("domain leave keeps a hazard", "dropped step", DOMAIN,
          "for (size_t k = 0; k < me->domain_->hazards_; k++) thetis_domain_clear(me, k);",
          "for (size_t k = 1; k < me->domain_->hazards_; k++) thetis_domain_clear(me, k);"),
    Fault("domain expel keeps the request", "dropped step", DOMAIN,
          "    thetis_domain_withdraw(record);\n    thetis_domain_leave(record);",
          "    thetis_thread_leave(domain->table_, id);"),
    Fault("domain pending does not look again", "skipped re-check", DOMAIN_H,
          "return thetis_atomic_load_relaxed(status) == request ? request : 0;",
          "return request;"),
    Fault("domain announces before it has written", "order of steps", DOMAIN_H,
          "    for (k = 0; k < n; k++)\n        thetis_atomic_store_release(",
          "    thetis_atomic_store_release(thetis_domain_status_(me), me->request_ + 2);\n"
          "    for (k = 0; k < n; k++)\n        thetis_atomic_store_release("),
    Fault("domain requests have one number", "reused number", DOMAIN_H,
          "    me->request_ += 2;\n", "    me->request_ = 1;\n"),
    Fault("domain finish overwrites", "skipped re-check", DOMAIN_H,
          "(void)thetis_atomic_cas_release(status, request, word);",
          "(void)request;\n    thetis_atomic_store_release(status, word);"),
    Fault("domain counts hazards only", "dropped step", DOMAIN,
          "for (size_t k = 0; k <= domain->hazards_; k++) {",
          "for (size_t k = 1; k < domain->hazards_; k++) {"),
    Fault("domain: looks at hazards only", "dropped step", POOL,
          "if (!thetis_domain_is_request_(status)) pool_mark(", "if (0) pool_mark("),
    Fault("domain: looks at results only", "off by one", POOL,
          "for (size_t k = 1; k < pool->shape_.words; k++) {",
          "for (size_t k = 1; k < pool->shape_.words - 1; k++) {"),
    Fault("domain: passes over the last record", "off by one", POOL,
          "    if (local->looked < pool->shape_.threads) return;\n",
          "    if (local->looked + 1 < pool->shape_.threads) return;\n",
          first="adversary domain-churn"),
    Fault("domain: looks at its own record only", "dropped step", POOL,
          "thetis_domain_record_(pool->domain_, local->looked++);",
          "(local->looked++, (thetis_domain_thread *)me);"),
    Fault("domain: trusts an older look", "stale knowledge", POOL,
          "    local->looked = 0;\n", ""),
    Fault("domain: what is retired now was looked for before", "stale knowledge", POOL,
          "    if (!local->suspects && local->retired_n >= shape->limbo) pool_suspect(local);\n",
          "    size_t before = local->looked;\n    if (!local->suspects) pool_suspect(local);\n"
          "    local->looked = before;\n"),
    Fault("domain: marks the wrong ones", "stale state", POOL,
          "    local->phase = pool_other(local->phase);\n", ""),
    Fault("domain: frees what is marked", "dropped step", POOL,
          "if ((word & POOL_STATES) == POOL_MARKED) pool_list_retired(pool, local, id, k);\n"
          "    else pool_push(", "if (id == SIZE_MAX) pool_list_retired(pool, local, id, k);\n"
          "    else pool_push("),
    Fault("domain: marks blocks of others", "skipped re-check", POOL,
          "    if (word != pool_word(pool_link(word), id, phase)) return;\n", ""),
    Fault("domain: retired blocks are free at once", "dropped step", POOL,
          "    pool_list_retired(pool, local, me->id_, pool_taken(pool, block));\n",
          "    pool_push(pool, local, pool_taken(pool, block));\n"),
]
