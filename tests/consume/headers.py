#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles every public header alone, in five languages with two compilers, warnings as errors.

Prints TAP. For each compiler: one case per header, one for a unit that includes all headers
twice, one per level of assertions with the typed forms, and a control: headers with known faults,
which the same commands must refuse.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from tap import Tap  # noqa: E402

WARNINGS = """-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wundef
    -Werror -fsyntax-only""".split()
LANGUAGES = {
    "c": (["c11", "c17"], ["-Wstrict-prototypes"]),
    "c++": (["c++11", "c++17", "c++20"], ["-Wold-style-cast"]),
}
COMPILERS = {"gcc": {"c": "gcc", "c++": "g++"}, "clang": {"c": "clang", "c++": "clang++"}}

# Name, language, the warning that must be named (a pattern), and a header's text that deserves it.
CONTROLS = [
    ("narrowing", "c", "conversion",
     "static inline unsigned char f(int x) { return x; }"),
    ("prototype", "c", "strict-prototypes", "int f();"),
    ("extension", "c", "pedantic|gnu", "static inline int f(int x) { return ({ x; }); }"),
    ("shadow", "c++", "shadow", "static inline int f(int x) { { int x = 1; return x; } }"),
    ("old cast", "c++", "old-style-cast",
     "static inline unsigned f(int x) { return (unsigned)x; }"),
    ("void pointer", "c++", "", "static inline int *f(void *p) { return p; }"),
]
# The macros that define functions, for the user's own types, pointers among them.
TYPED = "".join(f"THETIS_{stem}({stem.lower()}_{name}, {kind});\n"
                for stem in ("SPSC", "MPSC", "BCAST", "LATEST")
                for name, kind in (("numbers", "int"), ("items", "struct item *"),
                                   ("names", "const char *")))
# What calls the functions: with a pointer to a constant object, as the caller may have it.
CALLS = """
int calls(thetis_bcast *ring, thetis_latest *latest, struct item *const *item,
          const char *const *name);
int calls(thetis_bcast *ring, thetis_latest *latest, struct item *const *item,
          const char *const *name)
{
    return bcast_items_push(ring, item) + bcast_names_push(ring, name) +
           latest_items_store(latest, item) + latest_names_store(latest, name);
}
"""
SOUND = "static inline int thetis_sound(int x)\n{\n    return x;\n}\n"


def compile_unit(family, language, standard, text, folder):
    """Runs one compiler on a unit; returns its messages, empty if it was content."""
    command = [COMPILERS[family][language], "-x", language, f"-std={standard}", *WARNINGS,
               *LANGUAGES[language][1], "-I", str(folder), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return f"{' '.join(command[:4])}\n{done.stderr}" if done.returncode else ""


def complaints(family, text, folder, languages=tuple(LANGUAGES)):
    """The messages of one compiler family in all standards of some languages."""
    for language in languages:
        for standard in LANGUAGES[language][0]:
            message = compile_unit(family, language, standard, text, folder)
            if message:
                yield message


def include(names):
    """A unit that includes headers; it declares something, or C calls it empty."""
    return "".join(f"#include <{name}>\n" for name in names) + "extern int unit;\n"


def typed(level):
    """A unit that uses the typed forms at a level of assertions."""
    head = f"#define THETIS_ASSERT_LEVEL {level}\n{include(['thetis/thetis.h'])}"
    return f"{head}struct item;\n{TYPED}{CALLS}"


def controls(family, folder):
    """Lines about faults that the compiler let through, or refused for another reason."""
    (folder / "sound.h").write_text(SOUND)
    yield from complaints(family, include(["sound.h"]), folder)
    for name, language, warning, fault in CONTROLS:
        (folder / "fault.h").write_text(fault + "\n")
        standards = LANGUAGES[language][0]
        messages = list(complaints(family, include(["fault.h"]), folder, [language]))
        if len(messages) != len(standards):
            yield f"control {name}: only {len(messages)} of {len(standards)} compilations failed"
        yield from (f"control {name}: failed without naming {warning}: {m}"
                    for m in messages if not re.search(warning, m))


def check_family(tap, family, headers, include_dir):
    """All cases of one compiler."""
    cases = [(f"{family}: {name}", include([name])) for name in headers]
    cases.append((f"{family}: all headers, twice", include(headers + headers)))
    cases += [(f"{family}: assertion level {n}, typed forms", typed(n)) for n in range(4)]
    missing = [c for c in COMPILERS[family].values() if not shutil.which(c)]
    if missing:
        tap.skip(f"{family}: {len(cases)} cases", "environment", f"no {missing[0]}")
        return
    for name, text in cases:
        tap.case(name, complaints(family, text, include_dir))
    with tempfile.TemporaryDirectory() as folder:
        tap.case(f"{family}: control: faults are refused", controls(family, Path(folder)))


def main():
    """Runs all cases."""
    tap, include_dir = Tap(), ROOT / "include"
    headers = sorted(p.relative_to(include_dir).as_posix()
                     for p in (include_dir / "thetis").glob("*.h"))
    for family in COMPILERS:
        check_family(tap, family, headers, include_dir)
    tap.end()


if __name__ == "__main__":
    main()
