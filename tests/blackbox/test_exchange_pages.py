"""forestgate exchange-setup --format steps and html, and the .reg text: are they well formed?"""

import html.parser
import re
import unittest

from exchange_setup_case import ExchangeSetup

VOID = {"meta", "input"}
# What may stand inside what, as far as these pages use it.
INSIDE = {"li": {"ol"}, "dt": {"dl"}, "dd": {"dl"}, "tr": {"table"}, "th": {"tr"}, "td": {"tr"},
          "figcaption": {"figure"}, "summary": {"details"}, "title": {"head"},
          "meta": {"head"}, "style": {"head"}}
FOREIGN = {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
TEXT_ALONE = {"p", "h1", "h2", "h3", "title", "code", "pre", "span", "label"}
BLOCKS = {"p", "h1", "h2", "h3", "ol", "dl", "table", "figure", "section", "nav", "div", "pre"}


class Page(html.parser.HTMLParser):
    """Complains about what is not closed, stands in the wrong place, or leads elsewhere."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.wrong = [], [], [], []
        self.words, self.begins = [], ""

    def complain(self, what):
        self.wrong.append(f"line {self.getpos()[0]}: {what}")

    def handle_decl(self, decl):
        self.begins = decl

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        parent = self.open[-1] if self.open else None
        if tag in FOREIGN or "src" in attrs or "style" in attrs \
                or any(a.startswith("on") for a in attrs):
            self.complain(f"<{tag}> with {attrs}")
        if tag in INSIDE and parent not in INSIDE[tag]:
            self.complain(f"<{tag}> inside <{parent}>")
        if tag in BLOCKS and any(t in TEXT_ALONE for t in self.open):
            self.complain(f"<{tag}> inside {self.open}")
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if "href" in attrs:
            self.links.append(attrs["href"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.complain(f"</{tag}> closes something else")

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def unknown_decl(self, data):
        self.complain(data)

    handle_comment = handle_pi = unknown_decl


class ExchangePages(ExchangeSetup):
    def test_each_page_is_well_formed_and_needs_nothing_else(self):
        for name, forest, version, words in self.setups():
            with self.subTest(configuration=name, forest=forest, version=version):
                text = self.ask(*words, "--format", "html")
                page = Page()
                page.feed(text)
                page.close()
                self.assertEqual(page.wrong + page.open, [])
                self.assertEqual(page.begins, "DOCTYPE html")
                self.assertTrue(text.startswith('<!DOCTYPE html>\n<html lang="en">'))
                self.assertIn('<meta charset="utf-8">', text[:200])
                self.assertEqual(len(set(page.ids)), len(page.ids))
                self.assertGreater(len(page.links), 5)
                self.assertLessEqual({link.lstrip("#") for link in page.links}, set(page.ids))
                self.assertNotRegex(text, r"https?:|url\(|@import")

    def test_the_page_and_the_text_say_the_same(self):
        for name, forest, version, words in self.setups():
            with self.subTest(configuration=name, forest=forest, version=version):
                page = Page()
                page.feed(self.ask(*words, "--format", "html"))
                shown = re.sub(r"\s+", "", "".join(page.words))
                steps = self.ask(*words, "--format", "steps")
                titles = re.findall(r"^ +\d+\. (?:\(optional\) )?(.*)$", steps.split("\nStep 1")[0],
                                    re.M)
                self.assertGreater(len(titles), 5)
                for title in titles:
                    self.assertIn(re.sub(r"\s+", "", title), shown)

    def test_sentences_have_a_hundred_columns(self):
        for name, forest, version, words in self.setups():
            with self.subTest(configuration=name, forest=forest, version=version):
                text = self.ask(*words, "--format", "steps")
                long = [line for line in text.split("\n")
                        if len(line) > 100 and re.match(r"( {6}|    - )\S", line)]
                self.assertEqual(long, [])
                self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\x7f]")

    def test_the_registry_text_is_one_that_regedit_reads(self):
        line = re.compile(r'(;.*|\[HKEY_[A-Z_]+(\\[^\\\]]+)+\]|"[^"\\]+"=(dword:[0-9a-f]{8}|-)|)')
        for name, forest, version, words in self.setups():
            if version not in ("2000", "2003"):
                continue
            with self.subTest(configuration=name, forest=forest, version=version):
                lines = self.ask(*words, "--format", "script").split("\r\n")
                self.assertEqual(lines[:2], ["Windows Registry Editor Version 5.00", ""])
                self.assertEqual([x for x in lines[1:] if not line.fullmatch(x)], [])
                # As a comment or not, each value has a key above it, and a way back.
                text = "\n".join(lines)
                sets = re.findall(r'^(;   )?"(\w+)"=dword:', text, re.M)
                self.assertGreaterEqual(len(sets), 2)
                for _, value in sets:
                    self.assertRegex(text, rf'(?m)^(;   )?"{value}"=-$')
                    self.assertRegex(text, rf'(?m)^(;   )?\[HKEY_.*\]\n(;   )?"{value}"=dword:')


if __name__ == "__main__":
    unittest.main()
