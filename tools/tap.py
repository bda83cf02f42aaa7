# SPDX-License-Identifier: MIT
"""Prints results in the Test Anything Protocol, as the C harness does."""

import sys


class Tap:
    """Counts cases; each is one line, its diagnosis follows as comments."""

    def __init__(self):
        self.count = 0
        self.failed = 0
        print("TAP version 13")

    def case(self, name, problems=()):
        """Reports a case; `problems` are lines, none means that it passed."""
        problems = list(problems)
        self.count += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}")
        for problem in problems:
            for line in str(problem).splitlines():
                print(f"# {line}")

    def skip(self, name, kind, reason):
        """Reports a case that cannot run here; kind is unsupported, emulator or environment."""
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {kind}({reason})")

    def end(self):
        """Prints the plan and ends the program."""
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)
