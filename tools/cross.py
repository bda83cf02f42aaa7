#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cross.py: builds for systems that are not here, and checks what came out. TAP.

    tools/cross.py [PRESET...]

For each preset of CMakePresets.json with a toolchain of its own: configure, build in
build/cross/<preset>. All of the library, its tests, examples and tools must compile, and link
where the target has a system. Then library atomics are looked for (tools/symbols.py), once in the
library, where there must be none, and once in tests/cross/control.c, where there must be one.

The compiler for the BSDs and macOS comes from npm: tools/zig/package.json names its version, the
lock file the sums. A target whose compiler is missing is named and skipped.
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import typing

import claims
from symbols import check
from tap import Tap

ROOT = pathlib.Path(__file__).resolve().parent.parent
TREES = ROOT / "build/cross"
ZIG = ROOT / "build/zig"
BOARDS = ["armv7m-none-eabi", "armv6m-none-eabi", "riscv32imac-unknown-elf"]
SYSTEMS = ["x86_64-freebsd", "aarch64-freebsd", "x86_64-netbsd", "aarch64-netbsd",
           "x86_64-openbsd", "x86_64-macos", "aarch64-macos"]
# Without read-modify-writes as instructions: what must do without them all the same.
WITHOUT_RMW = {"armv6m-none-eabi"}
PLAIN_WORDS = ("addr", "assert", "bytes", "port_template", "shm", "spsc", "status")


class Toolchain(typing.NamedTuple):
    """A compiler with its flags, and an nm that reads its objects."""
    compiler: list
    nm: str


def run(command):
    """Run a command in the root; what it printed if it failed, else nothing."""
    done = subprocess.run(command, cwd=ROOT, text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.stdout.splitlines()[-60:] if done.returncode else []


def install_zig():
    """Bring the compiler for SYSTEMS into build/zig; why there is none, or nothing."""
    if not shutil.which("npm"):
        return "no npm"
    ZIG.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "tools/zig" / name, ZIG)
    if (ZIG / "node_modules/.package-lock.json").exists():
        return ""
    return "npm ci fails" if run(["npm", "ci", "--prefix", str(ZIG), "--no-audit",
                                  "--no-fund"]) else ""


def toolchain(preset):
    """The Toolchain that the preset's toolchain file names."""
    if preset in SYSTEMS:
        return Toolchain([str(ROOT / "tools/zig/cc"), f"--target={preset}"], "llvm-nm")
    text = (ROOT / "cmake" / f"{preset}.cmake").read_text(encoding="utf-8")
    compiler = re.search(r"CMAKE_C_COMPILER (\S+)\)", text)[1]
    flags = shlex.split(re.search(r'"(-m\S+ -m\S+) ', text)[1])
    return Toolchain([compiler, *flags], compiler.removesuffix("gcc") + "nm")


def library_atomics(preset, tools):
    """What is wrong with the library's symbols, as lines."""
    library = str(TREES / preset / "libthetis.a")
    complaints, _ = check(tools.nm, [library])
    return [line for line in complaints
            if preset not in WITHOUT_RMW or any(f":{name}." in line for name in PLAIN_WORDS)]


def control_is_missed(preset, tools):
    """Whether the rule overlooks the atomic that is a library call on purpose."""
    target = str(TREES / preset / "control.o")
    source = str(ROOT / "tests/cross/control.c")
    command = [*tools.compiler, "-ffreestanding", "-O2", "-c", source, "-o", target]
    return run(command) or ([] if check(tools.nm, [target])[0] else
                            ["the control's library atomic was not noticed"])


def cross(tap, preset):
    """Build and check one target; each step is a case."""
    tools = toolchain(preset)
    for program in (tools.compiler[0], tools.nm, "cmake"):
        if shutil.which(program) is None:
            reason = f"no {program}"
            claims.skipped(preset, reason)
            tap.skip(preset, "environment", reason)
            return
    wrong = run(["cmake", "--preset", preset]) or run(["cmake", "--build", "--preset", preset])
    tap.case(f"builds for {preset}", wrong)
    if wrong:
        return
    listing = TREES / preset / "tests/suite.txt"
    programs = listing.read_text(encoding="utf-8").split() if listing.exists() else []
    lacking = [p for p in programs if not pathlib.Path(p).exists()]
    tap.case(f"{len(programs)} test programs for {preset}", lacking)
    atomics = library_atomics(preset, tools) + control_is_missed(preset, tools)
    tap.case(f"no library atomics for {preset}", atomics)
    if not (lacking or atomics):
        claims.shown(preset, "linked" if programs else "compiled")


def main():
    """Runs as a command."""
    tap = Tap()
    wanted = sys.argv[1:] or BOARDS + SYSTEMS
    claims.forget(wanted)
    without_zig = install_zig() if set(wanted) & set(SYSTEMS) else ""
    if shutil.which("ninja"):
        os.environ["CMAKE_GENERATOR"] = "Ninja"
    for preset in wanted:
        if preset in SYSTEMS and without_zig:
            claims.skipped(preset, without_zig)
            tap.skip(preset, "environment", without_zig)
        else:
            cross(tap, preset)
    tap.end()


if __name__ == "__main__":
    main()
