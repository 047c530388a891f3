"""Envelopes that were rewritten on their way, and which probe such mail stands for
(docs/journal.md, "Rewritten envelopes")."""

import re
from types import SimpleNamespace

BOUNCES = "bounce.mailbench.test"
SEPARATORS = "-+=_"


def split(address):
    """Local-part without quotes and quoted pairs, and domain."""
    address = address.strip()
    address = address[1:] if address.startswith("<") else address
    address = address[:-1] if address.endswith(">") else address
    if address.startswith("@") and ":" in address:
        address = address.split(":", 1)[1]
    if "@" not in address:
        return None, None
    local, domain = address.rsplit("@", 1)
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = local[1:-1]
    return re.sub(r"\\(.)", r"\1", local), domain.removesuffix(".")


def named(address):
    """The probe that an address names."""
    local, _ = split(address)
    found = local and re.fullmatch(r"(?i:mb)信?[-+=_](\d+)", local)
    number = int(found[1]) if found else None
    return number if number is not None and number < 2**64 else None


def recipient_form(probe, address):
    local, _ = split(address)
    if local is None:
        return "alias"
    if named(address) == probe:
        written = re.fullmatch(rf"mb信?\+{probe}", local)
        return "same" if written else "spelling"
    return "stripped" if re.fullmatch(r"(?i:mb)信?", local) else "alias"


def senders(address):
    """Every sender of a run within an address: where, its nonce and its message."""
    local, _ = split(address)
    for found in re.finditer(r"[bB]信?[-+=_]([A-Za-z0-9]+)\.(\d+)", local or ""):
        before, after = local[: found.start()][-1:], local[found.end() :][:1]
        if not before.isalnum() and not after.isalnum():
            yield found.start(), found[1], int(found[2])


def sender_form(message, probe, null, address):
    if not address or null:
        return "same" if null and not address else "null"
    local, domain = split(address)
    if local is None:
        return "other"
    at, holds = next(((at, number) for at, _, number in senders(address)), (None, None))
    if holds != message or BOUNCES not in address.lower():
        word = local.split("=", 1)[0] if "=" in local else ""
        at = word.rfind("mb")
        lists = at > 0 and not word[at - 1].isalnum() and named(word[at:] + "@x") == probe
        return "verp" if lists else "other"
    if at == 0 and domain.lower() == BOUNCES:
        return "same"
    if re.match(r"(?i)SRS[01]", local):
        return "srs"
    return "batv" if re.match(r"(?i)prvs=|btv1==|msprvs1=", local) else "verp"


def bare(address):
    """The one form in which addresses are compared."""
    local, domain = split(address)
    if local is None:
        return re.sub(r'["\\]', "", address.strip().strip("<>")).lower()
    return f"{local}@{domain}".lower()


class Declared:
    """`[target.changes]`, as far as envelopes go."""

    def __init__(self, scenario):
        changes = scenario.toml.get("target", {}).get("changes", {})
        self.sender = changes.get("sender", "unchanged")
        self.recipient = changes.get("recipient", "unchanged")
        self.copies = {bare(address) for address in changes.get("copies", [])}

    def permits_sender(self, form):
        if form == "null":
            return self.sender == "any"
        return form != "other" or self.sender in ("verp", "any")

    def permits_recipient(self, form, at_home):
        if self.recipient == "any":
            return True
        return at_home and (form != "alias" or self.recipient == "alias")


def took(event):
    return event.attempt.outcome in ("taken", "withheld")


class Binder:
    """Which probe, or copy, each recognised attempt stands for."""

    def __init__(self, ledger):
        self.ledger, self.declared = ledger, Declared(ledger.scenario)
        self.arrived, self.archives, self.known = set(), set(), {}
        for event in ledger.of("attempt"):
            probe = ledger.probes.get(event.probe)
            content = event.content.message if event.content else None
            own = probe is not None and content in (None, probe.message.number)
            if own and event.outcome in ("taken", "withheld"):
                self.arrived.add(event.probe)

    def bind(self):
        events = [event for event in self.ledger.of("recognised")]
        for event in events:
            probes = self.probes(event.message) if took(event) else []
            shared = recipient_form(2**64 - 1, event.recipient) == "stripped"
            if probes and not shared and all(probe.number in self.arrived for probe in probes):
                self.archives.add(bare(event.recipient))
        for arrived in (True, False):
            for event in events:
                if took(event) == arrived:
                    event.bound = self.bound(event)

    def probes(self, message):
        found = self.ledger.messages.get(message)
        return found.probes if found else []

    def here(self, event):
        place = event.attempt.destination
        domain = None if place is None else self.ledger.scenario.domains[place]
        return [it for it in self.probes(event.message) if domain and it.domain == domain]

    def bound(self, event):
        """(`probe` or `copy`, its number); None: nothing names a message."""
        if event.message is None:
            return None
        if event.message not in self.ledger.messages:
            return "probe", event.message
        here = self.here(event)
        beside = here[0].number if here else event.message
        copy = bare(event.recipient) in self.declared.copies
        if copy or bare(event.recipient) in self.archives:
            return "copy", beside
        known = self.known.setdefault(event.message, [])
        found = self.choose(event, here, known)
        if found is None:
            return "copy", beside
        known.append((bare(event.recipient), found))
        return "probe", found

    def choose(self, event, here, known):
        taken = self.arrived | {number for _, number in known}
        again = next((it for address, it in known if address == bare(event.recipient)), None)
        shared = recipient_form(2**64 - 1, event.recipient) == "stripped"
        if again is not None and not shared:
            return again
        all_of_it = [probe.number for probe in self.probes(event.message)]
        if event.original in all_of_it and event.original not in taken:
            return event.original
        left = [probe.number for probe in here if probe.number not in taken]
        left += [] if again is None else [again]
        left += [number for number in all_of_it if number not in taken]
        return left[0] if left else None


def placed(ledger):
    """The ledger's events with every recognised attempt in its place; copies apart."""
    if not any(ledger.of("recognised")):
        return ledger.events, []
    Binder(ledger).bind()
    events, rest = [], []
    for event in ledger.events:
        if event.kind != "recognised":
            events.append(event)
        elif event.bound is None or event.bound[0] == "copy":
            rest.append(event)
        else:
            attempt = SimpleNamespace(**vars(event.attempt))
            attempt.kind, attempt.probe = "attempt", event.bound[1]
            if took(event):
                events.append(
                    SimpleNamespace(
                        kind="readdressed", at=attempt.ended, session=attempt.session,
                        probe=attempt.probe, reverse_path=event.reverse_path,
                        recipient=event.recipient,
                    )  # fmt: skip
                )
            events.append(attempt)
    return events, rest
