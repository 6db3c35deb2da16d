"""Servers that die, hang and come back under steady load."""
import asyncio
import functools
import signal
import time

import proxy
from crowd import Skip

CONFIG = """
global
    stats socket {{socket}} level admin
defaults
    mode http
    timeout connect 500ms
    timeout client 5s
    timeout server 1s
    retries 3
    option redispatch
frontend fe
    bind 127.0.0.1:{{port}}
    default_backend be
backend be
    balance roundrobin
    option httpchk GET /
    default-server check inter 200ms fall 2 rise 2
    server s1 127.0.0.1:{0}
    server s2 127.0.0.1:{1}
    server s3 127.0.0.1:{2}
"""
CLIENTS = 12
SECONDS = 5.0
BREAK_AT, MEND_AT = 1.0, 3.0
PAUSE = 0.01


class Tally:
    """What the clients saw."""

    def __init__(self):
        self.good, self.bad = 0, []


async def client(port, until, tally):
    """Requests one after the other on a keep-alive connection, a new one after each failure."""
    reader = writer = None
    while time.monotonic() < until:
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 8)
            status = head.split(b" ", 2)[1]
            length = next(int(l.split(b":")[1]) for l in head.lower().split(b"\r\n") if l.startswith(b"content-length"))
            await reader.readexactly(length)
            if status == b"200":
                tally.good += 1
            else:
                tally.bad.append(status.decode())
                if b"connection: close" in head.lower():
                    writer.close()
                    writer = None
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            tally.bad.append(type(error).__name__)
            if writer:
                writer.close()
            writer = None
        await asyncio.sleep(PAUSE)
    if writer:
        writer.close()


async def wait_for_status(p, wanted, since, seconds=4):
    """Seconds until the server s1 has the status."""
    while time.monotonic() < since + seconds:
        status = await asyncio.to_thread(p.status_of, "s1")
        if status.startswith(wanted):
            return time.monotonic() - since
        await asyncio.sleep(0.02)
    return seconds


async def play(p, ports, how, origins):
    tally = Tally()
    start = time.monotonic()
    load = [asyncio.create_task(client(p.port, start + SECONDS, tally)) for _ in range(CLIENTS)]
    await asyncio.sleep(BREAK_AT)
    broken = time.monotonic()
    if how == "kill":
        origins[0].kill()
        origins[0].wait()
    else:
        origins[0].send_signal(signal.SIGSTOP)
    down = await wait_for_status(p, "DOWN", broken)
    await asyncio.sleep(max(0, start + MEND_AT - time.monotonic()))
    mended = time.monotonic()
    if how == "kill":
        origins[0] = await asyncio.to_thread(proxy.start_origin, ports[0])
    else:
        origins[0].send_signal(signal.SIGCONT)
    up = await wait_for_status(p, "UP", mended)
    await asyncio.gather(*load)
    return tally, down, up


def under(program, how, options=()):
    ports = proxy.free_ports(3)
    origins = [proxy.start_origin(port) for port in ports]
    try:
        with proxy.Proxy(program, CONFIG.format(*ports), options) as p:
            return asyncio.run(play(p, ports, how, origins))
    finally:
        for origin in origins:
            proxy.end(origin)


def compare(how, hydroxy, reference):
    if not reference:
        raise Skip("no reference HAProxy is installed")
    results = {"haproxy": under(reference, how), "hydroxy": under(hydroxy, how)}
    measured = [
        f"{name}: {tally.good} requests well, {len(tally.bad)} failed ({' '.join(sorted(set(tally.bad)))}), "
        f"down after {down:.2f} s, up after {up:.2f} s"
        for name, (tally, down, up) in results.items()
    ]
    (theirs, their_down, their_up), (ours, our_down, our_up) = results["haproxy"], results["hydroxy"]
    wrong = []
    # A stopped server holds the requests that are with it at the moment, which differ by chance: one a client at most.
    allowed = len(theirs.bad) + (0 if how == "kill" else CLIENTS // 2)
    if len(ours.bad) > allowed:
        wrong.append(f"{len(ours.bad)} requests failed, {allowed} at most are as good as HAProxy")
    # The times are grains of checks (200 ms) and of this program's polling.
    if our_down > their_down + 0.4:
        wrong.append(f"the server was called down {our_down - their_down:.2f} s later than by HAProxy")
    if our_up > their_up + 0.4:
        wrong.append(f"the server was called up {our_up - their_up:.2f} s later than by HAProxy")
    if ours.good < theirs.good * 0.7:
        wrong.append("far fewer requests were served than by HAProxy")
    return measured, wrong


TESTS = {
    "server_killed": functools.partial(compare, "kill"),
    "server_stopped": functools.partial(compare, "stop"),
}
