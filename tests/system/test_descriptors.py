"""A system that grants few descriptors, as some do a daemon: none that somebody takes costs others theirs."""

import collections
import contextlib
import imaplib
import os
import resource
import signal
import smtplib
import socket
import threading
import time
import unittest
from pathlib import Path

import names
from suite import Suite, free_port_on, message, wait_until

LARGE = ("x" * 900 + "\r\n") * 120  # comes along as a file, and is few lines for those who read it here


class Bounded(Suite):
    """No process may have more descriptors than that."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def daemon(self, *arguments):
        return ["sh", "-c", f'ulimit -n {self.most} && exec "$0" "$@"', *super().daemon(*arguments)]


class Sink:
    """A server that takes its time, and counts by its token each message that it took."""

    def __init__(self, port):
        self.taken = collections.Counter()
        self.server = socket.create_server(("127.0.0.2", port), backlog=500)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=self.server.accept()[:1], daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client, client.makefile("rwb", 0) as f:
            f.write(b"220 sink\r\n")
            for line in f:
                f.write(b"354 go on\r\n" if line.startswith(b"DATA") else b"250 ok\r\n")
                if line.startswith(b"DATA"):
                    for line in iter(f.readline, b".\r\n"):
                        if not line:
                            return
                        if line.startswith(b"X-Token:"):
                            token = line
                    time.sleep(1)
                    self.taken[token] += 1
                    f.write(b"250 ok\r\n")


class Descriptors(unittest.TestCase):
    def test_strangers_do_not_take_all_descriptors(self):
        """A listener that has none left cannot take the file of a large message, which would cost it the line to queue."""
        most, port = 120, free_port_on("127.0.0.1")
        s = Bounded(most)
        s.extra = f"listen on {s.host} port {port} proxy-v2\n"  # who comes through a proxy is bound by no address
        with s:
            listener = s.pids("listener")
            with s.smtp() as c, contextlib.ExitStack() as strangers:
                c.ehlo("x.test")
                for _ in range(most + 20):
                    strangers.enter_context(socket.create_connection((s.host, port), timeout=30))
                wait_until(lambda: "no more connections are accepted for now" in s.log(), 20, "the warning")
                c.sendmail("x@y.test", [s.address("bob")], message("x@y.test", "bob", body=("x" * 70 + "\r\n") * 3000))
            s.wait_messages("bob", 1)
            self.assertEqual(s.pids("listener"), listener)

    def test_a_parent_without_descriptors_begins_nobody_half(self):
        """Who is started again has all its neighbours, sockets and keys, or is started once more."""
        with Suite() as s:
            parent = s.process.pid
            for free in (0, 2, 4, 8, 16):
                for name in ("listener", "keyholder", "mailbox"):
                    with self.subTest(free=free, name=name):
                        used = {int(f.name) for f in Path(f"/proc/{parent}/fd").iterdir()}
                        most = next(n for n in range(3, 10000) if n - len([u for u in used if u < n]) == free)
                        soft, hard = resource.prlimit(parent, resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
                        os.kill(s.pids(name)[0], signal.SIGKILL)
                        time.sleep(0.3)
                        resource.prlimit(parent, resource.RLIMIT_NOFILE, (soft, hard))

                        def is_whole():
                            with contextlib.suppress(OSError, AssertionError, smtplib.SMTPException, imaplib.IMAP4.error):
                                s.submit("alice", [s.address("bob")], message("a", "b"))
                                s.imap("bob").logout()
                                s.wait_queue_empty(5)
                                return True
                        # What ended before it was ready is begun again after ten seconds at most, each time.
                        wait_until(is_whole, 60, "a service that is whole")

    def test_a_parent_without_descriptors_waits_until_it_hears_an_order(self):
        """Who knocks meanwhile is heard as soon as there is one, and costs no time until then."""
        with Suite() as s, socket.socket(socket.AF_UNIX) as stranger:
            parent = s.process.pid

            def ticks():
                return sum(map(int, Path(f"/proc/{parent}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))

            used = {int(f.name) for f in Path(f"/proc/{parent}/fd").iterdir()}
            most = next(n for n in range(3, 10000) if n not in used)
            was = resource.prlimit(parent, resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            try:
                stranger.connect(str(s.folder / "run/smtpd.sock"))
                wait_until(lambda: "smtpctl is not heard for now" in s.log(), 20, "the warning")
                before = ticks()
                time.sleep(2)
                self.assertLess(ticks() - before, os.sysconf("SC_CLK_TCK"), "it spins")
            finally:
                resource.prlimit(parent, resource.RLIMIT_NOFILE, was)
            s.ctl("show", "status")

    def test_more_accounts_than_can_be_open(self):
        count = 40
        s = Bounded(120)
        s.users = tuple(f"u{i}" for i in range(count))

        def send(body):
            with s.smtp() as c:
                for user in s.users:
                    c.sendmail("x@y.test", [s.address(user)], message("x@y.test", user, body=body))
        with s:
            clients = [threading.Thread(target=send, args=(body,)) for body in ("x\r\n", LARGE) * 2]
            for c in clients:
                c.start()
            for c in clients:
                c.join()
            s.wait_queue_empty()
            for user in s.users:
                self.assertEqual(len(s.bodies(user)), 4)
            self.assertNotIn("Too many open files", "\n".join(s.lines))

    def test_more_transfers_than_a_relay_can_hold(self):
        """Each has a connection and a file; a relay that is cut off has forgotten what other servers took."""
        count, each, port = 30, 4, free_port_on("127.0.0.2")
        answers = {}
        for i in range(count):
            answers[f"d{i}.test", names.MX] = [names.mx(10, names.dotted(f"mail.d{i}.test"))]
            answers[f"mail.d{i}.test", names.A] = [bytes([127, 0, 0, 2])]
        dns, sink = names.Names(answers), Sink(port)
        self.addCleanup(dns.stop)
        self.addCleanup(sink.server.close)
        s = Bounded(120)
        s.dns, s.relay_port = dns.address, port
        s.match = 'match from any for domain "example.test" action "local"\nmatch from any for any action "out"\n'
        with s:
            relay = s.pids("relay")
            s.ctl("pause", "mta")
            with s.smtp() as c:
                for n in range(each):
                    for i in range(count):
                        c.sendmail("alice@example.test", [f"x@d{i}.test"],
                                   message("a", "b", body=LARGE, extra=f"X-Token: {n}-{i}\r\n"))
            s.ctl("resume", "mta")
            s.wait_queue_empty(120)
            self.assertEqual(s.pids("relay"), relay)
        self.assertEqual((len(sink.taken), set(sink.taken.values())), (count * each, {1}))


if __name__ == "__main__":
    unittest.main()
