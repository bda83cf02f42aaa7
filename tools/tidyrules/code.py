# SPDX-License-Identifier: MIT
"""What code may contain: function length, platform conditions, atomics, allocation."""

import ast
import re

from .tree import C_SUFFIXES, Finding

FUNCTION_LINES = 70

# Conditions on compiler, system or processor. control.c is a control: it is meant to be refused.
_PLATFORM = re.compile(r"""\b(
    linux | __linux\w* | unix | __unix\w* | __APPLE\w* | __MACH__ | _WIN\w+ | __CYGWIN\w*
    | __\w*BSD\w* | __DragonFly__ | __sun\w* | __QNX\w* | __ANDROID\w* | __ZEPHYR\w*
    | ESP_PLATFORM | __x86_64\w* | __i386\w* | __arm\w* | __ARM\w* | __aarch64\w* | __riscv\w*
    | __powerpc\w* | __s390\w* | __mips\w* | __xtensa\w* | __GNUC\w* | __clang\w* | __GCC\w*
    | __GLIBC\w* | _MSC_VER | __has_\w+ | __SANITIZE\w* | __BYTE_ORDER__ | __SIZEOF\w+
    )\b""", re.X)
_PLATFORM_HOMES = ("include/thetis/config.h", "include/thetis/atomic.h", "include/thetis/caps.h",
                   "src/port/", "tests/harness/scale.h", "bench/peers/", "tests/cross/control.c",
                   "check/fibre.c", "sim/probe/host.c")
# Scenarios need every order and fences, which the library has not.
_ATOMIC_HOMES = ("include/thetis/atomic.h", "bench/peers/", "tests/cross/control.c",
                 "tests/model/")

# A question at compile time is no operation.
_ATOMIC = re.compile(r"\b(__atomic_(?!always_lock_free\b)\w+|__sync_\w+"
                     r"|atomic_(?:thread|signal)_fence)\b")
_ATOMIC_C11 = re.compile(r"\b(_Atomic|stdatomic|memory_order_\w+)\b")
_ALLOCATION = re.compile(r"\b(malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup"
                         r"|alloca)\s*\(")


def function_length(tree):
    """A function has at most 70 lines."""
    for path in tree.files:
        try:
            for name, line, lines in functions(tree, path):
                if lines > FUNCTION_LINES:
                    yield Finding(path, line, f"{name}: {lines} lines; {FUNCTION_LINES} allowed")
        except SyntaxError as error:
            yield Finding(path, error.lineno, "is no Python")


def functions(tree, path):
    """(name, line, lines) of every function of a file in C or Python."""
    if path.endswith(C_SUFFIXES):
        for f in tree.source(path).functions:
            yield f.name, f.line, f.lines
    elif path.endswith(".py"):
        for node in ast.walk(ast.parse(tree.text(path), path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def platform(tree):
    """Conditions on the platform stand in four places."""
    for path in tree.c_files():
        if path.endswith(".def") or path.startswith(_PLATFORM_HOMES):
            continue
        for line, text in tree.source(path).directives:
            m = _PLATFORM.search(text) if re.match(r"#\s*(?:el)?if", text) else None
            if m:
                yield Finding(path, line, f"condition on the platform: {m.group()}")


def atomics(tree):
    """The compiler's atomics, and any fence, are used by atomic.h only."""
    for path in tree.c_files():
        if path.startswith(_ATOMIC_HOMES):
            continue
        library = path.startswith(("include/", "src/"))
        for number, line in enumerate(tree.source(path).code.split("\n"), 1):
            m = _ATOMIC.search(line) or (_ATOMIC_C11.search(line) if library else None)
            if m:
                yield Finding(path, number, f"{m.group()}: use thetis/atomic.h")


def allocation(tree):
    """The library allocates nothing, but through the port."""
    for path in tree.c_files("include", "src"):
        if path.startswith("src/port/"):
            continue
        for number, line in enumerate(tree.source(path).code.split("\n"), 1):
            m = _ALLOCATION.search(line)
            if m:
                yield Finding(path, number, f"{m.group(1)}() outside src/port")


RULES = [("function-length", function_length), ("platform", platform), ("atomics", atomics),
         ("allocation", allocation)]
