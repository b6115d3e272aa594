"""Bad input gets a clear answer and loses nothing; after each the gateway still serves."""

import base64
import os
import socket
import unittest

from client import Lost, Raw
from forests import GATEWAY_NAME, World, message
from kit import CONTOSO_IP, GATEWAY_IP, wait_until

world = sink = gateway = None

MAIL = "MAIL FROM:<anna@contoso.example>"
RCPT = "RCPT TO:<bob@fabrikam.example>"


def setUpModule():
    global world, sink, gateway
    world = World("bad-input")
    sink = world.sink(world.fabrikam)
    gateway = world.start()


def tearDownModule():
    if world:
        world.stop()


class Bad(unittest.TestCase):
    def tearDown(self):
        self.assertTrue(gateway.runs, "the gateway ended")
        world.still_serves()

    def test_commands(self):
        rows = [
            ("a line of 5000 octets", b"NOOP " + b"x" * 5000 + b"\r\n", "^5"),
            ("a line of 200000 octets", b"x" * 200000 + b"\r\n", "^5"),
            ("a NUL in a command", b"NO\0OP\r\n", "^5"),
            ("a NUL in an address", b"MAIL FROM:<an\0na@contoso.example>\r\n", "^5"),
            ("a bare LF", b"NOOP\nNOOP\r\n", "^5"),
            ("a bare CR", b"NOOP\rNOOP\r\n", "^5"),
            ("octets above 127", b"MAIL FROM:<\xe4@contoso.example>\r\n", "^5"),
            ("an empty line", b"\r\n", "^5"),
            ("an unknown verb", b"XEXCH50 12 2\r\n", "^5"),
            ("a parameter nobody knows", MAIL.encode() + b" FROB=1\r\n", "^5"),
            ("a size that is no number", MAIL.encode() + b" SIZE=abc\r\n", "^5"),
            ("a size beyond 64 bits", MAIL.encode() + b" SIZE=99999999999999999999999\r\n", "^5"),
            ("an address without an end", b"MAIL FROM:<anna@contoso.example\r\n", "^5"),
            ("a chunk outside a transaction", b"BDAT 6 LAST\r\nQUIT\r\n", "^503"),
            ("a chunk of unknown size", b"BDAT -1 LAST\r\n", "^501"),
        ]
        for say, octets, want in rows:
            with self.subTest(say), world.raw() as raw:
                raw.send(octets)
                self.assertRegex(raw.reply(), want)

    def test_logons_that_are_no_base64(self):
        rows = [
            ("a name that is no base64", ["AUTH LOGIN", "%%%"]),
            ("base64 cut short", ["AUTH LOGIN", "abc"]),
            ("a password that is no base64", ["AUTH LOGIN", "YWJj", "=="]),
            ("an initial response that is none", ["AUTH PLAIN ====="]),
            ("PLAIN without its parts", ["AUTH PLAIN " + base64.b64encode(b"abc").decode()]),
            ("a response of 20000 octets", ["AUTH LOGIN", "A" * 20000]),
        ]
        for say, lines in rows:
            with self.subTest(say), world.raw(logon=False) as raw:
                for line in lines[:-1]:
                    raw.expect(line, 334)
                self.assertRegex(raw.ask(lines[-1]), "^5")

    def refused_content(self, content):
        with world.raw() as raw:
            raw.expect(MAIL, 250)
            raw.expect(RCPT, 250)
            raw.expect("DATA", 354)
            raw.send(content + b"\r\n.\r\n")
            try:
                return raw.reply()
            except Lost:
                return "closed"

    def test_bare_newlines_in_the_content_are_refused(self):
        rows = [
            ("a bare LF", b"Subject: a\r\n\r\none\ntwo"),
            ("a bare CR", b"Subject: a\r\n\r\none\rtwo"),
            ("LF . LF", b"Subject: a\r\n\r\none\n.\nMAIL FROM:<eve@contoso.example>\r\nsmuggled"),
            ("LF . CRLF", b"Subject: a\r\n\r\none\n.\r\nRCPT TO:<x@fabrikam.example>\r\nsmuggled"),
            ("CR . CR", b"Subject: a\r\n\r\none\r.\rsmuggled"),
            ("CRLF . LF", b"Subject: a\r\n\r\none\r\n.\nsmuggled"),
        ]
        for say, content in rows:
            with self.subTest(say):
                self.assertRegex(self.refused_content(content), r"^550 5\.6\.")
        self.assertFalse(sink.with_text("smuggled"))

    def test_a_line_of_a_megabyte_in_the_content_does_no_harm(self):
        reply = self.refused_content(b"Subject: long\r\nX-Mark: long-1\r\n\r\n" + b"y" * 1_000_000)
        self.assertRegex(reply, "^(250|5)")
        if reply.startswith("250"):
            got = wait_until("it arrives", lambda: sink.with_text("long-1"))[0]
            self.assertIn(b"y" * 1_000_000, got.data)

    def test_a_message_over_the_limit_is_refused_at_its_end(self):
        line = b"z" * 998 + b"\r\n"
        reply = self.refused_content(b"Subject: big\r\n\r\n" + line * 27000)
        self.assertRegex(reply, r"^552 5\.3\.4")

    def test_too_many_received_fields_are_a_loop(self):
        reply = self.refused_content(b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n" * 31
                                     + b"Subject: hops\r\n\r\nx")
        self.assertRegex(reply, r"^5\d\d 5\.4\.6")

    def test_input_behind_starttls_is_thrown_away(self):
        begin = gateway.log_size()
        with world.raw(secure=False) as raw:
            raw.send(f"STARTTLS\r\n{MAIL}\r\n{RCPT}\r\n")
            self.assertRegex(raw.reply(), "^220")
            raw.handshake(world.ca.cert, GATEWAY_NAME)
            raw.expect("EHLO client.example", 250)
            reply = raw.login(world.contoso.user, world.contoso.password)
            self.assertRegex(reply, "^235", "an injected command was answered")
            raw.expect(RCPT, 503)
        event = gateway.wait_event("starttls_injection", since=begin)
        self.assertEqual(int(event["octets"]), len(f"{MAIL}\r\n{RCPT}\r\n"))

    def test_what_was_said_before_starttls_is_forgotten(self):
        with world.raw(secure=False) as raw:
            raw.starttls(world.ca.cert, GATEWAY_NAME)
            self.assertRegex(raw.ask(MAIL), "^5", "EHLO must be said again")

    def test_input_pipelined_behind_auth_is_the_end(self):
        with world.raw(logon=False) as raw:
            plain = base64.b64encode(
                f"\0{world.contoso.user}\0{world.contoso.password}".encode()).decode()
            raw.send(f"AUTH PLAIN {plain}\r\n{MAIL}\r\n")
            said = raw.until_closed()
            self.assertIn("503", said)
            self.assertNotIn("250 2.1.0", said)

    def test_a_handshake_that_is_none(self):
        for say, octets in (("plain text", b"EHLO again\r\n" * 3), ("zeros", bytes(300)),
                            ("a cut hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")):
            with self.subTest(say):
                begin = gateway.log_size()
                with world.raw(secure=False) as raw:
                    raw.expect("STARTTLS", 220)
                    raw.send(octets)
                gateway.wait_event("tls_failed", since=begin)

    def test_a_command_and_a_broken_record_in_one_packet_end_the_session(self):
        """The command is answered to nobody: nothing can be sealed behind a broken record."""
        for say, octets in (("no record", b"\x09garbage"), ("no key", b"\x17\x03\x03\0\x20" + bytes(32))):
            with self.subTest(say):
                begin = gateway.log_size()
                with world.raw(logon=False) as raw:
                    raw.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                    raw.send("EHLO client.example\r\n")
                    os.write(raw.sock.fileno(), octets)
                    raw.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
                    self.assertNotIn("250", raw.until_closed())
                gateway.wait_event("tls_failed", since=begin)

    def test_ten_errors_are_enough(self):
        with world.raw() as raw:
            raw.send("FROB\r\n" * 60)
            said = raw.until_closed()
            self.assertIn("421 ", said)
            self.assertLess(said.count("500 "), 30)


class Disconnects(unittest.TestCase):
    def test_a_disconnect_at_every_point_of_a_session(self):
        name = base64.b64encode(world.contoso.user.encode()).decode()
        password = base64.b64encode(world.contoso.password.encode()).decode()
        content = message("cut", "cut-1")
        lines = ["EHLO client.example", "AUTH LOGIN", name, password, MAIL, RCPT, "DATA"]
        octets = [b"".join(l.encode() + b"\r\n" for l in lines[:n]) for n in range(len(lines) + 1)]
        held_before = len(sink.messages)

        def before_tls(cut):
            with Raw(GATEWAY_IP, world.port, CONTOSO_IP) as raw:
                raw.send(b"EHLO client.example\r\nSTARTTLS\r\n"[:cut])

        def in_clear(after):
            with Raw(GATEWAY_IP, world.port, CONTOSO_IP) as raw:
                raw.expect(None, 220)
                for line in ("EHLO client.example", "STARTTLS")[:after]:
                    raw.ask(line)

        def under_tls(after, rest=b""):
            with world.raw(logon=False) as raw:
                for line in lines[:after]:
                    raw.ask(line)
                raw.send(rest)

        for cut in range(len("EHLO client.example\r\nSTARTTLS\r\n") + 1):
            before_tls(cut)
        for after in range(3):
            in_clear(after)
        for after in range(len(octets)):
            under_tls(after)
            under_tls(after, (lines + [""])[after].encode()[:3])
        for cut in (1, 10, len(content) - 2, len(content), len(content) + 1, len(content) + 2):
            under_tls(len(lines), (content + b".\r\n")[:cut])
        world.still_serves()
        self.assertTrue(gateway.runs)
        self.assertEqual(len(sink.messages), held_before, "a message without its end was taken")
        wait_until("no session is left", lambda: gateway.metric(
            "forestgate_smtp_sessions_open") == 0)

    def test_a_whole_message_is_kept_even_when_nobody_waits_for_the_reply(self):
        """The 250 may be lost; then the client sends again. What was taken is delivered."""
        with world.raw() as raw:
            raw.expect(MAIL, 250)
            raw.expect(RCPT, 250)
            raw.expect("DATA", 354)
            raw.send(message("whole", "whole-1") + b".\r\n")
            raw.expect(None, 250)
            raw.sock.close()
        wait_until("it arrives", lambda: sink.with_text("whole-1"))

    def test_many_connections_that_say_nothing_leave_room_for_others(self):
        silent = [Raw(GATEWAY_IP, world.port, CONTOSO_IP) for _ in range(15)]
        try:
            world.still_serves()
        finally:
            for raw in silent:
                raw.close()
