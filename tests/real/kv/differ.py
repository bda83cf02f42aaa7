# SPDX-License-Identifier: MIT
"""Gives two servers the same commands and compares what they say."""
import itertools

from client import Client, pack, unpack

SHAPE = {"TIME", "INFO", "HELLO", "COMMAND", "CLIENT", "CONFIG"}  # whose replies differ by nature
TOLERANCE = {"TTL": 2, "PTTL": 2000, "EXPIRETIME": 2, "PEXPIRETIME": 2000}
SHOWN = 200
RESET = [[b"UNSUBSCRIBE"], [b"PUNSUBSCRIBE"], [b"HELLO", b"2"], [b"CLIENT", b"SETNAME", b""]]


def short(data):
    """Bytes for people."""
    return repr(data) if len(data) <= SHOWN else f"{data[:SHOWN]!r}... ({len(data)} bytes)"


def words_of(request):
    """A request for people."""
    return " ".join(map(short, request))


def number(reply):
    """An integer reply, or None."""
    return int(reply[1:-2]) if reply[:1] == b":" else None


def same_shape(ours, theirs):
    """Errors are equal, other replies of one kind."""
    if b"-" in (ours[:1], theirs[:1]):
        return ours == theirs
    return ours[:1] == theirs[:1]


def same(request, ours, theirs):
    """Whether two replies to a request are as good as equal."""
    name = request[0].decode("latin1").upper()
    if ours == theirs:
        return True
    if name in SHAPE:
        return same_shape(ours, theirs)
    if name in TOLERANCE:
        a, b = number(ours), number(theirs)
        return None not in (a, b) and min(a, b) >= 0 and abs(a - b) <= TOLERANCE[name]
    if name in ("KEYS", "SCAN", "PUBSUB", "RANDOMKEY"):
        return same_set(name, unpack(ours), unpack(theirs))
    return False


def same_set(name, ours, theirs):
    """Replies whose order is free. RANDOMKEY: its keys are looked at by whoever calls."""
    if name == "RANDOMKEY":
        return (ours is None) == (theirs is None)
    if not (isinstance(ours, list) and isinstance(theirs, list)):
        return False
    if name == "SCAN":
        if len(ours) != 2 or len(theirs) != 2 or ours[0] != theirs[0]:
            return False
        ours, theirs = ours[1], theirs[1]
    return sorted(ours) == sorted(theirs)


class Mismatch(Exception):
    """What differed: the commands so far, the last of which did."""

    def __init__(self, requests, ours, theirs):
        super().__init__("\n".join([*map(words_of, requests), f"ours:   {short(ours)}",
                                    f"theirs: {short(theirs)}"]))
        self.requests = requests


def run(ours, theirs, requests):
    """One sequence on two connections, from an empty store; all in one send."""
    whole = [*RESET, [b"FLUSHALL"], *requests]
    data = [pack(words) for words in whole]
    ours.send(*data)
    theirs.send(*data)
    for k, request in enumerate(whole):
        a, b = ours.read(), theirs.read()
        if not same(request, a, b):
            for _ in whole[k + 1:]:
                ours.read()
                theirs.read()
            raise Mismatch(whole[len(RESET) + 1:k + 1], a, b)


def shrink(fails, requests):
    """The fewest of these requests that still fail, in their order."""
    size = max(1, len(requests) // 2)
    while True:
        for at in range(0, len(requests), size):
            fewer = requests[:at] + requests[at + size:]
            if fails(fewer):
                requests = fewer
                break
        else:
            if size == 1:
                return requests
            size //= 2


def failing(function, *arguments):
    """The Mismatch it raises, or None."""
    try:
        function(*arguments)
    except Mismatch as found:
        return found
    return None


# ---- clients that talk to each other -------------------------------------------------------------

class Party:
    """Some clients of one server, of which one speaks at a time."""

    def __init__(self, port, clients):
        self.clients = [Client(port) for _ in range(clients)]
        self.marks = 0

    def leave(self):
        """All go, and nobody is subscribed any more."""
        for k, client in enumerate(self.clients):
            self.step(k, [b"UNSUBSCRIBE"])
            self.step(k, [b"PUNSUBSCRIBE"])
            client.close()
            self.clients[k] = None

    def step(self, who, request):
        """What each client hears because of a request, up to the answer to a mark."""
        self.marks += 1
        mark = b"mark%d" % self.marks
        self.clients[who].send(pack(request))
        heard = [self._until(self.clients[who], mark)]
        for k, client in enumerate(self.clients):
            if k != who and client:
                heard.append(self._until(client, mark))
        return heard

    @staticmethod
    def _until(client, mark):
        client.send(pack([b"PING", mark]))
        heard = []
        while (reply := client.read()) and unpack(reply) not in (mark, [b"pong", mark]):
            heard.append(reply)
        return canonical(heard)


def kind(reply):
    """What a push is about."""
    value = unpack(reply)
    return value[0] if isinstance(value, list) and value and isinstance(value[0], bytes) else b""


def canonical(heard):
    """Pushes whose order is free, sorted; nobody promises in which order patterns come."""
    out = []
    for what, replies in itertools.groupby(heard, kind):
        replies = list(replies)
        if what in (b"unsubscribe", b"punsubscribe"):  # the counts go with the order
            out.append((what, sorted(unpack(r)[1] or b"" for r in replies),
                        sorted(unpack(r)[2] for r in replies)))
        else:
            out.append((what, sorted(replies) if what == b"pmessage" else replies))
    return out


def run_party(ours, theirs, clients, steps):
    """A sequence of (who, request) for parties on both servers."""
    parties = [Party(port, clients) for port in (ours, theirs)]
    try:
        for k, (who, request) in enumerate(steps):
            a, b = (party.step(who, request) for party in parties)
            loose = request[0] in (b"HELLO", b"PUBSUB")
            if a != b and not (loose and party_same(request, a, b)):
                raise Mismatch([[b"%d" % w, *r] for w, r in steps[:k + 1]], a, b)
    finally:
        for party in parties:
            party.leave()


def party_same(request, ours, theirs):
    """Of who asked: as same(); of the others: nothing."""
    if ours[1:] != theirs[1:] or len(ours[0]) != 1 or len(theirs[0]) != 1:
        return False
    (_, (a, *more)), (_, (b, *others)) = ours[0][0], theirs[0][0]
    return not more and not others and same(request, a, b)
