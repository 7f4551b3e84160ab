"""Real mail programs, unmodified: curl, mbsync, neomutt, fetchmail, getmail, msmtp, imaplib, poplib."""

import email
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from suite import Suite, message, wait_until


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite(users=("alice", "bob", "carol")).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)

    def setUp(self):
        self.home = Path(tempfile.mkdtemp(prefix="kurir-client-"))
        self.addCleanup(shutil.rmtree, self.home, True)

    def run_client(self, *command, **more):
        env = dict(os.environ, HOME=str(self.home), TERM="xterm", SSL_CERT_FILE=str(self.suite.folder / "cert.pem"))
        r = subprocess.run(command, capture_output=True, text=True, timeout=90, env=env, **more)
        self.assertEqual(r.returncode, 0, f"{command}\n{r.stdout}\n{r.stderr}\n{self.suite.tail()}")
        return r.stdout

    def deliver(self, user, count, subject):
        before = len(self.suite.bodies(user))
        for i in range(count):
            self.suite.submit("alice", [self.suite.address(user)],
                              message(self.suite.address("alice"), self.suite.address(user), f"{subject} {i}"))
        self.suite.wait_messages(user, before + count)
        return before + count

    def write(self, name, text):
        path = self.home / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def test_curl(self):
        s = self.suite
        total = self.deliver("bob", 2, "curl")
        login = ["--cacert", str(s.folder / "cert.pem"), "-s", "-u", f"{s.address('bob')}:{s.password('bob')}"]
        out = self.run_client("curl", *login, f"imaps://{s.host}:{s.port['imaps']}/INBOX;MAILINDEX={total}")
        self.assertIn("Subject: curl 1", out)
        self.assertIn("INBOX", self.run_client("curl", *login, f"imaps://{s.host}:{s.port['imaps']}/"))
        out = self.run_client("curl", *login, f"pop3s://{s.host}:{s.port['pop3s']}/{total}")
        self.assertIn("Subject: curl 1", out)
        data = self.write("m", "From: a@b\nTo: c@d\nSubject: by curl\n\nx\n")
        self.run_client("curl", *login, "--ssl-reqd", f"smtp://{s.host}:{s.port['submission']}/client.test",
                        "--mail-from", s.address("bob"), "--mail-rcpt", s.address("bob"), "-T", data, "--crlf")
        s.wait_messages("bob", total + 1)

    def mbsyncrc(self, user):
        s = self.suite
        return self.write("mbsyncrc", f"""
IMAPAccount k
Host localhost
Port {s.port['imaps']}
User {s.address(user)}
Pass {s.password(user)}
SSLType IMAPS
CertificateFile {s.folder}/cert.pem

IMAPStore far
Account k

MaildirStore near
Path {self.home}/box/
Inbox {self.home}/box/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""")

    def test_mbsync_both_ways_and_again(self):
        s = self.suite
        total = self.deliver("bob", 3, "mbsync")
        (self.home / "box").mkdir()
        rc = self.mbsyncrc("bob")
        self.run_client("mbsync", "-c", rc, "c")
        inbox = self.home / "box/INBOX"
        files = list(inbox.glob("cur/*")) + list(inbox.glob("new/*"))
        self.assertEqual(len(files), total)
        # Changes on both sides: read and deleted here, flagged there.
        for subject, flag in (("mbsync 0", "S"), ("mbsync 1", "T")):
            f = next(f for f in inbox.glob("[cn]*/*") if f"Subject: {subject}" in f.read_text())
            f.rename(inbox / "cur" / (f.name.split(":")[0] + f":2,{flag}"))
        c = s.imap("bob")
        c.select("INBOX")
        c.store(str(total), "+FLAGS", r"(\Flagged)")
        c.logout()
        self.run_client("mbsync", "-c", rc, "c")
        self.run_client("mbsync", "-c", rc, "c")
        c = s.imap("bob")
        typ, count = c.select("INBOX", readonly=True)
        self.assertEqual(int(count[0]), total - 1)
        typ, found = c.search(None, "SEEN")
        self.assertGreaterEqual(len(found[0].split()), 1)
        c.logout()
        self.assertEqual(len(list(inbox.glob("cur/*F*"))), 1)

    def local(self, box):
        """The messages of a Maildir, by subject: their flags."""
        files = (self.home / "box" / box).glob("[cn]*/*")
        return {email.message_from_bytes(f.read_bytes())["Subject"]: f.name.partition(":2,")[2] for f in files}

    def remote(self, connection, box):
        """The same of the suite's mailbox."""
        letters = {rb"\Draft": "D", rb"\Flagged": "F", rb"\Answered": "R", rb"\Seen": "S", rb"\Deleted": "T"}
        connection.select(f'"{box}"', readonly=True)
        _, found = connection.fetch("1:*", "(FLAGS BODY.PEEK[HEADER])")
        return {email.message_from_bytes(header)["Subject"]: "".join(c for flag, c in letters.items() if flag in first)
                for first, header in (x for x in found if isinstance(x, tuple))}

    def test_mbsync_folders_moves_and_conflicts(self):
        s, rc = self.suite, self.mbsyncrc("carol")
        names = ["work", "work/two words", "&AOQ-rger/deep"]
        c = s.imap("carol")
        for name in names:
            c.create(f'"{name}"')
            for i in range(4):
                c.append(f'"{name}"', None, None, f"Subject: {name} {i}\r\n\r\nx\r\n".encode())
        # Text without a line end, octets that are no UTF-8, and more than one batch: they come over all the same.
        odd = {"a": b"--x\r\n\r\ncut", "b": b"\xff\xfe", "c": b"y" * 100000 + b"\r\n"}
        for subject, text in odd.items():
            c.append("INBOX", None, None, b"Subject: %s\r\n\r\n%s" % (subject.encode(), text))
        (self.home / "box").mkdir()
        self.run_client("mbsync", "-c", rc, "c")
        for name in names:
            self.assertEqual(self.local(name), self.remote(c, name))
        self.assertEqual(set(self.local("INBOX")), set(odd))

        # Here: one is moved, one is read, one is new, a folder is new. There: one is moved, two get flags.
        box = self.home / "box/work"
        file = {subject: next(f for f in box.glob("[cn]*/*") if f"Subject: {subject}\n" in f.read_text())
                for subject in self.local("work")}
        for folder in ("cur", "new", "tmp"):
            (self.home / "box/made here" / folder).mkdir(parents=True)
        file["work 0"].rename(self.home / "box/made here/new/1.moved.here")
        file["work 1"].rename(box / "cur" / (file["work 1"].name.split(":")[0] + ":2,S"))
        (box / "new/1.new.here").write_text("Subject: new here\n\nx\n")
        c.select("work")
        c.uid("MOVE", "3", '"work/two words"')
        c.uid("STORE", "2,4", "+FLAGS", r"(\Flagged)")
        for _ in range(2):
            self.run_client("mbsync", "-c", rc, "c")
        for name in [*names, "made here"]:
            self.assertEqual(self.local(name), self.remote(c, name))
        self.assertEqual(self.local("work"), {"work 1": "FS", "work 3": "F", "new here": ""})
        self.assertEqual(self.local("made here"), {"work 0": ""})
        self.assertIn("work 2", self.local("work/two words"))
        c.logout()

    def test_neomutt_script(self):
        s = self.suite
        total = self.deliver("bob", 1, "neomutt")
        rc = self.write("muttrc", f"""
set imap_user="{s.address('bob')}" imap_pass="{s.password('bob')}" ssl_force_tls=yes
set certificate_file="{s.folder}/cert.pem" ssl_verify_dates=no ssl_verify_host=no
set folder="imaps://{s.host}:{s.port['imaps']}/" spoolfile="+INBOX" confirmappend=no delete=yes
set header_cache="" quit=yes
""")
        out = self.run_client("script", "-qec",
                              f"neomutt -F {rc} -e 'push \"<last-entry><flag-message><sync-mailbox><quit>\"'",
                              "/dev/null")
        c = s.imap("bob")
        c.select("INBOX", readonly=True)
        typ, found = c.search(None, "FLAGGED", "SUBJECT", '"neomutt 0"')
        self.assertEqual(len(found[0].split()), 1, out)
        c.logout()

    def test_fetchmail_keeps_and_takes(self):
        s = self.suite
        total = self.deliver("bob", 2, "fetchmail")
        for protocol, port, keep in (("imap", "imaps", "keep"), ("pop3", "pop3s", "keep"), ("pop3", "pop3s", "nokeep")):
            box = self.home / f"{protocol}-{keep}"
            rc = self.write("fetchmailrc", f"""
poll {s.host} protocol {protocol} service {s.port[port]} user "{s.address('bob')}" password "{s.password('bob')}"
  ssl sslcertfile {s.folder}/cert.pem sslcertck sslcommonname mail.{s.domain} fetchall {keep} mda "cat >> {box}"
""")
            self.run_client("fetchmail", "-f", rc, "--pidfile", str(self.home / "pid"), "--nosyslog")
            self.assertEqual(box.read_text().count("Subject: fetchmail"), 2)
        self.assertEqual(len(s.bodies("bob")), 0)

    def test_getmail(self):
        s = self.suite
        self.deliver("alice", 1, "getmail")
        rc = self.write("getmailrc", f"""
[retriever]
type = SimplePOP3SSLRetriever
server = {s.host}
port = {s.port['pop3s']}
username = {s.address('alice')}
password = {s.password('alice')}
ca_certs = {s.folder}/cert.pem
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat >> {self.home}/got")
allow_root_commands = true
[options]
read_all = true
delete = false
""")
        self.run_client("getmail", "--getmaildir", str(self.home), "--rcfile", rc)
        self.assertIn("getmail 0", (self.home / "got").read_text())

    def test_msmtp(self):
        s = self.suite
        before = len(s.bodies("bob"))
        rc = self.write("msmtprc", f"""
account default
host {s.host}
port {s.port['submission']}
from {s.address('alice')}
auth plain
user {s.address('alice')}
password {s.password('alice')}
tls on
tls_trust_file {s.folder}/cert.pem
""")
        self.run_client("msmtp", "-C", rc, s.address("bob"), input="Subject: by msmtp\n\nx\n")
        s.wait_messages("bob", before + 1)

    def test_a_change_shows_in_the_other_session_at_once(self):
        s = self.suite
        self.deliver("alice", 1, "idle")
        one, two = s.imap("alice"), s.imap("alice")
        one.select("INBOX")
        two.select("INBOX")
        two.send(b"i1 IDLE\r\n")
        self.assertTrue(two.readline().startswith(b"+"))
        one.store("1", "+FLAGS", r"(\Answered)")
        line = two.readline()
        self.assertIn(b"FETCH", line)
        self.assertIn(b"\\Answered", line)
        s.submit("bob", [s.address("alice")], message("b@x", "a@x", "while idling"))
        while b"EXISTS" not in line:
            line = two.readline()
        two.send(b"DONE\r\n")
        while not line.startswith(b"i1 "):
            line = two.readline()
        self.assertIn(b"OK", line)
        one.logout()
        two.logout()

    def test_poplib_removes_at_quit_only(self):
        s = self.suite
        self.deliver("bob", 2, "pop")
        c = s.pop3("bob")
        count = c.stat()[0]
        c.dele(1)
        c.close()
        c = s.pop3("bob")
        self.assertEqual(c.stat()[0], count)
        self.assertEqual(len(set(c.uidl()[1])), count)
        c.dele(2)
        c.rset()
        self.assertEqual(c.stat()[0], count)
        c.dele(1)
        self.assertTrue(b"\n".join(c.top(2, 0)[1]).lower().count(b"subject:"))
        c.quit()
        self.assertEqual(len(s.bodies("bob")), count - 1)


if __name__ == "__main__":
    unittest.main()
