"""Reads HTTP/1 messages off a socket and writes them down for comparison: heads byte for byte, bodies without framing.

Chunk boundaries depend on how bytes happen to arrive, so a chunked body is noted as its decoded bytes. What a compressor makes of
a body depends on its library, so a compressed body is noted as what it holds.
"""
import re
import socket
import struct
import zlib


class Closed(Exception):
    """The peer closed (or reset) before the message was complete."""


class Stream:
    """A socket with a buffer; every read has a deadline."""

    def __init__(self, sock, seconds=4.0):
        self.sock, self.seconds, self.buffer = sock, seconds, b""

    def fill(self):
        self.sock.settimeout(self.seconds)
        data = self.sock.recv(65536)
        if not data:
            raise Closed
        self.buffer += data

    def until(self, mark):
        while mark not in self.buffer:
            self.fill()
        head, _, self.buffer = self.buffer.partition(mark)
        return head + mark

    def exactly(self, count):
        while len(self.buffer) < count:
            self.fill()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def to_end(self):
        try:
            while True:
                self.fill()
        except Closed:
            data, self.buffer = self.buffer, b""
            return data


def field(head, name):
    """The value of a header field of a raw head, lower case, or None."""
    found = re.search(rb"\r?\n" + name + rb":[ \t]*([^\r\n]*)", head, re.IGNORECASE)
    return found.group(1).strip().lower() if found else None


def body(stream, head, bodiless=False, until_close=False):
    """The lines that note the body that follows `head`."""
    if bodiless:
        return []
    if field(head, b"transfer-encoding") is not None:
        data, trailers = chunked(stream)
        return ["<chunked body>"] + content(data, head) + lines(trailers)
    length = field(head, b"content-length")
    if length is not None:
        return content(stream.exactly(int(length)), head)
    if until_close:
        return lines(stream.to_end()) + ["<eof>"]
    return []


def content(data, head):
    """The lines of a body, decompressed if it is compressed as the head says."""
    coding = field(head, b"content-encoding")
    formats = {b"gzip": [31], b"deflate": [15, -15]}.get(coding, [])
    for bits in formats:
        unpacker = zlib.decompressobj(bits)
        try:
            plain = unpacker.decompress(data)
        except zlib.error:
            continue
        form = {31: "gzip", 15: "zlib", -15: "raw"}[bits]
        state = "complete" if unpacker.eof and not unpacker.unused_data else "incomplete"
        return [f"<{form}, {state}>"] + lines(plain)
    return lines(data)


def chunked(stream):
    data = b""
    while True:
        size = int(stream.until(b"\r\n").split(b";")[0], 16)
        if size == 0:
            break
        data += stream.exactly(size)
        stream.exactly(2)
    trailers = b""
    while (line := stream.until(b"\r\n")) != b"\r\n":
        trailers += line
    return data, trailers


def lines(data):
    """Bytes as printable lines; a long run of one character is shortened to its count."""
    shown = []
    for line in data.splitlines(keepends=True):
        text = line.decode("latin-1").encode("unicode_escape").decode()
        shown.append(re.sub(r"(.)\1{199,}", lambda m: f"<{m.group(1)} x {len(m.group(0))}>", text))
    return shown


def unescape(text):
    r"""A script's text as bytes: \r \n \t \0 \\ \xHH are understood, other characters are UTF-8."""
    simple = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}

    def one(match):
        code = match.group(1)
        return bytes([int(code[1:], 16)]) if code[:1] == b"x" else simple[code]

    return re.sub(rb"\\(x[0-9a-fA-F]{2}|[rnt0\\])", one, text.encode())


def listen():
    """A listening socket on a free port of the loopback address."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    return sock


def reset(sock):
    """Closes a connection with a reset instead of an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def full():
    """A listening socket whose backlog is full, so that connections to it time out, with those that fill it."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(0)
    waiting = [socket.socket() for _ in range(2)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(sock.getsockname())
    return [sock, *waiting]
