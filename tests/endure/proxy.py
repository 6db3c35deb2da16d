"""Starting and stopping a proxy and origins for a test, on ports that were free a moment ago."""
import atexit
import functools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def free_ports(count):
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def wait_for_port(port, process, seconds=5):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


def start_origin(port, words=()):
    process = subprocess.Popen([sys.executable, str(HERE / "origin.py"), str(port), *words], stdin=subprocess.DEVNULL)
    wait_for_port(port, process)
    return process


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    process.wait()


def end_all(processes):
    """Ends them in order, and those that do not follow by force."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            end(process)


def ask(path, command):
    """The answer of a runtime socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        sock.connect(str(path))
        sock.sendall(command.encode() + b"\n")
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


@functools.cache
def certificate():
    """A certificate that signs itself, with its key in the same file."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="endure-"))
    atexit.register(shutil.rmtree, folder)
    path, key = folder / "site.pem", folder / "key.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    subprocess.run([*made.split(), "-keyout", key, "-out", path], check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path


class Proxy:
    """A proxy on a configuration; a context manager."""

    def __init__(self, program, config, options=()):
        self.folder = tempfile.TemporaryDirectory(prefix="endure-")
        folder = pathlib.Path(self.folder.name)
        (self.port,) = free_ports(1)
        self.socket = folder / "admin"
        (folder / "proxy.cfg").write_text(config.format(port=self.port, socket=self.socket))
        self.output = folder / "output"
        with self.output.open("w") as log:
            command = [program, *options, "-db", "-f", str(folder / "proxy.cfg")]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        try:
            wait_for_port(self.port, self.process)
        except RuntimeError as error:
            said = self.said()
            self.__exit__()
            raise RuntimeError(f"{error}\n{said}") from error
        return self

    def __exit__(self, *_):
        end_all([self.process])
        self.folder.cleanup()

    def said(self):
        return self.output.read_text(errors="replace")

    def ask(self, command):
        return ask(self.socket, command)

    def status_of(self, server):
        """`UP`, `DOWN`, ... as `show stat` has it."""
        return self.row_of(server)[17]

    def sessions_of(self, server):
        """How many streams were given to the server (`stot`)."""
        return int(self.row_of(server)[7] or 0)

    def row_of(self, server):
        found = re.search(rf"^\w+,{server},.*$", self.ask("show stat"), re.M)
        return found.group(0).split(",") if found else [""] * 20

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
