"""Speaks Kurir's channels from Python: reads the message lists in common/ipc and common/conf, packs and
unpacks by them, and passes descriptors. For tests that play the part of a process."""

import array
import re
import socket
import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADER = struct.Struct("!IHHI")
NUMBERS = {"u8": "!B", "u16": "!H", "u32": "!I", "u64": "!Q", "i64": "!q"}


class Message:
    def __init__(self, name, number, fields):
        self.name, self.number, self.fields = name, number, fields      # fields: [(kind, name)]

    def pack(self, values):
        out = b""
        for kind, name in self.fields:
            value = values.get(name, 0 if kind in NUMBERS else b"")
            if kind in NUMBERS:
                out += struct.pack(NUMBERS[kind], value)
            else:
                octets = value.encode() if isinstance(value, str) else bytes(value)
                out += struct.pack("!I", len(octets)) + octets
        return out

    def unpack(self, body):
        values, at = {}, 0
        for kind, name in self.fields:
            if kind in NUMBERS:
                size = struct.calcsize(NUMBERS[kind])
                values[name] = struct.unpack_from(NUMBERS[kind], body, at)[0]
                at += size
            else:
                n = struct.unpack_from("!I", body, at)[0]
                octets = body[at + 4:at + 4 + n]
                values[name] = octets.decode() if kind == "text" else octets
                at += 4 + n
        return values


def read_lists():
    """Every message of every edge, by name and by number."""
    by_name = {}
    for header in [*ROOT.glob("common/ipc/*.h"), ROOT / "common/conf/conf.h"]:
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S).replace("\\\n", " ")
        fields = {name: re.findall(r"F\(m,\s*(\w+),\s*(\w+),", body)
                  for name, body in re.findall(r"^#define (\w+)\(F, m\)(.*)$", text, re.M)}
        fields["IPC_EMPTY"] = [("u8", "nothing")]
        for body in re.findall(r"^#define \w+\(M\)(.*)$", text, re.M):
            for name, number, kind in re.findall(r"M\((\w+),\s*(0x\w+),\s*(\w+),", body):
                if kind in fields:
                    by_name[name] = Message(name, int(number, 16), fields[kind])
    return by_name


MESSAGES = read_lists()
BY_NUMBER = {m.number: m for m in MESSAGES.values()}


def ipc_list(*items):
    return b"".join(struct.pack("!I", len(i)) + i for i in (x.encode() if isinstance(x, str) else x for x in items))


class Channel:
    """One end of a channel on a connected socket."""

    def __init__(self, sock):
        self.sock, self.buffer, self.fds = sock, b"", []

    def send(self, message, /, *, request=0, fd=None, **values):
        m = MESSAGES[message]
        body = m.pack(values)
        frame = HEADER.pack(HEADER.size + len(body), m.number, 1 if fd is not None else 0, request) + body
        if fd is None:
            self.sock.sendall(frame)
        else:
            sent = self.sock.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
            self.sock.sendall(frame[sent:])

    def raw(self, octets):
        self.sock.sendall(octets)

    def receive(self, timeout=10):
        """The next message: name, id, values, descriptor or None. None when the peer is gone."""
        self.sock.settimeout(timeout)
        while True:
            if len(self.buffer) >= HEADER.size:
                size, number, flags, id = HEADER.unpack_from(self.buffer)
                if len(self.buffer) >= size:
                    body, self.buffer = self.buffer[HEADER.size:size], self.buffer[size:]
                    m = BY_NUMBER[number]
                    return m.name, id, m.unpack(body), self.fds.pop(0) if flags & 1 else None
            data, ancillary, _, _ = self.sock.recvmsg(1 << 18, 4096)
            for level, kind, octets in ancillary:
                if kind == socket.SCM_RIGHTS:
                    self.fds += list(array.array("i", octets[:len(octets) // 4 * 4]))
            if not data:
                return None
            self.buffer += data

    def close(self):
        self.sock.close()


def channel_pair():
    """A Channel for us, and the socket to hand over."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Channel(ours), theirs
