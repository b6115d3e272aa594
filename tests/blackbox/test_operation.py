"""The life of the process: start, reload, drain, health, metrics, the command line."""

import json
import os
import signal
import stat
import threading
import unittest

from client import Lost, Raw
from forests import World, message
from gateway import Gateway, account_hash, forestgate
from kit import GATEWAY_IP, Certificate, can_connect, free_port, wait_until
from sink import STALL


class Case(unittest.TestCase):
    """A gateway of its own for each test, with scripted servers on both sides."""

    def setUp(self):
        self.world = World("operation")
        self.addCleanup(self.world.stop)
        self.addCleanup(self.world.scratch.remove)
        self.sink = self.world.sink(self.world.fabrikam)
        self.world.sink(self.world.contoso)

    def send(self, mark):
        return self.world.send("anna@contoso.example", "bob@fabrikam.example",
                               message("operation", mark))

    def arrives(self, mark, seconds=20):
        return wait_until(f"{mark} arrives", lambda: self.sink.with_text(mark), seconds)


class Process(Case):
    def test_sigterm_ends_it_with_0_and_mail_stays(self):
        gateway = self.world.start()
        self.sink.stop()
        self.send("stays-1")
        self.assertEqual(gateway.stop(), 0)
        gateway.wait_event("stopping")
        gateway.wait_event("stopped")
        self.assertFalse(can_connect("127.0.0.1", self.world.port))
        self.sink.start()
        gateway.start()
        self.assertGreaterEqual(int(gateway.wait_event("spool_opened")["recovered"]), 1)
        self.arrives("stays-1")

    def test_sigterm_lets_a_message_under_way_finish(self):
        gateway = self.world.start()
        with self.world.raw() as raw:
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            raw.expect("RCPT TO:<bob@fabrikam.example>", 250)
            raw.expect("DATA", 354)
            gateway.process.signal(signal.SIGTERM)
            gateway.wait_event("stopping")
            with Raw(GATEWAY_IP, self.world.port) as other:
                other.expect(None, "421 4.3.2")
            raw.send(message("drain", "drain-1") + b".\r\n")
            raw.expect(None, 250)
            try:
                raw.send(b"QUIT\r\n")
                self.assertRegex(raw.reply(), "^(221|421)")
            except (Lost, OSError):
                pass
        self.assertEqual(gateway.process.wait(40), 0)
        gateway.start()
        self.arrives("drain-1")

    def test_kill_9_before_delivery_loses_nothing(self):
        gateway = self.world.start()
        self.sink.script["content"] = STALL
        ids = [self.send(f"killed-{i}.") for i in range(10)]
        self.assertEqual(len(set(ids)), 10)
        gateway.kill()
        self.sink.script.clear()
        self.sink.stop()
        self.sink.start()
        gateway.start()
        for i in range(10):
            self.arrives(f"killed-{i}.")

    def test_a_good_reload_is_in_force_and_loses_no_session(self):
        world, gateway = self.world, self.world.start()
        with world.raw() as raw:
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            world.write_config(world.config_text().replace(
                "fabrikam.example: authoritative",
                "fabrikam.example: authoritative, new.example: authoritative"))
            begin = gateway.log_size()
            gateway.reload()
            gateway.wait_event("config_loaded", since=begin)
            raw.expect("RCPT TO:<bob@fabrikam.example>", 250)
            raw.expect("RSET", 250)
        with world.raw() as raw:
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            raw.expect("RCPT TO:<bob@new.example>", 250)
        self.assertEqual(gateway.metric("forestgate_reloads_total", result="ok"), 1)

    def test_a_bad_reload_is_refused_and_nothing_changes(self):
        world, gateway = self.world, self.world.start()
        world.write_config(world.config_text().replace("limits:", "limitz:"))
        begin = gateway.log_size()
        gateway.reload()
        event = gateway.wait_event("config_refused", since=begin)
        self.assertIn("limitz", event["why"])
        self.send("bad-reload-1")
        self.arrives("bad-reload-1")
        self.assertEqual(gateway.metric("forestgate_reloads_total", result="refused"), 1)

    def test_a_second_gateway_on_the_same_spool_does_not_start(self):
        self.world.start()
        second = self.world.config_text().replace(
            str(self.world.port), str(free_port("127.0.0.1"))).replace(
            str(self.world.monitor_port), str(free_port("127.0.0.1"))).replace(
            "control.sock", "second.sock")
        config = self.world.scratch.write("second.yaml", second)
        code, out, err = forestgate("run", "-c", config)
        self.assertNotEqual(code, 0)
        self.assertIn("in use", out + err)
        self.world.still_serves()

    def test_a_port_in_use_is_a_clear_end(self):
        gateway = self.world.start()
        text = self.world.config_text().replace(self.world.spool, self.world.scratch("spool2"))
        text = text.replace(str(self.world.monitor_port), str(free_port("127.0.0.1")))
        config = self.world.scratch.write("second.yaml", text.replace("control.sock", "c2.sock"))
        code, out, err = forestgate("run", "-c", config)
        self.assertNotEqual(code, 0)
        self.assertIn(str(self.world.port), out + err)
        self.assertTrue(gateway.runs)


class Monitor(Case):
    def test_health_and_metrics(self):
        gateway = self.world.start()
        self.assertEqual(gateway.get("/livez")[0], 200)
        self.assertEqual(gateway.get("/readyz")[0], 200)
        self.assertEqual(gateway.get("/nothing")[0], 404)
        self.send("metrics-1")
        self.arrives("metrics-1")
        wait_until("the counters say so", lambda: gateway.metric(
            "forestgate_recipients_total", outcome="delivered") == 1)
        self.assertEqual(gateway.metric("forestgate_messages_received_total"), 1)
        self.assertGreaterEqual(gateway.metric("forestgate_spool_commit_seconds_count"), 1)
        page = gateway.get("/metrics")[1]
        self.assertIn("# TYPE forestgate_messages_received_total counter", page)
        self.assertNotIn("bob@", page)

    def test_ready_does_not_depend_on_a_route(self):
        gateway = self.world.start()
        self.sink.stop()
        self.send("ready-1")
        gateway.wait_event("server_failed")
        self.assertEqual(gateway.get("/readyz")[0], 200)
        wait_until("the queue is on the page", lambda: gateway.metric(
            "forestgate_queue_messages", connector="fabrikam-servers") == 1)

    def test_not_ready_while_draining(self):
        gateway = self.world.start()
        with self.world.raw() as raw:
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            raw.expect("RCPT TO:<bob@fabrikam.example>", 250)
            raw.expect("DATA", 354)
            gateway.process.signal(signal.SIGTERM)
            gateway.wait_event("stopping")
            self.assertEqual(gateway.get("/readyz")[0], 503)
            self.assertEqual(gateway.get("/livez")[0], 200)
            raw.send(b"\r\n.\r\n")
        self.assertEqual(gateway.process.wait(40), 0)


class Commands(Case):
    def test_queue_list_show_and_retry(self):
        gateway = self.world.start()
        self.sink.stop()
        queue_id = self.send("queue-1")
        gateway.wait_event("server_failed")
        code, out, err = gateway.command("queue", "list")
        self.assertEqual(code, 0, err)
        self.assertIn("fabrikam-servers", out)
        code, out, _ = gateway.command("queue", "list", "--messages")
        self.assertIn(queue_id, out)
        code, out, _ = gateway.command("queue", "show", queue_id)
        for words in (queue_id, "anna@contoso.example", "bob@fabrikam.example"):
            self.assertIn(words, out)
        for arguments in (("list",), ("list", "--messages"), ("show", queue_id)):
            code, out, err = gateway.command("queue", *arguments, "--json")
            self.assertEqual(code, 0, err)
            rows = [json.loads(line) for line in out.splitlines()]
            self.assertTrue(rows)
        self.assertEqual([m["id"] for m in gateway.queue()], [queue_id])
        self.assertNotEqual(gateway.command("queue", "show", "0000000000000")[0], 0)
        self.sink.start()
        self.assertEqual(gateway.command("queue", "retry", "fabrikam-servers")[0], 0)
        self.assertNotEqual(gateway.command("queue", "retry", "no-such-connector")[0], 0)
        self.arrives("queue-1")
        gateway.wait_event("control", command="queue retry fabrikam-servers")

    def test_a_probe_is_served_and_leaves_no_line(self):
        self.world.config_text = lambda text=self.world.config_text(): text.replace(
            "monitor: {", f"monitor: {{ probe_networks: [{self.world.contoso.network}],", 1)
        gateway = self.world.start()
        self.world.still_serves()
        self.send("probe-1")
        closed = gateway.wait_event("session_closed", messages=1)
        self.assertEqual(gateway.events("session_closed"), [closed])
        self.assertEqual(gateway.metric("forestgate_smtp_sessions_total"), 2)

    def test_the_control_socket_is_not_for_others(self):
        self.world.start()
        mode = os.stat(self.world.scratch("control.sock")).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertFalse(mode & 0o007, oct(mode))

    def test_queue_commands_say_when_no_gateway_runs(self):
        gateway = self.world.start()
        gateway.stop()
        code, out, err = gateway.command("queue", "list")
        self.assertEqual(code, 0, err)
        self.assertIn("fabrikam-servers", out)
        self.assertEqual(err, "The gateway does not run; this is its spool.\n")
        self.assertNotEqual(gateway.command("status")[0], 0)

    def test_queue_commands_work_while_the_file_is_being_edited(self):
        gateway = self.world.start()
        text = self.world.config_text()
        self.world.write_config(text + "half a ke: [y]\n")
        self.assertEqual(gateway.command("queue", "list")[0], 0)
        self.assertEqual(gateway.command("reload")[0], 1)
        self.world.write_config(text)

    def test_check_takes_a_good_file_and_complains_about_a_bad_one(self):
        config = self.world.write_config()
        self.assertEqual(forestgate("check", "-c", config)[0], 0)
        bad = self.world.config_text().replace("speaks_for", "speeks_for", 1).replace(
            "version: 1", "version: 9")
        config = self.world.scratch.write("bad.yaml", bad)
        code, out, err = forestgate("check", "-c", config)
        self.assertEqual(code, 1)
        said = out + err
        line = next(i for i, l in enumerate(bad.splitlines(), 1) if "speeks_for" in l)
        self.assertRegex(said, rf"bad\.yaml:{line}:\d+:")
        self.assertIn("speaks_for", said)
        self.assertRegex(said, r"bad\.yaml:1:")
        self.assertIn("^", said)

    def test_check_refuses_a_secret_that_others_can_read(self):
        os.chmod(self.world.fabrikam.password_file, 0o644)
        code, out, err = forestgate("check", "-c", self.world.write_config())
        self.assertEqual(code, 1)
        self.assertIn(os.path.basename(self.world.fabrikam.password_file), out + err)

    def test_explain_names_the_route_and_its_lines(self):
        config = self.world.write_config()
        code, out, err = forestgate("explain", "-c", config, "--from", "anna@contoso.example",
                                    "--to", "bob@fabrikam.example", "--client", "127.0.1.1")
        self.assertEqual(code, 0, out + err)
        self.assertIn("fabrikam-servers", out)
        self.assertRegex(out, r"forestgate\.yaml:\d+")
        code, out, err = forestgate("explain", "-c", config, "--from", "anna@contoso.example",
                                    "--to", "x@elsewhere.example", "--client", "127.0.1.1")
        self.assertEqual(code, 1, out + err)
        self.assertIn("5.7.1", out)

    def test_account_hash_differs_each_time_and_never_shows_the_password(self):
        one, two = account_hash("a password"), account_hash("a password")
        self.assertNotEqual(one, two)
        self.assertTrue(one.startswith("$"))
        self.assertNotIn("a password", one)

    def test_pin_tells_the_pin_of_a_running_server_and_it_works(self):
        code, out, err = forestgate("pin", f"127.0.2.1:{self.sink.port}")
        self.assertEqual(code, 0, err)
        base = os.path.join(self.world.fabrikam.ca.folder, "hub1.fabrikam.example")
        pin = Certificate(base + ".pem", base + ".key").spki_pin()
        self.assertIn(pin, out)
        self.world.fabrikam.tls = f'{{ verify: pin, pins: ["{pin}"] }}'
        self.world.start()
        self.send("pinned-1")
        self.arrives("pinned-1")

    def test_usage_errors_exit_with_2(self):
        for arguments in ((), ("frobnicate",), ("run",), ("queue",), ("explain", "-c", "x")):
            with self.subTest(arguments):
                code, out, err = forestgate(*arguments)
                self.assertEqual(code, 2)
                self.assertTrue(err.strip())
        code, out, err = forestgate("--help")
        self.assertEqual(code, 0)
        for command in ("run", "check", "explain", "queue", "account", "pin"):
            self.assertIn(command, out)


class Rotation(Case):
    def test_two_passwords_are_valid_during_a_rotation(self):
        world = self.world
        extra = world.scratch.write("secrets/next.hash", account_hash("next-one") + "\n", 0o600)
        text = world.config_text().replace(
            f"password_hash_files: [{world.contoso.hash_file}]",
            f"password_hash_files: [{world.contoso.hash_file}, {extra}]")
        world.write_config(text)
        world.gateway = Gateway(world.scratch, world.scratch("forestgate.yaml"),
                                world.monitor_port, "127.0.0.1", world.port).start()
        for password in (world.contoso.password, "next-one"):
            world.client(world.contoso, password).quit()


class Load(Case):
    def test_many_sessions_at_once_lose_nothing(self):
        gateway = self.world.start()
        count, each, failed = 10, 20, []

        def work(n):
            try:
                client = self.world.client(self.world.contoso)
                for i in range(each):
                    client.sendmail("anna@contoso.example", ["bob@fabrikam.example"],
                                    message("load", f"load-{n}-{i}."))
                client.quit()
            except Exception as e:  # every kind counts as a failure of the test
                failed.append(repr(e))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertFalse(failed)
        wait_until("all arrive", lambda: len(self.sink.messages) >= count * each, 40)
        marks = [f"load-{n}-{i}." for n in range(count) for i in range(each)]
        have = {m.data.split(b"X-Mark: ")[1].split(b"\r\n")[0].decode(): m
                for m in self.sink.messages}
        self.assertEqual(sorted(have), sorted(marks))
        self.assertEqual(len(self.sink.messages), len(marks), "no duplicates")
        wait_until("the queue is empty", lambda: gateway.metric("forestgate_spool_messages") == 0)
