//! A target of the user's: running before us, or started by a command of theirs. What we started
//! we stop; what was there before is left as it was found.
//!
//! Its processes are known by its pid file or, where a command starts it, as those that the
//! command left behind, or that listen at its address. Of one that was there before us and names no
//! pid file, the end alone is known, by who listens there.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::command::run_to_end;
use super::containment::Containment;
use super::members::Members;
use super::process::{self, Launch, Process};
use super::processes::{self, ProcessId};
use super::roster::Roster;
use super::{Settings, TargetError, listening, ready};
use crate::scenario::model;
use crate::smtp::server_tls::Beginning;
use crate::{files, limits};

/// Time between two looks for its process.
const LOOK: Duration = Duration::from_millis(50);

/// An MTA of the user's, running or between two lives.
#[derive(Debug)]
pub struct External {
    spec: model::External,
    /// How it is started; `None`: it was there before us.
    launch: Option<Launch>,
    greeting: String,
    life: Option<Life>,
    settings: Settings,
    printed: Arc<AtomicBool>,
}

/// One life of it, as far as its processes are known.
#[derive(Debug)]
struct Life {
    /// The command that started it: perhaps the target itself, perhaps ended long ago.
    command: Option<Process>,
    members: Option<Members>,
    /// Who listened at its address, where that is all that is known of it.
    listeners: Vec<ProcessId>,
    containment: Containment,
}

impl External {
    /// Starts it if there is a command for that, and waits until it greets.
    pub(super) async fn start(
        settings: &Settings,
        spec: &model::External,
    ) -> Result<External, TargetError> {
        let launch = spec.start_command.as_ref().map(|command| launch(command, settings));
        if launch.is_some() {
            refuse_taken(spec.address).await?;
        }
        let mut external = External {
            spec: spec.clone(),
            launch,
            greeting: String::new(),
            life: None,
            settings: settings.clone(),
            printed: Arc::default(),
        };
        external.live().await?;
        Ok(external)
    }

    /// Starts it again, after it was ended.
    pub(super) async fn start_again(&mut self) -> Result<(), TargetError> {
        if self.launch.is_some() { self.live().await } else { Ok(()) }
    }

    async fn live(&mut self) -> Result<(), TargetError> {
        // The watchdog of the last life would end the new one with it.
        drop(self.life.take());
        let containment = self.containment()?;
        let mut command = match &self.launch {
            Some(launch) => Some(Process::start(launch, &containment).await?),
            None => None,
        };
        match self.known(command.as_mut()).await {
            Ok(members) => {
                let listeners = match members {
                    Some(_) => Vec::new(),
                    None => listeners(self.spec.address),
                };
                self.life = Some(Life { command, members, listeners, containment });
                Ok(())
            }
            Err(error) => {
                if let Some(command) = &mut command {
                    command.kill().await;
                }
                Err(error)
            }
        }
    }

    /// What we started is ended when we are gone; what was there before, and is paused, goes on.
    fn containment(&self) -> Result<Containment, TargetError> {
        let folder = &self.settings.folder;
        match self.launch {
            Some(_) => Containment::of_ours(folder, Some(self.spec.address)),
            None => Containment::of_another(folder),
        }
    }

    /// Waits until it greets; then its processes, as far as they can be known.
    async fn known(
        &mut self,
        mut command: Option<&mut Process>,
    ) -> Result<Option<Members>, TargetError> {
        let tls = self.settings.intake.tls;
        self.greeting = match &mut command {
            Some(command) => tokio::select! {
                greeted = ready::greeting(self.spec.address, tls) => greeted?,
                refused = command.refused() => return Err(refused),
            },
            None => ready::greeting(self.spec.address, tls).await?,
        };
        match (&self.spec.pid_file, command) {
            (Some(file), command) => {
                let ours = command.map(|command| command.all_members());
                named(file, ours.as_ref(), self.spec.address).await.map(Some)
            }
            (None, Some(command)) => self.left_behind(&command.all_members()),
            (None, None) => Ok(None),
        }
    }

    /// What the start command has become, or left behind. What a service manager keeps from us is not
    /// to be found; then there must be a command that stops it.
    fn left_behind(&self, members: &Members) -> Result<Option<Members>, TargetError> {
        let first = first(members, self.spec.address);
        if first.is_none() && self.spec.stop_command.is_none() {
            return Err(TargetError::Unmet {
                what: "target.start_command ended, and no process of it is left to be stopped"
                    .to_owned(),
                remedy: "name its `pid_file`, or a `stop_command`".to_owned(),
            });
        }
        Ok(first.map(|first| members.led_by(first)))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.spec.address
    }

    pub(super) fn greeting(&self) -> &str {
        &self.greeting
    }

    /// What prints its queue, and whether it was seen to print anything.
    pub(super) fn queue_command(&self) -> Option<(Vec<String>, Arc<AtomicBool>)> {
        Some((self.spec.queue_command.clone()?, Arc::clone(&self.printed)))
    }

    /// Its processes; `None`: not known, or it is not running.
    pub(super) fn members(&self) -> Option<Members> {
        self.life.as_ref()?.members.clone()
    }

    pub(super) fn roster(&self) -> Option<&Roster> {
        self.life.as_ref().map(|life| life.containment.roster())
    }

    pub(super) fn tls(&self) -> Option<Beginning> {
        self.settings.intake.tls
    }

    /// Whether its end would be seen.
    pub(super) fn is_watched(&self) -> bool {
        self.life.as_ref().is_none_or(|life| life.members.is_some() || !life.listeners.is_empty())
    }

    /// How it ended, if it ended by itself.
    pub(super) fn ended(&mut self) -> Option<String> {
        self.life.as_mut()?.ended(&self.spec)
    }

    /// SIGKILL to every process.
    pub(super) async fn kill(&mut self) {
        if let Some(members) = self.members() {
            process::kill_all(&members).await;
            self.life = None;
        }
    }

    /// Ends it in order, if we started it.
    pub(super) async fn halt(&mut self) {
        if self.launch.is_none() || self.life.is_none() {
            return;
        }
        let members = self.members();
        match (&self.spec.stop_command, &members) {
            (Some(command), _) => self.tell(command).await,
            (None, Some(members)) => process::terminate(members),
            (None, None) => {}
        }
        if let Some(members) = members {
            process::gone(&members, limits::TARGET_STOP).await;
            process::kill_all(&members).await;
        }
        self.life = None;
    }

    async fn tell(&self, command: &[String]) {
        let failed = match run_to_end(command, &self.settings.log, limits::TARGET_STOP).await {
            Ok((status, _)) if status.success() => return,
            Ok((status, _)) => status.to_string(),
            Err(why) => why,
        };
        tracing::warn!("target.stop_command `{}`: {failed}", command.join(" "));
    }
}

impl Life {
    /// One whose first process has ended may have left its work to others: those that are known, one
    /// that its pid file names now, or one that we may not look at.
    fn ended(&mut self, spec: &model::External) -> Option<String> {
        let Some(members) = &self.members else {
            return listeners_ended(&self.listeners, spec.address);
        };
        let status = self.command.as_mut().and_then(Process::ended);
        if members.first().is_alive() {
            return None;
        }
        let others = if spec.pid_file.is_some() { None } else { first(members, spec.address) };
        let renamed = || read(spec.pid_file.as_deref()?, Some(members), spec.address).ok();
        if let Some(next) = others.map(|first| members.led_by(first)).or_else(renamed) {
            self.members = Some(next);
            return None;
        }
        let gone = || format!("process {} is gone", members.root());
        (!listening::is_taken(spec.address)).then(|| status.unwrap_or_else(gone))
    }
}

/// How one ended of which only those are known that listened at its address.
fn listeners_ended(listeners: &[ProcessId], address: SocketAddr) -> Option<String> {
    let first = listeners.first()?;
    let is_gone = !listeners.iter().any(|id| id.is_alive()) && !listening::is_taken(address);
    is_gone.then(|| format!("process {}, which listened at {address}, is gone", first.pid))
}

fn listeners(address: SocketAddr) -> Vec<ProcessId> {
    listening::owners(address).into_iter().filter_map(ProcessId::of).collect()
}

/// The one of them that leads: who listens at the target's address, if any does.
fn first(members: &Members, address: SocketAddr) -> Option<ProcessId> {
    let ids = members.ids().unwrap_or_default();
    let listening = |id: &&ProcessId| listening::listens(id.pid, address.port());
    ids.iter().find(listening).or(ids.first()).copied()
}

fn launch(command: &[String], settings: &Settings) -> Launch {
    Launch {
        program: command.first().map(Into::into).unwrap_or_default(),
        arguments: command.get(1..).unwrap_or_default().to_vec(),
        environment: Vec::new(),
        user: None,
        folder: settings.folder.clone(),
        log: settings.log.clone(),
    }
}

/// Whatever listens there would be taken for what we start.
async fn refuse_taken(address: SocketAddr) -> Result<(), TargetError> {
    if tokio::net::TcpStream::connect(address).await.is_err() {
        return Ok(());
    }
    Err(TargetError::Unmet {
        what: format!("something listens at {address} already"),
        remedy: "stop it, or leave out `target.start_command`".to_owned(),
    })
}

/// The process that its pid file names. It may be written a moment after the greeting; one that
/// does not listen at the target's address is left over from another life, and killing it would
/// hit a stranger.
async fn named(
    file: &Path,
    ours: Option<&Members>,
    address: SocketAddr,
) -> Result<Members, TargetError> {
    let look = async {
        loop {
            match read(file, ours, address) {
                Ok(members) => return members,
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    };
    match tokio::time::timeout(limits::PID_FILE, look).await {
        Ok(members) => Ok(members),
        Err(_) => read(file, ours, address),
    }
}

fn read(file: &Path, ours: Option<&Members>, address: SocketAddr) -> Result<Members, TargetError> {
    let unmet = |what: String| TargetError::Unmet {
        what: format!("target.pid_file {}: {what}", file.display()),
        remedy: "name the file where the target that listens there writes its process id"
            .to_owned(),
    };
    let text =
        files::read_text(file, limits::SMALL_FILE).map_err(|error| unmet(error.to_string()))?;
    let first = text.split_whitespace().next().unwrap_or_default();
    let pid: u32 = first
        .parse()
        .map_err(|_| unmet(format!("`{}` is not a process id", first.escape_debug())))?;
    let root = ProcessId::of(pid).unwrap_or(ProcessId::NONE);
    let members = ours.map_or_else(|| Members::of_unmarked(root), |ours| ours.led_by(root));
    if processes::own_line().contains(&pid) || members.hold_us() {
        return Err(unmet(format!("process {pid} is one that mailbench itself belongs to")));
    }
    if members.pids().iter().any(|pid| listening::listens(*pid, address.port())) {
        return Ok(members);
    }
    Err(unmet(format!("nothing of process {pid} listens at {address} (or we may not look)")))
}
