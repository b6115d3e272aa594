"""Exchange 2003 (contoso) and Exchange 2007 (fabrikam) with the gateway between them, as of World."""

from exchange.client import ExchangeClient, Letter
from exchange.server import ExchangeServer
from exchange.wire import HandClock
from forests import GATEWAY_NAME, World
from kit import GATEWAY_IP, wait_until
from legacy import rsa_certificate

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"
LOWERED = "    tls: { profile: exchange2003 }\n"


class Pair:
    """servers and clients by the name of the forest; the servers' clock is wound by hand."""

    def __init__(self, name, old="2003+KB", new="2007", receive="", send="", workers=None):
        """receive and send: further lines of every connector."""
        self.clock = HandClock()
        self.world = world = World(name)
        world.certificate = rsa_certificate(world.ca, GATEWAY_NAME)
        self.servers, self.clients = {}, {}
        for forest, who in ((world.contoso, old), (world.fabrikam, new)):
            forest.tls = f"{{ profile: exchange2003, verify: name, ca: {forest.ca.cert} }}"
            forest.extra = send
            server = ExchangeServer(who, forest.server_name, forest.address,
                                    rsa_certificate(forest.ca, forest.server_name), [forest.domain],
                                    forest.auth_user, forest.peer_password, clock=self.clock)
            world.serve(forest, server)
            self.servers[forest.name] = server.start()
            self.clients[forest.name] = ExchangeClient(
                who, forest.server_name, forest.address, (GATEWAY_IP, world.port, GATEWAY_NAME),
                forest.user, forest.password, world.ca.cert)
        text = world.config_text()
        if workers:
            text = text.replace("spool: {", f"workers: {workers}\nspool: {{", 1)
        for forest in (world.contoso, world.fabrikam):
            text = text.replace(f"    speaks_for: [{forest.name}]\n",
                                f"    speaks_for: [{forest.name}]\n{LOWERED}{receive}")
        world.config_text = lambda: text
        self.gateway = world.start()

    def stop(self):
        for client in self.clients.values():
            client.hang_up()
        self.world.stop()

    def repair(self):
        for server in self.servers.values():
            server.repair()
            server.release.clear()

    def hand_over(self, forest, data, to=None, **more):
        """The server of this forest sends to the other; it must be taken."""
        sender, recipient = (ANNA, BOB) if forest == "contoso" else (BOB, ANNA)
        outcome = self.clients[forest].send(Letter(sender, to or [recipient], data, **more))
        if outcome.retry or outcome.returned:
            raise AssertionError(f"{outcome}\n{self.clients[forest].said()[-1500:]}")
        return outcome

    def arrives(self, forest, mark):
        found = wait_until(f"{mark} at {forest}",
                           lambda: self.servers[forest].with_text(f"X-Mark: {mark}\r\n"))
        if len(found) != 1:
            raise AssertionError(f"{mark} came {len(found)} times")
        return found[0]


def other(forest):
    return "fabrikam" if forest == "contoso" else "contoso"
