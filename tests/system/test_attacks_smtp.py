"""What attackers have sent to SMTP servers in the last twenty years, row by row; see attack.py for what each row asks
besides its answers. S rows go to the port for servers, U rows to submission."""

import base64
import os
import re
import socket
import ssl
import stat
import subprocess
import time
import unittest
import warnings
from pathlib import Path

from attack import POURED, PATIENCE, Attacks, Wire, descriptors, processor_time, reset
from suite import message, wait_until

GOOD, FAR = "alice@example.test", "mallory@far.test"
TOUCHED = "/tmp/kurir-was-here"
SYNTAX, UNKNOWN = "501", "550"
LIMIT = 35 << 20
GONE, PARTS, TRIES, RENEGOTIATIONS = 1000, 5, 60, 100


def b64(octets):
    return base64.b64encode(octets).decode()


def password(user, secret):
    return "AUTH PLAIN " + b64(f"\0{user}\0{secret}".encode())


# One command after EHLO, its answer, and the session is in step afterwards. MAIL comes first for RCPT.
COMMANDS = [
    ("S14", f"MAIL FROM:<a@b.test>\rRCPT TO:<{GOOD}>\r\n", "5.."),
    ("S15", "MAIL FROM:<a@b.test>\n", "500"),
    ("S16 mail", "MAIL FROM:<a\0b@c.test>\r\n", "501"),
    ("S16 noop", "NOOP\0x\r\n", "50[01]"),
    ("S16 rcpt", f"RCPT TO:<alice\0@example.test>\r\n", "501"),
    ("S19 empty", "EHLO \r\n", "501"),
    ("S19 script", "EHLO <script>\r\n", "501"),
    ("S19 terminal", "EHLO a\x1b[2Jb\r\n", "501"),
    ("S19 address", "EHLO [IPv6:::::]\r\n", "501"),
    ("S22 open", f"RCPT TO:<{GOOD}\r\n", SYNTAX),
    ("S22 double", f"RCPT TO:<<{GOOD}>>\r\n", SYNTAX),
    ("S22 behind", f"RCPT TO:<{GOOD}> x\r\n", "5(01|55)"),
    ("S22 list", f"RCPT TO:<{GOOD}>,<{FAR}>\r\n", SYNTAX),
    ("S22 close", f"RCPT TO:{GOOD}>\r\n", SYNTAX),
    ("S23 null", "RCPT TO:<>\r\n", "5.."),
    ("S23 empty", 'RCPT TO:<""@example.test>\r\n', "5.."),
    ("S23 quote", 'RCPT TO:<"a\\"@example.test>\r\n', "5.."),
    ("S23 bracket", "RCPT TO:<a@[127.0.0.1>\r\n", "5.."),
    ("S23 colons", f"RCPT TO:<a@[IPv6:{300 * ':'}]>\r\n", "5.."),
    ("S24", "MAIL FROM:<;touch${IFS}" + TOUCHED + ";>\r\n", "501"),
    ("S25", "RCPT TO:<|touch${IFS}" + TOUCHED + "@example.test>\r\n", "5.."),
    ("S26", f'RCPT TO:<"|touch {TOUCHED}"@example.test>\r\n', UNKNOWN),
    ("S27", f"RCPT TO:</tmp/M@example.test>\r\n", UNKNOWN),
    ("S28", 'RCPT TO:<":include:/etc/passwd"@example.test>\r\n', UNKNOWN),
    ("S29", "RCPT TO:<`touch${IFS}" + TOUCHED + "`@example.test>\r\n", UNKNOWN),
    ("S30 up", 'RCPT TO:<"../../../etc/x"@example.test>\r\n', UNKNOWN),
    ("S30 over", "RCPT TO:<alice/../bob@example.test>\r\n", "5.."),
    ("S30 home", "RCPT TO:<~root@example.test>\r\n", UNKNOWN),
    ("S30 dot", "RCPT TO:<.@example.test>\r\n", SYNTAX),
    ("S30 dots", "RCPT TO:<..@example.test>\r\n", SYNTAX),
    ("S31 run", "RCPT TO:<${run{/bin/touch" + TOUCHED + "}}@example.test>\r\n", "5.."),
    ("S31 shell", "RCPT TO:<$(id)@example.test>\r\n", "5.."),
    ("S32", "RCPT TO:<%{user}%u%n%s%1000000u@example.test>\r\n", UNKNOWN),
    ("S33 sql", "RCPT TO:<\"' OR 1=1 --\"@example.test>\r\n", UNKNOWN),
    ("S33 ldap", 'RCPT TO:<"*)(uid=*"@example.test>\r\n', UNKNOWN),
    ("S34", "RCPT TO:<-oX@example.test>\r\n", UNKNOWN),
    ("S36 up", "RCPT TO:<alice+../../x@example.test>\r\n", "(250|5..)"),
    ("S36 slash", "RCPT TO:<alice+a/b@example.test>\r\n", "(250|5..)"),
    ("S37 local 255", f"RCPT TO:<{255 * 'a'}@example.test>\r\n", UNKNOWN),
    ("S37 local 256", f"RCPT TO:<{256 * 'a'}@example.test>\r\n", "5.. 5.1.[37]"),
    ("S37 domain 256", f"RCPT TO:<a@{64 * 'abc.'}test>\r\n", "5.."),
    ("S37 label 64", f"RCPT TO:<a@{64 * 'a'}.test>\r\n", "5.."),
    ("S38 cut", "RCPT TO:<a\xc3@b.test>\r\n", "5.."),
    ("S38 overlong", "MAIL FROM:<a\xc0\xaf@b.test> SMTPUTF8\r\n", "5.."),
    ("S38 surrogate", "MAIL FROM:<a\xed\xa0\x80@b.test> SMTPUTF8\r\n", "5.."),
    ("S38 turned", "MAIL FROM:<a\xe2\x80\xae@b.test> SMTPUTF8\r\n", "5.."),
    ("S39", "MAIL FROM:<\xc3\xbc@b.test>\r\n", "5.."),
    ("S40 huge", "MAIL FROM:<a@b.test> SIZE=99999999999999999999999\r\n", "5(01|52)"),
    ("S40 negative", "MAIL FROM:<a@b.test> SIZE=-1\r\n", "501"),
    ("S40 float", "MAIL FROM:<a@b.test> SIZE=4e9\r\n", "501"),
    ("S40 twice", "MAIL FROM:<a@b.test> SIZE=1 SIZE=2\r\n", "501"),
    ("S40 empty", "MAIL FROM:<a@b.test> SIZE=\r\n", "501"),
    ("S41 body", "MAIL FROM:<a@b.test> BODY=9BIT\r\n", "5(01|55)"),
    ("S41 ret", "MAIL FROM:<a@b.test> RET=EVIL\r\n", "501"),
    ("S41 unknown", "MAIL FROM:<a@b.test> FOO=1\r\n", "555"),
    ("S41 notify", f"RCPT TO:<{GOOD}> NOTIFY=NEVER,FAILURE\r\n", "501"),
    ("S41 twice", f"RCPT TO:<{GOOD}> NOTIFY=NEVER NOTIFY=NEVER\r\n", "501"),
    ("S42 envid line", "MAIL FROM:<a@b.test> ENVID=a+0D+0AX:+20y\r\n", "501"),
    ("S42 envid hex", "MAIL FROM:<a@b.test> ENVID=+ZZ\r\n", "501"),
    ("S42 orcpt line", f"RCPT TO:<{GOOD}> ORCPT=rfc822;a+0D+0Ab\r\n", "501"),
    ("S42 orcpt long", f"RCPT TO:<{GOOD}> ORCPT=rfc822;{501 * 'a'}\r\n", "501"),
    ("S42 auth line", "MAIL FROM:<a@b.test> AUTH=a+0Ab\r\n", "5(01|55)"),
    ("S44 rcpt", f"RCPT TO:<{GOOD}>\r\n", "503"),
    ("S44 data", "DATA\r\n", "503"),
    ("S50 noop", f"NOOP {490 * 'x'}\r\n", "(250|501)"),
    ("S50 help", f"HELP {490 * 'x'}\r\n", "(214|250|501|504)"),
    ("S50 rset", f"RSET {490 * 'x'}\r\n", "(250|501)"),
    ("S62 argument", "STARTTLS now\r\n", "501"),
    ("S64", f"RCPT TO:<{FAR}>\r\n", "550 5.7.1"),
    ("S65", "RCPT TO:<mallory%far.test@example.test>\r\n", UNKNOWN),
    ("S66", "RCPT TO:<mallory%far.test>\r\n", "5.."),
    ("S67", "RCPT TO:<far.test!mallory@example.test>\r\n", UNKNOWN),
    ("S68", "RCPT TO:<far.test!mallory>\r\n", "5.."),
    ("S69", f"RCPT TO:<@example.test:{FAR}>\r\n", "550 5.7.1"),
    ("S70", f"RCPT TO:<@a.test,@example.test:{FAR}>\r\n", "550 5.7.1"),
    ("S71", f'RCPT TO:<"{FAR}"@example.test>\r\n', UNKNOWN),
    ("S72", f'RCPT TO:<"{FAR}">\r\n', "5.."),
    ("S73", f"RCPT TO:<{FAR}@example.test>\r\n", "5.."),
    ("S74", "RCPT TO:<a@example.test@far.test>\r\n", "5.."),
    ("S75", "RCPT TO:<mallory@far.test.>\r\n", "5.."),
    ("S76", "RCPT TO:<mallory@[192.0.2.7]>\r\n", "550 5.7.1"),
    ("S77", "RCPT TO:<postmaster>\r\n", "250"),
]

# Several commands in a row, each with its answer.
ORDERS = [
    ("S43", [("VRFY alice", "25[02]"), ("VRFY nobody", "25[02]"), ("EXPN alice", "50.")]),
    ("S44 mail twice", [("MAIL FROM:<a@b.test>", "250"), ("MAIL FROM:<a@b.test>", "503")]),
    ("S44 none left", [("MAIL FROM:<a@b.test>", "250"), (f"RCPT TO:<{FAR}>", "550"), ("DATA", "5(03|54)")]),
    ("S45", [("MAIL FROM:<a@b.test>", "250"), (f"RCPT TO:<{GOOD}>", "250"), ("EHLO x.test", "250"), ("DATA", "503")]),
    ("S46", [("MAIL FROM:<a@b.test> SIZE=999999999", "552"), (f"RCPT TO:<{GOOD}>", "503"), ("DATA", "503")]),
    ("S47", [("MAIL FROM:<a@b.test>", "250"), (f"RCPT TO:<{GOOD}>", "250"), ("VRFY <\xc3\xbc@x>", "(252|5..)"),
             ("RSET", "250")]),
    ("S48", [("MAIL FROM:<a@b.test>", "250"), (f"RCPT TO:<{GOOD}>", "250"), ("BDAT x", "5.."), ("RSET", "250")]),
    ("S61", [("MAIL FROM:<a@b.test>", "250"), ("STARTTLS", "(220|503)")]),
    ("S64 null sender", [("MAIL FROM:<>", "250"), (f"RCPT TO:<{FAR}>", "550 5.7.1")]),
    ("S64 our sender", [(f"MAIL FROM:<{GOOD}>", "250"), (f"RCPT TO:<{FAR}>", "550 5.7.1")]),
    ("S77 null sender", [("MAIL FROM:<>", "250"), (f"RCPT TO:<{GOOD}>", "250"), ("RSET", "250")]),
]

# AUTH under TLS on submission; what follows the first line is answered with each of the rest.
AUTHS = [
    ("U2 signs", ["AUTH PLAIN !!!!"], "501"),
    ("U2 short", ["AUTH PLAIN AGF"], "501"),
    ("U2 octet", ["AUTH PLAIN \xff"], "50[01]"),
    ("U3 two more", ["AUTH PLAIN " + b64(b"\0alice@example.test\0alice-secret\0x")], "5(01|35)"),
    ("U3 no nul", ["AUTH PLAIN " + b64(b"alice")], "5(01|35)"),
    ("U3 only nuls", ["AUTH PLAIN " + b64(b"\0\0")], "5(01|35)"),
    ("U3 nul first", ["AUTH PLAIN " + b64(b"\0alice@example.test\0\0alice-secret")], "5(01|35)"),
    ("U4 root", ["AUTH PLAIN " + b64(b"root\0alice@example.test\0alice-secret")], "535"),
    ("U4 bob", ["AUTH PLAIN " + b64(b"bob@example.test\0alice@example.test\0alice-secret")], "535"),
    ("U5 star", ["AUTH LOGIN", "*"], "501"),
    ("U5 command", ["AUTH LOGIN", "MAIL FROM:<a@b.test>"], "501"),
    ("U6 external", ["AUTH EXTERNAL ="], "504"),
    ("U6 ntlm", ["AUTH NTLM"], "504"),
    ("U6 cram", ["AUTH CRAM-MD5"], "504"),
    ("U6 nosuch", ["AUTH NOSUCH"], "504"),
    ("U6 none", ["AUTH"], "501"),
    ("U7 line", ["AUTH PLAIN " + b64(b"\0alice\nx\0alice-secret")], "5(01|35)"),
    ("U7 tab", ["AUTH PLAIN " + b64(b"\0alice\tuid=0\0alice-secret")], "535"),
    ("U7 pipe", ["AUTH PLAIN " + b64(b"\0alice|x\0alice-secret")], "535"),
    ("U7 expansion", ["AUTH PLAIN " + b64(b"\0%u%{env:HOME}\0alice-secret")], "535"),
    ("U7 up", ["AUTH PLAIN " + b64(b"\0../alice\0alice-secret")], "535"),
    ("U7 slash", ["AUTH PLAIN " + b64(b"\0alice/\0alice-secret")], "535"),
    ("U7 octet", ["AUTH PLAIN " + b64(b"\0\xff\0alice-secret")], "5(01|35)"),
]


class Smtp(Wire):
    def __init__(self, suite, port="smtp", tls=False, hello=True, source=""):
        super().__init__(suite, port, tls, source)
        assert self.reply().startswith("220")
        if hello:
            self.ask("EHLO attacker.test", "250")

    def reply(self):
        """The last line of a reply, all of whose lines are fit to be seen; None when it closed."""
        while True:
            line = self.line()
            if line is None:
                return None
            assert len(line) <= 510 and line.isprintable() and line.isascii(), f"unfit reply {line!r}"
            assert line[:3].isdigit() and line[3:4] in (" ", "-", ""), f"no reply: {line!r}"
            if line[3:4] != "-":
                return line

    def ask(self, command, expected):
        self.send(command + "\r\n")
        return self.expect(expected, command)

    def expect(self, expected, what):
        reply = self.reply()
        assert reply is not None and re.match(expected, reply), f"{what[:80]!r} got {reply!r}, not {expected}"
        return reply

    def in_step(self):
        self.ask("NOOP", "250")
        self.silence(0.05)


class SmtpAttacks(Attacks):
    def is_served(self):
        try:
            with Smtp(self.suite) as client:
                client.ask("MAIL FROM:<a@b.test>", "250")
                client.ask(f"RCPT TO:<{GOOD}>", "250")
                client.ask("QUIT", "221")
        except (AssertionError, OSError) as e:
            return str(e) or repr(e)

    def setUp(self):
        if os.path.exists(TOUCHED):
            os.unlink(TOUCHED)

    def tearDown(self):
        self.assertFalse(os.path.exists(TOUCHED), "a command was run")

    def test_commands(self):
        for name, command, expected in COMMANDS:
            with self.row(name), Smtp(self.suite) as c:
                if command.startswith("RCPT") and not name.startswith("S44"):
                    c.ask("MAIL FROM:<a@b.test>", "250")
                c.send(command)
                c.expect(expected, command)
                c.in_step()
        log = self.suite.log()
        self.assertNotIn("\x1b", log)
        self.assertNotIn("<script>\n", log)

    def test_orders(self):
        for name, steps in ORDERS:
            with self.row(name), Smtp(self.suite) as c:
                for command, expected in steps:
                    reply = c.ask(command, expected)
                if not reply.startswith("220"):
                    c.in_step()

    def test_auth(self):
        for i, (name, lines, expected) in enumerate(AUTHS):
            # From many addresses: one that guesses wrong has to wait longer and longer.
            with self.row(name), Smtp(self.suite, "smtps", tls=True, source=f"127.0.1.{i + 1}") as c:
                for line in lines[:-1]:
                    c.ask(line, "334")
                c.ask(lines[-1], expected)
                c.in_step()

    def test_auth_again_and_again(self):
        with self.row("U8"), Smtp(self.suite, "smtps", tls=True) as c:
            c.ask("AUTH PLAIN " + b64(b"\0alice@example.test\0alice-secret"), "235")
            c.ask("AUTH PLAIN " + b64(b"\0alice@example.test\0alice-secret"), "503")
            c.ask("MAIL FROM:<alice@example.test>", "250")
            c.ask("AUTH LOGIN", "503")
        with self.row("U10"), Smtp(self.suite, "smtps", tls=True) as c:
            replies = []
            for _ in range(30):
                c.send("AUTH PLAIN " + b64(b"\0alice@example.test\0wrong") + "\r\n")
                replies.append(c.reply())
                if replies[-1] is None or replies[-1].startswith("421"):
                    break
            self.assertLess(len(replies), 12, replies)
            self.assertFalse([r for r in replies if r and r.startswith("235")])

    def test_auth_of_one_troubles_no_other(self):
        with self.row("U12"), Smtp(self.suite, "smtps", tls=True, source="127.0.2.1") as good:
            good.ask("AUTH LOGIN", "334")
            with Smtp(self.suite, "smtps", tls=True, source="127.0.2.2") as bad:
                for _ in range(3):
                    bad.ask("AUTH LOGIN", "334")
                    bad.ask("!!!!", "501")
            good.ask(b64(b"alice@example.test"), "334")
            good.ask(b64(b"alice-secret"), "235")

    def test_gone_while_the_password_is_checked(self):
        """Half of them close, half reset; who comes meanwhile gets the descriptors of those, and no answer meant for them."""
        listener, = self.suite.pids("listener")
        lookup, = self.suite.pids("lookup")
        before, spent = descriptors(listener), processor_time(lookup)
        with self.row("U9"):
            for i in range(GONE):
                c = Smtp(self.suite, "smtps", tls=True, source=f"127.3.{i // 250}.{i % 250 + 1}")
                c.send(password("alice@example.test", f"wrong-{i}") + "\r\n")
                if i % 2:
                    reset(c.sock)
                else:
                    c.close()
                if i % 50 == 0:
                    with Smtp(self.suite) as stranger:
                        stranger.silence(0.05)
                        stranger.ask("NOOP", "250")
            wait_until(lambda: descriptors(listener) <= before + 1, 120, "descriptors to be given back")
            self.assertGreater(processor_time(lookup) - spent, 0.001 * GONE, "their passwords were checked")
            with Smtp(self.suite, "smtps", tls=True, source="127.0.2.3") as c:
                c.ask(password("alice@example.test", "alice-secret"), "235")
                c.silence()

    def test_who_exists_is_not_told(self):
        """The answers are the same, and cost the same; a clock beside other work would not say so reliably. Caches that others
        use, and a processor that is lent out, make work dearer and never cheaper: the best of several parts counts."""
        lookup, = self.suite.pids("lookup")
        replies, spent = {}, {}
        with self.row("U11"):
            for part in range(PARTS):
                for k, user in enumerate(("alice@example.test", "nobody@example.test")):
                    start = processor_time(lookup)
                    # All wait together, each as long as a first mistake of its address must.
                    clients = [Smtp(self.suite, "smtps", tls=True, source=f"127.{4 + k}.{part}.{i + 1}") for i in range(TRIES)]
                    for i, c in enumerate(clients):
                        c.send(password(user, f"wrong-{i}") + "\r\n")
                    replies.setdefault(user, set()).update(c.reply() for c in clients)
                    for c in clients:
                        c.close()
                    spent.setdefault(user, []).append(processor_time(lookup) - start)
            known, unknown = replies.values()
            self.assertEqual(len(known), 1, known)
            self.assertEqual(known, unknown)
            self.assertTrue(known.pop().startswith("535"))
            cost = min(spent["nobody@example.test"]) / min(spent["alice@example.test"])
            self.assertTrue(0.7 < cost < 1.4, f"an unknown user costs {cost:.2f} times what a wrong password does")

    def test_long_lines(self):
        with self.row("S17"), Smtp(self.suite) as c:
            c.send("NOOP " + (1 << 20) * "x" + "\r\n")
            self.assertIn((c.reply() or "closed")[:3], ("500", "421", "clo"))
        with self.row("U2 long"), Smtp(self.suite, "smtps", tls=True) as c:
            c.send("AUTH PLAIN " + b64(200 * 1024 * b"a") + "\r\n")
            self.assertIn((c.reply() or "closed")[:3], ("500", "421", "clo"))
        with self.row("S18"), Smtp(self.suite) as c:
            c.send((8 << 20) * "x")
            replies = []
            while (reply := c.reply()) is not None:
                replies.append(reply)
            self.assertLessEqual(len(replies), 2, "it closed, and said so once")

    def test_data_ends_where_it_ends(self):
        with self.row("S13"), Smtp(self.suite) as c:
            c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            c.ask("MAIL FROM:<a@b.test>", "250")
            c.ask(f"RCPT TO:<{GOOD}>", "250")
            c.ask("DATA", "354")
            for octet in b"Subject: octets\r\n\r\nslow\r\n":
                c.send(bytes([octet]))
            c.send(".")
            time.sleep(0.5)
            c.silence(0.05)
            c.send("\r\n")
            c.expect("250", "the end of data")
            c.in_step()

    def test_what_is_cut_off_is_not_stored(self):
        for name, end in (("S57 body", b"x"), ("S57 line", b"x\r\n"), ("S57 dot", b"x\r\n."), ("S57 cr", b"x\r\n.\r")):
            with self.row(name):
                before = len(self.suite.bodies("bob"))
                with Smtp(self.suite) as c:
                    c.ask("MAIL FROM:<a@b.test>", "250")
                    c.ask("RCPT TO:<bob@example.test>", "250")
                    c.ask("DATA", "354")
                    c.send(b"Subject: cut\r\n\r\n" + end)
                    c.sock.shutdown(socket.SHUT_WR)
                    replies = []
                    while (reply := c.reply()) is not None:
                        replies.append(reply)
                    self.assertFalse([r for r in replies if r.startswith("250")], replies)
                self.suite.wait_queue_empty()
                self.assertEqual(len(self.suite.bodies("bob")), before)

    def test_more_than_the_limit(self):
        """What a client says about the size is not believed, and what is too much is read and thrown away."""
        # Nothing that a file system could make small.
        block = b"".join(base64.b64encode(os.urandom(768))[:1022] + b"\r\n" for _ in range(1024))
        with self.row("S84"), Smtp(self.suite) as c:
            c.ask("MAIL FROM:<a@b.test> SIZE=100", "250")
            c.ask(f"RCPT TO:<{GOOD}>", "250")
            c.ask("DATA", "354")
            kept = []
            for _ in range(4 * LIMIT // len(block)):
                c.send(block)
                kept.append(self.kept())
            c.send(".\r\n")
            c.expect("552", "too much")
            self.assertTrue(LIMIT / 2 < max(kept) < LIMIT + (2 << 20), f"it held {max(kept)} octets")
            c.in_step()
            wait_until(lambda: self.kept() < 1 << 20, 10, "the room to be given back")

    def kept(self):
        """Octets that the suite holds on disk, in files that have a name or none."""
        files = {f for p in self.suite.processes() for f in Path(f"/proc/{p['pid']}/fd").glob("*")}
        files |= set((self.suite.folder / "queue").rglob("*"))
        sizes = {}
        for f in files:
            try:
                st = f.stat()
            except OSError:
                continue
            if stat.S_ISREG(st.st_mode) and f.resolve().is_relative_to(self.suite.folder):
                sizes[st.st_dev, st.st_ino] = st.st_blocks * 512
        return sum(sizes.values())

    def test_other_protocols(self):
        for name, octets in (("S58 post", b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"), ("S58 get", b"GET / HTTP/1.1\r\n\r\n"),
                             ("S58 connect", b"CONNECT x:25 HTTP/1.1\r\n\r\n"), ("S59 hello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + 500 * b"a"),
                             ("S59 noise", bytes(range(256)) * 40)):
            with self.row(name), Smtp(self.suite, hello=False) as c:
                c.send(octets)
                c.sock.shutdown(socket.SHUT_WR)
                replies = []
                while (reply := c.reply()) is not None:
                    replies.append(reply)
                self.assertFalse([r for r in replies if r[0] in "23" and not r.startswith("221")], replies)

    def test_starttls(self):
        with self.row("S60"), Smtp(self.suite) as c:
            c.send("STARTTLS\r\nMAIL FROM:<i@x.test>\r\nNO")
            c.expect("220", "STARTTLS")
            c.rest = b""
            c.start_tls()
            c.silence()
            c.ask("RCPT TO:<alice@example.test>", "503")
            c.ask("STARTTLS", "50[0-9]")
        with self.row("S59 garbage"), Smtp(self.suite) as c:
            c.ask("STARTTLS", "220")
            c.send(500 * b"a" + b"\r\nNOOP\r\n")
            c.sock.settimeout(20)
            try:
                while block := c.sock.recv(4096):
                    self.assertNotIn(b"250", block)
            except ConnectionError:
                pass

    def test_renegotiation(self):
        with self.row("S63 renegotiation"):
            for _ in range(RENEGOTIATIONS):
                client = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect",
                    f"{self.suite.host}:{self.suite.port['smtps']}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT)
                while not (line := client.stdout.readline()).startswith(b"220 "):
                    self.assertTrue(line, "no greeting")
                client.stdin.write(b"R\n")
                client.stdin.flush()
                # It takes the refusal for the end.
                said = client.stdout.read()
                client.stdin.close()
                client.stdout.close()
                self.assertNotEqual(client.wait(PATIENCE), 0)
                self.assertIn(b"RENEGOTIATING", said)
                self.assertIn(b"no renegotiation", said)

    def handshake(self, port, context, session=None):
        """A session over TLS with that context, greeted."""
        plain = Smtp(self.suite, port, hello=False) if port == "smtp" else None
        if plain:
            plain.ask("STARTTLS", "220")
            sock = plain.sock
        else:
            sock = socket.create_connection((self.suite.host, self.suite.port[port]), PATIENCE)
        try:
            tls = context.wrap_socket(sock, server_hostname="localhost", session=session)
        except BaseException:
            sock.close()
            raise
        # Tickets come with the first octets.
        if plain:
            tls.sendall(b"NOOP\r\n")
        self.assertRegex(tls.recv(4096), b"^2[25]0 ")
        return tls

    def test_versions_and_protocols_of_tls(self):
        for port in ("smtp", "smtps"):
            for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
                context = self.suite.tls()
                context.set_ciphers("DEFAULT@SECLEVEL=0")
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    context.minimum_version = context.maximum_version = version
                with self.row(f"S63 {version.name} {port}"), self.assertRaises(ssl.SSLError) as refused:
                    self.handshake(port, context)
                self.assertIn("alert protocol version", str(refused.exception))
            context = self.suite.tls()
            context.set_alpn_protocols(["h2", "http/1.1"])
            with self.row(f"S63 h2 {port}"), self.assertRaises(ssl.SSLError) as refused:
                self.handshake(port, context)
            self.assertIn("alert no application protocol", str(refused.exception))

    def test_tickets_open_one_door(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.suite.tls()
            context.minimum_version = context.maximum_version = version
            for here, there in (("smtp", "smtps"), ("smtps", "smtp")):
                with self.row(f"S63 ticket {version.name} {here}"):
                    with self.handshake(here, context) as first:
                        ticket = first.session
                    with self.handshake(here, context, ticket) as again:
                        self.assertTrue(again.session_reused, "a ticket is good where it was given")
                    with self.handshake(there, context, ticket) as other:
                        self.assertFalse(other.session_reused)

    def test_fields_are_not_injected(self):
        with self.row("S20"), Smtp(self.suite, hello=False) as c:
            before = len(self.suite.bodies("bob"))
            c.send("EHLO x\nX-Injected: y\r\n")
            c.expect("500", "a bare LF")
            c.expect("50[03]", "what stands behind it")
            c.ask("EHLO x\rX-Injected: y", "50[01]")
            c.ask("HELO x.test", "250")
            c.ask("MAIL FROM:<a@b.test>", "250")
            c.ask("RCPT TO:<bob@example.test>", "250")
            c.ask("DATA", "354")
            c.ask("Subject: plain\r\n\r\nx\r\n.", "250")
            self.assertNotIn(b"X-Injected", self.suite.wait_messages("bob", before + 1)[-1])

    def test_nothing_after_quit(self):
        with self.row("S50 quit"), Smtp(self.suite) as c:
            c.send("QUIT\r\nMAIL FROM:<a@b.test>\r\n")
            c.expect("221", "QUIT")
            self.assertIsNone(c.reply())

    def test_loops(self):
        for count, lines, answer in ((100, 1, "250"), (101, 1, "554 5.4.6"), (101, 100000, "554 5.4.6")):
            with self.row(f"S78 {count} {lines}"), Smtp(self.suite) as c:
                c.ask("MAIL FROM:<a@b.test>", "250")
                c.ask(f"RCPT TO:<{GOOD}>", "250")
                c.ask("DATA", "354")
                c.send(count * "Received: from a by b\r\n" + "Subject: loop\r\n\r\n" + lines * "x\r\n" + ".\r\n")
                c.expect(answer, f"{count} Received")
                c.in_step()

    def test_floods(self):
        with self.row("S79"), Smtp(self.suite) as c:
            c.ask("MAIL FROM:<a@b.test>", "250")
            c.send(1100 * f"RCPT TO:<{GOOD}>\r\n")
            codes = [c.reply()[:3] for _ in range(1100)]
            self.assertEqual(codes.index("452"), 1000)
            self.assertEqual(set(codes[:1000]), {"250"})
            c.in_step()
        with self.row("S80 errors"), Smtp(self.suite) as c:
            c.send(1000 * "BAD\r\n")
            replies = []
            while (reply := c.reply()) is not None:
                replies.append(reply[:3])
            self.assertLess(len(replies), 60)
            self.assertEqual(replies[-1], "421")
        with self.row("S80 idle"), Smtp(self.suite) as c:
            idle = ["RSET", "NOOP", "VRFY alice", "NOOP"] * 25
            mail = ["MAIL FROM:<a@b.test>", f"RCPT TO:<{GOOD}>", "DATA", "Subject: x\r\n\r\nx\r\n."]
            for command in idle[:99] + mail + idle:     # EHLO is one, and a message begins the count anew
                c.ask(command, "25[02]|354")
            c.ask("NOOP", "421 4.7.0")
            self.assertIsNone(c.reply())
        with self.row("S81"):
            held = [socket.create_connection((self.suite.host, self.suite.port["smtp"]), timeout=20) for _ in range(500)]
            self.assertIsNone(self.is_served())
            for s in held:
                s.close()

    def test_nothing_is_read(self):
        """The listener has an end of its patience besides, so not every answer comes."""
        with self.row("S82 unread") as row, Smtp(self.suite) as c:
            c.pour("EHLO x.test\r\n", POURED)
            row.check_memory()

    def test_resets(self):
        talk = f"EHLO x.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<{GOOD}>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.".encode()
        with self.row("S83"):
            listener = self.suite.pids("listener")[0]
            before = len(os.listdir(f"/proc/{listener}/fd"))
            for cut in range(0, len(talk), max(1, len(talk) // 60)):
                s = socket.create_connection((self.suite.host, self.suite.port["smtp"]), timeout=20)
                s.sendall(talk[:cut])
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                s.close()
            wait_until(lambda: len(os.listdir(f"/proc/{listener}/fd")) <= before + 1, 20, "descriptors to be given back")
            self.suite.wait_queue_empty()

    def test_backscatter_has_one_end(self):
        """A message from nobody that cannot be delivered is dropped, not answered."""
        with self.row("S78 bounce"):
            with self.suite.smtp() as client:
                client.sendmail("", [GOOD], message("", GOOD, "from nobody"))
            self.suite.wait_queue_empty()


if __name__ == "__main__":
    unittest.main()
