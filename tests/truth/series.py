"""timeseries.csv, second by second."""

import csv
from collections import Counter, defaultdict

from backlog import in_flight
from compare import Near
from histogram import Samples, decode, slot
from ledger import NS, PREFLIGHT

# Columns that the journal of a simulation does not hold.
MODEL_ONLY = {"conns", "sink_conns"}
TIMED = {
    "submit_p50_us": ("submit_response", 0.5), "submit_p99_us": ("submit_response", 0.99),
    "e2e_p50_us": ("e2e_response", 0.5), "e2e_p99_us": ("e2e_response", 0.99),
    "lag_p99_us": ("schedule_lag", 0.99),
}  # fmt: skip


class Rows:
    def __init__(self, figures, length):
        """`length`: seconds a row."""
        self.figures, self.ledger, self.row = figures, figures.ledger, length * NS
        self.cells = defaultdict(dict)
        self.counts = defaultdict(lambda: defaultdict(int))
        self.flows()
        # By metric, whether the mail was of the warm-up, and the second in which it was over.
        self.times = defaultdict(Samples)
        for it in figures.book.seen:
            # A run is closed at the end of its last second.
            at = max(it.end - (it.how == "censored"), 0) // self.row
            warm_up = not self.ledger.is_measured(it.message.due)
            self.times[it.metric, warm_up, at].enter(it)
        if not figures.simulated:
            self.looks()

    def add(self, name, at):
        if at is not None:
            self.counts[at // self.row][name] += 1

    def flows(self):
        for probe in self.ledger.probes.values():
            due = probe.message.due
            # A simulation counts when a message is handed out.
            self.add("offered", probe.message.offered if self.figures.simulated else due)
            self.add("accepted", probe.accepted())
            self.add("delivered", probe.taken())
            self.add("bounced", min(probe.bounces, default=None))
        for event in self.ledger.of("attempt"):
            if event.probe < PREFLIGHT and event.outcome in ("rejected", "deferred"):
                self.add(event.outcome, event.ended)

    def looks(self):
        """The last look of each second at the instrument, the target and its queue."""
        last = None
        for event in self.ledger.of("pulse"):
            cells = self.cells[event.at // self.row]
            cells["conns"], cells["sink_conns"] = event.traffic_sessions, event.sink_sessions
            cells["rss_bytes"] = event.rss_bytes
            wall = (event.at - last.at) / NS if last else 0.0
            cells["cpu_pct"] = (event.cpu_us - last.cpu_us) / 1e4 / wall if wall > 0 else 0.0
            last = event
        last = None
        for event in self.ledger.of("usage"):
            cells = self.cells[event.at // self.row]
            cells["target_rss_bytes"], cells["target_processes"] = event.rss_bytes, event.processes
            cells["target_files"] = event.open_files
            if last:
                wall = (event.at - last.at) / NS
                cells["target_cpu_pct"] = max(event.cpu_us - last.cpu_us, 0) / 1e4 / wall
                if None not in (event.io_bytes, last.io_bytes):
                    moved = max(event.io_bytes - last.io_bytes, 0)
                    cells["target_io_bytes"] = Near(moved / wall, 0, 1)
            last = event
        for event in self.ledger.of("queue"):
            self.cells[event.at // self.row]["queue_length"] = event.total
        for event in self.ledger.of("queue-states"):
            cells = self.cells[event.at // self.row]
            cells["queue_active"], cells["queue_deferred"] = event.active, event.deferred
            cells["queue_frozen"] = event.frozen

    def row_of(self, number):
        ledger, start = self.ledger, number * self.row
        end = start + self.row
        found = {"period": "drain" if start >= ledger.load_stop else
                 "measured" if start >= ledger.measured_from else "warm-up"}  # fmt: skip
        seconds = self.row // NS
        for name in ("offered", "accepted", "delivered", "bounced", "rejected", "deferred"):
            found[name] = (self.counts[number][name] + seconds // 2) // seconds
        found["backlog"] = self.figures.backlog.at(end - 1)
        found["inflight"] = self.in_flight().at(end - 1)
        warm_up = found["period"] == "warm-up"
        for name, (metric, share) in TIMED.items():
            samples = self.times.get((metric, warm_up, number))
            found[name] = Near(samples.rank(share)[0], 1e-3, 1.0) if samples else None
        for name, metric in (("submit", "submit_response"), ("e2e", "e2e_response")):
            samples = self.times.get((metric, warm_up, number), Samples())
            found[f"{name}_censored"] = len(samples.censored) + len(samples.failed)
        found["faults"] = ";".join(self.faults(start, end))
        if self.figures.simulated:
            found |= {"queue_length": found["backlog"], "rss_bytes": 0, "cpu_pct": 0.0}
        else:
            found |= {"conns": 0, "sink_conns": 0, "rss_bytes": 0, "cpu_pct": 0.0}
        # Of each second the longest time in which mailbench stood still, by its end.
        found["hiccup_us"] = self.hiccups().get(number, 0)
        return found | self.cells.get(number, {})

    def hiccups(self):
        longest = {}
        for event in self.ledger.of("hiccup"):
            second = event.end // self.row
            longest[second] = max(longest.get(second, 0), (event.end - event.start) // 1000)
        return longest

    def in_flight(self):
        if not hasattr(self, "curve"):
            self.curve = in_flight(self.ledger)
        return self.curve

    def faults(self, start, end):
        from_ = self.ledger.measured_from
        names = [r["name"] for s, e, r in self.figures.scenario.windows() if from_ + s < end and from_ + e > start]
        for it in self.figures.outages:
            if it.at < end and (it.back is None or it.back > start or it.at >= start):
                names.append(it.what)
        if any(it.change.kind == "died" and it.at < end for it in self.ledger.of("target")):
            names.append("target-died")
        return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]


def rows_differ(path, figures):
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    length = int(rows[1]["t_s"]) - int(rows[0]["t_s"]) if len(rows) > 1 else 1
    known, found, compared = Rows(figures, length), [], 0
    if len(rows) < -(-figures.ledger.close // known.row):
        found.append(f"timeseries.csv: {len(rows)} rows for {figures.ledger.close / NS} s")
    for number, row in enumerate(rows):
        want = known.row_of(number)
        for name, seen in row.items():
            if name == "t_s" or (figures.simulated and name in MODEL_ONLY):
                continue
            compared += 1
            if not same(want.get(name), seen):
                found.append(f"timeseries.csv {row['t_s']} {name}: {seen!r}, recomputed {want.get(name)!r}")
    return found, compared


def log_differs(path, figures):
    """latency.hlog: for each second and tag (metric, `.warm-up`, `.censored`, `.failed`) a histogram."""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip().split(",") for line in file if line.startswith("Tag=")]
    length = round(float(lines[0][2])) if lines else 1
    known, wanted = Rows(figures, length), {}
    for (metric, warm_up, number), samples in known.times.items():
        for how, values in zip(("", ".censored", ".failed"), samples.micros()):
            if values:
                tag = metric + (".warm-up" if warm_up else "") + how
                wanted[tag, number * length] = Counter(slot(us) for us in values)
    found, logged = [], set()
    for tag, start, _, _, text in lines:
        key = tag.removeprefix("Tag="), round(float(start))
        logged.add(key[0].split(".")[0])
        if decode(text) != wanted.pop(key, None):
            found.append(f"latency.hlog {key[1]} {key[0]}: another histogram than recomputed")
    # A simulation logs what its rows hold.
    found += [f"latency.hlog {start} {tag}: missing" for tag, start in wanted
              if not figures.simulated or tag.split(".")[0] in logged]  # fmt: skip
    return found, len(lines)


def same(want, seen):
    if want is None or want == "":
        return seen == ""
    if isinstance(want, str):
        return seen == want
    try:
        value = float(seen)
    except ValueError:
        return False
    return want.holds(value) if isinstance(want, Near) else Near(want, 1e-9, 1e-9).holds(value)
