#!/usr/bin/env python3
"""The tables of README.md, made again from the runs kept beside it.

reports/mtas/page.py keep OUT   copies what is kept of the runs below OUT (see `run`) to here
reports/mtas/page.py            writes the tables between the markers of README.md
"""
import json
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
KINDS = ["relay", "postfix", "exim", "opensmtpd", "haraka"]
SCENARIOS = ["flat-out", "crash-recovery", "retry-schedule", "isolation", "outage-and-herd", "pause"]
KEPT = ["report.json", "summary.txt", "timeseries.csv", "scenario.toml"]
WHOLE = ["crash-recovery"]


def keep(out):
    """Of the first round what is small, with the page of one scenario; of further ones the report."""
    rounds = sorted(path for path in out.iterdir() if path.is_dir())
    for scenario in SCENARIOS:
        for kind in KINDS:
            for number, path in enumerate(rounds, 1):
                run = path / scenario / kind
                if not (run / "report.json").exists():
                    continue
                here = HERE / scenario / kind
                here.mkdir(parents=True, exist_ok=True)
                if number == 1:
                    for name in KEPT + (["report.html"] if scenario in WHOLE else []):
                        shutil.copy(run / name, here / name)
                else:
                    shutil.copy(run / "report.json", here / f"report-{number}.json")


def runs(scenario, kind):
    """The reports of one cell, round by round."""
    files = sorted((HERE / scenario / kind).glob("report*.json"), key=lambda f: (len(f.name), f.name))
    return [json.loads(file.read_text()) for file in files]


def both(reports, figure):
    """A figure of every round."""
    return " · ".join(figure(report) for report in reports) or "not run"


def count(name):
    return lambda r: f"{r['counts'].get(name, 0):,}"


def seconds(value):
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def us(value):
    return "-" if value is None else seconds(value / 1e6)


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|:---|" + "---:|" * (len(titles) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def per_kind(scenario, columns):
    """One row a kind; columns are pairs of title and figure."""
    rows = []
    for kind in KINDS:
        reports = runs(scenario, kind)
        spoiled = any(report["health"]["status"] == "invalid" for report in reports)
        link = f"[{kind}]({scenario}/{kind}/summary.txt)" + (" †" if spoiled else "")
        rows.append([link] + [both(reports, figure) for _, figure in columns])
    return table(["target"] + [title for title, _ in columns], rows)


def length(r):
    """From the first measured message to the empty backlog."""
    return r["run"]["measured_to_s"] - r["run"]["measured_from_s"] + (r["queue"]["drain_time_s"] or 0)


def target(key, scale=1.0, form="{:.2f}"):
    def figure(r):
        used = r["resources"]["target"]
        return form.format(used[key] / scale) if used else "-"

    return figure


def verdict(r):
    v = r["verdict"]
    classes = sorted({reason["class"] for reason in v["reasons"] if reason["class"] != "health"})
    return "pass" if not classes else ", ".join(classes)


def chaos(key):
    return lambda r: seconds(r["chaos"][0][key]) if r["chaos"] else "-"


def queue(path, form):
    def figure(r):
        value = r["queue"]
        for key in path.split("/"):
            value = value[key] if value is not None else None
        return "-" if value is None else form(value)

    return figure


def e2e(stat):
    return lambda r: us(r["latency"]["e2e_response"][stat])


def ledger(r):
    return r["correctness"]["verdict"] + ("" if r["queue"]["proved_empty"] else ", queue not empty")


def flat_out():
    def rate(r):
        return f"{r['counts']['delivered'] / length(r):,.0f}"

    def cost(r):
        used, span = r["resources"]["target"], r["run"]["measured_to_s"] - r["run"]["measured_from_s"]
        accepted = r["counts"]["accepted"]
        return f"{used['cpu_mean_cores'] * span / accepted * 1000:.2f} ms" if used and accepted else "-"

    return per_kind(
        "flat-out",
        [
            ("delivered, messages/s", rate),
            ("accepted, messages/s", lambda r: f"{r['rates']['accepted']:,.0f}"),
            ("left to drain", queue("drain_time_s", seconds)),
            ("CPU, cores", target("cpu_mean_cores")),
            ("CPU a message accepted", cost),
            ("memory, MiB", target("rss_max_bytes", 2**20, "{:.0f}")),
            ("disk, MiB/s", target("io_mean_bytes_per_s", 2**20, "{:.1f}")),
            ("ledger", ledger),
        ],
    )


def crash():
    return per_kind(
        "crash-recovery",
        [
            ("accepted", count("accepted")),
            ("lost", count("lost")),
            ("came twice", count("duplicates")),
            ("unexcused", count("duplicates_unexcused")),
            ("not provable", count("ambiguous_only")),
            ("down", chaos("down_s")),
            ("first accept", chaos("first_accept_s")),
            ("first delivery", chaos("first_delivery_s")),
            ("drained in", queue("drain_time_s", seconds)),
            ("ledger", ledger),
        ],
    )


def curve():
    rows = []
    for kind in KINDS:
        for report in runs("retry-schedule", kind)[:1]:
            for point in report["retry_curve"]:
                seen = [seconds(point[key]) if point["count"] else "-" for key in ("p5_s", "p50_s", "p95_s")]
                rows.append(
                    [kind, str(point["attempt"]), seconds(point["configured_s"]), *seen]
                    + [str(point[key]) for key in ("count", "early", "missed")]
                )
    titles = ["target", "after attempt", "configured", "p5", "p50", "p95", "gaps", "early", "missed"]
    return table(titles, rows)


def isolation():
    def healthy(domain):
        def figure(r):
            place = next(place for place in r["destinations"] if place["domain"] == domain)
            return us(place["latency"]["e2e_response"]["p95"])

        return figure

    return per_kind(
        "isolation",
        [
            ("healthy p99 before", queue("isolation/before_p99_us", us)),
            ("healthy p99 while one is sick", queue("isolation/during_p99_us", us)),
            ("times", queue("isolation/inflation", "{:.1f}".format)),
            ("quick.test p95, whole run", healthy("quick.test")),
            ("brisk.test p95, whole run", healthy("brisk.test")),
            ("drained in", queue("drain_time_s", seconds)),
            ("lost", count("lost")),
            ("unexcused", count("duplicates_unexcused")),
            ("ledger", ledger),
        ],
    )


def herd():
    return per_kind(
        "outage-and-herd",
        [
            ("peak, attempts/s", queue("herd/peak_per_s", "{:.0f}".format)),
            ("times the mean", queue("herd/index", "{:.1f}".format)),
            ("Fano", queue("herd/fano", "{:.1f}".format)),
            ("attempts a delivery", queue("attempts_per_delivery_mean", "{:.2f}".format)),
            ("drained in", queue("drain_time_s", seconds)),
            ("lost", count("lost")),
            ("bounced", count("bounced")),
            ("ledger", ledger),
        ],
    )


def pause():
    return per_kind(
        "pause",
        [
            ("accepted", count("accepted")),
            ("lost", count("lost")),
            ("came twice", count("duplicates")),
            ("first delivery after", chaos("first_delivery_s")),
            ("e2e p50", e2e("p50")),
            ("e2e max", e2e("max")),
            ("drained in", queue("drain_time_s", seconds)),
            ("ledger", ledger),
        ],
    )


def versions():
    rows = []
    for kind in KINDS:
        report = runs("flat-out", kind)[0]
        rows.append([kind, report["target"]["version"].replace("|", "\\|")])
    return table(["target", "version"], rows)


TABLES = {
    "versions": versions,
    "flat-out": flat_out,
    "crash-recovery": crash,
    "retry-schedule": curve,
    "isolation": isolation,
    "outage-and-herd": herd,
    "pause": pause,
}


def write():
    file = HERE / "README.md"
    text = file.read_text()
    for name, make in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, rest = text.split(begin)
        text = before + begin + make() + end + rest.split(end, 1)[1]
    file.write_text(text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["keep"]:
        keep(pathlib.Path(sys.argv[2]))
    else:
        write()
