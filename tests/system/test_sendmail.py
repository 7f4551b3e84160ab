#!/usr/bin/env python3
"""The sendmail command as programs call it, and SMTP as programs on this machine speak it."""

import email
import os
import smtplib
import socketserver
import subprocess
import threading
import unittest

from suite import SMTPCTL, Suite, free_ports, wait_until

HOST = "127.0.0.1"


class Sink(socketserver.StreamRequestHandler):
    """Takes everything, and keeps what was said."""

    def handle(self):
        self.wfile.write(b"220 sink.test\r\n")
        while line := self.rfile.readline():
            self.server.said.append(line.decode().strip())
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-sink.test\r\n250-8BITMIME\r\n250 DSN\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go\r\n")
                octets = b""
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    octets += text[1:] if text.startswith(b".") else text
                self.server.messages.append(octets)
                self.wfile.write(b"250 2.0.0 kept\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


class Sendmail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sink = socketserver.ThreadingTCPServer((HOST, free_ports(1, HOST)[0]), Sink)
        cls.sink.said, cls.sink.messages, cls.sink.daemon_threads = [], [], True
        threading.Thread(target=cls.sink.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.sink.server_close)
        cls.addClassCleanup(cls.sink.shutdown)
        extra = f'action "sink" relay host smtp+notls://{HOST}:{cls.sink.server_address[1]}\n'
        match = ('match from any for domain { "example.test", "mail.example.test" } action "local"\n'
                 'match from local for any action "sink"\n')
        cls.suite = Suite(extra=extra, match=match)
        cls.suite.__enter__()
        cls.addClassCleanup(cls.suite.__exit__, None, None, None)
        cls.suite.ctl("account", "add", "carol@mail.example.test", stdin="carol-secret\n")
        (cls.suite.folder / "sendmail").symlink_to(SMTPCTL)

    def sendmail(self, *arguments, text="Subject: x\n\nx\n", code=0):
        environment = {"PATH": "/usr/bin:/bin", "KURIR_RUN": str(self.suite.folder / "run")}
        r = subprocess.run([self.suite.folder / "sendmail", *arguments], input=text, text=True, capture_output=True,
                           env=environment, timeout=60)
        self.assertEqual(r.returncode, code, r.stderr)
        return r

    def carols(self):
        import poplib
        c = poplib.POP3_SSL(HOST, self.suite.port["pop3s"], context=self.suite.tls(), timeout=60)
        c.user("carol@mail.example.test")
        c.pass_("carol-secret")
        try:
            return [b"\r\n".join(c.retr(i)[1]) for i in range(1, c.stat()[0] + 1)]
        finally:
            c.quit()

    def test_a_message_that_is_sent_on_goes_to_the_new_recipients_alone(self):
        before = len(self.suite.bodies("bob")), len(self.suite.bodies("alice"))
        self.sendmail("-t", "-i", text="Resent-To: Bob <bob@example.test>\nResent-Bcc: carol\nFrom: z@far.test\n"
                      "To: alice@example.test\nSubject: once more\n\nx\n")
        got = email.message_from_bytes(self.suite.wait_messages("bob", before[0] + 1)[-1])
        self.assertEqual(got["Subject"], "once more")
        self.assertIsNone(got["Resent-Bcc"])
        self.assertTrue(got["Resent-Date"] and got["Resent-Message-ID"] and got["Resent-From"])
        wait_until(lambda: any(b"once more" in m for m in self.carols()), 20, "carol's copy")
        self.suite.wait_queue_empty()
        self.assertEqual(len(self.suite.bodies("alice")), before[1])

    def test_an_argument_may_be_a_list_as_people_write_it(self):
        before = len(self.suite.bodies("bob")), len(self.suite.bodies("alice"))
        self.sendmail("-f", "Ann <ann@far.test>", "--", "Bob <bob@example.test>, alice@example.test,carol")
        got = self.suite.wait_messages("bob", before[0] + 1)[-1]
        self.assertIn(b"Return-Path: <ann@far.test>", got)
        self.suite.wait_messages("alice", before[1] + 1)

    def test_reports_are_asked_for(self):
        self.sendmail("-N", "failure,delay", "-R", "hdrs", "-V", "my id", "-f", "alice@example.test", "x@far.test")
        wait_until(lambda: "RCPT TO:<x@far.test> NOTIFY=FAILURE,DELAY" in self.sink.said, 20, "the message at the sink")
        self.assertIn("MAIL FROM:<alice@example.test> RET=HDRS ENVID=my+20id", self.sink.said)
        r = self.sendmail("-N", "often", "-R", "all of it", "bob@example.test")
        self.assertIn('-N "often" makes no sense', r.stderr)
        self.assertIn('-R "all of it" makes no sense', r.stderr)

    def test_options_that_programs_give(self):
        before = len(self.suite.bodies("bob"))
        many = (["-i", "-FCronDaemon", "-B8BITMIME", "-oem"], ["-h", "3", "-oi", "-odi"], ["-Am", "-G", "-v"],
                ["-O", "DeliveryMode=b", "-L", "tag", "-p", "SMTP:here"], ["-n", "-U", "-em", "-m"])
        for options in many:
            self.sendmail(*options, "bob@example.test")
        self.suite.wait_messages("bob", before + len(many))
        self.sendmail("-q")
        self.sendmail("-q5m")
        self.sendmail("-I")
        self.sendmail("-bp")
        self.sendmail("-bd", code=os.EX_USAGE)
        self.sendmail("-k", code=os.EX_USAGE)
        self.sendmail(code=os.EX_USAGE)
        self.sendmail("-t", code=os.EX_USAGE)
        self.sendmail("nobody@example.test", code=os.EX_NOUSER)

    def test_a_name_without_a_domain_is_of_this_host(self):
        before = len(self.carols())
        with self.suite.smtp() as c:
            c.sendmail("root", ["carol"], "Subject: from here\r\n\r\nx\r\n")
        got = wait_until(lambda: self.carols()[before:], 20, "the message")[-1]
        self.assertIn(b"Return-Path: <root@mail.example.test>", got)
        self.assertIn(b"Delivered-To: carol@mail.example.test", got)

    def test_what_is_submitted_loses_bcc_and_has_a_sender(self):
        before = len(self.suite.bodies("bob"))
        self.suite.submit("alice", ["bob@example.test"], b"Bcc: secret@far.test\r\nSubject: bare\r\n\r\nBcc: text\r\n")
        got = email.message_from_bytes(self.suite.wait_messages("bob", before + 1)[-1])
        self.assertIsNone(got["Bcc"])
        self.assertEqual(got["From"], "<alice@example.test>")
        self.assertEqual(got.get_payload(), "Bcc: text\r\n")
        with self.suite.smtp() as c:  # what others send stays as it is
            c.sendmail("a@far.test", ["bob@example.test"], b"Bcc: seen@far.test\r\n\r\nx\r\n")
        got = email.message_from_bytes(self.suite.wait_messages("bob", before + 2)[-1])
        self.assertEqual((got["Bcc"], got["From"]), ("seen@far.test", None))

    def test_bounce_addresses_may_be_long(self):
        long = "bounce-" + "x" * 200 + "+bob=example.test@far.test"
        before = len(self.suite.bodies("bob"))
        with self.suite.smtp() as c:
            c.sendmail(long, ["bob@example.test"], b"Subject: from a list\r\n\r\nx\r\n")
            c.sendmail("", [long], b"Subject: back to it\r\n\r\nx\r\n")
        self.assertIn(f"Return-Path: <{long}>".encode(), self.suite.wait_messages("bob", before + 1)[-1])
        wait_until(lambda: f"RCPT TO:<{long}>" in self.sink.said, 20, "the answer")

    def test_no_line_goes_out_longer_than_a_line_may_be(self):
        body = ("x" * 998 + "\n") * 70 + "." + "y" * 5000 + "\n" + "ü" * 700 + "\n" + "z" * 999 + "\n" + "end\n"
        self.sendmail("x@far.test", text=f"Subject: long lines\nX-Long: {'w' * 3000}\n\n{body}")
        def find():
            return next((m for m in self.sink.messages if b"Subject: long lines" in m), None)
        head, _, got = wait_until(find, 20, "the message").partition(b"\r\n\r\n")
        for line in (head + b"\r\n\r\n" + got).split(b"\r\n"):
            self.assertLessEqual(len(line), 998)
            line.decode()
        self.assertEqual(got.replace(b"\r\n ", b"").decode(), body.replace("\n", "\r\n"))
        self.assertEqual(got.count(b"\r\n "), 5 + 1 + 1)
        self.assertEqual(email.message_from_bytes(head)["X-Long"].replace("\r\n ", ""), "w" * 3000)

    def test_errors_before_a_message_count_no_more_behind_it(self):
        with self.suite.smtp() as c:
            c.ehlo("here.test")
            for _ in range(4):
                c.mail("a@far.test")
                for i in range(8):
                    self.assertEqual(c.rcpt(f"nobody{i}@example.test")[0], 550)
                self.assertEqual(c.rcpt("bob@example.test")[0], 250)
                self.assertEqual(c.data(b"Subject: some are unknown\r\n\r\nx\r\n")[0], 250)
            c.mail("a@far.test")
            with self.assertRaises(smtplib.SMTPServerDisconnected):
                for i in range(30):
                    c.rcpt(f"nobody{i}@example.test")


if __name__ == "__main__":
    unittest.main()
