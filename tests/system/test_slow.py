#!/usr/bin/env python3
"""Slow clients of the listener: who brings octets in time may go on, who only holds the line is cut off. And slow servers.

The listener's clock runs a hundred times as fast (preload/hurry.c), so five minutes are three seconds; relay's 400 times.
"""

import os
import signal
import socket
import ssl
import time
import unittest

from suite import BUILD, Suite, message, wait_until
from test_relay import NameServer
from test_relay_hostile import GOOD, HOST, Server, TlsServer

TIMES = 100
COMMAND_SECONDS = 300  # LIMIT_COMMAND_SECONDS
LATE_SECONDS = 150 * 60  # of a transfer of relay's


def hurry(suite, process="listener", times=TIMES):
    suite.environment = dict(suite.environment, LD_PRELOAD=str(BUILD / "tests/system/preload/hurry.so"),
                             HURRY_PROCESS=process, HURRY_TIMES=str(times))
    return suite


def sluggish(peer):
    """Takes just so long for each recipient that nobody gives up because of that one."""
    time.sleep(0.45)
    peer.sendall(GOOD["RCPT"].encode() + b"\r\n")
    return True


def tardy(peer):
    """Greets just before it would be too late, and then says nothing more."""
    time.sleep(1.1)
    peer.sendall(GOOD["GREETING"].encode() + b"\r\n")
    return True


class Tardy(Server):
    """Says nothing after its greeting, until the transfer is late; then all is well."""

    def __init__(self, seconds, *arguments, **options):
        super().__init__(*arguments, **options)
        self.seconds, self.late = seconds, None

    def reply(self, peer, state):
        if state == "GREETING" and self.late is None:
            self.late = time.monotonic() + self.seconds
        if state == "EHLO":
            left = self.late - time.monotonic()
            if left > 1.4:      # longer than relay waits
                return False
            time.sleep(max(left, 0))
        return super().reply(peer, state)


class Client:
    """A connection that says the octets it is told to, and hears lines."""

    def __init__(self, suite):
        self.socket = socket.create_connection((suite.host, suite.port["smtp"]), timeout=30)
        self.file = self.socket.makefile("rb")

    def reply(self):
        while True:
            line = self.file.readline()
            if line[3:4] != b"-":
                return line

    def say(self, line):
        self.socket.sendall(line + b"\r\n")
        return self.reply()

    def begin_data(self, recipient):
        self.reply()
        for line in (b"EHLO client.test", b"MAIL FROM:<a@x.test>", b"RCPT TO:<%s>" % recipient.encode()):
            assert self.say(line).startswith(b"250"), line
        assert self.say(b"DATA").startswith(b"354")

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.file.close()
        self.socket.close()


@unittest.skipUnless((BUILD / "tests/system/preload/hurry.so").exists(), "needs a library that is preloaded")
class SlowTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = hurry(Suite()).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)

    def send_for(self, client, piece, every, seconds):
        """Sends a piece every so many of our seconds, until the listener has lived that long or says something."""
        client.socket.settimeout(every)
        end = time.monotonic() + seconds / TIMES
        while time.monotonic() < end:
            try:
                client.socket.sendall(piece)
                if client.socket.recv(1, socket.MSG_PEEK) is not None:
                    break
            except socket.timeout:
                pass
        client.socket.settimeout(30)

    def test_a_message_may_take_longer_than_a_command(self):
        with Client(self.suite) as c:
            c.begin_data(self.suite.address("bob"))
            self.send_for(c, b"Subject: slow\r\n\r\n", 0.1, 1)
            self.send_for(c, (b"x" * 70 + b"\r\n") * 60, 0.2, 3 * COMMAND_SECONDS)
            self.assertTrue((said := c.say(b".")).startswith(b"250"), said)

    def test_an_octet_now_and_then_ends(self):
        with Client(self.suite) as c:
            c.begin_data(self.suite.address("bob"))
            begun = time.monotonic()
            self.send_for(c, b"x", 0.1, 20 * COMMAND_SECONDS)
            self.assertRegex(c.reply(), rb"^421 .* too slowly\r\n")
            self.assertLess(time.monotonic() - begun, 10 * COMMAND_SECONDS / TIMES)

    def test_a_file_that_queue_gave_too_late_is_given_back(self):
        spool = self.suite.folder / "queue/spool"
        with Client(self.suite) as c:
            c.begin_data(self.suite.address("bob"))
            (queue,) = self.suite.pids("queue")
            os.kill(queue, signal.SIGSTOP)
            try:
                c.socket.sendall(b"Subject: late\r\n\r\n" + (b"x" * 70 + b"\r\n") * 3000 + b".\r\n")
                self.assertTrue((said := c.reply()).startswith(b"452 "), said)
            finally:
                os.kill(queue, signal.SIGCONT)
            with Client(self.suite) as other:      # whose file comes after the late one
                other.begin_data(self.suite.address("bob"))
                other.socket.sendall(b"Subject: next\r\n\r\n" + (b"x" * 70 + b"\r\n") * 3000)
                self.assertTrue((said := other.say(b".")).startswith(b"250"), said)
            wait_until(lambda: not list(spool.iterdir()), what="an empty spool")

    def test_a_message_that_stops_leaves_nothing_in_the_spool(self):
        spool = self.suite.folder / "queue/spool"
        with Client(self.suite) as c:
            c.begin_data(self.suite.address("bob"))
            c.socket.sendall(b"Subject: half\r\n\r\n" + (b"x" * 70 + b"\r\n") * 3000)
            wait_until(lambda: list(spool.iterdir()), what="a file in the spool")
            self.assertTrue((said := c.reply()).startswith(b"421 "), said)
            wait_until(lambda: not list(spool.iterdir()), what="an empty spool")


@unittest.skipUnless((BUILD / "tests/system/preload/hurry.so").exists(), "needs a library that is preloaded")
class Servers(unittest.TestCase):
    def test_a_transfer_ends_before_queue_begins_it_anew(self):
        server = Server("RCPT", sluggish, False)
        suite = hurry(Suite(extra=f'action "sluggish" relay host smtp://{HOST}:{server.port}\n',
                            match='match from any for domain "example.test" action "local"\n'
                                  'match from auth for any action "sluggish"\n'), "relay", 400)
        with suite:
            recipients = [f"x{i}@sluggish.test" for i in range(100)]
            suite.submit("alice", recipients, message("alice@example.test", "x@sluggish.test"))
            wait_until(lambda: "DATA" in server.said or any("relay_failed" in line for line in suite.lines), 60, "its end")
            self.assertGreater(len([s for s in server.said if s.startswith("RCPT")]), 10)
            self.assertNotIn("DATA", server.said)
            self.assertEqual(len(suite.queue()), len(recipients))
        server.close()

    def test_a_transfer_ends_whatever_many_hosts_hold_it_up(self):
        hosts = [f"127.0.1.{i}" for i in range(1, 21)]
        dns = NameServer({"tardy.test": "@ MX 10 a\n@ MX 20 b\n" + "".join(f"{'ab'[i % 2]} A {h}\n" for i, h in enumerate(hosts))})
        server = Tardy(LATE_SECONDS / 200 + 0.05, "GREETING", tardy, host="0.0.0.0")
        suite = hurry(Suite(dns=f"127.0.0.1@{dns.port}", relay_port=server.port), "relay", 200)
        try:
            with suite:
                suite.submit("alice", ["x@tardy.test"], message("alice@example.test", "x@tardy.test"))
                wait_until(lambda: any("relay_failed" in line for line in list(suite.lines)), 120, "its end")
                line, = [line for line in list(suite.lines) if "relay_failed" in line]
                self.assertIn("took too long", line)
                self.assertTrue(10 < server.sessions < len(hosts), server.sessions)
                self.assertFalse([s for s in server.said if s.startswith("MAIL")], "queue begins it anew meanwhile")
        finally:
            server.close()
            dns.stop()

    def test_who_falls_silent_in_tls_is_spoken_to_in_clear_if_that_may_be(self):
        suite = hurry(Suite(), "relay", 40)
        suite.prepare()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(suite.folder / "cert.pem", suite.folder / "key.pem")
        servers, suite.extra, suite.match = {}, "", 'match from any for domain "example.test" action "local"\n'
        for trouble in ("mute", "mute in TLS"):
            for kind, rest in (("may", ""), ("must", " tls no-verify")):
                domain = f"{kind}-{trouble}.test".lower().replace(" ", "-")
                server = servers[domain] = TlsServer(trouble, context)
                suite.extra += f'action "{domain}" relay host smtp://{HOST}:{server.port}{rest}\n'
                suite.match += f'match from auth for domain "{domain}" action "{domain}"\n'
        suite.write_conf()
        suite.begin()
        try:
            to = [f"x@{domain}" for domain in servers]
            suite.submit("alice", to, message("alice@example.test", to[0]))
            for domain, server in servers.items():
                with self.subTest(domain):
                    if domain.startswith("may"):
                        wait_until(lambda: server.messages == [False], 30, suite.log()[-2000:])
                    else:
                        wait_until(lambda: any("relay_failed" in x and f"@{domain} " in x for x in list(suite.lines)), 60, "a failure")
                        self.assertFalse([s for s in server.said if s.startswith("clear MAIL")])
            server = servers["may-mute.test"]
            self.assertEqual(server.said.count("clear STARTTLS"), 1)
            suite.submit("alice", ["y@may-mute.test"], message("alice@example.test", "y@may-mute.test"))
            wait_until(lambda: server.messages == [False, False], 30, "the next message")
            self.assertEqual(server.said.count("clear STARTTLS"), 1, "it is remembered for a while")
        finally:
            suite.__exit__(None, None, None)
            for server in servers.values():
                server.socket.close()


if __name__ == "__main__":
    unittest.main()
