"""Runs one process of the suite alone, with its parent played by Python; a test plays its neighbours."""

import os
import pwd
import re
import socket
import subprocess
import tempfile
from pathlib import Path

from ipc import ROOT, Channel, channel_pair, ipc_list

BUILD = Path(os.environ.get("KURIR_BUILD", ROOT / "build")).resolve()
ROLES = {name.lower(): number for number, name in enumerate(
    re.findall(r"^\tR\((\w+),", (ROOT / "common/sandbox/sandbox.h").read_text(), re.M))}


class Alone:
    """One process on a folder, which outlives it. A subclass says which program, its user, and its part of the folder."""
    program = user = state = None

    def __init__(self, folder=None, command=(), actions=(("local", 0), ("out", 1), ("pipe", 5)),
                 environment=None, **conf):
        self.folder = Path(folder or tempfile.mkdtemp(prefix=f"kurir-{self.state}-"))
        self.folder.chmod(0o755)
        for name in (self.state, "empty"):
            (self.folder / name).mkdir(exist_ok=True, mode=0o755)
        if os.geteuid() == 0:
            user = pwd.getpwnam(self.user)
            os.chown(self.folder / self.state, user.pw_uid, user.pw_gid)
        self.command, self.actions, self.conf = command, actions, conf
        self.environment = environment or {}
        self.peers = []
        self.orders = 0
        self.start()

    def send_conf(self):
        values = dict(hostname="mail.x.test", queue_path=f"{self.folder}/queue", mail_path=f"{self.folder}/mail",
                      run_path="/nonexistent", accounts_path="/nonexistent", max_message=36700160, max_rcpt=1000,
                      max_mails=10000, sub_addr_delim=43, queue_ttl=345600, warn_intervals=ipc_list("14400"),
                      relay_port=25, mta_max_deferred=100)
        values.update(self.conf)
        self.parent.send("conf_global", **values)
        for name, method in self.actions:
            self.parent.send("conf_action", name=name, method=method)

    def start(self):
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.parent = Channel(ours)
        self.log = self.folder / "log"

        def attach():
            os.dup2(theirs.fileno(), 3)
            os.set_inheritable(3, True)

        env = dict(os.environ, **self.environment)
        if self.command:      # a tracer: the leak check would trace too
            env["ASAN_OPTIONS"] = "detect_leaks=0"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*self.command, self.program], preexec_fn=attach, close_fds=False, env=env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        theirs.close()
        self.parent.send("pa_setup", mailboxes=1, users="_kurir", empty=f"{self.folder}/empty",
                         verbose=int(bool(os.environ.get("V"))))
        self.send_conf()
        self.parent.send("pa_start")
        try:
            name, _, values, _ = self.heard()
            assert name == "pa_ready" and values["ok"], (values, self.output())
        except (AssertionError, OSError):
            self.kill()
            raise

    def heard(self):
        """What it says next to its parent."""
        message = self.parent.receive(20)
        if message is None:
            raise ConnectionResetError(self.output())
        return message

    def apply(self):
        """Another configuration; it says when it works by it."""
        self.send_conf()
        self.parent.send("pa_apply")
        while self.heard()[0] != "pa_applied":
            pass

    def output(self):
        """What it has logged so far."""
        return self.log.read_bytes().decode(errors="replace")

    def peer(self, role, instance=0):
        """A new line to a neighbour that we play."""
        ours, theirs = channel_pair()
        theirs.setblocking(False)
        self.parent.send("pa_peer", fd=theirs.fileno(), role=ROLES[role], instance=instance)
        theirs.close()
        self.peers.append(ours)
        return ours

    def order(self, verb, *arguments, json=0):
        """What smtpctl would get: lines, exit code, error."""
        self.orders += 1
        self.parent.send("pa_control", request=self.orders, verb=verb, arguments=ipc_list(*arguments), json=json)
        lines = []
        while True:
            name, id, values, _ = self.heard()
            if name == "pa_line":
                lines += values["text"].decode(errors="replace").split("\n")
            elif name == "pa_control_done":
                if values["after"] == 0:
                    return lines, values["code"], values["error"]
                self.parent.send("pa_control", request=id, verb=verb, arguments=ipc_list(*arguments), json=json,
                                 after=values["after"])
            elif name not in ("pa_suspect", "pa_count"):  # the parent would act on that; the tests see the line cut
                raise AssertionError(name)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self):
        self.parent.close()
        for p in self.peers:
            p.close()
        self.peers = []

    def stop(self):
        """Ends it in order, and expects no complaint of a sanitizer."""
        self.parent.send("pa_stop")
        code = self.process.wait(20)
        self.close()
        text = self.output()
        assert code == 0, (code, text)
        assert "AddressSanitizer" not in text and "runtime error" not in text and "event=bug" not in text, text

    def restart(self):
        self.kill()
        self.start()
