"""The postmaster's verbs on queued mail, with the gateway running and without it."""

import json
import os
import signal
import threading
import time
import unittest

from forests import World, message
from gateway import forestgate
from kit import wait_until

ANNA, KIM = "anna@contoso.example", "kim@contoso.example"
BOB, EVE = "bob@fabrikam.example", "eve@fabrikam.example"
HUB = "fabrikam-servers"


class QueueCase(unittest.TestCase):
    workers = None

    def setUp(self):
        self.world = World("queue")
        self.addCleanup(self.world.stop)
        self.hub = self.world.sink(self.world.fabrikam)
        self.home = self.world.sink(self.world.contoso)
        self.world.retry = "{ connection: [1h], message: [1h], delay_notice: 1d, expire: 2d }"
        if self.workers:
            text = self.world.config_text
            self.world.config_text = lambda: text() + f"workers: {self.workers}\n"
        self.gateway = self.world.start()

    # ---- mail

    def hub_is_down(self):
        self.hub.stop()

    def send(self, mark, sender=ANNA, to=(BOB,), body=b"Hello\r\n"):
        """One message into the queue; its id."""
        return self.world.send(sender, list(to), message("queue", mark, body))

    def queued(self, *marks, **more):
        """Messages that wait because the hub is down."""
        ids = [self.send(mark, **more) for mark in marks]
        self.gateway.wait_event("server_failed")
        wait_until("nothing is in flight", lambda: self.row()["in_flight"] == 0)
        return ids

    def arrived(self, mark):
        return wait_until(f"{mark} arrives", lambda: self.hub.with_text(f"X-Mark: {mark}\r\n"))

    # ---- commands

    def ask(self, *words, code=0, check_err=True):
        got, out, err = self.gateway.command("queue", *words)
        self.assertEqual(got, code, (words, out, err))
        return out + (err if check_err else "")

    def rows(self, *words):
        return {q["connector"]: q for q in json.loads(self.ask("list", "--json", *words,
                                                               check_err=False))}

    def row(self, name=HUB):
        return self.rows()[name]

    def ids(self, *words):
        out = self.ask("list", "--messages", "--json", *words, check_err=False)
        return [json.loads(line)["id"] for line in out.splitlines()]

    def states(self, queue_id):
        shown = json.loads(self.ask("show", queue_id, "--json", check_err=False))
        return [r["state"] for r in shown["recipients"]]


class Messages(QueueCase):
    def test_a_suspended_message_waits_and_its_neighbour_goes(self):
        self.hub_is_down()
        first, second = self.queued("one", "two")
        self.assertIn("1 message is suspended", self.ask("suspend", first))
        self.assertEqual(self.states(first), ["suspended"])
        self.assertEqual((self.row()["messages"], self.row()["suspended"]), (2, 1))
        self.hub.start()
        self.ask("retry", HUB)
        self.arrived("two")
        self.assertEqual(self.ids(), [first])
        self.assertFalse(self.hub.with_text("X-Mark: one\r\n"))
        self.assertIn("1 message is resumed", self.ask("resume", first))
        self.arrived("one")
        wait_until("the queue is empty", lambda: self.ids() == [])

    def test_suspension_outlives_the_gateway(self):
        self.hub_is_down()
        first, second = self.queued("one", "two")
        self.ask("suspend", first)
        self.gateway.kill()
        self.hub.start()
        self.gateway.start()
        self.arrived("two")
        self.assertEqual(self.states(first), ["suspended"])
        self.ask("resume", first)
        self.arrived("one")

    def test_removed_without_a_report_is_gone(self):
        self.hub_is_down()
        first, second = self.queued("one", "two")
        self.assertIn("1 message is removed", self.ask("remove", first, "--no-dsn"))
        self.assertEqual(self.ids(), [second])
        removed = self.gateway.wait_event("removed", id=first)
        self.assertEqual((removed["uid"], removed["report"]), (str(os.getuid()), "no"))
        self.assertIn("0 messages are removed", self.ask("remove", first, "--no-dsn", code=1))
        self.hub.start()
        self.ask("retry", HUB)
        self.arrived("two")
        self.assertFalse(self.hub.with_text("X-Mark: one\r\n"))
        self.assertFalse(self.gateway.events("report_queued"))

    def test_removed_with_a_report_tells_the_sender(self):
        self.hub_is_down()
        first, second = self.queued("one", "two")
        self.assertIn("1 message is removed", self.ask("remove", first, "--dsn"))
        report, = wait_until("the report arrives", lambda: self.home.with_text("multipart/report"))
        self.assertEqual((report.sender, report.recipients), ("", [ANNA]))
        for words in (b"Status: 5.3.0", b"The postmaster removed this message", BOB.encode(),
                      b"X-Mark: one"):
            self.assertIn(words, report.data)
        wait_until("it is gone", lambda: self.ids() == [second])
        self.assertEqual(len(self.gateway.events("report_queued")), 1)

    def test_removed_with_a_report_while_the_gateway_is_down(self):
        self.hub_is_down()
        first, = self.queued("one")
        self.gateway.stop()
        self.ask("remove", first, "--dsn")
        self.assertEqual(self.states(first), ["returning"])
        self.gateway.start()
        wait_until("the report arrives", lambda: self.home.with_text("multipart/report"))
        wait_until("it is gone", lambda: self.ids() == [])

    def test_many_are_removed_only_with_yes(self):
        self.hub_is_down()
        self.queued("one", "two", "three")
        kim = self.send("four", sender=KIM)
        said = self.ask("remove", "--sender", ANNA, "--no-dsn", code=1)
        self.assertIn("3 messages would be removed; --yes does it", said)
        self.assertEqual(len(self.ids()), 4)
        self.assertIn("--dsn", self.ask("remove", kim, code=2))
        self.ask("remove", "--sender", ANNA, "--no-dsn", "--yes")
        self.assertEqual(self.ids(), [kim])

    def test_selectors_choose(self):
        self.hub_is_down()
        one, two = self.queued("one", "two")
        kim = self.send("kim", sender=KIM, to=(BOB, EVE))
        large = self.send("large", body=(b"z" * 70 + b"\r\n") * 400)
        for words, wanted in ((("--sender", "kim*"), [kim]), (("--recipient", EVE), [kim]),
                              (("--larger", "20KiB"), [large]), (("--limit", "2"), [one, two]),
                              (("--after", two), [kim, large]), (("--older", "1h"), []),
                              (("--newer", "1h", "--smaller", "20KiB"), [one, two, kim]),
                              (("--forest", "contoso"), []), (("--state", "suspended"), []),
                              (("--connector", "contoso-servers"), [one, two, kim, large])):
            self.assertEqual(self.ids(*words), wanted, words)
        self.assertEqual(sorted(self.ids("--queue", HUB)), sorted([one, two, kim, large]))
        self.assertEqual(sorted(self.ids("--error", "connection refused")),
                         sorted([one, two, kim, large]))
        self.assertIn("no queue of that name", self.ask("list", "--queue", "nowhere", code=2))

    def test_show_has_the_headers_and_the_body(self):
        self.hub_is_down()
        queue_id, = self.queued("one", body=b"The body\r\nhas lines\r\n")
        headers = self.ask("show", queue_id, "--headers")
        self.assertRegex(headers, r"(?s)^Received: .*Subject: ")
        self.assertNotIn("The body", headers)
        self.assertEqual(self.ask("show", queue_id, "--body").split(), "The body has lines".split())

    def test_a_message_in_flight_is_said_to_be(self):
        reached, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)

        def hold(session, data):
            reached.set()
            release.wait(20)

        self.hub.script["content"] = hold
        queue_id = self.send("one")
        self.assertTrue(reached.wait(15))
        self.assertEqual(self.ids("--state", "active"), [queue_id])
        said = self.ask("suspend", queue_id)
        self.assertIn("1 of them were being delivered at that moment", said)
        self.assertEqual(self.states(queue_id), ["suspended"])
        release.set()
        self.arrived("one")
        wait_until("its outcome counts", lambda: self.ids() == [])

    def test_retry_of_one_message_leaves_the_others(self):
        self.hub.script["rcpt"] = lambda session, to: b"451 4.3.2 not now\r\n"
        first, second = self.send("one"), self.send("two")
        for queue_id in (first, second):
            self.gateway.wait_event("delivery", id=queue_id, outcome="deferred")
        del self.hub.script["rcpt"]
        self.assertIn("1 message is due now", self.ask("retry", first))
        self.arrived("one")
        self.assertEqual(self.ids(), [second])
        self.assertEqual(self.ids("--state", "retry"), [second])


class Queues(QueueCase):
    def test_a_suspended_queue_takes_mail_and_sends_none(self):
        self.assertIn("is suspended", self.ask("suspend", HUB))
        first = self.send("one")
        home = self.send("home", sender=BOB, to=(ANNA,))
        wait_until("the neighbour goes", lambda: self.home.with_text("X-Mark: home\r\n"))
        self.assertEqual(self.row()["state"], "Suspended")
        code, out, _ = self.gateway.command("status")
        self.assertEqual(code, 1)
        self.assertIn(f"an operator suspended its queue (queue resume {HUB})", out)
        self.gateway.kill()
        self.gateway.start()
        self.ask("retry", HUB)
        self.assertEqual(self.row()["state"], "Suspended")
        self.assertEqual(self.ids(), [first])
        self.assertEqual(self.hub.messages, [])
        self.ask("resume", HUB)
        self.arrived("one")
        self.assertEqual(self.row()["state"], "Ready")
        self.assertNotEqual(home, first)

    def test_what_an_operator_holds_back_does_not_expire(self):
        self.home.stop()
        self.hub_is_down()
        held, = self.queued("held")
        self.ask("suspend", HUB)
        other = self.send("home", sender=BOB, to=(ANNA,))
        self.gateway.wait_event("server_failed", connector="contoso-servers")
        self.world.retry = self.world.retry.replace("notice: 1d, expire: 2d",
                                                           "notice: 1s, expire: 2s")
        self.world.write_config()
        time.sleep(2.1)  # both are old enough
        self.gateway.reload()
        self.gateway.wait_event("delivery", id=other, outcome="expired")
        self.assertIn(held, self.ids())
        self.ask("resume", HUB)
        self.gateway.wait_event("delivery", id=held, outcome="expired")

    def test_what_no_connector_has_cannot_be_suspended_as_a_queue(self):
        self.assertIn("no queue of a send connector", self.ask("suspend", "held", code=1))

    def test_the_table_fits_and_says_why_mail_waits(self):
        self.hub_is_down()
        self.queued("one")
        out = self.ask("list")
        self.assertRegex(out, rf"(?m)^{HUB} +Retry +1 +0 .*\n    .*refused")

    def test_without_the_gateway_the_verbs_work_on_its_spool(self):
        self.hub_is_down()
        first, second, third = self.queued("one", "two", "three")
        self.gateway.stop()
        self.assertIn("does not run", self.ask("list"))
        self.assertEqual(self.ids(), [first, second, third])
        self.ask("suspend", first)
        self.ask("remove", second, "--no-dsn")
        self.ask("suspend", "contoso-servers")
        self.hub.start()
        self.gateway.start()
        self.arrived("three")
        self.assertEqual(self.states(first), ["suspended"])
        self.assertEqual(self.ids(), [first])
        self.assertEqual(self.row("contoso-servers")["state"], "Suspended")

    def test_a_spool_in_use_is_not_touched(self):
        config = self.world.config_text().replace("control.sock", "other.sock")
        other = self.world.scratch.write("other.yaml", config)
        code, out, err = self.gateway.command("queue", "list")
        self.assertEqual(code, 0)
        code, out, err = forestgate("queue", "list", "-c", other)
        self.assertEqual(code, 2)
        self.assertIn("in use by process", err)


class Poison(QueueCase):
    """A message that is in flight when the gateway crashes, twice."""

    def setUp(self):
        super().setUp()
        self.reached, self.release = threading.Event(), threading.Event()
        self.addCleanup(self.release.set)

        def hold(session, data):
            if b"X-Mark: bad" in data:
                self.reached.set()
                self.release.wait(20)
                return None if self.takes else b"451 4.3.0 too late\r\n"

        self.takes = False
        self.hub.script["content"] = hold

    def die(self, number):
        self.assertTrue(self.reached.wait(15))
        self.reached.clear()
        self.gateway.process.signal(number)
        self.gateway.process.wait(20)
        self.release.set()  # of the old session, whose reply nobody hears
        wait_until("it is gone", lambda: not self.hub.sessions)
        self.release.clear()
        self.gateway.start()

    def test_in_flight_at_two_crashes_is_poison(self):
        bad = self.send("bad")
        self.die(signal.SIGSEGV)
        self.gateway.wait_event("in_flight_at_crash", id=bad, crashes=1)
        good = self.send("good")
        self.arrived("good")
        self.die(signal.SIGABRT)
        self.gateway.wait_event("poison", id=bad, crashes=2)
        self.assertEqual(self.states(bad), ["suspended"])
        row = self.row("(poison)")
        self.assertEqual((row["state"], row["messages"]), ("Suspended", 1))
        self.assertEqual(self.gateway.metric("forestgate_queue_messages",
                                             connector="(poison)"), 1)
        self.assertIn("1 message is poison", self.gateway.command("status")[1])
        self.send("good-2")
        self.arrived("good-2")
        self.ask("retry", "--all")
        self.assertEqual(self.ids("--queue", "poison"), [bad])
        self.assertEqual(self.hub.with_text("X-Mark: bad"), [])
        self.assertNotEqual(good, bad)

        self.takes = True
        self.release.set()
        self.assertIn("1 message is resumed", self.ask("resume", "poison"))
        self.arrived("bad")
        wait_until("the queue is empty", lambda: self.ids() == [])

    def test_who_is_killed_from_outside_counts_no_crash(self):
        bad = self.send("bad")
        for _ in range(3):
            self.die(signal.SIGKILL)
        self.assertEqual(self.gateway.events("in_flight_at_crash", id=bad), [])
        self.takes = True
        self.release.set()
        self.arrived("bad")
        wait_until("the queue is empty", lambda: self.ids() == [])


class Moving(QueueCase):
    def test_a_queue_moves_to_another_gateway(self):
        self.hub.script["rcpt"] = lambda session, to: b"451 4.3.2 not now\r\n" if "eve" in to \
            else None
        body = b".dot\r\nlong " + b"x" * 900 + b"\r\n"
        first = self.send("one", to=(BOB, EVE), body=body)
        self.gateway.wait_event("delivery", id=first, outcome="deferred")
        wait_until("bob has it", lambda: self.states(first)[0] == "delivered")
        large = self.send("large", to=(EVE,), body=(b"z" * 70 + b"\r\n") * 5000)
        self.gateway.wait_event("delivery", id=large, outcome="deferred")
        self.ask("suspend", large)
        before = json.loads(self.ask("show", first, "--json"))
        folder = self.world.scratch("moved")
        os.mkdir(folder)
        self.assertIn("2 messages are exported", self.ask("export", "--queue", HUB, "--to", folder))
        self.assertIn("File exists", self.ask("export", "--all", "--to", folder, code=2))
        with open(f"{folder}/{first}.eml", "rb") as f:
            head = f.read(200)
        self.assertTrue(head.startswith(
            f"X-Sender: <{ANNA}>\r\nX-Receiver: <{EVE}>\r\n".encode()), head)
        self.gateway.stop()

        self.world.spool = self.world.scratch("spool2")
        self.gateway = self.world.start()
        said = self.ask("import", "--from", folder)
        self.assertIn("2 messages are imported", said)
        self.assertIn("0 messages are imported", self.ask("import", "--from", folder, code=1))
        new_id = said.split(f"{first} is ")[1].split(" ")[0]
        after = json.loads(self.ask("show", new_id, "--json"))
        for key in before:
            if key != "id":
                self.assertEqual(after[key], before[key], key)
        self.assertEqual(sorted(self.states(q) for q in self.ids()),
                         [["delivered", "waiting"], ["suspended"]])
        self.hub.script.clear()
        self.hub.messages.clear()
        self.ask("retry", "--all")
        copy, = self.arrived("one")
        self.assertEqual(copy.recipients, [EVE])
        self.assertIn(body, copy.data)
        self.ask("resume", "--queue", HUB)  # its next try is an hour away, as it was there
        self.ask("retry", "--queue", HUB)
        self.arrived("large")
        wait_until("the queue is empty", lambda: self.ids() == [])

    def test_what_is_no_export_is_refused_and_the_rest_goes_on(self):
        self.hub_is_down()
        first, second = self.queued("one", "two")
        folder = self.world.scratch("moved")
        os.mkdir(folder)
        self.ask("export", first, second, "--to", folder)
        with open(f"{folder}/{first}.json") as f:
            broken = json.load(f)
        for change in ({"from": "x" * 600}, {"recipients": []}, {"size": 1, "auth": 99},
                       {"exch50": "%%%"}, {"crashes": -1}):
            with open(f"{folder}/{first}.json", "w") as f:
                json.dump({**broken, **change}, f)
            code, out, err = self.gateway.command("queue", "import", "--from", folder)
            self.assertIn(f"{first} is not imported", err)
        self.assertEqual(len(self.ids()), 3)  # two, and the one that was imported the first time
        self.assertTrue(os.path.exists(f"{folder}/{second}.json.imported"))

    def test_a_connector_that_is_not_here_is_found_anew(self):
        self.hub_is_down()
        first, = self.queued("one")
        folder = self.world.scratch("moved")
        os.mkdir(folder)
        self.ask("export", first, "--to", folder)
        path = f"{folder}/{first}.json"
        with open(path) as f:
            text = f.read().replace(HUB, "old-hub")
        with open(path, "w") as f:
            f.write(text)
        self.ask("remove", first, "--no-dsn")
        self.ask("import", "--from", folder)
        moved, = self.gateway.queue()
        self.assertEqual(moved["recipients"][0]["connector"], HUB)
        self.assertEqual(moved["recipients"][0]["moved_from"], "old-hub")
        self.assertIn("was for old-hub", self.ask("list", "--messages"))


class MessagesOfTwoWorkers(Messages):
    workers = 2


class QueuesOfTwoWorkers(Queues):
    workers = 2


if __name__ == "__main__":
    unittest.main()
