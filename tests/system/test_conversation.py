"""Plays every dialogue of tests/conversation against a running suite; see the README there."""

import re
import socket
import unittest
from pathlib import Path

from suite import Suite

FOLDER = Path(__file__).resolve().parents[1] / "conversation"
DEFAULT_PORT = {"smtp": "smtp", "imap": "imap", "pop3": "pop3"}
DEFAULT_TLS_PORT = {"smtp": "smtps", "imap": "imaps", "pop3": "pop3s"}


class Connection:
    def __init__(self, suite, port, tls):
        self.sock = socket.create_connection((suite.host, suite.port[port]), timeout=20)
        if tls:
            self.sock = suite.tls().wrap_socket(self.sock, server_hostname="localhost")
        self.suite, self.file = suite, self.sock.makefile("rb")

    def start_tls(self):
        self.file.close()
        self.sock = self.suite.tls().wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")

    def line(self):
        return self.file.readline().decode(errors="replace")

    def close(self):
        self.file.close()
        self.sock.close()


class Talk:
    """One file being played."""

    def __init__(self, suite, path):
        self.suite, self.path, self.transcript = suite, path, []
        self.lines = path.read_text().split("\n")
        self.names = {"alice": suite.address("alice"), "bob": suite.address("bob")}
        protocol = path.parent.name
        head = [l[2:] for l in self.lines if l.startswith("# ")]
        self.tls = "tls" in head
        self.port = next((l.split()[1] for l in head if l.startswith("port ")), None)
        if self.port == "submission" and self.tls:
            self.port = "smtps"
        self.port = self.port or (DEFAULT_TLS_PORT if self.tls else DEFAULT_PORT)[protocol]
        self.connections = {}

    def connection(self, number):
        if number not in self.connections:
            self.connections[number] = Connection(self.suite, self.port, self.tls)
        return self.connections[number]

    def fill(self, text):
        return re.sub(r"\$(\w+)", lambda m: self.names.get(m.group(1), m.group(0)), text)

    def fail(self, number, why):
        raise AssertionError(f"{self.path.name}:{number}: {why}\n" + "".join(self.transcript))

    def receive(self, c, number):
        line = c.line()
        self.transcript.append("  S: " + line if line else "  S. (closed)\n")
        return line.rstrip("\r\n") if line else None

    def play(self):
        try:
            for number, line in enumerate(self.lines, 1):
                if line and not line.startswith("#"):
                    self.step(number, line)
        finally:
            for c in self.connections.values():
                c.close()

    def step(self, number, line):
        m = re.fullmatch(r"(\d?)(C:|C\||S:|S~|S\*|S\.|T\.) ?(.*)", line)
        if not m:
            self.fail(number, f"not a line of a dialogue: {line}")
        c, verb, text = self.connection(m.group(1) or "1"), m.group(2), m.group(3)
        if verb in ("C:", "C|"):
            octets = self.fill(text).encode()
            octets = octets + b"\r\n" if verb == "C:" else octets.decode("unicode_escape").encode("latin-1")
            self.transcript.append(f"  C: {octets!r}\n")
            c.sock.sendall(octets)
            return
        if verb == "T.":
            return c.start_tls()
        while True:
            got = self.receive(c, number)
            if verb == "S.":
                return None if got is None else self.fail(number, "the connection is still open")
            if got is None:
                self.fail(number, f"closed; wanted {text}")
            found = re.match(self.fill(text) if verb == "S:" else self.fill(text).replace("\\\\", "\\"), got) \
                if verb != "S:" else (got == self.fill(text) or None)
            if found:
                if verb != "S:":
                    self.names.update({k: v for k, v in found.groupdict().items() if v})
                return None
            if verb != "S*":
                self.fail(number, f"wanted {text}")


class Conversation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)


def add_tests():
    for path in sorted(FOLDER.glob("*/*.talk")):
        name = f"test_{path.parent.name}_{path.stem}".replace("-", "_")
        setattr(Conversation, name, lambda self, p=path: Talk(self.suite, p).play())


add_tests()

if __name__ == "__main__":
    unittest.main()
