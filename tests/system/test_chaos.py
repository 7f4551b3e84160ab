#!/usr/bin/env python3
"""Two or three faults at once, under every kind of load: what was answered with yes holds, and the suite is whole again soon.

A round lets faults begin at moments of their own, ends them all, and then looks at everything. CHAOS_SEED repeats a run (the
order of what many clients do at once remains the system's), CHAOS_ROUNDS makes a long one, CHAOS_FAULTS="Kill Stop" names
faults to choose from, CHAOS_FAILING the process whose calls fail, CHAOS_LOGS a folder for the log of a round that went wrong.
"""

import itertools
import os
import random
import threading
import time
import unittest
from collections import Counter
from pathlib import Path

import chaos_check
import chaos_faults
from chaos_world import World
from suite import wait_until

SEED = int(os.environ.get("CHAOS_SEED", "1"))
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "4"))
CHOSEN = os.environ.get("CHAOS_FAULTS", "").split()
WHOLE_SECONDS = 30
LOGS = os.environ.get("CHAOS_LOGS", "")
FAILING = os.environ.get("CHAOS_FAILING", "")


class Case(unittest.TestCase):
    is_deaf = False

    def setUp(self):
        if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
            self.skipTest("needs root and loop devices")
        self.world = World(SEED, FAILING or random.Random(SEED).choice(("queue", "mailbox")), self.is_deaf)
        self.addCleanup(lambda: self.assertEqual(self.world.close(), 0, self.world.suite.tail()))

    def judge(self):
        world, wrong = self.world, []
        for user in world.accounts:
            wrong += chaos_check.check_account(world, user)
        wrong += chaos_check.check_reports(world)
        wrong += chaos_check.check_files(world)
        chaos_check.clear(world)
        wrong += chaos_check.check_leftovers(world)
        wrong += chaos_check.check_processes(world)
        return wrong + [l for l in world.suite.lines if "Sanitizer" in l or "runtime error:" in l or "event=bug" in l]


class Checker(Case):
    """One who watches must be able to see: each kind of damage is noticed, and an undamaged suite is none."""

    def work(self):
        self.world.load()
        time.sleep(2.5)
        wrong = self.world.rest()
        self.world.sink.be(False)
        self.world.drain()
        return wrong

    def damage(self, user, number, *command):
        """Somebody does it who is not in the ledger; gives what the message is called."""
        client = self.world.suite.imap(user)
        client.select("INBOX")
        uid = client.uid("SEARCH", "ALL")[1][0].split()[number].decode()
        octets = client.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1]
        client.uid(command[0], uid, *command[1:])
        client.expunge()
        client.logout()
        return f"{user}@example.test: {chaos_check.read(octets)[0]} may be"

    def invent(self, user):
        with self.world.suite.smtp() as c:
            c.sendmail("x@elsewhere.test", [self.world.suite.address(user)], b"Subject: invented\r\n\r\nx\r\n")

    def test_the_checker_sees(self):
        world, sink = self.world, self.world.sink
        self.assertEqual(self.work() + self.judge(), [])
        self.assertEqual(self.work(), [])
        expected = [self.damage(user, -1, "STORE", "+FLAGS", "(\\Deleted)") for user in ("bob", "carol", "ivy")]
        expected.append(self.damage("bob", 0, "STORE", "+FLAGS", "(\\Flagged)"))
        expected.append(self.damage("carol", 0, "COPY", "INBOX"))
        self.invent("bob")
        self.invent("alice")
        expected += ["bob@example.test: None may be nowhere", "bob: None in INBOX is not as it was sent", "alice got what nobody sent"]
        left = world.disk / "suite/queue/bodies/00/left"
        left.write_text("x")
        expected.append("left behind")
        taken, again = [a for a in sink.taken if a not in sink.refused | sink.perhaps and world.ledger.accepted[a]][:2]
        sink.taken[taken], sink.taken[again] = 0, 2
        expected += [f"{taken}: neither taken nor reported", f"{again}: taken 2 times"]
        lost = next((world.disk / "home/Maildir/new").iterdir())
        token, _ = chaos_check.read(lost.read_bytes().replace(b"\n", b"\r\n"))
        expected.append(f"{token} is lost")
        lost.unlink()
        world.drain()
        wrong = self.judge()
        for sentence in expected:
            self.assertTrue([w for w in wrong if sentence in w], (sentence, wrong))
        for sentence in wrong:
            self.assertTrue([e for e in expected if e in sentence], sentence)
        left.unlink()
        self.assertEqual(self.work() + self.judge(), [])


class DeafDisk(Case):
    """One that makes no sync loses what was promised when the power fails, and that is noticed."""
    is_deaf = True

    def test_the_checker_sees(self):
        self.world.load()
        time.sleep(3)
        self.world.cut_power()
        self.world.revive()
        wrong = self.world.rest()
        self.world.sink.be(False)
        self.world.drain()
        self.assertTrue([w for w in wrong + self.judge() if "is []" in w or "neither taken nor reported" in w])


class Chaos(Case):
    def setUp(self):
        super().setUp()
        self.pairs = Counter()
        self.slowest, self.wrong = 0.0, []

    def choose(self, rnd):
        kinds = [f for f in chaos_faults.FAULTS if not CHOSEN or f.__name__ in CHOSEN]
        return [kind(self.world, random.Random(rnd.random()))
                for kind in rnd.sample(kinds, min(len(kinds), rnd.choice((2, 2, 3))))]

    def befall(self, faults, rnd):
        """Each begins in a thread of its own, at its own moment, and nothing ends before all have begun."""
        failed = []

        def begin(fault, delay):
            time.sleep(delay)
            try:
                fault.begin()
            except Exception as e:
                failed.append(f"{fault}: {type(e).__name__} {e}")
                raise
        threads = [threading.Thread(target=begin, args=(f, rnd.uniform(0, 1)), daemon=True) for f in faults]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        time.sleep(rnd.uniform(0, 1.5))
        for fault in rnd.sample(faults, len(faults)):
            fault.end()
            time.sleep(rnd.uniform(0, 0.2))
        self.assertEqual(failed, [])

    def round(self, number):
        world, rnd = self.world, random.Random(f"{SEED}-{number}")
        world.killed.clear()
        world.removed.clear()
        world.sink.be(True)
        faults = self.choose(rnd)
        what = f"seed {SEED}, round {number}, {', '.join(map(str, faults))}"
        print(what, flush=True)
        self.pairs.update(tuple(sorted(p)) for p in itertools.combinations([type(f).__name__ for f in faults], 2))
        world.load()
        time.sleep(0.5)
        self.befall(faults, rnd)
        world.revive()
        began = time.monotonic()
        wait_until(world.is_whole, WHOLE_SECONDS, f"{what}: a service that is whole")
        self.slowest = max(self.slowest, time.monotonic() - began)
        time.sleep(0.3)
        wrong = world.rest()
        world.sink.be(False)
        world.drain()
        wrong += self.judge()
        if wrong:
            self.keep(number)
            print("\n".join(wrong[:20]), f"\n{len(wrong)} in all", flush=True)
            self.wrong.append(f"{what}:\n" + "\n".join(wrong[:5]))
        del world.suite.lines[:-1000]

    def keep(self, number):
        """What the suite said in a round that was not held."""
        if LOGS:
            Path(f"{LOGS}/chaos-{SEED}-{number}.log").write_text("\n".join(self.world.suite.lines))

    def test_chaos(self):
        for number in range(1, ROUNDS + 1):
            self.round(number)
        world = self.world
        print(f"seed {SEED}: {ROUNDS} rounds, {world.ledger.count} messages accepted, {world.appended} appended, "
              f"{world.reports} reports; {len(self.pairs)} pairs of faults; whole again after at most {self.slowest:.1f} s")
        self.assertEqual(self.wrong, [])


if __name__ == "__main__":
    unittest.main()
