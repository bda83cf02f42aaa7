#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that every memory order has its other end.

    tools/pairs.py [--root DIR] [--tap | --markdown]

A use of thetis/atomic.h that is not relaxed carries a tag in a comment on its line:

    thetis_atomic_store_release(&ring->tail_, tail + 2); /* pair: spsc.tail */

Several tags are separated by commas. A tag needs a releasing and an acquiring end. One acq_rel
line is both ends only if another line has the tag too, or if it is marked `spsc.tail (self)`.
Full fences pair with each other and have no tag; a publish is a release, and such a fence.
Every tag is explained in the part `Orders` of a comment at the top of a file, as the first word
of a line, and every tag explained there is in the code. Tests and examples are not asked.
"""

import argparse
import itertools
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from tap import Tap
from tidyrules.tree import Tree

FOLDERS = ("include", "src", "check", "sim")
DEFINITIONS = "include/thetis/atomic.h"

_CALL = re.compile(r"\bthetis_atomic_(?!fence)(\w+?)_(acquire|release|acq_rel|seq_cst)\s*\(")
_TAG = r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+"
_PAIR = re.compile(rf"\bpair:\s*({_TAG}(?:\s*\(self\))?(?:\s*,\s*{_TAG}(?:\s*\(self\))?)*)")
_NAMED = re.compile(rf"^({_TAG})(?:\s\s|\s*[,:]|\s*$)")


class Site(NamedTuple):
    """One end of a tag: a call in a line."""

    path: str
    line: int
    call: str
    order: str
    own: bool  # marked `(self)`

    @property
    def releases(self):
        """Whether it publishes."""
        return self.order != "acquire" and self.call != "load"

    @property
    def acquires(self):
        """Whether it observes."""
        return self.order != "release" and self.call not in ("store", "publish")

    def __str__(self):
        return f"{self.path}:{self.line}"


class Pairs:
    """All sites of a tree by tag, and the tags that comments explain."""

    def __init__(self, tree):
        self.sites = defaultdict(list)
        self.named = {}
        self.untagged = []
        self.stray = []
        for path in tree.c_files(*FOLDERS):
            source = tree.source(path)
            self._read_orders(path, source)
            if path != DEFINITIONS:
                self._read_calls(path, source)

    def _read_calls(self, path, source):
        tags, used = tags_by_line(source), set()
        for m in _CALL.finditer(source.code):
            line = source.line_of(m.start())
            last = source.line_of(call_end(source.code, m.end()))
            used |= set(range(line, last + 1))
            found = [t for k in range(line, last + 1) for t in tags.get(k, [])]
            for tag, own in found:
                self.sites[tag].append(Site(path, line, m.group(1), m.group(2), own))
            if not found:
                call = f"{m.group(1)}_{m.group(2)}"
                self.untagged.append(f"{path}:{line}: {call} without `pair:`")
        code = source.code.split("\n")
        self.stray += [f"{path}:{k}: `pair:` beside no acquire or release"
                       for k in sorted(tags) if k not in used and code[k - 1].strip()]

    def _read_orders(self, path, source):
        for comment in source.comments:
            for tag in named_tags(comment.text):
                self.named.setdefault(tag, f"{path}:{comment.line}")

    def one_ended(self):
        """A line for each tag that lacks an end."""
        for tag, sites in sorted(self.sites.items()):
            missing = missing_end(sites)
            if missing:
                yield f"{sites[0]}: tag {tag} has no {missing} end"

    def unnamed(self):
        """A line for each tag in code that no `Orders` explains."""
        for tag, sites in sorted(self.sites.items()):
            if tag not in self.named:
                yield f"{sites[0]}: tag {tag} is in no `Orders`"

    def unused(self):
        """A line for each tag that `Orders` explains and no code uses."""
        for tag, place in sorted(self.named.items()):
            if tag not in self.sites:
                yield f"{place}: tag {tag} of `Orders` is not in the code"

    def rules(self):
        """(name, findings) of each rule."""
        return [("pairs untagged", self.untagged), ("pairs stray", self.stray),
                ("pairs one-ended", list(self.one_ended())),
                ("pairs unnamed", list(self.unnamed())), ("pairs unused", list(self.unused()))]


def tags_by_line(source):
    """line -> [(tag, whether marked (self))], from the comments."""
    found = defaultdict(list)
    for comment in source.comments:
        for offset, text in enumerate(comment.text.split("\n")):
            m = _PAIR.search(text)
            for part in m.group(1).split(",") if m else []:
                found[comment.line + offset].append((part.split("(")[0].strip(), "(" in part))
    return found


def call_end(code, at):
    """The offset of the parenthesis that closes the one before `at`."""
    depth = 1
    while depth and at < len(code):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        at += 1
    return at - 1


def named_tags(comment):
    """The tags that a comment's part `Orders` explains; it ends at an empty line."""
    lines = [re.sub(r"^\s*(?:/?\*+|//)\s?", "", line).rstrip("*/ ")
             for line in comment.split("\n")]
    starts = [k for k, line in enumerate(lines) if re.search(r"\bOrders\b.*:", line)]
    if not starts:
        return
    first = re.sub(r".*?\bOrders\b[^:]*:", "", lines[starts[0]])
    rest = itertools.takewhile(bool, lines[starts[0] + 1:])
    for line in (first, *rest):
        m = _NAMED.match(line.strip())
        if m:
            yield m.group(1)


def missing_end(sites):
    """Which end a tag lacks, or None."""
    if any(s.own and s.releases and s.acquires for s in sites):
        return None
    releasing = [s for s in sites if s.releases]
    acquiring = [s for s in sites if s.acquires]
    if not releasing or not acquiring:
        return "acquiring" if releasing else "releasing"
    return "second" if len({str(s) for s in sites}) == 1 else None


def markdown(pairs):
    """A table of all tags, with the file and line of each end."""
    rows = ["| tag | releasing | acquiring | explained in |", "|---|---|---|---|"]
    for tag, sites in sorted(pairs.sites.items()):
        releasing = "<br>".join(f"`{s.call}_{s.order}` {s}" for s in sites if s.releases)
        acquiring = "<br>".join(f"`{s.call}_{s.order}` {s}" for s in sites if s.acquires)
        rows.append(f"| `{tag}` | {releasing} | {acquiring} | {pairs.named.get(tag, '')} |")
    return "\n".join(rows)


def main():
    """Runs as a command."""
    parser = argparse.ArgumentParser(description="checks that memory orders come in pairs")
    parser.add_argument("--root", default=Path(__file__).resolve().parents[1])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--tap", action="store_true", help="one test case per rule")
    form.add_argument("--markdown", action="store_true", help="print the table of all tags")
    args = parser.parse_args()
    pairs, tap = Pairs(Tree(args.root)), Tap() if args.tap else None
    if args.markdown:
        print(markdown(pairs))
        return 0
    for name, findings in pairs.rules():
        if tap:
            tap.case(name, findings)
        elif findings:
            print("\n".join(findings))
    if tap:
        tap.end()
    bad = sum(len(findings) for _, findings in pairs.rules())
    ends = sum(len(sites) for sites in pairs.sites.values())
    print(f"pairs: {bad} findings" if bad else f"pairs: {len(pairs.sites)} tags, {ends} ends")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
