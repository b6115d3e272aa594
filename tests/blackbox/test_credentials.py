"""An account that servers of other forests lock after a few wrong passwords: how often a wrong one
is sent, by all connectors, servers, workers and looks together."""

import json
import os
import time
import unittest

from forests import World, message
from kit import wait_until

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"


class AnyCase(str):
    """A name in a directory."""

    def __eq__(self, other):
        return self.lower() == other.lower()

    __hash__ = str.__hash__


class Credential(unittest.TestCase):
    """Both forests know the gateway by one account, and have two servers each."""

    maxDiff = None
    connectors = ("contoso-servers", "fabrikam-servers")

    def setUp(self):
        self.world = w = World("credential")
        self.addCleanup(w.scratch.remove)
        self.addCleanup(w.stop)
        w.retry = "{ connection: [1s], message: [1s], delay_notice: 1d, expire: 2d }"
        w.contoso.auth_user = w.fabrikam.auth_user.upper()  # in a directory case does not matter
        w.contoso.peer_password = w.fabrikam.peer_password
        w.contoso.password_file = w.fabrikam.password_file
        self.sinks = [w.sink(f, name) for f, name in (
            (w.contoso, None), (w.contoso, "mx2.contoso.example"),
            (w.fabrikam, None), (w.fabrikam, "hub2.fabrikam.example"))]
        for sink in self.sinks:
            sink.user = w.fabrikam.auth_user
        for forest in (w.contoso, w.fabrikam):
            forest.extra = "    balance: round-robin\n"
        text = w.config_text()
        text = text.replace("monitor: {", "monitor: { evidence: 1s,").replace(
            "spool: {", "workers: 2\nreread: 50ms\nspool: {")
        text = text.replace(w.contoso.auth_user, "svc-forestgate@FABRIKAM.example", 1)
        w.config_text = lambda: text
        for sink in self.sinks:  # they take the name in either way
            sink.password = w.fabrikam.peer_password
            sink.user = AnyCase(sink.user)

    def forget_connections(self):
        for sink in self.sinks:
            sink.stop()
            sink.start()

    def wrong(self):
        return sum(s.wrong_passwords for s in self.sinks)

    def send_both_ways(self, mark, count):
        for i in range(count):
            self.world.send(ANNA, BOB, message("credential", f"{mark}-{i}."))
            self.world.send(BOB, ANNA, message("credential", f"{mark}-{i}."))

    def states(self):
        status = json.loads(self.gateway.command("status", "--json")[1])
        return [c["state"] for c in status["send"]]

    def both_wait(self):
        wait_until("both wait", lambda: self.states() == ["suspended"] * 2)
        wait_until("no connection is left that may be logging on", lambda: self.gateway.metric(
            "forestgate_server_connections_open") == 0)

    def everybody_looks(self):
        """Reloads, quiet looks, status and more mail; none of it is a reason to try."""
        for i in range(3):
            begin = self.gateway.log_size()
            self.gateway.reload()
            self.gateway.wait_event("config_loaded", since=begin)
            for forest in ("contoso", "fabrikam"):
                self.assertEqual(self.gateway.get(f"/readyz?forest={forest}")[0], 503)
            self.send_both_ways(f"more-{i}", 1)
            self.both_wait()

    def password(self, password):
        """In the file of the gateway."""
        begin = self.gateway.log_size()
        with open(self.world.fabrikam.password_file, "w") as f:
            f.write(password + "\n")
        self.gateway.wait_event("files_loaded", since=begin)

    def all_arrives(self):
        wait_until("the queue is empty", lambda: not self.gateway.queue(), 30)

    def test_a_password_that_used_to_work(self):
        self.gateway = gateway = self.world.start()
        self.send_both_ways("good", 1)
        self.all_arrives()
        for sink in self.sinks:
            sink.password = "changed in the directory"
        self.forget_connections()
        begin = gateway.log_size()
        self.send_both_ways("waits", 5)
        self.both_wait()
        # At most as many as may log on at once with a password that was right a moment ago.
        first = self.wrong()
        self.assertIn(first, (1, 2))
        self.everybody_looks()
        self.assertEqual(self.wrong(), first)
        alarms = gateway.events("connector_suspended", begin)
        self.assertEqual(len(alarms), 1, alarms)
        self.assertRegex(alarms[0]["why"],
                         "^535 5\\.7\\.3 Authentication unsuccessful \\(the server refuses the "
                         "password of svc-forestgate@\\S+, which worked until "
                         "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC: it was changed, the account is "
                         "locked or expired, or it lost ms-Exch-SMTP-Submit on the receive "
                         "connector; correct auth here, or repair it there and run forestgate "
                         "queue retry\\)$")
        other = set(self.connectors) - {alarms[0]["connector"]}
        waits = gateway.wait_event("connector_waits", since=begin, connector=other.pop())
        self.assertRegex(waits["why"],
                         "535 5.7.3|^a server refused the password of svc-forestgate@\\S+ to send "
                         f"connector {alarms[0]['connector']}, so it is not tried here either")
        for connector in self.connectors:
            self.assertEqual(gateway.metric("forestgate_connector_suspended",
                                            connector=connector), 1)
        self.assertEqual(gateway.metric("forestgate_logons_refused_total"), first)

        # Another wrong one is tried once; the right one at once by both.
        self.password("wrong again")
        wait_until("it is tried", lambda: self.wrong() > first)
        self.both_wait()
        self.assertEqual(self.wrong(), first + 1)
        self.password("changed in the directory")
        self.all_arrives()
        self.assertEqual(self.wrong(), first + 1)
        self.assertEqual(self.states(), ["up"] * 2)

    def test_a_password_that_never_worked(self):
        for sink in self.sinks:
            sink.password = "another"
        self.gateway = gateway = self.world.start()
        self.send_both_ways("waits", 5)
        self.both_wait()
        self.everybody_looks()
        self.assertEqual(self.wrong(), 1)
        alarms = gateway.events("connector_suspended")
        self.assertEqual(len(alarms), 1, alarms)
        self.assertRegex(alarms[0]["why"], "the server refuses the logon of svc-forestgate@\\S+: "
                                           "check name and password under auth")
        # An operator who says that it is right again has it tried again, once.
        gateway.retry()
        wait_until("it is tried", lambda: self.wrong() > 1)
        self.both_wait()
        self.assertEqual(self.wrong(), 2)
        self.assertEqual(len(gateway.events("connector_suspended")), 1)
        for sink in self.sinks:
            sink.password = self.world.fabrikam.peer_password
        gateway.retry()
        self.all_arrives()


class TwoServers(unittest.TestCase):
    """The servers of one connector are not of one mind about its password."""

    workers = 4

    def begin(self, balance, extra="connections: 4"):
        self.world = w = World("credential-" + balance)
        self.addCleanup(w.scratch.remove)
        self.addCleanup(w.stop)
        w.retry = "{ connection: [1s], message: [1s], delay_notice: 1d, expire: 2d }"
        w.sink(w.contoso)
        self.first = w.sink(w.fabrikam)
        self.second = w.sink(w.fabrikam, "hub2.fabrikam.example")
        w.fabrikam.extra = f"    balance: {balance}\n    {extra}\n"
        text = w.config_text().replace("spool: {", f"workers: {self.workers}\nspool: {{")
        w.config_text = lambda: text

    def send(self, mark, count):
        for i in range(count):
            self.world.send(ANNA, BOB, message("credential", f"{mark}-{i}."))

    def all_arrives(self):
        wait_until("the queue is empty", lambda: not self.gateway.queue(), 60)

    def forget_connections(self):
        for sink in (self.first, self.second):
            sink.stop()
            sink.start()

    def one_refuses(self, bad, good):
        """A password that works at both, and then no longer at one of them."""
        self.gateway = gateway = self.world.start()
        self.send("both", 20)
        self.all_arrives()
        begin = gateway.log_size()
        bad.password = "another there"
        for i in range(4):  # several rounds of the retry of connections, which is 1 s
            loaded = gateway.log_size()
            gateway.reload()
            gateway.wait_event("config_loaded", since=loaded)
            self.forget_connections()
            self.send(f"one-{i}", 40)
            self.all_arrives()
        self.assertEqual(bad.wrong_passwords, 1)
        self.assertEqual(good.wrong_passwords, 0)
        self.assertEqual(gateway.events("connector_suspended", begin), [])
        said = [e for e in gateway.events("server_failed", begin) if "535 5.7.3" in e["why"]]
        self.assertEqual(len(said), 1, said)
        self.assertGreater(int(said[0]["next_s"]), 1800)
        self.status_names(bad)
        # Repaired there: an operator says so, and it is asked again.
        bad.password = self.world.fabrikam.peer_password
        gateway.retry()
        self.forget_connections()
        before = len(bad.messages)
        good.stop()
        self.send("repaired", 4)
        self.all_arrives()
        self.assertGreater(len(bad.messages), before)
        self.assertEqual(gateway.metric("forestgate_servers_refusing_logon",
                                        connector="fabrikam-servers"), 0)

    def status_names(self, bad):
        """Mail flows, and yet somebody must learn which server refuses, and what it said."""
        self.assertEqual(self.gateway.get("/readyz?forest=fabrikam")[0], 200)
        status = json.loads(self.gateway.command("status", "--json")[1])
        (connector,) = (c for c in status["send"] if c["connector"] == "fabrikam-servers")
        self.assertEqual(connector["state"], "up")
        servers = {s["server"]: s for s in connector["servers"]}
        refusing = servers.pop(f"{bad.name}:{bad.port}")
        self.assertEqual(refusing["state"], "logon refused")
        self.assertIn("535 5.7.3", refusing["last_error"])
        self.assertGreater(refusing["next_try_s"], 1800)
        self.assertEqual([s["state"] for s in servers.values()], ["healthy"])
        (problem,) = status["problems"]
        self.assertRegex(problem, f"^server {bad.name}:{bad.port} of send connector "
                                  "fabrikam-servers refuses its logon: 535 5\\.7\\.3 ")
        self.assertIn(problem, self.gateway.command("status")[1])
        self.assertEqual(self.gateway.metric("forestgate_servers_refusing_logon",
                                             connector="fabrikam-servers"), 1)
        self.assertEqual(self.gateway.metric("forestgate_connector_suspended",
                                             connector="fabrikam-servers"), 0)

    def test_one_refuses_what_the_other_accepts_with_failover(self):
        self.begin("failover")
        self.one_refuses(self.first, self.second)

    def test_one_refuses_what_the_other_accepts_with_round_robin(self):
        self.begin("round-robin")
        self.one_refuses(self.second, self.first)

    def test_servers_that_are_slow_to_greet_see_one_wrong_password(self):
        """As long as a lease lasts: only who is about to say AUTH needs one."""
        self.begin("round-robin")
        for sink in (self.first, self.second):
            sink.password = "another there"
            sink.script["ehlo-tls"] = lambda session, argument: time.sleep(16)
        self.gateway = self.world.start()
        self.send("slow", 20)
        self.gateway.wait_event("connector_suspended", 40)
        wait_until("no connection is left that may be logging on", lambda: self.gateway.metric(
            "forestgate_server_connections_open") == 0, 40)
        self.assertEqual(self.first.wrong_passwords + self.second.wrong_passwords, 1)

    def test_a_storm_of_reloads_without_another_password(self):
        self.begin("round-robin")
        for sink in (self.first, self.second):
            sink.password = "another there"
        self.gateway = gateway = self.world.start()
        wrong = lambda: self.first.wrong_passwords + self.second.wrong_passwords
        self.send("storm", 20)
        gateway.wait_event("connector_suspended")
        path = self.world.fabrikam.password_file

        def storm():
            for _ in range(20):
                gateway.reload()
            begin = gateway.log_size()
            gateway.reload()
            gateway.wait_event("config_loaded", since=begin)
            self.send("more", 2)

        storm()
        self.assertEqual(wrong(), 1)
        with open(path) as f:
            same = f.read()
        with open(path, "w") as f:
            f.write(same)
        os.utime(path)
        storm()
        self.assertEqual(wrong(), 1)
        with open(path, "w") as f:
            f.write("a new one\n")
        storm()
        wait_until("it is tried", lambda: wrong() > 1)
        storm()
        self.assertEqual(wrong(), 2)
        self.assertEqual(len(gateway.events("connector_suspended")), 2)
