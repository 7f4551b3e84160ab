#!/usr/bin/env python3
"""No file over 600 lines, no function over 60, no line over 120 columns, nothing left open."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES, FUNCTION_LINES, COLUMNS = 600, 60, 120
OPEN = re.compile(r"\b(XXX|FIXME|TODO)\b")


def columns(line):
    return len(line.expandtabs(8))


def check(path):
    name = path.relative_to(ROOT).as_posix()
    lines = path.read_text().split("\n")
    if len(lines) > FILE_LINES + 1:
        yield f"{name}: {len(lines)} lines"
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start > FUNCTION_LINES:
                yield f"{name}:{start}: a function of {number - start} lines"
            start = None
        if OPEN.search(line):
            yield f"{name}:{number}: left open: {line.strip()}"
        if columns(line) > COLUMNS and "\\" not in line and '"' not in line and "/*" not in line:
            yield f"{name}:{number}: {columns(line)} columns"


def main():
    files = [f for pattern in ("common/**/*.[chy]", "smtpd/**/*.[chy]", "queue/**/*.[ch]", "deliver/**/*.[ch]",
                               "pop3d/**/*.[ch]", "imapd/**/*.[ch]", "tests/**/*.[ch]") for f in ROOT.glob(pattern)]
    wrong = [w for f in sorted(files) for w in check(f)]
    print("\n".join(wrong) or f"sizes: {len(files)} files within their limits")
    return bool(wrong)


sys.exit(main())
