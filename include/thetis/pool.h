/* SPDX-License-Identifier: MIT
 *
 * thetis/pool.h: blocks of one size for the threads of a domain, and their reclamation.
 *
 *     thetis_pool_cfg cfg = {.size = 48, .blocks = 1000};
 *     static char mem[THETIS_POOL_SIZE(48, 1000, 8, 1)] THETIS_CACHE_ALIGNED;
 *     thetis_pool *pool;                          for a domain of 8 threads with one hazard each
 *     thetis_status s = thetis_pool_init(mem, sizeof mem, domain, &cfg, &pool);
 *     void *block;
 *     s = thetis_pool_take(pool, me, &block);     OK, or ENOMEM: 1000 are taken
 *     thetis_pool_give(pool, me, block);          one that nobody else has seen: back at once
 *     thetis_pool_retire(pool, me, block);        one that others may still read: back later
 *
 * A thread that stops for ever, wherever, takes nothing from the others: the pool has enough beyond
 * `blocks` for all that stopped threads can withhold.
 *
 * Names: N threads, M = N (H + 1) words that protect (domain.h), b batch, S batches in all,
 * R limbo, U most unreclaimed blocks of one thread.
 *
 * Free blocks. Each thread has a magazine of at most 2b: a list of up to b and one full batch. One
 * without blocks gets a batch from a shared store, one with more than 2b puts one there. So what
 * one thread frees and another one needs goes over in batches. A batch is a list, or, at first, a
 * row of blocks that nobody has taken yet: their memory is not touched before. Rejected: a linked
 * stack of batches (its loops are lock-free, and ABA), Blelloch and Wei ("Concurrent fixed-size
 * allocation and free in constant time", 2020: their shared stack combines announced operations,
 * and takes O(N^2) words with counters that wrap), a queue of batches.
 *
 * The store is S slots, for S batches, and a count. Put: x = exchange(slot[i], x) for i = 0, 1, ...
 * until x is none, then count += 1. Get: count -= 1; if there was none count += 1 and ENOMEM; else
 * exchange(slot[i], none) for i = 0, 1, ... until there is a batch.
 *   One pass of a put finds an empty slot (k-renaming, see thread.h): let T(i) be the batches in
 *   slots >= i and in the hands of putters at a slot >= i. T(0) <= S. To move from i-1 to i one
 *   must leave a batch in i-1, so T(i) <= S - i stays true: at S-1 there is no other.
 *   One pass of a get finds a batch (the same from the other side): let F(i) be the full slots >= i
 *   and G(i) the getters with a right (who found count > 0) at slots >= i. G(0) <= F(0), as count
 *   is raised after a put and lowered before a get. Seeing i-1 empty, a getter goes on, and F(i) =
 *   F(i-1) >= G(i-1) >= G(i). Who finds a batch at k takes one from each F(i) and G(i), i <= k. So
 *   F(i) >= G(i) stays true, and at S-1 there is one for it.
 *   All accesses are read-modify-writes, so each sees the one before it. The proofs need one order
 *   of all, which is there if no thread's accesses change places: a putter's exchanges acquire, so
 *   its addition comes last; a getter's are made only because of the count that it found.
 *   tests/model/spin/store.pml searches both proofs completely for three threads and three batches.
 *
 * ENOMEM. The caller's magazine is empty then, and each other thread withholds at most 2b + 1
 * blocks: in its magazine and hands, or, if that is empty, a batch that it has a right to, or hides
 * while it is being refused. The pool has, beyond `blocks` and what may be unreclaimed,
 * (N-1) (2b + 1). So ENOMEM says that at a moment during the call at least `blocks` were taken and
 * neither given back nor retired.
 *
 * Retired blocks. Each thread lists its own. When there are R, and the list before is worked off,
 * it becomes the suspects: after one fence each further retire looks at the words of one record and
 * marks the suspects that it protects, and, when all have been looked at, frees 4 suspects or puts
 * the marked ones back. So a retire never takes much longer than others, and all lists stay short:
 * U, see pool_most() in pool.c, is R + N + M / 4, or 4/3 (N + M) + N + M / 4 if R is less.
 * A mark is a bit in the block's header: header = next in list | owner | state. Only the thread
 * that has retired a block writes it. State and owner tell a looker that the block is its own: no
 * table of hazards is built, and looking for a block takes one step.
 *
 * Stamps. The header of a block that is taken is a number that no other taking of a block of this
 * pool has: the thread's count of takes and its number. So one may read a block that is not
 * protected, if each word of it is accessed with release and acquire, and believe what one has read
 * after the stamp is found unchanged: blocks are memory as long as the pool is there.
 * On 32-bit machines a reader must not sleep through just 2^29 / m takes of one thread, m being the
 * power of two above N.
 *
 * With any threads stopped for ever at most N U blocks are unreclaimed: those that are protected,
 * at most M, and the lists.
 *
 * Linearization: take and give at the read-modify-write of count, or nowhere, if the magazine has
 * what is needed: only the caller's is touched. retire is no operation on a shared object.
 * Memory: thetis_pool_size() bytes from the caller. init writes S words and the threads' parts; a
 * block is written when it is taken for the first time.
 *
 * Orders (each end names the other):
 *   pool.slot   put releases and get acquires the headers of a batch, and all that was done with
 *               its blocks. Put acquires, too, since it goes on with a batch that it found.
 *   pool.stamp  take releases the stamp, who looks at it acquires: that the block left the place
 *               where it was. Who writes into a block releases each word, who reads one acquires
 *               it: what is of a later use comes with its stamp.
 *
 * | operation | progress  | bound                                | ISR-safe | shm |
 * |-----------|-----------|--------------------------------------|----------|-----|
 * | take      | wait-free | S + 3                                | no       | no  |
 * | give      | wait-free | S + 3                                | no       | no  |
 * | retire    | wait-free | 3 (H + 1) + 11 + ceil(4 / b) (S + 1) | no       | no  |
 * | reclaim   | wait-free | see bound()                          | no       | no  |
 * | collect   | wait-free | N times join, reclaim and leave      | no       | no  |
 * | stat      | wait-free | N (H + 2) + 1                        | no       | no  |
 */
#ifndef THETIS_POOL_H
#define THETIS_POOL_H

#include <thetis/domain.h>

/* What never changes. */
typedef struct thetis_pool_shape_ {
    size_t threads; /* N */
    size_t step;    /* of numbers of takings: the power of two above N */
    size_t words;   /* H + 1: that protect, of each thread */
    size_t batch;   /* b */
    size_t batches; /* S: there are S * b blocks */
    size_t limbo;   /* R */
    size_t looks;   /* records that one retire looks at */
    size_t frees;   /* suspects that one retire frees */
    size_t most;    /* U */
    size_t stride;  /* bytes from block to block, a header each */
    size_t shift;   /* stride is 2^shift times an odd number, */
    uintptr_t inverse; /* which has this inverse */
    size_t align;
} thetis_pool_shape_;

/* What a thread has; by number, so that the next owner of the number finds it. Lists are linked by
 * the headers; a list is the number of its first block, from 1; 0: none. */
typedef struct thetis_pool_local_ {
    uintptr_t loose; /* free, at most b */
    size_t loose_n;
    uintptr_t full; /* a batch, or none */
    uintptr_t row;  /* the first of those of a batch that nobody has taken before */
    size_t row_n;   /* not 0: then full is none */
    uintptr_t retired; /* not suspects yet */
    size_t retired_n;
    uintptr_t suspects;
    size_t suspects_n;
    size_t looked;      /* at so many records for them */
    uintptr_t phase;    /* state of the suspects; the other one is that of the retired */
    uintptr_t takes;    /* so far, for stamps */
    thetis_atomic held; /* retired_n + suspects_n, for stat */
} thetis_pool_local_;

/** The pool; threads' parts, slots and blocks follow. */
typedef struct thetis_pool {
    thetis_pool_shape_ shape_;
    thetis_domain *domain_;
    unsigned char *locals_;
    thetis_atomic *slots_;
    unsigned char *base_; /* what would be block 0 */
    thetis_atomic count_ THETIS_CACHE_ALIGNED;
} thetis_pool;

typedef struct thetis_pool_cfg {
    size_t size;   /* bytes of a block, >= 1 */
    size_t blocks; /* that can be taken at once, by all threads, >= 1 */
    size_t align;  /* of each block, a power of two; 0: a word */
    size_t batch;  /* blocks that go from thread to thread at once; 0: S is about 18N */
    size_t limbo;  /* retired blocks that a thread gathers at least; 0: 2M, the least work */
} thetis_pool_cfg;

typedef struct thetis_pool_levels {
    size_t blocks;          /* all there are */
    size_t stored;          /* free ones in the shared store */
    size_t unreclaimed;     /* retired, by all threads, and not free yet */
    size_t pinned;          /* hazards and results that are blocks of this pool, retired or not */
    size_t unreclaimed_max; /* N U: it can never be more */
} thetis_pool_levels;

typedef enum thetis_pool_op {
    THETIS_POOL_TAKE,
    THETIS_POOL_GIVE,
    THETIS_POOL_RETIRE,
    THETIS_POOL_RECLAIM,
    THETIS_POOL_COLLECT,
    THETIS_POOL_STAT
} thetis_pool_op;

/** The most blocks that there can be: 2^45, 2^21 on 32-bit machines. A header has the number of a
 *  block, the number of a thread and a state. */
#define THETIS_POOL_LINK_SHIFT_ (THETIS_CAP_WORD_BITS / 4 + 3)
#define THETIS_POOL_BLOCKS_MAX                                                                  \
    ((THETIS_CAST(size_t, 1) << (THETIS_CAP_WORD_BITS - THETIS_POOL_LINK_SHIFT_)) - 1)

/* Bits of a header; all 0: the block is taken, and the others are its stamp. */
#define THETIS_POOL_STATES_ 7

/* THETIS_POOL_SIZE, from below: N * (R + N - 1 + M / 4) unreclaimed and `blocks`; b; S. */
#define THETIS_POOL_LEAST_(blocks, n, m)                                                        \
    (THETIS_CAST(size_t, blocks) + (n) * (2 * (m) + (n)-1 + ((m) + 3) / 4))
#define THETIS_POOL_BATCH_(blocks, n, m)                                                        \
    ((THETIS_POOL_LEAST_(blocks, n, m) + 16 * (n)-1) / (16 * (n)))
#define THETIS_POOL_BATCHES_(least, n, b) (((least) + ((n)-1) * (2 * (b) + 1) + (b)-1) / (b))
#define THETIS_POOL_BYTES_(size, n, b, s)                                                       \
    (THETIS_DOMAIN_LINES_(sizeof(thetis_pool)) +                                                \
     (n)*THETIS_DOMAIN_LINES_(sizeof(thetis_pool_local_)) + ((s) + 1) * sizeof(thetis_atomic) + \
     (s) * (b)*THETIS_POOL_STRIDE_(size))
#define THETIS_POOL_STRIDE_(size)                                                               \
    ((THETIS_CAST(size_t, size) + 2 * sizeof(thetis_atomic) - 1) / sizeof(thetis_atomic) *      \
     sizeof(thetis_atomic))
#define THETIS_POOL_SIZE_(size, blocks, n, m)                                                   \
    THETIS_POOL_BYTES_(size, n, THETIS_POOL_BATCH_(blocks, n, m),                               \
                       THETIS_POOL_BATCHES_(THETIS_POOL_LEAST_(blocks, n, m), n,                \
                                            THETIS_POOL_BATCH_(blocks, n, m)))

/** thetis_pool_size() of a pool with align, batch and limbo 0, for a domain of so many threads and
 *  hazards, as a constant expression, for static memory. */
#define THETIS_POOL_SIZE(size, blocks, threads, hazards)                                        \
    THETIS_POOL_SIZE_(size, blocks, THETIS_CAST(size_t, threads),                               \
                      THETIS_CAST(size_t, threads) * ((hazards) + 1))

THETIS_BEGIN_DECLS

/** Bytes that a pool of this configuration needs, for a domain of that one; 0 if one is invalid,
 *  or there would be too many blocks.
 *  @progress wait-free, 0 steps */
THETIS_API size_t thetis_pool_size(const thetis_domain_cfg *domain, const thetis_pool_cfg *cfg);

/** Builds a pool with all blocks free in `mem`: aligned to THETIS_CACHE_LINE, `len` >=
 *  thetis_pool_size(). A domain may have many.
 *  EINVAL: a bad configuration, mem NULL or misaligned, len too small.
 *  @progress wait-free; before any other use of the memory */
THETIS_API THETIS_NODISCARD thetis_status thetis_pool_init(void *mem, size_t len,
                                                           thetis_domain *domain,
                                                           const thetis_pool_cfg *cfg,
                                                           thetis_pool **out);

/** Takes `n` blocks, or none: OK or ENOMEM. Those that turn out not to be needed go back with
 *  give(): so an operation that must not fail later has what it needs before it announces itself.
 *  @progress wait-free, less than 4n + 2 ceil(n / b) (S + 1) steps, S + 3 for n = 1 */
THETIS_API THETIS_NODISCARD thetis_status thetis_pool_take_n(thetis_pool *pool,
                                                             thetis_domain_thread *me,
                                                             void **blocks, size_t n);

/** Gives back a block that no other thread can reach or has been told of since take(). Asserts that
 *  it is a block of this pool that is taken.
 *  @progress wait-free, at most S + 3 steps */
THETIS_API void thetis_pool_give(thetis_pool *pool, thetis_domain_thread *me, void *block);

/* The stamp of a block, wherever the caller has its address from; 0: it is not taken. Two that are
 * equal, and not 0: it was taken all the time between, once. */
THETIS_INLINE uintptr_t thetis_pool_stamp_(const void *block)
{
    const thetis_atomic *header = THETIS_CAST(const thetis_atomic *, block) - 1;
    uintptr_t word = thetis_atomic_load_acquire(header); /* pair: pool.stamp */
    return THETIS_LIKELY((word & THETIS_POOL_STATES_) == 0) ? word : 0;
}

/** Gives back a block that nobody can reach any more, but that others may still protect: it is free
 *  after nobody does. The caller's own hazards count, too: cleared before, it is free sooner.
 *  Asserts that it is a block of this pool that is taken.
 *  @progress wait-free, at most 3 (H + 1) + 11 + ceil(4 / b) (S + 1) steps */
THETIS_API void thetis_pool_retire(thetis_pool *pool, thetis_domain_thread *me, void *block);

/** Frees all blocks that the caller has retired, but those that are protected now. Returns how many
 *  are left.
 *  @progress wait-free, at most thetis_pool_bound() steps */
THETIS_API size_t thetis_pool_reclaim(thetis_pool *pool, thetis_domain_thread *me);

/** reclaim() for all threads that have left, or never joined: joins until there is no record,
 *  and leaves with all of them. Others are refused meanwhile. Returns how many are left.
 *  @progress wait-free, at most thetis_pool_bound() steps, those in what others left included */
THETIS_API size_t thetis_pool_collect(thetis_pool *pool);

/** Levels, each as it is at some moment during the call.
 *  @progress wait-free, N (H + 2) + 1 steps */
THETIS_API void thetis_pool_stat(const thetis_pool *pool, thetis_pool_levels *out);

/** The most steps one call of `op` on `n` blocks can take.
 *  @progress wait-free, 0 steps */
THETIS_API uint64_t thetis_pool_bound(const thetis_pool *pool, thetis_pool_op op, size_t n);

THETIS_END_DECLS

/** thetis_pool_take_n() of one.
 *  @progress wait-free, at most S + 3 steps */
THETIS_INLINE THETIS_NODISCARD thetis_status thetis_pool_take(thetis_pool *pool,
                                                              thetis_domain_thread *me,
                                                              void **block)
{
    return thetis_pool_take_n(pool, me, block, 1);
}

#endif
