/* SPDX-License-Identifier: MIT
 *
 * thetis/domain.h: what threads of wait-free structures know of each other: which blocks they
 * read (hazards), and what they want done (announcements). Blocks come from thetis/pool.h.
 *
 *     thetis_domain_cfg cfg = {.threads = 8, .hazards = 1, .args = 2};
 *     static char mem[THETIS_DOMAIN_SIZE(8, 1, 2)] THETIS_CACHE_ALIGNED;
 *     thetis_domain *domain;
 *     thetis_status s = thetis_domain_init(mem, sizeof mem, &cfg, &domain);
 *     thetis_domain_thread *me;                          one for each thread
 *     s = thetis_domain_join(domain, &me);               OK or ENOSLOT
 *     uintptr_t word;                                    `cell` holds the address of a block
 *     s = thetis_domain_protect(me, 0, &cell, &word);    OK: it may be read; AGAIN: cell changed
 *     thetis_domain_clear(me, 0);                        no more
 *     thetis_domain_leave(me);
 *
 * Algorithm: hazard pointers (Michael, "Hazard pointers: safe memory reclamation for lock-free
 * objects", 2004), with one try in place of the loop: what makes a protection fail is a change of
 * the cell, so who fails may announce its operation and be helped by whoever makes such changes.
 * Announcements after Kogan and Petrank ("A methodology for creating fast wait-free data
 * structures", 2012), in one word: the status is a request, or the address of the block that holds
 * the result, or 0. A status that is an address protects its block as a hazard does.
 *
 * Each thread has a record: status, H hazards, A arguments. Only the owner writes them, but for
 * finish(), which replaces a request by a result. M = N (H + 1) words can protect a block.
 *
 * Invariant: a block that is reached through a cell, protected, and found in the cell again by
 * protect() is not taken for other use until the hazard changes. Proof: the look for hazards comes
 * after a fence, which comes after the cell was changed. If the look misses the hazard, then its
 * fence came before the protection's fence, so the second load sees the change. A cell that has
 * the old value once more is no harm: then the block is there, and not retired.
 * The same holds for the block of a result until withdraw(), without a hazard: finish() comes
 * before the block can be retired, so every look for it finds the status that names it.
 *
 * Which words may be protected: any address inside a block of a pool; low bits of a word that are
 * tags need not be taken off. A hazard must not be handed from one slot to another one: a look
 * that goes from slot to slot can miss it. From the status to a hazard it may: the look begins with
 * the status.
 *
 * Which threads help whom is a structure's own: it keeps a word or more with a bit for each thread
 * that has announced something to it, so that one that stops for ever costs that structure only.
 *
 * Linearization: protect at its second load; announce at its store of the status; finish at its
 * compare-and-swap; pending at its load of the status.
 * Memory: thetis_domain_size() bytes from the caller. A thread pins at most H + 1 blocks, also one
 * that stops for ever. Requests are numbered with a word less one bit: on 32-bit machines
 * a helper must not sleep through 2^31 announcements of one thread.
 *
 * Orders (each end names the other):
 *   domain.hazard  hazards are written with release, whoever looks for them acquires: what was read
 *                  from a block comes before its next use.
 *   domain.cell    who puts a block into a cell releases, protect's second load acquires: the
 *                  block's contents. Not the first load: it reads only the word.
 *   domain.args    arguments are stored with release and loaded with acquire. A helper that reads
 *                  one of a later request then knows that the request it began with is over, and
 *                  sees that in the status. The store must release: without it an argument of the
 *                  next request can be seen with the status of the one before.
 *   domain.status  announce, finish and withdraw release; pending, answer and whoever looks for
 *                  hazards acquire: the arguments, the result, and the end of its use.
 * Full fences: protect's, between its hazard and its second load; and that of whoever looks for
 * hazards, between unlinking and looking. One of the two sees what the other one stored.
 *
 * | operation       | thread | progress  | bound              | ISR-safe | shm |
 * |-----------------|--------|-----------|--------------------|----------|-----|
 * | join            | any    | wait-free | N + 1              | no       | no  |
 * | leave, expel    | owner  | wait-free | H + 3, H + 4       | no       | no  |
 * | protect         | owner  | wait-free | 3                  | no       | no  |
 * | clear, withdraw | owner  | wait-free | 1                  | no       | no  |
 * | announce        | owner  | wait-free | n + 1              | no       | no  |
 * | answer, finish  | any    | wait-free | 1                  | no       | no  |
 * | pending         | any    | wait-free | n + 2              | no       | no  |
 * | count           | any    | wait-free | N (H + 1)          | no       | no  |
 */
#ifndef THETIS_DOMAIN_H
#define THETIS_DOMAIN_H

#include <thetis/atomic.h>
#include <thetis/caps.h>
#include <thetis/status.h>
#include <thetis/thread.h>

/** N threads, their records, and what they have announced. */
typedef struct thetis_domain {
    size_t threads_;
    size_t step_; /* of numbers that no two threads make: the power of two above */
    size_t hazards_;
    size_t args_;
    size_t stride_; /* bytes of a record */
    thetis_thread_table *table_;
    unsigned char *records_;
} thetis_domain;

/** A thread's record, from join() to leave(). Its shared words follow: status, hazards, arguments.
 *  One thread at a time uses it. */
typedef struct thetis_domain_thread {
    thetis_domain *domain_;
    size_t id_;
    uintptr_t request_; /* the last: odd, so that it is no address */
    struct thetis_domain_thread *next_; /* of several that one thread owns for a while */
} thetis_domain_thread;

typedef struct thetis_domain_cfg {
    size_t threads; /* at most this many at once, 1 .. THETIS_DOMAIN_THREADS_MAX */
    size_t hazards; /* H: blocks that one thread protects at once, 1 .. THETIS_DOMAIN_SLOTS_MAX */
    size_t args;    /* A: words of an announcement, 0 .. THETIS_DOMAIN_SLOTS_MAX */
} thetis_domain_cfg;

typedef enum thetis_domain_op {
    THETIS_DOMAIN_JOIN,
    THETIS_DOMAIN_LEAVE,
    THETIS_DOMAIN_EXPEL,
    THETIS_DOMAIN_PROTECT,
    THETIS_DOMAIN_CLEAR,
    THETIS_DOMAIN_ANNOUNCE,
    THETIS_DOMAIN_ANSWER,
    THETIS_DOMAIN_WITHDRAW,
    THETIS_DOMAIN_PENDING,
    THETIS_DOMAIN_FINISH,
    THETIS_DOMAIN_COUNT
} thetis_domain_op;

/** The most of each. The number of a thread is part of a word in each block. */
#define THETIS_DOMAIN_THREADS_MAX (THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS / 4))
#define THETIS_DOMAIN_SLOTS_MAX 1024

#define THETIS_DOMAIN_LINES_(bytes)                                                             \
    ((THETIS_CAST(size_t, bytes) + THETIS_CACHE_LINE - 1) / THETIS_CACHE_LINE * THETIS_CACHE_LINE)
#define THETIS_DOMAIN_STRIDE_(hazards, args)                                                    \
    THETIS_DOMAIN_LINES_(sizeof(thetis_domain_thread) +                                         \
                         (1 + THETIS_CAST(size_t, hazards) + (args)) * sizeof(thetis_atomic))

/** thetis_domain_size() as a constant expression, for static memory. */
#define THETIS_DOMAIN_SIZE(threads, hazards, args)                                              \
    (THETIS_DOMAIN_LINES_(sizeof(thetis_domain)) +                                              \
     (threads)*THETIS_DOMAIN_STRIDE_(hazards, args) + THETIS_THREAD_SIZE(threads))

THETIS_BEGIN_DECLS

/** Bytes that a domain of this configuration needs; 0 if the configuration is invalid.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_domain_size(const thetis_domain_cfg *cfg);

/** Builds a domain without threads in `mem`: aligned to THETIS_CACHE_LINE, `len` >=
 *  thetis_domain_size(cfg).
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_domain_init(void *mem, size_t len,
                                                             const thetis_domain_cfg *cfg,
                                                             thetis_domain **out);

/** Gives the caller a record, with all that its last owner left in it: its number, the blocks it
 *  had retired in pools, and those it had not used. ENOSLOT as of thetis_thread_join().
 *  @progress wait-free, at most N + 1 steps */
THETIS_API THETIS_NODISCARD thetis_status thetis_domain_join(thetis_domain *domain,
                                                             thetis_domain_thread **out);

/** Gives the record back; hazards are cleared. Asserts that nothing is announced. Blocks it has
 *  retired stay with the record, for its next owner, or thetis_pool_collect().
 *  @progress wait-free, at most H + 3 steps */
THETIS_API void thetis_domain_leave(thetis_domain_thread *me);

/** leave() for a thread that is gone without it, by whoever knows that it is (has joined it, say)
 *  and that it ended outside of all calls on this domain, its pools and structures. An
 *  announcement is dropped: bits that structures keep for it must be cleared before.
 *  @progress wait-free, at most H + 4 steps */
THETIS_API void thetis_domain_expel(thetis_domain *domain, size_t id);

/** How many hazards and results now protect something in the `bytes` from `from` on: 0 says that
 *  what was unlinked there before is used by nobody any more. By anybody.
 *  @progress wait-free, at most N (H + 1) steps */
THETIS_API size_t thetis_domain_count(const thetis_domain *domain, const void *from,
                                       size_t bytes);

/** The most steps one call of `op` on `n` arguments can take.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_domain_bound(const thetis_domain *domain, thetis_domain_op op, size_t n);

THETIS_END_DECLS

/* ---- shared by the functions below, and for the structures above; not of the interface ------- */

static inline thetis_domain_thread *thetis_domain_record_(const thetis_domain *domain, size_t id)
{
    void *record = domain->records_ + id * domain->stride_;
    return THETIS_CAST(thetis_domain_thread *, record);
}

static inline thetis_atomic *thetis_domain_status_(thetis_domain_thread *record)
{
    void *words = record + 1;
    return THETIS_CAST(thetis_atomic *, words);
}

static inline thetis_atomic *thetis_domain_hazard_(thetis_domain_thread *record, size_t k)
{
    return thetis_domain_status_(record) + 1 + k;
}

static inline thetis_atomic *thetis_domain_arg_(thetis_domain_thread *record, size_t k)
{
    return thetis_domain_hazard_(record, record->domain_->hazards_ + k);
}

static inline int thetis_domain_is_request_(uintptr_t status)
{
    return THETIS_CAST(int, status & 1);
}

/* ---- hazards --------------------------------------------------------------------------------- */

/** The caller's number, in [0, N).
 *  @progress wait-free, 0 steps */
THETIS_INLINE size_t thetis_domain_self(const thetis_domain_thread *me)
{
    return me->id_;
}

/** Loads `cell` and protects what it points to with hazard `k`, which protects nothing else any
 *  more. OK: `*word` was in the cell after that, so it may be read until the hazard changes; 0 and
 *  words that are no address of a block need no protection. AGAIN: the cell has changed, and
 *  `*word` is what was there before: not to be read through.
 *  @progress wait-free, 3 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_domain_protect(thetis_domain_thread *me,
                                                                   size_t k,
                                                                   const thetis_atomic *cell,
                                                                   uintptr_t *word)
{
    thetis_atomic *hazard = thetis_domain_hazard_(me, k);
    uintptr_t now, seen = thetis_atomic_load_relaxed(cell);
    THETIS_ASSERT2(k < me->domain_->hazards_);
    thetis_atomic_publish_seq_cst(hazard, seen); /* pair: domain.hazard */
    now = thetis_atomic_load_acquire(cell);      /* pair: domain.cell */
    *word = seen;
    return THETIS_LIKELY(now == seen) ? THETIS_OK : THETIS_AGAIN;
}

/** Puts the block `word` into the cell if that still has `expected`, which the caller protects:
 *  1, and who protects it from there may read it; or 0. Any release on the cell does the same.
 *  @progress wait-free, 1 step */
THETIS_INLINE THETIS_NODISCARD int thetis_domain_cas(thetis_atomic *cell, uintptr_t expected,
                                                     uintptr_t word)
{
    return thetis_atomic_cas_release(cell, expected, word); /* pair: domain.cell */
}

/** Hazard `k` protects nothing any more. Not needed before the next protect().
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_domain_clear(thetis_domain_thread *me, size_t k)
{
    THETIS_ASSERT2(k < me->domain_->hazards_);
    thetis_atomic_store_release(thetis_domain_hazard_(me, k), 0); /* pair: domain.hazard */
}

/* ---- announcements --------------------------------------------------------------------------- */

/** Says what the caller wants: `n` words, at most A. Returns the request, an odd word. Whoever
 *  sees it may carry it out, once, and finish() it. The caller must not have announced anything.
 *  A structure then sets the caller's bit in its mask, and passes a full fence before it loads.
 *  @progress wait-free, n + 1 steps */
THETIS_INLINE uintptr_t thetis_domain_announce(thetis_domain_thread *me, const uintptr_t *args,
                                               size_t n)
{
    size_t k;
    THETIS_ASSERT2(n <= me->domain_->args_);
    for (k = 0; k < n; k++)
        thetis_atomic_store_release(thetis_domain_arg_(me, k), args[k]); /* pair: domain.args */
    me->request_ += 2;
    thetis_atomic_store_release(thetis_domain_status_(me), me->request_); /* pair: domain.status */
    return me->request_;
}

/** What has become of the caller's announcement: the request, still; or the address of the block
 *  that has its result, protected until withdraw().
 *  @progress wait-free, 1 step */
THETIS_INLINE uintptr_t thetis_domain_answer(thetis_domain_thread *me)
{
    return thetis_atomic_load_acquire(thetis_domain_status_(me)); /* pair: domain.status */
}

/** Nothing is announced any more, and the block of the result is not protected any more. Of a
 *  request that nobody has finished: for those that change nothing. A helper may still carry it
 *  out, but finish() fails.
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_domain_withdraw(thetis_domain_thread *me)
{
    thetis_atomic_store_release(thetis_domain_status_(me), 0); /* pair: domain.status */
}

/** The request of thread `id` and its first `n` arguments, which belong together; 0: none, or one
 *  that is just being replaced. By any thread.
 *  @progress wait-free, n + 2 steps */
THETIS_INLINE uintptr_t thetis_domain_pending(const thetis_domain *domain, size_t id,
                                              uintptr_t *args, size_t n)
{
    thetis_domain_thread *record = thetis_domain_record_(domain, id);
    thetis_atomic *status = thetis_domain_status_(record);
    uintptr_t request = thetis_atomic_load_acquire(status); /* pair: domain.status */
    size_t k;
    if (!thetis_domain_is_request_(request)) return 0;
    for (k = 0; k < n; k++)
        args[k] = thetis_atomic_load_acquire(thetis_domain_arg_(record, k)); /* pair: domain.args */
    return thetis_atomic_load_relaxed(status) == request ? request : 0;
}

/** Says that the request of thread `id` is done, and its result is in the block at `word`, which
 *  is even and stays protected for the owner. Does nothing if the request is not there any more.
 *  To be called while the block cannot be retired: before it is taken from where it was found.
 *  @progress wait-free, 1 step */
THETIS_INLINE void thetis_domain_finish(const thetis_domain *domain, size_t id, uintptr_t request,
                                        uintptr_t word)
{
    thetis_atomic *status = thetis_domain_status_(thetis_domain_record_(domain, id));
    (void)thetis_atomic_cas_release(status, request, word); /* pair: domain.status */
}

#endif
