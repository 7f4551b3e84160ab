"""Clocks that jump, run backwards, or have come to the end of a number, and time zones that are none (rows F15 to F17):
nothing expires early, is tried too often or never again, no number comes twice, and dates are right."""

import email
import email.utils
import mmap
import os
import re
import struct
import tempfile
import time
import unittest

from ipc import ipc_list
from mailbox_alone import Mailbox
from queue_alone import RELAYED, TEMPORARY, Queue, Taker
from suite import BUILD, Suite, message, wait_until

DAY, HOUR = 86400, 3600
YEARS = 10 * 365 * DAY
RETRY_MOST = HOUR * 9 // 8


class Clock:
    """How far the civil clock of some processes is off, in seconds."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="kurir-clock-")
        self.file.write(bytes(8))
        self.file.flush()
        os.chmod(self.file.name, 0o644)
        self.map = mmap.mmap(self.file.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(BUILD / "tests/system/preload/clock.so"), "CLOCK_STATE": self.file.name}

    def jump(self, seconds):
        self.map[:] = struct.pack("=q", seconds)

    def begin_at(self, civil):
        self.jump(civil - int(time.time()))

    def now(self):
        return time.time() + struct.unpack("=q", self.map[:])[0]


class QueueClock(unittest.TestCase):
    def setUp(self):
        self.clock, self.answer = Clock(), TEMPORARY
        self.queue = Queue(environment=self.clock.environment, warn_intervals=ipc_list())

    def tearDown(self):
        self.queue.stop()

    def take(self):
        """Relay, which says of everything what self.answer is."""
        self.taker = Taker(self.queue.peer("relay"), lambda t: [(self.answer, "4.0.0", "said")] * len(t["rcpts"]))

    def entry(self):
        """The only one: no report stands beside it."""
        entry, = self.queue.show()
        return entry

    def waits(self):
        """One envelope that was tried once, and will be again."""
        self.queue.order("remove", "all")
        self.clock.jump(0)
        self.answer = TEMPORARY
        self.take()
        self.assertEqual(self.queue.listener().store(["b@y.test"])[0], "lq_stored")
        wait_until(lambda: self.entry()["tries"] == 1, what="a first try")

    def is_patient(self):
        """It is neither expired, nor answered, nor tried at once, nor put off for longer than ever."""
        time.sleep(1)
        entry = self.entry()
        self.assertEqual((entry["state"], entry["tries"], len(self.taker.transfers)), ("waiting", 1, 1), entry)
        self.assertLess(entry["age"], 60)
        self.assertLess(abs(entry["next"] - self.clock.now()), RETRY_MOST)

    def goes(self):
        self.answer = RELAYED
        self.queue.order("schedule", "all")
        self.queue.wait_empty()

    def test_jumps_of_a_running_queue(self):
        for jump in (YEARS, -YEARS, -1, 2 * YEARS):
            with self.subTest(jump=jump):
                self.waits()
                self.clock.jump(jump)
                self.is_patient()
                self.goes()

    def test_jumps_between_two_runs(self):
        for jump in (YEARS, -YEARS, -1):
            with self.subTest(jump=jump):
                self.waits()
                self.queue.kill()
                self.clock.jump(jump)
                self.queue.start()
                self.take()
                time.sleep(1)
                entry = self.entry()
                self.assertEqual(entry["state"], "waiting", entry)
                self.assertLessEqual(entry["age"], DAY + 60)
                self.assertLess(entry["next"] - self.clock.now(), RETRY_MOST)
                self.goes()

    def test_ids_never_come_twice(self):
        seen = []
        for jump in (0, -YEARS, YEARS, -1, 0):
            self.clock.jump(jump)
            self.queue.restart()
            self.answer = RELAYED
            self.take()
            listener = self.queue.listener()
            for _ in range(20):
                name, _, id = listener.store(["b@y.test"])
                self.assertEqual(name, "lq_stored")
                seen.append(id)
        self.assertEqual(seen, sorted(set(seen)))
        self.queue.wait_empty()

    def test_a_clock_that_never_stands_still(self):
        self.answer = RELAYED
        self.take()
        listener = self.queue.listener()
        ids = set()
        for i in range(200):
            self.clock.jump((i % 7 - 3) * HOUR + (YEARS if i % 11 == 0 else 0))
            name, _, id = listener.store([f"b{i}@y.test"])
            self.assertEqual(name, "lq_stored")
            ids.add(id)
            time.sleep(0.01)
        self.queue.wait_empty()
        self.assertEqual(len(ids), 200)
        went = [r["address"] for t in self.taker.transfers for r in t["rcpts"]]
        self.assertEqual((len(went), len(set(went))), (200, 200))


class MailboxClock(unittest.TestCase):
    def test_uidvalidity_never_goes_back(self):
        clock, last = Clock(), 0
        mailbox = Mailbox(environment=clock.environment)
        for jump in (0, -YEARS, YEARS, -1, -5 * YEARS):
            clock.jump(jump)
            mailbox.restart()
            session = mailbox.session("bob@x.test")
            session.ask("am_create", name="Work")
            uidvalidity, uid = session.append("Work", b"Subject: x\r\n\r\nx\r\n")
            self.assertGreater(uidvalidity, last)
            self.assertEqual(session.view("Work"), (uidvalidity, [uid]))
            session.ask("am_remove", name="Work")
            last = uidvalidity
        mailbox.stop()


class Dates(unittest.TestCase):
    def dates(self, suite, clock):
        """A message comes without a date of its own, and every one that is put on it is now, and in UTC."""
        before = int(clock.now())
        suite.submit("alice", [suite.address("bob")], message("alice@example.test", "bob@example.test", "dated"))
        wait_until(lambda: suite.bodies("bob"), what="the message")
        c = suite.imap("bob")
        c.select("INBOX")
        (line, octets), *_ = c.fetch("1", "(INTERNALDATE BODY[HEADER.FIELDS (RECEIVED DATE)])")[1]
        c.logout()
        fields = email.message_from_bytes(octets)
        for text in (re.search(rb'INTERNALDATE "([^"]*)"', line)[1].decode().strip().replace("-", " ", 2),
                     fields["Received"].rsplit(";", 1)[1], fields["Date"]):
            date = email.utils.parsedate_to_datetime(text)
            self.assertTrue(before <= date.timestamp() <= clock.now(), text)
            self.assertTrue(text.endswith("+0000"), text)

    def test_the_end_of_32_bits(self):
        for last in (2**31, 2**32):
            with self.subTest(last=last):
                clock = Clock()
                clock.begin_at(last - 4)  # a start takes about as long
                suite = Suite()
                suite.environment.update(clock.environment)
                with suite:
                    sent = 0
                    while clock.now() < last + 2:
                        suite.submit("alice", [suite.address("alice")], message("alice@example.test", "a", "around"))
                        sent += 1
                        time.sleep(0.5)
                    self.dates(suite, clock)
                    suite.wait_queue_empty()
                    self.assertEqual(len(suite.bodies("alice")), sent)

    def test_time_zones_that_are_none(self):
        for zone in ("Nowhere/Bogus", ":/etc/passwd", "../../../etc/shadow", "<" + 5000 * "x" + ">99:99:99", "UTC+167:59:59"):
            with self.subTest(zone=zone[:20]):
                clock = Clock()
                suite = Suite()
                suite.environment.update(clock.environment, TZ=zone)
                with suite:
                    self.dates(suite, clock)


if __name__ == "__main__":
    unittest.main()
