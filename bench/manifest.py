# SPDX-License-Identifier: MIT
"""What the build knows of the benchmarks: which programs exist, and which peers are missing."""

import json
from dataclasses import dataclass
from pathlib import Path

DEFAULT = Path(__file__).resolve().parent.parent / "build/host/bench/manifest.jsonl"


@dataclass(frozen=True)
class Subject:
    """One program that is measured; `missing` says why there is none."""

    stem: str
    name: str
    program: str
    missing: str


@dataclass(frozen=True)
class Manifest:
    """All subjects, and how everything was compiled."""

    build: str
    tools: str
    subjects: tuple

    def of(self, stem):
        """The subjects of a stem that were built."""
        return [s for s in self.subjects if s.stem == stem and not s.missing]

    def missing(self, stem):
        """The subjects of a stem that were not built."""
        return [s for s in self.subjects if s.stem == stem and s.missing]

    def tool(self, name):
        """The path of a helper program, such as bench-load."""
        return f"{self.tools}/{name}"


def load(path=DEFAULT):
    """Reads the file that bench/CMakeLists.txt writes; the first line is about the build."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise SystemExit(f"bench: {path} is missing: build first (make, or cmake --build)")
    head, *rest = map(json.loads, lines)
    return Manifest(head["build"], head["tools"], tuple(Subject(**row) for row in rest))
