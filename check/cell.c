/* SPDX-License-Identifier: MIT
 *
 * cell.c: memory as aligned words, and what is known of each.
 *
 * Pages of cells are found by a hash of the page's number, behind a small direct-mapped cache. Two
 * pages may share their cells: a mapping made twice.
 *
 * What is learned of a cell (who reads, who writes, how wide its atomic accesses are) holds for all
 * later schedules and only grows. A schedule in which something was learned is run again and does
 * not count, so that all counted schedules agree on what is a step.
 */
#include "cell.h"

#include <string.h>

#include "room.h"

enum { TABLE = 1 << 14 };

tst_page_entry tst_pages[TST_PAGES];

static tst_page_entry table[TABLE];
static uint32_t pages, cells, atoms;

static tst_page_entry *find(uintptr_t number)
{
    size_t at = (size_t)(number * 0x9E3779B97F4A7C15u >> 50);
    while (table[at].number != 0 && table[at].number != number) at = (at + 1) % TABLE;
    return &table[at];
}

tst_page *tst_page_find(uintptr_t number)
{
    tst_page_entry *found = find(number);
    if (found->number == 0) {
        if (++pages > TABLE / 2) tst_die("a scenario uses too much memory");
        found->number = number;
        found->page = tst_room(sizeof(tst_page));
    }
    tst_pages[number % TST_PAGES] = *found;
    return found->page;
}

tst_cell *tst_cell_new(uintptr_t addr)
{
    tst_cell *cell = tst_room(sizeof *cell);
    cell->addr = addr & ~(uintptr_t)(TST_WORD - 1);
    cell->id = cells++;
    return cell;
}

void tst_cell_alias(uintptr_t second, uintptr_t first, size_t bytes)
{
    uintptr_t mask = ((uintptr_t)1 << TST_PAGE_BITS) - 1;
    if ((second | first | bytes) & mask) {
        tst_fail("assertion", NULL, "an alias that is not made of whole pages");
        return;
    }
    for (size_t done = 0; done < bytes; done += mask + 1) {
        uintptr_t number = (second + done) >> TST_PAGE_BITS;
        tst_page *same = tst_page_of(first + done);
        (void)tst_page_of(second + done);
        find(number)->page = same;
        tst_pages[number % TST_PAGES].number = 0;
    }
}

void tst_cell_dead(uintptr_t addr, size_t bytes, bool dead)
{
    for (uintptr_t at = addr; at < addr + bytes; at += TST_WORD) {
        size_t k = tst_page_place(at);
        uint64_t bit = (uint64_t)1 << k % 64, *word = &tst_page_of(at)->dead[k / 64];
        *word = dead ? *word | bit : *word & ~bit;
    }
}

static bool several(unsigned threads)
{
    return (threads & (threads - 1)) != 0;
}

/* A cell that has become shared gives its atomic locations a place in the views. */
static void share(tst_cell *cell)
{
    cell->shared = several(cell->readers | cell->writers) && cell->writers != 0;
    if (!cell->shared) return;
    for (tst_atom *atom = cell->atoms; atom; atom = atom->next)
        if (atom->slot == TST_NO_SLOT) atom->slot = atoms++;
}

/* Accesses are aligned: one that is wider than the unit of its first byte is wider than those of
 * all its bytes. */
void tst_cell_learn(tst_cell *cell, bool write, uintptr_t addr, unsigned unit)
{
    unsigned me = 1u << tst.self;
    uint8_t *units = &cell->unit[addr % TST_WORD];
    bool was = cell->shared;
    bool wider = unit > *units;
    bool plain = unit == 0 && !cell->plain;
    if (write) cell->writers = (uint8_t)(cell->writers | me);
    else cell->readers = (uint8_t)(cell->readers | me);
    if (wider) {
        memset(units, (int)unit, unit < TST_WORD ? unit : TST_WORD);
        cell->atoms = NULL; /* made anew, in the new size, by the next schedule */
    }
    if (unit == 0) cell->plain = true;
    share(cell);
    if (cell->shared && (!was || wider || plain)) tst.grew = true;
}

static tst_atom *new_atom(tst_cell *cell, uintptr_t addr, unsigned size)
{
    tst_atom *atom = tst_room(sizeof *atom);
    atom->addr = addr;
    atom->size = size;
    atom->next = cell->atoms;
    atom->slot = TST_NO_SLOT;
    cell->atoms = atom;
    if (cell->shared) {
        atom->slot = atoms++;
        tst.grew = true;
    }
    return atom;
}

/* 16-byte units span two cells, which then have the same atom. */
tst_atom *tst_atom_at(tst_cell *cell, uintptr_t addr, unsigned size)
{
    uintptr_t base = cell->addr + addr % TST_WORD;
    if (size < cell->unit[addr % TST_WORD]) size = cell->unit[addr % TST_WORD];
    base &= ~(uintptr_t)(size - 1);
    for (tst_atom *atom = cell->atoms; atom; atom = atom->next)
        if (atom->addr == base && atom->size == size) return atom;
    tst_cell *low = size > TST_WORD ? tst_cell_at(base) : cell;
    if (low != cell) return tst_atom_at(low, base, size);
    return new_atom(cell, base, size);
}

uint32_t tst_atoms_shared(void)
{
    return atoms;
}

void tst_cells_forget(void)
{
    memset(table, 0, sizeof table);
    memset(tst_pages, 0, sizeof tst_pages);
    pages = cells = atoms = 0;
    tst_room_forget();
}
