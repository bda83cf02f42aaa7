# SPDX-License-Identifier: MIT
"""Faults of spsc: what each changes in the library's text."""

from . import Fault

SPSC = "include/thetis/spsc.h"

FAULTS = [
    Fault("spsc room for one more", "off by one", SPSC,
          "    me->known_ = head + me->span_;", "    me->known_ = head + me->span_ + 2;"),
    Fault("spsc pop without a second look", "skipped re-check", SPSC,
          "if (THETIS_UNLIKELY(seen - head < 2)) {", "if (THETIS_UNLIKELY(seen - head > 9)) {"),
    Fault("spsc published before written", "order of steps", SPSC,
          "    memcpy(thetis_spsc_slot_(view, tail, size), item, size);\n"
          "    thetis_spsc_show_tail_(view, tail + 2);",
          "    thetis_spsc_show_tail_(view, tail + 2);\n"
          "    memcpy(thetis_spsc_slot_(view, tail, size), item, size);"),
    Fault("spsc slot given back before read", "order of steps", SPSC,
          "    memcpy(item, thetis_spsc_slot_(view, head, size), size);\n"
          "    thetis_spsc_show_head_(view, head + 2);",
          "    thetis_spsc_show_head_(view, head + 2);\n"
          "    memcpy(item, thetis_spsc_slot_(view, head, size), size);"),
    Fault("spsc reserved is published", "claim instead of complete", SPSC,
          "    view.me->open_ += n << 1;\n    return n;\n",
          "    thetis_spsc_show_tail_(view, at + (n << 1));\n    return n;\n"),
    Fault("spsc close leaves room", "dropped step", SPSC,
          "    view.me->known_ = tail; /* sends every later push", "    /* sends every later push"),
    Fault("spsc cancel stays behind tail", "dropped step", SPSC,
          "if (head != me->known_) head += me->span_;", ""),
    Fault("spsc flag kept as an element", "dropped step", SPSC,
          "me->known_ = tail & ~THETIS_SPSC_FLAG_;", "me->known_ = tail;"),
    Fault("spsc abort makes room", "dropped step", SPSC,
          "    view.me->known_ -= n << 1; /* if canceled, there must still be no room */\n",
          ""),
    Fault("spsc batch does not wrap", "off by one", SPSC,
          "memcpy(to + first, span.at[1],", "memcpy(to + first, span.at[0],"),
    Fault("spsc commits all", "claim instead of complete", SPSC,
          "    view.me->open_ -= n << 1;\n    thetis_spsc_show_tail_(view, tail + (n << 1));",
          "    view.me->open_ -= n << 1;\n"
          "    thetis_spsc_show_tail_(view, tail + (n << 1) + view.me->open_);"),
]
