//! The target's intake: a submission takes its time, waits for a commit, and becomes deliveries.

use std::sync::Arc;

use super::events::Event;
use super::job::{Job, JobKind, NEVER};
use super::world::{Order, Submission, World};
use crate::clock::Time;
use crate::ledger::event::NoAnswer;
use crate::limits;
use crate::measure::load::rates::Flow;
use crate::metric::latency::LatencyMetric as Metric;
use crate::plan::Offer;
use crate::queue::ordering::Entry;
use crate::scenario::model::LoadModel;
use crate::seed::{Key, Purpose};

/// What a time is drawn for, in its key.
#[derive(Clone, Copy)]
pub(super) enum Draw {
    Intake,
    Commit,
    Connect,
    Service,
    Report,
}

impl World<'_> {
    /// A stream of times: the same for one message in every variant of a scenario.
    pub(super) fn stream(&self, draw: Draw, subject: u64, attempt: u32) -> rand_chacha::ChaCha8Rng {
        let key = Key { subject, attempt, detail: draw as u32 };
        self.scenario.seed.stream(Purpose::Simulated, key)
    }

    /// A session begins on a message.
    pub(super) fn submit(&mut self, submission: Submission) {
        let message = submission.offer.message.0;
        let recipients = submission.offer.recipients.len() as u64;
        let (due, handed) = (submission.due, submission.handed);
        self.show_offered(&submission);
        self.offered(due, recipients);
        self.tally.in_time += u64::from(self.is_in_time(due, handed));
        self.tally.time(Metric::ScheduleLag, due, handed - due);
        self.course.ended(Metric::ScheduleLag, due, handed - due);
        (0..recipients).for_each(|_| self.tally.timeline.due(Time(due)));
        self.course.levels.in_flight += 1;
        // Of one draw: that together they are slow was seen of the whole.
        let stream = || self.stream(Draw::Intake, message, 1);
        let (handover, intake) = (self.model.handover.draw(stream), self.model.intake.draw(stream));
        let submission = Submission { sent: handed.saturating_add(handover), ..submission };
        let takes = handover.saturating_add(intake);
        let session = match self.vacant.pop() {
            Some(session) => session,
            None => {
                self.sessions.push(None);
                self.sessions.len() as u32 - 1
            }
        };
        self.sessions[session as usize] = Some(submission);
        if takes == 0 {
            self.arrived(session);
        } else {
            self.events.note(self.now.saturating_add(takes), Event::Arrived(session));
        }
    }

    fn offered(&mut self, due: u64, recipients: u64) {
        if due >= self.tally.measured_from {
            self.tally.offered_measured += 1;
            self.tally.probes_offered += recipients;
        }
        self.course.counts().offered += recipients;
    }

    /// No session took a message before the close.
    pub(super) fn unserved(&mut self, offer: Offer, due: u64) {
        let age = self.now.saturating_sub(due);
        self.offered(due, offer.recipients.len() as u64);
        for metric in [Metric::ScheduleLag, Metric::SubmitResponse] {
            self.tally.cut(metric, due, age);
            self.course.cut(metric, due, age);
        }
        let (handed, sent) = (self.now, self.now);
        let submission = Submission { offer, due, handed, sent };
        self.show_offered(&submission);
        self.show_unanswered(&submission, NoAnswer::Unserved);
        self.unanswered(&submission, false);
    }

    /// The reply to a message had not come at the close.
    pub(super) fn cut_off(&mut self, submission: &Submission) {
        let Submission { due, sent, .. } = *submission;
        let (response, service) = (self.now.saturating_sub(due), self.now.saturating_sub(sent));
        self.tally.cut(Metric::SubmitResponse, due, response);
        self.course.cut(Metric::SubmitResponse, due, response);
        self.tally.cut(Metric::SubmitService, due, service);
        self.show_unanswered(submission, NoAnswer::GivenUp);
        self.unanswered(submission, true);
    }

    fn unanswered(&mut self, submission: &Submission, is_sent: bool) {
        for job in self.deliveries(submission) {
            self.tally.unanswered(&job, self.now, is_sent);
            for _ in 0..job.len() {
                self.course.cut(Metric::E2eResponse, job.due, self.now.saturating_sub(job.due));
            }
        }
    }

    /// A message is whole at the target: it is to be made safe.
    pub(super) fn arrived(&mut self, session: u32) {
        if self.model.commit.is_nothing() {
            return self.accept(session);
        }
        self.orders.push_back(Order::Accept(session));
        self.accepts_waiting += 1;
        self.start_commit();
    }

    /// A result is to be recorded. It waits for company: for a message, a full batch, or so long.
    pub(super) fn record_result(&mut self) {
        if !self.model.commit.is_nothing() {
            self.orders.push_back(Order::Result);
            self.start_commit();
        }
    }

    fn start_commit(&mut self) {
        if !self.commit.is_empty() || self.orders.is_empty() {
            return;
        }
        if self.accepts_waiting > 0 || self.orders.len() >= self.model.commit_batch {
            self.commit_now();
        } else if self.lingering != Some(self.commits) {
            self.lingering = Some(self.commits);
            let end = Time(self.now).plus(limits::RELAY_COMMIT_LINGER).0;
            self.events.note(end, Event::Lingered(self.commits));
        }
    }

    /// No company came, unless a commit was begun since.
    pub(super) fn lingered(&mut self, commits: u64) {
        if self.commits == commits && self.commit.is_empty() && !self.orders.is_empty() {
            self.commit_now();
        }
    }

    fn commit_now(&mut self) {
        let batch = self.model.commit_batch.max(1);
        let count = self.orders.len().min(batch);
        self.commit.extend(self.orders.drain(..count));
        let accepts = self.commit.iter().filter(|order| matches!(order, Order::Accept(_)));
        self.accepts_waiting -= accepts.count() as u32;
        self.commits += 1;
        self.course.levels.committing = count as f64 / batch as f64;
        let takes = self.model.commit.draw(|| self.stream(Draw::Commit, self.commits, 1));
        self.events.note(self.now.saturating_add(takes.max(1)), Event::Committed);
    }

    pub(super) fn committed(&mut self) {
        self.course.levels.committing = 0.0;
        for order in std::mem::take(&mut self.commit) {
            if let Order::Accept(session) = order {
                self.accept(session);
            }
        }
        self.start_commit();
    }

    /// The target's reply to the final dot.
    fn accept(&mut self, session: u32) {
        let Some(submission) = self.sessions[session as usize].take() else { return };
        self.vacant.push(session);
        self.course.levels.in_flight -= 1;
        let Submission { offer, due, sent, .. } = &submission;
        let message = offer.message.0;
        let full = self.jobs.len() + offer.recipients.len() > limits::SIMULATED_QUEUE;
        self.show_submitted(&submission, session, full);
        for job in self.deliveries(&submission) {
            let flow = if full { Flow::Refused } else { Flow::Accepted };
            self.flow(flow, &job);
            if full {
                self.refused += job.len() as u64;
                self.tally.refused(&job);
            } else {
                self.queue(job);
            }
        }
        if full {
            let slot = usize::from(*due >= self.tally.measured_from);
            self.tally.refused[slot].record(self.now - due);
        } else {
            self.tally.time(Metric::SubmitResponse, *due, self.now - due);
            self.tally.time(Metric::SubmitService, *due, self.now - sent);
            self.course.ended(Metric::SubmitResponse, *due, self.now - due);
            self.course.counts().accepted += offer.recipients.len() as u64;
        }
        self.release_session(message);
    }

    /// One delivery a destination of the message.
    fn deliveries(&self, submission: &Submission) -> Vec<Job> {
        let offer = &submission.offer;
        let mut jobs: Vec<(Job, Vec<u16>)> = Vec::with_capacity(1);
        for (recipient, destination) in (0_u16..).zip(&offer.recipients) {
            let same = jobs.iter_mut().find(|(job, _)| job.destination == destination.0);
            if let Some((_, others)) = same {
                others.push(recipient);
                continue;
            }
            let job = Job {
                message: offer.message,
                due: submission.due,
                accepted: self.now,
                first: NEVER,
                last: NEVER,
                size: u32::try_from(offer.size).unwrap_or(u32::MAX),
                destination: destination.0,
                attempts: 0,
                seen: 0,
                deferrals: 0,
                withheld: 0,
                recipient,
                others: Box::default(),
                stands: JobKind::Owed,
            };
            jobs.push((job, Vec::new()));
        }
        jobs.into_iter().map(|(job, others)| Job { others: others.into(), ..job }).collect()
    }

    /// Takes a new delivery on.
    fn queue(&mut self, job: Job) {
        self.course.levels.bytes += u64::from(job.size);
        self.course.rise(job.len() as u64);
        let (domain, now) = (Arc::clone(&self.domains[usize::from(job.destination)]), self.now);
        let slot = self.jobs.put(job);
        self.enqueue(slot, domain, now, now);
    }

    /// Lets a delivery wait for its time, and then for a slot.
    pub(super) fn enqueue(&mut self, slot: u32, destination: Arc<str>, accepted: u64, due: u64) {
        self.entries += 1;
        // A report has none, as one of the embedded relay's.
        let message = self.jobs.get(slot).filter(|job| job.stands == JobKind::Owed);
        let priority = message.and_then(|job| self.plan.priority(job.message)).unwrap_or(0);
        self.ready.push(Entry {
            id: self.entries << 32 | u64::from(slot),
            destination,
            due: Time(due),
            accepted: Time(accepted),
            priority,
        });
    }

    /// How long the session thinks before its next message.
    pub(super) fn think(&self, message: u64) -> u64 {
        let LoadModel::Closed { think_time } = &self.scenario.load.model else { return 0 };
        let key = Key { subject: message, ..Key::default() };
        let mut stream = self.scenario.seed.stream(Purpose::ThinkTime, key);
        Time::from_offset(
            std::time::Duration::try_from_secs_f64(think_time.sample(&mut stream))
                .unwrap_or_default(),
        )
        .0
    }
}
