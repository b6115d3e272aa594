"""A name server for the tests: A records out of a dictionary, over UDP, NXDOMAIN for the rest."""

import contextlib
import socket
import struct
import threading


class NameServer:
    def __init__(self, address="127.0.0.1"):
        self.address = address
        self.hosts = {}  # name -> [addresses]; may be changed at any time
        self.questions = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((self.address, 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                question, client = self.sock.recvfrom(4096)
                with contextlib.suppress(IndexError, struct.error):
                    self.sock.sendto(self.answer(question), client)

    def answer(self, question):
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode("latin-1"))
            at += 1 + question[at]
        kind, _ = struct.unpack("!HH", question[at + 1:at + 5])
        name = ".".join(labels).lower()
        self.questions.append((name, kind))
        addresses = self.hosts.get(name)
        records = [socket.inet_aton(a) for a in addresses or []] if kind == 1 else []
        flags = 0x8580 | (0 if addresses is not None else 3)
        head = question[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        body = question[12:at + 5]
        for record in records:
            body += struct.pack("!HHHIH", 0xC00C, 1, 1, 1, 4) + record
        return head + body

    def stop(self):
        self.sock.close()
