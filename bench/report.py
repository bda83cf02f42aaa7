# SPDX-License-Identifier: MIT
"""Draws docs/bench.svg from the JSON lines of thetis-bench.

    thetis-bench all --json >results.jsonl
    python3 bench/report.py results.jsonl [docs/bench.svg] [--caption 'CPU, system, command']

One panel per bench and metric: a bar per subject (median), a line from minimum to maximum, nothing
left out. Needs matplotlib (Debian: python3-matplotlib); without it nothing is drawn, and says so.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

try:
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
except ImportError:
    pyplot = None

DEFAULT = Path(__file__).resolve().parent.parent / "docs/bench.svg"
SYSTEM_PYTHON = "/usr/bin/python3"  # where a distribution puts matplotlib
COLUMNS = 3
OURS, PEERS, CONTROL = "#c2410c", "#64748b", "#cbd5e1"
METRICS = {"cpu_ns": "CPU ns per operation", "cpu_ns_split": "CPU ns, stop and start",
           "windows": "windows without progress", "p999_ns": "ns, of 1000 calls one took longer",
           "over100us": "calls over 100 us, of a million", "wall_ns": "wall-clock ns per element",
           "syscalls": "system calls", "user_instr": "user instructions per echo"}


def panels(path):
    """The rows of each picture, in the order of the file; ratios are left to the tables."""
    found = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["metric"] in METRICS:
            found.setdefault((row["bench"], row["metric"]), []).append(row)
    return found


def color(subject):
    """Ours stands out, the control steps back."""
    if subject.startswith("thetis"):
        return OURS
    return CONTROL if subject == "control" else PEERS


def label(number):
    """Without an exponent: 0.394, 1.573, 31,490."""
    whole = len(str(int(abs(number))))
    return f"{number:,.{max(0, 4 - whole)}f}"


def promised(row):
    """What the subject promises, as far as its figures say."""
    return f" ({row['promise']})" if "promise" in row else ""


def draw(axes, title, rows):
    """One panel."""
    names = [f"{row['subject']}{promised(row)}  {label(row['median'])}" for row in rows]
    medians = [row["median"] for row in rows]
    spread = [[row["median"] - row["min"] for row in rows],
              [row["max"] - row["median"] for row in rows]]
    axes.barh(names, medians, xerr=spread, color=[color(row["subject"]) for row in rows],
              error_kw={"elinewidth": 0.8, "capsize": 2, "ecolor": "#111827"})
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def picture(found, out, caption):
    """All panels in one file, the caption below; no date: equal figures give equal files."""
    pyplot.rcParams["svg.hashsalt"] = "thetis"
    rows = -(-len(found) // COLUMNS)
    figure, grid = pyplot.subplots(rows, COLUMNS, squeeze=False, layout="constrained",
                                   figsize=(4.2 * COLUMNS, 2.1 * rows))
    cells = [cell for line in grid for cell in line]
    for cell, ((bench, metric), data) in zip(cells, found.items()):
        draw(cell, f"{bench}: {METRICS[metric]}", data)
    for cell in cells[len(found):]:
        cell.axis("off")
    if caption:
        figure.supxlabel(caption, fontsize=8, color="#374151")
    figure.savefig(out, metadata={"Date": None})
    lines = Path(out).read_text(encoding="utf-8").splitlines()
    Path(out).write_text("".join(line.rstrip() + "\n" for line in lines), encoding="utf-8")
    print(f"report: {out}: {len(found)} panels")


def main():
    """Draws, with the system's Python if this one has no matplotlib."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", help="JSON lines of thetis-bench")
    parser.add_argument("out", nargs="?", default=DEFAULT)
    parser.add_argument("--caption", help="the machine and the command, as a line below")
    options = parser.parse_args()
    if pyplot is None:
        other = Path(SYSTEM_PYTHON)
        if other.exists() and not other.samefile(sys.executable) and has_matplotlib(other):
            raise SystemExit(subprocess.call([str(other), *sys.argv]))
        print("report: skipped: environment(no matplotlib: install python3-matplotlib)")
        return
    found = panels(options.results)
    if not found:
        raise SystemExit(f"report: no figures in {options.results}")
    picture(found, options.out, options.caption)


def has_matplotlib(python):
    """True if that interpreter can import it."""
    command = [str(python), "-c", "import matplotlib"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main()
