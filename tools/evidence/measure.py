# SPDX-License-Identifier: MIT
"""Runs the commands behind the figures, and keeps what they gave as records.

A record is one JSON object: its section, the command that gave it, the seed, and the figures.
"""

import json
import os
import platform
import re
import resource
import shlex
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 4 * 3600
SAID_LINES = 20
SETTINGS = ("THETIS_SEED", "THETIS_FREEZE", "THETIS_BACKEND")


class Done(NamedTuple):
    """What a command gave; the status is None if it had no end in time or could not start."""
    command: str
    seed: int
    status: int
    out: str
    said: str

    def objects(self):
        """The JSON lines that it printed."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]


def shown(words, environment):
    """The command as one would type it in the root of the repository."""
    names = []
    for word in words:
        path = Path(word)
        inside = path.is_absolute() and path.is_relative_to(ROOT)
        names.append(str(path.relative_to(ROOT)) if inside else str(word))
    if names[0] == sys.executable:
        names[0] = "python3"
    return " ".join([f"{key}={value}" for key, value in environment.items()] +
                    [shlex.join(names)])


def execute(words, environment):
    """(status, output, standard error) of a program that runs in the root of the repository.
    Settings of the tests that the command does not show are taken away."""
    outside = {key: text for key, text in os.environ.items() if key not in SETTINGS}
    try:
        done = subprocess.run([str(word) for word in words], cwd=ROOT, text=True, check=False,
                              env={**outside, **environment}, timeout=LIMIT_S,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, errors="replace")
        return done.returncode, done.stdout, done.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, "", str(error)


def cpu_time():
    """Seconds of CPU time of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Log:
    """The records of one part, in order; says on standard error what runs."""

    def __init__(self, part=None):
        self.part = part
        self.records = []

    def run(self, words, seed, **environment):
        """Runs a command, and keeps a record of its time and status."""
        command = shown(words, environment)
        print(f"evidence: {command}", file=sys.stderr, flush=True)
        wall, cpu = time.monotonic(), cpu_time()
        status, out, said = execute(words, environment)
        done = Done(command, seed, status, out, said)
        why = said.splitlines()[-SAID_LINES:] if status != 0 else []
        self.add("command", done, status=status, wall_s=round(time.monotonic() - wall, 2),
                 cpu_s=round(cpu_time() - cpu, 2), said=why)
        return done

    def add(self, section, done, **figures):
        """Keeps a record of figures that the command gave."""
        self.keep({"section": section, "command": done.command, "seed": done.seed, **figures})

    def keep(self, record):
        """Keeps a record."""
        self.records.append({"part": self.part, **record})


# ---- the machine ---------------------------------------------------------------------------------

def first_match(path, pattern):
    """The first group of the pattern's first match in a file, or None."""
    try:
        match = re.search(pattern, Path(path).read_text(encoding="utf-8"), re.M)
    except OSError:
        return None
    return match[1] if match else None


def say(*words):
    """The first line that a command prints, or None."""
    status, out, _ = execute(words, {})
    return out.splitlines()[0] if status == 0 and out.strip() else None


def compiler(tree):
    """The C compiler of a build tree, with its version."""
    path = first_match(Path(tree) / "CMakeCache.txt", r"^CMAKE_C_COMPILER:\w+=(.*)$")
    return path and say(path, "--version")


def environment(trees):
    """What the figures depend on; `trees` are build trees by name."""
    changed = execute(["git", "status", "--porcelain"], {})[1].strip()
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "version": first_match(ROOT / "include/thetis/version.h",
                               r'THETIS_VERSION_STRING "(.*)"'),
        "commit": say("git", "rev-parse", "HEAD"),
        "uncommitted": bool(changed),
        "cpu": first_match("/proc/cpuinfo", r"^model name\s*: (.*)$") or platform.machine(),
        "cpus": os.cpu_count(),
        "system": first_match("/etc/os-release", r'^PRETTY_NAME="?(.*?)"?$'),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()),
        "compilers": {name: compiler(tree) for name, tree in trees.items()},
        "python": platform.python_version(),
    }
