//! One pass over a journal: everything that is not about one probe is collected here, event by
//! event; what is, in the ledger's history.

use super::abuse::Clients;
use super::arrivals::Arrivals;
use super::attempts;
use super::book::Book;
use super::contention::Contention;
use super::faults::Strikes;
use super::hiccups::Hiccups;
use super::interference::Handing;
use super::metric::LatencyMetric;
use super::observation::Seen;
use super::outages::Outages;
use super::periods::{Periods, time_of};
use super::queue::Reports;
use super::replies::Replies;
use super::results::Attempts;
use super::retry::Retries;
use super::series::Series;
use super::stages::{StageTime, Stages};
use super::terms;
use super::usage::Uses;
use super::warning::Bounds;
use crate::ledger::event::{Event, Period, Pulse, SubmitResult, Submitted};
use crate::ledger::history::{History, Planned, Reading};
use crate::plan::Plan;
use crate::probe::{MessageId, PREFLIGHT, ProbeId};
use crate::scenario::Scenario;

/// What a journal holds, sorted.
pub struct Collected {
    /// What happened to every probe.
    pub history: History,
    /// Everything else.
    pub rest: Rest,
}

/// Reads a journal.
#[must_use]
pub fn collect(scenario: &Scenario, plan: &Plan, events: impl Iterator<Item = Event>) -> Collected {
    let unsendable = terms::unsendable(scenario);
    let route = |message: MessageId, probe: ProbeId| {
        let destination = plan.destination_of(probe)?;
        let unsendable = unsendable[usize::from(destination.0)];
        let null_sender = plan.is_from_nobody(message);
        Some(Planned { destination, null_sender, unsendable })
    };
    let mut reading = Reading::new(&route, terms::of(scenario));
    let mut rest = Rest::new(scenario);
    for event in events {
        reading.observe(&event);
        rest.observe(&event, scenario, &reading);
    }
    rest.hiccups.settle(&rest.pulses);
    Collected { history: reading.finish(), rest }
}

/// What is not about one probe, or not a matter of its fate.
#[derive(Debug)]
pub struct Rest {
    /// When the periods began.
    pub periods: Periods,
    /// Pauses between attempts.
    pub retries: Retries,
    /// The run second by second.
    pub series: Series,
    /// Every attempt, with its reception.
    pub attempts: Attempts,
    /// Replies by stage and code.
    pub replies: Replies,
    /// How often each fault struck.
    pub strikes: Strikes,
    /// What became of bad clients.
    pub clients: Clients,
    /// When mail was due and handed out.
    pub arrivals: Arrivals,
    /// Bounds that were reached.
    pub bounds: Bounds,
    /// The queue as reported.
    pub reports: Reports,
    /// What was done to the target itself.
    pub outages: Outages,
    /// Looks at the target's processes.
    pub uses: Uses,
    /// Looks at the instrument.
    pub pulses: Vec<Pulse>,
    /// When the instrument stood still.
    pub hiccups: Hiccups,
    /// What it had to wait for.
    pub contention: Contention,
    stages: Stages,
}

impl Rest {
    fn new(scenario: &Scenario) -> Rest {
        Rest {
            periods: Periods::default(),
            retries: Retries::default(),
            series: Series::default(),
            attempts: Attempts::default(),
            replies: Replies::default(),
            strikes: Strikes::new(scenario),
            clients: Clients::new(scenario),
            arrivals: Arrivals::default(),
            bounds: Bounds::default(),
            reports: Reports::default(),
            outages: Outages::default(),
            uses: Uses::default(),
            pulses: Vec::new(),
            hiccups: Hiccups::default(),
            contention: Contention::default(),
            stages: Stages::default(),
        }
    }

    fn observe(&mut self, event: &Event, scenario: &Scenario, reading: &Reading<'_>) {
        self.periods.observe(event, time_of(event));
        self.series.observe(event);
        self.replies.observe(event);
        self.strikes.observe(event);
        self.clients.observe(event);
        self.bounds.observe(event);
        self.reports.observe(event);
        self.outages.observe(event);
        self.uses.observe(event);
        self.hiccups.observe(event);
        self.contention.observe(event);
        match event {
            Event::Offered { due, at, .. } if self.periods.of_due(*due) == Period::Measured => {
                self.arrivals.add(*due, *at);
            }
            Event::Attempt(attempt) if attempt.probe.0 < PREFLIGHT.0 => {
                self.retries.observe(attempt);
                let row = attempts::row(attempt, scenario);
                self.attempts.push(row, attempt.reception);
            }
            Event::Port { destination, closed_by, .. } => {
                self.retries.port(*destination, closed_by.is_some());
            }
            Event::Submitted(submitted) => self.stages_of(submitted, reading),
            Event::Pulse(pulse) => {
                self.pulses.push(*pulse);
                self.stages.known(&self.hiccups, &self.periods);
            }
            _ => {}
        }
    }

    fn stages_of(&mut self, submitted: &Submitted, reading: &Reading<'_>) {
        let accepted = |result: &SubmitResult| matches!(result, SubmitResult::Accepted { .. });
        let Some((due, offered)) = reading.handed(submitted.message) else { return };
        let excused = self.outages.excuse(due);
        let handing = Handing::new(due, offered, excused);
        let transaction = (submitted.sent, submitted.done);
        if !submitted.results.iter().any(accepted) {
            return;
        }
        for (stage, us) in &submitted.stages {
            if let Some(metric) = LatencyMetric::of_stage(*stage) {
                let seen = Seen::Whole(std::time::Duration::from_micros(u64::from(*us)));
                self.series.latency(metric, Some(submitted.done), seen);
                let stage = StageTime { metric, due, handing, transaction, us: *us };
                self.stages.add(stage, &self.hiccups, &self.periods);
            }
        }
    }

    /// The book of stages; asked for once, when all is read.
    pub fn take_stages(&mut self) -> Book {
        std::mem::take(&mut self.stages).settled(&self.hiccups, &self.periods)
    }
}
