"""IMAP beside Dovecot: one large mailbox, rates of logins, commands and APPEND, and idle sessions."""

import select
import subprocess
import sys
import time

from imap_client import Client
from mail import fill, message
from servers import BUILD, PEERS, Kurir, dovecot
from table import Table

LARGE = 50000
ROUNDS = 3
LOGIN = "LOGIN u%d@example.test secret"
MIXED = ["FETCH 1:10 (FLAGS UID)", "FETCH 5 BODY.PEEK[]", "STORE 3 +FLAGS (\\Seen)", "STORE 3 -FLAGS (\\Seen)",
         "SEARCH UNSEEN", "STATUS INBOX (MESSAGES UNSEEN)", "FETCH 1:20 (FLAGS ENVELOPE)", "NOOP"]
BODIES = "FETCH 1:20000 (UID BODY.PEEK[])"
FETCHES = ["FETCH 1:* (FLAGS UID ENVELOPE)", "FETCH 1:* (UID BODYSTRUCTURE)"]
READS = ["FETCH 1:* (FLAGS UID)", *FETCHES, BODIES, "SEARCH BODY needle0123",
         "SEARCH BODY nosuchword", "SEARCH TEXT needle0123", "SEARCH SUBJECT nosuchword", "SEARCH FROM a42@example.org",
         "SEARCH UNSEEN SINCE 1-Jan-2021"]


def servers(users):
    return [Kurir(users=users), dovecot()]


def in_turn(both, round_):
    return both if round_ % 2 == 0 else list(reversed(both))


def guarded(server, what, work):
    """What work gives, or None when the server refused."""
    try:
        return work()
    except (RuntimeError, EOFError, OSError) as e:
        print(f"  {server.name}: {what}: {e}", file=sys.stderr)
        return None


def on_disk(server):
    """MiB that the mail of the server's first user takes."""
    folder = server.folder / "mail" if isinstance(server, Kurir) else PEERS / server.key / "var/vmail"
    out = subprocess.run(["du", "-s", "--block-size=1024", folder], capture_output=True, text=True, check=True).stdout
    return int(out.split()[0]) / 1024


def read(server, table, round_):
    """Every command on a session of its own, so that nothing of an earlier one is in it."""
    for command in FETCHES if round_ is None else READS:
        c = Client(server)
        table.add("SELECT", server.name, guarded(server, "SELECT", lambda: c.timed("SELECT INBOX")))
        name = f"{command}, the first time" if round_ is None else command
        table.add(name, server.name, guarded(server, name, lambda: c.timed(command)))
        c.close()
    if round_ is not None:
        c = Client(server, tls=True)
        c.command("SELECT INBOX")
        table.add(f"{BODIES} under TLS", server.name, guarded(server, "TLS", lambda: c.timed(BODIES)))
        c.close()


def change(server, table):
    c = Client(server)
    guarded(server, "CREATE", lambda: c.command("CREATE away"))
    c.command("SELECT INBOX")
    for command in ("STORE 1:* +FLAGS.SILENT (\\Flagged)", "STORE 1:* -FLAGS.SILENT (\\Flagged)",
                    "COPY 1:5000 away", "MOVE 1:5000 away"):
        table.add(command, server.name, guarded(server, command, lambda: c.timed(command)))
    c.close()


def run(rounds=ROUNDS, large=LARGE):
    both = servers(1)
    table = Table(f"One mailbox of {large:,}", [s.name for s in both], "ms", more_is_better=False, digits=1)
    memory = Table("Room that it takes", [s.name for s in both], "MiB", more_is_better=False, digits=1)
    rate = Table(f"APPEND into a mailbox of {large:,}", [s.name for s in both], "a second")
    try:
        for server in both:
            server.start()
            start = time.monotonic()
            fill(server, 0, large)
            print(f"  {server.name}: filled in {time.monotonic() - start:.0f} s", file=sys.stderr)
            server.settle(60)
            memory.add("on disk", server.name, on_disk(server))
        for server in both:
            read(server, table, None)
        for round_ in range(rounds):
            for server in in_turn(both, round_):
                read(server, table, round_)
        for server in both:
            c = Client(server)
            before = server.pss()[0]
            c.command("SELECT INBOX")
            c.command(FETCHES[0])
            memory.add(f"one session more, after ENVELOPE of {large:,}", server.name, (server.pss()[0] - before) / 1024)
            c.close()
        for round_ in range(rounds):
            for server in in_turn(both, round_):
                change(server, table)
                report = load(server, 3, ["-p", LOGIN], ["APPEND INBOX @"])
                rate.add("one waiting", server.name, report["commands"] / report["seconds"])
    finally:
        for server in both:
            server.stop()
    return [table, memory, rate]


def load(server, seconds, *words):
    """Runs imap_load; gives its report."""
    import json
    command = [BUILD / "tests/bench/imap_load", "-w", str(seconds), *words[0], server.host, str(server.imap_port),
               *words[1]]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60).stdout)
    if report["refused"]:
        print(f"  {server.name}: {report['refused']} refused: {report['complaint']}", file=sys.stderr)
    return report


def rates(rounds=ROUNDS, seconds=3):
    """Logins, mixed commands and APPEND, a second."""
    both = servers(50)
    names = [s.name for s in both]
    rate = Table("Rates over IMAP in clear", names, "a second")
    cost = Table("CPU", names, "ms each", more_is_better=False, digits=3)
    login, chosen = ["-p", LOGIN], ["-p", LOGIN, "-p", "SELECT INBOX"]
    works = [("logins, 1 connection", ["-n", *login], [], "loops"),
             ("logins, 10 connections", ["-n", "-c", "10", "-u", "10", *login], [], "loops"),
             ("mixed commands with logins, 10 clients", ["-n", "-c", "10", "-u", "10", *chosen], MIXED, "commands"),
             ("mixed commands with logins, 50 clients", ["-n", "-c", "50", "-u", "50", "-a", "5", *chosen], MIXED,
              "commands"),
             ("mixed commands, long sessions, 10 clients", ["-c", "10", "-u", "10", *chosen], MIXED, "commands"),
             ("APPEND, one waiting", login, ["APPEND away @"], "commands"),
             ("APPEND, 20 in flight", ["-d", "20", *login], ["APPEND away @"], "commands"),
             ("APPEND, 8 connections", ["-c", "8", "-u", "8", *login], ["APPEND away @"], "commands")]
    try:
        for server in both:
            server.start()
            for user in range(50):
                fill(server, user, 100)
                Client(server, user).command("CREATE away")
        for round_ in range(rounds):
            for work, options, commands, unit in works:
                for server in in_turn(both, round_):
                    before = server.cpu()
                    report = load(server, seconds, options, commands)
                    rate.add(work, server.name, report[unit] / report["seconds"])
                    cost.add(work, server.name, (server.cpu() - before) * 1e3 / max(1, report[unit]))
    finally:
        for server in both:
            server.stop()
    return [rate, cost]


def hold(server, count, tls):
    """So many sessions that logged in, chose INBOX and wait in IDLE."""
    clients = []
    for i in range(count):
        c = Client(server, i % 50, tls, source=i // 40)
        c.command("SELECT INBOX")
        c.idle()
        clients.append(c)
    return clients


def wake(c):
    """Milliseconds from DONE to its answer."""
    start = time.perf_counter()
    c.socket.sendall(b"DONE\r\n")
    while not c.line().startswith(b"t%d OK" % c.number):
        pass
    return (time.perf_counter() - start) * 1e3


def weigh(server, count, tls):
    """(KiB of PSS for each of so many sessions, milliseconds until one of them answers), in a server that began anew:
    one that has had more keeps their room."""
    server.end()
    server.run()
    for c in hold(server, 20, tls):
        c.close()
    server.settle()
    before = server.pss()[0]
    clients = hold(server, count, tls)
    server.settle()
    weight = (server.pss()[0] - before) / count
    took = sorted(wake(c) for c in clients[::count // 50])
    for c in clients:
        c.close()
    return weight, took[len(took) // 2]


def woken(clients, writer):
    """Milliseconds from an APPEND to the first and the last EXISTS."""
    poll, waiting = select.epoll(), {}
    for c in clients:
        c.socket.setblocking(False)
        poll.register(c.socket.fileno(), select.EPOLLIN)
        waiting[c.socket.fileno()] = c
    start, times, end = time.perf_counter(), [], time.monotonic() + 60
    writer.append("INBOX", message(1))
    while waiting and time.monotonic() < end:
        for fd, _ in poll.poll(1):
            if fd in waiting and b"EXISTS" in waiting[fd].socket.recv(65536):
                times.append((time.perf_counter() - start) * 1e3)
                del waiting[fd]
    poll.close()
    writer.line()
    return (times[0], times[-1]) if not waiting else (None, None)


def idle(rounds=ROUNDS):
    """Memory of sessions in IDLE, and how soon new mail reaches all of one user's."""
    both = servers(50)
    names = [s.name for s in both]
    memory = Table("A session in IDLE", names, "KiB of PSS", more_is_better=False, digits=1)
    done = Table("DONE until its answer, after the wait", names, "ms, median of 50", more_is_better=False, digits=2)
    answer = Table("500 sessions of one user in IDLE: an APPEND until EXISTS", names, "ms", more_is_better=False, digits=1)
    try:
        for server in both:
            server.start()
            for user in range(50):
                fill(server, user, 20)
            for tls in (False, True):
                for count in (500, 10000) if isinstance(server, Kurir) else (500,):
                    work = f"{count:,} sessions{' under TLS' if tls else ''}"
                    weight, took = guarded(server, work, lambda: weigh(server, count, tls)) or (None, None)
                    memory.add(work, server.name, weight)
                    done.add(work, server.name, took)
        for server in both:
            clients = []
            for i in range(500):
                clients.append(Client(server, 0, source=i // 40))
                clients[-1].command("SELECT INBOX")
                clients[-1].idle()
            writer = Client(server, 0, source=99)
            for _ in range(rounds):
                time.sleep(1)
                first, last = woken(clients, writer)
                answer.add("the first", server.name, first)
                answer.add("the last", server.name, last)
    finally:
        for server in both:
            server.stop()
    return [memory, done, answer]
