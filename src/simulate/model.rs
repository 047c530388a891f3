//! The times of a model: given by the scenario, or taken from what a run measured.

use hdrhistogram::Histogram;
use rand::Rng;

use crate::fault::rule::Rule;
use crate::limits;
use crate::measure::correctness::criteria;
use crate::measure::latency::samples;
use crate::measure::results::{Latency, Results};
use crate::quantity::Quantity;
use crate::scenario::model::{Durability, LoadModel, Scenario, SimulateSpec};

/// The target as a simulation knows it; delivery slots, limits, ordering and retries are the
/// scenario's own.
#[derive(Clone, Debug)]
pub struct Model {
    /// From having a slot to the first word to the destination.
    pub dispatch: Times,
    /// One delivery over an open connection, from its first word.
    pub service: Times,
    /// Opening a connection.
    pub connect: Times,
    /// From being due, with a session free, to the first word of a submission.
    pub handover: Times,
    /// A submission, disk left out.
    pub intake: Times,
    /// One commit.
    pub commit: Times,
    /// Messages and results that share one.
    pub commit_batch: usize,
    /// Where the times come from, for people.
    pub source: String,
}

/// How long one step takes.
#[derive(Clone, Debug)]
pub enum Times {
    /// As the scenario says. Seconds.
    Said(Quantity),
    /// As a run measured: microseconds, with the share of observations up to each; none: no time.
    Measured(Vec<(f64, u64)>),
}

/// Why there is no model.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoModel {
    /// Nothing says how long a delivery takes.
    #[error(
        "nothing says how long one delivery takes: add `service = \"5ms\"` (or a distribution) \
         under [simulate], or name a measured run with --from RUN"
    )]
    NoService,
    /// The run measured no mail that went straight through.
    #[error(
        "the run has too little mail to destinations without a fault to take delivery times \
         from ({0} deliveries; 100 are needed): measure one without faults"
    )]
    NotMeasured(u64),
    /// Its histograms do not read.
    #[error("the histogram of {0} in the report cannot be read")]
    Unreadable(String),
    /// The scenario does something that the model cannot.
    #[error("{0}")]
    Beyond(String),
}

/// Deliveries below which a distribution says little.
const LEAST: u64 = 100;

impl Model {
    /// The model a scenario describes.
    ///
    /// # Errors
    /// When it does not say how long a delivery takes, or asks for what no model does.
    pub fn of(scenario: &Scenario) -> Result<Model, NoModel> {
        check(scenario)?;
        let said = scenario.simulate.as_ref().and_then(|spec| Some((spec, spec.service.clone()?)));
        let (spec, service) = said.ok_or(NoModel::NoService)?;
        let model = Model {
            service: Times::Said(service),
            intake: Times::Said(spec.intake.clone()),
            commit: committed(scenario, Times::Said(spec.commit.clone())),
            ..Model::rest(spec)
        };
        if matches!(&scenario.load.model, LoadModel::Closed { think_time: Quantity::Constant(0.0) })
            && model.intake.is_nothing()
            && model.commit.is_nothing()
        {
            let what = "in the closed model a submission must take time: give `intake` or \
                        `commit` under [simulate], or a think_time";
            return Err(NoModel::Beyond(what.to_owned()));
        }
        Ok(Model { source: "the scenario".to_owned(), ..model })
    }

    /// The model of what a run measured, which should be one in which no mail waited. Its
    /// `relay_latency` to destinations without a fault stands for a delivery, with `queue_time` as
    /// the way to it; `submit_service` for a submission, with what the reply to the final dot took
    /// over that to DATA as the commit; its own connections for those to a destination.
    ///
    /// # Errors
    /// When it measured too little.
    pub fn from_run(scenario: &Scenario, run: &Results) -> Result<Model, NoModel> {
        check(scenario)?;
        let healthy: Vec<_> = run.destinations.iter().filter(|place| !place.faulty).collect();
        let of = |metric: &str| {
            let latencies = healthy.iter().filter_map(|place| place.latency.get(metric));
            measured(metric, &latencies.collect::<Vec<_>>())
        };
        let own = |metric: &str| {
            measured(metric, &run.latency.get(metric).into_iter().collect::<Vec<_>>())
        };
        let relayed = of("relay_latency")?;
        let submitted = own("submit_service")?;
        if relayed.count < LEAST || submitted.count == 0 {
            return Err(NoModel::NotMeasured(relayed.count));
        }
        let dispatch = of("queue_time")?;
        let commit = own("stage_end_of_data")?.less(&own("stage_data")?);
        let intake = Times::Measured(submitted.less(&commit).steps);
        let handover = own("submit_response")?.less(&submitted);
        let spec = scenario.simulate.as_ref();
        let opening = own("stage_connect")?.and(&own("stage_banner")?).and(&own("stage_ehlo")?);
        let connect = match spec.map(|spec| &spec.connect) {
            Some(said) if *said != Quantity::Constant(0.0) => Times::Said(said.clone()),
            _ => Times::Measured(opening.steps),
        };
        Ok(Model {
            service: Times::Measured(relayed.less(&dispatch).steps),
            dispatch: Times::Measured(dispatch.steps),
            connect,
            handover: Times::Measured(handover.steps),
            intake,
            commit: committed(scenario, Times::Measured(commit.steps)),
            commit_batch: spec.map_or(limits::RELAY_COMMIT_BATCH, |it| it.commit_batch as usize),
            source: format!("run {} of {} ({})", run.run.id, run.run.name, run.target.kind),
        })
    }

    fn rest(spec: &SimulateSpec) -> Model {
        let none = Times::Said(Quantity::Constant(0.0));
        Model {
            dispatch: none.clone(),
            service: none.clone(),
            connect: Times::Said(spec.connect.clone()),
            handover: none.clone(),
            intake: none.clone(),
            commit: none,
            commit_batch: spec.commit_batch as usize,
            source: String::new(),
        }
    }
}

/// What the model cannot show is refused, not left out.
fn check(scenario: &Scenario) -> Result<(), NoModel> {
    let broken = |rule: &Rule| !rule.action.is_simulated();
    let what = if !scenario.chaos.is_empty() {
        "the model of a simulation cannot be killed, paused or restarted: take [[chaos]] out, or \
         `mailbench run` the scenario"
    } else if !scenario.abuse.is_empty() {
        "bad clients are not modelled: take [[abuse]] out, or `mailbench run` \
         the scenario"
    } else if scenario.faults.iter().any(broken) {
        "`garble` and `tls` faults are not modelled: take them out, or \
         `mailbench run` the scenario"
    } else if scenario.message.null_sender > 0.0 {
        "the model returns all that it cannot deliver: take `null_sender` out of [message], or \
         `mailbench run` the scenario"
    } else if criteria::unsendable(scenario).contains(&true) {
        "the model does not return mail that its destination has no extension for: offer what \
         `encoding` needs, or `mailbench run` the scenario"
    } else {
        return Ok(());
    };
    Err(NoModel::Beyond(what.to_owned()))
}

/// Nobody waits for a disk that is not asked.
fn committed(scenario: &Scenario, commit: Times) -> Times {
    match scenario.target.delivery.durability {
        Durability::Fsync => commit,
        Durability::None => Times::Said(Quantity::Constant(0.0)),
    }
}

/// How long one step of a run took: what was observed, in order.
#[derive(Clone, Debug, Default)]
struct Observed {
    count: u64,
    /// Share of the observations up to each value, microseconds.
    steps: Vec<(f64, u64)>,
}

fn measured(metric: &str, latencies: &[&Latency]) -> Result<Observed, NoModel> {
    let unreadable = || NoModel::Unreadable(metric.to_owned());
    let mut all: Option<Histogram<u64>> = None;
    for latency in latencies.iter().filter(|latency| latency.count > 0) {
        let mut read = samples::decode(latency).ok_or_else(unreadable)?;
        // The age of what never ended is not how long it takes.
        if let Some(open) = samples::read(&latency.hdr_censored) {
            read.subtract(&open).map_err(|_| unreadable())?;
        }
        match &mut all {
            Some(all) => all.add(read).map_err(|_| unreadable())?,
            None => all = Some(read),
        }
    }
    let Some(all) = all.filter(|all| !all.is_empty()) else { return Ok(Observed::default()) };
    let mut seen = 0;
    let steps = all.iter_recorded().map(|step| {
        seen += step.count_since_last_iteration();
        (seen as f64 / all.len() as f64, step.value_iterated_to())
    });
    Ok(Observed { count: all.len(), steps: steps.collect() })
}

impl Observed {
    /// Both together, as if the slow of one were the slow of the other.
    fn and(&self, other: &Observed) -> Observed {
        self.paired(other, u64::saturating_add)
    }

    /// What is left of it without `part`, which it holds: a slow whole is taken to have a slow part.
    fn less(&self, part: &Observed) -> Observed {
        self.paired(part, u64::saturating_sub)
    }

    fn paired(&self, other: &Observed, join: impl Fn(u64, u64) -> u64) -> Observed {
        let mut shares: Vec<f64> =
            self.steps.iter().chain(&other.steps).map(|(share, _)| *share).collect();
        shares.sort_by(f64::total_cmp);
        shares.dedup();
        let before = |share: f64| share - f64::EPSILON;
        let value = |share| join(at(&self.steps, before(share)), at(&other.steps, before(share)));
        let steps = shares.into_iter().map(|share| (share, value(share)));
        Observed { count: self.count, steps: steps.collect() }
    }
}

/// The value at a share, microseconds; nothing was observed: none.
fn at(steps: &[(f64, u64)], share: f64) -> u64 {
    let index = steps.partition_point(|(upto, _)| *upto <= share);
    steps.get(index).or(steps.last()).map_or(0, |(_, us)| *us)
}

impl Times {
    /// Draws one, nanoseconds.
    pub(super) fn draw<R: Rng>(&self, stream: impl FnOnce() -> R) -> u64 {
        match self {
            Times::Said(Quantity::Constant(seconds)) => nanos(*seconds),
            Times::Said(quantity) => nanos(quantity.sample(&mut stream())),
            Times::Measured(steps) => {
                let share = (stream().next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                at(steps, share) * 1000
            }
        }
    }

    /// Whether the step takes no time.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match self {
            Times::Said(quantity) => *quantity == Quantity::Constant(0.0),
            Times::Measured(steps) => steps.is_empty(),
        }
    }
}

fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::latency::samples::encode;
    use crate::measure::synthetic::histogram;

    fn observed(values: &[u32]) -> Observed {
        let hdr = encode(&histogram(values));
        let latency = Latency { hdr, count: values.len() as u64, ..Latency::default() };
        measured("made_up", &[&latency]).expect("a histogram")
    }

    #[test]
    fn a_part_is_taken_from_a_whole_and_put_back_share_by_share() {
        let (whole, part) = (observed(&[100, 200, 300, 400]), observed(&[10, 20]));
        let rest = whole.less(&part);
        assert_eq!(rest.steps, [(0.25, 90), (0.5, 190), (0.75, 280), (1.0, 380)]);
        assert_eq!(rest.and(&part).steps, whole.steps);
        assert_eq!(part.less(&whole).steps.last(), Some(&(1.0, 0)), "never below nothing");
    }

    #[test]
    fn the_age_of_what_never_ended_is_not_how_long_it_takes() {
        let mut samples = samples::Samples::default();
        (0..10).for_each(|_| samples.record(std::time::Duration::from_micros(100)));
        (0..5).for_each(|_| samples.censor(std::time::Duration::from_secs(20)));
        let latency = crate::measure::latency::summarise(&samples);
        let observed = measured("made_up", &[&latency]).expect("a histogram");
        assert_eq!((observed.count, observed.steps), (10, vec![(1.0, 100)]));
    }

    #[test]
    fn what_was_not_observed_takes_no_time() {
        let (some, none) = (observed(&[100, 200]), observed(&[]));
        assert_eq!((some.less(&none).steps, none.count), (some.steps.clone(), 0));
        assert!(Times::Measured(none.steps).is_nothing());
        assert!(!Times::Measured(some.steps).is_nothing());
    }
}
