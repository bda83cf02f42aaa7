/* SPDX-License-Identifier: MIT
 *
 * engine.h: what the parts of the tester share: one run of a scenario under one schedule.
 *
 *     hooks.c, libc.c   what instrumented code calls: each access, memcpy, malloc
 *     cell.c            memory as aligned words: which are shared, learned over all schedules
 *     memory.c          the values an atomic access may read and write: views and messages
 *     race.c            plain accesses that nothing orders
 *     heap.c            the allocator: deterministic addresses, poison, quarantine, failures
 *     fibre.c           stacks and the switch between them
 *     run.c             one schedule: setup, threads, done, verdict
 *     strategy_*.c      who goes next, and which value is read
 *     site.c            call sites by source line; orders weakened at run time
 *
 * Everything is static and belongs to one system thread: the tester tests one scenario at a time.
 */
#ifndef CHECK_ENGINE_H
#define CHECK_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thetis/check.h>

#include "fibre.h"

enum {
    TST_THREADS = THETIS_CHECK_THREADS,
    TST_HARNESS = TST_THREADS, /* the fibre of setup and done */
    TST_WORD = 8,              /* bytes of a cell */
    TST_TEXT = 256,            /* bytes of a verdict's text */
    TST_OPS = 32               /* operations by name in one scenario */
};

/* ---- memory ---------------------------------------------------------------------------------- */

/* What a thread knows: the clocks of all threads, then for each atomic location the oldest message
 * it may still read. Joining two views is the maximum, word by word. */
typedef uint32_t tst_view;

/* One store to an atomic location. */
typedef struct tst_message {
    uint64_t value[2];
    const tst_view *view; /* what an acquiring reader learns; NULL: nothing */
    void *site;           /* the releasing call, NULL if relaxed */
    uint32_t stamp;       /* grows along the modification order: what views know of it */
    uint32_t clock;       /* of `thread`, when it stored; 0: the value from setup */
    uint8_t thread;
    bool own;  /* its thread knew all of `view` */
    bool rmw;  /* continues the release sequence of the message before it */
    bool lazy; /* a plain write: the value is read from memory when it is needed */
} tst_message;

/* An atomic location: an aligned unit of 1 to 16 bytes. */
typedef struct tst_atom {
    struct tst_atom *next; /* in the same cell */
    uintptr_t addr;
    uint32_t size;
    uint32_t slot; /* in views; TST_NO_SLOT while one thread alone uses it */
    uint64_t run;  /* the schedule that `count` belongs to */
    uint32_t count, room;
    tst_message *messages;
} tst_atom;

#define TST_NO_SLOT UINT32_MAX

/* One access, as races are looked for among them. */
typedef struct tst_access {
    uint32_t clock;
    uint8_t thread;
    uint8_t bytes; /* which of the word */
    bool write, atomic;
} tst_access;

/* An aligned word of memory. The first part is learned once and for all schedules. */
typedef struct tst_cell {
    uintptr_t addr;
    uint32_t id;              /* order of discovery */
    uint8_t readers, writers; /* threads, as bits, after setup */
    uint8_t unit[TST_WORD];   /* of each byte: the largest atomic access, in bytes; 0: none */
    bool plain;               /* has plain accesses after setup */
    bool shared;              /* several threads, at least one of which writes */
    uint8_t accesses;         /* valid of `access`, in schedule `run` */
    uint64_t run;
    tst_atom *atoms;
    tst_access *access;
} tst_cell;

typedef enum tst_kind {
    TST_READ,
    TST_WRITE,
    TST_LOAD,
    TST_STORE,
    TST_RMW,
    TST_FENCE, /* these two have no cell */
    TST_MOMENT
} tst_kind;

/* A shared access that is about to be made, or was made. */
typedef struct tst_step {
    const tst_cell *cell;
    tst_kind kind;
    int order; /* __ATOMIC_..., after mutation */
    void *site;
} tst_step;

static inline bool tst_writes(tst_kind kind)
{
    return kind == TST_WRITE || kind == TST_STORE || kind == TST_RMW;
}

/* ---- threads --------------------------------------------------------------------------------- */

typedef enum tst_state { TST_READY, TST_WAITING, TST_DONE, TST_STOPPED } tst_state;

typedef struct tst_thread {
    tst_fibre fibre;
    tst_state state;
    tst_step next;     /* what it does when it is chosen; no cell: before its first access */
    uint64_t accesses; /* all that were instrumented, choices, waits, pauses, fences, the end:
                          names a place in the thread for replay */
    uint64_t points;   /* shared ones */
    uint64_t ended;    /* operations */
    tst_view *now;     /* what it knows */
    tst_view *later;   /* what an acquire fence would add */
    const tst_view *released; /* what it knew at its last release fence; NULL: none */
    bool spurious;            /* its last compare-and-swap failed without a reason */
    int op;                   /* index in tst_run.ops; -1: none */
    uint64_t op_steps, op_bound;
    int (*ready)(void *arg); /* TST_WAITING: until this is true */
    void *ready_arg;
} tst_thread;

/* ---- one schedule ---------------------------------------------------------------------------- */

struct tst_strategy;

typedef struct tst_op {
    const char *name;
    uint64_t max;   /* most steps seen */
    uint64_t bound; /* the largest that was declared */
    double ratio;   /* the largest of steps / bound */
    uint64_t count;
} tst_op;

typedef struct tst_run {
    /* set by the campaign */
    const thetis_check_scenario *scenario;
    const struct tst_strategy *strategy;
    bool weak;          /* the C11 model; else sequential consistency */
    bool reuse;         /* freed memory is given out again at once; else never */
    uint64_t fail_alloc; /* this allocation after setup returns NULL; 0: none */
    unsigned rounds;     /* what thetis_check_rounds() answers */
    unsigned victim;     /* whose rounds are the scenario's own; TST_THREADS: everybody's */
    uint64_t limit;      /* points; more are a spin; the growing adversary has more */
    bool tracing;        /* tell trace.c of every step */
    bool pairing;        /* tell site.c who synchronised with whom */

    /* of this schedule */
    uint64_t id; /* never 0, never twice */
    bool inside;     /* instrumented code runs: its calls are for the tester */
    unsigned self;   /* the running thread, or TST_HARNESS */
    unsigned ready;  /* threads in state TST_READY, as bits */
    unsigned waiting, paused, stopped;
    uint64_t points, clock, allocs;
    uint64_t blocks;  /* of code, since the last point */
    uint64_t entropy; /* the state of what getrandom() gives */
    uint64_t hash;   /* of all steps */
    bool grew;       /* something was learned: the schedule does not count */
    uint32_t width;  /* words of a view */
    uint64_t retired;
    uint64_t garbage_max; /* over all schedules */
    const char *verdict; /* NULL: passed */
    char text[TST_TEXT];
    void *site; /* of the failing access, or NULL */

    /* over all schedules of the scenario */
    tst_op ops[TST_OPS];
    unsigned op_count;
    bool fences; /* the code has stand-alone fences */

    tst_thread threads[TST_THREADS + 1];
    tst_fibre home;
} tst_run;

extern tst_run tst;

/* Wrong rules for the tester's own tests, of which each must make one fail. */
enum tst_fault {
    TST_FAULT_NONE,
    TST_FAULT_SC_JOIN,        /* memory.c: a seq_cst access exchanges views as a fence does */
    TST_FAULT_SC_WEAK,        /* seq_cst is no more than acq_rel */
    TST_FAULT_COHERENCE,      /* what was read does not count for the next read */
    TST_FAULT_SEQUENCE,       /* a read-modify-write does not continue a release sequence */
    TST_FAULT_NO_READ_CLOCKS, /* race.c: reads are not remembered */
    TST_FAULT_NO_QUARANTINE,  /* heap.c: freed memory can be used */
    TST_FAULT_NO_BOUND        /* run.c: more steps than the bound are no failure */
};
extern enum tst_fault tst_fault;

/* Runs one schedule of tst.scenario; the result is in tst. */
void tst_run_schedule(void);

/* The place before a shared access: the strategy says who goes next; returns when it is the caller
 * again. Counts the step. */
void tst_point(tst_cell *cell, tst_kind kind, int order, void *site);

/* Stops a thread for ever; for strategies, from thread(). */
void tst_stop(unsigned thread);

/* Ends the schedule with a verdict; returns only outside of one. */
void tst_fail(const char *verdict, void *site, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- the parts ------------------------------------------------------------------------------- */

/* cell.c: what is known of a word; cell.h: the word at an address. */
void tst_cell_learn(tst_cell *cell, bool write, uintptr_t addr, unsigned unit); /* 0: plain */
void tst_cell_alias(uintptr_t second, uintptr_t first, size_t bytes);
void tst_cell_dead(uintptr_t addr, size_t bytes, bool dead); /* access is use after free */
void tst_cells_forget(void); /* a new scenario */
uint32_t tst_atoms_shared(void);
tst_atom *tst_atom_at(tst_cell *cell, uintptr_t addr, unsigned size);

/* memory.c: atomic accesses, already scheduled. Values of up to 16 bytes. */
typedef struct tst_value {
    uint64_t half[2];
} tst_value;

void tst_memory_begin(void);
tst_value tst_load(tst_atom *atom, int order, void *site);
void tst_store(tst_atom *atom, tst_value value, int order, void *site);
tst_value tst_exchange(tst_atom *atom, tst_value (*apply)(tst_value old, tst_value by),
                       tst_value by, int order, void *site);
bool tst_compare(tst_atom *atom, tst_value *expected, tst_value value, bool weak, int order,
                 int failed, void *site);
void tst_fence(int order);
void tst_plain_write(tst_atom *atom); /* a plain write to an atomic location */

/* race.c: an access to `bytes` of a cell, checked against the earlier ones and remembered. */
void tst_race(tst_cell *cell, unsigned bytes, bool write, bool atomic, void *site);
void tst_race_forget(tst_cell *cell);

/* heap.c */
void tst_heap_begin(void);
void *tst_heap_alloc(size_t bytes, size_t align);
void tst_heap_free(void *block, void *site);
size_t tst_heap_size(const void *block);
bool tst_heap_owns(const void *block);
void tst_heap_retire(const void *block);
uint64_t tst_heap_live(void);

/* site.c: the order that a call site has in this run: its own, or a weaker one. */
int tst_site_order(void *site, int order, tst_kind kind);
void tst_site_pair(void *release, void *acquire);

#endif
