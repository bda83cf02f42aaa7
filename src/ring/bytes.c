/* SPDX-License-Identifier: MIT
 *
 * bytes.c: the cold part of thetis/bytes.h, which describes the ring.
 */
#include <thetis/bytes_end.h>

#include "../port/port.h"
#include "bytes.h"
#include "shm.h"
#include "spsc.h"

enum { BYTES_CAPACITY_MIN = 16, BYTES_RECORD_STEP = 16 /* what divides a record's counters */ };

/* The first reason why there can be no such ring. */
static thetis_status bytes_refusal(const thetis_bytes_cfg *cfg)
{
    size_t capacity = cfg->capacity;
    size_t most = cfg->mirror_at ? THETIS_BYTES_RECORD_MAX_MIRRORED(capacity)
                                 : THETIS_BYTES_RECORD_MAX(capacity);
    if (capacity < BYTES_CAPACITY_MIN || (capacity & (capacity - 1)) != 0) return THETIS_EINVAL;
    if (capacity > (cfg->max_record ? THETIS_BYTES_CAPACITY_MAX : THETIS_SPSC_CAPACITY_MAX))
        return THETIS_EINVAL;
    if (cfg->max_record > most) return THETIS_E2BIG;
    if (cfg->mirror_at == 0) return THETIS_OK;
    if (cfg->mirror_at < sizeof(thetis_bytes) || cfg->mirror_at % THETIS_CACHE_LINE != 0 ||
        cfg->mirror_at > PTRDIFF_MAX - 2 * capacity)
        return THETIS_EINVAL;
    return THETIS_OK;
}

size_t thetis_bytes_size(const thetis_bytes_cfg *cfg)
{
    if (bytes_refusal(cfg) != THETIS_OK) return 0;
    return cfg->mirror_at ? cfg->mirror_at + 2 * cfg->capacity : THETIS_BYTES_SIZE(cfg->capacity);
}

/* Volatile: the compiler knows that bytes at different addresses differ. */
static int bytes_same(volatile unsigned char *one, const volatile unsigned char *other)
{
    *one = 1;
    if (*other != 1) return 0;
    *one = 0;
    return *other == 0;
}

static int bytes_are_mirrored(const thetis_bytes_cfg *cfg, unsigned char *memory)
{
    unsigned char *first = memory + cfg->mirror_at, *second = first + cfg->capacity;
    return bytes_same(first, second) && bytes_same(second - 1, second + cfg->capacity - 1);
}

static thetis_shm_about_ bytes_about(const thetis_bytes_cfg *cfg)
{
    return tht_shm_about(THT_SHM_BYTES, thetis_bytes_size(cfg),
                         (uintptr_t[4]){cfg->capacity, cfg->max_record, cfg->mirror_at});
}

static thetis_bytes_side_ bytes_side(const thetis_bytes_cfg *cfg)
{
    return (thetis_bytes_side_){
        .data_ = cfg->mirror_at ? cfg->mirror_at : sizeof(thetis_bytes),
        .mask_ = cfg->capacity - 1,
        .wrap_ = cfg->mirror_at ? 2 * cfg->capacity : cfg->capacity,
        .most_ = cfg->max_record,
    };
}

thetis_status thetis_bytes_init(void *mem, size_t len, const thetis_bytes_cfg *cfg,
                                thetis_bytes **out)
{
    const thetis_spsc_cfg bytes = {1, cfg->capacity};
    thetis_bytes *ring = mem;
    thetis_status s = bytes_refusal(cfg);
    THETIS_ASSERT1(out);
    if (s != THETIS_OK) return s;
    if (!mem || (uintptr_t)mem % THETIS_CACHE_LINE != 0) return THETIS_EINVAL;
    if (len < thetis_bytes_size(cfg)) return THETIS_EINVAL;
    if (cfg->mirror_at && !bytes_are_mirrored(cfg, mem)) return THETIS_EINVAL;
    thetis_spsc *spsc; /* its slots are those of a plain ring; a mirrored one has them elsewhere */
    s = thetis_spsc_init(&ring->spsc_, thetis_spsc_size(&bytes), &bytes, &spsc);
    if (s != THETIS_OK) return s;
    ring->spsc_.about_ = bytes_about(cfg);
    ring->producer_ = ring->consumer_ = bytes_side(cfg);
    *out = ring;
    return THETIS_OK;
}

/* Memory for the ring, mirrored if possible; says so in cfg->mirror_at. */
static void *bytes_map(thetis_bytes_cfg *cfg)
{
    size_t page = tht_port_page();
    size_t before = page ? (sizeof(thetis_bytes) + page - 1) / page * page : 0;
    if (page && cfg->capacity % page == 0) {
        void *memory = tht_port_mirror(before, cfg->capacity);
        if (memory) {
            cfg->mirror_at = before;
            return memory;
        }
    }
    return bytes_refusal(cfg) == THETIS_OK ? tht_port_map(thetis_bytes_size(cfg)) : NULL;
}

thetis_status thetis_bytes_create(const thetis_bytes_cfg *cfg, thetis_bytes **out)
{
    thetis_bytes_cfg chosen = *cfg;
    THETIS_ASSERT1(out);
    if (cfg->mirror_at) return THETIS_EINVAL;
    chosen.mirror_at = sizeof(thetis_bytes); /* any: what the best of rings would refuse */
    thetis_status s = bytes_refusal(&chosen);
    if (s != THETIS_OK) return s;
    chosen.mirror_at = 0;
    void *memory = bytes_map(&chosen);
    if (!memory) return bytes_refusal(&chosen) == THETIS_OK ? THETIS_ENOMEM : THETIS_ENOTSUP;
    size_t size = thetis_bytes_size(&chosen);
    s = thetis_bytes_init(memory, size, &chosen, out);
    if (s == THETIS_OK) (*out)->spsc_.about_.mapped_ = 1;
    else tht_port_unmap(memory, size);
    return s;
}

void thetis_bytes_destroy(thetis_bytes *ring)
{
    if (!ring) return;
    THETIS_ASSERT1(ring->spsc_.about_.kind_ == THT_SHM_BYTES && ring->spsc_.about_.mapped_);
    tht_port_unmap(ring, ring->spsc_.about_.size_);
}

static int bytes_side_is_sound(const thetis_bytes_side_ *side, const thetis_bytes_side_ *want)
{
    return side->data_ == want->data_ && side->mask_ == want->mask_ &&
           side->wrap_ == want->wrap_ && side->most_ == want->most_;
}

thetis_status thetis_bytes_check(const thetis_bytes *ring)
{
    const uintptr_t *config = ring->spsc_.about_.config_;
    const thetis_bytes_cfg cfg = {config[0], config[1], config[2]};
    const thetis_shm_about_ about = bytes_about(&cfg);
    const thetis_bytes_side_ side = bytes_side(&cfg);
    if (bytes_refusal(&cfg) != THETIS_OK || tht_shm_is(&ring->spsc_.about_, &about) != THETIS_OK ||
        !bytes_side_is_sound(&ring->producer_, &side) ||
        !bytes_side_is_sound(&ring->consumer_, &side) ||
        ring->spsc_.producer_.span_ != 2 * cfg.capacity || ring->spsc_.producer_.elem_size_ != 1)
        return THETIS_ECORRUPT;
    return thetis_spsc_check(&ring->spsc_);
}

thetis_status tht_bytes_open(thetis_bytes *ring, const thetis_bytes_cfg *cfg, thetis_shm_role role,
                             thetis_bytes_end *end)
{
    const thetis_spsc_cfg bytes = {1, cfg->capacity};
    const thetis_bytes_side_ side = bytes_side(cfg);
    thetis_bytes_end opened = {.side_ = side};
    thetis_status s = tht_spsc_open(&ring->spsc_, &bytes, (unsigned char *)ring + side.data_, role,
                                    &opened.bytes_);
    if (s != THETIS_OK) return s;
    uintptr_t at = opened.bytes_.side_.known_ & ~THETIS_SPSC_FLAG_;
    if (cfg->max_record && at % BYTES_RECORD_STEP != 0) return THETIS_ECORRUPT;
    *end = opened;
    return THETIS_OK;
}

thetis_status thetis_bytes_attach(void *mem, size_t len, const thetis_bytes_cfg *cfg,
                                  thetis_shm_role role, thetis_bytes_end *end)
{
    const thetis_shm_about_ want = bytes_about(cfg);
    thetis_bytes *ring = mem;
    thetis_status s = bytes_refusal(cfg);
    THETIS_ASSERT1(end);
    if (s == THETIS_OK) s = tht_shm_holds(mem, len, thetis_bytes_size(cfg));
    if (s == THETIS_OK) s = tht_shm_is(&ring->spsc_.about_, &want);
    return s == THETIS_OK ? tht_bytes_open(ring, cfg, role, end) : s;
}

/* Words of the bytes that `n` of them, from `offset` in a word on, lie in at most. */
static uint64_t bytes_words(size_t n, size_t offset)
{
    return ((uint64_t)n + offset + sizeof(uintptr_t) - 1) / sizeof(uintptr_t);
}

uint64_t thetis_bytes_bound(const thetis_bytes *ring, thetis_bytes_op op, size_t n)
{
    (void)ring; /* no term depends on the capacity */
    switch (op) {
    case THETIS_BYTES_PUSH:
        return bytes_words(n, 0) + 9;
    case THETIS_BYTES_POP:
        return bytes_words(n, 0) + 6;
    case THETIS_BYTES_RESERVE:
    case THETIS_BYTES_PEEK:
        return 4;
    case THETIS_BYTES_COMMIT:
        return 5;
    case THETIS_BYTES_ABORT:
        return 3;
    case THETIS_BYTES_PUSH_N:
    case THETIS_BYTES_POP_N:
        return (n ? bytes_words(n, sizeof(uintptr_t) - 1) : 0) + 4;
    case THETIS_BYTES_ABORT_N:
        return 0;
    default:
        return 2;
    }
}
