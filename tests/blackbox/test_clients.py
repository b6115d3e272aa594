"""What a sending server of a forest meets: swaks, smtplib and single commands."""

import base64
import smtplib
import unittest

from client import Raw, swaks
from forests import GATEWAY_NAME, World, message
from kit import CONTOSO_IP, GATEWAY_IP, STRANGER_IP, wait_until

world = sink = gateway = None


def setUpModule():
    global world, sink, gateway
    world = World("clients")
    world.contoso.servers = ["mx1.contoso.example:1"]
    sink = world.sink(world.fabrikam)
    gateway = world.start()


def tearDownModule():
    if world:
        world.stop()


def one_swaks(*arguments, password=None, mechanism="LOGIN", tls=True, to="bob@fabrikam.example"):
    logon = ["--auth", mechanism, "--auth-user", world.contoso.user, "--auth-password",
             password or world.contoso.password] if mechanism else []
    return swaks(GATEWAY_IP, world.port, *(["--tls"] if tls else []), *logon,
                 "--from", "anna@contoso.example", "--to", to, *arguments)


class Swaks(unittest.TestCase):
    def test_login_and_plain_pass(self):
        for mechanism in ("LOGIN", "PLAIN"):
            with self.subTest(mechanism):
                code, said = one_swaks("--h-X-Mark", f"swaks-{mechanism}", mechanism=mechanism)
                self.assertEqual(code, 0, said)
                self.assertIn("235 2.7.0", said)
                self.assertRegex(said, r"<~\s+250 2\.6\.0 ")
                wait_until("it arrives", lambda m=mechanism: sink.with_text(f"swaks-{m}"))

    def test_a_wrong_password_is_535(self):
        for mechanism in ("LOGIN", "PLAIN"):
            with self.subTest(mechanism):
                begin = gateway.log_size()
                code, said = one_swaks(mechanism=mechanism, password="wrong")
                self.assertEqual(code, 28, said)
                self.assertIn("535 5.7.3 Authentication unsuccessful", said)
                event = gateway.wait_event("auth_failed", since=begin)
                self.assertNotIn("wrong-password-text", str(event))

    def test_without_tls_there_is_no_auth_and_no_mail(self):
        code, said = one_swaks(tls=False)
        self.assertNotEqual(code, 0)
        self.assertNotIn("250-AUTH", said)
        code, said = one_swaks(tls=False, mechanism=None)
        self.assertEqual(code, 23, said)
        self.assertIn("530 5.7.0", said)

    def test_without_a_logon_mail_is_refused(self):
        code, said = one_swaks(mechanism=None)
        self.assertEqual(code, 23, said)
        self.assertIn("530 5.7.1", said)

    def test_a_recipient_of_no_forest_is_refused(self):
        begin = gateway.log_size()
        code, said = one_swaks(to="somebody@elsewhere.example")
        self.assertEqual(code, 24, said)
        self.assertIn("550 5.7.1 Unable to relay", said)
        event = gateway.wait_event("recipient_refused", since=begin)
        self.assertEqual(event["to"], "somebody@elsewhere.example")

    def test_a_recipient_of_the_own_forest_is_refused(self):
        code, said = one_swaks(to="zoe@contoso.example")
        self.assertEqual(code, 24, said)
        self.assertIn("550 5.4.6", said)


class Smtplib(unittest.TestCase):
    def test_several_messages_cross_in_one_session(self):
        client = world.client(world.contoso)
        for i in range(5):
            client.sendmail("anna@contoso.example", ["bob@fabrikam.example"],
                            message("session", f"session-{i}."))
        client.quit()
        for i in range(5):
            wait_until("it arrives", lambda i=i: len(sink.with_text(f"session-{i}.")) == 1)

    def test_the_body_arrives_byte_for_byte(self):
        body = b".\r\n..x\r\n" + bytes(range(0x80, 0x100)) + b"\r\n\t \r\n\r\n" + b"w" * 998 + b"\r\n"
        for repeat, mark in ((1, "exact-small"), (300, "exact-large")):
            data = message("exact", mark, body * repeat)
            world.send("anna@contoso.example", "bob@fabrikam.example", data)
            got = wait_until("it arrives", lambda m=mark: sink.with_text(f"X-Mark: {m}"))[0].data
            with self.subTest(mark):
                self.assertTrue(got.endswith(data), "what was sent is the end of what arrived")
                added = got[:-len(data)].decode("ascii")
                names = [l.split(":")[0] for l in added.splitlines() if l[0] not in " \t"]
                self.assertEqual(names.count("Received"), 1, added)

    def test_size_is_advertised_and_enforced(self):
        client = world.client(world.contoso)
        self.assertEqual(int(client.esmtp_features["size"]), 25 * 1024 * 1024)
        code, text = client.mail("anna@contoso.example", ["SIZE=99999999"])
        self.assertEqual((code, text[:5]), (552, b"5.3.4"))
        client.quit()

    def test_the_greeting_is_as_promised(self):
        client = world.client(world.contoso)
        keywords = set(client.esmtp_features)
        self.assertLessEqual({"pipelining", "8bitmime", "enhancedstatuscodes", "size", "auth",
                              "chunking", "dsn"}, keywords)
        self.assertNotIn("smtputf8", keywords, "no send connector takes it")
        self.assertNotIn("xexch50", keywords, "no connector has the right")
        self.assertNotIn("starttls", keywords)
        client.quit()
        with world.raw(secure=False) as raw:
            lines = raw.ask("EHLO client.example").splitlines()
            self.assertIn("250-STARTTLS", lines)
            self.assertFalse([l for l in lines if "AUTH" in l], "AUTH before TLS")
            self.assertNotRegex(lines[-1], "STARTTLS|AUTH")
        with world.raw(logon=False) as raw:
            lines = raw.ask("EHLO client.example").splitlines()
            self.assertIn("250-AUTH=LOGIN", lines)
            self.assertNotRegex(lines[-1], "AUTH")


class Single(unittest.TestCase):
    def test_the_banner_is_one_line(self):
        with Raw(GATEWAY_IP, world.port, CONTOSO_IP) as raw:
            self.assertEqual(raw.line(), f"220 {GATEWAY_NAME} ESMTP forestgate")

    def test_a_stranger_gets_nowhere(self):
        begin = gateway.log_size()
        with Raw(GATEWAY_IP, world.port, STRANGER_IP) as raw:
            reply = raw.reply()
            self.assertRegex(reply, "^[45]")
        gateway.wait_event("session_refused", since=begin, client=STRANGER_IP)

    def test_logon_with_an_initial_response_and_its_cancellation(self):
        name = base64.b64encode(world.contoso.user.encode()).decode()
        password = base64.b64encode(world.contoso.password.encode()).decode()
        plain = base64.b64encode(
            f"\0{world.contoso.user}\0{world.contoso.password}".encode()).decode()
        with world.raw(logon=False) as raw:
            raw.expect("AUTH LOGIN", 334)
            raw.expect("*", 501)
            raw.expect(f"AUTH LOGIN {name}", 334)
            raw.expect(password, 235)
        with world.raw(logon=False) as raw:
            raw.expect("AUTH PLAIN", 334)
            raw.expect(plain, 235)
            raw.expect(f"AUTH PLAIN {plain}", 503)
        with world.raw(logon=False) as raw:
            raw.expect("AUTH CRAM-MD5", 504)
            raw.expect(f"AUTH PLAIN {plain}", 235)

    def test_three_wrong_passwords_close_the_session(self):
        with world.raw(logon=False) as raw:
            for _ in range(2):
                self.assertRegex(raw.login(world.contoso.user, "wrong"), "^535")
            raw.login(world.contoso.user, "wrong")
            raw.until_closed()
        world.still_serves()

    def test_the_account_of_one_forest_does_not_work_from_the_other(self):
        with world.raw(world.fabrikam, logon=False) as raw:
            self.assertRegex(raw.login(world.contoso.user, world.contoso.password), "^535")

    def test_postmaster_without_a_domain_is_taken(self):
        with world.raw(world.fabrikam) as raw:
            raw.expect("MAIL FROM:<bob@fabrikam.example>", 250)
            raw.expect("RCPT TO:<postmaster>", 250)
            raw.expect("RSET", 250)

    def test_pipelined_commands_are_answered_in_order(self):
        with world.raw() as raw:
            raw.send("MAIL FROM:<anna@contoso.example>\r\nRCPT TO:<bob@fabrikam.example>\r\n"
                     "RCPT TO:<x@elsewhere.example>\r\nDATA\r\n")
            self.assertEqual([raw.reply()[:3] for _ in range(4)], ["250", "250", "550", "354"])
            raw.send(message("pipelined", "pipelined-1") + b".\r\nNOOP\r\nQUIT\r\n")
            self.assertEqual([raw.reply()[:3] for _ in range(3)], ["250", "250", "221"])
        wait_until("it arrives", lambda: sink.with_text("pipelined-1"))

    def test_single_verbs(self):
        rows = [("NOOP", 250), ("RSET", 250), ("VRFY bob", 252), ("HELP", 214),
                ("RCPT TO:<bob@fabrikam.example>", 503), ("DATA", 503), ("FROB", 500),
                ("STARTTLS", 5), ("MAIL FROM:<broken", 501), ("QUIT", 221)]
        with world.raw() as raw:
            for line, code in rows:
                with self.subTest(line):
                    raw.expect(line, code)

    def test_too_many_recipients_leave_the_first_ones_standing(self):
        with world.raw() as raw:
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            for i in range(100):
                raw.expect(f"RCPT TO:<user{i}@fabrikam.example>", 250)
            self.assertRegex(raw.ask("RCPT TO:<one-more@fabrikam.example>"), r"^452 4\.5\.3")
            raw.expect("RSET", 250)


class Auth(unittest.TestCase):
    def test_auth_parameter_is_carried_and_never_upgraded(self):
        """AUTH=<> leaves as AUTH=<>; a sender of the forest without AUTH= gets none."""
        for parameter, mark in (("AUTH=<>", "auth-empty"), ("", "auth-none")):
            client = world.client(world.contoso)
            client.mail("anna@contoso.example", [parameter] if parameter else [])
            client.rcpt("bob@fabrikam.example")
            client.data(message("auth", mark))
            client.quit()
            line = wait_until("it arrives", lambda m=mark: sink.with_text(m))[0].mail_line
            with self.subTest(mark):
                self.assertEqual("AUTH=<>" in line, bool(parameter), line)

    def test_a_foreign_sender_is_external(self):
        client = world.client(world.contoso)
        try:
            client.sendmail("stranger@elsewhere.example", ["bob@fabrikam.example"],
                            message("foreign", "foreign-1"))
            client.quit()
        except smtplib.SMTPException as e:
            self.fail(f"foreign_sender is external by default, but: {e}")
        line = wait_until("it arrives", lambda: sink.with_text("foreign-1"))[0].mail_line
        self.assertIn("AUTH=<>", line)
