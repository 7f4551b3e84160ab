"""The queue process alone: stable before it says so, whole after any crash, right about every outcome."""

import email
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from ipc import ipc_list
from queue_alone import (AGENT, BODY, BUSY, DELIVERED, DOWN, MAILBOX, PERMANENT, RELAYED, TEMPORARY, UP, Lookup,
                         Queue, Taker)


def wait_until(condition, seconds=10, what="a condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {seconds} s")


class QueueAlone(unittest.TestCase):
    def setUp(self):
        self.queue = None

    def start(self, **more):
        self.queue = Queue(**more)
        return self.queue

    def tearDown(self):
        if self.queue is not None:
            if self.queue.process.poll() is None:
                self.queue.stop()
            self.queue.close()
            shutil.rmtree(self.queue.folder, ignore_errors=True)

    def make_durable(self, q, l):
        """What was shown is so after a crash, too: with a message that comes and goes all before it is synced."""
        q.order("pause", "mta")
        self.assertEqual(l.store(["last@last.test"])[0], "lq_stored")
        self.assertEqual(q.order("remove", "to", "last@last.test")[0], ["1 removed"])

    # Taking over.
    def test_a_message_is_stored_and_transferred(self):
        q = self.start()
        l = q.listener()
        name, _, message = l.store(["b@y.test", "c@Y.test", "d@z.test"], envid="e1", ret=1)
        self.assertEqual(name, "lq_stored")
        self.assertEqual(len(q.show()), 3)
        relay = Taker(q.peer("relay"))
        q.wait_empty()
        self.assertEqual(sorted((t["domain"], [r["address"] for r in t["rcpts"]]) for t in relay.transfers),
                         [("y.test", ["b@y.test", "c@Y.test"]), ("z.test", ["d@z.test"])])
        for t in relay.transfers:
            self.assertEqual((t["message"], t["sender"], t["body"], t["envid"], t["action"]),
                             (message, "a@x.test", BODY, "e1", "out"))

    def test_a_large_message_travels_as_a_file(self):
        q = self.start()
        l = q.listener()
        body = b"Subject: large\r\n\r\n" + b"x" * 70 * 20000
        number, fd = l.spool()
        with self.assertRaises(OSError):
            os.read(fd, 1)      # to write only
        with os.fdopen(fd, "wb") as f:
            f.write(body)
        self.assertEqual(l.store(["b@y.test"], spool=number, body=body)[0], "lq_stored")
        self.assertEqual(list((q.folder / "queue/spool").iterdir()), [])
        q.restart()
        relay = Taker(q.peer("relay"))
        q.wait_empty()
        self.assertEqual(relay.transfers[0]["body"], body)
        wait_until(lambda: not [f for f in (q.folder / "queue/bodies").glob("*/*")], what="the body's end")

    def test_a_file_of_another_size_is_refused(self):
        q = self.start()
        l = q.listener()
        number, fd = l.spool()
        os.write(fd, b"abc")
        os.close(fd)
        name, values, _ = l.store(["b@y.test"], spool=number, body=b"", size=4)
        self.assertEqual((name, values["code"]), ("lq_refused", 452))
        self.assertEqual(q.show(), [])
        number, fd = l.spool()
        os.close(fd)
        l.channel.send("lq_drop", spool=number)
        wait_until(lambda: not list((q.folder / "queue/spool").iterdir()), what="an empty spool")

    def expect_cut(self, q, l):
        """The queue hangs up, lives on, and has stored nothing."""
        with self.assertRaisesRegex(AssertionError, "cut"):
            for _ in range(20):
                l.read(2)
        self.assertEqual(q.show(), [])
        self.assertEqual(q.listener().store(["b@y.test"])[0], "lq_stored")

    def test_a_listener_that_breaks_the_dialogue_is_cut_off(self):
        for wrong in ("used id", "foreign id", "no recipient", "other size", "no body", "two bodies", "too many",
                      "foreign spool", "stray recipient"):
            with self.subTest(wrong):
                q = self.start()
                l = q.listener()
                if wrong == "used id":
                    q.order("pause", "mta")
                    n, _, message = l.store(["b@y.test"])
                    q.order("remove", "all")
                    l.begin(["b@y.test"], message=message)
                elif wrong == "foreign id":
                    l.begin(["b@y.test"], message=l.next_id + 100000)
                elif wrong == "no recipient":
                    l.begin([])
                elif wrong == "other size":
                    l.begin(["b@y.test"], size=3)
                elif wrong == "no body":
                    l.begin(["b@y.test"], spool=7)
                elif wrong == "two bodies":
                    l.channel.send("lq_begin", request=9, message=l.id())
                    l.channel.send("lq_body", request=9, octets=b"x")
                    l.channel.send("lq_body", request=9, octets=b"x")
                elif wrong == "too many":
                    l.begin(["b@y.test"] * 1001)
                elif wrong == "foreign spool":
                    l.channel.send("lq_drop", spool=9)
                elif wrong == "stray recipient":
                    l.channel.send("lq_rcpt", request=3, action="out", address="a@b.test", original="a@b.test")
                self.expect_cut(q, l)
                self.tearDown()
                self.queue = None

    def test_an_id_of_a_former_run_is_refused_for_now(self):
        q = self.start()
        old = q.listener().id()
        q.restart()
        l = q.listener()
        name, values, _ = l.store(["b@y.test"], message=old)
        self.assertEqual((name, values["code"]), ("lq_refused", 451))
        self.assertEqual(l.store(["b@y.test"])[0], "lq_stored")

    def test_ids_never_repeat(self):
        q = self.start()
        seen = set()
        for _ in range(4):
            l = q.listener()
            for _ in range(5000):
                id = l.id()
                self.assertNotIn(id, seen)
                seen.add(id)
                if l.ids_left == 1000:
                    l.read()
            q.restart()

    # Stable storage.
    def test_stored_is_said_after_the_sync(self):
        if shutil.which("strace") is None:
            self.skipTest("strace is not here")
        trace = "/tmp/kurir-queue-strace.%d" % os.getpid()
        q = self.start(command=["strace", "-f", "-y", "-s", "0", "-o", trace, "-e",
                                "trace=pwrite64,write,fdatasync,sendmsg,openat"])
        l = q.listener()
        for _ in range(5):
            self.assertEqual(l.store(["b@y.test"])[0], "lq_stored")
        q.stop()
        with open(trace) as f:
            lines = f.read().splitlines()
        os.unlink(trace)
        dirty, answers = False, 0
        for line in lines:
            if "queue.db-wal" in line and "pwrite64" in line:
                dirty = True
            elif "fdatasync" in line and ("= 0" in line) and ("queue.db-wal" in line or "resumed" in line):
                dirty = False
            elif "sendmsg" in line and line.endswith("= 13"):      # the octets of lq_stored
                self.assertFalse(dirty, "said between a write and its sync: " + line)
                answers += 1
        self.assertEqual(answers, 5)

    def test_what_was_stored_outlives_a_kill_at_any_time(self):
        q = self.start()
        stored = set()
        for round in range(6):
            l = q.listener()
            requests = {}
            for i in range(200):
                request, message = l.begin([f"r{round}-{i}@y.test"], body=BODY * (1 + i % 300))
                requests[request] = message
                if i == 40 * round:
                    time.sleep(0.01)
            while round == 5 and not stored and "lq_stored" not in [a[0] for a in l.answers.values()]:
                l.read()
            q.process.kill()
            try:
                while True:
                    l.read(5)
            except (AssertionError, OSError):
                pass
            stored |= {requests[r] for r, a in l.answers.items() if a[0] == "lq_stored"}
            q.kill()
            q.start()
        self.assertGreater(len(stored), 0)
        relay = Taker(q.peer("relay"))
        q.wait_empty(30)
        got = [t["message"] for t in relay.transfers]
        self.assertEqual(len(got), len(set(got)))
        self.assertFalse(stored - set(got))

    def test_a_failed_sync_is_final(self):
        """Who waits is refused, the process ends, and the next one has all that was on stable storage."""
        if shutil.which("strace") is None:
            self.skipTest("strace is not here")
        q = self.start(command=["strace", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
                                "inject=fdatasync:error=EIO:when=16+"])      # some are SQLite's, at the start
        l = q.listener()
        stored = set()
        while True:
            requests = dict(l.begin([f"r{i}@y.test"]) for i in range(5))
            answers = {message: l.wait(request) for request, message in requests.items()}
            stored |= {m for m, (name, _, _) in answers.items() if name == "lq_stored"}
            refused = [values["code"] for name, values, _ in answers.values() if name == "lq_refused"]
            if refused:
                break
        self.assertEqual({code // 100 for code in refused}, {4})
        self.assertTrue(stored)
        q.process.wait(10)
        wait_until(lambda: "cannot make a change durable" in q.output(), what="cannot make a change durable in the log")
        q.close()
        q.command = ()
        q.start()
        relay = Taker(q.peer("relay"))
        self.assertEqual(q.listener().store(["again@y.test"])[0], "lq_stored")
        q.wait_empty()
        self.assertLessEqual(stored, {t["message"] for t in relay.transfers})

    @unittest.skipIf(os.geteuid() != 0, "mounts a small file system")
    def test_a_full_disk_refuses_and_recovers(self):
        folder = tempfile.mkdtemp(prefix="kurir-queue-")
        os.mkdir(folder + "/queue")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder + "/queue"]).returncode != 0:
            self.skipTest("cannot mount here")
        try:
            q = self.start(folder=folder)
            l = q.listener()
            q.order("pause", "mta")
            self.assertEqual(l.store(["before@y.test"], body=b"x" * 60000)[0], "lq_stored")
            number, fd = l.spool()
            q.folder.joinpath("queue/filler").write_bytes(b"x" * (38 << 20))
            time.sleep(0.1)
            name, values, _ = l.store(["full@y.test"])
            self.assertEqual((name, values["code"]), ("lq_refused", 452))
            self.assertIsNone(l.spool()[0])
            os.close(fd)
            while l.accepting:
                l.read()
            q.order("resume", "mta")
            relay = Taker(q.peer("relay"))
            q.wait_empty()      # the way out goes on
            q.folder.joinpath("queue/filler").unlink()
            while not l.accepting:
                l.read()
            self.assertEqual(l.store(["after@y.test"])[0], "lq_stored")
            q.wait_empty()
            self.assertEqual([t["rcpts"][0]["address"] for t in relay.transfers], ["before@y.test", "after@y.test"])
            wait_until(lambda: "event=queue_full" in q.output(), what="event=queue_full in the log")
            q.stop()
        finally:
            subprocess.run(["umount", folder + "/queue"])

    # Outcomes.
    def test_each_outcome_does_what_it_should(self):
        q = self.start()
        l = q.listener()
        relay = Taker(q.peer("relay"), lambda t: [(RELAYED, "2.0.0", "ok"), (TEMPORARY, "4.2.0", "450 later"),
                                                  (PERMANENT, "5.1.1", "550 no such user")])
        l.store(["good@y.test", "later@y.test", "bad@y.test"])
        left = wait_until(lambda: (lambda s: s if len(s) == 2 else None)(q.show()), what="two envelopes")
        by = {e["recipient"]: e for e in left}
        self.assertEqual(by["later@y.test"]["tries"], 1)
        self.assertEqual(by["later@y.test"]["error"], "450 later")
        self.assertGreater(by["later@y.test"]["next"], time.time() + 40)
        self.assertEqual(by["a@x.test"]["sender"], "")
        self.make_durable(q, l)
        q.restart()
        self.assertEqual({e["recipient"]: e["tries"] for e in q.show()}, {"later@y.test": 1, "a@x.test": 0})

    def test_a_failure_comes_back_as_a_report(self):
        q = self.start()
        l = q.listener()
        relay = Taker(q.peer("relay"), lambda t: [(PERMANENT, "5.1.1", "550 5.1.1 no such user")] * len(t["rcpts"]))
        mailbox = Taker(q.peer("mailbox"))
        lookup = Lookup(q.peer("lookup"))
        l.store(["bad@y.test", "worse@y.test"], envid="my-id", orcpt="rfc822;orig@y.test")
        q.wait_empty()
        self.assertEqual(len(mailbox.transfers), 1)
        t = mailbox.transfers[0]
        self.assertEqual((t["sender"], t["rcpts"][0]["address"]), ("", "a@x.test"))
        report = email.message_from_bytes(t["body"])
        self.assertEqual(report.get_content_type(), "multipart/report")
        status = report.get_payload()[1]
        self.assertEqual(status.get_content_type(), "message/delivery-status")
        fields = [dict(p.items()) for p in status.get_payload()]
        self.assertEqual(fields[0]["Original-Envelope-Id"], "my-id")
        self.assertEqual([f["Action"] for f in fields[1:]], ["failed", "failed"])
        self.assertEqual(fields[1]["Status"], "5.1.1")
        self.assertEqual(fields[1]["Original-Recipient"], "rfc822; orig@y.test")
        self.assertIn("hello", t["body"].decode())
        self.assertEqual((lookup.asked[0]["local"], lookup.asked[0]["sender"]), (1, ""))

    def test_a_report_has_the_same_envelope_after_a_crash(self):
        """By that a mailbox knows what it has stored, whenever the queue was killed behind handing it over."""
        q, given = self.start(), []
        for round in range(5):
            def die(t):
                given.append((t["rcpts"][0]["envelope"], t["body"]))
                os.kill(q.process.pid, signal.SIGKILL)

            def begin(decide):
                Taker(q.peer("relay"), lambda t: [(PERMANENT, "5.1.1", "550 no")])
                Lookup(q.peer("lookup"))
                Taker(q.peer("mailbox"), decide)
            begin(die)
            given.clear()
            q.listener().store(["bad@y.test"])
            wait_until(lambda: given, what="the report")
            q.kill()
            q.start()
            begin(lambda t: given.append((t["rcpts"][0]["envelope"], t["body"])) or [(DELIVERED, "2.0.0", "ok")])
            q.wait_empty()
            self.assertEqual(len(given), 2)
            self.assertEqual(given[0], given[1])

    def test_a_null_sender_is_never_answered(self):
        q = self.start()
        l = q.listener()
        Taker(q.peer("relay"), lambda t: [(PERMANENT, "5.1.1", "550 no")])
        l.store(["bad@y.test"], sender="")
        q.wait_empty()
        wait_until(lambda: "event=dropped" in q.output(), what="event=dropped in the log")

    def test_a_report_to_nowhere_ends(self):
        q = self.start()
        l = q.listener()
        Taker(q.peer("relay"), lambda t: [(PERMANENT, "5.1.1", "550 no")])
        Lookup(q.peer("lookup"), result=1)
        l.store(["bad@y.test"])
        q.wait_empty()

    def test_notify_is_obeyed(self):
        for notify, outcome, reports in ((8, PERMANENT, 0), (1, PERMANENT, 0), (2, PERMANENT, 1), (0, RELAYED, 0),
                                         (1, RELAYED, 1), (4, RELAYED, 0)):
            with self.subTest((notify, outcome)):
                q = self.start()
                l = q.listener()
                Taker(q.peer("relay"), lambda t: [(outcome, "2.0.0" if outcome == RELAYED else "5.0.0", "x")])
                mailbox = Taker(q.peer("mailbox"))
                Lookup(q.peer("lookup"))
                l.store(["b@y.test"], notify=notify)
                q.wait_empty()
                self.assertEqual(len(mailbox.transfers), reports)
                self.tearDown()
                self.queue = None

    def test_old_mail_expires_with_a_report_and_is_warned_of_before(self):
        q = self.start(queue_ttl=8, warn_intervals=ipc_list("1"))
        l = q.listener()
        relay = Taker(q.peer("relay"), lambda t: [(TEMPORARY, "4.4.1", "451 not now")])
        mailbox = Taker(q.peer("mailbox"))
        Lookup(q.peer("lookup"))
        _, _, message = l.store(["b@y.test"])
        wait_until(lambda: relay.transfers, what="the first try")
        time.sleep(1.2)
        q.order("schedule", "all")
        wait_until(lambda: mailbox.transfers, what="the warning")
        self.assertIn(b"Action: delayed", mailbox.transfers[0]["body"])
        time.sleep(7)
        q.order("schedule", "all")
        q.wait_empty()
        self.assertEqual(len(mailbox.transfers), 2)
        self.assertIn(b"Action: failed", mailbox.transfers[1]["body"])
        self.assertIn(b"451 not now", mailbox.transfers[1]["body"])
        wait_until(lambda: "event=expired" in q.output(), what="event=expired in the log")

    # Neighbours that go away.
    def test_a_relay_that_dies_costs_nothing(self):
        q = self.start()
        l = q.listener()
        channel = q.peer("relay")
        silent = Taker(channel, lambda t: None)
        for i in range(10):
            l.store([f"r{i}@y.test"])
        wait_until(lambda: len(silent.transfers) >= 5, what="transfers")
        channel.sock.shutdown(2)
        relay = Taker(q.peer("relay"))
        q.wait_empty()
        self.assertEqual(len(relay.transfers), 10)

    def test_outcomes_said_before_a_death_count(self):
        q = self.start()
        l = q.listener()
        channel = q.peer("relay")
        half = Taker(channel, lambda t: None)
        l.store(["one@y.test", "two@y.test"])
        wait_until(lambda: half.transfers, what="the transfer")
        t = half.transfers[0]
        channel.send("qr_outcome", request=t["id"], envelope=t["rcpts"][0]["envelope"], outcome=RELAYED, status="2.0.0")
        time.sleep(0.1)
        channel.sock.shutdown(2)
        relay = Taker(q.peer("relay"))
        q.wait_empty()
        self.assertEqual([r["address"] for t in relay.transfers for r in t["rcpts"]], ["two@y.test"])

    def test_a_relay_that_invents_outcomes_is_cut_off(self):
        q = self.start()
        l = q.listener()
        channel = q.peer("relay")
        odd = Taker(channel, lambda t: None)
        l.store(["one@y.test"])
        wait_until(lambda: odd.transfers, what="the transfer")
        channel.send("qr_outcome", request=odd.transfers[0]["id"], envelope=1, outcome=RELAYED, status="2.0.0")
        wait_until(lambda: "event=channel_violation" in q.output(), what="the violation")
        Taker(q.peer("relay"))
        q.wait_empty()

    def test_a_destination_that_is_down_is_probed_by_one(self):
        q = self.start()
        l = q.listener()
        relay = Taker(q.peer("relay"), lambda t: [(TEMPORARY, "4.4.1", "no host answers")] * len(t["rcpts"]), DOWN)
        for i in range(30):
            l.store([f"r{i}@y.test"])
        l.store(["other@z.test"])
        wait_until(lambda: "z.test" in [t["domain"] for t in relay.transfers] and
                   {e["state"] for e in q.show()} - {"waiting"} == {"down"}, what="what is down, and the other")
        time.sleep(0.5)
        domains = [t["domain"] for t in relay.transfers]
        self.assertLessEqual(domains.count("y.test"), 5)
        self.assertEqual(domains.count("z.test"), 1)
        self.assertEqual({e["state"] for e in q.show()} - {"waiting"}, {"down"})
        relay.decide = lambda t: [(RELAYED, "2.0.0", "ok")] * len(t["rcpts"])
        relay.done = UP
        q.order("schedule", "all")
        q.wait_empty()

    def test_one_message_to_many_goes_to_a_mailbox_at_once(self):
        q = self.start()
        l = q.listener()
        mailbox = Taker(q.peer("mailbox"))
        l.store([dict(address=f"u{i}@x.test", user=f"u{i}@x.test") for i in range(100)], transport=MAILBOX,
                action="local")
        q.wait_empty()
        self.assertEqual([len(t["rcpts"]) for t in mailbox.transfers], [100])
        self.assertEqual([r["account"] for r in mailbox.transfers[0]["rcpts"]], [f"u{i}@x.test" for i in range(100)])

    def test_an_agent_is_asked_of_the_parent(self):
        q = self.start()
        l = q.listener()
        l.store(["root@x.test"], transport=AGENT, action="pipe", user="root")
        while (said := q.heard())[0] == "pa_count":
            pass
        name, id, values, fd = said
        self.assertEqual((name, values["user"], values["octets"], values["action"]), ("qa_deliver", "root", BODY, "pipe"))
        q.parent.send("qa_outcome", request=id, envelope=values["envelope"], outcome=DELIVERED, status="2.0.0")
        q.wait_empty()

    # What people do.
    def test_hold_resume_remove_and_pause(self):
        q = self.start()
        l = q.listener()
        q.order("pause", "mta")
        messages = [l.store([f"r{i}@y.test"], sender=f"s{i % 2}@x.test")[2] for i in range(6)]
        relay = Taker(q.peer("relay"))
        q.restart()
        relay = Taker(q.peer("relay"))
        time.sleep(0.2)
        self.assertEqual(relay.transfers, [])      # the pause outlives the process
        show = q.show()
        self.assertEqual({e["state"] for e in show}, {"paused"})
        self.assertEqual(q.order("remove", "from", "s0@x.test")[0], ["3 removed"])
        self.assertEqual(q.order("pause", "envelope", "to", "r1@y.test")[0], ["1 held"])
        self.assertEqual(q.order("remove", show[3]["message"], show[3]["envelope"])[0], ["1 removed"])
        self.assertEqual(q.order("remove", "nonsense")[1], 2)
        self.assertEqual(q.order("remove", "0000000000000")[1], 1)
        q.restart()
        relay = Taker(q.peer("relay"))
        q.order("resume", "mta")
        wait_until(lambda: relay.transfers, what="the one that is left")
        wait_until(lambda: [e["state"] for e in q.show()] == ["held"], what="the end of that one")
        envelope = q.show()[0]["envelope"]
        self.assertIn("state: held", q.order("show envelope", envelope)[0])
        for one in ("message", "envelope"):
            self.assertEqual("\n".join(q.order("show message", q.show()[0][one])[0]).encode(), BODY[:-1])
        self.assertIn("is a message's", q.order("show envelope", q.show()[0]["message"])[2])
        self.assertEqual(q.order("schedule", "all")[0],
                         ["0 scheduled", "1 held, for which smtpctl resume envelope comes first"])
        self.assertEqual([e["state"] for e in q.show()], ["held"])
        q.order("resume", envelope)
        q.wait_empty()
        self.assertEqual([t["rcpts"][0]["address"] for t in relay.transfers], ["r5@y.test", "r1@y.test"])

    def test_what_was_removed_stays_so(self):
        """One in flight, too: what is told is durable, and a queue that dies then does not send it again."""
        q = self.start()
        l = q.listener()
        silent = Taker(q.peer("relay"), lambda t: None)
        l.store(["flies@y.test"])
        wait_until(lambda: silent.transfers, what="one in flight")
        q.order("pause", "mta")
        l.store(["waits@y.test"])
        self.assertEqual(q.order("remove", "all")[0], ["2 removed"])
        q.kill()
        q.start()
        relay = Taker(q.peer("relay"))
        q.order("resume", "mta")
        q.wait_empty()
        self.assertEqual(relay.transfers, [])

    def test_what_is_held_does_not_expire(self):
        q = self.start(queue_ttl=3)
        l = q.listener()
        relay = Taker(q.peer("relay"))
        q.order("pause", "mta")
        l.store(["b@y.test"])
        q.order("pause", "envelope", "all")
        q.order("resume", "mta")
        time.sleep(4.5)
        q.restart()
        relay = Taker(q.peer("relay"))
        time.sleep(1)
        self.assertEqual([(e["state"], e["recipient"]) for e in q.show()], [("held", "b@y.test")])
        self.assertGreater(q.show()[0]["age"], 3)
        self.assertEqual(relay.transfers, [])
        q.order("resume", "envelope", "all")
        q.wait_empty()
        self.assertEqual([t["rcpts"][0]["address"] for t in relay.transfers], ["b@y.test"])

    def test_pausing_smtp_is_told_to_the_listener(self):
        q = self.start()
        l = q.listener()
        self.assertTrue(l.accepting)
        q.order("pause", "smtp")
        l.read()
        self.assertEqual(l.state, (451, "4.3.2 no mail is taken now, try again later"))
        q.order("resume", "smtp")
        l.read()
        self.assertTrue(l.accepting)

    def test_an_action_that_is_gone_waits(self):
        q = self.start(queue_ttl=2)
        l = q.listener()
        relay = Taker(q.peer("relay"))
        q.order("pause", "mta")
        l.store(["b@y.test"])
        q.actions = (("local", 0),)
        q.apply()
        q.order("resume", "mta")
        wait_until(lambda: q.show()[0]["state"] == "no action", what="the state")
        self.assertEqual(relay.transfers, [])
        q.actions = (("local", 0), ("out", 1))
        q.apply()
        q.wait_empty()
        self.assertEqual(len(relay.transfers), 1)

    # Damage.
    def test_a_missing_body_is_set_aside(self):
        q = self.start()
        l = q.listener()
        body = b"x" * 100000
        number, fd = l.spool()
        with os.fdopen(fd, "wb") as f:
            f.write(body)
        l.store(["b@y.test"], spool=number, body=body)
        q.kill()
        for f in (q.folder / "queue/bodies").glob("*/*"):
            f.unlink()
        q.start()
        relay = Taker(q.peer("relay"))
        wait_until(lambda: q.show()[0]["state"] == "damaged", what="damage")
        wait_until(lambda: "event=held" in q.output(), what="event=held in the log")
        lines, code, error = q.order("show message", q.show()[0]["message"])
        self.assertEqual((lines, code), ([], 1))
        self.assertIn("is missing", error)
        q.restart()
        self.assertEqual(q.show()[0]["state"], "damaged")
        self.assertEqual(relay.transfers, [])

    def test_a_damaged_row_is_set_aside_and_the_rest_goes(self):
        import sqlite3
        q = self.start()
        l = q.listener()
        for i in range(3):
            l.store([f"r{i}@y.test"])
        q.kill()
        db = sqlite3.connect(q.folder / "queue/queue.db")
        db.execute("UPDATE envelope SET transport = 77 WHERE address = 'r1@y.test'")
        db.execute("UPDATE envelope SET address = '' WHERE address = 'r2@y.test'")
        db.commit()
        db.close()
        if os.geteuid() == 0:
            st = (q.folder / "queue").stat()
            for f in (q.folder / "queue").glob("queue.db*"):
                os.chown(f, st.st_uid, st.st_gid)
        q.start()
        relay = Taker(q.peer("relay"))
        wait_until(lambda: relay.transfers, what="the sound one")
        wait_until(lambda: len(q.show()) == 2, what="two")
        self.assertEqual([e["state"] for e in q.show()], ["damaged", "damaged"])
        self.assertEqual([t["rcpts"][0]["address"] for t in relay.transfers], ["r0@y.test"])

    def test_what_a_queue_of_before_says_of_a_message_harms_nothing(self):
        """Two bits that nobody read."""
        import sqlite3
        q = self.start()
        q.listener().store(["r@y.test"])
        q.kill()
        db = sqlite3.connect(q.folder / "queue/queue.db")
        db.execute("UPDATE message SET flags = 7")
        db.commit()
        db.close()
        if os.geteuid() == 0:
            st = (q.folder / "queue").stat()
            for f in (q.folder / "queue").glob("queue.db*"):
                os.chown(f, st.st_uid, st.st_gid)
        q.start()
        relay = Taker(q.peer("relay"))
        wait_until(lambda: relay.transfers, what="the message")
        self.assertEqual(relay.transfers[0]["flags"], 1)

    def test_a_damaged_message_that_gets_old_is_set_aside(self):
        """Nobody can be told of it, and nothing else waits for that."""
        import sqlite3
        q = self.start(queue_ttl=1, actions=(("local", 0),))
        l = q.listener()
        for i in range(2):
            l.store([f"r{i}@y.test"], sender=f"a{i}@x.test")
        q.kill()
        db = sqlite3.connect(q.folder / "queue/queue.db")
        db.execute("UPDATE message SET flags = 77 WHERE sender = 'a0@x.test'")
        db.commit()
        db.close()
        if os.geteuid() == 0:
            st = (q.folder / "queue").stat()
            for f in (q.folder / "queue").glob("queue.db*"):
                os.chown(f, st.st_uid, st.st_gid)
        time.sleep(1.1)
        q.start()
        mailbox = Taker(q.peer("mailbox"))
        Lookup(q.peer("lookup"))
        q.order("schedule", "all")
        wait_until(lambda: mailbox.transfers, what="the report about the sound one")
        self.assertIn(b"r1@y.test", mailbox.transfers[0]["body"])
        wait_until(lambda: [e["state"] for e in q.show()] == ["damaged"], what="damage")

    def test_leftovers_are_swept(self):
        q = self.start()
        q.kill()
        (q.folder / "queue/spool/17").write_bytes(b"x")
        orphan = q.folder / "queue/bodies/00/0000000000100"
        orphan.write_bytes(b"x")
        q.start()
        self.assertFalse((q.folder / "queue/spool/17").exists())
        wait_until(lambda: not orphan.exists(), what="the orphan's end")


if __name__ == "__main__":
    unittest.main()
