//! A mail to submit: envelope, options of the envelope, text.

use crate::smtp::envelope::{Notify, Ret};

/// What to submit.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'a> {
    /// Reverse-path without brackets; empty: the null reverse-path.
    pub reverse_path: &'a str,
    /// Forward-paths without brackets.
    pub recipients: &'a [String],
    /// What is said of it in the envelope.
    pub options: Options<'a>,
    /// Its text.
    pub content: Content<'a>,
}

/// The text of a mail, as it is at hand.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// As [`super::stuffed`] made it, final dot included: goes by DATA.
    Stuffed(&'a [u8]),
    /// As it is: goes by BDAT where that is wanted and offered.
    Text(&'a [u8]),
}

/// What a mail says of itself in its envelope. Each is said where the server offers its extension,
/// and left out where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// The content holds 8-bit bytes (RFC 6152).
    pub eight_bit: bool,
    /// Headers or addresses hold UTF-8 (RFC 6531). Without the extension there is no such mail.
    pub utf8: bool,
    /// What a DSN is to name it by (RFC 3461 §4.4).
    pub envelope_id: Option<&'a str>,
    /// How much of it a DSN returns (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// When a DSN is wanted (RFC 3461 §4.1).
    pub notify: Option<Notify>,
    /// Whether RCPT repeats the recipient as the original one (RFC 3461 §4.2).
    pub original_recipient: bool,
    /// Its priority (RFC 6710).
    pub priority: Option<i8>,
}
