"""Crash-only: any process may be killed at any instant, and nothing that got a 250 is lost or doubled.

KURIR_KILLS sets how many rounds of kills each process gets (2 unless said otherwise).
"""

import contextlib
import imaplib
import os
import poplib
import random
import re
import signal
import smtplib
import threading
import time
import unittest

from suite import Suite, message, state_of, wait_until

ROUNDS = int(os.environ.get("KURIR_KILLS", "2"))
SEED = int(os.environ.get("KURIR_SEED", str(random.randrange(1 << 30))))
TOKEN = re.compile(rb"X-Token: (\d+-\d+)")


class Load(threading.Thread):
    """Sends messages without pause; writes down the token of each that got its 250."""

    def __init__(self, suite, number):
        super().__init__(daemon=True)
        self.suite, self.number, self.accepted, self.on = suite, number, [], True

    def run(self):
        n = 0
        while self.on:
            try:
                with self.suite.smtp() as c:
                    for _ in range(10):
                        n += 1
                        token = f"{self.number}-{n}"
                        c.sendmail("x@elsewhere.test", [self.suite.address("bob")],
                                   message("x@elsewhere.test", "bob", "load", "x" * 70 + "\r\n", f"X-Token: {token}\r\n"))
                        self.accepted.append(token)
            except (smtplib.SMTPException, OSError):
                time.sleep(0.05)


class Crash(unittest.TestCase):
    def tokens(self, suite):
        """What is in the mailbox, in a tuple; None while nobody there can say it."""
        with contextlib.suppress(poplib.error_proto, OSError):
            return [m.group(1).decode() for b in suite.bodies("bob") for m in [TOKEN.search(b)] if m],

    def check(self, suite, accepted):
        """Everything accepted is in exactly one mailbox, once."""
        suite.wait_queue_empty(60)
        found, = wait_until(lambda: self.tokens(suite), 30, "the mailbox")
        self.assertEqual(len(found), len(set(found)), "a message was delivered twice")
        missing = set(accepted) - set(found)
        self.assertFalse(missing, f"lost {len(missing)} of {len(accepted)}: {sorted(missing)[:5]}")

    def kill(self, suite, *names):
        """All processes of these names; gives who they were."""
        pids = {pid for name in names for pid in suite.pids(name)}
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pids

    def test_each_process_is_killed_under_load(self):
        rnd = random.Random(SEED)
        print(f"seed {SEED}")
        with Suite() as s:
            loads = [Load(s, i) for i in range(4)]
            for l in loads:
                l.start()
            names = sorted({p["name"] for p in s.processes()})
            self.assertGreaterEqual(len(names), 9, names)
            for _ in range(ROUNDS):
                for name in names:
                    time.sleep(rnd.uniform(0.05, 0.3))
                    killed = self.kill(s, name)
                    wait_until(lambda: set(s.pids(name)) - killed, 30, f"{name} to come back")
            before = sum(len(l.accepted) for l in loads)
            wait_until(lambda: sum(len(l.accepted) for l in loads) > max(before, 50), 60, "mail to be taken again")
            for l in loads:
                l.on = False
            for l in loads:
                l.join(60)
            accepted = [t for l in loads for t in l.accepted]
            self.check(s, accepted)
            print(f"{ROUNDS} kills of each of {len(names)} processes, {len(accepted)} messages accepted, each delivered once")

    def test_several_processes_of_a_kind(self):
        """Who has an account's mail is agreed on also when all who hold mail, and who finds the way, begin anew."""
        s = Suite()
        one = s.conf()
        s.conf = lambda: "processes 3\n" + one
        with s:
            self.assertEqual(len(s.pids("mailbox")), 3)
            for _ in range(5):
                load = Load(s, random.randrange(10 ** 9))
                load.start()
                time.sleep(0.3)
                self.kill(s, "mailbox", "lookup")
                time.sleep(0.3)
                load.on = False
                load.join(60)
                self.check(s, load.accepted)

    def test_everything_is_killed_and_starts_again(self):
        with Suite() as s:
            for _ in range(ROUNDS):
                load = Load(s, random.randrange(10 ** 9))
                load.start()
                time.sleep(0.7)
                load.on = False
                s.kill()
                load.join(60)
                s.run()
                self.check(s, load.accepted)

    def test_without_its_parent_every_process_ends(self):
        """Nobody would start it again; and a new suite needs the databases."""
        with Suite() as s:
            load = Load(s, 7)
            load.start()
            waiting = s.imap("bob")
            time.sleep(0.7)
            pids = [p["pid"] for p in s.processes()]
            s.process.kill()
            s.process.wait()
            wait_until(lambda: all(state_of(pid) in ("", "Z") for pid in pids), 20, "the end of every process")
            load.on = False
            load.join(60)
            waiting.shutdown()
            s.reader.join(5)
            s.process.stdout.close()
            s.run()
            self.check(s, load.accepted)

    def serve(self, s):
        """Whether it serves, and the seconds that this took."""
        begun = time.monotonic()
        try:
            with s.smtp() as c:
                c.sendmail("x@y.test", [s.address("bob")], message("x@y.test", "bob"))
            s.imap("bob").logout()
            return True, time.monotonic() - begun
        except (smtplib.SMTPException, imaplib.IMAP4.error, OSError):
            return False, time.monotonic() - begun

    def test_the_service_is_whole_within_two_seconds(self):
        """On a machine where it serves within 0.2 s when nobody died; on a slower one within ten times what that takes there."""
        with Suite() as s:
            for name in ("listener", "queue", "lookup", "mailbox", "imapd"):
                usual = [self.serve(s) for _ in range(2)]
                killed = self.kill(s, name)
                self.assertTrue(killed, name)
                start = time.monotonic()
                wait_until(lambda: self.serve(s)[0], 60, f"service without {name}")
                took = time.monotonic() - start
                usual += [self.serve(s) for _ in range(2)]
                self.assertTrue(all(served for served, _ in usual), usual)
                self.assertLess(took, max(2, 10 * max(seconds for _, seconds in usual)), (name, usual))


if __name__ == "__main__":
    unittest.main()
