"""The messages of a mailbox to measure with: most short text, some with HTML beside it, few with an attachment."""

import os
import random
import time

from imap_client import Client
from servers import PEERS, Kurir

VMAIL = 5000
WORDS = ["".join(random.Random(i).choices("bcdfghklmnprstvz", k=2)) + f"{i * 7919 % 9973:04d}" for i in range(4000)]


def text(r, lines):
    return "\r\n".join(" ".join(r.choices(WORDS, k=10)) for _ in range(lines))


def bodies(count=400):
    """(content type, body) of so many different kinds of message."""
    r = random.Random(1)
    made = []
    for i in range(count):
        kind = r.random()
        if kind < .70:
            made.append(("text/plain; charset=utf-8", text(r, 10 + i % 30) + "\r\n"))
            continue
        pair = (f"--b\r\nContent-Type: text/plain\r\n\r\n{text(r, 40)}\r\n--b\r\nContent-Type: text/html\r\n\r\n"
                f"<html><body><p>{text(r, 60)}</p></body></html>\r\n")
        if kind < .95:
            made.append(("multipart/alternative; boundary=b", pair + "--b--\r\n"))
            continue
        blob = "\r\n".join(f"{r.getrandbits(304):076x}" for _ in range(800))
        made.append(("multipart/mixed; boundary=b", f"{pair}--b\r\nContent-Type: application/pdf\r\n"
                     f"Content-Transfer-Encoding: base64\r\n\r\n{blob}\r\n--b--\r\n"))
    return made


BODIES = bodies()


def message(i):
    """Message i of the mailbox, the same each time; needle%04d of i % 1000 stands in its header and body."""
    kind, body = BODIES[i % len(BODIES)]
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(1600000000 + i * 600))
    needle = f"needle{i % 1000:04d}"
    head = (f"Return-Path: <a{i % 97}@example.org>\r\nReceived: from mx{i % 7}.example.org by mail.test; {date}\r\n"
            f'From: "Sender {i % 97}" <a{i % 97}@example.org>\r\nTo: User <u@example.net>, b{i % 13}@example.com\r\n'
            f"Subject: {WORDS[i % 4000]} {WORDS[i * 7 % 4000]} {WORDS[i * 31 % 4000]}\r\nDate: {date}\r\n"
            f"Message-ID: <{i}.{i * 2654435761 % 2**32:x}@example.org>\r\n"
            + (f"In-Reply-To: <{i - 1}.x@example.org>\r\n" if i % 3 == 0 else "")
            + f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n{needle}\r\n")
    return (head + body).encode()


def fill(server, user, count):
    """Puts so many messages into the user's INBOX: over IMAP into Kurir, as files into the peer's Maildir."""
    if isinstance(server, Kurir):
        c = Client(server, user)
        for first in range(0, count, 50):
            for i in range(first, min(first + 50, count)):
                tag = c.append("INBOX", message(i))
            c.until(tag)
        c.close()
        return
    folder = PEERS / server.key / "var/vmail" / f"u{user}" / "mail"
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for i in range(count):
        data = message(i).replace(b"\r\n", b"\n")
        with open(folder / "cur" / f"{1600000000 + i}.M1P{i}.bench,S={len(data)}:2,", "wb") as f:
            f.write(data)
    for path, folders, files in os.walk(folder.parent):
        for p in [path] + [os.path.join(path, f) for f in files]:
            os.chown(p, VMAIL, VMAIL)
    Client(server, user).command("SELECT INBOX")  # it counts them now, not when it is measured
