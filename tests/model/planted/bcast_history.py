# SPDX-License-Identifier: MIT
"""Faults of bcast_history: what each changes in the library's text."""

from . import Fault

BCAST = "include/thetis/bcast.h"

FAULTS = [
    Fault("bcast_history: full one too early", "off by one", BCAST,
          "return room >> 2 < n ? room >> 2 : n;", "return room >> 2 <= n ? 0 : n;"),
]
