"""Two suites exchange mail by MX over STARTTLS; what cannot be delivered comes back as a bounce."""

import email
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from suite import Suite, free_port_on, free_ports, message, wait_until


class NameServer:
    """nsd on loopback with the zones of the test."""

    def __init__(self, zones):
        self.folder = Path(tempfile.mkdtemp(prefix="kurir-nsd-"))
        self.folder.chmod(0o755)
        self.port = free_ports(1, "127.0.0.1")[0]
        text = (f'server:\n  ip-address: 127.0.0.1@{self.port}\n  username: ""\n  zonesdir: "{self.folder}"\n'
                f'  database: ""\n  pidfile: "{self.folder}/nsd.pid"\n  xfrdfile: "{self.folder}/xfrd"\n'
                f'  zonelistfile: "{self.folder}/zl"\n  xfrdir: "{self.folder}"\n  server-count: 1\n'
                'remote-control:\n  control-enable: no\n')
        for name, records in zones.items():
            (self.folder / name).write_text(f"$ORIGIN {name}.\n$TTL 60\n@ SOA ns h 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n" + records)
            text += f"zone:\n  name: {name}\n  zonefile: {name}\n"
        conf = self.folder / "nsd.conf"
        conf.write_text(text)
        nsd = shutil.which("nsd") or "/usr/sbin/nsd"
        self.process = subprocess.Popen([nsd, "-d", "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(lambda: self.answers(next(iter(zones))), 120, "nsd to answer, whose start needs the disk")

    def answers(self, zone):
        """A resolver that found nobody here would not ask again for a long time."""
        if self.process.poll() is not None:
            raise AssertionError(self.process.stderr.read().decode())
        name = b"".join(bytes([len(label)]) + label.encode() for label in zone.split("."))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            s.connect(("127.0.0.1", self.port))
            try:
                s.send(struct.pack(">6H", 1, 0, 1, 0, 0, 0) + name + b"\0" + struct.pack(">2H", 6, 1))
                return s.recv(512)[3] & 15 == 0
            except OSError:
                return False

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Relay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Both listen on the same port of different addresses, as MX hosts do on 25.
        port = free_port_on("127.0.0.1", "127.0.0.2")
        cls.dns = NameServer({
            "one.test": "@ MX 10 mail\nmail A 127.0.0.1\n",
            "two.test": "@ MX 20 mail\n@ MX 10 down\nmail A 127.0.0.2\ndown A 127.0.0.3\n",
            "null.test": "@ MX 0 .\n",
            "backup.test": "@ MX 10 gone\n@ MX 20 mail.one.test.\n",
            "tired.test": "@ MX 10 tired\n@ MX 20 mail.two.test.\ntired A 127.0.0.4\n",
            "circle.test": "@ MX 10 other\n@ MX 20 mail.two.test.\nother A 127.0.0.1\n",
            "away.test": "@ MX 10 down\n@ MX 20 other\ndown A 127.0.0.3\nother A 127.0.0.1\n",
            "alias.test": "@ MX 10 a\na CNAME b\nb CNAME mail.two.test.\n",
            "ring.test": "@ MX 10 a\na CNAME b\nb CNAME a\n",
            "ours.test": "@ MX 10 mail.one.test.\n@ MX 20 mail.two.test.\n",
        })
        dns = f"127.0.0.1@{cls.dns.port}"
        cls.one = Suite("one.test", "127.0.0.1", dns=dns, relay_port=port, listeners={"smtp": port}).__enter__()
        cls.two = Suite("two.test", "127.0.0.2", dns=dns, relay_port=port, listeners={"smtp": port}).__enter__()

    @classmethod
    def tearDownClass(cls):
        for s in (cls.one, cls.two):
            s.__exit__(None, None, None)
        cls.dns.stop()

    def test_both_ways_by_mx_over_starttls(self):
        for here, there in ((self.one, self.two), (self.two, self.one)):
            before = len(there.bodies("bob"))
            here.submit("alice", [there.address("bob"), there.address("alice")],
                        message(here.address("alice"), there.address("bob"), "across"))
            got = there.wait_messages("bob", before + 1, 30)[-1]
            self.assertIn(b"with ESMTPS id", got)
            self.assertIn(b"with ESMTPSA id", got)
            for s in (here, there):
                s.wait_queue_empty()

    def bounce_for(self, recipient):
        before = len(self.one.bodies("alice"))
        self.one.submit("alice", [recipient], message(self.one.address("alice"), recipient, "will bounce"))
        m = email.message_from_bytes(self.one.wait_messages("alice", before + 1, 30)[-1])
        self.assertEqual(m.get_content_type(), "multipart/report")
        self.assertEqual(m.get_param("report-type"), "delivery-status")
        self.assertEqual(m["Return-Path"], "<>")
        self.assertIn("auto-", m["Auto-Submitted"])
        parts = m.get_payload()
        self.assertEqual([p.get_content_type() for p in parts[:2]], ["text/plain", "message/delivery-status"])
        status = parts[1].get_payload()
        self.assertTrue(status[0]["Reporting-MTA"].endswith("mail.one.test"))
        self.assertIn(recipient, status[1]["Final-Recipient"])
        self.assertEqual(status[1]["Action"], "failed")
        self.assertIn("will bounce", parts[2].as_string())
        self.one.wait_queue_empty()
        return status[1]["Status"], parts[0].get_payload()

    def test_an_unknown_user_comes_back(self):
        status, text = self.bounce_for("nobody@two.test")
        self.assertEqual(status, "5.1.1")
        self.assertIn("nobody@two.test", text)

    def test_a_domain_without_mail_comes_back(self):
        self.assertEqual(self.bounce_for("x@null.test")[0], "5.1.10")

    def test_a_host_that_gives_up_at_mail_leaves_it_to_the_next(self):
        said = []

        def serve(tired):
            peer = tired.accept()[0]
            with peer, peer.makefile("rb") as f:
                peer.sendall(b"220 tired\r\n")
                for line in f:
                    said.append(line[:4])
                    peer.sendall(b"250 tired\r\n" if line.startswith(b"EHLO") else b"421 4.3.2 too tired\r\n")
                    if not line.startswith(b"EHLO"):
                        return

        with socket.create_server(("127.0.0.4", self.two.port["smtp"])) as tired:
            threading.Thread(target=serve, args=(tired,), daemon=True).start()
            self.assertTrue(self.bounce_for("x@tired.test")[0].startswith("5.7"))
        self.assertEqual(said, [b"EHLO", b"MAIL"])

    def test_a_host_that_is_an_alias(self):
        self.assertTrue(self.bounce_for("x@alias.test")[0].startswith("5.7"), "the other server said so")

    def test_aliases_in_a_ring(self):
        self.one.submit("alice", ["x@ring.test"], message("alice@one.test", "x@ring.test", "nowhere"))
        wait_until(lambda: any("to=x@ring.test" in x and "relay_failed" in x for x in list(self.one.lines)), 30, self.one.log()[-2000:])
        self.one.ctl("remove", "all")

    def test_what_would_come_back_here_comes_back_to_its_sender(self):
        self.assertEqual(self.bounce_for("x@ours.test")[0], "5.4.6")

    def test_what_comes_back_here_under_a_name_not_ours_comes_back_to_its_sender(self):
        self.assertEqual(self.bounce_for("x@circle.test")[0], "5.4.6")

    def test_what_comes_back_here_waits_for_a_host_before_us(self):
        self.one.submit("alice", ["x@away.test"], message("alice@one.test", "x@away.test", "waits here"))
        wait_until(lambda: [e for e in self.one.queue() if e["recipient"] == "x@away.test" and "before this one" in str(e)], 20,
                   "the reason to wait")
        self.one.ctl("remove", "all")

    def test_what_is_for_a_host_before_us_waits_for_its_address(self):
        self.one.submit("alice", ["x@backup.test"], message("alice@one.test", "x@backup.test", "waits here"))
        wait_until(lambda: [e for e in self.one.queue() if e["recipient"] == "x@backup.test" and "address now" in str(e)], 20,
                   "the reason to wait")
        self.one.ctl("remove", "all")
        self.one.wait_queue_empty()

    def test_what_cannot_go_now_waits_and_is_shown(self):
        self.one.submit("alice", ["x@no-dns.invalid-zone.test"], message("a@one.test", "x@y", "waits"))
        entry = wait_until(lambda: [e for e in self.one.queue() if "no-dns" in str(e)], 20, "the queue entry")[0]
        self.assertIn("no-dns.invalid-zone.test", str(entry))
        text = self.one.ctl("show", "queue").stdout
        self.assertIn("x@no-dns.invalid-zone.test", text)
        self.one.ctl("remove", "all")
        self.one.wait_queue_empty()


if __name__ == "__main__":
    unittest.main()
