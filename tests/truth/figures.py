"""Every figure of a report, recomputed from the journal and the scenario alone."""

import hashlib
import statistics
from collections import Counter

import backlog
import flows
import recovery
import sides
from backlog import Attempts
from compare import Near, Skip, exact
from latency import Book, facts
from ledger import CLASSES, NS, PREFLIGHT
from scenario import rate, span

# Counts of a whole run that belong to no probe; a simulation has none of them anywhere.
UNOWNED = (
    "phantom", "foreign", "dsn_unmatched", "dsn_non_null_sender", "auto_replies", "outside_connections",
)  # fmt: skip


class Figures:
    def __init__(self, ledger, plan, simulated):
        self.ledger, self.plan, self.simulated = ledger, plan, simulated
        self.scenario = ledger.scenario
        backlog.gaps(ledger)
        self.book = Book(ledger)
        self.backlog = backlog.backlog(ledger)
        self.measured = [p for p in ledger.probes.values() if ledger.is_measured(p.message.due)]
        self.outages = backlog.outages(ledger)

    # Counts.

    def counts(self, probes):
        """Every count by name; a class that is also an answer counts the answer."""
        ledger = self.ledger
        found = {name: 0 for name in CLASSES}
        for probe in probes:
            found[probe.cls] += 1
        answers = Counter(probe.answer for probe in probes)
        for name in ("accepted", "refused", "indeterminate", "not_sent"):
            found[name] = answers[name]
        copies = sum((probe.copies for probe in probes), Counter())
        excused = copies["withheld"] + copies["unconfirmed"] + copies["indeterminate"] + copies["kill"]
        found |= {
            "offered": len(probes),
            "deferred": sum(sum(a.outcome == "deferred" for a in p.attempts) for p in probes),
            "receptions": sum(len(p.receptions) for p in probes),
            "ambiguous_receptions": sum(p.ambiguous for p in probes),
            "duplicates": copies["unexcused"] + excused,
            "duplicates_excused": excused,
            "expired_without_dsn": sum(
                p.cls == "lost" and ledger.outlived(p) for p in probes
            ),
            "dsn_malformed": sum("dsn_malformed" in p.marks for p in probes),
            "dsn_nonstandard": sum("dsn_nonstandard" in p.marks for p in probes),
            "readdressed": sum("readdressed" in p.marks for p in probes),
            "copied": sum(len(p.copied) for p in probes),
        }
        found |= flows.amiss(probes)
        for cause in ("unexcused", "withheld", "unconfirmed", "indeterminate", "kill"):
            found[f"duplicates_{cause}"] = copies[cause]
        if not self.simulated:
            places = [order_of(it) for it in ledger.by_domain(probes).values()]
            found["reordered"] = sum(overtaken for overtaken, _ in places)
            found["overtaking"] = sum(overtaking for _, overtaking in places)
        return found

    # Load.

    def load(self):
        scenario, ledger = self.scenario, self.ledger
        load = scenario.load
        messages = [m for m in ledger.messages.values() if ledger.is_measured(m.due)]
        seconds = ledger.measured_s
        closed = load["model"] == "closed"
        length = ledger.load_stop - ledger.measured_from
        due = self.plan.due_within(span(load["warm_up"]), length, "messages" in load)
        planned = None if closed else due
        return {
            "model": load["model"],
            "arrival": "closed" if closed else arrival(load),
            "planned_per_s": None if planned is None else exact(planned / seconds),
            "peak_planned_per_s": None if closed else peak_rate(load, seconds),
            "offered_per_s": exact(len(messages) / seconds),
            "planned_messages": planned,
            "offered_messages": len(messages),
            "sessions": load["sessions"],
        }

    # Queue.

    def queue(self):
        ledger, curve = self.ledger, self.backlog
        start, close = ledger.measured_from, ledger.close
        peak_at, peak = curve.peak(start, close)
        attempts = Attempts(self.measured)
        found = {
            "backlog_max": peak,
            "backlog_max_at_s": exact((peak_at - start) / NS),
            "backlog_mean": exact(curve.mean(start, ledger.load_stop)),
            "backlog_end": curve.at(close),
            "proved_empty": ledger.prove()[0],
            "drain_time_s": backlog.drain_time(ledger, curve),
            "attempts_per_delivery_mean": attempts.mean(),
            "attempts_per_delivery_max": attempts.most(),
            "retry_amplification": attempts.amplification(),
            "connection_attempts": flows.connections(ledger),
            "fairness": flows.fairness(self.end_to_end(it) for it in self.healthy()),
            "herd": flows.herd(ledger),
            "recovery": list(recovery.recoveries(ledger, curve)),
            "isolation": sides.isolation(self),
        }
        found |= recovery.longest(found["recovery"])
        return found | self.reported(peak, found)

    def end_to_end(self, domain):
        return facts(self.book.samples("e2e_response", domain=domain), self.simulated)

    def reported(self, peak, found):
        """The queue as the target itself reports it; a simulated one is the backlog."""
        if self.simulated:
            return {
                "length_max": peak, "length_mean": found["backlog_mean"],
                "length_end": found["backlog_end"], "deferred_max": None, "frozen_max": None,
            }  # fmt: skip
        start, close = self.ledger.measured_from, self.ledger.close
        whole = [e.total for e in self.ledger.of("queue") if start <= e.at <= close]
        stop = self.ledger.load_stop
        measured = [e.total for e in self.ledger.of("queue") if start <= e.at <= stop]
        states = [e for e in self.ledger.of("queue-states") if start <= e.at <= close]
        return {
            "length_max": max(whole, default=None),
            "length_mean": exact(statistics.fmean(measured)) if measured else None,
            "length_end": whole[-1] if whole else None,
            "deferred_max": max((e.deferred for e in states), default=None),
            "frozen_max": max((e.frozen for e in states), default=None),
        }

    def healthy(self):
        return [d for d in self.scenario.domains if not self.scenario.is_faulty(d)]

    # Places, faults, replies.

    def destinations(self):
        everything = self.ledger.by_domain(self.ledger.probes.values())
        measured = self.ledger.by_domain(self.measured)
        only = ["e2e_response", "queue_time", "relay_latency", "retry_gap"] if self.simulated else None
        for domain in self.scenario.domains:
            yield {
                "domain": domain,
                "faulty": self.scenario.is_faulty(domain),
                "counts_outside_period": flows.wrong_outside(self.ledger, everything.get(domain, [])),
                "rates": flows.rates(self.ledger, everything.get(domain, [])),
                "counts": self.counts(measured.get(domain, []))
                | (dict.fromkeys(UNOWNED, 0) if self.simulated else {}),
                "latency": self.book.facts(self.simulated, domain, only),
                "attempts_per_delivery_mean": Attempts(measured.get(domain, [])).mean(),
            }

    def faults(self):
        struck = Counter(
            event.fault for event in self.ledger.of("struck")
            if event.at >= self.ledger.measured_from
        )  # fmt: skip
        for number, rule in enumerate(self.scenario.faults):
            window = rule.get("during")
            yield {
                "name": rule["name"],
                "stage": rule["stage"],
                "destination": rule.get("destination"),
                "during_s": window and [exact(span(edge) / NS) for edge in window.split("..")],
                "struck": struck[number],
            }

    def chaos(self):
        ledger = self.ledger
        accepted = [p.accepted() for p in ledger.probes.values() if p.accepted() is not None]
        taken = [p.taken() for p in ledger.probes.values() if p.taken() is not None]
        for it in self.outages:
            def after(times):
                if it.back_from is None:
                    return None
                first = min((time for time in times if time >= it.back_from), default=None)
                return None if first is None else exact((first - it.at) / NS)

            yield {
                "what": it.what,
                "at_s": exact((it.at - ledger.measured_from) / NS),
                "down_s": None if it.back is None else exact((it.back - it.at) / NS),
                "first_accept_s": after(accepted),
                "first_delivery_s": after(taken),
            }

    def replies(self):
        from journal import STAGES

        found = Counter()
        if not self.simulated:
            for event in self.ledger.of("submitted"):
                for result in event.results if event.message < PREFLIGHT else []:
                    if result.kind == "accepted":
                        found["target", "end-of-data", result.reply.code] += 1
                    if result.kind == "refused":
                        found["target", result.stage, result.reply.code] += 1
        for event in self.ledger.events:
            if event.kind == "attempt" and event.probe < PREFLIGHT and event.reply:
                if not self.simulated or event.reply.code >= 300:
                    found["sink", event.stage, event.reply.code] += 1
            if event.kind == "session" and event.change.kind == "turned-away" and event.change.reply:
                found["sink", "banner", event.change.reply.code] += 1
        for key in sorted(found, key=lambda it: (it[0], STAGES.index(it[1]), it[2])):
            yield {"by": key[0], "stage": key[1], "code": key[2], "count": found[key]}

    # Machines.

    def resources(self):
        ledger = self.ledger
        if self.simulated:
            return {"cpu_s": 0.0, "cpu_share": 0.0, "rss_max_bytes": 0, "cores": 0, "target": None}
        pulses = list(ledger.of("pulse"))
        inside = [p for p in pulses if ledger.measured_from <= p.at < ledger.load_stop]
        cores = int(dict(ledger.facts.environment).get("cores", 0))
        share = 0.0
        if len(inside) > 1:
            wall = (inside[-1].at - inside[0].at) / NS
            share = (inside[-1].cpu_us - inside[0].cpu_us) / 1e6 / wall / max(cores, 1)
        return {
            "cpu_s": exact(pulses[-1].cpu_us / 1e6) if pulses else 0.0,
            "cpu_share": exact(share),
            "rss_max_bytes": max((p.rss_bytes for p in pulses), default=0),
            "cores": cores,
            "target": self.target_use(),
        }

    def looks(self, start=None, end=None):
        start = self.ledger.measured_from if start is None else start
        end = self.ledger.load_stop if end is None else end
        return [e for e in self.ledger.of("usage") if start <= e.at <= end]

    def target_use(self):
        looks = self.looks()
        cpu = rising(looks, lambda look: look.cpu_us / 1e6)
        io = rising(looks, lambda look: look.io_bytes)
        if cpu[0] is None:
            return None
        files = [look.open_files for look in looks if look.open_files is not None]
        return {
            "cpu_mean_cores": exact(cpu[0]),
            "cpu_max_cores": exact(cpu[1]),
            "rss_mean_bytes": exact(statistics.fmean(look.rss_bytes for look in looks)),
            "rss_max_bytes": max(look.rss_bytes for look in looks),
            "io_mean_bytes_per_s": exact(io[0]),
            "io_max_bytes_per_s": exact(io[1]),
            "open_files_max": max(files, default=None),
            "processes_max": max(look.processes for look in looks),
        }

    # The run.

    def died(self):
        """When the target ended by itself, first of all."""
        for event in self.ledger.of("target"):
            if event.change.kind == "died":
                at = (event.at - self.ledger.measured_from) / NS
                return {"at_s": exact(at), "status": event.change.status}
        return None

    def sizing(self, resources):
        """Of a real run: what the processors say; of a simulated one, what the model says."""
        rates = flows.rates(self.ledger, self.ledger.probes.values())
        kept_up = flows.sustained(self.ledger, self.backlog)
        common = {
            "delivered_per_s": rates["delivered"],
            "offered_per_s": rates["offered"],
            "sustained": kept_up,
        }
        if self.simulated:
            model = Skip("of the model's slots, disk and bytes, which the journal does not hold")
            left = ("headroom", "resources", "backlog_bytes", "backlog_from_s")
            return common | {"per_core_per_s": None} | dict.fromkeys(left, model)
        target, cores = resources["target"], resources["cores"]
        if target is None or not cores:
            return None
        own, used = resources["cpu_share"].value, target["cpu_mean_cores"].value / cores
        if own + used <= 0:
            return None
        level, start = self.worst_hour()
        return common | {
            "headroom": exact(1 / (own + used)) if kept_up else 1.0,
            "resources": [{"used": exact(share)} for share in (own + used, used, own)],
            "per_core_per_s": exact(rates["delivered"].value / (used * cores)) if used else None,
            "backlog_bytes": Near(level * self.plan.mean_size(), 1e-6),
            "backlog_from_s": exact(start / NS),
        }

    def worst_hour(self):
        """The highest mean backlog of an hour, looked at every ten minutes."""
        start, close, hour, step = self.ledger.measured_from, self.ledger.close, 3600 * NS, 600 * NS
        best = self.backlog.mean(start, min(start + hour, close)), start
        while start + step + hour <= close:
            start += step
            best = max(best, (self.backlog.mean(start, start + hour), start), key=lambda it: it[0])
        return best

    def run(self, text):
        ledger, scenario, known = self.ledger, self.scenario.toml, self.ledger.facts
        return {
            "id": known.id,
            "name": scenario["name"],
            "question": scenario.get("question", ""),
            "started_at": known.started_at,
            "duration_s": exact(ledger.close / NS),
            "measured_from_s": exact(ledger.measured_from / NS),
            "measured_to_s": exact(ledger.load_stop / NS),
            "seed": scenario["seed"],
            "scenario_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "command": known.command,
            "interrupted": ledger.interrupted,
            "complete": ledger.complete,
            "simulated": self.simulated,
            "labels": {},
        }


def order_of(probes):
    """Recipients delivered after one that was accepted later, and before one accepted earlier."""
    both = sorted((p.accepted(), p.taken()) for p in probes if None not in (p.accepted(), p.taken()))
    return passed(both), passed([(-at, -taken) for at, taken in reversed(both)])


def passed(both):
    """How many come after one of a later first time; in order of the first."""
    count, least, pending, last = 0, None, None, None
    for at, taken in reversed(both):
        if at != last:
            least, last = pending if least is None else min(least, pending), at
        count += least is not None and taken > least
        pending = taken if pending is None else min(pending, taken)
    return count


def peak_rate(load, seconds):
    """The highest planned rate within the measured period, messages a second."""
    if "segment" not in load and arrival(load) in ("constant", "poisson"):
        return exact(rate(load["rate"]))
    if arrival(load) == "on-off":
        on, off = span(load["on"]), span(load["off"])
        return exact(rate(load["rate"]) * (on + off) / on)
    return Skip("ramps and traces")


def arrival(load):
    kind = load.get("arrival", "poisson")
    return kind if isinstance(kind, str) else "on-off" if "on" in kind else "trace"


def rising(looks, value):
    """Of what only rises: its mean rate, and the highest from one look to the next."""
    points = [(look.at, value(look)) for look in looks if value(look) is not None]
    slopes = [max(b[1] - a[1], 0) / ((b[0] - a[0]) / NS) for a, b in zip(points, points[1:])]
    if not slopes:
        return None, None
    wall = (points[-1][0] - points[0][0]) / NS
    return max(points[-1][1] - points[0][1], 0) / wall, max(slopes)
