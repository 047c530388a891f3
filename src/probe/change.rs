//! The ways in which content can differ from what was sent, each with its level: what the standards
//! permit, what alters the meaning on purpose, what damages it.

use serde::{Deserialize, Serialize};

/// One way in which content differs from what was sent. The order is that of the journal's numbers:
/// a new one goes to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Nothing in it says which message it is.
    HeaderLost,
    /// Shorter than sent: the end is missing.
    Truncated,
    /// Longer than sent, by more than text added around it.
    Extended,
    /// Leading dots added or removed (RFC 5321 §4.5.2).
    DotStuffing,
    /// Bare CR or LF, or line ends changed (RFC 5321 §2.3.8).
    LineEnds,
    /// 8-bit bytes lost their high bit, or were replaced one for one.
    EightBit,
    /// The header section is broken, or differs in a way that is not known.
    HeadersChanged,
    /// Another message's identity inside.
    Merged,
    /// Some bytes are others.
    BytesChanged,
    /// Bytes are missing in the midst.
    BytesLost,
    /// The text no longer reads the same under the charset or encoding that its header names.
    CharsetBroken,
    /// A header field's value is cut off.
    HeaderTruncated,
    /// Another subject, or a tag in it.
    SubjectChanged,
    /// Text added before or after the body, in it or as a part of its own.
    FooterAdded,
    /// Line breaks moved.
    LinesWrapped,
    /// White space at line ends changed.
    SpaceChanged,
    /// A MIME part is missing.
    PartStripped,
    /// A MIME part, or the whole text, gave way to another.
    PartReplaced,
    /// A MIME part that is not text was added.
    PartAdded,
    /// A header field has another value.
    HeaderRewritten,
    /// A header field is missing that nothing permits to remove.
    HeaderRemoved,
    /// `>` before lines that begin with `From ` (RFC 4155).
    FromEscaped,
    /// The same characters in another charset.
    Transcoded,
    /// Only links are others.
    LinksRewritten,
    /// Parts transfer-encoded anew, the same when decoded (RFC 6152 §3).
    Reencoded,
    /// A trace field below our first header (RFC 5321 §4.4).
    TraceAdded,
    /// Another header field added.
    HeaderAdded,
    /// A missing Date, From or Message-ID added (RFC 5321 §6.4, RFC 6409 §8).
    Completed,
    /// White space of header fields: folding, unfolding, after the colon (RFC 5322 §2.2.3).
    Folding,
    /// Header fields in another order.
    HeaderOrder,
    /// A field name in another case (RFC 5322 §1.2.2).
    HeaderCase,
    /// The same value written otherwise: `<a@b>` and `a@b`, quotes, parameters.
    HeaderForm,
    /// A domain added to an address (RFC 5321 §6.4, RFC 6409 §8.4).
    AddressCompleted,
    /// The same characters, in encoded words or not (RFC 2047).
    EncodedWords,
    /// A field removed or renewed that relays may remove or renew: Return-Path, Bcc,
    /// Content-Length, Envelope-To, Delivery-Date, Delivered-To, Authentication-Results (RFC 8601 §5).
    HeaderDropped,
    /// MIME fields or boundaries written otherwise around the same parts.
    MimeHeaders,
    /// Line ends at the end of the body.
    EndOfBody,
    /// An mbox `From ` line before the header section (RFC 4155).
    MboxLine,
    /// It is a part of another message: forwarded as an attachment, as by a spam filter or a journal.
    Attached,
}

/// What a change amounts to. The worse one wins when two meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The standards permit it, or the scenario declares it.
    Permitted,
    /// Changed on purpose, and not declared.
    Altered,
    /// Damaged.
    Corrupted,
}

/// What a scenario declares that its target does to content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Any header field may differ.
    pub headers: bool,
    /// The subject may.
    pub subject: bool,
    /// Text may be added to the body.
    pub footer: bool,
    /// Parts may be transfer-encoded anew.
    pub reencoded: bool,
}

impl Default for Declared {
    fn default() -> Declared {
        Declared { headers: false, subject: false, footer: false, reencoded: true }
    }
}

impl Change {
    /// Every change.
    pub const ALL: [Change; 39] = [
        Change::HeaderLost,
        Change::Truncated,
        Change::Extended,
        Change::DotStuffing,
        Change::LineEnds,
        Change::EightBit,
        Change::HeadersChanged,
        Change::Merged,
        Change::BytesChanged,
        Change::BytesLost,
        Change::CharsetBroken,
        Change::HeaderTruncated,
        Change::SubjectChanged,
        Change::FooterAdded,
        Change::LinesWrapped,
        Change::SpaceChanged,
        Change::PartStripped,
        Change::PartReplaced,
        Change::PartAdded,
        Change::HeaderRewritten,
        Change::HeaderRemoved,
        Change::FromEscaped,
        Change::Transcoded,
        Change::LinksRewritten,
        Change::Reencoded,
        Change::TraceAdded,
        Change::HeaderAdded,
        Change::Completed,
        Change::Folding,
        Change::HeaderOrder,
        Change::HeaderCase,
        Change::HeaderForm,
        Change::AddressCompleted,
        Change::EncodedWords,
        Change::HeaderDropped,
        Change::MimeHeaders,
        Change::EndOfBody,
        Change::MboxLine,
        Change::Attached,
    ];

    /// Its level, where nothing is declared.
    #[must_use]
    pub fn level(self) -> Level {
        self.level_where(&Declared::default())
    }

    /// Its level under what a scenario declares.
    #[must_use]
    pub fn level_where(self, declared: &Declared) -> Level {
        let unless = |declared: bool| if declared { Level::Permitted } else { Level::Altered };
        match self {
            Change::SubjectChanged => unless(declared.subject || declared.headers),
            Change::HeaderRewritten | Change::HeaderRemoved => unless(declared.headers),
            Change::FooterAdded => unless(declared.footer),
            Change::Reencoded => unless(declared.reencoded),
            Change::LinesWrapped
            | Change::SpaceChanged
            | Change::PartStripped
            | Change::PartReplaced
            | Change::PartAdded
            | Change::FromEscaped
            | Change::Transcoded
            | Change::LinksRewritten
            | Change::Attached => Level::Altered,
            _ if self < Change::SubjectChanged => Level::Corrupted,
            _ => Level::Permitted,
        }
    }

    /// The line of `[target.changes]` that declares it; `None`: nothing does.
    #[must_use]
    pub fn declaration(self) -> Option<&'static str> {
        match self {
            Change::SubjectChanged => Some("subject = true"),
            Change::FooterAdded => Some("footer = true"),
            Change::Reencoded => Some("reencoded = true"),
            Change::HeaderRewritten | Change::HeaderRemoved => Some("headers = \"any\""),
            _ => None,
        }
    }

    /// The name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Change::HeaderLost => "header-lost",
            Change::Truncated => "truncated",
            Change::Extended => "extended",
            Change::DotStuffing => "dot-stuffing",
            Change::LineEnds => "line-ends",
            Change::EightBit => "eight-bit",
            Change::HeadersChanged => "headers-changed",
            Change::Merged => "merged",
            Change::BytesChanged => "bytes-changed",
            Change::BytesLost => "bytes-lost",
            Change::CharsetBroken => "charset-broken",
            Change::HeaderTruncated => "header-truncated",
            Change::SubjectChanged => "subject-changed",
            Change::FooterAdded => "footer-added",
            Change::LinesWrapped => "lines-wrapped",
            Change::SpaceChanged => "space-changed",
            Change::PartStripped => "part-stripped",
            Change::PartReplaced => "part-replaced",
            Change::PartAdded => "part-added",
            Change::HeaderRewritten => "header-rewritten",
            Change::HeaderRemoved => "header-removed",
            Change::FromEscaped => "from-escaped",
            Change::Transcoded => "transcoded",
            Change::LinksRewritten => "links-rewritten",
            Change::Reencoded => "reencoded",
            Change::TraceAdded => "trace-added",
            Change::HeaderAdded => "header-added",
            Change::Completed => "completed",
            Change::Folding => "folding",
            Change::HeaderOrder => "header-order",
            Change::HeaderCase => "header-case",
            Change::HeaderForm => "header-form",
            Change::AddressCompleted => "address-completed",
            Change::EncodedWords => "encoded-words",
            Change::HeaderDropped => "header-dropped",
            Change::MimeHeaders => "mime-headers",
            Change::EndOfBody => "end-of-body",
            Change::MboxLine => "mbox-line",
            Change::Attached => "attached",
        }
    }
}

impl Level {
    /// The name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Permitted => "permitted",
            Level::Altered => "altered",
            Level::Corrupted => "corrupted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_change_has_a_name_and_a_place_of_its_own() {
        let names: BTreeSet<&str> = Change::ALL.into_iter().map(Change::name).collect();
        assert_eq!(names.len(), Change::ALL.len());
        for (place, change) in Change::ALL.into_iter().enumerate() {
            assert_eq!(change as usize, place, "{change:?}: the journal holds its number");
        }
    }

    #[test]
    fn a_declaration_permits_what_it_names_and_nothing_else() {
        let none = Declared { reencoded: false, ..Declared::default() };
        let each = [
            (Declared { headers: true, ..none }, "headers = \"any\""),
            (Declared { subject: true, ..none }, "subject = true"),
            (Declared { footer: true, ..none }, "footer = true"),
            (Declared { reencoded: true, ..none }, "reencoded = true"),
        ];
        for change in Change::ALL {
            for (declared, line) in each {
                let permitted = change.level_where(&declared) == Level::Permitted;
                let before = change.level_where(&none) == Level::Permitted;
                let of_headers = declared.headers && change == Change::SubjectChanged;
                let named = change.declaration() == Some(line) || of_headers;
                assert_eq!(permitted, before || named, "{change:?} under {line}");
            }
        }
    }

    #[test]
    fn damage_is_never_declared_away() {
        let all = Declared { headers: true, subject: true, footer: true, reencoded: true };
        let damage = Change::ALL.iter().filter(|it| it.level_where(&all) == Level::Corrupted);
        assert_eq!(damage.count(), 12);
        assert_eq!(Change::HeaderTruncated.level_where(&all), Level::Corrupted);
    }
}
