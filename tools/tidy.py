#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Style as a test: checks the rules of tools/tidyrules on a source tree.

    tools/tidy.py [--root DIR] [--tap] [--list]

Prints `file:line: rule: message` for each finding and ends with 1; else one line of counts.
"""

import argparse
import statistics
import sys
from pathlib import Path

from tap import Tap
from tidyrules import RULES
from tidyrules.tree import Tree

LONG = 40


def check(tree):
    """(rule's name, its findings) for every rule."""
    for name, rule in RULES:
        yield name, list(rule(tree))


def show(name, finding):
    """The finding as compilers print theirs."""
    return f"{finding.path}:{finding.line}: {name}: {finding.message}"


def counts(tree):
    """One line about the tree."""
    lengths = [f.lines for path in tree.c_files() for f in tree.source(path).functions]
    median = statistics.median(lengths) if lengths else 0
    over = sum(n > LONG for n in lengths)
    return (f"tidy: {len(tree.files)} files, {len(lengths)} C functions, median {median:g} lines, "
            f"{over} over {LONG}")


def main():
    """Runs as a command."""
    parser = argparse.ArgumentParser(description="checks the style of the tree")
    parser.add_argument("--root", default=Path(__file__).resolve().parents[1])
    parser.add_argument("--tap", action="store_true", help="one test case per rule")
    parser.add_argument("--list", action="store_true", help="print the rules")
    args = parser.parse_args()
    if args.list:
        for name, rule in RULES:
            print(f"{name:16} {' '.join(rule.__doc__.split())}")
        return 0
    tree, failed, tap = Tree(args.root), 0, Tap() if args.tap else None
    for name, findings in check(tree):
        failed += len(findings)
        shown = [show(name, f) for f in findings]
        if tap:
            tap.case(f"tidy {name}", shown)
        elif shown:
            print("\n".join(shown))
    if tap:
        tap.end()
    print(f"tidy: {failed} findings" if failed else counts(tree))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
