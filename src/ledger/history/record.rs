//! What is kept of each probe and message: small, dense, fixed in size. Rare things (further
//! copies, bounces) live in side tables.

use super::Planned;
use super::receptions::{NO_NUMBER, Reception};
use crate::clock::Time;
use crate::ledger::event::{Attempt, AttemptOutcome, NoAnswer, SubmitResult};
use crate::probe::{DestinationId, MessageId};
use crate::smtp::stage::Stage;

/// A time that did not come.
pub(super) const NEVER: Time = Time(u64::MAX);
/// The number of a reception that has none, in half the room.
const UNNUMBERED: u32 = u32::MAX;

/// One yes-or-no fact about a probe; at most sixteen.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Smuggled,
    Misrouted,
    Corrupted,
    Altered,
    /// The first reception's 250 was withheld.
    FirstWithheld,
    /// Its receptions are in the side table.
    Several,
    /// A 5yz was given to it.
    Rejected,
    /// A 4yz, a broken connection or a withheld 250 befell it.
    PutOff,
    /// The last attempt left the target owing another.
    RetryOwed,
    Bounced,
    DsnMalformed,
    NullSender,
    Unsendable,
    /// Received under another envelope than was sent.
    Readdressed,
    /// And that is neither declared nor standard practice.
    AddressedAmiss,
    /// What came back about it is no DSN in the form of RFC 3464.
    DsnNonstandard,
}

impl Mark {
    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// One probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) first_attempt: Time,
    pub(super) last_attempt_end: Time,
    /// End of the first reception.
    pub(super) received: Time,
    /// Its number, where it has one.
    reception: u32,
    /// Index among the messages; `u32::MAX`: not offered.
    pub(super) message: u32,
    pub(super) attempts: u32,
    pub(super) deferrals: u16,
    marks: u16,
    /// Planned destination; `u16::MAX`: none.
    destination: u16,
    pub(super) accepted: u8,
    pub(super) indeterminate: u8,
    pub(super) refused: u8,
    pub(super) broken: u8,
    pub(super) not_sent: u8,
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) recipients: u16,
    /// A transaction for it was rejected before any recipient was named.
    pub(super) rejected: bool,
    pub(super) due: Time,
    pub(super) offered: Time,
    pub(super) sent: Time,
    pub(super) done: Time,
    /// Why the target did not answer, where that was recorded.
    pub(super) no_answer: Option<NoAnswer>,
}

impl Record {
    /// A probe that was never offered.
    pub(super) const ABSENT: Record = Record {
        first_attempt: NEVER,
        last_attempt_end: NEVER,
        received: NEVER,
        reception: UNNUMBERED,
        message: u32::MAX,
        attempts: 0,
        deferrals: 0,
        marks: 0,
        destination: u16::MAX,
        accepted: 0,
        indeterminate: 0,
        refused: 0,
        broken: 0,
        not_sent: 0,
    };

    pub(super) fn is_offered(&self) -> bool {
        self.message != u32::MAX
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        self.marks |= mark.bit();
    }

    pub(super) fn has(&self, mark: Mark) -> bool {
        self.marks & mark.bit() != 0
    }

    pub(super) fn plan(&mut self, planned: Planned) {
        self.destination = planned.destination.0;
        let marks =
            [(Mark::NullSender, planned.null_sender), (Mark::Unsendable, planned.unsendable)];
        for (mark, _) in marks.into_iter().filter(|(_, holds)| *holds) {
            self.mark(mark);
        }
    }

    pub(super) fn destination(&self) -> Option<DestinationId> {
        (self.destination != u16::MAX).then_some(DestinationId(self.destination))
    }

    pub(super) fn submitted(&mut self, result: &SubmitResult) {
        let count = match result {
            SubmitResult::Accepted { .. } => &mut self.accepted,
            SubmitResult::Indeterminate { .. } => &mut self.indeterminate,
            SubmitResult::Refused { .. } => &mut self.refused,
            SubmitResult::Broken { .. } => &mut self.broken,
            SubmitResult::NotSent { .. } => &mut self.not_sent,
        };
        *count = count.saturating_add(1);
    }

    /// Takes note of the first reception. `false`: its number does not fit here, as none of our
    /// runs has.
    pub(super) fn receive(&mut self, first: &Reception) -> bool {
        self.received = first.ended;
        if first.withheld {
            self.mark(Mark::FirstWithheld);
        }
        let number = u32::try_from(first.number).ok().filter(|number| *number != UNNUMBERED);
        self.reception = number.unwrap_or(UNNUMBERED);
        number.is_some() || first.number == NO_NUMBER
    }

    pub(super) fn is_received(&self) -> bool {
        self.received != NEVER
    }

    pub(super) fn first_reception(&self) -> Reception {
        let number = match self.reception {
            UNNUMBERED => NO_NUMBER,
            number => u64::from(number),
        };
        Reception { number, ended: self.received, withheld: self.has(Mark::FirstWithheld) }
    }

    /// Whether traffic said how the submission ended.
    pub(super) fn is_concluded(&self) -> bool {
        [self.accepted, self.indeterminate, self.refused, self.broken, self.not_sent] != [0; 5]
    }

    /// Takes note of an attempt, its reception apart.
    pub(super) fn attempted(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        self.first_attempt = self.first_attempt.min(attempt.started);
        let latest = self.last_attempt_end == NEVER || attempt.ended >= self.last_attempt_end;
        if latest {
            self.last_attempt_end = attempt.ended;
            self.marks &= !Mark::RetryOwed.bit();
        }
        match attempt.outcome {
            AttemptOutcome::Taken => return,
            AttemptOutcome::Rejected => return self.mark(Mark::Rejected),
            AttemptOutcome::Deferred => {
                self.deferrals = self.deferrals.saturating_add(1);
                self.mark(Mark::PutOff);
            }
            AttemptOutcome::Withheld | AttemptOutcome::Broken => self.mark(Mark::PutOff),
            // The target's own choice: it explains no bounce.
            AttemptOutcome::Abandoned => {}
        }
        if latest {
            self.mark(Mark::RetryOwed);
        }
    }
}

/// Whether an attempt's rejection concerns every recipient of its message: it came before any
/// was named.
pub(super) fn rejects_message(attempt: &Attempt) -> bool {
    attempt.outcome == AttemptOutcome::Rejected && attempt.stage < Stage::RcptTo
}
