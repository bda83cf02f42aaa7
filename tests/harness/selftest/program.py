#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""program.py: compiles cases.c in every form of the harness and checks the report of each case.

CC names the compiler. Prints TAP.
"""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from tap import Tap  # noqa: E402 (needs the path above)

SOURCES = [HERE / "cases.c", HERE.parent / "test.c", HERE.parent / "apart.c"]
FLAGS = ["-std=c17", "-D_XOPEN_SOURCE=700", "-O1", "-g", "-pthread", f"-I{ROOT / 'tests'}"]

TIMEOUT_S = 120

# Exit status by arguments; "*p*s*" is some that pass and all that are skipped.
STATUSES = {("passes",): 0, ("*p*s*",): 0, ("skips_*",): 77, ("*s*",): 1, ("nothing",): 2,
            ("--unknown",): 2, ("a", "b"): 2}

# What each case must be reported as: the line after `ok N - name` or `not ok N - name`, or None.
FAIL, PASS = "not ok", "ok"
PLAIN = {
    "passes": (PASS, None),
    "fails": (FAIL, r"# \S+cases\.c:\d+: CHECK\(2 \+ 2 == 5\)"),
    "fails_by_value": (FAIL, r"# \S+:\d+: CHECK_EQ\(got, 8u\): 7 \(0x7\) is not 8 \(0x8\)"),
    "fails_by_sign": (FAIL, r"# \S+ CHECK_EQ\(UINT64_MAX, -1\): 18446744073709551615 .* is not -1"),
    "fails_by_string": (FAIL, r'# \S+ CHECK_STR\("left", NULL\): "left" is not "\(null\)"'),
    "fails_in_thread": (FAIL, r"# \S+cases\.c:\d+: two\n# lines: -2147483648"),
    "fails_in_forked_child": (FAIL, r"# \S+cases\.c:\d+: the child's own"),
    "returns_in_forked_child": (FAIL, r"# \S+: a process that the case forked returned from it"),
    "hangs": (FAIL, r"# timed out after 1 s"),
    "leaves_a_process": (PASS, None),
    "crashes": (FAIL, r"# crashed \(SIGSEGV\)"),
    "exits": (FAIL, r"# ended without a verdict \(exit status 0\)"),
    "exits_badly_after_the_end": (FAIL, r"# ended well, then exit status 5"),
    "aborts_as_it_should": (PASS, None),
    "should_abort": (FAIL, r"# did not abort"),
    "skips_unsupported": (PASS, r" # SKIP unsupported\(wide_cas\)"),
    "skips_emulator": (PASS, r" # SKIP emulator\(clock jumps\)"),
    "skips_environment": (PASS, r" # SKIP environment\(no IPv6\)"),
    "draws": (FAIL, r"# \S+ drew \d+"),
    "scales": (FAIL, r"# \S+ scaled 1000 to 1000 and 1 to 1"),
    "leaks": (PASS, None),
    "races": (PASS, None),
}

# What a sanitizer alone finds, and how its build scales.
SANITIZED = {
    "undefined": {"scales": (FAIL, r"# \S+ scaled 1000 to 200 and 1 to 1")},
    "address": {"leaks": (FAIL, r"# ended well, then exit status \d+"),
                "scales": (FAIL, r"# \S+ scaled 1000 to 200 and 1 to 1")},
    "thread": {"races": (FAIL, r"# ended well, then exit status \d+"),
               "hangs": (FAIL, r"# timed out after 10 s"),
               "scales": (FAIL, r"# \S+ scaled 1000 to 100 and 1 to 1")},
}


def compile_cases(folder, name, *flags):
    """Returns the program, or None if this compiler has no such flags."""
    program = folder / name
    command = shlex.split(os.environ.get("CC", "cc")) + FLAGS + list(flags)
    command += [str(source) for source in SOURCES] + ["-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not flags:
        sys.exit(done.stderr)
    return None if done.returncode else program


def call(program, *arguments, **environment):
    """Runs a program to its end, without the settings of whoever runs the self-test.

    Its output goes to files: a process that it left behind would keep a pipe open.
    """
    outer = {k: v for k, v in os.environ.items() if not k.startswith("THETIS_")}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run([program, *arguments], stdout=out, stderr=err, timeout=TIMEOUT_S,
                              env=outer | environment, check=False)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())


def wrong_report(text, name, number, expected):
    """What is wrong with the report of one case, as lines."""
    verdict, detail = expected
    pattern = rf"^{verdict} {number} - {name}"
    if verdict == FAIL:
        pattern += rf"\n{detail}\n# replay: THETIS_SEED=0x[0-9a-f]{{16}} \S+ {name}$"
    else:
        pattern += rf"{detail or ''}$"
    return [] if re.search(pattern, text, re.M) else [f"no match for {pattern} in:", text]


def check_all(tap, program):
    """Every case in one run."""
    done = call(program)
    plan = f"TAP version 13\n1..{len(PLAIN)}\n"
    tap.case("head", [] if done.stdout.startswith(plan) else [done.stdout])
    tap.case("status of failures", [] if done.returncode == 1 else [done.returncode])
    for number, (name, expected) in enumerate(PLAIN.items(), 1):
        tap.case(f"{name} is reported", wrong_report(done.stdout, name, number, expected))
    inside = [line for line in done.stdout.splitlines() if "what a case prints" in line]
    tap.case("output of a case stays out of the report", inside)
    left = re.search(r"^left (\d+)$", done.stderr, re.M)
    tap.case("no process is left", still_there(int(left[1])) if left else ["none was made"])


def still_there(pid):
    """A line if the process runs on. A killed one needs a moment to end, and lies about unreaped
    for another."""
    for _ in range(500):
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return []
        if state in "ZX":
            return []
        time.sleep(0.01)
    return [f"process {pid} is in state {state}"]


def check_options(tap, program):
    """--list, globs, seeds, wrong arguments, exit status."""
    listed = call(program, "--list").stdout.split()
    tap.case("--list names the cases", [] if listed == list(PLAIN) else [listed])
    listed = call(program, "--list", "s?ips_*t").stdout.split()
    tap.case("a glob selects", [] if listed == ["skips_environment"] else [listed])
    first = call(program, "draws")
    seed = re.search(r"THETIS_SEED=(\w+)", first.stdout)[1]
    again, other = call(program, "draws", THETIS_SEED=seed), call(program, "draws")
    tap.case("a seed replays", [] if again.stdout == first.stdout else [again.stdout])
    tap.case("seeds differ", [] if other.stdout != first.stdout else [other.stdout])
    scaled = call(program, "scales", THETIS_EMULATOR="qemu")
    expected = (FAIL, r"# \S+ scaled 1000 to 50 and 1 to 1")
    tap.case("an emulator scales", wrong_report(scaled.stdout, "scales", 1, expected))
    for arguments, status in STATUSES.items():
        done = call(program, *arguments)
        tap.case(f"exit status {status} of {arguments}",
                 [] if done.returncode == status else [done.returncode])
    done = call(program, "passes", THETIS_SEED="12x")
    tap.case("a wrong seed is refused", [] if done.returncode == 2 else [done.stdout])


def check_ended(tap, program):
    """A signal that ends the program ends its case, too."""
    process = subprocess.Popen([program, "hangs"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not (text := children.read_text()) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    status = process.wait()
    tap.case("a signal ends the program", [] if status == -signal.SIGTERM else [status])
    tap.case("and its case", still_there(int(text)) if text else ["the case ended before"])


def check_here(tap, name, program, *options):
    """The form without processes: the same reports, but the first failure ends the run."""
    for case in ("passes", "skips_unsupported", "skips_emulator", "skips_environment", "fails",
                 "fails_in_thread"):
        done = call(program, *options, case)
        tap.case(f"{name}: {case} is reported", wrong_report(done.stdout, case, 1, PLAIN[case]))
    done = call(program, *options, "*s")
    ends = "Bail out!" in done.stdout and "fails_by" not in done.stdout and done.returncode == 1
    tap.case(f"{name}: a failure ends the run", [] if ends else [done.stdout])
    done = call(program, *options, "aborts*")
    skip = (PASS, r" # SKIP unsupported\(a process for each case\)")
    tap.case(f"{name}: aborting is skipped",
             wrong_report(done.stdout, "aborts_as_it_should", 1, skip))


def check_sanitizer(tap, folder, name, expectations):
    """A sanitizer's report fails a case, time-outs work under it, and it scales."""
    program = compile_cases(folder, name, f"-fsanitize={name}", "-DTHETIS_SANITIZE")
    for case, expected in expectations.items():
        if program:
            done = call(program, case)
            tap.case(f"{name}: {case} is reported", wrong_report(done.stdout, case, 1, expected))
        else:
            tap.skip(f"{name}: {case} is reported", "environment", f"no {name} sanitizer")


def main():
    """Runs every check; each is a case."""
    tap = Tap()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program = compile_cases(folder, "cases")
        check_all(tap, program)
        check_options(tap, program)
        check_ended(tap, program)
        check_here(tap, "--no-fork", program, "--no-fork")
        check_here(tap, "TEST_NO_FORK", compile_cases(folder, "here", "-DTEST_NO_FORK"))
        for sanitizer, expectations in SANITIZED.items():
            check_sanitizer(tap, folder, sanitizer, expectations)
    tap.end()


if __name__ == "__main__":
    main()
