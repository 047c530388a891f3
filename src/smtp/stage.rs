//! Position in the SMTP dialogue.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Position in the SMTP dialogue: what the next reply, or its absence, is about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The TCP connection.
    Connect,
    /// The greeting (RFC 5321 §4.2, code 220).
    Banner,
    /// EHLO, HELO or LHLO.
    Ehlo,
    /// STARTTLS (RFC 3207).
    Starttls,
    /// AUTH (RFC 4954).
    Auth,
    /// MAIL FROM.
    MailFrom,
    /// RCPT TO.
    RcptTo,
    /// DATA, before the content.
    Data,
    /// While content flows.
    Content,
    /// After the final dot (or `BDAT … LAST`).
    EndOfData,
    /// QUIT.
    Quit,
}

impl Stage {
    /// Every stage, in the order of the dialogue.
    pub const ALL: [Stage; 11] = [
        Stage::Connect,
        Stage::Banner,
        Stage::Ehlo,
        Stage::Starttls,
        Stage::Auth,
        Stage::MailFrom,
        Stage::RcptTo,
        Stage::Data,
        Stage::Content,
        Stage::EndOfData,
        Stage::Quit,
    ];

    /// The name used in scenarios and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Banner => "banner",
            Stage::Ehlo => "ehlo",
            Stage::Starttls => "starttls",
            Stage::Auth => "auth",
            Stage::MailFrom => "mail-from",
            Stage::RcptTo => "rcpt-to",
            Stage::Data => "data",
            Stage::Content => "content",
            Stage::EndOfData => "end-of-data",
            Stage::Quit => "quit",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
