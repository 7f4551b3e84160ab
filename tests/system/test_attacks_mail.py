"""What attackers send to IMAP and POP3 servers once they are in, and messages made to break those who read them; see
attack.py. I rows are IMAP's, O rows POP3's, M rows the messages. Rows before login are in test_imap.py."""

import re
import socket
import struct
import unittest

from attack import Attacks, Wire, descriptors, reset
from suite import message, wait_until

BIG, GONE = 1 << 32, 200

# After SELECT of a mailbox with three messages: one command, and the class of its answer.
COMMANDS = [
    ("I1 zero", "FETCH 0 FLAGS", "BAD"),
    ("I2 2^32-1", "FETCH 4294967295 FLAGS", "(BAD|NO)"),
    ("I3 2^64+1", "FETCH 18446744073709551617 FLAGS", "BAD"),
    ("I4 negative", "FETCH -1 FLAGS", "BAD"),
    ("I5 commas", "FETCH 1,,2 FLAGS", "BAD"),
    ("I6 open", "FETCH 1: FLAGS", "BAD"),
    ("I7 whole range", "UID FETCH 1:4294967295 FLAGS", "OK"),
    ("I7 many", "UID FETCH " + ",".join(2000 * ["1:*"]) + " FLAGS", "(OK|BAD|NO)"),
    ("I8 deep section", "FETCH 1 BODY[" + 1000 * "1." + "1]", "(OK|BAD)"),
    ("I8 zero section", "FETCH 1 BODY[0]", "BAD"),
    ("I8 large section", "FETCH 1 BODY[4294967297]", "(OK|BAD)"),
    ("I9 no octets", "FETCH 1 BODY[]<0.0>", "BAD"),
    ("I10 far", "FETCH 1 BODY.PEEK[]<4294967295.4294967295>", "(OK|BAD)"),
    ("I11 2^64", f"FETCH 1 BODY.PEEK[]<{2**64 - 1}.{2**64 - 1}>", "BAD"),
    ("I12 negative", "FETCH 1 BODY.PEEK[]<-5.10>", "BAD"),
    ("I12 open", "FETCH 1 BODY[", "BAD"),
    ("I13 none", "FETCH 1 BODY[HEADER.FIELDS ()]", "BAD"),
    ("I13 many", "FETCH 1 BODY.PEEK[HEADER.FIELDS (" + " ".join(f"X{i}" for i in range(5000)) + ")]", "(OK|BAD|NO)"),
    ("I14", "FETCH 1 " + 10000 * "(" + "FLAGS" + 10000 * ")", "BAD"),
    ("I15 recent", "STORE 1 +FLAGS (\\Recent)", "BAD"),
    ("I15 no such", "STORE 1 +FLAGS (\\Nosuch)", "BAD"),
    ("I15 long", "STORE 1 +FLAGS (" + 10240 * "k" + ")", "(BAD|NO)"),
    ("I15 many", "STORE 1 +FLAGS (" + " ".join(f"k{i}" for i in range(3000)) + ")", "(BAD|NO)"),
    ("I15 bracket", "STORE 1 +FLAGS (a]b)", "BAD"),
    ("I16 nowhere", "COPY 1 nowhere", r"NO \[TRYCREATE\]"),
    ("I16 up", "COPY 1 ../x", "(NO|BAD)"),
    ("I16 itself", "COPY 1 INBOX", "OK"),
    ("I18 nots", "SEARCH " + 5000 * "NOT " + "ALL", "(BAD|NO)"),
    ("I18 parentheses", "SEARCH " + 20000 * "(" + "ALL" + 20000 * ")", "BAD"),
    ("I18 ors", "SEARCH " + 2000 * "OR ALL " + "ALL", "(OK|BAD|NO)"),
    ("I18 bare", "SEARCH", "BAD"),
    ("I18 half", "SEARCH OR ALL", "BAD"),
    ("I20 charset", "SEARCH CHARSET X-EVIL TEXT x", r"(NO \[BADCHARSET|BAD)"),
    ("I20 path", "SEARCH CHARSET ../../../tmp/x TEXT x", r"(NO \[BADCHARSET|BAD)"),
    ("I20 date", "SEARCH SINCE 32-Foo-99999", "BAD"),
    ("I20 larger", "SEARCH LARGER 18446744073709551616", "BAD"),
    ("I22 lists", "FETCH 1 (" + 5000 * "() " + ")", "BAD"),
    ("I23 2^32-1", "APPEND INBOX {4294967295}", r"(NO|BAD)"),
    ("I24 2^64", "APPEND INBOX {18446744073709551616}", r"(NO|BAD)"),
    ("I26 limit", "APPEND INBOX {99999999}", r"NO \[TOOBIG\]"),
    ("I33 login", 'LOGIN "bob@example.test" "bob-secret"', "BAD"),
    ("I33 authenticate", "AUTHENTICATE PLAIN", "BAD"),
    ("I33 starttls", "STARTTLS", "BAD"),
    ("I34 quota", "SETQUOTA x (STORAGE 1)", "(NO|BAD)"),
    ("I34 acl", "SETACL INBOX bob lrswipkxtecda", "(NO|BAD)"),
    ("I35 wild", 'LIST "" "' + 400 * "*%" + 'q"', "(OK|BAD|NO)"),
    ("I36 up", 'LIST "../" "*"', "OK"),
    ("I36 etc", 'LIST "/etc/" "%"', "OK"),
    ("I38 enable", "ENABLE JUNK", "OK"),
    ("I38 status", "STATUS INBOX (EVIL)", "BAD"),
    ("I38 namespace", "NAMESPACE x", "BAD"),
    ("I50", "CREATE ../x", "(NO|BAD)"),
    ("I51", "CREATE ../../x", "(NO|BAD)"),
    ("I52", "CREATE a/../../x", "(NO|BAD)"),
    ("I53 dots", "CREATE ..", "(NO|BAD)"),
    ("I53 dot", "CREATE .", "(NO|BAD)"),
    ("I54 root", "CREATE /tmp/x", "(NO|BAD|OK)"),
    ("I54 hidden dots", "CREATE &AC4ALgAv-x", "(NO|BAD)"),
    ("I54 hidden slash", "CREATE &AC8-tmp&AC8-x", "(NO|BAD)"),
    ("I56 half a pair", "CREATE &2D0-", "(NO|BAD)"),
    ("I56 letter", "CREATE &AGE-", "(NO|BAD)"),
    ("I56 open", "CREATE &AC", "(NO|BAD)"),
    ("I56 wild", "CREATE *%", "(NO|BAD)"),
    ("I56 empty", 'CREATE ""', "(NO|BAD)"),
    ("I56 inbox", "CREATE INBOX", "NO"),
    ("I56 long", "CREATE " + 10240 * "x", "(NO|BAD)"),
    ("I56 deep", "CREATE " + "/".join(500 * ["d"]), "(NO|BAD)"),
    ("I58 into itself", "RENAME Archive Archive/sub", "NO"),
    ("I58 up", "RENAME Archive ../y", "(NO|BAD)"),
    ("I61 inbox", "DELETE INBOX", "NO"),
    ("I61 dots", "DELETE ..", "(NO|BAD)"),
    ("I63", "SELECT ../bob@example.test/INBOX", "(NO|BAD)"),
    ("I64", "SELECT user/bob", "NO"),
    ("I65", "SELECT ~bob", "NO"),
    ("I66", "SELECT #user/bob", "(NO|BAD)"),
]

# The same, with what stands behind the command as a literal that the server asks for, or refuses.
LITERALS = [
    ("I13 line break", "FETCH 1 BODY.PEEK[HEADER.FIELDS (", b"a\r\nb", ")]", "(BAD|NO)"),
    ("I37", "SUBSCRIBE ", b"a\r\nb", "", "(BAD|NO)"),
    ("I55 nul", "CREATE ", b"a\0b", "", "(BAD|NO)"),
    ("I55 line", "CREATE ", b"a\r\n* OK x", "", "(BAD|NO)"),
    ("I55 control", "CREATE ", b"a\x01", "", "(BAD|NO)"),
    ("I55 octet", "CREATE ", b"\xff", "", "(BAD|NO)"),
    ("I20 text", "SEARCH CHARSET UTF-8 TEXT ", b"\xff\xc3", "", "(BAD|NO|OK)"),
    ("I30 nul", "APPEND INBOX ", b"Subject: x\r\n\r\na\0b\r\n", "", "(BAD|NO)"),
]

POP3 = [
    ("O4 zero", "RETR 0"), ("O4 negative", "RETR -1"), ("O4 2^32", f"RETR {BIG + 1}"), ("O4 two", "RETR 1 2"),
    ("O4 word", "RETR x"), ("O4 top", "TOP 1 -1"), ("O4 list", "LIST 0"), ("O4 uidl", "UIDL 99999"), ("O4 none", "TOP 1"),
    ("O2 apop", "APOP alice c4c9334bac560ecc979e58001b3e22fb"), ("O3 login", "STLS"), ("O1 again", "USER bob"),
]


def nested(levels):
    opening = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (i, i) for i in range(levels))
    return opening + b"\r\nx\r\n"


def forwarded(levels):
    return levels * b"Content-Type: message/rfc822\r\n\r\n" + b"Subject: the last\r\n\r\nx\r\n"


MULTIPART = b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n"
MESSAGES = [
    ("M1", nested(5000)),
    ("M2", forwarded(1000)),
    ("M3", MULTIPART % b"b" + 20000 * b"--b\r\n\r\n\r\n" + b"--b--\r\n"),
    ("M4 empty", MULTIPART % b'""' + b"--\r\n\r\nx\r\n"),
    ("M4 blanks", MULTIPART % b'"   "' + b"--   \r\n\r\nx\r\n"),
    ("M4 prefix", MULTIPART % b"ab" + b"--ab\r\n" + MULTIPART % b"a" + b"--a\r\n\r\nx\r\n--ab--\r\n"),
    ("M5", b"Content-Type: text/html\r\n" + MULTIPART % b"b" + b"--b\r\n\r\nx\r\n--b--\r\n"),
    ("M5 odd", b"Content-Type: a/b/c;;;=\r\n\r\nx\r\n"),
    ("M6", b"Content-Type: text/plain" + b"".join(b";\r\n a*%d=x" % i for i in range(20000)) + b"\r\n\r\nx\r\n"),
    ("M7", b"To: " + 20000 * b"a@b.test,\r\n " + b"c@d.test\r\n\r\nx\r\n"),
    ("M8", 9000 * b"X: y\r\n" + b"\r\nx\r\n"),
    ("M10 parentheses", b"From: " + 900 * (40 * b"(" + b"\r\n ") + b"x\r\n\r\nx\r\n"),
    ("M10 groups", b"To: g:h:;;, <@x,@y:z@\"\r\n\r\nx\r\n"),
    ("M11", b"From: undisclosed:;\r\nTo: <>\r\n\r\nx\r\n"),
    ("M12", b"Subject: " + 500 * b"=?utf-8?q?a=0D=0A=00=FF?= =?utf-8?b?!!!?=\r\n " + b"\r\n\r\nx\r\n"),
    ("M13", b"Content-Transfer-Encoding: base64\r\n\r\n" + 300 * (70 * b" " + b"=\r\n")),
    ("M15", b"Date: 99 Foo 99999999999 99:99:99 +9999\r\n\r\nx\r\n"),
    ("M17", b"References: " + 10000 * b"<a@b>\r\n " + b"< <<\r\n\r\nx\r\n"),
    ("M18", b"Subject: " + 3000 * b"Re: [x] " + b"\r\n\r\nx\r\n"),
    ("M20", b"From: a@b.test\r\nFrom : c@d.test\r\nFrom: \"x@good.test\" <y@evil.test>\r\n\r\nx\r\n"),
] + [(f"M14 {end!r}", b"Subject: " + end + b"\r\nFrom: " + end + b"\r\nContent-Type: " + end + b"\r\n\r\n" + end)
     for end in (b"\\", b"(", b'"', b"=", b"&", b":", b"\xc3", b"=?", b"<", b"=?utf-8?q?")]


class Imap(Wire):
    def __init__(self, suite, user="alice"):
        super().__init__(suite, "imaps", tls=True)
        assert self.line().startswith("* OK")
        self.count = 0
        self.ask(f'LOGIN "{suite.address(user)}" "{suite.password(user)}"', "OK")

    def answer(self, tag):
        """The tagged line; None when it closed. What comes before is kept in untagged."""
        self.untagged = []
        while (line := self.line()) is not None:
            if line.startswith(tag + " "):
                return line[len(tag) + 1:]
            self.untagged.append(line)
            # What stands in a literal is not ours to read as lines.
            if literal := re.search(r"\{(\d+)\}$", line):
                self.skip(int(literal[1]))
        return None

    def skip(self, octets):
        while len(self.rest) < octets:
            block = self.sock.recv(65536)
            assert block, "closed within a literal"
            self.rest += block
        self.rest = self.rest[octets:]

    def ask(self, command, expected):
        self.count += 1
        tag = f"a{self.count}"
        self.send(f"{tag} {command}\r\n")
        answer = self.answer(tag)
        assert answer is not None and re.match(expected, answer), f"{command[:70]!r} got {answer!r}, not {expected}"
        return answer

    def ask_literal(self, before, octets, behind, expected):
        self.count += 1
        tag = f"a{self.count}"
        self.send(f"{tag} {before}{{{len(octets)}}}\r\n")
        line = self.line()
        if line.startswith("+"):
            self.send(octets + behind.encode() + b"\r\n")
            line = f"{tag} {self.answer(tag)}"
        assert re.match(f"{tag} {expected}", line), f"{before!r} {octets!r} got {line!r}"


class MailAttacks(Attacks):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for i in range(3):
            cls.suite.submit("bob", [cls.suite.address("alice")], message("bob@example.test", "alice@example.test", f"n{i}"))
        cls.suite.wait_messages("alice", 3)

    def is_served(self):
        try:
            with Imap(self.suite, "bob") as c:
                c.ask("SELECT INBOX", "OK")
                c.ask("LOGOUT", "OK")
        except (AssertionError, OSError) as e:
            return str(e) or repr(e)

    def session(self):
        c = Imap(self.suite)
        c.ask("SELECT INBOX", "OK")
        return c

    def test_commands(self):
        for name, command, expected in COMMANDS:
            with self.row(name), self.session() as c:
                c.ask(command, expected)
                c.ask("NOOP", "OK")

    def test_literals(self):
        for name, before, octets, behind, expected in LITERALS:
            with self.row(name), self.session() as c:
                c.ask_literal(before, octets, behind, expected)
                c.ask("NOOP", "OK")
                c.ask('LIST "" "*"', "OK")
                self.assertFalse([l for l in c.untagged if not l.startswith("* LIST")])

    def test_literals_are_never_commands(self):
        for name, command in (("I27", 'APPEND INBOX "1-Foo-2020" '), ("I28", "APPEND INBOX (\\Nosuch) "), ("I29", "APPEND nowhere ")):
            with self.row(name), self.session() as c:
                c.send(f"x {command}{{11+}}\r\na9 CREATE a9\r\n")
                self.assertRegex(c.answer("x") or "", "NO|BAD")
                c.ask("NOOP", "OK")
                self.assertFalse([l for l in c.untagged if l.startswith("a9")])

    def test_literals_by_number(self):
        for name, count, size, expected in (("I19 many", 2000, 100, r"OK|BAD|NO \[LIMIT\]"), ("I19 8 MB", 4000, 2000, r"BAD \[TOOBIG\]")):
            with self.row(name), self.session() as c:
                c.send("x SEARCH" + count * (f" SUBJECT {{{size}+}}\r\n" + size * "x") + "\r\n")
                answer = c.answer("x")
                self.assertFalse([l for l in c.untagged if l.startswith("+")])
                if answer is None:  # too much even to be thrown away
                    self.assertRegex(c.untagged[-1], r"^\* BYE")
                else:
                    self.assertRegex(answer, expected)
                    c.ask("NOOP", "OK")
        with self.row("I19 asked"), self.session() as c:
            c.send("x SEARCH SUBJECT {100}\r\n")
            for i in range(2000):
                self.assertTrue((line := c.line()).startswith("+"), line)
                c.send(100 * "x" + (" SUBJECT {100}\r\n" if i < 1999 else "\r\n"))
            self.assertRegex(c.answer("x"), r"OK|BAD|NO \[LIMIT\]")
            c.ask("NOOP", "OK")
        with self.row("I19 1 GB"), self.session() as c:
            c.ask("SEARCH SUBJECT {1000000000}", r"(BAD|NO) \[TOOBIG\]")
            c.ask("NOOP", "OK")

    def names(self, c, wanted):
        c.ask('LIST "" "*"', "OK")
        return sorted(l.rsplit(" ", 1)[1] for l in c.untagged if wanted in l)

    def test_names_that_look_alike(self):
        """Names that differ in an octet are two mailboxes with two lives; INBOX alone has no case."""
        both = ["&AOk-tude", "e&AwE-tude"]  # one character, and a letter with its accent
        with self.row("I60"), self.session() as c:
            for name in both:
                c.ask(f"CREATE {name}", "OK")
            self.assertEqual(self.names(c, "tude"), both)
            c.ask(f"COPY 1 {both[0]}", "OK")
            for name, count in zip(both, (1, 0)):
                c.ask(f"STATUS {name} (MESSAGES)", "OK")
                self.assertIn(f"(MESSAGES {count})", c.untagged[0])
            c.ask(f"DELETE {both[1]}", "OK")
            self.assertEqual(self.names(c, "tude"), both[:1])
        with self.row("I60 inbox"), self.session() as c:
            for name in ("inbox", "iNbOx", '"inbox"'):
                c.ask(f"CREATE {name}", r"NO \[ALREADYEXISTS\]")
                c.ask(f"STATUS {name} (MESSAGES)", "OK")
                self.assertIn("* STATUS INBOX ", c.untagged[0])
            c.ask("CREATE &AEkATgBCAE8AWA-", "NO")  # its letters, disguised
            c.ask("CREATE Inbox/below", "OK")
            self.assertEqual(self.names(c, "below"), ["INBOX/below"])

    def test_readonly_and_others_messages(self):
        with self.row("I17"), self.session() as c:
            c.ask("EXAMINE INBOX", "OK")
            c.ask("STORE 1 +FLAGS (\\Deleted)", "(NO|BAD)")
            c.ask("MOVE 1 Trash", "(NO|BAD)")
            c.ask("EXPUNGE", "(NO|BAD)")
            c.ask("STATUS INBOX (MESSAGES)", "OK")

    def test_idle(self):
        with self.row("I32"), self.session() as c:
            c.send("i IDLE\r\n")
            self.assertTrue(c.line().startswith("+"))
            c.send("a3 DELETE INBOX\r\n")
            line = c.line()
            self.assertRegex(line or "", r"^(i BAD|\* BYE)")
        with self.row("I32 done"), self.session() as c:
            c.send("DONE\r\n")
            self.assertRegex(c.line() or "", "BAD")
            c.ask("NOOP", "OK")
        with self.row("I32 flood"), self.session() as c:
            c.send("i IDLE\r\n" + (1 << 20) * "x")
            lines = []
            while (line := c.line()) is not None:
                lines.append(line)
            self.assertLess(len(lines), 10)

    def test_pipelined_behind_logout(self):
        with self.row("I33 logout"), self.session() as c:
            c.send("a LOGOUT\r\nb CREATE after\r\n")
            lines = []
            while (line := c.line()) is not None:
                lines.append(line)
            self.assertFalse([l for l in lines if l.startswith("b ")])

    def test_races(self):
        with self.row("I59"), self.session() as one, self.session() as other:
            one.ask("CREATE race", "OK")
            for i in range(50):
                one.send(f"r{i} RENAME race raced\r\n")
                other.send(f"r{i} RENAME raced race\r\n")
                self.assertIsNotNone(one.answer(f"r{i}"))
                self.assertIsNotNone(other.answer(f"r{i}"))
            one.ask('LIST "" "race*"', "OK")
            self.assertEqual(len(one.untagged), 1, one.untagged)

    def test_collisions(self):
        """Keywords that collide in the hashes one finds in textbooks."""
        with self.row("I47"), self.session() as c:
            pairs = ("Ez", "FY")  # the same in h * 33 + c
            names = ["".join(pairs[i >> b & 1] for b in range(9)) for i in range(400)]
            for at in range(0, len(names), 100):  # a message has 4 KB of them at most
                c.ask("STORE 1 FLAGS (" + " ".join(names[at:at + 100]) + ")", "OK")
            c.ask("STORE 1 FLAGS ()", "OK")

    def test_pop3(self):
        for name, command in POP3:
            with self.row(name), Wire(self.suite, "pop3s", tls=True) as c:
                for line in ("", "USER alice@example.test", "PASS alice-secret"):
                    if line:
                        c.send(line + "\r\n")
                    self.assertTrue(c.line().startswith("+OK"))
                c.send(command + "\r\n")
                self.assertTrue(c.line().startswith("-ERR"), command)
                c.send("NOOP\r\n")
                self.assertTrue(c.line().startswith("+OK"))

    def test_pop3_removes_at_quit_only(self):
        with self.row("O5"):
            before = len(self.suite.bodies("alice"))
            with Wire(self.suite, "pop3s", tls=True) as c:
                c.send("USER alice@example.test\r\nPASS alice-secret\r\nDELE 1\r\nDELE 2\r\nDELE 2\r\n")
                lines = [c.line() for _ in range(6)]
                self.assertEqual([l[0] for l in lines], list("+++++-"))
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.assertEqual(len(self.suite.bodies("alice")), before)

    def test_gone_while_the_password_is_checked(self):
        for k, (port, process, login) in enumerate((("imaps", "imapd", "a LOGIN alice@example.test wrong-{}\r\n"),
                                                    ("pop3s", "pop3d", "USER alice@example.test\r\nPASS wrong-{}\r\n"))):
            with self.row(f"U9 {port}"):
                pid, = self.suite.pids(process)
                before = descriptors(pid)
                for i in range(GONE):
                    c = Wire(self.suite, port, tls=True, source=f"127.{8 + k}.0.{i + 1}")
                    c.line()
                    c.send(login.format(i))
                    if i % 2:
                        reset(c.sock)
                    else:
                        c.close()
                    if i % 50 == 0:
                        with Wire(self.suite, port, tls=True) as stranger:
                            self.assertRegex(stranger.line(), r"^(\* OK|\+OK)")
                            stranger.silence(0.05)
                wait_until(lambda: descriptors(pid) <= before + 1, 60, "descriptors to be given back")

    def test_pop3_floods(self):
        with self.row("O6"), Wire(self.suite, "pop3s", tls=True) as c:
            c.send("USER alice@example.test\r\nPASS alice-secret\r\n" + 5000 * "DELE 1\r\nRSET\r\n" + "QUIT\r\n")
            count = 0
            while c.line() is not None:
                count += 1
            self.assertGreaterEqual(count, 10000)

    def test_wrong_commands(self):
        """A session has so many, fewer before its login, and then it ends."""
        login = f'l LOGIN "{self.suite.address("alice")}" "{self.suite.password("alice")}"\r\n'
        for where, begins, port, wrong, said, end, most in (("before", "", "imaps", "x BAD", "x BAD", "* BYE", 10),
                                                            ("after", login, "imaps", "x BAD", "x BAD", "* BYE", 100),
                                                            ("POP3", "", "pop3s", "BAD", "-ERR", "-ERR", 21)):
            with self.row(f"errors {where}"), Wire(self.suite, port, tls=True) as c:
                c.line()
                c.send(begins)
                while begins and not c.line().startswith("l OK"):
                    pass
                c.send((most + 50) * (wrong + "\r\n"))
                for _ in range(most):
                    self.assertTrue(c.line().startswith(said))
                self.assertTrue(c.line().startswith(end))
                self.assertIsNone(c.line())

    def test_nothing_is_read(self):
        self.ask_without_reading("O7 CAPA", Wire(self.suite, "pop3"), "CAPA\r\n", "\r\n.\r\n")
        self.ask_without_reading("I48", Wire(self.suite, "imap"), "a CAPABILITY\r\n", "\r\na OK ")
        c = Wire(self.suite, "pop3")
        c.send("USER alice@example.test\r\nPASS alice-secret\r\n")
        self.assertEqual([c.line()[:3] for _ in range(3)], ["+OK"] * 3)
        self.ask_without_reading("O7 UIDL", c, "UIDL\r\n", "\r\n.\r\n")

    def test_messages(self):
        """Each is taken or refused; what was taken is told in IMAP's grammar, and the session lives."""
        for name, octets in MESSAGES:
            with self.row(name), self.session() as c:
                c.ask("CREATE m", "OK")
                c.send(f"m APPEND m {{{len(octets)}+}}\r\n")
                c.send(octets + b"\r\n")
                answer = c.answer("m")
                self.assertRegex(answer or "", "^(OK|NO|BAD)")
                if answer.startswith("OK"):
                    c.ask("SELECT m", "OK")
                    c.ask("FETCH 1 (ENVELOPE BODYSTRUCTURE BODY)", "OK")
                    self.assertTrue(c.untagged[0].startswith("* 1 FETCH ("))
                    c.ask("FETCH 1 (BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)] BODY.PEEK[1.1.1] RFC822.SIZE)", "OK")
                    c.ask("SEARCH OR SUBJECT x OR FROM y BODY z", "OK")
                    c.ask("CLOSE", "OK")
                c.ask("DELETE m", "OK")


if __name__ == "__main__":
    unittest.main()
