"""Clients that check every answer: requests one after the other over HTTP, or lines that must come back over TCP."""
import asyncio
import time

PATIENCE = 8


class Tally:
    """What the clients saw."""

    def __init__(self):
        self.good, self.bad, self.slowest = 0, [], 0.0

    def failed(self, what):
        self.bad.append(what)

    def served(self, seconds):
        self.good += 1
        self.slowest = max(self.slowest, seconds)


async def ask_http(reader, writer, ports):
    """One request; gives back the status, or what is wrong with the answer, and whether the connection ends."""
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    return await answer(reader, ports)


async def answer(reader, ports):
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")), 0)
    body = await reader.readexactly(length)
    status = head.split(b" ", 2)[1].decode()
    if status == "200" and body.decode() not in ports:
        status = "a body of nobody"
    return status, b"connection: close" in head.lower()


async def ask_tcp(reader, writer, _):
    """One line and its echo."""
    line = b"ping %d\n" % time.monotonic_ns()
    writer.write(line)
    answer = await reader.readuntil(b"\n")
    return "200" if answer == line else "another line", True


async def ask_once(reader, writer, ports):
    """One request on a connection of its own."""
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return (await answer(reader, ports))[0], True


async def client(ask, port, origins, ends_now, tally, pause):
    """Requests one after the other, on one connection as long as that stays open, until `ends_now`."""
    reader = writer = None
    names = {str(origin) for origin in origins}
    while not ends_now():
        began = time.monotonic()
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            status, ends = await asyncio.wait_for(ask(reader, writer, names), PATIENCE)
            if status == "200":
                tally.served(time.monotonic() - began)
            else:
                tally.failed(status)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            tally.failed(type(error).__name__)
            ends = True
        if ends and writer:
            writer.close()
            writer = None
        await asyncio.sleep(pause)
    if writer:
        writer.close()
