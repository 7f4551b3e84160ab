#!/usr/bin/env python3
"""What an action "relay" may say, as the server at the other end sees it."""

import json
import smtplib
import socket
import ssl
import threading
import unittest

from suite import PASSWORDS, Suite, free_ports, message, wait_until
from test_secrets import memory

HOST = "127.0.0.1"


class Server(threading.Thread):
    """A server that takes everything, and writes down what it was told."""

    def __init__(self, port, extensions=("PIPELINING", "8BITMIME", "SIZE 50000000"), lmtp=False, tls=None, direct=False,
                 after_dot=("250 2.0.0 taken",), host=HOST):
        super().__init__(daemon=True)
        self.extensions, self.lmtp, self.tls, self.direct, self.after_dot = extensions, lmtp, tls, direct, after_dot
        self.said, self.peers, self.messages, self.ciphers = [], [], [], []
        self.socket = socket.create_server((host, port))
        self.start()

    def run(self):
        while True:
            try:
                connection, peer = self.socket.accept()
            except OSError:
                return
            self.peers.append(peer[0])
            threading.Thread(target=self.session, args=(connection,), daemon=True).start()

    def wrap(self, connection):
        connection = self.tls.wrap_socket(connection, server_side=True)
        self.ciphers.append(connection.version())
        return connection

    def session(self, connection):
        try:
            if self.direct:
                connection = self.wrap(connection)
            connection.sendall(b"220 sink ESMTP\r\n")
            file, recipients = connection.makefile("rb"), 0
            while line := file.readline():
                line = line.decode().rstrip("\r\n")
                verb = line.split(" ")[0].upper()
                self.said.append(line)
                if verb in ("EHLO", "LHLO"):
                    words = ["sink"] + list(self.extensions)
                    if self.tls and not isinstance(connection, ssl.SSLSocket):
                        words.append("STARTTLS")
                    connection.sendall("".join(f"250{'-' if i + 1 < len(words) else ' '}{w}\r\n" for i, w in enumerate(words)).encode())
                elif verb == "STARTTLS":
                    connection.sendall(b"220 go\r\n")
                    connection = self.wrap(connection)
                    file = connection.makefile("rb")
                elif line == "AUTH LOGIN":
                    for question in (b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"):
                        connection.sendall(question)
                        self.said.append(file.readline().decode().strip())
                    connection.sendall(b"235 ok\r\n")
                elif verb == "DATA":
                    connection.sendall(b"354 go\r\n")
                    lines = []
                    while (text := file.readline()) not in (b".\r\n", b""):
                        lines.append(text)
                    self.messages.append(b"".join(lines))
                    for reply in (self.after_dot if self.lmtp else self.after_dot[:1]):
                        connection.sendall(reply.encode() + b"\r\n")
                elif verb == "QUIT":
                    connection.sendall(b"221 bye\r\n")
                    break
                else:
                    recipients += verb == "RCPT"
                    connection.sendall(b"235 ok\r\n" if verb == "AUTH" else b"250 2.1.0 ok\r\n")
            connection.close()
        except (OSError, ssl.SSLError):
            pass

    def close(self):
        self.socket.close()

    def last(self, verb):
        return [line for line in self.said if line.upper().startswith(verb)][-1]


class Options(unittest.TestCase):
    """One suite; each test has a domain of its own, and an action for it."""

    ACTIONS = {
        "plain.test": 'relay host smtp://127.0.0.1:{plain}',
        "dots.test": 'relay host smtp://127.0.0.1:{plain}',
        "from.test": 'relay host smtp://127.0.0.1:{plain} mail-from "post@office.test"',
        "domain.test": 'relay host smtp://127.0.0.1:{plain} mail-from "@office.test"',
        "helo.test": 'relay host smtp://127.0.0.1:{plain} helo own.name.test',
        "source.test": 'relay host smtp://127.0.0.1:{plain} src 127.0.0.7',
        "sources.test": 'relay host smtp://127.0.0.1:{plain} src <sources> helo-src <names>',
        "hosts.test": 'relay host {{ "smtp://127.0.0.1:{plain}" }}',
        "table.test": 'relay domain <domains>',
        "dsn.test": 'relay host smtp://127.0.0.1:{dsn}',
        "lmtp.test": 'relay host lmtp://127.0.0.1:{lmtp}',
        "auth.test": 'relay host smtps://me@127.0.0.1:{direct} auth <secrets> tls no-verify',
        "trusted.test": 'relay host smtps://127.0.0.1:{direct} ca own',
        "strange.test": 'relay host smtps://127.0.0.1:{direct}',
        "old.test": 'relay host smtps://127.0.0.1:{direct} ca own protocols "tlsv1.2" ciphers "ECDHE-ECDSA-AES256-GCM-SHA384"',
        "offered.test": 'relay host smtp://127.0.0.1:{offers}',
        "login.test": 'relay host smtps://me@127.0.0.1:{login} auth <secrets> tls no-verify',
        "family.test": 'relay host smtp://127.0.0.1:{plain} src ::1',
        "eight.test": 'relay host smtp://127.0.0.1:{plain}',
        "wide.test": 'relay host smtp://127.0.0.1:{plain}',
        "seven.test": 'relay host smtp://127.0.0.1:{small}',
        "small.test": 'relay host smtp://127.0.0.1:{small}',
        "required.test": 'relay host smtp://127.0.0.1:{plain} tls no-verify',
    }

    @classmethod
    def setUpClass(cls):
        cls.port = dict(zip(("plain", "dsn", "lmtp", "direct", "offers", "login", "small"), free_ports(7, HOST)))
        p = cls.port
        extra = ('table sources { "127.0.0.8" }\ntable names { "127.0.0.8" = "eight.test" }\n'
                 'table secrets { "me" = "user:pass:word" }\n'
                 f'table domains {{ "table.test" = "smtp://127.0.0.1:{p["plain"]}", "other.test" = "smtp://127.0.0.1:{p["dsn"]}" }}\n'
                 "ca own cert $dir/cert.pem\n".replace("$dir", "{folder}"))
        match = 'match from any for domain "example.test" action "local"\n'
        cls.suite = Suite()
        extra = extra.replace("{folder}", f'"{cls.suite.folder}').replace("/cert.pem", '/cert.pem"')
        for domain, action in cls.ACTIONS.items():
            extra += f'action "{domain}" {action.format(**p)}\n'
            match += f'match from auth for domain "{domain}" action "{domain}"\n'
        match += 'match from auth for domain "other.test" action "table.test"\n'
        extra += 'action "known" mailbox virtual { "u@virtual.test" = "jürgen@wide.test, k@wide.test, k@plän.test" }\n'
        match += 'match from auth for domain "xn--pln-rla.test" action "wide.test"\n'
        match += 'match from auth for domain "virtual.test" action "known"\n'
        cls.suite.extra, cls.suite.match = extra, match
        cls.suite.start()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cls.suite.folder / "cert.pem", cls.suite.folder / "key.pem")
        auth = ("PIPELINING", "AUTH PLAIN")
        cls.servers = {"plain": Server(p["plain"]), "dsn": Server(p["dsn"], ("PIPELINING", "DSN")),
                       "lmtp": Server(p["lmtp"], lmtp=True, after_dot=("250 2.0.0 first", "452 4.2.2 second is full")),
                       "small": Server(p["small"], ("SIZE 10000",)),
                       "login": Server(p["login"], ("AUTH LOGIN",), tls=tls, direct=True),
                       "direct": Server(p["direct"], auth, tls=tls, direct=True), "offers": Server(p["offers"], tls=tls)}

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()
        for server in cls.servers.values():
            server.close()

    def relay_forgets(self, *secrets):
        def is_clean():
            return not any(secret.encode() in octets for pid in self.suite.pids("relay") for _, octets in memory(pid)
                           for secret in secrets)
        wait_until(is_clean, 20, "the end of what relay knew of a password")

    def send(self, domain, server, recipients=("x",), sender="alice@example.test", **options):
        """Gives the server when it has one message more."""
        server = self.servers[server]
        before = len(server.messages)
        with smtplib.SMTP(HOST, self.suite.port["submission"], timeout=20) as client:
            client.starttls()
            client.login("alice@example.test", PASSWORDS["alice"])
            client.ehlo()
            client.sendmail(sender, [f"{r}@{domain}" for r in recipients], message(sender, f"x@{domain}", domain), **options)
        wait_until(lambda: len(server.messages) > before, 15, f"a message for {domain}\n{self.suite.log()[-1500:]}")
        return server

    def reason(self, domain):
        """Why the message for that domain waits or came back."""
        def find():
            for line in self.suite.lines:
                if f"to=x@{domain} " in line and "relay_failed" in line:
                    return line
        return wait_until(find, 15, f"a failure of {domain}")

    def submit(self, domain, body="hello\r\n"):
        with smtplib.SMTP(HOST, self.suite.port["submission"], timeout=20) as client:
            client.starttls()
            client.login("alice@example.test", PASSWORDS["alice"])
            client.sendmail("alice@example.test", [f"x@{domain}"], message("alice@example.test", "x", domain, body))

    def refuse(self, domain, body="hello\r\n"):
        self.submit(domain, body)
        return self.reason(domain)

    def test_host(self):
        s = self.send("plain.test", "plain")
        self.assertEqual(s.last("EHLO"), "EHLO mail.example.test")
        self.assertTrue(s.last("MAIL").startswith("MAIL FROM:<alice@example.test> SIZE="))

    def test_host_of_a_table(self):
        self.send("hosts.test", "plain")

    def test_host_by_domain(self):
        self.send("table.test", "plain")

    def test_a_connection_serves_its_own_port_only(self):
        self.send("table.test", "plain")
        self.send("other.test", "dsn")

    def test_mail_from(self):
        self.assertTrue(self.send("from.test", "plain").last("MAIL").startswith("MAIL FROM:<post@office.test>"))
        self.assertTrue(self.send("domain.test", "plain").last("MAIL").startswith("MAIL FROM:<alice@office.test>"))

    def test_helo(self):
        self.assertEqual(self.send("helo.test", "plain").last("EHLO"), "EHLO own.name.test")

    def test_src(self):
        self.assertEqual(self.send("source.test", "plain").peers[-1], "127.0.0.7")

    def test_src_and_helo_of_tables(self):
        s = self.send("sources.test", "plain")
        self.assertEqual((s.peers[-1], s.last("EHLO")), ("127.0.0.8", "EHLO eight.test"))

    def test_dsn_is_passed_on(self):
        s = self.send("dsn.test", "dsn", mail_options=["RET=HDRS", "ENVID=e+2B7"],
                      rcpt_options=["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;y@z.test"])
        self.assertIn(" RET=HDRS ENVID=e+2B7", s.last("MAIL"))
        self.assertIn(" NOTIFY=SUCCESS,DELAY ORCPT=rfc822;y@z.test", s.last("RCPT"))
        wait_until(lambda: any("event=relayed" in line and "x@dsn.test" in line for line in self.suite.lines), 15, "its end")
        self.assertFalse([b for b in self.suite.bodies("alice") if b"dsn.test" in b], "no report: the server sends it")

    def test_without_dsn_the_sender_hears_that_it_was_relayed(self):
        self.send("plain.test", "plain", rcpt_options=["NOTIFY=SUCCESS"])
        report = wait_until(lambda: [b for b in self.suite.bodies("alice") if b"Action: relayed" in b], 15, "a report")
        self.assertIn(b"multipart/report", report[0])

    def test_lmtp_answers_for_each_recipient(self):
        s = self.send("lmtp.test", "lmtp", recipients=("one", "two"))
        self.assertTrue(s.last("LHLO"))
        wait_until(lambda: [e["recipient"] for e in self.suite.queue() if "lmtp.test" in json.dumps(e)] == ["two@lmtp.test"], 15,
                   "the second to wait, and the first to be gone")

    def test_auth_over_tls(self):
        s = self.send("auth.test", "direct")
        import base64
        self.assertEqual(base64.b64decode(s.last("AUTH").split()[2]), b"\0user\0pass:word")
        self.relay_forgets("pass:word", s.last("AUTH").split()[2])

    def test_auth_login_where_there_is_nothing_else(self):
        s = self.send("login.test", "login")
        at = s.said.index("AUTH LOGIN")
        self.assertEqual(s.said[at + 1:at + 3], ["dXNlcg==", "cGFzczp3b3Jk"])

    def test_dots_arrive_as_they_are(self):
        """Seven octets a line: each of them begins a block that relay reads."""
        body = ".x.x.\r\n" * 50000 + ".\r\n..\r\n"
        before = len(self.servers["plain"].messages)
        self.submit("dots.test", body)
        wait_until(lambda: len(self.servers["plain"].messages) > before, 15, "the message")
        lines = self.servers["plain"].messages[-1].split(b"\r\n")
        self.assertTrue(all(line[:1] != b"." or line[:2] == b".." for line in lines))
        self.assertTrue(b"\r\n".join(line[line[:1] == b".":] for line in lines).endswith(b"\r\n\r\n" + body.encode()))

    def test_8bit_octets_go_where_they_are_taken(self):
        before = len(self.servers["plain"].messages)
        self.submit("eight.test", "grün\r\n")
        wait_until(lambda: len(self.servers["plain"].messages) > before, 15, "the message")
        self.assertIn(" BODY=8BITMIME", self.servers["plain"].last("MAIL"))
        self.assertIn("grün".encode(), self.servers["plain"].messages[-1])

    def test_8bit_octets_come_back_where_they_are_not(self):
        self.assertIn("status=5.6.3", self.refuse("seven.test", "grün\r\n"))
        self.assertEqual(self.servers["small"].messages, [])

    def test_an_address_above_ascii_comes_back_alone(self):
        """No server is spoken to with SMTPUTF8, so none may see such an address (RFC 6531 3.2)."""
        with smtplib.SMTP(HOST, self.suite.port["submission"], timeout=20) as client:
            client.starttls()
            client.login("alice@example.test", PASSWORDS["alice"])
            client.sendmail("alice@example.test", ["u@virtual.test"], message("alice@example.test", "u", "virtual"))
        server = self.servers["plain"]
        wait_until(lambda: "RCPT TO:<k@wide.test>" in server.said, 15, "the other recipient")
        wait_until(lambda: "RCPT TO:<k@xn--pln-rla.test>" in server.said, 15, "the domain in A-labels")
        wait_until(lambda: [b for b in self.suite.bodies("alice") if b"Status: 5.6.7" in b], 15, "the report")
        wait_until(lambda: not [e for e in self.suite.queue() if e["recipient"].startswith("k@")], 15, "the end of both")
        self.assertFalse([line for line in server.said if "rgen" in line])

    def test_a_message_too_large_comes_back_unsent(self):
        self.assertIn("status=5.3.4", self.refuse("small.test", "0123456789\r\n" * 1000))
        self.assertFalse([line for line in self.servers["small"].said if line.startswith("MAIL")])

    def test_src_of_another_family(self):
        self.assertIn("kind of src", self.refuse("family.test"))

    def test_a_certificate_of_the_own_authority(self):
        self.assertEqual(self.send("trusted.test", "direct").ciphers[-1], "TLSv1.3")

    def test_protocols_and_ciphers(self):
        self.assertEqual(self.send("old.test", "direct").ciphers[-1], "TLSv1.2")

    def test_a_certificate_of_nobody_known(self):
        self.assertIn("certificate", self.refuse("strange.test"))

    def test_tls_that_is_offered_is_used(self):
        self.assertIn("STARTTLS", self.send("offered.test", "offers").said)

    def test_tls_that_is_required_and_not_offered(self):
        self.assertIn("TLS is required", self.refuse("required.test"))


if __name__ == "__main__":
    unittest.main()
