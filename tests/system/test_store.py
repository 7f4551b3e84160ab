"""The mail store on a disk that fills up: temporary failures, the process stays, nothing is lost. And what it does
while nobody asks for anything."""

import contextlib
import os
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

from suite import BUILD, Suite, message, wait_until

HOLD = BUILD / "tests/system/preload/hold.so"


class Small(Suite):
    """Its mail lies on a file system of its own, with little room."""

    def run(self, *arguments):
        mail = self.folder / "mail"
        mail.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", mail], check=True)
        return super().run(*arguments)

    def stop(self):
        code = super().stop()
        subprocess.run(["umount", self.folder / "mail"], check=True)
        return code


class Store(unittest.TestCase):
    @unittest.skipIf(os.geteuid() != 0, "mounts a small file system")
    def test_a_full_disk_delays_mail_and_ends_nothing(self):
        with Small() as s:
            mail, pids = s.folder / "mail", s.pids("mailbox")
            c = s.imap("bob")
            c.append("INBOX", None, None, message("a@x.test", "bob", "early"))
            c.select("INBOX")
            filler = mail / "filler"
            v = os.statvfs(mail)
            # All but 1 MiB: less than what is kept for changes that make room.
            with open(filler, "wb") as f:
                os.posix_fallocate(f.fileno(), 0, v.f_bavail * v.f_frsize - (1 << 20))
            time.sleep(0.2)
            s.submit("alice", [s.address("alice"), s.address("bob")], message(s.address("alice"), "bob", "late"))
            wait_until(lambda: len(s.queue()) == 2 and all(e["tries"] > 0 for e in s.queue()), what="two tries")
            self.assertEqual(c.append("INBOX", None, None, message("a@x.test", "bob", "no"))[0], "NO")
            self.assertEqual(c.fetch("1", "(FLAGS)")[0], "OK")  # what is there can be read,
            self.assertEqual(c.store("1", "+FLAGS", r"\Deleted")[0], "OK")  # and removed
            self.assertEqual(c.expunge()[0], "OK")
            # Not an octet: even that change is refused now, and only for a while.
            v = os.statvfs(mail)
            with open(mail / "rest", "wb") as f:
                os.posix_fallocate(f.fileno(), 0, v.f_bavail * v.f_frsize)
            tries = {e["envelope"]: e["tries"] for e in s.queue()}
            self.assertEqual(len(tries), 2)
            for envelope in tries:
                s.ctl("schedule", envelope)
            wait_until(lambda: all(e["tries"] > tries[e["envelope"]] for e in s.queue()), what="another try of each")
            self.assertEqual({e["envelope"] for e in s.queue()}, set(tries))
            filler.unlink()
            (mail / "rest").unlink()
            time.sleep(0.2)
            for e in s.queue():
                s.ctl("schedule", e["envelope"])
            s.wait_queue_empty()
            self.assertEqual(len(s.bodies("bob")), 1)
            self.assertEqual(len(s.bodies("alice")), 1)
            self.assertEqual(s.pids("mailbox"), pids, "the process is the same")

    def test_who_has_the_name_after_a_folder_was_deleted_is_somebody_else(self):
        """Nothing of the old account is shown to the new one, nor told to be stored in files without a name."""
        with Suite() as s:
            s.submit("alice", [s.address("bob")], message("alice", "bob", "secret"))
            s.wait_messages("bob", 1)
            s.wait_queue_empty()  # or it comes to the next of that name
            for way in (shutil.rmtree, lambda folder: folder.rename(s.folder / "away")):
                seen = s.imap("bob")
                seen.select("INBOX")
                s.ctl("account", "del", s.address("bob"))
                way(s.folder / "mail/example.test/bob")
                s.ctl("account", "add", s.address("bob"), stdin=s.password("bob") + "\n")
                self.assertEqual(s.bodies("bob"), [])
                wait_until(lambda: "account bob@example.test: its files were removed or moved" in s.log(), what="the account in the log")
                with self.assertRaises(seen.abort):  # it may be told so, but nothing else
                    for _ in range(3):
                        seen.fetch("1", "(BODY[])")
                s.submit("alice", [s.address("bob")], message("alice", "bob", "again"))
                s.wait_messages("bob", 1)
                s.wait_queue_empty()


@unittest.skipUnless(HOLD.exists(), "needs a library that is preloaded")
class Neighbours(unittest.TestCase):
    """As long as a file lies there, no sync of a large file comes back."""
    LARGE = "x" * 70 + "\r\n"
    SESSIONS = 6

    def large(self, s):
        return message("a@x.test", "alice", "large", body=self.LARGE * 30000)

    def append(self, s, answers):
        with s.imap("alice") as c:
            answers.append(c.append("INBOX", None, None, self.large(s))[0])

    def test_nobody_waits_for_large_messages_of_another(self):
        s, answers = Suite(), []
        hold = s.folder / "mail/hold"
        s.environment |= {"LD_PRELOAD": str(HOLD), "HOLD_PROCESS": "mailbox", "HOLD_WHILE": str(hold)}
        with s:
            hold.touch()
            hold.chmod(0o644)
            sessions = [threading.Thread(target=self.append, args=(s, answers)) for _ in range(self.SESSIONS)]
            for t in sessions:
                t.start()
            s.submit("bob", [s.address("alice")], self.large(s))
            folder = s.folder / "mail/example.test/alice"
            wait_until(lambda: any(f.stat().st_size > 1 << 20 for f in folder.glob("body-*")), what="a large file")
            with s.imap("bob") as c:
                c.socket().settimeout(20)
                c.select("INBOX")
                self.assertEqual(c.noop()[0], "OK")
                self.assertEqual(c.status("INBOX", "(MESSAGES)")[1], [b"INBOX (MESSAGES 0)"])
                self.assertEqual(c.append("INBOX", None, None, message("a@x.test", "bob", "small"))[0], "OK")
            self.assertEqual(answers, [], "hers is not durable yet")
            hold.unlink()
            for t in sessions:
                t.join()
            self.assertEqual(answers, ["OK"] * self.SESSIONS)
            s.wait_queue_empty()
            self.assertEqual(len(s.bodies("alice")), self.SESSIONS + 1)
            self.assertEqual(len(list(folder.glob("body-*"))), self.SESSIONS + 1)


class Idle(unittest.TestCase):
    MESSAGES = 60

    def signed(self, s, user):
        """How many bodies are signed, as a copy of the account's database says; None if it changed meanwhile."""
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(sqlite3.DatabaseError):
            for name in ("mail.db", "mail.db-wal"):
                shutil.copy(s.folder / "mail/example.test" / user / name, folder)
            with contextlib.closing(sqlite3.connect(f"{folder}/mail.db")) as db:
                return db.execute("SELECT count(*) FROM signature").fetchone()[0]

    def read(self, s):
        """Octets that mailbox has read."""
        with open(f"/proc/{s.pids('mailbox')[0]}/io") as f:
            return int(f.readline().split()[1])

    def fill(self, s, user):
        for i in range(self.MESSAGES):
            text = "\r\n".join(secrets.token_hex(36) for _ in range(800))
            s.submit("alice", [s.address(user)], message(s.address("alice"), user, f"n{i}", f"needle{i}\r\n{text}\r\n"))
        s.wait_queue_empty()

    @unittest.skipIf(os.geteuid() != 0, "looks at mailbox's reading")
    def test_the_first_search_finds_bodies_signed(self):
        with Suite() as s:
            s.imap("bob").logout()  # alice is nobody whom imapd ever opened
            self.fill(s, "bob")
            self.fill(s, "alice")
            wait_until(lambda: self.signed(s, "bob") == self.MESSAGES, 30, "signatures")
            self.assertEqual(self.signed(s, "alice"), 0)
            self.assertEqual(s.stop(), 0)
            s.run()
            size = (s.folder / "mail/example.test/bob/mail.db").stat().st_size
            read = {}
            for user in ("bob", "alice"):
                before = self.read(s)  # what is not signed yet is read by then or at once, as soon as its mailbox is open
                c = s.imap(user)
                c.select("INBOX")
                self.assertEqual(c.search(None, "BODY", "needle17")[1], [b"18"])
                read[user] = self.read(s) - before
                c.logout()
            self.assertLess(read["bob"], size // 3, read)
            self.assertGreater(read["alice"], size // 2, read)


if __name__ == "__main__":
    unittest.main()
