"""The Exchange personalities as clients, against a server that does as the test says."""

import socket
import ssl
import struct
import threading
import unittest

from exchange import corpus
from exchange.client import ExchangeClient, Letter
from exchange.mail_queue import Queue
from exchange.schannel import CODES, offered_suites
from exchange.server import ExchangeServer
from exchange.wire import HandClock
from kit import CONTOSO_IP, FABRIKAM_IP, Authority, Scratch, self_signed
from legacy import old_server, rsa_certificate
from sink import Sink

NAME, USER, PASSWORD = "gw.contoso.example", "CONTOSO\\svc", "standin-Passw0rd"
TO = ["bob@fabrikam.example", "carl@fabrikam.example", "dora@fabrikam.example"]

scratch = authority = certificate = None


def setUpModule():
    global scratch, authority, certificate
    scratch = Scratch("exchange-clients")
    authority = Authority(scratch("ca"), "gateway")
    certificate = rsa_certificate(authority, NAME)


def letter(data=b"Subject: x\r\n\r\nHello\r\n", to=TO[:1], **more):
    return Letter("anna@contoso.example", list(to), data, **more)


class Habits(unittest.TestCase):
    """Against the sink: it offers what it is told, and keeps every command."""

    def setUp(self):
        self.sink = Sink(NAME, FABRIKAM_IP, None, USER, PASSWORD)
        self.sink.context = old_server(certificate)
        self.sink.start()
        self.addCleanup(self.sink.stop)

    def client(self, who, **more):
        client = ExchangeClient(who, "mx1.contoso.example", CONTOSO_IP,
                                (FABRIKAM_IP, self.sink.port, NAME), USER, PASSWORD, authority.cert,
                                **more)
        self.addCleanup(client.hang_up)
        return client

    def offer(self, *keywords):
        self.sink.keywords += keywords

    def test_the_logon_is_in_two_steps_after_the_second_ehlo(self):
        for who in ("2003+KB", "2007"):
            self.sink.commands.clear()
            outcome = self.client(who).send(letter())
            self.assertEqual(list(outcome.sent), TO[:1])
            self.assertEqual([c.split(" ")[0] for _, c in self.sink.commands],
                             ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
            self.assertEqual(self.sink.commands[3][1], "AUTH LOGIN")

    def test_without_login_in_the_list_2007_leaves_and_its_mail_waits(self):
        self.sink.mechanisms = ["PLAIN"]
        client = self.client("2007")
        self.assertEqual(client.send(letter()).retry,
                         {TO[0]: "451 5.7.3 Require basic authentication"})
        self.assertEqual(self.sink.commands[-1][1], "QUIT")

    def test_without_starttls_mail_waits_where_tls_is_wanted(self):
        self.sink.context = None
        self.sink.user = None
        self.assertEqual(self.client("2003").send(letter()).retry,
                         {TO[0]: "The remote SMTP service does not support TLS."})

    def test_530_is_an_ndr(self):
        self.sink.script["mail"] = b"530 5.7.0 Must issue a STARTTLS command first\r\n"
        client = self.client("2003+KB")
        client.tls, client.user = False, None
        self.assertIn("530", client.send(letter()).returned[TO[0]])

    def test_a_354_of_several_lines_breaks_2003_and_no_other(self):
        self.sink.script["data"] = lambda session, _: self.two_lines(session)
        client = self.client("2003+KB")
        self.assertIn("KB 912341", client.send(letter()).retry[TO[0]])
        self.assertIsNone(client.conversation)
        self.assertEqual(list(self.client("2007").send(letter()).sent), TO[:1])

    def two_lines(self, session):
        session.send(b"354-Start\r\n354 end with .\r\n")
        session.read_content()
        return b"250 2.6.0 taken\r\n"

    def test_twenty_messages_go_on_one_connection(self):
        client = self.client("2007")
        for _ in range(41):
            client.send(letter())
        self.assertEqual((client.connections, self.sink.connections), (3, 3))

    def test_the_rest_of_too_many_recipients_is_sent_at_once(self):
        self.sink.script["rcpt"] = lambda session, _: (
            b"452 4.5.3 Too many recipients\r\n" if len(session.recipients) >= 2 else None)
        outcome = self.client("2007").send(letter(to=TO))
        self.assertEqual((list(outcome.sent), outcome.transactions), (TO, 2))
        self.assertEqual([len(m.recipients) for m in self.sink.messages], [2, 1])

    def test_a_message_beyond_size_is_returned_and_not_sent(self):
        self.sink.keywords = ["SIZE 1000"]
        outcome = self.client("2007").send(letter(b"a: b\r\n\r\n" + b"x" * 1000))
        self.assertIn("5.3.4", outcome.returned[TO[0]])

    def test_mail_carries_auth_for_anonymous_and_dsn_where_it_is_offered(self):
        self.offer("DSN")
        mail = letter(anonymous=True, ret="HDRS", envid="E1", notify="NEVER", orcpt=True)
        self.client("2007").send(mail)
        commands = [c for _, c in self.sink.commands]
        self.assertIn("MAIL FROM:<anna@contoso.example> SIZE=21 AUTH=<> RET=HDRS ENVID=E1", commands)
        self.assertIn("RCPT TO:<bob@fabrikam.example> NOTIFY=NEVER ORCPT=rfc822;bob@fabrikam.example",
                      commands)

    def test_its_certificate_is_shown_when_it_is_asked_for(self):
        asked = old_server(certificate)
        own = self_signed(scratch.path, "HUB1", ["hub1.contoso.example"])
        asked.verify_mode = ssl.CERT_OPTIONAL
        asked.load_verify_locations(own.cert)
        self.sink.context = asked
        client = self.client("2007", certificate=own)
        self.assertEqual(list(client.send(letter()).sent), TO[:1])
        shown = self.sink.messages[0].session.sock.getpeercert()
        self.assertEqual(shown["subject"], ((("commonName", "HUB1"),),))
        self.assertEqual(shown["subject"], shown["issuer"])

    def test_2007_wants_the_smart_hosts_name_in_the_certificate(self):
        self.sink.context = old_server(rsa_certificate(authority, "other.contoso.example"))
        self.assertIn("other.contoso.example", self.client("2007").send(letter()).retry[TO[0]])
        self.assertEqual(list(self.client("2003+KB").send(letter()).sent), TO[:1])


class Content(unittest.TestCase):
    def test_the_corpus_goes_by_bdat_where_it_can_and_the_blob_beside_it(self):
        server = ExchangeServer("2007", NAME, FABRIKAM_IP, certificate, ["fabrikam.example"], USER,
                                PASSWORD).start()
        self.addCleanup(server.stop)
        client = ExchangeClient("2003+KB", "mx1.contoso.example", CONTOSO_IP,
                                (FABRIKAM_IP, server.port, NAME), USER, PASSWORD)
        blob = corpus.blob()
        for name in corpus.NAMES:
            with self.subTest(name):
                data = corpus.make(name)
                outcome = client.send(letter(data, blob=blob))
                self.assertEqual((list(outcome.sent), outcome.exch50), (TO[:1], "taken"))
                taken = server.messages[-1]
                self.assertTrue(taken.data == data and taken.binary and taken.chunks)
                self.assertEqual((taken.blob, taken.blob_number), (blob, 2))
        client.quit()


class Hello(unittest.TestCase):
    """The ClientHello as it is on the wire."""

    def hello(self, who):
        with socket.create_server((FABRIKAM_IP, 0)) as listener:
            client = ExchangeClient(who, "mx1", CONTOSO_IP, (FABRIKAM_IP, listener.getsockname()[1], NAME))
            got = {}

            def serve():
                sock, _ = listener.accept()
                with sock:
                    sock.sendall(b"220 gw\r\n")
                    sock.recv(1000)
                    sock.sendall(b"250-gw\r\n250 STARTTLS\r\n")
                    sock.recv(1000)
                    sock.sendall(b"220 go\r\n")
                    got["suites"] = offered_suites(sock)
                    got["hello"] = sock.recv(65536)
                    sock.sendall(b"\x15\x03\x01\x00\x02\x02\x28")

            server = threading.Thread(target=serve)
            server.start()
            outcome = client.send(letter())
            server.join(10)
            self.assertTrue(outcome.retry)
            return got["suites"], got["hello"], outcome.retry[TO[0]]

    def has_extensions(self, hello):
        at = 5 + 4 + 2 + 32
        at += 1 + hello[at]
        at += 2 + struct.unpack("!H", hello[at:at + 2])[0]
        return len(hello) > at + 1 + hello[at]

    def test_2000_and_2003_as_they_came_offer_rc4_and_des_only(self):
        for who in ("2000", "2003"):
            suites, hello, why = self.hello(who)
            self.assertEqual(suites[:3], [CODES["RSA-RC4-128-MD5"], CODES["RSA-RC4-128-SHA"],
                                          CODES["RSA-3DES-EDE-CBC-SHA"]])
            self.assertNotIn(0x2F, suites)
            self.assertFalse(self.has_extensions(hello))
            self.assertEqual(why, "the server sent alert 40")

    def test_2003_with_the_update_names_no_server_and_no_extension(self):
        suites, hello, _ = self.hello("2003+KB")
        self.assertEqual(suites, [0x2F, 0x35])
        self.assertFalse(self.has_extensions(hello))
        self.assertEqual(hello[9:11], b"\x03\x01")

    def test_2007_names_no_server(self):
        suites, hello, _ = self.hello("2007")
        self.assertEqual([s for s in suites if s != 0xFF], [0x2F, 0x35, 0xC013, 0xC014])
        self.assertNotIn(NAME.encode(), hello)


class Retry(unittest.TestCase):
    """Two days pass in no time. The server is down: nothing listens."""

    def tries(self, who, until_hours):
        clock = HandClock()
        with socket.create_server((FABRIKAM_IP, 0)) as closed:
            port = closed.getsockname()[1]
        queue = Queue(ExchangeClient(who, "mx1", CONTOSO_IP, (FABRIKAM_IP, port, NAME), clock=clock))
        queue.submit(letter())
        at = [0]
        while queue.waiting and clock.now() < until_hours * 3600:
            clock.advance(queue.next_due() - clock.now())
            at.append(round(clock.now() / 60))
            queue.run()
        return at, queue

    def test_each_version_has_its_own_patience(self):
        for who, wanted in (("2000", [0, 15, 45, 105, 345, 585]), ("2003", [0, 10, 20, 30, 45, 60]),
                            ("2007", [0, 1, 2, 3, 4, 9])):
            self.assertEqual(self.tries(who, 10)[0][:6], wanted, who)

    def test_after_two_days_it_is_returned_and_before_that_the_sender_was_told(self):
        at, queue = self.tries("2007", 60)
        self.assertEqual([kind for kind, _, _ in queue.notices], ["delay", "NDR"])
        self.assertIn("4.4.7", queue.notices[1][2])
        self.assertEqual(at[-1], 48 * 60 + (at[-1] - 48 * 60) % 10)
        self.assertFalse(queue.waiting)

    def test_what_was_refused_for_now_is_sent_when_it_is_due(self):
        clock = HandClock()
        server = ExchangeServer("2007", NAME, FABRIKAM_IP, None, ["fabrikam.example"],
                                clock=clock).start()
        self.addCleanup(server.stop)
        client = ExchangeClient("2003", "mx1", CONTOSO_IP, (FABRIKAM_IP, server.port, NAME))
        client.tls, client.clock = False, clock
        self.addCleanup(client.hang_up)
        queue = Queue(client)
        server.turn_on("pressure")
        queue.submit(letter())
        self.assertIn("452 4.3.1", queue.waiting[0].words)
        server.turn_off()
        queue.run()
        self.assertFalse(server.messages)
        clock.advance(600)
        queue.run()
        self.assertEqual((len(server.messages), len(queue.done)), (1, 1))


if __name__ == "__main__":
    unittest.main()
