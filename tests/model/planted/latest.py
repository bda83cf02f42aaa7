# SPDX-License-Identifier: MIT
"""Faults of latest: what each changes in the library's text."""

from . import Fault

LATEST = "include/thetis/latest.h"

FAULTS = [
    Fault("latest pins the new before it unpins the old", "order of steps", LATEST,
          "    if (held) {\n        (void)thetis_atomic_fetch_add_release("
          "&thetis_latest_buffer_of_(latest, held)->unpins_,\n"
          "                                              1); /* pair: latest.unpin */\n    }\n"
          "    word = thetis_atomic_fetch_add_acq_rel(\n"
          "        &there->current_, THETIS_LATEST_PIN_); "
          "/* pair: latest.value, latest.moved */\n",
          "    word = thetis_atomic_fetch_add_acq_rel(&there->current_, THETIS_LATEST_PIN_);\n"
          "    if (held) (void)thetis_atomic_fetch_add_release(\n"
          "        &thetis_latest_buffer_of_(latest, held)->unpins_, 1);\n"),
    Fault("latest keeps the pin of who leaves", "dropped step", "src/ring/latest.c",
          "    if (reader->held_) {", "    if (0) {"),
    Fault("latest frees the place before the pin", "order of steps", "src/ring/latest.c",
          "        (void)thetis_atomic_fetch_add_release(&buffer->unpins_, 1); "
          "/* pair: latest.unpin */\n    }\n    reader->of_ = NULL;\n"
          "    (void)thetis_atomic_fetch_sub_release("
          "&thetis_latest_there_(latest)->shape_.readers_,\n"
          "                                          1);",
          "        (void)thetis_atomic_fetch_sub_release(&latest->shape_.readers_, 1);\n"
          "        (void)thetis_atomic_fetch_add_release(&buffer->unpins_, 1);\n    } else {\n"
          "        (void)thetis_atomic_fetch_sub_release(&latest->shape_.readers_, 1);\n    }\n"
          "    reader->of_ = NULL;\n    (void)0;"),
    Fault("latest refusal keeps its place", "dropped step", "src/ring/latest.c",
          "        (void)thetis_atomic_fetch_sub_relaxed(readers, 1);\n", ""),
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
          "        &there->current_, THETIS_LATEST_PIN_);",
          "    word = thetis_atomic_load_acquire(&there->current_);\n    (void)0;"),
    Fault("latest believes its first look", "skipped re-check", LATEST,
          "    word = thetis_atomic_fetch_add_acq_rel(\n",
          "    (void)thetis_atomic_fetch_add_acq_rel(\n"),
    Fault("latest forgets earlier pins", "lost count", LATEST,
          "thetis_atomic_store_relaxed(pins, thetis_atomic_load_relaxed(pins) +",
          "thetis_atomic_store_relaxed(pins, 0 +"),
    Fault("latest close forgets the value", "dropped step", LATEST,
          "last | THETIS_LATEST_CLOSED_);", "THETIS_LATEST_CLOSED_);"),
    Fault("latest has n + 1 buffers", "off by one", LATEST,
          "if (++number > latest->shape_.places_ + 2) {",
          "if (++number > latest->shape_.places_ + 1) {"),
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
]
