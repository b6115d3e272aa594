"""The guide (config/guide) as data: fenced blocks, inline code, links, commands, transcripts.

In the guide, `sh` blocks hold commands, `console` blocks commands behind "$ " with their answer,
`yaml` blocks parts of a configuration whose first line names the file that they go into, `text`
blocks lines of the log. "[...]" stands for what is left out.
"""

import os
import re
import shlex
from dataclasses import dataclass, field

from kit import ROOT

GUIDE = os.path.join(ROOT, "config", "guide")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LIVE = ("run", "status", "queue", "reload", "drain")  # they mean the file in force
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass
class Block:
    page: str
    line: int
    kind: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"


@dataclass
class Command:
    """One line for the shell, and what the guide shows of its answer."""

    block: Block
    text: str
    answer: list = field(default_factory=list)
    goes_to: str = None  # the file behind ">"

    @property
    def words(self):
        return shlex.split(self.text)

    def option(self, name, otherwise=None):
        words = self.words
        return words[words.index(name) + 1] if name in words else otherwise

    def __str__(self):
        return f"{self.block}: {self.text}"


def pages():
    """{file name: text}"""
    found = {}
    for name in sorted(os.listdir(GUIDE)):
        if name.endswith(".md"):
            with open(os.path.join(GUIDE, name), encoding="utf-8") as f:
                found[name] = f.read()
    return found


def blocks(*kinds):
    found = []
    for page, text in pages().items():
        for m in FENCE.finditer(text):
            if not kinds or m[2] in kinds:
                found.append(Block(page, text.count("\n", 0, m.start()) + 1, m[2], m[3]))
    return found


def prose(text):
    """The text without its fenced blocks."""
    return FENCE.sub("", text)


def code_spans():
    """(page, inline code) of all pages."""
    return [(page, m[1]) for page, text in pages().items() for m in CODE.finditer(prose(text))]


def links():
    return [(page, m[1]) for page, text in pages().items() for m in LINK.finditer(prose(text))]


def anchors(text):
    """Of each heading, as GitHub makes them."""
    heads = re.findall(r"^#+ +(.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def command_of(block, text):
    text, _, target = text.partition(" > ")
    text, _, source = text.partition(" < ")
    assert not source, f"{block}: a command that reads a file is not known here: {text}"
    return Command(block, text.strip(), goes_to=target.strip() or None)


def commands():
    """Every line of a shell or console block that begins with forestgate; then those that stand
    in a sentence."""
    found = []
    for block in blocks("sh", "console"):
        for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
            shown = line.removeprefix("$ ")
            if block.kind == "sh" or line.startswith("$ "):
                if shown.startswith("forestgate "):
                    found.append(command_of(block, shown))
                elif block.kind == "console":
                    raise AssertionError(f"{block}: not a command of ours: {shown}")
            elif found and found[-1].block is block:
                found[-1].answer.append(line)
    for page, code in code_spans():
        if code.startswith("forestgate "):
            found.append(command_of(Block(page, 0, "", code), code))
    return found


# ---- parts of a configuration

def sections(text):
    """{top-level key: (its line, {second-level key: lines})}, in order."""
    found, section, entry = {}, None, None
    for line in text.splitlines():
        top = re.match(r"(\w+):", line)
        second = re.match(r"  (\S+?):( |$)", line)
        if top:
            section, entry = found.setdefault(top[1], [line, {}]), None
        elif second and section:
            entry = section[1].setdefault(second[1], [])
            entry.clear()
            entry.append(line)
        elif entry is not None and line.startswith("    "):
            entry.append(line)
    return found


def merged(base, part):
    """The whole configuration with the entries of a part added, or put in place of its own."""
    whole = sections(base)
    for name, (line, entries) in sections(part).items():
        assert name in whole, f"the whole has no section {name}"
        assert line == f"{name}:", f"a part begins a section with more than its name: {line}"
        whole[name][1].update(entries)
    lines = []
    for line, entries in whole.values():
        lines += [line, *(l for e in entries.values() for l in e)]
    return "\n".join(lines) + "\n"
