"""The guide for the whole upgrade (config/guide): what it tells people to type exists, what it
shows as an answer is one, and every name in it is a name of this program."""

import os
import re
import subprocess
import unittest

import guide_text as guide
from gateway import forestgate
from guide_case import CONFIGURATIONS, PASSWORD, Case, Desk, read
from guide_text import GUIDE
from kit import ROOT

# Commands that answer without a server or a daemon.
OFFLINE = ("check", "explain", "exchange-setup", "manual", "account")
SCRIPTS = os.path.join("scripts", "exchange")
COLUMNS = 100


class Typed(Case):
    """What the guide tells people to type."""

    @classmethod
    def setUpClass(cls):
        cls.desk = Desk()
        cls.addClassCleanup(cls.desk.scratch.remove)
        cls.commands = guide.commands()

    def test_there_are_commands_of_each_kind(self):
        named = {c.words[1] for c in self.commands}
        self.assertLessEqual({"check", "explain", "preflight", "doctor", "probe", "pin", "status",
                              "queue", "reload", "drain", "account"}, named)
        self.assertGreater(len([c for c in self.commands if c.answer]), 8)

    def test_each_command_has_these_options(self):
        overview = forestgate("--help", check=True)[1]
        for command in self.commands:
            with self.subTest(str(command)):
                name, *rest = command.words[1:]
                self.assertRegex(overview, rf"\n  forestgate {name}[ \n]")
                text = forestgate(name, "--help", check=True)[1]
                for word in rest:
                    if word.startswith("-"):
                        self.assertRegex(text, rf"(?<![\w-]){re.escape(word)}(?![\w-])")
                if name in ("queue", "account"):
                    verb = [w for w in rest if w in ("list", "show", "retry", "hash")]
                    self.assertEqual(len(verb), 1, text)

    def test_each_names_what_its_configuration_has(self):
        for command in self.commands:
            file = command.option("-c")
            if file in (None, "FILE"):
                continue
            with self.subTest(str(command)):
                # Those that ask the running gateway mean the file in force, the others do not.
                if command.words[1] in guide.LIVE:
                    self.assertEqual(file, "forestgate.yaml")
                known = self.names_of(CONFIGURATIONS if file == "forestgate.yaml" else [file])
                for word in ("--connector", "--forest", "retry"):
                    value = command.option(word)
                    self.assertTrue(value in (None, "--all") or value in known, value)

    def names_of(self, files):
        """Forests and connectors of these configurations."""
        wholes = [guide.sections(read("config", "guide", file)) for file in files]
        return {n for w in wholes for s in ("forests", "receive", "send") for n in w[s][1]}

    def test_other_commands_are_those_of_every_shell(self):
        for block in guide.blocks("sh"):
            for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
                self.assertRegex(line, r"^(forestgate|cp|umask) ", str(block))

    def test_those_that_ask_nobody_do_what_they_should(self):
        ran = set()
        for command in self.commands:
            name = command.words[1]
            if name not in OFFLINE or "FILE" in command.words:
                continue
            with self.subTest(str(command)):
                stdin = PASSWORD + "\n" if name == "account" else None
                code, out = self.desk.run(*command.words[1:], stdin=stdin)
                refused = any("refused " in line for line in command.answer)
                differs = "--verify" in command.words  # LISTING has mistakes
                self.assertEqual(code, 1 if refused or differs else 0, out)
                self.assertShown(command, out)
                ran.add(name)
        self.assertGreaterEqual(ran, {"check", "explain", "account", "exchange-setup"})

    def test_each_part_fits_into_its_configuration(self):
        parts = guide.blocks("yaml")
        self.assertGreaterEqual(len(parts), 3)
        for part in parts:
            with self.subTest(str(part)):
                first, _, text = part.text.partition("\n")
                base = first.removeprefix("# ")
                self.assertIn(base, CONFIGURATIONS)
                whole = guide.merged(read("config", "guide", base), text)
                for line in text.splitlines():
                    self.assertIn(line, whole)
                self.desk.scratch.write("part.yaml", whole)
                code, out = self.desk.run("check", "-c", "part.yaml")
                self.assertEqual(code, 0, out)

    def with_part(self, words):
        """The configuration with the only part that holds these words: its name."""
        parts = [b.text for b in guide.blocks("yaml") if words in b.text]
        self.assertEqual(len(parts), 1)
        first, _, text = parts[0].partition("\n")
        whole = guide.merged(read("config", "guide", first.removeprefix("# ")), text)
        self.desk.scratch.write("part.yaml", whole)
        return "part.yaml"

    def test_what_is_said_of_domains_is_so(self):
        setup = ("exchange-setup", "--forest", "fabrikam", "--version")
        code, out = self.desk.run(*setup, "2007", "-c", self.with_part("tailspin"))
        self.assertRegex(out, r"'tailspin\.example' +'InternalRelay'")
        code, out = self.desk.run(*setup, "2003", "-c", "part.yaml")
        self.assertIn("Mail that this forest carries for forest tailspin\n", out)
        code, out = self.desk.run(*setup, "2007", "-c", self.with_part("peer: gateway"))
        self.assertEqual((code, "behind another gateway" in out), (2, True), out)
        self.desk.scratch.write("part.yaml", read("config", "guide", "before.yaml").replace(
            "mail.fabrikam.example: auth", "contoso.example: auth"))
        code, out = self.desk.run("check", "-c", "part.yaml")
        self.assertEqual(code, 1)
        self.assertRegex(out, r"part\.yaml:\d+:.*owned by forest \"contoso\" already \(line \d+\)")

    def test_a_part_with_a_mistake_would_be_found(self):
        whole = guide.merged(read("config", "guide", "before.yaml"),
                             "forests:\n  contoso:\n    domains:\n      x.example: authoritativ\n")
        self.desk.scratch.write("part.yaml", whole)
        self.assertEqual(self.desk.run("check", "-c", "part.yaml")[0], 1)


class Named(unittest.TestCase):
    """What the guide names."""

    @classmethod
    def setUpClass(cls):
        cls.pages = guide.pages()
        manual = forestgate("manual", check=True)[1]
        cls.keys = re.findall(r"^([a-z_0-9]+(?:\.[a-z_0-9*]+)*)$", manual, re.MULTILINE)
        rights = re.findall(r"^([a-z0-9-]+)\n    ms-Exch", manual, re.MULTILINE)
        values = re.findall(r"^    (?:word: )?([\w, -]+?)(?:;|$)", manual, re.MULTILINE)
        cls.words = {w for v in values for w in v.split(", ")} | set(rights)
        cls.commands = set(re.findall(r"^  forestgate (\S+)", forestgate("--help")[1], re.MULTILINE))
        events = read("gateway", "base", "events.def")
        cls.events = {name.replace("_", "-"): set(keys.split()) | {"id", "time", "level"}
                      for name, keys in re.findall(r'^EVENT\((\w+), \w+, "([^"]*)"', events,
                                                   re.MULTILINE)}
        counters = read("gateway", "base", "counters.def")
        cls.metrics = set(re.findall(r"^(?:METRIC|HISTOGRAM)\((\w+),", counters, re.MULTILINE))

    def is_key(self, code):
        """A key by the end of its full name, alone or with a value: "tls.verify: name"."""
        key, colon, value = code.partition(": ")
        if not re.fullmatch(r"[a-z_]+(\.[a-z_*]+)*", key):
            return False
        known = any(k == key or k.endswith("." + key) for k in self.keys)
        return known and (not colon or value in self.words)

    # Words of Exchange, of SMTP, of the world.
    OTHERS = re.compile(r"""
        \$ | \[\.\.\.\] | FILE | FromMIIS | \w+\.example | \*\.\w+\.example
        | AUTH=<> | Received | authoritative | internal-relay | Retry | Suspended
        | IMCEAEX-.* | _ | / | \+2[089E] | \+40 | legacyExchangeDN
        | 504\ Need\ to\ authenticate\ first
        | session | version | renegotiation | certificate | needed | unneeded | ok
        | secrets/(contoso)?
    """, re.VERBOSE)

    def is_known(self, code):
        return bool(
            self.is_key(code) or code in self.commands or self.OTHERS.fullmatch(code)
            or code.startswith(("forestgate ", "event=")) or code.removeprefix("forestgate_")
            in self.metrics or code in self.words and code.islower()
            or os.path.exists(os.path.join(GUIDE, code)) or code in ("contoso.ps1", "retry")
            or self.is_option(code) or self.is_parameter(code) or self.is_reply(code)
            or code.startswith(("outcome=", "connector=")))

    def is_option(self, code):
        option, *rest = code.split()
        helps = "".join(forestgate(c, "--help")[1] for c in sorted(self.commands))
        return option.startswith("--") and re.search(rf"{re.escape(option)}(?![\w-])", helps)

    def is_parameter(self, code):
        """-WhatIf: of a script for administrators."""
        return code.startswith("-") and any(
            re.search(rf"\]\${re.escape(code[1:])}\b", read(SCRIPTS, name))
            for name in os.listdir(os.path.join(ROOT, SCRIPTS)) if name.endswith(".ps1"))

    def is_reply(self, code):
        """A reply of ours: the text stands in the sources."""
        if not re.fullmatch(r"[245]\d\d( .*)?", code):
            return False
        return subprocess.run(["grep", "-rqF", code, os.path.join(ROOT, "gateway")]).returncode == 0

    def test_every_word_in_backticks_is_known(self):
        for page, code in guide.code_spans():
            with self.subTest(f"{page}: {code}"):
                self.assertTrue(self.is_known(code))

    def test_a_misspelt_key_would_be_found(self):
        for code in ("tls.profil", "clear_repl: 454", "tls.verify: nam", "speak_for", "prefligt"):
            self.assertFalse(self.is_known(code), code)

    def test_events_exist_with_these_keys(self):
        named = 0
        for page, text in self.pages.items():
            for line in text.splitlines():
                for event in re.findall(r"event=([\w-]+)", line):
                    named += 1
                    with self.subTest(f"{page}: {line}"):
                        self.assertIn(event, self.events)
        self.assertGreater(named, 15)
        for block in guide.blocks("text"):
            for line in block.text.splitlines():
                event = re.search(r"event=([\w-]+)", line)
                if event:
                    outside = re.sub(r'"[^"]*"', "", line)
                    keys = set(re.findall(r"(?:^| )(\w+)=", outside)) - {"event"}
                    with self.subTest(f"{block}: {line}"):
                        self.assertLessEqual(keys, self.events[event[1]])

    def test_metrics_and_alerts_exist(self):
        alerts = read("scripts", "monitoring", "forestgate-alerts.yaml")
        for page, text in self.pages.items():
            for metric in re.findall(r"forestgate_([a-z_]+)", text):
                self.assertIn(metric, self.metrics, page)
            for alert in re.findall(r"\bForestgate[A-Z]\w+", text):
                self.assertIn(f"alert: {alert}\n", alerts, page)

    def test_links_lead_somewhere(self):
        for page, link in guide.links():
            with self.subTest(f"{page}: {link}"):
                path, _, anchor = link.partition("#")
                target = os.path.normpath(os.path.join(GUIDE, path)) if path else None
                self.assertTrue(target is None or os.path.exists(target))
                if anchor:
                    text = read("config", "guide", path or page)
                    self.assertIn(anchor, guide.anchors(text))

    def test_every_page_is_in_the_index(self):
        listed = {link for page, link in guide.links() if page == "README.md"}
        self.assertLessEqual(set(self.pages) - {"README.md"} | set(CONFIGURATIONS), listed)

    def test_lines_fit_and_hold_whole_code(self):
        for page, text in self.pages.items():
            for line in guide.prose(text).splitlines():
                self.assertEqual(line.count("`") % 2, 0, f"{page}: {line}")
            for number, line in enumerate(text.splitlines(), 1):
                self.assertLessEqual(len(line), COLUMNS, f"{page}:{number}")

    def test_scripts_exist_with_these_parameters(self):
        made = {c.goes_to for c in guide.commands()}  # what exchange-setup wrote
        seen = 0
        for block in guide.blocks("powershell", "bat"):
            for line in re.sub(r"[`^]\n\s*", "", block.text).splitlines():
                script = re.match(r"(?:\.\\)?([\w-]+\.(?:ps1|cmd))\b(.*)", line)
                if not script or script[1] in made:
                    continue
                with self.subTest(f"{block}: {line}"):
                    seen += 1
                    text = read(SCRIPTS, script[1])
                    outside = re.sub(r'"[^"]*"', "", script[2])
                    for parameter in re.findall(r" -([A-Z]\w+)", outside):
                        self.assertRegex(text, rf"\[\w+(\[\])?\]\${parameter}\b")
        self.assertGreater(seen, 4)


if __name__ == "__main__":
    unittest.main()
