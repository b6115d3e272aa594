"""The protocol log: switched on while the gateway runs, secrets masked, content counted."""

import base64
import csv
import glob
import unittest

from forests import World, message
from kit import wait_until

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"
FIELDS = ["date-time", "connector-id", "session-id", "sequence-number", "local-endpoint",
          "remote-endpoint", "event", "data", "context"]  # exchange-facts.md 7.2


class ProtocolLog(unittest.TestCase):
    def setUp(self):
        self.world = World("protocol-log")
        self.addCleanup(self.world.stop)
        self.hub = self.world.sink(self.world.fabrikam)
        self.folder = self.world.scratch("protocol")
        text = self.world.config_text
        self.world.config_text = lambda: text() + f"protocol_log: {{ path: {self.folder} }}\n"
        self.gateway = self.world.start()

    def log(self, *words, code=0):
        got, out, err = self.gateway.command("log", "protocol", *words)
        self.assertEqual(got, code, (words, out, err))
        return out + err

    def text(self, prefix):
        found = ""
        for path in sorted(glob.glob(f"{self.folder}/{prefix}*.log")):
            with open(path, newline="") as f:
                found += f.read()
        return found

    def rows(self, prefix):
        body = [line for line in self.text(prefix).split("\r\n") if line and line[0] != "#"]
        return [dict(zip(FIELDS, row, strict=True)) for row in csv.reader(body)]

    def said(self, prefix):
        return [r["event"] + " " + r["data"] for r in self.rows(prefix)]

    def send(self, mark):
        return self.world.send(ANNA, [BOB], message("protocol", mark, b"The secret body\r\n"))

    def test_both_legs_are_written_down_without_secrets(self):
        self.log("on", "contoso-servers")
        self.log("on", "127.0.2.0/24", "--for", "10m")
        self.assertIn("contoso-servers for 3600 s more\n127.0.2.0/24 for 600 s more",
                      self.log("list"))
        self.send("one")
        wait_until("both have ended or sent", lambda: "> DATA" in self.said("SEND") and any(
            r["event"] == "-" for r in self.rows("RECV")))
        came = self.said("RECV")
        self.assertEqual(came[0], "+ ")
        self.assertTrue(came[1].startswith("> 220 gw.contoso.example"), came)
        for line in ("< STARTTLS", f"< mail FROM:<{ANNA}>", "< data"):
            self.assertTrue(any(said.lower().startswith(line.lower()) for said in came),
                            (line, came))
        self.assertTrue(any("<authentication response>" in line for line in came), came)
        self.assertTrue(any(line.endswith("octets>") for line in came), came)
        went = self.said("SEND")
        for line in ("> STARTTLS", "> AUTH LOGIN", "> <authentication response>",
                     f"> RCPT TO:<{BOB}>", "> DATA"):
            self.assertIn(line, went)
        everything = self.text("RECV") + self.text("SEND")
        for forest in (self.world.contoso, self.world.fabrikam):
            for secret in (forest.password, forest.peer_password):
                self.assertNotIn(secret, everything)
                self.assertNotIn(base64.b64encode(secret.encode()).decode(), everything)
        self.assertNotIn("The secret body", everything)
        first = self.rows("RECV")[0]
        self.assertRegex(first["session-id"], r"^[0-9A-F]{16}$")
        self.assertEqual((first["connector-id"], first["sequence-number"]),
                         ("contoso-servers", "0"))
        self.assertTrue(first["remote-endpoint"].startswith("127.0.1.1:"))
        self.assertIn("#Fields: " + ",".join(FIELDS), self.text("RECV"))

    def test_off_nothing_is_written(self):
        self.send("one")
        self.log("on", "127.0.9.0/24")  # nobody of ours
        self.send("two")
        self.log("off", "--all")
        self.assertEqual(self.log("list"), "")
        self.log("on", "contoso-servers")
        self.log("off", "contoso-servers")
        self.send("three")
        self.gateway.stop()
        self.assertEqual(glob.glob(f"{self.folder}/*.log"), [])

    def test_usage(self):
        self.assertIn("neither a connector nor a network", self.log("on", "nowhere", code=1))
        self.assertIn("--for takes", self.log("on", "contoso-servers", "--for", "x", code=2))
        self.assertIn("log protocol on", self.log(code=2))
        self.assertIn("0 switched off", self.log("off", "contoso-servers", code=1))


if __name__ == "__main__":
    unittest.main()
