#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/tidy.py: a clean tree passes, and each rule can fail, alone. Prints TAP."""

import os
import shutil
import subprocess
import sys

from trees import GOOD, ROOT, SPDX, plus, swap, tree

from tap import Tap
from tidyrules import RULES
from tidyrules.tree import Tree
import tidy

SPSC_H, SPSC_C = "include/thetis/spsc.h", "src/ring/spsc.c"
MAP_H = f"/* {SPDX} */\n#ifndef THT_MAP_H\n#define THT_MAP_H\n#endif\n"
USES_MAP = {"src/map/map.h": MAP_H, "src/thetis.c": plus('#include "map/map.h"\n')}


def c_file(text):
    """A C file with its licence line."""
    return f"/* {SPDX} */\n{text}"


def long_function(lines):
    """A C function of so many lines."""
    return "\nstatic void spsc_long(void)\n{\n" + "    ;\n" * (lines - 3) + "}\n"


def source(path, text):
    """Changes that add a listed source file to the library."""
    return {path: c_file(text), "src/sources.cmake": swap(")", f"  {path}\n)"),
            "src/thetis.c": plus(f'#include "{path.removeprefix("src/")}"\n')}


# What each change of the clean tree must be reported as: (rule, what is wrong, changes).
VIOLATIONS = [
    ("layer", "a port includes the core",
     {"src/port/port_demo.c": plus('#include "core/bits.h"\n')}),
    ("layer", "a port includes a ring's public header",
     {"src/port/port_demo.c": plus("#include <thetis/spsc.h>\n")}),
    ("layer", "the dict includes the map",
     {**USES_MAP, **source("src/dict/dict.c", '#include "map/map.h"\n')}),
    ("layer", "the core includes the map through ..",
     {**USES_MAP, **source("src/core/bits.c", '#include "../map/map.h"\n')}),
    ("layer", "a folder the table does not know",
     source("src/misc/misc.c", "#include <thetis/atomic.h>\n")),
    ("layer", "an example opens internals", {"examples/spsc.c": plus('#include "core/bits.h"\n')}),
    ("layer", "a stress test opens internals",
     {"tests/stress/stress_spsc.c": c_file('#include "core/bits.h"\n')}),
    ("layer", "an include of nothing", {SPSC_C: plus('#include "core/none.h"\n')}),
    ("layer", "a public header of nothing", {SPSC_C: plus("#include <thetis/none.h>\n")}),
    ("libc", "the library includes a system header", {SPSC_C: plus("#include <unistd.h>\n")}),
    ("libc", "an example includes a foreign library",
     {"examples/spsc.c": plus("#include <uv.h>\n")}),
    ("listed", "a source that nobody builds", {"src/core/dead.c": c_file("")}),
    ("listed", "an entry without a file",
     {"src/sources.cmake": swap(")", "  src/core/gone.c\n)")}),
    ("listed", "a header that nobody includes", {"src/map/map.h": MAP_H}),
    ("listed", "a source that the unity file lacks",
     {**source("src/core/bits.c", ""), "src/thetis.c": GOOD["src/thetis.c"]}),
    ("umbrella", "a header that thetis.h lacks",
     {"include/thetis/thetis.h": swap("#include <thetis/spsc.h>\n", "")}),
    ("tested", "a header without a unit test", {"tests/unit/test_spsc.c": None}),
    ("file-length", "601 lines", {"tests/long.c": c_file("\n" * 598 + "extern int x;\n;\n")}),
    ("example-length", "101 lines", {"examples/long.c": c_file("extern int x;\n" * 100)}),
    ("columns", "101 columns", {SPSC_C: plus("/*" + "x" * 97 + "*/\n")}),
    ("blanks", "a tab", {SPSC_C: plus("/*\t*/\n")}),
    ("blanks", "a space at the end of a line", {"CONTRIBUTING.md": plus("Word. \n")}),
    ("blanks", "a carriage return", {SPSC_C: plus("\r\n")}),
    ("blanks", "no newline at the end", {SPSC_C: plus(";")}),
    ("blanks", "an empty line at the end", {SPSC_C: plus("\n")}),
    ("spdx", "no licence", {"tools/x.py": "pass\n"}),
    ("spdx", "a licence that is not the first line", {"tests/x.c": f"\n/* {SPDX} */\n"}),
    ("later", "a note to self", {"CONTRIBUTING.md": plus("TO" "DO\n")}),
    ("machine", "a home folder", {"CONTRIBUTING.md": plus("cd /ho" "me/me/x\n")}),
    ("machine", "a root folder at the end of a line", {"CONTRIBUTING.md": plus("cd /ro" "ot\n")}),
    ("machine", "a package host", {"CONTRIBUTING.md": plus("https://reg" "istry.example/x\n")}),
    ("big", "more than 1 MiB", {"docs/big.txt": "x" * (1 << 20) + "\n"}),
    ("function-length", "71 lines", {SPSC_C: plus(long_function(71))}),
    ("function-length", "71 lines of Python",
     {"tools/x.py": f"# {SPDX}\ndef f():\n" + "    pass\n" * 70}),
    ("function-length", "a Python file that is none", {"tools/x.py": f"# {SPDX}\ndef\n"}),
    ("platform", "a system", {SPSC_C: plus("#ifdef __FreeBSD__\n#endif\n")}),
    ("platform", "a compiler, in a continued line",
     {SPSC_C: plus("#if 0 || \\\n    defined(__GNUC__)\n#endif\n")}),
    ("atomics", "a fence", {SPSC_C: plus("void tht_f(void)\n{\n    __sync_synchronize();\n}\n")}),
    ("atomics", "a builtin in a test",
     {"tests/unit/test_spsc.c": plus("int x = __atomic_load_n(&y, 0);\n")}),
    ("atomics", "C11 atomics in the library", {SPSC_C: plus("static _Atomic int spsc_word;\n")}),
    ("allocation", "malloc in a ring",
     {SPSC_C: plus("void tht_f(void)\n{\n    (void)malloc(3);\n}\n")}),
    ("guards", "another name", {SPSC_H: swap("THETIS_SPSC_H", "THETIS_RING_H")}),
    ("guards", "no define", {"src/core/bits.h": swap("#define THT_BITS_H\n", "")}),
    ("public-prefix", "a macro", {SPSC_H: swap("#include", "#define SPSC 1\n#include")}),
    ("public-prefix", "a type", {SPSC_H: swap("\n#endif", "\ntypedef int spsc_op;\n\n#endif")}),
    ("public-prefix", "an enumerator",
     {SPSC_H: swap("\n#endif", "\nenum thetis_e { THETIS_A, SPSC_B };\n\n#endif")}),
    ("internal-prefix", "a function", {SPSC_C: plus("int spsc_open(void)\n{\n    return 0;\n}\n")}),
    ("internal-prefix", "a variable", {SPSC_C: plus("int spsc_count = 3;\n")}),
    ("verbs", "a verb that is not in the list", {SPSC_H: swap("spsc_push(", "spsc_shove(")}),
    ("verbs", "an object that is none", {SPSC_H: swap("spsc_push(", "ring_push(")}),
    ("verbs", "no list", {"CONTRIBUTING.md": "# Contributing\n"}),
    ("verbs", "a word behind the list", {"CONTRIBUTING.md": swap("`size`", "\n`size`")}),
    ("progress", "no statement", {SPSC_H: swap("@progress wait-free, 0 steps", "")}),
    ("progress", "a plain comment", {SPSC_H: swap("/** Asks", "/* Asks")}),
    ("progress", "a comment further up",
     {SPSC_H: swap("1 step */\nstatic inline uint",
                   "1 step */\nextern int thetis_x;\nstatic inline uint")}),
    ("progress", "an unknown word", {SPSC_H: swap("wait-free, 0 steps", "fast")}),
    ("claimed", "a proof that nobody has",
     {SPSC_H: swap("wait-free (claimed), 1 step */\nstatic inline void",
                   "wait-free, 1 step */\nstatic inline void")}),
    ("changelog", "none", {"CHANGELOG.md": None}),
    ("changelog", "an old version only", {"CHANGELOG.md": swap("Unreleased", "0.2.0")}),
    ("changelog", "a long line", {"CHANGELOG.md": plus("x" * 101 + "\n")}),
    ("links", "a page that is not there", {SPSC_C: plus("/* see docs/none.m" "d */\n")}),
    ("links", "a link to nothing", {"CHANGELOG.md": plus("See [it](docs/none.svg).\n")}),
]

# Changes that look like violations and are none.
INNOCENT = [
    ("the current version in the log", {"CHANGELOG.md": swap("Unreleased", "[0.3.0] today")}),
    ("pages and links that are there",
     {"docs/guarantees.md": "[b](../src/ring) CHANGELOG.md [c](#d)\n"}),
    ("malloc in a comment", {SPSC_C: plus("/* malloc() is not called */\n")}),
    ("a fence in a string",
     {SPSC_C: plus('static const char *spsc_s = "__sync_synchronize()";\n')}),
    ("a function of 70 lines", {SPSC_C: plus(long_function(70))}),
    ("100 columns", {SPSC_C: plus("/*" + "x" * 96 + "*/\n")}),
    ("an assertion at compile time", {SPSC_C: plus('_Static_assert(1 == 1, "{");\n')}),
    ("a condition on the language", {SPSC_C: plus("#ifdef __cplusplus\n#endif\n")}),
    ("a result of a test", {"CONTRIBUTING.md": plus("`ok 1 - x # TO" "DO y`\n")}),
    ("a question at compile time",
     {"tests/unit/test_spsc.c": plus("int x = __atomic_always_lock_free(8, 0);\n")}),
    ("a list of macros", {"src/ring/rings.def": c_file("THT_RING(a)\nTHT_RING(b)\n")}),
    ("an opaque struct", {SPSC_H: swap("\n#endif", "\nstruct tht_x;\n\n#endif")}),
    ("internals of an inline", {SPSC_H: swap(
        "\n#endif", "\nstatic inline int thetis_spsc_x_(void)\n{\n    return 0;\n}\n\n#endif")}),
]


def fired(changes):
    """The findings on a changed tree, as (rule, line shown)."""
    with tree(changes) as root:
        return [(name, tidy.show(name, f)) for name, findings in tidy.check(Tree(root))
                for f in findings]


def check_violations(tap):
    """Each change is reported by its rule and by no other."""
    for rule, what, changes in VIOLATIONS:
        found = fired(changes)
        names = {name for name, _ in found}
        problems = [] if names == {rule} else [f"reported by {sorted(names)}"]
        tap.case(f"{rule}: {what}", problems and problems + [line for _, line in found])


def check_innocent(tap):
    """What obeys the rules is not reported."""
    for what, changes in [("a clean tree", {}), *INNOCENT]:
        tap.case(f"passes: {what}", [line for _, line in fired(changes)])


def check_complete(tap):
    """No rule is without a violation above."""
    shown = {rule for rule, _, _ in VIOLATIONS} | {"commits"}
    tap.case("every rule can fail", [name for name, _ in RULES if name not in shown])


def git(root, *args):
    """Runs git with nothing of this machine's configuration."""
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull,
           "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(root)}
    subprocess.run(["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org",
                    *args], env=env, check=True, capture_output=True)


def check_commits(tap):
    """The rule on commit subjects, and that git's ignored files are not read."""
    subjects = {"spsc: close by one store": True, "Close by one store": False,
                "spsc: added a close": False, "spsc: close.": False,
                "spsc: close" + " now" * 13: False, "docs, ring: say what close does": True}
    if not shutil.which("git"):
        tap.skip("commits", "environment", "no git")
        return
    for subject, good in subjects.items():
        with tree({".gitignore": "ignored.c\n", "ignored.c": "\t"}) as root:
            git(root, "init", "--quiet")
            git(root, "commit", "--quiet", "--allow-empty", "-m", subject)
            names = {name for name, findings in tidy.check(Tree(root)) if findings}
        tap.case(f"commits: {subject}", names ^ (set() if good else {"commits"}))


def check_command(tap):
    """Exit status and output of the command."""
    for changes, status, shown in [({}, 0, "median"), ({SPSC_C: plus("\n")}, 1, "1 findings")]:
        with tree(changes) as root:
            done = subprocess.run([sys.executable, str(ROOT / "tools/tidy.py"), "--root",
                                   str(root)], capture_output=True, text=True, check=False)
        good = (done.returncode == status and shown in done.stdout
                and done.stdout.count("\n") == 1 + status)
        tap.case(f"ends with {status}", [] if good else [done.stdout])


def main():
    """Runs all cases."""
    tap = Tap()
    check_innocent(tap)
    check_violations(tap)
    check_complete(tap)
    check_commits(tap)
    check_command(tap)
    tap.end()


if __name__ == "__main__":
    main()
