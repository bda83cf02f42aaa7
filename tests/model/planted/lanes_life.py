# SPDX-License-Identifier: MIT
"""Faults of the ends of lanes and of their producers: what each changes in the library's text."""

from . import Fault

LANES = "src/ring/lanes.c"
LANES_H = "include/thetis/lanes.h"

FAULTS = [
    Fault("lanes_life: promises after it has drawn", "order of steps", LANES_H,
          "    thetis_atomic_store_relaxed(&me->lane_->promised_, newest + 1); "
          "/* a record is longer */\n"
          "    return thetis_atomic_fetch_add_acq_rel(me->tail_, more); /* pair: lanes.tail */",
          "    uintptr_t drawn = thetis_atomic_fetch_add_acq_rel(me->tail_, more);\n"
          "    thetis_atomic_store_relaxed(&me->lane_->promised_, newest + 1);\n"
          "    return drawn;"),
    Fault("lanes_life: promises what there is", "off by one", LANES_H,
          "&me->lane_->promised_, newest + 1);", "&me->lane_->promised_, newest);"),
    Fault("lanes_life: batch promises its first record", "lost count", LANES,
          "thetis_lanes_draw_(me, me->end_.side_.own_, done);",
          "thetis_lanes_draw_(me, me->end_.bytes_.side_.at_.word_, done);"),
    Fault("lanes_life: is closed before all is published", "skipped re-check", LANES,
          "        if (!lanes_is_settled(me, k)) return THETIS_EMPTY;\n", "        (void)k;\n"),
    Fault("lanes_life: late push leaves its promise", "dropped step", LANES,
          "    thetis_atomic_store_relaxed(&me->lane_->promised_, "
          "thetis_atomic_load_relaxed(&bytes->at_));\n", ""),
    Fault("lanes_life: late push keeps its reservations", "dropped step", LANES,
          "    thetis_spsc_end_abort(&me->end_.bytes_, bytes->open_ >> 1);\n", ""),
    Fault("lanes_life: late push is delivered", "skipped re-check", LANES_H,
          "    if (THETIS_UNLIKELY(ticket & THETIS_LANES_CLOSED_)) "
          "return thetis_lanes_give_up_(producer);\n",
          "    ticket &= ~THETIS_LANES_CLOSED_;\n"),
    Fault("lanes_life: full is not asked whether closed", "skipped re-check", LANES_H,
          "return thetis_lanes_is_closed_(producer) ? THETIS_CLOSED : s;", "return s;"),
    Fault("lanes_life: pops go on after cancel", "dropped step", LANES,
          "    me->ended_ = 1;\n    me->shown_", "    me->shown_"),
    Fault("lanes_life: join takes by a load and a store", "skipped re-check", LANES,
          "        if (!thetis_atomic_cas_acquire(&lane->owner_, 0, who)) continue;",
          "        if (thetis_atomic_load_acquire(&lane->owner_)) continue;\n"
          "        thetis_atomic_store_release(&lane->owner_, who);"),
    Fault("lanes_life: join finds only the first", "off by one", LANES,
          "&lane->owner_, 0, who)) continue; /* pair: lanes.owner */",
          "&lane->owner_, 0, who)) break;"),
    Fault("lanes_life: expel forgets the promise", "dropped step", LANES,
          "    thetis_atomic_store_relaxed(&lane->promised_, tail);\n", "    (void)tail;\n",
          first="crash lanes-expel"),
    Fault("lanes_life: expel keeps the lane", "dropped step", LANES,
          "    thetis_atomic_store_relaxed(&lane->promised_, tail);\n"
          "    thetis_atomic_store_release(&lane->owner_, 0);",
          "    thetis_atomic_store_relaxed(&lane->promised_, tail);\n"
          "    thetis_atomic_store_release(&lane->owner_, 1);"),
    Fault("lanes_life: expel drops what was committed", "lost result", LANES,
          "    if (broken) tail = lanes_repair(me, k);\n", "    tail = lanes_repair(me, k);\n"
          "    if (broken) tail += 0;\n"),
    Fault("lanes_life: gap is never forgotten", "dropped step", LANES,
          "    me->taken_ = me->top_ = horizon;\n", ""),
    Fault("lanes_life: new consumer knows no gap", "stale knowledge", LANES,
          ".taken_ = top - LANES_FAR,", ".taken_ = top,",
          first="pct lanes-successor"),
]
