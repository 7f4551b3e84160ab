"""Whether everything was held: read when all faults have ended, the clients rest and the queue is empty."""

import os
import re
import resource
import signal
import time
from collections import Counter
from pathlib import Path

from chaos_ledger import FINAL, INBOX, read
from suite import state_of, wait_until

GROWN_DESCRIPTORS, GROWN_OCTETS = 50, 24 << 20  # relay keeps connections for a while
OLD_ENOUGH = 5  # rounds that a process has lived before its size counts


def boxes_of(client):
    lines = client.list()[1]
    return {m[1] for line in lines if line for m in [re.search(r' "?([\w-]+)"?$', line.decode())]}


def read_account(suite, user):
    """All copies, as (mailbox, flags, octets), and the names of all mailboxes."""
    client = suite.imap(user)
    boxes, found = boxes_of(client), []
    for box in sorted(boxes):
        assert client.select(box, readonly=True)[0] == "OK", (user, box)
        code, items = client.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")
        assert code == "OK", items
        for item in items:
            if isinstance(item, tuple):
                flags = re.search(rb"FLAGS \(([^)]*)\)", item[0])[1].decode().split()
                found.append((box, frozenset(flags) - {"\\Recent"}, item[1]))
    client.logout()
    return found, boxes


def check_account(world, user):
    wrong, found = [], []
    copies, boxes = read_account(world.suite, user)
    for box, flags, octets in copies:
        token, is_whole = read(octets)
        if not is_whole:
            wrong.append(f"{user}: {token} in {box} is not as it was sent: {octets[:300]}")
        found.append((box, flags, token))
    account = world.accounts[user]
    removed = {token for address, token in world.removed if address == account.address}
    return account.judge(found, boxes, removed) + wrong


def check_reports(world):
    """What came back: a report for each recipient who was refused, and for nobody else."""
    reported, wrong = Counter(), []
    for _, _, octets in read_account(world.suite, "alice")[0]:
        if b"X-Token: alive" in octets and b"report-type" not in octets:
            continue
        ends = FINAL.findall(octets)
        if not ends:
            wrong.append(f"alice got what nobody sent: {octets[:1000]}")
        reported.update(address.decode() for address, action in ends if action.lower() == b"failed")
    sink, ledger = world.sink, world.ledger
    removed = {address for address, _ in world.removed}
    for address, n in reported.items():
        if address not in sink.refused:
            wrong.append(f"{address}: reported as failed, and nobody refused it")
        if n > 1:
            wrong.append(f"{address}: reported {n} times")
    for address in [a for a in ledger.offered if not a.endswith("@example.test") and not a.startswith(world.user)]:
        if ledger.accepted[address] and address not in removed and not sink.taken[address] and not reported[address]:
            wrong.append(f"{address}: neither taken nor reported")
        if sink.taken[address] and reported[address] and address not in sink.perhaps and not world.killed & {"relay", "queue"}:
            wrong.append(f"{address}: taken and reported")
        if sink.taken[address] > 1 and address not in sink.perhaps and not world.killed & {"relay", "queue"}:
            wrong.append(f"{address}: taken {sink.taken[address]} times")
    for address in set(sink.taken) - set(ledger.offered):
        wrong.append(f"{address}: taken, and never sent")
    world.reports += sum(reported.values())
    for address in list(ledger.offered):
        if address not in world.readers:
            if not address.startswith(world.user):
                del ledger.offered[address]
                ledger.accepted.pop(address, None)
    wrong += sink.wrong
    sink.forget()
    return wrong


def check_files(world):
    """Maildir and mbox have each message at least once, and whole; who died half-way may leave a part in an mbox."""
    wrong = []
    maildir = world.disk / "home/Maildir/new"
    mbox = world.mbox.read_bytes() if world.mbox.exists() else b""
    parts = {"maildir.test": [p.read_bytes() for p in maildir.iterdir()] if maildir.exists() else [],
             "mbox.test": re.split(rb"^From [^\n]*\n", mbox, flags=re.M)[1:]}
    for domain, messages in parts.items():
        address = f"{world.user}@{domain}"
        found = Counter()
        for octets in messages:
            token, is_whole = read(octets[:octets.rfind(b"last\n") + 5].replace(b"\n", b"\r\n"))
            found[token] += is_whole
            if token is not None and token not in world.ledger.offered[address]:
                wrong.append(f"{address} got {token}")
            if not is_whole and domain == "maildir.test":
                wrong.append(f"{address}: {token} is not whole")
        for token in world.ledger.accepted[address]:
            if not found[token] and (address, token) not in world.removed:
                wrong.append(f"{address}: {token} is lost")
            if found[token] > 1 and not world.killed & {"queue", "agent"}:
                wrong.append(f"{address}: {token} came {found[token]} times")
        world.ledger.settle(address)
    for path in maildir.iterdir() if maildir.exists() else []:
        path.unlink()
    world.mbox.unlink(missing_ok=True)
    return wrong


def clear(world):
    """All that was checked goes, but for a part of what the mail programs have."""
    for user in ("alice", *world.accounts):
        client = world.suite.imap(user)
        account = world.accounts.get(user)
        for box in boxes_of(client) if user in ("ivy", "ida") else (INBOX,):
            client.select(box)
            uids = client.uid("SEARCH", "ALL")[1][0].split()
            keep = 8 if user in ("ivy", "ida") and world.rnd.random() < 0.9 else 0
            if len(uids) <= keep:
                continue
            assert client.uid("STORE", b",".join(uids[keep:]).decode(), "+FLAGS.SILENT", "(\\Deleted)")[0] == "OK"
            assert client.expunge()[0] == "OK"
        client.logout()
        if account is not None:
            account.copies = {}
            for box, flags, octets in read_account(world.suite, user)[0]:
                account.place(read(octets)[0], (box, flags))


def check_leftovers(world):
    """No file of a message that is gone, in the queue's folder or in an account that is empty."""
    folder = world.suite.folder
    places = [folder / "queue/bodies", folder / "queue/spool"]
    places += [p for p in (folder / "mail").rglob("*") if p.is_dir() and any(n in p.parts for n in ("bob", "carol"))]
    if world.has_failed:  # what a failing call did not remove, the next start does
        for name in ("queue", "mailbox"):
            for pid in world.children(name):
                os.kill(pid, signal.SIGKILL)
        wait_until(world.is_whole, 30, "a service that is whole")
        for user in ("bob", "carol"):
            world.suite.imap(user).logout()
        world.has_failed = False
        world.drain()
    end = time.monotonic() + 5
    while left := [str(p) for place in places for p in place.rglob("*") if p.is_file() and ".db" not in p.name]:
        if time.monotonic() > end:
            return [f"left behind: {left[:5]}, {len(left)} in all"]
        time.sleep(0.1)
    return []


def check_processes(world):
    """Whoever lived for some rounds is as large as it was, and whoever's parent died is gone."""
    wrong = []
    page = resource.getpagesize()
    for p in [*world.suite.processes(), {"name": "smtpd", "pid": world.suite.process.pid}]:
        try:
            fds = len(list(Path(f"/proc/{p['pid']}/fd").iterdir()))
            octets = int(Path(f"/proc/{p['pid']}/statm").read_text().split()[1]) * page
        except OSError:
            continue
        samples = world.samples.setdefault((p["name"], p["pid"]), [])
        samples.append((fds, octets))
        if len(samples) > OLD_ENOUGH:
            young = samples[:OLD_ENOUGH]
            if fds > max(f for f, _ in young) + GROWN_DESCRIPTORS or octets > max(o for _, o in young) + GROWN_OCTETS:
                wrong.append(f"{p['name']} grew: {samples}")
    end = time.monotonic() + 12
    while left := [pid for pid in world.orphans if state_of(pid) not in ("", "Z")]:
        if time.monotonic() > end:
            wrong.append(f"without a parent, and still there: {left}")
            break
        time.sleep(0.1)
    world.orphans.clear()
    return wrong
