#!/usr/bin/env python3
"""A small HTTP server on the port given: 200 with its port as body, keep-alive; `/slow` takes half a second."""
import asyncio
import sys


async def serve(reader, writer):
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if b" /slow " in head.split(b"\r\n")[0]:
                await asyncio.sleep(0.5)
            body = sys.argv[1].encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


asyncio.run(main())
