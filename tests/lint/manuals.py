#!/usr/bin/env python3
"""Every manual is installed, passes mandoc's lint, and names all that its list has: events, words of smtpd.conf, kinds of
tables, orders of smtpctl, what IMAP and POP3 offer."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Where a list stands, what to take of it, and the manual that names its words.
LISTED = (
    ("smtpd/parent/config/grammar.y", r"[A-Z0-9_]+ \"([a-z0-9-]+)\"", "smtpd/smtpd.conf.5"),
    ("common/conf/words.h", r"^\tB\(BACKEND_\w+, *\"(\w+)\"", "smtpd/table.5"),
    ("common/ipc/ctl_parent.h", r"^\tV\(\"([a-z ]+)\"", "smtpd/smtpctl.8"),
    ("imapd/command_login.c", r'"( ?[A-Z][A-Z0-9rev+=-]*(?: [A-Z][A-Z0-9+=-]*)*)"', "imapd/imapd.8"),
    ("pop3d/command_login.c", r"SLICE\(\"(TOP[^\"]*)\"", "pop3d/pop3d.8"),
)


def words(said):
    """Those of a string of C; AUTH=PLAIN names PLAIN."""
    return said.replace(r"\r\n", " ").replace("AUTH=", "").split()


def main():
    wrong = []
    pages = sorted(p for p in ROOT.glob("*/*.[1578]") if p.parts[-2] in ("smtpd", "queue", "imapd", "pop3d", "deliver"))
    build = (ROOT / "meson.build").read_text()
    for page in pages:
        if f"'{page.relative_to(ROOT)}'" not in build:
            wrong.append(f"{page.relative_to(ROOT)} is not installed by meson.build")
        r = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
        if r.returncode != 0:
            wrong.append(r.stdout.strip())
    for source, pattern, manual in LISTED:
        text = (ROOT / manual).read_text()
        for said in re.findall(pattern, (ROOT / source).read_text(), re.M):
            wrong += [f"{manual} does not name {word!r}, which {source} has" for word in words(said)
                      if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)]
    log = (ROOT / "smtpd/smtpd-log.7").read_text()
    events = re.findall(r"^\tE\((\w+),", (ROOT / "common/base/log_events.h").read_text(), re.M)
    wrong += [f"smtpd-log(7) does not describe the event {word}" for word in events
              if not re.search(rf"^\.It (Ic|Cm|Sy|Li) {word}$", log, re.M)]
    wrong += [f"log_events.h: {after} stands before {before}" for after, before in zip(events, events[1:])
              if after > before]
    print("\n".join(wrong) or f"manuals: {len(pages)} pages in order")
    return bool(wrong)


sys.exit(main())
