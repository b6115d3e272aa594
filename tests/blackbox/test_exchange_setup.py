"""forestgate exchange-setup: what must stand in Exchange, from the same file.

The set-ups of two-forests.yaml in tests/exchange_setup are kept in its folder golden, to be read by
people when they change; of the other configurations what is different from those, as a diff.
UPDATE=1 tests/blackbox/run exchange_setup writes them anew.
"""

import difflib
import html.parser
import os
import re
import unittest

from exchange_setup_case import FOLDER, VERSIONS, ExchangeSetup
from gateway import forestgate
from kit import ROOT
from powershell import check

GOLDEN = os.path.join(FOLDER, "golden")

# A name that does harm wherever it is not quoted: in PowerShell, cmd.exe, a .reg file, HTML.
HOSTILE = ("FABRIKAM\\o'br\"ien $(calc) `t ‘curly’ ‚low‛ %PATH% & <b>J\u00fcrgen</b> #> ; "
           + "x" * 130)


class Document(html.parser.HTMLParser):
    """Are all elements closed, and which are there?"""

    EMPTY = {"meta", "br", "input", "hr", "link"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.seen, self.text, self.wrong = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def read_html(text):
    document = Document()
    document.feed(text)
    document.close()
    return document


def difference(one, other, one_name, other_name):
    lines = difflib.unified_diff(one.splitlines(), other.splitlines(), one_name, other_name,
                                 lineterm="", n=1)
    return "\n".join(lines) + "\n"


class Golden(ExchangeSetup):
    def check(self, name, text):
        path = os.path.join(GOLDEN, name)
        if os.environ.get("UPDATE"):
            os.makedirs(GOLDEN, exist_ok=True)
            with open(path, "w", newline="", encoding="utf-8") as f:
                f.write(text)
        with open(path, newline="", encoding="utf-8") as f:
            self.assertEqual(text, f.read(), name)
        self.checked.add(name)

    def check_whole(self):
        """Each version of one forest, in its formats; by version, what the others differ from."""
        path = self.configuration("two-forests")
        base = {}
        for version in VERSIONS:
            words = (path, "--forest", "contoso", "--version", version)
            base[version] = self.ask(*words)
            if version != "2010":
                ending = "ps1" if version == "2007" else "txt"
                self.check(f"two-forests-contoso-{version}.{ending}", base[version])
        self.check("two-forests-contoso-2010.diff",
                   difference(base["2007"], base["2010"], "2007", "2010"))
        self.check("two-forests-contoso-2003.html",
                   self.ask(path, "--forest", "contoso", "--version", "2003", "--format", "html"))
        self.check("two-forests-contoso-2003.reg",
                   self.ask(path, "--forest", "contoso", "--version", "2003", "--format",
                            "script"))
        self.check("two-forests-contoso-2007.txt",
                   self.ask(path, "--forest", "contoso", "--version", "2007", "--format",
                            "steps"))
        self.check("verify-commands.ps1",
                   self.ask(path, "--forest", "contoso", "--version", "2007",
                            "--verify-commands"))
        return base

    def test_set_ups_are_those_that_were_read(self):
        self.checked = set()
        base = self.check_whole()
        for name, forest, version, words in self.setups():
            if (name, forest) == ("two-forests", "contoso"):
                continue
            self.check(f"{name}-{forest}-{version}.diff",
                       difference(base[version], self.ask(*words), "two-forests, contoso",
                                  f"{name}, {forest}"))
        self.assertEqual(self.checked, set(os.listdir(GOLDEN)), "a file of no set-up")

    def test_nothing_in_them_is_of_this_machine(self):
        for name in os.listdir(GOLDEN):
            with open(os.path.join(GOLDEN, name), encoding="utf-8") as f:
                self.assertNotIn(self.scratch.path, text := f.read(), name)
            self.assertNotIn("/tmp/", text, name)


class Formats(ExchangeSetup):
    def test_a_page_is_whole_and_needs_nothing_else(self):
        for name, forest, version, words in self.setups():
            with self.subTest(f"{name} {forest} {version}"):
                page = read_html(self.ask(*words, "--format", "html"))
                self.assertEqual((page.wrong, page.open), ([], []))
                tags = {tag for tag, _ in page.seen}
                self.assertTrue({"html", "head", "title", "body"} <= tags)
                self.assertFalse(tags & {"script", "img", "iframe", "object", "link"})
                for tag, attributes in page.seen:
                    for key in ("href", "src"):
                        self.assertTrue(attributes.get(key, "#").startswith("#"), attributes)
                    self.assertFalse([k for k in attributes if k.startswith("on")])

    def test_each_step_says_why_how_to_check_and_how_to_undo(self):
        for name, forest, version, words in self.setups():
            with self.subTest(f"{name} {forest} {version}"):
                text = self.ask(*words, "--format", "steps")
                steps = re.split(r"(?m)^(?=Step \d+|\d+\. )", text)[1:]
                self.assertGreater(len(steps), 5)
                for step in steps:
                    for part in ("Why", "Do", "Check", "Undo"):
                        self.assertRegex(step, rf"(?m)^ *{part}\b", step[:200])

    def test_registry_text_is_one(self):
        for name, forest, version, words in self.setups():
            if version >= "2007":
                continue
            text = self.ask(*words, "--format", "script")
            self.assertTrue(text.isascii())
            lines = text.split("\r\n")
            self.assertEqual(lines[0], "Windows Registry Editor Version 5.00")
            for line in lines[1:]:
                self.assertRegex(line, r'^(;.*|\[-?HKEY_LOCAL_MACHINE\\[^\]]+\]|"[^"]+"='
                                       r'(dword:[0-9a-f]{8}|"[^"]*"|-)|)$')

    def test_scripts_have_the_ends_of_lines_and_the_mark_that_windows_needs(self):
        for name, forest, version, words in self.setups():
            if version < "2007":
                continue
            text = self.ask(*words)
            self.assertEqual(text.count("\n"), text.count("\r\n"))
            self.assertTrue(text.isascii() or text.startswith("\ufeff"))

    def test_unconfirmed_facts_are_marked(self):
        for version in VERSIONS:
            path = self.configuration("two-forests")
            for style in ("steps", "html"):
                text = self.ask(path, "--forest", "contoso", "--version", version, "--format",
                                style)
                self.assertIn("check on your system", text.lower())


class Scripts(ExchangeSetup):
    """By a real grammar, and tables of what each version has (tests/powershell)."""

    def test_each_version_has_what_its_scripts_use(self):
        for name, forest, version, words in self.setups():
            if version >= "2007":
                with self.subTest(f"{name} {forest} {version}"):
                    self.assertEqual(check(self.ask(*words), version, setup=True), [])

    def test_what_is_pasted_to_verify_is_right_as_well(self):
        path = self.configuration("two-forests")
        for version in ("2007", "2010"):
            text = self.ask(path, "--forest", "fabrikam", "--version", version,
                            "--verify-commands")
            self.assertEqual(check(text, version), [])


class Hostile(ExchangeSetup):
    """Names out of the file are names, whatever is in them."""

    def words(self, version, *more):
        def change(text):
            name = HOSTILE.replace("'", "''")
            return text.replace("'CONTOSO\\svc-forestgate'", f"'{name}'").replace(
                ", svc-forestgate@contoso.example", "")
        path = self.configuration("two-forests", change)
        return path, "--forest", "contoso", "--version", version, *more

    def test_in_a_page(self):
        for version in VERSIONS:
            page = read_html(self.ask(*self.words(version, "--format", "html")))
            self.assertEqual((page.wrong, page.open), ([], []))
            self.assertNotIn("b", {tag for tag, _ in page.seen})
            self.assertIn("<b>J\u00fcrgen</b> #>", "".join(page.text))

    def test_in_steps_no_line_is_broken_out_of(self):
        for version in ("2000", "2003"):
            self.assertIn(HOSTILE, self.ask(*self.words(version)))

    def test_in_a_script(self):
        literal = "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", HOSTILE) + "'"
        for version in ("2007", "2010"):
            text = self.ask(*self.words(version))
            self.assertEqual(check(text, version, setup=True), [])
            self.assertIn(literal, text)
            for line in text.split("\r\n"):  # elsewhere it is in comments alone
                if HOSTILE[:12] in line.replace(literal, ""):
                    self.assertTrue(line.startswith("#"), line)

    def test_in_a_registry_text(self):
        text = self.ask(*self.words("2003", "--format", "script"))
        self.assertTrue(text.isascii())


class Questions(ExchangeSetup):
    def test_what_cannot_be_answered_says_why(self):
        path = self.configuration("relay-through")
        two = self.configuration("two-forests")
        chain = self.configuration("chain")
        rows = (
            ((two,), "--forest and --version are needed"),
            ((two, "--forest", "contoso", "--version", "5.5"),
             "--version is 2000, 2003, 2007 or 2010"),
            ((two, "--forest", "contoso", "--version", "2007", "--format", "pdf"),
             "--format is script, steps or html"),
            ((two, "--forest", "contoso", "--version", "2003", "--verify", "x"),
             "Exchange 2000 and 2003 have no shell that could print what is there; see what is "
             "visible from outside: forestgate doctor, forestgate preflight"),
            ((two, "--forest", "nowhere", "--version", "2007"),
             'no forest "nowhere"; the configuration has contoso, fabrikam'),
            ((path, "--forest", "tailspin", "--version", "2007"),
             "forest tailspin is reached through fabrikam: nothing of it connects to this "
             "gateway; ask for --forest fabrikam"),
            ((path, "--forest", "contoso", "--version", "2007"),
             "forest contoso may come in by receive connector from-contoso-2003 or "
             "from-contoso-2007: say which with --connector"),
            ((chain, "--forest", "fabrikam", "--version", "2007"),
             "forest fabrikam is behind another gateway (send connector fabrikam-gateway): run "
             "this there"),
            ((two, "--forest", "contoso", "--version", "2007", "--gateway-address", "gw"),
             '"gw" is no address: write 192.0.2.10'),
            ((two, "--forest", "contoso", "--version", "2007", "--json"),
             "--json goes with --verify"),
            ((two, "--forest", "contoso", "--version", "2007", "word"),
             "what it reads is named by options"),
        )
        for words, why in rows:
            with self.subTest(why):
                self.assertEqual(self.ask(*words, code=2), f"forestgate exchange-setup: {why}\n")

    def test_no_secret_is_in_any_of_it(self):
        for name, forest, version, words in self.setups():
            for style in ("script", "steps", "html"):
                text = self.ask(*words, "--format", style)
                self.assertNotIn("open sesame", text)
                self.assertNotIn("$2b$04$", text)

    def test_help_names_every_option(self):
        text = forestgate("exchange-setup", "--help")[1]
        with open(os.path.join(ROOT, "gateway", "command_exchange_setup.c")) as f:
            options = re.findall(r'^        \{"([a-z-]+)", ', f.read(), re.M)
        self.assertEqual(len(options), 8)
        for option in options:
            self.assertIn(f"--{option}", text)


if __name__ == "__main__":
    unittest.main()
