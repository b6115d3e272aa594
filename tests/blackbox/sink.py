"""A server of a forest that does as the test says: well, badly, or not at all.

Left alone it is a good one: STARTTLS, AUTH LOGIN and PLAIN under TLS, 250 for everything; it keeps
every message it took. `server.script[STAGE] = action` changes one stage from the next command on,
`server.script.clear()` repairs it. An action is

    bytes             sent as they are, in place of the reply
    DROP              the connection is closed, nothing said
    RESET             the same with a TCP reset
    STALL             nothing is said until the client leaves
    function          called with (session, argument); returns one of the above, or None for
                      the good behaviour

Stages, in the order of a session: banner ehlo starttls handshake ehlo-tls auth auth-name
auth-password mail rcpt xexch50 blob data bdat content quit other. `content` is what follows the
final dot or the last chunk, `blob` what follows the 354 to XEXCH50. With `no-bdat` in the script the
verb is not known, whatever the keywords say.
"""

import base64
import contextlib
import socket
import ssl
import struct
import threading

from kit import Message, free_port

DROP, RESET, STALL = object(), object(), object()


class Gone(Exception):
    """The session is over."""


class Session:
    def __init__(self, server, sock, client):
        self.server, self.sock, self.client = server, sock, client
        self.buffer = b""
        self.tls = False
        self.hello = self.account = None
        self.mail_line = ""
        self.forget()
        self.commands = []

    def send(self, data):
        self.sock.sendall(data)

    def read_line(self):
        while b"\n" not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                raise Gone
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def read_content(self):
        while not (self.buffer.startswith(b".\r\n") or b"\r\n.\r\n" in self.buffer):
            more = self.sock.recv(65536)
            if not more:
                raise Gone
            self.buffer += more
        if self.buffer.startswith(b".\r\n"):
            content, self.buffer = b"", self.buffer[3:]
        else:
            content, self.buffer = self.buffer.split(b"\r\n.\r\n", 1)
            content += b"\r\n"
        return b"\r\n".join(
            l[1:] if l.startswith(b".") else l for l in content.split(b"\r\n")
        )

    def read_octets(self, count):
        while len(self.buffer) < count:
            more = self.sock.recv(65536)
            if not more:
                raise Gone
            self.buffer += more
        octets, self.buffer = self.buffer[:count], self.buffer[count:]
        return octets

    def stage(self, name, argument=""):
        """True when the script did this stage in its own way."""
        action = self.server.script.get(name)
        if callable(action):
            action = action(self, argument)
        if action is None:
            return False
        if action is RESET:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if action is DROP or action is RESET:
            raise Gone
        if action is STALL:
            while self.sock.recv(65536):
                pass
            raise Gone
        self.send(action)
        return True

    def serve(self):
        if not self.stage("banner"):
            self.send(f"220 {self.server.name} ESMTP\r\n".encode())
        while True:
            line = self.read_line()
            verb, _, argument = line.partition(" ")
            verb = verb.upper()
            self.commands.append(line if verb != "AUTH" else "AUTH " + argument.split(" ")[0])
            self.server.commands.append((self, self.commands[-1]))
            handler = getattr(self, "do_" + verb.lower(), None)
            if handler is None or f"no-{verb.lower()}" in self.server.script:
                if not self.stage("other", line):
                    self.send(b"500 5.5.1 Unrecognized command\r\n")
            else:
                handler(argument)

    def do_ehlo(self, argument):
        self.hello = argument
        if self.stage("ehlo-tls" if self.tls else "ehlo", argument):
            return
        keywords = list(self.server.keywords)
        if self.tls:
            keywords += ["AUTH " + " ".join(self.server.mechanisms)] if self.server.mechanisms else []
        elif self.server.context:
            keywords.append("STARTTLS")
        lines = [self.server.name, *keywords]
        self.send(b"".join(
            f"250{' ' if i == len(lines) - 1 else '-'}{l}\r\n".encode()
            for i, l in enumerate(lines)))

    def do_starttls(self, argument):
        if self.stage("starttls", argument):
            return
        if self.tls or not self.server.context:
            self.send(b"502 5.5.1 Command not implemented\r\n")
            return
        self.send(b"220 2.0.0 SMTP server ready\r\n")
        if self.stage("handshake"):
            return
        self.buffer = b""
        self.sock = self.server.context.wrap_socket(self.sock, server_side=True)
        self.tls = True

    def do_auth(self, argument):
        if self.stage("auth", argument):
            return
        mechanism, _, initial = argument.partition(" ")
        if not self.tls or mechanism.upper() not in self.server.mechanisms:
            self.send(b"504 5.7.4 Unrecognized authentication type\r\n")
            return
        if mechanism.upper() == "PLAIN":
            if not initial:
                self.send(b"334 \r\n")
                initial = self.read_line()
            _, name, password = base64.b64decode(initial).decode().split("\0")
        else:
            if not initial:
                if self.stage("auth-name"):
                    return
                self.send(b"334 VXNlcm5hbWU6\r\n")
                initial = self.read_line()
            name = base64.b64decode(initial).decode()
            if self.stage("auth-password"):
                return
            self.send(b"334 UGFzc3dvcmQ6\r\n")
            password = base64.b64decode(self.read_line()).decode()
        if (name, password) == (self.server.user, self.server.password):
            self.account = name
            self.send(b"235 2.7.0 Authentication successful\r\n")
        else:
            self.server.wrong_passwords += 1
            self.send(b"535 5.7.3 Authentication unsuccessful\r\n")

    def do_mail(self, argument):
        if self.stage("mail", argument):
            return
        if self.server.user and not self.account:
            self.send(b"530 5.7.1 Client was not authenticated\r\n")
            return
        self.mail_line = argument
        self.sender = argument[argument.index("<") + 1:argument.index(">")]
        self.recipients, self.rcpt_lines = [], []
        self.send(b"250 2.1.0 Sender OK\r\n")

    def do_rcpt(self, argument):
        if self.stage("rcpt", argument):
            return
        self.recipients.append(argument[argument.index("<") + 1:argument.index(">")])
        self.rcpt_lines.append(argument)
        self.send(b"250 2.1.5 Recipient OK\r\n")

    def do_data(self, argument):
        if self.stage("data", argument):
            return
        if not self.recipients:
            self.send(b"503 5.5.2 Need rcpt command\r\n")
            return
        self.send(b"354 Start mail input; end with <CRLF>.<CRLF>\r\n")
        content = self.read_content()
        self.got_content(content, "DATA")

    def got_content(self, content, verb):
        if self.stage("content", content):
            return
        message = Message(self.sender, self.recipients, content)
        message.session = self
        message.mail_line = self.mail_line
        message.rcpt_lines = self.rcpt_lines
        message.verb, message.exch50 = verb, self.exch50
        self.server.keep(message)
        number = len(self.server.messages)
        self.send(f"250 2.6.0 <{number}@{self.server.name}> Queued mail for delivery\r\n".encode())
        self.forget()

    def forget(self):
        self.sender, self.recipients, self.rcpt_lines = None, [], []
        self.chunks, self.exch50 = b"", None

    def do_bdat(self, argument):
        """Chunks are gathered; the one that is the last makes the message (RFC 3030)."""
        words = argument.upper().split()
        self.chunks += self.read_octets(int(words[0]))
        if self.stage("bdat", argument):
            return
        if not self.recipients:
            self.send(b"503 5.5.2 Need rcpt command\r\n")
        elif words[1:] == ["LAST"]:
            self.got_content(self.chunks, "BDAT")
        else:
            self.send(f"250 2.6.0 {words[0]} octets received\r\n".encode())

    def do_xexch50(self, argument):
        """exchange-facts.md 3.6: the octets are neither ended nor stuffed."""
        if self.stage("xexch50", argument):
            return
        if not self.account:
            self.send(b"504 Need to authenticate first\r\n")
            return
        self.send(b"354 Send binary data\r\n")
        if self.stage("blob", argument):
            return
        self.exch50 = (argument, self.read_octets(int(argument.split()[0])))
        self.send(b"250 XEXCH50 OK\r\n")

    def do_rset(self, argument):
        self.forget()
        self.send(b"250 2.0.0 Resetting\r\n")

    def do_noop(self, argument):
        self.send(b"250 2.0.0 OK\r\n")

    def do_quit(self, argument):
        if not self.stage("quit"):
            self.send(b"221 2.0.0 Service closing transmission channel\r\n")
        raise Gone


class Sink:
    """A listening server on threads. Its attributes may be changed at any time."""

    def __init__(self, name, address, certificate=None, user=None, password=None, port=None):
        self.name, self.address = name, address
        self.port = port or free_port(address)
        self.user, self.password = user, password
        self.mechanisms = ["LOGIN", "PLAIN"]
        self.keywords = ["SIZE 52428800", "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"]
        self.script = {}
        self.messages = []
        self.commands = []
        self.wrong_passwords = 0
        self.handshakes_failed = 0
        self.connections = 0
        self.context = None
        self.listener = None
        self.sessions = set()
        if certificate:
            self.use(certificate)

    def use(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        self.context = context

    def start(self):
        self.listener = socket.create_server((self.address, self.port), backlog=128)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        return self

    def _accept(self, listener):
        while True:
            try:
                sock, client = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock, client), daemon=True).start()

    def _serve(self, sock, client):
        sock.settimeout(60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # replies go one by one
        session = Session(self, sock, client)
        self.sessions.add(session)
        try:
            session.serve()
        except ssl.SSLError:
            self.handshakes_failed += 1
        except (Gone, OSError, ValueError):
            pass
        finally:
            self.sessions.discard(session)
            with contextlib.suppress(OSError):
                session.sock.close()

    def keep(self, message):
        """Called before the 250 is sent."""
        self.messages.append(message)

    def stop(self):
        """Down: connections are refused and the open ones are cut."""
        if self.listener:
            # A blocked accept() would hold the port: wake it first.
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        self.hang_up()

    def hang_up(self):
        """Open connections are cut; whoever comes next meets a new banner and EHLO."""
        for session in list(self.sessions):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(session.sock, socket.SHUT_RDWR)

    def with_text(self, text):
        text = text.encode() if isinstance(text, str) else text
        return [m for m in self.messages if text in m.data]
