"""Runs the queue process alone, with the parts of its parent and its neighbours played by Python."""

import json
import os
import threading
import time

from alone import BUILD, Alone

MAILBOX, RELAY, AGENT = 0, 1, 2
DELIVERED, RELAYED, TEMPORARY, PERMANENT = range(4)
UP, DOWN, BUSY = range(3)
BODY = b"From: a@x.test\r\nTo: b@y.test\r\nSubject: test\r\n\r\nhello\r\n"


class Queue(Alone):
    """One queue process on a folder, which outlives it."""
    program, user, state = BUILD / "queue/queue", "_kurirq", "queue"

    def listener(self):
        return Listener(self.peer("listener"))

    def show(self):
        lines, code, error = self.order("show queue", json=1)
        assert code == 0, error
        return [json.loads(l) for l in lines]

    def wait_empty(self, seconds=10):
        end = time.monotonic() + seconds
        while left := self.show():
            assert time.monotonic() < end, (len(left), left[:2], self.output()[-2000:])
            time.sleep(0.02)


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
            self.accepting, self.state = values["code"] == 0, (values["code"], values["text"])
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
