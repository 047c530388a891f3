//! One experiment from start to end; the only module that knows all actors.
//!
//! Reads as the run goes: set up, preflight, offer, drain, close, judge. Owns shutdown: the order
//! in which things end, and what happens when the user or a part of the stand ends them early.

mod drain;
mod environment;
mod folder;
mod pulse;
pub mod safety;
mod setup;
pub mod signals;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Time;
use crate::ledger::event::{Event, Period};
use crate::ledger::journal;
use crate::measure::results::Findings;
use crate::scenario::Loaded;
use crate::scenario::model::{Extent, Load};
use crate::target::TargetError;
use crate::traffic;
use crate::{measure, report};
use setup::Stand;
use signals::Interrupts;

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
    /// Classes of failure that the command line forgives.
    pub allowed: Vec<String>,
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
    #[error("cannot write the run folder: {0}")]
    Folder(#[source] std::io::Error),
    /// The journal could not be written or read: what was measured is not on disk.
    #[error("the journal failed ({0}); the run is void")]
    Journal(String),
    /// The sink could not be started.
    #[error("cannot start the sink: {0}")]
    Sink(#[from] crate::sink::SinkError),
    /// The target could not be started or reached.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The preflight message was not taken, or did not arrive at the sink.
    #[error("preflight failed: {0}")]
    Preflight(String),
    /// Traffic could not be offered.
    #[error("cannot offer traffic: {0}")]
    Traffic(String),
    /// The user asked twice to stop.
    #[error("aborted; what was seen until then is in {}", .0.display())]
    Aborted(PathBuf),
}

/// Carries out one experiment and judges it.
///
/// # Errors
/// When it could not be carried out; whatever happened *in* it is in the findings.
pub async fn experiment(
    request: &Request,
    interrupts: &Interrupts,
    show: &mut (dyn FnMut(&watch::Snapshot) + Send),
) -> Result<Outcome, RunError> {
    let stand = tokio::select! {
        stand = Stand::set_up(request) => stand?,
        () = interrupts.stop.cancelled() => return Err(RunError::Aborted(PathBuf::new())),
    };
    let folder = stand.folder.path.clone();
    let conducted = tokio::select! {
        conducted = conduct(stand, request, interrupts, show) => conducted,
        () = interrupts.abort.cancelled() => Err(RunError::Aborted(folder.clone())),
    };
    conducted?;
    judge(request, folder)
}

/// Offers the load, waits for the queue to empty, and ends everything in order.
async fn conduct(
    mut stand: Stand,
    request: &Request,
    interrupts: &Interrupts,
    show: &mut (dyn FnMut(&watch::Snapshot) + Send),
) -> Result<(), RunError> {
    stand.preflight().await?;
    let schedule = Schedule::from(stand.clock.now(), &request.loaded.scenario.load);
    stand.sink.measured_from(schedule.measured);
    let watched = watch::Watched::start(&stand, &schedule);
    let offered = offer(&mut stand, &schedule, interrupts, &watched, show).await;
    let at = stand.clock.now();
    stand.ledger.record(&Event::Period { at, period: Period::Drain });
    if offered.is_ok() {
        drain::drain(&mut stand, &watched, show).await;
    }
    watched.stop().await;
    stand.close().await?;
    offered
}

async fn offer(
    stand: &mut Stand,
    schedule: &Schedule,
    interrupts: &Interrupts,
    watched: &watch::Watched,
    show: &mut (dyn FnMut(&watch::Snapshot) + Send),
) -> Result<(), RunError> {
    let period = |at, period| stand.ledger.record(&Event::Period { at, period });
    period(schedule.start, Period::WarmUp);
    period(schedule.measured, Period::Measured);
    let stop = interrupts.stop.child_token();
    let settings = stand.traffic_settings(schedule.start);
    let (plan, clock, ledger) = (stand.plan.clone(), stand.clock, stand.ledger.clone());
    let gauges = stand.gauges.clone();
    let mut offering = std::pin::pin!(traffic::offer(plan, settings, clock, ledger, gauges, stop.clone()));
    let mut told = false;
    loop {
        tokio::select! {
            done = &mut offering => {
                return done.map(|_| ()).map_err(|error| RunError::Traffic(error.to_string()));
            }
            () = tokio::time::sleep(watch::PROGRESS) => show(&watched.snapshot()),
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

/// Judges the journal, and writes every report.
fn judge(request: &Request, folder: PathBuf) -> Result<Outcome, RunError> {
    let findings = judge_folder(&request.loaded, &folder, &request.allowed)?;
    report::write_all(&findings, &folder).map_err(RunError::Folder)?;
    Ok(Outcome { findings, folder })
}

/// Judges the journal of a run folder: a function of scenario and journal alone.
///
/// # Errors
/// When the journal cannot be read at all; one cut short is judged as far as it goes.
pub fn judge_folder(
    loaded: &Loaded,
    folder: &std::path::Path,
    allowed: &[String],
) -> Result<Findings, RunError> {
    let path = folder.join(JOURNAL);
    let reader = journal::open(&path)
        .map_err(|error| RunError::Journal(format!("{}: {error}", path.display())))?;
    Ok(measure::judge(loaded, reader, allowed))
}

/// Name of the journal in a run folder.
pub const JOURNAL: &str = "journal.bin";

/// When the periods of a run begin.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    start: Time,
    measured: Time,
    /// When offering should end; `None`: by number of messages.
    end: Option<Time>,
}

impl Schedule {
    fn from(now: Time, load: &Load) -> Schedule {
        let start = now.plus(LEAD);
        let measured = start.plus(load.warm_up);
        let end = match load.extent {
            Extent::Duration(duration) => Some(measured.plus(duration)),
            Extent::Messages(_) => None,
        };
        Schedule { start, measured, end }
    }
}

/// Time between set-up and the first due message: the first texts are built meanwhile.
const LEAD: Duration = Duration::from_millis(200);
