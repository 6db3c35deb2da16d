"""Readings of the kernel about processes and the machine: CPU time, memory, and how busy others are."""
import os
import pathlib
import re

TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")


def family(pid):
    """The process and all its descendants."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
            parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
        except (OSError, IndexError):
            continue
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += parents.get(found[-1], [])
    return found


def cpu_us(pid):
    """(user, system) CPU time in microseconds of a process with all its threads and children, ended ones included."""
    user = system = 0
    for member in family(pid):
        try:
            fields = pathlib.Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        user += int(fields[11]) + int(fields[13])
        system += int(fields[12]) + int(fields[14])
    return user * TICK_US, system * TICK_US


def memory_kib(pid):
    """Resident and proportional memory of a process and its children in KiB."""
    rss = pss = 0
    for member in family(pid):
        text = pathlib.Path(f"/proc/{member}/smaps_rollup").read_text()
        rss += int(re.search(r"^Rss:\s+(\d+)", text, re.MULTILINE).group(1))
        pss += int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE).group(1))
    return rss, pss


def busy_us():
    """CPU time that the whole machine has spent on anything, in microseconds."""
    fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]))
    return (sum(fields[:3]) + sum(fields[5:7])) * TICK_US
