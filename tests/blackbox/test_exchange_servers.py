"""The Exchange personalities as servers: what their tables say is what they do.

No gateway here: what the other tests rest on must hold by itself."""

import socket
import ssl
import unittest

from client import Lost, Raw
from exchange import corpus
from exchange.facts import MASKED_STARTTLS
from exchange.server import ExchangeServer
from exchange.wire import HandClock
from kit import CONTOSO_IP, FABRIKAM_IP, Authority, Scratch, wait_until
from legacy import old_client, rsa_certificate

NAME, DOMAIN, USER = "hub1.fabrikam.example", "fabrikam.example", "svc@fabrikam.example"
PASSWORD = "standin-Passw0rd"

authority = certificate = None


def setUpModule():
    global authority, certificate
    scratch = Scratch("exchange-servers")
    authority = Authority(scratch("ca"), "fabrikam")
    certificate = rsa_certificate(authority, NAME)


class Served(unittest.TestCase):
    """With a server of a personality, and raw clients of it."""

    def serve(self, who, **more):
        server = ExchangeServer(who, NAME, FABRIKAM_IP, certificate, [DOMAIN], USER, PASSWORD, **more)
        self.addCleanup(server.stop)
        return server.start()

    def open_server(self, who, **more):
        """Neither TLS nor a logon is demanded, but both can be had."""
        server = self.serve(who, **more)
        server.needs_tls = server.needs_auth = server.basic_needs_tls = False
        return server

    def raw(self, server):
        raw = Raw(server.address, server.port, CONTOSO_IP)
        self.addCleanup(raw.close)
        return raw

    def greeted(self, server):
        raw = self.raw(server)
        raw.expect(None, 220)
        raw.expect("EHLO gw.contoso.example", 250)
        return raw

    def secured(self, server):
        raw = self.greeted(server)
        raw.expect("STARTTLS", 220)
        context = old_client(authority.cert)
        context.options |= 0x4  # to a server that does not know RFC 5746
        raw.sock = context.wrap_socket(raw.sock, server_hostname=NAME)
        raw.list = raw.expect("EHLO gw.contoso.example", 250).split("\n")
        return raw

    def logged_on(self, server):
        raw = self.secured(server)
        self.assertTrue(raw.login(USER, PASSWORD).startswith("235"))
        return raw

    def begun(self, raw, recipient="bob@fabrikam.example", mail=""):
        raw.expect(f"MAIL FROM:<anna@contoso.example>{mail}", 250)
        raw.expect(f"RCPT TO:<{recipient}>", 250)


class Words(Served):
    def test_banners(self):
        for who, form in (
                ("2000", rf"220 {NAME} Microsoft ESMTP MAIL Service, Version: 5\.0\.2195\.\d+ ready "
                         r"at  \w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4} "),
                ("2003", r".*Version: 6\.0\.3790\.\d+ ready at  .* "),
                ("2007", rf"220 {NAME} Microsoft ESMTP MAIL Service ready at \w{{3}}, .*\d")):
            with self.subTest(who):
                self.assertRegex(self.raw(self.serve(who)).line(), f"^{form}$")

    def test_the_list_of_2003_before_and_after_tls(self):
        server = self.serve("2003+KB")
        raw = self.raw(server)
        raw.expect(None, 220)
        before = raw.expect("EHLO gw.contoso.example", 250).split("\n")
        self.assertEqual(before[0], f"250-{NAME} Hello [{CONTOSO_IP}]")
        self.assertEqual(before[-1], "250 OK")
        for line in ("250-8bitmime", "250-TLS", "250-STARTTLS", "250-AUTH GSSAPI NTLM", "250-TURN"):
            self.assertIn(line, before)
        after = self.secured(server).list
        self.assertNotIn("250-STARTTLS", after)
        for line in ("250-AUTH GSSAPI NTLM LOGIN", "250-AUTH=LOGIN", "250-X-EXPS=LOGIN",
                     "250-XEXCH50"):
            self.assertIn(line, after)
            self.assertEqual(line in before, line == "250-XEXCH50")

    def test_the_list_of_2007_shows_login_after_tls_only(self):
        server = self.serve("2007")
        raw = self.raw(server)
        raw.expect(None, 220)
        before = raw.expect("EHLO gw.contoso.example", 250)
        after = "\n".join(self.secured(server).list)
        self.assertIn("STARTTLS\n250-X-ANONYMOUSTLS\n250-AUTH NTLM\n", before)
        self.assertNotIn("TLS", after)
        self.assertIn("250-AUTH NTLM LOGIN\n", after)
        self.assertTrue(after.endswith("250 XEXCH50"))
        self.assertTrue("\n".join(self.secured(self.serve("2010")).list).endswith("250 XSHADOW"))

    def test_refusals_before_tls_and_logon(self):
        for who in ("2003+KB", "2007"):
            with self.subTest(who):
                raw = self.raw(self.serve(who))
                raw.expect(None, 220)
                self.assertEqual(raw.ask("MAIL FROM:<a@b.example>"), "503 5.5.2 Send hello first")
                self.assertEqual(raw.ask("EHLO"), "501 5.5.4 Invalid domain name")
                raw.expect("EHLO gw.contoso.example", 250)
                self.assertEqual(raw.ask("MAIL FROM:<a@b.example>"),
                                 "530 5.7.0 Must issue a STARTTLS command first")
                self.assertEqual(raw.ask("AUTH PLAIN AGEAYg=="),
                                 "504 5.7.4 Unrecognized authentication type")
                raw = self.secured(self.serve(who))
                self.assertEqual(raw.ask("MAIL FROM:<a@b.example>"),
                                 "530 5.7.1 Client was not authenticated")

    def test_a_logon_in_two_steps_in_one_and_cancelled(self):
        server = self.serve("2007")
        raw = self.secured(server)
        self.assertEqual(raw.ask("AUTH LOGIN"), "334 VXNlcm5hbWU6")
        self.assertTrue(raw.ask("*").startswith("501"))
        self.assertEqual(raw.ask("AUTH LOGIN c3ZjQGZhYnJpa2FtLmV4YW1wbGU="), "334 UGFzc3dvcmQ6")
        self.assertEqual(raw.ask("d3Jvbmc="), "535 5.7.3 Authentication unsuccessful")
        self.assertEqual(raw.login(USER, PASSWORD), "235 2.7.0 Authentication successful")
        self.assertEqual(server.wrong_passwords, 1)
        self.assertNotIn("d3Jvbmc", server.said())

    def test_without_submit_the_right_password_is_wrong(self):
        server = self.serve("2007")
        server.rights.discard("submit")
        self.assertTrue(self.secured(server).login(USER, PASSWORD).startswith("535"))

    def test_three_wrong_logons_and_five_errors_end_the_session_of_2007(self):
        raw = self.secured(self.serve("2007"))
        for _ in range(3):
            self.assertTrue(raw.login(USER, "wrong").startswith("535"))
        self.assertTrue(raw.line().startswith("421 4.7.0"))
        raw = self.greeted(self.serve("2007"))
        for _ in range(5):
            raw.expect("XYZZY", 500)
        self.assertTrue(raw.line().startswith("421 4.7.0"))

    def test_replies_to_a_good_message(self):
        for who, wanted in (
                ("2003+KB", ["250 2.1.0 anna@contoso.example....Sender OK",
                             "250 2.1.5 bob@fabrikam.example ",
                             "354 Start mail input; end with <CRLF>.<CRLF>",
                             "250 2.6.0 <1@x> Queued mail for delivery",
                             f"221 2.0.0 {NAME} Service closing transmission channel"]),
                ("2007", ["250 2.1.0 Sender OK", "250 2.1.5 Recipient OK",
                          "354 Start mail input; end with <CRLF>.<CRLF>",
                          "250 2.6.0 <1@x> [InternalId=1] Queued mail for delivery",
                          "221 2.0.0 Service closing transmission channel"])):
            with self.subTest(who):
                raw = self.logged_on(self.serve(who))
                got = [raw.ask("MAIL FROM:<anna@contoso.example> SIZE=40"),
                       raw.ask("RCPT TO:<bob@fabrikam.example>"), raw.ask("DATA")]
                raw.send("Message-ID: <1@x>\r\n\r\nx\r\n.\r\n")
                got += [raw.reply(), raw.ask("QUIT")]
                self.assertEqual(got, wanted)

    def test_refusals_of_senders_and_recipients(self):
        for who, relay in (("2003+KB", "550 5.7.1 Unable to relay for x@elsewhere.example"),
                           ("2007", "550 5.7.1 Unable to relay")):
            with self.subTest(who):
                server = self.serve(who)
                raw = self.logged_on(server)
                self.assertEqual(raw.ask("MAIL FROM:<a@b.example> SIZE=99999999"),
                                 "552 5.3.4 Message size exceeds fixed maximum message size")
                raw.expect("MAIL FROM:<a@b.example>", 250)
                self.assertEqual(raw.ask("RCPT TO:<x@elsewhere.example>"), relay)
                self.assertEqual(raw.ask("RCPT TO:<nobody@fabrikam.example>"),
                                 "550 5.1.1 User unknown")
                server.rights -= {"any_sender", "send_as"}
                raw.expect("RSET", 250)
                self.assertEqual(raw.ask("MAIL FROM:<a@b.example>"),
                                 "550 5.7.1 Client does not have permissions to send as this sender")
                raw.expect("MAIL FROM:<>", 250)

    def test_a_bare_address_is_taken_by_2003_only(self):
        raw = self.greeted(self.open_server("2003"))
        raw.expect("MAIL FROM:anna@contoso.example", 250)
        raw = self.greeted(self.open_server("2007"))
        self.assertEqual(raw.ask("MAIL FROM:anna@contoso.example"), "501 5.1.7 Invalid address")

    def test_verbs_of_the_inner_organization_are_known_and_off(self):
        for who, verb, code in (("2003", "TURN", 502), ("2003", "X-LINK2STATE LAST CHUNK=x", 502),
                                ("2007", "X-EXPS NTLM", 502), ("2007", "TURN", 500)):
            self.greeted(self.open_server(who)).expect(verb, code)

    def test_the_two_hundred_and_first_recipient_of_2007(self):
        raw = self.greeted(self.open_server("2007"))
        raw.expect("MAIL FROM:<a@b.example>", 250)
        raw.send("".join(f"RCPT TO:<user{i}@fabrikam.example>\r\n" for i in range(202)))
        codes = [raw.reply() for _ in range(202)]
        self.assertEqual({c[:3] for c in codes[:200]}, {"250"})
        self.assertEqual(codes[200:], ["452 4.5.3 Too many recipients"] * 2)


class Content(Served):
    def test_each_bdat_has_one_reply_and_the_octets_are_kept(self):
        server = self.open_server("2003")
        raw = self.greeted(server)
        data = corpus.make("binary")
        self.begun(raw, mail=" BODY=BINARYMIME")
        self.assertEqual(raw.ask("DATA"), "503 5.5.1 Bad sequence of commands")
        raw.send(b"BDAT 1000\r\n" + data[:1000] + b"BDAT %d\r\n" % (len(data) - 1000) + data[1000:]
                 + b"BDAT 0 LAST\r\nNOOP\r\n")
        self.assertEqual([raw.reply()[:9] for _ in range(4)],
                         ["250 2.6.0", "250 2.6.0", "250 2.6.0", "250 2.0.0"])
        self.assertEqual(server.messages[0].data, data)
        self.assertEqual(server.messages[0].chunks, (1000, len(data) - 1000, 0))

    def test_a_chunk_that_is_too_much_spoils_the_rest(self):
        server = self.open_server("2007")
        server.size = 1500
        raw = self.greeted(server)
        self.begun(raw)
        raw.send(b"BDAT 1000\r\n" + b"x" * 1000 + b"BDAT 1000\r\n" + b"x" * 1000 + b"BDAT 2 LAST\r\n\r\n")
        self.assertEqual([raw.reply()[:9] for _ in range(3)],
                         ["250 2.6.0", "552 5.3.4", "503 5.5.1"])
        self.begun(raw)
        self.assertEqual(server.messages, [])

    def test_a_header_beyond_64_kb_is_too_much_for_2007(self):
        server = self.open_server("2007")
        raw = self.greeted(server)
        for size, wanted in ((65536, "250 2.6.0"), (65537, "552 5.3.4")):
            self.begun(raw)
            data = b"a: ".ljust(size - 2, b"x") + b"\r\n\r\nbody\r\n"
            raw.send(b"BDAT %d LAST\r\n" % len(data) + data)
            self.assertEqual(raw.reply()[:9], wanted)

    def test_dots_and_ends_at_every_split_of_data(self):
        server = self.open_server("2003")
        for cut in range(1, 14):
            raw = self.greeted(server)
            self.begun(raw)
            raw.expect("DATA", 354)
            wire = b"a\n.\n\r\n..b\r\n.\r\nQUIT\r\n"
            raw.send(wire[:cut])
            wait_until("it was read", lambda: not raw.sock.send(b""))
            raw.send(wire[cut:])
            raw.expect(None, 250)
            raw.expect(None, 221)
        self.assertEqual({m.data for m in server.messages}, {b"a\n.\n\r\n.b\r\n"})
        self.assertEqual(len(server.messages), 13)

    def test_xexch50_takes_exact_octets_and_only_after_a_logon(self):
        server = self.serve("2003+KB")
        server.needs_tls = server.basic_needs_tls = False
        blob = corpus.blob()
        raw = self.greeted(server)
        self.assertEqual(raw.ask(f"XEXCH50 {len(blob)} 2"), "504 Need to authenticate first")
        raw.login(USER, PASSWORD)
        raw.expect("XEXCH50 10 2", 503)
        self.begun(raw)
        for bad in ("", "x", "-1 2", "99999999999 2", "10"):
            raw.expect(f"XEXCH50 {bad}", 501)
        self.assertEqual(raw.ask(f"XEXCH50 {len(blob)} 2"), "354 Send binary data")
        raw.send(blob)
        raw.expect(None, 250)
        raw.expect("DATA", 354)
        raw.send("x: y\r\n\r\n.\r\n")
        raw.expect(None, 250)
        self.assertEqual((server.messages[0].blob, server.messages[0].blob_number), (blob, 2))

    def test_without_the_right_the_blob_is_dropped_and_the_message_kept(self):
        server = self.open_server("2007")
        server.rights.discard("exch50")
        raw = self.greeted(server)
        self.begun(raw)
        raw.expect("XEXCH50 3 2", 354)
        raw.send("abcBDAT 3 LAST\r\na\r\n")
        raw.expect(None, 250)
        raw.expect(None, 250)
        self.assertIsNone(server.messages[0].blob)

    def store(self, who, options="", without=()):
        server = self.open_server(who)
        server.rights -= set(without)
        raw = self.greeted(server)
        self.begun(raw, mail=options)
        raw.expect("DATA", 354)
        raw.send("Received: from far\r\nX-MS-Exchange-Organization-SCL: -1\r\n\tx\r\nSubject: s\r\n"
                 "\r\nb\r\n.\r\n")
        raw.expect(None, 250)
        return server.messages[0].stored.decode()

    def test_fields_of_its_own_in_its_own_style(self):
        self.assertRegex(
            self.store("2003"),
            rf"^Received: from gw\.contoso\.example \(\[{CONTOSO_IP}\]\) by {NAME} with Microsoft "
            r"SMTPSVC\(6\.0\.3790\.3959\);\r\n\t [^\r]+\r\n(?s:.*)"
            r"X-OriginalArrivalTime: \d\d \w{3} \d{4} [0-9:.]+ \(UTC\) "
            r"FILETIME=\[[0-9A-F]{8}:[0-9A-F]{8}\]\r\n\r\nb\r\n$")
        self.assertRegex(
            self.store("2007"),
            rf"^Received: from gw\.contoso\.example \({CONTOSO_IP}\) by {NAME} \({FABRIKAM_IP}\) "
            r"with Microsoft SMTP Server id 8\.1\.375\.2; ")

    def test_its_header_firewall_and_whom_it_believes_to_be_internal(self):
        self.assertIn("SCL: -1", self.store("2003"))
        stored = self.store("2007")
        self.assertNotIn("SCL", stored)
        self.assertIn("Received: from far", stored)
        self.assertIn("AuthAs: Internal", stored)
        self.assertNotIn("from far", self.store("2007", without=["headers_routing"]))
        self.assertIn("AuthAs: Anonymous", self.store("2007", " AUTH=<>"))
        self.assertIn("AuthAs: Anonymous", self.store("2007", without=["authentication_flag"]))


class Time(Served):
    def test_ten_minutes_in_all_end_a_connection_of_2007_while_data_flows(self):
        clock = HandClock()
        server = self.open_server("2007", clock=clock)
        raw = self.greeted(server)
        for _ in range(5):
            clock.advance(119)
            raw.expect("NOOP", 250)
        self.begun(raw)
        raw.expect("DATA", 354)
        raw.send(b"x" * 1000)
        clock.advance(6)
        self.assertEqual(raw.line(), "421 4.4.1 Connection timed out")
        with self.assertRaises(Lost):
            raw.line()

    def test_2003_has_an_idle_limit_only(self):
        clock = HandClock()
        raw = self.greeted(self.open_server("2003", clock=clock))
        for _ in range(5):
            wait_until("it waits", lambda: clock.waiting)
            clock.advance(599)
            raw.expect("NOOP", 250)
        wait_until("it waits", lambda: clock.waiting)
        clock.advance(601)
        self.assertEqual(raw.line(), "421 4.4.1 Connection timed out")

    def test_the_twenty_first_connection_of_one_source_is_greeted_with_421(self):
        server = self.serve("2007")
        first = [self.raw(server) for _ in range(20)]
        for raw in first:
            raw.expect(None, 220)
        self.assertEqual(self.raw(server).line(),
                         "421 4.3.2 The maximum number of concurrent server connections has exceeded "
                         "a per-source limit, closing transmission channel")
        first[0].expect("QUIT", 221)
        wait_until("a place is free", lambda: len(server.sessions) < 20)
        self.raw(server).expect(None, 220)

    def test_the_tarpit_holds_a_5xx_back_but_not_after_a_logon(self):
        clock = HandClock()
        server = self.open_server("2007", clock=clock).turn_on("tarpit")
        raw = self.greeted(server)
        raw.send("XYZZY\r\n")
        wait_until("it waits", lambda: any(s.tarpitted for s in server.sessions))
        raw.sock.settimeout(0.1)
        with self.assertRaises(socket.timeout):
            raw.line()
        raw.sock.settimeout(10)
        clock.advance(5)
        self.assertTrue(raw.line().startswith("500"))
        raw.login(USER, PASSWORD)
        raw.expect("XYZZY", 500)

    def test_2010_holds_its_250_back_until_it_is_released(self):
        server = self.open_server("2010", clock=HandClock()).turn_on("delayed_ack")
        raw = self.greeted(server)
        self.begun(raw)
        raw.expect("DATA", 354)
        raw.send("a: b\r\n\r\n.\r\n")
        raw.sock.settimeout(0.1)
        with self.assertRaises(socket.timeout):
            raw.line()
        raw.sock.settimeout(10)
        server.release.set()
        raw.expect(None, 250)

    def test_a_quirk_that_a_version_does_not_have_cannot_be_turned_on(self):
        with self.assertRaises(KeyError):
            self.serve("2003").turn_on("delayed_ack")


class Oddities(Served):
    def list_with(self, who, *quirks):
        server = self.serve(who)
        for quirk in quirks:
            server.turn_on(quirk)
        raw = self.raw(server)
        banner = raw.line()
        return banner, raw.ask("EHLO gw.contoso.example").split("\n"), raw

    def test_an_expired_certificate_takes_starttls_away_and_leaves_x_anonymoustls(self):
        _, lines, raw = self.list_with("2007", "expired_certificate")
        self.assertNotIn("250-STARTTLS", lines)
        self.assertIn("250-X-ANONYMOUSTLS", lines)
        raw.expect("STARTTLS", 454)

    def test_an_empty_auth_list(self):
        self.assertIn("250-AUTH", self.list_with("2007", "empty_auth")[1])

    def test_back_pressure(self):
        server = self.open_server("2007").turn_on("pressure")
        self.assertEqual(self.greeted(server).ask("MAIL FROM:<a@b.example>"),
                         "452 4.3.1 Insufficient system resources")

    def test_firewalls_that_mask(self):
        banner, lines, raw = self.list_with("2003", "inspected")
        self.assertRegex(banner, r"^220 \*+$")
        self.assertTrue(lines[0].startswith("500"))
        raw.expect("HELO gw.contoso.example", 250)
        banner, lines, raw = self.list_with("2003", "masked_list")
        self.assertRegex(banner, r"^220 \*+$")
        self.assertIn(f"250-{MASKED_STARTTLS}", lines)

    def test_a_session_limit_of_2003_cuts_the_connection(self):
        server = self.open_server("2003").turn_on("session_size")
        raw = self.greeted(server)
        for turn in range(3):
            self.begun(raw)
            raw.send(b"BDAT 4000000 LAST\r\n" + b"x" * 4000000)
            if turn < 2:
                raw.expect(None, 250)
        with self.assertRaises(Lost):
            raw.line()


class Tls(Served):
    """What other libraries say to it: OpenSSL of today, as Python has it."""

    def meet(self, who, ciphers, newest=None):
        """Version and suite, or why there is none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_ciphers(ciphers + ":@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = newest or ssl.TLSVersion.MAXIMUM_SUPPORTED
        context.load_verify_locations(authority.cert)
        context.options |= 0x4  # legacy server connect
        raw = self.greeted(self.serve(who))
        raw.expect("STARTTLS", 220)
        try:
            with context.wrap_socket(raw.sock, server_hostname=NAME) as sock:
                return sock.version(), sock.cipher()[0]
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):  # as the version of Python has it
            return "closed"

    def test_2003_with_the_update_has_tls_1_0_and_static_aes(self):
        self.assertEqual(self.meet("2003+KB", "AES128-SHA:AES256-SHA"), ("TLSv1", "AES128-SHA"))
        self.assertEqual(self.meet("2003+KB", "AES256-SHA"), ("TLSv1", "AES256-SHA"))
        self.assertEqual(self.meet("2003+KB", "ECDHE:!AES128-SHA"), "closed")

    def test_2003_sees_the_first_64_suites_only(self):
        self.assertEqual(self.meet("2003+KB", "ALL"), "closed")
        self.assertEqual(self.meet("2007", "ALL")[0], "TLSv1")

    def test_2000_and_2003_as_they_came_find_nothing_in_common(self):
        for who in ("2000", "2003"):
            self.assertEqual(self.meet(who, "AES128-SHA:AES256-SHA"), "closed")

    def test_each_reply_begins_with_a_record_of_one_octet(self):
        for who in ("2003+KB", "2007"):
            with self.subTest(who):
                raw = self.secured(self.serve(who))
                raw.send("NOOP\r\n")
                self.assertEqual([raw.sock.recv(100), raw.sock.recv(100)], [b"2", b"50 2.0.0 OK\r\n"])

    def test_2003_does_not_know_rfc_5746(self):
        raw = self.greeted(self.serve("2003+KB"))
        raw.expect("STARTTLS", 220)
        context = old_client(authority.cert)
        context.options &= ~0x4
        with self.assertRaises(ssl.SSLError) as e:
            context.wrap_socket(raw.sock, server_hostname=NAME)
        self.assertEqual(e.exception.reason, "UNSAFE_LEGACY_RENEGOTIATION_DISABLED")

    def test_a_client_that_wants_tls_1_2_is_left_without(self):
        context = ssl.create_default_context(cafile=authority.cert)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian's Python leaves that to a file
        for who in ("2003+KB", "2007"):
            raw = self.greeted(self.serve(who))
            raw.expect("STARTTLS", 220)
            with self.subTest(who), self.assertRaises(ssl.SSLError):
                context.wrap_socket(raw.sock, server_hostname=NAME)


if __name__ == "__main__":
    unittest.main()
