# SPDX-License-Identifier: MIT
"""Random sequences of commands. Everything follows from one random.Random."""
import time

KEYS = [b"k%d" % n for n in range(6)] + [b"", b"key with spaces", b"\x00\xff\r\n", b"a*b"]
INTEGERS = [b"0", b"1", b"-1", b"10", b"-7", b"9223372036854775807", b"-9223372036854775808",
            b"9223372036854775808", b"007", b"+3", b" 4", b"5 ", b"", b"x", b"1.5", b"-0", b"100"]
FLOATS = [b"0", b"1.5", b"-2.25", b"3.0e3", b"1e-5", b"0.1", b"5.", b".5", b"1e400", b"nan", b"inf",
          b"-inf", b"x", b"", b" 1", b"1 ", b"0x10", b"1e30", b"-0.0", b"123456789.123456789"]
VALUES = [b"", b"v", b"hello world", b"\x00\x01\xfe", b"x" * 200, b"y" * 5000, b"10", b"-3", b"2.5",
          b"\r\n", b'quoted "text"', b"9223372036854775807"]
PATTERNS = [b"*", b"k*", b"k[1-3]", b"k[^1-3]", b"k?", b"", b"\\k1", b"[k", b"a\\*b",
            b"**k**1", b"k[3-1]", b"[\\k]1", b"*[ ]*", b"?", b"k1[", b"\\"]
CHANNELS = [b"news", b"sport", b"news.de", b"", b"a b"]
CHANNEL_PATTERNS = [b"news*", b"s?ort", b"*", b"[n]ews"]
TIME_STEP_S = 50  # between any two deadlines of a sequence, which makes their order certain


class Sequence:
    """What a sequence of commands draws from."""

    def __init__(self, random):
        self.random = random
        self.deadlines = list(range(20, 2000))
        self.random.shuffle(self.deadlines)
        self.now = time.time()

    def seconds(self):
        """From now; never the same twice, or one that is no time to come."""
        draw = self.random.random()
        if draw < 0.1:
            return self.random.choice([0, -1, -100])
        if draw < 0.15:
            return self.random.choice(INTEGERS[5:14])
        return self.deadlines.pop() * TIME_STEP_S

    def scaled(self, seconds, unit, base=0):
        """The same in another unit, or counted from 1970."""
        if isinstance(seconds, bytes):
            return seconds
        if seconds <= 0:
            return seconds
        return int((seconds + base) * unit)

    def when(self, word):
        """A time as this option or command takes it."""
        unit = 1000 if word.startswith("P") else 1
        return self.scaled(self.seconds(), unit, self.now if "AT" in word else 0)

    def key(self):
        """One of few, mostly of two: what commands do to each other must show."""
        return self.random.choice(self.random.choice([KEYS[:2], KEYS[:2], KEYS]))

    def value(self):
        """Any bytes, often a number."""
        return self.random.choice(self.random.choice([VALUES, INTEGERS, FLOATS]))

    def integer(self):
        """Often none."""
        return self.random.choice(INTEGERS)

    def index(self):
        """Of a byte."""
        return self.random.choice([0, 1, 2, 5, -1, -2, -5, 100, 5000, -5000, b"x", b""])

    def some(self, draw, most=3):
        """One to `most` of them."""
        return [draw() for _ in range(self.random.randint(1, most))]

    def options(self, words):
        """Some of these options, in any order; those of times with a time."""
        out = []
        for word in self.random.sample(words, self.random.choice([0, 0, 1, 1, 2, 3])):
            out.append(word)
            if word.lstrip("P") in ("EX", "X", "EXAT", "XAT") and self.random.random() < 0.95:
                out.append(self.when(word))
        return out


TIMES = ["EX", "PX", "EXAT", "PXAT"]

# Command, weight, arguments.
COMMANDS = [
    ("SET", 8, lambda s: [s.key(), s.value(), *s.options(["NX", "XX", "GET", "KEEPTTL", *TIMES])]),
    ("SET", 2, lambda s: [s.key(), s.value(), "KEEPTTL"]),
    ("GET", 6, lambda s: [s.key()]),
    ("GETSET", 1, lambda s: [s.key(), s.value()]),
    ("GETDEL", 1, lambda s: [s.key()]),
    ("GETEX", 3, lambda s: [s.key(), *s.options(["PERSIST", "NX", *TIMES])]),
    ("SETEX", 1, lambda s: [s.key(), s.when("EX"), s.value()]),
    ("PSETEX", 1, lambda s: [s.key(), s.when("PX"), s.value()]),
    ("SETNX", 1, lambda s: [s.key(), s.value()]),
    ("MGET", 1, lambda s: s.some(s.key)),
    ("MSET", 1, lambda s: [f() for _ in s.some(s.key) for f in (s.key, s.value)]),
    ("STRLEN", 1, lambda s: [s.key()]),
    ("APPEND", 3, lambda s: [s.key(), s.value()]),
    ("GETRANGE", 2, lambda s: [s.key(), s.index(), s.index()]),
    ("SUBSTR", 1, lambda s: [s.key(), s.index(), s.index()]),
    ("SETRANGE", 3, lambda s: [s.key(), s.index(), s.value()]),
    ("INCR", 2, lambda s: [s.key()]),
    ("DECR", 1, lambda s: [s.key()]),
    ("INCRBY", 2, lambda s: [s.key(), s.integer()]),
    ("DECRBY", 2, lambda s: [s.key(), s.integer()]),
    ("INCRBYFLOAT", 3, lambda s: [s.key(), s.random.choice(FLOATS)]),
    ("DEL", 1, lambda s: s.some(s.key)),
    ("UNLINK", 1, lambda s: s.some(s.key)),
    ("EXISTS", 1, lambda s: s.some(s.key)),
    ("TOUCH", 1, lambda s: s.some(s.key)),
    ("TYPE", 1, lambda s: [s.key()]),
    *[(name, 2, lambda s, name=name: [s.key(), s.when(name.replace("EXPIRE", "EX")),
                                      *s.options(["NX", "XX", "GT", "LT"])])
      for name in ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT")],
    *[(name, 1, lambda s: [s.key()])
      for name in ("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST")],
    ("KEYS", 1, lambda s: [s.random.choice(PATTERNS)]),
    ("SCAN", 1, lambda s: [b"x", *s.random.choice([[], ["COUNT", 0], ["MATCH"]])]),
    ("SCAN", 1, lambda s: [0, "COUNT", 1000000, *s.random.choice(
        [[], ["MATCH", s.random.choice(PATTERNS)], ["TYPE", "string"], ["TYPE", "hash"]])]),
    ("RANDOMKEY", 1, lambda s: []),
    ("DBSIZE", 1, lambda s: []),
    ("FLUSHALL", 0.3, lambda s: s.random.choice([[], ["ASYNC"], ["SYNC"], ["x"]])),
    ("PING", 1, lambda s: s.random.choice([[], [s.value()]])),
    ("ECHO", 1, lambda s: [s.value()]),
    ("SELECT", 1, lambda s: [s.random.choice([0, 0, 1, -1, b"x"])]),
    ("TIME", 0.3, lambda s: []),
    ("INFO", 0.3, lambda s: s.random.choice([[], ["server"]])),
    ("HELLO", 0.5, lambda s: s.random.choice([[], [2], [3], [3], [4], [b"x"], [3, "SETNAME", "me"],
                                              [3, "x"], [2, "SETNAME", "a b"]])),
    ("CLIENT", 1, lambda s: s.random.choice([["ID"], ["GETNAME"], ["SETNAME", s.value()[:60]],
                                             ["INFO"], ["nothing"], []])),
    ("CONFIG", 0.5, lambda s: s.random.choice([["GET", "save"], ["GET", "nothing"], ["SET", "x"],
                                               ["GET", "max*"], ["nothing"], []])),
    ("COMMAND", 0.2, lambda s: s.random.choice([["COUNT"], ["DOCS", "get"], ["nothing"]])),
    ("PUBLISH", 0.5, lambda s: [s.random.choice(CHANNELS), s.value()]),
    ("PUBSUB", 0.5, lambda s: s.random.choice([["CHANNELS"], ["NUMPAT"], ["NUMSUB", b"news"],
                                               ["NUMSUB"], ["CHANNELS", b"n*"], ["x"]])),
    ("nothing", 0.5, lambda s: s.some(s.value)),
    ("", 0.1, lambda s: s.some(s.value)),
]
WEIGHTS = [weight for _, weight, _ in COMMANDS]


def command(sequence):
    """The words of one command; sometimes with too few or too many of them."""
    random = sequence.random
    name, _, arguments = random.choices(COMMANDS, WEIGHTS)[0]
    words = [name if random.random() < 0.8 else name.lower(), *arguments(sequence)]
    if name != "SCAN" and random.random() < 0.03:
        words = words[:-1] if len(words) > 1 and random.random() < 0.5 else words + [b"more"]
    return [word if isinstance(word, bytes) else str(word).encode() for word in words]


# What else a client of the sequences with subscriptions may say.
PUBSUB = [
    ("SUBSCRIBE", 3, lambda s: s.some(lambda: s.random.choice(CHANNELS))),
    ("PSUBSCRIBE", 2, lambda s: s.some(lambda: s.random.choice(CHANNEL_PATTERNS))),
    ("UNSUBSCRIBE", 1, lambda s: s.random.choice([[], [s.random.choice(CHANNELS)]])),
    ("PUNSUBSCRIBE", 1, lambda s: s.random.choice([[], [s.random.choice(CHANNEL_PATTERNS)]])),
    ("PUBLISH", 6, lambda s: [s.random.choice(CHANNELS), s.value()]),
    ("PUBSUB", 2, lambda s: s.random.choice(
        [["CHANNELS"], ["CHANNELS", b"n*"], ["NUMPAT"],
         ["NUMSUB", *[s.random.choice(CHANNELS) for _ in range(2)]]])),
    ("GET", 1, lambda s: [s.key()]),
    ("HELLO", 1, lambda s: [s.random.choice([2, 3])]),
    ("PING", 1, lambda s: []),
]


def pubsub_command(sequence):
    """The words of a command about channels."""
    weights = [weight for _, weight, _ in PUBSUB]
    name, _, arguments = sequence.random.choices(PUBSUB, weights)[0]
    return [word if isinstance(word, bytes) else str(word).encode()
            for word in [name, *arguments(sequence)]]
