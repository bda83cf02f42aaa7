# SPDX-License-Identifier: MIT
"""Reads C source far enough for style checks: comments, directives, top-level items.

No compiler is needed. The one assumption about style is that a function's braces stand at
column 0; a file that breaks it is still read, by counting braces.
"""

import bisect
import re
from dataclasses import dataclass, field
from functools import cached_property

_TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
_DECLS = re.compile(r"\b(THETIS_BEGIN_DECLS|THETIS_END_DECLS)\b|\bextern\s+\"C\"\s*\{")
_ATTRIBUTE = re.compile(r"\b__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")
_TYPE_WORDS = {"void", "int", "char", "unsigned", "return", "sizeof", "if", "while", "for"}


def _blank(match):
    """Spaces in place of the text, so that offsets and lines stay what they are."""
    return re.sub(r"[^\n]", " ", match.group())


def _blank_token(match):
    """Like _blank, but keeps a literal's quotes: `#include ""` stays an include."""
    text = match.group()
    if text[0] in "\"'":
        return text[0] + " " * (len(text) - 2) + text[0]
    return _blank(match)


@dataclass
class Comment:
    """One comment with its first line (from 1) and the offset behind its end."""

    line: int
    text: str
    end: int


@dataclass
class Item:
    """One top-level declaration or definition."""

    kind: str  # function, macro, typedef, tag, variable
    name: str
    line: int
    last: int
    start: int
    head: str  # the text before the body, attributes removed
    body: str = ""  # with its braces; empty for a declaration

    @property
    def lines(self):
        """Length, signature and braces included."""
        return self.last - self.line + 1

    @property
    def internal(self):
        """Whether the name's final underscore says that users must not touch it."""
        return self.name.endswith("_")

    @property
    def static(self):
        """Whether other files cannot see it."""
        return bool(re.search(r"\bstatic\b", self.head))


@dataclass
class Source:
    """The text of one C file, and what can be read from it."""

    text: str
    _starts: list = field(default_factory=list)

    def __post_init__(self):
        self._starts = [0] + [m.end() for m in re.finditer("\n", self.text)]

    def line_of(self, offset):
        """The line, from 1, of an offset."""
        return bisect.bisect_right(self._starts, offset)

    @cached_property
    def code(self):
        """The text with comments and the insides of literals blanked."""
        return _TOKEN.sub(_blank_token, self.text)

    @cached_property
    def comments(self):
        """All comments in order."""
        return [Comment(self.line_of(m.start()), m.group(), m.end())
                for m in _TOKEN.finditer(self.text) if m.group()[0] == "/"]

    @cached_property
    def directives(self):
        """(line, text) of each preprocessor directive, continuation lines joined."""
        found = []
        for m in _DIRECTIVE.finditer(self.code):
            text = self.code[m.start():m.end()].replace("\\\n", " ")
            found.append((self.line_of(m.start() + len(m.group()) - len(m.group().lstrip())),
                          text.strip()))
        return found

    @cached_property
    def includes(self):
        """(line, "<" or '"', path) of each include."""
        found = []
        for line, text in self.directives:
            if re.match(r"#\s*include\b", text):
                raw = self.text[self._starts[line - 1]:].split("\n", 1)[0]
                m = re.search(r"include\s*([<\"])([^>\"]+)[>\"]", raw)
                if m:
                    found.append((line, m.group(1), m.group(2)))
        return found

    @cached_property
    def macros(self):
        """(line, name) of each macro definition."""
        found = []
        for line, text in self.directives:
            m = re.match(r"#\s*define\s+(\w+)", text)
            if m:
                found.append((line, m.group(1)))
        return found

    @cached_property
    def plain(self):
        """The code without directives and language brackets: declarations only."""
        code = _DIRECTIVE.sub(_blank, self.code)
        return _DECLS.sub(_blank, code)

    @cached_property
    def items(self):
        """Top-level items in order."""
        found, at = [], 0
        while True:
            m = re.compile(r"\S").search(self.plain, at)
            if not m:
                return found
            at = self._item_end(m.start())
            item = self._item(m.start(), at)
            if item:
                found.append(item)

    def _item_end(self, start):
        """The offset behind the item at `start`: behind a `;`, or behind a function's body."""
        at = start
        while True:
            m = re.compile(r"[;{]").search(self.plain, at)
            if not m:
                return len(self.plain)
            if m.group() == ";":
                return m.end()
            at = self._body_end(m.start())
            if self._is_function(self.plain[start:m.start()]):
                return at

    def _body_end(self, brace):
        """The offset behind the brace that closes the one at `brace`."""
        if brace == 0 or self.plain[brace - 1] == "\n":
            m = re.compile(r"^\}", re.M).search(self.plain, brace)
            return m.end() if m else len(self.plain)
        depth = 0
        for m in re.compile(r"[{}]").finditer(self.plain, brace):
            depth += 1 if m.group() == "{" else -1
            if depth == 0:
                return m.end()
        return len(self.plain)

    @staticmethod
    def _is_function(head):
        """Whether the text before a brace is a function's signature."""
        return _ATTRIBUTE.sub("", head).rstrip().endswith(")")

    def _item(self, start, end):
        """The item in [start, end), or None for a stray `;` or `}`."""
        text = self.plain[start:end]
        if text in (";", "}", "};"):
            return None
        brace = text.find("{")
        head = _ATTRIBUTE.sub("", text[:brace] if brace >= 0 else text).rstrip("; \n")
        kind, name = _classify(head, brace >= 0, text)
        body = text[brace:] if brace >= 0 else ""
        return Item(kind, name, self.line_of(start), self.line_of(end - 1), start, head, body)

    @property
    def functions(self):
        """Function definitions; a test case `TEST(name) {...}` is one."""
        return [i for i in self.items if i.body and i.kind in ("function", "macro")]

    def comment_before(self, item):
        """The comment that ends directly before an item, or None."""
        for c in self.comments:
            if c.end <= item.start and not self.text[c.end:item.start].strip():
                return c
        return None


def _classify(head, has_body, text):
    """(kind, name) of an item from its head, the text before a body or `;`."""
    if re.match(r"typedef\b", head):
        m = re.search(r"(\w+)\s*(?:\([^;]*\)|\[[^;]*\])?\s*;?\s*$", _ATTRIBUTE.sub("", text))
        return "typedef", m.group(1) if m else ""
    if "=" in _without_groups(head):
        m = re.search(r"(\w+)\s*(?:\[[^=]*\])*\s*=", head)
        return "variable", m.group(1) if m else ""
    if head.endswith(")"):
        return _classify_call(head)
    m = re.match(r"(?:static\s+)?(?:struct|union|enum)\s+(\w+)\s*$", head)
    if m:
        return "tag", m.group(1)
    m = re.search(r"(\w+)\s*(?:\[.*\])*\s*$", head, re.S)
    return "variable", m.group(1) if m and not has_body else ""


def _without_groups(head):
    """The text without what stands in parentheses."""
    while "(" in head:
        shorter = re.sub(r"\([^()]*\)", "", head)
        if shorter == head:
            break
        head = shorter
    return head


def _classify_call(head):
    """(kind, name) of a head that ends in a parameter list."""
    depth = 0
    for at in range(len(head) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(head[at], 0)
        if depth == 0:
            break
    m = re.search(r"(\w+)\s*$", head[:at])
    if not m or m.group(1) in _TYPE_WORDS:
        return "variable", ""
    before = head[:m.start()].strip()
    if not before or m.group(1).isupper():
        inside = head[at + 1:-1].strip()
        return "macro", f"{m.group(1)}({inside})"
    return "function", m.group(1)
