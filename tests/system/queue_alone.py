"""Runs the queue process alone, with the parts of its parent and its neighbours played by Python."""

import os
import re
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from ipc import ROOT, Channel, channel_pair, ipc_list

BUILD = Path(os.environ.get("KURIR_BUILD", ROOT / "build")).resolve()
QUEUE = BUILD / "queue/queue"
ROLES = {name.lower(): number for number, name in enumerate(
    re.findall(r"^\tR\((\w+),", (ROOT / "common/sandbox/sandbox.h").read_text(), re.M))}
MAILBOX, RELAY, AGENT = 0, 1, 2
DELIVERED, RELAYED, TEMPORARY, PERMANENT = range(4)
UP, DOWN, BUSY = range(3)
BODY = b"From: a@x.test\r\nTo: b@y.test\r\nSubject: test\r\n\r\nhello\r\n"


class Queue:
    """One queue process on a folder, which outlives it."""

    def __init__(self, folder=None, command=(), actions=(("local", 0), ("out", 1), ("pipe", 5)),
                 environment=None, **conf):
        self.folder = Path(folder or tempfile.mkdtemp(prefix="kurir-queue-"))
        self.folder.chmod(0o755)
        for name in ("queue", "empty"):
            (self.folder / name).mkdir(exist_ok=True, mode=0o755)
        if os.geteuid() == 0:
            import pwd
            user = pwd.getpwnam("_kurirq")
            os.chown(self.folder / "queue", user.pw_uid, user.pw_gid)
        self.command, self.actions, self.conf = command, actions, conf
        self.environment = environment or {}
        self.peers = []
        self.orders = 0
        self.start()

    def send_conf(self):
        values = dict(hostname="mail.x.test", queue_path=f"{self.folder}/queue", mail_path="/nonexistent",
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
            self.process = subprocess.Popen([*self.command, QUEUE], preexec_fn=attach, close_fds=False, env=env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        theirs.close()
        self.parent.send("pa_setup", version=1, instances=1, users="_kurir", empty=f"{self.folder}/empty",
                         verbose=int(bool(os.environ.get("V"))))
        self.send_conf()
        self.parent.send("pa_start")
        name, _, values, _ = self.parent.receive(20)
        if name != "pa_ready" or not values["ok"]:
            self.kill()
            raise AssertionError((values, self.output()))

    def output(self):
        """What it has logged so far."""
        return self.log.read_bytes().decode(errors="replace")

    def peer(self, role, instance=0):
        """A new line to a neighbour that we play."""
        ours, theirs = channel_pair()
        theirs.setblocking(False)
        self.parent.send("pa_peer", fd=theirs.fileno(), role=ROLES[role], instance=instance, instances=1)
        theirs.close()
        self.peers.append(ours)
        return ours

    def listener(self):
        return Listener(self.peer("listener"))

    def order(self, verb, *arguments, json=0):
        """What smtpctl would get: lines, exit code, error."""
        self.orders += 1
        self.parent.send("pa_control", request=self.orders, verb=verb, arguments=ipc_list(*arguments), json=json)
        lines = []
        while True:
            name, id, values, _ = self.parent.receive(20)
            if name == "pa_line":
                lines += values["text"].decode(errors="replace").split("\n")
            elif name == "pa_control_done":
                return lines, values["code"], values["error"]
            elif name not in ("pa_suspect", "pa_count"):  # the parent would act on that; the tests see the line cut
                raise AssertionError(name)

    def show(self):
        import json
        lines, code, error = self.order("show queue", json=1)
        assert code == 0, error
        return [json.loads(l) for l in lines]

    def wait_empty(self, seconds=10):
        end = time.monotonic() + seconds
        while left := self.show():
            assert time.monotonic() < end, (len(left), left[:2], self.output()[-2000:])
            time.sleep(0.02)

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


class Listener:
    def __init__(self, channel):
        self.channel, self.request, self.accepting = channel, 0, None
        self.answers, self.next_id, self.ids_left = {}, 0, 0
        while self.next_id == 0 or self.accepting is None:
            self.read()

    def read(self, timeout=10):
        try:
            message = self.channel.receive(timeout)
        except ConnectionResetError:
            message = None
        assert message is not None, "the queue cut the line"
        name, id, values, fd = message
        if name == "lq_ids":
            self.next_id, self.ids_left = values["first"], values["count"]
        elif name == "lq_state":
            self.accepting, self.reason = values["accepting"], values["reason"]
        else:
            self.answers[id] = (name, values, fd)

    def id(self):
        self.next_id += 1
        self.ids_left -= 1
        if self.ids_left == 1024:
            self.channel.send("lq_more")
        return self.next_id - 1

    def wait(self, request, timeout=10):
        while request not in self.answers:
            self.read(timeout)
        return self.answers.pop(request)

    def begin(self, recipients, body=BODY, sender="a@x.test", message=None, spool=0, size=None, flags=0, ret=0,
              envid="", transport=RELAY, action="out", notify=0, orcpt="", user=""):
        """Hands a message over; returns request and message id, without waiting."""
        self.request += 1
        message = self.id() if message is None else message
        def send(name, **values):
            try:
                self.channel.send(name, request=self.request, **values)
            except (BrokenPipeError, ConnectionResetError):
                pass      # cut off meanwhile, which the test then sees for itself

        send("lq_begin", message=message, sender=sender, flags=flags, ret=ret, envid=envid, client="192.0.2.1",
             helo="h.test")
        for r in recipients:
            r = r if isinstance(r, dict) else {"address": r}
            values = dict(transport=transport, action=action, original=r["address"], notify=notify, orcpt=orcpt,
                          user=user)
            values.update(r)
            send("lq_rcpt", **values)
        if not spool:
            send("lq_body", octets=body)
        send("lq_commit", spool=spool, size=len(body) if size is None else size)
        return self.request, message

    def store(self, recipients, **more):
        request, message = self.begin(recipients, **more)
        name, values, _ = self.wait(request)
        return name, values, message

    def spool(self):
        """A file for a large body: number and descriptor, or None and the refusal."""
        self.request += 1
        self.channel.send("lq_spool", request=self.request)
        name, values, fd = self.wait(self.request)
        return (values["spool"], fd) if name == "lq_spooled" else (None, values)


class Taker(threading.Thread):
    """Plays relay or mailbox: takes transfers whole and lets decide() say what becomes of each recipient.

    decide(transfer) gives a list of (outcome, status, text) for its recipients, or None to say nothing."""

    def __init__(self, channel, decide=None, done=UP):
        super().__init__(daemon=True)
        self.channel, self.done, self.transfers = channel, done, []
        self.decide = decide or (lambda t: [(self.good(t), "2.0.0", "ok")] * len(t["rcpts"]))
        self.start()

    @staticmethod
    def good(t):
        return RELAYED if t["kind"] == "qr_transfer" else DELIVERED

    def run(self):
        coming = {}
        while True:
            try:
                message = self.channel.receive(None)
            except OSError:
                return
            if message is None:
                return
            name, id, values, fd = message
            if name in ("qr_transfer", "qm_deliver"):
                coming[id] = dict(values, kind=name, rcpts=[], id=id)
                coming[id]["announced"] = values["rcpts"]
            elif name in ("qr_rcpt", "qm_rcpt"):
                coming[id]["rcpts"].append(values)
            elif name in ("qr_body", "qm_body"):
                t = coming.pop(id)
                if fd is not None:
                    with os.fdopen(fd, "rb") as f:
                        t["body"] = f.read()
                else:
                    t["body"] = values["octets"]
                self.transfers.append(t)
                try:
                    self.answer(t)
                except OSError:
                    return

    def answer(self, t):
        outcomes = self.decide(t)
        if outcomes is None:
            return
        relay = t["kind"] == "qr_transfer"
        for rcpt, (outcome, status, text) in zip(t["rcpts"], outcomes):
            if relay:
                self.channel.send("qr_outcome", request=t["id"], envelope=rcpt["envelope"], outcome=outcome, status=status,
                                  reply=text, mta="mx.y.test")
            else:
                self.channel.send("qm_outcome", request=t["id"], envelope=rcpt["envelope"], outcome=outcome, status=status,
                                  text=text)
        if relay:
            self.channel.send("qr_done", request=t["id"], destination=self.done)


class Lookup(threading.Thread):
    """Routes everything to the local mailbox of that name."""

    def __init__(self, channel, result=0):
        super().__init__(daemon=True)
        self.channel, self.result, self.asked = channel, result, []
        self.start()

    def run(self):
        while True:
            try:
                message = self.channel.receive(None)
            except OSError:
                return
            if message is None:
                return
            name, id, values, _ = message
            self.asked.append(values)
            if self.result == 0:
                self.channel.send("al_recipient", request=id, transport=MAILBOX, action="local",
                                  address=values["recipient"], user=values["recipient"])
            self.channel.send("al_route_is", request=id, result=self.result)
