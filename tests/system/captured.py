"""Takes the place of one process of a running suite: the parent starts it, deals it its lines, and the test speaks
on them as an intruder in that process could."""

import array
import os
import re
import shutil
import socket
import tempfile
import threading
from pathlib import Path

from ipc import ROOT, Channel
from suite import BUILD, Suite, wait_until

PLACES = {"listener": "smtpd/listener", "lookup": "smtpd/lookup", "resolver": "smtpd/resolver", "keyholder": "smtpd/keyholder",
          "queue": "queue", "relay": "deliver/relay", "mailbox": "deliver/mailbox", "imapd": "imapd", "pop3d": "pop3d"}
ROLES = [name.lower() for name in re.findall(r"^\tR\((\w+),", (ROOT / "common/sandbox/sandbox.h").read_text(), re.M)]
PUPPET = """#!/usr/bin/env python3
import array, os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["KURIR_CAPTURED"])
s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [3]))])
os.close(3)
s.recv(1)
"""


class Life:
    """The captured process from one start to its end: what the parent gave it."""

    def __init__(self, parent, puppet):
        self.parent, self.puppet = parent, puppet
        self.lines = {}       # role: Channel to that neighbour
        self.given = []       # names of all messages of the parent
        self.ready = threading.Event()
        self.over = threading.Event()
        threading.Thread(target=self.listen, daemon=True).start()
        threading.Thread(target=self.watch, daemon=True).start()

    def listen(self):
        try:
            while message := self.parent.receive(None):
                name, _, values, fd = message
                self.given.append((name, values))
                if name == "pa_peer":
                    self.lines[ROLES[values["role"]]] = Channel(socket.socket(fileno=fd))
                elif name == "pa_start":
                    self.parent.send("pa_ready", ok=1)
                    self.ready.set()
                elif name == "pa_stop":
                    self.puppet.close()
                elif fd is not None:
                    os.close(fd)
        except OSError:
            pass

    def watch(self):
        try:
            self.puppet.recv(1)
        except OSError:
            pass
        self.over.set()

    def end(self):
        for line in [*self.lines.values(), self.parent]:
            line.close()
        self.puppet.close()


class Captured:
    """A suite in which the process of that name is ours."""

    def __init__(self, name, **options):
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix="kurir-captured-"))
        self.folder.chmod(0o755)
        for other, place in PLACES.items():
            (self.folder / place).mkdir(parents=True, exist_ok=True)
            if other != name:
                (self.folder / place / other).symlink_to(BUILD / place / other)
        (self.folder / "deliver/agent").symlink_to(BUILD / "deliver/agent")
        puppet = self.folder / PLACES[name] / name
        puppet.write_text(PUPPET)
        puppet.chmod(0o755)
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(str(self.folder / "door"))
        self.door.listen(8)
        self.lives = []
        self.suite = Suite(**options)
        self.suite.build = self.folder
        self.suite.environment["KURIR_CAPTURED"] = str(self.folder / "door")
        self.suite.forget_freed_memory()
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        while True:
            try:
                puppet, _ = self.door.accept()
            except OSError:
                return
            _, ancillary, _, _ = puppet.recvmsg(1, 64)
            if not ancillary:  # killed before it said anything
                puppet.close()
                continue
            fd = array.array("i", ancillary[0][2])[0]
            self.lives.append(Life(Channel(socket.socket(fileno=fd)), puppet))

    @property
    def life(self):
        return self.lives[-1]

    def __enter__(self):
        self.suite.prepare()
        self.suite.run()
        try:
            wait_until(lambda: self.lives and self.life.ready.is_set(), 15, "the start of the captured process")
        except AssertionError:
            self.suite.stop()
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.suite.__exit__(kind, value, trace)
            else:
                self.suite.stop()
        finally:
            self.door.close()
            for life in self.lives:
                life.end()
            shutil.rmtree(self.folder, ignore_errors=True)
