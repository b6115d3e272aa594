"""How the demo is shown: sentences flush left, evidence behind a bar below its source.

    Now the server is asked.                    say(): what the demo does next

      forestgate queue list                     evidence(): where the lines come from,
      | CONNECTOR   STATE ...                   and the lines as they were there

Colour on a terminal unless NO_COLOR is set; plain ASCII when the output is no UTF-8; never wider
than 100 columns, and as narrow as the terminal.
"""

import os
import re
import shutil
import sys
import textwrap

WIDEST, NARROWEST = 100, 60
WORDS = re.compile(r'\S*"(?:[^"\\]|\\.)*"\S*|\S+')


class Page:
    def __init__(self, out=sys.stdout):
        self.out = out
        columns = shutil.get_terminal_size((WIDEST, 24)).columns or WIDEST
        self.width = max(NARROWEST, min(WIDEST, columns))
        self.colour = (out.isatty() and not os.environ.get("NO_COLOR")
                       and os.environ.get("TERM") != "dumb")
        unicode = (out.encoding or "").lower().replace("-", "") == "utf8"
        self.bar, self.rule, self.gap = ("│", "─", "…") if unicode else ("|", "-", "...")
        self.chapters = 0
        self.source = None  # of the evidence just shown, when nothing was said since

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.colour and text else text

    def line(self, text=""):
        self.source = None
        print(text, file=self.out, flush=True)

    def chapter(self, title):
        self.chapters += 1
        head = f"{self.rule * 2} {self.chapters}. {title} "
        self.line()
        self.line(self.paint("1", head + self.rule * (self.width - len(head))))

    def say(self, text):
        self.line()
        for part in textwrap.wrap(text, self.width, break_long_words=False,
                                  break_on_hyphens=False):
            self.line(part)

    def evidence(self, source, lines, mark=None, hang=2):
        """Lines as they were found in source. What matches mark stands out; a line that is too
        long goes on hang columns further right."""
        if source != self.source:
            for part in self.fold(source, 4):
                self.line("  " + self.paint("2;36", part))
        for line in lines:
            for part in self.fold(line, hang):
                self.line(f"  {self.paint('36', self.bar)} {self.marked(part, mark)}".rstrip())
        self.source = source

    def marked(self, text, mark):
        if not mark:
            return text
        return re.sub(mark, lambda m: self.paint("1;32", m[0]), text)

    def fold(self, line, hang):
        """Broken between words, at best not within quotes; blanks within a row stay."""
        room, line = self.width - 4, line.expandtabs()
        if len(line) <= room:
            return [line.rstrip()]
        parts, now, end = [], "", 0
        for word in WORDS.finditer(line):
            blanks, text = line[end:word.start()], word[0]
            end = word.end()
            pieces = [text] if len(text) <= room - hang else text.split(" ")
            for i, piece in enumerate(pieces):
                gap = blanks if i == 0 else " "
                if now.strip() and len(now) + len(gap) + len(piece) > room:
                    parts.append(now.rstrip())
                    now = " " * hang + piece
                else:
                    now += gap + piece
        return parts + [now.rstrip()]
