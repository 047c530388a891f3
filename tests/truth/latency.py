"""Latencies from the ledger: what each message and recipient shows of each metric.

Censoring: what got no final answer is an observation of "at least this long".
"""

from collections import defaultdict

from compare import Near
from histogram import NEEDS, SHARES, TOP_US, Samples, decode, slot, top

MESSAGE = ["submit_response", "submit_service", "schedule_lag"]
BY_DOMAIN = [
    "submit_response", "submit_service", "e2e_response", "queue_time", "relay_latency", "retry_gap",
]  # fmt: skip
HEADLINES = ["submit_response", "submit_service", "e2e_response"]


class Observation:
    def __init__(self, metric, message, domains, start, end, cut):
        self.metric, self.message, self.domains = metric, message, domains
        self.start, self.end, self.cut = start, end, cut


def observations(ledger):
    for message in ledger.messages.values():
        yield from of_message(ledger, message)
        for probe in message.probes:
            yield from of_probe(ledger, probe)
    for gap in ledger.gaps:
        yield Observation("retry_gap", gap.probe.message, [gap.probe.domain], gap.end, gap.start, None)


def of_message(ledger, message):
    domains = sorted({probe.domain for probe in message.probes if probe.domain})
    due, sent = message.due, message.sent if message.sent is not None else message.offered
    yield Observation("schedule_lag", message, [], due, message.offered, None)
    accepted = any(probe.results["accepted"] for probe in message.probes)
    for metric, start in (("submit_response", due), ("submit_service", sent)):
        if accepted:
            yield Observation(metric, message, domains, start, message.done, None)
        elif message.done is None:
            yield Observation(metric, message, domains, start, None, ledger.close)
    if accepted:
        for stage, us in message.stages:
            if stage != "quit":
                name = "stage_" + stage.replace("-", "_")
                yield Observation(name, message, [], 0, us * 1000, None)


def of_probe(ledger, probe):
    message, place = probe.message, [probe.domain]
    taken, accepted = probe.taken(), probe.accepted()
    first = probe.first_attempt()
    owed = accepted is not None or message.done is None
    waits = owed and probe.given_up() is None
    unsure = probe.results["indeterminate"] or not probe.results

    def seen(metric, start, end):
        return Observation(metric, message, place, start, end, ledger.close)

    if waits or (taken is not None and (owed or unsure)):
        yield seen("e2e_response", message.due, taken)
    if accepted is None:
        return
    if waits or first is not None:
        yield seen("queue_time", accepted, first)
    if waits or taken is not None:
        yield seen("relay_latency", accepted, taken)


class Book:
    """Samples by metric and period; and by domain, too."""

    def __init__(self, ledger):
        self.all = defaultdict(Samples)
        self.seen = list(observations(ledger))
        for it in self.seen:
            period = "measured" if ledger.is_measured(it.message.due) else "warm-up"
            keys = [(it.metric, period, None)]
            if it.metric in BY_DOMAIN:
                keys += [(it.metric, period, domain) for domain in it.domains]
            for key in keys:
                self.enter(key, it)

    def enter(self, key, it):
        if it.end is not None:
            self.all[key].add(it.start, it.end)
        else:
            self.all[key].cut(it.start, it.cut)

    def samples(self, metric, period="measured", domain=None):
        return self.all.get((metric, period, domain), Samples())

    def metrics(self, domain=None):
        found = {m for m, period, place in self.all if period == "measured" and place == domain}
        return found | set(HEADLINES if domain is None else [])

    def facts(self, simulated, domain=None, only=None):
        kept = [metric for metric in self.metrics(domain) if only is None or metric in only]
        return {metric: facts(self.samples(metric, domain=domain), simulated) for metric in kept}


def facts(samples, simulated):
    """What a report states of samples; a percentile is withheld below its count of samples."""
    values, censored = samples.micros()
    everything = values + censored
    beyond = 0 if simulated else sum(us > TOP_US for us in everything)
    found = {
        "unit": "us", "count": len(values), "censored": len(censored), "overflow": beyond,
        "min": None, "mean": None, "max": None, "too_few": [], "at_least": [],
    }  # fmt: skip
    found |= {name: None for name in SHARES}
    found["hdr"] = Encoded(samples)
    if not everything:
        return found
    # Whole microseconds: a simulation rounds its nanoseconds later than a run does.
    grain = 1.0 if simulated else 0.0
    found["min"] = Near(min(everything), 0.0, grain)
    found["max"] = Near(max(everything), 0.0, grain)
    found["mean"] = Near(sum(everything) / len(everything), 1e-9, grain)
    for name, share in SHARES.items():
        if len(everything) < NEEDS[name]:
            found["too_few"].append(name)
            continue
        value, bound = samples.rank(share)
        found[name] = Near(top(slot(value)), 1e-3, grain)
        if bound:
            found["at_least"].append(name)
    if censored or beyond:
        found["at_least"] += ["mean", "max"]
    return found


class Encoded:
    """A histogram that must hold exactly these samples."""

    def __init__(self, samples):
        self.counts = samples.slots()
        self.shown = "the samples' own histogram"

    def __call__(self, seen):
        return decode(seen) == self.counts
