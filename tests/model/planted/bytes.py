# SPDX-License-Identifier: MIT
"""Faults of bytes: what each changes in the library's text."""

from . import Fault

BYTES = "include/thetis/bytes_view.h"

FAULTS = [
    Fault("bytes record over the end", "dropped step", BYTES,
          "pad = THETIS_LIKELY(extent <= to_end) ? 0 : to_end;", "pad = 0 * to_end;"),
    Fault("bytes pad that nobody asked for room", "off by one", BYTES,
          "view.bytes.apart, at, pad + extent);", "view.bytes.apart, at, extent);"),
    Fault("bytes pad without a header", "dropped step", BYTES,
          "        thetis_bytes_set_(header, THETIS_BYTES_PAD_, pad);\n", ""),
    Fault("bytes pad is read as a record", "skipped re-check", BYTES,
          "if (THETIS_UNLIKELY(place->header.size_ == THETIS_BYTES_PAD_)) {", "if (0) {"),
    Fault("bytes release leaves the pad", "dropped step", BYTES,
          "view.me->own_ = (place.pad + place.header.extent_) << 1;",
          "view.me->own_ = place.header.extent_ << 1;"),
    Fault("bytes commit leaves the pad", "dropped step", BYTES,
          "show_tail_(view.bytes, tail + ((place->pad + extent) << 1));",
          "show_tail_(view.bytes, tail + (extent << 1));"),
    Fault("bytes gives back under a younger one", "skipped re-check", BYTES,
          "if (THETIS_LIKELY(view.me->own_ == tail)) {", "if (1) {"),
    Fault("bytes gives back and publishes all the same", "dropped step", BYTES,
          "    thetis_bytes_set_(place->at, size, extent);",
          "    thetis_bytes_set_(place->at, size, place->header.extent_);"),
    Fault("bytes given back makes room", "dropped step", BYTES,
          "        bytes->known_ -= bytes->open_ - ((place->pad + extent) << 1); "
          "/* as thetis_spsc_abort() */\n", ""),
    Fault("bytes published before its size", "order of steps", BYTES,
          "    thetis_bytes_set_(place->at, size, extent);\n"
          "    thetis_spsc_show_tail_(view.bytes, tail + ((place->pad + extent) << 1));",
          "    thetis_spsc_show_tail_(view.bytes, tail + ((place->pad + extent) << 1));\n"
          "    thetis_bytes_set_(place->at, size, extent);"),
    Fault("bytes abort leaves the pad", "dropped step", BYTES,
          "thetis_spsc_abort_(view.bytes, (end - me->own_) >> 1);",
          "thetis_spsc_abort_(view.bytes, (end - me->own_ >> 1) - place.pad);"),
    Fault("bytes second abort finds the first", "dropped step", BYTES,
          "    me->own_ -= back;\n", ""),
    Fault("bytes record given back before copied", "order of steps", BYTES,
          "    if (*size) memcpy(data, record, *size);\n    thetis_bytes_release_(view);",
          "    thetis_bytes_release_(view);\n    if (*size) memcpy(data, record, *size);"),
    Fault("bytes record pushed before copied", "order of steps", BYTES,
          "    if (size) memcpy(record, data, size);\n    return thetis_bytes_commit_(view, size);",
          "    s = thetis_bytes_commit_(view, size);\n    if (size) memcpy(record, data, size);\n"
          "    return s;"),
    Fault("bytes extent without rounding", "off by one", BYTES,
          "(size + sizeof(thetis_bytes_header_) + 7) & ~THETIS_CAST(size_t, 7);",
          "(size + sizeof(thetis_bytes_header_) + 3) & ~THETIS_CAST(size_t, 7);"),
    Fault("bytes stream starts its second run late", "off by one", BYTES,
          "span->run[1].at = thetis_bytes_at_(view, 0);",
          "span->run[1].at = thetis_bytes_at_(view, 2);"),
    Fault("bytes reads its header twice", "steps beyond the bound", BYTES,
          "    view.me->own_ = (place.pad + place.header.extent_) << 1;\n",
          "    view.me->own_ = (place.pad + thetis_bytes_get_(view, place.at).extent_) << 1;\n"),
    Fault("bytes mirror is taken for one view", "off by one", "src/ring/bytes.c",
          "unsigned char *first = memory + cfg->mirror_at, *second = first + cfg->capacity;",
          "unsigned char *first = memory + cfg->mirror_at, *second = first;\n"
          "    ((thetis_bytes_cfg *)cfg)->mirror_at += cfg->capacity;"),
]
