//! Domains made unrecognisable: which domains a log names cannot be read from a trace; that two
//! messages went to the same one, can.

/// Makes domains unrecognisable: the same one always the same, under one key.
pub struct Pseudonyms {
    key: [u8; 32],
}

impl Pseudonyms {
    /// Under this key.
    #[must_use]
    pub fn new(key: &[u8]) -> Pseudonyms {
        Pseudonyms { key: *blake3::hash(key).as_bytes() }
    }

    /// A name in a reserved domain that stands for this one.
    #[must_use]
    pub fn of(&self, domain: &str) -> String {
        let hash = blake3::keyed_hash(&self.key, domain.as_bytes()).to_hex();
        format!("d{}.test", &hash[..12])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_same_under_the_same_key_only() {
        let names = Pseudonyms::new(b"one");
        assert_eq!(names.of("gmail.com"), Pseudonyms::new(b"one").of("gmail.com"));
        assert_ne!(names.of("gmail.com"), Pseudonyms::new(b"two").of("gmail.com"));
        assert_ne!(names.of("gmail.com"), names.of("gmail.con"));
        assert!(!names.of("gmail.com").contains("gmail") && names.of("a").ends_with(".test"));
    }
}
