"""What work costs besides time: system calls, syncs and memory of relaying; a login's CPU."""

import shutil
import signal
import subprocess
import sys
import threading
import time

from imap_client import Client
from servers import Kurir, Sink, dovecot, load, opensmtpd, postfix
from table import Table

MESSAGES = 3000
LOGINS = 200
SYNCS = ["syscalls:sys_enter_fsync", "syscalls:sys_enter_fdatasync"]
EVENTS = ["raw_syscalls:sys_enter", *SYNCS]


class Calls:
    """Counts the system calls of a server's processes, and of those that they start, with perf(1)."""

    def __init__(self, server):
        pids = ",".join(str(pid) for pid in server.pids())
        self.process = subprocess.Popen(["perf", "stat", "-x", ",", "-e", ",".join(EVENTS), "-p", pids],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)  # until it looks

    def end(self):
        """(all calls, syncs) since then."""
        self.process.send_signal(signal.SIGINT)
        counts = {}
        for line in self.process.communicate()[1].splitlines():
            fields = line.split(",")
            if len(fields) > 2 and fields[2] in EVENTS:
                counts[fields[2]] = int(fields[0])
        return counts[EVENTS[0]], sum(counts[name] for name in SYNCS)


class Weight(threading.Thread):
    """The most memory that a server's processes had together while it was looked at, in MiB."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.on, self.most = server, True, 0
        self.start()

    def run(self):
        while self.on:
            self.most = max(self.most, self.server.pss()[0] / 1024)
            time.sleep(0.2)

    def end(self):
        self.on = False
        self.join()
        return self.most


def relayed(server, sink, connections):
    """Relays MESSAGES of 10 KiB over so many sessions; false when some did not arrive."""
    before = sink.count()
    report = load(server, c=connections, m=MESSAGES, l=10240, a=max(1, connections // 20), t="x@sink.test")
    return report["accepted"] == MESSAGES and sink.wait(before + MESSAGES, 60) is not None


def relay(rounds=1):
    """System calls and syncs for a message relayed over 50 sessions; memory while relaying for 100."""
    servers = [Kurir(), postfix(), opensmtpd()]
    names = [s.name for s in servers]
    calls = Table("Relaying 10 KiB over 50 sessions", names, "a message", more_is_better=False, digits=2)
    memory = Table("Relaying 10 KiB over 100 sessions", names, "MiB of PSS, the most", more_is_better=False, digits=1)
    if shutil.which("perf") is None:
        print("  perf (Debian's linux-perf) is not here: system calls are not counted", file=sys.stderr)
    with Sink() as sink:
        for server in servers:
            with server:
                relayed(server, sink, 50)
                for _ in range(rounds):
                    server.settle()
                    counted = Calls(server) if shutil.which("perf") else None
                    whole = relayed(server, sink, 50)
                    server.settle(5)
                    for work, number in zip(("system calls", "syncs"), counted.end() if counted else ()):
                        calls.add(work, server.name, number / MESSAGES if whole else None)
                    weight = Weight(server)
                    whole = relayed(server, sink, 100)
                    memory.add("the whole suite", server.name, weight.end() if whole else None)
    return [calls, memory]


def logins(server, tls):
    """The server's CPU for a login and a logout, in milliseconds."""
    def once():
        c = Client(server, 0, tls)
        c.command("LOGOUT")
        c.close()
    once()
    server.settle()
    before = server.cpu()
    for _ in range(LOGINS):
        once()
    server.settle(5)
    return (server.cpu() - before) * 1e3 / LOGINS


def login(rounds=1):
    """CPU from login to logout over IMAP; Kurir remembers a right password, so that its hash is not in it."""
    both = [Kurir(users=1), dovecot()]
    cpu = Table("Login to logout", [s.name for s in both], "ms of the server's CPU", more_is_better=False, digits=2)
    for server in both:
        with server:
            Client(server).close()
            for _ in range(rounds):
                for tls in (False, True):
                    cpu.add("under TLS" if tls else "in clear", server.name, logins(server, tls))
    return [cpu]
