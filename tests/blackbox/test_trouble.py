"""Everything at once and at the wrong moment: reloads and ends with mail in flight, messages that
break servers, thousands of recipients, tools that are abused. A gateway for each test, which must
also end cleanly."""

import base64
import os
import signal
import socket
import threading
import time
import unittest

from client import Raw
from forests import World, message
from kit import FABRIKAM_IP, GATEWAY_IP, wait_until
from sink import DROP, STALL

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"


class Case(unittest.TestCase):
    def setUp(self):
        self.world = World("trouble")
        self.addCleanup(self.world.scratch.remove)
        self.addCleanup(self.end)
        self.hub = self.world.sink(self.world.fabrikam)
        self.home = self.world.sink(self.world.contoso)

    def end(self):
        gateway = self.world.gateway
        try:
            if gateway and gateway.runs:
                self.assertEqual(gateway.stop(), 0, gateway.log_text()[-3000:])
        finally:
            self.world.stop()

    def send(self, mark, to=BOB, sender=ANNA, **more):
        return self.world.send(sender, to, message("trouble", mark, **more))

    def arrives(self, mark, sink=None, count=1, seconds=20):
        sink = sink or self.hub
        return wait_until(f"{mark} arrives", lambda: len(f := sink.with_text(mark)) >= count and f,
                          seconds)

    def reload(self, change):
        gateway = self.world.gateway
        self.world.write_config(change(self.world.config_text()))
        begin = gateway.log_size()
        gateway.reload()
        gateway.wait_event("config_loaded", since=begin)

    def empty(self):
        wait_until("the queue is empty", lambda: not self.world.gateway.queue(), 30)


class Delivery(Case):
    def test_a_message_that_breaks_the_connection_does_not_stop_the_others(self):
        self.world.retry = "{ connection: [1s], message: [30s], delay_notice: 1h, expire: 1d }"
        self.world.start()
        self.hub.script["data"] = lambda session, argument: (
            DROP if session.sender.startswith("poison") else None)
        poison = self.send("poison-1", sender="poison@contoso.example")
        self.world.gateway.wait_event("delivery", id=poison)
        for i in range(3):
            self.send(f"passes-{i}.")
        for i in range(3):
            self.arrives(f"passes-{i}.", seconds=15)
        self.assertEqual([m["id"] for m in self.world.gateway.queue()], [poison])
        self.hub.script.clear()
        self.world.gateway.retry()
        self.arrives("poison-1")
        self.empty()

    def test_an_address_that_cannot_be_dialled_is_passed_over(self):
        self.world.fabrikam.servers.insert(0, "255.255.255.255:25")
        gateway = self.world.start()
        self.send("undialled-1")
        self.arrives("undialled-1")
        self.assertTrue(gateway.events("server_failed"))

    def test_thousands_of_recipients_are_accounted_for_once(self):
        self.world.limits = "{ message_size: 25MiB, recipients: 5000, hops: 30 }"
        gateway = self.world.start()
        long = "x" * 400

        def answer(session, argument):
            if "gone" in argument:
                return f"550 5.1.1 User unknown {long}\r\n".encode()
            if "late" in argument and self.late:
                return f"450 4.2.1 Busy {long}\r\n".encode()
            if len(session.recipients) >= 400:
                return b"452 4.5.3 Too many recipients\r\n"
            return None
        self.late = True
        self.hub.script["rcpt"] = answer
        kinds = ("good", "gone", "late")
        pad = "p" * 40
        to = [f"{kinds[i % 3]}{pad}{i:04}@fabrikam.example" for i in range(5000)]
        queue_id = self.send("thousands-1", to)
        wait_until("all were tried", lambda: sum(
            e["outcome"] != "split" for e in gateway.events("delivery", id=queue_id)) >= 5000, 60)
        report = self.arrives("thousands-1", self.home, seconds=30)[0]
        gone = [r for r in to if r.startswith("gone")]
        self.assertEqual(report.data.count(b"Final-Recipient:"), len(gone))
        self.late = False
        gateway.retry()
        self.empty()
        got = sorted(r for m in self.hub.with_text("thousands-1") for r in m.recipients)
        self.assertEqual(got, sorted(set(to) - set(gone)))
        self.assertEqual(len(self.home.with_text("thousands-1")), 1)

    def test_a_report_about_thousands_of_recipients_is_made(self):
        self.world.limits = "{ message_size: 25MiB, recipients: 5000, hops: 30 }"
        gateway = self.world.start()
        self.hub.script["rcpt"] = b"550 5.1.1 User unknown " + b"x" * 450 + b"\r\n"
        to = [f"{'g' * 60}{i:04}@fabrikam.example" for i in range(5000)]
        self.send("report-1", to)
        report = self.arrives("report-1", self.home, seconds=30)[0]
        self.assertEqual(report.data.count(b"Final-Recipient:"), 5000)
        self.empty()

    def test_large_messages_cross_slow_readers(self):
        self.world.start()
        body = (b"0123456789abcdef" * 4 + b"\r\n") * 100000  # 6.6 MB
        begin = time.monotonic()
        threads = [threading.Thread(target=self.send, args=(f"large-{i}.",),
                                    kwargs={"body": body}) for i in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        for i in range(3):
            found = self.arrives(f"large-{i}.", seconds=60)[0]
            self.assertTrue(found.data.endswith(body[-1000:]))
            self.assertEqual(len(found.data.split(b"\r\n\r\n", 1)[1]), len(body))
        self.empty()


class Reload(Case):
    def test_a_reload_with_a_message_in_flight_delivers_it_once(self):
        self.world.start()
        go = threading.Event()
        self.hub.script["content"] = lambda session, argument: go.wait(20) and None
        self.send("flight-1")
        wait_until("it is in flight", lambda: any(c == "DATA" for _, c in self.hub.commands))
        for _ in range(3):
            self.reload(lambda text: text)
        go.set()
        self.arrives("flight-1")
        self.empty()
        self.send("flight-2")
        self.arrives("flight-2")
        self.assertEqual(len(self.hub.with_text("flight-1")), 1)

    def test_mail_of_a_connector_that_is_renamed_goes_on(self):
        self.world.start()
        go = threading.Event()
        self.hub.script["content"] = lambda session, argument: go.wait(20) and None
        self.send("renamed-1.")
        wait_until("it is in flight", lambda: any(c == "DATA" for _, c in self.hub.commands))
        self.hub.script["banner"] = b"421 4.3.0 not now\r\n"
        for i in range(2, 6):
            self.send(f"renamed-{i}.")
        self.reload(lambda text: text.replace("fabrikam-servers]", "fabrikam-new]").replace(
            "  fabrikam-servers:\n    servers", "  fabrikam-new:\n    servers"))
        for _ in range(3):  # also of the connector that is about to go
            self.world.gateway.retry()
        go.set()
        self.hub.script.pop("banner")
        self.arrives("renamed-1.")
        self.reload(lambda text: text.replace("fabrikam-servers]", "fabrikam-new]").replace(
            "  fabrikam-servers:\n    servers", "  fabrikam-new:\n    servers"))
        for i in range(2, 6):
            self.arrives(f"renamed-{i}.", seconds=10)
        self.empty()
        for i in range(1, 6):
            self.assertEqual(len(self.hub.with_text(f"renamed-{i}.")), 1)

    def test_reloads_under_load_lose_and_repeat_nothing(self):
        self.world.start()
        done = threading.Event()

        def reloads():
            while not done.is_set():
                self.world.gateway.reload()
                time.sleep(0.03)
        thread = threading.Thread(target=reloads)
        thread.start()
        try:
            client = self.world.client(self.world.contoso)
            for i in range(150):
                client.sendmail(ANNA, [BOB], message("load", f"under-{i}."))
            client.close()
        finally:
            done.set()
            thread.join()
        wait_until("all arrive", lambda: len(self.hub.messages) >= 150, 30)
        self.empty()
        self.assertEqual(len(self.hub.messages), 150)


class Ends(Case):
    def test_a_silent_server_does_not_hold_up_the_end(self):
        gateway = self.world.start()
        self.hub.script["banner"] = STALL
        self.send("silent-1")
        wait_until("it is connected", lambda: self.hub.connections)
        begin = time.monotonic()
        self.assertEqual(gateway.stop(), 0)
        self.assertLess(time.monotonic() - begin, 10)

    def test_no_reload_while_it_is_stopping(self):
        gateway = self.world.start()
        self.hub.script["content"] = STALL
        self.send("stopping-1")
        wait_until("it is in flight", lambda: any(c == "DATA" for _, c in self.hub.commands))
        gateway.process.signal(signal.SIGTERM)
        gateway.wait_event("stopping")
        begin = gateway.log_size()
        gateway.reload()
        gateway.wait_event("config_refused", since=begin)
        with Raw(GATEWAY_IP, self.world.port) as other:
            other.expect(None, "421 4.3.2")
        gateway.retry()
        gateway.process.signal(signal.SIGTERM)  # the second one: at once
        self.assertEqual(gateway.process.wait(20), 0)
        self.hub.script.clear()
        gateway.start()
        self.arrives("stopping-1")

    def test_it_ends_at_once_while_passwords_are_checked(self):
        gateway = self.world.start()
        raws = [self.world.raw(logon=False) for _ in range(8)]
        for i, raw in enumerate(raws):
            raw.expect("AUTH LOGIN", 334)
            raw.expect(base64.b64encode(self.world.contoso.user.encode()).decode(), 334)
        for i, raw in enumerate(raws):
            raw.send(base64.b64encode(f"wrong-{i}".encode()) + b"\r\n")
        gateway.process.signal(signal.SIGTERM)
        gateway.wait_event("stopping")
        gateway.process.signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(20), 0, gateway.log_text()[-3000:])
        for raw in raws:
            raw.close()

    def test_it_ends_at_once_with_everything_under_way(self):
        gateway = self.world.start()
        self.hub.script["content"] = STALL
        raws = [self.world.raw(secure=i % 2 == 0) for i in range(6)]
        for raw in raws[::2]:
            raw.expect(f"MAIL FROM:<{ANNA}>", 250)
            raw.expect(f"RCPT TO:<{BOB}>", 250)
            raw.expect("DATA", 354)
            raw.send(b"Subject: half\r\n")
        for i in range(10):
            self.send(f"way-{i}.")
        gateway.process.signal(signal.SIGTERM)
        gateway.wait_event("stopping")
        gateway.process.signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(20), 0, gateway.log_text()[-3000:])
        self.hub.script.clear()
        gateway.start()
        for i in range(10):
            self.arrives(f"way-{i}.")
        for raw in raws:
            raw.close()


class Abuse(Case):
    def control(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(15)
        s.connect(self.world.scratch("control.sock"))
        return s

    def test_the_control_socket_survives_its_clients(self):
        gateway = self.world.start()
        half = [self.control() for _ in range(20)]  # more than it takes
        for s in half[:10]:
            s.send(b"queue li")
        for s in half[10:13]:
            s.shutdown(socket.SHUT_WR)
        for s in half:
            s.close()
        for octets in (b"x" * 100000 + b"\n", b"\n", b" \n", b"queue\n", b"queue show\n",
                       b"queue show \xff\xfe\n", b"queue list --messages --limit x\n",
                       b"queue retry " + b"c" * 900 + b"\n", b"queue list\nqueue list\n",
                       b"a " * 400 + b"\n", b"\0\0\0\n", b"queue list --messages --after\n"):
            s = self.control()
            try:
                s.sendall(octets)
                while s.recv(65536):
                    pass
            except OSError:
                pass
            s.close()
        wait_until("it answers again", lambda: gateway.command("queue", "list")[0] == 0)
        gone = self.control()
        gone.send(b"queue list --messages\n")
        gone.close()
        self.world.still_serves()

    def test_the_monitor_survives_its_clients(self):
        gateway = self.world.start()
        held = []
        for i in range(100):
            s = socket.create_connection((GATEWAY_IP, self.world.monitor_port), 5)
            s.send([b"GET /met", b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nxx",
                    b"\x16\x03\x01\x02\x00" * 50, b"", b"GET /" + b"a" * 20000][i % 5])
            held.append(s)
        self.world.still_serves()
        for s in held:
            s.close()
        wait_until("it answers again", lambda: gateway.get("/livez")[0] == 200)

    def test_half_closed_and_silent_sessions_hold_nobody_up(self):
        gateway = self.world.start()
        held = []
        for i in range(60):
            raw = Raw(GATEWAY_IP, self.world.port)
            if i % 3 == 0:
                raw.sock.shutdown(socket.SHUT_WR)
            elif i % 3 == 1:
                raw.send(b"EHLO x\r\nSTARTTLS\r\n" + os.urandom(300))
            held.append(raw)
        for i in range(5):
            self.send(f"held-{i}.")
            self.arrives(f"held-{i}.")
        with self.world.raw() as raw:  # says all, ends its direction, still gets its answers
            raw.send(f"MAIL FROM:<{ANNA}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\n")
            for code in ("250", "250", "354"):
                self.assertTrue(raw.reply().startswith(code))
            raw.send(message("half", "half-1") + b".\r\n")
            raw.expect(None, 250)
        self.arrives("half-1")
        for raw in held:
            raw.close()
        wait_until("their sessions are over", lambda: gateway.metric(
            "forestgate_smtp_sessions_open") == 0)

    def test_a_client_that_does_not_read_is_not_served_for_ever(self):
        self.world.start()
        with self.world.raw() as raw:
            raw.sock.settimeout(2)
            try:
                for _ in range(2000):
                    raw.send(b"NOOP\r\nHELP\r\nVRFY x\r\n" * 200)
            except OSError:
                pass
            self.world.still_serves()


if __name__ == "__main__":
    unittest.main()
