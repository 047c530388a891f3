//! What a server offers to whoever says EHLO, and what it bears.

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
}

/// An extension a server may offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// RFC 2920.
    Pipelining,
    /// RFC 6152.
    EightBitMime,
    /// RFC 6531.
    SmtpUtf8,
    /// RFC 1870.
    Size,
    /// RFC 2034.
    EnhancedStatusCodes,
    /// RFC 3461.
    Dsn,
    /// RFC 6710.
    MtPriority,
}

impl Terms {
    /// The text of the reply to EHLO.
    pub(super) fn offer(&self) -> String {
        let mut text = self.name.clone();
        for extension in &self.extensions {
            text.push('\n');
            text.push_str(extension.keyword());
            if *extension == Extension::Size {
                text.push_str(&format!(" {}", self.size));
            }
        }
        text
    }
}

impl Extension {
    fn keyword(self) -> &'static str {
        match self {
            Extension::Pipelining => "PIPELINING",
            Extension::EightBitMime => "8BITMIME",
            Extension::SmtpUtf8 => "SMTPUTF8",
            Extension::Size => "SIZE",
            Extension::EnhancedStatusCodes => "ENHANCEDSTATUSCODES",
            Extension::Dsn => "DSN",
            Extension::MtPriority => "MT-PRIORITY",
        }
    }
}
