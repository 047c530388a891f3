//! A first look at a target: one message to each destination, then one that the sink rejects, so
//! that a bounce must come. Two small runs of the ordinary kind; what they amount to is
//! `measure::checkup`'s.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::signals::Interrupts;
use super::{JOURNAL, Request, RunError, experiment};
use crate::fault::reject::Reject;
use crate::fault::rule::{Action, Odds, Rule, Scope};
use crate::ledger::journal;
use crate::limits;
use crate::measure::correctness::declarations;
use crate::measure::correctness::declarations::Declaration;
use crate::measure::results::Findings;
use crate::probe::DestinationId;
use crate::report::progress::Progress;
use crate::scenario::model::{
    Arrival, Extent, LoadModel, Scenario, Segment, TargetKind, Trace, TraceFile,
};
use crate::scenario::{Loaded, TRACE};
use crate::smtp::reply::{EnhancedStatus, Reply};
use crate::smtp::stage::Stage;
use crate::targets::queue_command;

/// Time between two messages: each has come through an ordinary target before the next.
const PACE: Duration = Duration::from_millis(100);

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// Of one message to each destination.
    pub mail: Findings,
    /// Of a message that was rejected; `None`: it was not sent, since mail did not arrive.
    pub bounce: Option<Findings>,
    /// What was done to envelopes, and how it is declared.
    pub declare: Vec<Declaration>,
    /// Why the queue command cannot be used; `None`: it can, or there is none.
    pub queue_error: Option<String>,
}

/// Carries out both runs, each below `folder`. No preflight message goes first: these are as few.
///
/// # Errors
/// When the target could not be started or reached, or the user interrupts.
pub async fn carry_out(
    request: &Request,
    folder: &Path,
    wait: Duration,
    interrupts: &Interrupts,
    progress: &mut Progress,
) -> Result<Seen, RunError> {
    let destinations = request.loaded.scenario.destinations.len();
    let all: Vec<u16> = (0..).take(destinations.min(limits::CHECKUP_DESTINATIONS)).collect();
    let run = |loaded: Loaded, name: &str| Request {
        loaded,
        output: Some(folder.join(name)),
        command: request.command.clone(),
        allowed_targets: request.allowed_targets.clone(),
        reach: request.reach.clone(),
        empty_first: None,
        preflight: false,
    };
    let plain = offering(&request.loaded, &all, folder, wait)?;
    let mail = experiment(&run(plain, "mail"), interrupts, progress).await?.findings;
    if mail.results.run.interrupted {
        return Err(RunError::Aborted);
    }
    let arrived = mail.results.destinations.first().is_some_and(|first| arrived(&first.counts) > 0);
    let mut bounce = None;
    if arrived {
        let rejected = offering(&request.loaded, &all[..1], folder, wait)?;
        let rejected = rejected.changed(|scenario| scenario.faults = vec![rejection()]);
        bounce = Some(experiment(&run(rejected, "bounce"), interrupts, progress).await?.findings);
    }
    let path = folder.join("mail").join(JOURNAL);
    let failed = |error| RunError::Journal(format!("{}: {error}", path.display()));
    let events = journal::open(&path).map_err(failed)?;
    Ok(Seen {
        declare: declarations::of_envelopes(events, &request.loaded.scenario),
        queue_error: queue_error(&request.loaded.scenario, &mail).await,
        mail,
        bounce,
    })
}

fn arrived(counts: &std::collections::BTreeMap<String, u64>) -> u64 {
    crate::measure::checkup::ARRIVED.iter().filter_map(|name| counts.get(*name)).sum()
}

/// The scenario with nothing but a message to each of `to`, and without what goes wrong in it.
fn offering(
    loaded: &Loaded,
    to: &[u16],
    folder: &Path,
    wait: Duration,
) -> Result<Loaded, RunError> {
    let trace = trace(loaded, to, folder).map_err(RunError::Folder)?;
    let last = trace.dues.last().copied().unwrap_or_default();
    Ok(loaded.changed(|scenario| {
        let Scenario { faults, chaos, abuse, thresholds, .. } = scenario;
        faults.clear();
        chaos.clear();
        abuse.clear();
        thresholds.clear();
        scenario.compare = None;
        scenario.simulate = None;
        scenario.message.null_sender = 0.0;
        let load = &mut scenario.load;
        let rate = 1.0 / PACE.as_secs_f64();
        let duration = last + PACE;
        let piece = Segment { from_per_second: rate, to_per_second: rate, duration };
        let arrival = Arrival::Trace(Trace(Arc::new(trace)));
        load.model = LoadModel::Open { arrival, segments: vec![piece] };
        load.warm_up = Duration::ZERO;
        load.extent = Extent::Duration(duration);
        load.drain = wait;
        load.sessions = 1;
    }))
}

/// One row for each destination, on disk, where a run takes its copy from.
fn trace(loaded: &Loaded, to: &[u16], folder: &Path) -> std::io::Result<TraceFile> {
    let mut text = "time,destinations\n".to_owned();
    let dues: Vec<Duration> = (0..).map(|number: u32| PACE * number).take(to.len()).collect();
    for (number, due) in to.iter().zip(&dues) {
        let domain = &loaded.scenario.destinations[usize::from(*number)].domain;
        text += &format!("{},{domain}\n", due.as_secs_f64());
    }
    std::fs::create_dir_all(folder)?;
    let path = folder.join(TRACE);
    crate::files::write(&path, &text)?;
    Ok(TraceFile {
        path,
        digest: blake3::hash(text.as_bytes()).to_hex()[..16].to_owned(),
        firsts: (0..).take(dues.len()).collect(),
        dues,
        sizes: Vec::new(),
        destinations: to.to_vec(),
    })
}

/// The sink knows no recipient.
fn rejection() -> Rule {
    let status = EnhancedStatus { class: 5, subject: 1, detail: 1 };
    let scope = Scope {
        destination: Some(DestinationId(0)),
        stage: Stage::RcptTo,
        during: None,
        attempts: None,
        odds: Odds::ALWAYS,
    };
    let reply = Reply::new(550, Some(status), "mailbench doctor rejects this recipient");
    Rule { name: "unknown recipient".to_owned(), scope, action: Action::Reject(Reject(reply)) }
}

/// What the queue command says where the run learned no length from it.
async fn queue_error(scenario: &Scenario, mail: &Findings) -> Option<String> {
    let TargetKind::External(external) = &scenario.target.kind else { return None };
    let command = external.queue_command.as_ref()?;
    if mail.results.queue.length_max.is_some() {
        return None;
    }
    match queue_command::ask(command, &AtomicBool::new(false)).await {
        Ok(_) => Some("it printed no length while the target was running".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = "[target]\nkind = \"external\"\naddress = \"127.0.0.1:25\"\n[load]\n\
        rate = \"500/s\"\n[message]\nnull_sender = 0.5\n\
        [[destination]]\ndomain = \"a.test\"\n\
        [[destination]]\ndomain = \"b.test\"\n[[fault]]\nstage = \"data\"\nstall = \"1s\"\n\
        [[chaos]]\nat = \"1s\"\nrun = [\"true\"]\n[thresholds]\nlost = \"== 0\"\n";

    #[test]
    fn one_message_to_each_destination_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let loaded = crate::scenario::parse("s.toml", SCENARIO, &[]).expect("a scenario");
        let wait = Duration::from_secs(7);
        let small = offering(&loaded, &[0, 1], folder.path(), wait).expect("written");
        let plan = crate::plan::Plan::new(&small.scenario, None);
        let to: Vec<Vec<String>> =
            plan.offers().map(|offer| plan.envelope(&offer).recipients).collect();
        assert_eq!(to, [["mb+0@a.test"], ["mb+1@b.test"]]);
        let Scenario { faults, chaos, thresholds, load, .. } = &small.scenario;
        assert!(faults.is_empty() && chaos.is_empty() && thresholds.is_empty());
        assert_eq!((load.drain, load.sessions), (wait, 1));
        let again = folder.path().join("scenario.toml");
        std::fs::write(&again, &small.resolved).expect("written");
        let again = crate::scenario::load_stored(&again).expect("it reads back");
        assert_eq!(again.sha256, small.sha256);
    }
}
