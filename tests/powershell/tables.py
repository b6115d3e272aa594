"""The tables: which cmdlet of which version has which parameter, and who says so.

A table is text. A line at the left margin opens an entry; what belongs to it is indented, and a
line that is indented deeper goes on with the line above it:

    New-SendConnector
      source   Exchange 2007 help, New-SendConnector, aa998936(EXCHG.80)
      has      Name AddressSpaces ...          parameters since the first release
      sp1      IsScopedConnector ...           parameters since service pack 1
      sp2      UseRusServer                    parameters since service pack 2
      unconfirmed  Whatever                    no source was seen: as good as absent
      values   Usage: Custom Internal ...      the words a parameter takes
      alias    nsc                             other names of the cmdlet

`source` is a must. `%common` names the parameters that every cmdlet has, `%types`, `%programs`
and the like list words. A line that begins with # is a comment.
"""

import os

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = {"source", "has", "sp1", "sp2", "unconfirmed", "values", "alias", "words"}


class Entry:
    """One cmdlet, or one list of words."""

    def __init__(self, name):
        self.name = name
        self.source = ""
        self.has, self.sp1, self.sp2, self.unconfirmed = {}, {}, {}, {}
        self.alias, self.words = [], []
        self.values = {}

    def add(self, key, text):
        if key == "source":
            self.source = text
        elif key == "values":
            parameter, _, words = text.partition(":")
            self.values[parameter.strip().lower()] = words.split()
        elif key in ("alias", "words"):
            getattr(self, key).extend(text.split())
        else:
            getattr(self, key).update((word.lower(), word) for word in text.split())


def logical_lines(name):
    """(number, indented, text) of each line of a table, continuations joined."""
    lines = []
    with open(os.path.join(HERE, name), encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            depth = len(line) - len(line.lstrip(" "))
            if depth > 2:
                if not lines or not lines[-1][1]:
                    raise ValueError(f"{name}:{number}: continues nothing")
                lines[-1][2] += " " + line.strip()
            else:
                lines.append([number, depth == 2, line.strip()])
    return lines


def read(name):
    """{lower-case name: Entry} of one table; a mistake in the table raises ValueError."""
    entries, entry = {}, None
    for number, indented, text in logical_lines(name):
        if not indented:
            entry = Entry(text)
            if entries.setdefault(text.lower(), entry) is not entry:
                raise ValueError(f"{name}:{number}: {text} stands there twice")
            continue
        key, _, rest = text.partition(" ")
        if entry is None or key not in KEYS or not rest.strip():
            raise ValueError(f"{name}:{number}: cannot read this line")
        entry.add(key, rest.strip())
    for entry in entries.values():
        if not entry.source:
            raise ValueError(f"{name}: {entry.name} names no source")
    return entries


VERSIONS = {"2007": "exchange-2007.txt", "2007-rtm": "exchange-2007.txt", "2010": "exchange-2010.txt"}
_read = {}


def load(name):
    """read(), once a process."""
    if name not in _read:
        _read[name] = read(name)
    return _read[name]


def exchange(version):
    """The cmdlets of an Exchange: "2007-rtm", "2007" (with service pack 1) or "2010"."""
    return load(VERSIONS[version])


def shell():
    """PowerShell 1.0 itself, on which Exchange 2007 runs; 2.0 runs the same text."""
    return load("powershell-1.0.txt")
