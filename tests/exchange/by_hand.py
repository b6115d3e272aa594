"""What tests/exchange/server and tests/exchange/client share: a certificate, the dialogue on screen."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass


@dataclass
class Pair:
    cert: str
    key: str


def certificate(name, folder=None):
    """Self-signed, RSA, as Exchange 2007 makes it at setup; it lasts as long as the folder."""
    folder = folder or tempfile.mkdtemp(prefix="forestgate-exchange-")
    pair = Pair(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-days",
         "365", "-addext", f"subjectAltName=DNS:{name}", "-keyout", pair.key, "-out", pair.cert],
        check=True, stderr=subprocess.DEVNULL)
    return pair


def show(session, side, line):
    """One line of the dialogue; the sessions of a server are numbered."""
    print(f"{session} {side}: {line}" if session else f"{side}: {line}", flush=True)


def warn(text):
    print(text, file=sys.stderr)


def print_tables(personality):
    """Every row with its place and how sure it is."""
    print(f"{personality.name}: {personality.title}")
    for name, row in personality.rows():
        value = "" if name == f"ehlo {row.value}" else f" = {row.value!r}"
        when = f" (when: {row.when})" if row.when else ""
        print(f"  {row.section:<4} {row.state:<12} {name}{value}{when}")
