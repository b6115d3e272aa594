"""forestgate preflight: the gateway's own side, and forests behind one another."""

import unittest

from forests import GATEWAY_NAME
from kit import GATEWAY_IP, free_port, self_signed
from legacy import rsa_certificate
from preflight_case import LOOKING, NOT_READY, READY, Case, PreflightWorld

RSA = ("-newkey", "rsa:2048", "-nodes")


class Own(Case):
    """The doors and certificates of the gateway, which runs in some of the tests."""

    @classmethod
    def setUpClass(cls):
        cls.world = world = PreflightWorld("preflight-own")
        cls.addClassCleanup(world.scratch.remove)
        cls.addClassCleanup(world.stop)
        cls.certificate = world.certificate

    def setUp(self):
        self.world.certificate = self.certificate

    def run_gateway(self):
        self.addCleanup(self.world.start().stop)

    def test_a_gateway_that_runs_is_looked_at(self):
        self.run_gateway()
        a = self.preflight(expect=READY)
        self.assertEqual(a.told["message"], "All 2 forests are ready.")
        self.assertEqual(a.told["gateway"]["verdict"], "ready")
        self.assertCheck(a, None, "daemon", "ok", "in force")
        for forest in ("contoso", "fabrikam"):
            self.assertCheck(a, forest, "door", "ok", "AUTH LOGIN")
        self.assertEqual(self.world.gateway.metric("forestgate_queue_messages"), 0)

    def test_another_text_of_the_file_is_told_until_it_is_read(self):
        self.run_gateway()
        text = self.world.config_text() + "# a remark\n"
        a = self.preflight(text=text, expect=NOT_READY)
        self.assertEqual([f["verdict"] for f in a.told["forests"]], ["ready", "ready"])
        self.assertCheck(a, None, "daemon", "warning", "another text", "forestgate reload",
                         who=["gateway"])
        self.assertIn("The gateway: it runs with another text", a.told["message"])
        self.world.gateway.command("reload", check=True)
        self.preflight(text=text, expect=READY)

    def test_a_door_that_shows_strangers_nothing_is_not_tried(self):
        text = self.world.config_text().replace(LOOKING, '" }')
        self.world.config_text, kept = (lambda: text), self.world.config_text
        self.addCleanup(setattr, self.world, "config_text", kept)
        self.run_gateway()
        a = self.preflight(expect=READY)
        self.assertCheck(a, "contoso", "door", "not-tried", "names its address",
                         "monitor.probe_networks")

    def test_a_door_behind_a_balancer_is_looked_at_with_its_header(self):
        text = self.world.config_text().replace(
            ", certificate: main }", f", certificate: main, proxy_protocol: [{GATEWAY_IP}/32] }}")
        kept, self.world.config_text = self.world.config_text, lambda: text
        self.addCleanup(setattr, self.world, "config_text", kept)
        self.run_gateway()
        a = self.preflight(expect=READY)
        self.assertCheck(a, "fabrikam", "door", "ok", "AUTH LOGIN")

    def test_a_door_of_every_address_is_looked_at_from_inside(self):
        self.addCleanup(setattr, self.world, "port", self.world.port)
        self.world.port = free_port("0.0.0.0")  # free at every address, not only at ours
        text = self.world.config_text().replace(f'"{GATEWAY_IP}:{self.world.port}"',
                                                f'"0.0.0.0:{self.world.port}"')
        kept, self.world.config_text = self.world.config_text, lambda: text
        self.addCleanup(setattr, self.world, "config_text", kept)
        self.run_gateway()
        a = self.preflight(expect=READY)
        self.assertCheck(a, "contoso", "door", "ok", "AUTH LOGIN")

    def test_a_gateway_that_does_not_run_is_no_failure(self):
        a = self.preflight(expect=READY)
        self.assertCheck(a, "contoso", "door", "not-tried", "does not run", "forestgate run")
        self.assertCheck(a, None, "daemon", "not-tried", "it does not run")

    def test_our_certificate_is_judged_as_exchange_will(self):
        world = self.world
        star = world.ca.issue("*.contoso.example", file="star", new_key=RSA, days=90)
        for certificate, state, found, advice in (
                (rsa_certificate(world.ca, "old.contoso.example", days=90), "failed",
                 f"not for {GATEWAY_NAME}", "BasicAuthRequireTLS"),
                (star, "warning", f"not for {GATEWAY_NAME}", "not confirmed"),
                (world.ca.issue(GATEWAY_NAME, expired=True, file="expired", new_key=RSA),
                 "failed", "expired on", "renew"),
                (rsa_certificate(world.ca, GATEWAY_NAME, file="soon", days=9), "warning",
                 "days", "renew"),
                (self_signed(world.scratch("gateway-ca"), GATEWAY_NAME), "failed",
                 "self-signed", "UntrustedRoot"),
                (world.ca.issue(GATEWAY_NAME, file="curve", days=90), "failed", "no RSA",
                 "RSA only")):
            with self.subTest(found):
                world.certificate = certificate
                a = self.preflight("--forest", "contoso", expect=NOT_READY)
                self.assertCheck(a, "contoso", "our-certificate", state, found, advice)
                self.assertEqual(a.bad("contoso"), {"our-certificate"})

    def test_what_an_elliptic_curve_is_to_2007(self):
        self.world.certificate = self.world.ca.issue(GATEWAY_NAME, file="curve", days=90)
        a = self.preflight("--forest", "fabrikam", expect=READY)
        self.assertCheck(a, "fabrikam", "our-certificate", "ok", "no RSA")
        self.assertIn(", until 20", a.check("fabrikam", "our-certificate")["text"])

    def test_who_must_be_trusted_is_named(self):
        a = self.preflight("--forest", "contoso", expect=READY)
        self.assertCheck(a, "contoso", "our-certificate", "ok", "issued by CN=gateway CA",
                         "trusted roots")
        self.assertCheck(a, "contoso", "our-certificate", "ok", "SHA-256", "KB 938397")

    def test_a_file_that_is_no_certificate_is_told(self):
        path = self.world.scratch.write("broken.pem", "nothing of the kind\n")
        text = self.world.config_text().replace(self.certificate.cert, path)
        a = self.preflight(text=text, expect=NOT_READY)
        self.assertCheck(a, "contoso", "our-certificate", "failed", "broken.pem", "certificates")


class Behind(Case):
    """Exchange 2010; tailspin is reached through fabrikam, and old.example is shared."""

    @classmethod
    def setUpClass(cls):
        cls.world = world = PreflightWorld("preflight-behind", "2003+KB", "2010")
        cls.addClassCleanup(world.scratch.remove)
        cls.addClassCleanup(world.stop)
        cls.text = world.config_text().replace(
            "receive:\n", "  tailspin:\n    domains: { tailspin.example: authoritative, "
            '"*.old.example": authoritative }\n    deliver: [fabrikam-servers]\nreceive:\n', 1
        ).replace("contoso.example: authoritative }",
                  "contoso.example: authoritative, old.example: internal-relay }"
        ).replace("speaks_for: [fabrikam]", "speaks_for: [fabrikam, tailspin]")
        cls.hubs = [world.exchange["hub1"], world.exchange["hub2"]]
        for hub in cls.hubs:
            hub.domains += ["tailspin.example", "old.example"]
        world.exchange["mx1"].domains.append("old.example")

    def tearDown(self):
        for hub in self.hubs:
            hub.repair()
            hub.commands.clear()

    def test_each_server_is_asked_once_for_all(self):
        a = self.preflight(text=self.text, expect=READY)
        self.assertEqual((a.told["asked"], a.told["logons"]), (3, 3))
        for hub in self.hubs:
            said = [line for _, line in hub.commands]
            self.assertEqual(sum(line.startswith("AUTH") for line in said), 1)
            for domain in ("fabrikam", "tailspin", "old"):
                self.assertEqual(said.count(f"RCPT TO:<postmaster@{domain}.example>"), 1)
        self.assertCheck(a, "tailspin", "domain", "ok", subject="*.old.example")
        self.assertCheck(a, "fabrikam", "sender", "ok", subject="contoso")
        self.assertCheck(a, "tailspin", "reach", "ok")
        senders = [c["subject"] for f in a.told["forests"] for c in f["checks"]
                   if c["check"] == "sender"]
        self.assertEqual(senders, ["fabrikam", "tailspin", "contoso", "contoso"])

    def test_a_domain_behind_it_is_the_business_of_the_forest_behind(self):
        for hub in self.hubs:
            hub.refusals["RCPT TO:<postmaster@tailspin.example>"] = "550 5.7.1 Unable to relay"
        a = self.preflight(text=self.text, expect=NOT_READY)
        self.assertEqual((a.verdict("fabrikam"), a.verdict("tailspin")), ("ready", "not-ready"))
        self.assertEqual(a.bad("tailspin"), {"domain tailspin.example"})

    def test_a_shared_domain_asks_a_right_of_its_own(self):
        for hub in self.hubs:
            hub.rights.discard("own_domain_sender")
        a = self.preflight(text=self.text, expect=NOT_READY)
        self.assertEqual(a.bad("fabrikam"), {"sender contoso"})
        self.assertCheck(a, "fabrikam", "sender", "failed", "postmaster@old.example: 550 5.7.1",
                         "Accept-Authoritative-Domain-Sender", subject="contoso")

    def test_a_server_that_ends_the_session_after_five_refusals(self):
        domains = "".join(f", d{i}.example: authoritative" for i in range(8))
        text = self.text.replace("tailspin.example: authoritative,",
                                 f"tailspin.example: authoritative{domains},")
        a = self.preflight(text=text, expect=NOT_READY)
        states = [a.check("tailspin", "domain", f"d{i}.example")["state"] for i in range(8)]
        self.assertEqual(states, ["failed"] * 5 + ["not-tried"] * 3)
        self.assertCheck(a, "tailspin", "domain", "not-tried", "421 4.7.0 Too many errors",
                         subject="d5.example")
        self.assertCheck(a, "tailspin", "sender", "ok", subject="contoso")

    def test_2010_without_its_certificate(self):
        for hub in self.hubs:
            hub.turn_on("expired_certificate")
        a = self.preflight(text=self.text, expect=NOT_READY)
        for forest in ("fabrikam", "tailspin"):
            self.assertCheck(a, forest, "encryption", "failed", "X-ANONYMOUSTLS", "12014")

    def test_a_password_that_two_connectors_share_is_tried_once(self):
        text = self.text.replace(
            "send:\n", "send:\n  other-hub:\n"
            f'    servers: ["hub2.fabrikam.example:{self.hubs[1].port}"]\n'
            f"    tls: {self.world.fabrikam.tls}\n"
            f"    auth: {{ user: '{self.world.fabrikam.auth_user.upper()}', password_file: "
            f"{self.world.fabrikam.password_file} }}\n").replace(
                '"*.old.example": authoritative }\n    deliver: [fabrikam-servers]',
                '"*.old.example": authoritative }\n    deliver: [other-hub]')
        for hub in self.hubs:
            self.addCleanup(setattr, hub, "password", hub.password)
            hub.password = "another"
        a = self.preflight(text=text, expect=NOT_READY)
        self.assertEqual(sum(hub.wrong_passwords for hub in self.hubs), 1)
        self.assertEqual(a.told["logons"], 2)
        for hub in self.hubs:
            hub.wrong_passwords = 0

    def test_a_hostile_server_cannot_break_the_list(self):
        evil = "550 5.7.1 \x1b[31m no | 'x' \"y\" " + "\xe4" * 300
        for hub in self.hubs:
            hub.refusals["RCPT TO:<postmaster@old.example>"] = evil
        a = self.preflight(text=self.text, expect=NOT_READY)
        self.assertTrue(all(" " <= c <= "~" for c in a.out.strip()), a.out)
        self.assertEqual(a.bad("tailspin"), {"domain *.old.example"})


if __name__ == "__main__":
    unittest.main()
