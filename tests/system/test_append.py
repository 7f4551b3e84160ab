#!/usr/bin/env python3
"""APPENDs that a client sends one after the other without waiting: they go to the mail store before the first of them is
answered, and their responses come in the order of the commands. The test plays lookup, mailbox and the client; the last
ones have a whole suite, with a mail store that dies and a client that goes."""

import os
import re
import signal
import socket
import time
import unittest

from mail_alone import MODSEQ, Client, MailServer, record
from suite import Suite, message, wait_until
from test_imap import Raw

MOST = 16               # LIMIT_IMAP_APPENDS
OVERQUOTA, TRYCREATE = 5, 7
LARGE = 70000           # more than LIMIT_INLINE
TEXT = "Subject: x\r\n\r\nx\r\n"


class InFlight(unittest.TestCase):
    def setUp(self):
        self.server = MailServer("imapd")
        self.client = Client(self.server)
        self.client.say("a LOGIN alice@example.test x")
        self.server.grant()
        self.server.answer("am_open", "am_opened", handle=3)
        self.client.until("a OK")

    def tearDown(self):
        self.client.close()
        if self.server.process.poll() is None:
            self.server.stop()

    def append(self, *tags, box="INBOX", text=TEXT, behind=""):
        self.client.sock.sendall("".join(f"{t} APPEND {box} {{{len(text)}+}}\r\n{text}\r\n" for t in tags).encode() +
                                 behind.encode())

    def expect(self, count):
        """The ids of so many requests to append, none of which was answered."""
        return [self.server.expect("am_append")[0] for _ in range(count)]

    def stored(self, request, uid):
        self.server.mailbox.send("am_appended", request=request, uidvalidity=7, uid=uid)

    def refused(self, request, code, text="no"):
        self.server.mailbox.send("am_no", request=request, code=code, text=text)

    def quiet(self):
        with self.assertRaises(TimeoutError):
            self.server.mailbox.receive(0.5)

    def test_answers_come_in_the_order_of_the_commands(self):
        self.append("b", "c", "d")
        first, second, third = self.expect(3)
        self.stored(third, 3)
        self.stored(second, 2)
        self.stored(first, 1)
        self.assertEqual([self.client.line() for _ in range(3)],
                         [f"{t} OK [APPENDUID 7 {n}] stored" for n, t in enumerate("bcd", 1)])

    def test_what_fails_stops_none_behind_it(self):
        self.append("b", "c")
        self.append("d", text="")
        self.append("e", box="nowhere")
        first, second, last = self.expect(3)
        self.refused(last, TRYCREATE)
        self.refused(first, OVERQUOTA)
        self.assertRegex(self.client.line(), r"^b NO \[OVERQUOTA\]")
        self.stored(second, 1)
        self.assertEqual(self.client.line(), "c OK [APPENDUID 7 1] stored")
        self.assertEqual(self.client.line(), "d NO the message is empty")
        self.assertRegex(self.client.line(), r"^e NO \[TRYCREATE\]")

    def test_only_so_many_go_ahead(self):
        self.append(*(f"b{i}" for i in range(MOST + 4)))
        requests = self.expect(MOST)
        self.quiet()
        self.stored(requests[0], 1)
        self.assertEqual(self.client.line(), "b0 OK [APPENDUID 7 1] stored")
        requests += self.expect(1)
        self.quiet()
        for uid, request in enumerate(requests[1:], 2):
            self.stored(request, uid)
        for uid, request in enumerate(self.expect(3), MOST + 2):
            self.stored(request, uid)
        self.assertEqual(self.client.until(f"b{MOST + 3} OK")[-1], f"b{MOST + 3} OK [APPENDUID 7 {MOST + 4}] stored")

    def test_a_command_of_another_kind_waits(self):
        for command, verb in (("STATUS INBOX (MESSAGES)", "am_status"), ("LIST \"\" *", "am_list")):
            with self.subTest(command):
                self.append("b", "c", behind=f"d {command}\r\n")
                first, second = self.expect(2)
                self.stored(first, 1)
                self.client.until("b OK")
                self.quiet()
                self.stored(second, 2)
                self.client.until("c OK")
                self.server.answer(verb, "am_no", text="later")
                self.client.until("d NO")

    def test_so_does_one_that_is_wrong(self):
        for wrong in ("d APPEND\r\n", "d APPEND INBOX {1+}\n", "\r\n", "d NOSUCH {2+}\r\nab\r\n", f"d APPEND INBOX {{{len(TEXT)}}}\r\n"):
            with self.subTest(wrong):
                self.append("b", behind=wrong)
                request, = self.expect(1)
                time.sleep(0.2)
                self.stored(request, 1)
                self.assertEqual(self.client.line(), "b OK [APPENDUID 7 1] stored")
                self.assertRegex(self.client.line(), r"^(d BAD|\* BAD|\* BYE|\+ )")
                self.tearDown()
                self.setUp()

    def test_a_large_message_among_small_ones(self):
        self.append("b")
        first, = self.expect(1)
        self.append("c", text=TEXT + "x" * LARGE)
        request, _ = self.server.expect("am_spool")
        fd = os.memfd_create("spool")
        self.server.mailbox.send("am_spooled", request=request, spool=1, fd=fd)
        os.close(fd)
        second, = self.expect(1)
        self.stored(second, 2)
        self.append("d")
        third, = self.expect(1)
        self.stored(third, 3)
        self.quiet()
        self.stored(first, 1)
        self.assertEqual([self.client.line()[:4] for _ in range(3)], ["b OK", "c OK", "d OK"])

    def select(self):
        self.client.say("s SELECT INBOX")
        self.server.show([])
        self.client.until("s OK")

    def test_exists_comes_before_the_answer(self):
        self.select()
        self.append("b", "c")
        first, second = self.expect(2)
        self.server.at_once(lambda: (self.stored(first, 1), self.stored(second, 2)))
        request, _ = self.server.expect("am_changes")
        self.server.mailbox.send("am_messages", request=request, records=record(1) + record(2))
        self.server.mailbox.send("am_ok", request=request, modseq=MODSEQ + 2)
        self.assertEqual(self.client.until("c OK"), ["* 2 EXISTS", "* 0 RECENT", "b OK [APPENDUID 7 1] stored",
                                                     "c OK [APPENDUID 7 2] stored"])

    def test_what_is_answered_while_news_are_told_waits_for_them(self):
        self.select()
        self.append("b", "c")
        first, second = self.expect(2)
        self.stored(first, 1)
        request, _ = self.server.expect("am_changes")
        self.stored(second, 2)
        self.server.mailbox.send("am_messages", request=request, records=record(1))
        self.server.mailbox.send("am_ok", request=request, modseq=MODSEQ + 1)
        self.assertEqual(self.client.until("b OK")[0], "* 1 EXISTS")
        request, _ = self.server.expect("am_changes")
        self.server.mailbox.send("am_messages", request=request, records=record(2))
        self.server.mailbox.send("am_ok", request=request, modseq=MODSEQ + 2)
        self.assertEqual(self.client.until("c OK")[0], "* 2 EXISTS")

    def test_an_answer_does_not_wait_for_the_next_message(self):
        self.select()
        self.append("b", behind="c APPEND INBOX {20+}\r\nSubject")
        request, = self.expect(1)
        self.stored(request, 1)
        self.assertEqual(self.client.line(), "b OK [APPENDUID 7 1] stored")

    def test_the_store_goes_in_between(self):
        self.append("b", "c", "d")
        first, second, _ = self.expect(3)
        self.stored(second, 2)
        self.stored(first, 1)
        self.client.until("c OK")
        self.server.mailbox.close()
        self.assertRegex(self.client.line(), r"^d NO \[UNAVAILABLE\]")
        self.assertRegex(self.client.line(), r"^\* BYE \[UNAVAILABLE\]")

    def test_the_store_goes_with_an_answer_out_of_turn(self):
        self.append("b", "c")
        _, second = self.expect(2)
        self.stored(second, 2)
        self.server.mailbox.close()
        self.assertRegex(self.client.line(), r"^b NO \[UNAVAILABLE\]")
        self.assertEqual(self.client.line(), "c OK [APPENDUID 7 2] stored")
        self.assertRegex(self.client.line(), r"^\* BYE \[UNAVAILABLE\]")

    def test_a_client_that_goes_harms_nobody(self):
        self.append("b", "c", behind="d APPEND INBOX {20+}\r\nSub")
        first, second = self.expect(2)
        self.client.close()
        self.assertEqual(self.server.expect("am_close")[1]["handle"], 3)
        self.stored(first, 1)
        self.stored(second, 2)
        self.client = Client(self.server)
        self.client.say("a LOGIN alice@example.test x")
        self.server.grant()

    def test_one_that_has_said_all_hears_all(self):
        self.append("b", "c", behind="d LOGOUT\r\n")
        self.client.sock.shutdown(socket.SHUT_WR)
        first, second = self.expect(2)
        self.stored(second, 2)
        self.stored(first, 1)
        self.assertEqual([self.client.line()[:4] for _ in range(4)], ["b OK", "c OK", "* BY", "d OK"])


class Suites(unittest.TestCase):
    """What was said to be kept is there once, whatever dies."""

    def send(self, c, count):
        octets = [message("a@b.test", "c@d.test", f"number {i}") for i in range(count)]
        c.send(b"".join(b"p%d APPEND INBOX {%d+}\r\n%s\r\n" % (i, len(o), o) for i, o in enumerate(octets)))

    def subjects(self, suite):
        def look():
            try:
                c = Raw(suite, "alice", "INBOX")
            except (AssertionError, OSError):
                return None
            lines = c.ok("UID FETCH 1:* ENVELOPE")[:-1]
            c.close()
            return [(int(m[1]), int(m[2])) for line in lines if (m := re.search(rb'UID (\d+) .*?"number (\d+)"', line))]
        return wait_until(lambda: (found := look()) is not None and (found,), 15, "a login")[0]

    def test_the_numbers_rise_with_the_commands(self):
        with Suite() as s:
            c = Raw(s, "alice", "INBOX")
            self.send(c, 200)
            lines = c.until("p199")
            tagged = [line for line in lines if line.startswith(b"p")]
            self.assertEqual([line.split()[0] for line in tagged], [b"p%d" % i for i in range(200)])
            uids = [int(re.search(rb"APPENDUID \d+ (\d+)", line)[1]) for line in tagged]
            self.assertEqual(uids, sorted(uids))
            self.assertIn(b"* 200 EXISTS\r\n", lines)
            self.assertEqual(self.subjects(s), list(zip(uids, range(200))))
            c.close()

    def test_the_store_is_killed_in_between(self):
        with Suite() as s:
            for round_ in range(3):
                c = Raw(s, "alice")
                before = {uid for uid, _ in self.subjects(s)}
                self.send(c, 300)
                first = c.line()
                os.kill(s.pids("mailbox")[0], signal.SIGKILL)
                told = {int(m[2]): int(m[1]) for line in [first, *c.f] if (m := re.match(rb"p(\d+) OK \[APPENDUID \d+ (\d+)", line))}
                c.close()
                found = dict(p for p in self.subjects(s) if p[0] not in before)
                self.assertTrue(told, round_)
                for uid, number in told.items():
                    self.assertEqual(found.get(uid), number, (round_, uid))
                self.assertEqual(len(set(found.values())), len(found))


if __name__ == "__main__":
    unittest.main()
