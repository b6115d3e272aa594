#!/usr/bin/env python3
"""The crash ledger: mail through the gateway, which is killed again and again, and nothing lost.

Four generators (smtp-load) send as servers of two forests: small messages for three recipients in
two forests, large ones that become files, mail the other way, and mail for recipients that the
servers refuse for good. Five sinks (smtp-sink) take it for three forests, refuse, drop and stall
at random; some are down for a while, so that the next in the list has to serve. The gateway is
killed (SIGKILL) at random moments and started again: some moments lie before it has started, some
wait for the next instant in which it is inside a disk sync, since such instants are short. In the
end the sinks behave, the queue drains, and the books (books.py) must balance.

    LEDGER_SECONDS=n   how long the killing goes on (30)
    LEDGER_SEED=n      the same troubles again (moments differ: they are the machine's)
    KEEP=1             leave the scratch folder
"""

import contextlib
import glob
import json
import os
import platform
import random
import signal
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "blackbox"))

import books_rows
from books import PHASES, Books, read_ledger, read_sink_log
from gateway import FORESTGATE, Gateway, account_hash
from kit import BUILD, GATEWAY_IP, Process, Scratch, can_connect, free_port, self_signed, wait_until

SECONDS = float(os.environ.get("LEDGER_SECONDS", "30"))
MORE_SECONDS = 20  # at most so much longer, until each phase was hit
SEED = int(os.environ.get("LEDGER_SEED") or random.SystemRandom().randrange(1, 1 << 30))
DRAIN_SECONDS = 60
CONNECTIONS = 4  # of the gateway to one server
AIM_SECONDS = 0.2  # so long a kill waits for a sync
# fdatasync, fsync and pwrite64 (LMDB's last step goes through a descriptor that syncs)
SYNC_CALLS = {"x86_64": {"75", "74", "18"}, "aarch64": {"83", "82", "68"}}.get(
    platform.machine(), set())
START_SECONDS = 0.03  # about as long as a start takes
USER, PASSWORD = "svc", "ledger-Passw0rd"
SINKS = {"contoso": 2, "fabrikam": 2, "tailspin": 1}
BALANCE = {"contoso": "failover", "fabrikam": "round-robin", "tailspin": "failover"}
IP = {"contoso": "127.0.1.1", "fabrikam": "127.0.2.1", "tailspin": "127.0.3.1"}
# word: forest, recipients, octets, sessions, messages a second, messages a connection
LOADS = {
    "small": ("contoso", "a%@fabrikam.example,b%@fabrikam.example,c%@tailspin.example",
              2048, 10, 150, 0),
    "large": ("contoso", "large%@fabrikam.example", 49152, 6, 60, 7),
    "back": ("fabrikam", "back%@contoso.example", 4096, 8, 100, 0),
    "ghost": ("contoso", "nobody%@fabrikam.example", 2048, 3, 15, 3),
}


def now_ms():
    return int(time.time() * 1000)


class Sink:
    def __init__(self, scratch, forest, number, certificate, seed):
        self.name = f"{forest}-{number}"
        self.port = free_port(IP[forest])
        self.endpoint = f"{IP[forest]}:{self.port}"
        self.log = scratch(f"sink-{self.name}.hashes")
        self.out = scratch(f"sink-{self.name}.out")
        self.command = [
            os.path.join(BUILD, "bench", "smtp-sink"), "--listen", self.endpoint,
            "--certificate", certificate.cert, "--key", certificate.key, "--tls-required",
            "--user", USER, "--password", PASSWORD, "--hash-log", self.log,
            "--unknown", "nobody", "--refuse-percent", "5", "--drop-percent", "1",
            "--stall-percent", "3"]
        self.seed = seed
        self.process = None
        open(self.log, "w").close()

    def start(self):
        self.seed += 1
        self.process = Process([*self.command, "--seed", str(self.seed)], self.out)

    def listens(self):
        address, port = self.endpoint.split(":")
        return can_connect(address, int(port))

    def behave(self):
        self.process.signal(signal.SIGUSR1)

    def stop(self):
        self.process.stop()

    def copies(self):
        with open(self.log) as f:
            return list(read_sink_log(self.name, f))

    def troubles(self):
        """How often it refused, dropped and stalled, over all its runs."""
        with open(self.out) as f:
            runs = [json.loads(line) for line in f if line.startswith("{")]
        return [sum(r[what] for r in runs) for what in ("refused", "dropped", "stalled")]


class Load:
    def __init__(self, scratch, word, port):
        forest, to, size, sessions, rate, per_connection = LOADS[word]
        self.ledger = scratch(f"load-{word}.ledger")
        open(self.ledger, "w").close()
        command = [
            os.path.join(BUILD, "bench", "smtp-load"), "--connect", f"{GATEWAY_IP}:{port}",
            "--user", f"{forest}-{USER}", "--password", PASSWORD, "--mark", word,
            "--from", f"{word}-%@{forest}.example", "--to", to, "--size", str(size),
            "--sessions", str(sessions), "--rate", str(rate), "--messages", "10000000", "--retry",
            "--ledger", self.ledger]
        if per_connection:
            command += ["--per-connection", str(per_connection)]
        self.process = Process(command, scratch(f"load-{word}.out"))

    def stop(self):
        """No new message; what is under way ends."""
        self.process.signal(signal.SIGTERM)
        code = self.process.wait(30)
        assert code == 0, f"smtp-load ended with {code}"

    def promises(self):
        with open(self.ledger) as f:
            return list(read_ledger(f))


class Run:
    """One run, from the scratch folder to the books."""

    def __init__(self):
        self.random = random.Random(SEED)
        self.scratch = Scratch("ledger")
        self.port, self.monitor_port = free_port(GATEWAY_IP), free_port(GATEWAY_IP)
        folder = self.scratch.folder("tls")
        self.certificate = self_signed(folder, "gw.contoso.example")
        self.sink_certificate = self_signed(folder, "sink.ledger.example")
        self.sinks = {forest: [Sink(self.scratch, forest, n, self.sink_certificate,
                                    self.random.randrange(1 << 28)) for n in range(count)]
                      for forest, count in SINKS.items()}
        self.gateway = Gateway(self.scratch, self.write_config(), self.monitor_port, GATEWAY_IP,
                               self.port)
        self.loads = []
        self.drained, self.why, self.exit_code = None, None, None
        self.kills, self.kills_at_start = [], 0
        self.resting = None  # a sink that is down

    def all_sinks(self):
        return [sink for sinks in self.sinks.values() for sink in sinks]

    def write_config(self):
        self.scratch.write("account.hash", account_hash(PASSWORD) + "\n", 0o600)
        self.scratch.write("password", PASSWORD + "\n", 0o600)
        text = f"""\
version: 1
workers: 3
hostname: gw.contoso.example
postmaster: postmaster@contoso.example
spool: {{ path: spool, body_in_file: 16KiB }}
control: control.sock
monitor: {{ address: "{GATEWAY_IP}:{self.monitor_port}" }}
limits: {{ reports: 0 }}
retry: {{ connection: [1s], message: [1s], delay_notice: 1h, expire: 1d }}
certificates:
  main: {{ certificate: {self.certificate.cert}, key: {self.certificate.key} }}
listen:
  main: {{ address: "{GATEWAY_IP}:{self.port}", certificate: main }}
"""
        forests, receive, send = "forests:\n", "receive:\n", "send:\n"
        for name, sinks in self.sinks.items():
            forests += f"""\
  {name}:
    domains: {{ {name}.example: authoritative }}
    deliver: [{name}-servers]
"""
            receive += f"""\
  {name}-servers:
    listen: [main]
    networks: [127.0.0.0/8]
    speaks_for: [{name}]
    accounts:
      svc: {{ names: [{name}-{USER}], password_hash_files: [account.hash] }}
"""
            send += f"""\
  {name}-servers:
    servers: [{', '.join(f'"{sink.endpoint}"' for sink in sinks)}]
    balance: {BALANCE[name]}
    connections: {CONNECTIONS}
    tls: {{ verify: ca, ca: {self.sink_certificate.cert} }}
    auth: {{ user: {USER}, password_file: password }}
"""
        return self.scratch.write("forestgate.yaml", text + forests + receive + send)

    # ---- the killing

    def spawn(self):
        """Start the gateway and do not wait."""
        self.gateway.read_from = self.gateway.log_size()
        self.gateway.process = Process([FORESTGATE, "run", "-c", self.gateway.config],
                                       self.gateway.log_path)

    def has_started(self):
        assert self.gateway.runs, "the gateway ended by itself:\n" + "\n".join(
            self.gateway.log_text(self.gateway.read_from).splitlines()[-15:])
        return "event=started" in self.gateway.log_text(self.gateway.read_from)

    def is_syncing(self):
        """Is a thread of the gateway in one of SYNC_CALLS right now?"""
        for path in glob.glob(f"/proc/{self.gateway.pid}/task/*/syscall"):
            with contextlib.suppress(OSError), open(path) as f:
                if f.read().split()[0] in SYNC_CALLS:
                    return True
        return False

    def wait_for_sync(self):
        end = time.monotonic() + AIM_SECONDS
        while time.monotonic() < end and not self.is_syncing():
            pass

    def one_life(self):
        self.spawn()
        if self.random.random() < 0.15:
            time.sleep(self.random.uniform(0, START_SECONDS))
        else:
            wait_until("event=started in the log", self.has_started, 20)
            time.sleep(self.random.uniform(0.05, 1.2))
            if self.random.random() < 0.4:
                self.wait_for_sync()
        started = self.has_started()
        self.kills_at_start += not started
        self.kills.append(now_ms())
        self.gateway.kill()
        time.sleep(self.random.uniform(0, 0.2))

    def disturb_sinks(self):
        """Now and then one server of a list is down for a life or two."""
        if self.resting:
            self.resting.start()
            self.resting = None
        elif self.random.random() < 0.3:
            self.resting = self.random.choice(self.sinks["contoso"] + self.sinks["fabrikam"])
            self.resting.stop()

    def books(self):
        copies = [copy for sink in self.all_sinks() for copy in sink.copies()]
        promises = [promise for load in self.loads for promise in load.promises()]
        return Books(promises, copies, self.kills, lambda p: (
            f"{p.mark}@contoso.example" if p.recipient.startswith("nobody") else None))

    def kill_and_kill_again(self):
        begin = time.monotonic()
        while True:
            self.one_life()
            self.disturb_sinks()
            took = time.monotonic() - begin
            if took > SECONDS + MORE_SECONDS:
                return
            if took > SECONDS and all(self.books().phases.values()):
                return

    # ---- the end

    def drain(self):
        if self.resting:
            self.resting.start()
        wait_until("all sinks listen", lambda: all(s.listens() for s in self.all_sinks()))
        for sink in self.all_sinks():
            sink.behave()
        self.spawn()
        wait_until("event=started in the log", self.has_started, 20)
        for load in self.loads:
            load.stop()
        begin = time.monotonic()
        wait_until("the queue is empty",
                   lambda: self.gateway.metric("forestgate_spool_messages") == 0,
                   DRAIN_SECONDS, 0.1)
        return time.monotonic() - begin

    def run(self):
        for sink in self.all_sinks():
            sink.start()
        wait_until("all sinks listen", lambda: all(s.listens() for s in self.all_sinks()))
        self.loads = [Load(self.scratch, word, self.port) for word in LOADS]
        self.kill_and_kill_again()
        try:
            self.drained = self.drain()
        except AssertionError as e:
            self.why = str(e)
        self.exit_code = self.gateway.stop()
        for sink in self.all_sinks():
            sink.stop()

    def log_errors(self):
        return sorted({line.split(" ", 1)[1] for line in self.gateway.log_text().splitlines()
                       if " level=error " in line or not line.startswith("time=")})

    def recovery(self):
        opened = self.gateway.events("spool_opened", since=0)
        return (sum(int(e.get("discarded", 0)) for e in opened),
                max(int(e.get("recovered", 0)) for e in opened),
                max(int(e.get("took_ms", 0)) for e in opened))


class Verdict:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, fine, say, wrong=()):
        self.passed += bool(fine)
        self.failed += not fine
        print(f"  {'ok' if fine else 'FAIL':<5} {say}", flush=True)
        for line in list(wrong)[:10]:
            print(f"        {line}")
        if len(wrong) > 10:
            print(f"        and {len(wrong) - 10} more")


def judge(run, verdict):
    books = run.books()
    promised = [p for p in books.promises if p.how == "250"]
    marks = {p.mark for p in promised}
    unsaid = {p.mark for p in books.promises if p.how == "unanswered"}
    refused, dropped, stalled = map(sum, zip(*(s.troubles() for s in run.all_sinks())))
    discarded, recovered, took_ms = run.recovery()
    print(f"        {len(run.kills)} kills, {run.kills_at_start} of them while it started; "
          f"{len(marks)} messages with a 250 for {len(promised)} recipients, "
          f"{len(unsaid)} left without an answer")
    print(f"        servers refused {refused}, dropped {dropped}, stalled {stalled}; starts found "
          f"up to {recovered} messages in {took_ms} ms at most, and threw {discarded} half-written "
          "files away")
    verdict(run.drained is not None, "the queue drains when the servers behave"
            + (f" ({run.drained:.1f} s)" if run.drained is not None else ""),
            () if run.drained is not None else (run.why,))
    verdict(run.exit_code == 0, f"the gateway ends in peace (exit code {run.exit_code})")
    errors = run.log_errors()
    verdict(not errors, "the log holds no error", errors)
    left = os.listdir(run.scratch("spool", "large"))
    verdict(not left, "no file is left in the spool", left)
    verdict(promised and not books.lost, f"every 250 is found at a server by body hash: "
            f"{len(books.lost)} lost of {len(promised)}", books.lost)
    verdict(not books.wrong, "nothing came changed, half, or to others", books.wrong)
    reports = sum(1 for p in promised if books.report_to(p))
    verdict(reports and not books.bad_reports,
            f"each refusal for good is one report to the sender ({reports})", books.bad_reports)
    most, bound = max(books.repeats().values(), default=0), sum(SINKS.values()) * CONNECTIONS
    verdict(not books.unaccounted and most <= bound,
            f"duplicates: {len(books.by_kill)} by kills, each the last of its connection, at most "
            f"{most} a kill (bound {bound}); {len(books.by_sink)} that a server took and never "
            f"answered; {len(books.unaccounted)} without an excuse", books.unaccounted)
    counts = ", ".join(f"{phase} {len(books.phases[phase])}" for phase in PHASES)
    verdict(all(books.phases.values()), f"kills by phase: {counts} (a kill may hit several)")


def main():
    verdict = Verdict()
    wrong = books_rows.check()
    verdict(not wrong, f"the books say what is true of {len(books_rows.ROWS)} small stories", wrong)
    print(f"        seed {SEED}", flush=True)
    run = Run()
    try:
        run.run()
        judge(run, verdict)
    except AssertionError as e:
        verdict(False, "the run itself", str(e).splitlines())
    if verdict.failed:
        os.environ["KEEP"] = "1"
        print(f"        see {run.scratch.path}")
    print(f"{verdict.passed} passed, {verdict.failed} failed")
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
