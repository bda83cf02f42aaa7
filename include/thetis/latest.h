/* SPDX-License-Identifier: MIT
 *
 * thetis/latest.h: the latest value, of any size: one writer thread, up to n reader threads.
 *
 *     static char mem[THETIS_LATEST_SIZE(sizeof(pose), 4)] THETIS_CACHE_ALIGNED;
 *     thetis_latest_cfg cfg = {sizeof(pose), 4};
 *     thetis_latest *at;
 *     thetis_status s = thetis_latest_init(mem, sizeof mem, &cfg, &at);
 *     s = thetis_latest_store(at, &p);               writer: OK, or CLOSED after close()
 *     thetis_latest_reader r;
 *     s = thetis_latest_join(at, &r);                each reader thread: OK or ENOSLOT
 *     s = thetis_latest_load(&r, &p);                OK: p is new; AGAIN, EMPTY, CLOSED: it is not
 *
 * Algorithm: anonymous readers counting (Ianni, Pellegrini and Quaglia, "Anonymous readers
 * counting: a wait-free multi-word atomic register algorithm for scalable data sharing on
 * multi-core machines", IEEE TPDS 30(2), 2019). Beside the latest value there are n + 1 more
 * buffers. One word holds the number of the buffer with the latest value and, above it, how often
 * that buffer was pinned since it became the latest; a reader learns the number and pins the
 * buffer by one addition. It keeps the pin until it moves to a newer value: if the number has not
 * changed, what it has is still the latest. To give a pin back it adds 1 to the buffer's own count.
 *
 * Ours: pins are counted in the word's upper bits, where an overflow falls off the end and cannot
 * reach the number, and compared modulo that width: at most n pins are open, so pins - unpins = 0
 * is exact however often either has wrapped, and a reader may come, look and leave for ever.
 *
 * Invariants: a reader holds at most one pin, since it gives the old one back before it takes the
 * next. So of the n + 2 buffers at most n are pinned and one is the latest: one is free, and the
 * writer finds it in one pass. It never writes into the latest or a pinned buffer. A reader that
 * stops for ever, or is killed, wherever it is, keeps its place and at most one buffer; those are
 * counted in. A writer that stops leaves the last value that it published.
 *
 * Linearization: store/commit at the exchange of the word; peek/load at the addition to it, or,
 * when nothing is new, at the load of it; close at the store.
 *
 * Steps: one access to the word, to a buffer's count of unpins, or to a word of a value.
 * Memory: THETIS_LATEST_SIZE bytes, all given by the caller; no pointers inside. Each value begins
 * at a cache line.
 *
 * Orders (each end names the other):
 *   latest.value   the writer's exchange and close's store release, a reader's addition acquires:
 *                  the value. Its load before acquires, too, but for latest.close only.
 *   latest.moved   a reader's addition to the word releases, the writer's exchange acquires: that
 *                  the reader has given back the pin before. Without it one reader could be seen in
 *                  two buffers, and none be free.
 *   latest.unpin   the addition to a buffer's count releases, the writer's search acquires: the
 *                  reader has finished reading the value.
 *   latest.close   close's store releases; the load acquires: what the writer did before close().
 *   latest.place   leave's subtraction releases, join's addition acquires: that the pin of the
 *                  reader before, in this place, has been given back.
 *
 * | operation    | thread | progress  | bound     | ISR-safe | shm-safe |
 * |--------------|--------|-----------|-----------|----------|----------|
 * | store        | writer | wait-free | n + 2 + w | yes      | yes      |
 * | reserve      | writer | wait-free | n + 1     | yes      | yes      |
 * | commit,close | writer | wait-free | 1         | yes      | yes      |
 * | peek         | reader | wait-free | 3         | yes      | yes      |
 * | load         | reader | wait-free | 3 + w     | yes      | yes      |
 * | attach       | its own| wait-free | 1         | yes      | yes      |
 * | join, leave  | any    | wait-free | 2         | yes      | yes      |
 *
 * n: readers, w: words of a value.
 *
 * In memory that processes share (thetis/shm.h) each attaches, and uses what it has attached: the
 * number of the latest buffer, the configuration, a reader's pin are in memory of its own. A word
 * that names no buffer is ECORRUPT to a reader. Counts of pins are in the peers' reach: if by them
 * no buffer is free the writer's answer is FULL, and a peer can make it write where others read, so
 * that they see torn values. A reader that is killed keeps its place and its pin. A writer that is
 * killed inside commit() may cost a buffer for good, as nobody knows how often that was pinned:
 * have places for one reader more than there are for each such death, else FULL may come.
 */
#ifndef THETIS_LATEST_H
#define THETIS_LATEST_H

#include <string.h>
#include <thetis/atomic.h>
#include <thetis/shm.h>
#include <thetis/status.h>

/** The register; its buffers follow. What attach() fills is one, too: its private part is used, and
 *  far_ leads to the rest. Public only so that the hot path is inline. */
typedef struct thetis_latest {
    thetis_shm_about_ about_;
    thetis_atomic current_; /* bit 0: closed; bits 1 to 15: buffer, 0 none yet; above: pins */
    struct {
        uintptr_t latest_; /* the buffer in current_ */
        uintptr_t open_;   /* the buffer that is reserved; 0: none */
        uintptr_t closed_;
        thetis_atomic moving_; /* attached: the latest, while it is being replaced; else 0 */
    } THETIS_CACHE_ALIGNED writer_; /* private to the writer */
    struct {
        thetis_atomic readers_; /* places taken, and, for a moment, readers that are refused */
        uintptr_t places_;      /* n */
        uintptr_t value_size_;
        uintptr_t stride_; /* bytes of a buffer */
        uintptr_t far_; /* bytes from here to the register that is shared; 0: this is it */
    } THETIS_CACHE_ALIGNED shape_; /* constant after init, but for readers_ */
} THETIS_CACHE_ALIGNED thetis_latest;

/* The head of a buffer; the value follows. */
typedef struct thetis_latest_buffer_ {
    thetis_atomic unpins_; /* pins that were given back */
    thetis_atomic pins_;   /* private to the writer: all pins of when it was the latest */
    uintptr_t lost_;       /* 1: a dead writer has not said how many pins: never free */
} THETIS_CACHE_ALIGNED thetis_latest_buffer_;

/** A reader's end, in the caller's memory; for one thread at a time. */
typedef struct thetis_latest_reader {
    thetis_latest *of_;
    uintptr_t held_; /* the buffer that is pinned; 0: none */
} thetis_latest_reader;

typedef struct thetis_latest_cfg {
    size_t value_size; /* bytes of the value, >= 1 */
    size_t readers;    /* most readers at a time, 1 .. THETIS_LATEST_READERS_MAX */
} thetis_latest_cfg;

typedef enum thetis_latest_op {
    THETIS_LATEST_STORE,
    THETIS_LATEST_RESERVE,
    THETIS_LATEST_COMMIT,
    THETIS_LATEST_CLOSE,
    THETIS_LATEST_JOIN,
    THETIS_LATEST_LEAVE,
    THETIS_LATEST_PEEK,
    THETIS_LATEST_LOAD
} thetis_latest_op;

/** The most readers: the numbers of n + 2 buffers and 0 fit into 15 bits. */
#define THETIS_LATEST_READERS_MAX 32765

/* The bytes of a value, rounded up to cache lines. */
#define THETIS_LATEST_LINES_(size)                                                              \
    ((THETIS_CAST(size_t, size) + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE * THETIS_CACHE_LINE)

/** thetis_latest_size() as a constant expression, for static memory. */
#define THETIS_LATEST_SIZE(value_size, readers)                                                 \
    (sizeof(thetis_latest) +                                                                    \
     (sizeof(thetis_latest_buffer_) + THETIS_LATEST_LINES_(value_size)) *                       \
         (THETIS_CAST(size_t, readers) + 2))

THETIS_BEGIN_DECLS

/** Bytes that a register of this configuration needs; 0 if the configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_latest_size(const thetis_latest_cfg *cfg);

/** Builds a register without a value in `mem`: aligned to THETIS_CACHE_LINE, `len` >=
 *  thetis_latest_size(cfg). Each value has that alignment.
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_latest_init(void *mem, size_t len,
                                                             const thetis_latest_cfg *cfg,
                                                             thetis_latest **out);

/** Makes `latest`, in memory of this process, a way to the register that thetis_latest_init() has
 *  built in `mem` with the same cfg: for all functions here, in one role. Readers of a process join
 *  what it has attached. A writer goes on where the last one has published.
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small for it. ENOTSUP: built by a
 *  library with another layout, word size or THETIS_CACHE_LINE. ECORRUPT: the memory holds no
 *  register of this configuration, or names buffers that there are not.
 *  @progress wait-free, at most 1 step */
THETIS_API THETIS_NODISCARD thetis_status thetis_latest_attach(void *mem, size_t len,
                                                               const thetis_latest_cfg *cfg,
                                                               thetis_shm_role role,
                                                               thetis_latest *latest);

/** Makes `reader` an end of the register: the first look shows the value that is the latest then,
 *  if there is one. ENOSLOT: all places are taken. It is not exact: a refused reader is counted for
 *  a moment, so another may be refused although a place has just become free.
 *  @progress wait-free, at most 2 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_latest_join(thetis_latest *latest,
                                                             thetis_latest_reader *reader);

/** Gives the place back, and what peek() has shown. Asserts that the reader has joined.
 *  @progress wait-free, at most 2 steps */
THETIS_API void thetis_latest_leave(thetis_latest_reader *reader);

/** The writer: ECORRUPT if the counts contradict the invariants above.
 *  @progress wait-free, at most n + 3 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_latest_check(const thetis_latest *latest);

/** The most steps one call of `op` can take.
 *  Derivation: of n + 2 buffers the writer need not look at the latest, and the last of the others
 *  is free if all n before it are pinned: n + 1 loads; publishing is one exchange. A look is one
 *  load; if there is something new, two additions. A copy is one step for each word.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_latest_bound(const thetis_latest *latest, thetis_latest_op op);

THETIS_END_DECLS

/* ---- shared by the functions below; not part of the interface ------------------------------ */

#define THETIS_LATEST_CLOSED_ THETIS_CAST(uintptr_t, 1)
#define THETIS_LATEST_PIN_SHIFT_ 16
#define THETIS_LATEST_PIN_ (THETIS_CAST(uintptr_t, 1) << THETIS_LATEST_PIN_SHIFT_)

/* The buffer that a value of the word names. */
static inline uintptr_t thetis_latest_number_(uintptr_t word)
{
    return (word & (THETIS_LATEST_PIN_ - 1)) >> 1;
}

/* The register that is shared: this one, or where attach() has found it. Through its number, as the
 * compiler must not take it for a part of this object. */
static inline thetis_latest *thetis_latest_there_(const thetis_latest *latest)
{
    uintptr_t here = THETIS_ADDRESS_(uintptr_t, latest);
    return THETIS_ADDRESS_(thetis_latest *, here + latest->shape_.far_);
}

static inline thetis_latest_buffer_ *thetis_latest_buffer_of_(thetis_latest *latest,
                                                              uintptr_t number)
{
    void *buffers = thetis_latest_there_(latest) + 1;
    void *at = THETIS_CAST(unsigned char *, buffers) + (number - 1) * latest->shape_.stride_;
    return THETIS_CAST(thetis_latest_buffer_ *, at);
}

static inline void *thetis_latest_value_(thetis_latest *latest, uintptr_t number)
{
    return thetis_latest_buffer_of_(latest, number) + 1;
}

/* Whether there is a buffer of the number in a word; if not, a peer has written it. */
static inline int thetis_latest_is_there_(const thetis_latest *latest, uintptr_t word)
{
    return thetis_latest_number_(word) - 1 < latest->shape_.places_ + 2;
}

/* Whether nobody reads a buffer that is not the latest. */
static inline int thetis_latest_is_free_(thetis_latest_buffer_ *buffer)
{
    uintptr_t unpins = thetis_atomic_load_acquire(&buffer->unpins_); /* pair: latest.unpin */
    uintptr_t pins = thetis_atomic_load_relaxed(&buffer->pins_);
    return !buffer->lost_ &&
           THETIS_CAST(uintptr_t, pins - unpins) << THETIS_LATEST_PIN_SHIFT_ == 0;
}

/* Chooses the buffer to write. The first free one: with few readers the same few stay in cache. 0:
 * none, since a peer has written the counts, or writers were killed. */
static inline uintptr_t thetis_latest_choose_(thetis_latest *latest)
{
    uintptr_t number = 1;
    while (number == latest->writer_.latest_ ||
           !thetis_latest_is_free_(thetis_latest_buffer_of_(latest, number))) {
        if (++number > latest->shape_.places_ + 2) {
            THETIS_ASSERT1(latest->shape_.far_ != 0); /* one is free, see above */
            return 0;
        }
    }
    return number;
}

/* Makes a written buffer the latest, and takes down how often the one before was pinned. */
static inline void thetis_latest_publish_(thetis_latest *latest, uintptr_t number)
{
    thetis_latest *there = thetis_latest_there_(latest);
    uintptr_t was, old = latest->writer_.latest_;
    if (latest->shape_.far_) thetis_atomic_store_relaxed(&there->writer_.moving_, old);
    was = thetis_atomic_exchange_acq_rel(
        &there->current_, number << 1); /* pair: latest.value, latest.moved */
    if (old) {
        thetis_atomic *pins = &thetis_latest_buffer_of_(latest, old)->pins_;
        thetis_atomic_store_relaxed(pins, thetis_atomic_load_relaxed(pins) +
                                              (was >> THETIS_LATEST_PIN_SHIFT_));
    }
    if (latest->shape_.far_) thetis_atomic_store_relaxed(&there->writer_.moving_, 0);
    latest->writer_.latest_ = number;
}

static inline thetis_status thetis_latest_store_(thetis_latest *latest, const void *value,
                                                 size_t size)
{
    uintptr_t number;
    THETIS_ASSERT2(latest->writer_.open_ == 0);
    if (THETIS_UNLIKELY(latest->writer_.closed_)) return THETIS_CLOSED;
    number = thetis_latest_choose_(latest);
    if (THETIS_UNLIKELY(number == 0)) return THETIS_FULL;
    memcpy(thetis_latest_value_(latest, number), value, size);
    thetis_latest_publish_(latest, number);
    return THETIS_OK;
}

/* Moves the reader's pin to the latest value, if that is a new one. */
static inline thetis_status thetis_latest_look_(thetis_latest_reader *reader)
{
    thetis_latest *latest = reader->of_, *there = thetis_latest_there_(latest);
    uintptr_t held = reader->held_;
    uintptr_t word =
        thetis_atomic_load_acquire(&there->current_); /* pair: latest.close, latest.value */
    if (THETIS_LIKELY(thetis_latest_number_(word) == held)) {
        if (word & THETIS_LATEST_CLOSED_) return THETIS_CLOSED;
        return held ? THETIS_AGAIN : THETIS_EMPTY;
    }
    if (THETIS_UNLIKELY(!thetis_latest_is_there_(latest, word))) return THETIS_ECORRUPT;
    if (held) {
        (void)thetis_atomic_fetch_add_release(&thetis_latest_buffer_of_(latest, held)->unpins_,
                                              1); /* pair: latest.unpin */
    }
    word = thetis_atomic_fetch_add_acq_rel(
        &there->current_, THETIS_LATEST_PIN_); /* pair: latest.value, latest.moved */
    reader->held_ = 0;
    if (THETIS_UNLIKELY(!thetis_latest_is_there_(latest, word))) return THETIS_ECORRUPT;
    reader->held_ = thetis_latest_number_(word);
    return THETIS_OK;
}

static inline thetis_status thetis_latest_load_(thetis_latest_reader *reader, void *value,
                                                size_t size)
{
    thetis_status s = thetis_latest_look_(reader);
    if (s == THETIS_OK) memcpy(value, thetis_latest_value_(reader->of_, reader->held_), size);
    return s;
}

/* ---- writer ---------------------------------------------------------------------------------- */

/** Chooses a buffer to write the next value into; it holds an old value, or none. Nobody sees it
 *  before commit(); called again before that, it gives the same buffer. CLOSED, and `*value` NULL,
 *  after close(). It never fails for want of a buffer, but for FULL when attached, see above.
 *  @progress wait-free, at most n + 1 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_latest_reserve(thetis_latest *latest,
                                                                   void **value)
{
    *value = NULL;
    if (latest->writer_.closed_) return THETIS_CLOSED;
    if (!latest->writer_.open_) latest->writer_.open_ = thetis_latest_choose_(latest);
    if (THETIS_UNLIKELY(!latest->writer_.open_)) return THETIS_FULL;
    *value = thetis_latest_value_(latest, latest->writer_.open_);
    return THETIS_OK;
}

/** Makes the reserved buffer the latest value. Asserts that one is reserved.
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_latest_commit(thetis_latest *latest)
{
    THETIS_ASSERT1(latest->writer_.open_ != 0);
    thetis_latest_publish_(latest, latest->writer_.open_);
    latest->writer_.open_ = 0;
}

/** Copies `value` and makes it the latest: OK, CLOSED after close(), FULL as reserve(). No buffer
 *  may be reserved (asserted at level 2).
 *  @progress wait-free, at most n + 2 + w steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_latest_store(thetis_latest *latest,
                                                                 const void *value)
{
    return thetis_latest_store_(latest, value, latest->shape_.value_size_);
}

/** There will be no other value. Readers still get the last one. Drops a reserved buffer. Calling
 *  it again has no effect.
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_latest_close(thetis_latest *latest)
{
    uintptr_t last = latest->writer_.latest_ << 1; /* without its pins: nobody asks any more */
    thetis_atomic *current = &thetis_latest_there_(latest)->current_;
    latest->writer_.closed_ = 1;
    latest->writer_.open_ = 0;
    thetis_atomic_store_release(current, /* pair: latest.close, latest.value */
                                last | THETIS_LATEST_CLOSED_);
}

/* ---- readers --------------------------------------------------------------------------------- */

/** Shows the latest value in place; it stays as it is until this reader's next peek, load or leave,
 *  however long that takes. OK: this reader has not been shown it before; AGAIN: it is the same as
 *  last time; CLOSED: the same, and there will be no other; EMPTY: none was stored yet. `*value` is
 *  NULL if there is none.
 *  @progress wait-free, at most 3 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_latest_peek(thetis_latest_reader *reader,
                                                                const void **value)
{
    thetis_status s = thetis_latest_look_(reader);
    *value = reader->held_ ? thetis_latest_value_(reader->of_, reader->held_) : NULL;
    return s;
}

/** Copies the latest value if it is new to this reader: OK. Otherwise `value` stays as it is:
 *  AGAIN, CLOSED and EMPTY mean what peek() says.
 *  @progress wait-free, at most 3 + w steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_latest_load(thetis_latest_reader *reader,
                                                                void *value)
{
    return thetis_latest_load_(reader, value, reader->of_->shape_.value_size_);
}

#ifdef __cplusplus
#define THETIS_LATEST_COPYABLE_(type)                                                           \
    static_assert(__is_trivially_copyable(type), "values are copied byte by byte")
#else
#define THETIS_LATEST_COPYABLE_(type) _Static_assert(sizeof(type) > 0, "a complete type")
#endif

/** Typed, faster forms for values of `type`: name_store(latest, &value) and name_load(reader,
 *  &value). The register must have value_size == sizeof(type), asserted at level 2. */
#define THETIS_LATEST(name, type)                                                               \
    THETIS_LATEST_COPYABLE_(type);                                                              \
    static inline THETIS_UNUSED THETIS_NODISCARD thetis_status name##_store(                    \
        thetis_latest *latest, type const *value_)                                              \
    {                                                                                           \
        THETIS_ASSERT2(latest->shape_.value_size_ == sizeof(type));                             \
        return thetis_latest_store_(latest, value_, sizeof(type));                              \
    }                                                                                           \
    static inline THETIS_UNUSED THETIS_NODISCARD thetis_status name##_load(                     \
        thetis_latest_reader *reader, type *value_)                                             \
    {                                                                                           \
        THETIS_ASSERT2(reader->of_->shape_.value_size_ == sizeof(type));                        \
        return thetis_latest_load_(reader, value_, sizeof(type));                               \
    }                                                                                           \
    struct name##_requires_semicolon_

#endif
