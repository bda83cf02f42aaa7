#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/evidence.py: what is not as expected, the words of searches, the pages. TAP."""

import copy
import json
import re
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from evidence import drawing, findings, measure, pages, sections, tables  # noqa: E402
from tap import Tap  # noqa: E402

PHASES = [
    {"strategy": "random", "model": "weak", "schedules": 300, "points": 900, "seconds": 0.1,
     "complete": False},
    {"strategy": "dfs", "model": "sc", "schedules": 70, "points": 90, "seconds": 0.1,
     "complete": False, "preemptions": 2},
    {"strategy": "crash", "model": "sc", "schedules": 30, "points": 90, "seconds": 0.1,
     "complete": False, "crash_points": 21},
    {"strategy": "adversary", "model": "weak", "schedules": 72, "points": 9, "seconds": 0.1,
     "complete": True, "growth": [{"op": "spsc.push", "rounds": 8, "steps": 3},
                                  {"op": "spsc.push", "rounds": 512, "steps": 4}]},
]
GOOD = [
    {"section": "environment", "date": "2026-01-02", "version": "1", "commit": "abc",
     "uncommitted": False, "cpu": "one", "cpus": 1, "system": "s", "kernel": "k", "libc": "l",
     "compilers": {"build/check": "cc 12"}, "python": "3"},
    {"section": "command", "status": 0, "wall_s": 1.0, "cpu_s": 0.5, "said": []},
    {"section": "scenario", "structure": "spsc", "scenario": "spsc-single", "threads": 2,
     "schedules": 472, "verdict": "pass", "phases": PHASES,
     "ops": [{"op": "spsc.push", "bound": 4, "max": 4, "ratio": 1.0}]},
    {"section": "bound", "structure": "spsc", "op": "spsc.push", "bound": 4, "max": 4,
     "ratio": 1.0, "verdict": "tight"},
    {"section": "mutation", "site": "a.h:1", "mutation": "store release to relaxed",
     "outcome": "killed", "scenario": "spsc-single", "strategy": "random", "found": "race"},
    {"section": "fault", "fault": "spsc <one> more", "kind": "off by one",
     "found": {"random": None, "dfs": "bound"}},
    {"section": "pair", "release": "a.h:1", "acquire": "a.h:2", "tags": ["spsc.tail"]},
    {"section": "tag", "tag": "spsc.tail", "seen": True},
    {"section": "control", "scenario": "control-bug-x-1", "threads": 2, "schedules": 7,
     "verdict": "expected", "found": "race", "ops": [],
     "phases": [{**PHASES[0], "found": "race", "at": 7}]},
    {"section": "tap", "group": "freeze", "program": "test_freeze", "passed": 2, "failed": 0,
     "skips": [], "complaints": [], "cases": ["a", "b"],
     "notes": ["mutex (control), thread 0: 78 instructions, 78 stops, 47 stuck",
               "spsc push, pop, thread 0: 43 instructions, 139 stops, 0 stuck"]},
    {"section": "tap", "group": "recorded", "program": "stress_lin_x", "passed": 2, "failed": 0,
     "skips": [], "complaints": [], "cases": ["a", "b"],
     "notes": ["1200 operations", "300 operations"]},
]
GOOD = [{"part": "spsc", "command": "thetis-check --json --seed 1", "seed": 1, **r} for r in GOOD]

# section, change: each is to be told
WRONG = [
    ("command", {"status": 2}), ("command", {"status": None}),
    ("scenario", {"verdict": "fail", "found": "race"}), ("control", {"verdict": "fail"}),
    ("bound", {"verdict": "loose"}), ("mutation", {"outcome": "survived"}),
    ("fault", {"found": {"random": None, "dfs": None}}), ("pair", {"tags": []}),
    ("tag", {"seen": False}), ("tap", {"failed": 1}), ("tap", {"complaints": ["no plan"]}),
]


def differs(got, want):
    """Complain unless both are equal."""
    return [] if got == want else [f"got {got!r}, want {want!r}"]


def changed(section, change):
    """The good records, one of them changed."""
    records = copy.deepcopy(GOOD)
    next(r for r in records if r["section"] == section).update(change)
    return records


def told(tap):
    """Good records say nothing; each wrong or missing one says one thing, on all pages."""
    tap.case("good records", differs(findings.against(GOOD), []))
    tap.case("recorded operations", differs(findings.judged(findings.group(GOOD)), 1500))
    tap.case("good records: no red row", differs('<tr class="bad">' in pages.html(GOOD), False))
    for section, change in WRONG:
        records = changed(section, change)
        said = findings.against(records)
        problems = differs(len(said), 1)
        for name, page in (("HTML", pages.html(records)), ("Markdown", pages.markdown(records))):
            if "Not as expected" not in page or "All is as expected" in page:
                problems.append(f"not on the page in {name}")
        problems += [] if '<tr class="bad">' in pages.html(records) else ["no red row"]
        tap.case(f"told: {section} {change}", problems)
    for section in findings.NEEDED:
        rest = [r for r in GOOD if r["section"] != section]
        tap.case(f"told: no {section} at all",
                 differs(findings.against(rest), [f"no figures at all: {section}"]))


def words(tap):
    """A search that was cut off is never called complete."""
    phase = {"schedules": 1234, "complete": False}
    rows = [({**phase, "preemptions": 2}, "bounded: all with ≤ 2 preemptions"),
            ({**phase, "preemptions": -1}, "not complete: 1,234 tried"),
            (phase, "not complete: 1,234 tried"),
            ({**phase, "complete": True, "preemptions": 2}, "complete: 1,234"),
            (None, "not used")]
    for given, want in rows:
        tap.case(f"words: {want}", differs(tables.search_words(given), want))


class Reader(HTMLParser):
    """Collects tags that are not closed, and whatever is loaded from elsewhere."""
    ALONE = ("meta", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.problems = [], []
        self.feed(text)
        self.problems += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "link", "img", "iframe"):
            self.problems.append(f"<{tag}>")
        self.problems += [f"{k}={v}" for k, v in attrs if k in ("src", "href")]
        if tag not in self.ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Closed at once."""

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")


def page(tap):
    """The page is whole, needs nothing else, and has every command."""
    text = pages.html(GOOD)
    tap.case("page: closed tags, nothing from elsewhere", Reader(text).problems)
    tap.case("page: no address", differs(re.findall(r"https?://|url\(|@import", text), []))
    tap.case("page: text is escaped",
             [] if "spsc &lt;one&gt; more" in text and "<one>" not in text else ["not escaped"])
    bare = [t.title for t in pages.all_tables(findings.group(GOOD))
            if t.rows and not t.commands and t.title not in ("The machine", "Commands")]
    tap.case("page: every table of figures has its command", differs(bare, []))
    tap.case("page: stops of real threads, without the controls",
             differs(findings.freeze_totals(findings.group(GOOD)), (139, 0)))


def bounds(tap):
    """A bound's row has the steps of scenarios with that bound only."""
    other = copy.deepcopy(GOOD[2])
    other["ops"][0]["bound"] = 9
    other["phases"][3]["growth"][1]["steps"] = 9
    by = findings.group([*GOOD, other])
    row = tables.bounds(by).rows[0]
    tap.case("bounds: of one bound", differs(row[-2:], ["3", "4"]))


def picture(tap):
    """Lines over doubling rounds: apart from each other, and closed."""
    text = drawing.lines({"a": {2: 1, 512: 1}, "b": {2: 1, 512: 1}, "c<": {2: 4, 512: 514}})
    heights = [float(y) for y in re.findall(r'fill="#\w+" x="\d+" y="(\d+)"', text)]
    near = [(a, b) for a in heights for b in heights if a < b < a + drawing.APART - 1]
    tap.case("picture: labels stand apart", differs((len(set(heights)), near), (3, [])))
    tap.case("picture: closed, escaped",
             Reader(text).problems + ([] if "c&lt;" in text else ["not escaped"]))


FAKE = """#!/bin/sh
echo "$*" >>"$0.asked"
case "$*" in
*--list*) printf 'spsc-a\\nspsc-b\\nwake-a\\ncontrol-x\\n' ;;
*) cat "$0.json" ;;
esac
"""


def fake_tester(folder):
    """A program that answers as thetis-check does, and notes what it was asked."""
    program = folder / "thetis-check"
    program.write_text(FAKE)
    program.chmod(0o755)
    line = {"scenario": "spsc-a", "threads": 2, "schedules": 472, "verdict": "pass", "ops": [],
            "phases": PHASES}
    bound = {"op": "spsc.push", "bound": 4, "max": 4, "ratio": 1.0, "verdict": "tight"}
    (folder / "thetis-check.json").write_text(f"{json.dumps(line)}\n{json.dumps(bound)}\n")
    return program


def asked(tap):
    """Structures come from the list; a campaign asks for enough of the sampling strategies."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = sections.Plan(fake_tester(folder), folder, folder, 10000, 5, True)
        log = measure.Log()
        for part in list(sections.parts(plan).values())[:2]:
            part(log, plan)
        lines = (folder / "thetis-check.asked").read_text().splitlines()
    n = 1000 * -(-sections.CAMPAIGN // 330)
    want = ["--list", *[f"--json --scenario {s}-* {rest} --seed 5" for s in ("spsc", "wake")
                        for rest in ("--schedules 1000",
                                     f"--search {sections.CAMPAIGN_SEARCH} --schedules {n}")]]
    tap.case("campaign: what is asked", differs(lines, want))
    kinds = [r["section"] for r in log.records if r["section"] != "command"]
    tap.case("campaign: records", differs(kinds, ["scenario", "bound"] * 2))


def again(tap):
    """The page is made again from its figures; the exit status says if all is as expected."""
    for records, status in ((GOOD, 0), (changed("mutation", {"outcome": "survived"}), 1)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "in.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
            done = subprocess.run([sys.executable, ROOT / "tools/evidence.py", "--from",
                                   folder / "in.jsonl", "--out", folder, "--markdown",
                                   folder / "short"], check=False, capture_output=True)
            got = (done.returncode, (folder / "index.html").read_text() == pages.html(records),
                   (folder / "short").read_text() == pages.markdown(records),
                   (folder / "evidence.jsonl").read_text() == (folder / "in.jsonl").read_text())
        tap.case(f"from figures: status {status}", differs(got, (status, True, True, True)))


def only(tap):
    """A part is renewed, the others stay; one that does not exist is told; parts keep an order."""
    def run(folder, *words):
        return subprocess.run([sys.executable, ROOT / "tools/evidence.py", folder, "--out", folder,
                               *words], check=False, capture_output=True, text=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bin").mkdir()
        fake_tester(folder / "bin")
        first = [run(folder, "--only", part).returncode for part in ("wake", "spsc")]
        before = (folder / "evidence.jsonl").read_text().splitlines()
        second = run(folder, "--only", "spsc", "--seed", "7").returncode
        after = (folder / "evidence.jsonl").read_text().splitlines()
        wrong = run(folder, "--only", "none")
    n = len(before) // 2
    seeds = [json.loads(line)["seed"] for line in after]
    tap.case("only: parts in order", differs(
        [json.loads(line)["part"] for line in before], ["spsc"] * n + ["wake"] * n))
    tap.case("only: one part renewed", differs(
        (first, second, seeds[:n], after[n:]), ([1, 1], 1, [7] * n, before[n:])))
    tap.case("only: no such part", differs(
        (wrong.returncode, "no such part: none" in wrong.stderr), (1, True)))


def programs(tap):
    """Counts and figures of a program that prints TAP; figures come from both outputs."""
    with tempfile.TemporaryDirectory() as name:
        program = Path(name) / "test_x"
        program.write_text("#!/bin/sh\necho 'TAP version 13'; echo 1..2; echo 'ok 1 - one'\n"
                           "echo '# said'; echo 'ok 2 - two # SKIP environment(none)'\n"
                           "echo '5 stops' >&2\n")
        program.chmod(0o755)
        log = measure.Log()
        sections.tap(log, "tester", [program], 3)
    r = log.records[-1]
    tap.case("programs", differs(
        (r["passed"], r["failed"], r["skips"], r["cases"], r["notes"], r["seed"]),
        (1, 0, ["two: environment(none)"], ["one", "two"], ["said", "5 stops"], 3)))


def main():
    """Runs as a command."""
    tap = Tap()
    for test in (told, words, page, bounds, picture, asked, again, only, programs):
        test(tap)
    tap.end()


if __name__ == "__main__":
    main()
