"""forestgate preflight: two forests of Exchange servers, good and broken, before mail flows."""

import unittest

from gateway import forestgate
from legacy import rsa_certificate
from preflight_case import FAILURE, NOT_READY, READY, Case, PreflightWorld

HUB1, HUB2, MX1 = "hub1.fabrikam.example", "hub2.fabrikam.example", "mx1.contoso.example"


class Servers(Case):
    """What the servers of the forests do. The gateway itself does not run."""

    @classmethod
    def setUpClass(cls):
        cls.world = world = PreflightWorld("preflight")
        cls.addClassCleanup(world.scratch.remove)
        cls.addClassCleanup(world.stop)
        cls.servers = world.exchange
        cls.hubs = [world.exchange["hub1"], world.exchange["hub2"]]

    def setUp(self):
        self.kept = {name: (s.certificate, s.password, list(s.domains), s.needs_auth)
                     for name, s in self.servers.items()}
        self.addCleanup(self.repair)

    def repair(self):
        for name, server in self.servers.items():
            server.repair()
            server.certificate, server.password, server.domains, server.needs_auth = self.kept[name]
            server.unknown_users = {"nobody"}
            server.commands.clear()
            if not server.listener:
                server.start()

    def logons(self, name):
        return [line for _, line in self.servers[name].commands if line.startswith("AUTH")]

    def test_two_forests_that_are_well_are_ready(self):
        a = self.preflight(expect=READY)
        self.assertEqual(a.told["message"],
                         "All 2 forests are ready. The gateway: it does not run.")
        for forest, servers in (("contoso", 1), ("fabrikam", 2)):
            self.assertEqual(a.verdict(forest), "ready")
            for check in ("reach", "encryption", "their-certificate", "offers", "logon",
                          "null-sender", "strangers", "strangers-after-logon"):
                self.assertCheck(a, forest, check, "ok")
                self.assertEqual(len(a.check(forest, check)["lines"]), servers)
            self.assertCheck(a, forest, "our-certificate", "ok", "is for gw")
        self.assertCheck(a, "contoso", "sender", "ok", "250", subject="fabrikam")
        self.assertCheck(a, "fabrikam", "sender", "ok", "250", subject="contoso")
        self.assertCheck(a, "fabrikam", "domain", "ok", "250", subject="fabrikam.example")
        self.assertEqual((a.told["ready"], a.told["asked"], a.told["logons"]), (2, 2, 3))
        for server in self.servers.values():
            self.assertEqual(server.messages, [])
            self.assertNotIn("DATA", {line.split()[0] for _, line in server.commands})

    def test_the_list_is_for_people(self):
        self.hubs[0].rights.discard("any_sender")
        code, out, err = forestgate("preflight", "-c", self.world.write_config())
        self.assertEqual((code, err), (NOT_READY, ""))
        self.assertTrue(out.startswith("1 of 2 forests is ready. The gateway: "), out)
        for line in ("\ncontoso -> ready\n", "\nfabrikam -> NOT ready\n",
                     "\n  ok         Mail for fabrikam.example is taken\n",
                     "\n  FAILED     Senders of contoso are accepted\n",
                     "\n             who:  the Exchange side of fabrikam\n",
                     f"--connector fabrikam-servers {HUB1}:{self.hubs[0].port}\n",
                     "\n  not tried  The gateway runs with this very file\n",
                     "\nWhat cannot be checked from here\n"):
            self.assertIn(line, out)
        self.assertTrue(all(len(line) <= 100 for line in out.splitlines()
                            if "more:" not in line and ".yaml" not in line), out)

    def test_without_starttls_nothing_passes(self):
        for hub in self.hubs:
            hub.turn_on("no_certificate")
        a = self.preflight(expect=NOT_READY)
        self.assertEqual(a.verdict("fabrikam"), "not-ready")
        self.assertEqual(a.bad("fabrikam"), {"encryption"})
        self.assertCheck(a, "fabrikam", "encryption", "failed", "not offered", "12014",
                         who=["exchange"])
        self.assertCheck(a, "fabrikam", "logon", "not-tried")
        self.assertCheck(a, "fabrikam", "domain", "not-tried")
        self.assertEqual((a.verdict("contoso"), self.logons("hub1")), ("ready", []))

    def test_one_bad_server_of_two_is_a_warning(self):
        self.hubs[1].turn_on("expired_certificate")
        a = self.preflight(expect=NOT_READY)
        self.assertEqual(a.verdict("fabrikam"), "warnings")
        self.assertCheck(a, "fabrikam", "encryption", "warning", "X-ANONYMOUSTLS",
                         "New-ExchangeCertificate")
        self.assertCheck(a, "fabrikam", "domain", "ok")

    def test_a_certificate_that_does_not_prove_it_fails(self):
        forest = self.world.contoso
        for certificate, found, advice in (
                (rsa_certificate(forest.ca, "old.contoso.example"), f"not for {MX1}", "servers or"),
                (forest.ca.issue(MX1, expired=True, file="expired",
                                 new_key=("-newkey", "rsa:2048", "-nodes")), "expired on", "renew"),
                (rsa_certificate(self.world.fabrikam.ca, MX1), "issued by", "pins:")):
            with self.subTest(found):
                self.servers["mx1"].certificate = certificate
                a = self.preflight("--forest", "contoso", expect=NOT_READY)
                self.assertCheck(a, "contoso", "their-certificate", "failed", found, advice)
                self.assertCheck(a, "contoso", "logon", "not-tried")
                self.assertEqual(self.logons("mx1"), [])

    def test_a_wrong_password_is_tried_once_in_all(self):
        for hub in self.hubs:
            hub.password = "another"
        a = self.preflight(expect=NOT_READY)
        self.assertEqual((len(self.logons("hub1")), self.logons("hub2")), (1, []))
        self.assertEqual((a.told["logons"], self.hubs[0].wrong_passwords), (2, 1))
        self.assertCheck(a, "fabrikam", "logon", "failed", "535 5.7.3", "locked",
                         who=["gateway", "exchange"])
        lines = {line["subject"]: line for line in a.check("fabrikam", "logon")["lines"]}
        other = lines[f"{HUB2}:{self.hubs[1].port}"]
        self.assertEqual(other["state"], "not-tried")
        self.assertIn(f"{HUB1} refused this account", other["found"])
        self.assertCheck(a, "fabrikam", "domain", "not-tried", "the logon failed")
        self.assertCheck(a, "fabrikam", "domain", "not-tried", "without the logon")

    def test_a_refused_command_is_no_refused_password(self):
        self.hubs[0].turn_on("no_basic")
        a = self.preflight(expect=NOT_READY)
        self.assertEqual((self.logons("hub1"), len(self.logons("hub2"))), ([], 1))
        self.assertCheck(a, "fabrikam", "logon", "failed", "LOGIN is not among them",
                         "BasicAuthRequireTLS")

    def test_a_missing_right_stops_senders_and_no_domain(self):
        for hub in self.hubs:
            hub.rights.discard("any_sender")
        a = self.preflight(expect=NOT_READY)
        self.assertEqual(a.bad("fabrikam"), {"sender contoso"})
        self.assertCheck(a, "fabrikam", "sender", "failed", "550 5.7.1", "Accept-Any-Sender",
                         subject="contoso", who=["exchange"])
        self.assertCheck(a, "fabrikam", "domain", "ok", subject="fabrikam.example")

    def test_a_domain_that_is_not_accepted_fails(self):
        self.hubs[1].domains = ["other.example"]
        a = self.preflight(expect=NOT_READY)
        self.assertEqual(a.bad("fabrikam"), {"domain fabrikam.example"})
        self.assertCheck(a, "fabrikam", "domain", "failed", "550 5.7.1 Unable to relay",
                         "authoritative", subject="fabrikam.example", who=["exchange"])

    def test_a_postmaster_who_is_unknown_shows_that_the_domain_is_at_home(self):
        for server in self.servers.values():
            server.unknown_users.add("postmaster")
        a = self.preflight(expect=READY)
        self.assertCheck(a, "contoso", "domain", "ok", "550 5.1.1 User unknown")

    def test_an_open_relay_fails_and_a_generous_account_is_told(self):
        for hub in self.hubs:
            hub.rights.add("any_recipient")
        a = self.preflight(expect=READY)
        self.assertCheck(a, "fabrikam", "strangers-after-logon", "ok", "250", "Any-Recipient")
        self.assertIn("to anywhere", a.check("fabrikam", "strangers-after-logon")["text"])
        for line in a.check("fabrikam", "domain", "fabrikam.example")["lines"]:
            self.assertTrue(line["note"])
            self.assertIn("this does not show that mail for the domain ends there",
                          line["advice"])
        self.hubs[0].needs_auth = False
        a = self.preflight(expect=NOT_READY)
        self.assertEqual(a.bad("fabrikam"), {"strangers"})
        self.assertCheck(a, "fabrikam", "strangers", "failed", "domain of nobody",
                         "ANONYMOUS LOGON")

    def test_a_firewall_in_between_is_the_business_of_the_network(self):
        self.servers["mx1"].turn_on("masked_list")
        a = self.preflight("--forest", "contoso", expect=NOT_READY)
        self.assertCheck(a, "contoso", "reach", "failed", "overwritten", "inspection off")
        lines = [l for l in a.check("contoso", "reach")["lines"] if l["state"] == "failed"]
        self.assertEqual([l["who"] for l in lines], [["network"]])
        self.servers["mx1"].turn_off()
        self.servers["mx1"].turn_on("inspected")
        a = self.preflight("--forest", "contoso", expect=NOT_READY)
        self.assertCheck(a, "contoso", "reach", "failed", "", "firewall")

    def test_a_server_that_is_down_is_a_warning_while_another_answers(self):
        self.hubs[0].stop()
        a = self.preflight(expect=NOT_READY)
        self.assertEqual((a.verdict("fabrikam"), a.bad("fabrikam")), ("warnings", {"reach"}))
        self.assertCheck(a, "fabrikam", "reach", "warning", "refused", "does not answer",
                         who=["exchange", "network"])
        self.hubs[1].stop()
        a = self.preflight(expect=NOT_READY)
        self.assertEqual((a.verdict("fabrikam"), a.bad("fabrikam")), ("not-ready", {"reach"}))
        self.assertEqual(a.told["message"].split(".")[0], "1 of 2 forests is ready")

    def test_back_pressure_passes(self):
        for hub in self.hubs:
            hub.turn_on("pressure")
        a = self.preflight(expect=NOT_READY)
        self.assertEqual(a.verdict("fabrikam"), "unproven")  # no domain could be asked for
        self.assertEqual(a.bad("fabrikam"), {"null-sender", "sender contoso"})
        self.assertCheck(a, "fabrikam", "null-sender", "warning", "452 4.3.1", "back pressure")
        self.hubs[0].turn_off()
        a = self.preflight(expect=NOT_READY)
        self.assertEqual(a.verdict("fabrikam"), "warnings")

    def test_what_one_server_was_not_tried_for_is_not_proven(self):
        self.hubs[1].refusals["RCPT"] = "421 4.3.2 Service not available"
        a = self.preflight(expect=NOT_READY)
        self.assertEqual((a.verdict("fabrikam"), a.bad("fabrikam")), ("unproven", set()))
        self.assertCheck(a, "fabrikam", "domain", "not-tried", "421 4.3.2")

    def test_without_the_logon_nothing_is_proven(self):
        a = self.preflight("--no-auth", expect=NOT_READY)
        self.assertEqual((a.verdict("fabrikam"), a.told["logons"]), ("unproven", 0))
        self.assertEqual(self.logons("hub1") + self.logons("mx1"), [])
        self.assertCheck(a, "fabrikam", "domain", "not-tried", "without the logon")

    def test_only_what_is_named_is_asked(self):
        a = self.preflight("--forest", "contoso", expect=READY)
        self.assertEqual([f["forest"] for f in a.told["forests"]], ["contoso"])
        self.assertEqual(self.hubs[0].commands, [])
        self.assertCheck(a, "contoso", "sender", "ok", subject="fabrikam")
        a = self.preflight("--connector", "fabrikam-servers", expect=READY)
        self.assertEqual([f["forest"] for f in a.told["forests"]], ["fabrikam"])

    def test_wrong_usage_is_told(self):
        config = self.world.write_config()
        for words, why in ((["-c", config, "--forest", "nowhere"], 'no forest "nowhere"'),
                           (["-c", config, "--connector", "x"], 'no send connector "x"'),
                           (["-c", config, "--forest", "contoso", "--connector",
                             "fabrikam-servers"], "reaches none of these forests"),
                           (["-c", config, HUB1], "forestgate doctor"),
                           (["-c", config, "--timeout", "1h"], "--timeout"),
                           (["-c", "/nonexistent"], "/nonexistent"), ([], "-c FILE is needed")):
            with self.subTest(words):
                code, out, err = forestgate("preflight", *words)
                self.assertEqual((code, out), (FAILURE, ""))
                self.assertIn(why, err)
        code, out, err = forestgate("preflight", "--help")
        self.assertEqual(code, READY)
        for word in ("Exit status", "--forest", "ONCE", "who[]"):
            self.assertIn(word, out)


if __name__ == "__main__":
    unittest.main()
