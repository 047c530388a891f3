"""Recovery: from the end of a fault window or an act of chaos until the backlog is as before.

As before: at most the highest backlog of the calm minute before, at least five. Calm is time in which
no earlier disturbance is in force or not recovered from. A rise above that for less than a second is
no relapse; the next disturbance settles what came before it.
"""

from types import SimpleNamespace

from backlog import outages
from compare import exact
from ledger import NS

MINUTE, LEAST_CALM, FLOOR, STANDING = 60 * NS, NS, 5, NS


def disturbances(ledger):
    start = ledger.measured_from
    found = [("fault", rule["name"], start + s, start + e) for s, e, rule in ledger.scenario.windows()]
    found += [("chaos", it.what, it.at, it.back) for it in outages(ledger)]
    return [
        SimpleNamespace(kind=kind, name=name, start=s, end=e, band=None, before=0, calm=0, peak=0,
                        back=None, above=None, settled=None)
        for kind, name, s, e in sorted(found, key=lambda it: it[2])
    ]  # fmt: skip


def segments(curve, cuts, close):
    """Stretches of one level with nothing beginning or ending inside."""
    times = sorted({0, close} | {t for t in list(curve.times) + cuts if 0 < t < close})
    for start, end in zip(times, times[1:]):
        yield start, end, curve.at(start)


def recoveries(ledger, curve):
    watched = disturbances(ledger)
    cuts = [t for it in watched for t in (it.start, it.end, it.start - MINUTE) if t is not None]
    cuts.append(min(ledger.warm_up_from, ledger.measured_from))
    close = ledger.close
    for start, end, level in segments(curve, cuts, close) if watched else []:
        for place, it in enumerate(watched):
            if it.start == start:
                begin(watched, place, start, curve.at(start - 1) if start else 0)
        calm = start >= cuts[-1] and not any(is_disturbed(it) for it in watched)
        for it in watched:
            if it.band is not None:
                follow(it, start, end, level)
            elif calm and start >= it.start - MINUTE:
                it.before, it.calm = max(it.before, level), it.calm + end - start
    for it in watched:
        if it.start < close:
            yield facts(ledger, it)


def begin(watched, place, now, level):
    for it in watched[:place]:
        if it.settled is None and it.end is not None and it.end <= now:
            it.settled = it.back
    it = watched[place]
    known = it.calm >= LEAST_CALM
    earlier = watched[place - 1].band if place else None
    it.band = max(it.before, FLOOR) if known else (earlier or FLOOR)
    it.peak = level


def is_disturbed(it):
    return it.band is not None and it.settled is None and it.back is None


def follow(it, start, end, level):
    if it.settled is not None:
        return
    it.peak = max(it.peak, level)
    if it.end is None or start < it.end:
        return
    if level <= it.band:
        it.above = None
        it.back = start if it.back is None else it.back
        return
    it.above = start if it.above is None else it.above
    if end - it.above >= STANDING:
        it.back = None


def facts(ledger, it):
    zero, close = ledger.measured_from, ledger.close
    end = it.end if it.end is not None and it.end <= close else None
    back = it.settled if it.settled is not None else it.back
    back = back if end is not None else None
    until = back if back is not None else close
    return {
        "kind": it.kind,
        "name": it.name,
        "from_s": exact((it.start - zero) / NS),
        "to_s": None if end is None else exact((end - zero) / NS),
        "band": it.band if it.band is not None else FLOOR,
        "backlog_peak": it.peak,
        "recovery_time_s": exact(0.0 if end is None else max(until - end, 0) / NS),
        "at_least": back is None,
    }


def longest(found):
    """The longest, and whether it is a lower bound: one that had not ended may be longer."""
    if not found:
        return {"recovery_time_max_s": None, "recovery_time_max_at_least": False}
    return {
        "recovery_time_max_s": exact(max(it["recovery_time_s"].value for it in found)),
        "recovery_time_max_at_least": any(it["at_least"] for it in found),
    }
