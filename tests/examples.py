#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples.py: runs every example and expects exit status 0. Prints TAP.

    tests/examples.py FOLDER

FOLDER holds the built programs. A line `name argument...` of tests/examples.list gives arguments to
one that needs some; `name @ script` says that this test drives it instead. `#` begins a comment.
"""
import pathlib
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
from tap import Tap  # noqa: E402

TIMEOUT_S = 60


def arguments():
    """Return {name: [argument, ...]} from examples.list."""
    lines = (HERE / "examples.list").read_text().splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return {line[0]: line[1:] for line in words if line}


def names():
    """The examples that the sources say exist."""
    folder = HERE.parent / "examples"
    return sorted(path.stem for kind in ("*.c", "*.cpp") for path in folder.glob(kind))


def run(command):
    """Return what went wrong, as lines."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIMEOUT_S, text=True, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [error]
    return [f"exit status {done.returncode}", done.stdout] if done.returncode else []


def driver_missing(name, script):
    """Return what is wrong with a script that is said to drive an example, as lines."""
    path = HERE.parent / script
    if path.is_file() and name in path.read_text():
        return []
    return [f"{script} does not exist or does not name {name}"]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1]).resolve()
    options = arguments()
    tap = Tap()
    for name in names():
        words = options.get(name, [])
        if words[:1] == ["@"]:
            tap.case(f"{name} has its own test", driver_missing(name, words[1]))
        else:
            tap.case(name, run([str(folder / name), *words]))
    for name in sorted(set(options) - set(names())):
        tap.case(name, ["examples.list names it, but there is no such example"])
    tap.end()


if __name__ == "__main__":
    main()
