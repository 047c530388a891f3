//! A capacity search from start to end: trial after trial on a target with an empty queue, then the
//! curve. What to try next is `measure::capacity`'s; what is known is written after every trial, so
//! that a search that was interrupted can be taken up again. `known` reads it, `options` are
//! the profiles, `trial` makes one trial.

mod known;
mod options;
mod trial;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folder::resumable;
use super::signals::Interrupts;
use super::{Request, RunError};
use crate::limits;
use crate::measure::capacity::conclude;
use crate::measure::capacity::conclude::TRUSTED;
use crate::measure::capacity::results::{Capacity, Point, Trial};
use crate::measure::capacity::search::{self, Range, Step};
use crate::measure::capacity::trial as evidence;
use crate::measure::results::Findings;
use crate::report::capacity as report;
use crate::report::human;
use crate::report::progress::Progress;
use crate::scenario::model::{Extent, LoadModel, Scenario, TargetKind};
use crate::scenario::{Loaded, ScenarioError};
use crate::simulate::model::Model;
use crate::simulate::simulate;
use known::{taken_up, unfit};
use trial::Offered;

pub use options::SearchOptions;

/// Name of the results in the folder.
pub const FILE: &str = "capacity.json";

/// A simulated search without a bound of its own ends here, messages a second.
const SIMULATED_MOST: f64 = 1e6;

/// Number of the curve's first run, far beyond those of the trials.
const CURVE: u64 = 1_000;

/// A search that has ended, or was ended.
#[derive(Debug)]
pub struct Searched {
    /// What was found.
    pub capacity: Capacity,
    /// Where everything lies.
    pub folder: PathBuf,
    /// Whether the user ended it early.
    pub interrupted: bool,
    /// Why it ended early: what was found could not be written.
    pub failure: Option<RunError>,
}

/// Searches a model in virtual time, without a curve and without files: what the coverage of the
/// answer is measured with.
///
/// # Errors
/// When a threshold means nothing.
pub fn on_model(
    request: &Request,
    options: &SearchOptions,
    model: &Model,
) -> Result<Capacity, ScenarioError> {
    let mut known = known::fresh(request, options);
    let most = options.most.unwrap_or(SIMULATED_MOST);
    let range = range(&request.loaded.scenario, most);
    known.most_per_s = range.most;
    while let Step::Try { rate, full } = search::next(&known.trials, &options.goal, &range) {
        if known.trials.len() >= limits::CAPACITY_TRIALS {
            break;
        }
        let number = known.trials.len() as u64;
        let offered = Offered { rate, seconds: options.seconds(full), number };
        let loaded = trial::scenario(&request.loaded, options, offered);
        let findings = simulate(&loaded, model, &request.command, &mut |_| {});
        let drain = request.loaded.scenario.load.drain;
        let judged = trial::judged(&findings, options, offered, drain, Path::new(""));
        known.trials.push(judged);
    }
    conclude::bounds(&mut known, &options.goal);
    Ok(known)
}

/// Where the search may go, from a fourth of the scenario's rate.
fn range(scenario: &Scenario, most: f64) -> Range {
    let asked = match &scenario.load.model {
        LoadModel::Open { segments, .. } => {
            segments.last().map_or(limits::CAPACITY_FIRST, |last| last.to_per_second)
        }
        LoadModel::Closed { .. } => limits::CAPACITY_FIRST,
    };
    let least = limits::CAPACITY_LEAST.min(most);
    Range { first: (asked / 4.0).clamp(least, most), least, most }
}

/// Searches for the capacity of the request's scenario.
///
/// # Errors
/// When a trial could not be carried out.
pub async fn capacity(
    request: &Request,
    options: &SearchOptions,
    interrupts: &Interrupts,
    progress: &mut Progress,
) -> Result<Searched, RunError> {
    let (folder, _lock) = resumable(request, FILE)?;
    let known = taken_up(&folder, request, options)?;
    let failure = None;
    let mut search = CapacitySearch { request, options, interrupts, folder, known, failure };
    search.known.environment = super::environment::facts().into_iter().collect();
    let range = search.range(progress).await?;
    search.check(&range)?;
    search.known.most_per_s = range.most;
    search.search(&range, progress).await?;
    conclude::bounds(&mut search.known, &options.goal);
    if !search.is_over() && search.known.exit_code == 0 {
        search.curve(progress).await?;
    }
    conclude::curve(&mut search.known);
    if search.is_over() {
        conclude::unfinished(&mut search.known);
    }
    search.write();
    let interrupted = interrupts.stop.is_cancelled();
    let CapacitySearch { known, folder, failure, .. } = search;
    Ok(Searched { capacity: known, folder, interrupted, failure })
}

struct CapacitySearch<'a> {
    request: &'a Request,
    options: &'a SearchOptions,
    interrupts: &'a Interrupts,
    folder: PathBuf,
    known: Capacity,
    /// The disk does not take what is found: there is no use in going on.
    failure: Option<RunError>,
}

impl CapacitySearch<'_> {
    fn is_over(&self) -> bool {
        self.interrupts.stop.is_cancelled() || self.failure.is_some()
    }

    /// Writes what is known; a failure ends the search, not what it has found.
    fn write(&mut self) {
        if let Err(error) = report::write_all(&self.known, &self.folder) {
            self.failure.get_or_insert(RunError::Folder(error));
        }
    }

    /// Where the search may go. By default the generator is tried first, against the sink alone;
    /// what was calibrated bounds it too.
    async fn range(&mut self, progress: &mut Progress) -> Result<Range, RunError> {
        let most = match self.options.most {
            Some(most) => most,
            None if self.options.model.is_some() => SIMULATED_MOST,
            None => TRUSTED * self.ceiling(progress).await?,
        };
        let calibrated = self.known.calibrated_per_s.map(|ceiling| TRUSTED * ceiling);
        let most = calibrated.map_or(most, |bound| most.min(bound));
        Ok(range(&self.request.loaded.scenario, most))
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
            self.write();
        }
        Ok(offered.max(limits::CAPACITY_LEAST))
    }

    async fn search(&mut self, range: &Range, progress: &mut Progress) -> Result<(), RunError> {
        let goal = &self.options.goal;
        while let Step::Try { rate, full } = search::next(&self.known.trials, goal, range) {
            if self.is_over() || self.known.trials.len() >= limits::CAPACITY_TRIALS {
                break;
            }
            let number = self.known.trials.len() + 1;
            let left = human::moment(self.seconds_left(range).round());
            progress.announce(&format!("trial {number}: {}; about {left} left", human::rate(rate)));
            let folder = format!("trials/{number:03}");
            let seconds = self.options.seconds(full);
            let offered = Offered { rate, seconds, number: number as u64 - 1 };
            let findings = match self.at(offered, &folder, progress).await {
                Ok(Some(findings)) => findings,
                Ok(None) => break,
                Err(RunError::NotEmpty(why)) => {
                    self.known.not_empty = Some(why);
                    break;
                }
                Err(error) if error.is_of_the_disk() && !self.known.trials.is_empty() => {
                    self.failure = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            };
            let trial = self.judged(&findings, offered, &folder);
            self.known.trials.push(trial);
            self.remember(&findings);
            self.known.not_empty = self.left_over(&findings);
            self.write();
            if self.known.not_empty.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// A guess, for people.
    fn seconds_left(&self, range: &Range) -> f64 {
        let goal = &self.options.goal;
        let trials = f64::from(search::remaining(&self.known.trials, goal, range));
        let points = self.options.shares.len() as f64;
        (trials + points) * (goal.final_s + self.options.warm_up_s)
    }

    fn judged(&self, findings: &Findings, offered: Offered, folder: &str) -> Trial {
        let simulated = self.options.model.is_some();
        let folder = Path::new(if simulated { "" } else { folder });
        let drain = self.request.loaded.scenario.load.drain;
        trial::judged(findings, self.options, offered, drain, folder)
    }

    /// Why the next trial cannot be made; a target that mailbench starts is new for each.
    fn left_over(&self, findings: &Findings) -> Option<String> {
        let external = matches!(self.request.loaded.scenario.target.kind, TargetKind::External(_));
        let persists = external && self.options.model.is_none();
        let number = self.known.trials.len();
        persists.then(|| trial::left_over(&findings.results, number)).flatten()
    }

    fn remember(&mut self, findings: &Findings) {
        let target = &findings.results.target;
        self.known.target = format!("{} {}", target.kind, target.version).trim().to_owned();
    }

    /// Load against latency, beyond the capacity too where the generator can go there.
    async fn curve(&mut self, progress: &mut Progress) -> Result<(), RunError> {
        let capacity = self.known.lower_bound_per_s.unwrap_or(0.0);
        let asked = self.options.most.unwrap_or(f64::INFINITY);
        let reach = (self.known.most_per_s / TRUSTED).min(asked);
        // Of an interrupted curve, what was drawn for the same answer stays.
        self.known.curve.retain(|point| {
            let rate = capacity * point.share;
            rate <= reach && (point.rate_per_s - rate).abs() <= rate * f64::EPSILON * 4.0
        });
        if capacity <= 0.0 {
            return Ok(());
        }
        for (number, share) in self.options.shares.iter().enumerate() {
            let rate = capacity * share;
            if self.known.curve.iter().any(|point| point.share == *share) {
                continue;
            }
            if self.is_over() || rate > reach {
                break;
            }
            let count = self.options.shares.len();
            let said = human::rate(rate);
            progress.announce(&format!("curve {} of {count}: {said}", number + 1));
            let folder = format!("curve/{:03.0}", share * 100.0);
            let seconds = self.options.goal.final_s;
            let offered = Offered { rate, seconds, number: CURVE + number as u64 };
            let findings = match self.at(offered, &folder, progress).await {
                Ok(Some(findings)) => findings,
                Ok(None) | Err(RunError::NotEmpty(_)) => break,
                Err(error) if error.is_of_the_disk() => {
                    self.failure = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            };
            let judged = self.judged(&findings, offered, &folder);
            let (resources, per_core_per_s) = evidence::resources(&findings.results);
            self.known.curve.push(Point {
                share: *share,
                rate_per_s: rate,
                good: judged.good,
                seen: judged.seen,
                resources,
                per_core_per_s,
            });
            self.write();
        }
        Ok(())
    }

    /// One run at a constant rate; `None`: ended by the user.
    async fn at(
        &self,
        offered: Offered,
        folder: &str,
        progress: &mut Progress,
    ) -> Result<Option<Findings>, RunError> {
        let loaded = trial::scenario(&self.request.loaded, self.options, offered);
        match &self.options.model {
            Some(model) => Ok(Some(simulate(&loaded, model, &self.request.command, &mut |_| {}))),
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
        let external = matches!(loaded.scenario.target.kind, TargetKind::External(_));
        let request = Request {
            loaded,
            output: Some(path),
            command: self.request.command.clone(),
            allowed_targets: self.request.allowed_targets.clone(),
            reach: self.request.reach.clone(),
            empty_first: external.then_some(limits::CAPACITY_EMPTY),
            preflight: true,
        };
        match super::experiment(&request, self.interrupts, progress).await {
            Ok(_) if self.is_over() => Ok(None),
            Ok(outcome) => outcome.whole().map(|outcome| Some(outcome.findings)),
            Err(RunError::Aborted) if !self.interrupts.abort.is_cancelled() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
