"""The ledger of a recorded gateway: what it promised to whom by any moment, and what it gave away.

All of it is read from what the recorder heard on the gateway's own connections, so nobody's clock
and nobody else's notes are needed: one lock orders words and writes. That is the strict choice on
both sides. A message is promised when the gateway *sends* its 250, which nobody can see earlier;
a message is given away when the gateway has *read* the server's 250, which it cannot know earlier.
"""
import hashlib
import re
from collections import Counter

from powercut_disk import DSYNC

CONNECTIONS = 2  # to each server (powercut_world.py)


class Content:
    """Whose message these octets are, and whether they are whole."""

    def __init__(self, sender, data):
        header, _, body = data.partition(b"\r\n\r\n")
        mark = re.search(rb"^X-Mark: (\S+)\r?$", header, re.M)
        self.mark = mark[1].decode() if mark else "without a mark"
        self.about = []  # a report: the recipients that it is about
        if sender == "" and b"multipart/report" in header:
            self.about = sorted(a.decode() for a in
                                re.findall(rb"^Final-Recipient: rfc822; ?(\S+)\r$", body, re.M))
            self.mark = "report on " + " ".join(self.about)
        self.hash = hashlib.sha256(body).hexdigest()


def unstuffed(data):
    return (b"\r\n" + data).replace(b"\r\n.", b"\r\n")[2:]


class Talk:
    """One SMTP connection, command by command and reply by reply. out: what the client says."""

    def __init__(self):
        self.commands, self.replies, self.content = b"", b"", None
        self.asked = ["banner"]
        self.sender, self.recipients, self.data = "", [], b""

    def said(self, octets):
        """By the client."""
        if self.content is not None:
            self.content += octets
            if self.content.startswith(b".\r\n"):
                self.data, self.commands = b"", self.content[3:]
            elif (end := self.content.find(b"\r\n.\r\n")) >= 0:
                self.data, self.commands = self.content[:end + 2], self.content[end + 5:]
            else:
                return
            self.content = None
            self.asked.append("content")
            self.on_content(Content(self.sender, unstuffed(self.data)))
        else:
            self.commands += octets
        while b"\r\n" in self.commands:
            line, self.commands = self.commands.split(b"\r\n", 1)
            self.asked.append(line.decode())

    def replied(self, octets):
        """By the server."""
        self.replies += octets
        while b"\r\n" in self.replies:
            line, self.replies = self.replies.split(b"\r\n", 1)
            if line[3:4] == b"-":
                continue
            self.answer(self.asked.pop(0), line)

    def answer(self, asked, line):
        verb, taken = asked[:4].upper(), line[:1] == b"2"
        if asked == "content":
            self.on_answer(taken)
        elif verb == "MAIL" and taken:
            self.sender, self.recipients = asked[asked.index("<") + 1:asked.index(">")], []
        elif verb == "RCPT" and taken:
            self.recipients.append(asked[asked.index("<") + 1:asked.index(">")])
        elif verb == "DATA" and line[:3] == b"354":
            self.content, self.commands = self.commands, b""


class Mail:
    """A message that a client handed in."""

    def __init__(self, sender, recipients, hash_):
        self.sender, self.recipients, self.hash = sender, recipients, hash_
        self.is_promised = self.is_refused = False


class Inbound(Talk):
    def __init__(self, ledger):
        super().__init__()
        self.ledger, self.mail = ledger, None

    def on_content(self, content):
        self.mail = Mail(self.sender, list(self.recipients), content.hash)
        self.ledger.mails[content.mark] = self.mail
        self.ledger.version += 1

    def on_answer(self, taken):
        self.mail.is_promised, self.mail.is_refused = taken, not taken
        self.ledger.version += 1


class Transaction:
    """Its final dot is on its way: the server may have it."""

    def __init__(self, connection, content, recipients):
        self.connection, self.content, self.recipients = connection, content, recipients
        self.is_taken, self.commits_before = False, 0

    def may_come_again(self, commits):
        """At most one on each connection, the last, until it is recorded (design.md 6.3). A
        connection that is closed meanwhile cannot show that; but then the commit under way when
        the answer was read and the one behind it are all that it can wait for."""
        if self.connection.last is not self:
            return False
        return self.connection.is_open or commits - self.commits_before < 2


class Outbound(Talk):
    def __init__(self, ledger, server):
        super().__init__()
        self.ledger, self.is_open, self.last = ledger, True, None
        self.server = server

    def on_content(self, content):
        self.last = Transaction(self, content, list(self.recipients))
        self.ledger.transactions.append(self.last)
        self.ledger.version += 1

    def on_answer(self, taken):
        self.last.is_taken, self.last.commits_before = taken, self.ledger.commits
        self.ledger.version += 1


class Ledger:
    def __init__(self, port):
        self.port = str(port)
        self.connections, self.mails, self.transactions = {}, {}, []
        self.version = self.commits = 0

    def hear(self, op):
        """What happens on connections, starts of the process, commits."""
        if op.kind == "w" and op.flags & DSYNC and op.name.endswith("/data.mdb"):
            self.commits += 1
            self.version += 1
        elif op.kind == "b":
            for connection in self.connections.values():
                connection.is_open = False
            self.connections = {}
            for t in self.transactions:
                t.connection.last = None  # it was stopped in good order, so all is recorded
        elif op.kind == "A" and op.name.endswith(":" + self.port):
            self.connections[op.file] = Inbound(self)
        elif op.kind == "C":
            self.connections[op.file] = Outbound(self, op.name)
        connection = self.connections.get(op.file) if op.kind in "oix" else None
        if connection is None:
            return
        if op.kind == "x":
            connection.is_open = False
            del self.connections[op.file]
            self.version += 1
        elif op.kind in "oi":
            is_client = isinstance(connection, Outbound)
            (connection.said if (op.kind == "o") == is_client else connection.replied)(op.data)

    def counts(self):
        return {"messages": len(self.mails),
                "promised": sum(m.is_promised for m in self.mails.values()),
                "transactions": len(self.transactions),
                "taken": sum(t.is_taken for t in self.transactions),
                "reports": sum(bool(t.content.about) and t.is_taken for t in self.transactions)}

    def judge(self, delivered):
        """A gateway was started on what a cut now would leave and delivered these: (Content,
        recipients). What is wrong, and how many transactions were done twice."""
        return Judgement(self, delivered).all()


class Judgement:
    def __init__(self, ledger, delivered):
        self.ledger, self.delivered = ledger, delivered
        self.before, self.after, self.excused = Counter(), Counter(), {}
        self.reported = {}  # recipient -> marks of reports
        self.doubled = set()  # transactions
        for t in ledger.transactions:
            for r in t.recipients:
                self.before[t.content.mark, r] += t.is_taken
                if t.may_come_again(ledger.commits):
                    self.excused[t.content.mark, r] = t
            if t.is_taken:
                self.note_report(t.content)
        for content, recipients in delivered:
            self.after.update((content.mark, r) for r in recipients)
            self.note_report(content)

    def note_report(self, content):
        for r in content.about:
            self.reported.setdefault(r, set()).add(content.mark)

    def all(self):
        faults = list(self.foreign()) + list(self.twice())
        for mark, mail in self.ledger.mails.items():
            faults += self.of_mail(mark, mail)
        return faults, len(self.doubled)

    def foreign(self):
        """Who got what they should not have."""
        of_recipient = {r: (mark, m) for mark, m in self.ledger.mails.items() for r in m.recipients}
        for content, recipients in self.delivered:
            if content.about:
                senders = {of_recipient[a][1].sender if a in of_recipient else None
                           for a in content.about}
                if senders != set(recipients):
                    yield f"the {content.mark} went to {recipients}"
                continue
            mail = self.ledger.mails.get(content.mark)
            if mail is None or mail.is_refused:
                yield f"message {content.mark}, {'refused' if mail else 'never handed in'}, came"
            elif mail.hash != content.hash:
                yield f"message {content.mark} came with a body that is not what was handed in"
            elif not set(recipients) <= set(mail.recipients):
                yield f"message {content.mark} went to {recipients}"

    def twice(self):
        for key, count in self.after.items():
            if count > 1:
                yield f"message {key[0]} came {count} times to {key[1]} after one start"
            if self.before[key] > 1 or self.before[key] == 1 and key not in self.excused:
                yield f"message {key[0]}, recorded before, came again to {key[1]}"
            elif self.before[key] == 1:
                self.doubled.add(self.excused[key])
        for server, count in Counter(t.connection.server for t in self.doubled).items():
            if count > CONNECTIONS:
                yield f"{count} transactions were done twice by {CONNECTIONS} connections to {server}"

    def of_mail(self, mark, mail):
        there = [r for r in mail.recipients
                 if self.before[mark, r] or self.after[mark, r] or r in self.reported]
        if not mail.is_promised and not there:
            return  # not answered: it may be there or not, but as a whole
        for r in mail.recipients:
            if r not in there:
                promised = "promised" if mail.is_promised else "seen elsewhere"
                yield f"message {mark}, {promised}, is lost for {r}"
            elif r in self.reported:
                if self.before[mark, r] or self.after[mark, r]:
                    yield f"message {mark} came to {r}, and its sender got a report"
                if len(self.reported[r]) > 1:
                    yield f"message {mark} has {len(self.reported[r])} reports on {r}"
