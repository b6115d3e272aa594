#!/usr/bin/env python3
"""Stand-ins for the servers of the demo's two forests. SETUP is the file setup.json of its folder.

    standin.py SETUP names                  the name server that knows the names of the servers
    standin.py SETUP serve FOREST           that forest's server, Exchange 2003 or 2007 of
                                            tests/exchange; it demands STARTTLS and AUTH LOGIN,
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
import email
import email.utils
import json
import os
import re
import sys
import threading
import uuid
import warnings

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "blackbox"),
                os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]
warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is what these servers have

from exchange.client import ExchangeClient, Letter  # noqa: E402
from exchange.envelope import dress  # noqa: E402
from exchange.server import ExchangeServer  # noqa: E402
from kit import Certificate, Maildir  # noqa: E402
from names import NameServer  # noqa: E402


def read_secret(path):
    with open(path) as f:
        return f.read().rstrip("\n")


# ---- the servers


class Mailbox:
    """What a server takes is a file before it says 250."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "new")
        self.lock = threading.Lock()
        os.makedirs(self.folder, exist_ok=True)

    def keep(self, taken):
        with self.lock:
            name = f"{len(os.listdir(self.folder)) + 1:04}.eml"
            with open(os.path.join(self.folder, name), "wb") as f:
                f.write(taken.data)
        session = taken.session
        print(f"{name}: from <{taken.sender}> to <{'>, <'.join(taken.addresses)}>, by "
              f"{session.account} over {session.tls_version}, {session.tls_cipher}", flush=True)


def serve(setup, arguments):
    forest = setup["forests"][arguments.forest]
    server = ExchangeServer(
        forest["personality"], forest["server"], forest["address"],
        Certificate(forest["certificate"], forest["key"]), [forest["domain"]], forest["user"],
        read_secret(forest["password_file"]), forest.get("port"))
    server.keep_hook = Mailbox(forest["mailbox"]).keep
    server.start()
    print(f"{server.name}, {server.personality.title}, listens on {server.address}:{server.port}", flush=True)
    threading.Event().wait()


def names(setup, arguments):
    server = NameServer()
    for forest in setup["forests"].values():
        server.hosts[forest["server"]] = [forest["address"]]
    print(f"the name server listens on {server.address}:{server.port}", flush=True)
    threading.Event().wait()


# ---- the clients


def compose(forest, sender, recipient, subject):
    text = (f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n"
            f"Date: {email.utils.formatdate(localtime=True)}\r\n"
            f"Message-ID: <{uuid.uuid4().hex[:12]}@{forest['server']}>\r\n\r\n"
            f"This is {subject!r}, from {sender}.\r\n")
    return text.encode()


def show(side, line):
    """Each line as it is said; octets of a message and answers of a logon are not shown."""
    print(f"   {line}" if side == "-" else f"{side}: {line}")


def send(setup, arguments):
    gateway = setup["gateway"]
    forest = next((f for f in setup["forests"].values()
                   if arguments.sender.endswith("@" + f["domain"])), None)
    if not forest:
        sys.exit(f"{arguments.sender} is of no forest: its server cannot be played")
    client = ExchangeClient(
        forest["personality"], forest["server"], forest["address"],
        (gateway["address"], gateway["port"], gateway["name"]), forest["gateway_user"],
        read_secret(forest["gateway_password_file"]), gateway["ca"])
    client.show = show
    if arguments.clear:
        client.tls, client.user = False, None
        client.opportunistic = False
    outcome = None
    for i in range(arguments.count):
        number = f" {i + 1} of {arguments.count}" if arguments.count > 1 else ""
        data = compose(forest, arguments.sender, arguments.recipient, arguments.subject + number)
        data = dress(data, client.personality, client.name, client.address)
        if arguments.save:
            with open(arguments.save, "wb") as f:
                f.write(data)
        outcome = client.send(Letter(arguments.sender, [arguments.recipient], data))
        if not outcome.sent:
            break
    client.quit()
    sys.exit(0 if outcome.sent else 1)


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
