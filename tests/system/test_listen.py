#!/usr/bin/env python3
"""The options of a listen line, as a client on the other side sees them."""

import imaplib
import os
import shutil
import smtplib
import socket
import struct
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from suite import BUILD, PASSWORDS, SMTPD, Suite, free_port_on, free_ports, message, wait_until

HOST = "127.0.0.1"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def proxy_header(client, server=HOST, command=1):
    return (SIGNATURE + bytes([0x20 | command, 0x11]) + struct.pack("!H", 12) + socket.inet_aton(client)
            + socket.inet_aton(server) + struct.pack("!HH", 40000, 25))


class Line:
    """A typed session: say a line, get the last line of the reply."""

    def __init__(self, port, host=HOST, first=b""):
        self.socket = socket.create_connection((host, port), 10)
        self.socket.sendall(first)
        self.file = self.socket.makefile("rb")

    def reply(self):
        lines = [self.file.readline().decode()]
        while lines[-1][3:4] == "-":
            lines.append(self.file.readline().decode())
        return "".join(lines)

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")
        return self.reply()

    def close(self):
        self.file.close()
        self.socket.close()


class Listen(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        names = ("proxy", "names", "nodsn", "shy", "proud", "owners", "masked", "away", "required")
        cls.port = dict(zip(names, free_ports(len(names), HOST)))
        p = cls.port
        pki = 'tls pki "mail" auth'
        extra = ('smtp limit max-mails 3\nsmtp limit max-rcpt 3\n'
                 f'table names {{ "127.0.0.1" = "one.example.test", "127.0.0.2" = "two.example.test" }}\n'
                 f'table owners {{ "alice@example.test" = "alice@example.test, sales@example.test" }}\n'
                 f'listen on {HOST} port {p["proxy"]} proxy-v2\n'
                 f'listen on {HOST} port {p["names"]} hostnames <names>\n'
                 f'listen on 127.0.0.2 port {p["names"]} hostnames <names>\n'
                 f'listen on 127.0.0.3 port {p["names"]} hostnames <names>\n'
                 f'listen on {HOST} port {p["nodsn"]} no-dsn\n'
                 f'listen on {HOST} submission port {p["shy"]} {pki} mask-src\n'
                 f'listen on {HOST} submission port {p["proud"]} {pki} received-auth\n'
                 f'listen on {HOST} submission port {p["owners"]} {pki} senders <owners>\n'
                 f'listen on {HOST} submission port {p["masked"]} {pki} senders <owners> masquerade\n'
                 f'listen on {HOST} submission port {p["away"]} {pki} proxy-v2\n'
                 f'listen on {HOST} port {p["required"]} tls-require pki "mail"\n')
        cls.suite = Suite(extra=extra)
        cls.suite.start()

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    def submit(self, port, sender="alice@example.test", octets=None, user="alice"):
        with smtplib.SMTP(HOST, port, timeout=20) as client:
            client.starttls()
            client.login(f"{user}@example.test", PASSWORDS[user])
            return client.sendmail(sender, ["bob@example.test"], octets or message(sender, "bob@example.test"))

    def last_message(self, subject):
        def find():
            with imaplib.IMAP4_SSL(HOST, self.suite.port["imaps"], ssl_context=self.suite.tls()) as client:
                client.login("bob@example.test", PASSWORDS["bob"])
                client.select("INBOX")
                found = client.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
                return client.fetch(found[-1].decode(), "(BODY.PEEK[])")[1][0][1].decode() if found else None
        return wait_until(find, 20, f"a message {subject}")

    def test_a_proxy_speaks_for_its_client(self):
        line = Line(self.port["proxy"], first=proxy_header("192.0.2.77"))
        self.assertIn("ESMTP", line.reply())
        line.say("EHLO client.test")
        line.say("MAIL FROM:<a@x.test>")
        self.assertEqual(line.say("RCPT TO:<bob@example.test>")[:3], "250")
        line.say("DATA")
        self.assertEqual(line.say("Subject: through a proxy\r\n\r\nhi\r\n.")[:3], "250")
        line.close()
        self.assertIn("[192.0.2.77]", self.last_message("through a proxy").split("Subject:")[0])

    def test_a_password_from_afar_needs_tls(self):
        for client, is_offered in (("192.0.2.77", False), ("127.0.0.5", True)):
            line = Line(self.port["away"], first=proxy_header(client))
            line.reply()
            self.assertEqual("AUTH" in line.say("EHLO client.test"), is_offered, client)
            self.assertEqual(line.say("AUTH PLAIN AGEAYg==")[:3], "535" if is_offered else "538", client)
            line.close()

    def test_tls_that_is_required(self):
        with smtplib.SMTP(HOST, self.port["required"], timeout=20) as client:
            client.ehlo()
            self.assertEqual(client.mail("a@x.test")[0], 530)
            client.starttls()
            client.ehlo()
            self.assertEqual(client.mail("a@x.test")[0], 250)

    def test_limits_of_a_message_and_a_session(self):
        with smtplib.SMTP(HOST, self.suite.port["smtp"], timeout=20) as client:
            for n in range(3):
                client.ehlo_or_helo_if_needed()
                self.assertEqual(client.mail("a@x.test")[0], 250)
                self.assertEqual([client.rcpt("bob@example.test")[0] for _ in range(4)], [250, 250, 250, 452])
                self.assertEqual(client.data(f"Subject: limits {n}\r\n\r\nx")[0], 250)
            self.assertEqual(client.mail("a@x.test")[0], 421)

    def test_who_else_gets_it_is_not_told(self):
        for recipients, is_told in ((["bob", "alice"], False), (["bob"], True)):
            with smtplib.SMTP(HOST, self.suite.port["smtp"], timeout=20) as client:
                client.sendmail("a@x.test", [f"{r}@example.test" for r in recipients], f"Subject: {len(recipients)} of them\r\n\r\nx")
            header = self.last_message(f"{len(recipients)} of them")
            self.assertEqual("for <" in header, is_told, header)
            self.assertNotIn("alice", header)

    def test_a_header_may_come_octet_by_octet_with_a_command_behind(self):
        line = Line(self.port["proxy"])
        for octet in proxy_header("192.0.2.78"):
            line.socket.sendall(bytes([octet]))
        self.assertIn("ESMTP", line.reply())
        line.close()
        line = Line(self.port["proxy"], first=proxy_header("192.0.2.79") + b"EHLO early.test\r\n")
        self.assertIn("ESMTP", line.reply())
        line.close()

    def test_a_proxy_that_checks_our_health_is_greeted(self):
        line = Line(self.port["proxy"], first=SIGNATURE + b"\x20\0\0\0")
        self.assertIn("ESMTP", line.reply())
        line.close()

    def test_without_a_header_there_is_no_session(self):
        for first in (b"EHLO client.test\r\n", SIGNATURE[:6] + b"XXXXXXXX", SIGNATURE + b"\x21\x11\xff\xff"):
            line = Line(self.port["proxy"], first=first)
            self.assertEqual(line.file.read(), b"")
            line.close()

    def test_a_name_for_each_address(self):
        for host, name in ((HOST, "one.example.test"), ("127.0.0.2", "two.example.test"), ("127.0.0.3", "mail.example.test")):
            line = Line(self.port["names"], host)
            self.assertTrue(line.reply().startswith(f"220 {name} "), host)
            self.assertIn(name, line.say("EHLO client.test"))
            line.close()

    def test_dsn_is_offered_unless_told_not_to(self):
        line = Line(self.suite.port["smtp"])
        line.reply()
        self.assertIn("250-DSN\r\n", line.say("EHLO client.test"))
        self.assertEqual(line.say("MAIL FROM:<a@x.test> RET=HDRS ENVID=QQ314159")[:3], "250")
        self.assertEqual(line.say("RCPT TO:<bob@example.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob@example.test")[:3], "250")
        self.assertEqual(line.say("RCPT TO:<bob@example.test> NOTIFY=NEVER,SUCCESS")[:3], "501")
        line.close()
        line = Line(self.port["nodsn"])
        line.reply()
        self.assertNotIn("DSN", line.say("EHLO client.test"))
        self.assertEqual(line.say("MAIL FROM:<a@x.test> RET=HDRS")[:3], "555")
        line.close()

    def test_success_is_reported_when_asked_for(self):
        with smtplib.SMTP(HOST, self.port["proud"], timeout=20) as client:
            client.starttls()
            client.login("bob@example.test", PASSWORDS["bob"])
            client.ehlo()
            client.sendmail("bob@example.test", ["alice@example.test"], message("bob@example.test", "alice@example.test"),
                            mail_options=["ENVID=envelope-7"], rcpt_options=["NOTIFY=SUCCESS", "ORCPT=rfc822;a+41lice@example.test"])
        report = self.last_message("delivered")
        self.assertIn("multipart/report", report)
        self.assertIn("Action: delivered", report)
        self.assertIn("Original-Envelope-Id: envelope-7", report)
        self.assertIn("Original-Recipient: rfc822; aAlice@example.test", report)

    def test_the_client_is_not_named(self):
        self.submit(self.port["shy"], octets=message("alice@example.test", "bob@example.test", "a shy one"))
        trace = self.last_message("a shy one").split("From:")[0]
        self.assertNotIn("[127.0.0.1]", trace)
        self.assertRegex(trace, r"(?m)^Received: by mail\.example\.test with ESMTPSA")
        self.assertNotIn("alice", trace.replace("<alice@example.test>", ""))

    def test_the_user_is_named(self):
        self.submit(self.port["proud"], octets=message("alice@example.test", "bob@example.test", "a proud one"))
        self.assertIn("alice@example.test", self.last_message("a proud one").split("From:")[0])

    def test_what_a_submission_lacks_is_added(self):
        self.submit(self.port["proud"], octets=b"Subject: bare one\r\n\r\nhi\r\n")
        text = self.last_message("bare one")
        self.assertRegex(text, r"(?m)^Date: \w{3}, \d+ \w{3} \d{4} ")
        self.assertRegex(text, r"(?m)^Message-ID: <[0-9a-z]+@mail\.example\.test>\r?$")

    def test_a_user_sends_as_himself(self):
        self.submit(self.port["owners"], sender="sales@example.test")
        with self.assertRaises(smtplib.SMTPSenderRefused) as refused:
            self.submit(self.port["owners"], sender="bob@example.test")
        self.assertEqual(refused.exception.smtp_code, 550)
        with self.assertRaises(smtplib.SMTPSenderRefused):
            self.submit(self.port["owners"], sender="bob@example.test", user="bob")

    def test_from_becomes_the_sender(self):
        self.submit(self.port["masked"], sender="sales@example.test",
                    octets=message('"The Boss" <boss@elsewhere.test>', "bob@example.test", "a masked one"))
        self.assertIn("\r\nFrom: The Boss <sales@example.test>\r\n", self.last_message("a masked one"))

    def test_a_large_submission_is_completed_too(self):
        body = ("x" * 70 + "\r\n") * 2000
        self.submit(self.port["masked"], octets=b"Subject: a large one\r\nFrom: <boss@elsewhere.test>\r\n\r\n" + body.encode())
        text = self.last_message("a large one")
        self.assertIn("From: <alice@example.test>\r\n", text)
        self.assertIn("\r\nMessage-ID: ", text)
        self.assertTrue(text.endswith("\r\n\r\n" + body))

    def serve(self, prepare, interface, then, address):
        """The suite in a network of its own, where it listens on that interface; and what it says to who calls the address."""
        with tempfile.TemporaryDirectory(prefix="kurir-listen-") as folder:
            conf = Path(folder) / "smtpd.conf"
            os.chmod(folder, 0o755)
            conf.write_text("".join(f'{what} path "{folder}/{what}"\n' for what in ("queue", "mail", "run")) +
                            f'accounts path "{folder}/accounts/accounts.db"\nlisten on {interface} port 2525\n'
                            'match from any for any reject\n')
            script = f'ip link set lo up && {prepare} && exec "$@"'
            p = subprocess.Popen(["unshare", "-n", "sh", "-c", script, "sh", SMTPD, "-d", "-f", conf, "-L", BUILD],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            try:
                lines = [p.stdout.readline()]
                while lines[-1] and "event=ready" not in lines[-1]:
                    lines.append(p.stdout.readline())
                self.assertIn("event=ready", lines[-1], "".join(lines))
                enter = ["nsenter", "-t", str(p.pid), "-n"]
                subprocess.run([*enter, "sh", "-c", then], check=True)
                ask = f"import socket; print(socket.create_connection(('{address}', 2525), 20).recv(99))"

                def said():
                    return subprocess.run([*enter, "python3", "-c", ask], capture_output=True, text=True).stdout
                return wait_until(said, 30, f"somebody at {address}")
            finally:
                p.terminate()
                p.wait(30)
                p.stdout.close()

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("ip"), "needs root and ip")
    def test_an_interface_with_a_link_local_address(self):
        """Every interface with IPv6 has one; it is bound with the interface's name behind it."""
        self.assertIn("220 ", self.serve("ip addr add fe80::77/64 dev lo nodad", "lo", "true", "fe80::77%lo"))

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("ip"), "needs root and ip")
    def test_an_address_that_the_kernel_still_looks_for_elsewhere(self):
        """As at boot. Without a carrier it goes on looking."""
        if subprocess.run(["unshare", "-n", "ip", "link", "add", "e0", "type", "veth"], capture_output=True).returncode != 0:
            self.skipTest("there are no pairs of interfaces here")
        prepare = "ip link add e0 type veth peer name e1 && ip link set e0 up && ip addr add 2001:db8::7/64 dev e0"
        self.assertIn("220 ", self.serve(prepare, "e0", "ip link set e1 up", "2001:db8::7"))


class Caller(threading.Thread):
    """Connects again and again, and hears the greeting."""

    def __init__(self, host, port):
        super().__init__(daemon=True)
        self.place, self.is_over, self.greeted, self.failures = (host, port), False, 0, []
        self.start()

    def run(self):
        while not self.is_over:
            try:
                with socket.create_connection(self.place, 20) as s:
                    self.greeted += s.recv(4) == b"220 "
                    s.sendall(b"QUIT\r\n")
                    while s.recv(1000):
                        pass
            except OSError as e:
                self.failures.append(str(e))


class Wildcard(unittest.TestCase):
    """A reload from all addresses to one of them, and back: whoever calls that one is heard all the time."""

    WAYS = {"127.0.0.1": ("0.0.0.0", "127.0.0.1", "127.0.0.2", "127.0.0.1", "0.0.0.0"), "::1": ("::", "::1", "::", "::1", "::")}

    def test_from_all_addresses_to_one_and_back(self):
        port = free_port_on("127.0.0.1", "127.0.0.2")
        with Suite(extra=f"listen on 127.0.0.1 port {port}\nlisten on ::1 port {port}\n") as s:
            for called, way in self.WAYS.items():
                for one, next_one in zip((called, *way), way):
                    with self.subTest(f"{one} to {next_one}"):
                        is_covered = "127.0.0.2" not in (one, next_one)
                        caller = Caller(called, port) if is_covered else None
                        s.extra = f"listen on {next_one} port {port}\n" + (f"listen on ::1 port {port}\n" if "." in next_one else "")
                        s.write_conf()
                        s.ctl("reload")
                        if caller:
                            before = caller.greeted
                            wait_until(lambda: caller.greeted > before or caller.failures, 20, "a greeting")
                            caller.is_over = True
                            caller.join(20)
                            self.assertEqual(caller.failures, [])

    def test_what_another_has_is_not_taken_and_nothing_is_lost(self):
        port = free_port_on("127.0.0.1", "127.0.0.2")
        with Suite(extra=f"listen on 127.0.0.2 port {port}\n") as s, socket.create_server((HOST, port)):
            s.extra = f"listen on 0.0.0.0 port {port}\n"
            s.write_conf()
            r = s.ctl("reload", check=False)
            self.assertNotEqual(r.returncode, 0)
            self.assertIn("another mail server may run", r.stderr)
            with socket.create_connection(("127.0.0.2", port), 10) as c:
                self.assertEqual(c.recv(4), b"220 ")


if __name__ == "__main__":
    unittest.main()
