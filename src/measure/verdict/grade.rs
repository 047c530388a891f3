//! Whether a run met a threshold. A figure that is not known well enough does not meet it.

use crate::measure::results::{ThresholdResult, ThresholdStatus};
use crate::metric::catalogue::Unit;
use crate::scenario::model::Threshold;

/// What a run has to say about the figure a threshold bounds.
#[derive(Clone, Debug, PartialEq)]
pub enum Actual {
    /// The figure, in the base unit of its metric.
    Exactly(f64),
    /// The figure as measured; without the instrument's errors it lies between these.
    Between { value: f64, least: f64, most: f64 },
    /// Observations were cut off: the figure is this or more.
    AtLeast(f64),
    /// There is none; why.
    Unknown(String),
}

/// Grades one threshold.
#[must_use]
pub fn grade(threshold: &Threshold, actual: &Actual) -> ThresholdResult {
    let unit = threshold.subject.unit(threshold.stat);
    let met = |holds| if holds { ThresholdStatus::Met } else { ThresholdStatus::Missed };
    let (status, shown) = match actual {
        Actual::Exactly(value) => (met(threshold.bound.holds(*value)), Some(show(*value, unit))),
        Actual::Between { value, least, most } => {
            let holds = threshold.bound.holds_within(*least, *most);
            let shown = match holds {
                Some(_) => show(*value, unit),
                None => apart((*value, *least, *most), unit),
            };
            (holds.map_or(ThresholdStatus::Inconclusive, met), Some(shown))
        }
        Actual::AtLeast(value) => {
            (met(threshold.bound.holds_from(*value)), Some(format!(">= {}", show(*value, unit))))
        }
        Actual::Unknown(_) => (ThresholdStatus::NoData, None),
    };
    let reason = match actual {
        Actual::Unknown(why) => Some(why.clone()),
        _ => None,
    };
    let ok = status == ThresholdStatus::Met;
    ThresholdResult {
        expr: threshold.expr(),
        ok,
        actual: shown,
        status,
        line: threshold.lines.0,
        reason,
    }
}

/// A figure, with what it may be without the instrument's errors.
fn apart((value, least, most): (f64, f64, f64), unit: Unit) -> String {
    let (least, shown, most) = (show(least, unit), show(value, unit), show(most, unit));
    format!("{shown} ({least} to {most})")
}

/// A figure for people: three significant digits where it is not a whole number.
#[must_use]
pub fn show(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Number => significant(value),
        Unit::Rate => format!("{}/s", significant(value)),
        Unit::Share => format!("{value:.3}"),
        Unit::Bytes => size(value),
        Unit::ByteRate => format!("{}/s", size(value)),
        Unit::Duration if value < 1e-3 => format!("{}us", significant(value * 1e6)),
        Unit::Duration if value < 1.0 => format!("{}ms", significant(value * 1e3)),
        Unit::Duration => format!("{}s", significant(value)),
    }
}

fn size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB"];
    let mut value = bytes;
    for unit in units {
        if value < 1024.0 {
            return format!("{}{unit}", significant(value));
        }
        value /= 1024.0;
    }
    format!("{}GiB", significant(value))
}

fn significant(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::catalogue::{Stat, Subject};
    use crate::metric::latency::LatencyMetric;
    use crate::scenario::model::bound::Bound;

    fn judged(bound: &str, actual: &Actual) -> (ThresholdStatus, Option<String>) {
        let threshold = Threshold {
            subject: Subject::Latency(LatencyMetric::E2eResponse),
            destination: None,
            period: None,
            disturbance: None,
            stat: Stat::P99,
            bound: Bound::read(bound, Unit::Duration).expect("a bound"),
            words: Default::default(),
            lines: (3, 4),
        };
        let result = grade(&threshold, actual);
        assert_eq!(result.ok, result.status == ThresholdStatus::Met);
        (result.status, result.actual)
    }

    #[test]
    fn sizes_are_shown_in_their_unit() {
        assert_eq!(show(512.0, Unit::Bytes), "512B");
        assert_eq!(show(3.0 * 1024.0 * 1024.0, Unit::ByteRate), "3MiB/s");
        assert_eq!(show(1.5 * 1024.0 * 1024.0 * 1024.0, Unit::Bytes), "1.50GiB");
    }

    #[test]
    fn durations_are_shown_in_the_unit_that_keeps_three_digits() {
        let cases = [
            (0.0, "0us"),
            (250e-6, "250us"),
            (1e-3, "1ms"),
            (12.34e-3, "12.3ms"),
            (0.9994, "999ms"),
            (1.0, "1s"),
            (61.27, "61.3s"),
            (123.4, "123s"),
        ];
        for (seconds, shown) in cases {
            assert_eq!(show(seconds, Unit::Duration), shown, "{seconds}");
        }
    }

    #[test]
    fn each_unit_is_shown_with_its_suffix() {
        assert_eq!(show(79.27, Unit::Rate), "79.3/s");
        assert_eq!(show(0.98765, Unit::Share), "0.988");
        assert_eq!(show(-2.5, Unit::Number), "-2.50");
        assert_eq!(show(1024.0, Unit::Bytes), "1KiB");
        assert_eq!(show(1023.0, Unit::Bytes), "1023B");
    }

    #[test]
    fn a_known_figure_is_compared() {
        let actual = Actual::Exactly(1.312);
        assert_eq!(judged("< 2s", &actual), (ThresholdStatus::Met, Some("1.31s".to_owned())));
        assert_eq!(judged("< 1s", &actual).0, ThresholdStatus::Missed);
    }

    #[test]
    fn a_censored_figure_below_the_bound_is_missed_all_the_same() {
        let actual = Actual::AtLeast(0.5);
        let missed = (ThresholdStatus::Missed, Some(">= 500ms".to_owned()));
        assert_eq!(judged("< 2s", &actual), missed);
        assert_eq!(judged("> 400ms", &actual).0, ThresholdStatus::Met);
    }

    /// From 5 ms, without the pause of the instrument, to 262 ms, as measured; and the other way
    /// about, where an error makes a figure look better.
    #[test]
    fn an_error_of_the_instrument_decides_nothing() {
        use ThresholdStatus::{Inconclusive, Met, Missed};
        let worse = Actual::Between { value: 0.262, least: 0.005, most: 0.262 };
        let better = Actual::Between { value: 0.030, least: 0.030, most: 0.262 };
        for (bound, actual, status) in [
            ("< 300ms", &worse, Met),
            ("< 262ms", &worse, Inconclusive),
            ("<= 262ms", &worse, Met),
            ("< 100ms", &worse, Inconclusive),
            ("< 5ms", &worse, Missed),
            ("<= 5ms", &worse, Inconclusive),
            ("> 1ms", &worse, Met),
            ("> 100ms", &worse, Inconclusive),
            (">= 300ms", &worse, Missed),
            ("== 262ms", &worse, Inconclusive),
            ("== 300ms", &worse, Missed),
            ("!= 100ms", &worse, Inconclusive),
            ("!= 300ms", &worse, Met),
            ("< 50ms", &better, Inconclusive),
            ("< 300ms", &better, Met),
            ("< 20ms", &better, Missed),
        ] {
            assert_eq!(judged(bound, actual).0, status, "{bound} {actual:?}");
        }
        let shown = judged("< 100ms", &worse).1.expect("a figure");
        assert_eq!(shown, "262ms (5ms to 262ms)");
        assert_eq!(judged("< 300ms", &worse).1, Some("262ms".to_owned()));
    }

    #[test]
    fn no_figure_is_no_data_and_not_met() {
        let actual = Actual::Unknown("12 of 368 samples".to_owned());
        assert_eq!(judged("> 0s", &actual), (ThresholdStatus::NoData, None));
    }
}
