#!/usr/bin/env python3
"""What imapd and pop3d make of the mail store's answers, and lookup of root's: many, late, refusals, and such that do not
fit what was announced or asked. The test plays the neighbours and the client."""

import select
import unittest

from alone import BUILD, Alone
from mail_alone import MODSEQ, Client, MailServer, ranges

SIZE = 10
CORRUPTION = 9    # enum am_code
MESSAGE = 60000
WAITING = 32 << 20      # LIMIT_CHANNEL_OUT


class Answers(unittest.TestCase):
    name = None

    def setUp(self):
        self.server = MailServer(self.name)
        self.client = Client(self.server)

    def tearDown(self):
        self.client.close()
        if self.server.process.poll() is None:
            self.server.stop()

    def login(self):
        raise NotImplementedError

    def test_what_opens_too_late_is_closed(self):
        self.login()
        request, _ = self.server.expect("am_open")
        self.server.mailbox.send("am_no", request=request, text="later")
        self.client.until("a NO" if self.name == "imapd" else "-ERR")
        self.server.mailbox.send("am_opened", request=request, handle=9)
        self.assertEqual(self.server.expect("am_close")[1]["handle"], 9)

    def end_with(self, reply, line, request, **values):
        """The order to stop, and behind it an answer that is there as soon."""
        def speak():
            self.server.parent.send("pa_stop")
            line.send(reply, request=request, **values)
        self.server.at_once(speak)
        self.assertEqual(self.server.process.wait(20), 0, self.server.output())
        self.server.close()

    def test_an_answer_to_a_login_at_the_end(self):
        self.login_begins()
        request, _ = self.server.expect("al_login", self.server.lookup)
        self.end_with("al_login_is", self.server.lookup, request, account="alice@example.test", token=bytes(16))


class Pop3(Answers):
    name = "pop3d"

    def login_begins(self):
        self.client.say("USER alice@example.test")
        self.client.line()
        self.client.say("PASS x")

    def login(self):
        self.login_begins()
        self.server.grant()

    def size(self, request, uids):
        for uid in uids:
            self.server.mailbox.send("am_message", request=request, uid=uid, size=SIZE)
        self.server.mailbox.send("am_ok", request=request, modseq=MODSEQ)

    def open(self, uids, gone=()):
        """A login whose maildrop has those messages; some are gone when their sizes are asked for."""
        self.login()
        self.server.answer("am_open", "am_opened", handle=3)
        self.server.show(uids)
        left = [u for u in uids if u not in gone]
        asked = 0
        while asked < len(uids):
            request, values = self.server.expect("am_fetch")
            part = ranges(values["uids"])
            asked += sum(last - first + 1 for first, last in part)
            first, last = part[0][0], part[-1][1]
            self.size(request, [u for u in left if first <= u <= last])
        self.assertEqual(self.client.line(), f"+OK {len(left)} messages, {len(left) * SIZE} octets")

    def test_the_last_messages_are_gone_already(self):
        self.open([1, 2, 3], gone=[2, 3])
        self.client.say("STAT")
        self.assertEqual(self.client.line(), f"+OK 1 {SIZE}")

    def mark_all(self, count):
        self.client.sock.sendall(b"".join(b"DELE %d\r\n" % n for n in range(1, count + 1)))
        for _ in range(count):
            self.assertTrue(self.client.line().startswith("+OK"))
        self.client.say("QUIT")

    def test_quit_removes_all_of_many(self):
        uids = list(range(1, 2 * 8000, 2))      # no two side by side: as many ranges
        self.open(uids)
        self.mark_all(len(uids))
        removed = []
        while len(removed) < len(uids):
            asked = self.server.answer("am_expunge", "am_ok", modseq=MODSEQ + 1)
            removed += [first for first, _ in ranges(asked["uids"])]
        self.assertEqual(removed, uids)
        self.assertTrue(self.client.line().startswith("+OK"))

    def test_quit_tells_that_some_were_not_removed(self):
        uids = list(range(1, 2 * 8000, 2))
        self.open(uids)
        self.mark_all(len(uids))
        self.server.answer("am_expunge", "am_ok", modseq=MODSEQ + 1)
        self.server.answer("am_expunge", "am_no", text="no room")
        self.assertTrue(self.client.line().startswith("-ERR"))

    def test_answers_at_the_end(self):
        for command, verb, reply in (("RETR 1", "am_fetch", "am_ok"), ("RETR 1", "am_fetch", "am_no"),
                                     ("QUIT", "am_expunge", "am_ok")):
            with self.subTest(command, reply=reply):
                self.open([1, 2])
                if command == "QUIT":
                    self.client.say("DELE 1")
                    self.client.line()
                self.client.say(command)
                request, _ = self.server.expect(verb)
                self.end_with(reply, self.server.mailbox, request)
                self.client.close()
                self.setUp()

    def test_a_message_that_is_not_what_was_announced(self):
        """The size was told at login; an empty or a cut body is a message that cannot be read."""
        self.open([1, 2])
        for body in (b"", b"a: b\r\n", b"a: b\r\n\r\nand more\r\n"):
            self.client.say("RETR 1")
            request, _ = self.server.expect("am_fetch")
            self.server.mailbox.send("am_message", request=request, uid=1, size=len(body), octets=body)
            self.server.mailbox.send("am_ok", request=request, modseq=MODSEQ)
            self.assertRegex(self.client.line(), r"^-ERR \[SYS/PERM\]")
        self.client.say("RETR 1")
        self.server.answer("am_fetch", "am_ok", modseq=MODSEQ)
        self.assertRegex(self.client.line(), "^-ERR the message was removed")
        self.client.say("RETR 1")
        self.server.answer("am_fetch", "am_no", code=CORRUPTION, text="the message cannot be read")
        self.assertRegex(self.client.line(), r"^-ERR \[SYS/PERM\]")
        self.client.say("TOP 2 0")
        request, _ = self.server.expect("am_fetch")
        self.server.mailbox.send("am_message", request=request, uid=2, size=SIZE, octets=b"a: b\r\n\r\nx\n")
        self.server.mailbox.send("am_ok", request=request, modseq=MODSEQ)
        self.assertEqual(self.client.until("."), [f"+OK {SIZE} octets", "a: b", "", "."])


    def whole(self, uid):
        return b"a: %03d\r\n\r\n" % uid      # SIZE octets

    def send_messages(self, uids, reply="am_ok", short=(), **values):
        """Answers the next request, which must be for those messages."""
        request, asked = self.server.expect("am_fetch")
        self.assertEqual([u for first, last in ranges(asked["uids"]) for u in range(first, last + 1)], list(uids))
        for uid in uids:
            octets = self.whole(uid)[:SIZE - (uid in short)]
            self.server.mailbox.send("am_message", request=request, uid=uid, size=SIZE, octets=octets)
        self.server.mailbox.send(reply, request=request, **(values or {"modseq": MODSEQ}))

    def retrieved(self, uid):
        self.assertEqual(self.client.until("."), [f"+OK {SIZE} octets", f"a: {uid:03}", "", "."])

    def test_who_reads_one_after_the_other_has_the_next_at_once(self):
        uids = [*range(1, 21), 30, 32]
        self.open(uids)
        self.client.say("RETR 1")
        self.send_messages([1])
        self.retrieved(1)
        self.client.say("RETR 2")
        self.send_messages(range(2, 19))
        self.retrieved(2)
        self.client.say("DELE 2")
        self.assertTrue(self.client.line().startswith("+OK"))
        for n in (3, 4, 4, 7):
            self.client.say(f"RETR {n}")
            self.retrieved(n)
        self.client.say("TOP 18 0")
        self.retrieved(18)
        self.client.say("DELE 21")
        self.assertTrue(self.client.line().startswith("+OK"))
        self.client.say("RETR 19")
        self.send_messages([19, 20])      # one that is to go is not asked for
        self.retrieved(19)
        self.client.say("RETR 5")      # what came before is gone
        self.send_messages([5])
        self.retrieved(5)
        self.client.say("RETR 20")
        self.send_messages([20])
        self.retrieved(20)

    def test_one_of_several_is_refused(self):
        self.open([1, 2, 3, 4])
        self.client.say("RETR 1")
        self.send_messages([1])
        self.retrieved(1)
        self.client.say("RETR 2")
        self.send_messages([2, 3, 4], "am_no", code=CORRUPTION, text="some of it cannot be read")
        self.send_messages([2])
        self.retrieved(2)
        self.client.say("RETR 3")
        self.send_messages([3, 4], short=[4])
        self.retrieved(3)
        self.client.say("RETR 4")      # what came of it was not the message
        self.send_messages([4], short=[4])
        self.assertRegex(self.client.line(), r"^-ERR \[SYS/PERM\]")


class Imap(Answers):
    name = "imapd"

    def login_begins(self):
        self.client.say("a LOGIN alice@example.test x")

    def login(self):
        self.login_begins()
        self.server.grant()

    def select(self, uids):
        self.login()
        self.server.answer("am_open", "am_opened", handle=3)
        self.client.until("a OK")
        self.client.say("b SELECT INBOX")
        self.server.show(uids)
        self.client.until("b OK")

    def changes(self, reply="am_ok", **values):
        return self.server.answer("am_changes", reply, **values)

    def quiet(self, seconds):
        with self.assertRaises(TimeoutError):
            self.server.mailbox.receive(seconds)

    def test_news_that_were_refused_are_asked_for_again(self):
        self.select([1, 2])
        self.server.mailbox.send("am_changed", handle=3, modseq=MODSEQ + 1)
        self.client.say("c NOOP")
        self.changes("am_no", text="later")
        self.assertEqual(self.client.until("c "), ["c OK nothing else happened"])
        self.client.say("d NOOP")
        request, _ = self.server.expect("am_changes")
        self.server.mailbox.send("am_gone", request=request, uids=b"\0\0\0\2")
        self.server.mailbox.send("am_ok", request=request, modseq=MODSEQ + 1)
        self.assertEqual(self.client.until("d ")[0], "* 2 EXPUNGE")

    def test_what_was_done_is_said_though_the_store_goes(self):
        """A client that heard NO would do it again."""
        self.select([1, 2])
        self.server.mailbox.send("am_changed", handle=3, modseq=MODSEQ + 1)
        self.client.say("c CREATE box")
        self.server.answer("am_create", "am_ok", modseq=MODSEQ)
        self.server.expect("am_changes")
        self.server.mailbox.close()
        self.assertTrue(self.client.line().startswith("c OK"))
        self.assertTrue(self.client.line().startswith("* BYE [UNAVAILABLE]"))

    def test_idle_asks_again_and_not_at_once(self):
        self.select([1, 2])
        self.client.say("c IDLE")
        self.client.until("+")
        self.server.mailbox.send("am_changed", handle=3, modseq=MODSEQ + 1)
        self.changes("am_no", text="later")
        self.quiet(1)
        request, _ = self.server.expect("am_changes")
        self.server.mailbox.send("am_gone", request=request, uids=b"\0\0\0\1")
        self.server.mailbox.send("am_ok", request=request, modseq=MODSEQ + 1)
        self.assertEqual(self.client.line(), "* 1 EXPUNGE")
        self.client.say("DONE")
        self.client.until("c OK")

    def test_a_message_that_cannot_be_read_is_not_empty(self):
        self.select([1, 2])
        for body in (b"", b"a: b\r\n"):
            self.client.say("c FETCH 1:2 BODY.PEEK[]")
            request, _ = self.server.expect("am_fetch")
            self.server.mailbox.send("am_message", request=request, uid=1, size=SIZE, octets=body)
            self.server.mailbox.send("am_message", request=request, uid=2, size=SIZE, octets=b"a: b\r\n\r\nx\n")
            self.server.mailbox.send("am_ok", request=request, modseq=MODSEQ)
            lines = self.client.until("c ")
            self.assertFalse([line for line in lines if line.startswith("* 1 FETCH")], lines)
            self.assertIn(f"* 2 FETCH (BODY[] {{{SIZE}}}", lines)
            self.assertRegex(lines[-1], r"^c NO \[CORRUPTION\]")
        self.client.say("d FETCH 1 BODY.PEEK[HEADER]")
        self.server.answer("am_fetch", "am_no", code=CORRUPTION, text="the message cannot be read")
        self.assertRegex(self.client.until("d ")[-1], r"^d NO \[CORRUPTION\]")

    def test_what_comes_behind_a_batch_unasked(self):
        """The mailbox process is cut off, and imapd lives."""
        for untimely, values in (("am_batch", {}), ("am_message", {"uid": 1, "size": SIZE})):
            with self.subTest(untimely):
                self.select([1, 2])
                self.client.say("c FETCH 1:2 RFC822.SIZE")
                request, _ = self.server.expect("am_fetch")

                def speak(request=request, untimely=untimely, values=values):
                    self.server.mailbox.send("am_batch", request=request)
                    self.server.mailbox.send(untimely, request=request, **values)
                self.server.at_once(speak)
                lines = self.client.until("* BYE")
                self.assertTrue(any(line.startswith("c NO [UNAVAILABLE]") for line in lines), lines)
                self.assertFalse([line for line in lines if "RFC822.SIZE" in line], lines)
                self.assertIsNone(self.server.process.poll(), self.server.output())
                self.tearDown()
                self.setUp()

    def test_what_cannot_be_read_ends_no_long_fetch(self):
        numbers = list(range(1, 2 * 8100, 2))      # more ranges than one request names
        self.select(list(range(1, 2 * 8100)))
        self.client.say(f"c FETCH {','.join(map(str, numbers))} RFC822.SIZE")
        self.server.answer("am_fetch", "am_no", code=CORRUPTION, text="some of it cannot be read")
        request, asked = self.server.expect("am_fetch")
        self.assertEqual(ranges(asked["uids"])[-1][1], numbers[-1])
        self.server.mailbox.send("am_message", request=request, uid=numbers[-1], size=SIZE)
        self.server.mailbox.send("am_ok", request=request, modseq=MODSEQ)
        self.assertEqual(self.client.line(), f"* {numbers[-1]} FETCH (RFC822.SIZE {SIZE})")
        self.assertRegex(self.client.line(), r"^c NO \[CORRUPTION\]")

    def test_a_fetch_that_cannot_go_on_ends(self):
        """So much waits for the mail store, which does not listen, that the order for more does not go."""
        self.select([1, 2])
        others = [Client(self.server, f"127.0.1.{1 + i // 40}") for i in range(WAITING // MESSAGE + 10)]
        for i, other in enumerate(others):
            other.say("a LOGIN alice@example.test x")
            self.server.grant()
            self.server.answer("am_open", "am_opened", handle=4 + i)
            other.until("a OK")
        self.client.say("c FETCH 1:2 RFC822.SIZE")
        request, _ = self.server.expect("am_fetch")
        for other in others:
            other.say(f"b APPEND INBOX {{{MESSAGE}+}}\r\n" + "x" * MESSAGE)
        refused, _, _ = select.select([other.sock for other in others], [], [], 20)
        self.assertTrue(refused, "all of it went")
        self.server.mailbox.send("am_batch", request=request)
        self.assertRegex(self.client.line(), r"^c NO \[UNAVAILABLE\]")
        for other in others:
            other.close()


class LookupAlone(Alone):
    program, user, state = BUILD / "smtpd/lookup/lookup", "_kurirl", "accounts"

    def send_conf(self):
        self.conf["accounts_path"] = f"{self.folder}/accounts/accounts.db"
        super().send_conf()


class Lookup(unittest.TestCase):
    def login(self, answer, **values):
        """What a user of the system hears whose password root judges so; None: nothing, and lookup ends."""
        lookup = LookupAlone()
        try:
            client = lookup.peer("listener")
            client.send("al_login", request=1, service=0, user="daemon", secret="x", client="192.0.2.1")
            name, request, values_asked, _ = lookup.parent.receive(20)
            self.assertEqual((name, values_asked["user"]), ("lp_check", "daemon"))
            lookup.parent.send(answer, request=request, **values)
            try:
                heard = client.receive(20)
            except ConnectionResetError:
                heard = None
            return heard and heard[2]["result"]
        finally:
            lookup.kill()

    def test_root_says_who_is_right(self):
        for result in (0, 1, 2):
            self.assertEqual(self.login("lp_checked", result=result), result)

    def test_an_answer_to_another_question_lets_nobody_in(self):
        self.assertNotEqual(self.login("lp_forward_is", result=0, content=b"x"), 0)


del Answers      # its tests are run by the two

if __name__ == "__main__":
    unittest.main()
