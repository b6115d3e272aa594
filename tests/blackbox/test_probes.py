"""Load balancers and monitors: answered in full, counted by kind, and never noise in the log."""

import re
import socket
import struct
import unittest

from client import Lost, Raw
from forests import GATEWAY_NAME, World, message
from gateway import account_hash
from kit import CONTOSO_IP, GATEWAY_IP, STRANGER_IP, free_port, wait_until
from probers import BlackboxExporter, HaProxy, check_smtp

PROBE_IP = "127.0.8.1"  # of monitor.probe_networks, as is 127.0.0.1
BALANCER_IP = "127.0.7.1"  # of proxy_protocol, and no probe
V2 = b"\r\n\r\n\0\r\nQUIT\n"
PLUGIN = "PROXY TCP4 0.0.0.0 0.0.0.0 25 25\r\n"  # check_smtp -r of newer versions

world = sink = gateway = behind = None


def setUpModule():
    global world, sink, gateway, behind
    world = World("probes")
    sink = world.sink(world.fabrikam)
    behind = free_port(GATEWAY_IP)
    hashed = world.scratch.write("secrets/monitor.hash", account_hash("look-only-1") + "\n", 0o600)
    text = world.config_text()
    text = text.replace("monitor: {", "monitor: { probe_networks: [127.0.0.1, 127.0.8.0/24],", 1)
    text = text.replace("forests:\n", f"""\
  behind:
    address: "{GATEWAY_IP}:{behind}"
    certificate: main
    proxy_protocol: [127.0.0.1, 127.0.7.0/24, 127.0.8.0/24]
forests:
""", 1).replace("listen: [main]", "listen: [main, behind]").replace("send:\n", f"""\
  monitor:
    listen: [main]
    networks: [127.0.0.1]
    speaks_for: []
    foreign_sender: refuse
    accounts:
      monitor: {{ names: [monitor], password_hash_files: [{hashed}] }}
send:
""", 1)
    world.config_text = lambda: text
    gateway = world.start()


def tearDownModule():
    if world:
        world.stop()


def probes(kind):
    return gateway.metric("forestgate_smtp_probe_sessions_total", kind=kind)


def lines_of(client, since):
    return gateway.events(since=since, client=client)


class Counted:
    """Within: one more session of that kind was counted, and no line is at info for `client`."""

    def __init__(self, test, kind, client=GATEWAY_IP, count=1):
        self.test, self.kind, self.client, self.count = test, kind, client, count

    def __enter__(self):
        self.before, self.begin = probes(self.kind), gateway.log_size()

    def __exit__(self, kind, *_):
        if kind is None:
            wait_until(f"a probe of kind {self.kind} is counted",
                       lambda: probes(self.kind) >= self.before + self.count)
            self.test.assertEqual(lines_of(self.client, self.begin), [])


class Plugins(unittest.TestCase):
    """monitoring-plugins and blackbox_exporter."""

    def ok(self, kind, *arguments, says="SMTP OK"):
        with Counted(self, kind):
            code, text = check_smtp(world.port, *arguments)
            self.assertEqual(code, 0, text)
            self.assertIn(says, text)

    def test_check_smtp_says_helo(self):
        self.ok("hello")

    def test_check_smtp_says_starttls(self):
        self.ok("starttls", "-S")

    def test_check_smtp_tells_the_days_of_the_certificate(self):
        self.ok("starttls", "-S", "-D", "5", says="will expire")
        self.assertEqual(check_smtp(world.port, "-S", "-D", "400,90")[0], 2)

    def test_check_smtp_logs_on(self):
        self.ok("auth", "-S", "-A", "LOGIN", "-U", "monitor", "-P", "look-only-1")

    def test_check_smtp_with_a_wrong_password_is_no_noise_and_no_lockout_but_is_told(self):
        begin = gateway.log_size()
        for _ in range(12):
            code, text = check_smtp(world.port, "-S", "-A", "LOGIN", "-U", "monitor", "-P", "no")
            self.assertNotEqual(code, 0, text)
        self.assertEqual({e["event"] for e in lines_of(GATEWAY_IP, begin)}, {"auth-failed"})
        self.ok("auth", "-S", "-A", "LOGIN", "-U", "monitor", "-P", "look-only-1")

    def test_check_smtp_begins_a_transaction_and_quits_in_it(self):
        self.ok("transaction", "-S", "-f", "anna@contoso.example")

    def test_check_smtp_asks_what_it_likes(self):
        self.ok("hello", "-C", "NOOP", "-R", "250", "-C", "VRFY x", "-R", "530")

    def test_check_smtp_of_newer_versions_sends_a_proxy_header_and_a_name(self):
        """-r and --sni, replayed: this release's plugin knows neither."""
        with Counted(self, "proxy-local"), Raw(GATEWAY_IP, behind, GATEWAY_IP) as raw:
            raw.send(PLUGIN)
            raw.expect(None, 220)
            raw.expect("EHLO probe.example", 250)
            raw.starttls(world.ca.cert, GATEWAY_NAME)
            self.assertEqual(raw.sock.server_hostname, GATEWAY_NAME)
            raw.expect("EHLO probe.example", 250)
            raw.expect("QUIT", 221)

    def test_blackbox_exporter_is_content_with_its_stock_module(self):
        exporter = BlackboxExporter(world.scratch, world.ca.cert, GATEWAY_NAME)
        self.addCleanup(exporter.stop)
        with Counted(self, "starttls", count=2):
            for _ in range(2):
                self.assertEqual(exporter.probe(world.port)["probe_success"], 1)


class Balancer(unittest.TestCase):
    """HAProxy: its checks by its own stats, and mail through it."""

    RECIPE = [
        "option tcp-check",
        "tcp-check connect default",  # with check-send-proxy, when the server has it
        "tcp-check expect rstring ^220",
        r"tcp-check send EHLO\ lb.example\r\n",
        "tcp-check expect rstring ^250-",
        r"tcp-check send QUIT\r\n",
        "tcp-check expect rstring 221",
    ]
    CHECKS = {
        "helo": ["option smtpchk"],
        "ehlo": ["option smtpchk EHLO lb.example"],
        "recipe": RECIPE,
    }

    @classmethod
    def setUpClass(cls):
        cls.begin = gateway.log_size()
        cls.ha = HaProxy(world.scratch)
        for name, lines in cls.CHECKS.items():
            cls.ha.backend(name, lines, f"{GATEWAY_IP}:{world.port} source {PROBE_IP}")
            for version in ("", "-v2"):
                cls.ha.backend(
                    f"{name}-proxy{version}", lines,
                    f"{GATEWAY_IP}:{behind} source {PROBE_IP} send-proxy{version} check-send-proxy")
        cls.ha.backend("no-header", ["option smtpchk"], f"{GATEWAY_IP}:{behind} source {BALANCER_IP}")
        cls.ports = {v: cls.ha.frontend(f"mail{v}", f"{GATEWAY_IP}:{behind} source {BALANCER_IP} "
                                                    f"send-proxy{v}") for v in ("", "-v2")}
        cls.ha.start()

    @classmethod
    def tearDownClass(cls):
        cls.ha.stop()

    def test_all_checks_find_the_gateway_up(self):
        for name in self.CHECKS:
            for way in ("", "-proxy", "-proxy-v2"):
                with self.subTest(name + way):
                    row = self.ha.wait_checked(name + way)
                    self.assertEqual((row["status"], row["check_status"]), ("UP", "L7OK"), row)
        self.assertGreater(probes("hello"), 0)
        self.assertGreater(probes("proxy-local"), 0)
        self.assertEqual(lines_of(PROBE_IP, self.begin), [])

    def test_a_check_without_its_header_is_one_clear_line_and_down(self):
        self.assertEqual(self.ha.wait_checked("no-header")["status"], "DOWN")
        line = gateway.wait_event("proxy_refused", client=BALANCER_IP, since=self.begin)
        self.assertEqual((line["level"], line["listener"]), ("warn", "behind"))
        self.assertIn("PROXY header", line["why"])

    def test_mail_through_it_shows_the_client_and_not_the_balancer(self):
        for version, port in self.ports.items():
            with self.subTest(version):
                mark = f"through{version}-haproxy"
                begin = gateway.log_size()
                with Raw(GATEWAY_IP, port, "127.0.1.77") as raw:
                    raw.expect(None, 220)
                    self.assertIn("[127.0.1.77]", raw.expect("EHLO client.example", 250))
                    raw.starttls(world.ca.cert, GATEWAY_NAME)
                    raw.expect("EHLO client.example", 250)
                    self.assertRegex(raw.login(world.contoso.user, world.contoso.password), "^235")
                    raw.expect("MAIL FROM:<anna@contoso.example>", 250)
                    raw.expect("RCPT TO:<bob@fabrikam.example>", 250)
                    raw.expect("DATA", 354)
                    raw.send(message("through", mark) + b".\r\n")
                    raw.expect(None, 250)
                    raw.expect("QUIT", 221)
                got = wait_until("it arrives", lambda: sink.with_text(mark))[0]
                self.assertIn(b"[127.0.1.77]", got.data)
                self.assertNotIn(BALANCER_IP.encode(), got.data)
                gateway.wait_event("received", since=begin, client="127.0.1.77")
                gateway.wait_event("session_closed", since=begin, client="127.0.1.77",
                                   balancer=BALANCER_IP, connector="contoso-servers")

    def test_a_stranger_through_it_is_a_stranger(self):
        with Raw(GATEWAY_IP, self.ports[""], STRANGER_IP) as raw:
            raw.expect(None, 554)
            raw.expect("QUIT", 221)


def reset(raw):
    raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


class Behaviour(unittest.TestCase):
    """What probes do that do it their own way; and the same of others, which leaves a line."""

    def both(self, kind, outcome, act):
        total = "forestgate_smtp_sessions_total"
        with Counted(self, kind, PROBE_IP), Raw(GATEWAY_IP, world.port, PROBE_IP) as raw:
            act(raw)
        before, begin = probes(kind), gateway.log_size()
        ended = gateway.metric(total, listener="main", outcome=outcome)
        with Raw(GATEWAY_IP, world.port, CONTOSO_IP) as raw:
            act(raw)
        gateway.wait_event("session_closed", since=begin, client=CONTOSO_IP)
        wait_until("it is counted by outcome", lambda: gateway.metric(
            total, listener="main", outcome=outcome) == ended + 1)
        self.assertEqual(probes(kind), before, "behaviour alone earns no exemption")

    def test_connect_and_close(self):
        self.both("connect", "closed", lambda raw: raw.expect(None, 220))

    def test_connect_and_close_without_reading(self):
        self.both("connect", "closed", lambda raw: raw.sock.shutdown(socket.SHUT_WR))

    def test_reset_in_mid_banner(self):
        def act(raw):
            raw.sock.recv(5)
            reset(raw)

        self.both("reset", "closed", act)

    def test_hello_before_the_banner(self):
        def act(raw):
            raw.send("HELO lb.example\r\n")
            raw.expect(None, 220)
            raw.expect(None, 250)
            raw.expect("QUIT", 221)

        self.both("hello", "quit", act)

    def test_hello_and_reset_without_quit(self):
        def act(raw):
            raw.expect(None, 220)
            raw.expect("HELO lb.example", 250)
            reset(raw)

        self.both("hello", "closed", act)

    def test_hello_and_quit_in_one_packet(self):
        def act(raw):
            raw.send("EHLO lb.example\r\nQUIT\r\n")
            raw.expect(None, 220)
            raw.expect(None, 250)
            raw.expect(None, 221)
            self.assertEqual(raw.until_closed(), "")

        self.both("hello", "quit", act)

    def test_octets_behind_quit(self):
        def act(raw):
            raw.expect(None, 220)
            raw.send("QUIT\r\nMAIL FROM:<anna@contoso.example>\r\n\0\xff")
            raw.expect(None, 221)
            self.assertEqual(raw.until_closed(), "")

        self.both("commands", "quit", act)

    def test_starttls_and_close_in_the_handshake(self):
        def act(raw):
            raw.expect(None, 220)
            raw.expect("EHLO lb.example", 250)
            raw.expect("STARTTLS", 220)
            raw.sock.shutdown(socket.SHUT_WR)
            raw.until_closed()

        self.both("starttls", "tls", act)

    def test_what_probes_look_for_in_the_replies(self):
        with Raw(GATEWAY_IP, world.port, PROBE_IP) as raw:
            self.assertRegex(raw.expect(None, 220), r"^220 ([^ ]+) ESMTP (.+)$")
            clear = raw.expect("EHLO lb.example", 250).split("\n")
            raw.starttls(world.ca.cert, GATEWAY_NAME)
            secure = raw.expect("EHLO lb.example", 250).split("\n")
            self.assertTrue(any(re.match("^250-STARTTLS", l) for l in clear), clear)
            self.assertTrue(any(re.match("^250-AUTH", l) for l in secure), secure)
            self.assertRegex(raw.expect("QUIT", 221), "^2[0-9][0-9] ")
            self.assertEqual(raw.until_closed(), "")

    def test_a_probe_without_a_connector_sees_everything_and_brings_no_mail(self):
        with Counted(self, "transaction", PROBE_IP), Raw(GATEWAY_IP, world.port, PROBE_IP) as raw:
            raw.expect(None, 220)
            raw.expect("EHLO lb.example", 250)
            raw.expect("MAIL FROM:<anna@contoso.example>", 530)
            raw.starttls(world.ca.cert, GATEWAY_NAME)
            raw.expect("EHLO lb.example", 250)
            self.assertRegex(raw.ask("MAIL FROM:<anna@contoso.example>"), r"^550 5\.7\.1 ")
            raw.expect("QUIT", 221)

    def test_commands_are_counted_by_verb(self):
        def said(verb):
            return gateway.metric("forestgate_smtp_commands_total", listener="main", verb=verb)

        before = {v: said(v) for v in ("NOOP", "unknown", "not-offered")}
        with Raw(GATEWAY_IP, world.port, CONTOSO_IP) as raw:
            raw.expect(None, 220)
            for command in ("NOOP", "NOOP", "FROB x", "ETRN a.example"):
                raw.ask(command)
            raw.expect("QUIT", 221)
        wait_until("they are counted", lambda: said("NOOP") == before["NOOP"] + 2)
        self.assertEqual(said("unknown"), before["unknown"] + 1)
        self.assertEqual(said("not-offered"), before["not-offered"] + 1)


def v2(command, family=0, octets=b""):
    return V2 + struct.pack("!BBH", 0x20 | command, family, len(octets)) + octets


def v2_tcp4(client, more=b""):
    return v2(1, 0x11, socket.inet_aton(client) + socket.inet_aton(GATEWAY_IP)
              + struct.pack("!HH", 4567, 25) + more)


class Header(unittest.TestCase):
    """The PROXY header by hand: right, wrong, missing, uninvited."""

    def refused(self, octets, source=BALANCER_IP, close=False):
        """It ends without a banner; the line about it."""
        begin = gateway.log_size()
        with Raw(GATEWAY_IP, behind, source) as raw:
            raw.send(octets)
            if close:
                raw.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(raw.until_closed(), "")
        line = gateway.wait_event("proxy_refused", since=begin, client=source)
        self.assertEqual(len(lines_of(source, begin)), 1)
        return line

    def test_a_wrong_header_is_one_clear_line_and_no_banner(self):
        for say, octets, why in [
            ("none", b"EHLO lb.example\r\n", "does not begin with a PROXY header"),
            ("no address", b"PROXY TCP4 x y 1 2\r\n", "address"),
            ("a version of the future", V2 + b"\x31\x11\0\x0c", "version"),
        ]:
            with self.subTest(say):
                self.assertIn(why, self.refused(octets)["why"])

    def test_a_connection_that_ends_before_its_header_is_a_line(self):
        self.assertIn("before its PROXY header", self.refused(b"PROXY TCP4 127", close=True)["why"])

    def test_a_probe_that_only_connects_is_no_line(self):
        with Counted(self, "connect", PROBE_IP), Raw(GATEWAY_IP, behind, PROBE_IP):
            pass

    def test_from_an_address_that_is_not_listed_it_is_an_unknown_command_and_a_line(self):
        for port in (world.port, behind):
            for octets in (b"PROXY TCP4 127.0.2.1 127.0.0.1 4567 25\r\n", v2_tcp4("127.0.2.1")):
                with self.subTest(port=port, octets=octets):
                    begin = gateway.log_size()
                    with Raw(GATEWAY_IP, port, CONTOSO_IP) as raw:
                        raw.expect(None, 220)
                        raw.send(octets)
                        self.assertRegex(raw.reply(), "^500 5")
                    line = gateway.wait_event("proxy_refused", since=begin, client=CONTOSO_IP)
                    self.assertIn("proxy_protocol", line["why"])
                    gateway.wait_event("session_closed", since=begin, client=CONTOSO_IP)

    def test_from_an_address_that_is_not_listed_none_is_needed(self):
        with Raw(GATEWAY_IP, behind, CONTOSO_IP) as raw:
            raw.expect(None, 220)
            self.assertIn(f"[{CONTOSO_IP}]", raw.expect("EHLO mx1.contoso.example", 250))

    def test_header_and_commands_in_any_packets(self):
        whole = b"PROXY TCP4 127.0.1.9 127.0.0.1 4567 25\r\nEHLO mx1.contoso.example\r\nQUIT\r\n"
        binary = v2_tcp4("127.0.1.9", b"\x04\0\3abc") + b"EHLO mx1.contoso.example\r\nQUIT\r\n"
        for octets in (whole, binary):
            for cut in (len(octets), 1, 13, 20, 31, 40, 50):
                with self.subTest(octets=octets, cut=cut), \
                        Raw(GATEWAY_IP, behind, BALANCER_IP) as raw:
                    raw.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    raw.send(octets[:cut])
                    raw.send(octets[cut:])
                    raw.expect(None, 220)
                    self.assertIn("[127.0.1.9]", raw.expect(None, 250))
                    raw.expect(None, 221)

    def test_a_client_over_ipv6_or_mapped_is_known_as_such(self):
        for said, want in (("TCP6 2001:db8::5 ::1", "2001:db8::5"),
                           ("TCP6 ::ffff:127.0.9.9 ::1", "127.0.9.9")):
            with self.subTest(said), Raw(GATEWAY_IP, behind, BALANCER_IP) as raw:
                raw.send(f"PROXY {said} 4567 25\r\n")
                self.assertIn(want, raw.expect(None, 554))

    def without_client(self, header, source):
        """A session as far as it goes; what MAIL is answered after a right logon, or before."""
        with Raw(GATEWAY_IP, behind, source) as raw:
            raw.send(header)
            raw.expect(None, 220)
            raw.expect("EHLO lb.example", 250)
            raw.starttls(world.ca.cert, GATEWAY_NAME)
            self.assertIn("250-AUTH", raw.expect("EHLO lb.example", 250))
            logon = raw.login(world.contoso.user, world.contoso.password)
            answer = raw.ask("MAIL FROM:<anna@contoso.example>")
            raw.expect("QUIT", 221)
            return logon, answer

    def test_a_session_without_a_client_never_relays_not_even_with_a_password(self):
        for say, header in [
            ("local", v2(0)),
            ("local with an address", V2 + b"\x20\x11\0\x0c" + v2_tcp4("127.0.1.1")[16:]),
            ("unspecified", v2(1)),
            ("unknown", b"PROXY UNKNOWN\r\n"),
            ("zero", PLUGIN),
            ("zero, binary", v2_tcp4("0.0.0.0")),
        ]:
            with self.subTest(say):
                before = probes("proxy-local")
                logon, answer = self.without_client(header, PROBE_IP)
                self.assertRegex(logon, "^535")  # the balancer's network has no account
                self.assertRegex(answer, r"^550 5\.7\.1 .*PROXY")
                wait_until("it is counted", lambda: probes("proxy-local") == before + 1)

    def test_without_a_client_a_balancer_that_is_no_probe_leaves_its_lines(self):
        begin = gateway.log_size()
        self.without_client(v2(0), BALANCER_IP)
        gateway.wait_event("session_closed", since=begin, client=BALANCER_IP)
        gateway.wait_event("sender_refused", since=begin, client=BALANCER_IP)


class Lonely(unittest.TestCase):
    """Times that only a gateway of one's own can have."""

    def setUp(self):
        self.world = World("probes-alone")
        self.addCleanup(self.world.stop)
        self.addCleanup(self.world.scratch.remove)

    def start(self, limits, **replace):
        text = self.world.config_text().replace(
            "limits: {", f"limits: {{ {limits},", 1).replace(
            "monitor: {", "monitor: { probe_networks: [127.0.8.0/24],", 1)
        for old, new in replace.values():
            text = text.replace(old, new, 1)
        self.world.config_text = lambda: text
        return self.world.start()

    def test_connect_and_stay_silent(self):
        gw = self.start("idle: 1s")
        for source in (PROBE_IP, CONTOSO_IP):
            with Raw(GATEWAY_IP, self.world.port, source) as raw:
                raw.expect(None, 220)
                self.assertRegex(raw.until_closed(), r"^421 4\.4\.1 ")
        closed = gw.wait_event("session_closed", client=CONTOSO_IP)
        self.assertIn("timed out", closed["why"])
        self.assertEqual(gw.events("session_closed", client=PROBE_IP), [])
        self.assertEqual(
            gw.metric("forestgate_smtp_probe_sessions_total", kind="silent", listener="main"), 1)
        self.assertEqual(gw.metric("forestgate_smtp_sessions_total", outcome="timeout"), 2)

    def test_while_draining_the_banner_is_421_and_holds_nobody_up(self):
        gw = self.start("idle: 60s", drain=("retry:", "drain: 60s\nworkers: 1\nretry:"))
        with self.world.raw(logon=True) as busy:
            busy.expect("MAIL FROM:<anna@contoso.example>", 250)
            gw.process.signal(15)
            gw.wait_event("stopping")
            late = Raw(GATEWAY_IP, self.world.port, CONTOSO_IP)
            self.addCleanup(late.close)
            self.assertRegex(late.expect(None, 421), r"^421 4\.3\.2 ")
            with Raw(GATEWAY_IP, self.world.port, PROBE_IP) as probe:
                probe.expect(None, 421)
                probe.expect("QUIT", 221)
            self.assertTrue(gw.runs)
            busy.expect("QUIT", 221)
        # `late` has said nothing and is not waited for.
        self.assertEqual(gw.process.wait(4), 0)
        with self.assertRaises(Lost):
            late.line()


if __name__ == "__main__":
    unittest.main()
