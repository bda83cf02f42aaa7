#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/coverage.py: what is counted, where it belongs, what fails. Prints TAP."""
import contextlib
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import coverage  # noqa: E402
from tap import Tap  # noqa: E402

HEADER = """static inline int twice(int x)
{
    if (x < 0)
        return 0;
    return 2 * x;
}
"""
LIBRARY = """#include "thetis/spsc.h"
int work(int x);
int work(int x)
{
    if (x == 3)
        return 1;
    return twice(x);
}
"""
PROGRAM = """int work(int x);
int main(int argc, char **argv)
{
    (void)argv;
    return work(argc) > 100;
}
"""


def differs(got, want):
    """Complain unless both are equal."""
    return [] if got == want else [f"got {got!r}, want {want!r}"]


def build_and_run(folder):
    """A library in miniature: src/ring/spsc.c, include/thetis/spsc.h and a program."""
    for name, text in (("include/thetis/spsc.h", HEADER), ("src/ring/spsc.c", LIBRARY),
                       ("tests/main.c", PROGRAM)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    build = folder / "build"
    build.mkdir()
    for source, target in (("src/ring/spsc.c", "spsc.o"), ("tests/main.c", "main.o")):
        subprocess.run(["gcc", "--coverage", "-O0", f"-I{folder / 'include'}", "-c",
                        str(folder / source), "-o", target], cwd=build, check=True)
    subprocess.run(["gcc", "--coverage", "spsc.o", "main.o", "-o", "main"], cwd=build, check=True)
    subprocess.run([str(build / "main")], cwd=build, check=True)
    return build


def counted(tap):
    """A real gcov build: 4 + 4 lines of the ring, 2 of them missed; main.c is nobody's."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        files = coverage.merge(coverage.gcov_documents(build_and_run(folder)))
        totals, missed = coverage.summarize(files, folder)
        relative = {str(pathlib.Path(p).relative_to(folder)): n for p, n in missed.items()}
        tap.case("lines of the library are counted", differs(totals, {"ring": (6, 8)}))
        tap.case("missed lines are named",
                 differs(relative, {"include/thetis/spsc.h": [4], "src/ring/spsc.c": [6]}))


def merged(tap):
    """A line is covered if one of the objects that hold it executed it."""
    documents = [{"current_working_directory": "/nowhere", "files": [
        {"file": "a.c", "lines": [{"line_number": 1, "count": count},
                                  {"line_number": 2, "count": 0}]}]} for count in (2, 0, 3)]
    files = {path: dict(lines) for path, lines in coverage.merge(documents).items()}
    tap.case("objects are merged", differs(files, {"/nowhere/a.c": {1: 5, 2: 0}}))


def gated(tap):
    """A folder fails below the minimum, and when nothing of it was built."""
    for totals, low in (({"ring": (95, 100)}, []), ({"ring": (94, 100)}, ["ring"]),
                        ({}, ["ring"]), ({"ring": (1, 1), "net": (0, 9)}, [])):
        with contextlib.redirect_stdout(io.StringIO()):
            got = coverage.report(totals, ["ring"], 95)
        tap.case(f"gate of {totals}", differs(got, low))


def main():
    tap = Tap()
    merged(tap)
    gated(tap)
    if shutil.which("gcov") and shutil.which("gcc"):
        counted(tap)
    else:
        tap.skip("lines of the library are counted", "environment", "no gcov")
    tap.end()


if __name__ == "__main__":
    main()
