#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py: runs every test program of a build and prints one total.

A program is anything that prints TAP version 13: a test program of harness/test.h, or a check in
any language given with --check. A program fails as a whole, on top of its cases, when it is
missing, dies, does not end in time, or prints no plan, a plan of nothing, other cases than it
planned, or an exit status that contradicts them. A class of skips above its cap in skips.def is
one failure more.

The last line is `N passed, N failed, N skipped`; the exit status is 0 only if nothing failed.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import typing

HERE = pathlib.Path(__file__).resolve().parent
CLASSES = ("unsupported", "emulator", "environment")
CAPPED = CLASSES[1:]
PLAN = re.compile(r"1\.\.(\d+)$")
CASE = re.compile(r"(not )?ok (\d+) - (.*?)(?: # (SKIP|TODO)\b ?(.*))?$")
CAP = re.compile(r"CAP\(\s*(\w+),\s*(\w+),\s*(\d+)\)")
STDERR_SHOWN = 8000


class Program(typing.NamedTuple):
    """What to run, and what to call it in the output."""
    name: str
    command: list


class Result(typing.NamedTuple):
    """What became of a program: counts, skips as (class, text), complaints, and output to show."""
    name: str
    passed: int
    failed: int
    skips: list
    complaints: list
    output: str


def parse_tap(text):
    """Reads TAP; returns (plan or None, cases as (number, class), skips, complaints).

    The class of a case is "passed", "failed" or "skipped".
    """
    plans, cases, skips, complaints = [], [], [], []
    for line in text.splitlines():
        plan, case = PLAN.match(line), CASE.match(line)
        if plan:
            plans.append(int(plan[1]))
        elif line.startswith("Bail out!"):
            complaints.append(line)
        elif case:
            kind = "failed" if case[1] else "skipped" if case[4] else "passed"
            cases.append((int(case[2]), kind))
            if kind == "skipped":
                skips.append((skip_class(case[4], case[5]), f"{case[3]}: {case[5]}"))
    complaints += [f"skip without a class: {text}" for kind, text in skips if not kind]
    if len(plans) > 1:
        complaints.append("more than one plan")
    return (plans[0] if plans else None), cases, skips, complaints


def skip_class(directive, reason):
    """The class of a skip such as `environment(no IPv6)`, or None if it names none."""
    match = re.match(r"(\w+)\(.+\)$", reason)
    return match[1] if directive == "SKIP" and match and match[1] in CLASSES else None


def complain_of_plan(plan, cases):
    """What is wrong with the cases that came, as lines."""
    if plan is None:
        return ["no plan"]
    if plan == 0:
        return ["a plan of no cases"]
    numbers = [number for number, _ in cases]
    if numbers != list(range(1, plan + 1)):
        return [f"incomplete: {plan} cases planned, {len(cases)} came"]
    return []


def complain_of_status(status, kinds):
    """What is wrong with how the program ended, as lines. `kinds` counts its cases by class."""
    if status < 0:
        return [f"died of signal {-status}"]
    if status == 1 and kinds["failed"] or status == 0 and not kinds["failed"]:
        return []
    if status == 77 and kinds["skipped"] and set(kinds) == {"skipped"}:
        return []
    return [f"exit status {status} with {kinds['failed']} failed cases"]


def judge(name, status, stdout, stderr):
    """The result of a program that ended with `status`, or with None when it had no time left."""
    plan, cases, skips, complaints = parse_tap(stdout)
    kinds = collections.Counter(kind for _, kind in cases)
    complaints += complain_of_plan(plan, cases)
    complaints += complain_of_status(status, kinds) if status is not None else ["no end in time"]
    failed = kinds["failed"] + (1 if complaints else 0)
    output = stdout + (f"standard error:\n{stderr[-STDERR_SHOWN:]}" if stderr else "")
    return Result(name, kinds["passed"], failed, skips, complaints, output if failed else "")


def end(process):
    """Ends a program: gently first, so that it can end its own children."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(program, timeout):
    """Runs one program. Its output goes to files: a pipe would stay open in a stray child."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(program.command, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=err)
        except OSError as error:
            return Result(program.name, 0, 1, [], [f"cannot start: {error.strerror}"], "")
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            end(process)
            status = None
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return judge(program.name, status, *texts)


def show(result):
    """Prints one line for a program, one for each skip, and everything if it failed."""
    verdict = "FAIL" if result.failed else "ok  "
    counts = f"{result.passed} passed, {result.failed} failed, {len(result.skips)} skipped"
    print(f"{verdict} {result.name}: {counts}")
    for _, text in result.skips:
        print(f"       skip {text}")
    for complaint in result.complaints:
        print(f"       program failed: {complaint}")
    for line in result.output.splitlines():
        print(f"     | {line}")
    sys.stdout.flush()


def summarize(results, caps):
    """Prints the totals; returns whether all is well. An exceeded cap counts as a failure."""
    counts = collections.Counter(kind for r in results for kind, _ in r.skips if kind)
    exceeded = [kind for kind in CAPPED if counts[kind] > caps[kind]]
    failed = sum(r.failed for r in results) + len(exceeded)
    for kind in CLASSES:
        cap = f" (cap {caps[kind]})" if kind in CAPPED else ""
        print(f"skipped {kind}: {counts[kind]}{cap}{' EXCEEDED' if kind in exceeded else ''}")
    passed, skipped = sum(r.passed for r in results), sum(len(r.skips) for r in results)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed == 0


def read_caps(path, target):
    """The caps of a target; ends the run if the file does not give both."""
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    entries = {line: CAP.fullmatch(line) for line in lines if line}
    wrong = [line for line, entry in entries.items() if not entry or entry[2] not in CAPPED]
    if wrong:
        sys.exit(f"run.py: {path.name}: not a cap: {wrong[0]}")
    caps = {entry[2]: int(entry[3]) for entry in entries.values() if entry[1] == target}
    if set(caps) != set(CAPPED):
        sys.exit(f"run.py: {path.name} gives no caps for target '{target}'")
    return caps


def find_programs(paths, listings, match):
    """The programs named by files, by folders of executables, and by files of paths."""
    files = [pathlib.Path(p) for p in paths]
    for listing in listings:
        files += [pathlib.Path(p) for p in listing.read_text().splitlines() if p]
    found = []
    for file in files:
        inside = sorted(file.iterdir()) if file.is_dir() else [file]
        found += [p for p in inside if not file.is_dir() or is_test(p, match)]
    return [Program(p.name, [str(p.absolute())]) for p in found]


def is_test(path, match):
    """Whether a file in a folder is one of the test programs."""
    named = any(fnmatch.fnmatch(path.name, glob) for glob in match.split(","))
    return named and path.is_file() and os.access(path, os.X_OK)


def parse_arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("paths", nargs="*", help="programs, or folders of them")
    parser.add_argument("--list", type=pathlib.Path, action="append", default=[],
                        help="a file with more such paths")
    parser.add_argument("--match", default="test_*,conform_*,stress_*,model_*",
                        help="which files of a folder are test programs (default: %(default)s)")
    parser.add_argument("--check", action="append", default=[], metavar="COMMAND",
                        help="a command that prints TAP, counted like a program")
    parser.add_argument("--target", default="native", help="whose caps hold (default: native)")
    parser.add_argument("--caps", type=pathlib.Path, default=HERE / "skips.def")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=2)
    parser.add_argument("--record", type=pathlib.Path, metavar="FILE",
                        help="where to write how many cases of each program failed, as JSON")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one program")
    return parser.parse_args()


def failures(results):
    """How many cases have failed, by the programs' names, which several trees may share."""
    failed = collections.Counter()
    for result in results:
        failed[result.name] += result.failed
    return failed


def main():
    """Runs everything named on the command line."""
    args = parse_arguments()
    caps = read_caps(args.caps, args.target)
    programs = find_programs(args.paths, args.list, args.match)
    programs += [Program(command, shlex.split(command)) for command in args.check]
    if not programs:
        sys.exit("run.py: no test programs")
    results = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for result in pool.map(lambda program: run(program, args.timeout), programs):
            show(result)
            results.append(result)
    if args.record:
        args.record.parent.mkdir(parents=True, exist_ok=True)
        args.record.write_text(json.dumps({"programs": failures(results)}))
    return 0 if summarize(results, caps) else 1


if __name__ == "__main__":
    sys.exit(main())
