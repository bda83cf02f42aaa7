# SPDX-License-Identifier: MIT
"""What documentation must say: progress of every operation, change log, commit subjects."""

import re

from pathlib import PurePosixPath

from .names import public_functions
from .tree import Finding, normal

CHANGELOG = "CHANGELOG.md"
COLUMNS = 100
SUBJECT = 60
COMMITS = 20

# Words a statement of progress may begin with.
PROGRESS = ("wait-free", "lock-free", "obstruction-free", "blocking", "owner", "as ")
# The header's comment speaks for all of these.
NO_PROGRESS = {"include/thetis/atomic.h": "each is one access; the first comment says so"}
_NOT_IMPERATIVE = re.compile(r"(?:add|fix|chang|remov|updat|mak|mov|us|renam|test)(?:s|ed|es|ing)")

# A page's path in running text, and what Markdown links to inside the repository.
_PAGE = re.compile(r"(?<![\w/:.*<>{}-])((?:[\w.-]+/)*[\w-][\w.-]*\.md)\b")
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")


def progress_of(source, item):
    """The text behind @progress in the doc comment directly before, on one line; or None."""
    comment = source.comment_before(item)
    if not comment or not comment.text.startswith("/**"):
        return None
    m = re.search(r"@progress\b(.*?)(?:@|\*/)", comment.text, re.S)
    return " ".join(re.sub(r"\n\s*\*", " ", m.group(1)).split()) if m else None


def operations(tree):
    """(path, item, progress) of the public operations that must state one."""
    for path, item in public_functions(tree):
        source = tree.source(path)
        if path not in NO_PROGRESS and not _noreturn(source, item):
            yield path, item, progress_of(source, item)


def _noreturn(source, item):
    """A function that ends the program has no progress to state."""
    end = source.plain.find(";", item.start)
    return "noreturn" in source.plain[item.start:end]


def progress(tree):
    """Every public operation states its progress in a doc comment directly before it."""
    for path, item, said in operations(tree):
        if said is None:
            yield Finding(path, item.line, f"{item.name}: no doc comment with @progress")
        elif not said.startswith(PROGRESS):
            yield Finding(path, item.line, f"{item.name}: unknown word of progress: {said}")


def confirmed(tree):
    """The operations, as <stem>.<verb>, whose bounds the concurrency tester asserts."""
    models = (p for p in tree.c_files("tests/model") if PurePosixPath(p).match("model_*.[ch]"))
    return {name for path in models
            for name in re.findall(r'thetis_check_begin\("([\w.]+)"', tree.text(path))}


def claimed(tree):
    """Wait-free is a claim until a scenario asserts the bound, unless nothing shared is touched;
    and no claim any more then."""
    known = confirmed(tree)
    for path, item, said in operations(tree):
        tested = item.name.removeprefix("thetis_").replace("_", ".", 1) in known
        if said and tested and "(claimed)" in said:
            yield Finding(path, item.line, f"{item.name}: a scenario asserts it: no claim")
        if said and not tested and re.search(r"wait-free(?! \(claimed\))", said) \
                and not re.search(r"\b0 steps\b", said) and not item.name.endswith("_init"):
            yield Finding(path, item.line, f'{item.name}: say "wait-free (claimed)"')


def changelog(tree):
    """CHANGELOG.md tells what is in this version, in lines that fit a screen."""
    if not tree.has(CHANGELOG):
        yield Finding(CHANGELOG, 1, "does not exist")
        return
    header = "include/thetis/version.h"
    m = re.search(r'VERSION_STRING "([^"]+)"', tree.text(header)) if tree.has(header) else None
    wanted = "Unreleased" + (f"|{re.escape(m.group(1))}" if m else "")
    if not re.search(rf"^##\s+\[?(?:{wanted})\b", tree.text(CHANGELOG), re.M):
        yield Finding(CHANGELOG, 1, "no section for Unreleased or the current version")
    for number, line in tree.lines(CHANGELOG):
        if len(line) > COLUMNS:
            yield Finding(CHANGELOG, number, f"{len(line)} columns; {COLUMNS} allowed")


def links(tree):
    """A page that is named, or that Markdown links to, exists."""
    pages = {PurePosixPath(p).name for p in tree.files}
    for path in tree.files:
        here = PurePosixPath(path).parent
        for number, line in tree.lines(path):
            named = _PAGE.findall(line) + (_LINK.findall(line) if path.endswith(".md") else [])
            for name in sorted(set(named)):
                near = normal(here / name)
                known = tree.has(name) or tree.exists(near) or "/" not in name and name in pages
                if not known:
                    yield Finding(path, number, f"names {name}, which does not exist")


def commits(tree):
    """Commit subjects: `area: what to do`, at most 60 characters."""
    log = tree.git("log", "--no-merges", f"-{COMMITS}", "--format=%h %s") or ""
    for entry in log.splitlines():
        commit, _, subject = entry.partition(" ")
        m = re.fullmatch(r"[a-z0-9][\w ,/.+*-]*: (\S+).*[^.\s]", subject)
        if not m or len(subject) > SUBJECT or _NOT_IMPERATIVE.fullmatch(m.group(1)):
            yield Finding("commit " + commit, 0, f"not `area: imperative`, <= {SUBJECT}: {subject}")


RULES = [("progress", progress), ("claimed", claimed), ("changelog", changelog), ("links", links),
         ("commits", commits)]
