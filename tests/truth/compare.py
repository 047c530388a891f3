"""Holds a report against expected figures: every figure is expected, or named as not recomputed."""

import fnmatch
import math


class Near:
    """A figure to within the histogram's resolution (0.1 %), or a share of one's own."""

    def __init__(self, value, share=1.0e-3, least=0.0):
        self.value, self.share, self.least = value, share, least

    def __repr__(self):
        return f"{self.value} (within {self.share:g})"

    def holds(self, seen):
        if not isinstance(seen, (int, float)) or isinstance(seen, bool):
            return False
        return abs(seen - self.value) <= max(self.share * abs(self.value), self.least)


def exact(value):
    """A figure without a histogram in between: equal up to rounding of the last bits."""
    return None if value is None else Near(value, 1e-9, 1e-9)


class Skip:
    """A figure that is not recomputed here, with the reason."""

    def __init__(self, why):
        self.why = why


def leaves(tree, path=""):
    """Every figure with its path; an empty list or table is one."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list) and tree:
        for number, value in enumerate(tree):
            yield from leaves(value, f"{path}[{number}]")
    else:
        yield path, tree


def agrees(expected, seen):
    if isinstance(expected, Near):
        return expected.holds(seen)
    if callable(expected):
        return expected(seen)
    if isinstance(expected, float) and isinstance(seen, (int, float)):
        return math.isclose(expected, seen, rel_tol=1e-9, abs_tol=1e-12)
    return type(expected) is type(seen) and expected == seen


def differences(report, expected, left_out):
    """What does not agree, one line each. `left_out`: patterns of paths, with their reasons."""
    wanted = dict(leaves(expected))
    skipped = [path for path, want in wanted.items() if isinstance(want, Skip)]
    found, compared = [], 0
    for path, seen in leaves(report):
        if path in wanted:
            want = wanted.pop(path)
            if isinstance(want, Skip):
                continue
            compared += 1
            if not agrees(want, seen):
                shown = getattr(want, "shown", want)
                found.append(f"{path}: the report says {seen!r}, recomputed {shown!r}")
        elif path.startswith(tuple(skipped)):
            continue
        elif not any(matches(path, pattern) for pattern in left_out):
            found.append(f"{path}: {seen!r} is neither recomputed nor listed as left out")
    for path, want in wanted.items():
        if not isinstance(want, Skip):
            found.append(f"{path}: recomputed {want!r}, and not in the report")
    return found, compared


def matches(path, pattern):
    return fnmatch.fnmatchcase(path.replace("[", "(").replace("]", ")"), pattern.replace("[", "(").replace("]", ")"))
