/* SPDX-License-Identifier: MIT
 *
 * cell.h: the wait-free cell, of which maps are made: a word with the address of an immutable
 * version of some content. An update makes the next version and puts it there with one
 * compare-and-swap; whoever loses too often announces what it wants, and the next version, whoever
 * makes it, carries that out, too.
 *
 * Source: the helping of Herlihy ("A methodology for implementing highly concurrent data objects",
 * 1993) and of Fatourou and Kallimanis ("A highly-efficient wait-free universal construction",
 * 2011), with the completions in the version itself instead of a record for each thread.
 *
 * A version: a header, the records {thread, request, result} of what it carried out for others,
 * the content. A cell without content has an odd word instead, 1 in the beginning, later ones with
 * a number that is used once. So no word comes back to a cell while somebody protects it, and a
 * compare-and-swap that succeeds replaces what was read. A structure has many cells, and one mask
 * with a bit for each thread that has announced something to it.
 * A structure may move what a cell has to another one. It freezes the cell, by an attempt without
 * an operation of its own that also tags the word: nobody replaces that by a version any more. When
 * the content is elsewhere the cell is dead, with the number of the move, until it is filled again.
 * A word that is 0 or dead is not filled.
 *
 * An attempt of any thread:
 *   1 protect the head h (domain.h). Failed: the cell has changed; this attempt is over;
 *   2 finish what h has carried out: its records go to the threads' status words;
 *   3 read the mask, and of the threads in it those operations that go to this cell: a batch of at
 *     most b, from the thread on where h left off. An announced operation of one's own comes first
 *     and does not count;
 *   4 build a version: h's content, one's own operation, the batch; the batch's results;
 *   5 compare-and-swap h by it; retire h, or give the version back.
 * An update makes K attempts, then announces itself, sets its bit, publishes, and makes attempts
 * whose batch begins with its own operation, until its status is an answer. Nothing is finished
 * after one's own compare-and-swap: the next attempt, or who replaces the version, does that.
 * A lookup glances: it reads the head, the stamp of its block (pool.h), the head, the version,
 * the stamp; if both were the same again it has read what the cell had at the second look at the
 * head, has stored nothing, and passed no fence. Else it reads the head of the first attempt that
 * protects it. After K failures it announces itself, too, without a version of its own: it never
 * allocates, and cannot fail. Who wants all the content is content with the version that somebody
 * else made with its announcement: the status word protects that.
 *
 * Content may name blocks (`names`): those of a version that a cell has are not retired, and who
 * takes one out retires it. So what was read through a version is right if the cell has it still,
 * and a hazard that was set before that protects a block. Anything else was read of blocks that are
 * used anew: a lookup tries again, an attempt fails at its compare-and-swap, and until then must
 * keep to its own block whatever it reads. A result EXISTS names a block. The status word becomes
 * its address instead of the version's, so it is protected until the operation is withdrawn, or
 * handed to a hazard: it is told before the version is replaced, so before the block is retired.
 * It would not be if one's own operation came behind the batch: it could take out, and retire, what
 * the batch names, and nothing is told after the compare-and-swap. In the batch, what comes behind
 * is told later.
 *
 * Exactly once: a version is replaced only by who has finished what it carried out. So whoever
 * holds head h finds no request pending that h or an older one has carried out; if a newer
 * one does so, the compare-and-swap on h fails. The request and its arguments belong together
 * (thetis_domain_pending()), so it goes to one cell only.
 * Bound: from the first attempt after the bit is set, at most one version that does not carry the
 * operation can be put there by others: its author read the mask before, and h before that. With P
 * operations of others pending, the next ceil(P / b) at most are without it, as each carries b in
 * turn; and that with it is the last. One attempt more finishes the operation, or fails to protect,
 * and then who replaced the version has finished it. With P < N: 2 + ceil((N - 1) / b) attempts.
 * Where cells move, an attempt may also find that its cell has moved: no more than once before
 * the bit was seen by all who freeze cells, and once for each of these versions: ceil(N / b).
 *
 * Why a glance may believe what it has read: the block was taken all the time between the stamps,
 * so it is that of the version which the head named between them. A version is published once, and
 * not changed after that. What is written into a block after it was taken anew comes with the new
 * stamp, as each word is written with release and read with acquire. Words that are too new do no
 * harm meanwhile: one load of the fields tells where they are, so they are of the block.
 *
 * Linearization: an update at the compare-and-swap of the version that has it, one's own first, in
 * order of the batch; one that changes nothing, and a lookup, at the second load of the head, or as
 * an update, if somebody else has carried it out.
 * Out of memory: an attempt that gets no block fails as a whole, helping included, so it spoils
 * nobody's. Who announces an update has a block of the largest size in its magazine.
 *
 * Steps: accesses to cells, versions (each word of them), the mask, words of the domain and pools.
 *
 * Orders: those of domain.h and pool.h, and
 *   cell.word  words of versions: written with release, read with acquire. Which of them a glance
 *              reads is not known before, so it is all of them.
 * The announcing thread passes a full fence between its bit and its
 * first attempt, an attempt passes one between its two loads of the head, so before it loads the
 * mask: one of the two sees the other. The mask itself is relaxed.
 */
#ifndef THT_CELL_H
#define THT_CELL_H

#include <thetis/pool.h>

enum {
    THT_CELL_BATCH = 8,  /* the largest b */
    THT_CELL_RECORDS = THT_CELL_BATCH + 1,
    THT_CELL_ARGS = 8,   /* words of an operation, at most; the first names the structure */
    THT_CELL_RESULT = 2, /* words of a result */
    THT_CELL_HAZARD = 0, /* which hazard of the domain is the cells' */
    THT_CELL_NAMED_HAZARD = 1 /* that of the block that a result names */
};

/* The header of a version; its records follow, then the content: words, too. */
typedef struct tht_cell_block {
    thetis_atomic fields;
} tht_cell_block;

/* Fields of a header. */
typedef enum tht_cell_field {
    THT_CELL_SIZE,      /* which pool it is from */
    THT_CELL_RECORDS_N, /* that follow */
    THT_CELL_NEXT,      /* thread that the next version looks at first */
    THT_CELL_ITEMS      /* of the content; for the kind */
} tht_cell_field;

typedef struct tht_cell_record {
    thetis_atomic thread, request, result[THT_CELL_RESULT];
} tht_cell_record;

typedef struct tht_cells tht_cells;

/* An operation: on which cell, at which place, and what; args[0] is the cells' self. */
typedef struct tht_cell_op {
    thetis_atomic *cell;
    const void *place;
    const uintptr_t *args;
    uintptr_t *result;  /* THT_CELL_RESULT words */
    uintptr_t request;  /* 0: it is not announced */
} tht_cell_op;

/* What the content is, and what is done to it. All are pure, and bounded. A version NULL has none;
 * content is what follows a version's records. */
typedef struct tht_cell_kind {
    /* Where cells move, else NULL. Finds the operation's cell, and protects its head: OK, AGAIN,
     * ENOMEM. For an update the cell is not frozen, and was not left after the head was loaded. */
    thetis_status (*reach)(const tht_cells *cells, thetis_domain_thread *me, tht_cell_op *op,
                           uintptr_t *head);
    thetis_status (*seek)(const tht_cells *cells, thetis_domain_thread *me, tht_cell_op *op,
                          uintptr_t *head);
    /* Whether an operation goes to the cell at this place, as the structure names places. */
    int (*goes)(const void *place, const uintptr_t *args);
    /* 1 and the result, if the operation would leave the content as it is; else 0. */
    int (*look)(const tht_cell_block *version, const uintptr_t *args, uintptr_t *result);
    /* Bytes of the content; and how many more (fewer: < 0) after the operation, on its own. */
    size_t (*bytes)(const tht_cell_block *version);
    ptrdiff_t (*grows)(const tht_cell_block *version, const uintptr_t *args);
    /* A version that is not published, from another one and one operation; there is room for just
     * what it leaves. NULL, if that is no content: only the result is wanted. */
    void (*make)(tht_cell_block *to, const tht_cell_block *version, const uintptr_t *args,
                 uintptr_t *result);
    /* The same in two parts, the second of which is repeated: there is room for the content, and
     * for what operations add. */
    void (*copy)(tht_cell_block *to, const tht_cell_block *version);
    void (*apply)(tht_cell_block *to, const uintptr_t *args, uintptr_t *result);
} tht_cell_kind;

/* Blocks of one size. */
typedef struct tht_cell_size {
    thetis_pool *pool;
    size_t bytes;
} tht_cell_size;

/* What all cells of a structure share. Constant but for the mask. */
struct tht_cells {
    const tht_cell_kind *kind;
    thetis_domain *domain;
    const tht_cell_size *sizes; /* of versions, the smallest first */
    size_t size_n;
    uintptr_t self;      /* the first word of all its operations */
    size_t args;         /* words of an operation */
    size_t batch;        /* b, 1 .. THT_CELL_BATCH */
    size_t tries;        /* K */
    int moves;           /* cells may move */
    int names;           /* content names blocks */
    thetis_atomic *mask; /* N bits */
    uintptr_t *empties;  /* of each thread: how many words without content it has made; */
    thetis_atomic *announced; /* how many operations it has announced; */
    size_t stride;       /* words from one thread's to the next */
};

typedef struct tht_cell_cost {
    size_t look, grows, copy, apply; /* steps of the kind's functions at most; bytes takes 1 */
    uint64_t reach, seek, drain; /* where cells move: to find one that does not, and to move one */
} tht_cell_cost;

/* Words of the mask for n threads. */
#define THT_CELL_MASK_WORDS(n) (((n) + THETIS_CAP_WORD_BITS - 1) / THETIS_CAP_WORD_BITS)

/* Words of cells. Blocks' addresses leave the two lowest bits for tags, numbers three. */
#define THT_CELL_EMPTY ((uintptr_t)1) /* never had content */
#define THT_CELL_FROZEN ((uintptr_t)2)

/* In a status word: the address is that of a block that the result names. */
#define THT_CELL_NAMED ((uintptr_t)2)

/* Left by the move of that number. */
static inline uintptr_t tht_cell_dead(uintptr_t number)
{
    return number << 3 | 5;
}

static inline int tht_cell_is_filled(uintptr_t head)
{
    return head != 0 && (head & 5) != 5;
}

static inline int tht_cell_is_frozen(uintptr_t head)
{
    return tht_cell_is_filled(head) && (head & THT_CELL_FROZEN);
}

static inline tht_cell_block *tht_cell_version(uintptr_t head)
{
    return head & 1 ? NULL : (tht_cell_block *)(head & ~THT_CELL_FROZEN);
}

/* A word of a version. Who does not protect it may read it as well: see thetis_pool_stamp_(). */
static inline uintptr_t tht_cell_read(const thetis_atomic *word)
{
    return thetis_atomic_load_acquire(word); /* pair: cell.word */
}

static inline void tht_cell_write(thetis_atomic *word, uintptr_t value)
{
    thetis_atomic_store_release(word, value); /* pair: cell.word */
}

static inline uintptr_t tht_cell_shifted(tht_cell_field field, size_t value)
{
    return (uintptr_t)value << field * (THETIS_CAP_WORD_BITS / 4);
}

/* Of all the fields. */
static inline size_t tht_cell_field_of(uintptr_t fields, tht_cell_field field)
{
    const uintptr_t mask = ((uintptr_t)1 << THETIS_CAP_WORD_BITS / 4) - 1;
    return fields >> field * (THETIS_CAP_WORD_BITS / 4) & mask;
}

static inline uintptr_t tht_cell_fields(const tht_cell_block *version)
{
    return tht_cell_read(&version->fields);
}

static inline size_t tht_cell_get(const tht_cell_block *version, tht_cell_field field)
{
    return tht_cell_field_of(tht_cell_fields(version), field);
}

/* What take() has left, with so many records, and no items yet. */
static inline void tht_cell_start(tht_cell_block *version, size_t records, size_t next)
{
    tht_cell_write(&version->fields, tht_cell_fields(version) |
                                         tht_cell_shifted(THT_CELL_RECORDS_N, records) |
                                         tht_cell_shifted(THT_CELL_NEXT, next));
}

static inline tht_cell_record *tht_cell_records(const tht_cell_block *version)
{
    return (tht_cell_record *)(version + 1);
}

/* With what fields() has returned: where the content begins, and how many items it has, come from
 * one load, so that an unprotected reader stays inside the block. */
static inline thetis_atomic *tht_cell_content(const tht_cell_block *version, uintptr_t fields)
{
    return &tht_cell_records(version)[tht_cell_field_of(fields, THT_CELL_RECORDS_N)].thread;
}

static inline size_t tht_cell_items(uintptr_t fields)
{
    return tht_cell_field_of(fields, THT_CELL_ITEMS);
}

/* A version that is not published has other items now. */
static inline void tht_cell_set_items(tht_cell_block *version, uintptr_t fields, size_t items)
{
    uintptr_t changed = tht_cell_items(fields) ^ items;
    tht_cell_write(&version->fields, fields ^ tht_cell_shifted(THT_CELL_ITEMS, changed));
}

/* One attempt with the head protected: OK; AGAIN: the cell has changed; ENOMEM. */
thetis_status tht_cell_attempt(const tht_cells *cells, thetis_domain_thread *me,
                               const tht_cell_op *op, uintptr_t head);

/* An attempt to freeze the cell: it carries out `op` only if that is announced and goes there. */
thetis_status tht_cell_freeze(const tht_cells *cells, thetis_domain_thread *me,
                              const tht_cell_op *op, uintptr_t head);

/* Tells the results that the head, which is protected, has: before it is replaced, or moved. */
void tht_cell_finish(const tht_cells *cells, uintptr_t head);

/* Where content names blocks: whether what was read through the head, which is protected, was
 * right. What the result names is protected then. */
int tht_cell_confirm(thetis_domain_thread *me, const tht_cell_op *op, uintptr_t head);

/* For what moves content: a block of at least so many bytes of content, or NULL; a word without
 * content that no cell has had; what to do with a word that was of no use, and with one that no
 * cell names any more. */
tht_cell_block *tht_cell_take(const tht_cells *cells, thetis_domain_thread *me, size_t bytes);
uintptr_t tht_cell_empty(const tht_cells *cells, const thetis_domain_thread *me);
void tht_cell_drop(const tht_cells *cells, thetis_domain_thread *me, uintptr_t word);
void tht_cell_retire(const tht_cells *cells, thetis_domain_thread *me, uintptr_t head);

/* Attempts of an announced operation that find that its cell has moved; blocks that an update needs
 * then: an attempt, and each time the two cells that one may be divided into. The pool of the
 * largest size has batches of so many: else what is reserved may leave the thread's magazine. */
static inline size_t tht_cell_moves(size_t threads, size_t batch, int moves)
{
    return moves ? (threads + batch - 1) / batch : 0;
}

static inline size_t tht_cell_needs(size_t threads, size_t batch, int moves)
{
    return 1 + 2 * tht_cell_moves(threads, batch, moves);
}

/* What is left to do after K failures: OK or ENOMEM; OK. */
thetis_status tht_cell_update_slow(const tht_cells *cells, thetis_domain_thread *me,
                                   tht_cell_op *op);
void tht_cell_find_slow(const tht_cells *cells, thetis_domain_thread *me, tht_cell_op *op);

/* For who wants the whole content: a version that the operation's cell had at a moment of the call,
 * and that stays as it is until release(). Where cells move: `op->cell` is what it was found in, if
 * seek() says so, or NULL, if somebody else has found the cell. The operation changes nothing. */
const tht_cell_block *tht_cell_hold(const tht_cells *cells, const tht_cell_kind *kind,
                                    thetis_domain_thread *me, tht_cell_op *op);
void tht_cell_release(const tht_cells *cells, thetis_domain_thread *me, const tht_cell_op *op);

/* The most steps of an update, of a lookup, of hold and release with `look` steps between them, of
 * a freeze, of finish, and of a block's ways. */
uint64_t tht_cell_update_bound(const tht_cells *cells, const tht_cell_cost *cost);
uint64_t tht_cell_find_bound(const tht_cells *cells, const tht_cell_cost *cost);
uint64_t tht_cell_hold_bound(const tht_cells *cells, const tht_cell_cost *cost);
uint64_t tht_cell_freeze_bound(const tht_cells *cells, const tht_cell_cost *cost);
uint64_t tht_cell_finish_bound(const tht_cells *cells);
uint64_t tht_cell_block_bound(const tht_cells *cells, thetis_pool_op op);

static inline thetis_status tht_cell_reach(const tht_cells *cells, const tht_cell_kind *kind,
                                           thetis_domain_thread *me, tht_cell_op *op,
                                           uintptr_t *head)
{
    if (kind->reach) return kind->reach(cells, me, op, head);
    return thetis_domain_protect(me, THT_CELL_HAZARD, op->cell, head);
}

static inline thetis_status tht_cell_seek(const tht_cells *cells, const tht_cell_kind *kind,
                                          thetis_domain_thread *me, tht_cell_op *op,
                                          uintptr_t *head)
{
    if (kind->seek) return kind->seek(cells, me, op, head);
    return thetis_domain_protect(me, THT_CELL_HAZARD, op->cell, head);
}

/* Carries out an operation that may change the content: OK, or ENOMEM and nothing was done. */
static inline thetis_status tht_cell_update(const tht_cells *cells, const tht_cell_kind *kind,
                                            thetis_domain_thread *me, tht_cell_op *op)
{
    for (size_t k = 0; k < cells->tries; k++) {
        uintptr_t head;
        thetis_status s = tht_cell_reach(cells, kind, me, op, &head);
        if (s == THETIS_OK) {
            if (!kind->look(tht_cell_version(head), op->args, op->result))
                s = tht_cell_attempt(cells, me, op, head);
            else if (cells->names && !tht_cell_confirm(me, op, head))
                s = THETIS_AGAIN;
        }
        if (s != THETIS_AGAIN) return s;
    }
    return tht_cell_update_slow(cells, me, op);
}

/* A look at a cell that does not protect its version. */
typedef struct tht_cell_glance {
    const tht_cell_block *version;
    uintptr_t stamp; /* of the version's block */
} tht_cell_glance;

/* 1: the version may be read. 0: look again, protected; at once, if it is to be slow (tries). */
static inline int tht_cell_glance_begin(const tht_cells *cells, const thetis_atomic *cell,
                                        tht_cell_glance *out)
{
    uintptr_t head = thetis_atomic_load_relaxed(cell);
    if (!tht_cell_is_filled(head) || cells->tries == 0) return 0;
    out->version = tht_cell_version(head);
    out->stamp = out->version ? thetis_pool_stamp_(out->version) : THT_CELL_EMPTY;
    return out->stamp && thetis_atomic_load_acquire(cell) == head; /* pair: domain.cell */
}

/* 1: what was read is what the cell had. */
static inline int tht_cell_glance_end(const tht_cell_glance *glance)
{
    return !glance->version || thetis_pool_stamp_(glance->version) == glance->stamp;
}

/* Where content names blocks, 1: what was read of those was right, too, and the cell has the
 * version still. The cell comes first: if it has the same block again, then with another stamp. */
static inline int tht_cell_glance_confirm(const thetis_atomic *cell, const tht_cell_glance *glance)
{
    uintptr_t head = thetis_atomic_load_acquire(cell); /* pair: domain.cell */
    return tht_cell_version(head) == glance->version && tht_cell_glance_end(glance);
}

/* Carries out an operation that changes nothing. */
static inline void tht_cell_find(const tht_cells *cells, const tht_cell_kind *kind,
                                 thetis_domain_thread *me, tht_cell_op *op)
{
    for (size_t k = 0; k < cells->tries; k++) {
        uintptr_t head;
        if (tht_cell_seek(cells, kind, me, op, &head) != THETIS_OK) continue;
        (void)kind->look(tht_cell_version(head), op->args, op->result);
        if (!cells->names || tht_cell_confirm(me, op, head)) return;
    }
    tht_cell_find_slow(cells, me, op);
}

#endif
