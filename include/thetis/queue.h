/* SPDX-License-Identifier: MIT
 *
 * thetis/queue.h: unbounded queue of fixed-size elements, many producers, many consumers.
 *
 *     thetis_domain_cfg threads = {.threads = 8, .hazards = 2};
 *     thetis_queue_cfg cfg = {.pool = pool, .elem_size = sizeof(int), .segment = 1024};
 *     the pool has blocks of THETIS_QUEUE_SEGMENT_SIZE(sizeof(int), 1024) bytes, each
 *     aligned to THETIS_CACHE_LINE
 *     thetis_queue *queue;
 *     thetis_status s = thetis_queue_init(mem, len, &cfg, &queue);
 *     thetis_queue_member me;                         one for each thread, in its own memory
 *     s = thetis_queue_join(queue, &me);              OK or ENOSLOT
 *     s = thetis_queue_push(&me, &(int){42});         OK, CLOSED, or ENOMEM: the pool is used up
 *     int v; s = thetis_queue_pop(&me, &v);           OK, EMPTY or CLOSED
 *
 * A list of segments of S cells, each used once. A push draws a ticket of the last segment by an
 * addition and writes the cell; a pop draws one of the first and takes the cell. A pop that comes
 * before the push kills the cell, and both draw again. After Morrison and Afek ("Fast concurrent
 * queues for x86 processors", PPoPP 2013) and Yang and Mellor-Crummey ("A wait-free queue as fast
 * as fetch-and-add", PPoPP 2016); linking by turns after Correia and Ramalhete ("A wait-free queue
 * with wait-free memory reclamation", PPoPP 2017). New here: pops are helped by claims that may
 * turn out void, so that one word decides each, and nobody owes anything to a thread that stops.
 *
 * A cell is a word and an element. The word: WRITTEN, by the push with its ticket, and DRAWN, by
 * the pop with its ticket, both by addition, at most once; and by compare-and-swap an owner, that
 * is a request that the element is meant for, DEAD, or SEALED. A cell is decided once it is drawn
 * and has no owner, or is dead; or it has an owner whose request was answered with this cell.
 *
 * Push. Three tickets at most are tried in a segment, then, or if it is full, it is closed (a bit
 * in its tail) and a segment that has the element already is linked behind it. Who has lost that
 * twice announces the segment; whoever links takes announced segments first, in turn, beginning
 * behind the thread that the last segment is of.
 *   Exactly once: an announcement is cleared before something is linked behind its segment, and
 *   read while the last segment is protected. So a segment that was read there and is linked
 *   already is not behind the last one, and the compare-and-swap of next fails.
 *
 * Pop. Three times unannounced, then it announces a request (domain.h) and passes over the
 * cells from head on, for all requests that it sees in turn, its own the last: the first cell that
 * is written and not drawn gets the request as its owner, and then the request is answered with
 * it. A pop that finds a request goes that way at once, so requests are served before others.
 *   One word decides: the request is answered once. A cell whose owner was answered with another
 *   cell is void: who draws it takes it, who passes over it claims it for its own request. An owner
 *   kills the cell before it forgets its answer, so that a cell is never void later.
 *   Order: head is read after the request. So all cells from there on that are taken before the
 *   cell are decided, or drawn by pops that had begun before the request.
 *   The cell's segment must be protected by the answer before it can be retired. Who has moved
 *   head behind a segment that somebody passed over therefore seals each cell that is written and
 *   not decided, so that only who has drawn it can have it, before it retires the segment.
 *
 * Linearization: a push at the addition to tail that gave it its ticket, or where its segment was
 * linked. A pop where its cell was decided, or earlier: where a younger element left, or somebody
 * found EMPTY. EMPTY at the load of tail, or of next in a closed segment. close at the
 * compare-and-swap of next. CLOSED at the load of next. (Under sequential consistency. What has
 * returned may not be visible yet to a thread that nothing else has told of it.)
 *
 * Memory: thetis_queue_size() bytes, and segments from the pool. Segments go back to it as they are
 * emptied; n elements are in at most 2 + n segments, usually n / S + 2. A member protects two
 * segments and an answer's, also while it does nothing, and keeps one that it took and did not
 * need. ENOMEM loses nothing, and pushes go on when there is memory again. A limbo of 1 in the
 * pool's configuration is best: segments are large, and looks for hazards rare.
 *
 * Bounds, for N > 1 threads of the domain, S cells of a segment, w words of an element; B and R
 * the pool's bounds of take and retire; W = ceil(N / word bits):
 *   push   N^2 + 18N + 10w + S + B + 75: two segments lost, then N + 1 that are linked before
 *   pop    (t + 1) (6S + 7N + R + 9) + 14 (N-1)^3 + 24 (N-1)^2 + 10N + 2W + w + 26:
 *          t = (N-1) (2N-3) + 1 segments that end while requests wait, and one before; cells that
 *          are passed over and sealed; claims of others that turn out void
 *   close  2N + 34
 * The terms are derived in src/queue/queue.c. The tester comes to half of each and more for N = 2,
 * 3 and 4, of pop with all t segments, for S = 1 and a pool of many batches; the claims are what it
 * does not reach.
 *
 * A request's number is cut to 43 bits (19 on 32-bit machines) in an owner: a claim must not
 * be left unsettled while its thread makes that many requests.
 *
 * Orders (each end names the other):
 *   queue.cell     the push's addition releases, the pop's acquires, and the load of who passes
 *                  over it: the element.
 *   queue.claim    a claim releases what its maker knew of the request; who finds it in a cell
 *                  acquires, and so cannot miss the answer. Else it could take the cell for void.
 *   queue.next     the link releases a segment's words, and the closed bit; loads acquire.
 *   queue.link     announcing a segment releases it, who links it acquires.
 *   queue.end      close releases its flag, whoever then links the end acquires it: what the closer
 *                  did before is seen by who is told CLOSED.
 *   domain.cell    head and tail of the list are moved with release, protect acquires. So is the
 *                  flag that head has left a segment: who has seen it finds another head at the
 *                  load behind the next protection's fence, and enters the segment once at most.
 *
 * | operation   | thread | progress  | bound                 | ISR-safe | shm |
 * |-------------|--------|-----------|-----------------------|----------|-----|
 * | push        | member | wait-free | thetis_queue_bound()  | no       | no  |
 * | pop         | member | wait-free | thetis_queue_bound()  | no       | no  |
 * | close       | member | wait-free | thetis_queue_bound()  | no       | no  |
 * | join, leave | member | wait-free | N + 1, H + 3 + B_give | no       | no  |
 */
#ifndef THETIS_QUEUE_H
#define THETIS_QUEUE_H

#include <string.h>
#include <thetis/pool.h>

/* A segment; its cells follow. */
typedef struct thetis_queue_segment_ {
    thetis_atomic tail THETIS_CACHE_ALIGNED; /* tickets of pushes; CLOSED_ */
    thetis_atomic head THETIS_CACHE_ALIGNED; /* tickets of pops */
    thetis_atomic next;                      /* 0, END_, or the segment behind */
    thetis_atomic passed;                    /* flags: see src/queue/pop.c */
    size_t owner;                            /* number of the thread whose segment it is */
} thetis_queue_segment_;

/** The queue; announcements follow. */
typedef struct thetis_queue {
    size_t cells_; /* S */
    size_t elem_size_;
    size_t stride_;         /* bytes of a cell */
    size_t words_;          /* of asking */
    size_t threads_;        /* N */
    thetis_atomic *asking_; /* a bit for each thread that may have a request */
    thetis_atomic *links_;  /* N: announced segments */
    thetis_pool *pool_;
    thetis_domain *domain_;
    thetis_atomic head_ THETIS_CACHE_ALIGNED; /* first segment */
    thetis_atomic tail_ THETIS_CACHE_ALIGNED; /* last segment, or one before */
    thetis_atomic closing_;
} thetis_queue;

/** A thread's handle, in memory of its own; written by join(). One thread at a time uses it. */
typedef struct thetis_queue_member {
    thetis_queue *queue_;
    thetis_domain_thread *thread_;
    thetis_queue_segment_ *head_;  /* protected by hazard 0, or NULL */
    thetis_queue_segment_ *tail_;  /* protected by hazard 1, or NULL */
    thetis_queue_segment_ *spare_; /* not linked, or NULL */
} thetis_queue_member;

typedef struct thetis_queue_cfg {
    thetis_pool *pool; /* of segments; the threads of its domain, with 2 hazards or more */
    size_t elem_size;  /* bytes of one element, >= 1 */
    size_t segment;    /* elements of a segment, 1 .. THETIS_QUEUE_SEGMENT_MAX */
} thetis_queue_cfg;

typedef enum thetis_queue_op {
    THETIS_QUEUE_PUSH,
    THETIS_QUEUE_POP,
    THETIS_QUEUE_CLOSE,
    THETIS_QUEUE_JOIN,
    THETIS_QUEUE_LEAVE
} thetis_queue_op;

#define THETIS_QUEUE_SEGMENT_MAX (THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS / 2 - 4))

#define THETIS_QUEUE_STRIDE_(elem_size)                                                         \
    (sizeof(thetis_atomic) +                                                                    \
     (THETIS_CAST(size_t, elem_size) + sizeof(uintptr_t) - 1) / sizeof(uintptr_t) *             \
         sizeof(uintptr_t))

/** Bytes of a segment: the size of the pool's blocks. Arguments as in thetis_queue_cfg. */
#define THETIS_QUEUE_SEGMENT_SIZE(elem_size, segment)                                           \
    (sizeof(thetis_queue_segment_) + (segment)*THETIS_QUEUE_STRIDE_(elem_size))

THETIS_BEGIN_DECLS

/** Bytes that a queue of this configuration needs; 0 if the configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_queue_size(const thetis_queue_cfg *cfg);

/** Builds an empty queue in `mem`: aligned to THETIS_CACHE_LINE, `len` >= thetis_queue_size(cfg).
 *  Joins the domain for a moment, to take the first segment. Elements are aligned to a word.
 *  EINVAL: a bad configuration, blocks of the pool too small or not aligned to THETIS_CACHE_LINE,
 *  mem NULL or misaligned, len too small. ENOSLOT, ENOMEM: of the domain, of the pool.
 *  @progress wait-free, at most N + H + B + S + 9 steps; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_queue_init(void *mem, size_t len,
                                                            const thetis_queue_cfg *cfg,
                                                            thetis_queue **out);

/** Gives the segments back to the pool; elements in them are lost. Nobody is a member, or ever
 *  will be. ENOSLOT: the domain has no place for a moment; nothing is done.
 *  @progress owner: its steps grow with the number of segments; no system calls */
THETIS_API THETIS_NODISCARD thetis_status thetis_queue_fini(thetis_queue *queue);

/** Makes the caller a member, which takes a place in the domain. ENOSLOT: there is none.
 *  @progress wait-free, at most N + 1 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_queue_join(thetis_queue *queue,
                                                            thetis_queue_member *member);

/** Gives the place to others.
 *  @progress wait-free, at most thetis_queue_bound() steps */
THETIS_API void thetis_queue_leave(thetis_queue_member *member);

/** Ends the stream: pushes answer CLOSED from then on, pops too once all elements are popped.
 *  OK; CLOSED if somebody else closed it.
 *  @progress wait-free, at most thetis_queue_bound() steps */
THETIS_API thetis_status thetis_queue_close(thetis_queue_member *member);

/** The most steps one call of `op` can take: the formulas above.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_queue_bound(const thetis_queue *queue, thetis_queue_op op);

/* What the inline functions do rarely. */
THETIS_API thetis_status thetis_queue_push_slow_(thetis_queue_member *me, const void *item);
THETIS_API thetis_status thetis_queue_pop_slow_(thetis_queue_member *me, void *item,
                                                thetis_atomic *cell, uintptr_t was);

THETIS_END_DECLS

/* ---- shared by the functions below; not part of the interface ------------------------------- */

#define THETIS_QUEUE_WRITTEN_ THETIS_CAST(uintptr_t, 1) /* in a cell */
#define THETIS_QUEUE_DRAWN_ THETIS_CAST(uintptr_t, 2)

/* Cell `k`; its element follows. */
static inline thetis_atomic *thetis_queue_cell_(thetis_queue_segment_ *segment, size_t k,
                                                size_t stride)
{
    void *cells = segment + 1;
    void *cell = THETIS_CAST(unsigned char *, cells) + k * stride;
    return THETIS_CAST(thetis_atomic *, cell);
}

/* Writes the element to a cell whose ticket the caller has: 1, or 0: the cell was dead or drawn. */
static inline int thetis_queue_write_(thetis_atomic *cell, const void *item, size_t size)
{
    memcpy(cell + 1, item, size);
    return thetis_atomic_fetch_add_release(cell, THETIS_QUEUE_WRITTEN_) == 0; /* pair: queue.cell */
}

/* Draws a ticket of the segment that the caller protects, whether it is the last or not: if not,
 * it is closed. */
static inline thetis_status thetis_queue_push_(thetis_queue_member *me, const void *item,
                                               size_t size)
{
    thetis_queue_segment_ *segment = me->tail_;
    if (THETIS_LIKELY(segment != NULL)) {
        uintptr_t at = thetis_atomic_fetch_add_relaxed(&segment->tail, 1);
        if (THETIS_LIKELY(at < me->queue_->cells_)) {
            thetis_atomic *cell = thetis_queue_cell_(segment, at, THETIS_QUEUE_STRIDE_(size));
            if (THETIS_LIKELY(thetis_queue_write_(cell, item, size))) return THETIS_OK;
        }
    }
    return thetis_queue_push_slow_(me, item);
}

/* What a cell was before the caller, who has its ticket, drew it. */
static inline uintptr_t thetis_queue_draw_(thetis_atomic *cell)
{
    const uintptr_t drawn = THETIS_QUEUE_DRAWN_;
    return thetis_atomic_fetch_add_acquire(cell, drawn); /* pair: queue.cell, queue.claim */
}

static inline uintptr_t thetis_queue_asked_(const thetis_queue *queue)
{
    uintptr_t any = 0;
    size_t k;
    for (k = 0; k < queue->words_; k++) any |= thetis_atomic_load_relaxed(&queue->asking_[k]);
    return any;
}

static inline thetis_status thetis_queue_pop_(thetis_queue_member *me, void *item, size_t size)
{
    thetis_queue_segment_ *segment = me->head_;
    thetis_atomic *cell = NULL;
    uintptr_t was = 0;
    if (THETIS_LIKELY(segment != NULL && !thetis_queue_asked_(me->queue_))) {
        uintptr_t at = thetis_atomic_load_relaxed(&segment->head);
        if (THETIS_LIKELY(at < me->queue_->cells_ &&
                          at < thetis_atomic_load_relaxed(&segment->tail))) {
            at = thetis_atomic_fetch_add_relaxed(&segment->head, 1);
            if (THETIS_LIKELY(at < me->queue_->cells_)) {
                cell = thetis_queue_cell_(segment, at, THETIS_QUEUE_STRIDE_(size));
                was = thetis_queue_draw_(cell);
                if (THETIS_LIKELY(was == THETIS_QUEUE_WRITTEN_)) {
                    memcpy(item, cell + 1, size);
                    return THETIS_OK;
                }
            }
        }
    }
    return thetis_queue_pop_slow_(me, item, cell, was);
}

/* ---- operations ------------------------------------------------------------------------------ */

/** Appends one element: OK; CLOSED; ENOMEM: a new segment is needed, and the pool has none.
 *  @progress wait-free, at most thetis_queue_bound() steps, usually 2 + w */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_queue_push(thetis_queue_member *member,
                                                               const void *item)
{
    return thetis_queue_push_(member, item, member->queue_->elem_size_);
}

/** Appends up to `n` elements, each by itself, and returns how many; fewer than n come back with
 *  `*why` CLOSED or ENOMEM. `why` may be NULL.
 *  @progress wait-free, at most n times thetis_queue_bound() steps */
THETIS_INLINE size_t thetis_queue_push_n(thetis_queue_member *member, const void *items, size_t n,
                                         thetis_status *why)
{
    const unsigned char *from = THETIS_CAST(const unsigned char *, items);
    size_t size = member->queue_->elem_size_, done = 0;
    thetis_status s = THETIS_OK;
    for (; done < n; done++, from += size) {
        s = thetis_queue_push_(member, from, size);
        if (s != THETIS_OK) break;
    }
    if (why) *why = s;
    return done;
}

/** Takes the oldest element: OK, EMPTY, or CLOSED once a closed queue is drained.
 *  @progress wait-free, at most thetis_queue_bound() steps, usually 5 + w */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_queue_pop(thetis_queue_member *member,
                                                              void *item)
{
    return thetis_queue_pop_(member, item, member->queue_->elem_size_);
}

/** Takes up to `n` elements, each by itself, and returns how many; fewer than n come back with
 *  `*why` EMPTY or CLOSED. `why` may be NULL.
 *  @progress wait-free, at most n times thetis_queue_bound() steps */
THETIS_INLINE size_t thetis_queue_pop_n(thetis_queue_member *member, void *items, size_t n,
                                        thetis_status *why)
{
    unsigned char *to = THETIS_CAST(unsigned char *, items);
    size_t size = member->queue_->elem_size_, done = 0;
    thetis_status s = THETIS_OK;
    for (; done < n; done++, to += size) {
        s = thetis_queue_pop_(member, to, size);
        if (s != THETIS_OK) break;
    }
    if (why) *why = s;
    return done;
}

#ifdef __cplusplus
#define THETIS_QUEUE_COPYABLE_(type)                                                            \
    static_assert(__is_trivially_copyable(type), "elements are copied byte by byte")
#else
#define THETIS_QUEUE_COPYABLE_(type) _Static_assert(sizeof(type) > 0, "a complete type")
#endif

/** Typed, faster forms for elements of `type`: name_push(member, item) and name_pop(member, &item).
 *  The queue must have been made with elem_size == sizeof(type), asserted at level 2. */
#define THETIS_QUEUE(name, type)                                                                \
    THETIS_QUEUE_COPYABLE_(type);                                                               \
    static inline THETIS_UNUSED THETIS_NODISCARD thetis_status name##_push(                     \
        thetis_queue_member *member, type item)                                                 \
    {                                                                                           \
        THETIS_ASSERT2(member->queue_->elem_size_ == sizeof(type));                             \
        return thetis_queue_push_(member, &item, sizeof(type));                                 \
    }                                                                                           \
    static inline THETIS_UNUSED THETIS_NODISCARD thetis_status name##_pop(                      \
        thetis_queue_member *member, type *item)                                                \
    {                                                                                           \
        THETIS_ASSERT2(member->queue_->elem_size_ == sizeof(type));                             \
        return thetis_queue_pop_(member, item, sizeof(type));                                   \
    }                                                                                           \
    struct name##_requires_semicolon_

#endif
