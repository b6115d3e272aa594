"""The demo: two forests, the gateway between them, mail both ways, and what can go wrong.

What is shown as found is found: in the gateway's log, in a command's output or exit code, in a
message as a server got it. Each step is checked; the first that is not as it should be ends the
demo with a sentence and exit code 1. KEEP=1 leaves everything running.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True

from page import Page  # noqa: E402
from stage import Stage  # noqa: E402
from gateway import PAIR, parse_line  # noqa: E402  (stage knows where it lies)
from kit import wait_until  # noqa: E402

ANNA, BOB = "anna@contoso.example", "bob@fabrikam.example"
MANY = 25


class Unexpected(Exception):
    """Something was not as it should be."""


class Demo:
    def __init__(self):
        self.page = Page()
        self.stage = Stage(keep=bool(os.environ.get("KEEP")))
        self.checks = 0

    # ---- the means

    def expect(self, condition, sentence):
        if not condition:
            raise Unexpected(sentence)
        self.checks += 1

    def command(self, command, pick=None, mark=None, code=0, hang=2, silent=False):
        """Run it, show it with its output (or what pick() leaves of it), check its exit code."""
        got, out = self.stage.run(command)
        lines = out.rstrip().splitlines()
        lines = pick(lines) if pick else lines
        if got != code or not silent:
            shown = command + (f"   (exit code {got})" if got else "")
            self.page.evidence("$ " + shown, lines, mark, hang)
        self.expect(got == code, f"\"{command}\" ended with exit code {got} and not {code}")
        return out

    def log(self, lines, keys, mark=None):
        """Lines of the gateway's log, with these keys."""
        self.page.evidence("gateway.log", [self.trim(line, keys.split()) for line in lines], mark)

    def trim(self, line, keys):
        """Without time and level; a gap for each run of other keys."""
        parts = []
        for match in PAIR.finditer(line):
            if match[1] in ("event", *keys):
                parts.append(match[0])
            elif match[1] not in ("time", "level") and parts[-1:] != [self.page.gap]:
                parts.append(self.page.gap)
        return " ".join(parts)

    def one(self, event, since, **wanted):
        return self.stage.wait_lines(event, since, **wanted)[0]

    def send(self, sender, recipient, subject, pick, mark=None, code=0, more=""):
        out = self.command(f"standin.py send {sender} {recipient} --subject '{subject}'{more}",
                           pick, mark, code)
        return re.findall(r"^S: 250 2\.6\.0 .*\b([0-9A-Z]{13})\b", out, re.M)

    def mailbox(self, forest, subject, count=1):
        """The messages with this subject in a server's mailbox, as its files hold them."""
        folder = self.stage.scratch("mailbox", forest, "new")

        def look():
            found = []
            for name in sorted(os.listdir(folder)):
                with open(os.path.join(folder, name)) as f:
                    text = f.read()
                if re.search(rf"^Subject: {subject}", text, re.M):
                    found.append((f"mailbox/{forest}/new/{name}", text))
            return len(found) >= count and found

        return wait_until(f"{count} messages \"{subject}\" in the mailbox of {forest}", look)

    # ---- the story

    def set_up(self):
        page, stage = self.page, self.stage
        page.say(f"Everything of this demo lies in {stage.scratch.path}. It needs no root, listens on "
                 "127.x.x.x only, and " + ("leaves all of it running in the end (KEEP=1)."
                                           if stage.keep else "ends what it starts."))
        page.say("Sentences like this one say what is done next. What was found is shown behind a "
                 f"bar, below the place where it was found; {page.gap} marks what was left out, and "
                 "log lines are without their time and level.")
        page.chapter("Two forests and a gateway")
        page.say("Each forest gets a certification authority and a server: contoso an Exchange 2003 "
                 "(with KB 948963), fabrikam an Exchange 2007, played by tests/exchange. The gateway "
                 "gets a certificate and a password for each side. Then its configuration is checked; "
                 "it is told to speak the TLS 1.0 of these servers, and says what that means.")
        stage.prepare()
        listening = [stage.start_names()] + [stage.start_server(f) for f in stage.forests]
        stage.write_config()
        out = self.command("forestgate check -c gw.yaml", mark="fine")
        self.expect("fine" in out and set(re.findall("warning: (.*?) for", out)) == {"TLS IS LOWERED"},
                    "the configuration has its faults")
        page.say("Servers and gateway are started.")
        page.evidence("what the stand-ins say", listening)
        stage.start_gateway()
        begin = stage.gateway.read_from
        self.log([self.one("listening", begin), self.one("started", begin)],
                 "listener address version hostname forests messages", "started")

    def there(self):
        page, stage, begin = self.page, self.stage, self.stage.log_size()
        page.chapter("From contoso to fabrikam")
        page.say(f"Which way would a message from {ANNA} to {BOB} take, and why?")
        self.command(f"forestgate explain -c gw.yaml --from {ANNA} --to {BOB} "
                     "--client 127.0.1.1", pick=explained, mark="to-fabrikam", hang=21)
        page.say("Now contoso's server, an Exchange 2003, hands such a message to the gateway.")
        ids = self.send(ANNA, BOB, "Hello", None,
                        r"^ .*TLSv1, .*|AUTH LOGIN$|^S: (235|250 2\.6\.0) .*",
                        more=" --save sent.eml")
        self.expect(len(ids) == 1, "the 250 named no queue id")
        page.say("What the gateway logged: who logged on, what it took and over which TLS, as whom it "
                 "logged on at the other side, and how that ended.")
        delivery = self.one("delivery", begin, id=ids[0])
        lines = [self.one("auth-ok", begin), self.one("received", begin, id=ids[0]),
                 self.one("server-connected", begin), delivery]
        self.log(lines, "id client account name mechanism from to tls cipher server verified outcome "
                 "reply delay_ms", r"tls=\S+|cipher=\S+|(account|outcome|mechanism)=\S+")
        self.check_legs(*lines, "CONTOSO\\svc-forestgate", "svc-forestgate@fabrikam.example")
        name, text = self.mailbox("fabrikam", "Hello")[0]
        page.say("The message as it lies in the mailbox of fabrikam's server, compared with what "
                 "contoso's sent: + is what the gateway added.")
        out = self.command(f"diff -U 99 sent.eml {name}", mark=r"^\+(?!\+).*", code=1,
                           pick=lambda lines: [line for line in lines if line[:2] not in ("--", "++", "@@")])
        added = re.findall(r"^\+(?!\+\+)(.*)", out, re.M)
        self.expect(ids[0] in " ".join(added) and "ESMTPSA" in " ".join(added),
                    "the message lacks its Received field")
        self.expect(not re.search(r"^-(?!--)", out, re.M) and "\n\n" in text,
                    "something of the message is gone")
        page.say("And that server's own words about it:")
        page.evidence("fabrikam.log", stand_in_lines(stage.scratch("fabrikam.log")),
                      "by \S+")

    def check_legs(self, auth, received, connected, delivery, name, account):
        auth, received, connected, delivery = map(parse_line, (auth, received, connected, delivery))
        self.expect((auth["mechanism"], auth["name"]) == ("LOGIN", name),
                    "the forest's server is not logged on as it should be")
        self.expect(connected["account"] == account and connected["verified"] == "name",
                    "the gateway is not logged on as it should be")
        for leg in received, delivery:
            self.expect(leg["tls"] == "TLSv1" and leg["cipher"] == "AES128-SHA",
                        "a leg of the way was without the TLS of Exchange 2003 and 2007")
        self.expect(delivery["outcome"] == "delivered", "the message was not delivered")

    def back(self):
        page, begin = self.page, self.stage.log_size()
        page.chapter("And back")
        page.say("Fabrikam's server, an Exchange 2007, answers.")
        ids = self.send(BOB, ANNA, "Hello", accepted, "^S: 250 .*")
        self.expect(len(ids) == 1, "the 250 named no queue id")
        lines = [self.one("auth-ok", begin), self.one("received", begin, id=ids[0]),
                 self.one("server-connected", begin), self.one("delivery", begin, id=ids[0])]
        self.log(lines, "account name tls cipher to outcome reply", "outcome=delivered")
        self.check_legs(*lines, "FABRIKAM\\svc-forestgate", "svc-forestgate@contoso.example")
        name, text = self.mailbox("contoso", "Hello")[0]
        received = re.search(r"^Received: .*(\n[ \t].*)*", text, re.M)
        self.expect(received and ids[0] in received[0], "the message lacks its Received field")
        page.evidence(name, received[0].splitlines(), ids[0])

    def refused(self):
        page, begin = self.page, self.stage.log_size()
        page.chapter("What is not let through")
        page.say("Contoso's server tries a recipient that belongs to no forest.")
        self.send(ANNA, "eve@elsewhere.example", "To nobody we know",
                  lambda lines: [line for line in lines if re.match("C: (MAIL|RCPT)|S: 550", line)],
                  "^S: 550 .*", code=1)
        line = self.one("recipient-refused", begin, to="eve@elsewhere.example")
        self.log([line], "from to reply why", "why=.*")
        self.expect(parse_line(line)["reply"].startswith("550 5.7.1"), "the reply is not 550 5.7.1")
        page.say("And it tries to send without TLS.")
        out = self.command(f"standin.py send {ANNA} {BOB} --clear", mark="^S: 530 .*", code=1,
                           pick=lambda lines: [li for li in lines if not re.match("C: QUIT|S: 221", li)])
        self.expect("S: 530 5.7.0" in out and "AUTH" not in out, "mail in clear was not refused")

    def bounced(self):
        page, begin = self.page, self.stage.log_size()
        page.chapter("An address that the other forest does not have")
        page.say("The domain is fabrikam's, so the gateway takes it; the mailbox is unknown to fabrikam's "
                 "server. What does the sender get to know?")
        ids = self.send(ANNA, "nobody@fabrikam.example", "Are you there?", accepted)
        line = self.one("delivery", begin, outcome="bounced")
        report = self.one("report-queued", begin)
        self.one("delivery", begin, id=parse_line(report)["report"], outcome="delivered")
        self.log([line, report], "id outcome to reply report kind", "outcome=bounced|reply=.*")
        self.expect(parse_line(line)["id"] == ids[0], "another message bounced")
        name, text = self.mailbox("contoso", "Undeliverable")[0]
        start = text.index("Your message of")
        body = text[start:text.index("\n\n", text.index("nobody@", start))]
        page.evidence(name, ["From: " + re.search(r"^From: (.*)", text, re.M)[1].strip(),
                             "Subject: " + re.search(r"^Subject: (.*)", text, re.M)[1].strip(),
                             page.gap, *body.splitlines()])
        self.expect("550 5.1.1" in body, "the report does not say why")

    def waiting(self):
        page, stage, begin = self.page, self.stage, self.stage.log_size()
        page.chapter("A server is down: mail waits")
        page.say("Fabrikam's server is stopped, and contoso's sends a message to it.")
        stage.stop_server("fabrikam")
        ids = self.send(ANNA, BOB, "Patience", accepted)
        self.one("server-failed", begin)
        page.say("What waits now, and why?")
        out = self.command("forestgate queue list -c gw.yaml", mark="Retry", hang=4)
        self.expect(re.search(r"^to-fabrikam +Retry +1 ", out, re.M) and "refused" in out,
                    "the queue list does not show what waits and why")
        out = self.command("forestgate queue list --messages -c gw.yaml", mark=ids[0])
        self.expect(ids[0] in out, "the message is not in the queue")
        page.say("The server is started again, and the gateway told not to wait for its next try.")
        line = stage.start_server("fabrikam")
        page.evidence("fabrikam.log", [line])
        begin = stage.log_size()
        self.command("forestgate queue retry to-fabrikam -c gw.yaml")
        delivery = self.one("delivery", begin, id=ids[0], outcome="delivered")
        self.log([self.one("server-restored", begin), delivery],
                 "id outcome to server reply delay_ms", "outcome=delivered")
        self.expect(len(self.mailbox("fabrikam", "Patience")) == 1, "the message came twice")

    def killed(self):
        page, stage = self.page, self.stage
        page.chapter("kill -9 with mail in the queue")
        page.say(f"Fabrikam's server is stopped again, and contoso's sends {MANY} messages.")
        stage.stop_server("fabrikam")
        ids = self.send(ANNA, BOB, "Survivor", lambda lines: ends(accepted(lines), page.gap),
                        more=f" --count {MANY}")
        self.expect(len(set(ids)) == MANY, f"{len(set(ids))} of {MANY} messages were accepted")
        page.say("Now the gateway is killed.")
        pid = stage.gateway.pid
        stage.gateway.kill()
        code = stage.gateway.process.exit_code
        page.evidence(f"kill -9 {pid}", 
                      [f"ended by signal {-code} ({signal.strsignal(-code)})"], "signal 9")
        self.expect(code == -signal.SIGKILL, "the gateway did not die of the signal")
        page.say("What was accepted is on disk, and can be looked at there.")
        out = self.command("forestgate queue list -c gw.yaml", mark="does not run")
        self.expect(re.search(rf"^to-fabrikam +Ready +{MANY} ", out, re.M), "mail is missing")
        page.say("Fabrikam's server and the gateway are started again.")
        stage.start_server("fabrikam")
        stage.start_gateway()
        begin = stage.gateway.read_from
        opened = self.one("spool-opened", begin)
        self.log([opened], "recovered discarded quarantined took_ms", r"recovered=\d+")
        self.expect(parse_line(opened)["recovered"] == str(MANY), "not all mail was found again")
        deliveries = stage.wait_lines("delivery", begin, MANY, outcome="delivered")
        self.log(ends(deliveries, None), "id outcome to reply", "outcome=delivered")
        self.expect({parse_line(d)["id"] for d in deliveries} == set(ids),
                    "what was delivered is not what was accepted")
        out = self.command("standin.py list fabrikam Survivor", lambda lines: ends(lines, page.gap, 2),
                           mark=r"^\d+ messages.*")
        self.expect(f"{MANY} messages, {MANY} different" in out,
                    "the mailbox does not hold each message once")
        wait_until("the queue is empty", lambda: re.search(
            r"^to-fabrikam +Ready +0 ", stage.run("forestgate queue list -c gw.yaml")[1], re.M))
        out = self.command("forestgate queue list -c gw.yaml")
        self.expect(re.search(r"^to-fabrikam +Ready +0 ", out, re.M), "something is left in the queue")

    def ended(self):
        page, stage, begin = self.page, self.stage, self.stage.log_size()
        page.chapter("An orderly end")
        page.say("The gateway is told to stop: it takes nothing new and finishes what is under way.")
        pid = stage.gateway.pid
        code = stage.gateway.stop()
        page.evidence(f"kill -TERM {pid}", [f"exit code {code}"], "exit code 0")
        self.log([self.one("stopping", begin), self.one("stopped", begin)], "reason sessions deliveries")
        self.expect(code == 0, f"the gateway ended with exit code {code} and not 0")

    def tell(self):
        self.page.line(self.page.paint("1", "forestgate: two forests, one gateway, mail both ways"))
        for chapter in (self.set_up, self.there, self.back, self.refused, self.bounced, self.waiting,
                        self.killed, self.ended):
            chapter()

    # ---- the end

    def invite(self):
        """With KEEP=1: what runs and what to try next."""
        page, stage = self.page, self.stage
        stage.start_gateway()
        stage.leave()
        page.chapter("It still runs")
        page.say("Gateway, servers and name server were left running. Try, in this order or another:")
        tries = [
            ("go there", f"cd {stage.scratch.path}"),
            ("send a message, and some the other way",
             f"./send {ANNA} {BOB}", f"./send {BOB} {ANNA} --count 3"),
            ("see what the servers got", "ls mailbox/*/new"),
            ("stop a server, and send to it", "./server fabrikam stop", f"./send {ANNA} {BOB}"),
            ("what waits, and why",
             "./forestgate queue list -c gw.yaml", "./forestgate queue -c gw.yaml list --messages"),
            ("start it again, and have its mail tried now", "./server fabrikam start",
             "./forestgate queue retry to-fabrikam -c gw.yaml"),
            ("ask for a route, and why it is so",
             f"./forestgate explain -c gw.yaml --from {ANNA} --to x@elsewhere.example"),
            ("change the configuration, and have it read again (try a mistake)",
             "${EDITOR:-vi} gw.yaml", "./forestgate reload -c gw.yaml"),
            ("health and numbers", f"curl http://127.0.0.1:{stage.monitor_port}/readyz",
             f"curl http://127.0.0.1:{stage.monitor_port}/metrics"),
            ("kill the gateway, and start it again", f"kill -9 {stage.gateway.pid}",
             "./forestgate run -c gw.yaml 2>>gateway.log &"),
            ("read its log", "tail gateway.log"),
        ]
        if shutil.which("swaks"):
            password = stage.forests["contoso"].password
            tries.insert(2, (
                "the same with swaks",
                f"swaks --server 127.0.0.1 --port {stage.port} --local-interface 127.0.1.1 --tls \\",
                "    --auth LOGIN --auth-user 'CONTOSO\\svc-forestgate' \\",
                f"    --auth-password {password} \\", f"    --from {ANNA} --to {BOB}"))
        for title, *commands in tries:
            page.line()
            page.line(f"  {title}:")
            for command in commands:
                page.line("    " + page.paint("36", command))
        page.line()
        page.line("  " + page.paint("1", "stop it all and remove the folder:"))
        page.line("    " + page.paint("36", f"{stage.scratch.path}/stop"))


def explained(lines):
    """Of the long answer of explain: who may, where to, and how it is sent."""
    want = {"Receiving": ("receive connector", "TLS", "account", "sender"),
            "Routing": ("step", "decision", "RCPT TO"),
            "Sending": ("servers", "TLS", "logon")}
    picked, section, taken = [], "", False
    for line in lines:
        if not line.startswith(" "):
            section = line.strip()
            if section in want:
                picked.append(section)
        elif section in want:
            if not line.startswith(" " * 4):
                taken = line.strip().startswith(want[section])
            if taken:
                picked.append(re.sub(r" {3,}\[", "  [", line[2:] if line[:2] == "  " else line))
    return ["  " + p if p not in want else p for p in picked]


def accepted(lines):
    return [line for line in lines if line.startswith("S: 250 2.6.0")]


def ends(lines, gap, last=1):
    """The first and the last, with a gap for those between (gap None: without)."""
    return [*lines[:1], *([gap] if gap else []), *lines[-last:]] if len(lines) > 1 + last else lines


def stand_in_lines(path):
    with open(path) as f:
        return [line.rstrip("\n") for line in f if " listens on " not in line]


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    begin, status, demo = time.monotonic(), 1, Demo()
    page = demo.page
    try:
        demo.tell()
        if demo.stage.keep:
            demo.invite()
        status = 0
    except KeyboardInterrupt:
        status = 130
        page.say("Interrupted.")
    except (Unexpected, AssertionError, OSError, ValueError, subprocess.SubprocessError) as e:
        page.say(f"THE DEMO FAILED: {e}.")
        if demo.stage.gateway:
            page.evidence("gateway.log ends", demo.stage.gateway.log_text().splitlines()[-15:])
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if status or not demo.stage.keep:
            demo.stage.stop()
    took = time.monotonic() - begin
    if status == 0:
        gone = "" if demo.stage.keep else f" Nothing is left running; {demo.stage.scratch.path} " \
            "is removed. To keep it all and try more: make demo KEEP=1"
        page.say(f"{demo.checks} checks, all as expected, in {took:.1f} s.{gone}")
    elif demo.stage.keep:
        page.say(f"Nothing is left running; {demo.stage.scratch.path} is kept for a look.")
    else:
        page.say("Nothing is left running, and no file. (make demo KEEP=1 leaves the files of a demo "
                 "that failed.)")
    sys.exit(status)


if __name__ == "__main__":
    main()
