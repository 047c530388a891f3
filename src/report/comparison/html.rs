//! `comparison.html`: the verdict, each figure with its interval drawn beside its margin, and the
//! runs laid over one another.

use super::words;
use crate::escape::{json_in_html, xml};
use crate::measure::comparison::results::{Comparison, Contrast, Design, Row, Side, Trial};
use crate::measure::latency::samples;
use crate::report::html::chart::{Axis, Chart, Form, Mark, Series};
use crate::report::html::page::{Section, page};
use crate::report::html::spectrum;
use crate::report::html::table::{class, table, toned};
use crate::report::human;

/// A colour and form for each side.
const LOOKS: [(&str, Form); 8] = [
    ("sent", Form::Line),
    ("deferred", Form::Line),
    ("received", Form::Line),
    ("queue", Form::Line),
    ("sent", Form::Dashed),
    ("deferred", Form::Dashed),
    ("received", Form::Dashed),
    ("queue", Form::Dashed),
];

/// The page.
pub(super) fn render(comparison: &Comparison) -> std::io::Result<String> {
    let data = json_in_html(&serde_json::to_string(comparison)?);
    let title = format!("{}: {} (mailbench)", comparison.name, comparison.verdict.status);
    let section = |id, title, body| Section { id, title, body };
    let sections = [
        section("figures", "Figure by figure", figures(comparison)),
        section("overlaid", "The sides overlaid", overlaid(comparison)),
        section("runs", "Run by run", runs(comparison)),
        section("notes", "Validity", notes(comparison)),
    ];
    Ok(page(&title, &head(comparison), &sections, &data))
}

fn head(comparison: &Comparison) -> String {
    let verdict = &comparison.verdict;
    let reasons: String =
        verdict.reasons.iter().map(|one| format!("<li>{}</li>\n", xml(&one.message))).collect();
    let reasons = if reasons.is_empty() { reasons } else { format!("<ul>\n{reasons}</ul>\n") };
    let worst = comparison.contrasts.iter().map(|contrast| contrast.verdict).max();
    let tone = worst.map_or("doubt", |worst| match class(words::tone(worst)) {
        "" => "good",
        class => class,
    });
    let side = |side: &Side| {
        format!("{} ({} {})", xml(&side.name), xml(&side.target_kind), xml(&side.target_version))
    };
    let others: Vec<String> = comparison.contrasts.iter().map(|it| side(&it.new)).collect();
    format!(
        "<header>\n<h1>{}</h1>\n<p>{}</p>\n<p class=\"faint\">{} {} · {} against {}<br>\n{}</p>\n\
         <div class=\"verdict {tone}\"><b>{}</b> exit {}\n{reasons}</div>\n</header>\n",
        xml(&comparison.name),
        xml(&comparison.question),
        xml(&comparison.tool.name),
        xml(&comparison.tool.version),
        others.join(", "),
        side(&comparison.base),
        xml(&words::method(comparison)),
        xml(&verdict.status.to_uppercase()),
        verdict.exit_code,
    )
}

fn figures(comparison: &Comparison) -> String {
    let key = format!(
        "<p class=\"faint\">What is starred decides, the others inform. The bar is the interval of \
         new over base on a scale from a third to three times, the dot the estimate, the grey band \
         the margin; “could show” is {}.</p>\n",
        words::COULD_SHOW
    );
    let tables: String =
        comparison.contrasts.iter().map(|contrast| figures_of(comparison, contrast)).collect();
    format!("{key}{tables}")
}

fn figures_of(comparison: &Comparison, contrast: &Contrast) -> String {
    let row = |row: &Row| {
        let name = format!("<code>{}</code>", xml(&row.metric));
        let name = if row.gated { format!("★ {name}") } else { name };
        let tone = class(words::tone(row.verdict));
        vec![
            name,
            xml(&words::base(row)),
            xml(&words::new(row)),
            xml(&words::ratio_of(row)),
            xml(&words::interval(row)),
            forest(row, comparison),
            words::detectable(row),
            toned(tone, row.verdict.words()),
        ]
    };
    let rows = words::OUTCOMES.into_iter().flat_map(|one| words::with(contrast, one)).map(row);
    let titles =
        ["", "#base", "#new", "#ratio", "#interval", "=new / base", "#could show", "=verdict"];
    let heading = if comparison.contrasts.len() > 1 {
        format!("<h3>{} against {}</h3>\n", xml(&contrast.new.name), xml(&comparison.base.name))
    } else {
        String::new()
    };
    heading + &table(&titles, rows.collect())
}

const WIDE: f64 = 180.0;

/// The interval of one ratio, on a logarithmic scale from a third to three times.
fn forest(row: &Row, comparison: &Comparison) -> String {
    let Some(ratio) = row.ratio else { return String::new() };
    let x = |ratio: f64| (0.5 + ratio.ln() / (2.0 * 3.0_f64.ln())).clamp(0.0, 1.0) * WIDE;
    let method = &comparison.method;
    let margin = if row.unit == "/s" { method.throughput_margin } else { method.latency_margin };
    let (from, to) = (x(1.0 / (1.0 + margin)), x(1.0 + margin));
    // An end that is not known lies beyond the scale.
    let ends = (row.low.map_or(0.0, x), row.high.map_or(WIDE, x));
    let bar = match (row.low, row.high) {
        (None, None) => String::new(),
        _ => format!(
            "<line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"8\" y2=\"8\" stroke=\"currentColor\" \
             stroke-width=\"2.5\"/>",
            ends.0,
            ends.1.max(ends.0 + 1.0)
        ),
    };
    let tone = class(words::tone(row.verdict));
    format!(
        "<svg class=\"{tone}\" width=\"{WIDE}\" height=\"16\" viewBox=\"0 0 {WIDE} 16\" \
         role=\"img\" aria-label=\"{} of the base\"><rect x=\"{from:.1}\" width=\"{:.1}\" y=\"0\" \
         height=\"16\" fill=\"var(--rule)\"/><line class=\"edge\" x1=\"{half}\" x2=\"{half}\" \
         y1=\"0\" y2=\"16\"/>{bar}<circle cx=\"{:.1}\" cy=\"8\" r=\"3.5\" fill=\"currentColor\"/>\
         </svg>",
        xml(&words::ratio_of(row)),
        to - from,
        x(ratio),
        half = WIDE / 2.0,
    )
}

/// Every side, the base first.
fn sides(comparison: &Comparison) -> Vec<&Side> {
    let others = comparison.contrasts.iter().map(|contrast| &contrast.new);
    std::iter::once(&comparison.base).chain(others).collect()
}

fn overlaid(comparison: &Comparison) -> String {
    let sides = sides(comparison);
    let lines = sides.iter().zip(LOOKS).filter_map(|(side, (colour, form))| {
        spectrum::line(&side.name, colour, form, &samples::read(&side.e2e_hdr)?)
    });
    let note = "all runs of a side together; each step to the right is ten times rarer";
    spectrum::chart("End-to-end time by percentile", note, lines.collect())
}

fn runs(comparison: &Comparison) -> String {
    let charts: String = if comparison.method.design == Design::Paired {
        comparison.method.gate.iter().map(|metric| course(comparison, metric)).collect()
    } else {
        String::new()
    };
    let row = |trial: &Trial| {
        let counted = if trial.counted { String::new() } else { toned("doubt", "does not count") };
        vec![
            trial.pair.to_string(),
            xml(&trial.variant),
            trial.attempt.to_string(),
            trial.exit_code.to_string(),
            trial.seed.to_string(),
            counted,
            format!("<code>{}</code>", xml(&trial.folder)),
            xml(&trial.reasons.join("; ")),
        ]
    };
    let titles = ["#pair", "", "#try", "#exit", "#seed", "=", "=folder", "~"];
    charts + &table(&titles, comparison.trials.iter().map(row).collect())
}

/// One figure from pair to pair, a line a side.
fn course(comparison: &Comparison, metric: &str) -> String {
    let unit = comparison.contrasts.iter().flat_map(|contrast| &contrast.figures);
    let unit = unit.filter(|row| row.metric == metric).map(|row| row.unit.as_str()).next();
    let line = |(side, (colour, form)): (&&Side, (&'static str, Form))| {
        let own = comparison.trials.iter().filter(|it| it.counted && it.variant == side.name);
        let points = own.map(|it| (f64::from(it.pair), it.figures.get(metric).copied()));
        let name = side.name.clone();
        Series { name, colour, form, points: points.collect(), said: String::new() }
    };
    let series: Vec<Series> = sides(comparison).iter().zip(LOOKS).map(line).collect();
    let values = series.iter().flat_map(|series| &series.points).filter_map(|(_, y)| *y);
    let top = values.fold(0.0, f64::max);
    let last = comparison.trials.iter().map(|trial| trial.pair).max().unwrap_or(1).max(2);
    let step = last.div_ceil(10).max(1) as usize;
    let tick = |pair: u32| Mark { at: f64::from(pair), label: pair.to_string() };
    Chart {
        title: metric.to_owned(),
        note: "by pair".to_owned(),
        bands: Vec::new(),
        series,
        spans: Vec::new(),
        edges: Vec::new(),
        x: Axis::Linear { low: 1.0, high: f64::from(last) },
        ticks: (1..=last).step_by(step).map(tick).collect(),
        y: Axis::from_zero(top),
        place: |pair| format!("pair {pair:.0}"),
        label: match unit {
            Some("us") => |us| human::duration_s(us / 1e6),
            Some("s") => human::duration_s,
            Some("/s") => human::rate,
            _ => human::number,
        },
    }
    .figure()
}

fn notes(comparison: &Comparison) -> String {
    let differences = comparison.differences.iter().map(|one| format!("Compared by force; {one}"));
    let warnings = comparison.warnings.iter().map(|warning| warning.message.clone());
    let rows = comparison.contrasts.iter().flat_map(|contrast| contrast.figures.iter());
    let rows: Vec<&Row> = rows.collect();
    let all = differences.chain(warnings).chain(words::notes(&rows));
    let items: String = all.map(|text| format!("<li>{}</li>\n", xml(&text))).collect();
    if items.is_empty() { items } else { format!("<ul>\n{items}</ul>\n") }
}
