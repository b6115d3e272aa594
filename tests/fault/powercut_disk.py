"""What was recorded (powercut_record.c), and a model of the disk it was done to.

At each point of the record the disk can be built anew as a power cut may leave it:

    nothing   all that was synced by then, and nothing else
    all       everything that was done by then
    some      what was synced and a random part of the rest: writes by 512 or 4096 octets, names one
              by one, sizes with or without their octets

A write is durable when a sync of its file that began later has returned, or at once when its
descriptor is O_DSYNC; a name is durable when its folder was synced.
"""
import os
import struct

HEAD = struct.Struct("=cBHIIIQQQ")
DSYNC = 1
NOT_OF_DISK = "bmACoix"  # processes, marks, connections

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
                 "m": f"mark {self.name}", "b": "start of the process",
                 "o": f"{len(self.data)} octets out on connection {self.file}",
                 "i": f"{len(self.data)} octets in on connection {self.file}",
                 "A": f"connection {self.file} accepted", "x": f"connection {self.file} closed",
                 "C": f"connection {self.file} dialled"}
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
        if op.kind in NOT_OF_DISK:
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
            raise ValueError(f"the record holds what the model does not know: {op.name}")

    def differences(self, path, node=None):
        """How the folder at path is not as it should be now: the record is not whole then."""
        node = node or self.root
        there = {n for n in os.listdir(path) if n != "lock.mdb"}
        for name in there ^ set(node.now):
            yield os.path.join(path, name)
        for name in there & set(node.now):
            child, at = node.now[name], os.path.join(path, name)
            if isinstance(child, Folder):
                yield from self.differences(at, child)
                continue
            with open(at, "rb") as f:
                if f.read() != child.now:
                    yield at

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
