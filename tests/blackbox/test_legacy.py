"""Exchange 2003 on one side: tls.profile exchange2003 where it is asked for, and nowhere else.

contoso is the old forest, as client and as server; fabrikam speaks TLS of today."""

import ssl
import subprocess
import unittest

from client import Raw
from forests import GATEWAY_NAME, World, message
from gateway import forestgate
from kit import CONTOSO_IP, FABRIKAM_IP, GATEWAY_IP, free_port, self_signed, wait_until
from legacy import GnutlsServer, OldAuthority, old_client, old_server, rsa_certificate

LOWERED = "tls: { profile: exchange2003 }"
SERVER = "mx1.contoso.example"

world = gateway = old = new = authority = certificate = None


def setUpModule():
    global world, gateway, old, new, authority, certificate
    world = World("legacy")
    world.certificate = rsa_certificate(world.ca, GATEWAY_NAME)
    authority = OldAuthority(world.scratch("old-ca"), "Contoso 2003")
    certificate = authority.issue(SERVER)
    old = world.sink(world.contoso)
    new = world.sink(world.fabrikam)
    make_old(old_server(certificate))
    gateway = start(verified_by_name())


def tearDownModule():
    if world:
        world.stop()


def make_old(context):
    """From the next connection on, the server of contoso has this."""
    old.stop()
    old.context = context
    old.start()


def verified_by_name(profile="exchange2003"):
    return f"{{ profile: {profile}, verify: name, ca: {authority.cert} }}"


def config(tls):
    world.contoso.tls = tls
    return world.config_text().replace("    speaks_for: [contoso]\n",
                                       f"    speaks_for: [contoso]\n    {LOWERED}\n")


def start(tls):
    world.start()  # as it would be without; then with
    use(tls)
    return world.gateway


def use(tls):
    """The same with this policy towards the servers of contoso."""
    world.write_config(config(tls))
    begin = world.gateway.log_size()
    world.gateway.reload()
    world.gateway.wait_event("config_loaded", since=begin)


def hello(source):
    raw = Raw(GATEWAY_IP, world.port, source)
    raw.expect(None, 220)
    raw.expect("EHLO hub1.contoso.example", 250)
    raw.expect("STARTTLS", 220)
    return raw


def shake(raw, context):
    raw.sock = context.wrap_socket(raw.sock, server_hostname=GATEWAY_NAME)
    raw.expect("EHLO hub1.contoso.example", 250)
    return raw


def hand_over(raw, sender, recipient, mark):
    raw.expect(f"MAIL FROM:<{sender}>", 250)
    raw.expect(f"RCPT TO:<{recipient}>", 250)
    raw.expect("DATA", 354)
    raw.send(message("old times", mark) + b".\r\n")
    raw.expect(None, 250)
    raw.expect("QUIT", 221)


class Receiving(unittest.TestCase):
    def test_a_tls_1_0_client_of_the_old_network_logs_on_and_sends_mail(self):
        with shake(hello(CONTOSO_IP), old_client(world.ca.cert)) as raw:
            self.assertEqual(raw.sock.version(), "TLSv1")
            self.assertEqual(raw.sock.cipher()[0], "AES128-SHA")
            reply = raw.login(world.contoso.user, world.contoso.password)
            self.assertTrue(reply.startswith("235"), reply)
            hand_over(raw, "anna@contoso.example", "bob@fabrikam.example", "from-old-1.")
        wait_until("delivered", lambda: new.with_text("from-old-1."))
        self.assertIn(b"(TLSv1 AES128-SHA 128)", new.with_text("from-old-1.")[0].data)
        wait_until("the session is counted", lambda: gateway.metric(
            "forestgate_tls_sessions_total", direction="receive", connector="contoso-servers",
            version="TLSv1", cipher_class="static_rsa", verified="none"))
        self.assertGreaterEqual(gateway.metric(
            "forestgate_tls_exception_sessions_total", direction="receive",
            connector="contoso-servers", need="version"), 1)

    def test_the_same_client_from_another_network_is_refused(self):
        begin = gateway.log_size()
        with hello(FABRIKAM_IP) as raw, self.assertRaises(ssl.SSLError) as refused:
            shake(raw, old_client(world.ca.cert))
        self.assertIn("PROTOCOL_VERSION", str(refused.exception).upper().replace(" ", "_"))
        event = gateway.wait_event("tls_failed", since=begin, connector="fabrikam-servers")
        self.assertIn("tls.profile modern takes 1.2 and up", event["why"])
        with world.raw(world.fabrikam) as raw:
            self.assertEqual(raw.sock.version(), "TLSv1.3")

    def test_a_modern_client_of_the_old_network_needs_no_exception(self):
        def counted():
            return gateway.metric("forestgate_tls_exception_sessions_total", direction="receive",
                                  connector="contoso-servers", need="none")
        before = counted()
        with world.raw(world.contoso) as raw:
            self.assertEqual(raw.sock.version(), "TLSv1.2")
            raw.expect("QUIT", 221)
        wait_until("counted as no reason", lambda: counted() == before + 1)

    def s_client(self, source, *more):
        done = subprocess.run(
            ["openssl", "s_client", "-starttls", "smtp", "-name", "hub1.contoso.example", "-tls1",
             "-cipher", "AES128-SHA:@SECLEVEL=0", "-CAfile", world.ca.cert, "-bind",
             f"{source}:0", "-connect", f"{GATEWAY_IP}:{world.port}", "-crlf", *more],
            input="QUIT\n", capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout + done.stderr

    def test_openssl_s_client_meets_tls_1_0_in_the_old_network_only(self):
        code, said = self.s_client(CONTOSO_IP)
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"Protocol\s*: TLSv1\n")
        self.assertRegex(said, r"Cipher\s*: AES128-SHA\n")
        self.assertIn("Verify return code: 0 (ok)", said)
        code, said = self.s_client(FABRIKAM_IP)
        self.assertNotEqual(code, 0)
        self.assertIn("alert protocol version", said)

    def test_a_client_with_a_self_signed_certificate_is_taken_as_not_verified(self):
        own = self_signed(world.scratch.path, "HUB1", ["hub1.contoso.example"])
        code, said = self.s_client(CONTOSO_IP, "-cert", own.cert, "-key", own.key)
        self.assertEqual(code, 0, said)
        self.assertIn("No client certificate CA names sent", said)
        self.assertFalse(gateway.metric("forestgate_tls_sessions_total", direction="receive",
                                        connector="contoso-servers", verified="name"))

    # SSL 2.0's CLIENT-HELLO (RFC 2246 E), offering TLS 1.0 with AES128-SHA and what 2003 has.
    OLD_HELLO = (bytes.fromhex("8025" "01" "0301" "000c" "0000" "0010"
                               "000004" "00000a" "00002f" "010080") + bytes(range(16)))

    def test_a_hello_in_the_format_of_sslv2_is_answered_in_the_old_network_only(self):
        with hello(CONTOSO_IP) as raw:
            raw.send(self.OLD_HELLO)
            answer = b""
            while len(answer) < 100:
                answer += raw.sock.recv(4096)
        self.assertEqual(answer[:3], b"\x16\x03\x01", "a handshake record of TLS 1.0")
        self.assertEqual(answer[5:6] + answer[9:11], b"\x02\x03\x01", "ServerHello, TLS 1.0")
        at = 44 + answer[43]
        self.assertEqual(answer[at:at + 2], b"\x00\x2f", "AES128-SHA")
        with hello(FABRIKAM_IP) as raw:
            raw.send(self.OLD_HELLO)
            self.assertEqual(raw.sock.recv(4096)[:1], b"\x15", "an alert")

    def test_records_of_one_octet_are_no_lines(self):
        context = old_client(world.ca.cert)
        context.options &= ~0x800  # SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS: empty records as well
        with hello(CONTOSO_IP) as raw:
            shake(raw, context)
            whole = raw.send

            def split(data):
                data = data if isinstance(data, bytes) else data.encode("latin-1")
                whole(data[:1])  # 1/n-1, as MS12-006 made Schannel write
                whole(data[1:])

            raw.send = split
            self.assertTrue(raw.login(world.contoso.user, world.contoso.password)
                            .startswith("235"))
            hand_over(raw, "anna@contoso.example", "bob@fabrikam.example", "split-1.")
        wait_until("delivered", lambda: new.with_text("split-1."))


class Sending(unittest.TestCase):
    def setUp(self):
        make_old(old_server(certificate))
        use(verified_by_name())

    def send(self, mark):
        return world.send("bob@fabrikam.example", "anna@contoso.example", message("x", mark))

    def arrives(self, mark, queue_id, verified):
        wait_until(f"delivered: {mark}", lambda: old.with_text(mark))
        event = gateway.wait_event("delivery", id=queue_id, outcome="delivered")
        self.assertEqual((event["tls"], event["cipher"], event["verified"]),
                         ("TLSv1", "AES128-SHA", verified))

    def waits(self, mark, cause):
        """It is in the queue, for this cause, and nothing was sent or bounced."""
        begin = gateway.log_size()
        queue_id = self.send(mark)
        shown = wait_until("queue show says why", lambda: self.show(queue_id, cause))
        self.assertIn("anna@contoso.example", shown)
        self.assertIn(cause, gateway.log_text(begin))
        self.assertFalse(old.with_text(mark))
        self.assertFalse(gateway.events("delivery", begin, id=queue_id, outcome="bounced"))
        self.assertFalse([c for s, c in old.commands[self.commands:] if c.startswith("AUTH")])
        return queue_id

    def show(self, queue_id, cause):
        code, out, err = gateway.command("queue", "show", queue_id)
        self.assertEqual(code, 0, err)
        return out if cause in out else None

    def test_a_tls_1_0_server_with_a_certificate_of_its_time_is_verified_by_name(self):
        queue_id = self.send("to-old-name.")
        self.arrives("to-old-name.", queue_id, "name")
        self.assertGreaterEqual(gateway.metric(
            "forestgate_tls_sessions_total", direction="send", connector="contoso-servers",
            version="TLSv1", cipher_class="static_rsa", verified="name"), 1)
        self.assertGreaterEqual(gateway.metric(
            "forestgate_tls_exception_sessions_total", direction="send",
            connector="contoso-servers", need="version"), 1)

    def test_it_is_known_by_its_pin_which_forestgate_pin_tells(self):
        address = f"{CONTOSO_IP}:{old.port}"
        code, out, err = forestgate("pin", address)
        self.assertEqual(code, 0, err)
        self.assertIn("pin:         " + certificate.spki_pin(), out)
        self.assertIn("TLSv1 AES128-SHA, with profile exchange2003 only", out)
        line = f'{{ profile: exchange2003, verify: pin, pins: ["{certificate.spki_pin()}"] }}'
        self.assertIn("configure:   tls: " + line + "\n", out)
        use(line)
        queue_id = self.send("to-old-pin.")
        self.arrives("to-old-pin.", queue_id, "pin")

    def test_another_name_is_no_better_for_being_old(self):
        self.commands = len(old.commands)
        make_old(old_server(authority.issue("other.contoso.example")))
        queue_id = self.waits("other-name.", "is for other.contoso.example, not for " + SERVER)
        make_old(old_server(certificate))
        gateway.retry()
        self.arrives("other-name.", queue_id, "name")

    def test_a_key_of_512_bits_is_refused(self):
        self.commands = len(old.commands)
        make_old(old_server(authority.issue(SERVER, bits=512)))
        queue_id = self.waits("toy-key.", "has a key of 512 bits, too weak for any tls.profile")
        make_old(old_server(certificate))
        gateway.retry()
        self.arrives("toy-key.", queue_id, "name")

    def test_the_modern_profile_refuses_the_same_server_and_the_mail_waits(self):
        self.commands = len(old.commands)
        use(verified_by_name("modern"))
        queue_id = self.waits("not-lowered.",
                              "the server has no TLS 1.2, as Windows 2003 and 2008 (TLS 1.0 only): set "
                              "tls.profile: exchange2003 on this send connector")
        use(verified_by_name())
        gateway.retry()
        self.arrives("not-lowered.", queue_id, "name")

    def test_the_modern_profile_refuses_its_certificate_in_tls_1_2_too(self):
        self.commands = len(old.commands)
        make_old(old_server(certificate, ssl.TLSVersion.TLSv1_2))
        use(verified_by_name("modern"))
        queue_id = self.waits("weak-key.", "has a key of 1024 bits, too weak for tls.profile modern")
        use(verified_by_name())
        gateway.retry()
        wait_until("delivered", lambda: old.with_text("weak-key."))
        self.assertGreaterEqual(gateway.metric(
            "forestgate_tls_exception_sessions_total", direction="send", need="certificate"), 1)
        self.assertEqual(gateway.wait_event("delivery", id=queue_id, outcome="delivered")["tls"],
                         "TLSv1.2")

    def test_a_server_without_secure_renegotiation_is_met_with_the_exception_only(self):
        self.commands = len(old.commands)
        make_old(GnutlsServer(certificate))
        pin = f'verify: pin, pins: ["{certificate.spki_pin()}"]'
        use(f"{{ {pin} }}")
        queue_id = self.waits("rfc-5746.", "does not know secure renegotiation (RFC 5746)")
        use(f"{{ profile: exchange2003, {pin} }}")
        gateway.retry()
        wait_until("delivered", lambda: old.with_text("rfc-5746."))
        gateway.wait_event("delivery", id=queue_id, outcome="delivered")
        self.assertGreaterEqual(gateway.metric(
            "forestgate_tls_exception_sessions_total", direction="send", need="renegotiation"), 1)


class Exception_(unittest.TestCase):
    """It is shouted about, and told when it can go."""

    def test_check_and_the_log_shout_about_it(self):
        path = world.scratch.write("shout.yaml", config(verified_by_name()))
        code, out, err = forestgate("check", "-c", path)
        self.assertEqual(code, 0, err)
        self.assertIn('warning: TLS IS LOWERED for "contoso-servers"', err)
        self.assertIn('warning: TLS IS LOWERED for the servers of "contoso-servers"', err)
        self.assertNotIn("fabrikam-servers", err)
        use(verified_by_name())
        for direction in ("receive", "send"):
            event = gateway.events("tls_lowered", direction=direction)[0]
            self.assertEqual((event["level"], event["connector"]), ("warn", "contoso-servers"))
        self.assertEqual(gateway.metric("forestgate_tls_lowered_connectors"), 2)

    def test_check_refuses_it_where_it_could_not_work(self):
        def complaint(text):
            path = world.scratch.write("wrong.yaml", text)
            code, out, err = forestgate("check", "-c", path)
            self.assertEqual(code, 1, out)
            return err
        ca = f"{{ profile: exchange2003, verify: ca, ca: {authority.cert} }}"
        self.assertIn('needs "verify: name" or "verify: pin"', complaint(config(ca)))
        curve = world.ca.issue(GATEWAY_NAME)
        text = config(verified_by_name())
        self.assertIn("is not an RSA key", complaint(
            text.replace(world.certificate.cert, curve.cert)
                .replace(world.certificate.key, curve.key)))
        both = text.replace(world.fabrikam.network, world.contoso.network)
        self.assertIn("they must agree on profile", complaint(both))

    def test_a_probe_sees_tls_on_a_listener_whose_clients_are_all_old_or_none(self):
        ports = {name: free_port(GATEWAY_IP) for name in ("old", "bare")}
        more = "".join(f'  {name}: {{ address: "{GATEWAY_IP}:{port}", certificate: main }}\n'
                       for name, port in ports.items())
        text = config(verified_by_name()).replace("forests:\n", more + "forests:\n", 1)
        text = text.replace("monitor: {", "monitor: { probe_networks: [127.0.8.0/24],", 1)
        text = text.replace("  contoso-servers:\n    listen: [main]",
                            "  contoso-servers:\n    listen: [old]", 1)
        begin = gateway.log_size()
        world.write_config(text)
        gateway.reload()
        gateway.wait_event("config_loaded", since=begin)
        self.addCleanup(use, verified_by_name())
        for name, version in (("old", "TLSv1.2"), ("bare", "TLSv1.3")):
            with self.subTest(name), Raw(GATEWAY_IP, ports[name], "127.0.8.1") as raw:
                raw.expect(None, 220)
                raw.expect("EHLO probe.example", 250)
                raw.starttls(world.ca.cert, GATEWAY_NAME)
                self.assertEqual(raw.sock.version(), version)
                raw.expect("EHLO probe.example", 250)
                raw.expect("QUIT", 221)

    def test_at_the_end_a_line_says_who_still_needed_it(self):
        own = World("legacy-end")
        own.certificate = rsa_certificate(own.ca, GATEWAY_NAME)
        sink = own.sink(own.contoso)
        sink.context = old_server(certificate)
        own.contoso.tls = verified_by_name()
        own.start()
        self.addCleanup(own.stop)
        own.send("bob@fabrikam.example", "anna@contoso.example", message("x", "end-1."))
        wait_until("delivered", lambda: sink.with_text("end-1."))
        self.assertEqual(own.gateway.stop(), 0)
        event = own.gateway.wait_event("tls_exception")
        self.assertEqual((event["direction"], event["connector"], event["needed"],
                          event["version"], event["unneeded"]),
                         ("send", "contoso-servers", "1", "1", "0"))


if __name__ == "__main__":
    unittest.main()
