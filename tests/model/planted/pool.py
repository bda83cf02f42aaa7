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
          "    if (spilt) pool_put(pool, pool_list_word(spilt));\n", ""),
    Fault("pool keeps three batches", "off by one", POOL,
          "    if (local->loose_n == pool->shape_.batch) pool",
          "    if (local->loose_n == 2 * pool->shape_.batch) pool"),
    Fault("pool take keeps its full batch", "stale state", POOL,
          "    local->full = 0;\n    if (batch & 1) {", "    if (batch & 1) {",
          first="random pool-store"),
    Fault("pool takes a row for a list", "stale state", POOL,
          "    if (batch & 1) {", "    if (0 & batch) {"),
    Fault("pool keeps a full batch beside a row", "off by one", POOL,
          "    uintptr_t spilt = local->row_n > 0 ? local->loose : local->full;\n"
          "    if (local->row_n == 0) local->full = local->loose;\n",
          "    uintptr_t spilt = local->full;\n    local->full = local->loose;\n"),
    Fault("pool forgets the rest of a row", "dropped step", POOL,
          "        local->row_n--;\n", "        local->row_n = 0;\n"),
    Fault("pool take_n keeps what it has got", "dropped step", POOL,
          "            while (got > 0) thetis_pool_give(pool, me, blocks[--got]);\n", ""),
    Fault("pool collect looks at one record", "dropped help", POOL,
          "    while (thetis_domain_join(pool->domain_, &me) == THETIS_OK) {",
          "    if (thetis_domain_join(pool->domain_, &me) == THETIS_OK) {"),
    Fault("pool reclaim works off the suspects only", "dropped step", POOL,
          "    if (local->retired) {\n        pool_suspect(local);",
          "    if (!local->retired) {\n        pool_suspect(local);"),
    Fault("pool marks by a store", "skipped re-check", POOL,
          "    (void)thetis_atomic_cas_relaxed(pool_header(pool, k), word + phase, word + POOL",
          "    thetis_atomic_store_relaxed(pool_header(pool, k), word + POOL"),
    Fault("pool lets the suspects grow", "garbage", POOL,
          "    for (; frees > 0 && local->suspects; frees--)",
          "    for (frees = 1; frees > 0 && local->suspects; frees--)"),
]
