# SPDX-License-Identifier: MIT
"""Faults of mpsc: what each changes in the library's text."""

from . import Fault

MPSC = "src/ring/mpsc.c"
MPSC_H = "include/thetis/mpsc.h"

FAULTS = [
    Fault("mpsc takes what lies behind holes at once", "skipped re-check", MPSC,
          "    k = mpsc_scan(ring);\n"
          "    if (k != MPSC_NONE) return mpsc_take_hole(ring, k, item);\n    if (found) {",
          "    if (found) {"),
    Fault("mpsc walks on without a look at the holes", "skipped re-check", MPSC,
          "    size_t k = mpsc_scan(ring);\n"
          "    if (k != MPSC_NONE) return mpsc_take_hole(ring, k, item);\n    int found",
          "    size_t k;\n    int found",
          first="crash mpsc-holes"),
    Fault("mpsc reserve for late producers one too small", "off by one", MPSC,
          "    me->last_ = tail;\n", "    me->last_ = tail;\n    limit += THETIS_MPSC_STEP_;\n"),
    Fault("mpsc learns limit before tail", "order of steps", MPSC,
          "    uintptr_t tail = thetis_atomic_load_acquire(&ring->tail_); /* pair: mpsc.tail */\n"
          "    me->room_ = 0;\n    if (tail & THETIS_MPSC_CLOSED_) return THETIS_CLOSED;\n"
          "    uintptr_t limit = thetis_atomic_load_acquire(&ring->consumer_.limit); "
          "/* pair: mpsc.limit */\n",
          "    uintptr_t limit = thetis_atomic_load_acquire(&ring->consumer_.limit);\n"
          "    uintptr_t tail = thetis_atomic_load_acquire(&ring->tail_);\n"
          "    me->room_ = 0;\n    if (tail & THETIS_MPSC_CLOSED_) return THETIS_CLOSED;\n"),
    Fault("mpsc does not seal the end", "dropped step", MPSC,
          "    if (c->sealed) return;\n    uintptr_t tail", "    uintptr_t tail"),
    Fault("mpsc reads the end and the flag apart", "torn read", MPSC,
          "    c->sealed = tail & THETIS_MPSC_CLOSED_;",
          "    c->sealed = thetis_atomic_load_acquire(&ring->tail_) & THETIS_MPSC_CLOSED_;"),
    Fault("mpsc is closed before its holes are finished", "skipped re-check", MPSC,
          "return c->sealed && c->holes == 0 ? THETIS_CLOSED",
          "return c->sealed ? THETIS_CLOSED"),
    Fault("mpsc new producer believes an old tail", "stale knowledge", MPSC,
          "    *producer = (thetis_mpsc_producer){.ring_ = ring};",
          "    producer->ring_ = ring;"),
    Fault("mpsc refusal keeps its place", "dropped step", MPSC,
          "        (void)thetis_atomic_fetch_sub_relaxed(&ring->joined_, 1);\n", ""),
    Fault("mpsc takes the youngest hole first", "order of steps", MPSC,
          "            found = k;\n", "            if (found == MPSC_NONE) found = k;\n"),
    Fault("mpsc takes another hole than it found", "off by one", MPSC,
          "            if (found != MPSC_NONE) found--;\n", ""),
    Fault("mpsc late push leaves its ticket open", "dropped step", MPSC,
          "        thetis_atomic_store_relaxed(seq, at + THETIS_MPSC_ABORTED_);\n",
          "        (void)seq;\n"),
    Fault("mpsc late push commits its ticket", "claim instead of complete", MPSC,
          "        thetis_atomic_store_relaxed(seq, at + THETIS_MPSC_ABORTED_);\n",
          "        thetis_atomic_store_relaxed(seq, at + THETIS_MPSC_COMMITTED_);\n"),
    Fault("mpsc hands out what was aborted", "skipped re-check", MPSC,
          "        if (state == THETIS_MPSC_COMMITTED_) return 1;\n",
          "        if (state & THETIS_MPSC_COMMITTED_) return 1;\n"),
    Fault("mpsc home goes to a ticket that has a spare", "dropped step", MPSC,
          "    if ((intptr_t)behind > 0) next +=", "    if (0) next +="),
    Fault("mpsc slot is free before it was read", "order of steps", MPSC,
          "    memcpy(item, thetis_mpsc_seq_(ring, hole->slot, shape->stride) + 1, "
          "shape->elem_size);\n    mpsc_recycle(ring, hole);\n",
          "    mpsc_recycle(ring, hole);\n    mpsc_assign(ring, 1);\n"
          "    memcpy(item, thetis_mpsc_seq_(ring, hole->slot, shape->stride) + 1, "
          "shape->elem_size);\n"),
    Fault("mpsc assigns one too many", "off by one", MPSC,
          "uintptr_t goal = c->front + shape->window,",
          "uintptr_t goal = c->front + shape->window + THETIS_MPSC_STEP_,"),
    Fault("mpsc gives room before slots", "order of steps", MPSC,
          "    if (c->holes == 0) c->assigned = goal;\n",
          "    thetis_atomic_store_release(&c->limit, goal - shape->over);\n"
          "    if (c->holes == 0) c->assigned = goal;\n"),
    Fault("mpsc spare is not told", "dropped step", MPSC,
          "    thetis_atomic_store_relaxed(thetis_mpsc_seq_(ring, slot, ring->shape_.stride), at);"
          "\n", "    (void)slot;\n"),
    Fault("mpsc spare is never free again", "dropped step", MPSC,
          "        *mpsc_spare(ring, c->given + c->free++) = hole->slot;\n", ""),
    Fault("mpsc spare goes back to the wrong end", "off by one", MPSC,
          "*mpsc_spare(ring, c->given + c->free++) = hole->slot;",
          "*mpsc_spare(ring, c->free++) = hole->slot;"),
    Fault("mpsc spare is met twice", "dropped step", MPSC,
          "    c->first = (c->first + 1) % ring->shape_.spares;\n", ""),
    Fault("mpsc forgets a hole", "dropped step", MPSC,
          "            c->hole[c->holes++] = *hole;\n", ""),
    Fault("mpsc waits for a hole", "others delayed", MPSC,
          "        uintptr_t state = mpsc_front(ring, hole);\n",
          "        uintptr_t state = mpsc_front(ring, hole);\n        if (state == 0) return 0;\n"),
    Fault("mpsc closed ring is only full", "skipped re-check", MPSC,
          "    if (tail & THETIS_MPSC_CLOSED_) return THETIS_CLOSED;\n",
          "    tail &= ~THETIS_MPSC_FLAGS_;\n"),
    Fault("mpsc pops go on after cancel", "dropped step", MPSC,
          "    ring->consumer_.holes = THETIS_MPSC_CANCELED_;", ""),
    Fault("mpsc room ignores what others drew", "stale knowledge", MPSC_H,
          "me->room_ - moved : 0;", "me->room_ - more : 0;"),
    Fault("mpsc published before written", "order of steps", MPSC_H,
          "    memcpy(seq + 1, item, size);\n"
          "    thetis_atomic_store_release(seq, at + THETIS_MPSC_COMMITTED_);",
          "    thetis_atomic_store_release(seq, at + THETIS_MPSC_COMMITTED_);\n"
          "    memcpy(seq + 1, item, size);"),
    Fault("mpsc short way passes holes", "skipped re-check", MPSC_H,
          "    if (THETIS_UNLIKELY(me->holes)) return 0;\n", ""),
    Fault("mpsc looks at tail before it draws", "steps beyond the bound", MPSC_H,
          "    uintptr_t v = thetis_atomic_fetch_add_acq_rel(",
          "    uintptr_t u = thetis_atomic_load_relaxed(&me->ring_->tail_);\n"
          "    uintptr_t v = u - u + thetis_atomic_fetch_add_acq_rel("),
]
