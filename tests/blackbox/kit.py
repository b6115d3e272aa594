"""What every black-box test stands on: a scratch folder, free ports, certificates, processes.

Everything listens on loopback addresses only. Processes are ended by their process id, also when
a test dies. KEEP=1 leaves the scratch folder for a look.
"""

import atexit
import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))

GATEWAY_IP = "127.0.0.1"
CONTOSO_IP = "127.0.1.1"  # servers of forest contoso
FABRIKAM_IP = "127.0.2.1"  # servers of forest fabrikam
STRANGER_IP = "127.0.9.1"  # belongs to no receive connector


def wait_until(what, ask, seconds=15, pause=0.02):
    """Ask until the answer is true, and return it; fail by name when time is up."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"did not happen within {seconds} s: {what}")
        time.sleep(pause)


def free_port(address):
    with socket.socket() as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def can_connect(address, port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((address, port)) == 0


def run(*command, **more):
    """Run a tool to its end; its output as text; fail loudly when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **more)
    if done.returncode != 0:
        raise AssertionError(
            f"{' '.join(command)} exited with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return done.stdout


class Scratch:
    """A folder of this run below /tmp that other users may enter (Postfix and Exim do)."""

    def __init__(self, name="test"):
        self.path = tempfile.mkdtemp(prefix=f"forestgate-{name}-", dir="/tmp")
        os.chmod(self.path, 0o755)
        atexit.register(self.remove)

    def __call__(self, *parts):
        return os.path.join(self.path, *parts)

    def folder(self, *parts):
        path = self(*parts)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, text, mode=0o644):
        path = self(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w" if isinstance(text, str) else "wb") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def remove(self):
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.path, ignore_errors=True)


class Process:
    """A child in the foreground, its output in a file. It is told to end when the test program
    is gone, however that went (start it from the main thread); unless it is to stay behind, in a
    session of its own (then leave() it before the end, or it is killed there)."""

    def __init__(self, command, log, stays=False, **more):
        self.log = log
        guard = ["setpriv", "--pdeathsig", "TERM"]
        if stays:
            guard, more = [], {**more, "start_new_session": True}
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                [*guard, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, **more
            )
        self.pid = self.child.pid
        atexit.register(self.kill)

    @property
    def exit_code(self):
        return self.child.poll()

    def signal(self, number):
        if self.child.poll() is None:
            self.child.send_signal(number)

    def wait(self, seconds=15):
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"process {self.pid} is still there after {seconds} s") from None

    def leave(self):
        """From now on it is not ended with the test program."""
        atexit.unregister(self.kill)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait()

    def stop(self, seconds=15):
        self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except AssertionError:
            self.kill()
            raise


@dataclass
class Certificate:
    cert: str
    key: str

    def spki_pin(self):
        """sha256:BASE64 of the public key info, by the openssl command."""
        public = subprocess.run(
            ["openssl", "x509", "-in", self.cert, "-noout", "-pubkey"],
            capture_output=True, check=True,
        ).stdout
        der = subprocess.run(
            ["openssl", "pkey", "-pubin", "-outform", "DER"],
            input=public, capture_output=True, check=True,
        ).stdout
        digest = subprocess.run(
            ["openssl", "dgst", "-sha256", "-binary"], input=der, capture_output=True, check=True
        ).stdout
        return "sha256:" + base64.b64encode(digest).decode()


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def alt_names(names):
    return "subjectAltName=" + ",".join(
        f"{'IP' if n.replace('.', '').isdigit() else 'DNS'}:{n}" for n in names
    )


def self_signed(folder, name, alternatives=()):
    """What Exchange 2007 makes for itself when it is installed."""
    made = Certificate(os.path.join(folder, f"{name}.pem"), os.path.join(folder, f"{name}.key"))
    run("openssl", "req", "-x509", *NEW_KEY, "-subj", f"/CN={name}", "-days", "30",
        "-keyout", made.key, "-out", made.cert, "-addext", alt_names([name, *alternatives]))
    return made


class Authority:
    """The certification authority of a forest, made with the openssl command."""

    def __init__(self, folder, name):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.cert = os.path.join(folder, "ca.pem")
        self.key = os.path.join(folder, "ca.key")
        run("openssl", "req", "-x509", *NEW_KEY, "-subj", f"/CN={name} CA", "-days", "30",
            "-keyout", self.key, "-out", self.cert,
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, *alternatives, expired=False, file=None, days=30, new_key=None):
        """A server certificate for these names or addresses, the first one its subject."""
        base = os.path.join(self.folder, file or name)
        made = Certificate(base + ".pem", base + ".key")
        run("openssl", "req", *(new_key or NEW_KEY), "-subj", f"/CN={name}", "-keyout", made.key,
            "-out", base + ".csr")
        with open(base + ".ext", "w") as f:
            f.write(alt_names([name, *alternatives]) + "\nextendedKeyUsage=serverAuth\n")
        run("openssl", "x509", "-req", "-in", base + ".csr", "-CA", self.cert, "-CAkey", self.key,
            "-CAcreateserial", "-days", "-1" if expired else str(days), "-extfile", base + ".ext",
            "-out", made.cert)
        return made


@dataclass
class Message:
    """One message as a server holds it: the envelope as far as known, and the octets."""

    sender: str
    recipients: list
    data: bytes


def split_message(data):
    """Header (unparsed) and body, with CRLF as the only line end, whatever the store uses."""
    data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    header, _, body = data.partition(b"\r\n\r\n")
    return header + b"\r\n", body


class Maildir:
    """Reads what a server delivered."""

    def __init__(self, path):
        self.path = path

    def messages(self):
        found = []
        for part in ("new", "cur"):
            folder = os.path.join(self.path, part)
            if os.path.isdir(folder):
                for name in sorted(os.listdir(folder)):
                    try:
                        with open(os.path.join(folder, name), "rb") as f:
                            found.append(f.read())
                    except FileNotFoundError:
                        pass
        return found

    def with_text(self, text):
        text = text.encode() if isinstance(text, str) else text
        return [m for m in self.messages() if text in m]

    def wait_for(self, text, seconds=20, count=1):
        found = wait_until(
            f"a message with {text!r} in {self.path}",
            lambda: len(f := self.with_text(text)) >= count and f, seconds
        )
        return found[0] if count == 1 else found
