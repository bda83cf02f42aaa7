# SPDX-License-Identifier: MIT
"""Two small pictures: a bar, and lines over doubling rounds."""

import math
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 640, 240, 48, 28, 150, 10
COLORS = ("#c2410c", "#1d4ed8", "#15803d", "#7c3aed", "#0e7490", "#64748b")
APART = 13


def bar(share):
    """A share of 1 as a bar."""
    return (f'<span class="bar" role="img" aria-label="{share:.0%}">'
            f'<i style="width:{min(share, 1):.1%}"></i></span>')


def place(value, most, low, high):
    """Where a value lies between two ends, on a scale of powers of two from 1 to `most`."""
    return low + (high - low) * math.log2(max(value, 1)) / math.log2(max(most, 2))


def axis(rounds, most, at):
    """Labels of both axes."""
    marks = [f'<text x="{at(m, 1)[0]:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{m}</text>'
             for m in rounds]
    powers = [2 ** k for k in range(0, int(math.log2(most)) + 1, 2)]
    marks += [f'<text x="{LEFT - 6}" y="{at(1, s)[1] + 4:.0f}" text-anchor="end">{s}</text>'
              f'<path class="grid" d="M{LEFT} {at(1, s)[1]:.1f}H{WIDTH - RIGHT}"/>' for s in powers]
    return "".join(marks)


def spread(heights):
    """The heights of labels, moved down so that none covers another; in the order given."""
    free, placed = -math.inf, {}
    for k in sorted(range(len(heights)), key=lambda k: heights[k]):
        placed[k] = free = max(heights[k], free + APART)
    return [placed[k] for k in range(len(heights))]


def lines(series):
    """An SVG of {name: {rounds: steps}}, both axes in powers of two."""
    if not series:
        return ""
    rounds = sorted({m for steps in series.values() for m in steps})
    most = max(2, *(s for steps in series.values() for s in steps.values()))

    def at(m, steps):
        return (place(m, rounds[-1], LEFT, WIDTH - RIGHT),
                place(steps, most, HEIGHT - BOTTOM, TOP))

    heights = spread([at(1, list(steps.values())[-1])[1] for steps in series.values()])
    parts = [axis(rounds, most, at)]
    for (name, steps), height, k in zip(series.items(), heights, range(len(series))):
        color = COLORS[k % len(COLORS)]
        points = " ".join("{:.1f},{:.1f}".format(*at(m, s)) for m, s in sorted(steps.items()))
        parts.append(f'<polyline points="{points}" stroke="{color}"/><text fill="{color}" '
                     f'x="{WIDTH - RIGHT + 6}" y="{height + 4:.0f}">{escape(name)}</text>')
    return (f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="steps against rounds of '
            f'the others">{"".join(parts)}</svg>')
