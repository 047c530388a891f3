//! What may be done to the text of a message: its header fields and its body.

use super::mail::Mail;

/// A header field with its folds, without its last line end.
pub(crate) type Field = String;

impl Mail {
    /// Head, without the blank line, and body.
    pub(crate) fn halves(&self) -> (&[u8], &[u8]) {
        match memchr::memmem::find(&self.text, b"\r\n\r\n") {
            Some(at) => (&self.text[..at + 2], &self.text[at + 4..]),
            None => (&self.text, b""),
        }
    }

    pub(crate) fn fields(&self) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        let head = String::from_utf8_lossy(self.halves().0);
        for line in head.split_terminator("\r\n") {
            match fields.last_mut() {
                Some(last) if line.starts_with([' ', '\t']) => {
                    last.push_str("\r\n");
                    last.push_str(line);
                }
                _ => fields.push(line.to_owned()),
            }
        }
        fields
    }

    /// With header fields made of the present ones.
    pub(crate) fn head(self, make: impl FnOnce(Vec<Field>) -> Vec<Field>) -> Mail {
        let fields = make(self.fields());
        let mut text: Vec<u8> =
            fields.iter().flat_map(|field| [field.as_bytes(), b"\r\n"].concat()).collect();
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(self.halves().1);
        Mail { text, ..self }
    }

    /// With each header field made of the present one.
    pub(crate) fn each_field(self, make: impl Fn(&Field) -> Field) -> Mail {
        self.head(|fields| fields.iter().map(make).collect())
    }

    /// With fields before all others.
    pub(crate) fn trace(self, fields: &[&str]) -> Mail {
        self.head(|old| fields.iter().map(|&new| new.to_owned()).chain(old).collect())
    }

    /// With fields after all others.
    pub(crate) fn appended(self, fields: &[&str]) -> Mail {
        self.head(|old| old.into_iter().chain(fields.iter().map(|&new| new.to_owned())).collect())
    }

    /// Without the fields of these names, in lower case.
    pub(crate) fn without(self, names: &[&str]) -> Mail {
        self.head(|mut fields| {
            fields.retain(|field| !names.contains(&name(field).as_str()));
            fields
        })
    }

    /// With the value of one field made of the present one; the name in lower case.
    pub(crate) fn value(self, of: &str, make: impl Fn(&str) -> String) -> Mail {
        self.each_field(|field| match field.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case(of) => {
                format!("{name}: {}", make(value.trim_start()))
            }
            _ => field.clone(),
        })
    }

    /// With a body made of the present one.
    pub(crate) fn body(self, make: impl FnOnce(&[u8]) -> Vec<u8>) -> Mail {
        let (head, body) = self.halves();
        let text = [head, b"\r\n", &make(body)].concat();
        Mail { text, ..self }
    }

    /// With a body made of the present one, line by line, line ends left out.
    pub(crate) fn lines(self, make: impl Fn(&str) -> String) -> Mail {
        self.body(|body| {
            let body = String::from_utf8_lossy(body);
            let lines = body.split_terminator("\r\n").map(|line| make(line) + "\r\n");
            lines.collect::<String>().into_bytes()
        })
    }

    /// With one occurrence replaced in the whole text; the test fails where there is none.
    pub(crate) fn replaced(self, from: &str, to: &str) -> Mail {
        let at = memchr::memmem::find(&self.text, from.as_bytes());
        let at = at.unwrap_or_else(|| panic!("no {from:?} in a message"));
        let text = [&self.text[..at], to.as_bytes(), &self.text[at + from.len()..]].concat();
        Mail { text, ..self }
    }
}

/// A field's name in lower case.
pub(crate) fn name(field: &Field) -> String {
    field.split(':').next().unwrap_or_default().trim_end().to_ascii_lowercase()
}

/// Folded so that no line is longer than this where white space allows it (RFC 5322 §2.1.1).
pub(crate) fn folded(field: &Field, indent: &str, longest: usize) -> Field {
    let (mut out, mut width) = (String::new(), 0);
    for (index, word) in unfolded(field).split(' ').enumerate() {
        if index > 1 && width + 1 + word.len() > longest {
            out.push_str("\r\n");
            out.push_str(indent);
            width = indent.len();
        } else if index > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += word.len();
    }
    out
}

/// On one line: the line ends of folds taken off (RFC 5322 §2.2.3).
pub(crate) fn unfolded(field: &Field) -> Field {
    field.replace("\r\n", "")
}

/// In quoted-printable (RFC 2045 §6.7), line by line.
pub(crate) fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut width = 0;
    let mut bytes = body.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' && bytes.peek() == Some(&b'\n') {
            bytes.next();
            out.extend_from_slice(b"\r\n");
            width = 0;
            continue;
        }
        let before_end = bytes.peek().is_none_or(|next| *next == b'\r');
        let plain = (byte.is_ascii_graphic() && byte != b'=') || (byte == b' ' && !before_end);
        let shown = if plain { char::from(byte).to_string() } else { format!("={byte:02X}") };
        if width + shown.len() > 75 {
            out.extend_from_slice(b"=\r\n");
            width = 0;
        }
        width += shown.len();
        out.extend_from_slice(shown.as_bytes());
    }
    out
}

/// In base64 (RFC 2045 §6.8), 76 characters a line.
pub(crate) fn base64(body: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let all = base64::engine::general_purpose::STANDARD.encode(body);
    all.as_bytes().chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect()
}

/// In 7 bits by this encoding: the body, and the field that says so.
pub(crate) fn reencoded(mail: Mail, encoding: &str, encode: fn(&[u8]) -> Vec<u8>) -> Mail {
    if mail.halves().1.is_ascii() {
        return mail;
    }
    let mail = mail.value("content-transfer-encoding", |_| encoding.to_owned());
    mail.body(encode)
}
