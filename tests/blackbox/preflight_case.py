"""What the tests of forestgate preflight share: two forests of Exchange servers, one run of the
command, and what it says of a check."""

import json
import unittest

from exchange.server import ExchangeServer
from forests import GATEWAY_NAME, World
from gateway import forestgate
from kit import GATEWAY_IP
from legacy import rsa_certificate

READY, NOT_READY, FAILURE = range(3)
LOWERED = "    tls: { profile: exchange2003 }\n"
LOOKING = f'", probe_networks: [{GATEWAY_IP}/32] }}'  # preflight runs on the gateway's host


class Answer:
    """What one run said, by its JSON."""

    def __init__(self, config, *options):
        self.code, self.out, self.err = forestgate("preflight", "-c", config, *options, "--json",
                                                   seconds=60)
        self.told = json.loads(self.out) if self.code != FAILURE else None
        assert self.told is None or self.told["exit"] == self.code, self.out

    def verdict(self, forest):
        found = [f["verdict"] for f in self.told["forests"] if f["forest"] == forest]
        assert len(found) == 1, f"{forest}: {self.out}"
        return found[0]

    def check(self, forest, name, subject=None):
        """forest None: the gateway itself."""
        sections = [f for f in self.told["forests"] if f["forest"] == forest]
        section = sections[0] if forest else self.told["gateway"]
        found = [c for c in section["checks"]
                 if c["check"] == name and subject in (None, c["subject"])]
        assert len(found) == 1, f"{forest} {name} {subject}: {len(found)} checks in {self.out}"
        return found[0]

    def bad(self, forest):
        """What is not well, by name and subject."""
        section = [f for f in self.told["forests"] if f["forest"] == forest][0]
        return {c["check"] + (f" {c['subject']}" if c["subject"] else "")
                for c in section["checks"] if c["state"] in ("warning", "failed")}


class PreflightWorld(World):
    """contoso with one server and fabrikam with two, of the given personalities."""

    def __init__(self, name, contoso="2003+KB", fabrikam="2007", gateway_days=90):
        super().__init__(name)
        self.limits = "{ message_size: 10MiB, recipients: 100, hops: 30 }"
        self.certificate = rsa_certificate(self.ca, GATEWAY_NAME, days=gateway_days)
        self.legacy = {"contoso": contoso.startswith("200") and contoso[:4] < "2007",
                       "fabrikam": fabrikam.startswith("200") and fabrikam[:4] < "2007"}
        self.exchange = {}
        for forest, who, hosts in ((self.contoso, contoso, ("mx1",)),
                                   (self.fabrikam, fabrikam, ("hub1", "hub2"))):
            forest.tls = f"{{ profile: exchange2003, verify: name, ca: {forest.ca.cert} }}"
            for host in hosts:
                self.add_server(forest, who, f"{host}.{forest.domain}")

    def add_server(self, forest, who, name):
        certificate = rsa_certificate(forest.ca, name, days=90)
        server = ExchangeServer(who, name, forest.address, certificate, [forest.domain],
                                forest.auth_user, forest.peer_password)
        self.serve(forest, server)
        self.exchange[name.split(".")[0]] = server.start()
        return server

    def config_text(self):
        text = super().config_text().replace(f'{self.monitor_port}" }}',
                                             f"{self.monitor_port}{LOOKING}")
        for forest in (self.contoso, self.fabrikam):
            if self.legacy[forest.name]:
                text = text.replace(f"    speaks_for: [{forest.name}]\n",
                                    f"    speaks_for: [{forest.name}]\n{LOWERED}")
        return text


class Case(unittest.TestCase):
    def preflight(self, *options, expect=None, text=None):
        answer = Answer(self.world.write_config(text), *options)
        if expect is not None:
            self.assertEqual(answer.code, expect, answer.out + answer.err)
        return answer

    def assertCheck(self, answer, forest, name, state, found="", advice="", subject=None,
                    who=None):
        check = answer.check(forest, name, subject)
        self.assertEqual(check["state"], state, check)
        lines = [l for l in check["lines"] if found in (l["found"] or "")
                 and advice in (l["advice"] or "")]
        self.assertTrue(lines, f"no line with {found!r} and {advice!r}: {check}")
        if state in ("warning", "failed"):
            bad = [l for l in check["lines"] if l["state"] in ("warning", "failed")]
            self.assertTrue(all(l["advice"] and l["who"] for l in bad), check)
        if who is not None:
            self.assertEqual(set(lines[0]["who"]), set(who), check)
