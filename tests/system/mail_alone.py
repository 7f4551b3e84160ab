"""Runs imapd or pop3d alone; lookup and mailbox are played by Python, and the test is the client too."""

import os
import signal
import socket
import struct

from alone import BUILD, Alone

SERVICES = {"imapd": 2, "pop3d": 3}      # enum conf_service
MODSEQ = 5


def record(uid, flags=0):
    """One of am_messages."""
    return struct.pack("!IQIB", uid, MODSEQ, 0, flags)


def ranges(octets):
    """The pairs of UIDs that a request names."""
    return [struct.unpack_from("!II", octets, i) for i in range(0, len(octets), 8)]


class MailServer(Alone):
    """One of the two, with a line to lookup and one to mailbox."""
    state = "none"

    def __init__(self, name):
        self.name, self.program, self.user = name, BUILD / name / name, "_kuriri"
        # Behind its walls it has no /proc, which the leak check needs.
        super().__init__(actions=(), environment={"ASAN_OPTIONS": "detect_leaks=0"})
        self.lookup, self.mailbox = self.peer("lookup"), self.peer("mailbox")

    def send_conf(self):
        super().send_conf()
        self.parent.send("conf_listen", id=1, service=SERVICES[self.name], address="127.0.0.1")
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            self.address = listening.getsockname()
            self.parent.send("pa_socket", fd=listening.fileno(), listen=1)

    def expect(self, verb, line=None):
        """The next request, which must be of that kind: its id and its values."""
        message = (line or self.mailbox).receive(20)
        assert message is not None, self.output()
        name, request, values, _ = message
        assert name == verb, (name, values)
        return request, values

    def grant(self):
        """Says yes to the login that comes next."""
        request, _ = self.expect("al_login", self.lookup)
        self.lookup.send("al_login_is", request=request, account="alice@example.test", token=bytes(range(16)))

    def answer(self, verb, reply, **values):
        """Waits for that request, and answers it with one message; gives what was asked."""
        request, asked = self.expect(verb)
        self.mailbox.send(reply, request=request, **values)
        return asked

    def show(self, uids):
        """Answers am_view with those messages."""
        request, _ = self.expect("am_view")
        send = self.mailbox.send
        send("am_view_is", request=request, mailbox=1, uidvalidity=7, uidnext=1 << 20, modseq=MODSEQ, messages=len(uids))
        for at in range(0, len(uids), 3000):
            send("am_messages", request=request, records=b"".join(map(record, uids[at:at + 3000])))
        send("am_ok", request=request, modseq=MODSEQ)

    def at_once(self, speak):
        """What speak() sends is all there when the process looks next."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
        speak()
        self.process.send_signal(signal.SIGCONT)


class Client:
    def __init__(self, server, source="127.0.0.1"):
        self.sock = socket.create_connection(server.address, timeout=20, source_address=(source, 0))
        self.file = self.sock.makefile("rb")
        self.line()

    def say(self, line):
        self.sock.sendall(line.encode() + b"\r\n")

    def line(self):
        return self.file.readline().decode(errors="replace").rstrip("\r\n")

    def until(self, start):
        """All lines up to the one that begins so."""
        lines = []
        while not lines or not lines[-1].startswith(start):
            lines.append(self.line())
            assert lines[-1] or not lines[:-1] or lines[-2], (start, lines)
        return lines

    def close(self):
        self.file.close()
        self.sock.close()
