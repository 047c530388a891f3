//! An examination from start to end: the servers, the target, the cases, the target's end.

use std::net::SocketAddr;
use std::path::Path;

use super::case::{Case, Times};
use super::cases;
use super::finding::{Examination, SCHEMA_VERSION};
use super::lab::{Lab, LabError};
use crate::clock::Clock;
use crate::limits;
use crate::queue::schedule::RetrySchedule;
use crate::scenario::model::{Scenario, TargetKind};
use crate::smtp::server_tls::Beginning;
use crate::target::demands::Means;
use crate::target::intake::Intake;
use crate::target::{self, Target, TargetError, leftovers};

/// Why there is no examination.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// Not on this machine.
    #[error("{0} is not on this machine: conformance speaks to loopback only, whatever is allowed")]
    NotHere(SocketAddr),
    /// There is nothing between.
    #[error("kind direct has no target to examine; name one, such as `--set target.kind=postfix`")]
    NoTarget,
    /// No case is called so.
    #[error("no case is called `{0}`; `--list` prints them")]
    NoCase(String),
    /// Its servers.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A folder for the target.
    #[error("cannot make a folder for the target")]
    Folder(#[from] std::io::Error),
}

/// The cases whose name begins with one of `wanted`; none wanted: all.
///
/// # Errors
/// When one that is wanted is the beginning of no name.
pub fn chosen(wanted: &[String], times: &Times) -> Result<Vec<Case>, ExamineError> {
    let all = cases::all(times);
    for prefix in wanted {
        if !all.iter().any(|case| case.id.starts_with(prefix)) {
            return Err(ExamineError::NoCase(prefix.clone()));
        }
    }
    let is_wanted =
        |case: &Case| wanted.is_empty() || wanted.iter().any(|w| case.id.starts_with(w));
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// A schedule that is not over before the examination: what comes back was not too old.
#[must_use]
pub fn patient(retry: &RetrySchedule) -> RetrySchedule {
    let give_up_after = retry.give_up_after.max(limits::CONFORMANCE_GIVE_UP);
    RetrySchedule { give_up_after, ..retry.clone() }
}

/// Examines the target of a scenario. What it prints goes to `log`.
///
/// # Errors
/// When the target is not on this machine, or cannot be started, or a server cannot be opened.
pub async fn examine(
    scenario: &Scenario,
    cases: Vec<Case>,
    times: &Times,
    log: &Path,
    tell: impl FnMut(&str),
) -> Result<Examination, ExamineError> {
    match &scenario.target.kind {
        TargetKind::Direct => return Err(ExamineError::NoTarget),
        TargetKind::External(external) if !external.address.ip().is_loopback() => {
            return Err(ExamineError::NotHere(external.address));
        }
        _ => {}
    }
    if !scenario.sink.listen.ip().is_loopback() {
        return Err(ExamineError::NotHere(scenario.sink.listen));
    }
    let now = jiff::Timestamp::try_from(Clock::start().wall()).unwrap_or_default();
    let started_at = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let lab =
        Lab::open(cases, scenario.sink.listen, limits::CONFORMANCE_WAIT + times.longest()).await?;
    let routes = lab.routes();
    let means = Means::of(&scenario.target.kind, routes.len());
    let workplace = leftovers::workplace().await?;
    let settings = target::Settings {
        kind: scenario.target.kind.clone(),
        retry: patient(&scenario.target.retry),
        delivery: scenario.target.delivery,
        seed: scenario.seed.0,
        sink: lab.main(),
        routes: if means.routed { routes } else { Vec::new() },
        demands: lab.demands(),
        intake: Intake { tls: Some(Beginning::Starttls), login: None },
        folder: workplace.path().to_owned(),
        log: log.to_owned(),
    };
    let mut target = start(settings).await?;
    let rows = lab.examine(&mut target, means, tell).await;
    let examination = Examination {
        schema_version: SCHEMA_VERSION,
        tool: format!("mailbench {}", env!("CARGO_PKG_VERSION")),
        target_kind: target.kind().to_owned(),
        target_version: target.version(),
        started_at,
        rows,
    };
    target.stop().await;
    Ok(examination)
}

/// Starts the target; where something is missing by which it would offer STARTTLS, without that: the
/// cases about it are then untold, and no others.
async fn start(settings: target::Settings) -> Result<Target, TargetError> {
    let plain = target::Settings { intake: Intake::default(), ..settings.clone() };
    match Target::start(settings).await {
        Err(TargetError::Unmet { what, remedy }) => {
            let folder = &plain.folder;
            empty(folder).map_err(|cause| TargetError::Folder { folder: folder.clone(), cause })?;
            let target = Target::start(plain).await?;
            tracing::warn!("it offers no STARTTLS: {what}; {remedy}");
            Ok(target)
        }
        started => started,
    }
}

/// Takes away what was written by a start that came to nothing; whose folder it is, stays.
fn empty(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.ends_with(leftovers::OWNER) {
            continue;
        }
        match path.is_dir() && !path.is_symlink() {
            true => std::fs::remove_dir_all(path)?,
            false => std::fs::remove_file(path)?,
        }
    }
    Ok(())
}
