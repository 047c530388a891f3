//! Times as logs write them: RFC 3339, Exim's date and time, and syslog's of old, which has no
//! year.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The year that times without one are put into: a leap year, so that every day is in it.
const YEAR: i64 = 2024;

/// Length of a year, for times that have gone over its end.
const YEAR_S: f64 = 366.0 * 86_400.0;

/// A time that goes back by more than this has gone over the end of the year.
const BACK_S: f64 = 180.0 * 86_400.0;

/// Reads the times of one log, in its order.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    years: f64,
    last: Option<f64>,
}

impl Stamps {
    /// The time at the start of a line, in seconds since some fixed time.
    pub(super) fn read(&mut self, line: &str) -> Option<f64> {
        if line.starts_with(|first: char| first.is_ascii_digit()) {
            return dated(line);
        }
        let (month, day, time) = {
            let mut words = line.split_ascii_whitespace();
            (words.next()?, words.next()?, words.next()?)
        };
        let text = format!("{YEAR} {month} {day} {time}");
        let at = seconds(DateTime::strptime("%Y %b %d %H:%M:%S", text).ok()?)?;
        if self.last.is_some_and(|last| last - at > BACK_S) {
            self.years += YEAR_S;
        }
        self.last = Some(at);
        Some(at + self.years)
    }
}

fn dated(line: &str) -> Option<f64> {
    let first = line.split_ascii_whitespace().next()?;
    if let Ok(at) = first.parse::<Timestamp>() {
        return Some(at.as_duration().as_secs_f64());
    }
    let mut words = line.split_ascii_whitespace();
    let text = format!("{}T{}", words.next()?, words.next()?);
    seconds(text.parse().ok()?)
}

fn seconds(at: DateTime) -> Option<f64> {
    Some(TimeZone::UTC.to_timestamp(at).ok()?.as_duration().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read() {
        let mut stamps = Stamps::default();
        let mut gap = |one: &str, other: &str| {
            let (one, other) = (stamps.read(one), stamps.read(other));
            other.expect("a time") - one.expect("a time")
        };
        assert_eq!(gap("Nov  4 21:25:00 mx x", "Nov 14 21:25:01 mx x"), 864_001.0);
        assert_eq!(gap("2026-11-24T21:25:00.25+01:00 x", "2026-11-24T20:25:01.5Z x"), 1.25);
        assert_eq!(gap("2026-11-24 21:25:00.5 x", "2026-11-24 21:25:02 x"), 1.5);
        assert_eq!(gap("Dec 31 23:59:59 mx x", "Jan  1 00:00:00 mx x"), 1.0);
        assert_eq!(Stamps::default().read("what is this"), None);
        assert_eq!(Stamps::default().read(""), None);
    }
}
