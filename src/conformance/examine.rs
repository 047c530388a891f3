//! A conformance test from start to end: opens the servers, starts the target, runs the cases, stops
//! the target.

use std::net::SocketAddr;
use std::path::Path;

use super::case::{Case, Times};
use super::cases;
use super::finding::{ConformanceReport, SCHEMA_VERSION};
use super::lab::{Lab, LabError};
use crate::clock::Clock;
use crate::limits;
use crate::queue::schedule::RetrySchedule;
use crate::scenario::model::{Scenario, TargetKind};
use crate::smtp::server_tls::Beginning;
use crate::targets::conformance::Capabilities;
use crate::targets::intake::Intake;
use crate::targets::{self, Target, TargetError, leftovers};

/// Why the test cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ConformanceError {
    /// Target or servers would not be on this machine.
    #[error(
        "{0} is not on this machine: `conformance` connects to loopback only, whatever else is allowed"
    )]
    NotLoopback(SocketAddr),
    /// There is no target between client and server.
    #[error("kind `direct` has no target to test; choose one, such as `--set target.kind=postfix`")]
    NoTarget,
    /// No case has this name.
    #[error("no case is named `{0}`; `--list` prints all names")]
    NoCase(String),
    /// A case by its former name.
    #[error("case `{0}` is now named `{1}`")]
    Renamed(String, &'static str),
    /// The test servers.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A folder for the target.
    #[error("cannot create a folder for the target")]
    Folder(#[from] std::io::Error),
}

/// The cases whose names begin with one of `wanted`; all cases if it is empty.
///
/// # Errors
/// If one of `wanted` matches no name.
pub fn chosen(wanted: &[String], times: &Times) -> Result<Vec<Case>, ConformanceError> {
    let all = cases::all(times);
    for prefix in wanted {
        if !all.iter().any(|case| case.id.starts_with(prefix)) {
            return Err(unknown(prefix));
        }
    }
    let is_wanted =
        |case: &Case| wanted.is_empty() || wanted.iter().any(|w| case.id.starts_with(w));
    Ok(all.into_iter().filter(is_wanted).collect())
}

fn unknown(name: &str) -> ConformanceError {
    match cases::RENAMED.iter().find(|(former, _)| *former == name) {
        Some((_, now)) => ConformanceError::Renamed(name.to_owned(), now),
        None => ConformanceError::NoCase(name.to_owned()),
    }
}

/// The retry schedule with a queue lifetime longer than the test, so that no message bounces for its
/// age.
#[must_use]
pub fn outlasting(retry: &RetrySchedule) -> RetrySchedule {
    let give_up_after = retry.give_up_after.max(limits::CONFORMANCE_GIVE_UP);
    RetrySchedule { give_up_after, ..retry.clone() }
}

fn check_addresses(scenario: &Scenario) -> Result<(), ConformanceError> {
    let target = match &scenario.target.kind {
        TargetKind::Direct => return Err(ConformanceError::NoTarget),
        TargetKind::External(external) => Some(external.address),
        _ => None,
    };
    let addresses = target.into_iter().chain([scenario.sink.listen]);
    match addresses.into_iter().find(|address| !address.ip().is_loopback()) {
        Some(address) => Err(ConformanceError::NotLoopback(address)),
        None => Ok(()),
    }
}

/// Runs the cases against the target of a scenario. The target's output goes to `log`, the progress
/// to `tell`.
///
/// # Errors
/// If the target is not on this machine or cannot be started, or a server cannot be opened.
pub async fn examine(
    scenario: &Scenario,
    cases: Vec<Case>,
    times: &Times,
    log: &Path,
    tell: impl FnMut(&str),
) -> Result<ConformanceReport, ConformanceError> {
    check_addresses(scenario)?;
    let now = jiff::Timestamp::try_from(Clock::start().wall()).unwrap_or_default();
    let started_at = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let patience = limits::CONFORMANCE_WAIT + times.longest();
    let lab = Lab::open(cases, scenario.sink.listen, patience).await?;
    let routes = lab.routes();
    let means = Capabilities::of(&scenario.target.kind, routes.len());
    let workplace = leftovers::workplace().await?;
    let settings = targets::Settings {
        kind: scenario.target.kind.clone(),
        retry: outlasting(&scenario.target.retry),
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
    let report = ConformanceReport {
        schema_version: SCHEMA_VERSION,
        tool: format!("mailbench {}", env!("CARGO_PKG_VERSION")),
        target_kind: target.kind().to_owned(),
        target_version: target.version(),
        started_at,
        rows,
    };
    target.stop().await;
    Ok(report)
}

/// Starts the target. If it cannot offer STARTTLS on this machine, it is started without: only the
/// cases that need STARTTLS are then skipped.
async fn start(settings: targets::Settings) -> Result<Target, TargetError> {
    let plain = targets::Settings { intake: Intake::default(), ..settings.clone() };
    match Target::start(settings).await {
        Err(TargetError::Unmet { what, remedy }) => {
            let folder = &plain.folder;
            empty(folder).map_err(|cause| TargetError::Folder { folder: folder.clone(), cause })?;
            let target = Target::start(plain).await?;
            tracing::warn!("the target is started without STARTTLS: {what}; {remedy}");
            Ok(target)
        }
        started => started,
    }
}

/// Removes what a failed start wrote, except the file that names the folder's owner.
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
