"""XEXCH50: what Exchange 2000 and 2003 send beside their mail goes on where it still fits, and is
dropped and counted where it does not (exchange-facts.md 1.6, 3.6)."""

import unittest

from client import queue_id
from forests import World, message
from sink import DROP

ANNA, BOB, EVE = "anna@contoso.example", "bob@fabrikam.example", "eve@fabrikam.example"
BLOB = bytes(range(256)) + b"\r\n.\r\nQUIT\r\n"


class Exch50(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World("exch50")
        cls.world.contoso.receive_extra = "    rights: [default, accept-exch50]\n"
        cls.world.fabrikam.extra = "    rights: [default, send-exch50]\n"
        cls.hop = cls.world.sink(cls.world.fabrikam)
        cls.world.sink(cls.world.contoso)
        cls.gateway = cls.world.start()

    @classmethod
    def tearDownClass(cls):
        cls.world.stop()

    def setUp(self):
        self.hop.keywords = ["SIZE", "PIPELINING", "8BITMIME", "XEXCH50"]
        self.hop.script.clear()
        self.hop.hang_up()
        self.hop.messages.clear()
        self.before = {f: self.count(f) for f in ("passed", "recipients", "not-offered", "refused")}

    def count(self, fate, connector="fabrikam-servers"):
        return self.gateway.metric("forestgate_exch50_blobs_total", connector=connector,
                                   fate=fate) or 0

    def counted(self, fate):
        return self.count(fate) - self.before[fate]

    def hand_in(self, mark, recipients=(BOB,), kind=2, before=(), after=(), refused_after=()):
        """A message with a blob; its queue id."""
        with self.world.raw() as raw:
            raw.expect(f"MAIL FROM:<{ANNA}>", 250)
            for line in before:
                raw.ask(line)
            for recipient in recipients:
                raw.expect(f"RCPT TO:<{recipient}>", 250)
            raw.expect(f"XEXCH50 {len(BLOB)} {kind}", 354)
            raw.send(BLOB)
            raw.expect(None, 250)
            for line in after:
                raw.expect(line, 250)
            for line in refused_after:
                raw.expect(line, 501)
            raw.expect("DATA", 354)
            raw.send(message("exch50", mark) + b".\r\n")
            return queue_id(raw.expect(None, 250))

    def submit(self, mark, recipients=(BOB,), **more):
        """The same; what arrived of it."""
        taken_as = self.hand_in(mark, recipients, **more)
        for recipient in recipients:
            self.gateway.wait_event("delivery", to=recipient, outcome="delivered", id=taken_as)
        (got,) = self.hop.with_text(f"X-Mark: {mark}")
        return got

    def test_a_blob_goes_on_as_it_came(self):
        got = self.submit("as-it-came", (BOB, EVE))
        self.assertEqual(got.exch50, (f"{len(BLOB)} 2", BLOB))
        self.assertEqual(got.recipients, [BOB, EVE])
        self.assertEqual(self.counted("passed"), 1)

    def test_a_recipient_that_is_no_address_spoils_it_as_well(self):
        for how in ("before", "refused_after"):
            before = self.count("recipients", "contoso-servers")
            got = self.submit(f"no-address-{how}", **{how: ["RCPT TO:<no address>"]})
            self.assertIsNone(got.exch50)
            self.assertEqual(self.count("recipients", "contoso-servers"), before + 1)

    def test_it_outlives_a_restart(self):
        self.hop.script["mail"] = b"451 4.3.0 not now\r\n"
        taken_as = self.hand_in("restart", kind=3)
        self.gateway.wait_event("delivery", id=taken_as, outcome="deferred")
        self.gateway.kill()
        self.hop.script.clear()
        self.gateway.start()
        self.gateway.wait_event("delivery", id=taken_as, outcome="delivered")
        (got,) = self.hop.with_text("X-Mark: restart")
        self.assertEqual(got.exch50, (f"{len(BLOB)} 3", BLOB))

    def test_not_without_one_of_its_recipients(self):
        got = self.submit("refused-rcpt", before=[f"RCPT TO:<{ANNA}>"])
        self.assertIsNone(got.exch50)

    def test_nor_with_one_more(self):
        got = self.submit("late-rcpt", after=[f"RCPT TO:<{EVE}>"])
        self.assertIsNone(got.exch50)
        self.assertEqual(got.recipients, [BOB, EVE])

    def test_the_next_hop_may_not_know_it(self):
        self.hop.keywords.remove("XEXCH50")
        got = self.submit("unknown")
        self.assertIsNone(got.exch50)
        self.assertEqual(self.counted("not-offered"), 1)

    def test_a_refusal_costs_the_blob_not_the_message(self):
        for reply in (b"504 Need to authenticate first\r\n", b"505 Authentication required\r\n"):
            self.hop.hang_up()
            self.hop.script["xexch50"] = reply
            got = self.submit(f"refused-{reply[:3].decode()}")
            self.assertIsNone(got.exch50)
        self.assertEqual(self.counted("refused"), 2)

    def test_a_recipient_that_the_next_hop_refuses_costs_it_too(self):
        self.hop.script["rcpt"] = (
            lambda _, line: b"550 5.1.1 User unknown\r\n" if "eve" in line else None)
        self.gateway.wait_event("delivery", to=EVE, outcome="bounced",
                                id=self.hand_in("half", (BOB, EVE)))
        (got,) = self.hop.with_text("X-Mark: half")
        self.assertIsNone(got.exch50)
        self.assertEqual(self.counted("recipients"), 1)

    def test_a_connection_that_dies_over_it_costs_the_blob_until_the_next_reload(self):
        self.hop.script["blob"] = DROP
        begin = self.gateway.log_size()
        got = self.submit("hung")
        self.assertIsNone(got.exch50)
        self.gateway.wait_event("exch50_hung", since=begin, connector="fabrikam-servers")
        self.hop.script.clear()
        self.assertIsNone(self.submit("still-hung").exch50)
        self.gateway.reload()
        self.assertEqual(self.submit("again").exch50, (f"{len(BLOB)} 2", BLOB))

    def test_a_server_that_closes_at_it_gets_the_message_without(self):
        self.gateway.reload()
        hung = len(self.gateway.events("exch50_hung"))
        self.hop.script["xexch50"] = b"421 4.3.2 Service not available\r\n"
        self.assertIsNone(self.submit("closes").exch50)
        self.assertEqual(self.counted("refused"), 1)
        self.assertEqual(len(self.gateway.events("exch50_hung")), hung)
        self.gateway.reload()

    def test_before_a_logon_it_is_refused(self):
        with self.world.raw(logon=False) as raw:
            self.assertNotIn("XEXCH50", raw.expect("EHLO client.example", 250))
            raw.expect("XEXCH50 10 2", 504)

    def test_it_is_offered_behind_the_logon_to_those_who_may(self):
        with self.world.raw() as raw:
            self.assertIn("XEXCH50", raw.expect("EHLO client.example", 250))
        with self.world.raw(self.world.fabrikam) as raw:
            self.assertNotIn("XEXCH50", raw.expect("EHLO client.example", 250))
            self.assertTrue(raw.ask("XEXCH50 10 2").startswith("500 "))

    def test_a_length_that_is_none_reads_nothing(self):
        with self.world.raw() as raw:
            raw.expect(f"MAIL FROM:<{ANNA}>", 250)
            raw.expect(f"RCPT TO:<{BOB}>", 250)
            for words in ("-1 2", "99999999999999999999 2", "0x10 2", "2147483648 2", "", "10"):
                reply = raw.ask(f"XEXCH50 {words}")
                self.assertTrue(reply.startswith("5"), (words, reply))
            raw.expect("NOOP", 250)


if __name__ == "__main__":
    unittest.main()
