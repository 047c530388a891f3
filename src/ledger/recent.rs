//! How long mail took lately, for the live view: a sample of messages, chosen by number
//! and not by how soon they arrive, so that those that wait long are seen too.
//!
//! The judgement of a run does not come from here.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::event::{Attempt, AttemptOutcome, Event, SubmitResult, Submitted};
use crate::clock::Time;
use crate::limits;
use crate::probe::MessageId;

/// Messages on their way, and the times of those that arrived.
#[derive(Debug)]
pub(super) struct Recent {
    /// When each sampled message was due.
    waiting: HashMap<u64, Time>,
    /// Every so many-th message is sampled: a power of two.
    every: u64,
    /// The last arrivals: when, and how long after they were due.
    arrived: VecDeque<(Time, Duration)>,
}

impl Default for Recent {
    fn default() -> Recent {
        Recent { waiting: HashMap::new(), every: 1, arrived: VecDeque::new() }
    }
}

impl Recent {
    pub(super) fn observe(&mut self, event: &Event) {
        match event {
            Event::Offered { message, due, .. } => self.offered(*message, *due),
            Event::Submitted(submitted) => self.submitted(submitted),
            Event::Attempt(attempt) => self.attempted(attempt),
            _ => {}
        }
    }

    /// 99th percentile of what arrived in the last `span`; of the last arrivals where there were
    /// very many. `None`: nothing arrived.
    pub(super) fn p99(&self, now: Time, span: Duration) -> Option<Duration> {
        let lately = |(at, _): &&(Time, Duration)| now.since(*at) <= span;
        let mut times: Vec<Duration> =
            self.arrived.iter().rev().take_while(lately).map(|(_, took)| *took).collect();
        let rank = (times.len() * 99).div_ceil(100).checked_sub(1)?;
        Some(*times.select_nth_unstable(rank).1)
    }

    fn offered(&mut self, message: MessageId, due: Time) {
        if self.waiting.len() >= limits::LIVE_SAMPLE {
            self.every *= 2;
            let every = self.every;
            self.waiting.retain(|number, _| number.is_multiple_of(every));
        }
        if message.0.is_multiple_of(self.every) {
            self.waiting.insert(message.0, due);
        }
    }

    /// What the target did not take will not arrive.
    fn submitted(&mut self, submitted: &Submitted) {
        let hopeless = |result: &SubmitResult| {
            matches!(result, SubmitResult::NotSent { .. } | SubmitResult::Refused { .. })
        };
        if submitted.results.first().is_some_and(hopeless) {
            self.waiting.remove(&submitted.message.0);
        }
    }

    /// A message is timed by its first recipient, whose probe has the message's number.
    fn attempted(&mut self, attempt: &Attempt) {
        if !matches!(attempt.outcome, AttemptOutcome::Taken | AttemptOutcome::Withheld) {
            return;
        }
        if let Some(due) = self.waiting.remove(&attempt.probe.0) {
            if self.arrived.len() >= limits::LIVE_SAMPLE {
                self.arrived.pop_front();
            }
            self.arrived.push_back((attempt.ended, attempt.ended.since(due)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::ProbeId;
    use crate::smtp::stage::Stage;

    fn at(ms: u64) -> Time {
        Time::from_offset(Duration::from_millis(ms))
    }

    fn arrives(recent: &mut Recent, probe: u64, ms: u64, outcome: AttemptOutcome) {
        recent.observe(&Event::Attempt(Attempt {
            probe: ProbeId(probe),
            destination: None,
            number: 1,
            session: 1,
            started: at(ms),
            ended: at(ms),
            stage: Stage::EndOfData,
            outcome,
            reply: None,
            fault: None,
            reception: None,
            content: None,
        }));
    }

    fn offer(recent: &mut Recent, message: u64, ms: u64) {
        recent.observe(&Event::Offered {
            message: MessageId(message),
            recipients: 1,
            due: at(ms),
            at: at(ms),
        });
    }

    #[test]
    fn a_percentile_is_of_what_arrived_lately() {
        let mut recent = Recent::default();
        assert_eq!(recent.p99(at(0), Duration::from_secs(5)), None);
        (0..100).for_each(|number| offer(&mut recent, number, 0));
        arrives(&mut recent, 0, 9_000, AttemptOutcome::Deferred);
        (0..100).for_each(|number| arrives(&mut recent, number, number, AttemptOutcome::Taken));
        let all = recent.p99(at(99), Duration::from_secs(5));
        assert_eq!(all, Some(Duration::from_millis(98)));
        assert_eq!(recent.p99(at(9_000), Duration::from_secs(5)), None, "long ago");
    }

    #[test]
    fn messages_that_the_target_did_not_take_are_not_waited_for() {
        let mut recent = Recent::default();
        let cause = || "as the test wants it".to_owned();
        let reply = crate::smtp::reply::Reply::new(550, None, "no");
        let results = [
            SubmitResult::NotSent { stage: Stage::Connect, cause: cause() },
            SubmitResult::Refused { stage: Stage::RcptTo, reply: reply.clone() },
            SubmitResult::Indeterminate { cause: cause() },
            SubmitResult::Accepted { reply },
        ];
        for (number, result) in (0..).zip(results) {
            offer(&mut recent, number, 0);
            recent.observe(&Event::Submitted(Submitted {
                message: MessageId(number),
                session: 1,
                sent: at(0),
                done: at(1),
                stages: Vec::new(),
                results: vec![result],
            }));
        }
        let mut waiting: Vec<u64> = recent.waiting.keys().copied().collect();
        waiting.sort_unstable();
        assert_eq!(waiting, [2, 3]);
    }

    #[test]
    fn arrivals_kept_are_bounded_and_the_latest() {
        let mut recent = Recent::default();
        let many = limits::LIVE_SAMPLE as u64 + 10;
        for number in 0..many {
            offer(&mut recent, number * 1024, 0);
            arrives(&mut recent, number * 1024, number, AttemptOutcome::Withheld);
        }
        assert_eq!(recent.arrived.len(), limits::LIVE_SAMPLE);
        assert_eq!(recent.arrived.front().map(|(at, _)| *at), Some(at(10)));
    }

    #[test]
    fn many_are_sampled_and_a_long_wait_is_not_forgotten() {
        let mut recent = Recent::default();
        offer(&mut recent, 0, 0);
        let many = 4 * limits::LIVE_SAMPLE as u64;
        (1..many).for_each(|number| offer(&mut recent, number, 1));
        assert!(recent.waiting.len() <= limits::LIVE_SAMPLE && recent.every >= 4);
        assert!(recent.every.is_power_of_two(), "an even sample of all: {}", recent.every);
        arrives(&mut recent, 0, 60_000, AttemptOutcome::Taken);
        assert_eq!(recent.p99(at(60_000), Duration::from_secs(1)), Some(Duration::from_secs(60)));
    }
}
