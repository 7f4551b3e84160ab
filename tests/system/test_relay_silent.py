#!/usr/bin/env python3
"""Servers that take connections and say nothing, as many as there are places: mail for others goes its way meanwhile."""

import socket
import threading
import time
import unittest

from suite import Suite, free_port_on, free_ports, message, wait_until
from test_relay_options import Server

HOST = "127.0.0.1"
# The queue has a place for every fourth descriptor; three of four may go to servers that it knows nothing of.
DESCRIPTORS, PLACES = 400, 100
SILENT = 150
# Half of the silent domains have a host of their own, and the others one in common.
HOSTS = [f"127.0.1.{i if i % 2 else 200}" for i in range(SILENT)]


class Silent(threading.Thread):
    """Every other connection hears nothing at all, and the rest an octet of a greeting now and then."""

    def __init__(self, port, hosts):
        super().__init__(daemon=True)
        self.peers, self.is_over = [], False
        self.sockets = [socket.create_server((host, port), backlog=200) for host in hosts]
        self.start()
        for s in self.sockets:
            threading.Thread(target=self.accept, args=(s,), daemon=True).start()

    def accept(self, s):
        try:
            while True:
                self.peers.append(s.accept()[0])
        except OSError:
            pass

    def run(self):
        while not self.is_over:
            time.sleep(5)
            for peer in list(self.peers)[::2]:
                try:
                    peer.send(b"2")
                except OSError:
                    pass

    def close(self):
        self.is_over = True
        for s in self.sockets + self.peers:
            s.close()


class Limited(Suite):
    def daemon(self, *arguments):
        return ["prlimit", f"--nofile={DESCRIPTORS}", *super().daemon(*arguments)]


class Quiet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ports = free_ports(1, HOST) + [free_port_on(*sorted(set(HOSTS)))]
        cls.good, cls.silent = Server(ports[0]), Silent(ports[1], sorted(set(HOSTS)))
        hosts = ", ".join(f'"silent-{i}.test" = "smtp://{host}:{ports[1]}"' for i, host in enumerate(HOSTS))
        cls.suite = Limited(extra=f'action "good" relay host smtp://{HOST}:{ports[0]}\n'
                                  f'table hosts {{ {hosts} }}\naction "bad" relay domain <hosts>\n',
                            match='match from any for domain "example.test" action "local"\n'
                                  'match from auth for domain { "known.test", "new.test", "later.test" } action "good"\n'
                                  'match from auth for any action "bad"\n').__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)
        cls.silent.close()
        cls.good.close()

    def send(self, *domains):
        to = [f"x@{d}" for d in domains]
        self.suite.submit("alice", to, message("alice@example.test", to[0], domains[0]))

    def arrives(self, domain, seconds):
        self.send(domain)
        start = time.monotonic()
        wait_until(lambda: any(f"RCPT TO:<x@{domain}>" in line for line in self.good.said), seconds, f"the message for {domain}")
        wait_until(lambda: any("event=relayed" in line and f"to=x@{domain} " in line for line in list(self.suite.lines)), 10, "its end")
        self.good.said.clear()
        return time.monotonic() - start

    def test_the_good_do_not_wait_for_the_silent(self):
        self.arrives("known.test", 20)
        self.send(*(f"silent-{i}.test" for i in range(SILENT)))
        wait_until(lambda: len(self.silent.peers) >= PLACES * 3 // 4, 30, "all places that the silent may have to be taken")
        known = self.arrives("known.test", 15)
        new = self.arrives("new.test", 120)
        later = self.arrives("later.test", 15)
        print(f"known after {known:.1f} s, new after {new:.1f} s, new and later after {later:.1f} s")
        failures = [line for line in list(self.suite.lines) if "relay_failed" in line and "to=x@silent-" in line]
        self.assertGreaterEqual(len(failures), PLACES // 2, "who was cut short")
        self.assertTrue(all("timeout while waiting for 220" in line for line in failures))
        self.assertFalse([e for e in self.suite.queue() if not e["recipient"].startswith("x@silent-")])


if __name__ == "__main__":
    unittest.main()
