# SPDX-License-Identifier: MIT
"""Faults of lanes that the judge of histories must find."""

from . import Fault

LANES = "src/ring/lanes.c"

FAULTS = [
    Fault("lanes_history: takes the lowest head at once", "skipped re-check", LANES,
          "    if (found == THETIS_LANES_NONE_ || lanes_age(me, heads[found].ticket_) > 0) "
          "return found;\n", "    if (heads) return found;\n"),
]
