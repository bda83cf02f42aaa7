#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""udp_cases.py: drives examples/relay_udp and udp_echo from outside. Prints TAP.

    tests/real/udp_cases.py [FOLDER]      of the built examples; default build/host/examples

No case depends on how fast the machine is: the time-outs only end what would hang.
"""
import contextlib
import io
import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import demo  # noqa: E402
from tap import Tap  # noqa: E402

EXAMPLES = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else demo.RELAY.parent
HOST = "127.0.0.1"
LIMIT_S = 30
CASES = []


def case(function):
    """Registers a case; it fails by an exception."""
    CASES.append(function)
    return function


def equal(got, wanted):
    """Fails unless both are the same."""
    if got != wanted:
        raise AssertionError(f"got {got!r:.200}, want {wanted!r:.200}")


def bound():
    """A datagram socket on a port that the system chose."""
    peer = socket.socket(type=socket.SOCK_DGRAM)
    peer.bind((HOST, 0))
    peer.settimeout(LIMIT_S)
    return peer


def free_port():
    """A port that no datagram socket uses now."""
    with bound() as probe:
        return probe.getsockname()[1]


def sent_through(peer, port, target, text):
    """Sends until it comes out at the target, past what was sent twice before; the way back."""
    target.settimeout(0.1)
    for _ in range(LIMIT_S * 10):
        peer.sendto(text, (HOST, port))
        with contextlib.suppress(TimeoutError):
            while True:
                got, way = target.recvfrom(100)
                if got == text:
                    return way
    raise AssertionError(f"{text} does not arrive")


def ask(peer, port, text):
    """Sends until an answer comes: the program may not have opened its socket yet."""
    peer.settimeout(0.1)
    for _ in range(LIMIT_S * 10):
        peer.sendto(text, (HOST, port))
        with contextlib.suppress(TimeoutError):
            return peer.recv(65536)
    raise AssertionError("no answer")


@contextlib.contextmanager
def relay(target):
    """A relay to a port; yields (its port, a function that ends it and returns its counts)."""
    port = free_port()
    command = [EXAMPLES / "relay_udp", f"{HOST}:{port}", f"{HOST}:{target}"]
    with demo.running(command, stdout=subprocess.PIPE) as process:
        def counts():
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=LIMIT_S)
            return json.loads(out)
        yield port, counts


@case
def relay_counts_both_ways():
    """Every datagram is counted, none is dropped; each client gets its own answers."""
    with bound() as target, bound() as a, bound() as b, \
            relay(target.getsockname()[1]) as (port, counts):
        for text, peer in ((b"from a", a), (b"from b", b), (b"", a)):
            target.sendto(b"to " + text, sent_through(peer, port, target, text))
            equal(peer.recv(100), b"to " + text)
        count = counts()
        if count["datagrams"] < 6:
            raise AssertionError(count)
        equal(set(count["dropped"].values()), {0})


@case
def relay_names_a_target_that_is_gone():
    """What nobody received is counted as refused, and the relay goes on."""
    gone = free_port()
    with bound() as peer, relay(gone) as (port, counts):
        peer.settimeout(0.02)
        for _ in range(50):
            peer.sendto(b"x", (HOST, port))
            with contextlib.suppress(TimeoutError):
                peer.recv(10)
        count = counts()
        if count["dropped"]["refused"] == 0:
            raise AssertionError(count)


@case
def relay_with_more_clients_than_sockets():
    """300 clients, one after the other: the oldest make room, the relay drops what it must."""
    with bound() as target, relay(target.getsockname()[1]) as (port, counts):
        for k in range(300):
            with bound() as peer:
                sent_through(peer, port, target, b"%d" % k)
        if counts()["datagrams"] < 300:
            raise AssertionError("not all")


@case
def demo_sends_its_trains():
    """The load of the demonstration, small: all arrives, directly and through the relay."""
    load = next(load for load in demo.LOADS if load.name == "datagrams")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
        rows = demo.measure(load, EXAMPLES / "relay", pathlib.Path(folder),
                            demo.QUICK._replace(trains=50))
    equal([(row.errors, row.equal) for row in rows], [(0, True)] * 2)
    equal("dropped: socket full 0, refused 0, no socket 0, queue full 0" in out.getvalue(), True)


@case
def echo_answers():
    """Datagrams of all sizes come back."""
    port = free_port()
    with bound() as peer, demo.running([EXAMPLES / "udp_echo", f"{HOST}:{port}"]):
        equal(ask(peer, port, b"hello"), b"hello")
        peer.settimeout(LIMIT_S)
        for size in (0, 1, 1472, 1473, 9000, 65507):
            peer.sendto(b"e" * size, (HOST, port))
            equal(peer.recv(65536), b"e" * size)


@case
def wrong_arguments():
    """Exit status 2 and a hint."""
    for words in ([], ["x"], ["127.0.0.1:1", "unix:/x"], ["127.0.0.1:1", "nonsense"]):
        done = subprocess.run([EXAMPLES / "relay_udp", *words], stderr=subprocess.PIPE, text=True,
                              timeout=LIMIT_S, check=False)
        equal(done.returncode, 2)
        equal("relay_udp" in done.stderr, True)


def main():
    """Runs every case."""
    tap = Tap()
    for function in CASES:
        problems = []
        try:
            function()
        except (AssertionError, OSError, ValueError, demo.Problem,
                subprocess.TimeoutExpired) as problem:
            problems = [f"{type(problem).__name__}: {problem}"]
        tap.case(function.__name__, problems)
    tap.end()


if __name__ == "__main__":
    main()
