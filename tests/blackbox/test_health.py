"""Is there a way to a forest? /readyz?forest=F, by evidence and by quiet looks."""

import json
import socket
import threading
import time
import unittest

from forests import World, message
from kit import wait_until
from sink import DROP, STALL


class Case(unittest.TestCase):
    """A gateway of its own for each test; what happened is believed for a second only."""

    evidence = "1s"

    def setUp(self):
        self.world = World("health")
        self.addCleanup(self.world.stop)
        self.addCleanup(self.world.scratch.remove)
        self.sink = self.world.sink(self.world.fabrikam)
        self.world.sink(self.world.contoso)

    def start(self):
        text = self.world.config_text().replace(
            "monitor: {", f"monitor: {{ evidence: {self.evidence},")
        self.world.config_text = lambda: text
        return self.world.start()

    def ready(self, forest="fabrikam"):
        code, text = self.world.gateway.get(f"/readyz?forest={forest}")
        answer = json.loads(text)
        self.assertEqual(code == 200, answer.get("ready", False), text)
        return code, answer

    def verbs(self):
        return [c.split(" ")[0] for _, c in list(self.sink.commands)]

    def send(self, mark):
        return self.world.send("anna@contoso.example", "bob@fabrikam.example",
                               message("health", mark))


class Looks(Case):
    evidence = "1h"

    def test_an_idle_route_is_looked_at_as_for_mail_but_without_any(self):
        gateway = self.start()
        code, answer = self.ready()
        self.assertEqual(code, 200, answer)
        wait_until("the look has ended", lambda: "QUIT" in self.verbs())
        self.assertEqual(self.verbs(), ["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"])
        self.assertEqual(answer["forest"], "fabrikam")
        connector = answer["connectors"][0]
        self.assertEqual(connector["connector"], "fabrikam-servers")
        self.assertEqual(connector["state"], "up")
        self.assertRegex(connector["evidence"], r"^EHLO ok \d+ s ago$")
        self.assertEqual(connector["servers"][0]["server"], self.world.fabrikam.servers[0])
        self.assertEqual(connector["servers"][0]["verified"], "name")
        # What was found is believed, and the other forest was not asked about.
        self.assertEqual(self.ready()[0], 200)
        self.assertEqual(self.sink.connections, 1)
        self.assertEqual(self.world.peers[1].connections, 0)
        self.assertEqual(gateway.metric("forestgate_server_checks_total", result="ready"), 1)
        self.assertEqual(gateway.metric("forestgate_route_up", forest="fabrikam"), 1)
        self.assertFalse(gateway.events("server_connected"), "a look is no news")

    def test_a_delivery_is_evidence_enough(self):
        gateway = self.start()
        self.send("evidence-1")
        wait_until("it arrives", lambda: self.sink.with_text("evidence-1"))
        wait_until("it is recorded", lambda: gateway.metric(
            "forestgate_recipients_total", outcome="delivered") == 1)
        code, answer = self.ready()
        self.assertEqual(code, 200, answer)
        self.assertRegex(answer["connectors"][0]["evidence"], r"^delivered \d+ s ago$")
        self.assertEqual(self.sink.connections, 1)

    def test_many_askers_share_one_look(self):
        self.start()
        hold = threading.Event()
        self.sink.script["banner"] = lambda session, argument: hold.wait(30) and None
        answers = []
        askers = [threading.Thread(target=lambda: answers.append(self.ready()[0]))
                  for _ in range(8)]
        for asker in askers:
            asker.start()
        wait_until("the look has begun", lambda: self.sink.connections == 1)
        # All of them have been heard, or will be answered from what the look finds.
        self.assertEqual(self.world.gateway.get("/livez")[0], 200)
        hold.set()
        for asker in askers:
            asker.join(30)
        self.assertEqual(answers, [200] * 8)
        self.assertEqual(self.sink.connections, 1)

    def test_requests_in_one_packet_and_long_heads_are_answered_at_once(self):
        """One each quarter of a second would take longer than any client waits."""
        gateway = self.start()
        with socket.create_connection((gateway.address, gateway.monitor_port), 10) as s:
            s.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            s.sendall(b"GET /" + b"a" * 60000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            end = time.monotonic() + 20
            text = b""
            while time.monotonic() < end and (more := s.recv(65536)):
                text += more
        self.assertEqual(text.count(b"HTTP/1.1 200 OK"), 100)
        self.assertEqual(text.count(b"HTTP/1.1 414 "), 1)

    def test_one_usable_server_of_two_is_enough(self):
        self.world.sink(self.world.fabrikam, "hub2.fabrikam.example")
        self.sink.stop()
        gateway = self.start()
        code, answer = self.ready()
        self.assertEqual(code, 200, answer)
        states = {s["server"].split(":")[0]: s["state"]
                  for s in answer["connectors"][0]["servers"]}
        # Which name is resolved first decides which server is looked at first.
        self.assertEqual(states["hub2.fabrikam.example"], "healthy")
        self.assertEqual(len(gateway.events("server_failed")),
                         list(states.values()).count("failed"))

    def test_a_refused_logon_is_down_and_not_repeated(self):
        self.sink.password = "another"
        gateway = self.start()
        for _ in range(5):
            code, answer = self.ready()
            self.assertEqual(code, 503, answer)
        self.assertEqual(answer["connectors"][0]["state"], "logon refused")
        self.assertIn("535", answer["connectors"][0]["last_error"])
        self.assertEqual(self.sink.wrong_passwords, 1)
        self.assertFalse(gateway.events("connector_suspended"), "that is left to mail")
        self.assertEqual(gateway.metric("forestgate_connector_suspended",
                                        connector="fabrikam-servers"), 1)
        # The postmaster repairs it and says so.
        self.sink.password = self.world.fabrikam.peer_password
        gateway.retry()
        wait_until("it is up again", lambda: self.ready()[0] == 200)

    def test_an_unknown_forest_is_404_and_the_known_ones_are_named(self):
        gateway = self.start()
        code, text = gateway.get("/readyz?forest=nowhere")
        self.assertEqual(code, 404)
        self.assertEqual(json.loads(text)["forests"], ["contoso", "fabrikam"])
        for unnamed in ("/readyz?forest", "/readyz?forest="):
            self.assertEqual(gateway.get(unnamed)[0], 404, unnamed)
        self.assertEqual(gateway.get("/readyz")[0], 200)

    def test_a_name_that_cannot_be_resolved_is_down(self):
        self.world.names.hosts.pop("hub1.fabrikam.example")
        self.start()
        code, answer = self.ready()
        self.assertEqual(code, 503)
        self.assertIn("hub1.fabrikam.example", answer["connectors"][0]["last_error"])

    def test_a_draining_gateway_is_not_ready_for_any_forest(self):
        gateway = self.start()
        with self.world.raw() as raw:
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            raw.expect("RCPT TO:<bob@fabrikam.example>", 250)
            raw.expect("DATA", 354)
            gateway.command("drain", check=True)
            code, answer = self.ready()
            self.assertEqual(code, 503)
            self.assertIn("draining", answer["why"])
            self.assertFalse(self.sink.connections)
            raw.send(message("drain", "d-1") + b".\r\n")
            raw.expect(None, 250)
        self.assertEqual(gateway.process.wait(40), 0)

    def test_a_server_that_falls_silent_in_the_handshake_is_told_as_such(self):
        self.start()
        self.sink.script["handshake"] = STALL
        wait_until("the look has had enough", lambda: "says nothing" in
                   self.ready()[1]["connectors"][0]["last_error"], 20)
        self.assertIn("takes STARTTLS", self.ready()[1]["connectors"][0]["last_error"])

    def test_a_gateway_that_stops_in_the_middle_of_a_look_ends_well(self):
        gateway = self.start()
        self.sink.script["banner"] = STALL
        asker = threading.Thread(target=lambda: gateway.get("/readyz?forest=fabrikam"))
        asker.start()
        wait_until("the look has begun", lambda: self.sink.connections == 1)
        self.assertEqual(gateway.stop(), 0)
        asker.join(30)


class Changes(Case):
    def test_a_route_goes_and_comes_back(self):
        gateway = self.start()
        self.assertEqual(self.ready()[0], 200)
        self.sink.stop()
        wait_until("it is seen to be down", lambda: self.ready()[0] == 503)
        code, answer = self.ready()
        self.assertTrue(answer["connectors"][0]["last_error"])
        self.assertEqual(gateway.metric("forestgate_route_up", forest="fabrikam"), 0)
        self.assertEqual(gateway.get("/readyz")[0], 200, "custody does not depend on a route")
        failed = gateway.metric("forestgate_server_checks_total", result="failed")
        wait_until("it was looked at again", lambda: self.ready() and gateway.metric(
            "forestgate_server_checks_total", result="failed") >= failed + 2)
        self.assertEqual(len(gateway.events("server_failed")), 1, "said once, not at each look")
        self.sink.start()
        wait_until("it is seen to be up", lambda: self.ready()[0] == 200)
        gateway.wait_event("server_restored")

    def test_a_logon_without_a_clear_answer_is_not_repeated_by_looks(self):
        """Evidence is a second old at most, so each second brings a look."""
        answers = {"cut": DROP, "454": b"454 4.7.0 Temporary authentication failure\r\n"}
        gateway = self.start()
        for name, action in answers.items():
            with self.subTest(name):
                self.sink.commands.clear()
                self.sink.script["auth-password"] = action
                wait_until("it is seen", lambda: self.ready()[0] == 503)
                wait_until("it is looked at again",
                           lambda: self.ready() and self.verbs().count("EHLO") >= 3)
                self.assertEqual(self.verbs().count("AUTH"), 1)
                self.assertEqual(self.ready()[0], 503)
                self.sink.script.clear()
                gateway.retry()
                wait_until("it is up again", lambda: self.ready()[0] == 200)

    def test_a_suspended_connector_is_looked_at_without_a_logon(self):
        self.sink.password = "another"
        gateway = self.start()
        self.send("suspends-1")
        gateway.wait_event("connector_suspended")
        self.assertEqual(self.sink.wrong_passwords, 1)
        self.sink.commands.clear()
        wait_until("it is looked at, and answers", lambda: self.ready() and "QUIT" in self.verbs())
        self.assertNotIn("AUTH", self.verbs())
        code, answer = self.ready()
        connector, = answer["connectors"]
        self.assertEqual((code, connector["state"]), (503, "suspended"))
        self.assertRegex(connector["servers"][0]["evidence"], "^EHLO ok")
        self.assertIn("535", connector["last_error"])
        self.assertEqual(self.sink.wrong_passwords, 1)

    def test_a_look_wakes_mail_that_waits_for_its_server(self):
        self.world.retry = "{ connection: [1h], message: [1h], delay_notice: 2h, expire: 1d }"
        gateway = self.start()
        self.sink.stop()
        self.send("waits-1")
        gateway.wait_event("server_failed")
        self.sink.start()
        wait_until("it is seen to be up", lambda: self.ready()[0] == 200)
        wait_until("the mail goes at once", lambda: self.sink.with_text("waits-1"))


class Status(Case):
    evidence = "1h"

    def status(self):
        code, out, err = self.world.gateway.command("status", "--json")
        self.assertIn(code, (0, 1), err)
        answer = json.loads(out)
        self.assertEqual(code, 1 if answer["problems"] else 0)
        self.assertEqual(answer["status"], "trouble" if answer["problems"] else "fine")
        return answer

    def test_a_fine_gateway_says_so_in_json_and_in_text(self):
        gateway = self.start()
        self.ready()
        self.send("status-1")
        wait_until("it is recorded", lambda: gateway.metric(
            "forestgate_recipients_total", outcome="delivered") == 1)
        answer = self.status()
        self.assertEqual(answer["problems"], [])
        self.assertEqual(answer["hostname"], "gw.contoso.example")
        self.assertEqual(answer["configuration"]["file"], gateway.config)
        self.assertFalse(answer["draining"])
        self.assertEqual([(l["listener"], l["address"], l["certificates"])
                          for l in answer["listeners"]],
                         [("main", f"127.0.0.1:{self.world.port}", ["main"])])
        receive = {c["connector"]: c for c in answer["receive"]}
        self.assertEqual(receive["contoso-servers"]["messages"], 1)
        self.assertEqual(receive["contoso-servers"]["logons"], 1)
        send = {c["connector"]: c for c in answer["send"]}["fabrikam-servers"]
        self.assertEqual(send["state"], "up")
        self.assertRegex(send["evidence"], "^delivered")
        self.assertEqual(send["queue"]["messages"], 0)
        self.assertIsNotNone(send["last_delivery_s"])
        ours, = answer["certificates"]["ours"]
        self.assertEqual((ours["certificate"], ours["listeners"]), ("main", ["main"]))
        self.assertIn("gw.contoso.example", ours["names"])
        self.assertIn(ours["days_left"], (29, 30))
        peer, = answer["certificates"]["peers"]
        self.assertEqual(peer["server"], "hub1.fabrikam.example")
        self.assertTrue(answer["spool"]["has_room"])
        self.assertEqual({f["forest"]: f["belief"] for f in answer["forests"]},
                         {"contoso": "unknown", "fabrikam": "up"})
        over_http = json.loads(gateway.get("/status")[1])
        self.assertEqual(over_http.keys(), answer.keys())
        code, text, err = gateway.command("status")
        self.assertEqual(code, 0)
        self.assertIn("No problems.", text)
        for word in ("main", "contoso-servers", "fabrikam-servers", "hub1.fabrikam.example"):
            self.assertIn(word, text)
        self.assertNotIn(self.world.fabrikam.peer_password, text + json.dumps(answer))

    def test_what_is_wrong_is_a_problem_in_plain_words_and_exit_status_1(self):
        self.world.retry = "{ connection: [1h], message: [1h], delay_notice: 2h, expire: 1d }"
        self.world.certificate = self.world.ca.issue("gw.contoso.example", "127.0.0.1", days=3)
        gateway = self.start()
        self.sink.stop()
        self.send("waits-2")
        gateway.wait_event("server_failed")
        self.world.write_config(self.world.config_text().replace("limits:", "limitz:"))
        code, out, err = gateway.command("reload")
        self.assertEqual(code, 1)
        answer = self.status()
        problems = "\n".join(answer["problems"])
        self.assertRegex(problems, "send connector fabrikam-servers is down: 451 4.4.1 .*refused")
        self.assertRegex(problems, "certificate main expires in [23] days")
        self.assertRegex(problems, "the last reload was refused: .*limitz")
        send = {c["connector"]: c for c in answer["send"]}["fabrikam-servers"]
        self.assertEqual((send["state"], send["queue"]["messages"]), ("down", 1))
        self.assertGreater(send["servers"][0]["next_try_s"], 3000)
        code, text, err = gateway.command("status")
        self.assertEqual(code, 1)
        for problem in answer["problems"]:
            self.assertIn(problem, text)

    def test_who_cannot_ask_gets_2(self):
        self.start().stop()
        code, out, err = self.world.gateway.command("status")
        self.assertEqual(code, 2)
        self.assertIn("is the daemon running?", err)


if __name__ == "__main__":
    unittest.main()
