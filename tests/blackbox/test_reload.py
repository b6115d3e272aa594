"""Reload without loss: configuration, certificates and secrets change while mail flows."""

import itertools
import os
import re
import resource
import threading
import unittest

from client import Raw
from forests import GATEWAY_NAME, World, message
from gateway import account_hash
from kit import GATEWAY_IP, can_connect, free_port, wait_until

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"


def replace(path, text):
    """As rotation does it: a new file takes the name."""
    with open(path + ".new", "w") as f:
        os.fchmod(f.fileno(), 0o600)
        f.write(text)
    os.rename(path + ".new", path)


class Case(unittest.TestCase):
    def setUp(self):
        self.world = World("reload")
        self.addCleanup(self.world.stop)
        self.addCleanup(self.world.scratch.remove)
        self.hub = self.world.sink(self.world.fabrikam)
        self.world.sink(self.world.contoso)
        self.change(lambda text: text + "workers: 3\nreread: 1s\n")

    def change(self, edit):
        text = edit(self.world.config_text())
        self.world.config_text = lambda: text
        self.world.write_config()

    def reload(self):
        code, out, err = self.world.gateway.command("reload")
        self.assertEqual(code, 0, out + err)

    def arrives(self, mark):
        wait_until(f"{mark} arrives", lambda: self.hub.with_text(mark))

    def served_certificate(self):
        with self.world.raw(logon=False) as raw:
            return raw.sock.getpeercert()["serialNumber"]


class UnderLoad(Case):
    def test_clients_running_through_ten_reloads_see_no_error(self):
        """Three clients keep one session, three connect anew for each message; each reload
        changes something else."""
        gateway, failed, sent, done = self.world.start(), [], [], threading.Event()

        def give(client, mark):
            client.sendmail(ANNA, [BOB], message("reload", mark))
            sent.append(mark)

        def keeps(n):
            client = self.world.client(self.world.contoso)
            for i in itertools.takewhile(lambda _: not done.is_set(), itertools.count()):
                give(client, f"keeps-{n}-{i}.")
            client.quit()

        def comes_and_goes(n):
            for i in itertools.takewhile(lambda _: not done.is_set(), itertools.count()):
                client = self.world.client(self.world.contoso)
                give(client, f"comes-{n}-{i}.")
                client.quit()

        def run(work, n):
            try:
                work(n)
            except Exception as e:  # every kind counts as a failure of the test
                failed.append(repr(e))

        threads = [threading.Thread(target=run, args=(w, n))
                   for n in range(3) for w in (keeps, comes_and_goes)]
        for t in threads:
            t.start()
        try:
            for n in range(10):
                self.change([
                    lambda t: t.replace("contoso.example: authoritative",
                                        f"contoso.example: authoritative, n{n}.example: authoritative"),
                    lambda t: re.sub(r"(    connections: \d+\n)?    auth: { user",
                                     f"    connections: {2 + n}\n    auth: {{ user", t),
                    lambda t: t.replace("recipients: 100", f"recipients: {200 + n}"),
                ][n % 3])
                before = len(sent)
                self.reload()
                wait_until("more was sent", lambda: len(sent) >= before + 10 or failed)
        finally:
            done.set()
            for t in threads:
                t.join(60)
        self.assertEqual(failed, [])
        self.assertEqual(gateway.metric("forestgate_reloads_total", result="ok"), 10)
        wait_until("all arrive", lambda: len(self.hub.messages) >= len(sent), 40)
        marks = sorted(m.data.split(b"X-Mark: ")[1].split(b"\r\n")[0].decode()
                       for m in self.hub.messages)
        self.assertEqual(marks, sorted(sent), "each once")


class Changes(Case):
    def test_a_listener_comes_and_another_goes(self):
        gateway, port = self.world.start(), free_port(GATEWAY_IP)
        kept = self.world.raw()
        self.change(lambda t: t.replace(f"{GATEWAY_IP}:{self.world.port}", f"{GATEWAY_IP}:{port}"))
        self.reload()
        self.assertFalse(can_connect(GATEWAY_IP, self.world.port))
        with Raw(GATEWAY_IP, port) as raw:
            raw.expect(None, 220)
        kept.expect("NOOP", 250)  # whoever was in stays
        kept.expect("QUIT", 221)
        gateway.wait_event("listening", address=f"{GATEWAY_IP}:{port}")

    def test_what_was_accepted_for_a_connector_that_has_just_gone_goes_the_new_way_at_once(self):
        gateway = self.world.start()
        raw = self.world.raw()
        raw.expect(f"MAIL FROM:<{ANNA}>", 250)
        raw.expect(f"RCPT TO:<{BOB}>", 250)
        raw.expect("DATA", 354)
        self.change(lambda t: t.replace("fabrikam-servers", "fabrikam-renamed"))
        begin = gateway.log_size()
        self.reload()
        gateway.wait_event("config_loaded", since=begin)
        raw.send(message("reload", "overtaken-1") + b".\r\n")
        raw.expect(None, 250)
        self.arrives("overtaken-1")

    def test_a_listener_that_cannot_be_opened_changes_nothing(self):
        gateway = self.world.start()
        taken = f"{self.hub.address}:{self.hub.port}"
        self.change(lambda t: t.replace(
            f"listen:\n  main: {{ address: \"{GATEWAY_IP}:{self.world.port}\"",
            f"listen:\n  more: {{ address: \"{taken}\", certificate: main }}\n"
            f"  main: {{ address: \"{GATEWAY_IP}:{self.world.port}\"").replace(
            "fabrikam.example: authoritative", "fabrikam.example: authoritative, x.example: authoritative"))
        code, out, err = gateway.command("reload")
        self.assertEqual(code, 1)
        self.assertIn(f"listener more: {taken}: Address already in use", out + err)
        with self.world.raw() as raw:
            raw.expect(f"MAIL FROM:<{ANNA}>", 250)
            raw.expect("RCPT TO:<bob@x.example>", 550)

    def test_a_certificate_that_cannot_be_used_changes_nothing_and_says_why(self):
        gateway = self.world.start()
        serial = self.served_certificate()
        other = self.world.ca.issue("other.example")
        self.change(lambda t: t.replace(self.world.certificate.key, other.key))
        code, out, err = gateway.command("reload")
        self.assertEqual(code, 1)
        self.assertIn("does not belong to certificate", out + err)
        self.assertEqual(self.served_certificate(), serial)


    def test_a_refusal_is_logged_with_its_error_and_not_with_a_warning_before_it(self):
        gateway = self.world.start()
        self.change(lambda t: t.replace(
            "    speaks_for: [contoso]\n",
            "    speaks_for: [contoso]\n    tls: { require: false }\n", 1) + "nonsense: 1\n")
        code, out, err = gateway.command("reload")
        self.assertEqual(code, 1)
        said = (out + err).splitlines()
        self.assertIn(": warning: ", said[0], "the warning stands first, or this test is void")
        self.assertIn("nonsense", gateway.wait_event("config_refused")["why"])


class Files(Case):
    """Nobody says reload: the files change on disk."""

    def test_a_new_certificate_is_shown_once_its_key_is_there_too(self):
        gateway = self.world.start()
        before, kept = self.served_certificate(), self.world.raw()
        new = self.world.ca.issue(GATEWAY_NAME, GATEWAY_IP, file="renewed")
        begin = gateway.log_size()
        for have, comes in ((self.world.certificate.cert, new.cert),
                            (self.world.certificate.key, new.key)):
            with open(comes) as f:
                replace(have, f.read())
        gateway.wait_event("files_loaded", since=begin)
        self.assertNotEqual(self.served_certificate(), before)
        kept.expect("NOOP", 250)
        self.assertEqual(gateway.events("files_refused"), [])

    def test_a_half_written_certificate_is_refused_and_what_was_stays(self):
        gateway = self.world.start()
        before = self.served_certificate()
        with open(self.world.certificate.cert) as f:
            good = f.read()
        replace(self.world.certificate.cert, good[:200])
        event = gateway.wait_event("files_refused")
        self.assertIn(os.path.basename(self.world.certificate.cert), event["why"])
        self.assertEqual(self.served_certificate(), before)
        begin = gateway.log_size()
        replace(self.world.certificate.cert, good)
        gateway.wait_event("files_loaded", since=begin)

    def test_what_was_refused_for_want_of_descriptors_is_read_again(self):
        self.change(lambda t: t.replace("reread: 1s", "reread: 50ms"))
        gateway, contoso = self.world.start(), self.world.contoso
        limits = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (8, limits[1]))
        replace(contoso.hash_file, account_hash("another-Passw0rd") + "\n")
        self.assertIn("Too many open files", gateway.wait_event("files_refused")["why"])
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, limits)
        gateway.wait_event("files_loaded")
        self.world.client(contoso, "another-Passw0rd").quit()

    def test_a_new_hash_lets_the_new_password_in_and_the_old_one_out(self):
        gateway, contoso = self.world.start(), self.world.contoso
        self.world.client(contoso).quit()
        replace(contoso.hash_file, account_hash("another-Passw0rd") + "\n")
        gateway.wait_event("files_loaded")
        self.world.client(contoso, "another-Passw0rd").quit()
        with self.world.raw(logon=False) as raw:
            self.assertEqual(raw.login(contoso.user, contoso.password)[:3], "535")

    def test_a_repaired_password_sends_what_was_waiting(self):
        fabrikam = self.world.fabrikam
        replace(fabrikam.password_file, "wrong\n")
        gateway = self.world.start()
        self.world.send(ANNA, BOB, message("reload", "repaired-1"))
        gateway.wait_event("connector_suspended", connector="fabrikam-servers")
        replace(fabrikam.password_file, fabrikam.peer_password + "\n")
        self.arrives("repaired-1")

    def test_an_edited_configuration_is_not_taken_with_the_files(self):
        gateway = self.world.start()
        self.change(lambda t: t.replace("hostname: gw.", "hostname: edited."))
        replace(self.world.fabrikam.password_file, self.world.fabrikam.peer_password + "\n")
        gateway.wait_event("files_loaded")
        with Raw(GATEWAY_IP, self.world.port) as raw:
            self.assertIn(GATEWAY_NAME, raw.expect(None, 220))
