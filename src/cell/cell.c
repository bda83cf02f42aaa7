/* SPDX-License-Identifier: MIT
 *
 * cell.c: attempts, and announced operations, of cell.h.
 */
#include "cell.h"

#include "../domain/number.h"

/* What an attempt carries out for others, and for its own announced operation. */
typedef struct cell_batch {
    size_t n, most;
    size_t next; /* thread */
    uintptr_t thread[THT_CELL_RECORDS], request[THT_CELL_RECORDS];
    uintptr_t args[THT_CELL_RECORDS][THT_CELL_ARGS];
} cell_batch;

/* ---- finish, collect ------------------------------------------------------------------------- */

/* What a status becomes. */
static uintptr_t cell_answer(const tht_cells *cells, const tht_cell_block *version,
                             const tht_cell_record *record)
{
    if (!cells->names || tht_cell_read(&record->result[0]) != THETIS_EXISTS)
        return (uintptr_t)version;
    return tht_cell_read(&record->result[1]) | THT_CELL_NAMED;
}

/* While the version is protected: it cannot have been retired before all its results were told. */
void tht_cell_finish(const tht_cells *cells, uintptr_t head)
{
    const tht_cell_block *version = tht_cell_version(head);
    if (!version) return;
    const tht_cell_record *record = tht_cell_records(version);
    for (size_t n = tht_cell_get(version, THT_CELL_RECORDS_N); n > 0; n--, record++)
        thetis_domain_finish(cells->domain, tht_cell_read(&record->thread),
                             tht_cell_read(&record->request),
                             cell_answer(cells, version, record));
}

/* Adds a thread's operation, if it is pending and goes to this place. */
static void cell_collect_one(const tht_cells *cells, const void *place, size_t id,
                             cell_batch *batch)
{
    uintptr_t *args = batch->args[batch->n];
    uintptr_t request = thetis_domain_pending(cells->domain, id, args, cells->args);
    if (!request || args[0] != cells->self || !cells->kind->goes(place, args)) return;
    batch->thread[batch->n] = id;
    batch->request[batch->n++] = request;
    batch->next = id + 1;
}

/* Those of the threads from .. to-1 that have set their bits. */
static void cell_collect_range(const tht_cells *cells, const void *place, size_t from, size_t to,
                               size_t self, cell_batch *batch)
{
    enum { BITS = THETIS_CAP_WORD_BITS };
    for (size_t id = from; id < to; id = id / BITS * BITS + BITS) {
        uintptr_t bits = thetis_atomic_load_relaxed(&cells->mask[id / BITS]) >> (id % BITS);
        for (size_t k = id; bits && k < to; k++, bits >>= 1) {
            if (batch->n == batch->most) return;
            if ((bits & 1) && k != self) cell_collect_one(cells, place, k, batch);
        }
    }
}

static void cell_collect(const tht_cells *cells, size_t self, const void *place, size_t next,
                         cell_batch *batch)
{
    size_t threads = cells->domain->threads_;
    batch->next = next;
    cell_collect_range(cells, place, next, threads, self, batch);
    if (next > 0) cell_collect_range(cells, place, 0, next, self, batch);
}

/* ---- build ----------------------------------------------------------------------------------- */

/* Bytes of the content: what one operation makes fewer counts only if it is the only one. `own` is
 * the caller's, if it is not announced, or NULL. */
static size_t cell_bytes(const tht_cells *cells, const tht_cell_block *version,
                         const cell_batch *batch, const uintptr_t *own)
{
    const tht_cell_kind *kind = cells->kind;
    size_t bytes = kind->bytes(version), more = 0;
    if (own) {
        ptrdiff_t grows = kind->grows(version, own);
        if (batch->n == 0) return (size_t)((ptrdiff_t)bytes + grows);
        if (grows > 0) more = (size_t)grows;
    }
    for (size_t k = 0; k < batch->n; k++) {
        ptrdiff_t grows = kind->grows(version, batch->args[k]);
        if (grows > 0) more += (size_t)grows;
    }
    return batch->n * sizeof(tht_cell_record) + bytes + more;
}

/* The smallest block that is large enough and to be had; NULL: there is none. */
tht_cell_block *tht_cell_take(const tht_cells *cells, thetis_domain_thread *me, size_t bytes)
{
    void *block = NULL;
    size_t k = 0;
    bytes += sizeof(tht_cell_block);
    THETIS_ASSERT2(bytes <= cells->sizes[cells->size_n - 1].bytes);
    while (cells->sizes[k].bytes < bytes) k++;
    while (k < cells->size_n &&
           thetis_pool_take(cells->sizes[k].pool, me, &block) != THETIS_OK) {
        k++;
    }
    if (block)
        tht_cell_write(&((tht_cell_block *)block)->fields, tht_cell_shifted(THT_CELL_SIZE, k));
    return block;
}

/* Carries out what a batch has, and records the result. */
static void cell_apply(const tht_cells *cells, tht_cell_block *block, const cell_batch *batch,
                       size_t k)
{
    uintptr_t result[THT_CELL_RESULT] = {0};
    tht_cell_record *record = tht_cell_records(block) + k;
    cells->kind->apply(block, batch->args[k], result);
    tht_cell_write(&record->thread, batch->thread[k]);
    tht_cell_write(&record->request, batch->request[k]);
    for (size_t i = 0; i < THT_CELL_RESULT; i++) tht_cell_write(&record->result[i], result[i]);
}

static void cell_fill(const tht_cells *cells, tht_cell_block *block,
                      const tht_cell_block *version, const cell_batch *batch,
                      const tht_cell_op *own)
{
    const tht_cell_kind *kind = cells->kind;
    tht_cell_start(block, batch->n, batch->next < cells->domain->threads_ ? batch->next : 0);
    if (batch->n == 0) {
        kind->make(block, version, own->args, own->result);
        return;
    }
    kind->copy(block, version);
    if (own) kind->apply(block, own->args, own->result);
    for (size_t k = 0; k < batch->n; k++) cell_apply(cells, block, batch, k);
}

/* A word that no cell has had before. */
uintptr_t tht_cell_empty(const tht_cells *cells, const thetis_domain_thread *me)
{
    size_t id = thetis_domain_self(me);
    uintptr_t *n = &cells->empties[id * cells->stride];
    return tht_number(++*n, cells->domain->step_, id) << 3 | THT_CELL_EMPTY;
}

/* What to put into the cell; 0: out of memory. What one operation leaves without content, with
 * nothing to tell to others, needs no version. */
static uintptr_t cell_build(const tht_cells *cells, thetis_domain_thread *me,
                            const tht_cell_op *own, const tht_cell_block *version,
                            const cell_batch *batch)
{
    size_t bytes = cell_bytes(cells, version, batch, own ? own->args : NULL);
    if (bytes == 0) {
        cells->kind->make(NULL, version, own->args, own->result);
        return tht_cell_empty(cells, me);
    }
    tht_cell_block *block = tht_cell_take(cells, me, bytes);
    if (block) cell_fill(cells, block, version, batch, own);
    return (uintptr_t)block;
}

/* ---- attempts -------------------------------------------------------------------------------- */

static thetis_pool *cell_pool(const tht_cells *cells, const tht_cell_block *version)
{
    return cells->sizes[tht_cell_get(version, THT_CELL_SIZE)].pool;
}

/* What was of no use. */
void tht_cell_drop(const tht_cells *cells, thetis_domain_thread *me, uintptr_t word)
{
    tht_cell_block *version = tht_cell_version(word);
    if (version) thetis_pool_give(cell_pool(cells, version), me, version);
}

void tht_cell_retire(const tht_cells *cells, thetis_domain_thread *me, uintptr_t head)
{
    tht_cell_block *version = tht_cell_version(head);
    thetis_domain_clear(me, THT_CELL_HAZARD);
    if (version) thetis_pool_retire(cell_pool(cells, version), me, version);
}

/* One's own announced operation comes first. */
static void cell_begin(const tht_cells *cells, const thetis_domain_thread *me,
                       const tht_cell_op *op, cell_batch *batch)
{
    batch->n = op->request && cells->kind->goes(op->place, op->args) ? 1 : 0;
    batch->most = cells->batch + batch->n;
    if (batch->n == 0) return;
    batch->thread[0] = thetis_domain_self(me);
    batch->request[0] = op->request;
    for (size_t k = 0; k < cells->args; k++) batch->args[0][k] = op->args[k];
}

/* The word after the head: with the batch, and `own`; 0: out of memory; the head: nothing to do. */
static uintptr_t cell_next(const tht_cells *cells, thetis_domain_thread *me,
                           const tht_cell_op *op, const tht_cell_op *own, uintptr_t head)
{
    const tht_cell_block *version = tht_cell_version(head);
    size_t next = version ? tht_cell_get(version, THT_CELL_NEXT) : 0;
    cell_batch batch;
    cell_begin(cells, me, op, &batch);
    cell_collect(cells, thetis_domain_self(me), op->place, next, &batch);
    return own || batch.n > 0 ? cell_build(cells, me, own, version, &batch) : head;
}

/* With what the head has told already. */
static thetis_status cell_attempt(const tht_cells *cells, thetis_domain_thread *me,
                                  const tht_cell_op *op, uintptr_t head)
{
    uintptr_t word = cell_next(cells, me, op, op->request ? NULL : op, head);
    if (!word) return THETIS_ENOMEM;
    if (!thetis_domain_cas(op->cell, head, word)) {
        tht_cell_drop(cells, me, word);
        return THETIS_AGAIN;
    }
    tht_cell_retire(cells, me, head);
    return THETIS_OK;
}

thetis_status tht_cell_attempt(const tht_cells *cells, thetis_domain_thread *me,
                               const tht_cell_op *op, uintptr_t head)
{
    tht_cell_finish(cells, head);
    return cell_attempt(cells, me, op, head);
}

/* The same version may have been frozen meanwhile. One without content names nothing. Words of
 * blocks that the hazard protected before were read with acquire, so before it is stored. */
int tht_cell_confirm(thetis_domain_thread *me, const tht_cell_op *op, uintptr_t head)
{
    const tht_cell_block *version = tht_cell_version(head);
    thetis_atomic *hazard = thetis_domain_hazard_(me, THT_CELL_NAMED_HAZARD);
    if (!version) return 1;
    if (op->result[0] == THETIS_EXISTS) {
        thetis_atomic_store_relaxed(hazard, op->result[1]);
        thetis_atomic_fence_seq_cst();
    }
    return tht_cell_version(thetis_atomic_load_relaxed(op->cell)) == version;
}

thetis_status tht_cell_freeze(const tht_cells *cells, thetis_domain_thread *me,
                              const tht_cell_op *op, uintptr_t head)
{
    tht_cell_op at = *op;
    tht_cell_finish(cells, head);
    if (at.request && thetis_domain_answer(me) != at.request) at.request = 0; /* it is done */
    uintptr_t word = cell_next(cells, me, &at, NULL, head);
    if (!word) return THETIS_ENOMEM;
    if (!thetis_domain_cas(op->cell, head, word | THT_CELL_FROZEN)) {
        if (word != head) tht_cell_drop(cells, me, word);
        return THETIS_AGAIN;
    }
    if (word != head) tht_cell_retire(cells, me, head);
    return THETIS_OK;
}

/* ---- announced operations -------------------------------------------------------------------- */

static thetis_atomic *cell_mask(const tht_cells *cells, const thetis_domain_thread *me,
                                uintptr_t *bit)
{
    size_t id = thetis_domain_self(me);
    *bit = (uintptr_t)1 << id % THETIS_CAP_WORD_BITS;
    return &cells->mask[id / THETIS_CAP_WORD_BITS];
}

static void cell_count(const tht_cells *cells, const thetis_domain_thread *me)
{
    thetis_atomic *count = &cells->announced[thetis_domain_self(me) * cells->stride];
    thetis_atomic_store_relaxed(count, thetis_atomic_load_relaxed(count) + 1);
}

/* The bit comes before whatever the attempts load. */
static uintptr_t cell_announce(const tht_cells *cells, thetis_domain_thread *me,
                               const tht_cell_op *op)
{
    cell_count(cells, me);
    uintptr_t bit, request = thetis_domain_announce(me, op->args, cells->args);
    thetis_atomic *word = cell_mask(cells, me, &bit);
    (void)thetis_atomic_fetch_add_relaxed(word, bit);
    thetis_atomic_fence_seq_cst();
    return request;
}

/* First the request, then the bit: who still sees the bit finds nothing. */
static void cell_withdraw(const tht_cells *cells, thetis_domain_thread *me)
{
    uintptr_t bit;
    thetis_atomic *word = cell_mask(cells, me, &bit);
    thetis_domain_withdraw(me);
    (void)thetis_atomic_fetch_sub_relaxed(word, bit);
    thetis_domain_clear(me, THT_CELL_HAZARD);
}

/* From the status to a hazard: whoever looks for the block looks there in this order, and has seen
 * the hazard if it sees that the status was withdrawn. */
static void cell_result_named(uintptr_t answer, thetis_domain_thread *me, uintptr_t *result)
{
    thetis_atomic *hazard = thetis_domain_hazard_(me, THT_CELL_NAMED_HAZARD);
    result[0] = THETIS_EXISTS;
    result[1] = answer & ~THT_CELL_NAMED;
    thetis_atomic_store_relaxed(hazard, result[1]);
}

/* Takes the result from the version that has it, which the status word protects. */
static void cell_result(uintptr_t answer, thetis_domain_thread *me, uintptr_t request,
                        uintptr_t *result)
{
    if (answer & THT_CELL_NAMED) {
        cell_result_named(answer, me, result);
        return;
    }
    const tht_cell_block *version = tht_cell_version(answer);
    const tht_cell_record *record = tht_cell_records(version);
    while (tht_cell_read(&record->thread) != thetis_domain_self(me) ||
           tht_cell_read(&record->request) != request) {
        record++;
    }
    THETIS_ASSERT2(record < tht_cell_records(version) + tht_cell_get(version, THT_CELL_RECORDS_N));
    for (size_t k = 0; k < THT_CELL_RESULT; k++) result[k] = tht_cell_read(&record->result[k]);
}

/* Rounds that find that the cell has moved. */
static size_t cell_moves(const tht_cells *cells)
{
    return tht_cell_moves(cells->domain->threads_, cells->batch, cells->moves);
}

static size_t cell_rounds(const tht_cells *cells)
{
    size_t others = cells->domain->threads_ - 1;
    return 2 + (others + cells->batch - 1) / cells->batch + cell_moves(cells);
}

/* A lookup may also find that somebody else has given up the cell. */
static size_t cell_seeks(const tht_cells *cells)
{
    return cell_rounds(cells) + (cells->moves ? 1 : 0);
}

/* Until somebody has carried it out. Returns the version with the result. */
static uintptr_t cell_insist(const tht_cells *cells, thetis_domain_thread *me, tht_cell_op *op)
{
    for (size_t round = 0;; round++) {
        uintptr_t head, answer;
        THETIS_ASSERT2(round < cell_rounds(cells));
        thetis_status s = tht_cell_reach(cells, cells->kind, me, op, &head);
        if (s == THETIS_OK) tht_cell_finish(cells, head);
        answer = thetis_domain_answer(me);
        if (answer != op->request) return answer;
        if (s == THETIS_OK) (void)cell_attempt(cells, me, op, head);
    }
}

static size_t cell_needs(const tht_cells *cells)
{
    return tht_cell_needs(cells->domain->threads_, cells->batch, cells->moves);
}

/* In a block that is reserved, behind what may be taken for the header of a version. */
static thetis_atomic *cell_link(void *block)
{
    return &((tht_cell_block *)block)[1].fields;
}

/* Whoever announces must not run out of memory. Blocks that are given back stay in the caller's
 * magazine, where its next attempts find them: a batch at least does. */
static thetis_status cell_reserve(const tht_cells *cells, thetis_domain_thread *me)
{
    thetis_pool *largest = cells->sizes[cells->size_n - 1].pool;
    void *block = NULL, *last = NULL;
    size_t left = cell_needs(cells);
    for (; left > 0 && thetis_pool_take(largest, me, &block) == THETIS_OK; left--) {
        tht_cell_write(cell_link(block), (uintptr_t)last);
        last = block;
    }
    while (last) {
        block = last;
        last = (void *)tht_cell_read(cell_link(block));
        thetis_pool_give(largest, me, block);
    }
    return left > 0 ? THETIS_ENOMEM : THETIS_OK;
}

thetis_status tht_cell_update_slow(const tht_cells *cells, thetis_domain_thread *me,
                                   tht_cell_op *op)
{
    if (cell_reserve(cells, me) != THETIS_OK) return THETIS_ENOMEM;
    op->request = cell_announce(cells, me, op);
    cell_result(cell_insist(cells, me, op), me, op->request, op->result);
    cell_withdraw(cells, me);
    return THETIS_OK;
}

/* Announced: until the head is protected, or somebody else has carried it out. Returns the request,
 * or the version with the result. */
static uintptr_t cell_search(const tht_cells *cells, thetis_domain_thread *me, tht_cell_op *op,
                             uintptr_t *head)
{
    uintptr_t answer = op->request = cell_announce(cells, me, op);
    for (size_t round = 0; answer == op->request; round++) {
        THETIS_ASSERT2(round < cell_seeks(cells));
        if (tht_cell_seek(cells, cells->kind, me, op, head) == THETIS_OK) {
            (void)cells->kind->look(tht_cell_version(*head), op->args, op->result);
            if (!cells->names || tht_cell_confirm(me, op, *head)) break;
        }
        answer = thetis_domain_answer(me);
    }
    return answer;
}

void tht_cell_find_slow(const tht_cells *cells, thetis_domain_thread *me, tht_cell_op *op)
{
    uintptr_t head, answer = cell_search(cells, me, op, &head);
    if (answer != op->request) cell_result(answer, me, op->request, op->result);
    cell_withdraw(cells, me);
}

const tht_cell_block *tht_cell_hold(const tht_cells *cells, const tht_cell_kind *kind,
                                    thetis_domain_thread *me, tht_cell_op *op)
{
    uintptr_t head, answer;
    for (size_t k = 0; k < cells->tries; k++)
        if (tht_cell_seek(cells, kind, me, op, &head) == THETIS_OK) return tht_cell_version(head);
    answer = cell_search(cells, me, op, &head);
    if (answer == op->request) return tht_cell_version(head);
    op->cell = NULL;
    return tht_cell_version(answer);
}

void tht_cell_release(const tht_cells *cells, thetis_domain_thread *me, const tht_cell_op *op)
{
    if (op->request) cell_withdraw(cells, me);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

uint64_t tht_cell_block_bound(const tht_cells *cells, thetis_pool_op op)
{
    uint64_t most = 0;
    for (size_t k = 0; k < cells->size_n; k++) {
        uint64_t steps = thetis_pool_bound(cells->sizes[k].pool, op, 1);
        if (steps > most) most = steps;
    }
    return most;
}

/* The records of a version: of others, and one of its author. */
static uint64_t cell_records_bound(const tht_cells *cells)
{
    uint64_t others = cells->domain->threads_ - 1;
    return 1 + (others < cells->batch ? others : cells->batch);
}

/* For each record a thread, a request, a status; and a result that may name a block. */
uint64_t tht_cell_finish_bound(const tht_cells *cells)
{
    return 1 + (cells->names ? 5 : 3) * cell_records_bound(cells);
}

/* To read through a version, and to know that it was right: hazard, head. */
static uint64_t cell_look_bound(const tht_cells *cells, const tht_cell_cost *cost)
{
    return cost->look + (cells->names ? 2 : 0);
}

/* Collect: where to begin, the words of the mask, one of them twice, each thread's announcement.
 * Build: header, records, content, of which the size is one word. Compare-and-swap. */
static uint64_t cell_attempt_bound(const tht_cells *cells, const tht_cell_cost *cost)
{
    uint64_t threads = cells->domain->threads_, records = cell_records_bound(cells);
    uint64_t collect = 2 + THT_CELL_MASK_WORDS(threads) + (threads - 1) * (cells->args + 2);
    uint64_t build = 3 + records * (2 + THT_CELL_RESULT + cost->grows + cost->apply) +
                     1 + cost->copy;
    return 1 + collect + build + 1;
}

/* Blocks of the attempts: the first of each size may be taken from the shared store. One that goes
 * back comes to the caller's magazine, 3 steps with the look at its size, from where the next of
 * that size is taken, 3 steps. To find that there is none of a size takes 2. */
static uint64_t cell_blocks_bound(const tht_cells *cells, uint64_t attempts)
{
    uint64_t first = attempts < cells->size_n ? attempts : cells->size_n;
    return first * tht_cell_block_bound(cells, THETIS_POOL_TAKE) + (attempts - first) * 3 +
           (attempts - 1) * 3 + attempts * (cells->size_n - 1) * 2;
}

/* Announcement, bit, count; withdrawal, bit, hazard. */
static uint64_t cell_announce_bound(const tht_cells *cells)
{
    return cells->args + 2 + 2 + 3;
}

/* The record, and how many there are. */
static uint64_t cell_result_bound(const tht_cells *cells)
{
    return 2 * cell_records_bound(cells) + 1 + THT_CELL_RESULT;
}

/* The largest attempt, without a successful retire. */
uint64_t tht_cell_freeze_bound(const tht_cells *cells, const tht_cell_cost *cost)
{
    return tht_cell_finish_bound(cells) + cell_attempt_bound(cells, cost) +
           cell_blocks_bound(cells, 1) + 2 + tht_cell_block_bound(cells, THETIS_POOL_RETIRE);
}

/* K attempts; in all rounds but the last another one; one attempt succeeds, clears its hazard and
 * retires. Where cells move the first round may have one to move, and each that finds it moved. */
uint64_t tht_cell_update_bound(const tht_cells *cells, const tht_cell_cost *cost)
{
    uint64_t head = 3 + cost->reach + tht_cell_finish_bound(cells);
    uint64_t attempt = cell_attempt_bound(cells, cost);
    uint64_t rounds = cell_rounds(cells), attempts = cells->tries + rounds - 1;
    uint64_t reserve = (tht_cell_block_bound(cells, THETIS_POOL_TAKE) + 2) * cell_needs(cells) +
                       tht_cell_block_bound(cells, THETIS_POOL_GIVE) * cell_needs(cells);
    return cells->tries * (1 + cell_look_bound(cells, cost) + head) + rounds * (head + 1) +
           attempts * attempt + cell_blocks_bound(cells, attempts) + reserve +
           cell_announce_bound(cells) + cell_result_bound(cells) + 2 +
           tht_cell_block_bound(cells, THETIS_POOL_RETIRE) +
           (1 + cell_moves(cells)) * cost->drain;
}

/* Attempts to protect, K; the announcement, an attempt in each round, and one look. Where content
 * names blocks, each of them may look in vain. */
uint64_t tht_cell_hold_bound(const tht_cells *cells, const tht_cell_cost *cost)
{
    uint64_t look = cell_look_bound(cells, cost), vain = cells->names ? look : 0;
    return cells->tries * (3 + cost->seek + vain) + cell_announce_bound(cells) +
           (4 + cost->seek + vain) * cell_seeks(cells) + 1 + look - vain;
}

/* A glance: the head twice, the stamp twice. */
uint64_t tht_cell_find_bound(const tht_cells *cells, const tht_cell_cost *cost)
{
    uint64_t glance = cells->tries > 0 ? 4 + cost->look : 0;
    return glance + tht_cell_hold_bound(cells, cost) + cell_result_bound(cells);
}
