/* SPDX-License-Identifier: MIT
 *
 * bytes.c: the cold part of thetis/bytes.h, which describes the ring.
 */
#include <thetis/bytes.h>

#include "../port/port.h"

#define BYTES_MAGIC 0x42487454u /* "TtHB" where the low byte comes first */

enum { BYTES_VERSION = 1, BYTES_CAPACITY_MIN = 16 };

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

static void bytes_set_up(thetis_bytes *ring, const thetis_bytes_cfg *cfg)
{
    const thetis_bytes_side_ side = {
        .data_ = cfg->mirror_at ? cfg->mirror_at : sizeof(thetis_bytes),
        .mask_ = cfg->capacity - 1,
        .wrap_ = cfg->mirror_at ? 2 * cfg->capacity : cfg->capacity,
        .most_ = cfg->max_record,
    };
    ring->about_ = (thetis_bytes_about_){
        .magic_ = BYTES_MAGIC,
        .version_ = BYTES_VERSION,
        .word_ = sizeof(uintptr_t),
        .capacity_ = cfg->capacity,
        .max_record_ = cfg->max_record,
        .mirror_at_ = cfg->mirror_at,
        .size_ = thetis_bytes_size(cfg),
    };
    ring->producer_ = ring->consumer_ = side;
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
    bytes_set_up(ring, cfg);
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
    if (s == THETIS_OK) (*out)->about_.mapped_ = 1;
    else tht_port_unmap(memory, size);
    return s;
}

void thetis_bytes_destroy(thetis_bytes *ring)
{
    if (!ring) return;
    THETIS_ASSERT1(ring->about_.magic_ == BYTES_MAGIC && ring->about_.mapped_);
    tht_port_unmap(ring, (size_t)ring->about_.size_);
}

static int bytes_side_is_sound(const thetis_bytes *ring, const thetis_bytes_side_ *side)
{
    const thetis_bytes_about_ *a = &ring->about_;
    uint64_t data = a->mirror_at_ ? a->mirror_at_ : sizeof(thetis_bytes);
    uint64_t wrap = a->mirror_at_ ? 2 * a->capacity_ : a->capacity_;
    return side->data_ == data && side->mask_ == a->capacity_ - 1 && side->wrap_ == wrap &&
           side->most_ == a->max_record_;
}

static int bytes_about_is_sound(const thetis_bytes_about_ *a)
{
    const thetis_bytes_cfg cfg = {.capacity = (size_t)a->capacity_,
                                  .max_record = (size_t)a->max_record_,
                                  .mirror_at = (size_t)a->mirror_at_};
    return a->magic_ == BYTES_MAGIC && a->version_ == BYTES_VERSION &&
           a->word_ == sizeof(uintptr_t) && bytes_refusal(&cfg) == THETIS_OK &&
           a->size_ == thetis_bytes_size(&cfg);
}

thetis_status thetis_bytes_check(const thetis_bytes *ring)
{
    if (!bytes_about_is_sound(&ring->about_) || !bytes_side_is_sound(ring, &ring->producer_) ||
        !bytes_side_is_sound(ring, &ring->consumer_) ||
        ring->spsc_.producer_.span_ != 2 * ring->about_.capacity_ ||
        ring->spsc_.producer_.elem_size_ != 1)
        return THETIS_ECORRUPT;
    return thetis_spsc_check(&ring->spsc_);
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
