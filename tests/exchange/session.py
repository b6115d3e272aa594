"""One session of an Exchange server: commands and replies."""

import base64
import binascii

from .envelope import (BadPath, Recipient, Taken, count_received, end_of_header, message_id,
                       path_and_options, stamp, store)
from .wire import Gone, Wire

KNOWN_TO_INSPECTION = {"HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT"}


class Session:
    def __init__(self, server, sock, client):
        self.server, self.client = server, client
        self.table = server.personality.replies
        self.limits = server.personality.limits
        self.began = server.clock.now()
        self.wire = Wire(sock, server.clock, self.until, None,
                         lambda line: server.note(self, "S", line))
        self.crowd = 0  # other sessions of this client
        self.tls = False
        self.tls_version = self.tls_cipher = None
        self.helo = self.account = self.failure = None
        self.errors = self.logons_failed = self.octets = 0
        self.tarpitted = 0.0
        self.held = False  # a message is here and its 250 is not out yet
        self.forget()

    def forget(self):
        """No transaction."""
        self.sender = None
        self.options, self.recipients = {}, []
        self.blob = self.blob_number = None
        self.chunks, self.parts, self.failed = [], [], False

    # ---- time

    def until(self):
        """When the connection must be over; asked before each read."""
        ends = []
        if self.limits["total_seconds"] is not None:
            ends.append(self.began + self.limits["total_seconds"])
        if self.limits["idle_seconds"] is not None:
            ends.append(self.server.clock.now() + self.limits["idle_seconds"])
        return min(ends, default=None)

    # ---- words

    def reply(self, row, **more):
        self.say(self.text(row, **more))

    def text(self, row, **more):
        return self.table[row].format(host=self.server.name, client=self.client, **more)

    def say(self, text):
        if text.startswith("5"):
            self.errors += 1
            if "tarpit" in self.server.on and not self.account:
                self.tarpitted += self.limits["tarpit_seconds"]
                self.server.clock.sleep(self.limits["tarpit_seconds"], self.server.release)
        self.wire.say(text)
        if text.startswith("5") and self.limits["errors"] and self.errors >= self.limits["errors"]:
            self.wire.say(self.text("too_many_errors"))
            raise Gone

    def greet(self):
        if self.limits["per_source"] and self.crowd >= self.limits["per_source"]:
            self.reply("too_many_connections")
            raise Gone
        text = self.text("banner", version=self.table["version"], date=stamp(self.table["date"]))
        if self.server.on & {"inspected", "masked_list"}:
            text = "220 " + "*" * (len(text) - 4)
        self.wire.say(text)

    def serve(self):
        self.greet()
        while True:
            line = self.wire.line()
            verb, _, argument = line.partition(" ")
            verb = verb.upper()
            shown = line if verb != "AUTH" else " ".join(line.split(" ")[:2])
            self.server.note(self, "C", shown)
            if "inspected" in self.server.on and verb not in KNOWN_TO_INSPECTION:
                self.reply("unknown")
            elif line in self.server.refusals:
                self.say(self.server.refusals[line])
            elif verb in self.server.refusals and verb not in ("BDAT", "XEXCH50"):
                self.say(self.server.refusals[verb])
            else:
                handler = getattr(self, "do_" + verb.lower().replace("-", "_"), None)
                if handler:
                    handler(argument)
                else:
                    self.reply("off" if verb in self.limits["off"] else "unknown")

    # ---- hello, TLS, logon

    def do_helo(self, argument):
        if not argument.strip():
            return self.reply("bad_hello")
        self.helo = argument
        self.forget()
        self.reply("helo")

    def do_ehlo(self, argument):
        if not argument.strip():
            return self.reply("bad_hello")
        self.helo = argument
        self.forget()
        lines = self.server.ehlo_lines(self.tls, self.client)
        self.wire.say("\r\n".join(f"250{' ' if i == len(lines) - 1 else '-'}{l}"
                                  for i, l in enumerate(lines)))

    def do_starttls(self, argument):
        if self.tls or not self.server.tls_works:
            return self.reply("no_tls")
        self.reply("starttls")
        self.wire.secure(self.server.secure)
        self.tls, self.helo = True, None
        self.tls_version, self.tls_cipher = self.wire.sock.version(), self.wire.sock.cipher()[0]
        self.forget()

    def do_auth(self, argument):
        words = argument.split()
        if self.account:
            return self.reply("sequence")
        if not words or words[0].upper() != "LOGIN" or not self.server.basic_is_open(self.tls):
            return self.reply("mechanism")
        try:
            user = words[1] if len(words) > 1 else self.challenge("user")
            password = None if user is None else self.challenge("password")
            if password is None:
                return self.reply("cancelled")
            user = base64.b64decode(user, validate=True).decode()
            password = base64.b64decode(password, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return self.reply("cancelled")
        # Authorisation is computed before the 235: without Submit the logon fails (3.4).
        right = (user.lower(), password) == (self.server.user.lower(), self.server.password)
        if right and self.server.may("submit"):
            self.account = user
            return self.reply("logged_on")
        self.server.wrong_passwords += 1
        self.logons_failed += 1
        self.reply("wrong")
        if self.limits["logons"] and self.logons_failed >= self.limits["logons"]:
            self.wire.say(self.text("too_many_errors"))
            raise Gone

    def challenge(self, row):
        """The answer in base64, or None when the client cancels."""
        self.reply(row)
        answer = self.wire.line()
        self.server.note(self, "C", "*" if answer == "*" else "<authentication response>")
        return None if answer == "*" else answer

    # ---- the envelope

    def do_mail(self, argument):
        server = self.server
        if not self.helo:
            return self.reply("hello_first")
        if server.needs_tls and not self.tls:
            return self.reply("needs_tls")
        if server.needs_auth and not self.account:
            return self.reply("needs_auth")
        if self.sender is not None:
            return self.reply("sequence")
        if "pressure" in server.on:
            return self.reply("pressure")
        try:
            sender, options = path_and_options(argument, "FROM", self.limits["bare_address"])
        except BadPath:
            return self.reply("bad_address")
        if not self.options_fit(options):
            return self.reply("bad_parameter")
        if not self.may_send_as(sender):
            return self.reply("spoof")
        size = options.get("SIZE", "0")
        if not size.isdigit():
            return self.reply("bad_parameter")
        if self.is_too_big(int(size)):
            return self.reply("too_big")
        self.forget()
        self.sender, self.options = sender, options
        self.reply("mail", address=sender)

    def options_fit(self, options):
        body = options.get("BODY", "7BIT").upper()
        return (set(options) <= {"SIZE", "BODY", "AUTH", "RET", "ENVID"}
                and body in ("7BIT", "8BITMIME", "BINARYMIME")
                and options.get("RET", "HDRS").upper() in ("HDRS", "FULL"))

    def may_send_as(self, sender):
        """The spoof check (1.3). A null sender has nothing to be checked."""
        server = self.server
        if not sender or sender.lower() == (server.user or "").lower():
            return True
        if sender.rpartition("@")[2].lower() in server.domains and not server.may(
                "own_domain_sender"):
            return False
        return server.may("any_sender") and server.may("send_as")

    def is_too_big(self, size):
        limit = self.server.size
        return limit is not None and size > limit and "bypass_size" not in self.server.rights

    def do_rcpt(self, argument):
        if self.sender is None:
            return self.reply("sequence")
        try:
            address, options = path_and_options(argument, "TO", self.limits["bare_address"])
        except BadPath:
            return self.reply("bad_address")
        if not address or not set(options) <= {"NOTIFY", "ORCPT"}:
            return self.reply("bad_address" if not address else "bad_parameter")
        if len(self.recipients) >= self.limits["recipients"]:
            return self.reply("too_many")
        user, _, domain = address.rpartition("@")
        if domain.lower() not in self.server.domains and "any_recipient" not in self.server.rights:
            return self.reply("relay", address=address)
        if user.lower() in self.server.unknown_users:
            return self.reply("no_user")
        self.recipients.append(Recipient(address, options))
        self.reply("rcpt", address=address)

    # ---- the blob

    def do_xexch50(self, argument):
        on = not self.server.on & {"no_exch50", "no_exchange"}
        if not on:
            return self.reply("unknown")
        if self.server.needs_auth and not self.account:
            return self.reply("exch50_first")
        words = argument.split()
        if len(words) != 2 or not all(w.isdigit() for w in words) or (
                not 0 < int(words[0]) <= self.limits["exch50_bytes"]):
            return self.reply("exch50_bad")
        if not self.recipients or self.parts:
            return self.reply("sequence")
        if "XEXCH50" in self.server.refusals:
            return self.say(self.server.refusals["XEXCH50"])
        self.reply("exch50_go")
        if "swallows_blob" in self.server.on:
            self.wait_in_vain()
        blob = self.wire.octets(int(words[0]))
        self.server.note(self, "C", f"<{len(blob)} octets>")
        if "exch50" in self.server.rights:  # without it the blob is dropped, the message is not
            self.blob, self.blob_number = blob, int(words[1])
        self.reply("exch50")

    # ---- the content

    def do_data(self, argument):
        if self.sender is None or not self.recipients:
            return self.reply("rcpt_first")
        if self.options.get("BODY", "").upper() == "BINARYMIME" or self.chunks:
            return self.reply("sequence")
        self.reply("data")
        if self.server.on_data:
            self.server.on_data()
        content = self.wire.dotted()
        self.server.note(self, "C", f"<{len(content)} octets, .>")
        self.finish(content)

    def do_bdat(self, argument):
        if "no_chunking" in self.server.on:
            return self.reply("off")
        words = argument.upper().split()
        if not words or not words[0].isdigit() or words[1:] not in ([], ["LAST"]):
            return self.reply("bad_parameter")
        size, last = int(words[0]), len(words) == 2
        began = self.sender is not None and bool(self.recipients)
        total = sum(self.chunks) + size
        keep = began and not self.failed and not self.is_too_big(total)
        part = self.wire.octets(size, keep)
        self.server.note(self, "C", f"<{size} octets>")
        # Exactly one reply for each BDAT (3.8); one that failed spoils those that follow.
        if not began:
            return self.reply("rcpt_first")
        if self.failed:
            self.reply("sequence")
        elif self.is_too_big(total):
            self.failed = True
            self.reply("too_big")
        elif "BDAT" in self.server.refusals:
            self.failed = True
            self.say(self.server.refusals["BDAT"])
        else:
            if last and "hangs_unended" in self.server.on and part[-2:] not in (b"", b"\r\n"):
                self.wait_in_vain()
            self.chunks.append(size)
            self.parts.append(part)
            if last:
                return self.finish(b"".join(self.parts))
            return self.reply("chunk", octets=size)
        if last:
            self.forget()

    def finish(self, content):
        server = self.server
        self.octets += len(content)
        if self.is_too_big(len(content)):
            self.forget()
            return self.reply("too_big")
        if "header_bytes" in self.limits and end_of_header(content) > self.limits["header_bytes"]:
            self.forget()
            return self.reply("header_too_big")
        if count_received(content) > self.limits["hops"]:
            self.forget()
            return self.reply("hops")
        if "content" in server.refusals:
            self.forget()
            return self.say(server.refusals["content"])
        if "session_size" in server.on and self.octets > self.limits["session_bytes"]:
            server.cut += 1
            raise Gone  # cut, nothing said: the client sends it all again (3.5)
        taken = Taken(self.sender, self.options, self.recipients, content, tuple(self.chunks),
                      self.blob, self.blob_number, self)
        taken.stored = store(taken, server.personality, server.rights, {
            "helo": self.helo, "client": self.client, "host": server.name,
            "server": server.address, "tls": " (TLS)" if self.tls else ""})
        self.forget()
        if "delayed_ack" in server.on:
            self.held = True
            server.clock.sleep(self.limits["delay_seconds"], server.release)
        self.held = False
        server.keep(taken)
        own = f"<{taken.number:08x}@{server.name}>"
        self.reply("accepted", message_id=message_id(content) or own, number=taken.number)

    def wait_in_vain(self):
        """Until the client gives up, or a limit of time is reached."""
        while True:
            self.wire.buffer = b""
            self.wire.fill()

    # ---- the rest

    def do_rset(self, argument):
        self.forget()
        self.reply("rset")

    def do_noop(self, argument):
        self.reply("noop")

    def do_help(self, argument):
        self.wire.say(self.text("help"))

    def do_vrfy(self, argument):
        self.reply("vrfy")

    def do_quit(self, argument):
        self.reply("quit")
        raise Gone
