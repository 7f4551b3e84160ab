"""The walls of a running suite: each of its processes is made to try what somebody who captured it would try, and gets
what one table says. See inject/inject.c for how; common/sandbox/sandbox.h for the rights themselves."""

import contextlib
import errno
import fcntl
import os
import platform
import poplib
import pwd
import re
import shutil
import signal
import smtplib
import socket
import struct
import subprocess
import time
import unittest
from collections import Counter, namedtuple
from pathlib import Path

from suite import BUILD, SMTPD, Suite, free_ports, message, state_of, wait_until

INJECT = BUILD / "tests/system/inject/inject"
USER = f"kurirw{os.getpid()}"
HOST = "127.0.0.1"

# x86-64's numbers of system calls.
OPEN, CLOSE, MMAP, IOCTL, SOCKET, CONNECT, ACCEPT, SENDTO, BIND, LISTEN, SOCKETPAIR = 2, 3, 9, 16, 41, 42, 43, 44, 49, 50, 53
FAST_OPEN = 0x20000000
CLONE, FORK, VFORK, EXECVE, KILL, RENAME, SYMLINK, CHMOD, CHOWN = 56, 57, 58, 59, 62, 82, 88, 90, 92
PTRACE, SETUID, SETGID, SETGROUPS, SETRESUID, MKNOD, PRCTL, CHROOT, MOUNT = 101, 105, 106, 116, 117, 133, 157, 161, 165
CLOCK_SETTIME, TGKILL, KEYCTL, UNSHARE, PRLIMIT, PROCESS_VM_READV, MEMFD = 227, 234, 250, 272, 302, 310, 319
BPF, EXECVEAT, CLONE3, IO_URING, PIDFD_OPEN, OPENAT2 = 321, 322, 435, 425, 434, 437
CREATE = os.O_WRONLY | os.O_CREAT
BIG = 2000 * (70 * "x" + "\r\n")  # so big that the message comes along as a file
STREAM, DATAGRAM, RAW = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW
TCP, UDP = (SOCKET, socket.AF_INET, STREAM, 0), (SOCKET, socket.AF_INET, DATAGRAM, 0)
UNIX = (SOCKET, socket.AF_UNIX, STREAM, 0)

# The columns of the table, in its order. The processes of a suite, then what it starts for a delivery: an agent at an
# mbox, one at an LMTP server, one that waits for a command; and the parent, which has no walls.
ROLES = ("keyholder", "resolver", "relay", "listener", "imapd", "pop3d", "lookup", "queue", "mailbox")
AGENTS = ("mbox", "lmtp", "command")
COLUMNS = (*ROLES, *AGENTS, "parent")

# What a letter means: the errno, and whether the call kills where KURIR_SANDBOX_KILL=1 is set.
MEANING = {
    "+": (None, False),            # it succeeds
    "-": (errno.EPERM, True),      # the filter of system calls refuses it
    "n": (errno.ENOSYS, False),    # the filter says that there is no such call, and a library takes another
    "F": (errno.EACCES, False),    # Landlock: no such file or port for this process
    "u": (errno.EPERM, False),     # the filter lets it pass, and the kernel refuses it to this user
    "U": (errno.EACCES, False),    # the same, of a file's owner and mode
    "s": (errno.ENOTSOCK, False),  # the filter lets it pass, and there was no socket to do it with
    "g": (errno.EINVAL, False),    # the filter lets it pass, and the kernel finds no sense in it
    ".": None,                     # not tried: it would succeed, and end the suite or change the machine
}

# Each attempt: calls in order, of which the first that fails is the answer. {queue} and the like are the suite's places,
# {other} is its parent, {fd} what the call before gave.
#                                               processes | files | agents | parent
ATTEMPTS = [
    ("opens /etc/passwd",              "------ +FF F-+ +", (OPEN, "text:/etc/passwd", 0)),
    ("opens /etc/shadow",              "------ FFF F-U +", (OPEN, "text:/etc/shadow", 0)),
    ("opens the private key",          "------ FFF F-U +", (OPEN, "text:{key}", 0)),
    ("opens the configuration",        "------ FFF F-+ +", (OPEN, "text:{conf}", 0)),
    ("opens a table",                  "------ +FF F-+ +", (OPEN, "text:{tables}/aliases", 0)),
    ("opens by a newer call",          "nnnnnn nnn nng .", (OPENAT2, -100, "text:/etc/passwd", "hex:" + 24 * "00", 23)),
    ("makes a file where anybody may", "------ FFF F-+ +", (OPEN, "text:{common}/tried", CREATE, 0o666)),
    ("makes a file by a table",        "------ FFF F-U +", (OPEN, "text:{tables}/tried", CREATE, 0o666)),
    ("makes a file by the accounts",   "------ +FF F-U +", (OPEN, "text:{accounts}/tried", CREATE, 0o666)),
    ("makes a file in the queue",      "------ F+F F-U +", (OPEN, "text:{queue}/tried", CREATE, 0o666)),
    ("makes a file among the mail",    "------ FF+ F-U +", (OPEN, "text:{mail}/tried", CREATE, 0o666)),
    ("makes a file by the mbox",       "------ FFF +-+ +", (OPEN, "text:{out}/tried", CREATE, 0o666)),
    ("renames the key",                "------ FFF F-. .", (RENAME, "text:{key}", "text:{out}/key")),
    ("makes a symbolic link",          "------ --- --. .", (SYMLINK, "text:{key}", "text:{out}/key")),
    ("makes a device",                 "------ --- --. .", (MKNOD, "text:{out}/device", 0o20666, 0x103)),
    ("changes a mode",                 "------ --- --u +", (CHMOD, "text:{key}", 0o600)),
    ("changes an owner",               "------ --- --u +", (CHOWN, "text:{key}", 0, 0)),
    ("makes an IPv4 stream",           "-++--- --- --+ +", TCP),
    ("makes an IPv6 stream",           "-++--- --- --+ +", (SOCKET, socket.AF_INET6, STREAM, 0)),
    ("makes an IPv4 datagram socket",  "-+---- --- --+ +", UDP),
    ("makes an IPv6 datagram socket",  "-+---- --- --+ +", (SOCKET, socket.AF_INET6, DATAGRAM, 0)),
    ("makes a Unix socket",            "------ +-- --+ +", UNIX),
    ("makes a packet socket",          "------ --- --u +", (SOCKET, socket.AF_PACKET, RAW, 0)),
    ("makes a netlink socket",         "------ --- --+ +", (SOCKET, socket.AF_NETLINK, RAW, 0)),
    ("makes a pair of sockets",        "------ --- --. .", (SOCKETPAIR, socket.AF_UNIX, STREAM, 0, "hex:" + 8 * "00")),
    ("connects to 127.0.0.1",          "-++--- --- --+ +", TCP, (CONNECT, "{fd}", "{server}", 16)),
    ("connects by sending",            "-+---- --- --+ +", TCP, (SENDTO, "{fd}", "text:x", 1, FAST_OPEN, "{server}", 16)),
    ("connects to a Unix socket",      "------ +-- --+ +", UNIX, (CONNECT, "{fd}", "{local}", 110)),
    ("connects what it holds",         "-ss--- s-- --s s", (CONNECT, 0, "{server}", 16)),
    ("takes a TCP port",               "-FF--- --- --+ +", TCP, (BIND, "{fd}", "{free}", 16)),
    ("takes a UDP port",               "-+---- --- --+ +", UDP, (BIND, "{fd}", "{free}", 16)),
    ("chooses whence it connects",     "-++--- --- --+ +", TCP, (BIND, "{fd}", "{source}", 16)),
    ("listens at any port",            "------ --- --+ +", TCP, (LISTEN, "{fd}", 1)),
    ("listens on what it holds",       "------ --- --s s", (LISTEN, 0, 1)),
    ("accepts from what it holds",     "---sss --- --s s", (ACCEPT, 0, 0, 0)),
    ("shares memory",                  "---++- -++ --+ +", (MEMFD, "text:x", 0)),
    ("makes memory that can run",      "------ --- --+ +", (MMAP, 0, 4096, 5, 0x22, -1, 0)),
    ("forks",                          "------ --- --+ +", (FORK,)),
    ("forks by vfork",                 "------ --- --+ +", (VFORK,)),
    ("forks by clone",                 "------ --- --+ +", (CLONE, 17, 0, 0, 0, 0)),
    ("forks by a newer call",          "nnnnnn nnn nng .", (CLONE3, "hex:" + 64 * "00", 1)),
    ("becomes another program",        "------ --- --. .", (EXECVE, "text:/bin/true", 0, 0)),
    ("becomes one by another call",    "------ --- --. .", (EXECVEAT, -100, "text:/bin/true", 0, 0, 0)),
    ("lets itself be traced",          "------ --- --. .", (PTRACE, 0, 0, 0, 0)),
    ("traces another",                 "------ --- --u .", (PTRACE, 16, "{other}", 0, 0)),
    ("reads another's memory",         "------ --- --. .", (PROCESS_VM_READV, "{other}", 0, 0, 0, 0, 0)),
    ("ends another",                   "------ --- --u .", (KILL, "{other}", signal.SIGKILL)),
    ("ends another's thread",          "------ --- --u .", (TGKILL, "{other}", "{other}", signal.SIGKILL)),
    ("holds another",                  "------ --- --+ +", (PIDFD_OPEN, "{other}", 0)),
    ("becomes root",                   "------ --- --u +", (SETUID, 0)),
    ("becomes root by another call",   "------ --- --u +", (SETRESUID, 0, 0, 0)),
    ("joins root's group",             "------ --- --u +", (SETGID, 0)),
    ("joins groups",                   "------ --- --u .", (SETGROUPS, 0, 0)),
    ("lets its memory be read",        "------ --- --. .", (PRCTL, 4, 1, 0, 0, 0)),
    ("raises a limit",                 "------ --- --. .", (PRLIMIT, 0, 4, "hex:" + 32 * "ff", 0)),
    ("changes its root",               "------ --- --u +", (CHROOT, "text:/")),
    ("mounts",                         "------ --- --u .", (MOUNT, "text:none", "text:/mnt", "text:tmpfs", 0, 0)),
    ("makes a name space",             "------ --- --u .", (UNSHARE, 0x00020000)),
    ("sets the clock",                 "------ --- --u .", (CLOCK_SETTIME, 0, "hex:" + 32 * "00")),
    ("types into a terminal",          "------ --- --. .", (IOCTL, 0, 0x5412, "text:x")),
    ("loads a program into the kernel", "------ --- --. .", (BPF, 5, 0, 0)),
    ("makes a ring of system calls",   "nnnnnn nnn nn. .", (IO_URING, 8, "hex:" + 120 * "00")),
    ("reads the kernel's keys",        "------ --- --. .", (KEYCTL, 0, 0xfffffffe, 1)),
]

# What each process is: its user, whether its root is an empty folder, its most descriptors (None: what the system grants),
# its sockets (a line to a process, a port, a path), and the files behind its other descriptors.
Process = namedtuple("Process", "user chrooted files sockets paths", defaults=("$^",))
BODY = r"{queue}/bodies/.*"
PROCESSES = {
    "keyholder": Process("_kurirk", True, 256, "parent listener imapd pop3d"),
    "resolver": Process("_kurird", True, None, "parent listener relay"),
    "relay": Process("_kurirr", True, None, "parent queue lookup resolver"),
    "listener": Process("_kurir", True, None, "parent lookup resolver keyholder queue smtp submission smtps {run}/submission.sock"),
    "imapd": Process("_kuriri", True, None, "parent lookup keyholder mailbox imap imaps"),
    "pop3d": Process("_kuriri", True, None, "parent lookup keyholder mailbox pop3 pop3s"),
    "lookup": Process("_kurirl", False, None, "parent listener mailbox queue relay imapd pop3d", r"{accounts}/accounts\.db(-wal|-shm)?"),
    "queue": Process("_kurirq", False, None, "parent listener lookup relay mailbox", r"{queue}/(bodies|spool|queue\.db(-wal|-shm)?)"),
    "mailbox": Process("_kurirm", False, None, "parent lookup queue imapd pop3d", r"{mail}/.*/mail\.db(-wal|-shm)?"),
    "mbox": Process(USER, False, 64, "parent", rf"{{out}}/box|{BODY}"),
    "lmtp": Process(USER, False, 64, "parent lmtp", BODY),
    "command": Process(USER, False, 512, "parent", rf"/tmp/#\d+ \(deleted\)|{BODY}"),
}
COMMON = r"pipe:\[\d+\]|anon_inode:\[(eventpoll|eventfd)\]|/dev/null"


def has_landlock():
    import ctypes
    return ctypes.CDLL(None).syscall(444, None, 0, 1) >= 4


def status_of(pid):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def is_over(column, pid):
    """Whether an agent has ended by itself."""
    return column in AGENTS and state_of(pid) in ("", "Z")


def unix_peers():
    """The other end of each connected Unix-domain socket, by inode (sock_diag(7))."""
    peers = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as diag:
        diag.send(struct.pack("=IHHII", 40, 20, 0x301, 1, 0) + struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xffffffff, 0, 4, 0, 0))
        while True:
            octets = diag.recv(1 << 17)
            while octets:
                length, kind = struct.unpack_from("=IH", octets)
                if kind == 2:
                    raise unittest.SkipTest("this kernel does not tell who is connected to whom (unix_diag)")
                if kind == 3:
                    return peers
                inode, at = struct.unpack_from("=I", octets, 20)[0], 32
                while at < length:
                    size, attribute = struct.unpack_from("=HH", octets, at)
                    if attribute == 2:
                        peers[inode] = struct.unpack_from("=I", octets, at + 4)[0]
                    at += (size + 3) & ~3
                octets = octets[(length + 3) & ~3:]


def held(pid):
    """What each descriptor of a process is, by number."""
    out = {}
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            out[int(fd.name)] = os.readlink(fd)
    return out


def sockets(pid):
    return [int(m[1]) for m in map(re.compile(r"socket:\[(\d+)\]").match, held(pid).values()) if m]


def tcp_sockets():
    """The port of each TCP socket of this machine by inode: its own if it listens, else the other side's."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(l[9]): int(l[1 if l[3] == "0A" else 2].split(":")[1], 16) for l in lines}


def unix_paths():
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return {int(l[6]): l[7] for l in lines if len(l) == 8}


def address(port):
    return "hex:" + (struct.pack("<H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(HOST) + bytes(8)).hex()


def unix_address(path):
    return struct.pack("<H", socket.AF_UNIX) + str(path).encode().ljust(108, b"\0")


class WalledSuite(Suite):
    """A suite with agents that hang, of all kinds, and a place for each thing that can be tried."""

    def __init__(self, kill=False):
        super().__init__()
        self.environment["KURIR_SANDBOX_KILL"] = str(int(kill))
        self.user = pwd.getpwnam(USER)
        out = self.folder / "out"
        out.mkdir()
        os.chown(out, self.user.pw_uid, self.user.pw_gid)
        common = self.folder / "common"
        common.mkdir()
        common.chmod(0o777)
        # Who delivers to it waits for the lock; to that server, for its greeting; of that command, for its end.
        self.box = open(out / "box", "w")
        os.chown(out / "box", self.user.pw_uid, self.user.pw_gid)
        fcntl.lockf(self.box, fcntl.LOCK_EX)
        self.server = socket.create_server((HOST, 0), backlog=256)
        self.local = socket.socket(socket.AF_UNIX)
        self.local.bind(str(self.folder / "local"))
        os.chmod(self.folder / "local", 0o666)
        self.local.listen(256)
        port = self.server.getsockname()[1]
        # lookup may read a table's folder, where nothing else should lie.
        (self.folder / "tables").mkdir()
        (self.folder / "tables/aliases").write_text(f"{USER}: {out}/box\n")
        self.extra = (f'table aliases "file:{self.folder}/tables/aliases"\naction "mbox.test" maildir user {USER} alias <aliases>\n'
                      f'action "lmtp.test" lmtp {HOST}:{port} user {USER}\naction "command.test" mda "sleep 600" user {USER}\n')
        self.match = 'match from any for domain "example.test" action "local"\n' + "".join(
            f'match from any for domain "{kind}.test" action "{kind}.test"\n' for kind in AGENTS)
        f = self.folder
        self.places = {"key": f / "key.pem", "conf": f / "smtpd.conf", "out": out, "server": address(port), "source": address(0),
                       "free": address(free_ports(1, HOST)[0]), "local": "hex:" + unix_address(f / "local").hex()}
        self.places.update((name, f / name) for name in ("queue", "mail", "accounts", "tables", "common"))

    def agent(self, kind):
        """The process of a delivery of that kind, at the place where it hangs; begun if there is none."""
        def hanging():
            return next((pid for pid in self.pids("agent") if self.hangs(pid, kind)), None)
        if not hanging():
            # One that was killed leaves its own lock behind, before which the next would wait.
            (self.folder / "out/box.lock").unlink(missing_ok=True)
            with self.smtp() as client:
                client.sendmail("ann@sender.test", [f"{USER}@{kind}.test"], message("ann@sender.test", USER, "to hang", BIG))
        return wait_until(hanging, 20, f"an agent for {kind}\n{self.log()[-2000:]}")

    def hangs(self, pid, kind):
        try:
            if kind == "command":
                return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text())
            if kind == "mbox":
                return str(self.folder / "out/box") in held(pid).values()
            ports = tcp_sockets()
            return self.server.getsockname()[1] in (ports.get(inode) for inode in sockets(pid)) and self.is_walled(pid)
        except OSError:
            return False

    @staticmethod
    def is_walled(pid):
        try:
            return status_of(pid)["Seccomp"] == "2"
        except (OSError, KeyError):
            return False

    def process_of(self, column):
        if column == "parent":
            return self.process.pid
        if column in AGENTS:
            return self.agent(column)
        return wait_until(lambda: next((p for p in self.pids(column) if self.is_walled(p)), None), 20, column)

    def inject(self, pid, call, *arguments, **more):
        """What the call returned there, or the text of how it ended the process."""
        names = dict(self.places, **more)
        filled = [str(int(a)) if isinstance(a, int) else a.format(**names) for a in arguments]
        r = subprocess.run([INJECT, str(pid), str(call), *filled], capture_output=True, text=True, timeout=30)
        if r.returncode == 77:
            raise unittest.SkipTest(r.stderr.strip())
        if r.returncode != 0:
            raise AssertionError(r.stderr.strip())
        answer = r.stdout.strip()
        return int(answer) if answer.lstrip("-").isdigit() else answer

    def attempt(self, column, calls):
        """What the process answers. That of an agent which ended by itself meanwhile is asked of another."""
        while True:
            pid = self.process_of(column)
            try:
                answer = self.answer(pid, calls)
            except AssertionError:
                if not is_over(column, pid):
                    raise
                continue
            if answer != "killed 0" or not is_over(column, pid):
                return answer

    def answer(self, pid, calls):
        """The answer of the first call that fails, or of the last. What was opened is closed."""
        answer, opened = 0, []
        for call, *arguments in calls:
            answer = self.inject(pid, call, *arguments, fd=answer, other=self.process.pid)
            if not isinstance(answer, int) or answer < 0:
                break
            if call in (OPEN, SOCKET, MEMFD, PIDFD_OPEN):
                opened.append(answer)
        for fd in opened if isinstance(answer, int) else []:
            self.inject(pid, CLOSE, fd)
        return answer

    def finish(self):
        # The user was made for the test, so are its processes.
        for proc in Path("/proc").glob("[0-9]*"):
            try:
                if proc.stat().st_uid == self.user.pw_uid or status_of(proc.name)["Uid"].split()[0] == str(self.user.pw_uid):
                    os.kill(int(proc.name), signal.SIGKILL)
            except (OSError, KeyError):
                pass
        self.box.close()
        self.server.close()
        self.local.close()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@unittest.skipUnless(os.geteuid() == 0, "only root builds the walls")
@unittest.skipIf(b"__asan_init" in SMTPD.read_bytes(), "a sanitized build has its filter turned around")
class Walls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["useradd", "-m", USER], check=True, capture_output=True)
        cls.addClassCleanup(lambda: subprocess.run(["userdel", "-r", USER], capture_output=True))
        cls.suite = cls.begin()

    @classmethod
    def begin(cls, **more):
        suite = WalledSuite(**more)
        cls.addClassCleanup(suite.finish)
        suite.start()
        # So that there is something to hold: mail, and sessions.
        suite.submit("bob", [suite.address("alice")], message("bob@example.test", "alice@example.test", "before"))
        suite.wait_messages("alice", 1)
        return suite

    def each(self, check, seconds=0):
        """check(name, pid) holds of every process, within so many seconds: it may have in hand, and let go, what was of
        the mail before. An agent waits only so long; is it gone meanwhile, check is made of another."""
        wait_until(lambda: {p["name"] for p in self.suite.processes()} - {"agent"} == set(ROLES), 20, "those and no others")
        for name in PROCESSES:
            with self.subTest(process=name):
                end = time.monotonic() + seconds
                while not self.holds_of(name, self.suite.process_of(name), check, time.monotonic() < end):
                    time.sleep(0.05)

    @staticmethod
    def holds_of(name, pid, check, is_patient):
        try:
            check(name, pid)
        except (AssertionError, OSError, KeyError):
            if not is_patient and not is_over(name, pid):
                raise
            return False
        return not is_over(name, pid)

    def try_all(self, suite, columns, is_killing):
        landlock, unjudged = has_landlock(), 0
        for what, letters, *calls in ATTEMPTS:
            for column, letter in zip(COLUMNS, letters.replace(" ", ""), strict=True):
                if column not in columns or MEANING[letter] is None:
                    continue
                if letter == "F" and not landlock:
                    unjudged += 1
                    continue
                code, kills = MEANING[letter]
                with self.subTest(process=column, what=what):
                    answer = suite.attempt(column, calls)
                    if kills and is_killing:
                        self.assertEqual(answer, f"killed {int(signal.SIGSYS)}")
                    elif code is None:
                        self.assertIsInstance(answer, int)
                        self.assertGreaterEqual(answer, 0, errno.errorcode.get(-answer))
                    else:
                        self.assertEqual(answer, -code, f"{errno.errorcode.get(-answer, answer)}, not {errno.errorcode[code]}")
        self.goes_on(suite)
        if unjudged:
            self.skipTest(f"this kernel's Landlock knows no ports, or there is none: {unjudged} attempts were not made")

    def goes_on(self, suite):
        """Mail arrives as before, at the latest when those that were killed are back."""
        def arrives():
            try:
                before = len(suite.bodies("alice"))
                suite.submit("bob", [suite.address("alice")], message("bob@example.test", "alice@example.test", "after"))
                return suite.wait_messages("alice", before + 1)
            except (smtplib.SMTPException, poplib.error_proto, OSError):
                return None
        wait_until(arrives, 30, f"mail\n{suite.log()[-2000:]}")

    @unittest.skipUnless(platform.machine() == "x86_64", "inject knows x86-64 only")
    def test_what_a_captured_process_may_do(self):
        self.try_all(self.suite, COLUMNS, False)
        self.assertNotIn("event=process_exit", "\n".join(self.suite.lines))

    @unittest.skipUnless(platform.machine() == "x86_64", "inject knows x86-64 only")
    def test_a_refused_call_kills_where_that_is_asked(self):
        """So that no refusal is the kernel's, to any user of that kind: each is the filter's own."""
        suite = self.begin(kill=True)
        self.try_all(suite, ROLES, True)
        self.try_all(suite, ("mbox", "lmtp"), True)

    def test_users_and_rights(self):
        def check(name, pid):
            status, user = status_of(pid), pwd.getpwnam(PROCESSES[name].user)
            self.assertEqual(status["Uid"].split(), 4 * [str(user.pw_uid)], "real, effective, saved and for files")
            self.assertEqual(status["Gid"].split(), 4 * [str(user.pw_gid)])
            self.assertEqual(status["Groups"].split(), [str(user.pw_gid)], "no supplementary groups")
            for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[capabilities], 16), 0, capabilities)
            walled = name != "command"
            self.assertEqual(status["NoNewPrivs"], "1" if walled else "0")
            self.assertEqual(status["Seccomp"], "2" if walled else "0")
        self.each(check)

    def test_the_parent_is_what_the_table_says(self):
        status = status_of(self.suite.process.pid)
        self.assertEqual((status["Uid"].split(), status["Seccomp"]), (4 * ["0"], "0"))

    def test_roots(self):
        def check(name, pid):
            root = Path(f"/proc/{pid}/root")
            if not PROCESSES[name].chrooted:
                self.assertEqual(os.readlink(root), "/")
                return
            self.assertNotEqual(os.readlink(root), "/")
            self.assertEqual(os.listdir(root), [])
            st = root.stat()
            self.assertEqual((st.st_uid, st.st_mode & 0o022), (0, 0), "nobody else makes anything there")
            self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), os.readlink(root))
        self.each(check)

    def test_limits(self):
        def check(name, pid):
            limits = Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")
            soft, hard = re.search(r"Max open files +(\d+) +(\d+) ", limits).groups()
            self.assertEqual(soft, hard)
            if PROCESSES[name].files:
                self.assertEqual(int(hard), PROCESSES[name].files)
        self.each(check)

    def test_memory_is_read_by_nobody_of_the_same_user(self):
        def check(name, pid):
            user = pwd.getpwnam(PROCESSES[name].user)
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            own = subprocess.Popen(["sleep", "60"], **identity)
            try:
                wait_until(lambda: b"sleep" in Path(f"/proc/{own.pid}/cmdline").read_bytes(), 10, "another program")
                for of, code in ((own.pid, 0), (pid, 1)):
                    r = subprocess.run(["cat", f"/proc/{of}/environ"], capture_output=True, **identity)
                    self.assertEqual(r.returncode, code, r.stderr)
            finally:
                own.kill()
                own.wait()
        self.each(check)

    def test_files_held(self):
        """Nothing but what the table names, and what the event loop makes."""
        def check(name, pid):
            paths = PROCESSES[name].paths.format(**{k: re.escape(str(v)) for k, v in self.suite.places.items()})
            for fd, target in held(pid).items():
                self.assertRegex(target, rf"^({COMMON}|socket:\[\d+\]|{paths})$", f"descriptor {fd}")
                if name in AGENTS and "/bodies/" in target:
                    flags = int(re.search(r"flags:\s+(\d+)", Path(f"/proc/{pid}/fdinfo/{fd}").read_text())[1], 8)
                    self.assertEqual(flags & os.O_ACCMODE, os.O_RDONLY, "a message is not an agent's to change")
        self.each(check, 10)

    def names_of_sockets(self):
        """What the table calls each socket of this machine, by inode."""
        owner = {inode: p["name"] for p in self.suite.processes() if p["name"] in ROLES for inode in sockets(p["pid"])}
        owner.update((inode, "parent") for inode in sockets(self.suite.process.pid))
        ports = {port: name for name, port in self.suite.port.items()}
        ports[self.suite.server.getsockname()[1]] = "lmtp"
        names = {inode: owner.get(peer, "a stranger") for inode, peer in unix_peers().items()}
        names.update((inode, ports.get(port, f"port {port}")) for inode, port in tcp_sockets().items())
        return unix_paths() | names

    def test_sockets_held(self):
        """Just what the table names: each line once, each port, and no stranger."""
        def check(name, pid):
            names = self.names_of_sockets()
            got = Counter(names.get(i, "a nameless one") for i in sockets(pid))
            # The resolver's library talks to a thread of its own.
            if name == "resolver":
                got.pop(name, None)
            self.assertEqual(got, Counter(PROCESSES[name].sockets.format(run=self.suite.folder / "run").split()))
        self.each(check, 10)

    def test_titles(self):
        def check(name, pid):
            title = "agent" if name in AGENTS else name
            self.assertEqual(Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode(), f"{title}: {title}")
        self.each(check)
        check("smtpd", self.suite.process.pid)


if __name__ == "__main__":
    unittest.main()
