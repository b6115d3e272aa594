"""Quotation marks as PowerShell takes them, which the grammar does not know.

PowerShell takes the typographic apostrophes for ' and the typographic quotation marks for ", and
dashes for - (PowerShell language specification, 2.3.5.2 and 2.2.4). In a literal they must be
doubled like the plain ones. A script without a byte order mark is read in the code page of the
machine: there a letter whose UTF-8 form holds one of the bytes 82, 84, 91 to 94 becomes such a mark.
"""

import re

SINGLE = "'\u2018\u2019\u201a\u201b"
DOUBLE = '"\u201c\u201d\u201e'
DASHES = "\u2013\u2014\u2015"
MARKS = SINGLE[1:] + DOUBLE[1:] + DASHES
PAIRED_SINGLE = re.compile(f"(?:[^{SINGLE}]|[{SINGLE}][{SINGLE}])*")
PAIRED_DOUBLE = re.compile(f"(?s:[^{DOUBLE}`]|`.|[{DOUBLE}][{DOUBLE}])*")
DRIVE = re.compile(r"(?<!`)\$(\w+):(?!:)")
SCOPES = {"global", "local", "script", "private", "env", "function", "variable", "alias"}


def blank(lines, fact):
    """Takes a literal or comment out of the lines, so that only the rest is looked at."""
    row, at = fact["line"] - 1, fact["column"] - 1
    for index, piece in enumerate(fact["text"].split("\n")):
        begin = at if index == 0 else 0
        line = lines[row + index]
        lines[row + index] = line[:begin] + " " * len(piece) + line[begin + len(piece):]


def inside(literal):
    """Complaints about one literal."""
    body = literal["text"][1:-1]
    at = f"line {literal['line']}, column {literal['column']}: "
    if literal["kind"] == "single" and not PAIRED_SINGLE.fullmatch(body):
        yield at + "PowerShell ends this literal at an apostrophe that is not doubled"
    if literal["kind"] == "double":
        if "$(" not in body and not PAIRED_DOUBLE.fullmatch(body):
            yield at + "PowerShell ends this string at a quotation mark inside"
        for name in DRIVE.findall(body):
            if name.lower() not in SCOPES:
                yield at + f"${name}: names a drive, not the variable: write ${{{name}}}:"


def complaints(text, facts):
    marked = text.startswith("\ufeff")
    comments = [c for c in facts["constructs"] if c["kind"] == "comment"]
    for literal in facts["literals"]:
        yield from inside(literal)
    lines = text.split("\n")
    for fact in comments:
        blank(lines, fact)
    for number, line in enumerate(lines, 1):
        plain = line.lstrip("\ufeff") if number == 1 else line
        if not marked and not plain.isascii():
            yield f"line {number}, column 1: not ASCII, and the script has no byte order mark"
        if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", plain):
            yield f"line {number}, column 1: a control character"
    for fact in facts["literals"]:
        blank(lines, fact)
    for number, line in enumerate(lines, 1):
        for mark in sorted(set(line) & set(MARKS)):
            column = line.index(mark) + 1
            yield f"line {number}, column {column}: U+{ord(mark):04X} outside a literal"


def read_list(value):
    """The words of `'a','b'` as PowerShell reads them; None for each that is no single-quoted
    literal. The value must be literals and commas only, else the answer is [None]."""
    words, at = [], 0
    value = value.strip()
    while at < len(value):
        if value[at] not in SINGLE:
            return [None]
        match = PAIRED_SINGLE.match(value, at + 1)
        end = match.end()
        if end >= len(value):
            return [None]
        words.append(re.sub(f"([{SINGLE}])[{SINGLE}]", r"\1", match[0]))
        at = end + 1
        comma = re.match(r"\s*,\s*", value[at:])
        if at < len(value) and not comma:
            return [None]
        at += comma.end() if comma else 0
    return words or [None]
