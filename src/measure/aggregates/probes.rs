//! One pass over the probes of a history: latencies, seconds, backlog, attempts.

use super::RunAggregates;
use super::periods::Periods;
use super::timeline::Timeline;
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::ledger::history::{History, ProbeView};
use crate::measure::destinations::isolation::Isolation;
use crate::measure::latency::observation::{Observation, Seen, observe};
use crate::measure::latency::samples::Samples;
use crate::measure::latency::table::LatencyTable;
use crate::measure::load::Offering;
use crate::measure::load::abuse::Legitimate;
use crate::measure::load::rates::{Flow, Flows};
use crate::measure::queue::Attempts;
use crate::measure::queue::backlog::{Curve, Owed};
use crate::measure::validity::interference::{Handing, within};
use crate::metric::latency::LatencyMetric;
use crate::probe::DestinationId;
use crate::scenario::Scenario;

/// What the probes of a run add up to.
#[derive(Debug, Default)]
pub struct ProbeAggregates {
    /// Latency samples.
    pub latencies: LatencyTable,
    /// Accepted, not yet delivered or bounced.
    pub backlog: Curve,
    /// Messages offered, without a reply.
    pub in_flight: Curve,
    /// Attempts over the measured period.
    pub attempts: Attempts,
    /// The same by destination.
    pub by_destination: Vec<Attempts>,
    /// Events inside the measured period.
    pub flows: Flows,
    /// The same by destination.
    pub flows_by_destination: Vec<Flows>,
    /// First deliveries from the measured period to the close.
    pub deliveries: u64,
    /// What was offered.
    pub offering: Offering,
    /// `schedule_lag` of the measured messages that no outage held up, where there were outages.
    pub undisturbed_lag: Samples,
    /// What a sick destination costs the healthy ones.
    pub isolation: Isolation,
    /// What legitimate mail saw during abuse.
    pub honest: Legitimate,
    /// Probes due and finished while the load lasted.
    pub timeline: Timeline,
}

/// Adds up the probes, and enters them into the seconds of `run`.
#[must_use]
pub fn aggregate(
    history: &History,
    run: &mut RunAggregates,
    scenario: &Scenario,
) -> ProbeAggregates {
    let periods = run.periods;
    let mut probes = ProbeAggregates {
        by_destination: vec![Attempts::default(); scenario.destinations.len()],
        flows_by_destination: vec![Flows::default(); scenario.destinations.len()],
        isolation: Isolation::new(scenario, &periods),
        honest: Legitimate::new(scenario, &periods),
        latencies: run.take_stages(),
        timeline: Timeline::new(
            periods.span(Period::WarmUp).0,
            periods.measured_from(),
            periods.load_stop(),
        ),
        ..ProbeAggregates::default()
    };
    let mut owed = Owed::default();
    let mut message: Vec<ProbeView> = Vec::new();
    for probe in history.probes() {
        if message.first().is_some_and(|first| first.message != probe.message) {
            probes.message(&message, run);
            message.clear();
        }
        if let Some(from) = probe.accepted {
            owed.add(from, end_of(&probe));
        }
        probes.count(&probe, &periods);
        probes.pass(&probe);
        run.series.probe(&probe);
        message.push(probe);
    }
    probes.message(&message, run);
    probes.pauses(history, run);
    probes.deferrals(run, scenario);
    for message in history.messages() {
        probes.offering.message(&message, &periods);
    }
    probes.backlog = owed.curve();
    probes.in_flight = Curve::of(history.messages().map(|message| (message.offered, message.done)));
    probes
}

fn end_of(probe: &ProbeView) -> Option<Time> {
    match (probe.taken, probe.given_up()) {
        (Some(taken), Some(given_up)) => Some(taken.min(given_up)),
        (taken, given_up) => taken.or(given_up),
    }
}

impl ProbeAggregates {
    /// `schedule_lag` over the measured period; `disturbed`: there were outages, and what they held
    /// up is left out.
    #[must_use]
    pub fn lag(&self, disturbed: bool) -> &Samples {
        let all = self.latencies.samples(LatencyMetric::ScheduleLag, None, Period::Measured);
        all.filter(|_| !disturbed).unwrap_or(&self.undisturbed_lag)
    }

    fn message(&mut self, probes: &[ProbeView], run: &mut RunAggregates) {
        let (periods, outages) = (run.periods, &run.outages);
        let Some(first) = probes.first() else { return };
        let period = periods.of_due(first.due);
        let mut every: Vec<DestinationId> =
            probes.iter().filter_map(|probe| probe.destination).collect();
        every.sort_unstable();
        every.dedup();
        let excused = !outages.is_empty() && outages.excuse(first.due);
        let handing = Handing::new(first.due, first.offered, excused);
        let mut seen: Vec<Observation> = Vec::new();
        observe(probes, periods.close(), &mut seen);
        for Observation { metric, destination, from, until, seen } in seen {
            let destinations = match &destination {
                Some(one) => std::slice::from_ref(one),
                None => &every,
            };
            let within = within(&run.hiccups, metric, (from, seen), handing);
            self.latencies.enter(metric, period, destinations, (seen, within));
            run.series.latency(metric, period, until, seen);
            if let (LatencyMetric::E2eResponse, Period::Measured, Some(to)) =
                (metric, period, destination)
            {
                self.isolation.enter(first.due, to, seen);
            }
            if metric == LatencyMetric::SubmitResponse && period == Period::Measured {
                self.honest.response(first.due, seen);
            }
            let disturbed = outages.is_empty() || outages.excuse(first.due);
            if metric == LatencyMetric::ScheduleLag && period == Period::Measured && !disturbed {
                self.undisturbed_lag.enter(seen);
            }
        }
    }

    /// Enters when a probe was due and when nothing more was owed of it.
    fn pass(&mut self, probe: &ProbeView) {
        self.timeline.due(probe.due);
        let refused = probe.submitted.filter(|_| probe.accepted.is_none());
        if let Some(finished) = end_of(probe).or(refused) {
            self.timeline.finished(finished);
        }
    }

    fn count(&mut self, probe: &ProbeView, periods: &Periods) {
        self.flow(probe, periods);
        if periods.of_due(probe.due) != Period::Measured {
            return;
        }
        self.attempts.probe(probe);
        self.honest.probe(probe.due, probe.accepted.is_some());
        let index = probe.destination.map(|id| usize::from(id.0));
        if let Some(attempts) = index.and_then(|index| self.by_destination.get_mut(index)) {
            attempts.probe(probe);
        }
    }

    fn flow(&mut self, probe: &ProbeView, periods: &Periods) {
        self.flows.probe(probe, periods);
        let index = probe.destination.map(|id| usize::from(id.0));
        if let Some(flows) = index.and_then(|index| self.flows_by_destination.get_mut(index)) {
            flows.probe(probe, periods);
        }
        let delivered = probe.taken.is_some_and(|taken| taken >= periods.measured_from());
        self.deliveries += u64::from(delivered);
    }

    /// Attempts answered 4yz in the measured period, which the probes do not date.
    fn deferrals(&mut self, run: &RunAggregates, scenario: &Scenario) {
        let periods = &run.periods;
        let span = (periods.measured_from().seconds(), periods.load_stop().seconds());
        for (domain, count) in run.attempts.ended("deferred", span) {
            self.flows.add(Flow::Deferred, count);
            let place = scenario.destinations.iter().position(|to| to.domain == domain);
            if let Some(flows) = place.and_then(|at| self.flows_by_destination.get_mut(at)) {
                flows.add(Flow::Deferred, count);
            }
        }
    }

    /// Retry gaps, which the probes do not hold.
    fn pauses(&mut self, history: &History, run: &mut RunAggregates) {
        for index in 0..run.retries.gaps().len() {
            let gap = run.retries.gaps()[index];
            let Some(probe) = history.probe(gap.probe) else { continue };
            let (seen, until) = (Seen::Whole(gap.length), gap.ended);
            self.pause(&probe, (seen, until), run);
        }
        let close = run.periods.close();
        for (number, since) in run.retries.owed() {
            let waiting = history.probe(number).filter(|probe| {
                probe.taken.is_none() && probe.given_up().is_none() && since <= close
            });
            if let Some(probe) = waiting {
                self.pause(&probe, (Seen::Cut(close.since(since)), close), run);
            }
        }
    }

    fn pause(&mut self, probe: &ProbeView, (seen, until): (Seen, Time), run: &mut RunAggregates) {
        let (metric, period) = (LatencyMetric::RetryGap, run.periods.of_due(probe.due));
        let from = Time::from_offset(until.offset().saturating_sub(seen.length()));
        let handing = Handing::new(probe.due, probe.due, true);
        let within = within(&run.hiccups, metric, (from, seen), handing);
        self.latencies.enter(metric, period, probe.destination.as_slice(), (seen, within));
        run.series.latency(metric, period, until, seen);
    }
}
