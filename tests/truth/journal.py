"""The journal of a run: its records, decoded. Layout: docs/journal.md.

Written from the documented layout, not from mailbench's source: what does not fit it is an error.
"""

import struct
import zlib
from types import SimpleNamespace

MAGIC = b"mailbench journal 1\n"


class Damaged(Exception):
    """The bytes are not a journal of this layout."""


class Cursor:
    """Reads postcard's encoding: little-endian base-128 numbers, lengths before what they count."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def advance(self, length):
        """Passes over some bytes: where they began."""
        start = self.at
        self.at += length
        if self.at > len(self.data):
            raise Damaged("a record or a value in it is cut short")
        return start

    def byte(self):
        return self.data[self.advance(1)]

    def number(self):
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise Damaged("a number of more than 64 bits")

    def raw(self, length):
        start = self.advance(length)
        return self.data[start : start + length]


def number(cursor):
    return cursor.number()


def byte(cursor):
    return cursor.byte()


def flag(cursor):
    value = cursor.byte()
    if value > 1:
        raise Damaged(f"{value} is not a truth value")
    return value == 1


def real(cursor):
    return struct.unpack("<d", cursor.raw(8))[0]


def text(cursor):
    return cursor.raw(cursor.number()).decode("utf-8")


def maybe(of):
    return lambda cursor: of(cursor) if flag(cursor) else None


def many(of):
    return lambda cursor: [of(cursor) for _ in range(cursor.number())]


def pair(one, other):
    return lambda cursor: (one(cursor), other(cursor))


def record(**fields):
    def read(cursor):
        return SimpleNamespace(**{name: of(cursor) for name, of in fields.items()})

    return read


def names(*known):
    """An enum without values: the name by its place."""

    def read(cursor):
        place = cursor.number()
        if place >= len(known):
            raise Damaged(f"no name number {place} among {known}")
        return known[place]

    return read


def variants(*known):
    """An enum with values: a record whose `kind` is the variant's name."""

    def read(cursor):
        place = cursor.number()
        if place >= len(known):
            raise Damaged(f"no variant number {place}")
        name, of = known[place]
        value = of(cursor) if of else SimpleNamespace()
        value.kind = name
        return value

    return read


STAGES = (
    "connect", "banner", "ehlo", "starttls", "auth", "mail-from", "rcpt-to", "data", "content",
    "end-of-data", "quit",
)  # fmt: skip
stage = names(*STAGES)
period = names("warm-up", "measured", "drain", "closed")
reply = record(
    code=number, enhanced=maybe(record(cls=byte, subject=number, detail=number)), text=text
)
result = variants(
    ("not-sent", record(stage=stage, cause=text)),
    ("refused", record(stage=stage, reply=reply)),
    ("broken", record(stage=stage, cause=text)),
    ("accepted", record(reply=reply)),
    ("indeterminate", record(cause=text)),
)
# Up to the twelfth it is damage, up to the twenty-fourth, and the last, it alters the meaning.
CHANGES = (
    "header-lost", "truncated", "extended", "dot-stuffing", "line-ends", "eight-bit",
    "headers-changed", "merged", "bytes-changed", "bytes-lost", "charset-broken",
    "header-truncated", "subject-changed", "footer-added", "lines-wrapped", "space-changed",
    "part-stripped", "part-replaced", "part-added", "header-rewritten", "header-removed",
    "from-escaped", "transcoded", "links-rewritten", "reencoded", "trace-added",
    "header-added", "completed", "folding", "header-order", "header-case", "header-form",
    "address-completed", "encoded-words", "header-dropped", "mime-headers", "end-of-body",
    "mbox-line", "attached",
)  # fmt: skip
DAMAGE, ALTERING = CHANGES[:12], (*CHANGES[12:24], "attached")
kind_of_change = names(*CHANGES)
content = record(message=maybe(number), bytes=number, changes=many(kind_of_change))
outcome = names("taken", "withheld", "deferred", "rejected", "broken", "abandoned")
block = record(
    probe=maybe(number),
    action=names("failed", "delayed", "delivered", "relayed", "expanded", "unknown"),
    status=text,
    diagnostic=text,
)
session = variants(
    ("opened", None),
    ("turned-away", record(fault=maybe(number), reply=maybe(reply))),
    (
        "closed",
        record(
            stage=stage,
            how=names(
                "quit", "peer-fin", "peer-rst", "fault", "timed-out", "shutdown", "tls-failed"
            ),
        ),
    ),
)
change = variants(
    ("ready", None),
    ("killed", None),
    ("paused", None),
    ("resumed", None),
    ("stopped", None),
    ("died", record(status=text)),
    ("starting", None),
    ("hook", record(command=many(text), outcome=text, took_us=number)),
    ("survived", record(act=text, how=text)),
    (
        "power-lost",
        record(keep=names("none", "subset", "torn", "prefix"), unflushed=number, kept=number),
    ),
    ("disk-fault", record(act=text, on=flag)),
)
disk_seen = variants(
    ("ready", record(filesystem=names("ext4", "xfs", "btrfs"), flaw=maybe(text))),
    ("checked", record(flaw=maybe(text))),
    (
        "counted",
        record(
            reads=number, writes=number, bytes_written=number, flushes=number, memory_most=number
        ),
    ),
    ("failed", record(why=text)),
)
abuse_end = variants(
    ("unconnected", None), ("refused", record(code=number)), ("cut-off", None), ("tolerated", None)
)

network_seen = variants(
    ("isolated", None), ("not-isolated", record(why=text)), ("outside", record(address=text))
)

cpu_wait = record(us=number, turns=number, ran_us=number)

attempt = record(
    probe=number,
    destination=maybe(number),
    number=number,
    session=number,
    started=number,
    ended=number,
    stage=stage,
    outcome=outcome,
    reply=maybe(reply),
    fault=maybe(number),
    reception=maybe(number),
    content=maybe(content),
)

# In the order of their numbers.
EVENTS = [
    (
        "run",
        record(
            id=text,
            started_at=text,
            identity=record(tag=text, nonce=text),
            scenario_sha256=text,
            command=text,
            version=text,
            environment=many(pair(text, text)),
            target_kind=text,
            target_version=text,
            target_address=text,
            untranslated=many(text),
        ),
    ),
    ("period", record(at=number, period=period)),
    ("offered", record(message=number, recipients=number, due=number, at=number)),
    (
        "submitted",
        record(
            message=number,
            session=number,
            sent=number,
            done=number,
            stages=many(pair(stage, number)),
            results=many(result),
        ),
    ),
    ("attempt", attempt),
    ("confirmed", record(reception=number, at=number, proof=names("command", "fin"))),
    ("foreign", record(at=number, session=number, reverse_path=text, recipient=text)),
    (
        "dsn",
        record(
            at=number,
            session=number,
            null_sender=flag,
            message=maybe(number),
            recipients=many(block),
            flaws=many(text),
        ),
    ),
    ("session", record(session=number, at=number, change=session)),
    ("target", record(at=number, change=change)),
    ("queue", record(at=number, total=number, active=number, deferred=number)),
    (
        "pulse",
        record(
            at=number,
            cpu_us=number,
            rss_bytes=number,
            hiccup_us=number,
            traffic_sessions=number,
            sink_sessions=number,
            waiting=number,
            sink_us=number,
        ),
    ),
    ("limit", record(at=number, name=text, value=number)),
    ("interrupted", record(at=number)),
    (
        "usage",
        record(
            at=number,
            cpu_us=number,
            rss_bytes=number,
            io_bytes=maybe(number),
            open_files=maybe(number),
            processes=number,
        ),
    ),
    ("struck", record(at=number, fault=number)),
    ("port", record(at=number, destination=maybe(number), closed_by=maybe(number))),
    ("queue-states", record(at=number, active=number, deferred=number, frozen=number)),
    (
        "calibrated",
        record(per_s=maybe(real), calibrated_at=text, floor_e2e_p50_us=maybe(number)),
    ),
    (
        "abused",
        record(at=number, profile=number, stage=stage, held_us=number, end=abuse_end),
    ),
    (
        "unanswered",
        record(
            message=number,
            at=number,
            how=names("unserved", "given-up", "failed"),
            stages=many(pair(stage, number)),
        ),
    ),
    ("refused-connections", record(at=number, count=number)),
    ("hiccup", record(start=number, end=number)),
    (
        "overhead",
        record(
            at=number,
            traffic=cpu_wait,
            sink=cpu_wait,
            target=maybe(cpu_wait),
            processing_us=number,
            processed=number,
            own_us=number,
            busy_us=maybe(number),
            steal_us=maybe(number),
            throttled_us=maybe(number),
            pressure_us=maybe(number),
        ),
    ),
    (
        "recognised",
        record(
            attempt=attempt,
            message=maybe(number),
            original=maybe(number),
            reverse_path=text,
            recipient=text,
        ),
    ),
    (
        "readdressed",
        record(at=number, session=number, probe=number, reverse_path=text, recipient=text),
    ),
    ("another-run", record(at=number, session=number, reverse_path=text, recipient=text)),
    (
        "notice",
        record(
            at=number,
            session=number,
            null_sender=flag,
            message=maybe(number),
            about=names("failed", "delayed", "auto-reply"),
            recipients=many(number),
            subject=text,
        ),
    ),
    ("network", record(at=number, seen=network_seen)),
    (
        "content-differs",
        record(
            at=number,
            reception=number,
            differences=many(record(change=kind_of_change, field=text, sent=text, arrived=text)),
        ),
    ),
    (
        "shortage",
        record(
            at=number,
            part=names("traffic", "sink", "relay"),
            what=names("descriptors", "system-files", "ports", "buffers", "memory"),
            count=number,
        ),
    ),
    ("disk", record(at=number, seen=disk_seen)),
]  # fmt: skip
event = variants(*EVENTS)


def decode(body):
    cursor = Cursor(body)
    found = event(cursor)
    if cursor.at != len(body):
        raise Damaged(f"{len(body) - cursor.at} bytes after a {found.kind} event")
    return found


def read(path):
    """Every event of a journal, in order."""
    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(MAGIC):
        raise Damaged("not a mailbench journal")
    cursor, events = Cursor(data), []
    cursor.raw(len(MAGIC))
    while cursor.at < len(data):
        start = cursor.at
        length, check = struct.unpack("<II", cursor.raw(8))
        body = cursor.raw(length)
        if zlib.crc32(body) != check:
            raise Damaged(f"the record at byte {start} does not match its check sum")
        events.append(decode(body))
    return events
