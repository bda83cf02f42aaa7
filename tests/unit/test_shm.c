/* SPDX-License-Identifier: MIT
 *
 * test_shm.c: what attach() refuses, whatever the structure: memory, layout, kind, configuration.
 */
#include "harness/test.h"

#include <stdlib.h>
#include <string.h>
#include <thetis/bcast.h>
#include <thetis/bytes_end.h>
#include <thetis/latest.h>
#include <thetis/shm.h>
#include <thetis/spsc_end.h>

enum { SHM_MEM = 8192 };

static char shm_mem[SHM_MEM] THETIS_CACHE_ALIGNED;

/* One structure: `wrong` is a number of a wrong configuration, 0 the right one. */
typedef struct shm_kind {
    const char *name;
    size_t (*make)(void *mem); /* its size */
    thetis_status (*attach)(void *mem, size_t len, unsigned wrong);
    unsigned valid_wrongs; /* 1 .. this: other configurations; the next one is none at all */
} shm_kind;

static size_t make_spsc(void *mem)
{
    const thetis_spsc_cfg cfg = {8, 16};
    thetis_spsc *ring;
    CHECK_EQ(thetis_spsc_init(mem, SHM_MEM, &cfg, &ring), THETIS_OK);
    return thetis_spsc_size(&cfg);
}

static thetis_status attach_spsc(void *mem, size_t len, unsigned wrong)
{
    static const thetis_spsc_cfg cfg[] = {{8, 16}, {8, 8}, {4, 16}, {16, 8}, {8, 12}};
    thetis_spsc_end end;
    thetis_status s = thetis_spsc_attach(mem, len, &cfg[wrong], THETIS_SHM_PRODUCER, &end);
    CHECK_EQ(thetis_spsc_attach(mem, len, &cfg[wrong], THETIS_SHM_CONSUMER, &end), s);
    return s;
}

static size_t make_bytes(void *mem)
{
    const thetis_bytes_cfg cfg = {256, 40, 0};
    thetis_bytes *ring;
    CHECK_EQ(thetis_bytes_init(mem, SHM_MEM, &cfg, &ring), THETIS_OK);
    return thetis_bytes_size(&cfg);
}

static thetis_status attach_bytes(void *mem, size_t len, unsigned wrong)
{
    static const thetis_bytes_cfg cfg[] = {
        {256, 40, 0}, {128, 40, 0}, {256, 48, 0}, {256, 0, 0}, {250, 40, 0}};
    thetis_bytes_end end;
    thetis_status s = thetis_bytes_attach(mem, len, &cfg[wrong], THETIS_SHM_PRODUCER, &end);
    CHECK_EQ(thetis_bytes_attach(mem, len, &cfg[wrong], THETIS_SHM_CONSUMER, &end), s);
    return s;
}

static size_t make_bcast(void *mem)
{
    const thetis_bcast_cfg cfg = {8, 16, 4, THETIS_BCAST_EVICT};
    thetis_bcast *ring;
    CHECK_EQ(thetis_bcast_init(mem, SHM_MEM, &cfg, &ring), THETIS_OK);
    return thetis_bcast_size(&cfg);
}

static thetis_status attach_bcast(void *mem, size_t len, unsigned wrong)
{
    static const thetis_bcast_cfg cfg[] = {{8, 16, 4, THETIS_BCAST_EVICT},
                                           {8, 16, 4, THETIS_BCAST_REFUSE},
                                           {8, 8, 4, THETIS_BCAST_EVICT},
                                           {8, 16, 3, THETIS_BCAST_EVICT},
                                           {8, 12, 4, THETIS_BCAST_EVICT}};
    thetis_bcast ring;
    thetis_status s = thetis_bcast_attach(mem, len, &cfg[wrong], THETIS_SHM_PRODUCER, &ring);
    CHECK_EQ(thetis_bcast_attach(mem, len, &cfg[wrong], THETIS_SHM_CONSUMER, &ring), s);
    return s;
}

static size_t make_latest(void *mem)
{
    const thetis_latest_cfg cfg = {40, 3};
    thetis_latest *latest;
    CHECK_EQ(thetis_latest_init(mem, SHM_MEM, &cfg, &latest), THETIS_OK);
    return thetis_latest_size(&cfg);
}

static thetis_status attach_latest(void *mem, size_t len, unsigned wrong)
{
    static const thetis_latest_cfg cfg[] = {{40, 3}, {40, 2}, {41, 3}, {0, 3}};
    thetis_latest latest;
    thetis_status s = thetis_latest_attach(mem, len, &cfg[wrong], THETIS_SHM_PRODUCER, &latest);
    CHECK_EQ(thetis_latest_attach(mem, len, &cfg[wrong], THETIS_SHM_CONSUMER, &latest), s);
    return s;
}

static const shm_kind kinds[] = {
    {"spsc", make_spsc, attach_spsc, 3},
    {"bytes", make_bytes, attach_bytes, 3},
    {"bcast", make_bcast, attach_bcast, 3},
    {"latest", make_latest, attach_latest, 2},
};

static void each_kind(void (*body)(const shm_kind *kind, size_t size))
{
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        size_t size = kinds[k].make(shm_mem);
        CHECK_EQ(kinds[k].attach(shm_mem, size, 0), THETIS_OK);
        body(&kinds[k], size);
        CHECK_EQ(kinds[k].attach(shm_mem, size, 0), THETIS_OK); /* the body restores it */
    }
}

/* ---- what the caller gives ------------------------------------------------------------------- */

static void refuse_memory(const shm_kind *kind, size_t size)
{
    CHECK_EQ(kind->attach(NULL, size, 0), THETIS_EINVAL);
    CHECK_EQ(kind->attach(shm_mem + 8 % THETIS_CACHE_LINE + 1, size, 0), THETIS_EINVAL);
    CHECK_EQ(kind->attach(shm_mem, 0, 0), THETIS_EINVAL);
    CHECK_EQ(kind->attach(shm_mem, size - 1, 0), THETIS_EINVAL);
}

TEST(attach_refuses_memory_that_is_short_or_misaligned)
{
    each_kind(refuse_memory);
}

static void refuse_config(const shm_kind *kind, size_t size)
{
    (void)size;
    for (unsigned wrong = 1; wrong <= kind->valid_wrongs; wrong++)
        CHECK_EQ(kind->attach(shm_mem, SHM_MEM, wrong), THETIS_ECORRUPT);
    CHECK_EQ(kind->attach(shm_mem, SHM_MEM, kind->valid_wrongs + 1), THETIS_EINVAL);
}

TEST(attach_refuses_another_configuration)
{
    each_kind(refuse_config);
}

TEST(attach_refuses_configurations_whose_size_overflows)
{
    const thetis_spsc_cfg spsc = {SIZE_MAX / 8, 16};
    const thetis_bytes_cfg bytes = {(size_t)1 << (THETIS_CAP_WORD_BITS - 1), 0, 0};
    const thetis_bytes_cfg records = {64, 33, 0}, mirrored = {64, 24, PTRDIFF_MAX - 127};
    thetis_spsc_end end;
    thetis_bytes_end bytes_end;
    CHECK_EQ(thetis_spsc_attach(shm_mem, SHM_MEM, &spsc, THETIS_SHM_CONSUMER, &end),
             THETIS_EINVAL);
    CHECK_EQ(thetis_bytes_attach(shm_mem, SHM_MEM, &bytes, THETIS_SHM_CONSUMER, &bytes_end),
             THETIS_EINVAL);
    CHECK_EQ(thetis_bytes_attach(shm_mem, SHM_MEM, &records, THETIS_SHM_CONSUMER, &bytes_end),
             THETIS_E2BIG);
    CHECK_EQ(thetis_bytes_attach(shm_mem, SHM_MEM, &mirrored, THETIS_SHM_CONSUMER, &bytes_end),
             THETIS_EINVAL);
}

/* ---- what the memory says -------------------------------------------------------------------- */

static void refuse_other_layouts(const shm_kind *kind, size_t size)
{
    thetis_shm_about_ *about = (void *)shm_mem;
    uint8_t *layout[] = {&about->version_, &about->word_};
    for (size_t k = 0; k < 2; k++) {
        (*layout[k])++;
        CHECK_EQ(kind->attach(shm_mem, size, 0), THETIS_ENOTSUP);
        (*layout[k])--;
    }
    about->line_ /= 2;
    CHECK_EQ(kind->attach(shm_mem, size, 0), THETIS_ENOTSUP);
    about->line_ *= 2;
}

TEST(attach_refuses_other_layouts)
{
    each_kind(refuse_other_layouts);
}

static void refuse_lies(const shm_kind *kind, size_t size)
{
    thetis_shm_about_ *about = (void *)shm_mem;
    uintptr_t *word[] = {&about->size_, &about->config_[0], &about->config_[1],
                         &about->config_[2], &about->config_[3]};
    for (size_t k = 0; k < sizeof word / sizeof word[0]; k++) {
        for (unsigned bit = 0; bit < THETIS_CAP_WORD_BITS; bit++) {
            *word[k] ^= (uintptr_t)1 << bit;
            CHECK_EQ(kind->attach(shm_mem, size, 0), THETIS_ECORRUPT);
            *word[k] ^= (uintptr_t)1 << bit;
        }
    }
    about->magic_++;
    CHECK_EQ(kind->attach(shm_mem, size, 0), THETIS_ECORRUPT);
    about->magic_--;
    for (uint8_t other = 0; other < 8; other++) {
        about->kind_ ^= (uint8_t)(1u << other);
        CHECK_EQ(kind->attach(shm_mem, size, 0), THETIS_ECORRUPT);
        about->kind_ ^= (uint8_t)(1u << other);
    }
}

TEST(attach_refuses_a_header_that_lies)
{
    each_kind(refuse_lies);
}

TEST(attach_refuses_zeros_and_noise)
{
    uint64_t rng = test_seed();
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        memset(shm_mem, 0, sizeof shm_mem);
        CHECK_EQ(kinds[k].attach(shm_mem, sizeof shm_mem, 0), THETIS_ECORRUPT);
        for (size_t at = 0; at < sizeof shm_mem; at++) shm_mem[at] = (char)test_rand(&rng);
        CHECK_EQ(kinds[k].attach(shm_mem, sizeof shm_mem, 0), THETIS_ECORRUPT);
    }
}

/* Each structure is taken for no other. */
TEST(attach_refuses_another_kind)
{
    for (size_t made = 0; made < sizeof kinds / sizeof kinds[0]; made++) {
        (void)kinds[made].make(shm_mem);
        for (size_t asked = 0; asked < sizeof kinds / sizeof kinds[0]; asked++) {
            thetis_status s = kinds[asked].attach(shm_mem, sizeof shm_mem, 0);
            CHECK_EQ(s, made == asked ? THETIS_OK : THETIS_ECORRUPT);
        }
    }
}

TEST_MAIN(T(attach_refuses_memory_that_is_short_or_misaligned),
          T(attach_refuses_another_configuration),
          T(attach_refuses_configurations_whose_size_overflows), T(attach_refuses_other_layouts),
          T(attach_refuses_a_header_that_lies), T(attach_refuses_zeros_and_noise),
          T(attach_refuses_another_kind))
