//! What is wrong with delivered content, from the counts that its identity header carries, where
//! the message that was sent is not known or the content is too long to be held.
//!
//! It is a diagnosis: the digests say *whether* headers and body are intact, the counts say how they
//! most likely came to differ. Where both texts are at hand, `compare` says more.

use serde::{Deserialize, Serialize};

use super::MessageId;
use super::change::{Change, Level};
use super::header::IdentityHeader;
use super::tally::Tally;

/// What a delivered content was, compared with what its identity says it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentCheck {
    /// The message its header names; `None`: no readable identity.
    pub message: Option<MessageId>,
    /// Bytes of content after our identity header; all of them where there is none.
    pub bytes: u64,
    /// How it differs from what was sent, in the order of [`Change`]; empty: the same to the byte.
    pub changes: Vec<Change>,
}

impl ContentCheck {
    /// Whether any of its changes is damage.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.changes.iter().any(|change| change.level() == Level::Corrupted)
    }
}

/// What was seen after the identity header.
pub(super) struct Seen {
    /// Whether the identity header's line ends in CRLF.
    pub(super) line_end_intact: bool,
    /// Counts over the headers through the blank line.
    pub(super) head: Tally,
    /// Counts over what comes after them.
    pub(super) body: Tally,
    /// Whether the digest of identity and headers holds.
    pub(super) head_intact: bool,
    /// Whether the digest of the body holds.
    pub(super) body_intact: bool,
}

/// Names what is wrong; empty when both digests hold.
pub(super) fn diagnose(sent: &IdentityHeader, seen: &Seen) -> Vec<Change> {
    let mut damage = Vec::new();
    if !seen.line_end_intact {
        damage.push(Change::LineEnds);
    }
    if !seen.head_intact {
        let only_line_ends =
            seen.head.bare_lf > 0 && seen.head.bytes + seen.head.bare_lf == sent.head_bytes;
        damage.push(if only_line_ends { Change::LineEnds } else { Change::HeadersChanged });
    }
    if seen.head.identities + seen.body.identities > 0 {
        // Two messages in one: the counts say nothing about either.
        damage.push(Change::Merged);
    } else if !seen.body_intact {
        diagnose_body(sent, &seen.body, &mut damage);
    }
    damage.sort_unstable();
    damage.dedup();
    damage
}

fn diagnose_body(sent: &IdentityHeader, body: &Tally, damage: &mut Vec<Change>) {
    let before = damage.len();
    let ended = body.last_line_begins(end_prefix(sent.message).as_bytes());
    let mut surplus = difference(body.bytes, sent.bytes - sent.head_bytes);
    if body.bare_lf + body.bare_cr() > 0 {
        damage.push(Change::LineEnds);
        surplus = less_line_ends(surplus, body);
    }
    let dots = difference(body.dots, sent.dots);
    if dots != 0 && (surplus == dots || ended && body.lines == sent.lines) {
        damage.push(Change::DotStuffing);
        surplus -= dots;
    }
    if ended && body.high < sent.high {
        // Stripped bits keep the length, an encoding changes it: nothing more can be said either way.
        damage.push(Change::EightBit);
        surplus = 0;
    }
    match surplus {
        0 if damage.len() == before => damage.push(Change::BytesChanged),
        0 => {}
        ..0 => damage.push(Change::Truncated),
        1.. => damage.push(Change::Extended),
    }
}

/// The surplus of bytes that changed line ends leave unexplained: a bare LF has lost its CR; a
/// bare CR has lost its LF or was added.
fn less_line_ends(surplus: i64, body: &Tally) -> i64 {
    let rest = surplus + signed(body.bare_lf);
    let bare_cr = signed(body.bare_cr());
    if rest.abs() == bare_cr { 0 } else { rest }
}

/// How the last line of every body begins.
pub(super) fn end_prefix(message: MessageId) -> String {
    ["END ", itoa::Buffer::new().format(message.0), " "].concat()
}

fn difference(seen: u64, sent: u64) -> i64 {
    signed(seen).saturating_sub(signed(sent))
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
