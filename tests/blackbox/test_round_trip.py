"""A marked message to another forest, and the delivery report that comes back: what the gateway
says of both, and that nothing is lost or doubled by being watched."""

import json
import socket
import threading
import unittest

from exchange.client import Letter
from exchange_pair import ANNA, BOB, Pair
from gateway import forestgate
from kit import wait_until

CARL = "carl@contoso.example"
REPORT = (b"From: postmaster@%s\r\nTo: %s\r\nSubject: Delivery Status Notification\r\nX-Mark: dsn\r\n"
          b"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n"
          b"\tboundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nDelivered.\r\n--b\r\n"
          b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns;%s\r\n\r\n"
          b"Final-Recipient: rfc822;%s\r\nAction: delivered\r\nStatus: 2.1.5\r\n\r\n--b--\r\n")


class RoundTripCase(unittest.TestCase):
    old, new = "2003+KB", "2007"
    workers = None  # as the gateway chooses

    def setUp(self):
        self.pair = Pair("round-trip", self.old, self.new, workers=self.workers)
        self.addCleanup(self.pair.world.scratch.remove)
        self.addCleanup(self.pair.stop)
        self.gateway = self.pair.gateway

    # ---- the control socket

    def ask(self, *words):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(self.pair.world.scratch("control.sock"))
            s.sendall(" ".join(words).encode() + b"\n")
            answer = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        text, _, status = answer.rpartition("\0")
        return int(status), text.strip()

    def begin(self, sender=ANNA, to=BOB):
        status, token = self.ask("round-trip", "start", sender, to)
        self.assertEqual(status, 0, token)
        return token

    def refused(self, sender, to, *found):
        status, text = self.ask("round-trip", "start", sender, to)
        self.assertEqual(status, 1, text)
        for words in found:
            self.assertIn(words, text)

    def state(self, token):
        status, text = self.ask("round-trip", "look", token)
        self.assertEqual(status, 0, text)
        return json.loads(text)

    def until(self, token, **wanted):
        def as_wanted():
            state = self.state(token)
            return state if all(state[k] == v for k, v in wanted.items()) else None
        try:
            return wait_until(f"{wanted}", as_wanted)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.state(token)}") from None

    # ---- the servers

    def marked(self, forest, token):
        return self.pair.servers[forest].with_text(f"test message {token}\r\n")

    def report(self, forest, to=ANNA):
        """The server of this forest tells that it has delivered."""
        about = BOB if forest == "fabrikam" else ANNA
        name = self.pair.clients[forest].name.encode()
        data = REPORT % (about.split("@")[1].encode(), to.encode(), name, about.encode())
        outcome = self.pair.clients[forest].send(Letter("", [to], data))
        self.assertEqual((outcome.retry, outcome.returned), ({}, {}))

    def empty(self):
        wait_until("an empty queue", lambda: self.gateway.queue() == [])


class Trip(RoundTripCase):
    def test_there_and_back(self):
        token = self.begin()
        self.until(token, there="delivered")
        self.assertEqual(self.state(token)["back"], "not-seen")
        (there,) = self.marked("fabrikam", token)
        self.assertEqual((there.sender, there.addresses), (ANNA, [BOB]))
        self.assertEqual(there.options["RET"], "HDRS")
        self.assertEqual(there.options["ENVID"], token)
        self.assertEqual(set(there.recipients[0].options["NOTIFY"].split(",")),
                         {"SUCCESS", "FAILURE"})
        for field in ("From: <anna@contoso.example>", "Auto-Submitted: auto-generated",
                      f"Message-ID: <{token}@", "Date: ", "MIME-Version: 1.0"):
            self.assertIn(f"\r\n{field}", "\r\n" + there.data.decode("ascii"))
        self.report("fabrikam")
        self.until(token, back="came")
        self.empty()
        self.assertEqual(len(self.marked("fabrikam", token)), 1)
        self.assertEqual(len(self.pair.servers["contoso"].with_text("X-Mark: dsn\r\n")), 1)

    def test_from_2007_to_2003(self):
        token = self.begin(BOB, ANNA)
        self.until(token, there="delivered")
        self.report("contoso", BOB)
        self.until(token, back="came")

    def test_a_server_that_is_down_is_told_and_nothing_is_lost(self):
        server = self.pair.servers["fabrikam"]
        server.stop()
        token = self.begin()
        state = wait_until("why it waits", lambda: (s := self.state(token))["there_words"] and s)
        self.assertIn(state["there"], ("under-way", "deferred"))
        self.assertIn("efused", state["there_words"])
        server.start()
        self.until(token, there="delivered")
        self.empty()
        self.assertEqual(len(self.marked("fabrikam", token)), 1)

    def test_a_report_before_the_delivery_is_about_something_else(self):
        server = self.pair.servers["fabrikam"]
        server.stop()
        token = self.begin()
        self.report("fabrikam")
        wait_until("that report", lambda: self.pair.servers["contoso"].with_text("X-Mark: dsn"))
        server.start()
        self.until(token, there="delivered")
        self.assertEqual(self.state(token)["back"], "not-seen")
        self.report("fabrikam")
        self.until(token, back="came")

    def test_a_report_of_our_own_about_other_mail_is_no_lack_of_dsn(self):
        token = self.begin()
        self.until(token, there="delivered")
        self.pair.hand_over("contoso", b"Subject: x\r\n\r\nx\r\n", ["nobody@fabrikam.example"])
        wait_until("the report about nobody", lambda: self.pair.servers["contoso"].with_text(
            "nobody@fabrikam.example"))
        self.empty()
        self.assertEqual(self.state(token)["back"], "not-seen")
        self.report("fabrikam")
        self.until(token, back="came")

    def test_a_recipient_that_is_refused_ends_it(self):
        token = self.begin(ANNA, "nobody@fabrikam.example")
        self.assertIn("5.1.1", self.until(token, there="ended")["there_words"])
        self.empty()

    def test_a_report_for_another_mailbox_or_from_the_wrong_forest_is_none(self):
        token = self.begin()
        self.until(token, there="delivered")
        self.report("fabrikam", CARL)
        wait_until("Carl's", lambda: self.pair.servers["contoso"].with_text("X-Mark: dsn"))
        self.empty()
        self.assertEqual(self.state(token)["back"], "not-seen")

    def test_a_mailbox_without_case_is_the_same(self):
        token = self.begin()
        self.until(token, there="delivered")
        self.report("fabrikam", "Anna@CONTOSO.example")
        self.until(token, back="came")

    def test_what_cannot_go_is_refused_in_words(self):
        self.refused("x@elsewhere.example", BOB, "x@elsewhere.example")
        self.refused(ANNA, "x@elsewhere.example", "x@elsewhere.example")
        self.refused(ANNA, CARL, "contoso")
        self.refused("anna", BOB, "anna")
        self.refused(ANNA, "a" * 330 + "@fabrikam.example", "not the address")
        for nonsense in (("start",), ("start", ANNA), ("start", ANNA, BOB, "x")):
            self.assertEqual(self.ask("round-trip", *nonsense)[0], 2)
        for token in ("0123456789abcdef", "", "x" * 900):
            self.assertEqual(self.ask("round-trip", "look", token)[0], 1)
        self.assertEqual(self.gateway.queue(), [])

    def test_two_at_once_are_told_apart(self):
        first = self.begin()
        self.refused("Anna@contoso.example", "other@fabrikam.example", "just begun")
        second = self.begin(CARL, BOB)
        self.until(first, there="delivered")
        self.until(second, there="delivered")
        self.report("fabrikam", CARL)
        self.until(second, back="came")
        self.assertEqual(self.state(first)["back"], "not-seen")

    def test_a_reload_in_between_changes_nothing(self):
        token = self.begin()
        self.until(token, there="delivered")
        self.gateway.command("reload", check=True)
        self.report("fabrikam")
        self.until(token, back="came")

    def test_after_a_crash_it_is_delivered_and_not_watched(self):
        server = self.pair.servers["fabrikam"]
        server.stop()
        token = self.begin()
        wait_until("custody", self.gateway.queue)
        self.gateway.kill()
        server.start()
        self.gateway.start()
        wait_until("the marked message", lambda: self.marked("fabrikam", token))
        self.empty()
        status, text = self.ask("round-trip", "look", token)
        self.assertEqual(status, 1)
        self.assertIn("started again", text)
        self.assertEqual(len(self.marked("fabrikam", token)), 1)


class NoDsn(RoundTripCase):
    def test_our_own_report_is_no_way_back(self):
        server = self.pair.servers["fabrikam"]
        lines = server.ehlo_lines
        server.ehlo_lines = lambda tls, client: [l for l in lines(tls, client) if l != "DSN"]
        token = self.begin()
        self.until(token, there="delivered", back="own-report")
        wait_until("it", lambda: self.pair.servers["contoso"].with_text("Action: relayed"))


class ManyWorkers(RoundTripCase):
    workers = 3

    def test_there_and_back(self):
        token = self.begin()
        self.until(token, there="delivered")
        self.report("fabrikam")
        self.until(token, back="came")
        self.empty()
        self.assertEqual(len(self.marked("fabrikam", token)), 1)


class Command(RoundTripCase):
    """forestgate preflight --round-trip"""

    def preflight(self, *words):
        code, out, err = forestgate("preflight", "-c", self.gateway.config, "--no-auth", "--json",
                                    *words, seconds=60)
        return code, json.loads(out) if out else None, err

    def checks(self, told, forest):
        (section,) = [f for f in told["forests"] if f["forest"] == forest]
        return {c["check"]: c for c in section["checks"] if c["check"].startswith("round-trip")}

    def test_it_is_told_with_the_other_checks(self):
        def send_back():
            wait_until("it arrives", lambda: self.pair.servers["fabrikam"].with_text(
                "Subject: forestgate test message"))
            self.report("fabrikam")
        answer = threading.Thread(target=send_back)
        answer.start()
        _, told, err = self.preflight("--round-trip", f"{ANNA},{BOB}")
        answer.join()
        checks = self.checks(told, "fabrikam")
        self.assertEqual({name: c["state"] for name, c in checks.items()},
                         {"round-trip-there": "ok", "round-trip-back": "ok"}, err)
        self.assertIn("250 2.6.0", checks["round-trip-there"]["lines"][0]["found"])

    def test_a_refusal_fails_and_silence_warns(self):
        code, told, _ = self.preflight("--round-trip", f"{ANNA},nobody@fabrikam.example")
        self.assertEqual(code, 1)
        checks = self.checks(told, "fabrikam")
        self.assertEqual((checks["round-trip-there"]["state"], checks["round-trip-back"]["state"]),
                         ("failed", "not-tried"))
        self.assertIn("550 5.1.1", checks["round-trip-there"]["lines"][0]["found"])
        code, told, _ = self.preflight("--round-trip", f"{CARL},{BOB}", "--round-trip-wait", "1s")
        self.assertEqual((code, self.checks(told, "fabrikam")["round-trip-back"]["state"]),
                         (1, "warning"))

    def test_without_the_gateway_it_is_not_tried(self):
        self.gateway.stop()
        code, told, _ = self.preflight("--round-trip", f"{ANNA},{BOB}")
        (check,) = self.checks(told, "fabrikam").values()
        self.assertEqual((code, check["state"]), (1, "not-tried"))
        self.assertEqual(check["lines"][0]["found"], "the gateway does not run")

    def test_usage(self):
        for words, why in ((("--round-trip", "anna"), "write two mailboxes"),
                           (("--round-trip", f"{ANNA},{BOB}", "--round-trip-wait", "15m"),
                            "at most 840s"),
                           (("--round-trip", f"{ANNA},{BOB}") * 5, "at most 4 times")):
            code, _, err = self.preflight(*words)
            self.assertEqual(code, 2)
            self.assertIn(why, err)


if __name__ == "__main__":
    unittest.main()
