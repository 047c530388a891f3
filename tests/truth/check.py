"""Reads the journal of a run anew and holds its report.json against it.

    python3 tests/truth/check.py MAILBENCH RUN...

Prints one line a difference and ends with 1 if there was any. What is not recomputed is listed, with
the reason, in LEFT_OUT; a figure in neither place is a difference.
"""

import json
import os
import sys

import closed
import disk
import flows
import plan as plans
import sides
from compare import differences
from figures import Figures
from journal import read
from judgement import Judgement
from ledger import Ledger
from scenario import Scenario
from series import log_differs, rows_differ

LEFT_OUT = {
    "tool.*": "who judged",
    "target.address": "where it took mail",
    "target.kind": "what the target said of itself",
    "target.version": "what the target said of itself",
    "environment*": "the machine",
    "closed_model.corrected_submit_response.doubtful*": "see doubts()",
    "closed_model.corrected_submit_response.hdr*": "its percentiles are recomputed",
    "closed_model.corrected_submit_response.m*": "its percentiles are recomputed",
    "scenario": "the scenario's text, which is read here itself",
    "faults*.action": "words for people",
    "chaos*.detail": "words for people",
    "replies*.example": "one of several texts",
    "health*": "the instrument about itself: see health.py",
    "latency*.doubtful*": "the instrument's own errors: see doubts()",
    "destinations*.latency*.doubtful*": "the instrument's own errors: see doubts()",
    "thresholds*.reason": "words for people",
    "correctness.violations*": "evidence in words; their classes are counts",
    "thresholds*.line": "a place in the scenario file as written",
    "resources.target.not_readable*": "words for people",
    "sizing*.name": "words for people",
    "sizing.limited_by": "words for people",
    "queue.connection_attempts.not_known": "words for people",
    "warnings*": "words for people",
    "verdict.reasons*.message": "words for people",
}


def load(program, folder):
    simulated = os.path.exists(os.path.join(folder, "journal.simulated.bin"))
    name = "journal.simulated.bin" if simulated else "journal.bin"
    path = os.path.join(folder, "scenario.toml")
    events, scenario = read(os.path.join(folder, name)), Scenario(path)
    offered = [event for event in events if event.kind == "offered"]
    # A closed load has no end of its own; a session may have had its next message ready.
    most = len(offered) + scenario.sessions if scenario.load["model"] == "closed" else None
    plan = plans.ask(program, path, most)
    ledger = Ledger(events, scenario, lambda probe: plan.route[probe])
    return Figures(ledger, plan, simulated)


def expected(figures, report):
    ledger = figures.ledger
    everything = ledger.probes.values()
    counts, outside = figures.counts(figures.measured), flows.wrong_outside(ledger, everything)
    counts |= {
        "phantom": ledger.phantoms, "dsn_unmatched": ledger.unmatched_dsns,
        "foreign": ledger.foreign, "auto_replies": ledger.auto_replies,
        "dsn_non_null_sender": ledger.with_sender, "outside_connections": ledger.outside,
    }  # fmt: skip
    queue, destinations = figures.queue(), list(figures.destinations())
    places = {place["domain"]: place for place in destinations}
    rates, resources = flows.rates(ledger, everything), figures.resources()
    bounded = counts | {name: counts[name] + count for name, count in outside.items()}
    judgement = Judgement(figures, (bounded, rates), places, queue, report["health"])
    thresholds = list(judgement.thresholds(report["thresholds"]))
    return {
        "schema_version": 2,
        "run": figures.run(figures.scenario.text),
        "target": {"died": figures.died()},
        "load": figures.load(),
        "counts": counts,
        "counts_outside_period": outside,
        "rates": rates,
        "latency": figures.book.facts(figures.simulated),
        "queue": queue,
        "destinations": destinations,
        "faults": list(figures.faults()),
        "chaos": list(figures.chaos()),
        "disk": disk.facts(figures),
        "abuse": sides.abuse(figures),
        "closed_model": closed.facts(figures),
        "retry_curve": list(figures_retry(figures)),
        "replies": list(figures.replies()),
        "correctness": {
            "verdict": judgement.correctness(),
            "changes": list(ledger.content_changes()),
        },
        "thresholds": thresholds,
        "resources": resources,
        "sizing": figures.sizing(resources),
        "verdict": judgement.verdict(thresholds),
    }


def figures_retry(figures):
    from backlog import retry_curve

    return retry_curve(figures.ledger)


def check(program, folder):
    return held_against(load(program, folder), folder)


def doubts(report):
    """A figure in doubt lies between what it may be; an inconclusive threshold says why."""
    found, places = [], [report] + report["destinations"]
    for metric, it in (pair for place in places for pair in place["latency"].items()):
        for doubt in it.get("doubtful", []):
            value = it[doubt["stat"]]
            if not doubt["least"] <= value + 1 or not value <= doubt["most"] + 1:
                found.append(f"{metric}.{doubt['stat']}: {value} is not within {doubt}")
    for it in report["thresholds"]:
        if it["status"] == "inconclusive" and (it["ok"] or not it.get("reason")):
            found.append(f"{it['expr']}: inconclusive, and met or without a reason")
    return found


def held_against(figures, folder):
    """What of a folder's files differs from these figures, and how many were compared."""
    with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
        report = json.load(file)
    found, compared = differences(report, expected(figures, report), LEFT_OUT)
    found += doubts(report)
    for differ, name in ((rows_differ, "timeseries.csv"), (log_differs, "latency.hlog")):
        more, count = differ(os.path.join(folder, name), figures)
        found, compared = found + more, compared + count
    return found, compared


def main(program, folders):
    wrong = 0
    for folder in folders:
        found, compared = check(program, folder)
        print(f"{folder}: {compared} figures recomputed, {len(found)} differ")
        for line in found:
            print(f"  {line}")
        wrong += len(found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
