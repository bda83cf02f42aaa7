#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""probe.py: the probe on this system and on the fake kernel, compared. TAP.

    tests/sim/probe.py THETIS_SIM

The answers of this Linux must be those of the personality, and those that were written down on BSDs
must be those of theirs. A planted difference must be named. A property of a personality that no
question can see is an error, or stands in UNASKED with the reason.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "sim/probe"
sys.path[:0] = [str(ROOT / "tools"), str(HERE)]

import compare  # noqa: E402
from tap import Tap  # noqa: E402

PLANTED = [("tcp.reset.recv", "3 0"), ("udp.room.kept", 7), ("tcp.connect.at_once", "9 of 10"),
           ("errno.EAGAIN", "35"), ("epoll.copy.closed", "nothing")]

# Enough of <sys/event.h> to compile what the probe has for BSDs. It shows no more than that.
KEVENT = """#include <stdint.h>
#include <time.h>
struct kevent { uintptr_t ident; short filter; unsigned short flags; unsigned fflags;
                int64_t data; void *udata; };
enum { EVFILT_READ = -1, EVFILT_WRITE = -2, EV_ADD = 1, EV_DELETE = 2, EV_ONESHOT = 16,
       EV_CLEAR = 32, EV_EOF = 32768 };
#define EVFILT_USER (-11)
#define NOTE_TRIGGER 0x01000000u
int kqueue(void);
int kevent(int, const struct kevent *, int, struct kevent *, int, const struct timespec *);
"""

# Property: a question that two personalities with different values of it answer differently.
ASKED = {
    "numbers": "errno.EAGAIN", "connect_at_once": "tcp.connect.at_once",
    "refuse_at_once": "tcp.refused.at_once", "refused_late_is_reset": "tcp.refused.error",
    "end_outlasts_reset": "tcp.gone.recv_first", "abort_before_accept": "tcp.backlog.reset",
    "fresh_is_hung_up": "tcp.fresh.ready", "end_then_notconn": "tcp.end.recv",
    "unix_unread_is_reset": "unix.unread.recv", "unix_full_is_refused": "unix.backlog.full",
    "error_sticks": "tcp.reset.ready_after", "knotes_echo_add": "kqueue.echoes_add",
    "user_events": "kqueue.user", "segments": "udp.option.segment",
    "dgram_error_is_in": "udp.nobody.ready", "icmp_errors": "udp.nobody.recv",
    "stamps": "udp.option.stamp", "drops": "udp.option.drops", "unix_sockets": "unix.sockets",
    "abstract_names": "unix.name.abstract", "backlog_extra": "tcp.backlog.of_4",
    "refusals_per_second": "tcp.refused.answered", "send_space": "tcp.room.first",
    "recv_space": "tcp.room.all", "send_low": "tcp.room.again_after",
    "unix_space": "unix.room.all", "unix_dgrams": "unix_dgram.room.all",
    "dgram_space": "udp.room.kept", "dgram_overhead": "udp.room.kept",
    "dgram_count_overhead": "kqueue.udp.both", "dgram_max": "udp.longest",
}
UNASKED = {
    "name": "no answer", "note": "no answer", "backends": "which questions are asked",
    "slow_net": "time, not an answer",
    "so_error_after_refusal": "who refuses at once never tells it again",
    "fd_passing": "all that have unix sockets have it",
    "balance": "test_sim has it", "reuse_balances": "test_sim has it",
    "operations": "which backends there are", "so_error_lies": "by reports only",
    "tick_ns": "test_sim_kqueue has it",
}


def build(folder, compiler):
    """The probe as a user builds it; its path."""
    program = Path(folder) / f"probe-{compiler}"
    sources = sorted(HERE.glob("facts*.c")) + [HERE / "host.c"]
    subprocess.run([compiler, "-std=c17", "-O", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                    *sources, "-o", program], check=True)
    return program


def check_kqueue(tap, folder):
    """The other half of host.c compiles."""
    header = Path(folder) / "sys/event.h"
    header.parent.mkdir()
    header.write_text(KEVENT)
    done = subprocess.run(["cc", "-std=c17", "-U__linux__", f"-I{folder}", "-Wall", "-Wextra",
                           "-Werror", "-fsyntax-only", HERE / "host.c"], check=False, text=True,
                          stderr=subprocess.PIPE)
    tap.case("the probe compiles with kqueue", done.stderr.splitlines())


def answers_here(folder):
    """What this system answers; None: there is no program. Each compiler must accept it."""
    programs = [build(folder, c) for c in ("gcc", "clang") if shutil.which(c)]
    if not programs or sys.platform != "linux":
        return None
    return json.loads(subprocess.run(programs[-1], check=True, text=True,
                                     stdout=subprocess.PIPE).stdout)


def compare_text(folder, answers, program, personality):
    """(status, lines) of the command that compares."""
    path = Path(folder) / "answers.json"
    path.write_text(json.dumps(answers))
    done = subprocess.run([sys.executable, HERE / "compare.py", path, program, personality],
                          check=False, text=True, stdout=subprocess.PIPE)
    return done.returncode, done.stdout.splitlines()


def check_planted(tap, folder, real, program):
    """One answer is changed: it alone is named."""
    for fact, value in PLANTED:
        changed = {**real, "facts": {**real["facts"], fact: value}}
        status, lines = compare_text(folder, changed, program, "linux")
        good = status == 1 and len(lines) == 2 and lines[0].startswith(f"{fact}: {value} on ")
        tap.case(f"planted: {fact} is {value}", [] if good else lines)
    less = {**real, "facts": {k: v for k, v in real["facts"].items() if k != "udp.longest"}}
    status, lines = compare_text(folder, less, program, "linux")
    tap.case("planted: udp.longest is not answered",
             [] if status == 1 and lines[0].startswith("udp.longest: ") else lines)


def check_properties(tap, program):
    """Every property shows in an answer."""
    text = (ROOT / "sim/sim.h").read_text()
    body = text[text.index("typedef struct sim_personality {"):text.index("} sim_personality;")]
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    fields = {name for line in body[body.index("{") + 1:].split(";") if line.strip()
              for name in re.findall(r"\w+", re.sub(r"^(const )?\w+", "", line.strip()))
              if not name.isdigit()}
    wrong = [f"{f}: no question" for f in sorted(fields - ASKED.keys() - UNASKED.keys())]
    wrong += [f"{f}: no such property" for f in sorted((ASKED | UNASKED).keys() - fields)]
    systems = subprocess.run([program, "--systems"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.splitlines()
    answers = [compare.ask(program, line.split()[0])["facts"] for line in systems]
    for field, fact in ASKED.items():
        if len({a[fact] for a in answers if fact in a}) < 2:
            wrong.append(f"{field}: all answer {fact} alike")
    tap.case(f"{len(ASKED)} properties of {len(systems)} personalities show in answers", wrong)


def main():
    """Runs as a command."""
    program = str(Path(sys.argv[1]).resolve())
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        real = answers_here(folder)
        if real:
            _, lines = compare_text(folder, real, program, "linux")
            tap.case(f"{len(real['facts'])} facts of {real['system']}", lines[:-1])
            check_planted(tap, folder, real, program)
            check_kqueue(tap, folder)
        else:
            tap.skip("the probe on this system", "environment", "no compiler, or no Linux")
        for path in sorted((HERE / "recorded").glob("*.json")):
            known = json.loads(path.read_text())
            _, lines = compare_text(folder, known, program, path.stem)
            tap.case(f"{len(known['facts'])} facts of {known['system']}", lines[:-1])
    check_properties(tap, program)
    tap.end()


if __name__ == "__main__":
    main()
