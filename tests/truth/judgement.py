"""Thresholds, the ledger's verdict and the exit code, from recomputed figures."""

import re

from backlog import drain_from
from compare import Near
from figures import rising
from histogram import NEEDS
from latency import facts
from ledger import NS, VIOLATIONS
from scenario import SIZES, SPANS

LATENCIES = re.compile(
    r"submit_response|submit_service|e2e_response|queue_time|relay_latency|retry_gap|schedule_lag"
    r"|stage_[a-z_]+"
)
NO_DATA = object()


# What reached its recipient, whatever became of it on its way.
ARRIVED = (
    "delivered", "indeterminate_delivered", "unconfirmed", "altered", "corrupted",
    "bounced_and_delivered", "delivered_after_refusal",
)  # fmt: skip


class Judgement:
    def __init__(self, figures, counts, destinations, queue, health):
        self.figures, (self.counts, self.rates), self.queue = figures, counts, queue
        self.destinations, self.health = destinations, health
        self.ledger = figures.ledger

    # What a threshold bounds: the figure, whether it is only a lower bound, and its unit.

    def actual(self, threshold):
        metric, labels = threshold.metric, threshold.labels
        if LATENCIES.fullmatch(metric):
            return self.latency(threshold)
        if metric in ("target_cpu", "target_rss", "target_io"):
            return self.target(threshold)
        if metric == "backlog":
            return self.level(threshold), False, "number"
        if metric == "queue_length":
            value = self.queue[f"length_{threshold.stat}"]
            return NO_DATA if value is None else number(value), False, "number"
        if metric == "drain_time":
            return self.drain()
        if metric == "attempts_per_delivery":
            value = self.queue[f"attempts_per_delivery_{threshold.stat}"]
            return NO_DATA if value is None else number(value), False, "number"
        if metric == "fairness":
            value = self.queue["fairness"]
            return NO_DATA if value is None else number(value), False, "share"
        if metric == "recovery_time":
            return self.recovery(labels)
        if metric == "connection_attempts":
            found = self.queue["connection_attempts"]
            value = found and found["per_delivery" if threshold.stat else "count"]
            return NO_DATA if value is None else number(value), False, "number"
        counts, outside, rates = self.counts, {}, self.rates
        if "destination" in labels:
            place = self.destinations[labels["destination"]]
            counts, outside = place["counts"], place["counts_outside_period"]
            rates = place["rates"]
        if threshold.stat == "rate" or metric == "goodput":
            value = rates.get(metric)
            return NO_DATA if value is None else number(value), False, "rate"
        return float(counts.get(metric, 0) + outside.get(metric, 0)), False, "number"

    def recovery(self, labels):
        asked = [it for it in self.queue["recovery"]
                 if all(labels.get(it["kind"], it["name"]) == it["name"] for _ in (0,))
                 and not set(labels) - {it["kind"]}]  # fmt: skip
        if not asked:
            return NO_DATA, False, "duration"
        longest = max(number(it["recovery_time_s"]) for it in asked)
        return longest, any(it["at_least"] for it in asked), "duration"

    def latency(self, threshold):
        labels, stat = threshold.labels, threshold.stat
        samples = self.figures.book.samples(
            threshold.metric, labels.get("period", "measured"), labels.get("destination")
        )
        found = facts(samples, self.figures.simulated)
        if stat == "count":
            return float(found["count"]), False, "number"
        value = found[stat]
        if value is None:
            return NO_DATA, False, "duration"
        return value.value / 1e6, stat in found["at_least"], "duration"

    def level(self, threshold):
        curve, ledger = self.figures.backlog, self.ledger
        start, end = {
            None: (ledger.measured_from, ledger.close),
            "warm-up": (ledger.warm_up_from, ledger.measured_from),
            "measured": (ledger.measured_from, ledger.load_stop),
            "drain": (ledger.load_stop, ledger.close),
        }[threshold.labels.get("period")]
        if threshold.stat == "max":
            return float(curve.peak(start, end)[1])
        if threshold.stat == "end":
            return float(curve.at(end))
        whole = threshold.labels.get("period") is None
        return curve.mean(start, ledger.load_stop if whole else end)

    def drain(self):
        value = self.queue["drain_time_s"]
        if value is not None:
            return number(value), False, "duration"
        if not self.figures.backlog.any:
            return NO_DATA, False, "duration"
        return (self.ledger.close - drain_from(self.ledger)) / NS, True, "duration"

    def target(self, threshold):
        looks = self.figures.looks()
        if threshold.metric == "target_rss":
            values = [look.rss_bytes for look in looks]
            mean = sum(values) / len(values) if values else None
            found, unit = (mean, max(values, default=None)), "bytes"
        elif threshold.metric == "target_cpu":
            found, unit = rising(looks, lambda look: look.cpu_us / 1e6), "number"
        else:
            found, unit = rising(looks, lambda look: look.io_bytes), "byte-rate"
        value = found[threshold.stat == "max"]
        return NO_DATA if value is None else value, False, unit

    def thresholds(self, reported):
        for threshold, seen in zip(self.figures.scenario.thresholds(), reported):
            value, bound, unit = self.actual(threshold)
            if value is NO_DATA:
                status, shown = "no-data", None
            else:
                test = threshold.holds_from if bound else threshold.holds
                status = "met" if test(value, unit) else "missed"
                shown = Shown(value, bound, unit)
            # Within the instrument's own error, which is not recomputed, neither is decided.
            if status in ("met", "missed") and seen["status"] == "inconclusive":
                status, shown = "inconclusive", Measured(value, unit)
            yield {"expr": threshold.expr, "ok": status == "met", "actual": shown, "status": status}

    # The verdict.

    def excused(self):
        """Unexcused duplicates that a threshold allows."""
        allowed = []
        for it in self.figures.scenario.thresholds():
            if it.metric == "duplicates_unexcused" and not it.labels:
                limit = it.limit("number")
                if it.op in ("<=", "=="):
                    allowed.append(int(limit))
                elif it.op == "<":
                    allowed.append(max(-int(-limit // 1) - 1, 0))
        return min(allowed, default=0)

    def correctness(self):
        probes = self.ledger.probes.values()
        verdicts = {probe.verdict for probe in probes}
        measured = self.figures.measured
        unexcused = sum(probe.copies["unexcused"] for probe in probes)
        wrong = self.ledger.phantoms + self.ledger.with_sender + self.ledger.outside
        if "invalid" in verdicts or wrong or unexcused > self.excused():
            return "invalid"
        accepted = any(probe.answer == "accepted" for probe in measured)
        if "unknown" in verdicts or not accepted or not self.ledger.complete:
            return "unknown"
        return "valid"

    def reasons(self, thresholds):
        counts = self.counts
        changes = [event.change for event in self.ledger.of("target")]
        found = [("target-died", 96) for it in changes if it.kind == "died"][:1]
        found += [(name, 97) for name in VIOLATIONS + ["phantom", "outside_connections"] if counts.get(name)]
        flags = ("readdressed_violations", "copied_violations", "dsn_non_null_sender")
        found += [(it.removesuffix("_violations"), 97) for it in flags if counts.get(it)]
        if counts["duplicates_unexcused"] > self.excused():
            found.append(("duplicates_unexcused", 97))
        found += [("threshold", 99) for it in thresholds if it["status"] == "missed"]
        arrived = sum(counts[name] for name in ARRIVED)
        doubts = {
            "incomplete": not self.ledger.complete,
            "nothing-accepted": counts["accepted"] == 0,
            "nothing-delivered": counts["accepted"] > 0 and arrived == 0,
            "pending": counts["pending"] > 0,
            "unaccounted": counts["unaccounted"] > 0,
        }
        found += [("chaos", 96) for it in changes if it.kind == "survived"]
        doubtful = [(name, 96) for name, holds in doubts.items() if holds]
        if not doubtful and self.correctness() == "unknown":
            doubtful = [("undecided", 96)]
        found += doubtful
        found += [("no-data", 96) for it in thresholds if it["status"] == "no-data"]
        found += [("inconclusive", 96) for it in thresholds if it["status"] == "inconclusive"]
        found += [("health", 96) for it in self.health["checks"] if it["status"] == "invalid"]
        return found

    def verdict(self, thresholds):
        reasons = self.reasons(thresholds)
        codes = {code for _, code in reasons}
        code = next((code for code in (97, 99, 98, 96) if code in codes), 0)
        if self.ledger.interrupted:
            code = 105
        status = {0: "pass", 96: "invalid", 105: "interrupted"}.get(code, "fail")
        if status == "invalid" and ("target-died", 96) in reasons:
            status = "fail"
        listed = [{"class": name, "exit_code": code} for name, code in reasons]
        return {"status": status, "exit_code": code, "reasons": listed}


def number(value):
    return float(value.value if isinstance(value, Near) else value)


class Shown:
    """A figure as people read it: three significant digits, `>=` for a lower bound."""

    def __init__(self, value, bound, unit):
        self.value, self.bound, self.unit = value, bound, unit
        self.shown = f"{'>= ' if bound else ''}{value:.6g} ({unit})"

    def __call__(self, seen):
        if not isinstance(seen, str) or seen.startswith(">= ") != self.bound:
            return False
        text = seen.removeprefix(">= ")
        found = re.fullmatch(r"([\d.]+)([A-Za-z]*)(/s)?", text)
        factor = 1.0
        if self.unit == "duration":
            factor = SPANS[found[2]] / NS
        elif self.unit in ("bytes", "byte-rate"):
            factor = SIZES[found[2]]
        elif self.unit == "rate":
            factor = 1.0
        return Near(self.value, 6e-3, 1e-3 * factor).holds(float(found[1]) * factor)


class Measured(Shown):
    """`262ms (5ms to 262ms)`: as measured, and what it may be without mailbench's own delays."""

    def __init__(self, value, unit):
        super().__init__(value, False, unit)

    def __call__(self, seen):
        return isinstance(seen, str) and super().__call__(seen.split(" (")[0])
