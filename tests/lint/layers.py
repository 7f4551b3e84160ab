#!/usr/bin/env python3
"""Dependencies point downwards only: common knows no daemon, no daemon knows another, and libuv
is known to common/net alone."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What each folder of common may include, beside itself.
BELOW = {
    "base": set(),
    "mail": {"base"},
    "sandbox": {"base"},
    "net": {"base"},
    "db": {"base", "net"},
    "ipc": {"base", "mail", "net", "sandbox"},
    "conf": {"base", "net", "ipc", "sandbox"},
    "session": {"base", "net", "ipc", "conf"},
}
ROOMS = ["smtpd/parent", "smtpd/listener", "smtpd/lookup", "smtpd/resolver", "smtpd/keyholder", "smtpd/ctl",
         "queue", "deliver/relay", "deliver/mailbox", "deliver/agent", "pop3d", "imapd"]


def room_of(path):
    return next((r for r in ROOMS if path == r or path.startswith(r + "/")), None)


def main():
    wrong = []
    for f in sorted([*ROOT.glob("common/**/*.[chy]"), *ROOT.glob("smtpd/**/*.[chy]"), *ROOT.glob("queue/**/*.[ch]"),
                     *ROOT.glob("deliver/**/*.[ch]"), *ROOT.glob("pop3d/**/*.[ch]"), *ROOT.glob("imapd/**/*.[ch]")]):
        name = f.relative_to(ROOT).as_posix()
        text = f.read_text()
        if "#include <uv.h>" in text and not name.startswith("common/net/"):
            wrong.append(f"{name}: includes uv.h")
        for included in re.findall(r'^#include "([^"]+)"', text, re.M):
            parts = included.split("/")
            if name.startswith("common/"):
                layer = name.split("/")[1]
                if parts[0] != "common":
                    wrong.append(f"{name}: common reaches upwards to {included}")
                elif parts[1] != layer and parts[1] not in BELOW[layer]:
                    wrong.append(f"{name}: {layer} must not know {included}")
            elif parts[0] != "common" and (ROOT / included).exists() and room_of(included) != room_of(name):
                wrong.append(f"{name}: a daemon includes another's {included}")
    print("\n".join(wrong) or "layers: all dependencies point downwards")
    return bool(wrong)


sys.exit(main())
