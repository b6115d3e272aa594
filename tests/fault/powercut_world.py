"""Three forests around one gateway, in clear: what the power cut of the whole gateway plays in.

Nothing is encrypted and nobody logs on, because neither has to do with the disk: so the recorder
can read what is said, and a gateway starts in a hundredth of a second. Servers are sinks of the
black box.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "blackbox"))

from kit import free_port  # noqa: E402 (the path comes first)
from sink import Sink  # noqa: E402

GATEWAY = "127.0.0.1"
FORESTS = {"contoso": "127.0.1.1", "fabrikam": "127.0.2.1", "tailspin": "127.0.3.1"}


class World:
    """Ports, a configuration below folder, and a server for each forest, not yet started."""

    def __init__(self, folder, spool, certificate):
        self.folder, self.spool = folder, spool
        self.port, self.monitor = free_port(GATEWAY), free_port(GATEWAY)
        self.sinks = {name: Sink(f"mx.{name}.example", address)
                      for name, address in FORESTS.items()}
        self.config = os.path.join(folder, "forestgate.yaml")
        with open(self.config, "w") as f:
            f.write(self.text(certificate))

    def text(self, certificate):
        text = f"""\
version: 1
hostname: gw.contoso.example
postmaster: postmaster@contoso.example
spool: {{ path: {self.spool}, map_size: 64MiB, reserve: 1MiB, body_in_file: 16KiB }}
control: {self.folder}/control.sock
monitor: {{ address: "{GATEWAY}:{self.monitor}" }}
dns: {{ servers: ["{GATEWAY}:1"] }}
limits: {{ reports: 0 }}
retry: {{ connection: [1s], message: [1s], delay_notice: 10d, expire: 20d }}
certificates: {{ main: {{ certificate: {certificate}.pem, key: {certificate}.key }} }}
listen: {{ main: {{ address: "{GATEWAY}:{self.port}", certificate: main }} }}
"""
        forests = receive = send = ""
        for name, address in FORESTS.items():
            sink = self.sinks[name]
            forests += f"  {name}: {{ domains: {{ {name}.example: authoritative }}, deliver: [{name}] }}\n"
            receive += (f"  {name}: {{ listen: [main], networks: [{address}/32], speaks_for: [{name}], "
                        f"tls: {{ require: false }}, auth: none }}\n")
            send += (f"  {name}: {{ servers: [\"{address}:{sink.port}\"], connections: 2, "
                     f"messages_per_connection: 3, auth: none,\n"
                     f"    tls: {{ require: false, ca: {certificate}.pem }} }}\n")  # not the system's: they are many
        return f"{text}forests:\n{forests}receive:\n{receive}send:\n{send}"

    def stop(self):
        for sink in self.sinks.values():
            sink.stop()


def make_certificate(folder):
    """A listener wants one, although nobody will ask for it. Its path without the ending."""
    base = os.path.join(folder, "gateway")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-subj", "/CN=gw.contoso.example", "-days", "30",
                    "-keyout", base + ".key", "-out", base + ".pem"], check=True, capture_output=True)
    return base
