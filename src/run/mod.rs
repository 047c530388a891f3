//! One experiment from start to end; the only module that knows all actors.
//!
//! Reads as the run goes: set up, preflight, offer, drain, close, judge. Owns shutdown: the order
//! in which things end, and what happens when the user or a part of the stand ends them early.

pub mod calibration;
pub mod capacity;
mod chaos;
pub mod checkup;
pub mod comparison;
mod target_handle;
mod descriptors;
mod disk;
mod drain;
pub mod durability;
pub mod endpoint;
pub mod environment;
mod folder;
pub mod history;
pub mod isolation;
pub mod machine;
mod overhead;
mod preflight;
mod pulse;
pub mod safety;
mod schedule;
mod setup;
pub mod signals;
mod stored;
mod usage;
mod vitals;
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
use crate::targets::TargetError;
use crate::{limits, report, traffic};
use chaos::Chaos;
pub use folder::Folder;
use schedule::Schedule;
use setup::Stand;
use signals::Interrupts;
pub use stored::{check_scenario, judge};
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
    /// What the target can reach.
    pub reach: isolation::Reach,
    /// How long the target's queue may take to be empty before anything is offered; `None`: it is
    /// not waited for.
    pub empty_first: Option<Duration>,
    /// Whether one message must arrive at every destination before anything is offered. Only where
    /// no more than that is offered is there no need.
    pub preflight: bool,
}

/// A run that was judged.
#[derive(Debug)]
pub struct Outcome {
    /// What was found.
    pub findings: Findings,
    /// Where everything lies.
    pub folder: PathBuf,
    /// What could not be written; the findings are of what could.
    pub failures: Vec<RunError>,
}

impl Outcome {
    /// The outcome of a run of which everything is on disk.
    ///
    /// # Errors
    /// The first thing that could not be written.
    pub fn whole(mut self) -> Result<Outcome, RunError> {
        if self.failures.is_empty() { Ok(self) } else { Err(self.failures.swap_remove(0)) }
    }

    /// Whether the run was cut short as its journal could not be written.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        self.failures.iter().any(|failure| matches!(failure, RunError::Journal(_)))
    }
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
    #[error("the journal failed: {0}; later events are not known")]
    Journal(String),
    /// The files of a run folder are not of one run.
    #[error(
        "{folder}: {SCENARIO} does not belong together with the results there: it was changed after \
         the run, or is another run's (its SHA-256 begins with {found:.12}, that of the run with \
         {wanted:.12}); put the run's own back"
    )]
    Mixed {
        /// The run folder.
        folder: String,
        /// Digest of the scenario there.
        found: String,
        /// Digest of the scenario that was run.
        wanted: String,
    },
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
    /// The disk that the scenario asks for could not be made.
    #[error("[target.disk]: {0}")]
    Disk(#[from] crate::disk::DiskError),
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
    #[error("aborted; what was recorded until then is in the run folder")]
    Aborted,
}

impl RunError {
    /// Whether the disk is the cause, and not the run.
    #[must_use]
    pub fn is_of_the_disk(&self) -> bool {
        matches!(self, RunError::Folder(_) | RunError::Journal(_))
    }
}

/// Carries out one experiment and judges it. A journal that fails ends it early; it is judged as far
/// as the journal goes.
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
    // Locked until the report is written.
    let place = stand.folder.clone();
    let conducted = tokio::select! {
        conducted = conduct(stand, interrupts, progress) => conducted,
        () = interrupts.abort.cancelled() => return Err(RunError::Aborted),
    };
    let mut failures = match conducted {
        Err(failure @ RunError::Journal(_)) => vec![failure],
        other => other.map(|()| Vec::new())?,
    };
    let folder = place.path.clone();
    let findings = match (judge(&folder), failures.pop()) {
        (Ok(findings), failure) => {
            failures.extend(failure);
            findings
        }
        // Nothing of it is on disk.
        (Err(_), Some(failure)) => return Err(failure),
        (Err(error), None) => return Err(error),
    };
    failures.extend(report::write_all(&findings, &folder).map_err(RunError::Folder).err());
    Ok(Outcome { findings, folder, failures })
}

/// Creates the folder of a simulated run: `output` itself if given, else
/// `reports/<scenario>/simulated-<UTC time>-<nonce>`.
///
/// # Errors
/// When it cannot be created, or holds a run.
pub fn simulated_folder(loaded: &Loaded, output: Option<&Path>) -> std::io::Result<Folder> {
    let folder = Folder::simulated(&loaded.scenario.name, output, &crate::clock::Clock::start())?;
    crate::files::write(&folder.file(SCENARIO), &loaded.resolved)?;
    Ok(folder)
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
    let mut ready = Ok(());
    if request.preflight {
        ready = tokio::select! {
            ready = preflight::preflight(&stand) => ready,
            () = journal_failed(&stand) => Ok(()),
        };
    }
    if let Some(failure) = stand.ledger.failure() {
        ready = Err(RunError::Journal(failure));
    }
    if let (Ok(()), Some(within)) = (&ready, request.empty_first) {
        ready = drain::empty_first(&stand, within).await;
    }
    if ready.is_ok() && request.empty_first.is_none() {
        preflight::warn_of_leftovers(&stand).await;
    }
    if let Err(failed) = ready {
        // Its log says why, and a target of the user's has a command that ends it.
        stand.target.take().await.halt().await;
        disk::close(&stand.disk, (stand.clock, &stand.ledger)).await;
        return Err(failed);
    }
    Ok(stand)
}

/// Waits until the journal cannot be written any more.
async fn journal_failed(stand: &Stand) {
    while !stand.ledger.has_failed() {
        tokio::time::sleep(PROGRESS).await;
    }
}

/// Offers the load, waits for the queue to empty, and ends everything in order.
async fn conduct(
    mut stand: Stand,
    interrupts: &Interrupts,
    progress: &mut Progress,
) -> Result<(), RunError> {
    disk::settle(&stand.disk, (stand.clock, &stand.ledger)).await;
    let schedule = Schedule::new(stand.clock.now(), &stand.scenario.load);
    stand.sink.measured_from(schedule.measured);
    let mut watched = Watched::start(&stand, schedule).await.map_err(RunError::Runtime)?;
    let chaos = Chaos::start(&stand, &schedule);
    let mut show = |stand: &Stand| progress.show(&watched.snapshot(stand));
    let offered = offer(&mut stand, &schedule, interrupts, &mut show).await;
    let at = end_of_offering(&mut stand, &schedule, interrupts).await;
    chaos.end();
    stand.ledger.record(&Event::Period { at, period: Period::Drain });
    if offered.is_ok() && !stand.ledger.has_failed() {
        drain::drain(&mut stand, &mut watched, progress).await;
    }
    chaos.settle().await;
    watched.stop().await;
    stand.close().await?;
    offered
}

/// When the measured period ends: on schedule, though its last message came a little earlier; at
/// once, when it was cut short, the target is gone, or it goes by a number of messages.
async fn end_of_offering(stand: &mut Stand, schedule: &Schedule, interrupts: &Interrupts) -> Time {
    let now = stand.clock.now();
    match schedule.end {
        Some(end)
            if !interrupts.stop.is_cancelled()
                && !stand.ledger.has_failed()
                && !stand.target_ended() =>
        {
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
        if stand.target_ended() || stand.ledger.has_failed() {
            stop.cancel();
        }
    }
}
