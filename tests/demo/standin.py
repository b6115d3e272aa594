#!/usr/bin/env python3
"""Stand-ins for the servers of the demo's two forests. SETUP is the file setup.json of its folder.

    standin.py SETUP names                  the name server that knows the names of the servers
    standin.py SETUP serve FOREST           that forest's server; it demands STARTTLS and AUTH LOGIN,
                                            keeps what it takes below mailbox/ and says so, and has
                                            every mailbox but nobody@
    standin.py SETUP send FROM TO           the server of FROM's forest hands a message to the
              [--count N] [--subject TEXT]  gateway (STARTTLS, AUTH LOGIN) and shows the conversation
              [--save FILE]                 keeps the message as it was sent
              [--clear]                     tries it without TLS
    standin.py SETUP list FOREST [TEXT]     what lies in that forest's mailbox (with TEXT in it)

Exit code of send: 0 when every message got 250.
"""

import argparse
import base64
import email
import email.utils
import json
import os
import re
import socket
import sys
import threading
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "blackbox"))

from client import Raw  # noqa: E402
from kit import Certificate, Maildir  # noqa: E402
from names import NameServer  # noqa: E402
from sink import Sink  # noqa: E402


def read_secret(path):
    with open(path) as f:
        return f.read().rstrip("\n")


def tls_text(sock):
    name, _, bits = sock.cipher()
    return f"{sock.version()}, {name}, {bits} bits"


# ---- the servers


class Server(Sink):
    """A server of a forest: what it takes is in its mailbox before it says 250."""

    def __init__(self, forest):
        super().__init__(forest["server"], forest["address"],
                         Certificate(forest["certificate"], forest["key"]), forest["user"],
                         read_secret(forest["password_file"]), forest.get("port"))
        self.mechanisms = ["LOGIN"]
        self.script["rcpt"] = self.recipient
        self.folder = os.path.join(forest["mailbox"], "new")
        self.lock = threading.Lock()
        os.makedirs(self.folder, exist_ok=True)

    @staticmethod
    def recipient(session, argument):
        return b"550 5.1.1 User unknown\r\n" if argument.upper().startswith("TO:<NOBODY@") else None

    def _serve(self, sock, client):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each reply is a write
        super()._serve(sock, client)

    def keep(self, message):
        with self.lock:
            super().keep(message)
            name = f"{len(os.listdir(self.folder)) + 1:04}.eml"
            with open(os.path.join(self.folder, name), "wb") as f:
                f.write(message.data)
        print(f"{name}: from <{message.sender}> to <{'>, <'.join(message.recipients)}>, by "
              f"{message.session.account} over {tls_text(message.session.sock)}",
              flush=True)


def serve(setup, arguments):
    server = Server(setup["forests"][arguments.forest]).start()
    print(f"{server.name} listens on {server.address}:{server.port}", flush=True)
    threading.Event().wait()


def names(setup, arguments):
    server = NameServer()
    for forest in setup["forests"].values():
        server.hosts[forest["server"]] = [forest["address"]]
    print(f"the name server listens on {server.address}:{server.port}", flush=True)
    threading.Event().wait()


# ---- the clients


class Conversation(Raw):
    """Shows each line; passwords excepted."""

    def __init__(self, *where):
        super().__init__(*where)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each line is a write

    def ask(self, line, shown=None):
        print(f"C: {shown or line}")
        self.send(line + "\r\n")
        return self.reply()

    def reply(self):
        reply = super().reply()
        print("S: " + reply.replace("\n", "\nS: "))
        return reply

    def expect(self, line, code, shown=None):
        reply = self.ask(line, shown) if line is not None else self.reply()
        if not reply.startswith(str(code)):
            self.ask("QUIT")
            sys.exit(1)
        return reply


def compose(forest, sender, recipient, subject):
    text = (f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n"
            f"Date: {email.utils.formatdate(localtime=True)}\r\n"
            f"Message-ID: <{uuid.uuid4().hex[:12]}@{forest['server']}>\r\n\r\n"
            f"This is {subject!r}, from {sender}.\r\n")
    return text.encode()


def hand_over(talk, sender, recipient, data):
    talk.expect(f"MAIL FROM:<{sender}> SIZE={len(data)}", 250)
    talk.expect(f"RCPT TO:<{recipient}>", 250)
    talk.expect("DATA", 354)
    print(f"C: (a message of {len(data)} octets)")
    talk.send(data)
    talk.expect(".", 250)


def send(setup, arguments):
    gateway = setup["gateway"]
    forest = next((f for f in setup["forests"].values()
                   if arguments.sender.endswith("@" + f["domain"])), None)
    if not forest:
        sys.exit(f"{arguments.sender} is of no forest: its server cannot be played")
    talk = Conversation(gateway["address"], gateway["port"], forest["address"], 30)
    talk.expect(None, 220)
    talk.expect(f"EHLO {forest['server']}", 250)
    if not arguments.clear:
        talk.expect("STARTTLS", 220)
        talk.handshake(gateway["ca"], gateway["name"])
        print(f"   {tls_text(talk.sock)}; the certificate is that of {gateway['name']}")
        talk.expect(f"EHLO {forest['server']}", 250)
        user, password = forest["gateway_user"], read_secret(forest["gateway_password_file"])
        talk.expect("AUTH LOGIN", 334)
        talk.expect(base64.b64encode(user.encode()).decode(), 334, f"(base64 of {user})")
        talk.expect(base64.b64encode(password.encode()).decode(), 235, "(base64 of the password)")
    for i in range(arguments.count):
        number = f" {i + 1} of {arguments.count}" if arguments.count > 1 else ""
        data = compose(forest, arguments.sender, arguments.recipient, arguments.subject + number)
        if arguments.save:
            with open(arguments.save, "wb") as f:
                f.write(data)
        hand_over(talk, arguments.sender, arguments.recipient, data)
    talk.expect("QUIT", 221)


def show_list(setup, arguments):
    found = []
    mailbox = Maildir(setup["forests"][arguments.forest]["mailbox"])
    for data in mailbox.with_text(arguments.text):
        head = email.message_from_bytes(data)
        ours = [f for f in head.get_all("Received", []) if f"by {setup['gateway']['name']}" in f]
        queue_id = re.search(r"\bid (\w+)", ours[0]) if ours else None
        found.append(head["Message-ID"])
        print(f"{queue_id[1] if queue_id else '-':<14} {head['From']} -> {head['To']}  "
              f"{head['Subject']}")
    print(f"{len(found)} messages, {len(set(found))} different Message-IDs")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setup")
    commands = parser.add_subparsers(required=True)
    commands.add_parser("names").set_defaults(run=names)
    part = commands.add_parser("serve")
    part.set_defaults(run=serve)
    part.add_argument("forest")
    part = commands.add_parser("send")
    part.set_defaults(run=send)
    part.add_argument("sender")
    part.add_argument("recipient")
    part.add_argument("--count", type=int, default=1)
    part.add_argument("--subject", default="a message between forests")
    part.add_argument("--save")
    part.add_argument("--clear", action="store_true")
    part = commands.add_parser("list")
    part.set_defaults(run=show_list)
    part.add_argument("forest")
    part.add_argument("text", nargs="?", default="")
    arguments = parser.parse_args()
    with open(arguments.setup) as f:
        setup = json.load(f)
    arguments.run(setup, arguments)


if __name__ == "__main__":
    try:
        main()
    except OSError as e:
        sys.exit(f"standin: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
