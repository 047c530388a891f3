//! The stand: everything a run needs, started in order, ended in order.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::disk::{self, Mounts, SharedDisk};
use super::folder::Folder;
use super::isolation::Reach;
use super::isolation::elsewhere::Elsewhere;
use super::safety;
use super::target_handle::TargetHandle;
use super::{JOURNAL, Request, RunError, SCENARIO, calibration, descriptors, environment};
use crate::clock::{Clock, Time};
use crate::fault::chaos::Chaos;
use crate::files;
use crate::ledger::Ledger;
use crate::ledger::event::{Event, NetworkSeen, Part, Period, RunFacts, TargetChange};
use crate::limits;
use crate::plan::Plan;
use crate::scenario::TRACE;
use crate::scenario::model::{
    Arrival, LoadModel, LoginTerms, Scenario, Submission, TargetKind, TlsTerms,
};
use crate::sink::{self, Sink};
use crate::smtp::client::Peer;
use crate::smtp::server_tls::Beginning;
use crate::targets::intake::{Intake, Login};
use crate::targets::{self, Target, TargetError, leftovers, refusals};
use crate::traffic::{self, Gauges, Instruments};

/// Name of the file that keeps what the target prints.
const TARGET_LOG: &str = "target.log";

/// Stands for an address that is not known yet.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Everything a run needs, running.
pub(super) struct Stand {
    pub(super) folder: Folder,
    pub(super) scenario: Scenario,
    pub(super) clock: Clock,
    pub(super) ledger: Ledger,
    pub(super) plan: Plan,
    pub(super) sink: Arc<Sink>,
    pub(super) target: TargetHandle,
    /// Where it takes mail, and how it is talked to.
    peer: Peer,
    pub(super) gauges: Arc<Gauges>,
    pub(super) disk: SharedDisk,
    died: bool,
    /// What is wrong with the target's connections to other machines; `None`: it cannot have any.
    pub(super) elsewhere: Option<Elsewhere>,
    _mounts: Mounts,
    /// Queue and settings of a target that we start; removed with the stand.
    _workplace: TempDir,
}

impl Stand {
    /// Starts sink and target, and opens the journal.
    pub(super) async fn set_up(request: &Request) -> Result<Stand, RunError> {
        let scenario = request.loaded.scenario.clone();
        check_target(&scenario, request)?;
        descriptors::check(&scenario);
        // Its address is not known yet; what is missing is found before anything starts.
        let peer = traffic::peer(&scenario.smtp, NOWHERE)?;
        let clock = Clock::start();
        let folder = Folder::create(&scenario.name, request.output.as_deref(), &clock)
            .map_err(RunError::Folder)?;
        files::write(&folder.file(SCENARIO), &request.loaded.resolved).map_err(RunError::Folder)?;
        keep_trace(&scenario, &folder).map_err(RunError::Folder)?;
        let ledger = Ledger::create(&folder.file(JOURNAL)).map_err(RunError::Folder)?;
        let plan = Plan::new(&scenario, Some(folder.nonce.clone()));
        let sink = sink::start(sink_settings(&scenario, &plan), clock, ledger.clone()).await?;
        let workplace = leftovers::workplace().await.map_err(RunError::Folder)?;
        let mounts = Mounts(workplace.path().to_owned());
        let disk = disk::make(&scenario, workplace.path(), (clock, &ledger)).await?;
        let settings = target_settings(&scenario, &folder, &workplace, &sink);
        let target = match Target::start(settings).await {
            Ok(target) => target,
            Err(error) => {
                disk::close(&disk, (clock, &ledger)).await;
                return Err(error.into());
            }
        };
        check_processes(&scenario, &target)?;
        let elsewhere = (!request.reach.is_loopback())
            .then(|| Elsewhere::new(&scenario.target.kind, &request.allowed_targets));
        let stand = Stand {
            folder,
            scenario,
            clock,
            ledger,
            plan,
            sink: Arc::new(sink),
            peer: Peer { address: target.address(), ..peer },
            target: TargetHandle::of(target),
            gauges: Arc::default(),
            disk,
            died: false,
            elsewhere,
            _mounts: mounts,
            _workplace: workplace,
        };
        stand.introduce(request).await;
        Ok(stand)
    }

    /// How traffic is to be offered, beginning at `start`.
    pub(super) fn traffic(&self, start: Time) -> traffic::Settings {
        traffic::Settings::new(&self.scenario, self.peer.clone(), start)
    }

    /// Where what the target prints is kept.
    pub(super) fn target_log(&self) -> PathBuf {
        self.folder.file(TARGET_LOG)
    }

    /// Where traffic reads time and writes what it sees.
    pub(super) fn instruments(&self) -> Instruments {
        Instruments {
            clock: self.clock,
            ledger: self.ledger.clone(),
            gauges: Arc::clone(&self.gauges),
        }
    }

    /// Whether the target has ended by itself; recorded once.
    pub(super) fn target_ended(&mut self) -> bool {
        if !self.died
            && let Some(status) = self.target.ended()
        {
            self.died = true;
            let at = self.clock.now();
            self.ledger.record(&Event::Target { at, change: TargetChange::Died { status } });
        }
        self.died
    }

    /// Ends everything in order: target, sink, journal.
    pub(super) async fn close(self) -> Result<(), RunError> {
        self.target.take().await.halt().await;
        let at = self.clock.now();
        if !self.died {
            self.ledger.record(&Event::Target { at, change: TargetChange::Stopped });
        }
        disk::close(&self.disk, (self.clock, &self.ledger)).await;
        if let Some(sink) = Arc::into_inner(self.sink) {
            sink.stop().await;
        }
        let at = self.clock.now();
        let log = self.folder.file(TARGET_LOG);
        if let Some(count) = refusals::logged(&self.scenario.target.kind, &log) {
            self.ledger.record(&Event::RefusedConnections { at, count });
        }
        for (what, count) in refusals::shortages(&self.scenario.target.kind, &log) {
            self.ledger.record(&Event::Shortage { at, part: Part::Relay, what, count });
        }
        self.ledger.record(&Event::Period { at, period: Period::Closed });
        self.ledger.flush();
        self.ledger.failure().map_or(Ok(()), |cause| Err(RunError::Journal(cause)))
    }

    async fn introduce(&self, request: &Request) {
        let target = self.target.take().await;
        let facts = RunFacts {
            id: self.folder.id.clone(),
            started_at: self.folder.started_at.clone(),
            identity: self.plan.identity().clone(),
            scenario_sha256: request.loaded.sha256.clone(),
            command: limits::cut(request.command.clone(), limits::COMMAND_TEXT),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            environment: environment::facts(),
            target_kind: target.kind().to_owned(),
            target_version: target.version(),
            target_address: self.peer.address.to_string(),
            untranslated: target.untranslated(),
        };
        self.ledger.record(&Event::Run(facts));
        // Without a target it is the ceiling itself that is measured.
        if self.scenario.target.kind != TargetKind::Direct {
            let kept = calibration::file();
            let ceiling = calibration::ceiling_for(&self.scenario, kept.as_deref());
            self.ledger.record(&Event::Calibrated(ceiling));
        }
        let at = self.clock.now();
        if let Some(seen) = network_of(&request.reach) {
            self.ledger.record(&Event::Network { at, seen });
        }
        self.ledger.record(&Event::Target { at, change: TargetChange::Ready });
        self.ledger.flush();
    }
}

fn network_of(reach: &Reach) -> Option<NetworkSeen> {
    match reach {
        Reach::Loopback => Some(NetworkSeen::Isolated),
        Reach::NotIsolated(why) => Some(NetworkSeen::NotIsolated { why: why.clone() }),
        Reach::Host => None,
    }
}

/// Keeps the trace that the load comes from, so that the run can be judged from its folder alone.
fn keep_trace(scenario: &Scenario, folder: &Folder) -> std::io::Result<()> {
    match &scenario.load.model {
        LoadModel::Open { arrival: Arrival::Trace(trace), .. } => {
            let mut kept = files::create(&folder.file(TRACE))?;
            std::io::copy(&mut std::fs::File::open(&trace.0.path)?, &mut kept).map(drop)
        }
        _ => Ok(()),
    }
}

fn check_target(scenario: &Scenario, request: &Request) -> Result<(), RunError> {
    if let TargetKind::External(target) = &scenario.target.kind {
        let authorised = safety::authorised_file();
        safety::check(target.address.ip(), &request.allowed_targets, authorised.as_deref())?;
    }
    Ok(safety::check_routes(scenario, &request.reach, &request.allowed_targets)?)
}

/// Whether chaos would strike at nothing: a service manager keeps what it starts to itself.
fn check_processes(scenario: &Scenario, target: &Target) -> Result<(), RunError> {
    let needs = |entry: &Chaos| entry.act.kind().needs_processes();
    if target.members().is_some() || !scenario.chaos.iter().any(needs) {
        return Ok(());
    }
    Err(RunError::Target(TargetError::Unmet {
        what: "[[chaos]] needs processes of the target that were not found".to_owned(),
        remedy: "name its `target.pid_file`".to_owned(),
    }))
}

fn sink_settings(scenario: &Scenario, plan: &Plan) -> sink::Settings {
    sink::Settings {
        engine: scenario.sink.engine,
        extensions: Some(scenario.sink.extensions.clone()),
        implicit_tls: scenario.sink.implicit_tls,
        lmtp: scenario.sink.lmtp,
        own_extensions: scenario.destinations.iter().map(|to| to.extensions.clone()).collect(),
        by_destination: scenario.is_routed(),
        destinations: scenario.destinations.iter().map(|to| to.domain.clone()).collect(),
        rules: scenario.faults.clone(),
        seed: scenario.seed,
        identity: Some(plan.identity().clone()),
        plan: Some(plan.clone()),
        null_senders: scenario.message.null_sender > 0.0,
        scram: sink::password::stored(scenario.smtp.login.as_ref()),
        ..sink::Settings::at(scenario.sink.listen)
    }
}

/// What a target that we set up is to offer, so that mail can be submitted as the scenario wants.
fn intake(smtp: &Submission) -> Intake {
    let beginning = |tls: &TlsTerms| match tls.implicit {
        true => Beginning::Implicit,
        false => Beginning::Starttls,
    };
    // Traffic has already said so, if the password is not there.
    let password = |terms: &LoginTerms| std::env::var(&terms.password_env).unwrap_or_default();
    let login = smtp.login.as_ref();
    Intake {
        tls: smtp.tls.as_ref().map(beginning),
        login: login.map(|it| Login { user: it.user.clone(), password: password(it) }),
    }
}

fn target_settings(
    scenario: &Scenario,
    folder: &Folder,
    workplace: &TempDir,
    sink: &Sink,
) -> targets::Settings {
    targets::Settings {
        demands: targets::conformance::ConformanceNeeds::default(),
        intake: intake(&scenario.smtp),
        kind: scenario.target.kind.clone(),
        retry: scenario.target.retry.clone(),
        delivery: scenario.target.delivery,
        seed: scenario.seed.0,
        sink: sink.address(),
        routes: sink.routes().to_vec(),
        folder: workplace.path().to_owned(),
        log: folder.file(TARGET_LOG),
    }
}
