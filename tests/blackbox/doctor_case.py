"""What the tests of forestgate doctor share: one run of it, and what it says of a check."""

import json
import unittest

from gateway import forestgate

HUB = "hub1.fabrikam.example"
OK, WARNING, CRITICAL, UNKNOWN = range(4)
STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]


class Answer:
    """What one run said, by its JSON."""

    def __init__(self, *arguments):
        self.code, self.out, self.err = forestgate("doctor", *arguments, "--json")
        self.told = json.loads(self.out)
        assert self.told["state"] == STATES[self.code], self.out
        assert self.told["exit"] == self.code, self.out

    def check(self, name, subject=None):
        found = [c for c in self.told["checks"]
                 if c["check"] == name and subject in (None, c["subject"])]
        assert len(found) == 1, f"{name}: {len(found)} checks in {self.out}"
        return found[0]

    def bad(self):
        return {c["check"] for c in self.told["checks"] if c["state"] in ("warning", "failed")}


class Case(unittest.TestCase):
    def doctor(self, *arguments, expect=None):
        answer = Answer(*arguments)
        if expect is not None:
            self.assertEqual(answer.code, expect, answer.out + answer.err)
        return answer

    def assertCheck(self, answer, name, state, found="", advice="", subject=None):
        check = answer.check(name, subject)
        self.assertEqual(check["state"], state, check)
        self.assertIn(found, check["found"])
        if advice:
            self.assertIn(advice, check["advice"] or "")
        if state in ("warning", "failed"):
            self.assertTrue(check["advice"], f"no remedy: {check}")
