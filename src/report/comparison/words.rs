//! A comparison's numbers as words, the same in every format for people.

use crate::measure::comparison::results::{Comparison, Contrast, Design, Outcome, Row};
use crate::measure::results::Marked;
use crate::report::human;
use crate::report::view::Tone;

/// Verdicts, worst first: the order in which a reader wants them.
pub(super) const OUTCOMES: [Outcome; 4] =
    [Outcome::Regression, Outcome::Inconclusive, Outcome::Improved, Outcome::NoDifferenceShown];

/// The rows with one verdict, those that decide first.
pub(super) fn with(contrast: &Contrast, outcome: Outcome) -> Vec<&Row> {
    let rows = contrast.figures.iter().filter(|row| row.verdict == outcome);
    let mut rows: Vec<&Row> = rows.collect();
    rows.sort_by_key(|row| !row.gated);
    rows
}

/// A figure's name, short enough for a column: `quick.test e2e p99` of a destination's.
pub(super) fn label(metric: &str) -> String {
    let named = metric.strip_prefix("e2e_response{destination=");
    match named.and_then(|rest| rest.split_once("}.")) {
        Some((domain, stat)) => format!("{domain} e2e {stat}"),
        None => metric.to_owned(),
    }
}

/// A value with its unit.
pub(super) fn value(value: f64, unit: &str) -> String {
    let bytes = |value: f64| human::bytes(value.max(0.0).round() as u64);
    match unit {
        "/s" => human::rate(value),
        "bytes" => bytes(value),
        "bytes/s" => format!("{}/s", bytes(value)),
        unit => human::quantity(value, unit),
    }
}

/// The base's value, or a dash.
pub(super) fn base(row: &Row) -> String {
    side(row.marked_base(), &row.unit)
}

/// The new value, or a dash.
pub(super) fn new(row: &Row) -> String {
    side(row.marked_new(), &row.unit)
}

/// A value with its mark.
fn side(known: Option<Marked<f64>>, unit: &str) -> String {
    known.map_or("-".to_owned(), |known| known.text(|known| value(known, unit)))
}

/// `0.953`; `12.4` of what is many times as large.
fn ratio(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 9.995 => format!("{ratio:.3}"),
        ratio if ratio < 99.95 => format!("{ratio:.1}"),
        ratio => human::number(ratio),
    }
}

/// The ratio, or a dash; marked where one side is a lower bound.
pub(super) fn ratio_of(row: &Row) -> String {
    row.marked_ratio().map_or("-".to_owned(), |it| it.text(ratio))
}

/// `0.912..0.996`, `>=0.912` where it has no upper end, or a dash.
pub(super) fn interval(row: &Row) -> String {
    match (row.low, row.high) {
        (Some(low), Some(high)) => format!("{}..{}", ratio(low), ratio(high)),
        (Some(low), None) => format!(">={}", ratio(low)),
        (None, Some(high)) => format!("<={}", ratio(high)),
        (None, None) => "-".to_owned(),
    }
}

/// What the column "could show" means.
pub(super) const COULD_SHOW: &str = "the smallest regression that such a comparison detects with \
    power 0.8, margin, correction for all figures that decide and extension included; - where \
    there are too few pairs for any";

/// `3.9%`, or a dash.
pub(super) fn detectable(row: &Row) -> String {
    row.detectable.map_or("-".to_owned(), percent)
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 0.0 && percent < 0.1 => "<0.1%".to_owned(),
        percent if percent < 9.95 => format!("{percent:.1}%"),
        percent => format!("{}%", human::number(percent.round())),
    }
}

/// How runs were made and judged, in a sentence or two.
pub(super) fn method(comparison: &Comparison) -> String {
    let method = &comparison.method;
    let counted = comparison.trials.iter().filter(|trial| trial.counted).count();
    let margins = format!(
        "worse counts beyond {} (rates {})",
        percent(method.latency_margin),
        percent(method.throughput_margin)
    );
    let sure = percent(1.0 - method.alpha);
    match (method.design, method.assumed_noise) {
        (Design::Single, noise) => format!(
            "One run a side, run-to-run variation assumed to be {}; {margins}; intervals hold {sure}.",
            percent(noise.unwrap_or(0.0))
        ),
        (Design::Paired, _) => format!(
            "{}{} in random order, {counted} of {} runs count; {margins}; intervals hold {sure} \
             (signed-rank, Hodges-Lehmann), what decides is corrected by Holm.",
            human::counted(u64::from(method.pairs), "pair", "pairs"),
            if method.extended { ", and as many again," } else { "" },
            comparison.trials.len(),
        ),
    }
}

/// Notes under a table, each once.
pub(super) fn notes(rows: &[&Row]) -> Vec<String> {
    let mut notes: Vec<(String, Vec<&str>)> = Vec::new();
    for row in rows {
        let Some(note) = &row.note else { continue };
        match notes.iter_mut().find(|(known, _)| known == note) {
            Some((_, metrics)) => metrics.push(&row.metric),
            None => notes.push((note.clone(), vec![&row.metric])),
        }
    }
    let of = |metrics: &[&str]| {
        if metrics.len() > 4 { format!("{} figures", metrics.len()) } else { metrics.join(", ") }
    };
    notes.into_iter().map(|(note, metrics)| format!("{}: {note}", of(&metrics))).collect()
}

/// A verdict's tone.
pub(super) fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Regression => Tone::Bad,
        Outcome::Inconclusive => Tone::Doubt,
        Outcome::Improved => Tone::Good,
        Outcome::NoDifferenceShown => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::figure::Better;

    #[test]
    fn bounds_are_marked() {
        let marked = |base, new| {
            let row = Row { base_at_least: base, new_at_least: new, ..row() };
            [super::base(&row), super::new(&row), ratio_of(&row)].join(" ")
        };
        assert_eq!(marked(false, false), "1.0ms 2.0ms 2.000");
        assert_eq!(marked(false, true), "1.0ms >=2.0ms >=2.000");
        assert_eq!(marked(true, false), ">=1.0ms 2.0ms <=2.000");
        assert_eq!(marked(true, true), ">=1.0ms >=2.0ms -");
        let ends = |low, high| interval(&Row { low, high, ..row() });
        assert_eq!(ends(Some(1.5), Some(2.5)), "1.500..2.500");
        assert_eq!(ends(Some(1.5), None), ">=1.500");
        assert_eq!(ends(None, Some(2.5)), "<=2.500");
        assert_eq!(ends(None, None), "-");
    }

    fn row() -> Row {
        Row {
            metric: "e2e_response.p99".to_owned(),
            unit: "us".to_owned(),
            better: Better::Lower,
            gated: true,
            base: Some(1_000.0),
            new: Some(2_000.0),
            base_at_least: false,
            new_at_least: false,
            ratio: Some(2.0),
            low: None,
            high: None,
            detectable: None,
            pairs: 1,
            p_worse: None,
            verdict: Outcome::Inconclusive,
            lacks_data: false,
            note: None,
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            (ratio(0.95312), ratio(12.43), ratio(1203.4)),
            ("0.953".to_owned(), "12.4".to_owned(), "1,203".to_owned())
        );
        assert_eq!([0.0, 0.0004, 0.039, 0.4912].map(percent), ["0.0%", "<0.1%", "3.9%", "49%"]);
        assert_eq!(value(12_400.0, "us"), "12.4ms");
        assert_eq!(value(98.74, "/s"), "98.7/s");
        assert_eq!(label("e2e_response{destination=a.test}.p99"), "a.test e2e p99");
        assert_eq!(label("drain_time"), "drain_time");
        assert_eq!(value(1536.0, "bytes/s"), "1.5 KiB/s");
    }
}
