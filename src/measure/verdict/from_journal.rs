//! The judgement of a real run: from what was collected of its journal to what was measured, which is
//! then concluded as that of any run.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::conclusion::{self, Measured};
use super::observed::Observed;
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::ledger::history::History;
use crate::measure::aggregates::periods::Periods;
use crate::measure::aggregates::probes::{ProbeAggregates, aggregate};
use crate::measure::aggregates::series::Frame;
use crate::measure::aggregates::{Collected, RunAggregates};
use crate::measure::circumstances;
use crate::measure::correctness::conservation::{Conservation, Counts, Inputs, conservation};
use crate::measure::correctness::criteria;
use crate::measure::destinations::fairness::fairness;
use crate::measure::destinations::thundering_herd;
use crate::measure::disturbances::faults;
use crate::measure::disturbances::recovery::Recovery;
use crate::measure::latency::summarise;
use crate::measure::load::sizing;
use crate::measure::queue;
use crate::measure::results::{
    Attempts, Correctness, DestinationFacts, FaultFacts, Findings, Latency, LoadFacts, QueueFacts,
    RecoveryFacts, RetryPoint, SeriesRow, Warning,
};
use crate::measure::validity::Validity;
use crate::measure::validity::health::Instrument;
use crate::measure::validity::warning;
use crate::metric::latency::LatencyMetric;
use crate::plan::Plan;
use crate::probe::{DestinationId, ProbeId};
use crate::scenario::Scenario;
use crate::scenario::model::TargetKind;
use crate::scenario::model::Threshold;

/// What a run is judged against.
pub struct Case<'a> {
    /// What it asked.
    pub scenario: &'a Scenario,
    /// What it was to send.
    pub plan: &'a Plan,
    /// The bounds it must meet.
    pub thresholds: &'a [Threshold],
}

/// Figures, before they are put into words.
struct Figured {
    probes: ProbeAggregates,
    conservation: Conservation,
    latency: BTreeMap<String, Latency>,
    destinations: Vec<DestinationFacts>,
    queue: QueueFacts,
    /// A second.
    rates: BTreeMap<String, f64>,
    load: LoadFacts,
    /// What the instrument may have done to all of them.
    validity: Validity,
    retry_curve: Vec<RetryPoint>,
    faults: Vec<FaultFacts>,
    drain_from: Time,
}

/// Judges what was collected. `damage`: what is wrong with the journal.
#[must_use]
pub fn conclude(case: &Case<'_>, collected: Collected, damage: Option<&str>) -> Findings {
    let Collected { history, mut run } = collected;
    let figured = figure(case, &history, &mut run);
    let attempts = confirmed(&history, std::mem::take(&mut run.attempts));
    let (series, intervals) = std::mem::take(&mut run.series).finish(&Frame {
        periods: &run.periods,
        backlog: &figured.probes.backlog,
        in_flight: &figured.probes.in_flight,
        faults: &case.scenario.faults,
        outages: &run.outages,
    });
    let warnings = figured.warnings(case.scenario, &history, (&run, &series));
    let (from, to) = (figured.drain_from, run.periods.close());
    let watched = to.since(from).as_secs_f64();
    let drain = (from, (!figured.probes.backlog.is_empty()).then_some(watched));
    let (measured, probes, validity) = figured.measured(case, (&history, &mut run), warnings);
    let observed = Observed {
        latencies: &probes.latencies,
        backlog: &probes.backlog,
        reports: &run.reports,
        uses: &run.uses,
        periods: &run.periods,
        validity: &validity,
    };
    let pulses = circumstances::measured(&run.pulses, &run.periods);
    let instrument = Instrument {
        shortfall: validity.shortfall(),
        lag: validity.lag(),
        arrivals: run.arrivals.distance().filter(|_| run.outages.is_empty()),
        validity: &validity,
        from: run.periods.measured_from(),
        pulses: &pulses,
        excused: &|at| run.outages.excuse(at),
        ceiling: history.course().ceiling.as_ref().and_then(|ceiling| ceiling.per_s),
        cores: circumstances::cores(&history),
        overflow: probes.latencies.overflow(),
        damage,
        shortage: run.shortages.check(run.periods.measured_from()),
        disk: run.disk.check(),
    };
    let asked = (case.scenario, case.thresholds);
    let results = conclusion::conclude(asked, measured, &observed, instrument, drain);
    Findings { results, series, attempts, intervals, timeline: probes.timeline }
}

fn figure(case: &Case<'_>, history: &History, run: &mut RunAggregates) -> Figured {
    let scenario = case.scenario;
    let probes = aggregate(history, run, scenario);
    let periods = run.periods;
    let domains: Vec<String> = scenario.destinations.iter().map(|it| it.domain.clone()).collect();
    let conservation = conservation(
        history,
        &Inputs {
            measured: &|due| periods.of_due(due) == Period::Measured,
            domains: &domains,
            letters: scenario.message.encoding.letters(),
            unexcused_bound: criteria::unexcused_bound(case.thresholds),
        },
    );
    let (from, close) = (periods.measured_from(), periods.close());
    let healed = faults::healed(scenario, from, close).max(run.outages.healed());
    let mut queue = queue::facts(&probes.backlog, &run.reports, probes.attempts, &periods, healed);
    queue.proved_empty = history.course().is_queue_proved_empty();
    queue.isolation = probes.isolation.facts();
    queue.herd = healed.and_then(|healed| {
        let span = criteria::longest_wait(&scenario.target.retry).min(close.since(healed));
        thundering_herd::facts(transactions(history, &run.attempts, healed), healed, span)
    });
    queue::recover(&mut queue, recoveries(scenario, &probes, run));
    queue.connection_attempts = (scenario.target.kind != TargetKind::Direct)
        .then(|| run.connections.facts(&periods, probes.deliveries));
    let (load, shortfall) = probes.offering.facts(scenario, case.plan, &periods);
    let lag = summarise(probes.lag(!run.outages.is_empty()));
    let validity = Validity::of(run, &probes.latencies, (shortfall, lag));
    let destinations = destinations(scenario, (&probes, &validity), &conservation, &periods);
    let healthy = destinations.iter().filter(|place| !place.faulty);
    queue.fairness = fairness(healthy.filter_map(|place| place.latency.get("e2e_response")));
    Figured {
        latency: latencies(&probes, &validity, None),
        destinations,
        rates: probes.flows.rates((from, periods.load_stop()), close),
        retry_curve: retry_curve(scenario, history, run),
        faults: run.strikes.facts(scenario),
        drain_from: healed.unwrap_or_default().max(periods.load_stop()),
        probes,
        conservation,
        queue,
        load,
        validity,
    }
}

impl Figured {
    /// All of the report but what is concluded from it, and what that needs beside it.
    fn measured(
        self,
        case: &Case<'_>,
        (history, run): (&History, &mut RunAggregates),
        warnings: Vec<Warning>,
    ) -> (Measured, ProbeAggregates, Validity) {
        let Figured { probes, conservation, validity, .. } = self;
        let declared = criteria::declared(&case.scenario.target.changes);
        let resources = circumstances::resources(history, run);
        let measured = Measured {
            tool: circumstances::tool(history),
            run: circumstances::run(case.scenario, history, &run.periods),
            // Its text is known from the file.
            scenario: String::new(),
            environment: circumstances::environment(history),
            target: circumstances::target(history, run),
            load: self.load,
            counts: Counts { period: conservation.counts, outside: conservation.outside },
            correctness: Correctness {
                verdict: conservation.verdict,
                violations: conservation.violations,
                changes: run.changes.facts(history, &declared),
            },
            reasons: conservation.reasons,
            rates: self.rates,
            latency: self.latency,
            queue: self.queue,
            destinations: self.destinations,
            faults: self.faults,
            chaos: run.outages.facts(history, &run.periods),
            disk: run.disk.facts(history, &run.periods),
            survived: run.outages.survived(&run.periods),
            abuse: run.clients.facts(case.scenario, &probes.honest),
            retry_curve: self.retry_curve,
            replies: std::mem::take(&mut run.replies).counts(),
            sizing: sizing::facts(&resources, &probes, &run.periods, case.plan),
            resources,
            warnings,
        };
        (measured, probes, validity)
    }

    fn warnings(
        &self,
        scenario: &Scenario,
        history: &History,
        (run, series): (&RunAggregates, &[SeriesRow]),
    ) -> Vec<Warning> {
        let headline = [LatencyMetric::SubmitResponse, LatencyMetric::E2eResponse];
        let named = headline
            .iter()
            .filter_map(|metric| Some((metric.name(), self.latency.get(metric.name())?)));
        let drifts = headline.iter().filter_map(|metric| {
            let samples = self.probes.latencies.samples(*metric, None, Period::Measured)?;
            warning::drift(metric.name(), samples, scenario)
        });
        let build = circumstances::fact(history, "build");
        let mut warnings = warning::circumstances(&run.periods, build, run.pulses.len());
        warnings.extend(self.conservation.warnings.iter().cloned());
        warnings.extend(run.bounds.warnings());
        warnings.extend(warning::of_latency(named.clone()));
        warnings.extend(warning::doubtful(named, &self.validity.causes()));
        warnings.extend(warning::growth(series, &self.load, scenario));
        warnings.extend(drifts);
        warnings.extend(warning::unsettled(series, scenario));
        warnings.extend(warning::retries(&self.retry_curve, scenario));
        warnings.extend(warning::uncalibrated(history));
        warnings.extend(warning::untranslated(history));
        warnings.extend(warning::network(history));
        warnings.extend(warning::idle_faults(&self.faults));
        warnings.extend(warning::idle_chaos(scenario, &run.outages));
        warnings.extend(warning::brevity(&run.periods));
        warnings
    }
}

/// What every reader looks for.
const HEADLINES: [LatencyMetric; 3] =
    [LatencyMetric::SubmitResponse, LatencyMetric::SubmitService, LatencyMetric::E2eResponse];

/// Every metric that was observed, over the measured period; of the whole run the headline ones
/// too when nothing was, so that a reader sees a count of zero and not a gap.
fn latencies(
    probes: &ProbeAggregates,
    validity: &Validity,
    destination: Option<DestinationId>,
) -> BTreeMap<String, Latency> {
    let observed = LatencyMetric::ALL.into_iter().filter_map(|metric| {
        let samples = probes.latencies.samples(metric, destination, Period::Measured)?;
        let headline = destination.is_none() && HEADLINES.contains(&metric);
        (headline || !samples.is_empty())
            .then(|| (metric.name().to_owned(), validity.summarise(metric, samples)))
    });
    observed.collect()
}

fn destinations(
    scenario: &Scenario,
    (probes, validity): (&ProbeAggregates, &Validity),
    conservation: &Conservation,
    periods: &Periods,
) -> Vec<DestinationFacts> {
    let measured = (periods.measured_from(), periods.load_stop());
    let numbered = (0_u16..).zip(&scenario.destinations);
    numbered
        .map(|(number, destination)| {
            let index = usize::from(number);
            let counts = conservation.destinations.get(index).cloned().unwrap_or_default();
            let flows = &probes.flows_by_destination[index];
            DestinationFacts {
                domain: destination.domain.clone(),
                faulty: faults::is_faulty(scenario, index),
                counts: counts.period,
                counts_outside_period: counts.outside,
                rates: flows.rates(measured, periods.close()),
                latency: latencies(probes, validity, Some(DestinationId(number))),
                attempts_per_delivery_mean: probes.by_destination[index].mean(),
            }
        })
        .collect()
}

/// How long after each fault window and act of chaos the backlog was as before.
fn recoveries(
    scenario: &Scenario,
    probes: &ProbeAggregates,
    run: &RunAggregates,
) -> Vec<RecoveryFacts> {
    let (periods, from) = (&run.periods, run.periods.measured_from());
    let windows = faults::disturbances(scenario, from);
    let start = periods.span(Period::WarmUp).0.min(from);
    let mut recovery = Recovery::new(windows.chain(run.outages.disturbances()).collect(), start);
    if !recovery.is_empty() {
        probes.backlog.steps(periods.close()).for_each(|(at, level)| recovery.step(at, level));
    }
    recovery.facts(periods.close(), from)
}

/// When each transaction of the target from `healed` on began: its recipients are one attempt.
fn transactions<'a>(
    history: &'a History,
    attempts: &'a Attempts,
    healed: Time,
) -> impl Iterator<Item = Time> + 'a {
    let mut known = HashSet::new();
    let fresh = move |(probe, session, number, _): &(u64, u64, u32, f64)| {
        let message = history.probe(ProbeId(*probe)).map(|probe| probe.message);
        known.insert((*session, message, *number))
    };
    attempts.started(healed.seconds()).filter(fresh).map(|(.., started)| time(started))
}

fn retry_curve(scenario: &Scenario, history: &History, run: &RunAggregates) -> Vec<RetryPoint> {
    let measured = |probe| {
        let due = history.probe(probe).map(|probe| probe.due);
        due.is_some_and(|due| run.periods.of_due(due) == Period::Measured)
    };
    let waiting = |probe| {
        history.probe(probe).is_some_and(|probe| {
            let since = probe.accepted.unwrap_or(Time(u64::MAX));
            let age = run.periods.close().since(since);
            probe.taken.is_none()
                && probe.given_up().is_none()
                && probe.accepted.is_some()
                && age < scenario.target.retry.give_up_after
        })
    };
    run.retries.curve(&scenario.target, run.periods.close(), measured, waiting)
}

fn time(seconds: f64) -> Time {
    Time::from_offset(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// The attempts in order of their end, with whether their reply was read.
fn confirmed(history: &History, mut attempts: Attempts) -> Attempts {
    attempts.confirm(|reception| history.is_confirmed(reception));
    attempts.sort();
    attempts
}
