"""What a measurement plays on: the nginx origin, the log sink, the certificate, and the proxies, each on its own ports."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target/bench"
CONFIG = HERE / "forward.cfg"
LOG_PORT = 19514
SIZES = {"/": 1024, "/64k": 65536, "/1m": 1048576}

NGINX = """
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.err;
worker_rlimit_nofile 20000;
events {{ worker_connections 9900; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; sendfile on; tcp_nopush on;
    client_body_temp_path {work}/nb; proxy_temp_path {work}/np; fastcgi_temp_path {work}/nf;
    uwsgi_temp_path {work}/nu; scgi_temp_path {work}/ns;
    open_file_cache max=10 inactive=1h; open_file_cache_valid 1h;
    server {{
        listen 127.0.0.1:19080; listen 127.0.0.1:19081; default_type text/plain;
        location = / {{ return 200 "{small}"; }}
        location / {{ root {work}/www; }}
    }}
}}
"""


class NotReady(Exception):
    """Something on the stage did not come up; the text says what and why."""


class Proxy:
    """One proxy to measure: its name, its command, its ports."""

    def __init__(self, name, program, slot):
        self.name, self.program, self.process = name, str(program), None
        self.port, self.tls_port, self.stats_port = 18080 + slot, 18180 + slot, 18280 + slot
        self.output = WORK / f"{name}.log"

    def start(self, *options):
        env = {
            **os.environ,
            "PORT": str(self.port),
            "TLSPORT": str(self.tls_port),
            "STATSPORT": str(self.stats_port),
            "H2PORT": str(self.stats_port + 100),
            "LOGADDR": f"127.0.0.1:{LOG_PORT}",
            "CRT": str(WORK / "site.pem"),
        }
        command = [self.program, "-db", "-f", str(CONFIG), *options]
        with self.output.open("w") as log:
            self.process = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        for port in (self.port, self.tls_port, self.stats_port):
            if not wait_for_port(port, self.process):
                said = self.output.read_text(errors="replace").strip()
                self.stop()
                raise NotReady(f"{self.name} does not listen on port {port}. It said:\n{said[-2000:]}")

    def stop(self):
        stop(self.process)

    def version(self):
        said = subprocess.run([self.program, "-v"], capture_output=True, text=True, errors="replace").stdout
        return said.splitlines()[0] if said else "unknown"


def wait_for_port(port, process, seconds=5):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False


def stop(process):
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def candidates(wanted):
    """The proxies that are to be had, those of `wanted` only if it is not empty, and notes on the others."""
    programs = {
        "haproxy-2.6": shutil.which("haproxy"),
        "haproxy-2.8": ROOT / "target/reference/haproxy-2.8",
        "hydroxy": ROOT / "target/release/hydroxy",
    }
    found, notes = [], []
    for slot, (name, program) in enumerate(programs.items()):
        if wanted and name not in wanted:
            continue
        if program and pathlib.Path(program).exists():
            if name == "haproxy-2.6":
                name = "haproxy-" + re.search(r"version (\d+\.\d+)", Proxy(name, program, slot).version()).group(1)
            found.append(Proxy(name, program, slot))
        else:
            notes.append(f"SKIPPED: {name} is not installed or not built")
    return found, notes


def prepare():
    """Makes the certificate and the files that the origin serves."""
    (WORK / "www").mkdir(parents=True, exist_ok=True)
    for path, size in SIZES.items():
        if path != "/":
            (WORK / "www" / path[1:]).write_bytes(b"x" * size)
    pem = WORK / "site.pem"
    if not pem.exists():
        key, cert = WORK / "key.pem", WORK / "cert.pem"
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=localhost"
        subprocess.run(command.split() + ["-keyout", key, "-out", cert], check=True, capture_output=True)
        pem.write_text(cert.read_text() + key.read_text())


def start_origin():
    config = WORK / "nginx.conf"
    config.write_text(NGINX.format(work=WORK, small="x" * SIZES["/"]))
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([nginx, "-c", str(config), "-e", str(WORK / "nginx.err")], stdin=subprocess.DEVNULL)
    for port in (19080, 19081):
        if not wait_for_port(port, process):
            stop(process)
            raise NotReady(f"nginx does not listen on {port}: {(WORK / 'nginx.err').read_text()[-500:]}")
    return process


def start_sink():
    """A cheap process that reads and drops the log lines."""
    command = ["socat", "-u", "-b", "65536", f"UDP4-RECV:{LOG_PORT},bind=127.0.0.1,rcvbuf=4194304", "OPEN:/dev/null"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def rehearse(proxy):
    """Checks that a proxy does the whole job before it is measured: bodies, rules, statistics, a log line."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", LOG_PORT))
        sink.settimeout(3)
        for path, size in SIZES.items():
            got = len(urllib.request.urlopen(f"http://127.0.0.1:{proxy.port}{path}", timeout=5).read())
            if got != size:
                raise NotReady(f"{proxy.name}: {path} has {got} bytes instead of {size}")
            line = ""
            while '"GET ' not in line:  # The probes for open ports leave lines of another kind.
                line = sink.recv(8192).decode(errors="replace")
            if f'"GET {path} HTTP/1.1"' not in line or " web app/s" not in line:
                raise NotReady(f"{proxy.name}: unexpected log line: {line}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{proxy.port}/private", timeout=5)
            raise NotReady(f"{proxy.name}: /private is not denied")
        except urllib.error.HTTPError as error:
            if error.code != 403:
                raise NotReady(f"{proxy.name}: /private gives {error.code} instead of 403") from error
        table = urllib.request.urlopen(f"http://127.0.0.1:{proxy.stats_port}/;csv", timeout=5).read().decode()
        if "web,FRONTEND," not in table:
            raise NotReady(f"{proxy.name}: no row web,FRONTEND in the statistics")
