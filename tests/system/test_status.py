"""What smtpctl shows of a suite that runs: its processes, its counters, and a live trace."""

import base64
import imaplib
import json
import os
import poplib
import re
import signal
import smtplib
import subprocess
import threading
import time
import unittest
from pathlib import Path

from background import DEBUG, BackgroundCase
from suite import SMTPCTL, message, wait_until


class Trace:
    """smtpctl trace; its lines, as they come."""

    def __init__(self, case, s, *what, tool=()):
        self.process = subprocess.Popen([SMTPCTL, "-s", s.folder / "run/smtpd.sock", *tool, "trace", *what],
                                        stdout=subprocess.PIPE, text=True)
        case.addCleanup(self.process.kill)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def begin(self, s):
        """Every process knows of it: the parent does when lines come, the others before they answer it again."""
        wait_until(lambda: s.ctl("show", "status") and self.lines, 30, "a line of the trace")
        s.ctl("show", "status")
        return self

    def wait(self, condition, what):
        return wait_until(lambda: condition(self.lines[:]), 20, f"{what} in\n{''.join(self.lines)}")

    def end(self):
        self.process.terminate()
        self.process.wait(30)
        self.reader.join(30)
        self.process.stdout.close()
        return self.lines


class Status(BackgroundCase):
    def test_status(self):
        s = self.suite()
        s.begin()
        status = wait_until(lambda: (lambda all: all if {p["state"] for p in all} == {"runs"} else None)(s.status()), 60, "all to run")
        self.assertEqual(status[0]["process"], "smtpd")
        self.assertEqual(status[0]["pid"], s.pid)
        users = {"keyholder": "_kurirk", "resolver": "_kurird", "lookup": "_kurirl", "mailbox": "_kurirm",
                 "relay": "_kurirr", "queue": "_kurirq", "listener": "_kurir", "imapd": "_kuriri", "pop3d": "_kuriri"}
        counts = {"keyholder": "keys", "resolver": "mx", "lookup": "accounts", "mailbox": "handles", "relay": "sessions",
                  "queue": "waiting", "listener": "sessions", "imapd": "sessions", "pop3d": "sessions"}
        self.assertEqual({p["process"]: p["user"] for p in status[1:]}, users)
        for p in status[1:]:
            self.assertEqual((p["state"], p["restarts"]), ("runs", 0), p)
            self.assertIsInstance(p[counts[p["process"]]], int, p)
            self.assertLess(abs(time.time() - time.mktime(time.strptime(p["since"][:19], "%Y-%m-%dT%H:%M:%S"))), 120)
            uid = next(l.split()[1] for l in Path(f"/proc/{p['pid']}/status").read_text().splitlines() if l.startswith("Uid:"))
            self.assertNotEqual(uid, "0")
        text = s.shown_status().splitlines()
        self.assertEqual(len(text), 11)
        for name in ("keyholder", "resolver", "lookup"):
            line = next(l for l in text if l.startswith(name))
            self.assertRegex(line, rf"^{name} +0 +\d+ +{users[name]} +\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d +0  runs; ")
        old = s.children()["lookup"]["pid"]
        os.kill(old, signal.SIGKILL)
        p = wait_until(lambda: (lambda p: p if p["pid"] not in (0, old) and p["state"] == "runs" else None)(
            s.children()["lookup"]), 30, "another lookup")
        self.assertEqual(p["restarts"], 1)
        self.assertEqual(s.stats()["restarts"], 1)
        stopped = s.children()["resolver"]["pid"]
        os.kill(stopped, signal.SIGSTOP)
        try:
            self.assertEqual(s.children()["resolver"]["state"], "does not answer")
        finally:
            os.kill(stopped, signal.SIGCONT)

    def test_counters_and_monitor(self):
        s = self.suite()
        s.begin()
        monitor = subprocess.Popen([SMTPCTL, "-s", s.folder / "run/smtpd.sock", "--json", "monitor"],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(monitor.kill)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(monitor.stdout), daemon=True)
        reader.start()
        wait_until(lambda: lines, 30, "the first row, from which on it counts")
        for _ in range(3):
            s.submit("alice", [s.address("bob")], message("a", "b"))
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            s.submit("alice", [s.address("nobody")], message("a", "b"))
        with imaplib.IMAP4_SSL(s.host, s.port["imaps"], ssl_context=s.tls(), timeout=60) as c, \
                self.assertRaises(imaplib.IMAP4.error):
            c.login(s.address("nobody"), "wrong")
        c = s.imap("bob")
        wanted = {"accepted": 3, "delivered": 3, "refused": 1, "auth_ok": 5, "auth_failed": 1, "sessions": 1, "deferred": 0}

        def seen():
            stats = s.stats()
            return all(stats[k] == n for k, n in wanted.items())
        wait_until(seen, 10, f"{wanted}, not {s.stats()}")
        c.logout()
        wait_until(lambda: s.stats()["sessions"] == 0, 10, "no session")
        before = s.stats()
        for p in s.children().values():
            if p["process"] in ("listener", "imapd"):
                os.kill(p["pid"], signal.SIGKILL)
        wait_until(lambda: s.stats()["restarts"] == 2, 10, "two restarts")
        self.assertEqual({k: s.stats()[k] for k in wanted}, {k: before[k] for k in wanted}, "counts outlive a process")
        self.assertRegex(s.ctl("show", "stats").stdout, r"(?m)^accepted=3$")
        self.assertIsNone(monitor.poll())
        counted = {key: wanted[key] for key in ("accepted", "delivered", "refused", "auth_failed")}

        def summed():
            rows = [json.loads(l) for l in lines]
            return {key: sum(r[key] for r in rows) for key in counted}
        wait_until(lambda: summed() == counted, 10, f"rows that sum up to {counted}")
        monitor.terminate()
        monitor.wait(30)
        reader.join(30)
        monitor.stdout.close()
        self.assertGreaterEqual(len(lines), 2)
        self.assertEqual(summed(), counted)

    def test_refusals_in_the_log(self):
        """Whoever was refused, and why, is one line: what the client was told, and which name it gave."""
        s = self.suite()
        s.begin()

        def logged(wanted):
            wait_until(lambda: wanted in s.log(), 10, wanted)
        with s.smtp() as c:
            c.ehlo("client.test")
            c.mail("x@far.test")
            c.rcpt(s.address("nobody"))
            c.rcpt(s.address("bob"))
            c.docmd("DATA")
            c.send(b"Subject: bare\n\nhere\r\n.\r\n")
            self.assertEqual(c.getreply()[0], 550)
            s.ctl("pause", "smtp")
            wait_until(lambda: c.mail("x@far.test")[0] == 451 or c.rset() is None, 10, "the pause")
            s.ctl("resume", "smtp")
            wait_until(lambda: c.mail("x@far.test")[0] == 250, 10, "the end of the pause")
        logged('from=x@far.test to=nobody@example.test reply="550 5.1.1 there is no such mailbox here"')
        logged('from=x@far.test reply="550 5.6.0 the message has a CR or LF that stands alone"')
        logged('reply="451 4.3.2 no mail is taken now, try again later"')
        with s.smtp("submission") as c:
            c.starttls(context=s.tls())
            self.assertEqual(c.mail("x@far.test")[0], 503)
            c.ehlo("client.test")
            self.assertEqual(c.mail("x@far.test")[0], 530)
            with self.assertRaises(smtplib.SMTPAuthenticationError):
                c.login("mallory@example.test", "wrong")
            self.assertEqual(c.docmd("AUTH PLAIN " + base64.b64encode(b"\0\xff\xfe\0x").decode())[0], 535)
        logged('reply="530 5.7.0 authenticate first"')
        with self.assertRaises(imaplib.IMAP4.error):
            imaplib.IMAP4_SSL(s.host, s.port["imaps"], ssl_context=s.tls(), timeout=60).login("eve", "wrong")
        pop = poplib.POP3(s.host, s.port["pop3"], timeout=60)
        pop.stls(s.tls())
        pop.user("adam")
        with self.assertRaises(poplib.error_proto):
            pop.pass_("wrong")
        pop.close()
        for process, user in (("listener", "mallory@example.test"), ("imapd", "eve"), ("pop3d", "adam")):
            wait_until(lambda: any(f" {process}: event=auth_failed" in l and l.endswith(f" user={user}")
                                   for l in s.lines), 10, f"{user} in " + s.tail())

    def test_json_of_every_order(self):
        """Whatever smtpctl can be ordered: with --json each line is one object, or there is none."""
        s = self.suite()
        s.begin()
        hostile = '"\\"},{\\\\"@q.test'
        s.ctl("pause", "mda")
        with s.smtp() as c:
            c.ehlo("x.test")
            for sender in (hostile, "a@b.test"):
                self.assertEqual(c.mail(f"<{sender}>")[0], 250)
                self.assertEqual(c.rcpt(s.address("bob"))[0], 250)
                self.assertEqual(c.data(message("a", "b"))[0], 250)
        first = s.queue()[0]
        self.assertEqual({e["sender"] for e in s.queue()}, {hostile, "a@b.test"})
        text = {"encrypt": "a hash", "show message": "the message"}  # of which the manual says so
        endless = {"monitor", "trace"}  # have tests of their own
        arguments = {
            "account add": ("new@example.test",), "account passwd": ("new@example.test",), "account del": ("new@example.test",),
            "pause envelope": (first["envelope"],), "show envelope": (first["envelope"],), "resume envelope": ("all",),
            "show message": (first["message"],), "schedule": ("all",), "remove": ("all",)}
        rows = {"account list": 3, "pause envelope": 1, "resume envelope": 1, "remove": 1, "schedule": 1, "show envelope": 1,
                "show queue": 2, "show stats": 1, "show status": 10}
        orders = re.findall(r"(?m)^  ([a-z]+(?: [a-z]+)?)  ", s.ctl("help").stdout)
        self.assertGreater(len(orders), 20)
        for order in sorted(set(orders) - endless - {"stop"}, key=lambda o: (o.startswith("re") or o == "account del", o)):
            r = s.ctl("--json", *order.split(), *arguments.get(order, ()), stdin="a long password\n")
            if order not in text:
                objects = [json.loads(l) for l in r.stdout.splitlines()]
                self.assertTrue(all(isinstance(o, dict) for o in objects), r.stdout)
                self.assertEqual(len(objects), rows.get(order, 0), (order, r.stdout))

    def test_one_and_many(self):
        """What is counted is named as people do."""
        s = self.suite()
        s.begin()
        text = s.shown_status()
        self.assertIn("; 1 key, ", text)
        self.assertIn("; 0 sessions\n", text)
        self.assertIsNone(re.search(r"\b1 (keys|sessions|accounts|handles|messages|domains|hosts|addresses|envelopes)\b", text), text)
        with s.smtp() as c:
            c.ehlo("x.test")
            self.assertRegex(s.shown_status(), r"(?m)^listener .*; 1 session$")

    def test_trace(self):
        s = self.suite()
        s.begin()
        everything, some = Trace(self, s).begin(s), Trace(self, s, "queue", "lookup").begin(s)
        s.submit("alice", [s.address("bob")], message("a", "b"))
        wait_until(lambda: not s.queue(), 20, "an empty queue")
        everything.wait(lambda lines: {"listener", "queue", "lookup", "mailbox", "keyholder"} <=
                        {l.split(":")[0] for l in lines if " parent #" not in l}, "what everybody said to each other")
        some.wait(lambda lines: any(re.match(r'queue: listener #\d+ lq_rcpt\{.* address="bob@example.test" ', l) for l in lines),
                  "the recipient")
        everything.end()
        self.assertEqual({l.split(":")[0] for l in some.end()}, {"queue", "lookup"})
        self.assertFalse(self.syslog.find("event=debug"), "the log is none the wordier")

    def test_trace_in_json(self):
        s = self.suite()
        s.begin()
        trace = Trace(self, s, "queue", tool=("--json",)).begin(s)
        s.submit("alice", [s.address("bob")], message("a", "b"))
        for event, words in (("delivered", "to=bob@example.test"), ("debug", 'address="bob@example.test"')):
            trace.wait(lambda lines: any(l["event"] == event and words in l["text"] for l in map(json.loads, lines)), words)
        self.assertEqual({json.loads(l)["process"] for l in trace.end()}, {"queue"})

    def test_trace_of_one_session(self):
        s = self.suite()
        s.begin()
        with s.smtp() as c:
            c.ehlo("x.test")
            line = self.syslog.wait("listener: event=connect", f"port={s.port['smtp']}")[0]
            session = re.search(r"session=(\w+)", line)[1]
            trace = Trace(self, s, session)

            def speaks():
                s.submit("alice", [s.address("bob")], message("a", "b"))
                c.sendmail("a@x.test", [s.address("bob")], message("a", "b"))
                return any("event=accepted" in l for l in trace.lines)
            wait_until(speaks, 20, "a line of the session")
            lines = trace.end()
        self.assertTrue(all(session in l for l in lines), lines)
        r = s.ctl("trace", "nosuch", check=False)
        self.assertEqual(r.returncode, 2)
        self.assertIn('"nosuch" is neither a process nor an id', r.stderr)

    def test_verbose_and_brief(self):
        s = self.suite()
        s.run()
        s.ctl("log", "verbose")
        s.ctl("account", "list")
        self.assertRegex(self.syslog.wait("lookup: event=debug")[0], rf"^<{DEBUG}>")
        s.ctl("log", "brief")
        wait_until(lambda: len(self.syslog.find("event=debug", "pa_verbose{verbose=0}")) == 9, 20, "everybody's last words")
        n = len(self.syslog.find("event=debug"))
        s.ctl("account", "list")
        time.sleep(0.5)
        self.assertEqual(len(self.syslog.find("event=debug")), n)


if __name__ == "__main__":
    unittest.main()
