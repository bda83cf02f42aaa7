/* SPDX-License-Identifier: MIT
 *
 * latest.c: the cold part of thetis/latest.h, which describes the register.
 */
#include <thetis/latest.h>

#include "../core/start.h"
#include "shm.h"

_Static_assert(((THETIS_LATEST_READERS_MAX + 2) << 1) < THETIS_LATEST_PIN_, "numbers fit");

size_t thetis_latest_size(const thetis_latest_cfg *cfg)
{
    const size_t rest = sizeof(thetis_latest_buffer_) + THETIS_CACHE_LINE;
    size_t most;
    if (cfg->readers == 0 || cfg->readers > THETIS_LATEST_READERS_MAX) return 0;
    most = (PTRDIFF_MAX - sizeof(thetis_latest)) / (cfg->readers + 2); /* bytes of one buffer */
    if (cfg->value_size == 0 || cfg->value_size > most - rest) return 0;
    return THETIS_LATEST_SIZE(cfg->value_size, cfg->readers);
}

static thetis_shm_about_ latest_about(const thetis_latest_cfg *cfg)
{
    return tht_shm_about(THT_SHM_LATEST, thetis_latest_size(cfg),
                         (uintptr_t[4]){cfg->value_size, cfg->readers});
}

static void latest_set_shape(thetis_latest *latest, const thetis_latest_cfg *cfg)
{
    latest->shape_.places_ = cfg->readers;
    latest->shape_.value_size_ = cfg->value_size;
    latest->shape_.stride_ = sizeof(thetis_latest_buffer_) + THETIS_LATEST_LINES_(cfg->value_size);
}

thetis_status thetis_latest_init(void *mem, size_t len, const thetis_latest_cfg *cfg,
                                 thetis_latest **out)
{
    size_t size = thetis_latest_size(cfg);
    thetis_latest *latest = mem;
    THETIS_ASSERT1(out);
    if (tht_shm_holds(mem, len, size) != THETIS_OK) return THETIS_EINVAL;
    memset(latest, 0, sizeof *latest);
    latest->about_ = latest_about(cfg);
    latest_set_shape(latest, cfg);
    for (uintptr_t number = 1; number <= cfg->readers + 2; number++) {
        thetis_latest_buffer_ *buffer = thetis_latest_buffer_of_(latest, number);
        memset(buffer, 0, sizeof *buffer);
        thetis_atomic_store_relaxed(&buffer->pins_, THT_START);
        thetis_atomic_store_relaxed(&buffer->unpins_, THT_START);
    }
    *out = latest;
    return THETIS_OK;
}

/* If the last writer was killed behind the exchange it may not have taken down how often the buffer
 * before was pinned. The C11 model has no word for a process that is killed; relaxed accesses stay
 * in program order for it: compilers keep them so, and the processor ends what it has begun. */
static thetis_status latest_succeed(thetis_latest *latest)
{
    thetis_latest *there = thetis_latest_there_(latest);
    uintptr_t word = thetis_atomic_load_relaxed(&there->current_);
    uintptr_t now = thetis_latest_number_(word), most = latest->shape_.places_ + 2;
    uintptr_t moving = thetis_atomic_load_relaxed(&there->writer_.moving_);
    if (now > most || moving > most) return THETIS_ECORRUPT;
    if (moving && moving != now) thetis_latest_buffer_of_(latest, moving)->lost_ = 1;
    thetis_atomic_store_relaxed(&there->writer_.moving_, 0);
    latest->writer_.latest_ = now;
    latest->writer_.closed_ = word & THETIS_LATEST_CLOSED_;
    return THETIS_OK;
}

thetis_status thetis_latest_attach(void *mem, size_t len, const thetis_latest_cfg *cfg,
                                   thetis_shm_role role, thetis_latest *latest)
{
    const thetis_shm_about_ want = latest_about(cfg);
    const thetis_latest *there = mem;
    thetis_status s = tht_shm_holds(mem, len, thetis_latest_size(cfg));
    THETIS_ASSERT1(latest);
    if (s == THETIS_OK) s = tht_shm_is(&there->about_, &want);
    if (s != THETIS_OK) return s;
    memset(latest, 0, sizeof *latest);
    latest_set_shape(latest, cfg);
    latest->shape_.far_ = (uintptr_t)mem - (uintptr_t)latest;
    return role == THETIS_SHM_PRODUCER ? latest_succeed(latest) : THETIS_OK;
}

thetis_status thetis_latest_join(thetis_latest *latest, thetis_latest_reader *reader)
{
    thetis_atomic *readers = &thetis_latest_there_(latest)->shape_.readers_;
    uintptr_t in = thetis_atomic_fetch_add_acquire(readers, 1); /* pair: latest.place */
    if (in >= latest->shape_.places_) {
        (void)thetis_atomic_fetch_sub_relaxed(readers, 1);
        return THETIS_ENOSLOT;
    }
    reader->of_ = latest;
    reader->held_ = 0;
    return THETIS_OK;
}

void thetis_latest_leave(thetis_latest_reader *reader)
{
    thetis_latest *latest = reader->of_;
    THETIS_ASSERT1(latest);
    if (reader->held_) {
        thetis_latest_buffer_ *buffer = thetis_latest_buffer_of_(latest, reader->held_);
        (void)thetis_atomic_fetch_add_release(&buffer->unpins_, 1); /* pair: latest.unpin */
    }
    reader->of_ = NULL;
    (void)thetis_atomic_fetch_sub_release(&thetis_latest_there_(latest)->shape_.readers_,
                                          1); /* pair: latest.place */
}

static int latest_is_sound(const thetis_latest *latest)
{
    thetis_latest_cfg cfg = {latest->shape_.value_size_, latest->shape_.places_};
    return thetis_latest_size(&cfg) != 0 &&
           latest->shape_.stride_ ==
               sizeof(thetis_latest_buffer_) + THETIS_LATEST_LINES_(cfg.value_size) &&
           latest->writer_.latest_ <= cfg.readers + 2 && latest->writer_.open_ <= cfg.readers + 2;
}

/* The pins of buffers that are not the latest only become fewer while the writer is in here. */
thetis_status thetis_latest_check(const thetis_latest *latest)
{
    const thetis_latest *there = thetis_latest_there_(latest);
    const unsigned char *at = (const unsigned char *)(there + 1);
    uintptr_t pinned = 0, word = thetis_atomic_load_relaxed(&there->current_);
    if (!latest_is_sound(latest) || thetis_latest_number_(word) != latest->writer_.latest_) {
        return THETIS_ECORRUPT;
    }
    for (uintptr_t number = 1; number <= latest->shape_.places_ + 2; number++) {
        const thetis_latest_buffer_ *buffer = (const void *)at;
        uintptr_t open = thetis_atomic_load_relaxed(&buffer->pins_) -
                         thetis_atomic_load_relaxed(&buffer->unpins_);
        open = open << THETIS_LATEST_PIN_SHIFT_ >> THETIS_LATEST_PIN_SHIFT_;
        if (number != latest->writer_.latest_ && !buffer->lost_) pinned += open;
        at += latest->shape_.stride_;
    }
    return pinned <= latest->shape_.places_ ? THETIS_OK : THETIS_ECORRUPT;
}

uint64_t thetis_latest_bound(const thetis_latest *latest, thetis_latest_op op)
{
    uint64_t search = (uint64_t)latest->shape_.places_ + 1;
    uint64_t words = (latest->shape_.value_size_ + sizeof(uintptr_t) - 1) / sizeof(uintptr_t);
    switch (op) {
    case THETIS_LATEST_STORE: return search + words + 1;
    case THETIS_LATEST_RESERVE: return search;
    case THETIS_LATEST_COMMIT:
    case THETIS_LATEST_CLOSE: return 1;
    case THETIS_LATEST_PEEK: return 3;
    case THETIS_LATEST_LOAD: return words + 3;
    default: return 2;
    }
}
