#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/setup.sh with a package manager of straw: what it asks for and when. Prints TAP."""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from tap import Tap  # noqa: E402

STAGES = ["build", "test", "sanitize", "fuzz", "coverage", "cross", "emu", "docs", "demo", "bench"]


def tool(folder, name, script):
    """Put a shell script in front of the system's program of that name."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def setup(*stages, present="", user=1000, install="1"):
    """Run setup.sh; return its exit status, output, and whether it called apt-get."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tool(folder, "dpkg-query", f"for p in {present}; do echo \"ii  $p\"; done; false")
        tool(folder, "id", f"echo {user}")
        tool(folder, "apt-get", f"touch {folder}/called")
        env = {"PATH": f"{folder}:{os.environ['PATH']}", "THETIS_INSTALL": install}
        done = subprocess.run(["sh", str(ROOT / "tools/setup.sh"), *stages], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout, (folder / "called").exists()


def expect(tap, name, got, want):
    """One case: two equal results."""
    tap.case(name, [] if got == want else [f"got {got!r}, want {want!r}"])


def main():
    tap = Tap()
    build = "cmake gcc libc6-dev ninja-build python3 liburing-dev"
    command = "missing; to install: apt-get install --no-install-recommends"
    expect(tap, "silent when nothing is missing", setup("docs", present="doxygen"), (0, "", False))
    expect(tap, "a user gets the command", setup("docs"), (0, f"{command} doxygen\n", False))
    expect(tap, "THETIS_INSTALL=0 forbids it to root", setup("docs", user=0, install="0"),
           (0, f"{command} doxygen\n", False))
    some = "gcc libc6-dev python3 liburing-dev"
    expect(tap, "only what is missing", setup("build", present=some),
           (0, f"{command} cmake ninja-build\n", False))
    expect(tap, "stages add up", setup("build", "docs", present=build),
           (0, f"{command} doxygen\n", False))
    status, said, called = setup("build", "no-such-stage")
    expect(tap, "an unknown stage is an error", (status, "no stage" in said, called),
           (2, True, False))
    for stage in STAGES:
        status, said, _ = setup(stage)
        expect(tap, f"stage {stage} exists", (status, said.startswith(command)), (0, True))
    tap.end()


if __name__ == "__main__":
    main()
