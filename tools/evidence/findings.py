# SPDX-License-Identifier: MIT
"""What speaks against the library or the tester, and the figures of a summary."""

import re
from collections import defaultdict

JUDGED = re.compile(r"^(\d+) operations$")
STOPS = re.compile(r"^(.*?)[,:].* (\d+) stops, (\d+) stuck")
NEEDED = ("scenario", "bound", "mutation", "fault", "pair", "tag", "control", "tap")


def group(records):
    """section -> its records."""
    by = defaultdict(list)
    for record in records:
        by[record["section"]].append(record)
    return by


def of_record(r):
    """What is wrong with one record, in words; None if it is as expected."""
    section = r["section"]
    if section == "command" and r["status"] not in (0, 1):
        return f"{r['command']}: status {r['status']}"
    if section in ("scenario", "control") and r["verdict"] not in ("pass", "expected"):
        return f"{r['scenario']}: {r['verdict']}: {r.get('found') or 'not found'}"
    if section == "bound" and r["verdict"] != "tight" and not r.get("named"):
        return f"{r['op']}: at most {r['max']} of {r['bound']} steps seen"
    if section == "mutation" and r["outcome"] == "survived":
        return f"{r['site']}: {r['mutation']}: no scenario notices"
    if section == "fault" and not any(r["found"].values()):
        return f"planted fault {r['fault']}: no strategy finds it"
    if section == "pair" and not r["tags"]:
        return f"{r['release']} and {r['acquire']} synchronise, but share no tag"
    if section == "tag" and not r["seen"]:
        return f"{r['tag']}: documented, never seen to synchronise"
    if section == "tap" and (r["failed"] or r["complaints"]):
        return f"{r['program']}: {r['failed']} failed {' '.join(r['complaints'])}".rstrip()
    return None


def against(records):
    """All that is not as expected, in words; a section without figures is that, too."""
    by = group(records)
    return ([said for said in map(of_record, records) if said] +
            [f"no figures at all: {section}" for section in NEEDED if not by[section]])


def is_bug(record):
    """A control that stands for a fault of another library."""
    return record["scenario"].startswith("control-bug-")


def is_fix(record):
    """Its twin without the fault."""
    return record["scenario"].startswith("control-fix-")


def schedules_by_structure(by):
    """structure -> schedules."""
    sums = defaultdict(int)
    for r in by["scenario"]:
        sums[r["structure"]] += r["schedules"]
    return sums


def freeze_totals(by):
    """(stops, stuck) of all subjects that are no controls; None if nothing of it was run."""
    rows = [STOPS.match(note) for r in by["tap"] if r["group"] == "freeze" for note in r["notes"]]
    rows = [m for m in rows if m and "(control)" not in m[1]]
    return (sum(int(m[2]) for m in rows), sum(int(m[3]) for m in rows)) if rows else None


def judged(by):
    """How many operations of real threads were recorded and judged, of all programs."""
    notes = [JUDGED.match(n) for r in by["tap"] if r["group"] == "recorded" for n in r["notes"]]
    return sum(int(m[1]) for m in notes if m)


def good(rows, verdicts=("pass", "expected")):
    """How many of the rows have a good verdict, of how many."""
    return f"{sum(r['verdict'] in verdicts for r in rows):,} of {len(rows):,}"


def headline(by):
    """(label, figure) for the head of the page."""
    sums = schedules_by_structure(by)
    outcomes = [r["outcome"] for r in by["mutation"]]
    corpus = [r for r in by["control"] if is_bug(r)]
    hit = [r for r in by["fault"] if any(r["found"].values())]
    rows = [
        ("schedules of the library", f"{sum(sums.values()):,}"),
        ("fewest for one structure", f"{min(sums.values(), default=0):,}"),
        ("scenarios as expected", good(by["scenario"])),
        ("operations at more than half of their bound", good(by["bound"], ("tight",))),
        ("weakened orders noticed", f"{outcomes.count('killed')} of {len(outcomes)}"),
        ("planted faults found", f"{len(hit)} of {len(by['fault'])}"),
        ("faults of other libraries found", good(corpus)),
        ("documented tags seen", f"{sum(r['seen'] for r in by['tag'])} of {len(by['tag'])}"),
    ]
    frozen, recorded = freeze_totals(by), judged(by)
    if frozen:
        rows.append(("stops of a real thread, others stuck", f"{frozen[0]:,}, {frozen[1]:,}"))
    if recorded:
        rows.append(("operations of real threads recorded and judged", f"{recorded:,}"))
    return rows
