#!/usr/bin/env python3
"""Twenty real M/M/1 queues against theory: the relay has one slot a destination, and the sink takes
an exponential time over each message.

    reports/simulation/one-server.py MAILBENCH FOLDER [SECONDS]

A slot is held for a transaction and until the next one begins: its mean is read off the attempts,
so that theory has the service that there was and not only the part of it that was planted.
"""
import csv
import json
import math
import pathlib
import statistics
import subprocess
import sys

DESTINATIONS, RATE, SERVICE_MS = 20, 250, 40
SCENARIO = f"""name = "one-server"
question = "Does mail before one busy slot wait as theory says?"
seed = 7
[target.delivery]
concurrency = {DESTINATIONS}
per_destination = 1
[load]
rate = "{RATE}/s"
warm_up = "10s"
duration = "SECONDSs"
drain = "60s"
sessions = 100
[message]
size = "2KiB"
[[fault]]
stage = "end-of-data"
delay = {{ dist = "exponential", mean = "{SERVICE_MS}ms" }}
""" + "".join(f'[[destination]]\ndomain = "d{n:02}.test"\n' for n in range(DESTINATIONS))


def held_ms(folder):
    """Milliseconds that a slot was held, one a message: its transaction and the way to the next."""
    begun = {}
    for row in csv.DictReader((folder / "attempts.csv").open()):
        times = (float(row["started_s"]) * 1e3, float(row["ended_s"]) * 1e3)
        begun.setdefault(row["destination"], []).append(times)
    lengths, ways = [], []
    for attempts in begun.values():
        attempts.sort()
        lengths += [end - start for start, end in attempts]
        ways += [after[0] - before[1] for before, after in zip(attempts, attempts[1:])]
    # What follows within 2 ms had been waiting: at this load another seldom comes just then.
    way = statistics.median(gap for gap in ways if gap < 2)
    return [length + way for length in lengths]


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    seconds = sys.argv[3] if len(sys.argv) > 3 else "195"
    folder.mkdir(parents=True, exist_ok=True)
    scenario = folder / "one-server.toml"
    scenario.write_text(SCENARIO.replace("SECONDS", seconds))
    run = folder / "run"
    if not (run / "report.json").exists():
        command = [binary, "run", str(scenario), "--output", str(run), "--quiet"]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    report = json.loads((run / "report.json").read_text())
    held = held_ms(run)
    mean = statistics.fmean(held)
    second = statistics.fmean(time * time for time in held)
    rate = report["rates"]["accepted"] / DESTINATIONS / 1e3
    rho = rate * mean
    wait = report["latency"]["queue_time"]
    print(f"{wait['count']} messages; a slot is held {mean:.2f} ms in the mean (planted: {SERVICE_MS}), "
          f"squared coefficient of variation {second / mean**2 - 1:.3f}, rho {rho:.3f}\n")
    print("| wait for the slot | theory | measured | difference |\n|:---|---:|---:|---:|")
    beyond = mean / (1 - rho)
    rows = [("mean, M/M/1", rho * beyond, wait["mean"]),
            ("mean, M/G/1 with the variation seen", rate * second / 2 / (1 - rho), wait["mean"])]
    rows += [(f"p{share:g}, M/M/1", math.log(rho / (1 - share / 100)) * beyond, wait[f"p{share}"])
             for share in (75, 90, 95, 99)]
    for name, theory, seen in rows:
        off = (seen / 1e3 / theory - 1) * 100
        print(f"| {name} | {theory:.1f} ms | {seen / 1e3:.1f} ms | {off:+.1f} % |")


main()
