#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/pairs.py: a clean tree passes, and each rule can fail, alone. Prints TAP."""

import subprocess
import sys

from trees import ROOT, SPDX, plus, swap, tree

from tap import Tap
from tidyrules.tree import Tree
from pairs import Pairs, markdown

SPSC_H, SPSC_C = "include/thetis/spsc.h", "src/ring/spsc.c"
ORDERS = f"/* {SPDX}\n *\n * Orders:\n *   %s  why.\n */\n"


def use(operation, comment, rest=""):
    """A change: a function that uses one atomic operation."""
    return plus(f"\nvoid tht_f(thetis_atomic *a)\n{{\n    thetis_atomic_{operation}(a, 2);"
                f"{comment}\n{rest}}}\n")


def tagged(*operations, tag="spsc.x", named="spsc.x"):
    """Changes: functions that use operations with one tag, and the tag's explanation."""
    calls = "".join(f"    thetis_atomic_{o}(a, 2); /* pair: {tag} */\n" for o in operations)
    body = f"\nvoid tht_f(thetis_atomic *a)\n{{\n{calls}}}\n"
    return {SPSC_C: lambda old: ORDERS % named + old + body}


# What each change of the clean tree must be reported as: (rule, what is wrong, changes).
VIOLATIONS = [
    ("untagged", "a store without tag", {SPSC_C: use("store_release", "")}),
    ("untagged", "a word that is no tag", {SPSC_C: use("store_release", " /* pair: tail */")}),
    ("untagged", "a comment on the next line",
     {SPSC_C: use("store_release", "\n    /* pair: spsc.turn */")}),
    ("untagged", "seq_cst", {SPSC_C: use("exchange_seq_cst", "")}),
    ("untagged", "another's tag, in front of it",
     {SPSC_C: use("store_release", " /* pair: spsc.turn */",
                  "    thetis_atomic_load_acquire(a);\n")}),
    ("stray", "a relaxed store with a tag",
     {SPSC_C: use("store_relaxed", " /* pair: spsc.turn */")}),
    ("one-ended", "only stores", tagged("store_release", "exchange_release")),
    ("one-ended", "only loads", tagged("load_acquire", "fetch_add_acquire")),
    ("one-ended", "one exchange that is both", tagged("exchange_acq_rel")),
    ("one-ended", "a seq_cst store and a release", tagged("store_seq_cst", "store_release")),
    ("one-ended", "a store marked (self)", tagged("store_release", tag="spsc.x (self)")),
    ("unnamed", "a tag that nothing explains", {SPSC_H: swap("spsc.turn   push", "turn   push")}),
    ("unnamed", "a tag explained behind the part's end",
     {SPSC_H: swap(" *   spsc.turn", " *\n *   spsc.turn")}),
    ("unused", "an explanation of nothing",
     {SPSC_H: swap(" *   spsc.turn", " *   spsc.gone   nothing.\n *   spsc.turn")}),
]

# Changes that obey the rules.
INNOCENT = [
    ("a clean tree", {}),
    ("relaxed without tag", {SPSC_C: use("store_relaxed", "")}),
    ("a release and an acquire", tagged("exchange_release", "exchange_acquire")),
    ("one exchange that is both, and a load", tagged("exchange_acq_rel", "load_acquire")),
    ("one exchange marked (self)", tagged("exchange_acq_rel", tag="spsc.x (self)")),
    ("two tags", tagged("store_release", "load_acquire", tag="spsc.x, spsc.turn")),
    ("a call over two lines, tagged at its end",
     {SPSC_C: plus(
         "\nvoid tht_f(thetis_atomic *a)\n{\n    thetis_atomic_store_release(a,\n"
         "        2); /* pair: spsc.turn */\n}\n")}),
    ("a call in a comment", {SPSC_C: plus("/* thetis_atomic_load_acquire(a) */\n")}),
    ("a test without tags", {"tests/unit/test_spsc.c": use("store_release", "")}),
    ("a tag in the line of `Orders`", {SPSC_H: swap(
        " * Orders (each end names the other):\n *   spsc.turn   push",
        " * Orders: spsc.turn, where push")}),
]


def fired(changes):
    """The findings on a changed tree, as (rule, line shown)."""
    with tree(changes) as root:
        return [(name.removeprefix("pairs "), f) for name, findings in Pairs(Tree(root)).rules()
                for f in findings]


def check_rules(tap):
    """Each violation is reported by its rule and by no other; what obeys is not reported."""
    for rule, what, changes in VIOLATIONS:
        found = fired(changes)
        names = {name for name, _ in found}
        problems = [] if names == {rule} else [f"reported by {sorted(names)}"]
        tap.case(f"{rule}: {what}", problems and problems + [line for _, line in found])
    for what, changes in INNOCENT:
        tap.case(f"passes: {what}", [f"{name}: {line}" for name, line in fired(changes)])
    with tree({}) as root:
        rules = {name.removeprefix("pairs ") for name, _ in Pairs(Tree(root)).rules()}
    tap.case("every rule can fail", rules - {rule for rule, _, _ in VIOLATIONS})


def check_command(tap):
    """The table, exit status and output of the command."""
    with tree({}) as root:
        row = markdown(Pairs(Tree(root))).splitlines()[-1]
    tap.case("the table names both ends", [] if row.startswith("| `spsc.turn` |")
             and "`store_release` include" in row and "`load_acquire` include" in row else [row])
    for changes, status, shown in [({}, 0, "1 tags, 2 ends"),
                                   ({SPSC_C: use("store_release", "")}, 1, "1 findings")]:
        with tree(changes) as root:
            done = subprocess.run([sys.executable, str(ROOT / "tools/pairs.py"), "--root",
                                   str(root)], capture_output=True, text=True, check=False)
        good = (done.returncode == status and shown in done.stdout
                and done.stdout.count("\n") == 1 + status)
        tap.case(f"ends with {status}", [] if good else [done.stdout])


def main():
    """Runs all cases."""
    tap = Tap()
    check_rules(tap)
    check_command(tap)
    tap.end()


if __name__ == "__main__":
    main()
