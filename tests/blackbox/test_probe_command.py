"""forestgate probe: from outside, against our own gateway, Postfix, Exim and bad servers."""

import json
import os
import re
import socket
import threading
import time
import unittest

from forests import GATEWAY_NAME, World, stand_between_real_servers
from gateway import forestgate
from kit import FABRIKAM_IP, Authority, Scratch, free_port, self_signed
from legacy import OldAuthority, old_server
from sink import DROP, RESET, STALL, Sink

OK, WARNING, CRITICAL, UNKNOWN = range(4)
STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]
VALUE = re.compile(r"('[^'=]+'|[^ '=]+)=(-?[0-9.]+)(s?)((?:;[-0-9.:]*){0,4})(?: |$)")


class Answer:
    """What one run said: state, sentence, perfdata and the lines below, checked for their form."""

    def __init__(self, *arguments):
        self.code, self.out, self.err = forestgate("probe", *arguments)
        first, _, self.details = self.out.partition("\n")
        head, _, perfdata = first.partition(" | ")
        match = re.fullmatch(r"SMTP (OK|WARNING|CRITICAL|UNKNOWN) - (.+)", head)
        assert match, f"not the first line of a plugin: {first!r}"
        assert match[1] == STATES[self.code], f"{match[1]} with exit status {self.code}"
        assert "|" not in self.details and "|" not in perfdata, self.out
        self.sentence = match[2]
        self.values = {m[1].strip("'"): (float(m[2]), m[3], m[4])
                       for m in VALUE.finditer(perfdata)}
        rest = VALUE.sub("", perfdata)
        assert rest == "", f"no perfdata: {rest!r}"

    def steps(self):
        """The first word of each step's line: its state, by its name."""
        return [line[10:24].strip() for line in self.details.splitlines()
                if line[:9].strip() in ("ok", "WARNING", "CRITICAL", "UNKNOWN")]


class Case(unittest.TestCase):
    def probe(self, *arguments, expect=None):
        answer = Answer(*arguments)
        if expect is not None:
            self.assertEqual(answer.code, expect, answer.out + answer.err)
        return answer


class OneServer(Case):
    """A scripted server, well or not."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch("probe")
        cls.ca = Authority(cls.scratch("ca"), "fabrikam")
        cls.certificate = cls.ca.issue("hub1.fabrikam.example", FABRIKAM_IP, days=90)
        cls.password_file = cls.scratch.write("password", "hub-Passw0rd\n", 0o600)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.remove()

    def setUp(self):
        self.sink = Sink("hub1.fabrikam.example", FABRIKAM_IP, self.certificate, "kim",
                         "hub-Passw0rd").start()
        self.addCleanup(self.sink.stop)
        self.host = f"{FABRIKAM_IP}:{self.sink.port}"
        self.trust = (self.host, "--ca", self.ca.cert)
        self.logon = (*self.trust, "--user", "kim", "--password-file", self.password_file)

    def verbs(self):
        return [line.split(" ")[0].upper() for _, line in self.sink.commands]

    def test_a_good_server_is_ok_up_to_the_recipients_and_keeps_no_mail(self):
        a = self.probe(*self.logon, "--from", "anna@contoso.example", "--to",
                       "bob@fabrikam.example", "--to", "eve@fabrikam.example", expect=OK)
        self.assertEqual(self.verbs(), ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "RCPT",
                                        "RSET", "QUIT"])
        self.assertEqual(self.sink.messages, [])
        self.assertEqual(a.steps(), ["name", "connection", "banner", "EHLO", "STARTTLS", "TLS",
                                     "certificate", "EHLO under TLS", "AUTH", "MAIL", "RCPT",
                                     "RCPT", "RSET", "QUIT"])
        self.assertEqual(list(a.values), ["time", "cert_days", "resolve", "connect", "banner",
                                          "ehlo", "starttls", "tls", "ehlo_tls", "auth", "mail",
                                          "rcpt", "rset", "quit"])
        self.assertEqual(a.values["cert_days"][2], ";30:;14:")
        self.assertEqual(a.values["time"][1:], ("s", ";;;0"))
        parts = sum(v for k, (v, unit, _) in a.values.items() if unit and k != "time")
        self.assertLessEqual(parts, a.values["time"][0] + 0.001)
        self.assertIn(f"pin       {self.certificate.spki_pin()}", a.details)
        self.assertIn("subject   CN=hub1.fabrikam.example", a.details)
        self.assertIn("issuer    CN=fabrikam CA", a.details)
        self.assertIn("session   TLSv1.3 ", a.details)

    def test_without_from_it_quits_behind_the_handshake(self):
        self.probe(*self.trust, expect=OK)
        self.assertEqual(self.verbs(), ["EHLO", "STARTTLS", "EHLO", "QUIT"])

    def test_a_certificate_that_does_not_verify_is_critical_and_shown(self):
        other = Authority(self.scratch("other"), "other")
        expired = self.ca.issue("old.fabrikam.example", FABRIKAM_IP, expired=True)
        for options, certificate, why in (
            ([], None, "neither trusted nor in the chain sent"),
            (["--ca", other.cert], None, "neither trusted nor in the chain sent"),
            (["--ca", self.ca.cert, "--server-name", "else.example"], None,
             f"is for hub1.fabrikam.example, {FABRIKAM_IP}, not for else.example"),
            (["--ca", self.ca.cert], expired, "is expired since"),
            (["--pin", "sha256:" + "ab" * 32], None, "which is not a pin"),
        ):
            with self.subTest(why):
                shown = certificate or self.certificate
                self.sink.use(shown)
                self.sink.commands.clear()
                a = self.probe(self.host, *options, expect=CRITICAL)
                self.assertIn("TLS: the certificate", a.sentence)
                self.assertIn(why, a.sentence)
                self.assertIn(f"pin       {shown.spki_pin()}", a.details)
                self.assertRegex(a.details, r"session   TLSv1\.3 TLS_\w+, verified: none")
                self.assertIn("names     ", a.details)
                self.assertEqual(self.verbs(), ["EHLO", "STARTTLS"])

    def test_a_pin_verifies_and_an_expired_pinned_certificate_only_warns(self):
        self.probe(self.host, "--pin", self.certificate.spki_pin(), expect=OK)
        old = self.ca.issue("expired.fabrikam.example", expired=True)
        self.sink.use(old)
        a = self.probe(self.host, "--pin", old.spki_pin(), expect=WARNING)
        self.assertIn("the pinned certificate is expired since", a.sentence)
        self.assertLess(a.values["cert_days"][0], 0)
        self.probe(self.host, "--pin", old.spki_pin(), "--critical-days", "1", expect=CRITICAL)

    def test_days_to_expiry_have_limits(self):
        soon = self.ca.issue("hub1.fabrikam.example", FABRIKAM_IP, file="soon", days=20)
        self.sink.use(soon)
        a = self.probe(*self.trust, expect=WARNING)
        self.assertIn("certificate: expires on", a.sentence)
        self.probe(*self.trust, "--warning-days", "10", "--critical-days", "5", expect=OK)
        a = self.probe(*self.trust, "--critical-days", "25", expect=CRITICAL)
        self.assertEqual(a.values["cert_days"][2], ";30:;25:")

    def test_time_has_limits(self):
        a = self.probe(*self.trust, "--warning", "1ms", "--critical", "1m", expect=WARNING)
        self.assertRegex(a.sentence, r"time: took [0-9.]+ s, more than 0.001 s")
        self.assertEqual(a.values["time"][2], ";0.001;60;0")
        self.probe(*self.trust, "--critical", "1ms", expect=CRITICAL)

    def test_no_starttls_is_critical_with_the_cause(self):
        self.sink.context = None
        a = self.probe(*self.logon, expect=CRITICAL)
        self.assertIn("STARTTLS: TLS is required and not offered: has its certificate expired",
                      a.sentence)
        self.assertIn("12014", a.details)
        self.sink.keywords.append("X" * 7 + "A")  # STARTTLS as inspecting firewalls leave it
        a = self.probe(*self.trust, expect=CRITICAL)
        self.assertIn("a firewall with SMTP inspection masks what it offers", a.sentence)
        self.assertNotIn("AUTH", self.verbs())
        self.assertEqual(self.verbs()[-1], "QUIT")
        a = self.probe(*self.trust, "--tls-optional", expect=OK)
        self.assertIn("in clear", a.sentence)

    def test_a_password_goes_only_to_who_proved_himself(self):
        self.probe(self.host, "--user", "kim", "--password-file", self.password_file,
                   expect=CRITICAL)
        for blind in (["--verify", "none"], ["--ca", self.ca.cert, "--tls-optional"]):
            a = self.probe(self.host, *blind, "--user", "kim", "--password-file",
                           self.password_file, expect=UNKNOWN)
            self.assertIn("anybody could be given the password", a.sentence)
        self.assertNotIn("AUTH", self.verbs())
        self.probe(self.host, "--verify", "none", "--send-password-unverified", "--user", "kim",
                   "--password-file", self.password_file, expect=OK)
        self.assertIn("AUTH", self.verbs())

    def test_a_password_file_that_others_can_read_is_refused(self):
        loose = self.scratch.write("loose", "hub-Passw0rd\n", 0o644)
        a = self.probe(*self.trust, "--user", "kim", "--password-file", loose, expect=UNKNOWN)
        self.assertIn("chmod 0600", a.sentence)
        self.assertEqual(self.sink.connections, 0)

    def test_refusals_are_told_in_the_words_of_the_server(self):
        ask = (*self.logon, "--from", "anna@contoso.example", "--to", "bob@fabrikam.example")
        for stage, reply, state, step in (
            ("banner", "554 5.7.1 Go away", CRITICAL, "banner"),
            ("banner", "421 4.3.2 Too many connections", WARNING, "banner"),
            ("ehlo", "550 5.7.1 Not you", CRITICAL, "EHLO"),
            ("starttls", "454 4.7.0 TLS not available", CRITICAL, "STARTTLS"),
            ("ehlo-tls", "421 4.4.1 Bye", WARNING, "EHLO under TLS"),
            ("auth", "535 5.7.3 Authentication unsuccessful", CRITICAL, "AUTH"),
            ("auth-password", "454 4.7.0 Temporary authentication failure", WARNING, "AUTH"),
            ("mail", "550 5.7.1 Client does not have permissions", CRITICAL, "MAIL"),
            ("mail", "452 4.3.1 Insufficient system resources", WARNING, "MAIL"),
            ("rcpt", "550 5.7.1 Unable to relay", CRITICAL, "RCPT"),
            ("rcpt", "451 4.7.1 Greylisted", WARNING, "RCPT"),
            ("quit", "500 5.5.1 Never", WARNING, "QUIT"),
        ):
            with self.subTest(f"{stage} {reply}"):
                self.sink.script = {stage: f"{reply}\r\n".encode()}
                a = self.probe(*ask, expect=state)
                self.assertRegex(a.sentence, f"{step}: .*{re.escape(reply)}")
        self.assertEqual(self.sink.messages, [])

    def test_what_the_server_repeats_of_the_password_is_not_shown(self):
        for stage, reply in (("auth-password", b"535 5.7.8 bad: hub-Passw0rd\r\n"),
                             ("mail", b"550 5.7.1 hub-Passw0rd? aHViLVBhc3N3MHJk\r\n"),
                             ("quit", b"221 hub-Passw0rd\r\n")):
            self.sink.script = {stage: reply}
            a = self.probe(*self.logon, "--from", "")
            self.assertIn("repeats what we logged on with", a.out)
            self.assertNotIn("hub-Passw0rd", a.out + a.err)
            self.assertNotIn("aHViLVBhc3N3MHJk", a.out + a.err)

    def test_a_server_cannot_forge_perfdata(self):
        self.sink.script = {"banner": b"220 a | time=0s;'x=1 | y=2\r\n"}
        a = self.probe(*self.trust, expect=OK)
        self.assertIn("220 a / time=0s;'x=1 / y=2", a.details)

    def test_a_hostile_server_is_bounded_and_named(self):
        def endless(session, argument):
            while True:
                session.send(b"220-more\r\n" * 100)

        def drip(session, argument):
            while True:
                session.send(b"220-more"[:1])
                time.sleep(0.05)

        def garbage(session, argument):
            session.sock.recv(65536)  # behind the ClientHello: what comes earlier is thrown away
            session.send(os.urandom(4096))

        for stage, action, step, why in (
            ("banner", STALL, "banner", "no answer; gave up 0.5 s after"),
            ("banner", drip, "banner", "no answer; gave up 0.5 s after"),
            ("banner", endless, "banner", "Malformed reply"),
            ("banner", b"220 " + b"x" * 70000, "banner", "Malformed reply"),
            ("banner", b"HTTP/1.1 400 Bad Request\r\n\r\n", "banner", "Malformed reply"),
            ("banner", DROP, "banner", "closed"),
            ("banner", RESET, "(banner|connection)", "reset"),
            ("banner", b"250 hello\r\n", "banner", "Unexpected reply"),
            ("ehlo", b"250-" + b"\r\n250-".join([b"X" * 500] * 200) + b"\r\n250 OK\r\n", "EHLO",
             "Malformed reply to EHLO"),
            ("ehlo", STALL, "EHLO", "no answer"),
            ("handshake", garbage, "TLS", "TLS handshake"),
            ("handshake", DROP, "TLS", "(closed the connection during the TLS handshake|reset)"),
            ("handshake", STALL, "TLS", "no answer"),
            ("auth", DROP, "AUTH", "closed"),
            ("mail", b"354 send\r\n", "MAIL", "Unexpected reply"),
            ("rcpt", STALL, "RCPT", "no answer"),
        ):
            with self.subTest(f"{stage} {why}"):
                self.sink.script = {stage: action}
                a = self.probe(*self.logon, "--from", "", "--to", "bob@fabrikam.example",
                               "--timeout", "500ms", expect=CRITICAL)
                self.assertRegex(a.sentence, f"[0-9]: {step}: .*{why}")

    def test_silence_behind_quit_is_a_warning(self):
        self.sink.script = {"quit": STALL}
        a = self.probe(*self.trust, "--timeout", "500ms", expect=WARNING)
        self.assertIn("QUIT: no answer", a.sentence)
        self.sink.script = {"quit": DROP}
        self.probe(*self.trust, expect=OK)

    def test_no_listener_and_no_name_are_critical(self):
        port = free_port(FABRIKAM_IP)
        a = self.probe(f"{FABRIKAM_IP}:{port}", expect=CRITICAL)
        self.assertIn("Connection refused", a.sentence)
        a = self.probe("no-such-host.invalid", "--timeout", "3s", expect=CRITICAL)
        self.assertIn("no-such-host.invalid:25: name: ", a.sentence)
        a = self.probe(self.host, "--ipv6", expect=CRITICAL)
        self.assertIn("no address of this family", a.sentence)

    def test_wrong_usage_is_unknown(self):
        for words, why in (
            ([], "which server?"),
            (["--nonsense"], "usage"),
            ([self.host, "other"], "one server at a time"),
            ([self.host, "--verify", "maybe"], "--verify: name, ca, pin or none"),
            ([self.host, "--verify", "ca"], "--verify ca needs --ca"),
            ([self.host, "--pin", "sha256:short"], "--pin: "),
            ([self.host, "--ca", "/nonexistent"], "/nonexistent"),
            ([self.host, "--timeout", "10"], "--timeout: "),
            ([self.host, "--from", "a@b>\r\nDATA"], "--from: "),
            ([self.host, "--to", "nobody"], "--to: "),
            ([self.host, "--helo", "a b"], "--helo: "),
            ([self.host, "--user", "kim"], "--password-file"),
            ([self.host, "--profile", "exchange5"], "--profile: "),
            ([self.host, "--warning-days", "-3"], "--warning-days: "),
            ([self.host, "--connector", "x"], "go with -c FILE"),
            (["-c", "/nonexistent", "--connector", "x"], "/nonexistent cannot be used"),
        ):
            with self.subTest(" ".join(words)):
                a = self.probe(*words, expect=UNKNOWN)
                self.assertIn(why, a.sentence)
        code, out, _ = forestgate("probe", "--json", "--nonsense")
        self.assertEqual((code, json.loads(out)["state"]), (UNKNOWN, "UNKNOWN"))

    def test_json_tells_the_same(self):
        code, out, _ = forestgate("probe", *self.logon, "--from", "", "--json")
        told = json.loads(out)
        self.assertEqual((code, told["state"], told["exit"], told["connector"]),
                         (0, "OK", 0, None))
        server = told["servers"][0]
        self.assertEqual((server["server"], server["address"], server["port"]),
                         (FABRIKAM_IP, FABRIKAM_IP, self.sink.port))
        self.assertEqual([s["step"] for s in server["steps"]],
                         ["resolve", "connect", "banner", "ehlo", "starttls", "tls",
                          "certificate", "ehlo_tls", "auth", "mail", "rset", "quit"])
        self.assertEqual(server["tls"]["version"], "TLSv1.3")
        self.assertEqual(server["tls"]["verified"], "name")
        self.assertEqual(server["certificate"]["pin"], self.certificate.spki_pin())
        self.assertEqual(server["certificate"]["names"], ["hub1.fabrikam.example", FABRIKAM_IP])
        self.sink.script = {"mail": b"550 5.7.1 No | way\r\n"}
        code, out, _ = forestgate("probe", *self.logon, "--from", "", "--json")
        server = json.loads(out)["servers"][0]
        mail = next(s for s in server["steps"] if s["step"] == "mail")
        self.assertEqual((code, mail["state"], mail["code"], mail["text"]),
                         (2, "CRITICAL", 550, "<>: 550 5.7.1 No | way"))

    def test_a_listener_that_wants_a_proxy_header_gets_one(self):
        heard = []
        with socket.create_server((FABRIKAM_IP, 0)) as listener:
            def serve():
                sock, _ = listener.accept()
                with sock, sock.makefile("rb") as lines:
                    heard.append(lines.readline())
                    sock.sendall(b"220 mx ESMTP\r\n")
                    heard.append(lines.readline())
                    sock.sendall(b"250 mx\r\n")
                    heard.append(lines.readline())
                    sock.sendall(b"221 bye\r\n")
            thread = threading.Thread(target=serve)
            thread.start()
            self.probe(f"{FABRIKAM_IP}:{listener.getsockname()[1]}", "--proxy", "--tls-optional",
                       "--helo", "probe.example", expect=OK)
            thread.join(10)
        self.assertEqual(heard, [b"PROXY UNKNOWN\r\n", b"EHLO probe.example\r\n", b"QUIT\r\n"])

    def test_a_server_of_2003_is_well_in_its_profile_and_has_none_in_common_with_today(self):
        authority = OldAuthority(self.scratch("old-ca"), "Contoso 2003")
        self.sink.context = old_server(authority.issue("hub1.fabrikam.example"))
        ask = (self.host, "--ca", authority.cert, "--server-name", "hub1.fabrikam.example",
               "--warning-days", "1", "--critical-days", "1")
        a = self.probe(*ask, "--profile", "exchange2003", expect=OK)
        self.assertIn("session   TLSv1 AES128-SHA, verified: name", a.details)
        a = self.probe(*ask, expect=CRITICAL)
        self.assertIn("TLS: ", a.sentence)
        self.assertIn("no TLS version in common", a.sentence)

    def test_help_tells_the_exit_statuses(self):
        code, out, _ = forestgate("probe", "--help")
        self.assertEqual(code, 0)
        for word in ("0 OK", "1 WARNING", "2 CRITICAL", "3 UNKNOWN", "--password-file"):
            self.assertIn(word, out)


class Connector(Case):
    """The servers of a send connector, by names of the test's name server."""

    def setUp(self):
        self.world = World("probe-connector")
        self.addCleanup(self.world.stop)
        self.addCleanup(self.world.scratch.remove)
        self.first = self.world.sink(self.world.fabrikam)
        self.second = self.world.sink(self.world.fabrikam, "hub2.fabrikam.example")
        self.world.sink(self.world.contoso)

    def ask(self, *more, expect=None):
        config = self.world.write_config()
        return self.probe("-c", config, "--connector", "fabrikam-servers", "--warning-days", "20",
                          *more, expect=expect)

    def test_its_trust_and_credential_are_used_with_each_server(self):
        a = self.ask("--from", "anna@contoso.example", "--to", "bob@fabrikam.example", expect=OK)
        self.assertIn("connector fabrikam-servers: all 2 servers answer", a.sentence)
        for sink in (self.first, self.second):
            verbs = [line.split(" ")[0] for _, line in sink.commands]
            self.assertEqual(verbs[:4], ["EHLO", "STARTTLS", "EHLO", "AUTH"])
            self.assertEqual(verbs[-3:], ["RCPT", "RSET", "QUIT"])
            self.assertEqual(sink.commands[0][1], f"EHLO {GATEWAY_NAME}")
            self.assertEqual(sink.messages, [])
            label = f"{sink.name}[{sink.address}]:{sink.port}"
            self.assertIn(f"{label} time", a.values)
            self.assertIn(f"{label} auth", a.values)
        self.assertGreaterEqual(a.values["time"][0], a.values[f"{label} time"][0])

    def test_the_worst_server_counts(self):
        self.second.script["mail"] = b"452 4.3.1 Insufficient system resources\r\n"
        a = self.ask("--from", "", expect=WARNING)
        self.second.script.clear()
        self.assertIn("1 of 2 servers not well: hub2.fabrikam.example", a.sentence)
        self.first.password = "changed"
        self.assertNotIn("AUTH", self.ask("--no-auth", expect=OK).steps())
        self.assertEqual(self.first.wrong_passwords, 0)
        a = self.ask("--from", "", expect=CRITICAL)
        self.assertIn("1 of 2 servers not well: hub1.fabrikam.example", a.sentence)
        self.assertIn("AUTH: ", a.sentence)
        a = self.ask("--server", f"hub2.fabrikam.example:{self.second.port}", expect=OK)
        self.assertIn("connector fabrikam-servers: hub2.fabrikam.example", a.sentence)

    def test_each_address_of_a_name_is_a_server(self):
        self.world.names.hosts["hub2.fabrikam.example"] = [FABRIKAM_IP, "127.0.2.9"]
        a = self.ask(expect=CRITICAL)
        self.assertIn("1 of 3 servers not well", a.sentence)
        self.assertIn(f"[127.0.2.9]:{self.second.port}: connection: ", a.sentence)

    def test_a_name_that_nobody_knows_is_critical(self):
        del self.world.names.hosts["hub2.fabrikam.example"]
        a = self.ask(expect=CRITICAL)
        self.assertIn("hub2.fabrikam.example:", a.sentence)
        self.assertIn("name: ", a.sentence)

    def test_pins_of_the_configuration_are_what_counts(self):
        old = self_signed(self.world.scratch("fabrikam"), "hub2.fabrikam.example")
        self.second.use(old)
        a = self.ask(expect=CRITICAL)
        self.assertIn("self-signed and not trusted; its pin is " + old.spki_pin(), a.sentence)
        self.world.fabrikam.tls = f'{{ verify: pin, pins: ["{old.spki_pin()}"] }}'
        a = self.ask("--server", "hub2.fabrikam.example", expect=OK)
        self.assertIn("verified by pin", a.sentence)

    def test_unknown_connectors_and_mixed_options_are_unknown(self):
        config = self.world.write_config()
        a = self.probe("-c", config, "--connector", "nobody", expect=UNKNOWN)
        self.assertIn('no send connector "nobody"', a.sentence)
        a = self.ask("--server", "hub9.fabrikam.example", expect=UNKNOWN)
        self.assertIn("has no server hub9.fabrikam.example", a.sentence)
        a = self.ask("--verify", "none", expect=UNKNOWN)
        self.assertIn("are those of the configuration", a.sentence)
        self.probe("-c", config, "127.0.0.1", expect=UNKNOWN)


class RealServers(Case):
    """Postfix, Exim, and the gateway itself."""

    @classmethod
    def setUpClass(cls):
        stand_between_real_servers(cls, "probe-peers")

    def test_postfix_and_exim_are_fine_and_keep_nothing(self):
        for connector, peer, sender in (("contoso-servers", self.postfix, "bob@fabrikam.example"),
                                        ("fabrikam-servers", self.exim, "anna@contoso.example")):
            with self.subTest(connector):
                ask = ("-c", self.world.gateway.config, "--connector", connector,
                       "--warning-days", "20", "--from", sender)
                a = self.probe(*ask, "--to", f"kim@{peer.domain}", expect=OK)
                self.assertIn("logged on, recipients would be taken", a.sentence)
                a = self.probe(*ask, "--to", f"nobody@{peer.domain}", "--to",
                               f"kim@{peer.domain}", expect=CRITICAL)
                self.assertIn(f"RCPT: nobody@{peer.domain}: 550 5.1.1", a.sentence)
                self.assertRegex(a.details, r"ok +RSET .* 250 ")
                self.assertRegex(a.details, r"ok +QUIT .* 221 ")
                self.assertEqual(peer.mail.messages(), [])

    def test_the_gateway_itself_answers_a_probe(self):
        world, forest = self.world, self.world.contoso
        password = world.scratch.write("probe-password", forest.password + "\n", 0o600)
        ask = (f"127.0.0.1:{world.port}", "--ca", world.ca.cert, "--server-name", GATEWAY_NAME,
               "--warning-days", "20", "--user", forest.user, "--password-file", password,
               "--from", "anna@contoso.example", "--to")
        a = self.probe(*ask, "bob@fabrikam.example", expect=OK)
        self.assertIn("TLSv1.3", a.sentence)
        a = self.probe(*ask, "bob@nowhere.example", expect=CRITICAL)
        self.assertIn("RCPT: bob@nowhere.example: 550 5.7.1", a.sentence)
        self.assertEqual(self.gateway.metric("forestgate_queue_messages"), 0)


if __name__ == "__main__":
    unittest.main()
