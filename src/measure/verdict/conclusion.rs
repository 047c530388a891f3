//! The judgement: from what was collected to the findings of a report.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::Grounds;
use super::threshold_figures::Figures;
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::ledger::history::History;
use crate::measure::aggregates::periods::Periods;
use crate::measure::aggregates::probes::{ProbeAggregates, aggregate};
use crate::measure::aggregates::series::Frame;
use crate::measure::aggregates::{Collected, RunAggregates};
use crate::measure::circumstances;
use crate::measure::correctness::conservation::{Conservation, Inputs, conservation};
use crate::measure::correctness::criteria;
use crate::measure::destinations::fairness::fairness;
use crate::measure::destinations::thundering_herd;
use crate::measure::disturbances::faults;
use crate::measure::disturbances::recovery::Recovery;
use crate::measure::latency::coordinated_omission;
use crate::measure::latency::summarise;
use crate::measure::load::sizing;
use crate::measure::queue;
use crate::measure::results::{
    Attempts, Correctness, DestinationFacts, DiskFacts, FaultFacts, Findings, Health, Latency,
    LoadFacts, QueueFacts, RecoveryFacts, Results, RetryPoint, SCHEMA_VERSION, SeriesRow,
    ThresholdResult, ThresholdStatus, Warning,
};
use crate::measure::validity::Validity;
use crate::measure::validity::health;
use crate::measure::validity::health::Evidence;
use crate::measure::validity::warning;
use crate::measure::verdict;
use crate::metric::catalogue::{Stat, Subject};
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
    /// Share of the plan that reached no session in time.
    shortfall: Option<f64>,
    /// What the instrument may have done to all of them.
    validity: Validity,
    retry_curve: Vec<RetryPoint>,
    faults: Vec<FaultFacts>,
    disk: Option<DiskFacts>,
    drain_from: Time,
}

/// Judges what was collected. `damage`: what is wrong with the journal.
#[must_use]
pub fn conclude(case: &Case<'_>, collected: Collected, damage: Option<&str>) -> Findings {
    let Collected { history, mut run } = collected;
    let figured = figure(case, &history, &mut run);
    let counts = figured.conservation.bounded();
    let thresholds = figured.grade(case.thresholds, &run, &counts);
    let undecided = undecided(case.thresholds, &thresholds);
    let health = figured.health((&history, &run), undecided, damage);
    let verdict = verdict::verdict(&Grounds {
        counts: &counts,
        ledger: (figured.conservation.verdict, &figured.conservation.reasons),
        unexcused_bound: criteria::unexcused_bound(case.thresholds),
        thresholds: &thresholds,
        health: &health,
        complete: run.periods.complete(),
        interrupted: run.periods.interrupted,
        died: run.outages.died(&run.periods).as_ref(),
        survived: &run.outages.survived(&run.periods),
    });
    let attempts = confirmed(&history, std::mem::take(&mut run.attempts));
    let series = std::mem::take(&mut run.series);
    let (series, intervals) = series.finish(&Frame {
        periods: &run.periods,
        backlog: &figured.probes.backlog,
        in_flight: &figured.probes.in_flight,
        faults: &case.scenario.faults,
        outages: &run.outages,
    });
    let changes = run.changes.facts(&history, &criteria::declared(&case.scenario.target.changes));
    let resources = circumstances::resources(&history, &run);
    let sizing = sizing::facts(&resources, &figured.probes, &run.periods, case.plan);
    let mut warnings = figured.warnings(case.scenario, &history, (&run, &series));
    let timeline = figured.probes.timeline;
    let response = figured.latency.get(LatencyMetric::SubmitResponse.name());
    let closed_model =
        response.and_then(|response| coordinated_omission::facts(case.scenario, response));
    warnings.extend(closed_model.as_ref().map(coordinated_omission::warning));
    let results = Results {
        schema_version: SCHEMA_VERSION,
        tool: circumstances::tool(&history),
        run: circumstances::run(case.scenario, &history, &run.periods),
        environment: circumstances::environment(&history),
        target: circumstances::target(&history, &run),
        health,
        load: figured.load,
        rates: figured.rates,
        counts: figured.conservation.counts,
        counts_outside_period: figured.conservation.outside,
        latency: figured.latency,
        closed_model,
        queue: figured.queue,
        destinations: figured.destinations,
        faults: figured.faults,
        chaos: run.outages.facts(&history, &run.periods),
        disk: figured.disk,
        abuse: run.clients.facts(case.scenario, &figured.probes.honest),
        retry_curve: figured.retry_curve,
        replies: run.replies.counts(),
        correctness: Correctness {
            verdict: figured.conservation.verdict,
            violations: figured.conservation.violations,
            changes,
        },
        thresholds,
        resources,
        sizing,
        warnings,
        verdict,
        // Its text is known from the file.
        scenario: String::new(),
    };
    Findings { results, series, attempts, intervals, timeline }
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
        disk: run.disk.facts(history, &periods),
        faults: run.strikes.facts(scenario),
        drain_from: healed.unwrap_or_default().max(periods.load_stop()),
        probes,
        conservation,
        queue,
        load,
        shortfall,
        validity,
    }
}

/// Whether no latency has a threshold that holds or fails in spite of what the instrument may have
/// done to it.
#[must_use]
pub fn undecided(thresholds: &[Threshold], results: &[ThresholdResult]) -> bool {
    let about = thresholds.iter().zip(results).filter(|(threshold, _)| {
        matches!(threshold.subject, Subject::Latency(_)) && threshold.stat != Stat::Count
    });
    let mut decided = about.map(|(_, result)| result.status != ThresholdStatus::Inconclusive);
    decided.clone().next().is_none() || !decided.all(|decided| decided)
}

impl Figured {
    fn health(
        &self,
        (history, run): (&History, &RunAggregates),
        undecided: bool,
        damage: Option<&str>,
    ) -> Health {
        health::grade(&Evidence {
            load: &self.load,
            shortfall: self.shortfall,
            lag: self.validity.lag(),
            arrivals: run.arrivals.distance().filter(|_| run.outages.is_empty()),
            latency: &self.latency,
            validity: &self.validity,
            undecided,
            from: run.periods.measured_from(),
            pulses: &circumstances::measured(&run.pulses, &run.periods),
            excused: &|at| run.outages.excuse(at),
            ceiling: history.course().ceiling.as_ref().and_then(|ceiling| ceiling.per_s),
            cores: circumstances::cores(history),
            overflow: self.probes.latencies.overflow(),
            damage,
            shortage: run.shortages.check(run.periods.measured_from()),
            disk: run.disk.check(),
        })
    }

    fn grade(
        &self,
        thresholds: &[Threshold],
        run: &RunAggregates,
        counts: &BTreeMap<String, u64>,
    ) -> Vec<ThresholdResult> {
        let figures = Figures {
            latencies: &self.probes.latencies,
            counts,
            rates: &self.rates,
            destinations: &self.destinations,
            queue: &self.queue,
            backlog: &self.probes.backlog,
            reports: &run.reports,
            uses: &run.uses,
            periods: &run.periods,
            drain_from: self.drain_from,
            disk_flushes: self.disk.as_ref().and_then(|disk| disk.flushes_per_accepted),
            validity: &self.validity,
        };
        figures.grade(thresholds)
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
