# SPDX-License-Identifier: MIT
"""Faults of hist: what each changes in the library's text."""

from . import Fault

HIST = "include/thetis/hist.h"

FAULTS = [
    Fault("hist loses a count", "skipped re-check", HIST,
          "(void)thetis_atomic_fetch_add_relaxed(&hist->count_[thetis_hist_bucket(value)], 1);",
          "thetis_atomic *c = &hist->count_[thetis_hist_bucket(value)];\n"
          "    thetis_atomic_store_relaxed(c, thetis_atomic_load_relaxed(c) + 1);"),
    Fault("hist counts twice", "steps beyond the bound", "src/core/hist.c",
          "        sum += thetis_atomic_load_relaxed(&hist->count_[b]);\n    return sum;",
          "        sum += (thetis_atomic_load_relaxed(&hist->count_[b]),\n"
          "                thetis_atomic_load_relaxed(&hist->count_[b]));\n    return sum;"),
]
