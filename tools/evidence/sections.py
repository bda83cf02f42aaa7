# SPDX-License-Identifier: MIT
"""Runs what each part of the page needs, and adds its records to the log."""

import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

from . import measure
from .measure import ROOT

sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/harness"), str(ROOT / "tests/model")]

import model  # noqa: E402  (tests/model/model.py)
import run as harness  # noqa: E402  (tests/harness/run.py)
from pairs import Pairs  # noqa: E402
from tidyrules.tree import Tree  # noqa: E402

SAMPLING = ("random", "pct", "crash")  # as many schedules as asked for, or a fixed share of it
CAMPAIGN = 10_000_000  # schedules of each structure
CAMPAIGN_SEARCH = 500_000  # of each exhaustive search: its cost may grow with the square
# Times as many stops (tests/freeze/sweep.h), and recorded operations (tests/stress/witness.h): 10^8
# of each form.
CAMPAIGN_MORE = {"freeze": {"THETIS_FREEZE": "4"}, "recorded": {"THETIS_LIN": "100"}}
TRIAL = 1000


class Plan(NamedTuple):
    """How much of everything."""
    program: Path  # thetis-check
    tree: Path     # of the tester
    host: Path     # tree of the tests with real threads
    schedules: int
    seed: int
    campaign: bool


# ---- the tester's scenarios ----------------------------------------------------------------------

def is_control(name):
    """Whether a scenario tests the tester, not the library."""
    return name.startswith("control-")


def structures_of(names):
    """The structures of scenarios, in order: what stands before the first dash."""
    return list(dict.fromkeys(n.split("-")[0] for n in names if not is_control(n)))


def check(log, plan, *options, schedules=None):
    """Runs the tester with the plan's seed."""
    count = ["--schedules", str(schedules)] if schedules else []
    return log.run([plan.program, "--json", *options, *count, "--seed", str(plan.seed)],
                   plan.seed)


def sampled(lines):
    """Schedules of the strategies that make as many as they are asked for."""
    return sum(phase["schedules"] for line in lines for phase in line.get("phases", [])
               if phase["strategy"] in SAMPLING)


def enough(log, plan, glob):
    """The --schedules with which the sampling strategies alone reach the campaign's number."""
    trial = sampled(check(log, plan, "--scenario", glob, schedules=TRIAL).objects())
    return TRIAL * -(-CAMPAIGN // trial) if trial else plan.schedules


def structure(stem, log, plan):
    """All scenarios of one structure, and its bounds."""
    glob, options = f"{stem}-*", []
    schedules = plan.schedules
    if plan.campaign:
        schedules = enough(log, plan, glob)
        options = ["--search", str(CAMPAIGN_SEARCH)]
    done = check(log, plan, "--scenario", glob, *options, schedules=schedules)
    for line in done.objects():
        if "scenario" in line:
            log.add("scenario", done, structure=stem, **line)
        else:
            log.add("bound", done, structure=stem, named=line["op"] in model.unreached(), **line)


def controls(log, plan):
    """More schedules, so that each of the strategies that a control names is judged."""
    done = check(log, plan, "--scenario", "control-*", schedules=2 * plan.schedules)
    for line in done.objects():
        if "scenario" in line:
            log.add("control", done, **line)


def mutations(log, plan):
    """The weakened orders."""
    done = check(log, plan, "--mutate", schedules=plan.schedules)
    for line in done.objects():
        log.add("mutation", done, **line)


def observed_pairs(log, plan):
    """Each pair with the tags that its two lines share, and each tag, seen or not."""
    done = check(log, plan, "--pairs")
    documented = Pairs(Tree(ROOT))
    tags, seen = model.tags_of_lines(documented), set()
    for pair in done.objects():
        ends = pair["release"], pair["acquire"]
        if not all(end.startswith(model.LIBRARY) for end in ends):
            continue
        common = tags[ends[0]] & tags[ends[1]]
        seen |= common
        log.add("pair", done, **pair, tags=sorted(common))
    for tag in sorted(documented.sites):
        log.add("tag", done, tag=tag, seen=tag in seen)


def faults(log, plan):
    """The planted faults. The tester's own seed is the default, 1."""
    done = log.run([sys.executable, ROOT / "tests/model/faults.py", plan.tree, "--json"], 1)
    for line in done.objects():
        log.add("fault", done, **line)


# ---- programs that print TAP ---------------------------------------------------------------------

def notes_of(done):
    """What a test program prints besides its cases: figures. What cases print themselves goes to
    standard error."""
    lines = [line.strip() for line in [*done.out.splitlines(), *done.said.splitlines()]]
    return [line.lstrip("# ") for line in lines
            if line and not line.startswith("TAP version") and not harness.PLAN.match(line) and
            not harness.CASE.match(line)]


def tap(log, group, words, seed, **environment):
    """Runs a program that prints TAP, and keeps its counts, its cases' names and its figures."""
    done = log.run(words, seed, THETIS_SEED=str(seed), **environment)
    name = Path(words[-1]).name
    result = harness.judge(name, done.status, done.out, done.said)
    cases = [match[3] for match in map(harness.CASE.match, done.out.splitlines()) if match]
    log.add("tap", done, group=group, program=name, passed=result.passed, failed=result.failed,
            skips=[text for _, text in result.skips], complaints=result.complaints, cases=cases,
            notes=notes_of(done))


# group, folder below a tree, which programs
TESTER_TAP = [("tester", "tests/model", "test_*")]
HOST_TAP = [("freeze", "tests/freeze", "test_*"), ("stress", "tests/stress", "stress_*"),
            ("monitors", "tests/lin", "test_*"), ("recorded", "tests/lin", "stress_*")]


def programs(log, plan):
    """A folder without programs is said to be not run."""
    places = [(plan.tree, *row) for row in TESTER_TAP] + [(plan.host, *row) for row in HOST_TAP]
    for tree, group, folder, glob in places:
        found = sorted(p for p in (tree / folder).glob(glob) if p.is_file())
        if not found:
            log.keep({"section": "absent", "group": group, "what": f"{folder}/{glob}"})
        for program in found:
            more = CAMPAIGN_MORE.get(group, {}) if plan.campaign else {}
            tap(log, group, [program], plan.seed, **more)
    tap(log, "protocol", [sys.executable, ROOT / "tests/model/spin/spin.py"], plan.seed)


def parts(plan):
    """name -> what runs the part: one for each structure, and what is about all of them."""
    names = measure.Log().run([plan.program, "--list"], None).out.split()
    return {stem: partial(structure, stem) for stem in structures_of(names)} | {
        "orders": mutations, "faults": faults, "pairs": observed_pairs, "controls": controls,
        "programs": programs}
