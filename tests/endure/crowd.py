"""Thousands of clients that are idle, slow or hostile, beside one that behaves."""
import asyncio
import random
import time

import proxy


class Skip(Exception):
    """The test cannot be run here; the text says why."""


CONFIG = """
global
    stats socket {{socket}} level admin
    maxconn 6000
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout http-request 4s
    timeout server 5s
frontend fe
    bind 127.0.0.1:{{port}}
    default_backend be
backend be
    server s1 127.0.0.1:{0} pool-max-conn 20
"""
IDLE, SLOW, GARBAGE = 3000, 1500, 500
SERVED = 200
# Per connection: what a client that has sent a part of a head may hold (a head buffer of 16 KiB and the task).
LIMIT_KIB = 24


async def idle(port, until):
    """One request, then silence."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(max(0, until - time.monotonic()))
    writer.close()


async def slow(port, until):
    """A head that comes byte by byte and never ends."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    text = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x-slow: y\r\n" * 100
    for at in range(len(text)):
        if time.monotonic() > until or writer.is_closing():
            break
        writer.write(text[at : at + 1])
        await asyncio.sleep(1)
    writer.close()


async def garbage(port, until, seed):
    """Random bytes, half-heads, TLS hellos, again and again."""
    chance = random.Random(seed)
    forms = [
        lambda: chance.randbytes(chance.randrange(1, 3000)),
        lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(500),
        lambda: b"GET " + b"/" * 20000 + b" HTTP/1.1\r\n\r\n",
        lambda: b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        lambda: b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chance.randbytes(50),
        lambda: b"PROXY TCP4 1.2.3.4 nonsense\r\n",
        lambda: b"\r\n" * 5000,
        lambda: b"GET / HTTP/1.1\r\n" + b"".join(b"h%d: v\r\n" % n for n in range(2000)) + b"\r\n",
    ]
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(chance.choice(forms)())
            await asyncio.wait_for(reader.read(1000), 1)
            writer.close()
        except (OSError, asyncio.TimeoutError):
            pass
        await asyncio.sleep(chance.random())


async def well_behaved(port, until):
    """Requests one after the other; gives back the slowest in seconds and what went wrong."""
    slowest, wrong, count = 0.0, [], 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while count < SERVED and time.monotonic() < until:
        began = time.monotonic()
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        length = next(int(l.split(b":")[1]) for l in head.lower().split(b"\r\n") if l.startswith(b"content-length"))
        await reader.readexactly(length)
        slowest = max(slowest, time.monotonic() - began)
        count += 1
        if b" 200 " not in head.split(b"\r\n")[0]:
            wrong.append(head.split(b"\r\n")[0].decode(errors="replace"))
        await asyncio.sleep(0.01)
    writer.close()
    return slowest, wrong, count


async def play(p):
    until = time.monotonic() + 9
    quiet = []

    async def calmly(task):
        try:
            await task
        except (OSError, asyncio.IncompleteReadError) as error:
            quiet.append(type(error).__name__)

    crowd = []
    for number in range(max(IDLE, SLOW, GARBAGE)):
        if number < IDLE:
            crowd.append(asyncio.create_task(calmly(idle(p.port, until))))
        if number < SLOW:
            crowd.append(asyncio.create_task(calmly(slow(p.port, until))))
        if number < GARBAGE:
            crowd.append(asyncio.create_task(calmly(garbage(p.port, until, number))))
        if number % 50 == 0:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    good = await well_behaved(p.port, until)
    memory = p.resident_kib()
    await asyncio.gather(*crowd)
    return good, memory


def crowd(hydroxy, *_):
    (port,) = proxy.free_ports(1)
    origin = proxy.start_origin(port)
    try:
        with proxy.Proxy(hydroxy, CONFIG.format(port)) as p:
            before = p.resident_kib()
            (slowest, wrong, count), memory = asyncio.run(play(p))
            time.sleep(1)
            left = p.descriptors()
            alive, said, info = p.process.poll() is None, p.said(), p.ask("show info")
    finally:
        proxy.end(origin)
    grown = memory - before
    measured = [
        f"{count} requests beside {IDLE} idle, {SLOW} slow and {GARBAGE} hostile clients, the slowest took "
        f"{slowest * 1000:.0f} ms; memory grew by {grown} KiB; {left} descriptors open afterwards",
    ]
    if not alive or "panicked" in said:
        wrong.append(f"the proxy died or panicked: {said[-1000:]}")
    if count < SERVED:
        wrong.append(f"{count} of {SERVED} requests were served in time")
    if grown > LIMIT_KIB * (IDLE + SLOW + GARBAGE):
        wrong.append(f"memory grew by more than {LIMIT_KIB} KiB a connection")
    if left > 100:
        wrong.append(f"{left} descriptors are open after all clients have gone")
    if "CurrConns: " in info and int(info.split("CurrConns: ")[1].split()[0]) > 5:
        wrong.append("connections are counted as open after all clients have gone")
    return measured, wrong, {}


TESTS = {"crowd": crowd}
