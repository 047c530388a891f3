"""Reads what mailbench wrote with software that is not ours, and says in JSON what it read.

    readers.py openmetrics FILE      Prometheus' own parser
    readers.py prometheus FILE       the same, for the older text format
    readers.py hlog FILE             HdrHistogram's Python port
    readers.py junit FILE            Python's XML parser
    readers.py schema SCHEMA FILE... JSON Schema
    readers.py dkim DNS FILE...      whether each is signed by the key in DNS (name, record)
"""

import json
import sys


def samples(families):
    return [[s.name, s.labels, s.value] for family in families for s in family.samples]


def openmetrics(path):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    return samples(text_string_to_metric_families(open(path, encoding="utf-8").read()))


def prometheus(path):
    from prometheus_client.parser import text_string_to_metric_families

    return samples(text_string_to_metric_families(open(path, encoding="utf-8").read()))


def hlog(path):
    from hdrh.histogram import HdrHistogram
    from hdrh.log import HistogramLogReader

    def empty():
        return HdrHistogram(1, 3_600_000_000, 3)

    reader = HistogramLogReader(path, empty())
    merged = {}
    while (interval := reader.get_next_interval_histogram()) is not None:
        merged.setdefault(interval.get_tag(), empty()).add(interval)
    quantiles = [50, 90, 99, 99.9, 100]
    return {
        tag: {
            "count": whole.get_total_count(),
            "values": [whole.get_value_at_percentile(q) for q in quantiles],
        }
        for tag, whole in merged.items()
    }


def junit(path):
    import xml.etree.ElementTree as tree

    root = tree.parse(path).getroot()
    suite = root.find("testsuite")
    cases = []
    for case in suite.iter("testcase"):
        failed, error = case.find("failure"), case.find("error")
        kind = "passed" if failed is None and error is None else "failed" if error is None else "error"
        wrong = error if failed is None else failed
        cases.append([case.get("classname"), case.get("name"), kind,
                      None if wrong is None else wrong.get("message")])
    totals = {key: int(suite.get(key)) for key in ("tests", "failures", "errors")}
    return {"name": suite.get("name"), "totals": totals, "cases": cases,
            "same": all(root.get(key) == suite.get(key) for key in totals),
            "out": suite.findtext("system-out")}


def schema(path, *reports):
    from jsonschema import Draft202012Validator

    checker = Draft202012Validator(json.load(open(path, encoding="utf-8")))
    found = {}
    for report in reports:
        errors = checker.iter_errors(json.load(open(report, encoding="utf-8")))
        found[report] = [f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in errors]
    return found


def dkim(dns, *messages):
    import dkim

    name, record = open(dns, "rb").read().splitlines()

    def published(asked, timeout=5):
        return record if asked == name else None

    return [dkim.verify(open(path, "rb").read(), dnsfunc=published) for path in messages]


readers = {
    "openmetrics": openmetrics,
    "prometheus": prometheus,
    "hlog": hlog,
    "junit": junit,
    "schema": schema,
    "dkim": dkim,
}
print(json.dumps(readers[sys.argv[1]](*sys.argv[2:])))
