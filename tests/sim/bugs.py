#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bugs.py: bugs that loops had, put back one by one; each must be found. TAP.

    tests/sim/bugs.py BUILD

BUILD is a tree with thetis-sim and the conformance suite. A bug is a change of one piece of the
library's text. The changed file is compiled and linked before the library; then a row of the
conformance suite must fail on the fake kernel, and so must the random scripts; the line that each
prints must find the same again. A difference is such a change that only some systems show: the
comparison of random scripts must find it there, and its line again, and nothing on one that is
spared.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from tap import Tap  # noqa: E402


class Bug(NamedTuple):
    """One change, where it shows, and the row that must notice; another one that goes with it."""
    name: str
    path: str
    old: str
    new: str
    personality: str
    backend: str
    program: str
    row: str
    also: tuple = ()


BUGS = [
    Bug("write interest on UDP without a budget", "src/net/udp.c",
        "(tht_udp_wants_room(udp) ? THT_OUT : 0);", "THT_OUT;",
        "linux", "epoll", "conform_udp_send", "row_084_write_interest_only_on_demand*"),
    Bug("waiting after an immediate connect", "src/net/tcp.c",
        "    if (r.status == THETIS_AGAIN) {\n        tht_handle_dirty(h);\n        return;",
        "    if (r.status >= THETIS_OK) {\n"
        "        if (r.status == THETIS_AGAIN) tht_handle_dirty(h);\n        return;",
        "freebsd1", "kqueue", "conform_connect", "row_013_connect_success*"),
    Bug("completing twice", "src/net/tcp.c",
        "    h->flags_ &= (uint8_t)~THT_TCP_CONNECT_DUE;\n    tht_handle_dirty(h);\n"
        "    tcp->connect_(tcp, end.status, end.os);",
        "    tht_handle_dirty(h);\n    if (h->flags_ & THT_TCP_CONNECT_DUE) {\n"
        "        h->flags_ &= (uint8_t)~THT_TCP_CONNECT_DUE;\n"
        "        tcp->connect_(tcp, end.status, end.os);\n    }\n"
        "    tcp->connect_(tcp, end.status, end.os);",
        "freebsd1", "kqueue", "conform_connect", "row_013_connect_success*"),
    Bug("trusting SO_ERROR after a synchronous refusal", "src/net/tcp.c",
        "    if (r.status != THETIS_OK) connect_fail(tcp, r);\n}\n\n/* An immediate",
        "    (void)r;\n}\n\n/* An immediate",
        "freebsd1", "kqueue", "conform_connect", "row_015_refused*",
        ("    if (r.status == THETIS_OK) {\n        r = sys->name(",
         "    if (0) {\n        r = sys->name(")),
    Bug("EV_EOF before data", "src/loop/backend/kqueue.c",
        "    if (set->seen[slot].wait == set->waits &&",
        "    while (e->filter == THT_KQ_READ && e->flags & THT_KQ_EOF &&\n"
        "           loop->sys->recv(loop->sys, e->fd, (char[64]){0}, 64).n > 0) continue;\n"
        "    if (set->seen[slot].wait == set->waits &&",
        "freebsd2", "kqueue", "conform_recv", "row_044_data_and_end_streaming*"),
    Bug("no rearm after connect", "src/net/tcp.c",
        "    h->flags_ &= (uint8_t)~THT_TCP_CONNECT_DUE;\n    tht_handle_dirty(h);\n",
        "    h->flags_ &= (uint8_t)~THT_TCP_CONNECT_DUE;\n",
        "linux", "epoll", "conform_connect", "row_021_receive_armed*"),
    Bug("a descriptor closed before its operations end", "src/loop/ahead.c",
        "    if (s->in == THT_IO_NONE && s->out == THT_IO_NONE) {\n        ahead_close",
        "    if (h->slot_) {\n        ahead_close",
        "linux", "uring", "conform_close", "row_103_reused_descriptors*"),
    Bug("a copy of what was closed is reported for ever", "src/loop/backend/epoll.c",
        "THETIS_UNLIKELY(loop->stat.stale != loop->stale)", "0",
        "linux", "epoll", "conform_close", "row_104_a_copy*"),
    Bug("an operation that ended without more is not begun again", "src/loop/ahead.c",
        "        tht_ahead_push(a, slot, THT_AHEAD_LISTED);\n    }\n    if (kind",
        "    }\n    if (kind",
        "linux", "uring", "conform_recv", "row_041_bytes_in_order_streaming*"),
]


class Difference(NamedTuple):
    """One change, and the systems on which it must and must not show."""
    name: str
    path: str
    old: str
    new: str
    personality: str
    spared: str
    also: tuple = ()


DIFFERENCES = [
    Difference("a refusal that is called a reset", "src/net/tcp.c",
               "    if (why.status == THETIS_ERESET) why.status = THETIS_EREFUSED;",
               "    if (0) why.status = THETIS_EREFUSED;", "lwip", "linux"),
    Difference("a missing path that is not a refusal", "sim/listen.c",
               "!tsm_path_known(sim, to)) return tsm_error(sim, SIM_E_NOENT);",
               "!tsm_path_known(sim, to))\n"
               "        return tsm_error(sim, sim->person->numbers ? SIM_E_INVAL : SIM_E_NOENT);",
               "openbsd", "linux"),
]


def command(*words):
    """Runs a compiler; raises with what it said."""
    done = subprocess.run([str(w) for w in words], text=True, check=False, cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"{words[0]}: {done.stdout[-2000:]}")


def library(build, name):
    """An archive of the tree."""
    return next(Path(build).rglob(f"lib{name}.a"))


def libraries(build):
    """What else the library of this build needs."""
    cache = (Path(build) / "CMakeCache.txt").read_text()
    path = re.search(r"^THETIS_URING_LIBRARY:FILEPATH=(.*)$", cache, re.MULTILINE)
    return [path[1]] if path and not path[1].endswith("NOTFOUND") else []


def changed(bug, folder):
    """The object of the changed file. It is compiled in the place of the other one."""
    text = (ROOT / bug.path).read_text()
    for old, new in ((bug.old, bug.new), bug.also) if bug.also else ((bug.old, bug.new),):
        if text.count(old) != 1:
            raise RuntimeError(f"{bug.path} does not have the text of '{bug.name}' once")
        text = text.replace(old, new)
    source = folder / Path(bug.path).name
    source.write_text(text)
    target = folder / (source.name + ".o")
    command("cc", "-std=c17", "-O1", "-g", "-w", "-D_GNU_SOURCE", "-DTHETIS_ASSERT_LEVEL=1",
            "-Iinclude", "-Isrc", "-I.", f"-I{(ROOT / bug.path).parent}", "-c", source, "-o",
            target)
    return target


def link(build, folder, bug, target, archives, main):
    """A program with the bug in it."""
    program = folder / main.stem
    command("cc", "-std=c17", "-O1", "-w", "-D_GNU_SOURCE", "-DTHETIS_ASSERT_LEVEL=1", "-Iinclude",
            "-Isrc", "-Itests", "-I.", main, target,
            *[library(build, a) for a in archives], library(build, "thetis_checked"), "-lpthread",
            *libraries(build), "-o", program)
    return program


def row_finds(build, folder, bug, target):
    """Problems, if the row does not notice."""
    program = link(build, folder, bug, target, ("thetis_conform", "thetis_harness", "thetis_sim"),
                   ROOT / f"tests/conform/{bug.program}.c")
    done = subprocess.run([program, "--sim", bug.personality, "--backend", bug.backend, bug.row],
                          text=True, check=False, capture_output=True, timeout=300)
    lines = re.findall(r"^# replay: (.*)$", done.stdout, re.MULTILINE)
    if "not ok" not in done.stdout or not lines:
        return [f"{bug.row} passes on {bug.personality}, {bug.backend}"]
    again = subprocess.run(lines[0], shell=True, text=True, check=False, capture_output=True,
                           timeout=300)
    print(f"# {bug.name}: {lines[0].replace(str(folder), '')}")
    return [] if "not ok" in again.stdout else ["its line does not replay it", lines[0]]


def scripts(program, scenario, personality):
    """The line of 3000 random scripts."""
    done = subprocess.run([program, "--json", "--scenario", scenario, "--personality", personality,
                           "--runs", "3000"], text=True, check=False, capture_output=True,
                          timeout=300)
    return json.loads(done.stdout)


def scripts_find(build, folder, bug, target, scenario="script"):
    """Problems, if random scripts do not notice, or their line does not replay it."""
    program = link(build, folder, bug, target, ("thetis_sim_scenarios", "thetis_sim"),
                   ROOT / "tests/sim/main.c")
    line = scripts(program, scenario, bug.personality)
    if line["verdict"] != "fail":
        return ["3000 random scripts find nothing"]
    if scenario != "script" and line["found"] != "differs":
        return [f"{line['found']}, not differs"]
    if scenario != "script" and scripts(program, scenario, bug.spared)["verdict"] != "pass":
        return [f"{bug.spared} shows it, too"]
    again = subprocess.run(line["replay"], shell=True, text=True, check=False,
                           capture_output=True, timeout=60)
    if f"  {line['found']}: " not in again.stdout:
        return [f"found {line['found']}, and its line does not:", line["replay"], again.stdout]
    print(f"# {bug.name}: {line['found']}: {line['replay'].split('thetis-sim')[-1]}")
    return []


def main():
    """Runs as a command."""
    tap = Tap()
    build = Path(sys.argv[1]).resolve()
    for bug in BUGS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            target = changed(bug, folder)
            tap.case(f"{bug.name}: {bug.row}", row_finds(build, folder, bug, target))
            tap.case(f"{bug.name}: random scripts", scripts_find(build, folder, bug, target))
    for bug in DIFFERENCES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            tap.case(f"{bug.name}: same-script", scripts_find(
                build, folder, bug, changed(bug, folder), "same-script"))
    tap.end()


if __name__ == "__main__":
    main()
