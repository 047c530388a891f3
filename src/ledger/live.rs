//! The ledger's running sums, kept event by event so that a run can show its progress and see
//! its queue drain.
//!
//! Each probe has one byte of state, so an event seen twice counts once. The judgement of a run
//! does not come from here but from `history` and `disposition`.

use super::event::{
    Attempt, AttemptOutcome, Dsn, DsnAction, Event, Notice, NoticeKind, Recognised, SubmitResult,
    Submitted,
};
use crate::limits;
use crate::probe::{MessageId, ProbeId};

/// Sums over the run so far. Probes, unless the name says attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Handed to a session.
    pub offered: u64,
    /// The target took responsibility.
    pub accepted: u64,
    /// The target said no, or the connection broke before the final dot.
    pub refused: u64,
    /// The reply to the final dot was not read.
    pub indeterminate: u64,
    /// Never reached the target.
    pub not_sent: u64,
    /// Offered, result not known yet.
    pub in_flight: u64,
    /// Whole content seen at the sink at least once, `250` given or withheld.
    pub delivered: u64,
    /// A DSN said that delivery failed.
    pub bounced: u64,
    /// Accepted, neither delivered nor bounced yet.
    pub backlog: u64,
    /// Attempts answered 4yz.
    pub deferred_attempts: u64,
    /// Attempts answered 5yz.
    pub rejected_attempts: u64,
}

const OFFERED: u8 = 0b00_0001;
const CONCLUDED: u8 = 0b00_0010;
const ACCEPTED: u8 = 0b00_0100;
const DELIVERED: u8 = 0b00_1000;
const BOUNCED: u8 = 0b01_0000;
const SOLE_RECIPIENT: u8 = 0b10_0000;
const FIRST_RECIPIENT: u8 = 0b100_0000;

/// One byte a probe, and their sums.
#[derive(Debug, Default)]
pub(super) struct Live {
    probes: Vec<u8>,
    tally: Tally,
}

impl Live {
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Only [`Event::Offered`] makes room for probes: what the sink reads from an envelope must
    /// not decide how much memory is used.
    pub(super) fn observe(&mut self, event: &Event) {
        match event {
            Event::Offered { message, recipients, .. } => self.offered(*message, *recipients),
            Event::Submitted(submitted) => self.submitted(submitted),
            Event::Attempt(attempt) => self.attempted(attempt),
            Event::Dsn(dsn) => self.returned(dsn),
            Event::Recognised(recognised) => self.recognised(recognised),
            Event::Notice(notice) => self.noticed(notice),
            _ => {}
        }
    }

    fn offered(&mut self, message: MessageId, recipients: u16) {
        let end = message.0.saturating_add(u64::from(recipients));
        let known = self.tally.offered + u64::from(recipients);
        if end > known + limits::OFFER_GAP {
            return;
        }
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        self.probes.resize(self.probes.len().max(end), 0);
        let sole = if recipients == 1 { SOLE_RECIPIENT } else { 0 };
        for index in 0..recipients {
            let first = if index == 0 { FIRST_RECIPIENT } else { 0 };
            if self.mark(message.probe(index), OFFERED | sole | first) & OFFERED == 0 {
                self.tally.offered += 1;
                self.tally.in_flight += 1;
            }
        }
    }

    fn submitted(&mut self, submitted: &Submitted) {
        for (index, result) in (0_u16..).zip(&submitted.results) {
            let probe = submitted.message.probe(index);
            let before = self.state(probe);
            if before & OFFERED == 0 || before & CONCLUDED != 0 {
                continue;
            }
            self.tally.in_flight -= 1;
            let sum = match result {
                SubmitResult::NotSent { .. } => &mut self.tally.not_sent,
                SubmitResult::Refused { .. } | SubmitResult::Broken { .. } => {
                    &mut self.tally.refused
                }
                SubmitResult::Accepted { .. } => &mut self.tally.accepted,
                SubmitResult::Indeterminate { .. } => &mut self.tally.indeterminate,
            };
            *sum += 1;
            let accepted = matches!(result, SubmitResult::Accepted { .. });
            self.mark(probe, CONCLUDED | if accepted { ACCEPTED } else { 0 });
        }
    }

    fn attempted(&mut self, attempt: &Attempt) {
        match attempt.outcome {
            AttemptOutcome::Deferred => self.tally.deferred_attempts += 1,
            AttemptOutcome::Rejected => self.tally.rejected_attempts += 1,
            AttemptOutcome::Taken | AttemptOutcome::Withheld => {
                if self.state(attempt.probe) & OFFERED != 0
                    && self.mark(attempt.probe, DELIVERED) & DELIVERED == 0
                {
                    self.tally.delivered += 1;
                }
            }
            AttemptOutcome::Broken | AttemptOutcome::Abandoned => {}
        }
    }

    fn returned(&mut self, dsn: &Dsn) {
        for block in dsn.recipients.iter().filter(|block| block.action == DsnAction::Failed) {
            let sole = || {
                let only = dsn.message?.probe(0);
                (self.state(only) & SOLE_RECIPIENT != 0).then_some(only)
            };
            let Some(probe) = block.probe.or_else(sole) else { continue };
            if self.state(probe) & OFFERED != 0 && self.mark(probe, BOUNCED) & BOUNCED == 0 {
                self.tally.bounced += 1;
            }
        }
    }

    /// Which recipient it stands for is decided at the end; for the sums, any that is missing.
    fn recognised(&mut self, recognised: &Recognised) {
        let missing = |probe: &ProbeId| self.state(*probe) & DELIVERED == 0;
        let probe = recognised.message.and_then(|message| self.recipients(message).find(missing));
        let probe = probe.unwrap_or(recognised.attempt.probe);
        self.attempted(&Attempt { probe, ..recognised.attempt.clone() });
    }

    fn noticed(&mut self, notice: &Notice) {
        let Some(message) = notice.message.filter(|_| notice.kind == NoticeKind::Failed) else {
            return;
        };
        let about: Vec<ProbeId> = match notice.recipients.is_empty() {
            true => self.recipients(message).collect(),
            false => notice.recipients.clone(),
        };
        for probe in about {
            let state = self.state(probe);
            if state & OFFERED != 0 && state & (DELIVERED | BOUNCED) == 0 {
                self.mark(probe, BOUNCED);
                self.tally.bounced += 1;
            }
        }
    }

    /// The recipients of a message: up to the next message's first.
    fn recipients(&self, message: MessageId) -> impl Iterator<Item = ProbeId> + '_ {
        let first = message.probe(0);
        let probes = (0..limits::RECIPIENTS as u16).map(move |nth| message.probe(nth));
        probes.take_while(move |probe| {
            let state = self.state(*probe);
            state & OFFERED != 0 && (*probe == first || state & FIRST_RECIPIENT == 0)
        })
    }

    fn state(&self, probe: ProbeId) -> u8 {
        usize::try_from(probe.0).ok().and_then(|at| self.probes.get(at)).copied().unwrap_or(0)
    }

    /// Sets bits of a probe that has room, keeps the backlog true, and gives the state before.
    fn mark(&mut self, probe: ProbeId, bits: u8) -> u8 {
        let before = self.state(probe);
        let slot = usize::try_from(probe.0).ok().and_then(|at| self.probes.get_mut(at));
        if let Some(slot) = slot {
            *slot |= bits;
            match (owed(before), owed(*slot)) {
                (false, true) => self.tally.backlog += 1,
                (true, false) => self.tally.backlog -= 1,
                _ => {}
            }
        }
        before
    }
}

/// Whether the target still owes an outcome.
fn owed(state: u8) -> bool {
    state & ACCEPTED != 0 && state & (DELIVERED | BOUNCED) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::ledger::event::DsnRecipient;
    use crate::smtp::reply::Reply;
    use crate::smtp::stage::Stage;

    fn offered(message: u64, recipients: u16) -> Event {
        Event::Offered { message: MessageId(message), recipients, due: Time(0), at: Time(1) }
    }

    fn accepted(message: u64, recipients: usize) -> Event {
        let reply = Reply::new(250, None, "ok");
        Event::Submitted(Submitted {
            message: MessageId(message),
            session: 1,
            sent: Time(1),
            done: Time(2),
            stages: Vec::new(),
            results: vec![SubmitResult::Accepted { reply }; recipients],
        })
    }

    fn attempt(probe: u64, outcome: AttemptOutcome) -> Event {
        Event::Attempt(Attempt {
            probe: ProbeId(probe),
            destination: None,
            number: 1,
            session: 1,
            started: Time(3),
            ended: Time(4),
            stage: Stage::EndOfData,
            outcome,
            reply: None,
            fault: None,
            reception: None,
            content: None,
        })
    }

    fn bounce(probe: Option<u64>, message: u64) -> Event {
        Event::Dsn(Dsn {
            at: Time(5),
            session: 1,
            null_sender: true,
            message: Some(MessageId(message)),
            recipients: vec![DsnRecipient {
                probe: probe.map(ProbeId),
                action: DsnAction::Failed,
                status: "5.1.1".to_owned(),
                diagnostic: String::new(),
            }],
            flaws: Vec::new(),
        })
    }

    fn tally(events: &[Event]) -> Tally {
        let mut live = Live::default();
        events.iter().for_each(|event| live.observe(event));
        live.tally()
    }

    #[test]
    fn a_backlog_rises_and_falls() {
        let mut events = vec![offered(0, 3), accepted(0, 3)];
        assert_eq!(tally(&events).backlog, 3);
        events.push(attempt(0, AttemptOutcome::Deferred));
        assert_eq!(tally(&events).backlog, 3);
        events.push(attempt(0, AttemptOutcome::Taken));
        events.push(attempt(1, AttemptOutcome::Withheld));
        events.push(bounce(Some(2), 0));
        let sums = tally(&events);
        assert_eq!((sums.backlog, sums.delivered, sums.bounced), (0, 2, 1));
        assert_eq!(sums.deferred_attempts, 1);
    }

    #[test]
    fn what_comes_twice_counts_once() {
        let mut events = vec![offered(0, 1), accepted(0, 1), attempt(0, AttemptOutcome::Taken)];
        events.push(bounce(Some(0), 0));
        events.extend(events.clone());
        let sums = tally(&events);
        assert_eq!((sums.offered, sums.accepted, sums.delivered, sums.bounced), (1, 1, 1, 1));
        assert_eq!((sums.backlog, sums.in_flight), (0, 0));
    }

    #[test]
    fn a_reception_before_the_accepting_reply_leaves_no_backlog() {
        let sums = tally(&[offered(0, 1), attempt(0, AttemptOutcome::Taken), accepted(0, 1)]);
        assert_eq!((sums.backlog, sums.delivered, sums.accepted), (0, 1, 1));
    }

    #[test]
    fn a_bounce_that_names_no_recipient_counts_for_a_sole_one_only() {
        assert_eq!(tally(&[offered(0, 1), bounce(None, 0)]).bounced, 1);
        assert_eq!(tally(&[offered(0, 2), bounce(None, 0)]).bounced, 0);
    }

    fn submitted(message: u64, result: SubmitResult) -> Event {
        let Event::Submitted(mut submitted) = accepted(message, 0) else { unreachable!() };
        submitted.results = vec![result];
        Event::Submitted(submitted)
    }

    #[test]
    fn every_result_of_a_submission_has_its_own_sum() {
        let (cause, reply) = (|| "lost".to_owned(), Reply::new(550, None, "no"));
        let stage = Stage::RcptTo;
        let results = [
            SubmitResult::NotSent { stage, cause: cause() },
            SubmitResult::Refused { stage, reply: reply.clone() },
            SubmitResult::Broken { stage, cause: cause() },
            SubmitResult::Indeterminate { cause: cause() },
        ];
        let mut events: Vec<Event> = (0..6).map(|message| offered(message, 1)).collect();
        assert_eq!((tally(&events).offered, tally(&events).in_flight), (6, 6));
        events.extend((0..).zip(results).map(|(message, result)| submitted(message, result)));
        let sums = tally(&events);
        let results = [sums.not_sent, sums.refused, sums.indeterminate, sums.accepted];
        assert_eq!((results, sums.in_flight, sums.backlog), ([1, 2, 1, 0], 2, 0));
    }

    #[test]
    fn rejected_attempts_are_counted_apart_from_deferred_ones() {
        let outcomes = [
            AttemptOutcome::Deferred,
            AttemptOutcome::Rejected,
            AttemptOutcome::Rejected,
            AttemptOutcome::Broken,
            AttemptOutcome::Abandoned,
        ];
        let mut events = vec![offered(0, 1), accepted(0, 1)];
        events.extend(outcomes.map(|outcome| attempt(0, outcome)));
        let sums = tally(&events);
        assert_eq!((sums.deferred_attempts, sums.rejected_attempts), (1, 2));
        assert_eq!((sums.delivered, sums.backlog), (0, 1));
    }

    #[test]
    fn a_bounce_ends_what_is_owed_and_a_delay_does_not() {
        let delayed = |probe| {
            let Event::Dsn(mut dsn) = bounce(Some(probe), 0) else { unreachable!() };
            dsn.recipients[0].action = DsnAction::Delayed;
            Event::Dsn(dsn)
        };
        let mut events = vec![offered(0, 2), accepted(0, 2), delayed(1)];
        assert_eq!((tally(&events).bounced, tally(&events).backlog), (0, 2));
        events.push(bounce(Some(1), 0));
        assert_eq!((tally(&events).bounced, tally(&events).backlog), (1, 1));
        events.push(bounce(Some(7), 0));
        assert_eq!(tally(&events).bounced, 1, "a probe that was not offered");
    }

    #[test]
    fn offers_may_run_ahead_by_the_gap_and_no_further() {
        let gap = limits::OFFER_GAP;
        assert_eq!(tally(&[offered(gap, 1)]).offered, 1);
        assert_eq!(tally(&[offered(gap + 1, 1)]).offered, 0);
        assert_eq!(tally(&[offered(9, 1), offered(gap + 1, 1)]).offered, 2);
        assert_eq!(tally(&[offered(gap, 1), offered(2 * gap, 1)]).offered, 1, "gaps do not add up");
        assert_eq!(tally(&[offered(9, 1), offered(3, 1), offered(9, 1)]).offered, 2);
    }

    #[test]
    fn numbers_nobody_offered_use_no_memory() {
        let mut live = Live::default();
        live.observe(&attempt(u64::MAX, AttemptOutcome::Taken));
        live.observe(&offered(u64::MAX - 5, 1));
        live.observe(&accepted(u64::MAX - 5, 1));
        assert!(live.probes.is_empty());
        assert_eq!(live.tally(), Tally::default());
    }
}
