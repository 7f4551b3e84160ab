"""A suite in the background, as rc scripts start it, and a system logger for it to write to.

BackgroundCase is what such tests begin with. The logger stands at /dev/log while a test runs, so it is
skipped where somebody else is the logger; of modules that run beside each other one is at a time.
No suite outlives its test, nor the program that runs the tests.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from suite import SMTPD, Suite, state_of, wait_until

LOG = Path("/dev/log")
MAIL = 2 << 3
ERROR, WARNING, INFO, DEBUG = MAIL | 3, MAIL | 4, MAIL | 6, MAIL | 7
STOP_SECONDS = 20  # what smtpd(8) promises
GUARD = 'read -r _; [ ! -f "$1" ] || kill -KILL "$(cat "$1")"'


def is_logger_taken():
    """Does somebody else hold the system logger's socket? One whose owner is gone is nobody's."""
    if not os.path.lexists(LOG):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        try:
            s.connect(str(LOG))
        except ConnectionRefusedError:
            return LOG.is_symlink()
        except OSError:
            pass
    return True


class Syslog:
    """Stands where syslogd would."""

    def __init__(self):
        self.lines = []
        self.reads = threading.Event()
        self.reads.set()
        self.ended = False
        LOG.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(LOG))
        self.socket.settimeout(0.1)
        LOG.chmod(0o666)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended:
            if not self.reads.wait(0.1):
                continue
            try:
                line = self.socket.recv(65536).decode(errors="replace")
                if " kurir[" in line:  # other programs log as well
                    self.lines.append(line)
            except TimeoutError:
                pass

    def close(self):
        self.ended = True
        self.thread.join()
        self.socket.close()
        LOG.unlink()

    def find(self, *words):
        return [l for l in self.lines if all(w in l for w in words)]

    def wait(self, *words, seconds=20):
        return wait_until(lambda: self.find(*words), seconds, f"{words} in\n" + "\n".join(self.lines[-30:]))


class Background(Suite):
    """A suite that goes to the background by itself."""

    def __init__(self, lines, **options):
        super().__init__(**options)
        self.lines = lines
        self.pid = None
        self.guard = None

    @property
    def pid_file(self):
        return self.folder / "run/smtpd.pid"

    def call(self, *more, **options):
        """Runs smtpd as a shell would, and gives what it said."""
        options.setdefault("env", dict(os.environ, **self.environment))
        if self.guard is None:  # its standard input ends when we do, whatever ends us
            self.guard = subprocess.Popen(["sh", "-c", GUARD, "sh", self.pid_file],
                                          stdin=subprocess.PIPE, start_new_session=True)
        return subprocess.run([SMTPD, "-f", self.path, "-L", self.build, *more], capture_output=True, text=True,
                              timeout=90, **options)

    def run(self, *more, **options):
        r = self.call(*more, **options)
        assert (r.returncode, r.stdout, r.stderr) == (0, "", ""), (r, self.tail())
        self.pid = int(self.pid_file.read_text())

    def status(self):
        return [json.loads(l) for l in self.ctl("--json", "show", "status").stdout.splitlines()]

    def shown_status(self):
        """What a person sees of it once every process has answered in time."""
        return wait_until(lambda: (lambda text: text if "does not answer" not in text else None)(
            self.ctl("show", "status").stdout), 60, "an answer of every process")

    def children(self):
        return {p["process"]: p for p in self.status() if p["process"] != "smtpd"}

    def stats(self):
        return json.loads(self.ctl("--json", "show", "stats").stdout)

    def wait_another(self, name, old):
        """Waits until another process than old runs for name; gives its status."""
        return wait_until(lambda: (lambda p: p if p["pid"] not in (0, old) and p["state"] == "runs" else None)(
            self.children()[name]), 30, f"another {name}")

    def is_there(self):
        return state_of(self.pid) not in ("", "Z")

    def stop(self):
        """Ends it, within the time that is promised: 0, or None if it had to be killed."""
        code = 0
        if self.pid is None and self.pid_file.exists():
            self.pid = int(self.pid_file.read_text() or 0) or None
        if self.pid is None:
            return code
        try:
            os.kill(self.pid, signal.SIGTERM)
            wait_until(lambda: not self.is_there(), STOP_SECONDS, "the end of the suite")
        except ProcessLookupError:
            pass
        except AssertionError:
            os.kill(self.pid, signal.SIGKILL)
            code = None
        self.pid = None
        return code

    def close(self):
        """Ends it and takes away what it left."""
        code = self.stop()
        if self.guard is not None:
            self.guard.stdin.close()
            self.guard.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


class BackgroundCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, for /dev/log")
        turn = open(Path(tempfile.gettempdir()) / "kurir-logger", "w")
        cls.addClassCleanup(turn.close)
        fcntl.flock(turn, fcntl.LOCK_EX)
        if is_logger_taken():
            raise unittest.SkipTest("a system logger runs here, and has /dev/log")

    def setUp(self):
        self.syslog = Syslog()
        self.addCleanup(lambda: self.syslog.close())

    def suite(self, **options):
        """One that is not started yet, and ends with the test."""
        s = Background(self.syslog.lines, **options)
        self.addCleanup(self.finish, s)
        s.prepare()
        return s

    def finish(self, s):
        self.assertEqual(s.close(), 0, s.tail())
        complaints = [l for l in s.lines if "Sanitizer" in l or "runtime error:" in l or "event=bug" in l]
        self.assertEqual(complaints, [])
