#!/usr/bin/env python3
"""Runs shipped scenarios for real and in simulation and prints how far they agree.

    reports/simulation/agree.py MAILBENCH FOLDER [NAME...]

The times come from a run of steady-state at the scenario's own rate, made just before it: what a
message costs depends on how busy the machine is, and on its mood. A run that is in FOLDER already is
not made again, so that the real ones can be spread over several quiet moments; simulations always are.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

NAMES = ["quickstart", "greylisting", "retry-schedule", "deferral-storm", "outage-and-herd",
         "disconnect-after-final-dot", "isolation", "one-slow-destination", "destination-outage",
         "overload"]
ROOT = pathlib.Path(__file__).resolve().parents[2]


def mailbench(binary, folder, verb, name, *more):
    scenario = ROOT / "scenarios" / f"{name}.toml"
    command = [binary, verb, str(scenario), "--output", str(folder), "--quiet", *more]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


def once(binary, folder, name, *more):
    if not (folder / "report.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        mailbench(binary, folder, "run", name, *more)


def rate(name):
    text = (ROOT / "scenarios" / f"{name}.toml").read_text()
    return re.search(r'^rate = "(.*)"', text, re.MULTILINE).group(1)


def report(folder):
    return json.loads((folder / "report.json").read_text())


def figures(run):
    e2e = run["latency"]["e2e_response"]
    queue = run["queue"]
    return [("", queue["backlog_max"], 0), (" s", queue["drain_time_s"], 2),
            ("", queue["attempts_per_delivery_mean"], 3), (" ms", e2e["p50"] / 1e3, 1),
            (" ms", e2e["p99"] / 1e3, 1)]


def cell(real, simulated):
    unit, a, digits = real
    b = simulated[1]
    off = (b / a - 1) * 100 if a else (0 if not b else float("inf"))
    said = f"{off:+.0f} %"
    said = f"**{said}**" if abs(off) > 10 else said
    return f"{a:.{digits}f}{unit} / {b:.{digits}f}{unit} ({said})"


def main():
    binary, folder, names = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:] or NAMES
    for name in names:
        calm = ["--set", f"load.rate={rate(name)}", "--set", "load.warm_up=2s",
                "--set", "load.duration=20s"]
        once(binary, folder / f"{name}-reference", "steady-state", *calm)
        once(binary, folder / f"{name}-real", name)
    print("| scenario | backlog peak | drain time | attempts a delivery | e2e p50 | e2e p99 |")
    print("|:---|---:|---:|---:|---:|---:|")
    for name in names:
        simulated = folder / f"{name}-simulated"
        shutil.rmtree(simulated, ignore_errors=True)
        mailbench(binary, simulated, "simulate", name, "--from", str(folder / f"{name}-reference"))
        pairs = zip(figures(report(folder / f"{name}-real")), figures(report(simulated)))
        print(f"| {name} | " + " | ".join(cell(*pair) for pair in pairs) + " |")


main()
