#!/usr/bin/env python3
"""Every call that changes a file may fail, once: what was answered with yes is kept, the rest is told, and the
service goes on by itself.

The n-th such call of a process, counted over a round of work, fails with each of some errors. CI tries a few n, chosen
by KURIR_SEED; KURIR_FAULTS=10000 tries every n, and KURIR_FAILURES=EIO,short only those failures: several runs beside
each other take hours less than one.
"""

import contextlib
import ctypes
import errno
import hashlib
import imaplib
import mmap
import os
import random
import re
import signal
import smtplib
import tempfile
import time
import unittest

from suite import BUILD, Suite, wait_until

SEED = int(os.environ.get("KURIR_SEED", str(random.randrange(1 << 30))))
EACH = int(os.environ.get("KURIR_FAULTS", "2"))  # calls tried with each failure, running and starting
SHORT = -1
FAILURES = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EDQUOT": errno.EDQUOT, "EMFILE": errno.EMFILE,
            "EINTR": errno.EINTR, "short": SHORT}
CHOSEN = os.environ.get("KURIR_FAILURES", ",".join(FAILURES)).split(",")
TOKEN = re.compile(rb"X-Token: (\S+)")


class State(ctypes.Structure):
    _fields_ = [("calls", ctypes.c_uint64), ("at", ctypes.c_uint64), ("failure", ctypes.c_int32), ("fired", ctypes.c_int32)]


class Faults:
    """What the preloaded library of one process counts, and its orders."""

    def __init__(self, process):
        self.file = tempfile.NamedTemporaryFile(prefix="kurir-faults-")
        self.file.write(bytes(ctypes.sizeof(State)))
        self.file.flush()
        os.chmod(self.file.name, 0o666)
        self.map = mmap.mmap(self.file.fileno(), ctypes.sizeof(State))
        self.state = State.from_buffer(self.map)
        self.environment = {"LD_PRELOAD": str(BUILD / "tests/system/preload/faults.so"),
                            "FAULTS_STATE": self.file.name, "FAULTS_PROCESS": process}

    def arm(self, nth, failure):
        self.state.failure = failure
        self.state.fired = 0
        self.state.at = self.state.calls + nth

    def disarm(self):
        self.state.at = 0
        return self.state.fired > 0


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


class Round:
    """A piece of work that touches every way a file is changed, and what was answered."""

    def __init__(self, suite, name):
        self.suite, self.name = suite, name
        self.sent = {}          # token: digest of the body
        self.accepted = set()   # tokens that got their yes
        self.erased = set()     # tokens whose EXPUNGE got its OK

    def message(self, token, size):
        self.sent[token] = digest(body := (f"{token} " + "x" * 60 + "\r\n").encode() * (size // 70 + 1))
        return f"From: a@x.test\r\nTo: bob@example.test\r\nX-Token: {token}\r\n\r\n".encode() + body

    def smtp(self):
        for i, size in enumerate((200, 2000, 200000)):
            token = f"{self.name}-s{i}"
            try:
                with self.suite.smtp() as client:
                    client.sendmail("a@x.test", [self.suite.address("bob")], self.message(token, size))
                self.accepted.add(token)
            except (smtplib.SMTPException, OSError):
                pass

    def imap(self):
        try:
            client = self.suite.imap("bob")
            for i, size in enumerate((200, 150000)):
                token = f"{self.name}-a{i}"
                if client.append("INBOX", None, None, self.message(token, size))[0] == "OK":
                    self.accepted.add(token)
            token = f"{self.name}-e"
            if client.append("INBOX", None, None, self.message(token, 100000))[0] == "OK":
                self.accepted.add(token)
                client.select("INBOX")
                found = client.search(None, "HEADER", "X-Token", token)[1][0].split()
                if found and client.store(found[0].decode(), "+FLAGS", "\\Deleted")[0] == "OK":
                    if client.expunge()[0] == "OK":
                        self.accepted.discard(token)
                        self.erased.add(token)
                    else:
                        self.accepted.discard(token)
            client.logout()
        except (imaplib.IMAP4.error, OSError):
            self.accepted.discard(f"{self.name}-e")  # its end is not known

    def found(self):
        out = []
        for octets in self.suite.bodies("bob"):
            token = TOKEN.search(octets)
            if token:
                out.append((token.group(1).decode(), digest(octets.split(b"\r\n\r\n", 1)[1])))
        return out


def erase(suite):
    client = suite.imap("bob")
    client.select("INBOX")
    client.store("1:*", "+FLAGS.SILENT", "\\Deleted")
    client.expunge()
    client.logout()


class Fault(unittest.TestCase):
    def service_is_back(self, suite):
        def works():
            try:
                with suite.smtp() as client:
                    client.sendmail("a@x.test", [suite.address("alice")], b"Subject: alive\r\n\r\nyes\r\n")
                suite.imap("bob").logout()
                return True
            except (smtplib.SMTPException, imaplib.IMAP4.error, OSError):
                return False
        wait_until(works, 30, "a service that goes on by itself")

    def check(self, work, what):
        self.service_is_back(work.suite)
        work.suite.wait_queue_empty(60)
        found = work.found()
        tokens = [t for t, _ in found]
        self.assertEqual(len(tokens), len(set(tokens)), f"{what}: delivered twice")
        self.assertFalse(work.accepted - set(tokens), f"{what}: lost")
        self.assertFalse(work.erased & set(tokens), f"{what}: back from the dead")
        for token, body in found:
            if token.startswith(work.name):
                self.assertEqual(body, work.sent[token], f"{what}: {token} was changed")

    def one(self, suite, faults, nth, failure, dies):
        name = f"n{nth}-{failure}{'-k' if dies else ''}"
        work = Round(suite, name)
        before = faults.state.calls
        faults.arm(nth, FAILURES[failure])
        if dies:  # the calls of a start count too
            process = faults.environment["FAULTS_PROCESS"]
            with contextlib.suppress(ProcessLookupError, IndexError):     # the failure may have ended it
                os.kill(suite.pids(process)[0], signal.SIGKILL)
            wait_until(lambda: suite.pids(process), 20, f"{process} to be started again")
            time.sleep(0.3)
        work.smtp()
        work.imap()
        self.calls = faults.state.calls - before
        fired = faults.disarm()
        self.check(work, f"seed {SEED}, {name}, fired {fired}")
        erase(suite)
        return fired

    def calls_of_a_round(self, suite, faults, dies):
        self.one(suite, faults, 1 << 40, "EIO", dies)
        return self.calls

    def run_faults(self, process):
        rnd = random.Random(f"{SEED}-{process}")
        faults = Faults(process)
        suite = Suite()
        suite.environment.update(faults.environment)
        fired = tried = 0
        with suite:
            calls = {dies: self.calls_of_a_round(suite, faults, dies) for dies in (False, True)}
            self.assertGreater(min(calls.values()), 10, f"{process} is counted")
            for failure in CHOSEN:
                for dies in (False, True):
                    every = range(1, calls[dies] + 1)
                    for nth in sorted(rnd.sample(every, min(EACH, len(every)))):
                        tried += 1
                        fired += self.one(suite, faults, nth, failure, dies)
            print(f"seed {SEED}: {process} makes {calls[False]} calls in a round, {calls[True]} with a start; "
                  f"{tried} rounds, {fired} with a failure")
        self.assertGreater(fired, tried // 2)

    def test_queue(self):
        self.run_faults("queue")

    def test_mailbox(self):
        self.run_faults("mailbox")


if __name__ == "__main__":
    unittest.main()
