"""Another site's mail servers, of many moods: they take, put off, refuse, fall silent and hang up, and remember what they said."""

import contextlib
import re
import socket
import threading
from collections import Counter

import names
from chaos_ledger import read
from suite import free_port_on

HOSTS = tuple(f"127.0.0.{n}" for n in range(41, 45))


class HangUp(Exception):
    pass


class Sink:
    def __init__(self, rnd):
        self.rnd, self.lock = rnd, threading.Lock()
        self.taken = Counter()      # recipient: how often it was told 250 of a message
        self.perhaps = set()        # recipients whose 250 may not have been heard
        self.refused = set()        # recipients that were told 5xx
        self.wrong = []
        self.is_moody, self.is_over = True, False
        self.released = threading.Event()
        self.port = free_port_on(*HOSTS)
        self.servers = [socket.create_server((host, self.port), backlog=200) for host in HOSTS]
        self.domains = [f"d{i}.test" for i in range(len(HOSTS))]
        self.answers = {}
        self.is_dns_silent = False
        for domain, host in zip(self.domains, HOSTS):
            self.answers[f"mx.{domain}", names.A] = lambda *_, h=host: self.records([socket.inet_aton(h)])
            self.answers[f"*{domain}", names.MX] = lambda _, kind, d=domain: self.records(
                [names.mx(10, names.dotted(f"mx.{d}"))] if kind == names.MX else None)
        self.dns = names.Names(self.answers)
        for server in self.servers:
            threading.Thread(target=self.accept, args=(server,), daemon=True).start()

    def records(self, found):
        return names.SILENCE if self.is_dns_silent else found

    def domain(self, token):
        """One that was asked for before, or one that nobody heard of."""
        known = self.rnd.choice(self.domains)
        return known if self.rnd.random() < 0.6 else f"n{token}.{known}"

    def close(self):
        self.released.set()
        self.dns.stop()
        for server in self.servers:
            server.close()

    def be(self, is_moody):
        """From now on honest, or moody again; who hangs lets go."""
        self.is_moody = is_moody
        self.released.set()
        self.released = threading.Event()

    def forget(self):
        for known in (self.taken, self.perhaps, self.refused):
            known.clear()

    def accept(self, server):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=server.accept()[:1], daemon=True).start()

    def serve(self, peer):
        peer.settimeout(30)
        with contextlib.suppress(OSError, HangUp), peer, peer.makefile("rwb") as self_file:
            Session(self, self_file).run()


class Session:
    def __init__(self, sink, file):
        self.sink, self.file, self.recipients = sink, file, []

    def mood(self, share):
        return self.sink.is_moody and self.sink.rnd.random() < share

    def say(self, line):
        """Sometimes late, sometimes never, sometimes something else, sometimes half of it."""
        if self.mood(0.02):
            self.sink.released.wait(10)
        if self.mood(0.02):
            self.file.write(line[:2])
            self.file.flush()
            raise HangUp
        if self.mood(0.02):
            raise HangUp
        self.file.write(line + b"\r\n")
        self.file.flush()

    def run(self):
        self.say(b"421 4.3.2 not now" if self.mood(0.05) else b"220 sink")
        for line in self.file:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say(b"250-sink\r\n250-8BITMIME\r\n250 PIPELINING")
            elif verb == b"RCPT":
                self.recipient(re.search(rb"<(.*?)>", line)[1].decode())
            elif verb == b"DATA":
                self.data()
            elif verb == b"QUIT":
                return self.say(b"221 bye")
            else:
                if verb == b"MAIL":
                    self.recipients = []
                self.say(b"450 4.3.0 later" if verb == b"MAIL" and self.mood(0.05) else b"250 ok")

    def recipient(self, address):
        if self.mood(0.08):
            self.sink.refused.add(address)
            self.say(b"550 5.1.1 nobody")
        elif self.mood(0.08):
            self.say(b"451 4.2.0 later")
        else:
            self.recipients.append(address)
            self.say(b"250 ok")

    def data(self):
        if not self.recipients:
            return self.say(b"503 5.5.1 nobody")
        self.say(b"354 go on")
        octets = bytearray()
        for line in self.file:
            if line == b".\r\n":
                break
            octets += line[1:] if line.startswith(b".") else line
            if len(octets) > 3000 and self.mood(0.001):
                raise HangUp
        else:
            return
        if self.mood(0.05):
            self.sink.refused.update(self.recipients)
            return self.say(b"554 5.6.0 not that")
        if self.mood(0.05):
            return self.say(b"452 4.3.1 full")
        self.take(bytes(octets))

    def take(self, octets):
        sink, to, self.recipients = self.sink, self.recipients, []
        token, is_whole = read(octets)
        with sink.lock:
            if not is_whole or any(a.split("@")[0].rsplit(".", 1)[0] != token for a in to):
                sink.wrong.append(f"{to} got {token}, {'whole' if is_whole else 'not whole'}")
            sink.taken.update(to)
            before = set(to)
        try:
            self.say(b"250 2.0.0 taken")
        except (OSError, HangUp):
            sink.perhaps.update(before)
            raise
