#!/usr/bin/env python3
"""Servers that are up, but let only so many connections in at a time: what is too many waits for the others, and soon none is."""

import smtplib
import socket
import threading
import time
import unittest

from suite import PASSWORDS, free_port_on, message, wait_until
from test_relay_hostile import HOST, Server, suite_for

ROOM = 2
PATIENCE = 120      # as long as a loaded machine may need; that nothing was tried a second time, the failures tell


class Small(Server):
    """Lets so many connections in at a time, and turns others away in its own manner. One that is crowded takes no message
    before there was one too many: whoever is quick might need no more connections than have room."""

    def __init__(self, manner, room=ROOM, slowness=0.0, is_crowded=False):
        self.manner, self.room, self.slowness = manner, room, slowness
        self.inside, self.refused, self.lock = 0, 0, threading.Lock()
        self.is_full = threading.Event()
        if not is_crowded:
            self.is_full.set()
        super().__init__("NEVER", None)

    def turn_away(self, peer):
        with self.lock:
            self.refused += 1
        self.is_full.set()
        if self.manner == "greeting":
            peer.sendall(b"421 4.7.0 too many connections from you\r\n")
        elif self.manner == "ehlo":
            peer.sendall(b"220 here\r\n")
            self.file(peer).readline()
            peer.sendall(b"450 4.3.2 too many connections\r\n")
        elif self.manner == "mail":
            peer.sendall(b"220 here\r\n")
            file = self.file(peer)
            while not file.readline().startswith(b"MAIL"):
                peer.sendall(b"250 here\r\n")
            peer.sendall(b"421 4.7.0 too many connections\r\n")
        elif self.manner == "for good":
            peer.sendall(b"220 here\r\n")
            file = self.file(peer)
            while file.readline():
                peer.sendall(b"554 5.7.1 we do not talk to you\r\n")
        peer.close()

    def reply(self, peer, state):
        if state == "DOT":
            self.is_full.wait(PATIENCE)
            time.sleep(self.slowness)
        return super().reply(peer, state)

    def session(self, peer):
        with self.lock:
            is_let_in = self.inside < self.room
            self.inside += is_let_in
        if not is_let_in:
            try:
                self.turn_away(peer)
            except OSError:
                pass
            return
        try:
            super().session(peer)
        finally:
            with self.lock:
                self.inside -= 1


class Closed(Server):
    """Listens no more once it has let so many in and greeted them, and again when they are gone."""

    def __init__(self):
        self.left, self.greeted = threading.Semaphore(ROOM), threading.Semaphore(0)
        super().__init__("NEVER", None, port=free_port_on(HOST))      # one that stays free while nobody listens

    def reply(self, peer, state):
        if state == "EHLO":
            self.greeted.release()
        return super().reply(peer, state)

    def session(self, peer):
        super().session(peer)
        self.left.release()

    def run(self):
        try:
            while True:
                for _ in range(ROOM):
                    self.left.acquire()
                for _ in range(ROOM):
                    peer = self.socket.accept()[0]
                    self.sessions += 1
                    threading.Thread(target=self.session, args=(peer,), daemon=True).start()
                for _ in range(ROOM):
                    self.greeted.acquire(timeout=PATIENCE)
                self.socket.close()
                for _ in range(ROOM):
                    self.left.acquire()
                for _ in range(ROOM):
                    self.left.release()
                self.socket = socket.create_server((HOST, self.port), backlog=50)
        except OSError:
            pass


class Busy(unittest.TestCase):
    MANNERS = ("greeting", "ehlo", "mail", "hangs up")

    @classmethod
    def setUpClass(cls):
        cls.servers = {manner.replace(" ", "-") + ".test": Small(manner, is_crowded=True) for manner in cls.MANNERS}
        cls.servers["one.test"] = Small("greeting", 1, 0.2)
        cls.servers["none.test"] = Small("greeting", 0)
        cls.servers["for-good.test"] = Small("for good", 1, 1)
        cls.servers["closed.test"] = Closed()
        cls.servers["shared-a.test"] = cls.servers["shared-b.test"] = Small("greeting", 1)
        cls.suite = suite_for(cls.servers)

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)
        for server in cls.servers.values():
            server.close()

    def submit(self, to, count):
        """So many messages, which set out together."""
        self.suite.ctl("pause", "mta")
        with smtplib.SMTP("127.0.0.1", self.suite.port["submission"], timeout=20) as client:
            client.starttls()
            client.login("alice@example.test", PASSWORDS["alice"])
            for i in range(count):
                client.sendmail("alice@example.test", [to], message("alice@example.test", to, f"number {i}"))
        self.suite.ctl("resume", "mta")

    def arrived(self, server):
        return sorted(next(line for line in text.split(b"\r\n") if line.startswith(b"Subject:"))
                      for text in (lines for _, lines in server.messages))

    def failures(self, domain):
        return [line for line in list(self.suite.lines) if "relay_failed" in line and f"@{domain} " in line]

    def test_all_arrive_once_and_few_are_turned_away(self):
        for manner in self.MANNERS:
            domain = manner.replace(" ", "-") + ".test"
            server = self.servers[domain]
            with self.subTest(manner):
                self.submit(f"x@{domain}", 200)
                wait_until(lambda: len(server.messages) >= 200, PATIENCE, f"all, not {len(server.messages)}\n{self.suite.log()[-3000:]}")
                self.assertEqual(self.arrived(server), sorted(b"Subject: number %d" % i for i in range(200)))
                self.assertLessEqual(server.refused, 12)
                self.assertGreater(server.refused, 0)
                self.assertEqual(self.failures(domain), [])

    def test_a_server_of_one_at_a_time(self):
        server = self.servers["one.test"]
        self.submit("x@one.test", 20)
        wait_until(lambda: len(server.messages) >= 20, PATIENCE, f"all, not {len(server.messages)}\n{self.suite.log()[-3000:]}")
        self.assertEqual(len(set(self.arrived(server))), 20)
        self.assertLessEqual(server.refused, 12)
        self.assertEqual(self.failures("one.test"), [])

    def test_a_door_that_is_shut_while_others_are_inside(self):
        server = self.servers["closed.test"]
        self.submit("x@closed.test", 50)
        wait_until(lambda: len(server.messages) >= 50, PATIENCE, f"all, not {len(server.messages)}\n{self.suite.log()[-3000:]}")
        self.assertEqual(len(set(self.arrived(server))), 50)
        self.assertEqual(self.failures("closed.test"), [])

    def test_who_lets_nobody_in_is_down(self):
        self.submit("x@none.test", 5)
        line = wait_until(lambda: self.failures("none.test"), 60, "a failure")
        self.assertIn("421 4.7.0", line[0])

    def test_a_refusal_for_good_is_no_wish_for_fewer(self):
        self.submit("x@for-good.test", 10)
        line = wait_until(lambda: self.failures("for-good.test"), 60, "a failure")
        self.assertIn("554 5.7.1", line[0])
        self.assertFalse([line for line in list(self.suite.lines) if "event=relay_busy" in line and "554 5.7.1" in line])

    def test_what_is_kept_for_another_domain_makes_room(self):
        server = self.servers["shared-a.test"]
        for i, domain in enumerate(("shared-a.test", "shared-b.test", "shared-a.test")):
            self.submit(f"x@{domain}", 1)
            wait_until(lambda: len(server.messages) == i + 1, 30, f"message {i}\n{self.suite.log()[-3000:]}")
        self.assertEqual(self.failures("shared-b.test"), [])


if __name__ == "__main__":
    unittest.main()
