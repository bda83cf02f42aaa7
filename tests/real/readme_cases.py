#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readme_cases.py: README's programs compile as they stand there, and the ring's one runs. TAP."""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from tap import Tap  # noqa: E402

STRICT = ["-std=c17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
          "-Wstrict-prototypes", "-Werror"]
SAYS = ("42, in at most 4 steps\n", None)  # what each program prints; None: it is a server


def said(command):
    """(problems, output) of a command."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return ([] if done.returncode == 0 else [done.stdout + done.stderr]), done.stdout


def check(text, wanted, folder):
    """The problems of one program."""
    source, program, unit = folder / "readme.c", folder / "readme", ROOT / "src" / "thetis.c"
    source.write_text(text)
    problems, _ = said(["cc", *STRICT, f"-I{ROOT / 'include'}", source, unit, "-o", program])
    if problems or wanted is None:
        return problems
    problems, output = said([program])
    return problems or ([] if output == wanted else [f"printed {output!r}, not {wanted!r}"])


def main():
    """One case per program, and one for their number."""
    blocks = re.findall(r"^```c\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    tap = Tap()
    tap.case("README has its programs", [] if len(blocks) == len(SAYS) else [f"{len(blocks)}"])
    for number, (text, wanted) in enumerate(zip(blocks, SAYS), 1):
        with tempfile.TemporaryDirectory() as folder:
            tap.case(f"README program {number}", check(text, wanted, pathlib.Path(folder)))
    tap.end()


if __name__ == "__main__":
    main()
