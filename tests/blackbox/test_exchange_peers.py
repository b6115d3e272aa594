"""Postfix, Exim, swaks and the openssl command meet the Exchange personalities, without the gateway:
so the kit does not agree with its author only."""

import re
import smtplib
import subprocess
import unittest

from exchange import corpus
from exchange.client import ExchangeClient, Letter
from exchange.server import ExchangeServer
from kit import CONTOSO_IP, FABRIKAM_IP, Authority, Scratch, split_message, wait_until
from legacy import rsa_certificate
from peers import Exim, Postfix

PLAYED = ("2003+KB", "2007", "2010")  # whose TLS our libraries can play
KINDS = ("text", "multipart", "signed", "tnef", "meeting", "8bit")
USER, PASSWORD = "svc@exchange.example", "standin-Passw0rd"

scratch = authority = postfix = exim = server = certificate = None


def setUpModule():
    global scratch, authority, postfix, exim, server, certificate
    scratch = Scratch("exchange-peers")
    authority = Authority(scratch("ca"), "all")
    certificate = rsa_certificate(authority, "hub1.exchange.example")
    server = ExchangeServer("2003+KB", "hub1.exchange.example", "127.0.3.1", certificate,
                            ["exchange.example"], USER, PASSWORD).start()
    for kind, name, address in ((Postfix, "mx1.contoso.example", CONTOSO_IP),
                                (Exim, "mx2.fabrikam.example", FABRIKAM_IP)):
        peer = kind(scratch, name, name.split(".", 1)[1], address, rsa_certificate(authority, name))
        peer.old_tls = True
        peer.use_smart_host(server.address, server.port, server.name, authority.cert, USER, PASSWORD)
        peer.start()
        if kind is Postfix:
            postfix = peer
        else:
            exim = peer


def tearDownModule():
    for one in (postfix, exim, server):
        if one:
            one.stop()


def play(who):
    """From the next connection on, the server is this one."""
    server.stop()
    server.__init__(who, server.name, server.address, certificate, server.domains, USER, PASSWORD,
                    server.port)
    server.start()


def client_of(peer, who):
    return ExchangeClient(who, "hub1.exchange.example", "127.0.3.1",
                          (peer.address, peer.port, peer.name), peer.user, peer.password,
                          authority.cert)


class Clients(unittest.TestCase):
    """The personalities hand mail to real servers."""

    def test_real_servers_take_what_the_clients_send_byte_for_byte(self):
        for peer in (postfix, exim):
            for who in PLAYED:
                client = client_of(peer, who)
                for kind in KINDS:
                    mark = f"{who}-{kind}-to-{peer.domain}."
                    data = corpus.with_mark(corpus.make(kind), mark)
                    with self.subTest(mark):
                        outcome = client.send(Letter("anna@exchange.example",
                                                     [f"bob@{peer.domain}"], data))
                        self.assertEqual(list(outcome.sent), [f"bob@{peer.domain}"], client.said())
                        got = peer.mail.wait_for(f"X-Mark: {mark}")
                        self.assertEqual(split_message(got)[1], split_message(data)[1])
                client.quit()
                self.assertEqual(client.connections, 1)
                self.assertRegex(client.said(), "TLSv1, AES")

    def test_real_servers_refuse_what_the_clients_understand(self):
        for peer in (postfix, exim):
            for who in PLAYED:
                with self.subTest(f"{who} {peer.name}"):
                    client = client_of(peer, who)
                    to = [f"nobody@{peer.domain}", f"bob@{peer.domain}"]
                    outcome = client.send(Letter("", to, corpus.make("text")))
                    client.quit()
                    self.assertEqual((list(outcome.returned), list(outcome.sent)), (to[:1], to[1:]))
                    self.assertIn("5.1.1", outcome.returned[to[0]])

    def test_a_wrong_password_is_an_ndr_and_no_login_is_a_wait(self):
        client = client_of(postfix, "2007")
        client.password = "wrong"
        outcome = client.send(Letter("a@exchange.example", ["bob@contoso.example"], b"a: b\r\n\r\n"))
        self.assertRegex(outcome.returned["bob@contoso.example"], "^535")
        client = client_of(postfix, "2003+KB")
        client.tls = False
        outcome = client.send(Letter("a@exchange.example", ["bob@contoso.example"], b"a: b\r\n\r\n"))
        self.assertEqual(outcome.retry, {"bob@contoso.example":
                                         "the queue waits: no LOGIN is offered"})


class Servers(unittest.TestCase):
    """Real clients hand mail to the personalities."""

    def submit(self, peer, to, data, **more):
        """By TLS 1.0, which is all that the peer has here."""
        outcome = client_of(peer, "2007").send(Letter(f"anna@{peer.domain}", to, data, **more))
        self.assertEqual(list(outcome.sent), to, outcome)

    def arrives(self, mark):
        return wait_until(f"{mark} at the server", lambda: server.with_text(f"X-Mark: {mark}"))[0]

    def test_real_clients_log_on_and_deliver_byte_for_byte(self):
        for who in PLAYED:
            play(who)
            for peer in (postfix, exim):
                for kind in KINDS:
                    mark = f"{peer.domain}-{kind}-to-{who}."
                    data = corpus.with_mark(corpus.make(kind), mark)
                    with self.subTest(mark):
                        self.submit(peer, ["bob@exchange.example"], data)
                        taken = self.arrives(mark)
                        self.assertEqual(split_message(taken.data)[1], split_message(data)[1])
                        self.assertEqual((taken.session.account, taken.session.tls), (USER, True))
                        self.assertEqual(taken.session.tls_version, "TLSv1")

    def test_dsn_options_of_real_clients_are_kept(self):
        play("2007")
        for peer in (postfix, exim):
            mark = f"dsn-{peer.domain}."
            with self.subTest(peer.name):
                self.submit(peer, ["bob@exchange.example"], corpus.with_mark(corpus.make("text"), mark),
                            notify="SUCCESS,FAILURE", orcpt=True, ret="HDRS", envid="QQ314159")
                taken = self.arrives(mark)
                self.assertEqual((taken.options["RET"], taken.options["ENVID"]), ("HDRS", "QQ314159"))
                options = taken.recipients[0].options
                self.assertEqual(set(options["NOTIFY"].split(",")), {"SUCCESS", "FAILURE"})
                self.assertEqual(options["ORCPT"].lower(), "rfc822;bob@exchange.example")

    def test_real_clients_understand_its_refusals(self):
        play("2003+KB")
        for peer in (postfix, exim):
            with self.subTest(peer.name):
                mark = f"refused-{peer.domain}."
                self.submit(peer, ["nobody@exchange.example"],
                            corpus.with_mark(corpus.make("text"), mark))
                report = peer.mail.wait_for(f"X-Mark: {mark}")
                self.assertIn(b"550 5.1.1 User unknown", report)

    def test_a_real_client_waits_for_a_server_whose_starttls_is_gone(self):
        play("2007")
        server.turn_on("expired_certificate")
        for peer in (postfix, exim):
            mark = f"expired-{peer.domain}."
            self.submit(peer, ["bob@exchange.example"], corpus.with_mark(corpus.make("text"), mark))
            wait_until("it came and went", lambda: any(
                s.client == peer.address and line.startswith("EHLO") for s, line in server.commands))
        self.assertFalse(server.messages)
        server.turn_off()
        for peer in (postfix, exim):
            self.arrives(f"expired-{peer.domain}.")

    def test_smtplib_and_the_openssl_command_read_its_lists(self):
        play("2003+KB")
        done = subprocess.run(
            ["openssl", "s_client", "-starttls", "smtp", "-tls1", "-legacy_server_connect", "-cipher",
             "AES128-SHA:@SECLEVEL=0", "-CAfile", authority.cert, "-crlf", "-connect",
             f"{server.address}:{server.port}"],
            input="QUIT\n", capture_output=True, text=True, timeout=30)
        said = done.stdout + done.stderr
        self.assertRegex(said, r"Cipher\s*: AES128-SHA\n")
        self.assertIn("Secure Renegotiation IS NOT supported", said)
        self.assertIn("Verify return code: 0 (ok)", said)
        server.needs_tls = False
        server.basic_needs_tls = False
        with smtplib.SMTP(server.address, server.port, timeout=10) as client:
            client.ehlo()
            self.assertTrue(client.has_extn("8bitmime") and client.has_extn("xexch50"))
            self.assertTrue(re.search("LOGIN", client.esmtp_features["auth"]))
            client.login(USER, PASSWORD)
            client.sendmail("a@b.example", ["bob@exchange.example"], b"a: b\r\n\r\n.dot\r\n")
        self.assertEqual(server.messages[0].data, b"a: b\r\n\r\n.dot\r\n")


if __name__ == "__main__":
    unittest.main()
