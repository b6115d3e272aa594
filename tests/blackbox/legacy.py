"""What the years before 2009 looked like: certificates, TLS 1.0, and GnuTLS without RFC 5746."""

import ctypes
import os
import socket
import ssl

from kit import Certificate, alt_names, run

OLD_CIPHERS = "AES128-SHA:AES256-SHA:@SECLEVEL=0"  # of Windows Server 2003 with KB948963


class OldAuthority:
    """RSA of 1024 bits and SHA-1, as Windows 2000's certificate services made it."""

    def __init__(self, folder, name):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.cert, self.key = os.path.join(folder, "ca.pem"), os.path.join(folder, "ca.key")
        run("openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-sha1",
            "-subj", f"/CN={name} CA", "-days", "30", "-keyout", self.key, "-out", self.cert)

    def issue(self, name, bits=1024):
        base = os.path.join(self.folder, f"{name}-{bits}")
        made = Certificate(base + ".pem", base + ".key")
        run("openssl", "req", "-newkey", f"rsa:{bits}", "-nodes", "-subj", f"/CN={name}",
            "-keyout", made.key, "-out", base + ".csr")
        with open(base + ".ext", "w") as f:
            f.write(alt_names([name]) + "\n")
        run("openssl", "x509", "-req", "-sha1", "-in", base + ".csr", "-CA", self.cert,
            "-CAkey", self.key, "-CAcreateserial", "-days", "30", "-extfile", base + ".ext",
            "-out", made.cert)
        return made


def rsa_certificate(authority, name, days=30):
    """Of an authority of today (kit.Authority), but for a key of RSA 2048."""
    base = os.path.join(authority.folder, f"{name}-rsa")
    made = Certificate(base + ".pem", base + ".key")
    run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
        "-keyout", made.key, "-out", base + ".csr")
    with open(base + ".ext", "w") as f:
        f.write(alt_names([name]) + "\n")
    run("openssl", "x509", "-req", "-in", base + ".csr", "-CA", authority.cert,
        "-CAkey", authority.key, "-CAcreateserial", "-days", str(days), "-extfile", base + ".ext",
        "-out", made.cert)
    return made


def lower(context, version=ssl.TLSVersion.TLSv1):
    """This version and below, with the suites of then."""
    context.set_ciphers(OLD_CIPHERS)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    return context


def old_client(ca, version=ssl.TLSVersion.TLSv1):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lower(context, version)
    context.load_verify_locations(ca)
    return context


def old_server(certificate, version=ssl.TLSVersion.TLSv1):
    context = lower(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), version)
    context.load_cert_chain(certificate.cert, certificate.key)  # judged by the level set above
    return context


class GnutlsServer:
    """In the place of an ssl.SSLContext: a server that does not know RFC 5746 (OpenSSL cannot be
    told to forget it)."""

    PRIORITY = (b"NONE:+VERS-TLS1.2:+VERS-TLS1.0:+RSA:+AES-128-CBC:+SHA1:+COMP-NULL:+SIGN-ALL"
                b":%DISABLE_SAFE_RENEGOTIATION:%COMPAT")

    def __init__(self, certificate):
        self.lib = ctypes.CDLL("libgnutls.so.30")
        for name in ("gnutls_record_recv", "gnutls_record_send"):
            getattr(self.lib, name).restype = ctypes.c_ssize_t
        self.credentials = ctypes.c_void_p()
        self.must("gnutls_certificate_allocate_credentials", ctypes.byref(self.credentials))
        self.must("gnutls_certificate_set_x509_key_file", self.credentials,
                  certificate.cert.encode(), certificate.key.encode(), 1)

    def must(self, function, *arguments):
        code = getattr(self.lib, function)(*arguments)
        if code < 0:
            raise ssl.SSLError(f"{function}: {code}")
        return code

    def wrap_socket(self, sock, server_side):
        return GnutlsSocket(self, sock)


class GnutlsSocket(socket.socket):
    def __init__(self, server, sock):
        sock.settimeout(None)
        super().__init__(sock.family, sock.type, fileno=sock.detach())
        self.server, self.session = server, ctypes.c_void_p()
        server.must("gnutls_init", ctypes.byref(self.session), 1)
        server.must("gnutls_priority_set_direct", self.session, server.PRIORITY, None)
        server.must("gnutls_credentials_set", self.session, 1, server.credentials)
        server.lib.gnutls_transport_set_int2(self.session, self.fileno(), self.fileno())
        server.must("gnutls_handshake", self.session)

    def recv(self, size):
        room = ctypes.create_string_buffer(size)
        got = self.server.lib.gnutls_record_recv(self.session, room, ctypes.c_size_t(size))
        if got < 0:
            raise OSError(f"gnutls_record_recv: {got}")
        return room.raw[:got]

    def sendall(self, data):
        if self.server.lib.gnutls_record_send(self.session, bytes(data),
                                              ctypes.c_size_t(len(data))) != len(data):
            raise OSError("gnutls_record_send")
