#!/usr/bin/env python3
"""Mail that leaves the suite on this machine: Maildir, mbox, LMTP, commands, .forward, aliases; and a system user's
password. As root only, with a user made for the test."""

import contextlib
import errno
import grp
import json
import os
import pwd
import shutil
import signal
import smtplib
import socket
import socketserver
import subprocess
import threading
import time
import unittest
from pathlib import Path

from endless import Endless
from suite import Suite, free_ports, message, wait_until

USER = f"kurirtest{os.getpid()}"  # of this run alone
PASSWORD = "a system secret"
HOST = "127.0.0.1"


class Lmtp(socketserver.StreamRequestHandler):
    """Takes or refuses by the recipient's name."""

    def handle(self):
        recipients = []
        self.wfile.write(b"220 lmtp\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            self.server.said.append(line.decode().strip())
            if verb == b"LHLO":
                self.wfile.write(b"250-lmtp\r\n250 PIPELINING\r\n")
            elif verb == b"RCPT":
                recipients.append(line)
                self.wfile.write(b"550 5.1.1 nobody\r\n" if b"nobody" in line else b"250 ok\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go\r\n")
                octets = b""
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    octets += text
                self.server.messages.append(octets)
                self.wfile.write(b"250 2.0.0 kept\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Agent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["userdel", "-r", USER], capture_output=True)
        secret = subprocess.run(["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(["useradd", "-m", "-G", "daemon", "-p", secret, USER], check=True, capture_output=True)
        cls.addClassCleanup(lambda: subprocess.run(["userdel", "-r", USER], capture_output=True))
        cls.user = pwd.getpwnam(USER)
        cls.group = grp.getgrnam("daemon").gr_gid
        cls.home = Path(cls.user.pw_dir)
        cls.suite = Suite(domain="example.test")
        f = cls.suite.folder
        cls.out = f / "out"
        cls.out.mkdir()
        cls.out.chmod(0o777)
        cls.lmtp = socketserver.ThreadingTCPServer((HOST, free_ports(1, HOST)[0]), Lmtp)
        cls.lmtp_local = socketserver.ThreadingUnixStreamServer(str(f / "lmtp"), Lmtp)
        os.chmod(f / "lmtp", 0o666)
        for server in (cls.lmtp, cls.lmtp_local):
            server.said, server.messages, server.daemon_threads = [], [], True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            cls.addClassCleanup(server.server_close)
            cls.addClassCleanup(server.shutdown)
        (f / "aliases").write_text(f"# who is who\nteam: {USER}, alice@example.test\npost: |cat > {cls.out}/alias\nkeep: {cls.out}/file\n"
                                   "gone: error:550 moved away\nvoid: /dev/null\nown: _kurirq\nround: circle\ncircle: round\n"
                                   f"via: {USER}@back.test\nreal: {USER}@local.test\n")
        actions = {
            "maildir.test": "maildir", "path.test": 'maildir "~/In/%{dest.user:uppercase}/%{sender.domain}"', "junk.test": "maildir junk",
            "spool.test": "mbox",
            "mbox.test": f'mda "cat >> {cls.out}/mbox-%{{user.username}}"',
            "env.test": f'mda "env > {cls.out}/env; id -u >> {cls.out}/env; id -G > {cls.out}/groups; ls -l /proc/self/fd > {cls.out}/fds"',
            "later.test": 'mda "echo not now; exit 75"', "never.test": 'mda "echo go away >&2; exit 67"',
            "wrapped.test": 'mda "cat > $W" wrapper put',
            "lmtp.test": f"lmtp {HOST}:{cls.lmtp.server_address[1]}", "local.test": f'lmtp "{f}/lmtp" rcpt-to',
            "alias.test": f"maildir alias <aliases>", "forward.test": "maildir",
            "as.test": f'mda "id -un > {cls.out}/as; echo %{{user.username}} >> {cls.out}/as" user {USER}', "only.test": "forward-only",
            "every.test": f'maildir "{cls.out}/box/%{{dest.user}}" virtual <every>',
            "base.test": 'mda "cat > home; id -u >> home; id -gn >> home; echo $USER >> home" userbase <people>',
            "expand.test": "expand-only",
        }
        (cls.out / "ann").mkdir()
        os.chown(cls.out / "ann", cls.user.pw_uid, cls.user.pw_gid)
        own = f"{cls.user.pw_uid}:{cls.user.pw_gid}"
        (f / "people").write_text(f"ann {own}:{cls.out}/ann\nroot2 {cls.user.pw_uid}:0:/root\nadm {cls.user.pw_uid}:{grp.getgrnam('shadow').gr_gid}:/\n")
        extra = f'table aliases "file:{f}/aliases"\ntable people "file:{f}/people"\ntable every {{ "@every.test" = {USER} }}\nmda wrapper put "W={cls.out}/wrapped; %{{mda}}"\n'
        match = 'match from any for domain "example.test" action "local"\n'
        for domain, action in actions.items():
            extra += f'action "{domain}" {action}\n'
            match += f'match from any for domain "{domain}" action "{domain}"\n'
        match += f'match !from src "{HOST}" for domain "back.test" action "mbox.test"\n'
        cls.suite.extra, cls.suite.match = extra, match
        cls.suite.start()
        cls.addClassCleanup(lambda: shutil.rmtree(f, ignore_errors=True))
        cls.addClassCleanup(cls.suite.stop)

    def setUp(self):
        for name in (".forward", "Maildir", "In"):
            path = self.home / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.before = len(self.suite.lines)

    def send(self, recipient, text=None, sender="ann@sender.test"):
        with self.suite.smtp() as client:
            client.sendmail(sender, [recipient], text or message(sender, recipient, "to the agent", "From here\r\n.dot\r\n"))

    def wait(self, words, what):
        def find():
            for line in self.suite.lines[self.before:]:
                if all(word in line for word in words):
                    return line
        return wait_until(find, 20, f"{what}\n{self.suite.log()[-2000:]}")

    def delivered(self, recipient, **more):
        self.send(recipient, **more)
        return self.wait((f"to={recipient} ", "event=delivered"), f"delivery to {recipient}")

    def read(self, name, words=""):
        """A file that some command makes, as soon as these words are in it."""
        def there():
            text = (self.out / name).read_text(errors="replace") if (self.out / name).exists() else ""
            return text if words in text else None
        return wait_until(there, 20, name)

    def forward(self, text, mode=0o600, owner=None):
        path = self.home / ".forward"
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, self.user.pw_uid if owner is None else owner, self.user.pw_gid)

    def test_maildir(self):
        self.delivered(f"{USER}@maildir.test")
        found = list((self.home / "Maildir/new").iterdir())
        self.assertEqual(len(found), 1)
        st, text = found[0].stat(), found[0].read_bytes()
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o777), (self.user.pw_uid, self.user.pw_gid, 0o600))
        self.assertTrue(text.startswith(b"Return-Path: <ann@sender.test>\nDelivered-To: "), text[:100])
        self.assertIn(b"\nFrom here\n.dot\n", text)
        self.assertNotIn(b"\r", text)
        self.assertEqual(list((self.home / "Maildir/tmp").iterdir()), [])

    def test_maildir_elsewhere(self):
        self.delivered(f"{USER}@path.test")
        self.assertEqual(len(list((self.home / f"In/{USER.upper()}/sender.test/new").iterdir())), 1)

    def test_junk(self):
        self.delivered(f"{USER}@junk.test", text=message("a@b.test", "x", extra="X-Spam: yes\r\n"))
        self.assertEqual(len(list((self.home / "Maildir/.Junk/new").iterdir())), 1)

    def test_a_detail_goes_to_its_folder_if_there_is_one(self):
        for sub in ("cur", "new", "tmp"):
            (self.home / "Maildir/.lists" / sub).mkdir(parents=True)
        subprocess.run(["chown", "-R", USER, self.home / "Maildir"], check=True)
        self.delivered(f"{USER}+lists@maildir.test")
        self.assertEqual(len(list((self.home / "Maildir/.lists/new").iterdir())), 1)

    def test_mbox(self):
        spool = Path("/var/mail") / USER
        self.delivered(f"{USER}@spool.test")
        self.delivered(f"{USER}+again@spool.test")
        text = spool.read_text()
        self.assertEqual(text.count("\nFrom ann@sender.test ") + text.startswith("From ann@sender.test "), 2, text)
        self.assertEqual(text.count("\n>From here\n"), 2)
        self.assertTrue(text.endswith(".dot\n\n"), text[-50:])
        self.assertEqual(spool.stat().st_uid, self.user.pw_uid)
        self.assertFalse(list(Path("/var/mail").glob(f"{USER}.lock*")))

    def test_mbox_that_leads_to_another_file(self):
        """Root makes a user's mailbox, and gives nothing away that was there."""
        spool, other = Path("/var/mail") / USER, self.out / "other"
        other.write_text("kept\n")
        other.chmod(0o600)
        spool.unlink(missing_ok=True)
        spool.symlink_to(other)
        try:
            self.send(f"{USER}@spool.test")
            self.wait((f"to={USER}@spool.test ", "event=delivery_failed"), "the delivery to fail")
        finally:
            spool.unlink()
        self.assertEqual((other.stat().st_uid, other.read_text()), (0, "kept\n"))

    def test_a_command(self):
        self.delivered(f"{USER}@mbox.test")
        self.assertIn("Subject: to the agent", self.read(f"mbox-{USER}"))

    def test_a_user_without_a_home(self):
        """Mail for them is delivered from the root folder, and does not wait for ever."""
        user = f"{USER}nohome"
        subprocess.run(["userdel", user], capture_output=True)
        subprocess.run(["useradd", "-M", user], check=True, capture_output=True)
        self.addCleanup(lambda: subprocess.run(["userdel", user], capture_output=True))
        editor = {"VISUAL": f"sed -i s,:/home/{user}:,::,"}
        time.sleep(1.1)  # vipw tells by the second of its time that the file has changed
        subprocess.run(["vipw"], check=True, capture_output=True, stdin=subprocess.DEVNULL, env=os.environ | editor)
        self.assertEqual(pwd.getpwnam(user).pw_dir, "")
        self.delivered(f"{user}@mbox.test")
        self.assertIn("Subject: to the agent", self.read(f"mbox-{user}"))

    def test_the_suite_s_own_users_are_nobody(self):
        """They stand in the system's user database, but nothing is delivered as them: a client is told at once."""
        with self.suite.smtp() as c:
            c.ehlo("x.test")
            c.mail("ann@sender.test")
            for user in ("_kurir", "_kurirq", "_kurirl+tag", "root"):
                for domain in ("maildir.test", "mbox.test", "alias.test", "spool.test"):
                    code, text = c.rcpt(f"{user}@{domain}")
                    self.assertEqual((code, text[:5]), (550, b"5.1.1"), (user, domain))
            self.assertEqual(c.rcpt("own@alias.test")[:2][0], 550)
            self.assertEqual(c.rcpt(f"{USER}@maildir.test")[0], 250)

    def test_what_a_command_knows(self):
        self.delivered(f"{USER}+tag@env.test")
        lines = self.read("env").splitlines()
        env = dict(line.split("=", 1) for line in lines if "=" in line)
        wanted = {"USER": USER, "LOGNAME": USER, "HOME": str(self.home), "SENDER": "ann@sender.test", "DOMAIN": "env.test",
                  "EXTENSION": "tag", "RECIPIENT": f"{USER}+tag@env.test"}
        self.assertEqual({k: env.get(k) for k in wanted}, wanted)
        self.assertLessEqual(set(env), set(wanted) | {"PATH", "SHELL", "LOCAL", "ORIGINAL_RECIPIENT", "PWD", "SHLVL", "_", "OLDPWD"})
        self.assertEqual(lines[-1], str(self.user.pw_uid))
        self.assertEqual({int(g) for g in self.read("groups").split()}, {self.user.pw_gid, self.group})
        self.assertNotIn("socket:", self.read("fds"))
        self.assertNotIn("queue", self.read("fds"))

    def test_a_command_that_asks_for_patience(self):
        self.send(f"{USER}@later.test")
        wait_until(lambda: [e for e in self.suite.queue() if "later.test" in json.dumps(e) and "not now" in json.dumps(e)], 20, "it to wait")
        self.wait((f"to={USER}@later.test ", "event=delivery_failed", "tries=1"), "one try in the log")

    def test_a_command_that_refuses(self):
        self.send(f"{USER}@never.test", sender="alice@example.test")
        self.assertIn("Action: failed", wait_until(lambda: [b.decode() for b in self.suite.bodies("alice") if b"go away" in b], 20, "a bounce")[0])
        self.wait((f"to={USER}@never.test ", "event=delivery_failed", "tries=1"), "one try in the log")

    def test_a_wrapper(self):
        self.delivered(f"{USER}@wrapped.test")
        self.assertIn("Subject: to the agent", self.read("wrapped"))

    def test_an_alias_asks_the_rules_as_from_here(self):
        with self.suite.smtp() as client:
            client.ehlo("test")
            client.mail("a@b.test")
            self.assertEqual(client.rcpt(f"{USER}@back.test")[:2][0], 550)
        self.send("via@alias.test")
        self.wait((f"to={USER}@back.test ", "event=delivered"), "delivery by an alias")

    def test_another_user(self):
        self.delivered("daemon@as.test")
        self.assertEqual(self.read("as").split(), [USER, "daemon"])
        with self.suite.smtp() as client:
            client.ehlo("test")
            client.mail("a@b.test")
            self.assertEqual(client.rcpt("stranger@as.test")[:2][0], 550)

    def test_everybody_of_a_domain_lies_apart(self):
        for name in ("one", "Two+x"):
            self.delivered(f"{name}@every.test")
            self.assertEqual(len(list((self.out / "box" / name / "new").iterdir())), 1, name)

    def test_users_of_a_userbase(self):
        self.delivered("ann+x@base.test")
        text = (self.out / "ann/home").read_text()
        self.assertIn("Delivered-To: ann+x@base.test", text)
        self.assertEqual(text.split()[-3:], [str(self.user.pw_uid), grp.getgrgid(self.user.pw_gid).gr_name, "ann"])
        for name in ("root2", "adm"):
            self.send(f"{name}@base.test")
            self.wait((f"to={name}@base.test ", "status=5.1.1"), f"the failure of {name}")

    def test_a_forward_is_all_that_expands(self):
        with self.suite.smtp() as client:
            client.ehlo("test")
            client.mail("a@b.test")
            self.assertEqual(client.rcpt(f"{USER}@expand.test")[:2][0], 550)
        self.forward(f"|cat > {self.out}/expanded\n")
        self.delivered(f"{USER}@expand.test")
        self.assertIn("Subject: to the agent", self.read("expanded"))

    def test_a_forward_is_read_each_time(self):
        """What was known of other recipients a moment ago holds still; of a user's file nobody hears when it changes."""
        self.forward(f"|cat > {self.out}/once\n")
        with self.suite.smtp() as client:
            client.ehlo("test")
            client.mail("a@b.test")
            self.assertEqual(client.rcpt(f"{USER}@expand.test")[0], 250)
            (self.home / ".forward").unlink()
            self.assertEqual(client.rcpt(f"{USER}@expand.test")[0], 550)

    def test_lmtp(self):
        self.delivered(f"{USER}@lmtp.test")
        self.assertIn(b"Subject: to the agent", self.lmtp.messages[-1])
        self.assertIn(f"RCPT TO:<{USER}>", [s.split(" ORCPT")[0] for s in self.lmtp.said])

    def test_lmtp_over_a_socket(self):
        self.delivered(f"{USER}@local.test")
        self.assertIn(f"RCPT TO:<{USER}@local.test>", self.lmtp_local.said)
        self.send("real@alias.test")
        wait_until(lambda: self.lmtp_local.said.count(f"RCPT TO:<{USER}@local.test>") > 1, 20, "the alias's address")
        self.assertIn(b"..dot\r\n", self.lmtp_local.messages[-1])

    def test_aliases(self):
        self.send("team@alias.test")
        self.wait((f"event=delivered", "by=alias.test"), "the user's copy")
        wait_until(lambda: [b for b in self.suite.bodies("alice") if b"team@alias.test" in b], 20, "alice's copy")
        self.delivered("post@alias.test")
        self.delivered("void@alias.test")
        self.assertIn("Subject: to the agent", self.read("alias"))
        for name, code in (("gone", 550), ("round", 550), ("nobody-at-all", 550)):
            with self.suite.smtp() as client:
                client.ehlo()
                client.mail("a@b.test")
                self.assertEqual(client.rcpt(f"{name}@alias.test")[0], code, name)

    def test_forward(self):
        self.forward(f"# mine\n\\{USER}, alice@example.test\n|cat > {self.out}/forwarded\n")
        self.send(f"{USER}@forward.test", text=message("ann@sender.test", "x", "forward me"))
        self.read("forwarded", "forward me")
        wait_until(lambda: [b for b in self.suite.bodies("alice") if b"forward me" in b], 20, "alice's copy")
        wait_until(lambda: (self.home / "Maildir/new").exists() and list((self.home / "Maildir/new").iterdir()), 20, "the own copy")

    def test_a_forward_that_others_could_have_written(self):
        for mode, owner in ((0o620, None), (0o602, None), (0o644, 0)):
            self.forward("alice@example.test\n", mode, owner)
            self.before = len(self.suite.lines)
            self.delivered(f"{USER}@forward.test")

    def test_a_forward_in_a_home_that_others_may_write(self):
        """They could put any file of the user's in its place; the log says what to do."""
        was = self.home.stat().st_mode & 0o7777
        self.addCleanup(lambda: (os.chown(self.home, self.user.pw_uid, self.user.pw_gid), self.home.chmod(was)))
        self.forward("alice@example.test\n")
        homes = [(0o770, self.user.pw_uid, False), (0o757, self.user.pw_uid, False), (0o1777, 0, False),
                 (0o755, pwd.getpwnam("daemon").pw_uid, False), (0o750, self.user.pw_uid, True), (0o755, 0, True)]
        for mode, owner, is_read in homes:
            with self.subTest(f"{mode:o} of {owner}"), self.suite.smtp() as client:
                os.chown(self.home, owner, self.user.pw_gid)
                self.home.chmod(mode)
                self.before = len(self.suite.lines)
                client.ehlo("test")
                client.mail("a@b.test")
                self.assertEqual(client.rcpt(f"{USER}@only.test")[0], 250 if is_read else 550)
                if not is_read:
                    self.wait(("event=warning", ".forward is ignored", f"chmod go-w {self.home}"), "what to do about it")

    def test_a_forward_that_is_no_plain_file(self):
        path = self.home / ".forward"
        os.mkfifo(path)
        self.delivered(f"{USER}@forward.test")
        path.unlink()
        path.symlink_to("/etc/shadow")
        self.before = len(self.suite.lines)
        self.delivered(f"{USER}@forward.test")
        path.unlink()
        self.forward("alice@example.test\n")
        os.link(path, self.home / "other-name")
        self.before = len(self.suite.lines)
        self.delivered(f"{USER}@forward.test")
        (self.home / "other-name").unlink()
        self.forward("alice@example.test\n" + "# a long story\n" * 500)
        self.before = len(self.suite.lines)
        self.delivered(f"{USER}@forward.test")

    def test_a_forward_that_is_never_read_to_its_end(self):
        """It holds up the mail of its user, and nobody's login."""
        path = self.home / ".forward"
        self.forward("")
        try:
            endless = Endless(path, self.user.pw_uid)
        except OSError:
            self.skipTest("there is no FUSE")
        senders = [socket.create_connection((HOST, self.suite.port["smtp"]), 60) for _ in range(8)]
        try:
            for s in senders:
                s.sendall(f"HELO x.test\r\nMAIL FROM:<>\r\nRCPT TO:<{USER}@forward.test>\r\n".encode())
            wait_until(lambda: endless.reads > 0 and endless.opens == len(senders), 20, "all to read")
            with self.suite.imap("bob") as client:
                self.assertEqual(client.noop()[0], "OK")
        finally:
            endless.stop()
        for s in senders:
            with s, s.makefile("rb") as f:
                self.assertEqual([f.readline()[:3] for _ in range(4)], [b"220", b"250", b"250", b"451"])

    def test_whoever_reads_a_forward_is_the_user_s(self):
        """He may send it signals, and have it wait for ever: it tells root nothing, and holds none of root's sockets."""
        path = self.home / ".forward"
        self.forward("")
        try:
            endless = Endless(path, self.user.pw_uid)
        except OSError:
            self.skipTest("there is no FUSE")

        def readers():
            found = []
            for status in Path("/proc").glob("[0-9]*/status"):
                with contextlib.suppress(OSError):
                    text = status.read_text()
                    if f"\nPPid:\t{self.suite.process.pid}\n" in text and f"\nUid:\t{self.user.pw_uid}\t" in text:
                        found.append(int(status.parent.name))
            return found

        pids = self.suite.pids("listener")
        with socket.create_connection((HOST, self.suite.port["smtp"]), 60) as s, s.makefile("rb") as f:
            try:
                s.sendall(f"HELO x.test\r\nMAIL FROM:<>\r\nRCPT TO:<{USER}@forward.test>\r\n".encode())
                wait_until(lambda: endless.reads > 0 and len(readers()) == 1, 20, "the reader")
                reader = readers()[0]
                # The three standard ones, its line, and the file.
                self.assertLessEqual(len(os.listdir(f"/proc/{reader}/fd")), 5)
                for number in (signal.SIGHUP, signal.SIGTERM):
                    os.kill(reader, number)
            finally:
                endless.stop()      # now it comes to the signals
            self.assertEqual([f.readline()[:3] for _ in range(4)], [b"220", b"250", b"250", b"451"])
        self.assertIsNone(self.suite.process.poll(), "the suite has ended")
        self.assertNotIn("event=stopping", self.suite.log())
        self.assertNotIn("event=configuration", self.suite.log())
        self.assertEqual(self.suite.pids("listener"), pids)
        self.delivered(f"{USER}@forward.test")

    def test_a_forward_that_cannot_be_had_now(self):
        """It is there, so nothing is delivered past it."""
        path = self.home / ".forward"
        self.forward("")
        try:
            broken = Endless(path, self.user.pw_uid, refusal=errno.EIO)
        except OSError:
            self.skipTest("there is no FUSE")
        try:
            with self.suite.smtp() as client:
                client.ehlo()
                client.mail("a@b.test")
                self.assertEqual(client.rcpt(f"{USER}@forward.test")[0], 451)
        finally:
            broken.stop()
        self.assertGreater(broken.opens, 0)
        self.delivered(f"{USER}@forward.test")

    def test_a_slow_command_holds_up_nobody_else(self):
        """Mail for one user, whose command takes its time, and more of it than is delivered at once; then another's."""
        self.forward(f"|while test ! -e {self.out}/enough; do sleep 0.1; done\n")
        try:
            for _ in range(12):
                self.send(f"{USER}@alias.test")
            self.delivered("post@alias.test")
        finally:
            (self.out / "enough").touch()
            wait_until(lambda: not [e for e in self.suite.queue() if e["original"] == f"{USER}@alias.test"], 60, "the rest")

    def test_forward_only(self):
        self.forward("alice@example.test\n")
        self.send(f"{USER}@only.test", text=message("ann@sender.test", "x", "only forward"))
        wait_until(lambda: [b for b in self.suite.bodies("alice") if b"only forward" in b], 20, "alice's copy")
        self.assertFalse((self.home / "Maildir").exists())

    def test_a_system_user_logs_in(self):
        """Not while the account is locked, though it was right a moment ago; and root never."""
        self.log_in()
        subprocess.run(["usermod", "-L", USER], check=True)
        try:
            self.refuse_logins(USER, "root", "daemon")
        finally:
            subprocess.run(["usermod", "-U", USER], check=True)
        self.log_in()

    def log_in(self):
        with smtplib.SMTP(HOST, self.suite.port["submission"], timeout=20) as client:
            client.starttls()
            with self.assertRaises(smtplib.SMTPAuthenticationError):
                client.login(USER, "wrong")
            client.login(USER, PASSWORD)

    def refuse_logins(self, *users):
        for user in users:
            with smtplib.SMTP(HOST, self.suite.port["submission"], timeout=20) as client:
                client.starttls()
                with self.assertRaises(smtplib.SMTPAuthenticationError):
                    client.login(user, PASSWORD)


if __name__ == "__main__":
    unittest.main()
