//! What became of the simulated mail, added up as it ends: counts by the ledger's own rules,
//! latencies, attempts, retry gaps. No probe is remembered.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::job::{Job, JobKind, NEVER};
use crate::clock::Time;
use crate::ledger::class::{Class, Judgement};
use crate::ledger::disposition::{ProbeHistory, Queued, classify};
use crate::ledger::history::ProbeView;
use crate::measure::aggregates::timeline::Timeline;
use crate::measure::correctness::counts::ProbeCounts;
use crate::measure::load::rates::{Flow, Flows};
use crate::measure::queue::Attempts;
use crate::measure::queue::retry::EARLY_BELOW;
use crate::metric::latency::LatencyMetric as Metric;
use crate::probe::DestinationId;
use crate::queue::schedule::RetrySchedule;

/// Metrics kept by destination; first in [`Metric::ALL`].
pub(super) const KEPT: [Metric; 4] =
    [Metric::E2eResponse, Metric::QueueTime, Metric::RelayLatency, Metric::RetryGap];

/// Metrics of a simulation: those up to here in [`Metric::ALL`].
pub(super) const METRICS: usize = Metric::ScheduleLag as usize + 1;

/// One destination's sums, or those of all that are not shown one by one.
#[derive(Default)]
pub(super) struct Place {
    /// Due in the measured period, and outside it.
    pub(super) sums: [ProbeCounts; 2],
    pub(super) flows: Flows,
    pub(super) attempts: Attempts,
    pub(super) latency: [Digest; KEPT.len()],
}

/// Gaps after one attempt number.
#[derive(Default)]
pub(super) struct Gaps {
    pub(super) seen: Digest,
    pub(super) early: u64,
}

/// End-to-end times of mail to destinations without a fault, before and during faults.
#[derive(Default)]
pub(super) struct Isolation {
    pub(super) windows: Vec<(u64, u64)>,
    pub(super) before: Digest,
    pub(super) during: Digest,
}

/// Everything added up.
pub(super) struct Tally {
    pub(super) measured_from: u64,
    /// Due in the measured period, and outside it.
    pub(super) sums: [ProbeCounts; 2],
    /// Events inside the measured period.
    pub(super) flows: Flows,
    pub(super) attempts: Attempts,
    /// By warm-up and measured, then metric.
    pub(super) latency: [[Digest; METRICS]; 2],
    pub(super) places: Vec<Place>,
    /// Which place a destination's figures go to, and whether a fault is about it.
    pub(super) place_of: Vec<u16>,
    pub(super) faulty: Vec<bool>,
    pub(super) gaps: BTreeMap<u32, Gaps>,
    pub(super) isolation: Isolation,
    pub(super) judgement: Judgement,
    /// Messages due in the measured period, and those of them that a session took in time.
    pub(super) offered_measured: u64,
    pub(super) in_time: u64,
    /// Probes due in the measured period, and those of them that have a class.
    pub(super) probes_offered: u64,
    pub(super) probes_classed: u64,
    /// Due to a reply of 4yz or 5yz, by warm-up and measured.
    pub(super) refused: [Digest; 2],
    pub(super) delivered_all: u64,
    pub(super) timeline: Timeline,
    /// First deliveries from the measured period on.
    pub(super) deliveries: u64,
}

impl Tally {
    fn slot(&self, due: u64) -> usize {
        usize::from(due >= self.measured_from)
    }

    pub(super) fn time(&mut self, metric: Metric, due: u64, nanos: u64) {
        let slot = self.slot(due);
        self.latency[slot][metric as usize].record(nanos);
    }

    /// The same of what had not ended at the close.
    pub(super) fn cut(&mut self, metric: Metric, due: u64, nanos: u64) {
        let slot = self.slot(due);
        self.latency[slot][metric as usize].censor(nanos);
    }

    /// A time of one delivery, for the whole and its destination, once for each recipient.
    fn of_place(&mut self, kept: usize, job: &Job, nanos: u64) {
        let slot = self.slot(job.due);
        self.latency[slot][KEPT[kept] as usize].record(nanos);
        if slot == 1
            && let Some(place) = self.place(job.destination)
        {
            place.latency[kept].record(nanos);
        }
    }

    /// The same of what had not ended at the close.
    fn cut_of_place(&mut self, metric: Metric, job: &Job, nanos: u64) {
        self.cut(metric, job.due, nanos);
        let kept = KEPT.iter().position(|kept| *kept == metric);
        if self.slot(job.due) == 1
            && let Some((place, kept)) = self.place(job.destination).zip(kept)
        {
            place.latency[kept].censor(nanos);
        }
    }

    /// Something happened in the measured period to so many probes of a destination.
    pub(super) fn flow(&mut self, flow: Flow, destination: u16, probes: u64) {
        self.flows.add(flow, probes);
        if let Some(place) = self.place(destination) {
            place.flows.add(flow, probes);
        }
    }

    fn place(&mut self, destination: u16) -> Option<&mut Place> {
        let place = *self.place_of.get(usize::from(destination))?;
        self.places.get_mut(usize::from(place))
    }

    /// The first attempt of a delivery, or a later one, begins. `schedule`: what the pause before
    /// it is held against; none where attempts may have been made that no sink saw.
    pub(super) fn attempt(&mut self, job: &Job, now: u64, schedule: Option<&RetrySchedule>) {
        if job.first == NEVER {
            (0..job.len()).for_each(|_| self.of_place(1, job, now.saturating_sub(job.accepted)));
            return;
        }
        let Some(schedule) = schedule else { return };
        let gap = now.saturating_sub(job.last);
        (0..job.len()).for_each(|_| self.of_place(3, job, gap));
        if job.due < self.measured_from {
            return;
        }
        let attempt = u32::from(job.seen);
        let gaps = self.gaps.entry(attempt).or_default();
        let least = schedule.delay(attempt).as_secs_f64() * (1.0 - schedule.jitter) * EARLY_BELOW;
        for _ in 0..job.len() {
            gaps.seen.record(gap);
            gaps.early += u64::from((gap as f64) < least * 1e9);
        }
    }

    /// A recipient was delivered.
    pub(super) fn delivered(&mut self, job: &Job, recipient: u16, now: u64) {
        let e2e = now.saturating_sub(job.due);
        self.delivered_all += 1;
        self.timeline.finished(Time(now));
        self.deliveries += u64::from(now >= self.measured_from);
        self.of_place(0, job, e2e);
        self.of_place(2, job, now.saturating_sub(job.accepted));
        if let Some(digest) = self.isolated(job) {
            digest.record(e2e);
        }
        let history = ProbeHistory { confirmed: 1, queued: Queued::No, ..history(job) };
        self.enter(job, recipient, (Some(now), None), history);
    }

    /// A recipient was returned to its sender.
    pub(super) fn bounced(&mut self, job: &Job, recipient: u16, now: u64) {
        self.timeline.finished(Time(now));
        let history = ProbeHistory {
            bounces: 1,
            rejected: job.stands == JobKind::Rejected,
            expired: job.stands == JobKind::Expired,
            queued: Queued::No,
            ..history(job)
        };
        self.enter(job, recipient, (None, Some(now)), history);
    }

    /// Where the end-to-end time of mail goes that no fault is about.
    fn isolated(&mut self, job: &Job) -> Option<&mut Digest> {
        if job.due < self.measured_from || self.faulty[usize::from(job.destination)] {
            return None;
        }
        let Isolation { windows, before, during } = &mut self.isolation;
        if windows.iter().any(|(from, to)| (*from..*to).contains(&job.due)) {
            Some(during)
        } else if windows.iter().all(|(from, _)| job.due < *from) {
            Some(before)
        } else {
            None
        }
    }

    /// The end-to-end time of a recipient had not ended at the close.
    fn undelivered(&mut self, job: &Job, close: u64) {
        let age = close.saturating_sub(job.due);
        self.cut_of_place(Metric::E2eResponse, job, age);
        if let Some(digest) = self.isolated(job) {
            digest.censor(age);
        }
    }

    /// A recipient is still waiting at the close; `idle`: no attempt is under way.
    pub(super) fn waiting(&mut self, job: &Job, recipient: u16, close: u64, idle: bool) {
        self.undelivered(job, close);
        let since = close.saturating_sub(job.accepted);
        self.cut_of_place(Metric::RelayLatency, job, since);
        if job.first == NEVER {
            self.cut_of_place(Metric::QueueTime, job, since);
        } else if idle && job.last != NEVER && job.stands == JobKind::Owed {
            self.cut_of_place(Metric::RetryGap, job, close.saturating_sub(job.last));
        }
        let history =
            ProbeHistory { retry_owed: job.seen > 0, queued: Queued::Yes, ..history(job) };
        self.enter(job, recipient, (None, None), history);
    }

    /// Recipients of a message whose reply had not come at the close, or which no session took.
    pub(super) fn unanswered(&mut self, job: &Job, close: u64, is_sent: bool) {
        let history = ProbeHistory {
            accepted: 0,
            indeterminate: u32::from(is_sent),
            queued: Queued::No,
            ..history(job)
        };
        for recipient in job.recipients() {
            self.undelivered(job, close);
            self.enter(job, recipient, (None, None), history);
        }
    }

    /// Recipients of a message that the target refused.
    pub(super) fn refused(&mut self, job: &Job) {
        let history = ProbeHistory { accepted: 0, refused: 1, ..history(job) };
        for recipient in job.recipients() {
            self.timeline.finished(Time(job.accepted));
            self.enter(job, recipient, (None, None), history);
        }
    }

    fn enter(
        &mut self,
        job: &Job,
        recipient: u16,
        (taken, bounced): (Option<u64>, Option<u64>),
        history: ProbeHistory,
    ) {
        self.probes_classed += u64::from(job.due >= self.measured_from);
        let disposition = classify(&history);
        self.judgement = self.judgement.max(disposition.judgement);
        let due = Time(job.due);
        let view = ProbeView {
            probe: job.message.probe(recipient),
            message: job.message,
            destination: Some(DestinationId(job.destination)),
            due,
            offered: due,
            sent: Some(due),
            submitted: Some(Time(job.accepted)),
            no_answer: None,
            accepted: (history.accepted > 0).then_some(Time(job.accepted)),
            first_attempt: (job.first != NEVER).then_some(Time(job.first)),
            taken: taken.map(Time),
            bounced: bounced.map(Time),
            dropped: None,
            deferrals: u32::from(job.deferrals),
            history,
            disposition,
        };
        let measured = job.due >= self.measured_from;
        let of = usize::from(!measured);
        self.sums[of].add(&view);
        if measured {
            self.attempts.probe(&view);
            reached(&mut self.flows, &view);
        }
        if let Some(place) = self.place(job.destination) {
            place.sums[of].add(&view);
            if measured {
                place.attempts.probe(&view);
                reached(&mut place.flows, &view);
            }
        }
    }
}

/// How far a probe of the measured period got.
fn reached(flows: &mut Flows, probe: &ProbeView) {
    flows.add(Flow::Offered, 1);
    match probe.taken {
        Some(taken) => flows.arrived(taken),
        None if probe.disposition.class == Class::Pending => flows.left_open(),
        None => {}
    }
}

fn history(job: &Job) -> ProbeHistory {
    ProbeHistory {
        accepted: 1,
        attempts: u32::from(job.seen),
        withheld: u32::from(job.withheld),
        ..ProbeHistory::default()
    }
}
