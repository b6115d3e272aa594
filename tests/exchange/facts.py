"""A row of a personality: what is said or done, where exchange-facts.md says so, how sure it is."""

from dataclasses import dataclass, replace

KNOWN = "known"  # a source was seen for it
INFERRED = "inferred"  # from the sourced facts around it ([I] there, or ours)
UNCONFIRMED = "unconfirmed"  # general knowledge ([U] there, or a text that the facts do not give)
STATES = (KNOWN, INFERRED, UNCONFIRMED)

# What SMTP inspection of a firewall leaves of STARTTLS in a list: an X for each letter but the
# last. These octets are the thing itself, not a mark of unfinished work.
MASKED_STARTTLS = "X" * 7 + "A"

# The sections of exchange-facts.md that a row may name.
SECTIONS = {
    "0": "Vocabulary, version markers",
    "1.1": "The topic Configuring Cross-Forest Connectors",
    "1.3": "What a 2007 session is allowed to do: the permission model",
    "1.4": "Connector settings that bind each other",
    "1.5": "The Exchange 2003 / 2000 side",
    "1.6": "XEXCH50 failing between organizations (KB 843106)",
    "2.1": "What Exchange 2000/2003 can do",
    "2.2": "Schannel: protocols and cipher suites",
    "2.3": "BEAST mitigation",
    "2.4": "A modern OpenSSL against these peers",
    "2.5": "Certificates of Exchange 2007",
    "3.1": "Banners",
    "3.2": "EHLO replies",
    "3.3": "Replies to match or imitate",
    "3.4": "AUTH LOGIN dialogue",
    "3.5": "Limits and timers",
    "3.6": "XEXCH50",
    "3.7": "X-LINK2STATE, X-EXPS and other verbs",
    "3.8": "BDAT, pipelining and data quirks",
    "3.9": "Illustrative sessions",
    "4": "Header firewall",
    "5.3": "Retry",
    "5.4": "Queues (2007)",
    "5.5": "DSNs",
}

# When an EHLO line is there (Row.when): every word must hold.
WHENS = {
    "": "always",
    "clear": "before TLS",
    "certificate": "a certificate that is good for the server's name is installed",
    "any-certificate": "one is installed, be it expired",
    "tls": "after TLS",
    "basic": "Basic is enabled for a session like this one",
    "limit": "a size limit is set",
    "no-limit": "none is set",
}


@dataclass(frozen=True)
class Row:
    value: object  # a text with {names}, a number, or a tuple of names
    section: str
    state: str
    when: str = ""

    def __str__(self):
        return f"{self.value!r}  exchange-facts.md {self.section}, {self.state}"

    def complaints(self):
        """What is wrong with this row, as sentences."""
        if self.section not in SECTIONS:
            yield f"{self}: there is no such section"
        if self.state not in STATES:
            yield f"{self}: not one of {', '.join(STATES)}"
        for word in self.when.split():
            if word not in WHENS:
                yield f"{self}: {word} is no condition"


class Table:
    """Rows by name. A row that is not there is a mistake of the kit, said by name."""

    def __init__(self, title, *layers, **rows):
        self.title = title
        self.rows = {}
        for layer in (*layers, rows):
            self.rows.update(layer.rows if isinstance(layer, Table) else layer)

    def __getitem__(self, name):
        return self.row(name).value

    def __contains__(self, name):
        return name in self.rows

    def row(self, name):
        if name not in self.rows:
            raise KeyError(f"{self.title} has no row \"{name}\": {', '.join(self.rows)}")
        return self.rows[name]

    def inferred(self, *names):
        """The same, but these rows (all, if none is named) are no surer than inferred: they were
        seen of another version."""
        return Table(self.title, {
            name: replace(row, state=INFERRED)
            if row.state == KNOWN and (not names or name in names) else row
            for name, row in self.rows.items()})

    def without(self, *names):
        return Table(self.title, {n: row for n, row in self.rows.items() if n not in names})

    def items(self):
        return [(name, row) for name, row in self.rows.items()]


@dataclass(frozen=True)
class Personality:
    name: str  # "2003+KB"
    title: str
    ehlo: tuple  # rows, in the order in which they are sent
    replies: Table
    limits: Table  # what it bounds as a server
    rights: Table  # what an account of the other forest needs, and what each is good for
    quirks: Table  # oddities of its server that a test turns on
    client: Table  # its habits as a client
    headers: Table  # the fields it writes
    tls: Table
    retry: Table

    def tables(self):
        return (self.replies, self.limits, self.rights, self.quirks, self.client, self.headers,
                self.tls, self.retry)

    def rows(self):
        """Every row with the name it has."""
        for row in self.ehlo:
            yield f"ehlo {row.value}", row
        for table in self.tables():
            for name, row in table.items():
                yield f"{table.title} {name}", row
