"""Mail crosses between two forests: Postfix is contoso's server, Exim is fabrikam's."""

import email
import hashlib
import re
import unittest

from client import smtp
from forests import GATEWAY_NAME, World, message
from kit import split_message, wait_until

world = postfix = exim = gateway = None


def setUpModule():
    global world, postfix, exim, gateway
    world = World("crossing")
    postfix, exim = world.postfix(), world.exim()
    exim.start()
    postfix.start()
    gateway = world.start()


def tearDownModule():
    if world:
        world.stop()


def submit(peer, sender, recipients, data):
    """Hand a message to one of the forest's own servers, as a mail program would."""
    ca = world.contoso.ca if peer is postfix else world.fabrikam.ca
    client = smtp(peer.address, peer.port, ca.cert, peer.name, peer.user, peer.password,
                  peer.address)
    refused = client.sendmail(sender, recipients, data)
    client.quit()
    assert not refused, refused


def received_by_gateway(raw):
    """The Received fields that the gateway added."""
    return [f for f in email.message_from_bytes(raw).get_all("Received", [])
            if f"by {GATEWAY_NAME}" in f]


class Crossing(unittest.TestCase):
    def crosses(self, origin, sender, target, recipient, mark):
        submit(origin, sender, [recipient], message("crossing", mark))
        raw = target.mail.wait_for(f"X-Mark: {mark}")
        fields = received_by_gateway(raw)
        self.assertEqual(len(fields), 1, raw)
        self.assertIn("ESMTPSA", fields[0])
        self.assertRegex(fields[0], r"TLSv?1\.3")
        self.assertRegex(fields[0], r"TLS_[A-Z0-9_]+")
        queue_id = re.search(r"\bid ([0-9A-Z]{13})\b", fields[0])
        self.assertTrue(queue_id, fields[0])
        received = gateway.wait_event("received", id=queue_id[1])
        self.assertEqual((received["account"], received["from"], received["recipients"]),
                         ("svc-forestgate", sender, "1"))
        self.assertRegex(received["tls"], r"1\.3")
        delivery = gateway.wait_event("delivery", id=queue_id[1])
        self.assertEqual((delivery["outcome"], delivery["to"]), ("delivered", recipient))
        self.assertTrue(delivery["reply"].startswith("250"), delivery)
        self.assertRegex(delivery["tls"], r"1\.3")
        self.assertTrue(delivery["cipher"], delivery)
        self.assertIn(target.name, delivery["server"])
        return raw

    def test_mail_crosses_from_postfix_to_exim(self):
        self.crosses(postfix, "anna@contoso.example", exim, "bob@fabrikam.example", "p-to-e")
        self.assertRegex(exim.log(), rf"<= anna@contoso.example .*A=login:{exim.user}")

    def test_mail_crosses_from_exim_to_postfix(self):
        self.crosses(exim, "bob@fabrikam.example", postfix, "anna@contoso.example", "e-to-p")
        self.assertRegex(postfix.log(), rf"sasl_method=LOGIN, sasl_username={postfix.user}")

    def test_the_sending_servers_logged_on_with_login_over_tls(self):
        self.crosses(postfix, "anna@contoso.example", exim, "bob@fabrikam.example", "logon-1")
        self.crosses(exim, "bob@fabrikam.example", postfix, "anna@contoso.example", "logon-2")
        for connector in ("contoso-servers", "fabrikam-servers"):
            event = gateway.events("auth_ok", connector=connector)
            self.assertTrue(event, f"nobody logged on at {connector}")
            self.assertEqual(event[0]["mechanism"].upper(), "LOGIN")
            self.assertIn("svc-forestgate", event[0]["name"])

    def test_bodies_pass_byte_for_byte(self):
        bodies = {
            "dots": b".\r\n..\r\n.x\r\nx.\r\n...\r\n",
            "blanks": b" \r\n\t\r\ntrailing  \r\n\r\n\r\n",
            "long": b"x" * 990 + b"\r\n" + b"y" * 990 + b"\r\n",
            "octets": bytes(range(0x80, 0x100)) + b"\r\n\xe4\xf6\xfc\r\n",
            "header-like": b"Received: from nowhere\r\nX-MS-Exchange-Organization-SCL: 9\r\n\r\n",
            "empty": b"",
            "dot-first-in-many": b".line\r\n" * 5000,
        }
        extra = b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n"
        for name, body in bodies.items():
            submit(postfix, "anna@contoso.example", ["bob@fabrikam.example"],
                   message(name, f"body-to-exim-{name}.", body, extra))
            submit(exim, "bob@fabrikam.example", ["anna@contoso.example"],
                   message(name, f"body-to-postfix-{name}.", body, extra))
        for name, body in bodies.items():
            for target, mark in ((exim, "to-exim"), (postfix, "to-postfix")):
                with self.subTest(f"{name} {mark}"):
                    raw = target.mail.wait_for(f"X-Mark: body-{mark}-{name}.")
                    self.assertEqual(hashlib.sha256(split_message(raw)[1]).hexdigest(),
                                     hashlib.sha256(body).hexdigest())

    def test_a_large_message_crosses_whole(self):
        line = b"0123456789abcdef" * 4 + b"\r\n"
        body = line * (6 * 1024 * 1024 // len(line))
        submit(postfix, "anna@contoso.example", ["bob@fabrikam.example"],
               message("large", "large-1", body))
        raw = exim.mail.wait_for("X-Mark: large-1", 40)
        self.assertEqual(hashlib.sha256(split_message(raw)[1]).digest(),
                         hashlib.sha256(body).digest())

    def test_all_recipients_of_a_forest_go_in_one_transaction(self):
        to = [f"user{i}@fabrikam.example" for i in range(5)]
        world.send("anna@contoso.example", to, message("many", "many-1"))
        exim.mail.wait_for("X-Mark: many-1")
        arrivals = [l for l in exim.log().splitlines() if " <= " in l and all(t in l for t in to)]
        self.assertEqual(len(arrivals), 1, "one arrival at Exim with all five recipients")

    def test_trust_fields_of_the_other_forest_are_stripped(self):
        extra = (b"X-MS-Exchange-Organization-SCL: -1\r\n"
                 b"x-ms-exchange-organization-authas: Internal\r\n"
                 b"X-MS-Exchange-Organization-Folded: one\r\n\ttwo\r\n"
                 b"X-MS-Exchange-Forest-Thing: 1\r\n"
                 b"X-MS-Has-Attach: yes\r\nKept: yes\r\n")
        for origin, sender, target, to in (
                (postfix, "anna@contoso.example", exim, "bob@fabrikam.example"),
                (exim, "bob@fabrikam.example", postfix, "anna@contoso.example")):
            mark = f"firewall-{target.name}"
            submit(origin, sender, [to], message("firewall", mark, extra=extra))
            head = split_message(target.mail.wait_for(f"X-Mark: {mark}"))[0].lower()
            with self.subTest(target.name):
                self.assertNotIn(b"x-ms-exchange-organization-", head)
                self.assertNotIn(b"x-ms-exchange-forest-", head)
                self.assertNotIn(b"\ttwo", head)
                self.assertIn(b"kept: yes", head)
                self.assertIn(b"x-ms-has-attach: yes", head)

    def test_mail_waits_while_a_server_is_down_and_is_delivered_after(self):
        exim.stop()
        try:
            begin = gateway.log_size()
            queue_id = world.send("anna@contoso.example", "bob@fabrikam.example",
                                  message("down", "down-1"))
            gateway.wait_event("server_failed", since=begin)
            code, out, err = gateway.command("queue", "show", queue_id)
            self.assertEqual(code, 0, err)
            self.assertIn("bob@fabrikam.example", out)
            code, out, _ = gateway.command("queue", "list", "--messages")
            self.assertIn(queue_id, out)
        finally:
            exim.start()
        exim.mail.wait_for("X-Mark: down-1")
        gateway.wait_event("delivery", id=queue_id, outcome="delivered")
        wait_until("the queue no longer holds it", lambda: queue_id not in gateway.command(
            "queue", "list", "--messages")[1])

    def test_kill_9_with_mail_in_the_queue_loses_nothing(self):
        exim.stop()
        marks = [f"kill-{i}." for i in range(20)]
        try:
            big = b"z" * 70 + b"\r\n"
            for i, mark in enumerate(marks):
                body = big * 5000 if i % 5 == 0 else b"small\r\n"
                world.send("anna@contoso.example", "bob@fabrikam.example",
                           message("kill", mark, body))
            gateway.kill()
            gateway.start()
            opened = gateway.wait_event("spool_opened")
            self.assertGreaterEqual(int(opened["recovered"]), len(marks))
        finally:
            exim.start()
        for mark in marks:
            with self.subTest(mark):
                found = exim.mail.wait_for(f"X-Mark: {mark}", 30, count=1)
                self.assertTrue(found)
        self.assertEqual([len(exim.mail.with_text(f"X-Mark: {m}")) for m in marks],
                         [1] * len(marks))


class Reports(unittest.TestCase):
    def report_at(self, maildir, mark, seconds=30):
        """The delivery report about the message with this mark, parsed."""
        def look():
            for raw in maildir.with_text(mark):
                parsed = email.message_from_bytes(raw)
                if parsed.get_content_type() == "multipart/report":
                    return parsed
            return None
        return wait_until(f"a report about {mark} in {maildir.path}", look, seconds)

    def check_report(self, report, recipient, status):
        self.assertEqual(report.get_param("report-type"), "delivery-status")
        self.assertRegex(report["From"], "(?i)postmaster|mailer-daemon")
        self.assertTrue(report["Subject"] and report["Date"] and report["Message-ID"])
        parts = [p.get_content_type() for p in report.get_payload()]
        self.assertEqual(parts[:2], ["text/plain", "message/delivery-status"])
        self.assertIn(parts[2], ("message/rfc822", "text/rfc822-headers"))
        status_part = report.get_payload()[1].get_payload()
        self.assertIn(GATEWAY_NAME, status_part[0]["Reporting-MTA"])
        group = status_part[1]
        self.assertIn(recipient, group["Final-Recipient"])
        self.assertEqual(group["Action"], "failed")
        self.assertEqual(group["Status"], status)
        self.assertTrue(group["Diagnostic-Code"].startswith("smtp;"), group["Diagnostic-Code"])
        self.assertIn(recipient, report.get_payload()[0].get_payload())

    def test_an_unknown_user_comes_back_as_a_report(self):
        for origin, sender, target, domain in (
                (postfix, "anna@contoso.example", exim, "fabrikam.example"),
                (exim, "bob@fabrikam.example", postfix, "contoso.example")):
            mark = f"bounce-from-{origin.name}"
            submit(origin, sender, [f"nobody@{domain}"], message("bounce", mark))
            with self.subTest(origin.name):
                report = self.report_at(origin.mail, mark)
                self.check_report(report, f"nobody@{domain}", "5.1.1")
                self.assertIn(sender, report["To"])
                self.assertIn("Return-Path: <>".lower(),
                              origin.mail.with_text(mark)[-1].decode("latin-1").lower())

    def test_good_recipients_are_delivered_when_another_bounces(self):
        to = ["bob@fabrikam.example", "nobody@fabrikam.example", "carl@fabrikam.example"]
        queue_id = world.send("anna@contoso.example", to, message("mixed", "mixed-1"))
        exim.mail.wait_for("X-Mark: mixed-1")
        report = self.report_at(postfix.mail, "mixed-1")
        self.check_report(report, "nobody@fabrikam.example", "5.1.1")
        self.assertEqual(len(report.get_payload()[1].get_payload()), 2, "one recipient failed")
        outcomes = wait_until("three outcomes", lambda: len(
            o := {(e["to"], e["outcome"]) for e in gateway.events("delivery", id=queue_id)}) == 3
            and o)
        self.assertEqual(outcomes, {("bob@fabrikam.example", "delivered"),
                                    ("nobody@fabrikam.example", "bounced"),
                                    ("carl@fabrikam.example", "delivered")})

    def test_no_report_is_made_about_a_report(self):
        begin = gateway.log_size()
        client = world.client(world.contoso)
        client.sendmail("", ["nobody@fabrikam.example"], message("null", "null-1"))
        client.quit()
        event = gateway.wait_event("delivery", since=begin, to="nobody@fabrikam.example")
        self.assertEqual(event["outcome"], "bounced")
        gateway.wait_event("report_dropped", since=begin)
        self.assertFalse(gateway.events("report_queued", since=begin))


