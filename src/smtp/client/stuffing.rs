//! Content as it goes over the wire after DATA: dots doubled, final dot appended
//! (RFC 5321 §4.5.2).

/// What ends the content, its last CRLF included (RFC 5321 §4.1.1.4).
pub const END_OF_DATA: &[u8] = b"\r\n.\r\n";

/// The message text with every leading dot doubled, ended by [`END_OF_DATA`]. Only CRLF ends a
/// line. A text that does not end in CRLF gets one, since SMTP cannot carry it otherwise.
#[must_use]
pub fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(text.len() + text.len() / 64 + END_OF_DATA.len());
    if text.starts_with(b".") {
        wire.push(b'.');
    }
    let mut copied = 0;
    for at in memchr::memmem::find_iter(text, b"\r\n.") {
        wire.extend_from_slice(&text[copied..at + 2]);
        wire.push(b'.');
        copied = at + 2;
    }
    wire.extend_from_slice(&text[copied..]);
    let ends_a_line = text.is_empty() || text.ends_with(b"\r\n");
    wire.extend_from_slice(if ends_a_line { &END_OF_DATA[2..] } else { END_OF_DATA });
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_dots_are_doubled_and_the_final_dot_appended() {
        let cases: [(&str, &str); 8] = [
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            ("", ".\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a\r\n.\r\n.b\r\n", "a\r\n..\r\n..b\r\n.\r\n"),
            ("a.\r\nb\r\n..\r\n", "a.\r\nb\r\n...\r\n.\r\n"),
            ("a\n.b\r.c\r\n", "a\n.b\r.c\r\n.\r\n"),
            ("a\r\n.", "a\r\n..\r\n.\r\n"),
        ];
        for (text, wire) in cases {
            assert_eq!(String::from_utf8_lossy(&stuffed(text.as_bytes())), wire, "{text:?}");
        }
    }
}
