//! The times of a model: given by the scenario, or taken from what a run measured.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use rand::Rng;

use crate::fault::rule::{Action, Rule};
use crate::measure::results::{Latency, Results};
use crate::quantity::Quantity;
use crate::scenario::model::{Durability, LoadModel, Scenario, SimulateSpec};

/// The target as a simulation knows it; delivery slots, limits, ordering and retries are the
/// scenario's own.
#[derive(Clone, Debug)]
pub struct Model {
    /// One delivery over an open connection.
    pub service: Times,
    /// Opening a connection.
    pub connect: Times,
    /// A submission, disk left out unless measured.
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
    /// As a run measured: microseconds, with the share of observations up to each.
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

    /// The model of what a run measured. Its `relay_latency` to destinations without a fault
    /// stands for one delivery, so it should be a run in which no mail waited; its
    /// `submit_service`, which holds the commit, for a submission.
    ///
    /// # Errors
    /// When it measured too little.
    pub fn from_run(scenario: &Scenario, run: &Results) -> Result<Model, NoModel> {
        check(scenario)?;
        let healthy = run.destinations.iter().filter(|place| !place.faulty);
        let relayed: Vec<&Latency> =
            healthy.filter_map(|place| place.latency.get("relay_latency")).collect();
        let count = relayed.iter().map(|latency| latency.count).sum();
        let submitted = run.latency.get("submit_service");
        let Some(submitted) = submitted.filter(|_| count >= LEAST) else {
            return Err(NoModel::NotMeasured(count));
        };
        let none = Quantity::Constant(0.0);
        let spec = scenario.simulate.as_ref();
        let connect = spec.map_or_else(|| none.clone(), |spec| spec.connect.clone());
        Ok(Model {
            service: measured("relay_latency", &relayed)?,
            connect: Times::Said(connect),
            intake: measured("submit_service", &[submitted])?,
            commit: Times::Said(none),
            commit_batch: spec.map_or(1, |spec| spec.commit_batch as usize),
            source: format!("run {} of {} ({})", run.run.id, run.run.name, run.target.kind),
        })
    }

    fn rest(spec: &SimulateSpec) -> Model {
        let none = Times::Said(Quantity::Constant(0.0));
        Model {
            service: none.clone(),
            connect: Times::Said(spec.connect.clone()),
            intake: none.clone(),
            commit: none,
            commit_batch: spec.commit_batch as usize,
            source: String::new(),
        }
    }
}

/// What the model cannot show is refused, not left out.
fn check(scenario: &Scenario) -> Result<(), NoModel> {
    let broken = |rule: &Rule| matches!(rule.action, Action::Garble(_) | Action::Tls(_));
    let what = if !scenario.chaos.is_empty() {
        "the model of a simulation cannot be killed, paused or restarted: take [[chaos]] out, or \
         `mailbench run` the scenario"
    } else if !scenario.abuse.is_empty() {
        "no model knows what a target makes of bad clients: take [[abuse]] out, or `mailbench run` \
         the scenario"
    } else if scenario.faults.iter().any(broken) {
        "no model knows what a target makes of `garble` and `tls` faults: take them out, or \
         `mailbench run` the scenario"
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

fn measured(metric: &str, latencies: &[&Latency]) -> Result<Times, NoModel> {
    let unreadable = || NoModel::Unreadable(metric.to_owned());
    let mut all: Option<Histogram<u64>> = None;
    for latency in latencies {
        let bytes = STANDARD.decode(&latency.hdr).map_err(|_| unreadable())?;
        let read: Histogram<u64> =
            Deserializer::new().deserialize(&mut &bytes[..]).map_err(|_| unreadable())?;
        match &mut all {
            Some(all) => all.add(read).map_err(|_| unreadable())?,
            None => all = Some(read),
        }
    }
    let all = all.filter(|all| !all.is_empty()).ok_or_else(unreadable)?;
    let mut seen = 0;
    let steps = all.iter_recorded().map(|step| {
        seen += step.count_since_last_iteration();
        (seen as f64 / all.len() as f64, step.value_iterated_to())
    });
    Ok(Times::Measured(steps.collect()))
}

impl Times {
    /// Draws one, nanoseconds.
    pub(super) fn draw<R: Rng>(&self, stream: impl FnOnce() -> R) -> u64 {
        match self {
            Times::Said(Quantity::Constant(seconds)) => nanos(*seconds),
            Times::Said(quantity) => nanos(quantity.sample(&mut stream())),
            Times::Measured(steps) => {
                let share = (stream().next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                let index = steps.partition_point(|(upto, _)| *upto <= share);
                steps.get(index).or(steps.last()).map_or(0, |(_, us)| us * 1000)
            }
        }
    }

    /// Whether the step takes no time.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Times::Said(Quantity::Constant(seconds)) if *seconds == 0.0)
    }
}

fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}
