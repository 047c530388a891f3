"""Before and during: what a fault elsewhere, or bad clients, cost mail that they are not about."""

from collections import Counter

from compare import Near, exact
from histogram import Samples
from latency import facts
from scenario import span


def windows(figures, rules):
    start = figures.ledger.measured_from
    for rule in rules:
        if "during" in rule:
            yield [start + span(edge) for edge in rule["during"].split("..")]


def side_of(due, held):
    """1: due while one held; 0: before any did."""
    if any(start <= due < end for start, end in held):
        return 1
    return 0 if all(due < start for start, _ in held) else None


def ratio(one, other):
    """The later over the earlier, and whether it is a lower or an upper bound of the true one."""
    (before, low), (during, high) = one, other
    if low and high:
        return None, None
    mark = "at_least" if high else "at_most" if low else None
    return Near(during.value / max(before.value, 1), 2e-3), mark


def marked(found, marks):
    for name in ("at_least", "at_most"):
        found[name] = [figure for figure, mark in marks if mark == name]
    return found


def stat(samples, name):
    found = facts(samples, False)
    return found[name], name in found["at_least"]


def isolation(figures):
    """End-to-end p99 of destinations without a fault: due in a window, and before any."""
    held = list(windows(figures, figures.scenario.faults))
    if not held:
        return None
    healthy, sides = set(figures.healthy()), (Samples(), Samples())
    for it in figures.book.seen:
        due = it.message.due
        if it.metric == "e2e_response" and it.domains[0] in healthy:
            if figures.ledger.is_measured(due) and side_of(due, held) is not None:
                sides[side_of(due, held)].enter(it)
    before, during = (stat(side, "p99") for side in sides)
    if before[0] is None or during[0] is None:
        return None
    inflation, mark = ratio(before, during)
    found = {"before_p99_us": before[0], "during_p99_us": during[0], "inflation": inflation}
    marks = [("before_p99_us", before[1] and "at_least"), ("during_p99_us", during[1] and "at_least")]
    return marked(found, marks + [("inflation", mark)])


def abuse(figures):
    rules = figures.scenario.toml.get("abuse", [])
    if not rules:
        return None
    return {"profiles": list(profiles(figures, rules)), "honest": honest(figures, rules)}


def profiles(figures, rules):
    for number, rule in enumerate(rules):
        ends = [e for e in figures.ledger.of("abused") if e.profile == number]
        kinds, held = Counter(e.end.kind for e in ends), [e.held_us for e in ends]
        window = rule.get("during")
        yield {
            "name": rule["name"], "kind": rule["kind"], "at_once": rule["sessions"],
            "during_s": window and [exact(span(edge) / 1e9) for edge in window.split("..")],
            "sessions": len(ends), "unconnected": kinds["unconnected"],
            "refused": kinds["refused"], "cut_off": kinds["cut-off"],
            "tolerated": kinds["tolerated"],
            "held_mean_us": Near(sum(held) // max(len(held), 1), 0, 1),
            "held_max_us": max(held, default=0),
        }  # fmt: skip


def honest(figures, rules):
    """Mail of our own before any bad client came and while some were there."""
    if not all("during" in rule for rule in rules):
        return None
    held, ledger = list(windows(figures, rules)), figures.ledger
    samples, probes = (Samples(), Samples()), ([], [])
    for it in figures.book.seen:
        due = it.message.due
        if it.metric == "submit_response" and ledger.is_measured(due):
            if side_of(due, held) is not None:
                samples[side_of(due, held)].enter(it)
    for probe in figures.measured:
        if side_of(probe.message.due, held) is not None:
            probes[side_of(probe.message.due, held)].append(probe)
    if not probes[0] or not probes[1]:
        return None
    found, marks = {}, []
    for which in ("p50", "p99"):
        for name, own in zip(("before", "during"), samples):
            value, bound = stat(own, which)
            found[f"{name}_{which}_us"] = value
            marks.append((f"{name}_{which}_us", bound and "at_least"))
    for name, own in zip(("before", "during"), probes):
        found[f"{name}_unaccepted"] = exact(sum(p.accepted() is None for p in own) / len(own))
    one, other = (stat(own, "p99") for own in samples)
    found["inflation_p99"], mark = (None, None) if None in (one[0], other[0]) else ratio(one, other)
    return marked(found, marks + [("inflation_p99", mark)])
