#!/usr/bin/env python3
"""The power fails: what had reached the disk at a random moment is mounted, the suite starts on it, and everything
that was answered with yes before that moment is there, once, octet for octet.

The state of the suite lies on an ext4 file system in a file, which lies on xfs; a copy of that file by reference is an
atomic picture of what the disk had taken. What was written and never synced is not in it. KURIR_CUTS sets how many
cuts there are (6 unless said otherwise); every third is followed by a cut during the recovery.
"""

import hashlib
import imaplib
import os
import random
import re
import smtplib
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from suite import Suite

SEED = int(os.environ.get("KURIR_SEED", str(random.randrange(1 << 30))))
CUTS = int(os.environ.get("KURIR_CUTS", "6"))
IN_A_BURST = 12
TOKEN = re.compile(rb"X-Token: (\S+)")


def sh(*command):
    subprocess.run([str(c) for c in command], check=True, capture_output=True)


class Disk:
    """A file system whose power can be cut."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="kurir-power-"))
        self.outer, self.inner = self.folder / "outer", self.folder / "disk"
        self.folder.chmod(0o755)
        self.outer.mkdir()
        self.inner.mkdir()
        self.mounted = []
        try:
            with open(self.folder / "outer.img", "wb") as f:
                f.truncate(3 << 30)
            sh("mkfs.xfs", "-q", "-m", "reflink=1", self.folder / "outer.img")
            self.mount(self.folder / "outer.img", self.outer)
            with open(self.outer / "disk.img", "wb") as f:
                f.truncate(512 << 20)
            sh("mkfs.ext4", "-q", "-F", self.outer / "disk.img")
            self.mount(self.outer / "disk.img", self.inner)
        except BaseException:
            self.close()
            raise

    def mount(self, image, at):
        sh("mount", "-o", "loop", image, at)
        self.mounted.append(at)

    def unmount(self, at):
        sh("umount", at)
        self.mounted.remove(at)

    def cut(self, name):
        sh("cp", "--reflink=always", self.outer / "disk.img", self.outer / name)

    def wake(self, name):
        """The machine starts again with what was on the disk at that cut."""
        self.unmount(self.inner)
        self.replace(name)

    def replace(self, name):
        os.rename(self.outer / name, self.outer / "disk.img")
        self.mount(self.outer / "disk.img", self.inner)

    def close(self):
        for at in reversed(self.mounted[:]):
            self.unmount(at)
        sh("rm", "-rf", self.folder)


class Load(threading.Thread):
    """Sends or appends without pause; notes each token's digest before, and the yes after."""

    def __init__(self, suite, number, seed):
        super().__init__(daemon=True)
        self.suite, self.number, self.on = suite, number, True
        self.rnd = random.Random(seed)
        self.sent, self.accepted = {}, []

    def message(self):
        token = f"{self.number}-{len(self.sent)}"
        size = self.rnd.choice((100, 3000, 3000, 70000, 200000))
        body = (f"{token} ".encode() + b"x" * 60 + b"\r\n") * (size // 66 + 1)
        self.sent[token] = hashlib.sha256(body).hexdigest()
        return token, f"From: a@x.test\r\nTo: bob@example.test\r\nX-Token: {token}\r\n\r\n".encode() + body

    def run(self):
        while self.on:
            try:
                if self.number % 3 == 2:
                    self.append()
                else:
                    self.send()
            except (smtplib.SMTPException, imaplib.IMAP4.error, OSError):
                time.sleep(0.05)

    def send(self):
        with self.suite.smtp() as client:
            while self.on:
                token, octets = self.message()
                client.sendmail("a@x.test", [self.suite.address("bob")], octets)
                self.accepted.append(token)
                time.sleep(0.01)

    def append(self):
        client = self.suite.imap("bob")
        while self.on:
            token, octets = self.message()
            if client.append("INBOX", None, None, octets)[0] == "OK":
                self.accepted.append(token)
            time.sleep(0.01)
        client.logout()


@unittest.skipUnless(os.geteuid() == 0 and os.path.exists("/dev/loop-control"), "needs root and loop devices")
class PowerCut(unittest.TestCase):
    def burst(self, suite, disk, rnd, count):
        """Work goes on while the power fails count times; gives what had been accepted before each."""
        loads = [Load(suite, i, rnd.random()) for i in range(3)]
        for load in loads:
            load.start()
        accepted = []
        for i in range(count):
            time.sleep(rnd.uniform(0.02, 0.25))
            accepted.append([token for load in loads for token in load.accepted[:]])
            disk.cut(f"cut{i}")
        for load in loads:
            load.on = False
        for load in loads:
            load.join(30)
        return accepted, {token: digest for load in loads for token, digest in load.sent.items()}

    def check(self, suite, accepted, sent, what):
        suite.run()
        suite.wait_queue_empty(60)
        found = {}
        for octets in suite.bodies("bob"):
            token = TOKEN.search(octets).group(1).decode()
            self.assertNotIn(token, found, f"{what}: {token} came twice")
            found[token] = hashlib.sha256(octets.split(b"\r\n\r\n", 1)[1]).hexdigest()
        lost = [token for token in accepted if token not in found]
        self.assertFalse(lost, f"{what}: lost {len(lost)} of {len(accepted)}: {lost[:5]}")
        for token, digest in found.items():
            self.assertEqual(digest, sent.get(token), f"{what}: {token} was changed, or invented")

    def recover(self, suite, disk, rnd, accepted, sent, what, again):
        if again:  # the power fails during the recovery, too
            suite.launch()
            time.sleep(rnd.uniform(0.01, 0.4))
            disk.cut("again")
            suite.kill()
            disk.wake("again")
        self.check(suite, accepted, sent, what)
        self.assertEqual(suite.stop(), 0)

    def test_what_was_accepted_survives(self):
        rnd = random.Random(SEED)
        done = again = total = 0
        disk = Disk()
        self.addCleanup(disk.close)
        while done < CUTS:
            suite = Suite()
            self.addCleanup(suite.stop)
            suite.place(disk.inner / "suite")
            suite.prepare()
            sh("sync", "-f", disk.inner)  # what an administrator wrote; the rest is ours to sync
            suite.begin()
            count = min(IN_A_BURST, CUTS - done)
            accepted, sent = self.burst(suite, disk, rnd, count)
            suite.kill()
            for i in range(count):
                disk.wake(f"cut{i}")
                twice = (done + i) % 3 == 2
                self.recover(suite, disk, rnd, accepted[i], sent, f"seed {SEED}, cut {done + i}", twice)
                again += twice
                total += len(accepted[i])
            done += count
        print(f"seed {SEED}: {done} cuts, {again} of them again during recovery; {total} messages looked for, all there")


if __name__ == "__main__":
    unittest.main()
