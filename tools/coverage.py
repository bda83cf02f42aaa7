#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py: line coverage per folder of src/, merged over all test programs.

    tools/coverage.py BUILD [--min PERCENT] [--gate FOLDER...] [--missed]

BUILD is a tree made with THETIS_COVERAGE=ON after its tests ran. A line counts as covered if any
object that contains it executed it. The inline functions of include/thetis/<stem>.h belong to the
folder whose src/<folder>/<stem>.c exists, else to core. Exits 1 if a gated folder is below PERCENT
or has no lines at all.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def gcov_documents(build):
    """Yield the JSON document of each object with notes; one gcov call per object file."""
    for notes in sorted(pathlib.Path(build).rglob("*.gcno")):
        done = subprocess.run(["gcov", "--json-format", "--stdout", str(notes)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                yield json.loads(line)


def merge(documents):
    """Return {absolute path: {line number: executions}} summed over documents."""
    files = collections.defaultdict(lambda: collections.defaultdict(int))
    for document in documents:
        base = document["current_working_directory"]
        for entry in document["files"]:
            path = os.path.realpath(os.path.join(base, entry["file"]))
            for line in entry["lines"]:
                files[path][line["line_number"]] += line["count"]
    return files


def folder_of(path, root=ROOT):
    """Return the folder of src/ that a file belongs to, or None if it is not the library's."""
    try:
        parts = pathlib.Path(path).relative_to(root).parts
    except ValueError:
        return None
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ("include", "thetis"):
        stem = pathlib.Path(parts[-1]).stem
        homes = sorted((root / "src").glob(f"*/{stem}.c"))
        return homes[0].parent.name if homes else "core"
    return None


def summarize(files, root=ROOT):
    """Return {folder: (covered, total)} and {path: [missed lines]}."""
    totals = collections.defaultdict(lambda: [0, 0])
    missed = {}
    for path, lines in sorted(files.items()):
        folder = folder_of(path, root)
        if folder is None:
            continue
        totals[folder][0] += sum(1 for count in lines.values() if count)
        totals[folder][1] += len(lines)
        missed[path] = sorted(number for number, count in lines.items() if not count)
    return {folder: tuple(pair) for folder, pair in totals.items()}, missed


def report(totals, gates, minimum):
    """Print the table; return the gated folders that are below the minimum."""
    low = []
    print(f"{'folder':<10}{'lines':>8}{'covered':>9}{'percent':>9}  gate")
    for folder in sorted(set(totals) | set(gates)):
        covered, total = totals.get(folder, (0, 0))
        percent = 100.0 * covered / total if total else 0.0
        verdict = ""
        if folder in gates:
            verdict = "ok" if percent >= minimum else f"below {minimum:g} %"
            low += [folder] if percent < minimum else []
        print(f"{folder:<10}{total:>8}{covered:>9}{percent:>9.2f}  {verdict}")
    return low


def print_missed(missed):
    """List the lines that nothing executed, by file."""
    for path, lines in missed.items():
        if lines:
            print(f"{os.path.relpath(path, ROOT)}: {' '.join(map(str, lines))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--min", type=float, default=95.0)
    parser.add_argument("--gate", nargs="*", default=["ring", "core", "loop"])
    parser.add_argument("--missed", action="store_true", help="list the lines never executed")
    args = parser.parse_args()
    totals, missed = summarize(merge(gcov_documents(args.build)))
    if args.missed:
        print_missed(missed)
    low = report(totals, args.gate, args.min)
    if low:
        print(f"coverage: too low: {', '.join(low)}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
