#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tcp_cases.py: examples/tcp_echo and examples/tcp_client, with another program at the other end
or none, and with addresses that are none; examples/conn_loops, by many clients. Prints TAP.

    tests/real/tcp_cases.py [FOLDER]      of the built examples; default build/host/examples
"""
import pathlib
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import demo  # noqa: E402
from tap import Tap  # noqa: E402

EXAMPLES = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else demo.RELAY.parent
LIMIT_S = 60
VISITS = 200


def run(name, *arguments):
    """(exit status, standard output, standard error) of an example."""
    done = subprocess.run([EXAMPLES / name, *arguments], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=LIMIT_S, check=False)
    return done.returncode, done.stdout, done.stderr


def bad_address():
    """Both name the address that is none."""
    for name in ("tcp_echo", "tcp_client"):
        status, _, line = run(name, "nonsense")
        assert (status, line.count("\n")) == (2, 1) and "'nonsense'" in line, line


def refused():
    """Nobody listens: the client says that, not what followed from it."""
    where = f"127.0.0.1:{demo.free_port()}"
    assert run("tcp_client", where) == (1, "", f"tcp_client: {where}: connection refused\n")


def port_in_use():
    """The server names the address that it cannot have."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        where = "127.0.0.1:%d" % other.getsockname()[1]
        assert run("tcp_echo", where) == (1, "", f"tcp_echo: {where}: address already in use\n")


def together():
    """The client's line comes back from the server."""
    port = demo.free_port()
    with demo.running([EXAMPLES / "tcp_echo", f"127.0.0.1:{port}"]) as server:
        demo.wait_for(port, server)
        assert run("tcp_client", f"127.0.0.1:{port}", "a line\n") == (0, "a line\n", "")


def visit(port, number):
    """A line there and back, then the end."""
    line = b"visit %d" % number
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as client:
        client.sendall(line)
        assert client.recv(100) == line
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""


def served(*how):
    """Connections that each of four loops of one server had, of 200."""
    port = demo.free_port()
    with subprocess.Popen([EXAMPLES / "conn_loops", f"127.0.0.1:{port}", "4", *how],
                          stdout=subprocess.PIPE, text=True) as server:
        try:
            demo.wait_for(port, server)
            for number in range(VISITS):
                visit(port, number)
        finally:
            server.terminate()
        counts = [int(line.split()[-1]) for line in server.communicate(timeout=LIMIT_S)[0]
                  .splitlines()]
    assert server.returncode == 0 and sum(counts) >= VISITS, counts
    return counts


def loops_share_a_port():
    """By the system: whoever comes is served, and no loop is left out."""
    assert min(served()) > 0


def loops_are_dealt_connections():
    """By the loop that listens: in turn."""
    counts = served("deal")
    assert max(counts) - min(counts) <= 1, counts


def main():
    """Runs every case."""
    tap = Tap()
    for case in (bad_address, refused, port_in_use, together, loops_share_a_port,
                 loops_are_dealt_connections):
        problems = []
        try:
            case()
        except (AssertionError, OSError, demo.Problem, subprocess.TimeoutExpired) as problem:
            problems.append(f"{type(problem).__name__}: {problem}")
        tap.case(f"tcp {case.__name__}", problems)
    tap.end()


if __name__ == "__main__":
    main()
