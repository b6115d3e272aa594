"""forestgate doctor and forestgate pin: what is told about servers that are well, and about others."""

import json
import unittest

from exchange.server import ExchangeServer
from forests import GATEWAY_NAME, World
from gateway import forestgate
from kit import FABRIKAM_IP, Authority, Scratch, free_port, run, self_signed
from legacy import GnutlsServer, OldAuthority, old_server, rsa_certificate
from sink import Sink

HUB = "hub1.fabrikam.example"
OK, WARNING, CRITICAL, UNKNOWN = range(4)
STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]


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


class Exchange(Case):
    """The Exchange personalities, as a send connector of a configuration sees them."""

    @classmethod
    def setUpClass(cls):
        cls.world = world = World("doctor")
        world.limits = "{ message_size: 10MiB, recipients: 100, hops: 30 }"
        cls.addClassCleanup(world.scratch.remove)
        cls.addClassCleanup(world.stop)
        world.sink(world.contoso)
        cls.certificate = rsa_certificate(world.fabrikam.ca, HUB)
        cls.lowered = f"{{ profile: exchange2003, verify: name, ca: {world.fabrikam.ca.cert} }}"
        cls.modern = world.fabrikam.tls

    def setUp(self):
        self.world.fabrikam.tls = self.lowered

    def serve(self, who, **more):
        """The only server of fabrikam."""
        forest = self.world.fabrikam
        server = ExchangeServer(who, HUB, FABRIKAM_IP, more.pop("certificate", self.certificate),
                                [forest.domain], forest.auth_user, forest.peer_password, **more)
        forest.servers.clear()
        self.world.serve(forest, server)
        self.addCleanup(server.stop)
        return server.start()

    def ask(self, *more, expect=None):
        return self.doctor("-c", self.world.write_config(), "--connector", "fabrikam-servers",
                           "--warning-days", "20", *more, expect=expect)

    def ask_for_text(self, *more):
        return forestgate("doctor", "-c", self.world.write_config(), "--connector",
                          "fabrikam-servers", "--warning-days", "20", *more)

    def logons(self, server):
        return [line for _, line in server.commands if line.startswith("AUTH")]

    def test_a_server_that_is_set_up_well_is_well_and_keeps_nothing(self):
        for who, product, session in (("2003+KB", "windows-2003", "TLSv1 AES128-SHA"),
                                      ("2007", "exchange-2007", "TLSv1 AES128-SHA"),
                                      ("2010", "exchange-2007", "TLSv1")):
            with self.subTest(who):
                server = self.serve(who)
                a = self.ask()
                self.assertEqual((a.code, a.bad()), (OK, set()), a.out)
                self.assertEqual((a.told["product"], a.told["profile"]),
                                 (product, "exchange2003"))
                self.assertCheck(a, "tls", "ok", session)
                self.assertCheck(a, "profile", "ok", "and it is needed: it speaks nothing newer")
                self.assertCheck(a, "auth-offered", "ok", "LOGIN is offered")
                self.assertCheck(a, "logon", "ok", "235 2.7.0")
                self.assertCheck(a, "null-sender", "ok", "<>: 250")
                self.assertCheck(a, "sender", "ok", "postmaster@contoso.example: 250")
                self.assertCheck(a, "recipient", "ok", "postmaster@fabrikam.example: 250")
                self.assertCheck(a, "anonymous", "ok", "no sender is taken")
                self.assertCheck(a, "open-relay", "ok", "no: ")
                self.assertEqual(server.messages, [])
                self.assertEqual(len(self.logons(server)), 1)
                self.assertEqual(server.connections, a.told["connections"])
                self.assertNotIn("DATA", [line for _, line in server.commands])
                server.stop()

    def test_the_text_is_for_people_and_for_nagios(self):
        self.serve("2003+KB").size = 1000000
        code, out, err = self.ask_for_text()
        self.assertEqual((code, err), (WARNING, ""), out)
        first = out.split("\n")[0]
        self.assertRegex(first, r"^DOCTOR WARNING - connector fabrikam-servers: hub1\S+: \d+ well, "
                                r"1 with a warning, 1 not tried; size: messages up to 1000000 ")
        self.assertNotIn("|", out)
        for title in ("Reaching the server", "What it offers", "TLS", "Its certificate",
                      "Logging on", "Would it take mail? (asked, never sent)"):
            self.assertIn(f"\n\n{title}\n", out)
        self.assertIn("  warning    SIZE            messages up to 1000000 octets, but our", out)
        self.assertRegex(out, r"\n {29}> what lies between comes back")
        self.assertIn(f'["{self.certificate.spki_pin()}"] }}\n', out)
        self.assertLessEqual(max(len(line) for line in out.split("\n")[1:] if "pins:" not in line),
                             100)
        self.assertRegex(out, r"\n5 connections, 1 logon; no mail was sent\.")

    def test_windows_2003_without_kb_948963_is_told_what_to_install(self):
        server = self.serve("2003")
        a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "tls", "failed", "", "install KB 948963")
        for name in ("certificate", "ehlo-tls", "logon", "null-sender", "open-relay"):
            self.assertCheck(a, name, "not-tried")
        self.assertEqual(self.logons(server), [])
        a = self.ask_of("2000")
        self.assertCheck(a, "tls", "failed", "", "for Windows 2000 there is none")

    def ask_of(self, who):
        self.serve(who)
        return self.ask(expect=CRITICAL)

    def test_a_connector_with_the_wrong_profile_is_told_the_right_one(self):
        self.world.fabrikam.tls = self.modern
        server = self.serve("2007")
        a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "profile", "failed", "exchange2003 is needed: it speaks nothing newer",
                         "profile: exchange2003 under tls")
        self.assertCheck(a, "logon", "not-tried", "TLS did not come about as it is asked for")
        self.assertEqual(self.logons(server), [])

    def test_starttls_that_vanished_is_an_expired_certificate(self):
        server = self.serve("2007").turn_on("expired_certificate")
        a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "starttls", "failed", "X-ANONYMOUSTLS is", "events 12014 and 12015")
        server.turn_off("expired_certificate")
        server.turn_on("no_certificate")
        a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "starttls", "failed", "not offered", "none is installed")

    def test_a_firewall_that_inspects_smtp_is_recognised(self):
        server = self.serve("2007").turn_on("masked_list")
        a = self.ask(expect=CRITICAL)
        self.assertEqual(a.told["product"], "masked")
        self.assertCheck(a, "banner", "warning", "overwritten", "turn the inspection off")
        self.assertCheck(a, "inspection", "failed", "XXXXXXX" + "A", "turn the inspection off")
        server.turn_off("masked_list")
        server.turn_on("inspected")
        a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "ehlo", "failed", "500", "turn the inspection off")

    def test_without_login_the_words_of_exchange_are_said(self):
        server = self.serve("2007").turn_on("no_basic")
        a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "auth-offered", "failed", "LOGIN is not among them: AUTH NTLM",
                         "Require basic authentication")
        server.turn_off("no_basic")
        server.turn_on("empty_auth")
        a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "auth-offered", "failed", "AUTH is offered with an empty list",
                         "Require basic authentication")
        self.assertEqual(self.logons(server), [])

    def test_a_wrong_password_is_tried_once(self):
        server = self.serve("2007")
        server.password = "changed yesterday"
        a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "logon", "failed", "535 5.7.3", "ms-Exch-SMTP-Submit")
        self.assertIn("it was tried once, and is not tried again", a.check("logon")["found"])
        self.assertEqual((server.wrong_passwords, len(self.logons(server)), a.told["logons"]),
                         (1, 1, 1))
        self.assertCheck(a, "sender", "not-tried", "the session ended before that")
        a = self.ask("--no-auth")
        self.assertCheck(a, "logon", "not-tried")
        self.assertEqual((server.wrong_passwords, a.told["logons"]), (1, 0))

    def test_rights_that_are_missing_are_named(self):
        server = self.serve("2007")
        server.rights.discard("any_sender")
        a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "sender", "failed", "send as this sender",
                         "ms-Exch-SMTP-Accept-Any-Sender")
        server.rights = server.usual_rights()
        a = self.ask("--to", "kim@elsewhere.example", expect=CRITICAL)
        self.assertCheck(a, "recipient", "failed", "Unable to relay", "authoritative domain")
        server.turn_on("pressure")
        a = self.ask(expect=WARNING)
        self.assertCheck(a, "sender", "warning", "452 4.3.1", "back pressure")

    def test_a_recipient_that_we_guessed_need_not_exist(self):
        server = self.serve("2007")
        server.unknown_users.add("postmaster")
        a = self.ask(expect=OK)
        self.assertCheck(a, "recipient", "ok", "the domain is at home there")
        a = self.ask("--to", "nobody@fabrikam.example", expect=CRITICAL)
        self.assertCheck(a, "recipient", "failed", "5.1.1", "GALSync")

    def test_a_server_that_relays_for_strangers_is_told(self):
        server = self.serve("2007")
        server.needs_auth = False
        server.rights.add("any_recipient")
        a = self.ask()
        self.assertCheck(a, "anonymous", "ok", "a sender is taken")
        if a.check("open-relay")["state"] != "failed":  # as far as the stand-in can be opened
            server.refusals["RCPT"] = "250 2.1.5 Recipient OK"
            a = self.ask(expect=CRITICAL)
        self.assertCheck(a, "open-relay", "failed", "for a domain of nobody",
                         "Accept-Any-Recipient from ANONYMOUS LOGON")


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
            (["-c", "/nonexistent", "--connector", "x"], "/nonexistent cannot be used"),
        ):
            with self.subTest(" ".join(words)):
                a = self.doctor(*words, expect=UNKNOWN)
                self.assertIn(why, a.told["message"])
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
        cls.world = world = World("doctor-peers")
        cls.addClassCleanup(world.scratch.remove)
        cls.addClassCleanup(world.stop)
        cls.postfix, cls.exim = world.postfix(), world.exim()
        cls.postfix.start()
        cls.exim.start()
        world.contoso.network += ", 127.0.0.1"  # from where doctor asks
        cls.gateway = world.start()

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
