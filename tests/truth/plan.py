"""What was planned: due time, size and destinations of each message, as `mailbench plan` prints it.

The plan is the one thing that is not read anew: it comes from a generator keyed by the seed. That it
follows the law it names is tested elsewhere (Kolmogorov-Smirnov, chi-square).
"""

import csv
import re
import subprocess

from scenario import NS


class Plan:
    def __init__(self, rows):
        self.due, self.route, self.sizes = {}, {}, {}
        for row in rows:
            message = int(row["message"])
            self.sizes[message] = int(row["size_bytes"])
            if row["due_s"]:
                self.due[message] = nanoseconds(row["due_s"])
            null = row["sender"] in ("", "<>")
            for place, address in enumerate(row["recipients"].split()):
                self.route[message + place] = (address.rsplit("@", 1)[1], null)

    def due_within(self, start, length, whole):
        """`whole`: the load ends with its last message, which may end as it is due."""
        end = start + length + whole
        return sum(start <= due < end for due in self.due.values())

    def mean_size(self, count=1000):
        sizes = [self.sizes[message] for message in sorted(self.sizes)[:count]]
        return sum(sizes) / max(len(sizes), 1)


def nanoseconds(words):
    whole, _, part = words.partition(".")
    return int(whole) * NS + int(part.ljust(9, "0")[:9])


def ask(program, scenario, messages=None):
    """Runs `mailbench plan`."""
    command = [program, "plan", scenario, "--format", "csv"]
    if messages is not None:
        command += ["--limit", str(messages)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = csv.DictReader(line for line in text.splitlines() if not re.match(r"#", line))
    return Plan(rows)
