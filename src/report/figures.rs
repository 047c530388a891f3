//! Latency figures as text: which statistics there are, and how one that is withheld or only
//! a lower bound reads.

use hdrhistogram::Histogram;

use super::human;
use crate::measure::latency::samples;
use crate::measure::results::{Certainty, Latency, Marked, Results};

/// A statistic: its name in thresholds, and its heading.
pub(super) struct Stat {
    /// As in thresholds and `at_least`.
    pub name: &'static str,
    /// As a column heading.
    pub title: &'static str,
}

/// In order of size.
pub(super) const STATS: [Stat; 10] = [
    Stat { name: "min", title: "min" },
    Stat { name: "mean", title: "mean" },
    Stat { name: "p50", title: "p50" },
    Stat { name: "p75", title: "p75" },
    Stat { name: "p90", title: "p90" },
    Stat { name: "p95", title: "p95" },
    Stat { name: "p99", title: "p99" },
    Stat { name: "p999", title: "p99.9" },
    Stat { name: "p9999", title: "p99.99" },
    Stat { name: "max", title: "max" },
];

impl Stat {
    /// `3.1ms`; `>=30s` where observations without an end could raise it; `-` when there are too
    /// few samples to state it. Where the instrument itself may have made a good part of it
    /// `<=262ms`; where it may have hidden one, too, or instead, `~3.1ms`.
    pub(super) fn text(&self, latency: &Latency) -> String {
        text(latency, self.name)
    }

    /// Whether the instrument may have made a good part of the value, or hidden one.
    pub(super) fn is_doubtful(&self, latency: &Latency) -> bool {
        latency.is_doubtful(self.name)
    }

    /// Whether the value is only a lower bound.
    pub(super) fn is_bound(&self, latency: &Latency) -> bool {
        latency.is_bound(self.name)
    }
}

/// The statistic of that name, as [`Stat::text`].
pub(super) fn text(latency: &Latency, name: &str) -> String {
    let known = latency.stat(name);
    let doubt = known.filter(|known| known.certainty == Certainty::Exact);
    let doubt = doubt.map_or("", |known| doubt_of(latency, name, known.bare()));
    doubt.to_owned() + &duration(known)
}

/// The sign of a figure in doubt.
fn doubt_of(latency: &Latency, name: &str, us: u64) -> &'static str {
    match latency.doubtful.iter().find(|one| one.stat == name) {
        None => "",
        Some(one) if one.most <= us => "<=",
        Some(_) => "~",
    }
}

/// A duration in microseconds with its mark, or a dash.
pub(super) fn duration(us: Option<Marked<u64>>) -> String {
    us.map_or_else(|| "-".to_owned(), |us| us.text(human::duration_us))
}

/// How many times as long, with its mark; in words where nothing is known of it.
pub(super) fn times(ratio: Option<Marked<f64>>) -> String {
    let text = |ratio: Marked<f64>| ratio.text(|times| format!("{times:.1} times"));
    ratio.map_or_else(|| "ratio unknown (both are lower bounds)".to_owned(), text)
}

/// The rows of a latency table, in reading order, with how they are called where the metric's
/// name alone would not say it.
pub(super) const ROWS: [(&str, &str); 7] = [
    ("submit_response", "submit_response"),
    ("submit_service", "  (service only)"),
    ("refused_response", "refused_response"),
    ("queue_time", "queue_time"),
    ("relay_latency", "relay_latency"),
    ("e2e_response", "e2e_response"),
    ("retry_gap", "retry_gap"),
];

/// A row of a latency table.
pub(super) struct Row<'r> {
    /// The metric.
    pub name: &'static str,
    /// How it is called where the row above it says the rest.
    pub label: &'static str,
    /// Its figures.
    pub latency: &'r Latency,
}

/// The latencies worth a row in every summary, in reading order. What a closed load hides stands
/// below what it measured.
pub(super) fn rows(results: &Results) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for (name, label) in ROWS {
        rows.extend(results.latency.get(name).map(|latency| Row { name, label, latency }));
        let closed = results.closed_model.as_ref().filter(|_| name == "submit_response");
        rows.extend(closed.map(|closed| Row {
            name: "submit_response (corrected)",
            label: "  (corrected)",
            latency: &closed.corrected_submit_response,
        }));
    }
    rows
}

/// The histogram in a report: every observation, those without an end as `Latency::hdr` has them.
pub(super) fn histogram(latency: &Latency) -> Option<Histogram<u64>> {
    samples::decode(latency)
}

/// The observations of [`histogram`] that have no end; none in reports that do not keep them.
pub(super) fn without_end(latency: &Latency) -> Option<Histogram<u64>> {
    samples::read(&latency.hdr_censored)
}

/// From which percentile on the figures are lower bounds; `None`: none is.
pub(super) fn bound_from(latency: &Latency) -> Option<&'static str> {
    STATS
        .iter()
        .filter(|stat| stat.name.starts_with('p'))
        .find(|it| it.is_bound(latency))
        .map(|it| it.title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::results::DoubtfulFigure;

    #[test]
    fn a_figure_says_what_is_known() {
        let latency = Latency {
            p50: Some(3_100),
            p99: Some(30_000_000),
            at_least: vec!["p99".to_owned()],
            too_few: vec!["p999".to_owned()],
            ..Latency::default()
        };
        assert_eq!(text(&latency, "p50"), "3.1ms");
        assert_eq!(text(&latency, "p99"), ">=30.0s");
        assert_eq!(text(&latency, "p999"), "-");
    }

    #[test]
    fn a_figure_in_doubt_says_so() {
        let doubtful =
            |stat: &str, least, most| DoubtfulFigure { stat: stat.to_owned(), least, most };
        let latency = Latency {
            p50: Some(3_100),
            p90: Some(3_200),
            p99: Some(262_000),
            doubtful: vec![doubtful("p90", 3_200, 90_000), doubtful("p99", 5_100, 262_000)],
            ..Latency::default()
        };
        assert_eq!(text(&latency, "p50"), "3.1ms");
        assert_eq!(text(&latency, "p90"), "~3.2ms");
        assert_eq!(text(&latency, "p99"), "<=262ms");
    }

    #[test]
    fn a_damaged_histogram_is_none() {
        assert!(histogram(&Latency { hdr: "AAAA".to_owned(), ..Latency::default() }).is_none());
    }
}
