//! Each rule of the classification, and that no two of them meet.

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
    altered: false,
    null_sender: false,
    readdressed: false,
    addressed_amiss: false,
    copies: 0,
    copies_amiss: 0,
    dsn_malformed: false,
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
    let all =
        ProbeHistory { smuggled: true, misrouted: true, corrupted: true, altered: true, ..CLEAN };
    assert_eq!(judged(all), (Class::Smuggled, Judgement::Invalid));
    let all = ProbeHistory { smuggled: false, ..all };
    assert_eq!(judged(all), (Class::Misrouted, Judgement::Invalid));
    let all = ProbeHistory { misrouted: false, bounces: 1, ..all };
    assert_eq!(judged(all), (Class::Corrupted, Judgement::Invalid));
    let all = ProbeHistory { corrupted: false, ..all };
    assert_eq!(judged(all), (Class::Altered, Judgement::Invalid));
    let refused = ProbeHistory { accepted: 0, refused: 1, ..all };
    assert_eq!(judged(refused), (Class::DeliveredAfterRefusal, Judgement::Invalid));
    let broken = ProbeHistory { accepted: 0, broken: 1, ..all };
    assert_eq!(judged(broken), (Class::DeliveredBeforeEndOfData, Judgement::Invalid));
}

#[test]
fn a_delivery_after_a_refusal_is_resurrected_confirmed_or_not() {
    let confirmed = ProbeHistory { confirmed: 1, ..REFUSED };
    assert_eq!(judged(confirmed).0, Class::DeliveredAfterRefusal);
    assert_eq!(judged(ProbeHistory { withheld: 1, ..REFUSED }).0, Class::DeliveredAfterRefusal);
    assert_eq!(judged(REFUSED), (Class::Refused, Judgement::Valid));
}

#[test]
fn a_delivery_of_what_was_never_sent_whole_is_premature() {
    let broken = ProbeHistory { refused: 0, broken: 1, ..REFUSED };
    assert_eq!(judged(broken), (Class::Refused, Judgement::Valid));
    assert_eq!(
        judged(ProbeHistory { unconfirmed: 1, ..broken }).0,
        Class::DeliveredBeforeEndOfData
    );
    let never = ProbeHistory { refused: 0, ..REFUSED };
    assert_eq!(judged(never), (Class::NotSent, Judgement::Valid));
    assert_eq!(judged(ProbeHistory { confirmed: 1, ..never }).0, Class::DeliveredBeforeEndOfData);
}

#[test]
fn loss_is_claimed_only_when_no_queue_can_hold_it() {
    assert_eq!(judged(UNSEEN), (Class::Lost, Judgement::Invalid));
    let unknown = ProbeHistory { queued: Queued::Unknown, ..UNSEEN };
    assert_eq!(judged(unknown), (Class::Unaccounted, Judgement::Unknown));
    let held = ProbeHistory { queued: Queued::Yes, ..UNSEEN };
    assert_eq!(judged(held), (Class::Pending, Judgement::Unknown));
    assert_eq!(judged(ProbeHistory { bounces: 1, ..UNSEEN }).0, Class::FalseBounce);
    assert_eq!(judged(ProbeHistory { withheld: 1, ..UNSEEN }).0, Class::Unconfirmed);
}

#[test]
fn only_a_rejected_probe_of_the_null_sender_may_be_discarded() {
    let discarded = ProbeHistory { null_sender: true, rejected: true, ..UNSEEN };
    assert_eq!(judged(discarded), (Class::NullSenderDiscarded, Judgement::Valid));
    assert_eq!(judged(ProbeHistory { rejected: false, ..discarded }).0, Class::Lost);
    assert_eq!(judged(ProbeHistory { null_sender: false, ..discarded }).0, Class::Lost);
}

#[test]
fn a_lifetime_that_ended_without_a_word_is_flagged() {
    assert!(classify(&ProbeHistory { outlived: true, ..UNSEEN }).expired_without_dsn);
    assert!(!classify(&UNSEEN).expired_without_dsn);
    assert!(!classify(&ProbeHistory { outlived: true, ..CLEAN }).expired_without_dsn);
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
    assert_eq!(judged(written), (Class::Unconfirmed, Judgement::Valid));
    let withheld = ProbeHistory { withheld: 1, ..UNSEEN };
    assert_eq!(judged(withheld), (Class::Unconfirmed, Judgement::Unknown));
}

#[test]
fn a_withheld_reception_that_will_come_again_is_pending() {
    let waits = ProbeHistory { withheld: 1, retry_owed: true, queued: Queued::Yes, ..UNSEEN };
    assert_eq!(judged(waits), (Class::Pending, Judgement::Unknown));
    assert_eq!(judged(ProbeHistory { queued: Queued::No, ..waits }).0, Class::Unconfirmed);
    assert_eq!(judged(ProbeHistory { retry_owed: false, ..waits }).0, Class::Unconfirmed);
    assert_eq!(judged(ProbeHistory { unconfirmed: 1, ..waits }).0, Class::Unconfirmed);
    assert_eq!(judged(ProbeHistory { confirmed: 1, ..waits }).0, Class::Delivered);
}

#[test]
fn an_unread_reply_obliges_to_nothing() {
    assert_eq!(judged(UNCERTAIN), (Class::IndeterminateNotDelivered, Judgement::Valid));
    let recovered = ProbeHistory { unconfirmed: 1, ..UNCERTAIN };
    assert_eq!(judged(recovered), (Class::IndeterminateDelivered, Judgement::Valid));
    assert_eq!(judged(ProbeHistory { confirmed: 1, ..UNCERTAIN }).0, Class::IndeterminateDelivered);
    let waits = ProbeHistory { retry_owed: true, queued: Queued::Yes, ..UNCERTAIN };
    assert_eq!(judged(waits).0, Class::Pending, "it was tried, so the target has it");
    assert_eq!(judged(ProbeHistory { attempts: 0, ..waits }).0, Class::IndeterminateNotDelivered);
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

#[test]
fn an_envelope_that_is_not_as_it_may_be_fails_a_delivery_that_stays_one() {
    for amiss in [
        ProbeHistory { readdressed: true, addressed_amiss: true, ..CLEAN },
        ProbeHistory { copies: 1, copies_amiss: 1, ..CLEAN },
    ] {
        assert_eq!(judged(amiss), (Class::Delivered, Judgement::Invalid));
    }
    let meant = ProbeHistory { readdressed: true, copies: 2, ..CLEAN };
    assert_eq!(judged(meant), (Class::Delivered, Judgement::Valid));
}
