//! How long each stage of a connection and its transactions took, and which were under way when
//! they were abandoned.
//!
//! It belongs to the caller, not to the operation, so that it can be read after the operation was
//! dropped under way.

use std::time::Duration;

use crate::clock::Time;
use crate::smtp::stage::Stage;

/// Stages answered, and stages that wait for their answer.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    answered: Vec<(Stage, Duration)>,
    awaited: Vec<(Stage, Time)>,
}

impl Trace {
    /// An empty trace with room for a transaction of so many recipients.
    #[must_use]
    pub fn for_recipients(recipients: usize) -> Trace {
        Trace { answered: Vec::with_capacity(recipients + 7), awaited: Vec::new() }
    }

    /// A stage begins.
    pub(super) fn begin(&mut self, stage: Stage, at: Time) {
        self.awaited.push((stage, at));
    }

    /// The earliest of this stage that was begun is over.
    pub(super) fn end(&mut self, stage: Stage, at: Time) {
        if let Some(index) = self.awaited.iter().position(|(awaited, _)| *awaited == stage) {
            let (_, since) = self.awaited.remove(index);
            self.answered.push((stage, at.since(since)));
        }
    }

    /// What was begun will not be answered, and is not waited for.
    pub(super) fn forget_awaited(&mut self) {
        self.awaited.clear();
    }

    /// How long each stage took that was answered, in order: from the command written to the reply
    /// read. Content runs from the 354 to the last byte given to the kernel, end-of-data from there
    /// to its reply.
    #[must_use]
    pub fn answered(&self) -> &[(Stage, Duration)] {
        &self.answered
    }

    /// How long each stage has waited for its answer at `now`.
    pub fn unanswered(&self, now: Time) -> impl Iterator<Item = (Stage, Duration)> {
        self.awaited.iter().map(move |(stage, since)| (*stage, now.since(*since)))
    }

    pub(super) fn into_answered(self) -> Vec<(Stage, Duration)> {
        self.answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_without_an_answer_has_its_age() {
        let ms = |millis| Time::from_offset(Duration::from_millis(millis));
        let mut trace = Trace::default();
        for stage in [Stage::MailFrom, Stage::RcptTo, Stage::RcptTo] {
            trace.begin(stage, ms(10));
        }
        trace.end(Stage::MailFrom, ms(12));
        trace.end(Stage::RcptTo, ms(15));
        let millis = Duration::from_millis;
        let answered = [(Stage::MailFrom, millis(2)), (Stage::RcptTo, millis(5))];
        assert_eq!(trace.answered(), answered);
        let waiting: Vec<_> = trace.unanswered(ms(110)).collect();
        assert_eq!(waiting, [(Stage::RcptTo, millis(100))]);
    }
}
