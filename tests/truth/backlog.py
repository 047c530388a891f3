"""The queue: the backlog at the resolution of single events, attempts, retries."""

import math
from bisect import bisect_right
from collections import defaultdict
from types import SimpleNamespace

from compare import exact
from ledger import NS, PREFLIGHT
from scenario import span

# A pause below this share of the least one allowed is early; one this much later than the latest
# that never came is missed.
EARLY, OVERDUE = 0.98, 2.0


class Curve:
    """How many are there at each time: spans that begin and end."""

    def __init__(self, spans):
        changes = defaultdict(int)
        for start, end in spans:
            if end is None or end > start:
                changes[start] += 1
                if end is not None:
                    changes[end] -= 1
        self.times = sorted(changes)
        self.levels, level = [], 0
        for time in self.times:
            level += changes[time]
            self.levels.append(level)

    def at(self, time):
        place = bisect_right(self.times, time)
        return self.levels[place - 1] if place else 0

    def steps(self, start, end):
        yield start, self.at(start)
        for time, level in zip(self.times, self.levels):
            if start < time < end:
                yield time, level

    def peak(self, start, end):
        return max(self.steps(start, end), key=lambda step: (step[1], -step[0]))

    def mean(self, start, end):
        if end <= start:
            return 0.0
        steps = list(self.steps(start, end)) + [(end, 0)]
        area = sum(level * (then - at) for (at, level), (then, _) in zip(steps, steps[1:]))
        return area / (end - start)

    def end(self):
        return self.times[-1] if self.times else None

    def is_empty_at_last(self):
        return not self.levels or self.levels[-1] == 0


def owed(ledger):
    """From acceptance to delivery or return, for every accepted recipient."""
    for probe in ledger.probes.values():
        if probe.accepted() is not None:
            ends = [end for end in (probe.taken(), probe.given_up()) if end is not None]
            yield probe.accepted(), min(ends, default=None)


def backlog(ledger):
    curve = Curve(owed(ledger))
    curve.any = any(probe.accepted() is not None for probe in ledger.probes.values())
    return curve


def in_flight(ledger):
    return Curve((message.offered, message.done) for message in ledger.messages.values())


def outages(ledger):
    """What was done to the target: kind, when, when it could be back and when it was."""
    found, stopped = [], None
    for event in ledger.of("target"):
        change, at = event.change, event.at
        if change.kind == "stopped":
            stopped = at
        if change.kind in ("killed", "paused", "power-lost"):
            names = {"killed": "kill", "paused": "pause", "power-lost": "power_cut"}
            what = names[change.kind]
            found.append(SimpleNamespace(what=what, at=at, back_from=None, back=None))
        if change.kind == "disk-fault" and change.on:
            found.append(SimpleNamespace(what=change.act, at=at, back_from=None, back=None))
        elif change.kind == "disk-fault":
            last = next((it for it in reversed(found) if it.what == change.act), None)
            if last is not None:
                last.back_from = last.back = at
        if change.kind == "starting":
            if stopped is not None:
                found.append(SimpleNamespace(what="restart", at=stopped, back_from=None, back=None))
                stopped = None
            if found:
                found[-1].back_from = at
        if change.kind == "ready" and found:
            found[-1].back = at
        if change.kind == "resumed" and found:
            found[-1].back_from = found[-1].back = at
        if change.kind == "hook":
            end = at + change.took_us * 1000
            found.append(SimpleNamespace(what="run", at=at, back_from=None, back=end))
    return found


def healed(ledger):
    """When the last fault window or outage was over."""
    ends = [ledger.measured_from + end for _, end, _ in ledger.scenario.windows()]
    # One that the run does not see the end of never heals.
    ends = [end for end in ends if end <= ledger.close]
    ends += [it.back for it in outages(ledger) if it.what != "run" and it.back is not None]
    return max(ends, default=None)


def gaps(ledger):
    """Pauses from the end of an attempt that calls for another to the start of the next; no closed
    port may lie between. Also what was owed an attempt at the close."""
    attempts = [event for event in ledger.events if event.kind in ("attempt", "port")]
    found, owed_now, closed = [], {}, set()
    for event in attempts:
        if event.kind == "port":
            place = event.destination
            if event.closed_by is None:
                closed.discard(place)
                continue
            closed.add(place)
            hit = [n for n, it in owed_now.items() if place is None or it.destination == place]
            for number in hit:
                del owed_now[number]
            continue
        if event.probe >= PREFLIGHT:
            continue
        last = owed_now.pop(event.probe, None)
        probe = ledger.probes.get(event.probe)
        if last is not None and probe is not None:
            start = max(event.started, last.ended)
            found.append(
                SimpleNamespace(probe=probe, attempt=last.number, start=start, end=last.ended)
            )
        shut = None in closed or event.destination in closed
        if event.outcome in ("deferred", "broken", "withheld") and not shut:
            owed_now[event.probe] = event
    ledger.gaps, ledger.owed_now = found, owed_now


def retry_curve(ledger):
    scenario, by_attempt = ledger.scenario, defaultdict(lambda: ([], []))
    for gap in ledger.gaps:
        if ledger.is_measured(gap.probe.message.due):
            by_attempt[gap.attempt][0].append((gap.start - gap.end) / NS)
    for number, attempt in ledger.owed_now.items():
        probe = ledger.probes.get(number)
        if probe is None or not ledger.is_measured(probe.message.due):
            continue
        late = (ledger.close - attempt.ended) / NS > scenario.wait(attempt.number)[1] + OVERDUE
        accepted = probe.accepted()
        waiting = (
            accepted is not None and probe.taken() is None and probe.given_up() is None
            and (ledger.close - accepted) / NS < scenario.give_up()
        )  # fmt: skip
        if late and waiting and scenario.told_waits:
            by_attempt[attempt.number][1].append(number)
    for attempt in sorted(by_attempt):
        pauses, missed = by_attempt[attempt]
        pauses.sort()
        least = scenario.wait(attempt)[0] * EARLY if scenario.told_waits else 0.0
        yield {
            "attempt": attempt,
            "configured_s": exact(scenario.delay(attempt)) if scenario.told_waits else None,
            "count": len(pauses),
            "p5_s": ranked(pauses, 0.05),
            "p50_s": ranked(pauses, 0.5),
            "p95_s": ranked(pauses, 0.95),
            "early": sum(pause < least for pause in pauses),
            "missed": len(missed),
        }


def ranked(ordered, share):
    from compare import Near

    if not ordered:
        return 0.0
    return Near(ordered[max(math.ceil(share * len(ordered)), 1) - 1], 1e-3, 2e-6)


class Attempts:
    """Attempts for each delivered recipient of the measured period."""

    def __init__(self, probes):
        self.delivered = [len(p.attempts) for p in probes if p.taken() is not None]
        self.all = sum(len(p.attempts) for p in probes)

    def mean(self):
        return exact(sum(self.delivered) / len(self.delivered)) if self.delivered else None

    def most(self):
        return max(self.delivered, default=None)

    def amplification(self):
        return exact(self.all / len(self.delivered)) if self.delivered else None


def longest_configured(ledger):
    """The longest wait, jitter included, as the scenario has it; nanoseconds."""
    return round(ledger.scenario.longest() * (1 + ledger.scenario.jitter()) * NS)


def drain_from(ledger):
    return max(healed(ledger) or 0, ledger.load_stop)


def drain_time(ledger, curve):
    """From the end of the load, or of the last fault if that is later, to an empty backlog."""
    if not curve.any or not curve.is_empty_at_last():
        return None
    last = curve.end()
    return 0.0 if last is None else exact(max(last - drain_from(ledger), 0) / NS)
