//! A capacity search from start to end: trial after trial on a target of its own with an empty
//! queue, then the curve. What to try next is `measure::capacity`'s; what is known is written after
//! every trial, so that a search that was interrupted can be taken up again.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folder::Folder;
use super::signals::Interrupts;
use super::{Request, RunError, SCENARIO};
use crate::clock::Clock;
use crate::limits;
use crate::measure::capacity::classify::Goal;
use crate::measure::capacity::conclude::TRUSTED;
use crate::measure::capacity::results::{Capacity, GoalFacts, Point, Trial};
use crate::measure::capacity::search::{self, Range, Step};
use crate::measure::capacity::{conclude, trial};
use crate::measure::results::Findings;
use crate::report::capacity as report;
use crate::report::human;
use crate::report::progress::Progress;
use crate::scenario::Loaded;
use crate::scenario::model::{Arrival, Extent, LoadModel, Segment, TargetKind};
use crate::seed::Seed;
use crate::simulate::model::Model;
use crate::simulate::simulate;

/// Name of the results in the folder.
pub const FILE: &str = "capacity.json";

/// How a search is made.
#[derive(Clone, Debug)]
pub struct Manner {
    /// `quick` or `full`.
    pub profile: &'static str,
    /// What is asked of a load.
    pub goal: Goal,
    /// Seconds of a trial that feels its way.
    pub feel_s: f64,
    /// Warm-up of every trial, seconds.
    pub warm_up_s: f64,
    /// Shares of the result at which the curve is drawn; none: no curve.
    pub shares: &'static [f64],
    /// No trial above this; `None`: what the generator proves able to offer.
    pub most: Option<f64>,
    /// The instrument's ceiling for the scenario's messages, where it was calibrated.
    pub calibrated: Option<f64>,
    /// Whether an unhealthy instrument makes a trial bad.
    pub health_counts: bool,
    /// The model that stands for the target, in a simulated search.
    pub model: Option<Model>,
}

/// A simulated search without a bound of its own ends here, messages a second.
const SIMULATED_MOST: f64 = 1e6;

/// A search that has ended, or was ended.
#[derive(Debug)]
pub struct Searched {
    /// What was found.
    pub capacity: Capacity,
    /// Where everything lies.
    pub folder: PathBuf,
    /// Whether the user ended it early.
    pub interrupted: bool,
}

/// Searches for the capacity of the request's scenario.
///
/// # Errors
/// When a trial could not be carried out.
pub async fn capacity(
    request: &Request,
    manner: &Manner,
    interrupts: &Interrupts,
    progress: &mut Progress,
) -> Result<Searched, RunError> {
    let folder = place(request)?;
    let known = taken_up(&folder, request, manner)?;
    let mut hunt = Hunt { request, manner, interrupts, folder, known };
    hunt.known.environment = super::environment::facts().into_iter().collect();
    let range = hunt.range(progress).await?;
    hunt.check(&range)?;
    hunt.known.most_per_s = range.most;
    hunt.search(&range, progress).await?;
    conclude::bounds(&mut hunt.known, &manner.goal);
    if !hunt.is_over() {
        hunt.curve(progress).await?;
    }
    conclude::curve(&mut hunt.known);
    if hunt.is_over() {
        conclude::unfinished(&mut hunt.known);
    }
    hunt.write()?;
    let interrupted = hunt.is_over();
    Ok(Searched { capacity: hunt.known, folder: hunt.folder, interrupted })
}

/// The folder: a new one, or the one named, which may hold a search that was interrupted.
fn place(request: &Request) -> Result<PathBuf, RunError> {
    let named = request.output.as_deref().filter(|named| named.join(FILE).exists());
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let name = &request.loaded.scenario.name;
    let folder = Folder::create(name, request.output.as_deref(), &Clock::start());
    let folder = folder.map_err(RunError::Folder)?.path;
    std::fs::write(folder.join(SCENARIO), &request.loaded.resolved).map_err(RunError::Folder)?;
    Ok(folder)
}

/// What is known already: nothing, or the trials of an earlier search in the same folder.
fn taken_up(folder: &Path, request: &Request, manner: &Manner) -> Result<Capacity, RunError> {
    let fresh = fresh(request, manner);
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(fresh);
    }
    let text = std::fs::read_to_string(&path).map_err(RunError::Folder)?;
    let known: Capacity = serde_json::from_str(&text)
        .map_err(|error| unfit(folder, ErrorKind::InvalidData, &error.to_string()))?;
    let same = known.scenario_sha256 == fresh.scenario_sha256
        && known.profile == fresh.profile
        && known.simulated == fresh.simulated;
    if !same {
        let what = "it holds a search of another scenario or profile; name another folder";
        return Err(unfit(folder, ErrorKind::AlreadyExists, what));
    }
    // A trial that was good because nobody asked how the instrument was is not so any more.
    if known.health_counts != fresh.health_counts {
        let with = if fresh.health_counts { "with" } else { "without" };
        let what = format!(
            "it holds trials judged {with} `--allow health`; search as then, or name another folder"
        );
        return Err(unfit(folder, ErrorKind::AlreadyExists, &what));
    }
    // What bounds the search is how it is asked for now.
    let Capacity { target, trials, curve, ceiling_per_s, .. } = known;
    Ok(Capacity { target, trials, curve, ceiling_per_s, ..fresh })
}

/// The folder is not one in which the search can go on.
fn unfit(folder: &Path, kind: ErrorKind, what: &str) -> RunError {
    RunError::Folder(Error::new(kind, format!("{}: {what}", folder.join(FILE).display())))
}

fn fresh(request: &Request, manner: &Manner) -> Capacity {
    let scenario = &request.loaded.scenario;
    let goal = &manner.goal;
    conclude::begun(Capacity {
        name: scenario.name.clone(),
        question: scenario.question.clone(),
        scenario_sha256: request.loaded.sha256.clone(),
        simulated: manner.model.is_some(),
        profile: manner.profile.to_owned(),
        goal: GoalFacts {
            final_trial_s: goal.final_s,
            duration_sum_s: goal.sum_s,
            loss_ratio: goal.loss,
            exceed_ratio: goal.exceed,
            width: goal.width,
        },
        calibrated_per_s: manner.calibrated,
        health_counts: manner.health_counts,
        command: request.command.clone(),
        ..Capacity::default()
    })
}

struct Hunt<'a> {
    request: &'a Request,
    manner: &'a Manner,
    interrupts: &'a Interrupts,
    folder: PathBuf,
    known: Capacity,
}

impl Hunt<'_> {
    fn is_over(&self) -> bool {
        self.interrupts.stop.is_cancelled()
    }

    fn write(&self) -> Result<(), RunError> {
        report::write_all(&self.known, &self.folder).map_err(RunError::Folder)
    }

    /// Where the search may go. Unless told, the generator is tried first, against the sink alone;
    /// what was calibrated bounds it too.
    async fn range(&mut self, progress: &mut Progress) -> Result<Range, RunError> {
        let asked = match &self.request.loaded.scenario.load.model {
            LoadModel::Open { segments, .. } => {
                segments.last().map_or(limits::CAPACITY_FIRST, |last| last.to_per_second)
            }
            LoadModel::Closed { .. } => limits::CAPACITY_FIRST,
        };
        let most = match self.manner.most {
            Some(most) => most,
            None if self.manner.model.is_some() => SIMULATED_MOST,
            None => TRUSTED * self.ceiling(progress).await?,
        };
        let calibrated = self.known.calibrated_per_s.map(|ceiling| TRUSTED * ceiling);
        let most = calibrated.map_or(most, |bound| most.min(bound));
        let least = limits::CAPACITY_LEAST.min(most);
        Ok(Range { first: (asked / 4.0).clamp(least, most), least, most })
    }

    /// No trial of before may lie beyond where the search may go now: it would decide the answer.
    fn check(&self, range: &Range) -> Result<(), RunError> {
        let rates = self.known.trials.iter().map(|trial| trial.rate_per_s);
        let highest = rates.fold(0.0, f64::max);
        if highest <= range.most {
            return Ok(());
        }
        let (highest, most) = (human::rate(highest), human::rate(range.most));
        let what = format!(
            "it holds trials up to {highest}, and now none is to be above {most}; raise \
             `--max-rate` or calibrate again, or name another folder"
        );
        Err(unfit(&self.folder, ErrorKind::AlreadyExists, &what))
    }

    /// What the generator offers to the sink with nothing between.
    async fn ceiling(&mut self, progress: &mut Progress) -> Result<f64, RunError> {
        if let Some(known) = self.known.ceiling_per_s {
            return Ok(known);
        }
        progress.announce("first the generator alone, against the sink");
        let direct = self.request.loaded.changed(|scenario| {
            scenario.target.kind = TargetKind::Direct;
            scenario.faults.clear();
            scenario.chaos.clear();
            scenario.thresholds.clear();
            scenario.compare = None;
            let none = crate::quantity::Quantity::Constant(0.0);
            scenario.load.model = LoadModel::Closed { think_time: none };
            scenario.load.warm_up = Duration::from_secs(1);
            scenario.load.extent = Extent::Duration(limits::CAPACITY_CEILING);
        });
        let findings = self.real(direct, "ceiling", progress).await?;
        let offered = findings.map_or(0.0, |it| it.results.load.offered_per_s);
        if offered > 0.0 {
            self.known.ceiling_per_s = Some(offered);
            self.write()?;
        }
        Ok(offered.max(limits::CAPACITY_LEAST))
    }

    async fn search(&mut self, range: &Range, progress: &mut Progress) -> Result<(), RunError> {
        let goal = &self.manner.goal;
        while let Step::Try { rate, full } = search::next(&self.known.trials, goal, range) {
            if self.is_over() || self.known.trials.len() >= limits::CAPACITY_TRIALS {
                break;
            }
            let seconds = if full { goal.final_s } else { self.manner.feel_s };
            let left = search::remaining(&self.known.trials, goal, range);
            let points = self.manner.shares.len() as f64;
            let left = f64::from(left) * (goal.final_s + self.manner.warm_up_s)
                + points * (goal.final_s + self.manner.warm_up_s);
            let number = self.known.trials.len() + 1;
            let (rate_said, left) = (human::rate(rate), human::moment(left.round()));
            progress.announce(&format!("trial {number}: {rate_said}; about {left} left"));
            let folder = format!("trials/{number:03}");
            let Some(findings) = self.at(rate, seconds, &folder, progress).await? else { break };
            self.known.trials.push(self.judged(rate, seconds, &findings, folder));
            self.remember(&findings);
            self.write()?;
        }
        Ok(())
    }

    fn judged(&self, rate: f64, seconds: f64, findings: &Findings, folder: String) -> Trial {
        let judged = trial::judge(findings, self.manner.goal.loss, self.manner.health_counts);
        Trial {
            rate_per_s: rate,
            duration_s: seconds,
            good: judged.reasons.is_empty(),
            reasons: judged.reasons,
            generator: judged.generator,
            seen: trial::seen(findings),
            folder: if self.manner.model.is_some() { String::new() } else { folder },
        }
    }

    fn remember(&mut self, findings: &Findings) {
        let target = &findings.results.target;
        self.known.target = format!("{} {}", target.kind, target.version).trim().to_owned();
    }

    /// Load against latency, beyond the capacity too where the generator can go there.
    async fn curve(&mut self, progress: &mut Progress) -> Result<(), RunError> {
        let capacity = self.known.lower_bound_per_s.unwrap_or(0.0);
        let asked = self.manner.most.unwrap_or(f64::INFINITY);
        let reach = (self.known.most_per_s / TRUSTED).min(asked);
        // Of an interrupted curve, what was drawn for the same answer stays.
        self.known.curve.retain(|point| {
            let rate = capacity * point.share;
            rate <= reach && (point.rate_per_s - rate).abs() <= rate * f64::EPSILON * 4.0
        });
        if capacity <= 0.0 {
            return Ok(());
        }
        for (number, share) in self.manner.shares.iter().enumerate() {
            let rate = capacity * share;
            if self.known.curve.iter().any(|point| point.share == *share) {
                continue;
            }
            if self.is_over() || rate > reach {
                break;
            }
            let count = self.manner.shares.len();
            let said = human::rate(rate);
            progress.announce(&format!("curve {} of {count}: {said}", number + 1));
            let folder = format!("curve/{:03.0}", share * 100.0);
            let seconds = self.manner.goal.final_s;
            let Some(findings) = self.at(rate, seconds, &folder, progress).await? else { break };
            let judged = trial::judge(&findings, self.manner.goal.loss, self.manner.health_counts);
            let (resources, per_core_per_s) = trial::resources(&findings.results);
            self.known.curve.push(Point {
                share: *share,
                rate_per_s: rate,
                good: judged.reasons.is_empty(),
                seen: trial::seen(&findings),
                resources,
                per_core_per_s,
            });
            self.write()?;
        }
        Ok(())
    }

    /// One run at a constant rate; `None`: ended by the user.
    async fn at(
        &self,
        rate: f64,
        seconds: f64,
        folder: &str,
        progress: &mut Progress,
    ) -> Result<Option<Findings>, RunError> {
        let warm_up = Duration::from_secs_f64(self.manner.warm_up_s);
        let measured = Duration::from_secs_f64(seconds);
        // In virtual time the same mail again would be the same trial again.
        let again =
            self.known.trials.iter().filter(|trial| trial.rate_per_s == rate).count() as u64;
        let again = if self.manner.model.is_some() { again } else { 0 };
        let loaded = self.request.loaded.changed(|scenario| {
            let arrival = match &scenario.load.model {
                LoadModel::Open { arrival, .. } => arrival.clone(),
                LoadModel::Closed { .. } => Arrival::Poisson,
            };
            let piece = |duration| Segment { from_per_second: rate, to_per_second: rate, duration };
            let segments = match warm_up.is_zero() {
                true => vec![piece(measured)],
                false => vec![piece(warm_up), piece(measured)],
            };
            scenario.load.model = LoadModel::Open { arrival, segments };
            scenario.load.warm_up = warm_up;
            scenario.load.extent = Extent::Duration(measured);
            scenario.compare = None;
            scenario.seed = Seed(scenario.seed.0.wrapping_add(again));
        });
        match &self.manner.model {
            Some(model) => simulate(&loaded, model, &self.request.command, &mut |_| {})
                .map(Some)
                .map_err(RunError::Stored),
            None => self.real(loaded, folder, progress).await,
        }
    }

    async fn real(
        &self,
        loaded: Loaded,
        folder: &str,
        progress: &mut Progress,
    ) -> Result<Option<Findings>, RunError> {
        let path = self.folder.join(folder);
        // A trial that was cut off is made again.
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(RunError::Folder)?;
        }
        let request = Request {
            loaded,
            output: Some(path),
            command: self.request.command.clone(),
            allowed_targets: self.request.allowed_targets.clone(),
        };
        match super::experiment(&request, self.interrupts, progress).await {
            Ok(_) if self.is_over() => Ok(None),
            Ok(outcome) => Ok(Some(outcome.findings)),
            Err(RunError::Aborted) if !self.interrupts.abort.is_cancelled() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
