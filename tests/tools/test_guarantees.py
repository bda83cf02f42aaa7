#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests tools/guarantees.py: what it writes, and that stale tables are noticed. Prints TAP."""

import subprocess
import sys

from trees import ROOT, plus, swap, tree

from tap import Tap

README = "README.md"
MARKED = "# Demo\n\n<!-- guarantees -->\nold\n<!-- /guarantees -->\n\nEnd.\n"
SPSC_H = "include/thetis/spsc.h"


def run(root, *options):
    """The exit status and output of the command."""
    done = subprocess.run([sys.executable, str(ROOT / "tools/guarantees.py"), "--root", str(root),
                           *options], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def check_page(tap):
    """The page has a row per operation, with its progress and its tests."""
    with tree({}) as root:
        run(root)
        page = (root / "docs/guarantees.md").read_text()
    rows = ["| `thetis_spsc_push` | wait-free (claimed), 1 step | `test_spsc.c` |",
            "| `thetis_spsc_pop` | wait-free (claimed), 1 step |  |", "## thetis/spsc.h"]
    for row in rows:
        found = row in page.splitlines()
        tap.case(f"page: {row.replace('|', '').strip()}", [] if found else [page])


def check_readme(tap):
    """README's table stands between the markers; what is around them stays."""
    with tree({README: MARKED}) as root:
        run(root)
        text = (root / README).read_text()
    wanted = "| `spsc` | `push` `pop` | wait-free (claimed) |"
    good = (text.startswith("# Demo\n\n<!-- guarantees -->\n| header")
            and text.endswith("\n<!-- /guarantees -->\n\nEnd.\n")
            and wanted in text.splitlines() and "old" not in text)
    tap.case("README: table between the markers", [] if good else [text])
    with tree({README: "# Demo\n"}) as root:
        run(root)
        text = (root / README).read_text()
    tap.case("README: unchanged without markers", [] if text == "# Demo\n" else [text])


def check_stale(tap):
    """--check passes after writing, and fails after a change of what the tables say."""
    changes = {
        "nothing": (None, None, 0),
        "a bound": (SPSC_H, swap("(claimed), 1 step", "(claimed), 2 steps"), 1),
        "a test": ("tests/unit/test_spsc.c", plus("void f(void) { thetis_spsc_pop(0); }\n"), 1),
        "the page": ("docs/guarantees.md", plus("x\n"), 1),
        "README": (README, swap("`push` ", ""), 1),
    }
    for what, (path, change, status) in changes.items():
        with tree({README: MARKED}) as root:
            run(root)
            if path:
                (root / path).write_text(change((root / path).read_text()))
            got, shown = run(root, "--check")
        tap.case(f"--check after a change of {what}: {status}", [] if got == status else [shown])


def main():
    """Runs all cases."""
    tap = Tap()
    check_page(tap)
    check_readme(tap)
    check_stale(tap)
    tap.end()


if __name__ == "__main__":
    main()
