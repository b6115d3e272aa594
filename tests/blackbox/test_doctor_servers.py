"""forestgate doctor: certificates, servers of all kinds that are well or odd, and its usage."""

import unittest

from doctor_case import CRITICAL, HUB, OK, UNKNOWN, WARNING, Case
from forests import GATEWAY_NAME, stand_between_real_servers
from gateway import forestgate
from kit import FABRIKAM_IP, Authority, Scratch, free_port, self_signed
from legacy import GnutlsServer, OldAuthority, old_server
from sink import Sink


class Certificates(Case):
    """Whose certificate, by every way to verify it."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch("doctor-certificates")
        cls.addClassCleanup(cls.scratch.remove)
        cls.ca = Authority(cls.scratch("ca"), "fabrikam")
        cls.good = cls.ca.issue(HUB, FABRIKAM_IP, days=90)
        cls.password = cls.scratch.write("password", "hub-Passw0rd\n", 0o600)

    def setUp(self):
        self.sink = Sink(HUB, FABRIKAM_IP, self.good, "kim", "hub-Passw0rd").start()
        self.addCleanup(self.sink.stop)
        self.host = f"{FABRIKAM_IP}:{self.sink.port}"

    def ask(self, *options, expect=None):
        return self.doctor(self.host, *options, expect=expect)

    def test_trusted_and_named_is_well(self):
        a = self.ask("--ca", self.ca.cert, "--user", "kim", "--password-file", self.password,
                     "--from", "a@contoso.example", "--to", "b@fabrikam.example", expect=OK)
        self.assertEqual(a.bad(), set())
        self.assertCheck(a, "certificate-chain", "ok", "CN=fabrikam CA")
        self.assertCheck(a, "logon", "ok", "kim: 235")
        self.assertEqual(a.told["certificate"]["pin"], self.good.spki_pin())
        self.assertEqual((a.told["connections"], a.told["logons"]), (4, 1))
        self.assertEqual(self.sink.messages, [])

    def test_expired_and_soon(self):
        old = self.ca.issue(HUB, FABRIKAM_IP, file="old", expired=True)
        soon = self.ca.issue(HUB, FABRIKAM_IP, file="soon", days=12)
        self.sink.use(old)
        a = self.ask("--ca", self.ca.cert, expect=CRITICAL)
        self.assertCheck(a, "certificate-expiry", "failed", "expired on", "New-ExchangeCertificate")
        self.assertCheck(a, "certificate-chain", "failed", "is expired since")
        a = self.ask("--pin", old.spki_pin(), expect=WARNING)
        self.assertCheck(a, "certificate-expiry", "warning", "expired on")
        self.sink.use(soon)
        a = self.ask("--ca", self.ca.cert, expect=WARNING)
        self.assertCheck(a, "certificate-expiry", "warning", "in 1", "New-ExchangeCertificate")

    def test_another_name(self):
        a = self.ask("--ca", self.ca.cert, "--server-name", "hub9.fabrikam.example",
                     expect=CRITICAL)
        self.assertCheck(a, "certificate-name", "failed",
                         f"is for {HUB}, {FABRIKAM_IP}, not for hub9.fabrikam.example",
                         "tls.server_name")
        self.assertCheck(a, "certificate-chain", "ok")
        a = self.ask("--verify", "ca", "--ca", self.ca.cert, "--server-name",
                     "hub9.fabrikam.example")
        self.assertCheck(a, "certificate-name", "ok", "not what we verify it by")

    def test_self_signed(self):
        own = self_signed(self.scratch.path, HUB, [FABRIKAM_IP])
        self.sink.use(own)
        a = self.ask("--user", "kim", "--password-file", self.password, expect=CRITICAL)
        self.assertCheck(a, "certificate-chain", "failed", "self-signed",
                         f'set verify: pin and pins: ["{own.spki_pin()}"]')
        self.assertCheck(a, "pin", "ok", f'tls: {{ verify: pin, pins: ["{own.spki_pin()}"] }}')
        self.assertCheck(a, "logon", "not-tried", "TLS did not come about")
        a = self.ask("--pin", own.spki_pin(), "--user", "kim", "--password-file", self.password,
                     "--warning-days", "20", expect=OK)
        self.assertCheck(a, "pin", "ok", f"{own.spki_pin()}, as pinned")
        self.assertCheck(a, "logon", "ok", "235")

    def test_a_pin_that_changed(self):
        before = self.ca.issue("before.example").spki_pin()
        a = self.ask("--pin", before, expect=CRITICAL)
        self.assertCheck(a, "pin", "failed", f"changed from {before} to {self.good.spki_pin()}",
                         "put the new pin under pins")

    def test_unverified_is_a_warning(self):
        a = self.ask("--verify", "none", expect=WARNING)
        self.assertCheck(a, "verify", "warning", "none", "verify: pin")

    def test_of_2003(self):
        authority = OldAuthority(self.scratch("old-ca"), "Contoso 2003")
        self.sink.context = old_server(authority.issue(HUB))
        a = self.ask("--ca", authority.cert, "--server-name", HUB, "--warning-days", "20",
                     expect=WARNING)
        self.assertEqual(a.bad(), {"profile", "certificate-key"})
        self.assertCheck(a, "profile", "warning", "nothing newer than TLS 1.0 or 1.1")
        self.assertCheck(a, "certificate-key", "warning", "1024 bits, signed with RSA-SHA1")
        a = self.ask("--ca", authority.cert, "--server-name", HUB, "--profile", "exchange2003",
                     "--warning-days", "20", expect=OK)
        self.assertCheck(a, "certificate-chain", "ok")
        self.sink.context = GnutlsServer(authority.issue(HUB))
        a = self.ask("--ca", authority.cert, "--server-name", HUB)
        self.assertCheck(a, "profile", "warning", "secure renegotiation (RFC 5746)")
        self.assertCheck(a, "renegotiation", "ok", "RFC 5746 is not known there")

    def test_a_profile_that_is_not_needed_can_go(self):
        a = self.ask("--ca", self.ca.cert, "--profile", "exchange2003")
        self.assertCheck(a, "profile", "warning", "not needed", "remove profile: exchange2003")


class Others(Case):
    """Servers that do not answer, or in odd ways; and how the command is used."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch("doctor-others")
        cls.addClassCleanup(cls.scratch.remove)
        cls.ca = Authority(cls.scratch("ca"), "fabrikam")
        cls.good = cls.ca.issue(HUB, FABRIKAM_IP, days=90)

    def setUp(self):
        self.sink = Sink(HUB, FABRIKAM_IP, self.good).start()
        self.addCleanup(self.sink.stop)
        self.ask = (f"{FABRIKAM_IP}:{self.sink.port}", "--ca", self.ca.cert)

    def test_nobody_there(self):
        a = self.doctor(f"{FABRIKAM_IP}:{free_port(FABRIKAM_IP)}", expect=CRITICAL)
        self.assertCheck(a, "connection", "failed", "Connection refused", "does not answer")
        self.assertEqual((a.told["connections"], a.told["certificate"]), (0, None))
        for name in ("banner", "ehlo", "tls", "certificate", "ehlo-tls", "logon"):
            self.assertCheck(a, name, "not-tried")
        a = self.doctor("no-such-host.invalid", "--timeout", "3s", expect=CRITICAL)
        self.assertCheck(a, "name", "failed")

    def test_a_password_in_clear_is_a_warning(self):
        self.sink.keywords += ["AUTH=LOGIN", "AUTH NTLM LOGIN"]
        a = self.doctor(*self.ask, expect=WARNING)
        self.assertEqual(a.bad(), {"password-in-clear"})
        self.assertCheck(a, "password-in-clear", "warning", "AUTH LOGIN is offered before TLS",
                         "BasicAuthRequireTLS")

    def test_extensions_that_are_missing_are_told(self):
        self.sink.keywords = ["SIZE"]
        a = self.doctor(*self.ask, expect=WARNING)
        self.assertCheck(a, "extensions", "warning", "missing: 8BITMIME", "8BITMIME")
        self.assertCheck(a, "size", "ok", "without a value")

    def test_a_hostile_server_cannot_break_the_report(self):
        lines = b"".join(b"250-\x01|" + bytes([i]) * 300 + b"\r\n" for i in range(128, 240))
        self.sink.script = {"banner": b"220 a | \x1b[31mtime=0s;'x=1\r\n",
                            "ehlo": lines + b"250-STARTTLS\r\n250 AUTH " + b"A " * 600 + b"\r\n"}
        a = self.doctor(*self.ask)
        self.assertTrue(all(" " <= c <= "~" for c in a.out.strip()), a.out)
        code, out, err = forestgate("doctor", *self.ask)
        self.assertNotIn("|", out)
        self.assertEqual(err, "")

    def test_refusals_are_told_where_they_happen(self):
        for stage, reply, check, state in (
            ("banner", "554 5.7.1 Go away", "banner", "failed"),
            ("banner", "421 4.3.2 Too many connections", "banner", "warning"),
            ("ehlo", "550 5.7.1 Not you", "ehlo", "failed"),
            ("starttls", "454 4.7.0 TLS not available", "starttls", "failed"),
            ("ehlo-tls", "554 5.7.1 Not you", "ehlo-tls", "failed"),
        ):
            with self.subTest(f"{stage} {reply}"):
                self.sink.script = {stage: f"{reply}\r\n".encode()}
                a = self.doctor(*self.ask)
                self.assertCheck(a, check, state, reply)

    def test_wrong_usage_is_unknown(self):
        for words, why in (
            ([], "which server?"),
            (["--nonsense"], "see forestgate doctor --help"),
            (["--critical", "1s", "a"], "see forestgate doctor --help"),
            (["a", "b"], "one server at a time"),
            (["a", "--from", "kim@a.example"], "--from goes with --to"),
            (["a", "--to", "x@a.example", "--to", "y@a.example"], "one --to at a time"),
            (["a", "--user", "kim"], "--password-file"),
            (["a", "--ca", "/nonexistent"], "/nonexistent"),
            (["-c", "/nonexistent", "a"], "-c FILE goes with --connector NAME"),
            (["-c", "/nonexistent", "--connector", "x"], "/nonexistent cannot be used"),
        ):
            with self.subTest(" ".join(words)):
                a = self.doctor(*words, expect=UNKNOWN)
                self.assertIn(why, a.told["message"])
                self.assertNotIn("without HOST", a.told["message"])
        code, out, err = forestgate("doctor")
        self.assertEqual(code, UNKNOWN)
        self.assertTrue(out.startswith("DOCTOR UNKNOWN - which server?"), out)

    def test_help_tells_the_exit_statuses(self):
        code, out, err = forestgate("doctor", "--help")
        self.assertEqual(code, 0)
        for word in ("0 OK", "1 WARNING", "2 CRITICAL", "3 UNKNOWN", "ONCE", "--password-file"):
            self.assertIn(word, out)


class RealServers(Case):
    """Postfix, Exim, and the gateway itself; connectors of several servers and addresses."""

    @classmethod
    def setUpClass(cls):
        stand_between_real_servers(cls, "doctor-peers")

    def test_postfix_and_exim_are_well(self):
        for connector, peer in (("contoso-servers", self.postfix), ("fabrikam-servers", self.exim)):
            with self.subTest(connector):
                a = self.doctor("-c", self.world.gateway.config, "--connector", connector,
                                f"{peer.name}:{peer.port}", "--warning-days", "20", expect=OK)
                self.assertEqual(a.told["product"], type(peer).__name__.lower())
                self.assertEqual(a.told["logons"], 1)
                self.assertCheck(a, "recipient", "ok", f"postmaster@{peer.domain}: 250")
                self.assertCheck(a, "open-relay", "ok")
                self.assertEqual(peer.mail.messages(), [])

    def test_the_gateway_itself_is_well(self):
        forest = self.world.contoso
        password = self.world.scratch.write("doctor-password", forest.password + "\n", 0o600)
        a = self.doctor(f"127.0.0.1:{self.world.port}", "--ca", self.world.ca.cert, "--server-name",
                        GATEWAY_NAME, "--warning-days", "20", "--user", forest.user,
                        "--password-file", password, "--from", "anna@contoso.example", "--to",
                        "bob@fabrikam.example", expect=OK)
        self.assertEqual(a.told["product"], "forestgate")
        self.assertCheck(a, "anonymous", "ok", "no sender is taken")
        self.assertEqual(self.gateway.metric("forestgate_queue_messages"), 0)

    def test_an_address_that_is_dead_is_a_warning_while_another_answers(self):
        name, port = self.exim.name, self.exim.port
        self.world.names.hosts[name] = ["127.0.2.9", self.exim.address]
        self.addCleanup(self.world.names.hosts.update, {name: [self.exim.address]})
        a = self.doctor("-c", self.world.gateway.config, "--connector", "fabrikam-servers",
                        "--warning-days", "20", expect=WARNING)
        self.assertCheck(a, "name", "ok", f"{name} has 2 addresses: ")
        self.assertCheck(a, "connection", "warning", "refused", subject="127.0.2.9")
        self.assertCheck(a, "connection", "ok", f"port {port} answers", subject=self.exim.address)
        self.assertCheck(a, "logon", "ok")

    def test_a_connector_is_asked_about_one_server_at_a_time(self):
        config = self.world.gateway.config
        with open(config) as f:
            two = f.read().replace(f'"{self.exim.name}:{self.exim.port}"',
                                   f'"{self.exim.name}:{self.exim.port}", hub2.fabrikam.example')
        path = self.world.scratch.write("two.yaml", two)
        a = self.doctor("-c", path, "--connector", "fabrikam-servers", expect=UNKNOWN)
        self.assertIn("has 2 servers: name one of them", a.told["message"])
        a = self.doctor("-c", path, "--connector", "fabrikam-servers", "hub9.fabrikam.example",
                        expect=UNKNOWN)
        self.assertIn("has no server hub9.fabrikam.example", a.told["message"])
        self.doctor("-c", path, "--connector", "fabrikam-servers", self.exim.name, "--warning-days",
                    "20", expect=OK)


if __name__ == "__main__":
    unittest.main()
