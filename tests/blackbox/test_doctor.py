"""forestgate doctor: what is told about Exchange servers that are well, and about others."""

import unittest

from doctor_case import CRITICAL, HUB, OK, WARNING, Case
from exchange.facts import MASKED_STARTTLS
from exchange.server import ExchangeServer
from forests import World
from gateway import forestgate
from kit import FABRIKAM_IP
from legacy import rsa_certificate


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
        self.assertCheck(a, "inspection", "failed", MASKED_STARTTLS, "turn the inspection off")
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
        self.assertCheck(a, "sender", "not-tried", "the logon failed")
        a = self.ask("--no-auth", expect=OK)
        self.assertCheck(a, "logon", "not-tried")
        self.assertCheck(a, "envelope", "not-tried", "without the logon")
        self.assertCheck(a, "open-relay", "ok")
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


if __name__ == "__main__":
    unittest.main()
