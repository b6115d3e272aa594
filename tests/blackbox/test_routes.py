"""Where mail goes: third forests, several servers, loops. A gateway for each test."""

import smtplib
import unittest

from forests import World, message
from kit import FABRIKAM_IP, GATEWAY_IP, can_connect, wait_until


class Case(unittest.TestCase):
    def setUp(self):
        self.world = World("routes")
        self.addCleanup(self.world.scratch.remove)
        self.addCleanup(self.world.stop)
        self.home = self.world.sink(self.world.contoso)

    def start(self, change=lambda text: text):
        """Start on the usual configuration, changed."""
        text = change(self.world.config_text())
        self.world.config_text = lambda: text
        return self.world.start()

    def send(self, mark, to="bob@fabrikam.example", **more):
        return self.world.send("anna@contoso.example", to, message("routes", mark, **more))

    def arrives(self, sink, mark):
        return wait_until(f"{mark} arrives at {sink.name}", lambda: sink.with_text(mark))[0]


class Forests(Case):
    def test_a_third_forest_is_reached_through_the_second(self):
        hub = self.world.sink(self.world.fabrikam)

        def change(text):
            return text.replace("receive:\n", """\
  tailspin:
    domains: { "*.tailspin.example": authoritative }
    deliver: [fabrikam-servers]
receive:
""").replace("speaks_for: [fabrikam]", "speaks_for: [fabrikam, tailspin]")
        self.start(change)
        self.send("third-1", "ted@tailspin.example")
        self.send("third-2", "ted@deep.down.tailspin.example")
        self.assertEqual(self.arrives(hub, "third-1").recipients, ["ted@tailspin.example"])
        self.arrives(hub, "third-2")
        client = self.world.client(self.world.fabrikam)
        client.sendmail("ted@tailspin.example", ["anna@contoso.example"],
                        message("back", "third-3"))
        client.quit()
        line = self.arrives(self.home, "third-3").mail_line
        self.assertNotIn("AUTH=<>", line, "fabrikam speaks for tailspin")

    def test_a_hairpin_never_leads_back_to_the_servers_it_came_from(self):
        def change(text):
            return text.replace("    deliver: [contoso-servers]\n",
                                "    deliver: [contoso-servers]\n    hairpin: allow\n")
        self.start(change)
        # A name: only its address shows that this is where the message came from.
        self.send("hairpin-1", "kim@contoso.example")
        self.world.gateway.wait_event("delivery", outcome="bounced", to="kim@contoso.example")
        report = self.arrives(self.home, "hairpin-1")
        self.assertEqual(report.recipients, ["anna@contoso.example"])
        self.assertIn("5.4.6", str(report.data))

    def test_recipients_of_two_forests_part(self):
        hub = self.world.sink(self.world.fabrikam)
        other = self.world.sink(self.world.fabrikam, "mail.tailspin.example")

        def change(text):
            server = f"mail.tailspin.example:{other.port}"
            text = text.replace(f', "{server}"', "")
            return text.replace("receive:\n", """\
  tailspin:
    domains: { tailspin.example: authoritative }
    deliver: [tailspin-servers]
receive:
""") + f"""\
  tailspin-servers:
    servers: ["{server}"]
    tls: {self.world.fabrikam.tls}
    auth: {{ user: '{self.world.fabrikam.auth_user}', password_file: {self.world.fabrikam.password_file} }}
"""
        self.start(change)
        self.send("part-1", ["bob@fabrikam.example", "ted@tailspin.example"])
        self.assertEqual(self.arrives(hub, "part-1").recipients, ["bob@fabrikam.example"])
        self.assertEqual(self.arrives(other, "part-1").recipients, ["ted@tailspin.example"])

    def test_foreign_senders_are_refused_where_the_connector_says_so(self):
        self.world.sink(self.world.fabrikam)
        self.start(lambda text: text.replace("    speaks_for: [contoso]\n",
                                             "    speaks_for: [contoso]\n"
                                             "    foreign_sender: refuse\n"))
        client = self.world.client(self.world.contoso)
        with self.assertRaises(smtplib.SMTPSenderRefused) as refused:
            client.sendmail("stranger@elsewhere.example", ["bob@fabrikam.example"],
                            message("refuse", "refuse-1"))
        self.assertEqual(refused.exception.smtp_code, 550)
        client.close()
        self.send("refuse-2")

    def test_a_message_that_comes_back_is_a_loop(self):
        hub = self.world.sink(self.world.fabrikam)
        gateway = self.start()
        self.send("loop-1")
        passed = self.arrives(hub, "loop-1").data
        client = self.world.client(self.world.contoso)
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            client.sendmail("anna@contoso.example", ["bob@fabrikam.example"], passed)
        self.assertEqual(refused.exception.smtp_code, 554)
        self.assertIn(b"5.4.6", refused.exception.smtp_error)
        client.close()
        gateway.wait_event("loop_found")
        client = self.world.client(self.world.contoso)
        client.sendmail("anna@contoso.example", ["carl@fabrikam.example"], passed)
        client.quit()
        wait_until("another recipient is no loop", lambda: len(hub.with_text("loop-1")) == 2)


class Servers(Case):
    def test_a_server_that_is_down_is_passed_over_without_delay(self):
        first = self.world.sink(self.world.fabrikam, "hub1.fabrikam.example")
        second = self.world.sink(self.world.fabrikam, "hub2.fabrikam.example")
        gateway = self.start()
        self.send("fail-1")
        self.arrives(first, "fail-1")
        self.assertFalse(second.messages, "failover is the default: the order given")
        first.stop()
        queue_id = self.send("fail-2")
        self.arrives(second, "fail-2")
        self.assertFalse(gateway.events("delivery", id=queue_id, outcome="deferred"))
        first.start()
        wait_until("the first one is used again", lambda: (
            self.send("fail-3"), first.with_text("fail-3"))[1], 30, 0.2)

    def test_a_server_that_refuses_logons_is_passed_over(self):
        first = self.world.sink(self.world.fabrikam, "hub1.fabrikam.example")
        second = self.world.sink(self.world.fabrikam, "hub2.fabrikam.example")
        first.script["banner"] = b"554 5.3.2 no service\r\n"
        self.start()
        self.send("banner-1")
        self.arrives(second, "banner-1")

    def test_round_robin_uses_all_servers(self):
        sinks = [self.world.sink(self.world.fabrikam, f"hub{i}.fabrikam.example")
                 for i in (1, 2, 3)]
        self.world.fabrikam.extra = "    balance: round-robin\n"
        self.start()
        # One after the other: a single kept connection could carry them all. How soon the others
        # are there is a matter of names and handshakes; then all get their part.
        for i in range(60):
            self.send(f"round-{i}.")
            wait_until("it arrives", lambda: sum(len(s.messages) for s in sinks) == i + 1)
            counts = [len(s.messages) for s in sinks]
            if min(counts) >= 4:
                break
        self.assertGreaterEqual(min(counts), 4, counts)

    def test_a_name_that_does_not_exist_waits_with_that_cause(self):
        hub = self.world.sink(self.world.fabrikam)
        del self.world.names.hosts[hub.name]
        gateway = self.start()
        queue_id = self.send("name-1")
        event = gateway.wait_event("server_failed")
        self.assertIn(hub.name, event["server"])
        self.assertRegex(event["why"], "(?i)name|dns|address")
        self.assertRegex(gateway.command("queue", "show", queue_id)[1], "(?i)name|dns|address")
        self.world.names.hosts[hub.name] = [FABRIKAM_IP]
        # That there is no such name is remembered for some seconds.
        wait_until("it arrives", lambda: (gateway.retry(), hub.with_text("name-1"))[1], 30, 0.5)


class Clear(Case):
    def test_clear_connections_need_an_explicit_word_and_are_shouted_about(self):
        hub = self.world.sink(self.world.fabrikam)
        gateway = self.start(lambda text: text.replace(
            "    speaks_for: [contoso]\n",
            "    speaks_for: [contoso]\n    tls: { require: false }\n"))
        gateway.wait_event("tls_not_required", connector="contoso-servers")
        self.assertEqual(gateway.metric("forestgate_smtp_clear_connectors"), 1)
        with self.world.raw(secure=False) as raw:
            reply = raw.login(self.world.contoso.user, self.world.contoso.password)
            self.assertRegex(reply, "^235")
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            raw.expect("RCPT TO:<bob@fabrikam.example>", 250)
            raw.expect("DATA", 354)
            raw.send(message("clear", "clear-1") + b".\r\n")
            raw.expect(None, 250)
        received = self.arrives(hub, "clear-1").data.split(b"Received:")[1]
        self.assertIn(b"ESMTPA", received)
        self.assertNotIn(b"TLS", received.split(b"\r\nFrom:")[0])
        self.assertTrue(can_connect(GATEWAY_IP, self.world.port))
