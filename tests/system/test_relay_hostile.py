#!/usr/bin/env python3
"""Servers that do wrong at each point of a session: what relay makes of it, and that it lives on."""

import collections
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import threading
import unittest

from suite import PASSWORDS, Suite, free_ports, message, wait_until

HOST = "127.0.0.9"
STATES = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT")
GOOD = {"GREETING": "220 here ESMTP", "MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok", "DATA": "354 go",
        "DOT": "250 2.0.0 taken", "RSET": "250 ok", "HELO": "250 here", "QUIT": "221 bye"}


class Done(Exception):
    pass


def close(peer):
    raise Done


def garbage(peer):
    peer.sendall(bytes(range(256)) * 20 + b"\r\n\x1b]0;title\x07\r\n")


def endless(peer):
    """100,000 lines of one reply, and no last one."""
    peer.sendall(b"250-\x1b[2J and so on\r\n" * 100000)


def one_line(peer):
    peer.sendall(b"250 " + b"x" * 1000000 + b"\r\n")


def other_code(peer):
    peer.sendall(b"250-first\r\n550 second\r\n")


def shut(peer):
    peer.sendall(b"421 4.3.2 closing down\r\n")
    raise Done


def half(peer):
    peer.sendall(b"250-half of a rep")
    raise Done


def silent(peer):
    pass


def one_message_each(peer, server):
    """As servers do that let a connection bring only so many messages."""
    if server.messages and server.messages[-1][0] is peer:
        shut(peer)
    peer.sendall(GOOD["MAIL"].encode() + b"\r\n")
    return True


def enough(peer, server):
    """Says in the middle of the message that it is too large."""
    peer.sendall(GOOD["DATA"].encode() + b"\r\n")
    server.file(peer).read(100000)
    peer.sendall(b"552 5.3.4 too large for here\r\n")
    server.released.wait(20)
    raise Done


def crowded(peer, server):
    """Takes one recipient of a message, and says of others what RFC 821 knew to say."""
    is_first = len([s for s in server.said if s.startswith("RCPT")]) == 1
    peer.sendall(b"250 2.1.5 ok\r\n" if is_first else b"552 too many recipients\r\n")
    return True


def choosy(peer, server):
    """Takes nobody of the name of bad."""
    peer.sendall(b"550 5.1.1 nobody\r\n" if "<bad@" in server.said[-1] else b"250 2.1.5 ok\r\n")
    return True


def deserter(peer, server):
    """As one who is choosy, and hangs up at the name of last."""
    if "<last@" in server.said[-1]:
        raise Done
    return choosy(peer, server)


def farewell(peer):
    """Takes the message in so many lines that relay's turn is over when it hears the last one."""
    peer.sendall(b"250-taken\r\n" * 62 + b"250 2.0.0 taken\r\n421 4.3.2 bye\r\n")
    return True


def too_few(peer, server):
    """Says of one of its recipients that it has the message, and hangs up (LMTP)."""
    peer.sendall(b"250 2.0.0 first\r\n")
    raise Done


def too_many(peer, server):
    """Says it three times of two recipients (LMTP)."""
    peer.sendall(b"250 2.0.0 taken\r\n" * 3)
    return True


def slow(peer, server):
    """Has the message, but takes its time to say so."""
    server.reached.set()
    server.released.wait(3)
    peer.sendall(GOOD["DOT"].encode() + b"\r\n")
    return True


def hesitant(peer, server):
    """Thinks a while about the recipient."""
    server.reached.set()
    server.released.wait(30)
    peer.sendall(GOOD["RCPT"].encode() + b"\r\n")
    return True


class Server(threading.Thread):
    """Does what the case says at one state; before it, all is well."""

    def __init__(self, at, trouble, pipelining=True, host=HOST, port=0):
        super().__init__(daemon=True)
        self.at, self.trouble, self.pipelining = at, trouble, pipelining
        self.files, self.reached, self.released = {}, threading.Event(), threading.Event()
        self.messages, self.sessions, self.said = [], 0, []
        self.socket = socket.create_server((host, port), backlog=50)
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.sessions += 1
            threading.Thread(target=self.session, args=(peer,), daemon=True).start()

    def file(self, peer):
        return self.files.setdefault(peer, peer.makefile("rb"))

    def reply(self, peer, state):
        if state == self.at:
            if isinstance(self.trouble, str):
                peer.sendall(self.trouble.encode() + b"\r\n")
                return False
            if self.trouble in (one_message_each, enough, slow, hesitant, crowded, choosy, deserter, too_few, too_many):
                return self.trouble(peer, self)
            return self.trouble(peer) is True
        if state in ("EHLO", "LHLO"):
            peer.sendall(b"250-here\r\n" + (b"250-PIPELINING\r\n" if self.pipelining else b"") + b"250 8BITMIME\r\n")
        else:
            peer.sendall(GOOD[state].encode() + b"\r\n")
        return True

    def session(self, peer):
        try:
            self.reply(peer, "GREETING")
            file = self.file(peer)
            while line := file.readline():
                verb = line.decode(errors="replace").split()[0].upper()
                self.said.append(line.decode(errors="replace").strip())
                went_well = self.reply(peer, verb)
                if verb == "DATA" and went_well:
                    lines = []
                    while (text := file.readline()) != b".\r\n":
                        if not text:
                            raise Done
                        lines.append(text)
                    if self.reply(peer, "DOT"):
                        self.messages.append((peer, b"".join(lines)))
                if verb == "QUIT":
                    break
        except (OSError, Done, KeyError):
            pass
        try:
            peer.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        peer.close()

    def close(self):
        self.socket.close()


def suite_for(servers):
    """A suite that runs, and relays each domain's mail to its server."""
    suite = Suite()
    extra, match = "", 'match from any for domain "example.test" action "local"\n'
    for domain, server in servers.items():
        scheme = "lmtp" if domain.startswith("lmtp-") else "smtp"
        extra += f'action "{domain}" relay host {scheme}://{HOST}:{server.port}\n'
        match += f'match from auth for domain "{domain}" action "{domain}"\n'
    suite.extra, suite.match = extra, match
    suite.start()
    return suite


class Hostile(unittest.TestCase):
    """One suite and one server for each case, under a domain of its own."""

    TROUBLES = {"close": (close, "closed|reset"), "garbage": (garbage, "malformed"), "endless": (endless, "malformed"),
                "line": (one_line, "without end"), "code": (other_code, "malformed"), "421": (shut, "421 4.3.2"),
                "half": (half, "closed|reset")}
    REFUSALS = {"MAIL": "550 5.7.1 not you", "RCPT": "550 5.1.1 nobody", "DATA": "554 5.7.1 no data", "DOT": "554 5.6.0 no"}

    @classmethod
    def setUpClass(cls):
        cls.servers = {}
        for name, (trouble, _) in cls.TROUBLES.items():
            for state in STATES:
                for pipelining in (True, False):
                    cls.servers[cls.case(name, state, pipelining)] = Server(state, trouble, pipelining)
        for state, text in cls.REFUSALS.items():
            for pipelining in (True, False):
                cls.servers[cls.case("refusal", state, pipelining)] = Server(state, text, pipelining)
        for state in STATES:
            cls.servers[cls.case("silent", state, True)] = Server(state, silent)
        cls.servers["no-ehlo.test"] = Server("EHLO", "502 5.5.1 what")
        cls.servers["all-well.test"] = Server("NEVER", close)
        cls.servers["one-each.test"] = Server("MAIL", one_message_each)
        cls.servers["one-each-s.test"] = Server("MAIL", one_message_each, False)
        cls.servers["enough.test"] = Server("DATA", enough)
        cls.servers["farewell.test"] = Server("DOT", farewell)
        cls.servers["crowded.test"] = Server("RCPT", crowded)
        cls.servers["choosy-p.test"] = Server("RCPT", choosy)
        cls.servers["choosy-s.test"] = Server("RCPT", choosy, False)
        cls.servers["deserter-p.test"] = Server("RCPT", deserter)
        cls.servers["deserter-s.test"] = Server("RCPT", deserter, False)
        cls.servers["namesake.test"] = Server("EHLO", "250 mail.example.test at your service")
        cls.servers["waits.test"] = Server("RCPT", "450 4.2.1 later")
        cls.servers["lax-mail.test"] = Server("MAIL", "220 2.1.0 why not")
        cls.servers["lax-rcpt.test"] = Server("RCPT", "252 2.1.5 will see")
        cls.servers["yes-data-p.test"] = Server("DATA", "250 2.0.0 ok")
        cls.servers["yes-data-s.test"] = Server("DATA", "250 2.0.0 ok", False)
        for name, trouble in (("few", too_few), ("many", too_many)):
            for pipelining in (True, False):
                cls.servers[cls.case("lmtp", name, pipelining)] = Server("DOT", trouble, pipelining)
        cls.suite = suite_for(cls.servers)

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)
        for server in cls.servers.values():
            server.close()

    @staticmethod
    def case(name, state, pipelining):
        return f"{name}-{state}-{'p' if pipelining else 's'}.test".lower()

    def submit(self, recipients, body="hello\r\n"):
        with smtplib.SMTP("127.0.0.1", self.suite.port["submission"], timeout=20) as client:
            client.starttls()
            client.login("alice@example.test", PASSWORDS["alice"])
            for r in recipients:
                client.sendmail("alice@example.test", [r], message("alice@example.test", r, r, body))

    def failure(self, recipient):
        def find():
            for line in list(self.suite.lines):
                if f"to={recipient} " in line and "relay_failed" in line:
                    return line
        return wait_until(find, 30, f"a failure of {recipient}\n{self.suite.log()[-2000:]}")

    def test_troubles_leave_the_message_in_the_queue(self):
        before = self.suite.pids("relay")
        cases = [(name, state, p) for name in self.TROUBLES for state in STATES for p in (True, False)]
        self.submit([f"x@{self.case(*c)}" for c in cases])
        for name, state, pipelining in cases:
            domain = self.case(name, state, pipelining)
            with self.subTest(domain):
                line = self.failure(f"x@{domain}")
                self.assertRegex(line, self.TROUBLES[name][1])
                self.assertNotIn("\x1b", line)
                self.assertEqual(self.servers[domain].messages, [])
                self.assertIn(f"x@{domain}", [e["recipient"] for e in self.suite.queue()])
        self.assertEqual(self.suite.pids("relay"), before)
        self.suite.ctl("remove", "all")

    def test_refusals_come_back_and_the_connection_stays(self):
        cases = [(state, p) for state in self.REFUSALS for p in (True, False)]
        self.submit([f"y@{self.case('refusal', *c)}" for c in cases])
        for state, pipelining in cases:
            domain = self.case("refusal", state, pipelining)
            with self.subTest(domain):
                self.assertIn(self.REFUSALS[state], self.failure(f"y@{domain}"))
                self.assertEqual(self.servers[domain].sessions, 1)
                self.assertEqual([text for _, text in self.servers[domain].messages if text], [])
        wait_until(lambda: sum(b"Action: failed" in b for b in self.suite.bodies("alice")) >= len(cases), 30, "the reports")

    def test_a_server_that_knows_no_ehlo(self):
        self.submit(["z@no-ehlo.test"])
        server = self.servers["no-ehlo.test"]
        wait_until(lambda: server.messages, 15, "the message")
        self.assertTrue(any(s.startswith("HELO ") for s in server.said))

    def test_a_host_that_was_named_may_have_our_name(self):
        """Two servers may share one: mail comes back only where the DNS leads to us."""
        self.submit(["x@namesake.test"])
        wait_until(lambda: len(self.servers["namesake.test"].messages) == 1, 20, "the message")

    def test_a_recipient_that_is_to_wait_waits(self):
        self.submit(["w@waits.test"])
        self.assertIn("450 4.2.1 later", self.failure("w@waits.test"))
        self.assertIn("w@waits.test", [e["recipient"] for e in self.suite.queue()])

    def test_any_yes_to_the_envelope_is_one(self):
        for domain in ("lax-mail.test", "lax-rcpt.test"):
            self.submit([f"l@{domain}"])
            server = self.servers[domain]
            wait_until(lambda: server.messages, 15, f"the message for {domain}\n{self.suite.log()[-2000:]}")
            self.assertIn(b"hello", server.messages[0][1])

    def test_a_yes_before_the_message_is_none(self):
        for domain in ("yes-data-p.test", "yes-data-s.test"):
            self.submit([f"d@{domain}"])
            self.assertIn("250 2.0.0 ok", self.failure(f"d@{domain}"))
            self.assertEqual(self.servers[domain].messages, [])
            self.assertIn(f"d@{domain}", [e["recipient"] for e in self.suite.queue()])

    def test_one_recipient_too_many_waits(self):
        self.suite.submit("alice", ["a@crowded.test", "b@crowded.test"], message("alice@example.test", "a@crowded.test"))
        wait_until(lambda: self.servers["crowded.test"].messages, 15, "the message")
        line = wait_until(lambda: [x for x in list(self.suite.lines) if "@crowded.test " in x and "relay_failed" in x], 15, "a refusal")
        self.assertIn("status=4.5.3", line[0])
        wait_until(lambda: len([e for e in self.suite.queue() if "@crowded.test" in e["recipient"]]) == 1, 15, "the one that waits")

    def has_ended(self, domain):
        """Nothing for it is in the queue: relay knows too how the server took it, and keeps the connection."""
        wait_until(lambda: not [e for e in self.suite.queue() if domain in e["recipient"]], 15, f"the end of what is for {domain}")

    def test_who_is_refused_gets_nothing_and_the_others_all(self):
        """Also on a connection that has brought something before; an empty message is one to nobody."""
        for domain in ("choosy-p.test", "choosy-s.test"):
            server = self.servers[domain]
            self.suite.submit("alice", [f"{r}@{domain}" for r in ("a", "bad", "c")], message("alice@example.test", f"a@{domain}"))
            wait_until(lambda: server.messages, 15, "the message")
            self.assertIn("550 5.1.1 nobody", self.failure(f"bad@{domain}"))
            self.has_ended(domain)
            self.suite.submit("alice", [f"bad@{domain}"], message("alice@example.test", f"bad@{domain}"))
            wait_until(lambda: len([s for s in server.said if "<bad@" in s]) == 2, 15, "the second attempt")
            self.has_ended(domain)
            self.assertEqual((server.sessions, len([m for _, m in server.messages if m])), (1, 1))

            def relayed():
                return len([s for s in list(self.suite.lines) if "event=relayed" in s and f"@{domain} " in s])
            wait_until(lambda: relayed() >= 2, 15, "both in the log")
            self.assertEqual(relayed(), 2)

    def test_who_was_refused_does_not_wait_for_a_lost_connection(self):
        before = self.suite.pids("relay")
        for domain in ("deserter-p.test", "deserter-s.test"):
            to = [f"{r}@{domain}" for r in ("a", "bad", "last")]
            self.suite.submit("alice", to, message("alice@example.test", to[0]))
            self.assertIn("550 5.1.1 nobody", self.failure(f"bad@{domain}"))
            self.assertRegex(self.failure(f"last@{domain}"), "status=4")
            wait_until(lambda: sorted(e["recipient"] for e in self.suite.queue() if domain in e["recipient"]) == [to[0], to[2]], 15,
                       "the two that wait")
            self.assertEqual(len([x for x in list(self.suite.lines) if f"to=bad@{domain} " in x and "relay_failed" in x]), 1)
        self.assertEqual(self.suite.pids("relay"), before)

    def test_silence_holds_up_nobody_else(self):
        cases = [self.case("silent", state, True) for state in STATES]
        self.submit([f"s@{c}" for c in cases])
        for c in cases:
            wait_until(lambda: self.servers[c].sessions == 1, 15, c)
        well = self.servers["all-well.test"]
        count = len(well.messages)
        self.submit(["s@all-well.test"] * 3)
        wait_until(lambda: len(well.messages) == count + 3, 15, "the others' mail")
        self.assertIn("s@silent-mail-p.test", [e["recipient"] for e in self.suite.queue()])

    def test_a_kept_connection_that_is_gone_costs_nothing(self):
        for domain in ("one-each.test", "one-each-s.test"):
            server = self.servers[domain]
            for i in range(1, 4):
                self.submit([f"k@{domain}"])
                wait_until(lambda: len(server.messages) == i, 10, f"message {i} of {domain}\n{self.suite.log()[-2000:]}")
            self.assertEqual(server.sessions, 3)
            self.assertFalse([line for line in self.suite.lines if f"to=k@{domain} " in line and "relay_failed" in line])

    def test_a_connection_that_ends_is_not_taken_again(self):
        before, server = self.suite.pids("relay"), self.servers["farewell.test"]
        with smtplib.SMTP("127.0.0.1", self.suite.port["submission"], timeout=20) as client:
            client.starttls()
            client.login("alice@example.test", PASSWORDS["alice"])
            for i in range(200):
                client.sendmail("alice@example.test", ["f@farewell.test"], message("alice@example.test", "f", f"{i}"))
        wait_until(lambda: len(server.messages) >= 200, 60, f"all messages, not {len(server.messages)}")
        self.assertEqual(self.suite.pids("relay"), before)
        self.assertEqual(len(server.messages), 200)

    def test_a_connection_brings_so_many_messages(self):
        """Some servers count them against us; what a connection gathers is let go with it."""
        most, server = 100, self.servers["all-well.test"]
        with smtplib.SMTP("127.0.0.1", self.suite.port["submission"], timeout=20) as client:
            client.starttls()
            client.login("alice@example.test", PASSWORDS["alice"])
            for i in range(1, most + 3):
                client.sendmail("alice@example.test", ["m@all-well.test"], message("alice@example.test", "m", f"{i}"))
                # What stands in the log, relay has done: the connection is kept again.
                wait_until(lambda: len([x for x in list(self.suite.lines) if "event=relayed" in x and "to=m@all-well.test " in x]) == i, 20,
                           f"message {i}")
        self.assertEqual(max(collections.Counter(id(peer) for peer, *_ in server.messages).values()), most)

    def test_replies_to_the_dot_that_are_not_as_many_as_recipients(self):
        for pipelining in (True, False):
            few, many = (self.case("lmtp", name, pipelining) for name in ("few", "many"))
            self.suite.submit("alice", [f"a@{few}", f"b@{few}"], message("alice@example.test", f"a@{few}"))
            self.assertIn("status=4.4.2", self.failure(f"b@{few}"))
            wait_until(lambda: [e["recipient"] for e in self.suite.queue() if few in e["recipient"]] == [f"b@{few}"], 15, "who waits")
            for i in range(1, 3):
                self.suite.submit("alice", [f"a@{many}", f"b@{many}"], message("alice@example.test", f"a@{many}"))
                self.has_ended(many)
                wait_until(lambda: len(self.servers[many].messages) == i, 15, f"message {i}")
            self.assertEqual(self.servers[many].sessions, 2, "who is out of step is not spoken to again")

    def test_a_refusal_in_the_middle_of_the_message_counts(self):
        self.submit(["e@enough.test"], "0123456789\r\n" * 1000000)
        self.assertIn("552 5.3.4 too large for here", self.failure("e@enough.test"))
        wait_until(lambda: [b for b in self.suite.bodies("alice") if b"Status: 5.3.4" in b], 15, "the report")
        self.servers["enough.test"].released.set()


class TlsServer(threading.Thread):
    """Offers STARTTLS and AUTH; one of the two goes wrong, in the way that is named."""

    def __init__(self, trouble, context):
        super().__init__(daemon=True)
        self.trouble, self.context = trouble, context
        self.messages, self.said = [], []
        self.socket = socket.create_server((HOST, 0), backlog=50)
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.session, args=(peer,), daemon=True).start()

    def start_tls(self, peer):
        """The connection under TLS; what went wrong ends it, or leaves it in clear."""
        if self.trouble == "refused":
            peer.sendall(b"454 4.7.0 not now\r\n")
            return peer
        injected = b"250 2.0.0 injected\r\n" * 5 if self.trouble == "injection" else b""
        peer.sendall(b"220 go\r\n" + injected)
        if self.trouble == "close":
            raise Done
        if self.trouble == "names":
            return self.crowd.wrap_socket(peer, server_side=True)
        if self.trouble == "mute":
            while peer.recv(1000):
                pass
            raise Done
        if self.trouble == "nonsense":
            peer.recv(1000)      # its handshake: what is there before it would be an injection
            peer.sendall(b"this is no handshake\r\n" * 100)
            peer.recv(1000)
            raise Done
        return self.context.wrap_socket(peer, server_side=True)

    def session(self, peer):
        is_tls = False
        try:
            peer.sendall(b"220 here\r\n")
            file = peer.makefile("rb")
            while line := file.readline():
                line = line.decode(errors="replace").strip()
                verb = line.split()[0].upper()
                self.said.append(("tls " if is_tls else "clear ") + line)
                if verb == "EHLO" and is_tls and self.trouble == "mute in TLS":
                    continue
                if verb == "EHLO":
                    in_clear = b"250-SIZE 50000000\r\n250-STARTTLS\r\n"
                    peer.sendall(b"250-here\r\n" + (b"" if is_tls else in_clear) + b"250 AUTH PLAIN\r\n")
                elif verb == "STARTTLS":
                    new = self.start_tls(peer)
                    is_tls = new is not peer
                    peer, file = new, new.makefile("rb")
                elif verb == "AUTH" and self.trouble == "password":
                    peer.sendall(b"535 5.7.8 wrong\r\n")
                elif verb == "AUTH" and self.trouble == "questions":
                    peer.sendall(b"334 and?\r\n")
                elif verb == "AUTH":
                    peer.sendall(b"235 ok\r\n")
                elif verb == "DATA":
                    peer.sendall(b"354 go\r\n")
                    while file.readline() not in (b".\r\n", b""):
                        pass
                    self.messages.append(is_tls)
                    peer.sendall(b"250 taken\r\n")
                elif verb == "QUIT":
                    break
                else:
                    peer.sendall(b"250 ok\r\n")
        except (OSError, Done, IndexError):
            pass
        peer.close()


def certificate_of_many(folder, count):
    """A server's context, whose certificate names so many hosts."""
    path = folder / f"names-{count}"
    conf = "[req]\ndistinguished_name = d\n[d]\n[v]\nsubjectAltName = @n\n[n]\n"
    path.write_text(conf + "".join(f"DNS.{i} = host-{i}.example.test\n" for i in range(count)))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=many", "-config", path, "-extensions", "v", "-keyout", f"{path}.key", "-out", f"{path}.pem"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{path}.pem", f"{path}.key")
    return context


class Tls(unittest.TestCase):
    """What must be under TLS never leaves in clear, and what may is not lost for want of it."""

    TROUBLES = {"refused": "refused it", "close": "closed|broke|reset", "nonsense": "not TLS|version|broke",
                "names": "excessive|too large|long",
                "injection": "in clear behind"}

    @classmethod
    def setUpClass(cls):
        suite = cls.suite = Suite()
        suite.prepare()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(suite.folder / "cert.pem", suite.folder / "key.pem")
        cls.servers = {}
        extra, match = 'table secrets { "me" = "user:secret" }\n', 'match from any for domain "example.test" action "local"\n'
        for trouble in (*cls.TROUBLES, "password", "questions", "none"):
            server = cls.servers[trouble] = TlsServer(trouble, context)
            server.crowd = certificate_of_many(suite.folder, 20000) if trouble == "names" else None
            at = f"{HOST}:{server.port}"
            for kind, rest in (("may", f"smtp://{at}"), ("must", f"smtp://{at} tls no-verify"),
                               ("auth", f"smtp+tls://me@{at} tls no-verify auth <secrets>")):
                extra += f'action "{kind}-{trouble}" relay host {rest}\n'
                match += f'match from auth for domain "{kind}-{trouble}.test" action "{kind}-{trouble}"\n'
        suite.extra, suite.match = extra, match
        suite.write_conf()
        suite.begin()

    @classmethod
    def tearDownClass(cls):
        cls.suite.__exit__(None, None, None)
        for server in cls.servers.values():
            server.socket.close()

    submit, failure = Hostile.submit, Hostile.failure

    def test_opportunity_missed_goes_in_clear(self):
        for trouble in self.TROUBLES:
            with self.subTest(trouble):
                self.submit([f"x@may-{trouble}.test"])
                server = self.servers[trouble]
                if trouble == "injection":
                    self.assertRegex(self.failure(f"x@may-{trouble}.test"), self.TROUBLES[trouble])
                else:
                    wait_until(lambda: server.messages, 15, f"{trouble}\n{self.suite.log()[-1500:]}")
                self.assertNotIn(True, server.messages)

    def test_what_must_be_secret_waits(self):
        for kind in ("must", "auth"):
            for trouble, words in self.TROUBLES.items():
                with self.subTest(f"{kind} {trouble}"):
                    before = len(self.servers[trouble].said)
                    self.submit([f"x@{kind}-{trouble}.test"])
                    self.assertRegex(self.failure(f"x@{kind}-{trouble}.test"), words)
                    said = self.servers[trouble].said[before:]
                    self.assertFalse([s for s in said if s.startswith("clear MAIL") or s.startswith("clear AUTH")], said)

    def test_a_password_that_is_wrong_waits(self):
        for trouble, words in (("password", "535 5.7.8 wrong"), ("questions", "334")):
            self.submit([f"x@auth-{trouble}.test"])
            self.assertIn(words, self.failure(f"x@auth-{trouble}.test"))
            self.assertEqual(self.servers[trouble].messages, [])
            self.assertEqual(len([s for s in self.servers[trouble].said if s.startswith("tls AUTH")]), 1)

    def test_all_well(self):
        self.submit(["x@auth-none.test"])
        wait_until(lambda: self.servers["none"].messages == [True], 15, "the message")
        self.assertNotIn("secret", "".join(self.suite.lines))
        mail = [s for s in self.servers["none"].said if s.startswith("tls MAIL")]
        self.assertNotIn("SIZE=", mail[0], "what was offered in clear counts no more (RFC 3207 4.2)")

    def test_what_was_kept_follows_the_new_rules(self):
        domain, server = "may-none.test", self.servers["none"]
        count = len(server.messages)
        self.submit([f"x@{domain}"])
        wait_until(lambda: len(server.messages) > count, 15, "the message")
        count = len(server.messages)
        helo = len([s for s in server.said if "EHLO" in s])
        self.suite.write_conf()
        self.suite.ctl("reload")
        self.submit([f"x@{domain}"])
        wait_until(lambda: len(server.messages) > count, 15, "the second message")
        self.assertGreater(len([s for s in server.said if "EHLO" in s]), helo)


class Reload(unittest.TestCase):
    def test_what_was_in_use_follows_the_new_rules_too(self):
        """Action and place stay the same; only the name that EHLO says is another."""
        server = Server("DOT", slow)
        suite = Suite(extra=f'action "slow" relay host smtp://{HOST}:{server.port} helo old.test\n',
                      match='match from any for domain "example.test" action "local"\n'
                            'match from auth for any action "slow"\n')
        with suite:
            suite.submit("alice", ["x@slow.test"], message("alice@example.test", "x@slow.test"))
            self.assertTrue(server.reached.wait(15))
            suite.extra = suite.extra.replace("old.test", "new.test")
            suite.write_conf()
            suite.ctl("reload")
            server.released.set()
            wait_until(lambda: "QUIT" in server.said, 20, "the end of the old connection")
            suite.submit("alice", ["y@slow.test"], message("alice@example.test", "y@slow.test"))
            wait_until(lambda: len(server.messages) == 2, 15, "the second message")
            self.assertEqual([s for s in server.said if s.startswith("EHLO")], ["EHLO old.test", "EHLO new.test"])
        server.close()


class Stop(unittest.TestCase):
    def test_what_a_queue_that_is_gone_began_is_not_sent(self):
        server = Server("RCPT", hesitant)
        suite = Suite(extra=f'action "hesitant" relay host smtp://{HOST}:{server.port}\n',
                      match='match from any for domain "example.test" action "local"\n'
                            'match from auth for any action "hesitant"\n')
        with suite:
            suite.submit("alice", ["x@hesitant.test"], message("alice@example.test", "x@hesitant.test"))
            self.assertTrue(server.reached.wait(15))
            for pid in suite.pids("queue"):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: server.sessions == 2, 30, "the next queue's attempt")
            server.released.set()
            suite.wait_queue_empty(30)
            wait_until(lambda: server.messages, 15, "the message")
            self.assertEqual(len(server.messages), 1)
        server.close()

    def test_what_is_on_its_way_arrives_once(self):
        server = Server("DOT", slow)
        suite = Suite(extra=f'action "slow" relay host smtp://{HOST}:{server.port}\n',
                      match='match from any for domain "example.test" action "local"\n'
                            'match from auth for any action "slow"\n')
        with suite:
            suite.submit("alice", ["x@slow.test"], message("alice@example.test", "x@slow.test"))
            self.assertTrue(server.reached.wait(15))
            self.assertEqual(suite.stop(), 0)
            wait_until(lambda: server.messages, 15, "the message")
            self.assertEqual(len(server.messages), 1)
            suite.run()
            self.assertEqual(suite.queue(), [])
        server.close()


if __name__ == "__main__":
    unittest.main()
