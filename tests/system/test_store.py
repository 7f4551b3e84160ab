"""The mail store on a disk that fills up: temporary failures, the process stays, nothing is lost."""

import os
import subprocess
import time
import unittest

from suite import Suite, message, wait_until


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
            for e in s.queue():
                s.ctl("schedule", e["envelope"])
            time.sleep(0.5)
            filler.unlink()
            (mail / "rest").unlink()
            time.sleep(0.2)
            for e in s.queue():
                s.ctl("schedule", e["envelope"])
            s.wait_queue_empty()
            self.assertEqual(len(s.bodies("bob")), 1)
            self.assertEqual(len(s.bodies("alice")), 1)
            self.assertEqual(s.pids("mailbox"), pids, "the process is the same")


if __name__ == "__main__":
    unittest.main()
