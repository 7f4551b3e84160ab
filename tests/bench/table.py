"""One table of a benchmark: a line for each kind of work, a column for each server, and the ratios to Kurir."""

import statistics


class Table:
    """Collects samples and prints them as a Markdown table: median, spread, and how Kurir compares."""

    def __init__(self, title, servers, unit, more_is_better=True, digits=0):
        self.title, self.servers, self.unit = title, servers, unit
        self.more_is_better, self.digits = more_is_better, digits
        self.rows = {}

    def add(self, work, server, value):
        self.rows.setdefault(work, {}).setdefault(server, []).append(value)

    def cell(self, samples):
        known = [s for s in samples or [] if s is not None]
        if not known:
            return "failed" if samples else "-"
        text = f"{statistics.median(known):,.{self.digits}f}"
        if len(known) > 1:
            text += f" ({min(known):,.{self.digits}f}-{max(known):,.{self.digits}f})"
        return text + ("" if len(known) == len(samples) else f", {len(samples) - len(known)} failed")

    def ratio(self, row, peer):
        """How many times better Kurir is than the peer."""
        ours = [s for s in row.get(self.servers[0], []) if s]
        theirs = [s for s in row.get(peer, []) if s]
        if not ours or not theirs or min(statistics.median(ours), statistics.median(theirs)) <= 0:
            return "-"
        ratio = statistics.median(ours) / statistics.median(theirs)
        return f"{ratio if self.more_is_better else 1 / ratio:.2f}"

    def lines(self):
        names = self.servers
        yield f"### {self.title} ({self.unit})"
        yield ""
        yield f"| work | {' | '.join(names)} |" + "".join(f" better than {n} by |" for n in names[1:])
        yield "|---" * (2 * len(names)) + "|"
        for work, row in self.rows.items():
            cells = [self.cell(row.get(n)) for n in names] + [self.ratio(row, n) for n in names[1:]]
            yield f"| {work} | {' | '.join(cells)} |"
        yield ""

    def __str__(self):
        return "\n".join(self.lines())
