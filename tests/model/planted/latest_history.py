# SPDX-License-Identifier: MIT
"""Faults of latest_history: what each changes in the library's text."""

from . import Fault

LATEST = "include/thetis/latest.h"

FAULTS = [
    Fault("latest_history: keeps its first value", "skipped re-check", LATEST,
          "if (THETIS_LIKELY(thetis_latest_number_(word) == held)) {",
          "if (THETIS_LIKELY(held || thetis_latest_number_(word) == held)) {"),
]
