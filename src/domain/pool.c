/* SPDX-License-Identifier: MIT
 *
 * pool.c: the pool of thetis/pool.h.
 */
#include "pool.h"

#include "number.h"

/* State of a block, in its header. A taken one has a stamp, a retired one the number of the
 * thread. */
enum {
    POOL_TAKEN, /* 0 */
    POOL_FREE,
    POOL_EVEN, /* retired; those that are suspects have one of the two, the others the other one */
    POOL_ODD,
    POOL_MARKED, /* a suspect that is protected */
    POOL_STATES = THETIS_POOL_STATES_,
    POOL_OWNER_SHIFT = 3,
    POOL_FREES = 4, /* suspects that a retire frees: the lists are 4/3 of the shortest possible */
    POOL_BATCHES = 16 /* of each thread, by default */
};

/* ---- shape ----------------------------------------------------------------------------------- */

/* Modulo a word; the factor is odd. Newton: each step doubles the bits that are right, first 3. */
static uintptr_t pool_inverse(uintptr_t odd)
{
    uintptr_t x = odd;
    for (unsigned bits = 3; bits < THETIS_CAP_WORD_BITS; bits *= 2) x *= 2 - odd * x;
    return x;
}

static size_t pool_ceil(size_t n, size_t by)
{
    return n / by + (n % by != 0);
}

static size_t pool_round_up(size_t n, size_t to)
{
    return pool_ceil(n, to) * to;
}

/* Retires come one by one. The looks at N records take N of them, the freeing of x suspects ceil(x
 * / frees); of the suspects at most M are marked. So behind x suspects come at most y more; x is
 * the least that is enough for itself. Then, while the looks go on and the marked ones come first,
 * nothing is freed. */
size_t tht_pool_most(const thetis_pool_shape_ *shape)
{
    size_t words = shape->threads * shape->words, looks = pool_ceil(shape->threads, shape->looks);
    size_t x = shape->limbo, y;
    for (;; x = y) {
        y = looks - 1 + pool_ceil(x, shape->frees) + words;
        if (y <= x) return x + looks - 1 + pool_ceil(words, shape->frees);
    }
}

static int pool_cfg_is_valid(const thetis_domain_cfg *domain, const thetis_pool_cfg *cfg)
{
    return thetis_domain_size(domain) != 0 && cfg->size >= 1 && cfg->size <= PTRDIFF_MAX / 2 &&
           cfg->blocks >= 1 && cfg->blocks <= THETIS_POOL_BLOCKS_MAX &&
           (cfg->align & (cfg->align - 1)) == 0 && cfg->align <= THETIS_CACHE_LINE &&
           cfg->batch <= THETIS_POOL_BLOCKS_MAX / domain->threads &&
           cfg->limbo <= THETIS_POOL_BLOCKS_MAX / domain->threads;
}

thetis_pool_shape_ tht_pool_shape(const thetis_domain_cfg *domain, const thetis_pool_cfg *cfg)
{
    thetis_pool_shape_ s = {0};
    if (!pool_cfg_is_valid(domain, cfg)) return s;
    size_t word = sizeof(thetis_atomic);
    s.threads = domain->threads;
    s.step = tht_number_step(domain->threads);
    s.words = domain->hazards + 1;
    s.limbo = cfg->limbo ? cfg->limbo : 2 * s.threads * s.words;
    s.looks = 1;
    s.frees = POOL_FREES;
    s.most = tht_pool_most(&s);
    s.align = cfg->align > word ? cfg->align : word;
    s.stride = pool_round_up(cfg->size + word, s.align);
    s.shift = (size_t)__builtin_ctzll(s.stride);
    s.inverse = pool_inverse(s.stride >> s.shift);
    size_t blocks = cfg->blocks + s.threads * s.most;
    s.batch = cfg->batch ? cfg->batch : pool_ceil(blocks, POOL_BATCHES * s.threads);
    blocks += (s.threads - 1) * (2 * s.batch + 1);
    if (blocks <= THETIS_POOL_BLOCKS_MAX - s.batch) s.batches = pool_ceil(blocks, s.batch);
    return s;
}

static size_t pool_slots_at(const thetis_pool_shape_ *shape)
{
    size_t local = THETIS_DOMAIN_LINES_(sizeof(thetis_pool_local_));
    return THETIS_DOMAIN_LINES_(sizeof(thetis_pool)) + shape->threads * local;
}

/* The first block; its header is before it. */
static size_t pool_blocks_at(const thetis_pool_shape_ *shape)
{
    size_t end = pool_slots_at(shape) + shape->batches * sizeof(thetis_atomic);
    return pool_round_up(end + sizeof(thetis_atomic), shape->align);
}

size_t tht_pool_bytes(const thetis_pool_shape_ *shape)
{
    size_t blocks = shape->batches * shape->batch;
    if (blocks == 0 || blocks > (PTRDIFF_MAX / 2) / shape->stride) return 0;
    return pool_blocks_at(shape) + blocks * shape->stride;
}

size_t thetis_pool_size(const thetis_domain_cfg *domain, const thetis_pool_cfg *cfg)
{
    thetis_pool_shape_ shape = tht_pool_shape(domain, cfg);
    return tht_pool_bytes(&shape);
}

/* ---- headers --------------------------------------------------------------------------------- */

static uintptr_t pool_word(uintptr_t link, size_t owner, uintptr_t state)
{
    return link << THETIS_POOL_LINK_SHIFT_ | (uintptr_t)owner << POOL_OWNER_SHIFT | state;
}

static uintptr_t pool_link(uintptr_t word)
{
    return word >> THETIS_POOL_LINK_SHIFT_;
}

static size_t pool_extent(const thetis_pool_shape_ *shape)
{
    return shape->batches * shape->batch * shape->stride;
}

static void *pool_block(const thetis_pool *pool, uintptr_t k)
{
    return pool->base_ + k * pool->shape_.stride;
}

static thetis_atomic *pool_header(const thetis_pool *pool, uintptr_t k)
{
    return (thetis_atomic *)pool_block(pool, k) - 1;
}

static thetis_pool_local_ *pool_local(const thetis_pool *pool, size_t id)
{
    void *local = pool->locals_ + id * THETIS_DOMAIN_LINES_(sizeof(thetis_pool_local_));
    return local;
}

/* The number of a block. The distance to block 0 is a multiple of the stride, so a multiplication
 * divides: by the power of two in the stride with a shift, by the rest with its inverse. */
static uintptr_t pool_number(const thetis_pool *pool, const void *block)
{
    uintptr_t at = (uintptr_t)block - (uintptr_t)pool->base_;
    return (at >> pool->shape_.shift) * pool->shape_.inverse;
}

/* The number of a block that is taken. */
static uintptr_t pool_taken(const thetis_pool *pool, const void *block)
{
    uintptr_t k = pool_number(pool, block), word;
    THETIS_ASSERT1(k >= 1 && k <= pool->shape_.batches * pool->shape_.batch);
    THETIS_ASSERT1(pool_block(pool, k) == block);
    word = thetis_atomic_load_relaxed(pool_header(pool, k));
    THETIS_ASSERT1((word & POOL_STATES) == POOL_TAKEN); /* not given or retired already */
    (void)word;
    return k;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* A batch in the store, as a word that is not 0: a list, or a row of blocks that nobody has ever
 * taken, with nothing in their headers yet. */
static uintptr_t pool_list_word(uintptr_t first)
{
    return first << 1;
}

static uintptr_t pool_row_word(uintptr_t first)
{
    return first << 1 | 1;
}

static void pool_build_store(thetis_pool *pool)
{
    const thetis_pool_shape_ *shape = &pool->shape_;
    for (size_t i = 0; i < shape->batches; i++)
        thetis_atomic_store_relaxed(&pool->slots_[i], pool_row_word(1 + i * shape->batch));
    thetis_atomic_store_relaxed(&pool->count_, shape->batches);
}

thetis_pool *tht_pool_build(void *mem, thetis_domain *domain, const thetis_pool_shape_ *shape)
{
    thetis_pool *pool = mem;
    unsigned char *bytes = mem;
    *pool = (thetis_pool){.shape_ = *shape, .domain_ = domain};
    pool->locals_ = bytes + THETIS_DOMAIN_LINES_(sizeof *pool);
    pool->slots_ = (void *)(bytes + pool_slots_at(shape));
    pool->base_ = bytes + pool_blocks_at(shape) - shape->stride;
    for (size_t id = 0; id < shape->threads; id++)
        *pool_local(pool, id) = (thetis_pool_local_){.phase = POOL_EVEN};
    pool_build_store(pool);
    return pool;
}

thetis_status thetis_pool_init(void *mem, size_t len, thetis_domain *domain,
                               const thetis_pool_cfg *cfg, thetis_pool **out)
{
    const thetis_domain_cfg of = {domain->threads_, domain->hazards_, domain->args_};
    thetis_pool_shape_ shape = tht_pool_shape(&of, cfg);
    size_t size = tht_pool_bytes(&shape);
    THETIS_ASSERT1(out);
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (size == 0 || len < size) return THETIS_EINVAL;
    *out = tht_pool_build(mem, domain, &shape);
    return THETIS_OK;
}

/* ---- the shared store of batches ------------------------------------------------------------- */

static void pool_put(thetis_pool *pool, uintptr_t batch)
{
    for (size_t i = 0; batch; i++) {
        THETIS_ASSERT1(i < pool->shape_.batches); /* one pass is enough */
        batch = thetis_atomic_exchange_acq_rel(&pool->slots_[i], batch); /* pair: pool.slot */
    }
    (void)thetis_atomic_fetch_add_relaxed(&pool->count_, 1);
}

static uintptr_t pool_get(thetis_pool *pool)
{
    uintptr_t n = thetis_atomic_fetch_sub_relaxed(&pool->count_, 1), batch = 0;
    if ((intptr_t)n <= 0) {
        (void)thetis_atomic_fetch_add_relaxed(&pool->count_, 1);
        return 0;
    }
    for (size_t i = 0; !batch; i++) {
        THETIS_ASSERT1(i < pool->shape_.batches); /* one pass is enough */
        batch = thetis_atomic_exchange_acquire(&pool->slots_[i], 0); /* pair: pool.slot */
    }
    return batch;
}

/* ---- magazines ------------------------------------------------------------------------------- */

/* For a magazine without blocks: its full batch, or one from the store. */
static int pool_refill(thetis_pool *pool, thetis_pool_local_ *local)
{
    uintptr_t batch = local->full ? pool_list_word(local->full) : pool_get(pool);
    local->full = 0;
    if (batch & 1) {
        local->row = batch >> 1;
        local->row_n = pool->shape_.batch;
    } else if (batch) {
        local->loose = batch >> 1;
        local->loose_n = pool->shape_.batch;
    }
    return batch != 0;
}

static uintptr_t pool_pop(thetis_pool *pool, thetis_pool_local_ *local, size_t id)
{
    uintptr_t k;
    if (!local->loose && local->row_n == 0 && !pool_refill(pool, local)) return 0;
    if (local->loose) {
        k = local->loose;
        local->loose = pool_link(thetis_atomic_load_relaxed(pool_header(pool, k)));
        local->loose_n--;
    } else {
        k = local->row++;
        local->row_n--;
    }
    uintptr_t stamp = tht_number(++local->takes, pool->shape_.step, id) << POOL_OWNER_SHIFT;
    thetis_atomic_store_release(pool_header(pool, k), stamp); /* pair: pool.stamp */
    return k;
}

/* What is loose becomes the full batch; what was that goes to the store. A row counts as a full
 * one, so that there are 2b blocks at most. */
static void pool_spill(thetis_pool *pool, thetis_pool_local_ *local)
{
    uintptr_t spilt = local->row_n > 0 ? local->loose : local->full;
    if (local->row_n == 0) local->full = local->loose;
    if (spilt) pool_put(pool, pool_list_word(spilt));
    local->loose = 0;
    local->loose_n = 0;
}

static void pool_push(thetis_pool *pool, thetis_pool_local_ *local, uintptr_t k)
{
    if (local->loose_n == pool->shape_.batch) pool_spill(pool, local);
    thetis_atomic_store_relaxed(pool_header(pool, k), pool_word(local->loose, 0, POOL_FREE));
    local->loose = k;
    local->loose_n++;
}

thetis_status thetis_pool_take_n(thetis_pool *pool, thetis_domain_thread *me, void **blocks,
                                 size_t n)
{
    thetis_pool_local_ *local = pool_local(pool, me->id_);
    THETIS_ASSERT2(me->domain_ == pool->domain_);
    for (size_t got = 0; got < n; got++) {
        uintptr_t k = pool_pop(pool, local, me->id_);
        if (!k) {
            while (got > 0) thetis_pool_give(pool, me, blocks[--got]);
            return THETIS_ENOMEM;
        }
        blocks[got] = pool_block(pool, k);
    }
    return THETIS_OK;
}

void thetis_pool_give(thetis_pool *pool, thetis_domain_thread *me, void *block)
{
    THETIS_ASSERT2(me->domain_ == pool->domain_);
    pool_push(pool, pool_local(pool, me->id_), pool_taken(pool, block));
}

/* ---- retired blocks -------------------------------------------------------------------------- */

static uintptr_t pool_other(uintptr_t phase)
{
    return POOL_EVEN + POOL_ODD - phase;
}

static void pool_list_retired(thetis_pool *pool, thetis_pool_local_ *local, size_t id, uintptr_t k)
{
    uintptr_t word = pool_word(local->retired, id, pool_other(local->phase));
    thetis_atomic_store_relaxed(pool_header(pool, k), word);
    local->retired = k;
    local->retired_n++;
}

/* All that are retired become suspects. They were unlinked before this fence. */
static void pool_suspect(thetis_pool_local_ *local)
{
    local->suspects = local->retired;
    local->suspects_n = local->retired_n;
    local->retired = 0;
    local->retired_n = 0;
    local->phase = pool_other(local->phase);
    local->looked = 0;
    thetis_atomic_fence_seq_cst(); /* with protect's */
}

/* The block that an address lies in, or 0. */
static uintptr_t pool_find(const thetis_pool *pool, uintptr_t address)
{
    const thetis_pool_shape_ *shape = &pool->shape_;
    uintptr_t at = address - (uintptr_t)pool_block(pool, 1);
    return at < pool_extent(shape) ? at / shape->stride + 1 : 0;
}

/* A header that nobody has written yet may say anything, so while it is looked at, its block may be
 * taken for the first time: that write must not be lost. */
static void pool_mark(thetis_pool *pool, size_t id, uintptr_t phase, uintptr_t address)
{
    uintptr_t k = pool_find(pool, address), word;
    if (!k) return;
    word = thetis_atomic_load_relaxed(pool_header(pool, k));
    if (word != pool_word(pool_link(word), id, phase)) return;
    word -= phase;
    (void)thetis_atomic_cas_relaxed(pool_header(pool, k), word + phase, word + POOL_MARKED);
}

/* Marks the suspects that one record protects. */
static void pool_look(thetis_pool *pool, const thetis_domain_thread *me, thetis_pool_local_ *local)
{
    thetis_domain_thread *record = thetis_domain_record_(pool->domain_, local->looked++);
    thetis_atomic *word = thetis_domain_status_(record);
    uintptr_t status = thetis_atomic_load_acquire(word); /* pair: domain.status */
    if (!thetis_domain_is_request_(status)) pool_mark(pool, me->id_, local->phase, status);
    for (size_t k = 1; k < pool->shape_.words; k++) {
        uintptr_t hazard = thetis_atomic_load_acquire(&word[k]); /* pair: domain.hazard */
        pool_mark(pool, me->id_, local->phase, hazard);
    }
}

/* Frees the first suspect, or puts it back. */
static void pool_settle(thetis_pool *pool, size_t id, thetis_pool_local_ *local)
{
    uintptr_t k = local->suspects;
    uintptr_t word = thetis_atomic_load_relaxed(pool_header(pool, k));
    local->suspects = pool_link(word);
    local->suspects_n--;
    if ((word & POOL_STATES) == POOL_MARKED) pool_list_retired(pool, local, id, k);
    else pool_push(pool, local, k);
}

static void pool_advance(thetis_pool *pool, const thetis_domain_thread *me,
                         thetis_pool_local_ *local, size_t looks, size_t frees)
{
    for (; looks > 0 && local->looked < pool->shape_.threads; looks--) pool_look(pool, me, local);
    if (local->looked < pool->shape_.threads) return;
    for (; frees > 0 && local->suspects; frees--) pool_settle(pool, me->id_, local);
}

static void pool_tell(thetis_pool_local_ *local)
{
    thetis_atomic_store_relaxed(&local->held, local->retired_n + local->suspects_n);
}

void thetis_pool_retire(thetis_pool *pool, thetis_domain_thread *me, void *block)
{
    const thetis_pool_shape_ *shape = &pool->shape_;
    thetis_pool_local_ *local = pool_local(pool, me->id_);
    THETIS_ASSERT2(me->domain_ == pool->domain_);
    pool_list_retired(pool, local, me->id_, pool_taken(pool, block));
    if (!local->suspects && local->retired_n >= shape->limbo) pool_suspect(local);
    if (local->suspects) pool_advance(pool, me, local, shape->looks, shape->frees);
    THETIS_ASSERT1(local->retired_n + local->suspects_n <= shape->most);
    pool_tell(local);
}

size_t thetis_pool_reclaim(thetis_pool *pool, thetis_domain_thread *me)
{
    thetis_pool_local_ *local = pool_local(pool, me->id_);
    if (local->suspects) pool_advance(pool, me, local, SIZE_MAX, SIZE_MAX);
    if (local->retired) {
        pool_suspect(local);
        pool_advance(pool, me, local, SIZE_MAX, SIZE_MAX);
    }
    pool_tell(local);
    return local->retired_n;
}

size_t thetis_pool_collect(thetis_pool *pool)
{
    thetis_domain_thread *mine = NULL, *me;
    size_t left = 0;
    while (thetis_domain_join(pool->domain_, &me) == THETIS_OK) {
        left += thetis_pool_reclaim(pool, me);
        me->next_ = mine;
        mine = me;
    }
    while (mine) {
        me = mine;
        mine = me->next_;
        thetis_domain_leave(me);
    }
    return left;
}

/* ---- levels and bounds ----------------------------------------------------------------------- */

void thetis_pool_stat(const thetis_pool *pool, thetis_pool_levels *out)
{
    const thetis_pool_shape_ *shape = &pool->shape_;
    uintptr_t count = thetis_atomic_load_relaxed(&pool->count_);
    *out = (thetis_pool_levels){.blocks = shape->batches * shape->batch,
                                .stored = (intptr_t)count > 0 ? count * shape->batch : 0,
                                .unreclaimed_max = shape->threads * shape->most};
    out->pinned = thetis_domain_count(pool->domain_, pool_block(pool, 1), pool_extent(shape));
    for (size_t id = 0; id < shape->threads; id++)
        out->unreclaimed += thetis_atomic_load_relaxed(&pool_local(pool, id)->held);
}

/* Blocks that come to a magazine, one by one: each batch of them may go to the store. */
static uint64_t pool_bound_push(const thetis_pool_shape_ *shape, size_t n)
{
    return n + (uint64_t)pool_ceil(n, shape->batch) * (shape->batches + 1);
}

/* Fewer than n were there, and go back: the first 2b into the magazine. */
static uint64_t pool_bound_vain(const thetis_pool_shape_ *shape, size_t n)
{
    uint64_t batches = pool_ceil(n - 1, shape->batch), back = batches > 2 ? batches - 2 : 0;
    return 4 * (uint64_t)(n - 1) + 2 + ((n - 1) / shape->batch + back) * (shape->batches + 1);
}

static uint64_t pool_bound_take(const thetis_pool_shape_ *shape, size_t n)
{
    uint64_t done = 2 * (uint64_t)n + (uint64_t)pool_ceil(n, shape->batch) * (shape->batches + 1);
    uint64_t vain = n > 0 ? pool_bound_vain(shape, n) : 0;
    return done > vain ? done : vain;
}

/* Two looks at all records; each block is settled once, and those that were marked once more. */
static uint64_t pool_bound_reclaim(const thetis_pool_shape_ *shape)
{
    uint64_t words = (uint64_t)shape->threads * shape->words;
    return 2 * 3 * words + shape->most + 2 * words + pool_bound_push(shape, shape->most) + 1;
}

/* Lists and magazines that others left are not the caller's own, so of collect all accesses to them
 * count: 20 for a block that is freed, 12 for one that was marked, 2 (3N + 9) + 8 for a record. */
static uint64_t pool_bound_collect(const thetis_pool_shape_ *shape, const thetis_domain *domain)
{
    uint64_t n = shape->threads, lists = 20 * shape->most + 12 * 2 * n * shape->words;
    uint64_t each = pool_bound_reclaim(shape) + lists + 6 * n + 26 +
                    thetis_domain_bound(domain, THETIS_DOMAIN_LEAVE, 0);
    return (n + 1) * thetis_domain_bound(domain, THETIS_DOMAIN_JOIN, 0) + n * each;
}

uint64_t thetis_pool_bound(const thetis_pool *pool, thetis_pool_op op, size_t n)
{
    const thetis_pool_shape_ *shape = &pool->shape_;
    switch (op) {
    case THETIS_POOL_TAKE:
        return pool_bound_take(shape, n);
    case THETIS_POOL_GIVE:
        return 1 + pool_bound_push(shape, 1);
    case THETIS_POOL_RETIRE:
        return 3 + 3 * (uint64_t)shape->looks * shape->words + shape->frees +
               pool_bound_push(shape, shape->frees);
    case THETIS_POOL_RECLAIM:
        return pool_bound_reclaim(shape);
    case THETIS_POOL_STAT:
        return (uint64_t)shape->threads * (shape->words + 1) + 1;
    default:
        return pool_bound_collect(shape, pool->domain_);
    }
}
