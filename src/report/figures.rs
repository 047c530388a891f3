//! Latency figures as text: which statistics there are, and how one that is withheld or only
//! a lower bound reads.

use hdrhistogram::Histogram;

use super::human;
use crate::measure::results::Latency;
use crate::measure::samples;

/// A statistic: its name in thresholds, its heading, and its value.
pub(super) struct Stat {
    /// As in thresholds and `at_least`.
    pub name: &'static str,
    /// As a column heading.
    pub title: &'static str,
    value: fn(&Latency) -> Option<u64>,
}

/// In order of size.
pub(super) const STATS: [Stat; 10] = [
    Stat { name: "min", title: "min", value: |latency| latency.min },
    Stat { name: "mean", title: "mean", value: mean_us },
    Stat { name: "p50", title: "p50", value: |latency| latency.p50 },
    Stat { name: "p75", title: "p75", value: |latency| latency.p75 },
    Stat { name: "p90", title: "p90", value: |latency| latency.p90 },
    Stat { name: "p95", title: "p95", value: |latency| latency.p95 },
    Stat { name: "p99", title: "p99", value: |latency| latency.p99 },
    Stat { name: "p999", title: "p99.9", value: |latency| latency.p999 },
    Stat { name: "p9999", title: "p99.99", value: |latency| latency.p9999 },
    Stat { name: "max", title: "max", value: |latency| latency.max },
];

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "durations")]
fn mean_us(latency: &Latency) -> Option<u64> {
    latency.mean.map(|mean| mean.round() as u64)
}

impl Stat {
    /// Microseconds, where it can be stated.
    pub(super) fn us(&self, latency: &Latency) -> Option<u64> {
        (self.value)(latency)
    }

    /// `3.1ms`; `>=30s` when the end of the run cut off what would have been longer; `-` when
    /// there are too few samples to state it. Where the instrument itself may have made a good part
    /// of it `<=262ms`; where it may have hidden one, too, or instead, `~3.1ms`.
    pub(super) fn text(&self, latency: &Latency) -> String {
        match self.us(latency) {
            None => "-".to_owned(),
            Some(us) if self.is_bound(latency) => format!(">={}", human::duration_us(us)),
            Some(us) => self.doubt(latency, us).to_owned() + &human::duration_us(us),
        }
    }

    /// The sign of a figure in doubt.
    fn doubt(&self, latency: &Latency, us: u64) -> &'static str {
        match latency.doubtful.iter().find(|one| one.stat == self.name) {
            None => "",
            Some(one) if one.most <= us => "<=",
            Some(_) => "~",
        }
    }

    /// Whether the instrument may have made a good part of the value, or hidden one.
    pub(super) fn is_doubtful(&self, latency: &Latency) -> bool {
        latency.is_doubtful(self.name)
    }

    /// Whether the value is only a lower bound.
    pub(super) fn is_bound(&self, latency: &Latency) -> bool {
        latency.at_least.iter().any(|name| name == self.name)
    }
}

/// The statistic of that name.
pub(super) fn text(latency: &Latency, name: &str) -> String {
    STATS.iter().find(|stat| stat.name == name).map_or_else(String::new, |stat| stat.text(latency))
}

/// The rows of a latency table, in reading order, with how they are called where the metric's
/// name alone would not say it.
pub(super) const ROWS: [(&str, &str); 6] = [
    ("submit_response", "submit_response"),
    ("submit_service", "  (service only)"),
    ("queue_time", "queue_time"),
    ("relay_latency", "relay_latency"),
    ("e2e_response", "e2e_response"),
    ("retry_gap", "retry_gap"),
];

/// The histogram in a report.
pub(super) fn histogram(latency: &Latency) -> Option<Histogram<u64>> {
    samples::decode(latency)
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
