#!/usr/bin/env python3
"""What outside input can grow has its limit in common/base/limits.h, with a word about it, and something keeps it. A
bound that stands elsewhere is one of those below."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMITS = "common/base/limits.h"
# Bounds of what is ours, or of what an administrator writes.
OURS = {
    "ANSWER_MOST": "of our own processes",
    "CA_MOST": "an administrator's file",
    "CHAIN_MOST": "an administrator's file",
    "ENVELOPE_BUSY_MOST": "tries for which a destination had no room; then they count",
    "ENVELOPE_LOST_MOST": "tries whose process ended under them",
    "ERROR_TEXT_MOST": "an administrator's alias",
    "EXPAND_MOST": "what a format of smtpd.conf becomes; its parts have their limits",
    "FILE_MOST": "smtpd.conf",
    "GATHER_MOST": "pages that one write of the WAL takes",
    "IDS_MOST": "processes' own ids of traced messages, the oldest go",
    "LINES_MOST": "of our own processes",
    "LIST_MOST": "an administrator's order",
    "MOST": "milliseconds between two starts",
    "MOST_READY": "milliseconds between two starts",
    "POOL_MOST": "connections that we keep for the next message",
    "PROGRAMS_MOST": "programs of ours",
    "RESERVE_MOST": "of the disk, what only changes that make room may take",
    "SHOWN_MOST": "what one who was killed may have shown of what is lost",
    "SOCKETS_MOST": "listen lines of smtpd.conf",
    "STARTS_MOST": "processes that begin at once",
    "STRUCT_MOST": "our own messages",
    "WORD_MOST": "smtpd.conf",
    "YEAR_MOST": "four digits",
}
SOURCES = ("common/**/*.[chy]", "smtpd/**/*.[chy]", "queue/**/*.[ch]", "deliver/**/*.[ch]", "pop3d/**/*.[ch]",
           "imapd/**/*.[ch]")


def main():
    wrong, used, ours = [], set(), set()
    for f in sorted(f for pattern in SOURCES for f in ROOT.glob(pattern)):
        name, text = f.relative_to(ROOT).as_posix(), f.read_text()
        if name == LIMITS:
            continue
        used |= set(re.findall(r"\bLIMIT_\w+", text))
        wrong += [f"{name}: {limit} belongs into {LIMITS}" for limit in
                  re.findall(r"(?:\benum \{|,)\s*(LIMIT_\w+) =|^#define (LIMIT_\w+)", text, re.M)]
        for body in re.findall(r"\benum(?: \w+)? \{([^}]*)\}", text):
            for bound in re.findall(r"\b((?:[A-Z]\w*_)?MOST(?:_READY)?) = [(0-9]", body):
                ours.add(bound)
                if bound not in OURS:
                    wrong.append(f"{name}: {bound}: can outside input reach it? Then it belongs into {LIMITS}; "
                                 "if not, say why in tests/lint/limits.py")
    for line in (ROOT / LIMITS).read_text().split("\n"):
        if limit := re.match(r"\t(LIMIT_\w+)\s*=", line):
            if "/*" not in line:
                wrong.append(f"{LIMITS}: {limit[1]} has no word about it")
            if limit[1] not in used:
                wrong.append(f"{LIMITS}: nothing keeps {limit[1]}")
    wrong += [f"tests/lint/limits.py: {bound} is no more" for bound in sorted(OURS.keys() - ours)]
    print("\n".join(wrong) or f"limits: {len(used)} in one place")
    return bool(wrong)


sys.exit(main())
