#!/usr/bin/env python3
"""Senders of forwarded mail are rewritten, and reports to them find their way back."""

import smtplib
import unittest

from suite import Suite, free_ports, message, wait_until
from test_relay_options import Server


class Rewriting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        far, sender = free_ports(2, "127.0.0.1")
        extra = ('srs key "a secret of this host"\nsrs ttl 2d\n'
                 'action "known" mailbox virtual { "carol@srs.test" = "x@far.test", "dave@srs.test" = "joe@sender.test" }\n'
                 f'action "far" relay host smtp://127.0.0.1:{far} srs\n'
                 f'action "sender" relay host smtp://127.0.0.1:{sender} srs\n')
        match = ('match from any for domain "example.test" action "local"\n'
                 'match from any for domain "srs.test" action "known"\n'
                 'match from local for domain "far.test" action "far"\n'
                 'match from socket for domain "sender.test" action "sender"\n')
        cls.suite = Suite(extra=extra, match=match).__enter__()
        cls.far, cls.sender = Server(far), Server(sender)

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)
        cls.far.close()
        cls.sender.close()

    def send(self, sender, recipient, server):
        before = len(server.messages)
        with self.suite.smtp() as c:
            c.sendmail(sender, [recipient], message(sender, recipient))
        wait_until(lambda: len(server.messages) > before, 15, f"the message\n{self.suite.log()[-2000:]}")
        return server.last("MAIL").split(">")[0].split("<")[1]

    def refused(self, sender, recipient):
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught, self.suite.smtp() as c:
            c.sendmail(sender, [recipient], message(sender, recipient))
        return caught.exception.recipients[recipient][0]

    def test_there_and_back(self):
        rewritten = self.send("joe@sender.test", "carol@srs.test", self.far)
        self.assertRegex(rewritten, r"^SRS0=[A-Z2-7]{8}=[A-Z2-7]{2}=sender\.test=joe@srs\.test$")
        self.assertEqual(self.send("", rewritten.lower(), self.sender), "")
        self.assertIn("RCPT TO:<joe@sender.test>", self.sender.said)

    def test_a_forwarder_before_us(self):
        rewritten = self.send("SRS0=abcd=XY=origin.test=ann@sender.test", "carol@srs.test", self.far)
        self.assertRegex(rewritten, r"^SRS1=[A-Z2-7]{8}=sender\.test==abcd=XY=origin\.test=ann@srs\.test$")
        self.send("", rewritten, self.sender)
        self.assertIn("RCPT TO:<SRS0=abcd=XY=origin.test=ann@sender.test>", self.sender.said)

    def test_what_is_ours_or_not_forwarded_stays(self):
        self.assertEqual(self.send("alice@srs.test", "carol@srs.test", self.far), "alice@srs.test")
        self.assertEqual(self.send("joe@sender.test", "x@far.test", self.far), "joe@sender.test")
        self.assertEqual(self.send("", "carol@srs.test", self.far), "")

    def test_nobody_else_gets_through(self):
        rewritten = self.send("joe@sender.test", "carol@srs.test", self.far)
        forged = rewritten.replace("sender.test=joe", "sender.test=ann")
        self.assertEqual(self.refused("", forged), 550)
        self.assertEqual(self.refused("spam@other.test", rewritten), 550)
        self.assertEqual(self.refused("", "SRS0=AAAAAAAA=AA=sender.test=joe@srs.test"), 550)
        self.assertEqual(self.refused("", "joe@sender.test"), 550)


if __name__ == "__main__":
    unittest.main()
