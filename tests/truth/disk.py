"""The disk under the target's queue: what each power cut found open, and what became of it."""

from compare import Near, exact


def facts(figures):
    ledger = figures.ledger
    seen = [event.seen for event in ledger.of("disk")]
    ready = [it for it in seen if it.kind == "ready"]
    if not ready:
        return None
    flushes = [it.flushes for it in seen if it.kind == "counted"]
    flushes = max(flushes, default=0) - min(flushes, default=0)
    probes = list(ledger.probes.values())
    accepted = sum(probe.accepted() is not None for probe in probes)
    flaws = [it.flaw for it in ready if it.flaw] + [it.why for it in seen if it.kind == "failed"]
    return {
        "filesystem": ready[0].filesystem,
        "flaws": flaws,
        "flushes": flushes,
        "flushes_per_accepted": Near(flushes / accepted, 1e-9) if accepted else None,
        "memory_most_bytes": max((it.memory_most for it in seen if it.kind == "counted"), default=0),
        "cuts": list(cuts(ledger, probes, seen)),
    }


def cuts(ledger, probes, seen):
    events = [e for e in ledger.of("target") if e.change.kind == "power-lost"]
    checks = [it.flaw for it in seen if it.kind == "checked"]
    times = [event.at for event in events]
    for number, event in enumerate(events):
        tally = {"acknowledged": 0, "open": 0, "lost": 0}
        for probe in probes:
            enter(probe, number, times, tally)
        yield {
            "at_s": exact((event.at - ledger.measured_from) / 1e9),
            "keep": event.change.keep,
            "unflushed": event.change.unflushed,
            "kept": event.change.kept,
            "filesystem_flaw": checks[number] if number < len(checks) else None,
            **tally,
        }  # fmt: skip


def enter(probe, number, times, tally):
    accepted = probe.accepted()
    if accepted is None:
        return
    first = next((n for n, at in enumerate(times) if at >= accepted), None)
    if first is None or number < first:
        return
    lost = probe.cls == "lost"
    ends = [at for at in (probe.taken(), probe.given_up()) if at is not None]
    still = all(end > at for end in ends for at in times[first : number + 1])
    tally["acknowledged"] += number == first
    tally["lost"] += lost and number == first
    tally["open"] += number == first if lost else still
