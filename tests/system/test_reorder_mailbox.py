#!/usr/bin/env python3
"""The mail store on disks that reorder (see test_reorder.py): what was delivered, appended, copied and expunged with a
yes is so after the next start, each message once, and no UID means another message than the one it was shown with."""

import itertools
import os
import re
import shutil
import unittest

from mailbox_alone import Deliverer, Mailbox, No, ranges
from queue_alone import DELIVERED
from reorder import STATES, Reorder, databases_are_sound

ACCOUNTS = ("bob@x.test", "alice@x.test")
TOKEN = re.compile(rb"X-Token: (\S+)")
YES = ("am_ok", "am_appended", "am_copied")
envelopes = itertools.count(1)


class Ledger:
    """What was asked of the store, each with its place in the log; and which of it was answered with yes.

    A key names what is answered: the number of a request, or ("envelope", number)."""

    def __init__(self, before=None):
        self.bodies = dict(before.bodies) if before else {}        # token: octets
        self.envelopes = dict(before.envelopes) if before else {}  # number: (place, account, token)
        self.acts = list(before.acts) if before else []            # (place, key, is there, (account, mailbox, token))
        self.shown = list(before.shown) if before else []          # (place, (account, mailbox, uidvalidity, uid), token)
        self.accepted = set(before.accepted) if before else set()  # keys

    def until(self, at, said):
        """As it stood at that place of this life's log."""
        out = Ledger()
        out.bodies = self.bodies
        out.envelopes = {e: (0, *rest) for e, (place, *rest) in self.envelopes.items() if place < at}
        out.acts = [(0, *rest) for place, *rest in self.acts if place < at]
        out.shown = [(0, *rest) for place, *rest in self.shown if place <= at]
        out.accepted = self.accepted | {request for place, name, request, _ in said if name in YES and place < at}
        out.accepted |= {("envelope", values["envelope"]) for place, name, _, values in said
                         if name == "qm_outcome" and values["outcome"] == DELIVERED and place < at}
        return out

    def allowed(self):
        """How often each message may be in each mailbox."""
        out = {}
        for _, key, is_there, what in self.acts:
            after = {int(is_there)}
            out[what] = after if key in self.accepted else out.get(what, {0}) | after
        return out


class Work:
    """A mailbox process with its neighbours played, which note what they ask and hear."""

    def __init__(self, folder, recording=None, ledger=None):
        self.recording, self.ledger = recording, ledger or Ledger()
        self.mailbox = Mailbox(folder=folder, environment=recording.environment if recording else None)
        self.deliverer = Deliverer(self.mailbox)
        self.coming, self.copied = 0, set()

    def restart(self):
        """It is killed, whatever it had in hand; the disk goes on."""
        self.recording.end(self.mailbox.process)
        self.mailbox.restart()
        self.deliverer, self.coming = Deliverer(self.mailbox), 0

    def now(self):
        return self.recording.now() if self.recording else 0

    def message(self, rnd, sizes):
        token = f"t{len(self.ledger.bodies)}-{rnd.randrange(1 << 30)}"
        body = rnd.randbytes(rnd.choice(sizes) // 2).hex()
        octets = f"From: a@y.test\r\nX-Token: {token}\r\n\r\n{body}\r\n".encode()
        self.ledger.bodies[token] = octets
        return token, octets

    def act(self, key, is_there, account, mailbox, token):
        self.ledger.acts.append((self.now(), key, is_there, (account, mailbox, token)))

    def deliver(self, rnd, sizes):
        token, octets = self.message(rnd, sizes)
        recipients = [(next(envelopes), a) for a in rnd.sample(ACCOUNTS, rnd.choice((1, 1, 2)))]
        for envelope, account in recipients:
            self.ledger.envelopes[envelope] = (self.now(), account, token)
            self.act(("envelope", envelope), True, account, "INBOX", token)
        self.deliverer.deliver(recipients, octets)
        self.coming += len(recipients)

    def deliver_again(self):
        """What queue does after a power cut, should it not remember an answer."""
        for envelope, (_, account, token) in self.ledger.envelopes.items():
            self.deliverer.deliver([(envelope, account)], self.ledger.bodies[token])
            self.coming += 1
        return self.hear(0)

    def hear(self, leave):
        """Outcomes, until only so many are missing."""
        out = self.deliverer.outcomes(max(self.coming - leave, 0))
        self.coming -= len(out)
        return out

    def append(self, session, rnd, sizes):
        token, octets = self.message(rnd, sizes)
        mailbox = rnd.choice(("INBOX", "Archive"))
        place = len(self.ledger.acts)
        self.act(None, True, session.account, mailbox, token)
        uidvalidity, uid = session.append(mailbox, octets, self.recording.wrote)
        at, _, *rest = self.ledger.acts[place]
        self.ledger.acts[place] = (at, session.request, *rest)
        self.ledger.shown.append((self.now(), (session.account, mailbox, uidvalidity, uid), token))

    def look(self, session, mailbox="INBOX"):
        """Views it; gives token and octets of each message, by UID."""
        uidvalidity, uids = session.view(mailbox)
        found = {u: (t.group(1).decode() if (t := TOKEN.search(o)) else "?", o) for u, o in session.fetch(uids).items()}
        session.uids = {u: token for u, (token, _) in found.items()}
        for u, token in session.uids.items():
            self.ledger.shown.append((self.now(), (session.account, mailbox, uidvalidity, u), token))
        return uidvalidity, found

    def change(self, session, rnd, verb, is_there, mailbox, uids, **values):
        """Expunges or copies these of INBOX."""
        place = self.now()
        key = ("asked", place)
        self.ledger.acts += [(place, key, is_there, (session.account, mailbox, session.uids[u])) for u in uids]
        session.ask(verb, uids=ranges(uids), **values)
        self.ledger.acts = [(p, session.request if k == key else k, *rest) for p, k, *rest in self.ledger.acts]

    def step(self, session, rnd, sizes):
        what = rnd.random()
        if what < 0.5:
            self.deliver(rnd, sizes)
        elif what < 0.7:
            self.append(session, rnd, sizes)
        elif what < 0.8 or not session.uids:
            self.look(session)
        else:
            uids = sorted(rnd.sample(sorted(session.uids), rnd.randint(1, min(3, len(session.uids)))))
            if what < 0.9:
                self.change(session, rnd, "am_expunge", False, "INBOX", uids)
                for u in uids:
                    del session.uids[u]
            elif uids := [u for u in uids if (session.account, session.uids[u]) not in self.copied]:
                self.copied |= {(session.account, session.uids[u]) for u in uids}
                self.change(session, rnd, "am_copy", True, "Archive", uids, to="Archive")

    def run(self, rnd, sizes, count):
        self.run_until_killed(rnd, sizes, count // 2)
        self.restart()
        self.deliver_again()
        self.run_until_killed(rnd, sizes, count // 2)
        self.hear(0)

    def run_until_killed(self, rnd, sizes, count):
        sessions = [self.mailbox.session(a) for a in ACCOUNTS]
        for session in sessions:
            try:
                session.ask("am_create", name="Archive", special_use="")
            except No:
                pass         # it is there
        for _ in range(count):
            self.step(rnd.choice(sessions), rnd, sizes)
            self.hear(rnd.randrange(6))


class MailboxReorders(Reorder):
    process, state = "mailbox", "mail"

    def make_state(self, place):
        (place / "mail").mkdir(mode=0o755)
        if os.geteuid() == 0:
            shutil.chown(place / "mail", "_kurirm", "_kurirm")

    def live(self, place, recording, ledger, work):
        life = Work(place, recording, Ledger(ledger))
        try:
            work(life)
            recording.end(life.mailbox.process)
        finally:
            life.mailbox.kill()
        return life.ledger

    def recover(self, life, rnd):
        life.copied = {(account, token) for _, _, _, (account, mailbox, token) in life.ledger.acts if mailbox == "Archive"}
        life.deliver_again()
        life.run(rnd, (100, 3000, 100000), 6)

    def until(self, ledger, at, said):
        return ledger.until(at, said)

    def check(self, place, ledger):
        try:
            work = Work(place, ledger=Ledger(ledger))
        except (AssertionError, OSError) as e:
            return [f"it does not start: {e}"]
        try:
            wrong = self.judge(work, ledger)
            # queue may not know of any answer.
            wrong += [f"envelope {e}: outcome {o}" for e, o in work.deliver_again() if o != DELIVERED]
            work.ledger.accepted |= {("envelope", e) for e in ledger.envelopes}
            wrong += [f"delivered again: {w}" for w in self.judge(work, work.ledger)]
            work.mailbox.stop()
            wrong += databases_are_sound(place / "mail")
        except (AssertionError, No, OSError) as e:
            wrong = [f"it does not work: {e!r}"]
        finally:
            work.mailbox.kill()
        return wrong

    def judge(self, work, ledger):
        """Looks at everything; what is promised stands in the ledger."""
        wrong, found = [], {}
        shown = {key: token for _, key, token in ledger.shown}
        for session in [work.mailbox.session(a) for a in ACCOUNTS]:
            for mailbox in session.names():
                uidvalidity, messages = work.look(session, mailbox)
                for uid, (token, octets) in messages.items():
                    what = (session.account, mailbox, token)
                    found[what] = found.get(what, 0) + 1
                    if not octets.endswith(ledger.bodies.get(token, b"none")):
                        wrong.append(f"{what}: changed, or invented")
                    other = shown.get((session.account, mailbox, uidvalidity, uid), token)
                    if other != token:
                        wrong.append(f"{what}: has UID {uid}, which was {other}'s")
        allowed = ledger.allowed()
        for what in {*found, *allowed}:
            count = found.get(what, 0)
            if count not in allowed.get(what, {0}):
                wrong.append(f"{what}: there {count} times and not {sorted(allowed.get(what, {0}))}")
        return wrong

    def work(self, *sizes, count):
        return lambda life, rnd: life.run(rnd, sizes, count)

    def test_mailbox(self):
        self.expect(self.cut(self.work(100, 3000, 30000, 70000, 200000, count=80), STATES))

    def test_mailbox_whose_log_is_copied(self):
        """From 4 MiB on, the WAL goes into the database and is begun again."""
        self.expect(self.cut(self.work(100, 60000, 60000, count=600), max(STATES // 6, 6)))

    def test_that_it_finds_a_copy_not_synced(self):
        self.expect_losses(self.work(100, 60000, 60000, count=600), ("copies of logs",))

    def test_that_it_finds_losses(self):
        self.expect_losses(self.work(100, 3000, 70000, count=20), ("every sync", "folders", "logs of databases", "bodies"))


if __name__ == "__main__":
    unittest.main()
