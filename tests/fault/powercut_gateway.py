#!/usr/bin/env python3
"""Rebuild the spool of a recorded gateway as a power cut at any moment could have left it, start
the gateway on it, and keep the ledger.

The record is that of powercut_load.py. At each point the folder is built as a disk may hold it
(powercut_disk.py), `forestgate run` starts on it as on any other day, takes one more message,
delivers to servers that take everything until its queue is empty, and is stopped. What they got,
together with what had left before the cut, must be what was promised (powercut_ledger.py).

Points that leave the same folder to the same ledger are one start. With --swallow KIND syncs of
one kind count for nothing: then the ledger must not hold.
"""
import argparse
import contextlib
import copy
import multiprocessing
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from powercut_disk import SWALLOW, Disk, read_record
from powercut_ledger import Content, Ledger
from powercut_world import FORESTS, GATEWAY, World, make_certificate

from gateway import FORESTGATE

PROBE = "one-more"
SECONDS = 20  # a start, and a queue that becomes empty

# Log lines that nobody should see after a power cut, and anything not delivered.
TROUBLE = re.compile(r"event=(spool-quarantined|internal-trouble|spool-failed|report-held|loop-found|"
                     r"report-dropped|unreachable|server-failed|connector-suspended) .*"
                     r"|event=delivery id=\S+ outcome=(?!delivered).*")


class Trouble(Exception):
    """The gateway did not do what it should; said in its own words."""


class Gateway:
    """One start of the program on one folder, and its end."""

    def __init__(self, world):
        self.world, self.log = world, ""
        self.process = subprocess.Popen([FORESTGATE, "run", "-c", world.config],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, bufsize=0)
        self.output = self.process.stderr
        self.end = time.monotonic() + SECONDS

    def read_log(self, wait):
        """What came within so many seconds; raises on trouble. False: no more will come."""
        if time.monotonic() > self.end:
            raise Trouble(f"not done within {SECONDS} s; {self.last_words()}")
        if not select.select([self.output], [], [], wait)[0]:
            return True
        more = os.read(self.output.fileno(), 1 << 20)
        self.log += more.decode("utf-8", "replace")
        if trouble := TROUBLE.search(self.log):
            raise Trouble(trouble[0])
        return bool(more)

    def last_words(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        lines = [line for line in self.log.splitlines() if "event=" in line]
        return f"status {self.process.returncode}, the log ends: {''.join(lines[-1:])}"

    def wait_started(self):
        while "event=started" not in self.log:
            if not self.read_log(1):
                raise Trouble(f"it does not start: {self.last_words()}")

    def send_one_more(self):
        with socket.create_connection((GATEWAY, self.world.port), 10, (FORESTS["contoso"], 0)) as s:
            answers = s.makefile("rb")
            for said, wanted in ((b"", b"220"), (b"HELO client.example\r\n", b"250"),
                                 (b"MAIL FROM:<from@contoso.example>\r\n", b"250"),
                                 (b"RCPT TO:<to@fabrikam.example>\r\n", b"250"),
                                 (b"DATA\r\n", b"354"),
                                 (b"X-Mark: %s\r\n\r\n.\r\n" % PROBE.encode(), b"250")):
                s.sendall(said)
                if not (line := answers.readline()).startswith(wanted):
                    raise Trouble(f"it answered {said!r} with {line!r}")

    def is_empty(self):
        with socket.create_connection((GATEWAY, self.world.monitor), 10) as s:
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            page = b""
            while more := s.recv(65536):
                page += more
        return b"\nforestgate_spool_messages 0\n" in page.replace(b"\r", b"")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        while self.read_log(1):
            pass
        if self.process.wait(SECONDS):
            raise Trouble(f"it did not stop well: {self.last_words()}")

    def go(self):
        """Everything that waits leaves; raises Trouble."""
        try:
            self.wait_started()
            self.send_one_more()
            while not self.is_empty():
                if not self.read_log(0.003):
                    raise Trouble(f"it ended: {self.last_words()}")
            self.stop()
        except OSError as e:
            raise Trouble(f"{e}: {self.last_words()}") from None
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.output.close()


class Run:
    """One pass over the record. Each state of folder and ledger whose number leaves `turn` when
    divided by `turns` is built and started."""

    def __init__(self, args, swallow, turn, turns):
        self.args, self.turn, self.turns = args, turn, turns
        self.disk, self.ledger = Disk(args.root, swallow), Ledger(args.port)
        self.folder = tempfile.mkdtemp(prefix="gateway-", dir=args.scratch)
        self.world = World(self.folder, os.path.join(self.folder, "disk/spool"), args.certificate)
        for sink in self.world.sinks.values():
            sink.start()
        self.counts = {"points": 0, "nothing": 0, "all": 0, "some": 0, "again": 0, "doubled": 0}
        self.violations, self.last, self.states = [], {}, 0

    def start(self, variant, seed):
        """What is wrong after a cut now."""
        path = os.path.join(self.folder, "disk")
        self.disk.build(path, variant, random.Random(f"{self.args.seed}-{seed}"))
        try:
            Gateway(self.world).go()
            faults = []
        except Trouble as e:
            faults = [str(e)]
        delivered, probes = [], 0
        for sink in self.world.sinks.values():
            for message in sink.messages:
                content = Content(message.sender, message.data)
                if content.mark == PROBE:
                    probes += 1
                else:
                    delivered.append((content, message.recipients))
            sink.messages.clear()
        shutil.rmtree(path)
        if not faults and probes != 1:
            faults = [f"one more message came {probes} times"]
        if not faults:
            faults, doubled = self.ledger.judge(delivered)
            self.counts["doubled"] += doubled
            self.counts["again"] += doubled > 0
        self.counts[variant] += 1
        return faults

    def check_point(self, number, op):
        self.counts["points"] += 1
        for variant, every in self.args.variants.items():
            key = (self.disk.durable_version if variant == "nothing" else self.disk.now_version,
                   self.ledger.version)
            if self.last.get(variant) == key or number % every:
                continue  # the folder and ledger of the point before, or not in this sample
            self.last[variant] = key
            self.states += 1
            if self.states % self.turns != self.turn:
                continue
            for fault in self.start(variant, number):
                self.violations.append(f"cut after operation {number} ({op}), {variant} of what was "
                                       f"not synced: {fault}")

    def go(self):
        for number, op in enumerate(read_record(self.args.record), 1):
            self.disk.do(op)
            self.ledger.hear(op)
            self.check_point(number, op)
            if self.args.first and self.violations:
                break
        self.world.stop()
        shutil.rmtree(self.folder)
        return self


def pass_over(job):
    run = Run(*job).go()
    return run.counts, run.violations, run.ledger.counts()


def see_whole(args):
    """The record must explain every octet of the folder that it was made of."""
    disk = Disk(args.root, None)
    for op in read_record(args.record):
        disk.do(op)
    if unseen := list(disk.differences(args.root)):
        sys.exit(f"the record does not tell how these came to be: {' '.join(unseen)}")


def check_all(args, pool):
    results = pool.map(pass_over, [(args, args.swallow, turn, args.workers)
                                   for turn in range(args.workers)])
    counts = {key: sum(r[0][key] for r in results) for key in results[0][0]}
    counts["points"] = results[0][0]["points"]
    violations = [line for r in results for line in r[1]]
    for line in violations[:5]:
        print("  " + line)
    if len(violations) > 5:
        print(f"  and {len(violations) - 5} more")
    ledger = results[0][2]
    print(f"  {counts['points']} operations, of these starts of the gateway: {counts['nothing']} with "
          f"nothing of what was not synced, {counts['all']} with all, {counts['some']} with some; "
          f"{ledger['promised']} messages promised, {ledger['transactions']} transactions, "
          f"{ledger['reports']} reports; {counts['doubled']} deliveries repeated in {counts['again']} "
          f"starts; {len(violations)} violations")
    return not violations


def check_swallowed(args, pool):
    """Without any one kind of sync the first cut that loses something must be found."""
    args = copy.copy(args)
    args.variants, args.first = {"nothing": 1}, True
    jobs = [(args, kind, 0, 1) for kind in SWALLOW]
    all_noticed = True
    for kind, (counts, violations, _) in zip(SWALLOW, pool.imap(pass_over, jobs, 1)):
        if violations:
            print(f"  ok    gateway without {kind + ':':20} "
                  f"{re.sub('.*not synced: ', '', violations[0])[:110]} "
                  f"(start {counts['nothing']})")
        else:
            print(f"  FAIL  gateway without {kind} nothing is noticed")
        all_noticed = all_noticed and bool(violations)
    return all_noticed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--record", required=True)
    parser.add_argument("--root", required=True, help="the folder that was recorded")
    parser.add_argument("--port", required=True, help="where the recorded gateway took mail")
    parser.add_argument("--scratch", required=True, help="where folders are built")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--every", type=int, nargs=3, default=(1, 4, 4), metavar="N",
                        help="every Nth point with nothing, all, some of what was not synced")
    parser.add_argument("--swallow", choices=sorted(SWALLOW))
    parser.add_argument("--swallow-each", action="store_true", help="only that: each must be noticed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() + 1)
    args = parser.parse_args()
    args.first = False
    args.variants = dict(zip(("nothing", "all", "some"), args.every))
    args.certificate = make_certificate(args.scratch)
    see_whole(args)
    with multiprocessing.Pool(args.workers) as pool:
        good = check_swallowed(args, pool) if args.swallow_each else check_all(args, pool)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
