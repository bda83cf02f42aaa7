# SPDX-License-Identifier: MIT
"""The files of a source tree, read once."""

import os
import subprocess
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from csource import Source

C_SUFFIXES = (".c", ".h", ".cpp", ".hpp", ".def")
SOURCE_SUFFIXES = C_SUFFIXES + (".py", ".sh", ".cmake")
SOURCE_NAMES = ("CMakeLists.txt", "Makefile")
SKIPPED_FOLDERS = {".git", "build", "__pycache__"}


class Finding(NamedTuple):
    """One violation of a rule."""

    path: str
    line: int
    message: str


class Tree:
    """A source tree; paths are relative to its root, with slashes."""

    def __init__(self, root):
        self.root = Path(root).resolve()

    @cached_property
    def files(self):
        """All files that are, or would be, under version control, sorted."""
        return sorted(p for p in self._git_files() or self._walk() if (self.root / p).is_file())

    def git(self, *args):
        """The output of a git command, or None without git or a repository here."""
        if not (self.root / ".git").exists():
            return None
        try:
            done = subprocess.run(["git", "-C", str(self.root), *args], capture_output=True,
                                  text=True, check=False)
        except FileNotFoundError:
            return None
        return done.stdout if done.returncode == 0 else None

    def _git_files(self):
        listed = self.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return [p for p in listed.split("\0") if p] if listed else []

    def _walk(self):
        for folder, folders, names in os.walk(self.root):
            folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS]
            for name in names:
                yield (Path(folder) / name).relative_to(self.root).as_posix()

    def has(self, path):
        """Whether the tree holds this file."""
        return path in self._set

    def exists(self, path):
        """Whether the tree holds this file or folder."""
        return self.has(path) or any(p.startswith(path.rstrip("/") + "/") for p in self.files)

    @cached_property
    def _set(self):
        return set(self.files)

    @lru_cache(maxsize=None)
    def text(self, path):
        """The text of a file; empty for a file that is not text."""
        data = (self.root / path).read_bytes()
        return "" if b"\0" in data else data.decode("utf-8", "replace")

    def lines(self, path):
        """(number, line) of a file, without newlines."""
        return enumerate(self.text(path).split("\n"), 1)

    @lru_cache(maxsize=None)
    def source(self, path):
        """A C file, parsed."""
        return Source(self.text(path))

    @cached_property
    def sources(self):
        """Every file that a person programs in."""
        return [p for p in self.files
                if p.endswith(SOURCE_SUFFIXES) or PurePosixPath(p).name in SOURCE_NAMES]

    def c_files(self, *folders):
        """The C files below some folders, or all."""
        return [p for p in self.files if p.endswith(C_SUFFIXES)
                and (not folders or p.startswith(tuple(f + "/" for f in folders)))]

    @cached_property
    def public_headers(self):
        """include/thetis/*.h"""
        return [p for p in self.files
                if p.endswith(".h") and PurePosixPath(p).parent.as_posix() == "include/thetis"]


def normal(path):
    """The path without `.` and `..`."""
    parts = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def stem(path):
    """The file's name without folders and suffix."""
    return PurePosixPath(path).stem
