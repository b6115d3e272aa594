"""A sender that causes many reports gets some of them now and the others later: none is lost."""

import re
import unittest

from forests import World, message
from kit import wait_until

ANNA, KIM = "anna@contoso.example", "kim@contoso.example"


class Flood(unittest.TestCase):
    def setUp(self):
        self.world = World("report-flood")
        self.addCleanup(self.world.stop)
        self.hub = self.world.sink(self.world.fabrikam)
        self.hub.script["rcpt"] = lambda session, to: b"550 5.1.1 User unknown\r\n"
        self.home = self.world.sink(self.world.contoso)
        self.world.limits = "{ message_size: 25MiB, recipients: 100, hops: 30, reports: 3 }"
        self.gateway = self.world.start()

    def send(self, mark, sender=ANNA):
        return self.world.send(sender, [f"{mark}@fabrikam.example"], message("flood", mark))

    def reports(self, sender=ANNA):
        return [m for m in self.home.messages if m.sender == "" and m.recipients == [sender]]

    def waiting(self):
        return [m for m in self.gateway.queue()
                if m["recipients"][0]["queue"] == "(returning)"]

    def test_what_is_over_the_limit_waits_and_is_not_lost(self):
        ids = [self.send(f"nobody-{i}") for i in range(5)]
        wait_until("two wait", lambda: len(self.waiting()) == 2)
        wait_until("three came", lambda: len(self.reports()) == 3)
        self.assertEqual(len(self.gateway.events("report_waits")), 2)
        for waiting in self.waiting():
            recipient, = waiting["recipients"]
            self.assertEqual(recipient["last_error"], "550 5.1.1 User unknown")
            self.assertGreater(recipient["due_unix_ms"], waiting["received_unix_ms"] + 60_000)
        self.send("kims", sender=KIM)  # another sender is not concerned
        wait_until("hers came", lambda: self.reports(KIM))
        # Each was tried once, and said to be refused once.
        self.assertEqual(len([c for _, c in self.hub.commands if c.startswith("RCPT")]), 6)
        for queue_id in ids:
            self.assertEqual(len(self.gateway.events("delivery", id=queue_id)), 1)

        # The limit is gone: after a start they come at once.
        self.gateway.stop()
        self.world.limits = self.world.limits.replace("reports: 3", "reports: 0")
        self.world.write_config()
        for m in self.waiting():  # their turn would come in twenty minutes
            code, out, err = self.gateway.command("queue", "remove", m["id"], "--dsn")
            self.assertEqual(code, 0, out + err)
        self.gateway.start()
        wait_until("all came", lambda: len(self.reports()) == 5)
        wait_until("the queue is empty", lambda: self.gateway.queue() == [])

    def test_a_report_about_a_report_is_never_made(self):
        self.home.script["rcpt"] = lambda session, to: b"550 5.1.1 nor here\r\n"
        queue_id = self.send("nobody")
        report = self.gateway.wait_event("report_queued", id=queue_id)["report"]
        self.gateway.wait_event("delivery", id=report, outcome="bounced")
        self.gateway.wait_event("report_dropped", id=report)
        wait_until("the queue is empty", lambda: self.gateway.queue() == [])
        self.assertEqual(len(self.gateway.events("report_queued")), 1)
        self.assertTrue(re.search("there is no report about a report", self.gateway.log_text()))


if __name__ == "__main__":
    unittest.main()
