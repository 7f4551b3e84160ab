"""What those who own a domain, or the addresses that they come from, can put into the DNS (D rows); see attack.py. The
records themselves are tests/fuzz/rdata.c's; here stands what the suite makes of the answers."""

import smtplib
import socket
import threading
import unittest

import names
from attack import Attacks
from names import A, MX, below, dotted, mx, name, reverse
from suite import free_ports, message, wait_until
from test_listen import proxy_header

MANY_MX = 2000
MOST_MX = 2900      # as many as fit into an answer, and more than libunbound takes
HOSTS, ADDRESSES = 20, 10
BAD = "127.77.0."
STRANGERS = 2000    # more than are asked about, one after the other, while relay has patience


class Closed:
    """A hundred addresses on which somebody takes connections, counts them and sends them away."""

    def __init__(self, port):
        self.count, self.sockets = 0, []
        for i in range(1, 101):
            s = socket.create_server((f"{BAD}{i}", port), backlog=64)
            self.sockets.append(s)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, listening):
        while True:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            self.count += 1
            with peer:
                try:
                    peer.sendall(b"421 4.3.2 not here\r\n")
                except OSError:
                    pass

    def stop(self):
        for s in self.sockets:
            s.close()


class DnsAttacks(Attacks):
    @classmethod
    def setUpClass(cls):
        hundred = [socket.inet_aton(f"{BAD}{i}") for i in range(1, 101)]
        addresses = lambda _, kind: hundred if kind == A else []
        cls.names = names.Names({
            ("many.test", MX): [mx(10, below(f"h{i}")) for i in range(MANY_MX)],
            ("*.many.test", None): addresses,
            ("some.test", MX): [mx(i, below(f"h{i}")) for i in reversed(range(60))],
            ("*.some.test", None): addresses,
            ("most.test", MX): [mx(10, below(f"h{i}")) for i in range(MOST_MX)],
            ("most.test", None): addresses,
            ("lone.test", MX): [mx(10, dotted("h.lone.test"))],
            ("h.lone.test", None): addresses,
            ("*.in-addr.arpa", None): lambda asked, _: cls.pointers.get(asked, names.SILENCE if asked.endswith(".66.10.in-addr.arpa") else None),
        })
        cls.pointers = {}
        cls.port, cls.proxy = free_ports(2, "127.0.0.1")
        cls.closed = Closed(cls.port)
        cls.options = {"dns": cls.names.address, "relay_port": cls.port,
                       "extra": f"listen on 127.0.0.1 port {cls.proxy} proxy-v2\n"}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.closed.stop()
        cls.names.stop()

    def is_served(self):
        try:
            with smtplib.SMTP(self.suite.host, self.suite.port["smtp"], timeout=20) as c:
                c.sendmail("a@b.test", [self.suite.address("alice")], b"Subject: x\r\n\r\nx\r\n")
        except (smtplib.SMTPException, OSError) as e:
            return repr(e)

    def goes_nowhere(self, domain, least, most):
        """One attempt, which ends; it knocked at no more doors than it may. What was sent waits."""
        before = self.closed.count
        self.suite.submit("alice", [f"x@{domain}"], message("alice@example.test", f"x@{domain}"))
        wait_until(lambda: [e for e in self.suite.queue() if e["tries"] > 0], 60, "an attempt that ends")
        knocked = self.closed.count - before
        self.suite.ctl("remove", "all")
        self.assertTrue(least <= knocked <= most, f"{knocked} connections")

    def test_many_hosts(self):
        with self.row("D4 hosts"):
            self.goes_nowhere("many.test", 1, HOSTS * ADDRESSES)
            asked = {n for n, _ in list(self.names.asked) if n.endswith(".many.test")}
            self.assertTrue(0 < len(asked) <= HOSTS, asked)
        with self.row("D4 addresses"):
            self.goes_nowhere("lone.test", 1, ADDRESSES)
        with self.row("D4 the best"):  # wherever they stand among the others
            self.goes_nowhere("some.test", 1, HOSTS * ADDRESSES)
            asked = {n for n, _ in list(self.names.asked) if n.endswith(".some.test")}
            self.assertEqual(asked, {f"h{i}.some.test" for i in range(HOSTS)})
        with self.row("D4 too many"):  # a domain's own address is not what it named instead
            self.goes_nowhere("most.test", 0, 0)
            self.assertFalse([n for n, kind in list(self.names.asked) if n == "most.test" and kind != MX])

    def received(self, address, pointers):
        """What the trace field says of a client from that address, which has these PTR records."""
        self.pointers[reverse(address)] = pointers  # None: no such name
        with socket.create_connection(("127.0.0.1", self.proxy), 20) as c:
            c.sendall(proxy_header(address))
            f = c.makefile("rb")
            self.assertTrue(f.readline().startswith(b"220 "))
            subject = f"from-{address}"
            for line in ("HELO x.test", "MAIL FROM:<a@b.test>", "RCPT TO:<bob@example.test>", "DATA",
                         f"Subject: {subject}\r\n\r\nx\r\n."):
                c.sendall(line.encode() + b"\r\n")
                self.assertRegex(f.readline(), rb"^[23]5[04] ")
        self.suite.wait_queue_empty()
        found = [b for b in self.suite.bodies("bob") if f"Subject: {subject}".encode() in b]
        self.assertEqual(len(found), 1)
        header = found[0].split(b"\r\n\r\n")[0]
        self.assertNotIn(b"X-Injected", header.replace(b"\r\n\t", b" "))
        self.assertTrue(header.isascii() and header.replace(b"\r\n", b"").replace(b"\t", b"").decode().isprintable(), header)
        return next(l for l in header.replace(b"\r\n\t", b" ").split(b"\r\n") if l.startswith(b"Received: from x.test")).decode()

    def test_names_of_clients(self):
        rows = [
            ("D11 ordinary", [name("host", "far", "test")], "host.far.test"),
            ("D11 255 octets", [name(*4 * [b"a" * 61], b"b")], ".".join([*4 * ["a" * 61], "b"])),
            ("D11 300 octets", [name(*5 * [b"a" * 59])], "unknown"),
            ("D11 long label", [name(b"a" * 64, b"test")], "unknown"),
            ("D11 line", [name(b"x\r\nX-Injected: y", b"test")], "unknown"),
            ("D11 format", [name("%s%n%1000000d", "test")], "unknown"),
            ("D11 expansion", [name("%{client}", "${run", "test")], "unknown"),
            ("D11 comment", [name("x) by evil", "test")], "unknown"),
            ("D11 nul", [name(b"good\0evil", b"test")], "unknown"),
            ("D11 octets", [name(b"\xff\xc3", b"test")], "unknown"),
            ("D11 terminal", [name(b"\x1b]0;x\x07", b"test")], "unknown"),
            ("D11 hidden dot", [name("mail.example.test", "far")], "unknown"),
            ("D11 root", [name()], "unknown"),
            ("D11 nothing", [b""], "unknown"),
            ("D11 cut", [b"\x20abc"], "unknown"),
            ("D11 itself", [b"\xc0\x0c"], "16.8.9.10.in-addr.arpa"),
            ("D11 forward", [b"\xff\xff"], "unknown"),
            ("D11 a hundred", [name(f"h{i}", "far", "test") for i in range(100)], None),
            ("D11 one bad", [name("x y", "test"), name("good", "far", "test")], None),
            ("D11 none", None, "unknown"),
        ]
        for i, (row, pointers, expected) in enumerate(rows):
            with self.row(row):
                line = self.received(f"10.9.8.{i + 1}", pointers)
                if expected:
                    self.assertIn(f" ({expected} [10.9.8.{i + 1}])", line)
        log = self.suite.log()
        self.assertNotIn("\x1b", log)

    def test_names_that_nobody_tells(self):
        with self.row("D11 silence"):  # of the name servers of those who connect: the others' questions go on
            for i in range(STRANGERS):
                with socket.create_connection(("127.0.0.1", self.proxy), 20) as c:
                    c.sendall(proxy_header(f"10.66.{i // 256}.{i % 256}"))
            wait_until(lambda: any(".66.10." in n for n, _ in list(self.names.asked)), 20, "a question about a stranger")
            self.goes_nowhere("lone.test", 1, ADDRESSES)


if __name__ == "__main__":
    unittest.main()
