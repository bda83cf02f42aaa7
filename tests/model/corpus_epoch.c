/* SPDX-License-Identifier: MIT
 *
 * corpus_epoch.c: who still reads, and when memory may go: OpenSSL 26964, ck 63, renoir42 BUG-10
 * and BUG-11. See docs/corpus.md.
 */
#include "corpus.h"

#include <stdlib.h>

/* ---- OpenSSL 26964: the writer looks for readers before its new index is known to them ------- */

static unsigned reader_index, users[2];
static unsigned held[2]; /* the data of each generation; the writer reuses it when it is free */
static unsigned openssl_read;

static void openssl_setup(void)
{
    reader_index = users[0] = users[1] = 0;
    held[0] = held[1] = 1;
    openssl_read = 1;
}

static void openssl_update(void)
{
    STORE(&reader_index, 1, RELAXED);
    if (corpus_fixed) (void)ADD(&users[0], 0, RELEASE);
    if (LOAD(&users[0], ACQUIRE) == 0) held[0] = 2;
}

static void openssl_hold(void)
{
    unsigned index = LOAD(&reader_index, ACQUIRE);
    (void)ADD(&users[index], 1, ACQUIRE);
    if (LOAD(&reader_index, ACQUIRE) == index) openssl_read = held[index];
    (void)ADD(&users[index], -1u, RELEASE);
}

static void openssl_body(unsigned thread)
{
    if (thread == 0) {
        openssl_update();
    } else {
        openssl_hold();
    }
}

static void openssl_done(void)
{
    THETIS_CHECK(openssl_read == 1);
}

CORPUS(openssl, "openssl-26964", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- ck 63: the global epoch is loaded before the reader is marked active -------------------- */

enum { POLLS = 3 };

static unsigned epoch, active, local_epoch;

static void ck_setup(void)
{
    epoch = active = local_epoch = 0;
}

/* No reader is more than one generation behind. */
static void ck_begin(void)
{
    unsigned now = corpus_fixed ? 0 : LOAD(&epoch, RELAXED);
    STORE(&active, 1, RELAXED);
    FENCE(SEQ_CST);
    if (corpus_fixed) now = LOAD(&epoch, RELAXED);
    STORE(&local_epoch, now, RELEASE);
    THETIS_CHECK(LOAD(&epoch, ACQUIRE) - now <= 1);
}

static void ck_poll(void)
{
    unsigned now = LOAD(&epoch, RELAXED);
    FENCE(SEQ_CST);
    if (LOAD(&active, RELAXED) && LOAD(&local_epoch, ACQUIRE) != now) return;
    STORE(&epoch, now + 1, RELEASE);
}

static void ck_body(unsigned thread)
{
    if (thread == 0) {
        ck_begin();
        return;
    }
    for (unsigned k = 0; k < POLLS; k++) ck_poll();
}

static void ck_done(void)
{
    THETIS_CHECK(epoch <= POLLS);
}

CORPUS(ck, "ck-63", 2, "assertion", "random pct dfs dpor", 0, 0);

/* ---- BUG-10: a thread number is given back and taken again without order --------------------- */

static unsigned numbers; /* taken, as bits; there is one */
static unsigned pending; /* of the thread that has the number */

static void renoir_10_setup(void)
{
    numbers = pending = 0;
}

static void renoir_10_body(unsigned thread)
{
    unsigned taken = corpus_fixed ? OR(&numbers, 1, ACQUIRE) : OR(&numbers, 1, RELAXED);
    (void)thread;
    if (taken) return;
    pending++;
    if (corpus_fixed) {
        (void)AND(&numbers, 0, RELEASE);
    } else {
        (void)AND(&numbers, 0, RELAXED);
    }
}

static void renoir_10_done(void)
{
    THETIS_CHECK(pending <= 2);
}

CORPUS(renoir_10, "renoir42-10", 2, "race", "random pct dfs", THETIS_CHECK_WEAK, 0);

/* ---- BUG-11: a node of two levels is freed while the upper one is still being linked --------- */

typedef struct tower {
    unsigned key, erased;
} tower;

static tower *level[2];
static unsigned pinned; /* the inserter is in its critical section */

static void renoir_11_setup(void)
{
    level[0] = level[1] = NULL;
    pinned = 0;
}

static void renoir_11_insert(void)
{
    tower *n = malloc(sizeof *n);
    *n = (tower){7, 0};
    STORE(&pinned, 1, SEQ_CST);
    STORE(&level[0], n, SEQ_CST);
    STORE(&level[1], n, SEQ_CST);
    if (corpus_fixed && LOAD(&n->erased, SEQ_CST)) STORE(&level[1], NULL, SEQ_CST);
    STORE(&pinned, 0, SEQ_CST);
}

/* Freed once no critical section is open that has begun before. */
static void renoir_11_erase(void)
{
    tower *n = LOAD(&level[0], SEQ_CST);
    if (!n) return;
    STORE(&n->erased, 1, SEQ_CST);
    if (LOAD(&level[1], SEQ_CST) == n) STORE(&level[1], NULL, SEQ_CST);
    STORE(&level[0], NULL, SEQ_CST);
    if (LOAD(&pinned, SEQ_CST)) return;
    free(n);
}

static void renoir_11_body(unsigned thread)
{
    if (thread == 0) {
        renoir_11_insert();
    } else {
        renoir_11_erase();
    }
}

/* What can be reached is alive. */
static void renoir_11_done(void)
{
    const tower *n = level[1];
    if (n) THETIS_CHECK(n->key == 7);
}

CORPUS(renoir_11, "renoir42-11", 2, "use after free", "random pct dfs dpor", 0, THETIS_CHECK_LEAKS);
