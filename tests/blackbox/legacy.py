"""What the years before 2009 looked like: certificates, TLS 1.0, and GnuTLS without RFC 5746."""

import os
import ssl

from exchange.personalities import personality
from exchange.schannel import Gnutls, GnutlsSocket
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


def rsa_certificate(authority, name, *alternatives, file=None, days=30):
    """Of an authority of today (kit.Authority), but for a key of RSA 2048."""
    return authority.issue(name, *alternatives, file=file or f"{name}-rsa", days=days,
                           new_key=("-newkey", "rsa:2048", "-nodes"))


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


class GnutlsServer(Gnutls):
    """In the place of an ssl.SSLContext: a server that does not know RFC 5746 (OpenSSL cannot be
    told to forget it), but TLS 1.2."""

    PRIORITY = (b"NONE:+VERS-TLS1.2:+VERS-TLS1.0:+RSA:+AES-128-CBC:+SHA1:+COMP-NULL:+SIGN-ALL"
                b":%DISABLE_SAFE_RENEGOTIATION:%COMPAT")

    def __init__(self, certificate):
        super().__init__(personality("2003+KB"), certificate)

    def wrap_socket(self, sock, server_side):
        return GnutlsSocket(self, sock, GnutlsSocket.SERVER)
