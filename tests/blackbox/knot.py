"""A real name server: knotd on a loopback port, with zones of the test."""

import os
import socket

from kit import Process, free_port, wait_until


class Knot:
    """zones: {name: lines of the zone file, or None: a zone that cannot be loaded (SERVFAIL)}."""

    def __init__(self, scratch, name, zones, address="127.0.0.1"):
        self.address, self.port = address, free_port(address)
        folder = scratch.folder(name)
        config = f"""\
server:
    rundir: {folder}
    listen: {address}@{self.port}
log:
  - target: stderr
    any: info
database:
    storage: {folder}
template:
  - id: default
    storage: {folder}
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
zone:
"""
        for number, (zone, lines) in enumerate(zones.items()):
            config += f"  - domain: {zone}\n    file: zone-{number}\n"
            if lines is not None:
                scratch.write(os.path.join(name, f"zone-{number}"), f"""\
$ORIGIN {zone}.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A {address}
{lines}""")
        self.process = Process(["knotd", "-c", scratch.write(f"{name}.conf", config)],
                               scratch(f"{name}.log"))
        first = next(zone for zone, lines in zones.items() if lines is not None)
        wait_until(f"knotd answers for {first}", lambda: self.answers(first))

    def answers(self, zone):
        """Does it know the SOA record of the zone?"""
        if self.process.exit_code is not None:
            with open(self.process.log) as f:
                raise AssertionError(f"knotd ended with {self.process.exit_code}:\n{f.read()}")
        name = b"".join(bytes([len(l)]) + l.encode() for l in zone.split(".")) + b"\0"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(1)
            try:
                s.connect((self.address, self.port))
                s.send(b"\0\1" + bytes([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + name + b"\0\6\0\1")
                reply = s.recv(4096)
            except OSError:
                return False
        return reply[3] & 15 == 0 and reply[7] > 0

    def stop(self):
        self.process.stop()
