"""Sender x receiver x kind of message through one gateway, compared with matrix_rules.

    scripts/matrix                  (make matrix) prints the table
    scripts/matrix 2003-kb exim     these sides only
"""

import contextlib
import email
import hashlib
import json
import os
import re
import sys
import threading
import time
import warnings
from dataclasses import dataclass, field

from client import smtp

from . import corpus
from .client import Letter
from .envelope import TRUST, dress, fields, name_of
from .matrix_rules import (DELIVERED, KINDS, LEGEND, NONE, REFUSED, RULES, SIDES, WAITS_HERE,
                           WAITS_THERE, expected, report_expected)
from .matrix_world import GATEWAY, MatrixWorld

MARK = re.compile(rb"^X-Mark: (\S+)\r?$", re.M)
DIAGNOSIS = re.compile(r"Windows.*KB ?948963")  # what must be said where TLS cannot meet
SECONDS = 40  # until the last message must be where it belongs; mostly it is there at once

# In this order: as long as no receiver is known to lack BINARYMIME the gateway offers it, and
# after that it does not, so that Exchange as sender makes mail that every receiver can take.
PARTS = (
    lambda cell: cell.receiver.side.binary,
    lambda cell: not cell.receiver.side.binary and cell.kind.binary,
    lambda cell: not cell.receiver.side.binary and not cell.kind.binary,
)
DSN = {"ret": "HDRS", "envid": "QQ314159", "notify": "SUCCESS,FAILURE", "orcpt": True}


@dataclass
class Arrival:
    sender: str | None
    recipients: list
    header: list  # raw fields
    body: str  # SHA-256
    taken: object = None


@dataclass
class Cell:
    sender: object  # Place
    receiver: object
    kind: object
    mark: str
    sent_header: list = field(default_factory=list)
    sent_body: str = ""
    recipients: list = field(default_factory=list)
    envelope_sender: str = ""
    outcome: object = None  # of the sending stand-in
    arrivals: list = field(default_factory=list)
    reports: list = field(default_factory=list)  # (action, status)
    got: str = ""
    why: str = ""

    @property
    def wanted(self):
        return expected(self.sender.side, self.receiver.side, self.kind)

    @property
    def report_wanted(self):
        return report_expected(self.sender.side, self.receiver.side, self.kind)

    @property
    def good(self):
        return not self.why

    def __str__(self):
        return f"{self.sender.side.name} to {self.receiver.side.name}, {self.kind.name}"


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Matrix:
    def __init__(self, sides=SIDES, kinds=KINDS):
        self.kinds = kinds
        self.world = MatrixWorld(sides)
        self.cells = [
            Cell(s, r, k, f"{s.side.name}.{r.side.name}.{k.name.replace(' ', '-')}.")
            for s in self.world.senders for r in self.world.receivers for k in kinds
        ]
        self.by_mark = {cell.mark: cell for cell in self.cells}
        self.seen = set()  # files of maildirs
        self.lock = threading.Lock()
        self.seconds = 0.0
        self.errors, self.failures = {}, []  # what queue and log say of TLS that cannot meet

    def run(self):
        """Every cell is sent, then judged."""
        began = time.monotonic()
        try:
            self.world.start()
            self.world.returns.keep_hook = self.returned
            for place in self.world.receivers:
                if place.side.personality:
                    place.server.keep_hook = self.arrived
            for part in PARTS:
                self.reconnect()
                self.side_by_side(lambda place: self.send_all(place, part))
            self.settle()
            self.judge()
        finally:
            self.exit_code = self.world.stop()
            self.seconds = time.monotonic() - began
        return self

    # ---- sending

    def side_by_side(self, work):
        threads = [threading.Thread(target=work, args=(p,)) for p in self.world.senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def reconnect(self):
        """So that every sender reads the EHLO list of now."""
        for place in self.world.senders:
            if place.client:
                place.client.quit()
                with contextlib.suppress(Exception):  # where it cannot: its cells will say so
                    place.client.connected()

    def send_all(self, place, part):
        for cell in self.cells:
            if cell.sender is place and cell.wanted != NONE and part(cell):
                try:
                    self.send(cell)
                except Exception as e:  # the cell has failed, and says so
                    cell.why = f"could not be sent: {type(e).__name__}: {e}"

    def send(self, cell):
        place, kind = cell.sender, cell.kind
        cell.envelope_sender = f"anna@{place.domain}" if kind.sender is None else kind.sender
        user = kind.name.replace(" ", "").lower()
        cell.recipients = [f"{user}{i}@{cell.receiver.domain}" for i in range(kind.recipients)]
        data = corpus.with_mark(corpus.make(kind.corpus), cell.mark)
        if place.client:
            data = dress(data, place.client.personality, place.host, place.address, True)
        header, body = fields(data)
        cell.sent_header = [f for f in header if not name_of(f).startswith(TRUST)]
        cell.sent_body = digest(body)
        options = DSN if kind.dsn else {}
        if place.client:
            cell.outcome = place.client.send(
                Letter(cell.envelope_sender, cell.recipients, data, **options))
        else:
            self.submit(cell, data, options)

    def submit(self, cell, data, options):
        """To the real server, as one of its users does."""
        peer = cell.sender.server
        client = smtp(peer.address, peer.port, self.world.authority.cert, peer.name, peer.user,
                      peer.password, peer.address)
        mail = ["BODY=8BITMIME"]
        rcpt = []
        if options:
            mail += [f"RET={options['ret']}", f"ENVID={options['envid']}"]
            rcpt = [f"NOTIFY={options['notify']}", f"ORCPT=rfc822;{cell.recipients[0]}"]
        refused = client.sendmail(cell.envelope_sender, cell.recipients, data, mail, rcpt)
        client.quit()
        if refused:
            raise AssertionError(refused)

    # ---- arriving

    def arrived(self, taken):
        """At a stand-in, before its 250. The octets are let go: there are many."""
        mark = MARK.search(taken.data[:8192])
        if mark:
            header, body = fields(taken.data)
            self.add(mark[1].decode(), Arrival(taken.sender, taken.addresses, header, digest(body),
                                               taken))
        taken.data = taken.stored = b""

    def add(self, mark, arrival):
        with self.lock:
            if mark in self.by_mark:
                self.by_mark[mark].arrivals.append(arrival)

    def returned(self, taken):
        """A report to a sender."""
        report = email.message_from_bytes(taken.data)
        mark = MARK.search(taken.data)
        if not mark or report.get_content_type() != "multipart/report":
            return
        groups = report.get_payload()[1].get_payload()
        with self.lock:
            cell = self.by_mark[mark[1].decode()]
            cell.reports += [(g["Action"], g["Status"]) for g in groups[1:]]

    def look_into_maildirs(self):
        """What came to the real servers since the last look."""
        for place in self.world.receivers:
            if place.side.personality:
                continue
            folder = os.path.join(place.server.mail.path, "new")
            for name in set(os.listdir(folder) if os.path.isdir(folder) else ()) - self.seen:
                self.seen.add(name)
                with open(os.path.join(folder, name), "rb") as f:
                    raw = f.read()
                mark = MARK.search(raw[:8192])
                if mark:
                    self.add(mark[1].decode(), self.delivered_copy(raw))

    def delivered_copy(self, raw):
        """One file of a maildir: its envelope is in fields of the server's own."""
        header, body = fields(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        values = {}
        for f in header:
            values.setdefault(name_of(f), f.split(b":", 1)[1].strip().decode("latin-1"))
        to = values.get(b"envelope-to") or values.get(b"delivered-to", "")
        return Arrival(values[b"return-path"].strip("<>"),
                       [a.strip() for a in re.sub(r"\s+", " ", to).split(",")], header, digest(body))

    # ---- the verdict

    def settle(self):
        """Until every cell is as its rule says, or the time is up."""
        end = time.monotonic() + SECONDS
        while True:
            self.look_into_maildirs()
            if all(self.is_there(cell) for cell in self.cells) or time.monotonic() > end:
                return
            time.sleep(0.3)

    def is_there(self, cell):
        if cell.why or cell.wanted in (NONE, WAITS_THERE, WAITS_HERE):
            return True
        if cell.wanted == REFUSED:
            return bool(cell.reports) or bool(cell.outcome and cell.outcome.returned)
        got = sum(len(a.recipients) for a in cell.arrivals)
        return got >= len(cell.recipients) and (not cell.report_wanted or bool(cell.reports))

    def judge(self):
        code, out, err = self.world.gateway.command("queue", "list", "--messages", "--json")
        queue = [json.loads(line) for line in out.splitlines()] if code == 0 else []
        code, out, err = self.world.gateway.command("queue", "list", "--json")
        self.errors = {row["connector"]: row["last_error"] for row in json.loads(out)}
        self.failures = self.world.gateway.events("tls_failed")
        for cell in self.cells:
            if not cell.why:
                judges = {NONE: lambda c, q: "", WAITS_THERE: self.waits_there,
                          WAITS_HERE: self.waits_here, REFUSED: self.refused,
                          DELIVERED: self.delivered}
                cell.why = judges[cell.wanted](cell, queue)
            cell.got = cell.wanted if cell.good else "FAIL"

    def waits_there(self, cell, queue):
        outcome = cell.outcome
        if outcome is None or sorted(outcome.retry) != sorted(cell.recipients):
            return f"the sender holds no such message: {outcome}"
        if cell.arrivals or cell.reports:
            return "it came all the same"
        if not any(DIAGNOSIS.search(event["why"]) for event in self.failures
                   if event["connector"] == cell.sender.forest):
            return "the gateway's log does not say why"
        return ""

    def waits_here(self, cell, queue):
        if cell.outcome and sorted(cell.outcome.sent) != sorted(cell.recipients):
            return f"the gateway did not take it: {cell.outcome.returned or cell.outcome.retry}"
        if cell.arrivals or cell.reports:
            return "it did not wait"
        waiting = [r["address"] for m in queue if m["receive_connector"] == cell.sender.forest
                   for r in m["recipients"] if r["address"] in cell.recipients]
        if sorted(waiting) != sorted(cell.recipients):
            return f"{len(waiting)} of {len(cell.recipients)} recipients are in the queue"
        if not DIAGNOSIS.search(self.errors[cell.receiver.forest]):
            return f"the queue does not say why: {self.errors[cell.receiver.forest]}"
        return ""

    def refused(self, cell, queue):
        if cell.arrivals:
            return "it was delivered"
        words = list(cell.outcome.returned.values()) if cell.outcome else []
        if any(" 5.6.3 " in w for w in words):
            return ""
        if any(action == "failed" and status == "5.6.3" for action, status in cell.reports):
            return ""
        return f"neither refused nor returned with 5.6.3: {words or cell.reports or cell.outcome}"

    def delivered(self, cell, queue):
        if cell.outcome and sorted(cell.outcome.sent) != sorted(cell.recipients):
            return f"the gateway did not take it: {cell.outcome.returned or cell.outcome.retry}"
        if not cell.arrivals:
            return f"it did not arrive; reports: {cell.reports}"
        got = sorted(a for arrival in cell.arrivals for a in arrival.recipients)
        if got != sorted(cell.recipients):
            return f"{len(got)} recipients got it, {len(set(got))} different"
        for arrival in cell.arrivals:
            why = self.compare(cell, arrival)
            if why:
                return why
        actions = {action for action, _ in cell.reports}
        if actions != ({cell.report_wanted} if cell.report_wanted else set()):
            return f"reports: {cell.reports}, wanted: {cell.report_wanted}"
        return ""

    def compare(self, cell, arrival):
        if arrival.body != cell.sent_body:
            return "the body is not the same"
        if any(name_of(f).startswith(TRUST) for f in arrival.header):
            return "a field of trust has passed"
        # What is before the first field of the message is the gateway's and the servers' own.
        rest = arrival.header[-len(cell.sent_header):]
        if rest != cell.sent_header:
            lost = [f for f in cell.sent_header if f not in arrival.header]
            return f"fields are changed or lost: {lost[:3] or 'their order'}"
        if not any(f"by {GATEWAY}".encode() in f for f in arrival.header[:-len(cell.sent_header)]):
            return "the gateway's Received is missing"
        if arrival.sender != cell.envelope_sender:
            return f"the sender is <{arrival.sender}>"
        return self.compare_options(cell, arrival.taken) if arrival.taken else ""

    def compare_options(self, cell, taken):
        """Those of MAIL and RCPT, at a stand-in: it keeps them, and it offers DSN and all of BODY."""
        body = taken.options.get("BODY", "7BIT")
        if body not in cell.kind.bodies:
            return f"BODY is {body}"
        if not cell.kind.dsn:
            return ""
        got = (taken.options.get("RET"), taken.options.get("ENVID"))
        if got != (DSN["ret"], DSN["envid"]):
            return f"RET and ENVID are {got}"
        for r in taken.recipients:
            if set(r.options.get("NOTIFY", "").split(",")) != {"SUCCESS", "FAILURE"}:
                return f"NOTIFY is {r.options.get('NOTIFY')}"
            if r.options.get("ORCPT", "").lower() != f"rfc822;{r.address}":
                return f"ORCPT is {r.options.get('ORCPT')}"
        return ""

    # ---- the table

    def table(self):
        """A block for each sender, of one line where every receiver says the same."""
        lines = [self.line("from", "to", [k.name for k in self.kinds])]
        for s in self.world.senders:
            rows = {r.side.name: [c.got for c in self.cells if c.sender is s and c.receiver is r]
                    for r in self.world.receivers}
            if len({word for row in rows.values() for word in row}) == 1:
                rows = {"any of these": next(iter(rows.values()))}
            lines.append("")
            for i, (name, row) in enumerate(rows.items()):
                lines.append(self.line("" if i else s.side.name, name, row))
        return lines

    def line(self, sender, receiver, words):
        return f"{sender:<11} {receiver:<13} " + "  ".join(
            f"{word:<{max(6, len(kind.name))}}" for word, kind in zip(words, self.kinds)).rstrip()


def main():
    warnings.filterwarnings("ignore", r"ssl\.TLSVersion\.TLSv1", DeprecationWarning)
    words = sys.argv[1:]
    sides = [s for s in SIDES if not words or s.name in words]
    unknown = set(words) - {s.name for s in SIDES}
    if unknown:
        sys.exit(f"no side {', '.join(unknown)}: {', '.join(s.name for s in SIDES)}")
    matrix = Matrix(sides).run()
    print("\n".join(matrix.table()))
    print()
    for word, text in LEGEND.items():
        print(f"  {word:<7} {text}")
    print("\nExpected, by the first that fits:\n")
    for text, what, _ in RULES:
        print(f"  {what:<7} {text}")
    print("\nPostfix and Exim are real servers, the others are stand-ins (tests/exchange); 2003-kb has\n"
          "KB 948963, 2000-clear is set up without TLS on both sides.\n")
    bad = [c for c in matrix.cells if not c.good]
    for cell in bad[:40]:
        print(f"FAIL {cell}: {cell.why}")
    print(f"{matrix.seconds:.0f} s")
    print(f"{len(matrix.cells) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
