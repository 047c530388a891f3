//! A header section taken apart: fields as they stand, and their values without folding.

use crate::probe::tally::field_length;

/// One header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// Its name, as written.
    pub(super) name: &'a [u8],
    /// White space before the colon, of the obsolete form (RFC 5322 §4.5).
    pub(super) gap: &'a [u8],
    /// All after the colon, folds included, without the last line end.
    pub(super) value: &'a [u8],
}

/// The fields of a header section, in order.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) all: Vec<Field<'a>>,
    /// Lines that belong to no field.
    pub(super) broken: Vec<&'a [u8]>,
}

impl<'a> Field<'a> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    pub(super) fn is_one_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.is(name))
    }

    /// The name, to be shown.
    pub(super) fn shown(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }

    /// The value with every run of white space as one space, none around it.
    pub(super) fn unfolded(&self) -> Vec<u8> {
        collapsed(self.value)
    }
}

/// Every run of white space as one space, none around it.
pub(super) fn collapsed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for word in text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
    out
}

/// Without any white space.
pub(super) fn squeezed(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

impl<'a> Fields<'a> {
    /// Takes a header section apart, its blank line included or not.
    pub(super) fn of(head: &'a [u8]) -> Fields<'a> {
        let mut fields = Fields::default();
        let mut rest = head;
        while !rest.is_empty() {
            let (field, after) = rest.split_at(field_length(rest));
            rest = after;
            let text = field.strip_suffix(b"\n").unwrap_or(field);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            match named(text) {
                Some(field) => fields.all.push(field),
                None if text.is_empty() => {}
                None => fields.broken.push(text),
            }
        }
        fields
    }
}

fn named(text: &[u8]) -> Option<Field<'_>> {
    let colon = memchr::memchr(b':', text)?;
    let name = text[..colon].trim_ascii_end();
    let gap = &text[name.len()..colon];
    let lawful = !name.is_empty() && name.iter().all(|byte| (33..=126).contains(byte));
    lawful.then_some(Field { name, gap, value: &text[colon + 1..] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_taken_apart() {
        let fields = Fields::of(b"A: b\r\n c\r\nno field\r\nD :e\r\n\tf\r\nG:\r\n\r\n");
        let parts: Vec<(&[u8], &[u8])> =
            fields.all.iter().map(|field| (field.name, field.value)).collect();
        let expected: [(&[u8], &[u8]); 3] = [(b"A", b" b\r\n c"), (b"D", b"e\r\n\tf"), (b"G", b"")];
        assert_eq!(parts, expected);
        assert_eq!(fields.broken, [b"no field"]);
        assert_eq!(fields.all[0].unfolded(), b"b c");
    }
}
