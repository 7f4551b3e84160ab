"""A name server that may say anything: records are given as octets, so that they can be what no honest server would send.
It answers over UDP, and over TCP what does not fit; every question is kept."""

import collections
import socket
import struct
import threading

from suite import free_port_on

HOST = "127.0.0.1"
A, NS, PTR, MX, AAAA = 1, 2, 12, 15, 28
DATAGRAM = 512
SILENCE = object()  # in the place of records: no answer at all
START = b"\xc0\x0c"  # a pointer to the question's name


def name(*labels):
    """In wire format; a label may hold any octets, and be longer than is allowed."""
    octets = b"".join(bytes([len(l)]) + l for l in (l if isinstance(l, bytes) else l.encode() for l in labels))
    return octets + b"\0"


def dotted(text):
    return name(*text.split("."))


def below(label):
    """A name under that of the question: short, so that many fit."""
    return bytes([len(label)]) + label.encode() + START


def mx(preference, exchange):
    return struct.pack("!H", preference) + exchange


def reverse(address):
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"


class Names:
    """answers: {(name in lower case, type): records, or a function of name and type that gives them or None}. A type of None
    stands for all. What is not in it does not exist."""

    def __init__(self, answers):
        self.answers, self.asked = answers, collections.Counter()
        self.port = free_port_on(HOST)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket()
        for s in (self.udp, self.tcp):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((HOST, self.port))
        self.tcp.listen(64)
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    @property
    def address(self):
        return f"{HOST}@{self.port}"

    def stop(self):
        for s in (self.udp, self.tcp):
            s.close()

    def serve_udp(self):
        while True:
            try:
                query, peer = self.udp.recvfrom(65536)
                reply = self.reply(query)
                if reply is None:
                    continue
                if len(reply) > DATAGRAM:
                    reply = reply[:2] + bytes([reply[2] | 2]) + reply[3:6] + bytes(6) + self.question(query)[2]
                self.udp.sendto(reply, peer)
            except OSError:
                return

    def serve_tcp(self):
        while True:
            try:
                peer, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_peer, args=(peer,), daemon=True).start()

    def serve_peer(self, peer):
        with peer, peer.makefile("rb") as f:
            while len(head := f.read(2)) == 2:
                reply = self.reply(f.read(struct.unpack("!H", head)[0]))
                if reply is None:
                    continue
                try:
                    peer.sendall(struct.pack("!H", len(reply)) + reply)
                except OSError:
                    return

    def question(self, query):
        labels, at = [], 12
        while n := query[at]:
            labels.append(query[at + 1:at + 1 + n].decode("latin-1").lower())
            at += n + 1
        return ".".join(labels), struct.unpack("!H", query[at + 1:at + 3])[0], query[12:at + 5]

    def reply(self, query):
        asked, kind, question = self.question(query)
        self.asked[asked, kind] += 1
        found = self.answers.get((asked, kind), self.answers.get((asked, None)))
        if callable(found):
            found = found(asked, kind)
        for suffix, answer in self.answers.items():
            if found is None and suffix[0].startswith("*") and asked.endswith(suffix[0][1:]):
                found = answer(asked, kind)
        if found is SILENCE:
            return None
        records = b"".join(START + struct.pack("!HHIH", kind, 1, 60, len(r)) + r for r in found or [])
        code = 0 if found is not None else 3
        return (query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(found or []), 0, 0) + question + records)
