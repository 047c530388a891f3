//! One experiment from start to end; the only module that knows all actors.
//!
//! Reads as the run goes: set up, preflight, offer, drain, close, judge. Owns shutdown: the order
//! in which things end, and what happens when the user or a part of the stand ends them early.

pub mod calibration;
pub mod capacity;
mod chaos;
pub mod comparison;
mod custody;
mod drain;
pub mod endpoint;
pub mod environment;
mod folder;
pub mod history;
mod overhead;
mod preflight;
mod pulse;
pub mod safety;
mod schedule;
mod setup;
pub mod signals;
mod usage;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Time;
use crate::ledger::event::{Event, Period};
use crate::ledger::journal;
use crate::measure::results::Findings;
use crate::report::progress::Progress;
use crate::scenario::Loaded;
use crate::simulate::observer::Recording;
use crate::target::TargetError;
use crate::{limits, measure, report, scenario, traffic};
use chaos::Chaos;
use schedule::Schedule;
use setup::Stand;
use signals::Interrupts;
use watch::{PROGRESS, Watched};

/// Name of the journal in a run folder.
pub const JOURNAL: &str = "journal.bin";

/// Name of the events of a simulated run, where they were asked for. Not that of a real run's: a
/// simulated report is made by the simulation, never judged from them.
pub const SIMULATED_JOURNAL: &str = "journal.simulated.bin";

/// Name of the resolved scenario in a run folder.
pub const SCENARIO: &str = "scenario.toml";

/// What is to be run.
#[derive(Debug)]
pub struct Request {
    /// The scenario.
    pub loaded: Loaded,
    /// The run's folder, if the user named one.
    pub output: Option<PathBuf>,
    /// The command that repeats this run.
    pub command: String,
    /// Targets beyond loopback that the command line allows.
    pub allowed_targets: Vec<safety::Cidr>,
    /// How long the target's queue may take to be empty before anything is offered; `None`: it is
    /// not waited for.
    pub empty_first: Option<Duration>,
}

/// A run that was judged.
#[derive(Debug)]
pub struct Outcome {
    /// What was found.
    pub findings: Findings,
    /// Where everything lies.
    pub folder: PathBuf,
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The target may not be loaded.
    #[error(transparent)]
    Safety(#[from] safety::SafetyError),
    /// The run folder could not be written.
    #[error("cannot write the run folder")]
    Folder(#[source] std::io::Error),
    /// The journal could not be written or read: what was measured is not on disk.
    #[error("the journal failed ({0}); the run is void")]
    Journal(String),
    /// The run's own scenario file does not read back: a bug.
    #[error("the run folder's scenario.toml cannot be read")]
    Stored(#[source] crate::scenario::ScenarioError),
    /// The sink could not be started.
    #[error("cannot start the sink")]
    Sink(#[from] crate::sink::SinkError),
    /// What the scenario needs to talk to the target is not there.
    #[error(transparent)]
    Peer(#[from] traffic::PeerError),
    /// The target could not be started or reached.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The preflight message was not taken, or did not arrive at the sink.
    #[error("preflight failed: {0}")]
    Preflight(String),
    /// The target's queue did not become empty before the load.
    #[error("the target's queue is not empty: {0}")]
    NotEmpty(String),
    /// Traffic could not be offered.
    #[error("cannot offer traffic: {0}")]
    Traffic(String),
    /// The runtime could not be started.
    #[error("cannot start the runtime")]
    Runtime(#[source] std::io::Error),
    /// The user asked to stop before there was anything to report, or asked twice.
    #[error("aborted; what was seen until then is in the run folder")]
    Aborted,
}

/// Carries out one experiment and judges it.
///
/// # Errors
/// When it could not be carried out; whatever happened *in* it is in the findings.
pub async fn experiment(
    request: &Request,
    interrupts: &Interrupts,
    progress: &mut Progress,
) -> Result<Outcome, RunError> {
    let stand = tokio::select! {
        stand = prepare(request) => stand?,
        () = interrupts.stop.cancelled() => return Err(RunError::Aborted),
    };
    let folder = stand.folder.path.clone();
    tokio::select! {
        conducted = conduct(stand, interrupts, progress) => conducted?,
        () = interrupts.abort.cancelled() => return Err(RunError::Aborted),
    }
    let findings = judge(&folder)?;
    report::write_all(&findings, &folder).map_err(RunError::Folder)?;
    Ok(Outcome { findings, folder })
}

/// Judges a run folder: a function of its `scenario.toml` and journal alone.
///
/// # Errors
/// When either cannot be read at all; a journal cut short is judged as far as it goes.
pub fn judge(folder: &Path) -> Result<Findings, RunError> {
    let loaded = scenario::load_stored(&folder.join(SCENARIO)).map_err(RunError::Stored)?;
    let path = folder.join(JOURNAL);
    let failed = |error| RunError::Journal(format!("{}: {error}", path.display()));
    let mut reader = journal::open(&path).map_err(failed)?;
    measure::judge(&loaded, &mut reader).map_err(RunError::Stored)
}

/// Creates the folder of a simulated run: `output` itself if given, else
/// `reports/<scenario>/simulated-<UTC time>-<nonce>`.
///
/// # Errors
/// When it cannot be created, or holds a run.
pub fn simulated_folder(loaded: &Loaded, output: Option<&Path>) -> std::io::Result<PathBuf> {
    let folder =
        folder::Folder::simulated(&loaded.scenario.name, output, &crate::clock::Clock::start())?;
    std::fs::write(folder.file(SCENARIO), &loaded.resolved)?;
    Ok(folder.path)
}

/// Writes the events of a simulated run to its folder, in the format of a journal.
///
/// # Errors
/// When there were too many to keep, or the file cannot be written.
pub fn write_simulated_journal(folder: &Path, recording: Recording) -> std::io::Result<()> {
    if recording.beyond() > 0 {
        return Err(std::io::Error::other(format!(
            "the simulation has {} events more than the {} that a journal of it may hold: shorten \
             load.duration or lower load.rate, or leave --journal out",
            recording.beyond(),
            limits::SIMULATED_EVENTS
        )));
    }
    let mut writer = journal::Writer::create(&folder.join(SIMULATED_JOURNAL))?;
    recording.into_events().iter().for_each(|event| writer.append(event));
    writer.flush();
    writer.failure().map_or(Ok(()), |failure| Err(std::io::Error::other(failure)))
}

/// Starts the stand and sees one message through it to every destination.
async fn prepare(request: &Request) -> Result<Stand, RunError> {
    let stand = Stand::set_up(request).await?;
    let mut ready = preflight::preflight(&stand).await;
    if let (Ok(()), Some(within)) = (&ready, request.empty_first) {
        ready = drain::empty_first(&stand, within).await;
    }
    if ready.is_ok() && request.empty_first.is_none() {
        preflight::warn_of_leftovers(&stand).await;
    }
    if let Err(failed) = ready {
        // Its log says why, and a target of the user's has a command that ends it.
        stand.target.take().await.halt().await;
        return Err(failed);
    }
    Ok(stand)
}

/// Offers the load, waits for the queue to empty, and ends everything in order.
async fn conduct(
    mut stand: Stand,
    interrupts: &Interrupts,
    progress: &mut Progress,
) -> Result<(), RunError> {
    let schedule = Schedule::new(stand.clock.now(), &stand.scenario.load);
    stand.sink.measured_from(schedule.measured);
    let mut watched = Watched::start(&stand, schedule).await.map_err(RunError::Runtime)?;
    let chaos = Chaos::start(&stand, &schedule);
    let mut show = |stand: &Stand| progress.show(&watched.snapshot(stand));
    let offered = offer(&mut stand, &schedule, interrupts, &mut show).await;
    let at = end_of_offering(&stand, &schedule, interrupts).await;
    chaos.end();
    stand.ledger.record(&Event::Period { at, period: Period::Drain });
    if offered.is_ok() {
        drain::drain(&mut stand, &mut watched, progress).await;
    }
    chaos.settle().await;
    watched.stop().await;
    stand.close().await?;
    offered
}

/// When the measured period ends: on schedule, though its last message came a little earlier; at
/// once, when it was cut short or goes by a number of messages.
async fn end_of_offering(stand: &Stand, schedule: &Schedule, interrupts: &Interrupts) -> Time {
    let now = stand.clock.now();
    match schedule.end {
        Some(end) if !interrupts.stop.is_cancelled() => {
            tokio::time::sleep(end.since(now)).await;
            end
        }
        _ => now,
    }
}

/// Offers the plan until it ends, the user asks to stop, or the target is gone.
async fn offer(
    stand: &mut Stand,
    schedule: &Schedule,
    interrupts: &Interrupts,
    show: &mut (dyn FnMut(&Stand) + Send),
) -> Result<(), RunError> {
    for (at, period) in [(schedule.start, Period::WarmUp), (schedule.measured, Period::Measured)] {
        stand.ledger.record(&Event::Period { at, period });
    }
    let stop = interrupts.stop.child_token();
    let mut offering = std::pin::pin!(traffic::offer(
        stand.plan.clone(),
        stand.traffic(schedule.start),
        stand.instruments(),
        stop.clone(),
    ));
    let mut told = false;
    loop {
        tokio::select! {
            done = &mut offering => {
                return done.map(|_| ()).map_err(|error| RunError::Traffic(error.to_string()));
            }
            () = tokio::time::sleep(PROGRESS) => show(stand),
            () = interrupts.stop.cancelled(), if !told => {
                told = true;
                stand.ledger.record(&Event::Interrupted { at: stand.clock.now() });
            }
        }
        if stand.target_ended() {
            stop.cancel();
        }
    }
}
