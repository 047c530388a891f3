//! What the scenario says that bears on the judgement of a probe.

use std::time::Duration;

use crate::fault::rule::Rule;
use crate::ledger::history::Terms;
use crate::ledger::history::declared::{DeclaredEnvelopes, RecipientRule, SenderRule};
use crate::metric::catalogue::Subject;
use crate::probe::change::Declared;
use crate::queue::schedule::RetrySchedule;
use crate::scenario::model::Threshold;
use crate::scenario::model::bound::Op;
use crate::scenario::model::{
    Changes, Encoding, Extension, HeaderChanges, RecipientChange, Scenario, SenderChange,
};

/// The terms of a scenario, as far as the target is known to keep them.
#[must_use]
pub fn of(scenario: &Scenario) -> Terms {
    Terms {
        gives_up_after: scenario.target.gives_up_after(),
        longest_wait: scenario.target.longest_wait(),
        unreachable: scenario.faults.iter().any(Rule::keeps_away),
        declared: declared(&scenario.target.changes),
    }
}

/// What the target may do to content.
#[must_use]
pub fn declared(changes: &Changes) -> Declared {
    Declared {
        headers: changes.headers == HeaderChanges::Any,
        subject: changes.subject,
        footer: changes.footer,
        reencoded: changes.reencoded,
    }
}

/// What the scenario says that its target is meant to do to envelopes.
#[must_use]
pub fn envelopes(scenario: &Scenario) -> DeclaredEnvelopes {
    let changes = &scenario.target.changes;
    DeclaredEnvelopes {
        sender: match changes.sender {
            SenderChange::Unchanged | SenderChange::Srs | SenderChange::Batv => {
                SenderRule::Standard
            }
            SenderChange::Verp => SenderRule::Verp,
            SenderChange::Any => SenderRule::Any,
        },
        recipient: match changes.recipient {
            RecipientChange::Unchanged | RecipientChange::SubaddressStripped => {
                RecipientRule::Standard
            }
            RecipientChange::Alias => RecipientRule::Alias,
            RecipientChange::Any => RecipientRule::Any,
        },
        copies: changes.copies.clone(),
    }
}

/// Of each destination, whether it does not offer what the messages need.
#[must_use]
pub fn unsendable(scenario: &Scenario) -> Vec<bool> {
    let needed: &[Extension] = match scenario.message.encoding {
        Encoding::SevenBit => &[],
        Encoding::EightBit => &[Extension::EightBitMime],
        Encoding::Utf8 => &[Extension::EightBitMime, Extension::SmtpUtf8],
    };
    let common = &scenario.sink.extensions;
    let offers = scenario.destinations.iter().map(|to| to.extensions.as_ref().unwrap_or(common));
    offers.map(|offer| needed.iter().any(|one| !offer.contains(one))).collect()
}

/// The longest wait between two attempts, jitter included, as the scenario has it.
#[must_use]
pub fn longest_wait(retry: &RetrySchedule) -> Duration {
    retry.longest().mul_f64(1.0 + retry.jitter)
}

/// Unexcused duplicates that are no violation: what a threshold allows of them, else none.
#[must_use]
pub fn unexcused_bound(thresholds: &[Threshold]) -> u64 {
    let about = thresholds.iter().filter(|threshold| {
        threshold.subject == Subject::Count("duplicates_unexcused")
            && threshold.destination.is_none()
    });
    let bounds = about.filter_map(|threshold| match threshold.bound.op {
        Op::AtMost | Op::Equal => Some(threshold.bound.value.floor() as u64),
        Op::Less => Some((threshold.bound.value.ceil() as u64).saturating_sub(1)),
        Op::Greater | Op::AtLeast | Op::NotEqual => None,
    });
    bounds.min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::catalogue::{Stat, Unit};
    use crate::scenario::model::bound::Bound;

    fn bound(texts: &[&str]) -> u64 {
        let thresholds = texts.iter().map(|text| Threshold {
            subject: Subject::Count("duplicates_unexcused"),
            destination: None,
            period: None,
            disturbance: None,
            stat: Stat::Count,
            bound: Bound::read(text, Unit::Number).expect("a bound"),
            words: Default::default(),
            lines: (0, 0),
        });
        unexcused_bound(&thresholds.collect::<Vec<_>>())
    }

    #[test]
    fn a_threshold_may_allow_some_unexcused_duplicates() {
        assert_eq!(bound(&[]), 0);
        assert_eq!(bound(&["<= 5"]), 5);
        assert_eq!(bound(&["< 5"]), 4);
        assert_eq!(bound(&["== 0"]), 0);
        assert_eq!(bound(&["<= 5", "< 3"]), 2);
        assert_eq!(bound(&["> 5"]), 0);
    }
}
