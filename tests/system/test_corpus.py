"""Messages of all kinds go in by SMTP and come out by IMAP and POP3 octet for octet.

KURIR_CORPUS names one more folder of *.eml files; the few in corpus/ are always used.
"""

import os
import unittest
from pathlib import Path

from suite import Suite

FOLDERS = [Path(__file__).parent / "corpus"] + [Path(p) for p in os.environ.get("KURIR_CORPUS", "").split(":") if p]


def on_the_wire(octets):
    """What a client may send: CRLF line ends, no bare CR or LF, a line end at the end."""
    lines = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    return b"\r\n".join(lines) + b"\r\n"


def without_trace(octets):
    """The message without the fields that the server put on top."""
    while True:
        name = octets.split(b":", 1)[0].lower()
        if name not in (b"return-path", b"delivered-to", b"received"):
            return octets
        end = octets.index(b"\r\n") + 2
        while octets[end:end + 1] in (b" ", b"\t"):
            end = octets.index(b"\r\n", end) + 2
        octets = octets[end:]
        if name == b"received":
            return octets


class Corpus(unittest.TestCase):
    def test_octet_for_octet(self):
        files = sorted(f for folder in FOLDERS for f in folder.rglob("*.eml"))
        self.assertGreater(len(files), 5)
        with Suite(users=("alice",)) as s:
            sent = []
            for f in files:
                octets = on_the_wire(f.read_bytes())
                with s.smtp() as c:
                    c.ehlo("client.test")
                    c.mail("x@elsewhere.test", ["BODY=8BITMIME"])
                    c.rcpt(s.address("alice"))
                    code, text = c.data(octets)
                self.assertEqual(code, 250, (f, text))
                sent.append((f, octets))
            s.wait_messages("alice", len(sent), 60)
            self.read_by_imap(s, sent)
            self.read_by_pop3(s, sent)

    def read_by_imap(self, s, sent):
        c = s.imap("alice")
        c.select("INBOX", readonly=True)
        for i in range(1, len(sent) + 1):
            typ, data = c.fetch(str(i), "(UID RFC822.SIZE BODY.PEEK[])")
            self.assertEqual(typ, "OK")
            octets = data[0][1]
            # A literal of IMAP holds no NUL (RFC 9051 9): it comes as 0x80, as other servers send it.
            self.assertIn(without_trace(octets), [o.replace(b"\0", b"\x80") for _, o in sent], f"message {i}")
            self.assertIn(b"RFC822.SIZE %d" % len(octets), data[0][0] + data[1])
            for item in ("ENVELOPE", "BODYSTRUCTURE", "BODY"):
                typ, data = c.fetch(str(i), f"({item})")
                self.assertEqual(typ, "OK", item)
                self.assertIn(item.encode(), data[0][0] if isinstance(data[0], tuple) else data[0])
        c.logout()

    def read_by_pop3(self, s, sent):
        c = s.pop3("alice")
        count = c.stat()[0]
        self.assertEqual(count, len(sent))
        for i in range(1, count + 1):
            octets = b"\r\n".join(c.retr(i)[1]) + b"\r\n"
            self.assertIn(without_trace(octets), [o for _, o in sent], f"message {i}")
        c.quit()


if __name__ == "__main__":
    unittest.main()
