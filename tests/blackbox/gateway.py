"""The gateway as a process: start, stop, its log, its command line, its monitor."""

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

from kit import BUILD, GATEWAY_IP, ROOT, Process, wait_until

FORESTGATE = os.path.join(BUILD, "forestgate")
PAIR = re.compile(r'([a-z_0-9]+)=("(?:[^"\\]|\\.)*"|[^ ]*)')
with open(os.path.join(ROOT, "gateway/base/events.def")) as _f:
    EVENTS = frozenset(re.findall(r"^EVENT\((\w+),", _f.read(), re.MULTILINE))


def forestgate(*arguments, stdin=None, check=False, seconds=30):
    """One run of the program to its end: exit code, output, errors."""
    done = subprocess.run(
        [FORESTGATE, *arguments], input=stdin, capture_output=True, text=True, timeout=seconds
    )
    if check and done.returncode != 0:
        raise AssertionError(f"forestgate {' '.join(arguments)} exited with {done.returncode}:\n"
                             f"{done.stdout}{done.stderr}")
    return done.returncode, done.stdout, done.stderr


def account_hash(password):
    return forestgate("account", "hash", stdin=password + "\n", check=True)[1].strip()


def parse_line(line):
    """A logfmt line as a dictionary."""
    event = {}
    for key, value in PAIR.findall(line):
        if value.startswith('"'):
            value = re.sub(r'\\x([0-9a-f]{2})|\\(.)',
                           lambda m: chr(int(m[1], 16)) if m[1] else m[2], value[1:-1])
        event[key] = value
    return event


class Gateway:
    """`forestgate run` on one configuration file; the file may be written anew between."""

    def __init__(self, scratch, config, monitor_port=None, address=GATEWAY_IP, port=None,
                 prefix=(), name="gateway", stays=False):
        self.scratch = scratch
        self.config = config
        self.address, self.port = address, port
        self.monitor_port = monitor_port
        self.stays = stays  # as kit.Process says
        self.prefix = list(prefix)  # put before the command, to watch or disturb it
        self.log_path = scratch(f"{name}.log")
        self.process = None
        self.read_from = 0

    def start(self, seconds=20, environment=None):
        self.read_from = self.log_size()
        self.process = Process(
            [*self.prefix, FORESTGATE, "run", "-c", self.config], self.log_path, self.stays,
            env={**os.environ, **(environment or {})},
        )
        wait_until("event=started in the log", self._started, seconds)
        return self

    def _started(self):
        if self.process.exit_code is not None:
            raise AssertionError(f"forestgate run ended with {self.process.exit_code}:\n"
                                 + self.log_text(self.read_from))
        return self.events("started")

    @property
    def pid(self):
        return self.process.pid

    def threads(self, name):
        """Its threads whose name begins so: {thread id: how often each was switched to}."""
        found = {}
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/status") as f:
                status = dict(l.rstrip("\n").split(":\t", 1) for l in f if ":\t" in l)
            if status["Name"].startswith(name):
                found[task] = int(status["voluntary_ctxt_switches"])
        return found

    @property
    def runs(self):
        return self.process is not None and self.process.exit_code is None

    def stop(self, seconds=40):
        """SIGTERM; the exit code."""
        return self.process.stop(seconds)

    def kill(self):
        """kill -9."""
        self.process.kill()

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def log_size(self):
        return os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0

    def log_text(self, begin=0):
        with open(self.log_path, "rb") as f:
            f.seek(begin)
            return f.read().decode("utf-8", "replace")

    def events(self, name=None, since=None, **wanted):
        """Log lines since the last start (or since an earlier log_size()) as dictionaries.

        name is as in events.def; the log itself shows "-" for "_". Another would never be found,
        and a test that it is absent would test nothing."""
        if name is not None and name not in EVENTS:
            raise ValueError(f"no event has the name {name!r} in events.def")
        found = []
        for line in self.log_text(self.read_from if since is None else since).splitlines():
            event = parse_line(line)
            if (name is None or event.get("event", "").replace("-", "_") == name) and all(
                (v(event.get(k, "")) if callable(v) else event.get(k) == str(v))
                for k, v in wanted.items()
            ):
                found.append(event)
        return found

    def wait_event(self, name, seconds=20, since=None, **wanted):
        try:
            return wait_until(f"event={name} {wanted}",
                              lambda: self.events(name, since, **wanted), seconds)[0]
        except AssertionError as e:
            tail = "\n".join(self.log_text(self.read_from).splitlines()[-25:])
            raise AssertionError(f"{e}; the log ends:\n{tail}") from None

    def command(self, *arguments, **more):
        """A command that speaks to this gateway: `queue list` and so on."""
        return forestgate(*arguments, "-c", self.config, **more)

    def queue(self):
        """The messages in the queue, oldest first, as `queue list --messages --json` tells."""
        code, out, err = self.command("queue", "list", "--messages", "--json")
        if code != 0:
            raise AssertionError(f"queue list exited with {code}: {err}")
        return [json.loads(line) for line in out.splitlines()]

    def retry(self):
        """What waits is tried again now."""
        code, out, err = self.command("queue", "retry", "--all")
        if code != 0:
            raise AssertionError(f"queue retry --all exited with {code}: {out}{err}")

    def get(self, path):
        """Status and text of a page of the monitor."""
        try:
            with urllib.request.urlopen(
                f"http://{self.address}:{self.monitor_port}{path}", timeout=10
            ) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metric(self, name, **labels):
        """The sum of a metric's series that have these labels."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            match = re.match(r"([a-z_0-9]+)(?:\{(.*)\})? (\S+)$", line)
            if match and match[1] == name:
                have = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
                if all(have.get(k) == v for k, v in labels.items()):
                    total += float(match[3])
        return total
