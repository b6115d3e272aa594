"""Servers as odd as Exchange can be, and mail that arrives all the same, once."""

import socket
import unittest

from exchange.client import Letter
from exchange.personalities import personality
from exchange_pair import ANNA, BOB, Pair
from forests import message
from kit import FABRIKAM_IP, GATEWAY_IP, wait_until

INNER = ("X-EXPS", "X-ANONYMOUSTLS", "X-LINK2STATE", "XEXCH50", "XRDST", "XSHADOW", "TURN", "ATRN",
         "ETRN", "VRFY", "HELP")

pair = gateway = old = new = None


def setUpModule():
    global pair, gateway, old, new
    pair = Pair("exchange-oddities", new="2010")
    gateway, old, new = pair.gateway, pair.servers["contoso"], pair.servers["fabrikam"]


def tearDownModule():
    if pair:
        pair.stop()


def to_new(mark, body=b"Hello\r\n"):
    pair.hand_over("contoso", message("odd", mark, body))


def queue_is_empty():
    return wait_until("nothing is left in the queue", lambda: not gateway.queue())


class Odd(unittest.TestCase):
    def setUp(self):
        pair.repair()
        gateway.retry()  # what the test before taught about the servers is over
        self.begin = gateway.log_size()

    def assert_nobody_was_told(self):
        queue_is_empty()
        self.assertEqual(gateway.events("delivery", since=self.begin, outcome="bounced"), [])
        self.assertEqual(gateway.events("report_queued", since=self.begin), [])

    def test_a_250_that_2010_holds_back_is_waited_for_and_not_asked_for_twice(self):
        new.turn_on("delayed_ack")
        connections = new.connections
        to_new("delayed-1.")
        session = wait_until("the server holds it", lambda: next(
            (s for s in new.sessions if s.held), None))
        self.assertEqual([m["recipients"][0]["address"] for m in gateway.queue()], [BOB])
        new.release.set()
        pair.arrives("fabrikam", "delayed-1.")
        self.assertTrue(session)
        self.assertLessEqual(new.connections, connections + 1)
        self.assert_nobody_was_told()

    def test_ten_minutes_end_a_kept_connection_and_the_next_mail_takes_a_new_one(self):
        to_new("kept-1.")
        pair.arrives("fabrikam", "kept-1.")
        wait_until("it waits", lambda: pair.clock.waiting)
        pair.clock.advance(601)
        wait_until("they are cut", lambda: not new.sessions)
        to_new("kept-2.")
        pair.arrives("fabrikam", "kept-2.")
        self.assert_nobody_was_told()

    def test_ten_minutes_that_end_within_the_content_cost_a_retry_only(self):
        cut = []

        def cut_once():
            if not cut:
                cut.append(pair.clock.advance(601))

        new.on_data = cut_once
        self.addCleanup(setattr, new, "on_data", None)
        to_new("cut-1.", b"x" * 70 + b"\r\n")
        pair.arrives("fabrikam", "cut-1.")
        self.assertTrue(cut)
        self.assert_nobody_was_told()

    def test_more_connections_than_20_are_greeted_with_421_and_all_mail_arrives(self):
        crowd = []
        for _ in range(18):
            crowd.append(socket.create_connection((FABRIKAM_IP, new.port), 5, (GATEWAY_IP, 0)))
            self.addCleanup(crowd[-1].close)
        wait_until("the crowd is in", lambda: len(new.sessions) >= 18)
        new.turn_on("delayed_ack")  # so that two connections are not enough
        for i in range(30):
            to_new(f"crowd-{i}.")
        wait_until("one was too many", lambda: any(
            line.startswith("421 4.3.2") for _, side, line in new.lines if side == "S"))
        new.turn_off()
        new.release.set()
        for i in range(30):
            pair.arrives("fabrikam", f"crowd-{i}.")
        self.assert_nobody_was_told()

    def test_back_pressure_makes_mail_wait(self):
        new.turn_on("pressure")
        to_new("pressure-1.")
        wait_until("it was refused for now", lambda: "452 4.3.1" in gateway.log_text(self.begin))
        new.turn_off()
        pair.arrives("fabrikam", "pressure-1.")
        self.assert_nobody_was_told()

    def test_mail_waits_while_an_expired_certificate_hides_starttls(self):
        new.stop()
        new.turn_on("expired_certificate").start()
        to_new("expired-1.")
        wait_until("it is said", lambda: "STARTTLS" in gateway.log_text(self.begin))
        self.assertFalse(new.with_text("expired-1."))
        new.turn_off()
        pair.arrives("fabrikam", "expired-1.")
        self.assert_nobody_was_told()

    def test_mail_waits_behind_a_firewall_that_masks(self):
        for quirk in ("inspected", "masked_list"):
            with self.subTest(quirk):
                new.stop()
                new.turn_on(quirk).start()
                begin = gateway.log_size()
                to_new(f"{quirk}-1.")
                gateway.wait_event("server_failed", since=begin)
                new.turn_off()
                pair.arrives("fabrikam", f"{quirk}-1.")
                self.assert_nobody_was_told()

    def test_a_server_that_hangs_on_an_unended_line_gets_it_with_its_end(self):
        new.turn_on("hangs_unended")
        body = b"no end"
        for mark in ("unended-1.", "unended-2."):
            begin = len(new.commands)
            to_new(mark, body)
            if mark == "unended-1.":
                wait_until("it hangs", lambda: any(
                    line.startswith("BDAT") and line.endswith("LAST") for _, line in
                    new.commands[begin:]))
                wait_until("its limit is fixed", lambda: pair.clock.waiting)
                pair.clock.advance(301)  # 2007 gives up before the gateway does, and says 421
            taken = pair.arrives("fabrikam", mark)
            self.assertTrue(taken.data.endswith(body + b"\r\n"))
            self.assertFalse(taken.chunks)
        self.assert_nobody_was_told()

    def test_a_session_limit_of_2003_does_not_make_mail_come_twice(self):
        old.turn_on("session_size")
        body = (b"y" * 998 + b"\r\n") * 4000
        for i in range(3):
            pair.hand_over("fabrikam", message("large", f"session-{i}.", body))
            pair.arrives("contoso", f"session-{i}.")
        self.assertEqual(old.cut, 1)
        self.assert_nobody_was_told()

    def test_an_empty_auth_list_is_no_mechanism_and_mail_waits(self):
        new.stop()
        new.turn_on("empty_auth").start()
        to_new("auth-1.")
        gateway.wait_event("server_failed", since=self.begin)
        new.turn_off()
        pair.arrives("fabrikam", "auth-1.")
        self.assert_nobody_was_told()

    def test_verbs_of_the_inner_organization_are_neither_offered_nor_used(self):
        to_new("inner-1.")
        pair.arrives("fabrikam", "inner-1.")
        pair.hand_over("fabrikam", message("x", "inner-2."))
        pair.arrives("contoso", "inner-2.")
        for server in (old, new):
            said = {line.split(" ")[0].upper() for _, line in server.commands}
            self.assertFalse(said & set(INNER), said)
        for client in pair.clients.values():
            offered = {line[7:].split(" ")[0].split("=")[0].upper() for line in client.lines
                       if line.startswith("S: 250")}
            self.assertFalse(offered & {*INNER, "BURL"}, offered)

    def test_a_logon_is_neither_offered_nor_taken_before_tls(self):
        client = pair.clients["contoso"]
        client.quit()
        self.addCleanup(client.hang_up)
        for name, value in (("tls", False), ("user", client.user)):
            self.addCleanup(setattr, client, name, getattr(client, name))
            setattr(client, name, value)
        outcome = client.send(Letter(ANNA, [BOB], message("odd", "clear-1.")))
        self.assertEqual(outcome.retry, {BOB: client.habits["no_login"]})
        client.user = None
        self.assertRegex(client.connected().ask("AUTH LOGIN")[-1], "^5")

    def test_the_gateway_is_no_server_that_breaks_2003(self):
        self.assertFalse(personality("2003+KB").client["multiline_354"])
        client = pair.clients["contoso"]
        self.addCleanup(setattr, client, "chunks", client.chunks)
        client.chunks = False
        pair.hand_over("contoso", message("x", "single-354."))
        lines = [line for line in client.lines if line.startswith("S: 354")]
        self.assertTrue(lines and not [line for line in lines if line.startswith("S: 354-")])
        self.assertTrue(personality("2007").client["multiline_354"])


if __name__ == "__main__":
    unittest.main()
