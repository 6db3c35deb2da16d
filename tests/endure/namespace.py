"""A network of its own for a test: loopback only, without the rules of container engines, with ports that can be cut off."""
import os
import shutil
import subprocess
import sys

INSIDE = "ENDURE_NAMESPACE"


def enter():
    """Starts this program again in a network of its own, where that is allowed; goes on without it elsewhere."""
    if os.environ.get(INSIDE) or os.geteuid() != 0 or not shutil.which("unshare"):
        return
    if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0:
        inner = 'ip link set lo up && exec "$@"'
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-n", "sh", "-c", inner, "sh", sys.executable, *sys.argv])


def can_cut():
    """Whether `cut` works: rules may be made in this network only."""
    return bool(os.environ.get(INSIDE) and shutil.which("iptables"))


def cut(port):
    """Whatever is sent to the port is lost, without any answer, as if its host were gone."""
    rule("-I", port)


def mend(port):
    rule("-D", port)


def rule(what, port):
    command = ["iptables", "-w", what, "INPUT", "-p", "tcp", "--dport", str(port), "-j", "DROP"]
    subprocess.run(command, check=True, capture_output=True)
