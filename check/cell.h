/* SPDX-License-Identifier: MIT
 *
 * cell.h: from an address to its word. Every instrumented access asks: hence inline.
 */
#ifndef CHECK_CELL_H
#define CHECK_CELL_H

#include "engine.h"

enum { TST_PAGE_BITS = 12, TST_PAGE_CELLS = (1 << TST_PAGE_BITS) / TST_WORD, TST_PAGES = 256 };

typedef struct tst_page {
    uint64_t dead[TST_PAGE_CELLS / 64];
    tst_cell *cells[TST_PAGE_CELLS]; /* NULL: never used */
} tst_page;

typedef struct tst_page_entry {
    uintptr_t number; /* of the page; 0: free */
    tst_page *page;
} tst_page_entry;

/* For each remainder the page that was asked for last. */
extern tst_page_entry tst_pages[TST_PAGES];

tst_page *tst_page_find(uintptr_t number);
tst_cell *tst_cell_new(uintptr_t addr);

static inline tst_page *tst_page_of(uintptr_t addr)
{
    uintptr_t number = addr >> TST_PAGE_BITS;
    const tst_page_entry *last = &tst_pages[number % TST_PAGES];
    return last->number == number ? last->page : tst_page_find(number);
}

static inline size_t tst_page_place(uintptr_t addr)
{
    return addr / TST_WORD % TST_PAGE_CELLS;
}

/* Access is use after free. */
static inline bool tst_page_is_dead(const tst_page *page, uintptr_t addr)
{
    size_t k = tst_page_place(addr);
    return page->dead[k / 64] >> k % 64 & 1;
}

static inline tst_cell *tst_page_cell(tst_page *page, uintptr_t addr)
{
    tst_cell **cell = &page->cells[tst_page_place(addr)];
    if (!*cell) *cell = tst_cell_new(addr);
    return *cell;
}

static inline tst_cell *tst_cell_at(uintptr_t addr)
{
    return tst_page_cell(tst_page_of(addr), addr);
}

static inline bool tst_cell_is_dead(uintptr_t addr)
{
    return tst_page_is_dead(tst_page_of(addr), addr);
}

#endif
