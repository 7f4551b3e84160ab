"""The suite in the background: what the start says, whoever called it and however; its pid file; its
log in syslog; how it stops."""

import os
import re
import resource
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from background import ERROR, INFO, STOP_SECONDS, WARNING, BackgroundCase, Syslog
from suite import BUILD, SMTPD, message, state_of, wait_until


class SlowServer(threading.Thread):
    """Another mail server, which takes its time before it says that it has the message."""

    def __init__(self, host, delay):
        super().__init__(daemon=True)
        self.socket = socket.create_server((host, 0))
        self.port = self.socket.getsockname()[1]
        self.delay, self.begun, self.taken = delay, threading.Event(), 0
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        with c, c.makefile("rb") as lines:
            c.sendall(b"220 slow.test\r\n")
            while (verb := lines.readline()[:4].upper()) not in (b"QUIT", b""):
                if verb == b"DATA":
                    c.sendall(b"354 go on\r\n")
                    while lines.readline() not in (b".\r\n", b""):
                        pass
                    self.begun.set()
                    time.sleep(self.delay)
                    self.taken += 1
                c.sendall(b"250 ok\r\n")


class Daemon(BackgroundCase):
    def test_it_lets_go_of_its_caller(self):
        s = self.suite()
        s.run("-p", str(s.folder / "another.pid"), cwd="/tmp")
        self.assertEqual(os.getsid(s.pid), s.pid)
        self.assertEqual(os.readlink(f"/proc/{s.pid}/cwd"), "/")
        self.assertEqual([os.readlink(f"/proc/{s.pid}/fd/{fd}") for fd in (0, 1)], ["/dev/null"] * 2)
        self.assertRegex(os.readlink(f"/proc/{s.pid}/fd/2"), "^pipe:")
        self.assertEqual((s.folder / "another.pid").read_text(), s.pid_file.read_text())
        self.assertEqual(s.pid_file.stat().st_mode & 0o777, 0o644)
        self.assertEqual(s.stop(), 0)
        for name in ("run/smtpd.pid", "another.pid", "run/smtpd.sock", "run/submission.sock"):
            self.assertFalse((s.folder / name).exists(), name)
        self.syslog.wait("smtpd: event=stopping")

    def test_everybodys_lines_come_with_ids_and_priorities(self):
        s = self.suite()
        s.begin()
        s.submit("alice", [s.address("bob")], message("a", "b"))
        s.wait_messages("bob", 1)
        s.imap("bob").logout()
        with self.assertRaises(smtplib.SMTPAuthenticationError), s.smtp("submission") as c:
            c.starttls(context=s.tls())
            c.login(s.address("alice"), "wrong")
        pid = {name: p["pid"] for name, p in s.children().items()}
        for name, event, key, priority in (
                ("listener", "accepted", "message", INFO), ("listener", "auth_ok", "session", INFO),
                ("queue", "delivered", "message", INFO), ("imapd", "auth_ok", "session", INFO),
                ("pop3d", "disconnect", "session", INFO), ("listener", "auth_failed", "session", WARNING)):
            line = self.syslog.wait(f"{name}: event={event} ")[0]
            self.assertRegex(line, rf"^<{priority}>[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d "
                                   rf"kurir\[{pid[name]}\]: {name}: event={event} .*{key}=[0-9a-z]{{13}}\b")
        message_id = re.search(r"message=(\w+)", self.syslog.find("listener: event=accepted")[0])[1]
        self.assertIn(message_id, self.syslog.find("queue: event=delivered")[0])
        os.kill(pid["pop3d"], signal.SIGKILL)
        line = self.syslog.wait("smtpd: event=process_exit")[0]
        self.assertRegex(line, rf"^<{ERROR}>.* kurir\[{s.pid}\]: .*process=pop3d signal=9")

    def test_a_burst_arrives_whole(self):
        s = self.suite()
        s.begin()
        with s.smtp() as c:
            for i in range(300):
                c.sendmail(f"{'x' * 60}{i}@{'y' * 60}.test", [s.address("bob")], message("a", "b"))
        wait_until(lambda: len(self.syslog.find("event=delivered")) == 300, 60, "300 deliveries in the log")
        for line in self.syslog.lines:
            self.assertRegex(line, r"^<\d+>.* kurir\[\d+\]: \w+: event=\w+")

    def test_a_stuck_logger_stops_nothing(self):
        s = self.suite()
        s.begin()
        s.ctl("log", "verbose")
        self.syslog.reads.clear()
        for _ in range(20):  # far more lines than all buffers hold
            with s.smtp() as c:
                for _ in range(100):
                    c.sendmail("a@x.test", [s.address("bob")], message("a", "b"))
        s.submit("alice", [s.address("bob")], message("a", "b"))
        wait_until(lambda: s.stats()["delivered"] == 2001, 60, "2001 deliveries")
        wait_until(lambda: {p["state"] for p in s.status()} == {"runs"}, 60, "all to run")
        s.ctl("log", "brief")
        self.syslog.reads.set()
        self.syslog.wait("event=log_lost lines=")
        with s.smtp() as c:
            c.sendmail("last@x.test", [s.address("bob")], message("a", "b"))
        self.syslog.wait("listener: event=accepted", "from=last@x.test")

    def test_a_logger_that_comes_back_is_found(self):
        s = self.suite()
        s.begin()
        self.syslog.close()
        s.submit("alice", [s.address("bob")], message("a", "b"))
        self.syslog = Syslog()
        self.syslog.wait("listener: event=accepted")

    def test_what_is_wrong_is_said_to_the_caller(self):
        s = self.suite()
        with self.subTest("configuration"):
            s.write_conf("listen in the wind\n")
            r = s.call()
            self.assertEqual(r.returncode, 1)
            self.assertRegex(r.stderr, r"smtpd\.conf:1: ")
        s.write_conf()
        with self.subTest("port"):
            with socket.create_server((s.host, s.port["smtp"])):
                r = s.call()
            self.assertEqual(r.returncode, 1)
            self.assertRegex(r.stderr, rf"^smtpd: cannot listen on {s.host} port {s.port['smtp']}: Address already in use; another mail server may run, .*: stop it, or write another port\n$")
            self.assertFalse(s.pid_file.exists())
        with self.subTest("program"):
            there = s.folder / "half"
            there.mkdir()
            for name in ("smtpd", "deliver", "queue", "imapd"):
                (there / name).symlink_to(BUILD / name)
            r = s.call("-L", there)
            self.assertEqual(r.returncode, 1, r)
            self.assertIn("cannot start pop3d", r.stderr)
            self.assertFalse(s.pid_file.exists())
            self.syslog.wait("pop3d", "cannot run", str(there))
        with self.subTest("process"):
            (s.folder / "accounts").mkdir(exist_ok=True)
            db = s.folder / "accounts/accounts.db"
            db.unlink(missing_ok=True)
            db.mkdir()
            r = s.call()
            self.assertEqual(r.returncode, 1, r)
            self.assertRegex(r.stderr, "^smtpd: cannot start lookup: ")
            db.rmdir()
        s.run()

    def test_a_second_suite_is_refused_and_harms_nothing(self):
        s = self.suite()
        s.begin()
        r = s.call()
        self.assertEqual(r.returncode, 1)
        self.assertEqual(r.stderr, f"smtpd: a suite runs here already: process {s.pid} has {s.pid_file}; "
                                   "smtpctl reload gives it another configuration, smtpctl stop ends it\n")
        r = subprocess.run([SMTPD, "-d", "-f", s.path, "-L", BUILD], capture_output=True, text=True, timeout=30,
                           env=dict(os.environ, **s.environment))
        self.assertEqual(r.returncode, 1)
        self.assertIn(f"process {s.pid}", r.stderr)
        self.assertEqual(int(s.pid_file.read_text()), s.pid)
        c = socket.socket(socket.AF_UNIX)
        c.settimeout(10)
        c.connect(str(s.folder / "run/submission.sock"))
        self.assertEqual(c.recv(4), b"220 ")
        c.close()
        self.assertEqual(len(s.children()), 9)

    def test_after_a_crash_it_starts_again(self):
        s = self.suite()
        s.run()
        old, children = s.pid, [p["pid"] for p in s.children().values()]
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: all(state_of(p) in ("", "Z") for p in children), 20, "the end of the orphans")
        self.assertTrue(s.pid_file.exists())
        s.run()
        self.assertNotEqual(s.pid, old)

    def test_callers_of_all_kinds(self):
        def blocked():
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

        def ignored():
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)

        def closed():
            for fd in (0, 1, 2):
                os.close(fd)

        def gone():
            folder = tempfile.mkdtemp()
            os.chdir(folder)
            os.rmdir(folder)

        def files(n):
            return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

        s = self.suite()
        s.begin()
        s.stop()
        for name, before in (("blocked signals", blocked), ("ignored signals", ignored),
                             ("closed descriptors", closed), ("a folder that is gone", gone),
                             ("umask 0777", lambda: os.umask(0o777)), ("umask 0", lambda: os.umask(0)),
                             ("256 files", files(256)), ("as many files as may be", files(most))):
            with self.subTest(name):
                s.run(preexec_fn=before)
                s.submit("alice", [s.address("bob")], message("a", "b", name))
                wait_until(lambda: not s.queue(), 10, "an empty queue")
                killed = s.children()["imapd"]["pid"]
                os.kill(killed, signal.SIGKILL)
                wait_until(lambda: s.children()["imapd"]["pid"] not in (0, killed), 10, "another imapd")
                os.kill(s.pid, signal.SIGHUP)
                for path in (s.folder / "run", s.folder / "run/smtpd.sock"):
                    self.assertEqual(path.stat().st_mode & 0o022, 0o022 if path.is_socket() else 0, path)
                self.assertEqual(s.stop(), 0)
        with self.subTest("a shell script"):
            r = subprocess.run(["sh", "-c", 'umask 0; cd /; exec 3</dev/null 9>/dev/null; "$@" <&- >&- 2>&-', "sh",
                                SMTPD, "-f", s.path, "-L", BUILD], timeout=60, env=dict(os.environ, **s.environment))
            self.assertEqual(r.returncode, 0)
            s.pid = int(s.pid_file.read_text())
            self.assertEqual(len(s.children()), 9)

    def test_relative_paths_last_after_the_start(self):
        s = self.suite()
        r = subprocess.run([SMTPD, "-f", "smtpd.conf", "-p", "own.pid", "-L", os.path.relpath(BUILD, s.folder)],
                           cwd=s.folder, capture_output=True, text=True, timeout=60,
                           env=dict(os.environ, **s.environment))
        self.assertEqual(r.returncode, 0, r)
        s.pid = int((s.folder / "own.pid").read_text())
        s.ctl("reload")

    def test_hangup_reloads(self):
        s = self.suite()
        s.run()
        old = s.conf()
        s.write_conf(old + "nonsense\n")
        os.kill(s.pid, signal.SIGHUP)
        self.assertRegex(self.syslog.wait("event=configuration_error")[0], rf"^<{ERROR}>")
        s.write_conf(old.replace('hostname "mail.', 'hostname "new.').replace(
            f'listen on {s.host} port {s.port["smtps"]} smtps pki "mail" auth\n', ""))
        os.kill(s.pid, signal.SIGHUP)

        def greets():
            with s.smtp() as c:
                return c.ehlo()[1].startswith(b"new.")
        wait_until(greets, 10, "the new name")

        def refuses():
            try:
                socket.create_connection((s.host, s.port["smtps"]), timeout=5).close()
            except ConnectionRefusedError:
                return True
            except ConnectionResetError:  # it waited where nobody accepts any more
                return False
        wait_until(refuses, 10, "the end of the port that is gone")
        for _ in range(5):
            os.kill(s.pid, signal.SIGHUP)
        fds = Path(f"/proc/{s.children()['listener']['pid']}/fd")
        time.sleep(0.5)
        before = len(list(fds.iterdir()))
        for _ in range(10):
            s.ctl("reload")
        wait_until(lambda: len(list(fds.iterdir())) <= before + 1, 20, "as many descriptors as before, for a reload costs none")

    def test_a_stop_in_the_middle_of_a_message(self):
        s = self.suite()
        s.begin()
        clients = [s.smtp(), s.smtp(), s.smtp()]
        for c in clients:
            c.ehlo("x.test")
            c.mail("a@x.test")
            c.rcpt(s.address("bob"))
        for c in clients[:2]:
            c.putcmd("data")
            self.assertEqual(c.getreply()[0], 354)
            c.send(b"Subject: half\r\n\r\nhalf")
        start = time.monotonic()
        os.kill(s.pid, signal.SIGTERM)
        self.syslog.wait("event=stopping")
        time.sleep(0.3)
        clients[0].send(b"\r\n.\r\n")
        code = clients[0].getreply()[0]
        self.assertIn(code, (250, 421, 451))
        wait_until(lambda: not s.is_there(), STOP_SECONDS, "the end, though a client says nothing")
        self.assertLess(time.monotonic() - start, STOP_SECONDS)
        for c in clients[1:]:
            try:
                self.assertEqual(c.getreply()[0], 421)
            except (smtplib.SMTPServerDisconnected, ConnectionResetError):
                pass
        for c in clients:
            c.close()
        s.run()
        bodies = s.wait_messages("bob", 1) if code == 250 else s.bodies("bob")
        self.assertEqual(len(bodies), code == 250)

    def test_a_delivery_under_way_arrives_once(self):
        server = SlowServer("127.0.0.1", 2)
        s = self.suite()
        s.write_conf(s.conf().replace('action "out" relay\n', f'action "out" relay host smtp+notls://127.0.0.1:{server.port}\n'))
        s.begin()
        s.submit("alice", ["someone@else.test"], message("a", "b"))
        self.assertTrue(server.begun.wait(20))
        self.assertEqual(s.stop(), 0)
        self.assertEqual(server.taken, 1)
        self.syslog.wait("relay: event=relayed")
        self.assertFalse(self.syslog.find("was not through"))
        s.run()
        self.assertEqual(s.queue(), [])
        time.sleep(1)
        self.assertEqual(server.taken, 1)
        server.socket.close()

    def test_under_a_service_manager_it_stays_and_logs_to_standard_error(self):
        s = self.suite()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = str(s.folder / "notify")
            manager.bind(path)
            manager.settimeout(30)
            p = subprocess.Popen([SMTPD, "-f", s.path, "-L", BUILD], stderr=subprocess.PIPE, text=True,
                                 env=dict(os.environ, NOTIFY_SOCKET=path, **s.environment))
            try:
                self.assertEqual(manager.recv(100), b"READY=1")
                self.assertEqual(int(s.pid_file.read_text()), p.pid)
                p.send_signal(signal.SIGTERM)
                self.assertEqual(manager.recv(100), b"STOPPING=1")
                text = p.communicate(timeout=STOP_SECONDS)[1]
            finally:
                p.kill()
                p.wait()
        self.assertEqual(p.returncode, 0)
        self.assertIn("smtpd: event=ready", text)
        self.assertIn("queue: event=queue_loaded", text)
        self.assertEqual(self.syslog.lines, [])


if __name__ == "__main__":
    unittest.main()
