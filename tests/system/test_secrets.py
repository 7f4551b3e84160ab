"""What somebody typed as a password is nowhere in the memory of a process once it has been judged."""

import base64
import imaplib
import poplib
import re
import secrets
import smtplib
import socket
import time
import unittest

from suite import Suite

GUESSERS = ("listener", "imapd", "pop3d")
LARGEST = 1 << 30           # the shadow of a sanitizer is larger, and mostly not there


def memory(pid):
    """Each writable mapping of a process, with its name; none of a helper that has just ended."""
    try:
        maps, mem = open(f"/proc/{pid}/maps"), open(f"/proc/{pid}/mem", "rb", 0)
    except FileNotFoundError:
        return
    with maps, mem:
        for line in maps:
            begin, end, rights, name = re.match(r"(\w+)-(\w+) (\S+) \S+ \S+ \S+\s*(.*)", line).groups()
            begin, end = int(begin, 16), int(end, 16)
            if not rights.startswith("rw") or end - begin > LARGEST:
                continue
            try:
                mem.seek(begin)
                yield name, mem.read(end - begin)
            except OSError:
                pass


def forms(user, secret):
    """The password as it stands, and as any of the mechanisms brings it: its end, for over the beginning of what was
    freed the allocator writes its own; without what depends on its neighbours."""
    plain = f"\0{user}\0{secret}".encode()
    for octets in (secret.encode(), base64.b64encode(secret.encode())[:-4], base64.b64encode(plain)[:-4]):
        yield octets[-20:]


class Secrets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)

    def places(self, user, secret):
        found = []
        for process in ("smtpd", "lookup", *GUESSERS):
            for pid in self.suite.pids(process):
                for name, octets in memory(pid):
                    for form in forms(user, secret):
                        at = octets.find(form)
                        if at >= 0:
                            found.append(f"{process} {name or 'mapping'}: {octets[max(0, at - 40):at + 60]!r}")
        return found

    def forgotten(self, user, secret):
        self.assertEqual(self.places(user, secret), [])

    def smtp(self, mechanism, user, tls=False):
        suite, secret = self.suite, secrets.token_hex(20)
        with (smtplib.SMTP_SSL(suite.host, suite.port["smtps"], context=suite.tls()) if tls else
              smtplib.SMTP(suite.host, suite.port["submission"])) as s:
            s.ehlo()
            s.user, s.password = user, secret
            with self.assertRaises(smtplib.SMTPAuthenticationError):
                s.auth(mechanism, s.auth_plain if mechanism == "PLAIN" else s.auth_login)
            self.forgotten(user, secret)

    def test_memory_can_be_searched(self):
        self.assertTrue(any(b"mail.example.test" in octets for _, octets in memory(self.suite.pids("lookup")[0])))

    def test_smtp_plain(self):
        self.smtp("PLAIN", "nobody@example.test")

    def test_smtp_login(self):
        self.smtp("LOGIN", self.suite.address("alice"))

    def test_smtp_under_tls(self):
        self.smtp("PLAIN", self.suite.address("alice"), tls=True)

    def test_a_user_of_the_system(self):
        self.smtp("PLAIN", "daemon")

    def test_a_line_that_is_refused(self):
        secret = secrets.token_hex(20)
        with socket.create_connection((self.suite.host, self.suite.port["smtp"]), timeout=20) as s, s.makefile("rb") as f:
            f.readline()
            s.sendall(b"AUTH PLAIN " + base64.b64encode(f"\0me\0{secret}".encode()) + b"\r\nNO")
            self.assertTrue(f.readline().startswith(b"5"))
            self.forgotten("me", secret)

    def test_a_line_in_pieces(self):
        """What has come waits in a buffer that then grows for the rest."""
        secret = secrets.token_hex(20)
        with socket.create_connection((self.suite.host, self.suite.port["submission"]), timeout=20) as s, s.makefile("rb") as f:
            f.readline()
            s.sendall(b"AUTH PLAIN " + base64.b64encode(f"\0me\0{secret}".encode()))
            time.sleep(0.2)
            s.sendall(b"\r\n" + b"NOOP\r\n" * 50 + b"NO")
            for _ in range(51):
                f.readline()
            self.forgotten("me", secret)

    def test_imap(self):
        user, secret = self.suite.address("alice"), secrets.token_hex(20)
        with imaplib.IMAP4_SSL(self.suite.host, self.suite.port["imaps"], ssl_context=self.suite.tls()) as c:
            with self.assertRaises(imaplib.IMAP4.error):
                c.login(user, secret)
            with self.assertRaises(imaplib.IMAP4.error):
                c.authenticate("PLAIN", lambda _: f"\0{user}\0{secret}".encode())
            self.forgotten(user, secret)

    def test_imap_literals(self):
        """A command that is gathered in pieces, and is long enough that nothing small takes its room afterwards."""
        user, secret = "u" * 500 + "@example.test", secrets.token_hex(20)
        with self.suite.tls().wrap_socket(socket.create_connection((self.suite.host, self.suite.port["imaps"]), timeout=20),
                                          server_hostname="mail.example.test") as s, s.makefile("rb") as f:
            f.readline()
            s.sendall(f"a LOGIN {{{len(user)}+}}\r\n{user} {{{len(secret)}+}}\r\n{secret}\r\n".encode())
            self.assertTrue(f.readline().startswith(b"a NO"))
            self.forgotten(user, secret)

    def test_pop3(self):
        user, secret = self.suite.address("alice"), secrets.token_hex(20)
        c = poplib.POP3_SSL(self.suite.host, self.suite.port["pop3s"], context=self.suite.tls())
        c.user(user)
        with self.assertRaises(poplib.error_proto):
            c.pass_(secret)
        self.forgotten(user, secret)
        c.close()

    def test_a_login_that_is_right(self):
        user, secret = self.suite.address("alice"), self.suite.password("alice")
        with smtplib.SMTP(self.suite.host, self.suite.port["submission"]) as s:
            s.login(user, secret)
            self.forgotten(user, secret)


if __name__ == "__main__":
    unittest.main()
