"""The messages that must pass byte for byte, made by code: the same octets each time.

make(name) is a whole message; NAMES lists them; corpus.sha256 holds what each must hash to.
"""

import base64
import functools
import hashlib
import os
import random
import struct

SUMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus.sha256")
BIG = 5 * 1024 * 1024
DATE = "Mon, 14 Apr 2008 09:30:00 +0200"


def lines(*text):
    return b"".join((l if isinstance(l, bytes) else l.encode("utf-8")) + b"\r\n" for l in text)


def head(name, *more):
    return lines(
        f"Message-ID: <corpus-{name}@ex03.contoso.example>", f"Date: {DATE}",
        "From: \"Anna, Contoso\" <anna@contoso.example>",
        "To: Bob <bob@fabrikam.example>", f"Subject: corpus {name}", "MIME-Version: 1.0",
        "X-Folded: one\r\n\ttwo\r\n   three", *more)


def message(name, body, *more):
    return head(name, *more) + b"\r\n" + body


def noise(seed, count):
    return random.Random(seed).randbytes(count)


def base64_lines(data):
    text = base64.b64encode(data)
    return b"".join(text[i:i + 76] + b"\r\n" for i in range(0, len(text), 76))


def blob(count=2336):
    """For XEXCH50: opaque, and nothing in it is an end mark, whatever it looks like."""
    return (b"\r\n.\r\nQUIT\r\n\0" + noise("exch50", count))[:count]


# ---- the kinds


def text():
    return message("text", lines("Hello Bob,", "", ".a dot first", "..two dots", ".", "trailing  ", "",
                                 "-- ", "Anna", ""),
                   "Content-Type: text/plain; charset=us-ascii")


def multipart():
    return message(
        "multipart",
        lines("This is a multi-part message in MIME format.", "", "------_=_NextPart_001",
              "Content-Type: text/plain; charset=\"iso-8859-1\"",
              "Content-Transfer-Encoding: quoted-printable", "", "Gr=FC=DFe=20", ".", "",
              "------_=_NextPart_001", "Content-Type: text/html; charset=\"iso-8859-1\"",
              "Content-Transfer-Encoding: quoted-printable", "", "<HTML><BODY>Gr=FC=DFe</BODY></HTML>",
              "", "------_=_NextPart_001--"),
        "Content-Type: multipart/alternative;\r\n\tboundary=\"----_=_NextPart_001\"",
        "X-MimeOLE: Produced By Microsoft Exchange V6.5",
        "Content-Class: urn:content-classes:message")


SIGNED = "----=_signed_0A1B"


def signed():
    """multipart/signed whose second part is the SHA-256 of the first: one octet changed, and
    is_intact() says so, as a mail program would of a true signature."""
    part = lines("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "",
                 "From now on: signed. Grüße", ".leading dot", "trailing blanks   ", "", "")
    digest = hashlib.sha256(part).digest()
    return message(
        "signed",
        lines("This is a signed message.", "", f"--{SIGNED}") + part
        + lines("", f"--{SIGNED}", "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"",
                "Content-Transfer-Encoding: base64",
                "Content-Disposition: attachment; filename=\"smime.p7s\"", "")
        + base64_lines(digest) + lines("", f"--{SIGNED}--"),
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
        f"\tmicalg=sha-256; boundary=\"{SIGNED}\"")


def is_intact(data):
    """Does the signature of the kind `signed` still fit?"""
    between = data.split(b"--" + SIGNED.encode())
    part = between[1].removeprefix(b"\r\n").removesuffix(b"\r\n")
    digest = base64.b64decode(between[2].split(b"\r\n\r\n", 1)[1])
    return digest == hashlib.sha256(part).digest()


def tnef_stream():
    """A small TNEF stream: signature, key, attributes with their checksums."""
    stream = struct.pack("<IH", 0x223E9F78, 1)
    for level, number, content in (
            (1, 0x00089006, struct.pack("<I", 0x00010000)),  # attTnefVersion
            (1, 0x00069007, struct.pack("<II", 1252, 0)),  # attOemCodepage
            (1, 0x00078008, b"IPM.Microsoft Mail.Note\0"),  # attMessageClass
            (1, 0x00018004, b"corpus\0"),  # attSubject
            (1, 0x00069003, noise("mapi", 3000))):  # attMsgProps
        stream += struct.pack("<BII", level, number, len(content)) + content
        stream += struct.pack("<H", sum(content) & 0xFFFF)
    return stream


def tnef():
    return message(
        "tnef",
        lines("------_=_TNEF", "Content-Type: text/plain; charset=us-ascii", "", "See winmail.dat", "",
              "------_=_TNEF", "Content-Type: application/ms-tnef;\r\n\tname=\"winmail.dat\"",
              "Content-Transfer-Encoding: base64", "")
        + base64_lines(tnef_stream()) + lines("", "------_=_TNEF--"),
        "Content-Type: multipart/mixed;\r\n\tboundary=\"----_=_TNEF\"",
        "X-MS-TNEF-Correlator: <corpus-tnef@ex03.contoso.example>", "X-MS-Has-Attach:")


def tnef_binary():
    """As Exchange sends it where it may: the stream itself (S-TNEF is always so)."""
    return message(
        "tnef-binary", tnef_stream(),
        "Content-Type: application/ms-tnef;\r\n\tname=\"winmail.dat\"",
        "Content-Transfer-Encoding: binary",
        "X-MS-TNEF-Correlator: <corpus-tnef-binary@ex03.contoso.example>")


def meeting():
    return message(
        "meeting",
        lines("BEGIN:VCALENDAR", "METHOD:REQUEST", "PRODID:Microsoft CDO for Microsoft Exchange",
              "VERSION:2.0", "BEGIN:VEVENT", "DTSTAMP:20080414T073000Z", "DTSTART:20080415T080000Z",
              "DTEND:20080415T090000Z", "SUMMARY:Zusammenführung", "UID:040000008200E00074C5B7101A82E008",
              "ORGANIZER;CN=\"Anna, Contoso\":MAILTO:anna@contoso.example",
              "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;\r\n"
              " CN=\"Bob\":MAILTO:bob@fabrikam.example", "SEQUENCE:0", "END:VEVENT", "END:VCALENDAR"),
        "Content-Type: text/calendar; method=REQUEST;\r\n\tcharset=\"utf-8\"",
        "Content-Transfer-Encoding: 8bit", "Content-Class: urn:content-classes:calendarmessage")


def eight_bit():
    return message("8bit", lines("Grüße aus München", bytes(range(0x80, 0x100)), ".äöü"),
                   "Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: 8bit")


def long_lines():
    """Beyond the 998 of RFC 5322, which Exchange does not mind."""
    return message("long-lines", lines("x" * 999, "y" * 2500, "." + "z" * 20000, "end"),
                   "Content-Type: text/plain; charset=us-ascii")


def binary():
    """Bare CR, bare LF, NUL, and what would be the end of a message after DATA."""
    return message(
        "binary", b"\0\r\n.\r\nbare lf\nbare cr\rboth\n\r" + bytes(range(256)) + noise("binary", 4096)
        + b"\n.\n\r.\r\r\n", "Content-Type: application/octet-stream",
        "Content-Transfer-Encoding: binary")


def unended():
    return message("unended", lines("The last line") + b"has no CRLF",
                   "Content-Type: text/plain; charset=us-ascii")


def big():
    """5 MB of base64 as a mail with a large attachment has it, counted line by line."""
    row = base64_lines(noise("big", 57))
    rows = BIG // (len(row) + 10)
    body = b"".join(b"%08x" % i + row for i in range(rows))
    return message("5mb", body, "Content-Type: application/octet-stream",
                   "Content-Transfer-Encoding: 7bit")


KINDS = {
    "text": text, "multipart": multipart, "signed": signed, "tnef": tnef,
    "tnef-binary": tnef_binary, "meeting": meeting, "8bit": eight_bit, "long-lines": long_lines,
    "binary": binary, "unended": unended, "5mb": big,
}
NAMES = tuple(KINDS)
NEEDS_BINARYMIME = {"tnef-binary", "binary"}  # bare CR, LF or NUL: BDAT or not at all


@functools.lru_cache
def make(name):
    return KINDS[name]()


def sums():
    """{name: sha256} as checked in."""
    with open(SUMS) as f:
        return {name: digest for digest, name in (line.split() for line in f)}


def with_mark(data, mark):
    """The same message with a field that a test finds it by."""
    return b"X-Mark: " + mark.encode() + b"\r\n" + data
