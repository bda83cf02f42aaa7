#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/support.py: claims without a result, and results without a claim; and that it reads
what the checks write, whose builds and runs are left out here. Prints TAP."""
import contextlib
import io
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("tools", "tests/cross")]
import claims  # noqa: E402
import cross  # noqa: E402
import linux  # noqa: E402
import support  # noqa: E402
from tap import Tap  # noqa: E402


def everything():
    """What a run that shows all has written."""
    known = {name: {"state": "linked"} for row in support.ROWS for name in row.behind}
    for row in support.ROWS:
        for name in row.behind:
            if row.parts in (support.BARE,) or "read-modify" in row.parts:
                known[name] = {"state": "compiled"}
            if row.by == "emu":
                known[name] = {"state": "emulated"}
    known["i686-linux-gnu"] = {"state": "native"}
    systems = [n.removeprefix("sim-") for n in known if n.startswith("sim-")]
    programs = {f"x tests/sim/rows.py build/host {system}": 0 for system in systems}
    known["make-test"] = {"programs": {"test_addr": 0, **programs}}
    return known


TABLE = support.split(support.TABLE.read_text(encoding="utf-8"))[1]


def expect(tap, name, known, words, untried=0):
    """One case: the complaints begin with these words, as many as there are; none for none."""
    wrong, skipped = support.differences(known, TABLE)
    good = all(line.startswith(words) for line in wrong) if words else not wrong
    good = good and bool(wrong) == bool(words) and len(skipped) == untried
    tap.case(name, [] if good else [f"{len(wrong)} complaints, {len(skipped)} not tried", *wrong,
                                    *skipped])


def command_of_test():
    """What `make test` runs and records, as words."""
    done = subprocess.run(["make", "-n", "test"], cwd=ROOT, text=True, check=True,
                          env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE)
    lines = done.stdout.replace("\\\n", " ").splitlines()
    return shlex.split(next(line for line in lines if "--record" in line))


def write_test(folder, status):
    """`make test` with another program for each of its own, of which the last one fails, or not:
    the programs of two trees have the same names."""
    words = command_of_test()
    checks = [words[i + 1] for i, word in enumerate(words) if word == "--check"]
    target = folder / pathlib.Path(words[words.index("--record") + 1]).name
    for name, end in (("first", status), ("second", 0)):
        tree = folder / name
        tree.mkdir()
        program = tree / "test_tree"
        program.write_text(f"#!/bin/sh\necho 1..1\necho {'not ' * end}ok 1 - a\nexit {end}\n")
        program.chmod(0o755)
    harness = linux.harness
    kept = harness.run
    with mock.patch.object(sys, "argv", ["run.py", str(folder / "first"), str(folder / "second"),
                                         *[w for c in checks for w in ("--check", c)],
                                         "--record", str(target)]), \
            mock.patch.object(harness, "run", lambda p, t: kept(p, t) if p.name == "test_tree" else
                              harness.Result(p.name, 1, 0, [], [], "")):
        harness.main()


def write_cross(folder):
    """`make cross`, in which all compilers answer that all is well."""
    with mock.patch.multiple(cross, TREES=folder, install_zig=lambda: "", run=lambda command: [],
                             toolchain=lambda preset: cross.Toolchain(["true"], "true"),
                             library_atomics=lambda preset, tools: [],
                             control_is_missed=lambda preset, tools: []), \
            mock.patch.object(cross.shutil, "which", lambda program: program), \
            mock.patch.object(sys, "argv", ["cross.py"]):
        for preset in cross.SYSTEMS:
            (folder / preset / "tests").mkdir(parents=True)
            (folder / preset / "tests/suite.txt").write_text(sys.executable)
        with contextlib.suppress(SystemExit):
            cross.main()


def write_emu():
    """The part of `make emu` that writes claims: every program passes, by an emulator or not."""
    with mock.patch.multiple(linux, build=lambda *_: ([pathlib.Path("test_addr")], ""),
                             runner=lambda triple, *_: [] if triple[0] == "i" else ["emulator"],
                             check=lambda *_: True), \
            mock.patch.object(linux.shutil, "which", lambda program: program), \
            mock.patch.dict(linux.os.environ), mock.patch.object(sys, "argv", ["linux.py"]):
        with contextlib.suppress(SystemExit):
            linux.main()


def as_written(status=0):
    """The claims as the checks themselves write them."""
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()):
        folder = pathlib.Path(name)
        with mock.patch.object(claims, "FOLDER", folder):
            write_test(folder, status)
            write_cross(folder)
            write_emu()
            return claims.read()


def main():
    """Runs as a command."""
    tap = Tap()
    expect(tap, "the table is what the checks write", as_written(), "")
    expect(tap, "a program of one of two trees fails", as_written(1), "claimed, not shown")
    expect(tap, "the table is what a full run shows", everything(), "")
    for name in ("aarch64-freebsd", "s390x-linux-gnu", "armv6m-none-eabi"):
        known = everything()
        del known[name]
        expect(tap, f"a claim without {name}", known, "claimed, not shown")
        known[name] = {"skipped": "no compiler"}
        expect(tap, f"{name} cannot be tried here", known, "", untried=1)
    known = everything()
    known["x86_64-netbsd"]["state"] = known["aarch64-netbsd"]["state"] = "native"
    wrong, _ = support.differences(known, TABLE)
    tap.case("another state is two complaints", [] if len(wrong) == 2 else [len(wrong), *wrong])
    known = everything()
    known["make-test"]["programs"]["x tests/sim/rows.py build/host lwip:poll"] = 1
    expect(tap, "a program that fails on a fake system, and so on the host", known, "claimed")
    wrong, _ = support.differences(everything(), [*TABLE, "| Plan 9 | all | native | me |"])
    tap.case("a row by hand", [] if len(wrong) == 1 else [len(wrong), *wrong])
    tap.end()


if __name__ == "__main__":
    main()
