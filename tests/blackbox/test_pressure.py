"""Back pressure: mail is taken slowly, or refused for now; a sick disk pauses delivery too."""

import json
import os
import smtplib
import ssl
import threading
import unittest

from client import Raw
from forests import GATEWAY_NAME, World, message
from kit import BUILD, CONTOSO_IP, GATEWAY_IP, ROOT, run, wait_until

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"
FULL = "452 4.3.1 Insufficient system resources"
OFF = "pressure: { disk_free: { medium: off, high: off } }\n"


class Case(unittest.TestCase):
    """A gateway of its own, with `pressure` as the test says it."""

    def make(self, pressure):
        self.world = World("pressure")
        self.addCleanup(self.world.stop)
        self.addCleanup(self.world.scratch.remove)
        self.world.retry = "{ connection: [1h], message: [1h], delay_notice: 1d, expire: 2d }"
        self.plain = self.world.config_text
        self.say(pressure)

    def say(self, pressure):
        self.world.config_text = lambda: self.plain() + pressure

    def session(self, source=CONTOSO_IP):
        """A client's session, logged on."""
        raw = Raw(GATEWAY_IP, self.world.port, source, timeout=30)
        self.addCleanup(raw.close)
        raw.expect(None, 220)
        raw.expect("EHLO client.example", 250)
        raw.starttls(self.world.ca.cert, GATEWAY_NAME)
        raw.expect("EHLO client.example", 250)
        self.assertTrue(raw.login(self.world.contoso.user, self.world.contoso.password)
                        .startswith("235"))
        return raw

    def bring(self, raw, mark):
        """One message on a session of ours; the reply to MAIL, and to the rest if it comes."""
        reply = raw.ask(f"MAIL FROM:<{ANNA}>")
        if not reply.startswith("250"):
            return reply
        raw.expect(f"RCPT TO:<{BOB}>", 250)
        raw.expect("DATA", 354)
        raw.send(message("pressure", mark) + b".\r\n")
        return raw.expect(None, 250)

    def level(self, resource=None):
        labels = {"resource": resource} if resource else {}
        return self.gateway.metric("forestgate_pressure_level", **labels)

    def until_level(self, number, resource):
        wait_until(f"{resource} is at {number}", lambda: self.level(resource) == number, 30)

    def ready(self):
        code, text = self.gateway.get("/readyz")
        answer = json.loads(text)
        self.assertEqual(code == 200, answer["ready"])
        return answer

    def status(self):
        code, out, err = self.gateway.command("status", "--json")
        return code, json.loads(out), self.gateway.command("status")[1]

    def steps(self, resource):
        """The lines of the log about it, in order."""
        return [(e["from"], e["to"]) for e in self.gateway.events()
                if e.get("event") in ("pressure-rises", "pressure-falls")
                and e["resource"] == resource]


class Messages(Case):
    def setUp(self):
        self.make("pressure: { messages: { medium: 3, high: 5 }, delay: 100ms, hold: 1s }\n")
        self.hub = self.world.sink(self.world.fabrikam)
        self.hub.stop()
        self.gateway = self.world.start()

    def test_a_queue_that_grows_slows_its_senders_then_refuses_and_recovers(self):
        raw = self.session()
        for mark in ("one", "two", "three"):
            self.bring(raw, mark)
        self.until_level(1, "messages")
        self.assertTrue(self.ready()["ready"], "medium is no reason to leave a balancer")
        code, status, text = self.status()
        self.assertEqual(code, 1)
        self.assertIn("back pressure is medium: 3 messages are in custody; medium from 3",
                      status["problems"])
        self.assertIn("Back pressure: medium", text)

        self.bring(raw, "four")
        self.bring(raw, "five")
        self.assertGreaterEqual(
            self.gateway.metric("forestgate_pressure_mails_total", action="slowed"), 2)
        self.until_level(2, "messages")
        self.assertEqual(self.bring(raw, "six"), FULL)
        self.assertEqual(self.bring(raw, "six"), FULL)
        self.assertEqual(raw.ask("NOOP")[:3], "250")
        self.assertEqual(raw.ask("EHLO client.example")[:3], "250")
        self.assertEqual(
            self.ready()["why"], "back pressure: 5 messages are in custody; high from 5")
        code, status, text = self.status()
        pressure = status["pressure"]
        self.assertEqual((pressure["level"], pressure["refused"], pressure["delivery_paused"]),
                         ("high", 2, False))
        row, = [r for r in pressure["resources"] if r["resource"] == "messages"]
        self.assertEqual((row["level"], row["reading"], row["medium"], row["high"]),
                         ("high", 5, 3, 5))
        self.assertIn("Back pressure: high", text)
        self.assertEqual(self.gateway.metric("forestgate_pressure_reading", resource="messages"),
                         5)

        self.hub.start()
        self.gateway.retry()
        self.until_level(0, "messages")
        self.assertTrue(self.ready()["ready"])
        self.bring(raw, "six")
        for mark in ("one", "two", "three", "four", "five", "six"):
            wait_until(f"{mark} arrives once",
                       lambda: len(self.hub.with_text(f"X-Mark: {mark}\r\n")) == 1)
        self.assertEqual(self.steps("messages"), [("normal", "medium"), ("medium", "high"),
                                                  ("high", "medium"), ("medium", "normal")])
        self.assertEqual(self.gateway.command("status")[0], 0)


class Delay(Case):
    def test_a_session_that_is_slowed_holds_up_nobody_else(self):
        self.make("workers: 1\ndrain: 1h\npressure: { messages: { medium: 1 }, delay: 30s }\n")
        self.world.sink(self.world.fabrikam).stop()
        self.gateway = self.world.start()
        slow, other = self.session(), self.session()
        self.bring(other, "one")
        self.until_level(1, "messages")
        slow.send(f"MAIL FROM:<{ANNA}>\r\nNOOP\r\n")
        wait_until("it is held back", lambda: self.gateway.metric(
            "forestgate_pressure_mails_total", action="slowed") == 1)
        for _ in range(3):
            self.assertEqual(other.ask("NOOP")[:3], "250")
        self.assertTrue(self.ready()["ready"])
        slow.sock.setblocking(False)
        with self.assertRaises(ssl.SSLWantReadError):  # no answer to MAIL, nor behind it
            slow.sock.recv(1)
        slow.sock.setblocking(True)
        self.assertEqual(self.gateway.stop(20), 0, "nor the end of the gateway")
        self.assertIn("421 4.3.2", slow.until_closed())


class Disk(Case):
    def free(self):
        disk = os.statvfs(self.world.scratch.path)
        return disk.f_bavail * disk.f_frsize

    def short_of_disk(self, high, medium):
        """More than the disk has is wanted, by these factors."""
        free = self.free()
        return (f"pressure: {{ hold: 1s, delay: 0s, disk_free: {{ medium: {int(free * medium)}, "
                f"high: {int(free * high)} }} }}\n")

    def test_a_disk_that_is_short_is_told_at_once_and_a_reload_helps(self):
        self.make("")
        self.say(self.short_of_disk(2, 3))
        sink = self.world.sink(self.world.fabrikam)
        self.gateway = self.world.start()
        self.until_level(2, "disk_free")
        raw = self.session()
        self.assertEqual(self.bring(raw, "one"), FULL)
        self.assertRegex(self.ready()["why"],
                         r"^back pressure: the disk of the spool has .*B free; high below .*B$")
        self.say(self.short_of_disk(0.1, 2))
        self.world.write_config()
        self.gateway.reload()
        self.until_level(1, "disk_free")
        self.assertTrue(self.ready()["ready"])
        self.bring(raw, "two")
        self.say(OFF)
        self.world.write_config()
        self.gateway.reload()
        self.until_level(0, "disk_free")
        wait_until("it arrives", lambda: sink.with_text("X-Mark: two\r\n"))
        self.assertEqual(self.steps("disk_free"), [("normal", "high"), ("high", "medium"),
                                                   ("medium", "normal")])

    def test_postfix_comes_back(self):
        self.make("")
        self.say(self.short_of_disk(2, 3))
        postfix = self.world.postfix()
        sink = self.world.sink(self.world.fabrikam)
        postfix.start()
        self.world.contoso.network += ", 127.0.0.1"
        self.gateway = self.world.start()
        self.until_level(2, "disk_free")
        with smtplib.SMTP(postfix.address, postfix.port, timeout=15) as client:
            client.starttls()
            client.login(f"svc-forestgate@{self.world.contoso.domain}",
                         self.world.contoso.peer_password)
            client.sendmail(ANNA, [BOB], message("pressure", "patience"))
        wait_until("postfix was told 452 and keeps it",
                   lambda: "status=deferred" in postfix.log() and "452 4.3.1" in postfix.log(), 30)
        self.say(OFF)
        self.world.write_config()
        self.gateway.reload()
        wait_until("it arrives", lambda: sink.with_text("X-Mark: patience\r\n"), 60)
        self.assertEqual(len(sink.with_text("X-Mark: patience\r\n")), 1)


class SickDisk(Case):
    """Every fdatasync below the spool hangs while a file is there."""

    def setUp(self):
        library = os.path.join(BUILD, "fault", "fail_call.so")
        run("make", "-s", "-C", ROOT, f"BUILD={BUILD}", library)
        self.make("pressure: { commit_time: { medium: 500ms, high: 1s }, delay: 0s, hold: 1s }\n")
        self.world.retry = self.world.retry.replace("[1h]", "[1s]", 1)
        self.hub = self.world.sink(self.world.fabrikam)
        self.hub.stop()
        self.hold = self.world.scratch("hold")
        self.gateway = self.world.start(environment={
            "LD_PRELOAD": library, "FAIL_ROOT": os.path.realpath(self.world.spool),
            "FAIL_CALL": "sync", "FAIL_HOLD": self.hold})
        self.addCleanup(self.heal)  # it could not end otherwise

    def sicken(self):
        self.world.scratch.write("hold", "")

    def heal(self):
        if os.path.exists(self.hold):
            os.unlink(self.hold)

    def send_in_thread(self, mark):
        """A message whose 250 does not come while the disk hangs."""
        done = []
        raw = self.session()
        thread = threading.Thread(target=lambda: done.append(self.bring(raw, mark)))
        thread.start()
        self.addCleanup(thread.join, 60)
        return thread, done

    def test_a_commit_that_hangs_stops_mail_and_delivery_until_it_is_over(self):
        early = self.session()
        self.bring(early, "waiting")
        self.gateway.wait_event("server_failed")
        wait_until("nothing is in flight", lambda: self.gateway.metric(
            "forestgate_deliveries_in_flight") == 0)
        self.sicken()
        thread, done = self.send_in_thread("hanging")
        self.until_level(2, "commit_time")
        rise = self.gateway.wait_event("pressure_rises", resource="commit_time", to="high")
        self.assertEqual((rise["overall"], rise["delivery"]), ("high", "paused"))
        self.assertFalse(done, "250 means durable")
        self.assertEqual(self.bring(early, "refused"), FULL)
        self.assertRegex(self.ready()["why"], r"^back pressure: commits take [0-9.]+ s; high from 1 s")
        code, status, text = self.status()
        self.assertTrue(status["pressure"]["delivery_paused"])
        self.assertIn("DELIVERY PAUSED", text)

        self.hub.start()
        begin = self.hub.connections
        age = self.gateway.metric("forestgate_pressure_reading", resource="commit_time")
        wait_until("it would have been tried again", lambda:
                   self.gateway.metric("forestgate_pressure_reading", resource="commit_time")
                   >= age + 4000)
        self.assertEqual(self.hub.connections, begin, "no attempt is begun")
        self.assertEqual(self.gateway.metric("forestgate_pressure_delivery_paused"), 1)
        self.assertFalse(done)

        self.heal()
        thread.join(30)
        self.assertEqual(len(done), 1)
        for mark in ("waiting", "hanging"):
            wait_until(f"{mark} arrives", lambda: self.hub.with_text(f"X-Mark: {mark}\r\n"), 40)
        self.until_level(0, "commit_time")
        self.assertTrue(self.ready()["ready"])
        self.bring(early, "after")
        wait_until("after arrives", lambda: self.hub.with_text("X-Mark: after\r\n"))
        wait_until("the queue is empty", lambda: not self.gateway.queue())
        for mark in ("waiting", "hanging", "after"):
            self.assertEqual(len(self.hub.with_text(f"X-Mark: {mark}\r\n")), 1, mark)
        self.assertFalse(self.hub.with_text("X-Mark: refused\r\n"))
        self.assertEqual(self.gateway.metric("forestgate_pressure_delivery_paused"), 0)


if __name__ == "__main__":
    unittest.main()
