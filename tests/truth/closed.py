"""What a closed load hides: HdrHistogram's correction for coordinated omission, from single values.

A reply that took longer than a session needs from one message to the next kept others from being sent:
they would have met it one interval later each.
"""

from compare import Near
from histogram import NEEDS, SHARES, Samples
from scenario import span


def facts(figures):
    scenario = figures.scenario
    if scenario.load["model"] != "closed":
        return None
    samples = figures.book.samples("submit_response")
    median, _ = samples.rank(0.5) if len(samples) >= NEEDS["p50"] else (None, None)
    think = scenario.load.get("think_time", "0s")
    if median is None or isinstance(think, dict):
        return None
    interval = max(median + span(think) // 1000, 1)
    corrected = Samples()
    for name in ("values", "censored"):
        for ns in getattr(samples, name):
            left = ns
            while left >= interval * 1000 or left == ns:
                getattr(corrected, name).append(left)
                left -= interval * 1000
                if left < interval * 1000:
                    break
    corrected.failed = list(samples.failed)
    return {
        "expected_interval_us": Near(interval, 2e-3, 1),
        "omitted": Near(len(corrected) - len(samples), 0.01, 2),
        "corrected_submit_response": stated(corrected),
    }


class Between:
    """Between the order statistics of nearby ranks."""

    def __init__(self, samples, share):
        self.low = 0.998 * samples.rank(max(share - 0.005, 0.0))[0]
        self.high = 1.002 * samples.rank(min(share + 0.005, 1.0))[0]
        self.shown = f"{self.low:.0f} to {self.high:.0f}"

    def __call__(self, seen):
        return seen is not None and self.low <= seen <= self.high


def stated(samples):
    """Within half a per cent of the ranks: mailbench corrects the slots of its histogram."""
    values, censored, failed = samples.micros()
    open_count = len(censored) + len(failed)
    found = {
        "unit": "us", "count": Near(len(values), 0.01, 2), "censored": Near(open_count, 0.01, 2),
        "failed": len(failed), "overflow": 0, "too_few": [], "at_least": [],
        "max": Near(max(values + censored + failed), 2e-3),
    }  # fmt: skip
    for name, share in SHARES.items():
        enough = len(samples) >= NEEDS[name]
        found[name] = Between(samples, share) if enough else None
        found["too_few"] += [] if enough else [name]
        found["at_least"] += [name] if enough and samples.rank(share)[1] else []
    found["at_least"] += ["mean", "max"] if open_count else []
    return found
