//! What became of one probe: exactly one class, by the first rule that matches, and its flags.
//!
//! Pure: everything a rule asks is in [`ProbeHistory`]. What the facts are is `history`'s.

use super::class::{Class, Judgement};

/// What is known of a copy in the target's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queued {
    /// Proved not to be there: the queue is empty, or the probe's lifetime is over.
    No,
    /// The queue reports messages, or a retry is not due yet.
    Yes,
    /// Nothing is known.
    #[default]
    Unknown,
}

/// Everything the rules ask about one probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeHistory {
    /// Submissions accepted.
    pub accepted: u32,
    /// Submissions whose outcome is not known (`Samb`).
    pub indeterminate: u32,
    /// Submissions answered no (`Sno`).
    pub refused: u32,
    /// Submissions that ended before the final dot could leave (`Sno` too).
    pub broken: u32,
    /// Receptions whose `250` was read by the target (`Rok`).
    pub confirmed: u32,
    /// Receptions whose `250` was withheld (part of `Ramb`).
    pub withheld: u32,
    /// Receptions whose `250` was written and never proved read (part of `Ramb`).
    pub unconfirmed: u32,
    /// Further copies that kills of the target excuse.
    pub kill_copies: u32,
    /// DSN blocks with action failed (`B`).
    pub bounces: u32,
    /// Attempts seen by the sink, of any outcome.
    pub attempts: u32,
    /// Whether the last attempt left the target owing another.
    pub retry_owed: bool,
    /// Whether a rejection was given that explains a bounce.
    pub rejected: bool,
    /// Whether the end of its lifetime explains a bounce.
    pub expired: bool,
    /// Whether the run went on for longer than the target keeps mail.
    pub outlived: bool,
    /// Received under an embedded identity.
    pub smuggled: bool,
    /// Received elsewhere.
    pub misrouted: bool,
    /// Received damaged, or a copy beside it was.
    pub corrupted: bool,
    /// Received, or a copy beside it was, with a change that is neither permitted nor declared.
    pub altered: bool,
    /// Sent from the null reverse-path.
    pub null_sender: bool,
    /// Received under another envelope than was sent.
    pub readdressed: bool,
    /// And in a way that is neither declared nor standard practice.
    pub addressed_amiss: bool,
    /// Further recipients that got its content.
    pub copies: u32,
    /// Those of them that are not declared.
    pub copies_amiss: u32,
    /// A DSN about it does not conform (RFC 3464, RFC 5321 §6.1).
    pub dsn_malformed: bool,
    /// What came back about it is no DSN in the form of RFC 3464.
    pub dsn_nonstandard: bool,
    /// Whether the target's queue may hold it (`Q`).
    pub queued: Queued,
}

/// Copies beyond the first, by what excuses them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Nothing excuses them.
    pub unexcused: u32,
    /// A `250` was withheld.
    pub withheld: u32,
    /// A `250` was not proved read.
    pub unconfirmed: u32,
    /// A submission's outcome is not known (RFC 1047).
    pub indeterminate: u32,
    /// The target was killed before it can have recorded its success.
    pub kill: u32,
}

/// One probe, judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// Its one class.
    pub class: Class,
    /// What the class amounts to here. Unexcused duplicates are judged apart, by their bound.
    pub judgement: Judgement,
    /// Copies beyond the first.
    pub duplicates: Duplicates,
    /// Its lifetime ended and no DSN was sent.
    pub expired_without_dsn: bool,
    /// A DSN about it does not conform.
    pub dsn_malformed: bool,
}

/// Judges one probe.
#[must_use]
pub fn classify(probe: &ProbeHistory) -> Disposition {
    let class = class_of(probe);
    let amiss = probe.addressed_amiss || probe.copies_amiss > 0;
    let judgement = judgement_of(class, probe);
    Disposition {
        class,
        // Whole and in time, but not where it was sent, or there and elsewhere.
        judgement: if amiss { Judgement::Invalid } else { judgement },
        duplicates: duplicates_of(probe),
        expired_without_dsn: class == Class::Lost && probe.outlived,
        dsn_malformed: probe.dsn_malformed,
    }
}

/// The rules in order; the first that matches wins. `phantom` is no probe of this run (see
/// `history`); `null_sender_discarded` refines `lost` and stands before it.
fn class_of(p: &ProbeHistory) -> Class {
    let received = p.received() > 0;
    let nothing = !received && p.bounces == 0;
    let never_sent_whole = p.accepted + p.indeterminate == 0 && p.refused == 0;
    match () {
        () if p.smuggled => Class::Smuggled,
        () if p.misrouted => Class::Misrouted,
        () if received && never_sent_whole => Class::DeliveredBeforeEndOfData,
        () if received && p.accepted + p.indeterminate == 0 => Class::DeliveredAfterRefusal,
        // A copy for a further recipient may be damaged while the probe itself never arrived.
        () if received && p.corrupted => Class::Corrupted,
        () if received && p.altered => Class::Altered,
        () if p.bounces > 0 && p.confirmed > 0 => Class::BouncedAndDelivered,
        () if p.accepted > 0 && nothing => unseen(p),
        () if p.may_wait() => Class::Pending,
        () if p.bounces > 0 && (p.rejected || p.expired) => Class::Bounced,
        () if p.bounces > 0 => Class::FalseBounce,
        () if p.accepted > 0 && p.confirmed == 0 => Class::Unconfirmed,
        // Received with nothing accepted is of an unknown outcome, by the rules above.
        () if p.accepted == 0 && received => Class::IndeterminateDelivered,
        () if p.accepted == 0 && p.indeterminate > 0 => Class::IndeterminateNotDelivered,
        () if received => Class::Delivered,
        () if p.refused > 0 || p.broken > 0 => Class::Refused,
        () => Class::NotSent,
    }
}

/// Accepted, not received, not bounced.
fn unseen(probe: &ProbeHistory) -> Class {
    match probe.queued {
        Queued::No if probe.null_sender && probe.rejected => Class::NullSenderDiscarded,
        Queued::No => Class::Lost,
        Queued::Yes => Class::Pending,
        Queued::Unknown => Class::Unaccounted,
    }
}

fn judgement_of(class: Class, probe: &ProbeHistory) -> Judgement {
    match class {
        class if class.is_violation() => Judgement::Invalid,
        Class::Unaccounted | Class::Pending => Judgement::Unknown,
        // Without a 250 on the wire the target had no right to forget it.
        Class::Unconfirmed if probe.unconfirmed == 0 => Judgement::Unknown,
        _ => Judgement::Valid,
    }
}

/// Copies beyond the first. The causes add up to the excused: each ambiguous reception explains
/// one further copy (but the last, when none was confirmed), each submission beyond the first
/// another, and the rest up to their number the kills.
fn duplicates_of(p: &ProbeHistory) -> Duplicates {
    let submissions = (p.accepted + p.indeterminate).max(1);
    let beyond = p.confirmed.saturating_sub(submissions);
    let kill = beyond.min(p.kill_copies);
    let ambiguous = if p.confirmed > 0 {
        p.withheld + p.unconfirmed
    } else {
        (p.withheld + p.unconfirmed).saturating_sub(1)
    };
    let withheld = ambiguous.min(p.withheld);
    Duplicates {
        unexcused: beyond - kill,
        withheld,
        unconfirmed: ambiguous - withheld,
        indeterminate: p.confirmed.saturating_sub(1).min(submissions - 1),
        kill,
    }
}

impl ProbeHistory {
    /// Copies seen whole.
    #[must_use]
    pub fn received(&self) -> u32 {
        self.confirmed + self.withheld + self.unconfirmed
    }

    /// Whether a probe that was received at best without a `250` waits for another attempt.
    fn may_wait(&self) -> bool {
        self.queued == Queued::Yes
            && self.retry_owed
            && self.attempts > 0
            && self.confirmed == 0
            && self.unconfirmed == 0
            && self.bounces == 0
            && self.accepted + self.indeterminate > 0
    }
}

#[cfg(test)]
mod tests;
