/* SPDX-License-Identifier: MIT
 *
 * corpus_map.c: faults that the author of the renoir42 blog tells of his maps and rings: BUG-1, 2,
 * 3, 12 and 13 (twice). See docs/corpus.md.
 */
#include "corpus.h"

/* ---- BUG-1: two inserts give way to each other on one empty slot, for ever ------------------- */

enum { SLOTS = 2, ALONE = 5, RETRY = 3, INSERT_STEPS = ALONE + 4 * RETRY };

static unsigned wish[2];
static unsigned slots[SLOTS]; /* 0: empty, else 1 + the thread */

static void renoir_1_setup(void)
{
    wish[0] = wish[1] = slots[0] = slots[1] = 0;
}

/* Announces, looks, and withdraws when the other has announced, too. */
static void insert_politely(unsigned thread)
{
    for (;;) {
        STORE(&wish[thread], 1, SEQ_CST);
        if (LOAD(&wish[1 - thread], SEQ_CST) == 0) break;
        STORE(&wish[thread], 0, SEQ_CST);
    }
    unsigned at = LOAD(&slots[0], SEQ_CST) == 0 ? 0 : 1;
    STORE(&slots[at], 1 + thread, SEQ_CST);
    STORE(&wish[thread], 0, SEQ_CST);
}

/* One of the two takes the slot, the other goes on to the next. */
static void insert_firmly(unsigned thread)
{
    for (unsigned at = 0; at < SLOTS; at++) {
        unsigned empty = 0;
        if (CAS(&slots[at], &empty, 1 + thread, SEQ_CST, SEQ_CST)) return;
    }
}

static void renoir_1_body(unsigned thread)
{
    if (corpus_fixed) {
        thetis_check_begin("corpus.insert", SLOTS);
        insert_firmly(thread);
    } else {
        thetis_check_begin("corpus.insert", INSERT_STEPS);
        insert_politely(thread);
    }
    thetis_check_end();
}

static void renoir_1_done(void)
{
    THETIS_CHECK(slots[0] != slots[1] || slots[0] == 0);
}

CORPUS(renoir_1, "renoir42-1", 2, "bound", "random pct dfs dpor", 0, 0);

/* ---- BUG-2: the count is a word of its own, and lags behind the slots ------------------------ */

enum { NOT_ASKED = 1 };

static unsigned present; /* a bit for each key */
static int size_word, size_seen;

static void renoir_2_setup(void)
{
    present = 0;
    size_word = 0;
    size_seen = NOT_ASKED;
}

static void map_insert(void)
{
    (void)OR(&present, 1, SEQ_CST);
    if (!corpus_fixed) (void)ADD(&size_word, 1, SEQ_CST);
}

static void map_erase(void)
{
    unsigned before = AND(&present, ~1u, SEQ_CST);
    if (before && !corpus_fixed) (void)ADD(&size_word, -1, SEQ_CST);
}

static int map_size(void)
{
    return corpus_fixed ? __builtin_popcount(LOAD(&present, SEQ_CST)) : LOAD(&size_word, SEQ_CST);
}

static void renoir_2_body(unsigned thread)
{
    if (thread == 0) {
        map_insert();
    } else if (thread == 1) {
        map_erase();
    } else {
        size_seen = map_size();
    }
}

static void renoir_2_done(void)
{
    if (size_seen < 0) thetis_check_fail("history", "a size below 0", __FILE__, __LINE__);
}

CORPUS(renoir_2, "renoir42-2", 3, "history", "random pct dfs dpor", 0, 0);

/* ---- BUG-3: an erase waits for the resize, which waits for the erase ------------------------- */

static unsigned resizing, erasing;
static unsigned table; /* plain: whoever may be in is alone */

static int no_resize(void *unused)
{
    (void)unused;
    return !resizing;
}

static int no_erase(void *unused)
{
    (void)unused;
    return !erasing;
}

static void renoir_3_setup(void)
{
    resizing = erasing = table = 0;
}

static void map_erase_blocking(void)
{
    (void)ADD(&erasing, 1, SEQ_CST);
    while (LOAD(&resizing, SEQ_CST)) {
        if (corpus_fixed) (void)ADD(&erasing, -1u, SEQ_CST);
        thetis_check_wait(no_resize, NULL);
        if (corpus_fixed) (void)ADD(&erasing, 1, SEQ_CST);
    }
    table++;
    (void)ADD(&erasing, -1u, SEQ_CST);
}

static void map_resize(void)
{
    (void)ADD(&resizing, 1, SEQ_CST);
    thetis_check_wait(no_erase, NULL);
    (void)ADD(&erasing, 0, SEQ_CST); /* learns what the last erase did */
    table++;
    (void)ADD(&resizing, -1u, SEQ_CST);
}

static void renoir_3_body(unsigned thread)
{
    if (thread == 0) {
        map_erase_blocking();
    } else {
        map_resize();
    }
}

static void renoir_3_done(void)
{
    THETIS_CHECK(table == 2);
}

CORPUS(renoir_3, "renoir42-3", 2, "deadlock", "random pct dfs dpor", 0, THETIS_CHECK_BLOCKING);

/* ---- BUG-12: two producers while the ring finds out how many there are ----------------------- */

enum { UNKNOWN, SINGLE, MULTIPLE };

static unsigned mode, tail;
static unsigned items[2];

static void renoir_12_setup(void)
{
    mode = UNKNOWN;
    tail = items[0] = items[1] = 0;
}

/* Check, then act: both may come out as the single one. */
static bool is_single(void)
{
    if (LOAD(&mode, ACQUIRE) != UNKNOWN) {
        STORE(&mode, MULTIPLE, RELEASE);
        return false;
    }
    STORE(&mode, SINGLE, RELEASE);
    return true;
}

static void renoir_12_body(unsigned thread)
{
    if (!corpus_fixed && is_single()) {
        unsigned at = LOAD(&tail, RELAXED);
        items[at] = 1 + thread;
        STORE(&tail, at + 1, RELEASE);
    } else {
        items[ADD(&tail, 1, ACQ_REL)] = 1 + thread;
    }
}

static void renoir_12_done(void)
{
    THETIS_CHECK(tail <= 2 && items[0] <= 2 && items[1] <= 2);
}

CORPUS(renoir_12, "renoir42-12", 2, "race", "random pct dfs dpor", 0, 0);

/* ---- BUG-13: the new table is put in place when all batches are claimed, not when copied ----- */

enum { BATCHES = 2, UNSEEN = 2 };

static unsigned old_table[BATCHES], new_table[BATCHES];
static unsigned *current;
static unsigned claimed, copied;
static unsigned looked_up[BATCHES]; /* what each helper then finds in the other's batch */

static void renoir_13_setup(void)
{
    for (unsigned k = 0; k < BATCHES; k++) {
        old_table[k] = 1;
        new_table[k] = 0;
        looked_up[k] = UNSEEN;
    }
    current = old_table;
    claimed = copied = 0;
}

static void help_migrate(void)
{
    for (;;) {
        unsigned batch = ADD(&claimed, 1, ACQ_REL);
        if (batch >= BATCHES) break;
        STORE(&new_table[batch], LOAD(&old_table[batch], ACQUIRE), RELEASE);
        (void)ADD(&copied, 1, ACQ_REL);
    }
    if (corpus_fixed && LOAD(&copied, ACQUIRE) < BATCHES) return;
    STORE(&current, new_table, RELEASE);
}

static void renoir_13_body(unsigned thread)
{
    help_migrate();
    unsigned *now = LOAD(&current, ACQUIRE);
    looked_up[thread] = LOAD(&now[thread], ACQUIRE);
}

static void renoir_13_done(void)
{
    for (unsigned k = 0; k < BATCHES; k++) THETIS_CHECK(looked_up[k] != 0);
}

CORPUS(renoir_13, "renoir42-13", 2, "assertion", "random pct dfs dpor", 0, 0);

/* ---- BUG-13, race 3: two helpers do not agree on which of two steps came first --------------- */

enum { HELPERS = 2, SAW_FIRST_ONLY = 1 };

static unsigned swung, drained;
static unsigned saw[HELPERS];

static void renoir_13_3_setup(void)
{
    swung = drained = saw[0] = saw[1] = 0;
}

static unsigned look_at(const unsigned *first, const unsigned *second)
{
    unsigned seen = LOAD(first, ACQUIRE);
    if (corpus_fixed) FENCE(SEQ_CST);
    return seen | LOAD(second, ACQUIRE) << 1;
}

static void renoir_13_3_body(unsigned thread)
{
    if (thread == 0) {
        STORE(&swung, 1, RELEASE);
    } else if (thread == 1) {
        STORE(&drained, 1, RELEASE);
    } else if (thread == 2) {
        saw[0] = look_at(&swung, &drained);
    } else {
        saw[1] = look_at(&drained, &swung);
    }
}

static void renoir_13_3_done(void)
{
    THETIS_CHECK(saw[0] != SAW_FIRST_ONLY || saw[1] != SAW_FIRST_ONLY);
}

CORPUS(renoir_13_3, "renoir42-13-3", 4, "assertion", "random pct dfs", THETIS_CHECK_WEAK, 0);
