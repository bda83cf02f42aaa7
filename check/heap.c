/* SPDX-License-Identifier: MIT
 *
 * heap.c: malloc as scenarios see it.
 *
 * Blocks are cut from a reserved area, at the same addresses for the same schedule. Each lies
 * between words that nobody may touch. Freed blocks are poisoned and, in the mode without reuse,
 * never given out again in the schedule, so that a late access is seen; in the mode with reuse the
 * next block of that size is the one freed last, so that an ABA problem shows.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cell.h"
#include "room.h"
#include "trace.h"

enum { POISON_NEW = 0xCD, POISON_FREED = 0xDB, ALIGN = 16, CLASSES = 64 };
#define AREA_BYTES ((size_t)256 << 20)
#define AREA_AT ((void *)(uintptr_t)0x200000000000)

typedef struct block {
    size_t bytes; /* asked for */
    uint32_t live, retired;
    struct block *freed; /* the one freed before, of the same class */
    uint64_t unused;
} block;

_Static_assert(sizeof(block) % ALIGN == 0, "the payload is aligned");

static char *area;
static size_t used;     /* bytes */
static uint64_t live;   /* blocks */
static block *freed[CLASSES];

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

void tst_heap_begin(void)
{
    if (!area) {
        area = mmap(AREA_AT, AREA_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (area == MAP_FAILED) tst_die("no memory for the heap");
    }
    if (used > 0) tst_cell_dead((uintptr_t)area, used, true);
    used = 0;
    live = 0;
    memset(freed, 0, sizeof freed);
}

bool tst_heap_owns(const void *memory)
{
    return area && (uintptr_t)memory - (uintptr_t)area < AREA_BYTES;
}

static block *block_of(const void *payload)
{
    return (block *)(void *)((char *)(uintptr_t)payload - sizeof(block));
}

/* A block begins there: before it lie words that nobody may touch. */
static bool allocated(const void *payload)
{
    const block *b = block_of(payload);
    return tst_heap_owns(payload) && !tst_cell_is_dead((uintptr_t)payload) &&
           tst_cell_is_dead((uintptr_t)b) && b->live;
}

/* A block freed earlier, of the same size, or NULL. */
static block *reuse(size_t bytes, size_t align)
{
    size_t class = rounded(bytes) / ALIGN;
    if (!tst.reuse || align > ALIGN || class >= CLASSES || !freed[class]) return NULL;
    block *b = freed[class];
    freed[class] = b->freed;
    return b;
}

static block *cut(size_t bytes, size_t align)
{
    size_t at = rounded(used + sizeof(block));
    at = (at + align - 1) / align * align;
    size_t end = at + rounded(bytes) + ALIGN; /* words behind it that nobody may touch */
    if (bytes > AREA_BYTES || end > AREA_BYTES) return NULL;
    tst_cell_dead((uintptr_t)area + used, end - used, true);
    memset(area + used, POISON_NEW, end - used); /* in place of what an earlier schedule left */
    used = end;
    return block_of(area + at);
}

/* Atomic locations in the block now have another value, whatever it is. */
static void fill(void *payload, size_t bytes, int with)
{
    bool runs = tst.self != TST_HARNESS;
    for (size_t k = 0; runs && k < bytes; k += TST_WORD) {
        tst_cell *cell = tst_cell_at((uintptr_t)payload + k);
        for (tst_atom *a = cell->atoms; a; a = a->next) tst_plain_write(a);
    }
    memset(payload, with, bytes);
}

void *tst_heap_alloc(size_t bytes, size_t align)
{
    if (tst.self != TST_HARNESS && ++tst.allocs == tst.fail_alloc) return NULL;
    if (bytes == 0) bytes = 1;
    if (align < ALIGN) align = ALIGN;
    block *b = reuse(bytes, align);
    if (!b) b = cut(bytes, align);
    if (!b) return NULL;
    live++;
    b->bytes = bytes;
    b->live = 1;
    b->retired = 0;
    tst_cell_dead((uintptr_t)(b + 1), bytes, false);
    fill(b + 1, bytes, POISON_NEW);
    if (tst.tracing) tst_trace_block((uintptr_t)(b + 1), bytes);
    if (tst.self != TST_HARNESS) {
        for (size_t k = 0; k < bytes; k += TST_WORD)
            tst_race_forget(tst_cell_at((uintptr_t)(b + 1) + k));
    }
    return b + 1;
}

/* Freeing is a write to all of the block: an access that is not ordered before it is a race. So
 * what one thread only reads and another one frees is shared. */
static void race_all(const void *payload, size_t bytes, void *site)
{
    for (size_t k = 0; k < bytes; k += TST_WORD) {
        tst_cell *cell = tst_cell_at((uintptr_t)payload + k);
        if (!(cell->writers >> tst.self & 1) || !cell->plain) tst_cell_learn(cell, true, 0, 0);
        if (cell->shared) tst_race(cell, 0xFF, true, false, site);
    }
}

void tst_heap_free(void *payload, void *site)
{
    block *b = block_of(payload);
    if (!payload) return;
    if (!allocated(payload)) {
        tst_fail("use after free", site, "a block is freed that is not allocated");
        return;
    }
    if (tst.self != TST_HARNESS) race_all(payload, b->bytes, site);
    if (b->retired) tst.retired--;
    b->live = 0;
    live--;
    fill(payload, b->bytes, POISON_FREED);
    tst_cell_dead((uintptr_t)payload, b->bytes, tst_fault != TST_FAULT_NO_QUARANTINE);
    size_t class = rounded(b->bytes) / ALIGN;
    if (class >= CLASSES) return;
    b->freed = freed[class];
    freed[class] = b;
}

size_t tst_heap_size(const void *payload)
{
    return block_of(payload)->bytes;
}

void tst_heap_retire(const void *payload)
{
    block *b = block_of(payload);
    if (!allocated(payload) || b->retired) {
        tst_fail("use after free", NULL, "what is retired is no allocated block, or was retired");
        return;
    }
    b->retired = 1;
    if (++tst.retired > tst.garbage_max) tst.garbage_max = tst.retired;
    if (tst.retired > tst.scenario->garbage) {
        tst_fail("garbage", NULL, "%llu blocks are retired and not freed, %llu are allowed",
                 (unsigned long long)tst.retired, (unsigned long long)tst.scenario->garbage);
    }
}

uint64_t tst_heap_live(void)
{
    return live;
}
