"""A resolved scenario.toml: its units, windows, retry schedule and thresholds, read anew."""

import math
import re
import tomllib

NS = 1_000_000_000
SPANS = {
    "ns": 1, "us": 1_000, "ms": 1_000_000, "s": NS, "m": 60 * NS, "min": 60 * NS, "h": 3600 * NS,
    "d": 86400 * NS,
}  # fmt: skip
SIZES = {
    "": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20,
    "GiB": 2**30,
}  # fmt: skip


def span(words):
    """Nanoseconds of `250ms`, `1m30s`."""
    if isinstance(words, (int, float)):
        return int(words * NS)
    parts = re.findall(r"([\d.]+)\s*([a-z]+)", words)
    assert parts, words
    return sum(round(float(count) * SPANS[unit]) for count, unit in parts)


def size(words):
    found = re.fullmatch(r"([\d.]+)\s*([A-Za-z]*)", str(words))
    return float(found[1]) * SIZES[found[2]]


def rate(words):
    """Events a second of `200/s`, `12000/min`, `4M/h`."""
    found = re.fullmatch(r"([\d.]+)\s*([kM]?)/(s|min|m|h|d)", words)
    factor = {"": 1, "k": 1e3, "M": 1e6}[found[2]]
    return float(found[1]) * factor * NS / SPANS[found[3]]


def share(value):
    if isinstance(value, (int, float)):
        return float(value)
    return float(value[:-1]) / 100 if value.endswith("%") else float(value)


USUAL_RETRY = {"schedule": "exponential", "first": "2s", "factor": 2.0, "cap": "30s", "jitter": 0.1,
               "give_up_after": "10m"}  # fmt: skip


class Scenario:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.toml = tomllib.load(file)
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.domains = [place["domain"] for place in self.toml["destination"]]
        self.faults = self.toml.get("fault", [])
        self.kind = self.toml.get("target", {}).get("kind", "relay")
        self.load = self.toml["load"]
        given = self.toml["target"].get("retry")
        # Where neither the scenario nor mailbench sets a schedule, none is known.
        self.told_waits = given is not None
        self.retry = given or USUAL_RETRY
        self.changes = self.toml["target"]["changes"]
        self.sessions = self.load["sessions"]

    def windows(self):
        """Offsets of every fault that comes and goes, with its rule."""
        for rule in self.faults:
            if "during" in rule:
                start, end = rule["during"].split("..")
                yield span(start), span(end), rule

    def is_faulty(self, domain):
        return any(rule.get("destination") in (None, domain) for rule in self.faults)

    def keeps_away(self):
        """Whether a rule can end a connection before it names a probe."""
        early = {"connect", "banner", "ehlo", "starttls", "auth", "dns"}
        harmless = {"delay", "throttle"}
        for rule in self.faults:
            if "refuse" in rule or "limit" in rule:
                return True
            if rule["stage"] in early and not harmless & set(rule):
                return True
        return False

    # The retry schedule, RFC 5321 §4.5.4.1: seconds before jitter.

    def delay(self, attempt):
        retry = self.retry
        if retry["schedule"] == "fixed":
            return span(retry["first"]) / NS
        if retry["schedule"] == "steps":
            steps = retry["steps"]
            return span(steps[min(attempt, len(steps)) - 1]) / NS
        grown = span(retry["first"]) / NS * retry["factor"] ** (attempt - 1)
        return min(grown, span(retry["cap"]) / NS)

    def longest(self):
        retry = self.retry
        if retry["schedule"] == "fixed":
            return span(retry["first"]) / NS
        if retry["schedule"] == "steps":
            return max(span(step) for step in retry["steps"]) / NS
        return span(retry["cap"]) / NS

    def jitter(self):
        return retry_share(self.retry.get("jitter", 0.0))

    def managed(self):
        return self.kind in ("postfix", "exim", "opensmtpd", "haraka")

    def grain(self):
        """By how much a real MTA is late by its nature (docs/targets.md), seconds."""
        if self.kind == "postfix":
            return 2 + min(max(int(self.delay(1)) // 10, 1), 60) + 1
        return {"exim": 3, "haraka": 2, "opensmtpd": 2}.get(self.kind, 0)

    def wait(self, attempt):
        """Least and latest pause after an attempt, seconds."""
        plain = self.delay(attempt)
        if self.kind in ("postfix", "exim"):
            return plain, self.longest() + self.grain()
        if self.kind == "haraka":
            return plain, max(plain, 5.0) + self.grain()
        if self.kind == "opensmtpd":
            return 0.0, 400.0 * (2 * max(attempt, 1) - 1) + self.grain()
        return plain * (1 - self.jitter()), plain * (1 + self.jitter())

    def longest_wait(self):
        """The longest pause, where the target is known to keep the schedule, seconds."""
        if self.kind == "relay":
            return self.longest() * (1 + self.jitter())
        if self.kind in ("postfix", "exim"):
            return self.longest() + self.grain()
        if self.kind == "haraka":
            return max(self.longest(), 5.0) + self.grain()
        return None

    def give_up(self):
        return span(self.retry["give_up_after"]) / NS

    def gives_up_after(self):
        """The age at which the target gives up, where that is known, seconds."""
        return self.give_up() if self.kind in ("relay", "postfix", "haraka") else None

    def thresholds(self):
        for key, bounds in self.toml.get("thresholds", {}).items():
            for bound in bounds if isinstance(bounds, list) else [bounds]:
                yield Threshold(key, bound)


def retry_share(value):
    return share(value)


class Threshold:
    """`METRIC[{destination=…, period=…}][.STAT]` with `OP VALUE`."""

    def __init__(self, key, bound):
        self.expr = f"{key} {bound}"
        found = re.fullmatch(r"([a-z0-9_]+)(?:\{(.*)\})?(?:\.([a-z0-9]+))?", key)
        self.metric, self.stat = found[1], found[3]
        labels = (part.split("=") for part in (found[2] or "").split(",") if part)
        self.labels = {name.strip(): value.strip() for name, value in labels}
        found = re.fullmatch(r"\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*", bound)
        self.op, self.value = found[1], found[2]

    def limit(self, unit):
        value = self.value
        if unit == "duration":
            return span(value) / NS
        if unit == "rate":
            return rate(value)
        if unit == "bytes":
            return size(value)
        if unit == "byte-rate":
            return size(value.removesuffix("/s"))
        return share(value)

    def holds(self, actual, unit):
        limit = self.limit(unit)
        same = math.isclose(actual, limit, rel_tol=1e-12)
        return {
            "<": actual < limit,
            "<=": actual <= limit,
            ">": actual > limit,
            ">=": actual >= limit,
            "==": same,
            "!=": not same,
        }[self.op]

    def holds_from(self, least, unit):
        """Whether it holds for every value from `least` on."""
        limit = self.limit(unit)
        return {">": least > limit, ">=": least >= limit, "!=": least > limit}.get(self.op, False)
