/* SPDX-License-Identifier: MIT
 *
 * thetis/bytes_view.h: what thetis/bytes.h and thetis/bytes_end.h share. Include one of these.
 *
 * The text of the operations is that of both. What a peer may have written is validated where
 * `apart` says so; a ring inside one program is trusted, and the compiler drops the checks.
 */
#ifndef THETIS_BYTES_VIEW_H
#define THETIS_BYTES_VIEW_H

#include <thetis/spsc.h>

/* What one side keeps beside its line of the spsc ring. */
typedef struct thetis_bytes_side_ {
    uintptr_t data_; /* from the ring's own address to its first byte */
    uintptr_t mask_; /* capacity - 1 */
    uintptr_t wrap_; /* where nothing can go on in one piece: the capacity, mirrored twice that */
    uintptr_t most_; /* max_record; 0: a stream */
    uintptr_t own_;  /* producer: counter at the newest open reservation; consumer: counter steps
                      * over the record that peek() has shown, and its pad; 0: none */
} THETIS_CACHE_ALIGNED thetis_bytes_side_;

/** The ring; plain bytes follow. Public only so that the hot path is inline: use the functions. */
typedef struct thetis_bytes {
    thetis_spsc spsc_; /* of elements of one byte; says that it is part of this */
    thetis_bytes_side_ producer_;
    thetis_bytes_side_ consumer_;
} thetis_bytes;

/** Bytes in one piece; has the form of POSIX's struct iovec. */
typedef struct thetis_bytes_run {
    void *at;
    size_t n;
} thetis_bytes_run;

/** Bytes in at most two runs, for readv and writev: the second begins where a plain ring wraps. */
typedef struct thetis_bytes_span {
    thetis_bytes_run run[2]; /* an unused one has n 0 */
} thetis_bytes_span;

/* Before each record. Read and written as a whole, once, by copy. */
typedef struct thetis_bytes_header_ {
    uint32_t size_;   /* of the payload; THETIS_BYTES_PAD_; of an open reservation the bytes back
                       * to the beginning of the one before */
    uint32_t extent_; /* to the next header; a multiple of 8; of an open reservation plus the 0 to 7
                       * of its bytes that were not asked for */
} thetis_bytes_header_;

#define THETIS_BYTES_PAD_ 0xFFFFFFFFu

typedef uint64_t __attribute__((may_alias)) thetis_bytes_word_;

/* A ring as one of its sides sees it: as a ring of bytes, and what it has beside. */
typedef struct thetis_bytes_view_ {
    thetis_spsc_view_ bytes;
    thetis_bytes_side_ *me;
} thetis_bytes_view_;

THETIS_FOLDED_ thetis_bytes_view_ thetis_bytes_producer_view_(thetis_bytes *ring)
{
    void *base = ring;
    thetis_bytes_view_ view;
    view.bytes = thetis_spsc_producer_view_(&ring->spsc_);
    view.bytes.slots = THETIS_CAST(unsigned char *, base) + ring->producer_.data_;
    view.me = &ring->producer_;
    return view;
}

THETIS_FOLDED_ thetis_bytes_view_ thetis_bytes_consumer_view_(thetis_bytes *ring)
{
    void *base = ring;
    thetis_bytes_view_ view;
    view.bytes = thetis_spsc_consumer_view_(&ring->spsc_);
    view.bytes.slots = THETIS_CAST(unsigned char *, base) + ring->consumer_.data_;
    view.me = &ring->consumer_;
    return view;
}

THETIS_FOLDED_ size_t thetis_bytes_offset_(thetis_bytes_view_ view, uintptr_t at)
{
    return (at >> 1) & view.me->mask_;
}

/* The byte of a counter. Masked: no value of it leads out of the ring. */
THETIS_FOLDED_ unsigned char *thetis_bytes_at_(thetis_bytes_view_ view, uintptr_t at)
{
    return view.bytes.slots + thetis_bytes_offset_(view, at);
}

/* One load and one store of 8 bytes: two halves would be stored apart, and a load of both soon
 * after, as the other side or commit does it, then waits until they have left the store buffer.
 * Volatile where a peer may write meanwhile: what was validated must not be loaded again. */
THETIS_FOLDED_ thetis_bytes_header_ thetis_bytes_get_(thetis_bytes_view_ view,
                                                      const unsigned char *at)
{
    const void *there = at;
    thetis_bytes_header_ header;
    uint64_t word;
    if (view.bytes.apart) word = *THETIS_CAST(const volatile thetis_bytes_word_ *, there);
    else memcpy(&word, there, sizeof word);
    header.size_ = THETIS_CAST(uint32_t, word & 0xFFFFFFFFu);
    header.extent_ = THETIS_CAST(uint32_t, word >> 32);
    return header;
}

static inline void thetis_bytes_set_(unsigned char *at, size_t size, size_t extent)
{
    uint64_t word = THETIS_CAST(uint64_t, extent) << 32 | THETIS_CAST(uint32_t, size);
    memcpy(at, &word, sizeof word);
}

/* What a record of `size` bytes takes. */
static inline size_t thetis_bytes_extent_(size_t size)
{
    return (size + sizeof(thetis_bytes_header_) + 7) & ~THETIS_CAST(size_t, 7);
}

/* Of these, behind the payload. */
static inline size_t thetis_bytes_unused_(size_t size)
{
    return (0 - size) & 7;
}

/* A header behind its pad, if it has one. */
typedef struct thetis_bytes_place_ {
    unsigned char *at;
    size_t pad;    /* bytes; 0: none */
    size_t unused; /* see extent_, which is without it here */
    thetis_bytes_header_ header;
} thetis_bytes_place_;

/* Finds the header of the record, published or open, whose bytes begin at a counter. `there` bytes
 * are the record's, or other records'. 0 if what a peer has made of the header fits nothing. */
THETIS_FOLDED_ int thetis_bytes_find_(thetis_bytes_view_ view, uintptr_t at, size_t there,
                                      thetis_bytes_place_ *place)
{
    size_t to_end = view.me->wrap_ - thetis_bytes_offset_(view, at);
    place->at = thetis_bytes_at_(view, at);
    place->pad = 0;
    place->header = thetis_bytes_get_(view, place->at);
    if (THETIS_UNLIKELY(place->header.size_ == THETIS_BYTES_PAD_)) {
        place->pad = place->header.extent_;
        if (view.bytes.apart) {
            if (place->pad != to_end || there < to_end + sizeof place->header) return 0;
            there -= to_end;
            to_end = view.me->wrap_;
        }
        place->at = thetis_bytes_at_(view, at + (place->pad << 1));
        place->header = thetis_bytes_get_(view, place->at);
    }
    place->unused = place->header.extent_ & 7;
    place->header.extent_ &= ~7u;
    return !view.bytes.apart ||
           (place->header.extent_ >= sizeof place->header + place->unused &&
            place->header.extent_ <= there && place->header.extent_ <= to_end);
}

/* Describes the `n` bytes from a counter on. */
THETIS_FOLDED_ void thetis_bytes_span_(thetis_bytes_view_ view, uintptr_t at, size_t n,
                                       thetis_bytes_span *span)
{
    size_t to_end = view.me->wrap_ - thetis_bytes_offset_(view, at);
    size_t first = n < to_end ? n : to_end;
    span->run[0].at = thetis_bytes_at_(view, at);
    span->run[0].n = first;
    span->run[1].at = thetis_bytes_at_(view, 0);
    span->run[1].n = n - first;
}

THETIS_FOLDED_ thetis_status thetis_bytes_reserve_(thetis_bytes_view_ view, size_t max,
                                                   void **record)
{
    thetis_bytes_side_ *me = view.me;
    thetis_spsc_side_ *bytes = view.bytes.me;
    uintptr_t at = thetis_atomic_load_relaxed(&bytes->at_) + bytes->open_;
    size_t offset = thetis_bytes_offset_(view, at), to_end = me->wrap_ - offset;
    size_t extent = thetis_bytes_extent_(max), pad;
    unsigned char *header = view.bytes.slots + offset;
    thetis_status why;
    THETIS_ASSERT2(me->most_ != 0);
    if (THETIS_UNLIKELY(max > me->most_)) return THETIS_E2BIG;
    pad = THETIS_LIKELY(extent <= to_end) ? 0 : to_end;
    why = thetis_spsc_admit_(bytes, view.bytes.theirs, view.bytes.apart, at, pad + extent);
    if (THETIS_UNLIKELY(why != THETIS_OK)) return why;
    if (pad) {
        thetis_bytes_set_(header, THETIS_BYTES_PAD_, pad);
        header = view.bytes.slots;
    }
    thetis_bytes_set_(header, bytes->open_ ? (at - me->own_) >> 1 : 0,
                      extent + thetis_bytes_unused_(max));
    me->own_ = at;
    bytes->open_ += (pad + extent) << 1;
    *record = header + sizeof(thetis_bytes_header_);
    return THETIS_OK;
}

/* Finds the oldest reservation, from `tail` on, for `size` bytes. ECORRUPT: a peer has changed the
 * header; then all reservations are dropped. */
THETIS_FOLDED_ thetis_status thetis_bytes_oldest_(thetis_bytes_view_ view, uintptr_t tail,
                                                  size_t size, thetis_bytes_place_ *place)
{
    const uintptr_t open = view.bytes.me->open_;
    uintptr_t mine = open; /* of which the record may take so much */
    size_t room;
    int found;
    THETIS_ASSERT1(open != 0);
    if (view.bytes.apart && view.me->own_ != tail) mine = view.me->own_ - tail;
    found = thetis_bytes_find_(view, tail, mine >> 1, place);
    room = place->header.extent_ - sizeof place->header - place->unused;
    if (!found || (view.bytes.apart && size > room)) {
        thetis_spsc_abort_(view.bytes, open >> 1);
        return THETIS_ECORRUPT;
    }
    THETIS_ASSERT1(size <= room);
    return THETIS_OK;
}

/* Publishes what oldest_() has found as a record of `size` bytes. */
THETIS_FOLDED_ void thetis_bytes_publish_(thetis_bytes_view_ view, uintptr_t tail,
                                          const thetis_bytes_place_ *place, size_t size)
{
    thetis_spsc_side_ *bytes = view.bytes.me;
    size_t extent = place->header.extent_;
    if (THETIS_LIKELY(view.me->own_ == tail)) { /* the newest, too */
        extent = thetis_bytes_extent_(size);
        bytes->known_ -= bytes->open_ - ((place->pad + extent) << 1); /* as thetis_spsc_abort() */
        bytes->open_ = 0;
    } else {
        bytes->open_ -= (place->pad + extent) << 1;
    }
    thetis_bytes_set_(place->at, size, extent);
    thetis_spsc_show_tail_(view.bytes, tail + ((place->pad + extent) << 1));
}

THETIS_FOLDED_ thetis_status thetis_bytes_commit_(thetis_bytes_view_ view, size_t size)
{
    uintptr_t tail = thetis_atomic_load_relaxed(&view.bytes.me->at_);
    thetis_bytes_place_ place;
    thetis_status s = thetis_bytes_oldest_(view, tail, size, &place);
    if (s == THETIS_OK) thetis_bytes_publish_(view, tail, &place, size);
    return s;
}

/* ECORRUPT: a peer has changed the header's way back; then all reservations are dropped. */
THETIS_FOLDED_ thetis_status thetis_bytes_abort_(thetis_bytes_view_ view)
{
    thetis_bytes_side_ *me = view.me;
    thetis_spsc_side_ *bytes = view.bytes.me;
    uintptr_t tail = thetis_atomic_load_relaxed(&bytes->at_);
    uintptr_t end = tail + bytes->open_, left = me->own_ - tail, back;
    thetis_bytes_place_ place;
    THETIS_ASSERT1(bytes->open_ != 0);
    if (!thetis_bytes_find_(view, me->own_, (end - me->own_) >> 1, &place)) left = 0;
    back = THETIS_CAST(uintptr_t, place.header.size_) << 1;
    if (view.bytes.apart && (me->own_ == tail || back == 0 || back > left || back % 16 != 0)) {
        thetis_status s = me->own_ == tail ? THETIS_OK : THETIS_ECORRUPT;
        thetis_spsc_abort_(view.bytes, bytes->open_ >> 1);
        return s;
    }
    thetis_spsc_abort_(view.bytes, (end - me->own_) >> 1);
    me->own_ -= back;
    return THETIS_OK;
}

THETIS_FOLDED_ thetis_status thetis_bytes_push_(thetis_bytes_view_ view, const void *data,
                                                size_t size)
{
    void *record;
    thetis_status s;
    THETIS_ASSERT2(view.bytes.me->open_ == 0);
    s = thetis_bytes_reserve_(view, size, &record);
    if (THETIS_UNLIKELY(s != THETIS_OK)) return s;
    if (size) memcpy(record, data, size);
    return thetis_bytes_commit_(view, size);
}

THETIS_FOLDED_ thetis_status thetis_bytes_peek_(thetis_bytes_view_ view, void **record,
                                                size_t *size)
{
    thetis_spsc_side_ *bytes = view.bytes.me;
    uintptr_t head = thetis_atomic_load_relaxed(&bytes->at_);
    const size_t least = sizeof(thetis_bytes_header_);
    thetis_bytes_place_ place;
    thetis_status why;
    THETIS_ASSERT2(view.me->most_ != 0);
    if (thetis_spsc_ready_(bytes, view.bytes.theirs, view.bytes.apart, head, least, &why) < least)
        return why;
    if (!thetis_bytes_find_(view, head, (bytes->known_ - head) >> 1, &place) ||
        (view.bytes.apart && (place.unused || place.header.size_ > view.me->most_ ||
                              place.header.size_ > place.header.extent_ - least)))
        return THETIS_ECORRUPT;
    view.me->own_ = (place.pad + place.header.extent_) << 1;
    *record = place.at + least;
    *size = place.header.size_;
    return THETIS_OK;
}

THETIS_FOLDED_ void thetis_bytes_release_(thetis_bytes_view_ view)
{
    uintptr_t head = thetis_atomic_load_relaxed(&view.bytes.me->at_) + view.me->own_;
    THETIS_ASSERT1(view.me->own_ != 0);
    view.me->own_ = 0;
    thetis_spsc_show_head_(view.bytes, head);
}

THETIS_FOLDED_ thetis_status thetis_bytes_pop_(thetis_bytes_view_ view, void *data, size_t room,
                                               size_t *size)
{
    void *record;
    thetis_status s = thetis_bytes_peek_(view, &record, size);
    if (s != THETIS_OK) return s;
    if (*size > room) return THETIS_E2BIG;
    if (*size) memcpy(data, record, *size);
    thetis_bytes_release_(view);
    return THETIS_OK;
}

THETIS_FOLDED_ size_t thetis_bytes_reserve_n_(thetis_bytes_view_ view, size_t n,
                                              thetis_bytes_span *span, thetis_status *why)
{
    thetis_spsc_side_ *bytes = view.bytes.me;
    uintptr_t at = thetis_atomic_load_relaxed(&bytes->at_) + bytes->open_;
    THETIS_ASSERT2(view.me->most_ == 0);
    n = thetis_spsc_room_(view.bytes.me, view.bytes.theirs, view.bytes.apart, at, n, why);
    thetis_bytes_span_(view, at, n, span);
    bytes->open_ += n << 1;
    return n;
}

THETIS_FOLDED_ size_t thetis_bytes_push_n_(thetis_bytes_view_ view, const void *data, size_t n,
                                           thetis_status *why)
{
    const unsigned char *from = THETIS_CAST(const unsigned char *, data);
    thetis_bytes_span span;
    THETIS_ASSERT2(view.bytes.me->open_ == 0);
    n = thetis_bytes_reserve_n_(view, n, &span, why);
    if (n == 0) return 0;
    memcpy(span.run[0].at, from, span.run[0].n);
    if (span.run[1].n) memcpy(span.run[1].at, from + span.run[0].n, span.run[1].n);
    thetis_spsc_commit_(view.bytes, n);
    return n;
}

THETIS_FOLDED_ size_t thetis_bytes_peek_n_(thetis_bytes_view_ view, size_t n,
                                           thetis_bytes_span *span, thetis_status *why)
{
    uintptr_t head = thetis_atomic_load_relaxed(&view.bytes.me->at_);
    THETIS_ASSERT2(view.me->most_ == 0);
    n = thetis_spsc_ready_(view.bytes.me, view.bytes.theirs, view.bytes.apart, head, n, why);
    thetis_bytes_span_(view, head, n, span);
    return n;
}

THETIS_FOLDED_ size_t thetis_bytes_pop_n_(thetis_bytes_view_ view, void *data, size_t n,
                                          thetis_status *why)
{
    unsigned char *to = THETIS_CAST(unsigned char *, data);
    thetis_bytes_span span;
    n = thetis_bytes_peek_n_(view, n, &span, why);
    if (n == 0) return 0;
    memcpy(to, span.run[0].at, span.run[0].n);
    if (span.run[1].n) memcpy(to + span.run[0].n, span.run[1].at, span.run[1].n);
    thetis_spsc_release_(view.bytes, n);
    return n;
}

THETIS_FOLDED_ void thetis_bytes_cancel_(thetis_bytes_view_ view)
{
    view.me->own_ = 0;
    thetis_spsc_cancel_(view.bytes);
}

#endif
