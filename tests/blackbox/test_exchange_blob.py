"""XEXCH50 between 2003 and 2007, where the rights say so: the blob goes with its message or not at
all, and never at the cost of the message."""

import unittest

from exchange import corpus
from exchange.client import Letter
from exchange_pair import ANNA, BOB, Pair, other
from forests import message
from kit import wait_until

RECEIVE, SEND = ("    rights: [default, accept-exch50]\n", "    rights: [default, send-exch50]\n")
CARL = "carl@fabrikam.example"

pair = gateway = old = new = None


def setUpModule():
    global pair, gateway, old, new
    pair = Pair("exchange-blob", receive=RECEIVE, send=SEND)
    gateway, old, new = pair.gateway, pair.servers["contoso"], pair.servers["fabrikam"]
    for client in pair.clients.values():
        client.hello_again = True  # XEXCH50 is in the list of a session that is logged on


def tearDownModule():
    if pair:
        pair.stop()


class Blob(unittest.TestCase):
    def setUp(self):
        pair.repair()
        gateway.retry()

    def send(self, mark, forest="contoso", to=None, blob=corpus.blob()):
        outcome = pair.hand_over(forest, message("blob", mark), to, blob=blob)
        return outcome, pair.arrives(other(forest), mark)

    def test_it_passes_octet_for_octet_in_both_directions(self):
        for forest in ("contoso", "fabrikam"):
            for size in (1, 300, 2336, 60000):
                with self.subTest(f"{size} from {forest}"):
                    blob = corpus.blob(size)
                    outcome, taken = self.send(f"pass-{size}-{forest}.", forest, blob=blob)
                    self.assertEqual(outcome.exch50, "taken")
                    self.assertEqual(taken.blob, blob)
                    self.assertEqual(taken.blob_number, 2)

    def test_it_stays_with_several_recipients_in_their_order(self):
        _, taken = self.send("several.", to=[BOB, CARL])
        self.assertEqual((taken.addresses, taken.blob), ([BOB, CARL], corpus.blob()))

    def test_it_is_dropped_when_a_recipient_is_missing_from_the_next_transaction(self):
        client = pair.clients["contoso"]
        outcome = client.send(Letter(ANNA, [BOB, "nobody@fabrikam.example"],
                                     message("blob", "missing."), blob=corpus.blob()))
        self.assertEqual((len(outcome.sent), outcome.exch50), (2, "taken"))
        self.assertIsNone(pair.arrives("fabrikam", "missing.").blob)

    def test_it_is_dropped_when_one_of_its_recipients_was_refused_at_the_gateway(self):
        for other_one in ("x@elsewhere.example", "nobody@"):
            with self.subTest(other_one):
                mark = f"refused-{len(other_one)}."
                outcome = pair.clients["contoso"].send(Letter(
                    ANNA, [BOB, other_one], message("blob", mark), blob=corpus.blob()))
                self.assertEqual((list(outcome.sent), outcome.exch50), ([BOB], "taken"))
                self.assertIsNone(pair.arrives("fabrikam", mark).blob)

    def test_it_goes_to_nobody_when_the_first_recipient_is_only_taken_later(self):
        rcpt = f"RCPT TO:<{BOB}>"
        new.refusals[rcpt] = "450 4.2.1 later"
        pair.hand_over("contoso", message("blob", "later."), [BOB, CARL], blob=corpus.blob())
        taken = pair.arrives("fabrikam", "later.")
        self.assertEqual((taken.addresses, taken.blob), ([CARL], None))
        del new.refusals[rcpt]
        gateway.retry()
        taken = wait_until("the rest of it", lambda: new.with_text("X-Mark: later.")[1:])[0]
        self.assertEqual((taken.addresses, taken.blob), ([BOB], None))

    def test_a_firewall_that_swallows_it_costs_the_blob_and_not_the_message(self):
        new.turn_on("swallows_blob")
        self.addCleanup(gateway.reload)  # until then it knows better than to send one
        pair.hand_over("contoso", message("blob", "swallowed."), blob=corpus.blob())
        session = wait_until("it waits for the blob", lambda: next(
            (s for s, line in new.commands if line.startswith("XEXCH50") and s in new.sessions), None))
        wait_until("its limit is fixed", lambda: pair.clock.waiting >= 1)
        pair.clock.advance(301)  # 2007 ends an idle session before the gateway gives up
        gateway.wait_event("exch50_hung")
        gateway.retry()
        self.assertIsNone(pair.arrives("fabrikam", "swallowed.").blob)
        self.assertNotIn(session, new.sessions)

    def test_a_refusal_costs_the_blob_and_not_the_message(self):
        for reply in ("504 Need to authenticate first", "505 Authentication required",
                      "500 5.3.3 Unrecognized command", "451 4.3.0 later"):
            with self.subTest(reply):
                new.refusals["XEXCH50"] = reply
                _, taken = self.send(f"refused-{reply[:3]}.")
                self.assertIsNone(taken.blob)

    def test_it_is_not_sent_to_a_server_that_does_not_offer_it(self):
        new.stop()
        new.turn_on("no_exch50").start()
        before = len(new.commands)
        _, taken = self.send("unoffered.")
        self.assertIsNone(taken.blob)
        self.assertFalse([line for _, line in new.commands[before:] if "XEXCH50" in line])
        new.stop()
        new.turn_off()
        new.start()

    def test_it_is_offered_after_the_logon_only(self):
        client = pair.clients["fabrikam"]
        client.quit()
        begin = len(client.lines)
        self.send("offered.", "fabrikam")
        lines = client.lines[begin:]
        logon = lines.index("C: AUTH LOGIN")
        self.assertFalse([line for line in lines[:logon] if "XEXCH50" in line])
        self.assertTrue([line for line in lines[logon:] if line.startswith("C: XEXCH50")])

    def test_one_that_is_too_large_is_refused_before_it_is_read(self):
        client = pair.clients["contoso"]
        talk = client.connected()
        talk.demand(f"MAIL FROM:<{ANNA}>", "250")
        talk.demand(f"RCPT TO:<{BOB}>", "250")
        self.assertRegex(talk.ask("XEXCH50 2000000000 2")[-1], "^5")
        self.assertRegex(talk.ask("XEXCH50 -5 2")[-1], "^5")
        talk.demand("RSET", "250")


if __name__ == "__main__":
    unittest.main()
