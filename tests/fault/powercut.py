#!/usr/bin/env python3
"""Rebuild a recorded spool as a power cut at any moment could have left it, and keep the ledger.

The record (powercut_record.c) holds every write, sync and change of names, and the marks of
spool_driver.c: what it asked for and what it was promised. At each point of the record the folder
is built anew as a disk may hold it:

    nothing   all that was synced by then, and nothing else
    all       everything that was done by then
    some      what was synced and a random part of the rest: writes by 512 or 4096 octets, names one
              by one, sizes with or without their octets

A write is durable when a sync of its file that began later has returned, or at once when its
descriptor is O_DSYNC; a name is durable when its folder was synced. spool_checker.c opens each
such folder, and what it finds must be what was promised: nothing lost, nothing undone, nothing
that is not whole, nothing that does not open.

With --swallow KIND syncs of one kind count for nothing: then the ledger must not hold.
"""
import argparse
import multiprocessing
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

HEAD = struct.Struct("=cBHIIIQQQ")
DSYNC = 1

# Which syncs: kind of operation, and how the path ends (new.mdb is the database while it is made).
SWALLOW = {
    "data-fdatasync": ("s", "/data.mdb"),
    "meta-dsync": ("w", "/data.mdb"),
    "new-data-fdatasync": ("s", "/new.mdb"),
    "new-meta-dsync": ("w", "/new.mdb"),
    "body-fdatasync": ("s", ".part"),
    "body-rename": ("r", ".part"),
    "large-folder-fsync": ("d", "/spool/large"),
    "spool-folder-fsync": ("d", "/spool"),
    "parent-folder-fsync": ("d", ""),
    "key-fsync": ("s", "/key.new"),
}


def is_swallowed(op, kind, top):
    if kind is None or op.kind != SWALLOW[kind][0]:
        return False
    if op.kind == "w" and not op.flags & DSYNC:
        return False
    end = SWALLOW[kind][1]
    return op.name.endswith(end) if end else op.name == top


class Op:
    def __init__(self, head, name, other, data):
        self.kind = head[0].decode()
        self.flags, self.file, self.offset = head[1], head[6], head[7]
        self.name, self.other, self.data = name.decode(), other.decode(), data

    def __str__(self):
        base = os.path.basename(self.name)
        words = {"w": f"write {base} at {self.offset}, {len(self.data)} octets",
                 "s": f"sync {base}", "d": f"sync folder {base}", "c": f"create {base}",
                 "r": f"rename {base} to {os.path.basename(self.other)}", "u": f"unlink {base}",
                 "k": f"mkdir {base}", "t": f"truncate {base}", "a": f"allocate {base}",
                 "m": f"mark {self.name}"}
        return words.get(self.kind, self.kind + " " + base)


def read_record(path):
    ops = []
    with open(path, "rb") as f:
        while head := f.read(HEAD.size):
            head = HEAD.unpack(head)
            ops.append(Op(head, f.read(head[3]), f.read(head[4]), f.read(head[8])))
    return ops


# ---- The model of a disk ------------------------------------------------------------------------

class File:
    """Octets on disk (durable), in the cache (now), and the changes between them in order."""

    def __init__(self):
        self.durable, self.now, self.pending = bytearray(), bytearray(), []

    @staticmethod
    def apply(octets, change):
        kind, offset, data = change[:3]
        if kind == "w":
            if len(octets) < offset:
                octets.extend(bytes(offset - len(octets)))
            octets[offset:offset + len(data)] = data
        elif kind == "t" and len(octets) > offset:
            del octets[offset:]
        elif len(octets) < offset:
            octets.extend(bytes(offset - len(octets)))

    def change(self, kind, offset, data, is_durable):
        change = (kind, offset, data, is_durable)
        self.apply(self.now, change)
        # It also keeps its place among those that wait, so that an older one does not undo it.
        self.pending.append(change)
        if is_durable:
            self.apply(self.durable, change)

    def sync(self):
        for change in self.pending:
            self.apply(self.durable, change)
        self.pending = []

    def some(self, chance):
        """What a cut may leave: each piece of what waits, or not."""
        octets = bytearray(self.durable)
        grain = chance.choice((512, 4096))
        part = chance.choice((0.1, 0.5, 0.9))
        for change in self.pending:
            kind, offset, data, is_durable = change
            if is_durable:
                self.apply(octets, change)
            elif kind != "w":
                if chance.random() < part:
                    self.apply(octets, change)
            else:
                at = 0
                while at < len(data):
                    end = min(len(data), (offset + at) // grain * grain + grain - offset)
                    if chance.random() < part:
                        self.apply(octets, ("w", offset + at, data[at:end]))
                    at = end
        if chance.random() < 0.5 and len(octets) < len(self.now):
            octets.extend(bytes(len(self.now) - len(octets)))
        return octets


class Folder:
    """Names on disk, in the cache, and the changes between them: lists of (name, node or None)."""

    def __init__(self):
        self.durable, self.now, self.pending = {}, {}, []

    @staticmethod
    def apply(names, change):
        for name, node in change:
            if node is None:
                names.pop(name, None)
            else:
                names[name] = node

    def change(self, *change):
        self.apply(self.now, change)
        self.pending.append(change)

    def sync(self):
        for change in self.pending:
            self.apply(self.durable, change)
        self.pending = []

    def some(self, chance):
        names = dict(self.durable)
        part = chance.choice((0.1, 0.5, 0.9))
        for change in self.pending:
            if chance.random() < part:
                self.apply(names, change)
        return names


class Disk:
    def __init__(self, top, swallow):
        self.top, self.root, self.files = top, Folder(), {}
        self.swallow = swallow
        self.durable_version = self.now_version = 0

    def folder(self, path):
        node = self.root
        for part in path[len(self.top):].split("/"):
            node = node.now[part] if part else node
        return node

    def place(self, path):
        return self.folder(os.path.dirname(path)), os.path.basename(path)

    def do(self, op):
        swallowed = is_swallowed(op, self.swallow, self.top)
        if op.kind == "m":
            return
        self.now_version += 1
        if op.kind in "sd" or op.flags & DSYNC:
            self.durable_version += 1
        if op.kind == "w":
            is_durable = bool(op.flags & DSYNC) and not swallowed
            self.files[op.file].change("w", op.offset, op.data, is_durable)
        elif op.kind in "ta":
            self.files[op.file].change(op.kind, op.offset, b"", False)
        elif swallowed:
            return
        elif op.kind == "s":
            self.files[op.file].sync()
        elif op.kind == "d":
            self.folder(op.name).sync()
        elif op.kind == "c":
            folder, name = self.place(op.name)
            self.files[op.file] = File()
            folder.change((name, self.files[op.file]))
        elif op.kind == "k":
            folder, name = self.place(op.name)
            folder.change((name, Folder()))
        elif op.kind == "u":
            folder, name = self.place(op.name)
            folder.change((name, None))
        elif op.kind == "r":
            self.rename(op)
        elif op.kind == "l":
            folder, name = self.place(op.name)
            other, other_name = self.place(op.other)
            other.change((other_name, folder.now[name]))
        else:
            raise SystemExit(f"the record holds what the model does not know: {op.name}")

    def rename(self, op):
        folder, name = self.place(op.name)
        other, other_name = self.place(op.other)
        node = folder.now[name]
        if folder is other:
            folder.change((name, None), (other_name, node))
        else:
            other.change((other_name, node))
            folder.change((name, None))

    def build(self, path, variant, chance, node=None):
        """Make what a cut leaves below path. variant: nothing, all, some."""
        os.mkdir(path, 0o700)
        node = node or self.root
        names = {"nothing": lambda: node.durable, "all": lambda: node.now,
                 "some": lambda: node.some(chance)}[variant]()
        for name, child in names.items():
            to = os.path.join(path, name)
            if isinstance(child, Folder):
                self.build(to, variant, chance, child)
                continue
            octets = {"nothing": lambda: child.durable, "all": lambda: child.now,
                      "some": lambda: child.some(chance)}[variant]()
            fd = os.open(to, os.O_WRONLY | os.O_CREAT, 0o600)
            with open(fd, "wb") as f:
                f.write(octets)


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
