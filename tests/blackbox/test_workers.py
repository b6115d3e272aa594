"""Several workers: one acceptor, one owner for each send connector, mail from any to any."""

import os
import threading
import unittest

from forests import World, message
from kit import FABRIKAM_IP, wait_until
from sink import STALL, Sink


class Workers(unittest.TestCase):
    count = 4

    def setUp(self):
        self.world = World("workers")
        self.addCleanup(self.world.stop)
        self.addCleanup(self.world.scratch.remove)
        self.sinks = {"fabrikam": self.world.sink(self.world.fabrikam),
                      "contoso": self.world.sink(self.world.contoso)}
        text = self.world.config_text() + f"workers: {self.count}\n"
        self.world.config_text = lambda: text

    def cross(self, marks):
        """Mail both ways, each message in a session of its own, several sessions at once."""
        failed = []

        def send(mark, sender, recipient):
            try:
                forest = self.world.contoso if "contoso" in sender else self.world.fabrikam
                client = self.world.client(forest)
                client.sendmail(sender, [recipient], message("workers", mark))
                client.quit()
            except Exception as e:  # every kind counts as a failure of the test
                failed.append(repr(e))

        ways = (("anna@contoso.example", "bob@fabrikam.example"),
                ("bob@fabrikam.example", "anna@contoso.example"))
        threads = [threading.Thread(target=send, args=(mark, *ways[i % 2]))
                   for i, mark in enumerate(marks)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(failed, [])

    def arrived(self, marks):
        def all_there():
            text = [m.data for sink in self.sinks.values() for m in sink.messages]
            return all(any(mark.encode() in d for d in text) for mark in marks)

        wait_until("all arrive", all_there, 40)
        found = [m for sink in self.sinks.values() for m in sink.messages]
        self.assertEqual(len(found), len(marks), "once each")

    def test_mail_crosses_both_ways_from_whatever_worker_took_it(self):
        gateway = self.world.start()
        self.assertEqual(gateway.wait_event("started")["workers"], str(self.count))
        marks = [f"crossed-{i}." for i in range(24)]
        self.cross(marks)
        self.arrived(marks)
        self.assertEqual(gateway.stop(), 0)

    def test_sessions_are_on_several_threads(self):
        gateway = self.world.start()
        before = gateway.threads("worker-")
        self.assertEqual(len(before), self.count - 1)
        clients = [self.world.raw() for _ in range(2 * self.count)]
        for _ in range(20):
            for raw in clients:
                raw.expect("NOOP", 250)
        woken = {t: n - before[t] for t, n in gateway.threads("worker-").items()}
        self.assertTrue(all(n >= 20 for n in woken.values()), woken)
        for raw in clients:
            raw.close()

    def test_queue_retry_reaches_the_owner(self):
        world = self.world
        world.config_text = (lambda text=world.config_text(): text.replace(
            "connection: [1s], message: [1s], delay_notice: 1h",
            "connection: [1h], message: [1h], delay_notice: 2h"))
        gateway = world.start()
        for sink in self.sinks.values():
            sink.stop()
        self.cross(["retried-0.", "retried-1."])
        for connector in ("fabrikam-servers", "contoso-servers"):
            gateway.wait_event("server_failed", connector=connector)
        for sink in self.sinks.values():
            sink.start()
        for connector in ("fabrikam-servers", "contoso-servers"):
            self.assertEqual(gateway.command("queue", "retry", connector)[0], 0)
        self.arrived(["retried-0.", "retried-1."])

    def test_a_drain_waits_for_all_of_them(self):
        gateway = self.world.start()
        clients = [self.world.raw() for _ in range(2 * self.count)]
        for raw in clients:
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            raw.expect("RCPT TO:<bob@fabrikam.example>", 250)
            raw.expect("DATA", 354)
        self.assertEqual(gateway.command("drain")[0], 0)
        gateway.wait_event("stopping", sessions=len(clients))
        marks = [f"drained-{i}." for i in range(len(clients))]
        for raw, mark in zip(clients, marks):
            raw.send(message("drain", mark) + b".\r\n")
            raw.expect(None, 250)
            raw.close()
        self.assertEqual(gateway.process.wait(40), 0)
        gateway.start()
        self.arrived(marks)

    def test_a_message_in_flight_is_neither_lost_nor_doubled_when_its_connector_goes(self):
        """The connector leaves the configuration while a server has the message: the owner alone
        decides, and what waits is routed anew."""
        world = self.world
        sink = self.sinks["fabrikam"]
        sink.script["content"] = STALL
        gateway = world.start()
        self.cross(["moved-0."])
        wait_until("a server has it", lambda: any(c == "DATA" for _, c in sink.commands))
        text = world.config_text().replace("fabrikam-servers", "fabrikam-renamed")
        world.write_config(text)
        sink.script.clear()
        begin = gateway.log_size()
        self.assertEqual(gateway.command("reload")[0], 0)
        self.cross(["moved-2."])
        gateway.wait_event("delivery", since=begin, connector="fabrikam-renamed",
                           outcome="delivered")
        sink.stop()  # ends the stalled transaction: not answered, so it is tried again
        sink.start()
        self.arrived(["moved-0.", "moved-2."])

    def test_the_number_of_workers_needs_a_restart(self):
        gateway = self.world.start()
        self.world.write_config(self.world.config_text().replace("workers: 4", "workers: 2"))
        code, out, err = gateway.command("reload")
        self.assertEqual(code, 1)
        self.assertIn("workers changes only with a restart", out + err)

    def test_auto_is_one_for_each_processor_up_to_four(self):
        self.world.config_text = (lambda text=self.world.config_text(): text.replace(
            "workers: 4", "workers: auto"))
        gateway = self.world.start()
        wanted = min(4, len(os.sched_getaffinity(0)))
        self.assertEqual(gateway.wait_event("started")["workers"], str(wanted))


class OneOwner(unittest.TestCase):
    """One worker, so that it is the owner of every connector."""

    def test_a_connector_that_goes_takes_no_mail_from_another_that_still_sends(self):
        """One message, two recipients, both connectors renamed at once: the one that does nothing
        is done with first, and the other recipient is still at its server."""
        world = World("owner")
        self.addCleanup(world.scratch.remove)
        self.addCleanup(world.stop)
        hub = world.sink(world.fabrikam)
        other = Sink("mx.tailspin.example", FABRIKAM_IP)
        world.serve(world.fabrikam, other)
        world.fabrikam.servers.pop()
        text = world.config_text().replace(
            "receive:\n", "  tailspin:\n    domains: { tailspin.example: authoritative }\n"
            "    deliver: [tailspin-servers]\nreceive:\n").replace(
            "send:\n", f"send:\n  tailspin-servers:\n    servers: [\"{other.name}:{other.port}\"]\n"
            "    tls: { require: false, verify: none }\n    auth: none\n") + "workers: 1\n"
        world.config_text = lambda: text
        gateway = world.start()
        answers = threading.Event()
        hub.script["content"] = lambda session, content: answers.wait(30) and None
        self.addCleanup(answers.set)
        world.send("anna@contoso.example", ["bob@fabrikam.example", "tom@tailspin.example"],
                   message("owner", "both-1."))
        gateway.wait_event("server_failed", connector="tailspin-servers")
        wait_until("a server has it", lambda: any(c == "DATA" for _, c in hub.commands))

        other.start()
        world.write_config(text.replace("fabrikam-servers", "fabrikam-new").replace(
            "tailspin-servers", "tailspin-new"))
        self.assertEqual(gateway.command("reload")[0], 0)
        wait_until("the idle one's mail goes the new way", lambda: other.with_text("both-1."))
        (waiting,) = gateway.queue()
        self.assertEqual([r["connector"] for r in waiting["recipients"]
                          if r["address"] == "bob@fabrikam.example"], ["fabrikam-servers"])
        answers.set()
        wait_until("the queue is empty", lambda: gateway.queue() == [])
        self.assertEqual(len(hub.messages), 1)
