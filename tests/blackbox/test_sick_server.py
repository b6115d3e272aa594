"""A server that is sick gets one connection at a time, and all of its mail when it is well again;
the other forest's server does not notice. Counted, not timed."""

import threading
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


class SlowServer(unittest.TestCase):
    """Two servers of one connector, of which one takes its time over each message."""

    def setUp(self):
        self.world = World("slow-server")
        self.addCleanup(self.world.stop)
        self.release = threading.Event()
        self.addCleanup(self.release.set)
        self.slow = self.world.sink(self.world.fabrikam)
        self.fast = self.world.sink(self.world.fabrikam, name="hub2.fabrikam.example")
        self.world.fabrikam.extra = "    balance: round-robin\n"
        self.gateway = self.world.start()

    def test_it_holds_up_only_what_it_has_in_hand(self):
        held = []

        def hold(session, content):
            held.append(session)
            self.release.wait(30)

        self.slow.script["content"] = hold
        for i in range(2 * BURST):
            self.world.send(ANNA, [BOB], message("slow", f"slow-{i}."))
        # All but what lies at the slow one, at most one message for each connection to it.
        wait_until("the fast one has the rest", lambda: held and len(
            self.fast.messages) + len(held) == 2 * BURST)
        self.assertLessEqual(len(held), 10)
        self.assertEqual(self.slow.messages, [])
        self.release.set()
        wait_until("all have come", lambda: len(self.fast.messages) + len(
            self.slow.messages) == 2 * BURST)
        wait_until("the queue is empty", lambda: self.gateway.queue() == [])


if __name__ == "__main__":
    unittest.main()
