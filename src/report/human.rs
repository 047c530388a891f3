//! Numbers as people read them: durations, counts, shares, rates, bytes.

use crate::escape::plain;

/// Microseconds, to about three digits: `850us`, `3.1ms`, `212ms`, `1.31s`, `2m05s`, `1h02m`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn duration_us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}us"),
        1_000..99_950 => format!("{:.1}ms", us as f64 / 1e3),
        99_950..999_500 => format!("{:.0}ms", us as f64 / 1e3),
        999_500..9_995_000 => format!("{:.2}s", us as f64 / 1e6),
        9_995_000..59_950_000 => format!("{:.1}s", us as f64 / 1e6),
        _ => long_duration((us + 500_000) / 1_000_000),
    }
}

fn long_duration(seconds: u64) -> String {
    if seconds < 3600 {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60)
    }
}

/// Seconds, as [`duration_us`].
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held above zero")]
pub fn duration_s(seconds: f64) -> String {
    duration_us((seconds.max(0.0) * 1e6).round() as u64)
}

/// A place on a time axis: `0s`, `12.5s`, `2m05s`.
#[must_use]
pub fn moment(seconds: f64) -> String {
    if seconds.abs() < 60.0 {
        let text = format!("{seconds:.1}");
        format!("{}s", text.strip_suffix(".0").unwrap_or(&text))
    } else {
        duration_s(seconds)
    }
}

/// A count with thousands separators.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `one` or `many` with its count.
#[must_use]
pub fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// Part of a whole in percent. Neither 0 % nor 100 % is said of what is only nearly so.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    if part > 0 && percent < 0.01 {
        "<0.01%".to_owned()
    } else if part < whole && percent > 99.99 {
        ">99.99%".to_owned()
    } else if part == whole || part == 0 {
        format!("{percent:.0}%")
    } else {
        format!("{percent:.2}%")
    }
}

/// A rate: `0.42/s`, `98.7/s`, `12,345/s`.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held above zero")]
pub fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 999.5 => format!("{}/s", count(rate.round() as u64)),
        rate if rate >= 10.0 => format!("{rate:.1}/s"),
        rate => format!("{rate:.2}/s"),
    }
}

/// Bytes: `512 B`, `12.3 MiB`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = value as f64;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{value} B") } else { format!("{scaled:.1} {}", UNITS[unit]) }
}

/// A plain number to three digits, without trailing zeros.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "above zero")]
pub fn number(value: f64) -> String {
    let text = match value.abs() {
        _ if value >= 999.5 => return count(value.round() as u64),
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

/// A value with its unit, as the unit is best read.
#[must_use]
pub fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "us" => duration_s(value / 1e6),
        "ms" => duration_s(value / 1e3),
        "s" => duration_s(value),
        "share" => format!("{}%", number(value * 100.0)),
        unit if unit.starts_with('%') => format!("{}{}", number(value), plain(unit)),
        "" => number(value),
        unit => format!("{} {}", number(value), plain(unit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_the_right_unit() {
        let cases = [
            (0, "0us"),
            (999, "999us"),
            (3_100, "3.1ms"),
            (99_949, "99.9ms"),
            (99_950, "100ms"),
            (999_499, "999ms"),
            (999_500, "1.00s"),
            (1_310_000, "1.31s"),
            (9_995_000, "10.0s"),
            (59_949_000, "59.9s"),
            (59_950_000, "1m00s"),
            (125_400_000, "2m05s"),
            (3_725_000_000, "1h02m"),
        ];
        for (us, text) in cases {
            assert_eq!(duration_us(us), text);
        }
        assert_eq!(duration_s(17.2), "17.2s");
        assert_eq!((moment(0.0), moment(12.5)), ("0s".to_owned(), "12.5s".to_owned()));
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "probe", "probes"), "1 probe");
    }

    #[test]
    fn nearly_all_is_not_all() {
        assert_eq!(share(3, 3), "100%");
        assert_eq!(share(0, 3), "0%");
        assert_eq!(share(1, 3), "33.33%");
        assert_eq!(share(29_999_999, 30_000_000), ">99.99%");
        assert_eq!(share(1, 30_000_000), "<0.01%");
        assert_eq!(share(0, 0), "");
    }

    #[test]
    fn the_rest() {
        assert_eq!(rate(0.42), "0.42/s");
        assert_eq!(rate(98.74), "98.7/s");
        assert_eq!(rate(12_345.4), "12,345/s");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(number(6.4), "6.4");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(8.202), "8.2");
        assert_eq!(number(40.0), "40");
        assert_eq!(number(0.0123), "0.012");
        assert_eq!(number(1203.6), "1,204");
        assert_eq!(quantity(210.0, "us"), "210us");
        assert_eq!(quantity(0.125, "share"), "12.5%");
        assert_eq!(quantity(3.0, "% of time"), "3% of time");
        assert_eq!(quantity(3.0, "events"), "3 events");
    }
}
