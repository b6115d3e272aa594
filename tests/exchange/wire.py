"""Lines and octets over a socket, and the clock that both sides of a session look at.

No test waits for a limit of minutes: it hands a HandClock over and winds it.
"""

import select
import socket
import ssl
import threading
import time

BOUND = 60  # real seconds without an octet end every wait, whatever the clock says


class Gone(Exception):
    """The other side is gone, or this one has left: the session is over."""


class TimedOut(Exception):
    """A limit of time was reached."""


class Clock:
    """Real seconds."""

    def now(self):
        return time.monotonic()

    def sleep(self, seconds, released=None):
        (released or threading.Event()).wait(seconds)

    def readable(self, sock, until):
        """True when there is something to read; False when it is later than until."""
        wait = BOUND if until is None else min(BOUND, until - self.now())
        if wait <= 0 or (select.select([sock], [], [], wait)[0] == [] and wait < BOUND):
            return False
        return True


class HandClock(Clock):
    """Stands still until a test winds it."""

    TICK = 0.02  # how often a waiting session looks at it

    def __init__(self):
        self.seconds = 0.0
        self.waiting = 0  # sessions that wait for the other side, their limit fixed

    def now(self):
        return self.seconds

    def advance(self, seconds):
        self.seconds += seconds

    def sleep(self, seconds, released=None):
        released = released or threading.Event()
        until, bound = self.seconds + seconds, time.monotonic() + BOUND
        while self.seconds < until and time.monotonic() < bound and not released.wait(self.TICK):
            pass

    def readable(self, sock, until):
        bound = time.monotonic() + BOUND
        self.waiting += 1
        try:
            while time.monotonic() < bound:
                if until is not None and self.seconds >= until:
                    return False
                if select.select([sock], [], [], self.TICK)[0]:
                    return True
            raise Gone
        finally:
            self.waiting -= 1


class Wire:
    """One connection. `until` is asked before each read: when it must be over, or None.
    `heard` is called with each line that came, `said` with each that went."""

    def __init__(self, sock, clock=None, until=lambda: None, heard=None, said=None):
        self.sock = sock
        self.clock = clock or Clock()
        self.until = until
        self.heard, self.said = heard or (lambda line: None), said or (lambda line: None)
        self.buffer = b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each reply is a write

    def fill(self):
        pending = getattr(self.sock, "pending", None)
        if not (pending and pending()) and not self.clock.readable(self.sock, self.until()):
            raise TimedOut
        try:
            more = self.sock.recv(65536)
        except (ssl.SSLError, ConnectionError, TimeoutError) as e:
            raise Gone(str(e)) from e
        if not more:
            raise Gone("closed")
        self.buffer += more

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (ssl.SSLError, ConnectionError, TimeoutError, BrokenPipeError) as e:
            raise Gone(str(e)) from e

    def say(self, text):
        """One or more whole lines, without the last CRLF."""
        for line in text.split("\r\n"):
            self.said(line)
        self.send((text + "\r\n").encode("latin-1"))

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        text = line.removesuffix(b"\r").decode("latin-1")
        self.heard(text)
        return text

    def octets(self, count, keep=True):
        """Exactly so many; with keep=False they are only counted."""
        parts = []
        while count > 0:
            if not self.buffer:
                self.fill()
            part, self.buffer = self.buffer[:count], self.buffer[count:]
            count -= len(part)
            if keep:
                parts.append(part)
        return b"".join(parts)

    def dotted(self):
        """What follows DATA, up to CRLF.CRLF, dots undone. A bare LF is content (3.5)."""
        parts, tail = [], b"\r\n"  # the tail of what went before, for an end across reads
        while True:
            if not self.buffer:
                self.fill()
            whole = tail + self.buffer
            end = whole.find(b"\r\n.\r\n")
            if end >= 0:
                parts.append(whole[len(tail):end + 2] if end + 2 > len(tail) else b"")
                surplus = max(0, len(tail) - (end + 2))
                self.buffer = whole[end + 5:]
                break
            parts.append(self.buffer)
            tail, self.buffer = whole[-4:], b""
        content = b"".join(parts)
        content = content[:len(content) - surplus] if surplus else content
        if content.startswith(b"."):
            content = content[1:]
        return content.replace(b"\r\n.", b"\r\n")

    def secure(self, wrap):
        """TLS from here on: wrap(socket) is the handshake. What came in clear is forgotten."""
        self.buffer = b""
        self.sock = wrap(self.sock)

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass


def stuff(data):
    """As DATA carries it: dots doubled, and the end."""
    data = data.replace(b"\r\n.", b"\r\n..")
    if data.startswith(b"."):
        data = b"." + data
    return data + (b"" if data.endswith(b"\r\n") or not data else b"\r\n") + b".\r\n"
