"""POP3 beside Dovecot: a mailbox of 10,000, and messages fetched one after another."""

import socket
import time

from mail import fill
from servers import SECRET, Kurir, dovecot
from table import Table

COUNT = 10000
RETRIEVED = 2000


class Client:
    def __init__(self, server, user=0):
        self.socket = socket.create_connection((server.host, server.pop3_port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", buffering=1 << 16)
        self.file.readline()
        self.command(f"USER {server.user(user)}")
        self.command(f"PASS {SECRET}")

    def command(self, line, many=False):
        self.socket.sendall(line.encode() + b"\r\n")
        first = self.file.readline()
        if not first.startswith(b"+OK"):
            raise RuntimeError(first.decode(errors="replace"))
        while many and self.file.readline() != b".\r\n":
            pass

    def close(self):
        self.command("QUIT")
        self.socket.close()


def timed(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def run(rounds=3):
    both = [Kurir(users=1), dovecot()]
    names = [s.name for s in both]
    table = Table(f"POP3, a mailbox of {COUNT:,}", names, "ms", more_is_better=False, digits=1)
    rate = Table("RETR", names, "messages a second")
    try:
        for server in both:
            server.start()
            fill(server, 0, COUNT)
        for round_ in range(rounds):
            for server in both if round_ % 2 == 0 else reversed(both):
                clients = []
                table.add("login", server.name, timed(lambda: clients.append(Client(server))))
                c = clients[0]
                for command, many in (("STAT", False), ("UIDL", True), ("LIST", True)):
                    table.add(command, server.name, timed(lambda: c.command(command, many)))
                took = timed(lambda: [c.command(f"RETR {i}", True) for i in range(1, RETRIEVED + 1)])
                rate.add(f"{RETRIEVED:,}, one after another", server.name, RETRIEVED / took * 1e3)
                c.close()
    finally:
        for server in both:
            server.stop()
    return [table, rate]
