//! The classes of probes under their names, and what a class amounts to. The rules are
//! `disposition`'s.

/// The primary class of a probe, in the order in which the rules are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Arrived under an identity embedded in a message's text: the target was made to see two
    /// messages in one.
    Smuggled,
    /// Received by another destination or recipient than it was meant for.
    Misrouted,
    /// Received although its final dot was never sent.
    DeliveredBeforeEndOfData,
    /// Refused, then delivered.
    DeliveredAfterRefusal,
    /// Received damaged.
    Corrupted,
    /// Received with a change that nothing permits and the scenario does not declare.
    Altered,
    /// Reported as failed, and delivered.
    BouncedAndDelivered,
    /// Null sender and permanent failure: nobody to tell (RFC 5321 §4.5.5).
    NullSenderDiscarded,
    /// Accepted, and gone: not received, not bounced, in no queue.
    Lost,
    /// As lost, but the queue is not proved empty.
    Unaccounted,
    /// Still in the target's queue.
    Pending,
    /// Reported as failed after a rejection or at the end of its lifetime.
    Bounced,
    /// Reported as failed without a reason.
    FalseBounce,
    /// Received, and nothing proves that the target knows.
    Unconfirmed,
    /// The reply to the final dot was not read; received.
    IndeterminateDelivered,
    /// The reply to the final dot was not read; never seen again.
    IndeterminateNotDelivered,
    /// Accepted, received, and the target knows.
    Delivered,
    /// Refused, and that was all.
    Refused,
    /// Never reached the target, so nothing is owed.
    NotSent,
}

/// Names that classes and counts had before (report schema version 1), and those they have now.
pub const EARLIER_NAMES: [(&str, &str); 7] = [
    ("resurrected", "delivered_after_refusal"),
    ("premature", "delivered_before_end_of_data"),
    ("ambiguous_only", "unconfirmed"),
    ("never_happened", "indeterminate_not_delivered"),
    ("recovered", "indeterminate_delivered"),
    ("discarded_null", "null_sender_discarded"),
    ("expired_silently", "expired_without_dsn"),
];

/// The name that a class or count has now, if `earlier` is one it had before.
#[must_use]
pub fn renamed(earlier: &str) -> Option<&'static str> {
    EARLIER_NAMES.iter().find(|(before, _)| *before == earlier).map(|(_, now)| *now)
}

/// What a class, or a whole ledger, amounts to. The worse one wins when two meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Judgement {
    /// As it should be.
    Valid,
    /// Cannot be decided.
    Unknown,
    /// A violation.
    Invalid,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 19] = [
        Class::Smuggled,
        Class::Misrouted,
        Class::DeliveredBeforeEndOfData,
        Class::DeliveredAfterRefusal,
        Class::Corrupted,
        Class::Altered,
        Class::BouncedAndDelivered,
        Class::NullSenderDiscarded,
        Class::Lost,
        Class::Unaccounted,
        Class::Pending,
        Class::Bounced,
        Class::FalseBounce,
        Class::Unconfirmed,
        Class::IndeterminateDelivered,
        Class::IndeterminateNotDelivered,
        Class::Delivered,
        Class::Refused,
        Class::NotSent,
    ];

    /// Whether a probe of this class fails a run.
    #[must_use]
    pub fn is_violation(self) -> bool {
        matches!(
            self,
            Class::Smuggled
                | Class::Misrouted
                | Class::DeliveredBeforeEndOfData
                | Class::DeliveredAfterRefusal
                | Class::Corrupted
                | Class::Altered
                | Class::BouncedAndDelivered
                | Class::Lost
                | Class::FalseBounce
        )
    }

    /// Whether a probe of this class reached its recipient, in whatever state and however it was
    /// submitted.
    #[must_use]
    pub fn has_arrived(self) -> bool {
        matches!(
            self,
            Class::Delivered
                | Class::IndeterminateDelivered
                | Class::Unconfirmed
                | Class::Altered
                | Class::Corrupted
                | Class::BouncedAndDelivered
                | Class::DeliveredAfterRefusal
        )
    }

    /// The name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::Smuggled => "smuggled",
            Class::Misrouted => "misrouted",
            Class::DeliveredBeforeEndOfData => "delivered_before_end_of_data",
            Class::DeliveredAfterRefusal => "delivered_after_refusal",
            Class::Corrupted => "corrupted",
            Class::Altered => "altered",
            Class::BouncedAndDelivered => "bounced_and_delivered",
            Class::NullSenderDiscarded => "null_sender_discarded",
            Class::Lost => "lost",
            Class::Unaccounted => "unaccounted",
            Class::Pending => "pending",
            Class::Bounced => "bounced",
            Class::FalseBounce => "false_bounce",
            Class::Unconfirmed => "unconfirmed",
            Class::IndeterminateDelivered => "indeterminate_delivered",
            Class::IndeterminateNotDelivered => "indeterminate_not_delivered",
            Class::Delivered => "delivered",
            Class::Refused => "refused",
            Class::NotSent => "not_sent",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_class_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Class::ALL.into_iter().map(Class::name).collect();
        assert_eq!(names.len(), Class::ALL.len());
        let plain =
            |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(names.iter().all(plain) && !names.contains(""), "{names:?}");
    }

    #[test]
    fn an_earlier_name_leads_to_the_one_it_has_now() {
        for (earlier, now) in EARLIER_NAMES {
            assert_eq!((renamed(earlier), renamed(now)), (Some(now), None));
            let is_class = Class::ALL.iter().any(|class| class.name() == now);
            assert!(is_class || now == "expired_without_dsn", "{now}");
        }
        assert_eq!([renamed("lost"), renamed("")], [None; 2]);
    }

    #[test]
    fn violations_are_what_a_target_must_never_do() {
        let violations = Class::ALL.into_iter().filter(|class| class.is_violation());
        let names: Vec<&str> = violations.map(Class::name).collect();
        let expected = [
            "smuggled",
            "misrouted",
            "delivered_before_end_of_data",
            "delivered_after_refusal",
            "corrupted",
            "altered",
            "bounced_and_delivered",
            "lost",
            "false_bounce",
        ];
        assert_eq!(names, expected);
    }
}
