#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/symbols.py: library atomics are found, and nothing else is. Prints TAP.

clang stands for a 32-bit board here; tools/cross.py repeats the control with each cross compiler.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from tap import Tap  # noqa: E402

WORD = """unsigned long add(unsigned long *word);
unsigned long add(unsigned long *word) { return __atomic_fetch_add(word, 1, __ATOMIC_RELAXED); }
void other(void);
void call(void);
void call(void) { other(); }
"""
CONTROL = (ROOT / "tests/cross/control.c").read_text()
COMPILERS = [
    ("gcc", []),
    ("clang", ["--target=thumbv7m-none-eabi", "-Wno-atomic-alignment"]),
]


def judge(command, source, folder, archive=False):
    """Compile `source`; return symbols.py's exit status and output."""
    target = str(folder / "object.o")
    subprocess.run([*command, "-O2", "-ffreestanding", "-x", "c", "-c", "-", "-o", target],
                   input=source, text=True, check=True)
    if archive:
        library = str(folder / "library.a")
        subprocess.run(["ar", "rcs", library, target], check=True)
        target = library
    done = subprocess.run([sys.executable, str(ROOT / "tools/symbols.py"), target],
                          text=True, stdout=subprocess.PIPE, check=False)
    return done.returncode, done.stdout


def main():
    tap = Tap()
    for compiler, flags in COMPILERS:
        if shutil.which(compiler) is None:
            tap.skip(compiler, "environment", f"no {compiler}")
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            command = [compiler, *flags]
            status, said = judge(command, WORD, folder)
            tap.case(f"{compiler}: an atomic word passes", [said] if status else [])
            for archive in (False, True):
                status, said = judge(command, CONTROL, folder, archive)
                found = status == 1 and "__atomic_load: an" in said
                what = "an archive" if archive else "an object"
                tap.case(f"{compiler}: a library atomic in {what} is found",
                         [] if found else [f"exit status {status}", said])
    tap.end()


if __name__ == "__main__":
    main()
