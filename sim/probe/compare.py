#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares what a system answered to the probe with what a personality answers.

    sim/probe/compare.py ANSWERS.json THETIS_SIM PERSONALITY

ANSWERS.json is what the program of sim/probe printed there (probe.h says how to build it), or one
of sim/probe/recorded. Names each difference; status 0 if there is none, 1 if there are some.

Text must be equal. A number is a configured size: up to twice or half as much. Of "k of n" the
shares may lie a quarter apart: 1 of 500 and 0 of 100 are one race, 500 of 500 is none. A file with
"partial": true answers some of the questions; those that only the personality answers do not count.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

SHARE = re.compile(r"(\d+) of (\d+)")


def same(real, fake):
    """Whether two answers to one question agree."""
    if isinstance(real, int) and isinstance(fake, int):
        return real <= 2 * fake and fake <= 2 * real
    shares = [SHARE.fullmatch(str(x)) for x in (real, fake)]
    if all(shares):
        real, fake = (int(m[1]) / int(m[2]) for m in shares)
        return abs(real - fake) <= 0.25
    return real == fake


def differences(real, fake):
    """A line for each question that is answered differently, or by one of them only."""
    told, known = real["facts"], fake["facts"]
    lines = [f"{fact}: {told[fact]} on {real['system']}, {known[fact]} on {fake['system']}"
             for fact in told if fact in known and not same(told[fact], known[fact])]
    if real.get("partial"):
        return lines
    lines += [f"{fact}: {told[fact]} on {real['system']}, not on {fake['system']}"
              for fact in told if fact not in known]
    lines += [f"{fact}: {known[fact]} on {fake['system']}, not on {real['system']}"
              for fact in known if fact not in told]
    return lines


def ask(program, personality):
    """The answers of a personality."""
    done = subprocess.run([program, "--ask", personality], check=True, text=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main():
    """Runs as a command."""
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    real = json.loads(Path(sys.argv[1]).read_text())
    lines = differences(real, ask(*sys.argv[2:]))
    for line in lines:
        print(line)
    print(f"{len(lines)} differences, {len(real['facts'])} facts of {real['system']}")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
