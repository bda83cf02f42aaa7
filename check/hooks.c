/* SPDX-License-Identifier: MIT
 *
 * hooks.c: what the compiler's thread-sanitizer instrumentation calls, for every access that can
 * be shared. gcc and clang name some calls differently; both are here.
 *
 * An access is made in three parts: learn what is known of the word; if threads share it, wait for
 * one's turn (tst_point); then let the memory model decide. Outside of a scenario, and while the
 * tester itself runs, an access is what the machine makes of it.
 */
#include "hooks.h"

#include <string.h>

#include "cell.h"
#include "room.h"
#include "tls.h"
#include "trace.h"

__extension__ typedef unsigned __int128 uint128;

#define SITE __builtin_return_address(0)
#define HOOK __attribute__((visibility("default"), used))

/* ---- plain accesses -------------------------------------------------------------------------- */

static tst_page *live_page(uintptr_t addr, void *site)
{
    tst_page *page = tst_page_of(addr);
    if (tst_page_is_dead(page, addr)) {
        tst_fail("use after free", site, "thread %u uses memory that is not allocated", tst.self);
    }
    return page;
}

static tst_cell *live_cell(uintptr_t addr, void *site)
{
    return tst_page_cell(live_page(addr, site), addr);
}

/* The cell that has the location: of 16 bytes it is the lower one. */
static tst_cell *home_of(tst_cell *cell, uintptr_t addr)
{
    unsigned unit = cell->unit[addr % TST_WORD];
    return unit > TST_WORD ? tst_cell_at(addr & ~(uintptr_t)(unit - 1)) : cell;
}

/* Addresses count within 16 bytes: the same memory may have two. */
static void overwrite_atoms(tst_cell *cell, uintptr_t addr, size_t bytes)
{
    enum { WIDE = 2 * TST_WORD };
    for (tst_atom *a = home_of(cell, addr)->atoms; a; a = a->next)
        if (a->addr % WIDE < addr % WIDE + bytes && addr % WIDE < a->addr % WIDE + a->size) {
            tst_plain_write(a);
        }
}

static void learn_plain(tst_cell *cell, bool write)
{
    unsigned known = write ? cell->writers : cell->readers;
    if (!(known >> tst.self & 1) || !cell->plain) tst_cell_learn(cell, write, 0, 0);
}

/* `bytes` within one word. Who uses a half uses the whole. */
static void plain_word(uintptr_t addr, size_t bytes, bool write, void *site)
{
    tst_page *page = live_page(addr, site);
    if (tst.self == TST_HARNESS) return;
    tst_cell *cell = tst_page_cell(page, addr), *home = home_of(cell, addr);
    tst.threads[tst.self].accesses++;
    learn_plain(cell, write);
    if (home != cell) learn_plain(home, write);
    if (!cell->shared && !home->shared) return;
    if (tst.tracing) tst_trace_next(addr, bytes);
    tst_point(cell, write ? TST_WRITE : TST_READ, 0, site);
    (void)live_page(addr, site); /* still, now that it is our turn */
    tst_race(cell, ((1u << bytes) - 1) << addr % TST_WORD, write, false, site);
    if (write) overwrite_atoms(cell, addr, bytes);
    if (tst.tracing) tst_trace_plain(write);
}

/* Most accesses: the thread has used the word so before, and no other thread does. */
static bool is_alone(uintptr_t addr, size_t bytes, bool write)
{
    const tst_page *page = tst_page_of(addr);
    const tst_cell *cell = page->cells[tst_page_place(addr)];
    if (!cell || cell->shared || !cell->plain || tst_page_is_dead(page, addr)) return false;
    unsigned known = write ? cell->writers : cell->readers, in = addr % TST_WORD;
    return known >> tst.self & 1 && cell->unit[in] <= TST_WORD && in + bytes <= TST_WORD;
}

void tst_plain(const void *at, size_t bytes, bool write, void *site)
{
    uintptr_t addr = (uintptr_t)at;
    if (!tst.inside) return;
    if (is_alone(addr, bytes, write)) {
        tst.threads[tst.self].accesses++;
        return;
    }
    if (tst_tls_owns(at)) return;
    tst.inside = false;
    while (bytes > 0) {
        size_t part = TST_WORD - addr % TST_WORD;
        if (part > bytes) part = bytes;
        plain_word(addr, part, write, site);
        addr += part;
        bytes -= part;
    }
    tst.inside = true;
}

#define PLAIN(name, bytes, write)                                                               \
    HOOK void __tsan_##name(void *addr);                                                        \
    void __tsan_##name(void *addr)                                                              \
    {                                                                                           \
        tst_plain(addr, bytes, write, SITE);                                                    \
    }

#define PLAIN_SIZE(bytes)                                                                       \
    PLAIN(read##bytes, bytes, false)                                                            \
    PLAIN(write##bytes, bytes, true)                                                            \
    PLAIN(unaligned_read##bytes, bytes, false)                                                  \
    PLAIN(unaligned_write##bytes, bytes, true)                                                  \
    PLAIN(volatile_read##bytes, bytes, false)                                                   \
    PLAIN(volatile_write##bytes, bytes, true)                                                   \
    PLAIN(unaligned_volatile_read##bytes, bytes, false)                                         \
    PLAIN(unaligned_volatile_write##bytes, bytes, true)

PLAIN_SIZE(1)
PLAIN_SIZE(2)
PLAIN_SIZE(4)
PLAIN_SIZE(8)
PLAIN_SIZE(16)

HOOK void __tsan_read_range(void *addr, size_t bytes);
void __tsan_read_range(void *addr, size_t bytes)
{
    tst_plain(addr, bytes, false, SITE);
}

HOOK void __tsan_write_range(void *addr, size_t bytes);
void __tsan_write_range(void *addr, size_t bytes)
{
    tst_plain(addr, bytes, true, SITE);
}

/* C++: a write or read of a virtual table's pointer. */
HOOK void __tsan_vptr_update(void **addr, void *value);
void __tsan_vptr_update(void **addr, void *value)
{
    (void)value;
    tst_plain(addr, sizeof *addr, true, SITE);
}

HOOK void __tsan_vptr_read(void **addr);
void __tsan_vptr_read(void **addr)
{
    tst_plain(addr, sizeof *addr, false, SITE);
}

/* ---- calls without an access ----------------------------------------------------------------- */

bool tst_instrumented;

HOOK void __tsan_init(void);
void __tsan_init(void)
{
    tst_instrumented = true;
}

HOOK void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
    (void)caller;
}

HOOK void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

HOOK void __tsan_ignore_thread_begin(void);
void __tsan_ignore_thread_begin(void)
{
}

HOOK void __tsan_ignore_thread_end(void);
void __tsan_ignore_thread_end(void)
{
}

/* Each basic block, where the code is compiled with -fsanitize-coverage=trace-pc: ends a loop that
 * makes no shared access. */
HOOK void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    enum { BLOCKS = 10000000 };
    if (!tst.inside || ++tst.blocks < BLOCKS) return;
    tst.blocks = 0;
    tst_fail("spin", SITE, "thread %u runs for ever without a shared access", tst.self);
}

/* ---- atomic accesses ------------------------------------------------------------------------- */

static void learn(tst_cell *cell, bool write, uintptr_t addr, unsigned bytes)
{
    unsigned known = write ? cell->writers : cell->readers;
    if (!(known >> tst.self & 1) || cell->unit[addr % TST_WORD] < bytes) {
        tst_cell_learn(cell, write, addr, bytes);
    }
}

static void race_part(uintptr_t addr, unsigned bytes, bool write, void *site)
{
    tst_cell *cell = tst_cell_at(addr);
    if (cell->plain) tst_race(cell, ((1u << bytes) - 1) << addr % TST_WORD, write, true, site);
}

static void race(const volatile void *at, unsigned bytes, bool write, void *site)
{
    uintptr_t addr = (uintptr_t)at;
    race_part(addr, bytes < TST_WORD ? bytes : TST_WORD, write, site);
    if (bytes > TST_WORD) race_part(addr + TST_WORD, TST_WORD, write, site);
}

/* The location, once it is our turn; NULL: one thread alone uses it, or setup or done runs. Then
 * the access is what the machine makes of it. */
static tst_atom *turn(const volatile void *at, unsigned bytes, tst_kind kind, int *order,
                      void *site)
{
    uintptr_t addr = (uintptr_t)at;
    bool write = tst_writes(kind);
    if (tst_tls_owns(at)) return NULL;
    tst_cell *part = live_cell(addr, site), *cell = home_of(part, addr);
    tst_cell *upper = bytes > TST_WORD ? live_cell(addr + TST_WORD, site) : NULL;
    if (tst.self == TST_HARNESS) return NULL;
    if (addr % bytes != 0) tst_fail("crash", site, "an atomic access that is not aligned");
    tst.threads[tst.self].accesses++;
    learn(cell, write, addr, bytes);
    if (part != cell) learn(part, write, addr, bytes);
    if (upper) learn(upper, write, addr, bytes);
    if (!cell->shared) return NULL;
    *order = tst_site_order(site, *order, kind);
    if (tst.tracing) tst_trace_next(addr, bytes);
    tst_point(cell, kind, *order, site);
    (void)live_page(addr, site);
    return tst_atom_at(cell, addr, bytes);
}

/* An access narrower than its location works on a part of the value. */
static unsigned offset_in(const tst_atom *atom, const volatile void *at)
{
    return (unsigned)((uintptr_t)at & (atom->size - 1u));
}

static tst_value widen(uint128 value)
{
    tst_value wide;
    memcpy(&wide, &value, sizeof wide);
    return wide;
}

static uint128 narrow(tst_value wide)
{
    uint128 value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* A read-modify-write as a function of the old value; `part` says where in the location. */
static struct {
    unsigned offset, bytes;
    uint128 (*apply)(uint128 old, uint128 by);
    uint128 old;
} part;

static tst_value apply_part(tst_value old, tst_value by)
{
    uint128 was = 0, to;
    memcpy(&was, (char *)&old + part.offset, part.bytes);
    part.old = was;
    to = part.apply(was, narrow(by));
    memcpy((char *)&old + part.offset, &to, part.bytes);
    return old;
}

static uint128 read_part(const tst_atom *atom, const volatile void *at, unsigned bytes,
                         tst_value value)
{
    uint128 out = 0;
    memcpy(&out, (char *)&value + offset_in(atom, at), bytes);
    return out;
}

static uint128 by_set(uint128 old, uint128 by)
{
    (void)old;
    return by;
}

static uint128 by_add(uint128 old, uint128 by)
{
    return old + by;
}

static uint128 by_sub(uint128 old, uint128 by)
{
    return old - by;
}

static uint128 by_and(uint128 old, uint128 by)
{
    return old & by;
}

static uint128 by_or(uint128 old, uint128 by)
{
    return old | by;
}

static uint128 by_xor(uint128 old, uint128 by)
{
    return old ^ by;
}

static uint128 by_nand(uint128 old, uint128 by)
{
    return ~(old & by);
}

static uint128 load(const volatile void *at, unsigned bytes, int order, void *site)
{
    uint128 out = 0;
    tst_atom *atom = NULL;
    bool inside = tst.inside;
    tst.inside = false;
    if (inside) atom = turn(at, bytes, TST_LOAD, &order, site);
    if (atom) race(at, bytes, false, site);
    if (atom) out = read_part(atom, at, bytes, tst_load(atom, order, site));
    else memcpy(&out, (const void *)(uintptr_t)at, bytes);
    if (atom && tst.tracing) tst_trace_atomic(&out, false);
    tst.inside = inside;
    return out;
}

static uint128 modify(volatile void *at, unsigned bytes, tst_kind kind, int order,
                      uint128 (*apply)(uint128 old, uint128 by), uint128 by, void *site)
{
    uint128 old = 0, to;
    tst_atom *atom = NULL;
    bool inside = tst.inside;
    tst.inside = false;
    if (inside) atom = turn(at, bytes, kind, &order, site);
    if (atom) race(at, bytes, true, site);
    if (!atom) {
        memcpy(&old, (const void *)(uintptr_t)at, bytes);
        to = apply(old, by);
        memcpy((void *)(uintptr_t)at, &to, bytes);
    } else if (kind == TST_STORE && atom->size == bytes) {
        tst_store(atom, widen(by), order, site);
    } else {
        part.offset = offset_in(atom, at);
        part.bytes = bytes;
        part.apply = apply;
        (void)tst_exchange(atom, apply_part, widen(by), order, site);
        old = part.old;
    }
    if (atom && tst.tracing) tst_trace_atomic(&old, true);
    tst.inside = inside;
    return old;
}

/* On a location that is wider than the access the rest of the expected value is what is there. */
static bool compare_atom(tst_atom *atom, volatile void *at, unsigned bytes, uint128 *expected,
                         uint128 value, bool weak, int order, int failed, void *site)
{
    unsigned offset = offset_in(atom, at);
    tst_value want, to;
    memset(&want, 0, sizeof want);
    memcpy(&want, (const void *)atom->addr, atom->size);
    to = want;
    memcpy((char *)&want + offset, expected, bytes);
    memcpy((char *)&to + offset, &value, bytes);
    bool done = tst_compare(atom, &want, to, weak, order, failed, site);
    if (!done) *expected = read_part(atom, at, bytes, want);
    return done;
}

static bool compare(volatile void *at, unsigned bytes, uint128 *expected, uint128 value,
                    bool weak, int order, int failed, void *site)
{
    uint128 old = 0;
    tst_atom *atom = NULL;
    bool inside = tst.inside, done;
    tst.inside = false;
    if (inside) atom = turn(at, bytes, TST_RMW, &order, site);
    if (atom) {
        failed = tst_site_order((char *)site - 1, failed, TST_LOAD); /* a site of its own */
        done = compare_atom(atom, at, bytes, expected, value, weak, order, failed, site);
        race(at, bytes, done, site); /* one that fails is a load */
        if (tst.tracing) tst_trace_atomic(expected, done);
    } else {
        memcpy(&old, (const void *)(uintptr_t)at, bytes);
        done = old == *expected;
        if (done) memcpy((void *)(uintptr_t)at, &value, bytes);
        else *expected = old;
    }
    tst.inside = inside;
    return done;
}

#define FETCH(bits, type, name)                                                                 \
    HOOK type __tsan_atomic##bits##_fetch_##name(volatile type *at, type by, int order);        \
    type __tsan_atomic##bits##_fetch_##name(volatile type *at, type by, int order)              \
    {                                                                                           \
        return (type)modify(at, sizeof(type), TST_RMW, order, by_##name, by, SITE);             \
    }

/* gcc: whether it was exchanged; what was there goes to *expected. */
#define COMPARE(bits, type, strength, weak)                                                     \
    HOOK bool __tsan_atomic##bits##_compare_exchange_##strength(                                \
        volatile type *at, type *expected, type value, int order, int failed);                  \
    bool __tsan_atomic##bits##_compare_exchange_##strength(                                     \
        volatile type *at, type *expected, type value, int order, int failed)                   \
    {                                                                                           \
        uint128 was = *expected;                                                                \
        bool done = compare(at, sizeof(type), &was, value, weak, order, failed, SITE);          \
        if (!done) *expected = (type)was;                                                       \
        return done;                                                                            \
    }

#define ATOMIC(bits, type)                                                                      \
    HOOK type __tsan_atomic##bits##_load(const volatile type *at, int order);                   \
    type __tsan_atomic##bits##_load(const volatile type *at, int order)                         \
    {                                                                                           \
        return (type)load(at, sizeof(type), order, SITE);                                       \
    }                                                                                           \
    HOOK void __tsan_atomic##bits##_store(volatile type *at, type value, int order);            \
    void __tsan_atomic##bits##_store(volatile type *at, type value, int order)                  \
    {                                                                                           \
        (void)modify(at, sizeof(type), TST_STORE, order, by_set, value, SITE);                  \
    }                                                                                           \
    HOOK type __tsan_atomic##bits##_exchange(volatile type *at, type value, int order);         \
    type __tsan_atomic##bits##_exchange(volatile type *at, type value, int order)               \
    {                                                                                           \
        return (type)modify(at, sizeof(type), TST_RMW, order, by_set, value, SITE);             \
    }                                                                                           \
    FETCH(bits, type, add)                                                                      \
    FETCH(bits, type, sub)                                                                      \
    FETCH(bits, type, and)                                                                      \
    FETCH(bits, type, or)                                                                       \
    FETCH(bits, type, xor)                                                                      \
    FETCH(bits, type, nand)                                                                     \
    COMPARE(bits, type, strong, false)                                                          \
    COMPARE(bits, type, weak, true)                                                             \
    /* clang, for both strengths: what was there. */                                            \
    HOOK type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, type expected,      \
                                                         type value, int order, int failed);    \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *at, type expected,           \
                                                    type value, int order, int failed)          \
    {                                                                                           \
        uint128 was = expected;                                                                 \
        (void)compare(at, sizeof(type), &was, value, false, order, failed, SITE);               \
        return (type)was;                                                                       \
    }

ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)
ATOMIC(128, uint128)

HOOK void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    if (!tst.inside || tst.self == TST_HARNESS) return;
    tst.inside = false;
    if (!tst.fences) tst.fences = tst.grew = true;
    tst.threads[tst.self].accesses++;
    order = tst_site_order(SITE, order, TST_FENCE);
    tst_point(NULL, TST_FENCE, order, SITE);
    if (tst.threads[tst.self].later) tst_fence(order);
    tst.inside = true;
}

/* Orders the compiler and a handler in the same thread: nothing to other threads. */
HOOK void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}
