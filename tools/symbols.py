#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""symbols.py: no object may need a library call for an atomic.

    tools/symbols.py [--nm NM] FILE...

A read-modify-write that the target cannot do in instructions becomes a call of __atomic_* or
__sync_*, which takes a lock: an operation called wait-free would silently not be. Prints each
such symbol and exits 1 if there is one; FILE is an object or an archive.
"""
import argparse
import re
import subprocess
import sys

FORBIDDEN = re.compile(r"_*(__atomic|__sync)_\w+")


def undefined(nm, path):
    """Yield (member, symbol) for each undefined symbol of an object or archive."""
    text = subprocess.run([nm, "-A", "-u", path], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    for line in text.splitlines():
        where, _, symbol = line.rpartition(" ")
        yield where.split(" ")[0].rstrip(":"), symbol


def check(nm, paths):
    """Return the complaints about `paths`, and how many symbols were looked at."""
    complaints = []
    seen = 0
    for path in paths:
        for member, symbol in undefined(nm, path):
            seen += 1
            if FORBIDDEN.fullmatch(symbol):
                complaints.append(f"{member}: {symbol}: an atomic that is a library call")
    return complaints, seen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nm", default="nm", help="nm of the objects' target")
    parser.add_argument("file", nargs="+")
    args = parser.parse_args()
    try:
        complaints, seen = check(args.nm, args.file)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"symbols.py: {error}")
    for line in complaints:
        print(line)
    print(f"symbols: {len(args.file)} files, {seen} undefined symbols, "
          f"{len(complaints)} library atomics")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
