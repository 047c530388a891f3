#!/usr/bin/env python3
"""Figure by figure: theory, the server's own log or the independent reading, mailbench.

    reports/truth/table.py MAILBENCH FOLDER [CASE...]

Makes every run in FOLDER (about seven minutes) and prints the table of README.md. The server of the
real runs is server.py; `independent` is tests/truth, which reads the journal anew.
"""

import json
import math
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../tests/truth"))

import check  # noqa: E402
from ledger import NS  # noqa: E402

ROWS = []
SERVER = "independent: the server's log"


def row(case, figure, theory, other, mailbench, note=""):
    ROWS.append((case, figure, shown(theory), shown(other), shown(mailbench), note))
    print("| " + " | ".join(ROWS[-1]) + " |", flush=True)


def shown(value):
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)


def ms(us):
    return None if us is None else f"{us / 1000:.1f} ms" if us < 1e6 else f"{us / 1e6:.2f} s"


class Run:
    """A run's report, and its figures read anew."""

    def __init__(self, program, folder, code):
        self.folder, self.code = folder, code
        with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
            self.report = json.load(file)
        self.figures = check.load(program, folder)
        self.differ, self.compared = check.held_against(self.figures, folder)

    def latency(self, metric, stat):
        """A figure in words, with the mark of a lower bound: of mailbench, and read anew."""
        own = self.report["latency"][metric]
        mark = ">= " if stat in own["at_least"] else ""
        mine = mark + ms(own[stat]) if own[stat] is not None else "withheld"
        found = self.figures.book.facts(self.figures.simulated)[metric]
        value = found[stat]
        mark = ">= " if stat in found["at_least"] else ""
        return mine, "withheld" if value is None else mark + ms(value.value)


def simulate(program, folder, name, text):
    path, out = os.path.join(folder, f"{name}.toml"), os.path.join(folder, name)
    write(path, text)
    command = [program, "simulate", path, "--journal", "--quiet", "--output", out]
    code = subprocess.run(command, capture_output=True, check=False).returncode
    return Run(program, out, code)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


# A process that keeps a core busy, and ends by itself should it be left behind.
BUSY = """import time
end = time.monotonic() + 90
while time.monotonic() < end:
    pass
"""


class Real:
    """A real run through server.py, and the server's own log."""

    def __init__(self, program, folder, name, load, behaviour, busy=0):
        listen, relay = free_port(), free_port()
        base = os.path.join(folder, name)
        log, queue, path = base + ".log", base + ".queue", base + ".toml"
        write(path, SCENARIO.format(load=load, listen=listen, relay=relay, queue=queue))
        server = [sys.executable, os.path.join(HERE, "server.py"), "--listen", str(listen)]
        server += ["--relay-to", str(relay), "--log", log, "--queue", queue] + behaviour
        process = subprocess.Popen(server, stdout=subprocess.PIPE)
        process.stdout.readline()
        loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
        try:
            command = [program, "run", path, "--quiet", "--output", base]
            done = subprocess.run(command, capture_output=True, check=False, timeout=300)
        finally:
            for it in loops + [process]:
                it.kill()
                it.wait()
        if not os.path.exists(os.path.join(base, "report.json")):
            sys.exit(done.stderr.decode())
        self.run = Run(program, base, done.returncode)
        with open(log, encoding="utf-8") as file:
            lines = [line.rstrip("\n").split(",") for line in file]
        self.log = [[float(it) if it else None for it in line] for line in lines]

    def report(self):
        return self.run.report

    def measured(self):
        """The server's lines about messages of the measured period."""
        ledger = self.run.figures.ledger
        due = {p.number: p.message.due for p in ledger.probes.values()}
        return [it for it in self.log if ledger.is_measured(due[int(it[0])])]

    def response(self, share):
        """From due, on the journal's clock, to the 250, on the server's; microseconds."""
        start, _ = self.window()
        shift = start - self.run.figures.ledger.measured_from / NS
        due = {p.number: p.message.due / NS for p in self.run.figures.ledger.probes.values()}
        return quantile([(it[1] - shift - due[int(it[0])]) * 1e6 for it in self.measured()], share)

    def window(self):
        """The measured period on the server's clock: found from the first acceptance of both."""
        ledger = self.run.figures.ledger
        first = self.log[0]
        probe = ledger.probes[int(first[0])]
        shift = first[1] - probe.accepted() / NS
        return ledger.measured_from / NS + shift, ledger.load_stop / NS + shift


SCENARIO = """
name = "truth"
seed = 7
[target]
kind = "external"
address = "127.0.0.1:{listen}"
queue_command = ["cat", "{queue}"]
[load]
{load}
[message]
size = "1KiB"
[sink]
listen = "127.0.0.1:{relay}"
[[destination]]
domain = "one.test"
"""

MODEL = """
name = "truth"
seed = {seed}
[target]
kind = "relay"
[target.delivery]
concurrency = {servers}
per_destination = {servers}
[load]
arrival = "poisson"
rate = "{rate}/s"
warm_up = "20s"
messages = {count}
drain = "10m"
sessions = 1000
[simulate]
service = {service}
[[destination]]
domain = "one.test"
"""
EXPONENTIAL = '{ dist = "exponential", mean = "10ms" }'


def quantile(values, share):
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


# Theory.


def erlang_c(servers, offered):
    terms = sum(offered**k / math.factorial(k) for k in range(servers))
    last = offered**servers / math.factorial(servers) / (1 - offered / servers)
    return last / (terms + last)


def queues(program, folder, count=60_000):
    """M/M/1, M/M/4, M/D/1, M/G/1: mean wait, and of M/M the 99th percentile of the stay."""
    uniform = '{ dist = "uniform", min = "5ms", max = "15ms" }'
    second = (0.015**3 - 0.005**3) / 3 / 0.010
    c = erlang_c(4, 2.4)
    cases = [
        ("M/M/1, load 0.5", 50, 1, EXPONENTIAL, 0.5 / 50, math.log(100) / 50),
        ("M/M/1, load 0.8", 80, 1, EXPONENTIAL, 0.8 / 20, math.log(100) / 20),
        ("M/M/4, load 0.6", 240, 4, EXPONENTIAL, c / 160, None),
        ("M/D/1, load 0.6", 60, 1, '"10ms"', 60 * 1e-4 / (2 * 0.4), None),
        ("M/G/1 uniform, load 0.6", 60, 1, uniform, 60 * second / (2 * 0.4), None),
    ]
    for number, (case, rate, servers, service, wait, stay) in enumerate(cases):
        text = MODEL.format(seed=3, servers=servers, rate=rate, count=count, service=service)
        run = simulate(program, folder, f"queue-{number}", text)
        mine, other = run.latency("queue_time", "mean")
        row(case, "mean wait", ms(wait * 1e6), other, mine, f"{count} messages, simulated")
        if stay:
            mine, other = run.latency("e2e_response", "p99")
            row(case, "p99 end to end", ms(stay * 1e6), other, mine)
        held(case, run)


def held(case, run):
    row(case, "all figures", "–", f"{run.compared} read anew", f"{len(run.differ)} differ")
    for line in run.differ:
        print("    " + line, file=sys.stderr)


def stalls(program, folder):
    """A stall of 1.4 s under 100 messages a second for 60 s, open, then 2 sessions closed."""
    stall = ["--stall-at", "20", "--stall-for", "1.4"]
    load = 'arrival = "constant"\nrate = "100/s"\nwarm_up = "2s"\nduration = "60s"\ndrain = "20s"\nsessions = 300'
    real = Real(program, folder, "stall-open", load, stall)
    # Due during the stall: 140 of 6,000, spread evenly over 0 to 1.4 s.
    for stat, left, share in (("p99", 60, 0.99), ("max", 0, 1.0)):
        mine, _ = real.run.latency("submit_response", stat)
        other = ms(real.response(share))
        theory = ms((1.4 - left / 100) * 1e6) + (" and the work-off" if left else "")
        row("1.4 s stall, open 100/s", f"submit_response {stat}", theory, other, mine, SERVER)
    mine, other = real.run.latency("submit_service", "p50")
    row("1.4 s stall, open 100/s", "submit_service p50", "–", other, mine)
    held("1.4 s stall, open 100/s", real.run)
    load = 'model = "closed"\nwarm_up = "2s"\nduration = "20s"\ndrain = "20s"\nsessions = 2\nthink_time = "10ms"'
    real = Real(program, folder, "stall-closed", load, ["--stall-at", "10", "--stall-for", "1.4"])
    for stat in ("p99", "max"):
        mine, other = real.run.latency("submit_response", stat)
        row("1.4 s stall, closed, 2 sessions", f"submit_response {stat}", "–" if stat == "p99" else "1.40 s", other, mine)
    held("1.4 s stall, closed, 2 sessions", real.run)


def hangs(program, folder):
    """One message in twenty, or in forty of sessions that wait for it, is never answered."""
    load = 'arrival = "poisson"\nrate = "50/s"\nwarm_up = "1s"\nduration = "20s"\ndrain = "8s"\nsessions = 200'
    closed = 'model = "closed"\nwarm_up = "1s"\nduration = "15s"\ndrain = "6s"\nsessions = 20\nthink_time = "20ms"'
    for case, name, load, every, stats in (
        ("5 % hung, open 50/s", "hang", load, 20, ("p90", "p95", "p99", "max")),
        ("one in 40 hung, closed, 20 sessions", "hang-closed", closed, 40, ("p90", "p99", "max")),
    ):
        real = Real(program, folder, name, load, ["--hang-every", str(every)])
        ledger = real.run.figures.ledger
        measured = [m for m in ledger.messages.values() if ledger.is_measured(m.due)]
        hung = [m for m in measured if m.number % every == 7]
        counts = real.report()["counts"]
        row(case, "messages without a reply", len(hung), counts_of(real, "indeterminate"), counts["indeterminate"])
        for stat in stats:
            mine, other = real.run.latency("submit_response", stat)
            theory = "unknown, above" if stat != "p90" else "that of the answered"
            row(case, f"submit_response {stat}", theory, other, mine)
        held(case, real.run)


def counts_of(real, name):
    figures = real.run.figures
    return figures.counts(figures.measured)[name]


def buckets(program, folder):
    """20 deliveries a second, 40 offered; and 40 that become 20 halfway."""
    load = 'arrival = "{}"\nrate = "40/s"\nwarm_up = "2s"\nduration = "20s"\ndrain = "60s"\nsessions = 100'
    for case, name, arrival, more in (
        ("20/s delivered of 40/s, constant", "bucket", "constant", ["--rate", "20"]),
        ("20/s delivered of 40/s, Poisson", "bucket-poisson", "poisson", ["--rate", "20"]),
        ("40/s that halves at 12 s", "halves", "constant", ["--rate", "40", "--halve-at", "12"]),
    ):
        real = Real(program, folder, name, load.format(arrival), more)
        start, end = real.window()
        inside = sum(it[3] is not None and start <= it[3] < end for it in real.log)
        theory = "20.0/s" if name != "halves" else "30.0/s"
        rates = real.report()["rates"]
        row(case, "delivered a second", theory, f"{inside / (end - start):.1f}/s", f"{rates['delivered']:.1f}/s", SERVER)
        measured = real.measured()
        last = max(it[3] for it in measured)
        if "goodput" in rates:
            row(case, "goodput", "–", f"{len(measured) / (last - start):.1f}/s", f"{rates['goodput']:.1f}/s", SERVER)
        queue = real.report()["queue"]
        backlog = sum(it[1] < end and (it[3] is None or it[3] >= end) for it in real.log)
        row(case, "backlog at the end of the load", None, backlog, level(real, end), SERVER)
        last = max(it[3] for it in real.log)
        row(case, "drain time", None, f"{last - end:.2f} s", f"{queue['drain_time_s']:.2f} s", SERVER)
        held(case, real.run)


def level(real, _):
    with open(os.path.join(real.run.folder, "timeseries.csv"), encoding="utf-8") as file:
        lines = [line.split(",") for line in file]
    place = lines[0].index("backlog")
    stop = real.report()["run"]["measured_to_s"]
    before = [line for line in lines[1:] if int(line[0]) + 1 <= stop]
    return f"{before[-1][place]} (at {int(before[-1][0]) + 1} s)"


def losses(program, folder):
    """One message in fifty is accepted and dropped."""
    load = 'arrival = "poisson"\nrate = "50/s"\nwarm_up = "1s"\nduration = "20s"\ndrain = "20s"\nsessions = 100'
    real = Real(program, folder, "loss", load, ["--lose-every", "50"])
    lost = sum(it[3] is None for it in real.measured())
    row("2 % lost, open 50/s", "lost", lost, counts_of(real, "lost"), real.report()["counts"]["lost"], "theory: the server's log")
    row("2 % lost, open 50/s", "exit code", 97, None, real.run.code)
    held("2 % lost, open 50/s", real.run)


def starvation(program, folder):
    """The same server, 20 ms a reply, on a quiet machine and beside busy loops."""
    load = 'arrival = "poisson"\nrate = "50/s"\nwarm_up = "2s"\nduration = "20s"\ndrain = "20s"\nsessions = 100'
    for case, busy in (("20 ms to reply, quiet", 0), ("20 ms to reply, 6 busy loops", 6)):
        real = Real(program, folder, f"busy-{busy}", load, ["--reply-after", "0.02"], busy)
        report = real.report()
        for stat, share in (("p50", 0.5), ("p99", 0.99)):
            mine, _ = real.run.latency("submit_response", stat)
            row(case, f"submit_response {stat}", "20.0 ms", ms(real.response(share)), mine, SERVER)
        doubtful = report["latency"]["submit_response"].get("doubtful", [])
        row(case, "figures in doubt", None, None, ", ".join(it["stat"] for it in doubtful) or "none")
        row(case, "health", None, None, f"{report['health']['status']}, exit {real.run.code}")
        held(case, real.run)


def real_queue(program, folder):
    """A real M/M/1: one worker, exponential 20 ms, 25 messages a second; the server knows each wait."""
    load = 'arrival = "poisson"\nrate = "25/s"\nwarm_up = "2s"\nduration = "60s"\ndrain = "20s"\nsessions = 100'
    real = Real(program, folder, "mm1", load, ["--workers", "1", "--service", "exp:0.02"])
    waits = [(it[2] - it[1]) * 1e6 for it in real.measured()]
    case = "M/M/1 at a real server, load 0.5"
    mine, _ = real.run.latency("queue_time", "mean")
    row(case, "mean wait", "20.0 ms", ms(sum(waits) / len(waits)), mine, SERVER)
    mine, _ = real.run.latency("queue_time", "p99")
    row(case, "p99 wait", ms(math.log(50) / 25 * 1e6), ms(quantile(waits, 0.99)), mine, SERVER)
    held(case, real.run)


CASES = {
    "queues": queues, "real-queue": real_queue, "stalls": stalls, "hangs": hangs,
    "buckets": buckets, "losses": losses, "starvation": starvation,
}  # fmt: skip


def main(program, folder, wanted):
    os.makedirs(folder, exist_ok=True)
    print("| server | figure | theory | independent | mailbench | |")
    print("|:---|:---|---:|---:|---:|:---|")
    started = time.monotonic()
    for name in wanted or CASES:
        CASES[name](os.path.abspath(program), os.path.abspath(folder))
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
