//! How long each stage of a connection and its transactions took, and which were under way when
//! they were abandoned.
//!
//! It belongs to the caller, not to the operation, so it can be read after the operation was
//! dropped under way.

use std::time::Duration;

use crate::clock::Time;
use crate::smtp::stage::Stage;

/// The stages that were begun, in order.
#[derive(Clone, Debug, Default)]
pub struct Trace(Vec<Entry>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    stage: Stage,
    since: Time,
    /// `None`: it waits for its answer.
    took: Option<Duration>,
}

impl Trace {
    /// An empty trace with room for a transaction of so many recipients.
    #[must_use]
    pub fn for_recipients(recipients: usize) -> Trace {
        Trace(Vec::with_capacity(recipients + 7))
    }

    /// A stage begins.
    pub(super) fn begin(&mut self, stage: Stage, since: Time) {
        self.0.push(Entry { stage, since, took: None });
    }

    /// The earliest of this stage that waits is over.
    pub(super) fn end(&mut self, stage: Stage, at: Time) {
        let mut waiting = self.0.iter_mut().filter(|entry| entry.took.is_none());
        if let Some(entry) = waiting.find(|entry| entry.stage == stage) {
            entry.took = Some(at.since(entry.since));
        }
    }

    /// What waits will not be answered, and is not waited for.
    pub(super) fn forget_awaited(&mut self) {
        self.0.retain(|entry| entry.took.is_some());
    }

    /// How long each stage took that was answered, in order: from the command written to the reply
    /// read. Content runs from the 354 to the last byte given to the kernel, end-of-data from there
    /// to its reply.
    pub fn answered(&self) -> impl Iterator<Item = (Stage, Duration)> {
        self.0.iter().filter_map(|entry| Some((entry.stage, entry.took?)))
    }

    /// How long each stage has waited for its answer at `now`.
    pub fn unanswered(&self, now: Time) -> impl Iterator<Item = (Stage, Duration)> {
        let waiting = self.0.iter().filter(|entry| entry.took.is_none());
        waiting.map(move |entry| (entry.stage, now.since(entry.since)))
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
        let answered: Vec<_> = trace.answered().collect();
        assert_eq!(answered, [(Stage::MailFrom, millis(2)), (Stage::RcptTo, millis(5))]);
        let waiting: Vec<_> = trace.unanswered(ms(110)).collect();
        assert_eq!(waiting, [(Stage::RcptTo, millis(100))]);
    }
}
