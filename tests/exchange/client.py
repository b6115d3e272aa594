"""Exchange as a client: it hands messages to a smart host as its personality does.

    client = ExchangeClient(personality("2003+KB"), "mx1.contoso.example", "127.0.1.1",
                            (address, port, "gw.contoso.example"), "CONTOSO\\\\svc", "password", ca)
    outcome = client.send(Letter("anna@contoso.example", ["bob@fabrikam.example"], data))
    outcome.sent, outcome.retry, outcome.returned     addresses, each with what was said

A Conversation carries up to so many messages as the table says, then a new one begins.
"""

import base64
import contextlib
import re
import socket
import ssl
from dataclasses import dataclass, field

from .envelope import fields, name_of
from .personalities import personality as find_personality
from .schannel import shape
from .wire import Clock, Gone, TimedOut, Wire, stuff


class NotNow(Exception):
    """The message stays in the queue; the text is what the queue shows."""


class Never(Exception):
    """A permanent refusal: the sender gets an NDR with this text."""


@dataclass
class Letter:
    """One message in the queue of this server."""

    sender: str
    recipients: list
    data: bytes
    anonymous: bool = False  # came in without a logon: MAIL carries AUTH=<>
    blob: bytes | None = None  # properties for XEXCH50
    ret: str | None = None  # FULL, HDRS
    envid: str | None = None
    notify: str | None = None  # for every recipient: "SUCCESS,FAILURE"
    orcpt: bool = False


@dataclass
class Outcome:
    sent: dict = field(default_factory=dict)  # address -> the server's last words
    retry: dict = field(default_factory=dict)
    returned: dict = field(default_factory=dict)
    transactions: int = 0
    chunked: bool = False
    converted: bool = False
    exch50: str = "none"  # none, not offered, taken, or the refusal


BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")


def converted(data):
    """As Exchange makes it for a server without BINARYMIME (3.8): a body that DATA cannot carry is
    base64. Of one part only; that is what the corpus has."""
    header, body = fields(data)
    if not BARE.search(body):
        return data
    kept = [f for f in header if name_of(f) != b"content-transfer-encoding"]
    text = base64.b64encode(body)
    rows = b"".join(text[i:i + 76] + b"\r\n" for i in range(0, len(text), 76))
    return b"".join(kept) + b"Content-Transfer-Encoding: base64\r\n\r\n" + rows


class ExchangeClient:
    def __init__(self, personality, name, address, smart_host, user=None, password=None, ca=None,
                 certificate=None, clock=None):
        self.personality = (find_personality(personality) if isinstance(personality, str)
                            else personality)
        self.habits = self.personality.client
        self.name, self.address = name, address
        self.smart_host = smart_host  # address, port, name
        self.user, self.password = user, password
        self.ca, self.certificate = ca, certificate
        self.clock = clock or Clock()
        self.tls = True  # the connector's box; for 2007 and later: RequireTLS
        self.opportunistic = self.habits["opportunistic"]
        self.chunks = self.habits["chunks"]
        self.hello_again = self.habits["hello_again"]  # after the logon
        self.show = None  # called with ("C" or "S", line)
        self.lines = []
        self.conversation = None
        self.connections = 0

    # ---- sending

    def send(self, letter):
        """Try it once, as often as it takes for 452 4.5.3. Connections stay for the next."""
        outcome = Outcome()
        rest = list(letter.recipients)
        while rest:
            try:
                talk = self.connected()
                rest_before, rest = len(rest), talk.hand_over(letter, rest, outcome)
                outcome.transactions += 1
                if rest and (not self.habits["resends_rest"] or len(rest) == rest_before):
                    raise NotNow("452 4.5.3 Too many recipients")
            except Never as e:
                outcome.returned.update(dict.fromkeys(rest, str(e)))
                break
            except (NotNow, Gone, TimedOut, OSError) as e:  # ssl.SSLError is an OSError
                self.hang_up()
                outcome.retry.update(dict.fromkeys(rest, str(e) or "421 4.4.2 Connection dropped"))
                break
        return outcome

    def connected(self):
        if self.conversation and self.conversation.messages >= self.habits["messages"]:
            self.quit()
        if not self.conversation:
            self.connections += 1
            talk = Conversation(self)
            try:
                talk.begin()
            except BaseException:
                talk.wire.close()
                raise
            self.conversation = talk
        return self.conversation

    def quit(self):
        if self.conversation:
            with contextlib.suppress(Gone, TimedOut, OSError):
                self.conversation.ask("QUIT")
        self.hang_up()

    def hang_up(self):
        if self.conversation:
            self.conversation.wire.close()
            self.conversation = None

    def note(self, side, line):
        self.lines.append(f"{side}: {line}")
        if self.show:
            self.show(side, line)

    def said(self):
        return "\n".join(self.lines)


class Conversation:
    def __init__(self, client):
        self.client, self.habits = client, client.habits
        address, port, self.name = client.smart_host
        sock = socket.create_connection((address, port), 20, (client.address, 0))
        sock.settimeout(60)
        self.wire = Wire(sock, client.clock, heard=lambda line: client.note("S", line))
        self.offers = {}
        self.messages = 0

    # ---- words

    def command(self, line, shown=None):
        self.client.note("C", shown or line)
        self.wire.send((line + "\r\n").encode("latin-1"))

    def reply(self):
        lines = [self.wire.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.wire.line())
        return lines

    def ask(self, line, shown=None):
        self.command(line, shown)
        return self.reply()

    def demand(self, line, code, shown=None):
        """The reply, which must begin so: a 4xx is for later, a 5xx for good."""
        lines = self.ask(line, shown) if line is not None else self.reply()
        if not lines[-1].startswith(code):
            self.fail(lines[-1])
        return lines

    def fail(self, line):
        if line.startswith("5") and self.habits["permanent"] == "NDR":
            raise Never(line)
        raise NotNow(line)

    # ---- the session up to MAIL

    def begin(self):
        self.demand(None, "220")
        self.hello()
        client = self.client
        if client.tls or ("STARTTLS" in self.offers and client.opportunistic):
            if "STARTTLS" not in self.offers:
                self.ask("QUIT")
                raise NotNow(self.habits["no_tls"])
            self.demand("STARTTLS", "220")
            wrap = shape(client.personality, client.certificate, client.ca)
            try:
                self.wire.secure(lambda sock: wrap.client(sock, self.name))
            except ssl.SSLError as e:
                client.note("-", f"TLS failed: {e}")
                raise
            client.note("-", "{}, {}".format(self.wire.sock.version(), self.wire.sock.cipher()[0]))
            self.hello()
        if client.user:
            self.log_on()

    def hello(self):
        lines = self.demand(f"EHLO {self.client.name}", "250")
        self.offers = {}
        for line in lines[1:]:
            keyword, _, value = line[4:].partition(" ")
            self.offers[keyword.upper()] = value.strip()

    def log_on(self):
        if "LOGIN" not in self.offers.get("AUTH", "").upper().split():
            self.ask("QUIT")
            raise NotNow(self.habits["no_login"])
        user = base64.b64encode(self.client.user.encode()).decode()
        if self.habits["two_step"]:
            self.demand("AUTH LOGIN", "334")
            self.demand(user, "334", "<authentication response>")
        else:
            self.demand(f"AUTH LOGIN {user}", "334", "AUTH LOGIN <authentication response>")
        password = base64.b64encode(self.client.password.encode()).decode()
        self.demand(password, "235", "<authentication response>")
        if self.client.hello_again:
            self.hello()

    # ---- one transaction

    def hand_over(self, letter, recipients, outcome):
        """Those that are to be tried again at once: more than the server takes in one go."""
        try:
            self.messages += 1
            limit = self.offers.get("SIZE", "")
            if limit.isdigit() and 0 < int(limit) < len(letter.data):
                raise Never("552 5.3.4 Message size exceeds fixed maximum message size")
            chunked = (self.client.chunks and "CHUNKING" in self.offers
                       and "BINARYMIME" in self.offers)
            taken, rest = self.envelope(letter, recipients, chunked, outcome)
            if not taken:
                if not rest:
                    self.ask("RSET")
                return rest
            self.blob(letter, taken, outcome)
            outcome.chunked = chunked
            converts = self.habits["converts"] and not chunked
            data = converted(letter.data) if converts else letter.data
            outcome.converted = data is not letter.data
            last = self.chunks(data) if chunked else self.data(data)
            where = outcome.sent
            if not last.startswith("2"):
                where = outcome.returned if last.startswith("5") else outcome.retry
            where.update(dict.fromkeys(taken, last))
            return rest
        except Never:
            with contextlib.suppress(Gone, OSError):
                self.ask("RSET")
            raise

    def envelope(self, letter, recipients, chunked, outcome):
        """MAIL and RCPT in one go where PIPELINING is offered."""
        commands = [self.mail(letter, chunked)]
        commands += [self.rcpt(letter, address) for address in recipients]
        if "PIPELINING" in self.offers:
            for command in commands:
                self.client.note("C", command)
            self.wire.send("".join(c + "\r\n" for c in commands).encode("latin-1"))
            answers = [self.reply()[-1] for _ in commands]
        else:
            answers = [self.demand(commands[0], "250")[-1]]
            answers += [self.ask(command)[-1] for command in commands[1:]]
        if not answers[0].startswith("2"):
            self.fail(answers[0])
        taken, rest = [], []
        for address, answer in zip(recipients, answers[1:]):
            if answer.startswith("2"):
                taken.append(address)
            elif answer.startswith("452 4.5.3"):
                rest.append(address)
            else:
                where = outcome.returned if answer.startswith("5") else outcome.retry
                where[address] = answer
        return taken, rest

    def mail(self, letter, chunked):
        line = f"MAIL FROM:<{letter.sender}>"
        if "SIZE" in self.offers:
            line += f" SIZE={len(letter.data)}"
        if chunked:
            line += " BODY=BINARYMIME"
        elif "8BITMIME" in self.offers and any(b > 127 for b in letter.data):
            line += " BODY=8BITMIME"
        if letter.anonymous and "AUTH" in self.offers:
            line += " " + self.habits["anonymous"]
        if "DSN" in self.offers:
            line += f" RET={letter.ret}" if letter.ret else ""
            line += f" ENVID={letter.envid}" if letter.envid else ""
        return line

    def rcpt(self, letter, address):
        line = f"RCPT TO:<{address}>"
        if "DSN" in self.offers:
            line += f" NOTIFY={letter.notify}" if letter.notify else ""
            line += f" ORCPT=rfc822;{address}" if letter.orcpt else ""
        return line

    def blob(self, letter, taken, outcome):
        """What has no MIME form goes beside the message; a refusal costs the blob only (1.6)."""
        if letter.blob is None or not self.habits["exch50"]:
            return
        if "XEXCH50" not in self.offers:
            outcome.exch50 = "not offered"
            return
        number = len(taken) + self.habits["exch50_number"]
        answer = self.ask(f"XEXCH50 {len(letter.blob)} {number}")[-1]
        if answer.startswith("354"):
            self.client.note("C", f"<{len(letter.blob)} octets>")
            self.wire.send(letter.blob)  # no end mark, no dots doubled
            answer = self.reply()[-1]
        outcome.exch50 = "taken" if answer.startswith("2") else answer

    def data(self, data):
        lines = self.ask("DATA")
        if len(lines) > 1 and not self.habits["multiline_354"]:
            raise NotNow(f"a reply to DATA of {len(lines)} lines (KB 912341)")
        if not lines[-1].startswith("354"):
            self.fail(lines[-1])
        self.client.note("C", f"<{len(data)} octets, .>")
        self.wire.send(stuff(data))
        return self.reply()[-1]

    def chunks(self, data):
        """BDAT; at the first refusal the rest is not sent."""
        size = self.habits["chunk_octets"]
        for at in range(0, max(1, len(data)), size):
            part = data[at:at + size]
            last = at + size >= len(data)
            command = f"BDAT {len(part)}{' LAST' if last else ''}"
            self.client.note("C", command)
            self.wire.send(command.encode() + b"\r\n" + part)
            answer = self.reply()[-1]
            if last:
                return answer
            if not answer.startswith("2"):
                self.ask("RSET")
                return answer
        raise AssertionError("unreachable: the last chunk has its reply")
