# SPDX-License-Identifier: MIT
"""thetis-bench: measures the library and its peers next to each other.

    thetis-bench STEM [--quick] [--json]

STEM: spsc, bytes, bcast, latest, lanes, mpsc, mpmc, queue, domain, map, timer, wake, inbox, sim,
udp, fair, tcp, conn or all; or one bench of a stem, such as mpsc.stalled.

All subjects of a bench are kept ready and measured in turn, A B C C B A, so that a machine whose
speed drifts drifts for all. A ratio is the median of the ratios within a turn, with the 95 %
interval of the sign test. docs/benchmarks.md says what is measured and how.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace

import exact
import manifest
import stats

COMPILERS = ("-gcc", "-clang")
FULL = (4, 6)   # starts of each program, windows per start
QUICK = (1, 9)
SPARE_DESCRIPTORS = 64
MAP_MANY = ("thetis", "tbb", "rculfhash", "libcds", "mutex", "control")  # several may write
# What rings with many ends on both sides promise: whether a thread that stops can stop others, and
# which order elements come in. Where one subject differs between stems, by both.
PROMISES = {
    "thetis": "wait-free, FIFO", "thetis-value": "wait-free, FIFO",
    "thetis-index": "wait-free, FIFO", "boost": "lock-free, FIFO", "tbb": "blocks, FIFO",
    "moodycamel": "lock-free, order of each producer", "queue libcds": "lock-free, FIFO",
    "mpmc libcds": "blocks, FIFO", "ck_ring": "blocks, FIFO", "rte_ring": "blocks, FIFO",
    "rte_ring-rts": "blocks, FIFO", "rte_ring-hts": "blocks, FIFO", "mutex": "blocks, FIFO"}
PROMISING = ("mpmc", "queue")
MPSC = ("thetis", "urcu", "moodycamel", "ck_ring", "rte_ring", "mutex")  # all but the control


@dataclass(frozen=True)
class Bench:
    """One row of the table: how to start a subject of `stem` so that it speaks window.h."""

    name: str
    stem: str
    reference: str
    args: tuple
    quick_args: tuple = ()
    metric: str = "cpu_ns"
    load: bool = False   # the program is a server: bench-load starts and measures it
    exact: bool = False  # count system calls and instructions, too
    unit: str = "ns"
    stalled: bool = False  # two figures for each line: see stalled.h
    only: tuple = ()     # not empty: the subjects that take part, by whatever compiler
    connections: int = 0
    rows: tuple = ()     # several figures in a line of the program: (name, metric, unit) of each
    full_only: bool = False
    also: tuple = ()     # metric and unit of the further figures of each line

    def command(self, build, program, quick):
        """The argument vector that measures a program."""
        args = self.quick_args if quick and self.quick_args else self.args
        if self.load:
            return [build.tool("bench-load"), *args, program]
        return [program, *args]


def stalled(stem, *only):
    """Windows with one suspended thread: 600, or 54, for each subject."""
    return Bench(f"{stem}.stalled", stem, "", ("stalled", "25"), ("stalled", "6"),
                 metric="windows", stalled=True, only=only)


def spsc():
    """Rings: one element, and 32."""
    return [Bench("spsc.pair", "spsc", "boost", ("pair",)),
            Bench("spsc.batch32", "spsc", "boost", ("batch32",)),
            stalled("spsc", "thetis", "boost", "ck_ring", "rte_ring", "mutex")]


def bytes_ring():
    """A record of 64 bytes, written and read in place."""
    return [Bench("bytes.record64", "bytes", "spsc", ("pair",)),
            stalled("bytes", "thetis", "thetis-plain", "mutex")]


def fan(stem):
    """From one writer to readers: what a read takes, by their number; no news; a store."""
    forms = (("read", "read", "1"), ("read.4", "read", "4"), ("read.16", "read", "16"),
             ("poll", "poll", "1"), ("store", "store", "1"))
    return [Bench(f"{stem}.{name}", stem, "mutex", (form, readers))
            for name, form, readers in forms] + [stalled(stem)]


def bcast():
    """Broadcast, in its three modes."""
    return fan("bcast")


def latest():
    """The latest value."""
    return fan("latest")


def mpsc():
    """Many producers, one consumer: one element; 32 one by one, and as a batch."""
    return [Bench("mpsc.pair", "mpsc", "urcu", ("pair",)),
            Bench("mpsc.burst32", "mpsc", "urcu", ("burst32",), only=MPSC),
            Bench("mpsc.batch32", "mpsc", "urcu", ("batch32",)),
            stalled("mpsc", *(name for name in MPSC if name != "moodycamel"))]


def lanes():
    """Many producers, one consumer: a record of 64 bytes, against the rings it is made of."""
    return [Bench("lanes.record64", "lanes", "bytes", ("pair",)),
            stalled("lanes", "thetis", "mutex")]


def crowds(stem):
    """4 producers and 4 consumers: how long a call takes; 1 to 8 on each side: how long an element
    takes, which says nothing about more processors than there are."""
    also = (("over100us", "of 10^6 calls"), ("wall_ns", "ns/element"))
    return [Bench(f"{stem}.lat.{n}p{n}c", stem, "control", ("crowd", str(n), "500"),
                  ("crowd", str(n), "60"), metric="p999_ns", also=also) for n in (1, 2, 4, 8)]


def queue():
    """Unbounded, many producers and consumers: one element, uncontended; many threads."""
    return [Bench("queue.pair", "queue", "boost", ("pair",)),
            stalled("queue", "thetis", "boost", "moodycamel", "tbb", "libcds", "mutex"),
            *crowds("queue")]


def domain():
    """A read, a replacement; blocks that wait for one reader that stands still."""
    return [Bench(f"domain.{form}", "domain", "urcu", (form,)) for form in ("read", "replace")] + [
        Bench("domain.stopped", "domain", "urcu", ("stopped", "10000000"),
              ("stopped", "1000000"), metric="unreclaimed", unit="blocks")]


def mpmc():
    """Many producers, many consumers: one element, uncontended; many threads."""
    return [Bench("mpmc.pair", "mpmc", "rte_ring", ("pair",)),
            stalled("mpmc", "thetis-value", "thetis-index", "boost", "tbb", "libcds", "ck_ring",
                    "rte_ring", "mutex"), *crowds("mpmc")]


def map_mix(size, keys, full_only=False, stem="map"):
    """Lookups and put in five mixtures, of keys that are wanted alike, and after Zipf; churn."""
    mixes = ("find", "mix99", "mix90", "mix50", "put")
    names = [f"{stem}.{mix}{law}.{size}" for law in ("", ".zipf") for mix in mixes]
    rows = tuple((name, "cpu_ns", "ns") for name in [*names, f"{stem}.churn.{size}"])
    return Bench(f"{stem}.{size}", stem, "tbb", ("mix", keys, "300000"), ("mix", keys, "60000"),
                 rows=rows, full_only=full_only)


def map_resize(form, size, keys, full_only=False):
    """Inserting into an empty map; erasing all."""
    rows = tuple((f"map.{form}.{size}", metric, unit)
                 for metric, unit in (("total_s", "s"), ("over200us", "operations"),
                                      ("longest_us", "us"), ("over200us_fault", "operations"),
                                      ("faults", "pages")))
    return Bench(f"map.{form}.{size}", "map", "tbb", (form, keys), rows=rows,
                 full_only=full_only)


def map_crowd(threads):
    """That many threads for each processor; what the slowest operations take."""
    count = threads * (os.cpu_count() or 1)
    rows = tuple((f"map.crowd.{threads}x", metric, unit)
                 for metric, unit in (("cpu_ns", "ns"), ("p99_ns", "ns"), ("p999_ns", "ns"),
                                      ("p9999_ns", "ns"), ("over200us", "of 10^7")))
    return Bench(f"map.crowd.{threads}x", "map", "tbb", ("crowd", str(min(count, 31)), "300"),
                 ("crowd", str(min(count, 31)), "60"), rows=rows, only=MAP_MANY)


def map_of_words():
    """Hash maps."""
    return [map_mix("10k", "10000"), map_mix("1m", "1000000"), map_mix("10m", "10000000", True),
            map_resize("grow", "100k", "100000"), map_resize("shrink", "100k", "100000"),
            map_resize("grow", "10m", "10000000", True),
            map_resize("shrink", "10m", "10000000", True),
            *(map_crowd(threads) for threads in (1, 2, 4, 8)),
            Bench("map.stopped", "map", "", ("stopped", "20"), ("stopped", "1"), metric="ratio",
                  unit="x", only=MAP_MANY[:-1]),
            stalled("map", *MAP_MANY[:-1])]


def map_of_bytes():
    """The same with keys of 16 to 64 bytes and values of 32."""
    return [map_mix(size, keys, stem="bmap") for size, keys in (("10k", "10000"),
                                                                ("1m", "1000000"))]


def timer():
    """Re-arming, by the shortest way and by an explicit stop and start."""
    sizes = (("1k", "1000"), ("100k", "100000"), ("1m", "1000000"))
    forms = (("cpu_ns", "rearm"), ("cpu_ns_split", "split"))
    return [Bench(f"timer.rearm.{name}", "timer", "libev", (live, form), metric=metric)
            for name, live in sizes for metric, form in forms]


def wake():
    """A message to a thread that is awake, and to one that sleeps; system calls of those subjects
    that can count them."""
    return woken("wake", "mutex", (("busy", "100000"), ("sleep", "10000")))


def inbox():
    """The same for a loop; the one that is awake gets 64 messages a turn, against a write to an
    event descriptor for each, too."""
    return woken("inbox", "raw", (("busy", "102400"), ("sleep", "10048")),
                 {"sleep": ("thetis", "thetis-poll", "thetis-uring", "raw", "libuv", "libev",
                            "libevent", "asio")})


def woken(stem, against, sizes, only=None):
    """CPU time of each form, and system calls of those subjects that can count them."""
    return [Bench(f"{stem}.{form}", stem, against, (form, n), only=(only or {}).get(form, ()))
            for form, n in sizes] + [
        Bench(f"{stem}.{form}", stem, "raw", (form, n, "calls"), metric="syscalls",
              unit="calls/op", only=("thetis", "raw")) for form, n in sizes]


def sim():
    """The library's own share of a completion: the fake kernel is the system."""
    return [Bench("sim.completion", "sim", "", ("completion",), also=(("whole_ns", "ns"),))]


def fair():
    """99 ping-pongs beside a stream that never ends, and alone."""
    return [Bench("fair.pings", "fair", "raw", ("pings",), metric="p999_ns",
                  also=(("alone_ns", "ns"), ("factor", "x alone")))]


def udp():
    """Datagrams of 200 bytes, in trains that the kernel cuts and joins, and one by one."""
    return [Bench(f"udp.{form}.{way}", "udp", "raw", (way, form), only=only)
            for form, only in (("gso", ("thetis-epoll", "raw")), ("plain", ()))
            for way in ("tx", "rx")]


def tcp():
    """Echo of 64 bytes: connections, rounds in a full run, rounds in a quick one."""
    sizes = ((1, 4000, 1000), (100, 200, 60), (1000, 20, 6), (8000, 3, 1))
    return [Bench(f"tcp.echo.{n}", "tcp", "raw-epoll", ("echo", str(n), str(full)),
                  ("echo", str(n), str(quick)), load=True, exact=True, connections=n)
            for n, full, quick in sizes]


def conn():
    """Connections that are accepted and closed, 32 or so many at once."""
    sizes = ((1, 2000), (100, 20), (1000, 2), (8000, 1))
    return [Bench("conn.accept_close", "tcp", "raw-epoll", ("close", "32", "80"), load=True)] + [
        Bench(f"conn.accept_close.{n}", "tcp", "raw-epoll", ("close", str(n), str(rounds)),
              load=True, connections=n, full_only=n > 1000) for n, rounds in sizes]


STEMS = {"spsc": spsc, "bytes": bytes_ring, "bcast": bcast, "latest": latest, "lanes": lanes,
         "mpsc": mpsc, "mpmc": mpmc, "queue": queue, "domain": domain, "map": map_of_words,
         "bmap": map_of_bytes,
         "timer": timer, "wake": wake, "inbox": inbox, "sim": sim, "udp": udp, "tcp": tcp,
         "fair": fair, "conn": conn}


def promise(bench, subject):
    """What a subject promises, or None."""
    stem = bench.partition(".")[0]
    if stem not in PROMISING:
        return None
    return PROMISES.get(f"{stem} {subject}", PROMISES.get(subject))


class Probe:
    """A running subject: one line in, one line of figures out."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.variant = self.line()

    def line(self):
        """The next line of the program; its end is an error."""
        text = self.process.stdout.readline().strip()
        if not text:
            raise SystemExit(f"bench: {self.name} failed")
        return text

    def window(self):
        """Measures once: all figures of the line."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [float(figure) for figure in self.line().split()]

    def end(self):
        """Lets the program end."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def measure(build, bench, subjects, quick):
    """All windows of all subjects; returns lines of figures and variants by subject."""
    starts, windows = QUICK if quick else FULL
    values = {s.name: [] for s in subjects}
    variants = {}
    for start in range(starts):
        probes = [Probe(s.name, bench.command(build, s.program, quick)) for s in subjects]
        for turn in range(windows):
            for probe in probes if (start + turn) % 2 == 0 else reversed(probes):
                values[probe.name].append(probe.window())
        for probe in probes:
            variants[probe.name] = probe.variant
            probe.end()
    return values, variants


class Report:
    """Prints results as they come: JSON lines, or a table."""

    def __init__(self, as_json):
        self.as_json = as_json
        self.noted = set()

    def note(self, text):
        """What is no figure, once: beside the JSON lines, not among them."""
        if text in self.noted:
            return
        self.noted.add(text)
        print(f"# {text}", file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def figure(self, bench, subject, metric, unit, values):
        """One subject's figures."""
        row = {"bench": bench, "subject": subject, "metric": metric, "unit": unit}
        row.update(stats.summary(values))
        self.row(row, f"{row['min']:>12.4g} {row['max']:>12.4g}")

    def count(self, bench, subject, metric, unit, values, n):
        """How many of `n` trials, each time."""
        row = {"bench": bench, "subject": subject, "metric": metric, "unit": unit}
        row.update(stats.summary(values), n=n)
        self.row(row, f"{row['min']:>12} {row['max']:>12}")

    def ratio(self, bench, subject, metric, reference, values):
        """How one subject compares with the reference, turn by turn."""
        low, high = stats.sign_interval(values)
        row = {"bench": bench, "subject": subject, "metric": f"{metric}_ratio",
               "unit": f"x {reference}"}
        row.update(stats.summary(values), low=low, high=high)
        self.row(row, f"   95 % [{low:.3f}, {high:.3f}]")

    def row(self, row, spread):
        """One line."""
        if self.as_json:
            label = promise(row["bench"], row["subject"])
            print(json.dumps(row | ({"promise": label} if label else {})), flush=True)
            return
        print(f"{row['bench']:<18} {row['subject']:<13} {row['metric']:<18} {row['unit']:<12} "
              f"{row['median']:>12.4g} {spread} n {row['n']}", flush=True)


def compared(bench, names):
    """Pairs to compare: every subject with the reference, ours with every peer."""
    for name in names:
        for other in names:
            if name == other or "control" in (name, other) or other.startswith("thetis"):
                continue
            if other == bench.reference or name.startswith("thetis"):
                yield name, other


def base_name(name):
    """A subject's name without the compiler."""
    return name.rpartition("-")[0] if name.endswith(COMPILERS) else name


def taking_part(build, bench):
    """The subjects of a bench; where threads are suspended, each by one compiler."""
    subjects = [s for s in build.of(bench.stem)
                if not bench.only or base_name(s.name) in bench.only]
    if not bench.stalled:
        return subjects
    first = {base_name(s.name): s for s in reversed(subjects)}
    return [s for s in subjects if s in first.values()]


def by_faster_compiler(values):
    """Subjects that several compilers built, each by the one that made it fastest."""
    best = {}
    for name, figures in values.items():
        base = base_name(name)
        if base not in best or stats.median(figures) < stats.median(best[base]):
            best[base] = figures
    return best


def report_stalled(report, bench, values, quick):
    """How many windows were without progress, and at how many instructions the threads were
    suspended: of each start of a program, since addresses differ from start to start."""
    each = int((bench.quick_args if quick else bench.args)[-1])
    turns = (QUICK if quick else FULL)[1]
    for name, lines in values.items():
        without = [int(sum(line[0] for line in lines))]
        report.count(bench.name, base_name(name), bench.metric, "without", without,
                     each * len(lines))
        report.count(bench.name, base_name(name), "places", "instructions",
                     [int(line[1]) for line in lines[turns - 1::turns]], each * turns)


def report_times(report, bench, values):
    """CPU times, or what else is measured, then ratios."""
    best = by_faster_compiler(values)
    for name, figures in (values | best).items():
        report.figure(bench.name, name, bench.metric, bench.unit, figures)
    values = best
    for name, other in compared(bench, list(values)):
        ratios = stats.ratios(values[name], values[other])
        if bench.reference and len(ratios) == len(values[name]):
            report.ratio(bench.name, name, bench.metric, other, ratios)


def report_exact(report, build, bench, subjects, quick):
    """System calls and user instructions per echo; at many connections only in a full run. Not of
    those who sleep in poll(): bench-lockstep does not know that."""
    subjects = [s for s in subjects if not s.name.endswith("-poll")]
    if quick and bench.connections > max(exact.SIZES):
        report.note(f"{bench.name}: syscalls and user_instr only in a full run")
        return
    cannot = exact.can_trace(build)
    if cannot:
        report.note(f"skipped: {bench.name} syscalls and user_instr: environment({cannot})")
        return
    for s in subjects:
        counted = exact.syscalls(build, s.program, bench.connections)
        report.figure(bench.name, s.name, "syscalls", "calls/echo", counted)
    if not shutil.which("valgrind"):
        report.note(f"skipped: {bench.name} user_instr: environment(no valgrind)")
        return
    for s in subjects:
        mean = exact.instructions(build, s.program, bench.connections)
        report.figure(bench.name, s.name, "user_instr", "instr/echo", [mean] * exact.ROUNDS)


def run_bench(report, build, bench, quick):
    """One bench with all its subjects."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit not in (-1, resource.RLIM_INFINITY) and bench.connections + SPARE_DESCRIPTORS > limit:
        report.note(f"skipped: {bench.name}: environment(limit of {limit} descriptors)")
        return
    if quick and bench.full_only:
        report.note(f"{bench.name}: only in a full run")
        return
    subjects = taking_part(build, bench)
    for s in build.missing(bench.stem):
        report.note(f"skipped: {bench.stem} {s.name}: environment({s.missing})")
    values, variants = measure(build, bench, subjects, quick)
    for name, variant in variants.items():
        label = promise(bench.name, name)
        report.note(f"{name}: {variant}" + (f"; {label}" if label else ""))
    if bench.stalled:
        report_stalled(report, bench, values, quick)
        return
    for k, (name, metric, unit) in enumerate(bench.rows or
                                             [(bench.name, bench.metric, bench.unit)]):
        report_times(report, replace(bench, name=name, metric=metric, unit=unit),
                     {name: [line[k] for line in lines] for name, lines in values.items()})
    for column, (metric, unit) in enumerate(bench.also, 1):
        for name, lines in values.items():
            report.figure(bench.name, name, metric, unit, [line[column] for line in lines])
    if bench.exact:
        report_exact(report, build, bench, subjects, quick)


def cpu_model():
    """The name of the processor, as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            names = [line.split(":", 1)[1].strip() for line in info if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "unknown CPU"


def main():
    """Parses the command line and runs the benches of the stems."""
    parser = argparse.ArgumentParser(prog="thetis-bench", description=__doc__.splitlines()[0])
    every = {stem: benches() for stem, benches in STEMS.items()}
    names = [bench.name for benches in every.values() for bench in benches]
    parser.add_argument("stem", nargs="?", default="all", choices=[*STEMS, *names, "all"],
                        metavar="STEM")
    parser.add_argument("--quick", action="store_true", help="at most 2 minutes per stem")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of a table")
    parser.add_argument("--manifest", default=manifest.DEFAULT, help=argparse.SUPPRESS)
    options = parser.parse_args()
    build = manifest.load(options.manifest)
    report = Report(options.json)
    report.note(f"{cpu_model()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}")
    report.note(f"{build.build}; load average {os.getloadavg()[0]:.1f}")
    for stem, benches in every.items():
        for bench in benches:
            if options.stem in (stem, bench.name, "all"):
                run_bench(report, build, bench, options.quick)


if __name__ == "__main__":
    main()
