"""An Exchange server that listens: it carries out the tables of a personality.

    server = ExchangeServer(personality("2007"), "hub1.fabrikam.example", "127.0.2.1", certificate,
                            domains=["fabrikam.example"], user="svc@fabrikam.example", password="x")
    server.start()
    server.turn_on("pressure")                    a quirk of its table, until turn_off()
    server.rights.discard("any_sender")           rights of the account, by the names of the table
    server.messages[-1].data                      what it took (envelope.Taken)

It demands TLS and a logon, as a connector for another forest does, unless told otherwise. Limits of
time are those of the table, in the seconds of server.clock; 5xx are not slowed down and 250 is not
delayed unless the quirk is turned on.
"""

import contextlib
import socket
import ssl
import threading

from .facts import MASKED_STARTTLS
from .personalities import personality as find_personality
from .schannel import shape
from .session import Session
from .wire import Clock, Gone, TimedOut

SLACK = 128  # connections waiting to be accepted


class ExchangeServer:
    def __init__(self, personality, name, address, certificate=None, domains=(), user=None,
                 password=None, port=None, clock=None):
        self.personality = (find_personality(personality) if isinstance(personality, str)
                            else personality)
        self.name, self.address = name, address
        self.port = port or free_port(address)
        self.certificate = certificate
        self.domains = [d.lower() for d in domains]
        self.user, self.password = user, password
        self.clock = clock or Clock()
        # The connector: what the administrator set.
        self.needs_tls = bool(certificate)
        self.needs_auth = bool(user)
        self.basic_needs_tls = self.personality.limits["basic_needs_tls"]
        self.size = self.personality.limits["size"]  # None: SIZE without a number
        self.rights = self.usual_rights()
        self.unknown_users = {"nobody"}
        # What comes in place of its reply: to a verb ("RCPT": "450 4.2.1 later") or a whole line.
        self.refusals = {}
        self.release = threading.Event()  # set: what the quirk delayed_ack holds back goes out
        self.on = set()
        # What happened.
        self.messages = []
        self.lines = []  # (session, "C" or "S", line), secrets masked
        self.commands = []  # (session, line), secrets masked
        self.connections = self.handshakes_failed = self.wrong_passwords = self.cut = 0
        self.keep_hook = None  # called with each Taken before its 250
        self.on_data = None  # called behind each 354, before the content is read
        self.show = None  # called with (session, "C" or "S", line)
        self.sessions = set()
        self.listener = None
        self.lock = threading.Lock()

    # ---- quirks

    def turn_on(self, quirk):
        self.personality.quirks.row(quirk)  # one that it has
        self.on.add(quirk)
        return self

    def turn_off(self, *quirks):
        self.on.difference_update(quirks or list(self.on))

    def repair(self):
        """As it was at the start."""
        self.turn_off()
        self.refusals.clear()
        self.rights = self.usual_rights()

    def usual_rights(self):
        """Of the account that the other forest logs on with, on a connector set up well."""
        rows = dict(self.personality.rights.items())
        return set(rows) - {"any_recipient", "headers_organization", "headers_forest",
                            "bypass_size"}

    def may(self, right):
        """A right that this version does not know is nothing it could lack."""
        return right in self.rights or right not in self.personality.rights

    # ---- what it offers

    @property
    def tls_works(self):
        return bool(self.certificate) and not self.on & {"no_certificate", "expired_certificate"}

    def basic_is_open(self, tls):
        return (self.user and not self.on & {"no_basic", "empty_auth"}
                and (tls or not self.basic_needs_tls))

    def ehlo_lines(self, tls, client):
        """The EHLO list for a session in this state."""
        basic = self.basic_is_open(tls)
        holds = {
            "clear": not tls, "tls": tls, "certificate": self.tls_works,
            "any-certificate": bool(self.certificate) and "no_certificate" not in self.on,
            "basic": basic, "limit": self.size is not None, "no-limit": self.size is None,
        }
        lines = []
        for row in self.personality.ehlo:
            if not all(holds[word] for word in row.when.split()):
                continue
            text = row.value.format(host=self.name, client=client, size=self.size,
                                    login=" LOGIN" if basic else "")
            keyword = text.split(" ")[0].upper()
            if "empty_auth" in self.on and keyword == "AUTH":
                text = "AUTH"
            if keyword == "XEXCH50" and self.on & {"no_exch50", "no_exchange"} or (
                    keyword == "X-LINK2STATE" and "no_exchange" in self.on):
                continue
            if "no_chunking" in self.on and keyword in ("CHUNKING", "BINARYMIME"):
                continue
            if "masked_list" in self.on and keyword == "STARTTLS":
                text = MASKED_STARTTLS
            lines.append(text)
        return lines

    def secure(self, sock):
        return shape(self.personality, self.certificate).server(sock)

    # ---- the listener

    def start(self):
        self.listener = socket.create_server((self.address, self.port), backlog=SLACK)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        return self

    def _accept(self, listener):
        while True:
            try:
                sock, client = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock, client[0]), daemon=True).start()

    def _serve(self, sock, client):
        sock.settimeout(60)
        session = Session(self, sock, client)
        with self.lock:
            session.crowd = sum(s.client == client for s in self.sessions)
            self.sessions.add(session)
        try:
            session.serve()
        except TimedOut:
            with contextlib.suppress(Gone, OSError):
                session.reply("timeout")
        except ssl.SSLError as e:
            session.failure = e
            self.handshakes_failed += 1
        except (Gone, OSError):
            pass
        finally:
            with self.lock:
                self.sessions.discard(session)
            session.wire.close()

    def stop(self):
        """Down: connections are refused and the open ones are cut."""
        if self.listener:
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)  # wakes a blocked accept()
            self.listener.close()
            self.listener = None
        with self.lock:
            open_now = list(self.sessions)
        for session in open_now:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(session.wire.sock, socket.SHUT_RDWR)

    # ---- what happened

    def note(self, session, side, line):
        with self.lock:
            self.lines.append((session, side, line))
            if side == "C":
                self.commands.append((session, line))
        if self.show:
            self.show(session, side, line)

    def keep(self, taken):
        with self.lock:
            self.messages.append(taken)
            taken.number = len(self.messages)
        if self.keep_hook:
            self.keep_hook(taken)

    def with_text(self, text):
        text = text.encode() if isinstance(text, str) else text
        with self.lock:
            return [m for m in self.messages if text in m.data[:65536]]

    def said(self, session=None):
        """The conversation as text."""
        with self.lock:
            return "\n".join(f"{side}: {line}" for s, side, line in self.lines
                             if session in (None, s))


def free_port(address):
    with socket.socket() as s:
        s.bind((address, 0))
        return s.getsockname()[1]
