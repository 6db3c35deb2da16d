"""The origin server of a case in TCP mode: plays its script on each connection and records what it receives.

    !tcp                the first line of such a script
    send TEXT           send the text; escapes as in client.txt
    repeat N TEXT       send the text N times
    bytes N             read N bytes
    head                read an HTTP head
    eof                 read to the end of the connection
    shutdown            close the sending direction
    reset               close with a reset
    wait MS             pause

At the end of the script the connection is closed. `origin_NAME.txt` is the script of ${ORIGIN_NAME}, `origin.txt` that of the others.
"""
import socket
import threading

import http1

MARK = "!tcp"


class TcpOrigin:
    """One listening origin; `record` is what it received."""

    def __init__(self, script, stop):
        self.script, self.record, self.stop = script, [], stop
        self.sock = http1.listen()
        self.address = "127.0.0.1:%d" % self.sock.getsockname()[1]
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
            noted = [f"<connection {count}>"]
            self.record.append(noted)
            threading.Thread(target=self.serve, args=(connection, noted), daemon=True).start()
        self.sock.close()

    def serve(self, connection, noted):
        stream = http1.Stream(connection, 5.0)
        with connection:
            for line in self.script.splitlines():
                if line == MARK or not line or line.startswith("#"):
                    continue
                try:
                    noted.extend(self.step(stream, *line.split(" ", 1)))
                except (http1.Closed, OSError) as error:
                    noted.extend(http1.lines(stream.buffer) + [ending(error)])
                    return

    def step(self, stream, verb, argument=""):
        if verb == "send":
            stream.sock.sendall(http1.unescape(argument))
        elif verb == "repeat":
            count, text = argument.split(" ", 1)
            stream.sock.sendall(http1.unescape(text) * int(count))
        elif verb == "bytes":
            return http1.lines(stream.exactly(int(argument)))
        elif verb == "head":
            return http1.lines(stream.until(b"\r\n\r\n"))
        elif verb == "eof":
            return http1.lines(stream.to_end()) + ["<eof>"]
        elif verb == "shutdown":
            stream.sock.shutdown(socket.SHUT_WR)
        elif verb == "reset":
            http1.reset(stream.sock)
        elif verb == "wait":
            self.stop.wait(int(argument) / 1000)
        else:
            return [f"<origin: unknown verb '{verb}'>"]
        return []


def ending(error):
    """How a connection ended before its script did."""
    if isinstance(error, TimeoutError):
        return "<timeout>"
    return "<closed early>" if isinstance(error, http1.Closed) else "<reset>"
