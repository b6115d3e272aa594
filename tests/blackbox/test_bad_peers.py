"""Servers that misbehave: the mail stays queued with a clear cause, and leaves when they are
repaired. Every row is one server of the forest fabrikam, repaired at the end of its row."""

import re
import threading
import time
import unittest

from forests import World, message
from kit import FABRIKAM_IP, self_signed, wait_until
from sink import DROP, RESET, Gone

world = sink = home = gateway = good = None
row_number = 0


def setUpModule():
    global world, sink, home, gateway, good
    world = World("bad-peers")
    good = world.fabrikam.ca.issue("hub1.fabrikam.example", file="good")
    sink = world.sink(world.fabrikam, certificate=good)
    home = world.sink(world.contoso)
    gateway = world.start()


def tearDownModule():
    if world:
        world.stop()


def repair():
    sink.script.clear()
    sink.use(good)
    sink.password = world.fabrikam.peer_password
    sink.mechanisms = ["LOGIN", "PLAIN"]


class Waits(unittest.TestCase):
    """One row: break the server, send, look at queue and log, repair, retry, delivered."""

    def row(self, say, cause, break_it, while_broken=None):
        global row_number
        row_number += 1
        mark = f"row-{row_number}."
        with self.subTest(say):
            sink.stop()  # kept-open connections end, so that the row begins with a banner
            sink.start()
            sink.wrong_passwords = 0
            begin = gateway.log_size()
            break_it()
            try:
                queue_id = world.send("anna@contoso.example", "bob@fabrikam.example",
                                      message(say, mark))
                event = wait_until(
                    f"a failure in the log: {say}",
                    lambda: gateway.events("server_failed", begin)
                    + gateway.events("connector_suspended", begin)
                    + gateway.events("delivery", begin, id=queue_id, outcome="deferred"))
                shown = wait_until(f"queue show says {cause}", lambda: self.shows(queue_id, cause))
                self.assertRegex(gateway.log_text(begin), cause, "the log says why")
                self.assertIn("bob@fabrikam.example", shown)
                self.assertFalse(gateway.events("delivery", begin, id=queue_id,
                                                outcome="bounced"), "it must wait, not bounce")
                self.assertFalse(sink.with_text(mark), event)
                self.assertNotIn(world.fabrikam.peer_password, gateway.log_text(begin))
                if while_broken:
                    while_broken()
            finally:
                repair()
            gateway.retry()
            wait_until(f"delivered after repair: {say}", lambda: sink.with_text(mark))
            gateway.wait_event("delivery", since=begin, id=queue_id, outcome="delivered")

    @staticmethod
    def shows(queue_id, cause):
        code, out, err = gateway.command("queue", "show", queue_id)
        if code != 0:
            raise AssertionError(f"queue show exited with {code}: {err}")
        return out if re.search(cause, out) else None

    def script(self, **stages):
        return lambda: sink.script.update({k.replace("_", "-"): v for k, v in stages.items()})

    def test_nobody_listens(self):
        begin = gateway.log_size()
        sink.stop()
        queue_id = world.send("anna@contoso.example", "bob@fabrikam.example",
                              message("down", "nobody-listens"))
        gateway.wait_event("server_failed", since=begin)
        wait_until("queue show says why", lambda: self.shows(queue_id, "(?i)refused|connect"))
        sink.start()
        wait_until("delivered after retry", lambda: sink.with_text("nobody-listens"))

    def test_certificates(self):
        ca, name = world.fabrikam.ca, "hub1.fabrikam.example"
        rows = [
            ("expired", "(?i)expired", ca.issue(name, file="expired", expired=True)),
            ("another name", "(?i)name|hub1", ca.issue("other.fabrikam.example", file="other")),
            ("self-signed", "(?i)self.signed", self_signed(world.scratch.path, name)),
            ("of another authority", "(?i)issuer|chain|verif", world.contoso.ca.issue(
                name, file="foreign")),
        ]
        for say, cause, certificate in rows:
            self.row(f"certificate {say}", cause, lambda c=certificate: sink.use(c))

    def test_no_starttls(self):
        def break_it():
            sink.context = None
        self.row("no STARTTLS", "(?i)STARTTLS", break_it)

    def test_starttls_fails(self):
        self.row("STARTTLS refused", "454", self.script(
            starttls=b"454 4.7.0 TLS not available\r\n"))
        self.row("no handshake behind 220", "(?i)handshake|tls|ssl", self.script(
            handshake=b"this is no TLS at all\r\n"))
        self.row("closed in place of the handshake", "(?i)handshake|closed|lost|tls", self.script(
            handshake=DROP))

    def test_no_login(self):
        def none():
            sink.mechanisms = []

        def others():
            sink.mechanisms = ["GSSAPI", "NTLM"]
        self.row("no AUTH", "(?i)AUTH|LOGIN", none)
        self.row("neither LOGIN nor PLAIN", "(?i)LOGIN", others)
        self.row("AUTH with an empty list", "(?i)AUTH|LOGIN", self.script(
            ehlo_tls=b"250-hub1.fabrikam.example\r\n250-AUTH\r\n250 SIZE\r\n"))

    def test_only_plain_is_enough(self):
        sink.stop()
        sink.start()
        sink.mechanisms = ["PLAIN"]
        try:
            world.send("anna@contoso.example", "bob@fabrikam.example", message("p", "only-plain"))
            wait_until("delivered", lambda: sink.with_text("only-plain"))
        finally:
            repair()

    def test_wrong_password(self):
        def break_it():
            sink.password = "changed yesterday"

        def few_attempts():
            """More mail and four turns of the timetable: no account is locked by that."""
            for i in range(5):
                world.send("anna@contoso.example", "bob@fabrikam.example",
                           message("more", f"locked-{i}."))
            time.sleep(4)  # that nothing happens takes its time to see
            self.assertLessEqual(sink.wrong_passwords, 2)

        begin = gateway.log_size()
        self.row("wrong password", "535", break_it, few_attempts)
        self.assertTrue(gateway.events("connector_suspended", begin), "an alarm is raised")
        for i in range(5):
            wait_until("the others follow", lambda i=i: sink.with_text(f"locked-{i}."))

    def test_temporary_failure_of_logon(self):
        self.row("454 at AUTH", "454", self.script(
            auth=b"454 4.7.0 Temporary authentication failure\r\n"))

    def test_refusals_before_mail(self):
        rows = [
            ("554 banner", "554", {"banner": b"554 5.3.2 no service here\r\n"}),
            ("421 banner", "421", {"banner": b"421 4.3.2 too many connections\r\n"}),
            ("550 at EHLO", "550", {"ehlo": b"550 5.7.1 not you\r\n"}),
            ("EHLO unknown", "500", {"ehlo": b"500 5.3.3 Unrecognized command\r\n"}),
            ("closed at once", "(?i)closed|lost", {"banner": DROP}),
            ("reset at EHLO", "(?i)reset|closed|lost", {"ehlo": RESET}),
        ]
        for say, cause, script in rows:
            self.row(say, cause, lambda s=script: sink.script.update(s))

    def test_transient_refusals(self):
        rows = [
            ("451 at MAIL", "451", {"mail": b"451 4.3.0 try later\r\n"}),
            ("452 at MAIL", "452", {"mail": b"452 4.3.1 Insufficient system resources\r\n"}),
            ("450 at RCPT", "450", {"rcpt": b"450 4.2.1 mailbox busy\r\n"}),
            ("451 at DATA", "451", {"data": b"451 4.3.0 try later\r\n"}),
            ("451 behind the dot", "451", {"content": b"451 4.3.0 try later\r\n"}),
            ("no right to send as", "5.7.1", {
                "mail": b"550 5.7.1 Client does not have permissions to send as this sender\r\n"}),
        ]
        for say, cause, script in rows:
            self.row(say, cause, lambda s=script: sink.script.update(s))

    def test_lost_in_the_middle(self):
        rows = [
            ("421 at MAIL", "421", {"mail": b"421 4.3.2 going down\r\n"}),
            ("421 at RCPT", "421", {"rcpt": b"421 4.3.2 going down\r\n"}),
            ("421 behind the dot", "421", {"content": b"421 4.3.2 going down\r\n"}),
            ("dropped at MAIL", "(?i)closed|lost", {"mail": DROP}),
            ("dropped at RCPT", "(?i)closed|lost", {"rcpt": DROP}),
            ("dropped at DATA", "(?i)closed|lost", {"data": DROP}),
            ("dropped behind the dot", "(?i)closed|lost", {"content": DROP}),
            ("reset behind the dot", "(?i)reset|closed|lost", {"content": RESET}),
        ]
        for say, cause, script in rows:
            self.row(say, cause, lambda s=script: sink.script.update(s))

    def test_replies_of_every_malformed_shape(self):
        shapes = {
            "no digits": b"hello there\r\n",
            "two digits": b"25 ok\r\n",
            "four digits": b"2500 ok\r\n",
            "code 199": b"199 what\r\n",
            "code 600": b"600 what\r\n",
            "codes that differ": b"250-one\r\n220 two\r\n",
            "a NUL": b"250 o\0k\r\n",
            "an empty line": b"\r\n",
            "a line without an end": b"250 " + b"x" * 70000 + b"\r\n",
            "lines without end": b"250-more\r\n" * 5000 + b"250 done\r\n",
            "octets above 127 and no code": b"\xff\xfe\xfd\r\n",
        }
        for say, octets in shapes.items():
            self.row(f"{say} at the banner", "(?i)repl|malformed|syntax|octets|line", self.script(
                banner=octets))
        for stage in ("ehlo", "starttls", "auth", "mail", "rcpt", "data"):
            self.row(f"no reply at {stage}", "(?i)repl|malformed|syntax|octets|line", self.script(
                **{stage: b"what?\r\n"}))

    def test_unexpected_codes(self):
        for stage, octets in (("banner", b"250 hello\r\n"), ("data", b"250 go on\r\n"),
                              ("auth", b"250 fine\r\n"), ("starttls", b"250 fine\r\n")):
            self.row(f"{octets!r} at {stage}", "250", self.script(**{stage: octets}))


class Bounces(unittest.TestCase):
    """Only a refusal of a recipient or of the content comes back."""

    def setUp(self):
        sink.stop()
        sink.start()
        self.addCleanup(repair)

    def test_permanent_refusals_of_recipient_and_content_are_reported(self):
        rows = [
            ("550 at RCPT", {"rcpt": b"550 5.1.1 User unknown\r\n"}, b"5.1.1"),
            ("552 at MAIL", {"mail": b"552 5.3.4 Message size exceeds\r\n"}, b"5.3.4"),
            ("554 at DATA", {"data": b"554 5.6.0 no\r\n"}, b"5.6.0"),
            ("554 behind the dot", {"content": b"554 5.6.0 content refused\r\n"}, b"5.6.0"),
        ]
        for i, (say, script, status) in enumerate(rows):
            with self.subTest(say):
                sink.script.update(script)
                mark = f"bounced-{i}."
                queue_id = world.send("anna@contoso.example", "bob@fabrikam.example",
                                      message(say, mark))
                gateway.wait_event("delivery", id=queue_id, outcome="bounced")
                report = wait_until("the report", lambda m=mark: [
                    r for r in home.with_text(m) if b"multipart/report" in r.data])[0]
                self.assertEqual(report.sender, "")
                self.assertIn(b"Status: " + status, report.data)
                repair()

    def test_a_message_refused_in_its_middle_does_not_cost_the_server_the_next_one(self):
        heard = threading.Event()

        def refuses(session, argument):
            session.send(b"354 go on\r\n")
            session.read_octets(2000)
            session.send(b"552 5.3.4 too big\r\n")
            heard.wait(60)  # reading nothing: the end of the message is not said
            raise Gone

        self.addCleanup(repair)
        begin = gateway.log_size()
        sink.script["data"] = refuses
        world.send("anna@contoso.example", "bob@fabrikam.example",
                   message("middle", "middle", b"line\r\n" * 3000000))
        gateway.wait_event("delivery", since=begin, outcome="bounced")
        heard.set()
        repair()
        small = world.send("anna@contoso.example", "bob@fabrikam.example",
                           message("middle", "behind the middle"))
        gateway.wait_event("delivery", id=small, outcome="delivered")
        self.assertFalse(gateway.events("server_failed", since=begin))

    def test_recipients_are_told_apart(self):
        def answer(session, argument):
            if "gone@" in argument:
                return b"550 5.1.1 User unknown\r\n"
            if "busy@" in argument and busy.is_set():
                return b"450 4.2.1 later\r\n"
            return None
        busy = threading.Event()
        busy.set()
        sink.script["rcpt"] = answer
        to = ["gone@fabrikam.example", "busy@fabrikam.example", "good@fabrikam.example"]
        queue_id = world.send("anna@contoso.example", to, message("apart", "apart-1"))
        for who, outcome in zip(to, ("bounced", "deferred", "delivered")):
            gateway.wait_event("delivery", id=queue_id, to=who, outcome=outcome)
        busy.clear()
        gateway.wait_event("delivery", id=queue_id, to="busy@fabrikam.example",
                           outcome="delivered")
        self.assertEqual(sorted(r for m in sink.with_text("apart-1") for r in m.recipients),
                         ["busy@fabrikam.example", "good@fabrikam.example"])

    def test_too_many_recipients_are_split(self):
        def answer(session, argument):
            return b"452 4.5.3 Too many recipients\r\n" if len(session.recipients) >= 10 else None
        sink.script["rcpt"] = answer
        to = [f"user{i:02}@fabrikam.example" for i in range(25)]
        world.send("anna@contoso.example", to, message("split", "split-1"))
        wait_until("all arrive", lambda: sum(
            len(m.recipients) for m in sink.with_text("split-1")) == 25)
        self.assertEqual(sorted(r for m in sink.with_text("split-1") for r in m.recipients), to)
        self.assertEqual(len(sink.with_text("split-1")), 3)


class Servers(unittest.TestCase):
    def test_one_connection_carries_many_messages(self):
        sink.stop()
        sink.start()
        before = sink.connections
        for i in range(10):
            world.send("anna@contoso.example", "bob@fabrikam.example",
                       message("kept", f"kept-{i}."))
            wait_until("it arrives", lambda i=i: sink.with_text(f"kept-{i}."))
        self.assertEqual(sink.connections - before, 1)

    def test_a_second_address_of_a_name_is_a_second_server(self):
        """The first address refuses connections; mail takes the second without delay."""
        other = "127.0.2.2"
        world.names.hosts["hub1.fabrikam.example"] = [other, FABRIKAM_IP]
        self.addCleanup(world.names.hosts.update, {"hub1.fabrikam.example": [FABRIKAM_IP]})
        world.send("anna@contoso.example", "bob@fabrikam.example", message("two", "two-1"))
        wait_until("it arrives", lambda: sink.with_text("two-1"))
