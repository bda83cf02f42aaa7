# SPDX-License-Identifier: MIT
"""The records as tables: headers and rows of text, for any kind of page."""

from collections import defaultdict

from .cells import Bad, Bar, Table, judged, number, ran, rate, table
from .findings import good, is_bug, is_fix, of_record

STRATEGIES = ("random", "pct", "dfs", "dpor", "crash", "adversary")
DOUBLINGS = (2, 8, 32, 128, 512)


def by_structure(by):
    """structure -> its scenarios."""
    found = defaultdict(list)
    for r in by["scenario"]:
        found[r["structure"]].append(r)
    return found


def total(phases, key):
    """Sum over phases."""
    return sum(p.get(key, 0) for p in phases)


# ---- schedules -----------------------------------------------------------------------------------

def structures(by):
    """One row for each structure."""
    rows = []
    for stem, scenarios in by_structure(by).items():
        phases = [p for r in scenarios for p in ran(r)]
        weak = total([p for p in phases if p["model"] == "weak"], "schedules")
        bad = [r for r in scenarios if of_record(r)]
        rows.append([stem, str(len(scenarios)), threads(scenarios),
                     number(total(phases, "schedules")), number(weak),
                     number(total(phases, "points")),
                     rate(total(phases, "points"), total(phases, "seconds")),
                     number(total(phases, "crash_points") or None),
                     judged(f"{len(bad)} failed" if bad else "pass", not bad)])
    return table("Schedules of each structure",
                 "A schedule is one run of a scenario under one choice of who goes on and which "
                 "value each load takes; a point is one such choice. Crash points (sets of threads "
                 "and where each is stopped for ever) are those of the last of a scenario's crash "
                 "phases: different ones that were tried.",
                 ["structure", "scenarios", "threads", "schedules", "of them weak memory",
                  "points", "points per s", "crash points", "verdict"], rows, by["scenario"])


def threads(scenarios):
    """2, or 2 to 3."""
    counts = sorted({r["threads"] for r in scenarios})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def strategies(by):
    """One row for each structure, strategy and memory model."""
    sums = defaultdict(list)
    for r in by["scenario"]:
        for p in ran(r):
            sums[r["structure"], p["strategy"], p["model"]].append(p)
    rows = [[*key, number(total(phases, "schedules")), number(total(phases, "points")),
             f"{total(phases, 'seconds'):.2f}",
             rate(total(phases, "points"), total(phases, "seconds"))]
            for key, phases in sums.items()]
    return table("Schedules of each strategy",
                 "random, pct and crash draw from all schedules; dfs and dpor are searches, "
                 "complete or bounded as said above; adversary is one fixed series.",
                 ["structure", "strategy", "memory model", "schedules", "points", "s",
                  "points per s"], rows, by["scenario"], long=True)


def phase_of(record, strategy, model):
    """The first phase of that strategy, or None."""
    return next((p for p in ran(record) if p["strategy"] == strategy and p["model"] == model),
                None)


def search_words(phase):
    """How far an exhaustive search came."""
    if phase is None:
        return "not used"
    if phase["complete"]:
        return f"complete: {phase['schedules']:,}"
    bound = phase.get("preemptions", -1)
    if bound >= 0:
        return f"bounded: all with ≤ {bound} preemption{'s' if bound != 1 else ''}"
    return f"not complete: {phase['schedules']:,} tried"


def crash_points(record):
    """Of the phase that says so, or None."""
    return next((p["crash_points"] for p in ran(record) if "crash_points" in p), None)


def scenarios(by):
    """One row for each scenario."""
    rows = [[r["scenario"], str(r["threads"]), number(r["schedules"]),
             search_words(phase_of(r, "dfs", "sc")), search_words(phase_of(r, "dfs", "weak")),
             search_words(phase_of(r, "dpor", "sc")), number(crash_points(r)),
             judged(r["verdict"], not of_record(r))]
            for r in by["scenario"]]
    return table("What was searched completely",
                 "\"complete\": there is no other schedule of this scenario (dpor: none that "
                 "differs in more than the order of steps that do not affect each other). "
                 "\"bounded\": every schedule in which at most so many times a thread that could "
                 "go on has to give way; others were not searched, only sampled. All of it is "
                 "about the scenario with its few threads and operations, in the tester's model.",
                 ["scenario", "threads", "schedules", "dfs, sc", "dfs, weak", "dpor, sc",
                  "crash points", "verdict"], rows, by["scenario"])


# ---- steps ---------------------------------------------------------------------------------------

def growth_of(records):
    """operation -> {rounds: the most steps} under the growing adversary."""
    steps = defaultdict(lambda: defaultdict(int))
    for r in records:
        for p in ran(r):
            for g in p.get("growth", []):
                most = steps[g["op"]]
                most[g["rounds"]] = max(most[g["rounds"]], g["steps"])
    return {op: dict(rounds) for op, rounds in steps.items() if any(rounds.values())}


def with_bound(by, bound):
    """The scenarios in which the operation has that bound: a formula differs between them."""
    return [r for r in by["scenario"]
            if any((o["op"], o.get("bound")) == (bound["op"], bound["bound"]) for o in r["ops"])]


def bound_row(by, r):
    """What was seen of an operation against what is promised."""
    grown = growth_of(with_bound(by, r)).get(r["op"], {})
    return [r["op"], number(r["bound"]), number(r["max"]),
            judged(f"{r['ratio']:.0%}", not of_record(r)), Bar(r["ratio"]),
            number(grown.get(8)), number(grown.get(512))]


def bounds(by):
    """One row for each operation."""
    rows = [bound_row(by, r) for r in by["bound"]]
    return table("Bounds",
                 "Steps are an operation's own accesses to shared memory. No schedule took more "
                 "than the bound, or its scenario would have failed. Where the bound is a formula, "
                 "the row is the pair of the largest share, in the scenarios with that bound. The "
                 "last columns: the most steps while the others completed 8 and 512 rounds between "
                 "the steps of a victim (empty: in no such scenario with the adversary).",
                 ["operation", "bound", "most seen", "share", "", "8 rounds", "512 rounds"],
                 rows, by["bound"])


def growth_rows(by):
    """The controls of the growing adversary: operation -> {rounds: steps}."""
    chosen = [r for r in by["control"]
              if r["scenario"] in ("control-casloop", "control-casloop-add") or
              r["scenario"].startswith("control-help-") and r["scenario"][-1].isdigit()]
    return growth_of(chosen), chosen


def growth(by):
    """The growing adversary's series for what is wait-free and what is not."""
    series, chosen = growth_rows(by)
    rows = [[op, *[number(steps.get(m)) for m in DOUBLINGS]] for op, steps in series.items()]
    return table("The growing adversary, on its controls",
                 "Steps of one operation while the others complete 2 to 512 rounds. A loop of "
                 "compare-and-swap is lock-free only; helping and a fetch-and-add are wait-free. "
                 "No other strategy tells them apart.",
                 ["operation", *[f"{m} rounds" for m in DOUBLINGS]], rows, chosen)


# ---- faults --------------------------------------------------------------------------------------

def killer(r):
    """Who noticed, or why nobody can."""
    if r["outcome"] == "killed":
        return f"{r['scenario']}, {r['strategy']}: {r['found']}"
    return r.get("proof", "")


def mutations(by):
    """One row for each weakened memory order."""
    outcomes = [r["outcome"] for r in by["mutation"]]
    score = ", ".join(f"{outcomes.count(o)} {o}" for o in ("killed", "equivalent", "survived"))
    rows = [[r["site"], r["mutation"], judged(r["outcome"], not of_record(r)), killer(r)]
            for r in by["mutation"]]
    return table(f"Weakened memory orders: {score}",
                 "Each order of the library that is stronger than relaxed was weakened alone, at "
                 "run time. killed: the first scenario that failed is named. equivalent: a file "
                 "says why the weaker order has the same behaviours.",
                 ["site", "change", "outcome", "noticed by"], rows, by["mutation"])


def faults(by):
    """One row for each planted fault, one column for each strategy."""
    rows = [[judged(r["fault"], not of_record(r)), r["kind"],
             *[r["found"].get(s) or "" for s in STRATEGIES]] for r in by["fault"]]
    hit = [sum(bool(r["found"].get(s)) for r in by["fault"]) for s in STRATEGIES]
    rows.append(["found", f"of {len(by['fault'])}", *map(str, hit)])
    return table("Faults planted in the library",
                 "Changes of the algorithm by hand (tests/model/faults.py). Empty: that strategy "
                 "did not find it (crash and adversary are not used where threads wait).",
                 ["fault", "kind", *STRATEGIES], rows, by["fault"])


def finders(record):
    """strategy/model at the number of the first failing schedule."""
    return ", ".join(f"{p['strategy']}/{p['model']} {p['at']:,}" for p in ran(record)
                     if "found" in p)


def control_table(title, note, records):
    """Controls of one kind."""
    rows = [[r["scenario"], r.get("found", "nothing"), judged(r["verdict"], not of_record(r)),
             finders(r)] for r in records]
    return table(title, note, ["scenario", "found", "verdict", "by, at schedule"], rows, records)


def corpus(by):
    """Faults that other libraries had."""
    twins = [r for r in by["control"] if is_fix(r)]
    return control_table("Faults of other libraries",
                         "Patterns of our own after published faults (docs/corpus.md). The number "
                         "is the first failing schedule of that phase. Of their twins without the "
                         f"fault, {good(twins)} pass.", [r for r in by["control"] if is_bug(r)])


def controls(by):
    """What the tester itself must find, or must not."""
    rest = [r for r in by["control"] if not is_bug(r) and not is_fix(r)]
    return control_table("Controls of the tester",
                         "expected: found what the scenario was written to have. pass: a sound "
                         "twin, in which nothing was found.", rest)


def pairs(by):
    """Lines that were seen to synchronise, and the tags they share."""
    rows = [[r["release"], r["acquire"], judged(", ".join(r["tags"]) or "none", r["tags"])]
            for r in by["pair"]]
    rows += [["", "", Bad(f"{r['tag']}: never seen")] for r in by["tag"] if not r["seen"]]
    return table("Lines that were seen to synchronise",
                 "Each order that is stronger than relaxed carries a tag in the source. Every pair "
                 "of lines that was seen must share one, and every tag must be seen.",
                 ["release", "acquire", "tag"], rows, by["pair"] + by["tag"])


# ---- programs ------------------------------------------------------------------------------------

def programs(by, group, title, note):
    """Test programs of a group: counts, and the figures that they print."""
    chosen = [r for r in by["tap"] if r["group"] == group]
    rows = [[r["program"], str(r["passed"]), judged(str(r["failed"]), not of_record(r)),
             "; ".join([str(len(r["skips"])), *r["skips"]])] for r in chosen]
    rows += [[r["what"], "", "", "not built here: not run"] for r in by["absent"]
             if r["group"] == group]
    return table(title, note, ["program", "passed", "failed", "skipped"], rows, chosen)


def figures(by, group, title):
    """What the programs of a group say besides their cases."""
    chosen = [r for r in by["tap"] if r["group"] == group]
    rows = [[r["program"], note] for r in chosen for note in r["notes"]]
    return table(title, "", ["program", "figures"], rows, chosen, long=True)


def litmus(by):
    """Where the memory model shows less, or more, than C++20 allows."""
    chosen = [r for r in by["tap"] if r["program"] == "test_litmus"]
    cases = [c for r in chosen for c in r["cases"]]
    shapes = sum(c.startswith("litmus ") for c in cases)
    wrong = sum(c.startswith("fault: ") for c in cases)
    rows = [note.split(": ", 1) for r in chosen for note in r["notes"] if ": " in note]
    return table(f"Memory model: {shapes} litmus programs, {wrong} wrong rules",
                 "Each program is searched completely and its outcomes compared with a table of "
                 "what C++20 allows; each wrong rule must make some of them differ. The rows are "
                 "outcomes where tester and standard differ. not covered: allowed, never shown. "
                 "too weak: forbidden, but shown.", ["difference", "program and outcome"],
                 rows, chosen)


def parts(by):
    """Which sources each part of the page is about. A part need not be renewed with the others."""
    rows = []
    for r in by["environment"]:
        state = " with uncommitted changes" if r["uncommitted"] else ""
        cpu = sum(c["cpu_s"] for c in by["command"] if c["part"] == r["part"])
        rows.append([r["part"], r["date"], f"{str(r['commit'])[:12]}{state}", f"{cpu:,.0f}"])
    return table("Parts and their sources", "", ["part", "date", "commit", "s of CPU"], rows,
                 by["environment"])


def machine(by):
    """What the figures depend on; the latest part says it for all."""
    rows = []
    for r in sorted(by["environment"], key=lambda r: r["date"])[-1:]:
        rows = [["version", str(r["version"])], ["processor", f"{r['cpu']}, {r['cpus']} CPUs"],
                ["system", f"{r['system']}, {r['kernel']}, {r['libc']}"],
                *[[f"compiler of {tree}", str(name)] for tree, name in r["compilers"].items()],
                ["Python", r["python"]], ["made by", r["command"]]]
    wall, cpu = (sum(r[key] for r in by["command"]) for key in ("wall_s", "cpu_s"))
    rows.append(["time", f"{wall:,.0f} s, {cpu:,.0f} s of CPU"])
    return Table("The machine", "", ["what", "which"], rows, [])


def commands(by):
    """Every command, in order."""
    rows = [[r["command"], "" if r["seed"] is None else str(r["seed"]),
             judged(str(r["status"]), not of_record(r)), f"{r['wall_s']:,.1f}",
             f"{r['cpu_s']:,.1f}"] for r in by["command"]]
    return Table("Commands", "In the root of the repository, after `make test` has built it.",
                 ["command", "seed", "status", "s", "s of CPU"], rows, [], long=True)
