#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""faults.py: algorithm faults planted in the library; each must be found. TAP.

    tests/model/faults.py BUILD [--only NAME] [--table | --json]

BUILD is the tree of the preset `check`. A fault is a change of one piece of the library's text.
The changed file is compiled, linked before the archive of the instrumented library, and the
scenarios of its structure run, with one strategy after the other until one finds it; with each
for --table and --json, which say who finds what.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from tap import Tap  # noqa: E402

STRATEGIES = ("random", "pct", "dfs", "dpor", "crash", "adversary")
SCHEDULES = "3000"
FLAGS = ["-std=c17", "-O1", "-g", "-w", "-fsanitize=thread", "-fsanitize-coverage=trace-pc",
         "-fno-builtin", "-D_GNU_SOURCE", "-DTHETIS_ASSERT_LEVEL=2"]


class Fault(NamedTuple):
    """One change, and what it is an instance of."""
    name: str
    kind: str
    path: str
    old: str
    new: str


BCAST, LATEST = "include/thetis/bcast.h", "include/thetis/latest.h"
SPSC, THREAD, HIST, TURN = ("include/thetis/spsc.h", "src/core/thread.c", "include/thetis/hist.h",
                            "src/loop/turn.c")
WAIT = "src/wait/wait.c"
BYTES = "include/thetis/bytes.h"
MPSC, MPSC_H = "src/ring/mpsc.c", "include/thetis/mpsc.h"

FAULTS = [
    Fault("spsc room for one more", "off by one", SPSC,
          "me->known_ = head + me->span_;", "me->known_ = head + me->span_ + 2;"),
    Fault("spsc pop without a second look", "skipped re-check", SPSC,
          "if (THETIS_UNLIKELY(seen - head < 2)) {", "if (THETIS_UNLIKELY(seen - head > 9)) {"),
    Fault("spsc published before written", "order of steps", SPSC,
          "    memcpy(thetis_spsc_slot_(ring, me, tail, size), item, size);\n"
          "    thetis_atomic_store_release(&me->at_, tail + 2); /* pair: spsc.tail */",
          "    thetis_atomic_store_release(&me->at_, tail + 2); /* pair: spsc.tail */\n"
          "    memcpy(thetis_spsc_slot_(ring, me, tail, size), item, size);"),
    Fault("spsc slot given back before read", "order of steps", SPSC,
          "    memcpy(item, thetis_spsc_slot_(ring, me, head, size), size);\n"
          "    thetis_atomic_store_release(&me->at_, head + 2); /* pair: spsc.head */",
          "    thetis_atomic_store_release(&me->at_, head + 2); /* pair: spsc.head */\n"
          "    memcpy(item, thetis_spsc_slot_(ring, me, head, size), size);"),
    Fault("spsc reserved is published", "claim instead of complete", SPSC,
          "    me->open_ += n << 1;\n",
          "    me->open_ += n << 1;\n    thetis_atomic_store_release(&me->at_, at + (n << 1));\n"
          "    me->open_ -= n << 1;\n"),
    Fault("spsc close leaves room", "dropped step", SPSC,
          "    me->known_ = tail; /* sends every later push", "    /* sends every later push"),
    Fault("spsc cancel stays behind tail", "dropped step", SPSC,
          "if (head != me->known_) head += me->span_;", ""),
    Fault("spsc flag kept as an element", "dropped step", SPSC,
          "ring->consumer_.known_ = tail & ~THETIS_SPSC_FLAG_;", "ring->consumer_.known_ = tail;"),
    Fault("spsc abort makes room", "dropped step", SPSC,
          "    ring->producer_.known_ -= n << 1; /* if canceled, there must still be no room */\n",
          ""),
    Fault("spsc batch does not wrap", "off by one", SPSC,
          "        memcpy(THETIS_CAST(unsigned char *, items) + first, span.at[1],",
          "        memcpy(THETIS_CAST(unsigned char *, items) + first, span.at[0],"),
    Fault("spsc commits all", "claim instead of complete", SPSC,
          "    thetis_atomic_store_release(&me->at_, tail + (n << 1)); /* pair: spsc.tail */\n}\n\n"
          "/** Gives back", "    thetis_atomic_store_release(&me->at_, tail + (n << 1) + "
          "me->open_);\n}\n\n/** Gives back"),
    Fault("history: spsc is full one too early", "off by one", SPSC,
          "        if (limit - tail < 2) return limit &",
          "        if (limit - tail < 4) return limit &"),
    Fault("history: spsc keeps its last element", "off by one", SPSC,
          "if (THETIS_UNLIKELY(seen - head < 2)) {", "if (THETIS_UNLIKELY(seen - head < 4)) {"),
    Fault("bytes record over the end", "dropped step", BYTES,
          "pad = THETIS_LIKELY(extent <= to_end) ? 0 : to_end;", "pad = 0 * to_end;"),
    Fault("bytes pad that nobody asked for room", "off by one", BYTES,
          "if (thetis_spsc_room_(&ring->spsc_, at, pad + extent, &why) < pad + extent) return why;",
          "if (thetis_spsc_room_(&ring->spsc_, at, extent, &why) < extent) return why;"),
    Fault("bytes pad without a header", "dropped step", BYTES,
          "    if (pad) thetis_bytes_set_(", "    if (0) thetis_bytes_set_("),
    Fault("bytes pad is read as a record", "skipped re-check", BYTES,
          "if (THETIS_UNLIKELY(place.header.size_ == THETIS_BYTES_PAD_)) {", "if (0) {"),
    Fault("bytes release leaves the pad", "dropped step", BYTES,
          "ring->consumer_.own_ = (place.pad + place.header.extent_) << 1;",
          "ring->consumer_.own_ = place.header.extent_ << 1;"),
    Fault("bytes commit leaves the pad", "dropped step", BYTES,
          "    tail += (place.pad + extent) << 1;", "    tail += extent << 1;"),
    Fault("bytes gives back under a younger one", "skipped re-check", BYTES,
          "if (THETIS_LIKELY(ring->producer_.own_ == tail)) {", "if (1) {"),
    Fault("bytes gives back and publishes all the same", "dropped step", BYTES,
          "    thetis_bytes_set_(place.at, size, extent);",
          "    thetis_bytes_set_(place.at, size, place.header.extent_);"),
    Fault("bytes given back makes room", "dropped step", BYTES,
          "        bytes->known_ -= bytes->open_ - ((place.pad + extent) << 1); "
          "/* as thetis_spsc_abort() */\n", ""),
    Fault("bytes published before its size", "order of steps", BYTES,
          "    thetis_bytes_set_(place.at, size, extent);\n"
          "    tail += (place.pad + extent) << 1;\n"
          "    thetis_atomic_store_release(&bytes->at_, tail); /* pair: spsc.tail */",
          "    tail += (place.pad + extent) << 1;\n"
          "    thetis_atomic_store_release(&bytes->at_, tail); /* pair: spsc.tail */\n"
          "    thetis_bytes_set_(place.at, size, extent);"),
    Fault("bytes abort leaves the pad", "dropped step", BYTES,
          "thetis_spsc_abort(&ring->spsc_, (end - me->own_) >> 1);",
          "thetis_spsc_abort(&ring->spsc_, (end - me->own_ >> 1) - place.pad);"),
    Fault("bytes second abort finds the first", "dropped step", BYTES,
          "    me->own_ -= THETIS_CAST(uintptr_t, place.header.size_) << 1;\n", ""),
    Fault("bytes record given back before copied", "order of steps", BYTES,
          "    if (*size) memcpy(data, record, *size);\n    thetis_bytes_release(ring);",
          "    thetis_bytes_release(ring);\n    if (*size) memcpy(data, record, *size);"),
    Fault("bytes record pushed before copied", "order of steps", BYTES,
          "    if (size) memcpy(record, data, size);\n    thetis_bytes_commit(ring, size);",
          "    thetis_bytes_commit(ring, size);\n    if (size) memcpy(record, data, size);"),
    Fault("bytes extent without rounding", "off by one", BYTES,
          "(size + sizeof(thetis_bytes_header_) + 7) & ~THETIS_CAST(size_t, 7);",
          "(size + sizeof(thetis_bytes_header_) + 3) & ~THETIS_CAST(size_t, 7);"),
    Fault("bytes stream starts its second run late", "off by one", BYTES,
          "span->run[1].at = thetis_bytes_at_(ring, side, 0);",
          "span->run[1].at = thetis_bytes_at_(ring, side, 2);"),
    Fault("bytes reads its header twice", "steps beyond the bound", BYTES,
          "    ring->consumer_.own_ = (place.pad + place.header.extent_) << 1;\n",
          "    ring->consumer_.own_ = (place.pad + thetis_bytes_get_(place.at).extent_) << 1;\n"),
    Fault("bytes mirror is taken for one view", "off by one", "src/ring/bytes.c",
          "unsigned char *first = memory + cfg->mirror_at, *second = first + cfg->capacity;",
          "unsigned char *first = memory + cfg->mirror_at, *second = first;\n"
          "    ((thetis_bytes_cfg *)cfg)->mirror_at += cfg->capacity;"),
    Fault("history: bytes is full one too early", "off by one", BYTES,
          "if (thetis_spsc_room_(&ring->spsc_, at, pad + extent, &why) < pad + extent) return why;",
          "if (thetis_spsc_room_(&ring->spsc_, at, pad + extent + 8, &why) < pad + extent + 8)\n"
          "        return why;"),
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
          "    ring->producer_.at_ = at + (room << 2);\n"
          "    thetis_atomic_store_release(&ring->shown_.tail_, at + (room << 2));",
          "    ring->producer_.at_ = at + (room << 2);\n"
          "    thetis_atomic_store_release(&ring->shown_.tail_, at + (room << 2));\n"
          "    thetis_bcast_write_(ring, at, items, room, size);"),
    Fault("bcast slot given back before read", "order of steps", BCAST,
          "    thetis_bcast_read_(reader->of_, reader->at_, items, n, size);\n"
          "    if (thetis_bcast_move_(reader, reader->at_ + (n << 2))) return n;",
          "    int moved = thetis_bcast_move_(reader, reader->at_ + (n << 2));\n"
          "    thetis_bcast_read_(reader->of_, reader->at_ - (moved ? n << 2 : 0), items, n, size);"
          "\n    if (moved) return n;"),
    Fault("bcast has begun one less", "off by one", BCAST,
          "begun_, at + (n << 2));", "begun_, at);"),
    Fault("bcast does not look what was begun", "skipped re-check", BCAST,
          "if (THETIS_LIKELY(begun - reader->at_ <= ring->shape_.span_)) {",
          "if (THETIS_LIKELY(begun - reader->at_ <= UINTPTR_MAX)) {"),
    Fault("bcast looks what was begun before it copies", "order of steps", BCAST,
          "        thetis_bcast_read_(ring, reader->at_, items, n, size);\n"
          "        uintptr_t begun = thetis_atomic_load_relaxed(&ring->shown_.begun_);\n",
          "        uintptr_t begun = thetis_atomic_load_relaxed(&ring->shown_.begun_);\n"
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
          "    thetis_thread_leave(bcast_places(ring), reader->place_);",
          "    thetis_thread_leave(bcast_places(ring), reader->place_);\n"
          "    thetis_atomic_store_release(thetis_bcast_cursor_of_(ring, reader->place_),\n"
          "                                THETIS_BCAST_FREE_);"),
    Fault("bcast looks at its cursor before tail", "order of steps", BCAST,
          "    uintptr_t tail = thetis_atomic_load_acquire(&ring->shown_.tail_); "
          "/* pair: bcast.tail */\n    thetis_status end",
          "    if (!reader->active_ && thetis_atomic_load_relaxed(thetis_bcast_cursor_of_(ring,\n"
          "            reader->place_)) == THETIS_BCAST_JOINING_)\n        return thetis_atomic_"
          "load_acquire(&ring->shown_.tail_) & 1 ? THETIS_CLOSED : THETIS_EMPTY;\n"
          "    uintptr_t tail = thetis_atomic_load_acquire(&ring->shown_.tail_);\n"
          "    thetis_status end"),
    Fault("bcast flag kept as an element", "dropped step", BCAST,
          "    tail &= ~THETIS_BCAST_CLOSED_; /*", "    tail += tail & 1 ? 3 : 0; /*"),
    Fault("bcast surveys twice", "steps beyond the bound", BCAST,
          "        thetis_bcast_survey_(ring, n);\n",
          "        thetis_bcast_survey_(ring, n);\n        thetis_bcast_survey_(ring, n);\n"),
    Fault("bcast_history: full one too early", "off by one", BCAST,
          "return room >> 2 < n ? room >> 2 : n;", "return room >> 2 <= n ? 0 : n;"),
    Fault("latest_history: keeps its first value", "skipped re-check", LATEST,
          "if (THETIS_LIKELY(thetis_latest_number_(word) == held)) {",
          "if (THETIS_LIKELY(held || thetis_latest_number_(word) == held)) {"),
    Fault("latest pins the new before it unpins the old", "order of steps", LATEST,
          "    if (held) {\n        (void)thetis_atomic_fetch_add_release("
          "&thetis_latest_buffer_of_(latest, held)->unpins_,\n"
          "                                              1); /* pair: latest.unpin */\n    }\n"
          "    word = thetis_atomic_fetch_add_acq_rel(\n"
          "        &latest->current_, THETIS_LATEST_PIN_); "
          "/* pair: latest.value, latest.moved */\n",
          "    word = thetis_atomic_fetch_add_acq_rel(&latest->current_, THETIS_LATEST_PIN_);\n"
          "    if (held) (void)thetis_atomic_fetch_add_release(\n"
          "        &thetis_latest_buffer_of_(latest, held)->unpins_, 1);\n"),
    Fault("latest keeps the pin of who leaves", "dropped step", "src/ring/latest.c",
          "    if (reader->held_) {", "    if (0) {"),
    Fault("latest frees the place before the pin", "order of steps", "src/ring/latest.c",
          "        (void)thetis_atomic_fetch_add_release(&buffer->unpins_, 1); "
          "/* pair: latest.unpin */\n    }\n    reader->of_ = NULL;\n"
          "    (void)thetis_atomic_fetch_sub_release(&latest->shape_.readers_, 1);",
          "        (void)thetis_atomic_fetch_sub_release(&latest->shape_.readers_, 1);\n"
          "        (void)thetis_atomic_fetch_add_release(&buffer->unpins_, 1);\n    } else {\n"
          "        (void)thetis_atomic_fetch_sub_release(&latest->shape_.readers_, 1);\n    }\n"
          "    reader->of_ = NULL;\n    (void)0;"),
    Fault("latest refusal keeps its place", "dropped step", "src/ring/latest.c",
          "        (void)thetis_atomic_fetch_sub_relaxed(&latest->shape_.readers_, 1);\n", ""),
    Fault("latest admits one more", "off by one", "src/ring/latest.c",
          "if (in >= latest->shape_.places_) {", "if (in > latest->shape_.places_) {"),
    Fault("latest writes into pinned buffers", "skipped re-check", LATEST,
          "<< THETIS_LATEST_PIN_SHIFT_ == 0;", "<< THETIS_LATEST_PIN_SHIFT_ != 1;"),
    Fault("latest writes into the latest", "skipped re-check", LATEST,
          "while (number == latest->writer_.latest_ ||\n           !", "while (!"),
    Fault("latest published before written", "order of steps", LATEST,
          "    memcpy(thetis_latest_value_(latest, number), value, size);\n"
          "    thetis_latest_publish_(latest, number);",
          "    thetis_latest_publish_(latest, number);\n"
          "    memcpy(thetis_latest_value_(latest, number), value, size);"),
    Fault("latest reads without a pin", "claim instead of complete", LATEST,
          "    word = thetis_atomic_fetch_add_acq_rel(\n"
          "        &latest->current_, THETIS_LATEST_PIN_);",
          "    word = thetis_atomic_load_acquire(&latest->current_);\n    (void)0;"),
    Fault("latest believes its first look", "skipped re-check", LATEST,
          "    word = thetis_atomic_fetch_add_acq_rel(\n",
          "    (void)thetis_atomic_fetch_add_acq_rel(\n"),
    Fault("latest forgets earlier pins", "lost count", LATEST,
          "->pins_ +=\n", "->pins_ =\n"),
    Fault("latest close forgets the value", "dropped step", LATEST,
          "last | THETIS_LATEST_CLOSED_);", "THETIS_LATEST_CLOSED_);"),
    Fault("latest has n + 1 buffers", "off by one", LATEST,
          "THETIS_ASSERT1(number <= latest->shape_.places_ + 2);",
          "THETIS_ASSERT1(number <= latest->shape_.places_ + 1);"),
    Fault("latest commits the same buffer again", "dropped step", LATEST,
          "    latest->writer_.open_ = 0;\n}\n\n/** Copies", "}\n\n/** Copies"),
    Fault("latest closed hides the last value", "order of steps", LATEST,
          "    if (THETIS_LIKELY(thetis_latest_number_(word) == held)) {\n"
          "        if (word & THETIS_LATEST_CLOSED_) return THETIS_CLOSED;\n",
          "    if (word & THETIS_LATEST_CLOSED_) return THETIS_CLOSED;\n"
          "    if (THETIS_LIKELY(thetis_latest_number_(word) == held)) {\n"),
    Fault("latest looks twice", "steps beyond the bound", LATEST,
          "    uintptr_t held = reader->held_;\n",
          "    uintptr_t held = (thetis_atomic_load_relaxed(&latest->current_), reader->held_);\n"),
    Fault("mpsc takes what lies behind holes at once", "skipped re-check", MPSC,
          "    k = mpsc_scan(ring);\n"
          "    if (k != MPSC_NONE) return mpsc_take_hole(ring, k, item);\n    if (found) {",
          "    if (found) {"),
    Fault("mpsc walks on without a look at the holes", "skipped re-check", MPSC,
          "    size_t k = mpsc_scan(ring);\n"
          "    if (k != MPSC_NONE) return mpsc_take_hole(ring, k, item);\n    int found",
          "    size_t k;\n    int found"),
    Fault("mpsc reserve for late producers one too small", "off by one", MPSC,
          "    me->last_ = tail;\n", "    me->last_ = tail;\n    limit += THETIS_MPSC_STEP_;\n"),
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
          "        thetis_atomic_store_relaxed(thetis_mpsc_seq_(ring, shape->homes + k, "
          "shape->stride),\n                                    c->assigned);\n", ""),
    Fault("mpsc spare is never free again", "dropped step", MPSC,
          "        ring->consumer_.spare[hole->slot - shape->homes] = THETIS_MPSC_FREE_;\n", ""),
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
    Fault("thread admits one more", "off by one", THREAD,
          "if (in >= table->places) {", "if (in > table->places) {"),
    Fault("thread refusal keeps its admission", "dropped step", THREAD,
          "        (void)thetis_atomic_fetch_sub_relaxed(&table->admitted, 1);\n", ""),
    Fault("thread tests, then sets", "skipped re-check", THREAD,
          "while (thetis_atomic_exchange_acq_rel(&table->place[i], 1)) {",
          "while (thetis_atomic_load_acquire(&table->place[i]) || "
          "(thetis_atomic_store_release(&table->place[i], 1), 0)) {"),
    Fault("thread leaves before it clears", "order of steps", THREAD,
          "    thetis_atomic_store_release(&table->place[id], 0); /* pair: thread.place */\n"
          "    (void)thetis_atomic_fetch_sub_release(&table->admitted, 1);",
          "    (void)thetis_atomic_fetch_sub_release(&table->admitted, 1);\n"
          "    thetis_atomic_store_release(&table->place[id], 0);\n    (void)0;"),
    Fault("thread gives back another's place", "reused thread id", THREAD,
          "    thetis_atomic_store_release(&table->place[id], 0); /*",
          "    thetis_atomic_store_release(&table->place[0], 0); /*"),
    Fault("thread probes twice", "steps beyond the bound", THREAD,
          "while (thetis_atomic_exchange_acq_rel(&table->place[i], 1)) {",
          "while (thetis_atomic_load_relaxed(&table->place[i]) | "
          "thetis_atomic_exchange_acq_rel(&table->place[i], 1)) {"),
    Fault("hist loses a count", "skipped re-check", HIST,
          "(void)thetis_atomic_fetch_add_relaxed(&hist->count_[thetis_hist_bucket(value)], 1);",
          "thetis_atomic *c = &hist->count_[thetis_hist_bucket(value)];\n"
          "    thetis_atomic_store_relaxed(c, thetis_atomic_load_relaxed(c) + 1);"),
    Fault("hist counts twice", "steps beyond the bound", "src/core/hist.c",
          "        sum += thetis_atomic_load_relaxed(&hist->count_[b]);\n    return sum;",
          "        sum += (thetis_atomic_load_relaxed(&hist->count_[b]),\n"
          "                thetis_atomic_load_relaxed(&hist->count_[b]));\n    return sum;"),
    Fault("wake sleeps blindly", "skipped re-check", TURN,
          "int slept = thetis_atomic_cas_relaxed(&loop->wake, THT_RUNNING, THT_SLEEPING);",
          "int slept = (thetis_atomic_store_relaxed(&loop->wake, THT_SLEEPING), 1);"),
    Fault("wake shows a sleep that is none", "order of steps", TURN,
          "int slept = thetis_atomic_cas_relaxed(&loop->wake, THT_RUNNING, THT_SLEEPING);",
          "int slept = thetis_atomic_exchange_acquire(&loop->wake, THT_SLEEPING) == THT_RUNNING;"),
    Fault("wake overwrites a notification", "skipped re-check", TURN,
          "uintptr_t was = thetis_atomic_exchange_acquire(&loop->wake, THT_RUNNING);",
          "uintptr_t was = thetis_atomic_load_acquire(&loop->wake);\n"
          "    thetis_atomic_store_relaxed(&loop->wake, THT_RUNNING);"),
    Fault("wake without the system call", "dropped help", TURN,
          "if (was == THT_SLEEPING) (void)loop->sys->wake_send", "if (was == THT_NOTIFIED) "
          "(void)loop->sys->wake_send"),
    Fault("wake calls the system always", "claim instead of complete", TURN,
          "if (was == THT_SLEEPING) (void)loop->sys->wake_send", "(void)was;\n    (void)loop->sys"
          "->wake_send"),
    Fault("wake notes last", "order of steps", TURN,
          "    (void)thetis_atomic_fetch_or_release(&loop->note, 1); /* pair: loop.note */\n"
          "    wake_notify(loop);",
          "    wake_notify(loop);\n"
          "    (void)thetis_atomic_fetch_or_release(&loop->note, 1); /* pair: loop.note */"),
    Fault("wake stores its note", "broken release sequence", TURN,
          "(void)thetis_atomic_fetch_or_release(&loop->note, 1);",
          "thetis_atomic_store_release(&loop->note, 1);"),
    Fault("wake is taken and forgotten", "dropped step", TURN,
          "    if (was == THT_NOTIFIED) loop->woken = 1;\n", "    (void)was;\n"),
    Fault("wake: stop notifies nobody", "dropped help", TURN,
          "    thetis_atomic_store_release(&loop->stop, 1); /* pair: loop.stop */\n"
          "    wake_notify(loop);", "    thetis_atomic_store_release(&loop->stop, 1);"),
    Fault("wait opens the gate first", "order of steps", WAIT,
          "    thetis_atomic_store_relaxed(&me->state_, me->how_); /* before the gate */\n"
          "    (void)thetis_atomic_fetch_or_acq_rel(&me->wait_->gate_, 1); /* pair: wait.gate */",
          "    (void)thetis_atomic_fetch_or_acq_rel(&me->wait_->gate_, 1);\n"
          "    thetis_atomic_store_relaxed(&me->state_, me->how_);"),
    Fault("wait opens the gate by a store", "broken release sequence", WAIT,
          "(void)thetis_atomic_fetch_or_acq_rel(&me->wait_->gate_, 1);",
          "thetis_atomic_store_release(&me->wait_->gate_, 1);"),
    Fault("wait loads the gate, then shuts it", "skipped re-check", "include/thetis/wait.h",
          "= thetis_atomic_exchange_acq_rel(&wait->gate_, 0); /* pair: wait.gate */",
          "= thetis_atomic_load_acquire(&wait->gate_);\n"
          "    thetis_atomic_store_release(&wait->gate_, 0);"),
    Fault("wait wakes only the first", "dropped help", WAIT,
          "tht_port_signal_send(wait_fd_of(how));\n    }\n}\n\n/* Whoever",
          "tht_port_signal_send(wait_fd_of(how));\n        if (how) return;\n    }\n}\n\n"
          "/* Whoever"),
    Fault("wait takes by a load and a store", "skipped re-check", WAIT,
          "if (!thetis_atomic_cas_release(&waiter->state_, how, WAIT_IDLE)) "
          "/* pair: wait.state */\n        return WAIT_IDLE;",
          "thetis_atomic_store_release(&waiter->state_, WAIT_IDLE);"),
    Fault("wait calls the system always", "claim instead of complete", WAIT,
          "        if (how == WAIT_IN_PORT) tht_port_wake(&waiter->state_);\n        else if (how",
          "        if (how <= WAIT_IN_PORT) tht_port_wake(&waiter->state_);\n        else if (how"),
    Fault("wait forgets the signal on its way", "dropped step", WAIT,
          "    if (wait_withdraw(me) && me->how_ != WAIT_IN_PORT) me->owed_++;",
          "    (void)wait_withdraw(me);"),
    Fault("wait takes a signal only once", "dropped step", WAIT,
          "    me->owed_ -= n < me->owed_ ? n : me->owed_;", "    (void)n;\n    me->owed_ = 0;"),
    Fault("wait close leaves the gate", "dropped step", WAIT,
          "    (void)thetis_atomic_exchange_acq_rel(&wait->gate_, 0); /* pair: wait.gate */\n", ""),
    Fault("wait close trusts other wakes", "dropped help", WAIT,
          "        (void)wait_take(waiter);\n", "        if (!wait_take(waiter)) continue;\n"),
    Fault("wait close says so last", "order of steps", WAIT,
          "    thetis_atomic_store_release(&wait->closed_, 1); /* pair: wait.closed */\n"
          "    (void)thetis_atomic_exchange_acq_rel(&wait->gate_, 0); /* pair: wait.gate */\n"
          "    for (; waiter != end; waiter++) {\n        uintptr_t signal",
          "    (void)thetis_atomic_exchange_acq_rel(&wait->gate_, 0);\n"
          "    for (; waiter != end || (thetis_atomic_store_release(&wait->closed_, 1), 0); "
          "waiter++) {\n        uintptr_t signal"),
    Fault("wait starts although closed", "skipped re-check", WAIT,
          "if (THETIS_LIKELY(!wait_is_closed(me))) return THETIS_OK;", "if (me) return THETIS_OK;"),
    Fault("wait run does not look again", "skipped re-check", WAIT,
          "        s = attempt(arg);\n        if (!wait_is_vain(s)) {",
          "        if (!wait_is_vain(s)) {"),
    Fault("wait run leaves what was there at the end", "dropped step", WAIT,
          "        if (told != THETIS_OK) continue;\n        s = attempt(arg);",
          "        if (told != THETIS_OK) return told;\n        s = attempt(arg);"),
    Fault("wait place keeps its descriptor", "stale state", WAIT,
          "    (*out)->how_ = WAIT_IN_PORT;",
          "    if (!(*out)->how_) (*out)->how_ = WAIT_IN_PORT;"),
    Fault("wait times out though woken", "lost result", WAIT,
          "return over && !woken ? THETIS_ETIMEDOUT : THETIS_OK;",
          "return woken ? THETIS_ETIMEDOUT : THETIS_OK;"),
]


def stem(fault):
    """The structure: see models_of()."""
    return fault.name.split()[0].rstrip(":")


def plain_sources(name):
    """What the scenarios of a structure need that is not instrumented."""
    if name in ("wake", "wait"):
        return [f"tests/model/system_{name}.c"]
    if name.endswith("history"):
        return [p for p in sorted(ROOT.glob("tests/lin/*.c")) if p.name != "clock.c"]
    return []


def run(*command):
    """Runs a compiler; raises with what it said."""
    done = subprocess.run([str(c) for c in command], text=True, check=False, cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout[-2000:]}")


def models_of(name):
    """The files with scenarios of a structure: model_<name>.c, and its second part."""
    files = [ROOT / f"tests/model/model_{name}.c", ROOT / f"tests/model/model_{name}_end.c"]
    return [path for path in files if path.exists()]


def scenarios_of(name):
    """The identifiers of the scenarios in the structure's files."""
    text = "".join(path.read_text() for path in models_of(name))
    return re.findall(r"^const thetis_check_scenario (\w+) =", text, re.M)


def write_main(path, name):
    """A program of one structure's scenarios."""
    names = scenarios_of(name)
    declared = "".join(f"extern const thetis_check_scenario {n};\n" for n in names)
    listed = ", ".join(f"&{n}" for n in names)
    path.write_text(f"#include <thetis/check.h>\n{declared}THETIS_CHECK_MAIN({listed})\n")


def build(fault, tree, folder):
    """The program with the fault, in `folder`."""
    text = (ROOT / fault.path).read_text()
    if text.count(fault.old) != 1:
        raise RuntimeError(f"{fault.path} has not one such text, but {text.count(fault.old)}")
    changed = folder / fault.path
    changed.parent.mkdir(parents=True, exist_ok=True)
    changed.write_text(text.replace(fault.old, fault.new))
    write_main(folder / "main.c", stem(fault))
    sources = [folder / "main.c", *models_of(stem(fault))]
    if fault.path.endswith(".c"):
        sources.append(changed)
    includes = [f"-I{folder / 'include'}", "-Iinclude", "-Isrc", "-Itests",
                f"-I{(ROOT / fault.path).parent}"]
    compiler, objects = os.environ.get("CC", "cc"), []
    for k, source in enumerate(sources):
        objects.append(folder / f"{k}.o")
        run(compiler, *FLAGS, *includes, "-c", source, "-o", objects[-1])
    for k, source in enumerate(plain_sources(stem(fault))):
        objects.append(folder / f"plain{k}.o")
        run(compiler, "-std=c17", "-O1", "-Iinclude", "-Isrc", "-Itests", "-c", source, "-o",
            objects[-1])
    archives = [next(Path(tree).rglob(f"lib{n}.a")) for n in ("thetis_instrumented",
                                                             "thetis_check")]
    run(compiler, *objects, *archives, *archives, "-o", folder / "program")
    return folder / "program"


def found_by(program, strategy):
    """The first verdict that the strategy finds, or None."""
    done = subprocess.run([program, "--json", "--strategy", strategy, "--schedules", SCHEDULES],
                          text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    if done.returncode not in (0, 1, 2):
        raise RuntimeError(f"{program} {strategy}: status {done.returncode}")
    for line in done.stdout.splitlines():
        verdict = json.loads(line).get("found")
        if verdict:
            return verdict
    return None


def hunt(fault, tree, everyone):
    """strategy -> verdict or None; unless `everyone` is asked, up to the first that finds it."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        program = build(fault, tree, Path(folder))
        for strategy in STRATEGIES:
            if everyone or not any(found.values()):
                found[strategy] = found_by(program, strategy)
    return found


def main():
    """Runs as a command."""
    parser = argparse.ArgumentParser(description="planted faults must be found")
    parser.add_argument("build")
    parser.add_argument("--only", default="")
    parser.add_argument("--table", action="store_true", help="Markdown instead of TAP")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of TAP")
    args = parser.parse_args()
    tap = None if args.table or args.json else Tap()
    if args.table:
        print("| fault | kind |", " | ".join(STRATEGIES), "|")
        print("|---|---|" + "---|" * len(STRATEGIES))
    for fault in FAULTS:
        if args.only not in fault.name:
            continue
        found = hunt(fault, args.build, not tap)
        if args.table:
            print("|", fault.name, "|", fault.kind, "|",
                  " | ".join(found[s] or "" for s in STRATEGIES), "|")
        elif args.json:
            print(json.dumps({"fault": fault.name, "kind": fault.kind, "found": found}), flush=True)
        else:
            tap.case(f"fault {fault.name} ({fault.kind})",
                     [] if any(found.values()) else ["no strategy finds it"])
    if tap:
        tap.end()


if __name__ == "__main__":
    main()
