"""forestgate doctor in doubt: what is not known is not told to be well, and gets no password."""

import ssl
import unittest

from doctor_case import CRITICAL, HUB, OK, WARNING, Case
from kit import FABRIKAM_IP, Authority, Scratch
from legacy import OldAuthority, old_server
from sink import DROP, Sink

LATER = "421 4.3.2 The maximum number of concurrent server connections has exceeded a limit"


class Doubt(Case):
    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch("doctor-doubt")
        cls.addClassCleanup(cls.scratch.remove)
        cls.ca = Authority(cls.scratch("ca"), "fabrikam")
        cls.good = cls.ca.issue(HUB, FABRIKAM_IP, days=90)
        cls.old_ca = OldAuthority(cls.scratch("old-ca"), "Contoso 2003")
        cls.old = cls.old_ca.issue(HUB)
        cls.password = cls.scratch.write("password", "hub-Passw0rd\n", 0o600)

    def setUp(self):
        self.sink = Sink(HUB, FABRIKAM_IP, self.good, "kim", "hub-Passw0rd").start()
        self.addCleanup(self.sink.stop)

    def ask(self, *options, expect=None):
        return self.doctor(f"{FABRIKAM_IP}:{self.sink.port}", "--server-name", HUB,
                           "--warning-days", "20", *options, expect=expect)

    def ask_all(self, *options, expect=None):
        return self.ask("--user", "kim", "--password-file", self.password, "--from",
                        "a@contoso.example", "--to", "b@fabrikam.example", *options, expect=expect)

    def logons(self):
        return [line for _, line in self.sink.commands if line.startswith("AUTH")]

    def from_connection(self, number, action):
        """The banner of this connection and of all that follow."""
        return {"banner": lambda *_: action if self.sink.connections >= number else None}

    def test_a_session_that_fails_behind_a_good_look_is_told(self):
        for number, action, expect, state, found in (
                (2, f"{LATER}\r\n".encode(), WARNING, "warning", LATER),
                (3, f"{LATER}\r\n".encode(), WARNING, "warning", LATER),
                (3, DROP, CRITICAL, "failed", "closed"),
                (2, DROP, CRITICAL, "failed", "closed")):
            with self.subTest(f"from connection {number}"):
                self.sink.connections = 0
                self.sink.script = self.from_connection(number, action)
                a = self.ask("--ca", self.ca.cert, expect=expect)
                self.assertCheck(a, "session", state, found)

    def test_a_profile_that_the_server_does_not_take_fails(self):
        self.sink.context.minimum_version = ssl.TLSVersion.TLSv1_3
        a = self.ask("--ca", self.ca.cert, "--profile", "exchange2003", expect=CRITICAL)
        self.assertCheck(a, "session", "failed", "", "tls.profile: modern")

    def test_a_chain_that_only_the_session_showed_is_known(self):
        skip = lambda *_: DROP if self.sink.connections == 2 else None
        self.sink.script = {"banner": skip}
        a = self.ask("--ca", self.ca.cert, expect=OK)
        self.assertCheck(a, "certificate-chain", "ok", "CN=fabrikam CA")

    def test_a_password_is_not_given_in_a_lowered_profile_unasked(self):
        self.sink.context = old_server(self.old)
        for trust in ([], ["--verify", "ca"]):
            with self.subTest(trust):
                a = self.ask_all("--ca", self.old_ca.cert, *trust, expect=WARNING)
                self.assertCheck(a, "logon", "not-tried", "--profile exchange2003")
                self.assertCheck(a, "envelope", "not-tried", "without the logon")
                self.assertEqual((self.logons(), a.told["logons"]), ([], 0))
        for options in (["--profile", "exchange2003", "--ca", self.old_ca.cert],
                        ["--pin", self.old.spki_pin()]):
            a = self.ask_all(*options)
            self.assertCheck(a, "logon", "ok", "235")
            self.assertCheck(a, "sender", "ok", "250")

    def test_an_open_relay_is_denied_only_by_a_refusal_of_relaying(self):
        def strangers(reply):
            return lambda session, argument: None if session.account else reply

        for stage, reply in (("mail", b"452 4.3.1 Insufficient system resources\r\n"),
                             ("mail", b"550 5.1.8 Sender domain not found\r\n"),
                             ("mail", DROP),
                             ("rcpt", b"450 4.1.2 Domain not found\r\n"),
                             ("rcpt", b"550 5.1.2 Domain not found\r\n"),
                             ("rcpt", DROP)):
            with self.subTest(f"{stage} {reply}"):
                self.sink.script = {stage: strangers(reply)}
                if stage == "rcpt":
                    self.sink.script["mail"] = strangers(b"250 2.1.0 Sender OK\r\n")
                a = self.ask_all("--ca", self.ca.cert, expect=OK)
                self.assertCheck(a, "open-relay", "not-tried")
                if stage == "mail" and reply is not DROP:
                    state = "not-tried" if reply.startswith(b"4") else "ok"
                    self.assertCheck(a, "anonymous", state, reply.decode().strip())

    def test_a_logon_counts_also_when_nobody_answers_it(self):
        for mechanism, stage in (("LOGIN", "auth-password"), ("PLAIN", "auth")):
            with self.subTest(mechanism):
                self.sink.mechanisms, self.sink.script = [mechanism], {stage: DROP}
                a = self.ask_all("--ca", self.ca.cert, expect=CRITICAL)
                self.assertCheck(a, "logon", "failed", "tried once")
                self.assertEqual((len(self.logons()), a.told["logons"]), (1, 1))
                self.sink.commands.clear()
        self.sink.mechanisms, self.sink.script = ["NTLM"], {}
        self.assertEqual(self.ask_all("--ca", self.ca.cert, expect=CRITICAL).told["logons"], 0)

    def test_what_follows_a_refusal_says_so(self):
        self.sink.script = {"mail": b"550 5.7.1 No\r\n"}
        a = self.ask_all("--ca", self.ca.cert, expect=CRITICAL)
        self.assertCheck(a, "recipient", "not-tried", "the sender was refused")
        self.sink.script = {"auth": b"535 5.7.3 Authentication unsuccessful\r\n"}
        a = self.ask_all("--ca", self.ca.cert, expect=CRITICAL)
        self.assertCheck(a, "sender", "not-tried", "the logon failed")

    def test_what_is_no_mail_server_is_not_put_down_to_something_in_between(self):
        for banner in (b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"):
            self.sink.script = {"banner": banner}
            a = self.ask(expect=CRITICAL)
            self.assertCheck(a, "banner", "failed", "", "no SMTP server at this port")

    def test_a_server_that_says_nothing_is_told_with_what_to_look_at(self):
        self.sink.script = {"banner": DROP}
        a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "banner", "failed", "closed", "ends the connection or says nothing")


if __name__ == "__main__":
    unittest.main()
