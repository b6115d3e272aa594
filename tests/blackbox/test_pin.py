"""forestgate pin: the key of a server, and the line that configures it."""

import json
import unittest

from gateway import forestgate
from kit import FABRIKAM_IP, Authority, Scratch, free_port, run, self_signed
from legacy import OldAuthority, old_server
from sink import Sink

HUB = "hub1.fabrikam.example"


def thumbprint(certificate):
    """As Exchange writes it, by the openssl command."""
    text = run("openssl", "x509", "-in", certificate.cert, "-noout", "-fingerprint", "-sha1")
    return text.split("=")[1].strip().replace(":", "")


class Pin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch("pin")
        cls.addClassCleanup(cls.scratch.remove)
        cls.certificate = self_signed(cls.scratch.path, HUB)

    def setUp(self):
        self.sink = Sink(HUB, FABRIKAM_IP, self.certificate).start()
        self.addCleanup(self.sink.stop)
        self.host = f"{FABRIKAM_IP}:{self.sink.port}"

    def test_a_pin_comes_with_the_line_that_configures_it(self):
        code, out, err = forestgate("pin", self.host)
        self.assertEqual(code, 0, err)
        pin = self.certificate.spki_pin()
        for line in (f"pin:         {pin}", f"server:      {self.host}",
                     f"subject:     CN={HUB}", f"issuer:      CN={HUB} (self-signed)",
                     f"names:       {HUB} (not the name asked for)",
                     f"thumbprint:  {thumbprint(self.certificate)}",
                     f'configure:   tls: {{ verify: pin, pins: ["{pin}"] }}'):
            self.assertIn(line + "\n", out)
        self.assertRegex(out, r"valid: +20\S+ to 20\S+, (29|30) days left\n")
        self.assertRegex(out, r"session: +TLSv1\.3 \S+\n")
        self.assertIn("Get-ExchangeCertificate", out)
        verbs = [line.split(" ")[0] for _, line in self.sink.commands]
        self.assertEqual(verbs, ["EHLO", "STARTTLS", "EHLO", "QUIT"])

    def test_json_tells_the_same(self):
        code, out, err = forestgate("pin", "--json", self.host)
        self.assertEqual(code, 0, err)
        told = json.loads(out)
        self.assertEqual(list(told), ["server", "port", "address", "pin", "configure",
                                      "certificate", "tls"])
        self.assertEqual(told["pin"], self.certificate.spki_pin())
        self.assertEqual(told["certificate"]["thumbprint"], thumbprint(self.certificate))
        self.assertEqual(told["certificate"]["names"], [HUB])
        self.assertEqual(told["tls"]["profile"], "modern")

    def test_a_server_of_2003_has_its_profile_in_the_line(self):
        old = OldAuthority(self.scratch("old"), "Contoso 2003").issue(HUB)
        self.sink.context = old_server(old)
        code, out, err = forestgate("pin", self.host)
        self.assertEqual(code, 0, err)
        self.assertIn("TLSv1 AES128-SHA, with profile exchange2003 only", out)
        self.assertIn("key:         1024 bits, signed with RSA-SHA1", out)
        self.assertIn(f'tls: {{ profile: exchange2003, verify: pin, pins: ["{old.spki_pin()}"] }}',
                      out)
        self.assertEqual(self.sink.connections, 2)

    def test_an_expired_certificate_is_pinned_with_a_word_about_it(self):
        old = Authority(self.scratch("ca"), "fabrikam").issue(HUB, expired=True)
        self.sink.use(old)
        code, out, err = forestgate("pin", self.host)
        self.assertEqual(code, 0, err)
        self.assertIn(", EXPIRED\n", out)
        self.assertIn(old.spki_pin(), out)

    def test_without_a_certificate_the_cause_is_told(self):
        self.sink.context = None
        code, out, err = forestgate("pin", self.host)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("STARTTLS", err)
        code, out, err = forestgate("pin", f"{FABRIKAM_IP}:{free_port(FABRIKAM_IP)}")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("Connection refused; the server does not answer", err)
        for words in ([], ["a", "b"], ["a:b:c"], ["--profile", "modern", "a"]):
            self.assertEqual(forestgate("pin", *words)[0], 2)


if __name__ == "__main__":
    unittest.main()
