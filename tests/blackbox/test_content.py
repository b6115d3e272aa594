"""What the content asks of its way: CHUNKING, BINARYMIME, 8BITMIME, SIZE, SMTPUTF8 on both legs
(RFC 3030, 6152, 1870, 6531; decision 0008)."""

import unittest

from client import queue_id
from forests import World, message
from sink import DROP, Gone

RICH = ["SIZE 52428800", "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING",
        "BINARYMIME"]
POOR = ["SIZE 100000", "PIPELINING"]

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"


def submit(world, sender, recipient, chunks, mail=""):
    """Hand a message over in chunks; the reply to the last one."""
    forest = world.fabrikam if sender == BOB else world.contoso
    with world.raw(forest) as raw:
        raw.expect(f"MAIL FROM:<{sender}>{mail}", 250)
        raw.expect(f"RCPT TO:<{recipient}>", 250)
        for i, chunk in enumerate(chunks):
            last = " LAST" if i == len(chunks) - 1 else ""
            raw.send(f"BDAT {len(chunk)}{last}\r\n".encode() + chunk)
            reply = raw.reply()
            if not last and not reply.startswith("250"):
                return reply
        return reply


class RichHop(unittest.TestCase):
    """The next hop takes everything."""

    @classmethod
    def setUpClass(cls):
        cls.world = World("content-rich")
        cls.world.fabrikam.extra = "    smtputf8: true\n"
        cls.hop = cls.world.sink(cls.world.fabrikam)
        cls.hop.keywords = RICH + ["SMTPUTF8"]
        cls.poor = cls.world.sink(cls.world.contoso)
        cls.poor.keywords = RICH
        cls.gateway = cls.world.start()

    @classmethod
    def tearDownClass(cls):
        cls.world.stop()

    def crosses(self, mark, body, mail="", chunk=None, verb="BDAT"):
        data = message("content", mark, body)
        chunk = chunk or len(data)
        chunks = [data[i:i + chunk] for i in range(0, len(data), chunk)]
        reply = submit(self.world, ANNA, BOB, chunks, mail)
        self.assertTrue(reply.startswith("250 2.6.0"), reply)
        self.gateway.wait_event("delivery", outcome="delivered", to=BOB,
                                id=queue_id(reply))
        (got,) = self.hop.with_text(f"X-Mark: {mark}")
        self.assertTrue(got.data.endswith(data), "the octets have changed")
        self.assertEqual(got.verb, verb)
        return got

    def test_binary_content_comes_and_goes_by_bdat(self):
        got = self.crosses("binary", b"\0\r\n.\r\n\n\r\r\n" + bytes(range(256)) * 50,
                           " BODY=BINARYMIME")
        self.assertIn("BODY=BINARYMIME", got.mail_line)

    def test_many_small_chunks_are_one_message(self):
        self.crosses("chunks", b"a\nb" * 500, " BODY=BINARYMIME", chunk=7)

    def test_plain_content_goes_by_data_whatever_it_came_by(self):
        got = self.crosses("plain", b"just\r\n.lines\r\n", " BODY=BINARYMIME", verb="DATA")
        self.assertNotIn("BODY=BINARYMIME", got.mail_line)

    def test_eight_bit_content_goes_as_8bitmime_also_when_nobody_said_so(self):
        got = self.crosses("eight", "Käse\r\n".encode(), verb="DATA")
        self.assertIn("BODY=8BITMIME", got.mail_line)

    def test_content_is_never_said_to_a_server_that_offers_bdat_and_does_not_know_it(self):
        self.hop.script["no-bdat"] = b""
        self.addCleanup(self.hop.script.clear)
        evil = (b"\0\r\nRSET\r\nMAIL FROM:<eve@fabrikam.example>\r\n"
                b"RCPT TO:<bob@fabrikam.example>\r\nDATA\r\nX-Mark: smuggled\r\n\r\n.\r\n")
        reply = submit(self.world, ANNA, BOB, [message("content", "carrier", evil)])
        self.assertTrue(reply.startswith("250 2.6.0"), reply)
        self.gateway.wait_event("delivery", outcome="bounced", id=queue_id(reply))
        self.assertFalse(self.hop.with_text("X-Mark: smuggled"))
        del self.hop.script["no-bdat"]
        self.crosses("behind-it", b"\0\r\n")  # nothing is left over of that connection

    def test_a_last_line_without_its_end_stays_so(self):
        self.crosses("unended", b"no end", verb="BDAT")

    def test_where_a_connection_died_over_such_a_line_it_gains_its_end(self):
        """exchange-facts.md 3.8: some servers hang on a BDAT that does not end with CRLF."""
        self.hop.script["content"] = lambda session, content: (
            None if content.endswith(b"\r\n") else DROP)
        data = message("content", "hung", b"no end")
        reply = submit(self.world, ANNA, BOB, [data])
        self.gateway.wait_event("delivery", outcome="deferred", id=queue_id(reply))
        self.gateway.wait_event("delivery", outcome="delivered", id=queue_id(reply))
        self.hop.script.clear()
        (got,) = self.hop.with_text("X-Mark: hung")
        self.assertTrue(got.data.endswith(data + b"\r\n"))
        begin = self.gateway.log_size()
        self.gateway.reload()
        self.gateway.wait_event("config_loaded", since=begin)

    def test_a_last_chunk_may_be_empty(self):
        data = message("content", "empty-last", b"a\nb\r\n")
        reply = submit(self.world, ANNA, BOB, [data, b""])
        self.assertTrue(reply.startswith("250 2.6.0"), reply)

    def test_a_header_that_could_be_read_in_two_ways_is_refused(self):
        for newline in (b"\n", b"\r", b"\0\r\n"):
            data = (b"From: x" + newline + b"X-MS-Exchange-Organization-AuthAs: Internal\r\n"
                    b"\r\nbody\r\n")
            reply = submit(self.world, ANNA, BOB, [data], " BODY=BINARYMIME")
            self.assertTrue(reply.startswith("550 5.6.0"), reply)

    def test_data_after_binarymime_is_out_of_sequence(self):
        with self.world.raw() as raw:
            raw.expect(f"MAIL FROM:<{ANNA}> BODY=BINARYMIME", 250)
            raw.expect(f"RCPT TO:<{BOB}>", 250)
            raw.expect("DATA", 503)
            raw.send("BDAT 4 LAST\r\n\r\nx\n")
            raw.expect(None, 250)

    def test_a_large_message_in_chunks_passes_unchanged(self):
        self.crosses("large", bytes(range(256)) * 4096 * 5, " BODY=BINARYMIME", chunk=65536)

    def test_utf8_addresses_go_where_a_connector_takes_them(self):
        with self.world.raw() as raw:
            self.assertIn("SMTPUTF8", raw.expect("EHLO client.example", 250))
            raw.expect(f"MAIL FROM:<{ANNA}> SMTPUTF8", 250)
            raw.send("RCPT TO:<büro@fabrikam.example>\r\n".encode())
            raw.expect(None, 250)
            raw.expect("DATA", 354)
            data = message("content", "utf8", "Grüße\r\n".encode())
            reply = raw.ask((data + b".").decode("latin-1"))
            self.assertTrue(reply.startswith("250"), reply)
        self.gateway.wait_event("delivery", outcome="delivered", id=queue_id(reply))
        (got,) = self.hop.with_text("X-Mark: utf8")
        self.assertIn("SMTPUTF8", got.mail_line)
        self.assertIn(b"with UTF8SMTPSA", got.data)
        self.assertEqual(got.recipients[0].encode("latin-1").decode(), "büro@fabrikam.example")

    def test_an_address_in_our_own_field_makes_the_message_8_bit(self):
        with self.world.raw() as raw:
            raw.expect(f"MAIL FROM:<{ANNA}> SMTPUTF8", 250)
            raw.send("RCPT TO:<büro@fabrikam.example>\r\n".encode())
            raw.expect(None, 250)
            raw.expect("DATA", 354)
            reply = raw.ask((message("content", "trace") + b".").decode())
        self.gateway.wait_event("delivery", outcome="delivered", id=queue_id(reply))
        (got,) = self.hop.with_text("X-Mark: trace")
        self.assertIn("büro".encode(), got.data)
        self.assertIn("BODY=8BITMIME", got.mail_line)

    def test_and_nowhere_else(self):
        with self.world.raw(self.world.fabrikam) as raw:
            raw.expect(f"MAIL FROM:<{BOB}> SMTPUTF8", 250)
            reply = raw.expect(f"RCPT TO:<{ANNA}>", 553)
            self.assertIn("5.6.7", reply)


class HopWithoutItsVerb(unittest.TestCase):
    """The next hop offers CHUNKING and does not know BDAT: what follows are commands to it."""

    def setUp(self):
        self.world = World("content-verb")
        self.hop = self.world.sink(self.world.fabrikam)
        self.hop.keywords = list(RICH)
        self.hop.script = {"bdat": self.forgets, "other": self.answers_late}
        self.home = self.world.sink(self.world.contoso)
        self.gateway = self.world.start()

    def tearDown(self):
        self.world.stop()

    def forgets(self, session, argument):
        session.buffer, session.chunks = session.chunks + session.buffer, b""
        return b"502 5.3.3 Command not implemented\r\n"

    def answers_late(self, session, line):
        """Only when the gateway says something more."""
        more = session.sock.recv(65536)
        if not more:
            raise Gone
        session.buffer += more
        return b"500 5.3.3 Unrecognized command\r\n"

    def test_its_late_replies_are_not_taken_for_those_to_the_next_message(self):
        binary = message("content", "binary", b"\0\r\n")
        self.assertTrue(submit(self.world, ANNA, BOB, [binary]).startswith("250 2.6.0"))
        line = self.gateway.wait_event("delivery", outcome="bounced", to=BOB)
        self.assertTrue(line["reply"].startswith("502"), line)
        reply = submit(self.world, ANNA, BOB, [message("content", "plain")])
        self.gateway.wait_event("delivery", outcome="delivered", to=BOB, id=queue_id(reply))
        self.assertEqual(len(self.hop.with_text("X-Mark: plain")), 1)


class PoorHop(unittest.TestCase):
    """The next hop takes 7-bit lines, and not many of them."""

    def setUp(self):
        self.world = World("content-poor")
        self.hop = self.world.sink(self.world.fabrikam)
        self.hop.keywords = list(POOR)
        self.home = self.world.sink(self.world.contoso)
        self.gateway = self.world.start()

    def tearDown(self):
        self.world.stop()

    def bounces(self, mark, body):
        data = message("content", mark, body)
        reply = submit(self.world, ANNA, BOB, [data])
        self.assertTrue(reply.startswith("250 2.6.0"), reply)
        line = self.gateway.wait_event("delivery", outcome="bounced", to=BOB)
        self.assertIn("5.6.3", line["reply"])
        self.assertFalse(self.hop.messages)
        self.gateway.wait_event("delivery", outcome="delivered", to=ANNA)
        (report,) = self.home.with_text("multipart/report")
        self.assertIn(b"Status: 5.6.3", report.data)

    def test_binary_content_bounces_and_is_refused_at_rcpt_once_that_is_known(self):
        with self.world.raw() as raw:
            self.assertIn("BINARYMIME", raw.expect("EHLO client.example", 250))
            raw.expect(f"MAIL FROM:<{ANNA}> BODY=BINARYMIME", 250)
            self.bounces("binary", b"a\nb\r\n")
            # To this client BINARYMIME was offered, and it may say so of anything.
            raw.expect(f"RCPT TO:<{BOB}>", 250)
            raw.send(b"BDAT 7 LAST\r\n\r\nplain")
            raw.expect(None, 250)
            raw.expect(f"MAIL FROM:<{ANNA}> BODY=BINARYMIME", 250)
            raw.expect(f"RCPT TO:<{BOB}>", 250)
            raw.send(b"BDAT 6 LAST\r\n\r\nx\ny\r")
            reply = raw.expect(None, 554)
            self.assertIn("5.6.3", reply)
        with self.world.raw() as raw:
            hello = raw.expect("EHLO client.example", 250)
            self.assertNotIn("BINARYMIME", hello)
            self.assertIn("CHUNKING", hello)
            raw.expect(f"MAIL FROM:<{ANNA}> BODY=BINARYMIME", 250)
            reply = raw.expect(f"RCPT TO:<{BOB}>", 554)
            self.assertIn("5.6.3", reply)
            raw.expect(f"RCPT TO:<{ANNA}>", 550)

    def test_8bit_content_bounces(self):
        self.bounces("eight", b"K\xc3\xa4se\r\n")

    def test_a_last_line_without_its_end_gains_one(self):
        data = message("content", "unended", b"no end")
        submit(self.world, ANNA, BOB, [data])
        self.gateway.wait_event("delivery", outcome="delivered", to=BOB)
        (got,) = self.hop.with_text("X-Mark: unended")
        self.assertTrue(got.data.endswith(data + b"\r\n"))

    def test_what_is_too_large_for_the_next_hop_is_refused_at_rcpt_once_that_is_known(self):
        self.world.send(ANNA, BOB, message("content", "first"))
        self.gateway.wait_event("delivery", outcome="delivered", to=BOB)
        with self.world.raw() as raw:
            raw.expect(f"MAIL FROM:<{ANNA}> SIZE=100001", 250)
            reply = raw.expect(f"RCPT TO:<{BOB}>", 552)
            self.assertIn("5.3.4", reply)
            raw.expect("RSET", 250)
            raw.expect(f"MAIL FROM:<{ANNA}> SIZE=90000", 250)
            raw.expect(f"RCPT TO:<{BOB}>", 250)


if __name__ == "__main__":
    unittest.main()
