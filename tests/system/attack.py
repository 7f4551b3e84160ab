"""What the tests of attacks share: a suite that must come out of each row unharmed, and a wire that sends octets as they
are. A row passes only if, besides its own answers, no process died, no sanitizer spoke, no process grew by more than
32 MiB, and the next ordinary client is served."""

import os
import re
import socket
import struct
import threading
import time
import unittest

from suite import Suite

GROWTH_KIB = 32 * 1024
POURED = 1000 * 1000
PATIENCE = 20


def resident(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * 4


def reset(sock):
    """Hangs up as somebody who pulls the plug."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def processor_time(pid):
    """Seconds that its threads have had, of users and of the system."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Wire:
    """A connection of somebody who means no good."""

    def __init__(self, suite, port, tls=False, source=""):
        self.suite = suite
        self.sock = socket.create_connection((suite.host, suite.port[port]), PATIENCE, (source, 0))
        if tls:
            self.start_tls()
        self.rest = b""

    def start_tls(self):
        self.sock = self.suite.tls().wrap_socket(self.sock, server_hostname="localhost")
        self.rest = b""

    def send(self, octets):
        """A server that hangs up while we talk is right to do so."""
        try:
            self.sock.sendall(octets if isinstance(octets, bytes) else octets.encode("latin-1"))
        except OSError:
            pass

    def line(self):
        """The next line without its end; None when the server has closed."""
        while b"\n" not in self.rest:
            try:
                block = self.sock.recv(65536)
            except ConnectionError:
                block = b""
            if not block:
                return None
            self.rest += block
        line, _, self.rest = self.rest.partition(b"\n")
        assert line.endswith(b"\r"), f"a line ends without CR: {line!r}"
        return line[:-1].decode("latin-1")

    def pour(self, command, count):
        """Sends the command so often and reads nothing, until the server takes no more of it; what is left is sent
        while the answers are read."""
        left = [memoryview(command.encode() * count)]

        def send():
            try:
                while len(left[0]):
                    left[0] = left[0][self.sock.send(left[0][:65536]):]
            except OSError:
                pass

        self.sock.settimeout(None)
        threading.Thread(target=send, daemon=True).start()
        while True:
            before = len(left[0])
            time.sleep(1)
            if len(left[0]) in (0, before):
                return

    def count(self, word, most):
        """How often the word stands in what the server says now, until it was there so often or nothing more comes."""
        self.sock.settimeout(PATIENCE)
        word, found, rest = word.encode(), 0, self.rest
        while found < most and (block := self.sock.recv(1 << 20)):
            rest += block
            found += rest.count(word)
            rest = rest[rest.rfind(word) + len(word):] if word in rest else rest[-len(word) + 1:]
        return found

    def silence(self, seconds=0.3):
        """Nothing comes for a while."""
        self.sock.settimeout(seconds)
        try:
            block = self.sock.recv(65536)
        except (TimeoutError, ConnectionError):
            block = b""
        finally:
            self.sock.settimeout(PATIENCE)
        assert not block and not self.rest, f"unasked: {self.rest + block!r}"

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Attacks(unittest.TestCase):
    """A case whose rows are methods or entries of a table; each runs inside row()."""

    suite = None
    options = {}

    @classmethod
    def setUpClass(cls):
        cls.suite = Suite(**cls.options)
        cls.suite.forget_freed_memory()
        cls.suite.start()

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    def row(self, name):
        return Row(self, name)

    def ask_without_reading(self, name, wire, command, answer):
        """Who asks and does not read is not answered without end; when it reads, every answer comes."""
        with self.row(name) as row, wire:
            wire.pour(command, POURED)
            row.check_memory()
            self.assertEqual(wire.count(answer, POURED), POURED)

    def is_served(self):
        """An ordinary client of this protocol; says what was wrong, or None."""
        raise NotImplementedError


class Row:
    def __init__(self, case, name):
        self.case, self.name, self.suite = case, name, case.suite

    def __enter__(self):
        self.subtest = self.case.subTest(row=self.name)
        self.subtest.__enter__()
        self.lines = len(self.suite.lines)
        self.before = {p["pid"]: (p["name"], resident(p["pid"])) for p in self.suite.processes()}
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.check()
        except AssertionError as e:
            return self.subtest.__exit__(type(e), e, e.__traceback__)
        return self.subtest.__exit__(kind, value, trace)

    def check(self):
        start = time.monotonic()
        wrong = self.case.is_served()
        assert wrong is None, f"the next client is not served: {wrong}"
        assert time.monotonic() - start < PATIENCE / 2, "the next client waited long"
        now = {p["pid"]: p["name"] for p in self.suite.processes()}
        # Processes of agents come and go; those that were there stay.
        gone = [name for pid, (name, _) in self.before.items() if pid not in now]
        assert not gone, f"died: {gone}\n{self.suite.log()[-3000:]}"
        self.check_memory()
        noise = [l for l in self.suite.lines[self.lines:] if re.search("Sanitizer|runtime error|event=bug", l)]
        assert not noise, noise

    def check_memory(self):
        for pid, (name, size) in self.before.items():
            assert resident(pid) - size < GROWTH_KIB, f"{name} grew from {size} to {resident(pid)} KiB"
