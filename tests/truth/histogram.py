"""Durations of one metric: order statistics, censoring, and HdrHistogram's encoding."""

import base64
import math
import struct
import zlib
from collections import Counter

# A percentile is stated from ceil(ln 0.025 / ln share) observations on.
SHARES = {
    "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "p9999": 0.9999,
}  # fmt: skip
NEEDS = {name: math.ceil(math.log(0.025) / math.log(share)) for name, share in SHARES.items()}

# Three significant digits: 2048 slots, of which each further doubling uses the upper half.
HALF = 1024
TOP_US = 3_600_000_000


def slot(us):
    """The histogram's slot of a value."""
    doubling = max((us | (2 * HALF - 1)).bit_length() - 11, 0)
    return (doubling + 1) * HALF + (us >> doubling) - HALF


def top(index):
    """The highest value of a slot."""
    doubling = max(index // HALF - 1, 0)
    low = (index - doubling * HALF) << doubling
    return low + (1 << doubling) - 1


def decode(text):
    """The counts by slot of an HdrHistogram V2 deflate, base64."""
    data = base64.b64decode(text)
    cookie, length = struct.unpack_from(">II", data)
    assert cookie & ~0xF0 == 0x1C849304 & ~0xF0, hex(cookie)
    body = zlib.decompress(data[8 : 8 + length])
    cookie, length, offset, digits, low, high, ratio = struct.unpack_from(">IiiiqqD".replace("D", "d"), body)
    assert cookie & ~0xF0 == 0x1C849303 & ~0xF0 and (offset, digits) == (0, 3), (hex(cookie), digits)
    counts, at, index = Counter(), 40, 0
    while at < 40 + length:
        value, shift, used = 0, 0, 0
        while True:
            byte = body[at]
            at, used = at + 1, used + 1
            if used == 9:
                value |= byte << shift
                break
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        value = (value >> 1) ^ -(value & 1)
        if value < 0:
            index -= value
        else:
            if value:
                counts[index] = value
            index += 1
    return counts


class Samples:
    """Finished durations, and ages at which others were no longer watched; nanoseconds in."""

    def __init__(self):
        self.values, self.censored, self.failed = [], [], []

    def __len__(self):
        return len(self.values) + len(self.censored) + len(self.failed)

    def enter(self, it):
        getattr(self, it.how).append(max(it.end - it.start, 0))

    def micros(self):
        return [[ns // 1000 for ns in part] for part in (self.values, self.censored, self.failed)]

    def standing(self):
        """Where each stands: what failed never ended, so it stands above all others."""
        values, censored, failed = self.micros()
        most = max(values + censored + failed, default=0)
        return values, censored + [most] * len(failed)

    def slots(self, without_end=False):
        values, rest = self.standing()
        return Counter(slot(min(us, TOP_US)) for us in ([] if without_end else values) + rest)

    def rank(self, share):
        """The order statistic of nearest rank, and whether one without an end could raise it."""
        values, rest = self.standing()
        ordered = sorted(values + rest)
        value = ordered[max(math.ceil(share * len(ordered)), 1) - 1]
        # Its rank lies among those without an end, or one was last seen below it.
        within = any(us < top(slot(value)) for us in self.micros()[1])
        return value, share > 1.0 - len(rest) / len(ordered) or within
