# SPDX-License-Identifier: MIT
"""Who may include whom, and which files must be named where."""

import re
from pathlib import PurePosixPath

from .tree import Finding, normal, stem

# From low to high; each row may include itself and rows below. The words of the library, which
# are plain values and macros, lie below everything.
ROWS = ["words", "port", "core", "ring", "wait", "domain", "cell", "structures", "loop", "net",
        "tools", "top"]

# Folder (or file) to row; the longest match decides.
FOLDERS = {
    "src/port": "port", "src/core": "core", "src/ring": "ring", "src/wait": "wait",
    "src/domain": "domain", "src/cell": "cell", "src/queue": "structures",
    "src/map": "structures", "src/dict": "structures", "src/stm": "structures",
    "src/loop": "loop", "src/net": "net", "src/thetis.c": "top", "src/ffi.c": "top",
    "check": "tools", "sim": "tools", "examples": "top", "bench": "top", "tests": "top",
    "tools": "top",
}

# Public header to row.
HEADERS = {
    "words": "config version status atomic caps addr",
    "core": "thread hist",
    "ring": "shm spsc spsc_end bytes bytes_view bytes_end bcast latest lanes mpsc mpmc",
    "wait": "wait",
    "domain": "domain pool",
    "structures": "queue map bmap dict stm",
    "loop": "loop timer inbox",
    "net": "tcp udp unix conn",
    "tools": "sim check",
    "top": "thetis",
}
HEADER_ROW = {name: row for row, names in HEADERS.items() for name in names.split()}

# (file, header): why the row's rule does not hold here.
ALLOWED = {
    ("src/port/sys.h", "include/thetis/loop.h"): "the table of calls takes the loop's plain types",
}

# Parts of tests/ that may open internals.
OPEN_TESTS = ("tests/unit/", "tests/model/", "tests/conform/", "tests/sim/", "tests/harness/",
              "tests/fuzz/fuzz_kv.c", "tests/fuzz/fuzz_sim.c", "bench/bench_sim.c")

# What the library may use of C without an operating system, outside src/port.
FREESTANDING = set("""ctype float inttypes limits math stdalign stdarg stdbool stddef stdint stdio
    string""".split())

# What an example may use: the C library, as Linux and the BSDs have it.
LIBC = FREESTANDING | set("""arpa/inet assert complex dirent err errno fcntl fenv getopt locale
    netdb netinet/in netinet/tcp poll pthread sched semaphore setjmp signal stdatomic stdlib
    sys/mman sys/resource sys/select sys/socket sys/stat sys/time sys/types sys/uio sys/un
    sys/wait tgmath time unistd wchar""".split())

# The named exception: its backend calls this library directly.
FOREIGN = {("src/loop/backend/uring.c", "liburing.h")}

NO_UNIT_TEST = {
    "config": "macros only",
    "version": "one string, checked by the consumer tests",
    "thetis": "the umbrella",
    "check": "its tests are scenarios, in tests/model",
    "bytes_view": "the text of bytes and bytes_end, tested there",
}


def row_of(path):
    """The row of a file, or None if the table does not know its place."""
    if path.startswith("include/thetis/"):
        return "top" if path.endswith(".hpp") else HEADER_ROW.get(stem(path))
    known = [f for f in FOLDERS if path == f or path.startswith(f + "/")]
    return FOLDERS[max(known, key=len)] if known else None


def resolve(tree, path, mark, name):
    """The tree's file that an include names, or None for one from elsewhere."""
    if mark == "<":
        found = "include/" + name
        return found if tree.has(found) or name.startswith("thetis/") else None
    here = PurePosixPath(path).parent
    for folder in (here, PurePosixPath("tests"), PurePosixPath("src"), PurePosixPath("include"),
                   PurePosixPath(".")):
        found = normal(folder / name)
        if tree.has(found):
            return found
    return None


def includes(tree):
    """(path, line, mark, name, target) of every include in the tree."""
    for path in tree.c_files():
        for line, mark, name in tree.source(path).includes:
            yield path, line, mark, name, resolve(tree, path, mark, name)


def layer(tree):
    """A file includes only what lies in its own row or below."""
    for path, line, mark, name, target in includes(tree):
        if mark == '"' and target is None:
            yield Finding(path, line, f'"{name}" is no file of this tree')
        elif target and (path, target) not in ALLOWED:
            why = _wrong(path, target)
            if why:
                yield Finding(path, line, f"includes {target}: {why}")


def _wrong(path, target):
    """Why `path` may not include `target`, or None."""
    own, other = row_of(path), row_of(target)
    if own is None or other is None:
        unknown = path if own is None else target
        return f"the layer table lacks {unknown}"
    if own == "top":
        return _wrong_top(path, target, other)
    if ROWS.index(other) > ROWS.index(own):
        return f"{other} lies above {own}"
    if own == other == "structures" and _structure(path) != _structure(target):
        return "structures do not include each other"
    return None


def _structure(path):
    """Which of map, dict, queue, stm a file belongs to."""
    if not path.startswith("include/"):
        return path.split("/")[1]
    return "map" if stem(path) == "bmap" else stem(path)


def _wrong_top(path, target, other):
    """Like _wrong, for what stands above the library."""
    if path.startswith(OPEN_TESTS + ("src/", "include/")):
        return None
    own = path.split("/")[0]
    if target.startswith("include/thetis/") or target.startswith(own + "/"):
        return None
    return f"{own} uses public headers only, not {other}"


def libc(tree):
    """The library outside src/port knows no system header; examples know libc only."""
    for path, line, mark, name, target in includes(tree):
        if target or mark == '"' or (path, name) in FOREIGN:
            continue
        header = name.removesuffix(".h")
        if path.startswith("examples/") and header not in LIBC:
            yield Finding(path, line, f"examples use <thetis/*.h> and libc only: <{name}>")
        if path.startswith(("src/", "include/")) and not path.startswith("src/port/") \
                and header not in FREESTANDING and not path.endswith(".hpp"):
            yield Finding(path, line, f"system header outside src/port: <{name}>")


def listed(tree):
    """Every source is in sources.cmake and the unity file, every entry exists, every internal
    header is included somewhere."""
    cmake = "src/sources.cmake"
    entries = re.findall(r"\bsrc/[\w/]+\.c\b", tree.text(cmake)) if tree.has(cmake) else []
    for path in sorted(set(entries)):
        if not tree.has(path):
            yield Finding(cmake, 1, f"names {path}, which does not exist")
    targets = {(path, target) for path, _, _, _, target in includes(tree)}
    for path in tree.c_files("src"):
        if path.endswith(".c") and not path.startswith(("src/port/", "src/ffi.c", "src/thetis.c")):
            if path not in entries:
                yield Finding(path, 1, f"dead file: not in {cmake}")
            if tree.has("src/thetis.c") and ("src/thetis.c", path) not in targets:
                yield Finding(path, 1, "not in the unity file src/thetis.c")
        if path.endswith(".h") and not any(target == path for _, target in targets):
            yield Finding(path, 1, "dead file: included nowhere")


def umbrella(tree):
    """thetis.h includes every public header of the library."""
    whole = "include/thetis/thetis.h"
    if not tree.has(whole):
        return
    named = {name for _, _, name in tree.source(whole).includes}
    for path in tree.public_headers:
        if path != whole and row_of(path) != "tools" and path.removeprefix("include/") not in named:
            yield Finding(path, 1, f"not in {whole}")


def tested(tree):
    """Every stem with a public header has a unit test."""
    for path in tree.public_headers:
        test = f"tests/unit/test_{stem(path)}.c"
        if stem(path) not in NO_UNIT_TEST and not tree.has(test):
            yield Finding(path, 1, f"has no {test}")


RULES = [("layer", layer), ("libc", libc), ("listed", listed), ("umbrella", umbrella),
         ("tested", tested)]
