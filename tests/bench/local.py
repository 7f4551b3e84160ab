"""Local delivery: until the last message lies in its mailbox. Kurir's mail store; the peers' Maildirs."""

import os
import sys
import time

from imap_client import Client
from servers import PEERS, SECRET, Kurir, load, opensmtpd, postfix
from table import Table

ROUNDS = 3
# name, messages, connections, users, name of the recipients, recipients of a message
WORKS = [("one user, 10 connections", 4000, 10, 1, "u%d@example.test", 1),
         ("100 users, 10 connections", 4000, 10, 100, "u%d@example.test", 1),
         ("100 recipients a message, 2 connections", 100, 2, 100, "bulk%d@example.test", 100)]


class Delivered:
    """Counts deliveries without asking the server: Kurir's lines in its log, the peers' files."""

    def __init__(self, server, names):
        self.server, self.names = server, names
        self.log, self.lines, self.rest = None, 0, b""
        if isinstance(server, Kurir):
            self.log = open(server.folder / "log", "rb")
            self.log.seek(0, os.SEEK_END)

    def count(self):
        if self.log:
            whole, _, self.rest = (self.rest + self.log.read()).rpartition(b"\n")
            self.lines += whole.count(b"event=delivered ")
            return self.lines
        total = 0
        for name in self.names:
            try:
                total += len(os.listdir(PEERS / self.server.key / "var/vmail" / name / "new"))
            except FileNotFoundError:
                pass
        return total

    def wait(self, target, seconds):
        """The moment when so many had come, or None."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            missing = target - self.count()
            if missing <= 0:
                return time.monotonic()
            time.sleep(0.05 if missing > 500 else 0.01)
        return None

    def close(self):
        if self.log:
            self.log.close()


def stored(server, name):
    """How many messages a client of Kurir finds in that mailbox."""
    c = Client(server, login=False)
    c.command(f"LOGIN {name}@example.test {SECRET}")
    tag = c.send("STATUS INBOX (MESSAGES)")
    line = c.line()
    c.until(tag)
    c.close()
    return int(line[line.rindex(b" ") + 1:].rstrip(b")\r"))


def once(server, messages, connections, users, to, recipients):
    """(deliveries a second, CPU seconds for 10,000 deliveries)."""
    names = [f"{to.partition('%')[0]}{i}" for i in range(users)]
    deliveries = messages * recipients
    check = isinstance(server, Kurir)
    found = stored(server, names[0]) if check else 0
    boxes = Delivered(server, names)
    before, cpu, start = boxes.count(), server.cpu(), time.monotonic()
    report = load(server, c=connections, m=messages, l=10240, t=to, u=users, r=recipients)
    end = boxes.wait(before + deliveries, 60) if report["accepted"] == messages else None
    boxes.close()
    if not end:
        print(f"  {server.name}: {report['accepted']} of {messages}: {report['complaint']}", file=sys.stderr)
        return None, None
    cpu = server.cpu() - cpu
    assert not check or stored(server, names[0]) == found + deliveries // users, "delivered, but not found"
    return deliveries / (end - start), cpu * 10000 / deliveries


def run(rounds=ROUNDS):
    servers = [Kurir(users=100, bulk=100), postfix(), opensmtpd()]
    names = [s.name for s in servers]
    rate = Table("Local delivery, 10 KiB", names, "deliveries a second")
    cpu = Table("CPU of local delivery", names, "seconds for 10,000", more_is_better=False, digits=1)
    try:
        for server in servers:
            server.start()
        for round_ in range(rounds):
            for work, *options in WORKS:
                for server in servers if round_ % 2 == 0 else reversed(servers):
                    for table, value in zip((rate, cpu), once(server, *options)):
                        table.add(work, server.name, value)
    finally:
        for server in servers:
            server.stop()
    return [rate, cpu]
