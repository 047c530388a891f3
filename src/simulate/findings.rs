//! The report of a simulated run: the same findings as of a real one, marked as simulated.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bounded::Kept;
use super::figures::{isolation, replies, retry_curve};
use super::identity::{EPOCH, environment, id, kind};
use super::sink::Connections;
use super::tally::{KEPT, METRICS, Place, Tally};
use super::world::World;
use crate::clock::Time;
use crate::ledger::event::Period;
use crate::measure::correctness::conservation::{self, Counts};
use crate::measure::correctness::counts::{ProbeCounts, Unowned};
use crate::measure::correctness::criteria;
use crate::measure::destinations::fairness::fairness;
use crate::measure::disturbances::faults;
use crate::measure::disturbances::recovery::Recovery;
use crate::measure::queue::connections;
use crate::measure::queue::ordering::OutOfOrder;
use crate::measure::results::{
    Attempts, Correctness, DestinationFacts, Findings, Latency, LoadFacts, QueueFacts, Resources,
    Run, TargetFacts, Tool, Warning,
};
use crate::measure::validity::Validity;
use crate::measure::validity::health::Instrument;
use crate::measure::validity::warning;
use crate::measure::verdict::conclusion::{Measured, conclude};
use crate::measure::{load, queue};
use crate::metric::latency::LatencyMetric as Metric;
use crate::scenario::Loaded;
use crate::scenario::model::Threshold;

/// What a run was judged by, beside what happened.
pub(super) struct Ended<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) thresholds: &'a [Threshold],
    pub(super) command: &'a str,
    /// When the last fault was over.
    pub(super) healed: Option<Time>,
}

impl Ended<'_> {
    pub(super) fn judge(&self, mut world: World<'_>) -> Findings {
        let imbalances = imbalances(&world.tally);
        let latency = latencies(&world.tally);
        let (load, shortfall) = self.load(&world);
        let lag = latency.get(Metric::ScheduleLag.name()).cloned().unwrap_or_default();
        let from = self.drain_from(&world);
        let drain = (Time(from), Some(seconds(world.now.saturating_sub(from))));
        let measured = self.measured(&mut world, load, latency, imbalances);
        let instrument = Instrument {
            shortfall,
            lag: &lag,
            arrivals: None,
            validity: &Validity::default(),
            from: Time(world.tally.measured_from),
            pulses: &[],
            excused: &|_| false,
            ceiling: None,
            cores: None,
            overflow: (0, 1),
            damage: None,
            shortage: None,
            disk: None,
        };
        let kept = Kept { tally: &world.tally, course: &world.course };
        let asked = (&self.loaded.scenario, self.thresholds);
        let results = conclude(asked, measured, &kept, instrument, drain);
        let intervals = std::mem::take(&mut world.course.intervals);
        let timeline = std::mem::take(&mut world.tally.timeline);
        let series = self.series(world);
        Findings { results, series, attempts: Attempts::default(), intervals, timeline }
    }

    fn measured(
        &self,
        world: &mut World<'_>,
        load: LoadFacts,
        latency: BTreeMap<String, Latency>,
        imbalances: Vec<String>,
    ) -> Measured {
        let scenario = &self.loaded.scenario;
        let span = world.course.span(Period::Measured);
        let window = (Time(span.from), Time(span.to));
        let counts = counts(std::mem::take(&mut world.tally.sums));
        let rates = world.tally.flows.rates(window, Time(world.now));
        let destinations = self.destinations(world, window);
        let queue = self.queue(world, &destinations);
        let accepted = counts.period.get("accepted").is_some_and(|accepted| *accepted > 0);
        Measured {
            tool: tool(),
            run: self.run(world),
            scenario: self.loaded.resolved.clone(),
            environment: environment(world.model.source.clone()),
            target: TargetFacts {
                kind: kind(scenario),
                version: String::new(),
                address: String::new(),
                died: None,
            },
            load,
            counts,
            correctness: Correctness {
                verdict: conservation::verdict(world.tally.judgement, accepted),
                violations: Vec::new(),
                changes: Vec::new(),
            },
            reasons: Vec::new(),
            sizing: world.sizing(&rates),
            rates,
            warnings: self.warnings(world, &latency, imbalances),
            latency,
            queue,
            destinations,
            faults: faults::counted(scenario, &world.sink.strikes),
            chaos: Vec::new(),
            disk: None,
            survived: Vec::new(),
            abuse: None,
            retry_curve: retry_curve(&world.tally, scenario),
            replies: replies(&world.sink.replies),
            resources: Resources::default(),
        }
    }

    fn run(&self, world: &World<'_>) -> Run {
        let scenario = &self.loaded.scenario;
        let span = world.course.span(Period::Measured);
        Run {
            id: id(self.loaded),
            name: scenario.name.clone(),
            question: scenario.question.clone(),
            started_at: EPOCH.to_owned(),
            duration_s: seconds(world.now),
            measured_from_s: seconds(span.from),
            measured_to_s: seconds(span.to),
            seed: scenario.seed.0,
            scenario_sha256: self.loaded.sha256.clone(),
            command: self.command.to_owned(),
            interrupted: false,
            complete: true,
            simulated: true,
            labels: BTreeMap::new(),
        }
    }

    fn drain_from(&self, world: &World<'_>) -> u64 {
        world.course.span(Period::Measured).to.max(self.healed.unwrap_or_default().0)
    }

    fn queue(&self, world: &mut World<'_>, places: &[DestinationFacts]) -> QueueFacts {
        let (zero, empty) = (world.tally.measured_from, Recovery::new(Vec::new(), Time::ZERO));
        let recovery = std::mem::replace(&mut world.course.recovery, empty);
        let recoveries = recovery.facts(Time(world.now), Time(zero));
        let course = &world.course;
        let measured = course.span(Period::Measured);
        let mean = measured.mean(measured.area);
        let end = course.span(Period::Drain).at_end;
        let drained = (end == 0).then(|| {
            // The run is closed when the last of it has ended, but the drain is not timed from
            // before it began.
            seconds(world.last_end.saturating_sub(self.drain_from(world)))
        });
        let attempts = world.tally.attempts;
        let span = criteria::longest_wait(&self.loaded.scenario.target.retry);
        let after = Time(world.now).since(self.healed.unwrap_or_default());
        let herd = world.herd.as_ref().filter(|_| self.healed.is_some());
        let Connections { accepted, turned_away, refused } = world.sink.connections;
        let (seen, deliveries) = ([accepted, turned_away], world.tally.deliveries);
        let healthy = places.iter().filter(|place| !place.faulty);
        let mut facts = QueueFacts {
            backlog_max: course.peak.0,
            backlog_max_at_s: seconds(course.peak.1.saturating_sub(measured.from)),
            backlog_mean: mean,
            backlog_end: end,
            length_max: Some(course.peak.0),
            length_mean: Some(mean),
            length_end: Some(end),
            deferred_max: None,
            frozen_max: None,
            proved_empty: end == 0,
            drain_time_s: drained,
            attempts_per_delivery_mean: attempts.mean(),
            attempts_per_delivery_max: attempts.most(),
            retry_amplification: attempts.amplification(),
            connection_attempts: Some(connections::facts(seen, Some(refused), deliveries)),
            fairness: fairness(healthy.filter_map(|place| place.latency.get("e2e_response"))),
            herd: herd.and_then(|herd| herd.facts(span.min(after))),
            isolation: isolation(&world.tally),
            ..QueueFacts::default()
        };
        queue::recover(&mut facts, recoveries);
        facts
    }

    fn load(&self, world: &World<'_>) -> (LoadFacts, Option<f64>) {
        let scenario = &self.loaded.scenario;
        let span = world.course.span(Period::Measured);
        let measured_s = seconds(span.to.saturating_sub(span.from));
        let offered = world.tally.offered_measured;
        // What is due is offered, if only to find no session.
        let planned = (!world.closed_model).then_some(offered);
        let rate = |count: u64| if measured_s > 0.0 { count as f64 / measured_s } else { 0.0 };
        let (model, arrival) = load::names(&scenario.load.model);
        let facts = LoadFacts {
            model: model.to_owned(),
            arrival: arrival.to_owned(),
            planned_per_s: planned.map(rate),
            peak_planned_per_s: load::peak(scenario, measured_s),
            offered_per_s: rate(offered),
            planned_messages: planned,
            offered_messages: offered,
            sessions: scenario.load.sessions,
        };
        let missing = planned.filter(|planned| *planned > 0);
        let late = |planned: u64| planned.saturating_sub(world.tally.in_time);
        let share = |planned: u64| late(planned) as f64 / planned as f64;
        (facts, missing.map(share))
    }

    fn destinations(&self, world: &mut World<'_>, window: (Time, Time)) -> Vec<DestinationFacts> {
        let all = &self.loaded.scenario.destinations;
        let taken = |place: &mut Place| counts(std::mem::take(&mut place.sums));
        let place_counts: Vec<Counts> = world.tally.places.iter_mut().map(taken).collect();
        let tally = &world.tally;
        let places = tally.places.iter().zip(place_counts).enumerate();
        let facts = places.map(|(number, (place, counts))| {
            let mut of = tally.place_of.iter().enumerate();
            let members = of.clone().filter(|(_, own)| usize::from(**own) == number);
            let alone = members.clone().nth(1).is_none();
            let first = of.find(|(_, own)| usize::from(**own) == number);
            let domain = match first.and_then(|(index, _)| all.get(index)) {
                Some(place) if alone => place.domain.clone(),
                _ => format!("({} others)", members.clone().count()),
            };
            let timed = KEPT.iter().zip(&place.latency).filter(|(_, digest)| !digest.is_empty());
            DestinationFacts {
                domain,
                faulty: members.clone().any(|(index, _)| tally.faulty[index]),
                counts: counts.period,
                counts_outside_period: counts.outside,
                rates: place.flows.rates(window, Time(world.now)),
                latency: timed
                    .map(|(metric, digest)| (metric.name().to_owned(), digest.summarise()))
                    .collect(),
                attempts_per_delivery_mean: place.attempts.mean(),
            }
        });
        facts.collect()
    }

    fn warnings(
        &self,
        world: &World<'_>,
        latency: &BTreeMap<String, Latency>,
        imbalances: Vec<String>,
    ) -> Vec<Warning> {
        let mut warnings = vec![warning::warn(
            "simulated",
            format!(
                "simulated: no mail was sent. Times of the target come from {}; processors, \
                 memory and network are not modelled, and what the model leaves out is not in \
                 these figures",
                world.model.source
            ),
        )];
        if world.refused > 0 {
            let text = format!(
                "{} probes came when {} deliveries were waiting, more than a simulation holds: \
                 they were refused",
                world.refused,
                crate::limits::SIMULATED_QUEUE
            );
            warnings.push(warning::warn("limit-reached", text));
        }
        warnings.extend(
            imbalances.into_iter().map(|sum| {
                warning::warn("internal-error", format!("counts do not reconcile: {sum}"))
            }),
        );
        let row = world.course.row_s();
        if row > 1 {
            let text =
                format!("a row of the series covers {row} s; its counts are means per second");
            warnings.push(warning::warn("coarse-series", text));
        }
        let named = [Metric::SubmitResponse, Metric::E2eResponse]
            .into_iter()
            .filter_map(|metric| Some((metric.name(), latency.get(metric.name())?)));
        warnings.extend(warning::of_latency(named));
        warnings
    }

    /// The rows, with the names of the faults whose window is open.
    fn series(&self, world: World<'_>) -> Vec<crate::measure::results::SeriesRow> {
        let from = world.course.span(Period::Measured).from;
        let row_s = world.course.row_s();
        let mut rows = world.course.rows;
        for row in &mut rows {
            let (start, end) = (row.t_s * 1_000_000_000, (row.t_s + row_s) * 1_000_000_000);
            let open = self.loaded.scenario.faults.iter().filter(|rule| {
                rule.scope.during.is_some_and(|window| {
                    from + super::time(window.start) < end && from + super::time(window.end) > start
                })
            });
            row.faults = open.map(|rule| rule.name.as_str()).collect::<Vec<_>>().join(";");
        }
        rows
    }
}

fn tool() -> Tool {
    Tool { name: "mailbench".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// What a simulation does not know is not there rather than zero.
fn counts([period, outside]: [ProbeCounts; 2]) -> Counts {
    let mut counts = Counts::of(period, &outside, OutOfOrder::default());
    counts.period.remove("reordered");
    counts.period.remove("overtaking");
    Unowned::default().enter(&mut counts.period);
    counts
}

/// Sums that do not hold, in words. There are none unless the simulation loses mail.
fn imbalances(tally: &Tally) -> Vec<String> {
    let mut found: Vec<String> = tally.sums.iter().flat_map(ProbeCounts::imbalances).collect();
    let (offered, classed) = (tally.probes_offered, tally.probes_classed);
    if offered != classed {
        found.push(format!("{offered} probes offered, {classed} with a class"));
    }
    found
}

fn latencies(tally: &Tally) -> BTreeMap<String, Latency> {
    let measured = Metric::ALL.into_iter().take(METRICS).zip(&tally.latency[1]);
    let headline = |metric: Metric| metric <= Metric::E2eResponse;
    let kept = measured.filter(|(metric, digest)| headline(*metric) || !digest.is_empty());
    let refused = [(Metric::RefusedResponse, &tally.refused[1])];
    let refused = refused.into_iter().filter(|(_, digest)| !digest.is_empty());
    let all = kept.chain(refused);
    all.map(|(metric, digest)| (metric.name().to_owned(), digest.summarise())).collect()
}

fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}
