"""Delivery reports as the sender asked for them (RFC 3461): NOTIFY, RET, ENVID and ORCPT."""

import email
import unittest

from forests import World, message
from kit import wait_until

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"
GONE = "gone@fabrikam.example"


def hand_in(world, mark, recipients, mail=(), body=b"Hello\r\n", extra=b"", sender=ANNA):
    """recipients: [(address, [option, ...]), ...]. The message, and its queue id."""
    data = message("dsn", mark, body, extra)
    client = world.client(world.fabrikam if sender == BOB else world.contoso)
    begin = world.gateway.log_size()
    code, text = client.mail(sender, list(mail))
    assert code == 250, text
    for address, options in recipients:
        code, text = client.rcpt(address, options)
        assert code == 250, text
    code, text = client.data(data)
    assert code == 250, text
    client.close()
    return data, world.gateway.wait_event("received", since=begin)["id"]


def groups_of(report):
    """The fields about the message, and those about each recipient."""
    first, *rest = report.get_payload()[1].get_payload()
    return first, {g["Final-Recipient"].split(";")[1].strip(): g for g in rest}


class Reported:
    """A forest of scripted servers; what contoso's own server gets are the reports."""

    keywords = ["SIZE 52428800", "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"]

    @classmethod
    def setUpClass(cls):
        cls.world = World("dsn")
        cls.hop = cls.world.sink(cls.world.fabrikam)
        cls.hop.keywords = cls.keywords
        cls.hop.script["rcpt"] = lambda session, to: (
            b"550 5.1.1 User unknown\r\n" if "<gone" in to else None)
        cls.home = cls.world.sink(cls.world.contoso)
        cls.gateway = cls.world.start()

    @classmethod
    def tearDownClass(cls):
        cls.world.stop()

    def reports(self):
        return [email.message_from_bytes(m.data) for m in self.home.messages]

    def report(self, queue_id):
        """The one report about this message, as it came, and parsed."""
        made = self.gateway.wait_event("report_queued", id=queue_id)
        found = wait_until("the report arrives", lambda: self.home.with_text(
            f"{made['report']}.report@"))[0]
        parsed = email.message_from_bytes(found.data)
        self.assertEqual((found.sender, found.recipients), ("", [ANNA]))
        self.assertEqual(parsed.get_content_type(), "multipart/report")
        self.assertEqual(parsed.get_payload()[1].get_content_type(), "message/delivery-status")
        return found, parsed

    def is_over_without_report(self, queue_id, outcomes):
        for to, outcome in outcomes.items():
            self.gateway.wait_event("delivery", id=queue_id, to=to, outcome=outcome)
        wait_until("the queue no longer holds it", lambda: queue_id not in self.gateway.command(
            "queue", "list", "--messages")[1])
        self.assertFalse(self.gateway.events("report_queued", id=queue_id))


class WithoutDsn(Reported, unittest.TestCase):
    """The next server does not report deliveries."""

    def test_dsn_is_offered(self):
        client = self.world.client(self.world.contoso)
        self.assertIn("dsn", client.esmtp_features)
        client.close()

    def test_success_is_told_as_relayed(self):
        _, queue_id = hand_in(self.world, "relayed-1",
                              [(BOB, ["NOTIFY=SUCCESS", "ORCPT=rfc822;Bob+2Bx@fabrikam.example"])],
                              ["RET=FULL", "ENVID=QQ+2B1"])
        _, report = self.report(queue_id)
        about, to = groups_of(report)
        self.assertEqual(about["Original-Envelope-Id"], "QQ+1")
        self.assertEqual((to[BOB]["Action"], to[BOB]["Status"]), ("relayed", "2.1.9"))
        self.assertEqual(to[BOB]["Original-Recipient"], "rfc822; Bob+x@fabrikam.example")
        self.assertEqual(to[BOB]["Remote-MTA"], f"dns; {self.hop.name}")
        self.assertTrue(to[BOB]["Diagnostic-Code"].startswith("smtp; 250 2.6.0"))
        self.assertEqual(report.get_payload()[2].get_content_type(), "text/rfc822-headers")
        (got,) = self.hop.with_text("relayed-1")
        self.assertNotRegex(got.mail_line + got.rcpt_lines[0], "RET|ENVID|NOTIFY|ORCPT")
        self.assertGreaterEqual(self.gateway.metric("forestgate_reports_total", kind="relayed"), 1)

    def test_one_report_tells_each_recipient_its_own(self):
        _, queue_id = hand_in(self.world, "mixed-2", [
            (BOB, ["NOTIFY=SUCCESS,FAILURE"]), ("carl@fabrikam.example", []),
            (GONE, ["NOTIFY=FAILURE"]), ("gone2@fabrikam.example", ["NOTIFY=NEVER"]),
            ("gone3@fabrikam.example", [])])
        _, report = self.report(queue_id)
        _, to = groups_of(report)
        self.assertEqual({a: g["Action"] for a, g in to.items()},
                         {BOB: "relayed", GONE: "failed", "gone3@fabrikam.example": "failed"})
        self.assertTrue(report["Subject"].startswith("Undeliverable"))
        self.assertEqual(len(self.gateway.events("report_queued", id=queue_id)), 1)

    def test_each_success_is_told_once_however_the_message_is_split(self):
        """A server that takes one recipient at a time, and one that it takes at the second try."""
        tries = {}

        def answer(session, to):
            address = to[to.index("<") + 1:to.index(">")]
            tries[address] = tries.get(address, 0) + 1
            if session.recipients:
                return b"452 4.5.3 Too many recipients\r\n"
            return b"451 4.2.1 Later\r\n" if "later" in to and tries[address] < 3 else None

        before = self.hop.script["rcpt"]
        self.addCleanup(self.hop.script.__setitem__, "rcpt", before)
        self.hop.script["rcpt"] = answer
        wanted = [f"{name}@fabrikam.example" for name in ("one", "later", "two", "three")]
        _, queue_id = hand_in(self.world, "split-1", [(a, ["NOTIFY=SUCCESS"]) for a in wanted])
        for address in wanted:
            self.gateway.wait_event("delivery", id=queue_id, to=address, outcome="delivered")
        wait_until("the queue no longer holds it", lambda: queue_id not in self.gateway.command(
            "queue", "list", "--messages")[1])
        told = []
        for made in self.gateway.events("report_queued", id=queue_id):
            found = wait_until("the report arrives", lambda m=made: self.home.with_text(
                f"{m['report']}.report@"))[0]
            _, to = groups_of(email.message_from_bytes(found.data))
            told += [(address, group["Action"]) for address, group in to.items()]
        self.assertEqual(sorted(told), sorted((a, "relayed") for a in wanted))

    def test_never_is_never(self):
        _, queue_id = hand_in(self.world, "never-1",
                              [(BOB, ["NOTIFY=NEVER"]), (GONE, ["NOTIFY=NEVER"])])
        self.is_over_without_report(queue_id, {BOB: "delivered", GONE: "bounced"})
        dropped = self.gateway.wait_event("report_dropped", id=queue_id)
        self.assertEqual(dropped["to"], GONE)
        self.assertIn("NOTIFY", dropped["why"])

    def test_only_what_was_asked_for_is_told(self):
        _, queue_id = hand_in(self.world, "other-1",
                              [(BOB, ["NOTIFY=FAILURE,DELAY"]), (GONE, ["NOTIFY=SUCCESS"])])
        self.is_over_without_report(queue_id, {BOB: "delivered", GONE: "bounced"})

    def test_the_null_sender_hears_nothing(self):
        _, queue_id = hand_in(self.world, "null-1", [(BOB, ["NOTIFY=SUCCESS"])], sender="")
        self.is_over_without_report(queue_id, {BOB: "delivered"})

    def test_the_whole_message_comes_back_octet_for_octet(self):
        bodies = {
            "small": b"Hello\r\n.\r\n..dots\r\n\r\n--=_\r\n",
            "eight": bytes(range(128, 256)) + b"\r\n",
            "file": b"0123456789abcdef" * 4 + b"\r\n",
        }
        bodies["file"] *= 1024 * 1024 // len(bodies["file"])
        for name, body in bodies.items():
            with self.subTest(name):
                data, queue_id = hand_in(
                    self.world, f"full-{name}.", [(GONE, [])], ["RET=FULL"], body,
                    b"X-MS-Exchange-Organization-SCL: 1\r\n")
                found, report = self.report(queue_id)
                part = report.get_payload()[2]
                self.assertEqual(part.get_content_type(), "message/rfc822")
                boundary = report.get_boundary().encode()
                last = found.data.split(b"\r\n--" + boundary)[3]
                kept = data.replace(b"X-MS-Exchange-Organization-SCL: 1\r\n", b"")
                self.assertTrue(last.endswith(kept), last[:2000])
                self.assertEqual("8bit" in str(report["Content-Transfer-Encoding"]),
                                 name == "eight")

    def test_only_the_header_comes_back_otherwise(self):
        large = b"0123456789abcdef" * 4 + b"\r\n"
        large *= 5 * 1024 * 1024 // len(large)
        for mark, mail, body in (("hdrs-1", ["RET=HDRS"], b"Hello\r\n"),
                                 ("unsaid-1", [], b"Hello\r\n"),
                                 ("large-1", ["RET=FULL"], large)):
            with self.subTest(mark):
                _, queue_id = hand_in(self.world, mark, [(GONE, [])], mail, body)
                found, report = self.report(queue_id)
                part = report.get_payload()[2]
                self.assertEqual(part.get_content_type(), "text/rfc822-headers")
                self.assertIn(f"X-Mark: {mark}", part.get_payload())
                self.assertNotIn(body[:16], found.data.split(b"text/rfc822-headers")[1])


class WithDsn(Reported, unittest.TestCase):
    """The next server reports deliveries itself."""

    keywords = Reported.keywords + ["DSN"]

    def test_options_are_passed_on_as_they_came_and_success_is_not_ours(self):
        _, queue_id = hand_in(self.world, "passed-1", [
            (BOB, ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Bob+2Bx@fabrikam.example"]),
            ("carl@fabrikam.example", []), ("dora@fabrikam.example", ["NOTIFY=NEVER"])],
            ["RET=HDRS", "ENVID=QQ+2B1"])
        self.is_over_without_report(queue_id, {BOB: "delivered"})
        (got,) = self.hop.with_text("passed-1")
        self.assertIn(" RET=HDRS", got.mail_line)
        self.assertIn(" ENVID=QQ+2B1", got.mail_line)
        bob, carl, dora = got.rcpt_lines
        self.assertIn(" ORCPT=rfc822;Bob+2Bx@fabrikam.example", bob)
        self.assertEqual(set(bob.split("NOTIFY=")[1].split()[0].split(",")), {"SUCCESS", "DELAY"})
        self.assertNotRegex(carl, "NOTIFY|ORCPT")
        self.assertIn(" NOTIFY=NEVER", dora)

    def test_what_it_refuses_is_ours_to_tell(self):
        _, queue_id = hand_in(self.world, "refused-1", [(GONE, ["NOTIFY=SUCCESS,FAILURE"])])
        _, report = self.report(queue_id)
        _, to = groups_of(report)
        self.assertEqual((to[GONE]["Action"], to[GONE]["Status"]), ("failed", "5.1.1"))


class NarrowWayBack(Reported, unittest.TestCase):
    """The sender's own server takes little, and no 8-bit content."""

    def test_what_the_way_back_does_not_take_is_left_out_and_the_report_arrives(self):
        self.home.keywords = ["SIZE 150000", "ENHANCEDSTATUSCODES"]
        hand_in(self.world, "learn-1", [(ANNA, [])], sender=BOB)
        wait_until("its server is known", lambda: self.home.with_text("learn-1"))
        for mark, body in (("wide-1", "Käse\r\n".encode()), ("wide-2", b"Hello, Anna\r\n" * 12000)):
            with self.subTest(mark):
                _, queue_id = hand_in(self.world, mark, [(GONE, [])], ["RET=FULL"], body)
                part = self.report(queue_id)[1].get_payload()[2]
                self.assertEqual(part.get_content_type(), "text/rfc822-headers")


class Utf8(unittest.TestCase):
    """Addresses beyond ASCII (RFC 6533)."""

    @classmethod
    def setUpClass(cls):
        cls.world = World("dsn-utf8")
        cls.world.contoso.extra = cls.world.fabrikam.extra = "    smtputf8: true\n"
        cls.hop, cls.home = (cls.world.sink(f) for f in (cls.world.fabrikam, cls.world.contoso))
        for sink in (cls.hop, cls.home):
            sink.keywords = Reported.keywords + ["SMTPUTF8"]
        cls.hop.script["rcpt"] = b"550 5.1.1 User unknown\r\n"
        cls.gateway = cls.world.start()

    @classmethod
    def tearDownClass(cls):
        cls.world.stop()

    def report(self, mark, sender):
        with self.world.raw() as raw:
            for line in (f"MAIL FROM:<{sender}> SMTPUTF8", "RCPT TO:<böb@fabrikam.example>"):
                raw.send(f"{line}\r\n".encode())
                self.assertTrue(raw.reply().startswith("250"), line)
            raw.expect("DATA", 354)
            raw.send(message("dsn", mark, "Käse\r\n".encode()) + b".\r\n")
            self.assertTrue(raw.reply().startswith("250"))
        return wait_until("the report arrives", lambda: self.home.with_text(mark))[0]

    def test_a_sender_with_an_ascii_address_gets_an_ascii_report(self):
        found = self.report("utf8-1", ANNA)
        found.data.decode("ascii")
        original = email.message_from_bytes(found.data).get_payload()[2]
        self.assertEqual(original.get_content_type(), "message/global-headers")
        self.assertIn(b"for <b=C3=B6b@fabrikam.example>", found.data.replace(b"=\r\n", b""))
        self.assertNotIn("SMTPUTF8", found.mail_line)
        self.assertIn(b"\r\nFinal-Recipient: utf-8; b\\x{F6}b@fabrikam.example\r\n", found.data)

    def test_a_sender_who_needs_utf8_gets_it(self):
        found = self.report("utf8-2", "änna@contoso.example")
        self.assertIn(" SMTPUTF8", found.mail_line)
        self.assertIn("\r\nFinal-Recipient: utf-8; böb@fabrikam.example\r\n".encode(), found.data)
        self.assertIn(b"message/global-delivery-status", found.data)


class Real(unittest.TestCase):
    """Postfix is contoso's server, Exim is fabrikam's."""

    @classmethod
    def setUpClass(cls):
        cls.world = World("dsn-real")
        cls.postfix, cls.exim = cls.world.postfix(), cls.world.exim()
        cls.exim.start()
        cls.postfix.start()
        cls.gateway = cls.world.start()

    @classmethod
    def tearDownClass(cls):
        cls.world.stop()

    def success(self, sender, recipient, mark, home):
        """What became of a message with NOTIFY=SUCCESS: our events, and the report."""
        _, queue_id = hand_in(self.world, mark, [(recipient, ["NOTIFY=SUCCESS"])],
                              [f"ENVID={mark}"], sender=sender)
        self.gateway.wait_event("delivery", id=queue_id, outcome="delivered")
        raw = home.mail.wait_for(mark, 30)
        return queue_id, groups_of(email.message_from_bytes(raw))[1]

    def test_the_report_of_postfix_comes_back_through_us(self):
        begin = self.gateway.log_size()
        queue_id, to = self.success(BOB, ANNA, "to-postfix-1", self.exim)
        self.assertEqual(list(to.values())[0]["Action"], "delivered")
        self.assertFalse(self.gateway.events("report_queued", id=queue_id))
        back = self.gateway.wait_event("delivery", since=begin, to=BOB)
        self.assertEqual((back["from"], back["outcome"]), ("<>", "delivered"))

    def test_the_report_of_exim_comes_back_through_us(self):
        queue_id, to = self.success(ANNA, BOB, "to-exim-1", self.postfix)
        self.assertEqual(list(to.values())[0]["Action"].split()[0], "delivered")
        self.assertFalse(self.gateway.events("report_queued", id=queue_id))


class RealWithout(unittest.TestCase):
    """Exim offers no DSN unless it is told to."""

    @classmethod
    def setUpClass(cls):
        cls.world = World("dsn-exim")
        cls.exim, cls.home = cls.world.exim(), cls.world.sink(cls.world.contoso)
        cls.exim.dsn = False
        cls.exim.start()
        cls.gateway = cls.world.start()

    @classmethod
    def tearDownClass(cls):
        cls.world.stop()

    def test_we_tell_of_success_for_it(self):
        _, queue_id = hand_in(self.world, "exim-2", [(BOB, ["NOTIFY=SUCCESS"])])
        self.gateway.wait_event("report_queued", id=queue_id, kind="relayed")
        found = wait_until("the report", lambda: self.home.with_text("X-Mark: exim-2"))[0]
        _, to = groups_of(email.message_from_bytes(found.data))
        self.assertEqual(to[BOB]["Action"], "relayed")
        self.assertEqual(to[BOB]["Remote-MTA"], f"dns; {self.exim.name}")
