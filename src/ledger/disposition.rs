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
    /// Received with other bytes.
    pub corrupted: bool,
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
    /// Its lifetime ended and nobody was told.
    pub expired_silently: bool,
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
        expired_silently: class == Class::Lost && probe.outlived,
        dsn_malformed: probe.dsn_malformed,
    }
}

/// The rules in order; the first that matches wins. `phantom` is no probe of this run (see
/// `history`); `discarded_null` refines `lost` and stands before it.
fn class_of(p: &ProbeHistory) -> Class {
    let received = p.received() > 0;
    let nothing = !received && p.bounces == 0;
    let never_sent_whole = p.accepted + p.indeterminate == 0 && p.refused == 0;
    match () {
        () if p.smuggled => Class::Smuggled,
        () if p.misrouted => Class::Misrouted,
        () if received && never_sent_whole => Class::Premature,
        () if received && p.accepted + p.indeterminate == 0 => Class::Resurrected,
        () if p.corrupted => Class::Corrupted,
        () if p.bounces > 0 && p.confirmed > 0 => Class::BouncedAndDelivered,
        () if p.accepted > 0 && nothing => unseen(p),
        () if p.may_wait() => Class::Pending,
        () if p.bounces > 0 && (p.rejected || p.expired) => Class::Bounced,
        () if p.bounces > 0 => Class::FalseBounce,
        () if p.accepted > 0 && p.confirmed == 0 => Class::AmbiguousOnly,
        // Received with nothing accepted is of an unknown outcome, by the rules above.
        () if p.accepted == 0 && received => Class::Recovered,
        () if p.accepted == 0 && p.indeterminate > 0 => Class::NeverHappened,
        () if received => Class::Delivered,
        () if p.refused > 0 || p.broken > 0 => Class::Refused,
        () => Class::NotSent,
    }
}

/// Accepted, not received, not bounced.
fn unseen(probe: &ProbeHistory) -> Class {
    match probe.queued {
        Queued::No if probe.null_sender && probe.rejected => Class::DiscardedNull,
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
        Class::AmbiguousOnly if probe.unconfirmed == 0 => Judgement::Unknown,
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
mod tests {
    use super::*;

    const CLEAN: ProbeHistory = ProbeHistory {
        accepted: 1,
        indeterminate: 0,
        refused: 0,
        broken: 0,
        confirmed: 1,
        withheld: 0,
        unconfirmed: 0,
        kill_copies: 0,
        bounces: 0,
        attempts: 1,
        retry_owed: false,
        rejected: false,
        expired: false,
        outlived: false,
        smuggled: false,
        misrouted: false,
        corrupted: false,
        null_sender: false,
        dsn_malformed: false,
        readdressed: false,
        addressed_amiss: false,
        copies: 0,
        copies_amiss: 0,
        dsn_nonstandard: false,
        queued: Queued::No,
    };
    const UNSEEN: ProbeHistory = ProbeHistory { confirmed: 0, ..CLEAN };
    const REFUSED: ProbeHistory = ProbeHistory { accepted: 0, refused: 1, ..UNSEEN };
    const UNCERTAIN: ProbeHistory = ProbeHistory { accepted: 0, indeterminate: 1, ..UNSEEN };

    fn judged(probe: ProbeHistory) -> (Class, Judgement) {
        let disposition = classify(&probe);
        (disposition.class, disposition.judgement)
    }

    #[test]
    fn what_is_delivered_once_and_known_to_be_is_valid() {
        assert_eq!(judged(CLEAN), (Class::Delivered, Judgement::Valid));
        assert_eq!(classify(&CLEAN).duplicates, Duplicates::default());
    }

    #[test]
    fn what_arrives_wrongly_is_named_by_the_first_rule() {
        let all = ProbeHistory { smuggled: true, misrouted: true, corrupted: true, ..CLEAN };
        assert_eq!(judged(all), (Class::Smuggled, Judgement::Invalid));
        let all = ProbeHistory { smuggled: false, ..all };
        assert_eq!(judged(all), (Class::Misrouted, Judgement::Invalid));
        let all = ProbeHistory { misrouted: false, bounces: 1, ..all };
        assert_eq!(judged(all), (Class::Corrupted, Judgement::Invalid));
        let refused = ProbeHistory { accepted: 0, refused: 1, ..all };
        assert_eq!(judged(refused), (Class::Resurrected, Judgement::Invalid));
        let broken = ProbeHistory { accepted: 0, broken: 1, ..all };
        assert_eq!(judged(broken), (Class::Premature, Judgement::Invalid));
    }

    #[test]
    fn a_delivery_after_a_refusal_is_resurrected_confirmed_or_not() {
        let confirmed = ProbeHistory { confirmed: 1, ..REFUSED };
        assert_eq!(judged(confirmed).0, Class::Resurrected);
        assert_eq!(judged(ProbeHistory { withheld: 1, ..REFUSED }).0, Class::Resurrected);
        assert_eq!(judged(REFUSED), (Class::Refused, Judgement::Valid));
    }

    #[test]
    fn a_delivery_of_what_was_never_sent_whole_is_premature() {
        let broken = ProbeHistory { refused: 0, broken: 1, ..REFUSED };
        assert_eq!(judged(broken), (Class::Refused, Judgement::Valid));
        assert_eq!(judged(ProbeHistory { unconfirmed: 1, ..broken }).0, Class::Premature);
        let never = ProbeHistory { refused: 0, ..REFUSED };
        assert_eq!(judged(never), (Class::NotSent, Judgement::Valid));
        assert_eq!(judged(ProbeHistory { confirmed: 1, ..never }).0, Class::Premature);
    }

    #[test]
    fn loss_is_claimed_only_when_no_queue_can_hold_it() {
        assert_eq!(judged(UNSEEN), (Class::Lost, Judgement::Invalid));
        let unknown = ProbeHistory { queued: Queued::Unknown, ..UNSEEN };
        assert_eq!(judged(unknown), (Class::Unaccounted, Judgement::Unknown));
        let held = ProbeHistory { queued: Queued::Yes, ..UNSEEN };
        assert_eq!(judged(held), (Class::Pending, Judgement::Unknown));
        assert_eq!(judged(ProbeHistory { bounces: 1, ..UNSEEN }).0, Class::FalseBounce);
        assert_eq!(judged(ProbeHistory { withheld: 1, ..UNSEEN }).0, Class::AmbiguousOnly);
    }

    #[test]
    fn only_a_rejected_probe_of_the_null_sender_may_be_discarded() {
        let discarded = ProbeHistory { null_sender: true, rejected: true, ..UNSEEN };
        assert_eq!(judged(discarded), (Class::DiscardedNull, Judgement::Valid));
        assert_eq!(judged(ProbeHistory { rejected: false, ..discarded }).0, Class::Lost);
        assert_eq!(judged(ProbeHistory { null_sender: false, ..discarded }).0, Class::Lost);
    }

    #[test]
    fn a_lifetime_that_ended_without_a_word_is_flagged() {
        assert!(classify(&ProbeHistory { outlived: true, ..UNSEEN }).expired_silently);
        assert!(!classify(&UNSEEN).expired_silently);
        assert!(!classify(&ProbeHistory { outlived: true, ..CLEAN }).expired_silently);
    }

    #[test]
    fn a_bounce_needs_a_reason() {
        let bounced = ProbeHistory { bounces: 1, ..UNSEEN };
        assert_eq!(judged(bounced), (Class::FalseBounce, Judgement::Invalid));
        let rejected = ProbeHistory { rejected: true, ..bounced };
        assert_eq!(judged(rejected), (Class::Bounced, Judgement::Valid));
        let expired = ProbeHistory { expired: true, ..bounced };
        assert_eq!(judged(expired), (Class::Bounced, Judgement::Valid));
        let withheld = ProbeHistory { withheld: 1, ..expired };
        assert_eq!(judged(withheld).0, Class::Bounced, "no reception was confirmed");
    }

    #[test]
    fn delivery_after_a_rejected_attempt_is_delivered() {
        let second_try = ProbeHistory { rejected: true, expired: true, attempts: 2, ..CLEAN };
        assert_eq!(judged(second_try), (Class::Delivered, Judgement::Valid));
    }

    #[test]
    fn deferred_attempt_for_a_refused_probe_leaves_it_refused() {
        let tried = ProbeHistory { retry_owed: true, queued: Queued::Yes, ..REFUSED };
        assert_eq!(judged(tried), (Class::Refused, Judgement::Valid));
    }

    #[test]
    fn a_bounce_of_what_was_delivered_is_a_lie() {
        let both = ProbeHistory { bounces: 1, rejected: true, ..CLEAN };
        assert_eq!(judged(both), (Class::BouncedAndDelivered, Judgement::Invalid));
    }

    #[test]
    fn an_unproved_reception_is_ambiguous() {
        let written = ProbeHistory { unconfirmed: 1, ..UNSEEN };
        assert_eq!(judged(written), (Class::AmbiguousOnly, Judgement::Valid));
        let withheld = ProbeHistory { withheld: 1, ..UNSEEN };
        assert_eq!(judged(withheld), (Class::AmbiguousOnly, Judgement::Unknown));
    }

    #[test]
    fn a_withheld_reception_that_will_come_again_is_pending() {
        let waits = ProbeHistory { withheld: 1, retry_owed: true, queued: Queued::Yes, ..UNSEEN };
        assert_eq!(judged(waits), (Class::Pending, Judgement::Unknown));
        assert_eq!(judged(ProbeHistory { queued: Queued::No, ..waits }).0, Class::AmbiguousOnly);
        assert_eq!(judged(ProbeHistory { retry_owed: false, ..waits }).0, Class::AmbiguousOnly);
        assert_eq!(judged(ProbeHistory { unconfirmed: 1, ..waits }).0, Class::AmbiguousOnly);
        assert_eq!(judged(ProbeHistory { confirmed: 1, ..waits }).0, Class::Delivered);
    }

    #[test]
    fn an_unread_reply_obliges_to_nothing() {
        assert_eq!(judged(UNCERTAIN), (Class::NeverHappened, Judgement::Valid));
        let recovered = ProbeHistory { unconfirmed: 1, ..UNCERTAIN };
        assert_eq!(judged(recovered), (Class::Recovered, Judgement::Valid));
        assert_eq!(judged(ProbeHistory { confirmed: 1, ..UNCERTAIN }).0, Class::Recovered);
        let waits = ProbeHistory { retry_owed: true, queued: Queued::Yes, ..UNCERTAIN };
        assert_eq!(judged(waits).0, Class::Pending, "it was tried, so the target has it");
        assert_eq!(judged(ProbeHistory { attempts: 0, ..waits }).0, Class::NeverHappened);
        let bounced = ProbeHistory { bounces: 1, rejected: true, ..UNCERTAIN };
        assert_eq!(judged(bounced).0, Class::Bounced);
    }

    fn duplicates(probe: ProbeHistory) -> Duplicates {
        classify(&probe).duplicates
    }

    #[test]
    fn a_second_confirmed_copy_is_unexcused() {
        let twice = duplicates(ProbeHistory { confirmed: 2, ..CLEAN });
        assert_eq!(twice, Duplicates { unexcused: 1, ..Duplicates::default() });
        assert_eq!(judged(ProbeHistory { confirmed: 2, ..CLEAN }).0, Class::Delivered);
    }

    #[test]
    fn an_ambiguous_copy_excuses_one_more() {
        let some = Duplicates { withheld: 2, unconfirmed: 1, ..Duplicates::default() };
        assert_eq!(duplicates(ProbeHistory { withheld: 2, unconfirmed: 1, ..CLEAN }), some);
        let none = ProbeHistory { withheld: 2, unconfirmed: 1, ..UNSEEN };
        let told = duplicates(none);
        assert_eq!((told.withheld + told.unconfirmed, told.unexcused), (2, 0));
        assert_eq!(duplicates(ProbeHistory { withheld: 1, ..UNSEEN }), Duplicates::default());
    }

    #[test]
    fn each_further_submission_excuses_one_more() {
        let again = ProbeHistory { indeterminate: 1, confirmed: 3, ..CLEAN };
        let expected = Duplicates { unexcused: 1, indeterminate: 1, ..Duplicates::default() };
        assert_eq!(duplicates(again), expected);
    }

    #[test]
    fn a_kill_excuses_no_more_than_it_can() {
        let thrice = ProbeHistory { confirmed: 3, kill_copies: 1, ..CLEAN };
        let expected = Duplicates { unexcused: 1, kill: 1, ..Duplicates::default() };
        assert_eq!(duplicates(thrice), expected);
        assert_eq!(duplicates(ProbeHistory { kill_copies: 5, ..CLEAN }), Duplicates::default());
    }
}
