#!/usr/bin/env python3
"""The power fails, and of what was not synced the disk has any part in any order: what was answered with yes is
there after the next start, once, octet for octet, and nothing else is.

A process is recorded at work (preload/recorder.c); its folder is rebuilt as disk.py says it may be found at some
moments, and the real process starts on each. A part of these recoveries is recorded, too, and cut in the same way.
KURIR_REORDER sets how many states each test builds (CI: a few dozen); KURIR_SEED chooses them.
"""

import os
import shutil
import time
import unittest

import queue_alone
from queue_alone import Lookup, Queue, Taker
from reorder import STATES, Reorder, databases_are_sound

ACTIONS = dict(good=queue_alone.RELAYED, temp=queue_alone.TEMPORARY, perm=queue_alone.PERMANENT)
SENDER = "a@x.test"


class Ledger:
    """What the queue's neighbours handed over and were told, each with its place in the log."""

    def __init__(self, before=None):
        self.begun = dict(before.begun) if before else {}        # message id: (recipients, body)
        self.accepted = dict(before.accepted) if before else {}  # message id: place
        self.outcomes = list(before.outcomes) if before else []  # (place, recipient, outcome)
        self.reports = list(before.reports) if before else []    # (place, text)
        self.requests = {}                                       # request of this life: message id

    def until(self, at, said):
        """As it stood at that place of this life's log."""
        out = Ledger()
        out.begun = self.begun
        out.accepted = {m: 0 for m, place in self.accepted.items() if place == 0}
        out.accepted.update({self.requests[request]: 0 for place, name, request, _ in said
                             if name == "lq_stored" and place < at})
        out.outcomes = [(0, *o[1:]) for o in self.outcomes if o[0] < at]
        out.reports = [(0, text) for place, text in self.reports if place < at]
        return out


class Work:
    """A queue with its neighbours played, which hand over and take, and note it."""

    def __init__(self, folder, recording=None, ledger=None):
        self.recording, self.ledger = recording, ledger or Ledger()
        self.transfers = []
        self.queue = Queue(folder=folder, environment=recording.environment if recording else None)

    def now(self):
        return self.recording.now() if self.recording else 0

    def decide(self, transfer, all_good=False):
        out = []
        self.transfers.append(transfer)
        if transfer["sender"] == "":
            self.ledger.reports.append((self.now(), transfer["body"].decode("latin-1")))
            return [(Taker.good(transfer), "2.0.0", "taken")] * len(transfer["rcpts"])
        for r in transfer["rcpts"]:
            outcome = ACTIONS[r["address"][:4]] if not all_good else Taker.good(transfer)
            if outcome == queue_alone.RELAYED:
                outcome = Taker.good(transfer)
            self.ledger.outcomes.append((self.now(), r["address"], outcome))
            out.append((outcome, "2.0.0" if outcome < 2 else "5.0.0", "so it is"))
        return out

    def neighbours(self, all_good=False):
        Lookup(self.queue.peer("lookup"))
        for role in ("relay", "mailbox"):
            Taker(self.queue.peer(role), lambda t: self.decide(t, all_good))

    def hand_over(self, listener, name, rnd, size):
        """One message, whose recipients' addresses say what their servers will say."""
        recipients = [{"address": f"{rnd.choice(('good', 'good', 'temp', 'perm'))}-{name}-{i}@y.test",
                       "transport": rnd.choice((queue_alone.RELAY, queue_alone.MAILBOX))}
                      for i in range(rnd.choice((1, 1, 3)))]
        for r in recipients:
            r["action"] = "out" if r["transport"] == queue_alone.RELAY else "local"
            r["user"] = "" if r["transport"] == queue_alone.RELAY else "u@y.test"
        body = f"From: {SENDER}\r\nSubject: {name}\r\n\r\n".encode() + rnd.randbytes(size // 2).hex().encode()
        number = 0
        if size > 65000:
            number, fd = listener.spool()
            os.write(fd, body)
            self.recording.wrote(fd, 0, body)
            os.close(fd)
        message = listener.id()
        self.ledger.begun[message] = ([r["address"] for r in recipients], body)
        self.ledger.requests[listener.request + 1] = message
        listener.begin(recipients, body=body, message=message, spool=number, sender=SENDER)
        return listener.request

    def run(self, rnd, sizes, name):
        """Hands over messages of these sizes, some at once, while earlier ones are taken; half-way queue is killed."""
        self.run_until_killed(rnd, sizes[:len(sizes) // 2], name + "a", False)
        self.recording.end(self.queue.process)
        self.queue.restart()
        self.run_until_killed(rnd, sizes[len(sizes) // 2:], name + "b", True)
        time.sleep(0.05)

    def run_until_killed(self, rnd, sizes, name, is_patient):
        listener = self.queue.listener()
        listener.request = 1000 * len(self.ledger.requests)      # none comes twice
        self.neighbours()
        waiting = []
        for i, size in enumerate(sizes):
            waiting.append(self.hand_over(listener, f"{name}{i}", rnd, size))
            while len(waiting) > rnd.randrange(6):
                listener.wait(waiting.pop(0))
        for request in waiting if is_patient else ():
            listener.wait(request)

    def drain(self, seconds):
        """Everything that is there goes out."""
        shown = self.queue.show()
        self.neighbours(all_good=True)
        self.queue.order("schedule", "all")
        self.queue.wait_empty(seconds)
        return shown


class QueueReorders(Reorder):
    process = state = "queue"

    def make_state(self, place):
        (place / "queue").mkdir(mode=0o755)
        if os.geteuid() == 0:
            shutil.chown(place / "queue", "_kurirq", "_kurirq")

    def live(self, place, recording, ledger, work):
        life = Work(place, recording, Ledger(ledger))
        try:
            work(life)
            recording.end(life.queue.process)
        finally:
            life.queue.kill()
        return life.ledger

    def recover(self, life, rnd):
        life.neighbours()
        life.queue.order("schedule", "all")
        time.sleep(rnd.uniform(0, 0.1))

    def until(self, ledger, at, said):
        return ledger.until(at, said)

    def check(self, place, ledger):
        try:
            work = Work(place, ledger=Ledger(ledger))
        except (AssertionError, OSError) as e:
            return [f"it does not start: {e}"]
        wrong = []
        try:
            listener = work.queue.listener()
            if ledger.accepted and listener.next_id <= max(ledger.accepted):
                wrong.append("an id that is in use is given again")
            shown = work.drain(self.patience)
            wrong += self.judge(ledger, shown, work)
            wrong += self.left_over(place / "queue")
            work.queue.stop()
            wrong += databases_are_sound(place / "queue")
        except (AssertionError, OSError) as e:
            wrong.append(f"it does not work: {e!r}")
        finally:
            work.queue.kill()
        return wrong

    def left_over(self, folder):
        """Files of no message, which are removed a little after it."""
        end = time.monotonic() + self.patience
        while (left := [f for f in folder.glob("[bs]*/**/*") if f.is_file()]) and time.monotonic() < end:
            time.sleep(0.02)
        return [f"{f} is left" for f in left]

    def taken(self, work, ledger):
        """How often each recipient's message went out, and what is wrong with it."""
        wrong, taken = [], {}
        known = {a: body for recipients, body in ledger.begun.values() for a in recipients}
        for t in work.transfers:
            for r in t["rcpts"]:
                if t["sender"] == "":
                    if r["address"] != SENDER:
                        wrong.append(f"a report to {r['address']}")
                    continue
                taken[r["address"]] = taken.get(r["address"], 0) + 1
                if known.get(r["address"]) != t["body"]:
                    wrong.append(f"{r['address']}: changed, or invented")
        return taken, wrong

    def judge(self, ledger, shown, work):
        taken, wrong = self.taken(work, ledger)
        wrong += [f"row {row}" for row in shown if row["state"] in ("held", "damaged")]
        wrong += [f"{a}: {n} times in one life" for a, n in taken.items() if n > 1]
        failed = {address for _, address, outcome in ledger.outcomes if outcome == queue_alone.PERMANENT}
        sent = {address for _, address, outcome in ledger.outcomes if outcome < queue_alone.TEMPORARY}
        reports = "".join(text for _, text in work.ledger.reports)
        for message, (recipients, _) in ledger.begun.items():
            reported = {a for a in recipients if a in reports}
            wrong += [f"{a}: reported and never failed" for a in reported - failed]
            kept = {a for a in recipients if a in taken or a in sent or a in failed & reported}
            if message in ledger.accepted:
                wrong += [f"{a}: lost" for a in recipients if a not in kept]
            open_ones = [a in taken for a in recipients if a not in sent and a not in failed]
            if any(open_ones) and not all(open_ones):
                wrong.append(f"{recipients}: only a part is there")
        return wrong

    def sizes(self, *sizes, count):
        return lambda life, rnd: life.run(rnd, [rnd.choice(sizes) for _ in range(count)], "m")

    def test_queue(self):
        self.expect(self.cut(self.sizes(100, 3000, 30000, 70000, 200000, count=40), STATES))

    def test_queue_whose_log_is_copied(self):
        """From 16 MiB on, the WAL goes into the database and is begun again."""
        self.expect(self.cut(self.sizes(100, 60000, 64000, count=420), max(STATES // 6, 6)))

    def test_that_it_finds_losses(self):
        self.expect_losses(self.sizes(100, 3000, 70000, count=10), ("every sync", "folders", "logs of databases"))
        self.expect_losses(self.sizes(70000, count=10), ("bodies",))

    def test_that_it_finds_a_copy_not_synced(self):
        self.expect_losses(self.sizes(100, 60000, 64000, count=420), ("copies of logs",))


if __name__ == "__main__":
    unittest.main()
