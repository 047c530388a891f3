//! Replies by stage and code, from both ends: read by traffic from the target, given by the sink.

use std::collections::BTreeMap;

use crate::ledger::event::{Event, SessionChange, SubmitResult};
use crate::measure::results::ReplyCount;
use crate::probe::PREFLIGHT;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

const TARGET: &str = "target";
const SINK: &str = "sink";

/// Counts replies, event by event.
#[derive(Debug, Default)]
pub struct Replies {
    counts: BTreeMap<(&'static str, Stage, u16), (u64, String)>,
}

impl Replies {
    /// Takes note of an event.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Submitted(submitted) if submitted.message < PREFLIGHT => {
                submitted.results.iter().for_each(|result| self.read(result));
            }
            Event::Attempt(attempt) if attempt.probe.0 < PREFLIGHT.0 => {
                if let Some(reply) = &attempt.reply {
                    self.count(SINK, attempt.stage, reply);
                }
            }
            Event::Session {
                change: SessionChange::TurnedAway { reply: Some(reply), .. }, ..
            } => self.count(SINK, Stage::Banner, reply),
            _ => {}
        }
    }

    /// The counts, in order of end, stage and code.
    #[must_use]
    pub fn counts(self) -> Vec<ReplyCount> {
        let counts = self.counts.into_iter();
        counts
            .map(|((by, stage, code), (count, example))| ReplyCount {
                by: by.to_owned(),
                stage: stage.name().to_owned(),
                code,
                count,
                example,
            })
            .collect()
    }

    fn read(&mut self, result: &SubmitResult) {
        match result {
            SubmitResult::Accepted { reply } => self.count(TARGET, Stage::EndOfData, reply),
            SubmitResult::Refused { stage, reply } => self.count(TARGET, *stage, reply),
            SubmitResult::NotSent { .. }
            | SubmitResult::Broken { .. }
            | SubmitResult::Indeterminate { .. } => {}
        }
    }

    fn count(&mut self, by: &'static str, stage: Stage, reply: &Reply) {
        let entry = self.counts.entry((by, stage, reply.code));
        entry.or_insert_with(|| (0, reply.text.clone())).0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::event::AttemptOutcome;
    use crate::measure::synthetic::{accepted, attempt, submission};

    #[test]
    fn both_ends_are_counted_apart() {
        let mut replies = Replies::default();
        submission(0, [0, 1, 2], accepted()).iter().for_each(|event| replies.observe(event));
        for probe in 0..3 {
            let outcome = AttemptOutcome::Deferred;
            replies.observe(&Event::Attempt(attempt(probe, 1, (5, 6), outcome)));
        }
        let preflight = attempt(PREFLIGHT.0, 1, (1, 2), AttemptOutcome::Taken);
        replies.observe(&Event::Attempt(preflight));
        let counts = replies.counts();
        let seen: Vec<_> =
            counts.iter().map(|c| (c.by.as_str(), c.stage.as_str(), c.code, c.count)).collect();
        assert_eq!(seen, [("sink", "rcpt-to", 451, 3), ("target", "end-of-data", 250, 1)]);
    }
}
