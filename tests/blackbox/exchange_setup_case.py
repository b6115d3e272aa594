"""A folder in which the configurations of tests/exchange_setup load, and the program on them."""

import os
import subprocess
import unittest

from gateway import FORESTGATE
from kit import ROOT, Scratch

FOLDER = os.path.join(ROOT, "tests", "exchange_setup")
VERSIONS = ("2000", "2003", "2007", "2010")

# What each configuration can be asked for: forests, and the connectors where there is a choice.
SETUPS = {
    "two-forests": {"contoso": [], "fabrikam": []},
    "chain": {"contoso": ["--gateway-address", "192.0.2.10"]},
    "shared-name-space": {"contoso": [], "fabrikam": []},
    "relay-through": {"contoso": ["--connector", "from-contoso-2007", "--connector",
                                  "contoso-2007"], "fabrikam": []},
    "secured-externally": {"fabrikam": []},
}
# Nobody looks into these; the hash is of no password.
STUBS = {"gw.pem": "a certificate\n", "gw.key": "a key\n", "ca.pem": "roots\n",
         "in.hash": "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n",
         "out.password": "open sesame\n"}


class ExchangeSetup(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch("exchange-setup")
        cls.addClassCleanup(cls.scratch.remove)
        for name, content in STUBS.items():
            cls.scratch.write(name, content, 0o600)

    def configuration(self, name, change=lambda text: text):
        with open(os.path.join(FOLDER, name + ".yaml"), encoding="utf-8") as f:
            return self.scratch.write(name + ".yaml", change(f.read()))

    def ask(self, path, *words, code=0):
        """What it prints, with its line ends; the exit status must be this."""
        done = subprocess.run([FORESTGATE, "exchange-setup", "-c", path, *words],
                              capture_output=True, timeout=30)
        out, err = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, code, (err + out)[-2000:])
        return out if code < 2 else err

    def setups(self):
        """Each configuration, forest, version, and the words that ask for it."""
        for name, forests in SETUPS.items():
            path = self.configuration(name)
            for forest, more in forests.items():
                for version in VERSIONS:
                    yield name, forest, version, (path, "--forest", forest, "--version", version,
                                                  *more)
