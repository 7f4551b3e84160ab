"""An IMAP client for measurements: it sends, and looks only for the end of the answer."""

import socket
import ssl
import time

from servers import SECRET

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # one for all: the authorities' files would cost 30 ms each time
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE


class Client:
    """One connection, from a source address of its own choice, as one user or nobody yet."""

    def __init__(self, server, user=0, tls=False, source=1, login=True):
        port = server.imaps_port if tls else server.imap_port
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        self.socket.bind((f"127.1.{source // 250}.{source % 250 + 1}", 0))
        self.socket.settimeout(300)
        self.socket.connect((server.host, port))
        if tls:
            self.socket = TLS.wrap_socket(self.socket)
        self.rest = b""
        self.number = 0
        self.line()
        if login:
            self.command(f"LOGIN {server.user(user)} {SECRET}")

    def line(self):
        while b"\n" not in self.rest:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the server closed the session")
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def send(self, text):
        """Sends a command; gives its tag."""
        self.number += 1
        tag = b"t%d" % self.number
        self.socket.sendall(tag + b" " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return tag

    def until(self, tag):
        """Reads to the end of the answer; gives (its octets, its last line). It must be the last that comes."""
        total, tail = 0, self.rest
        self.rest = b""
        while True:
            if tail.endswith(b"\r\n"):
                last = tail[tail.rfind(b"\n", 0, -1) + 1:]
                if last.startswith(tag + b" "):
                    break
            data = self.socket.recv(1 << 20)
            if not data:
                raise EOFError("the server closed the session")
            total += len(data)
            tail = data if len(data) > 4096 else tail[-4096:] + data
        if not last.startswith(tag + b" OK"):
            raise RuntimeError(last.decode(errors="replace"))
        return total, last

    def command(self, text):
        return self.until(self.send(text))

    def timed(self, text):
        """Milliseconds from the command to the end of its answer."""
        start = time.perf_counter()
        self.command(text)
        return (time.perf_counter() - start) * 1e3

    def append(self, box, message):
        return self.send(b"APPEND %s {%d+}\r\n%s" % (box.encode(), len(message), message))

    def idle(self):
        self.number += 1
        self.socket.sendall(b"t%d IDLE\r\n" % self.number)
        self.line()

    def close(self):
        self.socket.close()
