//! The target's deliveries: who gets a slot, what an attempt came to, and what follows from it.

use std::sync::Arc;

use super::events::Event;
use super::intake::Draw;
use super::job::{Job, JobKind, NEVER};
use super::visit::{AttemptTimes, Outcome, Visit};
use super::world::{Running, World};
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::measure::load::rates::Flow;
use crate::metric::latency::LatencyMetric as Metric;
use crate::queue::ready::Answer;
use crate::queue::schedule::Next;
use crate::seed::{Key, Purpose};

/// The slot of a delivery in the number of its entry.
const SLOT: u64 = u32::MAX as u64;

impl World<'_> {
    /// Starts every attempt that is due and has a slot.
    pub(super) fn start_due(&mut self) {
        while let Some(entry) = self.ready.next(Time(self.now)) {
            let slot = (entry.id & SLOT) as u32;
            let Some(mut job) = self.jobs.take(slot) else { continue };
            let age = Time(self.now).since(Time(job.accepted));
            let old = job.attempts > 0 && self.scenario.target.retry.is_over(age);
            if job.stands == JobKind::Owed && old {
                self.ready.release(&entry.destination, Answer::NotAsked);
                job.stands = JobKind::Expired;
                self.report(job);
                continue;
            }
            let visit = self.attempt(&mut job, &entry.destination);
            self.hold(job, visit);
        }
    }

    /// A slot is held until the attempt is over.
    fn hold(&mut self, job: Job, visit: Visit) {
        let (from, to) = (self.now.max(self.tally.measured_from), visit.end);
        if job.stands == JobKind::Owed {
            self.busy[usize::from(job.destination)] += to.saturating_sub(from);
        }
        self.course.levels.running += 1;
        let end = visit.end;
        let running = Running { job: self.jobs.put(job), visit };
        let place = match self.spare.pop() {
            Some(place) => {
                self.running[place as usize] = Some(running);
                place
            }
            None => {
                self.running.push(Some(running));
                self.running.len() as u32 - 1
            }
        };
        self.events.note(end, Event::Attempted(place));
    }

    fn attempt(&mut self, job: &mut Job, domain: &str) -> Visit {
        let (message, attempt) = (job.message.0, u32::from(job.attempts) + 1);
        if job.stands != JobKind::Owed {
            let stream = || self.stream(Draw::Report, message, 1);
            let start = self.now.saturating_add(self.model.dispatch.draw(stream));
            let takes = self.model.service.draw(stream);
            self.sink.reported(start);
            self.show_strikes();
            let outcomes = vec![Outcome::Taken; job.len()];
            let end = start.saturating_add(takes);
            let (endings, session_used) = (Vec::new(), 0);
            return Visit { start, end, outcomes, endings, session_used, session: None };
        }
        let idle = self.idle.take(domain);
        let subject = job.message.probe(job.recipient).0;
        let takes = AttemptTimes {
            connect: self.model.connect.draw(|| self.stream(Draw::Connect, subject, attempt)),
            service: self.model.service.draw(|| self.stream(Draw::Service, subject, attempt)),
        };
        let dispatch = self.model.dispatch.draw(|| self.stream(Draw::Service, subject, attempt));
        let start = self.now.saturating_add(dispatch);
        let visit = self.sink.visit(job, start, idle, takes);
        self.show_strikes();
        if visit.outcomes.first() != Some(&Outcome::NotReached) {
            let whole =
                job.last == NEVER || !self.sink.was_closed(job.destination, job.last, start);
            self.tally.attempt(job, start, whole.then_some(&self.scenario.target.retry));
            if let Some(herd) = &mut self.herd {
                herd.add(Time(start));
            }
            job.first = if job.first == NEVER { start } else { job.first };
            job.seen = job.seen.saturating_add(1);
        }
        visit
    }

    /// An attempt is over.
    pub(super) fn attempted(&mut self, place: u32) {
        let Some(Running { job, visit }) = self.running[place as usize].take() else { return };
        self.spare.push(place);
        self.course.levels.running -= 1;
        let Some(job) = self.jobs.take(job) else { return };
        let domain = self.domain(&job);
        self.ready.release(&domain, answer(&visit.outcomes));
        if let Some(session) = visit.session {
            self.keep(domain, session);
        }
        self.record_result();
        if job.stands == JobKind::Owed {
            self.show_attempts(&job, &visit);
            self.settle(job, &visit.outcomes);
        } else {
            self.returned(&job);
        }
    }

    /// Who is delivered, who is returned, who is tried again.
    fn settle(&mut self, mut job: Job, outcomes: &[Outcome]) {
        job.attempts = job.attempts.saturating_add(1);
        if outcomes.first() != Some(&Outcome::NotReached) {
            job.last = self.now;
        }
        if let [outcome] = outcomes {
            self.count(*outcome, &job);
            return match outcome {
                Outcome::Taken => self.delivered(&job),
                Outcome::Rejected => self.report(Job { stands: JobKind::Rejected, ..job }),
                _ => self.again(job, *outcome),
            };
        }
        self.settle_each(&job, outcomes);
    }

    fn settle_each(&mut self, job: &Job, outcomes: &[Outcome]) {
        let of = |wanted: Outcome| -> Vec<u16> {
            let paired = job.recipients().zip(outcomes);
            paired.filter(|(_, outcome)| **outcome == wanted).map(|(one, _)| one).collect()
        };
        // What is split off weighs as long as any part of it waits.
        self.course.levels.bytes -= u64::from(job.size);
        for outcome in [
            Outcome::Taken,
            Outcome::Rejected,
            Outcome::Withheld,
            Outcome::Deferred,
            Outcome::Broken,
            Outcome::NotReached,
        ] {
            let Some(part) = job.only(&of(outcome)) else { continue };
            self.course.levels.bytes += u64::from(part.size);
            self.count(outcome, &part);
            match outcome {
                Outcome::Taken => self.delivered(&part),
                Outcome::Rejected => self.report(Job { stands: JobKind::Rejected, ..part }),
                _ => self.again(part, outcome),
            }
        }
    }

    fn count(&mut self, outcome: Outcome, job: &Job) {
        if outcome == Outcome::Deferred {
            self.flow(Flow::Deferred, job);
        }
        let (row, probes) = (self.course.counts(), job.len() as u64);
        match outcome {
            Outcome::Deferred => row.deferred += probes,
            Outcome::Rejected => row.rejected += probes,
            _ => {}
        }
    }

    fn delivered(&mut self, job: &Job) {
        self.leave(job);
        self.flow(Flow::Delivered, job);
        self.course.counts().delivered += job.len() as u64;
        for recipient in job.recipients() {
            self.course.ended(Metric::E2eResponse, job.due, self.now - job.due);
            self.tally.delivered(job, recipient, self.now);
        }
    }

    /// The report on a delivery arrived.
    fn returned(&mut self, job: &Job) {
        self.leave(job);
        self.show_returned(job);
        self.flow(Flow::Bounced, job);
        self.course.counts().bounced += job.len() as u64;
        job.recipients().for_each(|one| self.tally.bounced(job, one, self.now));
    }

    /// Something happened to a delivery, in the measured period or not.
    pub(super) fn flow(&mut self, flow: Flow, job: &Job) {
        if self.period() == Period::Measured {
            self.tally.flow(flow, job.destination, job.len() as u64);
        }
    }

    fn leave(&mut self, job: &Job) {
        self.last_end = self.now;
        self.course.levels.bytes -= u64::from(job.size);
        self.course.fall(job.len() as u64);
    }

    fn again(&mut self, mut job: Job, outcome: Outcome) {
        job.deferrals = job.deferrals.saturating_add(u16::from(outcome == Outcome::Deferred));
        job.withheld = job.withheld.saturating_add(u16::from(outcome == Outcome::Withheld));
        let key = Key {
            subject: job.message.0,
            attempt: u32::from(job.attempts),
            detail: u32::from(job.recipient),
        };
        let mut stream = self.scenario.seed.stream(Purpose::RetryJitter, key);
        let age = Time(self.now).since(Time(job.accepted));
        let schedule = &self.scenario.target.retry;
        let wait = match schedule.after_failure(u32::from(job.attempts), age, &mut stream) {
            Next::Retry { after } | Next::GiveUp { after } => after,
        };
        let due = Time(self.now).plus(wait).0;
        let (domain, accepted) = (self.domain(&job), job.accepted);
        let slot = self.jobs.put(job);
        self.enqueue(slot, domain, accepted, due);
    }

    /// The sender gets a DSN: the report is a delivery of its own, to the senders' destination.
    fn report(&mut self, job: Job) {
        let domain = self.domain(&job);
        let slot = self.jobs.put(job);
        self.enqueue(slot, domain, self.now, self.now);
    }

    /// Where a delivery goes.
    fn domain(&self, job: &Job) -> Arc<str> {
        let place = match job.stands {
            JobKind::Owed => usize::from(job.destination),
            JobKind::Rejected | JobKind::Expired => self.domains.len() - 1,
        };
        Arc::clone(&self.domains[place])
    }
}

/// A destination is sick if it deferred anyone or did not answer; as the embedded relay has it.
fn answer(outcomes: &[Outcome]) -> Answer {
    let is_final = |outcome: &Outcome| matches!(outcome, Outcome::Taken | Outcome::Rejected);
    if outcomes.iter().all(is_final) { Answer::Final } else { Answer::Deferred }
}
