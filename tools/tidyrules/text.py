# SPDX-License-Identifier: MIT
"""Sizes, white space and words: rules that hold for text of any kind."""

import re
from pathlib import PurePosixPath

from .tree import Finding, C_SUFFIXES

FILE_LINES = 600
EXAMPLE_LINES = {"examples/relay.c": 200, "examples/relay_udp.c": 200}  # the others: 100
COLUMNS = 100
FILE_BYTES = 1 << 20
SPDX = "SPDX-License-" + "Identifier: MIT"

# White space is data there.
_DATA = re.compile(r"/corpus/|\.(?:patch|diff)$")

# The words are spelled in halves so that this file does not contain them.
_LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
# The first of them is also a word of the Test Anything Protocol.
_TAP = re.compile(r"SKIP\||\bok \d+ - ")
_MACHINE = re.compile(r"(?<![\w.})/:*-])/(?:work|root|home/[a-z]\w*)(?=[/\s\"'`]|$)")
_REGISTRY = re.compile(r"https?://[^/\s\"']*(?:artifactory|nexus|pypi|pythonhosted|npmjs|registry"
                       r"|\.internal|\.corp|\.lan)\b")


def file_length(tree):
    """A source file has one subject: at most 600 lines."""
    for path in tree.sources:
        lines = tree.text(path).count("\n")
        if lines > FILE_LINES:
            yield Finding(path, FILE_LINES + 1, f"{lines} lines; {FILE_LINES} allowed")


def example_length(tree):
    """An example has at most 100 lines; the relays 200."""
    for path in tree.c_files("examples"):
        lines, allowed = tree.text(path).count("\n"), EXAMPLE_LINES.get(path, 100)
        if lines > allowed and path.count("/") == 1:
            yield Finding(path, allowed + 1, f"{lines} lines; {allowed} allowed")


def columns(tree):
    """A source line has at most 100 columns."""
    for path in tree.sources:
        for number, line in tree.lines(path):
            if len(line) > COLUMNS:
                yield Finding(path, number, f"{len(line)} columns; {COLUMNS} allowed")


def blanks(tree):
    """No tabs (but in makefiles), no space at a line's end, no CR, one newline at the end."""
    for path in tree.files:
        if _DATA.search(path):
            continue
        text = tree.text(path)
        tabs = PurePosixPath(path).name == "Makefile" or path.endswith(".mk")
        for number, line in tree.lines(path):
            if line.endswith("\r"):
                yield Finding(path, number, "carriage return")
            elif line != line.rstrip():
                yield Finding(path, number, "space at the end of the line")
            if "\t" in line and not tabs:
                yield Finding(path, number, "tab")
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield Finding(path, text.count("\n") + 1, "a file ends with exactly one newline")


def spdx(tree):
    """Every source names its licence in its first lines; C files begin with that comment."""
    for path in tree.sources:
        head = tree.text(path).split("\n", 3)[:3]
        if not any(SPDX in line for line in head):
            yield Finding(path, 1, f"no `{SPDX}` in the first three lines")
        elif path.endswith(C_SUFFIXES) and SPDX not in head[0]:
            yield Finding(path, 1, "the licence line is not the first")


def later(tree):
    """Nothing is left for later in the code."""
    for finding, line in _matches(tree, _LATER, "do it, or open an issue"):
        if not _TAP.search(line):
            yield finding


def machine(tree):
    """No path and no package host of the machine that somebody built on."""
    for pattern, message in [(_MACHINE, "absolute path of a build machine"),
                             (_REGISTRY, "package registry's address")]:
        for finding, _ in _matches(tree, pattern, message):
            yield finding


def _matches(tree, pattern, message):
    """(finding, line) of the first match in each line of the tree."""
    for path in tree.files:
        for number, line in tree.lines(path):
            m = pattern.search(line)
            if m:
                yield Finding(path, number, f"{message}: {m.group()}"), line


def big(tree):
    """No file above 1 MiB."""
    for path in tree.files:
        size = (tree.root / path).stat().st_size
        if size > FILE_BYTES:
            yield Finding(path, 1, f"{size} bytes; {FILE_BYTES} allowed")


RULES = [("file-length", file_length), ("example-length", example_length), ("columns", columns),
         ("blanks", blanks), ("spdx", spdx), ("later", later), ("machine", machine),
         ("big", big)]
