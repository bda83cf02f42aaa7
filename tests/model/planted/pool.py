# SPDX-License-Identifier: MIT
"""Faults of pool: what each changes in the library's text."""

from . import Fault

POOL = "src/domain/pool.c"

FAULTS = [
    Fault("pool put counts first", "order of steps", POOL,
          "    for (size_t i = 0; batch; i++) {\n"
          "        THETIS_ASSERT1(i < pool->shape_.batches); /* one pass is enough */\n"
          "        batch = thetis_atomic_exchange_acq_rel(&pool->slots_[i], batch); /* pair: "
          "pool.slot */\n    }\n    (void)thetis_atomic_fetch_add_relaxed(&pool->count_, 1);\n",
          "    (void)thetis_atomic_fetch_add_relaxed(&pool->count_, 1);\n"
          "    for (size_t i = 0; batch; i++) {\n"
          "        THETIS_ASSERT1(i < pool->shape_.batches);\n"
          "        batch = thetis_atomic_exchange_acq_rel(&pool->slots_[i], batch);\n    }\n"),
    Fault("pool put does not count", "dropped step", POOL,
          "    (void)thetis_atomic_fetch_add_relaxed(&pool->count_, 1);\n}", "}"),
    Fault("pool get needs no right", "skipped re-check", POOL,
          "    if ((intptr_t)n <= 0) {", "    if ((intptr_t)n < 0) {"),
    Fault("pool refusal keeps its right", "dropped step", POOL,
          "        (void)thetis_atomic_fetch_add_relaxed(&pool->count_, 1);\n        return 0;",
          "        return 0;"),
    Fault("pool get begins at the second slot", "off by one", POOL,
          "    for (size_t i = 0; !batch; i++) {", "    for (size_t i = 1; !batch; i++) {"),
    Fault("pool put loads, then stores", "skipped re-check", POOL,
          "        batch = thetis_atomic_exchange_acq_rel(&pool->slots_[i], batch); /*",
          "        uintptr_t was = thetis_atomic_load_acquire(&pool->slots_[i]);\n"
          "        thetis_atomic_store_release(&pool->slots_[i], batch);\n        batch = was; /*"),
    Fault("pool get looks twice", "steps beyond the bound", POOL,
          "        batch = thetis_atomic_exchange_acquire(&pool->slots_[i], 0); /*",
          "        if (!thetis_atomic_load_relaxed(&pool->slots_[i])) {}\n"
          "        batch = thetis_atomic_exchange_acquire(&pool->slots_[i], 0); /*"),
    Fault("pool forgets a full batch", "dropped step", POOL,
          "        if (local->full) pool_put(pool, local->full);\n", ""),
    Fault("pool keeps three batches", "off by one", POOL,
          "    if (local->loose_n == pool->shape_.batch) {",
          "    if (local->loose_n == 2 * pool->shape_.batch) {"),
    Fault("pool take keeps its full batch", "stale state", POOL,
          "        local->full = 0;\n        if (!local->loose) return 0;",
          "        if (!local->loose) return 0;"),
    Fault("pool take_n keeps what it has got", "dropped step", POOL,
          "            while (got > 0) thetis_pool_give(pool, me, blocks[--got]);\n", ""),
    Fault("pool collect looks at one record", "dropped help", POOL,
          "    while (thetis_domain_join(pool->domain_, &me) == THETIS_OK) {",
          "    if (thetis_domain_join(pool->domain_, &me) == THETIS_OK) {"),
    Fault("pool reclaim works off the suspects only", "dropped step", POOL,
          "    if (local->retired) {\n        pool_suspect(local);",
          "    if (!local->retired) {\n        pool_suspect(local);"),
    Fault("pool lets the suspects grow", "garbage", POOL,
          "    for (; frees > 0 && local->suspects; frees--)",
          "    for (frees = 1; frees > 0 && local->suspects; frees--)"),
]
