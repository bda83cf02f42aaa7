#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cross.py: builds the bare part of the library for boards, as objects, and checks the objects.

    tools/cross.py PRESET...

For each preset of CMakePresets.json: configure, build in build/cross/<preset>, then look for
library atomics (tools/symbols.py), once in the library, where there must be none, and once in
tests/cross/control.c, where there must be one. Exits 1 if something failed; a target whose
compiler is missing is named and skipped.
"""
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

from symbols import check

ROOT = pathlib.Path(__file__).resolve().parent.parent
TREES = ROOT / "build" / "cross"


def toolchain(preset):
    """Return the compiler, and its flags, that the preset's toolchain file names."""
    text = (ROOT / "cmake" / f"{preset}.cmake").read_text()
    compiler = re.search(r"CMAKE_C_COMPILER (\S+)\)", text)[1]
    return compiler, shlex.split(re.search(r'"(-m\S+ -m\S+) ', text)[1])


def run(command):
    """Run a command in the root; show its output only if it fails."""
    done = subprocess.run(command, cwd=ROOT, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0


def control_is_caught(compiler, flags, nm, tree):
    """Whether the rule sees the atomic that is a library call on purpose."""
    target = str(tree / "control.o")
    source = str(ROOT / "tests" / "cross" / "control.c")
    if not run([compiler, *flags, "-ffreestanding", "-O2", "-c", source, "-o", target]):
        return False
    return bool(check(nm, [target])[0])


def cross(preset):
    """Build and check one target; return "ok", "skipped" or what failed, as a sentence."""
    compiler, flags = toolchain(preset)
    if shutil.which(compiler) is None:
        return f"skipped: environment(no {compiler})"
    tree = TREES / preset
    if not (run(["cmake", "--preset", preset]) and run(["cmake", "--build", "--preset", preset])):
        return "failed: does not build"
    nm = compiler.removesuffix("gcc") + "nm"
    complaints, seen = check(nm, [str(tree / "libthetis.a")])
    if complaints:
        return "failed: " + "; ".join(complaints)
    if not control_is_caught(compiler, flags, nm, tree):
        return "failed: the control's library atomic was not noticed"
    return f"ok: no library atomics among {seen} undefined symbols"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    results = {preset: cross(preset) for preset in sys.argv[1:]}
    for preset, result in results.items():
        print(f"{preset}: {result}")
    return 1 if any(result.startswith("failed") for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
