r"""The client of a case: plays client.txt against the proxy and notes every byte that comes back.

    connect [NAME]   a new connection to the socket that the configuration binds as fd@${NAME} (the first by default)
    > TEXT           send the text and CRLF; consecutive lines go out in one piece; escapes as \r \n \t \0 \\ \xHH
    >> TEXT          send the text without CRLF
    repeat N TEXT    send the text N times
    recv [head]      read one response, interim ones included; `head` for the answer to HEAD or CONNECT
    bytes N          read N bytes
    eof              read to the end of the connection
    quiet MS         note whatever arrives within so many milliseconds
    shutdown         close the sending direction
    close            look whether the proxy closed the connection, then close it
    reset            close with a reset
    use N            go on with connection N, counted from 1
    wait MS          pause
    cli LINE         say the line to the runtime socket (cli.py)
    dns LINE         change what the name server says (dns.py)

At the end every connection that is open is looked at once more: did the proxy close it?
"""
import re
import socket
import time

import http1


class Client:
    def __init__(self, addresses, console, dns=None):
        self.addresses, self.streams, self.current, self.out = addresses, [], None, b""
        self.console, self.dns = console, dns
        self.record = []

    def play(self, script):
        for line in script.splitlines():
            if line.startswith(">> "):
                self.out += http1.unescape(line[3:])
            elif line.startswith(">"):
                self.out += http1.unescape(line[2:]) + b"\r\n"
            elif line.startswith("repeat "):
                _, count, text = line.split(" ", 2)
                self.out += http1.unescape(text) * int(count)
            elif line.startswith("cli "):
                self.flush()
                self.console.say(line[4:])
            elif line.startswith("dns "):
                self.flush()
                self.dns.change(line[4:])
            elif line.strip() and not line.startswith("#"):
                self.flush()
                self.step(*line.split())
        self.flush()
        for number, stream in enumerate(self.streams):
            if stream is not None:
                self.current = number
                self.look_again()
                stream.sock.close()

    def flush(self):
        if self.out:
            if self.current is None:
                self.step("connect")
            try:
                self.streams[self.current].sock.sendall(self.out)
            except OSError:
                self.note(["<send failed>"])
            self.out = b""

    def step(self, verb, argument=None):
        if verb == "connect":
            name = argument or next(iter(self.addresses))
            sock = socket.create_connection(self.addresses[name], timeout=4)
            self.streams.append(http1.Stream(sock))
            self.record.append([f"<connection {len(self.streams)} to {name}>"])
            self.current = len(self.streams) - 1
            return
        if verb == "use":
            self.current = int(argument) - 1
            return
        if verb == "wait":
            time.sleep(int(argument) / 1000)
            return
        stream = self.streams[self.current]
        if verb == "shutdown":
            try:
                stream.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self.note(["<shutdown failed>"])
        elif verb == "close":
            self.look_again()
            stream.sock.close()
            self.streams[self.current] = None
            time.sleep(0.03)  # The next connection is to find this one gone.
        elif verb == "reset":
            http1.reset(stream.sock)
            self.streams[self.current] = None
            time.sleep(0.03)
        elif verb == "quiet":
            self.look_again(int(argument) / 1000)
        else:
            self.receive(verb, argument, stream)

    def receive(self, verb, argument, stream):
        try:
            if verb == "recv":
                self.response(stream, argument == "head")
            elif verb == "bytes":
                self.note(http1.lines(stream.exactly(int(argument))))
            elif verb == "eof":
                self.note(http1.lines(stream.to_end()) + ["<eof>"])
            else:
                raise SystemExit(f"client.txt: unknown verb '{verb}'")
        except http1.Closed:
            self.note(http1.lines(stream.buffer) + ["<closed early>"])
            stream.buffer = b""
        except TimeoutError:
            self.note(http1.lines(stream.buffer) + ["<timeout>"])
            stream.buffer = b""
        except ConnectionResetError:
            self.note(http1.lines(stream.buffer) + ["<reset>"])
            stream.buffer = b""

    def response(self, stream, bodiless):
        while True:
            head = stream.until(b"\r\n\r\n")
            self.note(http1.lines(head))
            status = int(re.match(rb"HTTP/\S+ (\d{3})", head).group(1))
            if status >= 200 or status == 101:
                break
        bodiless = bodiless or status in (101, 204, 304)
        self.note(http1.body(stream, head, bodiless, until_close=True))

    def look_again(self, seconds=0.1):
        stream = self.streams[self.current]
        state = "<open>"
        stream.seconds = seconds
        try:
            while True:
                stream.fill()
        except http1.Closed:
            state = "<eof>"
        except TimeoutError:
            pass
        except OSError:
            state = "<reset>"
        stream.seconds = 4.0
        self.note(http1.lines(stream.buffer) + [state])
        stream.buffer = b""

    def note(self, lines):
        self.record[self.current].extend(lines)
