"""What a server took: the envelope with all its options, the octets, and how it would be stored."""

import contextlib
import datetime
import re
import time
from dataclasses import dataclass, field

EPOCH_1601 = 11644473600  # seconds from 1601 to 1970


class BadPath(ValueError):
    """No address stands where one must."""


def path_and_options(argument, word, bare):
    """("a@b", {"SIZE": "1"}) of `FROM:<a@b> SIZE=1`; without <> only where bare says so."""
    match = re.match(rf"{word}:\s*(?:<([^>]*)>|(\S+))(.*)$", argument, re.I)
    if not match or (match[1] is None and (not bare or "<" in match[2])):
        raise BadPath(argument)
    address = match[1] if match[1] is not None else match[2]
    if address and not re.match(r"[^@\s]+@[^@\s]+$|postmaster$", address, re.I):
        raise BadPath(argument)
    options = {}
    for option in match[3].split():
        name, _, value = option.partition("=")
        options[name.upper()] = value
    return address, options


@dataclass
class Recipient:
    address: str
    options: dict = field(default_factory=dict)  # NOTIFY, ORCPT as they were given


@dataclass
class Taken:
    """A message that was answered with 250."""

    sender: str
    options: dict  # of MAIL: SIZE, BODY, AUTH, RET, ENVID, SMTPUTF8
    recipients: list  # of Recipient
    data: bytes  # as it came
    chunks: tuple = ()  # the sizes of its BDAT commands; empty: by DATA
    blob: bytes | None = None  # of XEXCH50
    blob_number: int | None = None
    session: object = None
    number: int = 0
    stored: bytes = b""  # with the fields of this server, without those that it strips

    @property
    def addresses(self):
        return [r.address for r in self.recipients]

    @property
    def binary(self):
        return self.options.get("BODY", "").upper() == "BINARYMIME"


# ---- header fields


def fields(data):
    """The header section as raw fields, each with its folded lines; and the body."""
    lines = re.split(rb"(?<=\r\n)", data[:end_of_header(data)])
    found = []
    for line in lines:
        if found and line[:1] in (b" ", b"\t"):
            found[-1] += line
        elif line:
            found.append(line)
    return found, data[end_of_header(data):].removeprefix(b"\r\n")


def end_of_header(data):
    if data.startswith(b"\r\n"):
        return 0
    at = data.find(b"\r\n\r\n")
    return len(data) if at < 0 else at + 2


def name_of(raw):
    return raw.split(b":", 1)[0].strip().lower()


def message_id(data):
    for raw in fields(data)[0]:
        if name_of(raw) == b"message-id":
            return raw.split(b":", 1)[1].strip().decode("latin-1")
    return None


def count_received(data):
    return sum(name_of(f) == b"received" for f in fields(data)[0])


def stamp(form, when=None):
    return datetime.datetime.fromtimestamp(when or time.time()).astimezone().strftime(form)


def arrival(form, when=None):
    """X-OriginalArrivalTime, with the FILETIME in hexadecimal."""
    when = when or time.time()
    ticks = round(when * 10_000) * 1_000 + EPOCH_1601 * 10_000_000  # of 100 ns
    utc = datetime.datetime.fromtimestamp(when, datetime.timezone.utc)
    return form.format(utc=utc.strftime("%d %b %Y %H:%M:%S.") + f"{utc.microsecond // 100:04}",
                       filetime=f"{ticks >> 32:08X}:{ticks & 0xFFFFFFFF:08X}")


TRUST = (b"x-ms-exchange-organization-", b"x-ms-exchange-forest-")


def is_stripped(raw, rights, personality):
    """Does the header firewall of this server take the field away (4)?"""
    if "headers_routing" not in personality.rights:
        return False  # 2003 and before know no such fields
    name = name_of(raw)
    wanted = {TRUST[0]: "headers_organization", TRUST[1]: "headers_forest",
              b"received": "headers_routing", b"resent-": "headers_routing"}
    for start, right in wanted.items():
        if name.startswith(start) and right not in rights:
            return True
    return False


def received(personality, facts):
    """The Received field of this version, with CRLF."""
    form = personality.headers["received"]
    with contextlib.suppress(KeyError):
        facts = {**facts, "version": personality.replies["version"]}
    return (form.format(**facts, date=stamp(personality.headers["date"])) + "\r\n").encode()


def store(taken, personality, rights, facts):
    """As the server keeps it: its own fields, its header firewall, what it thinks of the sender."""
    kept, body = fields(taken.data)
    kept = [f for f in kept if not is_stripped(f, rights, personality)]
    own = [received(personality, facts)]
    if personality.headers["organization"]:
        # AuthAs comes from the rights of the session, not from a field (4).
        internal = "authentication_flag" in rights and taken.options.get("AUTH") != "<>"
        own += [f"X-MS-Exchange-Organization-AuthAs: {'Internal' if internal else 'Anonymous'}\r\n"
                .encode(),
                f"X-MS-Exchange-Organization-AuthSource: {facts['host']}\r\n".encode()]
    last = []
    if "arrival" in personality.headers:
        last = [(arrival(personality.headers["arrival"]) + "\r\n").encode()]
    return b"".join(own + kept + last) + b"\r\n" + body


def dress(data, personality, host, address, organization=False, when=None):
    """As its own user's message leaves the server of that version. With organization, the send
    connector lets the fields of trust out, which only an inner one should (4)."""
    headers, own = personality.headers, []
    if headers["mapi"]:
        own.append(headers["mapi"].format(mailbox=host, client=address, host=host, server=address,
                                          date=stamp(headers["date"], when)))
    if organization:
        own += [row.format(host=host) for row in headers["organization"]]
    for name in ("mimeole", "content_class"):
        if name in headers and headers[name].split(":")[0].lower().encode() not in {
                name_of(f) for f in fields(data)[0]}:
            own.append(headers[name])
    if "arrival" in headers:
        own.append(arrival(headers["arrival"], when))
    return "".join(line + "\r\n" for line in own).encode() + data
