//! The times of one log on one scale.
//!
//! A traditional stamp has neither year nor zone, and a log may change its form half-way. Each
//! stamp becomes a [`Moment`] as it is read; which year and zone the incomplete ones mean is known
//! in the end, when the whole log has been seen: from a stamp beside them that says so, from a
//! 29 February, or from when the log was last written to.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};

use super::stamp::{LEAP_YEAR, Stamp, Written};

/// Half a year: two stamps without a year that lie further apart are not in the same year.
const HALF_YEAR_S: f64 = 183.0 * 86_400.0;

/// Days of a leap year, in seconds.
const LEAP_YEAR_S: f64 = 366.0 * 86_400.0;

/// A clock that goes back by so much, in seconds, at night, was put back at the end of summer
/// time.
const PUT_BACK_S: std::ops::RangeInclusive<f64> = 3_000.0..=3_600.0;

/// A clock is put back to 1, 2 or 3 o'clock.
const PUT_BACK_FROM: std::ops::RangeInclusive<i8> = 1..=3;

/// When a line was written, as far as it can be known while the log is being read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    known: Known,
    /// Seconds to be added.
    plus_s: f64,
    /// Whether the stamp has whole seconds only.
    pub(super) whole: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    /// Seconds since 1970.
    Utc(f64),
    /// The same, in local time.
    Local(f64),
    /// Local time in some year: the first of the log is 0.
    Undated(i32, DateTime),
}

impl Moment {
    /// So many seconds earlier.
    pub(super) fn minus(self, seconds: f64) -> Moment {
        Moment { plus_s: self.plus_s - seconds, ..self }
    }
}

/// The scale of one log, whose stamps are read in its order.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// The last day on which the log can have been written to.
    written_until: Option<Date>,
    /// Number of the current year, and the stamp without a year that was read last.
    year: i32,
    last_undated: Option<DateTime>,
    /// The last of all of them.
    newest: Option<(i32, DateTime)>,
    /// Years in which a 29 February was seen.
    leap: Option<i32>,
    /// The stamp with a year that was read last, as local time.
    last_dated: Option<DateTime>,
    /// The year that number 0 is, once a stamp with a year stood beside one without.
    anchor: Option<i32>,
    /// Seconds that local time is ahead of UTC, where a stamp says so.
    offset_s: Option<i32>,
    /// What is to be added to local times since the clock was put back.
    put_back_s: f64,
    last_local_s: Option<f64>,
}

impl Timeline {
    /// Of a log that was last written to on this day.
    pub(super) fn until(day: Date) -> Timeline {
        Timeline { written_until: Some(day), ..Timeline::default() }
    }

    /// Puts the next stamp of the log on the scale.
    pub(super) fn place(&mut self, stamp: Stamp) -> Moment {
        let (known, plus_s) = match stamp.written {
            Written::Zoned(at, offset) => {
                self.offset_s = self.offset_s.or(Some(offset));
                self.dated(at);
                (Known::Utc(seconds(at) - f64::from(offset)), 0.0)
            }
            Written::Dated(at) => {
                self.dated(at);
                (Known::Local(seconds(at)), self.put_back(at, seconds(at)))
            }
            Written::Undated(at) => {
                self.undated(at);
                let passed = f64::from(self.year) * LEAP_YEAR_S;
                (Known::Undated(self.year, at), self.put_back(at, seconds(at) + passed))
            }
        };
        Moment { known, plus_s, whole: stamp.whole }
    }

    fn dated(&mut self, at: DateTime) {
        if self.anchor.is_none()
            && let Some(undated) = self.last_undated
        {
            self.anchor = Some(nearest_year(undated, at) - self.year);
        }
        self.last_dated = Some(at);
    }

    fn undated(&mut self, at: DateTime) {
        if let Some(last) = self.last_undated {
            let ahead = seconds(at) - seconds(last);
            // Lines come slightly out of order, at New Year too.
            self.year += i32::from(ahead < -HALF_YEAR_S) - i32::from(ahead > HALF_YEAR_S);
        } else if let Some(dated) = self.last_dated {
            self.anchor = Some(nearest_year(at, dated));
        }
        self.last_undated = Some(at);
        self.newest = self.newest.max(Some((self.year, at)));
        if (at.month(), at.day()) == (2, 29) {
            self.leap = Some(self.year);
        }
    }

    /// What to add to a local time: an hour for each time that the clock was put back.
    fn put_back(&mut self, at: DateTime, local_s: f64) -> f64 {
        let back = self.last_local_s.map_or(0.0, |last| last - local_s);
        if PUT_BACK_S.contains(&back) && PUT_BACK_FROM.contains(&at.hour()) {
            self.put_back_s += 3_600.0;
        }
        self.last_local_s = Some(local_s);
        self.put_back_s
    }

    /// Seconds since 1970; in local time where no stamp of the log named a zone.
    pub(super) fn seconds(&self, moment: Moment) -> f64 {
        let offset = f64::from(self.offset_s.unwrap_or(0));
        moment.plus_s
            + match moment.known {
                Known::Utc(at) => at,
                Known::Local(at) => at - offset,
                Known::Undated(year, at) => seconds(in_year(at, self.first_year() + year)) - offset,
            }
    }

    /// The year that number 0 is.
    fn first_year(&self) -> i32 {
        if let Some(anchor) = self.anchor {
            return anchor;
        }
        let Some((number, newest)) = self.newest else { return i32::from(LEAP_YEAR) };
        let until = self.written_until.unwrap_or(newest.date());
        let this = i32::from(until.year());
        let later = in_year(newest, this).date() > until.saturating_add(1.day());
        let mut year = this - i32::from(later) - number;
        if let Some(leap) = self.leap {
            let is_leap =
                |year: i32| i16::try_from(year).is_ok_and(|it| first_day(it).in_leap_year());
            // Eight years may lie between two leap years.
            let tries = (0..8).map(|back| year - back);
            year = tries.clone().find(|year| is_leap(year + leap)).unwrap_or(year);
        }
        year
    }
}

fn seconds(at: DateTime) -> f64 {
    jiff::tz::Offset::UTC.to_timestamp(at).map_or(0.0, |at| at.as_duration().as_secs_f64())
}

fn first_day(year: i16) -> Date {
    Date::new(year, 1, 1).unwrap_or(Date::MAX)
}

/// A time held in the leap year, in the year that it is of.
fn in_year(at: DateTime, year: i32) -> DateTime {
    let year = i16::try_from(year).unwrap_or(LEAP_YEAR);
    let month = Date::new(year, at.month(), 1).unwrap_or(at.date());
    month.saturating_add((i64::from(at.day()) - 1).days()).to_datetime(at.time())
}

/// The year in which a time without one lies nearest to one with.
fn nearest_year(undated: DateTime, dated: DateTime) -> i32 {
    let year = i32::from(dated.year());
    let distance = |year: &i32| (seconds(in_year(undated, *year)) - seconds(dated)).abs();
    let years = [year - 1, year, year + 1];
    years.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(year)
}

#[cfg(test)]
mod tests {
    use super::super::stamp;
    use super::*;

    /// Seconds from the first of these stamps to each, in a log last written to on a day.
    fn gaps(until: &str, stamps: &[&str]) -> Vec<f64> {
        let mut timeline = Timeline::until(until.parse().expect("a day"));
        let read = |text: &&str| timeline.place(stamp::read(text).expect("a stamp").0);
        let moments: Vec<Moment> = stamps.iter().map(read).collect();
        let at = |moment: &Moment| timeline.seconds(*moment);
        moments.iter().map(|moment| at(moment) - at(&moments[0])).collect()
    }

    #[test]
    fn february_has_29_days_in_leap_years_only() {
        let stamps = ["Feb 28 23:59:59", "Mar  1 00:00:01"];
        assert_eq!(gaps("2026-03-01", &stamps), [0.0, 2.0]);
        assert_eq!(gaps("2028-03-01", &stamps), [0.0, 86_402.0]);
        // Written to in January, it is last year's.
        assert_eq!(gaps("2025-01-05", &stamps), [0.0, 86_402.0]);
        // The log itself shows that its year is a leap year.
        let shown = ["Feb 28 23:59:59", "Feb 29 12:00:00", "Mar  1 00:00:01"];
        assert_eq!(gaps("2026-03-01", &shown), [0.0, 43_201.0, 86_402.0]);
    }

    #[test]
    fn a_year_ends_and_lines_out_of_order_do_not_end_it_again() {
        let stamps = ["Dec 31 23:59:59", "Jan  1 00:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01"];
        assert_eq!(gaps("2027-01-01", &stamps), [0.0, 1.0, 0.0, 2.0]);
        let two = ["Dec 31 23:59:59", "Feb 28 23:59:59", "Mar  1 00:00:00"];
        assert_eq!(gaps("2028-03-02", &two)[2] - gaps("2028-03-02", &two)[1], 86_401.0);
        assert_eq!(gaps("2027-03-02", &two)[2] - gaps("2027-03-02", &two)[1], 1.0);
    }

    #[test]
    fn a_log_that_changes_its_form_goes_on_where_it_was() {
        // In any year, and in local time.
        let forward =
            ["Jun  3 10:00:00", "2021-06-03T10:00:05.5+02:00", "2021-06-03T10:00:06+02:00"];
        assert_eq!(gaps("2026-11-30", &forward), [0.0, 5.5, 6.0]);
        let back = ["2021-06-03T10:00:00+02:00", "Jun  3 10:00:07", "Jun  3 10:00:08"];
        assert_eq!(gaps("2026-11-30", &back), [0.0, 7.0, 8.0]);
        let new_year = ["Dec 31 23:59:59", "2022-01-01T00:00:01Z"];
        assert_eq!(gaps("2026-11-30", &new_year), [0.0, 2.0]);
    }

    #[test]
    fn summer_time_ends_with_and_without_a_zone() {
        let zoned = ["2026-10-25 02:59:58 +0200", "2026-10-25 02:00:01 +0100"];
        assert_eq!(gaps("2026-10-25", &zoned), [0.0, 3.0]);
        let local = ["2026-10-25 02:59:58", "2026-10-25 02:00:01", "2026-10-25 03:00:00"];
        assert_eq!(gaps("2026-10-25", &local), [0.0, 3.0, 3602.0]);
        let syslog = ["Oct 25 02:59:58", "Oct 25 02:00:01"];
        assert_eq!(gaps("2026-10-25", &syslog), [0.0, 3.0]);
        // By day it is a line out of order.
        assert_eq!(gaps("2026-10-25", &["Oct 25 12:59:58", "Oct 25 12:00:01"]), [0.0, -3597.0]);
    }
}
