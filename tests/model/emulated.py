#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""emulated.py: the tester's own tests, built for AArch64 and run by qemu-user. TAP.

What this shows: the switch of fibres and the hooks as that compiler calls them. The tester's memory
model is its own, so it holds here as well; nothing is said about the processor's.
"""

import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from tap import Tap  # noqa: E402

TRIPLE = "aarch64-linux-gnu"
COMPILER, EMULATOR = f"{TRIPLE}-gcc", "qemu-aarch64"
COMMON = ["-std=c17", "-g", "-D_GNU_SOURCE", "-Iinclude", "-I.", "-Itests", "-Isrc"]
TESTER = [*COMMON, "-O2", "-fno-builtin"]
INSTRUMENTED = [*COMMON, "-O1", "-fsanitize=thread", "-fsanitize-coverage=trace-pc",
                "-fno-builtin", "-Wno-tsan", "-DTHETIS_ASSERT_LEVEL=2"]
# test_<name>.c has its code in <name>*.c, as CMakeLists.txt has it, and in these scenarios.
PROGRAMS = {"engine": ["control_heap.c", "control_casloop.c"], "litmus": [], "search": []}


def code_of(name):
    """The instrumented sources of one program."""
    here = Path(__file__).parent
    return sorted(p.name for p in here.glob(f"{name}*.c")) + PROGRAMS[name]


def compile_one(source, flags, folder):
    """The object of a source."""
    out = folder / (source.replace("/", "_") + ".o")
    subprocess.run([COMPILER, *flags, "-c", source, "-o", out], cwd=ROOT, check=True)
    return out


def objects(folder):
    """source -> its object, of everything that is needed; two compilers at a time."""
    tester = [str(p.relative_to(ROOT)) for p in sorted((ROOT / "check").glob("*.c"))]
    tester += [f"tests/model/test_{name}.c" for name in PROGRAMS]
    code = [f"tests/model/{f}" for name in PROGRAMS for f in code_of(name)]
    work = [(s, TESTER) for s in tester] + [(s, INSTRUMENTED) for s in code]
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda w: compile_one(w[0], w[1], folder), work)
        return dict(zip((s for s, _ in work), made))


def run(name, made, folder):
    """What is wrong with one program's run: lines of it."""
    parts = [made[f"tests/model/{f}"] for f in code_of(name)]
    parts += [o for s, o in made.items() if s.startswith("check/")]
    program = folder / name
    subprocess.run([COMPILER, made[f"tests/model/test_{name}.c"], *parts, "-o", program],
                   check=True)
    done = subprocess.run([EMULATOR, "-L", f"/usr/{TRIPLE}", program], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    bad = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
    return bad + ([f"status {done.returncode}"] if done.returncode else [])


def main():
    """Runs as a command."""
    tap = Tap()
    missing = [tool for tool in (COMPILER, EMULATOR) if not shutil.which(tool)]
    if missing:
        tap.skip("the tester on AArch64", "environment", f"no {missing[0]}")
        tap.end()
    with tempfile.TemporaryDirectory() as name:
        made = objects(Path(name))
        for program in PROGRAMS:
            tap.case(f"test_{program} on AArch64", run(program, made, Path(name)))
    tap.end()


if __name__ == "__main__":
    main()
