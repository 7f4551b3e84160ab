#!/usr/bin/env python3
"""Messages accepted a second, by sessions, of servers in turn, with ratios to the first one named.

    accept.py kurir postfix=127.0.0.1:2601 opensmtpd=127.0.0.1:2602

A server is NAME=HOST:PORT that runs already and takes mail for the recipient from 127.0.0.1; the bare word kurir
starts a suite of its own from $KURIR_BUILD (build by default; use an optimised one). The load is Postfix's
smtp-source (package postfix): kept sessions, messages of --size octets. Only loopback; every run is bounded.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
SOURCE = shutil.which("smtp-source") or "/usr/sbin/smtp-source"


def run(server, sessions, messages, size, recipient):
    start = time.monotonic()
    subprocess.run([SOURCE, "-d", "-s", str(sessions), "-m", str(messages), "-l", str(size), "-f", "load@elsewhere.test",
                    "-t", recipient, server], check=True, timeout=120, stdout=subprocess.DEVNULL)
    return messages / (time.monotonic() - start)


def table(servers, options):
    names = list(servers)
    print(f"| sessions | {' | '.join(names)} | {' | '.join(f'{names[0]} / {n}' for n in names[1:])} |")
    print("|---" * (2 * len(names)) + "|")
    for sessions in options.sessions:
        rates = {n: [] for n in names}
        count = max(200, options.messages if sessions > 1 else options.messages // 4)
        for n in names:
            run(servers[n], sessions, max(100, count // 10), options.size, options.to)
        for round_ in range(options.rounds):
            for n in names if round_ % 2 == 0 else reversed(names):
                rates[n].append(run(servers[n], sessions, count, options.size, options.to))
        median = {n: statistics.median(r) for n, r in rates.items()}
        cells = [f"{median[n]:.0f} ({min(rates[n]):.0f}-{max(rates[n]):.0f})" for n in names]
        ratios = [f"{median[names[0]] / median[n]:.1f}" for n in names[1:]]
        print(f"| {sessions} | {' | '.join(cells + ratios)} |", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("servers", nargs="+")
    p.add_argument("--sessions", type=int, nargs="+", default=[1, 10, 50])
    p.add_argument("--messages", type=int, default=2000)
    p.add_argument("--size", type=int, default=10240)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--to", default="bob@example.test")
    options = p.parse_args()
    suite, servers = None, {}
    for s in options.servers:
        name, _, place = s.partition("=")
        if not place:
            from suite import Suite
            suite = Suite()
            suite.start()
            place = f"{suite.host}:{suite.port['smtp']}"
        servers[name] = place
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {options.size} octets, {options.rounds} rounds, "
          "messages accepted a second: median (range)\n")
    try:
        table(servers, options)
    finally:
        if suite:
            suite.stop()
            shutil.rmtree(suite.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
