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
    """A span of one metric. `how`: values (it ended), censored (it was no longer watched at its end)
    or failed (what it waited for never came)."""

    def __init__(self, metric, message, domains, start, end, how="values"):
        self.metric, self.message, self.domains = metric, message, domains
        self.start, self.end, self.how = start, end, how


def observations(ledger):
    for message in ledger.messages.values():
        yield from of_message(ledger, message)
        for probe in message.probes:
            yield from of_probe(ledger, probe)
    for gap in ledger.gaps:
        place = [gap.probe.domain]
        yield Observation("retry_gap", gap.probe.message, place, gap.end, gap.start)
    # Mail that waits for another attempt waits at least until the close.
    for number, last in ledger.owed_now.items():
        probe = ledger.probes.get(number)
        if probe and probe.taken() is None and probe.given_up() is None and last.ended <= ledger.close:
            place = [probe.domain]
            yield Observation("retry_gap", probe.message, place, last.ended, ledger.close, "censored")


def ending(ledger, message):
    """How a submission ended: accepted, refused, or without an answer."""
    if any(probe.results["accepted"] for probe in message.probes):
        return "accepted"
    why = [probe.no_answer() for probe in message.probes if probe.no_answer()]
    if why:
        return why[0]
    return "under-way" if message.done is None else "refused"


def of_message(ledger, message):
    domains = sorted({probe.domain for probe in message.probes if probe.domain})
    due, how = message.due, ending(ledger, message)
    sent = message.offered if message.sent is None else message.sent
    until = ledger.close if message.done is None else message.done
    lag = "censored" if how == "unserved" else "values"
    yield Observation("schedule_lag", message, [], due, message.offered, lag)
    if how == "refused":
        yield Observation("refused_response", message, [], due, until)
    else:
        kind = {"accepted": "values", "failed": "failed"}.get(how, "censored")
        yield Observation("submit_response", message, domains, due, until, kind)
        if how != "unserved":
            yield Observation("submit_service", message, domains, sent, until, kind)
    yield from stages(message, how)


def stages(message, how):
    """Stages that were answered positively, and those that waited for an answer at the end."""
    failed_at = {getattr(result, "stage", "end-of-data") for result in message.results}
    for stage, us in message.stages:
        if how != "accepted" and stage in failed_at:
            break
        yield from of_stage(message, stage, us, message.done, "values")
    if message.unanswered:
        kind = "failed" if message.unanswered.how == "failed" else "censored"
        for stage, us in message.unanswered.stages:
            yield from of_stage(message, stage, us, message.unanswered.at, kind)


def of_stage(message, stage, us, at, kind):
    if stage != "quit":
        name = "stage_" + stage.replace("-", "_")
        yield Observation(name, message, [], at - us * 1000, at, kind)


def of_probe(ledger, probe):
    message, place = probe.message, [probe.domain]
    taken, accepted, first = probe.taken(), probe.accepted(), probe.first_attempt()
    # A refusal, a bounce, or the drop of mail without a sender is an answer.
    unanswered = probe.no_answer() is not None or message.done is None
    answerable = accepted is not None or unanswered
    owed = answerable and probe.given_up() is None

    def seen(metric, start, end, without=("censored", ledger.close)):
        if end is not None:
            return Observation(metric, message, place, start, end)
        return Observation(metric, message, place, start, without[1], without[0])

    if owed or (taken is not None and answerable):
        # The target cannot have what never was whole, and nothing sends it again.
        never = probe.no_answer() == "failed" and not probe.results["indeterminate"]
        without = ("failed", message.done) if never else ("censored", ledger.close)
        yield seen("e2e_response", message.due, taken, without)
    if accepted is None:
        return
    if owed or first is not None:
        yield seen("queue_time", accepted, first)
    if owed or taken is not None:
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
                self.all[key].enter(it)

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
    values, censored, failed = samples.micros()
    everything = values + censored + failed
    open_count = len(censored) + len(failed)
    beyond = 0 if simulated else sum(us > TOP_US for us in everything)
    found = {
        "unit": "us", "count": len(values), "censored": open_count, "failed": len(failed),
        "overflow": beyond, "min": None, "mean": None, "max": None, "too_few": [], "at_least": [],
    }  # fmt: skip
    found |= {name: None for name in SHARES}
    found["hdr"] = Encoded(samples.slots())
    found["hdr_censored"] = Encoded(samples.slots(without_end=True)) if open_count else ""
    if not everything:
        return found
    # A simulation rounds its nanoseconds later than a run does.
    grain = 1.0 if simulated else 0.0
    least = min(values or failed or censored)
    youngest = min(censored, default=least)
    if youngest < least or not values:
        found["at_least"].append("min")
    found["min"] = Near(min(least, youngest), 0.0, grain)
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
    if open_count or beyond:
        found["at_least"] += ["mean", "max"]
    return found


class Encoded:
    """A histogram that must hold exactly these samples."""

    def __init__(self, counts):
        self.counts, self.shown = counts, "the samples' own histogram"

    def __call__(self, seen):
        return bool(seen) and decode(seen) == self.counts
