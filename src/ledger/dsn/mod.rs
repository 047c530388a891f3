//! Reads a DSN (RFC 3464) that came back to the sink: which message and probes it is about, what
//! it says of each, and how it breaks the rules.
//!
//! The message is matched by the VERP recipient first, then Original-Envelope-Id, then the
//! returned identity header. A DSN of another run is matched to nothing.

mod fields;
pub mod returned;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;

use fields::{Group, Report, header_lines};

use super::event::{Dsn, DsnAction, DsnRecipient};
use crate::clock::Time;
use crate::limits;
use crate::probe::header;
use crate::probe::{BOUNCE_DOMAIN, Identity, MessageId, address};
use crate::smtp::envelope::{domain_of, unescaped};
use crate::smtp::reply::EnhancedStatus;

/// How a DSN arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// When it was taken.
    pub at: Time,
    /// The session that brought it.
    pub session: u64,
    /// Its envelope sender.
    pub reverse_path: &'a str,
    /// Its envelope recipient.
    pub recipient: &'a str,
}

/// Reads a DSN; what does not conform is told, whatever it is. Content beyond
/// [`limits::DSN_BYTES`] is not looked at.
#[must_use]
pub fn read(content: &[u8], identity: &Identity, arrival: &Arrival<'_>) -> Dsn {
    let report = Report::split(&content[..content.len().min(limits::DSN_BYTES)]);
    let mut flaws = Vec::new();
    let null_sender = is_null(arrival.reverse_path);
    note(&mut flaws, !null_sender, "the sender is not null");
    note(&mut flaws, !report.declared, "not a multipart/report of type delivery-status");
    note(&mut flaws, report.groups.is_none(), "no delivery-status part");
    note(&mut flaws, report.encoded, "an encoded delivery-status part");
    let groups = report.groups.as_deref().unwrap_or_default();
    let (about, blocks) = groups.split_first().map_or((None, groups), |(a, b)| (Some(a), b));
    let message = find_message(identity, arrival.recipient, about, report.returned.as_deref());
    note(&mut flaws, message.is_none(), "it is about no message of this run");
    if let Some(about) = about {
        note(&mut flaws, about.field("reporting-mta").is_none(), "no Reporting-MTA");
        note(&mut flaws, blocks.is_empty(), "no block about a recipient");
    }
    let recipients = blocks.iter().map(|block| read_block(block, message, &mut flaws)).collect();
    flaws.truncate(limits::DSN_FLAWS);
    let (at, session) = (arrival.at, arrival.session);
    Dsn { at, session, null_sender, message, recipients, flaws }
}

fn is_null(reverse_path: &str) -> bool {
    matches!(reverse_path.trim(), "" | "<>")
}

fn note(flaws: &mut Vec<String>, wrong: bool, flaw: &str) {
    if wrong {
        flaws.push(flaw.to_owned());
    }
}

fn find_message(
    identity: &Identity,
    recipient: &str,
    about: Option<&Group>,
    returned: Option<&[u8]>,
) -> Option<MessageId> {
    if address::parse_reverse_path(recipient).is_some() {
        return address::own_reverse_path(&identity.nonce, recipient);
    }
    if let Some(envelope_id) = about.and_then(|about| about.field("original-envelope-id")) {
        return address::own_envelope_id(&identity.nonce, envelope_id);
    }
    let named = header_lines(returned?).find_map(header::named)?;
    (named.tag == identity.tag).then_some(named.message)
}

/// Reads the block about one recipient.
fn read_block(block: &Group, message: Option<MessageId>, flaws: &mut Vec<String>) -> DsnRecipient {
    let named = block.field("original-recipient").or(block.field("final-recipient"));
    let written = named.and_then(|named| Some(address::parse_recipient(&bare(named))?.0));
    let probe = message.zip(written).and_then(|(message, probe)| {
        (probe.0.checked_sub(message.0)? < limits::RECIPIENTS as u64).then_some(probe)
    });
    let of_notice = named.is_some_and(|named| domain_of(&bare(named)) == BOUNCE_DOMAIN);
    note(flaws, of_notice, "about a notification, to which there must be none (RFC 5321 §4.5.5)");
    note(flaws, block.field("final-recipient").is_none(), "no Final-Recipient");
    // The final recipient is the one that the reporting MTA had, which may have another name than the
    // one that was sent (RFC 3464 §2.3.2).
    note(flaws, written.is_some() && probe.is_none(), "a recipient that the message did not have");
    let action = block.field("action").map(read_action);
    note(flaws, action.is_none(), "no Action");
    note(flaws, action == Some(DsnAction::Unknown), "an Action that RFC 3464 does not know");
    let status = block.field("status");
    note(flaws, status.is_none(), "no Status");
    if let (Some(action), Some(status)) = (action, status) {
        let class = status.split(char::is_whitespace).next().and_then(|code| code.parse().ok());
        note(flaws, class.is_none(), "a Status that is no class.subject.detail");
        note(flaws, !agree(action, class), "Status and Action disagree");
    }
    DsnRecipient {
        probe,
        action: action.unwrap_or(DsnAction::Unknown),
        status: shortened(status),
        diagnostic: shortened(block.field("diagnostic-code")),
    }
}

/// An address without its type: `rfc822; a@b` (RFC 3464 §2.1.2); one of type `utf-8` may hold
/// characters by number (RFC 6533 §3).
fn bare(typed: &str) -> Cow<'_, str> {
    match typed.split_once(';') {
        Some((kind, address)) if kind.trim().eq_ignore_ascii_case("utf-8") => {
            unescaped(address.trim()).into()
        }
        Some((_, address)) => address.trim().into(),
        None => typed.into(),
    }
}

fn read_action(action: &str) -> DsnAction {
    const ACTIONS: [(&str, DsnAction); 5] = [
        ("failed", DsnAction::Failed),
        ("delayed", DsnAction::Delayed),
        ("delivered", DsnAction::Delivered),
        ("relayed", DsnAction::Relayed),
        ("expanded", DsnAction::Expanded),
    ];
    // A comment may follow the word.
    let word = action.split([' ', '\t', '(']).next().unwrap_or_default();
    let known = ACTIONS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    known.map_or(DsnAction::Unknown, |(_, action)| action)
}

/// Whether a status may stand beside an action. A failed recipient may have either class: 4yz is
/// a temporary condition that lasted until the sender gave up (RFC 3463 §2).
fn agree(action: DsnAction, status: Option<EnhancedStatus>) -> bool {
    let Some(status) = status else { return true };
    match action {
        DsnAction::Failed => status.class != 2,
        DsnAction::Delayed => status.class == 4,
        DsnAction::Delivered | DsnAction::Relayed | DsnAction::Expanded => status.class == 2,
        DsnAction::Unknown => true,
    }
}

fn shortened(value: Option<&str>) -> String {
    limits::cut(value.unwrap_or_default().to_owned(), limits::REPLY_TEXT)
}
