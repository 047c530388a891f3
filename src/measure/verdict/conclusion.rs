//! The judgement: from what was collected to the findings of a report.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::Grounds;
use super::threshold_figures::Figures;
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::ledger::history::History;
use crate::measure::aggregates::periods::Periods;
use crate::measure::aggregates::probes::{Tables, tabulate};
use crate::measure::aggregates::series::Frame;
use crate::measure::aggregates::{Collected, Rest};
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
    Attempts, Correctness, DestinationFacts, FaultFacts, Findings, Health, Latency, LoadFacts,
    QueueFacts, RecoveryFacts, Results, RetryPoint, SCHEMA_VERSION, SeriesRow, ThresholdResult,
    ThresholdStatus, Warning,
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
    tables: Tables,
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
    drain_from: Time,
}

/// Judges what was collected. `damage`: what is wrong with the journal.
#[must_use]
pub fn conclude(case: &Case<'_>, collected: Collected, damage: Option<&str>) -> Findings {
    let Collected { history, mut rest } = collected;
    let figured = figure(case, &history, &mut rest);
    let counts = figured.conservation.bounded();
    let thresholds = figured.grade(case.thresholds, &rest, &counts);
    let undecided = undecided(case.thresholds, &thresholds);
    let health = figured.health((&history, &rest), undecided, damage);
    let verdict = verdict::verdict(&Grounds {
        counts: &counts,
        ledger: (figured.conservation.verdict, &figured.conservation.reasons),
        unexcused_bound: criteria::unexcused_bound(case.thresholds),
        thresholds: &thresholds,
        health: &health,
        complete: rest.periods.complete(),
        interrupted: rest.periods.interrupted,
        died: rest.outages.died(&rest.periods).as_ref(),
        survived: &rest.outages.survived(&rest.periods),
    });
    let attempts = confirmed(&history, std::mem::take(&mut rest.attempts));
    let series = std::mem::take(&mut rest.series);
    let (series, intervals) = series.finish(&Frame {
        periods: &rest.periods,
        backlog: &figured.tables.backlog,
        in_flight: &figured.tables.in_flight,
        faults: &case.scenario.faults,
        outages: &rest.outages,
    });
    let changes = rest.changes.facts(&history, &criteria::declared(&case.scenario.target.changes));
    let resources = circumstances::resources(&history, &rest);
    let sizing = sizing::facts(&resources, &figured.tables, &rest.periods, case.plan);
    let mut warnings = figured.warnings(case.scenario, &history, (&rest, &series));
    let timeline = figured.tables.timeline;
    let response = figured.latency.get(LatencyMetric::SubmitResponse.name());
    let closed_model =
        response.and_then(|response| coordinated_omission::facts(case.scenario, response));
    warnings.extend(closed_model.as_ref().map(coordinated_omission::warning));
    let results = Results {
        schema_version: SCHEMA_VERSION,
        tool: circumstances::tool(&history),
        run: circumstances::run(case.scenario, &history, &rest.periods),
        environment: circumstances::environment(&history),
        target: circumstances::target(&history, &rest),
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
        chaos: rest.outages.facts(&history, &rest.periods),
        abuse: rest.clients.facts(case.scenario, &figured.tables.honest),
        retry_curve: figured.retry_curve,
        replies: rest.replies.counts(),
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

fn figure(case: &Case<'_>, history: &History, rest: &mut Rest) -> Figured {
    let scenario = case.scenario;
    let tables = tabulate(history, rest, scenario);
    let periods = rest.periods;
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
    let healed = faults::healed(scenario, from, close).max(rest.outages.healed());
    let mut queue = queue::facts(&tables.backlog, &rest.reports, tables.attempts, &periods, healed);
    queue.proved_empty = history.course().is_queue_proved_empty();
    queue.isolation = tables.isolation.facts();
    queue.herd = healed.and_then(|healed| {
        let span = criteria::longest_wait(&scenario.target.retry).min(close.since(healed));
        thundering_herd::facts(transactions(history, &rest.attempts, healed), healed, span)
    });
    queue::recover(&mut queue, recoveries(scenario, &tables, rest));
    queue.connection_attempts = (scenario.target.kind != TargetKind::Direct)
        .then(|| rest.connections.facts(&periods, tables.deliveries));
    let (load, shortfall) = tables.offering.facts(scenario, case.plan, &periods);
    let lag = summarise(tables.lag(!rest.outages.is_empty()));
    let validity = Validity::of(rest, &tables.book, (shortfall, lag));
    let destinations = destinations(scenario, (&tables, &validity), &conservation, &periods);
    let healthy = destinations.iter().filter(|place| !place.faulty);
    queue.fairness = fairness(healthy.filter_map(|place| place.latency.get("e2e_response")));
    Figured {
        latency: latencies(&tables, &validity, None),
        destinations,
        rates: tables.flows.rates((from, periods.load_stop()), close),
        retry_curve: retry_curve(scenario, history, rest),
        faults: rest.strikes.facts(scenario),
        drain_from: healed.unwrap_or_default().max(periods.load_stop()),
        tables,
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
        (history, rest): (&History, &Rest),
        undecided: bool,
        damage: Option<&str>,
    ) -> Health {
        health::grade(&Evidence {
            load: &self.load,
            shortfall: self.shortfall,
            lag: self.validity.lag(),
            arrivals: rest.arrivals.distance().filter(|_| rest.outages.is_empty()),
            latency: &self.latency,
            validity: &self.validity,
            undecided,
            from: rest.periods.measured_from(),
            pulses: &circumstances::measured(&rest.pulses, &rest.periods),
            excused: &|at| rest.outages.excuse(at),
            ceiling: history.course().ceiling.as_ref().and_then(|ceiling| ceiling.per_s),
            cores: circumstances::cores(history),
            overflow: self.tables.book.overflow(),
            damage,
            shortage: rest.shortages.check(rest.periods.measured_from()),
        })
    }

    fn grade(
        &self,
        thresholds: &[Threshold],
        rest: &Rest,
        counts: &BTreeMap<String, u64>,
    ) -> Vec<ThresholdResult> {
        let figures = Figures {
            book: &self.tables.book,
            counts,
            rates: &self.rates,
            destinations: &self.destinations,
            queue: &self.queue,
            backlog: &self.tables.backlog,
            reports: &rest.reports,
            uses: &rest.uses,
            periods: &rest.periods,
            drain_from: self.drain_from,
            validity: &self.validity,
        };
        figures.grade(thresholds)
    }

    fn warnings(
        &self,
        scenario: &Scenario,
        history: &History,
        (rest, series): (&Rest, &[SeriesRow]),
    ) -> Vec<Warning> {
        let headline = [LatencyMetric::SubmitResponse, LatencyMetric::E2eResponse];
        let named = headline
            .iter()
            .filter_map(|metric| Some((metric.name(), self.latency.get(metric.name())?)));
        let drifts = headline.iter().filter_map(|metric| {
            let samples = self.tables.book.samples(*metric, None, Period::Measured)?;
            warning::drift(metric.name(), samples, scenario)
        });
        let build = circumstances::fact(history, "build");
        let mut warnings = warning::circumstances(&rest.periods, build, rest.pulses.len());
        warnings.extend(self.conservation.warnings.iter().cloned());
        warnings.extend(rest.bounds.warnings());
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
        warnings.extend(warning::idle_chaos(scenario, &rest.outages));
        warnings.extend(warning::brevity(&rest.periods));
        warnings
    }
}

/// What every reader looks for.
const HEADLINES: [LatencyMetric; 3] =
    [LatencyMetric::SubmitResponse, LatencyMetric::SubmitService, LatencyMetric::E2eResponse];

/// Every metric that was observed, over the measured period; of the whole run the headline ones
/// too when nothing was, so that a reader sees a count of zero and not a gap.
fn latencies(
    tables: &Tables,
    validity: &Validity,
    destination: Option<DestinationId>,
) -> BTreeMap<String, Latency> {
    let observed = LatencyMetric::ALL.into_iter().filter_map(|metric| {
        let samples = tables.book.samples(metric, destination, Period::Measured)?;
        let headline = destination.is_none() && HEADLINES.contains(&metric);
        (headline || !samples.is_empty())
            .then(|| (metric.name().to_owned(), validity.summarise(metric, samples)))
    });
    observed.collect()
}

fn destinations(
    scenario: &Scenario,
    (tables, validity): (&Tables, &Validity),
    conservation: &Conservation,
    periods: &Periods,
) -> Vec<DestinationFacts> {
    let measured = (periods.measured_from(), periods.load_stop());
    let numbered = (0_u16..).zip(&scenario.destinations);
    numbered
        .map(|(number, destination)| {
            let index = usize::from(number);
            let counts = conservation.destinations.get(index).cloned().unwrap_or_default();
            let flows = &tables.flows_by_destination[index];
            DestinationFacts {
                domain: destination.domain.clone(),
                faulty: faults::is_faulty(scenario, index),
                counts: counts.period,
                counts_outside_period: counts.outside,
                rates: flows.rates(measured, periods.close()),
                latency: latencies(tables, validity, Some(DestinationId(number))),
                attempts_per_delivery_mean: tables.by_destination[index].mean(),
            }
        })
        .collect()
}

/// How long after each fault window and act of chaos the backlog was as before.
fn recoveries(scenario: &Scenario, tables: &Tables, rest: &Rest) -> Vec<RecoveryFacts> {
    let (periods, from) = (&rest.periods, rest.periods.measured_from());
    let windows = faults::disturbances(scenario, from);
    let start = periods.span(Period::WarmUp).0.min(from);
    let mut recovery = Recovery::new(windows.chain(rest.outages.disturbances()).collect(), start);
    if !recovery.is_empty() {
        tables.backlog.steps(periods.close()).for_each(|(at, level)| recovery.step(at, level));
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

fn retry_curve(scenario: &Scenario, history: &History, rest: &Rest) -> Vec<RetryPoint> {
    let measured = |probe| {
        let due = history.probe(probe).map(|probe| probe.due);
        due.is_some_and(|due| rest.periods.of_due(due) == Period::Measured)
    };
    let waiting = |probe| {
        history.probe(probe).is_some_and(|probe| {
            let since = probe.accepted.unwrap_or(Time(u64::MAX));
            let age = rest.periods.close().since(since);
            probe.taken.is_none()
                && probe.given_up().is_none()
                && probe.accepted.is_some()
                && age < scenario.target.retry.give_up_after
        })
    };
    rest.retries.curve(&scenario.target, rest.periods.close(), measured, waiting)
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
