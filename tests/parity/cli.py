r"""Talks to the runtime socket: plays cli.txt once the client is done, and notes the answers.

Each line is one connection: it is sent with a line end behind it, and the answer is read to the end. Escapes are those of
client.txt, so `prompt\nshow info\nquit` is three lines on one connection; ${CASE} is the folder of the case. `#` begins a
comment, `wait MS` is a pause of the player (`wait 5ms` a command). What depends on time, place or release is masked: pointers,
ports, ages, the columns of counters.
"""
import csv
import io
import re
import socket
import time

import http1

# The columns of `show stat` that are noted; the others are compared at the end of a case, as channel csv.
COLUMNS = "svname status weight act bck type stot".split()


class Console:
    def __init__(self, path, case, ports):
        self.path, self.case, self.ports, self.record = path, str(case), ports, []

    def play(self, script):
        for line in script.splitlines():
            pause = re.fullmatch(r"wait (\d+)", line)
            if pause:
                time.sleep(int(pause.group(1)) / 1000)
            elif line.strip() and not line.startswith("#"):
                self.say(line)

    def say(self, line):
        self.record.append(f"<{line}>")
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(3)
                sock.connect(str(self.path))
                sock.sendall(http1.unescape(line.replace("${CASE}", self.case)) + b"\n")
                answer = http1.Stream(sock).to_end().decode(errors="replace")
        except OSError as error:
            answer = f"<{type(error).__name__}>"
        self.record += self.mask(answer)

    def mask(self, answer):
        if answer.startswith("# pxname"):
            return table(answer)
        for name, port in self.ports.items():
            answer = re.sub(rf"\b{port}\b", name, answer)
        answer = answer.replace(str(self.path), "STATS").replace(self.case, "CASE")
        answer = re.sub(r"\b0x[0-9a-f]+", "POINTER", answer)
        answer = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", answer)
        answer = re.sub(r"(?m)^(  \w+: +)[1-9]\d*$", r"\1SOME", answer)  # Of a name server.
        answer = re.sub(r" ts=\w+ .*", " ...", answer)  # Of a stream.
        answer = re.sub(r"\[\d\d/\w+/\d+:[\d:.]+\]", "[DATE]", answer)
        answer = re.sub(r"\[\d+:\d\d:\d\d:\d\d\]>", "[UPTIME]>", answer)
        answer = re.sub(r" exp=[1-9]\d*", " exp=T", answer)  # Of an entry in a table.
        # Lists of commands grow with releases.
        return columns(line for line in answer.split("\n") if not re.match(r"  .{40,}?: ", line))


def table(answer):
    rows = csv.DictReader(io.StringIO(answer.lstrip("# ")))
    return [" ".join([row["pxname"], *(f"{name}={row[name]}" for name in COLUMNS)]) for row in rows if row["svname"]]


def columns(lines):
    """Masks the time in `show servers state`."""
    at, masked = None, []
    for line in lines:
        words = line.split(" ")
        if "srv_time_since_last_change" in words:
            at = words.index("srv_time_since_last_change") - 1  # Behind the `#`.
        elif at and len(words) > at:
            words[at] = "T"
        masked.append(" ".join(words))
    return masked
