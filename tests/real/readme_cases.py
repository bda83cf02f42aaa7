#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readme_cases.py: README's programs compile as they stand there and do what it says. TAP."""
import contextlib
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import demo  # noqa: E402
from tap import Tap  # noqa: E402

STRICT = ["-std=c17", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
          "-Wstrict-prototypes", "-Werror"]
ADDRESS = "127.0.0.1:7007"  # the server's in README; here it gets a free port
LIMIT_S = 60
MUCH = bytes(20_000_000)


def build(text, folder):
    """Compiles a program together with the library's one unit."""
    source, program = folder / "readme.c", folder / "readme"
    source.write_text(text)
    done = subprocess.run(["cc", *STRICT, f"-I{ROOT / 'include'}", source, ROOT / "src/thetis.c",
                           "-o", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


# ---- the ring ------------------------------------------------------------------------------------

def ring(text, folder):
    """It prints its number and its bound."""
    done = subprocess.run([build(text, folder)], capture_output=True, text=True, timeout=LIMIT_S,
                          check=False)
    assert (done.returncode, done.stdout) == (0, "42, in at most 4 steps\n"), done


# ---- the server ----------------------------------------------------------------------------------

def connect(port):
    """A client."""
    peer = socket.create_connection(("127.0.0.1", port), LIMIT_S)
    peer.settimeout(LIMIT_S)
    return peer


def echoed(peer, text):
    """Sends and gets the same back."""
    peer.sendall(text)
    got = b""
    while len(got) < len(text) and (part := peer.recv(len(text) - len(got))):
        got += part
    assert got == text, f"sent {text!r}, got {got!r}"


def visit(port, number):
    """One client from its beginning to the server's EOF."""
    with connect(port) as peer:
        echoed(peer, b"client %d" % number)
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(1) == b"", "more than was sent"


def never_reads(port):
    """A client that only sends: the server gives it up and goes on with its neighbour."""
    with connect(port) as neighbour, connect(port) as deaf:
        echoed(neighbour, b"before")
        with contextlib.suppress(ConnectionError):
            deaf.sendall(MUCH)
            raise AssertionError("20 MB fit into the buffers of the system")
        echoed(neighbour, b"after")


def server(text, folder):
    """It echoes, outlives a client that never reads, and more clients than it has room for."""
    assert ADDRESS in text, f"{ADDRESS} is not in the program"
    port = demo.free_port()
    program = build(text.replace(ADDRESS, f"127.0.0.1:{port}"), folder)
    with demo.running([program]) as process:
        demo.wait_for(port, process)
        never_reads(port)
        for number in range(250):
            visit(port, number)
        assert process.poll() is None, f"the server ended with {process.returncode}"


PROGRAMS = (ring, server)


def main():
    """One case per program, and one for their number."""
    blocks = re.findall(r"^```c\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    tap = Tap()
    tap.case("README has its programs",
             [] if len(blocks) == len(PROGRAMS) else [f"{len(blocks)} programs"])
    for text, check in zip(blocks, PROGRAMS):
        problems = []
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(text, pathlib.Path(folder))
            except (AssertionError, OSError, demo.Problem, subprocess.TimeoutExpired) as problem:
                problems.append(f"{type(problem).__name__}: {problem}")
        tap.case(f"README {check.__name__}", problems)
    tap.end()


if __name__ == "__main__":
    main()
