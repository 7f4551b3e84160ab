"""Messages accepted a second, each 250 for a message that is safe, while they are relayed to the sink."""

import sys
import time

from servers import Kurir, Sink, load, opensmtpd, postfix
from table import Table

ROUNDS = 3
# name, connections, messages, octets, messages of a session
WORKS = [("1 kept, 10 KiB", 1, 600, 10240, 1000), ("10 kept, 10 KiB", 10, 3000, 10240, 1000),
         ("50 kept, 10 KiB", 50, 3000, 10240, 1000), ("100 kept, 10 KiB", 100, 3000, 10240, 1000),
         ("10 new for each, 10 KiB", 10, 2000, 10240, 1), ("10 new for each, 1 KiB", 10, 2000, 1024, 1),
         ("1 kept, 1 KiB", 1, 600, 1024, 1000), ("10 kept, 1 KiB", 10, 3000, 1024, 1000),
         ("10 kept, 100 KiB", 10, 1200, 102400, 1000)]


def once(server, sink, connections, messages, size, per_session):
    """(accepted a second, relayed end to end a second, CPU seconds for 10,000); None when it failed."""
    before, cpu, start = sink.count(), server.cpu(), time.monotonic()
    report = load(server, c=connections, m=messages, l=size, s=per_session, a=max(1, connections // 20), t="x@sink.test")
    if report["accepted"] != messages:
        print(f"  {server.name}: {report['accepted']} of {messages}: {report['complaint']}", file=sys.stderr)
        return None, None, None
    end = sink.wait(before + messages, 60)
    relayed = messages / (end - start) if end else None
    return messages / report["seconds"], relayed, (server.cpu() - cpu) * 10000 / messages


def run(rounds=ROUNDS, works=None):
    servers = [Kurir(), postfix(), opensmtpd()]
    names = [s.name for s in servers]
    accept = Table("Accept, relaying meanwhile", names, "messages a second")
    relay = Table("Accept and relay, end to end", names, "messages a second")
    cpu = Table("CPU, accepted and relayed", names, "seconds for 10,000 messages", more_is_better=False, digits=1)
    with Sink() as sink:
        try:
            for server in servers:
                server.start()
            for round_ in range(rounds):
                for work, *options in works or WORKS:
                    for server in servers if round_ % 2 == 0 else reversed(servers):
                        for table, value in zip((accept, relay, cpu), once(server, sink, *options)):
                            table.add(work, server.name, value)
        finally:
            for server in servers:
                server.stop()
    return [accept, relay, cpu]
