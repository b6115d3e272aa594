"""forestgate exchange-setup --verify: what in Exchange differs from what the gateway needs."""

import json
import unittest

from exchange_setup_case import ExchangeSetup
from gateway import forestgate

# Composed as Format-List prints it, no capture: one thing is wrong in each record that has one.
OUTPUT = """
AddressSpaces                : {smtp:contoso.example;1, smtp:*.contoso.example;1}
AuthenticationCredential     : System.Management.Automation.PSCredential
DNSRoutingEnabled            : False
DomainSecureEnabled          : False
Enabled                      : True
ForceHELO                    : False
IgnoreSTARTTLS               : False
MaxMessageSize               : 10MB
Name                         : To other forests (forestgate)
Port                         : 25
SmartHostAuthMechanism       : BasicAuth
SmartHosts                   : {gw.contoso.example}

AuthMechanism                : Tls, BasicAuth, BasicAuthRequireTLS
Bindings                     : {0.0.0.0:25}
Enabled                      : True
Identity                     : HUB1\\From other forests (forestgate)
MaxInboundConnectionPerSource : 20
MaxMessageSize               : 25MB
Name                         : From other forests (forestgate)
PermissionGroups             : Custom
RemoteIPRanges               : {10.1.0.5}
Server                       : HUB1

DomainName                   : fabrikam.example
DomainType                   : Authoritative

DomainName                   : contoso.example
DomainType                   : Authoritative

"""


class Verify(ExchangeSetup):
    def setUp(self):
        self.path = self.configuration("two-forests")
        self.words = (self.path, "--forest", "fabrikam", "--version", "2007")

    def judge(self, content, code=1, name="output.txt"):
        return self.ask(*self.words, "--verify", self.scratch.write(name, content), code=code)

    def test_the_worst_first_by_name_in_whichever_encoding_it_was_saved(self):
        said = self.judge(OUTPUT)
        self.assertEqual(said, self.judge(OUTPUT.replace("\n", "\r\n").encode("utf-16")))
        self.assertEqual(said, self.judge(OUTPUT.encode("utf-8-sig")))
        places = ("STOPS MAIL", "  accepted domain contoso.example: DomainType  (the record at "
                  "line 29)\n", "HARMS", "  Send connector To other forests (forestgate): "
                  "SmartHostAuthMechanism", "CANNOT BE TOLD",
                  "  permissions on HUB1\\From other forests (forestgate)\n",
                  "  server hub2.fabrikam.example: Receive connectors\n"
                  "    is      not in the output\n    needs   hub2\n")
        at = -1
        for place in places:
            self.assertGreater(said.find(place), at, place + " in\n" + said)
            at = said.find(place)

    def test_standard_input_says_the_same(self):
        said = self.judge(OUTPUT)
        code, out, err = forestgate("exchange-setup", "-c", *self.words, "--verify", "-",
                                    stdin=OUTPUT)
        self.assertEqual((code, out), (1, said), err)

    def test_json_says_the_same(self):
        said = self.judge(OUTPUT)
        told = json.loads(self.ask(*self.words, "--json", "--verify", self.scratch("output.txt"),
                                   code=1))
        self.assertEqual(list(told), ["exit", "forest", "gateway", "compared", "more",
                                      "findings"])
        self.assertEqual((told["exit"], told["forest"], told["gateway"], told["more"]),
                         (1, "fabrikam", "gw.contoso.example", False))
        self.assertIn(f"{told['compared']} compared", said)
        for finding in told["findings"]:
            self.assertEqual(list(finding), ["severity", "place", "line", "found", "wanted",
                                             "why"])
            self.assertIn(f"  {finding['place']}", said)
        self.assertEqual([f["severity"] for f in told["findings"]][:2], ["stops", "harms"])

    def test_what_cannot_be_read_is_no_verdict(self):
        for content, why in (("nothing of it", 'no line "Name : value": save the output of | '
                                               "Format-List"),
                             (b"Name : \0\n", "not text: it holds NUL")):
            self.assertIn(why, self.judge(content, code=2, name="bad.txt"))
        self.assertIn("No such file or directory; --verify-commands prints what to run there",
                      self.ask(*self.words, "--verify", self.scratch("none"), code=2))

    def test_a_terminal_sees_nothing_that_moves_its_cursor(self):
        said = self.judge(OUTPUT.replace("BasicAuth\n", "Basic\x1b[2JAuth\n", 1))
        self.assertNotIn("\x1b", said)


if __name__ == "__main__":
    unittest.main()
