"""What is wrong with a server is one sentence, with cause and remedy, in every place where somebody
looks: the log, queue show, queue list, status, the monitor's /status, the report of a delay."""

import datetime
import email
import json
import re
import subprocess
import unittest

from forests import World, message
from kit import run, self_signed, wait_until
from legacy import GnutlsServer, OldAuthority, old_server, rsa_certificate
from sink import DROP, RESET

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"
HUB = "hub1.fabrikam.example"

world = sink = home = gateway = good = None


def setUpModule():
    global world, sink, home, gateway, good
    world = World("diagnosis")
    world.retry = "{ connection: [1h], message: [1h], delay_notice: 1d, expire: 2d }"
    good = world.fabrikam.ca.issue(HUB, file="good")
    sink = world.sink(world.fabrikam, certificate=good)
    home = world.sink(world.contoso)
    gateway = world.start()


def tearDownModule():
    if world:
        world.stop()
        world.scratch.remove()


def day_of(certificate, end="-enddate"):
    """YYYY-MM-DD, by the openssl command."""
    text = subprocess.run(["openssl", "x509", "-in", certificate.cert, "-noout", end],
                          capture_output=True, check=True, text=True).stdout.strip()
    date = datetime.datetime.strptime(text.split("=", 1)[1], "%b %d %H:%M:%S %Y %Z")
    return date.strftime("%Y-%m-%d")


def not_yet_valid(ca, name):
    """Issued by a clock that runs ahead."""
    base = ca.folder + "/ahead"
    made = ca.issue(name, file="ahead")
    with open(base + "-ca.cnf", "w") as f:
        f.write(f"[ca]\ndefault_ca=c\n[c]\ndatabase={base}.db\nserial={base}.srl\n"
                f"new_certs_dir={ca.folder}\ncertificate={ca.cert}\nprivate_key={ca.key}\n"
                "default_md=sha256\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n")
    open(base + ".db", "w").close()
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)
    end = start + datetime.timedelta(days=9)
    run("openssl", "ca", "-batch", "-notext", "-config", base + "-ca.cnf", "-in", base + ".csr",
        "-extfile", base + ".ext", "-out", made.cert, "-startdate", f"{start:%Y%m%d%H%M%SZ}",
        "-enddate", f"{end:%Y%m%d%H%M%SZ}")
    return made


class Places:
    """Everywhere that something is said about the send connector fabrikam-servers."""

    def __init__(self, gateway, queue_id, begin):
        self.gateway, self.id, self.begin = gateway, queue_id, begin

    def said(self, *command):
        code, out, err = self.gateway.command(*command)
        assert code in (0, 1), (command, code, err)
        return out

    def connector(self, text):
        status = json.loads(text)
        found = [c for c in status["send"] if c["connector"] == "fabrikam-servers"][0]
        return status, found

    def all(self):
        places = {
            "queue show": self.said("queue", "show", self.id),
            "queue list": self.said("queue", "list"),
            "queue list --json": self.said("queue", "list", "--json"),
            "status": self.said("status"),
        }
        for name, text in (("status --json", self.said("status", "--json")),
                           ("/status", self.gateway.get("/status")[1])):
            status, connector = self.connector(text)
            places[name] = connector["last_error"]
            places[name + " problems"] = "\n".join(status["problems"])
        events = self.gateway.events("server_failed", self.begin)
        places["log"] = events[-1]["why"] if events else ""
        return places


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.repair()

    def repair(self):
        sink.script.clear()
        sink.use(good)
        sink.password = world.fabrikam.peer_password
        sink.mechanisms = ["LOGIN", "PLAIN"]
        gateway.retry()
        wait_until("the queue is empty", lambda: not gateway.queue())
        self.cut()

    def cut(self):
        """Connections that are kept open end: the next message meets a new banner."""
        sink.stop()
        sink.start()

    def configure(self, tls, extra=""):
        """Another policy of the send connector, in force when this returns."""
        before, extra_before = world.fabrikam.tls, world.fabrikam.extra
        self.addCleanup(self.put, before, extra_before)
        self.put(tls, extra)

    def put(self, tls, extra):
        world.fabrikam.tls, world.fabrikam.extra = tls, extra
        world.write_config()
        begin = gateway.log_size()
        gateway.reload()
        gateway.wait_event("config_loaded", since=begin)

    def send(self, mark):
        return world.send(ANNA, BOB, message("diagnosis", mark))

    def passes(self, mark):
        queue_id = self.send(mark)
        gateway.wait_event("delivery", id=queue_id, outcome="delivered")

    def says(self, sentence, is_problem=True):
        """The message waits, and every place has this sentence (a regular expression), whole."""
        begin = gateway.log_size()
        queue_id = self.send("waits")
        gateway.wait_event("server_failed", since=begin)
        for place, text in Places(gateway, queue_id, begin).all().items():
            if is_problem or not place.endswith("problems"):
                self.assertRegex(text, sentence, place)
        self.assertNotIn(world.fabrikam.peer_password, gateway.log_text(begin))
        return queue_id


class Certificates(Case):
    def test_another_name(self):
        sink.use(world.fabrikam.ca.issue("HUB2", "hub2.fabrikam.example", file="other"))
        self.says("451 4\\.7\\.5 the server's certificate is for HUB2, hub2\\.fabrikam\\.example, "
                  "not for hub1\\.fabrikam\\.example: write one of its names under servers or "
                  "tls\\.server_name, or issue one for this name there "
                  "\\(New-ExchangeCertificate\\)")

    def test_expired(self):
        old = world.fabrikam.ca.issue(HUB, file="expired", expired=True)
        sink.use(old)
        self.says("451 4\\.7\\.5 the server's certificate \\(CN=hub1\\.fabrikam\\.example\\) is "
                  f"expired since {day_of(old)}: renew it there")

    def test_not_yet_valid(self):
        ahead = not_yet_valid(world.fabrikam.ca, HUB)
        sink.use(ahead)
        self.says("451 4\\.7\\.5 the server's certificate \\(CN=hub1\\.fabrikam\\.example\\) is "
                  f"not valid before {day_of(ahead, '-startdate')} ..:.. UTC: the clock of")

    def test_self_signed(self):
        own = self_signed(world.scratch.path, HUB)
        sink.use(own)
        self.says("the server's certificate \\(CN=hub1\\.fabrikam\\.example\\) is self-signed, as "
                  "Exchange 2007 makes it: .* set verify: pin and "
                  f'pins: \\[\\\\*"{re.escape(own.spki_pin())}\\\\*"\\] on this send connector')

    def test_an_issuer_that_nobody_knows(self):
        foreign = world.contoso.ca.issue(HUB, file="foreign")
        sink.use(foreign)
        self.says("\\(CN=hub1\\.fabrikam\\.example\\) is issued by CN=contoso CA, not trusted "
                  "here: put that issuer's certificate under ca of this send connector, or set "
                  f'verify: pin and pins: \\[\\\\*"{re.escape(foreign.spki_pin())}\\\\*"\\]')

    def test_another_pin(self):
        new = world.fabrikam.ca.issue(HUB, file="renewed")
        self.configure(f'{{ verify: pin, pins: ["{good.spki_pin()}"] }}')
        self.passes("pinned")
        sink.use(new)
        self.cut()
        self.says(f"451 4\\.7\\.5 the server's pin changed from {re.escape(good.spki_pin())} to "
                  f"{re.escape(new.spki_pin())}: if its certificate was renewed with a new key")

    def test_a_weak_key_and_a_weak_signature(self):
        old = OldAuthority(world.scratch("old"), "old")
        self.configure(f"{{ verify: name, ca: {old.cert} }}")
        sink.context = old_server(old.issue(HUB), version=__import__("ssl").TLSVersion.TLSv1_2)
        self.says("\\(CN=hub1\\.fabrikam\\.example\\) (has a key of 1024 bits|is signed with "
                  "RSA-SHA1), too weak for tls\\.profile modern: issue one with RSA 2048 and "
                  "SHA-256 there, or set tls\\.profile: exchange2003 on this send connector")


class Handshakes(Case):
    modern = ("as Windows Server 2003 does without a cipher in common: if it is one, install KB 948963 \\(AES "
              "for Windows 2003\\) there, and set tls\\.profile: exchange2003 on this send connector")
    old = ("as Windows Server 2003 does without a cipher in common: if it is one, install KB 948963 \\(AES for "
           "Windows 2003\\) there; for Windows 2000 there is none")

    def read_hello(self, session):
        session.sock.recv(65536)

    def test_the_connection_ends_behind_our_hello(self):
        def closed(session, argument):
            self.read_hello(session)
            return DROP

        def reset(session, argument):
            self.read_hello(session)
            return RESET
        closes = "the server closes the connection at our first TLS message, "
        for action in (closed, reset):
            sink.script["handshake"] = action
            self.says(closes + self.modern)
            self.repair()
        self.configure(f"{{ verify: name, ca: {world.fabrikam.ca.cert}, profile: exchange2003 }}")
        sink.script["handshake"] = closed
        self.says(closes + self.old)

    def test_the_alert_handshake_failure(self):
        def refuse(session, argument):
            self.read_hello(session)
            session.send(bytes.fromhex("15030100020228"))
            return DROP
        answers = 'the server answers our first TLS message with \\\\*"handshake failure\\\\*", '
        sink.script["handshake"] = refuse
        self.says(answers + self.modern)
        self.repair()
        self.configure(f"{{ verify: name, ca: {world.fabrikam.ca.cert}, profile: exchange2003 }}")
        sink.script["handshake"] = refuse
        self.says(answers + self.old)

    def test_tls_1_0_only(self):
        sink.context = old_server(rsa_certificate(world.fabrikam.ca, HUB))
        self.says("the server has no TLS 1\\.2, as Windows 2003 and 2008 \\(TLS 1\\.0 only\\): set "
                  "tls\\.profile: exchange2003 on this send connector; Windows 2003 also needs KB "
                  "948963")

    def test_no_secure_renegotiation(self):
        sink.context = GnutlsServer(rsa_certificate(world.fabrikam.ca, HUB))
        self.says("the server does not know secure renegotiation \\(RFC 5746\\): install MS10-049 "
                  "there, or set tls\\.profile: exchange2003 on this send connector")

    def test_no_tls_behind_starttls(self):
        def talk(session, argument):
            self.read_hello(session)
            return b"454 4.7.0 TLS not available due to temporary reason\r\n"
        sink.script["handshake"] = talk
        self.says("the server takes STARTTLS and then speaks no TLS")


class Starttls(Case):
    def test_never_offered(self):
        gateway_of_its_own = World("diagnosis-never")
        self.addCleanup(gateway_of_its_own.scratch.remove)
        self.addCleanup(gateway_of_its_own.stop)
        hub = gateway_of_its_own.sink(gateway_of_its_own.fabrikam)
        gateway_of_its_own.sink(gateway_of_its_own.contoso)
        hub.context = None
        started = gateway_of_its_own.start()
        gateway_of_its_own.send(ANNA, BOB, message("diagnosis", "never"))
        self.assertRegex(started.wait_event("server_failed")["why"],
                         "^451 4\\.7\\.4 the server offers no STARTTLS: its certificate has expired "
                         "or does not carry the receive connector's FQDN")

    def test_offered_before_and_the_certificate_is_still_good(self):
        self.passes("before-1")
        sink.context = None
        self.cut()
        today = datetime.datetime.now(datetime.timezone.utc)
        self.says(f"the server no longer offers STARTTLS, which it did until {today:%Y-%m-}.. "
                  f"..:.. UTC with a certificate valid to {day_of(good)}: was it removed, or "
                  "replaced by one without the receive connector's FQDN \\(Exchange 2007 events "
                  "12014 and 12015\\)\\?")

    def test_offered_before_and_the_certificate_has_expired(self):
        old = world.fabrikam.ca.issue(HUB, file="expiring", expired=True)
        sink.use(old)
        self.configure(f'{{ verify: pin, pins: ["{old.spki_pin()}", "{good.spki_pin()}"] }}')
        self.passes("before-2")
        sink.context = None
        self.cut()
        self.says("451 4\\.7\\.4 the server no longer offers STARTTLS: its certificate expired on "
                  f"{day_of(old)} \\(Exchange 2007 events 12014 and 12015\\); renew it there")

    def test_masked_by_a_firewall(self):
        mask = "X" * 8
        sink.script["ehlo"] = f"250-{HUB}\r\n250-{mask}A\r\n250 {mask}B\r\n".encode()
        self.says("a firewall that inspects SMTP \\(fixup, MailGuard\\) overwrites what the "
                  "server says, and TLS cannot work: turn the inspection off")

    def test_a_masked_banner_and_no_ehlo(self):
        sink.script["banner"] = b"220 " + b"*" * 60 + b"\r\n"
        sink.script["ehlo"] = b"500 5.3.3 Unrecognized command\r\n"
        self.says("500 5\\.3\\.3 Unrecognized command \\(the server does not know EHLO: a firewall "
                  "that inspects SMTP")


class Refusals(Case):
    def test_back_pressure(self):
        sink.script["mail"] = b"452 4.3.1 Insufficient system resources\r\n"
        self.says("452 4\\.3\\.1 Insufficient system resources \\(the server is short of disk or "
                  "memory .* back pressure, events 15002 and 15004")

    def test_too_many_connections(self):
        sink.script["banner"] = (b"421 4.3.2 The maximum number of concurrent server connections "
                                 b"has exceeded a per-source limit, closing transmission channel\r\n")
        self.says("the server limits the connections of one source \\(Exchange 2007: 20, "
                  "MaxInboundConnectionPerSource\\): fewer are used for a while", is_problem=False)

    def test_no_login_is_offered(self):
        sink.mechanisms = ["NTLM"]
        self.says("Require basic authentication: the server offers no AUTH LOGIN behind STARTTLS; "
                  "enable it with Set-ReceiveConnector -AuthMechanism")

    def test_the_connector_of_somebody_else(self):
        sink.script["mail"] = b"530 5.7.1 Client was not authenticated\r\n"
        self.says("530 5\\.7\\.1 Client was not authenticated \\(the server wants a logon that it "
                  "did not get: .* RemoteIPRanges")

    def deferred(self, reply, sentence):
        begin = gateway.log_size()
        queue_id = self.send("deferred")
        event = gateway.wait_event("delivery", since=begin, id=queue_id, outcome="deferred")
        self.assertEqual(event["reply"], reply)
        self.assertRegex(event["why"], f"^{sentence}")
        line = f"{re.escape(reply)} \\({sentence}.*\\)"
        places = Places(gateway, queue_id, begin)
        wait_until("it is in the queue", lambda: re.search(line, places.said("queue", "show",
                                                                             queue_id)))
        self.assertRegex(places.said("queue", "list", "--messages"), line)
        self.assertRegex(gateway.queue()[0]["recipients"][0]["last_error"], line)

    def test_no_right_to_send_as(self):
        sink.script["mail"] = (b"550 5.7.1 Client does not have permissions to send as this "
                               b"sender\r\n")
        self.deferred("550 5.7.1 Client does not have permissions to send as this sender",
                      "svc-forestgate@fabrikam\\.example may not send as this sender: grant it "
                      "ms-Exch-SMTP-Accept-Any-Sender")

    def test_unable_to_relay(self):
        sink.script["rcpt"] = b"550 5.7.1 Unable to relay\r\n"
        begin = gateway.log_size()
        queue_id = self.send("relay")
        event = gateway.wait_event("delivery", since=begin, id=queue_id, outcome="bounced")
        self.assertRegex(event["why"], "^the other forest does not take mail for this domain: .* "
                                       "ms-Exch-SMTP-Accept-Any-Recipient on the receive connector$")


class RealPeer(unittest.TestCase):
    """Postfix says some of it in its own way."""

    @classmethod
    def setUpClass(cls):
        cls.world = World("diagnosis-postfix")
        cls.addClassCleanup(cls.world.scratch.remove)
        cls.addClassCleanup(cls.world.stop)
        cls.world.contoso.certificate = cls.world.contoso.ca.issue("mail.contoso.example",
                                                                  file="postfix")
        cls.postfix = cls.world.postfix().start()
        cls.world.sink(cls.world.fabrikam)
        cls.gateway = cls.world.start()

    def test_its_certificate_has_another_name(self):
        queue_id = self.world.send(BOB, ANNA, message("diagnosis", "postfix-1"))
        sentence = ("the server's certificate is for mail.contoso.example, not for "
                    "mx1.contoso.example: write one of its names under servers or tls.server_name")
        self.assertIn(sentence, self.gateway.wait_event("server_failed")["why"])
        self.assertIn(sentence, self.gateway.command("queue", "show", queue_id)[1])


class Delay(unittest.TestCase):
    def test_the_report_of_a_delay_has_the_sentence(self):
        late = World("diagnosis-delay")
        self.addCleanup(late.scratch.remove)
        self.addCleanup(late.stop)
        late.retry = "{ connection: [1h], message: [1h], delay_notice: 1s, expire: 1d }"
        hub, home = late.sink(late.fabrikam), late.sink(late.contoso)
        hub.use(late.fabrikam.ca.issue("HUB2", file="other"))
        gateway = late.start()
        late.send(ANNA, BOB, message("diagnosis", "late-1"))
        gateway.wait_event("server_failed")

        def told():
            gateway.reload()  # looks at the age of what waits, as once a minute otherwise
            return home.with_text("late-1")
        report = email.message_from_bytes(wait_until("a report", told, pause=0.2)[0].data)
        status = report.get_payload()[1].get_payload()[1]
        self.assertEqual(status["Action"], "delayed")
        self.assertIn("the server's certificate is for HUB2, not for hub1.fabrikam.example: write "
                      "one of its names under servers or tls.server_name",
                      " ".join(status["Diagnostic-Code"].split()))
        self.assertIn("not for hub1.fabrikam.example",
                      " ".join(report.get_payload()[0].get_payload().split()))
