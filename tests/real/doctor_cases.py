#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""doctor_cases.py: what thetis-doctor says, as a script reads it. Prints TAP.

    tests/real/doctor_cases.py [FOLDER]      of the built examples; default build/host/examples
"""
import errno
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from tap import Tap  # noqa: E402

EXAMPLES = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/host/examples")
DOCTOR = EXAMPLES.parent / "bin" / "thetis-doctor"
HEADERS = ROOT / "include" / "thetis"
LEVELS = ("UNKNOWN", "ABSENT", "EMULATED", "NATIVE")


def run(*arguments, **environment):
    """The finished program; THETIS_BACKEND is only what is given here."""
    clean = {k: v for k, v in os.environ.items() if k != "THETIS_BACKEND"}
    return subprocess.run([DOCTOR, *arguments], env={**clean, **environment},
                          capture_output=True, text=True, timeout=60, check=False)


def differences(*pairs):
    """A line for each (got, wanted) that are not equal."""
    return [f"got {got!r}, want {wanted!r}" for got, wanted in pairs if got != wanted]


def facts(**environment):
    """(exit status, the parsed JSON)."""
    done = run("--json", **environment)
    return done.returncode, json.loads(done.stdout)


def sections():
    """JSON and text name the same sections."""
    status, said = facts()
    text = re.findall(r"^(\w+)$", run().stdout, re.M)
    return differences((status, 0), (text, list(said)))


def version():
    """The version is that of the headers."""
    wanted = re.search(r'VERSION_STRING "(.*)"', (HEADERS / "version.h").read_text())[1]
    build = facts()[1]["build"]
    return differences((build["version"], wanted), (build["headers"], wanted))


def capabilities():
    """Every capability of the header has a line and a level."""
    body = re.search(r"enum thetis_cap \{(.*?)\}", (HEADERS / "loop.h").read_text(), re.S)[1]
    wanted = [n for n in re.findall(r"THETIS_CAP_(\w+)", body) if n != "COUNT_"]
    said = facts()[1]["capability"]
    strange = [v for v in said.values() if v.split()[0] not in LEVELS]
    return differences((list(said), wanted), (strange, []))


def sizes():
    """An idle stream costs the sum of its handle and its slot, and at most 160 bytes."""
    said = facts()[1]["bytes"]
    return differences((said["tcp_and_slot"], said["tcp"] + said["slot"]),
                       (said["tcp_and_slot"] <= 160, True))


def chosen():
    """The backend is the first of the build, or the one that the environment names."""
    plain = facts()[1]
    best = plain["build"]["backends"].split()[0]
    named = facts(THETIS_BACKEND=best)[1]["loop"]
    return differences((plain["loop"]["backend"], best), (named["backend"], best),
                       (named["why"], f"THETIS_BACKEND={best}"))


def uring_refused():
    """Where io_uring is refused epoll takes over, and why is said."""
    plain = facts()[1]["loop"]["uring"]
    said = facts(THETIS_BACKEND="uring", THETIS_URING_OFF="all")[1]["loop"]
    lacks = os.strerror(errno.ENOSYS) in plain  # a build without liburing
    why = os.strerror(errno.ENOSYS if lacks else errno.EPERM)
    return differences((said["backend"], "epoll"),
                       (said["uring"], f"none, epoll takes over: {why}"))


def unknown_backend():
    """A backend that does not exist: said, and exit status 1."""
    status, said = facts(THETIS_BACKEND='no"ne')
    has = said["build"]["backends"]
    return differences((status, 1), (said["loop"]["why"], 'THETIS_BACKEND=no"ne'),
                       (said["loop"]["backend"],
                        f"none: no backend 'no\"ne'; this build has: {has}"))


def unknown_option():
    """One line on standard error, and exit status 2."""
    done = [run("--frobnicate"), run("--json", "more")]
    return differences(*((d.returncode, 2) for d in done), *((d.stdout, "") for d in done),
                       *((d.stderr.count("\n"), 1) for d in done),
                       ("--frobnicate" in done[0].stderr, True), ("more" in done[1].stderr, True))


def main():
    """Runs every case."""
    tap = Tap()
    for check in (sections, version, capabilities, sizes, chosen, uring_refused, unknown_backend,
                  unknown_option):
        tap.case(f"doctor {check.__name__}", check())
    tap.end()


if __name__ == "__main__":
    main()
