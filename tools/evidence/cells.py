# SPDX-License-Identifier: MIT
"""What tables are made of: text, bars, and what stands out."""

from typing import NamedTuple


class Bar(NamedTuple):
    """A share of 1, to be drawn."""
    share: float


class Bad(str):
    """A cell that speaks against something."""


class Table(NamedTuple):
    """Headers, rows of text or bars, what they say and do not say, and the commands."""
    title: str
    note: str
    headers: list
    rows: list
    commands: list
    long: bool = False  # folded away on a page


def table(title, note, headers, rows, records, long=False):
    """A table, with the commands of the records that it shows."""
    commands = list(dict.fromkeys(r["command"] for r in records))
    return Table(title, note, headers, rows, commands, long)


def judged(text, well):
    """A cell that says how it ended."""
    return text if well else Bad(text)


def number(n):
    """With commas; nothing for None."""
    return "" if n is None else f"{n:,}"


def rate(points, seconds):
    """Points per second, to three digits."""
    if seconds <= 0:
        return ""
    per_s = points / seconds
    digits = max(0, len(str(int(per_s))) - 3)
    return f"{round(per_s, -digits):,.0f}"


def ran(record):
    """The phases that were run: after a failure the others are not."""
    return [p for p in record["phases"] if p["schedules"]]
