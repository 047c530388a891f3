//! A campaign of power cuts from start to end: run after run, some cuts each, over file systems and
//! ways in which unflushed writes survive. What is known is written after every run, so that a
//! campaign that was interrupted goes on.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folder::resumable;
use super::signals::Interrupts;
use super::{Request, RunError, experiment};
use crate::disk::{DiskTerms, Filesystem, Keep};
use crate::fault::chaos::power_cut::PowerCut;
use crate::fault::chaos::{Act, Chaos, When};
use crate::measure::durability::{CutOutcome, CutRun, Durability, Recipients};
use crate::measure::results::Tool;
use crate::quantity::Quantity;
use crate::report::durability as report;
use crate::report::progress::Progress;
use crate::scenario::Loaded;
use crate::scenario::model::{Arrival, Extent, LoadModel, Scenario, Segment};
use crate::seed::Seed;
use crate::{files, limits};

/// Name of the results in the folder.
pub const FILE: &str = "durability.json";

/// Cuts of one run.
const CUTS_A_RUN: u64 = 10;

/// Time between two cuts: a target must start and take mail in it.
const EVERY: Duration = Duration::from_secs(4);

/// Each cut comes up to so much earlier or later.
const JITTER: Duration = Duration::from_millis(900);

/// A target is started again so long after a cut.
const RESTART_AFTER: Duration = Duration::from_millis(200);

/// What a campaign covers.
#[derive(Clone, Debug)]
pub struct CampaignPlan {
    /// Cuts for each combination.
    pub cuts: u64,
    /// File systems.
    pub filesystems: Vec<Filesystem>,
    /// What survives.
    pub keeps: Vec<Keep>,
}

/// A campaign that has ended, or was ended.
#[derive(Debug)]
pub struct Cut {
    /// What was found.
    pub durability: Durability,
    /// Where everything lies.
    pub folder: PathBuf,
    /// Whether the user ended it early.
    pub interrupted: bool,
}

/// Makes the cuts that are not made yet.
///
/// # Errors
/// When a run could not be carried out.
pub async fn durability(
    request: &Request,
    plan: &CampaignPlan,
    interrupts: &Interrupts,
    progress: &mut Progress,
) -> Result<Cut, RunError> {
    let (folder, _lock) = resumable(request, FILE)?;
    let mut known = taken_up(&folder, request, plan)?;
    let recipients = match request.loaded.scenario.message.recipients {
        Quantity::Constant(1.0) => Recipients::One,
        _ => Recipients::Several,
    };
    let mut interrupted = false;
    'all: for filesystem in &plan.filesystems {
        for keep in &plan.keeps {
            let kind = (*filesystem, *keep);
            for number in 0..plan.cuts.div_ceil(CUTS_A_RUN) {
                let name = format!("{}-{}-{number:03}", filesystem.name(), keep.name());
                if known.runs.iter().any(|run| run.folder == name) {
                    continue;
                }
                let cuts = CUTS_A_RUN.min(plan.cuts - number * CUTS_A_RUN);
                let run = one(request, kind, (number, cuts), &folder.join(&name));
                let outcome = experiment(&run, interrupts, progress).await?.whole()?;
                let results = &outcome.findings.results;
                if results.run.interrupted {
                    interrupted = true;
                    break 'all;
                }
                known.target = format!("{} {}", results.target.kind, results.target.version);
                known.runs.push(CutRun::of(results, kind, name, recipients));
                known.conclude();
                report::write_all(&known, &folder).map_err(RunError::Folder)?;
            }
        }
    }
    known.conclude();
    report::write_all(&known, &folder).map_err(RunError::Folder)?;
    Ok(Cut { durability: known, folder, interrupted })
}

/// The request of one run.
fn one(
    request: &Request,
    kind: (Filesystem, Keep),
    (number, cuts): (u64, u64),
    folder: &Path,
) -> Request {
    // What an interrupted campaign left of a run that did not end is made anew.
    let _gone = std::fs::remove_dir_all(folder);
    Request {
        loaded: scenario(&request.loaded, kind, (number, cuts)),
        output: Some(folder.to_owned()),
        command: request.command.clone(),
        allowed_targets: request.allowed_targets.clone(),
        reach: request.reach.clone(),
        empty_first: None,
        preflight: true,
    }
}

/// The scenario with so many cuts, and no other chaos; its load goes on for as long as they take.
fn scenario(
    loaded: &Loaded,
    (filesystem, keep): (Filesystem, Keep),
    (number, cuts): (u64, u64),
) -> Loaded {
    loaded.changed(|scenario| {
        let length = EVERY * u32::try_from(cuts).unwrap_or(u32::MAX) + EVERY / 2;
        let disk = scenario.target.disk.unwrap_or(DiskTerms::of(filesystem));
        let size = disk.size.max(filesystem.least_size());
        scenario.target.disk = Some(DiskTerms { filesystem, size, ..disk });
        let cut = PowerCut { restart_after: RESTART_AFTER, keep };
        let at = When::Every { every: EVERY, jitter: JITTER };
        scenario.chaos = vec![Chaos { at, act: Act::PowerCut(cut) }];
        scenario.faults.iter_mut().for_each(|rule| rule.scope.during = None);
        scenario.thresholds.clear();
        scenario.compare = None;
        let kind = number ^ (filesystem as u64) << 32 ^ (keep as u64) << 40;
        scenario.seed = Seed(scenario.seed.0.wrapping_add(kind));
        offer_for(scenario, length);
    })
}

/// The load's last rate for so long.
fn offer_for(scenario: &mut Scenario, length: Duration) {
    if let LoadModel::Open { segments, arrival } = &mut scenario.load.model {
        if matches!(arrival, Arrival::Trace(_)) {
            *arrival = Arrival::Poisson;
        }
        let rate = segments.last().map_or(limits::CAPACITY_FIRST, |last| last.to_per_second);
        let piece = |duration| Segment { from_per_second: rate, to_per_second: rate, duration };
        let warm_up = scenario.load.warm_up;
        let warm_up = (!warm_up.is_zero()).then(|| piece(warm_up));
        *segments = warm_up.into_iter().chain([piece(length)]).collect();
    }
    scenario.load.extent = Extent::Duration(length);
}

/// What is known already: nothing, or the runs of a campaign that was interrupted in this folder.
fn taken_up(folder: &Path, request: &Request, plan: &CampaignPlan) -> Result<Durability, RunError> {
    let fresh = fresh(request, plan);
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(fresh);
    }
    let unfit = |why: String| {
        let what = format!("{}: {why}; name another folder", path.display());
        RunError::Folder(Error::new(ErrorKind::AlreadyExists, what))
    };
    let text = files::read_text(&path, limits::RESULT_BYTES).map_err(RunError::Folder)?;
    let known: Durability =
        serde_json::from_str(&text).map_err(|error| unfit(error.to_string()))?;
    if known.scenario_sha256 != fresh.scenario_sha256 {
        return Err(unfit("it holds a campaign of another scenario".to_owned()));
    }
    Ok(Durability { target: known.target, runs: known.runs, ..fresh })
}

fn fresh(request: &Request, plan: &CampaignPlan) -> Durability {
    let scenario = &request.loaded.scenario;
    let joined = |names: Vec<&str>| names.join(", ");
    Durability {
        tool: Tool {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        name: scenario.name.clone(),
        question: scenario.question.clone(),
        scenario_sha256: request.loaded.sha256.clone(),
        target: String::new(),
        command: request.command.clone(),
        filesystem: joined(plan.filesystems.iter().map(|it| it.name()).collect()),
        keep: joined(plan.keeps.iter().map(|it| it.name()).collect()),
        outcome: CutOutcome::default(),
        campaigns: Vec::new(),
        reasons: Vec::new(),
        exit_code: 0,
        runs: Vec::new(),
    }
}
