"""The check checked: every figure of a report is changed in turn, and each change must be found.

    python3 tests/truth/control.py MAILBENCH RUN
"""

import base64
import copy
import json
import os
import struct
import sys
import zlib

from check import LEFT_OUT, expected, load
from compare import differences, leaves, matches


def other(path, value):
    """A value that is not the same beyond the histogram's resolution."""
    if ".hdr" in path and value:
        return with_one_more(value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + max(3, value // 50)
    if isinstance(value, float):
        return value * 1.02 + 0.01
    if value is None:
        return 7
    if isinstance(value, str):
        return value + "9"
    return ["changed"]


def with_one_more(text):
    """A histogram with a further value beyond its highest."""
    data = base64.b64decode(text)
    body = bytearray(zlib.decompress(data[8:]))
    body += b"\x02"
    struct.pack_into(">I", body, 4, len(body) - 40)
    packed = zlib.compress(bytes(body))
    return base64.b64encode(struct.pack(">II", 0x1C849314, len(packed)) + packed).decode()


def put(tree, path, value):
    steps = path.replace("]", "").replace("[", ".").split(".")
    for step in steps[:-1]:
        tree = tree[int(step)] if isinstance(tree, list) else tree[step]
    last = int(steps[-1]) if isinstance(tree, list) else steps[-1]
    tree[last] = value


def unseen(report, want):
    """Figures that could be wrong and nobody would know."""
    found, tried = [], 0
    for path, value in leaves(report):
        if any(matches(path, pattern) for pattern in LEFT_OUT):
            continue
        changed = copy.deepcopy(report)
        put(changed, path, other(path, value))
        tried += 1
        try:
            differ = differences(changed, want, LEFT_OUT)[0]
        except Exception as damage:  # A histogram that cannot be read is found, too.
            differ = [str(damage)]
        if not differ:
            found.append(path)
    return found, tried


def main(program, folder):
    with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
        report = json.load(file)
    found, tried = unseen(report, expected(load(program, folder), report))
    print(f"{folder}: {tried} figures changed, {len(found)} changes not found")
    for path in found:
        print(f"  {path}")
    return 1 if found or not tried else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
