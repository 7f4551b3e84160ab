"""What an administrator sees: walls around processes, bad configuration, reload, full disk."""

import os
import signal
import smtplib
import subprocess
import time
import unittest
from pathlib import Path

from suite import SMTPD, Suite, message, wait_until


class Operation(unittest.TestCase):
    def test_each_process_has_its_own_user_and_no_files(self):
        with Suite() as s:
            names = {p["name"] for p in s.processes()}
            self.assertTrue({"listener", "lookup", "resolver", "keyholder", "queue", "relay", "mailbox",
                             "imapd", "pop3d"} <= names, names)
            uids = {}
            for p in s.processes():
                status = Path(f"/proc/{p['pid']}/status").read_text()
                uids[p["name"]] = next(l.split()[1:] for l in status.splitlines() if l.startswith("Uid:"))
                self.assertIn("NoNewPrivs:\t1", status, p)
                if os.geteuid() == 0:
                    self.assertNotIn("0", uids[p["name"]], p)
                if p["name"] not in ("listener", "imapd", "pop3d"):
                    continue
                if os.geteuid() == 0:
                    root = os.readlink(f"/proc/{p['pid']}/root")
                    self.assertNotEqual(root, "/")
                    self.assertEqual(os.listdir(f"/proc/{p['pid']}/root"), [])
                for fd in Path(f"/proc/{p['pid']}/fd").iterdir():
                    target = os.readlink(fd)
                    self.assertTrue(target.startswith(("socket:", "pipe:", "anon_inode:", "/dev/null")), (p, target))
            if os.geteuid() == 0:
                own = {tuple(uids[n]) for n in ("listener", "lookup", "resolver", "keyholder", "queue", "relay", "mailbox", "imapd")}
                self.assertEqual(len(own), 8)

    def test_bad_configuration_is_explained(self):
        s = Suite()
        s.make_certificate()
        for text, want in (('listen on 127.0.0.1 port 99999\n', ":1:"),
                           ('\nlisten on 127.0.0.1 port 2525 tls pki "none"\n', ":2:"),
                           ('match from any for any action "gone"\n', "gone"),
                           ('nonsense\n', ":1:"), ('action "a" mailbox\n', "match"),
                           ('table t file:/nonexistent/file\nmatch from any for any action "x"\n', "x"),
                           ('include "/dev/zero"\n', "/dev/zero")):
            s.write_conf(text)
            r = subprocess.run([SMTPD, "-n", "-f", s.path], capture_output=True, text=True, timeout=10)
            self.assertEqual(r.returncode, 1, text)
            self.assertIn(want, r.stderr)
        r = subprocess.run([SMTPD, "-n", "-f", f"{s.path}.gone"], capture_output=True, text=True, timeout=10)
        self.assertEqual(r.returncode, 1)
        self.assertIn("No such file or directory; write it", r.stderr)
        s.write_conf()
        r = subprocess.run([SMTPD, "-n", "-f", s.path], capture_output=True, text=True, timeout=10)
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_reload_takes_whole_or_changes_nothing(self):
        with Suite() as s:
            good = s.conf()
            s.write_conf(good + "nonsense\n")
            s.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "configuration_error" in s.log(), 10, "the complaint")
            with s.smtp() as c:
                self.assertEqual(c.ehlo("x.test")[0], 250)
            s.write_conf(good.replace(f'hostname "mail.{s.domain}"', f'hostname "new.{s.domain}"'))
            s.ctl("reload")

            def greets():
                with s.smtp() as c:
                    return b"new." in c.ehlo("x.test")[1]
            wait_until(greets, 10, "the new name")
            s.write_conf(good.replace("/queue\"", "/other\""))
            r = s.ctl("reload", check=False)
            self.assertEqual(r.returncode, 1)
            self.assertIn("another queue path takes a restart", r.stderr)
            s.write_conf("processes 3\n" + good)
            s.ctl("reload")
            wait_until(lambda: "another number of processes takes a restart" in s.log(), 10, "the warning")
            s.submit("alice", [s.address("bob")], message("a", "b", "after the reload"))
            s.wait_messages("bob", 1)

    def test_smtpctl(self):
        with Suite() as s:
            self.assertIn("alice@example.test", s.ctl("account", "list").stdout)
            s.ctl("account", "add", "carol@example.test", stdin="carol-secret\n")
            s.submit("alice", ["carol@example.test"], message("a", "c", "to carol"))
            s.wait_messages("carol", 1)
            s.ctl("account", "passwd", "carol@example.test", stdin="other-secret\n")
            with self.assertRaises(Exception):
                s.imap("carol")
            s.ctl("account", "del", "carol@example.test")
            with s.smtp() as c:
                c.ehlo("x.test")
                c.mail("x@y.test")
                self.assertEqual(c.rcpt("carol@example.test")[0], 550)
            for name in ("listener", "queue", "mailbox"):
                self.assertIn(name, s.ctl("show", "status").stdout)
            s.ctl("pause", "mda")
            s.submit("alice", [s.address("bob")], message("a", "b", "held"))
            entry = wait_until(s.queue, 10, "the envelope")
            self.assertEqual(len(entry), 1)
            self.assertIn("held", s.ctl("show", "message", entry[0]["message"]).stdout)
            s.ctl("resume", "mda")
            s.wait_messages("bob", 1)
            self.assertNotEqual(s.ctl("no-such-thing", check=False).returncode, 0)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount a small disk")
    def test_a_full_disk_is_said_and_the_service_recovers(self):
        s = Suite()
        for name in ("queue", "mail"):
            (s.folder / name).mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(s.folder / "queue")]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            self.skipTest("cannot mount here")
        try:
            with s:
                filler = s.folder / "queue/filler"
                with open(filler, "wb") as f:
                    try:
                        while True:
                            f.write(b"x" * 65536)
                            f.flush()
                    except OSError:
                        pass

                def code():
                    with s.smtp() as c:
                        c.ehlo("x.test")
                        first = c.mail("x@y.test")[0]
                        if first != 250:
                            return first
                        c.rcpt(s.address("bob"))
                        return c.data(message("x@y.test", "bob", "full", ("x" * 70 + "\r\n") * 800))[0]
                try:
                    self.assertEqual(code() // 100, 4)
                except smtplib.SMTPException as e:
                    self.assertEqual(e.smtp_code // 100, 4)
                filler.unlink()
                wait_until(lambda: code() == 250, 20, "room again")
                s.wait_messages("bob", 1)
        finally:
            subprocess.run(["umount", s.folder / "queue"])


if __name__ == "__main__":
    unittest.main()
