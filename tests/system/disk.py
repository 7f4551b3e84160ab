"""A folder as a power cut may leave it: what a recorded process changed and had not synced is there in any part.

preload/recorder.c notes what a process does to its files; Disk replays that up to a moment and rebuilds the folder.
What it believes, which is what POSIX promises and ext4 and xfs keep:

- fsync and fdatasync of a file make its octets and its length durable, as they were when the call began.
- A name (of a new file, a link, a removal) is durable after an fsync of its folder began. ext4, xfs and btrfs sync a
  new file's name along with the file; POSIX does not say so, and neither do we.
- A rename has both names' old state or both names' new state: it is one transaction of every journal. A sync of either
  folder makes it durable.
- Everything else may be there or not, in any order: a disk and a kernel write when they like. A length may be there
  without its octets, which are zero then. ext4 (data=ordered) and xfs give more; ext2, and disks that lie, do not.
- A sector of 512 octets is written whole or not, and what it holds is what the file held there at one moment since
  the last sync: two changes in one sector do not come in the wrong order.
"""

import ctypes
import mmap
import os
import struct
import subprocess
import tempfile
from pathlib import Path

from ipc import BY_NUMBER, HEADER

SECTOR = 512
RECORD = struct.Struct("<IHHIIQQq")
FIRST = 64
(CREATE, MKDIR, WRITE, TRUNCATE, ALLOCATE, LINK, UNLINK, RENAME, SYNC_BEGIN, SYNC_END, SENT) = range(1, 12)
RULES = ("none", "all", "half", "few", "most", "torn", "last", "late", "early", "lengths", "names", "octets")


def node_of(st):
    return (st.st_ino ^ st.st_dev << 44) & (1 << 64) - 1


class Record:
    __slots__ = ("at", "kind", "mode", "node", "other", "offset", "name", "data")

    def __init__(self, at, octets):
        _, self.kind, name, data, self.mode, self.node, self.other, self.offset = RECORD.unpack_from(octets)
        begin = RECORD.size + name
        self.at = at
        self.name = octets[RECORD.size:begin].decode()
        self.data = octets[begin:begin + data]


class Recording:
    """The log of one process, and of what a test changes beside it."""

    def __init__(self, build, process, size=1 << 30):
        self.library = str(build / "tests/system/preload/recorder.so")
        self.file = tempfile.NamedTemporaryFile(prefix="kurir-recorder-")
        os.truncate(self.file.fileno(), size)
        os.chmod(self.file.name, 0o666)
        self.map = mmap.mmap(self.file.fileno(), size)
        struct.pack_into("<QQ", self.map, 0, FIRST, size)
        self.environment = {"LD_PRELOAD": self.library, "RECORDER_LOG": self.file.name, "RECORDER_PROCESS": process}
        self.ours = ctypes.CDLL(self.library)
        self.ours.recorder_open(self.file.name.encode())
        self.ours.recorder_note.restype = ctypes.c_uint64

    def wrote(self, fd, offset, octets):
        """The test itself has written that into a file that a recorded process made."""
        self.note(WRITE, node_of(os.fstat(fd)), offset, octets)

    def note(self, kind, node, offset, octets):
        return self.ours.recorder_note(ctypes.c_int(kind), ctypes.c_uint64(node), ctypes.c_uint64(0), ctypes.c_int64(offset),
                                       ctypes.c_uint32(0), b"", octets, ctypes.c_size_t(len(octets)))

    def now(self):
        """What happens later is noted behind this."""
        return struct.unpack_from("<Q", self.map)[0]

    def records(self):
        at, end, out = FIRST, self.now(), []
        while at < end:
            length = struct.unpack_from("<I", self.map, at)[0]
            if length == 0:
                break        # its writer was killed over it
            out.append(Record(at, self.map[at:at + length]))
            at += length
        return out

    def end(self, process):
        """Kills it, but not between a change and its note; the next process goes on in the same log."""
        struct.pack_into("<Q", self.map, 16, 1)
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        struct.pack_into("<Q", self.map, 16, 0)

    def close(self):
        self.map.close()
        self.file.close()


class Change:
    """Something done to a file or folder, and not durable yet."""
    __slots__ = ("at", "kind", "offset", "data", "name", "node", "partner")

    def __init__(self, at, kind, offset=0, data=b"", name=None, node=None):
        self.at, self.kind, self.offset, self.data, self.name, self.node = at, kind, offset, data, name, node
        self.partner = None

    def length(self):
        return self.offset + len(self.data)


class File:
    is_folder = False

    def __init__(self, mode, owner, octets=b""):
        self.mode, self.owner, self.octets, self.pending = mode, owner, bytearray(octets), []

    def synced(self, began):
        take = [c for c in self.pending if c.at < began]
        self.pending = self.pending[len(take):]
        write(self.octets, take)

    def found(self, subset):
        octets = bytearray(self.octets)
        if subset.rule == "all":
            write(octets, self.pending)
        elif subset.rule != "none" and self.pending:
            write_parts(octets, self.pending, subset)
        return octets


class Folder:
    is_folder = True

    def __init__(self, mode, owner):
        self.mode, self.owner, self.names, self.pending = mode, owner, {}, []
        self.now = {}        # the names as the running process sees them

    def synced(self, began):
        for change in [c for c in self.pending if c.at < began]:
            self.settle(change)
            if change.partner:
                other, half = change.partner
                other.settle(half)

    def settle(self, last):
        """That change of a name is durable, and so are the earlier ones of that name."""
        for change in [c for c in self.pending if c.name == last.name and c.at <= last.at]:
            self.pending.remove(change)
            name_it(self.names, change)

    def found(self, subset):
        names = dict(self.names)
        for change in self.pending:
            if subset.has_name(change):
                name_it(names, change)
        return names


def name_it(names, change):
    if change.node is None:
        names.pop(change.name, None)
    else:
        names[change.name] = change.node


def stretch(octets, length):
    if length > len(octets):
        octets.extend(bytes(length - len(octets)))


def write(octets, changes):
    for c in changes:
        if c.kind == TRUNCATE:
            del octets[c.offset:]
        stretch(octets, c.length())
        octets[c.offset:c.length()] = c.data


def pieces(change):
    """Its octets by sectors: sector, offset, octets."""
    at, data = change.offset, change.data
    while data:
        n = min(SECTOR - at % SECTOR, len(data))
        yield at // SECTOR, at, data[:n]
        at, data = at + n, data[n:]


def write_parts(octets, pending, subset):
    """A sector that has one change has all earlier ones of that sector, too."""
    newest, lengths = {}, []
    for i, change in enumerate(pending):
        has, has_length = subset.has_file(change)
        lengths.append(has_length)
        if has:
            for sector, _, _ in pieces(change):
                if subset.has_sector():
                    newest[sector] = i
    for i, change in enumerate(pending):
        if lengths[i] and change.kind == TRUNCATE:
            del octets[change.offset:]
        if lengths[i]:
            stretch(octets, change.length())
        for sector, at, data in pieces(change):
            if newest.get(sector, -1) >= i:
                stretch(octets, at + len(data))
                octets[at:at + len(data)] = data


class Subset:
    """Which of the changes that were not synced are there."""

    def __init__(self, rule, rnd, pending):
        self.rule, self.rnd, self.drawn = rule, rnd, {}
        self.share = {"few": 0.1, "most": 0.9, "torn": 0.7}.get(rule, 0.5)
        times = sorted(c.at for c in pending)
        self.cut = rnd.choice(times) if times else 0
        self.last = times[-1] if times else 0

    def has(self, change):
        if self.rule in ("none", "all"):
            return self.rule == "all"
        if self.rule == "last":
            return change.at == self.last
        if self.rule == "late":
            return change.at >= self.cut
        if self.rule == "early":
            return change.at < self.cut
        if change.at not in self.drawn:       # both halves of a rename are drawn at once
            self.drawn[change.at] = self.rnd.random() < self.share
        return self.drawn[change.at]

    def has_name(self, change):
        return self.rule == "names" or (self.rule not in ("lengths", "octets") and self.has(change))

    def has_file(self, change):
        """Whether its octets, and its effect on the file's length, are there."""
        if self.rule in ("names", "lengths"):
            return False, self.rule == "lengths"
        if self.rule == "octets":
            return True, True
        has = self.has(change)
        return has, has and (self.rule != "torn" or self.rnd.random() < 0.5)

    def has_sector(self):
        return self.rule != "torn" or self.rnd.random() < 0.5


class Disk:
    """The folder as it is now, on a disk that has all of it; then play() what a process did to it since.

    A disk may lie: is_deaf(node) says whose syncs it only says yes to."""

    def __init__(self, folder, is_deaf=lambda node: False):
        self.nodes, self.played = {}, 0
        self.is_deaf = is_deaf
        self.root = self.take(Path(folder))

    def take(self, path):
        st = os.lstat(path)
        if node_of(st) in self.nodes:
            return self.nodes[node_of(st)]
        owner = (st.st_uid, st.st_gid)
        if path.is_dir():
            node = Folder(st.st_mode & 0o7777, owner)
            node.names = {p.name: self.take(p) for p in path.iterdir() if p.is_dir() or p.is_file()}
            node.now = dict(node.names)
        else:
            node = File(st.st_mode & 0o7777, owner, path.read_bytes())
        self.nodes[node_of(st)] = node
        node.name = path.name
        return node

    def play(self, record):
        self.played += 1
        node = self.nodes.get(record.node)
        if node is None:
            return           # not in this folder
        if record.kind in (WRITE, TRUNCATE, ALLOCATE):
            node.pending.append(Change(record.at, record.kind, record.offset, record.data))
        elif record.kind in (CREATE, MKDIR):
            new = (Folder if record.kind == MKDIR else File)(record.mode & 0o7777, node.owner)
            self.nodes[record.other] = new
            self.name(node, record, record.name, new)
        elif record.kind == LINK:
            self.name(node, record, record.name, self.nodes[record.other])
        elif record.kind == UNLINK:
            self.name(node, record, record.name, None)
        elif record.kind == RENAME:
            self.rename(node, self.nodes[record.other], record)
        elif record.kind == SYNC_END and not self.is_deaf(node):
            node.synced(record.offset)

    def name(self, folder, record, name, node):
        change = Change(record.at, record.kind, name=name, node=node)
        folder.pending.append(change)
        name_it(folder.now, change)
        if node is not None:
            node.name = name
        return change

    def rename(self, source, target, record):
        moved = source.now[record.name]
        gone = self.name(source, record, record.name, None)
        come = self.name(target, record, record.data.decode(), moved)
        gone.partner, come.partner = (target, come), (source, gone)

    def differs(self, folder):
        """What is not in that folder as it was played: then the record is not whole."""
        wrong = []
        for path, node in self.walk(self.root, Path(folder)):
            found = path.is_dir() if node.is_folder else path.is_file() and path.read_bytes() == node.found(Subset("all", None, []))
            if not found:
                wrong.append(str(path))
        return wrong

    def walk(self, node, path):
        yield path, node
        for name, child in node.now.items() if node.is_folder else ():
            yield from self.walk(child, path / name)

    def pending(self):
        return [c for node in self.nodes.values() for c in node.pending]

    def rebuild(self, folder, rule, rnd):
        """Makes the folder, which is not there, as a power cut now may leave it."""
        self.put(self.root, Path(folder), Subset(rule, rnd, self.pending()), {})

    def put(self, node, path, subset, placed):
        if node in placed:
            os.link(placed[node], path)
            return
        placed[node] = path
        if node.is_folder:
            path.mkdir()
            for name, child in node.found(subset).items():
                self.put(child, path / name, subset, placed)
        else:
            path.write_bytes(node.found(subset))
        if os.geteuid() == 0:
            os.chown(path, *node.owner)
        path.chmod(node.mode)


def frames(records):
    """What the process said to its neighbours: where in the log the frame's end went off, name, request, values."""
    said, tried, out = {}, {}, []
    for r in records:
        if r.kind != SENT:
            continue
        if not r.other:
            tried[r.node] = r
            continue
        first = tried.pop(r.node)
        octets = said.get(r.node, b"") + first.data[:max(r.offset, 0)]
        while len(octets) >= HEADER.size:
            size, number, _, request = HEADER.unpack_from(octets)
            if len(octets) < size:
                break
            m = BY_NUMBER[number]
            out.append((first.at, m.name, request, m.unpack(octets[HEADER.size:size])))
            octets = octets[size:]
        said[r.node] = octets
    return out


def moments(records, count, rnd):
    """Where the power may fail: half of them anywhere, half just after something that matters."""
    telling = [i + 1 for i, r in enumerate(records) if r.kind in (SENT, SYNC_BEGIN, SYNC_END, UNLINK, LINK, TRUNCATE)]
    out = [rnd.randint(0, len(records)) if i % 2 or not telling else rnd.choice(telling) for i in range(count)]
    return sorted(out)
