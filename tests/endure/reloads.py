"""Reload after reload under load, with open tunnels, broken files in between, and another configuration each time."""
import asyncio
import contextlib
import functools
import pathlib
import re
import signal
import statistics
import subprocess
import tempfile
import time

import clients
import proxy
import readings

CONFIG = """
global
    stats socket {socket} level admin expose-fd listeners
    nbthread 2
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 10s
    timeout queue 5s
    timeout tunnel 1h
frontend fe
    bind 127.0.0.1:{port}
    http-request track-sc0 src table seen
    http-request return status 200 content-type text/plain string {version} if {{ path /version }}
    {rule}
    use_backend tunnels if {{ path /tunnel }}
    default_backend {backend}
backend {backend}
    balance {balance}
    {servers}
backend tunnels
    server s1 127.0.0.1:{tunnel}
backend seen
    stick-table type ip size 1k expire 1h store http_req_cnt
"""
TUNNELS, CLIENTS, WRK = 20, 6, 16
# The first configurations are new to the process; what it holds after them must be enough for all that follow.
SETTLED = 1 / 4
LIMIT_KIB = 4096
BROKEN_EVERY = 5


class Site:
    """The configurations: each differs from the one before in servers, limits, rules, and now and then in a backend's name."""

    def __init__(self, folder, origins):
        (self.port,) = proxy.free_ports(1)
        self.origins, self.path, self.socket = origins, folder / "proxy.cfg", folder / "admin"

    def write(self, version):
        limit = ["", " maxconn 2", " maxconn 50", " maxconn 5 maxqueue 100"][version % 4]
        count = 1 + version % len(self.origins)
        servers = [f"server s{at} 127.0.0.1:{port}{limit}" for at, port in enumerate(self.origins[:count])]
        self.path.write_text(
            CONFIG.format(
                socket=self.socket,
                port=self.port,
                version=version,
                rule=f"http-request set-header x-version {version}" if version % 2 else "",
                backend=f"app{version // 7}",
                balance=["roundrobin", "leastconn", "source"][version % 3],
                servers="\n    ".join(servers),
                tunnel=self.origins[0],
            )
        )

    def ask(self, command):
        return proxy.ask(self.socket, command)

    def count(self):
        """The requests that the frontend has counted, and those that the stick table has."""
        row = re.search(r"^fe,FRONTEND,.*$", self.ask("show stat"), re.M).group(0).split(",")
        entries = re.findall(r"http_req_cnt=(\d+)", self.ask("show table seen"))
        return int(row[48]), sum(map(int, entries))


class InPlace:
    """One process from beginning to end, which a signal tells to read its configuration again."""

    def __init__(self, program, site, options, number):
        self.site, self.number = site, number
        self.output = site.path.with_name("output")
        self.log = self.output.open("ab")
        self.process = self.start([program, *options, "-db"])
        self.keeps_counters = True

    def start(self, command):
        command = [*command, "-f", str(self.site.path)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def reload(self):
        self.process.send_signal(self.number)

    def refused(self, before):
        """Whether a reload has failed since `before` was noted."""
        return self.failures() > before

    def failures(self):
        return self.output.read_text(errors="replace").count("Loading failure!")

    def memory_kib(self):
        return readings.memory_kib(self.process.pid)[1]

    def end(self):
        proxy.end_all([self.process])


class TakeOver(InPlace):
    """Each configuration has a process of its own, which takes the sockets over (`-x`) and tells the one before to finish (`-sf`)."""

    def __init__(self, program, site, options, number):
        super().__init__(program, site, options, number)
        self.program, self.all, self.keeps_counters, self.ended_badly = program, [self.process], False, 0

    def reload(self):
        former = self.process
        command = [self.program, "-db", "-x", str(self.site.socket), "-sf", str(former.pid)]
        self.process = self.start(command)
        self.all.append(self.process)

    def failures(self):
        failed = [process for process in self.all if process.poll() == 1]
        if self.process in failed:
            # What could not start has told nobody to finish.
            self.process = next(process for process in reversed(self.all) if process.poll() is None)
        return len(failed)

    def end(self):
        proxy.end_all(self.all)


async def tunnel(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    if b" 101 " not in head:
        raise RuntimeError(f"no tunnel: {head!r}")
    return reader, writer


async def is_open(reader, writer):
    try:
        writer.write(b"ping\n")
        return await asyncio.wait_for(reader.readuntil(b"\n"), 5) == b"ping\n"
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
        return False


async def version(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /version HTTP/1.0\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer.rsplit(b"\r\n", 1)[-1].decode()


async def wait_until(holds, what, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            if await holds():
                return
        await asyncio.sleep(0.02)
    raise RuntimeError(f"waited for {what}")


class Storm:
    """What happened."""

    def __init__(self, reloads):
        self.reloads, self.sizes, self.counts, self.wrong, self.slow = reloads, [], [], [], []
        self.tally = clients.Tally()

    async def play(self, running, site):
        await wait_until(lambda: self.shows(site, 0), "the first configuration")
        tunnels = [await tunnel(site.port) for _ in range(TUNNELS)]
        stop = asyncio.Event()
        ask = clients.ask_once if isinstance(running, TakeOver) else clients.ask_http
        load = [
            asyncio.create_task(clients.client(ask, site.port, site.origins, stop.is_set, self.tally, 0.005))
            for _ in range(CLIENTS)
        ]
        for number in range(1, self.reloads + 1):
            if number % BROKEN_EVERY == 0:
                await self.breaks(running, site)
            site.write(number)
            began = time.monotonic()
            running.reload()
            await wait_until(lambda: self.shows(site, number), f"configuration {number}")
            self.slow.append(time.monotonic() - began)
            cut = [await is_open(*one) for one in tunnels].count(False)
            if cut:
                self.wrong.append(f"{cut} tunnels were cut by reload {number}")
            self.sizes.append(await asyncio.to_thread(running.memory_kib))
            self.counts.append(await asyncio.to_thread(site.count))
        stop.set()
        await asyncio.gather(*load)
        for _, writer in tunnels:
            writer.close()

    async def breaks(self, running, site):
        """A configuration that does not load changes nothing."""
        before, text = running.failures(), site.path.read_text()
        site.path.write_text(text + "\nbackend broken\n    nonsense\n")

        async def refused():
            return running.refused(before)

        running.reload()
        await wait_until(refused, "the failure")
        site.path.write_text(text)

    async def shows(self, site, wanted):
        return await version(site.port) == str(wanted)

    def judge(self, running):
        wrong = self.wrong
        if self.tally.bad:
            wrong.append(f"{len(self.tally.bad)} requests failed: {' '.join(sorted(set(self.tally.bad)))}")
        settled = self.sizes[int(len(self.sizes) * SETTLED)]
        if self.sizes[-1] > settled + LIMIT_KIB:
            wrong.append(f"memory grew from {settled} to {self.sizes[-1]} KiB")
        if running.keeps_counters:
            for at, name in enumerate(["the frontend", "the stick table"]):
                values = [count[at] for count in self.counts]
                if values != sorted(values) or values[-1] < self.tally.good:
                    wrong.append(f"{name} counts {values[-1]} requests of {self.tally.good}: {values}")
        return wrong


def storm(kind, options, number, hydroxy, _, settings):
    with tempfile.TemporaryDirectory(prefix="endure-") as folder:
        ports = proxy.free_ports(3)
        origins = [proxy.start_origin(port) for port in ports]
        site = Site(pathlib.Path(folder), ports)
        site.write(0)
        running = kind(hydroxy, site, options, number)
        result = Storm(settings.reloads)
        wrk = None
        try:
            asyncio.run(wait_until(lambda: result.shows(site, 0), "the first configuration"))
            if running.keeps_counters:
                wrk = start_wrk(site.port)
            asyncio.run(result.play(running, site))
            said = end_wrk(wrk)
        except RuntimeError as error:
            said, result.wrong = end_wrk(wrk), [f"{error}: {running.output.read_text(errors='replace')[-1500:]}"]
            return [], result.wrong, {}
        finally:
            running.end()
            for origin in origins:
                proxy.end(origin)
    wrong = result.judge(running)
    done, trouble = said
    if trouble:
        wrong.append(f"wrk: {trouble}")
    settled = result.sizes[int(len(result.sizes) * SETTLED)]
    measured = [
        f"{settings.reloads} reloads and {settings.reloads // BROKEN_EVERY} broken files, {result.tally.good + done} requests, "
        f"{len(result.tally.bad)} failed, {TUNNELS} tunnels open; a reload took {statistics.median(result.slow) * 1000:.0f} ms, "
        f"{max(result.slow) * 1000:.0f} at most; memory {settled} KiB, then {result.sizes[-1]} KiB",
    ]
    return measured, wrong, {}


def start_wrk(port):
    command = ["wrk", "-t1", f"-c{WRK}", "-d600s", "--timeout", "5s", f"http://127.0.0.1:{port}/"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end_wrk(wrk):
    """The requests, and what was wrong with them."""
    if not wrk:
        return 0, ""
    wrk.send_signal(signal.SIGINT)
    said = wrk.communicate(timeout=20)[0]
    done = re.search(r"(\d+) requests in", said)
    trouble = " ".join(re.findall(r"Non-2xx.*|Socket errors.*", said))
    return int(done.group(1)) if done else 0, trouble or ("" if done else said)


TESTS = {
    "reload_alone": functools.partial(storm, InPlace, (), signal.SIGUSR2),
    "reload_supervised": functools.partial(storm, InPlace, ("-W",), signal.SIGUSR2),
    "reload_hangup": functools.partial(storm, InPlace, ("-W",), signal.SIGHUP),
    "reload_take_over": functools.partial(storm, TakeOver, (), None),
}
