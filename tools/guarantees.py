#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the tables of guarantees from the headers' @progress statements.

    tools/guarantees.py [--root DIR]             writes docs/guarantees.md and README's table
    tools/guarantees.py [--root DIR] --check     one test case for each: stale is a failure
    tools/guarantees.py [--root DIR] --readme    prints README's table

README's table stands between the lines `<!-- guarantees -->` and `<!-- /guarantees -->`.
"""

import argparse
import re
import sys
from pathlib import Path

from tap import Tap
from tidyrules.docs import operations
from tidyrules.tree import Tree, stem

PAGE = "docs/guarantees.md"
README = "README.md"
BEGIN, END = "<!-- guarantees -->", "<!-- /guarantees -->"
PROOFS = ("tests/unit/", "tests/model/", "tests/conform/", "tests/stress/", "tests/lin/", "check/")

INTRODUCTION = """# Guarantees

Generated from the headers by `tools/guarantees.py`; do not edit.

*Progress* is the operation's own statement. *Tests* are the files that call the operation; an
empty field means that no test does. "Claimed" means: derived by hand, not yet confirmed by the
concurrency tester.
"""


def by_header(tree):
    """stem -> [(operation, progress)] in the headers' order."""
    found = {}
    for path, item, progress in operations(tree):
        found.setdefault(stem(path), []).append((item.name, progress or "not stated"))
    return found


def callers(tree):
    """operation -> the test files in which its name occurs."""
    found = {}
    for path in tree.c_files():
        if path.startswith(PROOFS):
            for name in set(re.findall(r"\bthetis_\w+", tree.source(path).code)):
                found.setdefault(name, []).append(path)
    return found


def page(tree):
    """The text of docs/guarantees.md."""
    tests, parts = callers(tree), [INTRODUCTION]
    for header, rows in by_header(tree).items():
        parts.append(f"## thetis/{header}.h\n\n| operation | progress | tests |\n|---|---|---|")
        for name, progress in rows:
            files = " ".join(f"`{Path(p).name}`" for p in tests.get(name, []))
            parts.append(f"| `{name}` | {cell(progress)} | {files} |")
        parts.append("")
    return "\n".join(parts)


def cell(text):
    """The text as a table's field."""
    return re.sub(r"([|*_])", r"\\\1", text)


def condensed(tree):
    """README's table: one line per header and word of progress."""
    rows = ["| header | operations | progress |", "|---|---|---|"]
    for header, operations_ in by_header(tree).items():
        words = {}
        for name, progress in operations_:
            verb = re.sub(rf"^thetis_(?:{header}_)?", "", name)
            words.setdefault(word(progress), []).append(f"`{verb}`")
        for progress, verbs in words.items():
            rows.append(f"| `{header}` | {' '.join(verbs)} | {progress} |")
    return "\n".join(rows)


def word(progress):
    """The statement without its bound."""
    return cell(re.split(r"[,;:]| up to ", progress)[0])


def readme(tree, text):
    """README with a fresh table; unchanged if it has no markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n{condensed(tree)}\n{end}{after}" if end else text


def wanted(tree):
    """path -> what it should say."""
    texts = {PAGE: page(tree)}
    if tree.has(README):
        texts[README] = readme(tree, tree.text(README))
    return texts


def check(texts, stale):
    """Reports each file as a test case, and ends the program."""
    tap = Tap()
    for path in texts:
        tap.case(f"{path} is fresh", ["run tools/guarantees.py"] if path in stale else [])
    tap.end()


def main():
    """Runs as a command."""
    parser = argparse.ArgumentParser(description="makes the tables of guarantees")
    parser.add_argument("--root", default=Path(__file__).resolve().parents[1])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--check", action="store_true", help="test whether the tables are fresh")
    form.add_argument("--readme", action="store_true", help="print README's table")
    args = parser.parse_args()
    tree = Tree(args.root)
    if args.readme:
        print(condensed(tree))
        return 0
    texts = wanted(tree)
    stale = [p for p, text in texts.items() if not tree.has(p) or tree.text(p) != text]
    if args.check:
        check(texts, stale)
    for path in stale:
        (tree.root / path).parent.mkdir(exist_ok=True)
        (tree.root / path).write_text(texts[path])
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
