"""Servers at rest: idle SMTP sessions, and a queue of deferred messages."""

import subprocess
import time

from servers import BUILD, Kurir, Sink, load, opensmtpd, postfix, wait_port
from table import Table

SESSIONS = 5000


def hold(server, count, seconds=90):
    """smtp_load that holds so many sessions; gives it and how many it has."""
    import json
    process = subprocess.Popen([BUILD / "tests/bench/smtp_load", "-i", "-c", str(count), "-a", str(count // 40 + 1),
                                "-w", str(seconds), server.host, str(server.smtp_port)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return process, json.loads(process.stdout.readline())["held"]


def sessions(rounds=1, count=SESSIONS):
    """Memory of an SMTP session after EHLO, and the time of a whole message beside them."""
    servers = [Kurir(), postfix(KURIR_PEER_PROCESSES="6000"), opensmtpd()]
    names = [s.name for s in servers]
    memory = Table(f"{count:,} idle SMTP sessions", names, "KiB of PSS each", more_is_better=False, digits=1)
    held = Table("Sessions held", names, "of those opened")
    beside = Table("A message beside them", names, "ms, median of 50", more_is_better=False, digits=1)
    with Sink():
        for _ in range(rounds):
            for server in servers:
                with server:
                    load(server, c=5, m=50, l=1024, t="x@sink.test")
                    server.settle()
                    before = server.pss()[0]
                    process, number = hold(server, count)
                    server.settle(10)
                    work = "after EHLO, in clear"
                    memory.add(work, server.name, (server.pss()[0] - before) / max(1, number))
                    held.add(work, server.name, number)
                    report = load(server, c=1, m=50, l=1024, s=1, t="x@sink.test", a=2)
                    beside.add("a new session for each, 1 KiB", server.name, report["median_ms"] or None)
                    process.stdin.close()
                    process.wait()
    return [memory, held, beside]


def greeting(server):
    """Milliseconds from the start of the server until it greets."""
    import socket
    start = time.perf_counter()
    server.run()
    wait_port((server.host, server.smtp_port), 120)
    with socket.create_connection((server.host, server.smtp_port), 120) as s:
        assert s.recv(200).startswith(b"220")
    return (time.perf_counter() - start) * 1e3


def deferred(rounds=1, count=20000, servers=None):
    """A queue full of messages whose destination is down: memory, and how soon a server with it greets."""
    servers = servers or [Kurir(), postfix(), opensmtpd()]
    names = [s.name for s in servers]
    memory = Table(f"{count:,} deferred messages of 1 KiB", names, "MiB of PSS more than empty", more_is_better=False,
                   digits=1)
    time_ = Table("Time with them", names, "ms", more_is_better=False, digits=1)
    accept = Table("Taking them in", names, "messages a second")
    with Sink() as sink:
        for server in servers:
            with server:
                load(server, c=10, m=100, l=1024, t="x@sink.test")
                server.settle()
                empty = server.pss()[0]
                report = load(server, 600, c=20, m=count, l=1024, t="x@defer.test", u=1)
                accept.add("20 connections", server.name, report["accepted"] / max(report["seconds"], 0.001))
                server.settle(60)
                memory.add("after they came", server.name, (server.pss()[0] - empty) / 1024)
                server.end()
                time_.add("greeting after the start", server.name, greeting(server))
                server.settle(60)
                memory.add("after a new start", server.name, (server.pss()[0] - empty) / 1024)
                before = sink.count()
                report = load(server, c=1, m=50, l=1024, t="x@sink.test")
                came = sink.wait(before + 50, 30)
                time_.add("a new message accepted beside them", server.name, report["median_ms"] or None)
                time_.add("50 of them relayed", server.name, report["seconds"] * 1e3 if came else None)
                if isinstance(server, Kurir):
                    start = time.perf_counter()
                    server.ctl("--json", "show", "queue")
                    time_.add("listing the queue", server.name, (time.perf_counter() - start) * 1e3)
    return [accept, memory, time_]


def million(rounds=1):
    """The same with 1,000,000; only Kurir, as it takes the peers half an hour."""
    return deferred(rounds, 1000000, [Kurir()])
