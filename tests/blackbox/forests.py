"""Two forests and the gateway between them: certificates, credentials, configuration.

    contoso    127.0.1.x    *@contoso.example     servers mx1.contoso.example ...
    fabrikam   127.0.2.x    *@fabrikam.example    servers hub1.fabrikam.example ...

The gateway listens on 127.0.0.1 as gw.contoso.example. Names of servers come from a name server
of the test. Each forest logs on to the gateway as FOREST\\svc-forestgate, and the gateway to its
servers as svc-forestgate@DOMAIN.
"""

import smtplib

from client import Raw, smtp
from gateway import Gateway, account_hash
from kit import CONTOSO_IP, FABRIKAM_IP, GATEWAY_IP, Authority, Scratch, free_port
from names import NameServer
from peers import Exim, Postfix
from sink import Sink

GATEWAY_NAME = "gw.contoso.example"


class Forest:
    def __init__(self, scratch, name, address, server_name):
        self.name, self.domain, self.address = name, f"{name}.example", address
        self.network = address.rsplit(".", 1)[0] + ".0/24"
        self.server_name = f"{server_name}.{self.domain}"
        self.ca = Authority(scratch(name), name)
        self.certificate = self.ca.issue(self.server_name)
        self.user = f"{name.upper()}\\svc-forestgate"  # the forest at the gateway
        self.password = f"{name}-to-gateway-Passw0rd"
        self.peer_password = f"gateway-to-{name}-Passw0rd"
        self.servers = []  # "host:port" for the send connector
        self.tls = f"{{ verify: name, ca: {self.ca.cert} }}"
        self.auth_user = f"svc-forestgate@{self.domain}"
        self.extra = ""  # further lines of the send connector
        self.receive_extra = ""  # ... and of the receive connector


class World:
    """Everything one test module needs. Peers are started by the module that wants them."""

    def __init__(self, name):
        self.scratch = Scratch(name)
        self.names = NameServer()
        self.contoso = Forest(self.scratch, "contoso", CONTOSO_IP, "mx1")
        self.fabrikam = Forest(self.scratch, "fabrikam", FABRIKAM_IP, "hub1")
        self.ca = Authority(self.scratch("gateway-ca"), "gateway")
        self.certificate = self.ca.issue(GATEWAY_NAME, GATEWAY_IP)
        self.port = free_port(GATEWAY_IP)
        self.monitor_port = free_port(GATEWAY_IP)
        self.retry = "{ connection: [1s], message: [1s], delay_notice: 1h, expire: 1d }"
        self.limits = "{ message_size: 25MiB, recipients: 100, hops: 30 }"
        self.spool = self.scratch("spool")
        for forest in (self.contoso, self.fabrikam):
            forest.hash_file = self.scratch.write(
                f"secrets/{forest.name}.hash", account_hash(forest.password) + "\n", 0o600)
            forest.password_file = self.scratch.write(
                f"secrets/{forest.name}", forest.peer_password + "\n", 0o600)
        self.peers = []
        self.gateway = None

    # ---- the servers of the forests

    def postfix(self):
        return self._peer(Postfix, self.contoso)

    def exim(self):
        return self._peer(Exim, self.fabrikam)

    def _peer(self, kind, forest):
        peer = kind(self.scratch, forest.server_name, forest.domain, forest.address,
                    forest.certificate, forest.peer_password)
        peer.use_smart_host(GATEWAY_IP, self.port, GATEWAY_NAME, self.ca.cert, forest.user,
                            forest.password)
        self.serve(forest, peer)
        return peer

    def sink(self, forest, name=None, certificate=None):
        """A scripted server of this forest, running."""
        name = name or forest.server_name
        sink = Sink(name, forest.address, certificate or forest.ca.issue(name), forest.auth_user,
                    forest.peer_password)
        self.serve(forest, sink)
        return sink.start()

    def serve(self, forest, peer):
        self.names.hosts[peer.name] = [peer.address]
        forest.servers.append(f"{peer.name}:{peer.port}")
        self.peers.append(peer)

    # ---- the gateway

    def config_text(self):
        text = f"""\
version: 1
hostname: {GATEWAY_NAME}
postmaster: postmaster@contoso.example
spool: {{ path: {self.spool} }}
control: {self.scratch('control.sock')}
monitor: {{ address: "{GATEWAY_IP}:{self.monitor_port}" }}
dns: {{ servers: ["{self.names.address}:{self.names.port}"] }}
retry: {self.retry}
limits: {self.limits}
certificates:
  main: {{ certificate: {self.certificate.cert}, key: {self.certificate.key} }}
listen:
  main: {{ address: "{GATEWAY_IP}:{self.port}", certificate: main }}
"""
        forests = receive = send = ""
        for f in (self.contoso, self.fabrikam):
            servers = ", ".join(f'"{s}"' for s in f.servers) or f'"{f.server_name}:1"'
            forests += f"""\
  {f.name}:
    domains: {{ {f.domain}: authoritative }}
    deliver: [{f.name}-servers]
"""
            receive += f"""\
  {f.name}-servers:
    listen: [main]
    networks: [{f.network}]
    speaks_for: [{f.name}]
    accounts:
      svc-forestgate: {{ names: ['{f.user}'], password_hash_files: [{f.hash_file}] }}
{f.receive_extra}"""
            send += f"""\
  {f.name}-servers:
    servers: [{servers}]
    tls: {f.tls}
    auth: {{ user: '{f.auth_user}', password_file: {f.password_file} }}
{f.extra}"""
        return f"{text}forests:\n{forests}receive:\n{receive}send:\n{send}"

    def write_config(self, text=None):
        return self.scratch.write("forestgate.yaml", text or self.config_text())

    def start(self, **more):
        """Write the configuration and start the gateway on it."""
        self.gateway = Gateway(self.scratch, self.write_config(), self.monitor_port, GATEWAY_IP,
                               self.port)
        return self.gateway.start(**more)

    def stop(self):
        """Everything ends. The gateway's exit code, if it still ran."""
        code = self.gateway.stop() if self.gateway and self.gateway.runs else None
        for peer in self.peers:
            peer.stop()
        self.names.stop()
        return code

    # ---- clients of the gateway

    def client(self, forest, password=None):
        """smtplib, logged on as a server of this forest."""
        return smtp(GATEWAY_IP, self.port, self.ca.cert, GATEWAY_NAME, forest.user,
                    password or forest.password, forest.address)

    def send(self, sender, recipients, data):
        """Hand one message to the gateway as a server of the sender's forest; its queue id."""
        forest = self.fabrikam if sender.endswith(self.fabrikam.domain) else self.contoso
        recipients = [recipients] if isinstance(recipients, str) else recipients
        client = self.client(forest)
        try:
            begin = self.gateway.log_size()
            refused = client.sendmail(sender, recipients, data)
            if refused:
                raise smtplib.SMTPRecipientsRefused(refused)
        finally:
            client.close()
        mark = {"from": sender}
        return self.gateway.wait_event("received", since=begin, **mark)["id"]

    def raw(self, forest=None, secure=True, logon=True):
        """A raw client: EHLO is done, as are STARTTLS and AUTH when asked for."""
        forest = forest or self.contoso
        raw = Raw(GATEWAY_IP, self.port, forest.address)
        raw.expect(None, 220)
        raw.expect("EHLO client.example", 250)
        if secure:
            raw.starttls(self.ca.cert, GATEWAY_NAME)
            raw.expect("EHLO client.example", 250)
            if logon:
                reply = raw.login(forest.user, forest.password)
                if not reply.startswith("235"):
                    raise AssertionError(f"AUTH was answered {reply!r}")
        return raw

    def still_serves(self):
        """A whole session up to an accepted recipient, from connect to QUIT."""
        with self.raw() as raw:
            raw.expect("MAIL FROM:<anna@contoso.example>", 250)
            raw.expect("RCPT TO:<bob@fabrikam.example>", 250)
            raw.expect("RSET", 250)
            raw.expect("QUIT", 221)


def message(subject, mark, body=b"Hello\r\n", extra=b""):
    """A small message that can be found again by its mark."""
    head = f"From: x\r\nTo: y\r\nSubject: {subject}\r\nX-Mark: {mark}\r\n".encode()
    return head + extra + b"\r\n" + body


def stand_between_real_servers(case, name):
    """For a class of tests: Postfix, Exim, and between them a gateway that this host may ask."""
    case.world = world = World(name)
    case.addClassCleanup(world.scratch.remove)
    case.addClassCleanup(world.stop)
    case.postfix, case.exim = world.postfix(), world.exim()
    case.postfix.start()
    case.exim.start()
    world.contoso.network += ", 127.0.0.1"
    case.gateway = world.start()
