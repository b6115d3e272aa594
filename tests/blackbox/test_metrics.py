"""The metrics page and the alert rules, in the eyes of Prometheus' own tool."""

import os
import re
import subprocess
import unittest

from forests import World, message
from kit import ROOT, run, wait_until

RULES = os.path.join(ROOT, "scripts", "monitoring")
FAMILIES = """
    build_info start_time_seconds reloads_total reload_last_successful
    certificate_expiry_timestamp_seconds peer_certificate_expiry_timestamp_seconds
    smtp_sessions_total smtp_sessions_open smtp_commands_total smtp_auth_total tls_sessions_total
    messages_received_total recipients_accepted_total recipients_total
    delivery_stage_seconds delivery_queue_seconds delivery_seconds
    server_connections_total server_connections_open server_checks_total
    connector_up connector_suspended route_up last_delivery_timestamp_seconds
    queue_messages queue_bytes queue_oldest_seconds
    spool_messages spool_has_room spool_free_bytes spool_commit_seconds spool_commit_changes
    pressure_level pressure_reading pressure_delivery_paused pressure_mails_total
""".split()


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A gateway that has seen traffic of every kind: delivered, deferred, bounced, refused."""
        cls.world = World("metrics")
        cls.addClassCleanup(cls.world.scratch.remove)
        cls.addClassCleanup(cls.world.stop)
        cls.world.retry = "{ connection: [1h], message: [1h], delay_notice: 2h, expire: 1d }"
        cls.sink = cls.world.sink(cls.world.fabrikam)
        cls.world.sink(cls.world.contoso)
        answers = {"later": b"451 4.2.0 later\r\n", "never": b"550 5.1.1 User unknown\r\n"}
        cls.sink.script["rcpt"] = lambda session, argument: next(
            (a for word, a in answers.items() if word in argument), None)
        gateway = cls.gateway = cls.world.start()
        cls.world.send("anna@contoso.example", ["bob@fabrikam.example", "later@fabrikam.example",
                                                "never@fabrikam.example"], message("m", "m-1"))
        with cls.world.raw(logon=False) as raw:
            raw.login(cls.world.contoso.user, "wrong")
        gateway.get("/readyz?forest=contoso")
        gateway.command("reload")
        wait_until("each recipient was counted", lambda: gateway.metric(
            "forestgate_recipients_total", connector="fabrikam-servers") == 3)
        wait_until("the wrong logon was counted", lambda: gateway.metric(
            "forestgate_smtp_auth_total", result="wrong") == 1)
        wait_until("the report is delivered", lambda: gateway.metric(
            "forestgate_spool_messages") == 1)
        wait_until("addresses are known again, behind the reload", lambda: gateway.metric(
            "forestgate_peer_certificate_expiry_timestamp_seconds", connector="fabrikam-servers"))
        cls.page = gateway.get("/metrics")[1]

    def test_what_alert_rules_watch_is_there_before_the_first_event(self):
        page = self.world.gateway.get("/metrics")[1]
        for result in ("ok", "remembered", "wrong", "unchecked"):
            self.assertIn(f'forestgate_smtp_auth_total{{connector="fabrikam-servers",result="{result}"}} 0',
                          page)
        self.assertIn('forestgate_reloads_total{result="refused"} 0', page)

    def test_promtool_finds_nothing_to_say_about_the_page(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.page, text=True,
                              capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_every_family_is_there_with_help_and_type(self):
        for name in FAMILIES:
            with self.subTest(name):
                for pattern in (rf"# HELP forestgate_{name} \S", rf"# TYPE forestgate_{name} \w+$",
                                rf"forestgate_{name}(_count)?[ {{]"):
                    self.assertTrue(re.search("(?m)^" + pattern, self.page), pattern)

    def test_a_histogram_never_falls_and_ends_with_its_count(self):
        buckets, counts = {}, {}
        for name, kind, labels, value in re.findall(
                r"(?m)^(\w+)_(bucket|count)(?:\{(.*)\})? (\d+)$", self.page):
            key = name, re.sub(r',?le="[^"]*"', "", labels)
            if kind == "count":
                counts[key] = int(value)
            else:
                buckets.setdefault(key, []).append(int(value))
        self.assertGreater(len(buckets), 10)
        self.assertEqual(buckets.keys(), counts.keys())
        for key, values in buckets.items():
            self.assertEqual(values, sorted(values), key)
            self.assertEqual(values[-1], counts[key], key)

    def test_each_stage_of_the_delivery_was_timed(self):
        for stage in ("connect", "greeting", "tls", "logon", "envelope", "content"):
            count = re.search(r'(?m)^forestgate_delivery_stage_seconds_count'
                              rf'\{{connector="fabrikam-servers",stage="{stage}"\}} (\d+)$', self.page)
            self.assertEqual(count[1], "1", stage)

    def test_recipients_are_counted_by_route_from_acceptance_to_outcome(self):
        def number(family, **labels):
            return self.gateway.metric("forestgate_" + family, **labels)

        self.assertEqual(number("recipients_accepted_total", connector="fabrikam-servers"), 3)
        for outcome in ("delivered", "deferred", "bounced"):
            self.assertEqual(number("recipients_total", connector="fabrikam-servers",
                                    outcome=outcome), 1, outcome)
        self.assertEqual(number("queue_messages", connector="fabrikam-servers"), 1)
        self.assertGreater(number("queue_bytes", connector="fabrikam-servers"), 0)

    def test_nothing_of_a_peer_is_in_a_label(self):
        for word in ("127.0.1.", "127.0.2.", "bob@", "anna@", "@"):
            self.assertNotIn(word, re.sub(r"(?m)^#.*$", "", self.page))

    def test_gauges_of_what_left_the_configuration_leave_the_page(self):
        world, gateway = self.world, self.gateway
        text = world.config_text()
        self.addCleanup(gateway.command, "reload")
        self.addCleanup(world.write_config, text)
        world.write_config(text.replace("send:\n", "send:\n  spare: { servers: [\"127.0.2.9:25\"], "
                                        "auth: none, tls: { verify: none } }\n"))
        gateway.command("reload", check=True)
        line = 'forestgate_connector_up{connector="spare"}'
        wait_until("its owner has it", lambda: line in gateway.get("/metrics")[1])
        world.write_config(text)
        gateway.command("reload", check=True)
        self.assertFalse(line in gateway.get("/metrics")[1])


class Rules(unittest.TestCase):
    def test_the_rules_are_rules(self):
        self.assertIn("SUCCESS", run("promtool", "check", "rules",
                                     os.path.join(RULES, "forestgate-alerts.yaml")))

    def test_each_alert_fires_when_it_should(self):
        out = run("promtool", "test", "rules", *[
            os.path.join(RULES, f"forestgate-alerts-{t}.yaml") for t in ("test", "weeks-test")])
        self.assertEqual(out.count("SUCCESS"), 2, out)

    def test_each_alert_has_a_test_and_says_what_to_do(self):
        def read(name):
            with open(os.path.join(RULES, name)) as f:
                return f.read()

        tests = read("forestgate-alerts-test.yaml") + read("forestgate-alerts-weeks-test.yaml")
        rules = read("forestgate-alerts.yaml").split("- alert: ")[1:]
        self.assertGreater(len(rules), 12)
        for rule in rules:
            name = rule.split("\n")[0]
            with self.subTest(name):
                self.assertIn(f'alertname="{name}"', tests)
                self.assertRegex(rule, r"severity: (critical|warning|info)")
                self.assertRegex(rule, r"description: >-\n\s+\S")

    def test_every_metric_of_the_rules_is_one_of_ours(self):
        with open(os.path.join(ROOT, "gateway", "base", "counters.def")) as f:
            ours = set(re.findall(r"(?m)^(?:METRIC|HISTOGRAM)\((\w+),", f.read()))
        with open(os.path.join(RULES, "forestgate-alerts.yaml")) as f:
            used = set(re.findall(r"forestgate_([a-z_]+?)(?:_bucket)?\b", f.read()))
        self.assertLessEqual(used, ours)


if __name__ == "__main__":
    unittest.main()
