"""What befalls the suite in a chaotic run. Each fault begins at a moment of its own, and lasts until end()."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

from chaos_ledger import read
from suite import state_of
from test_fault import FAILURES

DAEMONS = ("listener", "lookup", "resolver", "keyholder", "queue", "relay", "mailbox", "imapd", "pop3d")
HOUR = 3600


class Fault:
    def __init__(self, world, rnd):
        self.world, self.suite, self.rnd = world, world.suite, rnd
        self.choose()

    def choose(self):
        """Which of its kind it is; for the name, which the run prints."""

    def begin(self):
        pass

    def end(self):
        pass

    def __str__(self):
        return type(self).__name__


class OfProcess(Fault):
    names = DAEMONS

    def choose(self):
        self.name = self.rnd.choice(self.names)

    def __str__(self):
        return f"{type(self).__name__}({self.name})"


class Kill(OfProcess):
    """SIGKILL, once or several times in a row."""

    def choose(self):
        super().choose()
        self.times, self.pause = self.rnd.choice((1, 1, 3)), self.rnd.uniform(0.05, 0.5)

    def begin(self):
        for _ in range(self.times):
            for pid in self.world.children(self.name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.world.killed.add(self.name)
            time.sleep(self.pause)


class KillSeveral(Fault):
    """Several at the same instant, agents and other helpers of the parent too."""

    def choose(self):
        self.names = self.rnd.sample(DAEMONS, self.rnd.randrange(2, 6))

    def begin(self):
        for _ in range(3):
            self.world.killed.update((*self.names, "agent"))
            for p in self.suite.processes():
                if p["name"] in self.names or p["name"] not in DAEMONS:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(p["pid"], signal.SIGKILL)
            time.sleep(self.rnd.uniform(0.1, 0.5))

    def __str__(self):
        return f"KillSeveral({', '.join(self.names)})"


class PowerCut(Fault):
    """What was not synced is gone, and everybody begins anew; sometimes again while they do."""

    def choose(self):
        self.times, self.pause = self.rnd.choice((1, 1, 2)), self.rnd.uniform(0, 1)

    def begin(self):
        self.world.killed.update(DAEMONS)
        for _ in range(self.times):
            time.sleep(self.pause)
            self.world.cut_power()


class Stop(OfProcess):
    """Stands still, and goes on when all is over, or killed as it stands."""

    def begin(self):
        self.pids = self.world.children(self.name)
        self.world.killed.add(self.name)  # its neighbours may give it up
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def end(self):
        for pid in self.pids:
            if state_of(pid) == "T":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


class Flicker(OfProcess):
    """Stands still for a moment, again and again, until it is over."""

    def begin(self):
        self.world.killed.add(self.name)
        for _ in range(8):
            pids = self.world.children(self.name)  # whose parent may be another by the time they go on
            for sign, pause in ((signal.SIGSTOP, 0.15), (signal.SIGCONT, 0.1)):
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, sign)
                time.sleep(pause)


class FullDisk(Fault):
    """Nothing more to be had, or a little that is soon used up."""

    def choose(self):
        self.left = self.rnd.choice((0, 0, 64 << 10, 1 << 20))

    def begin(self):
        self.world.killed.update(("queue", "mailbox"))  # who cannot write down what was done does it again
        self.file = self.world.disk / "filler"
        with self.world.changing:  # a power cut takes the disk away meanwhile, and another would be filled
            self.fill()

    def fill(self):
        if not os.path.ismount(self.world.disk):
            return  # the machine's own disk would be full
        with contextlib.suppress(OSError), open(self.file, "wb", 0) as f:
            for size in (16 << 20, 1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(f.fileno(), f.seek(0, os.SEEK_END), size)
        if self.left:
            with contextlib.suppress(OSError):
                os.truncate(self.file, max(0, self.file.stat().st_size - self.left))

    def end(self):
        self.file.unlink(missing_ok=True)


class FewDescriptors(OfProcess):
    """It may have no more than it has, or a few."""
    names = ("listener", "queue", "relay", "mailbox", "imapd", "pop3d", "lookup", "resolver")

    def choose(self):
        super().choose()
        self.more = self.rnd.choice((0, 1, 3, 8))

    def begin(self):
        self.old = {}
        self.world.killed.add(self.name)
        for pid in self.world.children(self.name):
            with contextlib.suppress(OSError):
                highest = max(int(f.name) for f in Path(f"/proc/{pid}/fd").iterdir())
                self.old[pid] = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1 + self.more, self.old[pid][1]))

    def end(self):
        for pid, limits in self.old.items():
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


class FewForParent(OfProcess):
    """It dies, and the parent has hardly any descriptors for the next, nor for its orders."""

    def choose(self):
        super().choose()
        self.more = self.rnd.choice((-1000, 0, 1, 2, 3, 4))  # against what it has: with fewer it gets none at all

    def limit(self, most):
        with contextlib.suppress(OSError):
            resource.prlimit(self.parent, resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    def begin(self):
        self.world.killed.add(self.name)
        self.parent = self.suite.process.pid
        with contextlib.suppress(OSError):
            self.limit(max(3, max(int(f.name) for f in Path(f"/proc/{self.parent}/fd").iterdir()) + 1 + self.more))
        for pid in self.world.children(self.name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end(self):
        self.limit(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


class FewMemory(OfProcess):
    """It gets no more memory than it has, and ends where it cannot do without."""

    def begin(self):
        self.world.killed.add(self.name)
        self.pids = self.world.children(self.name)
        for pid in self.pids:
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_AS, (1, resource.RLIM_INFINITY))

    def end(self):
        for pid in self.pids:
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class Jump(Fault):
    """The civil clock of all processes is wrong, and wrong in another way a while later."""

    def choose(self):
        self.jumps = [self.rnd.choice((-1, 1)) * self.rnd.choice((1, 90, 2 * HOUR, 3 * 365 * 24 * HOUR)) for _ in range(3)]

    def begin(self):
        for jump in self.jumps:
            self.world.clock.jump(jump)
            time.sleep(0.3)

    def end(self):
        self.world.clock.jump(0)

    def __str__(self):
        return f"Jump{self.jumps}"


class SilentNames(Fault):
    def begin(self):
        self.world.sink.is_dns_silent = True

    def end(self):
        self.world.sink.is_dns_silent = False


class Reload(Fault):
    """Other configurations, one after the other; one is wrong."""

    def begin(self):
        for i in range(6):
            self.world.configure(self.rnd.randrange(1 << 30), is_wrong=self.rnd.random() < 0.2)
            self.world.order("reload")
            time.sleep(self.rnd.uniform(0, 0.3))

    def end(self):
        self.world.configure(0)
        self.world.order("reload")


class Logger(Fault):
    """Nobody reads what the suite says."""

    def begin(self):
        self.suite.awake.clear()

    def end(self):
        self.suite.awake.set()


class ParentDies(Fault):
    """SIGKILL of the parent, or an order to end; another is started at once, and again until it can begin."""

    def choose(self):
        self.sign = self.rnd.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))

    def begin(self):
        self.world.killed.update(DAEMONS)
        self.world.replace_parent(self.sign)

    def __str__(self):
        return f"ParentDies({self.sign.name})"


class Orphan(OfProcess):
    """A child stands still while its parent is killed: the next suite begins beside it, and then it wakes."""

    def begin(self):
        self.world.killed.update(DAEMONS)
        self.pids = self.world.children(self.name)
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        self.world.replace_parent(signal.SIGKILL)

    def end(self):
        for pid in self.pids:
            if state_of(pid) == "T":
                os.kill(pid, signal.SIGCONT)


class FailingCalls(Fault):
    """Some calls of one process that change files fail."""

    def begin(self):
        self.world.has_failed = True
        self.world.killed.add(self.world.faults.environment["FAULTS_PROCESS"])
        for _ in range(6):
            self.world.faults.arm(self.rnd.randrange(1, 200), FAILURES[self.rnd.choice(list(FAILURES))])
            time.sleep(0.3)

    def end(self):
        self.world.faults.disarm()

    def __str__(self):
        return f"FailingCalls({self.world.faults.environment['FAULTS_PROCESS']})"


class Crowd(Fault):
    """Strangers who connect to every port and say nothing."""

    def begin(self):
        self.sockets = []
        for port in list(self.suite.port.values()) * 6:
            with contextlib.suppress(OSError):
                self.sockets.append(socket.create_connection((self.suite.host, port), timeout=1))

    def end(self):
        for s in self.sockets:
            s.close()


class Orders(Fault):
    """Whatever smtpctl can say of the queue and the suite, in any order; some who ask never read the answer."""

    def begin(self):
        self.readers = []
        for _ in range(12):
            self.rnd.choice((self.pause, self.pause, self.schedule, self.remove, self.hold, self.watch, self.look, self.account))()
            time.sleep(self.rnd.uniform(0, 0.15))

    def pause(self):
        self.world.order(self.rnd.choice(("pause", "resume")), self.rnd.choice(("mda", "mta", "smtp")))

    def schedule(self):
        self.world.order("schedule", self.rnd.choice(("all", "all", "example.test")) if self.rnd.random() < 0.9 else "0")

    def some(self):
        """A few envelopes, none of them a report, which nobody but the one who gets it knows."""
        mine = [e for e in self.world.envelopes() if e["recipient"] != self.suite.address("alice")]
        return self.rnd.sample(mine, min(len(mine), 3))

    def remove(self):
        for e in self.some():
            token, _ = read(self.world.order("show", "message", e["envelope"]).replace("\n", "\r\n").encode())
            if token is not None:
                self.world.removed.add((e["recipient"], token))
                self.world.order("remove", e["envelope"])

    def hold(self):
        for e in self.some():
            self.world.order(self.rnd.choice(("pause", "resume")), "envelope", e["envelope"])

    def look(self):
        self.world.order(*self.rnd.choice((("show", "status"), ("show", "stats"), ("--json", "show", "queue"), ("account", "list"),
                                           ("update", "table"), ("log", "verbose"), ("log", "brief"))))

    def account(self):
        self.world.order("account", "add", f"n{self.rnd.randrange(1 << 30)}@example.test", stdin="a long password\n")

    def watch(self):
        """trace and monitor end when they are hung up; these two never read."""
        self.readers.append(subprocess.Popen(self.suite.ctl_command(self.rnd.choice(("trace", "monitor"))),
                                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))

    def end(self):
        for reader in self.readers:
            reader.kill()
            reader.stdout.close()
            reader.wait()
        for what in ("mda", "mta", "smtp"):
            self.world.order("resume", what)
        self.world.order("resume", "envelope", "all")
        self.world.order("log", "brief")


FAULTS = (Kill, Kill, KillSeveral, PowerCut, PowerCut, Stop, Stop, Flicker, FullDisk, FullDisk, FewDescriptors, FewForParent,
          FewMemory, Jump, SilentNames, Reload, Logger, ParentDies, Orphan, FailingCalls, Crowd, Orders, Orders)
