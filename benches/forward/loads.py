"""The loads: what wrk sends for each, and the crowd of idle connections."""
import re
import resource
import socket
import ssl
import subprocess
import time

import readings

HEADERS = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) bench",
    "Accept: text/html,application/xhtml+xml",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br",
    "Cookie: session=0123456789abcdef0123456789abcdef",
]


class Load:
    """A load of wrk. `close` asks for a new connection (with TLS: a full handshake) for each request."""

    def __init__(self, title, path="/", connections=64, tls=False, close=False):
        self.title, self.path, self.connections, self.tls, self.close = title, path, connections, tls, close

    def run(self, proxy, seconds):
        """One sample: requests, requests/s, p99 in ms, errors."""
        scheme, port = ("https", proxy.tls_port) if self.tls else ("http", proxy.port)
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--latency", "--timeout", "5s"]
        for header in HEADERS + (["Connection: close"] if self.close else []):
            command += ["-H", header]
        command.append(f"{scheme}://127.0.0.1:{port}{self.path}")
        said = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30).stdout
        return parse(said)


def parse(said):
    done = re.search(r"(\d+) requests in ", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    if not done or int(done.group(1)) == 0 or not rate or not p99:
        return {"requests": 0, "error": said.strip() or "wrk said nothing"}
    # wrk counts the close after each response as a read error where every response ends the connection.
    trouble = re.findall(r"Non-2xx.*|Socket errors.*", said)
    trouble = [t for t in trouble if not re.search(r"connect 0, read \d+, write 0, timeout 0", t)]
    scale = {"us": 0.001, "ms": 1, "s": 1000}[p99.group(2)]
    return {
        "requests": int(done.group(1)),
        "rate": float(rate.group(1)),
        "p99_ms": float(p99.group(1)) * scale,
        "error": "; ".join(trouble),
    }


LOADS = {
    "keep-alive": Load("HTTP/1.1 keep-alive, 1 KiB"),
    "connections": Load("new connection per request, 1 KiB", close=True),
    "64k": Load("keep-alive, 64 KiB", path="/64k", connections=32),
    "1m": Load("keep-alive, 1 MiB", path="/1m", connections=16),
    "tls": Load("TLS keep-alive, 1 KiB", tls=True),
    "handshakes": Load("TLS full handshake per request, 1 KiB", tls=True, close=True, connections=32),
}

IDLE = {"idle": False, "idle-tls": True}


def idle_kib(proxy, tls, count):
    """KiB of resident and proportional memory per connection that is idle between two requests."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = proxy.tls_port if tls else proxy.port
    open_ones = []

    def one_more():
        sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        sock = context.wrap_socket(sock) if tls else sock
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n")
        got = b""
        while b"\r\n\r\n" not in got or len(got.split(b"\r\n\r\n", 1)[1]) < 1024:
            data = sock.recv(4096)
            if not data:
                raise OSError("the proxy closed an idle connection")
            got += data
        open_ones.append(sock)

    try:
        for _ in range(50):  # Warm up: what the first requests allocate is not the price of a connection.
            one_more()
        time.sleep(0.5)
        before = readings.memory_kib(proxy.process.pid)
        for _ in range(count):
            one_more()
        time.sleep(1.5)
        after = readings.memory_kib(proxy.process.pid)
    finally:
        for sock in open_ones:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return {"rss_kib": (after[0] - before[0]) / count, "pss_kib": (after[1] - before[1]) / count}
