#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the fuzz targets under AddressSanitizer and UBSan, and faults that they must find. TAP.

    tests/fuzz/run.py [--seconds N] [--only TARGET] [--keep DIR]

A target is fuzz_<name>.c; each runs N seconds (30) from the inputs in corpus/<name>.hex, one a
line. A control is a target with one validation taken out of the library: it must fail, or the
target proves nothing.

What a target fails on is left in build/fuzz; `build/fuzz/fuzz_<name> FILE` runs it
again. --keep writes what was learned to DIR, as a corpus to go on from.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from tap import Tap  # noqa: E402

HERE, OUT = Path(__file__).parent, ROOT / "build/fuzz"
FLAGS = ["-std=c17", "-O1", "-g", "-D_GNU_SOURCE", "-DTHETIS_ASSERT_LEVEL=2",
         "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
LIBRARY = [f"src/{name}.c" for name in ("core/assert", "core/thread", "ring/bcast", "ring/bytes",
                                        "ring/lanes", "ring/latest", "ring/shm", "ring/spsc",
                                        "port/port_linux", "port/port_posix")]
SIM = ["src/thetis.c"] + [str(path.relative_to(ROOT)) for folder, unused in (
    ("sim", "main ask shrink"), ("sim/personality", ""), ("tests/sim", "main"))
    for path in sorted((ROOT / folder).glob("*.c")) if path.stem not in unused.split()]
# What a target is made of, and how many bytes an input has; the other targets: LIBRARY, LENGTH.
SOURCES = {"sim": SIM, "kv": ["examples/kv/parse.c", "examples/kv/text.c"],
           "addr": ["src/core/addr.c", "src/core/assert.c", "src/port/port_linux.c",
                    "src/port/port_posix.c"]}
LENGTHS = {"sim": 2048}
LENGTH = 256
CALL_SECONDS = 5     # an input that takes longer hangs
CONTROL_SECONDS = 60  # a control fails within a second or two


class Control(NamedTuple):
    """A validation that is taken out."""
    name: str
    target: str
    path: str
    old: str
    new: str


SPSC, BYTES = "include/thetis/spsc.h", "include/thetis/bytes_view.h"
BCAST, LATEST = "include/thetis/bcast.h", "include/thetis/latest.h"
LANES, KV = "src/ring/lanes.c", "examples/kv/parse.c"
CONTROLS = [
    Control("head is believed", "spsc", SPSC, "if (apart && (at - head", "if (0 && (at - head"),
    Control("tail is believed", "spsc", SPSC, "if (apart && tail - at", "if (0 && tail - at"),
    Control("a canceled end looks at tail", "spsc", SPSC,
            "if (apart && (at & THETIS_SPSC_FLAG_)) return at;\n    if (apart && tail - at",
            "if (apart && !(at & THETIS_SPSC_FLAG_) && tail - at"),
    Control("extent is believed", "bytes", BYTES,
            "place->header.extent_ <= there && place->header.extent_ <= to_end", "1"),
    Control("extent goes over the end", "bytes", BYTES,
            " && place->header.extent_ <= to_end", ""),
    Control("size is believed", "bytes", BYTES,
            "place.header.size_ > place.header.extent_ - least)))", "0)))"),
    Control("the way back is believed", "bytes", BYTES, "back == 0 || back > left", "0"),
    Control("tail is believed", "bcast", BCAST,
            "if (THETIS_UNLIKELY(tail - reader->at_ > ring->shape_.span_)) {", "if (0) {"),
    Control("the number is believed", "latest", LATEST,
            "return thetis_latest_number_(word) - 1 < latest->shape_.places_ + 2;", "return 1;"),
    Control("the search does not end", "latest", LATEST,
            "if (++number > latest->shape_.places_ + 2) {", "if (++number == 0) {"),
    Control("waiting after a connect at once", "sim", "src/net/tcp.c",
            "    if (r.status == THETIS_AGAIN) {\n        tht_handle_dirty(h);\n        return;",
            "    if (r.status >= THETIS_OK) {\n"
            "        if (r.status == THETIS_AGAIN) tht_handle_dirty(h);\n        return;"),
    Control("the length of a path is believed", "addr", "src/core/addr.c",
            "if (len >= sizeof out->u.path)", "if (0)"),
    Control("commit believes the room", "bytes", BYTES,
            "(view.bytes.apart && size > room)", "0"),
    Control("arguments do not move along", "kv", KV,
            "p->args[k].at -= (uint32_t)shift;", "p->args[k].at -= 0;"),
    Control("a quote goes over the end", "kv", KV,
            "while (++*k < text.len && text.at[*k] != quote)", "while (text.at[++*k] != quote)"),
    Control("a line is searched on from too far", "kv", KV,
            "p->looked > shift ? p->looked - shift : 0", "p->looked"),
    Control("a record without room for a ticket", "lanes", LANES,
            "if (size < THETIS_LANES_TICKET_) s = THETIS_ECORRUPT;\n        else head", "head"),
]


def build(target, out, root=ROOT):
    """Compiles a target together with the part of the library, in `root`, that it uses."""
    subprocess.run(["clang", *FLAGS, "-I.", "-Iinclude", "-Isrc", "-Itests",
                    HERE / f"fuzz_{target}.c", *SOURCES.get(target, LIBRARY), "-o", out],
                   cwd=root, check=True)


def corpus(target, folder):
    """Writes the kept inputs as files."""
    folder.mkdir(parents=True)
    for number, line in enumerate((HERE / f"corpus/{target}.hex").read_text().split()):
        (folder / str(number)).write_bytes(bytes.fromhex(line))
    return folder


def fuzz(program, inputs, seconds, artifacts, seed=0):
    """(whether it failed, what it printed). Seed 0: another one each time."""
    length = LENGTHS.get(inputs.name, LENGTH)
    done = subprocess.run([program, f"-max_total_time={seconds}", f"-max_len={length}",
                           f"-timeout={CALL_SECONDS}", f"-seed={seed}", "-print_final_stats=1",
                           f"-artifact_prefix={artifacts}/", inputs],
                          cwd=artifacts, text=True, check=False, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode != 0, done.stdout


def report(tap, target, seconds, keep):
    """Runs one target."""
    with tempfile.TemporaryDirectory() as name:
        program, inputs = OUT / f"fuzz_{target}", corpus(target, Path(name) / target)
        build(target, program)
        failed, text = fuzz(program, inputs, seconds, OUT)
        runs = [line.split()[-1] for line in text.splitlines() if "number_of_executed" in line]
        tap.case(f"fuzz_{target}: {' '.join(runs) or 'no'} inputs in {seconds} s",
                 text.splitlines()[-40:] if failed or not runs else [])
        if keep:
            shutil.copytree(inputs, Path(keep) / target, dirs_exist_ok=True)


def probe(tap, control):
    """Builds a control and expects it to fail."""
    text = (ROOT / control.path).read_text()
    if text.count(control.old) != 1:
        tap.case(f"control: {control.name}", [f"{text.count(control.old)} such texts"])
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        changed = folder / control.path
        for part in ("include", "src", "sim", "tests/sim", "examples/kv"):
            shutil.copytree(ROOT / part, folder / part)
        changed.write_text(text.replace(control.old, control.new))
        build(control.target, folder / "program", folder)
        inputs = corpus(control.target, folder / "inputs" / control.target)
        failed, _ = fuzz(folder / "program", inputs, CONTROL_SECONDS, folder, 1)
        tap.case(f"control: {control.name} (fuzz_{control.target} must fail)",
                 [] if failed else [f"nothing found in {CONTROL_SECONDS} s"])


def can_fuzz():
    """Whether clang and libFuzzer are here."""
    if not shutil.which("clang"):
        return False
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "empty.c"
        source.write_text("int LLVMFuzzerTestOneInput(void);\n"
                          "int LLVMFuzzerTestOneInput(void) { return 0; }\n")
        return subprocess.run(["clang", *FLAGS, source, "-o", f"{name}/empty"], check=False,
                              stderr=subprocess.DEVNULL).returncode == 0


def main():
    """Runs as a command."""
    parser = argparse.ArgumentParser(description="fuzzes what a hostile peer can write")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep")
    args = parser.parse_args()
    tap = Tap()
    if not can_fuzz():
        tap.skip("fuzz targets", "environment", "no clang with libFuzzer")
        tap.end()
    OUT.mkdir(parents=True, exist_ok=True)
    targets = sorted(p.stem.removeprefix("fuzz_") for p in HERE.glob("fuzz_*.c"))
    for target in targets:
        if args.only in target:
            report(tap, target, args.seconds, args.keep)
    for control in CONTROLS:
        if args.only in control.target:
            probe(tap, control)
    tap.end()


if __name__ == "__main__":
    main()
