"""SMTP and submission with swaks, openssl s_client and Python's smtplib."""

import os
import signal
import socket
import subprocess
import unittest

from suite import Suite, message, wait_until


class Smtp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)

    def setUp(self):
        self.suite.wait_queue_empty()      # what a test before this one sent counts for none here

    def swaks(self, *arguments, port="smtp"):
        s = self.suite
        return subprocess.run(["swaks", "--server", s.host, "--port", str(s.port[port]), "--helo", "client.test",
                               "--timeout", "20", *arguments], capture_output=True, text=True, timeout=60)

    def login(self, user="alice", password=None):
        s = self.suite
        return ["--auth", "PLAIN", "--auth-user", s.address(user), "--auth-password", password or s.password(user)]

    def test_swaks_delivers_in_clear_and_under_tls(self):
        for i, extra in enumerate(([], ["--tls"])):
            before = len(self.suite.bodies("bob"))
            r = self.swaks("--to", self.suite.address("bob"), "--from", "x@elsewhere.test", *extra)
            self.assertEqual(r.returncode, 0, r.stdout)
            self.assertRegex(r.stdout, r"250 2\.0\.0 [0-9a-z]{13} ")
            self.suite.wait_messages("bob", before + 1)

    def test_swaks_submits_with_auth_to_one_and_many(self):
        before = len(self.suite.bodies("alice"))
        to = self.suite.address("alice") + "," + self.suite.address("bob")
        r = self.swaks("--to", to, "--from", self.suite.address("alice"), "--tls", *self.login(), port="submission")
        self.assertEqual(r.returncode, 0, r.stdout)
        self.suite.wait_messages("alice", before + 1)
        r = self.swaks("--to", to, "--from", self.suite.address("alice"), "--tls-on-connect", "--auth", "LOGIN",
                       *self.login()[2:], port="smtps")
        self.assertEqual(r.returncode, 0, r.stdout)
        self.suite.wait_messages("alice", before + 2)

    def test_a_client_may_reset_around_every_message(self):
        """Each message that is stored renews the patience with commands that bring none."""
        with self.suite.smtp() as s:
            s.ehlo("client.test")
            for i in range(40):
                self.assertEqual(s.rset()[0], 250)
                self.assertEqual(s.noop()[0], 250)
                s.sendmail("x@elsewhere.test", [self.suite.address("bob")], message("x@elsewhere.test", "bob", str(i)))
                self.assertEqual(s.rset()[0], 250)

    def test_commands_that_bring_no_message_end_the_session(self):
        for command in ("RSET", "NOOP", "VRFY alice"):
            with self.suite.smtp() as s:
                s.ehlo("client.test")
                codes = [s.docmd(command)[0] for _ in range(100)]       # EHLO was the first
                self.assertEqual(codes[99], 421, command)
                self.assertTrue(all(c < 300 for c in codes[:99]), command)

    def test_what_stands_late_in_a_long_header_is_not_added_again(self):
        late = b"Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <late@client.test>\r\n\r\n"
        for fields, body in ((900, b"text\r\n"), (900, b""), (9000, b"text\r\n" * 20000)):
            before = len(self.suite.bodies("bob"))
            data = b"".join(b"X-%06d: %s\r\n" % (i, b"x" * 98) for i in range(fields)) + late + body
            self.suite.submit("alice", [self.suite.address("bob")], data)
            got = self.suite.wait_messages("bob", before + 1)[-1]
            self.assertEqual((got.count(b"\r\nDate:"), got.count(b"\r\nMessage-ID:")), (1, 1), f"{fields} fields, {len(body)} octets")
            self.assertEqual(got.count(b"\r\nX-"), fields)

    def test_what_is_added_may_make_a_message_large(self):
        """A message without date and id, so long that it needs a file with them, and none without."""
        for size in range(64 * 1024 - 500, 64 * 1024 + 1, 25):
            with self.subTest(size):
                text = (b"Subject: long\r\n\r\n" + (b"x" * 70 + b"\r\n") * 1000)[:size - 2].rstrip(b"\r\n")
                self.suite.submit("alice", [self.suite.address("bob")], text + b"\r\n")

    def test_refusals(self):
        s = self.suite
        cases = [
            (["--to", s.address("bob"), "--tls", *self.login(password="wrong")], "submission", "535 5.7.8"),
            (["--to", "x@far.test"], "smtp", "550 5.7.1"),
            (["--to", s.address("nobody")], "smtp", "550 5.1.1"),
            (["--to", s.address("bob"), "--tls"], "submission", "530 5.7.0"),
        ]
        for arguments, port, want in cases:
            r = self.swaks("--from", "x@elsewhere.test", *arguments, port=port)
            self.assertNotEqual(r.returncode, 0)
            self.assertIn(want, r.stdout)

    def test_a_message_over_size_is_refused_before_and_after(self):
        s = self.suite
        with s.smtp() as c:
            c.ehlo("client.test")
            limit = int(c.esmtp_features["size"])
            code, text = c.mail("x@elsewhere.test", [f"SIZE={limit + 1}"])
            self.assertEqual(code, 552, text)
            c.mail("x@elsewhere.test")
            c.rcpt(s.address("bob"))
            code, text = c.data(b"Subject: big\r\n\r\n" + (b"y" * 998 + b"\r\n") * (limit // 1000 + 1))
            self.assertEqual(code, 552, text)
            self.assertEqual(c.noop()[0], 250)

    def test_a_large_message_arrives_whole(self):
        s = self.suite
        before = len(s.bodies("bob"))
        body = ("line of a large message %d\r\n" * 1) % 1
        data = message("x@elsewhere.test", s.address("bob"), "large", body * 40000)
        with s.smtp() as c:
            c.sendmail("x@elsewhere.test", [s.address("bob")], data)
        got = s.wait_messages("bob", before + 1)
        self.assertTrue(any(b.endswith(data) for b in got))

    def begin_large(self, client):
        """DATA and half of a message that is too large for a frame."""
        client.ehlo("client.test")
        client.mail("x@elsewhere.test")
        client.rcpt(self.suite.address("bob"))
        code = 451
        while code == 451:      # a queue that began anew may be known to the listener last of all
            client.putcmd("data")
            code = client.getreply()[0]
        self.assertEqual(code, 354)
        client.send(b"Subject: large\r\n\r\n")

    def end_large(self, client, code):
        client.send((b"y" * 70 + b"\r\n") * 3000 + b".\r\n")
        self.assertEqual(client.getreply()[0], code)
        self.assertEqual(client.noop()[0], 250)

    def said_since(self, mark, word):
        return [line for line in self.suite.lines[mark:] if word in line]

    def test_a_pause_during_a_large_message_refuses_it_and_that_is_all(self):
        mark = len(self.suite.lines)
        with self.suite.smtp() as c:
            self.begin_large(c)
            self.suite.ctl("pause", "smtp")
            try:
                self.end_large(c, 452)
            finally:
                self.suite.ctl("resume", "smtp")
        self.assertEqual(self.said_since(mark, "out of range"), [])

    def test_a_large_message_that_outlives_its_queue_is_refused_and_that_is_all(self):
        s = self.suite
        mark = len(s.lines)
        with s.smtp() as old, s.smtp() as new:
            self.begin_large(old)
            old.send((b"x" * 70 + b"\r\n") * 3000)
            wait_until(lambda: list((s.folder / "queue/spool").iterdir()), what="a file in the spool")
            (pid,) = s.pids("queue")
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: s.pids("queue") not in ([], [pid]), what="another queue")
            wait_until(lambda: s.ctl("show", "queue", check=False).returncode == 0, what="a queue that answers")
            # The first file of the new queue has the number that the old one had.
            self.begin_large(new)
            new.send((b"x" * 70 + b"\r\n") * 3000)
            wait_until(lambda: list((s.folder / "queue/spool").iterdir()), what="a file in the spool")
            self.end_large(old, 452)
            self.end_large(new, 250)
        self.assertEqual(self.said_since(mark, "violation"), [])

    def test_the_file_of_a_message_that_never_ends_goes(self):
        """With its session, and with its listener."""
        s = self.suite

        def files():
            return list((s.folder / "queue/spool").iterdir())

        for killed in (False, True):
            with s.smtp() as c:
                self.begin_large(c)
                c.send((b"x" * 70 + b"\r\n") * 3000)
                wait_until(files, what="a file in the spool")
                if killed:
                    (pid,) = s.pids("listener")
                    os.kill(pid, signal.SIGKILL)
                    wait_until(lambda: s.pids("listener") not in ([], [pid]), what="another listener")
                c.close()
            wait_until(lambda: not files(), what="an empty spool")

    def test_password_needs_tls_from_afar_and_the_extensions_say_so(self):
        with self.suite.smtp("submission") as c:
            c.ehlo("client.test")
            self.assertTrue(c.has_extn("starttls"))
            for word in ("pipelining", "8bitmime", "size", "enhancedstatuscodes"):
                self.assertTrue(c.has_extn(word), word)
            c.starttls(context=self.suite.tls())
            c.ehlo("client.test")
            self.assertFalse(c.has_extn("starttls"))
            self.assertIn("PLAIN", c.esmtp_features["auth"])

    def raw(self, octets, port="smtp"):
        """Sends octets after EHLO and QUITs; returns all that came back."""
        with socket.create_connection((self.suite.host, self.suite.port[port]), timeout=20) as c:
            out = b""
            try:
                c.sendall(b"EHLO client.test\r\n")
                c.sendall(octets)
                c.sendall(b"QUIT\r\n")
                while chunk := c.recv(65536):
                    out += chunk
            except ConnectionError:
                pass      # it was closed on us, which some lines deserve
        return out.decode(errors="replace")

    def test_smuggling_never_makes_a_second_message(self):
        s = self.suite
        ends = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r.\n", b"\n.\r",
                b"\r\n.\0\r\n", b"\r\n\0.\r\n", b"\r\n. \r\n", b"\r\n.\r\r\n"]
        before = len(s.bodies("bob"))
        smuggled = f"MAIL FROM:<i@evil.test>\r\nRCPT TO:<{s.address('bob')}>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
        stored = 0
        for end in ends:
            out = self.raw(f"MAIL FROM:<a@b.test>\r\nRCPT TO:<{s.address('bob')}>\r\nDATA\r\nSubject: first\r\n\r\na".encode()
                           + end + smuggled.encode() + b"\r\n.\r\n")
            finals = [l for l in out.splitlines() if l.startswith(("250 2.0.0 ", "550 5.6.0")) and "ok" not in l]
            self.assertEqual(len(finals), 1, (end, out))
            stored += finals[0].startswith("250")
        got = s.wait_messages("bob", before + stored)
        self.assertEqual(len(got), before + stored)
        self.assertFalse(any(b"Subject: smuggled" in b.split(b"\r\n\r\n")[0] for b in got))

    def test_hostile_lines_stay_in_step(self):
        for line, want in ((b"MAIL FROM:<a@b>\n", "500"), (b"MAIL FROM:<a\0b@c>\r\n", "501"),
                           (b"NOOP " + b"x" * 1000000 + b"\r\n", "500"), (b"RCPT TO:<a@b>\r\n", "503"),
                           (b"DATA\r\n", "503"), (b"FOO\r\n", "500"), (b"MAIL FROM:<a@b> SIZE=-1\r\n", "501"),
                           (b"MAIL FROM:<a@b> FOO=1\r\n", "555"), (b"MAIL FROM:<;touch${IFS}/tmp/M;>\r\n", "501")):
            out = self.raw(line + b"NOOP\r\n")
            codes = [l[:3] for l in out.splitlines() if l[3:4] == " "]
            # A line without end may end the session at once, and its reply with it.
            allowed = ([want, "250", "221"], [want]) if len(line) < 1000 else ([want, "250", "221"], [want, "421"], ["421"], [])
            self.assertIn(codes[2:], allowed, (line[:40], out[-300:]))

    def test_starttls_injection_is_dropped(self):
        s = self.suite
        with socket.create_connection((s.host, s.port["smtp"]), timeout=20) as c:
            f = c.makefile("rb")
            f.readline()
            c.sendall(b"EHLO x.test\r\n")
            while not f.readline().startswith(b"250 "):
                pass
            c.sendall(b"STARTTLS\r\nMAIL FROM:<i@x.test>\r\n")
            self.assertTrue(f.readline().startswith(b"220"))
            t = s.tls().wrap_socket(c, server_hostname="localhost")
            t.sendall(b"NOOP\r\n")
            self.assertTrue(t.recv(1000).startswith(b"250"))
            t.sendall(b"RCPT TO:<x@y.test>\r\n")
            self.assertTrue(t.recv(1000).startswith(b"503"))
            t.close()

    def test_openssl_s_client(self):
        s = self.suite
        for protocol, port in (("smtp", "smtp"), ("imap", "imap"), ("pop3", "pop3"), (None, "imaps"), (None, "smtps"), (None, "pop3s")):
            for version in ("-tls1_2", "-tls1_3"):
                r = subprocess.run(["openssl", "s_client", "-connect", f"{s.host}:{s.port[port]}", "-CAfile",
                                    s.folder / "cert.pem", "-brief", version, "-verify_return_error",
                                    *(["-starttls", protocol] if protocol else [])],
                                   input="", capture_output=True, text=True, timeout=30)
                self.assertIn("Verification: OK", r.stderr + r.stdout, (port, version))
        old = subprocess.run(["openssl", "s_client", "-connect", f"{s.host}:{s.port['imaps']}", "-tls1_1",
                              "-cipher", "DEFAULT@SECLEVEL=0"], input="", capture_output=True, text=True, timeout=30)
        self.assertNotEqual(old.returncode, 0)

    def test_sendmail_command(self):
        s = self.suite
        before = len(s.bodies("bob"))
        sendmail = s.folder / "sendmail"
        if not sendmail.exists():
            from suite import SMTPCTL
            sendmail.symlink_to(SMTPCTL)

        def run(*options, text=""):
            return subprocess.run([sendmail, *options], text=True, capture_output=True, input=text, timeout=30,
                                  env={"PATH": "/usr/bin:/bin", "KURIR_RUN": str(s.folder / "run")})
        r = run("-t", "-i", "-f", s.address("alice"),
                text=f"To: {s.address('bob')}\nBcc: {s.address('bob')}\nSubject: from cron\n\n.\nbody\n")
        self.assertEqual(r.returncode, 0, r.stderr)
        got = s.wait_messages("bob", before + 1)[-1]
        self.assertIn(b"Subject: from cron", got)
        self.assertNotIn(b"Bcc", got)
        self.assertTrue(got.endswith(b"\r\n.\r\nbody\r\n"))
        for option in ("-q", "-bp", "-bi"):
            r = run(option)
            self.assertEqual((r.returncode, r.stderr), (0, ""), option)
            if option == "-q":
                self.assertRegex(r.stdout, r"^\d+ scheduled\n$")


if __name__ == "__main__":
    unittest.main()
