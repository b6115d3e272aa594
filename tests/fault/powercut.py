#!/usr/bin/env python3
"""Rebuild a recorded spool as a power cut at any moment could have left it, and keep the ledger.

The record (powercut_record.c) holds every write, sync and change of names, and the marks of
spool_driver.c: what it asked for and what it was promised. At each point of the record the folder
is built anew as a disk may hold it (powercut_disk.py). spool_checker.c opens each such folder, and
what it finds must be what was promised: nothing lost, nothing undone, nothing that is not whole,
nothing that does not open. powercut_gateway.py does the same with the whole gateway.

With --swallow KIND syncs of one kind count for nothing: then the ledger must not hold.
"""
import argparse
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile

from powercut_disk import SWALLOW, Disk, read_record

# ---- The ledger ---------------------------------------------------------------------------------

WAITING = "0"


class Message:
    def __init__(self, hash_, size, recipients):
        self.hash, self.size = hash_, size
        self.is_kept = self.is_refused = False
        self.states = [[WAITING, 0] for _ in range(recipients)]
        self.next = None  # (index, state, report): handed in, not answered
        self.report_of = None

    @staticmethod
    def text(states):
        """As the checker prints it; None: nothing is open, so the message is gone."""
        if all(state not in (WAITING, "4") for state, _ in states):
            return None
        return " ".join(f"{state}/{attempts}" for state, attempts in states)

    def settled(self):
        return self.text(self.states)

    def after_next(self):
        states = [list(pair) for pair in self.states]
        index, state, _ = self.next
        states[index] = [state, states[index][1] + 1]
        return states


class Ledger:
    def __init__(self):
        self.messages, self.version = {}, 0
        self.kept_messages = self.kept_outcomes = 0

    def mark(self, text):
        self.version += 1
        verb, id_, *rest = text.split()
        if verb == "hand":
            self.messages[id_] = Message(rest[0], rest[1], int(rest[2]))
        elif verb == "kept":
            self.messages[id_].is_kept = True
            self.kept_messages += 1
        elif verb == "hand-outcome":
            self.messages[id_].next = (int(rest[0]), rest[1], rest[2])
            if rest[2] != "0":
                self.messages[rest[2]].report_of = id_
        elif verb == "refused":
            self.messages[id_].is_refused = True
        elif verb == "refused-outcome":
            self.messages[id_].next = None
            if rest[2] != "0":
                self.messages[rest[2]].is_refused = True
                self.messages[rest[2]].report_of = None
        elif verb == "kept-outcome":
            message = self.messages[id_]
            message.states, message.next = message.after_next(), None
            self.kept_outcomes += 1
            if rest[2] != "0":
                self.messages[rest[2]].is_kept = True
                self.messages[rest[2]].report_of = None

    def faults(self, found):
        """What is wrong with these messages: id -> (size, hash, states)."""
        for id_, what in found.items():
            if id_ not in self.messages:
                yield f"message {id_} was never handed in"
                continue
            message = self.messages[id_]
            if what[:2] != (message.size, message.hash):
                yield f"message {id_} has a body of {what[0]} octets that is not what was handed in"
        for id_, message in self.messages.items():
            states = found[id_][2] if id_ in found else None
            yield from self.faults_of(id_, message, states, found)

    def faults_of(self, id_, message, states, found):
        if message.report_of is not None:
            return  # judged with the message it is about
        if message.is_refused:
            if states is not None:
                yield f"message {id_}, refused, is there"
            return
        if not message.is_kept:
            if states not in (None, message.settled()):
                yield f"message {id_}, not answered, has the states {states}"
            return
        allowed = [message.settled()]
        if message.next is not None:
            allowed.append(Message.text(message.after_next()))
        if states not in allowed:
            lost = "is lost" if states is None else f"has the states {states}"
            yield f"message {id_}, promised, {lost}, not {allowed}"
        elif message.next is not None and message.next[2] != "0":
            report = message.next[2]
            there = found[report][2] if report in found else None
            wanted = self.messages[report].settled() if states == allowed[1] else None
            if there != wanted:
                yield f"outcome of message {id_} and its report {report} are not one"


# ---- Checking -----------------------------------------------------------------------------------

class Checker:
    """The program that opens a folder; started anew when it died."""

    def __init__(self, program):
        self.program, self.process = program, None

    def ask(self, path):
        if self.process is None:
            self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                            text=True)
        lines = []
        try:
            self.process.stdin.write(path + "\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                if line == "done\n":
                    return lines
                lines.append(line.rstrip("\n"))
        except BrokenPipeError:
            pass
        status = self.process.wait()
        self.process = None
        return [f"failed the checker died: status {status}"]

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()


def judge(lines, ledger):
    """What is wrong with a folder of which the checker said this."""
    found, indexed = {}, None
    for line in lines:
        verb, _, rest = line.partition(" ")
        if verb in ("failed", "stuck"):
            yield f"it {verb}: {rest}"
        elif verb == "opened" and rest.split()[2] != "0":
            yield f"{rest.split()[2]} broken records"
        elif verb == "message":
            id_, size, hash_, states = rest.split(" ", 3)
            found[id_] = (size, hash_, states)
        elif verb == "indexed":
            indexed = int(rest)
    if indexed is not None and indexed != len(found):
        yield f"{len(found)} messages, but {indexed} in the order of time"
    yield from ledger.faults(found)


class Run:
    """One pass over the record: every point whose number leaves `turn` when divided by `turns`."""

    def __init__(self, args, turn, turns):
        self.args, self.turn, self.turns = args, turn, turns
        self.disk, self.ledger = Disk(args.root, args.swallow), Ledger()
        self.checker = Checker(args.checker)
        self.scratch = tempfile.mkdtemp(prefix="powercut-", dir=args.scratch)
        self.counts = {"points": 0, "nothing": 0, "all": 0, "some": 0, "unchanged": 0}
        self.violations, self.last = [], {}

    def check(self, number, op, variant, seed):
        path = os.path.join(self.scratch, "disk")
        self.disk.build(path, variant, random.Random(f"{self.args.seed}-{seed}"))
        for fault in judge(self.checker.ask(path + "/spool"), self.ledger):
            self.violations.append(f"cut after operation {number} ({op}), {variant} of what was "
                                   f"not synced: {fault}")
        shutil.rmtree(path)
        self.counts[variant] += 1

    def check_point(self, number, op):
        self.counts["points"] += 1
        versions = {"nothing": self.disk.durable_version, "all": self.disk.now_version}
        for variant in self.args.variants:
            if variant == "some":
                for i in range(self.args.subsets):
                    self.check(number, op, variant, f"{number}-{i}")
                continue
            key = (versions[variant], self.ledger.version)
            if self.last.get(variant) == key:
                self.counts["unchanged"] += 1  # the very folder and ledger of the point before
                continue
            self.last[variant] = key
            self.check(number, op, variant, "")

    def go(self, ops):
        for number, op in enumerate(ops, 1):
            if op.kind == "m":
                self.ledger.mark(op.name)
            else:
                self.disk.do(op)
            if number % self.turns == self.turn:
                self.check_point(number, op)
            if self.args.first and self.violations:
                break
        self.checker.close()
        shutil.rmtree(self.scratch)
        return self.counts, self.violations, (self.ledger.kept_messages, self.ledger.kept_outcomes)


def pass_over(job):
    args, turn, turns = job
    return Run(args, turn, turns).go(read_record(args.record))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--record", required=True)
    parser.add_argument("--root", required=True, help="the folder that was recorded")
    parser.add_argument("--checker", required=True)
    parser.add_argument("--scratch", help="where folders are built")
    parser.add_argument("--subsets", type=int, default=2, help="random ones at each point")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--variants", nargs="+", default=["nothing", "all", "some"])
    parser.add_argument("--swallow", default=os.environ.get("POWERCUT_SWALLOW"),
                        choices=sorted(SWALLOW))
    parser.add_argument("--first", action="store_true", help="stop at the first violation")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="the kinds that can be swallowed")
    if "--list" in sys.argv[1:]:
        print("\n".join(SWALLOW))
        return
    args = parser.parse_args()

    disk = Disk(args.root, None)
    for op in read_record(args.record):
        disk.do(op)
    if unseen := list(disk.differences(args.root)):
        sys.exit(f"the record does not tell how these came to be: {' '.join(unseen)}")
    jobs = [(args, turn, args.workers) for turn in range(args.workers)]
    with multiprocessing.Pool(args.workers) as pool:
        results = pool.map(pass_over, jobs)
    counts = {key: sum(result[0][key] for result in results) for key in results[0][0]}
    violations = [line for result in results for line in result[1]]
    for line in violations[:5]:
        print("  " + line)
    if len(violations) > 5:
        print(f"  and {len(violations) - 5} more")
    print(f"  {counts['points']} points, folders: {counts['nothing']} with nothing of what was not "
          f"synced, {counts['all']} with all of it, {counts['some']} with some, "
          f"{counts['unchanged']} unchanged; {results[0][2][0]} messages and {results[0][2][1]} "
          f"outcomes promised; {len(violations)} violations")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
