"""What an administrator sees: walls around processes, bad configuration, reload, full disk."""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

import names
from suite import BUILD, SMTPD, Suite, free_port_on, message, wait_until

NAMES = BUILD / "tests/system/preload/names.so"


class Managed(Suite):
    """Its standard error is a socket, as a service manager gives one; nobody reads from it while awake is clear."""

    def launch(self, *arguments):
        self.ready, self.awake = threading.Event(), threading.Event()
        self.awake.set()
        ours, theirs = self.ends()
        with theirs:
            self.process = subprocess.Popen(self.daemon(*arguments), stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL,
                                            start_new_session=True, env=dict(os.environ, **self.environment))
        self.process.stdout = ours
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()

    def ends(self):
        ours, theirs = socket.socketpair()
        with ours:
            return ours.makefile("rb"), theirs

    def _read(self, process):
        for line in process.stdout:
            self.lines.append(line.decode().rstrip("\n"))
            if "event=ready" in self.lines[-1]:
                self.ready.set()
            self.awake.wait()

    def stop(self):
        self.awake.set()  # all that it says belongs to what is shown of a failure
        return super().stop()


class Piped(Managed):
    """The same with a pipe, as who keeps containers gives one."""

    def ends(self):
        ours, theirs = os.pipe()
        return os.fdopen(ours, "rb"), os.fdopen(theirs, "wb")


class Raw:
    """A client that says HELO and what it is told to, in few round trips."""

    def __init__(self, suite):
        self.socket = socket.create_connection((suite.host, suite.port["smtp"]), timeout=120)
        self.file = self.socket.makefile("rb")
        self.begin = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<%s>\r\nDATA\r\n" % suite.address("bob").encode()
        self.file.readline()
        self.say(b"HELO x.test\r\n")

    def say(self, text, replies=1):
        self.socket.sendall(text)
        return [self.file.readline() for _ in range(replies)][-1]

    def close(self):
        self.file.close()
        self.socket.close()


class Operation(unittest.TestCase):
    def test_each_process_has_its_own_user_and_no_files(self):
        with Suite() as s:
            names = {p["name"] for p in s.processes()}
            self.assertTrue({"listener", "lookup", "resolver", "keyholder", "queue", "relay", "mailbox",
                             "imapd", "pop3d"} <= names, names)
            uids = {}
            for p in s.processes():
                status = Path(f"/proc/{p['pid']}/status").read_text()
                uids[p["name"]] = next(l.split()[1:] for l in status.splitlines() if l.startswith("Uid:"))
                self.assertIn("NoNewPrivs:\t1", status, p)
                if os.geteuid() == 0:
                    self.assertNotIn("0", uids[p["name"]], p)
                if p["name"] not in ("listener", "imapd", "pop3d"):
                    continue
                if os.geteuid() == 0:
                    root = os.readlink(f"/proc/{p['pid']}/root")
                    self.assertNotEqual(root, "/")
                    self.assertEqual(os.listdir(f"/proc/{p['pid']}/root"), [])
                for fd in Path(f"/proc/{p['pid']}/fd").iterdir():
                    try:
                        target = os.readlink(fd)
                    except FileNotFoundError:  # closed meanwhile
                        continue
                    self.assertTrue(target.startswith(("socket:", "pipe:", "anon_inode:", "/dev/null")), (p, target))
            if os.geteuid() == 0:
                own = {tuple(uids[n]) for n in ("listener", "lookup", "resolver", "keyholder", "queue", "relay", "mailbox", "imapd")}
                self.assertEqual(len(own), 8)

    def test_bad_configuration_is_explained(self):
        s = Suite()
        s.make_certificate()
        for text, want in (('listen on 127.0.0.1 port 99999\n', ":1:"),
                           ('\nlisten on 127.0.0.1 port 2525 tls pki "none"\n', ":2:"),
                           ('match from any for any action "gone"\n', "gone"),
                           ('nonsense\n', ":1:"), ('action "a" mailbox\n', "match"),
                           ('table t file:/nonexistent/file\nmatch from any for any action "x"\n', "x"),
                           ('include "/dev/zero"\n', "/dev/zero")):
            s.write_conf(text)
            r = subprocess.run([SMTPD, "-n", "-f", s.path], capture_output=True, text=True, timeout=60)
            self.assertEqual(r.returncode, 1, text)
            self.assertIn(want, r.stderr)
        r = subprocess.run([SMTPD, "-n", "-f", f"{s.path}.gone"], capture_output=True, text=True, timeout=60)
        self.assertEqual(r.returncode, 1)
        self.assertIn("No such file or directory; write it", r.stderr)
        s.write_conf()
        r = subprocess.run([SMTPD, "-n", "-f", s.path], capture_output=True, text=True, timeout=60)
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_reload_takes_whole_or_changes_nothing(self):
        with Suite() as s:
            good = s.conf()
            s.write_conf(good + "nonsense\n")
            s.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "configuration_error" in s.log(), 10, "the complaint")
            with s.smtp() as c:
                self.assertEqual(c.ehlo("x.test")[0], 250)
            s.write_conf(good.replace(f'hostname "mail.{s.domain}"', f'hostname "new.{s.domain}"'))
            s.ctl("reload")

            def greets():
                with s.smtp() as c:
                    return b"new." in c.ehlo("x.test")[1]
            wait_until(greets, 10, "the new name")
            s.write_conf(good.replace("/queue\"", "/other\""))
            r = s.ctl("reload", check=False)
            self.assertEqual(r.returncode, 1)
            self.assertIn("another queue path takes a restart", r.stderr)
            s.write_conf("processes 3\n" + good)
            s.ctl("reload")
            wait_until(lambda: "another number of processes takes a restart" in s.log(), 10, "the warning")
            s.submit("alice", [s.address("bob")], message("a", "b", "after the reload"))
            s.wait_messages("bob", 1)

    def test_a_reload_is_over_when_every_process_works_by_it(self):
        with Suite() as s:
            (relay,) = s.pids("relay")
            os.kill(relay, signal.SIGSTOP)
            try:
                r = s.ctl("reload", check=False)
                self.assertEqual(r.returncode, 75, r)
                self.assertIn("relay has not taken it yet", r.stderr)
                self.assertNotIn("text=reloaded", s.log())
                again = subprocess.Popen(s.ctl_command("reload"))
                time.sleep(1)
                self.assertIsNone(again.poll())
            finally:
                os.kill(relay, signal.SIGCONT)
            self.assertEqual(again.wait(10), 0)
            os.kill(relay, signal.SIGKILL)  # what begins anew begins with it
            s.ctl("reload")
            self.assertNotEqual(s.pids("relay"), [relay])

    def test_a_logger_that_stands_still_stops_nothing(self):
        """More lines than a process keeps: what the logger missed comes when it reads again, or is counted as lost."""
        events = {"connect": 400, "accepted": 8000, "disconnect": 400, "delivered": 8000}

        def told(s):
            lines = re.findall(r"^(?:listener|queue): event=(\w+)(?: lines=(\d+))?", s.log(), re.MULTILINE)
            return sum(int(lost) if event == "log_lost" else event in events for event, lost in lines)

        with Managed() as s:
            s.awake.clear()
            for _ in range(400):
                with s.smtp() as c:
                    for _ in range(20):
                        c.sendmail("x@y.test", [s.address("bob")], message("x@y.test", "bob"))
            s.wait_queue_empty(120)  # 8000 messages
            with s.imap("bob", tls=False) as c:
                self.assertEqual(c.select("INBOX")[1], [b"8000"])
            s.awake.set()
            wait_until(lambda: told(s) == sum(events.values()), 20, "lines again")

    def test_a_pipe_that_nobody_reads_stops_nothing(self):
        with Piped() as s:
            s.ctl("log", "verbose")
            s.awake.clear()
            for _ in range(10):
                with s.smtp() as c:
                    for _ in range(30):
                        c.sendmail("x@y.test", [s.address("bob")], message("x@y.test", "bob"))
            s.wait_queue_empty(60)
            s.ctl("log", "brief")
            s.awake.set()
            with s.smtp() as c:
                c.sendmail("last@y.test", [s.address("bob")], message("x@y.test", "bob"))
            wait_until(lambda: re.search("event=accepted.* from=last@y.test", s.log()), 60, "the last line")

    def test_a_queue_that_stood_still_gets_mail_again(self):
        """The line to it is full then; what the listener could not say, that it needs ids or no file, is said later."""
        half = b"Subject: half\r\n\r\n" + (b"x" * 70 + b"\r\n") * 850
        with Suite() as s, contextlib.ExitStack() as clients:
            def client():
                return clients.enter_context(contextlib.closing(Raw(s)))

            spool, large = s.folder / "queue/spool", client()
            self.assertTrue(large.say(large.begin, 3).startswith(b"354"))
            large.socket.sendall(half * 3)
            wait_until(lambda: list(spool.iterdir()), 20, "a file of the large message")
            (queue,) = s.pids("queue")
            os.kill(queue, signal.SIGSTOP)
            try:
                waiting = [client() for _ in range(600)]
                for c in waiting:
                    self.assertTrue(c.say(c.begin, 3).startswith(b"354"))
                    c.socket.sendall(half + b".\r\n")
                refused, c = 0, client()
                while refused < 3600:  # of the 4096 ids that a listener begins with
                    if refused % 90 == 0:
                        c = client()
                    reply = c.say(c.begin, 3)
                    if reply.startswith(b"354"):
                        reply = c.say(b"x\r\n.\r\n")
                    if not reply.startswith(b"451"):
                        time.sleep(0.1)  # the line is not full yet
                    refused += 1
                large.close()
            finally:
                os.kill(queue, signal.SIGCONT)

            def takes():
                c = client()
                return c.say(c.begin, 3).startswith(b"354") and c.say(b"x\r\n.\r\n").startswith(b"250")
            wait_until(takes, 30, "mail to be taken")
            wait_until(lambda: not list(spool.iterdir()), 20, "the end of the file")

    def test_what_ends_while_the_mail_store_stands_still_is_let_go(self):
        def handles(s):
            """None: it has too much to do to say so in time."""
            lines = [json.loads(l) for l in s.ctl("--json", "show", "status").stdout.splitlines()]
            return [l.get("handles") for l in lines if l["process"] == "mailbox"]

        with Suite() as s:
            (mailbox,), clients = s.pids("mailbox"), []
            for _ in range(700):
                c = s.imap("alice", tls=False)
                c.select("INBOX")
                clients.append(c)
            wait_until(lambda: handles(s) == [700], 30, "as many handles as sessions")
            os.kill(mailbox, signal.SIGSTOP)
            try:
                for c in clients:  # more than may wait for it
                    c.send(b"x APPEND INBOX {58002+}\r\n" + b"x" * 58000 + b"\r\n\r\n")
                time.sleep(3)
                for c in clients:
                    c.shutdown()
                time.sleep(1)
            finally:
                os.kill(mailbox, signal.SIGCONT)
            wait_until(lambda: handles(s) == [0], 30, "the end of all sessions")

    def test_a_key_without_its_certificate_is_refused(self):
        with Suite() as s:
            cert, key = s.folder / "cert.pem", s.folder / "key.pem"
            old = cert.read_bytes(), key.read_bytes()
            s.make_certificate()
            new = cert.read_bytes(), key.read_bytes()
            for pair in ((new[0], old[1]), (old[0], new[1])):
                cert.write_bytes(pair[0])
                key.write_bytes(pair[1])
                r = s.ctl("reload", check=False)
                self.assertEqual(r.returncode, 1)
                self.assertIn(f"the key {key} is not that of the certificate {cert}", r.stderr)
                cert.write_bytes(old[0])  # what clients trust
                s.imap("alice").logout()
            cert.write_bytes(new[0])
            with smtplib.SMTP(s.host, s.port["submission"], timeout=20) as early:
                early.ehlo()
                s.ctl("reload")
                context = ssl.create_default_context(cadata=old[0].decode())
                context.check_hostname = False
                early.starttls(context=context)  # who was greeted before is served as was said then

            def serves_new():
                try:
                    s.imap("alice").logout()
                    return True
                except ssl.SSLError:
                    return False
            wait_until(serves_new, 10, "the new certificate")

    def test_keyholder_keeps_the_keys_of_the_certificates_in_force(self):
        """A renewal waits for its reload, and keyholder may die before that."""
        with Suite() as s:
            renewed = s.folder / "renewed"
            renewed.mkdir()
            for name in ("cert.pem", "key.pem"):
                shutil.copy(s.folder / name, renewed / name)
            trusted = (s.folder / "cert.pem").read_bytes()
            s.make_certificate()
            for name in ("cert.pem", "key.pem"):  # as who renews does it: the new in place of the old
                os.rename(s.folder / name, renewed / f"{name}.new")
                os.rename(renewed / name, s.folder / name)
            s.ctl("reload")
            s.imap("alice").logout()
            for name in ("cert.pem", "key.pem"):
                os.rename(renewed / f"{name}.new", s.folder / name)
            fresh = (s.folder / "cert.pem").read_bytes()
            before = s.pids("keyholder")
            os.kill(before[0], signal.SIGKILL)
            wait_until(lambda: s.pids("keyholder") not in ([], before), 20, "another keyholder")

            def is_served(certificate):
                context = ssl.create_default_context(cadata=certificate.decode())
                try:
                    with socket.create_connection((s.host, s.port["imaps"]), timeout=10) as plain, \
                            context.wrap_socket(plain, server_hostname="localhost"):
                        return True
                except OSError:
                    return False
            wait_until(lambda: is_served(trusted), 20, "TLS with the certificate in force")
            s.ctl("reload")
            wait_until(lambda: is_served(fresh), 20, "TLS with the new certificate")

    def test_other_name_servers_are_asked_after_a_reload(self):
        before, after = names.Names({}), names.Names({})
        self.addCleanup(before.stop)
        self.addCleanup(after.stop)
        with Suite(dns=before.address) as s:
            s.submit("alice", ["x@one.test"], message("a", "b"))
            wait_until(lambda: before.asked["one.test", names.MX], 20, "a question")
            s.write_conf(s.conf().replace(before.address, after.address))
            resolver = s.pids("resolver")
            s.ctl("reload")
            wait_until(lambda: s.pids("resolver") not in ([], resolver), 20, "another resolver")
            s.submit("alice", ["x@two.test"], message("a", "b"))
            wait_until(lambda: after.asked["two.test", names.MX], 20, "a question to the other server")
            self.assertEqual(before.asked["two.test", names.MX], 0)
            again = s.pids("resolver")
            s.ctl("reload")
            s.ctl("show", "status")
            self.assertEqual(s.pids("resolver"), again)

    def test_a_port_may_serve_something_else_after_a_reload(self):
        s = Suite()
        good, port = s.conf(), free_port_on(s.host)
        line = f"listen on {s.host} %s port {port}\n"
        s.conf = lambda: good.replace("action ", line % "" + "action ", 1)

        def greeting():
            with socket.create_connection((s.host, port), timeout=30) as c:
                return c.recv(100)[:4]
        with s:
            self.assertEqual(greeting(), b"220 ")
            for service, hello in (("imap", b"* OK"), ("pop3", b"+OK "), ("", b"220 ")):
                s.write_conf(good.replace("action ", line % service + "action ", 1))
                s.ctl("reload")
                wait_until(lambda: greeting() == hello, 10, f"a session of {service or 'smtp'}")

    def test_imapd_makes_no_file_larger_than_a_message(self):
        """What it is lent for an APPEND, a captured one could write to until the disk is full."""
        def limit(s):
            with open(f"/proc/{s.pids('imapd')[0]}/limits") as limits:
                return re.search(r"Max file size +(\S+) +(\S+)", limits.read()).groups()
        with Suite() as s:
            self.assertEqual(limit(s), (str(35 << 20),) * 2)
            s.write_conf("smtp max-message-size 50M\n" + s.conf())
            s.ctl("reload")
            wait_until(lambda: limit(s) == (str(50 << 20),) * 2 or "imapd takes messages of the new" in s.log(), 5,
                       "the new size, or why it cannot be had")

    def test_a_log_that_is_a_large_file_has_the_lines_of_imapd(self):
        """What bounds the files of imapd is no bound of the log."""
        s = Suite()
        s.prepare()
        path = s.folder / "log"
        with open(path, "ab") as log:
            log.truncate(100 << 20)
            process = subprocess.Popen([SMTPD, "-d", "-f", s.path, "-L", s.build], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, env=dict(os.environ, **s.environment))

        def has(words):
            with open(path, "rb") as log:
                log.seek(100 << 20)
                return words in log.read()
        try:
            wait_until(lambda: has(b"event=ready"), 30, "ready")
            socket.create_connection((s.host, s.port["imap"])).close()
            wait_until(lambda: has(b"imapd: event=connect"), 10, "a line of imapd")
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(s.folder)

    @unittest.skipUnless(NAMES.exists(), "needs a library that is preloaded")
    def test_a_name_service_that_hangs_holds_up_its_question_alone(self):
        """The parent asks it in a helper, which has its time; smtpctl is answered meanwhile."""
        suite = Suite(extra='action "homes" maildir\n', match='match from any for domain "slow.test" action "homes"\n', users=())
        suite.environment |= {"LD_PRELOAD": str(NAMES), "NAMES_SLOW": "daemon"}
        with suite as s, s.smtp() as client:
            client.ehlo()
            client.mail("a@b.test")
            client.putcmd("RCPT", "TO:<daemon@slow.test>")
            time.sleep(0.5)
            self.assertIn("queue", s.ctl("show", "status").stdout)
            self.assertFalse(select.select([client.sock], [], [], 0)[0], "smtpctl had to wait for the name service")
            self.assertEqual(client.getreply()[0], 451)

    def test_many_tables_in_few_folders(self):
        """lookup may read them all: behind its walls it has folders, and not a place for each table."""
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            names = [f"{folder}/{'last' if i == 99 else 'many'}/table{i}" for i in range(100)]
            for name in names:
                os.makedirs(os.path.dirname(name), exist_ok=True)
                Path(name).write_text("post: alice@example.test\n")
            extra = "".join(f'table t{i} "file:{name}"\n' for i, name in enumerate(names)) + 'action "last" mailbox alias <t99>\n'
            with Suite(extra=extra, match='match from any for domain "example.test" action "local"\n'
                                          'match from any for domain "last.test" action "last"\n') as s:
                with s.smtp() as client:
                    client.sendmail("a@b.test", ["post@last.test"], message("a@b.test", "post@last.test"))
                s.wait_messages("alice", 1)

    def test_a_reload_brings_tables_of_another_folder_within_reach(self):
        with tempfile.TemporaryDirectory() as folder, Suite() as s:
            os.chmod(folder, 0o755)
            Path(f"{folder}/names").write_text("post: alice@example.test\n")
            s.write_conf(s.conf() + f'table names file:{folder}/names\naction "named" mailbox alias <names>\n'
                         'match from any for domain "named.test" action "named"\n')
            s.ctl("reload")

            def is_taken():
                with s.smtp() as c:
                    c.ehlo("x.test")
                    c.mail("x@y.test")
                    code, text = c.rcpt("post@named.test")
                    self.assertIn(code, (250, 451, 550), text)
                    return code == 250
            wait_until(is_taken, 10, "the table")
            for i in range(64):
                os.mkdir(f"{folder}/{i}")
                Path(f"{folder}/{i}/table").write_text("")
            more = "".join(f'table more{i} file:{folder}/{i}/table\n' for i in range(64))
            s.write_conf(s.path.read_text() + more)
            s.ctl("reload")
            wait_until(lambda: "in more than 64 folders" in s.log(), 10, "the sentence")
            wait_until(is_taken, 10, "the table that was there before")

    def test_more_folders_of_tables_than_lookup_may_read(self):
        """It says so, instead of passing over some of them."""
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            for i in range(65):
                os.mkdir(f"{folder}/{i}")
                Path(f"{folder}/{i}/table").write_text("x\n")
            s = Suite(extra="".join(f'table t{i} "file:{folder}/{i}/table"\n' for i in range(65)))
            try:
                s.prepare()
                s.launch()
                wait_until(lambda: "in more than 64 folders" in s.log(), 20, "the sentence")
                self.assertNotEqual(s.process.wait(20), 0)
            finally:
                s.stop()
                shutil.rmtree(s.folder, ignore_errors=True)

    def test_smtpctl(self):
        with Suite() as s:
            self.assertIn("alice@example.test", s.ctl("account", "list").stdout)
            self.assertEqual(s.ctl("account", "add", "carol@example.test", stdin="carol-secret\n").stderr, "")
            s.submit("alice", ["carol@example.test"], message("a", "c", "to carol"))
            s.wait_messages("carol", 1)
            s.ctl("account", "passwd", "carol@example.test", stdin="other-secret\n")
            with self.assertRaises(Exception):
                s.imap("carol")
            s.ctl("account", "del", "carol@example.test")
            with s.smtp() as c:
                c.ehlo("x.test")
                c.mail("x@y.test")
                self.assertEqual(c.rcpt("carol@example.test")[0], 550)
            for name in ("listener", "queue", "mailbox"):
                self.assertIn(name, s.ctl("show", "status").stdout)
            s.ctl("pause", "mda")
            s.submit("alice", [s.address("bob")], message("a", "b", "held"))
            entry = wait_until(s.queue, 10, "the envelope")
            self.assertEqual(len(entry), 1)
            self.assertIn("held", s.ctl("show", "message", entry[0]["message"]).stdout)
            s.ctl("resume", "mda")
            s.wait_messages("bob", 1)
            self.assertNotEqual(s.ctl("no-such-thing", check=False).returncode, 0)

    def test_what_was_known_of_a_recipient_is_forgotten_with_its_cause(self):
        """A listener remembers for a moment where mail goes: no longer than tables, accounts and rules say so."""
        aliases = tempfile.NamedTemporaryFile("w", suffix=".aliases")
        os.chmod(aliases.name, 0o644)

        def write(text):
            Path(aliases.name).write_text(text)

        write("info: alice@example.test\n")
        with Suite(extra=f'table names file:{aliases.name}\naction "named" mailbox alias <names>\n'
                         'match from any for domain "named.test" action "named"\n') as s:
            s.ctl("account", "add", "carol@example.test", stdin="carol-secret\n")
            with s.smtp() as c:
                c.ehlo("x.test")
                c.mail("x@y.test")

                def is_taken(address, code):
                    self.assertEqual(c.rcpt(address)[0], code, address)

                def is_forgotten(address):
                    """The order to forget stands before the answer to what was never asked."""
                    is_taken(f"never-asked-before-{address}", 550)
                    is_taken(address, 550)

                is_taken("carol@example.test", 250)
                s.ctl("account", "del", "carol@example.test")
                is_forgotten("carol@example.test")
                s.ctl("account", "add", "carol@example.test", stdin="carol-secret\n")
                is_taken("carol@example.test", 250)
                is_taken("info@named.test", 250)
                write("other: alice@example.test\n")
                is_taken("info@named.test", 250)
                s.ctl("update", "table", "names")
                is_forgotten("info@named.test")
                is_taken("other@named.test", 250)
                write("third: alice@example.test\n")
                os.kill(s.pids("lookup")[0], signal.SIGKILL)
                wait_until(lambda: c.rcpt("third@named.test")[0] == 250, 20, "the next lookup")
                is_taken("other@named.test", 550)
                write("other: alice@example.test\n")
                s.ctl("update", "table", "names")
                is_taken("other@named.test", 250)
                s.write_conf(s.conf().replace('domain "named.test"', 'domain "gone.test"'))
                s.ctl("reload")
                wait_until(lambda: c.rcpt("other@gone.test")[0] == 250, 10, "the new rules in lookup")
                is_taken("other@named.test", 550)

    def test_what_is_known_of_a_recipient_is_known_of_the_same_question(self):
        """What one client may is not what the next one may, who says the same."""
        with Suite(listeners={"any": free_port_on("127.0.0.1")}) as s:
            s.write_conf(s.conf() + f'listen on 127.0.0.1 port {s.port["any"]} tls pki "mail" auth-optional\n'
                         'match auth from any for domain "members.test" action "out"\n'
                         'match tls from any for domain "sealed.test" action "out"\n')
            s.ctl("reload")

            def asks(address, user=None, tls=False):
                with smtplib.SMTP("127.0.0.1", s.port["any"], timeout=20) as c:
                    c.ehlo("x.test")
                    if tls:
                        c.starttls(context=s.tls())
                        c.ehlo("x.test")
                    if user:
                        c.login(s.address(user), s.password(user))
                    c.mail("x@y.test")
                    return c.rcpt(address)[0]

            wait_until(lambda: asks("x@sealed.test", tls=True) == 250, 10, "the rules")
            self.assertEqual(asks("x@sealed.test"), 550)
            self.assertEqual(asks("x@members.test", "alice"), 250)
            self.assertEqual(asks("x@members.test"), 550)

    def test_one_recipient_too_many_is_refused_though_it_is_known(self):
        """An alias of many fills the transaction; who finds no room in it must not hear that he is in it."""
        many = 999      # LIMIT_RECIPIENTS is 1000
        with tempfile.NamedTemporaryFile("w", suffix=".aliases") as aliases:
            os.chmod(aliases.name, 0o644)
            aliases.write("many: " + ", ".join(f"u{i}@elsewhere.test" for i in range(many)) + "\n")
            aliases.flush()
            with Suite(extra=f'table names file:{aliases.name}\naction "named" mailbox alias <names>\n'
                             'match from any for domain "named.test" action "named"\n') as s:
                with s.smtp() as c:
                    c.ehlo("x.test")
                    c.mail("x@y.test")
                    for address, code in (("alice@example.test", 250), ("many@named.test", 250), ("alice@example.test", 452)):
                        self.assertEqual(c.rcpt(address)[0], code, address)

    def test_a_slow_reader_of_smtpctl_gets_all(self):
        """More than the parent keeps for a smtpctl that does not read."""
        with Suite() as s:
            s.ctl("pause", "mda")
            large = b"".join(b"%070d\r\n" % i for i in range(33 * 1024 * 1024 // 72))
            with s.smtp() as client:
                client.sendmail("a@x.test", [s.address("bob")], b"Subject: large\r\n\r\n" + large)
                for i in range(3):
                    client.sendmail("a@x.test", [s.address(u) for u in ("alice", "bob")], b"Subject: small\r\n\r\n")
            queue = s.queue()
            self.assertEqual(len({e["envelope"] for e in queue}), 7)
            ctl = subprocess.Popen(s.ctl_command("show", "message", queue[0]["message"]), stdout=subprocess.PIPE)
            time.sleep(2)
            shown, _ = ctl.communicate(timeout=60)
            self.assertEqual(ctl.returncode, 0)
            self.assertTrue(shown.replace(b"\r", b"").endswith(b"\nSubject: large\n\n" + large.replace(b"\r", b"")))
            s.ctl("resume", "mda")
            s.wait_queue_empty(60)

    def test_what_is_written_wrongly_does_nothing(self):
        """An order is understood whole before anything is done; what is wrong is named, and what would be right."""
        with Suite() as s:
            s.ctl("pause", "mda")
            for i in range(3):
                s.submit("alice", [s.address("bob")], message("a", "b"))
            queue = wait_until(lambda: s.queue() if len(s.queue()) == 3 else None, 10, "three envelopes")
            first = queue[0]["envelope"]
            for words, sentence in (
                    (("remove", "all", "example.net"), '"all" is no id, so nothing is done'),
                    (("remove", first, "all"), '"all" is no id, so nothing is done'),
                    (("remove", first, "from", "a@b.test"), '"from" is no id, so nothing is done'),
                    (("remove", "from", "a@b.test", "c@d.test"), '"from" is no id, so nothing is done'),
                    (("remove", "example.net"), '"example.net" is none of: all, an id'),
                    (("remove",), "usage: smtpctl remove id ..."),
                    (("remove", "from"), '"from" wants to be followed by an address or a domain'),
                    (("pause", "envelope", "all", first), '"all" is no id, so nothing is done'),
                    (("show", "envelope", "1"), 'an id of 13 letters and digits, as "show queue" prints it'),
                    (("show", "--json", "queue"), "options stand before the command: smtpctl --json show"),
                    (("status",), '"status" is no command; there is show status\n'),
                    (("queue",), '"queue" is no command; there is show queue\n'),
                    (("foo",), 'a list of them in "smtpctl help"'),
                    (("show",), "there is show envelope, show message, show queue, show stats, show status\n"),
                    (("flush",), '"flush" is no command; write "smtpctl schedule all"'),
                    (("restart",), '"smtpctl reload"'),
                    (("log", "loud"), "there is log brief, log verbose\n"),
                    (("stop", "now"), "usage: smtpctl stop\n")):
                r = s.ctl(*words, check=False)
                self.assertEqual((r.returncode, r.stdout), (2, ""), words)
                self.assertIn(sentence, r.stderr)
            for words, sentence in (
                    (("show", "envelope", "0000000000000"), "there is no envelope of that id"),
                    (("account", "add", "ann@example..test"), '"ann@example..test": the part behind the @ is no domain; an account is named local@domain'),
                    (("account", "del", "nobody@example.test"), "there is no account nobody@example.test"),
                    (("update", "table", "nosuch"), 'there is no table "nosuch"')):
                r = s.ctl(*words, check=False, stdin="a long password\n")
                self.assertEqual((r.returncode, r.stdout), (1, ""), words)
                self.assertIn(sentence, r.stderr)
            self.assertEqual({e["state"] for e in s.queue()}, {"paused"})
            self.assertEqual(len(s.queue()), 3)
            self.assertEqual(s.ctl("remove", first, queue[1]["envelope"]).stdout, "1 removed\n1 removed\n")
            self.assertEqual(len(s.queue()), 1)

    def test_a_start_that_cannot_be_says_what_to_do(self):
        with Suite() as s, Suite() as other:
            again = subprocess.run([SMTPD, "-F", "-f", s.folder / "smtpd.conf", "-L", BUILD],
                                   capture_output=True, text=True, timeout=60)
            self.assertEqual(again.returncode, 1)
            self.assertRegex(again.stderr, r"a suite runs here already: process \d+ has .*smtpd.pid; smtpctl reload gives it another "
                                           r"configuration, smtpctl stop ends it")
            conf = (s.folder / "smtpd.conf").read_text()
            taken = other.port["smtp"]
            s.write_conf(conf.replace(f'port {s.port["smtp"]}', f"port {taken}").replace(s.host, other.host))
            r = s.ctl("reload", check=False)
            self.assertEqual(r.returncode, 1)
            self.assertIn(f"cannot listen on {other.host} port {taken}: Address already in use; another mail server may run, which", r.stderr)

    def test_an_account_that_gets_no_mail_is_told(self):
        """Made it is; whoever made it hears that no rule brings mail there, and which one would."""
        extra = 'action "away" relay host "smtp://192.0.2.1"\n'
        match = ('match from any for domain "example.test" action "local"\nmatch from any for domain "away.test" action "away"\n'
                 'match from src "192.0.2.7" ! for domain { "example.test", "away.test", "other.test" } action "local"\n')
        with Suite(extra=extra, match=match) as s:
            for domain, is_told in (("away.test", True), ("other.test", True), ("third.test", False), ("EXAMPLE.test", False)):
                r = s.ctl("account", "add", f"ann@{domain}", stdin="a long password\n")
                said = (f"smtpctl: the account is made, but gets no mail: no rule of smtpd.conf delivers mail for {domain} into the accounts; "
                        f'write there: match from any for domain "{domain}" action "…", and then: smtpctl reload\n')
                self.assertEqual((r.returncode, r.stdout, r.stderr), (0, "", said if is_told else ""))
                self.assertIn(f"ann@{domain.lower()}", s.ctl("account", "list").stdout)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount a small disk")
    def test_a_full_disk_is_said_and_the_service_recovers(self):
        s = Suite()
        for name in ("queue", "mail"):
            (s.folder / name).mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(s.folder / "queue")]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            self.skipTest("cannot mount here")
        try:
            with s:
                filler = s.folder / "queue/filler"
                with open(filler, "wb") as f:
                    try:
                        while True:
                            f.write(b"x" * 65536)
                            f.flush()
                    except OSError:
                        pass

                def code():
                    with s.smtp() as c:
                        c.ehlo("x.test")
                        first = c.mail("x@y.test")[0]
                        if first != 250:
                            return first
                        c.rcpt(s.address("bob"))
                        return c.data(message("x@y.test", "bob", "full", ("x" * 70 + "\r\n") * 800))[0]
                try:
                    self.assertEqual(code() // 100, 4)
                except smtplib.SMTPException as e:
                    self.assertEqual(e.smtp_code // 100, 4)
                filler.unlink()
                wait_until(lambda: code() == 250, 20, "room again")
                s.wait_messages("bob", 1)
        finally:
            subprocess.run(["umount", s.folder / "queue"])


if __name__ == "__main__":
    unittest.main()
