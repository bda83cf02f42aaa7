#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tester.py: the concurrency tester as a user gets it, outside of our tree. Prints TAP.

    tests/consume/tester.py

Installs into a temporary prefix, then builds and runs, with gcc and clang: examples/check through
pkg-config and find_package, the program of docs/check.md by the commands that stand there, and
scenarios over one of the library's structures, and in C++.
"""
import re
import shlex
import shutil
import subprocess

from consume import HERE, ROOT, STRICT, cmake, expect, main, run

WITHOUT_TESTS = [f"-DTHETIS_{part}=OFF" for part in ("TESTS", "BENCH", "EXAMPLES", "TOOLS")]
FEW = ["--schedules", "1000", "--search", "500"]
GUIDE = (ROOT / "docs/check.md").read_text()
BUG, CURE = "memory_order_relaxed); /* the bug */", "memory_order_release);"


def fails(command, cwd=None, status=1):
    """What a command prints that must end with this status."""
    done = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT)
    expect(done.returncode == status, f"{command}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def says(text, *patterns):
    """The text has a line for each pattern."""
    for pattern in patterns:
        expect(re.search(pattern, text, re.M), f"no line '{pattern}' in:\n{text}")


def installed(scratch, name):
    """The one file of that name in the prefix."""
    return next((scratch / "prefix").rglob(name))


def block(language):
    """The first block of the guide in that language."""
    return re.search(rf"^```{language}\n(.*?)^```", GUIDE, re.M | re.S)[1]


def package_config(scratch, option):
    """The words that pkg-config answers."""
    folder = str(installed(scratch, "thetis-check.pc").parent)
    return shlex.split(run("pkg-config", option, "thetis-check", env={"PKG_CONFIG_PATH": folder}))


def build(scratch, compiler, source, program):
    """Compiles and links one program of scenarios by pkg-config, in two commands."""
    run(compiler, "-std=c17", *STRICT, *package_config(scratch, "--cflags"), "-c", source, "-o",
        scratch / "scenarios.o")
    run(compiler, scratch / "scenarios.o", *package_config(scratch, "--libs"), "-o", program)


# ---- cases: each takes the scratch folder --------------------------------------------------------

def install(scratch):
    """install puts the tester beside the library, and the prefix can be moved"""
    cmake(ROOT, scratch / "tree", *WITHOUT_TESTS)
    run("cmake", "--install", scratch / "tree", "--prefix", scratch / "first")
    (scratch / "first").rename(scratch / "prefix")
    shutil.rmtree(scratch / "tree")
    for name in ("libthetis_check.a", "libthetis_instrumented.a", "thetis-check.pc", "check.h"):
        installed(scratch, name)


def left_out(option):
    """The case of a tree that must not have the tester."""
    def case(scratch):
        tree = scratch / "without"
        run("cmake", "-S", ROOT, "-B", tree, *WITHOUT_TESTS, "-DTHETIS_MODEL=ON", option)
        targets = run("cmake", "--build", tree, "--target", "help")
        shutil.rmtree(tree)
        expect("thetis_static" in targets, f"no list of targets:\n{targets}")
        expect("thetis_tester" not in targets, "the tester is built")
    case.__doc__ = f"no tester with {option}"
    return case


def by_pkgconfig(compiler):
    """The case of the example by pkg-config."""
    def case(scratch):
        program = scratch / f"stack_{compiler}"
        build(scratch, compiler, ROOT / "examples/check/stack_check.c", program)
        says(run(program), r"^pass +stack-push-take ", r"^tight +stack\.take ",
             r"^expected control-stack-pop .* use after free by ", "^2 passed, 0 failed$")
    case.__doc__ = f"examples/check by pkg-config, {compiler}"
    return case


def by_find_package(compiler):
    """The case of the example by CMake."""
    def case(scratch):
        source, tree = scratch / f"project_{compiler}", scratch / f"project_{compiler}_tree"
        shutil.copytree(ROOT / "examples/check", source)
        cmake(source, tree, f"-DCMAKE_PREFIX_PATH={scratch / 'prefix'}",
              f"-DCMAKE_C_COMPILER={compiler}")
        says(run("ctest", cwd=tree), "^100% tests passed")
        expect("tsan" not in run("readelf", "-d", tree / "stack_check"), "links the sanitizer")
    case.__doc__ = f"examples/check by find_package(thetis COMPONENTS check), {compiler}"
    return case


def guide(compiler):
    """The case of the guide's program and commands."""
    def case(scratch):
        folder = scratch / f"guide_{compiler}"
        folder.mkdir()
        (folder / "ring.c").write_text(block("c"))
        library = installed(scratch, "libthetis_check.a").parent
        commands = block("sh").replace("/usr/local/lib", str(library))
        commands = commands.replace("/usr/local", str(scratch / "prefix"))
        commands = re.sub(r"^cc ", f"{compiler} ", commands, flags=re.M)
        printed = fails(["sh", "-e", "-c", commands], cwd=folder)
        failure = re.search(r"^ring: race: .*\n    at ring\.c:\d+$", block("text"), re.M)[0]
        says(printed, re.escape(failure), "^fail +ring ")
        replay = shlex.split(re.search(r"^replay: (.*)", printed, re.M)[1])
        says(fails(replay, cwd=folder), re.escape(failure))
    case.__doc__ = f"the guide's program fails as the guide says, and its replay too, {compiler}"
    return case


def corrected(scratch):
    """the guide's program passes without its bug, and needs each of its orders"""
    text = block("c")
    expect(BUG in text, "no bug in the guide's program")
    (scratch / "ring.c").write_text(text.replace(BUG, CURE))
    build(scratch, "gcc", scratch / "ring.c", scratch / "ring")
    says(run(scratch / "ring", *FEW), "^pass +ring ", "^1 passed, 0 failed$")
    says(run(scratch / "ring", *FEW, "--mutate"), "^4 killed, 0 equivalent, 0 survived$")


def needless(scratch):
    """an order that nobody needs survives, and is a failure"""
    text = block("c").replace(BUG, CURE)
    own = "atomic_load_explicit(&tail, memory_order_relaxed)"
    expect(text.count(own) == 1, "push does not load its own word once")
    (scratch / "needless.c").write_text(text.replace(own, own.replace("relaxed", "acquire")))
    build(scratch, "gcc", scratch / "needless.c", scratch / "needless")
    said = fails([scratch / "needless", *FEW, "--mutate"])
    says(said, r"^survived +\S*needless\.c:9: load acquire to relaxed$",
         "^4 killed, 0 equivalent, 1 survived$")


def refused(scratch):
    """a program that was compiled without the flags, or linked with the sanitizer, does not run"""
    (scratch / "bare.c").write_text(block("c"))
    libs = package_config(scratch, "--libs")
    include = f"-I{scratch / 'prefix/include'}"
    for flags, said in ([], "^nothing was compiled for it"), \
                       (["-fsanitize=thread"], "^linked with -fsanitize=thread"):
        run("gcc", "-std=c17", *flags, include, scratch / "bare.c", *libs, "-o",
            scratch / "bare")
        says(fails([scratch / "bare"], status=2), said)


def structures(compiler):
    """The case of scenarios over the installed library."""
    def case(scratch):
        program = scratch / f"spsc_{compiler}"
        build(scratch, compiler, HERE / "tester/spsc_check.c", program)
        says(run(program, *FEW), "^pass +buffers ", "^expected control-contract ",
             "^tight +buffers.pop ", "^tight +buffers.check +2 of 2 steps$",
             "^3 passed, 0 failed$")
    case.__doc__ = f"a user's scenarios over an instrumented ring of ours, {compiler}"
    return case


def cxx(compiler):
    """The case of scenarios in C++."""
    def case(scratch):
        unit, program = scratch / "box.o", scratch / f"box_{compiler}"
        run(compiler, "-std=c++17", *package_config(scratch, "--cflags"), "-c",
            HERE / "tester/box_check.cpp", "-o", unit)
        run(compiler, unit, *package_config(scratch, "--libs"), "-static-libstdc++",
            "-static-libgcc", "-o", program)
        says(run(program, *FEW), "^pass +box ", "^expected control-box-race ",
             "^expected control-box-leak ", "^3 passed, 0 failed$")
    case.__doc__ = f"scenarios in C++, {compiler}"
    return case


CASES = [
    (install, ["cmake", "gcc"]),
    (left_out("-DTHETIS_SANITIZE=thread"), ["cmake"]),
    (left_out("-DTHETIS_COVERAGE=ON"), ["cmake"]),
    (left_out("-DCMAKE_SYSTEM_NAME=Linux"), ["cmake"]), # which is how CMake is told to cross
    *((case(compiler), ["cmake", "pkg-config", "readelf", "addr2line", "gcc", compiler])
      for case in (by_pkgconfig, by_find_package, guide, structures)
      for compiler in ("gcc", "clang")),
    (corrected, ["pkg-config", "gcc", "addr2line"]),
    (needless, ["pkg-config", "gcc", "addr2line"]),
    (refused, ["pkg-config", "gcc"]),
    *((cxx(compiler), ["pkg-config", "addr2line", compiler]) for compiler in ("g++", "clang++")),
]


if __name__ == "__main__":
    main(CASES)
