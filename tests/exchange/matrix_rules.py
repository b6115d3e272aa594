"""What must become of each message of the matrix: from what the two sides can, not from what the
gateway does. The first rule that fits decides."""

from dataclasses import dataclass

from . import corpus

DELIVERED, WAITS_THERE, WAITS_HERE, REFUSED, NONE = "ok", "waits", "queued", "5.6.3", "-"

LEGEND = {
    DELIVERED: "delivered, the same octets",
    WAITS_THERE: "it never comes: the sender's TLS and ours cannot meet, and the log says so",
    WAITS_HERE: "in our queue: the receiver's TLS and ours cannot meet, and the queue says so",
    REFUSED: "refused or returned with 5.6.3: the receiver lacks BINARYMIME",
    NONE: "the sender has no such message",
}


@dataclass(frozen=True)
class Side:
    """One of those that send and receive, and what it can."""

    name: str
    personality: str | None = None  # else a real server
    tls: bool = True  # it and a modern library can meet
    clear: bool = False  # it is set up without TLS, here and at the gateway
    binary: bool = True  # BINARYMIME (RFC 3030)
    sends_dsn: bool = True  # RFC 3461
    takes_dsn: bool = True


SIDES = (
    Side("2000", "2000", tls=False),
    Side("2000-clear", "2000", clear=True),
    Side("2003", "2003", tls=False),
    Side("2003-kb", "2003+KB"),
    Side("2007", "2007"),
    Side("2010", "2010"),
    Side("postfix", binary=False),
    Side("exim", binary=False, takes_dsn=False),  # as receiver it offers no DSN (its default)
)


@dataclass(frozen=True)
class Kind:
    name: str
    corpus: str = "text"
    sender: str | None = None  # None: a user of the sending forest
    recipients: int = 1
    dsn: bool = False

    @property
    def binary(self):
        return self.corpus in corpus.NEEDS_BINARYMIME

    @property
    def bodies(self):
        """What MAIL may call it where all of it is offered (RFC 6152, RFC 3030)."""
        if self.binary:
            return {"BINARYMIME"}
        return {"8BITMIME"} if self.corpus == "8bit" else {"7BIT", "8BITMIME"}


KINDS = (
    Kind("text"),
    Kind("8-bit", "8bit"),
    Kind("binary", "binary"),
    Kind("TNEF", "tnef"),
    Kind("5 MB", "5mb"),
    Kind("null sender", sender=""),
    Kind("DSN options", dsn=True),
    Kind("many recipients", recipients=210),  # more than the 200 of 2007
)

RULES = (
    ("the sender's TLS cannot meet ours", WAITS_THERE, lambda s, r, k: not s.tls),
    ("binary, and the sender has no BINARYMIME", NONE, lambda s, r, k: k.binary and not s.binary),
    ("the receiver's TLS cannot meet ours", WAITS_HERE, lambda s, r, k: not r.tls),
    ("binary, and the receiver lacks BINARYMIME", REFUSED,
     lambda s, r, k: k.binary and not r.binary),
    ("all else", DELIVERED, lambda s, r, k: True),
)


def expected(sender, receiver, kind):
    return next(what for _, what, fits in RULES if fits(sender, receiver, kind))


def report_expected(sender, receiver, kind):
    """Of NOTIFY=SUCCESS: what the report that must come says; None: none comes from here, as the
    stand-ins that took the options make none."""
    if not kind.dsn or expected(sender, receiver, kind) != DELIVERED:
        return None
    if not receiver.takes_dsn:
        return "relayed"  # by the gateway: the next hop does not promise any
    return None if receiver.personality else "delivered"  # by the real server
