"""What was promised to whom, and whether it was held: every message of a chaotic run says of itself what it is.

A copy of a message in an account is in one of some states, each a mailbox and its flags, or GONE: one as long as every
command that touched it was answered; more when an answer never came. What is found must be one of them, for all copies.
"""

import hashlib
import re
import threading
from collections import Counter, defaultdict

GONE = None
INBOX = "INBOX"
NO_FLAGS = frozenset()
HEAD = re.compile(rb"^X-Token: (\S+)\r\nX-Digest: (\w+)\r\n", re.M)
FINAL = re.compile(rb"^Final-Recipient: rfc822; ?(\S+)\r\nAction: (\w+)", re.M | re.I)
ARRIVED = (INBOX, NO_FLAGS)


def compose(token, size, rnd):
    """A message of about that size, whose header says how the rest of it must read."""
    word = token.encode() + b" " + rnd.randbytes(24).hex().encode()
    lines = [b"." * rnd.randrange(3) + word[:rnd.randrange(len(word))] + b"\r\n" for _ in range(8)]
    body = b"".join(lines) * (size // max(1, sum(map(len, lines))) + 1) + b"last\r\n"
    rest = (f"From: <x@elsewhere.test>\r\nDate: Sat, 1 Aug 2026 12:00:00 +0000\r\nMessage-ID: <{token}@chaos.test>\r\n"
            f"Subject: {token}\r\n\r\n").encode() + body
    return f"X-Token: {token}\r\nX-Digest: {hashlib.sha256(rest).hexdigest()}\r\n".encode() + rest


def read(octets):
    """The token of a message, None when it has none, and whether it is as it was sent."""
    head = HEAD.search(octets)
    if not head:
        return None, False
    return head[1].decode(), hashlib.sha256(octets[head.end():]).hexdigest().encode() == head[2]


class Ledger:
    """All that was sent by SMTP: who is to get it, and who promised what."""

    def __init__(self):
        self.lock = threading.Lock()
        self.offered = defaultdict(set)    # recipient: tokens that may come
        self.accepted = defaultdict(set)   # recipient: those of them that were answered with 250
        self.count = 0

    def offer(self, token, recipients):
        with self.lock:
            for r in recipients:
                self.offered[r].add(token)

    def accept(self, token, recipients):
        with self.lock:
            self.count += 1
            for r in recipients:
                self.accepted[r].add(token)

    def settle(self, recipient):
        """All of it has come to its end: what still comes was never sent."""
        self.offered[recipient].clear()
        self.accepted[recipient].clear()


class Account:
    """The copies of one account that somebody did something to, and its mailboxes. What only arrived is in the ledger."""

    def __init__(self, address, ledger):
        self.address, self.ledger = address, ledger
        self.copies = {}                  # token: list of sets of states
        self.boxes = {INBOX: {True}}      # name: whether it is there, as far as is known
        self.lock = threading.Lock()

    def place(self, token, state):
        """A new copy whose state is known; returns it."""
        copy = {state}
        self.copies.setdefault(token, []).append(copy)
        return copy

    def find(self, token, state):
        """A copy that is known to be in that state; one that arrived is taken on. None: nothing is known for certain."""
        for copy in self.copies.get(token, []):
            if copy == {state}:
                return copy
        if token not in self.copies and token in self.ledger.offered[self.address] and state == ARRIVED:
            return self.place(token, state)
        return None

    def certain(self, box):
        """The copies that must be in this mailbox, as a count of tokens with their flags."""
        return Counter((token, next(iter(copy))[1]) for token, copies in self.copies.items() for copy in copies
                       if len(copy) == 1 and GONE not in copy and next(iter(copy))[0] == box)

    def is_still(self, box):
        """Nothing uncertain may be in it, so that it can be renamed or removed as a whole."""
        return all(len(copy) == 1 or not any(s is not GONE and s[0] == box for s in copy)
                   for copies in self.copies.values() for copy in copies)

    def expected(self, token, is_removed):
        if token in self.copies:
            return self.copies[token]
        if token not in self.ledger.offered[self.address]:
            return None
        is_sure = token in self.ledger.accepted[self.address] and not is_removed
        return [{ARRIVED} if is_sure else {ARRIVED, GONE}]

    def judge(self, found, boxes, removed):
        """What is wrong with what was found: (mailbox, flags, token) each. Afterwards that is what is known."""
        wrong = []
        for name, states in self.boxes.items():
            if (name in boxes) not in states:
                wrong.append(f"{self.address}: mailbox {name} is {'there' if name in boxes else 'not there'}")
        wrong += [f"{self.address}: nobody made mailbox {name}" for name in boxes - set(self.boxes)]
        seen = defaultdict(list)
        for box, flags, token in found:
            seen[token].append((box, flags))
        tokens = set(seen) | set(self.copies) | self.ledger.offered[self.address]
        for token in sorted(tokens, key=str):
            states = self.expected(token, token in removed)
            fits = None if states is None else assign(states, seen[token])
            if fits is None:
                wrong.append(f"{self.address}: {token} may be {describe(states)}, and is {seen[token]}")
        self.copies = {token: [{s} for s in states] for token, states in seen.items()}
        self.boxes = {name: {True} for name in boxes}
        self.ledger.settle(self.address)
        return wrong


def describe(states):
    return "nowhere" if states is None else [sorted(map(str, s)) for s in states]


def assign(copies, seen):
    """Can each copy be in one of its states so that just these are seen? True or None. A state that is held by a copy goes
    to another when that one can be in another still, and so on."""
    if len(seen) > len(copies):
        return None
    states, holder = list(seen) + [GONE] * (len(copies) - len(seen)), {}

    def place(copy, tried):
        for i, state in enumerate(states):
            if state in copies[copy] and i not in tried:
                tried.add(i)
                if i not in holder or place(holder[i], tried):
                    holder[i] = copy
                    return True
        return False
    return all(place(copy, set()) for copy in range(len(copies))) or None
