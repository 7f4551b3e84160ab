"""The walls of a running suite: each of its processes is made to try what somebody who captured it would try, and gets
what one table says. See inject/inject.c for how; common/sandbox/sandbox.h for the rights themselves."""

import os
import platform
import re
import socket
import struct
import subprocess
import unittest
from pathlib import Path

from suite import BUILD, Suite, message

INJECT = BUILD / "tests/system/inject/inject"
ROLES = ("keyholder", "resolver", "lookup", "mailbox", "relay", "queue", "listener", "imapd", "pop3d")

# x86-64's numbers of system calls.
OPEN, CLOSE, SOCKET, CONNECT, BIND, CLONE, FORK, VFORK, EXECVE, KILL = 2, 3, 41, 42, 49, 56, 57, 58, 59, 62
CHMOD, CHOWN, PTRACE, SETUID, SETGID, SETGROUPS, SETRESUID, CHROOT, MOUNT = 90, 92, 101, 105, 106, 116, 117, 161, 165
UNSHARE, MEMFD, BPF, EXECVEAT, IO_URING, OPENAT2, PROCESS_VM_READV, KEYCTL = 272, 319, 321, 322, 425, 437, 310, 250
CREATE = os.O_WRONLY | os.O_CREAT
NOBODY = ()

# What is tried, and who succeeds. {queue} and the like are the suite's; {other} is another process of it.
ATTEMPTS = [
    ("reads the system's users", OPEN, ("text:/etc/passwd", 0), ("lookup",)),
    ("reads their passwords", OPEN, ("text:/etc/shadow", 0), NOBODY),
    ("reads the private key", OPEN, ("text:{key}", 0), NOBODY),
    ("reads the configuration", OPEN, ("text:{conf}", 0), NOBODY),
    ("makes a file in /tmp", OPEN, ("text:/tmp/kurir-was-here", CREATE, 0o600), NOBODY),
    ("makes a file in the queue", OPEN, ("text:{queue}/tried", CREATE, 0o600), ("queue",)),
    ("makes a file among the mail", OPEN, ("text:{mail}/tried", CREATE, 0o600), ("mailbox",)),
    ("opens by another call", OPENAT2, (-100, "text:/etc/passwd", "hex:" + 24 * "00", 24), NOBODY),
    ("changes a mode", CHMOD, ("text:{key}", 0o666), NOBODY),
    ("changes an owner", CHOWN, ("text:{key}", 65534, 65534), NOBODY),
    ("makes an IPv4 socket", SOCKET, (socket.AF_INET, socket.SOCK_STREAM, 0), ("relay", "resolver")),
    ("makes an IPv6 socket", SOCKET, (socket.AF_INET6, socket.SOCK_STREAM, 0), ("relay", "resolver")),
    ("makes a Unix socket", SOCKET, (socket.AF_UNIX, socket.SOCK_STREAM, 0), ("lookup",)),
    ("makes a packet socket", SOCKET, (socket.AF_PACKET, socket.SOCK_RAW, 0), NOBODY),
    ("makes a netlink socket", SOCKET, (socket.AF_NETLINK, socket.SOCK_RAW, 0), NOBODY),
    ("shares memory", MEMFD, ("text:x", 0), ("listener", "queue", "mailbox", "imapd")),
    ("forks", FORK, (), NOBODY),
    ("forks by another call", VFORK, (), NOBODY),
    ("clones itself", CLONE, (17, 0, 0, 0, 0), NOBODY),
    ("becomes another program", EXECVE, ("text:/bin/true", 0, 0), NOBODY),
    ("becomes one by another call", EXECVEAT, (-100, "text:/bin/true", 0, 0, 0), NOBODY),
    ("traces another", PTRACE, (16, "{other}", 0, 0), NOBODY),
    ("reads another's memory", PROCESS_VM_READV, ("{other}", 0, 0, 0, 0, 0), NOBODY),
    ("ends another", KILL, ("{other}", 9), NOBODY),
    ("becomes root", SETUID, (0,), NOBODY),
    ("becomes root by another call", SETRESUID, (0, 0, 0), NOBODY),
    ("joins root's group", SETGID, (0,), NOBODY),
    ("joins groups", SETGROUPS, (0, 0), NOBODY),
    ("changes its root", CHROOT, ("text:/",), NOBODY),
    ("mounts", MOUNT, ("text:none", "text:/mnt", "text:tmpfs", 0, 0), NOBODY),
    ("makes a name space", UNSHARE, (0x10000000,), NOBODY),
    ("loads a program into the kernel", BPF, (5, 0, 0), NOBODY),
    ("makes a ring of system calls", IO_URING, (8, "hex:" + 120 * "00"), NOBODY),
    ("reads the kernel's keys", KEYCTL, (0, 0xfffffffe, 1), NOBODY),
]

# What may stand behind a descriptor, beside sockets, pipes, /dev/null and what the event loop makes.
FILES = {
    "lookup": r"{accounts}(/accounts\.db.*)?|/etc/.*|/proc/.*",
    "queue": r"{queue}(/.*)?",
    "mailbox": r"{mail}(/.*)?",
}


@unittest.skipUnless(os.geteuid() == 0, "only root builds the walls")
class Walls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite()
        cls.suite.start()
        # So that there is something to hold: mail, and sessions.
        cls.suite.submit("bob", [cls.suite.address("alice")], message("bob@example.test", "alice@example.test", "before"))
        cls.suite.wait_messages("alice", 1)
        f = cls.suite.folder
        cls.places = {"queue": f / "queue", "mail": f / "mail", "key": f / "key.pem", "conf": f / "smtpd.conf",
                      "accounts": f / "accounts"}

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    def each(self):
        processes = self.suite.processes()
        self.assertEqual({p["name"] for p in processes}, set(ROLES))
        for p in processes:
            with self.subTest(process=p["name"]):
                yield p["name"], p["pid"]

    def inject(self, pid, call, arguments):
        """What the call returned there; None when the process was killed for it."""
        names = dict(self.places, other=next(p["pid"] for p in self.suite.processes() if p["pid"] != pid))
        filled = [str(a).format(**names) for a in arguments]
        r = subprocess.run([INJECT, str(pid), str(call), *filled], capture_output=True, text=True, timeout=30)
        self.assertEqual(r.returncode, 0, r.stderr)
        answer = r.stdout.strip()
        self.assertNotEqual(answer, "exec", f"process {pid} became another program")
        return None if answer == "killed" else int(answer)

    @unittest.skipUnless(platform.machine() == "x86_64", "inject knows x86-64 only")
    def test_what_a_captured_process_may_do(self):
        for what, call, arguments, who in ATTEMPTS:
            for name, pid in self.each():
                with self.subTest(what=what):
                    answer = self.inject(pid, call, arguments)
                    self.assertIsNotNone(answer, f"{name} is killed when it {what}")
                    if name in who:
                        self.assertGreaterEqual(answer, 0, f"{name} {what}")
                        self.assertEqual(self.inject(pid, CLOSE, (answer,)), 0)
                    else:
                        self.assertLess(answer, 0, f"{name} {what}")
        self.assertFalse(os.path.exists("/tmp/kurir-was-here"))
        for place in ("queue", "mail"):
            (self.places[place] / "tried").unlink()
        self.goes_on()

    @unittest.skipUnless(platform.machine() == "x86_64", "inject knows x86-64 only")
    def test_who_reaches_the_network(self):
        """Those that may make a socket connect; nobody takes a port."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = struct.pack("<H", socket.AF_INET) + struct.pack(">H", server.getsockname()[1]) + bytes([127, 0, 0, 1])
            for name, pid in self.each():
                fd = self.inject(pid, SOCKET, (socket.AF_INET, socket.SOCK_STREAM, 0))
                self.assertEqual(fd >= 0, name in ("relay", "resolver"))
                if fd < 0:
                    continue
                self.assertEqual(self.inject(pid, CONNECT, (fd, "hex:" + (address + bytes(8)).hex(), 16)), 0)
                server.accept()[0].close()
                self.assertEqual(self.inject(pid, CLOSE, (fd,)), 0)
        self.goes_on()

    def goes_on(self):
        """The processes are the ones that were there, and do their work."""
        self.assertFalse([l for l in self.suite.lines if "event=process_exit" in l])
        before = len(self.suite.bodies("alice"))
        self.suite.submit("bob", [self.suite.address("alice")], message("bob@example.test", "alice@example.test", "after"))
        self.suite.wait_messages("alice", before + 1)

    def test_users_and_rights(self):
        uids = {}
        for name, pid in self.each():
            status = dict(l.split(":", 1) for l in Path(f"/proc/{pid}/status").read_text().splitlines())
            ids = [int(x) for x in status["Uid"].split()]
            self.assertEqual(len(set(ids)), 1, "real, effective and saved are one")
            self.assertEqual(len(set(status["Gid"].split())), 1)
            self.assertNotIn(0, ids)
            self.assertNotIn("0", status["Gid"].split())
            self.assertLessEqual(set(status["Groups"].split()), {status["Gid"].split()[0]})
            for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(status[capabilities], 16), 0, capabilities)
            self.assertEqual(status["NoNewPrivs"].strip(), "1")
            self.assertEqual(status["Seccomp"].strip(), "2")
            uids[name] = ids[0]
        # imapd and pop3d do the same work with other words.
        self.assertEqual(len(set(uids.values())), len(ROLES) - 1, uids)

    def test_roots_and_limits(self):
        for name, pid in self.each():
            limits = Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")
            self.assertEqual(os.stat(f"/proc/{pid}/environ").st_uid, 0, "another process of its user cannot read its memory")
            if name in ("lookup", "queue", "mailbox"):
                continue
            self.assertNotEqual(os.readlink(f"/proc/{pid}/root"), "/")
            self.assertEqual(os.listdir(f"/proc/{pid}/root"), [])

    def test_descriptors(self):
        common = r"(socket|pipe):\[\d+\]|anon_inode:\[?(eventpoll|eventfd|io_uring|landlock-ruleset)\]?|/dev/null"
        for name, pid in self.each():
            own = FILES.get(name, "$^").format(**{k: re.escape(str(v)) for k, v in self.places.items()})
            for fd in Path(f"/proc/{pid}/fd").iterdir():
                target = os.readlink(fd)
                self.assertRegex(target, rf"^({common}|{own}|/memfd:.*)$", f"{name} holds {target}")

    def test_titles(self):
        for name, pid in self.each():
            self.assertRegex(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode(), rf"^{name}: .+")


if __name__ == "__main__":
    unittest.main()
