//! `capacity.html`: the answer, the load-latency curve, the trials.

use super::words::{self, TITLES, answer, facts, figures, method};
use crate::escape::{json_in_html, xml};
use crate::measure::capacity::results::{Capacity, Outcome, Point};
use crate::report::html::chart::{Axis, Chart, Form, Mark, Series};
use crate::report::html::page::{Section, page};
use crate::report::{human, sizing};

pub(super) fn render(capacity: &Capacity) -> std::io::Result<String> {
    let data = json_in_html(&serde_json::to_string(capacity)?);
    let title = format!("{}: capacity (mailbench)", capacity.name);
    let section = |id, title, body| Section { id, title, body };
    let sections = [
        section("sizing", "Sizing", listed(capacity)),
        section("curve", "Load and latency", charts(capacity) + &points(capacity)),
        section("trials", "Trials", trials(capacity)),
    ];
    Ok(page(&title, &head(capacity), &sections, &data))
}

fn head(capacity: &Capacity) -> String {
    let banner = match capacity.simulated {
        true => format!("<p class=\"doubt\"><b>{}</b></p>\n", sizing::SIMULATED),
        false => String::new(),
    };
    let tone = if capacity.exit_code == 0 { "good" } else { "doubt" };
    format!(
        "<header>\n<h1>{}</h1>\n{banner}<p>{}</p>\n<p class=\"faint\">{} {} · target {}<br>\n{}</p>\n\
         <div class=\"verdict {tone}\"><b>{}</b></div>\n</header>\n",
        xml(&capacity.name),
        xml(&capacity.question),
        xml(&capacity.tool.name),
        xml(&capacity.tool.version),
        xml(&capacity.target),
        xml(&method(capacity)),
        xml(&answer(capacity)),
    )
}

fn listed(capacity: &Capacity) -> String {
    let row = |(name, value): (&str, String)| {
        format!("<tr><td>{name}</td><td>{}</td></tr>\n", xml(&value))
    };
    let rows: String = facts(capacity).into_iter().map(row).collect();
    format!("<div class=\"wide\"><table>\n<tbody>\n{rows}</tbody>\n</table></div>\n")
}

fn charts(capacity: &Capacity) -> String {
    if capacity.curve.len() < 2 {
        return String::new();
    }
    let latency = [
        series(capacity, "p50", "received", |it| it.seen.e2e_p50_us.map(|us| us as f64 / 1e6)),
        series(capacity, "p99", "sent", |it| it.seen.e2e_p99_us.map(|us| us as f64 / 1e6)),
    ];
    let goodput = [
        series(capacity, "offered", "offered", |it| Some(it.seen.offered_per_s)),
        series(capacity, "goodput", "received", |it| Some(it.seen.goodput_per_s)),
    ];
    let top = latency.iter().flat_map(|one| &one.points).filter_map(|(_, y)| *y);
    let (low, high) = top.fold((f64::MAX, 0.0_f64), |(low, high), y| (low.min(y), high.max(y)));
    let most = goodput.iter().flat_map(|one| &one.points).filter_map(|(_, y)| *y);
    let most = most.fold(0.0, f64::max);
    let low = low.clamp(1e-4, 1.0);
    [
        chart(
            capacity,
            "End-to-end time by rate",
            (Axis::log(low, high.max(low * 10.0)), human::duration_s),
            latency,
        ),
        chart(capacity, "Goodput by rate", (Axis::from_zero(most), human::rate), goodput),
    ]
    .concat()
}

fn chart(
    capacity: &Capacity,
    title: &str,
    (y, label): (Axis, fn(f64) -> String),
    series: [Series; 2],
) -> String {
    let rates = capacity.curve.iter().map(|point| point.rate_per_s);
    let most = rates.clone().fold(0.0, f64::max);
    let knee = capacity.knee_per_s.map(|at| Mark { at, label: "knee".to_owned() });
    let full = capacity.lower_bound_per_s.map(|at| Mark { at, label: "capacity".to_owned() });
    let chart = Chart {
        title: title.to_owned(),
        note: String::new(),
        bands: Vec::new(),
        series: series.into(),
        spans: Vec::new(),
        edges: knee.into_iter().chain(full).collect(),
        x: Axis::from_zero(most),
        ticks: rates.map(|at| Mark { at, label: human::rate(at) }).collect(),
        y,
        place: human::rate,
        label,
    };
    chart.figure()
}

type Value = fn(&Point) -> Option<f64>;

fn series(capacity: &Capacity, name: &str, colour: &'static str, value: Value) -> Series {
    let points = capacity.curve.iter().map(|point| (point.rate_per_s, value(point)));
    Series {
        name: name.to_owned(),
        colour,
        form: Form::Line,
        points: points.collect(),
        said: String::new(),
    }
}

fn points(capacity: &Capacity) -> String {
    let titles: String =
        TITLES.iter().map(|title| format!("<th class=\"n\">{title}</th>")).collect();
    let row = |point: &Point| {
        let cells: String = figures(&point.seen)
            .iter()
            .map(|it| format!("<td class=\"n\">{}</td>", xml(it)))
            .collect();
        format!(
            "<tr><td class=\"n\">{:.0}%</td><td class=\"n\">{}</td>{cells}<td>{}</td></tr>\n",
            point.share * 100.0,
            human::rate(point.rate_per_s),
            held(point.good),
        )
    };
    let rows: String = capacity.curve.iter().map(row).collect();
    table(
        &format!("<th class=\"n\">load</th><th class=\"n\">rate</th>{titles}<th>held</th>"),
        &rows,
    )
}

fn trials(capacity: &Capacity) -> String {
    let rows = capacity.trials.iter().map(|trial| {
        let [_, _, _, p99, ..] = figures(&trial.seen);
        let (tone, held) = match trial.outcome() {
            Outcome::Good => ("good", words::held(trial)),
            Outcome::Bad => ("bad", words::held(trial)),
            Outcome::Inconclusive => ("doubt", words::held(trial)),
        };
        format!(
            "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td \
             class=\"n\">{}</td><td><span class=\"{tone}\">{held}</span></td><td \
             class=\"w\">{}</td></tr>\n",
            human::rate(trial.rate_per_s),
            human::duration_s(trial.duration_s),
            xml(&words::delivered(&trial.seen)),
            xml(&p99),
            xml(&words::why(trial)),
        )
    });
    let titles = "<th class=\"n\">rate</th><th class=\"n\">length</th><th \
                  class=\"n\">delivered</th><th class=\"n\">e2e p99</th><th>held</th>\
                  <th>why not</th>";
    table(titles, &rows.collect::<String>())
}

fn table(titles: &str, rows: &str) -> String {
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table></div>\n"
    )
}

fn held(good: bool) -> &'static str {
    if good { "<span class=\"good\">yes</span>" } else { "<span class=\"bad\">no</span>" }
}
