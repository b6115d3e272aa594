"""The books of the crash ledger: what was promised, what the servers got, and what that means.

Reads the ledgers of smtp-load (mark hash recipient how ms) and the logs of smtp-sink (hash mark
recipients how connection opened_ms ms). The rules, from design.md 6.2 and 6.3:

- What got a 250 is at a server, unchanged, or has one report when the server refused it for good.
- What was cut off before its end, or refused, is nowhere.
- A server that answered 250 gets the message again only if the gateway was killed after that,
  before it had recorded the answer. It records an answer before it ends the next message of the
  same connection, so a kill can repeat at most the last transaction of each open connection.
  What a server took without answering ("unanswered") has to be sent again and is no fault.

A *life* is the time from one start of the gateway to its kill; the last one ends in peace. A
connection belongs to the life in which it was opened, for it cannot survive it.
"""

import bisect
from collections import Counter, defaultdict, namedtuple

PHASES = ("accepting", "committing", "delivering", "recording")
WINDOW_MS = 1000  # what a kill did to a client shows within this time

Promise = namedtuple("Promise", "mark hash recipient how ms")
Copy = namedtuple("Copy", "sink hash mark recipients how connection opened ms")


def read_ledger(lines):
    for line in lines:
        mark, digest, recipient, how, ms = line.split()
        yield Promise(mark, digest, recipient, how, int(ms))


def read_sink_log(sink, lines):
    for line in lines:
        digest, mark, recipients, how, connection, opened, ms = line.split()
        yield Copy(sink, digest, mark, tuple(recipients.split(",")), how, int(connection),
                   int(opened), int(ms))


class Books:
    """kills: when, in ms since 1970, rising. report_to: of a promise, the address its report goes
    to when its recipient is unknown to the servers, else None."""

    def __init__(self, promises, copies, kills, report_to):
        self.promises, self.kills, self.report_to = list(promises), list(kills), report_to
        copies = list(copies)
        self.transactions = [c for c in copies if c.how != "cut"]
        self.cuts = [c for c in copies if c.how == "cut"]
        self.by_mark = {p.mark: p for p in self.promises}
        self.copies = defaultdict(list)  # (mark or report's hash, recipient) -> [Copy]
        last = {}
        for c in sorted(self.transactions, key=lambda c: (self.life(c), c.ms)):
            last[self.connection(c)] = c
            for recipient in c.recipients:
                self.copies[self.name(c), recipient].append(c)
        self.last = set(map(id, last.values()))
        self.lost, self.wrong, self.unaccounted, self.bad_reports = [], [], [], []
        self.by_kill, self.by_sink = {}, {}  # repeated transactions, by identity
        self.phases = {phase: set() for phase in PHASES}
        self._find_lost()
        self._find_wrong()
        self._find_repeated()
        self._find_phases()

    def life(self, copy):
        return bisect.bisect_left(self.kills, copy.opened)

    @staticmethod
    def connection(copy):
        return copy.sink, copy.connection, copy.opened

    @staticmethod
    def name(copy):
        return copy.mark if copy.mark != "-" else copy.hash

    def answered(self, name, recipient):
        return any(c.how == "answered" for c in self.copies.get((name, recipient), ()))

    # ---- the rules

    def _find_lost(self):
        reports = defaultdict(set)  # address -> hashes of what came without a mark
        for c in self.transactions:
            if c.mark == "-" and c.how == "answered":
                for recipient in c.recipients:
                    reports[recipient].add(c.hash)
        due = {}
        for p in self.promises:
            to = self.report_to(p)
            if to is not None:
                due[to] = p
            elif p.how == "250" and not self.answered(p.mark, p.recipient):
                self.lost.append(f"{p.mark} to {p.recipient} got 250 and never came")
        for to, p in due.items():
            if p.how == "250" and not reports[to]:
                self.lost.append(f"{p.mark} to {p.recipient} got 250, and no report came to {to}")
        for to, hashes in reports.items():
            p = due.get(to)
            if p is None or p.how not in ("250", "unanswered"):
                self.bad_reports.append(f"{to} got a report that it was not due")
            elif len(hashes) > 1:
                self.bad_reports.append(f"{to} got {len(hashes)} reports of {p.mark}")

    def _find_wrong(self):
        how = {(p.mark, p.recipient): p.how for p in self.promises}
        for c in self.transactions:
            p = self.by_mark.get(c.mark)
            if c.mark == "-":
                continue
            if p is None:
                self.wrong.append(f"{c.mark} came and was never sent")
            elif c.hash != p.hash:
                self.wrong.append(f"{c.mark} came changed")
            else:
                self.wrong += [f"{c.mark} to {r} came, but its sending was {how.get((c.mark, r))}"
                               for r in c.recipients
                               if how.get((c.mark, r)) not in ("250", "unanswered")]

    def _find_repeated(self):
        """Each copy but the last needs an excuse: never answered, or a kill."""
        for (name, recipient), copies in self.copies.items():
            for c, after in zip(copies, copies[1:]):
                what = f"{name} to {recipient} came again after connection {self.connection(c)}"
                if c.how == "unanswered":
                    self.by_sink[id(c)] = c
                elif self.life(c) == self.life(after):
                    self.unaccounted.append(f"{what}: no kill in between")
                elif id(c) not in self.last:
                    self.unaccounted.append(f"{what}: others were taken behind it")
                else:
                    self.by_kill[id(c)] = c

    # ---- what the kills hit, told by what they left behind

    def kill_before(self, ms):
        """The kill that may have caused what happened then, or None."""
        at = bisect.bisect_right(self.kills, ms) - 1
        return at if at >= 0 and ms - self.kills[at] <= WINDOW_MS else None

    def _find_phases(self):
        """accepting: a client was cut off, and nothing of its message is there. committing: it
        got no answer, and the message is there all the same: durable, not yet said. delivering:
        a server was left in the middle of a transaction. recording: a server had answered, and
        got the message again."""
        for p in self.promises:
            kill = self.kill_before(p.ms)
            if p.how not in ("cut", "unanswered") or kill is None:
                continue
            kept = self.answered(p.mark, p.recipient) or (
                self.report_to(p) and any(r == self.report_to(p) for _, r in self.copies))
            self.phases["committing" if kept else "accepting"].add(kill)
        for c in self.cuts:
            if self.life(c) == self.kill_before(c.ms):
                self.phases["delivering"].add(self.life(c))
        for c in self.by_kill.values():
            if c.ms <= self.kills[self.life(c)]:
                self.phases["recording"].add(self.life(c))

    def repeats(self):
        """How many transactions the kill at the end of each life repeated."""
        return Counter(self.life(c) for c in self.by_kill.values())
