"""Rights of connectors: each held and not held, on the way in and on the way out.

contoso logs on with one account for each set of rights; four forests lie behind send connectors
with different ones. All is one gateway.
"""

import hashlib
import os
import smtplib
import unittest

from client import smtp
from forests import GATEWAY_NAME, World, message
from gateway import forestgate
from kit import GATEWAY_IP, split_message, wait_until

OWN, FLAG = "accept-authoritative-domain-sender", "accept-authentication-flag"
ROUTING = "accept-headers-routing"
OURS = "default, accept-headers-organization, accept-headers-forest"

# Account and connector of contoso: what stands in its `rights`, and what else.
RECEIVE = {
    "plain": ("[default]", ""),
    "believed": (f"[{OURS}]", ""),
    "no-routing": (f"[{OWN}, {FLAG}]", ""),
    "any-sender": ("[default, accept-any-sender]", ""),
    "not-own": (f"[accept-any-sender, {FLAG}]", ""),
    "no-flag": (f"[{OWN}, {ROUTING}]", ""),
    "any-recipient": ("[default, accept-any-recipient]", ""),
    "small": ("[default]", "message_size: 64KiB"),
    "bypass": ("[default, bypass-message-size-limit]", "message_size: 64KiB"),
}
SEND = {
    "fabrikam": "[default]",
    "tailspin": "[default, send-headers-organization, send-headers-forest]",
    "wingtip": "none",
}
FIELDS = (b"X-MS-Exchange-Organization-SCL: -1\r\n"
          b"x-ms-exchange-forest-rules:\r\n folded\r\n"
          b"Received: from a.contoso.example by b.contoso.example; Mon, 1 Jan 2007 00:00:00 +0000\r\n"
          b"Resent-To: bob\r\n")
ORGANIZATION, FOREST = b"X-MS-Exchange-Organization-SCL", b"x-ms-exchange-forest-rules"
RECEIVED, RESENT = b"Received: from a.contoso.example", b"Resent-To: bob"

world = config = None
sinks = {}


def configure():
    """The usual configuration with its connectors replaced."""
    head = world.config_text().split("forests:\n")[0]
    forests = "  contoso: { domains: { contoso.example: authoritative }, deliver: [home] }\n"
    receive = send = ""
    for name, (rights, more) in RECEIVE.items():
        receive += f"""\
  {name}:
    listen: [main]
    networks: [127.0.1.0/24]
    speaks_for: [contoso]
    accounts: {{ {name}: {{ names: [{name}], password_hash_files: [{world.contoso.hash_file}] }} }}
    rights: {rights}
    {more}
"""
    for name, sink in sinks.items():
        send += f"""\
  {name}:
    servers: ["{sink.name}:{sink.port}"]
    tls: {world.fabrikam.tls}
    auth: {{ user: '{sink.user}', password_file: {world.fabrikam.password_file} }}
    rights: {SEND.get(name, "[default]")}
"""
        if name in SEND:
            forests += (f"  {name}: {{ domains: {{ {name}.example: authoritative }}, "
                        f"deliver: [{name}] }}\n")
    send += '    address_spaces: { "*": 10 }\n    allow_from: [fabrikam]\n'
    return f"{head}forests:\n{forests}receive:\n{receive}send:\n{send}"


def setUpModule():
    global world, config
    world = World("rights")
    world.limits = "{ message_size: 1MiB }"
    for name in (*SEND, "home", "out"):  # the last one has the address space
        sinks[name] = world.sink(world.fabrikam, f"mail.{name}.example")
    config = configure()
    world.config_text = lambda: config
    world.start()


def tearDownModule():
    if world:
        world.stop()


def client(account):
    return smtp(GATEWAY_IP, world.port, world.ca.cert, GATEWAY_NAME, account,
                world.contoso.password)


def send(account, data, to="bob@fabrikam.example", sender="anna@contoso.example", options=()):
    c = client(account)
    try:
        c.sendmail(sender, [to], data, mail_options=options)
    finally:
        c.close()


def arrives(name, mark):
    return wait_until(f"{mark} arrives at {name}", lambda: sinks[name].with_text(mark))[0]


class Headers(unittest.TestCase):
    def crosses(self, account, forest, body=b"Hello\r\n"):
        """What of FIELDS arrives; all else must, octet for octet."""
        mark = f"{account}-to-{forest}-{len(body)}-{self.id()[-12:]}"
        send(account, FIELDS + message("rights", mark, body), f"bob@{forest}.example")
        got = arrives(forest, mark)
        head, rest = split_message(got.data)
        self.assertEqual(hashlib.sha256(rest).hexdigest(), hashlib.sha256(body).hexdigest())
        for field in (b"From: x", b"To: y", b"Subject: rights", b"X-Forestgate-Trace:"):
            self.assertIn(field, head)
        self.assertIn(f" SIZE={len(got.data)}", got.mail_line + " ", "the size that was said")
        return {f for f in (ORGANIZATION, FOREST, RECEIVED, RESENT) if f in head}, head

    def test_organization_and_forest_fields_cross_only_by_both_rights(self):
        for account in ("plain", "believed"):
            for forest in ("fabrikam", "tailspin"):
                with self.subTest(account=account, forest=forest):
                    passes = (account, forest) == ("believed", "tailspin")
                    want = {RECEIVED, RESENT} | ({ORGANIZATION, FOREST} if passes else set())
                    self.assertEqual(self.crosses(account, forest)[0], want)

    def test_routing_fields_need_their_right_on_both_sides(self):
        for account, forest, ours in (("no-routing", "fabrikam", 1), ("plain", "wingtip", 0),
                                      ("believed", "wingtip", 0)):
            with self.subTest(account=account, forest=forest):
                left, head = self.crosses(account, forest)
                self.assertEqual(left, set())
                self.assertEqual(head.count(b"Received:"), ours)

    def test_hops_are_counted_before_received_is_removed(self):
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            send("no-routing", b"Received: x\r\n" * 31 + message("hops", "hops"))
        self.assertEqual(refused.exception.smtp_code, 554)

    def test_a_loop_ends_though_received_is_removed_and_its_recipient_changes(self):
        data, turns = message("grows", "grows"), 0
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            while turns <= 31:
                turns += 1
                send("plain", data, f"bob+{turns}@wingtip.example")
                (got,) = wait_until(f"turn {turns}", lambda: [
                    m for m in sinks["wingtip"].with_text("grows") if f"+{turns}@" in m.recipients[0]])
                data = got.data
                self.assertNotIn(b"Received:", data)
        self.assertEqual(refused.exception.smtp_code, 554)
        self.assertEqual(turns, 32, "limits.hops is 30")

    def test_a_large_body_passes_behind_a_filtered_header(self):
        body = os.urandom(240 * 1024).hex().encode()
        body = b"\r\n".join(body[i:i + 70] for i in range(0, len(body), 70)) + b"\r\n"
        for forest in SEND:
            with self.subTest(forest=forest):
                self.crosses("believed", forest, body)

    def test_what_waits_is_filtered_after_a_restart_too(self):
        sinks["fabrikam"].stop()
        send("believed", FIELDS + message("rights", "over-restart"))
        world.gateway.kill()
        world.gateway.start()
        sinks["fabrikam"].start()
        head = split_message(arrives("fabrikam", "over-restart").data)[0]
        self.assertNotIn(ORGANIZATION, head)
        self.assertNotIn(FOREST, head)
        self.assertIn(RECEIVED, head)


class Senders(unittest.TestCase):
    def goes_on(self, account, mark, **more):
        send(account, message("sender", mark), **more)
        return arrives("fabrikam", mark).mail_line

    def refused(self, account, **more):
        with self.assertRaises(smtplib.SMTPSenderRefused) as refused:
            send(account, message("sender", "never"), **more)
        self.assertEqual(refused.exception.smtp_code, 550)
        self.assertEqual(refused.exception.smtp_error,
                         b"5.7.1 Client does not have permissions to send as this sender")

    def test_ones_own_domains_need_their_right(self):
        self.assertNotIn("AUTH=", self.goes_on("plain", "own-held"))
        begin = world.gateway.log_size()
        self.refused("not-own")
        event = world.gateway.wait_event("sender_refused", since=begin, connector="not-own")
        self.assertIn("accept-authoritative-domain-sender", event["why"])

    def test_another_sender_is_external_without_accept_any_sender(self):
        other = "pat@elsewhere.example"
        self.assertIn("AUTH=<>", self.goes_on("plain", "any-not-held", sender=other))
        self.assertNotIn("AUTH=", self.goes_on("any-sender", "any-held", sender=other))
        self.assertIn("AUTH=<>", self.goes_on("any-sender", "any-but-anonymous", sender=other,
                                              options=["AUTH=<>"]), "carried, never made")

    def test_what_a_session_says_of_its_senders_needs_the_flag(self):
        name = ["AUTH=anna@contoso.example"]
        self.assertIn(name[0], self.goes_on("plain", "flag-held", options=name))
        self.assertIn("AUTH=<>", self.goes_on("no-flag", "flag-not-held", options=name))
        self.assertIn("AUTH=<>", self.goes_on("no-flag", "flag-not-held-unsaid"))


class Recipients(unittest.TestCase):
    def test_address_spaces_of_others_need_accept_any_recipient(self):
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
            send("plain", message("relay", "never"), "x@elsewhere.example")
        self.assertEqual(refused.exception.recipients["x@elsewhere.example"],
                         (550, b"5.7.1 Unable to relay"))
        send("any-recipient", message("relay", "relay-1"), "x@elsewhere.example")
        arrives("out", "relay-1")


class Sizes(unittest.TestCase):
    def refused_at_mail(self, account, size):
        with client(account) as c:
            code, text = c.docmd(f"MAIL FROM:<anna@contoso.example> SIZE={size}")
            return code == 552 and b"5.3.4" in text

    def test_the_limit_of_the_connector_holds_unless_it_is_bypassed(self):
        self.assertTrue(self.refused_at_mail("small", 100_000))
        self.assertFalse(self.refused_at_mail("bypass", 100_000))
        self.assertTrue(self.refused_at_mail("bypass", 2_000_000), "nobody bypasses the limits")

    def test_it_holds_for_content_whose_size_was_not_said(self):
        body = b"x" * 70 + b"\r\n"
        for account, code in (("small", 552), ("bypass", 250)):
            with self.subTest(account=account), client(account) as c:
                self.assertEqual(c.docmd("MAIL FROM:<anna@contoso.example>")[0], 250)
                self.assertEqual(c.docmd("RCPT TO:<bob@fabrikam.example>")[0], 250)
                self.assertEqual(c.data(message("size", f"size-{account}", body * 1400))[0], code)


class Tools(unittest.TestCase):
    def explain(self, account, to, *more, **how):
        code, out, err = world.gateway.command(
            "explain", "--from", "anna@contoso.example", "--to", to, "--client", "127.0.1.7",
            "--account", account, *more, **how)
        return code, " ".join(out.split()) + err

    def test_explain_says_what_is_removed_where_and_why(self):
        forged = f"Authentication-Results: {GATEWAY_NAME}; spf=pass\r\n".encode()
        path = world.scratch.write("message.eml", FIELDS + forged + message("explain", "explain"))
        code, out = self.explain("plain", "bob@wingtip.example", "--message", path)
        self.assertEqual(code, 0, out)
        for said in ("removed X-MS-Exchange-Organization-SCL: on entry, plain lacks",
                     "removed X-MS-Exchange-Organization-SCL: on leaving, wingtip lacks",
                     "removed Received: on leaving, wingtip lacks send-headers-routing",
                     "removed Authentication-Results: on entry, it claims to be ours"):
            self.assertIn(said, out)
        line = config[:config.index("rights: none")].count("\n") + 1
        self.assertIn(f"forestgate.yaml:{line}]", out)

    def test_explain_says_what_is_kept_by_which_rights(self):
        path = world.scratch.write("message.eml", FIELDS + message("explain", "explain"))
        with open(path) as f:
            code, out = self.explain("believed", "bob@tailspin.example", "--message", "-",
                                     stdin=f.read())
        self.assertEqual(code, 0, out)
        self.assertIn("kept X-MS-Exchange-Organization-SCL: believed holds", out)
        self.assertIn("and tailspin send-headers-organization", out)

    def test_explain_says_when_there_is_no_such_message(self):
        code, out = self.explain("plain", "bob@fabrikam.example", "--message", "/no/such/file")
        self.assertEqual(code, 2)
        self.assertIn("/no/such/file cannot be read", out)

    def test_check_shouts_and_the_manual_explains(self):
        code, out, err = world.gateway.command("check")
        self.assertEqual(code, 0, err)
        self.assertIn("ANY RECIPIENT is taken from", err)
        self.assertIn("ANY SENDER is taken from", err)
        manual = forestgate("manual", check=True)[1]
        self.assertIn("ms-Exch-SMTP-Accept-Authentication-Flag", manual)


if __name__ == "__main__":
    unittest.main()
