#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""consume.py: the ways in which a user gets the library, tried like a user. Prints TAP.

    tests/consume/consume.py

Installs into a temporary prefix, moves that somewhere else, and builds and runs a small program
through find_package, add_subdirectory and pkg-config, in C and C++, and from the single unit
src/thetis.c. Then looks at the symbols of the shared library.
"""
import os
import pathlib
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from tap import Tap  # noqa: E402
from symbols import FORBIDDEN  # noqa: E402

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wstrict-prototypes",
          "-Werror"]
VERSION = re.search(r'VERSION_STRING "(.*)"', (ROOT / "include/thetis/version.h").read_text())[1]
LIBRARY_ONLY = [f"-DTHETIS_{part}=OFF" for part in ("TESTS", "BENCH", "EXAMPLES", "TOOLS", "CHECK")]
NODE = "THETIS_" + ".".join(VERSION.split(".")[:2])


class Failed(Exception):
    """A command did not do what a user may expect."""


def run(*command, cwd=None, env=None):
    """Run a command; return what it printed, or raise Failed with it."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env={**os.environ, **(env or {})}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Failed(f"{shlex.join(words)}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def expect(condition, complaint):
    """Raise Failed unless the condition holds."""
    if not condition:
        raise Failed(complaint)


def runs(program, env=None):
    """The program says the library's version."""
    said = run(program, env=env).strip()
    expect(said == VERSION, f"{program} printed {said!r}, not {VERSION}")


def cmake(source, tree, *options):
    """Configure and build a project; return what CMake printed."""
    said = run("cmake", "-S", source, "-B", tree, "-DCMAKE_BUILD_TYPE=Release", *options)
    run("cmake", "--build", tree)
    return said


# ---- cases: each takes the scratch folder --------------------------------------------------------

def install(scratch):
    """install puts every public header, and the prefix can be moved"""
    cmake(ROOT, scratch / "tree", *LIBRARY_ONLY)
    run("cmake", "--install", scratch / "tree", "--prefix", scratch / "first")
    (scratch / "first").rename(scratch / "prefix")
    shutil.rmtree(scratch / "tree")
    installed = {path.name for path in (scratch / "prefix/include/thetis").iterdir()}
    expect(installed == {path.name for path in (ROOT / "include/thetis").iterdir()},
           f"installed headers: {sorted(installed)}")


def find(form):
    """The case of find_package for one form of the library."""
    def case(scratch):
        tree = scratch / f"find_{form}"
        cmake(HERE / "cmake_find", tree, f"-DFORM={form}",
              f"-DCMAKE_PREFIX_PATH={scratch / 'prefix'}")
        runs(tree / "user_c")
        runs(tree / "user_cxx")
        linked = "libthetis" in run("readelf", "-d", tree / "user_c")
        expect(linked == (form == "shared"), f"user_c links the wrong form: shared is {linked}")
    case.__doc__ = f"find_package(thetis COMPONENTS {form}), C and C++"
    return case


def subdirectory(scratch):
    """add_subdirectory brings the library alone, and no name without prefix"""
    tree = scratch / "sub"
    said = cmake(HERE / "cmake_sub", tree, f"-DTHETIS_TREE={ROOT}")
    runs(tree / "user")
    options = re.search("added options: (.*)", said)[1].split(";")
    targets = re.search("added targets: (.*)", said)[1].split(";")
    foreign = [o for o in options if not re.match(r"(?i)thetis|CMAKE_|FETCHCONTENT_", o)]
    expect(not foreign, f"options without prefix: {foreign}")
    expect(sorted(targets) == ["thetis_shared", "thetis_static"], f"targets: {targets}")
    expect(not list(tree.rglob("libthetis.so*")), "built what nobody links")


def package_config(scratch, *options):
    """The words that pkg-config answers."""
    found = sorted((scratch / "prefix").rglob("thetis.pc"))
    expect(len(found) == 1, f"pkg-config files: {found}")
    return shlex.split(run("pkg-config", *options, "thetis",
                           env={"PKG_CONFIG_PATH": str(found[0].parent)}))


def pkgconfig_shared(scratch):
    """pkg-config, shared, C and C++"""
    words = package_config(scratch, "--cflags", "--libs")
    library = next(word[2:] for word in words if word.startswith("-L"))
    for compiler, source in (("gcc", "program.c"), ("g++", "cxx/program.cpp")):
        run(compiler, HERE / source, *words, "-o", scratch / "pc_shared")
        runs(scratch / "pc_shared", env={"LD_LIBRARY_PATH": library})


def pkgconfig_static(scratch):
    """pkg-config --static"""
    words = package_config(scratch, "--static", "--cflags", "--libs")
    run("gcc", "-static", HERE / "program.c", *words, "-o", scratch / "pc_static")
    runs(scratch / "pc_static")


def absolute(scratch):
    """directories that a packager gives as absolute paths, and an assertion level"""
    prefix = scratch / "absolute"
    cmake(ROOT, scratch / "absolute_tree", *LIBRARY_ONLY, "-DTHETIS_ASSERT_LEVEL=3",
          f"-DCMAKE_INSTALL_LIBDIR={prefix}/l", f"-DCMAKE_INSTALL_INCLUDEDIR={prefix}/i")
    run("cmake", "--install", scratch / "absolute_tree", "--prefix", prefix)
    words = run("pkg-config", "--cflags", "--libs", "thetis",
                env={"PKG_CONFIG_PATH": f"{prefix}/l/pkgconfig"}).split()
    expect(words == [f"-I{prefix}/i", "-DTHETIS_ASSERT_LEVEL=3", f"-L{prefix}/l", "-lthetis"],
           f"pkg-config says {words}")
    tree = scratch / "find_absolute"
    cmake(HERE / "cmake_find", tree, "-DFORM=shared", f"-Dthetis_DIR={prefix}/l/cmake/thetis")
    runs(tree / "user_c")


def single(compiler, *options):
    """The case of the single unit for one compiler; the second option is a library."""
    def case(scratch):
        unit = scratch / f"single_{compiler}.o"
        program = scratch / f"single_{compiler}"
        include = f"-I{ROOT / 'include'}"
        run(compiler, "-std=c17", "-O2", *STRICT, *options[:1], include, "-c",
            ROOT / "src/thetis.c", "-o", unit)
        run(compiler, "-std=c17", "-O2", include, HERE / "program.c", unit, *options[1:],
            "-o", program)
        runs(program)
        expect(not FORBIDDEN.search(run("nm", "-u", unit)), "the unit needs library atomics")
    case.__doc__ = " ".join(["one command builds the library:", compiler, *options])
    return case


def declared(keyword):
    """The library's functions that the headers declare with THETIS_API or THETIS_INLINE."""
    pattern = re.compile(keyword + r"\b(?:[^;{}()]|__attribute__\(\(.*?\)\))*?\b(thetis_\w+)\(")
    names = set()
    for header in (ROOT / "include/thetis").glob("*.h"):
        if header.stem in ("check", "sim"):  # libraries of their own
            continue
        names.update(pattern.findall(re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)))
    return names


def symbols(scratch):
    """libthetis.so exports what the headers declare, versioned, and nothing else"""
    shared = next((scratch / "prefix").rglob("libthetis.so"))
    listed = run("nm", "-D", "--defined-only", shared).splitlines()
    entries = [line.split()[-1] for line in listed if f" A {NODE}" not in line]
    wrong = [e for e in entries if not re.fullmatch(rf"thetis_\w+@@{re.escape(NODE)}", e)]
    expect(not wrong, f"off-prefix or unversioned: {wrong}")
    exported = {entry.split("@")[0] for entry in entries}
    functions, inlines = declared("THETIS_API"), declared("THETIS_INLINE")
    expect(inlines and inlines <= exported, f"inlines not exported: {sorted(inlines - exported)}")
    expect(functions <= exported, f"declared, not exported: {sorted(functions - exported)}")
    extra = exported - functions - inlines
    expect(not extra, f"exported, not declared: {sorted(extra)}")


def soname(scratch):
    """libthetis.so has its soname and no library atomics"""
    shared = next((scratch / "prefix").rglob("libthetis.so"))
    expect(f"[libthetis.so.{VERSION.split('.')[0]}]" in run("readelf", "-d", shared), "soname")
    expect(not FORBIDDEN.search(run("nm", "-D", "-u", shared)), "library atomics")


def wide(compiler):
    """The case of the compare-and-swap of two words for one compiler."""
    instructions = {"x86_64": "lock cmpxchg16b", "aarch64": "stlxp"}.get(platform.machine())

    def case(scratch):
        code = run("objdump", "-d", "--no-show-raw-insn", scratch / f"single_{compiler}.o")
        function, count = "", {}
        for line in code.splitlines():
            entry = re.match(r"[0-9a-f]+ <([\w.]+)>:", line)
            function = entry.group(1) if entry else function
            if instructions and instructions in re.sub(r"\s+", " ", line):
                count[function] = count.get(function, 0) + 1
        expect(not instructions or "tht_mpmc_take" in count and "track_put" in count,
               f"no {instructions} in the operations of mpmc, but in {sorted(count)}")
        expect(all(re.match("tht_mpmc_|tht_cell_|track_", f) for f in count),
               f"{instructions} in {sorted(count)}")
    case.__doc__ = f"two words are compared and swapped by an instruction: {compiler}"
    return case


CASES = [
    (install, ["cmake", "gcc"]),
    (find("shared"), ["cmake", "g++", "readelf"]),
    (find("static"), ["cmake", "g++", "readelf"]),
    (subdirectory, ["cmake", "gcc"]),
    (pkgconfig_shared, ["pkg-config", "g++"]),
    (pkgconfig_static, ["pkg-config", "gcc"]),
    (absolute, ["pkg-config", "cmake", "g++"]),
    (single("gcc"), ["gcc", "nm"]),
    (single("clang"), ["clang", "nm"]),
    (single("gcc", "-DTHETIS_URING", "-luring"), ["gcc", "nm"]),
    (wide("gcc"), ["gcc", "objdump"]),
    (wide("clang"), ["clang", "objdump"]),
    (symbols, ["nm"]),
    (soname, ["nm", "readelf"]),
]


def main(cases):
    """Runs (case, the tools that it needs) in turn, in one scratch folder."""
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="thetis-consume-") as scratch:
        for case, tools in cases:
            lacking = [tool for tool in tools if shutil.which(tool) is None]
            if lacking:
                tap.skip(case.__doc__, "environment", f"no {lacking[0]}")
                continue
            problems = []
            try:
                case(pathlib.Path(scratch))
            except (Failed, StopIteration) as problem:
                problems = [problem if str(problem) else "a file is not installed"]
            tap.case(case.__doc__, problems)
    tap.end()


if __name__ == "__main__":
    main(CASES)
