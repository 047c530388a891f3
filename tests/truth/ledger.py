"""What became of every probe, by the rules of the ledger (docs/journal.md, RFC 5321, RFC 1047).

A probe is one recipient of one message; its number is that of the message plus its place.
"""

from collections import Counter, defaultdict
from types import SimpleNamespace

from envelopes import Declared, bare, placed, recipient_form, sender_form, took
from journal import ALTERING, CHANGES, DAMAGE

NS = 1_000_000_000
PREFLIGHT = 2**64 - 1 - 65_536
EMBEDDED = 2**48
# A FIN proves nothing from this long before the end of the target's process was noted to this long
# after it; a kill excuses a copy of what was received this long before it.
KILL_SKEW, KILL_WINDOW = NS // 10, NS

VIOLATIONS = [
    "smuggled", "misrouted", "delivered_before_end_of_data", "delivered_after_refusal",
    "corrupted", "altered", "bounced_and_delivered", "lost", "false_bounce",
]  # fmt: skip
CLASSES = VIOLATIONS + [
    "null_sender_discarded", "unaccounted", "pending", "bounced", "unconfirmed",
    "indeterminate_delivered", "indeterminate_not_delivered", "delivered", "refused", "not_sent",
]  # fmt: skip


class Probe:
    def __init__(self, number, message):
        self.number, self.message = number, message
        self.results = Counter()
        self.attempts, self.receptions, self.bounces = [], [], []
        self.marks = set()
        self.copied = {}

    def taken(self):
        """When the first copy answered 250 was whole."""
        return min((it.at for it in self.receptions if not it.withheld), default=None)

    def first_attempt(self):
        return min((it.started for it in self.attempts), default=None)

    def accepted(self):
        return self.message.done if self.results["accepted"] else None

    def given_up(self):
        """When the target was done with it without an arrival."""
        if self.bounces:
            return min(self.bounces)
        if self.cls == "null_sender_discarded":
            ends = [it.ended for it in self.attempts]
            return max(ends) if ends else self.message.done
        return None

    def no_answer(self):
        """Why the target did not answer for it: unserved, given-up, failed; None if it did."""
        if self.results["accepted"] or self.results["refused"] or not self.results:
            return None
        noted = self.message.unanswered
        if noted is not None:
            return noted.how
        return "given-up" if self.results["indeterminate"] else "failed"

    def owes_retry(self):
        """Whether its last attempt calls for another (RFC 5321 §4.5.4.1)."""
        latest = None
        for it in self.attempts:
            if latest is None or it.ended >= latest.ended:
                latest = it
        return latest is not None and latest.outcome in ("deferred", "broken", "withheld")


class Ledger:
    def __init__(self, events, scenario, route):
        """`route`: from a probe's number to its planned domain, and whether its sender is null."""
        self.events, self.scenario = events, scenario
        self.by_kind = defaultdict(list)
        for event in events:
            self.by_kind[event.kind].append(event)
        self.messages, self.probes = {}, {}
        self.phantoms, self.unmatched_dsns = 0, 0
        self.changes = Counter()
        self.outside = sum(event.seen.kind == "outside" for event in self.of("network"))
        self.run()
        self.offer()
        for probe in self.probes.values():
            probe.domain, probe.null_sender = route(probe.number)
        self.place()
        self.submit()
        self.receive()
        self.bounce()
        for probe in self.probes.values():
            self.judge(probe)

    def place(self):
        """Puts attempts for recipients that name no probe where they belong."""
        self.events, rest = placed(self)
        self.by_kind = defaultdict(list)
        for event in self.events:
            self.by_kind[event.kind].append(event)
        self.declared = Declared(self.scenario)
        # Refused with nothing that named it: a bounce has a reason.
        unnamed = {it.attempt.outcome for it in rest if it.message is None}
        self.unnamed_rejected = "rejected" in unnamed
        self.unnamed_put_off = bool(unnamed & {"deferred", "broken", "withheld"})
        self.apart = [it.attempt.ended for it in rest]
        for event in rest:
            if event.message is not None and took(event):
                self.judge_content(self.probes[event.bound[1]], event.attempt, {"attached"})
                copies = self.probes[event.bound[1]].copied
                copies.setdefault(bare(event.recipient), bare(event.recipient) in self.declared.copies)

    def of(self, kind):
        return iter(self.by_kind[kind])

    def run(self):
        """The course of the run: periods, the target's life, the queue as last reported."""
        self.facts = next(self.of("run"), None)
        starts = {event.period: event.at for event in self.of("period")}
        times = [when(event) for event in self.events]
        last = max((at for at in times if at is not None), default=0)
        self.complete = "closed" in starts
        self.close = starts.get("closed", last)
        self.load_stop = starts.get("drain", self.close)
        self.measured_from = starts.get("measured", self.load_stop)
        self.warm_up_from = starts.get("warm-up", 0)
        self.interrupted = any(self.of("interrupted"))
        self.kills, self.deaths, stopped = [], [], None
        self.power_cuts = set()
        for event in self.of("target"):
            change = event.change.kind
            if change == "power-lost":
                self.power_cuts.add(event.at)
            if change in ("killed", "power-lost"):
                self.kills.append(event.at)
            if change in ("killed", "power-lost", "died"):
                self.deaths.append(event.at)
            if change == "stopped":
                stopped = event.at
            if change == "starting" and stopped is not None:
                self.deaths.append(stopped)
                stopped = None
        self.measured_s = (self.load_stop - self.measured_from) / NS

    def offer(self):
        for event in self.of("offered"):
            if event.message >= PREFLIGHT:
                continue
            message = SimpleNamespace(
                number=event.message, recipients=event.recipients, due=event.due,
                offered=event.at, sent=None, done=None, rejected=False, stages=[], results=[],
                unanswered=None,
            )  # fmt: skip
            self.messages[event.message] = message
            message.probes = []
            for place in range(event.recipients):
                probe = Probe(event.message + place, message)
                self.probes[probe.number] = probe
                message.probes.append(probe)

    def submit(self):
        for event in self.of("unanswered"):
            if event.message in self.messages:
                self.messages[event.message].unanswered = event
        for event in self.of("submitted"):
            message = self.messages.get(event.message)
            if message is None:
                continue
            message.sent, message.done, message.stages = event.sent, event.done, event.stages
            message.results = event.results
            for probe, result in zip(message.probes, event.results):
                probe.results[result.kind] += 1

    def receive(self):
        confirmed = set()
        for event in self.of("confirmed"):
            near = (d - KILL_SKEW <= event.at <= d + KILL_WINDOW for d in self.deaths)
            if event.proof == "command" or not any(near):
                confirmed.add(event.reception)
        self.confirmed_receptions = confirmed
        strays, envelopes = [], {}
        for attempt in self.events:
            if attempt.kind == "readdressed":
                envelopes[attempt.session, attempt.probe] = attempt
            if attempt.kind != "attempt":
                continue
            if attempt.probe >= PREFLIGHT:
                continue
            whole = attempt.outcome in ("taken", "withheld")
            content = attempt.content.message if attempt.content else None
            probe = self.probes.get(attempt.probe)
            if probe is None:
                strays += [(attempt.probe, content)] if whole else []
                continue
            probe.attempts.append(attempt)
            envelope = envelopes.pop((attempt.session, attempt.probe), None)
            if attempt.outcome == "rejected":
                probe.marks.add("rejected")
                # Before any recipient was named it concerns all of them.
                probe.message.rejected |= attempt.stage in EARLY
            if whole and content is not None and content != probe.message.number:
                strays.append((attempt.probe, content))
            elif whole:
                self.take(probe, attempt, confirmed, envelope)
        for envelope, content in strays:
            self.stray(envelope, content)
        self.phantoms += sum(1 for _ in self.of("foreign"))

    def take(self, probe, attempt, confirmed, envelope):
        destination = attempt.destination
        domain = None if destination is None else self.scenario.domains[destination]
        self.address(probe, domain, envelope)
        self.judge_content(probe, attempt)
        withheld = attempt.outcome == "withheld"
        sure = not withheld and attempt.reception in confirmed
        probe.receptions.append(
            SimpleNamespace(at=attempt.ended, withheld=withheld, confirmed=sure)
        )

    def judge_content(self, probe, attempt, ignored=frozenset()):
        """Changes of the content of a reception of the probe, or of a copy beside it, which may be
        attached to another message."""
        changes = attempt.content.changes if attempt.content else []
        levels = {self.level(change) for change in changes if change not in ignored}
        probe.marks |= levels - {"permitted"}
        self.changes.update(changes)

    def address(self, probe, domain, envelope):
        """What the envelope of a reception says: misrouted, readdressed, and whether permitted."""
        form = recipient_form(probe.number, envelope.recipient) if envelope else "same"
        at_home = domain == probe.domain
        permitted = self.declared.permits_recipient(form, at_home)
        if form in ("same", "spelling") and not at_home and (domain is not None or not permitted):
            probe.marks.add("misrouted")
            return
        if envelope is None and at_home:
            return
        probe.marks.add("readdressed")
        if envelope is not None:
            message, seen = probe.message.number, envelope.reverse_path
            form = sender_form(message, probe.number, probe.null_sender, seen)
            permitted = permitted and self.declared.permits_sender(form)
        if not permitted:
            probe.marks.add("addressed_amiss")

    def level(self, change):
        """What a change of content amounts to under what the scenario declares."""
        if change in DAMAGE:
            return "corrupted"
        declared = self.scenario.changes
        permitted = {
            "subject-changed": declared["subject"] or declared["headers"] == "any",
            "header-rewritten": declared["headers"] == "any",
            "header-removed": declared["headers"] == "any",
            "footer-added": declared["footer"],
            "reencoded": declared["reencoded"],
        }.get(change, change not in ALTERING)
        return "permitted" if permitted else "altered"

    def content_changes(self):
        """Kinds of change, the worst first: how often each was received, and the first example."""
        first = {}
        for event in self.of("content-differs"):
            for it in event.differences:
                first.setdefault(it.change, vars(it))
        worst = ["corrupted", "altered", "permitted"]
        for change in sorted(self.changes, key=lambda it: (worst.index(self.level(it)), CHANGES.index(it))):
            example = first.get(change)
            yield {
                "kind": change,
                "level": self.level(change),
                "receptions": self.changes[change],
                "declaration": {
                    "subject-changed": "subject = true",
                    "header-rewritten": 'headers = "any"',
                    "header-removed": 'headers = "any"',
                    "footer-added": "footer = true",
                    "reencoded": "reencoded = true",
                }.get(change),
                "example": example and {k: example[k] for k in ("field", "sent", "arrived")},
            }

    def stray(self, envelope, content):
        """Mail whose envelope and content do not belong together, or to nobody."""
        for name in (envelope, content):
            if name is not None and EMBEDDED <= name < PREFLIGHT:
                carrier = self.probes.get(name - EMBEDDED)
                if carrier is None:
                    self.phantoms += 1
                else:
                    carrier.marks.add("smuggled")
                return
        message = self.messages.get(content)
        if message is None:
            self.phantoms += 1
            return
        without = (p for p in message.probes if not p.receptions and "misrouted" not in p.marks)
        seer = self.probes.get(envelope)
        (next(without, None) or seer or message.probes[0]).marks.add("misrouted")

    def bounce(self):
        unnamed = []
        for event in self.of("dsn"):
            self.unmatched_dsns += not event.recipients
            sole = self.messages.get(event.message)
            sole = sole.probes[0].number if sole and sole.recipients == 1 else None
            malformed = not event.null_sender or bool(event.flaws)
            for block in event.recipients:
                number = sole if block.probe is None else block.probe
                if number is not None and number >= PREFLIGHT:
                    continue
                probe = self.probes.get(number)
                if probe is not None:
                    self.returned(probe, event, block, malformed)
                elif number is None and event.message in self.messages:
                    unnamed.append((event, block, malformed))
                else:
                    self.unmatched_dsns += 1
        for event, block, malformed in unnamed:
            open = [it for it in self.messages[event.message].probes if not it.bounces]
            rejected = [it for it in open if "rejected" in it.marks]
            about = rejected or [it for it in open if not it.receptions]
            if about:
                self.returned(about[0], event, block, malformed)
            else:
                self.unmatched_dsns += 1
        self.notices()

    def returned(self, probe, event, block, malformed):
        """A block of a DSN about a recipient."""
        if block.action == "failed":
            probe.bounces.append(event.at)
        repeated = block.action == "failed" and len(probe.bounces) > 1
        # One failed block an obligation, never one to the null sender (RFC 5321 §4.5.5).
        if malformed or repeated or probe.null_sender:
            probe.marks.add("dsn_malformed")

    def notices(self):
        """What came back in no form for programs."""
        reports = list(self.of("notice"))
        failed = [it for it in reports if it.about != "auto-reply"]
        self.auto_replies = len(reports) - len(failed)
        self.foreign = sum(1 for _ in self.of("another-run"))
        self.with_sender = sum(not it.null_sender for it in [*self.of("dsn"), *failed])
        for event in failed:
            if event.message is not None and event.message >= PREFLIGHT:
                continue
            about = self.about(event)
            self.unmatched_dsns += not about
            for probe in about:
                probe.marks.add("dsn_nonstandard")
                if event.about == "failed":
                    probe.bounces.append(event.at)
                repeated = event.about == "failed" and len(probe.bounces) > 1
                if repeated or not event.null_sender or probe.null_sender:
                    probe.marks.add("dsn_malformed")

    def about(self, event):
        """Those it names, else the rejected, else the missing, else all."""
        message = self.messages.get(event.message)
        probes = message.probes if message else []
        choices = (
            [it for it in probes if it.number in event.recipients],
            [it for it in probes if "rejected" in it.marks],
            [it for it in probes if not it.receptions],
            probes,
        )
        return next((some for some in choices if some), [])

    # The judgement.

    def last_activity(self):
        times = [m.done for m in self.messages.values() if m.done is not None]
        times += [it.ended for p in self.probes.values() for it in p.attempts]
        times += [event.at for kind in ("dsn", "notice") for event in self.of(kind)]
        times += self.apart
        return max(times, default=0)

    def prove(self):
        """Whether the queue was proved empty, and its length as last reported."""
        if not hasattr(self, "proof"):
            reports = list(self.of("queue"))
            length = reports[-1].total if reports else None
            late = bool(reports) and reports[-1].at >= self.last_activity()
            direct = self.facts is not None and self.facts.target_kind == "direct"
            self.proof = self.complete and (direct or (length == 0 and late)), length
            closes = [self.close] if self.complete else [r.at for r in reports[-1:]]
            self.end = max(closes + [self.last_activity()])
            turned = (e.change for e in self.of("session") if e.change.kind == "turned-away")
            self.refused_all = any(c.reply and c.reply.code >= 500 for c in turned)
        return self.proof

    def queued(self, probe):
        """Whether the target's queue may hold it: yes, no, or None (nothing is known)."""
        proved, length = self.prove()
        if proved:
            return False
        if length:
            return True
        wait = self.scenario.longest_wait()
        if wait is None:
            return None
        if self.complete and self.outlived(probe, wait):
            return False
        last = max((it.ended for it in probe.attempts), default=0)
        return True if probe.owes_retry() and self.end < last + wait * NS else None

    def outlived(self, probe, margin=0.0):
        life, done = self.scenario.gives_up_after(), probe.message.done
        return life is not None and done is not None and self.end - done > (life + margin) * NS

    def expired(self, probe):
        put_off = any(it.outcome in ("deferred", "broken", "withheld") for it in probe.attempts)
        put_off = put_off or self.scenario.keeps_away() or self.unnamed_put_off
        life = self.scenario.gives_up_after()
        if life is None or not put_off:
            return put_off
        until = min(probe.bounces, default=self.end)
        slack = (self.scenario.longest_wait() or 0.0) * NS
        done = probe.message.done
        return done is not None and max(until - done, 0) + slack >= life * NS

    def judge(self, probe):
        self.prove()
        unknown = 0 if probe.results else 1
        ok, maybe = probe.results["accepted"], probe.results["indeterminate"] + unknown
        sure = sum(it.confirmed for it in probe.receptions)
        withheld = sum(it.withheld for it in probe.receptions)
        unsure = len(probe.receptions) - sure - withheld
        probe.queued = self.queued(probe)
        probe.cls = self.classify(probe, ok, maybe, sure, withheld, unsure)
        self.count_copies(probe, max(ok + maybe, 1), sure, withheld, unsure)
        undeclared = any(not known for known in probe.copied.values())
        if probe.cls in VIOLATIONS or undeclared or "addressed_amiss" in probe.marks:
            probe.verdict = "invalid"
        elif probe.cls in ("unaccounted", "pending"):
            probe.verdict = "unknown"
        elif probe.cls == "unconfirmed" and unsure == 0:
            probe.verdict = "unknown"
        else:
            probe.verdict = "valid"
        probe.answer = (
            "accepted" if ok else "indeterminate" if maybe
            else "refused" if probe.results["refused"] + probe.results["broken"] else "not_sent"
        )  # fmt: skip

    def classify(self, probe, ok, maybe, sure, withheld, unsure):
        received = bool(probe.receptions)
        bounced = bool(probe.bounces)
        refused = probe.results["refused"]
        rejected = "rejected" in probe.marks or probe.message.rejected or self.refused_all
        rejected = rejected or self.unnamed_rejected
        waits = (
            probe.queued and probe.owes_retry() and sure == unsure == 0 and not bounced
            and ok + maybe > 0
        )  # fmt: skip
        if "smuggled" in probe.marks:
            return "smuggled"
        if "misrouted" in probe.marks:
            return "misrouted"
        if received and ok + maybe == 0:
            return "delivered_after_refusal" if refused else "delivered_before_end_of_data"
        for level in ("corrupted", "altered"):
            if received and level in probe.marks:
                return level
        if bounced and sure:
            return "bounced_and_delivered"
        if ok and not received and not bounced and probe.queued is False:
            return "null_sender_discarded" if probe.null_sender and rejected else "lost"
        if ok and not received and not bounced:
            return "pending" if probe.queued else "unaccounted"
        if waits:
            return "pending"
        if bounced:
            return "bounced" if rejected or self.expired(probe) else "false_bounce"
        if ok and not sure:
            return "unconfirmed"
        if not ok and maybe:
            return "indeterminate_delivered" if received else "indeterminate_not_delivered"
        if received:
            return "delivered"
        return "refused" if refused or probe.results["broken"] else "not_sent"

    def count_copies(self, probe, submissions, sure, withheld, unsure):
        """Copies beyond the first: how many, and what excuses them."""
        beyond = max(sure - submissions, 0)
        kill = min(beyond, self.copies_after_kills(probe))
        ambiguous = withheld + unsure if sure else max(withheld + unsure - 1, 0)
        probe.copies = Counter(
            unexcused=beyond - kill,
            withheld=min(ambiguous, withheld),
            unconfirmed=ambiguous - min(ambiguous, withheld),
            indeterminate=min(max(sure - 1, 0), submissions - 1),
            kill=kill,
        )
        probe.ambiguous = withheld + unsure

    def copies_after_kills(self, probe):
        """One for each kill within a second after a confirmed reception that a copy followed; a
        power cut may undo what was noted at any time before it."""
        ends = sorted(it.at for it in probe.receptions)
        used = excused = 0
        for kill in self.kills:
            undoes_all = kill in self.power_cuts
            cut = any(
                it.confirmed and it.at <= kill and (undoes_all or kill <= it.at + KILL_WINDOW)
                for it in probe.receptions
            )
            used = max(used, sum(end <= kill for end in ends))
            if cut and used < len(ends):
                excused, used = excused + 1, used + 1
        return excused

    # Who counts.

    def is_measured(self, due):
        return due >= self.measured_from

    def by_domain(self, probes):
        places = defaultdict(list)
        for probe in probes:
            places[probe.domain].append(probe)
        return places


EARLY = {"connect", "banner", "ehlo", "starttls", "auth", "mail-from"}


def when(event):
    """When an event happened; an attempt or a submission, when it ended."""
    if event.kind in ("run", "calibrated"):
        return None
    if event.kind == "hiccup":
        return event.end
    return {"submitted": "done", "attempt": "ended"}.get(event.kind) and (
        event.done if event.kind == "submitted" else event.ended
    ) or getattr(event, "at", None)
