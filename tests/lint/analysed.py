"""Compares what analysers found ("CHECK FILE MESSAGE" on standard input) with the list of findings
that are none ("CHECK FILE REASON"): fails on a finding that is not listed, and on a line that no
finding needs."""

import sys


def main(path):
    known = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split(maxsplit=2)
            if words and not words[0].startswith("#"):
                assert len(words) == 3, f"{path}:{number}: CHECK FILE REASON"
                known[words[0], words[1]] = number
    needed, wrong, total = set(), 0, 0
    for line in sys.stdin:
        check, file, message = (line.split(maxsplit=2) + [""])[:3]
        total += 1
        if (check, file) in known:
            needed.add((check, file))
        else:
            print(f"{file}: {check}: {message.strip()}")
            wrong += 1
    for key in known.keys() - needed:
        print(f"{path}:{known[key]}: no analyser finds this any more: {' '.join(key)}")
        wrong += 1
    print(f"{total} findings, {total - wrong if wrong <= total else 0} of them explained")
    return 1 if wrong else 0


sys.exit(main(sys.argv[1]))
