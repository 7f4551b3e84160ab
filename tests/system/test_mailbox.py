"""The mail store's process alone, asked by several sessions at once: what overlaps must not mix."""

import os
import queue
import struct
import threading
import time
import unittest

from mailbox_alone import OCTETS, Mailbox, No

HEADER = 32           # WANT_HEADER of common/ipc/any_mailbox.h
SEARCH_TEXT = 17      # common/mail/search.h
ALL = struct.pack("!II", 1, 2**32 - 1)


def text_key(text):
    return bytes([SEARCH_TEXT]) + struct.pack("!I", len(text)) + text


class Sessions(unittest.TestCase):
    def setUp(self):
        self.mailbox = Mailbox()
        self.addCleanup(self.mailbox.kill)

    def sessions(self, count, account="alice@example.test"):
        made = [self.mailbox.session(account) for _ in range(count)]
        for s in made:
            s.view("INBOX")
        return made

    def answer(self, session, request):
        """The last message of an answer that was not waited for, and how many there were."""
        count = 0
        while True:
            name, of, _, _ = session.channel.receive(20)
            count += of == request
            if of == request and name in ("am_ok", "am_no"):
                return name, count

    def found(self, session, text):
        answer = session.ask("am_search", uids=ALL, program=text_key(text))
        return [uid for kind, values, _ in answer if kind == "am_found"
                for uid, in struct.iter_unpack("!I", values["uids"])]

    def test_a_search_that_outlasts_its_message_says_nothing_of_the_next(self):
        """A body's number comes again; what a search in the pool knew of the old one must not be kept for the new."""
        a, b = self.sessions(2)
        a.append("INBOX", b"Subject: large\r\n\r\n" + b"nothing of note\r\n" * 1500000)
        a.channel.send("am_search", request=1 << 30, handle=a.handle, uids=ALL, program=text_key(b"absent"))
        b.ask("am_expunge", uids=ALL, only_deleted=0)
        self.assertEqual(self.answer(a, 1 << 30)[0], "am_ok")
        _, uid = b.append("INBOX", b"Subject: small\r\n\r\nhere is the needle\r\n")
        self.assertEqual(self.found(b, b"needle"), [uid])
        self.mailbox.stop()

    def test_every_fetch_is_answered_however_many_come_at_once(self):
        """Answers may pile up; what does not fit any more must wait, for nobody asks for it again."""
        a, = self.sessions(1)
        for _ in range(6):
            a.append("INBOX", b"Subject: x\r\n\r\n" + os.urandom(30000).hex().encode())
        missing = {(1 << 30) + i: 6 for i in range(300)}
        asked = queue.Queue()

        def ask():      # as imapd does it, never waiting to be read before it reads
            for request in missing.copy():
                a.channel.send("am_fetch", request=request, handle=a.handle, uids=ALL, want=OCTETS)
            while request := asked.get():
                a.channel.send("am_more", request=request)

        asker = threading.Thread(target=ask, daemon=True)
        asker.start()
        time.sleep(1)      # they pile up
        while missing:
            name, request, _, _ = a.channel.receive(20)
            if name == "am_batch":
                asked.put(request)
            elif name == "am_message":
                missing[request] -= 1
            elif name == "am_ok":
                self.assertEqual(missing.pop(request), 0)
        asked.put(0)
        asker.join()
        self.mailbox.stop()

    def test_a_batch_holds_few_descriptors(self):
        """All sessions of imapd share its descriptors, and a slow client keeps those of a batch."""
        a, = self.sessions(1)
        for _ in range(40):
            a.append("INBOX", b"Subject: large\r\n\r\n" + 5000 * b"0123456789abcd\r\n")
        for want in (OCTETS, HEADER):
            a.channel.send("am_fetch", request=1 << 30, handle=a.handle, uids=ALL, want=want)
            batches = [0]
            while (message := a.channel.receive(20))[0] != "am_ok":
                if message[0] == "am_batch":
                    batches.append(0)
                    a.channel.send("am_more", request=1 << 30)
                elif message[0] == "am_message":
                    os.close(message[3])
                    batches[-1] += 1
            self.assertEqual(sum(batches), 40)
            self.assertLessEqual(max(batches), 16)

    def test_a_line_is_kept_with_both_its_ends(self):
        """POP3 sends CR LF, and told sizes that were smaller where a message had come with LF alone."""
        a, = self.sessions(1)
        small = b"Subject: x\n\nline\r\n\n"
        for octets in (small, small + 9000 * b"0123456789\n"):
            _, uid = a.append("INBOX", octets)
            expected = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            (_, values, fd), _ = a.ask("am_fetch", uids=struct.pack("!II", uid, uid), want=OCTETS)
            kept = values["octets"] if fd is None else os.pread(fd, 1 << 20, 0)
            self.assertEqual((values["size"], kept), (len(expected), expected))

    def test_one_account_does_not_have_all_the_spools(self):
        """Whoever begins large APPENDs and does not end them shall not keep the others from theirs."""
        many = self.sessions(21)
        for s in many[:20]:
            os.close(s.ask("am_spool")[0][2])
        with self.assertRaises(No):
            many[20].ask("am_spool")
        other, = self.sessions(1, "bob@example.test")
        os.close(other.ask("am_spool")[0][2])
        many[0].append("INBOX", b"Subject: x\r\n\r\n" + 9000 * b"0123456789\r\n")
        os.close(many[20].ask("am_spool")[0][2])


if __name__ == "__main__":
    unittest.main()
