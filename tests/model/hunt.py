# SPDX-License-Identifier: MIT
"""hunt.py: looks for one of the faults in planted/.

The changed file is compiled, linked before the archive of the instrumented library, and the
scenarios of its structure run, with one strategy after the other until one finds it: first what the
fault names, then few schedules of each, since most faults show soon.
"""

import functools
import json
import os
import re
import subprocess
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STRATEGIES = ("random", "pct", "dfs", "dpor", "crash", "adversary")
SCHEDULES = ("50", "3000")
FIRST = "30000"  # of what the fault names: one strategy, one scenario
FLAGS = ["-std=c17", "-O1", "-w", "-fsanitize=thread", "-fsanitize-coverage=trace-pc",
         "-fno-builtin", "-D_GNU_SOURCE", "-DTHETIS_ASSERT_LEVEL=2"]


def stem(fault):
    """The structure: see models_of()."""
    return fault.name.split()[0].rstrip(":")


def plain_sources(name):
    """What the scenarios of a structure need that is not instrumented."""
    text = "".join(path.read_text() for path in models_of(name))
    systems = re.findall(r'"model/(system_\w+)[.]h"', text)
    if systems:
        return [f"tests/model/{system}.c" for system in systems]
    if any('"lin/lin.h"' in path.read_text() for path in models_of(name)):
        return [p for p in sorted(ROOT.glob("tests/lin/*.c")) if p.name != "clock.c"]
    return []


def run(*command):
    """Runs a compiler; raises with what it said."""
    done = subprocess.run([str(c) for c in command], text=True, check=False, cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout[-2000:]}")


def models_of(name):
    """The files with scenarios of a structure: model_<name>.c, and its second part."""
    files = [ROOT / f"tests/model/model_{name}.c", ROOT / f"tests/model/model_{name}_end.c"]
    return [path for path in files if path.exists()]


def scenarios_of(name):
    """The identifiers of the scenarios in the structure's files."""
    text = "".join(path.read_text() for path in models_of(name))
    return re.findall(r"^const thetis_check_scenario (\w+) =", text, re.M)


def write_main(path, name):
    """A program of one structure's scenarios."""
    names = scenarios_of(name)
    declared = "".join(f"extern const thetis_check_scenario {n};\n" for n in names)
    listed = ", ".join(f"&{n}" for n in names)
    path.write_text(f"#include <thetis/check.h>\n{declared}THETIS_CHECK_MAIN({listed})\n")


class Parts:
    """Objects that several faults need, each compiled once: what is not instrumented, and, for
    faults that are in no header, the scenarios."""

    def __init__(self, folder):
        self.folder = folder
        self.compiler = os.environ.get("CC", "cc")
        self.lock = threading.Lock()  # to hold around plain() and scenarios()

    def compiled(self, source, out, *flags):
        """The object `out` of a source."""
        run(self.compiler, *flags, "-Iinclude", "-Isrc", "-Itests", "-c", source, "-o", out)
        return out

    @functools.cache
    def plain(self, source):
        """The object of a source that is not instrumented."""
        out = self.folder / f"plain-{Path(source).stem}.o"
        return self.compiled(source, out, "-std=c17", "-O1")

    @functools.cache
    def scenarios(self, name):
        """The objects of a structure's scenarios, with the library's own headers."""
        return self.scenarios_with(name, self.folder)

    def scenarios_with(self, name, folder, *flags):
        """The same, in `folder`, with other flags."""
        main = folder / f"main-{name}.c"
        write_main(main, name)
        return [self.compiled(source, folder / f"{source.stem}.o", *FLAGS, *flags)
                for source in (main, *models_of(name))]


def build(fault, parts, tree, folder):
    """The program with the fault, in `folder`."""
    text = (ROOT / fault.path).read_text()
    if text.count(fault.old) != 1:
        raise RuntimeError(f"{fault.path} has not one such text, but {text.count(fault.old)}")
    changed = folder / fault.path
    changed.parent.mkdir(parents=True, exist_ok=True)
    changed.write_text(text.replace(fault.old, fault.new))
    near = f"-I{(ROOT / fault.path).parent}"
    if fault.path.endswith(".c"):
        objects = [parts.compiled(changed, folder / "changed.o", *FLAGS, near)]
        with parts.lock:
            objects += parts.scenarios(stem(fault))
    else:
        roots = [f"-I{folder / root}" for root in ("include", "src")]
        objects = parts.scenarios_with(stem(fault), folder, *roots, near)
    with parts.lock:
        objects += [parts.plain(source) for source in plain_sources(stem(fault))]
    archives = [next(Path(tree).rglob(f"lib{n}.a")) for n in ("thetis_instrumented",
                                                             "thetis_check")]
    run(parts.compiler, *objects, *archives, *archives, "-o", folder / "program")
    return folder / "program"


def found_by(program, strategy, schedules, scenario="*"):
    """The first verdict that the strategy finds, or None."""
    command = [program, "--json", "--strategy", strategy, "--schedules", schedules,
               "--scenario", scenario]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        for line in process.stdout:
            verdict = json.loads(line).get("found")
            if verdict:
                process.kill()
                return verdict
    if process.returncode not in (0, 1, 2):
        raise RuntimeError(f"{program} {strategy}: status {process.returncode}")
    return None


def hunt(fault, parts, tree, everyone):
    """strategy -> verdict or None; unless `everyone` is asked, up to the first that finds it."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        program = build(fault, parts, tree, Path(folder))
        if fault.first and not everyone:
            strategy, scenario = fault.first.split()
            found[strategy] = found_by(program, strategy, FIRST, scenario)
        for schedules in SCHEDULES[-1:] if everyone else SCHEDULES:
            for strategy in STRATEGIES:
                if everyone or not any(found.values()):
                    found[strategy] = found_by(program, strategy, schedules)
    return found
