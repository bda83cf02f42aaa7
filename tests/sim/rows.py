#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rows.py: all rows of the conformance suite on systems of the fake kernel, as TAP.

    tests/sim/rows.py BUILD PERSONALITY:BACKEND...

Every case of every program is a case here. Two more for each system: what it skipped is what
tests/conform/unsupported.def names, no more and no less; and row 121: each capability has a row,
which passes, or which the system skips for want of it.
"""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from tap import Tap  # noqa: E402

LACK = re.compile(r"LACK\((\w+), (\S+), ([^)]+)\)$")
CASE = re.compile(r"(not )?ok \d+ - (\S+)(?: # SKIP (\w+)\((.*)\))?$")
# The row of each capability that asks for it, or where it is a matter of course, shows it.
SHOWN = {
    "TCP": "row_013_connect_success", "HALF_CLOSE": "row_057_our_shutdown_comes_after_all_bytes",
    "ABORT": "row_069_abort_resets", "POLL_FD": "row_121_a_descriptor_of_ours",
    "LISTEN_BALANCE": "row_039_a_shared_port_is_balanced",
    "DETACH": "row_040_a_stream_goes_round",
    "PAUSED_RESET": "row_047_a_reset_of_a_paused_stream",
    "SIGNAL_WAKE": "row_113_from_a_signal_handler", "UDP": "row_076_boundaries_are_kept",
    "UDP_GSO": "row_085_a_path_that_cannot_segment",
    "UDP_GRO": "row_089_long_trains_leave_others_their_turn",
    "UDP_ICMP_ERR": "row_081_nobody_there_is_news", "UDP_MULTICAST": "row_090_a_multicast_group",
    "UDP_STAMP": "row_121_the_time_of_arrival",
    "UDP_DROPS": "row_121_lost_datagrams_are_counted", "UDP_BATCH": "row_122_calls_per_datagram",
    "UNIX": "row_026_a_path", "UNIX_FD_PASS": "row_074_descriptors_arrive",
    "TIMER_NS": "row_100_not_later_than_the_declared_resolution",
    "MAX_IOV": "row_062_more_pieces_than_one_call_takes",
}


def capabilities():
    """Their names."""
    text = (ROOT / "include/thetis/loop.h").read_text()
    text = re.search(r"typedef enum thetis_cap \{(.*?)\}", text, re.DOTALL)[1]
    return re.findall(r"^    THETIS_CAP_(\w+),", text, re.MULTILINE)


def untrue(passed, skipped):
    """Capabilities without a row that passed or was skipped for want of them."""
    return [cap for cap in capabilities() if SHOWN.get(cap) not in passed
            and (SHOWN.get(cap), cap) not in skipped]


def unsupported(system):
    """What the list names for a system: pairs of a row and what it lacks."""
    rows, lack = set(), None
    for line in (ROOT / "tests/conform/unsupported.def").read_text().splitlines():
        if line.startswith("LACK"):
            lack = LACK.match(line)
            holds = fnmatch(system, lack[2]) and not any(
                fnmatch(system, but) for but in lack[3].split())
        elif line.startswith("    ") and holds:
            rows.add((line.strip(), lack[1]))
    return rows


def run(tap, program, system, passed):
    """Reports the cases of one program; returns the pairs that it skipped. Adds to `passed`."""
    personality, backend = system.split(":")
    done = subprocess.run([program, "--sim", personality, "--backend", backend], text=True,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines, skipped, count = done.stdout.splitlines(), set(), 0
    for at, line in enumerate(lines):
        case = CASE.match(line)
        if not case:
            continue
        count += 1
        if case[3]:
            tap.skip(f"{system} {case[2]}", case[3], case[4])
            skipped.add((case[2].rsplit(".", 1)[0], case[4]))
        else:
            tap.case(f"{system} {case[2]}", lines[at + 1:at + 12] if case[1] else [])
            passed |= set() if case[1] else {case[2].rsplit(".", 1)[0]}
    if f"1..{count}" not in lines or done.returncode not in (0, 1, 77):
        tap.case(f"{system} {program.name}", [f"status {done.returncode}"] + lines[-20:])
    return skipped


def main():
    """Runs as a command."""
    tap = Tap()
    programs = sorted(Path(sys.argv[1], "tests/conform").glob("conform_*"))
    programs = [p for p in programs if p.is_file() and not p.suffix]
    for system in sys.argv[2:]:
        passed = set()
        skipped = set().union(*(run(tap, program, system, passed) for program in programs))
        listed = unsupported(system)
        tap.case(f"{system}: {len(skipped)} rows are not supported, as listed",
                 [f"skipped for want of {why}, not listed: {row}" for row, why in
                  sorted(skipped - listed)] +
                 [f"listed for want of {why}, not skipped: {row}" for row, why in
                  sorted(listed - skipped)])
        tap.case(f"{system}: row 121: {len(capabilities())} capabilities are true",
                 untrue(passed, skipped))
    tap.end()


if __name__ == "__main__":
    main()
