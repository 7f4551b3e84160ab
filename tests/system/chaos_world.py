"""A whole suite on a small disk of its own, all its clients, and what one needs to make it suffer and to look after it."""

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

from chaos_check import read_account
from chaos_ledger import Account, Ledger
from chaos_load import BROKEN, Mailer, Popper, Stranger, Submitter
from chaos_sink import Sink
from suite import BUILD, Suite, state_of, wait_until
from test_clock import Clock
from test_fault import Faults
from test_powercut import Disk

BOUNDED = ("timeout", "-k", "1", "60")  # they log, and wait for a logger that stands still with the user database locked
READERS = ("bob", "carol", "ivy", "ida", "pat")


def send(pids, sign):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)


class ChaosSuite(Suite):
    """Nobody reads what it writes while awake is clear; it may be told to begin until it can."""

    awake = None

    def launch(self, *arguments):
        if self.awake is None:
            self.awake = threading.Event()
            self.awake.set()
        super().launch(*arguments)

    def _read(self, process):
        ready = self.ready
        with contextlib.suppress(ValueError, OSError):
            for line in process.stdout:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                if "event=ready" in self.lines[-1]:
                    ready.set()
                self.awake.wait()


class World:
    def __init__(self, seed, failing, is_deaf=False):
        self.is_deaf = is_deaf  # then no sync reaches the disk
        self.rnd = random.Random(seed)
        self.ledger, self.clock, self.faults = Ledger(), Clock(), Faults(failing)
        self.sink = Sink(random.Random(self.rnd.random()))
        self.power, self.changing = Disk(), threading.RLock()  # one at a time gives the suite another parent
        self.disk = self.power.inner
        self.killed, self.removed = set(), set()  # processes; recipients with the token that smtpctl was told to remove
        self.appended = self.reports = self.generation = 0
        self.has_failed = False             # calls failed, so that a file may be left until the next start
        self.cuts = 0
        self.orphans, self.clients, self.samples = set(), [], {}
        self.user = self.make_user()
        self.suite = self.make_suite()
        self.readers = [self.suite.address(u) for u in READERS]
        self.accounts = {u: Account(self.suite.address(u), self.ledger) for u in READERS}
        self.configure(0)
        self.suite.make_certificate()
        self.suite.begin()
        for user, account in self.accounts.items():
            account.boxes = {name: {True} for name in read_account(self.suite, user)[1]}
        subprocess.run(["sync", "-f", self.disk], check=True)

    def make_user(self):
        user = f"kurirchaos{os.getpid()}"
        subprocess.run([*BOUNDED, "useradd", "-m", "-d", self.disk / "home", user], check=True, capture_output=True)
        self.mbox = Path("/var/mail") / user
        return user

    def make_suite(self):
        s = ChaosSuite(users=("alice", *READERS), dns=self.sink.dns.address, relay_port=self.sink.port)
        s.place(self.disk / "suite")
        s.environment |= self.clock.environment | self.faults.environment
        libraries = [self.clock.environment["LD_PRELOAD"], self.faults.environment["LD_PRELOAD"]]
        s.environment["LD_PRELOAD"] = ":".join(libraries + [str(BUILD / "tests/system/preload/deaf.so")] * self.is_deaf)
        s.environment["ASAN_OPTIONS"] += ":verify_asan_link_order=0"
        s.forget_freed_memory()
        s.extra = 'queue ttl 60d\naction "maildir" maildir\naction "mbox" mbox\n'
        s.match = ('match from any for domain "example.test" action "local"\n'
                   'match from any for domain "maildir.test" action "maildir"\n'
                   'match from any for domain "mbox.test" action "mbox"\nmatch from auth for any action "out"\n')
        return s

    def close(self):
        for client in self.clients:
            client.on = False
        self.suite.awake.set()
        for pid in self.orphans:
            if state_of(pid) == "T":
                os.kill(pid, signal.SIGKILL)
        code = self.suite.stop()
        self.sink.close()
        subprocess.run([*BOUNDED, "userdel", self.user], capture_output=True)
        self.mbox.unlink(missing_ok=True)
        for folder in reversed(self.power.mounted[:]):  # lazily: who made itself a namespace of mounts has them too
            subprocess.run(["umount", "-l", folder], check=True)
            self.power.mounted.remove(folder)
        self.power.close()
        return code

    # Orders and state.
    def order(self, *words, stdin=""):
        """What smtpctl says to it; nothing, if it has no answer in time."""
        try:
            return subprocess.run(self.suite.ctl_command(*words), input=stdin, capture_output=True, text=True, errors="replace",
                                  timeout=3).stdout
        except subprocess.TimeoutExpired:
            return ""

    def envelopes(self):
        with contextlib.suppress(ValueError):
            return [json.loads(line) for line in self.order("--json", "show", "queue").splitlines() if line.strip()]
        return []

    def children(self, name):
        return self.suite.pids(name) if self.suite.process else []

    def configure(self, number, is_wrong=False):
        """Configurations that differ in what may be changed by a reload; number 0 is as it began."""
        text = self.suite.conf()
        if number & 1:
            text = text.replace('hostname "mail.example.test"', 'hostname "other.example.test"')
        if number & 2:
            text += 'match from any for domain "late.test" action "local"\n'
        if number & 4:
            text += "".join(f'table t{i} {{ "a" = "b" }}\n' for i in range(number % 50))
        with self.changing:
            self.suite.write_conf(text + ("nonsense\n" if is_wrong else ""))

    def replace_parent(self, sign):
        """Its children end by themselves, those that stand still excepted; the next parent begins when it can."""
        with self.changing:
            old = self.suite.process
            self.orphans.update(p["pid"] for p in self.suite.processes())
            old.send_signal(sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                old.wait(2)
            old.kill()
            old.wait()
            self.suite.launch()

    def let_go(self):
        """Takes the disk away, which waits for those who end."""
        try:
            self.power.unmount(self.disk)
            return True
        except subprocess.CalledProcessError:
            return False

    def cut_power(self):
        """Everybody stands still, and with them goes what they never synced; then all begins anew on what is left."""
        with self.changing:
            pids = {self.suite.process.pid} | self.orphans
            send(pids, signal.SIGSTOP)
            wait_until(lambda: state_of(self.suite.process.pid) in ("", "T", "Z"), 10, "the parent to stand still")
            pids.update(p["pid"] for p in self.suite.processes())
            send(pids, signal.SIGSTOP)
            self.power.cut("picture")
            send(pids, signal.SIGKILL)
            wait_until(lambda: all(state_of(pid) in ("", "Z") for pid in pids), 10, "the end of all")
            self.suite.process.wait()
            wait_until(self.let_go, 10, "a disk that nobody uses")
            self.power.replace("picture")
            self.configure(0)
            self.cuts += 1
            self.suite.launch()

    def revive(self):
        """As a service manager would: begins anew what could not begin."""
        for _ in range(20):
            if self.suite.process.poll() is None and self.suite.ready.wait(3):
                return
            if self.suite.process.poll() is not None:
                self.suite.launch()
        raise AssertionError("the suite does not begin any more\n" + self.suite.tail())

    # The clients.
    def load(self):
        def rnd():
            return random.Random(self.rnd.random())
        self.generation += 1
        g = self.generation
        self.clients = [Stranger(self, f"x{g}a", rnd()), Stranger(self, f"x{g}b", rnd()), Submitter(self, f"s{g}", rnd()),
                        Popper(self, f"p{g}", rnd(), self.accounts["pat"], "pat"),
                        Mailer(self, f"m{g}", rnd(), self.accounts["ivy"], "ivy"),
                        Mailer(self, f"n{g}", rnd(), self.accounts["ida"], "ida")]

    def rest(self):
        for client in self.clients:
            client.on = False
        for client in self.clients:
            client.join(60)
            if client.is_alive():
                raise AssertionError(f"{client.name} hangs")
        return [w for client in self.clients for w in client.wrong]

    # After the faults.
    def is_whole(self):
        """All services work: mail comes in, goes to a mailbox, and can be read both ways."""
        token = f"alive{self.rnd.random()}"
        octets = f"X-Token: {token}\r\n\r\n".encode()
        try:
            with self.suite.smtp() as c:
                c.sendmail("x@elsewhere.test", [self.suite.address("alice")], octets)
            self.suite.imap("alice").logout()
            self.suite.pop3("alice").quit()
            return True
        except BROKEN:
            return False

    def drain(self, seconds=180):
        """Longer than relay waits for a resolver that does not answer, and tries once more."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = subprocess.run(self.suite.ctl_command("--json", "show", "queue"), capture_output=True, text=True, timeout=60)
            if text.returncode == 0 and not text.stdout.strip():
                return
            for what in (("mda",), ("mta",), ("smtp",), ("envelope", "all")):  # which a full disk may have refused before
                self.order("resume", *what)
            self.order("schedule", "all")
            time.sleep(0.2)
        raise AssertionError("the queue is not empty\n" + text.stdout + text.stderr + self.suite.log()[-5000:])
