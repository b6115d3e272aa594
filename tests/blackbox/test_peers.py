"""The stand-ins themselves: what the other tests rest on must work without the gateway."""

import unittest

from client import Raw, smtp, swaks
from kit import CONTOSO_IP, FABRIKAM_IP, Authority, Scratch, split_message
from names import NameServer
from peers import Exim, Postfix
from sink import Sink

scratch = contoso = fabrikam = postfix = exim = None


def setUpModule():
    global scratch, contoso, fabrikam, postfix, exim
    scratch = Scratch("peers")
    contoso = Authority(scratch("contoso"), "contoso")
    fabrikam = Authority(scratch("fabrikam"), "fabrikam")
    postfix = Postfix(scratch, "mx1.contoso.example", "contoso.example", CONTOSO_IP,
                      contoso.issue("mx1.contoso.example"))
    exim = Exim(scratch, "hub1.fabrikam.example", "fabrikam.example", FABRIKAM_IP,
                fabrikam.issue("hub1.fabrikam.example"))
    postfix.use_smart_host(exim.address, exim.port, exim.name, fabrikam.cert, exim.user,
                           exim.password)
    exim.use_smart_host(postfix.address, postfix.port, postfix.name, contoso.cert, postfix.user,
                        postfix.password)
    exim.start()
    postfix.start()


def tearDownModule():
    for peer in (postfix, exim):
        if peer:
            peer.stop()


def submit(peer, ca, sender, to, data):
    client = smtp(peer.address, peer.port, ca.cert, peer.name, peer.user, peer.password)
    client.sendmail(sender, [to], data)
    client.quit()


class RealServers(unittest.TestCase):
    def test_postfix_hands_mail_to_exim_over_starttls_with_auth_login(self):
        submit(postfix, contoso, "anna@contoso.example", "bob@fabrikam.example",
               b"Subject: one\r\nX-Mark: to-exim\r\n\r\nHello\r\n")
        message = exim.mail.wait_for("X-Mark: to-exim")
        self.assertIn(b"with esmtpsa", message)
        self.assertEqual(split_message(message)[1], b"Hello\r\n")
        self.assertIn(f"A=login:{exim.user}", exim.log())

    def test_exim_hands_mail_to_postfix_over_starttls_with_auth_login(self):
        submit(exim, fabrikam, "bob@fabrikam.example", "anna@contoso.example",
               b"Subject: two\r\nX-Mark: to-postfix\r\n\r\nHello\r\n")
        message = postfix.mail.wait_for("X-Mark: to-postfix")
        self.assertIn(b"with ESMTPSA", message)
        self.assertIn(f"sasl_method=LOGIN, sasl_username={postfix.user}", postfix.log())

    def test_both_refuse_mail_without_tls_and_without_logon(self):
        for peer, ca in ((postfix, contoso), (exim, fabrikam)):
            with self.subTest(peer.name), Raw(peer.address, peer.port) as c:
                c.expect(None, 220)
                c.expect("EHLO client.example", 250)
                c.expect("MAIL FROM:<anna@contoso.example>", 530)
                c.starttls(ca.cert, peer.name)
                c.expect("EHLO client.example", 250)
                c.ask("MAIL FROM:<anna@contoso.example>")
                reply = c.ask(f"RCPT TO:<x@{peer.domain}>")
                self.assertRegex(reply, "^5")

    def test_both_refuse_an_unknown_user(self):
        for peer, ca in ((postfix, contoso), (exim, fabrikam)):
            with self.subTest(peer.name):
                client = smtp(peer.address, peer.port, ca.cert, peer.name, peer.user,
                              peer.password)
                client.mail("x@contoso.example")
                self.assertEqual(client.rcpt(f"nobody@{peer.domain}")[0], 550)
                client.quit()

    def test_swaks_logs_on_with_login_and_plain(self):
        for mechanism in ("LOGIN", "PLAIN"):
            with self.subTest(mechanism):
                code, said = swaks(
                    postfix.address, postfix.port, "--tls", "--auth", mechanism,
                    "--auth-user", postfix.user, "--auth-password", postfix.password,
                    "--from", "anna@contoso.example", "--to", "x@contoso.example")
                self.assertEqual(code, 0, said)


class Stand(unittest.TestCase):
    def setUp(self):
        self.sink = Sink("sink.fabrikam.example", FABRIKAM_IP,
                         fabrikam.issue("sink.fabrikam.example"), "u@x", "secret").start()
        self.addCleanup(self.sink.stop)

    def connect(self):
        return smtp(self.sink.address, self.sink.port, fabrikam.cert, self.sink.name, "u@x",
                    "secret")

    def test_the_sink_keeps_what_it_is_sent_byte_for_byte(self):
        client = self.connect()
        client.sendmail("a@b.example", ["c@d.example"], b"A: 1\r\n\r\n.dot\r\n..\r\n \xe4\r\n")
        client.quit()
        message = self.sink.messages[0]
        self.assertEqual(message.data, b"A: 1\r\n\r\n.dot\r\n..\r\n \xe4\r\n")
        self.assertEqual(message.session.account, "u@x")
        self.assertTrue(message.session.tls)

    def test_the_sink_does_as_its_script_says_and_is_repaired(self):
        self.sink.script["rcpt"] = b"450 4.2.1 later\r\n"
        client = self.connect()
        client.mail("a@b.example")
        self.assertEqual(client.rcpt("c@d.example")[0], 450)
        self.sink.script.clear()
        self.assertEqual(client.rcpt("c@d.example")[0], 250)
        client.quit()

    def test_the_name_server_answers(self):
        names = NameServer()
        self.addCleanup(names.stop)
        names.hosts["hub1.fabrikam.example"] = [FABRIKAM_IP]
        query = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x04hub1\x08fabrikam\x07example\0\0\x01\0\x01"
        self.assertTrue(names.answer(query).endswith(b"\x7f\0\x02\x01"))
        self.assertEqual(names.answer(query.replace(b"hub1", b"hub2"))[3] & 15, 3)
