# SPDX-License-Identifier: MIT
"""Faults of bcast: what each changes in the library's text."""

from . import Fault

BCAST = "include/thetis/bcast.h"

FAULTS = [
    Fault("bcast room for one more", "off by one", "src/ring/bcast.c",
          "limit_ = ring->producer_.at_ + span - most;",
          "limit_ = ring->producer_.at_ + span - most + (most > 0 ? 4 : 0);"),
    Fault("bcast reader sets its own cursor", "claim instead of complete", "src/ring/bcast.c",
          "                                    THETIS_BCAST_JOINING_);",
          "                                    (thetis_atomic_load_acquire(&ring->shown_.tail_) & "
          "~(uintptr_t)1) | THETIS_BCAST_ACTIVE_);"),
    Fault("bcast counts joins before it shows them", "order of steps", "src/ring/bcast.c",
          "        if (s != THETIS_OK) return s;\n",
          "        if (s != THETIS_OK) return s;\n"
          "        (void)thetis_atomic_fetch_add_release(&ring->shape_.joins_, 1);\n"
          "        (void)thetis_atomic_fetch_sub_release(&ring->shape_.joins_, 1);\n"),
    Fault("bcast does not look for joins", "dropped step", BCAST,
          "joins != ring->producer_.joins_ || ", ""),
    Fault("bcast published before written", "order of steps", BCAST,
          "    thetis_bcast_write_(ring, at, items, room, size);\n"
          "    at += room << 2;\n",
          "    thetis_atomic_store_release(&ring->shown_.tail_, at + (room << 2));\n"
          "    thetis_bcast_write_(ring, at, items, room, size);\n"
          "    at += room << 2;\n"),
    Fault("bcast slot given back before read", "order of steps", BCAST,
          "    thetis_bcast_read_(reader->of_, reader->at_, items, n, size);\n"
          "    if (thetis_bcast_move_(reader, reader->at_ + (n << 2))) return n;",
          "    int moved = thetis_bcast_move_(reader, reader->at_ + (n << 2));\n"
          "    thetis_bcast_read_(reader->of_, reader->at_ - (moved ? n << 2 : 0), items, n, size);"
          "\n    if (moved) return n;"),
    Fault("bcast has begun one less", "off by one", BCAST,
          "thetis_bcast_begin_(ring, at, n << 2);", "thetis_bcast_begin_(ring, at, 0);"),
    Fault("bcast does not look what was begun", "skipped re-check", BCAST,
          "if (THETIS_LIKELY(begun - reader->at_ <= ring->shape_.span_)) {",
          "if (THETIS_LIKELY(begun - reader->at_ <= UINTPTR_MAX)) {"),
    Fault("bcast looks what was begun before it copies", "order of steps", BCAST,
          "        thetis_bcast_read_(ring, reader->at_, items, n, size);\n"
          "        uintptr_t begun = thetis_atomic_load_relaxed(&there->shown_.begun_);\n",
          "        uintptr_t begun = thetis_atomic_load_relaxed(&there->shown_.begun_);\n"
          "        thetis_bcast_read_(ring, reader->at_, items, n, size);\n"),
    Fault("bcast skips without counting", "lost count", "src/ring/bcast.c",
          "    reader->missed_ += (to - reader->at_) >> 2;\n",
          "    reader->missed_ += 1;\n"),
    Fault("bcast skips nowhere", "skipped re-check", "src/ring/bcast.c",
          "if (THETIS_CAST(intptr_t, to - reader->at_) <= 0) to = tail;", ""),
    Fault("bcast evicts by a store", "skipped re-check", "src/ring/bcast.c",
          "if (thetis_atomic_cas_relaxed(cursor, seen, THETIS_BCAST_EVICTED_)) return 0;",
          "thetis_atomic_store_relaxed(cursor, THETIS_BCAST_EVICTED_);\n        return 0;"),
    Fault("bcast evicted reader moves by a store", "skipped re-check", BCAST,
          "if (ring->shape_.mode_ == THETIS_BCAST_REFUSE) {\n        thetis_atomic_store",
          "if (ring->shape_.mode_ != THETIS_BCAST_LOSSY) {\n        thetis_atomic_store"),
    Fault("bcast evicts, and has no room", "dropped step", "src/ring/bcast.c",
          "THETIS_BCAST_EVICTED_)) return 0;", "THETIS_BCAST_EVICTED_)) return lag;"),
    Fault("bcast leaves its cursor behind", "dropped step", "src/ring/bcast.c",
          "                                THETIS_BCAST_FREE_);",
          "                                thetis_atomic_load_relaxed(\n"
          "                                    thetis_bcast_cursor_of_(ring, reader->place_)));"),
    Fault("bcast leaves its place before the cursor", "order of steps", "src/ring/bcast.c",
          "    thetis_atomic_store_release(thetis_bcast_cursor_of_(ring, reader->place_),\n"
          "                                THETIS_BCAST_FREE_); /* pair: bcast.cursor */\n"
          "    tht_thread_give(bcast_places(ring), reader->place_);",
          "    tht_thread_give(bcast_places(ring), reader->place_);\n"
          "    thetis_atomic_store_release(thetis_bcast_cursor_of_(ring, reader->place_),\n"
          "                                THETIS_BCAST_FREE_);"),
    Fault("bcast looks at its cursor before tail", "order of steps", BCAST,
          "    uintptr_t tail = thetis_atomic_load_acquire(&there->shown_.tail_); "
          "/* pair: bcast.tail */\n    thetis_status end",
          "    if (!reader->active_ && thetis_atomic_load_relaxed(thetis_bcast_cursor_of_(ring,\n"
          "            reader->place_)) == THETIS_BCAST_JOINING_)\n        return thetis_atomic_"
          "load_acquire(&ring->shown_.tail_) & 1 ? THETIS_CLOSED : THETIS_EMPTY;\n"
          "    uintptr_t tail = thetis_atomic_load_acquire(&ring->shown_.tail_);\n"
          "    thetis_status end"),
    Fault("bcast successor forgets what was begun", "dropped step", "src/ring/bcast.c",
          "ring->producer_.ahead_ = (intptr_t)ahead > 0 ? ahead : 0;",
          "ring->producer_.ahead_ = 0;"),
    Fault("bcast flag kept as an element", "dropped step", BCAST,
          "    tail &= ~THETIS_BCAST_STATE_; /*", "    tail += tail & 1 ? 3 : 0; /*"),
    Fault("bcast surveys twice", "steps beyond the bound", BCAST,
          "        thetis_bcast_survey_(ring, n);\n",
          "        thetis_bcast_survey_(ring, n);\n        thetis_bcast_survey_(ring, n);\n"),
]
