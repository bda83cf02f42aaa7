#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kv_cases.py: thetis-kv and Debian's redis-server get the same random commands and must say the
same; and what clients do that are slow, rude or many. Prints TAP.

    tests/real/kv_cases.py [FOLDER] [--commands N] [--seed S] [--only WORD]

FOLDER has the built examples; thetis-kv is in ../bin from there.
"""
import argparse
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/real/kv")]
import demo  # noqa: E402
import differ  # noqa: E402
import grammar  # noqa: E402
from client import Client, oracle, thetis_kv  # noqa: E402
from tap import Tap  # noqa: E402

LENGTH = 40
LIMIT_S = 60
COMMANDS = 16000
SMALL = ("--connections", "100", "--memory", str(1 << 27))  # which sanitizers look through
SERVERS = {
    "thetis, 1 loop": SMALL,
    "thetis, 2 loops": (*SMALL, "--loops", "2", "--deal"),
    "mutex, 1 loop": (*SMALL, "--store", "mutex"),
    "mutex, 2 loops": (*SMALL, "--store", "mutex", "--loops", "2", "--deal"),
}
CONNECTIONS = 4


def sequence(seed, length=LENGTH):
    """The commands that follow from a seed, and then a look at what they have left."""
    source = grammar.Sequence(random.Random(seed))
    out = []
    while len(out) < length:
        words = grammar.command(source)
        if words[0].upper() == b"DBSIZE":  # who looks at a key that is over removes it
            out.append([b"EXISTS", *grammar.KEYS])
        out.append(words)
    return out + [[name, key] for key in grammar.KEYS for name in (b"PTTL", b"GET")]


def compare(ours, theirs, seed, commands):
    """Runs sequences; of one that differs, the least that does."""
    pairs = [(Client(ours), Client(theirs)) for _ in range(CONNECTIONS)]
    for k in range(commands // LENGTH):
        pair = pairs[k % CONNECTIONS]
        requests = sequence(f"{seed}.{k}")
        found = differ.failing(differ.run, *pair, requests)
        if found:
            least = differ.shrink(lambda some, p=pair: differ.failing(differ.run, *p, some),
                                  found.requests)
            raise differ.failing(differ.run, *pair, least) or found
    for pair in pairs:
        for client in pair:
            client.close()


def compare_parties(ours, theirs, seed, commands):
    """The same for clients that subscribe and publish."""
    for k in range(max(1, commands // 400)):
        source = grammar.Sequence(random.Random(f"{seed}.party.{k}"))
        steps = [(source.random.randrange(3), grammar.pubsub_command(source)) for _ in range(25)]
        found = differ.failing(differ.run_party, ours, theirs, 3, steps)
        if found:
            least = differ.shrink(
                lambda some: differ.failing(differ.run_party, ours, theirs, 3, some), steps)
            raise differ.failing(differ.run_party, ours, theirs, 3, least) or found


class Planted(Client):
    """A server with a fault: APPEND says one too many where that makes 3."""

    def send(self, *requests):
        """Remembers which replies are those of APPEND."""
        self.names = [request.split(b"\r\n")[2].upper() for request in requests]
        super().send(*requests)

    def read(self):
        """A reply, or a wrong one."""
        reply = super().read()
        wrong = self.names.pop(0) == b"APPEND" and reply == b":2\r\n"
        return b":3\r\n" if wrong else reply


def planted(program, args):
    """A wrong reply is found, and what leads to it is two commands at most."""
    with oracle() as theirs, thetis_kv(program, *SMALL) as ours:
        pair = Planted(ours), Client(theirs)
        for k in range(1000):
            found = differ.failing(differ.run, *pair, sequence(f"{args.seed}.planted.{k}"))
            if found:
                break
        assert found, "nothing found in 40000 commands"
        least = differ.shrink(lambda some: differ.failing(differ.run, *pair, some), found.requests)
        assert len(least) <= 2 and least[-1][0].upper() == b"APPEND", least


# ---- clients that we did not write ---------------------------------------------------------------

def output(*command, text=None):
    """What a program prints; it must end with 0."""
    done = subprocess.run([str(word) for word in command], input=text, text=True, timeout=LIMIT_S,
                          capture_output=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def redis_cli(program, _):
    """It talks in both versions of the protocol."""
    with thetis_kv(program, *SMALL, "--loops", "2") as port:
        text = "set a 1\nincr a\nget a\nmget a b\nkeys *\n"
        for version in ("-2", "-3"):
            said = output("redis-cli", version, "-p", port, text=text).split("\n")
            assert said == ["OK", "2", "2", "2", "", "a", ""], said
        assert "thetis_version" in output("redis-cli", "-p", port, "info")
        assert output("redis-cli", "-p", port, "--scan").split() == ["a"]


def redis_benchmark(program, _):
    """It gets all its replies, plain and pipelined."""
    for options in ((), ("--loops", "2"), ("--loops", "2", "--store", "mutex"),
                    ("--backend", "poll")):
        with thetis_kv(program, *SMALL, *options) as port:
            for pipeline in (1, 16):
                said = output("redis-benchmark", "-p", port, "-n", 2000, "-P", pipeline, "-r", 100,
                              "-t", "ping,set,get,incr,mset", "--csv")
                assert said.count("\n") >= 6, said


def sanitizer(program):
    """That of the tree where it was built, or None."""
    tree = program.parent.parent.name
    return tree if tree in ("asan", "tsan") else None


def idle(program, _):
    """10,000 connections, or as many as this process may have, and each is served; sanitizers
    would go through the memory of all of them."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count = min(200 if sanitizer(program) else 10000, most - 100)
    with thetis_kv(program, *SMALL, "--loops", "2", "--connections", count) as port:
        clients = [Client(port, f"127.0.0.{2 + k % 4}") for k in range(count)]
        for client in clients:
            client.send(b"PING\r\n")
        assert all(client.read() == b"+PONG\r\n" for client in clients)
        assert clients[0].ask("INFO", "clients").count(b"connected_clients:%d\r\n" % count) == 1
        for client in clients:
            client.close()


def stall(program, _):
    """The program that stops a thread ends with its three rows; how long is for people to read."""
    rows = output(f"{program}-stall", "--stops", 1, "--workers", 1).split("\n")
    names = [row.split()[0] for row in rows if row]
    assert names == ["stopped", "nothing", "thetis", "mutex"], rows


def differential(program, args):
    """(name, case) for each kind of server."""
    for name, options in SERVERS.items():
        def case(options=options):
            with oracle() as theirs, thetis_kv(program, *options) as ours:
                compare(ours, theirs, args.seed, args.commands // len(SERVERS))
                compare_parties(ours, theirs, args.seed, args.commands // len(SERVERS))
        yield f"same as redis-server: {name}, seed {args.seed}", case
    cases = [planted, redis_cli, redis_benchmark, idle]
    if sanitizer(program) != "tsan":  # which lets signals wait until the thread waits
        cases.append(stall)
    for case in cases:
        yield case.__name__, lambda case=case: case(program, args)


def main():
    """Runs every case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", default=ROOT / "build/host/examples")
    parser.add_argument("--commands", type=int, default=COMMANDS)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1000000007)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    program = pathlib.Path(args.folder).resolve().parent / "bin/thetis-kv"
    tap = Tap()
    if not shutil.which("redis-server"):
        tap.skip("thetis-kv beside redis-server", "environment", "no redis-server")
        tap.end()
    for name, case in differential(program, args):
        if args.only not in name:
            continue
        problems = []
        try:
            case()
        except (differ.Mismatch, AssertionError, EOFError, OSError, demo.Problem,
                subprocess.TimeoutExpired) as problem:
            problems += f"{type(problem).__name__}: {problem}".splitlines()
        tap.case(f"kv {name}", problems)
    tap.end()


if __name__ == "__main__":
    main()
