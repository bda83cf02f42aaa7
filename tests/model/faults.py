#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""faults.py: algorithm faults planted in the library; each must be found. TAP.

    tests/model/faults.py BUILD [--only NAME] [--table | --json]

BUILD is the tree of the preset `check`. A fault is a change of one piece of the library's text;
they stand in planted/, one file for each structure. The changed file is compiled, linked before
the archive of the instrumented library, and the scenarios of its structure run, with one strategy
after the other until one finds it; with each for --table and --json, which say who finds what.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from planted import all_faults  # noqa: E402
from tap import Tap  # noqa: E402

STRATEGIES = ("random", "pct", "dfs", "dpor", "crash", "adversary")
SCHEDULES = "3000"
FLAGS = ["-std=c17", "-O1", "-g", "-w", "-fsanitize=thread", "-fsanitize-coverage=trace-pc",
         "-fno-builtin", "-D_GNU_SOURCE", "-DTHETIS_ASSERT_LEVEL=2"]


def stem(fault):
    """The structure: see models_of()."""
    return fault.name.split()[0].rstrip(":")


def plain_sources(name):
    """What the scenarios of a structure need that is not instrumented."""
    if name in ("wake", "wait"):
        return [f"tests/model/system_{name}.c"]
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


def compile_all(sources, out, includes):
    """The objects of instrumented sources, in the folder `out`."""
    out.mkdir(parents=True)
    objects = [out / f"{k}.o" for k in range(len(sources))]
    for source, made in zip(sources, objects):
        run(os.environ.get("CC", "cc"), *FLAGS, *includes, "-c", source, "-o", made)
    return objects


def compile_plain(name, out):
    """The objects of what is not instrumented."""
    sources = plain_sources(name)
    objects = [out / f"plain{k}.o" for k in range(len(sources))]
    for source, made in zip(sources, objects):
        run(os.environ.get("CC", "cc"), "-std=c17", "-O1", "-Iinclude", "-Isrc", "-Itests", "-c",
            source, "-o", made)
    return objects


def changed_text(fault):
    """The file with the fault."""
    text = (ROOT / fault.path).read_text()
    if text.count(fault.old) != 1:
        raise RuntimeError(f"{fault.path} has not one such text, but {text.count(fault.old)}")
    return text.replace(fault.old, fault.new)


def build(fault, tree, folder):
    """The program with the fault, in `folder`."""
    changed = folder / fault.path
    changed.parent.mkdir(parents=True)
    changed.write_text(changed_text(fault))
    write_main(folder / "main.c", stem(fault))
    sources = [folder / "main.c", *models_of(stem(fault))]
    if fault.path.endswith(".c"):
        sources.append(changed)
    includes = [f"-I{folder / 'include'}", "-Iinclude", "-Isrc", "-Itests",
                f"-I{(ROOT / fault.path).parent}"]
    objects = compile_all(sources, folder / "objects", includes)
    objects += compile_plain(stem(fault), folder)
    archives = [next(Path(tree).rglob(f"lib{n}.a")) for n in ("thetis_instrumented",
                                                             "thetis_check")]
    run(os.environ.get("CC", "cc"), *objects, *archives, *archives, "-o", folder / "program")
    return folder / "program"


def found_by(program, strategy):
    """The first verdict that the strategy finds, or None. The scenarios behind it do not run."""
    command = [program, "--json", "--strategy", strategy, "--schedules", SCHEDULES]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as running:
        for line in running.stdout:
            verdict = json.loads(line).get("found")
            if verdict:
                running.kill()
                return verdict
    if running.returncode not in (0, 1, 2):
        raise RuntimeError(f"{program} {strategy}: status {running.returncode}")
    return None


def hunt(tree, everyone, fault):
    """strategy -> verdict or None; unless `everyone` is asked, up to the first that finds it."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        program = build(fault, tree, Path(folder))
        for strategy in STRATEGIES:
            if everyone or not any(found.values()):
                found[strategy] = found_by(program, strategy)
    return found


def show(args, tap, fault, found):
    """Prints one result in the form that was asked for."""
    if args.table:
        print("|", fault.name, "|", fault.kind, "|",
              " | ".join(found[s] or "" for s in STRATEGIES), "|")
    elif args.json:
        print(json.dumps({"fault": fault.name, "kind": fault.kind, "found": found}), flush=True)
    else:
        tap.case(f"fault {fault.name} ({fault.kind})",
                 [] if any(found.values()) else ["no strategy finds it"])


def main():
    """Runs as a command."""
    parser = argparse.ArgumentParser(description="planted faults must be found")
    parser.add_argument("build")
    parser.add_argument("--only", default="")
    parser.add_argument("--table", action="store_true", help="Markdown instead of TAP")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of TAP")
    args = parser.parse_args()
    tap = None if args.table or args.json else Tap()
    if args.table:
        print("| fault | kind |", " | ".join(STRATEGIES), "|")
        print("|---|---|" + "---|" * len(STRATEGIES))
    faults = [fault for fault in all_faults() if args.only in fault.name]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for fault, found in zip(faults, pool.map(partial(hunt, args.build, not tap), faults)):
            show(args, tap, fault, found)
    if tap:
        tap.end()


if __name__ == "__main__":
    main()
