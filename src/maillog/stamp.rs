//! Times as logs write them: RFC 3339, date and time with or without a zone (Exim), traditional
//! syslog stamps without a year (RFC 3164), and seconds since 1970. Which year and zone they mean
//! is `timeline`'s.

use jiff::civil::{Date, DateTime, Time};

/// The year in which stamps without one are held: a leap year, so it has every day.
pub(super) const LEAP_YEAR: i16 = 2024;

/// A time as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Written {
    /// It names its zone: local time, and how many seconds that is ahead of UTC.
    Zoned(DateTime, i32),
    /// Local time of an unknown zone.
    Dated(DateTime),
    /// As `Dated`, the year unknown too; held in [`LEAP_YEAR`].
    Undated(DateTime),
}

/// A stamp of a log line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stamp {
    /// The time.
    pub(super) written: Written,
    /// Whether it has whole seconds only.
    pub(super) whole: bool,
}

impl Stamp {
    /// So many microseconds since 1970.
    pub(super) fn of_micros(micros: i64) -> Option<Stamp> {
        let at = jiff::Timestamp::from_microsecond(micros).ok()?;
        Some(Stamp {
            written: Written::Zoned(jiff::tz::Offset::UTC.to_datetime(at), 0),
            whole: false,
        })
    }

    /// How much it says: a stamp with a zone more than one with a date, and that more than one
    /// without a year.
    pub(super) fn rank(&self) -> u8 {
        match self.written {
            Written::Zoned(..) => 2,
            Written::Dated(_) => 1,
            Written::Undated(_) => 0,
        }
    }
}

/// The stamp at the start of a text, and what follows it.
pub(super) fn read(text: &str) -> Option<(Stamp, &str)> {
    let text = text.trim_start();
    let (first, rest) = word(text)?;
    if weekday(first) {
        return read(rest);
    }
    if let Some(found) = iso(first) {
        return Some((found, rest));
    }
    if let Some(seconds) = since_1970(first) {
        return Some((seconds, rest));
    }
    if let Ok(date) = first.parse::<Date>()
        && first.len() == 10
    {
        return dated(date, rest);
    }
    if let Some(year) = year(first) {
        return traditional(rest, Some(year));
    }
    traditional(text, None)
}

/// `2026-11-24T10:00:00.5+01:00`; the zone may be missing, or without its colon.
fn iso(word: &str) -> Option<Stamp> {
    let (date, clock) = word.split_once(['T', 't'])?;
    let date: Date = date.parse().ok()?;
    let end = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (time, whole) = time(&clock[..end])?;
    let at = date.to_datetime(time);
    let written = match &clock[end..] {
        "" => Written::Dated(at),
        zone => Written::Zoned(at, offset(zone)?),
    };
    Some(Stamp { written, whole })
}

/// `1795500000.123456`.
fn since_1970(word: &str) -> Option<Stamp> {
    let (seconds, fraction) = word.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !(9..=11).contains(&seconds.len()) || !digits(seconds) || !digits(fraction) {
        return None;
    }
    let micros = format!("{fraction:0<6}")[..6].parse::<i64>().ok()?;
    Stamp::of_micros(seconds.parse::<i64>().ok()? * 1_000_000 + micros)
}

/// `10:00:00.123 +0100`, after its date; the zone may be missing.
fn dated(date: Date, rest: &str) -> Option<(Stamp, &str)> {
    let (clock, rest) = word(rest)?;
    let (time, whole) = time(clock)?;
    let at = date.to_datetime(time);
    if let Some((zone, after)) = word(rest)
        && let Some(offset) = offset(zone)
    {
        return Some((Stamp { written: Written::Zoned(at, offset), whole }, after));
    }
    Some((Stamp { written: Written::Dated(at), whole }, rest))
}

/// `Nov 24 10:00:00.123`, `Nov 24 2026 10:00:00`.
fn traditional(text: &str, year_before: Option<i16>) -> Option<(Stamp, &str)> {
    let (name, rest) = word(text)?;
    let month = month(name)?;
    let (day, rest) = word(rest)?;
    let (next, after) = word(rest)?;
    let (year, clock, rest) = match year(next).filter(|_| year_before.is_none()) {
        Some(year) => {
            let (clock, after) = word(after)?;
            (Some(year), clock, after)
        }
        None => (year_before, next, after),
    };
    let (time, whole) = time(clock.trim_end_matches(':'))?;
    let date = Date::new(year.unwrap_or(LEAP_YEAR), month, day.parse().ok()?).ok()?;
    let at = date.to_datetime(time);
    let written = if year.is_some() { Written::Dated(at) } else { Written::Undated(at) };
    Some((Stamp { written, whole }, rest))
}

/// A time of day, and whether it has whole seconds only.
fn time(text: &str) -> Option<(Time, bool)> {
    let colons = text.bytes().filter(|byte| *byte == b':').count();
    let time = text.replace(',', ".").parse::<Time>().ok().filter(|_| colons == 2)?;
    Some((time, !text.contains(['.', ','])))
}

/// `Z`, `UTC`, `+0100`, `+01:00`, `+01`: seconds ahead of UTC.
fn offset(zone: &str) -> Option<i32> {
    if ["Z", "UTC", "GMT"].iter().any(|name| zone.eq_ignore_ascii_case(name)) {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|digit| *digit != ':').collect();
    let number = |text: &str| text.parse::<i32>().ok();
    let seconds = match digits.len() {
        2 => number(&digits)? * 3600,
        4 => number(&digits[..2])? * 3600 + number(&digits[2..])? * 60,
        _ => return None,
    };
    (digits.bytes().all(|byte| byte.is_ascii_digit()) && seconds <= 26 * 3600)
        .then_some(sign * seconds)
}

fn year(word: &str) -> Option<i16> {
    let year = word.parse().ok().filter(|year| (1990..2100).contains(year))?;
    (word.len() == 4).then_some(year)
}

fn month(name: &str) -> Option<i8> {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    (1_i8..).zip(NAMES).find_map(|(month, known)| (known == name).then_some(month))
}

fn weekday(name: &str) -> bool {
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&name.trim_end_matches(','))
}

/// The first word of a text, and what follows it.
pub(super) fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (end > 0).then(|| (&text[..end], text[end..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        text.parse().expect("a time")
    }

    #[test]
    fn each_form_is_read() {
        let day = at("2026-11-24T10:00:00");
        for (text, written) in [
            ("2026-11-24T10:00:00+01:00 mx x", Written::Zoned(day, 3600)),
            ("2026-11-24T10:00:00-0330 mx x", Written::Zoned(day, -12_600)),
            ("2026-11-24T10:00:00Z mx x", Written::Zoned(day, 0)),
            ("2026-11-24T10:00:00 mx x", Written::Dated(day)),
            ("2026-11-24 10:00:00 mx x", Written::Dated(day)),
            ("2026-11-24 10:00:00 +0100 mx x", Written::Zoned(day, 3600)),
            ("Tue 2026-11-24 10:00:00 UTC mx x", Written::Zoned(day, 0)),
            ("2026 Nov 24 10:00:00 mx x", Written::Dated(day)),
            ("Nov 24 2026 10:00:00 mx x", Written::Dated(day)),
            ("Nov 24 10:00:00 mx x", Written::Undated(at("2024-11-24T10:00:00"))),
            ("Nov  4 10:00:00 mx x", Written::Undated(at("2024-11-04T10:00:00"))),
            ("Feb 29 10:00:00 mx x", Written::Undated(at("2024-02-29T10:00:00"))),
        ] {
            let expected = Some((Stamp { written, whole: true }, "mx x"));
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn fractions_of_a_second_are_kept() {
        let written = at("2026-11-24T10:00:00.25");
        for text in ["2026-11-24T10:00:00.25Z x", "2026-11-24T10:00:00,25Z x"] {
            let zoned = Stamp { written: Written::Zoned(written, 0), whole: false };
            assert_eq!(read(text), Some((zoned, "x")), "{text}");
        }
        let undated = read("Nov 24 10:00:00.25 x").map(|(stamp, _)| (stamp.rank(), stamp.whole));
        assert_eq!(undated, Some((0, false)));
        let unix = read("1795500000.5 mx").expect("a stamp");
        let of_micros = Stamp::of_micros(1_795_500_000_500_000).expect("a time");
        assert_eq!(unix, (of_micros, "mx"));
    }

    #[test]
    fn what_is_no_stamp_is_none() {
        for text in [
            "",
            "what is this",
            "Nov",
            "Nov 24",
            "Nov 24 10:00",
            "Nov 31 10:00:00 x",
            "2026-13-01T00:00:00Z x",
            "2026-11-24 mx",
            "24/Nov/2026:10:00:00",
            "1795500000 mx",
            "2026-11-24T10:00:00+99:00 x",
            "Feb 30 10:00:00 x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
