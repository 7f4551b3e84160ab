"""IMAP against a running suite: what every client relies on, and what no client should send."""

import base64
import os
import random
import re
import signal
import socket
import struct
import time
import unittest

from suite import Suite, message, wait_until


class Raw:
    """A connection that says exactly what it is told."""

    def __init__(self, suite, user=None, select=None, receive_buffer=None):
        self.s = socket.socket()
        if receive_buffer:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.s.settimeout(20)
        self.s.connect((suite.host, suite.port["imap"]))
        self.f = self.s.makefile("rb")
        self.greeting = self.f.readline()
        self.n = 0
        if user:
            assert self.ok(f"LOGIN {suite.address(user)} {suite.password(user)}")
        if select:
            assert self.ok(f"SELECT {select}")

    def send(self, octets):
        self.s.sendall(octets if isinstance(octets, bytes) else octets.encode())

    def line(self):
        return self.f.readline()

    def until(self, tag):
        """All lines up to the tagged one, literals joined to their lines."""
        lines = []
        while True:
            line = self.f.readline()
            if not line:
                return lines + [b"(closed)"]
            while (m := re.search(rb"\{(\d+)\}\r\n$", line)):
                line += self.f.read(int(m[1])) + self.f.readline()
            lines.append(line)
            if line.startswith(tag.encode() + b" "):
                return lines

    def command(self, text):
        self.n += 1
        self.send(f"t{self.n} {text}\r\n")
        return self.until(f"t{self.n}")

    def reply(self, text):
        return self.command(text)[-1].split(b" ", 1)[-1]

    def ok(self, text):
        lines = self.command(text)
        assert lines[-1].split()[1:2] == [b"OK"], lines[-1]
        return lines

    def append(self, mailbox, octets, extra=""):
        self.n += 1
        self.send(f"t{self.n} APPEND {mailbox} {extra}{{{len(octets)}}}\r\n")
        line = self.line()
        if not line.startswith(b"+"):
            return line
        self.send(octets + b"\r\n")
        self.appended = self.until(f"t{self.n}")
        return self.appended[-1]

    def close(self):
        self.f.close()
        self.s.close()


def eml(subject, body="hello\r\n"):
    return message("a@example.test", "b@example.test", subject, body)


class Watched:
    """A session that keeps the UIDs by number, as clients do, from untagged replies alone."""

    def __init__(self, raw):
        self.raw, self.uids = raw, []

    def learn(self):
        self.uids = [int(u) for u in self.raw.ok("UID SEARCH ALL")[0].split()[2:]]

    def take(self, lines, command):
        for line in lines:
            if (m := re.match(rb"\* (\d+) EXPUNGE", line)):
                assert not command.startswith(("FETCH", "STORE", "SEARCH")), (command, line)
                del self.uids[int(m[1]) - 1]
            elif (m := re.match(rb"\* (\d+) EXISTS", line)):
                assert int(m[1]) >= len(self.uids), (command, line)
                self.uids += [None] * (int(m[1]) - len(self.uids))
            elif (m := re.match(rb"\* (\d+) FETCH \(.*?UID (\d+)", line)):
                assert self.uids[int(m[1]) - 1] in (None, int(m[2])), (command, line, self.uids)
                self.uids[int(m[1]) - 1] = int(m[2])

    def do(self, command):
        if command == "APPEND":
            assert b"APPENDUID" in self.raw.append("busy", eml("more"))
            self.take(self.raw.appended, command)
            command = "NOOP"
        self.take(self.raw.command(command), command)

    def check(self):
        """What the numbers stand for here is what the server thinks they are."""
        if self.uids:
            self.take(self.raw.ok("FETCH 1:* UID"), "FETCH")
            assert None not in self.uids and self.uids == sorted(set(self.uids)), self.uids


class Imap(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.suite.forget_freed_memory()
        cls.suite.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)

    def setUp(self):
        self.connections = []

    def tearDown(self):
        for c in self.connections:
            c.close()

    def raw(self, user=None, select=None, **more):
        c = Raw(self.suite, user, select, **more)
        self.connections.append(c)
        return c

    def box(self, name, messages=0):
        """A fresh mailbox of alice's with so many messages, and a session that has it selected."""
        c = self.raw("alice")
        c.ok(f"CREATE {name}")
        for i in range(messages):
            self.assertIn(b"APPENDUID", c.append(name, eml(f"number {i + 1}")))
        c.ok(f"SELECT {name}")
        return c

    # Before login.

    def expect(self, c, octets, *patterns):
        c.send(octets)
        for pattern in patterns:
            self.assertRegex(c.line(), pattern, octets[:60])

    def test_broken_commands_before_login(self):
        for octets, pattern in (
                (b'a LOGIN "x\0y" z\r\n', b"a BAD"), (b'a LOGIN "x\\\0" z\r\n', b"a BAD"),
                (b'a LOGIN "x\\\r\n', b"a BAD"), (b"a NOOP\ra2 LOGOUT\r\n", b"a BAD"), (b"a NOOP\n", b"a BAD"),
                (b"+ NOOP\r\n", rb"\* BAD"), (b"* NOOP\r\n", rb"\* BAD"), (b"a%( NOOP\r\n", rb"\* BAD|a BAD"),
                (b"\xc3\xbc NOOP\r\n", rb"\* BAD"), (b"\r\n", rb"\* BAD"), (b"a\r\n", b"a BAD"),
                (b"a NO\0OP\r\n", b"a BAD"), (b"a \xff\r\n", b"a BAD"), (b"DONE\r\n", b"DONE BAD"),
                (b"a LOGIN {4294967296}\r\n", b"a (BAD|NO)"), (b"a LOGIN {18446744073709551616}\r\n", b"a (BAD|NO)"),
                (b"a LOGIN {2147483648}\r\n", b"a (BAD|NO)"), (b"a LOGIN {10000000}\r\n", b"a (BAD|NO)"),
                (b"a LOGIN {-1}\r\n", b"a BAD"), (b"a LOGIN {}\r\n", b"a BAD"), (b"a LOGIN {0x10}\r\n", b"a BAD"),
                (b"a LOGIN {10\r\n", b"a BAD"), (b"a LOGIN 2}x\r\n", b"a BAD"),
                (b"a LOGIN {1000000000+}\r\n", rb"\* BYE"), (b"t" * 5000 + b" NOOP\r\n", rb"\* BAD"),
                (b"a ID " + b"(" * 5000 + b"\r\n", b"a BAD"), (b"a APPEND INBOX {20000000}\r\n", b"a BAD"),
                (b"a SELECT INBOX\r\n", b"a BAD"), (b"a FETCH 1 FLAGS\r\n", b"a BAD"), (b"a IDLE\r\n", b"a BAD"),
                (b"a AUTHENTICATE\r\n", b"a BAD"), (b"a AUTHENTICATE NOSUCH\r\n", b"a (BAD|NO)"),
                (b"a AUTHENTICATE EXTERNAL =\r\n", b"a (BAD|NO)"), (b"a AUTHENTICATE PLAIN !!!\r\n", b"a BAD"),
                (b"x" * 200000, rb"\* BYE")):
            with self.subTest(octets=octets[:40]):
                c = self.raw()
                self.expect(c, octets, pattern)
                if not pattern.startswith(rb"\* BYE"):
                    self.expect(c, b"z NOOP\r\n", b"z OK")
                c.close()
                self.connections.remove(c)

    def test_literals_that_never_end_are_cut_off(self):
        c = self.raw()
        try:
            for _ in range(5000):
                c.send(b"a LOGIN {4000+}\r\n" + b"x" * 4000)
        except OSError:
            pass
        try:
            answer = c.f.read()
        except OSError:
            return
        self.assertIn(b"BYE", answer)
        self.assertLess(len(answer), 4096)

    def test_too_many_errors_end_the_session(self):
        for user, most in ((None, 10), ("alice", 100)):
            c = self.raw(user)
            c.send(b"a NOSUCH\r\n" * 200)
            refused = 0
            try:
                while line := c.f.readline():
                    refused += line.startswith(b"a BAD")
            except ConnectionError:     # not a line that comes too late: then the session goes on
                pass
            self.assertLessEqual(refused, most)

    def test_patterns_of_one_list_are_bounded(self):
        c = self.raw("alice")
        for octets, end in ((2000, b"a OK"), (2001, b"a BAD")):
            patterns = [b"x" * 500] * 3 + [b"x" * (octets - 1500)]
            self.expect(c, b'a LIST "" (' + b" ".join(patterns) + b")\r\n", end)
        for patterns, end in ((100, b"a OK"), (101, b"a BAD")):
            self.expect(c, b'a LIST "" (' + b" ".join([b"x"] * patterns) + b")\r\n", end)

    def test_what_a_client_says_of_itself_is_bounded(self):
        c = self.raw("alice")
        for most, said in ((30, lambda n: " ".join(['"k" NIL'] * n)), (30, lambda n: f'"{n * "k"}" NIL'),
                           (1024, lambda n: f'"k" "{n * "v"}"')):
            self.assertRegex(c.reply(f"ID ({said(most)})"), b"^OK")
            self.assertRegex(c.reply(f"ID ({said(most + 1)})"), b"^BAD")

    def test_pipeline_behind_a_wrong_password(self):
        c = self.raw()
        c.send(f"a LOGIN {self.suite.address('alice')} wrong\r\nb SELECT INBOX\r\nc FETCH 1 BODY[]\r\n")
        self.assertRegex(c.line(), b"a NO \\[AUTHENTICATIONFAILED\\]")
        self.assertRegex(c.line(), b"b BAD")
        self.assertRegex(c.line(), b"c BAD")

    def test_starttls_discards_what_stands_behind_it(self):
        c = self.raw()
        c.send(b"a STARTTLS\r\nb LOGOUT\r\n")
        self.assertRegex(c.line(), b"a OK")
        t = self.suite.tls().wrap_socket(c.s, server_hostname=self.suite.host)
        t.settimeout(5)
        t.sendall(b"c NOOP\r\n")
        self.assertTrue(t.recv(100).startswith(b"c OK"))
        t.sendall(b"d STARTTLS\r\n")
        self.assertTrue(t.recv(100).startswith(b"d BAD"))
        t.close()

    def test_sasl_ir_and_continued_plain(self):
        import base64
        s = self.suite
        response = base64.b64encode(f"\0{s.address('alice')}\0{s.password('alice')}".encode())
        c = self.raw()
        self.expect(c, b"a AUTHENTICATE PLAIN " + response + b"\r\n", b"a OK")
        self.expect(c, b"b AUTHENTICATE PLAIN " + response + b"\r\n", b"b BAD")
        c = self.raw()
        self.expect(c, b"a AUTHENTICATE PLAIN\r\n", rb"\+ ")
        self.expect(c, response + b"\r\n", b"a OK")
        c = self.raw()
        self.expect(c, b"a AUTHENTICATE PLAIN\r\n", rb"\+ ")
        self.expect(c, b"*\r\n", b"a BAD")
        self.expect(c, b"b NOOP\r\n", b"b OK")

    # The commands.

    def test_capabilities_work(self):
        c = self.raw("alice")
        line = c.ok("CAPABILITY")[0]
        for word in (b"IMAP4rev1", b"IDLE", b"UIDPLUS", b"MOVE", b"NAMESPACE", b"UNSELECT"):
            self.assertIn(word, line)
        self.assertIn(b'(("" "/")) NIL NIL', c.ok("NAMESPACE")[0])
        self.assertEqual(c.ok("ENABLE JUNK")[0], b"* ENABLED\r\n")
        self.assertRegex(c.ok('ID ("name" "x" "version" NIL)')[0], rb'\* ID \("name"')
        self.assertRegex(c.reply("NAMESPACE x"), b"^BAD")

    def test_mailboxes(self):
        c = self.raw("bob")
        c.ok("CREATE boxes/one/")
        c.ok("CREATE boxes/&2D3cTA-")
        self.assertRegex(c.reply("CREATE boxes/one"), rb"NO \[ALREADYEXISTS\]")
        listed = b"".join(c.ok('LIST "" "boxes/%"'))
        self.assertIn(b"boxes/one", listed)
        self.assertIn(b"boxes/&2D3cTA-", listed)
        self.assertRegex(b"".join(c.ok('LIST "" "%"')), rb'\\HasChildren[^\r]*\) "/" "?boxes')
        self.assertEqual(c.ok('LIST "" ""')[0], b'* LIST (\\Noselect) "/" ""\r\n')
        c.ok("SUBSCRIBE boxes/one")
        self.assertRegex(b"".join(c.ok('LSUB "" "%"')), rb'\\Noselect\) "/" "?boxes')
        self.assertIn(b"boxes/one", b"".join(c.ok('LSUB "boxes/" "*"')))
        self.assertIn(b"\\Subscribed", b"".join(c.ok('LIST (SUBSCRIBED) "" *')))
        c.ok("UNSUBSCRIBE boxes/one")
        self.assertEqual(len(c.ok('LSUB "" "*one"')), 1)
        c.ok("RENAME boxes/one boxes/two")
        self.assertRegex(c.ok("STATUS boxes/two (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT SIZE)")[0],
                         rb"\* STATUS \"?boxes/two\"? \(MESSAGES 0 ")
        self.assertRegex(c.reply("STATUS boxes/two (EVIL)"), b"BAD")
        c.ok("DELETE boxes/two")
        self.assertRegex(c.reply("SELECT boxes/two"), b"NO")
        for name in ("../x", "/tmp/x", "&AC4ALgAv-x", "&2D0-", "&AGE-", "&AC", '""', "INBOX", "x" * 1100, '"*%"',
                     "~root/../x", "a/../../x"):
            self.assertRegex(c.reply(f"CREATE {name}"), b"^(NO|BAD)", name)
        self.assertRegex(c.reply("DELETE INBOX"), b"^NO")
        c.send(b"x CREATE {8}\r\n")
        self.assertRegex(c.line(), rb"^\+")
        c.send(b"a\r\n* OK \r\n")
        self.assertRegex(c.line(), b"^x NO")

    def test_a_deleted_parent_comes_back_empty(self):
        c = self.box("parent")
        c.ok("CREATE parent/child")
        one = eml("one of many")
        for _ in range(6):
            c.send((b"z APPEND parent {%d+}\r\n%s\r\n" % (len(one), one)) * 100)
            for _ in range(100):
                self.assertIn(b"APPENDUID", c.until("z")[-1])
        self.assertIn(b"* 600 EXISTS\r\n", c.ok("SELECT parent"), "mailbox keeps what it has read of so many")
        c.ok("UNSELECT")
        c.ok("DELETE parent")
        self.assertRegex(c.ok('LIST "" parent')[0], rb"\\Noselect")
        c.ok("CREATE parent (USE (\\Archive))")
        self.assertRegex(c.ok('LIST "" parent')[0], rb"\\Archive")
        self.assertIn(b"* 0 EXISTS\r\n", c.ok("SELECT parent"))

    def test_special_use(self):
        c = self.raw("bob")
        c.ok("CREATE Keep (USE (\\ARCHIVE))")
        c.ok("CREATE Kept (USE ())")
        for use in ("\\Noselect", "\\All", "\\Sent \\Trash", "\\Sent \\Nosuch"):
            self.assertRegex(c.reply(f"CREATE Special (USE ({use}))"), rb"^NO \[USEATTR\]", use)
        self.assertRegex(c.reply("CREATE Special (USE (Sent))"), rb"^BAD")
        self.assertEqual(len(c.ok('LIST "" Special')), 1, "what was refused was not made")
        self.assertIn(b"\\Archive", b"".join(c.ok('LIST "" Keep')))
        special = c.ok('LIST (SPECIAL-USE) "" "*" RETURN (CHILDREN SUBSCRIBED)')
        self.assertTrue(any(b"Keep" in l for l in special))
        self.assertFalse(any(b"INBOX" in l for l in special))

    def test_flags_and_keywords(self):
        c = self.box("flags", 3)
        lines = c.ok("STORE 2 +FLAGS (\\Seen \\Deleted $Work)")
        self.assertRegex(lines[-2], rb"^\* 2 FETCH \(FLAGS \(\\Deleted \\Seen (\\Recent )?\$Work\)\)")
        self.assertEqual(len(c.ok("STORE 2 -FLAGS.SILENT (\\Deleted)")), 1)
        line = c.ok("FETCH 2 FLAGS")[0]
        self.assertNotIn(b"\\Deleted", line)
        self.assertIn(b"$Work", line)
        c.ok("STORE 2 FLAGS ()")
        self.assertRegex(c.ok("FETCH 2 FLAGS")[0], rb"FLAGS \((\\Recent)?\)")
        for bad in ("+FLAGS \\Recent", "+FLAGS (\\Nosuch)", "+FLAGS (a]b)", "+FLAGS (a", "FLAGX (a)"):
            self.assertRegex(c.reply(f"STORE 1 {bad}"), b"^BAD", bad)
        self.assertRegex(c.reply("STORE 1 +FLAGS (" + "k" * 200 + ")"), rb"NO \[LIMIT\]")
        self.assertRegex(c.reply("STORE 4 +FLAGS (a)"), b"^BAD")
        c.ok("EXAMINE flags")
        self.assertRegex(c.reply("STORE 1 +FLAGS (a)"), rb"NO \[READ-ONLY\]")
        self.assertRegex(c.reply("EXPUNGE"), rb"NO \[READ-ONLY\]")
        c.ok("FETCH 1 BODY[]")
        self.assertNotIn(b"\\Seen", c.ok("FETCH 1 FLAGS")[0])

    def test_fetch(self):
        c = self.box("fetch", 2)
        line = c.ok("FETCH 1 (BODY[HEADER.FIELDS (SUBJECT)] BODY.PEEK[TEXT]<1.3> UID)")[0]
        self.assertIn(b"BODY[HEADER.FIELDS (SUBJECT)] {21}\r\nSubject: number 1\r\n\r\n", line)
        self.assertIn(b"BODY[TEXT]<1> {3}\r\nell UID 1", line)
        self.assertIn(b"\\Seen", line)
        self.assertNotIn(b"\\Seen", c.ok("FETCH 2 (BODY.PEEK[] FLAGS)")[0])
        full = c.ok("FETCH 2 FULL")[0]
        for word in (b"ENVELOPE (", b'BODY ("text"', b"INTERNALDATE", b"RFC822.SIZE"):
            self.assertIn(word.lower(), full.lower())
        both = c.ok("FETCH 1 (BODY BODYSTRUCTURE)")[0].lower()
        self.assertEqual(both.count(b'("text" "plain"'), 2)
        self.assertEqual(len(c.ok("UID FETCH 1:4294967295 (FLAGS)")), 3)
        self.assertIn(b"UID 2", c.ok("UID FETCH 99:* FLAGS")[0])
        self.assertEqual(len(c.ok("UID FETCH 99 FLAGS")), 1)
        c.ok("FETCH " + ",".join(["1:*"] * 2000) + " UID")
        for bad in ("0 UID", "4294967296 UID", "18446744073709551617 UID", "-1 UID", "1,,2 UID", "1: UID", "3 UID",
                    "1 BODY[", "1 BODY[0]", "1 BODY[]<0.0>", "1 BODY[]<-5.10>", "1 BODY[4294967297]", "1 " + "(" * 10000,
                    "1 BODY[HEADER.FIELDS ()]", "1 BODY[" + "1." * 1000 + "]", "1", ""):
            self.assertRegex(c.reply(f"FETCH {bad}"), b"^BAD", bad)
        self.assertIn(b"BODY[9] NIL", c.ok("FETCH 1 BODY[9]")[0])
        names = " ".join(f"x{i}" for i in range(9000))
        c.ok(f"FETCH 1 BODY.PEEK[HEADER.FIELDS ({names})]")

    def test_search(self):
        c = self.box("search", 12)
        c.ok("STORE 3,5 +FLAGS (\\Seen $x)")
        for keys, found in (("SEEN", b"3 5"), ("SUBJECT \"number 12\"", b"12"), ("2:4 UNSEEN", b"2 4"), ("UID 11:*", b"11 12"),
                            ("OR 1 2", b"1 2"), ("NOT 2:*", b"1"), ("KEYWORD $x", b"3 5"), ("(FROM a@example TO b@) 7", b"7"),
                            ("BODY hello 1", b"1"), ("TEXT nowhere", b""), ("HEADER Subject \"number 10\"", b"10"), ("HEADER \"\" number", b""),
                            ("NOT HEADER \"\" x 9", b"9"),
                            ("LARGER 1000000", b""), ("SMALLER 1000000 9", b"9"), ("SINCE 1-Jan-2020 8", b"8"),
                            ("BEFORE 1-Jan-2020", b""), ("CHARSET UTF-8 SUBJECT \"NUMBER 11\"", b"11"), ("FLAGGED", b"")):
            with self.subTest(keys=keys):
                self.assertEqual(c.ok(f"SEARCH {keys}")[0].split(b" ", 2)[2:] or [b"\r\n"],
                                 [found + b"\r\n"] if found else [b"\r\n"])
        c.ok("UID COPY 12 search")
        c.ok("STORE 1:3 +FLAGS (\\Deleted)")
        c.ok("EXPUNGE")
        self.assertEqual(c.ok("UID SEARCH 1:2")[0], b"* SEARCH 4 5\r\n")
        for bad in ("", "OR ALL", "NOT " * 5000 + "ALL", "(" * 20000, "SINCE 32-Foo-99999", "LARGER 18446744073709551616", "99"):
            self.assertRegex(c.reply(f"SEARCH {bad}".rstrip() if not bad else f"SEARCH {bad}"), b"^BAD|BYE", bad[:30])
        self.assertRegex(c.reply("SEARCH CHARSET X-EVIL ALL"), rb"NO \[BADCHARSET")

    def test_search_in_any_charset(self):
        """The converters lie in files, which mailbox cannot open behind its walls."""
        words = {"koi8-r": "привет", "windows-1251": "привет", "iso-8859-2": "žluťoučký", "iso-8859-15": "prix€", "gb2312": "你好世界",
                 "big5": "你好世界", "euc-kr": "안녕하세요", "iso-2022-jp": "こんにちは", "shift_jis": "こんにちは", "tis-620": "สวัสดี"}
        c = self.box("charsets")
        for charset, word in words.items():
            text = base64.b64encode(word.encode(charset)).decode()
            c.append("charsets", f"Subject: =?{charset}?b?{text}?=\r\nContent-Type: text/plain; charset={charset}\r\n"
                                 f"Content-Transfer-Encoding: base64\r\n\r\n{text}\r\n".encode())
        for n, (charset, word) in enumerate(words.items(), 1):
            for key in ("SUBJECT", "BODY"):
                found = c.ok(f"SEARCH {n} {key} {{{len(word.encode())}+}}\r\n{word}")[0]
                self.assertEqual(found, b"* SEARCH %d\r\n" % n, (charset, key))

    def test_copy_move_expunge(self):
        c = self.box("from", 5)
        c.ok("CREATE to")
        self.assertRegex(c.ok("COPY 1,3 to")[-1], rb"OK \[COPYUID \d+ 1,3 1:2\]")
        lines = c.ok("MOVE 2:3 to")
        self.assertRegex(lines[0], rb"\* OK \[COPYUID \d+ 2:3 3:4\]")
        self.assertEqual([l for l in lines if b"EXPUNGE" in l], [b"* 2 EXPUNGE\r\n", b"* 2 EXPUNGE\r\n"])
        self.assertRegex(c.reply("COPY 1 nowhere"), rb"NO \[TRYCREATE\]")
        self.assertRegex(c.reply("COPY 1 ../x"), b"^NO")
        c.ok("STORE 1:2 +FLAGS (\\Deleted)")
        self.assertEqual([l for l in c.ok("UID EXPUNGE 4:99") if b"EXPUNGE\r" in l], [b"* 2 EXPUNGE\r\n"])
        self.assertEqual([l for l in c.ok("UID EXPUNGE 5") if b"EXPUNGE\r" in l], [])
        c.ok("CLOSE")
        self.assertRegex(c.reply("FETCH 1 FLAGS"), b"^BAD")
        self.assertIn(b"MESSAGES 1)", c.ok("STATUS from (MESSAGES)")[0])
        c.ok("SELECT from")
        for _ in range(20):
            c.ok("COPY 1 from")
        self.assertIn(b"MESSAGES 21)", c.ok("STATUS from (MESSAGES)")[0])

    def test_append(self):
        c = self.box("append")
        self.assertRegex(c.append("append", eml("small"), '(\\Seen $k) "20-Nov-2026 22:51:17 +0100" '), rb"OK \[APPENDUID \d+ 1\]")
        self.assertIn(b"* 1 EXISTS\r\n", c.ok("NOOP") + [b"* 1 EXISTS\r\n"])
        line = c.ok("FETCH 1 (FLAGS INTERNALDATE)")[0]
        self.assertIn(b'"20-Nov-2026 21:51:17 +0000"', line)
        self.assertIn(b"$k", line)
        self.assertIn(b"\\Seen", line)
        big = eml("big", "0123456789abcdef\r\n" * 100000)
        self.assertRegex(c.append("append", big), rb"OK \[APPENDUID \d+ 2\]")
        self.assertNotRegex(c.ok("FETCH 2 FLAGS")[0], rb"\\Seen|\$k")
        self.assertIn(big, c.ok("FETCH 2 BODY.PEEK[]")[0])
        self.assertIn(b"BODY[TEXT]<18> {16}\r\n0123456789abcdef", c.ok("FETCH 2 BODY.PEEK[TEXT]<18.16>")[0])
        self.assertRegex(c.append("append", b"x" * 0), b"NO")
        self.assertRegex(c.append("append", eml("nul") + b"\0"), b"NO|BAD")
        self.assertRegex(c.append("append", big + b"\0"), b"NO|BAD")
        self.assertRegex(c.append("append", big), rb"OK \[APPENDUID \d+ 3\]")
        self.assertRegex(c.append("nowhere", eml("x")), rb"NO \[TRYCREATE\]")
        for size in (4294967295, 18446744073709551616, 40000000):
            self.assertRegex(c.reply(f"APPEND append {{{size}}}"), rb"^NO \[TOOBIG\]")
        for wrong in ('"no date" ', "(\\Nosuch) ", "(\\Seen ", "extra words "):
            c.send(f"q APPEND append {wrong}{{9+}}\r\na9 NOOP\r\n\r\nr NOOP\r\n")
            self.assertRegex(c.line(), b"^q (BAD|NO)", wrong)
            self.assertRegex(c.line(), b"^r OK", wrong)
            self.assertRegex(c.reply(f"APPEND append {wrong}{{9}}"), b"^(BAD|NO)")
        c.send(b"q APPEND append {5+}\r\nx: y\n {9+}\r\na9 NOOP\r\n\r\nr NOOP\r\n")
        self.assertRegex(c.line(), b"^q BAD")
        self.assertRegex(c.line(), b"^r OK")
        c.send(b"q APPEND {6+}\r\nappend {11+}\r\nSubject: s\n\r\n")
        self.assertRegex(c.until("q")[-1], b"^q OK")
        self.assertIn(b"MESSAGES 4)", c.ok("STATUS append (MESSAGES)")[0])

    # Several sessions.

    def test_expunge_waits_for_its_moment(self):
        one = self.box("moments", 4)
        two = self.raw("alice", "moments")
        one.ok("STORE 2 +FLAGS (\\Deleted)")
        one.ok("EXPUNGE")
        time.sleep(0.1)
        for quiet in ("FETCH 1:4 UID", "SEARCH ALL", "STORE 4 +FLAGS (x)"):
            self.assertFalse(any(b"EXPUNGE" in l for l in two.ok(quiet)), quiet)
        self.assertIn(b"UID 4", two.ok("FETCH 4 UID")[0])
        self.assertIn(b"* 2 EXPUNGE\r\n", two.ok("NOOP"))
        self.assertIn(b"UID 4", two.ok("FETCH 3 UID")[0])
        one.append("moments", eml("new"))
        self.assertIn(b"* 4 EXISTS\r\n", two.ok("NOOP"))
        one.ok("DELETE moments")
        self.assertRegex(one.f.read(), rb"\* BYE")
        two.send(b"z NOOP\r\n")
        self.assertRegex(two.f.read(), rb"\* BYE")

    def test_idle_tells_at_once(self):
        one = self.box("idle", 2)
        two = self.raw("alice", "idle")
        two.send(b"i IDLE\r\n")
        self.assertRegex(two.line(), rb"^\+")
        one.ok("STORE 1 +FLAGS (\\Deleted)")
        self.assertRegex(two.line(), rb"\* 1 FETCH \(FLAGS \(.*\\Deleted")
        one.ok("EXPUNGE")
        self.assertEqual(two.line(), b"* 1 EXPUNGE\r\n")
        one.append("idle", eml("new"))
        self.assertEqual(two.line(), b"* 2 EXISTS\r\n")
        self.assertRegex(two.line(), b"RECENT")
        two.send(b"DONE\r\n")
        self.assertRegex(two.line(), b"^i OK")
        two.send(b"i IDLE\r\n")
        self.assertRegex(two.line(), rb"^\+")
        two.send(b"j DELETE INBOX\r\nk NOOP\r\n")
        self.assertRegex(two.line(), b"^i BAD")
        self.assertRegex(two.line(), b"^k OK")

    def test_a_client_that_does_not_read_holds_nobody_up(self):
        c = self.box("slow")
        big = eml("big", "0123456789abcdef\r\n" * 200000)
        for _ in range(5):
            self.assertIn(b"OK", c.append("slow", big))
        slow = self.raw("alice", "slow", receive_buffer=4096)
        slow.send(b"f FETCH 1:* BODY.PEEK[]\r\n" + b"g NOOP\r\n")
        time.sleep(0.3)
        before = self.memory()
        c.ok("FETCH 1 BODY.PEEK[TEXT]")      # the other has read nothing yet
        self.assertLess(before, 400 * 1024)
        lines = slow.until("g")
        self.assertEqual(sum(len(l) for l in lines if b"BODY[]" in l[:60]) // len(big), 5)
        self.assertTrue(all(big in l for l in lines if b"BODY[]" in l[:60]))

    def test_a_client_that_hangs_up_between_two_batches_ends_its_own_session_alone(self):
        c = self.box("gone")
        for _ in range(40):
            self.assertIn(b"OK", c.append("gone", eml("big", "0123456789abcdef\r\n" * 6000)))
        pid = self.suite.pids("imapd")
        gone = self.raw("alice", "gone", receive_buffer=4096)
        gone.send(b"f FETCH 1:* BODY.PEEK[]\r\n")
        time.sleep(0.5)
        gone.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()
        time.sleep(0.5)
        c.ok("NOOP")
        self.assertEqual(self.suite.pids("imapd"), pid)

    def fetched_slowly(self, mailbox, items):
        """What a client that begins to read late gets of a message set, which outgrows all buffers on its way."""
        slow = self.raw("alice", mailbox, receive_buffer=4096)
        slow.send(f"f FETCH 1:* ({items})\r\n")
        time.sleep(0.5)
        return slow.until("f")

    def test_a_hundred_items_of_large_headers_are_made_as_the_client_takes_them(self):
        c = self.box("headers")
        header = b"".join(b"X-%d: %s\r\n" % (i, b"y" * 900) for i in range(1000))
        for _ in range(16):
            self.assertIn(b"OK", c.append("headers", header + b"\r\nbody\r\n"))
        item = "BODY.PEEK[HEADER.FIELDS.NOT (x)]"
        before, pid = self.memory(), self.suite.pids("imapd")
        slow = self.raw("alice", "headers", receive_buffer=4096)
        slow.send(f"f FETCH 1:16 ({' '.join(100 * [item])})\r\n")
        time.sleep(3)
        self.assertLess(self.memory() - before, 64 * 1024)
        c.ok("NOOP")
        slow.close()
        lines = self.fetched_slowly("headers", "UID " + " ".join(3 * [item]))
        self.assertEqual(len(lines), 17)
        self.assertTrue(all(line.count(header) == 3 and line.endswith(b")\r\n") for line in lines[:-1]))
        self.assertRegex(lines[-1], rb"^f OK")
        self.assertEqual(self.suite.pids("imapd"), pid)

    def test_what_waits_for_a_slow_client_is_the_message_it_was(self):
        """Messages that come inline are kept, and their parts found again, when their turn comes."""
        c = self.box("parts")
        sent = [eml(f"m{i}", f"{i:01000d}\r\n" * 50) for i in range(20)]
        for octets in sent:
            self.assertIn(b"OK", c.append("parts", octets))
        lines = self.fetched_slowly("parts", " ".join(["ENVELOPE", "BODYSTRUCTURE"] + 30 * ["BODY.PEEK[1]"]))
        self.assertEqual(len(lines), 21)
        for i, line in enumerate(lines[:-1]):
            self.assertIn(b'"m%d"' % i, line)
            self.assertEqual(line.count(f"{i:01000d}\r\n".encode() * 50), 30)

    def test_what_does_not_fit_the_index_is_told_in_full(self):
        c = self.box("long")
        part = "--b\r\nContent-Type: image/png; name=p%d\r\nContent-Disposition: attachment; filename=picture%d.png\r\n\r\nx\r\n"
        parts = "".join(part % (i, i) for i in range(1200))
        many = ",\r\n ".join(f"person{i}@example.test" for i in range(2400))
        for count in (1, 5000):  # small, and too large to come inline
            octets = (f"Subject: long\r\nTo: {many}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}"
                      f"--b--\r\n" + "behind the end\r\n" * count).encode()
            self.assertIn(b"OK", c.append("long", octets))
        for items in ("ENVELOPE BODY BODYSTRUCTURE", "BODYSTRUCTURE BODY.PEEK[HEADER] ENVELOPE"):
            for line in c.ok(f"FETCH 1:2 ({items})")[:2]:
                self.assertEqual(line.count(b'"person'), 2400)
                self.assertEqual(line.count(b'"picture'), 1200)
                self.assertIn(b'"picture1199.png"', line)
        self.assertEqual(c.ok("FETCH 1:2 BODY")[1].count(b'("image"'), 1200)
        # A short message, which comes inline, whose envelope is longer than itself.
        many = ",\r\n ".join(f"person{i}@example.test" for i in range(2000))
        self.assertIn(b"OK", c.append("long", f"Subject: long\r\nTo: {many}\r\n\r\nx\r\n".encode()))
        for items in ("ENVELOPE", "(BODY.PEEK[HEADER] ENVELOPE)"):
            self.assertEqual(c.ok(f"FETCH 3 {items}")[0].count(b'"person'), 2000, items)

    def test_a_fetch_of_flags_waits_for_the_client(self):
        c = self.box("wordy")
        for _ in range(100):
            self.assertIn(b"OK", c.append("wordy", eml("x")))
        c.ok(f"STORE 1:* +FLAGS.SILENT ({' '.join('k%d%s' % (i, 'k' * 90) for i in range(40))})")
        before = self.memory()
        slow = self.raw("alice", "wordy", receive_buffer=4096)
        slow.send(f"f FETCH 1:* ({' '.join(100 * ['FLAGS'])})\r\n")
        time.sleep(1)
        self.assertLess(self.memory() - before, 28 * 1024)
        self.assertEqual(sum(line.count(b"FLAGS (") for line in slow.until("f")), 10000)

    def test_a_store_of_many_keywords_is_told_as_the_client_takes_it(self):
        c = self.box("store")
        for _ in range(60):
            self.assertIn(b"OK", c.append("store", eml("x")))
        for _ in range(7):
            c.ok("COPY 1:* store")
        c.ok("NOOP")
        before = self.memory()
        slow = self.raw("alice", "store", receive_buffer=4096)
        idle = self.raw("alice", "store", receive_buffer=4096)
        idle.send(b"i IDLE\r\n")
        self.assertRegex(idle.line(), rb"^\+")
        slow.send(f"f STORE 1:* +FLAGS ({' '.join('k%d%s' % (i, 'k' * 90) for i in range(40))})\r\n")
        time.sleep(2)
        self.assertLess(self.memory() - before, 64 * 1024)
        lines = slow.until("f")
        self.assertEqual(sum(b"FETCH (FLAGS (" in line for line in lines), 60 * 128)
        self.assertRegex(lines[-1], b"^f OK")
        idle.send(b"DONE\r\n")
        told = {line.split()[1] for line in idle.until("i") if b"FETCH (FLAGS (" in line}
        self.assertEqual(len(told), 60 * 128)

    def memory(self):
        """KiB of imapd."""
        with open(f"/proc/{self.suite.pids('imapd')[0]}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def test_sequence_numbers_hold_among_busy_sessions(self):
        rng = random.Random(3)
        clients = [Watched(self.box("busy", 8))] + [Watched(self.raw("alice", "busy")) for _ in range(2)]
        for c in clients:
            c.learn()
        for _ in range(600):
            c = rng.choice(clients)
            n = len(c.uids)
            pick = rng.randint(1, n) if n else 0
            c.do(rng.choice([
                "NOOP", f"STORE {pick} +FLAGS (\\Deleted)", "EXPUNGE", f"FETCH {pick}:* (UID FLAGS)", f"COPY {pick} busy",
                f"UID SEARCH {pick}", f"MOVE {pick} busy", f"STORE {pick} FLAGS.SILENT (k{pick % 3})", "APPEND",
                "UID FETCH 1:* (FLAGS)", f"FETCH {pick} BODY[]"]) if n else "APPEND")
            c.check()

    def test_noise_harms_nobody(self):
        rng = random.Random(7)
        words = ["FETCH", "UID", "STORE", "SEARCH", "LIST", "APPEND", "INBOX", "1:*", "(", ")", "BODY[", "]", "{3}", "{3+}", '"',
                 "\\", "*", "%", "FLAGS", "NOT", "OR", "<0.5>", "HEADER.FIELDS", "1.2.3", "+FLAGS", "\\Seen", "&AOQ-", "noise", "CREATE",
                 "STATUS", "MESSAGES", "SELECT", "CLOSE", "COPY", "IDLE", "DONE", "CHARSET", "UTF-8", "\0", "\xff", "\r", "", "RETURN"]
        for _ in range(60):
            c = self.raw("bob", "INBOX")
            try:
                for n in range(40):
                    line = " ".join(rng.choice(words) for _ in range(rng.randint(1, 8)))
                    c.send(f"n{n} {rng.choice(words)} {line}\r\n".encode("latin-1"))
                c.s.shutdown(socket.SHUT_WR)
                c.f.read()
            except OSError:
                pass
            c.close()
            self.connections.remove(c)
        self.raw("bob").ok("NOOP")

    def test_every_answer_comes_in_order(self):
        c = self.box("order", 3)
        c.send(b"".join(f"p{i} {['NOOP', 'FETCH 1:* FLAGS', 'SEARCH ALL', 'STATUS INBOX (MESSAGES)'][i % 4]}\r\n".encode()
                        for i in range(400)))
        tags = [l.split()[0] for i in range(400) for l in c.until(f"p{i}")[-1:]]
        self.assertEqual(tags, [f"p{i}".encode() for i in range(400)])


class Restart(unittest.TestCase):
    def test_the_store_dies_and_imapd_lives_on(self):
        with Suite() as s:
            c = Raw(s, "alice", "INBOX")
            imapd = s.pids("imapd")
            os.kill(s.pids("mailbox")[0], signal.SIGKILL)
            self.assertIn(b"* BYE [UNAVAILABLE]", c.f.read())
            c.close()

            def again():
                try:
                    d = Raw(s, "alice", "INBOX")
                    d.close()
                    return True
                except (AssertionError, OSError):
                    return False
            wait_until(again, 15, "a login after the restart")
            self.assertEqual(s.pids("imapd"), imapd)

    def test_a_slow_client_is_told_between_two_items(self):
        with Suite() as s:
            c = Raw(s, "alice", "INBOX")
            header = b"".join(b"X-%d: %s\r\n" % (i, b"y" * 900) for i in range(1000))
            self.assertIn(b"OK", c.append("INBOX", header + b"\r\nbody\r\n"))
            slow = Raw(s, "alice", "INBOX", receive_buffer=4096)
            slow.send(f"f FETCH 1 ({' '.join(20 * ['BODY.PEEK[HEADER.FIELDS.NOT (x)]'])})\r\n")
            slow.s.recv(1, socket.MSG_PEEK)      # the first item has begun
            time.sleep(0.5)
            os.kill(s.pids("mailbox")[0], signal.SIGKILL)
            self.assertIn(b"* BYE", c.f.read(), "imapd knows")
            lines = slow.until("* BYE")
            self.assertIn(lines[0].count(header), range(1, 20))
            self.assertTrue(lines[0].endswith(b")\r\n"))
            self.assertTrue(lines[-1].startswith(b"* BYE"), lines[1:])
            c.close()
            slow.close()


if __name__ == "__main__":
    unittest.main()
