# SPDX-License-Identifier: MIT
"""Faults of history: what each changes in the library's text."""

from . import Fault

BYTES = "include/thetis/bytes_view.h"
SPSC = "include/thetis/spsc.h"

FAULTS = [
    Fault("history: spsc is full one too early", "off by one", SPSC,
          "        if (limit - tail < 2) return limit &",
          "        if (limit - tail < 4) return limit &"),
    Fault("history: spsc keeps its last element", "off by one", SPSC,
          "if (THETIS_UNLIKELY(seen - head < 2)) {", "if (THETIS_UNLIKELY(seen - head < 4)) {"),
    Fault("history: bytes is full one too early", "off by one", BYTES,
          "view.bytes.apart, at, pad + extent);",
          "view.bytes.apart, at, pad + extent + 8);"),
]
