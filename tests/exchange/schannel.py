"""TLS as Windows of then had it, as far as the libraries of today can play it.

    2003 with KB 948963   GnuTLS: TLS 1.0, AES128-SHA and AES256-SHA, no extension at all, hence no
                          SNI, no RFC 5746, no ticket (OpenSSL cannot be told to forget these). As
                          client it names the two suites it can play and not those it had beside.
    2007, 2010            OpenSSL: TLS 1.0, these suites and ECDHE with AES.
    2000, 2003 without    a mime. No library here has RC4, DES or 3DES. As server it reads the
                          ClientHello, finds nothing in common and does what the row
                          no_common_suite says. As client it sends a true ClientHello of these suites
                          and goes no further than the answer.

Whoever plays Windows 2003 as server sees the first 64 suites of a ClientHello only (2.2).
"""

import ctypes
import os
import socket
import ssl
import struct

HANDSHAKE_SECONDS = 20
VERSIONS = {"TLS1.0": ssl.TLSVersion.TLSv1}
OP_LEGACY_SERVER_CONNECT = 0x4  # ssl has a name for it from Python 3.12 on

CODES = {
    "RSA-RC4-128-MD5": 0x0004, "RSA-RC4-128-SHA": 0x0005, "RSA-3DES-EDE-CBC-SHA": 0x000A,
    "RSA-DES-CBC-SHA": 0x0009, "RSA-EXPORT1024-RC4-56-SHA": 0x0064,
    "RSA-EXPORT1024-DES-CBC-SHA": 0x0062, "RSA-EXPORT-RC4-40-MD5": 0x0003,
    "RSA-EXPORT-RC2-40-MD5": 0x0006, "DHE-DSS-3DES-EDE-CBC-SHA": 0x0013,
    "DHE-DSS-DES-CBC-SHA": 0x0012, "RSA-AES128-CBC-SHA": 0x002F, "RSA-AES256-CBC-SHA": 0x0035,
    "ECDHE-RSA-AES128-CBC-SHA": 0xC013, "ECDHE-RSA-AES256-CBC-SHA": 0xC014,
}
OPENSSL = {
    "RSA-AES128-CBC-SHA": "AES128-SHA", "RSA-AES256-CBC-SHA": "AES256-SHA",
    "ECDHE-RSA-AES128-CBC-SHA": "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-CBC-SHA": "ECDHE-RSA-AES256-SHA",
}


class Refused(ssl.SSLError):
    """The handshake came to nothing."""

    def __str__(self):
        return str(self.args[0])


def shape(personality, certificate=None, ca=None):
    """What has server(socket) and client(socket, name) for this personality's Windows."""
    played = [s for s in personality.tls["suites"] if s in OPENSSL]
    if not played:
        return Mime(personality)
    if not personality.tls["secure_renegotiation"]:
        return Gnutls(personality, certificate)
    return Openssl(personality, certificate, ca)


# ---- the ClientHello


def peek(sock, count):
    """The next octets, which stay where they are."""
    sock.settimeout(None)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                    struct.pack("ll", HANDSHAKE_SECONDS, 0))
    got = sock.recv(count, socket.MSG_PEEK | socket.MSG_WAITALL)
    if len(got) < count:
        raise Refused("the client left before its ClientHello")
    return got


def offered_suites(sock):
    """The codes in the ClientHello that waits on the socket, in their order."""
    head = peek(sock, 5)
    if head[0] != 22:
        raise Refused("no handshake record")
    hello = peek(sock, 5 + int.from_bytes(head[3:5], "big"))[5:]
    try:
        at = 4 + 2 + 32
        at += 1 + hello[at]
        count = int.from_bytes(hello[at:at + 2], "big")
        codes = hello[at + 2:at + 2 + count]
        return [int.from_bytes(codes[i:i + 2], "big") for i in range(0, len(codes), 2)]
    except IndexError:
        raise Refused("no ClientHello") from None


def refuse(personality, sock):
    """As this Windows does when no suite is common. The hello is read: unread, it would make the
    end of the connection a reset."""
    sock.recv(65536)
    if personality.tls["no_common_suite"] == "alert":
        sock.sendall(bytes([21, 3, 1, 0, 2, 2, 40]))  # fatal handshake_failure
    raise Refused("no common cipher suite")


def judge(personality, sock):
    """Refuse a ClientHello in which this Windows would find nothing that it has."""
    seen = offered_suites(sock)[:personality.tls["window"]]
    common = [s for s in personality.tls["suites"] if CODES[s] in seen]
    if not any(s in OPENSSL for s in common):
        refuse(personality, sock)


# ---- 2000 and 2003 as they came


class Mime:
    def __init__(self, personality):
        self.personality = personality

    def server(self, sock):
        judge(self.personality, sock)
        raise AssertionError("it has no suite that could be played")

    def client(self, sock, name=None):
        codes = b"".join(struct.pack("!H", CODES[s]) for s in self.personality.tls["suites"])
        hello = (b"\x03\x01" + os.urandom(32) + b"\0" + struct.pack("!H", len(codes)) + codes
                 + b"\x01\0")  # no compression; and no extensions follow
        handshake = b"\x01" + struct.pack("!I", len(hello))[1:] + hello
        sock.settimeout(HANDSHAKE_SECONDS)
        sock.sendall(b"\x16\x03\x01" + struct.pack("!H", len(handshake)) + handshake)
        answer = sock.recv(7)
        if answer[:1] == b"\x15":
            raise Refused(f"the server sent alert {answer[6] if len(answer) > 6 else '?'}")
        if answer[:1] == b"\x16":
            raise Refused("the server chose a suite that no library here can play")
        raise Refused("the server closed the connection in the handshake")


def records(personality, data):
    """What goes into a record of its own each: one octet first (2.3), no more than 16384 ever."""
    at = 1 if personality.tls["splits_records"] else 0
    return [data[:at]] * at + [data[i:i + 16384] for i in range(at, len(data), 16384)]


# ---- 2007 and 2010


class Openssl:
    def __init__(self, personality, certificate, ca):
        self.personality, self.certificate, self.ca = personality, certificate, ca
        self.suites = ":".join(OPENSSL[s] for s in personality.tls["suites"] if s in OPENSSL)

    def context(self, side):
        context = ssl.SSLContext(side)
        context.set_ciphers(self.suites + ":@SECLEVEL=0")
        tls = self.personality.tls
        context.minimum_version = context.maximum_version = VERSIONS[tls["newest"]]
        context.options |= OP_LEGACY_SERVER_CONNECT
        if not tls["tickets"]:
            context.options |= ssl.OP_NO_TICKET
        context.sslsocket_class = type("Splitting", (ssl.SSLSocket,), {
            "sendall": lambda sock, data: [ssl.SSLSocket.sendall(sock, part)
                                           for part in records(self.personality, data)]})
        if self.certificate and (side == ssl.PROTOCOL_TLS_SERVER or tls["own_certificate"]):
            context.load_cert_chain(self.certificate.cert, self.certificate.key)
        return context

    def server(self, sock):
        sock.settimeout(HANDSHAKE_SECONDS)
        context = self.context(ssl.PROTOCOL_TLS_SERVER)
        return bounded(context.wrap_socket(sock, server_side=True))

    def client(self, sock, name=None):
        """With a certificate of its own it shows that one when asked."""
        context = self.context(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if self.ca and self.personality.client["checks_name"]:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        sock.settimeout(HANDSHAKE_SECONDS)
        sni = name if self.personality.tls["sni"] else None
        secured = context.wrap_socket(sock, server_hostname=sni)
        if context.verify_mode == ssl.CERT_REQUIRED:
            names = [v for k, v in secured.getpeercert().get("subjectAltName", ()) if k == "DNS"]
            if name.lower() not in [n.lower() for n in names]:
                raise Refused(f"the certificate is for {', '.join(names)}, not for {name}")
        return bounded(secured)


def bounded(sock):
    sock.settimeout(60)
    return sock


# ---- 2003 with KB 948963


class Gnutls:
    PRIORITY = (b"NONE:+VERS-TLS1.0:+RSA:+AES-128-CBC:+AES-256-CBC:+SHA1:+COMP-NULL:+SIGN-ALL:"
                b"%DISABLE_SAFE_RENEGOTIATION:%COMPAT:%NO_TICKETS:%NO_SESSION_HASH:%NO_ETM")

    def __init__(self, personality, certificate):
        self.personality = personality
        self.lib = ctypes.CDLL("libgnutls.so.30")
        for name in ("gnutls_record_recv", "gnutls_record_send"):
            getattr(self.lib, name).restype = ctypes.c_ssize_t
        for name in ("gnutls_record_check_pending",):
            getattr(self.lib, name).restype = ctypes.c_size_t
        for name in ("gnutls_strerror", "gnutls_protocol_get_name", "gnutls_cipher_get_name"):
            getattr(self.lib, name).restype = ctypes.c_char_p
        self.credentials = ctypes.c_void_p()
        self.must("gnutls_certificate_allocate_credentials", ctypes.byref(self.credentials))
        if certificate:
            self.must("gnutls_certificate_set_x509_key_file", self.credentials,
                      certificate.cert.encode(), certificate.key.encode(), 1)

    def must(self, function, *arguments):
        code = getattr(self.lib, function)(*arguments)
        if code < 0:
            raise Refused(f"{function}: {self.lib.gnutls_strerror(code).decode()}")
        return code

    def server(self, sock):
        judge(self.personality, sock)
        return GnutlsSocket(self, sock, GnutlsSocket.SERVER)

    def client(self, sock, name=None):
        return GnutlsSocket(self, sock, GnutlsSocket.CLIENT)


class GnutlsSocket(socket.socket):
    SERVER, CLIENT = 1, 2

    def __init__(self, shape_, sock, side):
        sock.settimeout(None)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                        struct.pack("ll", HANDSHAKE_SECONDS, 0))
        super().__init__(sock.family, sock.type, fileno=sock.detach())
        self.shape, self.lib, self.session = shape_, shape_.lib, ctypes.c_void_p()
        priority = shape_.PRIORITY + (b":%NO_EXTENSIONS" if side == self.CLIENT else b"")
        shape_.must("gnutls_init", ctypes.byref(self.session), side)
        shape_.must("gnutls_priority_set_direct", self.session, priority, None)
        shape_.must("gnutls_credentials_set", self.session, 1, shape_.credentials)
        self.lib.gnutls_transport_set_int2(self.session, self.fileno(), self.fileno())
        shape_.must("gnutls_handshake", self.session)
        self.room = ctypes.create_string_buffer(65536)

    def recv(self, size):
        got = self.lib.gnutls_record_recv(self.session, self.room,
                                          ctypes.c_size_t(min(size, len(self.room))))
        if got < 0:
            raise Refused(f"gnutls_record_recv: {self.lib.gnutls_strerror(got).decode()}")
        return ctypes.string_at(self.room, got)

    def pending(self):
        return self.lib.gnutls_record_check_pending(self.session)

    def sendall(self, data):
        for part in records(self.shape.personality, bytes(data)):
            if self.lib.gnutls_record_send(self.session, part,
                                           ctypes.c_size_t(len(part))) != len(part):
                raise Refused("gnutls_record_send")

    def version(self):
        number = self.lib.gnutls_protocol_get_version(self.session)
        name = self.lib.gnutls_protocol_get_name(number).decode()
        return {"TLS1.0": "TLSv1"}.get(name, name)

    def cipher(self):
        name = self.lib.gnutls_cipher_get_name(self.lib.gnutls_cipher_get(self.session)).decode()
        bits = 256 if "256" in name else 128
        return f"AES{bits}-SHA", self.version(), bits
