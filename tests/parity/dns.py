r"""The name server of a case: answers from the zone of dns.txt, over UDP and TCP at the same port, and notes what it was asked.

    A NAME ADDRESS...               the addresses of a name; the same for AAAA
    SRV NAME PRIORITY WEIGHT PORT TARGET
                                    one more server record
    CNAME NAME TARGET               another name
    FAIL NAME CODE                  every question about the name is answered by this code: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED
    SILENT NAME                     no question about the name is answered
    GARBAGE NAME                    the answer is cut in its middle
    TRUNCATED NAME                  the answer over UDP says that it is truncated

A name without records does not exist. `${NAME}` is the port of that origin. `dns LINE` in client.txt replaces what the zone
says of the line's name and type; `dns DROP NAME` forgets the name.
"""
import re
import socket
import struct
import threading

import http1

TYPES = {"A": 1, "CNAME": 5, "AAAA": 28, "SRV": 33}
NXDOMAIN = 3


class NameServer:
    def __init__(self, script, ports, stop):
        self.ports, self.stop, self.zone, self.record = ports, stop, [], set()
        for line in script.splitlines():
            if line.strip() and not line.startswith("#"):
                self.add(line)
        # A port that is free for both.
        while True:
            self.tcp = http1.listen()
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self.udp.bind(self.tcp.getsockname())
                break
            except OSError:
                self.tcp.close()
        self.address = "127.0.0.1:%d" % self.tcp.getsockname()[1]
        threading.Thread(target=self.serve_udp, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def add(self, line):
        line = re.sub(r"\$\{(\w+)\}", lambda found: self.ports[found[1]], line)
        kind, name, *rest = line.split()
        self.zone = [*self.zone, (kind, name.lower(), rest)]

    def change(self, line):
        """Replaces what the zone says of a name and type; of several lines separated by `;` the first replaces."""
        first, *more = line.split(";")
        kind, name = first.split()[:2]
        self.zone = [entry for entry in self.zone if entry[1] != name or (kind != "DROP" and entry[0] not in (kind, "FAIL", "SILENT"))]
        for text in [first, *more] if kind != "DROP" else more:
            self.add(text)

    def serve_udp(self):
        self.udp.settimeout(0.2)
        while not self.stop.is_set():
            try:
                query, peer = self.udp.recvfrom(65536)
                answer = self.answer(query, "udp")
                if answer:
                    self.udp.sendto(answer, peer)
            except TimeoutError:
                continue
            except OSError:
                break
        self.udp.close()

    def serve_tcp(self):
        self.tcp.settimeout(0.2)
        while not self.stop.is_set():
            try:
                connection, _ = self.tcp.accept()
            except TimeoutError:
                continue
            except OSError:
                break
            threading.Thread(target=self.serve_connection, args=(connection,), daemon=True).start()
        self.tcp.close()

    def serve_connection(self, connection):
        with connection:
            try:
                while True:
                    size, = struct.unpack("!H", exactly(connection, 2))
                    answer = self.answer(exactly(connection, size), "tcp")
                    if answer:
                        connection.sendall(struct.pack("!H", len(answer)) + answer)
            except (OSError, EOFError):
                return

    def answer(self, query, transport):
        name, at = read_name(query, 12)
        kind, = struct.unpack("!H", query[at:at + 2])
        question = query[12:at + 4]
        said = next((word for word, number in TYPES.items() if number == kind), str(kind))
        self.record.add(f"{transport} {said} {name}{edns(query, at + 4)}")
        about = [entry for entry in self.zone if entry[1] == name.lower()]
        if any(entry[0] == "SILENT" for entry in about):
            return None
        failure = next((int(entry[2][0]) for entry in about if entry[0] == "FAIL"), 0 if about else NXDOMAIN)
        truncated = transport == "udp" and any(entry[0] == "TRUNCATED" for entry in about)
        records = [] if failure or truncated else self.records(name.lower(), kind)
        flags = 0x8580 | failure | (0x0200 if truncated else 0)
        text = query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)
        return text[:len(text) - 3] if any(entry[0] == "GARBAGE" for entry in about) else text

    def records(self, name, kind):
        found = []
        for entry, owner, rest in self.zone:
            if owner != name:
                continue
            if entry == "CNAME":
                found.append(resource(name, TYPES["CNAME"], write_name(rest[0])))
                found += self.records(rest[0], kind)
            elif entry in ("A", "AAAA") and TYPES[entry] == kind:
                family = socket.AF_INET if entry == "A" else socket.AF_INET6
                found += [resource(name, kind, socket.inet_pton(family, address)) for address in rest]
            elif entry == "SRV" and TYPES[entry] == kind:
                numbers = struct.pack("!HHH", *map(int, rest[:3]))
                found.append(resource(name, kind, numbers + write_name(rest[3])))
        return found


def exactly(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_name(message, at):
    labels = []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode(errors="replace"))
        at += 1 + message[at]
    return ".".join(labels), at + 1


def write_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"


def resource(name, kind, data):
    return write_name(name) + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def edns(query, at):
    """The size that the asker takes (RFC 6891)."""
    if query[10:12] == b"\0\0" or query[at:at + 3] != b"\0\0\x29":
        return ""
    return " edns %d" % struct.unpack("!H", query[at + 3:at + 5])
