"""Servers that die, hang, vanish, lie and come back under steady load, behind hydroxy and behind HAProxy in turn."""
import asyncio
import contextlib
import functools
import os
import signal
import statistics
import time

import clients
import namespace
import proxy
import readings
from crowd import Skip

CONFIG = """
global
    stats socket {{socket}} level admin
    nbthread 2
defaults
    mode {mode}
    timeout connect 500ms
    timeout client 5s
    timeout server 1s
    timeout queue 2s
    retries 3
    option redispatch
frontend fe
    bind 127.0.0.1:{{port}}
    default_backend be
backend be
    balance roundrobin
    {backend}
    default-server check inter 200ms fall 2 rise 2 {server}
"""
HTTP = "option httpchk GET /\n    http-reuse always"
SECONDS, BREAK_AT, MEND_AT = 5.0, 1.0, 3.0
POLL = 0.02


class Setup:
    """How the proxy is set up, and what its servers are started with."""

    def __init__(self, backend=HTTP, server="", mode="http", origin=(), count=3, last="", load=16, pause=0.02):
        self.backend, self.server, self.mode, self.origin = backend, server, mode, list(origin)
        self.count, self.last, self.load, self.pause = count, last, load, pause

    def config(self, ports):
        lines = [f"    server s{at + 1} 127.0.0.1:{port}" for at, port in enumerate(ports)]
        lines[-1] += f" {self.last}"
        shape = CONFIG.format(mode=self.mode, backend=self.backend, server=self.server)
        return shape + "\n".join(lines) + "\n"

    def words(self):
        """The arguments of a server, with its certificate where it needs one."""
        made = [f"tls={proxy.certificate()}" if word == "tls" else word for word in self.origin]
        return made + (["tcp"] if self.mode == "tcp" else [])


SETUPS = {
    "http": Setup(),
    "tcp": Setup(mode="tcp", backend=""),
    "tls": Setup(server="ssl verify none", origin=["tls"]),
    "retry": Setup(backend=HTTP + "\n    retry-on all-retryable-errors"),
    "shutdown": Setup(backend=HTTP + "\n    timeout server 4s", server="on-marked-down shutdown-sessions"),
    "queue": Setup(server="maxconn 3", load=24, pause=0.005),
    "backup": Setup(count=2, last="backup"),
    "sticky": Setup(backend=HTTP + "\n    balance source\n    hash-type consistent"),
    "fast": Setup(server="inter 1s fastinter 100ms downinter 300ms"),
}


class Play:
    """One outage behind one proxy."""

    def __init__(self, program, setup, how):
        self.program, self.setup, self.how = program, setup, how
        self.ports = proxy.free_ports(setup.count)
        self.words = setup.words()
        if how in ("reset", "garbage", "error"):
            self.words.append(f"ill={how}")
        if how == "close":
            self.words.append("idle=0.03")
        self.origins, self.victim, self.alive = [], 0, False
        self.tally = clients.Tally()
        self.down = self.up = self.given = None
        self.foreign = 0.0

    def run(self):
        try:
            self.origins = [proxy.start_origin(port, self.words) for port in self.ports]
            with proxy.Proxy(self.program, self.setup.config(self.ports)) as p:
                # The first checks are over.
                time.sleep(0.5)
                with self.watching_others():
                    asyncio.run(self.play(p))
                self.alive = p.process.poll() is None and "panicked" not in p.said()
            return self
        finally:
            for origin in self.origins:
                proxy.end(origin)

    @contextlib.contextmanager
    def watching_others(self):
        """Notes the share of the machine that other processes took."""
        start, busy, own = time.monotonic(), readings.busy_us(), sum(readings.cpu_us(os.getpid()))
        yield
        spent = sum(readings.cpu_us(os.getpid())) - own
        wall = (time.monotonic() - start) * 1e6 * os.cpu_count()
        self.foreign = max(0.0, (readings.busy_us() - busy - spent) / wall)

    async def play(self, p):
        ask = clients.ask_tcp if self.setup.mode == "tcp" else clients.ask_http
        start = time.monotonic()

        def ends_now():
            return time.monotonic() >= start + SECONDS

        one = functools.partial(clients.client, ask, p.port, self.ports, ends_now, self.tally, self.setup.pause)
        load = [asyncio.create_task(one()) for _ in range(self.setup.load)]
        await asyncio.sleep(BREAK_AT)
        if self.how == "restart":
            await self.restart_all()
        elif self.how != "close":
            await self.break_busiest(p, start)
        await asyncio.gather(*load)

    async def break_busiest(self, p, start):
        """A server that has much to lose: with `balance source` there is only one."""
        counts = [await asyncio.to_thread(p.sessions_of, f"s{at + 1}") for at in range(len(self.ports))]
        before = max(counts)
        self.victim = counts.index(before)
        broken = time.monotonic()
        await self.turn(True)
        self.down = await self.wait_for(p, "DOWN", broken)
        await asyncio.sleep(max(0, start + MEND_AT - time.monotonic()))
        self.given = await asyncio.to_thread(p.sessions_of, self.name()) - before
        mended = time.monotonic()
        await self.turn(False)
        self.up = await self.wait_for(p, "UP", mended)

    async def restart_all(self):
        """One after the other: killed and started again, as an update does."""
        for at, port in enumerate(self.ports):
            proxy.end(self.origins[at])
            self.origins[at] = await asyncio.to_thread(proxy.start_origin, port, self.words)
            await asyncio.sleep(0.7)

    def name(self):
        return f"s{self.victim + 1}"

    async def turn(self, ill):
        """Breaks or mends the server."""
        origin, port = self.origins[self.victim], self.ports[self.victim]
        if self.how == "kill" and ill:
            proxy.end(origin)
        elif self.how == "kill":
            self.origins[self.victim] = await asyncio.to_thread(proxy.start_origin, port, self.words)
        elif self.how == "stop":
            origin.send_signal(signal.SIGSTOP if ill else signal.SIGCONT)
        elif self.how == "drop":
            await asyncio.to_thread(namespace.cut if ill else namespace.mend, port)
        else:
            origin.send_signal(signal.SIGUSR1 if ill else signal.SIGUSR2)

    async def wait_for(self, p, wanted, since, seconds=4):
        """Seconds until the server has the status."""
        while time.monotonic() < since + seconds:
            if (await asyncio.to_thread(p.status_of, self.name())).startswith(wanted):
                return time.monotonic() - since
            await asyncio.sleep(POLL)
        return seconds


class Summary:
    """The medians of the rounds of one proxy."""

    def __init__(self, plays):
        self.plays = plays
        self.good = self.middle(lambda play: play.tally.good)
        self.bad = self.middle(lambda play: len(play.tally.bad))
        self.kinds = sorted({kind for play in plays for kind in play.tally.bad})
        self.foreign = self.middle(lambda play: play.foreign)
        self.slowest = self.middle(lambda play: play.tally.slowest)
        self.down, self.up, self.given = (
            self.middle(lambda play, name=name: getattr(play, name)) for name in ("down", "up", "given")
        )

    def middle(self, of):
        values = [of(play) for play in self.plays]
        return None if None in values else statistics.median(values)

    def text(self, name):
        parts = [f"{self.good:.0f} requests well, {self.bad:.0f} failed"]
        if self.kinds:
            parts[0] += f" ({' '.join(self.kinds)})"
        if self.down is not None:
            parts.append(f"down after {self.down:.2f} s, up after {self.up:.2f} s, {self.given:.0f} given to the ill server")
        parts.append(f"the slowest took {self.slowest:.2f} s, others took {self.foreign:.0%} of the machine")
        return f"{name}: {', '.join(parts)}"


def compare(setup, how, hydroxy, references, settings):
    """Plays the outage behind each proxy in turn; gives back what was measured, what is wrong, and the summaries."""
    if not references:
        raise Skip("no reference HAProxy is installed")
    if how == "drop" and not namespace.can_cut():
        raise Skip("packets can be dropped by root in a network of its own only (unshare, iptables)")
    programs = {**references, "hydroxy": hydroxy}
    plays = {name: [] for name in programs}
    for _ in range(settings.rounds):
        for name, program in programs.items():
            plays[name].append(Play(program, SETUPS[setup], how).run())
    summaries = {name: Summary(played) for name, played in plays.items()}
    ours = summaries.pop("hydroxy")
    measured = [summary.text(name) for name, summary in [*summaries.items(), ("hydroxy", ours)]]
    return measured, judge(setup, how, ours, list(summaries.values())), {**summaries, "hydroxy": ours}


def judge(setup, how, ours, others):
    wrong = []
    if not all(play.alive for play in ours.plays):
        wrong.append("the proxy died or panicked")
    # A server holds the requests that are with it when it breaks, which differ by chance: one a client at most.
    chance = SETUPS[setup].load // 2 if how != "close" else 0
    # Whoever serves more requests has more of them with the ill server.
    allowed = max(other.bad * max(1, (ours.good + ours.bad) / (other.good + other.bad)) for other in others) + chance
    if ours.bad > allowed:
        wrong.append(f"{ours.bad:.0f} requests failed, {allowed:.0f} at most are as good as HAProxy")
    # The times are grains of checks and of this program's polling.
    grain = 0.4
    if ours.down is not None and ours.down > max(other.down for other in others) + grain:
        wrong.append("the server was called down later than by HAProxy")
    if ours.up is not None and ours.up > max(other.up for other in others) + grain:
        wrong.append("the server was called up later than by HAProxy")
    if ours.good < min(other.good for other in others) * 0.7:
        wrong.append("far fewer requests were served than by HAProxy")
    return wrong


OUTAGES = {
    "http": ["kill", "stop", "drop", "reset", "garbage", "close", "restart"],
    "tcp": ["kill", "stop", "drop", "reset", "restart"],
    "tls": ["kill", "stop", "drop", "close"],
    "retry": ["kill", "stop", "reset", "garbage"],
    "shutdown": ["stop", "drop"],
    "queue": ["kill", "stop", "drop"],
    "fast": ["kill", "stop", "error"],
    "backup": ["kill", "drop"],
    "sticky": ["kill", "drop"],
}
TESTS = {
    f"{setup}_{how}": functools.partial(compare, setup, how) for setup, ways in OUTAGES.items() for how in ways
}
