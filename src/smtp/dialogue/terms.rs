//! What a server offers to EHLO, and its limits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{MECHANISMS, SCRAM};
use super::user::Known;

/// What a server offers and bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The name it gives itself.
    pub name: String,
    /// The extensions it offers, in the order in which EHLO lists them.
    pub extensions: Vec<Extension>,
    /// Largest content in bytes.
    pub size: u64,
    /// Recipients in one transaction.
    pub recipients: usize,
    /// Whether it speaks LMTP (RFC 2033): LHLO, and a reply to the content for each recipient.
    pub lmtp: bool,
    /// Whom it lets in.
    pub known: Known,
}

/// An extension a server may offer.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Extension {
    /// RFC 2920.
    #[serde(rename = "PIPELINING")]
    Pipelining,
    /// RFC 6152.
    #[serde(rename = "8BITMIME")]
    EightBitMime,
    /// RFC 6531.
    #[serde(rename = "SMTPUTF8")]
    SmtpUtf8,
    /// RFC 1870.
    #[serde(rename = "SIZE")]
    Size,
    /// RFC 2034.
    #[serde(rename = "ENHANCEDSTATUSCODES")]
    EnhancedStatusCodes,
    /// RFC 3461.
    #[serde(rename = "DSN")]
    Dsn,
    /// RFC 6710.
    #[serde(rename = "MT-PRIORITY")]
    MtPriority,
    /// RFC 3030.
    #[serde(rename = "CHUNKING")]
    Chunking,
    /// RFC 3207.
    #[serde(rename = "STARTTLS")]
    StartTls,
    /// RFC 4954.
    #[serde(rename = "AUTH")]
    Auth,
}

impl Terms {
    /// Whether it offers this.
    #[must_use]
    pub fn offers(&self, extension: Extension) -> bool {
        self.extensions.contains(&extension)
    }

    /// The text of the reply to EHLO, less what is withheld from this session.
    pub(super) fn offer(&self, withheld: &[Extension]) -> String {
        let mut text = self.name.clone();
        for extension in self.extensions.iter().filter(|one| !withheld.contains(one)) {
            text.push('\n');
            text.push_str(extension.keyword());
            match extension {
                Extension::Size => text.push_str(&format!(" {}", self.size)),
                Extension::Auth => {
                    text.push_str(&format!(" {MECHANISMS}"));
                    if self.known.scram.is_some() {
                        text.push_str(&format!(" {SCRAM}"));
                    }
                }
                _ => {}
            }
        }
        text
    }
}

impl Extension {
    /// As EHLO lists it.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Extension::Pipelining => "PIPELINING",
            Extension::EightBitMime => "8BITMIME",
            Extension::SmtpUtf8 => "SMTPUTF8",
            Extension::Size => "SIZE",
            Extension::EnhancedStatusCodes => "ENHANCEDSTATUSCODES",
            Extension::Dsn => "DSN",
            Extension::MtPriority => "MT-PRIORITY",
            Extension::Chunking => "CHUNKING",
            Extension::StartTls => "STARTTLS",
            Extension::Auth => "AUTH",
        }
    }
}
