#!/usr/bin/env python3
"""Many sessions and a long queue: nothing is lost, and memory does not grow with them.

    idle     2 000 sessions that have logged on under TLS and wait, half of them after a message:
             memory for each
    busy     with them, 50 sessions that send for a minute; then every idle one still answers
    queued   100 000 messages for a forest whose server is down: accepted, kept over kill -9,
             listed, and delivered when the server is back; memory of each step
    beside   all the while that they come and go, 20 messages a second to another forest, and once
             beside messages of 20 MB on their own connector; their time to delivery is printed
             beside that in peace

Memory is the process's own (RssAnon): pages of the spool's file that the system keeps at hand are
not counted, since it takes them back at will. Times are printed, never judged.

    LOAD_SECONDS=n  how long the busy ones send (60)     LOAD_IDLE=n    idle sessions (2000)
    LOAD_QUEUED=n   messages in the queue (100000)       KEEP=1         leave the scratch folder
"""

import json
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "blackbox"))

from client import Raw
from gateway import Gateway, account_hash
from kit import BUILD, GATEWAY_IP, Process, Scratch, can_connect, free_port, self_signed, wait_until

SECONDS = int(os.environ.get("LOAD_SECONDS", "60"))
IDLE = int(os.environ.get("LOAD_IDLE", "2000"))
QUEUED = int(os.environ.get("LOAD_QUEUED", "100000"))
BUSY, SIZE, TRICKLE = 50, 4096, 20
USER, PASSWORD, NAME = "svc", "load-Passw0rd", "gw.contoso.example"
SINK_IP, OTHER_IP = "127.0.2.1", "127.0.3.1"

IDLE_KIB = 40  # design: an idle TLS session
PEACE = 10  # seconds
LARGE = 10  # messages
GROWTH_MIB = 16  # what a steady state may wander by
QUEUE_MIB = 96  # the ready list of a connector may hold 48 MiB of messages, whatever waits


class Trickle(threading.Thread):
    """A sender to the other forest, at its own pace, in a session of its own."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_, self.stopping, self.sent = run, threading.Event(), 0
        self.begin = run.gateway.log_size()
        self.start()

    def run(self):
        raw = self.run_.session(False)
        while not self.stopping.wait(1 / TRICKLE):
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            raw.expect("RCPT TO:<tom@tailspin.example>", 250)
            raw.expect("DATA", 354)
            raw.send(b"Subject: trickle\r\n\r\n" + b"x" * 72 + b"\r\n.\r\n")
            raw.expect(None, 250)
            self.sent += 1
        raw.close()

    def end(self):
        """How long each took from its 250's custody to the other server's, in ms, sorted."""
        self.stopping.set()
        self.join(60)
        gateway, wanted = self.run_.gateway, {"to": "tom@tailspin.example", "outcome": "delivered"}
        found = wait_until("the trickle is delivered", lambda: [
            e for e in [gateway.events("delivery", since=self.begin, **wanted)]
            if len(e) >= self.sent], 120)[0]
        self.run_.trickled += self.sent
        return sorted(int(e["delay_ms"]) for e in found)


class Checks:
    """What must hold; one line each."""

    passed = failed = 0

    def that(self, text, holds, figure=""):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        print(f"  {'ok' if holds else 'FAIL':<5} {text:<64} {figure}", flush=True)


class Run:
    def __init__(self):
        self.scratch, self.checks = Scratch("load"), Checks()
        self.port, self.monitor_port = free_port(GATEWAY_IP), free_port(GATEWAY_IP)
        self.sink_port, self.other_port = free_port(SINK_IP), free_port(OTHER_IP)
        self.certificate = self_signed(self.scratch.folder("tls"), NAME)
        self.gateway = Gateway(self.scratch, self.write_config(), self.monitor_port, GATEWAY_IP,
                               self.port)
        self.sink = None
        self.trickled = 0  # messages to the other forest
        self.taken = 0  # by the sinks that have ended

    def write_config(self):
        self.scratch.write("account.hash", account_hash(PASSWORD) + "\n", 0o600)
        self.scratch.write("password", PASSWORD + "\n", 0o600)
        sessions = IDLE + 2 * BUSY + 8
        return self.scratch.write("forestgate.yaml", f"""\
version: 1
hostname: {NAME}
postmaster: postmaster@contoso.example
spool: {{ path: spool }}
control: control.sock
monitor: {{ address: "{GATEWAY_IP}:{self.monitor_port}" }}
limits: {{ sessions: {sessions}, idle: 1h }}
retry: {{ connection: [1h], message: [1h], delay_notice: 2h, expire: 1d }}
certificates:
  main: {{ certificate: {self.certificate.cert}, key: {self.certificate.key} }}
listen:
  main: {{ address: "{GATEWAY_IP}:{self.port}", certificate: main }}
forests:
  contoso:
    domains: {{ contoso.example: authoritative }}
    deliver: [fabrikam-hub]
  fabrikam:
    domains: {{ fabrikam.example: authoritative }}
    deliver: [fabrikam-hub]
  tailspin:
    domains: {{ tailspin.example: authoritative }}
    deliver: [tailspin-hub]
receive:
  contoso-hub:
    listen: [main]
    networks: [127.0.0.0/8]
    speaks_for: [contoso]
    connections: {sessions}
    connections_per_network: {sessions}
    connections_per_client: {sessions}
    accounts:
      svc: {{ names: [{USER}], password_hash_files: [account.hash] }}
send:
  fabrikam-hub:
    servers: ["{SINK_IP}:{self.sink_port}"]
    connections: {BUSY}
    messages_per_connection: 1000
    tls: {{ verify: ca, ca: {self.certificate.cert} }}
    auth: {{ user: {USER}, password_file: password }}
  tailspin-hub:
    servers: ["{OTHER_IP}:{self.other_port}"]
    tls: {{ verify: ca, ca: {self.certificate.cert} }}
    auth: {{ user: {USER}, password_file: password }}
""")

    # ---- the far end and the generator

    def sink_at(self, address, port, out):
        sink = Process(
            [os.path.join(BUILD, "bench", "smtp-sink"), "--listen", f"{address}:{port}",
             "--certificate", self.certificate.cert, "--key", self.certificate.key,
             "--tls-required", "--user", USER, "--password", PASSWORD], out)
        wait_until("the sink listens", lambda: can_connect(address, port))
        return sink

    def start_sink(self):
        self.sink_out = self.scratch(f"sink-{self.taken}.out")
        self.sink = self.sink_at(SINK_IP, self.sink_port, self.sink_out)

    def stop_sink(self):
        self.sink.stop()
        with open(self.sink_out) as f:
            self.taken += json.loads(f.read().strip().splitlines()[-1])["messages"]

    def load(self, *more):
        return Process(
            [os.path.join(BUILD, "bench", "smtp-load"), "--connect", f"{GATEWAY_IP}:{self.port}",
             "--sessions", str(BUSY), "--size", str(SIZE), "--user", USER, "--password", PASSWORD,
             "--from", "sender%@contoso.example", "--to", "user%@fabrikam.example", *more],
            self.scratch("load.out"))

    def load_result(self):
        with open(self.scratch("load.out")) as f:
            return json.loads(f.read().strip().splitlines()[-1])

    # ---- what is looked at

    def memory(self):
        """MiB of the gateway's own."""
        with open(f"/proc/{self.gateway.pid}/status") as f:
            status = dict(l.rstrip("\n").split(":", 1) for l in f)
        return int(status["RssAnon"].split()[0]) / 1024

    def queued(self):
        return self.gateway.metric("forestgate_spool_messages")

    # ---- the story

    def idle(self):
        """Sessions that have logged on and wait."""
        for raw in [self.session(True) for _ in range(BUSY)]:  # whatever is made once is made now
            raw.close()
        before, sessions = self.memory(), []
        for i in range(IDLE):
            sessions.append(self.session(i % 2 == 0))
        each = (self.memory() - before) * 1024 / IDLE
        self.checks.that(f"{IDLE} idle TLS sessions: at most {IDLE_KIB} KiB each",
                         each <= IDLE_KIB, f"{each:.1f} KiB")
        return sessions

    def session(self, sends):
        raw = Raw(GATEWAY_IP, self.port, "127.0.1.1", timeout=60)
        raw.expect(None, 220)
        raw.expect("EHLO idle.contoso.example", 250)
        raw.starttls(self.certificate.cert, NAME)
        raw.expect("EHLO idle.contoso.example", 250)
        if not raw.login(USER, PASSWORD).startswith("235"):
            raise AssertionError("an idle session could not log on")
        if sends:
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            raw.expect("RCPT TO:<bob@fabrikam.example>", 250)
            raw.expect("DATA", 354)
            raw.send(b"Subject: idle\r\n\r\n" + b"x" * 72 + b"\r\n.\r\n")
            raw.expect(None, 250)
            self.accepted += 1
        return raw

    def busy(self, sessions):
        load, samples = self.load("--messages", "100000000"), []
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and load.exit_code is None:
            time.sleep(0.5)
            samples.append(self.memory())
        load.signal(15)
        load.wait(60)
        result = self.load_result()
        self.accepted += result["messages"]
        third = len(samples) // 3
        first, last = max(samples[:third]), max(samples[-third:])
        self.checks.that(f"{BUSY} busy sessions for {SECONDS} s beside them: no error",
                         not any(result["errors"].values()), f"{result['messages'] / SECONDS:.0f} accepted/s")
        self.checks.that("memory is steady meanwhile", last <= first + GROWTH_MIB,
                         f"{first:.0f} -> {last:.0f} MiB")
        answered = 0
        for raw in sessions:
            raw.expect("NOOP", 250)
            answered += 1
        self.checks.that("every idle session still answers", answered == IDLE)
        for raw in sessions:
            raw.close()
        wait_until("the queue is empty", lambda: self.queued() == 0, 120)
        self.stop_sink()
        self.checks.that("everything accepted was delivered once", self.taken == self.accepted,
                         f"{self.taken}")

    def queue(self):
        base = self.memory()
        self.accept_for_dead_forest(base)
        self.restart_with_queue()
        self.list_queue()
        self.drain_queue()

    def accept_for_dead_forest(self, base):
        tenth, trickle = QUEUED // 10, Trickle(self)
        rates, memories = [], []
        for count in (tenth, QUEUED - tenth):
            load = self.load("--messages", str(count))
            load.wait(1200)
            result = self.load_result()
            rates.append(result["per_second"])
            memories.append(self.memory())
            self.checks.that(f"{count} messages for a dead forest: accepted without an error",
                             not any(result["errors"].values()) and result["messages"] == count,
                             f"{result['per_second']:.0f}/s")
        self.checks.that("what waits does not stay in memory", memories[1] <= base + QUEUE_MIB,
                         f"{memories[0]:.0f} MiB with {tenth}, {memories[1]:.0f} MiB with all")
        self.beside("while they come", trickle)
        self.checks.that("all are in the queue", self.queued() == QUEUED)

    def restart_with_queue(self):
        self.gateway.kill()
        begin = time.monotonic()
        self.gateway.start()
        took = time.monotonic() - begin
        event = self.gateway.wait_event("spool_opened")
        self.checks.that("after kill -9 all are there again", event["recovered"] == str(QUEUED),
                         f"listening after {took:.2f} s, {self.memory():.0f} MiB")

    def list_queue(self):
        before, begin, seen, after = self.memory(), time.monotonic(), 0, None
        last = None
        while True:
            code, out, err = self.gateway.command(
                "queue", "list", "--messages", "--json", "--limit", "10000",
                *(["--after", after] if after else []))
            rows = out.splitlines()
            if code != 0 or not rows:
                break
            seen += len(rows)
            last, after = after, json.loads(rows[-1])["id"]
            if after == last:
                break
        took = time.monotonic() - begin
        self.checks.that("all are listed, page by page", seen == QUEUED, f"{took:.1f} s")
        self.checks.that("listing leaves no memory behind", self.memory() <= before + GROWTH_MIB,
                         f"{before:.0f} -> {self.memory():.0f} MiB")

    def drain_queue(self):
        self.taken, peak = 0, 0
        self.start_sink()
        trickle, first = Trickle(self), None
        begin = time.monotonic()
        self.gateway.retry()
        while self.row("fabrikam-hub")["messages"] > 0 and time.monotonic() < begin + 600:
            peak = max(peak, self.memory())
            if first is None and self.gateway.metric(
                    "forestgate_recipients_total", connector="fabrikam-hub",
                    outcome="delivered") > 0:
                first = time.monotonic() - begin
            time.sleep(0.2)
        took = time.monotonic() - begin
        left = self.row("fabrikam-hub")["messages"]
        self.beside("while they go", trickle)
        self.stop_sink()
        self.checks.that("all are delivered, once", left == 0 and self.taken == QUEUED,
                         f"{QUEUED / took:.0f}/s, the first after {first or took:.1f} s")
        self.checks.that("delivering them keeps the bound", peak <= 2 * QUEUE_MIB,
                         f"peak {peak:.0f} MiB")

    # ---- the other forest

    def row(self, connector):
        code, out, err = self.gateway.command("queue", "list", "--json")
        return {q["connector"]: q for q in json.loads(out)}[connector]

    def in_peace(self):
        trickle = Trickle(self)
        time.sleep(PEACE)
        self.peace = trickle.end()
        self.checks.that(f"{len(self.peace)} messages to another forest in peace",
                         bool(self.peace), self.percentiles(self.peace))

    def beside_large_ones(self):
        raw, trickle = self.session(False), Trickle(self)
        line = b"x" * 98 + b"\r\n"
        for _ in range(LARGE):
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            raw.expect("RCPT TO:<large@tailspin.example>", 250)
            raw.expect("DATA", 354)
            raw.send(b"Subject: large\r\n\r\n" + line * 200000 + b".\r\n")
            raw.expect(None, 250)
        raw.close()
        self.trickled += LARGE
        wait_until("the large ones are delivered", lambda: len(self.gateway.events(
            "delivery", since=trickle.begin, to="large@tailspin.example",
            outcome="delivered")) == LARGE, 60)
        self.beside(f"beside {LARGE} of 20 MB", trickle)

    def beside(self, when, trickle):
        """None of them waits for the flood to end: they are delivered in its midst."""
        flood = self.row("fabrikam-hub")["messages"]
        delays = trickle.end()
        figure = self.percentiles(delays)
        if self.peace:
            figure += f", p99 {self.at(delays, 99) / max(1, self.at(self.peace, 99)):.1f} times"
        self.checks.that(f"{len(delays)} to the other forest {when} ({flood:.0f} left)",
                         len(delays) == trickle.sent, figure)

    @staticmethod
    def at(delays, percent):
        return delays[min(len(delays) - 1, len(delays) * percent // 100)]

    def percentiles(self, delays):
        return f"p50 {self.at(delays, 50)} ms, p99 {self.at(delays, 99)} ms"

    def run(self):
        self.accepted = 0
        self.start_sink()
        other_out = self.scratch("other.out")
        other = self.sink_at(OTHER_IP, self.other_port, other_out)
        self.gateway.start()
        workers = self.gateway.wait_event("started")["workers"]
        print(f"  {workers} workers, {SIZE} octets a message, {os.cpu_count()} processors")
        self.busy(self.idle())
        self.in_peace()
        self.beside_large_ones()
        self.queue()
        other.stop()
        with open(other_out) as f:
            taken = json.loads(f.read().strip().splitlines()[-1])["messages"]
        self.checks.that("the other forest got each of its messages once", taken == self.trickled,
                         f"{taken}")
        self.checks.that("it ends as asked", self.gateway.stop() == 0)
        print(f"{self.checks.passed} passed, {self.checks.failed} failed")
        return 1 if self.checks.failed else 0


if __name__ == "__main__":
    sys.exit(Run().run())
