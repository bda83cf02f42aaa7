# SPDX-License-Identifier: MIT
"""Figures of the loop that are the same on every run: system calls, user instructions, bytes.

Run as a program it is a test: it prints TAP and asserts the goals. `--where SUBJECT CONNECTIONS`
prints instead where the user instructions of one echo go, function by function.
"""

import argparse
import doctest
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import manifest
import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import tap  # noqa: E402

ROUNDS = 10          # measured rounds of messages
BASE_ROUNDS = 2      # rounds of the shorter run that is subtracted
SIZES = (100, 1000)  # connections at which the goals hold
MORE_INSTRUCTIONS = 150
DATAGRAMS = 40 * 4 * 32  # in a window of udp.plain
MESSAGES = 1024      # in a window of inbox
MORE_PER_WAKE = 300  # user instructions: a message to a loop that sleeps, beyond a write by hand
MORE_PER_MESSAGE = 300  # there and back through two loops, beyond two threads by hand
CLOSES = (1, 10, 100)  # connections that come and go at once
MORE_PER_DATAGRAM = (("tx", 140), ("rx", 220))
COMPLETIONS = 2 * 1000 * 16 * 2  # in a window of sim.completion
PER_COMPLETION = 300
IDLE_MS = 500
IDLE_BYTES = 160


def lockstep(build, mode, conns, rounds, argv):
    """Runs bench-lockstep and returns what it printed."""
    command = [build.tool("bench-lockstep"), mode, str(conns), str(rounds), *argv]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{command[0]}: status {done.returncode}")
    return json.loads(done.stdout)


def syscalls(build, program, conns, rounds=ROUNDS):
    """System calls per echo, one figure for each round."""
    counted = lockstep(build, "count", conns, rounds, [program])["rounds"]
    return [calls / conns for calls in counted]


def datagram_calls(build, name, way, form):
    """System calls of one window of `bench-udp`, the other end's included: 2 windows minus 1."""
    program = program_of(build, name, "udp")
    command = [build.tool("bench-lockstep"), "all", "0", "0", program, way, form]
    totals = []
    for windows in (1, 2):
        done = subprocess.run(command, input="\n" * windows, capture_output=True, text=True,
                              timeout=300)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        totals.append(json.loads(done.stdout)["total"])
    return totals[1] - totals[0]


def datagram_instructions(build, name, way, form):
    """User instructions of one window of `bench-udp`, the other end's included."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{windows}" for windows in (1, 2)]
        for windows, path in enumerate(paths, 1):
            command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={path}",
                       program_of(build, name, "udp"), way, form]
            subprocess.run(command, input="\n" * windows, capture_output=True, text=True,
                           timeout=300, check=True)
        return total(paths[1]) - total(paths[0])


def message_calls(build, name, form, messages):
    """System calls of `bench-inbox` for each message, the receiver's polls included."""
    done = subprocess.run([program_of(build, name, "inbox"), form, str(messages), "calls"],
                          input="\n" * 3, capture_output=True, text=True, timeout=300, check=True)
    return median(float(line) for line in done.stdout.splitlines()[1:])


def message_profiles(build, name, folder):
    """Profiles of one and of two windows of `bench-inbox sleep`."""
    paths = [f"{folder}/{name}-{windows}" for windows in (1, 2)]
    for windows, path in enumerate(paths, 1):
        command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={path}",
                   program_of(build, name, "inbox"), "sleep", str(MESSAGES)]
        subprocess.run(command, input="\n" * windows, capture_output=True, text=True, timeout=300,
                       check=True)
    return paths


def inclusive(profile, function):
    """Instructions of a function and all that it calls."""
    text = subprocess.run(["callgrind_annotate", "--threshold=100", "--show-percs=no",
                           "--inclusive=yes", profile], capture_output=True, text=True,
                          check=True).stdout
    found = re.findall(rf"^ *([\d,]+) +\S+:{function}(?: |$)", text, re.MULTILINE)
    return max(int(number.replace(",", "")) for number in found)


def callgrind(build, program, conns, rounds, out):
    """Writes the callgrind profile of a server that lived for so many rounds."""
    valgrind = ["valgrind", "-q", "--tool=callgrind", "--vgdb=no", f"--callgrind-out-file={out}"]
    lockstep(build, "gate", conns, rounds, [*valgrind, program])


def total(profile):
    """All instructions in a callgrind profile."""
    return int(re.search(r"^totals: (\d+)", Path(profile).read_text(), re.MULTILINE).group(1))


def profiles(build, program, conns, folder):
    """Two profiles, of a short and a longer life: their difference is ROUNDS rounds."""
    paths = [f"{folder}/{rounds}" for rounds in (BASE_ROUNDS, BASE_ROUNDS + ROUNDS)]
    for path, rounds in zip(paths, (BASE_ROUNDS, BASE_ROUNDS + ROUNDS)):
        callgrind(build, program, conns, rounds, path)
    return paths


def instructions(build, program, conns):
    """User instructions per echo, averaged over ROUNDS rounds."""
    with tempfile.TemporaryDirectory() as folder:
        short, long = profiles(build, program, conns, folder)
        return (total(long) - total(short)) / (ROUNDS * conns)


def by_function(profile):
    """Instructions of each function in a profile."""
    text = subprocess.run(["callgrind_annotate", "--threshold=100", "--show-percs=no", profile],
                          capture_output=True, text=True, check=True).stdout
    found = {}
    for number, name in re.findall(r"^ *([\d,]+) +(\S+:\S+)", text, re.MULTILINE):
        name = name.replace(f"{ROOT}/", "")
        found[name] = found.get(name, 0) + int(number.replace(",", ""))
    return found


def where(build, name, conns):
    """Prints the functions of one echo, the most expensive first."""
    program = program_of(build, name)
    with tempfile.TemporaryDirectory() as folder:
        short, long = map(by_function, profiles(build, program, conns, folder))
    rows = [((n - short.get(f, 0)) / (ROUNDS * conns), f) for f, n in long.items()]
    for per_echo, function in sorted(rows, reverse=True):
        if per_echo >= 0.05:
            print(f"{per_echo:8.2f}  {function}")
    print(f"{sum(n for n, _ in rows):8.2f}  user instructions per echo")


def program_of(build, name, stem="tcp"):
    """The program of a subject: its echo server."""
    for subject in build.of(stem):
        if subject.name == name:
            return subject.program
    raise SystemExit(f"exact: no {stem} program '{name}'")


def can_trace(build, name="raw-epoll"):
    """The reason why this subject cannot be traced here, or nothing."""
    if name not in (subject.name for subject in build.of("tcp")):
        return f"no {name}"
    try:
        lockstep(build, "count", 1, 1, [program_of(build, name)])
    except RuntimeError as error:
        return str(error) or "ptrace"
    return ""


def check_syscalls(build, conns, system="epoll"):
    """Problems: another number of system calls per echo than the program written by hand."""
    ours, raw = (median(syscalls(build, program_of(build, f"{s}-{system}"), conns))
                 for s in ("thetis", "raw"))
    print(f"# {conns} connections, {system}: thetis {ours:g}, raw {raw:g} system calls per echo")
    return [] if ours == raw else [f"{ours:g} system calls per echo, raw {raw:g}"]


def check_datagrams(build):
    """Problems: more system calls for datagrams than the program written by hand."""
    for form in ("gso", "plain"):
        for way in ("tx", "rx"):
            ours, raw = (datagram_calls(build, s, way, form) for s in ("thetis-epoll", "raw"))
            print(f"# udp.{form}.{way}: thetis {ours}, raw {raw} system calls for a window")
            if ours > raw:
                yield f"udp.{form}.{way}: {ours} system calls, raw {raw}"


def check_datagram_instructions(build):
    """Problems: too many user instructions per datagram beyond the program written by hand."""
    for way, allowed in MORE_PER_DATAGRAM:
        ours, raw = (datagram_instructions(build, s, way, "plain") / DATAGRAMS
                     for s in ("thetis-epoll", "raw"))
        print(f"# udp.plain.{way}: thetis {ours:.1f}, raw {raw:.1f} user instructions, other end "
              "included")
        if ours > raw + allowed:
            yield f"udp.plain.{way}: {ours:.1f}, allowed {raw + allowed:.1f}"


def check_completion(build):
    """Problems: the library's own instructions for a completion, by two windows minus one."""
    program = program_of(build, "thetis", "sim")
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{windows}" for windows in (1, 2)]
        for windows, path in enumerate(paths, 1):
            subprocess.run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={path}",
                            program, "completion"], input="\n" * windows, capture_output=True,
                           text=True, timeout=300, check=True)
        own = [sum(n for name, n in by_function(path).items()
                   if name.startswith(("src/", "include/"))) for path in paths]
    per_completion = (own[1] - own[0]) / COMPLETIONS
    print(f"# sim.completion: {per_completion:.1f} user instructions of the library")
    return [] if 0 < per_completion <= PER_COMPLETION else [f"{per_completion:.1f} instructions"]


def check_instructions(build, conns):
    """Problems: too many user instructions per echo beyond the program written by hand."""
    ours, raw = (instructions(build, program_of(build, s), conns)
                 for s in ("thetis-epoll", "raw-epoll"))
    print(f"# {conns} connections: thetis {ours:.1f}, raw {raw:.1f} user instructions per echo")
    if ours <= raw + MORE_INSTRUCTIONS:
        return []
    return [f"{ours:.1f} user instructions per echo, allowed {raw + MORE_INSTRUCTIONS:.1f}"]


def check_messages(build):
    """Problems: a message to a loop that is awake calls the system; or one to a loop that sleeps
    calls it more often than two threads by hand."""
    busy = message_calls(build, "thetis", "busy", 64 * 1600)
    if busy > 1 / 64:  # the loop's own poll, one for 64 messages
        yield f"{busy} system calls per message to a loop that is awake"
    ours, raw = (message_calls(build, s, "sleep", 64 * 157) for s in ("thetis", "raw"))
    print(f"# system calls per message: awake {busy:g}; asleep {ours:g}, by hand {raw:g}")
    if ours > raw:
        yield f"{ours:g} system calls per message to a loop that sleeps, by hand {raw:g}"


def check_message_instructions(build):
    """Problems: to send to a loop that sleeps, or the whole way there and back, takes too many user
    instructions beyond those by hand. Which sends find the other loop asleep, half or all of them,
    is the machine's: where it has other work to do, one of three runs must keep the limit of the
    way. A send keeps its own in each."""
    for _ in range(3):
        send, way = message_problems(build)
        if send or not way:
            return send
    return way


def message_problems(build):
    """Those of one run: of a send, of the way."""
    with tempfile.TemporaryDirectory() as folder:
        ours, raw = (message_profiles(build, s, folder) for s in ("thetis", "raw"))
        way = [(total(two) - total(one)) / MESSAGES for one, two in (ours, raw)]
        send, wake, write = ((inclusive(two, f) - inclusive(one, f)) / MESSAGES
                             for (one, two), f in ((ours, "thetis_inbox_send"),
                                                   (ours, "tht_backend_wake"), (raw, "write")))
    print(f"# user instructions per message: thetis {way[0]:.0f}, by hand {way[1]:.0f}; sender: "
          f"{send:.0f}, of these {wake:.0f} to wake, a write {write:.0f}")
    slow = send > write + MORE_PER_WAKE
    far = way[0] > way[1] + MORE_PER_MESSAGE
    return ([f"a send takes {send:.0f}, allowed {write + MORE_PER_WAKE:.0f}"] if slow else [],
            [f"{way[0]:.0f} there and back, by hand {way[1]:.0f}"] if far else [])


def check_close(build):
    """Problems: connections that come and go cost more system calls than by hand."""
    for conns in CLOSES:
        ours, raw = (median(lockstep(build, "close", conns, ROUNDS, [program_of(build, s)])
                            ["rounds"]) for s in ("thetis-epoll", "raw-epoll"))
        print(f"# {conns} connections come and go: thetis {ours:g}, raw {raw:g} system calls")
        if ours > raw:
            yield f"{conns} connections: {ours:g} system calls, raw {raw:g}"


def check_idle(build):
    """Problems: a loop with a timer an hour away does anything but sleep."""
    calls = lockstep(build, "idle", 0, IDLE_MS, [build.tool("bench-idle")])["idle_calls"]
    return [f"{calls} system calls in an idle time of {IDLE_MS} ms"] if calls else []


def check_memory(build):
    """Problems: an idle connection takes too much of the library's memory."""
    done = subprocess.run([build.tool("bench-idle"), "sizes"], capture_output=True, text=True,
                          check=True)
    sizes = json.loads(done.stdout)
    print(f"# an idle connection: stream {sizes['tcp']} + slot {sizes['slot']} bytes")
    if sizes["tcp"] + sizes["slot"] <= IDLE_BYTES:
        return []
    return [f"{sizes['tcp']} + {sizes['slot']} bytes, allowed {IDLE_BYTES}"]


def check_statistics():
    """Problems: an interval or ratio that is not what the tables say."""
    failed = doctest.testmod(stats).failed
    return [f"{failed} examples of bench/stats.py"] if failed else []


def cases(build):
    """Every case: name, what it needs (traces, valgrind), the function that finds problems."""
    yield "intervals are those of the sign test", "", check_statistics
    yield "an idle connection takes at most 160 bytes", "", lambda: check_memory(build)
    yield "an idle loop sleeps in one system call", "trace", lambda: check_idle(build)
    yield ("no more system calls for datagrams than by hand", "trace",
           lambda: list(check_datagrams(build)))
    yield ("user instructions per datagram within those by hand and a limit", "valgrind",
           lambda: list(check_datagram_instructions(build)))
    yield ("a message costs no call while the loop is awake, no more than by hand if it sleeps", "",
           lambda: list(check_messages(build)))
    yield (f"a send to a loop that sleeps: user instructions of a write by hand + {MORE_PER_WAKE}",
           "valgrind", lambda: list(check_message_instructions(build)))
    yield ("accept and close: no more system calls than raw epoll", "trace",
           lambda: list(check_close(build)))
    yield (f"at most {PER_COMPLETION} user instructions of the library for a completion",
           "valgrind", lambda: check_completion(build))
    for conns in SIZES:
        yield (f"system calls per echo equal raw epoll's at {conns} connections", "trace",
               lambda n=conns: check_syscalls(build, n))
        yield (f"system calls per echo equal raw io_uring's at {conns} connections", "uring",
               lambda n=conns: check_syscalls(build, n, "uring"))
        yield (f"user instructions per echo within raw epoll's + {MORE_INSTRUCTIONS} at {conns}",
               "valgrind", lambda n=conns: check_instructions(build, n))


def test(build):
    """Runs all cases and prints TAP."""
    out = tap.Tap()
    cannot = can_trace(build)
    no_uring = cannot or can_trace(build, "raw-uring")
    for name, needs, problems in cases(build):
        if needs and (cannot or (needs == "uring" and no_uring)):
            out.skip(name, "environment", f"no tracing: {no_uring}")
        elif needs == "valgrind" and not shutil.which("valgrind"):
            out.skip(name, "environment", "no valgrind")
        else:
            out.case(name, problems())
    out.end()


def main():
    """The test, or --where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--manifest", default=manifest.DEFAULT)
    parser.add_argument("--where", nargs=2, metavar=("SUBJECT", "CONNECTIONS"))
    options = parser.parse_args()
    build = manifest.load(options.manifest)
    if options.where:
        where(build, options.where[0], int(options.where[1]))
    else:
        test(build)


if __name__ == "__main__":
    main()
