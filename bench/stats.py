# SPDX-License-Identifier: MIT
"""The little statistics that the benchmarks need."""

from math import comb
from statistics import median


def sign_interval(values, confidence=0.95):
    """The interval for the median that the sign test gives: order statistics, no assumption on
    the distribution. (min, max) when there are too few values for the confidence.

    >>> sign_interval(range(9)), sign_interval(range(24)), sign_interval([5, 1, 3])
    ((1, 7), (6, 17), (1, 5))
    """
    ordered = sorted(values)
    n = len(ordered)
    tail, k = 0.0, 0
    while k < n // 2:
        tail += comb(n, k) / 2.0**n
        if 2 * tail > 1 - confidence:
            break
        k += 1
    low = max(k - 1, 0)
    return ordered[low], ordered[n - 1 - low]


def ratios(values, reference):
    """Value by value, measured next to each other, so that a slow moment hits both.

    >>> ratios([2, 9], [4, 3])
    [0.5, 3.0]
    """
    return [v / r for v, r in zip(values, reference) if r > 0]


def summary(values):
    """The figures of one JSON line."""
    return {"median": median(values), "min": min(values), "max": max(values), "n": len(values)}
