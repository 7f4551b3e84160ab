"""What happens to the files of an account behind the back of the process that has them open, as an administrator's
mistake, a restored backup or a bad disk do it (rows I42 to I46); see attack.py. Kurir keeps an account in a database
and files beside it, where the rows speak of a folder, an index and a list of UIDs. Each row has an account of its own."""

import contextlib
import os
import poplib
import random
import re
import shutil
import signal
import sqlite3
import time
import unittest

from attack import PATIENCE, Attacks
from suite import message, wait_until
from test_attacks_mail import Imap

STRAY = 100000
ROWS = ("removed", "empty", "gone", "future", "stray", "cut", *(f"flipped{n}" for n in range(10)))


class StoreAttacks(Attacks):
    options = {"users": ("bob", *ROWS)}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seen = {}       # (user, UIDVALIDITY, UID): subject, as any client was ever told

    def is_served(self):
        try:
            with Imap(self.suite, "bob") as c:
                c.ask("SELECT INBOX", "OK")
                c.ask("LOGOUT", "OK")
        except (AssertionError, OSError) as e:
            return str(e) or repr(e)

    def folder(self, user):
        return self.suite.folder / "mail" / self.suite.domain / user

    def append(self, c, subject, size=100, expected="OK"):
        """True when it was taken."""
        octets = message("a@b.test", "c@d.test", subject, body=size // 50 * (48 * "x" + "\r\n"))
        c.count += 1
        c.send(f"a{c.count} APPEND INBOX {{{len(octets)}}}\r\n")
        answer = c.line()
        if answer.startswith("+"):
            c.send(octets + b"\r\n")
            answer = f"a{c.count} {c.answer(f'a{c.count}')}"
        self.assertRegex(answer, rf"^a{c.count} ({expected})( |$)")
        return answer.startswith(f"a{c.count} OK")

    def select(self, c, user):
        """The subjects in INBOX by UID; no client was ever told another one for that UID. None when it was refused."""
        if c.ask("SELECT INBOX", "(OK|NO)").startswith("NO"):
            return None
        validity = next(int(m[1]) for line in c.untagged if (m := re.search(r"UIDVALIDITY (\d+)", line)))
        c.ask("UID FETCH 1:* ENVELOPE", "OK")
        found = {}
        for line in c.untagged:
            if m := re.match(r'\* \d+ FETCH \(UID (\d+) ENVELOPE \((?:NIL|"[^"]*") "([^"]*)"', line):
                found[int(m[1])] = m[2]
                before = self.seen.setdefault((user, validity, int(m[1])), m[2])
                self.assertEqual(before, m[2], f"UID {m[1]} of UIDVALIDITY {validity} was another message")
        return found

    def session(self, user):
        """None when the account does not open."""
        try:
            return Imap(self.suite, user)
        except AssertionError as e:
            self.assertIn("NO [UNAVAILABLE]", str(e))

    def filled(self, user):
        """A session with a mailbox of three small messages and a large one."""
        c = Imap(self.suite, user)
        for i, size in enumerate((100, 100, 100, 200000)):
            self.append(c, f"first {i}", size)
        self.assertEqual(len(self.select(c, user)), 4)
        time.sleep(1.1)  # an account that is made anew is told apart by the clock's second
        return c

    def again(self):
        """The process that had the account open is killed, and another one opens what is on the disk."""
        pid, = self.suite.pids("mailbox")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.suite.pids("mailbox") not in ([], [pid]), PATIENCE, "mailbox to start again")
        wait_until(lambda: self.is_served() is None, PATIENCE, "an ordinary client to be served")

    def keeps_its_promises(self, row, user, promised):
        """What was taken is there, also in the eyes of the next process; and what comes next has a UID of its own."""
        for name in (f"{row} the next session", f"{row} the next process"):
            with self.row(name), Imap(self.suite, user) as c:
                found = self.select(c, user) or {}
                self.assertLessEqual(promised, set(found.values()))
                self.append(c, name)
                promised = promised | {name}
                self.assertLessEqual(promised, set(self.select(c, user).values()))
            self.again()

    def test_folder_removed(self):
        with self.row("I42"), self.filled("removed") as c:
            shutil.rmtree(self.folder("removed"))
            for command in ("NOOP", "FETCH 1:* FLAGS", "FETCH 1:* BODY.PEEK[]", "STATUS INBOX (MESSAGES)"):
                c.ask(command, "(OK|NO)")
            # Into a file without name? Then nobody may be told that it is kept.
            promised = {"second"} if self.append(c, "second", expected="OK|NO") else set()
        self.keeps_its_promises("I42", "removed", promised)

    def waits_for_the_administrator(self, row, user):
        """Nothing begins anew over what is left: the account says NO, its mail waits, the log says what to do; once the folder
        was moved away the mail comes, and no client mistakes it for what was there."""
        left = {f.name for f in self.folder(user).iterdir()}
        with self.row(f"{row} the next process"):
            self.assertIsNone(self.session(user))
            self.suite.submit("bob", [self.suite.address(user)], message("bob@example.test", user, "late"))
            entry = wait_until(lambda: [e for e in self.suite.queue() if e["tries"] > 0], what="a first try")[0]
            self.assertEqual({f.name for f in self.folder(user).iterdir()}, left)
            wait_until(lambda: "put back a copy, or move" in self.suite.log(), what="the advice")
        self.folder(user).rename(self.suite.folder / f"{user}-away")
        self.suite.ctl("schedule", entry["envelope"])
        self.suite.wait_queue_empty()
        with self.row(f"{row} repaired"), self.session(user) as c:
            self.assertEqual(list(self.select(c, user).values()), ["late"])

    def test_database_cut(self):
        """As file systems have left files after a crash. Its WAL alone holds everything yet."""
        with self.row("I43"), self.filled("empty") as c:
            os.truncate(self.folder("empty") / "mail.db", 0)
            for command in ("NOOP", "FETCH 1:* BODY.PEEK[]", "SEARCH TEXT x", "STATUS INBOX (MESSAGES)"):
                c.ask(command, "(OK|NO)")
            self.append(c, "second", expected="OK|NO")
        self.again()
        self.waits_for_the_administrator("I43", "empty")

    def test_database_gone(self):
        with self.row("I43 gone"), self.filled("gone") as c:
            for name in ("mail.db", "mail.db-wal"):
                (self.folder("gone") / name).unlink()
            self.append(c, "second", expected="OK|NO")
        self.again()
        self.waits_for_the_administrator("I43 gone", "gone")

    def test_database_flipped(self):
        """Bits fall over while the files are open, and again before the next process looks at them."""
        rnd = random.Random(44)
        for n in range(10):
            user = f"flipped{n}"
            with self.row(f"I44 {n}"), self.filled(user) as c:
                for i in range(20):
                    self.append(c, f"more {i}")
                self.select(c, user)
                self.flip(user, rnd)
                for command in ("NOOP", "FETCH 1:* (FLAGS BODY.PEEK[])", "SEARCH TEXT x", "STORE 1:* +FLAGS (\\Seen)", "EXPUNGE"):
                    c.ask(command, "(OK|NO|BAD)")
                self.append(c, "after", expected="OK|NO")
                self.select(c, user)
            self.again()
            self.flip(user, rnd)
            with self.row(f"I44 {n} the next process"):
                c = self.session(user)
                if c is not None and self.select(c, user) is not None:
                    self.append(c, "again", expected="OK|NO")
                    self.select(c, user)

    def flip(self, user, rnd):
        for name in ("mail.db", "mail.db-wal"):
            with open(self.folder(user) / name, "r+b") as f:
                size = f.seek(0, os.SEEK_END)
                for _ in range(20):
                    at = rnd.randrange(size)
                    f.seek(at)
                    octet = f.read(1)[0] ^ 1 << rnd.randrange(8)
                    f.seek(at)
                    f.write(bytes([octet]))

    def write_into(self, user, sql):
        """As who repairs an account by hand."""
        self.again()
        with contextlib.closing(sqlite3.connect(self.folder(user) / "mail.db")) as db, db:
            db.execute(sql)

    def test_numbers_of_the_future(self):
        self.filled("future").close()
        self.write_into("future", "UPDATE mailbox SET uidnext = 4294967294 WHERE name = 'INBOX'")
        with self.row("I45 last UID"), self.session("future") as c:
            self.append(c, "last")
            self.append(c, "beyond", expected=r"NO \[LIMIT\]")
            self.assertEqual(self.select(c, "future")[4294967294], "last")
            c.ask("COPY 1 INBOX", r"NO \[LIMIT\]")
        for row, wrong, right in (("used UIDs", "mailbox SET uidnext = 2", "mailbox SET uidnext = 4294967295"),
                                  ("last modseq", f"counter SET value = {2**63 - 1}", "counter SET value = 1000000")):
            where = " WHERE name IN ('INBOX', 'modseq')"
            self.write_into("future", "UPDATE " + wrong + where)
            with self.row(f"I45 {row}"), self.session("future") as c:
                self.append(c, "wrong", expected="NO")
                self.select(c, "future")
            self.write_into("future", "UPDATE " + right + where)
            with self.row(f"I45 {row} repaired"), self.session("future") as c:
                self.assertEqual(list(self.select(c, "future").values()), [f"first {i}" for i in range(4)] + ["last"])

    def test_octets_that_were_lost(self):
        """A message goes out as long as it was announced, or not at all: after it the client removes it here."""
        self.filled("cut").close()
        self.write_into("cut", "UPDATE body SET is_packed = 0, octets = CAST('Subject: cut' AS BLOB) WHERE id = 1")
        with self.row("I43 octets lost"):
            c = self.suite.pop3("cut")
            with self.assertRaisesRegex(poplib.error_proto, r"^b?'?-ERR \[SYS/PERM\]"):
                c.retr(1)
            self.assertIn(b"first 1", b" ".join(c.retr(2)[1]))
            c.quit()

    def test_many_files(self):
        self.filled("stray").close()
        self.again()
        folder = self.folder("stray")
        for i in range(STRAY):
            (folder / f"{'body' if i % 2 else 'stray'}-{i:024x}").touch()
        with self.row("I46"), Imap(self.suite, "stray") as c:
            self.assertEqual(len(self.select(c, "stray")), 4)
        self.keeps_its_promises("I46", "stray", {"first 3"})


if __name__ == "__main__":
    unittest.main()
