//! `[message]` as meant: what the messages are.

use serde::Serialize;

use super::{Corpus, Dkim};
use crate::probe::address::Letters;
use crate::quantity::Quantity;

/// `[message]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MessageSpec {
    /// Size of the whole message text. Bytes.
    pub size: Quantity,
    /// Recipients a message. Count.
    pub recipients: Quantity,
    /// MIME structure.
    pub parts: Parts,
    /// What the texts are, where they are not made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corpus: Option<Corpus>,
    /// What lines of text are like.
    #[serde(skip_serializing_if = "TextStyle::is_prose")]
    pub text: TextStyle,
    /// Transfer encoding.
    pub encoding: Encoding,
    /// `MT-PRIORITY` (RFC 6710), -9 to 9; `None`: not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Quantity>,
    /// Share of messages sent from the null reverse-path.
    #[serde(skip_serializing_if = "is_none_of_them")]
    pub null_sender: f64,
    /// Who signs; `None`: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dkim: Option<Dkim>,
}

/// MIME structure of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parts {
    /// One text/plain part.
    Text,
    /// Plain text and HTML.
    Alternative,
    /// Text and attachments.
    Mixed,
    /// Messages from files.
    Corpus,
}

/// What lines of text are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextStyle {
    /// Ordinary lines, and here and there one that broken software trips over.
    Prose,
    /// Every line as long as a line may be.
    LongLines,
    /// Every line begins with dots; some are nothing else.
    Dots,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_none_of_them(share: &f64) -> bool {
    *share == 0.0
}

impl TextStyle {
    fn is_prose(&self) -> bool {
        *self == TextStyle::Prose
    }
}

/// Transfer encoding of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Encoding {
    /// ASCII.
    #[serde(rename = "7bit")]
    SevenBit,
    /// UTF-8 text with 8BITMIME.
    #[serde(rename = "8bit")]
    EightBit,
    /// UTF-8 in text, headers and addresses (RFC 6531, RFC 6532).
    #[serde(rename = "utf8")]
    Utf8,
}

impl Encoding {
    /// What local-parts of such mail are made of.
    #[must_use]
    pub fn letters(self) -> Letters {
        match self {
            Encoding::SevenBit | Encoding::EightBit => Letters::Ascii,
            Encoding::Utf8 => Letters::Utf8,
        }
    }
}
