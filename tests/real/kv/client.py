# SPDX-License-Identifier: MIT
"""A client that keeps the bytes of each reply, and servers to talk to."""
import contextlib
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools"))
import demo  # noqa: E402

LIMIT_S = 60


class Client:
    """A connection that sends requests and reads replies as they are."""

    def __init__(self, port, source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT_S, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data, self.at = b"", 0

    def close(self):
        """No more of it."""
        self.socket.close()

    def send(self, *requests):
        """Sends requests, each the bytes of one."""
        self.socket.sendall(b"".join(requests))

    def _more(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError("the server closed the connection")
        self.data, self.at = self.data[self.at:] + data, 0

    def _line(self, at):
        """Where the line at `at` ends, behind its CR LF; `at` counts from self.at."""
        while (end := self.data.find(b"\r\n", self.at + at)) < 0:
            self._more()
        return end + 2 - self.at

    def _skip(self, at):
        """Where the reply at `at` ends."""
        end = self._line(at)
        kind = self.data[self.at + at:self.at + at + 1]
        if kind in b"$=*%>~":
            count = int(self.data[self.at + at + 1:self.at + end - 2])
            if kind in b"$=":
                end += count + 2 if count >= 0 else 0
                while len(self.data) - self.at < end:
                    self._more()
            else:
                for _ in range(count * (2 if kind == b"%" else 1)):
                    end = self._skip(end)
        return end

    def read(self):
        """The bytes of the next reply."""
        while self.at == len(self.data):
            self._more()
        end = self._skip(0)
        reply = self.data[self.at:self.at + end]
        self.at += end
        return reply

    def ask(self, *words):
        """The reply to one request."""
        self.send(pack(words))
        return self.read()


def pack(words):
    """A request as programs send it."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def unpack(reply):
    """The value of a reply: bytes for every scalar, with its first byte; None; lists."""
    value, _ = _unpack(reply, 0)
    return value


def _unpack(reply, at):
    end = reply.index(b"\r\n", at)
    kind, line, end = reply[at:at + 1], reply[at + 1:end], end + 2
    if kind in b"$=" and line != b"-1":
        return reply[end:end + int(line)], end + int(line) + 2
    if kind in b"*%>~" and line != b"-1":
        items = []
        for _ in range(int(line) * (2 if kind == b"%" else 1)):
            item, end = _unpack(reply, end)
            items.append(item)
        return items, end
    return (None if kind == b"_" or line == b"-1" and kind in b"$*" else kind + line), end


@contextlib.contextmanager
def serving(command, port):
    """A server on that port, until the block ends."""
    with demo.running(command, stdout=demo.subprocess.DEVNULL) as process:
        demo.wait_for(port, process)
        yield process


@contextlib.contextmanager
def oracle():
    """The port of a redis-server that keeps nothing."""
    port = demo.free_port()
    command = ["redis-server", "--port", port, "--save", "", "--appendonly", "no", "--databases",
               "1", "--bind", "127.0.0.1", "--dir", "/tmp"]
    with serving(command, port):
        yield port


@contextlib.contextmanager
def thetis_kv(program, *options):
    """The port of a thetis-kv, which must end well when it is told to."""
    port = demo.free_port()
    with serving([program, "--port", port, *options], port) as process:
        yield port
    assert process.returncode == 0, f"thetis-kv ended with {process.returncode}"
