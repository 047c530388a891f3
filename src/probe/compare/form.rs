//! Whether two fields of one name say the same in another form.

use mail_parser::MessageParser;

use super::address;
use super::field::{Field, squeezed};
use crate::probe::change::Change;

/// Fields in whose values white space separates words, so it cannot be left out.
const FREE_TEXT: [&str; 4] = ["subject", "comments", "keywords", "thread-topic"];

/// How one field came from the other, if it says the same: nothing where they are the same to the
/// byte.
pub(super) fn same(sent: &Field<'_>, arrived: &Field<'_>) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    if sent.name != arrived.name {
        changes.push(Change::HeaderCase);
    }
    if sent.value != arrived.value {
        changes.push(of_values(sent, arrived)?);
    } else if sent.gap != arrived.gap {
        changes.push(Change::Folding);
    }
    Some(changes)
}

fn of_values(sent: &Field<'_>, arrived: &Field<'_>) -> Option<Change> {
    let (one, other) = (sent.unfolded(), arrived.unfolded());
    let is_address = sent.is_one_of(&address::FIELDS);
    let words = is_address || sent.is_one_of(&FREE_TEXT);
    if one == other || !words && squeezed(&one) == squeezed(&other) {
        return Some(Change::Folding);
    }
    if is_address && let Some(form) = address::form(&one, &other) {
        return Some(form);
    }
    let written_otherwise = match () {
        () if sent.is_one_of(&["content-type", "content-disposition"]) => {
            parameters(&one) == parameters(&other)
        }
        () if sent.is_one_of(&["content-transfer-encoding", "mime-version"]) => {
            one.eq_ignore_ascii_case(&other)
        }
        () if sent.is("date") => instant(&one).is_some_and(|at| instant(&other) == Some(at)),
        () => false,
    };
    if written_otherwise {
        return Some(Change::HeaderForm);
    }
    let encoded = |value: &[u8]| memchr::memmem::find(value, b"=?").is_some();
    let may_be = encoded(&one) || encoded(&other);
    (may_be && decoded(&one) == decoded(&other)).then_some(Change::EncodedWords)
}

/// A value of Content-Type or Content-Disposition: what it is, then its parameters in order of
/// their names, without quotes (RFC 2045 §5.1).
pub(super) fn parameters(value: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(value);
    let mut quoted = false;
    let mut parts = text.split(|letter: char| {
        quoted ^= letter == '"';
        letter == ';' && !quoted
    });
    let kind = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut rest: Vec<String> = parts.filter_map(parameter).collect();
    rest.sort();
    rest.insert(0, kind);
    rest
}

fn parameter(text: &str) -> Option<String> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim().to_ascii_lowercase();
    let value = value.trim().trim_matches('"').to_owned();
    let value = if name == "charset" { value.to_ascii_lowercase() } else { value };
    Some([&name, "=", &value].concat())
}

fn instant(value: &[u8]) -> Option<i64> {
    let text = [b"Date: ", value, b"\r\n\r\n"].concat();
    let mail = MessageParser::default().parse_headers(&text)?;
    mail.date().filter(|date| date.is_valid()).map(mail_parser::DateTime::to_timestamp)
}

/// A value with its encoded words read (RFC 2047).
fn decoded(value: &[u8]) -> Option<String> {
    let text = [b"Subject: ", value, b"\r\n\r\n"].concat();
    let mail = MessageParser::default().parse_headers(&text)?;
    Some(mail.subject()?.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, sent: &str, arrived: &str) -> Option<Vec<Change>> {
        let field = |value| Field { name: name.as_bytes(), gap: b"", value };
        same(&field(sent.as_bytes()), &field(arrived.as_bytes()))
    }

    #[test]
    fn the_same_in_another_form() {
        for (name, sent, arrived, change) in [
            ("Subject", " a b", "\ta\r\n  b", Change::Folding),
            ("References", " <a@b><c@d>", " <a@b>\r\n <c@d>", Change::Folding),
            ("To", " a@b.test", " <a@b.test>", Change::HeaderForm),
            ("To", " a", " a@b.test", Change::AddressCompleted),
            (
                "Content-Type",
                " text/plain; charset=utf-8; format=flowed",
                " Text/Plain; format=\"flowed\"; charset=\"UTF-8\"",
                Change::HeaderForm,
            ),
            ("Content-Transfer-Encoding", " 8bit", " 8BIT", Change::HeaderForm),
            (
                "Date",
                " Tue, 24 Nov 2026 10:00:00 +0000",
                " 24 Nov 2026 11:00:00 +0100",
                Change::HeaderForm,
            ),
            ("Subject", " Grüße", " =?utf-8?q?Gr=C3=BC=C3=9Fe?=", Change::EncodedWords),
        ] {
            assert_eq!(of(name, sent, arrived), Some(vec![change]), "{name}: {sent} to {arrived}");
        }
    }

    #[test]
    fn not_the_same() {
        for (name, sent, arrived) in [
            ("Subject", " a b", " ab"),
            ("To", " Bob Smith <a@b.test>", " BobSmith <a@b.test>"),
            ("Content-Type", " text/plain; charset=utf-8", " text/plain; charset=latin1"),
            ("Date", " Tue, 24 Nov 2026 10:00:00 +0000", " Tue, 24 Nov 2026 10:00:01 +0000"),
            ("Date", " yesterday", " today"),
            ("Subject", " =?utf-8?q?a?=", " =?utf-8?q?b?="),
        ] {
            assert_eq!(of(name, sent, arrived), None, "{name}: {sent} to {arrived}");
        }
    }
}
