#!/usr/bin/env python3
"""Servers that do something wrong at every fourth reply, each time something else: whatever they do, relay lives, each
recipient comes to one end, and what was honestly taken is not sent again. CHAOS_SEED and CHAOS_SECONDS choose another run."""

import os
import random
import re
import smtplib
import socket
import ssl
import threading
import time
import unittest
from collections import Counter

from suite import PASSWORDS, Suite, message, wait_until
from test_relay_hostile import HOST, Done

SEED = os.environ.get("CHAOS_SEED", "1")
SECONDS = int(os.environ.get("CHAOS_SECONDS", "20"))
LEAST = 50      # connections in so many seconds, or it takes longer
CODES = (199, 220, 221, 235, 250, 252, 299, 334, 354, 421, 450, 451, 452, 454, 499, 500, 503, 530, 535, 550, 552, 554, 555, 999)
EXTENSIONS = (b"PIPELINING", b"8BITMIME", b"DSN", b"STARTTLS", b"AUTH PLAIN LOGIN", b"AUTH", b"SMTPUTF8", b"", b"SIZE",
              b"SIZE 0", b"SIZE " + b"9" * 30, b"X " * 90)


class Chaos(threading.Thread):
    def __init__(self, name, context, lmtp):
        super().__init__(daemon=True)
        self.context, self.lmtp = context, lmtp
        self.sessions, self.is_honest, self.taken = 0, False, []
        self.random = random.Random(SEED + name)
        self.socket = socket.create_server((HOST, 0), backlog=100)
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.sessions += 1
            chance = random.Random(self.random.random())
            threading.Thread(target=Session(self, peer, chance).serve, daemon=True).start()

    def close(self):
        self.socket.close()


class Session:
    def __init__(self, server, peer, chance):
        self.server, self.peer, self.chance = server, peer, chance
        self.file, self.has_lied, self.recipients = peer.makefile("rb"), False, []
        peer.settimeout(4)

    def lies(self, share=0.25):
        if self.server.is_honest or self.chance.random() >= share:
            return False
        self.has_lied = True
        return True

    def say(self, good):
        if not self.lies():
            self.peer.sendall(good)
            return
        code, other, n = b"%d" % self.chance.choice(CODES), b"%d" % self.chance.choice(CODES), self.chance.randrange(1, 1200)
        lie = self.chance.choice((b"", good * 3, good[:len(good) // 2], good + b"421 4.3.2 bye\r\n", good.replace(b"\r\n", b"\n"),
                                  code + b"\r\n", code + b" 5.1.1 no\r\n", code + b"-one\r\n" * n + code + b" two\r\n",
                                  code + b"-one\r\n" + other + b" two\r\n", code + b" " + b"x" * 3000 + b"\r\n",
                                  code + b" 2.0.0 \xff\x00\x1b[2J\r\n", self.chance.randbytes(200), b"354 go\r\n", b"421 4.7.0 too many\r\n"))
        self.peer.sendall(lie)
        if self.chance.random() < 0.2:
            raise Done

    def offer(self):
        words = [e for e in EXTENSIONS if self.chance.random() < 0.5] or [b"X"]
        if self.server.is_honest:
            words = [b"PIPELINING", b"STARTTLS", b"AUTH PLAIN"]
        lines = [b"here", *words]
        self.say(b"".join(b"250%s%s\r\n" % (b" " if i == len(lines) - 1 else b"-", e) for i, e in enumerate(lines)))

    def start_tls(self):
        self.say(b"220 go\r\n")
        if self.lies(0.2):
            raise Done
        self.peer = self.server.context.wrap_socket(self.peer, server_side=True)
        self.file = self.peer.makefile("rb")

    def take(self):
        self.say(b"354 go\r\n")
        if self.lies(0.1):
            raise Done
        enough = self.chance.randrange(3000) if self.lies(0.1) else None
        size = 0
        while (line := self.file.readline()) not in (b".\r\n", b""):
            size += len(line)
            if enough is not None and size > enough:
                self.peer.sendall(b"552 5.3.4 enough\r\n")
                enough = None
        to, self.recipients = self.recipients, []
        for recipient in to if self.server.lmtp else [to]:
            self.say(b"250 2.0.0 taken\r\n")
            if line and not self.has_lied:
                self.server.taken += [recipient] if self.server.lmtp else recipient

    def answer(self, line):
        verb = (line.split() or [b""])[0].upper()
        if verb in (b"EHLO", b"LHLO"):
            self.offer()
        elif verb == b"STARTTLS":
            self.start_tls()
        elif verb == b"AUTH":
            self.say(b"235 2.7.0 ok\r\n")
        elif verb == b"DATA":
            self.take()
        elif verb == b"QUIT":
            self.say(b"221 bye\r\n")
            raise Done
        else:
            if verb in (b"MAIL", b"RSET"):
                self.recipients = []
            elif verb == b"RCPT":
                self.recipients.append(re.search(rb"<(.*)>", line)[1].decode())
            self.say(b"250 2.1.0 ok\r\n")

    def serve(self):
        try:
            self.say(b"220 here\r\n")
            while line := self.file.readline():
                self.answer(line)
        except (OSError, Done, ssl.SSLError, ValueError):
            pass
        self.file.close()
        self.peer.close()


class Relay(unittest.TestCase):
    KINDS = ("smtp://{at}", "smtp://{at} tls no-verify", "smtp+tls://me@{at} tls no-verify auth <secrets>", "lmtp://{at}", "smtp://{at}")

    def setUp(self):
        suite = self.suite = Suite()
        suite.prepare()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(suite.folder / "cert.pem", suite.folder / "key.pem")
        self.servers = {}
        suite.extra, suite.match = 'table secrets { "me" = "user:secret" }\n', 'match from any for domain "example.test" action "local"\n'
        for i in range(30):
            kind, domain = self.KINDS[i % len(self.KINDS)], f"c{i}.test"
            server = self.servers[domain] = Chaos(domain, context, kind.startswith("lmtp"))
            suite.extra += f'action "{domain}" relay host {kind.format(at=f"{HOST}:{server.port}")}\n'
            suite.match += f'match from auth for domain "{domain}" action "{domain}"\n'
        suite.write_conf()
        suite.begin()

    def tearDown(self):
        self.suite.__exit__(None, None, None)
        for server in self.servers.values():
            server.close()

    def submit(self, chance, count, first):
        sent = []
        with smtplib.SMTP("127.0.0.1", self.suite.port["submission"], timeout=20) as client:
            client.starttls()
            client.login("alice@example.test", PASSWORDS["alice"])
            for i in range(first, first + count):
                domain = chance.choice(list(self.servers))
                to = [f"u{i}-{j}@{domain}" for j in range(chance.randrange(1, 6))]
                body = ("." + "y" * chance.randrange(70) + "\r\n") * chance.choice((1, 10, 3000))
                client.sendmail("alice@example.test", to, message("alice@example.test", to[0], f"n{i}", body))
                sent += to
        return sent

    def ends(self):
        """How often each recipient came to an end, as the log says."""
        found = (re.search(r"event=(?:relayed|relay_failed) .*to=(\S+) .*status=[25]", line) for line in list(self.suite.lines))
        return Counter(m[1] for m in found if m)

    def test_chaos(self):
        chance, sent, before, until = random.Random(SEED), [], self.suite.pids("relay"), time.monotonic() + SECONDS
        while time.monotonic() < until or sum(server.sessions for server in self.servers.values()) <= LEAST:
            sent += self.submit(chance, 30, len(sent))
            if chance.random() < 0.3:
                self.suite.ctl("reload")
            self.suite.ctl("schedule", "all")
        for server in self.servers.values():
            server.is_honest = True
        end = time.monotonic() + 120
        while self.suite.queue() and time.monotonic() < end:
            self.suite.ctl("schedule", "all")
            time.sleep(1)
        self.assertEqual(self.suite.queue(), [])
        self.assertEqual(self.suite.pids("relay"), before)
        wait_until(lambda: set(self.ends()) >= set(sent), 20, "all ends in the log")
        self.assertEqual({r: n for r, n in self.ends().items() if n != 1}, {})
        self.assertEqual(set(self.ends()), set(sent))
        taken = Counter(recipient for server in self.servers.values() for recipient in server.taken)
        self.assertEqual({r: n for r, n in taken.items() if n != 1}, {})
        self.assertFalse([line for line in list(self.suite.lines) if "Sanitizer" in line or "runtime error" in line or "event=suspect" in line])


if __name__ == "__main__":
    unittest.main()
