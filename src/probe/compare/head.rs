//! Header sections: which fields are the same, in another form, rewritten, removed, added.
//!
//! MIME fields that differ are left to `body`: whether they may depends on the parts.

use super::damage;
use super::field::{Field, Fields};
use super::form;
use super::found::Found;
use crate::probe::change::Change;

/// Fields that relays and submission servers remove or renew.
const DROPPED: [&str; 8] = [
    "return-path",
    "bcc",
    "resent-bcc",
    "content-length",
    "envelope-to",
    "delivery-date",
    "delivered-to",
    "authentication-results",
];

/// Fields that servers add as trace of what they did, where RFC 5321 §4.4 wants them or by custom.
const TRACE: [&str; 13] = [
    "received",
    "received-spf",
    "return-path",
    "delivered-to",
    "envelope-to",
    "delivery-date",
    "x-original-to",
    "authentication-results",
    "dkim-signature",
    "arc-seal",
    "arc-message-signature",
    "arc-authentication-results",
    "auto-submitted",
];

/// Fields that are completed where they are missing.
const COMPLETED: [&str; 3] = ["date", "from", "message-id"];

/// Fields of which there is one at most (RFC 5322 §3.6).
const SINGLE: [&str; 9] =
    ["date", "from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "subject"];

/// Fields that say how the body is to be read (RFC 2045).
const MIME: [&str; 3] = ["mime-version", "content-type", "content-transfer-encoding"];

/// Shortest value in which a byte or two that differ are damage and not another value.
const LONG_VALUE: usize = 8;

/// MIME fields that differ: as sent, as arrived.
pub(super) type Mime<'a> = Vec<[Option<Field<'a>>; 2]>;

/// Compares two header sections. Returns the MIME fields that differ.
pub(super) fn compare<'a>(sent: &Fields<'a>, arrived: &Fields<'a>, found: &mut Found) -> Mime<'a> {
    let mut pairs = Pairs::new(&sent.all, &arrived.all);
    pairs.find(|one, other| one == other);
    pairs.find(|one, other| note_form(one, other, found));
    pairs.note_order(found);
    let first = pairs.partners.iter().flatten().min().copied().unwrap_or(usize::MAX);
    let mut mime = Mime::new();
    pairs.find(|one, other| {
        match one.is_one_of(&MIME) {
            true => mime.push([Some(*one), Some(*other)]),
            false => found.note(rewritten(one, other), &one.shown(), one.value, other.value),
        }
        true
    });
    for field in pairs.removed() {
        match field.is_one_of(&MIME) {
            true => mime.push([Some(*field), None]),
            false => found.note(removed(field), &field.shown(), field.value, b""),
        }
    }
    // What precedes all of our header was passed over in mail that is as it was sent, too.
    for (_, field) in pairs.added().filter(|(place, _)| *place > first) {
        match field.is_one_of(&MIME) {
            true => mime.push([None, Some(*field)]),
            false => found.note(added(field, sent), &field.shown(), b"", field.value),
        }
    }
    mime
}

/// Which field is which.
struct Pairs<'f, 'a> {
    sent: &'f [Field<'a>],
    arrived: &'f [Field<'a>],
    /// The place among `arrived` of each of `sent`.
    partners: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl<'f, 'a> Pairs<'f, 'a> {
    fn new(sent: &'f [Field<'a>], arrived: &'f [Field<'a>]) -> Pairs<'f, 'a> {
        let (partners, taken) = (vec![None; sent.len()], vec![false; arrived.len()]);
        Pairs { sent, arrived, partners, taken }
    }

    /// Finds a partner for each that has none: the first of its name, not taken, that is the same.
    fn find(&mut self, mut is_same: impl FnMut(&Field<'a>, &Field<'a>) -> bool) {
        for (partner, one) in self.partners.iter_mut().zip(self.sent) {
            if partner.is_some() {
                continue;
            }
            let candidates = self.arrived.iter().zip(&self.taken).enumerate();
            let mut named = candidates.filter(|(_, (other, taken))| {
                !**taken && other.name.eq_ignore_ascii_case(one.name)
            });
            *partner = named.find(|(_, (other, _))| is_same(one, other)).map(|(place, _)| place);
            if let Some(place) = *partner {
                self.taken[place] = true;
            }
        }
    }

    fn note_order(&self, found: &mut Found) {
        let mut latest = 0;
        for (field, place) in self.sent.iter().zip(&self.partners) {
            let Some(place) = place else { continue };
            if *place < latest {
                found.note(Change::HeaderOrder, &field.shown(), field.value, field.value);
            }
            latest = latest.max(*place);
        }
    }

    fn removed(&self) -> impl Iterator<Item = &'f Field<'a>> + '_ {
        let each = self.sent.iter().zip(&self.partners);
        each.filter(|(_, partner)| partner.is_none()).map(|(field, _)| field)
    }

    fn added(&self) -> impl Iterator<Item = (usize, &'f Field<'a>)> + '_ {
        let each = self.arrived.iter().enumerate().zip(&self.taken);
        each.filter(|(_, taken)| !**taken).map(|(field, _)| field)
    }
}

fn note_form(sent: &Field<'_>, arrived: &Field<'_>, found: &mut Found) -> bool {
    let Some(changes) = form::same(sent, arrived) else { return false };
    for change in changes {
        let shown = |field: &Field<'_>| [field.name, field.gap, b":", field.value].concat();
        found.note(change, &sent.shown(), &shown(sent), &shown(arrived));
    }
    true
}

fn rewritten(sent: &Field<'_>, arrived: &Field<'_>) -> Change {
    let (one, other) = (sent.unfolded(), arrived.unfolded());
    match () {
        () if sent.is_one_of(&DROPPED) => Change::HeaderDropped,
        () if damage::is_stripped(&one, &other) => Change::EightBit,
        () if is_cut(&one, &other) => Change::HeaderTruncated,
        () if one.len() >= LONG_VALUE && damage::is_nearly(&one, &other) => Change::BytesChanged,
        () if sent.is("subject") => Change::SubjectChanged,
        () => Change::HeaderRewritten,
    }
}

/// Whether the end of a value is missing, and not just some of the items of a list.
fn is_cut(sent: &[u8], arrived: &[u8]) -> bool {
    sent.strip_prefix(arrived).is_some_and(|rest| !matches!(rest.first(), Some(b',' | b';')))
}

fn removed(field: &Field<'_>) -> Change {
    match field.is_one_of(&DROPPED) {
        true => Change::HeaderDropped,
        false => Change::HeaderRemoved,
    }
}

fn added(field: &Field<'_>, sent: &Fields<'_>) -> Change {
    let was_sent = sent.all.iter().any(|other| other.name.eq_ignore_ascii_case(field.name));
    match () {
        () if field.is("x-mailbench") => Change::Merged,
        () if was_sent && field.is("subject") => Change::SubjectChanged,
        () if was_sent && field.is_one_of(&SINGLE) => Change::HeaderRewritten,
        () if field.is_one_of(&COMPLETED) => Change::Completed,
        () if field.is_one_of(&TRACE) => Change::TraceAdded,
        () => Change::HeaderAdded,
    }
}
