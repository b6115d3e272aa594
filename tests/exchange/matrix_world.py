"""The world of the matrix: each side twice, as the sending and as the receiving forest, one gateway.

    s-NAME.example  127.0.20+i.1     r-NAME.example  127.0.40+i.1

Reports to senders all go to one server. The certificates are RSA and good for every server's name.
"""

from gateway import Gateway, account_hash
from kit import GATEWAY_IP, Authority, Scratch, free_port
from legacy import rsa_certificate
from names import NameServer
from peers import Exim, Postfix

from .client import ExchangeClient
from .matrix_rules import SIDES
from .server import ExchangeServer

GATEWAY = "gw.contoso.example"
PASSWORD = "matrix-Passw0rd"
RETURNS = "returns.contoso.example"
PEERS = {"postfix": Postfix, "exim": Exim}


class Place:
    """A side in one of its roles: `s` or `r`."""

    def __init__(self, role, number, side):
        self.role, self.side = role, side
        self.forest = f"{role}-{side.name}"
        self.domain = f"{self.forest}.example"
        self.host = f"{self.forest}-mx.{self.domain}"
        self.address = f"127.0.{(20 if role == 's' else 40) + number}.1"
        self.network = self.address.rsplit(".", 1)[0] + ".0/24"
        self.user = f"{self.forest.upper()}\\svc"  # at the gateway
        self.server = self.client = None

    @property
    def old(self):
        return self.side.personality is not None and not self.side.clear


class MatrixWorld:
    def __init__(self, sides=SIDES):
        self.scratch = Scratch("matrix")
        self.senders = [Place("s", i, side) for i, side in enumerate(sides)]
        self.receivers = [Place("r", i, side) for i, side in enumerate(sides)]
        self.places = self.senders + self.receivers
        self.authority = Authority(self.scratch("ca"), "matrix")
        self.certificate = rsa_certificate(
            self.authority, RETURNS, *(p.host for p in self.places), file="servers")
        gateway_certificate = rsa_certificate(self.authority, GATEWAY)
        self.gateway_certificate = gateway_certificate
        self.names = NameServer()
        self.port, self.monitor_port = free_port(GATEWAY_IP), free_port(GATEWAY_IP)
        self.hash_file = self.scratch.write("hash", account_hash(PASSWORD) + "\n", 0o600)
        self.password_file = self.scratch.write("password", PASSWORD + "\n", 0o600)
        self.gateway = self.returns = None

    # ---- the servers and clients

    def start(self):
        self.returns = ExchangeServer("2007", RETURNS, "127.0.60.1", self.certificate,
                                      [p.domain for p in self.senders], "svc@returns", PASSWORD)
        self.names.hosts[RETURNS] = [self.returns.address]
        self.returns.start()
        for place in self.receivers:
            place.server = self.standin(place) if place.side.personality else self.real(place)
            place.server.start()
            self.names.hosts[place.host] = [place.address]
        for place in self.senders:
            if not place.side.personality:
                place.server = self.real(place)
                place.server.start()
        self.gateway = Gateway(self.scratch, self.scratch.write("forestgate.yaml", self.config()),
                               self.monitor_port, GATEWAY_IP, self.port)
        self.gateway.start()
        for place in self.senders:
            if place.side.personality:
                place.client = self.standin_client(place)

    def standin(self, place):
        server = ExchangeServer(place.side.personality, place.host, place.address,
                                None if place.side.clear else self.certificate, [place.domain],
                                None if place.side.clear else f"svc@{place.domain}", PASSWORD)
        return server

    def standin_client(self, place):
        client = ExchangeClient(
            place.side.personality, place.host, place.address, (GATEWAY_IP, self.port, GATEWAY),
            None if place.side.clear else place.user, PASSWORD, self.authority.cert)
        client.tls = not place.side.clear
        return client

    def real(self, place):
        peer = PEERS[place.side.name](self.scratch, place.host, place.domain, place.address,
                                      self.certificate, PASSWORD)
        peer.use_smart_host(GATEWAY_IP, self.port, GATEWAY, self.authority.cert, place.user, PASSWORD)
        peer.dsn = place.role == "s" or place.side.takes_dsn
        return peer

    def stop(self):
        """The gateway's exit code."""
        code = self.gateway.stop() if self.gateway and self.gateway.runs else None
        for place in self.places:
            if place.client:
                place.client.hang_up()
            if place.server:
                place.server.stop()
        if self.returns:
            self.returns.stop()
        self.names.stop()
        return code

    # ---- the gateway's configuration

    def config(self):
        text = f"""\
version: 1
hostname: {GATEWAY}
postmaster: postmaster@{self.senders[-1].domain}
spool: {{ path: {self.scratch('spool')} }}
control: {self.scratch('control.sock')}
monitor: {{ address: "{GATEWAY_IP}:{self.monitor_port}" }}
dns: {{ servers: ["{self.names.address}:{self.names.port}"] }}
retry: {{ connection: [1h], message: [1s], delay_notice: 1d, expire: 2d }}
limits: {{ message_size: 25MiB, recipients: 205 }}
certificates:
  main: {{ certificate: {self.gateway_certificate.cert}, key: {self.gateway_certificate.key} }}
listen:
  main: {{ address: "{GATEWAY_IP}:{self.port}", certificate: main }}
"""
        forests, receive = "forests:\n", "receive:\n"
        send = f"send:\n{self.send_connector('returns', self.returns, 'svc@returns', True)}"
        for place in self.places:
            deliver = place.forest if place.role == "r" else "returns"
            forests += (f"  {place.forest}:\n    domains: {{ {place.domain}: authoritative }}\n"
                        f"    deliver: [{deliver}]\n")
            receive += self.receive_connector(place)
            if place.role == "r":
                send += self.send_connector(place.forest, place.server,
                                            None if place.side.clear else f"svc@{place.domain}",
                                            place.old)
        return text + forests + receive + send

    def receive_connector(self, place):
        text = (f"  {place.forest}:\n    listen: [main]\n    networks: [{place.network}]\n"
                f"    speaks_for: [{place.forest}]\n")
        if place.side.clear:
            return text + "    tls: { require: false }\n    auth: none\n"
        return (text + ("    tls: { profile: exchange2003 }\n" if place.old else "")
                + f"    accounts:\n      svc: {{ names: ['{place.user}'], "
                f"password_hash_files: [{self.hash_file}] }}\n")

    def send_connector(self, name, server, user, old):
        text = f"  {name}:\n    servers: [\"{server.name}:{server.port}\"]\n"
        if not user:
            return text + "    tls: { require: false, verify: none }\n    auth: none\n"
        if isinstance(server, (Postfix, Exim)):
            user = server.user
        profile = "profile: exchange2003, " if old else ""
        return (text + f"    tls: {{ {profile}verify: name, ca: {self.authority.cert} }}\n"
                f"    auth: {{ user: '{user}', password_file: {self.password_file} }}\n")
