"""The message tracking log, and forestgate track."""

import csv
import glob
import json
import unittest

from forests import World, message
from kit import wait_until

ANNA, BOB, EVE = "anna@contoso.example", "bob@fabrikam.example", "eve@fabrikam.example"
FIELDS = ["date-time", "client-ip", "client-hostname", "server-ip", "server-hostname",
          "source-context", "connector-id", "source", "event-id", "internal-message-id",
          "message-id", "recipient-address", "recipient-status", "total-bytes", "recipient-count",
          "related-recipient-address", "reference", "message-subject", "sender-address",
          "return-path", "message-info"]  # exchange-facts.md 7.1


class Tracking(unittest.TestCase):
    def setUp(self):
        self.world = World("tracking")
        self.addCleanup(self.world.stop)
        self.hub = self.world.sink(self.world.fabrikam)
        self.home = self.world.sink(self.world.contoso)
        self.folder = self.world.scratch("tracking")
        text = self.world.config_text
        self.world.config_text = lambda: text() + f"tracking: {{ path: {self.folder} }}\n"
        self.gateway = self.world.start()

    def send(self, mark, to=(BOB,)):
        extra = f"Message-ID: <{mark}@contoso.example>\r\n".encode()
        return self.world.send(ANNA, list(to), message("tracked", mark, extra=extra))

    def lines(self, **wanted):
        """What a tool for Exchange's logs would read."""
        rows = []
        for path in sorted(glob.glob(f"{self.folder}/MSGTRK*.log")):
            with open(path, newline="") as f:
                text = f.read()
            head = [line for line in text.split("\r\n") if line.startswith("#")]
            self.assertEqual([h.split(":")[0] for h in head],
                             ["#Software", "#Version", "#Log-Type", "#Date", "#Fields"])
            self.assertEqual(head[4], "#Fields: " + ",".join(FIELDS))
            body = [line for line in text.split("\r\n") if line and not line.startswith("#")]
            rows += [dict(zip(FIELDS, row, strict=True)) for row in csv.reader(body)]
        return [r for r in rows if all(r[k.replace("_", "-")] == v for k, v in wanted.items())]

    def line(self, **wanted):
        return wait_until(f"a line with {wanted}", lambda: self.lines(**wanted))[0]

    def track(self, *words, code=0):
        got, out, err = self.gateway.command("track", *words)
        self.assertEqual(got, code, (words, out, err))
        return out + err

    def events(self, *words):
        code, out, err = self.gateway.command("track", *words, "--json")
        self.assertEqual(code, 0, err)
        return [json.loads(line)["event-id"] for line in out.splitlines()]

    def test_a_message_from_receive_to_send(self):
        self.hub.script["rcpt"] = lambda session, to: b"451 4.3.2 not now\r\n"
        queue_id = self.send("one")
        came = self.line(event_id="RECEIVE", internal_message_id=queue_id)
        self.assertEqual((came["source"], came["client-ip"], came["connector-id"]),
                         ("SMTP", "127.0.1.1", "contoso-servers"))
        self.assertEqual((came["message-id"], came["recipient-address"], came["sender-address"]),
                         ("<one@contoso.example>", BOB, ANNA))
        self.assertRegex(came["date-time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(came["message-subject"], "")
        waits = self.line(event_id="DEFER", internal_message_id=queue_id)
        self.assertEqual((waits["recipient-status"], waits["server-hostname"], waits["server-ip"]),
                         ("451 4.3.2 not now", "hub1.fabrikam.example", "127.0.2.1"))
        del self.hub.script["rcpt"]
        self.gateway.retry()
        went = self.line(event_id="SEND", internal_message_id=queue_id)
        self.assertEqual((went["connector-id"], went["recipient-address"]),
                         ("fabrikam-servers", BOB))
        self.assertTrue(went["recipient-status"].startswith("250 "), went)
        for what in ("one@contoso.example", "<one@contoso.example>", queue_id):
            self.assertEqual(self.events(what)[:2], ["RECEIVE", "DEFER"])
            self.assertEqual(self.events(what)[-1], "SEND")

    def test_two_recipients_with_two_ends(self):
        self.hub.script["rcpt"] = lambda session, to: b"550 5.1.1 nobody, \"here\"\r\n" \
            if "eve" in to else None
        queue_id = self.send("two", to=(BOB, EVE))
        self.assertEqual(self.line(event_id="SEND")["recipient-address"], BOB)
        failed = self.line(event_id="FAIL", internal_message_id=queue_id)
        self.assertEqual((failed["recipient-address"], failed["recipient-status"]),
                         (EVE, "550 5.1.1 nobody, \"here\""))
        report = self.line(event_id="DSN")
        self.assertEqual((report["source"], report["reference"], report["recipient-address"]),
                         ("DSN", "<two@contoso.example>", ANNA))
        back = self.line(event_id="SEND", internal_message_id=report["internal-message-id"])
        self.assertEqual(back["sender-address"], "<>")
        self.assertEqual(sorted(self.events("two@contoso.example")),
                         ["DSN", "FAIL", "RECEIVE", "SEND"])
        self.assertEqual(self.events("--recipient", EVE.upper()), ["RECEIVE", "FAIL"])

    def test_what_an_operator_removes(self):
        self.hub.script["rcpt"] = lambda session, to: b"451 4.3.2 not now\r\n"
        ids = [self.send("quiet"), self.send("told")]
        for queue_id, how in zip(ids, ("--no-dsn", "--dsn")):
            self.line(event_id="DEFER", internal_message_id=queue_id)
            code, out, err = self.gateway.command("queue", "remove", queue_id, how)
            self.assertEqual(code, 0, out + err)
            gone = self.line(event_id="FAIL", internal_message_id=queue_id)
            self.assertEqual((gone["source"], gone["recipient-address"], gone["recipient-status"]),
                             ("ADMIN", BOB, "550 5.3.0 Removed by the postmaster"))
        self.assertEqual(self.line(event_id="DSN")["reference"], "<told@contoso.example>")
        self.assertEqual(len(self.lines(event_id="FAIL")), 2)

    def test_after_a_restart_the_old_file_has_an_index(self):
        queue_id = self.send("one")
        self.line(event_id="SEND")
        self.gateway.stop()
        first, = glob.glob(f"{self.folder}/*.log")
        self.assertEqual(glob.glob(f"{self.folder}/*.idx"), [first[:-4] + ".idx"])
        self.assertEqual(self.events(queue_id), ["RECEIVE", "SEND"])  # without a gateway
        self.gateway.start()
        self.send("two")
        wait_until("both files", lambda: len(glob.glob(f"{self.folder}/*.log")) == 2)
        self.line(event_id="SEND", message_id="<two@contoso.example>")
        self.assertEqual(self.events("--sender", ANNA), ["RECEIVE", "SEND"] * 2)
        self.assertEqual(self.events("--since", "1h", "--limit", "1"), ["RECEIVE"])

    def test_a_file_that_a_crash_cut_is_read_to_its_last_whole_line(self):
        self.send("one")
        self.line(event_id="SEND")
        self.gateway.kill()
        path, = glob.glob(f"{self.folder}/*.log")
        with open(path, "ab") as f:
            f.write(b"2026-11-23T10:00:00.000Z,half a li")
        self.gateway.start()
        wait_until("it has an index", lambda: glob.glob(f"{self.folder}/*.idx"))
        self.assertEqual(self.events("one@contoso.example"), ["RECEIVE", "SEND"])

    def test_usage(self):
        self.assertIn("Nothing is known", self.track("nobody@contoso.example", code=1))
        self.assertIn("--help", self.track(code=2))
        self.assertIn("--since takes", self.track("x@y", "--since", "soon", code=2))
        self.assertIn("Nothing", self.track("x@y", "--since", "2026-11-23", "--until",
                                            "2026-11-23T10:15:30Z", code=1))
        for wrong in ("2026-11", "2026-11-23T10", "2026-13-01", "2026-11-23x", "23.11.2026"):
            self.assertIn("--until takes", self.track("x@y", "--until", wrong, code=2))
        self.assertIn("no queue id", self.track("--id", "x", code=2))
        self.assertIn("one thing", self.track("x@y", "z@y", code=2))

    def test_a_hostile_message_id_is_one_field(self):
        extra = b"Message-ID: <\",\"evil\",@contoso.example>\r\n"
        queue_id = self.world.send(ANNA, [BOB], message("tracked", "x", extra=extra))
        came = self.line(event_id="RECEIVE")
        self.assertEqual(came["internal-message-id"], queue_id)
        self.assertEqual(self.events(came["message-id"])[0], "RECEIVE")

    def test_a_folder_that_cannot_be_made_is_told_at_start(self):
        self.gateway.stop()
        self.world.config_text = lambda text=self.world.config_text: text().replace(
            self.folder, self.folder + "/a/b")
        self.world.write_config()
        with self.assertRaises(AssertionError):
            self.gateway.start(seconds=5)
        self.assertIn("tracking", self.gateway.log_text())


if __name__ == "__main__":
    unittest.main()
