"""The origin server of a case: records each request it gets and answers as origin.txt says.

    [/path]             the request targets this block answers; [*] answers the rest
    !delay 300          wait so many milliseconds before the answer
    !early              answer before the body of the request is read
    !continue           send "100 Continue" before the body is read
    !hang               never answer
    !close              close after the answer, or without one where the block has none
    HTTP/1.1 200 OK     head lines, to which CRLF is added
    ...
                        an empty line, then body lines, joined without anything between them; escapes work

The second block of the same path answers the second request, and so on; the last one repeats. Without origin.txt every
request gets 200 and "hello".
"""
import re
import threading
import time

import http1

DEFAULT = "[*]\nHTTP/1.1 200 OK\nContent-Length: 5\n\nhello\n"


class Block:
    def __init__(self, path):
        self.path, self.delay, self.flags, self.answer = path, 0.0, set(), b""


def parse(text):
    blocks, in_body = [], False
    for line in text.splitlines():
        header = re.fullmatch(r"\[(\S+)\]", line)
        if header:
            blocks.append(Block(header.group(1)))
            in_body = False
        elif not blocks or (line.startswith("#") and not in_body):
            continue
        elif line.startswith("!delay ") and not in_body:
            blocks[-1].delay = int(line.split()[1]) / 1000
        elif line.startswith("!") and not in_body:
            blocks[-1].flags.add(line[1:].strip())
        elif in_body:
            blocks[-1].answer += http1.unescape(line)
        elif blocks[-1].answer or line:
            blocks[-1].answer += http1.unescape(line) + b"\r\n"
            in_body = line == ""
    for block in blocks:
        if block.answer and b"\r\n\r\n" not in block.answer:
            block.answer += b"\r\n"
    return blocks


class Origin:
    """One listening origin; `record` is what it received."""

    def __init__(self, script, stop):
        self.blocks, self.seen, self.record, self.stop = parse(script or DEFAULT), {}, [], stop
        self.sock = http1.listen()
        self.address = "127.0.0.1:%d" % self.sock.getsockname()[1]
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        self.sock.settimeout(0.2)
        count = 0
        while not self.stop.is_set():
            try:
                connection, _ = self.sock.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            count += 1
            threading.Thread(target=self.serve, args=(connection, count), daemon=True).start()
        self.sock.close()

    def serve(self, connection, number):
        stream = http1.Stream(connection, 10.0)
        with connection:
            try:
                while not self.stop.is_set() and self.exchange(stream, connection, number):
                    pass
            except (http1.Closed, OSError, ValueError):
                pass

    def exchange(self, stream, connection, number):
        head = stream.until(b"\r\n\r\n")
        target = head.split(b" ")[1].decode("latin-1") if head.count(b" ") else ""
        block = self.choose(target)
        if "continue" in block.flags:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        noted = [f"<connection {number}>"] + http1.lines(head)
        with self.lock:
            at = len(self.record)
            self.record.append(noted)
        if "early" not in block.flags:
            self.record[at] = noted + http1.body(stream, head)
        time.sleep(block.delay)
        if "hang" in block.flags:
            self.stop.wait(10)
            return False
        connection.sendall(block.answer)
        return "close" not in block.flags and "early" not in block.flags

    def choose(self, target):
        fit = [b for b in self.blocks if b.path == target] or [b for b in self.blocks if b.path == "*"]
        if not fit:
            fit = parse(DEFAULT)
        with self.lock:
            turn = self.seen.get(fit[0].path, 0)
            self.seen[fit[0].path] = turn + 1
        return fit[min(turn, len(fit) - 1)]
