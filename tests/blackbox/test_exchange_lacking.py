"""A server that lacks BINARYMIME, which the gateway learns when it first speaks to it: Exchange as a
sender calls everything BINARYMIME while it may, and must not pay for that with plain text."""

import base64
import re
import unittest

from exchange import corpus
from exchange.client import Letter
from exchange.envelope import fields
from exchange_pair import ANNA, BOB, Pair
from forests import message
from kit import wait_until

pair = gateway = old = client = None


class Lacking(unittest.TestCase):
    def setUp(self):
        """A gateway that knows nothing yet: what it learns it keeps."""
        global pair, gateway, old, client
        pair = Pair("exchange-lacking")
        self.addCleanup(pair.stop)
        gateway, old, client = pair.gateway, pair.servers["contoso"], pair.clients["fabrikam"]
        old.turn_on("no_chunking")

    def text(self, mark):
        """Plain text from fabrikam, in the session that is open."""
        outcome = client.send(Letter(BOB, [ANNA], message("x", mark)))
        self.assertEqual(list(outcome.sent), [ANNA], outcome)
        return outcome, pair.arrives("contoso", mark)

    def test_plain_text_goes_by_data_and_those_that_come_after_do_not_suffer(self):
        outcome, taken = self.text("plain-1.")
        self.assertTrue(outcome.chunked)
        self.assertFalse(taken.chunks)
        self.text("plain-2.")  # in a session that was offered BINARYMIME before it was known
        client.quit()
        outcome, taken = self.text("plain-3.")
        self.assertFalse(outcome.chunked)

    def test_binary_content_is_returned_until_it_is_known_and_then_comes_converted(self):
        data = corpus.with_mark(corpus.make("binary"), "binary-1.")
        outcome = client.send(Letter(BOB, [ANNA], data))
        self.assertEqual(list(outcome.sent), [ANNA], outcome)
        new = pair.servers["fabrikam"]
        report = wait_until("a report", lambda: new.with_text("Undeliverable"))[0]
        self.assertIn(b"5.6.3", report.data)
        self.assertFalse(old.messages)
        client.quit()
        outcome = client.send(Letter(BOB, [ANNA], corpus.with_mark(corpus.make("binary"), "binary-2.")))
        self.assertTrue(outcome.converted)
        header, body = fields(pair.arrives("contoso", "binary-2.").data)
        self.assertTrue(re.search(rb"(?mi)^content-transfer-encoding: base64", b"".join(header)))
        self.assertEqual(base64.b64decode(body), fields(corpus.make("binary"))[1])


if __name__ == "__main__":
    unittest.main()
