"""The clients of a chaotic run: they work without pause, and write down what they were promised.

Each is a thread with a life of its own: whatever breaks, it connects again. A client never does the same thing twice
because it got no answer; it notes that it does not know.
"""

import contextlib
import imaplib
import poplib
import re
import smtplib
import socket
import threading
import time
from collections import Counter

from chaos_ledger import ARRIVED, GONE, INBOX, compose, read

BROKEN = (smtplib.SMTPException, imaplib.IMAP4.error, poplib.error_proto, OSError, EOFError)
SIZES = (200, 200, 2000, 2000, 20000, 70000, 250000)
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "kept")
SECONDS = 20


class Client(threading.Thread):
    """Calls work() until it is told to stop."""

    def __init__(self, world, name, rnd):
        super().__init__(daemon=True, name=name)
        self.world, self.suite, self.ledger, self.rnd = world, world.suite, world.ledger, rnd
        self.on, self.n, self.wrong = True, 0, []
        self.start()

    def token(self):
        self.n += 1
        return f"{self.name}-{self.n}"

    def message(self, token):
        return compose(token, self.rnd.choice(SIZES), self.rnd)

    def run(self):
        while self.on:
            try:
                self.work()
            except BROKEN:
                time.sleep(self.rnd.uniform(0.02, 0.2))
            except Exception as e:  # a client's own mistake must not look like peace
                self.wrong.append(f"{self.name}: {type(e).__name__}: {e}")
                raise


class Stranger(Client):
    """Mail from elsewhere, pipelined: the next envelope goes out behind the last dot."""

    def recipients(self, token):
        there = self.rnd.sample(self.world.readers, self.rnd.choice((1, 1, 2, 3)))
        return there + ([f"{self.world.user}@{d}" for d in ("maildir.test", "mbox.test") if self.rnd.random() < 0.15]
                        if self.world.user else [])

    def begin(self):
        token = self.token()
        to = self.recipients(token)
        self.file.write(b"RSET\r\nMAIL FROM:<x@elsewhere.test>\r\n" + b"".join(b"RCPT TO:<%s>\r\n" % r.encode() for r in to) + b"DATA\r\n")
        return token, to

    def reply(self):
        while line := self.file.readline():
            if line[3:4] == b" ":
                return int(line[:3])
        raise EOFError

    def work(self):
        with socket.create_connection((self.suite.host, self.suite.port["smtp"]), timeout=SECONDS) as s, \
                s.makefile("rwb") as self.file:
            self.reply()
            self.file.write(b"EHLO elsewhere.test\r\n")
            self.file.flush()
            self.reply()
            following = self.begin()
            for left in reversed(range(self.rnd.randrange(1, 15))):
                following = self.one(*following, left > 0 and self.on)
                if following is None:
                    break
            time.sleep(self.rnd.uniform(0, 0.05))

    def one(self, token, to, goes_on):
        self.file.flush()
        self.reply()
        self.reply()
        taken = [r for r in to if self.reply() == 250]
        if self.reply() != 354:
            return self.begin() if goes_on else None
        octets = re.sub(rb"^\.", b"..", self.message(token), flags=re.M)
        if self.rnd.random() < 0.03:  # a client that goes away in the middle has sent nothing
            self.file.write(octets[:self.rnd.randrange(len(octets))])
            self.file.flush()
            raise EOFError
        self.ledger.offer(token, taken)
        self.file.write(octets + b".\r\n")
        following = self.begin() if goes_on else None
        self.file.flush()
        if self.reply() == 250:
            self.ledger.accept(token, taken)
        return following


class Submitter(Client):
    """Somebody of here, who writes to others and to people elsewhere, each of whom has an address of this message alone."""

    def work(self):
        with smtplib.SMTP(self.suite.host, self.suite.port["submission"], timeout=SECONDS) as s:
            s.starttls(context=self.suite.tls())
            s.login(self.suite.address("alice"), self.suite.password("alice"))
            for _ in range(self.rnd.randrange(1, 12)):
                if not self.on:
                    break
                token = self.token()
                to = [f"{token}.{i}@{self.world.sink.domain(token)}" for i in range(self.rnd.choice((1, 1, 2)))]
                if self.rnd.random() < 0.2:
                    to.append(self.rnd.choice(self.world.readers))
                octets = self.message(token)
                self.ledger.offer(token, to)
                refused = s.sendmail(self.suite.address("alice"), to, octets)
                self.ledger.accept(token, [r for r in to if r not in refused])
                time.sleep(self.rnd.uniform(0, 0.05))


class Popper(Client):
    """Reads, checks and deletes over POP3; what it deletes is gone when QUIT is answered, and no sooner."""

    def __init__(self, world, name, rnd, account, user):
        self.account, self.user = account, user
        super().__init__(world, name, rnd)

    def work(self):
        with self.account.lock:
            self.visit()
        time.sleep(self.rnd.uniform(0.05, 0.3))

    def visit(self):
        c = self.suite.pop3(self.user)
        gone = []
        try:
            for i in range(1, min(c.stat()[0], 30) + 1):
                token, is_whole = read(b"\r\n".join(c.retr(i)[1]) + b"\r\n")
                if not is_whole:
                    self.wrong.append(f"{self.name}: {token} has other octets")
                copy = self.account.find(token, ARRIVED)
                if copy is not None and self.rnd.random() < 0.8:
                    c.dele(i)
                    gone.append(copy)
            if self.rnd.random() < 0.8:
                for copy in gone:
                    copy.add(GONE)
                c.quit()
                for copy in gone:
                    copy.discard(ARRIVED)
        finally:
            with contextlib.suppress(OSError):
                c.close()


class Mailer(Client):
    """A mail program with an account to itself, which does whatever IMAP offers, and looks whether it was done."""

    def __init__(self, world, name, rnd, account, user):
        self.account, self.user = account, user
        super().__init__(world, name, rnd)

    def work(self):
        with self.account.lock:
            self.c, self.soft = self.suite.imap(self.user), []
            try:
                self.look_round()
                for _ in range(self.rnd.randrange(1, 4)):
                    self.visit()
                self.c.logout()
            finally:
                with contextlib.suppress(OSError):
                    self.c.shutdown()
        time.sleep(self.rnd.uniform(0, 0.1))

    def ok(self, answer):
        if answer[0] != "OK":
            raise imaplib.IMAP4.error(answer)
        return answer[1]

    def durably(self, answer):
        """What was answered is on the disk, and so is every STORE before it, which alone takes up to a second."""
        self.ok(answer)
        for copy, state in self.soft:
            copy.discard(state)
        self.soft = []

    def known(self):
        return sorted(name for name, states in self.account.boxes.items() if states == {True})

    def look_round(self):
        names = {m[1] for line in self.ok(self.c.list()) if line for m in [re.search(r' "?([\w-]+)"?$', line.decode())]}
        for name, states in self.account.boxes.items():
            if (name in names) not in states:
                self.wrong.append(f"{self.user}: in a session, mailbox {name} is {'' if name in names else 'not '}there")

    def visit(self):
        box = self.rnd.choice(self.known())
        self.ok(self.c.select(box))
        view = self.view()
        missing = self.account.certain(box) - Counter(view.values())
        if missing:
            self.wrong.append(f"{self.user}: in a session, {box} has not {dict(missing)}")
            raise imaplib.IMAP4.error("nothing to build on")
        for _ in range(self.rnd.randrange(1, 5)):
            if not self.on:
                return
            act = self.rnd.choice((self.append, self.append, self.copy, self.move, self.move, self.store, self.store,
                                   self.expunge, self.idle, self.fetch, self.make, self.rename, self.delete))
            act(box, view)
            if act in (self.rename, self.delete):
                return
            view = self.view()

    def view(self):
        """uid: token and flags, of the mailbox that is selected."""
        self.ok(self.c.noop())
        out = {}
        for item in self.ok(self.c.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (X-TOKEN)])")):
            if isinstance(item, tuple):
                uid = re.search(rb"UID (\d+)", item[0])[1].decode()
                flags = re.search(rb"FLAGS \(([^)]*)\)", item[0])[1].decode().split()
                token = re.search(rb"X-Token: (\S+)", item[1])
                out[uid] = (token and token[1].decode(), frozenset(flags) - {"\\Recent"})
        return out

    def some(self, box, view, most=6):
        """Messages of the view that are known for certain, each with its copy; none twice."""
        out, taken = [], set()
        for uid in self.rnd.sample(sorted(view), min(len(view), most)):
            token, flags = view[uid]
            copy = self.account.find(token, (box, flags))
            if copy is not None and token not in taken:
                taken.add(token)
                out.append((uid, (box, flags), copy))
        return out

    def change(self, some, after, command, is_soft=False):
        """Each copy is as it was, or as after says of its state; once command is answered with OK, the latter."""
        for _, state, copy in some:
            copy.add(after(state))
        answer = command(",".join(uid for uid, _, _ in some))
        left = [(copy, state) for _, state, copy in some if after(state) != state]
        if is_soft:
            self.ok(answer)
            self.soft += left
            return
        self.durably(answer)
        for copy, state in left:
            copy.discard(state)

    def append(self, box, view):
        token = self.token()
        flags = frozenset(self.rnd.sample(FLAGS, self.rnd.randrange(3)))
        octets = self.message(token)
        if self.rnd.random() < 0.03:  # and has appended nothing
            self.c.send(f"x APPEND {box} {{{len(octets)}}}\r\n".encode())
            self.c.readline()
            self.c.send(octets[:self.rnd.randrange(len(octets))])
            raise EOFError
        copy = self.account.place(token, (box, flags))
        copy.add(GONE)
        self.durably(self.c.append(box, f"({' '.join(sorted(flags))})", None, octets))
        self.world.appended += 1
        copy.discard(GONE)

    def other(self, box):
        return self.rnd.choice([b for b in self.known() if b != box] or [None])

    def copy(self, box, view):
        some, other = self.some(box, view), self.other(box)
        if not some or not other:
            return
        new = [self.account.place(view[uid][0], (other, state[1])) for uid, state, _ in some]
        for copy in new:
            copy.add(GONE)
        self.durably(self.c.uid("COPY", ",".join(uid for uid, _, _ in some), other))
        for copy in new:
            copy.discard(GONE)

    def move(self, box, view):
        some, other = self.some(box, view), self.other(box)
        if some and other:
            self.change(some, lambda s: (other, s[1]), lambda uids: self.c.uid("MOVE", uids, other))

    def store(self, box, view):
        some, flag = self.some(box, view), self.rnd.choice(FLAGS)
        if some and self.rnd.random() < 0.6:
            self.change(some, lambda s: (s[0], s[1] | {flag}), lambda uids: self.c.uid("STORE", uids, "+FLAGS", f"({flag})"), True)
        elif some:
            self.change(some, lambda s: (s[0], s[1] - {flag}), lambda uids: self.c.uid("STORE", uids, "-FLAGS.SILENT", f"({flag})"), True)

    def expunge(self, box, view):
        some = self.some(box, view, 2 + len(view) // 3)
        if not some:
            return
        self.change(some, lambda s: (s[0], s[1] | {"\\Deleted"}), lambda uids: self.c.uid("STORE", uids, "+FLAGS", "(\\Deleted)"), True)
        # Whatever is marked goes, what earlier sessions left half done too.
        marked = [copy for copies in self.account.copies.values() for copy in copies
                  if any(s is not GONE and s[0] == box and "\\Deleted" in s[1] for s in copy)]
        for copy in marked:
            copy.add(GONE)
        self.durably(self.c.expunge())
        for copy in marked:
            for state in [s for s in copy if s is not GONE and s[0] == box and "\\Deleted" in s[1]]:
                copy.discard(state)

    def idle(self, box, view):
        self.c.send(b"x IDLE\r\n")
        if not self.c.readline().startswith(b"+"):
            raise imaplib.IMAP4.error("IDLE")
        time.sleep(self.rnd.uniform(0, 0.3))
        self.c.send(b"DONE\r\n")
        while not (line := self.c.readline()).startswith(b"x "):
            if not line:
                raise EOFError

    def fetch(self, box, view):
        for uid in self.rnd.sample(sorted(view), min(len(view), 3)):
            octets = next((i[1] for i in self.ok(self.c.uid("FETCH", uid, "(BODY.PEEK[])")) if isinstance(i, tuple)), None)
            if octets is None or read(octets) != (view[uid][0], True):
                self.wrong.append(f"{self.user}: {view[uid][0]} has other octets in {box}")

    def make(self, box, view):
        if len(self.account.boxes) < 12:
            name = self.token().replace(".", "-")
            self.account.boxes[name] = {True, False}
            self.durably(self.c.create(name))
            self.account.boxes[name] = {True}

    def rename(self, box, view):
        if box == INBOX or not self.account.is_still(box):
            return
        name = self.token().replace(".", "-")
        self.account.boxes[box], self.account.boxes[name] = {True, False}, {True, False}
        there = [(copy, (box, next(iter(copy))[1])) for copies in self.account.copies.values() for copy in copies
                 if len(copy) == 1 and GONE not in copy and next(iter(copy))[0] == box]
        for copy, state in there:
            copy.add((name, state[1]))
        self.durably(self.c.rename(box, name))
        self.account.boxes[box], self.account.boxes[name] = {False}, {True}
        for copy, state in there:
            copy.discard(state)

    def delete(self, box, view):
        if box == INBOX or not self.account.is_still(box) or self.rnd.random() < 0.5:
            return
        self.account.boxes[box] = {True, False}
        there = [copy for copies in self.account.copies.values() for copy in copies
                 if len(copy) == 1 and GONE not in copy and next(iter(copy))[0] == box]
        for copy in there:
            copy.add(GONE)
        self.durably(self.c.delete(box))
        self.account.boxes[box] = {False}
        for copy in there:
            copy.clear()
            copy.add(GONE)
