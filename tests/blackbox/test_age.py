"""Delay notices and expiry. The gateway looks at the age of its mail once a minute, so both wait
for the same minute, each with a gateway of its own."""

import email
import unittest

from forests import World, message
from kit import wait_until

delayed = expiring = None


class Line:
    """A gateway, a server that says "later", and the sender's own server."""

    def __init__(self, retry, mark):
        self.world, self.mark = World("time"), mark
        self.world.retry = retry
        self.hub = self.world.sink(self.world.fabrikam)
        self.home = self.world.sink(self.world.contoso)
        self.hub.script["rcpt"] = b"450 4.2.1 Mailbox busy\r\n"
        self.gateway = self.world.start()
        self.id = self.world.send("anna@contoso.example", "bob@fabrikam.example",
                                  message("time", mark))

    def report(self):
        found = wait_until("a report", lambda: self.home.with_text(self.mark), 80)[0]
        parsed = email.message_from_bytes(found.data)
        assert (found.sender, parsed.get_content_type()) == ("", "multipart/report"), found
        return parsed.get_payload()[1].get_payload()[1]


def setUpModule():
    global delayed, expiring
    delayed = Line("{ connection: [1s], message: [1s], delay_notice: 2s, expire: 1d }", "late-1")
    expiring = Line("{ connection: [1s], message: [1s], delay_notice: 1s, expire: 2s }", "old-1")


def tearDownModule():
    for line in (delayed, expiring):
        if line:
            line.world.stop()


class Time(unittest.TestCase):
    def test_a_delay_is_told_once_and_the_message_still_arrives(self):
        status = delayed.report()
        self.assertEqual(status["Action"], "delayed")
        self.assertTrue(status["Status"].startswith("4."), status["Status"])
        self.assertTrue(status["Will-Retry-Until"])
        delayed.hub.script.clear()
        delayed.gateway.retry()
        wait_until("it arrives", lambda: delayed.hub.with_text("late-1"))
        self.assertEqual(len(delayed.home.with_text("late-1")), 1)

    def test_what_cannot_be_delivered_expires_with_a_report(self):
        status = expiring.report()
        self.assertEqual(status["Action"], "failed")
        self.assertEqual(status["Status"], "4.4.7")
        self.assertIn("bob@fabrikam.example", status["Final-Recipient"])
        wait_until("the queue is empty", lambda: not expiring.gateway.queue(), 15, 0.2)
        self.assertEqual(len(expiring.home.with_text("old-1")), 1)
