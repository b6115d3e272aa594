"""SPF: what real name servers say about the sender decides, or is marked.

The clients come through a balancer, whose PROXY header gives them addresses of their own: 10.2.0.0/16
is marked, 10.3.0.0/16 enforced, 10.4.0.0/16 not asked about. Only the private name server knows
private.example.
"""

import re
import socket
import unittest
from select import select

from client import Raw
from forests import GATEWAY_NAME, World, message
from kit import CONTOSO_IP, GATEWAY_IP, free_port, wait_until
from knot import Knot
from spf_zones import BROKEN, PRIVATE, PUBLIC

world = outside = public = private = silent = home = None


def receive_text(name, network, spf, more="    auth: none\n    tls: { require: false }\n"):
    return f"""\
  {name}:
    listen: [outside]
    networks: [{network}]
    speaks_for: [fabrikam]
    spf: {spf}
{more}"""


def config_text(later_port):
    """The usual configuration, with our name servers, a listener for the balancer and three receive
    connectors behind it. later.example is asked of that port."""
    zones = ", ".join(f'{name}: ["127.0.0.1:{port}"]' for name, port in (
        ("private.example", private.port), ("silent.example", silent.getsockname()[1]),
        ("later.example", later_port)))
    fabrikam = world.fabrikam
    account = ("    accounts:\n      svc-forestgate: "
               f"{{ names: ['{fabrikam.user}'], password_hash_files: [{fabrikam.hash_file}] }}\n")
    text = re.sub(r"dns: .*", f'dns: {{ servers: ["127.0.0.1:{public.port}"], zones: {{ {zones} }} }}',
                  World.config_text(world))
    text = text.replace("forests:\n", f"""\
  outside: {{ address: "{GATEWAY_IP}:{outside}", certificate: main, proxy_protocol: [127.0.1.0/24] }}
forests:
""", 1)
    return text.replace("receive:\n", "receive:\n"
                        + receive_text("marked", '10.2.0.0/16, "fd00::/8", 127.0.3.0/24', "mark")
                        + receive_text("enforced", "10.3.0.0/16", "enforce")
                        + receive_text("unasked", "10.4.0.0/16", "off")
                        + receive_text("logged-on", "10.5.0.0/16", "enforce", account), 1)


def setUpModule():
    global world, outside, public, private, silent, home
    world = World("spf")
    public = Knot(world.scratch, "public", {**PUBLIC, **BROKEN})
    private = Knot(world.scratch, "private", PRIVATE)
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # reads nothing, says nothing
    silent.bind(("127.0.0.1", 0))
    outside = free_port(GATEWAY_IP)
    home = world.sink(world.contoso)
    world.config_text = lambda: config_text(silent.getsockname()[1])
    world.start()


def tearDownModule():
    code = world.stop()
    public.stop()
    private.stop()
    silent.close()
    world.scratch.remove()
    if code != 0:
        raise AssertionError(f"the gateway ended with {code}")


class Client(Raw):
    """A client behind the balancer; EHLO is done."""

    def __init__(self, address="10.2.0.7", hello="ex03.pass.example"):
        super().__init__(GATEWAY_IP, outside, CONTOSO_IP)
        family, to = ("TCP6", "fd00::1") if ":" in address else ("TCP4", "10.0.0.1")
        self.send(f"PROXY {family} {address} {to} 40000 25\r\n")
        self.expect(None, 220)
        self.expect(f"EHLO {hello}", 250)

    def mail(self, sender):
        return self.ask(f"MAIL FROM:<{sender}>")

    def deliver(self, sender, mark, extra=b""):
        """The message as the forest's server got it."""
        self.expect(f"MAIL FROM:<{sender}>", 250)
        self.expect("RCPT TO:<anna@contoso.example>", 250)
        self.expect("DATA", 354)
        self.send(message("spf", mark, extra=extra))
        self.expect(".", 250)
        return wait_until(f"{mark} arrives", lambda: home.with_text(mark.encode()))[0].data.decode()


def fields(text, name):
    """The values of the header fields of this name, unfolded, from the top."""
    head = re.sub(r"\r\n[ \t]+", " ", text.split("\r\n\r\n", 1)[0])
    return [line.split(": ", 1)[1] for line in head.split("\r\n") if line.startswith(name + ": ")]


class Results(unittest.TestCase):
    """What the header says, row by row: (client, sender, result)."""

    rows = [
        ("10.2.0.7", "kim@pass.example", "pass"),
        ("10.2.0.8", "kim@pass.example", "fail"),
        ("fd00::7", "kim@pass.example", "pass"),
        ("fd00::8", "kim@pass.example", "fail"),
        ("10.2.0.8", "kim@soft.example", "softfail"),
        ("10.2.0.8", "kim@neutral.example", "neutral"),
        ("10.2.0.7", "kim@none.example", "none"),
        ("10.2.0.7", "kim@missing.pass.example", "none"),
        ("10.2.0.7", "kim@[10.2.0.7]", "none"),
        ("10.2.0.7", "kim@include.example", "pass"),
        ("10.2.0.9", "kim@include.example", "softfail"),
        ("10.2.0.7", "kim@redirect.example", "pass"),
        ("10.2.0.7", "kim@mx.example", "pass"),
        ("10.2.0.9", "kim@mx.example", "fail"),
        ("10.2.0.7", "kim@ptr.example", "pass"),
        ("10.2.0.9", "kim@ptr.example", "fail"),
        ("10.2.0.7", "kim@exists.example", "pass"),
        ("10.2.0.7", "lee@exists.example", "fail"),
        ("10.2.0.7", "kim@long.example", "pass"),
        ("10.2.0.7", "kim@ten.example", "pass"),
        ("10.2.0.7", "kim@eleven.example", "permerror"),
        ("10.2.0.7", "kim@sum.example", "permerror"),
        ("10.2.0.7", "kim@voids.example", "permerror"),
        ("10.2.0.7", "kim@two.example", "permerror"),
        ("10.2.0.7", "kim@mistake.example", "permerror"),
        ("10.2.0.7", "kim@nowhere.example", "permerror"),
        ("10.2.0.7", "kim@crash.example", "permerror"),
        ("10.2.0.7", "kim@crashexp.example", "fail"),
        ("10.2.0.7", "kim@broken.example", "temperror"),
        ("10.2.0.7", "kim@abroken.example", "temperror"),
        ("10.2.0.7", "kim@private.example", "pass"),
        ("10.2.0.8", "kim@private.example", "fail"),
    ]

    def test_every_result_is_in_both_fields(self):
        for number, (client, sender, result) in enumerate(self.rows):
            with self.subTest(f"{sender} from {client}"), Client(client) as c:
                text = c.deliver(sender, f"row-{number}-")
                auth = fields(text, "Authentication-Results")
                received = fields(text, "Received-SPF")
                self.assertEqual(len(auth), 1, text)
                self.assertEqual(len(received), 1, text)
                value = f'"{sender}"' if "[" in sender else sender
                self.assertEqual(auth[0], f"{GATEWAY_NAME}; spf={result} smtp.mailfrom={value}")
                self.assertTrue(received[0].startswith(f"{result} ({GATEWAY_NAME}: "), received[0])
                self.assertIn(f'envelope-from="{sender}"; helo=ex03.pass.example; identity=mailfrom;',
                              received[0])
                self.assertIn(f'client-ip="{client}";' if ":" in client else f"client-ip={client};",
                              received[0])

    def test_they_stand_above_received_and_nothing_else_changes(self):
        with Client() as c:
            text = c.deliver("kim@pass.example", "order-", b"Received-SPF: pass (theirs)\r\n")
        names = [l.split(":")[0] for l in text.split("\r\n\r\n")[0].split("\r\n")
                 if l[:1] not in " \t"]
        first = names.index("Authentication-Results")
        self.assertEqual(names[first:first + 3], ["Authentication-Results", "Received-SPF", "Received"])
        self.assertEqual(fields(text, "Received-SPF")[1], "pass (theirs)")
        self.assertEqual(names[first + 3:], ["From", "To", "Subject", "X-Mark", "Received-SPF"])

    def test_the_null_sender_is_checked_by_its_name_at_ehlo(self):
        for client, hello, result in (("10.2.0.7", "pass.example", "pass"),
                                      ("10.2.0.8", "pass.example", "fail"),
                                      ("10.2.0.7", "EX03", "none"),
                                      ("10.2.0.7", "[10.2.0.7]", "none")):
            with self.subTest(hello), Client(client, hello) as c:
                text = c.deliver("", f"null-{client}-{hello}-")
                value = f'"{hello}"' if "[" in hello else hello
                self.assertEqual(fields(text, "Authentication-Results")[0].split("; ")[1].split()[0],
                                 f"spf={result}")
                self.assertIn(f"smtp.helo={value}", fields(text, "Authentication-Results")[0])
                self.assertIn('envelope-from="";', fields(text, "Received-SPF")[0])
                self.assertIn("identity=helo;", fields(text, "Received-SPF")[0])

    def test_results_are_counted_and_named_in_the_log(self):
        before = world.gateway.metric("forestgate_spf_results_total", connector="marked", result="fail")
        with Client("10.2.0.8") as c:
            c.deliver("counted@pass.example", "counted-")
        self.assertEqual(world.gateway.metric("forestgate_spf_results_total", connector="marked",
                                              result="fail"), before + 1)
        self.assertEqual(world.gateway.wait_event("received", **{"from": "counted@pass.example"})["spf"],
                         "fail")


class Policy(unittest.TestCase):
    def test_enforced_a_fail_is_refused_with_its_reason(self):
        with Client("10.3.0.8") as c:
            self.assertEqual(c.mail("refused@pass.example"),
                             "550 5.7.23 SPF validation failed: pass.example does not let 10.3.0.8 "
                             "send its mail")
            event = world.gateway.wait_event("sender_refused", **{"from": "refused@pass.example"})
            self.assertEqual((event["level"], event["spf"]), ("info", "fail"))
            self.assertIn("pass.example does not let 10.3.0.8", event["reply"])
            c.expect("MAIL FROM:<kim@soft.example>", 250)  # the session goes on

    def test_enforced_all_else_is_taken_and_marked(self):
        for sender, result in (("kim@soft.example", "softfail"), ("kim@none.example", "none"),
                               ("kim@broken.example", "temperror"), ("kim@two.example", "permerror")):
            with self.subTest(sender), Client("10.3.0.8") as c:
                text = c.deliver(sender, f"enforced-{result}-")
                self.assertIn(f"spf={result}", fields(text, "Authentication-Results")[0])

    def test_enforced_also_of_the_null_sender_and_of_who_logged_on(self):
        with Client("10.3.0.8", "pass.example") as c:
            self.assertTrue(c.mail("").startswith("550 5.7.23 "))
        with Client("10.5.0.8") as c:
            c.starttls(world.ca.cert, GATEWAY_NAME)
            c.expect("EHLO ex03.pass.example", 250)
            self.assertTrue(c.login(world.fabrikam.user, world.fabrikam.password).startswith("235"))
            self.assertTrue(c.mail("kim@pass.example").startswith("550 5.7.23 "))

    def test_nobody_is_asked_where_it_is_off_or_the_client_is_this_machine(self):
        for client in ("10.4.0.8", "127.0.3.8"):
            with self.subTest(client), Client(client) as c:
                text = c.deliver("kim@pass.example", f"unasked-{client}-")
                self.assertEqual(fields(text, "Received-SPF"), [])
                self.assertEqual(fields(text, "Authentication-Results"), [])

    def test_a_forged_result_in_our_name_goes_and_others_stay(self):
        forged = (f"Authentication-Results: {GATEWAY_NAME}; spf=pass\r\n"
                  f"AUTHENTICATION-results:\r\n (x (y)) {GATEWAY_NAME.upper()} 1;\r\n\tspf=pass\r\n"
                  f'Authentication-Results: "{GATEWAY_NAME}"; none\r\n'
                  f"Received-SPF: pass ({GATEWAY_NAME}: fine) receiver={GATEWAY_NAME};\r\n"
                  "Received-SPF: pass receiver=mx.other.example; identity=forged\r\n"
                  "Authentication-Results: mx.other.example; spf=pass\r\n").encode()
        for client, ours in (("10.4.0.8", 0), ("10.2.0.8", 1)):
            with self.subTest(client), Client(client) as c:
                text = c.deliver("kim@pass.example", f"forged-{client}-", forged)
                found = re.findall(r"(?i)^authentication-results:", text, re.M)
                self.assertEqual(len(found), ours + 1, text)
                self.assertEqual(fields(text, "Authentication-Results")[-1],
                                 "mx.other.example; spf=pass")
                self.assertNotIn("spf=pass", "".join(fields(text, "Authentication-Results")[:-1]))
                spf = fields(text, "Received-SPF")
                self.assertEqual(len(spf), ours + 1, text)
                self.assertIn("identity=forged", spf[-1])

    def test_explain_says_what_will_be_asked(self):
        out = world.gateway.command("explain", "--from", "kim@pass.example", "--to",
                                    "anna@contoso.example", "--client", "10.3.0.8")[1]
        self.assertRegex(out, r"SPF +asked of pass.example; marked; a fail is refused with 550")


class Ends(unittest.TestCase):
    def test_a_silent_name_server_is_a_temporary_error_in_time(self):
        with Client() as c:
            text = c.deliver("kim@silent.example", "silent-")
        self.assertIn("spf=temperror", fields(text, "Authentication-Results")[0])

    def test_a_client_that_leaves_meanwhile_leaves_nothing_behind(self):
        begin = world.gateway.log_size()
        c = Client("10.2.0.66")
        c.send("MAIL FROM:<gone@silent.example>\r\n")
        c.close()
        closed = world.gateway.wait_event("session_closed", since=begin, client="10.2.0.66")
        self.assertEqual(closed["messages"], "0")
        # A reload ends what is still asked, and tells who asked; nobody did.
        begin = world.gateway.log_size()
        world.gateway.reload()
        world.gateway.wait_event("config_loaded", since=begin)
        with Client() as other:
            other.expect("MAIL FROM:<kim@pass.example>", 250)

    def test_a_reload_meanwhile_asks_the_new_servers(self):
        gateway = world.gateway
        with Client("10.3.0.7") as c:
            begin = gateway.log_size()
            c.send("MAIL FROM:<kim@later.example>\r\nRCPT TO:<anna@contoso.example>\r\n")
            # The question is with the silent server, whose first packet says so.
            silent.settimeout(10)
            while b"\5later" not in silent.recv(4096).lower():
                pass
            world.write_config(config_text(public.port))
            gateway.reload()
            gateway.wait_event("config_loaded", since=begin)
            c.expect(None, 250)
            c.expect(None, 250)
            c.expect("RSET", 250)
        with Client("10.3.0.9") as c:
            self.assertTrue(c.mail("kim@later.example").startswith("550 5.7.23 "))

    @staticmethod
    def silent_check(n):
        c = Client(f"10.3.1.{n % 250}")
        c.send("MAIL FROM:<kim@silent.example>\r\n")
        return c

    @staticmethod
    def is_refused(c):
        return bool(select([c.sock], [], [], 0)[0]) and c.reply().startswith("451 4.3.2 ")

    def test_only_so_many_are_asked_about_at_once(self):
        many = []
        try:
            while not any(self.is_refused(c) for c in many):
                many.extend(self.silent_check(len(many)) for _ in range(10))
            self.assertGreater(len(many), 100)
            many.extend(self.silent_check(len(many)) for _ in range(20))  # all workers have enough
            # Where nothing is enforced, mail goes on, and says why it was not checked.
            with Client() as c:
                text = c.deliver("kim@pass.example", "crowded-")
            self.assertIn("too many other senders", fields(text, "Received-SPF")[0])
        finally:
            for c in many:
                c.close()


if __name__ == "__main__":
    unittest.main()
