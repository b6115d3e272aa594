#!/usr/bin/env python3
"""The run of a whole gateway that is recorded (powercut_record.c) for powercut_gateway.py.

A gateway takes mail of all sizes from several clients at once and delivers it to servers that
take, refuse for now and for good, hang up before and after their answer; one is down. It is
stopped with mail in its queue and started again; then the server comes up. What was promised to
whom is not noted here: the record holds every word.
"""
import argparse
import os
import random
import re
import smtplib
import socket
import threading

from powercut_world import FORESTS, GATEWAY, World, make_certificate

from gateway import Gateway
from kit import wait_until
from sink import DROP, Gone

SIZES = (300, 20000, 2500, 70000, 12000, 700, 16384, 5000, 150000, 1200)


class Moods:
    """What a server does with whom: recipients later-, never-; messages X-Act: later, never,
    unsaid (hangs up instead of an answer), goodbye (hangs up behind it). The rest it takes."""

    def __init__(self, sink):
        self.seen = set()
        sink.script["rcpt"] = self.rcpt
        sink.script["content"] = self.content

    def is_first(self, what):
        is_first = what not in self.seen
        self.seen.add(what)
        return is_first

    def rcpt(self, _, argument):
        address = argument[argument.index("<") + 1:argument.index(">")]
        if address.startswith("never-"):
            return b"550 5.1.1 No such user here\r\n"
        if address.startswith("later-") and self.is_first(address):
            return b"450 4.2.1 Mailbox is busy\r\n"
        return None

    def content(self, session, content):
        act = re.search(rb"^X-Act: (\w+)", content, re.M)
        mark = re.search(rb"^X-Mark: (\S+)", content, re.M)
        if act is None or b"multipart/report" in content:
            return None
        if act[1] == b"never":
            return b"554 5.6.0 Not with this content\r\n"
        if not self.is_first((mark[1], act[1])):
            return None
        if act[1] == b"later":
            return b"451 4.3.2 Not now\r\n"
        if act[1] == b"unsaid":
            return DROP
        if act[1] == b"goodbye":
            session.send(b"250 2.6.0 Taken, and goodbye\r\n")
            raise Gone
        return None


def message(chance, mark, act, size):
    head = f"Subject: {mark}\r\nX-Mark: {mark}\r\n" + (f"X-Act: {act}\r\n" if act else "")
    lines = []
    while size > 0:
        n = min(size, chance.randrange(1, 76))
        lines.append("." * chance.randrange(2) + "".join(chance.choices("abcdefgh .,", k=n)))
        size -= n + 3
    return (head + "\r\n" + "\r\n".join(lines) + "\r\n").encode()


class Client:
    """Some messages of one forest over one session, one after the other."""

    def __init__(self, port, forest, name, seed, count):
        self.port, self.forest, self.name, self.count = port, forest, name, count
        self.chance = random.Random(f"{seed}-{name}")
        self.thread = threading.Thread(target=self.go)
        self.failure = None

    def recipients(self, number):
        others = [f for f in FORESTS if f != self.forest]
        return [f"{self.chance.choice(('to', 'to', 'to', 'later', 'never'))}-{self.name}-{number}-{i}"
                f"@{self.chance.choice(others)}.example" for i in range(self.chance.randrange(1, 4))]

    def go(self):
        try:
            with smtplib.SMTP(GATEWAY, self.port, source_address=(FORESTS[self.forest], 0),
                              timeout=60) as smtp:
                for number in range(self.count):
                    act = (None, "goodbye", None, "later", "unsaid", None, "never")[number % 7]
                    sender = ("from", "later")[number % 3 == 2] + f"-{self.name}-{number}"
                    size = SIZES[(number * 3 + len(self.name)) % len(SIZES)]
                    smtp.sendmail(f"{sender}@{self.forest}.example", self.recipients(number),
                                  message(self.chance, f"{self.name}-{number}", act, size))
        except Exception as e:  # noqa: BLE001 (raised again by run_all)
            self.failure = e


def run_all(clients):
    for client in clients:
        client.thread.start()
    for client in clients:
        client.thread.join()
        if client.failure:
            raise client.failure


def leave_in_the_middle(port):
    """A large message that never ends: its file is given up."""
    with socket.create_connection((GATEWAY, port), 20, (FORESTS["contoso"], 0)) as s:
        answers = s.makefile("rb")
        answers.readline()
        for line in (b"HELO client.example", b"MAIL FROM:<from-nobody@contoso.example>",
                     b"RCPT TO:<to-nobody@fabrikam.example>", b"DATA"):
            s.sendall(line + b"\r\n")
            answers.readline()
        s.sendall(b"X-Mark: unfinished\r\n\r\n" + b"half a message\r\n" * 4000)


def is_empty(gateway):
    return gateway.metric("forestgate_spool_messages") == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--folder", required=True, help="for configuration and log")
    parser.add_argument("--root", required=True, help="the spool will be made in it")
    parser.add_argument("--record", required=True)
    parser.add_argument("--recorder", required=True)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--messages", type=int, default=6, help="of each client")
    parser.add_argument("--disk", default="3000", help="microseconds that each sync takes longer")
    parser.add_argument("--prefix", default="", help="put before the command, to watch it")
    args = parser.parse_args()

    world = World(args.folder, os.path.join(args.root, "spool"), make_certificate(args.folder))
    gateway = Gateway(lambda name: os.path.join(args.folder, name), world.config, world.monitor,
                      GATEWAY, world.port, prefix=args.prefix.split())
    with open(os.path.join(args.folder, "port"), "w") as f:
        f.write(str(world.port))
    recording = {"LD_PRELOAD": args.recorder, "POWERCUT_ROOT": args.root,
                 "POWERCUT_LOG": args.record, "POWERCUT_DISK": args.disk}
    for sink in world.sinks.values():
        Moods(sink)
    world.sinks["contoso"].start()
    world.sinks["fabrikam"].start()

    def clients(run):
        return [Client(world.port, forest, f"{run}{i}", args.seed, args.messages)
                for i, forest in enumerate(("contoso", "fabrikam", "contoso"))]

    gateway.start(environment=recording)
    run_all(clients("first"))
    leave_in_the_middle(world.port)
    assert gateway.stop() == 0

    gateway.start(environment=recording)
    assert not is_empty(gateway), "the queue should not be empty when the gateway is started again"
    run_all(clients("second"))
    world.sinks["tailspin"].start()
    gateway.retry()
    wait_until("everything has left", lambda: is_empty(gateway), 60)
    assert gateway.stop() == 0
    world.stop()


if __name__ == "__main__":
    main()
