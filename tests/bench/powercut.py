"""The power fails while messages are accepted: how many of those that got a 250 are kept. The same cuts as in
tests/system/test_powercut.py, for peers as well: their queue lies on a file system in a file, of which an atomic
copy is taken; what that copy holds after mounting it is what the disk had."""

import os
import random
import re
import shutil
import smtplib
import subprocess
import sys
import threading
import time
from pathlib import Path

from servers import PEERS, Suite, exim, opensmtpd, postfix
from table import Table
from test_powercut import Disk, sh

ROUNDS = 1
CUTS, SENDERS = 20, 4
BODY = 50 * (60 * b"x" + b"\r\n")
TOKEN = re.compile(rb"X-Token: (\S+);")


class Sender(threading.Thread):
    """Sends without pause; notes each token after its 250."""

    def __init__(self, connect, to, number):
        super().__init__(daemon=True)
        self.connect, self.to, self.number = connect, to, number
        self.accepted, self.on = [], True

    def run(self):
        while self.on:
            try:
                with self.connect() as client:
                    while self.on:
                        token = f"{self.number}-{len(self.accepted)}-{random.randrange(1 << 30)}"
                        client.sendmail("a@x.test", [self.to], f"X-Token: {token};\r\n\r\n".encode() + BODY)
                        self.accepted.append(token)
                        time.sleep(0.002)
            except (smtplib.SMTPException, OSError):
                time.sleep(0.05)


def cut_during_load(disk, connect, to):
    """Cuts the power again and again; gives what had been accepted before each cut."""
    senders = [Sender(connect, to, i) for i in range(SENDERS)]
    for sender in senders:
        sender.start()
    accepted = []
    for i in range(CUTS):
        time.sleep(random.uniform(0.05, 0.3))
        accepted.append({token for sender in senders for token in sender.accepted[:]})
        disk.cut(f"cut{i}")
    for sender in senders:
        sender.on = False
    for sender in senders:
        sender.join(30)
    return accepted


def tokens_below(folder):
    found = set()
    for path, _, files in os.walk(folder):
        for file in (Path(path) / name for name in files):
            if file.is_file():
                found.update(t.decode() for t in TOKEN.findall(file.read_bytes()))
    return found


def peer(server):
    """(accepted, kept) of a peer whose messages cannot leave."""
    server.start()  # unpacks, and makes what its first start makes
    server.end()
    spool, disk = PEERS / server.key / "var/spool", Disk()
    try:
        sh("cp", "-a", f"{spool}/.", disk.inner)
        sh("sync", "-f", disk.inner)
        sh("mount", "--bind", disk.inner, spool)
        try:
            server.run()
            accepted = cut_during_load(disk, lambda: smtplib.SMTP(server.host, server.smtp_port, timeout=30), "x@defer.test")
            server.end()
        finally:
            server.end()
            sh("umount", spool)
        kept = []
        for i, tokens in enumerate(accepted):
            disk.wake(f"cut{i}")
            kept.append(len(tokens & tokens_below(disk.inner)))
    finally:
        disk.close()
        server.stop()
    return [len(tokens) for tokens in accepted], kept


def kurir():
    """(accepted, kept) of Kurir, which starts anew after each cut and delivers what it has."""
    disk, suite = Disk(), Suite()
    try:
        suite.place(disk.inner / "suite")
        suite.prepare()
        sh("sync", "-f", disk.inner)
        suite.begin()
        accepted = cut_during_load(disk, suite.smtp, suite.address("bob"))
        suite.kill()
        kept = []
        for i, tokens in enumerate(accepted):
            disk.wake(f"cut{i}")
            suite.run()
            suite.wait_queue_empty(60)
            found = {TOKEN.search(octets).group(1).decode() for octets in suite.bodies("bob")}
            kept.append(len(tokens & found))
            suite.stop()
    finally:
        suite.stop()
        disk.close()
    return [len(tokens) for tokens in accepted], kept


def run(rounds=ROUNDS):
    if not shutil.which("mkfs.xfs"):
        print("  powercut needs xfsprogs", file=sys.stderr)
        return []
    peers = [postfix, exim, opensmtpd]
    names = ["Kurir", *(make().name for make in peers)]
    table = Table(f"Kept after {CUTS} power cuts", names, "of 100 messages that got a 250", digits=1)
    for _ in range(rounds):
        for name, measure in zip(names, (kurir, *(lambda make=make: peer(make()) for make in peers))):
            try:
                accepted, kept = measure()
            except subprocess.CalledProcessError as error:
                print(f"  {name}: {error} {error.stderr}", file=sys.stderr)
                continue
            print(f"  {name}: {sum(kept)} of {sum(accepted)} kept; whole after {sum(a == k for a, k in zip(accepted, kept))}"
                  f" of {CUTS} cuts", file=sys.stderr)
            table.add("messages", name, 100 * sum(kept) / max(1, sum(accepted)))
            table.add("cuts after which all were there", name, 100 * sum(a == k for a, k in zip(accepted, kept)) / CUTS)
    return [table]
