"""The guide's three times (before, during and after the upgrade), each with the servers that its
configuration names, played on loopback: what the guide shows is what the commands answer."""

import re
import threading
import unittest

import guide_text as guide
from exchange.client import ExchangeClient, Letter
from exchange.server import ExchangeServer
from gateway import Gateway
from guide_case import PASSWORD, Case, Desk, read
from kit import GATEWAY_IP, free_port
from legacy import rsa_certificate
from names import NameServer

# The networks of the file, and where they lie here.
NETWORKS = {"10.1.20.": "127.0.20.", "10.1.30.": "127.0.30.",
            "10.2.20.": "127.0.40.", "10.2.30.": "127.0.50."}
REPORT = b"Subject: Delivery Status Notification (Success)\r\n\r\nDelivered.\r\n"
ONLINE = ("preflight", "doctor", "probe", "status", "queue")
FILE_IN_FORCE = {"2-connect.md": "before.yaml", "7-last-legacy-server.md": "during.yaml"}


class Time:
    """The gateway, and the servers of the send connectors, as one of the files has them."""

    def __init__(self, name, hubs):
        self.name = f"{name}.yaml"
        self.desk = Desk(f"guide-{name}")
        self.names = NameServer()
        self.servers = {}
        self.port, self.monitor_port = free_port(GATEWAY_IP), free_port(GATEWAY_IP)
        text = read("config", "guide", self.name)
        for connector, lines in guide.sections(text)["send"][1].items():
            self.serve(connector, "\n".join(lines), hubs)
        for file in (self.name, "forestgate.yaml"):  # asked about, and in force
            self.desk.scratch.write(file, self.moved(text))
        self.gateway = Gateway(self.desk.scratch, self.desk.scratch("forestgate.yaml"),
                               self.monitor_port, GATEWAY_IP, self.port)
        self.gateway.start()

    def serve(self, connector, lines, hubs):
        """The servers of one send connector, set up as exchange-setup asks for."""
        forest = re.match(r"to-(\w+)-", connector)[1]
        network = {"contoso-2003": "127.0.20.", "contoso-hub": "127.0.30.",
                   "fabrikam-2003": "127.0.40.", "fabrikam-hub": "127.0.50."}[connector[3:]]
        user = re.search(r"auth: \{ user: '?([^',]+)", lines)[1]
        hosts = re.search(r"servers: \[([^]]+)\]", lines)[1].split(", ")
        for number, host in enumerate(hosts, 1):
            certificate = rsa_certificate(self.desk.authority, host, days=90)
            server = ExchangeServer("2003+KB" if connector.endswith("2003") else hubs, host,
                                    f"{network}{number}", certificate,
                                    [f"{forest}.example", f"mail.{forest}.example"], user, PASSWORD)
            self.names.hosts[host] = [server.address]
            self.servers[host] = server.start()
            client = ExchangeClient(server.personality, host, server.address,
                                    (GATEWAY_IP, self.port, "gw.contoso.example"),
                                    rf"{forest.upper()}\svc-forestgate", PASSWORD,
                                    self.desk.authority.cert)
            server.keep_hook = lambda taken, client=client: threading.Thread(
                target=self.report, args=(client, taken.sender), daemon=True).start()

    def report(self, client, sender):
        """Exchange reports the delivery, to a sender that there is."""
        if sender:
            client.send(Letter("", [sender], REPORT))
            client.hang_up()

    def moved(self, text):
        """The file, on loopback."""
        text = text.replace("10.1.0.5:25", f"{GATEWAY_IP}:{self.port}")
        text = text.replace("127.0.0.1:8025", f"{GATEWAY_IP}:{self.monitor_port}")
        text = text.replace("10.1.0.5/32", f"{GATEWAY_IP}/32")
        for there, here in NETWORKS.items():
            text = text.replace(there, here)
        for host, server in self.servers.items():
            text = text.replace(host, f'"{host}:{server.port}"')
        return text + f'dns: {{ servers: ["{self.names.address}:{self.names.port}"] }}\n'

    def answer(self, command):
        """Of a command of the guide; ports as in its files."""
        words = [f"{w}:{self.servers[w].port}" if w in self.servers else w
                 for w in command.words[1:]]
        code, out = self.desk.run(*words)
        return code, re.sub(r"(?<=[\w\]]):\d{5}\b", "", out)

    def stop(self):
        self.gateway.stop()
        for server in self.servers.values():
            server.stop()
        self.names.stop()
        self.desk.scratch.remove()


class Answers(Case):
    def check_time(self, name, hubs, commands):
        time = Time(name, hubs)
        self.addCleanup(time.stop)
        seen = [c for c in guide.commands() if c.words[1] in ONLINE and c.answer
                and time.name in (c.option("-c"), FILE_IN_FORCE.get(c.block.page)
                                  if c.words[1] in guide.LIVE else None)]
        self.assertGreaterEqual(len(seen), commands)
        for command in seen:
            with self.subTest(str(command)):
                code, out = time.answer(command)
                self.assertEqual(code, 0, out)
                self.assertShown(command, out)

    def test_before_the_upgrade(self):
        self.check_time("before", None, commands=3)

    def test_during_the_upgrade(self):
        self.check_time("during", "2007", commands=3)

    def test_after_the_upgrade(self):
        self.check_time("after", "2010", commands=1)

    def test_an_answer_that_is_wrong_would_be_found(self):
        command = guide.Command(None, "forestgate x", ["one", "[...]", "three [...] four"])
        self.assertShown(command, "one and more\ntwo\nthree,  four\n")
        for out in ("one\ntwo\n", "three, four\none\n", "not one\nthree four\n"):
            self.assertRaises(AssertionError, self.assertShown, command, out)


if __name__ == "__main__":
    unittest.main()
