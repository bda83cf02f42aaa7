#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""faults.py: algorithm faults planted in the library; each must be found. TAP.

    tests/model/faults.py BUILD [--only NAME] [--table | --json]

BUILD is the tree of the preset `check`. A fault is a change of one piece of the library's text;
they stand in planted/, one file for each structure. How they are looked for: hunt.py. With --table
and --json, which say who finds what, all strategies run to their end.
"""

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path += [str(Path(__file__).resolve().parents[2] / "tools"), str(Path(__file__).parent)]

from hunt import STRATEGIES, Parts, hunt  # noqa: E402
from planted import all_faults  # noqa: E402
from tap import Tap  # noqa: E402

WORKERS = 2


def report(args, tap, fault, found):
    """Prints what was found of one fault."""
    if args.table:
        print("|", fault.name, "|", fault.kind, "|",
              " | ".join(found[s] or "" for s in STRATEGIES), "|")
    elif args.json:
        print(json.dumps({"fault": fault.name, "kind": fault.kind, "found": found}), flush=True)
    else:
        tap.case(f"fault {fault.name} ({fault.kind})",
                 [] if any(found.values()) else ["no strategy finds it"])


def main():
    """Runs as a command."""
    parser = argparse.ArgumentParser(description="planted faults must be found")
    parser.add_argument("build")
    parser.add_argument("--only", default="")
    parser.add_argument("--table", action="store_true", help="Markdown instead of TAP")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of TAP")
    args = parser.parse_args()
    tap = None if args.table or args.json else Tap()
    if args.table:
        print("| fault | kind |", " | ".join(STRATEGIES), "|")
        print("|---|---|" + "---|" * len(STRATEGIES))
    faults = [fault for fault in all_faults() if args.only in fault.name]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
        parts = Parts(Path(folder))
        hunts = pool.map(lambda fault: hunt(fault, parts, args.build, not tap), faults)
        for fault, found in zip(faults, hunts):
            report(args, tap, fault, found)
    if tap:
        tap.end()


if __name__ == "__main__":
    main()
