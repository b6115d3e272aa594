"""Clients: swaks, smtplib, and one that sends what it likes."""

import base64
import os
import smtplib
import socket
import ssl
import subprocess

from kit import CONTOSO_IP


def trusting(ca):
    return ssl.create_default_context(cafile=ca)


def queue_id(reply):
    """Under which a message was taken, out of the reply to its end."""
    return reply.split("InternalId=")[1].split("]")[0]


class Lost(Exception):
    """The server closed the connection."""


class Raw:
    """Octets over a socket. Every wait is bounded by the socket's timeout."""

    def __init__(self, address, port, source=CONTOSO_IP, timeout=10):
        self.sock = socket.create_connection((address, port), timeout, (source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def line(self):
        while b"\n" not in self.buffer:
            try:
                more = self.sock.recv(65536)
            except (ConnectionError, ssl.SSLError) as e:
                raise Lost(str(e)) from e
            if not more:
                raise Lost("closed")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def reply(self):
        """One whole reply: its lines joined by a newline."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def ask(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def expect(self, line, code):
        reply = self.ask(line) if line is not None else self.reply()
        if not reply.startswith(str(code)):
            raise AssertionError(f"{line!r} was answered {reply!r}, wanted {code}")
        return reply

    def handshake(self, ca, name):
        self.sock = trusting(ca).wrap_socket(self.sock, server_hostname=name)
        self.buffer = b""

    def starttls(self, ca, name):
        self.expect("STARTTLS", 220)
        self.handshake(ca, name)

    def login(self, user, password):
        self.expect("AUTH LOGIN", 334)
        self.expect(base64.b64encode(user.encode()).decode(), 334)
        return self.ask(base64.b64encode(password.encode()).decode())

    def until_closed(self):
        """Everything that still comes, up to the end of the connection."""
        said = self.buffer
        try:
            while more := self.sock.recv(65536):
                said += more
        except (ConnectionError, ssl.SSLError):
            pass
        return said.decode("latin-1")


def smtp(address, port, ca, name, user=None, password=None, source=CONTOSO_IP):
    """A logged-on smtplib client."""
    client = smtplib.SMTP(timeout=15, source_address=(source, 0), local_hostname="client.example")
    client.connect(address, port)
    client._host = name  # what the certificate must be good for
    client.starttls(context=trusting(ca))
    client.ehlo()
    if user:
        client.login(user, password)
    return client


def swaks(address, port, *arguments, source=CONTOSO_IP):
    """Exit code and transcript of one swaks run."""
    done = subprocess.run(
        ["swaks", "--server", address, "--port", str(port), "--local-interface", source,
         "--helo", "client.example", "--timeout", "15", *arguments],
        capture_output=True, text=True, errors="replace", timeout=60,
        env={**os.environ, "HOME": "/nonexistent"},
    )
    return done.returncode, done.stdout + done.stderr
