"""What the tests of the guide share: a folder in which its configurations can be used, and the
comparison of what it shows with what a command answers."""

import os
import re
import subprocess
import unittest

from gateway import FORESTGATE, account_hash
from kit import ROOT, Authority, Scratch
from legacy import rsa_certificate

CONFIGURATIONS = ("before.yaml", "during.yaml", "after.yaml")
PASSWORD = "Passw0rd"  # of every account, both ways
# What an administrator of Exchange 2007 brought for --verify: some of it, and with two mistakes.
LISTING = """\
AddressSpaces          : {smtp:fabrikam.example;1, smtp:mail.fabrikam.example;1}
DNSRoutingEnabled      : False
Enabled                : True
MaxMessageSize         : 10 MB (10,485,760 bytes)
Name                   : To other forests (forestgate)
Port                   : 25
SmartHostAuthMechanism : BasicAuth
SmartHosts             : {10.1.0.5}

AuthMechanism                 : Tls, BasicAuth, BasicAuthRequireTLS
Bindings                      : {0.0.0.0:25}
Enabled                       : True
Identity                      : HUB1\\From other forests (forestgate)
MaxInboundConnectionPerSource : 20
MaxMessageSize                : 10MB
Name                          : From other forests (forestgate)
PermissionGroups              : Custom
RemoteIPRanges                : {10.1.0.5}
Server                        : HUB1
"""


def read(*path):
    """A file of the repository."""
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


class Desk:
    """A folder with the guide's configurations, and the certificates and secrets they name."""

    def __init__(self, name="guide"):
        self.scratch = Scratch(name)
        self.authority = Authority(self.scratch("tls"), "group")
        gateway = rsa_certificate(self.authority, "gw.contoso.example", days=90)
        os.rename(gateway.cert, self.scratch("tls", "gw.pem"))
        os.rename(gateway.key, self.scratch("tls", "gw.key"))
        for forest in ("contoso", "fabrikam"):
            os.link(self.authority.cert, self.scratch("tls", f"{forest}-ca.pem"))
            self.scratch.write(f"secrets/{forest}", PASSWORD + "\n", 0o600)
            self.scratch.write(f"secrets/{forest}.hash", account_hash(PASSWORD) + "\n", 0o600)
            self.scratch.write(f"{forest}.txt", LISTING)
        for name in CONFIGURATIONS:
            self.scratch.write(name, read("config", "guide", name))
        self.scratch.write("forestgate.yaml", read("config", "guide", "during.yaml"))

    def run(self, *arguments, stdin=None):
        """One command in that folder; exit code, both outputs together."""
        done = subprocess.run([FORESTGATE, *arguments], cwd=self.scratch.path, input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60)
        return done.returncode, done.stdout


def plain(line):
    return re.sub(r"^\d+\. ", "", " ".join(line.split()))


class Case(unittest.TestCase):
    def assertShown(self, command, out):
        """Each line that the guide shows of the answer begins a line of it, in this order.

        Places in a file ("[before.yaml:27]") are not shown there, and numbers of steps may be
        of another day."""
        lines = iter([plain(re.sub(r"\s+\[\w+\.yaml:\d+\]$", "", line))
                      for line in out.splitlines()])
        for line in command.answer:
            if line in ("", "[...]"):
                continue
            pattern = ".*".join(re.escape(plain(part)) for part in line.split("[...]"))
            self.assertTrue(any(re.match(pattern, real) for real in lines),
                            f"not in the answer, or not in this order: {line}\n{out}")
