"""Starts a proxy on one case and collects all that can be seen of it: logs, statistics, exit code.

Sockets of the proxy are opened here and inherited, so there is no port to guess and no start to wait for.
"""
import contextlib
import csv
import io
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

import cli
import http1
from client import Client
from dns import NameServer
from origin import Origin
from tcp import MARK, TcpOrigin

HERE = pathlib.Path(__file__).resolve().parent

# Columns whose values depend on time, place or release rather than on what was asked of the proxy.
VOLATILE = set("""reqbin reqbout resbin resbout h1_open_connections h1_open_streams h1_total_streams
    scur smax slim stot_rate rate rate_max rate_lim req_rate req_rate_max conn_rate conn_rate_max lastchg lastsess
    downtime check_duration qtime ctime rtime ttime qtime_max ctime_max rtime_max ttime_max addr idle_conn_cur
    safe_conn_cur srv_icur used_conn_cur need_conn_est agent_duration pid iid sid uweight agg_server_status agg_check_status
    agg_server_check_status srid qlimit h1_bytes_in h1_bytes_out h1_total_connections connect reuse""".split())


def run_case(program, case, options=()):
    """Everything observed of `program` on the case: channel -> lines."""
    if not (case / "client.txt").exists():
        return check_only(program, case, options)
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        return run_traffic(program, case, pathlib.Path(folder), options)


def check_only(program, case, options):
    done = subprocess.run(
        [program, *options, "-c", "-V", "-f", "haproxy.cfg"],
        cwd=case, capture_output=True, text=True, errors="replace", timeout=10,
    )
    valid = "Configuration file is valid" in done.stdout + done.stderr
    return {"exit": [f"exit code {done.returncode}", f"said valid: {valid}"]}


def run_traffic(program, case, folder, options):
    config = (case / "haproxy.cfg").read_text()
    stop = threading.Event()
    zone = (case / "dns.txt").read_text() if (case / "dns.txt").exists() else None
    names = sorted(set(re.findall(r"\$\{(?:PORT_)?(ORIGIN\w*)\}", config + (zone or ""))))
    origins = {name: origin(case, name, stop) for name in names}
    ports = {name: other.address.rpartition(":")[2] for name, other in origins.items()}
    dns = NameServer(zone, ports, stop) if zone else None
    # The first socket bound in the file is the one that `connect` means.
    binds = {name: http1.listen() for name in dict.fromkeys(re.findall(r"fd@\$\{(\w+)\}", config))}
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("127.0.0.1", 0))
    unix = UnixSink(folder / "log")
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))  # Bound, never listening: connections to it are refused.
    full = http1.full()
    env = {
        "PATH": os.environ["PATH"],
        "STATS": str(folder / "stats"),
        "LOGADDR": "127.0.0.1:%d" % sink.getsockname()[1],
        "LOGUNIX": str(folder / "log"),
        "DEAD": "127.0.0.1:%d" % dead.getsockname()[1],
        "FULL": "127.0.0.1:%d" % full[0].getsockname()[1],
        "CASE": str(case),
        **({"DNS": dns.address} if dns else {}),
        **{f"PORT_{name}": port for name, port in ports.items()},
        **{name: origin.address for name, origin in origins.items()},
        **{name: str(sock.fileno()) for name, sock in binds.items()},
    }
    command = [program, *options, "-db", "-f", str(HERE / "common.cfg"), "-f", str(case / "haproxy.cfg")]
    process = subprocess.Popen(
        command,
        env=env,
        cwd=folder,
        pass_fds=[sock.fileno() for sock in binds.values()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        addresses = {name: sock.getsockname() for name, sock in binds.items()}
        for sock in binds.values():
            sock.close()
        return observe(process, case, addresses, origins, dns, sink, unix, folder / "stats")
    finally:
        stop.set()
        if process.poll() is None:
            process.kill()
            process.wait()
        for sock in (dead, *full):
            sock.close()
        sink.close()
        unix.close()


def origin(case, name, stop):
    """Starts the origin that the configuration calls ${name}."""
    scripts = [case / f"{name.lower()}.txt", case / "origin.txt"]
    script = next((script.read_text() for script in scripts if script.exists()), None)
    kind = TcpOrigin if script and script.startswith(MARK) else Origin
    return kind(script, stop)


def observe(process, case, addresses, origins, dns, sink, unix, stats):
    if not wait_for(stats, process):
        said = process.communicate(timeout=5)[0].decode(errors="replace") if process.poll() is not None else ""
        return {"start": [f"did not start, exit code {process.poll()}"] + said.splitlines()}
    places = {name: other.address.rpartition(":")[2] for name, other in origins.items()}
    console = cli.Console(stats, case, places)
    client = Client(addresses, console, dns)
    client.play((case / "client.txt").read_text())
    if (case / "cli.txt").exists():
        console.play((case / "cli.txt").read_text())
    time.sleep(0.05)  # The proxy notices that the last connections are closed.
    columns, table = show_stat(stats)
    process.send_signal(signal.SIGUSR1)
    try:
        said = process.communicate(timeout=6)[0].decode(errors="replace")
        code = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        said, code = process.communicate()[0].decode(errors="replace"), "none: still running after SIGUSR1"
    panics = [line for line in said.splitlines() if "panicked" in line]
    return {
        "start": panics,
        "client": [line for record in client.record for line in record],
        **{f"origin {name}": [l for record in o.record for l in record] for name, o in origins.items()},
        "cli": console.record,
        **({"dns": sorted(dns.record)} if dns else {}),
        "log": drain(sink) + unix.lines() + on_descriptors(case, said),
        "columns": columns,
        "csv": table,
        "exit": [f"exit code {code}"],
    }


def wait_for(stats, process):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and process.poll() is None:
        if stats.exists():
            return True
        time.sleep(0.01)
    return False


def show_stat(path):
    """The columns of `show stat`, and its cells as "proxy service column=value" without empty and volatile ones."""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(3)
            sock.connect(str(path))
            sock.sendall(b"show stat\n")
            text = http1.Stream(sock).to_end().decode()
    except OSError as error:
        return [], [f"show stat: {error}"]
    rows = csv.DictReader(io.StringIO(text.lstrip("# ")))
    lines = []
    for row in rows:
        name = f"{row['pxname']} {row['svname']}"
        lines += [f"{name} {key}={value}" for key, value in row.items() if value and key and key not in VOLATILE]
    return rows.fieldnames or [], sorted(line for line in lines if not line.endswith("=0"))


def on_descriptors(case, said):
    """The log lines on standard output and error, where the case logs there."""
    if not re.search(r"log std(out|err)", (case / "haproxy.cfg").read_text()):
        return []
    return sorted(mask(line) for line in said.splitlines() if "[TIME]" in mask(line))


def drain(sink):
    """The lines of traffic that arrived in the log sink, with times and ports masked."""
    lines = []
    sink.settimeout(0.1)
    try:
        while True:
            lines.append(sink.recv(65536))
    except TimeoutError:
        return of_traffic(lines)


def of_traffic(lines):
    masked = [mask(line.decode(errors="replace").rstrip("\n")) for line in lines]
    return [line for line in masked if not re.search(r"(: |^|[> ])(Stopping|Proxy \S+ stopp)", line)]


class UnixSink:
    """A datagram socket by path. The kernel queues few of its datagrams, so they are read as they come."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(path))
        self.received = []
        threading.Thread(target=self.receive, daemon=True).start()

    def receive(self):
        while datagram := self.sock.recv(65536):
            self.received.append(datagram)

    def lines(self):
        time.sleep(0.1)
        return of_traffic(self.received)

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)  # Wakes the reader.
        self.sock.close()


def mask(line):
    line = re.sub(r"^(<\d+>)\w{3} [ \d]\d \d\d:\d\d:\d\d ", r"\1DATE ", line)
    line = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", "ISO-DATE", line)
    line = re.sub(r"^(<\d+>1 ISO-DATE \S+ \S+) \d+ ", r"\1 PID ", line)
    line = re.sub(r" \w+\[\d+\]: ", " TAG[PID]: ", line, count=1)
    line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", line)
    line = re.sub(r"check duration: \d+ms", "check duration: Tms", line)
    line = re.sub(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d(\.\d+| [-+]\d{4})?\]", "[TIME]", line)
    line = re.sub(r' \d+ \d+ ("[^"]*" "[^"]*" "[^"]*") -?\d+ -?\d+ -?\d+ -?\d+ -?\d+ ', r" PORT MS \1 T T T T T ", line)
    timers = r"(?<= )(-?\d+(?:/\+?-?\d+){1,4})(?= (?:\+?-?\d{1,3} )?\+?\d+ )"
    return re.sub(timers, lambda m: re.sub(r"(?<![-\d])\d+", "T", m.group(1)), line, count=1)
