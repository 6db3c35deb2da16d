#!/usr/bin/env python3
"""A small server on the port given: HTTP with its port as body, `/slow` takes half a second, an upgrade leads to an echo of lines; or
with `tcp` that echo at once.

`tls=PEM` encrypts. `idle=SECONDS` closes a connection that was idle so long. SIGUSR1 makes it ill as `ill=` says, SIGUSR2 well again:
`reset` resets each connection at the first request, `garbage` answers what is no HTTP, `error` answers 500.
"""
import asyncio
import signal
import ssl
import struct
import sys
from socket import SO_LINGER, SOL_SOCKET

PORT = int(sys.argv[1])
WORDS = sys.argv[2:]
SET = dict(word.split("=", 1) for word in WORDS if "=" in word)
IDLE = float(SET["idle"]) if "idle" in SET else None
STATE = {"ill": ""}


def abort(writer):
    """Closes with a reset."""
    writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def respond(head, writer):
    if b" /slow " in head.split(b"\r\n")[0]:
        await asyncio.sleep(0.5)
    body = str(PORT).encode()
    if STATE["ill"] == "garbage":
        writer.write(b"\x00\x01 this is no HTTP\r\n\r\n")
        return writer.close()
    status = b"500 Broken" if STATE["ill"] == "error" else b"200 OK"
    writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body))


async def serve(reader, writer):
    echoes = "tcp" in WORDS
    try:
        while True:
            head = await asyncio.wait_for(reader.readuntil(b"\n" if echoes else b"\r\n\r\n"), IDLE)
            if STATE["ill"] == "reset":
                return abort(writer)
            if echoes:
                writer.write(head)
            elif b"\r\nupgrade: " in head.lower():
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
                echoes = True
            else:
                await respond(head, writer)
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    context = None
    if "tls" in SET:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(SET["tls"])
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: STATE.update(ill=SET.get("ill", "")))
    loop.add_signal_handler(signal.SIGUSR2, lambda: STATE.update(ill=""))
    server = await asyncio.start_server(serve, "127.0.0.1", PORT, ssl=context)
    async with server:
        await server.serve_forever()


asyncio.run(main())
