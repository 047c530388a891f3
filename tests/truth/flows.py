"""Rates inside the measured period, goodput, connections, bursts, fairness, headroom.

A rate is of events inside the measured period, whatever mail they are about; goodput is of the mail of
the period, over the period and the drain that it needed.
"""

import math
import statistics

import backlog
from compare import Near, exact
from ledger import NS, PREFLIGHT, VIOLATIONS

FLOWS = ["offered", "accepted", "refused", "indeterminate", "delivered", "bounced", "deferred"]
# Means of destinations within a millisecond are alike; fewer recipients than this say too little.
ALIKE_US, LEAST = 1000.0, 10


def rates(ledger, probes):
    """Events a second inside the measured period, by name; and goodput."""
    start, stop = ledger.measured_from, ledger.load_stop
    if stop <= start:
        return {}
    events = {name: [] for name in FLOWS}
    for probe in probes:
        done = probe.message.done
        events["offered"].append(probe.message.due)
        events["accepted"].append(probe.accepted())
        events["delivered"].append(probe.taken())
        events["bounced"].append(min(probe.bounces, default=None))
        if probe.results and probe.answer in ("refused", "indeterminate"):
            events[probe.answer].append(done)
        events["deferred"] += [it.ended for it in probe.attempts if it.outcome == "deferred"]
    seconds = (stop - start) / NS
    found = {
        name: exact(sum(at is not None and start <= at < stop for at in times) / seconds)
        for name, times in events.items()
    }
    found["goodput"] = exact(goodput(ledger, probes))
    return found


def goodput(ledger, probes):
    mine = [probe for probe in probes if ledger.is_measured(probe.message.due)]
    taken = [probe.taken() for probe in mine if probe.taken() is not None]
    waits = any(p.taken() is None and p.cls in ("pending", "unaccounted") for p in mine)
    last = ledger.close if waits else max(taken, default=ledger.load_stop)
    return len(taken) / ((max(last, ledger.load_stop) - ledger.measured_from) / NS)


def wrong_outside(ledger, probes):
    """Of probes due outside the measured period: violations, and what leaves one undecided."""
    outside = [p for p in probes if not ledger.is_measured(p.message.due)]
    found = {}
    for name in VIOLATIONS + ["pending", "unaccounted"]:
        found[name] = sum(probe.cls == name for probe in outside)
    found |= amiss(outside)
    found["duplicates_unexcused"] = sum(probe.copies["unexcused"] for probe in outside)
    found["unconfirmed"] = sum(
        probe.cls == "unconfirmed" and probe.verdict == "unknown" for probe in outside
    )
    return {name: count for name, count in found.items() if count}


def amiss(probes):
    """Envelopes that are neither as sent, nor declared, nor standard practice; undeclared copies."""
    return {
        "readdressed_violations": sum("addressed_amiss" in it.marks for it in probes),
        "copied_violations": sum(not known for it in probes for known in it.copied.values()),
    }


def fairness(latencies):
    """Jain's index of speeds, 1 over mean end-to-end time, of destinations without a fault."""
    enough = [it for it in latencies if it["count"] + it["censored"] >= LEAST]
    speeds = [1 / max(it["mean"].value, ALIKE_US) for it in enough if it["mean"] is not None]
    if len(speeds) < 2:
        return None
    return Near(sum(speeds) ** 2 / (len(speeds) * sum(x * x for x in speeds)), 1e-3)


def expected_peak(mean, count):
    """E[max] of so many independent Poisson counts: the sum of P(max > k)."""
    total, below, k = 0.0, 0.0, 0
    while True:
        below = min(below + math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)), 1.0)
        exceeds = 1.0 - below**count
        total += exceeds
        if k > mean and exceeds < 1e-9:
            return total
        k += 1


def herd(ledger):
    """Transactions after the last fault healed, in tenths of a second."""
    healed, width = backlog.healed(ledger), NS // 10
    if healed is None:
        return None
    length = min(backlog.longest_configured(ledger), max(ledger.close - healed, 0))
    counts, seen = [0] * min(length // width, 36_000), set()
    for event in ledger.of("attempt"):
        if event.probe >= PREFLIGHT or event.started < healed:
            continue
        probe = ledger.probes.get(event.probe)
        key = event.session, probe and probe.message.number, event.number
        if key in seen:
            continue
        seen.add(key)
        place = (event.started - healed) // width
        if place < len(counts):
            counts[place] += 1
    if len(counts) < 10 or sum(counts) < 10:
        return None
    mean = sum(counts) / len(counts)
    return {
        "over_s": exact(len(counts) / 10),
        "peak_per_s": exact(max(counts) * 10.0),
        "index": Near(max(counts) / expected_peak(mean, len(counts)), 1e-6),
        "peak_to_mean": exact(max(counts) / mean),
        "fano": exact(statistics.pvariance(counts) / mean),
    }


def connections(ledger):
    """Connections that the target tried, from the measured period to the close."""
    if ledger.scenario.kind == "direct":
        return None
    start, close = ledger.measured_from, ledger.close
    sessions = [e for e in ledger.of("session") if start <= e.at <= close]
    accepted = sum(e.change.kind == "opened" for e in sessions)
    turned = sum(e.change.kind == "turned-away" for e in sessions)
    refused = 0
    if any(event.closed_by is not None for event in ledger.of("port")):
        logged = list(ledger.of("refused-connections"))
        refused = logged[-1].count if logged else None
    delivered = sum(
        p.taken() is not None and p.taken() >= start for p in ledger.probes.values()
    )
    count = None if refused is None else accepted + turned + refused
    return {
        "count": count,
        "per_delivery": None if count is None or not delivered else exact(count / delivered),
        "accepted": accepted,
        "turned_away": turned,
        "refused": refused,
    }


def sustained(ledger, curve):
    """Whether the target kept up: it took in what was offered, and the backlog did not grow."""
    start, stop = ledger.measured_from, ledger.load_stop
    inside = [p for p in ledger.probes.values() if start <= p.message.due < stop]
    taken = [p for p in ledger.probes.values() if p.accepted() is not None]
    accepted = sum(start <= p.accepted() < stop for p in taken)
    quarter = (stop - start) // 4
    third = curve.mean(start + 2 * quarter, start + 3 * quarter)
    last = curve.mean(start + 3 * quarter, stop)
    offered = len(inside)
    return offered - accepted <= 0.05 * offered + 10 and last - third <= 0.05 * offered / 4 + 10
