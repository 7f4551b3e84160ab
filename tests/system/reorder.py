"""What the tests of disks that reorder share: a life is recorded, states are built from it, each is started and judged,
and some of these recoveries are recorded and cut themselves."""

import os
import random
import shutil
import sqlite3
import tempfile
import unittest
from pathlib import Path

from alone import BUILD
from disk import RULES, Disk, Recording, frames, moments

SEED = int(os.environ.get("KURIR_SEED", str(random.randrange(1 << 30))))
STATES = int(os.environ.get("KURIR_REORDER", "36"))
WHERE = "/dev/shm" if os.path.isdir("/dev/shm") else None     # the real syncs need no disk
DEAF = {"every sync": lambda node: True, "folders": lambda node: node.is_folder,
        "copies of logs": lambda node: node.name.endswith(".db") and len(node.pending) > 8,
        "logs of databases": lambda node: node.name.endswith("-wal"),
        "bodies": lambda node: not node.is_folder and ".db" not in node.name}


def databases_are_sound(folder):
    """What is wrong with any database in there, after its process has ended."""
    wrong = []
    for path in folder.rglob("*.db"):
        db = sqlite3.connect(path)
        try:
            answer = db.execute("PRAGMA integrity_check").fetchall()
        except sqlite3.DatabaseError as e:
            answer = e
        db.close()
        if answer != [("ok",)]:
            wrong.append(f"{path.name}: {answer}")
    return wrong


class Reorder(unittest.TestCase):
    """A subclass says which process, and gives five methods:

    make_state(place)             the process's folder there, as if it never ran
    live(place, recording, ledger, work)    one life of the process; work(life) is done in it, then it is killed
    recover(life, rnd)            what goes on in a life that begins with a recovery
    until(ledger, at, said)       what was promised when the log had come that far; said: its frames()
    check(place, ledger)          starts it on what is there; gives what is wrong
    """
    process = state = None       # its program, and the name of its folder
    patience = 30                # seconds until a recovered process should have done its work

    def make_place(self):
        place = Path(tempfile.mkdtemp(prefix="kurir-reorder-", dir=WHERE))
        place.chmod(0o755)
        self.addCleanup(shutil.rmtree, place, ignore_errors=True)
        return place

    def record(self, place, ledger, work):
        """One recorded life; gives the disk before it, what the process did, and the ledger after it."""
        recording = Recording(BUILD, self.process)
        try:
            disk = Disk(place / self.state, self.is_deaf)
            after = self.live(place, recording, ledger, work)
            return disk, recording.records(), after
        finally:
            recording.close()

    def states(self, disk, records, ledger, count, rnd):
        """Folders as power cuts may leave them, each with what was promised by then, and its name."""
        said = frames(records)
        for i, at in enumerate(moments(records, count, rnd)):
            for record in records[disk.played:at]:
                disk.play(record)
            place = self.make_place()
            rule = self.rules[i % len(self.rules)]
            disk.rebuild(place / self.state, rule, rnd)
            end = records[at].at if at < len(records) else 1 << 62
            yield place, self.until(ledger, end, said), f"{at} of {len(records)}, {rule}"
            shutil.rmtree(place)

    def recover_twice(self, place, ledger, rnd, count=2):
        """The power fails during the recovery, and the work that follows it, too."""
        disk, records, after = self.record(place, ledger, lambda life: self.recover(life, rnd))
        wrong = []
        for again, promised, name in self.states(disk, records, after, count, rnd):
            wrong += [f"then {name}: {w}" for w in self.check(again, promised)]
        return wrong

    def cut(self, work, count, is_deaf=None):
        """Gives what is wrong in so many states of a process that did that work; of a deaf disk, in the first wrong one."""
        self.is_deaf = is_deaf or (lambda node: False)
        self.patience = 10 if is_deaf else 30
        self.rules = ("none",) if is_deaf else RULES      # a deaf disk keeps as little as it may
        rnd = random.Random(f"{SEED}-{self.id()}")
        place = self.make_place()
        self.make_state(place)
        disk, records, ledger = self.record(place, None, lambda life: work(life, rnd))
        wrong, looked = [], 0
        for i, (state, promised, name) in enumerate(self.states(disk, records, ledger, count, rnd)):
            found = self.recover_twice(state, promised, rnd) if i % 3 == 2 and not is_deaf else self.check(state, promised)
            wrong += [f"seed {SEED}, {name}: {w}" for w in found]
            looked += len(promised.accepted)
            if wrong and is_deaf:
                return wrong
        for record in records[disk.played:]:
            disk.play(record)
        self.assertFalse(disk.differs(place / self.state), "the record is whole")
        self.assertGreater(looked, count, "promises were kept to look for")
        print(f"seed {SEED}: {count} states of {len(records)} records; {looked} messages looked for")
        return wrong

    def expect(self, wrong):
        self.assertFalse(wrong, "\n".join(wrong[:20]))

    def expect_losses(self, work, which):
        """A disk that says yes to those syncs and does nothing loses what was promised: else this test sees nothing."""
        for name in which:
            with self.subTest(name):
                self.assertTrue(self.cut(work, 120, DEAF[name]), f"nothing lost without a sync of {name}")
