"""What a changed configuration does to mail that is queued already: its routes, its timetable, its
end; and what the tools say of that."""

import json
import threading
import time
import unittest

from forests import World, message
from kit import FABRIKAM_IP, wait_until
from sink import Sink

ANNA = "anna@contoso.example"
BOB, TOM, EVE = "bob@fabrikam.example", "tom@tailspin.example", "eve@half.example"
HUB, SPARE, TAILSPIN = "fabrikam-servers", "spare", "tailspin-servers"

SLOW = "{ connection: [1h], message: [1h], delay_notice: 1d, expire: 2d }"
FABRIKAM = "    domains: { fabrikam.example: authoritative, half.example: authoritative }\n"
TO_HUB = "    deliver: [fabrikam-servers]\n"


class Case(unittest.TestCase):
    """fabrikam is reached through HUB, or, when a test says so, through SPARE; tailspin through a
    connector of its own. Servers are down until they are started."""

    workers = 1

    def setUp(self):
        self.world = world = World("changed")
        self.addCleanup(world.scratch.remove)
        self.addCleanup(world.stop)
        world.retry = SLOW
        self.hub = world.sink(world.fabrikam)
        self.hub.stop()
        self.home = world.sink(world.contoso)
        self.spare = Sink("spare.fabrikam.example", FABRIKAM_IP)
        self.tailspin = Sink("mx.tailspin.example", FABRIKAM_IP)
        more = ""
        for name, sink in ((SPARE, self.spare), (TAILSPIN, self.tailspin)):
            world.serve(world.fabrikam, sink)
            world.fabrikam.servers.pop()
            more += (f"  {name}:\n    servers: [\"{sink.name}:{sink.port}\"]\n"
                     "    tls: { require: false, verify: none }\n    auth: none\n")
        self.text = world.config_text().replace(
            "    domains: { fabrikam.example: authoritative }\n", FABRIKAM).replace(
            "receive:\n", "  tailspin:\n    domains: { tailspin.example: authoritative }\n"
            f"    deliver: [{TAILSPIN}]\nreceive:\n") + more + f"workers: {self.workers}\n"
        world.config_text = lambda: self.text
        self.gateway = world.start()
        self.gateway.wait_event("queue_walked")

    # ---- the configuration

    def change(self, *pairs):
        for old, new in pairs:
            self.assertIn(old, self.text)
            self.text = self.text.replace(old, new)
        self.world.write_config()

    def reload(self, *pairs):
        """The configuration with these changes, in force everywhere and walked through."""
        begin = self.gateway.log_size()
        self.change(*pairs)
        code, out, err = self.gateway.command("reload")
        self.assertEqual(code, 0, out + err)
        return self.gateway.wait_event("queue_walked", since=begin)

    # ---- mail

    def queued(self, mark, to=(BOB,)):
        """A message whose recipients wait; nothing of it is in flight."""
        mail = self.world.send(ANNA, list(to), message("changed", mark))
        self.gateway.wait_event("server_failed")
        self.rests()
        return mail

    def rests(self):
        wait_until("nothing is in flight",
                   lambda: all(q["in_flight"] == 0 for q in self.rows().values()))

    def recipients(self):
        return {r["address"]: r for m in self.gateway.queue() for r in m["recipients"]}

    def rows(self):
        code, out, err = self.gateway.command("queue", "list", "--json")
        self.assertEqual(code, 0, err)
        return {q["connector"]: q for q in json.loads(out)}

    def changes(self):
        return json.loads(self.gateway.command("status", "--json")[1])["configuration"]["changes"]

    def arrives(self, sink, mark, recipients):
        wait_until(f"{mark} arrives", lambda: sink.with_text(f"X-Mark: {mark}\r\n"))
        got, = sink.with_text(f"X-Mark: {mark}\r\n")
        self.assertEqual(sorted(got.recipients), sorted(recipients))

    def empties(self):
        wait_until("the queue is empty", lambda: self.gateway.queue() == [])


class Routes(Case):
    def test_mail_for_a_dead_connector_goes_the_new_way_and_the_tools_say_so(self):
        mail = self.queued("moved-1")
        walked = self.reload((TO_HUB, "    deliver: [spare]\n"))
        self.assertEqual((walked["moved"], walked["unreachable"]), ("1", "0"))
        moved = self.recipients()[BOB]
        self.assertEqual((moved["connector"], moved["moved_from"]), (SPARE, HUB))
        said = f"was for {HUB} until the configuration changed"
        self.assertIn(said, self.gateway.command("queue", "show", mail)[1])
        self.assertIn(said, self.gateway.command("queue", "list", "--messages")[1])
        self.assertIn(f"1 message came from {HUB}", self.gateway.command("queue", "list")[1])
        self.assertEqual(self.rows()[SPARE]["moved_here"],
                         [{"from": HUB, "to": SPARE, "messages": 1}])
        self.assertEqual(self.rows()[HUB]["moved_here"], [])
        self.assertIn("1 messages moved", self.gateway.command("status")[1])
        self.assertEqual({k: self.changes()[k] for k in ("walking", "moved", "unreachable")},
                         {"walking": False, "moved": 1, "unreachable": 0})
        self.spare.start()
        self.hub.start()
        self.gateway.retry()
        self.arrives(self.spare, "moved-1", [BOB])
        self.empties()
        self.assertEqual(self.hub.messages, [])

    def test_without_a_route_it_is_unreachable_and_comes_back_with_one(self):
        self.queued("lost-1")
        gone = FABRIKAM.replace("fabrikam.example", "other.example")
        walked = self.reload((FABRIKAM, gone))
        self.assertEqual((walked["moved"], walked["unreachable"]), ("0", "1"))
        lost = self.recipients()[BOB]
        self.assertEqual((lost["connector"], lost["queue"], lost["moved_from"]), ("", "", HUB))
        self.assertIn("no forest owns the domain", lost["last_error"])
        self.assertEqual(self.changes()["unreachable"], 1)
        self.assertEqual(self.rows()["(unreachable)"]["moved_here"][0]["from"], HUB)
        self.hub.start()
        time.sleep(10)  # what is young there may be a loop that is about to end
        self.assertEqual(self.reload((gone, FABRIKAM))["moved"], "1")
        self.arrives(self.hub, "lost-1", [BOB])
        self.empties()

    def test_of_two_recipients_at_one_connector_only_the_one_whose_route_changed_moves(self):
        self.spare.start()
        self.queued("half-1", (BOB, EVE))
        self.reload((FABRIKAM, FABRIKAM.replace(", half.example: authoritative", "")),
                    ("{ tailspin.example: authoritative }\n    deliver: [tailspin-servers]",
                     "{ tailspin.example: authoritative, half.example: authoritative }\n"
                     "    deliver: [spare]"))
        self.arrives(self.spare, "half-1", [EVE])
        wait_until("the other waits", lambda: self.recipients()[EVE]["state"] == "delivered")
        self.assertEqual(self.recipients()[BOB]["connector"], HUB)
        self.hub.start()
        self.gateway.retry()
        self.arrives(self.hub, "half-1", [BOB])
        self.empties()
        self.assertEqual(len(self.spare.messages), 1)

    def test_of_two_recipients_at_two_connectors_one_moves(self):
        self.spare.start()
        self.queued("both-1", (BOB, TOM))
        self.reload((TO_HUB, "    deliver: [spare]\n"))
        self.arrives(self.spare, "both-1", [BOB])
        wait_until("it is recorded", lambda: self.recipients()[BOB]["state"] == "delivered")
        other = self.recipients()[TOM]
        self.assertEqual((other["connector"], other["moved_from"]), (TAILSPIN, ""))
        self.tailspin.start()
        self.gateway.retry()
        self.arrives(self.tailspin, "both-1", [TOM])
        self.empties()
        self.assertEqual(len(self.spare.messages), 1)

    def test_an_attempt_resolves_its_route_anew(self):
        """Its session began before the change, and its custody behind it: no walk meets it."""
        self.spare.start()
        self.hub.start()
        raw = self.world.raw()
        raw.expect(f"MAIL FROM:<{ANNA}>", 250)
        raw.expect(f"RCPT TO:<{BOB}>", 250)
        raw.expect("DATA", 354)
        self.reload((TO_HUB, "    deliver: [spare]\n"))
        raw.send(message("changed", "late-1") + b".\r\n")
        raw.expect(None, 250)
        self.arrives(self.spare, "late-1", [BOB])
        self.empties()
        self.assertEqual(self.hub.messages, [])
        raw.close()

    def test_what_a_server_has_in_hand_moves_when_that_did_not_take_it(self):
        self.spare.start()
        self.hub.script["content"] = lambda session, content: self.leave.wait(30) and \
            b"450 4.2.0 Not now\r\n"
        self.leave = threading.Event()
        self.addCleanup(self.leave.set)
        self.hub.start()
        self.world.send(ANNA, BOB, message("changed", "hand-1"))
        wait_until("a server has it", lambda: any(c == "DATA" for _, c in self.hub.commands))
        self.reload((TO_HUB, "    deliver: [spare]\n"))
        self.assertEqual(self.recipients()[BOB]["connector"], HUB)
        self.leave.set()
        self.arrives(self.spare, "hand-1", [BOB])
        self.empties()

    def test_what_an_operator_suspended_stays_until_resumed(self):
        self.spare.start()
        mail = self.queued("kept-1")
        self.assertEqual(self.gateway.command("queue", "suspend", mail)[0], 0)
        walked = self.reload((TO_HUB, "    deliver: [spare]\n"))
        self.assertEqual(walked["moved"], "0")
        kept = self.recipients()[BOB]
        self.assertEqual((kept["state"], kept["connector"]), ("suspended", HUB))
        self.gateway.command("queue", "resume", mail)
        self.arrives(self.spare, "kept-1", [BOB])

    def test_a_queue_that_an_operator_suspended_stays_until_resumed(self):
        self.spare.start()
        self.queued("whole-1")
        self.assertEqual(self.gateway.command("queue", "suspend", "--queue", HUB)[0], 0)
        self.assertEqual(self.reload((TO_HUB, "    deliver: [spare]\n"))["moved"], "0")
        self.assertEqual(self.recipients()[BOB]["connector"], HUB)
        self.gateway.command("queue", "resume", "--queue", HUB)
        self.arrives(self.spare, "whole-1", [BOB])

    def test_a_queue_whose_connector_has_left_says_so_while_a_server_has_its_mail(self):
        self.leave = threading.Event()
        self.addCleanup(self.leave.set)
        self.hub.script["content"] = lambda session, content: self.leave.wait(30) and None
        self.hub.start()
        self.world.send(ANNA, BOB, message("changed", "left-1"))
        wait_until("a server has it", lambda: any(c == "DATA" for _, c in self.hub.commands))
        self.change(("  fabrikam-servers:\n    servers", "  renamed:\n    servers"),
                    (TO_HUB, "    deliver: [renamed]\n"))
        self.assertEqual(self.gateway.command("reload")[0], 0)
        self.assertTrue(self.rows()[HUB]["connector_has_left"])
        self.assertIn("has left the configuration", self.gateway.command("queue", "list")[1])
        self.leave.set()
        self.empties()
        self.assertEqual(len(self.hub.messages), 1)


class Restarts(Case):
    def test_at_start_only_what_the_queue_was_not_looked_through_under_is_looked_for(self):
        self.queued("off-1")
        self.assertEqual(self.gateway.stop(), 0)
        self.gateway.start()
        self.gateway.wait_event("server_failed")
        self.assertEqual(self.gateway.events("queue_walked"), [])
        self.assertEqual(self.gateway.stop(), 0)
        self.change((TO_HUB, "    deliver: [spare]\n"))
        self.spare.start()
        self.gateway.start()
        self.assertEqual(self.gateway.wait_event("queue_walked")["moved"], "1")
        self.arrives(self.spare, "off-1", [BOB])
        self.empties()

    def test_killed_in_the_middle_of_the_walk_nothing_is_lost_or_doubled(self):
        count = 1200
        client = self.world.client(self.world.contoso)
        for i in range(count):
            client.sendmail(ANNA, [BOB], message("changed", f"many-{i}."))
        client.quit()
        self.rests()
        begin = self.gateway.log_size()
        self.change((TO_HUB, "    deliver: [spare]\n"))
        self.gateway.reload()
        self.gateway.wait_event("rerouted", since=begin)
        self.gateway.kill()
        done = len(self.gateway.events("rerouted", since=begin))
        self.assertLess(done, count, "it was over already: this test is void")
        self.gateway.start()
        self.gateway.wait_event("queue_walked", 40)
        self.assertEqual(self.rows()[SPARE]["messages"], count)
        self.assertEqual(self.rows()[HUB]["messages"], 0)
        self.spare.start()
        self.gateway.retry()
        wait_until("all arrive", lambda: len(self.spare.messages) >= count, 60)
        self.empties()
        marks = sorted(m.data.split(b"X-Mark: ")[1].split(b"\r\n")[0].decode()
                       for m in self.spare.messages)
        self.assertEqual(marks, sorted(f"many-{i}." for i in range(count)), "each once")


class Times(Case):
    def deferred(self, mark):
        """A message that the hub did not want: it waits by the timetable."""
        self.hub.script["rcpt"] = b"450 4.2.1 Mailbox busy\r\n"
        if not self.hub.listener:
            self.hub.start()
        begin = self.gateway.log_size()
        mail = self.world.send(ANNA, BOB, message("changed", mark))
        self.gateway.wait_event("delivery", since=begin, outcome="deferred")
        self.rests()
        self.hub.script.clear()
        return mail

    def wait_ms(self):
        r = self.recipients()[BOB]
        return r["due_unix_ms"] - r["tried_unix_ms"]

    def test_a_shorter_timetable_is_that_of_mail_that_waits_already(self):
        self.deferred("soon-1")
        self.assertGreater(self.wait_ms(), 50 * 60 * 1000)
        walked = self.reload(("message: [1h]", "message: [1s]"))
        self.assertEqual(walked["retimed"], "1")
        self.arrives(self.hub, "soon-1", [BOB])
        self.empties()

    def test_a_longer_timetable_too_and_what_is_due_waits_no_longer(self):
        self.deferred("later-1")
        self.assertEqual(self.reload(("message: [1h]", "message: [5h]"))["retimed"], "1")
        self.assertGreater(self.wait_ms(), 4 * 3600 * 1000)
        self.assertEqual(self.changes()["retimed"], 1)
        self.gateway.retry()
        self.arrives(self.hub, "later-1", [BOB])
        self.hub.stop()
        self.queued("due-1")
        self.assertEqual(self.reload(("message: [5h]", "message: [9h]"))["retimed"], "0")
        self.hub.start()
        self.gateway.retry()
        self.arrives(self.hub, "due-1", [BOB])

    def test_a_change_of_something_else_moves_no_time(self):
        self.deferred("same-1")
        due = self.recipients()[BOB]["due_unix_ms"]
        self.assertEqual(self.reload(("recipients: 100", "recipients: 200"))["retimed"], "0")
        self.assertEqual(self.recipients()[BOB]["due_unix_ms"], due)

    def test_a_shorter_life_ends_what_is_old_and_a_longer_one_keeps_it(self):
        self.deferred("old-1")
        time.sleep(2.1)
        self.reload(("expire: 2d", "expire: 3d"))
        self.assertEqual(len(self.gateway.queue()), 1)
        self.reload(("delay_notice: 1d, expire: 3d", "delay_notice: 1s, expire: 2s"))
        wait_until("a report", lambda: self.home.with_text("old-1"))
        self.assertIn(b"4.4.7", self.home.with_text("old-1")[0].data)
        self.empties()
        self.assertEqual(self.hub.messages, [])

    def test_a_longer_life_keeps_what_would_have_ended(self):
        self.reload(("delay_notice: 1d, expire: 2d", "delay_notice: 1s, expire: 2s"))
        self.deferred("long-1")
        self.reload(("delay_notice: 1s, expire: 2s", "delay_notice: 1d, expire: 2d"))
        time.sleep(2.1)
        self.hub.script["rcpt"] = b"450 4.2.1 Mailbox busy\r\n"
        begin = self.gateway.log_size()
        self.gateway.retry()
        self.assertEqual(self.gateway.wait_event("delivery", since=begin)["outcome"], "deferred")
        self.assertEqual(len(self.gateway.queue()), 1)


class RoutesOfTwoWorkers(Routes):
    workers = 2


class RestartsOfTwoWorkers(Restarts):
    workers = 2


class TimesOfTwoWorkers(Times):
    workers = 2


if __name__ == "__main__":
    unittest.main()
