"""Runs the mailbox process alone; queue, lookup and imapd are played by Python."""

import itertools
import os
import struct
import tempfile

from alone import BUILD, Alone

SMALL = 65000      # octets that travel inline
OCTETS = 64        # WANT_OCTETS
requests = itertools.count(1)      # no two sessions use the same
instances = itertools.count()


class No(Exception):
    """The store said am_no."""


class Mailbox(Alone):
    """One mailbox process on a folder, which outlives it."""
    program, user, state = BUILD / "deliver/mailbox/mailbox", "_kurirm", "mail"

    def session(self, account):
        return Session(self, account)


class Session:
    """What imapd does for one client: a handle on an account."""

    def __init__(self, mailbox, account):
        self.account, self.request, token = account, 0, os.urandom(16)
        self.uids = {}         # of the view
        lookup = mailbox.peer("lookup")
        lookup.send("lm_grant", request=1, token=token, account=account, seconds=60)
        assert lookup.receive(10)[0] == "lm_granted"
        self.channel = mailbox.peer("imapd", next(instances) % 64)
        (_, values, _), = self.ask("am_open", handle=None, token=token)
        self.handle = values["handle"]

    def ask(self, verb, handle=0, **values):
        """All messages of the answer."""
        self.request = next(requests)
        if handle is not None:
            values["handle"] = self.handle
        self.channel.send(verb, request=self.request, **values)
        answer = []
        while True:
            message = self.channel.receive(20)
            if message is None:
                raise ConnectionResetError
            name, request, values, fd = message
            if request != self.request:
                continue         # am_changed
            if name == "am_batch":
                self.channel.send("am_more", request=self.request)
                continue
            answer.append((name, values, fd))
            if name == "am_no":
                raise No(verb, values)
            if name in ("am_opened", "am_ok", "am_appended", "am_copied", "am_status_is", "am_spooled"):
                return answer

    def append(self, name, octets, note=lambda fd, at, octets: None):
        """Its UIDVALIDITY and UID. note is told what was written into a file."""
        spool = 0
        if len(octets) > SMALL:
            (_, values, fd), = self.ask("am_spool")
            os.write(fd, octets)
            note(fd, 0, octets)
            os.close(fd)
            spool = values["spool"]
        (_, values, _), = self.ask("am_append", name=name, spool=spool, size=len(octets), octets=b"" if spool else octets)
        return values["uidvalidity"], values["uid"]

    def view(self, name):
        """Its UIDVALIDITY and UIDs."""
        answer = self.ask("am_view", name=name)
        records = b"".join(values["records"] for kind, values, _ in answer if kind == "am_messages")
        return answer[0][1]["uidvalidity"], [struct.unpack_from("!I", records, i)[0] for i in range(0, len(records), 17)]

    def fetch(self, uids):
        """The octets of each message of the view, by UID."""
        out = {}
        for kind, values, fd in self.ask("am_fetch", uids=ranges(uids), want=OCTETS) if uids else []:
            if kind == "am_message":
                out[values["uid"]] = values["octets"]
                if fd is not None:
                    with os.fdopen(fd, "rb") as f:
                        out[values["uid"]] = f.read()
        return out

    def names(self):
        return [values["name"] for kind, values, _ in self.ask("am_list") if kind == "am_mailbox" and not values["flags"] & 9]


def ranges(uids):
    return b"".join(struct.pack("!II", u, u) for u in uids)


class Deliverer:
    """What queue does: hands messages over, and hears what became of them."""

    def __init__(self, mailbox):
        self.channel, self.request = mailbox.peer("queue"), 0

    def deliver(self, recipients, octets):
        """recipients: (envelope, account). Does not wait."""
        self.request += 1
        self.channel.send("qm_deliver", request=self.request, message=recipients[0][0], sender="a@y.test", arrival=1700000000,
                          size=len(octets), rcpts=len(recipients))
        for envelope, account in recipients:
            self.channel.send("qm_rcpt", request=self.request, envelope=envelope, account=account, address=account)
        if len(octets) <= SMALL:
            self.channel.send("qm_body", request=self.request, octets=octets)
            return
        with tempfile.TemporaryFile() as f:
            f.write(octets)
            f.flush()
            with open(f"/proc/self/fd/{f.fileno()}", "rb") as reading:
                self.channel.send("qm_body", request=self.request, fd=reading.fileno())

    def outcomes(self, count):
        """The next ones: envelope and outcome."""
        out = []
        while len(out) < count:
            message = self.channel.receive(20)
            if message is None:
                raise ConnectionResetError("mailbox cut the line")
            name, _, values, _ = message
            assert name == "qm_outcome", name
            out.append((values["envelope"], values["outcome"]))
        return out
