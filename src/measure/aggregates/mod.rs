//! One pass over a journal: everything that is not about one probe is collected here, event by
//! event; what is, in the ledger's history.

pub mod attempt_rows;
pub mod periods;
pub mod probes;
pub mod replies;
pub mod series;
pub mod timeline;

use std::time::Duration;

use crate::clock::Time;
use crate::ledger::event::{Event, NoAnswer, Period, Pulse, SubmitResult, Submitted, Unanswered};
use crate::ledger::history::binding::Bindings;
use crate::ledger::history::{History, Planned, Reading};
use crate::measure::correctness::content_changes::Examples;
use crate::measure::correctness::criteria;
use crate::measure::disturbances::disk::DiskEvents;
use crate::measure::disturbances::faults::Strikes;
use crate::measure::disturbances::outages::Outages;
use crate::measure::latency::observation::Seen;
use crate::measure::latency::stages::{StageTime, Stages};
use crate::measure::latency::table::LatencyTable;
use crate::measure::load::abuse::Clients;
use crate::measure::load::arrivals::Arrivals;
use crate::measure::load::usage::Uses;
use crate::measure::queue::Reports;
use crate::measure::queue::connections::Connections;
use crate::measure::queue::retry::Retries;
use crate::measure::results::Attempts;
use crate::measure::validity::contention::Contention;
use crate::measure::validity::hiccups::Hiccups;
use crate::measure::validity::interference::Handing;
use crate::measure::validity::shortages::Shortages;
use crate::measure::validity::warning::Bounds;
use crate::metric::latency::LatencyMetric;
use crate::plan::Plan;
use crate::probe::{MessageId, PREFLIGHT, ProbeId};
use crate::scenario::Scenario;
use crate::smtp::stage::Stage;
use periods::{Periods, time_of};
use replies::Replies;
use series::Series;

/// What a journal holds, sorted.
pub struct Collected {
    /// What happened to every probe.
    pub history: History,
    /// Everything else.
    pub run: RunAggregates,
}

/// Reads a journal. Mail for recipients that name no probe is left out of it; where there is any,
/// the bindings say how to read it with [`collect_bound`].
#[must_use]
pub fn collect(
    scenario: &Scenario,
    plan: &Plan,
    events: impl Iterator<Item = Event>,
) -> (Collected, Option<Bindings>) {
    read(scenario, plan, events, false)
}

/// Reads the same journal again, with everything in its place.
#[must_use]
pub fn collect_bound(
    scenario: &Scenario,
    plan: &Plan,
    events: impl Iterator<Item = Event>,
    bindings: &Bindings,
) -> Collected {
    read(scenario, plan, bindings.apply(events), true).0
}

/// One reading; `bound`: bindings were applied to the events.
fn read(
    scenario: &Scenario,
    plan: &Plan,
    events: impl Iterator<Item = Event>,
    bound: bool,
) -> (Collected, Option<Bindings>) {
    let unsendable = criteria::unsendable(scenario);
    let route = |message: MessageId, probe: ProbeId| {
        let destination = plan.destination_of(probe)?;
        let unsendable = unsendable[usize::from(destination.0)];
        let null_sender = plan.has_null_sender(message);
        Some(Planned { destination, null_sender, unsendable })
    };
    let reading =
        Reading::new(&route, criteria::of(scenario)).declaring(criteria::envelopes(scenario));
    let mut reading = if bound { reading.bound() } else { reading };
    let mut run = RunAggregates::new(scenario);
    for event in events {
        reading.observe(&event);
        run.observe(&event, scenario, &reading);
    }
    run.hiccups.settle(&run.pulses);
    let (history, bindings) = reading.finish_unbound();
    (Collected { history, run }, bindings)
}

/// What is not about one probe, or not a matter of its fate.
#[derive(Debug)]
pub struct RunAggregates {
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
    /// What happened to the disk under its queue.
    pub disk: DiskEvents,
    /// Where content differed from what was sent.
    pub changes: Examples,
    /// Connections from the target to destinations.
    pub connections: Connections,
    /// Looks at the target's processes.
    pub uses: Uses,
    /// Looks at the instrument.
    pub pulses: Vec<Pulse>,
    /// When the instrument stood still.
    pub hiccups: Hiccups,
    /// What it had to wait for.
    pub contention: Contention,
    /// What the system did not give it.
    pub shortages: Shortages,
    stages: Stages,
}

impl RunAggregates {
    fn new(scenario: &Scenario) -> RunAggregates {
        RunAggregates {
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
            disk: DiskEvents::default(),
            changes: Examples::default(),
            connections: Connections::default(),
            uses: Uses::default(),
            pulses: Vec::new(),
            hiccups: Hiccups::default(),
            contention: Contention::default(),
            shortages: Shortages::default(),
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
        self.disk.observe(event);
        self.changes.observe(event);
        self.connections.observe(event);
        self.uses.observe(event);
        self.hiccups.observe(event);
        self.contention.observe(event);
        self.shortages.observe(event);
        match event {
            Event::Offered { due, at, .. } if self.periods.of_due(*due) == Period::Measured => {
                self.arrivals.add(*due, *at);
            }
            Event::Attempt(attempt) if attempt.probe.0 < PREFLIGHT.0 => {
                self.retries.observe(attempt);
                let row = attempt_rows::row(attempt, scenario);
                self.attempts.push(row, attempt.reception);
            }
            Event::Port { destination, closed_by, .. } => {
                self.retries.port(*destination, closed_by.is_some());
            }
            Event::Unanswered(unanswered) => self.unanswered(unanswered, reading),
            Event::Submitted(submitted) => self.stages_of(submitted, reading),
            Event::Pulse(pulse) => {
                self.pulses.push(*pulse);
                self.stages.known(&self.hiccups, &self.periods, &mut self.series);
            }
            _ => {}
        }
    }

    /// Every stage that was answered positively, or of an accepted message: a slow one must not
    /// vanish because a later one failed.
    fn stages_of(&mut self, submitted: &Submitted, reading: &Reading<'_>) {
        let accepted = |result: &SubmitResult| matches!(result, SubmitResult::Accepted { .. });
        let is_accepted = submitted.results.iter().any(accepted);
        let ended = |stage: Stage| submitted.results.iter().any(|it| ended_at(it) == stage);
        let stages = submitted.stages.iter();
        let transaction = (submitted.sent, submitted.done);
        for (stage, us) in stages.take_while(|(stage, _)| is_accepted || !ended(*stage)) {
            let seen = Seen::Whole(micros(*us));
            self.stage(*stage, submitted.message, (transaction, seen), reading);
        }
    }

    /// The stages that wait for an answer when it is known that none will come.
    fn unanswered(&mut self, unanswered: &Unanswered, reading: &Reading<'_>) {
        let how = match unanswered.how {
            NoAnswer::Failed => Seen::Failed,
            NoAnswer::GivenUp | NoAnswer::Unserved => Seen::Cut,
        };
        for (stage, us) in &unanswered.stages {
            let begun = unanswered.at.offset().saturating_sub(micros(*us));
            let lasted = (Time::from_offset(begun), unanswered.at);
            self.stage(*stage, unanswered.message, (lasted, how(micros(*us))), reading);
        }
    }

    fn stage(
        &mut self,
        stage: Stage,
        message: MessageId,
        (transaction, seen): ((Time, Time), Seen),
        reading: &Reading<'_>,
    ) {
        let known = LatencyMetric::of_stage(stage).zip(reading.handed(message));
        let Some((metric, (due, offered))) = known else { return };
        let handing = Handing::new(due, offered, self.outages.excuse(due));
        let time = StageTime { metric, due, handing, transaction, seen };
        self.stages.add(time, &self.hiccups, &self.periods, &mut self.series);
    }

    /// The book of stages; asked for once, when all is read.
    pub fn take_stages(&mut self) -> LatencyTable {
        std::mem::take(&mut self.stages).settled(&self.hiccups, &self.periods, &mut self.series)
    }
}

/// The stage at which a submission ended for a recipient.
fn ended_at(result: &SubmitResult) -> Stage {
    match result {
        SubmitResult::NotSent { stage, .. }
        | SubmitResult::Refused { stage, .. }
        | SubmitResult::Broken { stage, .. } => *stage,
        SubmitResult::Accepted { .. } | SubmitResult::Indeterminate { .. } => Stage::EndOfData,
    }
}

fn micros(us: u32) -> Duration {
    Duration::from_micros(u64::from(us))
}
