/* SPDX-License-Identifier: MIT
 *
 * mpmc.h: tracks, of which both forms of thetis/mpmc.h are made; for mpmc*.c, and for tests that
 * want tiny ones, no patience, or positions near the wrap.
 *
 * A track is a bounded queue of values, wait-free for up to as many participants as a word has
 * bits. It has R cells, R a power of two; position `at` lies in cell at mod R, on lap at / R.
 *
 * A cell is one word {lap, id, state, value of `bits` bits}, or two: {lap, id, state}, {value}.
 * Compare-and-swap takes it through these states, and nothing else does:
 *
 *     EMPTY -> FILLED -> EMPTY of the next lap                 a push, a pop, each on its own
 *     EMPTY -> PUTTING(id) -> FILLED, CLOSED, or EMPTY         a push or close asked for by id
 *     FILLED -> TAKING(id) -> EMPTY of the next lap            a pop asked for by id
 *     EMPTY -> WANTING(id) -> EMPTY                            a pop of an empty ring, by id
 *
 * The value of an EMPTY cell counts how often its place was asked for and left: no cell has the
 * same word twice.
 *
 * Invariants:
 *   1 the cells from head on are FILLED up to tail, and EMPTY there: who fills a position knows
 *     that the one before is filled, who empties one that the one before is empty. So tail is the
 *     first position that is not filled, head the first that is not emptied, and only these two
 *     cells may be PUTTING, TAKING or WANTING: nobody passes them before they are settled.
 *   2 a position is filled only if the one C before it is empty, and R > C: the tail's cell can
 *     always take CLOSED, also in a full ring.
 *   3 the words tail and head are not beyond the true ones, and not far behind: see below.
 *
 * Asking. A participant that has lost `patience` times writes its request {sequence, kind,
 * pending, value} into a cell of its own, and sets its bit in `asked`. Whoever begins an operation
 * helps all whose bits are set. To help: read the cell at the tail (or head), then read the
 * request again; if it is still pending, set the cell to PUTTING(id) (TAKING, WANTING). Whoever
 * meets such a cell settles it: it decides the request by compare-and-swap, once for all, and
 * then takes the cell on as was decided. The decision carries the cell's index, by which the
 * owner sees to it that the cell is settled before it asks again.
 *
 * Why an asked operation is done once: a decision is made only while a cell names the request. A
 * helper that sets a cell late, after the decision, would have to find its word as it was when the
 * request was still pending; but the decision was made at this very cell, which has changed for
 * good, or at a later one, and then this one has changed too. So what a cell names is always
 * pending, or decided at this cell and not settled.
 *
 * Why it is bounded: let i ask. Every other participant ends at most the operation that it is in;
 * with the next one it helps i first. So at most n - 1 operations of others end meanwhile; each
 * changes a cell at most twice, and i's own changes one twice. A helper's turn fails only by such
 * a change, so it has at most 2n + 1 turns, and the way from the word tail (head) to the true one.
 *
 * How long that way is. A word is set only by who has filled a position in that very operation:
 * what others know may be from before, and would only make those fail who know more. Let the word
 * have been set to S, and then to T, the last time, by A, who knows that T - 1 was filled after S
 * was set. Who began after T was set, filled a position from T + G - 1 on, and has ended, would
 * have set it anew. Who began after S was set, filled one from T on, and ended before T was set,
 * would have set the word, and A could not have. So the positions from T + G - 1 on are of
 * operations that were under way when S was set, or when T was set, or are now: 3 for each other
 * participant, and what one has filled oneself one knows. So whoever looks begins at most
 * G - 1 + 3 (n - 1) positions behind. For who helps, the operations that are under way now are
 * among those that end in its way, and are counted there; so there are G - 1 + 2 (n - 1) more.
 */
#ifndef THT_MPMC_H
#define THT_MPMC_H

#include <thetis/mpmc.h>
#include <thetis/thread.h>

#if THETIS_CAP_MPMC

#define THT_MPMC_WHOLE (UINTPTR_MAX / 4)

typedef struct tht_mpmc_track {
    thetis_atomic tail THETIS_CACHE_ALIGNED;  /* all below are filled */
    thetis_atomic head THETIS_CACHE_ALIGNED;  /* all below are emptied */
    thetis_atomic asked THETIS_CACHE_ALIGNED; /* bit i: participant i has asked. Rarely written */
    uintptr_t capacity;                       /* C; WHOLE: never more than R - 1 are put in */
    uintptr_t mask;                           /* R - 1 */
    unsigned lap_bits;                        /* R is 2 to this */
    unsigned bits;                            /* of a value in a cell of one word; 0: two words */
    unsigned users;                           /* n */
    unsigned patience;                        /* tries on one's own before asking */
    intptr_t stride;                          /* G: tail and head are written once in so many */
    void *cells;
    unsigned char *requests; /* n cells, each on a line of its own */
} tht_mpmc_track;

/* What a participant does on a track. */
typedef enum tht_mpmc_kind { THT_MPMC_PUSH = 1, THT_MPMC_POP, THT_MPMC_CLOSE } tht_mpmc_kind;

typedef struct tht_mpmc_shape {
    size_t capacity, users;
    unsigned bits, patience, stride;
    int whole;       /* 1: never more than capacity are put in, so that it need not be checked */
    uintptr_t start; /* the first position */
} tht_mpmc_shape;

/* What both forms ask of a configuration. */
int tht_mpmc_valid(const thetis_mpmc_cfg *cfg);

/* For a configuration, with values below `values` in cells of one word; 0: words, in two. */
tht_mpmc_shape tht_mpmc_shape_for(const thetis_mpmc_cfg *cfg, size_t values);

/* R for a capacity; bytes of the cells and of the requests together. */
size_t tht_mpmc_cells(size_t capacity);
size_t tht_mpmc_bytes(const tht_mpmc_shape *shape);

/* An empty track whose cells are in `memory`, aligned to a line and of so many bytes; then
 * `fill` values 0, 1, ... are put in. */
void tht_mpmc_build(tht_mpmc_track *track, void *memory, const tht_mpmc_shape *shape, size_t fill);

/* The view of a participant that has just come: a beginning; each operation looks again. */
void tht_mpmc_arrive(const tht_mpmc_track *track, thetis_mpmc_view_ *view);

/* By participant `id`. put: OK, FULL, CLOSED; take: OK, EMPTY, CLOSED; end: OK, CLOSED. */
thetis_status tht_mpmc_put(tht_mpmc_track *track, thetis_mpmc_view_ *view, unsigned id,
                           uintptr_t value);
thetis_status tht_mpmc_take(tht_mpmc_track *track, thetis_mpmc_view_ *view, unsigned id,
                            uintptr_t *value);
thetis_status tht_mpmc_end(tht_mpmc_track *track, thetis_mpmc_view_ *view, unsigned id);

/* The most steps of put, take or end. */
uint64_t tht_mpmc_bound(const tht_mpmc_track *track, tht_mpmc_kind kind);

/* While nobody uses it: 0 if the cells contradict invariant 1, else 1, and how many are filled. */
int tht_mpmc_sound(const tht_mpmc_track *track, size_t *filled);

/* ---- the two forms --------------------------------------------------------------------------- */

/* Free slots at hand of the participant with this number; nobody else looks at them while it is
 * in. */
typedef struct tht_mpmc_kept {
    size_t n;
    uintptr_t slot[THETIS_MPMC_KEPT_];
} THETIS_CACHE_ALIGNED tht_mpmc_kept;

struct thetis_mpmc {
    tht_mpmc_track full, free;
    thetis_atomic closed; /* 1: somebody has been told so */
    thetis_thread_table *places;
    tht_mpmc_kept *kept;
    unsigned char *elements;
    size_t slots, elem_size, stride, open;
    size_t keep; /* how many free slots a participant keeps; tests want fewer */
};

#if THETIS_CAP_WIDE_CAS
struct thetis_mpmc_value {
    tht_mpmc_track track;
    thetis_thread_table *places;
};
#endif

#endif

#endif
