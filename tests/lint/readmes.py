#!/usr/bin/env python3
"""What a README or CONTRIBUTING.md names is there: files, by their path or, in one folder, by their name, and functions."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE = re.compile(r"[\w./*-]+\.(?:c|h|y|py|sh)")
CALL = re.compile(r"(\w+)\(\)")


def sources():
    for top in ("common", "smtpd", "queue", "deliver", "imapd", "pop3d", "tests", "etc"):
        yield from (ROOT / top).glob("**/*.[chy]")
        yield from (ROOT / top).glob("**/*.py")


def is_there(name, folder):
    """The path from the README's folder or from the top, or a name that any file has."""
    return any(folder.glob(name)) or any(ROOT.glob(name)) or ("/" not in name and any(ROOT.glob(f"*/**/{name}")))


def main():
    wrong, named = [], 0
    code = set(re.findall(r"\w+", "\n".join(f.read_text() for f in sources())))
    pages = [*ROOT.glob("*.md"), *(f for top in ("common", "smtpd", "queue", "deliver", "imapd", "pop3d", "tests")
                                   for f in (ROOT / top).glob("**/*.md"))]
    for page in sorted(pages):
        where = page.relative_to(ROOT).as_posix()
        for word in sorted(set(re.findall(r"`([^`\n]+)`", page.read_text()))):
            named += 1
            if FILE.fullmatch(word) and not word.startswith(".") and not is_there(word, page.parent):
                wrong.append(f"{where}: there is no file {word}")
            if (call := CALL.fullmatch(word)) and call[1] not in code:
                wrong.append(f"{where}: there is no function {word}")
    print("\n".join(wrong) or f"readmes: {len(pages)} pages, {named} names that are there")
    return bool(wrong)


sys.exit(main())
