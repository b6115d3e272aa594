"""Too many, too often wrong, too slow: who is told no, for how long, and who is not."""

import time
import unittest

from client import Lost, Raw
from forests import GATEWAY_NAME, World
from kit import CONTOSO_IP, FABRIKAM_IP, GATEWAY_IP, wait_until

PROBE_IP = "127.0.8.1"


class Limits(unittest.TestCase):
    def setUp(self):
        self.world = World("limits")
        self.addCleanup(self.world.stop)
        self.addCleanup(self.world.scratch.remove)
        self.opened = []

    def tearDown(self):
        for raw in self.opened:
            raw.close()

    def start(self, limits="", contoso="", top=""):
        text = top + self.world.config_text()
        text = text.replace("limits: {", f"limits: {{ {limits}", 1)
        text = text.replace("monitor: {", "monitor: { probe_networks: [127.0.8.0/24],", 1)
        text = text.replace("    speaks_for: [contoso]\n",
                            f"    speaks_for: [contoso]\n{contoso}", 1)
        text = text.replace("networks: [127.0.1.0/24]", "networks: [127.0.1.0/24, 127.0.3.0/24]", 1)
        self.world.config_text = lambda: text
        self.gateway = self.world.start()
        return self.gateway

    def enter(self, source, code=220):
        raw = Raw(GATEWAY_IP, self.world.port, source)
        self.opened.append(raw)
        return raw, raw.expect(None, code)

    def leave(self):
        for raw in self.opened:
            raw.close()
        self.opened = []
        wait_until("all have left",
                   lambda: self.gateway.metric("forestgate_smtp_sessions_open") == 0)

    def refused(self, reason):
        return self.gateway.metric("forestgate_smtp_sessions_refused_total", reason=reason)

    # ---- how many

    def test_a_full_gateway_is_busy_and_not_dead(self):
        gateway = self.start("sessions: 5, probe_sessions: 2,")
        for i in range(5):
            self.enter(f"127.0.1.{i + 1}")
        _, reply = self.enter(FABRIKAM_IP, 421)
        self.assertIn("4.3.2", reply)
        probes = [self.enter(PROBE_IP)[0] for _ in range(2)]
        self.enter(PROBE_IP, 421)
        probes[0].expect("EHLO lb.example", 250)
        probes[0].starttls(self.world.ca.cert, GATEWAY_NAME)
        self.assertIn("250-AUTH", probes[0].expect("EHLO lb.example", 250))
        probes[0].expect("QUIT", 221)
        wait_until("the place is free",
                   lambda: gateway.metric("forestgate_smtp_sessions_open") == 6)
        self.enter(PROBE_IP)
        self.assertEqual(self.refused("sessions"), 2)
        self.leave()
        self.enter(FABRIKAM_IP)

    def test_a_client_a_network_and_a_connector_have_limits_of_their_own(self):
        self.start(contoso="    connections: 4\n    connections_per_network: 3\n"
                           "    connections_per_client: 2\n")
        self.enter("127.0.1.1")
        self.enter("127.0.1.1")
        self.enter("127.0.1.1", 421)
        self.assertEqual(self.refused("client"), 1)
        self.enter("127.0.1.2")
        self.enter("127.0.1.3", 421)
        self.assertEqual(self.refused("network"), 1)
        self.enter("127.0.3.1")
        self.enter("127.0.3.2", 421)
        self.assertEqual(self.refused("connector"), 1)
        self.enter(FABRIKAM_IP)  # another connector's sessions are its own
        self.leave()
        self.enter("127.0.1.3")

    def test_who_is_refused_takes_no_place_and_may_say_quit(self):
        self.start("sessions: 1, probe_sessions: 0,")
        self.enter(CONTOSO_IP)
        for _ in range(20):
            raw, _ = self.enter(FABRIKAM_IP, 421)
        raw.expect("EHLO hub1.fabrikam.example", 503)
        raw.expect("QUIT", 221)
        self.assertEqual(raw.until_closed(), "")
        self.assertEqual(self.gateway.metric("forestgate_smtp_sessions_open"), 1)

    # ---- wrong passwords

    def logon(self, source, password, user=None):
        """The reply to one logon on a connection of its own, or to the connection."""
        with Raw(GATEWAY_IP, self.world.port, source) as raw:
            banner = raw.expect(None, "")
            if not banner.startswith("220"):
                return banner
            raw.expect("EHLO mx1.contoso.example", 250)
            raw.starttls(self.world.ca.cert, GATEWAY_NAME)
            raw.expect("EHLO mx1.contoso.example", 250)
            return raw.login(user or self.world.contoso.user, password)

    def test_wrong_passwords_block_an_address_for_a_while_and_nobody_else(self):
        gateway = self.start("auth_failures: 3, auth_block: 4s,")
        right = self.world.contoso.password
        before = self.world.raw(logon=False)  # open before the block, from 127.0.1.1
        self.opened.append(before)
        for _ in range(3):
            self.assertRegex(self.logon(CONTOSO_IP, "wrong"), r"^535 5\.7\.3 ")
        blocked = gateway.wait_event("auth_blocked", client=CONTOSO_IP)
        self.assertEqual((blocked["failures"], blocked["seconds"]), ("3", "4"))

        for _ in range(3):
            self.assertRegex(self.logon(CONTOSO_IP, right), r"^421 4\.7\.0 ")
        self.assertRegex(self.logon("127.0.1.2", right), "^235")
        self.assertRegex(before.login(self.world.contoso.user, right), "^235")
        self.assertGreaterEqual(self.refused("blocked"), 3)
        self.assertEqual(gateway.events("session_refused"), [])

        wait_until("the block has ended",
                   lambda: self.logon(CONTOSO_IP, right).startswith("235"), pause=0.2)
        gateway.wait_event("auth_unblocked", client=CONTOSO_IP)
        self.assertEqual(len(gateway.events("auth_blocked")), 1)
        self.assertEqual(gateway.metric("forestgate_smtp_auth_blocks_total"), 1)

    def test_the_answer_to_wrong_passwords_comes_later_and_later(self):
        self.start("auth_failures: 100,")
        took = []
        for _ in range(3):
            begin = time.monotonic()
            self.assertRegex(self.logon(CONTOSO_IP, "wrong"), "^535")
            took.append(time.monotonic() - begin)
        self.assertGreaterEqual(took[1], 1.0)
        self.assertGreaterEqual(took[2], 2.0)

    def test_others_are_served_while_a_wrong_password_waits_for_its_answer(self):
        self.start("auth_failures: 100,")
        for _ in range(2):
            self.logon(CONTOSO_IP, "wrong")
        waiting = self.world.raw(logon=False)
        self.opened.append(waiting)
        waiting.send("AUTH PLAIN AHgAeA==\r\n")  # x, x: answered after 2 s
        self.gateway.wait_event("auth_failed", why=lambda why: "no account" in why)
        self.assertRegex(self.logon(CONTOSO_IP, self.world.contoso.password), "^235")
        waiting.sock.settimeout(10)
        self.assertRegex(waiting.line(), "^535")

    def test_a_right_password_forgives(self):
        gateway = self.start("auth_failures: 3,")
        for _ in range(3):
            self.assertRegex(self.logon(CONTOSO_IP, "wrong"), "^535")
            self.assertRegex(self.logon(CONTOSO_IP, "wrong"), "^535")
            self.assertRegex(self.logon(CONTOSO_IP, self.world.contoso.password), "^235")
        self.assertEqual(gateway.events("auth_blocked"), [])

    def test_probes_are_neither_slowed_nor_blocked_and_never_let_in_for_it(self):
        gateway = self.start("auth_failures: 2,")
        for _ in range(6):
            self.assertRegex(self.logon(PROBE_IP, "wrong"), "^535")
        self.assertEqual(gateway.events("auth_blocked"), [])
        self.assertEqual(len(gateway.events("auth_failed", client=PROBE_IP)), 6)
        with Raw(GATEWAY_IP, self.world.port, PROBE_IP) as raw:
            raw.expect(None, 220)
            raw.expect("EHLO lb.example", 250)
            raw.starttls(self.world.ca.cert, GATEWAY_NAME)
            raw.expect("EHLO lb.example", 250)
            # The password of a forest is right only where that forest's connector is.
            self.assertRegex(
                raw.login(self.world.contoso.user, self.world.contoso.password), "^535")
            raw.expect("MAIL FROM:<anna@contoso.example>", 550)

    def test_who_says_the_same_waits_for_one_check_whether_the_name_exists_or_not(self):
        """More sessions than checks may wait: a name that nobody has must not be what fills them."""
        gateway = self.start("auth_failures: 100000,", top="workers: 1\n")
        many = []
        for i in range(300):
            raw, _ = self.enter(f"127.0.8.{1 + i % 5}")
            raw.expect("EHLO lb.example", 250)
            raw.starttls(self.world.ca.cert, GATEWAY_NAME)
            raw.expect("EHLO lb.example", 250)
            many.append(raw)
        for raw in many:
            raw.send("AUTH PLAIN AHgAeA==\r\n")  # x, x
        self.assertEqual({raw.reply()[:3] for raw in many}, {"535"})
        self.assertEqual(len(gateway.events("auth_failed")), 300)

    # ---- slow

    def test_a_command_that_trickles_is_ended(self):
        gateway = self.start("command: 1s,")
        raw, _ = self.enter(CONTOSO_IP)
        said, begin = "", time.monotonic()
        with self.assertRaises((Lost, OSError)):
            while True:
                raw.send("x")
                raw.sock.settimeout(0.2)
                try:
                    said += raw.line()
                except TimeoutError:
                    self.assertLess(time.monotonic() - begin, 15, "it goes on for ever")
        self.assertRegex(said, r"^421 4\.4\.1 ")
        self.assertIn("timed out", gateway.wait_event("session_closed")["why"])


if __name__ == "__main__":
    unittest.main()
