#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""evidence.py: what the tests show, on one page; every figure with its command and seed.

    make evidence
    tools/evidence.py build/check [--host build/host] [--out build/evidence]
                      [--schedules N] [--seed N] [--campaign] [--markdown FILE] [--only PART ...]
    tools/evidence.py --from build/evidence/evidence.jsonl [--out FOLDER] [--markdown FILE]

Writes index.html, which needs no other file, and evidence.jsonl, its figures, to the folder. With
--from nothing is run: the page is made of the figures of an earlier run. --campaign runs at least
10,000,000 schedules of each structure, which takes hours. So the figures are written part by part
(a structure each, orders, faults, pairs, controls, programs), and --only renews those parts: the
others stay as the folder has them, each with its commit. Exits 1 if something is not as expected.
"""

import argparse
import json
import shlex
import sys
from collections import defaultdict
from pathlib import Path

from evidence import findings, measure, pages, sections


def measured(name, part, plan, args):
    """Runs one part; returns its records."""
    log = measure.Log(name)
    trees = {str(args.tree): plan.tree, str(args.host): plan.host}
    log.keep({"section": "environment", "seed": args.seed,
              "command": shlex.join(["python3", *sys.argv]), **measure.environment(trees)})
    part(log, plan)
    return log.records


def collect(args):
    """Runs what was asked for, and keeps it part by part; returns all records."""
    tree, host = (path.absolute() for path in (args.tree, args.host))
    plan = sections.Plan(tree / "bin/thetis-check", tree, host, args.schedules, args.seed,
                         args.campaign)
    parts = sections.parts(plan)
    unknown = set(args.only) - set(parts)
    if unknown:
        sys.exit(f"evidence: no such part: {' '.join(sorted(unknown))}; {' '.join(parts)}")
    path = args.out / "evidence.jsonl"
    by = defaultdict(list)
    for record in read(path) if args.only and path.exists() else []:
        by[record["part"]].append(record)
    for name in args.only or parts:
        by[name] = measured(name, parts[name], plan, args)
        write(path, lines([r for kept in parts for r in by[kept]]))
    return read(path)


def read(path):
    """The records of an earlier run."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def lines(records):
    """What a file of records has in it."""
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)


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
    parser.add_argument("--only", nargs="+", default=[], metavar="PART")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if bool(args.tree) == bool(args.source):
        parser.error("give either a build tree or --from")
    return args


def main():
    """Runs as a command."""
    args = arguments()
    records = read(args.source) if args.source else collect(args)
    write(args.out / "evidence.jsonl", lines(records))
    write(args.out / "index.html", pages.html(records))
    if args.markdown:
        write(args.markdown, pages.markdown(records))
    said = findings.against(records)
    for line in said:
        print(f"evidence: not as expected: {line}")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
