#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""driver.py: feeds run.py with programs that end in every way and checks its verdicts. Prints TAP.

The programs are shell scripts; what the compiled ones print is checked by program.py.
"""

import pathlib
import subprocess
import sys
import tempfile
import typing

HERE = pathlib.Path(__file__).resolve().parent
RUN = HERE.parent / "run.py"
sys.path.insert(0, str(HERE.parents[2] / "tools"))

from tap import Tap  # noqa: E402 (needs the path above)

CAPS = """# comment
CAP(small, emulator, 0)
CAP(small, environment, 1)  # why
CAP(half, emulator, 0)
"""
GOOD = "echo 1..2; echo ok 1 - a; echo ok 2 - b"
ENVIRONMENT = "echo 1..1; echo 'ok 1 - a # SKIP environment(no tool)'; exit 77"
EMULATOR = "echo 1..1; echo 'ok 1 - a # SKIP emulator(clock)'; exit 77"
UNSUPPORTED = "echo 1..1; echo 'ok 1 - a # SKIP unsupported(wide_cas)'; exit 77"


class Row(typing.NamedTuple):
    """Programs, by their scripts, and what the run must end as."""
    name: str
    scripts: list
    passed: int
    failed: int
    skipped: int
    text: str = ""


ROWS = [
    Row("a program that passes", [GOOD], 2, 0, 0, "ok   test_0: 2 passed, 0 failed, 0 skipped"),
    Row("a plan at the end", ["echo ok 1 - a; echo 1..1"], 1, 0, 0),
    Row("two programs", [GOOD, GOOD], 4, 0, 0),
    Row("a case that fails", ["echo 1..2; echo ok 1 - a; echo not ok 2 - b; echo '# why'; exit 1"],
        1, 1, 0, "     | # why"),
    Row("a failure that the exit status hides", ["echo 1..1; echo not ok 1 - a"], 0, 2, 0),
    Row("a failure marked as a skip",
        ["echo 1..1; echo 'not ok 1 - a # SKIP environment(x)'"], 0, 2, 0),
    Row("an exit status without a failed case", [GOOD + "; exit 1"], 2, 1, 0, "exit status 1"),
    Row("an exit status of wrong arguments", ["exit 2"], 0, 1, 0, "no plan"),
    Row("skipped, says the status, but not so", [GOOD + "; exit 77"], 2, 1, 0, "exit status 77"),
    Row("a crash half-way", ["echo 1..2; echo ok 1 - a; kill -SEGV $$"], 1, 1, 0, "signal 11"),
    Row("a crash after the last case", [GOOD + "; kill -SEGV $$"], 2, 1, 0, "signal 11"),
    Row("a polite end half-way", ["echo 1..2; echo ok 1 - a"], 1, 1, 0, "2 cases planned, 1 came"),
    Row("a case twice", ["echo 1..2; echo ok 1 - a; echo ok 1 - a"], 2, 1, 0, "incomplete"),
    Row("more cases than planned", ["echo 1..1; echo ok 1 - a; echo ok 2 - b"], 2, 1, 0,
        "1 cases planned, 2 came"),
    Row("no plan", ["echo ok 1 - a"], 1, 1, 0, "no plan"),
    Row("two plans", ["echo 1..1; echo ok 1 - a; echo 1..1"], 1, 1, 0, "more than one plan"),
    Row("no cases", ["echo 1..0"], 0, 1, 0, "a plan of no cases"),
    Row("no output", ["true"], 0, 1, 0, "no plan"),
    Row("a bail-out", ["echo 1..1; echo ok 1 - a; echo Bail out! x"], 1, 1, 0, "Bail out! x"),
    Row("no end", ["echo 1..1; echo ok 1 - a; exec sleep 1000"], 1, 1, 0, "no end in time"),
    Row("standard error of a failure", ["echo 1..1; echo not ok 1 - a; echo trace >&2; exit 1"],
        0, 1, 0, "     | trace"),
    Row("unsupported", [UNSUPPORTED] * 3, 0, 0, 3, "skipped unsupported: 3\n"),
    Row("a skip within the cap", [ENVIRONMENT, GOOD], 2, 0, 1, "skipped environment: 1 (cap 1)\n"),
    Row("the reason of a skip", [ENVIRONMENT], 0, 0, 1, "skip a: environment(no tool)"),
    Row("a skip above the cap", [ENVIRONMENT] * 2, 0, 1, 2,
        "skipped environment: 2 (cap 1) EXCEEDED\n"),
    Row("an emulator skip above its own cap", [EMULATOR], 0, 1, 1,
        "skipped emulator: 1 (cap 0) EXCEEDED\nskipped environment: 0 (cap 1)\n"),
    Row("a skip without a class", ["echo 1..1; echo 'ok 1 - a # SKIP tired'; exit 77"], 0, 1, 1,
        "skip without a class"),
    Row("a skip of an unknown class", ["echo 1..1; echo 'ok 1 - a # SKIP lazy(x)'; exit 77"],
        0, 1, 1, "skip without a class"),
    Row("a skip without a reason", ["echo 1..1; echo 'ok 1 - a # SKIP emulator()'; exit 77"],
        0, 1, 1, "skip without a class"),
    Row("something to do", ["echo 1..1; echo 'ok 1 - a # TODO emulator(x)'"], 0, 1, 1,
        "skip without a class"),
]


def run(folder, *arguments):
    """Runs run.py with the caps above."""
    command = [sys.executable, str(RUN), "--caps", str(folder / "caps"), "--timeout", "2",
               *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def write_program(path, script):
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def wrong_end(done, passed, failed, skipped, text=""):
    """What is wrong with the end of a run, as lines."""
    last = f"{passed} passed, {failed} failed, {skipped} skipped"
    wrong = []
    if done.stdout.splitlines()[-1:] != [last]:
        wrong.append(f"the last line is not: {last}")
    if done.returncode != (1 if failed else 0):
        wrong.append(f"exit status {done.returncode}")
    if text not in done.stdout:
        wrong.append(f"missing: {text}")
    return wrong + [done.stdout, done.stderr] if wrong else []


def check_rows(tap, folder):
    """Every row: its programs in a folder of their own."""
    for number, row in enumerate(ROWS):
        place = folder / f"row{number}"
        place.mkdir()
        for i, script in enumerate(row.scripts):
            write_program(place / f"test_{i}", script)
        done = run(folder, "--target", "small", place)
        tap.case(row.name, wrong_end(done, row.passed, row.failed, row.skipped, row.text))


def check_sources(tap, folder):
    """Programs come from folders, lists and commands; a missing one has failed."""
    place = folder / "sources"
    place.mkdir()
    for name in ("test_a", "stress_b", "other_c"):
        write_program(place / name, GOOD)
    (place / "test_data").write_text("not a program")
    (folder / "list").write_text(f"{place}/other_c\n\n{place}/test_a\n")
    small = ("--target", "small")
    tap.case("a folder", wrong_end(run(folder, *small, place), 4, 0, 0))
    done = run(folder, *small, "--match", "other_*", place)
    tap.case("a folder, other names", wrong_end(done, 2, 0, 0))
    tap.case("a list", wrong_end(run(folder, *small, "--list", folder / "list"), 4, 0, 0))
    check = f"sh -c '{GOOD}'"
    done = run(folder, *small, "--check", check, "--check", check, place / "test_a")
    tap.case("commands", wrong_end(done, 6, 0, 0))
    done = run(folder, *small, place / "missing", place / "test_a")
    tap.case("a missing program", wrong_end(done, 2, 1, 0, "cannot start"))
    done = run(folder, *small, place / "test_data")
    tap.case("a file that does not run", wrong_end(done, 0, 1, 0, "cannot start"))


def check_refusals(tap, folder):
    """What makes run.py refuse to start: one line and a failure."""
    (folder / "empty").mkdir()
    (folder / "wrong").write_text("CAP(small, unsupported, 1)\n")
    program = folder / "row0"
    refusals = {
        "no test programs": ("--target", "small", folder / "empty"),
        "no caps for target 'large'": ("--target", "large", program),
        "no caps for target 'half'": ("--target", "half", program),
        "not a cap: CAP(small, unsupported, 1)": ("--caps", folder / "wrong", program),
    }
    for text, arguments in refusals.items():
        done = run(folder, *arguments)
        refused = done.returncode not in (0, 77) and text in done.stderr and not done.stdout
        tap.case(f"refused: {text}", [] if refused else [done.returncode, done.stderr])


def check_own_caps(tap):
    """The caps of the project can be read."""
    done = subprocess.run([sys.executable, str(RUN), "--check", f"sh -c '{GOOD}'"],
                          capture_output=True, text=True, timeout=60, check=False)
    tap.case("skips.def is read", wrong_end(done, 2, 0, 0))


def main():
    """Runs every check; each is a case."""
    tap = Tap()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "caps").write_text(CAPS)
        check_rows(tap, folder)
        check_sources(tap, folder)
        check_refusals(tap, folder)
        check_own_caps(tap)
    tap.end()


if __name__ == "__main__":
    main()
