"""A server that is sick gets one connection at a time, and all of its mail when it is well again;
the other forest's server does not notice. Counted, not timed."""

import unittest

from forests import World, message
from kit import wait_until

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"
BURST = 20


class SickServer(unittest.TestCase):
    def setUp(self):
        self.world = World("sick-server")
        self.addCleanup(self.world.stop)
        self.hub = self.world.sink(self.world.fabrikam)
        self.home = self.world.sink(self.world.contoso)
        self.gateway = self.world.start()

    def failed(self):
        return self.gateway.events("server_failed", connector="fabrikam-servers")

    def check_probes(self, stage):
        begin = self.hub.connections
        self.hub.script[stage] = lambda session, argument="": b"451 4.3.0 sick\r\n"
        for i in range(BURST):
            self.world.send(ANNA, [BOB], message("sick", f"sick-{i}."))
        wait_until("it was probed again and again", lambda: len(self.failed()) >= 3)
        # Each failure is one connection's; one more may be on its way.
        probes = self.hub.connections - begin
        self.assertIn(len(self.failed()) - probes, (-1, 0, 1))
        self.assertEqual(self.hub.messages, [])

        self.world.send(BOB, [ANNA], message("sick", "home."))
        wait_until("the neighbour is untouched", lambda: self.home.with_text("home."))
        self.assertEqual(self.gateway.events("server_failed", connector="contoso-servers"), [])

        self.hub.script.clear()
        self.gateway.wait_event("server_restored", connector="fabrikam-servers")
        wait_until("all have come", lambda: len(self.hub.messages) == BURST)
        failures = len(self.failed())
        wait_until("the queue is empty", lambda: self.gateway.queue() == [])
        self.assertEqual(len(self.failed()), failures)
        self.assertEqual(len({m.data.split(b"X-Mark: ")[1].split(b"\r\n")[0]
                              for m in self.hub.messages}), BURST)

    def test_sick_at_ehlo(self):
        self.check_probes("ehlo")

    def test_sick_at_the_banner(self):
        self.check_probes("banner")


if __name__ == "__main__":
    unittest.main()
