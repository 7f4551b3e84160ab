#!/usr/bin/env python3
"""A process that has been taken over says what it likes to its neighbours: they live, nobody else is harmed, and one
side of the line begins anew.

There are some hundred kinds of nonsense for each pair of processes; each costs a start. KURIR_NONSENSE sets how many of
a pair are tried, chosen by KURIR_SEED (2 unless said otherwise; 1000 are all).
"""

import array
import contextlib
import os
import pwd
import random
import re
import signal
import socket
import tempfile
import time
import unittest

from captured import PLACES, Captured
from ipc import HEADER, MESSAGES, ROOT
from suite import wait_until

SEED = int(os.environ.get("KURIR_SEED", str(random.randrange(1 << 30))))
FLOOD = 100000
EACH = int(os.environ.get("KURIR_NONSENSE", "2"))
STRANGERS = {"listener", "relay", "imapd", "pop3d", "resolver"}  # read what comes from outside
LAST_WORDS = """#!/usr/bin/env python3
import os, struct, time
_, _, _, request = struct.unpack("{header}", os.read(3, {header_size}))
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
body = {body}
os.write(3, struct.pack("{header}", {header_size} + len(body), {number}, 0, request) + body)
"""
LIAR = """#!/usr/bin/env python3
import os, struct
_, _, _, request = struct.unpack("{header}", os.read(3, {header_size}))
for body in {bodies}:
    os.write(3, struct.pack("{header}", {header_size} + len(body), {number}, 0, request) + body)
"""


def edges():
    """(asker, answerer, header) of each pair of processes that talk."""
    text = (ROOT / "common/ipc/edges.h").read_text()
    return [(a.lower(), b.lower(), h) for a, b, h in re.findall(r"E\((\w+),\s*(\w+)\)\s*/\* (\S+) \*/", text)]


def orders():
    """{role: messages}: what each process may have root do for it."""
    text = (ROOT / "common/ipc/edges.h").read_text()
    found = {}
    for asker, message in re.findall(r"O\((\w+),\s*(\w+)\)\s*/\*", text):
        found.setdefault(asker.lower(), set()).add(message)
    return found


EDGES = edges()
ORDERS = orders()
# What any process may say.
TO_PARENT = {"pa_ready", "pa_suspect", "pa_count", "pa_trace_line", "pa_line", "pa_control_done", "pa_applied"}


def messages_of(header):
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "common/ipc" / header).read_text(), flags=re.S)
    return [MESSAGES[name] for name in re.findall(r"M\((\w+),\s*0x", text) if name in MESSAGES]


def frame(number, body=b"", flags=0, request=1, size=None):
    return HEADER.pack(HEADER.size + len(body) if size is None else size, number, flags, request) + body


def nonsense(header):
    """Octets that no healthy process sends on that line, each with its name."""
    yield "a type that nobody has", frame(0x7f7f)
    yield "a message of another line", frame(MESSAGES["pa_setup"].number, MESSAGES["pa_setup"].pack({"mailboxes": 1}))
    for size in (0, HEADER.size - 1, 0xffffffff):
        yield f"a length of {size}", frame(messages_of(header)[0].number, size=size)
    for m in messages_of(header):
        body = m.pack({})
        yield f"{m.name} with an octet too many", frame(m.number, body + b"x")
        if body:
            yield f"{m.name} cut short", frame(m.number, body[:-1])
        for kind, name in m.fields:
            if kind == "text":
                yield f"{m.name}.{name} that is no UTF-8", frame(m.number, m.pack({name: b"\xff\xfe"}))
                yield f"{m.name}.{name} with a NUL", frame(m.number, m.pack({name: b"a\0b"}))
            if kind in ("text", "octets", "secret"):
                at = m.pack({}).index(b"", 0)
                yield f"{m.name}.{name} that claims 4 GiB", frame(m.number, b"\xff" * max(4, len(body) - at))


def memory(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))


def pids_of(program):
    """Of all processes that run the script."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/cmdline", "rb") as f:
            if program.encode() in f.read().split(b"\0"):
                found.append(int(entry))
    return found


class Intruder(unittest.TestCase):
    def others(self, c):
        return {name: c.suite.pids(name) for name in PLACES if name != c.name}

    def say(self, c, peer, octets, fd=None):
        """Sends octets to that neighbour; true when it cuts the line within a while."""
        line = c.life.lines[peer]
        try:
            if fd is None:
                line.raw(octets)
            else:
                line.sock.sendmsg([octets], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
            end = time.monotonic() + 20
            line.sock.settimeout(0.5)
            while time.monotonic() < end:
                try:
                    if not line.sock.recv(1 << 16):
                        return True
                except TimeoutError:
                    pass
        except (ConnectionResetError, BrokenPipeError):
            return True
        return False

    def after(self, c, peer, before, life, what):
        """One side has begun anew, the other is what it was, and nobody else noticed."""
        restarted = {c.name} if c.name in STRANGERS else set()
        if peer in STRANGERS:
            restarted.add(peer)
        elif c.name not in STRANGERS:
            restarted.add(c.name)
        if c.name in restarted:
            self.assertTrue(life.over.wait(10), f"{what}: the intruder still runs")
            wait_until(lambda: c.life is not life and c.life.ready.is_set() and peer in c.life.lines, 15, f"{what}: a new start")
        else:
            wait_until(lambda: c.suite.pids(peer) and c.suite.pids(peer) != before[peer], 15, f"{what}: {peer} begins anew")
            self.assertFalse(life.over.is_set(), f"{what}: who reads strangers is believed")
        for name, pids in before.items():
            if name not in restarted:
                self.assertEqual(c.suite.pids(name), pids, f"{what}: {name} died")
            else:
                wait_until(lambda: c.suite.pids(name), 15, f"{what}: {name} again")
        wait_until(lambda: peer in c.life.lines, 15, f"{what}: a line again")

    def try_all(self, name):
        count, rnd = 0, random.Random(f"{SEED}-{name}")
        with Captured(name) as c:
            for asker, answerer, header in EDGES:
                peer = answerer if asker == name else asker if answerer == name else None
                if peer is None:
                    continue
                kinds = list(nonsense(header))
                for what, octets in rnd.sample(kinds, min(EACH, len(kinds))):
                    before, life = self.others(c), c.life
                    old = c.life.lines[peer]
                    self.assertTrue(self.say(c, peer, octets), f"{name} to {peer}: {what} is taken")
                    self.after(c, peer, before, life, f"{name} to {peer}: {what}")
                    wait_until(lambda: c.life.lines[peer] is not old, 15, "a new line")
                    count += 1
                with tempfile.TemporaryFile() as f:
                    before, life, old = self.others(c), c.life, c.life.lines[peer]
                    self.assertTrue(self.say(c, peer, frame(messages_of(header)[0].number, flags=1), f.fileno()))
                    self.after(c, peer, before, life, f"{name} to {peer}: a descriptor for nothing")
                    wait_until(lambda: c.life.lines[peer] is not old, 15, "a new line")
                    count += 1
        print(f"seed {SEED}, {name}: {count} kinds of nonsense, each cut off")

    def flood(self, name, peer, octets):
        """Requests without end, whose answers nobody reads: the neighbour neither grows nor stops serving others."""
        with Captured(name) as c:
            pid = c.suite.pids(peer)[0]
            before, line = memory(pid), c.life.lines[peer]
            line.sock.settimeout(0.5)
            begun, sent = time.monotonic(), 0
            try:
                while time.monotonic() - begun < (5 if sent > FLOOD else 60):
                    try:
                        sent += line.sock.send(octets * 64)
                    except TimeoutError:      # it listens no more, or on a busy machine not yet
                        if sent > FLOOD:
                            break
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.assertGreater(sent, FLOOD)
            self.assertEqual(c.suite.pids(peer)[:1], [pid], f"{peer} died")
            self.assertLess(memory(pid) - before, 64 * 1024, f"{peer} grew")

    def test_listener(self):
        self.try_all("listener")

    def test_relay(self):
        self.try_all("relay")

    def test_imapd(self):
        self.try_all("imapd")

    def test_pop3d(self):
        self.try_all("pop3d")

    def test_resolver(self):
        self.try_all("resolver")

    def test_lookup(self):
        self.try_all("lookup")

    def test_queue(self):
        self.try_all("queue")

    def test_mailbox(self):
        self.try_all("mailbox")

    def test_keyholder(self):
        self.try_all("keyholder")

    def test_a_flood_of_logins(self):
        m = MESSAGES["al_login"]
        self.flood("imapd", "lookup", frame(m.number, m.pack({"service": 2, "user": "x@example.test", "secret": "y"})))

    def test_a_flood_of_names(self):
        m = MESSAGES["ar_ptr"]
        self.flood("listener", "resolver", frame(m.number, m.pack({"address": b"\x7f\0\0\1"})))

    def test_an_intruder_gets_no_secret(self):
        """What a role may not ask is a violation, however well it is formed."""
        cases = [("listener", "lookup", "al_fetch", {"service": 0, "table": "secrets", "key": "me"}),
                 ("relay", "lookup", "al_login", {"user": "alice@example.test", "secret": "alice-secret"}),
                 ("imapd", "lookup", "al_fetch", {"service": 0, "table": "secrets", "key": "me"}),
                 ("pop3d", "lookup", "al_route", {"recipient": "alice@example.test"}),
                 ("queue", "lookup", "al_fetch", {"service": 0, "table": "secrets", "key": "me"}),
                 ("listener", "resolver", "ar_mx", {"domain": "example.test"}),
                 ("listener", "resolver", "ar_address", {"host": "example.test"})]
        for name, peer, message, values in cases:
            with self.subTest(f"{name} says {message}"), Captured(name, extra='table secrets { "me" = "user:password" }\n') as c:
                m = MESSAGES[message]
                self.assertTrue(self.say(c, peer, frame(m.number, m.pack(values))))

    def test_a_captured_relay_reads_no_tables_but_its_own(self):
        """Those that actions name, for what they name them; a table of passwords is the listener's."""
        tables = ('table smart { "me" = "user:password" }\ntable users { "me" = "a-hash" }\ntable sources { "127.0.0.1" }\n'
                  'action "smart" relay host smtps://me@127.0.0.1 auth <smart> src <sources>\n')
        credentials, host, source, name = range(4)
        cases = [(credentials, "smart", "me", b"user:password"), (source, "sources", "", b"127.0.0.1"),
                 (credentials, "users", "me", None), (name, "users", "me", None), (name, "smart", "me", None),
                 (host, "users", "", None), (source, "users", "", None)]
        with Captured("relay", extra=tables) as c:
            line = c.life.lines["lookup"]
            for number, (service, table, key, value) in enumerate(cases, 1):
                with self.subTest(f"{table} as service {service}"):
                    line.send("al_fetch", request=number, service=service, table=table, key=key)
                    message, request, values, _ = line.receive(10)
                    self.assertEqual((message, request), ("al_value", number))
                    self.assertEqual((values["found"], values["value"]), (1, value) if value else (0, b""))

    def test_a_listener_may_ask_by_a_configuration_that_was(self):
        """A client's address may come, by way of a proxy, when a reload has taken the table of names away."""
        with Captured("listener", extra='table other { "127.0.0.1" = "a.test" }\n') as c:
            line = c.life.lines["lookup"]
            for number, table in enumerate(("gone", "other"), 1):
                line.send("al_fetch", request=number, service=3, table=table, key="127.0.0.1")
                self.assertEqual(line.receive(10)[:3], ("al_value", number, {"found": 0, "temporary": 1, "value": b""}))

    @contextlib.contextmanager
    def mail_begun(self, suite):
        """A client whose MAIL was taken: its socket, and the same for reading."""
        with socket.create_connection((suite.host, suite.port["smtp"]), timeout=20) as s, s.makefile("rb") as f:
            f.readline()
            for command in (b"HELO client.test", b"MAIL FROM:<>"):
                s.sendall(command + b"\r\n")
                self.assertTrue(f.readline().startswith(b"250"))
            yield s, f

    def test_a_route_to_nobody(self):
        """lookup says that a recipient is fine and names none: DATA must never meet a message for nobody."""
        with Captured("lookup") as c:
            with self.mail_begun(c.suite) as (s, f):
                s.sendall(b"RCPT TO:<alice@example.test>\r\n")
                line = c.life.lines["listener"]
                name, request, _, _ = line.receive(10)
                self.assertEqual(name, "al_route")
                line.send("al_route_is", request=request, result=0)
                self.assertFalse(f.readline().startswith(b"250"), "a recipient that leads nowhere was accepted")
            wait_until(lambda: "field=al_route_is" in c.suite.log(), 10, "the violation in the log")

    def test_a_route_that_is_refused_leaves_nobody(self):
        """lookup names a recipient, and then says no: he is not among those of the next RCPT."""
        with Captured("lookup") as c:
            with self.mail_begun(c.suite) as (s, f):
                line = c.life.lines["listener"]
                for name, result, reply in (("bob", 1, b"550"), ("alice", 0, b"250")):
                    address = f"{name}@example.test"
                    s.sendall(f"RCPT TO:<{address}>\r\n".encode())
                    asked, request, _, _ = line.receive(10)
                    self.assertEqual(asked, "al_route")
                    line.send("al_recipient", request=request, action="local", address=address, user=address)
                    line.send("al_route_is", request=request, result=result)
                    self.assertTrue(f.readline().startswith(reply))
                said = b"451"
                while said.startswith(b"451"):      # queue may begin after all the others
                    s.sendall(b"DATA\r\n")
                    said = f.readline()
                self.assertTrue(said.startswith(b"354"), said)
                s.sendall(b"Subject: x\r\n\r\nx\r\n.\r\n")
                self.assertTrue(f.readline().startswith(b"250"))
            accepted = wait_until(lambda: [x for x in list(c.suite.lines) if "event=accepted" in x], 10, "the message in the log")
            self.assertIn(" recipients=1 ", accepted[0])

    def give_orders(self, name):
        """Everything that is not this process's to say, said to root: it is killed for it, and nothing is done."""
        with tempfile.TemporaryDirectory() as folder, Captured(name) as c:
            os.chmod(folder, 0o777)
            marker, parent = os.path.join(folder, "root-obeyed"), c.suite.process.pid
            values = {"lp_check": {"user": "nobody", "secret": "x"}, "lp_forward": {"user": "nobody"},
                      "qa_deliver": {"message": 1, "envelope": 1, "action": "local", "user": "nobody", "target": f"|touch {marker}",
                                     "sender": "a@b.test", "address": "nobody@b.test", "original": "nobody@b.test", "octets": b"x", "size": 1}}
            grave = messages_of("lookup_parent.h") + messages_of("queue_agent.h")
            others = [m for m in messages_of("parent_any.h") + messages_of("ctl_parent.h") if m.name not in TO_PARENT]
            others = random.Random(f"{SEED}-{name}").sample(others, min(EACH, len(others)))
            for m in (m for m in grave + others if m.name not in ORDERS.get(name, set())):
                before, life = self.others(c), c.life
                life.parent.send(m.name, request=1, **values.get(m.name, {}))
                self.assertTrue(life.over.wait(10), f"{name} says {m.name} and lives")
                wait_until(lambda: c.life is not life and c.life.ready.is_set(), 60, "a new start")
                self.assertEqual(self.others(c), before, f"{name} says {m.name}: others died")
            self.assertIsNone(c.suite.process.poll())
            self.assertEqual(c.suite.process.pid, parent)
            self.assertFalse(os.path.exists(marker), f"{name} had root run a command")

    def test_root_takes_orders_of_none_but_those_whose_they_are(self):
        self.assertEqual(ORDERS, {"lookup": {"lp_check", "lp_forward"}, "queue": {"qa_deliver"}})
        for name in PLACES:
            with self.subTest(name):
                self.give_orders(name)

    def test_what_root_does_for_a_captured_queue(self):
        """As a user who is somebody, and only what the configuration lets an alias or a .forward say."""
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            with open(os.path.join(folder, "aliases"), "w") as f:
                f.write("post: |true\n")
            marker = os.path.join(folder, "done")
            actions = (f'table t "file:{folder}/aliases"\naction "aliased" mailbox alias <t>\naction "homes" maildir\n'
                       'action "forward" forward-only\naction "users" mailbox userbase <t>\n')
            #        action     user       the target is believed
            cases = [("local", "nobody", False), ("local", "daemon", False), ("aliased", "nobody", True), ("aliased", "daemon", False),
                     ("homes", "daemon", True), ("users", "daemon", True), ("forward", "daemon", False), ("out", "daemon", False),
                     ("homes", "root", False), ("homes", "_kurirk", False), ("homes", "_kurirq", False), ("homes", "no-such-user", False)]
            with Captured("queue", extra=actions) as c:
                for number, (action, user, believed) in enumerate(cases, 1):
                    with self.subTest(f"{action} as {user}"):
                        c.life.parent.send("qa_deliver", request=number, message=1, envelope=number, action=action, user=user,
                                           target=f"|id -un > {marker}{number}", sender="a@b.test", address="x@y.test",
                                           original="x@y.test", octets=b"x", size=1)
                        outcome = wait_until(lambda: [v for name, v in c.life.given if name == "qa_outcome" and v["envelope"] == number],
                                             20, "an outcome")[0]
                        self.assertEqual(outcome["status"] == "2.0.0", believed, outcome)
                        self.assertEqual(os.path.exists(f"{marker}{number}"), believed)
                        if believed:
                            self.assertEqual(open(f"{marker}{number}").read().strip(), user)
                        elif action == "homes":
                            self.assertEqual(outcome["status"], "5.1.1")

    def test_an_agent_speaks_for_its_own_delivery_alone(self):
        """It runs as the user, who may make it say what he likes: of other mail, and twice."""
        said = [{"envelope": envelope, "outcome": outcome, "status": status, "text": "said"}
                for envelope, outcome, status in ((77, 0, "2.0.0"), (1, 3, "5.0.0"))]
        captured = Captured("queue", extra='action "homes" maildir\n')
        self.put_agent(captured, LIAR.format(header=HEADER.format, header_size=HEADER.size, number=MESSAGES["qa_outcome"].number,
                                             bodies=[MESSAGES["qa_outcome"].pack(s) for s in said]))
        with captured as c:
            def heard():
                return [values for name, values in list(c.life.given) if name == "qa_outcome"]

            for envelope in (1, 2):     # the end of the second is behind all that the first one said
                c.life.parent.send("qa_deliver", request=envelope, message=1, envelope=envelope, action="homes", user="daemon",
                                   sender="a@b.test", address="x@y.test", original="x@y.test", octets=b"x", size=1)
                wait_until(lambda: heard() and heard()[-1]["envelope"] == envelope, 20, "an outcome")
            self.assertEqual([(o["envelope"], o["status"]) for o in heard()], [(1, "2.0.0"), (2, "2.0.0")])

    def put_agent(self, c, text):
        """In the place of the agent, which runs as a user, who may take it over. The suite goes on with what it began with."""
        agent = c.folder / "deliver/agent"
        agent.unlink()
        agent.mkdir()
        (agent / "agent").write_text(text)
        (agent / "agent").chmod(0o755)

    def deliver(self, c, envelope, **more):
        """The outcome of a delivery that queue has root begin."""
        values = {"message": 1, "envelope": envelope, "action": "homes", "user": "daemon", "sender": "a@b.test", "address": "x@y.test",
                  "original": "x@y.test", "octets": b"x", "size": 1}
        c.life.parent.send("qa_deliver", request=envelope, **values | more)
        return wait_until(lambda: [v for name, v in list(c.life.given) if name == "qa_outcome" and v["envelope"] == envelope],
                          20, "an outcome")[0]

    def test_an_agent_that_leaves_its_line_to_another(self):
        """A process of the user's holds the line that the agent had: root keeps nothing for it."""
        said = MESSAGES["qa_outcome"].pack({"envelope": 1, "outcome": 0, "status": "2.0.0", "text": "said"})
        text = LAST_WORDS.format(header=HEADER.format, header_size=HEADER.size, number=MESSAGES["qa_outcome"].number, body=said)
        captured = Captured("queue", extra='action "homes" maildir\n')
        self.put_agent(captured, text)
        with captured as c:
            def held():
                return len(os.listdir(f"/proc/{c.suite.process.pid}/fd"))

            before = held()
            try:
                for envelope in range(1, 4):
                    self.assertEqual(self.deliver(c, envelope)["status"], "2.0.0")
                self.assertGreater(held(), before, "nobody held a line: the test tests nothing")
                wait_until(lambda: held() == before, 20, "root to let go of the lines")
            finally:
                for pid in pids_of(str(c.folder / "deliver/agent/agent")):
                    os.kill(pid, signal.SIGKILL)

    def test_root_makes_a_mailbox_where_mailboxes_are(self):
        """The name of a user of a userbase, which is queue's word, is no path, and nobody else's name."""
        user = pwd.getpwnam("daemon")
        other = next(p.pw_name for p in pwd.getpwall()
                     if p.pw_uid not in (0, user.pw_uid) and not os.path.exists(f"/var/mail/{p.pw_name}"))
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            with open(os.path.join(folder, "people"), "w") as f:
                f.write(f"ann {user.pw_uid}:{user.pw_gid}:/\n")
            actions = f'table people "file:{folder}/people"\naction "spools" mbox userbase <people>\n'
            mine = f"kurir-captured-{os.getpid()}"
            self.addCleanup(lambda: [os.unlink(f"/var/mail/{name}") for name in (mine, other) if os.path.exists(f"/var/mail/{name}")])
            with Captured("queue", extra=actions) as c:
                for number, (name, made, whole) in enumerate([(f"../..{folder}/evil", f"{folder}/evil", False),
                                                              (other, f"/var/mail/{other}", False),
                                                              (mine, f"/var/mail/{mine}", True)], 1):
                    with self.subTest(name):
                        self.deliver(c, number, action="spools", user=f"{name}:{user.pw_uid}:{user.pw_gid}:/")
                        self.assertEqual(os.path.exists(made), whole)

    @contextlib.contextmanager
    def login_begun(self, suite):
        """A client of IMAP that has said who it is: its socket."""
        with socket.create_connection((suite.host, suite.port["imap"]), timeout=20) as s:
            s.recv(4096)
            s.sendall(b"a LOGIN alice@example.test alice-secret\r\n")
            yield s

    def test_nobody_is_logged_in_before_mailbox_knows_of_it(self):
        """Nor when it never does: the client is told to try again."""
        with Captured("mailbox") as c:
            c.suite.ctl("account", "add", "alice@example.test", stdin="alice-secret\n")
            with self.login_begun(c.suite) as s:
                line, imapd = c.life.lines["lookup"], c.life.lines["imapd"]
                message, request, granted, _ = line.receive(10)
                self.assertEqual((message, granted["account"]), ("lm_grant", "alice@example.test"))
                with self.assertRaises(TimeoutError):
                    imapd.receive(1)
                line.send("lm_granted", request=request)
                message, _, opens, _ = imapd.receive(10)
                self.assertEqual((message, opens["token"]), ("am_open", granted["token"]))
            with self.login_begun(c.suite) as s:
                self.assertEqual(line.receive(10)[0], "lm_grant")
                self.assertTrue(s.recv(4096).startswith(b"a NO [UNAVAILABLE]"))

    def test_no_account_opens_without_its_token(self):
        with Captured("imapd") as c:
            line = c.life.lines["mailbox"]
            for token in (bytes(16), b"\xff" * 16, os.urandom(16)):
                line.send("am_open", request=1, token=token)
                name, _, values, _ = line.receive(5)
                self.assertNotEqual(name, "am_opened", values)
                line.sock.settimeout(None)


if __name__ == "__main__":
    unittest.main()
