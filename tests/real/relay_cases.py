#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""relay_cases.py: drives examples/relay from outside: wrong arguments, peers of every kind, and
real programs. Prints TAP.

    tests/real/relay_cases.py [FOLDER]      of the built examples; default build/host/examples

No case depends on how fast the machine is: the time-outs only end what would hang.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import demo  # noqa: E402
from tap import Tap  # noqa: E402

RELAY = (pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else demo.RELAY.parent) / "relay"
HOST = "127.0.0.1"
LIMIT_S = 60
SYS_PIDFD_GETFD = 438  # on every Linux
MEGABYTE = bytes(range(256)) * 4096
CASES = []


class Lacking(Exception):
    """This environment cannot run a case."""


def case(function):
    """Registers a case; it fails by an exception."""
    CASES.append(function)
    return function


def equal(got, wanted):
    """Fails unless both are the same."""
    if got != wanted:
        raise AssertionError(f"got {got!r:.200}, want {wanted!r:.200}")


# ---- tools ---------------------------------------------------------------------------------------

@contextlib.contextmanager
def target():
    """A listening socket for the relay to connect to."""
    with socket.create_server((HOST, 0), backlog=512) as listener:
        listener.settimeout(LIMIT_S)
        yield listener


@contextlib.contextmanager
def relay(port, *options, **process_options):
    """The relay in front of a port: yields (process, its own port). It must end with status 0."""
    own = demo.free_port()
    command = [RELAY, f"{HOST}:{own}", f"{HOST}:{port}", "--stats", *options]
    with demo.running(command, stdout=subprocess.PIPE, text=True, **process_options) as process:
        wait_listening(own, process)
        yield process, own
        process.send_signal(signal.SIGTERM)
        process.stats, _ = process.communicate(timeout=LIMIT_S)
    equal(process.returncode, 0)


def wait_listening(port, process):
    """Waits for the listener without connecting: a connection would be relayed and counted."""
    wanted = f":{port:04X} "
    while process.poll() is None:
        with open("/proc/net/tcp", encoding="ascii") as table:
            if any(wanted in line[:24] and " 0A " in line for line in table):
                return
        select.select([], [], [], 0.01)
    raise AssertionError(f"the relay ended with {process.returncode}")


def connect(port):
    """A client of the relay."""
    peer = socket.create_connection((HOST, port), LIMIT_S)
    peer.settimeout(LIMIT_S)
    return peer


def accept(listener):
    """The relay's connection to the target."""
    peer, _ = listener.accept()
    peer.settimeout(LIMIT_S)
    return peer


def drain(peer):
    """All bytes up to EOF."""
    parts = []
    while part := peer.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def exactly(peer, n):
    """The next n bytes, or all up to EOF."""
    got = b""
    while len(got) < n and (part := peer.recv(n - len(got))):
        got += part
    return got


def reset(peer):
    """Closes with a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


@contextlib.contextmanager
def resetting():
    """Fails unless its block is ended by a reset of the peer."""
    try:
        yield
    except ConnectionResetError:
        return
    raise AssertionError("no reset")


@contextlib.contextmanager
def link(*options):
    """A relay with one connection through it: (client, target's side)."""
    with target() as listener, relay(listener.getsockname()[1], *options) as (_, port):
        with connect(port) as client, accept(listener) as server:
            yield client, server


def complaint(*arguments):
    """Runs the relay with arguments it refuses; returns its one line."""
    done = subprocess.run([RELAY, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=LIMIT_S, check=False)
    if done.returncode not in (1, 2):
        raise AssertionError(f"exit status {done.returncode}")
    equal((done.stdout, done.stderr.count("\n")), ("", 1))
    return done.stderr


# ---- arguments -----------------------------------------------------------------------------------

@case
def unknown_option():
    """An unknown option is named on one line."""
    assert "--frobnicate" in complaint("--frobnicate", f"{HOST}:0", f"{HOST}:1")


@case
def missing_address():
    """Too few and too many addresses."""
    assert "LISTEN_ADDR" in complaint()
    assert "LISTEN_ADDR" in complaint(f"{HOST}:0")
    assert "LISTEN_ADDR" in complaint(f"{HOST}:0", f"{HOST}:1", f"{HOST}:2")


@case
def bad_address():
    """Addresses that are none, or of a family that the relay does not carry."""
    for text in ("nonsense", "256.0.0.1:80", HOST, f"{HOST}:65536", "unix:/tmp/x"):
        assert text in complaint(text, f"{HOST}:1"), text
        assert text in complaint(f"{HOST}:0", text), text


@case
def bad_max():
    """A table of no connections, or of no number."""
    for text in ("0", "-1", "many", "12abc", "", "100001"):
        assert "--max" in complaint(f"{HOST}:0", f"{HOST}:1", "--max", text), text


@case
def bad_backend():
    """A backend that does not exist: it is named, and those that do."""
    line = complaint(f"{HOST}:0", f"{HOST}:1", "--backend", "nonsense")
    assert "no backend 'nonsense'; this build has: epoll" in line, line


@case
def usage():
    """--help prints the usage, and that is a success."""
    done = subprocess.run([RELAY, "--help"], capture_output=True, text=True, timeout=LIMIT_S,
                          check=False)
    equal((done.returncode, done.stderr), (0, ""))
    assert "LISTEN_ADDR" in done.stdout, done.stdout


@case
def port_in_use():
    """The port belongs to another program."""
    with target() as listener:
        text = f"{HOST}:{listener.getsockname()[1]}"
        line = complaint(text, f"{HOST}:1")
        assert text in line and "already in use" in line, line


# ---- peers ---------------------------------------------------------------------------------------

@case
def echo_both_ways():
    """Bytes pass unchanged in both directions."""
    with link() as (client, server):
        client.sendall(b"question")
        equal(exactly(server, 8), b"question")
        server.sendall(b"answer")
        equal(exactly(client, 6), b"answer")


@case
def half_close_by_client():
    """After the client's EOF the target still answers."""
    with link() as (client, server):
        client.sendall(b"all I have")
        client.shutdown(socket.SHUT_WR)
        equal(drain(server), b"all I have")
        server.sendall(MEGABYTE)
        server.close()
        equal(drain(client), MEGABYTE)


@case
def half_close_by_target():
    """After the target's EOF the client still sends."""
    with link() as (client, server):
        server.sendall(b"enough")
        server.shutdown(socket.SHUT_WR)
        equal(drain(client), b"enough")
        client.sendall(MEGABYTE)
        client.close()
        equal(drain(server), MEGABYTE)


@case
def reset_by_client():
    """A reset of the client reaches the target as one."""
    with link() as (client, server):
        client.sendall(b"x")
        equal(exactly(server, 1), b"x")
        reset(client)
        with resetting():
            drain(server)


@case
def reset_by_target():
    """A reset of the target reaches the client as one."""
    with link() as (client, server):
        client.sendall(b"x")
        equal(exactly(server, 1), b"x")
        reset(server)
        with resetting():
            drain(client)


@case
def refused_by_target():
    """Nobody listens behind the relay: the client is reset, and the relay goes on."""
    port = demo.free_port()
    with relay(port) as (_, own):
        with resetting(), connect(own) as client:
            drain(client)
        with socket.create_server((HOST, port)) as listener, connect(own) as client:
            client.sendall(b"now")
            with accept(listener) as server:
                equal(exactly(server, 3), b"now")


@case
def one_byte_at_a_time():
    """A peer that sends single bytes."""
    with link() as (client, server):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for k in range(2000):
            client.send(MEGABYTE[k:k + 1])
        client.shutdown(socket.SHUT_WR)
        equal(drain(server), MEGABYTE[:2000])


def fill(peer):
    """Sends until the peer takes no more for a second; returns what was sent."""
    sent = 0
    peer.setblocking(False)
    while select.select([], [peer], [], 1)[1]:
        at = sent % len(MEGABYTE)
        sent += peer.send(MEGABYTE[at:])
        assert sent < 64 << 20, "the relay takes everything"
    peer.settimeout(LIMIT_S)
    return sent


@case
def back_pressure():
    """A target that does not read stops the client; nothing is lost once it reads."""
    with link() as (client, server):
        sent = fill(client)
        client.shutdown(socket.SHUT_WR)
        got = drain(server)
        equal(len(got), sent)
        assert got == (MEGABYTE * (sent // len(MEGABYTE) + 1))[:sent], "other bytes"


@case
def stalled_neighbours():
    """Pairs that stand still do not hold up another."""
    with target() as listener, relay(listener.getsockname()[1], "--max", "8") as (_, port):
        with contextlib.ExitStack() as stack:
            for _ in range(7):
                client, server = connect(port), accept(listener)
                stack.enter_context(client)
                stack.enter_context(server)
                fill(client)
                fill(server)
            with connect(port) as client, accept(listener) as server:
                sender = threading.Thread(target=client.sendall, args=(MEGABYTE,))
                sender.start()
                equal(exactly(server, len(MEGABYTE)), MEGABYTE)
                sender.join()


@case
def full_table():
    """With --max 1 the second client waits for the first to end, and is served then."""
    with target() as listener, relay(listener.getsockname()[1], "--max", "1") as (_, port):
        with connect(port) as first, connect(port) as second, connect(port) as third:
            for client in (first, second, third):
                with accept(listener) as server:
                    client.sendall(b"me")
                    equal(exactly(server, 2), b"me")
                    client.close()
                    equal(drain(server), b"")


@case
def many_connections():
    """300 connections at once, each with its own bytes."""
    with target() as listener, relay(listener.getsockname()[1]) as (_, port):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(connect(port)) for _ in range(300)]
            servers = [stack.enter_context(accept(listener)) for _ in clients]
            for k, client in enumerate(clients):
                client.sendall(b"%4d" % k)
            for server in servers:
                server.sendall(exactly(server, 4))
            equal([exactly(client, 4) for client in clients], [b"%4d" % k for k in range(300)])


def crowd(descriptors):
    """30 clients of a relay that has so many descriptors: each must be served in the end."""
    few = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                    (descriptors, descriptors))}
    with target() as listener, relay(listener.getsockname()[1], **few) as (_, port):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(connect(port)) for _ in range(30)]
            for k, client in enumerate(clients):
                client.sendall(b"%2d" % k)
                client.shutdown(socket.SHUT_WR)
            for _ in clients:
                with accept(listener) as server:
                    server.sendall(drain(server))
            equal([drain(client) for client in clients], [b"%2d" % k for k in range(30)])


@case
def few_descriptors():
    """Out of descriptors nobody is turned away, whether the last one is a client's or ours."""
    crowd(40)
    crowd(41)


def only_socket(process):
    """A copy of the one socket that the process has, in which both share everything."""
    folder = pathlib.Path(f"/proc/{process.pid}/fd")
    name, = (fd.name for fd in folder.iterdir() if os.readlink(fd).startswith("socket:"))
    holder = os.pidfd_open(process.pid)
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    copy = syscall(SYS_PIDFD_GETFD, holder, int(name), 0)
    os.close(holder)
    if copy < 0:
        raise Lacking(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
    return socket.socket(fileno=copy)


@case
def dead_listener():
    """A listener that will accept no more ends the relay, with one line."""
    own = demo.free_port()
    command = [RELAY, f"{HOST}:{own}", f"{HOST}:1"]
    with demo.running(command, stderr=subprocess.PIPE, text=True) as process:
        wait_listening(own, process)
        with only_socket(process) as listener:
            listener.shutdown(socket.SHUT_RDWR)
        _, line = process.communicate(timeout=LIMIT_S)
    equal((process.returncode, line.count("\n")), (1, 1))
    assert "cannot accept any more" in line, line


# ---- its report ----------------------------------------------------------------------------------

@case
def stats():
    """--stats: one line of JSON that counts what passed."""
    with target() as listener, relay(listener.getsockname()[1]) as (process, port):
        for _ in range(3):
            with connect(port) as client, accept(listener) as server:
                client.sendall(b"12345")
                client.shutdown(socket.SHUT_WR)
                equal(drain(server), b"12345")
                server.close()
                equal(drain(client), b"")
    equal(process.stats.count("\n"), 1)
    count = json.loads(process.stats)
    equal((count["accepted"], count["bytes"], count["resets"]), (3, 15, 0))
    assert 3 <= count["chunks"] <= 15, count
    assert 0 < count["p50_ns"] <= count["p99_ns"] <= count["p999_ns"] <= count["max_ns"], count


@case
def ends_on_interrupt():
    """SIGINT ends it with status 0, with connections open."""
    with target() as listener, relay(listener.getsockname()[1]) as (process, port):
        with connect(port) as client, accept(listener):
            process.send_signal(signal.SIGINT)
            equal(process.wait(LIMIT_S), 0)
            with contextlib.suppress(ConnectionResetError):
                equal(drain(client), b"")


# ---- real programs -------------------------------------------------------------------------------

def real(load, tap):
    """A load of the demonstration, a small part of it, through the relay."""
    name = f"relay real {load.name}"
    lacks = demo.lacks(load)
    if lacks:
        tap.skip(name, "environment", f"{', '.join(lacks)} not installed")
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        rows, problems = [], []
        try:
            rows = demo.measure(load, RELAY.resolve(), pathlib.Path(folder), demo.QUICK)
        except (demo.Problem, OSError, subprocess.TimeoutExpired) as problem:
            problems.append(str(problem))
    problems += [f"{row}" for row in rows if row.errors or not row.equal]
    tap.case(name, problems)


def main():
    """Runs every case."""
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tap = Tap()
    for function in CASES:
        try:
            function()
        except Lacking as lacking:
            tap.skip(f"relay {function.__name__}", "environment", lacking)
        except (AssertionError, OSError, ValueError, subprocess.TimeoutExpired) as problem:
            tap.case(f"relay {function.__name__}", [f"{type(problem).__name__}: {problem}"])
        else:
            tap.case(f"relay {function.__name__}")
    for load in demo.LOADS:
        real(load, tap)
    tap.end()


if __name__ == "__main__":
    main()
