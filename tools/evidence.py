#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""evidence.py: what the tests show, on one page; every figure with its command and seed.

    make evidence
    tools/evidence.py build/check [--host build/host] [--out build/evidence]
                      [--schedules N] [--seed N] [--campaign] [--markdown FILE]
    tools/evidence.py --from build/evidence/evidence.jsonl [--out FOLDER] [--markdown FILE]

Writes index.html, which needs no other file, and evidence.jsonl, its figures, to the folder. With
--from nothing is run: the page is made of the figures of an earlier run. --campaign runs at least
10,000,000 schedules of each structure. Exits 1 if something is not as expected.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path

from evidence import findings, measure, pages, sections


def collect(args):
    """Runs everything; returns the records."""
    tree, host = (path.absolute() for path in (args.tree, args.host))
    plan = sections.Plan(tree / "bin/thetis-check", tree, host, args.schedules, args.seed,
                         args.campaign)
    log = measure.Log()
    trees = {str(args.tree): tree, str(args.host): host}
    log.records.append({"section": "environment", "seed": args.seed,
                        "command": shlex.join(["python3", *sys.argv]),
                        **measure.environment(trees)})
    for section in sections.SECTIONS:
        section(log, plan)
    return log.records


def read(path):
    """The records of an earlier run."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path, text):
    """A file, and the folder that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"evidence: {path}")


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tree", nargs="?", type=Path, help="of the preset check")
    parser.add_argument("--host", type=Path, default=Path("build/host"),
                        help="the tree with the tests of real threads")
    parser.add_argument("--out", type=Path, default=Path("build/evidence"))
    parser.add_argument("--from", dest="source", type=Path, metavar="JSONL")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    parser.add_argument("--schedules", type=int, default=10000, help="of each random phase")
    parser.add_argument("--campaign", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if bool(args.tree) == bool(args.source):
        parser.error("give either a build tree or --from")
    return args


def main():
    """Runs as a command."""
    args = arguments()
    records = read(args.source) if args.source else collect(args)
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    write(args.out / "evidence.jsonl", lines)
    write(args.out / "index.html", pages.html(records))
    if args.markdown:
        write(args.markdown, pages.markdown(records))
    said = findings.against(records)
    for line in said:
        print(f"evidence: not as expected: {line}")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
