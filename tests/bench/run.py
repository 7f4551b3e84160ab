#!/usr/bin/env python3
"""Runs the benchmarks that are named, one after the other, and writes their tables. See README.md."""

import argparse
import importlib
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

from servers import PEERS

# What there is to measure: name, module, function.
WHAT = {"accept": ("accept", "run"), "imap": ("imap", "run"), "imap-rates": ("imap", "rates"), "imap-idle": ("imap", "idle"),
        "local": ("local", "run"), "idle": ("rest", "sessions"), "deferred": ("rest", "deferred"), "pop3": ("pop3", "run"),
        "relay-cost": ("cost", "relay"), "login-cost": ("cost", "login"), "million": ("rest", "million"),
        "powercut": ("powercut", "run")}
LONG = ["million", "powercut"]  # run when named only


def machine():
    PEERS.mkdir(parents=True, exist_ok=True)
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    disk = subprocess.run(["df", "--output=source,fstype", PEERS], capture_output=True, text=True).stdout.split()[-2:]
    return (f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} × {model}, {platform.system()} "
            f"{platform.release()}, {disk[0]} {disk[1]}, load before {os.getloadavg()[0]:.1f}")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all that was started is stopped
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("what", nargs="*", help=", ".join(WHAT))
    parser.add_argument("--rounds", type=int, help="of each work (each module knows its default)")
    parser.add_argument("--out", type=Path, help="append the tables to this file, too")
    options = parser.parse_args()
    for what in options.what or [w for w in WHAT if w not in LONG]:
        if what not in WHAT:
            parser.error(f"{what}: not one of {', '.join(WHAT)}")
        conditions, start = machine(), time.monotonic()
        arguments = {"rounds": options.rounds} if options.rounds else {}
        module, function = WHAT[what]
        tables = getattr(importlib.import_module(module), function)(**arguments)
        text = f"## {what}: {conditions}, {time.monotonic() - start:.0f} s\n\n" + "\n".join(map(str, tables))
        print(text, flush=True)
        if options.out:
            with open(options.out, "a") as f:
                f.write(text + "\n")


if __name__ == "__main__":
    main()
