//! What a server offers in its reply to EHLO, as far as it is used here. Pure.

use crate::smtp::mechanism::Mechanism;

/// What a server offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 1870.
    pub size: bool,
    /// RFC 6152.
    pub eight_bit_mime: bool,
    /// RFC 6531.
    pub smtp_utf8: bool,
    /// RFC 3030.
    pub chunking: bool,
    /// RFC 3461.
    pub dsn: bool,
    /// RFC 6710.
    pub mt_priority: bool,
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 4954: PLAIN, LOGIN, CRAM-MD5, XOAUTH2, SCRAM-SHA-256.
    logins: [bool; 5],
}

impl Capabilities {
    /// Reads the text of a reply to EHLO: a keyword a line after the first (RFC 5321 §4.1.1.1).
    pub(super) fn read(text: &str) -> Capabilities {
        let mut offered = Capabilities::default();
        for line in text.lines().skip(1) {
            // `AUTH=` is how servers of old spell it.
            let mut words = line.split([' ', '=']);
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "PIPELINING" => offered.pipelining = true,
                "SIZE" => offered.size = true,
                "8BITMIME" => offered.eight_bit_mime = true,
                "SMTPUTF8" => offered.smtp_utf8 = true,
                "CHUNKING" => offered.chunking = true,
                "DSN" => offered.dsn = true,
                "MT-PRIORITY" => offered.mt_priority = true,
                "STARTTLS" => offered.starttls = true,
                "AUTH" => words.for_each(|mechanism| offered.note_login(mechanism)),
                _ => {}
            }
        }
        offered
    }

    fn note_login(&mut self, mechanism: &str) {
        let known = ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "SCRAM-SHA-256"];
        if let Some(at) = known.iter().position(|name| name.eq_ignore_ascii_case(mechanism)) {
            self.logins[at] = true;
        }
    }

    /// Whether one can log in by this mechanism.
    #[must_use]
    pub fn offers_login(&self, mechanism: Mechanism) -> bool {
        self.logins[match mechanism {
            Mechanism::Plain => 0,
            Mechanism::Login => 1,
            Mechanism::CramMd5 => 2,
            Mechanism::Xoauth2 => 3,
            Mechanism::ScramSha256 => 4,
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_read_in_either_case() {
        let text = "a.test hello\nsize 1000000\n8BITMIME\nSTARTTLS\nAuth plain CRAM-MD5\nX";
        let offered = Capabilities::read(text);
        assert!(offered.size && offered.eight_bit_mime && offered.starttls);
        assert!(!offered.pipelining && !offered.chunking && !offered.dsn && !offered.smtp_utf8);
        assert!(offered.offers_login(Mechanism::Plain) && offered.offers_login(Mechanism::CramMd5));
        assert!(!offered.offers_login(Mechanism::Login));
        assert!(Capabilities::read("a\nAUTH=LOGIN").offers_login(Mechanism::Login));
        assert_eq!(Capabilities::read("PIPELINING"), Capabilities::default(), "that is its name");
    }
}
