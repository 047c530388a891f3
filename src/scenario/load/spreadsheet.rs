//! What a spreadsheet makes of a CSV, so that an error can name it: other separators, decimal
//! commas, dates, another encoding.

/// Refuses a file whose form as a whole is not that of a CSV with commas in UTF-8.
pub(super) fn form(bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16: save it as UTF-8".to_owned());
    }
    let head = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let separators = [(b';', "semicolons"), (b'\t', "tabs"), (b'|', "vertical bars")];
    let found = separators.iter().find(|(separator, _)| head.contains(separator));
    match found {
        Some((_, name)) if !head.contains(&b',') => Err(format!(
            "its columns are separated by {name}: save it with commas (and decimal points)"
        )),
        _ => Ok(()),
    }
}

/// What else a time may be, as the end of a sentence.
pub(super) fn time_hint(written: &str) -> &'static str {
    if is_decimal_comma(written) {
        return ": it has a decimal comma; write a point";
    }
    let digits = written.bytes().filter(u8::is_ascii_digit).count();
    if digits >= 6 && written.contains(['-', '/', ':']) && !written.starts_with('-') {
        return ": it is a date or a time of day; write how many seconds after the first row it is";
    }
    ""
}

/// What else a size may be, as the end of a sentence.
pub(super) fn size_hint(written: &str) -> &'static str {
    let mut groups = written.split([',', '.', '\'', ' ', '\u{a0}', '\u{202f}']);
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = (1..=3).contains(&first.len()) && digits(&first) && !rest.is_empty();
    if grouped && rest.iter().all(|group| group.len() == 3 && digits(group)) {
        return ": write it without separators of thousands";
    }
    if written.parse::<f64>().is_ok() || is_decimal_comma(written) {
        return ": write a whole number";
    }
    if written.starts_with(|first: char| first.is_ascii_digit()) {
        return ": write the number of bytes without a unit";
    }
    ""
}

fn is_decimal_comma(written: &str) -> bool {
    written.matches(',').count() == 1 && written.replace(',', ".").parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_writes_is_named() {
        let refused = |bytes: &[u8]| form(bytes).expect_err("refused");
        assert!(refused(b"time;size\n0;1\n").contains("semicolons"));
        assert!(refused(b"\xef\xbb\xbftime\tsize\n").contains("tabs"));
        assert!(refused(b"\xff\xfet\0i\0").contains("UTF-16"));
        assert_eq!(form(b"time,size\n"), Ok(()));
        assert_eq!(form(b"\xef\xbb\xbftime\n"), Ok(()));
        for (written, hint) in [
            ("0,5", "decimal comma"),
            ("2026-11-24T10:00:00Z", "a date"),
            ("24/11/2026 10:00", "a date"),
            ("10:00:00", "a date"),
            ("x", ""),
            ("-1", ""),
        ] {
            let found = time_hint(written);
            assert!(found.contains(hint) && (hint.is_empty() == found.is_empty()), "{written}");
        }
        for (written, hint) in [
            ("5,000", "thousands"),
            ("1'234'567", "thousands"),
            ("5 000", "thousands"),
            ("5.5", "whole number"),
            ("5 KiB", "without a unit"),
            ("4KB", "without a unit"),
            ("x", ""),
        ] {
            let found = size_hint(written);
            assert!(found.contains(hint) && (hint.is_empty() == found.is_empty()), "{written}");
        }
    }
}
