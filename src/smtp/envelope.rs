//! What MAIL and RCPT say (RFC 5321 §4.1.1.2, §4.1.1.3) and the envelope they build.
//!
//! Parameter values are kept decoded (`xtext`, RFC 3461 §4); the code that sends them on encodes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A transaction's envelope: who sends, and the recipients taken so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// What MAIL said.
    pub mail: Mail,
    /// What each accepted RCPT said, in order.
    pub recipients: Vec<Rcpt>,
}

/// MAIL and its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The reverse-path without its brackets; empty: the null reverse-path `<>`.
    pub reverse_path: String,
    /// `SIZE=` (RFC 1870): bytes the client declares; zero says nothing.
    pub size: Option<u64>,
    /// `BODY=` (RFC 6152, RFC 3030).
    pub body: Option<Body>,
    /// `SMTPUTF8` (RFC 6531).
    pub smtputf8: bool,
    /// `RET=` (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// `ENVID=` (RFC 3461 §4.4).
    pub envid: Option<String>,
    /// `AUTH=` (RFC 4954 §5).
    pub auth: Option<String>,
    /// `MT-PRIORITY=` (RFC 6710): -9 to 9.
    pub mt_priority: Option<i8>,
}

/// RCPT and its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rcpt {
    /// The forward-path without its brackets and without a source route.
    pub forward_path: String,
    /// `NOTIFY=` (RFC 3461 §4.1); `None`: not said.
    pub notify: Option<Notify>,
    /// `ORCPT=` (RFC 3461 §4.2) without its address type.
    pub orcpt: Option<String>,
}

/// The declared kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// `7BIT`.
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
    /// `BINARYMIME`, which asks for BDAT.
    BinaryMime,
}

/// How much a DSN returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its headers.
    Headers,
}

/// When a DSN is wanted. All false: `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// On delivery.
    pub success: bool,
    /// On failure.
    pub failure: bool,
    /// On delay.
    pub delay: bool,
}

/// An address of type `utf-8` (RFC 6533 §3): `\x{4FE1}` as the character it is; what is no such
/// number stays as it is.
#[must_use]
pub fn unescaped(address: &str) -> String {
    let mut pieces = address.split("\\x{");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let number = piece.split_once('}').and_then(|(digits, rest)| {
            Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, rest))
        });
        match number {
            Some((character, rest)) => {
                text.push(character);
                text.push_str(rest);
            }
            None => {
                text.push_str("\\x{");
                text.push_str(piece);
            }
        }
    }
    text
}

/// The domain of an address, in the one form in which domains are compared: lower case, without
/// the root's dot. Empty for `postmaster` without one (RFC 5321 §4.5.1).
#[must_use]
pub fn domain_of(address: &str) -> String {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    domain.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_one_however_it_is_written() {
        for address in ["a@x.test", "\"b@c\"@X.TEST", "a@x.Test."] {
            assert_eq!(domain_of(address), "x.test");
        }
        assert_eq!(domain_of("postmaster"), "");
    }
}
