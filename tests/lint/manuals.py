#!/usr/bin/env python3
"""Every manual is installed and passes mandoc's lint, and smtpd-log(7) names every event of the list."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


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
    log = (ROOT / "smtpd/smtpd-log.7").read_text()
    for word in re.findall(r"^\tE\((\w+),", (ROOT / "common/base/log_events.h").read_text(), re.M):
        if not re.search(rf"^\.It (Ic|Cm|Sy|Li) {word}$", log, re.M):
            wrong.append(f"smtpd-log(7) does not describe the event {word}")
    print("\n".join(wrong) or f"manuals: {len(pages)} pages in order")
    return bool(wrong)


sys.exit(main())
