//! The tables of the page: thresholds, instrument, counts, violations; then latency,
//! destinations, retries, faults, chaos, the target's processes, replies and circumstances.

use crate::measure::results::{HealthStatus, Results, ThresholdStatus, Violation};
use crate::report::escape::xml;
use crate::report::figures::{self, ROWS, STATS};
use crate::report::human;
use crate::report::sizing;
use crate::report::story::{self, value};
use crate::report::view::Tone;

/// A table; columns whose title begins with `#` are numbers.
fn table(titles: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let class = |n: usize| match titles.get(n) {
        Some(title) if title.starts_with('#') => " class=\"n\"",
        _ => "",
    };
    let titles_row: String = titles
        .iter()
        .enumerate()
        .map(|(n, title)| format!("<th{}>{}</th>", class(n), title.trim_start_matches('#')))
        .collect();
    let row = |cells: &Vec<String>| {
        let cell = |(n, cell): (usize, &String)| format!("<td{}>{cell}</td>", class(n));
        let cells: String = cells.iter().enumerate().map(cell).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.iter().map(row).collect();
    format!("<table>\n<tr>{titles_row}</tr>\n{rows}</table>\n")
}

fn section(title: &str, body: String) -> String {
    if body.is_empty() { body } else { format!("<h2>{title}</h2>\n{body}") }
}

fn toned(class: &str, text: &str) -> String {
    format!("<span class=\"{class}\">{}</span>", xml(text))
}

/// Verdict first: bounds, instrument, accounts, violations.
pub(super) fn judgement(results: &Results) -> String {
    [
        section("Thresholds", thresholds(results)),
        section("Instrument", health(results)),
        section("Mail", counts(results)),
        section("Violations", violations(results)),
        section("Warnings", warnings(results)),
    ]
    .concat()
}

/// How large the target must be.
fn sizing(results: &Results) -> String {
    let rows = sizing::lines(results).into_iter();
    table(&["", ""], rows.map(|(name, value)| vec![name.to_owned(), xml(&value)]).collect())
}

/// What lies behind it.
pub(super) fn details(results: &Results) -> String {
    [
        section("Latency", latency(results)),
        section("Queue", queue(results)),
        section("Sizing", sizing(results)),
        section("Destinations", destinations(results)),
        section("Retry delays", retries(results)),
        section("Faults", faults(results)),
        section("Chaos", chaos(results)),
        section("The target's processes", resources(results)),
        section("Replies", replies(results)),
        section("Circumstances", circumstances(results)),
    ]
    .concat()
}

fn thresholds(results: &Results) -> String {
    let row = |bound: &crate::measure::results::ThresholdResult| {
        let (class, sign) = match bound.status {
            ThresholdStatus::Met => ("good", "✓"),
            ThresholdStatus::Missed => ("bad", "✗"),
            ThresholdStatus::NoData => ("doubt", "?"),
        };
        let actual = bound.actual.as_deref().unwrap_or("too little data");
        vec![toned(class, sign), format!("<code>{}</code>", xml(&bound.expr)), xml(actual)]
    };
    table(&["", "threshold", "actual"], results.thresholds.iter().map(row).collect())
}

fn health(results: &Results) -> String {
    let row = |check: &crate::measure::results::HealthCheck| {
        let (class, word) = match check.status {
            HealthStatus::Valid => ("good", "valid"),
            HealthStatus::Warn => ("doubt", "warn"),
            HealthStatus::Invalid => ("bad", "invalid"),
        };
        let quantity = |value| xml(&human::quantity(value, &check.unit));
        let advice = if check.status == HealthStatus::Valid { "" } else { &check.advice };
        vec![
            toned(class, word),
            xml(&check.id),
            quantity(check.value),
            quantity(check.warn),
            quantity(check.invalid),
            xml(advice),
        ]
    };
    let titles = ["", "check", "#seen", "#warn above", "#invalid above", ""];
    table(&titles, results.health.checks.iter().map(row).collect())
}

fn counts(results: &Results) -> String {
    let row = |line: story::Line| {
        let class = match line.tone {
            Tone::Bad => "bad",
            Tone::Doubt => "doubt",
            Tone::Good => "good",
            Tone::Plain | Tone::Dim | Tone::Strong => "",
        };
        let indent = "&emsp;".repeat(line.part.depth());
        vec![
            format!("{indent}{}", toned(class, &line.name)),
            toned(class, &human::count(line.count)),
            xml(&line.share),
            line.rate,
            format!("<span class=\"faint\">{}</span>", xml(line.note)),
        ]
    };
    let rows = story::lines(results).into_iter().map(row).collect();
    table(&["", "#probes", "#share", "#rate", ""], rows)
}

fn violations(results: &Results) -> String {
    results.correctness.violations.iter().map(violation).collect()
}

fn violation(found: &Violation) -> String {
    let probe = found.probe.map_or_else(String::new, |probe| format!(" probe {probe}"));
    let recipient = xml(found.recipient.as_deref().unwrap_or(""));
    let seen: String = found
        .evidence
        .iter()
        .map(|seen| format!("<li><code>{}</code></li>\n", xml(seen)))
        .collect();
    format!(
        "<details><summary>{}{probe} {recipient}</summary>\n<ul>\n{seen}</ul>\n</details>\n",
        toned("bad", &found.class)
    )
}

fn warnings(results: &Results) -> String {
    let item = |one: &crate::measure::results::Warning| {
        format!("<p class=\"doubt\">{}</p>\n", xml(&one.message))
    };
    results.warnings.iter().map(item).collect()
}

fn latency(results: &Results) -> String {
    let mut titles = vec!["".to_owned()];
    titles.extend(STATS.iter().map(|stat| format!("#{}", stat.title)));
    titles.extend(["#n".to_owned(), "#cut off".to_owned()]);
    let headline = ROWS.iter().filter_map(|(name, _)| results.latency.get_key_value(*name));
    let other = |name: &str| ROWS.iter().all(|(known, _)| *known != name);
    let rest = results.latency.iter().filter(|(name, _)| other(name));
    let row = |(name, latency): (&String, &crate::measure::results::Latency)| {
        let mut cells = vec![format!("<code>{}</code>", xml(name))];
        cells.extend(STATS.iter().map(|stat| xml(&stat.text(latency))));
        cells.extend([human::count(latency.count), human::count(latency.censored)]);
        cells
    };
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    table(&titles, headline.chain(rest).map(row).collect())
}

fn queue(results: &Results) -> String {
    let queue = &results.queue;
    let seconds =
        |seconds: Option<f64>| seconds.map_or("did not drain".to_owned(), human::duration_s);
    let number = |value: Option<f64>| value.map_or("-".to_owned(), human::number);
    let peak =
        format!("{} at {}", human::count(queue.backlog_max), human::moment(queue.backlog_max_at_s));
    let proved = if queue.proved_empty { "yes" } else { "no" };
    let facts = [
        ("backlog, peak", peak),
        ("backlog, mean", human::number(queue.backlog_mean)),
        ("backlog at the close", human::count(queue.backlog_end)),
        ("drain time", seconds(queue.drain_time_s)),
        ("proved empty", proved.to_owned()),
        ("attempts a delivered probe", number(queue.attempts_per_delivery_mean)),
        ("fairness (Jain)", number(queue.fairness)),
        ("herd index", number(queue.herd.as_ref().map(|herd| herd.index))),
        ("herd, Fano factor", number(queue.herd.as_ref().map(|herd| herd.fano))),
        ("isolation, inflation of p99", number(queue.isolation.as_ref().map(|it| it.inflation))),
    ];
    let rows = facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    table(&["", "#"], rows)
}

fn destinations(results: &Results) -> String {
    let row = |place: &crate::measure::results::DestinationFacts| {
        let count = |name| human::count(value(&place.counts, name));
        let e2e = |stat| {
            let e2e = place.latency.get("e2e_response");
            xml(&e2e.map_or_else(String::new, |latency| figures::text(latency, stat)))
        };
        let attempts = place.attempts_per_delivery_mean.map_or("-".to_owned(), human::number);
        vec![
            xml(&place.domain),
            count("accepted"),
            count("delivered"),
            count("deferred"),
            count("bounced"),
            count("lost"),
            attempts,
            e2e("p50"),
            e2e("p99"),
            if place.faulty { toned("doubt", "faulty") } else { String::new() },
        ]
    };
    let titles = [
        "",
        "#accepted",
        "#delivered",
        "#deferred",
        "#bounced",
        "#lost",
        "#attempts",
        "#e2e p50",
        "#e2e p99",
        "",
    ];
    table(&titles, results.destinations.iter().map(row).collect())
}

fn retries(results: &Results) -> String {
    let row = |point: &crate::measure::results::RetryPoint| {
        let seconds =
            |seconds| if point.count == 0 { "-".to_owned() } else { human::duration_s(seconds) };
        vec![
            point.attempt.to_string(),
            human::duration_s(point.configured_s),
            seconds(point.p5_s),
            seconds(point.p50_s),
            seconds(point.p95_s),
            human::count(point.count),
            human::count(point.early),
            human::count(point.missed),
        ]
    };
    let titles =
        ["#after attempt", "#configured", "#p5", "#p50", "#p95", "#gaps", "#early", "#missed"];
    table(&titles, results.retry_curve.iter().map(row).collect())
}

fn faults(results: &Results) -> String {
    let row = |rule: &crate::measure::results::FaultFacts| {
        let when = rule.during_s.map_or("always".to_owned(), |(from, to)| {
            format!("{}..{}", human::moment(from), human::moment(to))
        });
        vec![
            xml(&rule.name),
            xml(rule.destination.as_deref().unwrap_or("everywhere")),
            xml(&rule.stage),
            when,
            xml(&rule.action),
            human::count(rule.struck),
        ]
    };
    let titles = ["", "where", "stage", "when", "what", "#struck"];
    table(&titles, results.faults.iter().map(row).collect())
}

fn chaos(results: &Results) -> String {
    let after = |seconds: Option<f64>| {
        seconds.map_or("-".to_owned(), |seconds| format!("+{}", human::duration_s(seconds)))
    };
    let row = |strike: &crate::measure::results::ChaosFacts| {
        vec![
            xml(&strike.what),
            human::moment(strike.at_s),
            after(strike.down_s),
            after(strike.first_accept_s),
            after(strike.first_delivery_s),
            xml(&strike.detail),
        ]
    };
    let titles = ["", "#at", "#down", "#first accept", "#first delivery", ""];
    table(&titles, results.chaos.iter().map(row).collect())
}

fn resources(results: &Results) -> String {
    let Some(used) = &results.resources.target else { return String::new() };
    let size = |bytes: f64| human::bytes(bytes.max(0.0).round() as u64);
    let rate = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{}/s", size(rate)));
    let count =
        |count: Option<u32>| count.map_or("-".to_owned(), |count| human::count(count.into()));
    let cores = |cores: f64| format!("{cores:.2}");
    let row = |name: &str, mean: String, most: String| vec![name.to_owned(), mean, most];
    let rows = vec![
        row("CPU, cores", cores(used.cpu_mean_cores), cores(used.cpu_max_cores)),
        row("memory", size(used.rss_mean_bytes), human::bytes(used.rss_max_bytes)),
        row("disk", rate(used.io_mean_bytes_per_s), rate(used.io_max_bytes_per_s)),
        row("open files", String::new(), count(used.open_files_max)),
        row("processes", String::new(), count(Some(used.processes_max))),
    ];
    table(&["", "#mean", "#peak"], rows)
}

fn replies(results: &Results) -> String {
    let row = |reply: &crate::measure::results::ReplyCount| {
        vec![
            xml(&reply.by),
            xml(&reply.stage),
            reply.code.to_string(),
            human::count(reply.count),
            format!("<code>{}</code>", xml(&reply.example)),
        ]
    };
    table(&["by", "stage", "#code", "#count", "such as"], results.replies.iter().map(row).collect())
}

fn circumstances(results: &Results) -> String {
    let mut rows: Vec<Vec<String>> =
        results.environment.iter().map(|(name, value)| vec![xml(name), xml(value)]).collect();
    rows.push(vec!["run".to_owned(), xml(&results.run.id)]);
    rows.push(vec!["scenario".to_owned(), xml(&results.run.scenario_sha256)]);
    let command = xml(&results.run.command);
    format!("{}<pre>{command}</pre>\n", table(&["", ""], rows))
}
