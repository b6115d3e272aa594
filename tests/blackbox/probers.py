"""Probes as they are installed: HAProxy, check_smtp, blackbox_exporter."""

import csv
import io
import socket
import subprocess
import urllib.parse
import urllib.request

from kit import GATEWAY_IP, Process, can_connect, free_port, wait_until

CHECK_SMTP = "/usr/lib/nagios/plugins/check_smtp"
STOCK_MODULES = "/usr/share/doc/prometheus-blackbox-exporter/examples/example.yml"


class HaProxy:
    """One process: backends that are checked, frontends that relay."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.stats = scratch("haproxy.sock")
        self.sections = []
        self.process = None

    def backend(self, name, lines, server):
        """A server that is checked all the time. server: address, port and options."""
        body = "".join(f"  {line}\n" for line in lines)
        self.sections.append(f"backend {name}\n{body}  server gw {server} check inter 300ms\n")

    def frontend(self, name, server):
        """Relays what comes to the port it returns."""
        port = free_port(GATEWAY_IP)
        self.sections.append(f"listen {name}\n  bind {GATEWAY_IP}:{port}\n  server gw {server}\n")
        return port

    def start(self):
        config = self.scratch.write("haproxy.cfg", f"""\
global
  stats socket {self.stats} mode 600 level admin
defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
  timeout check 5s
{''.join(self.sections)}""")
        self.process = Process(["haproxy", "-db", "-f", config], self.scratch("haproxy.log"))
        wait_until("HAProxy answers", lambda: self.show())
        return self

    def show(self):
        """backend -> the row of its server in `show stat`."""
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(self.stats)
                s.sendall(b"show stat\n")
                text = b""
                while more := s.recv(65536):
                    text += more
        except OSError:
            return {}
        rows = csv.DictReader(io.StringIO(text.decode().lstrip("# ")))
        return {r["pxname"]: r for r in rows if r["svname"] == "gw"}

    def wait_checked(self, name, seconds=20):
        """The row after a first check is over."""
        return wait_until(
            f"HAProxy has checked {name}",
            lambda: (r := self.show().get(name)) and r["check_status"] not in ("", "INI")
            and not r["check_status"].startswith("*") and r, seconds)

    def stop(self):
        if self.process:
            self.process.stop()


def check_smtp(port, *arguments, address=GATEWAY_IP):
    """Exit code and what it says; its own address is 127.0.0.1."""
    done = subprocess.run(
        [CHECK_SMTP, "-H", address, "-p", str(port), "-t", "10", "-F", "probe.example",
         *arguments], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


class BlackboxExporter:
    """With the modules that it is shipped with, but that smtp_starttls trusts a test authority."""

    def __init__(self, scratch, ca, name):
        with open(STOCK_MODULES) as f:
            lines = f.read().splitlines()
        begin = lines.index("  smtp_starttls:")
        end = next(i for i in range(begin + 1, len(lines)) if not lines[i].startswith("   "))
        stock = lines[begin:end]
        at = stock.index("    tcp:") + 1
        tls = ["      tls_config:", f"        ca_file: {ca}", f"        server_name: {name}"]
        text = "\n".join(["modules:", *stock[:at], *tls, *stock[at:]]) + "\n"
        self.port = free_port(GATEWAY_IP)
        config = scratch.write("blackbox.yml", text)
        self.process = Process(
            ["prometheus-blackbox-exporter", f"--config.file={config}",
             f"--web.listen-address={GATEWAY_IP}:{self.port}"], scratch("blackbox.log"))
        wait_until("the exporter listens", lambda: can_connect(GATEWAY_IP, self.port))

    def probe(self, port):
        """Its metrics after one probe, as a dictionary."""
        query = urllib.parse.urlencode(
            {"module": "smtp_starttls", "target": f"{GATEWAY_IP}:{port}"})
        with urllib.request.urlopen(
                f"http://{GATEWAY_IP}:{self.port}/probe?{query}", timeout=20) as page:
            text = page.read().decode()
        lines = [l.rsplit(" ", 1) for l in text.splitlines() if l and l[0] != "#"]
        return {name: float(value) for name, value in lines}

    def stop(self):
        self.process.stop()
