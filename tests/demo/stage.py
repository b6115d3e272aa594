"""The demo's stage: a scratch folder, the stand-ins for the servers, the gateway between them."""

import json
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "blackbox"), os.path.join(HERE, "..")]

from forests import GATEWAY_NAME, Forest  # noqa: E402
from gateway import FORESTGATE, Gateway, account_hash, parse_line  # noqa: E402
from kit import CONTOSO_IP, FABRIKAM_IP, GATEWAY_IP, Authority, Process, Scratch, free_port  # noqa: E402
from kit import wait_until  # noqa: E402
from legacy import rsa_certificate  # noqa: E402

PERSONALITIES = {"contoso": "2003+KB", "fabrikam": "2007"}  # of tests/exchange
STANDIN = os.path.join(HERE, "standin.py")


class Stage:
    def __init__(self, keep):
        self.keep = keep
        self.scratch = Scratch("demo")
        self.processes = {}  # the stand-ins, by name
        self.gateway = None

    # ---- before anything runs

    def prepare(self):
        scratch = self.scratch
        self.forests = {
            "contoso": Forest(scratch, "contoso", CONTOSO_IP, "mx1"),
            "fabrikam": Forest(scratch, "fabrikam", FABRIKAM_IP, "hub1"),
        }
        self.gateway_ca = Authority(scratch("tls"), "gateway")
        made = rsa_certificate(self.gateway_ca, GATEWAY_NAME, days=365)
        os.rename(made.cert, self.scratch("tls", "gateway.pem"))
        os.rename(made.key, self.scratch("tls", "gateway.key"))
        for forest in self.forests.values():
            forest.certificate = rsa_certificate(forest.ca, forest.server_name)
            scratch.write(f"secrets/{forest.name}.hash", account_hash(forest.password) + "\n", 0o600)
            scratch.write(f"secrets/{forest.name}", forest.peer_password + "\n", 0o600)
            scratch.write(f"secrets/{forest.name}-logon", forest.password + "\n", 0o600)
        self.port, self.monitor_port = free_port(GATEWAY_IP), free_port(GATEWAY_IP)
        self.setup = {
            "gateway": {"address": GATEWAY_IP, "port": self.port, "name": GATEWAY_NAME,
                        "ca": self.gateway_ca.cert},
            "forests": {f.name: self.forest_setup(f) for f in self.forests.values()},
        }
        self.write_setup()

    def forest_setup(self, forest):
        return {
            "personality": PERSONALITIES[forest.name], "domain": forest.domain, "server": forest.server_name, "address": forest.address,
            "certificate": forest.certificate.cert, "key": forest.certificate.key,
            "user": forest.auth_user, "password_file": self.scratch("secrets", forest.name),
            "gateway_user": forest.user,
            "gateway_password_file": self.scratch("secrets", f"{forest.name}-logon"),
            "mailbox": self.scratch("mailbox", forest.name),
        }

    def write_setup(self):
        self.scratch.write("setup.json", json.dumps(self.setup, indent=2) + "\n", 0o600)

    def write_config(self):
        with open(os.path.join(HERE, "gw.yaml")) as f:
            text = f.read()
        for name, value in (
                ("PORT", self.port), ("MONITOR", self.monitor_port),
                ("NAMES", f"127.0.0.1:{self.names_port}"),
                *((name.upper(), forest["port"]) for name, forest in self.setup["forests"].items())):
            text = text.replace(f"@{name}@", str(value))
        self.config = self.scratch.write("gw.yaml", text)

    # ---- processes

    def start_standin(self, *arguments):
        """The line in which it says where it listens, and its port."""
        name = arguments[-1]
        log = self.scratch(f"{name}.log")
        begin = os.path.getsize(log) if os.path.exists(log) else 0
        process = self.processes[name] = Process(
            [sys.executable, STANDIN, self.scratch("setup.json"), *arguments], log, self.keep)

        def listens():
            with open(log) as f:
                f.seek(begin)
                text = f.read()
            if process.exit_code is not None:
                raise AssertionError(f"{STANDIN} ended at its start: {text}")
            return re.search(r".* listens on .*:(\d+)\n", text)

        match = wait_until(f"{name} listens", listens)
        return match[0].rstrip("\n"), int(match[1])

    def start_names(self):
        line, self.names_port = self.start_standin("names")
        return line

    def start_server(self, forest):
        line, port = self.start_standin("serve", forest)
        if self.setup["forests"][forest].get("port") != port:
            self.setup["forests"][forest]["port"] = port
            self.write_setup()
        return line

    def stop_server(self, forest):
        self.processes.pop(forest).stop()

    def start_gateway(self):
        if self.gateway is None:
            self.gateway = Gateway(self.scratch, self.config, self.monitor_port, GATEWAY_IP,
                                   self.port, stays=self.keep)
        self.gateway.start()

    # ---- commands, run within the folder

    def run(self, command):
        """Exit code and output; `forestgate` and `standin.py` stand for themselves."""
        words = shlex.split(command)
        if words[0] == "forestgate":
            words[0] = FORESTGATE
        elif words[0] == "standin.py":
            words[:1] = [sys.executable, STANDIN, self.scratch("setup.json")]
        done = subprocess.run(words, cwd=self.scratch.path, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout

    # ---- what the gateway logs

    def log_size(self):
        return self.gateway.log_size() if self.gateway else 0

    def find_lines(self, event, since, **wanted):
        """The log's lines with this event (as the log spells it) and these values."""
        found = []
        for line in self.gateway.log_text(since).splitlines():
            pairs = parse_line(line)
            if pairs.get("event") == event and all(pairs.get(k) == v for k, v in wanted.items()):
                found.append(line)
        return found

    def wait_lines(self, event, since, count=1, **wanted):
        return wait_until(f"{count} x event={event} {wanted or ''} in the gateway's log",
                          lambda: len(f := self.find_lines(event, since, **wanted)) >= count and f)

    # ---- the end

    def stop(self):
        """Everything ends; the folder goes (but not with KEEP)."""
        if self.gateway and self.gateway.process:
            self.gateway.kill()
        for process in self.processes.values():
            process.kill()
        self.scratch.remove()
        if not self.keep and os.path.exists(self.scratch.path):
            raise AssertionError(f"{self.scratch.path} could not be removed")

    def leave(self):
        """Everything stays, with scripts: send a message, stop and start a server, end it all."""
        for name, process in [("gateway", self.gateway.process), *self.processes.items()]:
            process.leave()
            self.scratch.write(f"pids/{name}", f"{process.pid}\n")
        for name in ("send", "server", "stop"):
            with open(os.path.join(HERE, f"keep-{name}.sh")) as f:
                text = f.read()
            for word, value in (("FOLDER", self.scratch.path), ("STANDIN", STANDIN)):
                text = text.replace(f"@{word}@", shlex.quote(value))
            self.scratch.write(name, text, 0o755)
        os.symlink(FORESTGATE, self.scratch("forestgate"))
