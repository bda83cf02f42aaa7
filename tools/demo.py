#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""demo.py: sends real programs' traffic directly and through examples/relay, prints one table.

    make demo                               sets up, builds and runs it
    tools/demo.py [--quick] [--relay PATH]  with a relay that is built already

Loads: wrk on nginx after a page was compared, redis-benchmark on redis-server after a value of
1 MiB was compared, a file of 1 GiB compared by SHA-256 (its rate includes the hashing), and a
stream of datagrams, compared likewise; whatever of it does not arrive counts as an error.
Everything listens on free ports of 127.0.0.1 and lives in one temporary folder; whatever happens,
Ctrl-C too, no process and no file stays. A program that is missing shrinks the demo and is named.
Exit status: 0 all well; 1 an error or a wrong byte; 2 nothing could run.
"""
import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import typing
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELAY = ROOT / "build" / "host" / "examples" / "relay"
PATHS = ("direct", "relay")
PAGE_BYTES = 4096
VALUE_BYTES = 1 << 20
BLOCK = 1 << 20
WAIT_S = 10


class Size(typing.NamedTuple):
    """How much of each load: the full demo takes about half a minute."""
    seconds: int
    requests: int
    file_blocks: int
    trains: int


FULL = Size(seconds=5, requests=200_000, file_blocks=1024, trains=10_000)
QUICK = Size(seconds=1, requests=10_000, file_blocks=64, trains=500)


class Row(typing.NamedTuple):
    """A line of the table; latencies in milliseconds, None where the program gives none."""
    load: str
    path: str
    throughput: str
    p50: typing.Optional[float]
    p99: typing.Optional[float]
    p999: typing.Optional[float]
    errors: int
    equal: bool


class Problem(Exception):
    """A program did not do what the demo needs."""


# ---- processes -----------------------------------------------------------------------------------

def free_port():
    """A TCP port of 127.0.0.1 that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end(process):
    """Ends the leader of a session, gently first, and then whatever it has left behind."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(WAIT_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def running(command, **options):
    """A child in a session of its own, so that Ctrl-C reaches only us; it ends with the block."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                               start_new_session=True, **options)
    try:
        yield process
    finally:
        end(process)


def wait_for(port, process):
    """Waits until the process accepts connections on the port."""
    deadline = time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise Problem(f"{process.args[0]} does not accept connections")


@contextlib.contextmanager
def server(command, port, log):
    """A server program that accepts connections; its output goes to the file `log`."""
    with log.open("wb") as out, running(command, stdout=out, stderr=out) as process:
        try:
            wait_for(port, process)
        except Problem as problem:
            raise Problem(f"{problem}\n{log.read_text(errors='replace')[-2000:]}") from None
        yield process


def output(command, timeout=120):
    """What a client program prints; an exit status other than 0 is a Problem."""
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        text, _ = process.communicate(timeout=timeout)
    if process.returncode != 0:
        raise Problem(f"{command[0]} ended with {process.returncode}: {text.strip()[-500:]}")
    return text


@contextlib.contextmanager
def relay_to(program, target, folder):
    """A relay to a port of this machine; yields its own port, then prints what it counted."""
    port = free_port()
    stats = folder / f"relay-{port}.json"
    command = [program, f"127.0.0.1:{port}", f"127.0.0.1:{target}", "--stats"]
    with stats.open("wb") as out, running(command, stdout=out) as process:
        wait_for(port, process)
        yield port
    if process.returncode != 0:
        raise Problem(f"relay ended with {process.returncode}")
    count = json.loads(stats.read_text())
    print(f"      the relay held {count['chunks']} chunks, each for "
          f"{count['p50_ns'] / 1e3:.0f} us (p50), {count['p99_ns'] / 1e3:.0f} us (p99), "
          f"{count['p999_ns'] / 1e3:.0f} us (p99.9)", flush=True)


@contextlib.contextmanager
def relay_udp_to(program, target, folder):
    """A relay for datagrams; yields its own port, then prints what it counted, drops by name."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stats = folder / f"relay-udp-{port}.json"
    command = [program.with_name("relay_udp"), f"127.0.0.1:{port}", f"127.0.0.1:{target}"]
    with stats.open("wb") as out, running(command, stdout=out) as process:
        yield port
    if process.returncode != 0:
        raise Problem(f"relay_udp ended with {process.returncode}")
    count = json.loads(stats.read_text())
    drops = ", ".join(f"{name} {number}" for name, number in count["dropped"].items())
    print(f"      the relay passed {count['datagrams']:,} datagrams in {count['trains']:,} trains, "
          f"{count['bytes']:,} bytes; dropped: {drops}", flush=True)


@contextlib.contextmanager
def by(path, relay, program, target, folder):
    """The port that leads to `target` by a path: itself, or that of a relay."""
    if path == "direct":
        yield target
        return
    with relay(program, target, folder) as port:
        yield port


# ---- nginx and wrk -------------------------------------------------------------------------------

NGINX = """daemon off; {user} worker_processes 1; pid {at}/nginx.pid; error_log {at}/nginx.err;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3;
  uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5; keepalive_requests 100000000;
  server {{ listen 127.0.0.1:{port}; root {at}; }}
}}
"""

WRK = """done = function(summary, latency, requests)
  local e, l = summary.errors, latency
  io.write(string.format('\\nJSON {"requests": %d, "us": %d, "errors": %d, "p": [%f, %f, %f]}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    l:percentile(50), l:percentile(99), l:percentile(99.9)))
end
"""


@contextlib.contextmanager
def nginx(folder):
    """nginx serving one file, page.bin; yields its port."""
    port, config = free_port(), folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "page.bin").write_bytes(os.urandom(PAGE_BYTES))
    config.write_text(NGINX.format(user=user, at=folder, port=port))
    with server(["nginx", "-p", folder, "-c", config], port, folder / "nginx.log"):
        yield port


def http_load(port, folder, size):
    """wrk for some seconds, after one request whose bytes are compared: (load, figures)."""
    url, script = f"http://127.0.0.1:{port}/page.bin", folder / "done.lua"
    script.write_text(WRK)
    with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
        equal = answer.read() == (folder / "page.bin").read_bytes()
    text = output(["wrk", "-t1", "-c64", f"-d{size.seconds}s", "-s", script, url])
    result = json.loads(re.search(r"^JSON (.*)$", text, re.M)[1])
    rate = result["requests"] / result["us"] * 1e6
    p50, p99, p999 = (us / 1000 for us in result["p"])
    yield "nginx, wrk 64 conns", (f"{rate:,.0f} req/s", p50, p99, p999, result["errors"], equal)


# ---- redis ---------------------------------------------------------------------------------------

@contextlib.contextmanager
def redis(folder):
    """redis-server without persistence; yields its port."""
    port = free_port()
    command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    with server(command, port, folder / "redis.log"):
        yield port


def ask(port, *words):
    """Sends one command to redis and returns the bytes of its bulk or simple reply."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
    with socket.create_connection(("127.0.0.1", port), WAIT_S) as peer:
        peer.sendall(request)
        with peer.makefile("rb") as reply:
            head = reply.readline()
            return reply.read(int(head[1:])) if head[:1] == b"$" else head[1:].strip()


def redis_figures(text):
    """(name, requests per second, p50, p99, p99.9) of each test in redis-benchmark's long output.

    p99.9 is the first entry of its distribution at or above 99.9 %.
    """
    for name, body in re.findall(r"====== (\w+) ======(.*?)(?======= |\Z)", text, re.S):
        rate = float(re.search(r"throughput summary: ([\d.]+)", body)[1])
        shares = body.split("Cumulative")[0]
        steps = re.findall(r"^([\d.]+)% <= ([\d.]+) milliseconds", shares, re.M)
        p999 = next(float(ms) for percent, ms in steps if float(percent) >= 99.9)
        row = re.search(r"avg +min +p50.*\n *([\d. ]+)", body)[1].split()
        yield name, rate, float(row[2]), float(row[4]), p999


def redis_load(port, _folder, size):
    """SET and GET by redis-benchmark, after a value of 1 MiB was written and read back."""
    value = os.urandom(VALUE_BYTES)
    equal = ask(port, "SET", "demo", value) == b"OK" and ask(port, "GET", "demo") == value
    text = output(["redis-benchmark", "-p", port, "-c", 50, "-n", size.requests, "-d", 64,
                   "-t", "set,get"])
    errors = int(re.search(rb"total_error_replies:(\d+)", ask(port, "INFO", "stats"))[1])
    for name, rate, p50, p99, p999 in redis_figures(text):
        yield f"redis {name}, 50 conns", (f"{rate:,.0f} req/s", p50, p99, p999, errors, equal)


# ---- a file --------------------------------------------------------------------------------------

class Sink:
    """Accepts connections one after the other and answers each, at its EOF, with the SHA-256."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        """Runs until the listening socket is closed."""
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.socket.accept()
                with contextlib.suppress(OSError), peer:
                    peer.sendall(self.digest(peer))

    @staticmethod
    def digest(peer):
        """Receives up to EOF."""
        total, room = hashlib.sha256(), memoryview(bytearray(BLOCK))
        while n := peer.recv_into(room):
            total.update(room[:n])
        return total.digest()


def write_file(path, blocks):
    """Writes blocks of random bytes, each rotated otherwise, and returns their SHA-256."""
    total, base = hashlib.sha256(), os.urandom(BLOCK)
    with path.open("wb") as out:
        for k in range(blocks):
            cut = k * 1021 % BLOCK
            block = base[cut:] + base[:cut]
            total.update(block)
            out.write(block)
    return total.digest()


@contextlib.contextmanager
def sink(_folder):
    """The receiver of the file; yields its port."""
    receiver = Sink()
    with receiver.socket:
        yield receiver.port


def file_load(port, folder, size):
    """Sends the file, half-closes, and compares the receiver's SHA-256 with the file's."""
    path = folder / "file.bin"
    wanted = write_file(path, size.file_blocks)
    begin = time.monotonic()
    with path.open("rb") as file, socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendfile(file)
        peer.shutdown(socket.SHUT_WR)
        got = peer.recv(64, socket.MSG_WAITALL)
    seconds = time.monotonic() - begin
    path.unlink()
    rate = size.file_blocks * BLOCK / seconds / 1e6
    yield f"file, {size.file_blocks} MiB", (f"{rate:,.0f} MB/s", None, None, None, 0, got == wanted)


# ---- datagrams -----------------------------------------------------------------------------------

UDP_SEGMENT, UDP_GRO = 103, 104  # of Linux; the module socket does not name them
PIECE, PIECES = 1200, 32         # bytes of a datagram, datagrams of a train
REPORT = struct.Struct("!QQ32s")


class DatagramSink:
    """Counts and hashes datagrams in the order they come; answers an empty one with the result, and
    one of a single byte by beginning anew."""

    def __init__(self):
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        """Runs until the socket is closed."""
        count, total, digest = 0, 0, hashlib.sha256()
        with contextlib.suppress(OSError):
            while True:
                data, control, _, peer = self.socket.recvmsg(1 << 16, socket.CMSG_SPACE(4))
                if len(data) == 1:
                    count, total, digest = 0, 0, hashlib.sha256()
                if len(data) < 2:
                    self.socket.sendto(REPORT.pack(count, total, digest.digest()), peer)
                    continue
                sizes = [struct.unpack("i", value)[0] for _, kind, value in control
                         if kind == UDP_GRO] or [len(data)]
                count += -(-len(data) // sizes[0])
                total += len(data)
                digest.update(data)


@contextlib.contextmanager
def datagram_sink(_folder):
    """The receiver of datagrams; yields its port."""
    receiver = DatagramSink()
    with receiver.socket:
        yield receiver.port


def datagram_report(peer, question=b""):
    """Asks the sink what has arrived: (datagrams, bytes, digest)."""
    for _ in range(50):
        with contextlib.suppress(TimeoutError, ConnectionRefusedError):
            peer.send(question)
            return REPORT.unpack(peer.recv(REPORT.size + 1))
        time.sleep(0.02)
    raise Problem("nobody answers")


def datagram_load(port, _folder, size):
    """Sends trains, each after the one before was reported; compares number, bytes and SHA-256."""
    base, digest = os.urandom(PIECE * PIECES * 2), hashlib.sha256()
    cut = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", PIECE))]
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.connect(("127.0.0.1", port))
        peer.settimeout(0.5)
        datagram_report(peer, b"0")
        begin = time.monotonic()
        for k in range(size.trains):
            at = k * 1021 % (PIECE * PIECES)
            train = base[at:at + PIECE * PIECES]
            digest.update(train)
            peer.sendmsg([train], cut)
            got = datagram_report(peer)
        seconds = time.monotonic() - begin
    sent = size.trains * PIECES
    yield (f"UDP, {sent} x {PIECE} bytes",
           (f"{sent / seconds:,.0f} dgram/s", None, None, None, sent - got[0],
            got[1:] == (sent * PIECE, digest.digest())))


# ---- the demonstration ---------------------------------------------------------------------------

class Load(typing.NamedTuple):
    """What is sent: the programs it needs, the server's context, the client's figures."""
    name: str
    programs: tuple
    server: typing.Callable
    client: typing.Callable
    relay: typing.Callable = relay_to


LOADS = (Load("nginx + wrk", ("nginx", "wrk"), nginx, http_load),
         Load("redis-server + redis-benchmark", ("redis-server", "redis-benchmark"), redis,
              redis_load),
         Load("file", (), sink, file_load),
         Load("datagrams", (), datagram_sink, datagram_load, relay_udp_to))


def measure(load, program, folder, size):
    """The rows of one load: directly, then through the relay."""
    rows = []
    with load.server(folder) as target:
        for path in PATHS:
            print(f"    {path} ...", flush=True)
            with by(path, load.relay, program, target, folder) as port:
                rows += [Row(name, path, *figures)
                         for name, figures in load.client(port, folder, size)]
    return sorted(rows, key=lambda row: row.load)


def show(rows):
    """Prints the table."""
    def milliseconds(value):
        return "-" if value is None else f"{value:.2f} ms"
    head = ("load", "path", "throughput", "p50", "p99", "p99.9", "errors", "bytes equal")
    lines = [head] + [(row.load, row.path, row.throughput, *map(milliseconds, row[3:6]),
                       str(row.errors), "yes" if row.equal else "NO") for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    print()
    for line in lines:
        left = [text.ljust(width) for text, width in zip(line[:2], widths)]
        print("  ".join(left + [t.rjust(w) for t, w in zip(line[2:], widths[2:])]).rstrip())


def lacks(load):
    """The programs of a load that are not installed."""
    return [name for name in load.programs if not shutil.which(name)]


def run(program, size):
    """Runs every load that can run; returns (rows, problems)."""
    rows, problems = [], []
    for number, load in enumerate(LOADS, 1):
        print(f"[{number}/{len(LOADS)}] {load.name}", flush=True)
        if lacks(load):
            print(f"    skipped: {', '.join(lacks(load))} not installed (tools/setup.sh demo)")
            continue
        with tempfile.TemporaryDirectory(prefix="thetis-demo-") as folder:
            try:
                rows += measure(load, program, pathlib.Path(folder), size)
            except (Problem, OSError, subprocess.TimeoutExpired) as problem:
                problems.append(f"{load.name}: {problem}")
                print(f"    FAILED: {problem}")
    return rows, problems


def verdict(rows, problems):
    """Prints the last sentence; returns the exit status."""
    wrong = [row for row in rows if row.errors or not row.equal]
    if wrong or problems:
        print(f"\nFAILED: {len(wrong)} rows with errors or wrong bytes, {len(problems)} loads that "
              "did not end.")
        return 1
    if not rows:
        print("\nNothing could run.")
        return 2
    print("\nNo error, and all bytes that were compared are equal, directly and through the relay.")
    return 0


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--relay", type=pathlib.Path, default=RELAY)
    parser.add_argument("--quick", action="store_true", help="a small part of each load")
    args = parser.parse_args()
    if not os.access(args.relay, os.X_OK):
        parser.error(f"{args.relay} is not built")
    os.environ["PATH"] += os.pathsep + "/usr/sbin"  # nginx, where only root's PATH has it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        rows, problems = run(args.relay.resolve(), QUICK if args.quick else FULL)
    except KeyboardInterrupt:
        print("\nstopped")
        return 130
    show(rows)
    return verdict(rows, problems)


if __name__ == "__main__":
    sys.exit(main())
